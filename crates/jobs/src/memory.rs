//! A store that forgets everything when the process ends. For tests.

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{JobId, Timestamp};

use crate::error::JobError;
use crate::job::{Job, JobFilter, JobStatus, Outcome};
use crate::ports::JobStore;

/// Jobs in memory, in the order in which they were queued.
#[derive(Debug, Default)]
pub struct MemoryJobs {
    jobs: Mutex<Vec<Job>>,
}

impl MemoryJobs {
    fn claimed(&self, id: &JobId, attempt: i64, change: impl FnOnce(&mut Job)) -> bool {
        let mut jobs = self.jobs.lock();
        let found =
            jobs.iter_mut().find(|j| j.id == *id && j.attempts == attempt && j.status == JobStatus::Running);
        found.map(change).is_some()
    }
}

fn may_run(job: &Job, kinds: &[&str], now: Timestamp) -> bool {
    let due = match job.status {
        JobStatus::Queued => job.run_after <= now,
        JobStatus::Running => job.lease_until.is_some_and(|until| until < now),
        JobStatus::Succeeded | JobStatus::Failed | JobStatus::Cancelled => false,
    };
    due && kinds.contains(&job.kind.as_str())
}

#[async_trait]
impl JobStore for MemoryJobs {
    async fn insert(&self, job: &Job) -> Result<bool, JobError> {
        let mut jobs = self.jobs.lock();
        let new = jobs.iter().all(|known| known.id != job.id);
        if new {
            jobs.push(job.clone());
        }
        Ok(new)
    }

    async fn claim(
        &self,
        kinds: &[&str],
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Job>, JobError> {
        let mut jobs = self.jobs.lock();
        let next = jobs.iter_mut().filter(|job| may_run(job, kinds, now)).min_by_key(|job| job.run_after);
        Ok(next.map(|job| {
            job.failures += i64::from(job.status == JobStatus::Running);
            job.status = JobStatus::Running;
            job.attempts += 1;
            job.lease_until = Some(lease_until);
            job.clone()
        }))
    }

    async fn extend(&self, id: &JobId, attempt: i64, lease_until: Timestamp) -> Result<bool, JobError> {
        Ok(self.claimed(id, attempt, |job| job.lease_until = Some(lease_until)))
    }

    async fn finish(
        &self,
        id: &JobId,
        attempt: i64,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, JobError> {
        Ok(self.claimed(id, attempt, |job| {
            job.lease_until = None;
            match outcome {
                Outcome::Succeeded { result } => {
                    (job.status, job.finished_at) = (JobStatus::Succeeded, Some(now));
                    job.result = Some(result.clone());
                }
                Outcome::Failed { error } => {
                    (job.status, job.finished_at) = (JobStatus::Failed, Some(now));
                    job.error = Some(error.clone());
                }
                Outcome::Retry { error, run_after } => {
                    (job.status, job.run_after) = (JobStatus::Queued, *run_after);
                    job.error = Some(error.clone());
                    job.failures += 1;
                }
                Outcome::Released => job.status = JobStatus::Queued,
            }
        }))
    }

    async fn cancel(&self, id: &JobId, now: Timestamp) -> Result<Option<Job>, JobError> {
        let mut jobs = self.jobs.lock();
        Ok(jobs.iter_mut().find(|job| job.id == *id).map(|job| {
            if !job.status.is_final() {
                (job.status, job.finished_at) = (JobStatus::Cancelled, Some(now));
                job.lease_until = None;
            }
            job.clone()
        }))
    }

    async fn get(&self, id: &JobId) -> Result<Option<Job>, JobError> {
        Ok(self.jobs.lock().iter().find(|job| job.id == *id).cloned())
    }

    async fn list(
        &self,
        filter: &JobFilter,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<Vec<Job>, JobError> {
        let mut jobs: Vec<Job> = self.jobs.lock().clone();
        jobs.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        let start = match after {
            None => 0,
            Some(after) => match jobs.iter().position(|job| job.id == *after) {
                Some(index) => index + 1,
                None => return Ok(Vec::new()),
            },
        };
        let wanted = jobs.into_iter().skip(start).filter(|job| {
            filter.project.as_ref().is_none_or(|project| job.project == *project)
                && filter.kind.as_ref().is_none_or(|kind| job.kind == *kind)
                && filter.status.is_none_or(|status| job.status == status)
        });
        Ok(wanted.take(limit as usize).collect())
    }

    async fn forget(&self, before: Timestamp) -> Result<u64, JobError> {
        let mut jobs = self.jobs.lock();
        let count = jobs.len();
        jobs.retain(|job| job.finished_at.is_none_or(|at| at >= before));
        Ok((count - jobs.len()) as u64)
    }
}
