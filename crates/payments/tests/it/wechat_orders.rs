//! WeChat Pay: orders.

use std::sync::Arc;

use serde_json::{Value, json};
use tenfold_kernel::{SeededRng, Timestamp};
use tenfold_payments::{NewOrder, Order, PaymentError, Prompt, Provider, WechatPay, WechatPayConfig};
use url::Url;

use crate::keys::{OURS, Pair, STRANGERS, THEIRS};
use crate::rig::{self, NOW, ORDER_ID, Received, Reply, money, order, reply, server};
use crate::wechat::{KEY_ID, config, wechat};

const CODE: &str = r#"{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}"#;

fn at(address: Url) -> WechatPay {
    let config = WechatPayConfig { api_base: address, ..config() };
    WechatPay::new(&config, rig::clock(), Arc::new(SeededRng::new(1))).unwrap()
}

/// An answer signed as WeChat Pay signs them.
fn answer(pair: &Pair, at: Timestamp, body: &str) -> Reply {
    let timestamp = at.secs().to_string();
    let signature = pair.sign(format!("{timestamp}\nc5ac7061fccab6bf3e254dcf98995b8c\n{body}\n").as_bytes());
    let headers = vec![
        ("Wechatpay-Timestamp", timestamp),
        ("Wechatpay-Nonce", "c5ac7061fccab6bf3e254dcf98995b8c".to_owned()),
        ("Wechatpay-Signature", signature),
        ("Wechatpay-Serial", KEY_ID.to_owned()),
    ];
    Reply { status: 200, headers, body: body.to_owned() }
}

/// Panics unless the request carries our signature.
fn check(received: &Received) {
    let fields = received.header("authorization").strip_prefix("WECHATPAY2-SHA256-RSA2048 ").unwrap();
    let field = |name: &str| {
        let (_, rest) = fields.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0
    };
    assert_eq!((field("mchid"), field("serial_no")), ("1900000109", "444F4864EA9B34415B7A3A4A91AD1B3D"));
    assert_eq!((field("timestamp"), field("nonce_str").len()), ("1788000000", 32));
    let message = format!(
        "{}\n{}\n{}\n{}\n{}\n",
        received.method,
        received.target,
        field("timestamp"),
        field("nonce_str"),
        received.body
    );
    assert!(OURS.has_signed(message.as_bytes(), field("signature")));
}

#[tokio::test]
async fn an_order_is_asked_for_with_our_signature() {
    let (address, mut requests) = server(|received: &Received| {
        check(received);
        answer(&THEIRS, NOW, CODE)
    })
    .await;
    let made = at(address).create_order(&order(money(88_800_000_000, "CNY"))).await.unwrap();
    let prompt = Prompt::QrCode { content: "weixin://wxpay/bizpayurl?pr=p4lpSuKzz".to_owned() };
    assert_eq!(made, Order { provider_order_id: None, prompt });
    let request = requests.recv().await.unwrap();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/v3/pay/transactions/native"));
    assert_eq!(request.header("wechatpay-serial"), KEY_ID);
    assert_eq!(request.header("accept"), "application/json");
    assert!(request.header("user-agent").starts_with("tenfold/"));
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({
            "appid": "wxd678efh567hg6787", "mchid": "1900000109", "description": "充值 50% credit",
            "out_trade_no": ORDER_ID, "time_expire": "2026-08-29T19:40:00+08:00",
            "notify_url": "https://tenfold.example/payments/notify",
            "amount": { "total": 8880, "currency": "CNY" },
        })
    );
}

#[tokio::test]
async fn an_answer_that_is_not_wechats_is_refused() {
    let script = r#"{"code_url":"https://elsewhere.example/"}"#;
    let late = Timestamp::from_secs(NOW.secs() - 301);
    for (pair, at_time, body, named) in [
        (&STRANGERS, NOW, CODE, "Wechatpay-Signature"),
        (&THEIRS, late, CODE, "Wechatpay-Signature"),
        (&THEIRS, NOW, script, "code_url"),
        (&THEIRS, NOW, "{}", "body"),
    ] {
        let (address, _requests) = server(move |_| answer(pair, at_time, body)).await;
        let error = at(address).create_order(&order(money(88_800_000_000, "CNY"))).await.unwrap_err();
        assert!(matches!(error, PaymentError::Answer { field, .. } if field == named), "{error:?}");
    }
    let (address, _requests) = server(|_| reply(200, CODE)).await;
    let error = at(address).create_order(&order(money(88_800_000_000, "CNY"))).await.unwrap_err();
    assert!(matches!(error, PaymentError::Answer { field: "Wechatpay-Signature", .. }), "{error:?}");
}

#[tokio::test]
async fn an_error_of_wechats_gives_its_code_and_not_its_text() {
    let (address, _requests) =
        server(|_| reply(400, r#"{"code":"OUT_TRADE_NO_USED","message":"商户订单号重复"}"#)).await;
    let error = at(address).create_order(&order(money(88_800_000_000, "CNY"))).await.unwrap_err();
    let PaymentError::Refused { status: 400, code: Some(code), .. } = &error else { panic!("{error:?}") };
    assert_eq!(code, "OUT_TRADE_NO_USED");
    assert!(!format!("{error:?}").contains("商户"));
}

#[tokio::test]
async fn an_order_that_wechat_cannot_take_is_refused() {
    let usual = || order(money(88_800_000_000, "CNY"));
    let address = |text: &str| text.parse::<Url>().unwrap();
    for (wanted, wrong) in [
        ("amount", order(money(88_800_000_000, "USD"))),
        ("amount", order(money(88_805_000_000, "CNY"))),
        ("notify_url", NewOrder { notify_url: address("http://tenfold.example/n"), ..usual() }),
        ("notify_url", NewOrder { notify_url: address("https://tenfold.example/n?a=1"), ..usual() }),
        ("expires_at", NewOrder { expires_at: NOW, ..usual() }),
    ] {
        let error = wechat().create_order(&wrong).await.unwrap_err();
        assert!(matches!(error, PaymentError::Order { field, .. } if field == wanted), "{error:?}");
    }
}

#[test]
fn each_answer_to_a_notification_is_what_wechat_wants() {
    let (taken, not_taken) = (wechat().acknowledge(true), wechat().acknowledge(false));
    assert_eq!((taken.status, not_taken.status), (200, 500));
    for answer in [taken, not_taken] {
        assert_eq!(answer.content_type, "application/json");
        assert!(serde_json::from_str::<Value>(answer.body).is_ok());
    }
}
