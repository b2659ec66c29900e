//! `keys`: lists, makes and revokes API keys.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::Session;
use crate::args::{KeysArgs, KeysCommand, KeysOf};
use crate::client::{Access, Client, typed};
use crate::failure::Failure;
use crate::table::{self, date, text};
use crate::terminal::printable;

/// What project keys and admin keys have in common.
#[derive(Debug, Deserialize)]
struct Key {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    redacted_value: String,
    #[serde(default)]
    value: Option<String>,
    created_at: i64,
    #[serde(default)]
    expires_at: Option<i64>,
    #[serde(default)]
    last_used_at: Option<i64>,
    #[serde(default)]
    scopes: Vec<String>,
}

/// The path of the keys that are meant, which ends in `more`.
fn path(of: &KeysOf, client: &Client, more: Option<&str>) -> Result<Vec<String>, Failure> {
    let mut path = vec!["v1".to_owned(), "organization".to_owned()];
    if of.admin {
        path.push("admin_api_keys".to_owned());
    } else {
        let project =
            of.project.clone().or_else(|| client.project.clone()).ok_or_else(|| Failure::Usage {
                message: "name the project with --project; `tenfold projects list` lists them".to_owned(),
            })?;
        path.extend(["projects".to_owned(), project, "api_keys".to_owned()]);
    }
    path.extend(more.map(str::to_owned));
    Ok(path)
}

fn segments(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

pub(super) async fn run(args: KeysArgs, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    match args.command {
        KeysCommand::List { of } => {
            let path = path(&of, &client, None)?;
            let keys = client.list(&segments(&path), &[("limit", "100".to_owned())], Access::Admin).await?;
            if json {
                return Ok(terminal.json(&keys.into())?);
            }
            let keys: Vec<Key> = typed(keys.into())?;
            let day = |seconds: Option<i64>| seconds.map_or_else(|| "never".to_owned(), date);
            let rows: Vec<Vec<String>> = keys
                .into_iter()
                .map(|k| {
                    let scopes = if k.scopes.is_empty() { "all".to_owned() } else { k.scopes.join(" ") };
                    let (used, ends) = (day(k.last_used_at), day(k.expires_at));
                    vec![k.id, k.name, k.redacted_value, scopes, date(k.created_at), used, ends]
                })
                .collect();
            let columns = [
                text("ID"),
                text("NAME"),
                text("KEY"),
                text("SCOPES"),
                text("CREATED"),
                text("LAST USED"),
                text("ENDS"),
            ];
            table::print(terminal, &columns, &rows, "There are no keys.")?;
        }
        KeysCommand::Create { name, of, scopes, expires_in_days } => {
            let path = path(&of, &client, None)?;
            let mut body = json!({"name": name});
            if !scopes.is_empty() {
                body["scopes"] = json!(scopes);
            }
            if let Some(days) = expires_in_days {
                body["expires_in_seconds"] = json!(u64::from(days) * 86_400);
            }
            let request = client.request(Method::POST, &segments(&path), &[], Access::Admin)?.json(&body);
            let made = client.json(request).await?;
            if json {
                return Ok(terminal.json(&made)?);
            }
            let made: Key = typed(made)?;
            let value =
                made.value.ok_or_else(|| Failure::Answer { reason: "it has no `value`".to_owned() })?;
            terminal.line(&printable(&value))?;
            terminal
                .note(&format!("This is {}. Keep it now: it is not shown again.", printable(&made.id)))?;
        }
        KeysCommand::Revoke { id, of } => {
            let path = path(&of, &client, Some(&id))?;
            let request = client.request(Method::DELETE, &segments(&path), &[], Access::Admin)?;
            let done = client.json(request).await?;
            if json {
                return Ok(terminal.json(&done)?);
            }
            terminal.line(&format!("{id} is revoked"))?;
        }
    }
    Ok(())
}
