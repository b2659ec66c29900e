//! `rentals`: replicas by the second.

use reqwest::Method;
use serde_json::{Value, json};
use tenfold_protocol::rentals::RentalObject;

use super::Session;
use super::plans::said;
use crate::args::{RentalsArgs, RentalsCommand};
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, number, text};
use crate::terminal::printable;

const RENTALS: [&str; 4] = ["v1", "organization", "billing", "rentals"];

pub(super) async fn run(args: RentalsArgs, mut session: Session<'_>) -> Result<(), Failure> {
    match args.command {
        RentalsCommand::List => list(session).await,
        RentalsCommand::Start { model, project, name } => {
            let body = json!({"model": model, "project_id": project, "name": name});
            let done = |made: &Value| format!("{} is starting as {}", said(made, "id"), said(made, "name"));
            session.send(Method::POST, &RENTALS, &[], Some(body), done).await
        }
        RentalsCommand::Stop { id } => {
            let segments = ["v1", "organization", "billing", "rentals", &id];
            let done = |ended: &Value| format!("{}: {} s", printable(&id), ended["charged_seconds"]);
            session.send(Method::DELETE, &segments, &[], None, done).await
        }
    }
}

async fn list(session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let found = client.list(&RENTALS, &[("limit", "100".to_owned())], Access::Admin).await?;
    if json {
        return Ok(terminal.json(&found.into())?);
    }
    let found: Vec<RentalObject> = typed(found.into())?;
    let row = |rental: RentalObject| {
        let status = match rental.end_reason {
            Some(reason) => format!("{} ({reason})", rental.status),
            None => rental.status,
        };
        vec![
            rental.id,
            rental.name,
            rental.model,
            rental.device_class,
            status,
            rental.charged_seconds.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = found.into_iter().map(row).collect();
    let columns =
        [text("ID"), text("NAME"), text("MODEL"), text("DEVICE"), text("STATUS"), number("SECONDS")];
    Ok(table::print(terminal, &columns, &rows, "There are no rentals.")?)
}
