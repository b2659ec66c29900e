//! What the catalogue says of a model.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use sha2::Digest;
use url::Url;

use crate::price::Prices;
use crate::source::{Source, is_word};

/// What a model is for, first of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Task {
    /// Answers messages.
    Chat,
    /// Goes on with a text.
    Completion,
    /// Turns text into vectors.
    Embedding,
}

/// What goes in or comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Modality {
    /// Text.
    Text,
    /// Pictures.
    Image,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Vectors.
    Vector,
}

/// What goes in and what comes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modalities {
    /// What goes in.
    pub input: BTreeSet<Modality>,
    /// What comes out.
    pub output: BTreeSet<Modality>,
}

/// How the files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// One GGUF file.
    Gguf,
}

/// A model's place in the pyramid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Knows a little of everything.
    General,
    /// Knows one field of knowledge.
    Domain,
    /// Knows one industry.
    Industry,
    /// Knows one organisation.
    Enterprise,
    /// Knows one person.
    Personal,
}

/// How a model came from its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Learnt from the answers of the base.
    Distilled,
    /// The base with parts taken out.
    Pruned,
    /// The base, trained further.
    Tuned,
    /// The base and others, averaged.
    Merged,
    /// The base in fewer bits.
    Quantised,
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lineage {
    /// The model that it was made from.
    pub base: String,
    /// How it was made from it.
    pub relation: Relation,
}

/// An SPDX licence expression, checked for its grammar; `LicenseRef-...` names terms that are on no list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Spdx(String);

impl Spdx {
    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Spdx {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str =
            "that is not an SPDX licence expression, such as `Apache-2.0` or `MIT OR Apache-2.0`";
        if text.len() > 200 {
            return Err(WRONG);
        }
        let spaced = text.replace('(', " ( ").replace(')', " ) ");
        let (mut depth, mut wants_name) = (0_usize, true);
        for word in spaced.split_whitespace() {
            match word {
                "(" if wants_name => depth += 1,
                ")" if !wants_name && depth > 0 => depth -= 1,
                "AND" | "OR" | "WITH" if !wants_name => wants_name = true,
                name if wants_name && is_word(name) && !matches!(name, "AND" | "OR" | "WITH") => {
                    wants_name = false;
                }
                _ => return Err(WRONG),
            }
        }
        if wants_name || depth > 0 { Err(WRONG) } else { Ok(Self(text.to_owned())) }
    }
}

impl<'de> Deserialize<'de> for Spdx {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Under which terms a model may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// The licence.
    pub spdx: Spdx,
    /// Where it can be read.
    pub url: Url,
    /// What one must know before using the model, where the terms restrict its use.
    #[serde(rename = "use", default)]
    pub use_note: Option<String>,
}

/// A SHA-256, 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Sha256(String);

impl Sha256 {
    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Writes out what a hasher found.
    pub(crate) fn of(hasher: sha2::Sha256) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in hasher.finalize() {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let fits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !fits {
            return Err(serde::de::Error::custom("a SHA-256 is 64 hexadecimal digits in lower case"));
        }
        Ok(Self(text))
    }
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    /// What it is to the engine, such as `weights`.
    pub name: String,
    /// Its file name once installed.
    pub file: String,
    /// Its exact size.
    pub size_bytes: NonZeroU64,
    /// Its checksum.
    pub sha256: Sha256,
    /// Where it can be had.
    pub sources: Vec<Source>,
}

/// What a model can do beyond its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Capability {
    /// Answers messages.
    Chat,
    /// Goes on with a text.
    Completions,
    /// Calls functions.
    Tools,
    /// Writes JSON to a schema.
    Json,
    /// Fills in the middle between a prefix and a suffix.
    Fim,
    /// Turns text into vectors.
    Embeddings,
    /// Thinks before it answers.
    Reasoning,
    /// Sees pictures.
    Vision,
}

/// A chat template that replaces the one inside the model's file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ChatTemplate {
    /// The template itself.
    Inline(String),
    /// A file beside the entry; reading the entry turns it into the template itself.
    File(String),
}

/// One model of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name to call it by.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it is, in a sentence or two.
    pub description: String,
    /// What it is for.
    pub task: Task,
    /// How its files are written.
    pub format: Format,
    /// Its place in the pyramid.
    pub tier: Tier,
    /// The most tokens that it can attend to.
    pub context_length: NonZeroU64,
    /// How many numbers it consists of.
    pub parameters: NonZeroU64,
    /// What it can do.
    pub capabilities: BTreeSet<Capability>,
    /// What goes in and comes out.
    pub modalities: Modalities,
    /// Where it comes from; absent for a model trained from nothing.
    #[serde(default)]
    pub lineage: Option<Lineage>,
    /// Under which terms it may be used.
    pub licence: Licence,
    /// A chat template that replaces its own.
    #[serde(default)]
    pub chat_template: Option<ChatTemplate>,
    /// What it costs unless the operator says otherwise.
    #[serde(default)]
    pub prices: Option<Prices>,
    /// Its files.
    pub artefacts: Vec<Artefact>,
}

impl Entry {
    /// The version: the first 12 digits of a SHA-256 over the names and checksums of all artefacts, so that it
    /// changes with every byte of the model and with nothing else.
    pub fn version(&self) -> String {
        let mut lines: Vec<String> =
            self.artefacts.iter().map(|a| format!("{}\0{}\0{}\n", a.name, a.file, a.sha256)).collect();
        lines.sort_unstable();
        let mut hasher = sha2::Sha256::new();
        for line in lines {
            hasher.update(line.as_bytes());
        }
        Sha256::of(hasher).0.chars().take(12).collect()
    }

    /// The size of all files.
    pub fn size_bytes(&self) -> u64 {
        self.artefacts.iter().fold(0, |sum, a| sum.saturating_add(a.size_bytes.get()))
    }

    /// The chat template that replaces the model's own.
    pub fn chat_template(&self) -> Option<&str> {
        match &self.chat_template {
            Some(ChatTemplate::Inline(text)) => Some(text),
            Some(ChatTemplate::File(_)) | None => None,
        }
    }

    /// Checks what one field alone cannot show.
    ///
    /// # Errors
    /// The path of the field that is wrong, and what is wrong with it.
    pub(crate) fn validate(&self) -> Result<(), (String, &'static str)> {
        const TEXT: &str = "it is empty, too long or has control characters";
        let text = |value: &str, most: usize| {
            !value.trim().is_empty()
                && value.len() <= most
                && !value.chars().any(|c| c.is_control() && c != '\n')
        };
        let fail = |path: &str, reason| Err((path.to_owned(), reason));
        if !is_id(&self.id) {
            return fail(
                "id",
                "an id has at most 128 letters, digits and `._-`, and begins with a letter or digit",
            );
        }
        if !text(&self.name, 200) {
            return fail("name", TEXT);
        }
        if !text(&self.description, 2_000) {
            return fail("description", TEXT);
        }
        if self.lineage.as_ref().is_some_and(|l| !text(&l.base, 200)) {
            return fail("lineage.base", TEXT);
        }
        if self.licence.use_note.as_ref().is_some_and(|note| !text(note, 2_000)) {
            return fail("licence.use", TEXT);
        }
        if !matches!(self.licence.url.scheme(), "https" | "http") {
            return fail("licence.url", "a licence is read in a browser: write an `https:` URL");
        }
        if self.modalities.input.is_empty() {
            return fail("modalities.input", "something must go in");
        }
        if self.modalities.output.is_empty() {
            return fail("modalities.output", "something must come out");
        }
        if self.artefacts.is_empty() || self.artefacts.len() > 64 {
            return fail("artefacts", "a model has 1 to 64 artefacts");
        }
        for (index, artefact) in self.artefacts.iter().enumerate() {
            let earlier = &self.artefacts[..index];
            if !is_word(&artefact.name) || earlier.iter().any(|e| e.name == artefact.name) {
                return Err((
                    format!("artefacts[{index}].name"),
                    "it must be a word that no other artefact has",
                ));
            }
            let clash = earlier.iter().any(|e| e.file.eq_ignore_ascii_case(&artefact.file));
            if !is_word(&artefact.file) || clash || artefact.file == crate::installed::MANIFEST {
                return Err((
                    format!("artefacts[{index}].file"),
                    "it must be a plain file name that no other has",
                ));
            }
            if artefact.sources.is_empty() || artefact.sources.len() > 64 {
                return Err((format!("artefacts[{index}].sources"), "an artefact has 1 to 64 sources"));
            }
        }
        Ok(())
    }
}

/// Whether `text` can be the id of a model: safe as the name of a folder and in a URL.
pub(crate) fn is_id(text: &str) -> bool {
    is_word(text) && text.len() <= 128 && !text.contains('+') && !text.starts_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_expressions_are_checked() {
        for good in
            ["Apache-2.0", "MIT OR Apache-2.0", "(MIT AND BSD-3-Clause) OR GPL-2.0+", "LicenseRef-Gemma"]
        {
            assert!(good.parse::<Spdx>().is_ok(), "{good}");
        }
        for bad in
            ["", "MIT Apache-2.0", "MIT OR", "AND MIT", "(MIT", "MIT)", "()", "Apache 2.0", "MIT/Apache-2.0"]
        {
            assert!(bad.parse::<Spdx>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_are_safe_as_folder_names() {
        assert!(is_id("qwen2.5-coder-0.5b-instruct"));
        for bad in ["", ".", "..", "../x", "a/b", ".hidden", "-x", "a b", "a\0", "ü"] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
