//! `budgets`: what may be spent, and what was.

use reqwest::Method;
use serde_json::json;
use tenfold_protocol::billing::Budget;

use super::Session;
use crate::args::{BudgetsArgs, BudgetsCommand};
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, number, text};
use crate::terminal::printable;

const BUDGETS: [&str; 4] = ["v1", "organization", "billing", "budgets"];

pub(super) async fn run(args: BudgetsArgs, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    match args.command {
        BudgetsCommand::List => {
            let query = [("limit", "100".to_owned())];
            let budgets = client.list(&BUDGETS, &query, Access::Admin).await?;
            if json {
                return Ok(terminal.json(&budgets.into())?);
            }
            let budgets: Vec<Budget> = typed(budgets.into())?;
            let rows: Vec<Vec<String>> = budgets
                .into_iter()
                .map(|b| {
                    let scope = b.subject.map_or(b.scope.clone(), |subject| format!("{} {subject}", b.scope));
                    let kind = if b.hard { "hard" } else { "soft" };
                    vec![b.id, scope, b.window, kind.to_owned(), b.spent, b.held, b.amount, b.currency]
                })
                .collect();
            let columns = [
                text("ID"),
                text("SCOPE"),
                text("WINDOW"),
                text("KIND"),
                number("SPENT"),
                number("HELD"),
                number("OF"),
                text("CURRENCY"),
            ];
            table::print(terminal, &columns, &rows, "There are no budgets.")?;
        }
        BudgetsCommand::Set { amount, window, scope, subject, currency, soft } => {
            let body = json!({"amount": amount, "window": window, "scope": scope, "subject": subject,
                "currency": currency, "hard": !soft});
            let request = client.request(Method::POST, &BUDGETS, &[], Access::Admin)?.json(&body);
            let made = client.json(request).await?;
            if json {
                return Ok(terminal.json(&made)?);
            }
            let made: Budget = typed(made)?;
            terminal.line(&printable(&made.id))?;
        }
        BudgetsCommand::Delete { id } => {
            let segments = ["v1", "organization", "billing", "budgets", &id];
            let done = client.json(client.request(Method::DELETE, &segments, &[], Access::Admin)?).await?;
            if json {
                return Ok(terminal.json(&done)?);
            }
            terminal.line(&format!("{} is deleted", printable(&id)))?;
        }
    }
    Ok(())
}
