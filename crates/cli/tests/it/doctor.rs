//! `doctor`.

use serde_json::{Value, json};

use crate::platform::Platform;
use crate::session::{Done, Session};

fn well() -> Platform {
    let version = env!("CARGO_PKG_VERSION");
    Platform::start()
        .json("GET /healthz", 200, &json!({"status": "ok", "version": version}))
        .json("GET /readyz", 200, &json!({"status": "ok", "version": version}))
        .json("GET /v1/models", 200, &json!({"object": "list", "data": []}))
        .json("GET /v1/organization/projects", 200, &json!({"object": "list", "data": []}))
}

fn catalog(platform: Platform, installed: bool) -> Platform {
    platform.json("GET /v1/catalog", 200, &json!({"data": [{"id": "smol", "installed": installed}]}))
}

/// The status of each check.
fn checks(done: &Done) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(&done.out).unwrap();
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    report["checks"].as_array().unwrap().iter().map(|c| (text(c, "check"), text(c, "status"))).collect()
}

fn status<'a>(checks: &'a [(String, String)], name: &str) -> Option<&'a str> {
    checks.iter().find(|(check, _)| check == name).map(|(_, status)| status.as_str())
}

#[tokio::test]
async fn a_platform_that_is_well_passes() {
    let platform = catalog(well(), true);
    let done = Session::at(&platform).run(&["doctor", "--json"]).await;
    let checks = checks(&done);
    for name in ["credentials", "platform", "version", "ready", "api key", "admin key", "models"] {
        assert_eq!(status(&checks, name), Some("ok"), "{name}: {}", done.out);
    }
    for name in ["python", "disk", "memory", "processor"] {
        assert!(status(&checks, name).is_some(), "{name}: {}", done.out);
    }
    assert_eq!(done.code, u8::from(checks.iter().any(|(_, status)| status == "fail")));
}

#[tokio::test]
async fn each_line_says_the_way_out() {
    let platform = catalog(well(), false);
    let done = Session::at(&platform).run(&["doctor"]).await;
    assert!(done.out.contains("warn  models        none of 1 is installed\n                    Run: tenfold pull smollm2-135m-instruct\n"), "{}", done.out);
    assert!(done.out.contains("ok    api key       it is valid\n"), "{}", done.out);
}

#[tokio::test]
async fn a_platform_that_is_not_there_fails() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let done = Session::new().run(&["doctor", "--json", "--url", &url]).await;
    assert_eq!(done.code, 1);
    let checks = checks(&done);
    assert_eq!(status(&checks, "platform"), Some("fail"));
    assert_eq!(status(&checks, "credentials"), Some("warn"));
    assert_eq!(status(&checks, "api key"), None);
}

#[tokio::test]
async fn a_wrong_key_an_old_platform_and_open_credentials_are_found() {
    use std::os::unix::fs::PermissionsExt;
    let no = json!({"error": {"message": "Incorrect API key.", "type": "authentication_error", "param": null, "code": "invalid_api_key"}});
    let platform = Platform::start()
        .json("GET /healthz", 200, &json!({"status": "ok", "version": "0.0.1"}))
        .json("GET /readyz", 503, &json!({"status": "shutting down", "version": "0.0.1"}))
        .json("GET /v1/models", 401, &no)
        .json("GET /v1/organization/projects", 401, &no);
    let session = Session::at(&platform);
    let file = session.home.path().join("credentials.json");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let done = session.run(&["doctor", "--json"]).await;
    assert_eq!(done.code, 1);
    let checks = checks(&done);
    let expected = [
        ("credentials", "warn"),
        ("version", "warn"),
        ("ready", "fail"),
        ("api key", "fail"),
        ("admin key", "warn"),
    ];
    for (name, mark) in expected {
        assert_eq!(status(&checks, name), Some(mark), "{name}: {}", done.out);
    }
}
