//! An OpenAI-compatible upstream that answers at once: the floor of the gateway's benchmark.

use std::sync::Arc;

use clap::Parser;
use tenfold_bench::{Input, find};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

#[derive(Parser)]
struct Args {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9100")]
    listen: String,
    /// Tokens of a streamed answer.
    #[arg(long, default_value_t = 200)]
    tokens: usize,
    /// Milliseconds between streamed tokens.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
}

struct Answers {
    whole: Vec<u8>,
    stream_head: Vec<u8>,
    events: Vec<Vec<u8>>,
    delay_ms: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let listener = TcpListener::bind(&args.listen).await?;
    let answers = Arc::new(answers(args.tokens, args.delay_ms));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answers = Arc::clone(&answers);
        #[expect(clippy::disallowed_methods, reason = "a benchmark's server ends with its process")]
        tokio::spawn(async move {
            // A client that goes away is no fault of the rig.
            drop(serve(stream, &answers).await);
        });
    }
}

async fn serve(stream: TcpStream, answers: &Answers) -> anyhow::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut input = Input::new(reader);
    while let Some(head) = input.head().await? {
        // `stream` stands at the head or the end of what any gateway sends; both are looked at.
        let (mut first, mut last) = (Vec::new(), Vec::new());
        input
            .body(&head, |piece| {
                if first.len() < 512 {
                    first.extend_from_slice(&piece[..piece.len().min(512)]);
                }
                let keep = piece.len().min(2048);
                last.extend_from_slice(&piece[piece.len() - keep..]);
                let excess = last.len().saturating_sub(2048);
                last.drain(..excess);
            })
            .await?;
        let streamed = [&first, &last].iter().any(|part| {
            find(part, b"\"stream\":true").is_some() || find(part, b"\"stream\": true").is_some()
        });
        if !streamed {
            writer.write_all(&answers.whole).await?;
            continue;
        }
        writer.write_all(&answers.stream_head).await?;
        for event in &answers.events {
            if answers.delay_ms > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(answers.delay_ms)).await;
            }
            writer.write_all(event).await?;
        }
        writer.write_all(b"0\r\n\r\n").await?;
    }
    Ok(())
}

fn answers(tokens: usize, delay_ms: u64) -> Answers {
    let usage =
        serde_json::json!({"prompt_tokens": 200, "completion_tokens": tokens, "total_tokens": 200 + tokens});
    let body = serde_json::json!({
        "id": "chatcmpl-mock", "object": "chat.completion", "created": 1_700_000_000, "model": "mock",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "refusal": null, "content": "word ".repeat(100)}}],
        "usage": usage,
    })
    .to_string();
    let whole = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let chunk = |choices: serde_json::Value, usage: serde_json::Value| {
        let data = serde_json::json!({
            "id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "mock",
            "choices": choices, "usage": usage,
        });
        framed(&format!("data: {data}\n\n"))
    };
    let delta = |delta: serde_json::Value, reason: Option<&str>| serde_json::json!([{"index": 0, "delta": delta, "finish_reason": reason}]);
    let null = serde_json::Value::Null;
    let mut events =
        vec![chunk(delta(serde_json::json!({"role": "assistant", "content": ""}), None), null.clone())];
    for _ in 0..tokens {
        events.push(chunk(delta(serde_json::json!({"content": "word "}), None), null.clone()));
    }
    events.push(chunk(delta(serde_json::json!({}), Some("stop")), null));
    events.push(chunk(serde_json::json!([]), usage));
    events.push(framed("data: [DONE]\n\n"));
    Answers {
        whole: whole.into_bytes(),
        stream_head:
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                .to_vec(),
        events,
        delay_ms,
    }
}

fn framed(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}
