//! The outermost layer: a request id, a time, a count. Nothing of what was said.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tenfold_kernel::RequestId;

use crate::app::App;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = app.clock.monotonic();
    let id = RequestId::generate_at(app.clock.now(), app.rng.as_ref());
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    // The route as it is written, never the path as it was sent: that may carry ids, and has no bound.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    record(&method, route.as_ref().map_or("none", MatchedPath::as_str), &response, started, &app);
    if response.status().is_server_error() {
        tracing::warn!(request_id = %id, status = response.status().as_u16(), "request was not served");
    } else {
        tracing::debug!(request_id = %id, %method, status = response.status().as_u16(), "request served");
    }
    response
}

fn record(method: &axum::http::Method, route: &str, response: &Response, started: Instant, app: &App) {
    let labels = [
        ("method", method.to_string()),
        ("route", route.to_owned()),
        ("status", response.status().as_u16().to_string()),
    ];
    let seconds = app.clock.monotonic().saturating_duration_since(started).as_secs_f64();
    metrics::histogram!("tenfold_http_request_seconds", &labels).record(seconds);
}
