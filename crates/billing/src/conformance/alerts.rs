//! What alerts and the sweep of ended credit do on every store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{
    ApiKeyId, BoxError, Currency, Money, OrganizationId, ProjectId, Rng, Secret, Timestamp, Unit, Units,
};

use super::sample_event;
use crate::alert::{Channel, Notifier, SpendAlert, WebhookMessage};
use crate::billing::{Billing, SetPrices};
use crate::event::Event;
use crate::funds::{Grant, Mode, Profile, SpendLimit, SpendScope, SpendWindow};
use crate::ledger::{AccountId, AccountKind};
use crate::price::{Occasion, Terms};
use crate::reserve::{Demand, Payer, Reservation};

const USD: Currency = Currency::USD;

/// Keeps what it is told to send, and refuses as often as it was told to.
#[derive(Debug, Default)]
struct Postman {
    refusals: Mutex<u32>,
    sent: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl Notifier for Postman {
    async fn webhook(&self, message: WebhookMessage<'_>) -> Result<(), BoxError> {
        let mut refusals = self.refusals.lock();
        if *refusals > 0 {
            *refusals -= 1;
            return Err("not now".into());
        }
        self.sent.lock().push((message.id.to_owned(), message.body.to_owned()));
        Ok(())
    }

    async fn email(&self, _recipients: &[String], subject: &str, text: &str) -> Result<(), BoxError> {
        self.sent.lock().push((subject.to_owned(), text.to_owned()));
        Ok(())
    }
}

/// An organisation that calls a model of its own, at a nano-unit a token.
struct Customer<'a> {
    rng: &'a dyn Rng,
    organization: OrganizationId,
    project: ProjectId,
    model: Arc<str>,
}

impl<'a> Customer<'a> {
    async fn new(billing: &Billing, rng: &'a dyn Rng) -> Self {
        let organization = OrganizationId::generate(rng);
        let model: Arc<str> = format!("model-of-{organization}").into();
        let prices = SetPrices {
            deployment: Arc::clone(&model),
            currency: USD,
            terms: Terms { prices: [(Unit::InputTokens, 1_000_000.into())].into(), ..Terms::default() },
            effective_at: None,
        };
        billing.set_prices(prices).await.unwrap();
        Self { rng, organization, project: ProjectId::generate(rng), model }
    }

    async fn reserve(&self, billing: &Billing, tokens: u64) -> Reservation {
        let api_key = ApiKeyId::generate(self.rng);
        let payer =
            Payer { organization: &self.organization, project: &self.project, api_key: &api_key, user: None };
        let quote = billing.quote(&self.organization, &self.model, &Occasion::default()).await.unwrap();
        let demand = Demand { tokens, most: Units::new().with(Unit::InputTokens, tokens) };
        billing.reserve(payer, &self.model, &quote, &demand).await.unwrap()
    }

    async fn settle(&self, billing: &Billing, reservation: Reservation, nanos: i64) {
        let now = billing.ports.clock.now();
        let event = Event {
            created_at: now,
            completed_at: now,
            organization: self.organization.clone(),
            project: self.project.clone(),
            deployment: Arc::clone(&self.model),
            cost: Some(Money::new(nanos, USD)),
            ..sample_event(self.rng)
        };
        billing.settle(reservation, event).await.unwrap();
    }

    async fn spend(&self, billing: &Billing, nanos: u32) {
        let reservation = self.reserve(billing, nanos.into()).await;
        self.settle(billing, reservation, nanos.into()).await;
    }

    fn alert(&self, scope: SpendScope, nanos: i64) -> SpendAlert {
        SpendAlert {
            id: "".into(),
            organization: self.organization.clone(),
            scope,
            currency: USD,
            nanos,
            channel: Channel::Webhook { url: "https://hook.example/".into(), secret: Secret::new("") },
            created_at: Timestamp(0),
            fired_for: None,
        }
    }
}

/// Several processes look at the same moment, again and again, and while the receiver refuses: an alert arrives once for
/// its month, and once for the next.
pub async fn an_alert_is_sent_once_for_its_month_however_many_processes_look(
    processes: &[Billing],
    advance: &(dyn Fn(Duration) + Sync),
    rng: &dyn Rng,
) {
    let first = &processes[0];
    let customer = Customer::new(first, rng).await;
    let alert = first.set_alert(customer.alert(SpendScope::Organization, 100)).await.unwrap();
    let postman = Postman { refusals: Mutex::new(2), ..Postman::default() };
    let look = async || {
        let made = futures::future::join_all(processes.iter().map(Billing::alerts_due)).await;
        let made: u64 = made.into_iter().map(Result::unwrap).sum();
        let sent = futures::future::join_all(processes.iter().map(|one| one.deliver_due(&postman))).await;
        (made, sent.into_iter().map(Result::unwrap).sum::<u64>())
    };
    customer.spend(first, 99).await;
    assert_eq!(look().await, (0, 0), "the threshold is not reached");
    customer.spend(first, 1).await;
    assert_eq!(look().await, (1, 0), "one is made, and refused");
    assert_eq!(look().await, (0, 0), "a minute has not passed");
    advance(Duration::from_mins(1));
    assert_eq!(look().await, (0, 0), "it is refused again");
    advance(Duration::from_secs(299));
    assert_eq!(look().await, (0, 0), "five minutes have not passed");
    advance(Duration::from_secs(1));
    assert_eq!(look().await, (0, 1));
    customer.spend(first, 500).await;
    assert_eq!(look().await, (0, 0));
    let sent = postman.sent.lock().clone();
    let body: serde_json::Value = serde_json::from_str(&sent[0].1).unwrap();
    assert_eq!((sent.len(), body["id"].as_str()), (1, Some(&*sent[0].0)));
    assert_eq!(
        (body["data"]["alert_id"].as_str(), &body["data"]["spent_nanos"]),
        (Some(&*alert.id), &100.into())
    );

    advance(Duration::from_hours(40 * 24));
    assert_eq!(look().await, (0, 0), "the next month begins at nothing");
    customer.spend(first, 100).await;
    assert_eq!(look().await, (1, 1));
    let stranger = OrganizationId::generate(rng);
    assert!(!first.delete_alert(&stranger, &alert.id).await.unwrap());
    assert!(first.delete_alert(&customer.organization, &alert.id).await.unwrap());
}

/// Nobody takes a delivery after its last attempt.
pub async fn a_delivery_that_nobody_takes_is_given_up(
    billing: &Billing,
    advance: &(dyn Fn(Duration) + Sync),
    rng: &dyn Rng,
) {
    let customer = Customer::new(billing, rng).await;
    let alert = billing.set_alert(customer.alert(SpendScope::Organization, 1)).await.unwrap();
    customer.spend(billing, 1).await;
    let postman = Postman { refusals: Mutex::new(100), ..Postman::default() };
    billing.alerts_due().await.unwrap();
    for _ in 0..10 {
        billing.deliver_due(&postman).await.unwrap();
        advance(Duration::from_hours(24));
    }
    assert_eq!(*postman.refusals.lock(), 100 - 7, "seven attempts");
    billing.delete_alert(&customer.organization, &alert.id).await.unwrap();
}

/// An alert and a limit of the same scope read one counter; it counts while either is there.
pub async fn an_alert_counts_what_limits_count(billing: &Billing, rng: &dyn Rng) {
    let customer = Customer::new(billing, rng).await;
    let (org, scope) = (&customer.organization, SpendScope::Project(customer.project.clone()));
    let limit = SpendLimit {
        id: "".into(),
        scope: scope.clone(),
        window: SpendWindow::Month,
        currency: USD,
        nanos: 1_000,
        is_hard: true,
        created_at: Timestamp(0),
    };
    let spent = async || billing.spent(org, &limit).await.unwrap();
    let alert = billing.set_alert(customer.alert(scope.clone(), 10)).await.unwrap();
    billing.set_alert(customer.alert(scope.clone(), 20)).await.unwrap();
    customer.spend(billing, 7).await;
    assert_eq!(spent().await, (7, 0), "two alerts count a call once");
    let kept = billing.set_spend_limit(org, limit.clone()).await.unwrap();
    customer.spend(billing, 5).await;
    assert_eq!(spent().await, (12, 0), "a limit with alerts counts it once");
    assert!(billing.delete_spend_limit(org, &kept.id).await.unwrap());
    assert!(billing.delete_alert(org, &alert.id).await.unwrap());
    customer.spend(billing, 3).await;
    assert_eq!(spent().await, (15, 0), "the alert that is left counts on");
}

/// What is left of an ended grant is taken back once; what a running call holds of it stays until the call has ended.
pub async fn credit_that_was_not_used_in_time_is_gone_and_what_is_held_is_not(
    processes: &[Billing],
    advance: &(dyn Fn(Duration) + Sync),
    rng: &dyn Rng,
) {
    let billing = &processes[0];
    let customer = Customer::new(billing, rng).await;
    let org = &customer.organization;
    billing.set_profile(org, &Profile { mode: Mode::Prepaid, ..Profile::default() }).await.unwrap();
    let now = billing.ports.clock.now();
    let ids: [Arc<str>; 3] = ["a", "b", "c"].map(|name| format!("grant_{name}_{org}").into());
    let ends = [Some(1_000), Some(2_000), None];
    for (id, end) in ids.iter().zip(ends) {
        let grant = Grant {
            id: Arc::clone(id),
            organization: org.clone(),
            currency: USD,
            nanos: 100,
            expires_at: end.map(|ms| Timestamp(now.0 + ms)),
            created_at: now,
        };
        billing.grant(&grant, format!("given:{id}").into(), None).await.unwrap();
    }
    let left = async || {
        let all = billing.accounts(org).await.unwrap();
        let of = |id: &Arc<str>| AccountId::new(org, &AccountKind::Promotion(Arc::clone(id)), USD);
        let balance = |id| all.iter().find(|(one, _)| *one == of(id)).map(|(_, account)| account.balance);
        ids.each_ref().map(|id| balance(id).unwrap())
    };
    let sweep = async || {
        let closed = futures::future::join_all(processes.iter().map(Billing::expire_grants)).await;
        closed.into_iter().map(Result::unwrap).sum::<u64>()
    };
    let running = customer.reserve(billing, 30).await;
    assert_eq!(sweep().await, 0, "none has ended");
    advance(Duration::from_secs(5));
    assert_eq!((sweep().await, left().await), (1, [100, 0, 100]), "the first is held in part");
    customer.settle(billing, running, 20).await;
    assert_eq!(left().await, [80, 0, 100]);
    assert_eq!((sweep().await, left().await), (1, [0, 0, 100]));
    assert_eq!(sweep().await, 0);
    let entered = billing.transaction(org, &format!("expiry:{}", ids[0])).await.unwrap();
    assert_eq!(entered.iter().map(|entry| entry.money.nanos).collect::<Vec<_>>(), [80]);
    assert_eq!(billing.verify().await.unwrap().faults, Vec::<String>::new());
}
