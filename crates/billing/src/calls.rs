//! Single calls: the events themselves, newest first.

use tenfold_kernel::{OrganizationId, ProjectId, Timestamp};

use crate::billing::Billing;
use crate::error::BillingError;
use crate::event::{CallStatus, Event};
use crate::report::Filter;

/// The most calls of a page.
pub const MAX_CALLS: u32 = 100;

/// Which calls are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// From when, inclusive.
    pub from: Option<Timestamp>,
    /// Until when, exclusive.
    pub until: Option<Timestamp>,
    /// Which of them.
    pub filter: Filter,
    /// How they ended; an empty list does not restrict.
    pub statuses: Vec<CallStatus>,
    /// Those that are older than this one.
    pub before: Option<CallPlace>,
    /// How many at most.
    pub limit: u32,
}

/// A place among calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPlace {
    /// When the call was admitted.
    pub created_at: Timestamp,
    /// Its [`Event::idempotency_key`].
    pub key: String,
}

impl Billing {
    /// Calls, newest first, those that were refused among them; and whether there are more. `after` is the key of the
    /// call that the page comes after.
    ///
    /// # Errors
    /// [`BillingError::InvalidQuery`] naming the field at fault; [`BillingError::Store`] when the database fails.
    pub async fn calls(
        &self,
        mut query: CallQuery,
        after: Option<&str>,
    ) -> Result<(Vec<Event>, bool), BillingError> {
        let invalid =
            |field, reason: &str| Err(BillingError::InvalidQuery { field, reason: reason.to_owned() });
        if !(1..=MAX_CALLS).contains(&query.limit) {
            return invalid("limit", &format!("a page has 1 to {MAX_CALLS} calls"));
        }
        if let Some(key) = after {
            let Some(last) = self.ports.usage.call(&query.organization, key).await? else {
                return invalid("after", "there is no call with this key");
            };
            query.before = Some(CallPlace { created_at: last.created_at, key: last.idempotency_key });
        }
        let wanted = query.limit as usize;
        query.limit += 1;
        let mut calls = self.ports.usage.calls(&query).await?;
        let has_more = calls.len() > wanted;
        calls.truncate(wanted);
        Ok((calls, has_more))
    }

    /// The call with this key; `project` sees its own alone.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn call(
        &self,
        organization: &OrganizationId,
        project: Option<&ProjectId>,
        key: &str,
    ) -> Result<Option<Event>, BillingError> {
        let call = self.ports.usage.call(organization, key).await?;
        Ok(call.filter(|call| project.is_none_or(|project| call.project == *project)))
    }
}
