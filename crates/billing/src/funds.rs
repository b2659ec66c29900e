//! How an organisation pays: in advance or afterwards, with credit that it was given, within what it wants to spend.

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tenfold_kernel::{ApiKeyId, Currency, OrganizationId, ProjectId, Timestamp, UserId, base62};

use crate::billing::Billing;
use crate::error::BillingError;
use crate::ledger::{
    Account, AccountId, AccountKind, Entry, EntryKind, EntryPlace, Move, Post, Posted, Source, Verification,
};

/// When an organisation pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Before it calls: what a call may cost is held on its balance, and a call that it does not pay for is refused.
    Prepaid,
    /// After it has called, by invoice.
    Postpaid {
        /// What it may owe at most, in nano-units; nothing for no bound.
        credit_limit: Option<i64>,
    },
}

/// How an organisation pays and reckons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// When it pays.
    pub mode: Mode,
    /// Where its days and months begin, such as `Asia/Shanghai`.
    pub zone: TimeZone,
    /// In which currency it pays where there is a price list in it.
    pub currency: Option<Currency>,
}

impl Default for Profile {
    /// By invoice, without a bound, in UTC: an organisation that runs the platform for itself.
    fn default() -> Self {
        Self { mode: Mode::Postpaid { credit_limit: None }, zone: TimeZone::UTC, currency: None }
    }
}

/// Credit that was given to an organisation and ends at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id; the account of what is left of it is named after it.
    pub id: Arc<str>,
    /// To whom.
    pub organization: OrganizationId,
    /// In which currency.
    pub currency: Currency,
    /// How much it was, in nano-units.
    pub nanos: i64,
    /// When what is left of it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was given.
    pub created_at: Timestamp,
}

/// Whose spending a limit is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SpendScope {
    /// All of the organisation.
    Organization,
    /// A project.
    Project(ProjectId),
    /// A user, with all of the user's keys.
    User(UserId),
    /// A key.
    ApiKey(ApiKeyId),
    /// A deployment.
    Model(Arc<str>),
}

impl fmt::Display for SpendScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, subject) = self.parts();
        if subject.is_empty() { f.write_str(kind) } else { write!(f, "{kind}:{subject}") }
    }
}

impl SpendScope {
    /// The names of its kind and of its subject, as they are stored.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Organization => ("organization", ""),
            Self::Project(id) => ("project", id.as_str()),
            Self::User(id) => ("user", id.as_str()),
            Self::ApiKey(id) => ("api_key", id.as_str()),
            Self::Model(name) => ("model", name),
        }
    }

    /// Reads what [`SpendScope::parts`] gave.
    pub fn from_parts(kind: &str, subject: &str) -> Option<Self> {
        Some(match kind {
            "organization" if subject.is_empty() => Self::Organization,
            "project" => Self::Project(ProjectId::parse(subject).ok()?),
            "user" => Self::User(UserId::parse(subject).ok()?),
            "api_key" => Self::ApiKey(ApiKeyId::parse(subject).ok()?),
            "model" if !subject.is_empty() => Self::Model(subject.into()),
            _ => return None,
        })
    }
}

/// For how long spending is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpendWindow {
    /// A day of the organisation's zone.
    Day,
    /// A month of the organisation's zone.
    Month,
    /// For ever.
    Lifetime,
}

impl SpendWindow {
    /// The name on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Lifetime => "lifetime",
        }
    }

    /// The window of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Day, Self::Month, Self::Lifetime].into_iter().find(|window| window.as_str() == text)
    }

    /// The window of `at`: its first moment, and the first one after it.
    pub fn span(self, at: Timestamp, zone: &TimeZone) -> (Timestamp, Timestamp) {
        match self {
            Self::Day => calendar_window(at, zone, |date| Ok((date, date.tomorrow()?))),
            Self::Month => calendar_window(at, zone, |date| {
                Ok((date.first_of_month(), date.last_of_month().tomorrow()?))
            }),
            Self::Lifetime => ALL_TIME,
        }
    }
}

const ALL_TIME: (Timestamp, Timestamp) = (Timestamp(0), Timestamp(i64::MAX));

/// The window of `at`, given the first date of a date's window and the first one after it: the first moments of those.
///
/// Windows follow each other without gap or overlap. Where clocks are put back over midnight, as in St. John's until 2010,
/// an hour of yesterday comes again after today has begun: it is today's, so that no window begins, ends and goes on.
pub(crate) fn calendar_window(
    at: Timestamp,
    zone: &TimeZone,
    window: impl Fn(Date) -> Result<(Date, Date), jiff::Error>,
) -> (Timestamp, Timestamp) {
    // A midnight that is left out when clocks change is the first moment after it; of two the first.
    let begins = |date: Date| {
        let begin = date.to_zoned_datetime(zone.clone())?;
        Ok::<_, jiff::Error>(Timestamp(begin.timestamp().as_millisecond()))
    };
    let bounds = jiff::Timestamp::from_millisecond(at.0).and_then(|moment| {
        let (mut first, mut next) = window(moment.to_zoned_datetime(zone.clone()).date())?;
        while at >= begins(next)? {
            (first, next) = window(next)?;
        }
        Ok((begins(first)?, begins(next)?))
    });
    // Only a moment beyond all calendars has no day.
    bounds.unwrap_or(ALL_TIME)
}

/// What may be spent in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendLimit {
    /// Its id.
    pub id: Arc<str>,
    /// Whose spending.
    pub scope: SpendScope,
    /// For how long.
    pub window: SpendWindow,
    /// In which currency.
    pub currency: Currency,
    /// How much, in nano-units.
    pub nanos: i64,
    /// Whether a call beyond it is refused; otherwise it is only told.
    pub is_hard: bool,
    /// When it was set.
    pub created_at: Timestamp,
}

/// Money that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopUp<'a> {
    /// What happened once is entered once: the administrator's idempotency key, the provider's notification.
    pub key: Arc<str>,
    /// Whose balance.
    pub organization: &'a OrganizationId,
    /// Who holds the money: `manual`, or a payment provider's name.
    pub provider: &'a str,
    /// In which currency.
    pub currency: Currency,
    /// How much, in nano-units.
    pub nanos: i64,
    /// For a person.
    pub memo: Option<String>,
}

impl Billing {
    /// How `organization` pays.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn profile(&self, organization: &OrganizationId) -> Result<Arc<Profile>, BillingError> {
        let now = self.ports.clock.monotonic();
        match self.profiles.get(organization, now) {
            Ok(profile) => Ok(profile),
            Err(generation) => {
                let kept = self.ports.funds.profile(organization).await?;
                let profile = Arc::new(kept.unwrap_or_default());
                self.profiles.keep(organization.clone(), Arc::clone(&profile), now, generation);
                Ok(profile)
            }
        }
    }

    /// Sets how `organization` pays.
    ///
    /// # Errors
    /// [`BillingError::InvalidLimit`] for a credit limit below zero; [`BillingError::Store`] when the database fails.
    pub async fn set_profile(
        &self,
        organization: &OrganizationId,
        profile: &Profile,
    ) -> Result<(), BillingError> {
        if matches!(profile.mode, Mode::Postpaid { credit_limit: Some(limit) } if limit < 0) {
            let reason = "a credit limit is zero or more".to_owned();
            return Err(BillingError::InvalidLimit { field: "credit_limit", reason });
        }
        let done = self.ports.funds.put_profile(organization, profile).await;
        self.profiles.forget();
        done
    }

    /// Limits of what `organization` spends.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn spend_limits(
        &self,
        organization: &OrganizationId,
    ) -> Result<Arc<[SpendLimit]>, BillingError> {
        let now = self.ports.clock.monotonic();
        match self.spending.get(organization, now) {
            Ok(limits) => Ok(limits),
            Err(generation) => {
                let limits: Arc<[_]> = self.ports.funds.spend_limits(organization).await?.into();
                self.spending.keep(organization.clone(), Arc::clone(&limits), now, generation);
                Ok(limits)
            }
        }
    }

    /// Sets a limit in place of one of the same scope, window and currency. What was spent in its window already
    /// counts.
    ///
    /// # Errors
    /// [`BillingError::InvalidLimit`] for a limit below zero; [`BillingError::Store`] when the database fails.
    pub async fn set_spend_limit(
        &self,
        organization: &OrganizationId,
        mut limit: SpendLimit,
    ) -> Result<SpendLimit, BillingError> {
        if limit.nanos < 0 {
            let reason = "a limit is zero or more".to_owned();
            return Err(BillingError::InvalidLimit { field: "amount", reason });
        }
        limit.id = format!("limit_{}", base62(&*self.ports.rng, 24)).into();
        limit.created_at = self.ports.clock.now();
        let zone = self.profile(organization).await?.zone.clone();
        let (start, end) = limit.window.span(limit.created_at, &zone);
        let done = self.ports.funds.put_spend_limit(organization, &limit, (start, end)).await;
        self.spending.forget();
        done.map(|()| limit)
    }

    /// Takes a limit away; says whether there was one.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn delete_spend_limit(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<bool, BillingError> {
        let done = self.ports.funds.delete_spend_limit(organization, id).await;
        self.spending.forget();
        done
    }

    /// What was spent, and is held, of a limit in its window: what enforces it.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn spent(
        &self,
        organization: &OrganizationId,
        limit: &SpendLimit,
    ) -> Result<(i64, i64), BillingError> {
        let zone = self.profile(organization).await?.zone.clone();
        let (start, _) = limit.window.span(self.ports.clock.now(), &zone);
        let counters = self.ports.reader.counters(&[limit.counter(organization)]).await?;
        let counter = counters.into_iter().next().map(|(_, counter)| counter).unwrap_or_default();
        // A counter that nobody used since its window ended still shows that one.
        Ok(if counter.start < start.0 { (0, 0) } else { (counter.used, counter.held) })
    }

    /// Grants of `organization` that have not ended, those that end first first.
    pub(crate) async fn live_grants(
        &self,
        organization: &OrganizationId,
        currency: Currency,
        now: Timestamp,
    ) -> Result<Vec<Arc<str>>, BillingError> {
        let monotonic = self.ports.clock.monotonic();
        let grants = match self.grants.get(organization, monotonic) {
            Ok(grants) => grants,
            Err(generation) => {
                let grants: Arc<[Grant]> = self.ports.funds.grants(organization, now).await?.into();
                self.grants.keep(organization.clone(), Arc::clone(&grants), monotonic, generation);
                grants
            }
        };
        let is_live =
            |grant: &&Grant| grant.currency == currency && grant.expires_at.is_none_or(|end| end > now);
        Ok(grants.iter().filter(is_live).map(|grant| Arc::clone(&grant.id)).collect())
    }

    /// Enters money that came in.
    ///
    /// # Errors
    /// [`BillingError::InvalidPrice`] for an amount that is not above zero, or an error of the store.
    pub async fn top_up(&self, top_up: TopUp<'_>) -> Result<Posted, BillingError> {
        let TopUp { key, organization, provider, currency, nanos, memo } = top_up;
        positive(nanos)?;
        let account = |kind: &AccountKind| AccountId::new(organization, kind, currency);
        self.post(Post {
            transaction: key,
            kind: EntryKind::TopUp,
            organization: organization.clone(),
            project: None,
            currency,
            moves: vec![Move {
                from: vec![Source::unbounded(account(&AccountKind::Cash(provider.into())))],
                to: account(&AccountKind::Balance),
                nanos,
            }],
            reverses: None,
            memo,
            now: self.ports.clock.now(),
        })
        .await
    }

    /// Gives credit.
    ///
    /// # Errors
    /// [`BillingError::InvalidPrice`] for an amount that is not above zero, or an error of the store.
    pub async fn grant(
        &self,
        grant: &Grant,
        key: Arc<str>,
        memo: Option<String>,
    ) -> Result<Posted, BillingError> {
        positive(grant.nanos)?;
        let account = |kind: &AccountKind| AccountId::new(&grant.organization, kind, grant.currency);
        self.ports.funds.put_grant(grant).await?;
        let posted = self
            .post(Post {
                transaction: key,
                kind: EntryKind::Grant,
                organization: grant.organization.clone(),
                project: None,
                currency: grant.currency,
                moves: vec![Move {
                    from: vec![Source::unbounded(account(&AccountKind::PromotionCost))],
                    to: account(&AccountKind::Promotion(Arc::clone(&grant.id))),
                    nanos: grant.nanos,
                }],
                reverses: None,
                memo,
                now: grant.created_at,
            })
            .await;
        self.grants.forget();
        posted
    }

    /// Undoes a transaction by its entries the other way. What its accounts have not any more is owed. A transaction is
    /// undone once, however often this is called.
    ///
    /// # Errors
    /// [`BillingError::UnknownTransaction`], or an error of the store.
    pub async fn reverse(
        &self,
        organization: &OrganizationId,
        transaction: &str,
        kind: EntryKind,
        memo: Option<String>,
    ) -> Result<Posted, BillingError> {
        let unknown = || BillingError::UnknownTransaction { transaction: transaction.to_owned() };
        let entries = self.ports.reader.transaction(organization, transaction).await?;
        let currency = entries.first().ok_or_else(unknown)?.money.currency;
        let owed = AccountId::new(organization, &AccountKind::Receivable, currency);
        let back = |entry: &Entry| {
            let is_funds = entry.credit.kind().is_some_and(|kind| kind.is_funds());
            let from = if is_funds {
                vec![Source::funds(entry.credit.clone()), Source::unbounded(owed.clone())]
            } else {
                vec![Source::unbounded(entry.credit.clone())]
            };
            Move { from, to: entry.debit.clone(), nanos: entry.money.nanos }
        };
        self.post(Post {
            transaction: format!("reversal:{transaction}").into(),
            kind,
            organization: organization.clone(),
            project: entries.first().and_then(|entry| entry.project.clone()),
            currency,
            moves: entries.iter().rev().map(back).collect(),
            reverses: Some(transaction.into()),
            memo,
            now: self.ports.clock.now(),
        })
        .await
    }

    /// Every account of `organization`, by id.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn accounts(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<(AccountId, Account)>, BillingError> {
        self.ports.reader.accounts(organization).await
    }

    /// Entries of `organization`, newest first, from the one before `before` on, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn entries(
        &self,
        organization: &OrganizationId,
        before: Option<&EntryPlace>,
        limit: u32,
    ) -> Result<Vec<Entry>, BillingError> {
        self.ports.reader.entries(organization, before, limit).await
    }

    /// The entries of a transaction of `organization`; none when there is no such transaction.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn transaction(
        &self,
        organization: &OrganizationId,
        transaction: &str,
    ) -> Result<Vec<Entry>, BillingError> {
        self.ports.reader.transaction(organization, transaction).await
    }

    /// Computes the ledger anew and says what is wrong.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn verify(&self) -> Result<Verification, BillingError> {
        self.ports.reader.verify(self.ports.clock.now()).await
    }

    /// Enters a transaction.
    ///
    /// # Errors
    /// As [`Ledger::post`](crate::Ledger::post).
    pub async fn post(&self, post: Post) -> Result<Posted, BillingError> {
        self.ports.ledger.post(post).await
    }
}

fn positive(nanos: i64) -> Result<(), BillingError> {
    if nanos > 0 {
        return Ok(());
    }
    Err(BillingError::InvalidPrice { field: "amount", reason: "an amount is above zero".to_owned() })
}

/// The zone of that name in the time zone database.
///
/// # Errors
/// [`BillingError::InvalidLimit`] when there is none.
pub fn zone(name: &str) -> Result<TimeZone, BillingError> {
    TimeZone::get(name).map_err(|_| BillingError::InvalidLimit {
        field: "time_zone",
        reason: format!("`{}` is no time zone; write one as `Asia/Shanghai`", name.escape_debug()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(window: SpendWindow, at: &str, zone_name: &str) -> (String, String) {
        let at: jiff::Timestamp = at.parse().unwrap();
        let (start, end) = window.span(Timestamp(at.as_millisecond()), &zone(zone_name).unwrap());
        let text = |t: Timestamp| jiff::Timestamp::from_millisecond(t.0).unwrap().to_string();
        (text(start), text(end))
    }

    #[test]
    fn days_and_months_are_those_of_the_zone() {
        let shanghai = span(SpendWindow::Day, "2026-11-23T16:00:00Z", "Asia/Shanghai");
        assert_eq!(shanghai, ("2026-11-23T16:00:00Z".into(), "2026-11-24T16:00:00Z".into()));
        // Half an hour off, and a month with a change of the clocks in it.
        let kolkata = span(SpendWindow::Month, "2024-02-29T18:30:00Z", "Asia/Kolkata");
        assert_eq!(kolkata, ("2024-02-29T18:30:00Z".into(), "2024-03-31T18:30:00Z".into()));
        let berlin = span(SpendWindow::Month, "2026-03-15T12:00:00Z", "Europe/Berlin");
        assert_eq!(berlin, ("2026-02-28T23:00:00Z".into(), "2026-03-31T22:00:00Z".into()));
        // A day of 23 hours whose midnight is left out.
        let santiago = span(SpendWindow::Day, "2026-09-06T12:00:00Z", "America/Santiago");
        assert_eq!(santiago, ("2026-09-06T04:00:00Z".into(), "2026-09-07T03:00:00Z".into()));
    }
}
