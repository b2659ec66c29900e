//! Runs one command line and keeps what it printed.

use std::io::{Cursor, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use clap::{CommandFactory, Parser};
use tempfile::TempDir;
use tenfold_cli::{Args, Context, Terminal, run};
use tenfold_kernel::{MockClock, Timestamp};

use crate::platform::Platform;

/// 2026-11-23 12:00:00 UTC.
pub(crate) const NOW: i64 = 1_795_435_200;

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder for credentials, and what is typed.
pub(crate) struct Session {
    pub(crate) home: TempDir,
    input: String,
    interactive: bool,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Session {
    pub(crate) fn new() -> Self {
        Self { home: TempDir::new().unwrap(), input: String::new(), interactive: false }
    }

    /// With the credentials that the first start of `platform` wrote.
    pub(crate) fn at(platform: &Platform) -> Self {
        let session = Self::new();
        let credentials = serde_json::json!({
            "base_url": format!("{}/v1", platform.url),
            "admin_key": "sk-tf-admin-a",
            "api_key": "sk-tf-p",
            "project_id": "proj_1",
        });
        session.credentials(&credentials.to_string());
        session
    }

    pub(crate) fn credentials(&self, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.home.path().join("credentials.json");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn piped(self, input: &str) -> Self {
        Self { input: input.to_owned(), interactive: false, ..self }
    }

    pub(crate) fn typed(self, input: &str) -> Self {
        Self { input: input.to_owned(), interactive: true, ..self }
    }

    pub(crate) async fn run(&self, line: &[&str]) -> Done {
        // Whichever test comes first installs it for the process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let home = self.home.path().to_str().unwrap();
        let words: Vec<&str> = [&["tenfold"], line, &["--home", home]].concat();
        let mut args = match Args::try_parse_from(words) {
            Ok(args) => args,
            Err(error) => {
                return Done {
                    code: u8::try_from(error.exit_code()).unwrap(),
                    out: String::new(),
                    err: error.to_string(),
                };
            }
        };
        // The environment of whoever runs the tests is not part of them.
        let given = |name: &str| line.contains(&name);
        args.global.url = args.global.url.filter(|_| given("--url"));
        args.global.key = args.global.key.filter(|_| given("--key"));
        args.global.admin_key = args.global.admin_key.filter(|_| given("--admin-key"));
        args.global.openai_key = args.global.openai_key.filter(|_| given("--openai-key"));
        let (out, err) = (Buffer::default(), Buffer::default());
        let clock = MockClock::new(Timestamp::from_secs(NOW));
        let context = Context {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            terminal: Terminal {
                out: Box::new(out.clone()),
                err: Box::new(err.clone()),
                input: Box::new(Cursor::new(self.input.clone().into_bytes())),
                interactive: self.interactive,
                bars: false,
                width: None,
            },
            clock: &clock,
            program: Args::command(),
        };
        let code = run(args, context).await;
        let code = (0..=255).find(|c| ExitCode::from(*c) == code).unwrap();
        Done { code, out: out.text(), err: err.text() }
    }
}
