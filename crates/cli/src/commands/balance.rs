//! `balance`: what the organisation has, and what it owes.

use tenfold_protocol::billing::{BillingBalance, BillingProfile};

use super::Session;
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, number, text};

pub(super) async fn run(session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let balance = client.get(&["v1", "organization", "billing", "balance"], &[], Access::Admin).await?;
    if json {
        return Ok(terminal.json(&balance)?);
    }
    let profile = client.get(&["v1", "organization", "billing", "profile"], &[], Access::Admin).await?;
    let (balance, profile): (BillingBalance, BillingProfile) = (typed(balance)?, typed(profile)?);
    let rows: Vec<Vec<String>> = balance
        .balances
        .into_iter()
        .map(|b| vec![b.currency, b.available, b.held, b.paid, b.granted, b.owed, b.charged])
        .collect();
    let columns = [
        text("CURRENCY"),
        number("AVAILABLE"),
        number("HELD"),
        number("PAID"),
        number("GRANTED"),
        number("OWED"),
        number("CHARGED"),
    ];
    table::print(terminal, &columns, &rows, "Nothing was paid and nothing was charged.")?;
    let credit = profile.credit_limit.map(|limit| format!(", at most {limit} owed")).unwrap_or_default();
    terminal.note(&format!("{}{credit}; days and months of {}", profile.mode, profile.time_zone))?;
    Ok(())
}
