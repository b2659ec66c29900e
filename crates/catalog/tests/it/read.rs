//! Reading entries, built in and the operator's.

use tenfold_catalog::{Capability, CatalogError, Scheme, Task, nanos_from_decimal, parse_entry};
use tenfold_kernel::{Currency, Unit};

use crate::world::{World, entry, open_with, tiny};

fn parse(text: &str) -> Result<tenfold_catalog::Entry, tenfold_catalog::BadEntry> {
    parse_entry("x.toml", text, &|name| Err(format!("no `{name}`")))
}

#[test]
fn the_built_in_models_are_listed() {
    let catalog = World::new().open();
    let ids: Vec<String> = catalog.list().iter().map(|e| e.id.clone()).collect();
    assert_eq!(ids, ["gemma-3-270m", "qwen2.5-coder-0.5b-instruct", "smollm2-135m-instruct"]);
    let smol = catalog.get("smollm2-135m-instruct").unwrap();
    assert_eq!(smol.task, Task::Chat);
    assert_eq!(smol.size_bytes(), 98_362_432);
    assert!(smol.chat_template().unwrap().contains("<tool_call>"));
    assert!(smol.capabilities.contains(&Capability::Tools));
    let prices = smol.prices.as_ref().unwrap();
    assert_eq!(prices.currency, Currency::USD);
    assert_eq!(prices.per_million[&Unit::InputTokens].0, nanos_from_decimal("0.02").unwrap());
    assert_eq!(prices.per_million[&Unit::OutputTokens].0, 40_000_000);
    assert_eq!(catalog.installed("smollm2-135m-instruct"), None);
    assert_eq!(catalog.get("no-such-model"), None);
}

#[test]
fn terms_that_restrict_use_come_with_a_note() {
    let catalog = World::new().open();
    let note = |id: &str| catalog.get(id).unwrap().licence.use_note.clone();
    assert!(note("gemma-3-270m").unwrap().contains("Prohibited Use Policy"));
    assert_eq!(note("smollm2-135m-instruct"), None);
}

#[test]
fn a_version_follows_the_bytes_and_nothing_else() {
    let one = parse(&tiny(b"one", &["\"file:/a\"".into()])).unwrap();
    let elsewhere = parse(&tiny(b"one", &["\"file:/b\"".into()]).replace("A model", "The model")).unwrap();
    let other = parse(&tiny(b"two", &["\"file:/a\"".into()])).unwrap();
    assert_eq!(one.version(), elsewhere.version());
    assert_ne!(one.version(), other.version());
    assert_eq!(one.version().len(), 12);
}

#[test]
fn an_operators_entry_replaces_the_built_in_one() {
    let world = World::new();
    let text = entry("smollm2-135m-instruct", 3, &crate::world::sha256(b"abc"), &["\"file:/m\"".into()]);
    world.entry("mine.toml", &text);
    world.entry("other.toml", &tiny(b"x", &["\"file:/m\"".into()]));
    world.entry("notes.txt", "not an entry");
    let catalog = world.open();
    assert_eq!(catalog.get("smollm2-135m-instruct").unwrap().name, "Tiny");
    assert_eq!(catalog.list().len(), 4);
}

#[test]
fn two_files_of_the_operator_for_one_model_are_refused() {
    let world = World::new();
    world.entry("a.toml", &tiny(b"x", &["\"file:/m\"".into()]));
    world.entry("b.toml", &tiny(b"x", &["\"file:/m\"".into()]));
    let error = open_with(world.config()).unwrap_err();
    assert!(matches!(error, CatalogError::SameId { ref id, .. } if id == "tiny"), "{error}");
}

#[test]
fn a_template_beside_the_entry_is_read() {
    let world = World::new();
    let text = tiny(b"x", &["\"file:/m\"".into()]).replacen(
        "task =",
        "chat_template = { file = \"mine.jinja\" }\ntask =",
        1,
    );
    world.entry("a.toml", &text);
    world.entry("mine.jinja", "{{ messages }}");
    assert_eq!(world.open().get("tiny").unwrap().chat_template(), Some("{{ messages }}"));
    let climbing = text.replace("mine.jinja", "../mine.jinja");
    assert_eq!(parse(&climbing).unwrap_err().field, "chat_template");
    world.entry("a.toml", &text.replace("mine.jinja", "absent.jinja"));
    let error = open_with(world.config()).unwrap_err().to_string();
    assert!(error.contains("a.toml, line 4: field `chat_template`"), "{error}");
}

#[test]
fn a_bad_entry_is_named_with_file_line_and_field() {
    let good = tiny(b"x", &["\"file:/m\"".into()]);
    let line_of = |text: &str, what: &str| 1 + text.lines().position(|l| l.contains(what)).unwrap();
    let cases: &[(&str, &str, &str)] = &[
        ("task = \"chat\"", "task = \"chatt\"", "task"),
        ("tier = \"general\"", "tire = \"general\"", "tire"),
        ("context_length = 128", "context_length = 0", "context_length"),
        ("context_length = 128", "context_length = \"128\"", "context_length"),
        ("parameters = 7", "parameters = -7", "parameters"),
        ("capabilities = [\"chat\"]", "capabilities = [\"fly\"]", "capabilities[0]"),
        ("id = \"tiny\"", "id = \"../tiny\"", "id"),
        ("spdx = \"MIT\"", "spdx = \"MIT Apache\"", "licence.spdx"),
        ("url = \"https://example.org/licence\"", "url = \"javascript:1\"", "licence.url"),
        ("file = \"tiny.gguf\"", "file = \"../tiny.gguf\"", "artefacts[0].file"),
        ("file = \"tiny.gguf\"", "file = \"tenfold.json\"", "artefacts[0].file"),
        ("size_bytes = 1", "size_bytes = 0", "artefacts[0].size_bytes"),
        ("sources = [\"file:/m\"]", "sources = []", "artefacts[0].sources"),
        ("sources = [\"file:/m\"]", "sources = [\"ftp://x/y\"]", "artefacts[0].sources[0]"),
        ("sources = [\"file:/m\"]", "sources = [[\"pip:--pre==1#x\"]]", "artefacts[0].sources[0]"),
        ("sources = [\"file:/m\"]", "sources = [[\"file:/m\"]]", "artefacts[0].sources[0]"),
        ("output = [\"text\"]", "output = []", "modalities.output"),
    ];
    for (from, to, field) in cases {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        let error = parse(&text).unwrap_err();
        assert_eq!(error.file, "x.toml");
        assert_eq!(error.field, *field, "{to}: {error}");
        assert_eq!(error.line, Some(line_of(&text, to)), "{to}: {error}");
    }
}

#[test]
fn a_missing_field_is_named() {
    let text = tiny(b"x", &["\"file:/m\"".into()]).replace("tier = \"general\"\n", "");
    let error = parse(&text).unwrap_err().to_string();
    assert!(error.contains("missing field `tier`"), "{error}");
}

#[test]
fn prices_are_exact_decimals() {
    let priced = |price: &str| {
        let prices =
            format!("[prices]\ncurrency = \"CNY\"\nper_million = {{ input_tokens = {price} }}\n\n[licence]");
        parse(&tiny(b"x", &["\"file:/m\"".into()]).replace("[licence]", &prices))
    };
    let entry = priced("\"0.000000001\"").unwrap();
    assert_eq!(entry.prices.unwrap().per_million[&Unit::InputTokens].0, 1);
    for bad in ["0.1", "\"0.0000000001\"", "\"-1\"", "\"1e3\""] {
        assert_eq!(priced(bad).unwrap_err().field, "prices.per_million.input_tokens", "{bad}");
    }
}

#[test]
fn no_text_makes_the_reader_fall_over() {
    let good = tiny("ü".as_bytes(), &["[\"pip:a==1#b\", \"pip:c==2#d\"]".into()]);
    for end in (0..good.len()).filter(|end| good.is_char_boundary(*end)) {
        let _ = parse(&good[..end]);
        let mut spoilt = good.clone();
        spoilt.insert(end, '"');
        let _ = parse(&spoilt);
    }
    for odd in
        ["", "\0", "[[[[", "a=1", "artefacts = 3", "[artefacts]\nx = 1", "id = 1979-05-27", "é = [[{}]]"]
    {
        assert!(parse(odd).is_err(), "{odd}");
    }
}

#[test]
fn the_kinds_of_sources_are_known_by_name() {
    for scheme in Scheme::DEFAULT_ORDER {
        assert_eq!(scheme.as_str().parse(), Ok(scheme));
    }
    assert!("ftp".parse::<Scheme>().is_err());
}
