//! How a command fails, and what the exit code says of it.

use std::io;
use std::path::PathBuf;

use serde_json::json;

use crate::terminal::Terminal;

/// How a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The command line asks for something that cannot be.
    #[error("{message}")]
    Usage {
        /// What is wrong with it.
        message: String,
    },
    /// Nobody answers at the platform's address.
    #[error("cannot reach the platform at {url}: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// There is no key to call with.
    #[error("there is no key to call with")]
    NoKey {
        /// Where keys were looked for.
        looked_in: PathBuf,
    },
    /// The platform answered with an error.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the platform says.
        message: String,
        /// Its code for programs.
        code: Option<String>,
    },
    /// The platform answered with something that is no answer to the question.
    #[error("the platform's answer cannot be understood: {reason}")]
    Answer {
        /// What is wrong with it.
        reason: String,
    },
    /// A check or a load failed; it was printed already.
    #[error("{message}")]
    Failed {
        /// What failed.
        message: String,
    },
    /// A file cannot be read.
    #[error("`{path}` cannot be used: {reason}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Output cannot be written.
    #[error("the output cannot be written")]
    Output {
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl From<io::Error> for Failure {
    fn from(source: io::Error) -> Self {
        Self::Output { source }
    }
}

impl Failure {
    /// The exit code, as `--help` explains it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::Unreachable { .. } => 3,
            Self::NoKey { .. } | Self::Refused { status: 401 | 403, .. } => 4,
            Self::Refused { status: 404, .. } => 5,
            Self::Refused { .. }
            | Self::Answer { .. }
            | Self::Failed { .. }
            | Self::File { .. }
            | Self::Output { .. } => 1,
        }
    }

    /// The way out, where there is one.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { .. } => {
                Some("Start it with `tenfold serve`, or name another address with --url.".to_owned())
            }
            Self::NoKey { looked_in } => {
                Some(format!("Give one with --key or TENFOLD_API_KEY; {} has none.", looked_in.display()))
            }
            Self::Refused { status: 401, .. } => Some(
                "Check --key, TENFOLD_API_KEY and credentials.json; `tenfold doctor` tells them apart."
                    .to_owned(),
            ),
            Self::Refused { status: 403, .. } => Some(
                "This needs another key: --admin-key or TENFOLD_ADMIN_KEY for administration.".to_owned(),
            ),
            Self::Refused { code: Some(code), .. } if code == "model_not_found" => {
                Some("`tenfold models` lists the models.".to_owned())
            }
            Self::Usage { .. }
            | Self::Refused { .. }
            | Self::Answer { .. }
            | Self::Failed { .. }
            | Self::File { .. }
            | Self::Output { .. } => None,
        }
    }

    /// Writes the failure to standard error. There is nothing to be done when that fails too.
    pub(crate) fn print(&self, terminal: &mut Terminal, json: bool) {
        if json {
            let (status, code) = match self {
                Self::Refused { status, code, .. } => (Some(*status), code.as_deref()),
                Self::Usage { .. }
                | Self::Unreachable { .. }
                | Self::NoKey { .. }
                | Self::Answer { .. }
                | Self::Failed { .. }
                | Self::File { .. }
                | Self::Output { .. } => (None, None),
            };
            let body = json!({"error": {"message": self.to_string(), "status": status, "code": code}});
            let _ = terminal.note(&body.to_string());
            return;
        }
        let _ = terminal.note(&format!("error: {self}"));
        if let Some(hint) = self.hint() {
            let _ = terminal.note(&format!("hint: {hint}"));
        }
    }
}
