//! `payments` and `recharge`: paying through a provider, and a balance that is paid in by itself.

use reqwest::Method;
use serde_json::json;
use tenfold_protocol::checkouts::{AutoRechargeObject, Checkout, PaymentMethodObject};

use super::Session;
use super::plans::said;
use crate::args::payments::{PaymentsArgs, PaymentsCommand, RechargeArgs, RechargeCommand};
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, date, number, text};
use crate::terminal::printable;

const CHECKOUTS: [&str; 4] = ["v1", "organization", "billing", "checkouts"];
const METHODS: [&str; 4] = ["v1", "organization", "billing", "payment_methods"];
const RECHARGE: [&str; 4] = ["v1", "organization", "billing", "auto_recharge"];

pub(super) async fn run(args: PaymentsArgs, mut session: Session<'_>) -> Result<(), Failure> {
    match args.command {
        PaymentsCommand::List => list(session).await,
        PaymentsCommand::Checkout { amount, currency, invoice, provider, return_url, save } => {
            let currency = Some(currency).filter(|_| invoice.is_none());
            let body = json!({"amount": amount, "currency": currency, "invoice": invoice, "provider": provider,
                "return_url": return_url, "save_payment_method": save});
            let where_to = |made: &serde_json::Value| {
                let shown = ["redirect_url", "qr_code"].map(|field| made[field].as_str());
                let shown = shown.into_iter().flatten().next().unwrap_or_default();
                format!("{} {}", said(made, "id"), printable(shown))
            };
            session.send(Method::POST, &CHECKOUTS, &[], Some(body), where_to).await
        }
        PaymentsCommand::Methods => methods(session).await,
        PaymentsCommand::Forget { id } => {
            let [a, b, c, d] = METHODS;
            let done = |_: &_| format!("{} is forgotten", printable(&id));
            session.send(Method::DELETE, &[a, b, c, d, &id], &[], None, done).await
        }
    }
}

async fn list(session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let found = client.list(&CHECKOUTS, &[("limit", "100".to_owned())], Access::Admin).await?;
    if json {
        return Ok(terminal.json(&found.into())?);
    }
    let found: Vec<Checkout> = typed(found.into())?;
    let row = |one: Checkout| {
        let purpose = one.invoice_id.unwrap_or(one.purpose);
        vec![one.id, date(one.created_at), one.provider, purpose, one.status, one.amount, one.currency]
    };
    let columns = [
        text("ID"),
        text("DATE"),
        text("PROVIDER"),
        text("FOR"),
        text("STATUS"),
        number("AMOUNT"),
        text("CURRENCY"),
    ];
    let rows: Vec<Vec<String>> = found.into_iter().map(row).collect();
    Ok(table::print(terminal, &columns, &rows, "There are no orders.")?)
}

async fn methods(session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let found = client.get(&METHODS, &[], Access::Admin).await?;
    if json {
        return Ok(terminal.json(&found)?);
    }
    let found: Vec<PaymentMethodObject> = typed(found["data"].clone())?;
    let row = |one: PaymentMethodObject| vec![one.id, one.provider, date(one.created_at)];
    let rows: Vec<Vec<String>> = found.into_iter().map(row).collect();
    let columns = [text("ID"), text("PROVIDER"), text("KEPT")];
    Ok(table::print(terminal, &columns, &rows, "No way to pay was kept: pay once with `--save`.")?)
}

pub(super) async fn recharge(args: RechargeArgs, mut session: Session<'_>) -> Result<(), Failure> {
    match args.command {
        RechargeCommand::Show => show(session).await,
        RechargeCommand::Set { amount, below, method, currency, monthly_limit } => {
            let body = json!({"amount": amount, "threshold": below, "payment_method": method,
                "currency": currency, "monthly_limit": monthly_limit});
            session.send(Method::POST, &RECHARGE, &[], Some(body), |made| said(made, "status")).await
        }
        RechargeCommand::Off => {
            session.send(Method::DELETE, &RECHARGE, &[], None, |_: &_| "off".to_owned()).await
        }
    }
}

async fn show(session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let found = client.get(&RECHARGE, &[], Access::Admin).await?;
    if json {
        return Ok(terminal.json(&found)?);
    }
    let found: AutoRechargeObject = typed(found)?;
    let none = || "-".to_owned();
    let row = vec![
        found.status,
        found.amount.unwrap_or_else(none),
        found.threshold.unwrap_or_else(none),
        found.charged_this_month.unwrap_or_else(none),
        found.monthly_limit.unwrap_or_else(none),
        found.currency.unwrap_or_else(none),
        found.failure.unwrap_or_else(none),
    ];
    let columns = [
        text("STATUS"),
        number("AMOUNT"),
        number("BELOW"),
        number("THIS MONTH"),
        number("OF"),
        text("CURRENCY"),
        text("FAILURE"),
    ];
    Ok(table::print(terminal, &columns, &[row], "")?)
}
