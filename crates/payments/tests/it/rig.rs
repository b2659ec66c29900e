//! A server to make orders at, and what tests share of orders and notifications.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tenfold_kernel::{Currency, MockClock, Money, Timestamp};
use tenfold_payments::{Event, Forgery, NewOrder, Notification, OrderEvent, PaymentError, Verified};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use url::Url;

/// 2026-08-29 10:40:00 UTC, 18:40:00 in Beijing.
pub(crate) const NOW: Timestamp = Timestamp(1_788_000_000_000);

pub(crate) const ORDER_ID: &str = "ord_0123456789abcdefABCDEF";

pub(crate) fn clock() -> Arc<MockClock> {
    Arc::new(MockClock::new(NOW))
}

pub(crate) fn money(nanos: i64, code: &str) -> Money {
    Money::new(nanos, Currency::parse(code).unwrap())
}

pub(crate) fn order(amount: Money) -> NewOrder {
    NewOrder {
        order_id: ORDER_ID.to_owned(),
        amount,
        subject: "充值 50% credit".to_owned(),
        return_url: "https://tenfold.example/billing?done=1".parse().unwrap(),
        notify_url: "https://tenfold.example/payments/notify".parse().unwrap(),
        expires_at: NOW.plus(Duration::from_hours(1)),
        save_method: false,
    }
}

pub(crate) fn notification(headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Notification {
    Notification {
        headers: headers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        body: Bytes::from(body.into()),
        received_at: NOW,
    }
}

/// What a notification says of an order.
pub(crate) fn news(verified: Result<Verified, PaymentError>) -> (String, OrderEvent) {
    let verified = verified.unwrap();
    match verified.event {
        Event::Order(event) => (verified.event_id, event),
        Event::Ignored { what } => panic!("{what} was ignored"),
    }
}

pub(crate) fn is_ignored(verified: Result<Verified, PaymentError>) -> bool {
    matches!(verified.unwrap().event, Event::Ignored { .. })
}

pub(crate) fn forgery(verified: Result<Verified, PaymentError>) -> Forgery {
    match verified.unwrap_err() {
        PaymentError::Forged { forgery, .. } => forgery,
        error => panic!("{error:?}"),
    }
}

/// The field that makes it unusable.
pub(crate) fn malformed(verified: Result<Verified, PaymentError>) -> &'static str {
    match verified.unwrap_err() {
        PaymentError::Malformed { field, .. } => field,
        error => panic!("{error:?}"),
    }
}

/// A request as the server read it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        let value = values.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(values.next().is_none(), "two of {name}");
        value
    }

    /// The form's fields, in their order.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        pairs(self.body.as_bytes())
    }
}

pub(crate) fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

/// What the server answers.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

pub(crate) fn reply(status: u16, body: impl Into<String>) -> Reply {
    Reply { status, headers: Vec::new(), body: body.into() }
}

/// A server on this machine that answers every request as `answer` says. It ends with the test's runtime.
#[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
pub(crate) async fn server(
    answer: impl Fn(&Received) -> Reply + Send + Sync + 'static,
) -> (Url, UnboundedReceiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let received = read(&mut stream).await;
            let reply = answer(&received);
            let _ = sender.send(received);
            let mut head = vec![
                format!("HTTP/1.1 {} Answer", reply.status),
                format!("content-length: {}", reply.body.len()),
                "connection: close".to_owned(),
            ];
            head.extend(reply.headers.iter().map(|(key, value)| format!("{key}: {value}")));
            let _ = stream.write_all(format!("{}\r\n\r\n{}", head.join("\r\n"), reply.body).as_bytes()).await;
        }
    });
    (address, receiver)
}

async fn read(stream: &mut TcpStream) -> Received {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let received = parse(head, body);
            let length = received.headers.iter().find(|(key, _)| key == "content-length");
            if length.is_none_or(|(_, length)| body.len() >= length.parse().unwrap()) {
                return received;
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the request was cut short");
    }
}

fn parse(head: &str, body: &str) -> Received {
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    Received {
        method: first.next().unwrap().to_owned(),
        target: first.next().unwrap().to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(key, value)| (key.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}
