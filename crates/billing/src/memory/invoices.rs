//! Invoices in memory.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{Currency, OrganizationId, Timestamp};

use super::MemoryLedger;
use crate::error::BillingError;
use crate::invoice::{Invoice, InvoiceDetails};
use crate::ledger::{AccountId, AccountKind};
use crate::ports::InvoiceStore;

/// Invoices in memory, of what is in a ledger.
#[derive(Debug)]
pub struct MemoryInvoices {
    ledger: Arc<MemoryLedger>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    details: HashMap<OrganizationId, InvoiceDetails>,
    /// In the order in which they were made, with whether they are entered.
    invoices: Vec<(Invoice, bool)>,
}

impl MemoryInvoices {
    /// No invoices yet.
    pub fn new(ledger: Arc<MemoryLedger>) -> Self {
        Self { ledger, state: Mutex::default() }
    }

    fn selected(&self, of: impl Fn(&Invoice) -> bool) -> Vec<Invoice> {
        let state = self.state.lock();
        state.invoices.iter().map(|(invoice, _)| invoice).filter(|invoice| of(invoice)).cloned().collect()
    }
}

fn is_of(invoice: &Invoice, organization: &OrganizationId, currency: Currency, start: Timestamp) -> bool {
    let statement = &invoice.statement;
    invoice.organization == *organization
        && invoice.credits.is_none()
        && (statement.currency, statement.period_start) == (currency, start)
}

#[async_trait]
impl InvoiceStore for MemoryInvoices {
    async fn details(&self, organization: &OrganizationId) -> Result<Option<InvoiceDetails>, BillingError> {
        Ok(self.state.lock().details.get(organization).cloned())
    }

    async fn put_details(
        &self,
        organization: &OrganizationId,
        details: &InvoiceDetails,
    ) -> Result<(), BillingError> {
        self.state.lock().details.insert(organization.clone(), details.clone());
        Ok(())
    }

    async fn insert(&self, invoice: &Invoice) -> Result<Option<Invoice>, BillingError> {
        let mut state = self.state.lock();
        let statement = &invoice.statement;
        let is_there = state.invoices.iter().any(|(kept, _)| match &invoice.credits {
            Some(credits) => kept.credits.as_ref() == Some(credits),
            None => is_of(kept, &invoice.organization, statement.currency, statement.period_start),
        });
        if is_there {
            return Ok(None);
        }
        let is_before = |kept: &&(Invoice, bool)| {
            kept.0.organization == invoice.organization
                && kept.0.credits.is_some() == invoice.credits.is_some()
        };
        let count = state.invoices.iter().filter(is_before).count();
        let mut invoice = invoice.clone();
        invoice.set_number(i64::try_from(count).unwrap_or(i64::MAX - 1) + 1);
        state.invoices.push((invoice.clone(), false));
        Ok(Some(invoice))
    }

    async fn invoice(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<Option<Invoice>, BillingError> {
        let found = self.selected(|one| one.organization == *organization && *one.id == *id);
        Ok(found.into_iter().next())
    }

    async fn invoice_of(
        &self,
        organization: &OrganizationId,
        currency: Currency,
        start: Timestamp,
    ) -> Result<Option<Invoice>, BillingError> {
        Ok(self.selected(|one| is_of(one, organization, currency, start)).into_iter().next())
    }

    async fn invoices(
        &self,
        organization: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Invoice>, BillingError> {
        let mut all = self.selected(|one| one.organization == *organization);
        all.reverse();
        if let Some(after) = after {
            let place = all.iter().position(|one| *one.id == *after).map_or(all.len(), |place| place + 1);
            all.drain(..place);
        }
        all.truncate(limit as usize);
        Ok(all)
    }

    async fn credit_notes(
        &self,
        organization: &OrganizationId,
        invoice: &str,
    ) -> Result<Vec<Invoice>, BillingError> {
        let is_it = |one: &Invoice| one.credits.as_ref().is_some_and(|(of, _)| **of == *invoice);
        Ok(self.selected(|one| one.organization == *organization && is_it(one)))
    }

    async fn mark_entered(&self, invoice: &Invoice) -> Result<(), BillingError> {
        for (kept, is_entered) in &mut self.state.lock().invoices {
            *is_entered |= kept.id == invoice.id;
        }
        Ok(())
    }

    async fn not_entered(&self, limit: u32) -> Result<Vec<Invoice>, BillingError> {
        let state = self.state.lock();
        let open = state.invoices.iter().filter(|(_, is_entered)| !is_entered).map(|(one, _)| one.clone());
        Ok(open.take(limit as usize).collect())
    }

    async fn open_since(
        &self,
        after: Option<&AccountId>,
        limit: u32,
    ) -> Result<Vec<(AccountId, Timestamp)>, BillingError> {
        let mut open: Vec<(AccountId, Timestamp)> = Vec::new();
        for entry in self.ledger.all_entries() {
            let is_revenue = entry.credit.kind() == Some(AccountKind::Revenue);
            if is_revenue && !open.iter().any(|(account, _)| *account == entry.credit) {
                let closed = self.selected(|one| {
                    let of = AccountId::new(&one.organization, &AccountKind::Revenue, one.statement.currency);
                    one.credits.is_none() && of == entry.credit
                });
                let end = closed.iter().map(|one| one.statement.period_end).max();
                open.push((entry.credit.clone(), end.unwrap_or(entry.created_at)));
            }
        }
        open.sort();
        open.retain(|(account, _)| after.is_none_or(|after| account > after));
        open.truncate(limit as usize);
        Ok(open)
    }
}
