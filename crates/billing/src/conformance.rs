//! What every adapter of billing's ports does. Each suite takes a store that may hold other things: it works
//! in an organisation, a project and deployments of its own.

#![expect(clippy::unwrap_used, reason = "a suite of tests: whatever fails shall stop it")]

mod alerts;
mod invoices;
mod limits;
mod money;
mod payments;
mod plans;
mod recharges;
mod statements;

use std::sync::Arc;

use tenfold_kernel::{
    ApiKeyId, Currency, EventId, Money, OrganizationId, ProjectId, ReplicaId, RequestId, Rng,
    ServiceAccountId, Timestamp, Unit, Units, UserId,
};

use crate::calls::{CallPlace, CallQuery};
use crate::error::BillingError;
use crate::event::{CallStatus, Energy, Event, Labels, Operation};
use crate::ledger::Settle;
use crate::limit::{LimitOverride, RateLimits};
use crate::ports::{Ledger, LimitStore, PriceBook, UsageStore};
use crate::price::{Discounts, OffPeak, PriceList, Rate, Terms, Tier};
pub use alerts::{
    a_delivery_that_nobody_takes_is_given_up, an_alert_counts_what_limits_count,
    an_alert_is_sent_once_for_its_month_however_many_processes_look,
    credit_that_was_not_used_in_time_is_gone_and_what_is_held_is_not,
};
pub use invoices::{
    a_credit_note_is_never_more_than_its_invoice, a_month_is_closed_once,
    an_invoice_sums_to_the_ledger_of_its_month, taxes_of_credit_notes_add_up_to_the_invoices,
    what_is_written_late_is_on_the_next_invoice,
};
pub use limits::{
    a_day_of_calls_ends_at_the_organisations_midnight, a_limit_counts_what_was_used_in_the_end,
    a_limit_of_every_scope_refuses_the_next_call_and_names_itself, a_soft_limit_counts_and_refuses_nothing,
    processes_share_one_limit,
};
pub use money::{
    a_balance_pays_for_what_it_pays_for, calls_are_charged_in_the_order_of_funding, limits_hold_what_runs,
    the_dead_hold_nothing, transactions_are_entered_once,
};
pub use payments::{
    a_recharge_is_changed_by_who_knows_it, a_way_to_pay_is_kept_once, an_order_is_changed_by_who_knows_it,
    orders_come_back_as_they_were_kept,
};
pub use plans::{
    a_change_of_plans_is_prorated, a_period_is_charged_once,
    a_plan_that_stops_refuses_and_says_when_there_is_more, an_allowance_pays_before_the_balance,
};
pub use statements::{
    a_statement_by_a_label_adds_up_to_what_was_charged, a_statement_has_the_lines_of_the_invoice_of_its_month,
};

pub use recharges::{
    Manner, ScriptedGateway, Till, TillStores, a_charge_whose_answer_was_lost_is_made_once,
    a_month_is_charged_no_more_than_its_limit, a_payment_that_takes_days_is_waited_for,
    a_shortfall_is_charged_once, an_invoice_is_paid_once_and_owed_again_when_the_money_goes_back,
    charges_that_fail_are_made_again_and_then_no_more,
};

use crate::report::{Filter, GroupBy, Selection};

const HOUR: i64 = 3_600_000;

/// An event with every field set, of an organisation and a project of its own.
pub fn sample_event(rng: &dyn Rng) -> Event {
    let request_id = RequestId::generate(rng);
    Event {
        id: EventId::generate(rng),
        idempotency_key: request_id.as_str().to_owned(),
        request_id,
        created_at: Timestamp(500 * HOUR + 1),
        completed_at: Timestamp(500 * HOUR + 1_001),
        organization: OrganizationId::generate(rng),
        project: ProjectId::generate(rng),
        api_key: ApiKeyId::generate(rng),
        user: Some(UserId::generate(rng)),
        service_account: Some(ServiceAccountId::generate(rng)),
        operation: Operation::ChatCompletions,
        deployment: "smollm2-135m-instruct".into(),
        model_version: "smollm2-135m-instruct@1".into(),
        replica: Some(ReplicaId::generate(rng)),
        node: Some("node-1".into()),
        status: CallStatus::Completed,
        error_code: None,
        units: Units::new()
            .with(Unit::Requests, 1)
            .with(Unit::InputTokens, 10)
            .with(Unit::CachedInputTokens, 20)
            .with(Unit::CacheWriteTokens, 5)
            .with(Unit::OutputTokens, 7)
            .with(Unit::ReasoningTokens, 3)
            .with(Unit::CachedImageInputTokens, 4)
            .with(Unit::AudioOutputTokens, 6)
            .with(Unit::Pages, 8),
        usage_known: true,
        cost: Some(Money::new(1_234, Currency::USD)),
        price_version: Some("price_1".into()),
        queue_ms: 2,
        first_token_ms: Some(30),
        duration_ms: 1_000,
        batch: false,
        service_tier: Some("default".to_owned()),
        labels: Labels::new([("team".to_owned(), "red \"blue\" 蓝".to_owned())].into()).unwrap(),
        energy: Some(Energy { millijoules: 12, source: "rapl".into() }),
    }
}

/// Writes the event of a call that nobody is charged for.
///
/// # Errors
/// As [`Ledger::settle`].
pub async fn write(ledger: &dyn Ledger, event: Event) -> Result<(), BillingError> {
    ledger.settle(Settle { event, hold: None, sources: Vec::new() }).await
}

/// The event `like` once more, as another call.
fn another(like: &Event, rng: &dyn Rng) -> Event {
    let request_id = RequestId::generate(rng);
    let idempotency_key = request_id.as_str().to_owned();
    Event { id: EventId::generate(rng), idempotency_key, request_id, ..like.clone() }
}

fn everything(event: &Event) -> Selection {
    Selection {
        organization: event.organization.clone(),
        from: Timestamp(499 * HOUR),
        until: Timestamp(600 * HOUR),
        origin: Timestamp(0),
        width: HOUR,
        filter: Filter::default(),
        group_by: Vec::new(),
        label: None,
    }
}

/// An event is counted once, whoever writes it and however often, and its figures come back as they went in.
pub async fn events_are_counted_once(log: &dyn Ledger, usage: &dyn UsageStore, rng: &dyn Rng) {
    let first = sample_event(rng);
    let all = everything(&first);
    assert_eq!(usage.usage(&all).await.unwrap(), [], "there is nothing before the first event");
    assert_eq!(usage.costs(&all).await.unwrap(), []);

    write(log, first.clone()).await.unwrap();
    // A retry differs in everything but its key, and the first one counts.
    let retry = Event {
        id: EventId::generate(rng),
        units: Units::new().with(Unit::InputTokens, 999),
        cost: Some(Money::new(999, Currency::USD)),
        ..first.clone()
    };
    write(log, retry).await.unwrap();
    write(log, first.clone()).await.unwrap();

    let rows = usage.usage(&all).await.unwrap();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(row.bucket, 500);
    assert_eq!(row.requests, 1);
    assert_eq!((row.input_tokens, row.cached_input_tokens, row.cache_write_tokens), (10, 20, 5));
    assert_eq!((row.output_tokens, row.reasoning_tokens, row.embedding_tokens), (7, 3, 0));
    assert_eq!((row.cached_image_input_tokens, row.audio_output_tokens, row.audio_input_tokens), (4, 6, 0));
    assert_eq!(row.key, crate::report::GroupKey::default());
    let costs = usage.costs(&all).await.unwrap();
    assert_eq!(costs.len(), 1);
    assert_eq!((costs[0].currency, costs[0].nanos, costs[0].requests), (Some(Currency::USD), 1_234, 1));
}

/// An event that lacks all that may be absent is written as well, and what is not known stays not known.
pub async fn absent_is_not_zero(log: &dyn Ledger, usage: &dyn UsageStore, rng: &dyn Rng) {
    let full = sample_event(rng);
    let bare = Event {
        user: None,
        service_account: None,
        model_version: "".into(),
        replica: None,
        node: None,
        status: CallStatus::ClientGone,
        error_code: Some("client_gone".to_owned()),
        units: Units::new(),
        usage_known: false,
        cost: None,
        price_version: None,
        first_token_ms: None,
        service_tier: None,
        labels: Labels::default(),
        energy: None,
        ..another(&full, rng)
    };
    let rejected = Event { status: CallStatus::Rejected, cost: None, ..another(&full, rng) };
    for event in [bare, rejected] {
        write(log, event).await.unwrap();
    }
    let all = Selection {
        group_by: vec![GroupBy::Project, GroupBy::User, GroupBy::ServiceTier],
        ..everything(&full)
    };
    let rows = usage.usage(&all).await.unwrap();
    assert_eq!(rows.len(), 1, "a rejected call is no request");
    assert_eq!((rows[0].requests, rows[0].input_tokens, rows[0].output_tokens), (1, 0, 0));
    assert_eq!(rows[0].key.project.as_deref(), Some(full.project.as_str()));
    assert_eq!((&rows[0].key.user, &rows[0].key.service_tier), (&None, &None));
    let costs = usage.costs(&all).await.unwrap();
    assert_eq!(costs.len(), 1);
    assert_eq!((costs[0].currency, costs[0].nanos, costs[0].requests), (None, 0, 1));

    write(log, another(&full, rng)).await.unwrap();
    let costs = usage.costs(&everything(&full)).await.unwrap();
    let sums: Vec<_> = costs.iter().map(|row| (row.currency, row.nanos, row.requests)).collect();
    assert_eq!(sums, [(None, 0, 1), (Some(Currency::USD), 1_234, 1)], "unknown cost first, and apart");
}

/// What calls of one label cost, whatever other labels they have.
pub async fn costs_are_told_apart_by_a_label(log: &dyn Ledger, usage: &dyn UsageStore, rng: &dyn Rng) {
    let sample = Event { labels: Labels::default(), ..sample_event(rng) };
    let cost = sample.cost.unwrap().nanos;
    let of = |labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Event { labels: Labels::new(labels).unwrap(), ..another(&sample, rng) }
    };
    let events = [
        of(&[("team", "blue"), ("run", "1")]),
        of(&[("team", "blue"), ("run", "2")]),
        of(&[("team", "\"red\"'")]),
        of(&[("run", "3")]),
        sample.clone(),
    ];
    for event in events {
        write(log, event).await.unwrap();
    }
    let selection = Selection { label: Some("team".to_owned()), width: 24 * HOUR, ..everything(&sample) };
    let rows = usage.costs(&selection).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.key.label.as_deref(), row.requests, row.nanos)).collect();
    assert_eq!(told, [(None, 2, 2 * cost), (Some("\"red\"'"), 1, cost), (Some("blue"), 2, 2 * cost)]);
    let all = usage.costs(&Selection { label: None, ..selection }).await.unwrap();
    assert_eq!((all.len(), all[0].nanos), (1, 5 * cost));
}

/// Calls come back as they were written, newest first in pages without gaps, and only to whose they are.
pub async fn calls_come_back_as_they_were_written(log: &dyn Ledger, usage: &dyn UsageStore, rng: &dyn Rng) {
    let whole = sample_event(rng);
    let bare = Event {
        id: EventId::generate(rng),
        idempotency_key: format!("{}/once more", whole.project),
        user: None,
        service_account: None,
        replica: None,
        node: None,
        model_version: "".into(),
        status: CallStatus::Rejected,
        error_code: Some("rate_limit_exceeded".to_owned()),
        units: Units::new(),
        usage_known: false,
        cost: None,
        price_version: None,
        first_token_ms: None,
        batch: true,
        service_tier: None,
        labels: Labels::default(),
        energy: None,
        ..whole.clone()
    };
    let mut written = vec![whole.clone(), bare.clone()];
    // Several of one moment, which only their keys tell apart.
    for n in [3, 3, 3, 5] {
        let request_id = RequestId::generate(rng);
        written.push(Event {
            id: EventId::generate(rng),
            idempotency_key: request_id.as_str().to_owned(),
            request_id,
            created_at: Timestamp(whole.created_at.0 + n),
            project: ProjectId::generate(rng),
            status: CallStatus::Failed,
            ..whole.clone()
        });
    }
    for event in &written {
        write(log, event.clone()).await.unwrap();
    }
    let place = |event: &Event| (event.created_at, event.idempotency_key.clone());
    written.sort_by_key(|event| std::cmp::Reverse(place(event)));
    let all = CallQuery {
        organization: whole.organization.clone(),
        from: None,
        until: None,
        filter: Filter::default(),
        statuses: Vec::new(),
        before: None,
        limit: 100,
    };
    assert_eq!(usage.calls(&all).await.unwrap(), written);
    let mut paged: Vec<Event> = Vec::new();
    loop {
        let before = paged.last().map(|event| {
            let (created_at, key) = place(event);
            CallPlace { created_at, key }
        });
        let page = usage.calls(&CallQuery { before, limit: 2, ..all.clone() }).await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, written);

    let only = |query: CallQuery| async move { usage.calls(&query).await.unwrap().len() };
    assert_eq!(only(CallQuery { statuses: vec![CallStatus::Failed], ..all.clone() }).await, 4);
    assert_eq!(only(CallQuery { from: Some(Timestamp(whole.created_at.0 + 3)), ..all.clone() }).await, 4);
    assert_eq!(only(CallQuery { until: Some(Timestamp(whole.created_at.0 + 3)), ..all.clone() }).await, 2);
    let filter = Filter { projects: vec![whole.project.clone()], batch: Some(true), ..Filter::default() };
    assert_eq!(usage.calls(&CallQuery { filter, ..all.clone() }).await.unwrap(), std::slice::from_ref(&bare));
    let other = OrganizationId::generate(rng);
    assert_eq!(only(CallQuery { organization: other.clone(), ..all }).await, 0);

    let (mine, key) = (&whole.organization, &bare.idempotency_key);
    assert_eq!(usage.call(mine, key).await.unwrap().as_ref(), Some(&bare));
    assert_eq!(usage.call(mine, "nothing").await.unwrap(), None);
    assert_eq!(usage.call(&other, key).await.unwrap(), None, "it is another one's");
}

/// Filters, groups and buckets select and tell apart what they name, within one organisation.
pub async fn reports_select_and_group(log: &dyn Ledger, usage: &dyn UsageStore, rng: &dyn Rng) {
    let a = sample_event(rng);
    let b = Event {
        project: ProjectId::generate(rng),
        api_key: ApiKeyId::generate(rng),
        user: None,
        created_at: Timestamp(501 * HOUR),
        deployment: "other".into(),
        operation: Operation::Embeddings,
        units: Units::new().with(Unit::Requests, 1).with(Unit::EmbeddingTokens, 11),
        cost: Some(Money::new(5, Currency::parse("EUR").unwrap())),
        batch: true,
        service_tier: None,
        ..another(&a, rng)
    };
    let elsewhere = Event { organization: OrganizationId::generate(rng), ..another(&a, rng) };
    for event in [a.clone(), another(&a, rng), b.clone(), elsewhere] {
        write(log, event).await.unwrap();
    }
    let all = everything(&a);
    let buckets: Vec<_> =
        usage.usage(&all).await.unwrap().iter().map(|row| (row.bucket, row.requests)).collect();
    assert_eq!(buckets, [(500, 2), (501, 1)]);

    let filters = [
        (Filter { projects: vec![b.project.clone()], ..Filter::default() }, 1),
        (Filter { projects: vec![b.project.clone(), a.project.clone()], ..Filter::default() }, 3),
        (Filter { users: a.user.clone().into_iter().collect(), ..Filter::default() }, 2),
        (Filter { api_keys: vec![b.api_key.clone()], ..Filter::default() }, 1),
        (Filter { models: vec!["other".to_owned(), "none".to_owned()], ..Filter::default() }, 1),
        (Filter { batch: Some(false), ..Filter::default() }, 2),
        (Filter { batch: Some(true), ..Filter::default() }, 1),
        (Filter { operations: Operation::GENERATION.to_vec(), ..Filter::default() }, 2),
        (Filter { operations: vec![Operation::Messages], ..Filter::default() }, 0),
        (Filter { batch: Some(true), projects: vec![a.project.clone()], ..Filter::default() }, 0),
        (Filter { models: vec!["' OR '1'='1".to_owned()], ..Filter::default() }, 0),
    ];
    for (filter, expected) in filters {
        let selection = Selection { filter: filter.clone(), ..all.clone() };
        let counted: i64 = usage.usage(&selection).await.unwrap().iter().map(|row| row.requests).sum();
        assert_eq!(counted, expected, "{filter:?}");
        let counted: i64 = usage.costs(&selection).await.unwrap().iter().map(|row| row.requests).sum();
        assert_eq!(counted, expected, "{filter:?}");
    }

    let group_by = vec![
        GroupBy::Project,
        GroupBy::User,
        GroupBy::ApiKey,
        GroupBy::Model,
        GroupBy::Batch,
        GroupBy::ServiceTier,
    ];
    let grouped = Selection { group_by, width: 24 * HOUR, ..all.clone() };
    let mut rows = usage.usage(&grouped).await.unwrap();
    rows.sort_by_key(|row| row.requests);
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.bucket == 20), "both are of the day that begins after 480 hours");
    // Days that begin elsewhere part them: one begins with the hour of the second call.
    let moved = Selection { origin: Timestamp(21 * HOUR), ..grouped.clone() };
    let mut parted: Vec<_> = usage.usage(&moved).await.unwrap().iter().map(|row| row.bucket).collect();
    parted.sort_unstable();
    assert_eq!(parted, [19, 20]);
    let [of_b, of_a] = [&rows[0].key, &rows[1].key];
    assert_eq!(of_b.project.as_deref(), Some(b.project.as_str()));
    assert_eq!(of_b.api_key.as_deref(), Some(b.api_key.as_str()));
    assert_eq!(of_b.model.as_deref(), Some("other"));
    assert_eq!((of_b.batch, &of_b.user, &of_b.service_tier), (Some(true), &None, &None));
    assert_eq!((of_a.batch, of_a.service_tier.as_deref()), (Some(false), Some("default")));
    assert_eq!(of_a.user.as_deref(), a.user.as_ref().map(UserId::as_str));
    assert_eq!((rows[0].embedding_tokens, rows[1].input_tokens), (11, 20));

    // From is inclusive and until is exclusive, to the millisecond.
    let edge = |from, until| Selection { from: Timestamp(from), until: Timestamp(until), ..all.clone() };
    assert_eq!(usage.usage(&edge(499 * HOUR, 501 * HOUR)).await.unwrap().len(), 1);
    assert_eq!(usage.usage(&edge(501 * HOUR, 501 * HOUR + 1)).await.unwrap().len(), 1);

    // Currencies stay apart.
    let whole = Selection { width: 24 * HOUR, ..all };
    let costs = usage.costs(&whole).await.unwrap();
    let sums: Vec<_> = costs.iter().map(|row| (row.currency.unwrap().to_string(), row.nanos)).collect();
    assert_eq!(sums, [("EUR".to_owned(), 5), ("USD".to_owned(), 2 * 1_234)]);
}

/// A sum that does not fit is an error and never a wrong figure.
pub async fn sums_never_wrap(log: &dyn Ledger, usage: &dyn UsageStore, rng: &dyn Rng) {
    let most = u64::try_from(i64::MAX).unwrap();
    let first = Event {
        units: Units::new().with(Unit::InputTokens, most),
        cost: Some(Money::new(i64::MAX, Currency::USD)),
        ..sample_event(rng)
    };
    let all = everything(&first);
    write(log, first.clone()).await.unwrap();
    assert_eq!(usage.usage(&all).await.unwrap()[0].input_tokens, i64::MAX);
    assert_eq!(usage.costs(&all).await.unwrap()[0].nanos, i64::MAX);
    write(log, another(&first, rng)).await.unwrap();
    assert!(usage.usage(&all).await.is_err());
    assert!(usage.costs(&all).await.is_err());
}

fn list(rng: &dyn Rng, deployment: &str, effective_at: i64, price: i64) -> PriceList {
    PriceList {
        deployment: deployment.into(),
        version: format!("price_{}", tenfold_kernel::base62(rng, 24)).into(),
        currency: Currency::USD,
        terms: Terms {
            prices: [(Unit::InputTokens, price.into()), (Unit::OutputTokens, i64::MAX.into())].into(),
            ..Terms::default()
        },
        effective_at: Timestamp(effective_at),
        created_at: Timestamp(1),
    }
}

/// All that a list can say.
fn every_term() -> Terms {
    let tiers = vec![Tier { up_to: Some(1_000), per_million: 7 }, Tier { up_to: None, per_million: 5 }];
    Terms {
        prices: [
            (Unit::InputTokens, Rate::Flat(1)),
            (Unit::OutputTokens, Rate::Graduated { graduated: tiers.clone() }),
            (Unit::CachedInputTokens, Rate::Volume { volume: tiers }),
            (Unit::Images, Rate::Package { size: 10, nanos: 3 }),
        ]
        .into(),
        variants: [("1024x1024/high".into(), [(Unit::Images, Rate::Flat(9))].into())].into(),
        discounts: Discounts {
            batch: Some(5_000),
            off_peak: vec![OffPeak {
                discount: 2_500,
                weekdays: vec![6, 7],
                from: 1_320,
                to: 360,
                time_zone: "Asia/Shanghai".to_owned(),
            }],
            service_tiers: [("flex".to_owned(), 5_000)].into(),
        },
    }
}

/// The list that counts is the latest in force, and of two of one moment the one put later.
pub async fn prices_come_into_force(book: &dyn PriceBook, rng: &dyn Rng) {
    let name = format!("priced-{}", tenfold_kernel::base62(rng, 12));
    let other = format!("{name}-2");
    assert_eq!(book.schedule(&name, Timestamp(1_000)).await.unwrap(), []);

    let now = list(rng, &name, 100, 1);
    let later = list(rng, &name, 200, 2);
    let corrected = list(rng, &name, 200, 3);
    let of_other = list(rng, &other, 100, 4);
    for list in [&later, &now, &corrected, &of_other] {
        book.put(list).await.unwrap();
    }
    let (now, corrected, of_other) = (Arc::new(now), Arc::new(corrected), Arc::new(of_other));
    let at = async |ms| book.schedule(&name, Timestamp(ms)).await.unwrap();
    assert_eq!(at(99).await, [now.clone(), corrected.clone()]);
    assert_eq!(at(100).await, [now.clone(), corrected.clone()]);
    assert_eq!(at(199).await, [now.clone(), corrected.clone()]);
    assert_eq!(at(200).await, std::slice::from_ref(&corrected));
    assert_eq!(book.schedule(&format!("{name}-"), Timestamp(200)).await.unwrap(), []);

    assert!(book.put(&now).await.is_err(), "a version is written once");

    // A list in another currency takes no other one's place, and is read as it was written.
    let yuan =
        Arc::new(PriceList { currency: Currency::CNY, terms: every_term(), ..list(rng, &name, 150, 5) });
    book.put(&yuan).await.unwrap();
    assert_eq!(at(199).await, [now.clone(), yuan.clone(), corrected.clone()]);
    assert_eq!(at(200).await, [yuan, corrected.clone()]);

    // Others may have lists too: only what follows this suite's own name is looked at.
    let before = &name[..name.len() - 1];
    let page = book.list(Timestamp(149), Some(before), 2).await.unwrap();
    assert_eq!(page, [now.clone(), of_other.clone()]);
    assert_eq!(book.list(Timestamp(149), Some(before), 1).await.unwrap(), [now]);
    assert_eq!(book.list(Timestamp(200), Some(&name), 1).await.unwrap(), std::slice::from_ref(&of_other));
    let none: Vec<_> = book.list(Timestamp(99), Some(before), 2).await.unwrap();
    assert!(!none.contains(&of_other), "a list that is not in force yet is not listed");
}

/// Limits that are set replace those that were, in one project and for one deployment.
pub async fn limits_are_set(store: &dyn LimitStore, rng: &dyn Rng) {
    let (project, other) = (ProjectId::generate(rng), ProjectId::generate(rng));
    assert_eq!(store.get(&project, "m").await.unwrap(), None);
    let some = |deployment: &str, limits| LimitOverride { deployment: deployment.to_owned(), limits };
    let first = some("m", RateLimits { requests_per_minute: Some(1), ..RateLimits::default() });
    let second = some(
        "m",
        RateLimits {
            tokens_per_minute: Some(0),
            concurrency: Some(7),
            images_per_minute: Some(3),
            requests_per_day: Some(9),
            requests_per_minute: None,
        },
    );
    let third = some("a", RateLimits::default());
    for limits in [&first, &second, &third] {
        store.put(&project, limits).await.unwrap();
    }
    assert_eq!(store.get(&project, "m").await.unwrap(), Some(second.clone()));
    assert_eq!(store.list(&project).await.unwrap(), [third, second]);
    assert_eq!(store.get(&other, "m").await.unwrap(), None);
    assert_eq!(store.list(&other).await.unwrap(), []);
}
