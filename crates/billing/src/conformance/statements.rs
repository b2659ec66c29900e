//! What statements are, over every store.

use tenfold_kernel::{Classify as _, Clock as _, Currency, MockClock, ProjectId, Rng, Timestamp};

use super::invoices::Customer;
use crate::billing::Billing;
use crate::funds::Mode;
use crate::invoice::{InvoiceDetails, Issuer, Kind, Line, Statement, StatementQuery, Totals};
use crate::ledger::EntryKind;

const USD: Currency = Currency::USD;

fn query(customer: &Customer<'_>, project: Option<&ProjectId>, label: Option<&str>) -> StatementQuery {
    StatementQuery {
        organization: customer.organization.clone(),
        month: "2026-10".to_owned(),
        currency: USD,
        project: project.cloned(),
        label: label.map(str::to_owned),
    }
}

fn exact(statement: &Statement) -> i128 {
    statement.lines.iter().map(|line| line.amount).sum()
}

/// A closed month's statement is its invoice without the asking, whatever was set since; projects have their lines of it;
/// a month that is not over goes until now.
pub async fn a_statement_has_the_lines_of_the_invoice_of_its_month(
    billing: &Billing,
    clock: &MockClock,
    rng: &dyn Rng,
) {
    let customer = Customer::new(billing, clock, rng, Mode::Postpaid { credit_limit: None }).await;
    let [first, second] = &customer.projects;
    // The month begins at half past six in the evening of UTC.
    customer.call(first, 7_000_000, "2026-09-30T18:29:59.999Z").await;
    customer.call(first, 10_004_000_000, "2026-09-30T18:30:00Z").await;
    customer.call(second, 5_005_000_000, "2026-10-31T18:29:59.999Z").await;
    customer.call(second, 9_000_000_000, "2026-10-31T18:30:00Z").await;
    let undone = customer.call(first, 1_000_000_000, "2026-10-15T00:00:00Z").await;
    billing
        .reverse(&customer.organization, &undone.idempotency_key, EntryKind::Reversal, None)
        .await
        .unwrap();
    let before = billing.statement(&query(&customer, None, None)).await.unwrap();
    let invoice = customer.close("2026-10").await.unwrap().statement;
    let details = InvoiceDetails {
        issuer: Issuer { payment_note: Some("Bank 1".to_owned()), ..Issuer::default() },
        tax_rate: 190_000,
        ..InvoiceDetails::default()
    };
    billing.set_invoice_details(&customer.organization, &details).await.unwrap();

    let whole = billing.statement(&query(&customer, None, None)).await.unwrap();
    assert_eq!(whole, before, "closing a month and changing what is set do not change its statement");
    assert_eq!((&whole.kind, whole.number.as_str()), (&Kind::Statement, "ST-2026-10-USD"));
    assert_eq!(whole.lines, invoice.lines);
    assert_eq!((whole.period_start, whole.period_end), (invoice.period_start, invoice.period_end));
    assert_eq!((whole.due_at, whole.credits_applied), (None, 0));
    let subtotal = |statement: &Statement| Totals::of(statement).unwrap().subtotal;
    assert_eq!((subtotal(&whole), subtotal(&invoice)), (1_601, 1_601));

    let mut of_projects: Vec<Line> = Vec::new();
    for project in [first, second] {
        let of_one = billing.statement(&query(&customer, Some(project), None)).await.unwrap();
        assert_eq!(of_one.number, format!("ST-2026-10-USD/{project}"));
        assert!(of_one.lines.iter().all(|line| line.project.as_deref() == Some(project.as_str())));
        of_projects.extend(of_one.lines);
    }
    let by_project = |lines: &[Line]| {
        let mut lines = lines.to_vec();
        lines.sort_by(|a, b| a.project.cmp(&b.project));
        lines
    };
    assert_eq!(by_project(&of_projects), by_project(&whole.lines));

    // The month that is not over goes until now, and has what was undone in it.
    let november = StatementQuery { month: "2026-11".to_owned(), ..query(&customer, None, None) };
    let running = billing.statement(&november).await.unwrap();
    assert_eq!(running.period_end, Timestamp(clock.now().0 + 1));
    assert_eq!(exact(&running), 9_000_000_000 - 1_000_000_000);
    let august = StatementQuery { month: "2026-08".to_owned(), ..query(&customer, None, None) };
    assert_eq!(billing.statement(&august).await.unwrap().lines, [], "nothing was charged");

    let wrong = [
        (StatementQuery { month: "2026-12".to_owned(), ..november.clone() }, "month"),
        (StatementQuery { month: "2026-13".to_owned(), ..november.clone() }, "month"),
        (StatementQuery { month: "October".to_owned(), ..november.clone() }, "month"),
        (StatementQuery { label: Some(String::new()), ..november.clone() }, "label"),
        (StatementQuery { label: Some("x".repeat(65)), ..november }, "label"),
    ];
    for (query, expected) in wrong {
        let error = billing.statement(&query).await.unwrap_err();
        assert_eq!(error.param().as_deref(), Some(expected), "{query:?}");
    }
}

/// By a label there is a line for each value, project and model, and one for calls without it; what was undone is taken from
/// the line of the call; together they are what was charged.
pub async fn a_statement_by_a_label_adds_up_to_what_was_charged(
    billing: &Billing,
    clock: &MockClock,
    rng: &dyn Rng,
) {
    let customer = Customer::new(billing, clock, rng, Mode::Postpaid { credit_limit: None }).await;
    let [first, second] = &customer.projects;
    let calls: [(_, _, _, &[(&str, &str)]); 7] = [
        (first, 1, "2026-09-30T18:29:59.999Z", &[("team", "red")]),
        (first, 1_000, "2026-09-30T18:30:00Z", &[("team", "red")]),
        // Other labels tell nothing apart, though there is another one for each call.
        (first, 20_000, "2026-10-02T00:00:00Z", &[("team", "red"), ("trace", "1")]),
        (first, 300_000, "2026-10-02T00:00:00Z", &[("team", "red"), ("trace", "2 \"'$")]),
        (second, 4_000_000, "2026-10-02T00:00:00Z", &[("team", "red")]),
        (first, 50_000_000, "2026-10-03T00:00:00Z", &[("team", "蓝")]),
        (first, 600_000_000, "2026-10-31T18:29:59.999Z", &[("Team", "red")]),
    ];
    for (project, nanos, when, labels) in calls {
        customer.labelled_call(project, nanos, when, labels).await;
    }
    let undone = customer.labelled_call(first, 7, "2026-10-05T00:00:00Z", &[("team", "red")]).await;
    billing
        .reverse(&customer.organization, &undone.idempotency_key, EntryKind::Reversal, None)
        .await
        .unwrap();

    let whole = billing.statement(&query(&customer, None, None)).await.unwrap();
    let told = billing.statement(&query(&customer, None, Some("team"))).await.unwrap();
    assert_eq!(told.number, "ST-2026-10-USD//team");
    let row = |line: &Line| {
        let tags: Vec<_> = line.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (tags.concat(), line.project.clone().unwrap(), line.quantity, line.amount)
    };
    let mut rows: Vec<_> = told.lines.iter().map(row).collect();
    assert_eq!(rows.last().unwrap().0, "", "what has no such label comes last");
    rows.sort();
    let mut expected = vec![
        (String::new(), first.to_string(), 1, 600_000_000),
        ("team=red".to_owned(), first.to_string(), 4, 321_007),
        ("team=red".to_owned(), second.to_string(), 1, 4_000_000),
        ("team=蓝".to_owned(), first.to_string(), 1, 50_000_000),
    ];
    expected.sort();
    assert_eq!(rows, expected);
    assert_eq!(exact(&told), exact(&whole));

    let of_first = billing.statement(&query(&customer, Some(first), Some("team"))).await.unwrap();
    assert_eq!(of_first.number, format!("ST-2026-10-USD/{first}/team"));
    let of_second = billing.statement(&query(&customer, Some(second), Some("team"))).await.unwrap();
    assert_eq!(exact(&of_first) + exact(&of_second), exact(&whole));
    let none = billing.statement(&query(&customer, None, Some("nobody's"))).await.unwrap();
    assert_eq!(none.lines, whole.lines);

    // It is November when the call is undone, and its label is told as it was in October.
    let november = StatementQuery { month: "2026-11".to_owned(), ..query(&customer, None, Some("team")) };
    let back = billing.statement(&november).await.unwrap();
    assert_eq!(
        back.lines.iter().map(row).collect::<Vec<_>>(),
        [("team=red".to_owned(), first.to_string(), 1, -7)]
    );
}
