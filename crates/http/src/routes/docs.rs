//! `/openapi.json`, and a page at `/docs` to read it.

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;

/// Both are public: they say what the program can do, and nothing of what this one holds.
pub(crate) fn router(description: OpenApi) -> Router<App> {
    Router::new().merge(SwaggerUi::new("/docs").url("/openapi.json", description))
}
