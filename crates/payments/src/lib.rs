//! Payment providers: orders made, notifications verified.
//!
//! [`Provider`] is the port; [`StripeCheckout`], [`Alipay`] and [`WechatPay`] speak to one provider each. Reading
//! order: `order.rs` and `notification.rs` (what goes out and what comes back), `provider.rs` (the port), then a
//! provider: `stripe.rs`, `alipay.rs` or `wechat.rs`, each with how it makes an order and how it verifies.
//!
//! Invariants: a notification is believed only after its signature, its age, its recipient and its currency were
//! checked, in that order; nothing of a body is acted on before its signature. Amounts are integers from the wire
//! to [`Money`](tenfold_kernel::Money) and back; what does not fit exactly is refused, never rounded. A provider
//! exists only with a complete configuration. Keys, bodies and texts that a provider wrote are never logged and are
//! in no error. No bytes make [`Provider::verify`] panic.
//!
//! What this crate cannot know is what an order of ours costs: whoever credits a payment compares the amount of the
//! event with that of the order first.

mod alipay;
mod amount;
mod beijing;
mod client;
mod error;
mod keys;
mod notification;
mod order;
mod provider;
mod stripe;
mod wechat;

pub use alipay::{ALIPAY_GATEWAY, Alipay, AlipayConfig, AlipayProduct};
pub use error::{ConfigFault, Forgery, PaymentError};
pub use notification::{Event, EventKind, Notification, OrderEvent, RefundExtent, Verified};
pub use order::{Charged, NewOrder, Order, Prompt, SavedCharge};
pub use provider::{Acknowledgement, Provider};
pub use stripe::{STRIPE_API, StripeCheckout, StripeConfig};
pub use wechat::{WECHAT_PAY_API, WechatPay, WechatPayConfig, WechatPlatformKey};
