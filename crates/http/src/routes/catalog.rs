//! `/v1/catalog`: the models that can be offered, and bringing their files here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use futures::{Stream, stream};
use serde::{Deserialize, Serialize};
use tenfold_catalog::{Catalog, CatalogError, Entry, Installed, Progress, Stage};
use tenfold_fleet::Target;
use tenfold_kernel::ErrorKind;
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{ModelsWriter, Reader, parse_json, read_body};
use crate::sse;

/// How often the progress of a pull is sent, at most.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_catalog))
        .routes(routes!(get_entry, uninstall_model))
        .routes(routes!(pull_model))
}

/// A model that can be offered.
#[derive(Debug, Serialize, ToSchema)]
struct CatalogEntry {
    /// The name to pull and to deploy it by.
    id: String,
    /// `catalog.entry`.
    object: &'static str,
    /// Its name for people.
    name: String,
    /// What it is, in a sentence or two.
    description: String,
    /// `chat`, `completion` or `embedding`.
    #[schema(value_type = String)]
    task: tenfold_catalog::Task,
    /// How its files are written.
    #[schema(value_type = String)]
    format: tenfold_catalog::Format,
    /// Its place in the pyramid: `general`, `domain`, `industry`, `enterprise` or `personal`.
    #[schema(value_type = String)]
    tier: tenfold_catalog::Tier,
    /// What goes in and comes out.
    #[schema(value_type = Object)]
    modalities: tenfold_catalog::Modalities,
    /// What it can do.
    #[schema(value_type = Vec<String>)]
    capabilities: BTreeSet<tenfold_catalog::Capability>,
    /// The most tokens that it can attend to.
    context_length: u64,
    /// How many numbers it consists of.
    parameters: u64,
    /// The model that it was made from, and how.
    #[schema(value_type = Option<Object>)]
    lineage: Option<tenfold_catalog::Lineage>,
    /// Under which terms it may be used.
    licence: CatalogLicence,
    /// What it costs unless the operator says otherwise.
    prices: Option<CatalogPrices>,
    /// Changes with every byte of its files and with nothing else.
    version: String,
    /// The size of all files.
    size_bytes: u64,
    /// The kinds of sources that its files can be had from.
    sources: BTreeSet<&'static str>,
    /// Whether this version's files are here.
    installed: bool,
}

/// Under which terms a model may be used.
#[derive(Debug, Serialize, ToSchema)]
struct CatalogLicence {
    /// An SPDX licence expression.
    spdx: String,
    /// Where it can be read.
    url: String,
    /// What one must know before using the model, where the terms restrict its use.
    #[serde(rename = "use")]
    use_note: Option<String>,
}

/// A price list.
#[derive(Debug, Serialize, ToSchema)]
struct CatalogPrices {
    /// The currency, by its ISO 4217 code.
    currency: String,
    /// Exact decimal prices of one million of each unit.
    per_million: BTreeMap<&'static str, String>,
}

impl CatalogEntry {
    fn new(entry: &Entry, installed: bool) -> Self {
        Self {
            id: entry.id.clone(),
            object: "catalog.entry",
            name: entry.name.clone(),
            description: entry.description.clone(),
            task: entry.task,
            format: entry.format,
            tier: entry.tier,
            modalities: entry.modalities.clone(),
            capabilities: entry.capabilities.clone(),
            context_length: entry.context_length.get(),
            parameters: entry.parameters.get(),
            lineage: entry.lineage.clone(),
            licence: CatalogLicence {
                spdx: entry.licence.spdx.as_str().to_owned(),
                url: entry.licence.url.to_string(),
                use_note: entry.licence.use_note.clone(),
            },
            prices: entry.prices.as_ref().map(|prices| CatalogPrices {
                currency: prices.currency.to_string(),
                per_million: prices
                    .per_million
                    .iter()
                    .map(|(unit, price)| (unit.as_str(), price.to_string()))
                    .collect(),
            }),
            version: entry.version(),
            size_bytes: entry.size_bytes(),
            sources: entry.artefacts.iter().flat_map(|a| &a.sources).map(|s| s.scheme().as_str()).collect(),
            installed,
        }
    }
}

/// Lists every model that can be offered, those of the program and the operator's own.
#[utoipa::path(get, path = "/v1/catalog", tag = "catalog",
    responses((status = 200, body = List<CatalogEntry>), (status = 401, body = ErrorBody)))]
async fn list_catalog(State(app): State<App>, _: Reader) -> Json<List<CatalogEntry>> {
    let catalog = &app.catalog;
    let entries = catalog.list();
    Json(List::all(
        entries.iter().map(|e| CatalogEntry::new(e, catalog.installed(&e.id).is_some())).collect(),
    ))
}

/// One model that can be offered.
#[utoipa::path(get, path = "/v1/catalog/{id}", tag = "catalog", params(("id" = String, Path)),
    responses((status = 200, body = CatalogEntry), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn get_entry(
    State(app): State<App>,
    _: Reader,
    Path(id): Path<String>,
) -> Result<Json<CatalogEntry>, ApiError> {
    let entry = known(&app, &id)?;
    Ok(Json(CatalogEntry::new(&entry, app.catalog.installed(&id).is_some())))
}

/// How to pull.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PullRequest {
    /// Whether to send progress as server-sent events. `Accept: text/event-stream` asks for the same.
    #[serde(default)]
    stream: bool,
}

/// How far a pull is; the last one of a stream says `installed`.
#[derive(Debug, Serialize, ToSchema)]
struct CatalogPull {
    /// `catalog.pull`.
    object: &'static str,
    /// The model.
    model: String,
    /// `checking`, `downloading`, `verifying`, `installing` or `installed`.
    stage: &'static str,
    /// How much of all files is here.
    bytes_done: u64,
    /// How large all files are.
    bytes_total: u64,
    /// The version that is being pulled.
    version: String,
    /// What one must know before using the model, in the last event, where its terms restrict its use.
    #[serde(skip_serializing_if = "Option::is_none")]
    use_note: Option<String>,
}

/// Brings a model's files here, checks and installs them. Pulls of one model share one download; a pull that is
/// interrupted installs nothing, and the next one goes on where it was.
#[utoipa::path(post, path = "/v1/catalog/{id}/pull", tag = "catalog", params(("id" = String, Path)),
    request_body = Option<PullRequest>,
    responses((status = 200, body = CatalogEntry), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody), (status = 502, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
async fn pull_model(
    State(app): State<App>,
    _: ModelsWriter,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let accepts = |value: &str| value.split(',').any(|part| part.trim().starts_with("text/event-stream"));
    let asked = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(accepts);
    let body = read_body(request, &app).await?;
    let request: PullRequest = if body.is_empty() { PullRequest::default() } else { parse_json(&body)? };
    let entry = known(&app, &id)?;
    if request.stream || asked {
        return Ok(sse::openai(Box::pin(events(Arc::clone(&app.catalog), entry))));
    }
    app.catalog.pull(&id, |_| {}).await?;
    Ok(Json(CatalogEntry::new(&entry, true)).into_response())
}

/// What came of removing a model's files.
#[derive(Debug, Serialize, ToSchema)]
struct Uninstalled {
    /// The model.
    id: String,
    /// `catalog.entry`.
    object: &'static str,
    /// Always true.
    deleted: bool,
}

/// Removes a model's files from this machine; its entry stays. A model that is deployed is refused.
#[utoipa::path(delete, path = "/v1/catalog/{id}", tag = "catalog", params(("id" = String, Path)),
    responses((status = 200, body = Uninstalled), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn uninstall_model(
    State(app): State<App>,
    _: ModelsWriter,
    Path(id): Path<String>,
) -> Result<Json<Uninstalled>, ApiError> {
    let deployments = app.fleet.deployments();
    if let Some(user) = deployments.iter().find(|d| matches!(&d.target, Target::Model(t) if t.model == id)) {
        let message = format!("The deployment `{}` runs this model; delete it first.", user.name);
        return Err(ApiError::new(ErrorKind::Conflict, message).with_code("model_in_use"));
    }
    app.catalog.remove(&id).await?;
    Ok(Json(Uninstalled { id, object: "catalog.entry", deleted: true }))
}

fn known(app: &App, id: &str) -> Result<Arc<Entry>, ApiError> {
    let unknown = || CatalogError::UnknownModel { id: id.chars().take(128).collect() };
    Ok(app.catalog.get(id).ok_or_else(unknown)?)
}

/// A pull on its way, and where it says how far it is.
struct Pull {
    work: BoxFuture<'static, Result<Installed, CatalogError>>,
    progress: watch::Receiver<Option<Progress>>,
    tick: tokio::time::Interval,
    entry: Arc<Entry>,
}

/// The events of a pull. Dropping the stream, as when the client leaves, interrupts the pull.
fn events(catalog: Arc<Catalog>, entry: Arc<Entry>) -> impl Stream<Item = Result<CatalogPull, CatalogError>> {
    let (sender, progress) = watch::channel(None);
    let id = entry.id.clone();
    let work = Box::pin(async move {
        catalog
            .pull(&id, |p| {
                sender.send_replace(Some(p));
            })
            .await
    });
    let mut tick = tokio::time::interval(PROGRESS_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::unfold(Some(Pull { work, progress, tick, entry }), |state| async move {
        let mut pull = state?;
        loop {
            tokio::select! {
                biased;
                result = &mut pull.work => {
                    let event = result.map(|installed| CatalogPull {
                        use_note: pull.entry.licence.use_note.clone(),
                        ..event(&pull.entry, Stage::Installed, installed.size_bytes())
                    });
                    return Some((event, None));
                }
                _ = pull.tick.tick() => {
                    let changed = pull.progress.has_changed().unwrap_or(false);
                    let now = *pull.progress.borrow_and_update();
                    if let Some(now) = now.filter(|_| changed) {
                        return Some((Ok(event(&pull.entry, now.stage, now.bytes_done)), Some(pull)));
                    }
                }
            }
        }
    })
}

fn event(entry: &Entry, stage: Stage, bytes_done: u64) -> CatalogPull {
    CatalogPull {
        object: "catalog.pull",
        model: entry.id.clone(),
        stage: stage.as_str(),
        bytes_done,
        bytes_total: entry.size_bytes(),
        version: entry.version(),
        use_note: None,
    }
}
