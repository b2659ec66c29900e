//! Making an order.
//!
//! # Source
//! <https://pay.weixin.qq.com/doc/v3/merchant/4012791877> (Native),
//! <https://pay.weixin.qq.com/doc/v3/merchant/4012365342> (signatures of requests).

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request};
use serde::Deserialize;
use serde_json::json;
use tenfold_kernel::{Timestamp, base62};
use url::Url;

use super::{NAME, TOLERANCE, WechatPay, signed_bytes};
use crate::amount::{cny, to_minor};
use crate::beijing;
use crate::client::{Answer, below};
use crate::error::{self, PaymentError};
use crate::order::{NewOrder, Order, Prompt, refuse_to_save, refused};

const PATH: [&str; 4] = ["v3", "pay", "transactions", "native"];

#[derive(Deserialize)]
struct Native {
    code_url: String,
}

#[derive(Deserialize)]
struct Failure {
    code: Option<String>,
}

pub(crate) async fn create(wechat: &WechatPay, order: &NewOrder) -> Result<Order, PaymentError> {
    order.check(wechat.clock.now())?;
    refuse_to_save(order)?;
    if Some(order.amount.currency) != cny() {
        return Err(refused("amount", "must be in CNY"));
    }
    let fen = to_minor(order.amount, 2).ok_or(refused("amount", "must be a whole number of fen"))?;
    if order.notify_url.scheme() != "https" || order.notify_url.query().is_some() {
        return Err(refused("notify_url", "must be an https address without a query"));
    }
    let body = json!({
        "appid": wechat.appid,
        "mchid": wechat.mchid,
        "description": order.subject,
        "out_trade_no": order.order_id,
        "time_expire": beijing::rfc3339(order.expires_at),
        "notify_url": order.notify_url.as_str(),
        "amount": { "total": fen, "currency": "CNY" },
    })
    .to_string();
    let answer = wechat.client.send(request(wechat, body)?).await?;
    if !(200..300).contains(&answer.status) {
        let failure: Option<Failure> = serde_json::from_slice(&answer.body).ok();
        let code = error::code(failure.and_then(|failure| failure.code).as_deref());
        return Err(PaymentError::Refused { provider: NAME, status: answer.status, code });
    }
    let odd = |field| PaymentError::Answer { provider: NAME, field };
    if !is_signed(wechat, &answer) {
        return Err(odd("Wechatpay-Signature"));
    }
    let native: Native = serde_json::from_slice(&answer.body).map_err(|_| odd("body"))?;
    if !Url::parse(&native.code_url).is_ok_and(|url| url.scheme() == "weixin") {
        return Err(odd("code_url"));
    }
    Ok(Order { provider_order_id: None, prompt: Prompt::QrCode { content: native.code_url } })
}

fn request(wechat: &WechatPay, body: String) -> Result<Request, PaymentError> {
    let url = below(&wechat.api_base, &PATH);
    let (nonce, timestamp) = (base62(&*wechat.rng, 32), wechat.clock.now().secs());
    let message = format!("POST\n{}\n{timestamp}\n{nonce}\n{body}\n", url.path());
    let signature = wechat.private_key.sign(NAME, message.as_bytes())?;
    let authorization = format!(
        "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"{nonce}\",signature=\"{signature}\",\
         timestamp=\"{timestamp}\",serial_no=\"{}\"",
        wechat.mchid, wechat.serial_no
    );
    let value = |text: &str| {
        HeaderValue::from_str(text)
            .map_err(|source| PaymentError::Client { provider: NAME, source: source.into() })
    };
    let mut request = Request::new(Method::POST, url);
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, value(&authorization)?);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // It says which key is to sign the answer; serials of certificates are not asked for.
    if let Some((serial, _)) = wechat.platform_keys.iter().find(|(id, _)| id.starts_with("PUB_KEY_ID_")) {
        headers.insert(HeaderName::from_static("wechatpay-serial"), value(serial)?);
    }
    *request.body_mut() = Some(body.into());
    Ok(request)
}

/// Whether an answer is WeChat Pay's: the payer is about to scan what it says.
fn is_signed(wechat: &WechatPay, answer: &Answer) -> bool {
    let parts = || {
        let serial = header(&answer.headers, "wechatpay-serial")?;
        let timestamp = header(&answer.headers, "wechatpay-timestamp")?;
        let nonce = header(&answer.headers, "wechatpay-nonce")?;
        let signature = header(&answer.headers, "wechatpay-signature")?;
        let at = Timestamp::from_secs(timestamp.parse().ok()?);
        let message = signed_bytes(timestamp, nonce, &answer.body);
        let is_fresh = u128::from(at.0.abs_diff(wechat.clock.now().0)) <= TOLERANCE.as_millis();
        Some(is_fresh && wechat.platform_key(serial)?.has_signed(&message, signature))
    };
    parts().unwrap_or(false)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
