//! Requests to the platform.

use std::time::Duration;

use futures::StreamExt;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::sse;
use url::Url;

use crate::args::Global;
use crate::credentials::{self, Credentials};
use crate::failure::Failure;

/// Where a platform listens when nobody says otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// What generated admin keys begin with.
const ADMIN_PREFIX: &str = "sk-tf-admin-";
/// The largest event of a stream.
const EVENT_BYTES: usize = 8 << 20;
/// The largest answer that is no stream.
const BODY_BYTES: usize = 64 << 20;
/// How long an answer may take that no model has to think about.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Which key a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// None.
    Public,
    /// A key that calls models.
    Call,
    /// A key that administers.
    Admin,
}

/// Requests to the platform.
pub(crate) struct Client {
    http: reqwest::Client,
    /// Without `/v1` and without a slash at the end.
    pub(crate) base: String,
    call_key: Option<String>,
    admin_key: Option<String>,
    looked_in: std::path::PathBuf,
    /// The project of the credentials, when they are those of this platform.
    pub(crate) project: Option<String>,
}

impl Client {
    /// Finds address and keys: options and environment first, then `credentials.json`.
    pub(crate) fn new(http: reqwest::Client, global: &Global) -> Result<Self, Failure> {
        let set = |value: &Option<String>| value.clone().filter(|v| !v.trim().is_empty());
        let found = credentials::read(&global.home)?;
        let named = set(&global.url).map(|url| base_of(&url)).transpose()?;
        let theirs = found.base_url.as_deref().map(base_of).transpose()?;
        // Keys are not sent to an address that they were not made for.
        let same = named.is_none() || named == theirs;
        let base = named.or(theirs).unwrap_or_else(|| DEFAULT_URL.to_owned());
        let found = if same { found } else { Credentials::default() };
        let key = set(&global.key);
        let admin_in_key = key.clone().filter(|key| key.starts_with(ADMIN_PREFIX));
        Ok(Self {
            http,
            base,
            call_key: key.clone().or(found.api_key).or_else(|| set(&global.openai_key)),
            admin_key: set(&global.admin_key).or(admin_in_key).or(found.admin_key).or(key),
            looked_in: credentials::path(&global.home),
            project: found.project_id,
        })
    }

    /// Whether there is a key of this kind.
    pub(crate) fn has_key(&self, access: Access) -> bool {
        match access {
            Access::Public => true,
            Access::Call => self.call_key.is_some(),
            Access::Admin => self.admin_key.is_some(),
        }
    }

    /// A request whose path is made of `segments`, each escaped.
    pub(crate) fn request(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, String)],
        access: Access,
    ) -> Result<RequestBuilder, Failure> {
        let mut url = Url::parse(&self.base).map_err(|_| not_a_url(&self.base))?;
        url.path_segments_mut().map_err(|()| not_a_url(&self.base))?.pop_if_empty().extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url);
        let key = match access {
            Access::Public => return Ok(request),
            Access::Call => &self.call_key,
            Access::Admin => &self.admin_key,
        };
        let key = key.as_deref().ok_or_else(|| Failure::NoKey { looked_in: self.looked_in.clone() })?;
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.trim()))
            .map_err(|_| Failure::Usage { message: "the key has characters that no key has".to_owned() })?;
        value.set_sensitive(true);
        Ok(request.header(AUTHORIZATION, value))
    }

    /// Sends a request and returns the answer when it is a good one.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let bytes = self.read(response).await?;
        Err(match serde_json::from_slice::<ErrorBody>(&bytes) {
            Ok(body) => Failure::Refused {
                status: status.as_u16(),
                message: body.error.message,
                code: body.error.code,
            },
            Err(_) => Failure::Refused {
                status: status.as_u16(),
                message: format!("the platform answered {status}"),
                code: None,
            },
        })
    }

    /// Sends a request that is answered soon, and reads its JSON.
    pub(crate) async fn json(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let bytes = self.read(self.send(request.timeout(TIMEOUT)).await?).await?;
        serde_json::from_slice(&bytes).map_err(|e| Failure::Answer { reason: e.to_string() })
    }

    /// Gets JSON.
    pub(crate) async fn get(
        &self,
        segments: &[&str],
        query: &[(&str, String)],
        access: Access,
    ) -> Result<Value, Failure> {
        self.json(self.request(Method::GET, segments, query, access)?).await
    }

    /// Gets every page of a list and returns its items.
    pub(crate) async fn list(
        &self,
        segments: &[&str],
        query: &[(&str, String)],
        access: Access,
    ) -> Result<Vec<Value>, Failure> {
        #[derive(serde::Deserialize)]
        struct Page {
            data: Vec<Value>,
            #[serde(default)]
            has_more: bool,
            #[serde(default)]
            last_id: Option<String>,
        }
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        // More pages than any list has, so that a server that never ends does not hold us for ever.
        for _ in 0..1_000 {
            let mut query = query.to_vec();
            if let Some(after) = after.take() {
                query.push(("after", after));
            }
            let page: Page = typed(self.get(segments, &query, access).await?)?;
            items.extend(page.data);
            match page.last_id.filter(|_| page.has_more) {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        Ok(items)
    }

    /// Sends a request and hands each event of the answer's stream to `take`, until `[DONE]` or the end.
    pub(crate) async fn events(
        &self,
        request: RequestBuilder,
        mut take: impl FnMut(Value) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let response = self.send(request.header(ACCEPT, "text/event-stream")).await?;
        let mut stream = response.bytes_stream();
        let mut reader = sse::Reader::new(EVENT_BYTES);
        let mut events = Vec::new();
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.map_err(|error| self.unreachable(error))?;
            reader.push(&bytes, &mut events).map_err(|e| Failure::Answer { reason: e.to_string() })?;
            for event in events.drain(..) {
                if event.data == sse::DONE {
                    return Ok(());
                }
                let value: Value = serde_json::from_str(&event.data)
                    .map_err(|e| Failure::Answer { reason: e.to_string() })?;
                if value.get("error").is_some_and(|error| !error.is_null()) {
                    return Err(failed_inside(value));
                }
                take(value)?;
            }
        }
        Err(Failure::Answer { reason: "the stream ended before its end was told".to_owned() })
    }

    /// The bytes of an answer that is no JSON.
    pub(crate) async fn bytes(&self, request: RequestBuilder) -> Result<Vec<u8>, Failure> {
        let response = self.send(request).await?;
        self.read(response).await
    }

    async fn read(&self, response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.map_err(|error| self.unreachable(error))?;
            if body.len() + bytes.len() > BODY_BYTES {
                return Err(Failure::Answer { reason: format!("it is larger than {BODY_BYTES} bytes") });
            }
            body.extend_from_slice(&bytes);
        }
        Ok(body)
    }

    fn unreachable(&self, error: reqwest::Error) -> Failure {
        let error = error.without_url();
        let mut reason = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(next) = cause {
            reason = next.to_string();
            cause = next.source();
        }
        Failure::Unreachable { url: self.base.clone(), reason }
    }
}

/// An error that came as an event: there is no status any more, so its type stands for one.
fn failed_inside(value: Value) -> Failure {
    match serde_json::from_value::<ErrorBody>(value) {
        Ok(body) => {
            let status = match body.error.kind.as_str() {
                "authentication_error" => 401,
                "permission_error" => 403,
                _ if body.error.code.as_deref().is_some_and(|code| code.ends_with("_not_found")) => 404,
                _ => 500,
            };
            Failure::Refused { status, message: body.error.message, code: body.error.code }
        }
        Err(error) => Failure::Answer { reason: error.to_string() },
    }
}

/// Reads JSON as what it should be.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|e| Failure::Answer { reason: e.to_string() })
}

/// The address without a slash at the end and without `/v1`, which programs for the OpenAI API want there.
fn base_of(text: &str) -> Result<String, Failure> {
    let url = Url::parse(text.trim()).map_err(|_| not_a_url(text))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(not_a_url(text));
    }
    let plain = url[..url::Position::AfterPath].trim_end_matches('/');
    Ok(plain.strip_suffix("/v1").unwrap_or(plain).trim_end_matches('/').to_owned())
}

fn not_a_url(text: &str) -> Failure {
    Failure::Usage { message: format!("`{text}` is not an address such as {DEFAULT_URL}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_with_and_without_v1() {
        for text in ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/", " http://h:1/v1?x#y"] {
            assert_eq!(base_of(text).unwrap(), "http://h:1", "{text}");
        }
        assert_eq!(base_of("https://h/tenfold/v1").unwrap(), "https://h/tenfold");
        for text in ["", "h:1", "ftp://h", "unix:/x", "file:///etc"] {
            assert_eq!(base_of(text).unwrap_err().exit_code(), 2, "{text}");
        }
    }
}
