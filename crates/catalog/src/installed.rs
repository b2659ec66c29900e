//! What is installed, and how it gets there and goes away.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::entry::Entry;
use crate::error::CatalogError;
use crate::gguf;

/// The file in each installed version that says what it consists of.
pub(crate) const MANIFEST: &str = "tenfold.json";

/// What unfinished and discarded folders in `models/` begin with. No id begins with a dot.
pub(crate) const STAGING: &str = ".staging-";

/// One installed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledFile {
    /// What it is to the engine, such as `weights`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// Its checksum, checked when it was installed.
    pub sha256: String,
}

/// An installed model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The model.
    pub id: String,
    /// Which version of it.
    pub version: String,
    /// Its files, in the order of the entry.
    pub files: Vec<InstalledFile>,
}

impl Installed {
    /// Where the file called `name` is, such as `weights`.
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.files.iter().find(|f| f.name == name).map(|f| f.path.as_path())
    }

    /// Bytes that an engine's caches take for a token of one sequence, as far as the weights say.
    ///
    /// Reads the head of the file: not for the way of a call.
    pub fn cache_bytes_per_token(&self) -> Option<u64> {
        gguf::cache_bytes_per_token(self.path("weights")?)
    }

    /// The size of all files.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, f| sum.saturating_add(f.size_bytes))
    }
}

#[derive(Serialize)]
struct Manifest<'a> {
    id: &'a str,
    version: &'a str,
    files: Vec<ManifestFile<'a>>,
}

#[derive(Serialize)]
struct ManifestFile<'a> {
    name: &'a str,
    file: &'a str,
    size_bytes: u64,
    sha256: &'a str,
}

/// Finds the installed files of the entry's present version: all of them, in full size, or nothing.
pub(crate) fn find(models: &Path, entry: &Entry) -> Option<Installed> {
    let version = entry.version();
    let folder = models.join(&entry.id).join(&version);
    let mut files = Vec::with_capacity(entry.artefacts.len());
    for artefact in &entry.artefacts {
        let path = folder.join(&artefact.file);
        let metadata = fs::symlink_metadata(&path).ok()?;
        if !metadata.is_file() || metadata.len() != artefact.size_bytes.get() {
            return None;
        }
        files.push(InstalledFile {
            name: artefact.name.clone(),
            path,
            size_bytes: artefact.size_bytes.get(),
            sha256: artefact.sha256.to_string(),
        });
    }
    Some(Installed { id: entry.id.clone(), version, files })
}

/// Moves checked files into place: staged beside the target, made durable, then one rename.
pub(crate) fn install(models: &Path, entry: &Entry, checked: &[PathBuf]) -> Result<(), CatalogError> {
    let version = entry.version();
    let staging = tempfile::Builder::new()
        .prefix(STAGING)
        .tempdir_in(models)
        .map_err(CatalogError::io("make a folder in", models))?;
    for (artefact, from) in entry.artefacts.iter().zip(checked) {
        fs::rename(from, staging.path().join(&artefact.file)).map_err(CatalogError::io("move", from))?;
    }
    let manifest = Manifest {
        id: &entry.id,
        version: &version,
        files: entry
            .artefacts
            .iter()
            .map(|a| ManifestFile {
                name: &a.name,
                file: &a.file,
                size_bytes: a.size_bytes.get(),
                sha256: a.sha256.as_str(),
            })
            .collect(),
    };
    let path = staging.path().join(MANIFEST);
    write_manifest(&path, &manifest).map_err(CatalogError::io("write", &path))?;
    make_readable(staging.path()).map_err(CatalogError::io("set the mode of", staging.path()))?;
    sync_folder(staging.path())?;
    let home = models.join(&entry.id);
    fs::create_dir_all(&home).map_err(CatalogError::io("make", &home))?;
    let target = home.join(&version);
    if target.exists() {
        // It was incomplete, or the pull would have ended before it began.
        discard(models, &target)?;
    }
    let staging = staging.keep();
    fs::rename(&staging, &target).map_err(CatalogError::io("move into place", &target))?;
    sync_folder(&home)?;
    sync_folder(models)
}

fn write_manifest(path: &Path, manifest: &Manifest<'_>) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(&serde_json::to_vec_pretty(manifest)?)?;
    file.sync_all()
}

/// A temporary folder is closed to everyone else; an installed model is not a secret.
fn make_readable(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), CatalogError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(CatalogError::io("sync", folder))
}

/// Removes a folder: it is gone at once, by a rename, and its files follow.
pub(crate) fn discard(models: &Path, folder: &Path) -> Result<(), CatalogError> {
    let bin = tempfile::Builder::new()
        .prefix(STAGING)
        .tempdir_in(models)
        .map_err(CatalogError::io("make a folder in", models))?;
    fs::rename(folder, bin.path().join("discarded")).map_err(CatalogError::io("discard", folder))?;
    sync_folder(models)?;
    bin.close().map_err(CatalogError::io("remove", folder))
}

/// Removes what a pull or a removal left when the platform was killed.
pub(crate) fn sweep(folder: &Path, prefix: &str) -> Result<(), CatalogError> {
    for item in fs::read_dir(folder).map_err(CatalogError::io("list", folder))? {
        let item = item.map_err(CatalogError::io("list", folder))?;
        if item.file_name().to_string_lossy().starts_with(prefix) {
            fs::remove_dir_all(item.path()).map_err(CatalogError::io("remove", item.path()))?;
        }
    }
    Ok(())
}
