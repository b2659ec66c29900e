//! `/v1/prices`.

use axum::http::{Method, StatusCode};
use serde_json::json;
use tenfold_billing::Occasion;
use tenfold_fleet::{NewDeployment, Target, Upstream};
use tenfold_kernel::{Unit, Units};

use crate::house::{House, NOW, house};

async fn with_a_model(name: &str) -> House {
    let house = house().await;
    let upstream =
        Upstream { base_url: "http://127.0.0.1:9/v1".to_owned(), api_key: None, model: "there".to_owned() };
    let new = NewDeployment::new(name, "v1", Target::Upstreams(vec![upstream]));
    house.platform.fleet.deploy(new).await.unwrap();
    house
}

#[tokio::test]
async fn prices_are_set_and_read_exactly_and_calls_are_quoted_by_them() {
    let house = with_a_model("smol").await;
    assert_eq!(house.fails(Method::GET, "/v1/prices/smol", None).await.0, 404);
    let body = json!({"currency": "usd", "per_million": {"input_tokens": "0.15", "output_tokens": "0.6"}});
    let admin = Some(house.admin());
    let (status, set) = house.send(Method::PUT, "/v1/prices/smol", admin, &[], Some(&body)).await;
    assert_eq!(status, StatusCode::OK, "{set}");
    let id = set["id"].as_str().unwrap();
    let expected = json!({
        "object": "price_list", "id": id, "model": "smol", "currency": "USD",
        "per_million": {"input_tokens": "0.15", "output_tokens": "0.6"}, "effective_at": NOW, "created_at": NOW,
    });
    assert_eq!(set, expected);
    assert_eq!(house.get("/v1/prices/smol").await, expected);

    let organization = &house.made.organization;
    let quote =
        house.platform.billing.quote(organization, &"smol".into(), &Occasion::default()).await.unwrap();
    let units = Units::new().with(Unit::InputTokens, 1_000).with(Unit::OutputTokens, 10);
    assert_eq!(quote.cost(Some(&units)).unwrap().unwrap().nanos, 150_000 + 6_000);
    assert_eq!(quote.version().as_deref(), Some(id));

    let later = json!({"currency": "EUR", "per_million": {}, "effective_at": NOW + 60});
    let (status, later) = house.send(Method::PUT, "/v1/prices/smol", admin, &[], Some(&later)).await;
    assert_eq!(status, StatusCode::OK, "{later}");
    assert_eq!(house.get("/v1/prices/smol").await["scheduled"], json!([later]));
    let list = house.get("/v1/prices").await;
    assert_eq!(
        (&list["data"], &list["last_id"], &list["has_more"]),
        (&json!([expected]), &json!("smol"), &json!(false))
    );
    assert_eq!(house.get("/v1/prices?after=smol").await["data"], json!([]));
}

#[tokio::test]
async fn prices_that_cannot_be_are_refused_by_name() {
    let house = with_a_model("smol").await;
    let put = async |path: &str, body| house.fails(Method::PUT, path, Some(body)).await;
    let per_million = |unit: &str, price| json!({"currency": "USD", "per_million": {unit: price}});
    for (body, field) in [
        (per_million("input_tokens", json!("-1")), "per_million.input_tokens"),
        (per_million("input_tokens", json!("0.0000000001")), "per_million.input_tokens"),
        (per_million("input_tokens", json!(0.15)), "per_million.input_tokens"),
        (per_million("apples", json!("1")), "per_million.apples"),
        (json!({"currency": "dollars", "per_million": {}}), "currency"),
        (json!({"currency": "USD", "per_million": {}, "effective_at": NOW - 1}), "effective_at"),
        (json!({"per_million": {}}), "currency"),
    ] {
        let (status, _, param) = put("/v1/prices/smol", body.clone()).await;
        assert_eq!((status, param.as_deref()), (400, Some(field)), "{body}");
    }
    assert_eq!(put("/v1/prices/none", per_million("requests", json!("1"))).await.0, 404);
    assert_eq!(house.fails(Method::GET, "/v1/prices?limit=101", None).await.2.as_deref(), Some("limit"));
    let list = house.get("/v1/prices").await;
    assert_eq!(list["data"], json!([]), "nothing of it is kept");
}

#[tokio::test]
async fn prices_need_an_admin() {
    let house = with_a_model("smol").await;
    let key = Some(house.made.project_key.expose());
    let body = json!({"currency": "USD", "per_million": {}});
    for (method, path, body) in [
        (Method::GET, "/v1/prices", None),
        (Method::GET, "/v1/prices/smol", None),
        (Method::PUT, "/v1/prices/smol", Some(&body)),
    ] {
        assert_eq!(house.send(method.clone(), path, key, &[], body).await.0, StatusCode::FORBIDDEN);
        assert_eq!(house.send(method, path, None, &[], body).await.0, StatusCode::UNAUTHORIZED);
    }
}
