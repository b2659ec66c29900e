//! `/v1/organization/usage/completions`, `/v1/organization/usage/embeddings` and `/v1/organization/costs`.

use axum::Json;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use tenfold_billing::{BucketWidth, CostRow, Filter, GroupBy, Operation, Page, ReportQuery, UsageRow};
use tenfold_kernel::{Caller, ErrorKind, Money, Role, Timestamp};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::usage_report::{
    Amount, CompletionsUsage, CostsResult, EmbeddingsUsage, UsageBucket, UsagePage,
};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Reader;

/// The most values of one filter.
const MAX_VALUES: usize = 100;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(usage_of_completions))
        .routes(routes!(usage_of_embeddings))
        .routes(routes!(costs))
}

/// The query of a report. Lists are given by repeating the name, with or without `[]` behind it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the API description is generated from it; `Parameters` reads the query")]
struct ReportParams {
    /// From when: seconds since the epoch, inclusive.
    start_time: i64,
    /// Until when: seconds since the epoch, exclusive. Now when absent.
    end_time: Option<i64>,
    /// `1m`, `1h` or `1d` (when absent), which is a day of the organisation's time zone. Costs are by the day.
    bucket_width: Option<String>,
    /// Of these projects. A project's key reads its own project's figures, whatever is asked.
    project_ids: Option<Vec<String>>,
    /// Of these people.
    user_ids: Option<Vec<String>>,
    /// With these keys.
    api_key_ids: Option<Vec<String>>,
    /// Of these models.
    models: Option<Vec<String>>,
    /// In batches, or not.
    batch: Option<bool>,
    /// `project_id`, `user_id`, `api_key_id`, `model`, `batch`, `service_tier`; in costs `project_id`, `api_key_id`,
    /// `line_item`.
    group_by: Option<Vec<String>>,
    /// In costs, the label (a name in `metadata` of calls) by whose value they are told apart too.
    label: Option<String>,
    /// How many buckets a page has. By width: `1d` 7, at most 31; `1h` 24, at most 168; `1m` 60, at most 1440. Costs:
    /// 7, at most 180.
    limit: Option<u32>,
    /// `next_page` of the page before.
    page: Option<String>,
}

/// What generating text used, by time.
#[utoipa::path(
    get, path = "/v1/organization/usage/completions", tag = "usage", params(ReportParams),
    responses((status = 200, body = UsagePage<CompletionsUsage>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn usage_of_completions(
    State(app): State<App>,
    Reader(caller): Reader,
    parameters: Parameters,
) -> Result<Json<UsagePage<CompletionsUsage>>, ApiError> {
    let query = parameters.query(&caller, &USAGE_GROUPS, &Operation::GENERATION)?;
    let page = app.billing.usage(query).await?;
    Ok(Json(written(page, completions)))
}

/// What embedding used, by time.
#[utoipa::path(
    get, path = "/v1/organization/usage/embeddings", tag = "usage", params(ReportParams),
    responses((status = 200, body = UsagePage<EmbeddingsUsage>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn usage_of_embeddings(
    State(app): State<App>,
    Reader(caller): Reader,
    parameters: Parameters,
) -> Result<Json<UsagePage<EmbeddingsUsage>>, ApiError> {
    let groups = &USAGE_GROUPS[..4];
    let query = parameters.query(&caller, groups, &[Operation::Embeddings])?;
    let page = app.billing.usage(query).await?;
    Ok(Json(written(page, embeddings)))
}

/// What calls cost, by the day of the organisation's time zone.
#[utoipa::path(
    get, path = "/v1/organization/costs", tag = "usage", params(ReportParams),
    responses((status = 200, body = UsagePage<CostsResult>), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn costs(
    State(app): State<App>,
    Reader(caller): Reader,
    parameters: Parameters,
) -> Result<Json<UsagePage<CostsResult>>, ApiError> {
    let query = parameters.query(&caller, &COST_GROUPS, &[])?;
    let page = app.billing.costs(query).await?;
    Ok(Json(written(page, cost)))
}

const USAGE_GROUPS: [(&str, GroupBy); 6] = [
    ("project_id", GroupBy::Project),
    ("user_id", GroupBy::User),
    ("api_key_id", GroupBy::ApiKey),
    ("model", GroupBy::Model),
    ("batch", GroupBy::Batch),
    ("service_tier", GroupBy::ServiceTier),
];

const COST_GROUPS: [(&str, GroupBy); 3] =
    [("project_id", GroupBy::Project), ("api_key_id", GroupBy::ApiKey), ("line_item", GroupBy::Model)];

/// The query of a report as it came: names with their values, in order.
#[derive(Debug)]
pub(super) struct Parameters(pub(super) Vec<(String, String)>);

impl FromRequestParts<App> for Parameters {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, app).await;
        let Query(pairs) = pairs.map_err(|rejection| {
            ApiError::new(ErrorKind::InvalidRequest, format!("Invalid query: {}.", rejection.body_text()))
        })?;
        Ok(Self(pairs))
    }
}

impl Parameters {
    /// Reads the query, each field refused by its name.
    fn query(
        self,
        caller: &Caller,
        groups: &[(&str, GroupBy)],
        operations: &[Operation],
    ) -> Result<ReportQuery, ApiError> {
        let mut start = None;
        let mut query = ReportQuery {
            organization: caller.organization.clone(),
            start: Timestamp(0),
            end: None,
            width: BucketWidth::Day,
            filter: Filter { operations: operations.to_vec(), ..Filter::default() },
            group_by: Vec::new(),
            label: None,
            limit: None,
            page: None,
        };
        for (name, value) in self.0 {
            let filter = &mut query.filter;
            match name.strip_suffix("[]").unwrap_or(&name) {
                "start_time" => start = Some(seconds("start_time", &value)?),
                "end_time" => query.end = Some(seconds("end_time", &value)?),
                "bucket_width" => query.width = value.parse()?,
                "project_ids" => push("project_ids", &mut filter.projects, id("project_ids", &value)?)?,
                "user_ids" => push("user_ids", &mut filter.users, id("user_ids", &value)?)?,
                "api_key_ids" => push("api_key_ids", &mut filter.api_keys, id("api_key_ids", &value)?)?,
                "models" if !operations.is_empty() => push("models", &mut filter.models, value)?,
                "batch" if operations.len() > 1 => {
                    filter.batch = Some(number("batch", "`true` or `false`", &value)?);
                }
                "group_by" => push("group_by", &mut query.group_by, group(groups, &value)?)?,
                "label" if operations.is_empty() => query.label = Some(value),
                "limit" => query.limit = Some(number("limit", "a whole number", &value)?),
                "page" => query.page = Some(value),
                other => return Err(unknown(other)),
            }
        }
        query.start = start.ok_or_else(|| {
            ApiError::invalid("start_time", "Missing required parameter: `start_time`.")
                .with_code("missing_required_parameter")
        })?;
        restrict(&mut query.filter, caller)?;
        Ok(query)
    }
}

pub(super) fn unknown(name: &str) -> ApiError {
    let name: String = name.chars().take(64).collect();
    ApiError::invalid(&name, format!("Unknown parameter: `{name}`.")).with_code("unknown_parameter")
}

/// A project's key reads its own project's figures alone.
pub(super) fn restrict(filter: &mut Filter, caller: &Caller) -> Result<(), ApiError> {
    if caller.role == Role::Admin {
        return Ok(());
    }
    if filter.projects.iter().any(|project| *project != caller.project) {
        let message = "This key reads the figures of its own project. Others need an admin key.";
        return Err(ApiError::new(ErrorKind::PermissionDenied, message).with_code("admin_key_required"));
    }
    filter.projects = vec![caller.project.clone()];
    Ok(())
}

pub(super) fn seconds(field: &'static str, value: &str) -> Result<Timestamp, ApiError> {
    number(field, "a count of seconds since 1970", value).map(Timestamp::from_secs)
}

pub(super) fn number<T: std::str::FromStr>(
    field: &'static str,
    what: &str,
    value: &str,
) -> Result<T, ApiError> {
    value
        .parse()
        .map_err(|_| ApiError::invalid(field, format!("`{field}` is {what}.")).with_code("invalid_type"))
}

/// An id of any kind. One that cannot be is refused by the field that holds it.
pub(super) fn id<T: TryFromId>(field: &'static str, value: &str) -> Result<T, ApiError> {
    T::read(value).ok_or_else(|| {
        ApiError::invalid(field, format!("`{field}` holds what is not an id.")).with_code("invalid_value")
    })
}

/// What the ids of a filter have in common.
pub(super) trait TryFromId: Sized {
    fn read(text: &str) -> Option<Self>;
}

impl TryFromId for tenfold_kernel::ProjectId {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl TryFromId for tenfold_kernel::UserId {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl TryFromId for tenfold_kernel::ApiKeyId {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

pub(super) fn push<T>(field: &'static str, values: &mut Vec<T>, value: T) -> Result<(), ApiError> {
    if values.len() == MAX_VALUES {
        return Err(ApiError::invalid(field, format!("`{field}` has at most {MAX_VALUES} values.")));
    }
    values.push(value);
    Ok(())
}

fn group(groups: &[(&str, GroupBy)], value: &str) -> Result<GroupBy, ApiError> {
    let found = groups.iter().find(|(name, _)| *name == value).map(|(_, group)| *group);
    found.ok_or_else(|| {
        let names: Vec<&str> = groups.iter().map(|(name, _)| *name).collect();
        ApiError::invalid("group_by", format!("`group_by` is one of {}.", names.join(", ")))
            .with_code("invalid_value")
    })
}

fn written<R, W>(page: Page<R>, write: impl Fn(R) -> W) -> UsagePage<W> {
    let bucket = |bucket: tenfold_billing::Bucket<R>| UsageBucket {
        object: "bucket".to_owned(),
        start_time: bucket.start.secs(),
        end_time: bucket.end.secs(),
        results: bucket.rows.into_iter().map(&write).collect(),
    };
    UsagePage {
        object: "page".to_owned(),
        data: page.buckets.into_iter().map(bucket).collect(),
        has_more: page.next_page.is_some(),
        next_page: page.next_page,
    }
}

fn completions(row: UsageRow) -> CompletionsUsage {
    // Sums of sums that fit; beyond 2^63 tokens the figure stands still rather than wrapping.
    let sum = |counts: &[i64]| counts.iter().copied().fold(0, i64::saturating_add);
    let cached =
        sum(&[row.cached_input_tokens, row.cached_audio_input_tokens, row.cached_image_input_tokens]);
    let input = [row.input_tokens, row.cache_write_tokens, row.audio_input_tokens, row.image_input_tokens];
    let output = [row.output_tokens, row.reasoning_tokens, row.audio_output_tokens, row.image_output_tokens];
    CompletionsUsage {
        object: "organization.usage.completions.result".to_owned(),
        input_tokens: sum(&input).saturating_add(cached),
        output_tokens: sum(&output),
        input_cached_tokens: cached,
        input_audio_tokens: sum(&[row.audio_input_tokens, row.cached_audio_input_tokens]),
        output_audio_tokens: row.audio_output_tokens,
        output_reasoning_tokens: row.reasoning_tokens,
        num_model_requests: row.requests,
        project_id: row.key.project,
        user_id: row.key.user,
        api_key_id: row.key.api_key,
        model: row.key.model,
        batch: row.key.batch,
        service_tier: row.key.service_tier,
    }
}

fn embeddings(row: UsageRow) -> EmbeddingsUsage {
    EmbeddingsUsage {
        object: "organization.usage.embeddings.result".to_owned(),
        input_tokens: row.embedding_tokens,
        num_model_requests: row.requests,
        project_id: row.key.project,
        user_id: row.key.user,
        api_key_id: row.key.api_key,
        model: row.key.model,
    }
}

fn cost(row: CostRow) -> CostsResult {
    CostsResult {
        object: "organization.costs.result".to_owned(),
        amount: row.currency.map(|currency| Amount::from(Money::new(row.nanos, currency))),
        line_item: row.key.model,
        project_id: row.key.project,
        api_key_id: row.key.api_key,
        label: row.key.label,
        num_model_requests: row.requests,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenfold_kernel::{Access, ApiKeyId, OrganizationId, ProjectId};

    fn caller(role: Role) -> Caller {
        Caller {
            organization: OrganizationId::parse("org-a").unwrap(),
            project: ProjectId::parse("proj_a").unwrap(),
            api_key: ApiKeyId::parse("key_a").unwrap(),
            user: None,
            service_account: None,
            role,
            scopes: Vec::new(),
            access: if role == Role::Admin { Access::ALL } else { Access::NONE },
        }
    }

    fn read(role: Role, query: &[(&str, &str)]) -> Result<ReportQuery, ApiError> {
        let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Parameters(pairs).query(&caller(role), &USAGE_GROUPS, &Operation::GENERATION)
    }

    #[test]
    fn lists_are_read_as_sdks_write_them() {
        let query = read(
            Role::Admin,
            &[
                ("start_time", "1730419200"),
                ("bucket_width", "1h"),
                ("project_ids[]", "proj_a"),
                ("project_ids", "proj_b"),
                ("group_by", "model"),
                ("group_by[]", "project_id"),
                ("batch", "false"),
                ("limit", "5"),
            ],
        )
        .unwrap();
        assert_eq!(query.start, Timestamp(1_730_419_200_000));
        assert_eq!(query.width, BucketWidth::Hour);
        assert_eq!(query.filter.projects.len(), 2);
        assert_eq!(query.group_by, [GroupBy::Model, GroupBy::Project]);
        assert_eq!((query.filter.batch, query.limit), (Some(false), Some(5)));
    }

    #[test]
    fn what_is_wrong_is_refused_by_name() {
        let too_many: Vec<(&str, &str)> =
            [("start_time", "1")].into_iter().chain([("models", "m"); MAX_VALUES + 1]).collect();
        let cases: [(&[(&str, &str)], &str); 9] = [
            (&[], "start_time"),
            (&[("start_time", "yesterday")], "start_time"),
            (&[("start_time", "1"), ("end_time", "1.5")], "end_time"),
            (&[("start_time", "1"), ("bucket_width", "2d")], "bucket_width"),
            (&[("start_time", "1"), ("group_by", "colour")], "group_by"),
            (&[("start_time", "1"), ("user_ids", "a b")], "user_ids"),
            (&[("start_time", "1"), ("limit", "-1")], "limit"),
            (&[("start_time", "1"), ("modles", "m")], "modles"),
            (&too_many, "models"),
        ];
        for (query, field) in cases {
            let error = read(Role::Admin, query).unwrap_err();
            assert_eq!(error.body().error.param.as_deref(), Some(field));
            assert_eq!(error.status(), 400);
        }
    }

    #[test]
    fn a_projects_key_reads_its_own_figures_alone() {
        let own = read(Role::Project, &[("start_time", "1")]).unwrap();
        assert_eq!(own.filter.projects, [ProjectId::parse("proj_a").unwrap()]);
        let error = read(Role::Project, &[("start_time", "1"), ("project_ids", "proj_b")]).unwrap_err();
        assert_eq!(error.status(), 403);
        let all = read(Role::Admin, &[("start_time", "1")]).unwrap();
        assert_eq!(all.filter.projects, []);
    }

    #[test]
    fn totals_include_their_details_as_the_openai_api_has_them() {
        let row = UsageRow {
            requests: 2,
            input_tokens: 10,
            cached_input_tokens: 20,
            cache_write_tokens: 5,
            output_tokens: 7,
            reasoning_tokens: 3,
            audio_input_tokens: 100,
            cached_audio_input_tokens: 200,
            image_input_tokens: 1_000,
            cached_image_input_tokens: 2_000,
            audio_output_tokens: 100,
            image_output_tokens: 1_000,
            ..UsageRow::default()
        };
        let result = completions(row);
        assert_eq!((result.input_tokens, result.input_cached_tokens), (3_335, 2_220));
        assert_eq!((result.output_tokens, result.output_reasoning_tokens), (1_110, 3));
        assert_eq!((result.input_audio_tokens, result.output_audio_tokens), (300, 100));
    }
}
