//! The model's own chat template, in Jinja as Python's Transformers understand it.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value as JinjaValue};
use minijinja::{Environment, Error, ErrorKind};
use serde_json::{Map, Value};

const NAME: &str = "chat";
/// Stands between two parts of a control token's text that a client wrote.
const SEAMS: [char; 3] = ['\u{F8FF}', '\u{F8FE}', '\u{F8FD}'];

/// A compiled chat template.
#[derive(Debug)]
pub(crate) struct Template {
    environment: Environment<'static>,
    bos: String,
    eos: String,
    /// It writes tools by itself.
    pub(crate) knows_tools: bool,
    /// It writes tool calls between `<tool_call>` and `</tool_call>`.
    pub(crate) hermes_tools: bool,
    /// It writes them behind `[TOOL_CALLS]`.
    pub(crate) mistral_tools: bool,
    /// It writes them as Llama does.
    pub(crate) llama_tools: bool,
    /// It knows thinking between `<think>` and `</think>`.
    pub(crate) thinks: bool,
    /// It can be told whether to think.
    pub(crate) enable_thinking: bool,
    /// It can be told how much to think.
    pub(crate) reasoning_effort: bool,
    /// It knows the role `developer`.
    pub(crate) knows_developer: bool,
}

/// What a template wrote, with seams where a client's text would have become a control token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    text: String,
    seam: char,
}

impl Rendered {
    /// Parts that are tokenised one by one.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &str> {
        self.text.split(self.seam)
    }

    /// How long it is.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl Template {
    /// Compiles a template.
    pub(crate) fn new(text: &str, bos: String, eos: String) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_filter("tojson", to_json);
        environment.add_template_owned(NAME, text.to_owned())?;
        Ok(Self {
            environment,
            bos,
            eos,
            knows_tools: text.contains("tools"),
            hermes_tools: text.contains("<tool_call>"),
            mistral_tools: text.contains("[TOOL_CALLS]"),
            llama_tools: text.contains("<|python_tag|>"),
            thinks: text.contains("<think>"),
            enable_thinking: text.contains("enable_thinking"),
            reasoning_effort: text.contains("reasoning_effort"),
            knows_developer: text.contains("developer"),
        })
    }

    /// Writes the prompt. `day` is what `strftime_now` works from: seconds since 1970 UTC.
    ///
    /// # Errors
    /// The template's own, such as that roles must alternate.
    pub(crate) fn render(
        &self,
        mut messages: Vec<Value>,
        tools: Option<Value>,
        extra: Map<String, Value>,
        controls: &[String],
        seconds: i64,
    ) -> Result<Rendered, Error> {
        let seam = SEAMS
            .into_iter()
            .find(|seam| !messages.iter().any(|message| contains(message, *seam)))
            .unwrap_or(SEAMS[0]);
        for message in &mut messages {
            defuse(message, controls, seam);
        }
        let mut context = extra;
        context.insert("messages".to_owned(), Value::Array(messages));
        if let Some(tools) = tools {
            context.insert("tools".to_owned(), tools);
        }
        context.insert("add_generation_prompt".to_owned(), Value::Bool(true));
        context.insert("bos_token".to_owned(), Value::String(self.bos.clone()));
        context.insert("eos_token".to_owned(), Value::String(self.eos.clone()));
        let now = JinjaValue::from_function(move |format: String| strftime(&format, seconds));
        let context = JinjaValue::from(Serde(&context));
        let text = self
            .environment
            .get_template(NAME)?
            .render(minijinja::context! { strftime_now => now, ..context })?;
        Ok(Rendered { text, seam })
    }
}

fn contains(value: &Value, seam: char) -> bool {
    match value {
        Value::String(text) => text.contains(seam),
        Value::Array(items) => items.iter().any(|item| contains(item, seam)),
        Value::Object(fields) => fields.values().any(|field| contains(field, seam)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Puts a seam into each control token's text within a client's words, so that it stays text.
fn defuse(value: &mut Value, controls: &[String], seam: char) {
    match value {
        Value::String(text) => {
            for control in controls {
                if text.contains(control.as_str()) {
                    let head = control.chars().next().map_or(0, char::len_utf8);
                    let broken = format!("{}{seam}{}", &control[..head], &control[head..]);
                    *text = text.replace(control.as_str(), &broken);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| defuse(item, controls, seam)),
        Value::Object(fields) => fields.values_mut().for_each(|field| defuse(field, controls, seam)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of a filter")]
fn to_json(value: &JinjaValue, options: Kwargs) -> Result<JinjaValue, Error> {
    let indent: Option<usize> = options.get("indent")?;
    // Transformers accept these; the first is what we do, the others hardly occur.
    let _: Option<bool> = options.get("ensure_ascii")?;
    let _: Option<JinjaValue> = options.get("separators")?;
    let _: Option<bool> = options.get("sort_keys")?;
    options.assert_all_used()?;
    let value = serde_json::to_value(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    let mut text = String::new();
    python_json(&value, indent, 0, &mut text);
    Ok(JinjaValue::from_safe_string(text))
}

/// JSON as Python's `json.dumps(ensure_ascii=False)` writes it.
pub(crate) fn python_json(value: &Value, indent: Option<usize>, depth: usize, out: &mut String) {
    let line = |out: &mut String, depth: usize| {
        if let Some(indent) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    };
    let comma = if indent.is_some() { "," } else { ", " };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(comma);
                }
                line(out, depth + 1);
                python_json(item, indent, depth + 1, out);
            }
            line(out, depth);
            out.push(']');
        }
        Value::Object(fields) if !fields.is_empty() => {
            out.push('{');
            for (index, (name, field)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push_str(comma);
                }
                line(out, depth + 1);
                out.push_str(&Value::String(name.clone()).to_string());
                out.push_str(": ");
                python_json(field, indent, depth + 1, out);
            }
            line(out, depth);
            out.push('}');
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            out.push_str(&value.to_string());
        }
    }
}

/// Python's `strftime` for the codes that templates use.
fn strftime(format: &str, seconds: i64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to date: Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let name = |names: &[&'static str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
    };
    let (month_name, day_name) = (name(&MONTHS, month - 1), name(&DAYS, days.rem_euclid(7)));
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut code = letters.next();
        let plain = code == Some('-');
        if plain {
            code = letters.next();
        }
        let two = |number: i64| if plain { number.to_string() } else { format!("{number:02}") };
        match code {
            Some('Y') => out.push_str(&year.to_string()),
            Some('y') => out.push_str(&two(year.rem_euclid(100))),
            Some('m') => out.push_str(&two(month)),
            Some('d') => out.push_str(&two(day)),
            Some('B') => out.push_str(month_name),
            Some('b') => out.push_str(month_name.get(..3).unwrap_or_default()),
            Some('A') => out.push_str(day_name),
            Some('a') => out.push_str(day_name.get(..3).unwrap_or_default()),
            Some('H') => out.push_str(&two(rest / 3600)),
            Some('M') => out.push_str(&two(rest / 60 % 60)),
            Some('S') => out.push_str(&two(rest % 60)),
            Some('%') | None => out.push('%'),
            Some(other) => {
                out.push('%');
                out.push(other);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(template: &str, messages: Value, controls: &[&str]) -> Result<Rendered, Error> {
        let Value::Array(messages) = messages else { panic!("messages are a list") };
        let controls: Vec<String> = controls.iter().map(|c| (*c).to_owned()).collect();
        Template::new(template, "<s>".to_owned(), "</s>".to_owned())?.render(
            messages,
            Some(json!([{"name": "f", "é": [1, true, null]}])),
            Map::new(),
            &controls,
            1_795_000_000,
        )
    }

    #[test]
    fn python_habits_of_templates_work() {
        let text = "{{ bos_token }}{% for m in messages %}\n{{ m['content'].strip().split(' ')[0] }}{% endfor %}\n{{ tools | tojson }}{{ strftime_now('%d %b %Y %H:%M') }}";
        let rendered = render(text, json!([{"content": " one two "}]), &[]).unwrap();
        assert_eq!(rendered.text(), "<s>one[{\"name\": \"f\", \"é\": [1, true, null]}]18 Nov 2026 11:06");
    }

    #[test]
    fn a_template_can_refuse() {
        let error = render("{{ raise_exception('roles must alternate') }}", json!([]), &[]).unwrap_err();
        assert!(error.to_string().contains("roles must alternate"));
    }

    #[test]
    fn control_tokens_in_a_clients_text_are_cut_in_two() {
        let rendered = render(
            "<|im_end|>{{ messages[0].content }}",
            json!([{"content": "a<|im_end|>b"}]),
            &["<|im_end|>"],
        )
        .unwrap();
        assert_eq!(rendered.segments().collect::<Vec<_>>(), ["<|im_end|>a<", "|im_end|>b"]);
    }

    #[test]
    fn indented_json_is_as_in_python() {
        let mut text = String::new();
        python_json(&json!({"a": [1, {}], "b": []}), Some(2), 0, &mut text);
        assert_eq!(text, "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
    }

    #[test]
    fn dates_are_right_around_leap_days() {
        assert_eq!(strftime("%A %-d %B %Y", 951_782_400), "Tuesday 29 February 2000");
        assert_eq!(strftime("%Y-%m-%d %H:%M:%S %a %%", 0), "1970-01-01 00:00:00 Thu %");
    }
}
