//! Workers, engines and a machine that do as a test tells them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_engine::fake::FakeEngine;
use tenfold_engine::{AdapterSpec, Answer, CallContext, Engine, EngineError, EngineInfo};
use tenfold_kernel::BoxError;
use tenfold_protocol::chat::{ChatChunk, ChatCompletion, ChatRequest};
use tenfold_protocol::completion::{Completion, CompletionRequest};
use tenfold_protocol::embedding::{EmbeddingRequest, EmbeddingResponse};
use tokio::sync::watch;

use crate::deployment::Upstream;
use crate::error::LaunchError;
use crate::ports::{EngineConnector, Launcher, Machine, WorkerProcess, WorkerSpec};

/// A launcher, a connector and a machine in one: each worker is an entry in a list.
#[derive(Debug, Default)]
pub struct FakeWorld {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    workers: Vec<Arc<FakeWorker>>,
    upstreams: HashMap<String, Arc<FakeWorkerEngine>>,
    total_bytes: u64,
    bytes_of: HashMap<PathBuf, u64>,
    failing_launches: usize,
    is_slow: bool,
}

/// A worker that was launched.
#[derive(Debug)]
pub struct FakeWorker {
    /// What it was told to run.
    pub spec: WorkerSpec,
    /// Its engine.
    pub engine: Arc<FakeWorkerEngine>,
    socket: PathBuf,
    pid: u32,
    bytes: u64,
    ended: watch::Sender<Option<String>>,
}

impl FakeWorld {
    /// A machine with so much memory for workers. A worker takes what its model's `path` was given with
    /// [`FakeWorld::weighs`], and nothing otherwise.
    pub fn new(total_bytes: u64) -> Self {
        Self { state: Mutex::new(State { total_bytes, ..State::default() }) }
    }

    /// Workers of the model at `path` take so much memory.
    pub fn weighs(&self, path: &str, bytes: u64) {
        self.state.lock().bytes_of.insert(path.into(), bytes);
    }

    /// The next `n` workers end before they are ready.
    pub fn fail_launches(&self, n: usize) {
        self.state.lock().failing_launches = n;
    }

    /// Whether workers that are launched from now on stay unready until [`FakeWorkerEngine::set_well`].
    pub fn launch_slowly(&self, is_slow: bool) {
        self.state.lock().is_slow = is_slow;
    }

    /// How often a worker was launched for the deployment.
    pub fn launches(&self, deployment: &str) -> usize {
        self.state.lock().workers.iter().filter(|w| w.spec.deployment == deployment).count()
    }

    /// The deployments of the workers that live, in the order of their launch.
    pub fn alive(&self) -> Vec<String> {
        let state = self.state.lock();
        state.workers.iter().filter(|w| w.is_alive()).map(|w| w.spec.deployment.clone()).collect()
    }

    /// The deployment's youngest worker.
    pub fn worker(&self, deployment: &str) -> Option<Arc<FakeWorker>> {
        self.state.lock().workers.iter().rev().find(|w| w.spec.deployment == deployment).map(Arc::clone)
    }

    /// The engine behind an upstream's address, once it is connected.
    pub fn upstream(&self, base_url: &str) -> Option<Arc<FakeWorkerEngine>> {
        self.state.lock().upstreams.get(base_url).map(Arc::clone)
    }
}

impl FakeWorker {
    /// Ends the worker as `kill -9` would.
    pub fn kill(&self) {
        self.engine.set_well(false);
        self.ended.send_replace(Some("signal: 9 (SIGKILL)".to_owned()));
    }

    /// Whether it runs.
    pub fn is_alive(&self) -> bool {
        self.ended.borrow().is_none()
    }
}

#[async_trait]
impl Launcher for FakeWorld {
    async fn launch(&self, spec: &WorkerSpec) -> Result<Box<dyn WorkerProcess>, LaunchError> {
        let mut state = self.state.lock();
        let number = u32::try_from(state.workers.len()).unwrap_or(u32::MAX);
        let worker = Arc::new(FakeWorker {
            spec: spec.clone(),
            engine: Arc::new(FakeWorkerEngine::new(!state.is_slow)),
            socket: format!("/fake/{number}").into(),
            pid: number + 1,
            bytes: state.bytes_of.get(&spec.path).copied().unwrap_or(0),
            ended: watch::Sender::new(None),
        });
        if state.failing_launches > 0 {
            state.failing_launches -= 1;
            worker.engine.set_well(false);
            worker.ended.send_replace(Some("exit status: 1".to_owned()));
        }
        state.workers.push(Arc::clone(&worker));
        Ok(Box::new(FakeProcess(worker)))
    }
}

impl EngineConnector for FakeWorld {
    fn worker(&self, socket: &Path) -> Result<Arc<dyn Engine>, BoxError> {
        let state = self.state.lock();
        let worker = state.workers.iter().find(|w| w.socket == socket).ok_or("no such socket")?;
        Ok(Arc::<FakeWorkerEngine>::clone(&worker.engine))
    }

    fn upstream(&self, upstream: &Upstream) -> Result<Arc<dyn Engine>, BoxError> {
        if !upstream.base_url.starts_with("http") {
            return Err("not an address".into());
        }
        let engine = Arc::new(FakeWorkerEngine::new(true));
        self.state.lock().upstreams.insert(upstream.base_url.clone(), Arc::clone(&engine));
        Ok(engine)
    }
}

impl Machine for FakeWorld {
    fn available_bytes(&self) -> u64 {
        let state = self.state.lock();
        let used = state.workers.iter().filter(|w| w.is_alive()).map(|w| w.bytes).sum();
        state.total_bytes.saturating_sub(used)
    }

    fn resident_bytes(&self, pid: u32) -> Option<u64> {
        let state = self.state.lock();
        state.workers.iter().find(|w| w.pid == pid && w.is_alive()).map(|w| w.bytes)
    }
}

/// A worker's process; as a real one, it ends when it is dropped.
#[derive(Debug)]
struct FakeProcess(Arc<FakeWorker>);

impl FakeProcess {
    fn end(&self, reason: &str) {
        self.0.engine.set_well(false);
        self.0.ended.send_if_modified(|ended| {
            let is_alive = ended.is_none();
            if is_alive {
                *ended = Some(reason.to_owned());
            }
            is_alive
        });
    }
}

impl Drop for FakeProcess {
    fn drop(&mut self) {
        self.end("dropped");
    }
}

#[async_trait]
impl WorkerProcess for FakeProcess {
    fn pid(&self) -> Option<u32> {
        Some(self.0.pid)
    }

    fn socket(&self) -> &Path {
        &self.0.socket
    }

    async fn exited(&mut self) -> String {
        let mut ended = self.0.ended.subscribe();
        match ended.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    async fn stop(&mut self, _grace: Duration) {
        self.end("asked to");
    }
}

/// A [`FakeEngine`] that can be unwell: then it says that it cannot be reached.
#[derive(Debug)]
pub struct FakeWorkerEngine {
    /// The engine itself.
    pub engine: FakeEngine,
    is_well: AtomicBool,
}

impl FakeWorkerEngine {
    fn new(is_well: bool) -> Self {
        Self { engine: FakeEngine::default(), is_well: AtomicBool::new(is_well) }
    }

    /// Whether it answers from now on.
    pub fn set_well(&self, is_well: bool) {
        self.is_well.store(is_well, Ordering::Release);
    }

    fn well(&self) -> Result<&FakeEngine, EngineError> {
        if self.is_well.load(Ordering::Acquire) {
            Ok(&self.engine)
        } else {
            Err(EngineError::Unavailable { source: "connection refused".into() })
        }
    }
}

#[async_trait]
impl Engine for FakeWorkerEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        self.well()?.info().await
    }

    async fn chat(
        &self,
        context: &CallContext,
        request: ChatRequest,
    ) -> Result<Answer<ChatCompletion, ChatChunk>, EngineError> {
        self.well()?.chat(context, request).await
    }

    async fn complete(
        &self,
        context: &CallContext,
        request: CompletionRequest,
    ) -> Result<Answer<Completion, Completion>, EngineError> {
        self.well()?.complete(context, request).await
    }

    async fn embed(
        &self,
        context: &CallContext,
        request: EmbeddingRequest,
    ) -> Result<EmbeddingResponse, EngineError> {
        self.well()?.embed(context, request).await
    }

    async fn count_tokens(&self, context: &CallContext, request: ChatRequest) -> Result<u64, EngineError> {
        self.well()?.count_tokens(context, request).await
    }

    async fn load_adapter(&self, adapter: AdapterSpec) -> Result<(), EngineError> {
        self.well()?.load_adapter(adapter).await
    }

    async fn unload_adapter(&self, name: &str) -> Result<(), EngineError> {
        self.well()?.unload_adapter(name).await
    }
}
