//! What the operator decides: `$TENFOLD_HOME/tenfold.toml`, and the environment over it.
//!
//! | variable | what it sets |
//! | --- | --- |
//! | `TENFOLD_HOME` | the folder that holds all state; `./.tenfold` |
//! | `TENFOLD_LISTEN` | the address; `127.0.0.1:8080` |
//! | `DATABASE_URL` | a PostgreSQL to use instead of SQLite |
//! | `TENFOLD_LOG` | what is logged, as `tracing` filters say it; `info` |
//! | `TENFOLD_LOG_FORMAT` | `text` or `json` |

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Url;
use serde::Deserialize;
use tenfold_catalog::Scheme;

use crate::notifications::Notifications;
use crate::payments::Payments;
use crate::rental::Rental;

/// Where everything is, and what was decided.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) home: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) database_url: String,
    pub(crate) file: File,
}

/// `tenfold.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// The version of this file's form: 1.
    version: u32,
    /// The address to listen on.
    listen: Option<SocketAddr>,
    #[serde(default)]
    pub(crate) http: Http,
    #[serde(default)]
    pub(crate) models: Models,
    #[serde(default)]
    pub(crate) engine: Engine,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    pub(crate) database: Database,
    #[serde(default)]
    pub(crate) payments: Payments,
    #[serde(default)]
    pub(crate) notifications: Notifications,
    #[serde(default)]
    pub(crate) rental: Rental,
}

/// `[http]`: limits of the edge.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    pub(crate) body_limit_bytes: usize,
    pub(crate) header_timeout_s: u64,
    pub(crate) body_timeout_s: u64,
    pub(crate) max_connections: usize,
    pub(crate) shutdown_grace_s: u64,
    /// Where people reach the platform with a browser, such as `https://models.example.com`.
    pub(crate) public_url: Option<String>,
}

/// `[models]`: what is pulled at the first start, and from where.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Models {
    /// The model that the first start pulls and deploys; empty for none.
    pub(crate) default: String,
    /// Which kinds of sources may be used, the preferred one first.
    pub(crate) sources: Option<Vec<Scheme>>,
    /// The hub, or a mirror of it.
    pub(crate) hf_endpoint: Option<String>,
}

/// `[engine]`: how embedded workers run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Engine {
    /// Threads of a worker; 0 for the machine's cores.
    pub(crate) threads: usize,
    /// Sequences that a worker runs at once.
    pub(crate) slots: u32,
    /// Tokens that one sequence may hold; 0 for what the model was made for, at most 4,096.
    pub(crate) context_length: u32,
    /// Whether workers use llama.cpp's fused attention: quicker, but from 256 tokens on its rounding depends on
    /// what else runs.
    pub(crate) flash_attention: bool,
    /// Calls that wait for a model; more are refused with 429.
    pub(crate) queue_limit: usize,
    /// How long they wait at most.
    pub(crate) queue_timeout_s: u64,
    /// Memory that all workers together may take, in bytes; 0 for what the machine has.
    pub(crate) memory_budget_bytes: u64,
}

/// `[limits]`: of a project for a model, where no administrator set others; 0 for none.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) requests_per_minute: u64,
    pub(crate) tokens_per_minute: u64,
}

/// `[database]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Database {
    /// The most connections to PostgreSQL.
    pub(crate) pool_size: u32,
}

impl Default for File {
    fn default() -> Self {
        Self {
            version: 1,
            listen: None,
            http: Http::default(),
            models: Models::default(),
            engine: Engine::default(),
            limits: Limits::default(),
            database: Database::default(),
            payments: Payments::default(),
            notifications: Notifications::default(),
            rental: Rental::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            body_limit_bytes: 32 << 20,
            header_timeout_s: 60,
            body_timeout_s: 30,
            max_connections: 10_000,
            shutdown_grace_s: 30,
            public_url: None,
        }
    }
}

impl Default for Models {
    fn default() -> Self {
        Self { default: "smollm2-135m-instruct".to_owned(), sources: None, hf_endpoint: None }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            threads: 0,
            slots: 8,
            context_length: 0,
            flash_attention: true,
            queue_limit: 256,
            queue_timeout_s: 120,
            memory_budget_bytes: 0,
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { pool_size: 8 }
    }
}

/// What the environment says, read in one place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    pub(crate) home: Option<String>,
    pub(crate) listen: Option<String>,
    pub(crate) database_url: Option<String>,
    pub(crate) log: Option<String>,
    pub(crate) log_format: Option<String>,
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "the environment is read here, once")]
    pub(crate) fn read() -> Self {
        let get = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            home: get("TENFOLD_HOME"),
            listen: get("TENFOLD_LISTEN"),
            database_url: get("DATABASE_URL"),
            log: get("TENFOLD_LOG"),
            log_format: get("TENFOLD_LOG_FORMAT"),
        }
    }
}

impl Environment {
    /// What a worker is told of it: how to log, and nothing else. The rest holds secrets.
    pub(crate) fn for_workers(&self) -> Vec<(String, String)> {
        [("TENFOLD_LOG", &self.log), ("TENFOLD_LOG_FORMAT", &self.log_format)]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
            .collect()
    }
}

impl Settings {
    /// Reads the file, if there is one, and puts the environment over it.
    pub(crate) fn load(environment: &Environment) -> anyhow::Result<Self> {
        let home = PathBuf::from(environment.home.as_deref().unwrap_or(".tenfold"));
        private_folder(&home).with_context(|| format!("failed to make {}", home.display()))?;
        let home = home.canonicalize().context("failed to find TENFOLD_HOME")?;
        let path = home.join("tenfold.toml");
        let file: File = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("{} is not valid", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => File::default(),
            Err(error) => return Err(error).with_context(|| format!("failed to read {}", path.display())),
        };
        file.validate().with_context(|| format!("{} is not valid", path.display()))?;
        let listen = match &environment.listen {
            Some(text) => {
                text.parse().with_context(|| format!("TENFOLD_LISTEN={text} is not ADDRESS:PORT"))?
            }
            None => file.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
        };
        let sqlite = || format!("sqlite://{}", home.join("tenfold.db").display());
        let database_url = environment.database_url.clone().unwrap_or_else(sqlite);
        Ok(Self { home, listen, database_url, file })
    }

    /// Where people reach the platform with a browser: as it is set, else where payers do, else at `listen`.
    pub(crate) fn public_url(&self, listen: SocketAddr) -> anyhow::Result<String> {
        if let Some(text) = &self.file.http.public_url {
            return public_address("http.public_url", text);
        }
        let of_payments = self.file.payments.public_url()?;
        if !of_payments.is_empty() {
            return Ok(of_payments);
        }
        // Browsers have passkeys at a name, not at an address of numbers.
        let host = if listen.ip().is_loopback() { "localhost".to_owned() } else { listen.ip().to_string() };
        Ok(format!("http://{host}:{}", listen.port()))
    }
}

impl File {
    fn validate(&self) -> anyhow::Result<()> {
        ensure!(self.version == 1, "version = {}: this program reads version 1", self.version);
        ensure!(self.http.body_limit_bytes >= 1024, "http.body_limit_bytes must be at least 1024");
        ensure!(self.http.header_timeout_s > 0, "http.header_timeout_s must be at least 1");
        ensure!(self.http.body_timeout_s > 0, "http.body_timeout_s must be at least 1");
        ensure!(self.http.max_connections > 0, "http.max_connections must be at least 1");
        ensure!((1..=256).contains(&self.engine.slots), "engine.slots must be 1 to 256");
        ensure!(self.engine.threads <= 1024, "engine.threads must be at most 1024");
        ensure!(self.database.pool_size > 0, "database.pool_size must be at least 1");
        self.payments.public_url()?;
        if let Some(text) = &self.http.public_url {
            public_address("http.public_url", text)?;
        }
        self.rental.validate()?;
        Ok(())
    }
}

impl Http {
    pub(crate) fn to_config(&self, public_url: &str) -> tenfold_http::Config {
        tenfold_http::Config {
            body_limit_bytes: self.body_limit_bytes,
            header_timeout: Duration::from_secs(self.header_timeout_s),
            body_timeout: Duration::from_secs(self.body_timeout_s),
            max_connections: self.max_connections,
            shutdown_grace: Duration::from_secs(self.shutdown_grace_s),
            public_url: public_url.to_owned(),
            is_https: public_url.starts_with("https://"),
        }
    }
}

/// An address under which others reach the platform, without a slash at its end.
///
/// # Errors
/// What is wrong, by the name of the setting.
pub(crate) fn public_address(setting: &str, text: &str) -> anyhow::Result<String> {
    let url = Url::parse(text).with_context(|| format!("{setting} is no address"))?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    ensure!(
        matches!(url.scheme(), "https" | "http") && is_plain && url.password().is_none(),
        "{setting} must be as https://models.example.com"
    );
    Ok(text.trim_end_matches('/').to_owned())
}

/// Makes a folder that only its owner may look into.
pub(crate) fn private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_setting_is_refused_by_name() {
        let error = toml::from_str::<File>("version = 1\n[engine]\nslot = 4\n").unwrap_err();
        assert!(error.to_string().contains("slot"), "{error}");
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let file: File = toml::from_str("version = 1\n[engine]\nslots = 0\n").unwrap();
        assert!(file.validate().unwrap_err().to_string().contains("engine.slots"));
    }

    #[test]
    fn the_environment_is_over_the_file() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("tenfold.toml"), "version = 1\nlisten = \"127.0.0.1:1\"\n").unwrap();
        let environment = Environment {
            home: Some(home.path().display().to_string()),
            listen: Some("127.0.0.1:2".into()),
            ..Environment::default()
        };
        assert_eq!(Settings::load(&environment).unwrap().listen.port(), 2);
        let environment = Environment { listen: None, ..environment };
        assert_eq!(Settings::load(&environment).unwrap().listen.port(), 1);
    }
}
