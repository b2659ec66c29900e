//! Making a trade.
//!
//! # Source
//! <https://opendocs.alipay.com/open/028r8t> (`alipay.trade.page.pay`),
//! <https://opendocs.alipay.com/open/02ekfg> (`alipay.trade.precreate`),
//! <https://opendocs.alipay.com/common/02mse7> (signatures of answers).

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use url::{Url, form_urlencoded};

use super::{Alipay, AlipayProduct, NAME, signed_text};
use crate::amount::{cny, to_minor, yuan_text};
use crate::beijing;
use crate::error::{self, PaymentError};
use crate::order::{NewOrder, Order, Prompt, refuse_to_save, refused};

#[derive(Deserialize)]
struct Answer {
    /// As it is written: the signature is over these characters.
    alipay_trade_precreate_response: Option<Box<RawValue>>,
    error_response: Option<Box<RawValue>>,
    sign: Option<String>,
}

#[derive(Deserialize)]
struct Precreated {
    code: String,
    sub_code: Option<String>,
    out_trade_no: Option<String>,
    qr_code: Option<String>,
}

pub(crate) async fn create(alipay: &Alipay, order: &NewOrder) -> Result<Order, PaymentError> {
    order.check(alipay.clock.now())?;
    refuse_to_save(order)?;
    // What is signed joins values unescaped, so these would let one text be read as several parameters. Alipay
    // forbids them too.
    if order.subject.contains(['/', '=', '&']) {
        return Err(refused("subject", "must not contain `/`, `=` or `&`"));
    }
    if Some(order.amount.currency) != cny() {
        return Err(refused("amount", "must be in CNY"));
    }
    let fen = to_minor(order.amount, 2).ok_or(refused("amount", "must be a whole number of fen"))?;
    match alipay.product {
        AlipayProduct::PagePay => {
            let mut content = content(order, fen);
            content["product_code"] = json!("FAST_INSTANT_TRADE_PAY");
            let mut parameters = parameters(alipay, "alipay.trade.page.pay", order);
            parameters.insert("return_url".to_owned(), order.return_url.to_string());
            parameters.insert("biz_content".to_owned(), content.to_string());
            let url = signed_address(alipay, &parameters, &[])?;
            Ok(Order { provider_order_id: None, prompt: Prompt::Redirect { url: url.into() } })
        }
        AlipayProduct::Precreate => precreate(alipay, order, fen).await,
    }
}

async fn precreate(alipay: &Alipay, order: &NewOrder, fen: i64) -> Result<Order, PaymentError> {
    let mut parameters = parameters(alipay, "alipay.trade.precreate", order);
    parameters.insert("biz_content".to_owned(), content(order, fen).to_string());
    // The gateway reads the character set from the address before it reads the body.
    let url = signed_address(alipay, &parameters, &["biz_content"])?;
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("biz_content", &parameters["biz_content"])
        .finish();
    let mut request = Request::new(Method::POST, url);
    request
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded;charset=utf-8"));
    *request.body_mut() = Some(body.into());
    let answer = alipay.client.send(request).await?;
    let refused = |code: Option<&str>| PaymentError::Refused {
        provider: NAME,
        status: answer.status,
        code: error::code(code),
    };
    if answer.status != 200 {
        return Err(refused(None));
    }
    let odd = |field| PaymentError::Answer { provider: NAME, field };
    let whole: Answer = serde_json::from_slice(&answer.body).map_err(|_| odd("body"))?;
    let text = whole.alipay_trade_precreate_response.or(whole.error_response).ok_or(odd("body"))?;
    let precreated: Precreated = serde_json::from_str(text.get()).map_err(|_| odd("body"))?;
    if precreated.code != "10000" {
        return Err(refused(Some(precreated.sub_code.as_deref().unwrap_or(&precreated.code))));
    }
    if !whole.sign.is_some_and(|sign| alipay.public_key.has_signed(text.get().as_bytes(), &sign)) {
        return Err(odd("sign"));
    }
    if precreated.out_trade_no.as_deref() != Some(&order.order_id) {
        return Err(odd("out_trade_no"));
    }
    let content =
        precreated.qr_code.filter(|code| Url::parse(code).is_ok_and(|code| code.scheme() == "https"));
    Ok(Order { provider_order_id: None, prompt: Prompt::QrCode { content: content.ok_or(odd("qr_code"))? } })
}

fn content(order: &NewOrder, fen: i64) -> serde_json::Value {
    json!({
        "out_trade_no": order.order_id,
        "total_amount": yuan_text(fen),
        "subject": order.subject,
        "time_expire": beijing::text(order.expires_at),
    })
}

/// The parameters that every request has.
fn parameters(alipay: &Alipay, method: &str, order: &NewOrder) -> BTreeMap<String, String> {
    let now = beijing::text(alipay.clock.now());
    [
        ("app_id", alipay.app_id.as_str()),
        ("method", method),
        ("format", "JSON"),
        ("charset", "utf-8"),
        ("sign_type", "RSA2"),
        ("timestamp", &now),
        ("version", "1.0"),
        ("notify_url", order.notify_url.as_str()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

/// The gateway's address with the parameters and their signature, but for those that go into the body.
fn signed_address(
    alipay: &Alipay,
    parameters: &BTreeMap<String, String>,
    in_body: &[&str],
) -> Result<Url, PaymentError> {
    let sign = alipay.private_key.sign(NAME, signed_text(parameters).as_bytes())?;
    let mut url = alipay.gateway.clone();
    url.query_pairs_mut()
        .extend_pairs(parameters.iter().filter(|(key, _)| !in_body.contains(&key.as_str())))
        .append_pair("sign", &sign);
    Ok(url)
}
