//! `/v1/models`: the deployments that the caller may name.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Map, json};
use tenfold_catalog::Entry;
use tenfold_fleet::{Deployment, Offered, Target};
use tenfold_kernel::{Caller, ErrorKind};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::{List, Model};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Authenticated;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_models)).routes(routes!(get_model))
}

/// The deployments that the caller may name as `model`.
#[utoipa::path(get, path = "/v1/models", tag = "models", responses((status = 200, body = List<Model>), (status = 401, body = ErrorBody)))]
async fn list_models(State(app): State<App>, Authenticated(caller): Authenticated) -> Json<List<Model>> {
    let mut models: Vec<Model> = app
        .fleet
        .deployments()
        .iter()
        .filter(|d| is_visible(d, &caller))
        .flat_map(|d| offered_by(d).map(|offered| describe(&app, &offered)).collect::<Vec<_>>())
        .collect();
    models.sort_by(|a, b| a.id.cmp(&b.id));
    Json(List::all(models))
}

/// One of them.
#[utoipa::path(
    get, path = "/v1/models/{model}", tag = "models", params(("model" = String, Path)),
    responses((status = 200, body = Model), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody))
)]
async fn get_model(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Model>, ApiError> {
    let offered =
        app.fleet.offered(&name).filter(|o| is_visible(&o.deployment, &caller)).ok_or_else(|| {
            let name: String = name.chars().take(128).collect();
            ApiError::new(
                ErrorKind::NotFound,
                format!("The model `{name}` does not exist or you do not have access to it."),
            )
            .with_code("model_not_found")
        })?;
    Ok(Json(describe(&app, &offered)))
}

fn is_visible(deployment: &Deployment, caller: &Caller) -> bool {
    deployment.project.as_ref().is_none_or(|project| *project == caller.project)
}

/// The deployment and its adapters.
fn offered_by(deployment: &Arc<Deployment>) -> impl Iterator<Item = Offered> {
    let adapters = deployment.adapters().iter().map(|adapter| Some(adapter.name.as_str().into()));
    std::iter::once(None)
        .chain(adapters)
        .map(|adapter| Offered { deployment: Arc::clone(deployment), adapter })
}

fn describe(app: &App, offered: &Offered) -> Model {
    let deployment = &offered.deployment;
    let mut extra = Map::new();
    let (owned_by, entry) = match &deployment.target {
        Target::Model(model) => {
            extra.insert("context_length".to_owned(), json!(model.context_length));
            ("tenfold", app.catalog.get(&model.model))
        }
        Target::Upstreams(_) => ("upstream", None),
    };
    extra.insert("version".to_owned(), json!(offered.version()));
    if let Some(entry) = entry {
        about(&entry, &mut extra);
    }
    Model {
        id: offered.name().to_string(),
        object: "model".to_owned(),
        created: deployment.created_at.secs(),
        owned_by: owned_by.to_owned(),
        extra,
    }
}

/// What the catalogue knows of a deployment's model.
fn about(entry: &Entry, extra: &mut Map<String, serde_json::Value>) {
    extra.insert("task".to_owned(), json!(entry.task));
    extra.insert("tier".to_owned(), json!(entry.tier));
    extra.insert("licence".to_owned(), json!(entry.licence));
    extra.insert("capabilities".to_owned(), json!(entry.capabilities));
}
