//! One place of the batch: the tokens that its memory holds, and the answer that is under way in it.

use std::sync::Arc;

use tenfold_protocol::chat::FinishReason;
use tokio::sync::mpsc::UnboundedSender;

use crate::ffi::Token;
use crate::grammar::{self, Guide};
use crate::model::Model;
use crate::sampler::{self, Sampler, Sampling, TokenChance};
use crate::text::TextOut;

/// What an answer's maker hears of it. Bounded by the answer's own limit of tokens.
#[derive(Debug)]
pub(crate) enum Event {
    /// The prompt was computed.
    Prompt {
        choice: u32,
        /// Tokens of it that were found in the memory.
        cached: u32,
        /// Log-probabilities of the prompt's tokens from the second on, where they are wanted.
        chances: Vec<TokenChance>,
    },
    /// Tokens were generated; their text may still be held back.
    Text { choice: u32, text: String, n_tokens: u32, chances: Vec<TokenChance> },
    /// The answer is over. `stop` is the stop text that was met.
    End { choice: u32, reason: FinishReason, stop: Option<String> },
    /// It failed.
    Failed(Failure),
}

/// Why an answer failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Failure {
    #[error("llama.cpp failed with code {0}")]
    Decode(i32),
    #[error("no token was possible")]
    NoToken,
    #[error("the adapter was unloaded")]
    AdapterGone,
    #[error("the engine is shutting down")]
    Shutdown,
}

/// One answer to make.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) choice: u32,
    pub(crate) prompt: Arc<[Token]>,
    pub(crate) adapter: Option<Arc<str>>,
    pub(crate) sampling: Sampling,
    pub(crate) max_tokens: u32,
    pub(crate) stops: Arc<[String]>,
    pub(crate) guide: Guide,
    /// How many likeliest tokens to name with each; nothing when no log-probabilities are wanted.
    pub(crate) chances: Option<usize>,
    /// Also of the prompt.
    pub(crate) prompt_chances: bool,
    pub(crate) events: UnboundedSender<Event>,
}

/// An answer under way.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) task: Task,
    pub(crate) generated: u32,
    sampler: Sampler,
    out: TextOut,
    /// The end of the text, where a mark is looked for.
    recent: String,
    unreported: u32,
    /// Whether the prompt's event went out, and how much of it was cached.
    reported_prompt: bool,
    pub(crate) cached: u32,
    pub(crate) prompt_chances: Vec<TokenChance>,
}

impl Run {
    pub(crate) fn new(task: Task, cached: u32) -> Self {
        Self {
            sampler: Sampler::new(task.sampling.clone()),
            out: TextOut::new(Arc::clone(&task.stops)),
            task,
            generated: 0,
            recent: String::new(),
            unreported: 0,
            reported_prompt: false,
            cached,
            prompt_chances: Vec::new(),
        }
    }

    /// Whether nobody waits for it any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.task.events.is_closed()
    }

    fn send(&self, event: Event) {
        // A receiver that is gone is seen before the next step.
        let _ = self.task.events.send(event);
    }

    pub(crate) fn fail(&self, failure: Failure) {
        self.send(Event::Failed(failure));
    }

    fn end(&mut self, reason: FinishReason) -> Option<Token> {
        let last = self.out.finish();
        let n_tokens = std::mem::take(&mut self.unreported);
        self.send(Event::Text { choice: self.task.choice, text: last.text, n_tokens, chances: last.chances });
        self.send(Event::End { choice: self.task.choice, reason, stop: None });
        None
    }

    /// Chooses the next token from its logits and sends what can be told. Nothing when the answer is over.
    ///
    /// `room` says whether the sequence may grow by one more token.
    pub(crate) fn step(
        &mut self,
        model: &Model,
        logits: &[f32],
        room: bool,
        scratch: &mut Scratch,
    ) -> Option<Token> {
        if !self.reported_prompt {
            self.reported_prompt = true;
            let chances = std::mem::take(&mut self.prompt_chances);
            self.send(Event::Prompt { choice: self.task.choice, cached: self.cached, chances });
        }
        if self.task.max_tokens == 0 {
            return self.end(FinishReason::Length);
        }
        let Some(token) = self.choose(model, logits, scratch) else {
            self.fail(Failure::NoToken);
            return None;
        };
        self.generated += 1;
        self.unreported += 1;
        if model.is_end(token) {
            return self.end(FinishReason::Stop);
        }
        self.sampler.accept(token);
        let chance =
            self.task.chances.map(|count| sampler::chance(logits, token, count, &mut scratch.weights));
        let release = self.out.push(model.piece(token), chance);
        if release.stopped {
            let n_tokens = std::mem::take(&mut self.unreported);
            self.send(Event::Text {
                choice: self.task.choice,
                text: release.text,
                n_tokens,
                chances: release.chances,
            });
            self.send(Event::End {
                choice: self.task.choice,
                reason: FinishReason::Stop,
                stop: release.stop,
            });
            return None;
        }
        if !release.text.is_empty() || !release.chances.is_empty() {
            let n_tokens = std::mem::take(&mut self.unreported);
            self.send(Event::Text {
                choice: self.task.choice,
                text: release.text,
                n_tokens,
                chances: release.chances,
            });
        }
        if let Guide::Bound(matcher) = &self.task.guide
            && matcher.is_stopped()
        {
            return self.end(FinishReason::Stop);
        }
        if self.generated >= self.task.max_tokens || !room {
            return self.end(FinishReason::Length);
        }
        Some(token)
    }

    fn choose(&mut self, model: &Model, logits: &[f32], scratch: &mut Scratch) -> Option<Token> {
        let bound = matches!(self.task.guide, Guide::Bound(_));
        if !bound && !self.sampler.changes_logits() {
            let token = self.sampler.choose(logits, &mut scratch.weights)?;
            if self.follow(model, token) {
                return Some(token);
            }
        }
        let logits_left = &mut scratch.logits;
        logits_left.clear();
        logits_left.extend_from_slice(logits);
        self.sampler.change_logits(logits_left);
        if let Guide::Bound(matcher) = &mut self.task.guide
            && !grammar::mask(matcher, logits_left)
        {
            return None;
        }
        // A token that begins what a grammar binds from there, and already breaks it, is struck out.
        for _ in 0..64 {
            let token = self.sampler.choose(logits_left, &mut scratch.weights)?;
            if self.follow(model, token) {
                return Some(token);
            }
            if let Some(logit) = logits_left.get_mut(token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
        None
    }

    /// Moves the guide on; false when the token breaks its grammar.
    fn follow(&mut self, model: &Model, token: Token) -> bool {
        let (mark, inclusive) = match &mut self.task.guide {
            Guide::Free => return true,
            Guide::Bound(matcher) => return matcher.consume_token(token).is_ok(),
            Guide::After(mark, _) => (*mark, false),
            Guide::From(mark, _) => (*mark, true),
        };
        let before = self.recent.len();
        self.recent.push_str(&String::from_utf8_lossy(model.piece(token)));
        let Some(at) = self.recent.find(mark) else {
            // A mark across tokens needs the last bytes of the text before.
            let mut cut = self.recent.len().saturating_sub(mark.len());
            while !self.recent.is_char_boundary(cut) {
                cut -= 1;
            }
            self.recent.drain(..cut);
            return true;
        };
        let rest = &self.recent[if inclusive { at } else { at + mark.len() }..];
        let (Guide::After(_, matcher) | Guide::From(_, matcher)) = &self.task.guide else { return true };
        let mut matcher = matcher.deep_clone();
        let fits = matcher.tok_env().is_ok_and(|environment| {
            let tokens = environment.tokenize_bytes(rest.as_bytes());
            matcher.try_consume_tokens(&tokens).is_ok_and(|count| count == tokens.len())
        });
        if fits {
            self.recent.clear();
            self.task.guide = Guide::Bound(Box::new(matcher));
        } else {
            self.recent.truncate(before);
        }
        fits
    }
}

/// Room that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) logits: Vec<f32>,
    pub(crate) weights: Vec<f32>,
}

/// One place of the batch.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The sequence's number in the memory.
    pub(crate) sequence: i32,
    /// Prompt and answer so far; the first `computed` are in the memory.
    pub(crate) tokens: Vec<Token>,
    pub(crate) computed: usize,
    /// The adapter that they were computed with.
    pub(crate) adapter: Option<Arc<str>>,
    /// When it was last used, in steps.
    pub(crate) last_used: u64,
    pub(crate) run: Option<Run>,
}

impl Slot {
    pub(crate) fn new(sequence: i32) -> Self {
        Self { sequence, tokens: Vec::new(), computed: 0, adapter: None, last_used: 0, run: None }
    }

    /// What the memory holds.
    pub(crate) fn held(&self) -> &[Token] {
        &self.tokens[..self.computed]
    }

    /// Tokens that are to be computed before the next choice.
    pub(crate) fn left(&self) -> usize {
        self.tokens.len() - self.computed
    }
}

/// Tokens that both begin with.
pub(crate) fn common_prefix(a: &[Token], b: &[Token]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
