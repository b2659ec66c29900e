//! `/v1/deployments`: what is offered, for administrators.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tenfold_fleet::{Adapter, Deployment, Target};
use tenfold_kernel::{ProjectId, Secret};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use tenfold_serving::{NewUpstream, OfferModel, OfferUpstream};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, ModelsReader, ModelsWriter};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_deployments, create_deployment))
        .routes(routes!(get_deployment, delete_deployment))
        .routes(routes!(load_adapter))
        .routes(routes!(unload_adapter))
}

/// A deployment to make: of an installed `model`, or of one or several upstreams.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDeploymentBody {
    /// The name that requests give as `model`. The catalogue id when not given.
    name: Option<String>,
    /// An installed model of the catalogue.
    model: Option<String>,
    /// A server that speaks the OpenAI API.
    upstream: Option<UpstreamBody>,
    /// Several that serve the same model; calls are spread over them.
    upstreams: Option<Vec<UpstreamBody>>,
    /// `LoRA` adapters of the model.
    #[serde(default)]
    adapters: Vec<AdapterBody>,
    /// Calls that one replica gets at once.
    max_concurrency: Option<u32>,
    /// Calls that wait; more are refused with 429.
    queue_limit: Option<u32>,
    /// Tokens that one sequence may hold.
    context_length: Option<u64>,
    /// The only project that may call it; all when not given.
    project_id: Option<String>,
}

/// A server that speaks the OpenAI API.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpstreamBody {
    /// Its address, up to and with `/v1`.
    base_url: String,
    /// Our key there. It is kept and never shown.
    api_key: Option<String>,
    /// The model's name there; the deployment's name when not given.
    model: Option<String>,
}

/// A `LoRA` adapter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AdapterBody {
    /// Its name: requests give `deployment:name` as `model`.
    name: String,
    /// A GGUF file on this machine.
    path: String,
}

impl From<AdapterBody> for Adapter {
    fn from(body: AdapterBody) -> Self {
        Self { name: body.name, path: body.path }
    }
}

/// A deployment.
#[derive(Debug, Serialize, ToSchema)]
struct DeploymentBody {
    /// Its id.
    id: String,
    /// `deployment`.
    object: &'static str,
    /// The name that requests give as `model`.
    name: String,
    /// Model and version.
    version: String,
    /// The catalogue's model, for an embedded one.
    model: Option<String>,
    /// The upstreams' addresses, without keys.
    upstreams: Option<Vec<String>>,
    /// Names of its adapters.
    adapters: Vec<String>,
    /// Calls that one replica gets at once.
    max_concurrency: u32,
    /// Calls that may wait.
    queue_limit: u32,
    /// The only project that may call it.
    project_id: Option<String>,
    /// Seconds since the epoch.
    created_at: i64,
}

/// A deployment that was taken away.
#[derive(Debug, Serialize, ToSchema)]
struct DeletedDeployment {
    /// Its name.
    name: String,
    /// `deployment.deleted`.
    object: &'static str,
    /// True.
    deleted: bool,
}

impl From<&Deployment> for DeploymentBody {
    fn from(deployment: &Deployment) -> Self {
        let (model, upstreams, adapters) = match &deployment.target {
            Target::Model(target) => {
                let adapters = target.adapters.iter().map(|adapter| adapter.name.clone()).collect();
                (Some(target.model.clone()), None, adapters)
            }
            Target::Upstreams(upstreams) => {
                (None, Some(upstreams.iter().map(|upstream| upstream.base_url.clone()).collect()), Vec::new())
            }
        };
        Self {
            id: deployment.id.to_string(),
            object: "deployment",
            name: deployment.name.to_string(),
            version: deployment.version.to_string(),
            model,
            upstreams,
            adapters,
            max_concurrency: deployment.max_concurrency,
            queue_limit: deployment.queue_limit,
            project_id: deployment.project.as_ref().map(ToString::to_string),
            created_at: deployment.created_at.secs(),
        }
    }
}

/// Everything that is offered.
#[utoipa::path(get, path = "/v1/deployments", tag = "deployments", responses((status = 200, body = List<DeploymentBody>)))]
async fn list_deployments(State(app): State<App>, _: ModelsReader) -> Json<List<DeploymentBody>> {
    let mut all: Vec<DeploymentBody> =
        app.fleet.deployments().iter().map(|d| DeploymentBody::from(&**d)).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Json(List::all(all))
}

/// Offers a model or an upstream under a name.
#[utoipa::path(
    post, path = "/v1/deployments", tag = "deployments", request_body = NewDeploymentBody,
    responses((status = 201, body = DeploymentBody), (status = 400, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn create_deployment(
    State(app): State<App>,
    _: ModelsWriter,
    JsonBody(body): JsonBody<NewDeploymentBody>,
) -> Result<(StatusCode, Json<DeploymentBody>), ApiError> {
    let project = body
        .project_id
        .as_deref()
        .map(|id| ProjectId::parse(id).map_err(|error| ApiError::invalid("project_id", error.to_string())))
        .transpose()?;
    let mut upstreams: Vec<UpstreamBody> = body.upstreams.unwrap_or_default();
    upstreams.extend(body.upstream);
    let deployment = match (body.model, upstreams.is_empty()) {
        (Some(_), false) => {
            return Err(ApiError::invalid("upstream", "Give `model` or `upstream`, not both."));
        }
        (None, true) => return Err(ApiError::invalid("model", "Give `model` or `upstream`.")),
        (Some(model), true) => {
            let adapters = body.adapters.into_iter().map(Adapter::from).collect();
            let offer = OfferModel {
                model,
                name: body.name,
                max_concurrency: body.max_concurrency,
                context_length: body.context_length,
                queue_limit: body.queue_limit,
                adapters,
                project,
                is_rented: false,
            };
            app.offering.offer_model(offer).await?
        }
        (None, false) => {
            let name = body.name.ok_or_else(|| ApiError::invalid("name", "An upstream needs a `name`."))?;
            for (given, param) in
                [(!body.adapters.is_empty(), "adapters"), (body.context_length.is_some(), "context_length")]
            {
                if given {
                    return Err(ApiError::invalid(
                        param,
                        format!("`{param}` is for models, not for upstreams."),
                    ));
                }
            }
            let upstreams = upstreams.into_iter().map(|upstream| NewUpstream {
                base_url: upstream.base_url,
                api_key: upstream.api_key.as_deref().map(Secret::new),
                model: upstream.model.unwrap_or_else(|| name.clone()),
            });
            let upstreams = upstreams.collect();
            let offer = OfferUpstream {
                name: name.clone(),
                upstreams,
                max_concurrency: body.max_concurrency,
                queue_limit: body.queue_limit,
                project,
            };
            app.offering.offer_upstream(offer).await?
        }
    };
    Ok((StatusCode::CREATED, Json(DeploymentBody::from(&*deployment))))
}

/// One of them, by name.
#[utoipa::path(
    get, path = "/v1/deployments/{name}", tag = "deployments", params(("name" = String, Path)),
    responses((status = 200, body = DeploymentBody), (status = 404, body = ErrorBody))
)]
async fn get_deployment(
    State(app): State<App>,
    _: ModelsReader,
    Path(name): Path<String>,
) -> Result<Json<DeploymentBody>, ApiError> {
    let deployment = app.fleet.deployment(&name).ok_or_else(|| ApiError::not_found("deployment", &name))?;
    Ok(Json(DeploymentBody::from(&*deployment)))
}

/// Takes a deployment away. Calls that are under way end first.
#[utoipa::path(
    delete, path = "/v1/deployments/{name}", tag = "deployments", params(("name" = String, Path)),
    responses((status = 200, body = DeletedDeployment), (status = 404, body = ErrorBody))
)]
async fn delete_deployment(
    State(app): State<App>,
    _: ModelsWriter,
    Path(name): Path<String>,
) -> Result<Json<DeletedDeployment>, ApiError> {
    app.offering.withdraw(&name).await?;
    Ok(Json(DeletedDeployment { name, object: "deployment.deleted", deleted: true }))
}

/// Loads an adapter into a deployment that serves. Requests give `deployment:adapter` as `model`.
#[utoipa::path(
    post, path = "/v1/deployments/{name}/adapters", tag = "deployments", params(("name" = String, Path)),
    request_body = AdapterBody,
    responses((status = 201, body = DeploymentBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn load_adapter(
    State(app): State<App>,
    _: ModelsWriter,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<AdapterBody>,
) -> Result<(StatusCode, Json<DeploymentBody>), ApiError> {
    let deployment = app.offering.load_adapter(&name, body.into()).await?;
    Ok((StatusCode::CREATED, Json(DeploymentBody::from(&*deployment))))
}

/// Takes an adapter away. Calls that are under way with it end first.
#[utoipa::path(
    delete, path = "/v1/deployments/{name}/adapters/{adapter}", tag = "deployments",
    params(("name" = String, Path), ("adapter" = String, Path)),
    responses((status = 200, body = DeploymentBody), (status = 404, body = ErrorBody))
)]
async fn unload_adapter(
    State(app): State<App>,
    _: ModelsWriter,
    Path((name, adapter)): Path<(String, String)>,
) -> Result<Json<DeploymentBody>, ApiError> {
    let deployment = app.offering.unload_adapter(&name, &adapter).await?;
    Ok(Json(DeploymentBody::from(&*deployment)))
}
