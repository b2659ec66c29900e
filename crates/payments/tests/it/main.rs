//! Each provider against notifications that a test signs, and against a server that checks what it is sent.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the rig of tests reports by panicking"
)]

mod alipay;
mod any_bytes;
mod keys;
mod rig;
mod stripe;
mod stripe_charges;
mod stripe_orders;
mod wechat;
mod wechat_orders;
