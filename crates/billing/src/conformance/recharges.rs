//! How balances are recharged and invoices are paid through a provider, over every store. Each suite is given a till of
//! several processes that share a store and a clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{Currency, MockClock, Money, OrganizationId, Rng};

use crate::billing::Billing;
use crate::checkout::{
    Acknowledgement, AutoRecharge, Charged, Checkout, CheckoutConfig, GatewayOrder, NewCheckout,
    Notification, OrderNews, Ordered, PaymentEvent, PaymentGateway, PaymentOrder, PaymentStatus,
    PaymentStore, Prompt, RechargeStatus, RechargeStore, RefundExtent, SavedCharge, SetRecharge, Verified,
};
use crate::error::BillingError;
use crate::funds::{Mode, Profile};
use crate::ledger::{AccountId, AccountKind, EntryKind, Move, Post, Source};

const USD: Currency = Currency::USD;
/// One of the currency.
const ONE: i64 = 1_000_000_000;

/// What a provider does when it is asked to charge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// It charges and says so.
    #[default]
    Pays,
    /// It charges, and its answer gets lost.
    LosesItsAnswer,
    /// It does nothing and fails.
    IsDown,
    /// It refuses.
    Refuses,
    /// It says that it will tell.
    Processes,
}

/// A provider that does what it is told, and keeps the rule that one order is charged once.
#[derive(Debug, Default)]
pub struct ScriptedGateway {
    state: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    manner: Manner,
    charged: BTreeMap<Arc<str>, Money>,
    asked: usize,
    told: Option<Verified>,
}

#[async_trait]
impl PaymentGateway for ScriptedGateway {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn create_order(&self, order: &GatewayOrder) -> Result<(Option<String>, Prompt), BillingError> {
        Ok((None, Prompt::Redirect(format!("https://pay.example/{}", order.id))))
    }

    async fn charge(&self, charge: &SavedCharge) -> Result<Charged, BillingError> {
        assert_eq!(&*charge.method, "cus_1:pm_1");
        let mut state = self.state.lock();
        state.asked += 1;
        let provider_order_id = format!("pi_{}", charge.id);
        let lost = || BillingError::Provider { provider: "scripted", source: "no answer".into() };
        match state.manner {
            Manner::IsDown => Err(lost()),
            // What it did before, it says again.
            _ if state.charged.contains_key(&charge.id) => Ok(Charged::Paid { provider_order_id }),
            Manner::Refuses => Ok(Charged::Refused { code: Some("card_declined".to_owned()) }),
            Manner::Processes => Ok(Charged::Processing { provider_order_id }),
            Manner::Pays | Manner::LosesItsAnswer => {
                state.charged.insert(Arc::clone(&charge.id), charge.money);
                let is_lost = state.manner == Manner::LosesItsAnswer;
                if is_lost { Err(lost()) } else { Ok(Charged::Paid { provider_order_id }) }
            }
        }
    }

    async fn verify(&self, _: &Notification) -> Result<Verified, BillingError> {
        let forged = || BillingError::Disbelieved { provider: "scripted", source: "nobody said that".into() };
        self.state.lock().told.clone().ok_or_else(forged)
    }

    fn acknowledge(&self, dealt_with: bool) -> Acknowledgement {
        Acknowledgement { status: if dealt_with { 200 } else { 500 }, content_type: "text/plain", body: "" }
    }
}

/// Several processes that take money, and the provider that it comes through.
#[derive(Debug)]
pub struct Till<'a> {
    processes: Vec<(Arc<Billing>, Checkout)>,
    gateway: Arc<ScriptedGateway>,
    clock: &'a MockClock,
    rng: &'a dyn Rng,
}

/// Where a process keeps what it does.
pub type TillStores = (Arc<Billing>, Arc<dyn PaymentStore>, Arc<dyn RechargeStore>);

impl<'a> Till<'a> {
    /// A till of a process for each of `stores`.
    pub fn new(stores: Vec<TillStores>, clock: &'a MockClock, rng: &'a dyn Rng) -> Self {
        let gateway = Arc::new(ScriptedGateway::default());
        let process = |(billing, orders, recharges): TillStores| {
            let config = CheckoutConfig {
                public_url: "https://us.example".to_owned(),
                lifetime: Duration::from_hours(1),
                subject: "Balance".to_owned(),
            };
            let gateways: Vec<Arc<dyn PaymentGateway>> = vec![gateway.clone()];
            (Arc::clone(&billing), Checkout::new(billing, orders, recharges, gateways, config))
        };
        Self { processes: stores.into_iter().map(process).collect(), gateway, clock, rng }
    }

    fn billing(&self) -> &Billing {
        &self.processes[0].0
    }

    fn checkout(&self) -> &Checkout {
        &self.processes[0].1
    }

    /// What the provider does from now on.
    fn behave(&self, manner: Manner) {
        self.gateway.state.lock().manner = manner;
    }

    /// What the provider charged, ever, and how often it was asked.
    fn charged(&self) -> (i64, usize) {
        let state = self.gateway.state.lock();
        (state.charged.values().map(|money| money.nanos).sum(), state.asked)
    }

    /// All processes look at the same time, more than once.
    async fn look(&self) {
        for _ in 0..3 {
            let all = self.processes.iter().map(|(_, checkout)| checkout.recharge_due());
            for done in futures::future::join_all(all).await {
                done.unwrap();
            }
        }
    }

    /// The provider tells news of an order; whether it was dealt with.
    async fn tell(
        &self,
        order: &PaymentOrder,
        event: &str,
        what: PaymentEvent,
        method: Option<&str>,
    ) -> bool {
        let news = OrderNews {
            order_id: order.id.to_string(),
            provider_order_id: "pi_told".to_owned(),
            money: order.money,
            what,
            saved_method: method.map(str::to_owned),
        };
        let event_id = format!("{event}:{}", order.id);
        self.gateway.state.lock().told = Some(Verified { event_id, news: Some(news) });
        let note = Notification {
            headers: Vec::new(),
            body: Vec::new(),
            received_at: tenfold_kernel::Clock::now(self.clock),
        };
        let all = self.processes.iter().map(|(_, checkout)| checkout.notify("scripted", &note));
        let answers = futures::future::join_all(all).await;
        answers.iter().all(|answer| answer.is_some_and(|answer| answer.status == 200))
    }

    /// An organisation that pays in advance and has let us keep a way to pay, with nothing on its balance.
    async fn payer(&self) -> Payer<'_> {
        let organization = OrganizationId::generate(self.rng);
        let zone = crate::funds::zone("Asia/Kolkata").unwrap();
        let profile = Profile { mode: Mode::Prepaid, zone, currency: None };
        self.billing().set_profile(&organization, &profile).await.unwrap();
        let payer = Payer { till: self, organization };
        let order = payer.order(Ordered::TopUp(Money::new(ONE, USD)), true).await;
        assert!(self.tell(&order, "paid", PaymentEvent::Paid, Some("cus_1:pm_1")).await);
        payer.spend(ONE).await;
        payer
    }
}

struct Payer<'a> {
    till: &'a Till<'a>,
    organization: OrganizationId,
}

impl Payer<'_> {
    async fn order(&self, ordered: Ordered, save_method: bool) -> PaymentOrder {
        let (provider, return_url) = ("scripted".to_owned(), "https://us.example".to_owned());
        let new = NewCheckout { provider, ordered, return_url, save_method };
        self.till.checkout().create(&self.organization, new).await.unwrap().0
    }

    /// Recharges 20 when less than 5 are left.
    async fn recharge(&self, monthly_limit: Option<i64>) -> Result<AutoRecharge, BillingError> {
        let methods = self.till.checkout().payment_methods(&self.organization).await?;
        let set = SetRecharge {
            method: methods[0].id.to_string(),
            money: Money::new(20 * ONE, USD),
            threshold: 5 * ONE,
            monthly_limit,
        };
        self.till.checkout().set_recharge(&self.organization, set).await
    }

    async fn state(&self) -> AutoRecharge {
        self.till.checkout().auto_recharge(&self.organization).await.unwrap().unwrap()
    }

    async fn balance(&self, kind: AccountKind) -> i64 {
        let id = AccountId::new(&self.organization, &kind, USD);
        let accounts = self.till.billing().accounts(&self.organization).await.unwrap();
        accounts.into_iter().find(|(known, _)| *known == id).map_or(0, |(_, account)| account.balance)
    }

    async fn paid(&self) -> i64 {
        self.balance(AccountKind::Balance).await
    }

    async fn orders(&self) -> Vec<PaymentOrder> {
        self.till.checkout().orders(&self.organization, None, 100).await.unwrap()
    }

    /// Takes so much from the balance.
    async fn spend(&self, nanos: i64) {
        let account = |kind| AccountId::new(&self.organization, &kind, USD);
        let post = Post {
            transaction: format!("spent:{}", tenfold_kernel::base62(self.till.rng, 24)).into(),
            kind: EntryKind::Subscription,
            organization: self.organization.clone(),
            project: None,
            currency: USD,
            moves: vec![Move {
                from: vec![Source::funds(account(AccountKind::Balance))],
                to: account(AccountKind::Revenue),
                nanos,
            }],
            reverses: None,
            memo: Some("spent".to_owned()),
            now: tenfold_kernel::Clock::now(self.till.clock),
        };
        self.till.billing().post(post).await.unwrap();
    }
}

/// Each time too little is left it is charged once, however many processes look, and not while enough is left.
pub async fn a_shortfall_is_charged_once(till: &Till<'_>) {
    let payer = till.payer().await;
    let (before, _) = till.charged();
    till.look().await;
    assert_eq!((till.charged().0, payer.paid().await), (before, 0), "nobody asked for it");
    assert_eq!(payer.recharge(None).await.unwrap().status, RechargeStatus::On);
    for round in 1..=3 {
        till.look().await;
        assert_eq!((till.charged().0 - before, payer.paid().await), (round * 20 * ONE, 20 * ONE));
        // Exactly the threshold is enough.
        payer.spend(15 * ONE).await;
        till.look().await;
        assert_eq!(payer.paid().await, 5 * ONE);
        payer.spend(5 * ONE).await;
    }
    let orders = payer.orders().await;
    assert_eq!(orders.iter().filter(|order| order.purpose.as_str() == "auto_recharge").count(), 3);
    assert!(orders.iter().all(|order| order.status == PaymentStatus::Paid));
    let state = payer.state().await;
    assert_eq!((state.charged, state.order, state.failures), (60 * ONE, None, 0));
    // What the provider tells beside its answer changes nothing.
    for _ in 0..3 {
        assert!(till.tell(&orders[0], "paid", PaymentEvent::Paid, None).await);
    }
    assert_eq!(payer.paid().await, 0);
    payer.till.checkout().stop_recharging(&payer.organization).await.unwrap();
    till.look().await;
    assert_eq!(payer.paid().await, 0, "it is off");
    assert_eq!(till.billing().verify().await.unwrap().faults, Vec::<String>::new());
}

/// A provider whose answer got lost is asked again for the same order, which it charges once.
pub async fn a_charge_whose_answer_was_lost_is_made_once(till: &Till<'_>) {
    let payer = till.payer().await;
    let (before, asked) = till.charged();
    payer.recharge(None).await.unwrap();
    till.behave(Manner::LosesItsAnswer);
    till.processes[0].1.recharge_due().await.unwrap();
    assert_eq!(till.charged(), (before + 20 * ONE, asked + 1));
    assert_eq!(payer.paid().await, 0, "nobody knows yet");
    till.behave(Manner::IsDown);
    till.clock.advance(Duration::from_mins(1));
    till.look().await;
    assert_eq!((till.charged().0, payer.paid().await), (before + 20 * ONE, 0));
    till.behave(Manner::Pays);
    till.look().await;
    assert_eq!((till.charged().0, payer.paid().await), (before + 20 * ONE, 20 * ONE));

    // One that never answers is given up after a day, and what comes later is entered all the same.
    payer.spend(20 * ONE).await;
    till.behave(Manner::IsDown);
    till.look().await;
    let lost = payer.state().await.order.unwrap();
    till.clock.advance(Duration::from_hours(24));
    till.look().await;
    let state = payer.state().await;
    assert_eq!((state.failures, state.failure.as_deref(), state.order), (1, Some("no_answer"), None));
    let order = till.checkout().order(&payer.organization, &lost.order).await.unwrap().unwrap();
    assert_eq!(order.status, PaymentStatus::Expired);
    assert!(till.tell(&order, "paid", PaymentEvent::Paid, None).await);
    assert_eq!(payer.paid().await, 20 * ONE);
    till.behave(Manner::Pays);
}

/// A charge that fails is made again later, and no more after the third.
pub async fn charges_that_fail_are_made_again_and_then_no_more(till: &Till<'_>) {
    let payer = till.payer().await;
    payer.recharge(Some(30 * ONE)).await.unwrap();
    // Whoever dies between noting that an order failed and counting that leaves its reason.
    till.behave(Manner::IsDown);
    till.look().await;
    let under_way = payer.state().await.order.unwrap();
    let order = till.checkout().order(&payer.organization, &under_way.order).await.unwrap().unwrap();
    let failed = PaymentOrder { status: PaymentStatus::Failed, failure: Some("stolen_card".into()), ..order };
    assert!(till.checkout().store.update(&failed).await.unwrap());
    till.look().await;
    let state = payer.state().await;
    assert_eq!((state.failures, state.failure.as_deref()), (1, Some("stolen_card")));

    payer.recharge(Some(30 * ONE)).await.unwrap();
    till.behave(Manner::Refuses);
    for (failures, wait) in [(1, Duration::from_mins(1)), (2, Duration::from_hours(1)), (3, Duration::ZERO)] {
        till.look().await;
        let state = payer.state().await;
        assert_eq!((state.failures, state.failure.as_deref()), (failures, Some("card_declined")));
        assert_eq!(state.charged, 0, "what failed was not charged");
        let paused = if failures == 3 { RechargeStatus::Paused } else { RechargeStatus::On };
        assert_eq!(state.status, paused);
        till.clock.advance(wait);
    }
    till.behave(Manner::Pays);
    till.clock.advance(Duration::from_hours(48));
    till.look().await;
    assert_eq!(payer.paid().await, 0, "it is paused");
    payer.recharge(Some(30 * ONE)).await.unwrap();
    till.look().await;
    let state = payer.state().await;
    assert_eq!((payer.paid().await, state.failures, state.failure), (20 * ONE, 0, None));

    // A way to pay that is forgotten charges nothing.
    payer.spend(20 * ONE).await;
    let method = till.checkout().payment_methods(&payer.organization).await.unwrap().remove(0);
    assert!(till.checkout().forget_method(&payer.organization, &method.id).await.unwrap());
    assert_eq!(payer.state().await.status, RechargeStatus::Off);
    till.look().await;
    assert_eq!(payer.paid().await, 0);
}

/// In a month of the organisation's time zone no more is charged than its limit.
pub async fn a_month_is_charged_no_more_than_its_limit(till: &Till<'_>) {
    let payer = till.payer().await;
    payer.recharge(Some(50 * ONE)).await.unwrap();
    for charged in [20, 40, 40] {
        till.look().await;
        assert_eq!(payer.state().await.charged, charged * ONE);
        let paid = payer.paid().await;
        payer.spend(paid).await;
    }
    // Setting it again does not begin the month anew.
    payer.recharge(Some(50 * ONE)).await.unwrap();
    till.look().await;
    assert_eq!((payer.paid().await, payer.state().await.charged), (0, 40 * ONE));
    till.clock.advance(Duration::from_hours(24 * 31));
    till.look().await;
    assert_eq!((payer.paid().await, payer.state().await.charged), (20 * ONE, 20 * ONE));
    for (field, set) in [
        ("amount", SetRecharge { money: Money::new(0, USD), ..good(&payer).await }),
        ("threshold", SetRecharge { threshold: -1, ..good(&payer).await }),
        ("monthly_limit", SetRecharge { monthly_limit: Some(20 * ONE - 1), ..good(&payer).await }),
        ("payment_method", SetRecharge { method: "pay_method_of_nobody".to_owned(), ..good(&payer).await }),
    ] {
        let refused = till.checkout().set_recharge(&payer.organization, set).await.unwrap_err();
        assert!(matches!(refused, BillingError::InvalidCheckout { field: at, .. } if at == field), "{field}");
    }
}

async fn good(payer: &Payer<'_>) -> SetRecharge {
    let methods = payer.till.checkout().payment_methods(&payer.organization).await.unwrap();
    SetRecharge {
        method: methods[0].id.to_string(),
        money: Money::new(20 * ONE, USD),
        threshold: 5 * ONE,
        monthly_limit: None,
    }
}

/// A payment that takes days is waited for, and told in the end.
pub async fn a_payment_that_takes_days_is_waited_for(till: &Till<'_>) {
    let payer = till.payer().await;
    payer.recharge(None).await.unwrap();
    till.behave(Manner::Processes);
    till.look().await;
    let (charged, asked) = till.charged();
    till.clock.advance(Duration::from_hours(72));
    till.look().await;
    assert_eq!((till.charged(), payer.paid().await), ((charged, asked), 0), "it is not asked again");
    let under_way = payer.state().await.order.unwrap();
    let order = till.checkout().order(&payer.organization, &under_way.order).await.unwrap().unwrap();
    assert!(till.tell(&order, "failed", PaymentEvent::Failed, None).await);
    till.look().await;
    assert_eq!(payer.state().await.failures, 1);
    till.clock.advance(Duration::from_mins(1));
    till.look().await;
    let under_way = payer.state().await.order.unwrap();
    let order = till.checkout().order(&payer.organization, &under_way.order).await.unwrap().unwrap();
    assert!(till.tell(&order, "paid", PaymentEvent::Paid, None).await);
    till.behave(Manner::Pays);
    till.look().await;
    assert_eq!((payer.paid().await, payer.state().await.order), (20 * ONE, None));
}

/// An invoice is paid once, whoever pays it first; what comes beside goes to the balance; what goes back is owed again.
pub async fn an_invoice_is_paid_once_and_owed_again_when_the_money_goes_back(till: &Till<'_>) {
    let billing = till.billing();
    let organization = OrganizationId::generate(till.rng);
    let payer = Payer { till, organization };
    // A plan of 20, owed in the month that is over afterwards.
    let plan = crate::plan::Plan {
        id: "".into(),
        issuer: payer.organization.clone(),
        name: "team".to_owned(),
        currency: USD,
        nanos: 20 * ONE,
        period: crate::plan::Period::Year,
        allowances: Vec::new(),
        overage: crate::plan::Overage::Pay,
        is_archived: false,
        created_at: tenfold_kernel::Timestamp(0),
    };
    let plan = billing.make_plan(plan).await.unwrap();
    billing.subscribe(&payer.organization, &payer.organization, &plan.id).await.unwrap();
    till.clock.advance(Duration::from_hours(24 * 32));
    billing.close_due().await.unwrap();
    let invoice = billing.invoices(&payer.organization, None, 1).await.unwrap().remove(0);
    let due = async || billing.due(&invoice).await.unwrap();
    assert_eq!(due().await, 20 * ONE);

    let order = || payer.order(Ordered::Invoice(invoice.id.to_string()), false);
    let (first, second) = (order().await, order().await);
    assert_eq!((first.money.nanos, first.purpose.to_text()), (20 * ONE, format!("invoice:{}", invoice.id)));
    for _ in 0..3 {
        assert!(till.tell(&first, "paid", PaymentEvent::Paid, None).await);
    }
    assert_eq!((due().await, payer.paid().await), (0, 0));
    assert_eq!(payer.balance(AccountKind::Receivable).await, 0);
    // It was paid twice: the second time it is on the balance.
    for _ in 0..3 {
        assert!(till.tell(&second, "paid", PaymentEvent::Paid, None).await);
    }
    assert_eq!((due().await, payer.paid().await), (0, 20 * ONE));
    // By hand nothing is to be paid any more.
    billing.pay_invoice(&payer.organization, &invoice.id, None).await.unwrap().unwrap();
    let nothing_owed = NewCheckout {
        provider: "scripted".to_owned(),
        ordered: Ordered::Invoice(invoice.id.to_string()),
        return_url: "https://us.example".to_owned(),
        save_method: false,
    };
    let refused = till.checkout().create(&payer.organization, nothing_owed).await.unwrap_err();
    assert!(matches!(refused, BillingError::InvalidCheckout { field: "invoice", .. }));

    // A refund of the second takes from the balance; a part of the first is owed again, and can be paid again.
    let back = |nanos| PaymentEvent::Refunded { money: Money::new(nanos, USD), extent: RefundExtent::Single };
    assert!(till.tell(&second, "r1", back(5 * ONE), None).await);
    assert_eq!((due().await, payer.paid().await), (0, 15 * ONE));
    for _ in 0..2 {
        assert!(till.tell(&first, "r2", back(8 * ONE), None).await);
    }
    assert!(till.tell(&first, "r3", back(4 * ONE), None).await);
    assert_eq!((due().await, payer.paid().await), (12 * ONE, 15 * ONE));
    assert_eq!(payer.balance(AccountKind::Receivable).await, -12 * ONE);
    let third = order().await;
    assert_eq!(third.money.nanos, 12 * ONE);
    let all = till.processes.iter().map(|(one, _)| one.pay_invoice(&payer.organization, &invoice.id, None));
    for done in futures::future::join_all(all).await {
        done.unwrap().unwrap();
    }
    assert_eq!((due().await, payer.balance(AccountKind::Receivable).await), (0, 0));
    assert!(till.tell(&third, "paid", PaymentEvent::Paid, None).await);
    assert_eq!(payer.paid().await, 27 * ONE);
    // A payment that was undone by hand is owed as well.
    let undo = format!("invoice:{}:payment:2", invoice.id);
    billing.reverse(&payer.organization, &undo, EntryKind::Reversal, None).await.unwrap();
    assert_eq!(due().await, 12 * ONE);
    assert_eq!(billing.verify().await.unwrap().faults, Vec::<String>::new());
}
