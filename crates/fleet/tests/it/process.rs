//! Real child processes: a shell that plays the worker.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tenfold_fleet::{Launcher, ProcessLauncher, WorkerSpec};
use tenfold_kernel::SystemRng;
use tokio_util::task::TaskTracker;

fn shell(script: &str, folder: &Path) -> ProcessLauncher {
    let arguments = vec!["-c".to_owned(), script.to_owned()];
    ProcessLauncher::new(
        "/bin/sh".into(),
        arguments,
        folder.join("run"),
        Arc::new(SystemRng),
        TaskTracker::new(),
    )
}

fn spec() -> WorkerSpec {
    WorkerSpec {
        deployment: "smol".to_owned(),
        model: "m".to_owned(),
        version: "v1".to_owned(),
        path: "/models/m.gguf".into(),
        context_length: Some(64),
        max_concurrency: 2,
        chat_template: Some("line\nline".to_owned()),
        adapters: Vec::new(),
    }
}

fn runs(pid: u32) -> bool {
    // A zombie is dead: its parent has yet to be told.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_worker_reads_what_to_run_and_ends_when_its_input_closes() {
    let folder = tempfile::tempdir().unwrap();
    // `$0` is `--socket` and `$1` its value.
    let launcher = shell(
        r#"read -r spec; printf %s "$spec" > "$1"; cat > /dev/null; echo ended >> "$1.log""#,
        folder.path(),
    );
    let mut worker = launcher.launch(&spec()).await.unwrap();
    let socket = worker.socket().to_owned();
    assert!(socket.starts_with(folder.path().join("run")));
    worker.stop(Duration::from_secs(20)).await;
    let read: WorkerSpec = serde_json::from_slice(&std::fs::read(&socket).unwrap()).unwrap();
    assert_eq!(read, spec());
    let log = format!("{}.log", socket.display());
    assert_eq!(std::fs::read_to_string(log).unwrap(), "ended\n", "it ended by itself, not by force");
    drop(worker);
    assert!(!socket.exists(), "the socket is removed");
    let mode = std::fs::metadata(folder.path().join("run")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_worker_sees_the_variables_that_it_is_given_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let launcher = shell(r#"/usr/bin/env > "$1"; cat > /dev/null"#, folder.path())
        .with_environment(vec![("TENFOLD_TEST".to_owned(), "1".to_owned())]);
    let mut worker = launcher.launch(&spec()).await.unwrap();
    worker.stop(Duration::from_secs(20)).await;
    let seen = std::fs::read_to_string(worker.socket()).unwrap();
    let own = ["PWD=", "OLDPWD=", "SHLVL=", "_="];
    let given: Vec<_> = seen.lines().filter(|line| !own.iter().any(|own| line.starts_with(own))).collect();
    assert_eq!(given, ["TENFOLD_TEST=1"]);
}

#[tokio::test]
async fn a_worker_that_does_not_end_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker =
        shell("while :; do read -r x || sleep 0.01; done", folder.path()).launch(&spec()).await.unwrap();
    let pid = worker.pid().unwrap();
    assert!(runs(pid));
    worker.stop(Duration::from_millis(50)).await;
    assert!(!runs(pid));
}

#[tokio::test]
async fn a_worker_that_died_says_its_status_and_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo one >&2; echo 'no such model' >&2; read -r x; exit 3";
    let mut worker = shell(script, folder.path()).launch(&spec()).await.unwrap();
    let reason = tokio::time::timeout(Duration::from_secs(20), worker.exited()).await.unwrap();
    assert_eq!(reason, "exit status: 3; it last wrote: no such model");
    assert_eq!(worker.exited().await, reason, "asked again, it says the same");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (rng, tracker) = (Arc::new(SystemRng), TaskTracker::new());
    let launcher =
        ProcessLauncher::new("/nonexistent".into(), Vec::new(), folder.path().into(), rng, tracker);
    assert!(launcher.launch(&spec()).await.is_err());
}

#[tokio::test]
async fn a_folder_too_deep_for_a_socket_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(120));
    let error = shell("true", &deep).launch(&spec()).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("too long for a socket"), "{source}");
}
