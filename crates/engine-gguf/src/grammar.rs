//! Constrained decoding with llguidance: which tokens may come next.

use std::fmt::Write as _;
use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};

use crate::ffi::Token;
use crate::model::Model;

/// Marks that are text to us even where a model's file calls them control tokens.
pub(crate) const MARKS: [&str; 6] =
    [CALL_START, CALL_END, "<think>", "</think>", "[TOOL_CALLS]", "<|python_tag|>"];
/// Begins a tool call.
pub(crate) const CALL_START: &str = "<tool_call>";
/// Ends a tool call.
pub(crate) const CALL_END: &str = "</tool_call>";
/// Calls in one answer at most.
const MOST_CALLS: usize = 16;

/// When a grammar begins to bind.
pub(crate) enum Guide {
    /// Never: free text.
    Free,
    /// From the first token.
    Bound(Box<Matcher>),
    /// After this text was generated, which is not part of the grammar.
    After(&'static str, Box<Matcher>),
    /// From this text on, which is the grammar's beginning.
    From(&'static str, Box<Matcher>),
}

impl std::fmt::Debug for Guide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Free => "Free",
            Self::Bound(_) => "Bound(..)",
            Self::After(..) => "After(..)",
            Self::From(..) => "From(..)",
        })
    }
}

impl Guide {
    /// A guide in the same state, for another answer to the same request.
    pub(crate) fn another(&self) -> Self {
        match self {
            Self::Free => Self::Free,
            Self::Bound(matcher) => Self::Bound(Box::new(matcher.deep_clone())),
            Self::After(mark, matcher) => Self::After(mark, Box::new(matcher.deep_clone())),
            Self::From(mark, matcher) => Self::From(mark, Box::new(matcher.deep_clone())),
        }
    }
}

/// Builds what compiles grammars for a model's vocabulary.
pub(crate) fn factory(model: &Model) -> Result<ParserFactory, String> {
    let count = u32::try_from(model.n_vocab()).map_err(|error| error.to_string())?;
    let end = model.end_token().ok_or("the model has no end token")?;
    let words: Vec<Vec<u8>> = (0..count)
        .map(|token| {
            let piece = model.piece(token);
            if !piece.is_empty() && !model.is_end(token) {
                return piece.to_vec();
            }
            let text = model.control_text(token);
            if text.is_empty() { text } else { [&[TokTrie::SPECIAL_TOKEN_MARKER][..], &text].concat() }
        })
        .collect();
    let ends: Vec<Token> = std::iter::once(end).chain(model.ends().filter(|other| *other != end)).collect();
    let trie = TokTrie::from(&TokRxInfo::new(count, end), &words).with_eos_tokens(&ends);
    let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
    let mut factory = ParserFactory::new_simple(&environment).map_err(|error| error.to_string())?;
    factory.quiet();
    // A client's schema must not be read back to it in an error, nor cost seconds at one step.
    factory.limits_mut().verbose_errors = false;
    Ok(factory)
}

/// A JSON schema as a grammar.
pub(crate) fn schema(mut schema: Value) -> TopLevelGrammar {
    with_options(&mut schema);
    TopLevelGrammar::from_json_schema(schema)
}

/// Bounded space: none, or one blank, as Python writes JSON. Free space lets a model write blanks until
/// its limit.
fn with_options(schema: &mut Value) {
    if let Value::Bool(true) = schema {
        *schema = json!({});
    }
    if let Value::Object(fields) = schema {
        fields.insert(
            "x-guidance".to_owned(),
            json!({"whitespace_flexible": false, "item_separator": ", ", "key_separator": ": "}),
        );
    }
}

/// Calls of these functions, each with a schema of its arguments; or an answer of its own schema.
pub(crate) fn calls(functions: &[(&str, Value)], several: bool, answer: Option<&Value>) -> TopLevelGrammar {
    let quote = |text: &str| Value::String(text.to_owned()).to_string();
    let more = if several { format!(" (\"\\n\" call){{0,{}}}", MOST_CALLS - 1) } else { String::new() };
    let mut lark =
        format!("start: calls{}\ncalls: call{more}\n", if answer.is_some() { " | answer" } else { "" });
    if let Some(answer) = answer {
        let mut answer = answer.clone();
        with_options(&mut answer);
        let _ = writeln!(lark, "answer: %json {answer}");
    }
    let names: Vec<String> = (0..functions.len()).map(|index| format!("f{index}")).collect();
    let (open, close) = (format!("{CALL_START}\n{{\"name\": \""), format!("}}\n{CALL_END}"));
    let _ = writeln!(lark, "call: {} ( {} ) {}", quote(&open), names.join(" | "), quote(&close));
    for (index, (name, parameters)) in functions.iter().enumerate() {
        let mut parameters = parameters.clone();
        with_options(&mut parameters);
        let head = quote(&format!("{name}\", \"arguments\": "));
        let _ = writeln!(lark, "f{index}: {head} a{index}\na{index}: %json {parameters}");
    }
    TopLevelGrammar::from_lark(lark)
}

/// Compiles a grammar.
///
/// # Errors
/// What the library does not support, in its words.
pub(crate) fn compile(model: &Model, grammar: TopLevelGrammar) -> Result<Box<Matcher>, String> {
    let parser =
        model.grammars()?.create_parser(grammar).map_err(|error| first_line(&format!("{error:#}")))?;
    let mut matcher = Matcher::new(Ok(parser));
    if let Some(error) = matcher.get_error() {
        return Err(first_line(&error));
    }
    // What a schema asks for and the library knows it does not enforce is as bad as an error.
    if let Some(warning) = matcher.grammar_warnings().first() {
        return Err(first_line(warning));
    }
    Ok(Box::new(matcher))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

/// Masks the logits of tokens that may not come; false when the grammar failed or allows nothing.
pub(crate) fn mask(matcher: &mut Matcher, logits: &mut [f32]) -> bool {
    let Ok(allowed) = matcher.compute_mask_or_eos() else { return false };
    for (words, chunk) in allowed.as_slice().iter().zip(logits.chunks_mut(32)) {
        if *words == u32::MAX {
            continue;
        }
        for (bit, logit) in chunk.iter_mut().enumerate() {
            if words & (1 << bit) == 0 {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
    !allowed.is_zero()
}
