//! Credit that was not used in time: the sweep that takes it back.

use std::sync::Arc;

use crate::billing::Billing;
use crate::error::BillingError;
use crate::funds::Grant;
use crate::ledger::{AccountId, AccountKind, EntryKind, Move, Post, Source};

/// How many ended grants are read at once.
const PAGE: u32 = 200;

impl Billing {
    /// Takes back what is left of grants that have ended; says how many grants were closed. A grant of which calls that
    /// run hold something waits for the next time.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails; what was taken back stays so.
    pub async fn expire_grants(&self) -> Result<u64, BillingError> {
        let now = self.ports.clock.now();
        let (mut closed, mut after) = (0, None);
        loop {
            let place = after.as_ref().map(|(end, id): &(_, Arc<str>)| (*end, &**id));
            let grants = self.ports.funds.ended_grants(now, place, PAGE).await?;
            let Some(last) = grants.last() else { return Ok(closed) };
            after = Some((last.expires_at.unwrap_or(now), Arc::clone(&last.id)));
            for grant in &grants {
                closed += u64::from(self.expire(grant).await?);
            }
        }
    }

    /// Says whether the grant was closed.
    async fn expire(&self, grant: &Grant) -> Result<bool, BillingError> {
        let account = |kind: &AccountKind| AccountId::new(&grant.organization, kind, grant.currency);
        let promotion = account(&AccountKind::Promotion(Arc::clone(&grant.id)));
        let all = self.ports.reader.accounts(&grant.organization).await?;
        let left = all.into_iter().find(|(id, _)| *id == promotion).map(|(_, left)| left).unwrap_or_default();
        if left.held > 0 {
            return Ok(false);
        }
        let now = self.ports.clock.now();
        if left.balance > 0 {
            let posted = self
                .post(Post {
                    transaction: format!("expiry:{}", grant.id).into(),
                    kind: EntryKind::Expiry,
                    organization: grant.organization.clone(),
                    project: None,
                    currency: grant.currency,
                    moves: vec![Move {
                        from: vec![Source::funds(promotion)],
                        to: account(&AccountKind::PromotionCost),
                        nanos: left.balance,
                    }],
                    reverses: None,
                    memo: None,
                    now,
                })
                .await;
            match posted {
                Ok(_) => {}
                // A call took of it since it was read.
                Err(BillingError::InsufficientQuota { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.ports.funds.close_grant(grant, now).await
    }
}
