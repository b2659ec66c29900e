//! `hf:` sources: the hub's own client resolves the file to one commit, and our download brings it.
//!
//! The client's downloader is not used: it writes what the server sends without a bound, takes the server's entity
//! tag for a file name, and cannot be stopped.

use std::path::PathBuf;

use hf_hub::api::sync::ApiBuilder;
use hf_hub::{Cache, Repo, RepoType};
use url::Url;

use super::{blocking, download};
use crate::error::FetchError;
use crate::partial::Partial;
use crate::service::Catalog;

pub(super) async fn download(
    catalog: &Catalog,
    repo: &str,
    file: &str,
    partial: Partial,
) -> Result<PathBuf, FetchError> {
    let hub = |reason: String| FetchError::Hub { reason };
    let cache = Cache::new(catalog.downloads.join("hub"));
    let endpoint = catalog.config.hf_endpoint.trim_end_matches('/').to_owned();
    let (repo, file) = (repo.to_owned(), file.to_owned());
    let stall = catalog.config.stall_timeout;
    let resolve = blocking(move || {
        let failed = |error: hf_hub::api::sync::ApiError| FetchError::Hub { reason: error.to_string() };
        let api = ApiBuilder::from_cache(cache)
            .with_endpoint(endpoint)
            .with_token(None)
            .with_progress(false)
            .build()
            .map_err(failed)?;
        let newest = api.model(repo.clone()).url(&file);
        let found = api.metadata(&newest).map_err(failed)?;
        let commit = found.commit_hash().to_owned();
        let pinned = api.repo(Repo::with_revision(repo, RepoType::Model, commit)).url(&file);
        Ok((pinned, found.size() as u64))
    });
    let (url, found) =
        tokio::time::timeout(stall, resolve).await.map_err(|_| FetchError::Stalled { after: stall })??;
    if found != partial.expected_size() {
        return Err(FetchError::Size { expected: partial.expected_size(), found });
    }
    let url = Url::parse(&url).map_err(|e| hub(e.to_string()))?;
    download::download(catalog, &url, partial).await
}
