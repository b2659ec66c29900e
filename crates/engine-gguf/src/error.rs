//! What can go wrong while a model is loaded.

use std::path::PathBuf;

use tenfold_kernel::{BoxError, Classify, ErrorKind};

/// What can go wrong while a model is loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufLoadError {
    /// The file cannot be read.
    #[error("cannot read the model file `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no model that llama.cpp can run.
    #[error("`{}` is no model that llama.cpp can run", path.display())]
    NoModel {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The chat template does not parse.
    #[error("the chat template does not parse")]
    Template {
        /// Why.
        #[source]
        source: minijinja::Error,
    },
    /// A setting is out of its range.
    #[error("`{setting}` must be {rule}")]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// Memory for the context cannot be had.
    #[error("llama.cpp cannot make a context of {n_cells} tokens: memory may be short")]
    Context {
        /// Tokens that all sequences together were to hold.
        n_cells: u32,
    },
    /// The engine's thread cannot be started.
    #[error("cannot start the engine's thread")]
    Thread {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// llama.cpp does not start.
    #[error("llama.cpp does not start")]
    Backend {
        /// Why.
        #[source]
        source: BoxError,
    },
}

impl Classify for GgufLoadError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Setting { .. } | Self::Template { .. } | Self::NoModel { .. } => ErrorKind::InvalidRequest,
            Self::Unreadable { .. } => ErrorKind::NotFound,
            Self::Context { .. } | Self::Thread { .. } | Self::Backend { .. } => ErrorKind::Unavailable,
        }
    }
}
