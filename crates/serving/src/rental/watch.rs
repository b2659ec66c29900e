//! Looking after rentals: charging their seconds, and ending them.

use std::sync::Arc;

use tenfold_billing::{BillingError, CallStatus, Event, Labels, Operation, Quote, Reservation};
use tenfold_kernel::{EventId, OrganizationId, RequestId, Timestamp, Unit, Units};

use super::{EndReason, Rental, RentalStatus, Rentals};
use crate::ServingError;

/// Time of a rental that is paid for.
#[derive(Debug)]
pub(super) struct Slice {
    /// Its first moment.
    from: Timestamp,
    /// When the replica was last seen to be up.
    seen: Timestamp,
    /// What is held for.
    seconds: u64,
    /// What is charged at least.
    minimum: u64,
    quote: Quote,
    reservation: Reservation,
}

impl Slice {
    /// Whole seconds from its first moment to `at`, no more than were paid for.
    fn elapsed(&self, at: Timestamp) -> u64 {
        u64::try_from((at.0 - self.from.0) / 1000).unwrap_or(0).min(self.seconds)
    }
}

impl Rentals {
    /// Looks after every rental once. Called every few seconds, by every process.
    ///
    /// # Errors
    /// The first error that a rental met; the others are looked after all the same.
    pub async fn look(&self) -> Result<(), ServingError> {
        let mut first = Ok(());
        for rental in self.store.live_rentals(self.config.most).await.map_err(ServingError::Store)? {
            first = first.and(self.look_at(rental).await);
        }
        first
    }

    /// Ends a rental: its seconds until now are charged, and its replica is taken away. Nothing where the organisation
    /// has no such rental. One that has ended stays as it is.
    ///
    /// # Errors
    /// [`ServingError::Store`], an error of billing, or as [`RentalHost::stop`](super::RentalHost::stop).
    pub async fn stop(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<Option<Rental>, ServingError> {
        let Some(rental) = self.get(organization, id).await? else { return Ok(None) };
        if rental.status == RentalStatus::Ended {
            return Ok(Some(rental));
        }
        let asked = self.ask_to_end(rental, self.clock.now(), EndReason::Requested).await?;
        self.look_at(asked).await?;
        self.get(organization, id).await
    }

    /// Charges what has run until now and leaves the rentals to other processes, or to the next run of this one.
    ///
    /// # Errors
    /// The first error that a rental met.
    pub async fn leave(&self) -> Result<(), ServingError> {
        let mut first = Ok(());
        let mut slices = self.slices.lock().await;
        for rental in self.store.live_rentals(self.config.most).await.map_err(ServingError::Store)? {
            let Some(slice) = slices.remove(&rental.id) else { continue };
            let seen = slice.seen;
            let charged = match self.charge(rental, slice, seen).await {
                Ok(rental) => {
                    let change = |rental: &mut Rental| {
                        rental.status = RentalStatus::Starting;
                        rental.watched_at = Timestamp(0);
                    };
                    self.change(rental, change).await.map(|_| ())
                }
                Err(error) => Err(error),
            };
            first = first.and(charged);
        }
        first
    }

    async fn look_at(&self, rental: Rental) -> Result<(), ServingError> {
        let mut slices = self.slices.lock().await;
        let now = self.clock.now();
        let mut slice = slices.remove(&rental.id);
        let is_up = self.host.is_up(&rental.deployment);
        let Some(rental) = self.claim(rental.clone(), is_up, now).await? else {
            // Another process has it, since this one did not look for long: what it saw is charged still.
            let Some(slice) = slice else { return Ok(()) };
            let seen = slice.seen;
            return self.charge(rental, slice, seen).await.map(|_| ());
        };
        if let Some(slice) = &mut slice
            && is_up == Some(true)
        {
            slice.seen = now;
        }
        if rental.ends_at.is_some() || is_up.is_none() {
            return self.end(rental, slice, now).await;
        }
        match slice {
            None if is_up == Some(true) => {
                let seconds = if rental.up_at.is_none() {
                    self.first_slice(&rental)
                } else {
                    self.config.slice_seconds
                };
                let minimum = if rental.up_at.is_none() { rental.minimum_seconds } else { 0 };
                if let Some(slice) = self.begin(&rental, now, seconds, minimum).await? {
                    slices.insert(Arc::clone(&rental.id), slice);
                    let change = |rental: &mut Rental| {
                        rental.status = RentalStatus::Up;
                        rental.up_at = rental.up_at.or(Some(now));
                    };
                    self.change(rental, change).await?;
                    return Ok(());
                }
                self.end_unpaid(rental, None, now).await
            }
            None => Ok(()),
            Some(slice) if is_up == Some(true) => {
                let left = slice.seconds - slice.elapsed(now);
                if left > self.config.ahead.as_secs() {
                    slices.insert(Arc::clone(&rental.id), slice);
                    return Ok(());
                }
                let elapsed = slice.elapsed(now);
                let until = Timestamp(slice.from.0 + millis(elapsed));
                // What this slice falls short of the minimum is the next one's.
                let minimum = slice.minimum.saturating_sub(elapsed);
                // Held before this one is charged: in between another call must not take the money.
                let next = self.begin(&rental, until, self.config.slice_seconds, minimum).await?;
                match next {
                    Some(next) => {
                        slices.insert(Arc::clone(&rental.id), Slice { seen: now, ..next });
                        self.charge(rental, Slice { minimum: 0, ..slice }, now).await.map(|_| ())
                    }
                    // What is paid for is used up; money may come until then.
                    None if left > 0 => {
                        slices.insert(Arc::clone(&rental.id), slice);
                        Ok(())
                    }
                    None => self.end_unpaid(rental, Some(slice), now).await,
                }
            }
            Some(slice) => {
                let seen = slice.seen;
                let rental = self.charge(rental, slice, seen).await?;
                self.change(rental, |rental| rental.status = RentalStatus::Starting).await?;
                Ok(())
            }
        }
    }

    /// Makes a rental this process's own to look after, where nobody else does; nothing where somebody does.
    async fn claim(
        &self,
        mut rental: Rental,
        is_up: Option<bool>,
        now: Timestamp,
    ) -> Result<Option<Rental>, ServingError> {
        let lease = i64::try_from(self.config.lease.as_millis()).unwrap_or(i64::MAX);
        let is_mine = *rental.watcher == *self.config.process;
        let is_free = rental.watched_at.0.saturating_add(lease) < now.0;
        // Where this process knows of no replica, another may have it.
        if !is_mine && !(is_free && (is_up.is_some() || rental.ends_at.is_some())) {
            return Ok(None);
        }
        rental.watcher = Arc::clone(&self.config.process);
        rental.watched_at = now;
        let is_kept = self.store.update_rental(&rental).await.map_err(ServingError::Store)?;
        rental.revision += 1;
        Ok(is_kept.then_some(rental))
    }

    /// Holds the money of a slice, or of a part of it where there is no more; nothing where there is not even that.
    async fn begin(
        &self,
        rental: &Rental,
        from: Timestamp,
        seconds: u64,
        minimum: u64,
    ) -> Result<Option<Slice>, ServingError> {
        let quote = self.quote(rental).await?;
        for seconds in [seconds, seconds / 2, seconds / 4] {
            if seconds < minimum.max(1) {
                break;
            }
            match self.reserve(rental, &quote, seconds).await {
                Ok(reservation) => {
                    return Ok(Some(Slice { from, seen: from, seconds, minimum, quote, reservation }));
                }
                // A budget that is spent is no better than a balance that is.
                Err(BillingError::InsufficientQuota { .. } | BillingError::RateLimited { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Charges a slice until `at` and gives the rest back.
    async fn charge(&self, rental: Rental, slice: Slice, at: Timestamp) -> Result<Rental, ServingError> {
        let seconds = slice.elapsed(at).max(slice.minimum);
        if seconds == 0 {
            return Ok(rental);
        }
        let units = Units::new().with(Unit::ReplicaSeconds, seconds);
        let event = Event {
            id: EventId::generate(&*self.rng),
            idempotency_key: format!("rental:{}:{}", rental.id, slice.from.0),
            request_id: RequestId::generate(&*self.rng),
            created_at: slice.from,
            completed_at: self.clock.now(),
            organization: rental.organization.clone(),
            project: rental.project.clone(),
            api_key: rental.api_key.clone(),
            user: rental.user.clone(),
            service_account: rental.service_account.clone(),
            operation: Operation::Rental,
            deployment: Arc::clone(&rental.deployment),
            model_version: Arc::clone(&rental.model),
            replica: None,
            node: None,
            status: CallStatus::Completed,
            error_code: None,
            cost: slice.quote.cost(Some(&units))?,
            units,
            usage_known: true,
            price_version: slice.quote.version(),
            queue_ms: 0,
            first_token_ms: None,
            duration_ms: seconds.saturating_mul(1000),
            batch: false,
            service_tier: None,
            labels: Labels::default(),
            energy: None,
        };
        self.billing.settle(slice.reservation, event).await?;
        self.change(rental, |rental| rental.charged_seconds += seconds).await
    }

    /// Notes that a rental is to end at `at`, unless that was noted before.
    async fn ask_to_end(
        &self,
        rental: Rental,
        at: Timestamp,
        reason: EndReason,
    ) -> Result<Rental, ServingError> {
        let change = |rental: &mut Rental| {
            rental.end_reason = rental.end_reason.or(Some(reason));
            rental.ends_at = rental.ends_at.or(Some(at));
        };
        self.change(rental, change).await
    }

    async fn end_unpaid(
        &self,
        rental: Rental,
        slice: Option<Slice>,
        now: Timestamp,
    ) -> Result<(), ServingError> {
        let asked = self.ask_to_end(rental, now, EndReason::Balance).await?;
        self.end(asked, slice, now).await
    }

    /// Charges what is left, takes the replica away, and marks the rental as ended, in this order: after a crash in between
    /// the rest is done by whoever looks next.
    async fn end(&self, rental: Rental, slice: Option<Slice>, now: Timestamp) -> Result<(), ServingError> {
        let rental = self.ask_to_end(rental, now, EndReason::Withdrawn).await?;
        let until = rental.ends_at.unwrap_or(now).min(now);
        let rental = match slice {
            Some(slice) => {
                let until = until.min(slice.seen);
                self.charge(rental, slice, until).await?
            }
            None => rental,
        };
        self.host.stop(&rental.deployment).await?;
        self.change(rental, |rental| rental.status = RentalStatus::Ended).await?;
        Ok(())
    }
}

fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}
