//! The error body of the Anthropic API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `{"type": "error", "error": {...}, "request_id": ...}`; also the `error` event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessagesErrorBody {
    /// `error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What went wrong.
    pub error: MessagesError,
    /// As in `x-request-id`.
    #[serde(default)]
    pub request_id: Option<String>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessagesError {
    /// The class, such as `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For a person.
    pub message: String,
}

impl MessagesErrorBody {
    /// The body of an error of class `kind`.
    pub fn new(kind: &str, message: impl Into<String>, request_id: Option<String>) -> Self {
        let error = MessagesError { kind: kind.to_owned(), message: message.into() };
        Self { kind: "error".to_owned(), error, request_id }
    }
}
