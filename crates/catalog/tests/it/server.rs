//! A small HTTP/1.1 server on loopback that gives one file, in the ways that servers do.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// How the server misbehaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manners {
    /// The first answers end after so many bytes of the body, one answer for each number.
    pub(crate) cut: Vec<usize>,
    /// Ranges are ignored.
    pub(crate) no_ranges: bool,
    /// The entity tag.
    pub(crate) etag: Option<&'static str>,
    /// Answers carry the length of the body.
    pub(crate) no_length: bool,
    /// After so many bytes the body waits until the gate is opened.
    pub(crate) gate_after: Option<usize>,
    /// Every answer has this status and no body.
    pub(crate) status: Option<u16>,
    /// What a hub adds to its answers.
    pub(crate) commit: Option<&'static str>,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    body: Vec<u8>,
    manners: Manners,
    seen: Mutex<Vec<Seen>>,
    changed: Condvar,
    gate: AtomicBool,
    stopped: AtomicBool,
}

impl Server {
    pub(crate) fn start(body: &[u8], manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            body: body.to_vec(),
            manners,
            seen: Mutex::default(),
            changed: Condvar::new(),
            gate: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::Acquire) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // A client that leaves is part of the tests.
                std::thread::spawn(move || stream.map(|stream| answer(stream, &shared)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn source(&self) -> String {
        format!("\"http://{}/model.gguf\"", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub(crate) fn open_gate(&self) {
        let _seen = self.shared.seen.lock().unwrap();
        self.shared.gate.store(true, Ordering::Release);
        self.shared.changed.notify_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.open_gate();
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut seen = Seen { path, range: None, if_range: None };
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        let value = value.trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "range" => seen.range = Some(value),
            "if-range" => seen.if_range = Some(value),
            _ => {}
        }
    }
    let manners = &shared.manners;
    let whole = shared.body.len();
    let number = {
        let mut all = shared.seen.lock().unwrap();
        all.push(seen.clone());
        all.len() - 1
    };
    if let Some(status) = manners.status {
        return write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let matches = seen.if_range.as_deref().is_none_or(|tag| Some(tag) == manners.etag);
    let range = seen.range.as_deref().filter(|_| !manners.no_ranges && matches).map(|range| {
        let (first, last) = range.trim_start_matches("bytes=").split_once('-').unwrap();
        (first.parse::<usize>().unwrap(), last.parse::<usize>().map_or(whole, |last| (last + 1).min(whole)))
    });
    let (first, end) = range.unwrap_or((0, whole));
    let mut head = if range.is_some() {
        format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{}/{whole}\r\n", end - 1)
    } else {
        "HTTP/1.1 200 OK\r\n".to_owned()
    };
    if !manners.no_length {
        write!(head, "Content-Length: {}\r\n", end - first).unwrap();
    }
    if let Some(tag) = manners.etag {
        write!(head, "ETag: {tag}\r\n").unwrap();
    }
    if let Some(commit) = manners.commit {
        write!(head, "X-Repo-Commit: {commit}\r\n").unwrap();
    }
    head.push_str("Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let body = &shared.body[first..end];
    let sent = manners.cut.get(number).map_or(body, |cut| &body[..(*cut).min(body.len())]);
    let pause = manners.gate_after.unwrap_or(sent.len()).min(sent.len());
    stream.write_all(&sent[..pause])?;
    if pause < sent.len() {
        let mut all = shared.seen.lock().unwrap();
        while !shared.gate.load(Ordering::Acquire) {
            all = shared.changed.wait(all).unwrap();
        }
        drop(all);
        stream.write_all(&sent[pause..])?;
    }
    Ok(())
}
