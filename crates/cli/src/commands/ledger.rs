//! `ledger` and `topup`: what has moved, and entering and undoing it.

use reqwest::Method;
use serde_json::json;
use tenfold_protocol::billing::{LedgerEntry, LedgerVerification, Transaction};

use super::Session;
use crate::args::{LedgerArgs, LedgerCommand, TopupArgs};
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, date, number, text};
use crate::terminal::printable;

const BILLING: [&str; 3] = ["v1", "organization", "billing"];

fn path(last: &'static str) -> [&'static str; 4] {
    let [a, b, c] = BILLING;
    [a, b, c, last]
}

pub(super) async fn top_up(args: &TopupArgs, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let body = json!({"amount": args.amount, "currency": args.currency, "memo": args.memo});
    let mut request = client.request(Method::POST, &path("top_ups"), &[], Access::Admin)?.json(&body);
    if let Some(once) = &args.once {
        request = request.header("idempotency-key", once);
    }
    let done = client.json(request).await?;
    if json {
        return Ok(terminal.json(&done)?);
    }
    let done: Transaction = typed(done)?;
    terminal.line(&printable(&done.id))?;
    Ok(())
}

pub(super) async fn run(args: LedgerArgs, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    match args.command {
        LedgerCommand::List { limit } => {
            let page = client.get(&path("entries"), &[("limit", limit.to_string())], Access::Admin).await?;
            if json {
                return Ok(terminal.json(&page)?);
            }
            let page: tenfold_protocol::model::List<LedgerEntry> = typed(page)?;
            let account = |id: &str| id.split('/').nth(1).unwrap_or(id).to_owned();
            let rows: Vec<Vec<String>> = page
                .data
                .into_iter()
                .map(|e| {
                    let (from, to) = (account(&e.debit), account(&e.credit));
                    vec![date(e.created_at), e.kind, from, to, e.amount, e.currency, e.transaction]
                })
                .collect();
            let columns = [
                text("DATE"),
                text("KIND"),
                text("FROM"),
                text("TO"),
                number("AMOUNT"),
                text("CURRENCY"),
                text("TRANSACTION"),
            ];
            table::print(terminal, &columns, &rows, "Nothing has moved.")?;
        }
        LedgerCommand::Verify => {
            let found = client.get(&path("verification"), &[], Access::Admin).await?;
            let verified: LedgerVerification = typed(found.clone())?;
            if json {
                terminal.json(&found)?;
            } else {
                for fault in &verified.faults {
                    terminal.line(&printable(fault))?;
                }
                terminal.note(&format!(
                    "{} entries of {} accounts, {} charged calls, {} holds: {}",
                    verified.entries,
                    verified.accounts,
                    verified.charged_calls,
                    verified.holds,
                    if verified.clean { "all right" } else { "NOT right" }
                ))?;
            }
            if !verified.clean {
                let message = format!("{} faults in the ledger", verified.faults.len());
                return Err(Failure::Failed { message });
            }
        }
        LedgerCommand::Reverse { transaction, kind, memo } => {
            let body = json!({"transaction": transaction, "kind": kind, "memo": memo});
            let request = client.request(Method::POST, &path("reversals"), &[], Access::Admin)?.json(&body);
            let done = client.json(request).await?;
            if json {
                return Ok(terminal.json(&done)?);
            }
            let done: Transaction = typed(done)?;
            terminal.line(&printable(&done.id))?;
        }
    }
    Ok(())
}
