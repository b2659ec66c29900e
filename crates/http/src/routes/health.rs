//! `/healthz`, `/readyz`, `/metrics`.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::ModelsReader;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// What the platform says of itself to anyone.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`, or what it is waiting for.
    status: String,
    /// The platform's version.
    version: &'static str,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()), responses((status = 200, body = Health)))]
async fn healthz(State(app): State<App>) -> Json<Health> {
    Json(Health { status: "ok".to_owned(), version: app.version })
}

/// Whether it takes calls: 503 while the first start pulls its model, and while it shuts down.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()), responses((status = 200, body = Health), (status = 503, body = Health)))]
async fn readyz(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let busy = if app.shutdown.is_cancelled() {
        Some("shutting down".to_owned())
    } else {
        app.starting.borrow().clone()
    };
    let code = if busy.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(Health { status: busy.unwrap_or_else(|| "ok".to_owned()), version: app.version }))
}

/// Counters and histograms in Prometheus' text format, for an admin key.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(app): State<App>, _: ModelsReader) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render())
}
