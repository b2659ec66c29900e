//! A catalogue in a temporary folder.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tenfold_catalog::{Catalog, CatalogError, Config};

/// A catalogue in a temporary folder.
pub(crate) struct World {
    pub(crate) home: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { home: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.home.path()
    }

    /// Writes an operator's entry.
    pub(crate) fn entry(&self, file: &str, text: &str) {
        let folder = self.path().join("catalog");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(file), text).unwrap();
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            retry_delay: Duration::ZERO,
            stall_timeout: Duration::from_secs(10),
            ..Config::at(self.path())
        }
    }

    pub(crate) fn open(&self) -> Catalog {
        open_with(self.config()).unwrap()
    }

    /// The names of everything in `models/`, hidden names too.
    pub(crate) fn models(&self) -> Vec<String> {
        names(&self.path().join("models"))
    }

    pub(crate) fn downloads(&self) -> Vec<String> {
        names(&self.path().join("downloads"))
    }
}

pub(crate) fn open_with(config: Config) -> Result<Catalog, CatalogError> {
    Catalog::open(config, client())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|item| item.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn client() -> reqwest::Client {
    // Whichever test comes first installs it for the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// `length` bytes that no compression makes much smaller.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        })
        .collect()
}

/// An entry called `tiny` for one file of these bytes with these sources, as TOML values.
pub(crate) fn tiny(bytes: &[u8], sources: &[String]) -> String {
    entry("tiny", bytes.len() as u64, &sha256(bytes), sources)
}

pub(crate) fn entry(id: &str, size: u64, sha256: &str, sources: &[String]) -> String {
    let sources = sources.join(", ");
    format!(
        r#"id = "{id}"
name = "Tiny"
description = "A model for tests."
task = "chat"
format = "gguf"
tier = "general"
context_length = 128
parameters = 7
capabilities = ["chat"]

[modalities]
input = ["text"]
output = ["text"]

[licence]
spdx = "MIT"
url = "https://example.org/licence"

[[artefacts]]
name = "weights"
file = "tiny.gguf"
size_bytes = {size}
sha256 = "{sha256}"
sources = [{sources}]
"#
    )
}
