//! Alipay: orders, and what is believed of a notification.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tenfold_kernel::Secret;
use tenfold_payments::{
    ALIPAY_GATEWAY, Acknowledgement, Alipay, AlipayConfig, AlipayProduct, EventKind, Forgery, NewOrder,
    Notification, PaymentError, Prompt, Provider, RefundExtent,
};
use url::Url;

use crate::keys::{OURS, Pair, STRANGERS, THEIRS, assert_names};
use crate::rig::{
    self, NOW, ORDER_ID, Received, Reply, forgery, is_ignored, malformed, money, news, notification, order,
    pairs, reply, server,
};

pub(crate) fn config() -> AlipayConfig {
    AlipayConfig {
        gateway: ALIPAY_GATEWAY.parse().unwrap(),
        app_id: "2021000000000001".to_owned(),
        seller_id: "2088000000000001".to_owned(),
        private_key: Secret::new(&OURS.private_pem()),
        alipay_public_key: THEIRS.public_base64(),
        product: AlipayProduct::PagePay,
    }
}

pub(crate) fn alipay() -> Alipay {
    Alipay::new(&config(), rig::clock()).unwrap()
}

fn paid() -> BTreeMap<&'static str, String> {
    [
        ("app_id", "2021000000000001"),
        ("buyer_id", "2088000000000099"),
        ("charset", "utf-8"),
        ("fund_bill_list", r#"[{"amount":"88.80","fundChannel":"ALIPAYACCOUNT"}]"#),
        ("body", ""),
        ("notify_id", "2026082900222184000000000000000001"),
        ("notify_time", "2026-08-29 18:40:00"),
        ("notify_type", "trade_status_sync"),
        ("out_trade_no", ORDER_ID),
        ("refund_fee", "0.00"),
        ("seller_id", "2088000000000001"),
        ("subject", "充值 50% credit"),
        ("total_amount", "88.80"),
        ("trade_no", "2026082922001400000000000001"),
        ("trade_status", "TRADE_SUCCESS"),
        ("version", "1.0"),
    ]
    .map(|(key, value)| (key, value.to_owned()))
    .into()
}

fn with(changes: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
    let mut parameters = paid();
    parameters.extend(changes.iter().map(|(key, value)| (*key, (*value).to_owned())));
    parameters
}

fn encoded<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn signed_by(pair: &Pair, parameters: &BTreeMap<&'static str, String>) -> Notification {
    let text: Vec<String> = parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let sign = pair.sign(text.join("&").as_bytes());
    let parameters = parameters.iter().map(|(key, value)| (*key, value.as_str()));
    let body = encoded(parameters.chain([("sign", sign.as_str()), ("sign_type", "RSA2")]));
    notification(&[("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")], body)
}

fn signed(parameters: &BTreeMap<&'static str, String>) -> Notification {
    signed_by(&THEIRS, parameters)
}

#[tokio::test]
async fn a_trade_that_succeeded_is_a_payment_of_our_order() {
    let (event_id, event) = news(alipay().verify(&signed(&paid())).await);
    assert_eq!(event_id, "paid:2026082922001400000000000001");
    assert_eq!(event.order_id, ORDER_ID);
    assert_eq!(event.provider_order_id, "2026082922001400000000000001");
    assert_eq!(event.amount, money(88_800_000_000, "CNY"));
    assert_eq!(event.kind, EventKind::Paid);
}

#[tokio::test]
async fn a_trade_that_finished_later_is_the_same_news() {
    let finished = with(&[("trade_status", "TRADE_FINISHED"), ("notify_id", "another")]);
    let (event_id, event) = news(alipay().verify(&signed(&finished)).await);
    assert_eq!((event_id.as_str(), event.kind), ("paid:2026082922001400000000000001", EventKind::Paid));
}

#[tokio::test]
async fn refunds_say_how_much_went_back_until_now() {
    for (status, fee, nanos) in
        [("TRADE_SUCCESS", "10.5", 10_500_000_000), ("TRADE_CLOSED", "88.80", 88_800_000_000)]
    {
        let refund =
            with(&[("trade_status", status), ("refund_fee", fee), ("gmt_refund", "2026-08-29 18:39:59.123")]);
        let (event_id, event) = news(alipay().verify(&signed(&refund)).await);
        assert_eq!(event_id, format!("refunded:2026082922001400000000000001:{nanos}"));
        let amount = money(nanos, "CNY");
        assert_eq!(event.kind, EventKind::Refunded { amount, extent: RefundExtent::Total });
        assert_eq!(event.amount, money(88_800_000_000, "CNY"));
    }
}

#[tokio::test]
async fn a_trade_that_closed_unpaid_has_expired() {
    let (_, event) = news(alipay().verify(&signed(&with(&[("trade_status", "TRADE_CLOSED")]))).await);
    assert_eq!(event.kind, EventKind::Expired);
}

#[tokio::test]
async fn a_trade_that_waits_and_other_notifications_are_ignored() {
    for change in [("trade_status", "WAIT_BUYER_PAY"), ("notify_type", "dut_user_sign")] {
        assert!(is_ignored(alipay().verify(&signed(&with(&[change]))).await), "{change:?}");
    }
}

#[tokio::test]
async fn another_key_or_a_changed_byte_is_a_forgery() {
    assert_eq!(forgery(alipay().verify(&signed_by(&STRANGERS, &paid())).await), Forgery::Signature);
    // Our own key signs requests; it must not make notifications.
    assert_eq!(forgery(alipay().verify(&signed_by(&OURS, &paid())).await), Forgery::Signature);
    let right = signed(&paid());
    let alipay = alipay();
    for at in 0..right.body.len() {
        let mut bytes = right.body.to_vec();
        bytes[at] ^= 1;
        let same = pairs(&bytes) == pairs(&right.body);
        let wrong = Notification { body: bytes.into(), ..right.clone() };
        assert!(same || alipay.verify(&wrong).await.is_err(), "byte {at}");
    }
}

#[tokio::test]
async fn parameters_that_were_not_signed_are_a_forgery() {
    let right = String::from_utf8(signed(&paid()).body.to_vec()).unwrap();
    let added = notification(&[], format!("{right}&extra=1"));
    assert_eq!(forgery(alipay().verify(&added).await), Forgery::Signature);
    let twice = notification(&[], format!("{right}&total_amount=88.80"));
    assert_eq!(malformed(alipay().verify(&twice).await), "body");
}

#[tokio::test]
async fn other_kinds_of_signatures_are_refused() {
    for kind in ["RSA", "MD5", "rsa2", ""] {
        let body = String::from_utf8(signed(&paid()).body.to_vec()).unwrap();
        let body = body.replace("sign_type=RSA2", &format!("sign_type={kind}"));
        assert_eq!(malformed(alipay().verify(&notification(&[], body)).await), "sign_type", "{kind}");
    }
    assert_eq!(malformed(alipay().verify(&notification(&[], "sign_type=RSA2&sign=")).await), "sign");
}

#[tokio::test]
async fn another_application_seller_or_currency_is_refused() {
    for (change, wanted) in [
        (("app_id", "2021000000000002"), Forgery::NotOurs { field: "app_id" }),
        (("seller_id", "2088000000000002"), Forgery::NotOurs { field: "seller_id" }),
        (("trans_currency", "USD"), Forgery::Mismatch { field: "trans_currency" }),
        (("settle_currency", "HKD"), Forgery::Mismatch { field: "settle_currency" }),
    ] {
        assert_eq!(forgery(alipay().verify(&signed(&with(&[change]))).await), wanted);
    }
}

#[tokio::test]
async fn a_notification_older_than_its_repeats_is_refused() {
    for (time, is_fresh) in [
        ("2026-08-28 17:40:00", true),
        ("2026-08-28 16:39:59", false),
        ("2026-08-29 18:45:00", true),
        ("2026-08-29 18:45:01", false),
        ("2024-08-29 18:40:00", false),
    ] {
        let verified = alipay().verify(&signed(&with(&[("notify_time", time)]))).await;
        if is_fresh {
            assert!(verified.is_ok(), "{time}");
        } else {
            assert_eq!(forgery(verified), Forgery::Stale, "{time}");
        }
    }
}

#[tokio::test]
async fn what_lacks_a_field_or_has_an_odd_one_is_refused() {
    for field in [
        "app_id",
        "charset",
        "notify_id",
        "notify_time",
        "notify_type",
        "out_trade_no",
        "seller_id",
        "total_amount",
        "trade_no",
        "trade_status",
    ] {
        let mut without = paid();
        without.remove(field);
        assert_eq!(malformed(alipay().verify(&signed(&without)).await), field);
        assert_eq!(malformed(alipay().verify(&signed(&with(&[(field, "")]))).await), field);
    }
    for (field, value) in [
        ("charset", "gbk"),
        ("notify_time", "yesterday"),
        ("total_amount", "88.801"),
        ("total_amount", "-88.80"),
        ("total_amount", "8.88e1"),
        ("total_amount", "0.00"),
        ("trade_status", "TRADE_PENDING"),
        ("refund_fee", "88.81"),
        ("refund_fee", "all"),
    ] {
        assert_eq!(malformed(alipay().verify(&signed(&with(&[(field, value)]))).await), field, "{value}");
    }
    let nothing_back = with(&[("gmt_refund", "2026-08-29 18:39:59")]);
    assert_eq!(malformed(alipay().verify(&signed(&nothing_back)).await), "refund_fee");
}

/// Panics unless the parameters carry our signature; returns them.
fn checked(pairs: Vec<(String, String)>) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = pairs.into_iter().collect();
    let sign = parameters.remove("sign").unwrap();
    let text: Vec<String> = parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert!(OURS.has_signed(text.join("&").as_bytes(), &sign));
    for (key, value) in [
        ("app_id", "2021000000000001"),
        ("format", "JSON"),
        ("charset", "utf-8"),
        ("sign_type", "RSA2"),
        ("timestamp", "2026-08-29 18:40:00"),
        ("version", "1.0"),
        ("notify_url", "https://tenfold.example/payments/notify"),
    ] {
        assert_eq!(parameters.get(key).map(String::as_str), Some(value), "{key}");
    }
    parameters
}

fn content(parameters: &BTreeMap<String, String>) -> Value {
    serde_json::from_str(&parameters["biz_content"]).unwrap()
}

#[tokio::test]
async fn an_order_on_the_page_is_a_signed_address() {
    let made = alipay().create_order(&order(money(88_800_000_000, "CNY"))).await.unwrap();
    let Prompt::Redirect { url } = made.prompt else { panic!("no page") };
    let url: Url = url.parse().unwrap();
    assert!(url.as_str().starts_with("https://openapi.alipay.com/gateway.do?"));
    let parameters = checked(pairs(url.query().unwrap().as_bytes()));
    assert_eq!(parameters["method"], "alipay.trade.page.pay");
    assert_eq!(parameters["return_url"], "https://tenfold.example/billing?done=1");
    assert_eq!(
        content(&parameters),
        json!({
            "out_trade_no": ORDER_ID, "total_amount": "88.80", "subject": "充值 50% credit",
            "time_expire": "2026-08-29 19:40:00", "product_code": "FAST_INSTANT_TRADE_PAY",
        })
    );
}

fn at(address: &Url) -> Alipay {
    let gateway = address.join("gateway.do").unwrap();
    Alipay::new(&AlipayConfig { gateway, product: AlipayProduct::Precreate, ..config() }, rig::clock())
        .unwrap()
}

/// What the gateway answers, signed by `pair` over the characters of the inner object.
fn answer(pair: &Pair, inner: &str) -> Reply {
    let sign = pair.sign(inner.as_bytes());
    reply(200, format!(r#"{{"alipay_trade_precreate_response":{inner},"sign":"{sign}"}}"#))
}

const PRECREATED: &str = r#"{"code":"10000", "msg":"Success","out_trade_no":"ord_0123456789abcdefABCDEF","qr_code":"https:\/\/qr.alipay.com\/bax03431ljhokirwl38f00a7"}"#;

#[tokio::test]
async fn an_order_to_scan_is_asked_for_and_the_answer_checked() {
    let (address, mut requests) = server(|received: &Received| {
        let (path, query) = received.target.split_once('?').unwrap();
        assert_eq!((received.method.as_str(), path), ("POST", "/gateway.do"));
        let mut all = pairs(query.as_bytes());
        all.extend(received.form());
        checked(all);
        answer(&THEIRS, PRECREATED)
    })
    .await;
    let made = at(&address).create_order(&order(money(88_800_000_000, "CNY"))).await.unwrap();
    let content_of_code = "https://qr.alipay.com/bax03431ljhokirwl38f00a7".to_owned();
    assert_eq!(made.prompt, Prompt::QrCode { content: content_of_code });
    let request = requests.recv().await.unwrap();
    assert!(
        request.target.contains("method=alipay.trade.precreate") && request.target.contains("charset=utf-8")
    );
    assert!(!request.target.contains("biz_content"));
    assert_eq!(content(&request.form().into_iter().collect())["total_amount"], "88.80");
}

#[tokio::test]
async fn an_answer_that_is_not_alipays_is_refused() {
    let other = PRECREATED.replace("ABCDEF", "FEDCBA");
    let script = PRECREATED.replace(r"https:\/\/qr", r"javascript:\/\/qr");
    for (pair, inner, named) in [
        (&STRANGERS, PRECREATED, "sign"),
        (&THEIRS, other.as_str(), "out_trade_no"),
        (&THEIRS, script.as_str(), "qr_code"),
        (&THEIRS, "[]", "body"),
    ] {
        let inner = inner.to_owned();
        let (address, _requests) = server(move |_| answer(pair, &inner)).await;
        let error = at(&address).create_order(&order(money(88_800_000_000, "CNY"))).await.unwrap_err();
        assert!(matches!(error, PaymentError::Answer { field, .. } if field == named), "{error:?}");
    }
}

#[tokio::test]
async fn an_error_of_alipays_gives_its_code_and_not_its_text() {
    let body = r#"{"alipay_trade_precreate_response":{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_HAS_SUCCESS","sub_msg":"交易已被支付"}}"#;
    let (address, _requests) = server(move |_| reply(200, body)).await;
    let error = at(&address).create_order(&order(money(88_800_000_000, "CNY"))).await.unwrap_err();
    let PaymentError::Refused { code: Some(code), .. } = &error else { panic!("{error:?}") };
    assert_eq!(code, "ACQ.TRADE_HAS_SUCCESS");
    assert!(!format!("{error:?}").contains("交易"));
}

#[tokio::test]
async fn an_order_that_alipay_cannot_take_is_refused() {
    let usual = || order(money(88_800_000_000, "CNY"));
    for (wanted, wrong) in [
        ("amount", order(money(88_800_000_000, "USD"))),
        ("amount", order(money(88_805_000_000, "CNY"))),
        // It would be signed as a parameter of its own.
        ("subject", NewOrder { subject: "a&total_amount=0.01".to_owned(), ..usual() }),
        ("order_id", NewOrder { order_id: "ord-with-dashes".to_owned(), ..usual() }),
        ("expires_at", NewOrder { expires_at: NOW, ..usual() }),
    ] {
        let error = alipay().create_order(&wrong).await.unwrap_err();
        assert!(matches!(error, PaymentError::Order { field, .. } if field == wanted), "{error:?}");
    }
    let later = NewOrder { expires_at: NOW.plus(Duration::from_hours(72)), ..usual() };
    assert!(alipay().create_order(&later).await.is_ok());
}

#[test]
fn an_incomplete_configuration_names_its_field() {
    let refused = |config: AlipayConfig| Alipay::new(&config, rig::clock()).unwrap_err();
    assert_names(&refused(AlipayConfig { app_id: String::new(), ..config() }), "app_id", true);
    assert_names(&refused(AlipayConfig { app_id: "wx1".to_owned(), ..config() }), "app_id", false);
    assert_names(&refused(AlipayConfig { seller_id: "2088".to_owned(), ..config() }), "seller_id", false);
    assert_names(&refused(AlipayConfig { private_key: Secret::new(""), ..config() }), "private_key", true);
    for text in [OURS.public_pem(), "AAAA".to_owned(), OURS.private_pem().replace("PRIVATE", "RSA PRIVATE")] {
        let error = refused(AlipayConfig { private_key: Secret::new(&text), ..config() });
        assert_names(&error, "private_key", false);
    }
    for text in [OURS.private_pem(), "not base64".to_owned(), THEIRS.public_base64()[..300].to_owned()] {
        let error = refused(AlipayConfig { alipay_public_key: text, ..config() });
        assert_names(&error, "alipay_public_key", false);
    }
    let none = AlipayConfig { alipay_public_key: String::new(), ..config() };
    assert_names(&refused(none), "alipay_public_key", true);
    let plain = AlipayConfig { gateway: "http://openapi.alipay.com/gateway.do".parse().unwrap(), ..config() };
    assert_names(&refused(plain), "gateway", false);
}

#[test]
fn nothing_secret_is_shown() {
    let shown = format!("{:?} {:?}", alipay(), config());
    let private = OURS.private_pem();
    assert!(!shown.contains(private.lines().nth(5).unwrap()), "{shown}");
}

#[test]
fn each_answer_to_a_notification_is_what_alipay_wants() {
    let body = |dealt_with| {
        let Acknowledgement { status, body, .. } = alipay().acknowledge(dealt_with);
        (status, body)
    };
    assert_eq!((body(true), body(false)), ((200, "success"), (200, "fail")));
}
