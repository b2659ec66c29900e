//! A file for each resource.

mod organization;
mod prices;
mod usage;
