//! Server-sent events: writing them, and reading them from bytes that arrive in any pieces.
//!
//! Source: WHATWG HTML, section 9.2 "Server-sent events".

use serde::Serialize;

/// One event as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; absent for the default kind.
    pub name: Option<String>,
    /// The `data` lines, joined by line feeds.
    pub data: String,
}

/// An event that is larger than the reader allows, or bytes that are no UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// The event did not end within the limit.
    #[error("an event of the stream is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// A line was no UTF-8.
    #[error("the stream is not UTF-8")]
    NotUtf8,
}

/// What ends an OpenAI stream.
pub const DONE: &str = "[DONE]";

/// Appends an event without a name that carries `value` as JSON.
///
/// # Errors
/// What serde reports; our wire types always serialise.
pub fn write_json(out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), serde_json::Error> {
    out.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut *out, value)?;
    out.extend_from_slice(b"\n\n");
    Ok(())
}

/// Appends an event called `name` that carries `value` as JSON.
///
/// # Errors
/// What serde reports; our wire types always serialise.
pub fn write_named_json(
    out: &mut Vec<u8>,
    name: &str,
    value: &impl Serialize,
) -> Result<(), serde_json::Error> {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    write_json(out, value)
}

/// Appends the end of an OpenAI stream.
pub fn write_done(out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: [DONE]\n\n");
}

/// Reads events from bytes. Memory is bounded by the limit given to [`Reader::new`].
#[derive(Debug)]
pub struct Reader {
    limit_bytes: usize,
    buffer: Vec<u8>,
    /// Where in `buffer` the search for the end of a line goes on.
    scanned: usize,
    name: Option<String>,
    data: Option<String>,
    at_start: bool,
    skip_lf: bool,
}

impl Reader {
    /// A reader that refuses events of more than `limit_bytes`.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            buffer: Vec::new(),
            scanned: 0,
            name: None,
            data: None,
            at_start: true,
            skip_lf: false,
        }
    }

    /// Takes more bytes and appends the events that they complete to `events`.
    ///
    /// # Errors
    /// [`SseError`]; the reader is of no use after that.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), SseError> {
        self.buffer.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(found) = self.buffer[self.scanned..].iter().position(|b| matches!(b, b'\n' | b'\r')) {
            let end = self.scanned + found;
            let is_cr = self.buffer[end] == b'\r';
            // A line feed right after a carriage return belongs to the same line end.
            if !(self.skip_lf && found == 0 && self.scanned == start && !is_cr) {
                let line = std::str::from_utf8(&self.buffer[start..end]).map_err(|_| SseError::NotUtf8)?;
                let line = if std::mem::take(&mut self.at_start) {
                    line.trim_start_matches('\u{feff}')
                } else {
                    line
                };
                Self::line(line, &mut self.name, &mut self.data, events);
            }
            self.skip_lf = is_cr;
            start = end + 1;
            self.scanned = start;
        }
        if self.scanned < self.buffer.len() {
            self.skip_lf = false;
        }
        self.buffer.drain(..start);
        self.scanned = self.buffer.len();
        if self.buffer.len() + self.data.as_ref().map_or(0, String::len) > self.limit_bytes {
            return Err(SseError::TooLarge { limit_bytes: self.limit_bytes });
        }
        Ok(())
    }

    fn line(line: &str, name: &mut Option<String>, data: &mut Option<String>, events: &mut Vec<Event>) {
        if line.is_empty() {
            let name = name.take();
            if let Some(data) = data.take() {
                events.push(Event { name, data });
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => *name = Some(value.to_owned()),
            "data" => match data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => *data = Some(value.to_owned()),
            },
            // Comments (an empty field name), `id` and `retry` say nothing to us.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_in_pieces(bytes: &[u8], size: usize) -> Vec<Event> {
        let mut reader = Reader::new(1 << 20);
        let mut events = Vec::new();
        for piece in bytes.chunks(size) {
            reader.push(piece, &mut events).unwrap();
        }
        events
    }

    #[test]
    fn events_are_read_with_every_kind_of_line_end_and_in_any_pieces() {
        let text = "\u{feff}: hello\r\nevent: a\r\ndata: 1\r\ndata:2\r\n\r\ndata\n\ndata: {\"x\": \"é\"}\r\rretry: 5\nid\n\nevent: lost\n\n";
        let expected = vec![
            Event { name: Some("a".into()), data: "1\n2".into() },
            Event { name: None, data: String::new() },
            Event { name: None, data: "{\"x\": \"é\"}".into() },
        ];
        for size in 1..=text.len() {
            assert_eq!(read_in_pieces(text.as_bytes(), size), expected, "pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut reader = Reader::new(100);
        let mut events = Vec::new();
        let result = (0..100).try_for_each(|_| reader.push(b"data: aaaaaaaaaaaaaaaa\n", &mut events));
        assert_eq!(result, Err(SseError::TooLarge { limit_bytes: 100 }));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..400), size in 1_usize..50) {
            let whole = { let mut r = Reader::new(1 << 20); let mut e = Vec::new(); (r.push(&bytes, &mut e).is_ok(), e) };
            let pieces = { let mut r = Reader::new(1 << 20); let mut e = Vec::new(); (bytes.chunks(size).try_for_each(|c| r.push(c, &mut e)).is_ok(), e) };
            prop_assert_eq!(whole, pieces);
        }
    }
}
