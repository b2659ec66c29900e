//! The one map from error kind to status, and the OpenAI error body.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tenfold_kernel::{Classify, ErrorKind};
use tenfold_protocol::error::{ErrorBody, ErrorDetail};

/// Any error of ours at the edge. Made from whatever implements [`Classify`] by `?`.
#[derive(Debug, Clone)]
pub struct ApiError {
    kind: ErrorKind,
    message: String,
    param: Option<String>,
    code: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    /// A status that says more than the kind does.
    status: Option<StatusCode>,
}

impl ApiError {
    /// An error of `kind` with a message for a person.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), param: None, code: None, retry_after: None, status: None }
    }

    /// A 400 that names the field at fault.
    pub fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self { param: Some(param.to_owned()), ..Self::new(ErrorKind::InvalidRequest, message) }
    }

    /// A 404 that says what there is none of.
    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(ErrorKind::NotFound, format!("No {what} `{id}`."))
    }

    /// The client was too slow to send its request.
    pub fn request_timeout(limit: Duration) -> Self {
        Self {
            status: Some(StatusCode::REQUEST_TIMEOUT),
            ..Self::new(
                ErrorKind::InvalidRequest,
                format!("The request body did not arrive within {limit:?}."),
            )
        }
        .with_code("request_timeout")
    }

    /// The route is there, for other methods.
    pub fn method_not_allowed(path: &str) -> Self {
        Self {
            status: Some(StatusCode::METHOD_NOT_ALLOWED),
            ..Self::new(ErrorKind::InvalidRequest, format!("This method is not allowed for {path}."))
        }
        .with_code("method_not_allowed")
    }

    /// The same error with a code for programs.
    #[must_use]
    pub fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The body of the OpenAI API. A fault of ours says nothing but that it is one; the request id is in the header.
    pub fn body(&self) -> ErrorBody {
        let message = if self.kind == ErrorKind::Internal {
            "The server had an error while processing your request. The header x-request-id names it in the log."
                .to_owned()
        } else {
            self.message.clone()
        };
        ErrorBody {
            error: ErrorDetail {
                message,
                kind: self.type_name().to_owned(),
                param: self.param.clone(),
                code: self.code.as_ref().map(ToString::to_string),
            },
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        if let Some(status) = self.status {
            return status;
        }
        match self.kind {
            ErrorKind::InvalidRequest => StatusCode::BAD_REQUEST,
            ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::BadGateway => StatusCode::BAD_GATEWAY,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// After how long a retry may succeed.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn type_name(&self) -> &'static str {
        match self.kind {
            ErrorKind::Unauthenticated => "authentication_error",
            ErrorKind::PermissionDenied => "permission_error",
            ErrorKind::TooManyRequests => "rate_limit_error",
            ErrorKind::InvalidRequest
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::PayloadTooLarge => "invalid_request_error",
            ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::BadGateway | ErrorKind::Internal => {
                "server_error"
            }
        }
    }
}

/// Every classified error becomes an [`ApiError`]; a fault of ours is logged here, once, with its whole chain.
impl<E: Classify> From<E> for ApiError {
    fn from(error: E) -> Self {
        let kind = error.kind();
        if matches!(kind, ErrorKind::Internal | ErrorKind::BadGateway) {
            tracing::error!(error = %chain(&error), "request failed");
        }
        Self {
            kind,
            message: error.to_string(),
            param: error.param().map(Cow::into_owned),
            code: error.code(),
            retry_after: error.retry_after(),
            status: None,
        }
    }
}

/// An error with all its sources on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.body())).into_response();
        if let Some(after) = self.retry_after {
            set_retry_after(&mut response, after);
        }
        if self.kind == ErrorKind::Unauthenticated {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // For the routes that speak another dialect: they write the same error in their own words.
        response.extensions_mut().insert(self);
        response
    }
}

fn set_retry_after(response: &mut Response, after: Duration) {
    // Whole seconds, rounded up, so that a client which obeys does not come too early.
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
        .headers_mut()
        .insert(HeaderName::from_static("retry-after-ms"), HeaderValue::from(millis.max(1)));
}
