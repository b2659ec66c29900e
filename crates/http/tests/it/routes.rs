//! A file for each resource.

mod organization;
