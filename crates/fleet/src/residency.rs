//! Which workers are in memory: room is made before a worker starts.

use std::sync::Arc;
use std::time::Duration;

use crate::deployment::ModelTarget;
use crate::error::FleetError;
use crate::fleet::Shared;
use crate::pool::{Footprint, Pool};

/// What a worker takes besides the model's file and its caches: code, buffers, the tokeniser.
const WORKER_BYTES: u64 = 96 << 20;

/// What a worker of `model` will take. Measured, once one ran (and at least its file, of which a worker that was
/// hardly used has read a part); until then the file, the caches and a tenth.
pub(crate) fn needed_bytes(model: &ModelTarget, measured_bytes: Option<u64>) -> u64 {
    let Some(measured_bytes) = measured_bytes else {
        let known = model.size_bytes.saturating_add(model.cache_bytes);
        return known.saturating_add(known / 10).saturating_add(WORKER_BYTES);
    };
    measured_bytes.max(model.size_bytes)
}

impl Shared {
    /// Makes room for a worker of `pool` in `slot` and marks it as starting, so that the room is its own.
    ///
    /// Idle workers are unloaded, least recently used first, those that are to stay (`eager`) last.
    pub(crate) async fn admit(
        &self,
        pool: &Arc<Pool>,
        slot: usize,
        model: &ModelTarget,
    ) -> Result<(), FleetError> {
        let _alone = self.admission.lock().await;
        let needed_bytes = needed_bytes(model, pool.measured_bytes());
        loop {
            let available_bytes = self.available_bytes();
            if needed_bytes <= available_bytes {
                pool.starting(slot, needed_bytes);
                return Ok(());
            }
            let name = &pool.deployment().name;
            if !self.unload_one().await {
                return Err(FleetError::OutOfMemory {
                    name: Arc::clone(name),
                    needed_bytes,
                    available_bytes,
                });
            }
            tracing::info!(deployment = %name, needed_bytes, "unloaded an idle worker to make room");
        }
    }

    /// What the next worker may take, of the machine and of the budget.
    fn available_bytes(&self) -> u64 {
        let machine = &self.ports.machine;
        let pools: Vec<_> = self.pools.read().values().map(Arc::clone).collect();
        let footprints: Vec<Footprint> = pools.iter().flat_map(|pool| pool.footprints()).collect();
        let resident = |f: &Footprint| f.pid.and_then(|pid| machine.resident_bytes(pid)).or(f.memory_bytes);
        // What starting workers will yet take is spoken for, though the machine still calls it available.
        let promised: u64 = footprints
            .iter()
            .filter(|f| f.is_starting)
            .map(|f| f.reserved_bytes.saturating_sub(resident(f).unwrap_or(0)))
            .sum();
        let of_machine = machine
            .available_bytes()
            .saturating_sub(self.config.memory_reserve_bytes)
            .saturating_sub(promised);
        let Some(budget) = self.config.memory_budget_bytes else { return of_machine };
        let used: u64 = footprints
            .iter()
            .map(|f| resident(f).filter(|_| !f.is_starting).unwrap_or(f.reserved_bytes))
            .sum();
        of_machine.min(budget.saturating_sub(used))
    }

    /// Unloads the worker that rested longest, and returns when its process is gone; `false` if none rests.
    async fn unload_one(&self) -> bool {
        let pools: Vec<_> = self.pools.read().values().map(Arc::clone).collect();
        let mut idle: Vec<_> =
            pools.iter().flat_map(|pool| pool.idle().into_iter().map(move |idle| (pool, idle))).collect();
        idle.sort_by_key(|(pool, idle)| (pool.deployment().eager, idle.last_used));
        for (pool, idle) in idle {
            let mut gone = pool.controls[idle.slot].gone.subscribe();
            // Between the look and now a call may have come.
            let Some(generation) = pool.retire(idle.slot, Duration::ZERO) else { continue };
            pool.controls[idle.slot].retire.notify_one();
            let _ = gone.wait_for(|seen| *seen > generation).await;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_believed_over_what_was_estimated() {
        let model = ModelTarget {
            model: "m".into(),
            path: "/m".into(),
            size_bytes: 1000 << 20,
            context_length: None,
            cache_bytes: 200 << 20,
            chat_template: None,
            adapters: Vec::new(),
            replicas: 1,
        };
        assert_eq!(needed_bytes(&model, None), (1320 + 96) << 20);
        assert_eq!(needed_bytes(&model, Some(1100 << 20)), 1100 << 20);
        assert_eq!(needed_bytes(&model, Some(7)), 1000 << 20);
    }
}
