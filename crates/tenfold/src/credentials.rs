//! What the first start writes down: the keys, and the pepper that hashes them.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Serialize;
use tenfold_kernel::Rng;

/// `credentials.json`, for the command line and for whoever set the platform up.
#[derive(Debug, Serialize)]
pub(crate) struct Credentials<'a> {
    pub(crate) base_url: String,
    pub(crate) admin_key: &'a str,
    pub(crate) api_key: &'a str,
    pub(crate) project_id: &'a str,
}

impl Credentials<'_> {
    /// Writes the file, readable by its owner alone.
    pub(crate) fn write(&self, home: &Path) -> anyhow::Result<()> {
        let path = home.join("credentials.json");
        let text = serde_json::to_vec_pretty(self).context("failed to write credentials")?;
        write_private(&path, &text).with_context(|| format!("failed to write {}", path.display()))
    }
}

/// The secret that API keys are hashed with: made at the first start, kept beside the database.
pub(crate) fn pepper(home: &Path, rng: &dyn Rng) -> anyhow::Result<[u8; 32]> {
    let path = home.join("pepper");
    match std::fs::read(&path) {
        Ok(bytes) => {
            let pepper = <[u8; 32]>::try_from(bytes.as_slice());
            pepper.ok().with_context(|| format!("{} must hold 32 bytes", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut pepper = [0; 32];
            rng.fill(&mut pepper);
            ensure!(pepper != [0; 32], "the system's randomness gave only zeros");
            write_private(&path, &pepper).with_context(|| format!("failed to write {}", path.display()))?;
            Ok(pepper)
        }
        Err(error) => Err(error).with_context(|| format!("failed to read {}", path.display())),
    }
}

/// What a file that the setting `field` names says, without blanks around it. Its path begins at `home`.
///
/// # Errors
/// What is missing, by the name of the setting and the path, never by the value.
pub(crate) fn read_file(home: &Path, field: &str, path: &Path) -> anyhow::Result<String> {
    let path = home.join(path);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{field}: failed to read {}", path.display()))?;
    let text = text.trim();
    ensure!(!text.is_empty(), "{field}: {} is empty", path.display());
    Ok(text.to_owned())
}

/// Writes a file beside its place and renames it there, so that it is whole or absent.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use tenfold_kernel::SystemRng;

    #[test]
    fn the_pepper_stays_and_is_private() {
        let home = tempfile::tempdir().unwrap();
        let first = pepper(home.path(), &SystemRng).unwrap();
        assert_eq!(pepper(home.path(), &SystemRng).unwrap(), first);
        let mode = std::fs::metadata(home.path().join("pepper")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
