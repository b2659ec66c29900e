//! `/v1/organization/...`: who calls, in the OpenAI administration API's words.
//!
//! A handler takes the caller, calls one verb of `tenfold_identity`, which decides again who may, and writes the
//! result down. An id that cannot be one is not found, like an id of nothing.

mod admin_api_keys;
mod auto_recharge;
mod billing;
mod budgets;
mod checkouts;
mod documents;
mod invites;
mod invoices;
mod limits;
mod plans;
mod project_api_keys;
mod project_users;
mod projects;
mod rate_limits;
mod rentals;
mod service_accounts;
mod spend_alerts;
mod spend_limits;
mod statements;
mod subscriptions;
mod users;
mod vouchers;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::{Extension, Json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tenfold_identity::{ListRequest, Order};
use tenfold_kernel::{ErrorKind, InvalidId, Scope, Timestamp};
use tenfold_protocol::model::List;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

pub(crate) use billing::ledger_entry;

use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::KeptInstead;
use crate::routes::list_of;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(projects::router())
        .merge(project_api_keys::router())
        .merge(service_accounts::router())
        .merge(project_users::router())
        .merge(rate_limits::router())
        .merge(spend_limits::router())
        .merge(spend_alerts::router())
        .merge(billing::router())
        .merge(budgets::router())
        .merge(checkouts::router())
        .merge(auto_recharge::router())
        .merge(vouchers::router())
        .merge(plans::router())
        .merge(limits::router())
        .merge(rentals::router())
        .merge(invoices::router())
        .merge(statements::router())
        .merge(subscriptions::router())
        .merge(users::router())
        .merge(invites::router())
        .merge(admin_api_keys::router())
}

/// The query of a request, refused with the OpenAI error body.
#[derive(Debug)]
struct Params<T>(T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Params<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, app).await;
        query.map(|Query(params)| Self(params)).map_err(|rejection| {
            let text = crate::error::chain(&rejection);
            // serde says: unknown field `x`, expected ...; the field is what the client wants to know.
            let named = |what: &str| text.split_once(what).and_then(|(_, rest)| rest.split('`').next());
            match (named("unknown field `"), named("missing field `")) {
                (Some(field), _) => ApiError::invalid(field, format!("Unknown parameter: `{field}`."))
                    .with_code("unknown_parameter"),
                (None, Some(field)) => {
                    ApiError::invalid(field, format!("Missing required parameter: `{field}`."))
                        .with_code("missing_required_parameter")
                }
                (None, None) => ApiError::new(
                    ErrorKind::InvalidRequest,
                    format!("Invalid query: {}.", rejection.body_text()),
                )
                .with_code("invalid_type"),
            }
        })
    }
}

/// Which part of a list, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// 1 to 100; 20 when absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The id that the page comes after.
    after: Option<String>,
    /// `asc` (oldest first, when absent) or `desc`.
    order: Option<String>,
}

impl ListQuery {
    fn request(self) -> Result<ListRequest, ApiError> {
        let order = match self.order.as_deref() {
            None | Some("asc") => Order::Ascending,
            Some("desc") => Order::Descending,
            Some(_) => return Err(ApiError::invalid("order", "`order` is `asc` or `desc`.")),
        };
        Ok(ListRequest { limit: self.limit, after: self.after, order })
    }
}

/// A page as the OpenAI API writes it.
fn listed<T, U>(
    list: tenfold_identity::List<T>,
    id: impl Fn(&U) -> &str,
    write: impl FnMut(T) -> U,
) -> List<U> {
    list_of(list.data.into_iter().map(write).collect(), list.has_more, id)
}

/// An answer that shows a secret once: whoever sends the request again under the same `Idempotency-Key` reads
/// `redacted`, since what is kept for repeats is stored.
fn shown_once<T: Serialize>(shown: T, redacted: &T) -> Result<ShownOnce<T>, ApiError> {
    let kept = serde_json::to_string(redacted).map_err(|error| {
        ApiError::new(ErrorKind::Internal, format!("an answer cannot be written: {error}"))
    })?;
    Ok((Extension(KeptInstead(kept)), Json(shown)))
}

type ShownOnce<T> = (Extension<KeptInstead>, Json<T>);

/// An id from a path.
pub(crate) fn path_id<T>(
    what: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, InvalidId>,
) -> Result<T, ApiError> {
    parse(text).map_err(|InvalidId(id)| {
        ApiError::new(ErrorKind::NotFound, format!("No {what} found with id '{id}'.")).with_code("not_found")
    })
}

/// An id from a body.
pub(crate) fn body_id<T>(
    param: &'static str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, InvalidId>,
) -> Result<T, ApiError> {
    parse(text).map_err(|error| ApiError::invalid(param, format!("Invalid value for `{param}`: {error}.")))
}

/// When a key ends that lives for `seconds`, which the OpenAI API bounds by a year.
fn end_of(app: &App, seconds: Option<i64>) -> Result<Option<Timestamp>, ApiError> {
    const YEAR: i64 = 31_536_000;
    match seconds {
        None => Ok(None),
        Some(seconds @ 1..=YEAR) => Ok(Some(Timestamp(app.clock.now().0.saturating_add(seconds * 1000)))),
        Some(_) => {
            Err(ApiError::invalid("expires_in_seconds", format!("`expires_in_seconds` is 1 to {YEAR}.")))
        }
    }
}

fn scopes_of(names: Option<&[String]>) -> Result<Vec<Scope>, ApiError> {
    match names {
        // An empty list would mean everything: whoever wants that leaves it out.
        Some([]) => Err(ApiError::invalid("scopes", "`scopes` names one scope at least, or is left out.")),
        Some(names) => Ok(tenfold_identity::parse_scopes(names)?),
        None => Ok(Vec::new()),
    }
}

fn scope_names(scopes: &[Scope]) -> Vec<String> {
    let name = |scope: &Scope| match scope {
        Scope::ModelRequest => "model.request",
        Scope::Read => "api.read",
        Scope::Management => "api.management",
        _ => "unknown",
    };
    scopes.iter().map(|scope| name(scope).to_owned()).collect()
}
