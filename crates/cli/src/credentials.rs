//! `credentials.json`: what the first start of a platform wrote down.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;

/// What the first start of a platform wrote down.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct Credentials {
    /// The platform's address, with or without `/v1`.
    #[serde(default)]
    pub(crate) base_url: Option<String>,
    /// The admin key.
    #[serde(default)]
    pub(crate) admin_key: Option<String>,
    /// The default project's key.
    #[serde(default)]
    pub(crate) api_key: Option<String>,
    /// The default project.
    #[serde(default)]
    pub(crate) project_id: Option<String>,
}

/// Where the file is.
pub(crate) fn path(home: &Path) -> PathBuf {
    home.join("credentials.json")
}

/// Reads the file; an absent one is empty.
pub(crate) fn read(home: &Path) -> Result<Credentials, Failure> {
    let path = path(home);
    let wrong = |reason: String| Failure::File { path: path.clone(), reason };
    match std::fs::read(&path) {
        // The parser's message could quote a key, so only the place is told.
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|e| wrong(format!("it is not valid JSON of credentials (line {})", e.line()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Credentials::default()),
        Err(error) => Err(wrong(error.to_string())),
    }
}
