//! What a notification means.
//!
//! # Source
//! <https://opendocs.alipay.com/open/270/105902>, <https://opendocs.alipay.com/common/02mse7> (signatures).

use std::collections::BTreeMap;
use std::time::Duration;

use tenfold_kernel::Money;
use url::form_urlencoded;

use super::{Alipay, NAME, signed_text};
use crate::amount::{cny, fen_of_yuan, from_minor};
use crate::beijing;
use crate::error::{Forgery, PaymentError};
use crate::notification::{
    BODY_LIMIT_BYTES, Event, EventKind, Notification, OrderEvent, RefundExtent, Verified,
};

/// Alipay repeats a notification for 25 hours, and does not say whether a repeat has a time of its own. Within this
/// window a repeat is harmless because it has the same event id.
const TOLERANCE: Duration = Duration::from_hours(26);
/// How far Alipay's clock may be ahead of ours.
const AHEAD: Duration = Duration::from_mins(5);

/// Reads a notification.
pub(crate) fn read(alipay: &Alipay, notification: &Notification) -> Result<Verified, PaymentError> {
    if notification.body.len() > BODY_LIMIT_BYTES {
        return Err(malformed("body"));
    }
    let mut parameters = BTreeMap::new();
    for (key, value) in form_urlencoded::parse(&notification.body) {
        // Of two with one name, nobody knows which one was signed.
        if parameters.insert(key.into_owned(), value.into_owned()).is_some() {
            return Err(malformed("body"));
        }
    }
    let sign = parameters.remove("sign").filter(|sign| !sign.is_empty()).ok_or(malformed("sign"))?;
    if parameters.remove("sign_type").as_deref() != Some("RSA2") {
        return Err(malformed("sign_type"));
    }
    if !alipay.public_key.has_signed(signed_text(&parameters).as_bytes(), &sign) {
        return Err(forged(Forgery::Signature));
    }
    of_signed(alipay, notification, &Signed(parameters))
}

/// Parameters whose signature is right.
struct Signed(BTreeMap<String, String>);

impl Signed {
    fn get(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn need(&self, field: &'static str) -> Result<&str, PaymentError> {
        self.get(field).ok_or(malformed(field))
    }

    fn need_money(&self, field: &'static str) -> Result<Money, PaymentError> {
        let fen = fen_of_yuan(self.need(field)?);
        fen.zip(cny()).and_then(|(fen, cny)| from_minor(fen, 2, cny)).ok_or(malformed(field))
    }
}

fn of_signed(
    alipay: &Alipay,
    notification: &Notification,
    signed: &Signed,
) -> Result<Verified, PaymentError> {
    let sent_at = beijing::parse(signed.need("notify_time")?).ok_or(malformed("notify_time"))?;
    if !notification.is_within(TOLERANCE, sent_at) || sent_at > notification.received_at.plus(AHEAD) {
        return Err(forged(Forgery::Stale));
    }
    if signed.need("app_id")? != alipay.app_id {
        return Err(forged(Forgery::NotOurs { field: "app_id" }));
    }
    if !signed.need("charset")?.eq_ignore_ascii_case("utf-8") {
        return Err(malformed("charset"));
    }
    let notify_id = signed.need("notify_id")?;
    let notify_type = signed.need("notify_type")?;
    if notify_type != "trade_status_sync" {
        return Ok(ignored(notify_id, notify_type));
    }
    if signed.need("seller_id")? != alipay.seller_id {
        return Err(forged(Forgery::NotOurs { field: "seller_id" }));
    }
    // Only trades across borders name currencies; ours are in yuan.
    for field in ["trans_currency", "settle_currency"] {
        if signed.get(field).is_some_and(|currency| currency != "CNY") {
            return Err(forged(Forgery::Mismatch { field }));
        }
    }
    let order_id = signed.need("out_trade_no")?;
    let trade_no = signed.need("trade_no")?;
    let amount = signed.need_money("total_amount")?;
    if amount.nanos <= 0 {
        return Err(malformed("total_amount"));
    }
    let status = signed.need("trade_status")?;
    let refund = refund(signed, amount)?;
    // A refund of a part leaves the status as it was; one of all closes the trade, as does time.
    let (event_id, kind) = match (status, refund) {
        ("TRADE_SUCCESS" | "TRADE_FINISHED" | "TRADE_CLOSED", Some(total)) => (
            format!("refunded:{trade_no}:{}", total.nanos),
            EventKind::Refunded { amount: total, extent: RefundExtent::Total },
        ),
        // The second follows the first when the time for refunds is over, and is no other payment.
        ("TRADE_SUCCESS" | "TRADE_FINISHED", None) => (format!("paid:{trade_no}"), EventKind::Paid),
        ("TRADE_CLOSED", None) => (format!("expired:{trade_no}"), EventKind::Expired),
        ("WAIT_BUYER_PAY", None) => return Ok(ignored(notify_id, status)),
        _ => return Err(malformed("trade_status")),
    };
    Ok(Verified {
        provider: NAME,
        event_id,
        event: Event::Order(OrderEvent {
            order_id: order_id.to_owned(),
            provider_order_id: trade_no.to_owned(),
            amount,
            kind,
            saved_method: None,
        }),
    })
}

/// All that was refunded until now, if the notification is of a refund. Payments may say `refund_fee=0.00`.
fn refund(signed: &Signed, amount: Money) -> Result<Option<Money>, PaymentError> {
    let total = match signed.get("refund_fee") {
        Some(_) => signed.need_money("refund_fee")?,
        None => Money::new(0, amount.currency),
    };
    let is_refund = signed.get("gmt_refund").is_some();
    if total.nanos > amount.nanos || (is_refund && total.nanos == 0) {
        return Err(malformed("refund_fee"));
    }
    Ok(Some(total).filter(|total| total.nanos > 0))
}

fn ignored(notify_id: &str, what: &str) -> Verified {
    Verified {
        provider: NAME,
        event_id: notify_id.to_owned(),
        event: Event::Ignored { what: what.to_owned() },
    }
}

fn malformed(field: &'static str) -> PaymentError {
    PaymentError::Malformed { provider: NAME, field }
}

fn forged(forgery: Forgery) -> PaymentError {
    PaymentError::Forged { provider: NAME, forgery }
}
