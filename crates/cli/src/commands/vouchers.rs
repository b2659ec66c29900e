//! `vouchers`: makes, lists and redeems codes that are worth money.

use reqwest::Method;
use serde_json::json;
use tenfold_protocol::billing::{Transaction, VoucherObject};
use tenfold_protocol::model::List;

use super::Session;
use crate::args::{VouchersArgs, VouchersCommand};
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, date, number, text};
use crate::terminal::printable;

const VOUCHERS: [&str; 4] = ["v1", "organization", "billing", "vouchers"];

pub(super) async fn run(args: VouchersArgs, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    match args.command {
        VouchersCommand::Create { count, amount, currency } => {
            let body = json!({"count": count, "amount": amount, "currency": currency});
            let request = client.request(Method::POST, &VOUCHERS, &[], Access::Admin)?.json(&body);
            let made = client.json(request).await?;
            if json {
                return Ok(terminal.json(&made)?);
            }
            let made: List<VoucherObject> = typed(made)?;
            for voucher in made.data {
                terminal.line(&printable(&voucher.code.unwrap_or_default()))?;
            }
        }
        VouchersCommand::List => {
            let vouchers = client.list(&VOUCHERS, &[("limit", "100".to_owned())], Access::Admin).await?;
            if json {
                return Ok(terminal.json(&vouchers.into())?);
            }
            let vouchers: Vec<VoucherObject> = typed(vouchers.into())?;
            let rows: Vec<Vec<String>> = vouchers
                .into_iter()
                .map(|v| vec![v.id, v.status, v.amount, v.currency, date(v.created_at)])
                .collect();
            let columns = [text("ID"), text("STATUS"), number("AMOUNT"), text("CURRENCY"), text("CREATED")];
            table::print(terminal, &columns, &rows, "There are no vouchers.")?;
        }
        VouchersCommand::Redeem { code } => {
            let segments = ["v1", "organization", "billing", "vouchers", "redeem"];
            let request =
                client.request(Method::POST, &segments, &[], Access::Admin)?.json(&json!({"code": code}));
            let done = client.json(request).await?;
            if json {
                return Ok(terminal.json(&done)?);
            }
            let done: Transaction = typed(done)?;
            for entry in done.entries {
                terminal.line(&format!("{} {}", printable(&entry.amount), printable(&entry.currency)))?;
            }
        }
    }
    Ok(())
}
