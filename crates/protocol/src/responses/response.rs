//! What a client gets.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tenfold_kernel::{ResponseId, Timestamp};
use utoipa::ToSchema;

use super::item::Item;
use super::request::{FunctionTool, ReasoningConfig, ResponsesRequest, TextConfig, TextFormat};
use crate::usage::Usage;

/// A response. It repeats most of what the request said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Response {
    /// `resp_...`.
    pub id: String,
    /// `response`.
    pub object: String,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch, once it is complete.
    #[serde(default)]
    pub completed_at: Option<i64>,
    /// How far it is.
    pub status: ResponseStatus,
    /// Whether it was asked to work in the background.
    #[serde(default)]
    pub background: Option<bool>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<ResponseError>,
    /// Why it is incomplete.
    #[serde(default)]
    pub incomplete_details: Option<IncompleteDetails>,
    /// As asked.
    #[serde(default)]
    pub instructions: Option<String>,
    /// As asked.
    #[serde(default)]
    pub max_output_tokens: Option<u32>,
    /// Always null: there are no built-in tools.
    #[serde(default)]
    pub max_tool_calls: Option<u32>,
    /// The deployment that answers.
    pub model: String,
    /// What the model made.
    pub output: Vec<Item>,
    /// As asked; true when not given.
    pub parallel_tool_calls: bool,
    /// As asked.
    #[serde(default)]
    pub previous_response_id: Option<String>,
    /// As asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_cache_key: Option<String>,
    /// As asked.
    pub reasoning: ReasoningConfig,
    /// As asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety_identifier: Option<String>,
    /// The tier that served it.
    #[serde(default)]
    pub service_tier: Option<String>,
    /// Whether it is kept.
    pub store: bool,
    /// As asked; null is the model's default.
    #[serde(default)]
    pub temperature: Option<f32>,
    /// As asked.
    pub text: TextConfig,
    /// As asked; `auto` when not given.
    pub tool_choice: Value,
    /// As asked.
    pub tools: Vec<FunctionTool>,
    /// As asked.
    #[serde(default)]
    pub top_logprobs: Option<u32>,
    /// As asked; null is the model's default.
    #[serde(default)]
    pub top_p: Option<f32>,
    /// `disabled`.
    pub truncation: String,
    /// Token counts, once it ended.
    #[serde(default)]
    pub usage: Option<ResponseUsage>,
    /// As asked.
    #[serde(default)]
    pub user: Option<String>,
    /// As asked.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
}

impl Response {
    /// A response to `request` that has just begun: in progress, without output.
    pub fn start(id: &ResponseId, request: &ResponsesRequest, now: Timestamp) -> Self {
        let mut text = request.text.clone().unwrap_or_default();
        text.format.get_or_insert(TextFormat::Text);
        let mut tools = request.tools.clone().unwrap_or_default();
        for tool in &mut tools {
            tool.strict.get_or_insert(true);
        }
        Self {
            id: id.as_str().to_owned(),
            object: "response".to_owned(),
            created_at: now.secs(),
            completed_at: None,
            status: ResponseStatus::InProgress,
            background: Some(request.background.unwrap_or(false)),
            error: None,
            incomplete_details: None,
            instructions: request.instructions.clone(),
            max_output_tokens: request.max_output_tokens,
            max_tool_calls: None,
            model: request.model.clone(),
            output: Vec::new(),
            parallel_tool_calls: request.parallel_tool_calls.unwrap_or(true),
            previous_response_id: request.previous_response_id.clone(),
            prompt_cache_key: request.prompt_cache_key.clone(),
            reasoning: request.reasoning.clone().unwrap_or_default(),
            safety_identifier: request.safety_identifier.clone(),
            service_tier: Some("default".to_owned()),
            store: request.is_stored(),
            temperature: request.temperature,
            text,
            tool_choice: request.tool_choice.clone().unwrap_or_else(|| "auto".into()),
            tools,
            top_logprobs: request.top_logprobs,
            top_p: request.top_p,
            truncation: "disabled".to_owned(),
            usage: None,
            user: request.user.clone(),
            metadata: request.metadata.clone().unwrap_or_default(),
        }
    }

    /// Marks the response as failed, with a message that a client may read.
    pub fn fail(&mut self, code: &str, message: &str) {
        self.status = ResponseStatus::Failed;
        self.error = Some(ResponseError { code: code.to_owned(), message: message.to_owned() });
    }
}

/// How far a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStatus {
    /// It waits.
    Queued,
    /// It is being made.
    InProgress,
    /// It is whole.
    Completed,
    /// It was cut off.
    Incomplete,
    /// It failed.
    Failed,
    /// Somebody called it off.
    Cancelled,
}

/// Why a response failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResponseError {
    /// `server_error` or `rate_limit_exceeded`.
    pub code: String,
    /// For a person.
    pub message: String,
}

/// Why a response is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncompleteDetails {
    /// The reason.
    pub reason: IncompleteReason,
}

/// Why a response is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncompleteReason {
    /// The limit on tokens was reached.
    MaxOutputTokens,
    /// A guard ended it.
    ContentFilter,
}

/// Token counts of a response. Totals include their details.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResponseUsage {
    /// All tokens of the prompt.
    pub input_tokens: u64,
    /// What they were.
    pub input_tokens_details: InputTokensDetails,
    /// All tokens that were generated.
    pub output_tokens: u64,
    /// What they were.
    pub output_tokens_details: OutputTokensDetails,
    /// The sum.
    pub total_tokens: u64,
}

/// What prompt tokens were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ResponsesInputTokensDetails)]
pub struct InputTokensDetails {
    /// Found in a prefix cache.
    pub cached_tokens: u64,
    /// Written to a cache at a price. Always zero: ours costs nothing.
    #[serde(default)]
    pub cache_write_tokens: u64,
}

/// What generated tokens were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ResponsesOutputTokensDetails)]
pub struct OutputTokensDetails {
    /// Thinking before the answer.
    pub reasoning_tokens: u64,
}

impl From<&Usage> for ResponseUsage {
    fn from(usage: &Usage) -> Self {
        Self {
            input_tokens: usage.prompt_tokens,
            input_tokens_details: InputTokensDetails {
                cached_tokens: usage.cached_tokens(),
                cache_write_tokens: 0,
            },
            output_tokens: usage.completion_tokens,
            output_tokens_details: OutputTokensDetails { reasoning_tokens: usage.reasoning_tokens() },
            total_tokens: usage.total_tokens,
        }
    }
}

/// What deleting a response returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResponseDeleted {
    /// The response that was.
    pub id: String,
    /// `response`.
    pub object: String,
    /// True.
    pub deleted: bool,
}
