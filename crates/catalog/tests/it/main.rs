//! The catalogue as its users see it.

#![expect(clippy::panic, clippy::unwrap_used, reason = "this whole binary is tests")]

mod any_text;
mod files;
mod packages;
mod pull;
mod read;
mod server;
mod world;
