//! `/v1/organization/billing/invoices`.

use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};
use tenfold_kernel::Clock as _;
use tower::ServiceExt as _;

use crate::house::{House, house};

const INVOICES: &str = "/v1/organization/billing/invoices";

pub(super) async fn document(house: &House, path: &str) -> (StatusCode, String, Vec<u8>) {
    let request = axum::http::Request::builder()
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", house.admin()))
        .body(axum::body::Body::empty())
        .unwrap();
    let response = house.router.clone().oneshot(request).await.unwrap();
    let (status, kind) =
        (response.status(), response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned());
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
    (status, kind, bytes.to_vec())
}

#[tokio::test]
async fn a_month_becomes_an_invoice_that_is_written_paid_and_taken_back() {
    let house = house().await;
    let details = json!({
        "customer": {"name": "杭州示例科技有限公司", "address": ["文三路 1 号"], "tax_id": "91330000"},
        "issuer": {"name": "Tenfold Ltd", "address": ["1 Main Street"], "tax_id": null},
        "payment_note": "Bank 1", "tax_percent": "8.875", "due_days": 14,
    });
    let admin = Some(house.admin());
    let set = house.send(Method::PUT, "/v1/organization/billing/details", admin, &[], Some(&details)).await;
    assert_eq!(set, (StatusCode::OK, details.clone()));
    assert_eq!(house.get("/v1/organization/billing/details").await, details);

    // A plan of 20 dollars that is owed; November 2023 in the house.
    let plan = json!({"name": "team", "amount": "20", "currency": "USD"});
    let plan = house.send(Method::POST, "/v1/organization/billing/plans", admin, &[], Some(&plan)).await.1;
    let subscribe = json!({"plan": plan["id"]});
    house.send(Method::POST, "/v1/organization/billing/subscriptions", admin, &[], Some(&subscribe)).await;
    let close = json!({"month": "2023-11", "currency": "USD"});
    let early = house.fails(Method::POST, INVOICES, Some(close.clone())).await;
    assert_eq!((early.0, early.2.as_deref()), (400, Some("month")));
    house.clock.advance(Duration::from_hours(24 * 20));
    let made = house.post(INVOICES, close.clone()).await;
    let id = made["id"].as_str().unwrap();
    let shown = |field: &str| made[field].as_str().unwrap().to_owned();
    assert_eq!(
        ["month", "number", "status", "subtotal", "tax", "total", "paid_before", "balance_due", "owed"]
            .map(shown),
        ["2023-11", "INV-000001", "open", "20.00", "1.78", "21.78", "0.00", "21.78", "21.78"]
    );
    assert_eq!(made["due_at"].as_i64().unwrap(), house.clock.now().secs() + 14 * 86_400);
    assert_eq!(house.post(INVOICES, close).await, made, "once");
    assert_eq!(house.get(INVOICES).await["data"], json!([made]));
    assert_eq!(house.get(&format!("{INVOICES}/{id}")).await, made);

    let json: Value =
        serde_json::from_slice(&document(&house, &format!("{INVOICES}/{id}/document?format=json")).await.2)
            .unwrap();
    assert_eq!(json["lines"][0]["description"], "team", "{json}");
    let (_, kind, csv) = document(&house, &format!("{INVOICES}/{id}/document?format=csv")).await;
    assert!(kind.starts_with("text/csv") && String::from_utf8(csv).unwrap().contains("21.78"), "{kind}");
    for language in ["en", "zh"] {
        let path = format!("{INVOICES}/{id}/document?language={language}");
        let (status, kind, pdf) = document(&house, &path).await;
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/pdf"));
        assert!(pdf.starts_with(b"%PDF-"));
    }
    let wrong = document(&house, &format!("{INVOICES}/{id}/document?format=doc")).await;
    assert_eq!(wrong.0, StatusCode::BAD_REQUEST);

    let paid = house.post(&format!("{INVOICES}/{id}/pay"), json!({})).await;
    assert_eq!((&paid["status"], &paid["owed"]), (&json!("settled"), &json!("0.00")));
    let notes = format!("{INVOICES}/{id}/credit_notes");
    let (status, note) = house
        .send(Method::POST, &notes, admin, &[], Some(&json!({"amount": "5", "reason": "an outage"})))
        .await;
    assert_eq!(
        (status, &note["object"], &note["total"]),
        (StatusCode::CREATED, &json!("billing.credit_note"), &json!("-5.44"))
    );
    assert_eq!(note["invoice_id"], id);
    let balance = house.get("/v1/organization/billing/balance").await;
    assert_eq!(balance["balances"][0]["paid"], "5.440000000");
    let more = house.fails(Method::POST, &notes, Some(json!({"amount": "15.01", "reason": "x"}))).await;
    assert_eq!((more.0, more.2.as_deref()), (400, Some("amount")));
    for path in [format!("{INVOICES}/inv_none/pay"), format!("{INVOICES}/inv_none/credit_notes")] {
        let body = if path.ends_with("pay") { json!({}) } else { json!({"reason": "x"}) };
        assert_eq!(house.fails(Method::POST, &path, Some(body)).await.0, 404);
    }
    assert_eq!(house.get("/v1/organization/billing/verification").await["clean"], true);
}
