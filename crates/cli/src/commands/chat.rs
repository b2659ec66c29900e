//! `run`: a chat in the terminal, or one question.

use std::io::{BufRead, Read};

use reqwest::Method;
use serde_json::{Value, json};

use super::Session;
use crate::args::RunArgs;
use crate::client::{Access, Client};
use crate::failure::Failure;
use crate::terminal::{Terminal, printable};

/// The longest prompt that is read from standard input.
const INPUT_BYTES: u64 = 16 << 20;

pub(super) async fn run(args: &RunArgs, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let piped = if args.prompt.is_none() && !terminal.interactive { Some(read_all(terminal)?) } else { None };
    if let Some(prompt) = args.prompt.clone().or(piped) {
        if prompt.trim().is_empty() {
            return Err(Failure::Usage {
                message: "there is nothing to ask: the prompt is empty".to_owned(),
            });
        }
        let mut messages = opening(args);
        messages.push(json!({"role": "user", "content": prompt}));
        if json {
            let request = request(&client, args, &messages, false)?;
            // A model may think for longer than other answers take, so there is no limit of time.
            let answer = client.send(request).await?.json().await;
            return Ok(terminal.json(&answer.map_err(|e| Failure::Answer { reason: e.to_string() })?)?);
        }
        answer(&client, terminal, args, &messages).await?;
        return Ok(());
    }
    if json {
        return Err(Failure::Usage { message: "--json needs a prompt".to_owned() });
    }
    chat(args, &client, terminal).await
}

async fn chat(args: &RunArgs, client: &Client, terminal: &mut Terminal) -> Result<(), Failure> {
    terminal.note("Ask away. /clear forgets what was said, /bye leaves.")?;
    let mut messages = opening(args);
    loop {
        terminal.piece(">>> ")?;
        let mut line = String::new();
        if terminal.input.by_ref().take(INPUT_BYTES).read_line(&mut line)? == 0 {
            terminal.line("")?;
            return Ok(());
        }
        match line.trim() {
            "" => {}
            "/bye" | "/exit" | "/quit" => return Ok(()),
            "/clear" => {
                messages = opening(args);
                terminal.note("Forgotten.")?;
            }
            "/help" | "/?" => terminal.note("/clear forgets what was said, /bye leaves.")?,
            command if command.starts_with('/') => {
                terminal.note(&format!("There is no {}. /help lists the commands.", printable(command)))?;
            }
            text => {
                messages.push(json!({"role": "user", "content": text}));
                match answer(client, terminal, args, &messages).await {
                    Ok(said) => messages.push(json!({"role": "assistant", "content": said})),
                    // The chat goes on: the question is taken back so that it can be asked again.
                    Err(failure @ Failure::Refused { status: 429 | 500.., .. }) => {
                        messages.pop();
                        failure.print(terminal, false);
                    }
                    Err(failure) => return Err(failure),
                }
            }
        }
    }
}

fn opening(args: &RunArgs) -> Vec<Value> {
    args.system.iter().map(|text| json!({"role": "system", "content": text})).collect()
}

fn request(
    client: &Client,
    args: &RunArgs,
    messages: &[Value],
    stream: bool,
) -> Result<reqwest::RequestBuilder, Failure> {
    let mut body = json!({"model": args.model, "messages": messages, "stream": stream});
    if let Some(temperature) = args.temperature {
        body["temperature"] = json!(temperature);
    }
    if let Some(most) = args.max_tokens {
        body["max_completion_tokens"] = json!(most);
    }
    Ok(client.request(Method::POST, &["v1", "chat", "completions"], &[], Access::Call)?.json(&body))
}

/// Prints the answer as it comes, and returns it.
async fn answer(
    client: &Client,
    terminal: &mut Terminal,
    args: &RunArgs,
    messages: &[Value],
) -> Result<String, Failure> {
    let request = request(client, args, messages, true)?;
    let mut said = String::new();
    let mut cut = false;
    let result = client
        .events(request, |chunk| {
            let choice = &chunk["choices"][0];
            cut |= choice["finish_reason"] == "length";
            if let Some(piece) = choice["delta"]["content"].as_str() {
                said.push_str(piece);
                terminal.piece(&printable(piece))?;
            }
            Ok(())
        })
        .await;
    if !said.is_empty() && !said.ends_with('\n') {
        terminal.line("")?;
    }
    result?;
    if cut {
        terminal.note("(cut at the most tokens of an answer)")?;
    }
    Ok(said)
}

fn read_all(terminal: &mut Terminal) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    terminal.input.by_ref().take(INPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > INPUT_BYTES {
        return Err(Failure::Usage { message: format!("standard input has more than {INPUT_BYTES} bytes") });
    }
    String::from_utf8(bytes).map_err(|_| Failure::Usage { message: "standard input is not UTF-8".to_owned() })
}
