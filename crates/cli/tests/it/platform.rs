//! A stand-in for a platform: it gives prepared answers on loopback and remembers what it was asked.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method and path with query.
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Value,
}

#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
}

pub(crate) struct Platform {
    pub(crate) url: String,
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Vec<Answer>>>,
    seen: Mutex<Vec<Seen>>,
    stopped: AtomicBool,
}

impl Platform {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::Acquire) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || stream.map(|stream| serve(stream, &shared)));
            }
        });
        Self { url: format!("http://{address}"), address, shared }
    }

    fn answer(self, line: &str, answer: Answer) -> Self {
        self.shared.answers.lock().unwrap().entry(line.to_owned()).or_default().push(answer);
        self
    }

    /// Answers `GET /path?query` and the like with JSON. Several answers to one line are given in turn, and the
    /// last one from then on.
    pub(crate) fn json(self, line: &str, status: u16, body: &Value) -> Self {
        self.answer(line, Answer { status, kind: "application/json", body: body.to_string() })
    }

    /// Answers with these events and `[DONE]`.
    pub(crate) fn events(self, line: &str, events: &[Value]) -> Self {
        let events: Vec<String> = events.iter().map(ToString::to_string).collect();
        self.raw(line, format!("data: {}\n\ndata: [DONE]\n\n", events.join("\n\ndata: ")))
    }

    /// Answers with a stream as it stands here.
    pub(crate) fn raw(self, line: &str, body: String) -> Self {
        self.answer(line, Answer { status: 200, kind: "text/event-stream", body })
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut parts = first.split(' ');
    let line = format!("{} {}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (mut authorization, mut length) = (None, 0_usize);
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.trim().to_owned()),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    shared.seen.lock().unwrap().push(Seen { line: line.clone(), authorization, body });
    let answer = {
        let mut answers = shared.answers.lock().unwrap();
        match answers.get_mut(&line) {
            Some(list) if list.len() > 1 => list.remove(0),
            Some(list) => list[0].clone(),
            None => Answer {
                status: 404,
                kind: "application/json",
                body: r#"{"error":{"message":"Unknown request URL.","type":"invalid_request_error","param":null,"code":"unknown_url"}}"#.to_owned(),
            },
        }
    };
    write!(
        stream,
        "HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        answer.status,
        answer.kind,
        answer.body.len(),
        answer.body
    )
}
