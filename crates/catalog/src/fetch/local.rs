//! `file:` sources: a copy, so that the installed model does not change when the original does.

use std::fs::File;
use std::path::PathBuf;

use super::blocking;
use crate::error::FetchError;
use crate::partial::Partial;
use crate::progress::Stage;

pub(super) async fn copy(path: PathBuf, mut partial: Partial) -> Result<PathBuf, FetchError> {
    blocking(move || {
        let mut file = File::open(&path).map_err(FetchError::io("open the file"))?;
        let metadata = file.metadata().map_err(FetchError::io("open the file"))?;
        if !metadata.is_file() || metadata.len() != partial.expected_size() {
            return Err(FetchError::Size { expected: partial.expected_size(), found: metadata.len() });
        }
        partial.discard()?;
        partial.append_all(&mut file, Stage::Downloading)?;
        partial.finish()
    })
    .await
}
