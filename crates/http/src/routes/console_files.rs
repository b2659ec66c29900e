//! `/console/...`: the web console itself. Every address below it that is no file is the application's, which finds its way.

use std::borrow::Cow;
use std::fmt::Debug;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use crate::app::App;

/// Where the console's files are.
pub trait ConsoleFiles: Send + Sync + Debug {
    /// The file at `path`, such as `index.html`; with `.gz` behind it the same compressed, where there is that.
    fn file(&self, path: &str) -> Option<Cow<'static, [u8]>>;
}

/// Scripts are ours alone, and nothing is loaded from elsewhere. Styles may stand in elements: components place menus so.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
     media-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'self'";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tenfold</title>\
     <p>This binary was built without the console. <code>make serve</code> builds it with it.</p>\
     <p>The API is at <a href=\"/docs\">/docs</a>.</p></html>";

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(async || Redirect::temporary("/console/")))
        .route("/console", get(async || Redirect::permanent("/console/")))
        .route("/console/", get(index))
        .route("/console/{*path}", get(file))
}

async fn index(State(app): State<App>, headers: HeaderMap) -> Response {
    serve(&app, &headers, "index.html").unwrap_or_else(|| {
        let html = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
        (secure(), html, NOT_BUILT).into_response()
    })
}

async fn file(State(app): State<App>, headers: HeaderMap, Path(path): Path<String>) -> Response {
    match serve(&app, &headers, &path) {
        Some(response) => response,
        // A page of the application has no dot in its last part; a file that is not there is not a page.
        None if !path.rsplit('/').next().unwrap_or_default().contains('.') => {
            index(State(app), headers).await
        }
        None => (StatusCode::NOT_FOUND, secure(), "There is no such file.").into_response(),
    }
}

fn serve(app: &App, headers: &HeaderMap, path: &str) -> Option<Response> {
    let content_type = content_type(path)?;
    // Names in `assets` change with what they hold.
    let caching =
        if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let typed = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let takes_gzip = accepted
        .is_some_and(|accepted| accepted.split(',').any(|coding| matches!(coding.trim(), "gzip" | "*")));
    if takes_gzip && let Some(body) = app.console.file(&format!("{path}.gz")) {
        let coding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        return Some((secure(), typed, coding, body).into_response());
    }
    app.console.file(path).map(|body| (secure(), typed, body).into_response())
}

fn secure() -> [(HeaderName, HeaderValue); 4] {
    [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    ]
}

/// The type of a file by its name; nothing for a kind that the console has none of.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit('.').next()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => return None,
    })
}
