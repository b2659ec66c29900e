//! `file:` sources, and what holds for every source.

use tenfold_catalog::{CatalogError, Config, FetchError, Scheme};
use tenfold_kernel::{Classify, ErrorKind};

use crate::world::{World, entry, noise, open_with, sha256, tiny};

/// The reason why the only source failed.
pub(crate) fn reason(error: &CatalogError) -> &FetchError {
    let CatalogError::PullFailed { cause, .. } = error else { panic!("{error}") };
    let CatalogError::SourcesFailed { attempts, .. } = &**cause else { panic!("{error}") };
    assert_eq!(attempts.len(), 1, "{error}");
    &attempts[0].1
}

#[tokio::test]
async fn a_file_is_copied_checked_and_installed() {
    let world = World::new();
    let bytes = noise(100_000);
    let original = world.path().join("original.gguf");
    std::fs::write(&original, &bytes).unwrap();
    world.entry("tiny.toml", &tiny(&bytes, &[format!("\"file:{}\"", original.display())]));
    let catalog = world.open();
    let installed = catalog.pull("tiny", |_| {}).await.unwrap();
    assert_eq!(std::fs::read(installed.path("weights").unwrap()).unwrap(), bytes);
    assert_eq!(catalog.installed("tiny"), Some(installed.clone()));
    assert_eq!(installed.version, catalog.get("tiny").unwrap().version());
    assert_eq!(world.models(), ["tiny"]);
    assert_eq!(world.downloads(), Vec::<String>::new());
    // The second pull finds it there, also when the original is gone.
    std::fs::remove_file(original).unwrap();
    assert_eq!(catalog.pull("tiny", |_| {}).await.unwrap(), installed);
    catalog.remove("tiny").await.unwrap();
    assert_eq!(catalog.installed("tiny"), None);
    assert_eq!(world.models(), Vec::<String>::new());
    assert_eq!(catalog.remove("tiny").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_tampered_file_is_refused() {
    let world = World::new();
    let mut bytes = noise(100_000);
    let text = tiny(&bytes, &[format!("\"file:{}\"", world.path().join("m").display())]);
    world.entry("tiny.toml", &text);
    bytes[50_000] ^= 1;
    std::fs::write(world.path().join("m"), &bytes).unwrap();
    let error = world.open().pull("tiny", |_| {}).await.unwrap_err();
    assert!(matches!(reason(&error), FetchError::Checksum { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::BadGateway);
    assert_eq!(world.models(), Vec::<String>::new());
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let world = World::new();
    let bytes = noise(1_000);
    world.entry("tiny.toml", &tiny(&bytes, &[format!("\"file:{}\"", world.path().join("m").display())]));
    std::fs::write(world.path().join("m"), &bytes[..999]).unwrap();
    let error = world.open().pull("tiny", |_| {}).await.unwrap_err();
    assert!(matches!(reason(&error), FetchError::Size { expected: 1_000, found: 999 }), "{error}");
    assert_eq!(world.models(), Vec::<String>::new());
}

#[tokio::test]
async fn an_installed_file_that_was_cut_is_pulled_again() {
    let world = World::new();
    let bytes = noise(1_000);
    std::fs::write(world.path().join("m"), &bytes).unwrap();
    world.entry("tiny.toml", &tiny(&bytes, &[format!("\"file:{}\"", world.path().join("m").display())]));
    let catalog = world.open();
    let path = catalog.pull("tiny", |_| {}).await.unwrap().path("weights").unwrap().to_owned();
    std::fs::write(&path, &bytes[..10]).unwrap();
    assert_eq!(catalog.installed("tiny"), None);
    catalog.pull("tiny", |_| {}).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), bytes);
    assert_eq!(world.models(), ["tiny"]);
}

#[tokio::test]
async fn sources_are_tried_in_the_operators_order_and_no_others() {
    let world = World::new();
    let bytes = noise(10);
    let sources = [
        "\"https://127.0.0.1:1/x\"".to_owned(),
        format!("\"file:{}\"", world.path().join("absent").display()),
    ];
    world.entry("tiny.toml", &tiny(&bytes, &sources));
    let tried = async |sources: Vec<Scheme>| {
        let catalog = open_with(Config { sources, ..world.config() }).unwrap();
        let error = catalog.pull("tiny", |_| {}).await.unwrap_err();
        let CatalogError::PullFailed { cause, .. } = error else { panic!("{error}") };
        if let CatalogError::SourcesFailed { attempts, .. } = &*cause {
            return attempts.iter().map(|(source, _)| source[..4].to_owned()).collect();
        }
        assert!(matches!(&*cause, CatalogError::NoSourceAllowed { .. }), "{cause}");
        vec!["none".to_owned()]
    };
    assert_eq!(tried(vec![Scheme::File, Scheme::Https]).await, ["file", "http"]);
    assert_eq!(tried(vec![Scheme::Https, Scheme::File]).await, ["http", "file"]);
    assert_eq!(tried(vec![Scheme::File]).await, ["file"]);
    assert_eq!(tried(vec![Scheme::Pip]).await, ["none"]);
    assert_eq!(tried(vec![]).await, ["none"]);
}

#[tokio::test]
async fn a_model_that_does_not_fit_on_the_disk_is_not_begun() {
    let world = World::new();
    world.entry("tiny.toml", &entry("tiny", 1 << 60, &sha256(b""), &["\"file:/m\"".into()]));
    let error = world.open().pull("tiny", |_| {}).await.unwrap_err();
    let CatalogError::PullFailed { cause, .. } = &error else { panic!("{error}") };
    assert!(
        matches!(&**cause, CatalogError::NotEnoughSpace { needed_bytes, .. } if *needed_bytes == 1 << 60)
    );
    assert_eq!(world.downloads(), Vec::<String>::new());
}

#[tokio::test]
async fn an_unknown_model_is_not_found() {
    let world = World::new();
    let error = world.open().pull("../../etc", |_| {}).await.unwrap_err();
    assert!(matches!(error, CatalogError::UnknownModel { .. }));
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn what_a_killed_pull_left_is_swept_away() {
    let world = World::new();
    let left = world.path().join("models/.staging-abc");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("half.gguf"), "half").unwrap();
    let wheel = world.path().join("downloads/wheel-abc/scratch");
    std::fs::create_dir_all(&wheel).unwrap();
    world.open();
    assert_eq!(world.downloads(), Vec::<String>::new());
    assert_eq!(world.models(), Vec::<String>::new());
}
