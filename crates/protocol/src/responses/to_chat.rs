//! From a request for a response to a chat request.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::item::{Item, ItemContent, ItemPart, MessageItem};
use super::request::{FunctionTool, Input, ResponsesRequest, TextConfig, TextFormat};
use crate::chat::{
    ChatMessage, ChatRequest, FunctionCall, FunctionDefinition, FunctionName, JsonSchemaFormat, MessageRole,
    NamedToolChoice, ResponseFormat, StreamOptions, Tool, ToolCall, ToolChoice, ToolChoiceMode,
};
use crate::content::{Content, ContentPart};
use crate::translation::TranslationError;

const INCLUDE_LOGPROBS: &str = "message.output_text.logprobs";

/// Says in a chat request what `request` asks for, after what was said in `history` (the input and the output
/// of each earlier response, oldest first; not their instructions).
///
/// # Errors
/// [`TranslationError`] names the first field that cannot be honoured.
pub fn to_chat(request: &ResponsesRequest, history: &[Item]) -> Result<ChatRequest, TranslationError> {
    if let Some(name) = named(&request.extra) {
        return Err(TranslationError::unsupported_parameter(name));
    }
    refuse_options(request)?;
    let (tools, tool_choice) = tools(request)?;
    let include_logprobs = include_logprobs(request)?;
    Ok(ChatRequest {
        model: request.model.clone(),
        messages: messages(request, history)?,
        max_completion_tokens: request.max_output_tokens,
        temperature: request.temperature,
        top_p: request.top_p,
        logprobs: include_logprobs.then_some(true),
        top_logprobs: request.top_logprobs,
        parallel_tool_calls: if tools.is_some() { request.parallel_tool_calls } else { None },
        tools,
        tool_choice,
        response_format: request.text.as_ref().map(response_format).transpose()?.flatten(),
        reasoning_effort: request.reasoning.as_ref().and_then(|r| r.effort.clone()),
        stream: request.stream,
        // The last event tells the counts, whether or not the client would have asked a chat for them.
        stream_options: request.is_stream().then(StreamOptions::with_usage),
        user: request.safety_identifier.clone().or_else(|| request.user.clone()),
        metadata: request.metadata.clone(),
        service_tier: request.service_tier.clone(),
        ..ChatRequest::default()
    })
}

/// The first field that says something. A null says nothing, and some clients write them.
fn named(extra: &Map<String, Value>) -> Option<&str> {
    extra.iter().find(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str())
}

fn refuse_options(request: &ResponsesRequest) -> Result<(), TranslationError> {
    if let Some(truncation) = request.truncation.as_deref().filter(|t| *t != "disabled") {
        return Err(TranslationError::unsupported_value("truncation", truncation, "`disabled`"));
    }
    for (name, value) in request.stream_options.iter().flatten() {
        let is_honoured = value.is_null() || (name == "include_obfuscation" && *value == Value::Bool(false));
        if !is_honoured {
            return Err(TranslationError::unsupported_parameter(format!("stream_options.{name}")));
        }
    }
    if let Some(reasoning) = &request.reasoning {
        if reasoning.summary.is_some() {
            return Err(TranslationError::unsupported_parameter("reasoning.summary"));
        }
        if let Some(name) = named(&reasoning.extra) {
            return Err(TranslationError::unsupported_parameter(format!("reasoning.{name}")));
        }
    }
    Ok(())
}

fn include_logprobs(request: &ResponsesRequest) -> Result<bool, TranslationError> {
    for (i, include) in request.include.iter().flatten().enumerate() {
        if include != INCLUDE_LOGPROBS {
            let param = format!("include[{i}]");
            return Err(TranslationError::unsupported_value(
                param,
                include,
                "`message.output_text.logprobs`",
            ));
        }
    }
    Ok(request.include.as_ref().is_some_and(|i| !i.is_empty()) || request.top_logprobs.is_some())
}

fn response_format(text: &TextConfig) -> Result<Option<ResponseFormat>, TranslationError> {
    if let Some(name) = named(&text.extra) {
        return Err(TranslationError::unsupported_parameter(format!("text.{name}")));
    }
    Ok(text.format.as_ref().map(|format| match format {
        TextFormat::Text => ResponseFormat::Text,
        TextFormat::JsonObject => ResponseFormat::JsonObject,
        TextFormat::JsonSchema { name, description, schema, strict } => ResponseFormat::JsonSchema {
            json_schema: JsonSchemaFormat {
                name: name.clone(),
                description: description.clone(),
                schema: Some(schema.clone()),
                strict: *strict,
            },
        },
    }))
}

type Tools = (Option<Vec<Tool>>, Option<ToolChoice>);

fn tools(request: &ResponsesRequest) -> Result<Tools, TranslationError> {
    let given = request.tools.as_deref().unwrap_or_default();
    let mut tools = given
        .iter()
        .enumerate()
        .map(|(i, tool)| function(tool, i))
        .collect::<Result<Vec<_>, TranslationError>>()?;
    let choice = match &request.tool_choice {
        None | Some(Value::Null) => None,
        Some(choice) => Some(tool_choice(choice, &mut tools)?),
    };
    Ok((if tools.is_empty() { None } else { Some(tools) }, choice))
}

fn function(tool: &FunctionTool, i: usize) -> Result<Tool, TranslationError> {
    if tool.kind != "function" {
        return Err(TranslationError::unsupported_value(
            format!("tools[{i}].type"),
            &tool.kind,
            "`function`",
        ));
    }
    if let Some(name) = named(&tool.extra) {
        return Err(TranslationError::unsupported_parameter(format!("tools[{i}].{name}")));
    }
    let name = tool.name.clone().ok_or_else(|| TranslationError::missing(format!("tools[{i}].name")))?;
    Ok(Tool {
        kind: "function".to_owned(),
        function: Some(FunctionDefinition {
            name,
            description: tool.description.clone(),
            parameters: tool.parameters.clone(),
            strict: tool.strict,
        }),
        extra: Map::new(),
    })
}

/// Reads `tool_choice`; where it allows some of the tools only, the others are left out of `tools`.
fn tool_choice(choice: &Value, tools: &mut Vec<Tool>) -> Result<ToolChoice, TranslationError> {
    let supported = "`none`, `auto`, `required`, a function, or `allowed_tools`";
    if let Value::String(mode) = choice {
        return match mode.as_str() {
            "none" => Ok(ToolChoice::Mode(ToolChoiceMode::None)),
            "auto" => Ok(ToolChoice::Mode(ToolChoiceMode::Auto)),
            "required" => Ok(ToolChoice::Mode(ToolChoiceMode::Required)),
            other => Err(TranslationError::unsupported_value("tool_choice", other, supported)),
        };
    }
    let has = |tools: &[Tool], name: &str| {
        tools.iter().any(|t| t.function.as_ref().is_some_and(|f| f.name == name))
    };
    match choice.get("type").and_then(Value::as_str) {
        Some("function") => {
            let name =
                choice["name"].as_str().ok_or_else(|| TranslationError::missing("tool_choice.name"))?;
            if !has(tools, name) {
                return Err(TranslationError::invalid("tool_choice.name", "no such function is in `tools`"));
            }
            let function = FunctionName { name: name.to_owned() };
            Ok(ToolChoice::Function(NamedToolChoice { kind: "function".to_owned(), function }))
        }
        Some("allowed_tools") => {
            let mode = match choice["mode"].as_str() {
                Some("auto") => ToolChoiceMode::Auto,
                Some("required") => ToolChoiceMode::Required,
                other => {
                    let other = other.unwrap_or("null");
                    let supported = "`auto` or `required`";
                    return Err(TranslationError::unsupported_value("tool_choice.mode", other, supported));
                }
            };
            let mut allowed = HashSet::new();
            for (i, tool) in choice["tools"].as_array().into_iter().flatten().enumerate() {
                match tool["name"].as_str() {
                    Some(name) if tool["type"] == "function" && has(tools, name) => allowed.insert(name),
                    _ => {
                        let param = format!("tool_choice.tools[{i}]");
                        return Err(TranslationError::invalid(param, "no such function is in `tools`"));
                    }
                };
            }
            tools.retain(|t| t.function.as_ref().is_some_and(|f| allowed.contains(f.name.as_str())));
            Ok(ToolChoice::Mode(mode))
        }
        other => {
            Err(TranslationError::unsupported_value("tool_choice.type", other.unwrap_or("null"), supported))
        }
    }
}

fn messages(request: &ResponsesRequest, history: &[Item]) -> Result<Vec<ChatMessage>, TranslationError> {
    let mut builder = Conversation::default();
    if let Some(instructions) = &request.instructions {
        builder.messages.push(ChatMessage::text(MessageRole::System, instructions.as_str()));
    }
    for item in history {
        // What was accepted once is accepted again; the name is for a store that holds what it should not.
        builder.push(item, "previous_response_id")?;
    }
    match &request.input {
        Some(Input::Text(text)) => builder.messages.push(ChatMessage::text(MessageRole::User, text.as_str())),
        Some(Input::Items(items)) => {
            for (i, item) in items.iter().enumerate() {
                builder.push(item, &format!("input[{i}]"))?;
            }
        }
        None if history.is_empty() => return Err(TranslationError::missing("input")),
        None => {}
    }
    if builder.messages.is_empty() {
        return Err(TranslationError::invalid("input", "must not be empty"));
    }
    Ok(builder.messages)
}

/// Messages so far, and thinking that belongs to the assistant's next message.
#[derive(Default)]
struct Conversation {
    messages: Vec<ChatMessage>,
    thinking: Option<String>,
    call_ids: HashSet<String>,
}

impl Conversation {
    fn push(&mut self, item: &Item, param: &str) -> Result<(), TranslationError> {
        match item {
            Item::Message(item) => self.message(item, param)?,
            Item::FunctionCall(item) => {
                if let Some(name) = named(&item.extra) {
                    return Err(TranslationError::unsupported_parameter(format!("{param}.{name}")));
                }
                self.call_ids.insert(item.call_id.clone());
                let call = ToolCall {
                    id: item.call_id.clone(),
                    kind: "function".to_owned(),
                    function: FunctionCall { name: item.name.clone(), arguments: item.arguments.clone() },
                };
                self.assistant_for_call().tool_calls.get_or_insert_default().push(call);
            }
            Item::FunctionCallOutput(item) => {
                if !self.call_ids.contains(&item.call_id) {
                    let why = "no function call with this id comes before its output";
                    return Err(TranslationError::invalid(format!("{param}.call_id"), why));
                }
                self.messages.push(ChatMessage {
                    role: MessageRole::Tool,
                    content: Some(content(&item.output, &format!("{param}.output"))?),
                    tool_call_id: Some(item.call_id.clone()),
                    ..ChatMessage::default()
                });
            }
            Item::Reasoning(item) => {
                let text = item.text();
                if !text.is_empty() {
                    self.thinking = Some(text);
                }
            }
            Item::Other(fields) => {
                let kind = fields.get("type").and_then(Value::as_str).unwrap_or("item_reference");
                let supported = "`message`, `function_call`, `function_call_output`, `reasoning`";
                return Err(TranslationError::unsupported_value(format!("{param}.type"), kind, supported));
            }
        }
        Ok(())
    }

    fn message(&mut self, item: &MessageItem, param: &str) -> Result<(), TranslationError> {
        // `phase` tells commentary from answer; both are what the assistant said.
        if let Some((name, _)) = item.extra.iter().find(|(name, v)| *name != "phase" && !v.is_null()) {
            return Err(TranslationError::unsupported_parameter(format!("{param}.{name}")));
        }
        let mut message = ChatMessage { role: item.role, ..ChatMessage::default() };
        let said = content(&item.content, &format!("{param}.content"))?;
        match item.role {
            MessageRole::Assistant => {
                message.content = said.as_text().map(|text| Content::Text(text.into_owned()));
                message.reasoning_content = self.thinking.take();
            }
            MessageRole::Tool => {
                let supported = "`user`, `assistant`, `system`, `developer`";
                return Err(TranslationError::unsupported_value(format!("{param}.role"), "tool", supported));
            }
            MessageRole::System | MessageRole::Developer | MessageRole::User => message.content = Some(said),
        }
        self.messages.push(message);
        Ok(())
    }

    /// The assistant's message that a call belongs to: the one before, or a new one.
    fn assistant_for_call(&mut self) -> &mut ChatMessage {
        let goes_on = self.thinking.is_none()
            && self.messages.last().is_some_and(|message| message.role == MessageRole::Assistant);
        if !goes_on {
            let reasoning_content = self.thinking.take();
            let role = MessageRole::Assistant;
            self.messages.push(ChatMessage { role, reasoning_content, ..ChatMessage::default() });
        }
        let last = self.messages.len() - 1;
        &mut self.messages[last]
    }
}

fn content(content: &ItemContent, param: &str) -> Result<Content, TranslationError> {
    let parts = match content {
        ItemContent::Text(text) => return Ok(Content::Text(text.clone())),
        ItemContent::Parts(parts) => parts,
    };
    let mut texts = Vec::with_capacity(parts.len());
    for (i, part) in parts.iter().enumerate() {
        match part {
            ItemPart::InputText { text }
            | ItemPart::OutputText { text, .. }
            | ItemPart::Refusal { refusal: text } => {
                texts.push(text.clone());
            }
            ItemPart::Other(fields) => {
                let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
                let param = format!("{param}[{i}].type");
                return Err(TranslationError::unsupported_value(param, kind, "`input_text`, `output_text`"));
            }
        }
    }
    Ok(if texts.len() == 1 {
        Content::Text(texts.swap_remove(0))
    } else {
        Content::Parts(texts.into_iter().map(|text| ContentPart::Text { text }).collect())
    })
}
