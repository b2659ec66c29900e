//! Statements of random calls, against sums that are made call by call.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use tenfold_billing::invoice::{Statement, StatementQuery, Totals};
use tenfold_billing::ledger::{AccountId, AccountKind, Settle, Source};
use tenfold_billing::memory::{
    MemoryAlerts, MemoryFunds, MemoryInvoices, MemoryLedger, MemoryLimits, MemoryPlans, MemoryPrices,
};
use tenfold_billing::{Billing, Config, Event, Labels, Mode, Ports, Profile, conformance, zone};
use tenfold_kernel::{Currency, MockClock, Money, OrganizationId, ProjectId, SeededRng, Timestamp};

const USD: Currency = Currency::USD;
const HOUR: i64 = 3_600_000;

/// A call: its project, its model, its labels, what it costs, and when it ended, in milliseconds since 2026-10-01 in UTC.
type Call = (usize, usize, Vec<(String, String)>, i64, i64);

/// A time zone and how many minutes it is ahead of UTC in October 2026.
const ZONES: [(&str, i64); 5] = [
    ("UTC", 0),
    ("Asia/Shanghai", 480),
    ("Asia/Kolkata", 330),
    ("Asia/Kathmandu", 345),
    ("America/Argentina/Buenos_Aires", -180),
];

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let label = (
        prop_oneof![Just("team"), Just("trace"), Just("Team")],
        prop_oneof![Just("red"), Just("蓝"), Just(""), Just("a\"b;=\\")],
    );
    let label = label.prop_map(|(name, value)| (name.to_owned(), value.to_owned()));
    let within = 0..31 * 24 * HOUR;
    // Many at the ends of months, to the millisecond and by the quarter of an hour.
    let ends = prop_oneof![Just(0), Just(31 * 24 * HOUR)];
    let near = (ends, -60_i64..60, -1_i64..=1).prop_map(|(end, quarters, ms)| end + quarters * 900_000 + ms);
    let moment = prop_oneof![2 => within, 3 => near];
    let nanos = prop_oneof![Just(0), 1_i64..10_000_000, 1_i64..10_000_000_000_000];
    let call = (0_usize..3, 0_usize..2, proptest::collection::vec(label, 0..3), nanos, moment);
    proptest::collection::vec(call, 0..40)
}

struct World {
    billing: Billing,
    ledger: Arc<MemoryLedger>,
    organization: OrganizationId,
}

fn world() -> World {
    // Noon of 2026-11-25 in UTC.
    let clock = Arc::new(MockClock::new(Timestamp(1_795_608_000_000)));
    let ledger = Arc::new(MemoryLedger::default());
    let ports = Ports {
        ledger: ledger.clone(),
        reader: ledger.clone(),
        funds: Arc::new(MemoryFunds::default()),
        plans: Arc::new(MemoryPlans::default()),
        alerts: Arc::new(MemoryAlerts::default()),
        invoices: Arc::new(MemoryInvoices::new(ledger.clone())),
        usage: ledger.clone(),
        prices: Arc::new(MemoryPrices::default()),
        limits: Arc::new(MemoryLimits::default()),
        clock,
        rng: Arc::new(SeededRng::new(3)),
    };
    let organization = OrganizationId::parse("org_1").unwrap();
    World { billing: Billing::new(ports, Config::default()), ledger, organization }
}

fn project(index: usize) -> ProjectId {
    ProjectId::parse(&format!("proj_{index}")).unwrap()
}

/// What lines are told apart by: the label's value, the project and the model.
type Key = (Option<String>, String, String);

/// Adds up the exact amounts of lines; each of which is there once.
fn told(statement: &Statement, label: Option<&str>) -> BTreeMap<Key, i128> {
    let mut sums = BTreeMap::new();
    for line in &statement.lines {
        let value = label.and_then(|name| line.tags.get(name)).cloned();
        assert_eq!(line.tags.len(), usize::from(value.is_some()));
        let key = (value, line.project.clone().unwrap(), line.model.clone().unwrap());
        assert!(sums.insert(key, line.amount).is_none(), "{line:?}");
    }
    sums
}

async fn check(calls: Vec<Call>, (zone_name, ahead): (&str, i64)) {
    let world = world();
    let mode = Mode::Postpaid { credit_limit: None };
    let profile = Profile { mode, zone: zone(zone_name).unwrap(), currency: None };
    world.billing.set_profile(&world.organization, &profile).await.unwrap();
    let rng = SeededRng::new(5);
    let owed = AccountId::new(&world.organization, &AccountKind::Receivable, USD);
    // 2026-10-01 in UTC.
    let october = 1_790_812_800_000;
    let month = october - ahead * 60_000..october - ahead * 60_000 + 31 * 24 * HOUR;
    let mut by_project: BTreeMap<Key, i128> = BTreeMap::new();
    let mut by_label: BTreeMap<Key, i128> = BTreeMap::new();
    for (of, model, labels, nanos, offset) in calls {
        let ended = Timestamp(october + offset);
        let labels = Labels::new(labels.into_iter().collect()).unwrap();
        let (of, model) = (project(of), format!("m{model}"));
        if month.contains(&ended.0) && nanos > 0 {
            let team = labels.get("team").map(str::to_owned);
            let key = (of.to_string(), model.clone());
            *by_project.entry((None, key.0.clone(), key.1.clone())).or_default() += i128::from(nanos);
            *by_label.entry((team, key.0, key.1)).or_default() += i128::from(nanos);
        }
        let event = Event {
            organization: world.organization.clone(),
            project: of,
            deployment: model.as_str().into(),
            labels,
            cost: Some(Money::new(nanos, USD)),
            // It belongs to where it ended, wherever it began.
            created_at: Timestamp(ended.0 - 2 * HOUR),
            completed_at: ended,
            ..conformance::sample_event(&rng)
        };
        let settle = Settle { event, hold: None, sources: vec![Source::unbounded(owed.clone())] };
        tenfold_billing::Ledger::settle(&*world.ledger, settle).await.unwrap();
    }

    let query = |of: Option<usize>, label: Option<&str>| StatementQuery {
        organization: world.organization.clone(),
        month: "2026-10".to_owned(),
        currency: USD,
        project: of.map(project),
        label: label.map(str::to_owned),
    };
    let statement = async |of, label| world.billing.statement(&query(of, label)).await.unwrap();
    let whole = statement(None, None).await;
    assert_eq!((whole.period_start.0, whole.period_end.0), (month.start, month.end));
    assert_eq!(told(&whole, None), by_project);
    assert_eq!(told(&statement(None, Some("team")).await, Some("team")), by_label);

    let (mut exact, mut printed) = (0, 0);
    for of in 0..3 {
        let one = statement(Some(of), None).await;
        exact += one.lines.iter().map(|line| line.amount).sum::<i128>();
        printed += Totals::of(&one).unwrap().subtotal;
        let labelled = statement(Some(of), Some("team")).await;
        let of_it = |key: &Key| key.1 == project(of).as_str();
        let expected = by_label.iter().filter(|(key, _)| of_it(key)).map(|(k, v)| (k.clone(), *v)).collect();
        assert_eq!(told(&labelled, Some("team")), expected);
    }
    assert_eq!(exact, by_project.values().sum::<i128>());
    assert_eq!(printed, Totals::of(&whole).unwrap().subtotal, "what is printed adds up too");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn statements_add_up_to_what_calls_cost_by_project_and_by_label(calls in calls(), zone in 0..ZONES.len()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(calls, ZONES[zone]));
    }
}
