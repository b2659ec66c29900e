//! What is wrong with a request of one API that cannot be said in another.

use std::borrow::Cow;

use tenfold_kernel::{Classify, ErrorKind};

/// A request that cannot be translated to a chat request, with the field that is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TranslationError {
    /// The field, such as `tools[0].type`.
    pub param: String,
    /// For a person; names the field too, because not every API has a place for `param`.
    pub message: String,
    /// For a program.
    pub code: TranslationCode,
}

/// Why a request cannot be translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TranslationCode {
    /// Tenfold does not have what the field asks for.
    UnsupportedParameter,
    /// Tenfold has the field, and not this value of it.
    UnsupportedValue,
    /// The value is wrong.
    InvalidValue,
    /// A field is missing.
    MissingParameter,
}

impl TranslationCode {
    /// The `code` of an OpenAI error body.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnsupportedParameter => "unsupported_parameter",
            Self::UnsupportedValue => "unsupported_value",
            Self::InvalidValue => "invalid_value",
            Self::MissingParameter => "missing_required_parameter",
        }
    }
}

impl TranslationError {
    /// A field that asks for what Tenfold does not have.
    pub fn unsupported_parameter(param: impl Into<String>) -> Self {
        let param = param.into();
        let message = format!("`{param}` is not supported; remove it from the request");
        Self { param, message, code: TranslationCode::UnsupportedParameter }
    }

    /// A value that Tenfold does not have, with what it has instead.
    pub fn unsupported_value(param: impl Into<String>, value: &str, supported: &str) -> Self {
        let param = param.into();
        let value: String = value.chars().take(64).collect();
        let message = format!("`{param}`: `{value}` is not supported; supported: {supported}");
        Self { param, message, code: TranslationCode::UnsupportedValue }
    }

    /// A value that is wrong.
    pub fn invalid(param: impl Into<String>, why: &str) -> Self {
        let param = param.into();
        let message = format!("`{param}`: {why}");
        Self { param, message, code: TranslationCode::InvalidValue }
    }

    /// A field that is missing.
    pub fn missing(param: impl Into<String>) -> Self {
        let param = param.into();
        let message = format!("`{param}` is required");
        Self { param, message, code: TranslationCode::MissingParameter }
    }
}

impl Classify for TranslationError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidRequest
    }

    fn code(&self) -> Option<Cow<'static, str>> {
        Some(self.code.as_str().into())
    }

    fn param(&self) -> Option<Cow<'_, str>> {
        Some(self.param.as_str().into())
    }
}

/// Whether a call's arguments are a whole JSON object: then no more of them can come.
pub(crate) fn is_whole_object(arguments: &str) -> bool {
    arguments.trim_end().ends_with('}')
        && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(arguments).is_ok()
}
