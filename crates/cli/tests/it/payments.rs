//! `payments` and `recharge`.

use serde_json::json;

use crate::platform::Platform;
use crate::session::Session;

#[tokio::test]
async fn an_order_is_made_and_its_address_shown() {
    let order = json!({"id": "pay_1", "object": "billing.checkout", "purpose": "top_up", "provider": "stripe",
        "amount": "20.000000000", "currency": "USD", "status": "pending", "refunded": "0.000000000",
        "redirect_url": "https://checkout.stripe.com/c/pay/1", "created_at": 951_782_400, "expires_at": 951_786_000});
    let paid = json!({"id": "pay_0", "object": "billing.checkout", "purpose": "invoice", "invoice_id": "inv_1",
        "provider": "alipay", "amount": "5.000000000", "currency": "CNY", "status": "paid", "refunded": "0.000000000",
        "created_at": 951_782_300, "expires_at": 951_786_000});
    let list = json!({"object": "list", "data": [order, paid], "first_id": "pay_1", "last_id": "pay_0", "has_more": false});
    let platform = Platform::start().json("POST /v1/organization/billing/checkouts", 201, &order).json(
        "GET /v1/organization/billing/checkouts?limit=100",
        200,
        &list,
    );
    let to = ["--provider", "stripe", "--return-url", "https://us.example"];
    let with = |more: &[&'static str]| [&["payments", "checkout"], more, &to].concat();
    let done = Session::at(&platform).run(&with(&["20", "--save"])).await;
    assert_eq!((done.code, done.out.as_str()), (0, "pay_1 https://checkout.stripe.com/c/pay/1\n"));
    assert_eq!(
        platform.seen()[0].body,
        json!({"amount": "20", "currency": "USD", "invoice": null, "provider": "stripe",
            "return_url": "https://us.example", "save_payment_method": true})
    );
    let done = Session::at(&platform).run(&with(&["--invoice", "inv_1"])).await;
    assert_eq!(done.code, 0, "{}", done.err);
    let sent = &platform.seen()[1].body;
    assert_eq!(
        (&sent["amount"], &sent["currency"], &sent["invoice"]),
        (&json!(null), &json!(null), &json!("inv_1"))
    );
    for wrong in [with(&[]), with(&["20", "--invoice", "inv_1"])] {
        assert_eq!(Session::at(&platform).run(&wrong).await.code, 2);
    }
    let done = Session::at(&platform).run(&["payments", "list"]).await;
    insta::assert_snapshot!("payments_list", done.out);
}

#[tokio::test]
async fn a_balance_is_recharged_by_a_way_to_pay_that_was_kept() {
    let methods = json!({"object": "list", "data": [{"id": "pay_method_1", "object": "billing.payment_method",
        "provider": "stripe", "created_at": 951_782_400}], "first_id": "pay_method_1", "last_id": "pay_method_1", "has_more": false});
    let recharge = json!({"object": "billing.auto_recharge", "status": "on", "payment_method": "pay_method_1",
        "threshold": "5.000000000", "amount": "20.000000000", "currency": "USD", "monthly_limit": "100.000000000",
        "charged_this_month": "40.000000000", "checkout_id": null, "failure": null});
    let gone = json!({"id": "x", "object": "billing.deleted", "deleted": true});
    let platform = Platform::start()
        .json("GET /v1/organization/billing/payment_methods", 200, &methods)
        .json("POST /v1/organization/billing/auto_recharge", 200, &recharge)
        .json("GET /v1/organization/billing/auto_recharge", 200, &recharge)
        .json("DELETE /v1/organization/billing/auto_recharge", 200, &gone)
        .json("DELETE /v1/organization/billing/payment_methods/pay_method_1", 200, &gone);
    let done = Session::at(&platform).run(&["payments", "methods"]).await;
    insta::assert_snapshot!("payment_methods", done.out);
    let set = ["recharge", "set", "20", "--below", "5", "--method", "pay_method_1", "--monthly-limit", "100"];
    let done = Session::at(&platform).run(&set).await;
    assert_eq!((done.code, done.out.as_str()), (0, "on\n"));
    assert_eq!(
        platform.seen()[1].body,
        json!({"amount": "20", "threshold": "5", "payment_method": "pay_method_1", "currency": "USD", "monthly_limit": "100"})
    );
    let done = Session::at(&platform).run(&["recharge", "show"]).await;
    insta::assert_snapshot!("recharge", done.out);
    let done = Session::at(&platform).run(&["recharge", "off"]).await;
    assert_eq!((done.code, done.out.as_str()), (0, "off\n"));
    let done = Session::at(&platform).run(&["payments", "forget", "pay_method_1"]).await;
    assert_eq!((done.code, done.out.as_str()), (0, "pay_method_1 is forgotten\n"));
}
