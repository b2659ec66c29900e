//! From a conversation to tokens, and to what binds the answer.

use serde_json::{Map, Value, json};
use tenfold_engine::EngineError;
use tenfold_protocol::chat::{ChatRequest, MessageRole, ResponseFormat, Tool, ToolChoice, ToolChoiceMode};

use crate::ffi::Token;
use crate::grammar::{self, CALL_START, Guide};
use crate::model::Model;
use crate::request;
use crate::template::Template;
use crate::tools::{self, Format};

/// A conversation, made ready.
#[derive(Debug)]
pub(crate) struct Prompt {
    pub(crate) tokens: Vec<Token>,
    pub(crate) guide: Guide,
    /// Calls are to be looked for, in this format.
    pub(crate) calls: Option<Format>,
    pub(crate) thinking: Thinking,
}

/// Whether thinking is to be split from the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// The model does not think.
    Never,
    /// It may begin with `<think>`.
    Perhaps,
    /// The prompt ends with `<think>`.
    Begun,
}

/// What a request says of tools.
struct ToolUse<'a> {
    /// Those that the prompt names.
    tools: &'a [Tool],
    choice: Choice<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice<'a> {
    Never,
    Auto,
    Required,
    Named(&'a str),
}

fn tool_use(request: &ChatRequest) -> Result<ToolUse<'_>, EngineError> {
    let tools = request.tools.as_deref().unwrap_or_default();
    for (index, tool) in tools.iter().enumerate() {
        let name = tool.function.as_ref().filter(|_| tool.kind == "function").map(|function| &function.name);
        let Some(name) = name else {
            let param = format!("tools[{index}].type");
            return Err(EngineError::rejected(&param, format!("`{param}` must be `function`")));
        };
        if !tools::is_function_name(name) {
            let param = format!("tools[{index}].function.name");
            return Err(EngineError::rejected(
                &param,
                format!("`{param}` must be 1 to 64 letters, digits, `_`, `-` or `.`"),
            ));
        }
    }
    let choice = match &request.tool_choice {
        None if tools.is_empty() => Choice::Never,
        None | Some(ToolChoice::Mode(ToolChoiceMode::Auto)) => Choice::Auto,
        Some(ToolChoice::Mode(ToolChoiceMode::None)) => Choice::Never,
        Some(ToolChoice::Mode(ToolChoiceMode::Required)) => Choice::Required,
        Some(ToolChoice::Function(named)) => {
            let name = named.function.name.as_str();
            if !tools::functions(tools).any(|function| function.name == name) {
                return Err(EngineError::rejected(
                    "tool_choice",
                    format!("`tool_choice` names `{name}`, which is not in `tools`"),
                ));
            }
            Choice::Named(name)
        }
        Some(ToolChoice::Other(_)) => {
            return Err(EngineError::rejected(
                "tool_choice",
                "`tool_choice` must be `none`, `auto`, `required`, or name a function",
            ));
        }
    };
    if tools.is_empty() && !matches!(choice, Choice::Never) {
        return Err(EngineError::rejected("tool_choice", "`tool_choice` needs `tools`"));
    }
    Ok(ToolUse { tools: if choice == Choice::Never { &[] } else { tools }, choice })
}

/// Makes a conversation ready.
///
/// # Errors
/// [`EngineError::Rejected`] that names what cannot be honoured.
pub(crate) fn chat(
    model: &Model,
    request: &ChatRequest,
    seconds: i64,
    with_guide: bool,
) -> Result<Prompt, EngineError> {
    request::chat(request)?;
    let Some(template) = &model.template else {
        return Err(EngineError::rejected(
            "messages",
            "this is a base model without a chat template; use /v1/completions",
        ));
    };
    let tool_use = tool_use(request)?;
    let format = Format::of(template);
    let mut extra = Map::new();
    if let Some(effort) = &request.reasoning_effort {
        if template.reasoning_effort {
            extra.insert("reasoning_effort".to_owned(), Value::String(effort.clone()));
        } else if template.enable_thinking {
            extra.insert("enable_thinking".to_owned(), Value::Bool(effort != "none"));
        } else if effort != "none" || template.thinks {
            return Err(EngineError::unknown_parameter("reasoning_effort"));
        }
    }
    let told = serde_json::to_value(tool_use.tools).unwrap_or_default();
    let mut messages = messages(template, request, format)?;
    let mut native = None;
    if !tool_use.tools.is_empty() {
        if format == Format::Told {
            tell_tools(&mut messages, &tools::description(&told));
        } else {
            native = Some(told);
        }
    }
    let rendered = template.render(messages, native, extra, &model.controls, seconds).map_err(|error| {
        let detail = error.detail().map_or_else(|| error.to_string(), ToOwned::to_owned);
        EngineError::rejected(
            "messages",
            format!("the model's chat template refuses this conversation: {detail}"),
        )
    })?;
    let fewest = model.fewest_tokens(rendered.text());
    let limit = u64::from(model.context_length);
    if fewest >= limit {
        return Err(EngineError::context_length_exceeded("messages", limit, fewest));
    }
    let tokens = model.tokenize_rendered(&rendered);
    if tokens.len() as u64 >= limit {
        return Err(EngineError::context_length_exceeded("messages", limit, tokens.len() as u64));
    }
    let thinking = match (template.thinks, rendered.text().trim_end().ends_with("<think>")) {
        (false, _) => Thinking::Never,
        (true, true) => Thinking::Begun,
        (true, false) => Thinking::Perhaps,
    };
    let calls = (tool_use.choice != Choice::Never).then_some(match tool_use.choice {
        Choice::Required | Choice::Named(_) => Format::Hermes,
        Choice::Auto | Choice::Never => format,
    });
    let guide = if with_guide { guide(model, request, &tool_use, format, thinking)? } else { Guide::Free };
    Ok(Prompt { tokens, guide, calls, thinking })
}

/// Messages as templates expect them.
fn messages(template: &Template, request: &ChatRequest, format: Format) -> Result<Vec<Value>, EngineError> {
    let mut out = Vec::with_capacity(request.messages.len());
    for (index, message) in request.messages.iter().enumerate() {
        let mut text = request::message_text(index, message)?;
        let mut fields = Map::new();
        let role = match message.role {
            MessageRole::Developer if !template.knows_developer => "system",
            MessageRole::Developer => "developer",
            MessageRole::System => "system",
            MessageRole::User => "user",
            MessageRole::Assistant => "assistant",
            MessageRole::Tool if format == Format::Told => {
                text = format!("<tool_response>\n{text}\n</tool_response>");
                "user"
            }
            MessageRole::Tool => "tool",
        };
        fields.insert("role".to_owned(), role.into());
        if let Some(calls) = &message.tool_calls {
            let mut list = Vec::new();
            for call in calls {
                let arguments = serde_json::from_str(&call.function.arguments)
                    .unwrap_or_else(|_| Value::String(call.function.arguments.clone()));
                if format == Format::Told {
                    if !text.is_empty() {
                        text.push('\n');
                    }
                    text.push_str(&tools::call_text(&call.function.name, &arguments));
                } else {
                    list.push(json!({
                        "id": call.id, "type": "function",
                        "function": {"name": call.function.name, "arguments": arguments},
                    }));
                }
            }
            if !list.is_empty() {
                fields.insert("tool_calls".to_owned(), Value::Array(list));
            }
        }
        if let Some(name) = &message.name {
            fields.insert("name".to_owned(), name.as_str().into());
        }
        if let Some(id) = &message.tool_call_id {
            fields.insert("tool_call_id".to_owned(), id.as_str().into());
        }
        if let Some(thoughts) = &message.reasoning_content {
            fields.insert("reasoning_content".to_owned(), thoughts.as_str().into());
        }
        fields.insert("content".to_owned(), text.into());
        out.push(Value::Object(fields));
    }
    Ok(out)
}

/// Puts the description of tools into the system message.
fn tell_tools(messages: &mut Vec<Value>, description: &str) {
    let first =
        messages.first_mut().filter(|message| message.get("role").is_some_and(|role| role == "system"));
    match first.and_then(|message| message.get_mut("content")) {
        Some(Value::String(text)) => {
            text.push_str("\n\n");
            text.push_str(description);
        }
        _ => messages.insert(0, json!({"role": "system", "content": description})),
    }
}

fn guide(
    model: &Model,
    request: &ChatRequest,
    tool_use: &ToolUse<'_>,
    format: Format,
    thinking: Thinking,
) -> Result<Guide, EngineError> {
    let answer = match &request.response_format {
        None | Some(ResponseFormat::Text) => None,
        Some(ResponseFormat::JsonObject) => Some(("response_format", json!({"type": "object"}))),
        Some(ResponseFormat::JsonSchema { json_schema }) => {
            let schema = json_schema.schema.clone().filter(|schema| !schema.is_null());
            let schema = schema.unwrap_or_else(|| json!({"type": "object"}));
            if !(schema.is_object() || schema.is_boolean()) {
                return Err(EngineError::rejected(
                    "response_format.json_schema.schema",
                    "`response_format.json_schema.schema` must be a JSON schema: an object",
                ));
            }
            Some(("response_format.json_schema.schema", schema))
        }
    };
    let refused = |param: &str, why: String| {
        EngineError::rejected(param, format!("`{param}` cannot be enforced by this engine: {why}"))
    };
    let functions: Vec<(&str, Value)> = tools::functions(tool_use.tools)
        .filter(|function| !matches!(tool_use.choice, Choice::Named(name) if name != function.name))
        .map(|function| (function.name.as_str(), tools::parameters(function)))
        .collect();
    let several = request.parallel_tool_calls.unwrap_or(true) && !matches!(tool_use.choice, Choice::Named(_));
    // Each part is compiled alone first, so that an error names its field.
    if let Some((param, schema)) = &answer {
        grammar::compile(model, grammar::schema(schema.clone())).map_err(|why| refused(param, why))?;
    }
    let calls_matter = !functions.is_empty() && (tool_use.choice != Choice::Auto || format.is_marked());
    let compiled = if calls_matter {
        let schema = answer.as_ref().filter(|_| tool_use.choice == Choice::Auto).map(|(_, schema)| schema);
        match grammar::compile(model, grammar::calls(&functions, several, schema)) {
            Ok(matcher) => matcher,
            Err(why) => {
                for (index, function) in tools::functions(tool_use.tools).enumerate() {
                    let alone = grammar::schema(tools::parameters(function));
                    grammar::compile(model, alone)
                        .map_err(|why| refused(&format!("tools[{index}].function.parameters"), why))?;
                }
                return Err(refused("tools", why));
            }
        }
    } else if let Some((param, schema)) = &answer {
        grammar::compile(model, grammar::schema(schema.clone())).map_err(|why| refused(param, why))?
    } else {
        return Ok(Guide::Free);
    };
    if calls_matter && tool_use.choice == Choice::Auto && answer.is_none() {
        return Ok(Guide::From(CALL_START, compiled));
    }
    Ok(if thinking == Thinking::Begun { Guide::After("</think>", compiled) } else { Guide::Bound(compiled) })
}
