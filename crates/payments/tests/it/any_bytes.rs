//! No bytes make a provider panic or believe them.

use std::sync::LazyLock;

use futures::FutureExt;
use proptest::prelude::*;
use tenfold_payments::{Alipay, Notification, PaymentError, Provider, StripeCheckout, WechatPay};

use crate::rig::{NOW, notification};
use crate::wechat::KEY_ID;
use crate::{alipay, stripe, wechat};

static STRIPE: LazyLock<StripeCheckout> = LazyLock::new(stripe::stripe);
static ALIPAY: LazyLock<Alipay> = LazyLock::new(alipay::alipay);
static WECHAT: LazyLock<WechatPay> = LazyLock::new(wechat::wechat);

/// Whether it is refused as it should be. None of these asks a server, so the answer is there at once.
fn is_refused(provider: &dyn Provider, notification: &Notification) -> bool {
    let verified = provider.verify(notification).now_or_never().expect("nothing is waited for");
    matches!(verified, Err(PaymentError::Forged { .. } | PaymentError::Malformed { .. }))
}

proptest! {
    #[test]
    fn any_body_and_any_headers_are_refused(
        body: Vec<u8>,
        headers in prop::collection::vec((any::<String>(), any::<String>()), 0..4),
    ) {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let any = notification(&headers, body);
        prop_assert!(is_refused(&*STRIPE, &any));
        prop_assert!(is_refused(&*ALIPAY, &any));
        prop_assert!(is_refused(&*WECHAT, &any));
    }

    #[test]
    fn a_signature_header_of_stripes_that_is_made_up_is_refused(
        body: Vec<u8>,
        header in prop_oneof![
            any::<String>(),
            "t=[0-9]{0,14}(,v[01]=[0-9a-f]{0,66}){0,3}",
            "t=1788000000(,v1=[0-9a-f]{64}){1,3}",
        ],
    ) {
        prop_assert!(is_refused(&*STRIPE, &notification(&[("Stripe-Signature", &header)], body)));
    }

    #[test]
    fn a_form_that_looks_like_alipays_is_refused(
        fields in prop::collection::vec(
            (
                prop_oneof![
                    Just("sign"), Just("trade_status"), Just("total_amount"), Just("app_id"), Just("notify_time"),
                ],
                any::<String>(),
            ),
            0..6,
        ),
        signature in "[A-Za-z0-9+/]{342}==",
    ) {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .append_pair("sign_type", "RSA2")
            .append_pair("sign", &signature)
            .finish();
        prop_assert!(is_refused(&*ALIPAY, &notification(&[], body)));
    }

    #[test]
    fn headers_that_look_like_wechats_are_refused(
        body: Vec<u8>,
        timestamp in prop_oneof![any::<String>(), Just(NOW.secs().to_string())],
        nonce: String,
        signature in prop_oneof![any::<String>(), "[A-Za-z0-9+/]{342}=="],
    ) {
        let headers = [
            ("Wechatpay-Timestamp", timestamp.as_str()),
            ("Wechatpay-Nonce", &nonce),
            ("Wechatpay-Signature", &signature),
            ("Wechatpay-Serial", KEY_ID),
        ];
        prop_assert!(is_refused(&*WECHAT, &notification(&headers, body)));
    }
}
