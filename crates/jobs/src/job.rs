//! The noun.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenfold_kernel::{JobId, ProjectId, Timestamp};

/// Work that survives a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Who owns it.
    pub project: ProjectId,
    /// Which handler runs it.
    pub kind: String,
    /// What the handler is given.
    pub payload: Value,
    /// Where it stands.
    pub status: JobStatus,
    /// How often it was claimed. Names the claim: who holds an older one can no longer change the job.
    pub attempts: i64,
    /// How often it failed, runs that ended in a crash among them.
    pub failures: i64,
    /// Before when it is not run.
    pub run_after: Timestamp,
    /// Until when the runner that claimed it is taken to be alive.
    pub lease_until: Option<Timestamp>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it failed, the last time that it did.
    pub error: Option<String>,
    /// What came of it.
    pub result: Option<Value>,
}

/// A job to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its name; a new one when absent. The same name twice is one job.
    pub id: Option<JobId>,
    /// Who owns it.
    pub project: ProjectId,
    /// Which handler runs it.
    pub kind: String,
    /// What the handler is given.
    pub payload: Value,
    /// Before when it is not run; at once when absent.
    pub run_after: Option<Timestamp>,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// It waits for a runner.
    Queued,
    /// A runner has it.
    Running,
    /// It is done.
    Succeeded,
    /// It failed for good.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl JobStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// The name on the wire and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
        }
    }
}

/// A name that no [`JobStatus`] has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a status of a job")]
pub struct UnknownStatus(pub String);

impl std::str::FromStr for JobStatus {
    type Err = UnknownStatus;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|s| s.as_str() == name).ok_or_else(|| UnknownStatus(name.to_owned()))
    }
}

/// What came of one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Succeeded {
        /// What came of it.
        result: Value,
    },
    /// It failed for good.
    Failed {
        /// Why.
        error: String,
    },
    /// It failed and may be tried again. Counts as a failure.
    Retry {
        /// Why.
        error: String,
        /// Before when it is not run again.
        run_after: Timestamp,
    },
    /// The runner has to stop. The job is queued again as if it had not been claimed.
    Released,
}

/// Which jobs are listed. What is absent does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// Of this kind.
    pub kind: Option<String>,
    /// That stand here.
    pub status: Option<JobStatus>,
}
