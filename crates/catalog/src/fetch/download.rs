//! `https:` sources: a download that goes on where it broke off.

use std::path::PathBuf;

use futures::StreamExt;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use tokio::sync::mpsc;
use url::Url;

use super::blocking;
use crate::error::FetchError;
use crate::partial::{Origin, Partial};
use crate::progress::Stage;
use crate::service::Catalog;

/// How many pieces may wait for the disk: a few megabytes at most.
const QUEUE: usize = 32;

pub(super) async fn download(catalog: &Catalog, url: &Url, partial: Partial) -> Result<PathBuf, FetchError> {
    let (response, partial) = request(catalog, url, partial).await?;
    // The disk has its own thread: a slow one must not stop the server's.
    let (sender, mut receiver) = mpsc::channel(QUEUE);
    let writer = blocking(move || {
        let mut partial = partial;
        while let Some(piece) = receiver.blocking_recv() {
            let piece: Result<Vec<u8>, FetchError> = piece;
            partial.append(&piece?, Stage::Downloading)?;
        }
        partial.finish()
    });
    let stall = catalog.config.stall_timeout;
    let reader = async move {
        let mut stream = response.bytes_stream();
        loop {
            let piece = match tokio::time::timeout(stall, stream.next()).await {
                Ok(None) => return,
                Ok(Some(Ok(bytes))) => Ok(bytes.to_vec()),
                Ok(Some(Err(error))) => Err(network(error)),
                Err(_) => Err(FetchError::Stalled { after: stall }),
            };
            let failed = piece.is_err();
            // The writer is gone when it has refused a piece; it says why.
            if sender.send(piece).await.is_err() || failed {
                return;
            }
        }
    };
    let (result, ()) = futures::join!(writer, reader);
    match result {
        // The server ended the body early without breaking the connection: the rest can be asked for.
        Err(FetchError::Size { .. }) => {
            Err(FetchError::Network { reason: "the body ended early".to_owned() })
        }
        other => other,
    }
}

/// Asks for what is missing, and makes `partial` agree with what the server will send.
async fn request(catalog: &Catalog, url: &Url, partial: Partial) -> Result<(Response, Partial), FetchError> {
    let mut partial = partial;
    let shown = url.to_string();
    if partial.written() >= partial.expected_size() {
        partial = keep(partial, 0).await?;
    }
    loop {
        let start = partial.written();
        let origin = partial.origin();
        // No compression: a range of a compressed body is not a range of the file.
        let mut request = catalog.http.get(url.clone()).header(ACCEPT_ENCODING, "identity");
        if start > 0 {
            request = request.header(RANGE, format!("bytes={start}-"));
            // Without a tag of the same source the checksum alone says whether the halves belong together.
            if let Some(etag) = origin.etag.filter(|_| origin.source == shown) {
                request = request.header(IF_RANGE, etag);
            }
        }
        let stall = catalog.config.stall_timeout;
        let response = tokio::time::timeout(stall, request.send())
            .await
            .map_err(|_| FetchError::Stalled { after: stall })?
            .map_err(network)?;
        let origin =
            Origin { source: shown.clone(), etag: strong_etag(response.headers()), parts: Vec::new() };
        match response.status() {
            StatusCode::OK => {
                let found = response.content_length().unwrap_or(partial.expected_size());
                check_size(&partial, found)?;
                partial = keep(partial, 0).await?;
                partial.set_origin(&origin)?;
                return Ok((response, partial));
            }
            StatusCode::PARTIAL_CONTENT if start > 0 => {
                let range = content_range(response.headers());
                if let Some((first, total)) = range
                    && first == start
                {
                    check_size(&partial, total.unwrap_or(partial.expected_size()))?;
                    partial.set_origin(&origin)?;
                    return Ok((response, partial));
                }
                partial = keep(partial, 0).await?;
            }
            StatusCode::RANGE_NOT_SATISFIABLE if start > 0 => partial = keep(partial, 0).await?,
            status => return Err(FetchError::Status { status: status.as_u16() }),
        }
    }
}

fn check_size(partial: &Partial, found: u64) -> Result<(), FetchError> {
    if found == partial.expected_size() {
        return Ok(());
    }
    Err(FetchError::Size { expected: partial.expected_size(), found })
}

async fn keep(mut partial: Partial, length: u64) -> Result<Partial, FetchError> {
    blocking(move || {
        partial.keep(length).map_err(FetchError::io("shorten the download"))?;
        Ok(partial)
    })
    .await
}

/// A weak tag says nothing about bytes.
fn strong_etag(headers: &HeaderMap) -> Option<String> {
    let tag = headers.get(ETAG)?.to_str().ok()?;
    (tag.starts_with('"') && tag.len() <= 256).then(|| tag.to_owned())
}

/// The first byte and the total of `bytes 10-19/20`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.parse().ok()?, total.parse().ok()))
}

/// The client's message without the URL, whose query may be a secret.
fn network(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        reason = next.to_string();
        cause = next.source();
    }
    FetchError::Network { reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn content_ranges_are_read() {
        let read = |text: &'static str| {
            content_range(&HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_static(text))]))
        };
        assert_eq!(read("bytes 10-19/20"), Some((10, Some(20))));
        assert_eq!(read("bytes 10-19/*"), Some((10, None)));
        assert_eq!(read("bytes */20"), None);
        assert_eq!(read("items 1-2/3"), None);
    }
}
