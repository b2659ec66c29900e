//! What an upstream's error means to us.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;
use tenfold_engine::EngineError;
use tenfold_kernel::Timestamp;

use crate::error::UpstreamError;

/// A message is shown to our client; more than this helps nobody.
const MESSAGE_LIMIT_CHARS: usize = 2000;

/// No upstream may keep us away for longer than this.
const RETRY_AFTER_LIMIT: Duration = Duration::from_hours(24);

/// What the body of an error said, in any of the forms that are about.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    message: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    code: Option<String>,
}

impl Said {
    fn tag(&self) -> Option<String> {
        self.code.clone().or_else(|| self.kind.clone())
    }

    fn is(&self, names: &[&str]) -> bool {
        [&self.code, &self.kind].into_iter().flatten().any(|tag| names.contains(&tag.as_str()))
    }

    fn rejected(self, otherwise: &str) -> EngineError {
        EngineError::Rejected {
            message: self.message.unwrap_or_else(|| otherwise.to_owned()),
            param: self.param,
            code: self.code,
        }
    }
}

/// The error of a response whose status is not success. Nothing of an answer was said.
pub(crate) fn from_status(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    after: Duration,
) -> EngineError {
    let said = read(body).unwrap_or_default();
    if let Some(message) = &said.message {
        // What an upstream writes may repeat a prompt: for those who ask for it only.
        tracing::trace!(status, message, "the upstream refused a call");
    }
    let source = || UpstreamError::Status { status, code: said.tag() }.into();
    match status {
        400 | 404 | 405 | 409 | 413 | 415 | 422 => {
            said.rejected("the upstream refused the request without a reason")
        }
        401 | 403 => EngineError::Credentials,
        408 => EngineError::Timeout { after },
        429 | 529 => EngineError::Overloaded { retry_after: retry_after(headers, now) },
        503 if said.is(&["overloaded"]) => EngineError::Overloaded { retry_after: retry_after(headers, now) },
        504 if said.is(&["timeout"]) => EngineError::Timeout { after },
        502 if said.is(&["model_failed", "model_interrupted"]) => EngineError::Failed { source: source() },
        502..=504 => EngineError::Unavailable { source: source() },
        _ => EngineError::Failed { source: source() },
    }
}

/// The error in an event or a body, if it is one. `has_spoken`: whether part of the answer went before it.
pub(crate) fn from_event(data: &[u8], has_spoken: bool, after: Duration) -> Option<EngineError> {
    let said = read(data)?;
    let source = || UpstreamError::Event { code: said.tag() }.into();
    Some(if said.is(&["context_length_exceeded", "invalid_request_error", "BadRequestError"]) {
        said.rejected("the upstream refused the request without a reason")
    } else if said.is(&["timeout"]) {
        EngineError::Timeout { after }
    } else if !has_spoken
        && said.is(&["overloaded", "overloaded_error", "rate_limit_error", "rate_limit_exceeded"])
    {
        EngineError::Overloaded { retry_after: None }
    } else if !said.is(&["model_unavailable", "model_interrupted"]) {
        EngineError::Failed { source: source() }
    } else if has_spoken {
        EngineError::Interrupted { source: source() }
    } else {
        EngineError::Unavailable { source: source() }
    })
}

/// Reads `{"error": {..}}`, `{"error": ".."}`, `{"object": "error", ..}`, and `{"detail": ..}`.
fn read(body: &[u8]) -> Option<Said> {
    #[derive(Deserialize)]
    struct Body {
        error: Option<Value>,
        object: Option<Value>,
        detail: Option<Value>,
        #[serde(flatten)]
        fields: serde_json::Map<String, Value>,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    match (body.error, body.detail) {
        (Some(Value::Object(error)), _) => Some(fields(&error)),
        (Some(error), _) if !error.is_null() => Some(Said { message: text(&error), ..Said::default() }),
        (_, Some(detail)) => Some(Said { message: text(&detail), ..Said::default() }),
        _ if body.object == Some("error".into()) => Some(fields(&body.fields)),
        _ => None,
    }
}

fn fields(error: &serde_json::Map<String, Value>) -> Said {
    let get = |name: &str| error.get(name).and_then(text);
    Said { message: get("message"), kind: get("type"), param: get("param"), code: get("code") }
}

fn text(value: &Value) -> Option<String> {
    let cut = |text: &str| Some(text.chars().take(MESSAGE_LIMIT_CHARS).collect());
    match value {
        Value::Null => None,
        Value::String(text) => cut(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => cut(&value.to_string()),
    }
}

/// `retry-after-ms`, or `retry-after` in seconds or as a date. A date is held against the server's own clock.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let after = if let Some(ms) = get("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        Duration::try_from_secs_f64(ms / 1000.0).ok()
    } else {
        let text = get(RETRY_AFTER.as_str())?;
        match text.parse::<f64>() {
            Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
            Err(_) => date(text).map(|then| {
                let ours = std::time::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
                let theirs = get(DATE.as_str()).and_then(date).unwrap_or(ours);
                then.duration_since(theirs).unwrap_or_default()
            }),
        }
    };
    after.map(|after| after.min(RETRY_AFTER_LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn refuse(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> EngineError {
        let headers =
            headers.iter().map(|(n, v)| (n.parse().unwrap(), HeaderValue::from_static(v))).collect();
        // Sat, 01 Jan 2022 00:00:00 GMT.
        from_status(
            status,
            &headers,
            body.as_bytes(),
            Timestamp::from_secs(1_640_995_200),
            Duration::from_secs(9),
        )
    }

    #[test]
    fn every_form_of_an_error_body_is_read() {
        for (body, message, param, code) in [
            (r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#, "m", Some("p"), Some("c")),
            (r#"{"error":{"message":"m","type":"t","param":null,"code":400}}"#, "m", None, Some("400")),
            (r#"{"error":"m"}"#, "m", None, None),
            (
                r#"{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}"#,
                "m",
                None,
                Some("400"),
            ),
            (r#"{"detail":"m"}"#, "m", None, None),
            (r#"{"detail":[{"loc":["body"]}]}"#, r#"[{"loc":["body"]}]"#, None, None),
            ("<html>", "the upstream refused the request without a reason", None, None),
        ] {
            let refused = refuse(400, &[], body);
            let EngineError::Rejected { message: m, param: p, code: c } = &refused else {
                panic!("{refused:?}")
            };
            assert_eq!((m.as_str(), p.as_deref(), c.as_deref()), (message, param, code), "{body}");
        }
    }

    #[test]
    fn a_long_message_is_cut() {
        let body = format!(r#"{{"error":"{}"}}"#, "é".repeat(5000));
        assert_eq!(refuse(422, &[], &body).to_string().chars().count(), MESSAGE_LIMIT_CHARS);
    }

    #[test]
    fn each_status_has_its_meaning() {
        assert!(matches!(refuse(401, &[], ""), EngineError::Credentials));
        assert!(matches!(refuse(403, &[], ""), EngineError::Credentials));
        assert!(matches!(refuse(404, &[], ""), EngineError::Rejected { .. }));
        assert!(matches!(refuse(500, &[], ""), EngineError::Failed { .. }));
        assert!(matches!(refuse(302, &[], ""), EngineError::Failed { .. }));
        assert!(matches!(refuse(502, &[], ""), EngineError::Unavailable { .. }));
        assert!(matches!(refuse(503, &[], ""), EngineError::Unavailable { .. }));
        let failed = r#"{"error":{"message":"m","type":"server_error","code":"model_failed"}}"#;
        assert!(matches!(refuse(502, &[], failed), EngineError::Failed { .. }));
        assert!(matches!(refuse(529, &[], ""), EngineError::Overloaded { retry_after: None }));
    }

    #[test]
    fn every_form_of_retry_after_is_read() {
        for (headers, expected_ms) in [
            (vec![("retry-after", "7")], Some(7000)),
            (vec![("retry-after", "0.5")], Some(500)),
            (vec![("retry-after-ms", "250"), ("retry-after", "7")], Some(250)),
            (vec![("retry-after", "Sat, 01 Jan 2022 00:00:30 GMT")], Some(30_000)),
            (
                vec![
                    ("retry-after", "Sat, 01 Jan 2022 00:00:30 GMT"),
                    ("date", "Sat, 01 Jan 2022 00:00:20 GMT"),
                ],
                Some(10_000),
            ),
            (vec![("retry-after", "Fri, 31 Dec 2021 00:00:00 GMT")], Some(0)),
            (vec![("retry-after", "-3")], None),
            (vec![("retry-after", "soon")], None),
            (vec![("retry-after", "1e300")], None),
            (vec![("retry-after", "9999999")], Some(86_400_000)),
            (vec![], None),
        ] {
            let refused = refuse(429, &headers, "");
            let EngineError::Overloaded { retry_after } = refused else { panic!("{refused:?}") };
            assert_eq!(retry_after, expected_ms.map(Duration::from_millis), "{headers:?}");
        }
    }

    #[test]
    fn an_event_is_an_error_only_if_it_says_so() {
        let after = Duration::from_secs(9);
        assert!(from_event(br#"{"id":"x","choices":[]}"#, false, after).is_none());
        assert!(from_event(b"garbage", false, after).is_none());
        let overloaded = br#"{"error":{"message":"m","type":"overloaded_error"}}"#;
        assert!(matches!(from_event(overloaded, false, after), Some(EngineError::Overloaded { .. })));
        assert!(matches!(from_event(overloaded, true, after), Some(EngineError::Failed { .. })));
        let gone = br#"{"error":{"message":"m","code":"model_unavailable"}}"#;
        assert!(matches!(from_event(gone, false, after), Some(EngineError::Unavailable { .. })));
        assert!(matches!(from_event(gone, true, after), Some(EngineError::Interrupted { .. })));
    }
}
