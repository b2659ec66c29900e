//! `https:` and `hf:` sources, resuming, and pulls that meet.

use std::future::Future;
use std::sync::Mutex;
use std::task::Poll;

use tenfold_catalog::{Config, FetchError, Progress, Stage};

use crate::files::reason;
use crate::server::{Manners, Server};
use crate::world::{World, noise, open_with, sha256, tiny};

#[tokio::test]
async fn a_download_reports_how_far_it_is() {
    let (world, bytes) = (World::new(), noise(300_000));
    let server = Server::start(&bytes, Manners::default());
    world.entry("tiny.toml", &tiny(&bytes, &[server.source()]));
    let seen: Mutex<Vec<Progress>> = Mutex::default();
    let installed = world.open().pull("tiny", |p| seen.lock().unwrap().push(p)).await.unwrap();
    assert_eq!(std::fs::read(installed.path("weights").unwrap()).unwrap(), bytes);
    let seen = seen.into_inner().unwrap();
    assert!(seen.iter().all(|p| p.bytes_total == 300_000 && p.bytes_done <= p.bytes_total), "{seen:?}");
    assert!(seen.iter().any(|p| p.stage == Stage::Downloading), "{seen:?}");
    assert_eq!(
        seen.last(),
        Some(&Progress { stage: Stage::Installed, bytes_done: 300_000, bytes_total: 300_000 })
    );
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    for no_length in [false, true] {
        let (world, bytes) = (World::new(), noise(300_000));
        let manners =
            Manners { cut: vec![100_000, 50_000], etag: Some("\"v1\""), no_length, ..Manners::default() };
        let server = Server::start(&bytes, manners);
        world.entry("tiny.toml", &tiny(&bytes, &[server.source()]));
        let installed = world.open().pull("tiny", |_| {}).await.unwrap();
        assert_eq!(std::fs::read(installed.path("weights").unwrap()).unwrap(), bytes);
        let seen = server.seen();
        let ranges: Vec<Option<&str>> = seen.iter().map(|s| s.range.as_deref()).collect();
        assert_eq!(ranges, [None, Some("bytes=100000-"), Some("bytes=150000-")]);
        assert!(seen[1..].iter().all(|s| s.if_range.as_deref() == Some("\"v1\"")), "{seen:?}");
        assert_eq!(world.downloads(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_server_without_ranges_is_asked_for_everything_again() {
    let (world, bytes) = (World::new(), noise(300_000));
    let server = Server::start(&bytes, Manners { cut: vec![100_000], no_ranges: true, ..Manners::default() });
    world.entry("tiny.toml", &tiny(&bytes, &[server.source()]));
    let installed = world.open().pull("tiny", |_| {}).await.unwrap();
    assert_eq!(std::fs::read(installed.path("weights").unwrap()).unwrap(), bytes);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_partial_file_from_another_content_is_started_afresh_once() {
    let (world, bytes) = (World::new(), noise(300_000));
    let server = Server::start(&bytes, Manners::default());
    world.entry("tiny.toml", &tiny(&bytes, &[server.source()]));
    let catalog = world.open();
    let partial = world.path().join("downloads").join(format!("{}.partial", sha256(&bytes)));
    std::fs::write(partial, vec![7; 1_000]).unwrap();
    let installed = catalog.pull("tiny", |_| {}).await.unwrap();
    assert_eq!(std::fs::read(installed.path("weights").unwrap()).unwrap(), bytes);
    let ranges: Vec<Option<String>> = server.seen().into_iter().map(|s| s.range).collect();
    assert_eq!(ranges, [Some("bytes=1000-".to_owned()), None]);
}

#[tokio::test]
async fn a_tampered_download_is_refused_and_thrown_away() {
    let (world, bytes) = (World::new(), noise(300_000));
    let mut tampered = bytes.clone();
    tampered[299_999] ^= 1;
    let server = Server::start(&tampered, Manners::default());
    world.entry("tiny.toml", &tiny(&bytes, &[server.source()]));
    let error = world.open().pull("tiny", |_| {}).await.unwrap_err();
    assert!(matches!(reason(&error), FetchError::Checksum { .. }), "{error}");
    assert_eq!(server.seen().len(), 1);
    assert_eq!(world.models(), Vec::<String>::new());
    let partial = world.path().join("downloads").join(format!("{}.partial", sha256(&bytes)));
    assert_eq!(std::fs::metadata(partial).unwrap().len(), 0);
}

#[tokio::test]
async fn a_server_that_sends_too_much_is_not_read_to_the_end() {
    let (world, bytes) = (World::new(), noise(1_000));
    let much = [bytes.clone(), noise(5_000_000)].concat();
    let announced = Server::start(&much, Manners::default());
    world.entry("tiny.toml", &tiny(&bytes, &[announced.source()]));
    let error = world.open().pull("tiny", |_| {}).await.unwrap_err();
    assert!(matches!(reason(&error), FetchError::Size { expected: 1_000, found: 5_001_000 }), "{error}");
    let silent = Server::start(&much, Manners { no_length: true, ..Manners::default() });
    world.entry("tiny.toml", &tiny(&bytes, &[silent.source()]));
    let error = world.open().pull("tiny", |_| {}).await.unwrap_err();
    assert!(matches!(reason(&error), FetchError::TooLarge { expected: 1_000 }), "{error}");
    let partial = world.path().join("downloads").join(format!("{}.partial", sha256(&bytes)));
    assert!(std::fs::metadata(partial).unwrap().len() <= 1_000);
}

#[tokio::test]
async fn a_refusal_is_named_and_not_repeated_but_a_busy_server_is_asked_again() {
    for (status, requests) in [(404, 1), (503, 5)] {
        let (world, bytes) = (World::new(), noise(10));
        let server = Server::start(&bytes, Manners { status: Some(status), ..Manners::default() });
        world.entry("tiny.toml", &tiny(&bytes, &[server.source()]));
        let error = world.open().pull("tiny", |_| {}).await.unwrap_err();
        assert!(matches!(reason(&error), FetchError::Status { status: s } if *s == status), "{error}");
        assert_eq!(server.seen().len(), requests);
    }
}

#[tokio::test]
async fn an_interrupted_pull_installs_nothing_and_the_next_one_goes_on() {
    let (world, bytes) = (World::new(), noise(300_000));
    let server = Server::start(
        &bytes,
        Manners { gate_after: Some(100_000), etag: Some("\"v1\""), ..Manners::default() },
    );
    world.entry("tiny.toml", &tiny(&bytes, &[server.source()]));
    let catalog = world.open();
    {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let pull = catalog.pull("tiny", move |p| {
            let _ = sender.send(p.bytes_done);
        });
        tokio::pin!(pull);
        loop {
            tokio::select! {
                result = &mut pull => panic!("{result:?}"),
                Some(done) = receiver.recv() => if done == 100_000 { break },
            }
        }
    }
    assert_eq!(catalog.installed("tiny"), None);
    assert_eq!(world.models(), Vec::<String>::new());
    server.open_gate();
    let installed = catalog.pull("tiny", |_| {}).await.unwrap();
    assert_eq!(std::fs::read(installed.path("weights").unwrap()).unwrap(), bytes);
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].range.as_deref(), Some("bytes=100000-"));
}

#[tokio::test]
async fn pulls_of_one_model_share_one_download() {
    let (world, bytes) = (World::new(), noise(300_000));
    let server = Server::start(&bytes, Manners { gate_after: Some(100_000), ..Manners::default() });
    world.entry("tiny.toml", &tiny(&bytes, &[server.source()]));
    let catalog = world.open();
    let watched: Mutex<Vec<u64>> = Mutex::default();
    let pulls = (0..8).map(|number| {
        let (server, watched, catalog) = (&server, &watched, &catalog);
        async move {
            catalog
                .pull("tiny", move |p| {
                    if number == 7 && p.bytes_done == 100_000 {
                        watched.lock().unwrap().push(p.bytes_done);
                        server.open_gate();
                    }
                })
                .await
        }
    });
    let results = futures::future::join_all(pulls).await;
    assert!(results.iter().all(|r| r.as_ref().unwrap().version == results[0].as_ref().unwrap().version));
    assert_eq!(server.seen().len(), 1);
    // The last to come opened the gate, so it saw the progress of the first.
    assert!(!watched.lock().unwrap().is_empty());
}

#[tokio::test]
async fn pulls_that_wait_share_the_failure_too() {
    let (world, bytes) = (World::new(), noise(10));
    let server = Server::start(&bytes, Manners { status: Some(404), ..Manners::default() });
    world.entry("tiny.toml", &tiny(&bytes, &[server.source()]));
    let catalog = world.open();
    let results = futures::future::join_all((0..8).map(|_| catalog.pull("tiny", |_| {}))).await;
    assert!(results.iter().all(Result::is_err));
    assert_eq!(server.seen().len(), 1);
    // Who comes later tries again.
    catalog.pull("tiny", |_| {}).await.unwrap_err();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_pull_that_waited_goes_on_when_the_first_is_dropped() {
    let (world, bytes) = (World::new(), noise(300_000));
    let server = Server::start(&bytes, Manners { gate_after: Some(100_000), ..Manners::default() });
    world.entry("tiny.toml", &tiny(&bytes, &[server.source()]));
    let catalog = world.open();
    let mut first = Box::pin(catalog.pull("tiny", |_| {}));
    let mut second = Box::pin(catalog.pull("tiny", |_| {}));
    std::future::poll_fn(|context| {
        assert!(first.as_mut().poll(context).is_pending());
        assert!(second.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
    drop(first);
    server.open_gate();
    second.await.unwrap();
}

#[tokio::test]
async fn a_hub_is_asked_for_one_commit_of_the_file() {
    let (world, bytes) = (World::new(), noise(300_000));
    let manners = Manners { etag: Some("\"../../../escape\""), commit: Some("c0ffee"), ..Manners::default() };
    let server = Server::start(&bytes, manners);
    world.entry("tiny.toml", &tiny(&bytes, &["\"hf:owner/repo/sub/tiny.gguf\"".to_owned()]));
    let config = Config { hf_endpoint: format!("http://{}/", server.address), ..world.config() };
    let catalog = open_with(config).unwrap();
    let installed = catalog.pull("tiny", |_| {}).await.unwrap();
    assert_eq!(std::fs::read(installed.path("weights").unwrap()).unwrap(), bytes);
    let paths: Vec<String> = server.seen().into_iter().map(|s| s.path).collect();
    assert_eq!(paths, ["/owner/repo/resolve/main/sub/tiny.gguf", "/owner/repo/resolve/c0ffee/sub/tiny.gguf"]);
}

#[tokio::test]
async fn a_hub_with_another_file_is_refused_before_the_download() {
    let (world, bytes) = (World::new(), noise(300_000));
    let server = Server::start(
        &bytes[1..],
        Manners { etag: Some("\"e\""), commit: Some("c0ffee"), ..Manners::default() },
    );
    world.entry("tiny.toml", &tiny(&bytes, &["\"hf:owner/repo/tiny.gguf\"".to_owned()]));
    let config = Config { hf_endpoint: format!("http://{}", server.address), ..world.config() };
    let error = open_with(config).unwrap().pull("tiny", |_| {}).await.unwrap_err();
    assert!(matches!(reason(&error), FetchError::Size { expected: 300_000, found: 299_999 }), "{error}");
    assert_eq!(server.seen().len(), 1);
}
