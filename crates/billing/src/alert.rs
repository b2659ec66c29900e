//! Spend alerts: who is told, once a month, when spending reaches a threshold.
//!
//! An alert reads the counter that a limit of its scope would have. That it is told once is a matter of the store: a
//! delivery is kept once for an alert and a month, and is sent by whoever claimed it.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use tenfold_kernel::{BoxError, Currency, OrganizationId, Secret, Timestamp, base62};

use crate::billing::Billing;
use crate::error::BillingError;
use crate::funds::{SpendLimit, SpendScope, SpendWindow};
use crate::ledger::{Check, Metric};
use crate::limit::Reached;

/// How many alerts or deliveries are read at once.
const PAGE: u32 = 200;
/// For how long a claim keeps others away: longer than any notifier waits.
const LEASE_MS: i64 = 120_000;
const MINUTE_MS: i64 = 60_000;
/// How long after the first attempt, the second and so on the next one is made. After the last one nobody tries.
const BACKOFF_MINUTES: [i64; 6] = [1, 5, 30, 2 * 60, 6 * 60, 24 * 60];
const RECIPIENTS: usize = 20;

/// How an alert is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// By a request to an address.
    Webhook {
        /// The address.
        url: Arc<str>,
        /// Signs the request: `whsec_` and base64. Made here; what a caller gives is not looked at.
        secret: Secret,
    },
    /// By e-mail.
    Email {
        /// To whom; 1 to 20 addresses.
        recipients: Vec<String>,
        /// What the subject begins with.
        subject_prefix: Option<String>,
    },
}

/// A threshold of what is spent in a month of the organisation's zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendAlert {
    /// Its id.
    pub id: Arc<str>,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Whose spending: the organisation's or a project's.
    pub scope: SpendScope,
    /// In which currency.
    pub currency: Currency,
    /// From how much on, in nano-units.
    pub nanos: i64,
    /// How it is told.
    pub channel: Channel,
    /// When it was made.
    pub created_at: Timestamp,
    /// The beginning of the last month in which it was told.
    pub fired_for: Option<Timestamp>,
}

impl SpendAlert {
    /// The limit that counts as this alert does.
    pub fn as_limit(&self) -> SpendLimit {
        SpendLimit {
            id: Arc::clone(&self.id),
            scope: self.scope.clone(),
            window: SpendWindow::Month,
            currency: self.currency,
            nanos: self.nanos,
            is_hard: false,
            created_at: self.created_at,
        }
    }

    /// The counter that counts towards it: that of a limit by month of the same scope.
    pub fn counter(&self) -> Arc<str> {
        self.as_limit().counter(&self.organization)
    }

    /// Makes the counter count a call, and refuses none.
    pub(crate) fn check(&self, now: Timestamp, zone: &TimeZone) -> Check {
        Check {
            counter: self.counter(),
            rule: self.as_limit().rule(now, zone),
            metric: Metric::Spend,
            // Nothing is held: an alert is about what was spent.
            amount: 0,
            limit: self.nanos,
            is_hard: false,
            reached: Reached::SpendPerMonth,
            subject: self.scope.to_string().into(),
        }
    }

    /// What a receiver is told.
    fn body(&self, delivery: &str, spent: i64, window: (Timestamp, Timestamp), now: Timestamp) -> String {
        let (scope, subject) = self.scope.parts();
        serde_json::json!({
            "id": delivery,
            "type": "spend_alert.reached",
            "created_at": now.secs(),
            "data": {
                "alert_id": &*self.id,
                "organization_id": self.organization.as_str(),
                "project_id": (scope == "project").then_some(subject),
                "currency": self.currency.code(),
                "threshold_nanos": self.nanos,
                "spent_nanos": spent,
                "interval": "month",
                "interval_start": window.0.secs(),
                "interval_end": window.1.secs(),
            },
        })
        .to_string()
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It is to be sent.
    Pending,
    /// It was sent and taken.
    Done,
    /// It was given up.
    Failed,
}

impl DeliveryStatus {
    /// The name in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// The status of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Done, Self::Failed].into_iter().find(|status| status.as_str() == text)
    }
}

/// An alert on its way. There is one for an alert and a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id, by which a receiver knows a repeated one.
    pub id: Arc<str>,
    /// Whose alert.
    pub organization: OrganizationId,
    /// Which alert.
    pub alert: Arc<str>,
    /// The beginning of the month.
    pub window_start: Timestamp,
    /// JSON.
    pub body: String,
    /// What became of it.
    pub status: DeliveryStatus,
    /// How often it was claimed.
    pub attempts: i64,
    /// When it may be claimed next.
    pub next_at: Timestamp,
}

/// Where alerts and their deliveries are kept.
#[async_trait]
pub trait AlertStore: Send + Sync + Debug {
    /// The alerts of an organisation, oldest first.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn alerts(&self, organization: &OrganizationId) -> Result<Vec<SpendAlert>, BillingError>;

    /// Alerts of everybody by id, from the one after `after` on, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn all_alerts(&self, after: &str, limit: u32) -> Result<Vec<SpendAlert>, BillingError>;

    /// Keeps an alert in place of one of its id. Where its counter has not counted in `window` yet, it begins with what
    /// events of the window cost.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn put_alert(&self, alert: &SpendAlert, window: (Timestamp, Timestamp))
    -> Result<(), BillingError>;

    /// Takes an alert away with its deliveries; says whether there was one. A counter that a limit or another alert has
    /// too counts on.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn delete_alert(&self, organization: &OrganizationId, id: &str) -> Result<bool, BillingError>;

    /// Keeps a delivery, unless there is one for its alert and month, and notes that the alert was told; says whether
    /// it was kept.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn put_delivery(&self, delivery: &Delivery) -> Result<bool, BillingError>;

    /// Deliveries that may be claimed at `now`, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn due_deliveries(&self, now: Timestamp, limit: u32) -> Result<Vec<Delivery>, BillingError>;

    /// Counts an attempt and sets status and time of the next one, if nobody has claimed it since `delivery` was read;
    /// says whether that was so.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn claim_delivery(&self, delivery: &Delivery, until: Timestamp) -> Result<bool, BillingError>;

    /// Notes what came of the attempt, unless somebody has claimed the delivery since.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    async fn finish_delivery(
        &self,
        delivery: &Delivery,
        status: DeliveryStatus,
        next_at: Timestamp,
    ) -> Result<(), BillingError>;
}

/// A request that tells an alert.
#[derive(Debug, Clone, Copy)]
pub struct WebhookMessage<'a> {
    /// The address.
    pub url: &'a str,
    /// Signs it.
    pub secret: &'a Secret,
    /// Names it, the same for every attempt.
    pub id: &'a str,
    /// When it is sent.
    pub at: Timestamp,
    /// JSON.
    pub body: &'a str,
}

/// Who carries alerts outside.
#[async_trait]
pub trait Notifier: Send + Sync + Debug {
    /// Sends a signed request. It must end within a minute.
    ///
    /// # Errors
    /// Whatever kept the receiver from saying that it has it.
    async fn webhook(&self, message: WebhookMessage<'_>) -> Result<(), BoxError>;

    /// Sends an e-mail. It must end within a minute.
    ///
    /// # Errors
    /// Whatever kept the mail server from saying that it has it.
    async fn email(&self, recipients: &[String], subject: &str, text: &str) -> Result<(), BoxError>;
}

fn invalid(field: &'static str, reason: &str) -> BillingError {
    BillingError::InvalidLimit { field, reason: reason.to_owned() }
}

fn check_channel(channel: &Channel) -> Result<(), BillingError> {
    let has_control = |text: &str| text.chars().any(char::is_control);
    match channel {
        Channel::Webhook { url, .. } if url.len() > 2_048 || has_control(url) => {
            Err(invalid("notification_channel.url", "`url` is an address of at most 2048 bytes"))
        }
        Channel::Email { recipients, .. } if !(1..=RECIPIENTS).contains(&recipients.len()) => {
            Err(invalid("notification_channel.recipients", "an alert has 1 to 20 recipients"))
        }
        Channel::Email { recipients, .. }
            if recipients.iter().any(|to| to.len() > 254 || !to.contains('@') || has_control(to)) =>
        {
            Err(invalid("notification_channel.recipients", "a recipient is an address as `a@example.com`"))
        }
        Channel::Email { subject_prefix: Some(prefix), .. } if prefix.len() > 200 || has_control(prefix) => {
            Err(invalid("notification_channel.subject_prefix", "a prefix is one line of at most 200 bytes"))
        }
        Channel::Webhook { .. } | Channel::Email { .. } => Ok(()),
    }
}

impl Billing {
    /// Makes an alert, or changes the one of its id. What was spent in this month already counts. A webhook keeps the
    /// secret that it has, and gets one where it has none.
    ///
    /// # Errors
    /// [`BillingError::InvalidLimit`] for an alert that cannot be; [`BillingError::Store`] when the database fails.
    pub async fn set_alert(&self, mut alert: SpendAlert) -> Result<SpendAlert, BillingError> {
        if alert.nanos <= 0 {
            return Err(invalid("threshold_amount", "a threshold is above zero"));
        }
        if !matches!(alert.scope, SpendScope::Organization | SpendScope::Project(_)) {
            return Err(invalid("scope", "an alert is about an organisation or a project"));
        }
        check_channel(&alert.channel)?;
        let now = self.ports.clock.now();
        let known = self.alert(&alert.organization, &alert.id).await?;
        if let Some(known) = &known {
            alert.created_at = known.created_at;
            alert.fired_for = known.fired_for;
        } else {
            alert.id = format!("alert_{}", base62(&*self.ports.rng, 24)).into();
            alert.created_at = now;
            alert.fired_for = None;
        }
        if let Channel::Webhook { secret, .. } = &mut alert.channel {
            *secret = match known.map(|known| known.channel) {
                Some(Channel::Webhook { secret, .. }) => secret,
                _ => self.webhook_secret(),
            };
        }
        let zone = self.profile(&alert.organization).await?.zone.clone();
        let done = self.ports.alerts.put_alert(&alert, SpendWindow::Month.span(now, &zone)).await;
        self.alerts.forget();
        done.map(|()| alert)
    }

    fn webhook_secret(&self) -> Secret {
        let mut key = [0; 32];
        self.ports.rng.fill(&mut key);
        Secret::new(&format!("whsec_{}", STANDARD.encode(key)))
    }

    /// The alerts of `organization`, oldest first.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn alerts(&self, organization: &OrganizationId) -> Result<Arc<[SpendAlert]>, BillingError> {
        let now = self.ports.clock.monotonic();
        match self.alerts.get(organization, now) {
            Ok(alerts) => Ok(alerts),
            Err(generation) => {
                let alerts: Arc<[_]> = self.ports.alerts.alerts(organization).await?.into();
                self.alerts.keep(organization.clone(), Arc::clone(&alerts), now, generation);
                Ok(alerts)
            }
        }
    }

    /// The alert of `organization` of that id.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn alert(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<Option<SpendAlert>, BillingError> {
        let all = self.ports.alerts.alerts(organization).await?;
        Ok(all.into_iter().find(|alert| &*alert.id == id))
    }

    /// Takes an alert away; says whether there was one.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn delete_alert(&self, organization: &OrganizationId, id: &str) -> Result<bool, BillingError> {
        let done = self.ports.alerts.delete_alert(organization, id).await;
        self.alerts.forget();
        done
    }

    /// Makes a delivery of every alert whose threshold is reached and that was not told this month; says how many
    /// deliveries this process made. Of several processes that look, one makes each.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails; those that were made stay.
    pub async fn alerts_due(&self) -> Result<u64, BillingError> {
        let mut made = 0;
        let mut after: Arc<str> = "".into();
        loop {
            let alerts = self.ports.alerts.all_alerts(&after, PAGE).await?;
            let Some(last) = alerts.last() else { return Ok(made) };
            after = Arc::clone(&last.id);
            for alert in &alerts {
                made += u64::from(self.fire(alert).await?);
            }
        }
    }

    async fn fire(&self, alert: &SpendAlert) -> Result<bool, BillingError> {
        let now = self.ports.clock.now();
        let zone = self.profile(&alert.organization).await?.zone.clone();
        let window = SpendWindow::Month.span(now, &zone);
        if alert.fired_for == Some(window.0) {
            return Ok(false);
        }
        let (spent, _) = self.spent(&alert.organization, &alert.as_limit()).await?;
        if spent < alert.nanos {
            return Ok(false);
        }
        let id: Arc<str> = format!("msg_{}", base62(&*self.ports.rng, 24)).into();
        let delivery = Delivery {
            body: alert.body(&id, spent, window, now),
            id,
            organization: alert.organization.clone(),
            alert: Arc::clone(&alert.id),
            window_start: window.0,
            status: DeliveryStatus::Pending,
            attempts: 0,
            next_at: now,
        };
        self.ports.alerts.put_delivery(&delivery).await
    }

    /// Sends what is due, each by the process that claims it, and plans another attempt of what did not arrive; says
    /// how many arrived.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails. What was claimed then is tried again when its claim ends.
    pub async fn deliver_due(&self, notifier: &dyn Notifier) -> Result<u64, BillingError> {
        let mut sent = 0;
        for mut delivery in self.ports.alerts.due_deliveries(self.ports.clock.now(), PAGE).await? {
            let until = Timestamp(self.ports.clock.now().0.saturating_add(LEASE_MS));
            if !self.ports.alerts.claim_delivery(&delivery, until).await? {
                continue;
            }
            delivery.attempts += 1;
            let Some(alert) = self.alert(&delivery.organization, &delivery.alert).await? else { continue };
            let result = self.send(notifier, &alert, &delivery).await;
            let now = self.ports.clock.now();
            let (status, next_at) = match &result {
                Ok(()) => (DeliveryStatus::Done, now),
                Err(error) => {
                    tracing::warn!(delivery = &*delivery.id, attempt = delivery.attempts, error = %error,
                        "a spend alert did not arrive");
                    after_failure(delivery.attempts, now)
                }
            };
            sent += u64::from(result.is_ok());
            self.ports.alerts.finish_delivery(&delivery, status, next_at).await?;
        }
        Ok(sent)
    }

    async fn send(
        &self,
        notifier: &dyn Notifier,
        alert: &SpendAlert,
        delivery: &Delivery,
    ) -> Result<(), BoxError> {
        match &alert.channel {
            Channel::Webhook { url, secret } => {
                let at = self.ports.clock.now();
                let (id, body) = (&*delivery.id, &*delivery.body);
                notifier.webhook(WebhookMessage { url, secret, id, at, body }).await
            }
            Channel::Email { recipients, subject_prefix } => {
                let prefix = subject_prefix.as_deref().map(|prefix| format!("{prefix} ")).unwrap_or_default();
                let subject = format!("{prefix}Spend alert of {}", alert.scope);
                let text = format!(
                    "This month's spending of {} has reached the threshold of alert {}.\n\n{}\n",
                    alert.scope, alert.id, delivery.body
                );
                notifier.email(recipients, &subject, &text).await
            }
        }
    }
}

/// What follows when attempt number `attempts` failed at `now`.
fn after_failure(attempts: i64, now: Timestamp) -> (DeliveryStatus, Timestamp) {
    let wait = usize::try_from(attempts - 1).ok().and_then(|n| BACKOFF_MINUTES.get(n));
    match wait {
        Some(minutes) => (DeliveryStatus::Pending, Timestamp(now.0.saturating_add(minutes * MINUTE_MS))),
        None => (DeliveryStatus::Failed, now),
    }
}
