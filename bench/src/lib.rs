//! What the two sides of the rig share: reading HTTP/1.1 messages as quickly as a benchmark needs.
//!
//! Both sides are written by hand, because a rig that costs as much as what it measures measures itself. They
//! know `Content-Length` and chunked bodies, keep-alive, and nothing else.

use anyhow::{Context, bail};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A connection's input, with what was read beyond the last message.
#[derive(Debug)]
pub struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
}

/// The head of a message, and how its body is framed.
#[derive(Debug, Clone)]
pub struct Head {
    /// The request line or status line.
    pub line: String,
    /// The length, when it is told.
    pub content_length: Option<usize>,
    /// Whether the body comes in chunks.
    pub chunked: bool,
}

impl<R: AsyncRead + Unpin> Input<R> {
    /// Reads messages from `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::with_capacity(64 * 1024) }
    }

    async fn more(&mut self) -> anyhow::Result<bool> {
        Ok(self.reader.read_buf(&mut self.buffer).await? > 0)
    }

    /// Reads a head; nothing at a clean end of the connection.
    ///
    /// # Errors
    /// When the connection breaks or the head is no HTTP.
    pub async fn head(&mut self) -> anyhow::Result<Option<Head>> {
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at;
            }
            if !self.more().await? {
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                bail!("the connection ended inside a head");
            }
        };
        let text = std::str::from_utf8(&self.buffer[..end]).context("head is not UTF-8")?;
        let mut lines = text.split("\r\n");
        let mut head =
            Head { line: lines.next().unwrap_or_default().to_owned(), content_length: None, chunked: false };
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                head.content_length = Some(value.trim().parse().context("content-length")?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                head.chunked = value.trim().eq_ignore_ascii_case("chunked");
            }
        }
        self.buffer.drain(..end + 4);
        Ok(Some(head))
    }

    /// Reads a body, giving each piece to `piece` as it comes. Returns its length in bytes.
    ///
    /// # Errors
    /// When the connection breaks or the framing is wrong.
    pub async fn body(&mut self, head: &Head, mut piece: impl FnMut(&[u8])) -> anyhow::Result<usize> {
        if head.chunked {
            return self.chunked_body(piece).await;
        }
        let length = head.content_length.unwrap_or(0);
        let mut left = length;
        while left > 0 {
            if self.buffer.is_empty() && !self.more().await? {
                bail!("the connection ended inside a body");
            }
            let take = left.min(self.buffer.len());
            piece(&self.buffer[..take]);
            self.buffer.drain(..take);
            left -= take;
        }
        Ok(length)
    }

    async fn chunked_body(&mut self, mut piece: impl FnMut(&[u8])) -> anyhow::Result<usize> {
        let mut total = 0;
        loop {
            let end = loop {
                if let Some(at) = find(&self.buffer, b"\r\n") {
                    break at;
                }
                if !self.more().await? {
                    bail!("the connection ended inside a chunked body");
                }
            };
            let size = std::str::from_utf8(&self.buffer[..end])?.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).context("size of a chunk")?;
            self.buffer.drain(..end + 2);
            while self.buffer.len() < size + 2 {
                if !self.more().await? {
                    bail!("the connection ended inside a chunk");
                }
            }
            if size == 0 {
                self.buffer.drain(..2);
                return Ok(total);
            }
            piece(&self.buffer[..size]);
            self.buffer.drain(..size + 2);
            total += size;
        }
    }
}

/// Where `needle` begins in `haystack`.
pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
