//! The record of one call.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenfold_kernel::{
    ApiKeyId, EventId, Money, OrganizationId, ProjectId, ReplicaId, RequestId, ServiceAccountId, Timestamp,
    Unit, Units, UserId,
};

use crate::error::BillingError;

/// What one call was, where it ran, what it used, what it costs. Written once and never changed.
///
/// It holds no prompt, no answer and no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its name.
    pub id: EventId,
    /// What makes it unique: see [`idempotency_key`].
    pub idempotency_key: String,
    /// The HTTP request that asked for it.
    pub request_id: RequestId,
    /// When the call was admitted. Reports put it in the bucket of this moment.
    pub created_at: Timestamp,
    /// When it ended.
    pub completed_at: Timestamp,
    /// Who pays.
    pub organization: OrganizationId,
    /// On whose behalf.
    pub project: ProjectId,
    /// With which key.
    pub api_key: ApiKeyId,
    /// The person, for a person's key.
    pub user: Option<UserId>,
    /// The program, for a service account's key.
    pub service_account: Option<ServiceAccountId>,
    /// What was asked for.
    pub operation: Operation,
    /// The deployment's name, as the request named the model.
    pub deployment: Arc<str>,
    /// The model version that answered. Empty when no replica was chosen.
    pub model_version: Arc<str>,
    /// The replica that answered.
    pub replica: Option<ReplicaId>,
    /// The machine that it ran on.
    pub node: Option<Arc<str>>,
    /// How it ended.
    pub status: CallStatus,
    /// The machine-readable code of the error, for a call that failed.
    pub error_code: Option<String>,
    /// What it used. A unit that is not known is absent.
    pub units: Units,
    /// Whether `units` is all that was used. `false` when an engine did not tell.
    pub usage_known: bool,
    /// What it costs; nothing when that is not known.
    pub cost: Option<Money>,
    /// The version of the price list that was in force at `created_at`; nothing when there was none.
    pub price_version: Option<Arc<str>>,
    /// Milliseconds from admission to a replica's start of work.
    pub queue_ms: u64,
    /// Milliseconds from admission to the first token.
    pub first_token_ms: Option<u64>,
    /// Milliseconds from admission to the end.
    pub duration_ms: u64,
    /// Whether it was part of a batch.
    pub batch: bool,
    /// The service tier that was served, such as `default`.
    pub service_tier: Option<String>,
    /// What the caller attached.
    pub labels: Labels,
    /// Energy that it took, where that was measured or modelled.
    pub energy: Option<Energy>,
}

/// The key that makes an event unique: the request's `Idempotency-Key` within its project, else the request's
/// own id. A retry with the same key, after a crash or a lost answer, is counted once.
///
/// Whoever answers a repeated `Idempotency-Key` must give the first answer again and not call the model anew:
/// a second call under the same key would not be charged.
pub fn idempotency_key(project: &ProjectId, header: Option<&str>, request: &RequestId) -> String {
    match header {
        Some(key) => format!("{project}/{key}"),
        None => request.as_str().to_owned(),
    }
}

/// A name that is not one of the closed list it should be from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a known {what}")]
pub struct UnknownName {
    /// Of what kind of name.
    pub what: &'static str,
    /// The name.
    pub name: String,
}

/// What a call asked for: the endpoint, whatever its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// `/v1/chat/completions`.
    ChatCompletions,
    /// `/v1/completions`.
    Completions,
    /// `/v1/embeddings`.
    Embeddings,
    /// `/v1/responses`.
    Responses,
    /// `/v1/messages`.
    Messages,
    /// Seconds of a rented replica.
    Rental,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ChatCompletions,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
        Self::Messages,
        Self::Rental,
    ];

    /// Those that generate text: what the OpenAI administration API calls completions.
    pub const GENERATION: [Self; 4] =
        [Self::ChatCompletions, Self::Completions, Self::Responses, Self::Messages];

    /// The name in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Rental => "rental",
        }
    }
}

impl std::str::FromStr for Operation {
    type Err = UnknownName;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|o| o.as_str() == name)
            .ok_or_else(|| UnknownName { what: "operation", name: name.to_owned() })
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallStatus {
    /// It was answered to the end.
    Completed,
    /// The client left before the end. What was used until then is counted.
    ClientGone,
    /// A replica failed, or we did. What was used until then is counted.
    Failed,
    /// It took too long. What was used until then is counted.
    TimedOut,
    /// It was refused before a model was asked. Reports do not count it as a request.
    Rejected,
}

impl CallStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Completed, Self::ClientGone, Self::Failed, Self::TimedOut, Self::Rejected];

    /// The name in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::ClientGone => "client_gone",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Rejected => "rejected",
        }
    }
}

impl std::str::FromStr for CallStatus {
    type Err = UnknownName;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == name)
            .ok_or_else(|| UnknownName { what: "status of a call", name: name.to_owned() })
    }
}

/// Energy that a call took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Energy {
    /// Thousandths of a joule.
    pub millijoules: u64,
    /// Where the figure comes from: a counter's name, or a model's.
    pub source: Arc<str>,
}

/// Labels of a call: at most 16, names of at most 64 and values of at most 512 characters, as the OpenAI API
/// bounds `metadata`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// Checks labels that came from outside.
    ///
    /// # Errors
    /// [`BillingError::InvalidLabel`] when they are too many or too long.
    pub fn new(labels: BTreeMap<String, String>) -> Result<Self, BillingError> {
        let invalid = |reason: String| Err(BillingError::InvalidLabel { reason });
        if labels.len() > 16 {
            return invalid(format!("at most 16 labels are kept, and there are {}", labels.len()));
        }
        for (name, value) in &labels {
            if name.is_empty() || name.chars().count() > 64 {
                return invalid("a label's name has 1 to 64 characters".to_owned());
            }
            if name.contains('\0') || value.contains('\0') {
                return invalid("a label has no NUL character".to_owned());
            }
            if value.chars().count() > 512 {
                return invalid("a label's value has at most 512 characters".to_owned());
            }
        }
        Ok(Self(labels))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the label of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Every name and value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Event {
    /// The count of `unit` as reports add it up: zero when it is not known.
    pub fn count(&self, unit: Unit) -> u64 {
        self.units.get(unit).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_what_they_name() {
        for operation in Operation::ALL {
            assert_eq!(operation.as_str().parse(), Ok(operation));
        }
        for status in CallStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert!("moderations".parse::<Operation>().is_err());
    }

    #[test]
    fn a_key_of_one_project_is_not_a_key_of_another() {
        let request = RequestId::parse("req_1").unwrap();
        let (a, b) = (ProjectId::parse("proj_a").unwrap(), ProjectId::parse("proj_b").unwrap());
        assert_ne!(idempotency_key(&a, Some("k"), &request), idempotency_key(&b, Some("k"), &request));
        assert_eq!(idempotency_key(&a, None, &request), "req_1");
    }

    #[test]
    fn labels_are_bounded() {
        let many = (0..17).map(|i| (format!("l{i}"), String::new())).collect();
        assert!(Labels::new(many).is_err());
        assert!(Labels::new([("x".repeat(65), String::new())].into()).is_err());
        assert!(Labels::new([("x".to_owned(), "é".repeat(513))].into()).is_err());
        assert!(Labels::new([("x".to_owned(), "\0".to_owned())].into()).is_err());
        assert!(Labels::new([("x".repeat(64), "é".repeat(512))].into()).is_ok());
    }
}
