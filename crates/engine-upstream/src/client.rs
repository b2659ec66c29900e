//! Sending a request, and reading a whole body.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tenfold_engine::{CallContext, EngineError};
use tenfold_kernel::Clock;
use tokio::time::Instant;
use url::{Host, Url};

use crate::config::{Address, Config, Limits, Timeouts};
use crate::error::UpstreamError;
use crate::refusal;

/// One pool of connections to one upstream.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: Limits,
    sends_request_id: bool,
    clock: Arc<dyn Clock>,
}

/// A call's time limits, from its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) after: Duration,
}

impl Client {
    pub(crate) fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, UpstreamError> {
        // reqwest panics where no provider is installed; the one that the binary installed stays.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut headers = HeaderMap::new();
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(config.timeouts.connect)
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("tenfold/", env!("CARGO_PKG_VERSION")));
        match &config.address {
            Address::Worker { socket } => {
                builder = builder.unix_socket(socket.as_path()).no_proxy().tls_certs_only([]);
            }
            Address::Remote { base_url, api_key } => {
                if base_url.scheme() != "https" {
                    // The roots of trust cost time and memory and would never be asked.
                    builder = builder.tls_certs_only([]);
                }
                if is_loopback(base_url) {
                    builder = builder.no_proxy();
                }
                if let Some(api_key) = api_key {
                    let mut value = HeaderValue::from_str(&format!("Bearer {}", api_key.expose()))
                        .map_err(|source| UpstreamError::Client { source: source.into() })?;
                    value.set_sensitive(true);
                    headers.insert(AUTHORIZATION, value);
                }
            }
        }
        let http = builder
            .default_headers(headers)
            .build()
            .map_err(|error| UpstreamError::Client { source: error.without_url().into() })?;
        Ok(Self {
            http,
            timeouts: config.timeouts,
            limits: config.limits,
            sends_request_id: matches!(config.address, Address::Worker { .. }),
            clock,
        })
    }

    /// When a call that begins now must have ended.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline { at: Instant::now() + self.timeouts.whole, after: self.timeouts.whole }
    }

    /// Sends `body` and returns the response once its head is there and says success.
    pub(crate) async fn post(
        &self,
        url: &Url,
        context: &CallContext,
        body: &impl Serialize,
        deadline: Deadline,
    ) -> Result<Response, EngineError> {
        let mut bytes = Vec::with_capacity(1024);
        serde_json::to_writer(&mut bytes, body).map_err(unreadable)?;
        let mut request = Request::new(Method::POST, url.clone());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.sends_request_id
            && let Some(id) = context.request_id.as_deref().and_then(|id| HeaderValue::from_str(id).ok())
        {
            request.headers_mut().insert(tenfold_engine::server::REQUEST_ID, id);
        }
        *request.body_mut() = Some(bytes.into());
        self.send(request, deadline).await
    }

    /// Sends a request and returns the response once its head is there and says success.
    pub(crate) async fn send(&self, request: Request, deadline: Deadline) -> Result<Response, EngineError> {
        let response = tokio::time::timeout_at(deadline.at, self.http.execute(request))
            .await
            .map_err(|_| EngineError::Timeout { after: deadline.after })?
            // No byte of an answer came: whatever it was, another replica may be tried.
            .map_err(|error| EngineError::Unavailable { source: connection(error).into() })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = self.read(response, 64 << 10, deadline).await.unwrap_or_default();
        Err(refusal::from_status(status, &headers, &body, self.clock.now(), deadline.after))
    }

    /// Reads a whole answer.
    pub(crate) async fn whole<T: DeserializeOwned>(
        &self,
        response: Response,
        deadline: Deadline,
    ) -> Result<T, EngineError> {
        let body = self.read(response, self.limits.answer_bytes, deadline).await?;
        // Some servers answer 200 with an error in the body.
        serde_json::from_slice(&body).map_err(|error| {
            refusal::from_event(&body, false, deadline.after).unwrap_or_else(|| unreadable(error))
        })
    }

    /// Reads a body of at most `limit_bytes`. A body that came in one piece is not copied.
    async fn read(
        &self,
        mut response: Response,
        limit_bytes: usize,
        deadline: Deadline,
    ) -> Result<Bytes, EngineError> {
        let too_large = || EngineError::Failed { source: UpstreamError::TooLarge { limit_bytes }.into() };
        let told = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if told.is_some_and(|length| length > limit_bytes) {
            return Err(too_large());
        }
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        loop {
            let piece = tokio::time::timeout_at(deadline.at, response.chunk())
                .await
                .map_err(|_| EngineError::Timeout { after: deadline.after })?
                .map_err(|error| EngineError::Interrupted { source: connection(error).into() })?;
            match piece {
                None => return Ok(if all.is_empty() { first } else { all.freeze() }),
                Some(piece) if first.is_empty() && all.is_empty() => first = piece,
                Some(piece) => {
                    if all.is_empty() {
                        all.reserve(told.unwrap_or(2 * (first.len() + piece.len())));
                        all.extend_from_slice(&first);
                    }
                    all.extend_from_slice(&piece);
                }
            }
            if first.len().max(all.len()) > limit_bytes {
                return Err(too_large());
            }
        }
    }
}

/// The error without the address, which may hold what the operator would rather not see in a log.
pub(crate) fn connection(error: reqwest::Error) -> UpstreamError {
    UpstreamError::Connection { source: error.without_url().into() }
}

pub(crate) fn unreadable(error: serde_json::Error) -> EngineError {
    EngineError::Failed { source: UpstreamError::Unreadable { source: error.into() }.into() }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
