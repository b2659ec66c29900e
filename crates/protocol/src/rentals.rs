//! `/v1/organization/billing/rentals`: replicas that a project has for itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Rents a replica.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRental {
    /// An installed model of the catalogue.
    pub model: String,
    /// The project that alone may call it.
    pub project_id: String,
    /// What it is to run on; the platform's own class when left out.
    pub device_class: Option<String>,
    /// The name to call it by; one is made up when left out.
    pub name: Option<String>,
}

/// A rented replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RentalObject {
    /// Its id.
    pub id: String,
    /// `billing.rental`.
    pub object: String,
    /// `starting`: its replica starts, and nothing is charged; `up`: its seconds are charged; `ended`.
    pub status: String,
    /// The catalogue's model.
    pub model: String,
    /// The name that calls have as `model`.
    pub name: String,
    /// The project that alone may call it.
    pub project_id: String,
    /// What it runs on. A second costs what the price list of `device:` and this class says.
    pub device_class: String,
    /// Seconds that it costs at least, once it was up.
    pub minimum_seconds: u64,
    /// Seconds that were charged so far.
    pub charged_seconds: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// When it took calls first.
    pub up_at: Option<i64>,
    /// When its end was asked for or came.
    pub ends_at: Option<i64>,
    /// `requested`; `balance`: the next slice could not be paid; `withdrawn`: its deployment was taken away.
    pub end_reason: Option<String>,
}
