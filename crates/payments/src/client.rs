//! Sending a request to a provider, and reading its answer.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::{Request, Response};
use tenfold_kernel::BoxError;
use url::{Host, Url};

use crate::error::{PaymentError, malformed_field};

/// For the connection, and for the whole answer: a payer is waiting.
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(30);
/// Of an answer: a session of Stripe's is a few KiB.
const ANSWER_BYTES: usize = 1 << 20;

/// One pool of connections to one provider.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    provider: &'static str,
    http: reqwest::Client,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    /// Makes a client for the provider at `address`.
    pub(crate) fn new(provider: &'static str, address: &Url) -> Result<Self, PaymentError> {
        // reqwest panics where no provider of cryptography is installed; the one that the binary installed stays.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        // No redirects: what is signed or authorised is for one address. No retries: the caller knows whether.
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("tenfold/", env!("CARGO_PKG_VERSION")));
        if is_loopback(address) {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| PaymentError::Client { provider, source: error.without_url().into() })?;
        Ok(Self { provider, http })
    }

    /// Sends a request and reads the whole answer, whatever its status.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, PaymentError> {
        tokio::time::timeout(WHOLE, self.exchange(request))
            .await
            .map_err(|_| PaymentError::Timeout { provider: self.provider, after: WHOLE })?
    }

    async fn exchange(&self, request: Request) -> Result<Answer, PaymentError> {
        let response = self.http.execute(request).await.map_err(|error| self.broken(error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: self.read(response).await? })
    }

    async fn read(&self, mut response: Response) -> Result<Bytes, PaymentError> {
        let mut body = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.broken(error))? {
            if body.len() + piece.len() > ANSWER_BYTES {
                return Err(PaymentError::Answer { provider: self.provider, field: "body" });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }

    /// The error without the address, which may hold a signature.
    fn broken(&self, error: reqwest::Error) -> PaymentError {
        let source: BoxError = error.without_url().into();
        PaymentError::Connection { provider: self.provider, source }
    }
}

/// Refuses an address that keys must not be sent to: all but HTTPS, save for this machine's own.
pub(crate) fn check_address(
    provider: &'static str,
    field: &'static str,
    address: &Url,
) -> Result<(), PaymentError> {
    let is_safe = address.scheme() == "https" || (address.scheme() == "http" && is_loopback(address));
    if is_safe && address.query().is_none() && address.fragment().is_none() {
        return Ok(());
    }
    Err(malformed_field(provider, field, "an https address without a query"))
}

/// `base` with `path` behind it.
pub(crate) fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // Only addresses without a host have no segments, and those were refused.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
