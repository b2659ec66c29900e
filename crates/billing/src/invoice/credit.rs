//! What is taken back of an invoice.

use std::sync::Arc;

use tenfold_kernel::{OrganizationId, base62};

use super::close::{invalid, nanos, too_large};
use super::minor::divide;
use super::totals::MILLION;
use super::{Invoice, Kind, Line, Scheme, Statement, Totals};
use crate::billing::Billing;
use crate::error::BillingError;

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
        let sums = |statement: &Statement| {
            Totals::of(statement)
                .map(|totals| (totals.subtotal, totals.total - totals.subtotal))
                .ok_or_else(overflow)
        };
        let (whole_subtotal, _) = sums(&invoice.statement)?;
        let (mut back, mut tax_back) = (0, 0);
        for note in notes {
            let (subtotal, tax) = sums(&note.statement)?;
            (back, tax_back) = (back + subtotal, tax_back + tax);
        }
        let left = whole_subtotal + back;
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
        // The tax of all that is taken back until then, rounded once, less what earlier notes took: the last note leaves none.
        let tax = |base: i128| divide(base * i128::from(line.tax_rate), MILLION);
        let own = -i128::from(amount / unit);
        let correction = tax(back + own) - tax_back - tax(own);
        Ok(Statement {
            kind: Kind::CreditNote { of: invoice.statement.number.clone() },
            lines: vec![line],
            tax_correction: i64::try_from(correction).map_err(|_| overflow())?,
            ..whole
        })
    }
}
