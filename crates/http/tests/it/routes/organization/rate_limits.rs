//! `/v1/organization/projects/{project_id}/rate_limits`.

use axum::http::Method;
use serde_json::json;
use tenfold_billing::{LimitOverride, RateLimits};

use crate::house::house;

#[tokio::test]
async fn limits_are_set_one_by_one_and_given_back_with_null() {
    let house = house().await;
    let path = house.project("/rate_limits");
    assert_eq!(house.get(&path).await["data"], json!([]));
    // A limit that was set before its deployment went.
    let limits = RateLimits { requests_per_minute: Some(10), ..RateLimits::default() };
    let set = LimitOverride { deployment: "smol".to_owned(), limits };
    house.platform.billing.set_limits(&house.made.project, &set).await.unwrap();
    let mut expected = json!({
        "object": "project.rate_limit", "id": "rl-smol", "model": "smol", "max_requests_per_1_minute": 10,
        "max_tokens_per_1_minute": null, "max_images_per_1_minute": null, "max_requests_per_1_day": null,
        "max_concurrent_requests": null,
    });
    let list = house.get(&path).await;
    assert_eq!((&list["data"], &list["first_id"]), (&json!([expected]), &json!("rl-smol")));

    let one = format!("{path}/rl-smol");
    expected["max_tokens_per_1_minute"] = json!(5000);
    assert_eq!(house.post(&one, json!({"max_tokens_per_1_minute": 5000})).await, expected);
    assert_eq!(house.get(&path).await["data"], json!([expected]));
    expected["max_requests_per_1_minute"] = json!(null);
    assert_eq!(house.post(&one, json!({"max_requests_per_1_minute": null})).await, expected);

    expected["max_images_per_1_minute"] = json!(7);
    expected["max_requests_per_1_day"] = json!(900);
    let more = json!({"max_images_per_1_minute": 7, "max_requests_per_1_day": 900});
    assert_eq!(house.post(&one, more).await, expected);
    assert_eq!(house.get(&path).await["data"], json!([expected]));

    let batch = house.fails(Method::POST, &one, Some(json!({"batch_1_day_max_input_tokens": 1}))).await;
    assert_eq!((batch.0, batch.2.as_deref()), (400, Some("batch_1_day_max_input_tokens")));
    let negative = house.fails(Method::POST, &one, Some(json!({"max_requests_per_1_minute": -1}))).await;
    assert_eq!((negative.0, negative.2.as_deref()), (400, Some("max_requests_per_1_minute")));
    for unknown in ["rl-other", "smol", "rl-"] {
        assert_eq!(house.fails(Method::POST, &format!("{path}/{unknown}"), Some(json!({}))).await.0, 404);
    }
}
