//! Tool calls: what the prompt says of tools, and how calls are taken out of the text.

use futures::FutureExt;
use serde_json::{Value, json};
use tenfold_protocol::chat::{FunctionDefinition, Tool};
use tool_parser::{LlamaParser, MistralParser, ToolParser};

use crate::grammar::CALL_START;
use crate::template::{Template, python_json};
use crate::text::partial_suffix;

const ARGUMENTS: &str = "\", \"arguments\": ";
const NAME: &str = "\n{\"name\": \"";
const CLOSE: &str = "}\n</tool_call>";

/// How a model writes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `<tool_call>`, told by the model's template.
    Hermes,
    /// `<tool_call>`, told by us since the template knows no tools.
    Told,
    /// Mistral's list behind `[TOOL_CALLS]`.
    Mistral,
    /// Llama's object, perhaps behind `<|python_tag|>`.
    Llama,
}

impl Format {
    /// The format of a template.
    pub(crate) fn of(template: &Template) -> Self {
        if !template.knows_tools {
            Self::Told
        } else if template.hermes_tools {
            Self::Hermes
        } else if template.mistral_tools {
            Self::Mistral
        } else if template.llama_tools {
            Self::Llama
        } else {
            Self::Told
        }
    }

    /// Whether calls stand between our marks, so that a grammar can bind them as they begin.
    pub(crate) fn is_marked(self) -> bool {
        matches!(self, Self::Hermes | Self::Told)
    }
}

/// The functions of tools.
pub(crate) fn functions(tools: &[Tool]) -> impl Iterator<Item = &FunctionDefinition> {
    tools.iter().filter_map(|tool| tool.function.as_ref())
}

/// The schema of a function's arguments.
pub(crate) fn parameters(function: &FunctionDefinition) -> Value {
    match &function.parameters {
        None | Some(Value::Null) => json!({"type": "object"}),
        Some(parameters) => parameters.clone(),
    }
}

/// What a template that knows no tools is made to say of them.
pub(crate) fn description(tools: &Value) -> String {
    let mut text = String::from(
        "You can call functions. Their names, purposes and parameters, one JSON object a line:\n<tools>\n",
    );
    for tool in tools.as_array().into_iter().flatten() {
        python_json(tool, None, 0, &mut text);
        text.push('\n');
    }
    text.push_str(
        "</tools>\nTo call a function, answer with its name and arguments as JSON between these marks:\n\
         <tool_call>\n{\"name\": \"the name\", \"arguments\": {}}\n</tool_call>",
    );
    text
}

/// A call as text, for templates that know no tools.
pub(crate) fn call_text(name: &str, arguments: &Value) -> String {
    let mut text = format!("{CALL_START}{NAME}{name}{ARGUMENTS}");
    python_json(arguments, None, 0, &mut text);
    text.push_str(CLOSE);
    text
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text.
    Content(String),
    /// A call begins.
    Call(String),
    /// More of its arguments.
    Arguments(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Outside,
    Head,
    Arguments,
    Between,
}

/// Takes marked calls out of a text that comes in pieces. The marks and the frame of a call are as the
/// grammar binds them, so that arguments can be passed on as they are written.
#[derive(Debug)]
pub(crate) struct Splitter {
    place: Place,
    held: String,
}

impl Splitter {
    pub(crate) fn new() -> Self {
        Self { place: Place::Outside, held: String::new() }
    }

    pub(crate) fn push(&mut self, text: &str) -> Vec<Part> {
        self.held.push_str(text);
        let mut parts = Vec::new();
        loop {
            match self.place {
                Place::Outside => {
                    if let Some(at) = self.held.find(CALL_START) {
                        let before = self.held[..at].trim_end().to_owned();
                        if !before.is_empty() {
                            parts.push(Part::Content(before));
                        }
                        self.held.drain(..at + CALL_START.len());
                        self.place = Place::Head;
                        continue;
                    }
                    // Space before a call is not part of the answer, so it waits for what follows.
                    let keep = partial_suffix(&self.held, CALL_START);
                    let sure = self.held[..self.held.len() - keep].trim_end().len();
                    if sure > 0 {
                        let rest = self.held.split_off(sure);
                        parts.push(Part::Content(std::mem::replace(&mut self.held, rest)));
                    }
                }
                Place::Head => {
                    if let Some(at) = self.held.find(ARGUMENTS) {
                        let name = self.held[..at].strip_prefix(NAME).unwrap_or(&self.held[..at]).to_owned();
                        parts.push(Part::Call(name));
                        self.held.drain(..at + ARGUMENTS.len());
                        self.place = Place::Arguments;
                        continue;
                    }
                }
                Place::Arguments => {
                    if let Some(at) = self.held.find(CLOSE) {
                        if at > 0 {
                            parts.push(Part::Arguments(self.held[..at].to_owned()));
                        }
                        self.held.drain(..at + CLOSE.len());
                        self.place = Place::Between;
                        continue;
                    }
                    let keep = partial_suffix(&self.held, CLOSE);
                    let sure = self.held.len() - keep;
                    if sure > 0 {
                        let rest = self.held.split_off(sure);
                        parts.push(Part::Arguments(std::mem::replace(&mut self.held, rest)));
                    }
                }
                Place::Between => {
                    if let Some(at) = self.held.find(CALL_START) {
                        self.held.drain(..at + CALL_START.len());
                        self.place = Place::Head;
                        continue;
                    }
                }
            }
            return parts;
        }
    }

    /// What was held back when the answer ended.
    pub(crate) fn finish(&mut self) -> Vec<Part> {
        let held = std::mem::take(&mut self.held);
        match self.place {
            Place::Outside if !held.is_empty() => vec![Part::Content(held)],
            // Cut off before the name was whole: nothing that could be called.
            Place::Head => vec![Part::Content(format!("{CALL_START}{held}"))],
            Place::Arguments if !held.is_empty() => vec![Part::Arguments(held)],
            Place::Outside | Place::Arguments | Place::Between => Vec::new(),
        }
    }
}

/// Takes calls out of a whole answer in a model family's own format.
pub(crate) fn parse_whole(format: Format, text: &str) -> Vec<Part> {
    let parser: Box<dyn ToolParser> = match format {
        Format::Mistral => Box::new(MistralParser::new()),
        Format::Llama => Box::new(LlamaParser::new()),
        Format::Hermes | Format::Told => Box::new(tool_parser::QwenParser::new()),
    };
    // The parser awaits nothing.
    let parsed = parser.parse_complete(text).now_or_never().and_then(Result::ok);
    let Some((content, calls)) = parsed else { return vec![Part::Content(text.to_owned())] };
    let mut parts = Vec::new();
    if !content.is_empty() {
        parts.push(Part::Content(content));
    }
    for call in calls {
        parts.push(Part::Call(call.function.name));
        parts.push(Part::Arguments(call.function.arguments));
    }
    parts
}

/// Whether a name can be a function's: letters, digits, `_`, `-` and `.`, at most 64.
pub(crate) fn is_function_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Let me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"}x\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";

    fn split(pieces: impl Iterator<Item = String>) -> Vec<Part> {
        let mut splitter = Splitter::new();
        let mut parts: Vec<Part> = Vec::new();
        let mut all: Vec<Part> = pieces.flat_map(|piece| splitter.push(&piece)).collect();
        all.extend(splitter.finish());
        for part in all {
            match (parts.last_mut(), part) {
                (Some(Part::Content(text)), Part::Content(more))
                | (Some(Part::Arguments(text)), Part::Arguments(more)) => text.push_str(&more),
                (_, part) => parts.push(part),
            }
        }
        parts
    }

    #[test]
    fn calls_are_taken_out_however_the_text_is_cut() {
        let whole = split(std::iter::once(TEXT.to_owned()));
        assert_eq!(
            whole,
            [
                Part::Content("Let me see.".to_owned()),
                Part::Call("f".to_owned()),
                Part::Arguments("{\"a\": \"}x\"}".to_owned()),
                Part::Call("g".to_owned()),
                Part::Arguments("{}".to_owned()),
            ]
        );
        assert_eq!(split(TEXT.chars().map(String::from)), whole);
    }

    #[test]
    fn the_published_parser_reads_the_same_calls() {
        let ours = split(std::iter::once(TEXT.to_owned()));
        let theirs = parse_whole(Format::Hermes, TEXT);
        let calls = |parts: &[Part]| -> Vec<(String, Value)> {
            parts
                .windows(2)
                .filter_map(|pair| match pair {
                    [Part::Call(name), Part::Arguments(arguments)] => {
                        Some((name.clone(), serde_json::from_str(arguments).unwrap()))
                    }
                    _ => None,
                })
                .collect()
        };
        assert_eq!(calls(&ours), calls(&theirs));
        assert_eq!(calls(&ours).len(), 2);
    }

    #[test]
    fn text_without_calls_comes_unchanged() {
        let text = "a < b <tool_ca and spaces  ";
        assert_eq!(split(text.chars().map(String::from)), [Part::Content(text.to_owned())]);
    }

    #[test]
    fn a_mistral_list_is_read_by_the_published_parser() {
        let parts =
            parse_whole(Format::Mistral, "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"x\": 1}}]");
        assert_eq!(parts, [Part::Call("f".to_owned()), Part::Arguments("{\"x\":1}".to_owned())]);
    }
}
