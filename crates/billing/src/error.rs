//! What can go wrong with meters, prices and limits.

use std::borrow::Cow;
use std::time::Duration;

use tenfold_kernel::{BoxError, Classify, Currency, ErrorKind};

use crate::limit::Reached;

/// An error of billing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BillingError {
    /// A limit is reached.
    #[error("{reached} of {subject}: limit {limit}, {requested} more requested")]
    RateLimited {
        /// Whose limit, such as "project `proj_1` for `m`".
        subject: String,
        /// Which limit.
        reached: Reached,
        /// The limit.
        limit: u64,
        /// What the call would have added.
        requested: u64,
        /// When the call would fit; nothing when it never will, being larger than the limit itself.
        retry_after: Option<Duration>,
    },
    /// There is no such transaction.
    #[error("there is no transaction `{transaction}`")]
    UnknownTransaction {
        /// Its key.
        transaction: String,
    },
    /// A code that is worth nothing.
    #[error("{why}")]
    UnknownVoucher {
        /// Why.
        why: &'static str,
    },
    /// What may be spent does not pay for the call.
    #[error(
        "the balance does not pay for this call: it may cost {} {currency} and {} {currency} is left; \
         top up, or ask for fewer tokens",
        decimal(*.needed), decimal(*.available)
    )]
    InsufficientQuota {
        /// What it costs at most, in nano-units.
        needed: i64,
        /// What there is.
        available: i64,
        /// Of both.
        currency: Currency,
    },
    /// A cost that no amount of money can hold.
    #[error("the cost of a call of `{deployment}` does not fit in an amount of money")]
    CostOverflow {
        /// The deployment that was called.
        deployment: String,
    },
    /// A price list that cannot be.
    #[error("{reason}")]
    InvalidPrice {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A limit that cannot be.
    #[error("{reason}")]
    InvalidLimit {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// An order to pay in that cannot be.
    #[error("{reason}")]
    InvalidCheckout {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A payment provider did not do what it was asked for.
    #[error("the payment provider `{provider}` failed")]
    Provider {
        /// Which.
        provider: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// A notification is not what it claims to be, or cannot be read.
    #[error("the notification of `{provider}` is not believed")]
    Disbelieved {
        /// Whose it claims to be.
        provider: &'static str,
        /// Why not.
        #[source]
        source: BoxError,
    },
    /// A report that cannot be made.
    #[error("{reason}")]
    InvalidQuery {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Labels that do not fit an event.
    #[error("{reason}")]
    InvalidLabel {
        /// What is wrong.
        reason: String,
    },
    /// A report whose groups are too many for one page.
    #[error("the report has more than {limit} rows: ask for fewer buckets or groups")]
    ReportTooLarge {
        /// The most rows that a page may have.
        limit: usize,
    },
    /// The log of events takes no more: it is full or shutting down.
    #[error("the event log is closed")]
    Closed,
    /// The database does not answer now.
    #[error("the billing store is not available to {action}")]
    Unavailable {
        /// What was attempted.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: BoxError,
    },
    /// The database failed.
    #[error("the billing store failed to {action}")]
    Store {
        /// What was attempted.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: BoxError,
    },
}

impl Classify for BillingError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::RateLimited { .. } | Self::InsufficientQuota { .. } => ErrorKind::TooManyRequests,
            Self::InvalidPrice { .. }
            | Self::InvalidLimit { .. }
            | Self::InvalidCheckout { .. }
            | Self::InvalidQuery { .. }
            | Self::InvalidLabel { .. }
            | Self::ReportTooLarge { .. } => ErrorKind::InvalidRequest,
            Self::UnknownTransaction { .. } | Self::UnknownVoucher { .. } => ErrorKind::NotFound,
            Self::Provider { .. } => ErrorKind::BadGateway,
            Self::Disbelieved { .. } => ErrorKind::Unauthenticated,
            Self::Closed | Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::CostOverflow { .. } | Self::Store { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::RateLimited { .. } => Some(Cow::Borrowed("rate_limit_exceeded")),
            Self::InsufficientQuota { .. } => Some(Cow::Borrowed("insufficient_quota")),
            Self::UnknownVoucher { .. } => Some(Cow::Borrowed("invalid_voucher")),
            _ => None,
        }
    }

    fn param(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::InvalidPrice { field, .. }
            | Self::InvalidLimit { field, .. }
            | Self::InvalidCheckout { field, .. }
            | Self::InvalidQuery { field, .. } => Some(Cow::Borrowed(field)),
            Self::InvalidLabel { .. } => Some(Cow::Borrowed("metadata")),
            Self::UnknownVoucher { .. } => Some(Cow::Borrowed("code")),
            Self::ReportTooLarge { .. } => Some(Cow::Borrowed("limit")),
            Self::RateLimited { .. }
            | Self::InsufficientQuota { .. }
            | Self::UnknownTransaction { .. }
            | Self::Provider { .. }
            | Self::Disbelieved { .. }
            | Self::CostOverflow { .. }
            | Self::Closed
            | Self::Unavailable { .. }
            | Self::Store { .. } => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } => *retry_after,
            Self::Closed | Self::Unavailable { .. } => Some(Duration::from_secs(1)),
            Self::InvalidPrice { .. }
            | Self::InvalidLimit { .. }
            | Self::InvalidCheckout { .. }
            | Self::Provider { .. }
            | Self::Disbelieved { .. }
            | Self::InvalidQuery { .. }
            | Self::InvalidLabel { .. }
            | Self::ReportTooLarge { .. }
            | Self::InsufficientQuota { .. }
            | Self::UnknownTransaction { .. }
            | Self::UnknownVoucher { .. }
            | Self::CostOverflow { .. }
            | Self::Store { .. } => None,
        }
    }
}

/// An amount as a decimal number, without zeros at its end.
pub(crate) fn decimal(nanos: i64) -> String {
    let (whole, rest) = (nanos / 1_000_000_000, (nanos % 1_000_000_000).abs());
    let sign = if nanos < 0 && whole == 0 { "-" } else { "" };
    let text = format!("{sign}{whole}.{rest:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
