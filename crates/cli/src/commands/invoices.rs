//! `invoices`: what months cost, as documents.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tenfold_protocol::invoices::InvoiceObject;

use super::Session;
use crate::args::{InvoicesArgs, InvoicesCommand};
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, number, text};
use crate::terminal::printable;

const INVOICES: [&str; 4] = ["v1", "organization", "billing", "invoices"];
const STATEMENT: [&str; 4] = ["v1", "organization", "billing", "statement"];

pub(super) async fn run(args: InvoicesArgs, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let one = |id: &str, what: &'static str| -> [String; 6] {
        let [a, b, c, d] = INVOICES.map(str::to_owned);
        [a, b, c, d, id.to_owned(), what.to_owned()]
    };
    let (segments, body) = match args.command {
        InvoicesCommand::List => {
            let found = client.list(&INVOICES, &[("limit", "100".to_owned())], Access::Admin).await?;
            if json {
                return Ok(terminal.json(&found.into())?);
            }
            let found: Vec<InvoiceObject> = typed(found.into())?;
            let columns = [
                text("ID"),
                text("NUMBER"),
                text("MONTH"),
                text("STATUS"),
                number("TOTAL"),
                number("OWED"),
                text("CURRENCY"),
            ];
            let rows: Vec<Vec<String>> = found.into_iter().map(row).collect();
            return Ok(table::print(terminal, &columns, &rows, "There are no invoices.")?);
        }
        InvoicesCommand::Save { id, file, language } => {
            let query = [("format", format_of(&file)?.to_owned()), ("language", language)];
            let segments = one(&id, "document");
            let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
            return save(Session { client, terminal, json }, &segments, &query, &file).await;
        }
        InvoicesCommand::Statement { month, file, currency, project, label, language } => {
            let mut query =
                vec![("month", month), ("currency", currency), ("format", format_of(&file)?.to_owned())];
            query.extend(project.map(|project| ("project_id", project)));
            query.extend(label.map(|label| ("label", label)));
            query.push(("language", language));
            return save(Session { client, terminal, json }, &STATEMENT, &query, &file).await;
        }
        InvoicesCommand::Close { month, currency } => {
            (INVOICES.map(str::to_owned).to_vec(), json!({"month": month, "currency": currency}))
        }
        InvoicesCommand::Pay { id, memo } => (one(&id, "pay").to_vec(), json!({"memo": memo})),
        InvoicesCommand::Credit { id, reason, amount } => {
            (one(&id, "credit_notes").to_vec(), json!({"amount": amount, "reason": reason}))
        }
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let done: Value =
        client.json(client.request(Method::POST, &segments, &[], Access::Admin)?.json(&body)).await?;
    if json {
        return Ok(terminal.json(&done)?);
    }
    let done: InvoiceObject = typed(done)?;
    let said = format!("{} {} {} {}, owed {}", done.id, done.number, done.total, done.currency, done.owed);
    Ok(terminal.line(&printable(&said))?)
}

/// Writes a document to a file.
async fn save(
    session: Session<'_>,
    segments: &[&str],
    query: &[(&str, String)],
    file: &Path,
) -> Result<(), Failure> {
    let Session { client, terminal, .. } = session;
    let bytes = client.bytes(client.request(Method::GET, segments, query, Access::Admin)?).await?;
    let failed = |error: std::io::Error| Failure::File { path: file.to_owned(), reason: error.to_string() };
    std::fs::write(file, bytes).map_err(failed)?;
    Ok(terminal.line(&format!("{} is written", printable(&file.display().to_string())))?)
}

fn row(one: InvoiceObject) -> Vec<String> {
    vec![one.id, one.number, one.month, one.status, one.total, one.owed, one.currency]
}

/// The format that a file's name asks for.
fn format_of(file: &Path) -> Result<&'static str, Failure> {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["pdf", "csv", "json"].into_iter().find(|format| extension.eq_ignore_ascii_case(format)).ok_or_else(
        || Failure::Usage { message: format!("{}: the name ends in .pdf, .csv or .json", file.display()) },
    )
}
