//! The engine contract: what a replica can do, whatever it is.
//!
//! One trait, [`Engine`], has two sides. A worker process implements it with a library (llama.cpp) and shows
//! it over HTTP on a Unix socket through [`server`]; `tenfold-engine-upstream` implements it by calling such a
//! socket, or a remote server. The platform sees the trait alone, so an embedded worker, an agent and a
//! commercial upstream are one thing to it. [`conformance`] is the suite that each of them passes.
//!
//! Invariants: an engine knows models and tokens; it knows no project, no price, no key. Dropping an answer's
//! stream cancels its work. A parameter that an engine cannot honour is [`EngineError::Rejected`].

mod collect;
#[cfg(feature = "testkit")]
pub mod conformance;
mod engine;
mod error;
#[cfg(feature = "testkit")]
pub mod fake;
pub mod server;

pub use collect::{ChatCollector, CompletionCollector};
pub use engine::{AdapterSpec, Answer, CallContext, ChunkStream, Engine, EngineInfo};
pub use error::EngineError;
