//! `/v1/models`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A page of things, as the OpenAI API lists them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// `list` (or `page` for usage and costs).
    pub object: String,
    /// The things.
    pub data: Vec<T>,
    /// The first thing's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_id: Option<String>,
    /// The last thing's id: `after` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_id: Option<String>,
    /// Whether there are more.
    #[serde(default)]
    pub has_more: bool,
}

impl<T> List<T> {
    /// Everything there is, on one page.
    pub fn all(data: Vec<T>) -> Self {
        Self { object: "list".to_owned(), data, first_id: None, last_id: None, has_more: false }
    }
}

/// A deployment, as clients of the OpenAI API see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// The deployment's name: what a request names as `model`.
    pub id: String,
    /// `model`.
    pub object: String,
    /// Seconds since the epoch.
    pub created: i64,
    /// Who offers it.
    pub owned_by: String,
    /// What Tenfold knows besides: task, tier, licence, context length, state, prices.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub extra: Map<String, Value>,
}
