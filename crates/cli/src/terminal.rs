//! Where input comes from and output goes.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};

/// Where input comes from and output goes: the process's own streams, or those of a test.
pub struct Terminal {
    /// Results.
    pub out: Box<dyn Write + Send>,
    /// Everything else: progress, notes, failures.
    pub err: Box<dyn Write + Send>,
    /// What is typed or piped in.
    pub input: Box<dyn BufRead + Send>,
    /// Whether a person types.
    pub interactive: bool,
    /// Whether progress bars can be drawn on standard error.
    pub bars: bool,
    /// How wide tables may be; as wide as they need when nobody looks.
    pub width: Option<u16>,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal")
            .field("interactive", &self.interactive)
            .field("bars", &self.bars)
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

impl Terminal {
    /// The process's own streams.
    pub fn of_process() -> Self {
        let width = io::stdout()
            .is_terminal()
            .then(|| rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| size.ws_col.max(40)));
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            input: Box::new(BufReader::new(io::stdin())),
            interactive: io::stdin().is_terminal() && io::stdout().is_terminal(),
            bars: io::stderr().is_terminal(),
            width,
        }
    }

    /// Prints a line of the result.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Prints a piece of the result at once.
    pub(crate) fn piece(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Prints a line that is not part of the result.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.err, "{text}")
    }

    /// Prints JSON for programs.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> io::Result<()> {
        writeln!(self.out, "{value:#}")
    }
}

/// What came from elsewhere, without what would move a terminal's cursor or set its title.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
