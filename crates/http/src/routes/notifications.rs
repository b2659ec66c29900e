//! `/v1/billing/notifications/{provider}`: what payment providers say.
//!
//! Nobody has a key here: a notification is believed by its signature alone. Only a provider that is configured has a
//! route, and no route is in the API description, since it is not for clients. What is answered is in the provider's
//! own words.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tenfold_billing::checkout::Notification;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::read_body_within;

/// The largest notification that is read: those of all providers are a few KiB.
const BODY_LIMIT_BYTES: usize = 64 << 10;

pub(crate) fn router(app: &App) -> Router<App> {
    app.checkout.providers().fold(Router::new(), |router, provider| {
        let take = move |State(app): State<App>, request: Request| notify(app, provider, request);
        router.route(&format!("/v1/billing/notifications/{provider}"), post(take))
    })
}

async fn notify(app: App, provider: &'static str, request: Request) -> Result<Response, ApiError> {
    let received_at = app.clock.now();
    // A value that is no text is none that a provider signs with.
    let text = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = request.headers().iter().filter_map(text).collect();
    let body = read_body_within(request, BODY_LIMIT_BYTES, &app).await?.to_vec();
    // In a task of its own, as everything is that must not end halfway when a client leaves.
    let notification = Notification { headers, body, received_at };
    let checkout = app.checkout.clone();
    let dealt_with = app.tracker.spawn(async move { checkout.notify(provider, &notification).await }).await;
    let Ok(Some(answer)) = dealt_with else { return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()) };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    Ok((status, [(header::CONTENT_TYPE, answer.content_type)], Body::from(answer.body)).into_response())
}
