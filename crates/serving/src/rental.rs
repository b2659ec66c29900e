//! Rentals: a replica of a model that a project has for itself, paid by the second while it is up.
//!
//! A rental is a deployment of its own, seen by the project that rents it; its calls cost nothing more. Its seconds are
//! charged in slices. The money of a slice is held before it begins, so that a prepaid balance is never overdrawn, and
//! each slice that was used leaves one event, whose key is the rental and the slice's first moment. What nobody watched
//! is not charged: the time while the replica is down, or the platform is.

mod host;
mod watch;

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tenfold_billing::{Billing, BillingError, Demand, Occasion, Payer, Quote};
use tenfold_kernel::{
    ApiKeyId, BoxError, Caller, Clock, OrganizationId, ProjectId, Rng, ServiceAccountId, Timestamp, Unit,
    Units, UserId, base62,
};
use tokio::sync::Mutex;

use crate::ServingError;
use watch::Slice;

/// Whose prices are those of a device class: a price list of this name and the class.
pub const DEVICE_PRICES: &str = "device:";

/// How often a change is tried again that another process was quicker to make.
const TRIES: usize = 8;

/// What a rental is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RentalStatus {
    /// Its replica starts, or starts again. Nothing is charged.
    Starting,
    /// Its replica is up, and its seconds are charged.
    Up,
    /// It is over.
    Ended,
}

impl RentalStatus {
    /// The name on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Ended => "ended",
        }
    }
}

/// Why a rental is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Somebody ended it.
    Requested,
    /// The next slice could not be paid.
    Balance,
    /// Its deployment was taken away, or could not be made.
    Withdrawn,
}

impl EndReason {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Balance => "balance",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A rented replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rental {
    /// Its id.
    pub id: Arc<str>,
    /// Who pays.
    pub organization: OrganizationId,
    /// Who alone may call it.
    pub project: ProjectId,
    /// The key that rented it.
    pub api_key: ApiKeyId,
    /// The person behind the key.
    pub user: Option<UserId>,
    /// The program behind the key.
    pub service_account: Option<ServiceAccountId>,
    /// The catalogue's model.
    pub model: Arc<str>,
    /// The name under which it is called.
    pub deployment: Arc<str>,
    /// What it runs on.
    pub device_class: Arc<str>,
    /// Seconds that it costs at least.
    pub minimum_seconds: u64,
    /// What it is doing.
    pub status: RentalStatus,
    /// Seconds that were charged.
    pub charged_seconds: u64,
    /// When it was rented.
    pub created_at: Timestamp,
    /// When its replica was up first.
    pub up_at: Option<Timestamp>,
    /// When its end was asked for or came: no later second is charged.
    pub ends_at: Option<Timestamp>,
    /// Why.
    pub end_reason: Option<EndReason>,
    /// The process that looks after it.
    pub watcher: Arc<str>,
    /// When that did so last: after a while another may take over.
    pub watched_at: Timestamp,
    /// How often it was changed.
    pub revision: i64,
}

/// Keeps rentals.
#[async_trait]
pub trait RentalStore: Send + Sync + Debug {
    /// Keeps a new rental.
    ///
    /// # Errors
    /// When the store cannot be reached. Durable when it returns.
    async fn insert_rental(&self, rental: &Rental) -> Result<(), BoxError>;

    /// Keeps what has changed of a rental, unless its revision is not what it was read with; says whether it did. The
    /// revision is one more then.
    ///
    /// # Errors
    /// When the store cannot be reached. Durable when it returns.
    async fn update_rental(&self, rental: &Rental) -> Result<bool, BoxError>;

    /// An organisation's rental.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn rental(&self, organization: &OrganizationId, id: &str) -> Result<Option<Rental>, BoxError>;

    /// Rentals of an organisation, newest first, from the one after `after` on, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn rentals(
        &self,
        organization: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Rental>, BoxError>;

    /// Rentals that have not ended, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn live_rentals(&self, limit: u32) -> Result<Vec<Rental>, BoxError>;
}

/// What runs rented replicas, as one process sees it.
#[async_trait]
pub trait RentalHost: Send + Sync + Debug {
    /// Starts a replica of a model for one project and keeps it, under a name that only this rental has.
    ///
    /// # Errors
    /// As [`Offering::offer_model`](crate::Offering::offer_model).
    async fn start(&self, model: &str, name: &str, project: &ProjectId) -> Result<(), ServingError>;

    /// Takes the replica away. One that is not there is no error.
    ///
    /// # Errors
    /// As [`Offering::withdraw`](crate::Offering::withdraw).
    async fn stop(&self, name: &str) -> Result<(), ServingError>;

    /// Whether the replica takes calls; nothing where this process knows of none.
    fn is_up(&self, name: &str) -> Option<bool>;
}

/// Terms of renting.
#[derive(Debug, Clone)]
pub struct RentalConfig {
    /// The class of this platform's devices.
    pub device_class: Arc<str>,
    /// Seconds that a rental costs at least.
    pub minimum_seconds: u64,
    /// Seconds that are paid in advance at a time.
    pub slice_seconds: u64,
    /// How long before the end of a slice the next one is paid: longer than the time between two looks.
    pub ahead: Duration,
    /// After how long another process looks after a rental whose own does not.
    pub lease: Duration,
    /// Rentals at a time.
    pub most: u32,
    /// Names this process.
    pub process: Arc<str>,
}

/// What is to be rented.
#[derive(Debug, Clone)]
pub struct NewRental {
    /// A model of the catalogue.
    pub model: String,
    /// The device class; the platform's own when not given.
    pub device_class: Option<String>,
    /// The name to call it by; one is made up when not given.
    pub name: Option<String>,
    /// Who alone may call it.
    pub project: ProjectId,
}

/// Rents replicas out.
#[derive(Debug)]
pub struct Rentals {
    config: RentalConfig,
    billing: Arc<Billing>,
    store: Arc<dyn RentalStore>,
    host: Arc<dyn RentalHost>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    /// The slices that run, by rental. One task at a time looks after rentals.
    slices: Mutex<HashMap<Arc<str>, Slice>>,
}

impl Rentals {
    /// Plugs the parts together.
    pub fn new(
        config: RentalConfig,
        billing: Arc<Billing>,
        store: Arc<dyn RentalStore>,
        host: Arc<dyn RentalHost>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Self {
        Self { config, billing, store, host, clock, rng, slices: Mutex::default() }
    }

    /// Whether there are devices of that class.
    pub fn has_class(&self, class: &str) -> bool {
        *class == *self.config.device_class
    }

    /// Rents a replica. Its seconds are charged from the moment on at which it takes calls.
    ///
    /// # Errors
    /// [`ServingError::Invalid`] naming the field at fault, [`BillingError::InsufficientQuota`] when the minimum cannot
    /// be paid, and as [`RentalHost::start`].
    pub async fn rent(&self, caller: &Caller, new: NewRental) -> Result<Rental, ServingError> {
        let class: Arc<str> =
            new.device_class.map_or_else(|| Arc::clone(&self.config.device_class), Into::into);
        if !self.has_class(&class) {
            let has = &self.config.device_class;
            return Err(invalid("device_class", format!("This platform's device class is `{has}`.")));
        }
        let tail = base62(&*self.rng, 8).to_lowercase();
        let deployment: Arc<str> = match new.name {
            Some(name) if !self.billing.prices(&name).await?.is_empty() => {
                let reason = format!("`{}` has prices of its own; take another name.", name.escape_debug());
                return Err(invalid("name", reason));
            }
            Some(name) if name.starts_with(DEVICE_PRICES) => {
                return Err(invalid("name", format!("A name does not begin with `{DEVICE_PRICES}`.")));
            }
            Some(name) => name.into(),
            None => format!("{}-{tail}", new.model).into(),
        };
        if self.store.live_rentals(self.config.most).await.map_err(ServingError::Store)?.len()
            >= self.config.most as usize
        {
            let most = self.config.most;
            return Err(invalid("device_class", format!("All {most} replicas that can be rented are.")));
        }
        let now = self.clock.now();
        let rental = Rental {
            id: format!("rental_{}", base62(&*self.rng, 24)).into(),
            organization: caller.organization.clone(),
            project: new.project,
            api_key: caller.api_key.clone(),
            user: caller.user.clone(),
            service_account: caller.service_account.clone(),
            model: new.model.into(),
            deployment,
            device_class: class,
            minimum_seconds: self.config.minimum_seconds,
            status: RentalStatus::Starting,
            charged_seconds: 0,
            created_at: now,
            up_at: None,
            ends_at: None,
            end_reason: None,
            watcher: Arc::clone(&self.config.process),
            watched_at: now,
            revision: 0,
        };
        // Only seen to be payable: it is held again when the replica is up, which may take a while.
        let quote = self.quote(&rental).await?;
        drop(self.reserve(&rental, &quote, self.first_slice(&rental)).await?);
        // Kept first: a replica that no rental stands behind would be had for nothing.
        self.store.insert_rental(&rental).await.map_err(ServingError::Store)?;
        if let Err(error) = self.host.start(&rental.model, &rental.deployment, &rental.project).await {
            let change = |rental: &mut Rental| {
                rental.status = RentalStatus::Ended;
                rental.ends_at = Some(now);
                rental.end_reason = Some(EndReason::Withdrawn);
            };
            self.change(rental, change).await?;
            return Err(error);
        }
        Ok(rental)
    }

    /// An organisation's rental.
    ///
    /// # Errors
    /// [`ServingError::Store`].
    pub async fn get(&self, organization: &OrganizationId, id: &str) -> Result<Option<Rental>, ServingError> {
        self.store.rental(organization, id).await.map_err(ServingError::Store)
    }

    /// Rentals of an organisation, newest first, from the one after `after` on, at most `limit`.
    ///
    /// # Errors
    /// [`ServingError::Store`].
    pub async fn list(
        &self,
        organization: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Rental>, ServingError> {
        self.store.rentals(organization, after, limit).await.map_err(ServingError::Store)
    }

    /// What a second costs, frozen for one slice.
    async fn quote(&self, rental: &Rental) -> Result<Quote, ServingError> {
        let class = &rental.device_class;
        let list: Arc<str> = format!("{DEVICE_PRICES}{class}").into();
        let quote = self.billing.quote(&rental.organization, &list, &Occasion::default()).await?;
        if quote.list.is_some() {
            return Ok(quote);
        }
        let reason = format!("Devices of the class `{class}` have no price; set one for the model `{list}`.");
        Err(invalid("device_class", reason))
    }

    fn first_slice(&self, rental: &Rental) -> u64 {
        self.config.slice_seconds.max(rental.minimum_seconds)
    }

    async fn reserve(
        &self,
        rental: &Rental,
        quote: &Quote,
        seconds: u64,
    ) -> Result<tenfold_billing::Reservation, BillingError> {
        let payer = Payer {
            organization: &rental.organization,
            project: &rental.project,
            api_key: &rental.api_key,
            user: rental.user.as_ref(),
        };
        let demand = Demand { tokens: 0, most: Units::new().with(Unit::ReplicaSeconds, seconds) };
        self.billing.reserve(payer, &rental.deployment, quote, &demand).await
    }

    /// Changes a rental, whoever else changes it at the same time. Gives it back as it is then.
    async fn change(
        &self,
        mut rental: Rental,
        change: impl Fn(&mut Rental) + Send + Sync,
    ) -> Result<Rental, ServingError> {
        for _ in 0..TRIES {
            change(&mut rental);
            if self.store.update_rental(&rental).await.map_err(ServingError::Store)? {
                rental.revision += 1;
                return Ok(rental);
            }
            let kept = self.get(&rental.organization, &rental.id).await?;
            rental = kept.ok_or_else(|| ServingError::Store("a rental is gone".into()))?;
        }
        Err(ServingError::Store("a rental changes all the time".into()))
    }
}

fn invalid(field: &str, message: String) -> ServingError {
    ServingError::Invalid { message, param: Some(field.to_owned()) }
}
