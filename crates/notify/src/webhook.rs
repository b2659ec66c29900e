//! Signed requests, as Standard Webhooks says.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use tenfold_billing::WebhookMessage;
use tenfold_kernel::Secret;
use url::{Host, Url};

use crate::NotifyError;

/// For all of a request.
const WHOLE: Duration = Duration::from_secs(10);

/// Sends requests.
#[derive(Debug, Default)]
pub struct Webhooks {
    /// Hosts, without ports, that requests may go to whatever their address is, over HTTP too.
    pub allowed_hosts: Vec<String>,
}

/// The signature of a message: `v1,` and base64.
///
/// # Errors
/// [`NotifyError::Secret`] for a secret that is not `whsec_` and base64.
pub fn sign(secret: &Secret, id: &str, timestamp: i64, body: &str) -> Result<String, NotifyError> {
    let key = secret.expose().strip_prefix("whsec_").ok_or(NotifyError::Secret)?;
    let key = STANDARD.decode(key).map_err(|_| NotifyError::Secret)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(tag)))
}

impl Webhooks {
    /// Sends a message once. An answer of 2xx says that the receiver has it.
    ///
    /// # Errors
    /// [`NotifyError`]; the address, which may hold a secret, is in none of them.
    pub async fn send(&self, message: WebhookMessage<'_>) -> Result<(), NotifyError> {
        let timestamp = message.at.secs();
        let signature = sign(message.secret, message.id, timestamp, message.body)?;
        let url = Url::parse(message.url).map_err(|_| refused("it is no URL"))?;
        let addresses = tokio::time::timeout(WHOLE, self.resolve(&url))
            .await
            .map_err(|error| NotifyError::Connection { source: error.into() })??;
        // reqwest panics where no provider of cryptography is installed; the one that the binary installed stays.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let broken = |error: reqwest::Error| NotifyError::Connection { source: error.without_url().into() };
        // Its addresses were looked at: another resolution, a proxy or a redirect would lead elsewhere.
        let client = reqwest::Client::builder()
            .timeout(WHOLE)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .resolve_to_addrs(url.host_str().unwrap_or_default(), &addresses)
            .user_agent(concat!("tenfold/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(broken)?;
        let response = client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(message.body.to_owned())
            .send()
            .await
            .map_err(broken)?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(NotifyError::Status { status: status.as_u16() }) }
    }

    /// The addresses of a URL's host, if requests may go there.
    async fn resolve(&self, url: &Url) -> Result<Vec<SocketAddr>, NotifyError> {
        let host = url.host().ok_or(refused("it has no host"))?;
        let name = url.host_str().unwrap_or_default();
        let is_named = self.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
        if url.scheme() != "https" && !(url.scheme() == "http" && is_named) {
            return Err(refused("it is not https"));
        }
        let port = url.port_or_known_default().ok_or(refused("it has no port"))?;
        let addresses: Vec<SocketAddr> = match host {
            Host::Ipv4(address) => vec![(address, port).into()],
            Host::Ipv6(address) => vec![(address, port).into()],
            Host::Domain(name) => tokio::net::lookup_host((name, port))
                .await
                .map_err(|error| NotifyError::Connection { source: error.into() })?
                .collect(),
        };
        if !is_named && !addresses.iter().all(|address| is_public(address.ip())) {
            return Err(refused("it is not on the public Internet; see `notifications.allowed_hosts`"));
        }
        Ok(addresses)
    }
}

fn refused(reason: &'static str) -> NotifyError {
    NotifyError::Refused { reason }
}

/// Whether an address is one of the public Internet's, as the registries of special addresses have it.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_documentation()
                || a == 0
                || a >= 224
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19)))
        }
        // Global unicast alone, without what embeds other addresses: 6to4, Teredo and documentation.
        IpAddr::V6(address) => {
            let [first, second, ..] = address.segments();
            first & 0xe000 == 0x2000
                && first != 0x2002
                && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
                && first != 0x3fff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenfold_kernel::Timestamp;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn a_signature_is_that_of_the_published_example() {
        let signed = sign(
            &Secret::new(SECRET),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            "{\"test\": 2432232314}",
        );
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(matches!(sign(&Secret::new("abc"), "a", 1, ""), Err(NotifyError::Secret)));
    }

    fn message<'a>(url: &'a str, secret: &'a Secret) -> WebhookMessage<'a> {
        WebhookMessage { url, secret, id: "msg_1", at: Timestamp(5_000), body: "{}" }
    }

    #[tokio::test]
    async fn nothing_goes_to_private_addresses_or_without_tls_unless_the_operator_named_the_host() {
        let secret = Secret::new(SECRET);
        for url in [
            "http://93.184.216.34/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            "https://100.64.0.1/",
            "ftp://example.com/",
            "x",
        ] {
            let error = Webhooks::default().send(message(url, &secret)).await.unwrap_err();
            assert!(matches!(error, NotifyError::Refused { .. }), "{url}: {error}");
        }
    }

    #[tokio::test]
    async fn a_receiver_gets_a_signed_request_and_only_2xx_says_that_it_has_it() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let webhooks = Webhooks { allowed_hosts: vec!["127.0.0.1".to_owned()] };
        let secret = Secret::new(SECRET);
        for (status, taken) in [("500 No", false), ("302 Found\r\nlocation: /", false), ("204 Yes", true)] {
            let serve = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut text = String::new();
                while !text.ends_with("{}") {
                    let mut part = [0; 4_096];
                    let count = stream.read(&mut part).await.unwrap();
                    assert!(count > 0, "{text}");
                    text.push_str(std::str::from_utf8(&part[..count]).unwrap());
                }
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
                text
            };
            let (sent, request) = tokio::join!(webhooks.send(message(&url, &secret)), serve);
            assert_eq!(sent.is_ok(), taken, "{status}: {sent:?}");
            let signature = sign(&secret, "msg_1", 5, "{}").unwrap();
            for header in
                ["webhook-id: msg_1", "webhook-timestamp: 5", &format!("webhook-signature: {signature}")]
            {
                assert!(request.contains(header), "{request}");
            }
        }
    }
}
