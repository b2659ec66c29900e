//! `invoices`.

use serde_json::json;

use crate::platform::Platform;
use crate::session::Session;

#[tokio::test]
async fn invoices_are_listed_and_closed() {
    let invoice = json!({"id": "inv_1", "object": "billing.invoice", "number": "INV-000001", "status": "open",
        "invoice_id": null, "currency": "USD", "month": "2000-03", "period_start": 951_782_400, "period_end": 954_460_800,
        "subtotal": "20.00", "tax": "1.20", "total": "21.20", "paid_before": "0.00", "balance_due": "21.20",
        "owed": "21.20", "issued_at": 954_460_900, "due_at": null});
    let list = json!({"object": "list", "data": [invoice], "first_id": "inv_1", "last_id": "inv_1", "has_more": false});
    let platform = Platform::start()
        .json("GET /v1/organization/billing/invoices?limit=100", 200, &list)
        .json("POST /v1/organization/billing/invoices", 200, &invoice);
    let done = Session::at(&platform).run(&["invoices", "list"]).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    insta::assert_snapshot!("invoices_list", done.out);
    let done = Session::at(&platform).run(&["invoices", "close", "2000-03"]).await;
    assert_eq!((done.code, done.out.as_str()), (0, "inv_1 INV-000001 21.20 USD, owed 21.20\n"));
    assert_eq!(platform.seen()[1].body, json!({"month": "2000-03", "currency": "USD"}));
    let done = Session::at(&platform).run(&["invoices", "save", "inv_1", "invoice.doc"]).await;
    assert_eq!(done.code, 2);
    assert!(done.err.contains(".pdf, .csv or .json"), "{}", done.err);
}

#[tokio::test]
async fn a_statement_is_written_to_a_file() {
    let asked = "GET /v1/organization/billing/statement?month=2000-03&currency=EUR&format=json&project_id=proj_a&label=cost+centre&language=en";
    let all = "GET /v1/organization/billing/statement?month=2000-03&currency=USD&format=json&language=zh";
    let platform = Platform::start()
        .json(asked, 200, &json!({"number": "ST-2000-03-EUR/proj_a/cost centre"}))
        .json(all, 200, &json!({"number": "ST-2000-03-USD"}));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("march.json");
    let file = file.to_str().unwrap();
    let told = ["--currency", "EUR", "--project", "proj_a", "--label", "cost centre"];
    let done =
        Session::at(&platform).run(&[&["invoices", "statement", "2000-03", file], &told[..]].concat()).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{:?}", platform.seen());
    assert!(done.out.ends_with("march.json is written\n"), "{}", done.out);
    assert_eq!(std::fs::read_to_string(file).unwrap(), r#"{"number":"ST-2000-03-EUR/proj_a/cost centre"}"#);
    let done =
        Session::at(&platform).run(&["invoices", "statement", "2000-03", file, "--language", "zh"]).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{:?}", platform.seen());
    assert_eq!(std::fs::read_to_string(file).unwrap(), r#"{"number":"ST-2000-03-USD"}"#);
    let done = Session::at(&platform).run(&["invoices", "statement", "2000-03", "march.doc"]).await;
    assert_eq!(done.code, 2);
}
