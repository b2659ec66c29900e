//! Whatever the text: an entry, or an error that points into it. The fuzz target looks further.

use proptest::prelude::*;
use tenfold_catalog::parse_entry;

const VALID: &str = include_str!("../../models/smollm2-135m-instruct.toml");

fn check(text: &str) {
    match parse_entry("entry.toml", text, &|_| Ok("template".to_owned())) {
        Ok(entry) => {
            assert_eq!(entry.version().len(), 12);
            assert!(!entry.artefacts.is_empty());
        }
        Err(error) => {
            assert!(!error.reason.is_empty());
            assert!(
                error.line.is_none_or(|line| (1..=text.lines().count().max(1) + 1).contains(&line)),
                "{error}"
            );
        }
    }
}

#[test]
fn the_entry_that_the_others_are_made_from_is_valid() {
    assert!(parse_entry("entry.toml", VALID, &|_| Ok("template".to_owned())).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", lines in "([a-z_]{0,6} ?= ?[\\[\\]\"0-9a-z,{}.-]{0,12}\n){0,8}") {
        check(&text);
        check(&lines);
    }

    #[test]
    fn an_entry_with_a_part_replaced_is_read_or_refused(
        at in any::<prop::sample::Index>(),
        length in 0_usize..40,
        with in "(\\PC{0,6}|[\\[\\]{}\"=\n0-9]{0,6})",
    ) {
        let starts: Vec<usize> = VALID.char_indices().map(|(i, _)| i).collect();
        let start = starts[at.index(starts.len())];
        let end = VALID.char_indices().map(|(i, _)| i).find(|i| *i >= start + length).unwrap_or(VALID.len());
        check(&format!("{}{with}{}", &VALID[..start], &VALID[end..]));
    }
}
