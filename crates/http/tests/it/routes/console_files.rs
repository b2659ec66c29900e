//! `/console/...`.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use tenfold_http::routes::console_files::ConsoleFiles;
use tower::ServiceExt as _;

use crate::house::{House, house};

/// A console of two files.
#[derive(Debug)]
pub(crate) struct Files;

impl ConsoleFiles for Files {
    fn file(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        let text = match path {
            "index.html" => "<!doctype html>",
            "assets/a-1.js" => "run()",
            "assets/a-1.js.gz" => "gzip of run()",
            "secret.toml" => "never",
            _ => return None,
        };
        Some(text.as_bytes().into())
    }
}

async fn get(house: &House, path: &str, accept: &str) -> Response {
    let request = Request::builder().uri(path).header(header::ACCEPT_ENCODING, accept).body(Body::empty());
    house.router.clone().oneshot(request.unwrap()).await.unwrap()
}

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn files_and_pages_are_served_under_a_strict_policy() {
    let house = house().await;
    for path in ["/console/", "/console/models", "/console/usage/calls/req_1"] {
        let page = get(&house, path, "").await;
        assert_eq!(
            (page.status(), &page.headers()[header::CONTENT_TYPE]),
            (StatusCode::OK, &"text/html; charset=utf-8".parse().unwrap())
        );
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'self';") && policy.contains("default-src 'none'"), "{policy}");
        assert_eq!(page.headers()[header::CACHE_CONTROL], "no-cache");
        assert_eq!(text(page).await, "<!doctype html>");
    }
    let plain = get(&house, "/console/assets/a-1.js", "br").await;
    assert_eq!(plain.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(text(plain).await, "run()");
    let packed = get(&house, "/console/assets/a-1.js", "br, gzip").await;
    assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
    assert_eq!(packed.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
    assert_eq!(text(packed).await, "gzip of run()");
    for path in ["/console/assets/b.js", "/console/secret.toml", "/console/../secret.toml"] {
        assert_eq!(get(&house, path, "").await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/", "/console"] {
        assert_eq!(get(&house, path, "").await.headers()[header::LOCATION], "/console/");
    }
}
