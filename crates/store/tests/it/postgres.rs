//! A real PostgreSQL, made for this process and gone with it.
//!
//! The server listens on a Unix socket in its own folder, and on nothing else. A shell watches over it: its
//! standard input is a pipe from this process, so that when this process ends in whatever way (an end, a panic, a
//! kill) the pipe closes, and the shell stops the server and removes the folder.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tenfold_store::Store;

struct Cluster {
    folder: PathBuf,
    /// Closing it stops the server. A static is never dropped, so it closes when the process ends.
    _watch: std::process::Child,
}

/// An open store on a fresh database of the cluster of this process.
pub(crate) async fn store() -> Store {
    Store::connect(&database(), &crate::sqlite::config()).await.unwrap()
}

/// Makes a fresh database and returns its URL.
pub(crate) fn database() -> String {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let cluster = CLUSTER.get_or_init(start);
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let socket = cluster.folder.display();
    let created = Command::new(program("createdb"))
        .args(["-h", &socket.to_string(), "-U", "tenfold", "-T", "template0", &name])
        .current_dir("/")
        .output()
        .unwrap();
    assert!(created.status.success(), "createdb: {}", String::from_utf8_lossy(&created.stderr));
    format!("postgres://tenfold@localhost/{name}?host={socket}")
}

/// The newest installed program of that name.
fn program(name: &str) -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin").join(name))).filter(|(_, program)| program.exists())
        })
        .collect();
    versions.sort();
    let newest = versions.pop();
    newest
        .expect("PostgreSQL is not installed: `make test` installs it, or run `apt-get install postgresql`")
        .1
}

/// The user that the server runs as: it refuses to run as root. `None` for whoever runs the tests.
fn server_user() -> Option<(u32, u32)> {
    let number = |flag: &str, user: &str| -> Option<u32> {
        let output = Command::new("id").args([flag, user]).stderr(Stdio::null()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let me = Command::new("id").arg("-u").output().unwrap();
    if String::from_utf8_lossy(&me.stdout).trim() != "0" {
        return None;
    }
    ["postgres", "nobody"]
        .iter()
        .find_map(|user| Some((number("-u", user)?, number("-g", user)?)))
        .or_else(|| panic!("neither `postgres` nor `nobody` is a user of this machine"))
}

fn start() -> Cluster {
    let user = server_user();
    // The folder must be short (a socket's path has at most 107 bytes) and reachable by that user.
    let folder = tempfile::Builder::new().prefix("tenfold-pg-").tempdir_in("/tmp").unwrap().keep();
    let command = |program: &Path| {
        let mut command = Command::new(program);
        command.current_dir("/");
        if let Some((user, group)) = user {
            command.uid(user).gid(group);
        }
        command
    };
    if let Some((user, group)) = user {
        chown(&folder, Some(user), Some(group)).unwrap();
    }
    let data = folder.join("data");
    let made = command(&program("initdb"))
        .args(["-N", "-A", "trust", "-U", "tenfold", "--no-locale", "-E", "UTF8", "--wal-segsize=1", "-D"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

    let script = "\"$1\" -D \"$2/data\" -k \"$2\" -c listen_addresses= -c fsync=off -c max_connections=40 \
         -c shared_buffers=16MB -c max_wal_size=64MB >\"$2/log\" 2>&1 </dev/null & server=$!; \
         cat >/dev/null; kill -INT $server; wait $server; rm -rf \"$2\"";
    let watch = command(Path::new("/bin/sh"))
        .args(["-c", script, "sh"])
        .args([program("postgres").as_os_str(), folder.as_os_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Of its own, so that an interrupt that ends the tests does not end the shell before it has cleaned up.
        .process_group(0)
        .spawn()
        .unwrap();

    let ready = || {
        command(&program("pg_isready"))
            .args(["-q", "-U", "tenfold", "-h"])
            .arg(&folder)
            .status()
            .unwrap()
            .success()
    };
    let began = Instant::now();
    while !ready() {
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(began.elapsed() < Duration::from_mins(1), "PostgreSQL does not start: {}", log());
        std::thread::yield_now();
    }
    Cluster { folder, _watch: watch }
}
