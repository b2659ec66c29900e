//! What every job store does. Each suite works with kinds and projects of its own in a store that may hold others.

#![expect(clippy::unwrap_used, reason = "a suite of tests: whatever fails shall stop it")]

use std::collections::HashSet;

use serde_json::json;
use tenfold_kernel::{JobId, ProjectId, Rng, Timestamp, base62};

use crate::job::{Job, JobFilter, JobStatus, Outcome};
use crate::ports::JobStore;

/// A job that waits since `created_at`, of a kind of its own unless `kind` says which.
pub fn sample_job(rng: &dyn Rng, kind: &str, created_at: i64) -> Job {
    Job {
        id: JobId::generate(rng),
        project: ProjectId::generate(rng),
        kind: kind.to_owned(),
        payload: json!({"text": "zwölf \"蓝\"", "n": [1, 2.5, null]}),
        status: JobStatus::Queued,
        attempts: 0,
        failures: 0,
        run_after: Timestamp(created_at),
        lease_until: None,
        created_at: Timestamp(created_at),
        finished_at: None,
        error: None,
        result: None,
    }
}

fn own_kind(rng: &dyn Rng) -> String {
    format!("test.{}", base62(rng, 12))
}

/// A job comes back as it was written, and the same id twice is one job.
pub async fn jobs_are_kept(store: &dyn JobStore, rng: &dyn Rng) {
    let job = sample_job(rng, &own_kind(rng), 1_000);
    assert_eq!(store.get(&job.id).await.unwrap(), None);
    assert!(store.insert(&job).await.unwrap());
    let other = Job { payload: json!(null), ..job.clone() };
    assert!(!store.insert(&other).await.unwrap());
    assert_eq!(store.get(&job.id).await.unwrap(), Some(job));
}

/// Jobs are claimed in turn, when they are due, by whoever handles their kind.
pub async fn claims_take_what_is_due(store: &dyn JobStore, rng: &dyn Rng) {
    let kind = own_kind(rng);
    let late = sample_job(rng, &kind, 3_000);
    let early = sample_job(rng, &kind, 1_000);
    let of_another_kind = sample_job(rng, &own_kind(rng), 500);
    for job in [&late, &early, &of_another_kind] {
        store.insert(job).await.unwrap();
    }
    let claim =
        async |now: i64| store.claim(&["none", &kind], Timestamp(now), Timestamp(now + 100)).await.unwrap();
    assert_eq!(claim(999).await, None);
    let expected =
        Job { status: JobStatus::Running, attempts: 1, lease_until: Some(Timestamp(1_100)), ..early.clone() };
    assert_eq!(claim(1_000).await, Some(expected));
    assert_eq!(claim(1_000).await, None, "the other is not due");
    assert_eq!(claim(1_100).await, None, "the lease holds to its last moment");
    // The one that has waited longest goes first, and one whose lease has run out has waited since before.
    let again = claim(3_000).await.unwrap();
    assert_eq!((&again.id, again.attempts, again.failures), (&early.id, 2, 1));
    assert_eq!(claim(3_000).await.unwrap().id, late.id);
    assert_eq!(claim(3_000).await, None);
    assert_eq!(store.claim(&[], Timestamp(9_000), Timestamp(9_001)).await.unwrap(), None);
}

/// A claim can be renewed and ended by who holds it, and by nobody else.
pub async fn claims_end_as_they_are_told(store: &dyn JobStore, rng: &dyn Rng) {
    let kind = own_kind(rng);
    let job = sample_job(rng, &kind, 1_000);
    let id = &job.id;
    store.insert(&job).await.unwrap();
    let claim = async |now: i64| store.claim(&[&kind], Timestamp(now), Timestamp(now + 100)).await.unwrap();
    let (done, now) = (Outcome::Succeeded { result: json!({"ok": true}) }, Timestamp(9_000));

    assert!(!store.extend(id, 0, Timestamp(5)).await.unwrap(), "nobody has claimed it");
    assert!(!store.finish(id, 0, &done, now).await.unwrap());
    claim(1_000).await.unwrap();
    assert!(store.extend(id, 1, Timestamp(1_500)).await.unwrap());
    assert_eq!(claim(1_500).await, None, "the renewed lease holds");
    claim(1_501).await.unwrap();
    assert!(!store.extend(id, 1, Timestamp(2_000)).await.unwrap(), "the first claim is lost");
    assert!(!store.finish(id, 1, &done, now).await.unwrap(), "who lost a claim cannot end it");

    let retry = Outcome::Retry { error: "busy".to_owned(), run_after: Timestamp(4_000) };
    assert!(store.finish(id, 2, &retry, Timestamp(2_000)).await.unwrap());
    let waiting = store.get(id).await.unwrap().unwrap();
    assert_eq!((waiting.status, waiting.failures, waiting.lease_until), (JobStatus::Queued, 2, None));
    assert_eq!((waiting.error.as_deref(), waiting.finished_at), (Some("busy"), None));
    assert_eq!(claim(3_999).await, None);

    assert_eq!(claim(4_000).await.unwrap().attempts, 3);
    assert!(store.finish(id, 3, &Outcome::Released, now).await.unwrap());
    let claimed = claim(4_000).await.unwrap();
    assert_eq!((claimed.attempts, claimed.failures), (4, 2), "a job that was given back did not fail");

    assert!(store.finish(id, 4, &done, now).await.unwrap());
    let ended = store.get(id).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.finished_at), (JobStatus::Succeeded, Some(now)));
    assert_eq!(ended.result, Some(json!({"ok": true})));
    assert!(!store.finish(id, 4, &done, now).await.unwrap(), "it ends once");
    assert_eq!(claim(i64::MAX - 1_000).await, None);

    let failing = sample_job(rng, &kind, 1_000);
    store.insert(&failing).await.unwrap();
    claim(1_000).await.unwrap();
    assert!(store.finish(&failing.id, 1, &Outcome::Failed { error: "no".to_owned() }, now).await.unwrap());
    let failed = store.get(&failing.id).await.unwrap().unwrap();
    assert_eq!((failed.status, failed.error.as_deref()), (JobStatus::Failed, Some("no")));
    assert_eq!(failed.finished_at, Some(now));
}

/// A cancelled job is not run, and who runs it learns of it.
pub async fn jobs_are_cancelled(store: &dyn JobStore, rng: &dyn Rng) {
    let kind = own_kind(rng);
    let claim = async || store.claim(&[&kind], Timestamp(2_000), Timestamp(3_000)).await.unwrap();
    assert_eq!(store.cancel(&JobId::generate(rng), Timestamp(1)).await.unwrap(), None);

    let queued = sample_job(rng, &kind, 1_000);
    store.insert(&queued).await.unwrap();
    let cancelled = store.cancel(&queued.id, Timestamp(1_500)).await.unwrap().unwrap();
    assert_eq!((cancelled.status, cancelled.finished_at), (JobStatus::Cancelled, Some(Timestamp(1_500))));
    assert_eq!(claim().await, None);

    let running = sample_job(rng, &kind, 1_000);
    store.insert(&running).await.unwrap();
    claim().await.unwrap();
    let cancelled = store.cancel(&running.id, Timestamp(1_500)).await.unwrap().unwrap();
    assert_eq!((cancelled.status, cancelled.lease_until), (JobStatus::Cancelled, None));
    assert!(!store.extend(&running.id, 1, Timestamp(9_000)).await.unwrap());
    let done = Outcome::Succeeded { result: json!(1) };
    assert!(!store.finish(&running.id, 1, &done, Timestamp(1_600)).await.unwrap());

    let ended = sample_job(rng, &kind, 1_000);
    store.insert(&ended).await.unwrap();
    claim().await.unwrap();
    assert!(store.finish(&ended.id, 1, &done, Timestamp(1_600)).await.unwrap());
    let unchanged = store.cancel(&ended.id, Timestamp(1_700)).await.unwrap().unwrap();
    assert_eq!((unchanged.status, unchanged.finished_at), (JobStatus::Succeeded, Some(Timestamp(1_600))));
}

/// Lists are newest first, filtered, and paged without gaps.
pub async fn jobs_are_listed(store: &dyn JobStore, rng: &dyn Rng) {
    let (kind, other_kind) = (own_kind(rng), own_kind(rng));
    let first = sample_job(rng, &kind, 1_000);
    let project = first.project.clone();
    let second = Job { project: project.clone(), ..sample_job(rng, &kind, 2_000) };
    let third = Job { project: project.clone(), ..sample_job(rng, &other_kind, 3_000) };
    let elsewhere = sample_job(rng, &kind, 4_000);
    for job in [&second, &first, &elsewhere, &third] {
        store.insert(job).await.unwrap();
    }
    let of_project = JobFilter { project: Some(project), ..JobFilter::default() };
    let ids = async |filter: &JobFilter, after: Option<&JobId>, limit| {
        let listed = store.list(filter, after, limit).await.unwrap();
        listed.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    let [one, two, three] = [&first.id, &second.id, &third.id].map(Clone::clone);
    assert_eq!(ids(&of_project, None, 10).await, [three.clone(), two.clone(), one.clone()]);
    assert_eq!(ids(&of_project, None, 1).await, std::slice::from_ref(&three));
    assert_eq!(ids(&of_project, Some(&three), 1).await, std::slice::from_ref(&two));
    assert_eq!(ids(&of_project, Some(&two), 9).await, std::slice::from_ref(&one));
    assert_eq!(ids(&of_project, Some(&JobId::generate(rng)), 9).await, []);
    let of_kind = JobFilter { kind: Some(kind.clone()), ..of_project.clone() };
    assert_eq!(ids(&of_kind, None, 9).await, [two, one.clone()]);
    store.claim(&[&kind], Timestamp(9_000), Timestamp(9_100)).await.unwrap();
    let running = JobFilter { status: Some(JobStatus::Running), ..of_kind };
    assert_eq!(ids(&running, None, 9).await, [one]);
}

/// Only what ended long ago is forgotten.
pub async fn ended_jobs_are_forgotten(store: &dyn JobStore, rng: &dyn Rng) {
    let kind = own_kind(rng);
    let [old, recent, waiting] = [1_000, 1_001, 1_002].map(|at| sample_job(rng, &kind, at));
    for job in [&old, &recent, &waiting] {
        store.insert(job).await.unwrap();
    }
    store.cancel(&old.id, Timestamp(10)).await.unwrap();
    store.cancel(&recent.id, Timestamp(20)).await.unwrap();
    assert_eq!(store.forget(Timestamp(20)).await.unwrap(), 1);
    assert_eq!(store.get(&old.id).await.unwrap(), None);
    assert!(store.get(&recent.id).await.unwrap().is_some());
    assert!(store.get(&waiting.id).await.unwrap().is_some());
}

/// Many that claim at once each get jobs of their own, and together all of them. Run it with stores of several
/// connections, or processes, over one database.
pub async fn racing_claims_never_share_a_job(stores: &[&dyn JobStore], rng: &dyn Rng) {
    const JOBS: usize = 60;
    let kind = own_kind(rng);
    let store = stores[0];
    for _ in 0..JOBS {
        store.insert(&sample_job(rng, &kind, 1_000)).await.unwrap();
    }
    let claim_all = async |store: &dyn JobStore| {
        let mut claimed = Vec::new();
        while let Some(job) = store.claim(&[&kind], Timestamp(2_000), Timestamp(3_000)).await.unwrap() {
            claimed.push(job.id);
        }
        claimed
    };
    let claimed: Vec<JobId> =
        futures::future::join_all(stores.iter().map(|store| claim_all(*store))).await.concat();
    let distinct: HashSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (JOBS, JOBS));
}
