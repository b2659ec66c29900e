//! Alipay: a page of Alipay's or a code to scan, and form-encoded notifications.
//!
//! # Source
//! <https://opendocs.alipay.com/common/057k53> (signatures of requests),
//! <https://opendocs.alipay.com/open/270/105902> (notifications).

mod notice;
mod trade;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tenfold_kernel::{Clock, Secret};
use url::Url;

use crate::client::{Client, check_address};
use crate::error::{self, PaymentError, malformed_field};
use crate::keys::{self, SigningKey, VerifyingKey};
use crate::notification::{Notification, Verified};
use crate::order::{NewOrder, Order};
use crate::provider::{Acknowledgement, Provider};

pub(crate) const NAME: &str = "alipay";

/// Where Alipay's gateway is.
pub const ALIPAY_GATEWAY: &str = "https://openapi.alipay.com/gateway.do";

/// Which of Alipay's products orders are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlipayProduct {
    /// A page to go to: `alipay.trade.page.pay`.
    PagePay,
    /// A code to scan: `alipay.trade.precreate`.
    Precreate,
}

/// An application at Alipay.
#[derive(Debug, Clone)]
pub struct AlipayConfig {
    /// Where the gateway is: [`ALIPAY_GATEWAY`], the sandbox's, or a test's server.
    pub gateway: Url,
    /// The application's id.
    pub app_id: String,
    /// The id of the account that is paid: 16 digits that begin with 2088.
    pub seller_id: String,
    /// The application's private key: PKCS#8, as PEM or as the base64 that Alipay's key tool writes for Java.
    pub private_key: Secret,
    /// Alipay's public key, which is not the application's.
    pub alipay_public_key: String,
    /// Which product orders are made with.
    pub product: AlipayProduct,
}

/// Alipay.
#[derive(Debug)]
pub struct Alipay {
    gateway: Url,
    app_id: String,
    seller_id: String,
    private_key: SigningKey,
    public_key: VerifyingKey,
    product: AlipayProduct,
    client: Client,
    clock: Arc<dyn Clock>,
}

impl Alipay {
    /// Takes a complete configuration.
    ///
    /// # Errors
    /// [`PaymentError::Config`] names the field that is missing or malformed.
    pub fn new(config: &AlipayConfig, clock: Arc<dyn Clock>) -> Result<Self, PaymentError> {
        check_address(NAME, "gateway", &config.gateway)?;
        let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        error::field(NAME, "app_id", &config.app_id, "an application's id of digits", |id| {
            id.len() <= 32 && is_number(id)
        })?;
        error::field(NAME, "seller_id", &config.seller_id, "16 digits that begin with 2088", |id| {
            id.len() == 16 && id.starts_with("2088") && is_number(id)
        })?;
        let private_key = SigningKey::parse(config.private_key.expose());
        let public_key = VerifyingKey::parse(&config.alipay_public_key);
        error::field(NAME, "private_key", config.private_key.expose(), keys::PRIVATE_KEY, |_| {
            private_key.is_some()
        })?;
        error::field(NAME, "alipay_public_key", &config.alipay_public_key, keys::PUBLIC_KEY, |_| {
            public_key.is_some()
        })?;
        Ok(Self {
            client: Client::new(NAME, &config.gateway)?,
            gateway: config.gateway.clone(),
            app_id: config.app_id.clone(),
            seller_id: config.seller_id.clone(),
            private_key: private_key.ok_or(malformed_field(NAME, "private_key", keys::PRIVATE_KEY))?,
            public_key: public_key.ok_or(malformed_field(NAME, "alipay_public_key", keys::PUBLIC_KEY))?,
            product: config.product,
            clock,
        })
    }
}

#[async_trait]
impl Provider for Alipay {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn create_order(&self, order: &NewOrder) -> Result<Order, PaymentError> {
        trade::create(self, order).await
    }

    async fn verify(&self, notification: &Notification) -> Result<Verified, PaymentError> {
        notice::read(self, notification)
    }

    fn acknowledge(&self, dealt_with: bool) -> Acknowledgement {
        // The body decides, not the status: all but these seven letters is sent again for 25 hours.
        let body = if dealt_with { "success" } else { "fail" };
        Acknowledgement { status: 200, content_type: "text/plain", body }
    }
}

/// What is signed of parameters: `key=value`, sorted by key, joined by `&`, nothing escaped.
fn signed_text(parameters: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join("&")
}
