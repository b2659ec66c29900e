//! Models, versions, artefacts, licences, lineage, and the sources they are pulled from.
//!
//! An [`Entry`] says what a model is and where its files can be had; [`Catalog`] knows all entries (those built in
//! and the operator's own) and pulls, finds and removes their files.
//!
//! Invariants:
//! * A file is installed only when its size and SHA-256 are those of its entry. Where it came from does not matter.
//! * `models/<id>/<version>` appears by one rename, with everything in it, or not at all.
//! * What is pulled is data: it is never installed, imported or run, and no name out of an archive becomes a path.
//! * Prices are integers from the text of the entry on; there is no float in this crate.

mod archive;
mod builtin;
mod config;
mod entry;
mod error;
mod fetch;
mod gguf;
mod installed;
mod partial;
mod price;
mod progress;
mod pull;
mod read;
mod service;
mod source;

pub use config::Config;
pub use entry::{
    Artefact, Capability, ChatTemplate, Entry, Format, Licence, Lineage, Modalities, Modality, Relation,
    Sha256, Spdx, Task, Tier,
};
pub use error::{CatalogError, FetchError};
pub use installed::{Installed, InstalledFile};
pub use price::{InvalidDecimal, Nanos, Prices, nanos_from_decimal};
pub use progress::{Progress, Stage};
pub use read::{BadEntry, parse_entry};
pub use service::Catalog;
pub use source::{InvalidSource, PipMember, Scheme, Source};
