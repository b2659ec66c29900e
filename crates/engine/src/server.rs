//! An engine over HTTP on a Unix socket: what a worker process shows to the platform.
//!
//! The wire is the OpenAI API with four routes of our own. A client that closes its connection drops the
//! answer's stream at once, and with it the work.

use std::convert::Infallible;
use std::fs::{DirBuilder, Permissions};
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tenfold_kernel::{Classify, ErrorKind};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::sse;
use tokio::net::UnixListener;

use crate::{Answer, CallContext, ChunkStream, Engine, EngineError};

/// The header that carries [`CallContext::request_id`].
pub const REQUEST_ID: &str = "x-request-id";

/// The platform's edge has checked the size already; this keeps a fault of ours from filling the memory.
const BODY_LIMIT_BYTES: usize = 256 << 20;

/// Binds a socket that nobody but this user can reach: mode 0600, and its folder is made with mode 0700.
///
/// A socket left behind by a process that died is removed first.
///
/// # Errors
/// What the system says.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves `engine` until `shutdown` is ready, then lets the calls under way end.
///
/// # Errors
/// What the listener says.
pub async fn serve(
    engine: Arc<dyn Engine>,
    listener: UnixListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router(engine)).with_graceful_shutdown(shutdown).await
}

/// The routes, for a server of one's own.
pub fn router(engine: Arc<dyn Engine>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/v1/chat/completions", post(chat))
        .route("/v1/completions", post(complete))
        .route("/v1/embeddings", post(embed))
        .route("/tokenize", post(tokenize))
        .route("/adapters", post(load_adapter))
        .route("/adapters/{name}", delete(unload_adapter))
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .with_state(engine)
}

type Shared = State<Arc<dyn Engine>>;

async fn health(State(engine): Shared) -> Response {
    reply(engine.info().await)
}

async fn chat(State(engine): Shared, headers: HeaderMap, body: Bytes) -> Response {
    match parse(&body) {
        Ok(request) => answer(engine.chat(&context(&headers), request).await),
        Err(error) => fail(&error),
    }
}

async fn complete(State(engine): Shared, headers: HeaderMap, body: Bytes) -> Response {
    match parse(&body) {
        Ok(request) => answer(engine.complete(&context(&headers), request).await),
        Err(error) => fail(&error),
    }
}

async fn embed(State(engine): Shared, headers: HeaderMap, body: Bytes) -> Response {
    match parse(&body) {
        Ok(request) => reply(engine.embed(&context(&headers), request).await),
        Err(error) => fail(&error),
    }
}

async fn tokenize(State(engine): Shared, headers: HeaderMap, body: Bytes) -> Response {
    match parse(&body) {
        Ok(request) => reply(
            engine
                .count_tokens(&context(&headers), request)
                .await
                .map(|n| serde_json::json!({ "n_tokens": n })),
        ),
        Err(error) => fail(&error),
    }
}

async fn load_adapter(State(engine): Shared, body: Bytes) -> Response {
    match parse(&body) {
        Ok(adapter) => reply(engine.load_adapter(adapter).await.map(|()| serde_json::json!({}))),
        Err(error) => fail(&error),
    }
}

async fn unload_adapter(State(engine): Shared, UrlPath(name): UrlPath<String>) -> Response {
    reply(engine.unload_adapter(&name).await.map(|()| serde_json::json!({})))
}

fn context(headers: &HeaderMap) -> CallContext {
    let request_id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    CallContext { request_id }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, EngineError> {
    serde_json::from_slice(body).map_err(|error| EngineError::Rejected {
        message: format!("the body is not what this route takes: {error}"),
        param: None,
        code: None,
    })
}

fn answer<W: Serialize, C: Serialize + 'static>(answer: Result<Answer<W, C>, EngineError>) -> Response {
    match answer {
        Ok(Answer::Whole(whole)) => json(StatusCode::OK, &whole),
        Ok(Answer::Stream(chunks)) => events(chunks),
        Err(error) => fail(&error),
    }
}

fn reply<T: Serialize>(result: Result<T, EngineError>) -> Response {
    match result {
        Ok(value) => json(StatusCode::OK, &value),
        Err(error) => fail(&error),
    }
}

/// One event a chunk, one write an event: a token leaves when it is made. Dropping the body drops the chunks.
fn events<C: Serialize + 'static>(chunks: ChunkStream<C>) -> Response {
    enum Step<C> {
        Chunks(ChunkStream<C>),
        End,
    }
    let body = futures::stream::unfold(Step::Chunks(chunks), |step| async move {
        let Step::Chunks(mut chunks) = step else { return None };
        let mut out = Vec::with_capacity(320);
        let step = match chunks.next().await {
            None => {
                sse::write_done(&mut out);
                Step::End
            }
            Some(chunk) => match chunk.and_then(|chunk| write(&mut out, &chunk)) {
                Ok(()) => Step::Chunks(chunks),
                Err(error) => {
                    out.clear();
                    // Serialising an error body cannot fail; the stream ends without `[DONE]` in any case.
                    let _ = write(&mut out, &ErrorBody { error: error.detail() });
                    Step::End
                }
            },
        };
        Some((Ok::<_, Infallible>(Bytes::from(out)), step))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, Body::from_stream(body)).into_response()
}

fn write(out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), EngineError> {
    sse::write_json(out, value).map_err(|error| EngineError::Failed { source: error.into() })
}

fn fail(error: &EngineError) -> Response {
    let mut response = json(status(error.kind()), &ErrorBody { error: error.detail() });
    if let Some(after) = error.retry_after() {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
        headers.insert(
            "retry-after-ms",
            HeaderValue::from(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        );
    }
    response
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    match serde_json::to_vec(value) {
        Ok(body) => (status, headers, body).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The worker's own map, so that `tenfold-http` stays the only one that clients see.
fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidRequest => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::BadGateway => StatusCode::BAD_GATEWAY,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
