//! Servers to call, and what to call them with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tenfold_engine::fake::{FakeEngine, Script};
use tenfold_engine::{Answer, CallContext, ChunkStream, Engine, EngineError, server};
use tenfold_engine_upstream::{Address, Config, Limits, Timeouts, UpstreamEngine};
use tenfold_kernel::{MockClock, Secret, Timestamp};
use tenfold_protocol::chat::{ChatChunk, ChatCompletion, ChatRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A worker on a socket. It ends with the test's runtime.
pub(crate) struct Worker {
    pub(crate) fake: Arc<FakeEngine>,
    pub(crate) client: UpstreamEngine,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn worker(script: Script) -> Worker {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run").join("worker.sock");
    let listener = server::bind(&socket).unwrap();
    let fake = Arc::new(FakeEngine::new(script));
    spawn(server::serve(Arc::<FakeEngine>::clone(&fake), listener, std::future::pending()));
    Worker { fake, client: client(Address::Worker { socket }), folder }
}

pub(crate) fn client(address: Address) -> UpstreamEngine {
    client_with(address, Timeouts::default(), Limits { event_bytes: 10_000, answer_bytes: 100_000 })
}

pub(crate) fn client_with(address: Address, timeouts: Timeouts, limits: Limits) -> UpstreamEngine {
    let clock = Arc::new(MockClock::new(Timestamp::from_secs(1_700_000_000)));
    UpstreamEngine::new(&Config { address, timeouts, limits }, clock).unwrap()
}

/// What a scripted server does after it has read a request.
#[derive(Clone)]
pub(crate) enum Do {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends bytes again and again for as long as somebody takes them.
    SendForEver(Vec<u8>),
    /// Keeps the connection open until the client closes it.
    Wait,
    /// Closes the connection with a reset.
    Reset,
}

/// A server that does the same on every connection, and hands out what it read.
pub(crate) async fn scripted(steps: Vec<Do>) -> (Address, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (steps, sender) = (steps.clone(), sender.clone());
            spawn(async move { play(stream, steps, sender).await });
        }
    });
    (Address::Remote { base_url, api_key: Some(Secret::new("sk-test")) }, receiver)
}

/// A way over TCP to a worker's socket that counts the connections.
pub(crate) async fn counted(socket: std::path::PathBuf) -> (Address, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    spawn(async move {
        while let Ok((mut outer, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut inner = tokio::net::UnixStream::connect(&socket).await.unwrap();
            spawn(async move { tokio::io::copy_bidirectional(&mut outer, &mut inner).await });
        }
    });
    (Address::Remote { base_url, api_key: None }, connections)
}

async fn play(mut stream: TcpStream, steps: Vec<Do>, sender: tokio::sync::mpsc::UnboundedSender<String>) {
    let _ = sender.send(read_request(&mut stream).await);
    for step in steps {
        match step {
            Do::Send(bytes) => {
                let _ = stream.write_all(&bytes).await;
            }
            Do::SendForEver(bytes) => while stream.write_all(&bytes).await.is_ok() {},
            Do::Wait => {
                let mut byte = [0];
                while matches!(stream.read(&mut byte).await, Ok(n) if n > 0) {}
                let _ = sender.send("closed".to_owned());
            }
            Do::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
        }
    }
    let _ = stream.shutdown().await;
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
                })
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text.into_owned();
            }
        }
        assert!(n > 0, "the request ended early");
    }
}

pub(crate) const SSE_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// A response with a body and its length.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An event with a part of an answer.
pub(crate) fn part(text: &str) -> String {
    let choice = serde_json::json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
    event(&serde_json::json!([choice]), &serde_json::Value::Null)
}

/// The event that ends a choice.
pub(crate) fn end() -> String {
    event(&serde_json::json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]), &serde_json::Value::Null)
}

pub(crate) fn event(choices: &serde_json::Value, usage: &serde_json::Value) -> String {
    let chunk = serde_json::json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, "usage": usage,
    });
    format!("data: {chunk}\n\n")
}

pub(crate) fn request() -> ChatRequest {
    tenfold_engine::conformance::request("m")
}

pub(crate) async fn whole(engine: &UpstreamEngine) -> Result<ChatCompletion, EngineError> {
    match engine.chat(&CallContext::default(), request()).await? {
        Answer::Whole(whole) => Ok(*whole),
        Answer::Stream(_) => panic!("a whole answer was asked for"),
    }
}

pub(crate) async fn stream(engine: &UpstreamEngine) -> Result<ChunkStream<ChatChunk>, EngineError> {
    let request = ChatRequest { stream: Some(true), ..request() };
    match engine.chat(&CallContext::default(), request).await? {
        Answer::Stream(chunks) => Ok(chunks),
        Answer::Whole(_) => panic!("a stream was asked for"),
    }
}

/// Looks at `condition` again and again until it holds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it comes about");
}

/// Spawns a future of the test.
#[expect(clippy::disallowed_methods, reason = "a test's runtime ends with the test")]
pub(crate) fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) {
    tokio::spawn(future);
}
