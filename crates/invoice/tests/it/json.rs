//! JSON, as a program reads it.

use serde_json::{Value, json};
use tenfold_billing::invoice::{Kind, Statement};
use tenfold_invoice::{InvoiceError, to_csv, to_json};
use tenfold_kernel::Timestamp;

use crate::samples::{invoice, line};

#[test]
fn amounts_are_text_and_times_have_the_zone_of_the_customer() {
    let statement = Statement { credits_applied: 10_000_000, ..invoice("USD", vec![line(1_234_567_890)]) };
    let document: Value = serde_json::from_str(&to_json(&statement).unwrap()).unwrap();
    assert_eq!(document["kind"], "invoice");
    assert_eq!(document["period_start"], "2026-10-01T00:00:00+08:00");
    assert_eq!(document["period_end"], "2026-11-01T00:00:00+08:00");
    assert_eq!(document["lines"][0]["amount_exact"], "1.234567890");
    assert_eq!(document["lines"][0]["amount"], "1.23");
    assert_eq!(document["lines"][0]["quantity"], 1_234_567);
    assert_eq!(document["taxes"], json!([{ "tax_rate": 60_000, "base": "1.23", "amount": "0.07" }]));
    assert_eq!(document["total"], "1.30");
    assert_eq!(document["balance_due"], "1.29");
    assert!(document.get("credit_note_of").is_none());
}

#[test]
fn a_statement_asks_for_nothing() {
    let statement = Statement { kind: Kind::Statement, ..invoice("USD", vec![line(1_234_567_890)]) };
    let document: Value = serde_json::from_str(&to_json(&statement).unwrap()).unwrap();
    assert_eq!((&document["kind"], &document["total"]), (&json!("statement"), &json!("1.30")));
    assert!(document.get("balance_due").is_none() && document.get("credits_applied").is_none());
    let csv = to_csv(&statement).unwrap();
    assert!(csv.contains("total,statement") && !csv.contains("balance_due"), "{csv}");
}

#[test]
fn a_credit_note_names_its_invoice() {
    let note = invoice("JPY", vec![line(5_000_000_000)]).credit_note("CN-1".to_owned(), Timestamp(0));
    let document: Value = serde_json::from_str(&to_json(&note).unwrap()).unwrap();
    assert_eq!(
        (&document["kind"], &document["credit_note_of"]),
        (&json!("credit_note"), &json!("INV-2026-000417"))
    );
    assert_eq!((&document["subtotal"], &document["due_at"]), (&json!("-5"), &Value::Null));
}

#[test]
fn an_unknown_time_zone_is_named() {
    let statement = Statement { time_zone: "Mars/Olympus".to_owned(), ..invoice("USD", Vec::new()) };
    let error = to_json(&statement).unwrap_err();
    assert!(matches!(&error, InvoiceError::UnknownTimeZone { zone } if zone == "Mars/Olympus"), "{error}");
}
