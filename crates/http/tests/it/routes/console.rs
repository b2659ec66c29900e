//! `/v1/console/...` and `/v1/organization/invites`.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tenfold_accounts::TotpSecret;
use tenfold_kernel::{Clock as _, Timestamp};
use tower::ServiceExt as _;

use crate::house::{House, NOW, house};

const SESSION: &str = "/v1/console/session";
const PASSWORD: &str = "a notable engine of brass";

/// A browser: what it was given, and what its page knows.
#[derive(Debug, Clone)]
struct Browser {
    cookie: String,
    session: Value,
}

impl Browser {
    fn headers(&self) -> [(&'static str, &str); 2] {
        [("cookie", &self.cookie), ("x-csrf-token", self.session["csrf_token"].as_str().unwrap())]
    }

    async fn send(&self, house: &House, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let (status, json) = house.send(method, path, None, &self.headers(), body).await;
        (status.as_u16(), json)
    }

    async fn get(&self, house: &House, path: &str) -> Value {
        let (status, json) = self.send(house, Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {json}");
        json
    }

    async fn post(&self, house: &House, path: &str, body: Value) -> Value {
        let (status, json) = self.send(house, Method::POST, path, Some(&body)).await;
        assert_eq!(status, 200, "{path}: {json}");
        json
    }
}

/// Sends what signs a browser in, and keeps the cookie that comes back.
async fn enter(house: &House, path: &str, body: &Value) -> Browser {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    let request = request.header(header::USER_AGENT, "a test").body(Body::from(body.to_string())).unwrap();
    let response = house.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    let (pair, rest) = cookie.split_once("; ").unwrap();
    assert_eq!(rest, "Path=/; HttpOnly; SameSite=Strict; Max-Age=604800; Secure");
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
    Browser { cookie: pair.to_owned(), session: serde_json::from_slice(&bytes).unwrap() }
}

async fn owner(house: &House) -> Browser {
    let new =
        json!({"admin_key": house.admin(), "name": "Ada", "email": "Ada@example.org", "password": PASSWORD});
    enter(house, "/v1/console/setup", &new).await
}

/// Somebody who accepted an invitation.
async fn person(house: &House, role: &str, projects: Value) -> Browser {
    let invite = json!({"email": format!("{role}@example.org"), "role": role, "projects": projects});
    let invite = house.post("/v1/organization/invites", invite).await;
    let token = invite["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let path = format!("/v1/console/invites/{token}");
    enter(house, &path, &json!({"name": role, "password": PASSWORD})).await
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"]["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn the_first_account_is_made_by_whoever_has_an_admin_key_and_once() {
    let house = house().await;
    let info = |house: &House| {
        let router = house.router.clone();
        async move {
            let request = Request::get("/v1/console").body(Body::empty()).unwrap();
            let response = router.oneshot(request).await.unwrap();
            let bytes = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
            serde_json::from_slice::<Value>(&bytes).unwrap()
        }
    };
    let expected = json!({"object": "console", "needs_setup": true, "version": "0.0.0",
        "sign_in": {"passkeys": true, "oidc": []}});
    assert_eq!(info(&house).await, expected);
    for (key, status) in [("sk-tf-admin-AAAAAAAAAAAA-B", 401), (house.made.project_key.expose(), 403)] {
        let new = json!({"admin_key": key, "name": "Eve", "email": "eve@example.org", "password": PASSWORD});
        let (refused, _) = house.send(Method::POST, "/v1/console/setup", None, &[], Some(&new)).await;
        assert_eq!(refused.as_u16(), status);
    }
    let ada = owner(&house).await;
    assert_eq!(info(&house).await["needs_setup"], json!(false));
    let again =
        json!({"admin_key": house.admin(), "name": "Eve", "email": "eve@example.org", "password": PASSWORD});
    let (status, refused) = house.send(Method::POST, "/v1/console/setup", None, &[], Some(&again)).await;
    assert_eq!((status.as_u16(), &refused["error"]["code"]), (409, &json!("already_set_up")));

    let session = ada.get(&house, SESSION).await;
    assert_eq!(session, ada.session);
    assert_eq!(session["user"]["email"], json!("ada@example.org"));
    assert_eq!(session["organization"]["time_zone"], json!("UTC"));
    assert_eq!(session["projects"], json!([{"id": house.made.project.as_str(), "name": "default"}]));
    assert_eq!(session["expires_at"], json!(NOW + 12 * 3600));
    assert_eq!(session["access"]["owners"], json!("write"));
    assert_eq!(session["access"]["calls"], json!(true));
}

#[tokio::test]
async fn a_browser_changes_nothing_without_its_pages_token_and_nothing_after_it_is_signed_out() {
    let house = house().await;
    let ada = owner(&house).await;
    let cookie = [("cookie", ada.cookie.as_str())];
    let users = "/v1/organization/users";
    assert_eq!(house.send(Method::GET, users, None, &cookie, None).await.0, StatusCode::OK);
    let eve = json!({"name": "Eve", "email": "eve@example.org"});
    let forged = [("cookie", ada.cookie.as_str()), ("x-csrf-token", "00")];
    for headers in [&cookie[..], &forged[..]] {
        let (status, refused) = house.send(Method::POST, users, None, headers, Some(&eve)).await;
        assert_eq!((status.as_u16(), &refused["error"]["code"]), (403, &json!("csrf_mismatch")));
    }
    ada.post(&house, users, eve.clone()).await;

    let other = enter(&house, SESSION, &json!({"email": "ada@example.org", "password": PASSWORD})).await;
    let browsers = ada.get(&house, "/v1/console/sessions").await;
    assert_eq!(browsers["data"].as_array().unwrap().len(), 2);
    assert_eq!(browsers["data"][1]["user_agent"], json!("a test"));
    let id = other.session["id"].as_str().unwrap();
    let (status, _) = ada.send(&house, Method::DELETE, &format!("/v1/console/sessions/{id}"), None).await;
    assert_eq!(status, 200);
    assert_eq!(code(&other.send(&house, Method::GET, SESSION, None).await), (401, "no_session"));
    assert_eq!(ada.send(&house, Method::DELETE, SESSION, None).await.0, 200);
    for path in [SESSION, users] {
        assert_eq!(code(&ada.send(&house, Method::GET, path, None).await), (401, "no_session"), "{path}");
    }
}

#[tokio::test]
async fn sign_in_takes_a_password_a_code_and_patience() {
    let house = house().await;
    let ada = owner(&house).await;
    let sign_in =
        |code: Option<&str>| json!({"email": "ada@example.org", "password": PASSWORD, "totp_code": code});
    let begun = ada.post(&house, "/v1/console/totp", json!({"password": PASSWORD})).await;
    assert!(begun["url"].as_str().unwrap().starts_with("otpauth://totp/"));
    let secret = TotpSecret::from_base32(begun["secret"].as_str().unwrap()).unwrap();
    let code_now = secret.code_at(house.clock.now());
    let on = ada.post(&house, "/v1/console/totp/confirm", json!({"code": code_now})).await;
    assert_eq!(on["recovery_codes"].as_array().unwrap().len(), 10);

    let post = async |body: Value| {
        let (status, json) = house.send(Method::POST, SESSION, None, &[], Some(&body)).await;
        (status.as_u16(), json)
    };
    assert_eq!(code(&post(sign_in(None)).await), (401, "totp_required"));
    assert_eq!(code(&post(sign_in(Some(&code_now))).await), (401, "invalid_sign_in"), "it was taken");
    house.clock.set(Timestamp::from_secs(NOW + 60));
    enter(&house, SESSION, &sign_in(Some(&secret.code_at(house.clock.now())))).await;
    enter(&house, SESSION, &sign_in(on["recovery_codes"][0].as_str())).await;
    assert_eq!(code(&post(sign_in(on["recovery_codes"][0].as_str())).await), (401, "invalid_sign_in"));

    let wrong = json!({"email": "ada@example.org", "password": "not it at all, no"});
    let answers = [
        post(wrong.clone()).await,
        post(wrong.clone()).await,
        post(wrong.clone()).await,
        post(wrong.clone()).await,
    ];
    assert!(answers.iter().all(|answer| code(answer) == (401, "invalid_sign_in")));
    assert_eq!(code(&post(sign_in(None)).await), (429, "too_many_attempts"), "even with the right password");
    let weak = json!({"password": PASSWORD, "new_password": "short"});
    let refused = ada.send(&house, Method::POST, "/v1/console/password", Some(&weak)).await;
    assert_eq!(code(&refused), (400, "weak_password"));
}

#[tokio::test]
async fn an_invitation_is_accepted_once_by_whoever_holds_it() {
    let house = house().await;
    let ada = owner(&house).await;
    let project = house.made.project.as_str();
    let body = json!({"email": "Grace@example.org", "role": "developer", "projects": [{"id": project, "role": "member"}]});
    let made = ada.post(&house, "/v1/organization/invites", body).await;
    assert_eq!((&made["role"], &made["status"]), (&json!("reader"), &json!("pending")));
    let url = made["url"].as_str().unwrap();
    let token = url.strip_prefix("https://us.example/console/invite/").unwrap();
    let listed = ada.get(&house, "/v1/organization/invites").await;
    assert!(listed["data"][0].get("url").is_none(), "it is shown once");
    let path = format!("/v1/console/invites/{token}");
    let (status, open) = house.send(Method::GET, &path, None, &[], None).await;
    assert_eq!((status, &open["email"]), (StatusCode::OK, &json!("grace@example.org")));
    let grace = enter(&house, &path, &json!({"name": "Grace", "password": PASSWORD})).await;
    assert_eq!(grace.session["projects"][0]["id"], json!(project));
    assert_eq!(house.send(Method::GET, &path, None, &[], None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ada.get(&house, "/v1/organization/invites").await["data"][0]["status"], json!("accepted"));

    // Somebody who is taken away is out at once.
    let id = grace.session["user"]["id"].as_str().unwrap();
    assert_eq!(ada.send(&house, Method::DELETE, &format!("/v1/organization/users/{id}"), None).await.0, 200);
    assert_eq!(grace.send(&house, Method::GET, SESSION, None).await.0, 401);
    let gone = made["id"].as_str().unwrap();
    assert_eq!(
        ada.send(&house, Method::DELETE, &format!("/v1/organization/invites/{gone}"), None).await.0,
        200
    );
    for (field, body) in [
        ("role", json!({"email": "a@b", "role": "king"})),
        ("email", json!({"email": "nowhere", "role": "viewer"})),
        (
            "projects[0].role",
            json!({"email": "a@b", "role": "viewer", "projects": [{"id": project, "role": "x"}]}),
        ),
    ] {
        let (status, refused) = ada.send(&house, Method::POST, "/v1/organization/invites", Some(&body)).await;
        assert_eq!((status, &refused["error"]["param"]), (400, &json!(field)));
    }
}

#[tokio::test]
async fn a_person_works_in_the_project_that_the_request_names() {
    let house = house().await;
    owner(&house).await;
    let other = house.post("/v1/organization/projects", json!({"name": "other"})).await;
    let other = other["id"].as_str().unwrap();
    let idle = person(&house, "reader", json!([])).await;
    assert_eq!(idle.session["access"]["calls"], json!(false));
    assert_eq!(code(&idle.send(&house, Method::GET, "/v1/models", None).await), (403, "no_project"));
    house
        .post(
            &format!("/v1/organization/projects/{other}/users"),
            json!({"user_id": idle.session["user"]["id"], "role": "member"}),
        )
        .await;
    assert_eq!(idle.send(&house, Method::GET, "/v1/models", None).await.0, 200);
    let mut headers = idle.headers().to_vec();
    headers.push(("openai-project", house.made.project.as_str()));
    let (status, _) = house.send(Method::GET, "/v1/models", None, &headers, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it is no member of that one");
    headers[2].1 = other;
    assert_eq!(house.send(Method::GET, "/v1/models", None, &headers, None).await.0, StatusCode::OK);

    // A key of one's own, and nobody else's.
    let keys = format!("/v1/organization/projects/{other}/api_keys");
    let key = idle.post(&house, &keys, json!({"name": "mine"})).await;
    assert_eq!(house.status_of(key["value"].as_str().unwrap()).await, 200);
    house.post(&keys, json!({"name": "the administrator's"})).await;
    assert_eq!(idle.get(&house, &keys).await["data"].as_array().unwrap().len(), 1);
}

/// Asks for every operation of the API as a person of each role, a project's key and nobody: who is let in?
#[tokio::test]
async fn every_operation_lets_those_in_whose_role_goes_as_far() {
    let house = house().await;
    let ada = owner(&house).await;
    let project = json!([{"id": house.made.project.as_str(), "role": "member"}]);
    let mut people = vec![ada];
    for role in ["admin", "reader", "billing", "auditor", "viewer"] {
        people.push(person(&house, role, project.clone()).await);
    }
    let description = serde_json::to_value(tenfold_http::document("0")).unwrap();
    let mut table = String::from("owner admin developer billing auditor viewer | project key, nobody\n");
    for (path, operations) in description["paths"].as_object().unwrap() {
        if path.starts_with("/v1/console") || !path.starts_with("/v1/") {
            continue;
        }
        for method in ["get", "post", "put", "patch", "delete"] {
            if operations.get(method).is_none() {
                continue;
            }
            let id = path.split('/').map(|part| if part.starts_with('{') { "none" } else { part });
            let address = id.collect::<Vec<_>>().join("/");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let body = (method != Method::GET && method != Method::DELETE).then(|| json!({}));
            let mut row = String::new();
            for person in &people {
                let (status, _) = person.send(&house, method.clone(), &address, body.as_ref()).await;
                row.push(if matches!(status, 401 | 403) { '-' } else { 'x' });
            }
            row.push_str(" | ");
            for key in [Some(house.made.project_key.expose()), None] {
                let (status, _) = house.send(method.clone(), &address, key, &[], body.as_ref()).await;
                row.push(if matches!(status.as_u16(), 401 | 403) { '-' } else { 'x' });
            }
            writeln!(table, "{row}  {method} {path}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
