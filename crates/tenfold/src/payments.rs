//! Payment providers for billing: `[payments]` of `tenfold.toml`, and the adapter over `tenfold_payments`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use reqwest::Url;
use serde::Deserialize;
use tenfold_billing::BillingError;
use tenfold_billing::checkout::{
    Acknowledgement, Charged, GatewayOrder, Notification, OrderNews, PaymentEvent, PaymentGateway, Prompt,
    RefundExtent, SavedCharge, Verified,
};
use tenfold_kernel::{Clock, Rng, Secret};
use tenfold_payments::{
    ALIPAY_GATEWAY, Alipay, AlipayConfig, AlipayProduct, Event, EventKind, NewOrder, PaymentError, Provider,
    STRIPE_API, StripeCheckout, StripeConfig, WECHAT_PAY_API, WechatPay, WechatPayConfig, WechatPlatformKey,
};

use crate::config::public_address;
use crate::credentials;

/// `[payments]`: who may be paid through. A provider without a section is not there.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Payments {
    /// The address under which providers reach this platform.
    public_url: Option<String>,
    stripe: Option<StripeSection>,
    alipay: Option<AlipaySection>,
    wechat: Option<WechatSection>,
}

/// `[payments.stripe]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StripeSection {
    secret_key_file: PathBuf,
    webhook_secret_file: PathBuf,
    api_base: Option<String>,
}

/// `[payments.alipay]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlipaySection {
    app_id: String,
    seller_id: String,
    private_key_file: PathBuf,
    alipay_public_key_file: PathBuf,
    #[serde(default)]
    product: Product,
    gateway: Option<String>,
}

/// Which of Alipay's products orders are made with.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Product {
    #[default]
    Page,
    QrCode,
}

/// `[payments.wechat]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WechatSection {
    mchid: String,
    appid: String,
    serial_no: String,
    private_key_file: PathBuf,
    api_v3_key_file: PathBuf,
    platform_keys: Vec<PlatformKeySection>,
    api_base: Option<String>,
}

/// `[[payments.wechat.platform_keys]]`: one, or two while they change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlatformKeySection {
    serial: String,
    public_key_file: PathBuf,
}

impl Payments {
    fn is_empty(&self) -> bool {
        self.stripe.is_none() && self.alipay.is_none() && self.wechat.is_none()
    }

    /// The public address, without a slash at its end; empty where there is no provider.
    pub(crate) fn public_url(&self) -> anyhow::Result<String> {
        let Some(text) = self.public_url.as_deref() else {
            ensure!(self.is_empty(), "payments.public_url is missing: providers send notifications there");
            return Ok(String::new());
        };
        public_address("payments.public_url", text)
    }

    /// Every provider that has a section. Files are read once, here; their paths begin at `home`.
    ///
    /// # Errors
    /// What is missing or malformed, by its name, never by its value.
    pub(crate) fn gateways(
        &self,
        home: &Path,
        clock: &Arc<dyn Clock>,
        rng: &Arc<dyn Rng>,
    ) -> anyhow::Result<Vec<Arc<dyn PaymentGateway>>> {
        let mut providers: Vec<Box<dyn Provider>> = Vec::new();
        if let Some(section) = &self.stripe {
            let config = StripeConfig {
                api_base: address("stripe.api_base", section.api_base.as_deref(), STRIPE_API)?,
                secret_key: secret(home, "stripe.secret_key_file", &section.secret_key_file)?,
                webhook_secret: secret(home, "stripe.webhook_secret_file", &section.webhook_secret_file)?,
            };
            providers.push(Box::new(StripeCheckout::new(&config, Arc::clone(clock)).context("payments")?));
        }
        if let Some(section) = &self.alipay {
            let public_key = &section.alipay_public_key_file;
            let config = AlipayConfig {
                gateway: address("alipay.gateway", section.gateway.as_deref(), ALIPAY_GATEWAY)?,
                app_id: section.app_id.clone(),
                seller_id: section.seller_id.clone(),
                private_key: secret(home, "alipay.private_key_file", &section.private_key_file)?,
                alipay_public_key: text(home, "alipay.alipay_public_key_file", public_key)?,
                product: match section.product {
                    Product::Page => AlipayProduct::PagePay,
                    Product::QrCode => AlipayProduct::Precreate,
                },
            };
            providers.push(Box::new(Alipay::new(&config, Arc::clone(clock)).context("payments")?));
        }
        if let Some(section) = &self.wechat {
            let mut platform_keys = Vec::new();
            for PlatformKeySection { serial, public_key_file } in &section.platform_keys {
                let public_key = text(home, "wechat.platform_keys.public_key_file", public_key_file)?;
                platform_keys.push(WechatPlatformKey { serial: serial.clone(), public_key });
            }
            let config = WechatPayConfig {
                api_base: address("wechat.api_base", section.api_base.as_deref(), WECHAT_PAY_API)?,
                mchid: section.mchid.clone(),
                appid: section.appid.clone(),
                serial_no: section.serial_no.clone(),
                private_key: secret(home, "wechat.private_key_file", &section.private_key_file)?,
                api_v3_key: secret(home, "wechat.api_v3_key_file", &section.api_v3_key_file)?,
                platform_keys,
            };
            let made = WechatPay::new(&config, Arc::clone(clock), Arc::clone(rng));
            providers.push(Box::new(made.context("payments")?));
        }
        let gateway = |provider| Arc::new(Gateway { provider }) as Arc<dyn PaymentGateway>;
        Ok(providers.into_iter().map(gateway).collect())
    }
}

fn address(field: &str, given: Option<&str>, default: &str) -> anyhow::Result<Url> {
    Url::parse(given.unwrap_or(default)).with_context(|| format!("payments.{field} is no address"))
}

fn text(home: &Path, field: &str, path: &Path) -> anyhow::Result<String> {
    credentials::read_file(home, &format!("payments.{field}"), path)
}

fn secret(home: &Path, field: &str, path: &Path) -> anyhow::Result<Secret> {
    text(home, field, path).map(|text| Secret::new(&text))
}

/// A provider as billing knows it.
#[derive(Debug)]
struct Gateway {
    provider: Box<dyn Provider>,
}

impl Gateway {
    fn failed(&self, error: PaymentError) -> BillingError {
        let provider = self.provider.name();
        match error {
            PaymentError::Order { field, reason } => BillingError::InvalidCheckout {
                field,
                reason: format!("{provider} does not take this order: its `{field}` {reason}"),
            },
            PaymentError::Forged { .. } | PaymentError::Malformed { .. } => {
                BillingError::Disbelieved { provider, source: error.into() }
            }
            error => BillingError::Provider { provider, source: error.into() },
        }
    }
}

fn url(field: &'static str, text: &str) -> Result<Url, BillingError> {
    let reason = || format!("`{field}` must be an address of the web");
    Url::parse(text).map_err(|_| BillingError::InvalidCheckout { field, reason: reason() })
}

#[async_trait]
impl PaymentGateway for Gateway {
    fn name(&self) -> &'static str {
        self.provider.name()
    }

    async fn create_order(&self, order: &GatewayOrder) -> Result<(Option<String>, Prompt), BillingError> {
        let order = NewOrder {
            order_id: order.id.to_string(),
            amount: order.money,
            subject: order.subject.clone(),
            return_url: url("return_url", &order.return_url)?,
            notify_url: url("notify_url", &order.notify_url)?,
            expires_at: order.expires_at,
            save_method: order.save_method,
        };
        let made = self.provider.create_order(&order).await.map_err(|error| self.failed(error))?;
        let prompt = match made.prompt {
            tenfold_payments::Prompt::Redirect { url } => Prompt::Redirect(url),
            tenfold_payments::Prompt::QrCode { content } => Prompt::QrCode(content),
        };
        Ok((made.provider_order_id, prompt))
    }

    async fn charge(&self, charge: &SavedCharge) -> Result<Charged, BillingError> {
        let charge = tenfold_payments::SavedCharge {
            order_id: charge.id.to_string(),
            amount: charge.money,
            subject: charge.subject.clone(),
            method: charge.method.to_string(),
        };
        let charged = self.provider.charge(&charge).await.map_err(|error| self.failed(error))?;
        Ok(match charged {
            tenfold_payments::Charged::Paid { provider_order_id } => Charged::Paid { provider_order_id },
            tenfold_payments::Charged::Processing { provider_order_id } => {
                Charged::Processing { provider_order_id }
            }
            tenfold_payments::Charged::Refused { code } => Charged::Refused { code },
        })
    }

    async fn verify(&self, notification: &Notification) -> Result<Verified, BillingError> {
        let notification = tenfold_payments::Notification {
            headers: notification.headers.clone(),
            body: notification.body.clone().into(),
            received_at: notification.received_at,
        };
        let verified = self.provider.verify(&notification).await.map_err(|error| self.failed(error))?;
        let news = match verified.event {
            Event::Order(event) => Some(OrderNews {
                order_id: event.order_id,
                provider_order_id: event.provider_order_id,
                money: event.amount,
                what: payment_event(event.kind),
                saved_method: event.saved_method,
            }),
            Event::Ignored { .. } => None,
        };
        Ok(Verified { event_id: verified.event_id, news })
    }

    fn acknowledge(&self, dealt_with: bool) -> Acknowledgement {
        let answer = self.provider.acknowledge(dealt_with);
        Acknowledgement { status: answer.status, content_type: answer.content_type, body: answer.body }
    }
}

fn payment_event(kind: EventKind) -> PaymentEvent {
    match kind {
        EventKind::Paid => PaymentEvent::Paid,
        EventKind::Refunded { amount, extent } => PaymentEvent::Refunded {
            money: amount,
            extent: match extent {
                tenfold_payments::RefundExtent::Single => RefundExtent::Single,
                tenfold_payments::RefundExtent::Total => RefundExtent::Total,
            },
        },
        EventKind::ChargedBack { amount } => PaymentEvent::ChargedBack { money: amount },
        EventKind::Reinstated { amount } => PaymentEvent::Reinstated { money: amount },
        EventKind::Failed => PaymentEvent::Failed,
        EventKind::Expired => PaymentEvent::Expired,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenfold_kernel::{SystemClock, SystemRng};

    /// The providers of a configuration, over files in `home`; or what is wrong with it.
    fn names(home: &Path, toml: &str) -> Result<Vec<&'static str>, String> {
        let payments: Payments = toml::from_str(toml).map_err(|error| error.to_string())?;
        payments.public_url().map_err(|error| format!("{error:#}"))?;
        let gateways = payments.gateways(home, &(Arc::new(SystemClock) as _), &(Arc::new(SystemRng) as _));
        gateways.map(|all| all.iter().map(|one| one.name()).collect()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_section_is_whole_or_the_start_fails_by_the_name_of_the_field() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("key"), "sk_test_abcdefgh\n").unwrap();
        std::fs::write(home.path().join("hook"), "whsec_abcdefghijklmnopqrstuvwxyz\n").unwrap();
        std::fs::write(home.path().join("empty"), "\n").unwrap();
        let stripe = "public_url = \"https://us.example/\"\n[stripe]\nsecret_key_file = \"key\"\n";
        let whole = format!("{stripe}webhook_secret_file = \"hook\"\n");
        assert_eq!(names(home.path(), &whole).unwrap(), ["stripe"]);
        assert!(names(home.path(), "").unwrap().is_empty());
        for (toml, fault) in [
            (stripe.to_owned(), "webhook_secret_file"),
            (format!("{stripe}webhook_secret_file = \"none\"\n"), "payments.stripe.webhook_secret_file"),
            (format!("{stripe}webhook_secret_file = \"empty\"\n"), "payments.stripe.webhook_secret_file"),
            (format!("{stripe}webhook_secret_file = \"key\"\n"), "`webhook_secret`"),
            (whole.replace("public_url = \"https://us.example/\"", ""), "payments.public_url"),
            (whole.replace("https://us.example/", "us"), "payments.public_url"),
            ("[alipay]\napp_id = \"1\"\n".to_owned(), "seller_id"),
            ("[wechat]\nmchid = \"1\"\n".to_owned(), "appid"),
            ("[paypal]\n".to_owned(), "paypal"),
        ] {
            let error = names(home.path(), &toml).unwrap_err();
            assert!(error.contains(fault) && !error.contains("sk_test_abcdefgh"), "{toml}: {error}");
        }
    }
}
