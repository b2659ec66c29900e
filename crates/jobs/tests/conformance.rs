//! The in-memory store does what every store does.

use tenfold_jobs::conformance;
use tenfold_jobs::memory::MemoryJobs;
use tenfold_kernel::SeededRng;

#[tokio::test]
async fn memory_keeps_jobs_as_every_store_does() {
    let (store, rng) = (MemoryJobs::default(), SeededRng::new(1));
    conformance::jobs_are_kept(&store, &rng).await;
    conformance::claims_take_what_is_due(&store, &rng).await;
    conformance::claims_end_as_they_are_told(&store, &rng).await;
    conformance::jobs_are_cancelled(&store, &rng).await;
    conformance::jobs_are_listed(&store, &rng).await;
    conformance::ended_jobs_are_forgotten(&store, &rng).await;
    conformance::racing_claims_never_share_a_job(&[&store, &store, &store], &rng).await;
}
