//! From token bytes to text: whole characters only, and nothing of a stop text.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::sampler::TokenChance;

/// Text that may go out, and the tokens that it is made of.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Release {
    /// The text.
    pub(crate) text: String,
    /// Log-probabilities of its tokens, where they are wanted.
    pub(crate) chances: Vec<TokenChance>,
    /// A stop text was met: nothing more will come.
    pub(crate) stopped: bool,
    /// Which.
    pub(crate) stop: Option<String>,
}

/// Holds back bytes that are no whole character yet, and text that may turn out to be a stop text.
#[derive(Debug, Default)]
pub(crate) struct TextOut {
    stops: Arc<[String]>,
    bytes: Vec<u8>,
    held: String,
    pushed: usize,
    waiting: VecDeque<(usize, TokenChance)>,
}

impl TextOut {
    pub(crate) fn new(stops: Arc<[String]>) -> Self {
        Self { stops, ..Self::default() }
    }

    /// Takes a token's bytes.
    pub(crate) fn push(&mut self, piece: &[u8], chance: Option<TokenChance>) -> Release {
        if let Some(chance) = chance {
            self.waiting.push_back((self.pushed, chance));
        }
        self.pushed += piece.len();
        self.bytes.extend_from_slice(piece);
        take_characters(&mut self.bytes, &mut self.held);
        if self.stops.is_empty() {
            let text = std::mem::take(&mut self.held);
            let chances = self.release_chances(self.pushed - self.bytes.len());
            return Release { text, chances, stopped: false, stop: None };
        }
        let found = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str()).map(|at| (at, stop)));
        let met = found.min_by_key(|(at, _)| *at).map(|(at, stop)| (at, stop.clone()));
        if let Some((at, stop)) = met {
            let cut = self.pushed.saturating_sub(self.bytes.len() + self.held.len() - at);
            let chances = self.release_chances(cut);
            self.held.truncate(at);
            self.bytes.clear();
            self.waiting.clear();
            return Release {
                text: std::mem::take(&mut self.held),
                chances,
                stopped: true,
                stop: Some(stop),
            };
        }
        let keep = self.stops.iter().map(|stop| partial_suffix(&self.held, stop)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - keep);
        let text = std::mem::replace(&mut self.held, rest);
        let chances = self.release_chances(self.pushed.saturating_sub(self.bytes.len() + keep));
        Release { text, chances, stopped: false, stop: None }
    }

    /// Gives out all that was held back: the answer is over.
    pub(crate) fn finish(&mut self) -> Release {
        let mut text = std::mem::take(&mut self.held);
        text.push_str(&String::from_utf8_lossy(&self.bytes));
        self.bytes.clear();
        Release { text, chances: self.release_chances(usize::MAX), stopped: false, stop: None }
    }

    fn release_chances(&mut self, until: usize) -> Vec<TokenChance> {
        let mut out = Vec::new();
        while let Some((start, _)) = self.waiting.front()
            && (*start < until || (until == self.pushed && self.bytes.is_empty() && self.held.is_empty()))
            && let Some((_, chance)) = self.waiting.pop_front()
        {
            out.push(chance);
        }
        out
    }
}

/// Moves the whole characters of `bytes` to `text`; bytes that can be none become U+FFFD.
fn take_characters(bytes: &mut Vec<u8>, text: &mut String) {
    loop {
        match std::str::from_utf8(bytes) {
            Ok(valid) => {
                text.push_str(valid);
                bytes.clear();
                return;
            }
            Err(error) => {
                let valid = error.valid_up_to();
                text.push_str(&String::from_utf8_lossy(&bytes[..valid]));
                let Some(bad) = error.error_len() else {
                    bytes.drain(..valid);
                    return;
                };
                text.push('\u{FFFD}');
                bytes.drain(..valid + bad);
            }
        }
    }
}

/// The length of the longest proper prefix of `mark` that `text` ends with.
pub(crate) fn partial_suffix(text: &str, mark: &str) -> usize {
    (1..mark.len())
        .rev()
        .find(|length| mark.is_char_boundary(*length) && text.ends_with(&mark[..*length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(stops: &[&str]) -> TextOut {
        TextOut::new(stops.iter().map(|stop| (*stop).to_owned()).collect())
    }

    #[test]
    fn a_character_that_is_split_over_tokens_comes_whole() {
        let mut out = out(&[]);
        let face = "😀".as_bytes();
        assert_eq!(out.push(&face[..1], None).text, "");
        assert_eq!(out.push(&face[1..3], None).text, "");
        assert_eq!(out.push(&face[3..], None).text, "😀");
    }

    #[test]
    fn bytes_that_are_no_character_become_a_replacement() {
        let mut out = out(&[]);
        assert_eq!(out.push(&[0xC3, b'a'], None).text, "\u{FFFD}a");
        assert_eq!(out.push(&[0xE2, 0x82], None).text, "");
        assert_eq!(out.finish().text, "\u{FFFD}");
    }

    #[test]
    fn a_stop_text_across_tokens_is_held_back_and_never_comes() {
        let mut out = out(&["END", "<stop>"]);
        assert_eq!(out.push(b"one E", None).text, "one ");
        assert_eq!(out.push(b"N", None).text, "");
        assert_eq!(out.push(b"X<s", None).text, "ENX");
        assert_eq!(out.push(b"to", None).text, "");
        let last = out.push(b"p> more", None);
        assert_eq!((last.text.as_str(), last.stopped), ("", true));
    }

    #[test]
    fn what_was_held_comes_at_the_end() {
        let mut out = out(&["END"]);
        assert_eq!(out.push(b"the EN", None).text, "the ");
        assert_eq!(out.finish().text, "EN");
    }

    #[test]
    fn chances_come_with_their_text_and_not_beyond_a_stop() {
        let mut out = out(&["b!"]);
        let chance = |token| Some(TokenChance { token, logprob: -1.0, top: Vec::new() });
        assert_eq!(out.push(b"a", chance(1)).chances.len(), 1);
        assert_eq!(out.push(b"b", chance(2)).chances.len(), 0);
        let last = out.push(b"!", chance(3));
        assert!(last.stopped && last.chances.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_in_any_pieces_comes_out_unchanged(text in ".{0,40}", cuts in proptest::collection::vec(0_usize..200, 0..12)) {
            let mut out = out(&["\u{1}never"]);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (text.len() + 1)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut got = String::new();
            for pair in cuts.windows(2) {
                got.push_str(&out.push(&text.as_bytes()[pair[0]..pair[1]], None).text);
            }
            got.push_str(&out.finish().text);
            proptest::prop_assert_eq!(got, text);
        }
    }
}
