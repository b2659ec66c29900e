//! Stripe Checkout: a page of Stripe's, and webhooks.
//!
//! # Source
//! <https://docs.stripe.com/api/checkout/sessions/create>, <https://docs.stripe.com/webhooks>.

mod amount;
mod charge;
mod event;
mod payment;
mod session;
mod signature;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request};
use ring::hmac;
use serde::Deserialize;
use tenfold_kernel::{Clock, Secret};
use url::Url;

use crate::client::{Answer, Client, check_address};
use crate::error::{self, PaymentError, malformed_field};
use crate::notification::{Notification, Verified};
use crate::order::{Charged, NewOrder, Order, SavedCharge};
use crate::provider::{Acknowledgement, Provider};

pub(crate) const NAME: &str = "stripe";

/// Where Stripe's API is.
pub const STRIPE_API: &str = "https://api.stripe.com";

/// An account at Stripe.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// Where the API is: [`STRIPE_API`], or a test's server.
    pub api_base: Url,
    /// The secret or restricted key: `sk_live_...`, `rk_live_...`, or with `test` for `live`.
    pub secret_key: Secret,
    /// The signing secret of the webhook's endpoint: `whsec_...`.
    pub webhook_secret: Secret,
}

/// Stripe Checkout.
#[derive(Debug)]
pub struct StripeCheckout {
    api_base: Url,
    authorization: HeaderValue,
    webhook_key: hmac::Key,
    is_live: bool,
    client: Client,
    clock: Arc<dyn Clock>,
}

impl StripeCheckout {
    /// Takes a complete configuration.
    ///
    /// # Errors
    /// [`PaymentError::Config`] names the field that is missing or malformed.
    pub fn new(config: &StripeConfig, clock: Arc<dyn Clock>) -> Result<Self, PaymentError> {
        check_address(NAME, "api_base", &config.api_base)?;
        let key = config.secret_key.expose();
        let expected = "a secret key: sk_live_..., rk_live_..., sk_test_... or rk_test_...";
        let mode = mode_of_key(key);
        error::field(NAME, "secret_key", key, expected, |_| mode.is_some())?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| malformed_field(NAME, "secret_key", expected))?;
        authorization.set_sensitive(true);
        let secret = config.webhook_secret.expose();
        error::field(NAME, "webhook_secret", secret, "an endpoint's signing secret: whsec_...", |secret| {
            secret.strip_prefix("whsec_").is_some_and(|rest| rest.len() >= 16 && is_plain(rest))
        })?;
        Ok(Self {
            client: Client::new(NAME, &config.api_base)?,
            api_base: config.api_base.clone(),
            authorization,
            // Stripe's key is the whole text, not what its base64 says.
            webhook_key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
            is_live: mode == Some(true),
            clock,
        })
    }

    fn request(&self, method: Method, url: Url) -> Request {
        let mut request = Request::new(method, url);
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        request
    }

    /// Asks for something once for a key: asked again, Stripe gives the first answer.
    fn form(&self, url: Url, idempotency_key: &str, form: String) -> Result<Request, PaymentError> {
        let key = HeaderValue::from_str(idempotency_key)
            .map_err(|source| PaymentError::Client { provider: NAME, source: source.into() })?;
        let mut request = self.request(Method::POST, url);
        request.headers_mut().insert(HeaderName::from_static("idempotency-key"), key);
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        *request.body_mut() = Some(form.into());
        Ok(request)
    }
}

#[async_trait]
impl Provider for StripeCheckout {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn create_order(&self, order: &NewOrder) -> Result<Order, PaymentError> {
        session::create(self, order).await
    }

    async fn charge(&self, charge: &SavedCharge) -> Result<Charged, PaymentError> {
        charge::charge(self, charge).await
    }

    async fn verify(&self, notification: &Notification) -> Result<Verified, PaymentError> {
        signature::check(&self.webhook_key, notification)?;
        event::read(self, notification).await
    }

    fn acknowledge(&self, dealt_with: bool) -> Acknowledgement {
        // Any 2xx will do; all else is sent again for three days.
        if dealt_with {
            Acknowledgement { status: 200, content_type: "text/plain", body: "" }
        } else {
            Acknowledgement { status: 400, content_type: "text/plain", body: "" }
        }
    }
}

/// Whether a key is of live mode, or nothing if it is none.
fn mode_of_key(key: &str) -> Option<bool> {
    let rest = key.strip_prefix("sk_").or_else(|| key.strip_prefix("rk_"))?;
    let (is_live, rest) = match rest.strip_prefix("live_") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix("test_")?),
    };
    (!rest.is_empty() && is_plain(rest)).then_some(is_live)
}

/// Whether a text is made of the characters of Stripe's ids and keys.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+/=".contains(&b))
}

/// What Stripe answers instead of what was asked for.
#[derive(Deserialize)]
struct Failure {
    error: FailureCode,
}

#[derive(Deserialize)]
struct FailureCode {
    code: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The error of an answer that is not a success.
fn check_status(answer: &Answer) -> Result<(), PaymentError> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    Err(PaymentError::Refused { provider: NAME, status: answer.status, code: failure_code(answer) })
}

/// Stripe's code of what is wrong.
fn failure_code(answer: &Answer) -> Option<String> {
    let failure = serde_json::from_slice::<Failure>(&answer.body).ok().map(|failure| failure.error);
    error::code(failure.and_then(|error| error.code.or(error.kind)).as_deref())
}

fn malformed(field: &'static str) -> PaymentError {
    PaymentError::Malformed { provider: NAME, field }
}
