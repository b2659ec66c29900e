//! Offering a model: from a catalogue entry or an upstream to a deployment with a price.

use std::sync::Arc;
use std::time::Duration;

use tenfold_billing::{Billing, SetPrices, Terms};
use tenfold_catalog::{Catalog, Task};
use tenfold_fleet::{
    Adapter, Deployment, Fleet, ModelTarget, NewDeployment, ReplicaState, ReplicaStatus, Target, Upstream,
};
use tenfold_kernel::{ProjectId, Secret};
use tokio::io::AsyncReadExt;

use crate::ServingError;

/// How deployments are made where a request does not say.
#[derive(Debug, Clone)]
pub struct OfferConfig {
    /// Sequences that a worker runs at once.
    pub slots: u32,
    /// Tokens that one sequence may hold, at most; less where the model was made for less.
    pub context_length: u64,
    /// Calls that wait for a deployment.
    pub queue_limit: u32,
    /// How long they wait.
    pub queue_timeout: Duration,
    /// Calls that an upstream gets at once.
    pub upstream_concurrency: u32,
}

/// An installed model of the catalogue, to be offered.
#[derive(Debug, Clone, Default)]
pub struct OfferModel {
    /// Its id in the catalogue.
    pub model: String,
    /// The name to offer it under; its id when not given.
    pub name: Option<String>,
    /// Sequences that a worker runs at once.
    pub max_concurrency: Option<u32>,
    /// Tokens that one sequence may hold.
    pub context_length: Option<u64>,
    /// Calls that wait.
    pub queue_limit: Option<u32>,
    /// `LoRA` adapters, by the name that a request asks for.
    pub adapters: Vec<Adapter>,
    /// The only project that may know of it; all when not given.
    pub project: Option<ProjectId>,
    /// Whether its worker starts at once and stays, and calls have no price, since the time is paid.
    pub is_rented: bool,
}

/// Upstreams that serve one model, to be offered.
#[derive(Debug, Clone)]
pub struct OfferUpstream {
    /// The name to offer it under.
    pub name: String,
    /// Where it is served; calls are spread over all.
    pub upstreams: Vec<NewUpstream>,
    /// Calls that each gets at once.
    pub max_concurrency: Option<u32>,
    /// Calls that wait.
    pub queue_limit: Option<u32>,
    /// The only project that may know of it; all when not given.
    pub project: Option<ProjectId>,
}

/// One upstream.
#[derive(Debug, Clone)]
pub struct NewUpstream {
    /// The address up to and with `/v1`.
    pub base_url: String,
    /// Our key there.
    pub api_key: Option<Secret>,
    /// The model's name there.
    pub model: String,
}

/// Makes and takes away deployments.
#[derive(Debug)]
pub struct Offering {
    config: OfferConfig,
    catalog: Arc<Catalog>,
    fleet: Arc<Fleet>,
    billing: Arc<Billing>,
}

impl Offering {
    /// Plugs the parts together.
    pub fn new(config: OfferConfig, catalog: Arc<Catalog>, fleet: Arc<Fleet>, billing: Arc<Billing>) -> Self {
        Self { config, catalog, fleet, billing }
    }

    /// Offers an installed model, at its entry's prices unless it has prices already.
    ///
    /// # Errors
    /// [`ServingError::ModelNotFound`], [`ServingError::NotInstalled`], [`ServingError::Fleet`] for a name that is taken.
    pub async fn offer_model(&self, offer: OfferModel) -> Result<Arc<Deployment>, ServingError> {
        let not_found = || ServingError::ModelNotFound { model: offer.model.clone() };
        let entry = self.catalog.get(&offer.model).ok_or_else(not_found)?;
        let not_installed = || ServingError::NotInstalled { model: entry.id.clone() };
        let installed = self.catalog.installed(&entry.id).ok_or_else(not_installed)?;
        let path = installed.path("weights").ok_or_else(not_installed)?.to_owned();
        let trained = entry.context_length.get();
        let context_length = match offer.context_length {
            Some(asked) if asked == 0 || asked > trained => {
                return Err(ServingError::Invalid {
                    message: format!("`context_length` is 1 to {trained} for this model."),
                    param: Some("context_length".to_owned()),
                });
            }
            Some(asked) => asked,
            None => self.config.context_length.min(trained),
        };
        for adapter in &offer.adapters {
            check_adapter(adapter).await?;
        }
        let max_concurrency = offer.max_concurrency.unwrap_or(self.config.slots);
        let cached_tokens = context_length.saturating_mul(u64::from(max_concurrency));
        let size_bytes = installed.size_bytes();
        let version = format!("{}@{}", entry.id, installed.version);
        let cache_bytes =
            tokio::task::spawn_blocking(move || installed.cache_bytes_per_token()).await.ok().flatten();
        let target = ModelTarget {
            model: entry.id.clone(),
            path,
            size_bytes,
            context_length: Some(context_length),
            cache_bytes: cache_bytes.unwrap_or(0).saturating_mul(cached_tokens),
            chat_template: entry.chat_template().map(str::to_owned),
            adapters: offer.adapters,
            replicas: 1,
        };
        let name = offer.name.unwrap_or_else(|| entry.id.clone());
        let new = NewDeployment {
            max_concurrency,
            queue_limit: offer.queue_limit.unwrap_or(self.config.queue_limit),
            queue_timeout: self.config.queue_timeout,
            project: offer.project,
            eager: offer.is_rented,
            ..NewDeployment::new(&name, &version, Target::Model(target))
        };
        let deployment = self.fleet.deploy(new).await?;
        if let Some(prices) = &entry.prices
            && !offer.is_rented
            && self.billing.prices(&deployment.name).await?.is_empty()
        {
            let prices = SetPrices {
                deployment: Arc::clone(&deployment.name),
                currency: prices.currency,
                terms: Terms {
                    prices: prices.per_million.iter().map(|(unit, price)| (*unit, price.0.into())).collect(),
                    ..Terms::default()
                },
                effective_at: None,
            };
            self.billing.set_prices(prices).await?;
        }
        Ok(deployment)
    }

    /// Offers upstreams under one name.
    ///
    /// # Errors
    /// [`ServingError::Fleet`] for a name that is taken or an address that is none.
    pub async fn offer_upstream(&self, offer: OfferUpstream) -> Result<Arc<Deployment>, ServingError> {
        let upstreams = offer.upstreams.into_iter().map(|upstream| Upstream {
            base_url: upstream.base_url,
            api_key: upstream.api_key,
            model: upstream.model,
        });
        let new = NewDeployment {
            max_concurrency: offer.max_concurrency.unwrap_or(self.config.upstream_concurrency),
            queue_limit: offer.queue_limit.unwrap_or(self.config.queue_limit),
            queue_timeout: self.config.queue_timeout,
            project: offer.project,
            ..NewDeployment::new(&offer.name, "upstream", Target::Upstreams(upstreams.collect()))
        };
        Ok(self.fleet.deploy(new).await?)
    }

    /// Loads an adapter into a deployment that serves, and offers it as `deployment:adapter`.
    ///
    /// # Errors
    /// [`ServingError::Invalid`] for a file that is no adapter, and as [`Fleet::load_adapter`].
    pub async fn load_adapter(&self, name: &str, adapter: Adapter) -> Result<Arc<Deployment>, ServingError> {
        check_adapter(&adapter).await?;
        Ok(self.fleet.load_adapter(name, adapter).await?)
    }

    /// Takes an adapter away. Calls that are under way with it end first.
    ///
    /// # Errors
    /// As [`Fleet::unload_adapter`].
    pub async fn unload_adapter(&self, name: &str, adapter: &str) -> Result<Arc<Deployment>, ServingError> {
        Ok(self.fleet.unload_adapter(name, adapter).await?)
    }

    /// Takes a deployment away. Calls that are under way end first.
    ///
    /// # Errors
    /// [`ServingError::Fleet`] when there is none of that name.
    pub async fn withdraw(&self, name: &str) -> Result<(), ServingError> {
        self.fleet.undeploy(name).await?;
        Ok(())
    }

    /// Whether a worker of a deployment takes calls; nothing when there is no such deployment.
    pub fn is_up(&self, name: &str) -> Option<bool> {
        self.fleet.deployment(name)?;
        let is_ready =
            |replica: &ReplicaStatus| *replica.deployment == *name && replica.state == ReplicaState::Ready;
        Some(self.fleet.replicas().iter().any(is_ready))
    }

    /// Offers every installed generating model that no deployment offers yet, under its id.
    ///
    /// # Errors
    /// As [`Offering::offer_model`].
    pub async fn offer_installed(&self) -> Result<Vec<Arc<Deployment>>, ServingError> {
        let mut offered = Vec::new();
        for entry in self.catalog.list() {
            let is_ours = matches!(entry.task, Task::Chat | Task::Completion | Task::Embedding);
            if is_ours
                && self.catalog.installed(&entry.id).is_some()
                && self.fleet.deployment(&entry.id).is_none()
            {
                offered.push(
                    self.offer_model(OfferModel { model: entry.id.clone(), ..OfferModel::default() }).await?,
                );
            }
        }
        Ok(offered)
    }
}

/// An adapter that cannot be opened would keep the worker from starting.
async fn check_adapter(adapter: &Adapter) -> Result<(), ServingError> {
    let invalid = |why: String| ServingError::Invalid {
        message: format!("The adapter `{}` cannot be used: {why}.", adapter.name.escape_debug()),
        param: Some("adapters".to_owned()),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !(1..=64).contains(&adapter.name.len()) || !adapter.name.chars().all(is_name) {
        return Err(invalid("a name is 1 to 64 letters, digits, `-`, `_` and `.`".to_owned()));
    }
    let mut magic = [0; 4];
    let mut file = tokio::fs::File::open(&adapter.path).await.map_err(|error| invalid(error.to_string()))?;
    file.read_exact(&mut magic).await.map_err(|error| invalid(error.to_string()))?;
    if magic == *b"GGUF" { Ok(()) } else { Err(invalid("it is no GGUF file".to_owned())) }
}
