//! `/v1/organization/billing/statement`.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tenfold_billing::ledger::{AccountId, AccountKind, Settle, Source};
use tenfold_billing::{Event, Labels, Ledger as _, conformance};
use tenfold_kernel::{Currency, Money, ProjectId, SeededRng, Timestamp};

use super::invoices::document;
use crate::house::{House, NOW, house};

const STATEMENT: &str = "/v1/organization/billing/statement";

/// Charges a call of `team`, which ended at `ended`.
async fn charge(house: &House, seed: u64, project: &str, team: Option<&str>, nanos: i64, ended: Timestamp) {
    let labels = team.map(|team| ("team".to_owned(), team.to_owned()));
    let event = Event {
        organization: house.made.organization.clone(),
        project: ProjectId::parse(project).unwrap(),
        labels: Labels::new(labels.into_iter().collect()).unwrap(),
        cost: Some(Money::new(nanos, Currency::USD)),
        created_at: ended,
        completed_at: ended,
        ..conformance::sample_event(&SeededRng::new(seed))
    };
    let owed = AccountId::new(&house.made.organization, &AccountKind::Receivable, Currency::USD);
    let settle = Settle { event, hold: None, sources: vec![Source::unbounded(owed)] };
    house.ledger.settle(settle).await.unwrap();
}

async fn read(house: &House, query: &str) -> Value {
    let (status, kind, bytes) = document(house, &format!("{STATEMENT}?format=json&{query}")).await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/json"));
    serde_json::from_slice(&bytes).unwrap()
}

/// What is on each line, in order.
fn lines<const N: usize>(statement: &Value, fields: [&str; N]) -> Vec<[String; N]> {
    let text = |line: &Value, field: &str| {
        line.pointer(field).map_or_else(String::new, |value| value.as_str().unwrap_or_default().to_owned())
    };
    let lines = statement["lines"].as_array().unwrap();
    lines.iter().map(|line| fields.map(|field| text(line, field))).collect()
}

#[tokio::test]
async fn a_statement_tells_what_was_charged_by_project_and_by_label() {
    let house = house().await;
    let zone = json!({"time_zone": "Asia/Kolkata"});
    house.post("/v1/organization/billing/profile", zone).await;
    let own = house.made.project.to_string();
    let made = house.post("/v1/organization/projects", json!({"name": "客服 <b>"})).await;
    let other = made["id"].as_str().unwrap();
    // November 2023 began in Kolkata at half past six in the evening of UTC.
    let begin = Timestamp(1_698_777_000_000);
    charge(&house, 1, &own, Some("red"), 900_000_000, Timestamp(begin.0 - 1)).await;
    charge(&house, 2, &own, Some("red"), 1_005_000_000, begin).await;
    charge(&house, 3, other, Some("red"), 2_000_000_000, begin).await;
    charge(&house, 4, other, Some("=blue"), 3_000_000_000, begin).await;
    charge(&house, 5, other, None, 4_000_000_000, Timestamp::from_secs(NOW)).await;

    let whole = read(&house, "month=2023-11").await;
    assert_eq!(whole["kind"], "statement");
    assert_eq!((&whole["number"], &whole["total"]), (&json!("ST-2023-11-USD"), &json!("10.01")));
    assert_eq!(whole["period_start"], "2023-11-01T00:00:00+05:30");
    assert_eq!(whole["period_end"], "2023-11-15T03:43:20.001+05:30", "until now");
    assert!(whole.get("balance_due").is_none() && whole["due_at"].is_null(), "{whole}");
    let mut expected = vec![[own.clone(), "1.01".to_owned()], [other.to_owned(), "9.00".to_owned()]];
    expected.sort();
    assert_eq!(lines(&whole, ["/project", "/amount"]), expected);

    let told = read(&house, &format!("month=2023-11&currency=USD&project_id={other}&label=team")).await;
    assert_eq!(told["number"], format!("ST-2023-11-USD/{other}/team"));
    let expected = [["=blue", "3.00"], ["red", "2.00"], ["", "4.00"]];
    assert_eq!(lines(&told, ["/tags/team", "/amount"]), expected.map(|line| line.map(str::to_owned)));
    assert_eq!(read(&house, "month=2023-10").await["total"], "0.90");
    assert_eq!(read(&house, "month=2023-11&currency=EUR").await["lines"], json!([]));

    let (_, kind, csv) = document(&house, &format!("{STATEMENT}?month=2023-11&label=team&format=csv")).await;
    let csv = String::from_utf8(csv).unwrap();
    assert!(kind.starts_with("text/csv") && csv.contains("team=red") && csv.contains(other), "{csv}");
    assert!(!csv.contains("balance_due"), "{csv}");
}

#[tokio::test]
async fn a_pdf_names_projects_and_what_programs_read_has_their_ids() {
    let house = house().await;
    let mut ids = Vec::new();
    for name in ["客服 <b>", "twin", "twin"] {
        let made = house.post("/v1/organization/projects", json!({"name": name})).await;
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    house.post(&format!("/v1/organization/projects/{}/archive", ids[0]), json!({})).await;
    for (id, seed) in ids.iter().map(String::as_str).chain(["proj_gone"]).zip(1..) {
        charge(&house, seed, id, Some("red"), 1_000_000_000, Timestamp::from_secs(NOW)).await;
    }
    for language in ["en", "zh"] {
        let path = format!("{STATEMENT}?month=2023-11&label=team&language={language}");
        let (status, kind, pdf) = document(&house, &path).await;
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/pdf"));
        let file = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("named-projects-{language}.pdf"));
        std::fs::write(&file, pdf).unwrap();
        let Ok(read) = std::process::Command::new("pdftotext").arg("-raw").arg(&file).arg("-").output()
        else {
            println!("pdftotext is not installed: the statement is not read");
            return;
        };
        let text: String = String::from_utf8(read.stdout).unwrap().split_whitespace().collect();
        let title = if language == "en" { "Statement" } else { "对账单" };
        for part in
            [title, "客服<b>", "proj_gone", &format!("twin({})", ids[1]), &format!("twin({})", ids[2])]
        {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains(&ids[0]) && !text.contains("Balance"), "{text}");
    }
    let json = read(&house, "month=2023-11").await;
    assert!(ids.iter().all(|id| json.to_string().contains(id)), "{json}");
}

#[tokio::test]
async fn what_is_wrong_with_a_statement_is_a_400_that_names_it() {
    let house = house().await;
    let long = format!("month=2023-11&label={}", "x".repeat(65));
    let cases = [
        ("", "month"),
        ("month=November", "month"),
        ("month=2023-12", "month"),
        ("month=2023-11&currency=dollars", "currency"),
        ("month=2023-11&project_id=proj_none", "project_id"),
        ("month=2023-11&project_id=a%20b", "project_id"),
        ("month=2023-11&label=", "label"),
        (long.as_str(), "label"),
        ("month=2023-11&format=doc", "format"),
        ("month=2023-11&language=fr", "language"),
        ("month=2023-11&tag=team", "tag"),
    ];
    for (query, param) in cases {
        let failed = house.fails(Method::GET, &format!("{STATEMENT}?{query}"), None).await;
        assert_eq!((failed.0, failed.2.as_deref()), (400, Some(param)), "{query}");
    }
    let path = format!("{STATEMENT}?month=2023-11");
    let key = Some(house.made.project_key.expose());
    assert_eq!(house.send(Method::GET, &path, key, &[], None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(house.send(Method::GET, &path, None, &[], None).await.0, StatusCode::UNAUTHORIZED);
}
