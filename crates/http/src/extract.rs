//! What handlers take from a request.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use tenfold_billing::Operation;
use tenfold_kernel::{Access, Area, Caller, ErrorKind, Level, RequestId, Scope};
use tenfold_serving::Call;

use crate::app::App;
use crate::browser::{self, Browser};
use crate::error::ApiError;
use crate::idempotency::EventKey;

/// The authenticated caller: of a key, or a person whose browser is signed in. A handler without it, or one of its narrower kin below, serves the public.
#[derive(Debug, Clone)]
pub struct Authenticated(pub Caller);

impl FromRequestParts<App> for Authenticated {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if let Some(secret) = bearer(&parts.headers) {
            return Ok(Self(app.identity.authenticate(secret).await?));
        }
        if browser::token(&parts.headers).is_some() {
            return Ok(Self(Browser::from_request_parts(parts, app).await?.caller(app).await?));
        }
        let message = "You didn't provide an API key. Send it as `Authorization: Bearer KEY`.";
        Err(ApiError::new(ErrorKind::Unauthenticated, message).with_code("missing_api_key"))
    }
}

/// Anyone with a key that may read.
#[derive(Debug, Clone)]
pub struct Reader(pub Caller);

impl FromRequestParts<App> for Reader {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        require_scope(&caller, Scope::Read)?;
        Ok(Self(caller))
    }
}

/// The extractors of an area: `ModelsReader` is a caller who may see models, `ModelsWriter` one who may change them.
/// For `ModelsReader ModelsWriter Models;` it writes
///
/// ```ignore
/// pub struct ModelsReader(pub Caller);
/// impl FromRequestParts<App> for ModelsReader { ... who_may(parts, app, Level::Read, &[Area::Models]) ... }
/// ```
///
/// and the same for `ModelsWriter` and [`Level::Write`].
macro_rules! areas {
    ($($reader:ident $writer:ident $area:ident;)*) => {$(
        areas!(@one $reader Read $area "A caller who may see");
        areas!(@one $writer Write $area "A caller who may change");
    )*};
    (@one $name:ident $level:ident $area:ident $text:literal) => {
        #[doc = concat!($text, " [`Area::", stringify!($area), "`].")]
        #[derive(Debug, Clone)]
        pub struct $name(pub Caller);

        impl FromRequestParts<App> for $name {
            type Rejection = ApiError;
            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
                who_may(parts, app, Level::$level, &[Area::$area]).await.map(Self)
            }
        }
    };
}

areas! {
    ModelsReader ModelsWriter Models;
    BillingReader BillingWriter Billing;
    PeopleReader PeopleWriter People;
    OwnersReader OwnersWriter Owners;
}

/// A caller who may see keys of projects, or its own there. Which they are, identity decides.
#[derive(Debug, Clone)]
pub struct KeysReader(pub Caller);

/// A caller who may make and revoke keys of projects, or its own there.
#[derive(Debug, Clone)]
pub struct KeysWriter(pub Caller);

impl FromRequestParts<App> for KeysReader {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        who_may(parts, app, Level::Read, &[Area::People, Area::OwnKeys]).await.map(Self)
    }
}

impl FromRequestParts<App> for KeysWriter {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        who_may(parts, app, Level::Write, &[Area::People, Area::OwnKeys]).await.map(Self)
    }
}

/// The caller, if it may do so much with one of `areas`.
async fn who_may(parts: &mut Parts, app: &App, level: Level, areas: &[Area]) -> Result<Caller, ApiError> {
    let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
    if caller.access == Access::NONE {
        let message = "This needs an admin key of the organisation.";
        return Err(ApiError::new(ErrorKind::PermissionDenied, message).with_code("admin_key_required"));
    }
    if !areas.iter().any(|area| caller.may(level, *area)) {
        let doing = if level == Level::Write { "change" } else { "see" };
        let area = areas.first().map_or("this", |area| area.as_str());
        let message = format!("Your role may not {doing} {area}.");
        return Err(ApiError::new(ErrorKind::PermissionDenied, message).with_code("insufficient_role"));
    }
    require_scope(&caller, if level == Level::Write { Scope::Management } else { Scope::Read })?;
    Ok(caller)
}

fn require_scope(caller: &Caller, scope: Scope) -> Result<(), ApiError> {
    if caller.allows(scope) {
        return Ok(());
    }
    let name = match scope {
        Scope::ModelRequest => "model.request",
        Scope::Management => "api.management",
        _ => "api.read",
    };
    Err(ApiError::new(ErrorKind::PermissionDenied, format!("This key lacks the scope `{name}`."))
        .with_code("insufficient_scope"))
}

/// The key of a request: OpenAI's header, or Anthropic's.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get("x-api-key") {
        return value.to_str().ok().map(str::trim).filter(|v| !v.is_empty());
    }
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty()).then(|| key.trim())
}

/// A JSON body, read within the limits of size and time, and refused with the path of the field at fault.
#[derive(Debug, Clone)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let bytes = read_body(request, app).await?;
        parse_json(&bytes).map(Self)
    }
}

/// Reads a body within the limits of size and time.
///
/// # Errors
/// 413 beyond the limit, told before the body is read where the client announced its length; 408 when it is slow.
pub(crate) async fn read_body(request: Request, app: &App) -> Result<Bytes, ApiError> {
    read_body_within(request, app.config.body_limit_bytes, app).await
}

/// As [`read_body`], for a body that is never larger than `limit`.
///
/// # Errors
/// As [`read_body`].
pub(crate) async fn read_body_within(request: Request, limit: usize, app: &App) -> Result<Bytes, ApiError> {
    let too_large = || {
        ApiError::new(
            ErrorKind::PayloadTooLarge,
            format!("The request body is larger than the limit of {limit} bytes."),
        )
        .with_code("request_too_large")
    };
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let read = axum::body::to_bytes(request.into_body(), limit);
    match tokio::time::timeout(app.config.body_timeout, read).await {
        Err(_) => Err(ApiError::request_timeout(app.config.body_timeout)),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if crate::error::chain(&error).contains("length limit exceeded") => Err(too_large()),
        Ok(Err(_)) => {
            Err(ApiError::new(ErrorKind::InvalidRequest, "The connection ended before the request body did."))
        }
    }
}

/// Parses a body. The quick parser first; only when it fails, the one that knows where.
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_syntax() || error.is_eof() {
            return ApiError::new(
                ErrorKind::InvalidRequest,
                format!("We could not parse the JSON body of your request: {error}."),
            )
            .with_code("invalid_json");
        }
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        match serde_path_to_error::deserialize::<_, T>(&mut reader) {
            Err(located) => {
                let path = located.path().to_string();
                let message = located.into_inner().to_string();
                let missing = message.strip_prefix("missing field `").and_then(|m| m.split('`').next());
                match (path.as_str(), missing) {
                    (".", Some(field)) => {
                        ApiError::invalid(field, format!("Missing required parameter: `{field}`."))
                            .with_code("missing_required_parameter")
                    }
                    (path, Some(field)) => {
                        let full = format!("{path}.{field}");
                        let message = format!("Missing required parameter: `{full}`.");
                        ApiError::invalid(&full, message).with_code("missing_required_parameter")
                    }
                    (".", None) => {
                        ApiError::new(ErrorKind::InvalidRequest, format!("Invalid request: {message}."))
                            .with_code("invalid_type")
                    }
                    (path, None) => {
                        ApiError::invalid(path, format!("Invalid value for `{path}`: {message}."))
                            .with_code("invalid_type")
                    }
                }
            }
            Ok(_) => ApiError::new(ErrorKind::InvalidRequest, format!("Invalid request: {error}.")),
        }
    })
}

/// A caller who may call models, with what names the call.
#[derive(Debug, Clone)]
pub struct ModelCall {
    caller: Caller,
    request_id: RequestId,
    event_key: Option<String>,
}

impl ModelCall {
    /// The call of `operation`.
    pub fn as_call(&self, operation: Operation) -> Call {
        Call {
            caller: self.caller.clone(),
            request_id: self.request_id.clone(),
            event_key: self.event_key.clone(),
            operation,
            asked_at: None,
        }
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl FromRequestParts<App> for ModelCall {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, app).await?;
        require_scope(&caller, Scope::ModelRequest)?;
        let request_id = parts.extensions.get::<RequestId>().cloned();
        Ok(Self {
            caller,
            request_id: request_id
                .unwrap_or_else(|| RequestId::generate_at(app.clock.now(), app.rng.as_ref())),
            event_key: parts.extensions.get::<EventKey>().map(|key| key.0.clone()),
        })
    }
}

/// What names a change that must happen once: its `Idempotency-Key`, or the request itself.
#[derive(Debug, Clone)]
pub struct ChangeKey(pub String);

impl FromRequestParts<App> for ChangeKey {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let of_client = parts.extensions.get::<EventKey>().map(|key| key.0.clone());
        let of_request = parts.extensions.get::<RequestId>().map(|id| id.as_str().to_owned());
        of_client
            .or(of_request)
            .map(Self)
            .ok_or_else(|| ApiError::new(ErrorKind::Internal, "the request has no id"))
    }
}
