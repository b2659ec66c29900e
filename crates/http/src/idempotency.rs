//! `Idempotency-Key` on every POST: the same request sent again gets the same answer.
//!
//! A request with a key is worked on to its end even if its client leaves, so that the client that comes back
//! finds the answer, paid for once.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use tenfold_serving::{Begun, Fingerprint, IdempotentReply, Recording};
use tokio::sync::mpsc;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{Authenticated, read_body};

/// Under which name the event of this request is unique.
#[derive(Debug, Clone)]
pub(crate) struct EventKey(pub(crate) String);

/// What is kept in place of an answer that shows a secret: the same answer without it. Put into the extensions of
/// the response by the routes that make keys, so that no secret is ever stored.
#[derive(Debug, Clone)]
pub(crate) struct KeptInstead(pub(crate) String);

/// Parts of a body that wait for a slow client of a request with a key.
const BUFFERED_PARTS: usize = 1024;

pub(crate) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get("idempotency-key") else { return next.run(request).await };
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let Ok(key) = key.to_str().map(str::to_owned) else {
        return ApiError::invalid("Idempotency-Key", "Idempotency-Key must be visible ASCII.")
            .into_response();
    };
    serve_once(&app, &key, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn serve_once(app: &App, key: &str, request: Request, next: Next) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let Authenticated(caller) = Authenticated::from_request_parts(&mut parts, app).await?;
    let body = read_body(Request::from_parts(parts.clone(), body), app).await?;
    let mut hasher = blake3::Hasher::new();
    for piece in [parts.method.as_str().as_bytes(), parts.uri.path().as_bytes(), &body] {
        hasher.update(&(piece.len() as u64).to_le_bytes()).update(piece);
    }
    let fingerprint = Fingerprint(hasher.finalize().to_hex().to_string());
    match app.serving.begin_idempotent(&caller.project, key, fingerprint).await? {
        Begun::Repeat(reply) => Ok(repeat(reply)),
        Begun::First(recording) => {
            parts.extensions.insert(EventKey(recording.event_key()));
            let request = Request::from_parts(parts, Body::from(body));
            Ok(first(app, recording, request, next).await)
        }
    }
}

fn repeat(reply: IdempotentReply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let mut response = (status, reply.body).into_response();
    let content_type = HeaderValue::from_str(&reply.content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("application/json")));
    response
        .headers_mut()
        .insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
    response
}

/// Serves a request in a task of its own, which outlives the client and keeps the answer.
async fn first(app: &App, recording: Recording, request: Request, next: Next) -> Response {
    let (head_tx, head_rx) = tokio::sync::oneshot::channel();
    let (body_tx, body_rx) = mpsc::channel::<Bytes>(BUFFERED_PARTS);
    let task_app = app.clone();
    app.tracker.spawn(async move {
        let response = next.run(request).await;
        let status = response.status().as_u16();
        let content_type = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let (parts, body) = response.into_parts();
        let instead = parts.extensions.get::<KeptInstead>().cloned();
        let client_is_gone = head_tx.send(parts).is_err();
        let mut client = (!client_is_gone).then_some(body_tx);
        let limit = task_app.serving.idempotency_limit_bytes();
        let mut kept = Vec::new();
        let mut data = body.into_data_stream();
        while let Some(part) = data.next().await {
            let Ok(part) = part else { break };
            if kept.len() <= limit && instead.is_none() {
                kept.extend_from_slice(&part);
            }
            if let Some(sender) = &client
                && sender.send(part).await.is_err()
            {
                client = None;
            }
        }
        let kept = instead.map_or(kept, |KeptInstead(body)| body.into_bytes());
        let kept = match String::from_utf8(kept) {
            Ok(body) => {
                let reply = IdempotentReply { status, content_type, body };
                task_app.serving.finish_idempotent(recording, reply).await
            }
            Err(_) => task_app.serving.abandon_idempotent(recording).await,
        };
        if let Err(error) = kept {
            tracing::error!(error = %crate::error::chain(&error), "answer could not be kept for repeats");
        }
        // Only now does the client read the end of the body: whoever saw it all can ask for it again.
        drop(client);
    });
    match head_rx.await {
        Ok(parts) => {
            let body = futures::stream::unfold(body_rx, |mut rx| async move {
                rx.recv().await.map(|part| (Ok::<_, std::convert::Infallible>(part), rx))
            });
            Response::from_parts(parts, Body::from_stream(body))
        }
        Err(_) => {
            ApiError::new(tenfold_kernel::ErrorKind::Internal, "the request's task ended").into_response()
        }
    }
}
