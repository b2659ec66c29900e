//! How invoices and statements are written: as PDF, CSV or JSON.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tenfold_billing::invoice::Statement;
use tenfold_identity::{ListRequest, Order};
use tenfold_invoice::{Fonts, Language, to_csv, to_json, to_pdf};
use tenfold_kernel::{Caller, ErrorKind};
use utoipa::IntoParams;

use crate::app::App;
use crate::error::ApiError;

/// How many projects are read at once.
const PAGE: i64 = 100;

/// How a document is written.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DocumentQuery {
    /// `pdf` (when absent), `csv` or `json`.
    pub(super) format: Option<String>,
    /// `en` (when absent) or `zh`: the language of a PDF's own words.
    pub(super) language: Option<String>,
}

/// How a document is written, read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// For people.
    Pdf(Language),
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

impl DocumentQuery {
    /// Reads the query, each field refused by its name.
    pub(super) fn form(&self) -> Result<Form, ApiError> {
        let language = match self.language.as_deref() {
            None | Some("en") => Language::En,
            Some("zh") => Language::ZhCn,
            Some(_) => return Err(ApiError::invalid("language", "`language` is `en` or `zh`.")),
        };
        match self.format.as_deref() {
            None | Some("pdf") => Ok(Form::Pdf(language)),
            Some("csv") => Ok(Form::Csv),
            Some("json") => Ok(Form::Json),
            Some(_) => Err(ApiError::invalid("format", "`format` is `pdf`, `csv` or `json`.")),
        }
    }
}

/// Writes `statement` as a file. A PDF, which is for people, names projects; what programs read has their ids.
pub(super) async fn write(
    app: &App,
    caller: &Caller,
    mut statement: Statement,
    form: Form,
) -> Result<Response, ApiError> {
    let number = statement.number.clone();
    let (kind, extension, bytes) = match form {
        Form::Pdf(language) => {
            name_projects(app, caller, &mut statement).await?;
            // Fonts are read and pages are set: some milliseconds of a thread that serves nobody.
            let pdf = app.tracker.spawn_blocking(move || {
                let fonts = Fonts::find(&[])?;
                to_pdf(&statement, &fonts, language)
            });
            let pdf = pdf.await.map_err(|error| ApiError::new(ErrorKind::Internal, error.to_string()))?;
            ("application/pdf", "pdf", pdf?)
        }
        Form::Csv => ("text/csv; charset=utf-8", "csv", to_csv(&statement)?.into_bytes()),
        Form::Json => ("application/json", "json", to_json(&statement)?.into_bytes()),
    };
    let name = format!("attachment; filename=\"{}.{extension}\"", file_name(&number));
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, bytes).into_response())
}

/// A document's number as the name of a file on any system: what else is in it, such as a label's name, becomes `_`.
fn file_name(number: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    number.chars().map(keep).take(200).collect()
}

/// Puts names of projects in place of their ids. Where several projects have one name, their ids stand behind it; what is
/// not known keeps its id.
async fn name_projects(app: &App, caller: &Caller, statement: &mut Statement) -> Result<(), ApiError> {
    let wanted: BTreeSet<String> = statement.lines.iter().filter_map(|line| line.project.clone()).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut after = None;
    loop {
        let request = ListRequest { limit: Some(PAGE), after: after.take(), order: Order::Ascending };
        let page = app.identity.list_projects(caller, true, &request).await?;
        after = page.data.last().map(|project| project.id.to_string()).filter(|_| page.has_more);
        let found = page.data.into_iter().map(|project| (project.id.to_string(), project.name));
        names.extend(found.filter(|(id, _)| wanted.contains(id)));
        if after.is_none() {
            break;
        }
    }
    for line in &mut statement.lines {
        let Some(name) = line.project.as_ref().and_then(|id| names.get(id)) else { continue };
        let is_shared = names.values().filter(|other| *other == name).count() > 1;
        line.project = match line.project.take() {
            Some(id) if is_shared => Some(format!("{name} ({id})")),
            _ => Some(name.clone()),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_name_that_every_system_takes() {
        assert_eq!(file_name("INV-000017"), "INV-000017");
        assert_eq!(file_name("ST-2026-10-USD/proj_a/部门\r\n\""), "ST-2026-10-USD_proj_a______");
        assert_eq!(file_name(&"x".repeat(999)).len(), 200);
    }
}
