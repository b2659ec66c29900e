//! The command line as people see it: exit code, standard output, standard error.

#![expect(clippy::unwrap_used, reason = "this whole binary is tests")]

mod bench;
mod chat;
mod connect;
mod doctor;
mod help;
mod invoices;
mod keys;
mod limits;
mod models;
mod payments;
mod plans;
mod platform;
mod prices;
mod projects;
mod pull;
mod rentals;
mod session;
mod usage;
