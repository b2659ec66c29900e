//! The routes, a file for each resource.

pub mod calls;
pub mod catalog;
pub mod chat;
pub mod completions;
pub mod console;
pub mod console_files;
pub mod deployments;
pub mod docs;
pub mod embeddings;
pub mod health;
pub mod messages;
pub mod models;
pub mod notifications;
pub mod organization;
pub mod prices;
pub mod responses;
pub mod usage;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tenfold_billing::RateLimitState;
use tenfold_kernel::ErrorKind;
use tenfold_protocol::model::List;

use crate::error::ApiError;

/// What has no route.
pub(crate) async fn not_found(uri: Uri) -> ApiError {
    let path: String = uri.path().chars().take(128).collect();
    ApiError::new(
        ErrorKind::NotFound,
        format!("Unknown request URL: {path}. The routes are listed at /docs."),
    )
    .with_code("unknown_url")
}

/// What has a route, for other methods.
pub(crate) async fn method_not_allowed(uri: Uri) -> ApiError {
    let path: String = uri.path().chars().take(128).collect();
    ApiError::method_not_allowed(&path)
}

/// A part of a list as the OpenAI API writes it.
pub(crate) fn list_of<T>(data: Vec<T>, has_more: bool, id: impl Fn(&T) -> &str) -> List<T> {
    let first_id = data.first().map(|item| id(item).to_owned());
    let last_id = data.last().map(|item| id(item).to_owned());
    List { object: "list".to_owned(), data, first_id, last_id, has_more }
}

/// One page of a list that is in memory already.
pub(crate) fn page<T>(
    items: Vec<T>,
    limit: Option<u32>,
    after: Option<&str>,
    id: impl Fn(&T) -> Option<&str>,
) -> Result<List<T>, ApiError> {
    let limit = limit.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        return Err(ApiError::invalid("limit", "`limit` is 1 to 100."));
    }
    let start = match after {
        None => 0,
        Some(after) => match items.iter().position(|item| id(item) == Some(after)) {
            Some(place) => place + 1,
            None => return Err(ApiError::invalid("after", "`after` is not an id of this list.")),
        },
    };
    let has_more = items.len() - start > limit as usize;
    let data: Vec<T> = items.into_iter().skip(start).take(limit as usize).collect();
    let first_id = data.first().and_then(&id).map(str::to_owned);
    let last_id = data.last().and_then(&id).map(str::to_owned);
    Ok(List { object: "list".to_owned(), data, first_id, last_id, has_more })
}

/// The caller's limits as the headers that the OpenAI API sends.
pub(crate) fn limit_headers(state: &RateLimitState) -> HeaderMap {
    state
        .headers()
        .filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
        })
        .collect()
}
