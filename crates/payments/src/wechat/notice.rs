//! What a notification means.
//!
//! # Source
//! <https://pay.weixin.qq.com/doc/v3/merchant/4012791882> (payments),
//! <https://pay.weixin.qq.com/doc/v3/merchant/4012791886> (refunds),
//! <https://pay.weixin.qq.com/doc/v3/merchant/4012071382> (decryption).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, NONCE_LEN, Nonce};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tenfold_kernel::{Money, Timestamp};

use super::{NAME, TOLERANCE, WechatPay, signed_bytes};
use crate::amount::{cny, from_minor};
use crate::error::{Forgery, PaymentError};
use crate::notification::{
    BODY_LIMIT_BYTES, Event, EventKind, Notification, OrderEvent, RefundExtent, Verified,
};

#[derive(Deserialize)]
struct Envelope {
    id: String,
    event_type: String,
    resource: Resource,
}

#[derive(Deserialize)]
struct Resource {
    algorithm: String,
    ciphertext: String,
    #[serde(default)]
    associated_data: String,
    nonce: String,
}

#[derive(Deserialize)]
struct PaymentNotice {
    mchid: String,
    appid: String,
    out_trade_no: String,
    transaction_id: String,
    trade_state: String,
    amount: Paid,
}

#[derive(Deserialize)]
struct Paid {
    total: i64,
    currency: String,
}

#[derive(Deserialize)]
struct RefundNotice {
    mchid: String,
    /// Refunds are documented without one.
    appid: Option<String>,
    out_trade_no: String,
    transaction_id: String,
    refund_id: String,
    refund_status: String,
    amount: Refunded,
}

#[derive(Deserialize)]
struct Refunded {
    total: i64,
    refund: i64,
    /// Refunds are documented without one.
    currency: Option<String>,
}

/// Reads a notification.
pub(crate) fn read(wechat: &WechatPay, notification: &Notification) -> Result<Verified, PaymentError> {
    check_signature(wechat, notification)?;
    let envelope: Envelope = serde_json::from_slice(&notification.body).map_err(|_| malformed("body"))?;
    let (event_id, event) = match envelope.event_type.as_str() {
        "TRANSACTION.SUCCESS" => of_payment(wechat, decrypt(wechat, &envelope.resource)?)?,
        "REFUND.SUCCESS" => of_refund(wechat, decrypt(wechat, &envelope.resource)?)?,
        // Refunds that failed, and other products: no money moved.
        _ => {
            let event = Event::Ignored { what: envelope.event_type };
            return Ok(Verified { provider: NAME, event_id: envelope.id, event });
        }
    };
    Ok(Verified { provider: NAME, event_id, event: Event::Order(event) })
}

fn check_signature(wechat: &WechatPay, notification: &Notification) -> Result<(), PaymentError> {
    let need = |name| notification.header(name).filter(|value| !value.is_empty()).ok_or(malformed(name));
    let timestamp = need("Wechatpay-Timestamp")?;
    let nonce = need("Wechatpay-Nonce")?;
    let signature = need("Wechatpay-Signature")?;
    let serial = need("Wechatpay-Serial")?;
    if notification.body.len() > BODY_LIMIT_BYTES {
        return Err(malformed("body"));
    }
    let is_number = timestamp.len() <= 12 && timestamp.bytes().all(|b| b.is_ascii_digit());
    let seconds: i64 =
        timestamp.parse().ok().filter(|_| is_number).ok_or(malformed("Wechatpay-Timestamp"))?;
    // A line break would move the borders of what is signed.
    if !nonce.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(malformed("Wechatpay-Nonce"));
    }
    let key = wechat.platform_key(serial).ok_or(forged(Forgery::UnknownKey))?;
    if !key.has_signed(&signed_bytes(timestamp, nonce, &notification.body), signature) {
        return Err(forged(Forgery::Signature));
    }
    if !notification.is_within(TOLERANCE, Timestamp::from_secs(seconds)) {
        return Err(forged(Forgery::Stale));
    }
    Ok(())
}

/// Decrypts and reads a resource.
fn decrypt<T: DeserializeOwned>(wechat: &WechatPay, resource: &Resource) -> Result<T, PaymentError> {
    if resource.algorithm != "AEAD_AES_256_GCM" {
        return Err(malformed("resource.algorithm"));
    }
    let nonce: [u8; NONCE_LEN] =
        resource.nonce.as_bytes().try_into().map_err(|_| malformed("resource.nonce"))?;
    let mut bytes = STANDARD.decode(&resource.ciphertext).map_err(|_| malformed("resource.ciphertext"))?;
    let plain = wechat
        .api_v3_key
        .open_in_place(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(resource.associated_data.as_bytes()),
            &mut bytes,
        )
        // Whoever encrypted it does not have our key.
        .map_err(|_| forged(Forgery::UnknownKey))?;
    serde_json::from_slice(plain).map_err(|_| malformed("resource"))
}

fn of_payment(wechat: &WechatPay, paid: PaymentNotice) -> Result<(String, OrderEvent), PaymentError> {
    check_recipient(wechat, &paid.mchid, Some(&paid.appid))?;
    check_currency(Some(&paid.amount.currency))?;
    if paid.trade_state != "SUCCESS" {
        return Err(malformed("trade_state"));
    }
    let event = OrderEvent {
        order_id: filled(paid.out_trade_no, "out_trade_no")?,
        provider_order_id: filled(paid.transaction_id, "transaction_id")?,
        amount: money(paid.amount.total, "amount.total")?,
        kind: EventKind::Paid,
        saved_method: None,
    };
    Ok((format!("paid:{}", event.provider_order_id), event))
}

fn of_refund(wechat: &WechatPay, refund: RefundNotice) -> Result<(String, OrderEvent), PaymentError> {
    check_recipient(wechat, &refund.mchid, refund.appid.as_deref())?;
    check_currency(refund.amount.currency.as_deref())?;
    if refund.refund_status != "SUCCESS" {
        return Err(malformed("refund_status"));
    }
    let amount = money(refund.amount.total, "amount.total")?;
    let back = money(refund.amount.refund, "amount.refund")?;
    if back.nanos > amount.nanos {
        return Err(malformed("amount.refund"));
    }
    let event = OrderEvent {
        order_id: filled(refund.out_trade_no, "out_trade_no")?,
        provider_order_id: filled(refund.transaction_id, "transaction_id")?,
        amount,
        kind: EventKind::Refunded { amount: back, extent: RefundExtent::Single },
        saved_method: None,
    };
    Ok((format!("refunded:{}", filled(refund.refund_id, "refund_id")?), event))
}

fn check_recipient(wechat: &WechatPay, mchid: &str, appid: Option<&str>) -> Result<(), PaymentError> {
    if mchid != wechat.mchid {
        return Err(forged(Forgery::NotOurs { field: "mchid" }));
    }
    if appid.is_some_and(|appid| appid != wechat.appid) {
        return Err(forged(Forgery::NotOurs { field: "appid" }));
    }
    Ok(())
}

fn check_currency(currency: Option<&str>) -> Result<(), PaymentError> {
    if currency.is_some_and(|currency| currency != "CNY") {
        return Err(forged(Forgery::Mismatch { field: "amount.currency" }));
    }
    Ok(())
}

fn money(fen: i64, field: &'static str) -> Result<Money, PaymentError> {
    let money = cny().and_then(|cny| from_minor(fen, 2, cny)).filter(|money| money.nanos > 0);
    money.ok_or(malformed(field))
}

fn filled(text: String, field: &'static str) -> Result<String, PaymentError> {
    if text.is_empty() { Err(malformed(field)) } else { Ok(text) }
}

fn malformed(field: &'static str) -> PaymentError {
    PaymentError::Malformed { provider: NAME, field }
}

fn forged(forgery: Forgery) -> PaymentError {
    PaymentError::Forged { provider: NAME, forgery }
}
