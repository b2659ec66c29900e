//! `prices`.

use serde_json::json;

use crate::platform::Platform;
use crate::session::Session;

#[tokio::test]
async fn every_unit_of_every_list_is_a_line() {
    let list = json!({
        "object": "price_list", "id": "price_1", "model": "m", "currency": "USD", "effective_at": 951_782_400,
        "created_at": 951_782_400,
        "per_million": {
            "images": "40000",
            "input_tokens": {"volume": [{"up_to": 200_000, "per_million": "1.25"}, {"per_million": "2.5"}]},
            "pages": {"package": {"size": 10, "price": "0.1"}},
        },
        "variants": {"1024x1024/high": {"images": "80000"}},
        "other_currencies": [{
            "object": "price_list", "id": "price_2", "model": "m", "currency": "CNY", "effective_at": 951_782_400,
            "created_at": 951_782_400, "per_million": {"images": "300000"},
        }],
    });
    let platform = Platform::start().json("GET /v1/prices/m", 200, &list);
    let done = Session::at(&platform).run(&["prices", "show", "m"]).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    insta::assert_snapshot!("prices_show", done.out);
}

#[tokio::test]
async fn prices_are_set_from_words() {
    let list = json!({"object": "price_list", "id": "price_1", "model": "m", "currency": "EUR", "effective_at": 1,
        "created_at": 1, "per_million": {"input_tokens": "0.15"}});
    let platform = Platform::start().json("PUT /v1/prices/m", 200, &list);
    let line = ["prices", "set", "m", "input_tokens=0.15", "--currency", "EUR"];
    let done = Session::at(&platform).run(&line).await;
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert_eq!(platform.seen()[0].body, json!({"currency": "EUR", "per_million": {"input_tokens": "0.15"}}));
    let done = Session::at(&platform).run(&["prices", "set", "m", "0.15"]).await;
    assert_eq!(done.code, 2);
    assert!(done.err.contains("input_tokens=0.15"), "{}", done.err);
}
