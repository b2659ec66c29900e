//! A file on its way: counted and hashed while it is written, and taken up again where it broke off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::entry::{Artefact, Sha256};
use crate::error::FetchError;
use crate::progress::{Meter, Stage};

/// What a complete and checked file that waits to be installed ends with.
pub(crate) const COMPLETE: &str = "checked";

/// What is remembered of where the bytes of a partial file came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The source.
    pub(crate) source: String,
    /// The server's strong entity tag, for a download.
    #[serde(default)]
    pub(crate) etag: Option<String>,
    /// How long the file was at the end of each part, for a list of packages.
    #[serde(default)]
    pub(crate) parts: Vec<u64>,
}

/// A file on its way. Its lock is held for as long as this lives, so that no other process writes to it.
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
    file: File,
    hasher: sha2::Sha256,
    written: u64,
    expected_size: u64,
    expected_sha256: Sha256,
    meter: Meter,
}

impl Partial {
    /// Opens `downloads/<sha256>.partial` and hashes what it has already. Blocks, also while another has the lock.
    /// A file that was complete but never installed becomes a partial one again.
    pub(crate) fn open(downloads: &Path, artefact: &Artefact, meter: Meter) -> io::Result<Self> {
        let path = downloads.join(format!("{}.partial", artefact.sha256));
        let file = loop {
            let complete = path.with_extension(COMPLETE);
            if !path.exists() && complete.exists() {
                fs::rename(&complete, &path)?;
            }
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
            file.lock()?;
            // Whoever had the lock may have finished the file and renamed it away under us.
            let (mine, named) = (file.metadata()?, fs::metadata(&path));
            if named.is_ok_and(|named| (named.dev(), named.ino()) == (mine.dev(), mine.ino())) {
                break file;
            }
        };
        let mut partial = Self {
            path,
            file,
            hasher: sha2::Sha256::new(),
            written: 0,
            expected_size: artefact.size_bytes.get(),
            expected_sha256: artefact.sha256.clone(),
            meter,
        };
        partial.keep(partial.file.metadata()?.len())?;
        Ok(partial)
    }

    /// Keeps the first `length` bytes and goes on after them.
    pub(crate) fn keep(&mut self, length: u64) -> io::Result<()> {
        let there = self.file.metadata()?.len();
        let length = if there > self.expected_size { 0 } else { length.min(there) };
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hasher = sha2::Sha256::new();
        let mut buffer = vec![0_u8; 1 << 18];
        let mut left = length;
        while left > 0 {
            let read = self.file.read(&mut buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.hasher.update(&buffer[..read]);
            left -= read as u64;
        }
        self.written = length;
        Ok(())
    }

    /// How many bytes are here.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// How many bytes there should be in the end.
    pub(crate) fn expected_size(&self) -> u64 {
        self.expected_size
    }

    /// Says how far the whole pull is.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Appends, up to the declared size and not a byte beyond.
    pub(crate) fn append(&mut self, bytes: &[u8], stage: Stage) -> Result<(), FetchError> {
        if bytes.len() as u64 > self.expected_size - self.written {
            return Err(FetchError::TooLarge { expected: self.expected_size });
        }
        self.file.write_all(bytes).map_err(FetchError::io("write the download"))?;
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        self.meter.at(stage, self.written);
        Ok(())
    }

    /// Appends everything from `reader`.
    pub(crate) fn append_all(&mut self, reader: &mut dyn Read, stage: Stage) -> Result<(), FetchError> {
        let mut buffer = vec![0_u8; 1 << 18];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => self.append(&buffer[..read], stage)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FetchError::Archive { reason: error.to_string() }),
            }
        }
    }

    /// Where the bytes came from, as far as it was remembered.
    pub(crate) fn origin(&self) -> Origin {
        fs::read(self.origin_path())
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Remembers where the bytes come from.
    pub(crate) fn set_origin(&self, origin: &Origin) -> Result<(), FetchError> {
        let bytes = serde_json::to_vec(origin)
            .map_err(|e| FetchError::io("write the download's origin")(e.into()))?;
        let path = self.origin_path();
        let fresh = path.with_extension("origin-new");
        fs::write(&fresh, bytes)
            .and_then(|()| fs::rename(&fresh, &path))
            .map_err(FetchError::io("write the download's origin"))
    }

    fn origin_path(&self) -> PathBuf {
        self.path.with_extension("origin")
    }

    /// Checks size and checksum, makes the file durable and gives it its final name in the downloads folder.
    ///
    /// # Errors
    /// [`FetchError::Size`] leaves the bytes to be taken up again; [`FetchError::Checksum`] throws them away.
    pub(crate) fn finish(&mut self) -> Result<PathBuf, FetchError> {
        if self.written != self.expected_size {
            return Err(FetchError::Size { expected: self.expected_size, found: self.written });
        }
        let found = Sha256::of(std::mem::take(&mut self.hasher));
        if found != self.expected_sha256 {
            self.discard()?;
            return Err(FetchError::Checksum {
                expected: self.expected_sha256.to_string(),
                found: found.to_string(),
            });
        }
        self.file.sync_all().map_err(FetchError::io("sync the download"))?;
        let target = self.path.with_extension(COMPLETE);
        fs::rename(&self.path, &target).map_err(FetchError::io("rename the download"))?;
        let _ = fs::remove_file(self.origin_path());
        Ok(target)
    }

    /// Throws away what came.
    pub(crate) fn discard(&mut self) -> Result<(), FetchError> {
        let _ = fs::remove_file(self.origin_path());
        self.keep(0).map_err(FetchError::io("empty the download"))
    }
}
