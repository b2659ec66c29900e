//! `[rental]`: the terms on which replicas are rented out.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use serde::Deserialize;
use tenfold_billing::Billing;
use tenfold_kernel::{Clock, Rng};
use tenfold_serving::{Offering, RentalConfig, Rentals};
use tenfold_store::Store;

/// `[rental]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rental {
    /// What this platform's devices are called; a second costs what the prices of `device:` and this name say.
    device_class: String,
    /// Seconds that a rental costs at least.
    minimum_seconds: u64,
    /// Rentals at a time.
    most: u32,
}

impl Default for Rental {
    fn default() -> Self {
        Self { device_class: "cpu".to_owned(), minimum_seconds: 60, most: 100 }
    }
}

impl Rental {
    pub(crate) fn validate(&self) -> anyhow::Result<()> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let class = &self.device_class;
        ensure!(
            (1..=64).contains(&class.len()) && class.chars().all(is_name),
            "rental.device_class must be 1 to 64 letters, digits, `-`, `_` and `.`"
        );
        ensure!(
            self.minimum_seconds <= 86_400,
            "rental.minimum_seconds must be at most 86400, which is a day"
        );
        Ok(())
    }

    pub(crate) fn rentals(
        &self,
        process: Arc<str>,
        parts: (&Arc<Billing>, &Arc<Store>, &Arc<Offering>),
        clock: &Arc<dyn Clock>,
        rng: &Arc<dyn Rng>,
    ) -> Arc<Rentals> {
        let (billing, store, offering) = parts;
        let config = RentalConfig {
            device_class: self.device_class.as_str().into(),
            minimum_seconds: self.minimum_seconds,
            slice_seconds: 60,
            ahead: Duration::from_secs(15),
            lease: Duration::from_secs(30),
            most: self.most,
            process,
        };
        let (billing, store, host) = (Arc::clone(billing), Arc::clone(store) as _, Arc::clone(offering) as _);
        Arc::new(Rentals::new(config, billing, store, host, Arc::clone(clock), Arc::clone(rng)))
    }
}
