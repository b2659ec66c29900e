//! What is owed for an invoice, and how it is paid.
//!
//! Payments of an invoice are counted from one: the transaction of the n-th has a key that says so, so that of two at the
//! same time one is entered, and the other finds nothing owed any more.

use std::sync::Arc;

use tenfold_kernel::{Currency, OrganizationId};

use super::close::{invalid, nanos, too_large};
use super::{Invoice, Totals};
use crate::billing::Billing;
use crate::checkout::PaymentOrder;
use crate::error::BillingError;
use crate::ledger::{AccountId, AccountKind, Entry, EntryKind, Move, Post, Source};

/// How often a payment is tried again that another one was quicker than.
const TRIES: usize = 5;

/// A payment of an invoice.
struct Payment {
    key: Arc<str>,
    entries: Vec<Entry>,
    /// How much of it is for the invoice, in nano-units.
    paid: i64,
    /// How much of that went back.
    returned: i64,
}

impl Payment {
    /// Whether it is the payment of `order`.
    fn is_of(&self, order: &PaymentOrder) -> bool {
        let cash = cash(&order.organization, &order.provider, order.money.currency);
        self.entries.iter().any(|entry| entry.debit == cash && entry.memo.as_deref() == Some(&*order.id))
    }
}

impl Billing {
    /// What is still owed for a document, in nano-units; zero for a credit note.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn due(&self, invoice: &Invoice) -> Result<i64, BillingError> {
        if invoice.credits.is_some() {
            return Ok(0);
        }
        let payments = self.payments_of(invoice).await?;
        self.due_after(invoice, &payments).await
    }

    /// Enters that an invoice was paid outside of the platform, all that is owed for it, once; nothing when there is no such
    /// invoice.
    ///
    /// # Errors
    /// [`BillingError::InvalidQuery`] when nothing is owed for it; [`BillingError::Store`] when the database fails.
    pub async fn pay_invoice(
        &self,
        organization: &OrganizationId,
        id: &str,
        memo: Option<String>,
    ) -> Result<Option<Invoice>, BillingError> {
        let Some(invoice) = self.payable(organization, id).await? else { return Ok(None) };
        let currency = invoice.statement.currency;
        let memo = memo.or_else(|| Some(invoice.statement.number.clone()));
        for _ in 0..TRIES {
            let payments = self.payments_of(&invoice).await?;
            let due = self.due_after(&invoice, &payments).await?;
            if due <= 0 && payments.is_empty() {
                return Err(invalid("invoice", "nothing is owed for this invoice"));
            }
            if due <= 0 {
                return Ok(Some(invoice));
            }
            let from = cash(organization, "manual", currency);
            if self.enter_payment(&invoice, payments.len(), from, (due, due), memo.clone()).await? {
                return Ok(Some(invoice));
            }
        }
        Err(busy())
    }

    /// Enters that `order` paid what is owed for an invoice; what it paid beyond that is on the balance. Once for the order.
    pub(crate) async fn pay_invoice_by(&self, id: &str, order: &PaymentOrder) -> Result<(), BillingError> {
        let invoice = self.payable(&order.organization, id).await?;
        for _ in 0..TRIES {
            let payments = match &invoice {
                Some(invoice) => self.payments_of(invoice).await?,
                None => Vec::new(),
            };
            let is_on_balance =
                !self.transaction(&order.organization, &order.transaction()).await?.is_empty();
            if is_on_balance || payments.iter().any(|payment| payment.is_of(order)) {
                return Ok(());
            }
            let due = match &invoice {
                Some(invoice) => self.due_after(invoice, &payments).await?,
                None => 0,
            };
            let Some(invoice) = invoice.as_ref().filter(|_| due > 0) else {
                return self.top_up(order.top_up()).await.map(drop);
            };
            let from = cash(&order.organization, &order.provider, order.money.currency);
            let amounts = (order.money.nanos, due.min(order.money.nanos));
            let memo = Some(order.id.to_string());
            if self.enter_payment(invoice, payments.len(), from, amounts, memo).await? {
                return Ok(());
            }
        }
        Err(busy())
    }

    /// The transaction by which `order` paid an invoice, and how much of it; nothing where it went to the balance.
    pub(crate) async fn invoice_payment_of(
        &self,
        id: &str,
        order: &PaymentOrder,
    ) -> Result<Option<(Arc<str>, i64)>, BillingError> {
        let Some(invoice) = self.payable(&order.organization, id).await? else { return Ok(None) };
        let payments = self.payments_of(&invoice).await?;
        let mine = payments.into_iter().find(|payment| payment.is_of(order));
        Ok(mine.map(|payment| (payment.key, payment.paid)))
    }

    async fn payable(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<Option<Invoice>, BillingError> {
        Ok(self.invoice(organization, id).await?.filter(|invoice| invoice.credits.is_none()))
    }

    /// Enters the payment that comes after `before` others: `nanos` in all, `to_owed` of it for the invoice and the rest for
    /// the balance. Says whether no other one took its place.
    async fn enter_payment(
        &self,
        invoice: &Invoice,
        before: usize,
        from: AccountId,
        (nanos, to_owed): (i64, i64),
        memo: Option<String>,
    ) -> Result<bool, BillingError> {
        let currency = invoice.statement.currency;
        let account = |kind: &AccountKind| AccountId::new(&invoice.organization, kind, currency);
        let part = |kind: &AccountKind, nanos| {
            let from = vec![Source::unbounded(from.clone())];
            Move { from, to: account(kind), nanos }
        };
        let posted = self.post(Post {
            transaction: payment_key(&invoice.id, before + 1).into(),
            kind: EntryKind::Payment,
            organization: invoice.organization.clone(),
            project: None,
            currency,
            moves: vec![
                part(&AccountKind::Receivable, to_owed),
                part(&AccountKind::Balance, nanos - to_owed),
            ],
            reverses: None,
            memo,
            now: self.ports.clock.now(),
        });
        Ok(!posted.await?.is_repeat)
    }

    /// Payments of an invoice, in order.
    async fn payments_of(&self, invoice: &Invoice) -> Result<Vec<Payment>, BillingError> {
        let owed =
            AccountId::new(&invoice.organization, &AccountKind::Receivable, invoice.statement.currency);
        let mut payments = Vec::new();
        loop {
            let key = payment_key(&invoice.id, payments.len() + 1);
            let entries = self.transaction(&invoice.organization, &key).await?;
            if entries.is_empty() {
                return Ok(payments);
            }
            let paid =
                entries.iter().filter(|entry| entry.credit == owed).map(|entry| entry.money.nanos).sum();
            let undone = format!("reversal:{key}");
            let mut returned =
                if self.transaction(&invoice.organization, &undone).await?.is_empty() { 0 } else { paid };
            for place in 0.. {
                let back = self.transaction(&invoice.organization, &return_key(&key, place)).await?;
                if back.is_empty() {
                    break;
                }
                let from_owed = back.iter().filter(|entry| entry.debit == owed);
                returned += from_owed.map(|entry| entry.money.nanos).sum::<i64>();
            }
            payments.push(Payment { key: key.into(), entries, paid, returned: returned.min(paid) });
        }
    }

    /// What is owed for an invoice after `payments` and its credit notes.
    async fn due_after(&self, invoice: &Invoice, payments: &[Payment]) -> Result<i64, BillingError> {
        let organization = &invoice.organization;
        let currency = invoice.statement.currency;
        let overflow = || too_large(organization);
        let totals = Totals::of(&invoice.statement).ok_or_else(overflow)?;
        let mut due = nanos(totals.balance_due, currency).ok_or_else(overflow)?;
        due -= payments.iter().map(|payment| payment.paid - payment.returned).sum::<i64>();
        let owed = AccountId::new(organization, &AccountKind::Receivable, currency);
        for note in self.ports.invoices.credit_notes(organization, &invoice.id).await? {
            let Some((of, ordinal)) = note.credits else { continue };
            let key = format!("credit_note:{of}:{ordinal}");
            let entries = self.transaction(organization, &key).await?;
            due -= entries
                .iter()
                .filter(|entry| entry.credit == owed)
                .map(|entry| entry.money.nanos)
                .sum::<i64>();
        }
        Ok(due)
    }
}

fn cash(organization: &OrganizationId, provider: &str, currency: Currency) -> AccountId {
    AccountId::new(organization, &AccountKind::Cash(provider.into()), currency)
}

/// The key of the `n`-th payment of an invoice, from one.
fn payment_key(invoice: &str, n: usize) -> String {
    if n == 1 { format!("invoice:{invoice}:payment") } else { format!("invoice:{invoice}:payment:{n}") }
}

/// The key of what went back of a payment, from zero.
pub(crate) fn return_key(payment: &str, place: usize) -> String {
    format!("{payment}:return:{}", place + 1)
}

fn busy() -> BillingError {
    let source = "others do it at the same time".into();
    BillingError::Unavailable { action: "pay an invoice", source }
}
