//! A file for each resource.

mod calls;
mod console;
pub(crate) mod console_files;
mod organization;
mod prices;
mod usage;
