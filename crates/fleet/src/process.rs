//! Workers as child processes of ours.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{Rng, base62};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::error::LaunchError;
use crate::ports::{Launcher, WorkerProcess, WorkerSpec};

/// What a Unix socket's address holds, less a reserve for the terminating zero.
const SOCKET_PATH_LIMIT_BYTES: usize = 107;
/// How long the end of a dead worker's log is waited for.
const LAST_WORDS_WAIT: Duration = Duration::from_millis(200);
/// A longer line of a worker's log is cut.
const LOG_LINE_LIMIT_CHARS: usize = 1000;

/// Starts `PROGRAM ARGUMENTS... --socket PATH` for each worker and writes its [`WorkerSpec`] as one line of JSON
/// to its standard input.
///
/// That pipe stays open for as long as the worker is to live. A worker ends when it closes, so that not even
/// `kill -9` of the platform leaves a worker behind, on any system and without unsafe code.
#[derive(Debug)]
pub struct ProcessLauncher {
    program: PathBuf,
    arguments: Vec<String>,
    run_folder: PathBuf,
    environment: Vec<(String, String)>,
    rng: Arc<dyn Rng>,
    tracker: TaskTracker,
}

impl ProcessLauncher {
    /// Sockets go to `run_folder`, which is made with mode 0700. The readers of the workers' logs run as tasks of
    /// `tracker`.
    pub fn new(
        program: PathBuf,
        arguments: Vec<String>,
        run_folder: PathBuf,
        rng: Arc<dyn Rng>,
        tracker: TaskTracker,
    ) -> Self {
        Self { program, arguments, run_folder, environment: Vec::new(), rng, tracker }
    }

    /// Gives each worker these variables. It gets no others: the platform's own hold its secrets, and a worker
    /// reads files that strangers made.
    #[must_use]
    pub fn with_environment(mut self, variables: Vec<(String, String)>) -> Self {
        self.environment = variables;
        self
    }

    fn socket(&self) -> std::io::Result<PathBuf> {
        let socket = self.run_folder.join(format!("{}.sock", base62(self.rng.as_ref(), 10)));
        if socket.as_os_str().len() > SOCKET_PATH_LIMIT_BYTES {
            let path = self.run_folder.display();
            return Err(std::io::Error::other(format!(
                "`{path}` is too long for a socket; choose a shorter folder"
            )));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.run_folder)?;
        Ok(socket)
    }
}

#[async_trait]
impl Launcher for ProcessLauncher {
    async fn launch(&self, spec: &WorkerSpec) -> Result<Box<dyn WorkerProcess>, LaunchError> {
        let spawn = |source: std::io::Error| LaunchError::Spawn { source: source.into() };
        let socket = self.socket().map_err(spawn)?;
        let mut line =
            serde_json::to_vec(spec).map_err(|error| LaunchError::Spawn { source: error.into() })?;
        line.push(b'\n');
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg("--socket")
            .arg(&socket)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A signal from the terminal is for the platform, which then ends its workers in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(spawn)?;
        let last_line = Arc::new(Mutex::new(String::new()));
        let log = child.stderr.take().map(|stderr| {
            self.tracker.spawn(forward(stderr, spec.deployment.clone(), Arc::clone(&last_line)))
        });
        let mut stdin = child.stdin.take();
        if let Some(stdin) = &mut stdin {
            // A worker that died already is reported by `exited`, with its last words.
            let _ = stdin.write_all(&line).await;
        }
        Ok(Box::new(ChildWorker { pid: child.id(), child, stdin, socket, log, last_line }))
    }
}

/// A child process. Dropping it kills the process.
#[derive(Debug)]
struct ChildWorker {
    child: Child,
    pid: Option<u32>,
    stdin: Option<ChildStdin>,
    socket: PathBuf,
    /// The reader of its log, until it was waited for.
    log: Option<JoinHandle<()>>,
    last_line: Arc<Mutex<String>>,
}

#[async_trait]
impl WorkerProcess for ChildWorker {
    fn pid(&self) -> Option<u32> {
        self.pid
    }

    fn socket(&self) -> &Path {
        &self.socket
    }

    async fn exited(&mut self) -> String {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => format!("its status cannot be read: {error}"),
        };
        if let Some(log) = &mut self.log {
            // Its last words may still be in the pipe; a grandchild may hold the pipe open for ever.
            let _ = timeout(LAST_WORDS_WAIT, log).await;
            self.log = None;
        }
        let last_line = self.last_line.lock().clone();
        if last_line.is_empty() { status } else { format!("{status}; it last wrote: {last_line}") }
    }

    async fn stop(&mut self, grace: Duration) {
        drop(self.stdin.take());
        if grace.is_zero() || timeout(grace, self.child.wait()).await.is_err() {
            // Fails only where it is gone already.
            let _ = self.child.kill().await;
        }
    }
}

impl Drop for ChildWorker {
    fn drop(&mut self) {
        // The worker made it; a worker that was killed left it.
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Writes a worker's log lines to ours, and remembers the last one for the report of its death.
async fn forward(stderr: ChildStderr, deployment: String, last_line: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line: String =
            String::from_utf8_lossy(&line).trim_end().chars().take(LOG_LINE_LIMIT_CHARS).collect();
        if !line.is_empty() {
            tracing::debug!(deployment, line, "worker");
            *last_line.lock() = line;
        }
    }
}
