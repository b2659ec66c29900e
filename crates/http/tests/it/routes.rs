//! A file for each resource.

mod calls;
mod organization;
mod prices;
mod usage;
