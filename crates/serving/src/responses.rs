//! Responses: chat calls that are kept, and go on from one another.

mod background;
mod create;
mod keep;

pub use background::{BackgroundResponse, BackgroundResponses};
pub use create::{Created, ResponseEvents};
