//! `LoRA` adapters.

use std::path::Path;

use crate::ffi::RawAdapter;
use crate::model::Model;

/// Why an adapter was not loaded or unloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AdapterError {
    #[error("the file is no adapter for this model")]
    NoAdapter,
    #[error("the file cannot be read")]
    Unreadable,
    #[error("there is no adapter of this name")]
    Unknown,
}

/// Reads an adapter's file.
pub(crate) fn load(model: &Model, path: &Path, scale: f32) -> Result<RawAdapter, AdapterError> {
    if !path.is_file() {
        return Err(AdapterError::Unreadable);
    }
    RawAdapter::load(&model.llama, path, scale).ok_or(AdapterError::NoAdapter)
}
