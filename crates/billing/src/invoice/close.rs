//! The monthly close.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tenfold_kernel::{Currency, OrganizationId, Timestamp, base62};

use super::{
    Charge, ChargeQuery, Invoice, InvoiceDetails, Kind, Line, Scheme, Statement, Totals, minor_digits,
};
use crate::billing::Billing;
use crate::error::BillingError;
use crate::funds::{Profile, SpendWindow};
use crate::ledger::{AccountId, AccountKind, EntryKind, Move, Post, Source};

/// How long after its end a month is closed: what ended in it has been written by then, by every process.
const GRACE_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// How many accounts or documents are read at once.
const PAGE: u32 = 200;

pub(super) fn invalid(field: &'static str, reason: impl Into<String>) -> BillingError {
    BillingError::InvalidQuery { field, reason: reason.into() }
}

/// An amount of the smallest unit in nano-units.
pub(super) fn nanos(minor: i128, currency: Currency) -> Option<i64> {
    let unit = 10_i128.pow(9_u32.saturating_sub(minor_digits(currency)));
    minor.checked_mul(unit).and_then(|nanos| i64::try_from(nanos).ok())
}

pub(super) fn too_large(organization: &OrganizationId) -> BillingError {
    BillingError::CostOverflow { deployment: format!("an invoice of {organization}") }
}

/// The month of that name, as `2026-10`, in `zone`: its first moment, and the first one after it.
pub(super) fn month_of(month: &str, zone: &TimeZone) -> Result<(Timestamp, Timestamp), BillingError> {
    let no_month = || invalid("month", "a month is as `2026-10`");
    let first: Date = format!("{month}-01").parse().map_err(|_| no_month())?;
    let at = first.to_zoned_datetime(zone.clone()).map_err(|_| no_month())?;
    Ok(SpendWindow::Month.span(Timestamp(at.timestamp().as_millisecond()), zone))
}

impl Billing {
    /// Who `organization` is on invoices.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn invoice_details(
        &self,
        organization: &OrganizationId,
    ) -> Result<InvoiceDetails, BillingError> {
        Ok(self.ports.invoices.details(organization).await?.unwrap_or_default())
    }

    /// Sets who `organization` is on invoices that are made from now on.
    ///
    /// # Errors
    /// [`BillingError::InvalidQuery`] naming the field at fault; [`BillingError::Store`] when the database fails.
    pub async fn set_invoice_details(
        &self,
        organization: &OrganizationId,
        details: &InvoiceDetails,
    ) -> Result<(), BillingError> {
        if details.tax_rate > 1_000_000 {
            return Err(invalid("tax_percent", "a tax is 0 to 100 percent"));
        }
        if details.due_days > 366 {
            return Err(invalid("due_days", "an invoice is due within 366 days"));
        }
        for (field, party) in [("customer", &details.customer), ("issuer", &details.issuer.party)] {
            let long = |text: &String| text.chars().count() > 200;
            let tax_id = party.tax_id.as_ref().is_some_and(long);
            if long(&party.name) || tax_id || party.address.len() > 6 || party.address.iter().any(long) {
                return Err(invalid(field, "names and lines have at most 200 characters, addresses 6 lines"));
            }
        }
        self.ports.invoices.put_details(organization, details).await
    }

    /// Makes the invoice of a month of the organisation's time zone, `month` as `2026-10`, once: a second time it is the
    /// same.
    ///
    /// # Errors
    /// [`BillingError::InvalidQuery`] for no month, one that is not over for an hour, or one in which nothing was
    /// charged; [`BillingError::Store`] when the database fails.
    pub async fn close_month(
        &self,
        organization: &OrganizationId,
        month: &str,
        currency: Currency,
    ) -> Result<Invoice, BillingError> {
        let profile = self.profile(organization).await?;
        let (start, end) = month_of(month, &profile.zone)?;
        if self.ports.clock.now().0 < end.0.saturating_add(GRACE_MS) {
            return Err(invalid("month", "a month is closed when it is over for an hour"));
        }
        let made = self.close(organization, currency, (start, end), &profile).await?;
        made.ok_or_else(|| invalid("month", format!("nothing was charged in {currency} in that month")))
    }

    /// Makes every invoice that is missing, and enters what documents say where that was interrupted; says how many
    /// invoices there are more.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails; what was made stays.
    pub async fn close_due(&self) -> Result<u64, BillingError> {
        for invoice in self.ports.invoices.not_entered(PAGE).await? {
            self.enter(&invoice).await?;
        }
        let (mut made, mut after) = (0, None);
        loop {
            let open = self.ports.invoices.open_since(after.as_ref(), PAGE).await?;
            let Some((last, _)) = open.last() else { return Ok(made) };
            after = Some(last.clone());
            for (account, since) in &open {
                let (Ok(organization), Some(currency)) =
                    (OrganizationId::parse(account.organization()), account.currency())
                else {
                    continue;
                };
                made += self.close_since(&organization, currency, *since).await?;
            }
        }
    }

    async fn close_since(
        &self,
        organization: &OrganizationId,
        currency: Currency,
        since: Timestamp,
    ) -> Result<u64, BillingError> {
        let profile = self.profile(organization).await?;
        let (mut made, mut at) = (0, since);
        loop {
            let (start, end) = SpendWindow::Month.span(at, &profile.zone);
            if self.ports.clock.now().0 < end.0.saturating_add(GRACE_MS) {
                return Ok(made);
            }
            made += u64::from(self.close(organization, currency, (start, end), &profile).await?.is_some());
            at = end;
        }
    }

    async fn close(
        &self,
        organization: &OrganizationId,
        currency: Currency,
        (from, until): (Timestamp, Timestamp),
        profile: &Profile,
    ) -> Result<Option<Invoice>, BillingError> {
        let known = self.ports.invoices.invoice_of(organization, currency, from).await?;
        if let Some(known) = known {
            self.enter(&known).await?;
            return Ok(Some(known));
        }
        let query = ChargeQuery {
            organization: organization.clone(),
            currency,
            from,
            until,
            project: None,
            label: None,
        };
        let charges = self.ports.reader.charges(&query).await?;
        if charges.is_empty() {
            return Ok(None);
        }
        let details = self.invoice_details(organization).await?;
        let now = self.ports.clock.now();
        let mut statement = Statement {
            kind: Kind::Invoice,
            number: String::new(),
            organization: details.customer,
            issuer: details.issuer,
            period_start: from,
            period_end: until,
            time_zone: profile.zone.iana_name().unwrap_or("UTC").to_owned(),
            issued_at: now,
            due_at: Some(Timestamp(now.0.saturating_add(i64::from(details.due_days) * DAY_MS))),
            currency,
            lines: lines(&charges, details.tax_rate, None),
            credits_applied: 0,
            tax_correction: 0,
        };
        statement.credits_applied = paid(&statement, &charges).ok_or_else(|| too_large(organization))?;
        let invoice = Invoice {
            id: format!("inv_{}", base62(&*self.ports.rng, 24)).into(),
            organization: organization.clone(),
            credits: None,
            statement,
        };
        let made = match self.ports.invoices.insert(&invoice).await? {
            Some(made) => Some(made),
            // Another process was quicker.
            None => self.ports.invoices.invoice_of(organization, currency, from).await?,
        };
        if let Some(made) = &made {
            self.enter(made).await?;
        }
        Ok(made)
    }

    /// Enters what a document moves, once.
    pub(super) async fn enter(&self, invoice: &Invoice) -> Result<(), BillingError> {
        let statement = &invoice.statement;
        let account = |kind: AccountKind| AccountId::new(&invoice.organization, &kind, statement.currency);
        let overflow = || too_large(&invoice.organization);
        let totals = Totals::of(statement).ok_or_else(overflow)?;
        let minor = |minor| nanos(minor, statement.currency).ok_or_else(overflow);
        let tax = minor(totals.total - totals.subtotal)?;
        if let Some((of, ordinal)) = &invoice.credits {
            // Positive here: a note's amounts are negative.
            let (revenue, tax) = (-minor(totals.subtotal)?, -tax);
            let back = minor(-totals.balance_due)?;
            let key = format!("credit_note:{of}:{ordinal}");
            let owed = match self.invoice(&invoice.organization, of).await? {
                Some(of) => self.due(&of).await?,
                None => 0,
            };
            let to_owed = owed.clamp(0, back);
            // What was owed is owed no more; what was paid is on the balance again.
            let mut moves = Vec::new();
            let mut left = to_owed;
            for (from, amount) in [(AccountKind::Revenue, revenue), (AccountKind::Tax, tax)] {
                let owed = left.min(amount);
                left -= owed;
                for (to, nanos) in [(AccountKind::Receivable, owed), (AccountKind::Balance, amount - owed)] {
                    let from = vec![Source::unbounded(account(from.clone()))];
                    moves.push(Move { from, to: account(to), nanos });
                }
            }
            self.move_all(invoice, key, EntryKind::CreditNote, moves).await?;
        } else {
            let shift = |to: AccountKind, amount: i64| {
                let (owed, other) = (account(AccountKind::Receivable), account(to));
                let (from, to) = if amount < 0 { (other, owed) } else { (owed, other) };
                vec![Move { from: vec![Source::unbounded(from)], to, nanos: amount.saturating_abs() }]
            };
            let id = &invoice.id;
            self.move_all(invoice, format!("invoice:{id}:tax"), EntryKind::Tax, shift(AccountKind::Tax, tax))
                .await?;
            let exact: i128 = statement.lines.iter().map(|line| line.amount).sum();
            let owed = i64::try_from(exact - statement.credits_applied).map_err(|_| overflow())?;
            let rounding = minor(totals.balance_due)? - tax - owed;
            let moves = shift(AccountKind::Revenue, rounding);
            self.move_all(invoice, format!("invoice:{id}:rounding"), EntryKind::Rounding, moves).await?;
        }
        self.ports.invoices.mark_entered(invoice).await
    }

    async fn move_all(
        &self,
        invoice: &Invoice,
        key: String,
        kind: EntryKind,
        moves: Vec<Move>,
    ) -> Result<(), BillingError> {
        let post = Post {
            transaction: key.into(),
            kind,
            organization: invoice.organization.clone(),
            project: None,
            currency: invoice.statement.currency,
            moves: moves.into_iter().filter(|one| one.nanos > 0).collect(),
            reverses: None,
            memo: Some(invoice.statement.number.clone()),
            now: self.ports.clock.now(),
        };
        if post.moves.is_empty() {
            return Ok(());
        }
        self.post(post).await.map(|_| ())
    }
}

/// A line for each charge, by the value of `label`, scheme, project, model and words; what has no such label comes last.
pub(super) fn lines(charges: &[Charge], tax_rate: u32, label: Option<&str>) -> Vec<Line> {
    let line = |charge: &Charge| {
        let model = charge.deployment.as_ref().map(ToString::to_string);
        let (scheme, unit, description) = match charge.kind {
            EntryKind::Usage => (Scheme::Usage, "calls", "Usage"),
            EntryKind::Subscription => (Scheme::Subscription, "periods", "Subscription"),
            EntryKind::Rental => (Scheme::Rental, "slices", "Rental"),
            _ => (Scheme::Adjustment, "entries", "Correction"),
        };
        Line {
            project: charge.project.as_ref().map(ToString::to_string),
            model,
            scheme,
            description: charge.memo.clone().unwrap_or_else(|| description.to_owned()),
            quantity: charge.transactions,
            unit: unit.to_owned(),
            unit_price: None,
            amount: charge.nanos.into(),
            tax_rate,
            tags: label
                .zip(charge.label.clone())
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
        }
    };
    let mut lines: Vec<Line> = charges.iter().map(line).collect();
    lines.sort_by(|a, b| {
        let by_tag = (a.tags.is_empty(), &a.tags).cmp(&(b.tags.is_empty(), &b.tags));
        by_tag.then_with(|| {
            (a.scheme, &a.project, &a.model, &a.description).cmp(&(
                b.scheme,
                &b.project,
                &b.model,
                &b.description,
            ))
        })
    });
    lines
}

/// What of an invoice was paid from credit and the balance: all of it but the tax, to the last printed cent, where nothing
/// is owed.
fn paid(statement: &Statement, charges: &[Charge]) -> Option<i128> {
    let owed: i128 = charges.iter().map(|charge| i128::from(charge.owed)).sum();
    if owed == 0 {
        return nanos(Totals::of(statement)?.subtotal, statement.currency).map(i128::from);
    }
    Some(charges.iter().map(|charge| i128::from(charge.nanos)).sum::<i128>() - owed)
}
