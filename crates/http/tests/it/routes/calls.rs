//! `/v1/organization/usage/calls`.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tenfold_billing::ledger::{AccountId, AccountKind, Settle, Source};
use tenfold_billing::{CallStatus, Event, Ledger as _, conformance};
use tenfold_kernel::{Currency, SeededRng, Timestamp};

use super::usage::with_three_calls;
use crate::house::{NOW, house};

const CALLS: &str = "/v1/organization/usage/calls";

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_call_is_told_whole_with_what_it_moved() {
    let house = house().await;
    let event = Event {
        organization: house.made.organization.clone(),
        project: house.made.project.clone(),
        idempotency_key: format!("{}/twice 1", house.made.project),
        created_at: Timestamp::from_secs(NOW - 10),
        completed_at: Timestamp::from_secs(NOW - 9),
        ..conformance::sample_event(&SeededRng::new(9))
    };
    let receivable = AccountId::new(&event.organization, &AccountKind::Receivable, Currency::USD);
    let settle = Settle { event: event.clone(), hold: None, sources: vec![Source::unbounded(receivable)] };
    house.ledger.settle(settle).await.unwrap();
    let list = house.get(CALLS).await;
    let expected = json!({
        "id": event.idempotency_key, "object": "organization.usage.call", "event_id": event.id.as_str(),
        "request_id": event.request_id.as_str(), "created_at": NOW - 10, "completed_at": NOW - 9,
        "project_id": event.project.as_str(), "api_key_id": event.api_key.as_str(),
        "user_id": event.user.as_ref().unwrap().as_str(),
        "service_account_id": event.service_account.as_ref().unwrap().as_str(),
        "operation": "chat_completions", "model": "smollm2-135m-instruct",
        "model_version": "smollm2-135m-instruct@1", "replica_id": event.replica.as_ref().unwrap().as_str(),
        "node": "node-1", "status": "completed", "error_code": null,
        "units": {"requests": 1, "input_tokens": 10, "cached_input_tokens": 20, "cache_write_tokens": 5,
            "output_tokens": 7, "reasoning_tokens": 3, "cached_image_input_tokens": 4, "audio_output_tokens": 6,
            "pages": 8},
        "usage_known": true, "cost": {"value": 0.000_001_234, "currency": "usd", "nanos": 1_234},
        "price_version": "price_1", "queue_ms": 2, "first_token_ms": 30, "duration_ms": 1_000, "batch": false,
        "service_tier": "default", "metadata": {"team": "red \"blue\" 蓝"}, "energy_millijoules": 12,
        "energy_source": "rapl",
    });
    assert_eq!(list["data"], json!([expected]));

    let path = format!("{CALLS}/{}%2Ftwice%201", house.made.project);
    let mut call = house.get(&path).await;
    let entries = call.as_object_mut().unwrap().remove("entries").unwrap();
    assert_eq!(call, expected);
    assert_eq!((&entries[0]["amount"], &entries[0]["kind"]), (&json!("0.000001234"), &json!("usage")));
    assert_eq!(entries[0]["transaction"], json!(event.idempotency_key));
    assert_eq!(house.fails(Method::GET, &format!("{CALLS}/req_none"), None).await.0, 404);
}

#[tokio::test]
async fn calls_are_listed_newest_first_in_pages_and_by_what_they_are() {
    let (house, events) = with_three_calls().await;
    let rejected = Event {
        status: CallStatus::Rejected,
        created_at: Timestamp::from_secs(NOW),
        organization: house.made.organization.clone(),
        ..conformance::sample_event(&SeededRng::new(10))
    };
    conformance::write(&*house.ledger, rejected.clone()).await.unwrap();
    let all = house.get(CALLS).await;
    assert_eq!((ids(&all).len(), ids(&all)[0]), (4, &*rejected.idempotency_key));
    let first = house.get(&format!("{CALLS}?limit=3")).await;
    assert_eq!((ids(&first), &first["has_more"]), (ids(&all)[..3].to_vec(), &json!(true)));
    let after = first["last_id"].as_str().unwrap();
    let rest = house.get(&format!("{CALLS}?limit=3&after={after}")).await;
    assert_eq!((ids(&rest), &rest["has_more"]), (ids(&all)[3..].to_vec(), &json!(false)));

    for (query, count) in [
        ("statuses=rejected", 1),
        ("statuses=rejected&statuses[]=completed", 4),
        ("models=embedder", 1),
        ("project_ids=proj_elsewhere", 1),
        ("api_key_ids=key_elsewhere", 1),
        ("batch=true", 0),
        ("start_time=1700000000", 1),
        ("end_time=1700000000", 3),
    ] {
        assert_eq!(ids(&house.get(&format!("{CALLS}?{query}")).await).len(), count, "{query}");
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("after=nothing", "after"),
        ("statuses=late", "statuses"),
        ("start_time=x", "start_time"),
        ("colour=red", "colour"),
    ] {
        let (status, _, param) = house.fails(Method::GET, &format!("{CALLS}?{query}"), None).await;
        assert_eq!((status, param.as_deref()), (400, Some(field)), "{query}");
    }

    let key = Some(house.made.project_key.expose());
    let (_, own) = house.send(Method::GET, CALLS, key, &[], None).await;
    assert_eq!(ids(&own).len(), 2, "a project's key sees its project's calls");
    let elsewhere = format!("{CALLS}/{}", events[1].idempotency_key);
    let (status, _) = house.send(Method::GET, &elsewhere, key, &[], None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
