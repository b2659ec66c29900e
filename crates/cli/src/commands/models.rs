//! `models`: what is offered, and what can be.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::Session;
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, bytes, number, text};
use crate::terminal::printable;

#[derive(Debug, Deserialize)]
struct Model {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    context_length: u64,
    #[serde(default)]
    size_bytes: u64,
    #[serde(default)]
    installed: bool,
    licence: Licence,
}

#[derive(Debug, Deserialize)]
struct Licence {
    spdx: String,
    #[serde(default, rename = "use")]
    use_note: Option<String>,
}

pub(super) async fn run(session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let models = client.get(&["v1", "models"], &[], Access::Call).await?;
    let catalog = client.list(&["v1", "catalog"], &[], Access::Call).await?;
    let models = models.get("data").cloned().unwrap_or_else(|| json!([]));
    if json {
        return Ok(terminal.json(&json!({"models": models, "catalog": catalog}))?);
    }
    let served: Vec<Model> = typed(models)?;
    let entries: Vec<Entry> = typed(catalog.into())?;
    let known: BTreeMap<&str, &Entry> = entries.iter().map(|entry| (entry.id.as_str(), entry)).collect();
    let row = |id: &str, state: &str| {
        let entry = known.get(id);
        let fact =
            |fact: &dyn Fn(&Entry) -> String| entry.map_or_else(|| "-".to_owned(), |entry| fact(entry));
        vec![
            id.to_owned(),
            state.to_owned(),
            fact(&|e| e.task.clone()),
            fact(&|e| bytes(e.size_bytes)),
            fact(&|e| e.context_length.to_string()),
            fact(&|e| {
                let mark = if e.licence.use_note.is_some() { " *" } else { "" };
                format!("{}{mark}", e.licence.spdx)
            }),
        ]
    };
    let offered = |id: &str| served.iter().any(|model| model.id == id);
    let mut rows: Vec<Vec<String>> = served.iter().map(|model| row(&model.id, "served")).collect();
    for entry in entries.iter().filter(|entry| !offered(&entry.id)) {
        rows.push(row(&entry.id, if entry.installed { "installed" } else { "can be pulled" }));
    }
    let columns =
        [text("MODEL"), text("STATE"), text("TASK"), number("SIZE"), number("CONTEXT"), text("LICENCE")];
    table::print(terminal, &columns, &rows, "There are no models.")?;
    for entry in &entries {
        if let Some(note) = &entry.licence.use_note {
            terminal.note(&format!("\n* {}: {}", printable(&entry.id), printable(note)))?;
        }
    }
    Ok(())
}
