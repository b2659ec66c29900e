//! Deployments: what is offered under which name.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tenfold_engine::AdapterSpec;
use tenfold_kernel::{DeploymentId, ProjectId, Secret, Timestamp};

/// No deployment's name is longer.
pub(crate) const NAME_LIMIT_BYTES: usize = 128;

/// A model version offered under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// What a request names as `model`. Unique.
    pub name: Arc<str>,
    /// The version of what is offered, as events record it.
    pub version: Arc<str>,
    /// What stands behind it.
    pub target: Target,
    /// Calls that one replica works on at once.
    pub max_concurrency: u32,
    /// Calls that may wait for a place; one more is refused.
    pub queue_limit: u32,
    /// How long a call waits for a place.
    pub queue_timeout: Duration,
    /// Whether its workers start at once and stay, rather than with the first call.
    pub eager: bool,
    /// Workers that nobody called for so long are unloaded. Without it they stay until the memory is needed.
    pub idle_timeout: Option<Duration>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The only project that may know of it; none for all.
    pub project: Option<ProjectId>,
}

/// A deployment that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDeployment {
    /// As [`Deployment::name`].
    pub name: String,
    /// As [`Deployment::version`].
    pub version: String,
    /// As [`Deployment::target`].
    pub target: Target,
    /// As [`Deployment::max_concurrency`].
    pub max_concurrency: u32,
    /// As [`Deployment::queue_limit`].
    pub queue_limit: u32,
    /// As [`Deployment::queue_timeout`].
    pub queue_timeout: Duration,
    /// As [`Deployment::eager`].
    pub eager: bool,
    /// As [`Deployment::idle_timeout`].
    pub idle_timeout: Option<Duration>,
    /// As [`Deployment::project`].
    pub project: Option<ProjectId>,
}

impl NewDeployment {
    /// A deployment for all projects, started with its first call: 8 calls at once, 256 waiting for a minute.
    pub fn new(name: &str, version: &str, target: Target) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            target,
            max_concurrency: 8,
            queue_limit: 256,
            queue_timeout: Duration::from_mins(1),
            eager: false,
            idle_timeout: None,
            project: None,
        }
    }
}

/// What a request's `model` names: a deployment, or one of its adapters as `deployment:adapter`.
#[derive(Debug, Clone)]
pub struct Offered {
    /// The deployment.
    pub deployment: Arc<Deployment>,
    /// The adapter that is asked for.
    pub adapter: Option<Arc<str>>,
}

impl Offered {
    /// The name under which it is offered.
    pub fn name(&self) -> Arc<str> {
        self.with_adapter(&self.deployment.name, ':')
    }

    /// What answers: the deployment's version, with the adapter's name.
    pub fn version(&self) -> Arc<str> {
        self.with_adapter(&self.deployment.version, '+')
    }

    fn with_adapter(&self, text: &Arc<str>, sign: char) -> Arc<str> {
        match &self.adapter {
            None => Arc::clone(text),
            Some(adapter) => format!("{text}{sign}{adapter}").into(),
        }
    }
}

impl Deployment {
    /// Its adapters.
    pub fn adapters(&self) -> &[Adapter] {
        match &self.target {
            Target::Model(model) => &model.adapters,
            Target::Upstreams(_) => &[],
        }
    }
}

/// What stands behind a deployment.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// Workers of this machine.
    Model(ModelTarget),
    /// Servers of somebody else's, a replica each.
    Upstreams(Vec<Upstream>),
}

/// A model that workers of this machine run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelTarget {
    /// The catalogue's id: the name under which the worker knows it.
    pub model: String,
    /// The file of the model.
    pub path: PathBuf,
    /// What the file takes.
    pub size_bytes: u64,
    /// Tokens that one sequence may hold; what the model was made for when not given.
    #[serde(default)]
    pub context_length: Option<u64>,
    /// What the caches of all sequences take at most, as far as it is known before the first start.
    #[serde(default)]
    pub cache_bytes: u64,
    /// A chat template in place of the model's own.
    #[serde(default)]
    pub chat_template: Option<String>,
    /// Adapters that are loaded with it.
    #[serde(default)]
    pub adapters: Vec<Adapter>,
    /// How many workers run it.
    #[serde(default = "one")]
    pub replicas: u32,
}

/// A `LoRA` adapter. Its own type because the engine's holds a float, which cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Adapter {
    /// The name under which requests ask for it.
    pub name: String,
    /// A GGUF file.
    pub path: String,
}

impl From<&Adapter> for AdapterSpec {
    fn from(adapter: &Adapter) -> Self {
        Self { name: adapter.name.clone(), path: adapter.path.clone(), scale: None }
    }
}

fn one() -> u32 {
    1
}

/// A server of somebody else's that speaks the OpenAI API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// What comes before `/chat/completions`.
    pub base_url: String,
    /// Our key there. It is stored and sent, and never listed.
    pub api_key: Option<Secret>,
    /// What the model is called there.
    pub model: String,
}

/// A target as a store keeps it. The only form that holds the keys.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StoredTarget {
    Model(ModelTarget),
    Upstreams { upstreams: Vec<StoredUpstream> },
}

#[derive(Serialize, Deserialize)]
struct StoredUpstream {
    base_url: String,
    #[serde(default)]
    api_key: Option<String>,
    model: String,
}

impl Target {
    /// The target as JSON **with its keys**: for a [`DeploymentStore`](crate::DeploymentStore) and nobody else.
    ///
    /// # Errors
    /// Where a path is no UTF-8.
    pub fn to_stored(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&match self {
            Self::Model(model) => StoredTarget::Model(model.clone()),
            Self::Upstreams(upstreams) => StoredTarget::Upstreams {
                upstreams: upstreams
                    .iter()
                    .map(|upstream| StoredUpstream {
                        base_url: upstream.base_url.clone(),
                        api_key: upstream.api_key.as_ref().map(|key| key.expose().to_owned()),
                        model: upstream.model.clone(),
                    })
                    .collect(),
            },
        })
    }

    /// Reads what [`Target::to_stored`] wrote.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn from_stored(json: &str) -> Result<Self, serde_json::Error> {
        Ok(match serde_json::from_str(json)? {
            StoredTarget::Model(model) => Self::Model(model),
            StoredTarget::Upstreams { upstreams } => Self::Upstreams(
                upstreams
                    .into_iter()
                    .map(|upstream| Upstream {
                        base_url: upstream.base_url,
                        api_key: upstream.api_key.as_deref().map(Secret::new),
                        model: upstream.model,
                    })
                    .collect(),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_target_is_read_as_it_was() {
        let upstream = Upstream {
            base_url: "https://api.example.com/v1".into(),
            api_key: Some(Secret::new("sk-secret")),
            model: "large".into(),
        };
        let model = ModelTarget {
            model: "smol".into(),
            path: "/models/smol.gguf".into(),
            size_bytes: 5,
            context_length: Some(8),
            cache_bytes: 1,
            chat_template: Some("{{ x }}".into()),
            adapters: vec![Adapter { name: "a".into(), path: "/a.gguf".into() }],
            replicas: 2,
        };
        for target in [Target::Upstreams(vec![upstream]), Target::Model(model)] {
            assert!(!format!("{target:?}").contains("sk-secret"));
            assert_eq!(Target::from_stored(&target.to_stored().unwrap()).unwrap(), target);
        }
    }
}
