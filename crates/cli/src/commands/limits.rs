//! `limits`: what may be called, and what is left of it.

use reqwest::Method;
use serde_json::json;
use tenfold_protocol::limits::CallLimitObject;

use super::Session;
use super::plans::said;
use crate::args::{LimitsArgs, LimitsCommand};
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, number, text};
use crate::terminal::printable;

const LIMITS: [&str; 4] = ["v1", "organization", "billing", "limits"];

pub(super) async fn run(args: LimitsArgs, mut session: Session<'_>) -> Result<(), Failure> {
    match args.command {
        LimitsCommand::List => list(session).await,
        LimitsCommand::Set { limit, metric, window, scope, subject, soft } => {
            let window = Some(window).filter(|_| metric != "concurrency");
            let body = json!({"limit": limit, "metric": metric, "window": window, "scope": scope,
                "subject": subject, "hard": !soft});
            session.send(Method::POST, &LIMITS, &[], Some(body), |made| said(made, "id")).await
        }
        LimitsCommand::Delete { id } => {
            let segments = ["v1", "organization", "billing", "limits", &id];
            let done = |_: &_| format!("{} is deleted", printable(&id));
            session.send(Method::DELETE, &segments, &[], None, done).await
        }
    }
}

async fn list(session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let found = client.list(&LIMITS, &[("limit", "100".to_owned())], Access::Admin).await?;
    if json {
        return Ok(terminal.json(&found.into())?);
    }
    let found: Vec<CallLimitObject> = typed(found.into())?;
    let row = |one: CallLimitObject| {
        let scope = one.subject.map_or(one.scope.clone(), |subject| format!("{} {subject}", one.scope));
        let what = one.window.map_or(one.metric.clone(), |window| format!("{} / {window}", one.metric));
        let kind = if one.hard { "hard" } else { "soft" };
        vec![one.id, scope, what, kind.to_owned(), one.used.to_string(), one.limit.to_string()]
    };
    let rows: Vec<Vec<String>> = found.into_iter().map(row).collect();
    let columns = [text("ID"), text("SCOPE"), text("WHAT"), text("KIND"), number("USED"), number("OF")];
    Ok(table::print(terminal, &columns, &rows, "There are no limits.")?)
}
