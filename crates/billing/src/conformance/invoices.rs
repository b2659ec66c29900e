//! What invoices are, over every store. Each suite is given one service for each process, which share a store and a clock.

use std::sync::Arc;

use tenfold_kernel::{
    ApiKeyId, Clock as _, Currency, MockClock, Money, OrganizationId, ProjectId, Rng, Timestamp, Unit, Units,
};

use crate::billing::{Billing, SetPrices};
use crate::event::{Event, Labels};
use crate::funds::{Mode, Profile, TopUp};
use crate::invoice::{Invoice, InvoiceDetails, Kind, Scheme, Totals};
use crate::ledger::{AccountId, AccountKind};
use crate::price::{Occasion, Terms};
use crate::reserve::{Demand, Payer};

const USD: Currency = Currency::USD;

/// An organisation of a zone half an hour off, with a model at a nano-unit a token.
pub(super) struct Customer<'a> {
    billing: &'a Billing,
    clock: &'a MockClock,
    rng: &'a dyn Rng,
    pub(super) organization: OrganizationId,
    pub(super) projects: [ProjectId; 2],
    model: Arc<str>,
}

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

impl<'a> Customer<'a> {
    pub(super) async fn new(
        billing: &'a Billing,
        clock: &'a MockClock,
        rng: &'a dyn Rng,
        mode: Mode,
    ) -> Self {
        let organization = OrganizationId::generate(rng);
        let zone = crate::funds::zone("Asia/Kolkata").unwrap();
        billing.set_profile(&organization, &Profile { mode, zone, currency: None }).await.unwrap();
        let details = InvoiceDetails { tax_rate: 60_000, due_days: 30, ..InvoiceDetails::default() };
        billing.set_invoice_details(&organization, &details).await.unwrap();
        let model: Arc<str> = format!("model-{}", tenfold_kernel::base62(rng, 8)).into();
        let terms = Terms { prices: [(Unit::InputTokens, 1_000_000.into())].into(), ..Terms::default() };
        let prices = SetPrices { deployment: model.clone(), currency: USD, terms, effective_at: None };
        billing.set_prices(prices).await.unwrap();
        let projects = [ProjectId::generate(rng), ProjectId::generate(rng)];
        Self { billing, clock, rng, organization, projects, model }
    }

    /// Calls the model for so many nano-units at a time.
    pub(super) async fn call(&self, project: &ProjectId, nanos: u64, when: &str) -> Event {
        self.labelled_call(project, nanos, when, &[("team", "red")]).await
    }

    /// The same with these labels.
    pub(super) async fn labelled_call(
        &self,
        project: &ProjectId,
        nanos: u64,
        when: &str,
        labels: &[(&str, &str)],
    ) -> Event {
        self.call_written(project, nanos, when, when, labels).await
    }

    /// The same, where the process stood still between the end of the call and writing it.
    async fn call_written(
        &self,
        project: &ProjectId,
        nanos: u64,
        when: &str,
        written: &str,
        labels: &[(&str, &str)],
    ) -> Event {
        let when = at(when);
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let api_key = ApiKeyId::generate(self.rng);
        let payer = Payer { organization: &self.organization, project, api_key: &api_key, user: None };
        let quote = self.billing.quote(&self.organization, &self.model, &Occasion::default()).await.unwrap();
        let units = Units::new().with(Unit::InputTokens, nanos);
        let demand = Demand { tokens: nanos, most: units.clone() };
        let reservation = self.billing.reserve(payer, &self.model, &quote, &demand).await.unwrap();
        let event = Event {
            organization: self.organization.clone(),
            project: project.clone(),
            deployment: self.model.clone(),
            cost: Some(Money::new(i64::try_from(nanos).unwrap(), USD)),
            units,
            created_at: when,
            completed_at: when,
            labels: Labels::new(labels).unwrap(),
            ..super::sample_event(self.rng)
        };
        let now = self.clock.now();
        self.clock.set(at(written));
        self.billing.settle(reservation, event.clone()).await.unwrap();
        self.clock.set(now);
        event
    }

    async fn balance(&self, kind: AccountKind) -> i64 {
        let id = AccountId::new(&self.organization, &kind, USD);
        let accounts = self.billing.accounts(&self.organization).await.unwrap();
        accounts.into_iter().find(|(known, _)| *known == id).map_or(0, |(_, account)| account.balance)
    }

    pub(super) async fn close(&self, month: &str) -> Result<Invoice, crate::BillingError> {
        self.billing.close_month(&self.organization, month, USD).await
    }
}

fn totals(invoice: &Invoice) -> Totals {
    Totals::of(&invoice.statement).unwrap()
}

/// An invoice has what moved in its month, by project and model, each line rounded once; afterwards exactly that is owed.
pub async fn an_invoice_sums_to_the_ledger_of_its_month(billing: &Billing, clock: &MockClock, rng: &dyn Rng) {
    let customer = Customer::new(billing, clock, rng, Mode::Postpaid { credit_limit: None }).await;
    let [first, second] = &customer.projects;
    // The month begins at half past six in the evening of UTC.
    customer.call(first, 7_000_000, "2026-09-30T18:29:59.999Z").await;
    customer.call(first, 10_004_000_000, "2026-09-30T18:30:00Z").await;
    let undone = customer.call(first, 1_000_000_000, "2026-10-15T00:00:00Z").await;
    customer.call(second, 5_005_000_000, "2026-10-31T18:29:59.999Z").await;
    customer.call(second, 9_000_000_000, "2026-10-31T18:30:00Z").await;
    assert_eq!(clock.now(), at("2026-11-25T12:00:00Z"));
    billing
        .reverse(&customer.organization, &undone.idempotency_key, crate::ledger::EntryKind::Reversal, None)
        .await
        .unwrap();

    assert!(customer.close("2026-11").await.is_err(), "it is not over");
    assert!(customer.close("2026-08").await.is_err(), "nothing was charged");
    assert!(customer.close("October").await.is_err());
    let invoice = customer.close("2026-10").await.unwrap();
    let statement = &invoice.statement;
    assert_eq!(
        (statement.period_start, statement.period_end),
        (at("2026-09-30T18:30:00Z"), at("2026-10-31T18:30:00Z"))
    );
    assert_eq!((statement.number.as_str(), statement.time_zone.as_str()), ("INV-000001", "Asia/Kolkata"));
    assert_eq!(statement.month().as_deref(), Some("2026-10"));
    let mut lines: Vec<_> = statement
        .lines
        .iter()
        .map(|line| (line.project.clone().unwrap(), line.scheme, line.quantity, line.amount))
        .collect();
    let mut expected = vec![
        (first.to_string(), Scheme::Usage, 2, 11_004_000_000),
        (second.to_string(), Scheme::Usage, 1, 5_005_000_000),
    ];
    lines.sort();
    expected.sort();
    assert_eq!(lines, expected);
    let sums = totals(&invoice);
    // 11.00 and 5.01, of which 6 % is 0.96.
    assert_eq!((sums.subtotal, sums.total, sums.credits_applied, sums.balance_due), (1_601, 1_697, 0, 1_697));
    assert_eq!(billing.due(&invoice).await.unwrap(), 16_970_000_000);
    assert_eq!(customer.balance(AccountKind::Tax).await, 960_000_000);

    // What was undone in November is on its invoice, and what September was charged on its own.
    let september = customer.close("2026-09").await.unwrap();
    assert_eq!((totals(&september).balance_due, september.statement.number.as_str()), (1, "INV-000002"));
    let paid = billing.pay_invoice(&customer.organization, &invoice.id, None).await.unwrap().unwrap();
    billing.pay_invoice(&customer.organization, &invoice.id, None).await.unwrap();
    assert_eq!(billing.due(&paid).await.unwrap(), 0);
    // A cent of September, and of November 9 dollars less the one that was undone.
    assert_eq!(customer.balance(AccountKind::Receivable).await, -10_000_000 - 8_000_000_000);
}

/// A month is closed once however many processes do it, and numbers have no holes.
pub async fn a_month_is_closed_once(billing: &[Arc<Billing>], clock: &MockClock, rng: &dyn Rng) {
    let customer = Customer::new(&billing[0], clock, rng, Mode::Postpaid { credit_limit: None }).await;
    for when in ["2026-08-10T00:00:00Z", "2026-10-10T00:00:00Z", "2026-11-10T00:00:00Z"] {
        customer.call(&customer.projects[0], 2_000_000_000, when).await;
    }
    let all = billing.iter().map(|one| one.close_due());
    for done in futures::future::join_all(all).await {
        done.unwrap();
    }
    let made = billing[0].invoices(&customer.organization, None, 10).await.unwrap();
    let of: Vec<_> =
        made.iter().map(|one| (one.statement.number.as_str(), one.statement.period_start)).collect();
    // There is none of September, in which nothing was charged, and none of November, which is not over.
    assert_eq!(of.len(), 2, "{of:?}");
    assert_eq!((of[0].1, of[1].1), (at("2026-09-30T18:30:00Z"), at("2026-07-31T18:30:00Z")));
    assert_eq!(billing[0].close_due().await.unwrap(), 0, "nothing is left");
    let again = customer.close("2026-10").await.unwrap();
    assert_eq!(again, made[0]);
    assert_eq!(customer.balance(AccountKind::Tax).await, 240_000_000, "the tax of both, once");
    let second = billing[0].invoices(&customer.organization, Some(&made[0].id), 10).await.unwrap();
    assert_eq!(second, made[1..]);
    assert_eq!(billing[0].verify().await.unwrap().faults, Vec::<String>::new());
}

/// What a balance paid is not asked for again, and a credit note gives back what was paid, never more than there was.
pub async fn a_credit_note_is_never_more_than_its_invoice(
    billing: &Billing,
    clock: &MockClock,
    rng: &dyn Rng,
) {
    let customer = Customer::new(billing, clock, rng, Mode::Prepaid).await;
    let top_up = TopUp {
        key: format!("top-up-{}", customer.organization).into(),
        organization: &customer.organization,
        provider: "manual",
        currency: USD,
        nanos: 20_000_000_000,
        memo: None,
    };
    billing.top_up(top_up).await.unwrap();
    customer.call(&customer.projects[0], 10_004_000_000, "2026-10-10T00:00:00Z").await;
    let invoice = customer.close("2026-10").await.unwrap();
    let sums = totals(&invoice);
    assert_eq!(
        (sums.subtotal, sums.credits_applied, sums.balance_due),
        (1_000, 1_000, 60),
        "the tax is owed"
    );
    let organization = &customer.organization;
    let note = async |amount| billing.credit_note(organization, &invoice.id, amount, "an outage").await;
    for wrong in [0, -1, 10_010_000_000, 1_000_000_001] {
        assert!(note(Some(wrong)).await.is_err(), "{wrong}");
    }
    let before = customer.balance(AccountKind::Balance).await;
    let first = note(Some(4_000_000_000)).await.unwrap().unwrap();
    assert_eq!(first.statement.kind, Kind::CreditNote { of: "INV-000001".to_owned() });
    assert_eq!((first.statement.number.as_str(), totals(&first).total), ("CN-000001", -424));
    // Of 4.24 the 0.60 that were owed are owed no more, and the rest is on the balance.
    assert_eq!(customer.balance(AccountKind::Balance).await - before, 3_640_000_000);
    assert_eq!(billing.due(&invoice).await.unwrap(), 0);
    assert!(note(Some(6_010_000_000)).await.is_err(), "only 6 are left");
    let rest = note(None).await.unwrap().unwrap();
    assert_eq!((rest.statement.number.as_str(), totals(&rest).total), ("CN-000002", -636));
    assert!(note(None).await.is_err(), "nothing is left");
    assert_eq!(customer.balance(AccountKind::Tax).await, 0);
    // What was paid, less the 0.004 that were rounded away.
    assert_eq!(customer.balance(AccountKind::Balance).await, 20_000_000_000 - 4_000_000);
    assert!(billing.credit_note(organization, "inv_none", None, "x").await.unwrap().is_none());
    assert_eq!(billing.verify().await.unwrap().faults, Vec::<String>::new());
}

/// However small the parts are in which an invoice is taken back, their taxes add up to its own.
pub async fn taxes_of_credit_notes_add_up_to_the_invoices(
    billing: &Billing,
    clock: &MockClock,
    rng: &dyn Rng,
) {
    let customer = Customer::new(billing, clock, rng, Mode::Postpaid { credit_limit: None }).await;
    customer.call(&customer.projects[0], 1_000_000_000, "2026-10-10T00:00:00Z").await;
    let invoice = customer.close("2026-10").await.unwrap();
    assert_eq!((totals(&invoice).subtotal, totals(&invoice).total), (100, 106));
    // Six percent of seven cents are 0.42 of one, which alone would be none each time.
    let mut taxes = Vec::new();
    for amount in [7; 14].map(Some).into_iter().chain([None]) {
        let amount = amount.map(|cents: i64| cents * 10_000_000);
        let note = billing.credit_note(&customer.organization, &invoice.id, amount, "a part").await;
        let sums = totals(&note.unwrap().unwrap());
        taxes.push(sums.total - sums.subtotal);
    }
    assert_eq!(taxes.iter().sum::<i128>(), -6, "{taxes:?}");
    assert!(taxes.iter().all(|tax| (-1..=0).contains(tax)), "{taxes:?}");
    assert_eq!(billing.due(&invoice).await.unwrap(), 0);
    assert_eq!(customer.balance(AccountKind::Tax).await, 0);
    assert_eq!(customer.balance(AccountKind::Receivable).await, 0);
    assert_eq!(billing.verify().await.unwrap().faults, Vec::<String>::new());
}

/// What is written long after it happened is on the invoice of the month in which it is written, since its own month may be
/// closed by then. For stores that other processes write to.
pub async fn what_is_written_late_is_on_the_next_invoice(
    billing: &Billing,
    clock: &MockClock,
    rng: &dyn Rng,
) {
    let customer = Customer::new(billing, clock, rng, Mode::Postpaid { credit_limit: None }).await;
    let project = &customer.projects[0];
    let now = clock.now();
    // October ends at half past six in the evening of UTC.
    customer.call_written(project, 3_000_000_000, "2026-10-31T18:10:00Z", "2026-10-31T18:39:59Z", &[]).await;
    let october = customer.close("2026-10").await.unwrap();
    customer.call_written(project, 5_000_000_000, "2026-10-31T18:20:00Z", "2026-10-31T19:40:00Z", &[]).await;
    clock.set(at("2026-12-10T00:00:00Z"));
    let november = customer.close("2026-11").await.unwrap();
    let sums = [&october, &november].map(|invoice| totals(invoice).subtotal);
    assert_eq!(sums, [300, 500], "nothing is on no invoice, and nothing on two");
    assert_eq!(billing.verify().await.unwrap().faults, Vec::<String>::new());
    clock.set(now);
}
