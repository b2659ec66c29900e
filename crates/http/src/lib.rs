//! The edge: routes, extractors, server-sent events, and the one map from error kind to status.
//!
//! `axum` is known here alone (and to the worker's server). A handler takes what it needs from the request,
//! calls one use case of a part, and writes the result down in the protocol's words; it knows no money, no SQL
//! and no model.
//!
//! * [`routes`] has a file for each resource; [`openapi`] is generated from them.
//! * [`extract`] says who may call: a handler without one of its callers serves the public.
//! * [`error`] is the map from [`tenfold_kernel::ErrorKind`] to status and body.
//! * [`server`] accepts connections, with limits on their number, headers, bodies and time.

mod app;
mod browser;
pub mod error;
pub mod extract;
mod idempotency;
mod observe;
mod openapi;
pub mod routes;
pub mod server;
pub mod sse;

pub use app::{App, Config, Platform};
pub use openapi::document;

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;

/// Every route of the platform, with its layers, from the outside in: request id and metrics, then
/// `Idempotency-Key`, then the route.
pub fn router(app: App) -> Router {
    let (api, description) = api_routes().split_for_parts();
    let description = openapi::complete(description, app.version);
    api.layer(from_fn_with_state(app.clone(), idempotency::layer))
        .merge(routes::docs::router(description))
        .merge(routes::notifications::router(&app))
        .merge(routes::console_files::router())
        .fallback(routes::not_found)
        .method_not_allowed_fallback(routes::method_not_allowed)
        .layer(from_fn_with_state(app.clone(), observe::layer))
        .with_state(app)
}

fn api_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(routes::health::router())
        .merge(routes::models::router())
        .merge(routes::catalog::router())
        .merge(routes::chat::router())
        .merge(routes::completions::router())
        .merge(routes::embeddings::router())
        .merge(routes::responses::router())
        .merge(routes::messages::router())
        .merge(routes::deployments::router())
        .merge(routes::organization::router())
        .merge(routes::usage::router())
        .merge(routes::calls::router())
        .merge(routes::prices::router())
        .merge(routes::console::router())
}
