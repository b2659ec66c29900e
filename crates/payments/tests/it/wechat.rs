//! WeChat Pay: what is believed of a notification.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};
use tenfold_kernel::{Secret, SeededRng, Timestamp};
use tenfold_payments::{
    EventKind, Forgery, Notification, Provider, RefundExtent, WECHAT_PAY_API, WechatPay, WechatPayConfig,
    WechatPlatformKey,
};

use crate::keys::{OURS, Pair, STRANGERS, THEIRS, assert_names};
use crate::rig::{self, NOW, ORDER_ID, forgery, is_ignored, malformed, money, news, notification};

pub(crate) const KEY_ID: &str = "PUB_KEY_ID_0114232134912410000000000000";
pub(crate) const V3_KEY: &str = "0123456789abcdefghijklmnopqrstuv";
const NONCE: &str = "593BEC0C930B";

pub(crate) fn config() -> WechatPayConfig {
    WechatPayConfig {
        api_base: WECHAT_PAY_API.parse().unwrap(),
        mchid: "1900000109".to_owned(),
        appid: "wxd678efh567hg6787".to_owned(),
        serial_no: "444F4864EA9B34415B7A3A4A91AD1B3D".to_owned(),
        private_key: Secret::new(&OURS.private_pem()),
        api_v3_key: Secret::new(V3_KEY),
        platform_keys: vec![
            WechatPlatformKey {
                serial: "5157F09EFDC096DE15EBE81A47057A72".to_owned(),
                public_key: OURS.public_pem(),
            },
            WechatPlatformKey { serial: KEY_ID.to_owned(), public_key: THEIRS.public_pem() },
        ],
    }
}

pub(crate) fn wechat() -> WechatPay {
    WechatPay::new(&config(), rig::clock(), Arc::new(SeededRng::new(1))).unwrap()
}

fn paid() -> Value {
    json!({
        "mchid": "1900000109", "appid": "wxd678efh567hg6787", "out_trade_no": ORDER_ID,
        "transaction_id": "4200000000000000000000000001", "trade_type": "NATIVE", "trade_state": "SUCCESS",
        "success_time": "2026-08-29T18:39:58+08:00",
        "amount": { "total": 8880, "payer_total": 8000, "currency": "CNY", "payer_currency": "CNY" },
    })
}

fn refunded() -> Value {
    json!({
        "mchid": "1900000109", "out_trade_no": ORDER_ID, "transaction_id": "4200000000000000000000000001",
        "out_refund_no": "ref_1", "refund_id": "50000000000000000000000000001", "refund_status": "SUCCESS",
        "amount": { "total": 8880, "refund": 1050, "payer_total": 8880, "payer_refund": 1050 },
    })
}

fn encrypted(kind: &str, resource: &Value, v3_key: &str) -> Value {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, v3_key.as_bytes()).unwrap());
    let nonce = Nonce::assume_unique_for_key(NONCE.as_bytes().try_into().unwrap());
    let mut bytes = resource.to_string().into_bytes();
    key.seal_in_place_append_tag(nonce, Aad::from(b"transaction"), &mut bytes).unwrap();
    json!({
        "id": "EV-2026082918400000001", "create_time": "2026-08-29T18:40:00+08:00", "event_type": kind,
        "resource_type": "encrypt-resource", "summary": "支付成功",
        "resource": {
            "original_type": "transaction", "algorithm": "AEAD_AES_256_GCM", "nonce": NONCE,
            "associated_data": "transaction", "ciphertext": STANDARD.encode(bytes),
        },
    })
}

fn signed_by(pair: &Pair, serial: &str, at: Timestamp, body: &Value) -> Notification {
    let (timestamp, body) = (at.secs().to_string(), body.to_string());
    let signature = pair.sign(format!("{timestamp}\nEcPuL2tsWy\n{body}\n").as_bytes());
    let headers = [
        ("Wechatpay-Timestamp", timestamp.as_str()),
        ("Wechatpay-Nonce", "EcPuL2tsWy"),
        ("Wechatpay-Signature", &signature),
        ("Wechatpay-Serial", serial),
        ("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048"),
    ];
    notification(&headers, body)
}

fn signed(body: &Value) -> Notification {
    signed_by(&THEIRS, KEY_ID, NOW, body)
}

fn payment(resource: &Value) -> Notification {
    signed(&encrypted("TRANSACTION.SUCCESS", resource, V3_KEY))
}

fn refund(resource: &Value) -> Notification {
    signed(&encrypted("REFUND.SUCCESS", resource, V3_KEY))
}

/// `value` with the field at `path` set, or removed if `to` is null.
fn changed(value: Value, path: &str, to: Value) -> Value {
    let mut whole = value;
    let (parent, field) = path.rsplit_once('/').unwrap();
    let object = whole.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if to.is_null() {
        assert!(object.remove(field).is_some(), "{path}");
    } else {
        object.insert(field.to_owned(), to);
    }
    whole
}

#[tokio::test]
async fn a_transaction_is_a_payment_of_our_order() {
    let (event_id, event) = news(wechat().verify(&payment(&paid())).await);
    assert_eq!(event_id, "paid:4200000000000000000000000001");
    assert_eq!(event.order_id, ORDER_ID);
    assert_eq!(event.provider_order_id, "4200000000000000000000000001");
    // The whole price, although a coupon paid a part of it.
    assert_eq!(event.amount, money(88_800_000_000, "CNY"));
    assert_eq!(event.kind, EventKind::Paid);
}

#[tokio::test]
async fn a_refund_says_how_much_it_sent_back() {
    let (event_id, event) = news(wechat().verify(&refund(&refunded())).await);
    assert_eq!(event_id, "refunded:50000000000000000000000000001");
    assert_eq!((event.order_id.as_str(), event.amount), (ORDER_ID, money(88_800_000_000, "CNY")));
    let amount = money(10_500_000_000, "CNY");
    assert_eq!(event.kind, EventKind::Refunded { amount, extent: RefundExtent::Single });
}

#[tokio::test]
async fn a_refund_that_failed_is_ignored() {
    for kind in ["REFUND.ABNORMAL", "REFUND.CLOSED", "PAYSCORE.USER_PAID"] {
        assert!(is_ignored(wechat().verify(&signed(&encrypted(kind, &refunded(), V3_KEY))).await), "{kind}");
    }
}

#[tokio::test]
async fn the_key_is_the_one_that_the_serial_names() {
    let body = encrypted("TRANSACTION.SUCCESS", &paid(), V3_KEY);
    let old = signed_by(&OURS, "5157F09EFDC096DE15EBE81A47057A72", NOW, &body);
    assert!(wechat().verify(&old).await.is_ok());
    let crossed = signed_by(&OURS, KEY_ID, NOW, &body);
    assert_eq!(forgery(wechat().verify(&crossed).await), Forgery::Signature);
    let unknown = signed_by(&THEIRS, "PUB_KEY_ID_1", NOW, &body);
    assert_eq!(forgery(wechat().verify(&unknown).await), Forgery::UnknownKey);
    let stranger = signed_by(&STRANGERS, KEY_ID, NOW, &body);
    assert_eq!(forgery(wechat().verify(&stranger).await), Forgery::Signature);
}

#[tokio::test]
async fn a_changed_byte_is_a_forgery() {
    let (right, wechat) = (payment(&paid()), wechat());
    for at in 0..right.body.len() {
        let mut bytes = right.body.to_vec();
        bytes[at] ^= 1;
        let wrong = Notification { body: bytes.into(), ..right.clone() };
        assert_eq!(forgery(wechat.verify(&wrong).await), Forgery::Signature, "byte {at}");
    }
    // WeChat Pay tries out whether merchants check: it sends signatures that begin like this.
    let mut probe = right;
    probe.headers[2].1 = format!("WECHATPAY/SIGNTEST/{}", probe.headers[2].1);
    assert_eq!(forgery(wechat.verify(&probe).await), Forgery::Signature);
}

#[tokio::test]
async fn five_minutes_are_the_window_in_both_directions() {
    let body = encrypted("TRANSACTION.SUCCESS", &paid(), V3_KEY);
    for (offset, is_fresh) in [(-300, true), (-301, false), (300, true), (301, false)] {
        let at = Timestamp::from_secs(NOW.secs() + offset);
        let verified = wechat().verify(&signed_by(&THEIRS, KEY_ID, at, &body)).await;
        if is_fresh {
            assert!(verified.is_ok(), "{offset}");
        } else {
            assert_eq!(forgery(verified), Forgery::Stale, "{offset}");
        }
    }
}

#[tokio::test]
async fn a_time_or_nonce_that_was_not_signed_is_a_forgery() {
    for (header, value) in [(0, "1788000001"), (1, "another")] {
        let mut moved = payment(&paid());
        moved.headers[header].1 = value.to_owned();
        assert_eq!(forgery(wechat().verify(&moved).await), Forgery::Signature);
    }
}

#[tokio::test]
async fn another_key_of_api_v3_is_a_forgery() {
    let other = encrypted("TRANSACTION.SUCCESS", &paid(), "vutsrqponmlkjihgfedcba9876543210");
    assert_eq!(forgery(wechat().verify(&signed(&other)).await), Forgery::UnknownKey);
    let right = encrypted("TRANSACTION.SUCCESS", &paid(), V3_KEY);
    let moved = changed(right, "/resource/associated_data", json!("refund"));
    assert_eq!(forgery(wechat().verify(&signed(&moved)).await), Forgery::UnknownKey);
}

#[tokio::test]
async fn another_merchant_application_or_currency_is_refused() {
    for (path, to, wanted) in [
        ("/mchid", "1900000110", Forgery::NotOurs { field: "mchid" }),
        ("/appid", "wx0000000000000000", Forgery::NotOurs { field: "appid" }),
        ("/amount/currency", "USD", Forgery::Mismatch { field: "amount.currency" }),
    ] {
        let verified = wechat().verify(&payment(&changed(paid(), path, json!(to)))).await;
        assert_eq!(forgery(verified), wanted);
        let verified = wechat().verify(&refund(&changed(refunded(), path, json!(to)))).await;
        assert_eq!(forgery(verified), wanted);
    }
}

#[tokio::test]
async fn what_lacks_a_field_is_refused() {
    for path in [
        "/mchid",
        "/appid",
        "/out_trade_no",
        "/transaction_id",
        "/trade_state",
        "/amount",
        "/amount/total",
        "/amount/currency",
    ] {
        let without = changed(paid(), path, Value::Null);
        assert_eq!(malformed(wechat().verify(&payment(&without)).await), "resource", "{path}");
    }
    for path in
        ["/mchid", "/out_trade_no", "/transaction_id", "/refund_id", "/refund_status", "/amount/refund"]
    {
        let without = changed(refunded(), path, Value::Null);
        assert_eq!(malformed(wechat().verify(&refund(&without)).await), "resource", "{path}");
    }
    let whole = || encrypted("TRANSACTION.SUCCESS", &paid(), V3_KEY);
    for path in
        ["/id", "/event_type", "/resource", "/resource/nonce", "/resource/algorithm", "/resource/ciphertext"]
    {
        let without = changed(whole(), path, Value::Null);
        assert_eq!(malformed(wechat().verify(&signed(&without)).await), "body", "{path}");
    }
    for header in 0..4 {
        let mut without = payment(&paid());
        let (name, _) = without.headers.remove(header);
        assert_eq!(malformed(wechat().verify(&without).await), name);
        let mut twice = payment(&paid());
        twice.headers.push(twice.headers[header].clone());
        assert_eq!(malformed(wechat().verify(&twice).await), name);
    }
}

#[tokio::test]
async fn what_is_odd_is_refused() {
    for (path, to, named) in [
        ("/amount/total", json!(0), "amount.total"),
        ("/amount/total", json!(-8880), "amount.total"),
        ("/amount/total", json!(88.8), "resource"),
        ("/amount/total", json!(i64::MAX), "amount.total"),
        ("/out_trade_no", json!(""), "out_trade_no"),
        ("/trade_state", json!("NOTPAY"), "trade_state"),
    ] {
        assert_eq!(malformed(wechat().verify(&payment(&changed(paid(), path, to))).await), named);
    }
    let more_back = changed(refunded(), "/amount/refund", json!(8881));
    assert_eq!(malformed(wechat().verify(&refund(&more_back)).await), "amount.refund");
    let whole = || encrypted("TRANSACTION.SUCCESS", &paid(), V3_KEY);
    for (path, to) in [
        ("/resource/algorithm", "AES_128_ECB"),
        ("/resource/nonce", "short"),
        ("/resource/ciphertext", "no base64"),
    ] {
        let odd = signed(&changed(whole(), path, json!(to)));
        assert_eq!(malformed(wechat().verify(&odd).await), path[1..].replace('/', "."));
    }
    let mut broken = payment(&paid());
    broken.headers[1].1 = "two\nlines".to_owned();
    assert_eq!(malformed(wechat().verify(&broken).await), "Wechatpay-Nonce");
    let mut signless = payment(&paid());
    signless.headers[0].1 = "+1788000000".to_owned();
    assert_eq!(malformed(wechat().verify(&signless).await), "Wechatpay-Timestamp");
}

#[test]
fn an_incomplete_configuration_names_its_field() {
    let refused = |config: WechatPayConfig| {
        WechatPay::new(&config, rig::clock(), Arc::new(SeededRng::new(1))).unwrap_err()
    };
    assert_names(&refused(WechatPayConfig { mchid: String::new(), ..config() }), "mchid", true);
    assert_names(&refused(WechatPayConfig { mchid: "19\"".to_owned(), ..config() }), "mchid", false);
    assert_names(&refused(WechatPayConfig { appid: String::new(), ..config() }), "appid", true);
    assert_names(&refused(WechatPayConfig { serial_no: "xyz".to_owned(), ..config() }), "serial_no", false);
    assert_names(&refused(WechatPayConfig { private_key: Secret::new(""), ..config() }), "private_key", true);
    assert_names(
        &refused(WechatPayConfig { private_key: Secret::new("x"), ..config() }),
        "private_key",
        false,
    );
    assert_names(&refused(WechatPayConfig { api_v3_key: Secret::new(""), ..config() }), "api_v3_key", true);
    assert_names(
        &refused(WechatPayConfig { api_v3_key: Secret::new("short"), ..config() }),
        "api_v3_key",
        false,
    );
    assert_names(&refused(WechatPayConfig { platform_keys: vec![], ..config() }), "platform_keys", true);
    let key = |serial: &str, public_key: String| WechatPayConfig {
        platform_keys: vec![WechatPlatformKey { serial: serial.to_owned(), public_key }],
        ..config()
    };
    assert_names(&refused(key("", THEIRS.public_pem())), "platform_keys.serial", true);
    assert_names(&refused(key(KEY_ID, String::new())), "platform_keys.public_key", true);
    assert_names(&refused(key(KEY_ID, OURS.private_pem())), "platform_keys.public_key", false);
    let mut twice = config();
    twice.platform_keys[0].serial = KEY_ID.to_owned();
    assert_names(&refused(twice), "platform_keys.serial", false);
    let plain = WechatPayConfig { api_base: "http://192.0.2.1/".parse().unwrap(), ..config() };
    assert_names(&refused(plain), "api_base", false);
}

#[test]
fn nothing_secret_is_shown() {
    let shown = format!("{:?} {:?}", wechat(), config());
    assert!(
        !shown.contains(V3_KEY) && !shown.contains(OURS.private_pem().lines().nth(5).unwrap()),
        "{shown}"
    );
}
