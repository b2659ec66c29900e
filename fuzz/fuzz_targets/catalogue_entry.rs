//! Catalogue entries: whatever the text, an entry or an error that points into it.
#![no_main]

use tenfold_catalog::parse_entry;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match parse_entry("entry.toml", text, &|_| Err("no template here".to_owned())) {
        Ok(entry) => {
            assert_eq!(entry.version().len(), 12);
            assert!(!entry.artefacts.is_empty());
        }
        Err(error) => {
            assert!(!error.reason.is_empty());
            assert!(error.line.is_none_or(|line| (1..=text.lines().count().max(1) + 1).contains(&line)));
        }
    }
});
