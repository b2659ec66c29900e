//! What happens to an invoice: it is paid, or taken back.

use std::sync::Arc;

use tenfold_kernel::{Currency, OrganizationId, base62};

use super::close::{invalid, nanos, too_large};
use super::{Invoice, Kind, Line, Scheme, Statement, Totals};
use crate::billing::Billing;
use crate::error::BillingError;
use crate::ledger::{AccountId, AccountKind, EntryKind, Move, Post, Source};

/// How often a credit note is tried again that another one was quicker than.
const TRIES: usize = 5;

impl Billing {
    /// Documents of `organization`, newest first, from the one after `after` on, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn invoices(
        &self,
        organization: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Invoice>, BillingError> {
        self.ports.invoices.invoices(organization, after, limit).await
    }

    /// The document of that id.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn invoice(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<Option<Invoice>, BillingError> {
        self.ports.invoices.invoice(organization, id).await
    }

    /// What is still owed for a document, in nano-units; zero for a credit note.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn due(&self, invoice: &Invoice) -> Result<i64, BillingError> {
        if invoice.credits.is_some() {
            return Ok(0);
        }
        self.owed_for(&invoice.id, &invoice.organization, invoice.statement.currency).await
    }

    pub(super) async fn owed_for(
        &self,
        id: &str,
        organization: &OrganizationId,
        currency: Currency,
    ) -> Result<i64, BillingError> {
        let Some(invoice) = self.invoice(organization, id).await? else { return Ok(0) };
        let overflow = || too_large(organization);
        let totals = Totals::of(&invoice.statement).ok_or_else(overflow)?;
        let mut due = nanos(totals.balance_due, currency).ok_or_else(overflow)?;
        let owed = AccountId::new(organization, &AccountKind::Receivable, currency);
        let mut keys = vec![payment_key(id)];
        for note in self.ports.invoices.credit_notes(organization, id).await? {
            keys.extend(note.credits.map(|(of, ordinal)| format!("credit_note:{of}:{ordinal}")));
        }
        for key in keys {
            for entry in self.transaction(organization, &key).await? {
                due -= if entry.credit == owed { entry.money.nanos } else { 0 };
            }
        }
        Ok(due)
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
        let invoice = self.invoice(organization, id).await?.filter(|invoice| invoice.credits.is_none());
        let Some(invoice) = invoice else { return Ok(None) };
        if !self.transaction(organization, &payment_key(id)).await?.is_empty() {
            return Ok(Some(invoice));
        }
        let due = self.due(&invoice).await?;
        if due <= 0 {
            return Err(invalid("invoice", "nothing is owed for this invoice"));
        }
        let currency = invoice.statement.currency;
        let account = |kind: &AccountKind| AccountId::new(organization, kind, currency);
        self.post(Post {
            transaction: payment_key(id).into(),
            kind: EntryKind::Payment,
            organization: organization.clone(),
            project: None,
            currency,
            moves: vec![Move {
                from: vec![Source::unbounded(account(&AccountKind::Cash("manual".into())))],
                to: account(&AccountKind::Receivable),
                nanos: due,
            }],
            reverses: None,
            memo: memo.or_else(|| Some(invoice.statement.number.clone())),
            now: self.ports.clock.now(),
        })
        .await?;
        Ok(Some(invoice))
    }

    /// Takes back a part of an invoice, without its tax `amount` nano-units, or all that is left of it; nothing when there is no
    /// such invoice. What of it was owed is owed no more, and what was paid is on the balance again.
    ///
    /// # Errors
    /// [`BillingError::InvalidQuery`] for more than is left of the invoice, or parts of the smallest unit;
    /// [`BillingError::Store`] when the database fails.
    pub async fn credit_note(
        &self,
        organization: &OrganizationId,
        id: &str,
        amount: Option<i64>,
        reason: &str,
    ) -> Result<Option<Invoice>, BillingError> {
        if reason.is_empty() || reason.chars().count() > 200 {
            return Err(invalid("reason", "a reason has 1 to 200 characters"));
        }
        let invoice = self.invoice(organization, id).await?.filter(|invoice| invoice.credits.is_none());
        let Some(invoice) = invoice else { return Ok(None) };
        for _ in 0..TRIES {
            let notes = self.ports.invoices.credit_notes(organization, id).await?;
            let statement = self.note(&invoice, &notes, amount, reason)?;
            let ordinal = u32::try_from(notes.len() + 1).unwrap_or(u32::MAX);
            let note = Invoice {
                id: format!("cn_{}", base62(&*self.ports.rng, 24)).into(),
                organization: organization.clone(),
                credits: Some((Arc::clone(&invoice.id), ordinal)),
                statement,
            };
            if let Some(note) = self.ports.invoices.insert(&note).await? {
                self.enter(&note).await?;
                return Ok(Some(note));
            }
        }
        let source = "others do it at the same time".into();
        Err(BillingError::Unavailable { action: "make a credit note", source })
    }

    fn note(
        &self,
        invoice: &Invoice,
        notes: &[Invoice],
        amount: Option<i64>,
        reason: &str,
    ) -> Result<Statement, BillingError> {
        let overflow = || too_large(&invoice.organization);
        let now = self.ports.clock.now();
        let whole = invoice.statement.credit_note(String::new(), now);
        let whole = Statement { credits_applied: 0, ..whole };
        if amount.is_none() && notes.is_empty() {
            return Ok(whole);
        }
        let subtotal = |statement: &Statement| Totals::of(statement).map(|totals| totals.subtotal);
        let mut left = subtotal(&invoice.statement).ok_or_else(overflow)?;
        for note in notes {
            left += subtotal(&note.statement).ok_or_else(overflow)?;
        }
        let currency = invoice.statement.currency;
        let left = nanos(left, currency).ok_or_else(overflow)?;
        let amount = amount.unwrap_or(left);
        let unit = nanos(1, currency).ok_or_else(overflow)?;
        if amount <= 0 || amount > left || amount % unit != 0 {
            let left = crate::error::decimal(left);
            let reason =
                format!("an amount is whole smallest units above zero, and {left} {currency} is left");
            return Err(invalid("amount", reason));
        }
        let line = Line {
            project: None,
            model: None,
            scheme: Scheme::Adjustment,
            description: reason.to_owned(),
            quantity: 1,
            unit: "entries".to_owned(),
            unit_price: None,
            amount: -i128::from(amount),
            tax_rate: invoice.statement.lines.first().map_or(0, |line| line.tax_rate),
            tags: std::collections::BTreeMap::new(),
        };
        Ok(Statement {
            kind: Kind::CreditNote { of: invoice.statement.number.clone() },
            lines: vec![line],
            ..whole
        })
    }
}

fn payment_key(invoice: &str) -> String {
    format!("invoice:{invoice}:payment")
}
