//! `/v1/organization/usage/...` and `/v1/organization/costs`.

use axum::http::{Method, StatusCode};
use serde_json::json;
use tenfold_billing::{Event, Operation, conformance};
use tenfold_kernel::{ApiKeyId, Currency, Money, ProjectId, SeededRng, Timestamp, Unit, Units};

use crate::house::{House, NOW, house};

/// The midnight before [`NOW`].
const DAY: i64 = NOW - NOW % 86_400;

/// A chat of the default project, the same of another project with a cost that is not known, and an embedding.
pub(super) async fn with_three_calls() -> (House, [Event; 3]) {
    let house = house().await;
    let rng = SeededRng::new(9);
    let sample = || Event {
        organization: house.made.organization.clone(),
        project: house.made.project.clone(),
        created_at: Timestamp::from_secs(NOW - 10),
        cost: Some(Money::new(1_500_000_001, Currency::USD)),
        ..conformance::sample_event(&rng)
    };
    let chat = sample();
    let elsewhere = Event {
        project: ProjectId::parse("proj_elsewhere").unwrap(),
        api_key: ApiKeyId::parse("key_elsewhere").unwrap(),
        cost: None,
        ..sample()
    };
    let embedding = Event {
        operation: Operation::Embeddings,
        deployment: "embedder".into(),
        units: Units::new().with(Unit::Requests, 1).with(Unit::EmbeddingTokens, 11),
        ..sample()
    };
    let events = [chat, elsewhere, embedding];
    for event in &events {
        tenfold_billing::conformance::write(&*house.ledger, event.clone()).await.unwrap();
        // A retry counts once.
        tenfold_billing::conformance::write(&*house.ledger, event.clone()).await.unwrap();
    }
    (house, events)
}

#[tokio::test]
async fn usage_is_told_as_the_openai_api_tells_it() {
    let (house, _) = with_three_calls().await;
    let page = house.get(&format!("/v1/organization/usage/completions?start_time={DAY}")).await;
    let expected = json!({
        "object": "page",
        "data": [{
            "object": "bucket", "start_time": DAY, "end_time": DAY + 86_400,
            "results": [{
                "object": "organization.usage.completions.result",
                // Twice each: 10 computed, 20 cached, 5 written to a cache and 4 of a cached picture; 7 of the
                // answer, 3 of thinking and 6 of sound.
                "input_tokens": 78, "output_tokens": 32, "input_cached_tokens": 48,
                "input_audio_tokens": 0, "output_audio_tokens": 12, "output_reasoning_tokens": 6,
                "num_model_requests": 2, "project_id": null, "user_id": null, "api_key_id": null,
                "model": null, "batch": null, "service_tier": null,
            }],
        }],
        "has_more": false, "next_page": null,
    });
    assert_eq!(page, expected);

    let path = format!("/v1/organization/usage/embeddings?start_time={DAY}&group_by[]=model");
    let expected = json!([{
        "object": "organization.usage.embeddings.result", "input_tokens": 11, "num_model_requests": 1,
        "project_id": null, "user_id": null, "api_key_id": null, "model": "embedder",
    }]);
    assert_eq!(house.get(&path).await["data"][0]["results"], expected);
}

#[tokio::test]
async fn costs_are_exact_and_what_is_not_known_stands_apart() {
    let (house, events) = with_three_calls().await;
    let path = format!("/v1/organization/costs?start_time={DAY}&group_by=line_item&group_by=project_id");
    let results = house.get(&path).await["data"][0]["results"].clone();
    let one = |model: &str, project: &ProjectId, amount| {
        json!({
            "object": "organization.costs.result", "amount": amount, "line_item": model,
            "project_id": project.as_str(), "api_key_id": null, "num_model_requests": 1,
        })
    };
    let amount = json!({"value": 1.500_000_001, "currency": "usd", "nanos": 1_500_000_001});
    let expected = [
        one(&events[0].deployment, &events[0].project, amount.clone()),
        one(&events[1].deployment, &events[1].project, json!(null)),
        one(&events[2].deployment, &events[2].project, amount),
    ];
    let results = results.as_array().unwrap();
    assert_eq!(results.len(), 3);
    assert!(expected.iter().all(|one| results.contains(one)), "{results:?}");

    let page = house.get(&format!("/v1/organization/costs?start_time={DAY}")).await;
    let sum = &page["data"][0]["results"][1];
    assert_eq!((&sum["amount"]["nanos"], &sum["num_model_requests"]), (&json!(3_000_000_002_i64), &json!(2)));
}

#[tokio::test]
async fn costs_are_told_apart_by_a_label_of_calls() {
    let (house, _) = with_three_calls().await;
    let path = format!("/v1/organization/costs?start_time={DAY}&label=team&group_by=project_id");
    let results = house.get(&path).await["data"][0]["results"].clone();
    assert!(results.as_array().unwrap().iter().all(|row| row["label"].is_string()), "{results}");
    let path = format!("/v1/organization/costs?start_time={DAY}&label=none");
    let results = house.get(&path).await["data"][0]["results"].clone();
    assert!(results.as_array().unwrap().iter().all(|row| row.get("label").is_none()), "{results}");
    let path = format!("/v1/organization/usage/completions?start_time={DAY}&label=team");
    let (status, refused) = house.send(Method::GET, &path, Some(house.admin()), &[], None).await;
    assert_eq!((status, &refused["error"]["param"]), (StatusCode::BAD_REQUEST, &json!("label")));
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let (house, _) = with_three_calls().await;
    let start = DAY - 2 * 86_400;
    let path = format!("/v1/organization/usage/completions?start_time={start}&limit=2");
    let first = house.get(&path).await;
    let lengths: Vec<usize> =
        first["data"].as_array().unwrap().iter().map(|b| b["results"].as_array().unwrap().len()).collect();
    assert_eq!(lengths, [0, 0], "empty buckets are there");
    assert_eq!(first["has_more"], json!(true));
    let next = first["next_page"].as_str().unwrap();
    let second = house.get(&format!("{path}&page={next}")).await;
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
    assert_eq!(second["data"][0]["results"][0]["num_model_requests"], json!(2));
    assert_eq!((&second["has_more"], &second["next_page"]), (&json!(false), &json!(null)));
}

#[tokio::test]
async fn a_projects_key_reads_its_own_project_alone() {
    let (house, events) = with_three_calls().await;
    let key = Some(house.made.project_key.expose());
    let path = format!("/v1/organization/usage/completions?start_time={DAY}");
    let (status, page) = house.send(Method::GET, &path, key, &[], None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page["data"][0]["results"][0]["num_model_requests"], json!(1));
    let other = format!("{path}&project_ids={}", events[1].project);
    let (status, refused) = house.send(Method::GET, &other, key, &[], None).await;
    assert_eq!((status, &refused["error"]["code"]), (StatusCode::FORBIDDEN, &json!("admin_key_required")));
    assert_eq!(house.send(Method::GET, &path, None, &[], None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(house.get(&other).await["data"][0]["results"][0]["num_model_requests"], json!(1));
}

#[tokio::test]
async fn what_is_wrong_is_a_400_that_names_it() {
    let house = house().await;
    let usage = "/v1/organization/usage/completions";
    let embeddings = "/v1/organization/usage/embeddings";
    let costs = "/v1/organization/costs";
    for (path, query, field) in [
        (usage, "", "start_time"),
        (usage, "start_time=x", "start_time"),
        (usage, "start_time=-1", "start_time"),
        (usage, "start_time=10&end_time=10", "end_time"),
        (usage, "start_time=10&bucket_width=1w", "bucket_width"),
        (usage, "start_time=10&limit=32", "limit"),
        (usage, "start_time=10&bucket_width=1m&limit=1441", "limit"),
        (usage, "start_time=10&limit=0", "limit"),
        (usage, "start_time=10&page=abc", "page"),
        (usage, "start_time=10&group_by=line_item", "group_by"),
        (usage, "start_time=10&batch=maybe", "batch"),
        (usage, "start_time=10&colour=red", "colour"),
        (embeddings, "start_time=10&group_by=batch", "group_by"),
        (costs, "start_time=10&bucket_width=1h", "bucket_width"),
        (costs, "start_time=10&limit=181", "limit"),
        (costs, "start_time=10&models=m", "models"),
        (costs, "start_time=10&group_by=model", "group_by"),
    ] {
        let (status, _, param) = house.fails(Method::GET, &format!("{path}?{query}"), None).await;
        assert_eq!((status, param.as_deref()), (400, Some(field)), "{path}?{query}");
    }
}
