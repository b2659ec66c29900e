//! Streams as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use tenfold_protocol::sse;

use crate::error::ApiError;

/// After how much silence a comment is sent, so that nothing between us and the client closes the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The events of an OpenAI stream: each item as `data`, an error as `data: {"error": ..}`, and `[DONE]` after a
/// stream that ended well.
pub fn openai<T, E, S>(items: S) -> Response
where
    T: Serialize + Send + 'static,
    E: Into<ApiError> + Send + 'static,
    S: Stream<Item = Result<T, E>> + Send + Unpin + 'static,
{
    let events = stream::unfold(Some(items), |state| async move {
        let mut items = state?;
        let mut out = Vec::with_capacity(256);
        match items.next().await {
            Some(Ok(item)) => {
                write(&mut out, &item);
                Some((out, Some(items)))
            }
            Some(Err(error)) => {
                write(&mut out, &error.into().body());
                Some((out, None))
            }
            None => {
                sse::write_done(&mut out);
                Some((out, None))
            }
        }
    });
    response(events)
}

/// Appends an item. Our wire types always serialise; if one did not, the stream would say so.
pub(crate) fn write(out: &mut Vec<u8>, item: &impl Serialize) {
    let mark = out.len();
    if sse::write_json(out, item).is_err() {
        out.truncate(mark);
        out.extend_from_slice(b"data: {\"error\":{\"message\":\"the server could not write this event\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n");
    }
}

/// A response that sends each item of `events` as soon as it comes, and a comment when none does.
pub fn response<S>(events: S) -> Response
where
    S: Stream<Item = Vec<u8>> + Send + 'static,
{
    let body = stream::unfold(Some(Box::pin(events)), |state| async move {
        let mut events = state?;
        match tokio::time::timeout(KEEP_ALIVE, events.next()).await {
            Err(_) => Some((Ok::<_, Infallible>(Bytes::from_static(b": keep-alive\n\n")), Some(events))),
            Ok(Some(event)) => Some((Ok(Bytes::from(event)), Some(events))),
            Ok(None) => None,
        }
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(body)).into_response()
}
