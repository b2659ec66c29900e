//! Organisations, projects, users, service accounts and API keys: who calls, and who may change that.
//!
//! # Invariants
//! * A secret is shown once, when it is made. What is kept is a BLAKE3 hash of it under a key (the pepper) that is
//!   not in the database, found by a public prefix that is part of the secret, and compared in constant time.
//! * Whatever is wrong with a key, its caller reads the same sentence; the log alone tells the reasons apart.
//! * A key stops at once when it is deleted or expires, its project is archived, its service account or user is
//!   deleted, its user leaves the project or (for an admin key) is no longer an owner.
//! * Every verb but [`Identity::authenticate`] and [`Identity::bootstrap`] takes the caller, demands an admin key
//!   with the scope or a role that goes as far, and sees the caller's organisation only: what belongs to another one is not found.
//!
//! # Map
//! Nouns: [`key`](ApiKey), [`organization`](Organization), [`project`](Project), [`user`](User),
//! [`service_account`](ServiceAccount), [`page`](Page). Verbs: one file each, `impl Identity`.

mod config;
mod error;
mod key;
mod organization;
mod page;
mod project;
mod service_account;
mod user;

mod cache;
mod ports;
mod service;

mod add_member;
mod archive_project;
mod authenticate;
mod bootstrap;
mod create_key;
mod create_project;
mod create_service_account;
mod create_user;
mod delete_key;
mod delete_service_account;
mod delete_user;
mod modify_member;
mod modify_project;
mod modify_user;
mod person;
mod read_keys;
mod read_members;
mod read_projects;
mod read_service_accounts;
mod read_users;
mod record_use;
mod remove_member;

#[cfg(feature = "testkit")]
pub mod conformance;
#[cfg(feature = "testkit")]
mod memory;

pub use bootstrap::{Bootstrap, Founding};
pub use config::Config;
pub use create_key::{CreatedKey, NewKey};
pub use create_service_account::CreatedServiceAccount;
pub use create_user::NewUser;
pub use error::{IdentityError, Rejection};
pub use key::{ApiKey, Digest, KeyOwner, Secret, Standing, parse_scopes};
#[cfg(feature = "testkit")]
pub use memory::MemoryStore;
pub use organization::{Organization, check_name};
pub use page::{Cursor, List, ListRequest, Order, Page};
pub use person::Person;
pub use ports::{KeyStore, MemberStore, Ports, ProjectStore, ServiceAccountStore, UserStore};
pub use project::{Project, ProjectRole};
pub use read_keys::{KeyView, OwnerView};
pub use service::{Identity, demand_read, demand_write};
pub use service_account::ServiceAccount;
pub use user::{Calls, Member, OrganizationRole, User, check_email};
