//! Reading entries: one TOML file a model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::builtin;
use crate::entry::{ChatTemplate, Entry};
use crate::error::CatalogError;
use crate::source::is_word;

/// Larger entries and templates are refused unread.
const MAX_BYTES: u64 = 1 << 20;

/// An entry that cannot be taken, and where it is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: field `{field}`: {reason}", .line.map(|l| format!(", line {l}")).unwrap_or_default())]
pub struct BadEntry {
    /// The file.
    pub file: String,
    /// The line, counted from one, where it is known.
    pub line: Option<usize>,
    /// The field, such as `artefacts[0].sha256`; `.` for the file as a whole.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

/// Reads one entry.
///
/// # Parameters
/// `file`: what to call the text in errors. `template`: reads a template's file that stands beside the entry.
///
/// # Errors
/// [`BadEntry`] for anything that is not an entry: unknown fields too.
pub fn parse_entry(
    file: &str,
    text: &str,
    template: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Entry, BadEntry> {
    let bad = |line, field: String, reason: String| BadEntry { file: file.to_owned(), line, field, reason };
    let syntax = |error: toml::de::Error| {
        bad(error.span().map(|s| line_at(text, s.start)), ".".into(), error.message().to_owned())
    };
    let deserializer = toml::Deserializer::parse(text).map_err(syntax)?;
    let mut entry: Entry = serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        let line = inner.span().map(|s| line_at(text, s.start)).or_else(|| line_of(text, &field));
        bad(line, field, inner.message().to_owned())
    })?;
    entry.validate().map_err(|(field, reason)| bad(line_of(text, &field), field, reason.to_owned()))?;
    let in_template = |reason: String| bad(line_of(text, "chat_template"), "chat_template".into(), reason);
    if let Some(ChatTemplate::File(name)) = &entry.chat_template {
        if !is_word(name) {
            return Err(in_template("name a file that stands beside the entry".into()));
        }
        entry.chat_template = Some(ChatTemplate::Inline(template(name).map_err(in_template)?));
    }
    if entry.chat_template().is_some_and(|t| t.trim().is_empty()) {
        return Err(in_template("the template is empty".into()));
    }
    Ok(entry)
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count()
}

/// The line of the field at `path`, or of the nearest table around it that is there.
fn line_of(text: &str, path: &str) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let mut line = None;
    let mut here: Option<&DeValue<'_>> = None;
    for step in path.split(['.', '[']) {
        let (at, value) = if let Some(index) = step.strip_suffix(']') {
            let item = here?.as_array()?.get(index.parse::<usize>().ok()?)?;
            (item.span().start, item.get_ref())
        } else {
            let fields = here.map_or(Some(table.get_ref()), |value| value.as_table());
            let Some((key, value)) = fields?.iter().find(|(key, _)| key.get_ref().as_ref() == step) else {
                return line;
            };
            (key.span().start, value.get_ref())
        };
        line = Some(line_at(text, at));
        here = Some(value);
    }
    line
}

/// Reads the built-in entries.
pub(crate) fn built_in() -> Result<BTreeMap<String, Entry>, CatalogError> {
    let mut entries = BTreeMap::new();
    for (file, text) in builtin::ENTRIES {
        let entry = parse_entry(&format!("built-in {file}"), text, &|name| {
            let found = builtin::TEMPLATES.iter().find(|(file, _)| *file == name);
            found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| format!("there is no template `{name}`"))
        })?;
        entries.insert(entry.id.clone(), entry);
    }
    Ok(entries)
}

/// Reads the operator's entries: every `*.toml` of `folder`, which need not be there.
pub(crate) fn folder(folder: &Path) -> Result<BTreeMap<String, Entry>, CatalogError> {
    let mut files: Vec<PathBuf> = Vec::new();
    let listing = match std::fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(CatalogError::io("list", folder)(error)),
    };
    for item in listing {
        let path = item.map_err(CatalogError::io("list", folder))?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    files.sort_unstable();
    let mut entries = BTreeMap::new();
    let mut origins: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in files {
        let shown = path.display().to_string();
        let text = read_bounded(&path).map_err(|reason| BadEntry {
            file: shown.clone(),
            line: None,
            field: ".".into(),
            reason,
        })?;
        let entry = parse_entry(&shown, &text, &|name| read_bounded(&folder.join(name)))?;
        if let Some(first) = origins.insert(entry.id.clone(), path.clone()) {
            return Err(CatalogError::SameId { id: entry.id, first, second: path });
        }
        entries.insert(entry.id.clone(), entry);
    }
    Ok(entries)
}

fn read_bounded(path: &Path) -> Result<String, String> {
    let metadata =
        std::fs::metadata(path).map_err(|e| format!("`{}` cannot be read: {e}", path.display()))?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(format!("`{}` is not a file of at most {MAX_BYTES} bytes", path.display()));
    }
    std::fs::read_to_string(path).map_err(|e| format!("`{}` cannot be read: {e}", path.display()))
}
