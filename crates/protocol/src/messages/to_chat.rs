//! From a request for a message to a chat request.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::request::{
    Block, BlockContent, CountTokensRequest, InputMessage, InputRole, MessageTool, MessageToolChoice,
    MessagesRequest, OutputConfig, Thinking, ToolResultBlock, ToolUseBlock,
};
use crate::chat::{
    ChatMessage, ChatRequest, FunctionCall, FunctionDefinition, FunctionName, JsonSchemaFormat, MessageRole,
    NamedToolChoice, ResponseFormat, StreamOptions, Tool, ToolCall, ToolChoice, ToolChoiceMode,
};
use crate::content::{Content, ContentPart, OneOrMany};
use crate::translation::TranslationError;

/// Says in a chat request what `request` asks for.
///
/// # Errors
/// [`TranslationError`] names the first field that cannot be honoured.
pub fn to_chat(request: &MessagesRequest) -> Result<ChatRequest, TranslationError> {
    if request.max_tokens == 0 {
        return Err(TranslationError::invalid("max_tokens", "must be at least 1"));
    }
    if let Some(thinking) = &request.thinking
        && thinking.budget_tokens.is_some_and(|budget| budget >= request.max_tokens)
    {
        return Err(TranslationError::invalid("thinking.budget_tokens", "must be less than `max_tokens`"));
    }
    if let Some(tier) = request.service_tier.as_deref().filter(|t| !matches!(*t, "auto" | "standard_only")) {
        return Err(TranslationError::unsupported_value("service_tier", tier, "`auto`, `standard_only`"));
    }
    let metadata = request.metadata.as_ref();
    if let Some(name) = metadata.and_then(|m| named(&m.extra)) {
        return Err(TranslationError::unsupported_parameter(format!("metadata.{name}")));
    }
    let chat = prompt(&Prompt {
        model: &request.model,
        messages: &request.messages,
        system: request.system.as_ref(),
        tools: request.tools.as_deref().unwrap_or_default(),
        tool_choice: request.tool_choice.as_ref(),
        thinking: request.thinking.as_ref(),
        output_config: request.output_config.as_ref(),
        extra: &request.extra,
    })?;
    Ok(ChatRequest {
        max_completion_tokens: Some(request.max_tokens),
        temperature: request.temperature,
        top_p: request.top_p,
        top_k: request.top_k,
        stop: request.stop_sequences.clone().filter(|s| !s.is_empty()).map(OneOrMany::Many),
        stream: request.stream,
        // The last events tell the counts, whether or not the client would have asked a chat for them.
        stream_options: request.is_stream().then(StreamOptions::with_usage),
        user: metadata.and_then(|m| m.user_id.clone()),
        ..chat
    })
}

/// Says in a chat request what the tokens of which are to be counted.
///
/// # Errors
/// As [`to_chat`].
pub fn count_to_chat(request: &CountTokensRequest) -> Result<ChatRequest, TranslationError> {
    prompt(&Prompt {
        model: &request.model,
        messages: &request.messages,
        system: request.system.as_ref(),
        tools: request.tools.as_deref().unwrap_or_default(),
        tool_choice: request.tool_choice.as_ref(),
        thinking: request.thinking.as_ref(),
        output_config: request.output_config.as_ref(),
        extra: &request.extra,
    })
}

/// What both requests have.
struct Prompt<'a> {
    model: &'a str,
    messages: &'a [InputMessage],
    system: Option<&'a BlockContent>,
    tools: &'a [MessageTool],
    tool_choice: Option<&'a MessageToolChoice>,
    thinking: Option<&'a Thinking>,
    output_config: Option<&'a OutputConfig>,
    extra: &'a Map<String, Value>,
}

/// The first field that says something. A null says nothing; `cache_control` is a hint that prefixes need not.
fn named(extra: &Map<String, Value>) -> Option<&str> {
    extra
        .iter()
        .find(|(name, value)| !value.is_null() && *name != "cache_control")
        .map(|(name, _)| name.as_str())
}

fn prompt(prompt: &Prompt<'_>) -> Result<ChatRequest, TranslationError> {
    if let Some(name) = named(prompt.extra) {
        return Err(TranslationError::unsupported_parameter(name));
    }
    let messages = messages(prompt)?;
    let tools = tools(prompt.tools)?;
    let (tool_choice, parallel_tool_calls) = match prompt.tool_choice {
        Some(choice) => tool_choice(choice, prompt.tools)?,
        None => (None, None),
    };
    let (response_format, effort) = match prompt.output_config {
        Some(config) => output_config(config)?,
        None => (None, None),
    };
    let thinking_effort = prompt.thinking.map(thinking).transpose()?.flatten();
    Ok(ChatRequest {
        model: prompt.model.to_owned(),
        messages,
        parallel_tool_calls: if tools.is_some() { parallel_tool_calls } else { None },
        tools,
        tool_choice,
        response_format,
        reasoning_effort: effort.or(thinking_effort),
        ..ChatRequest::default()
    })
}

/// How much to think, for a budget of tokens: the chat API has words for it rather than numbers.
fn thinking(thinking: &Thinking) -> Result<Option<String>, TranslationError> {
    if let Some((name, _)) = thinking.extra.iter().find(|(_, value)| !value.is_null()) {
        return Err(TranslationError::unsupported_parameter(format!("thinking.{name}")));
    }
    match thinking.kind.as_str() {
        "disabled" => Ok(Some("none".to_owned())),
        "adaptive" => Ok(None),
        "enabled" => {
            let effort = match thinking.budget_tokens {
                None => return Err(TranslationError::missing("thinking.budget_tokens")),
                Some(..=2048) => "low",
                Some(2049..=8192) => "medium",
                Some(8193..) => "high",
            };
            Ok(Some(effort.to_owned()))
        }
        other => {
            let supported = "`enabled`, `adaptive`, `disabled`";
            Err(TranslationError::unsupported_value("thinking.type", other, supported))
        }
    }
}

type Output = (Option<ResponseFormat>, Option<String>);

fn output_config(config: &OutputConfig) -> Result<Output, TranslationError> {
    if let Some(name) = named(&config.extra) {
        return Err(TranslationError::unsupported_parameter(format!("output_config.{name}")));
    }
    if let Some(effort) = config.effort.as_deref().filter(|e| !matches!(*e, "low" | "medium" | "high")) {
        let supported = "`low`, `medium`, `high`";
        return Err(TranslationError::unsupported_value("output_config.effort", effort, supported));
    }
    let format = match &config.format {
        None => None,
        Some(format) if format.kind == "json_schema" => Some(ResponseFormat::JsonSchema {
            json_schema: JsonSchemaFormat {
                name: "output".to_owned(),
                description: None,
                schema: Some(format.schema.clone()),
                strict: Some(true),
            },
        }),
        Some(format) => {
            let param = "output_config.format.type";
            return Err(TranslationError::unsupported_value(param, &format.kind, "`json_schema`"));
        }
    };
    Ok((format, config.effort.clone()))
}

fn tools(given: &[MessageTool]) -> Result<Option<Vec<Tool>>, TranslationError> {
    let mut tools = Vec::with_capacity(given.len());
    for (i, tool) in given.iter().enumerate() {
        if let Some(kind) = tool.kind.as_deref().filter(|kind| *kind != "custom") {
            return Err(TranslationError::unsupported_value(format!("tools[{i}].type"), kind, "`custom`"));
        }
        if let Some(name) = named(&tool.extra) {
            return Err(TranslationError::unsupported_parameter(format!("tools[{i}].{name}")));
        }
        let parameters = tool.input_schema.clone();
        if parameters.is_none() {
            return Err(TranslationError::missing(format!("tools[{i}].input_schema")));
        }
        tools.push(Tool {
            kind: "function".to_owned(),
            function: Some(FunctionDefinition {
                name: tool.name.clone(),
                description: tool.description.clone(),
                parameters,
                strict: tool.strict,
            }),
            extra: Map::new(),
        });
    }
    Ok(if tools.is_empty() { None } else { Some(tools) })
}

type Choice = (Option<ToolChoice>, Option<bool>);

fn tool_choice(choice: &MessageToolChoice, tools: &[MessageTool]) -> Result<Choice, TranslationError> {
    let tool_choice = match choice.kind.as_str() {
        "auto" => ToolChoice::Mode(ToolChoiceMode::Auto),
        "any" => ToolChoice::Mode(ToolChoiceMode::Required),
        "none" => ToolChoice::Mode(ToolChoiceMode::None),
        "tool" => {
            let name = choice.name.clone().ok_or_else(|| TranslationError::missing("tool_choice.name"))?;
            if !tools.iter().any(|tool| tool.name == name) {
                return Err(TranslationError::invalid("tool_choice.name", "no such tool is in `tools`"));
            }
            ToolChoice::Function(NamedToolChoice {
                kind: "function".to_owned(),
                function: FunctionName { name },
            })
        }
        other => {
            let supported = "`auto`, `any`, `tool`, `none`";
            return Err(TranslationError::unsupported_value("tool_choice.type", other, supported));
        }
    };
    Ok((Some(tool_choice), choice.disable_parallel_tool_use.map(|is_disabled| !is_disabled)))
}

fn messages(prompt: &Prompt<'_>) -> Result<Vec<ChatMessage>, TranslationError> {
    let mut chat = Vec::with_capacity(prompt.messages.len() + 1);
    if let Some(system) = prompt.system {
        let content = text_only(system, "system")?;
        chat.push(ChatMessage {
            role: MessageRole::System,
            content: Some(content),
            ..ChatMessage::default()
        });
    }
    match prompt.messages.last() {
        None => return Err(TranslationError::invalid("messages", "at least one message is required")),
        Some(last) if last.role == InputRole::Assistant => {
            let why = "the last message must not be the assistant's; beginning its answer is not supported";
            return Err(TranslationError::invalid("messages", why));
        }
        Some(_) => {}
    }
    let mut call_ids = HashSet::new();
    for (i, message) in prompt.messages.iter().enumerate() {
        let param = format!("messages[{i}]");
        if let Some(name) = named(&message.extra) {
            return Err(TranslationError::unsupported_parameter(format!("{param}.{name}")));
        }
        let param = format!("{param}.content");
        match message.role {
            InputRole::User => user(&message.content, &param, &call_ids, &mut chat)?,
            InputRole::Assistant => chat.push(assistant(&message.content, &param, &mut call_ids)?),
            InputRole::System => {
                let content = Some(text_only(&message.content, &param)?);
                chat.push(ChatMessage { role: MessageRole::System, content, ..ChatMessage::default() });
            }
        }
    }
    Ok(chat)
}

/// What the user says becomes one message; each result of a call becomes one of its own.
fn user(
    content: &BlockContent,
    param: &str,
    call_ids: &HashSet<&str>,
    chat: &mut Vec<ChatMessage>,
) -> Result<(), TranslationError> {
    let blocks = match content {
        BlockContent::Text(text) => {
            chat.push(ChatMessage::text(MessageRole::User, text.as_str()));
            return Ok(());
        }
        BlockContent::Blocks(blocks) => blocks,
    };
    let mut texts = Vec::new();
    for (i, block) in blocks.iter().enumerate() {
        let param = format!("{param}[{i}]");
        match block {
            Block::Text(block) => {
                refuse_extra(&block.extra, &param)?;
                texts.push(block.text.clone());
            }
            Block::ToolResult(block) => {
                refuse_extra(&block.extra, &param)?;
                if !call_ids.contains(block.tool_use_id.as_str()) {
                    let why = "no `tool_use` block with this id comes before its result";
                    return Err(TranslationError::invalid(format!("{param}.tool_use_id"), why));
                }
                flush(&mut texts, chat);
                chat.push(tool_result(block, &param)?);
            }
            Block::ToolUse(_) => return Err(wrong_kind(&param, "tool_use", "`text`, `tool_result`")),
            Block::Thinking(_) => return Err(wrong_kind(&param, "thinking", "`text`, `tool_result`")),
            Block::Other(fields) => return Err(wrong_kind(&param, kind(fields), "`text`, `tool_result`")),
        }
    }
    flush(&mut texts, chat);
    Ok(())
}

fn flush(texts: &mut Vec<String>, chat: &mut Vec<ChatMessage>) {
    if let Some(content) = content_of(std::mem::take(texts)) {
        chat.push(ChatMessage { role: MessageRole::User, content: Some(content), ..ChatMessage::default() });
    }
}

fn tool_result(block: &ToolResultBlock, param: &str) -> Result<ChatMessage, TranslationError> {
    let mut content = match &block.content {
        Some(content) => text_only(content, &format!("{param}.content"))?,
        None => Content::Text(String::new()),
    };
    if block.is_error == Some(true) {
        let text = content.as_text().unwrap_or_default();
        content = Content::Text(format!("Error: {text}"));
    }
    Ok(ChatMessage {
        role: MessageRole::Tool,
        content: Some(content),
        tool_call_id: Some(block.tool_use_id.clone()),
        ..ChatMessage::default()
    })
}

fn assistant<'a>(
    content: &'a BlockContent,
    param: &str,
    call_ids: &mut HashSet<&'a str>,
) -> Result<ChatMessage, TranslationError> {
    let blocks = match content {
        BlockContent::Text(text) => return Ok(ChatMessage::text(MessageRole::Assistant, text.as_str())),
        BlockContent::Blocks(blocks) => blocks,
    };
    let (mut text, mut thinking, mut calls) = (None::<String>, None::<String>, Vec::new());
    for (i, block) in blocks.iter().enumerate() {
        let param = format!("{param}[{i}]");
        match block {
            Block::Text(block) => {
                // Citations say where an answer comes from; they are no part of what the model reads.
                if let Some(name) = named(&block.extra).filter(|name| *name != "citations") {
                    return Err(TranslationError::unsupported_parameter(format!("{param}.{name}")));
                }
                text.get_or_insert_default().push_str(&block.text);
            }
            Block::Thinking(block) => thinking.get_or_insert_default().push_str(&block.thinking),
            Block::ToolUse(block) => {
                call_ids.insert(&block.id);
                calls.push(call(block));
            }
            Block::ToolResult(_) => {
                return Err(wrong_kind(&param, "tool_result", "`text`, `thinking`, `tool_use`"));
            }
            Block::Other(fields) => {
                return Err(wrong_kind(&param, kind(fields), "`text`, `thinking`, `tool_use`"));
            }
        }
    }
    Ok(ChatMessage {
        role: MessageRole::Assistant,
        content: text.map(Content::Text),
        reasoning_content: thinking,
        tool_calls: if calls.is_empty() { None } else { Some(calls) },
        ..ChatMessage::default()
    })
}

fn call(block: &ToolUseBlock) -> ToolCall {
    let arguments = Value::Object(block.input.clone()).to_string();
    ToolCall {
        id: block.id.clone(),
        kind: "function".to_owned(),
        function: FunctionCall { name: block.name.clone(), arguments },
    }
}

fn text_only(content: &BlockContent, param: &str) -> Result<Content, TranslationError> {
    let blocks = match content {
        BlockContent::Text(text) => return Ok(Content::Text(text.clone())),
        BlockContent::Blocks(blocks) => blocks,
    };
    let mut texts = Vec::with_capacity(blocks.len());
    for (i, block) in blocks.iter().enumerate() {
        let param = format!("{param}[{i}]");
        match block {
            Block::Text(block) => {
                refuse_extra(&block.extra, &param)?;
                texts.push(block.text.clone());
            }
            Block::ToolUse(_) => return Err(wrong_kind(&param, "tool_use", "`text`")),
            Block::ToolResult(_) => return Err(wrong_kind(&param, "tool_result", "`text`")),
            Block::Thinking(_) => return Err(wrong_kind(&param, "thinking", "`text`")),
            Block::Other(fields) => return Err(wrong_kind(&param, kind(fields), "`text`")),
        }
    }
    Ok(content_of(texts).unwrap_or_else(|| Content::Text(String::new())))
}

fn content_of(mut texts: Vec<String>) -> Option<Content> {
    match texts.len() {
        0 => None,
        1 => texts.pop().map(Content::Text),
        _ => Some(Content::Parts(texts.into_iter().map(|text| ContentPart::Text { text }).collect())),
    }
}

fn refuse_extra(extra: &Map<String, Value>, param: &str) -> Result<(), TranslationError> {
    match named(extra) {
        Some(name) => Err(TranslationError::unsupported_parameter(format!("{param}.{name}"))),
        None => Ok(()),
    }
}

fn kind(fields: &Map<String, Value>) -> &str {
    fields.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn wrong_kind(param: &str, kind: &str, supported: &str) -> TranslationError {
    TranslationError::unsupported_value(format!("{param}.type"), kind, supported)
}
