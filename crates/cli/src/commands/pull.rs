//! `pull`: brings a model's files to the platform.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Session;
use crate::args::PullArgs;
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::bytes;
use crate::terminal::{Terminal, printable};

#[derive(Debug, Deserialize)]
struct Event {
    stage: String,
    #[serde(default)]
    bytes_done: u64,
    #[serde(default)]
    bytes_total: u64,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    use_note: Option<String>,
}

pub(super) async fn run(args: &PullArgs, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let request = client
        .request(Method::POST, &["v1", "catalog", &args.id, "pull"], &[], Access::Admin)?
        .json(&json!({"stream": true}));
    let mut shown = Shown::new(terminal.bars && !json);
    let mut last: Option<Value> = None;
    let result = client
        .events(request, |value| {
            let event: Event = typed(value.clone())?;
            if !json {
                shown.show(terminal, &event)?;
            }
            last = Some(value);
            Ok(())
        })
        .await;
    shown.clear();
    result?;
    let last = last.unwrap_or_default();
    let end: Event = typed(last.clone())?;
    if end.stage != "installed" {
        return Err(Failure::Answer { reason: format!("the pull ended as `{}`", printable(&end.stage)) });
    }
    if json {
        terminal.json(&last)?;
        return Ok(());
    }
    let version = end.version.map(|v| format!(", version {}", printable(&v))).unwrap_or_default();
    terminal.line(&format!("{} is installed: {}{version}", args.id, bytes(end.bytes_total)))?;
    if let Some(note) = end.use_note {
        terminal.note(&format!("note: {}", printable(&note)))?;
    }
    Ok(())
}

/// How progress is shown: a bar to a person, lines to a log.
struct Shown {
    bar: Option<ProgressBar>,
    stage: String,
    tenth: u64,
}

impl Shown {
    fn new(bar: bool) -> Self {
        let bar = bar.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let template =
                "{msg:12} [{bar:30}] {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        Self { bar, stage: String::new(), tenth: 0 }
    }

    fn show(&mut self, terminal: &mut Terminal, event: &Event) -> Result<(), Failure> {
        if let Some(bar) = &self.bar {
            bar.set_message(printable(&event.stage));
            bar.set_length(event.bytes_total);
            bar.set_position(event.bytes_done);
            return Ok(());
        }
        let tenth = event.bytes_done.saturating_mul(10).checked_div(event.bytes_total).unwrap_or(0);
        if event.stage == "installed" || (event.stage == self.stage && tenth <= self.tenth) {
            return Ok(());
        }
        self.stage.clone_from(&event.stage);
        self.tenth = tenth;
        let line = format!(
            "{} {} of {}",
            printable(&event.stage),
            bytes(event.bytes_done),
            bytes(event.bytes_total)
        );
        Ok(terminal.note(&line)?)
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
