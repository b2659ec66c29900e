//! What the operator decides about the catalogue.

use std::path::PathBuf;
use std::time::Duration;

use crate::source::Scheme;

/// What the operator decides about the catalogue.
#[derive(Debug, Clone)]
pub struct Config {
    /// The platform's home folder: entries in `catalog/`, files in `models/`, what is on its way in `downloads/`.
    pub home: PathBuf,
    /// Which kinds of sources may be used, the preferred one first. A kind that is not named is never asked.
    pub sources: Vec<Scheme>,
    /// The hub that `hf:` sources are asked from: a mirror speaks the same protocol.
    pub hf_endpoint: String,
    /// The Python that runs pip for `pip:` sources.
    pub python: PathBuf,
    /// After how long without a byte a download is given up.
    pub stall_timeout: Duration,
    /// After how long one run of pip is given up.
    pub pip_timeout: Duration,
    /// How long to wait before a download that broke off is taken up again.
    pub retry_delay: Duration,
}

impl Config {
    /// Every source allowed in the default order, the public hub, and patience for slow lines.
    pub fn at(home: impl Into<PathBuf>) -> Self {
        Self {
            home: home.into(),
            sources: Scheme::DEFAULT_ORDER.to_vec(),
            hf_endpoint: "https://huggingface.co".to_owned(),
            python: "python3".into(),
            stall_timeout: Duration::from_mins(1),
            pip_timeout: Duration::from_hours(1),
            retry_delay: Duration::from_secs(2),
        }
    }
}
