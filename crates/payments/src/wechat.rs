//! WeChat Pay, API v3, Native: a code to scan, and encrypted notifications.
//!
//! # Source
//! <https://pay.weixin.qq.com/doc/v3/merchant/4012365342> (signatures of requests),
//! <https://pay.weixin.qq.com/doc/v3/merchant/4013053249> (signatures of answers and notifications, with a public key),
//! <https://pay.weixin.qq.com/doc/v3/merchant/4013053420> (the same with a platform's certificate).

mod native;
mod notice;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use tenfold_kernel::{Clock, Rng, Secret};
use url::Url;

use crate::client::{Client, check_address};
use crate::error::{self, PaymentError, malformed_field};
use crate::keys::{self, SigningKey, VerifyingKey};
use crate::notification::{Notification, Verified};
use crate::order::{NewOrder, Order};
use crate::provider::{Acknowledgement, Provider};

pub(crate) const NAME: &str = "wechat_pay";

/// Where WeChat Pay's API is.
pub const WECHAT_PAY_API: &str = "https://api.mch.weixin.qq.com";

/// How far the clocks may differ, as the documents say.
const TOLERANCE: Duration = Duration::from_mins(5);

/// A merchant at WeChat Pay.
#[derive(Debug, Clone)]
pub struct WechatPayConfig {
    /// Where the API is: [`WECHAT_PAY_API`], or a test's server.
    pub api_base: Url,
    /// The merchant's number.
    pub mchid: String,
    /// The id of the application that is bound to the merchant.
    pub appid: String,
    /// The serial number of the merchant's API certificate, in hexadecimal.
    pub serial_no: String,
    /// The private key of that certificate: PKCS#8, as PEM.
    pub private_key: Secret,
    /// The key of API v3: 32 characters.
    pub api_v3_key: Secret,
    /// WeChat Pay's keys: one, or two while they change.
    pub platform_keys: Vec<WechatPlatformKey>,
}

/// A key that WeChat Pay signs with.
#[derive(Debug, Clone)]
pub struct WechatPlatformKey {
    /// Its id, `PUB_KEY_ID_...`, or the serial number of the platform's certificate that it is from.
    pub serial: String,
    /// The public key, as PEM.
    pub public_key: String,
}

/// WeChat Pay.
#[derive(Debug)]
pub struct WechatPay {
    api_base: Url,
    mchid: String,
    appid: String,
    serial_no: String,
    private_key: SigningKey,
    api_v3_key: LessSafeKey,
    platform_keys: Vec<(String, VerifyingKey)>,
    client: Client,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

impl WechatPay {
    /// Takes a complete configuration.
    ///
    /// # Errors
    /// [`PaymentError::Config`] names the field that is missing or malformed.
    pub fn new(
        config: &WechatPayConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, PaymentError> {
        check_address(NAME, "api_base", &config.api_base)?;
        error::field(NAME, "mchid", &config.mchid, "a merchant's number of 8 to 32 digits", |id| {
            (8..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
        })?;
        error::field(NAME, "appid", &config.appid, "an application's id of letters and digits", |id| {
            id.len() <= 32 && id.bytes().all(|b| b.is_ascii_alphanumeric())
        })?;
        error::field(NAME, "serial_no", &config.serial_no, "a serial number in hexadecimal", |serial| {
            serial.len() <= 40 && serial.bytes().all(|b| b.is_ascii_hexdigit())
        })?;
        let private_key = SigningKey::parse(config.private_key.expose());
        error::field(NAME, "private_key", config.private_key.expose(), keys::PRIVATE_KEY, |_| {
            private_key.is_some()
        })?;
        let secret = config.api_v3_key.expose();
        let api_v3_key = UnboundKey::new(&AES_256_GCM, secret.as_bytes()).ok();
        error::field(NAME, "api_v3_key", secret, V3_KEY, |_| api_v3_key.is_some())?;
        Ok(Self {
            client: Client::new(NAME, &config.api_base)?,
            api_base: config.api_base.clone(),
            mchid: config.mchid.clone(),
            appid: config.appid.clone(),
            serial_no: config.serial_no.clone(),
            private_key: private_key.ok_or(malformed_field(NAME, "private_key", keys::PRIVATE_KEY))?,
            api_v3_key: LessSafeKey::new(api_v3_key.ok_or(malformed_field(NAME, "api_v3_key", V3_KEY))?),
            platform_keys: platform_keys(&config.platform_keys)?,
            clock,
            rng,
        })
    }

    /// The key with this serial.
    fn platform_key(&self, serial: &str) -> Option<&VerifyingKey> {
        self.platform_keys.iter().find(|(known, _)| known == serial).map(|(_, key)| key)
    }
}

const V3_KEY: &str = "32 characters";

fn platform_keys(configured: &[WechatPlatformKey]) -> Result<Vec<(String, VerifyingKey)>, PaymentError> {
    let mut keys: Vec<(String, VerifyingKey)> = Vec::new();
    for WechatPlatformKey { serial, public_key } in configured {
        let expected = "a key's id or a serial number, each once";
        error::field(NAME, "platform_keys.serial", serial, expected, |serial| {
            let is_plain = serial.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            is_plain && !keys.iter().any(|(known, _)| known == serial)
        })?;
        let key = VerifyingKey::parse(public_key);
        error::field(NAME, "platform_keys.public_key", public_key, keys::PUBLIC_KEY, |_| key.is_some())?;
        keys.extend(key.map(|key| (serial.clone(), key)));
    }
    error::field(
        NAME,
        "platform_keys",
        keys.first().map_or("", |(serial, _)| serial),
        "one key at least",
        |_| true,
    )?;
    Ok(keys)
}

#[async_trait]
impl Provider for WechatPay {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn create_order(&self, order: &NewOrder) -> Result<Order, PaymentError> {
        native::create(self, order).await
    }

    async fn verify(&self, notification: &Notification) -> Result<Verified, PaymentError> {
        notice::read(self, notification)
    }

    fn acknowledge(&self, dealt_with: bool) -> Acknowledgement {
        // The status decides: all but 200 and 204 is sent again for a day.
        if dealt_with {
            Acknowledgement { status: 200, content_type: "application/json", body: r#"{"code":"SUCCESS"}"# }
        } else {
            Acknowledgement {
                status: 500,
                content_type: "application/json",
                body: r#"{"code":"FAIL","message":"not dealt with"}"#,
            }
        }
    }
}

/// What WeChat Pay signs of an answer or a notification.
fn signed_bytes(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat()
}
