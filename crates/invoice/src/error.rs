//! What can go wrong with an invoice.

use std::borrow::Cow;
use std::path::PathBuf;

use tenfold_kernel::{BoxError, Classify, ErrorKind};

/// An error of invoices.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvoiceError {
    /// Sums that no integer of 128 bits can hold.
    #[error("the amounts of `{number}` do not add up to a number that can be written")]
    Overflow {
        /// The document.
        number: String,
    },
    /// A time zone that nobody knows.
    #[error("`{zone}` is not a time zone, such as Asia/Shanghai")]
    UnknownTimeZone {
        /// Its name.
        zone: String,
    },
    /// A time beyond the year 9999 or before the year -9999.
    #[error("{millis} milliseconds since 1970 is not a date")]
    NoDate {
        /// The time.
        millis: i64,
    },
    /// A document that is too long to print.
    #[error("`{number}` has {lines} lines, and a PDF has at most {limit}: take the CSV")]
    TooManyLines {
        /// The document.
        number: String,
        /// How many lines it has.
        lines: usize,
        /// The most that are printed.
        limit: usize,
    },
    /// No font with Chinese characters.
    #[error(
        "no font with Chinese characters was found: install one, such as with `apt-get install fonts-wqy-zenhei` \
         or `apt-get install fonts-noto-cjk`, or name a font file in the configuration"
    )]
    NoFont,
    /// A font file that was named and cannot be used.
    #[error("`{}` cannot be used as a font", path.display())]
    Font {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// Writing failed, though everything that is written to is memory.
    #[error("`{number}` could not be written as {format}")]
    Write {
        /// The document.
        number: String,
        /// `PDF`, `CSV` or `JSON`.
        format: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
}

impl Classify for InvoiceError {
    fn param(&self) -> Option<Cow<'_, str>> {
        // Too long to print is what the format is at fault for.
        matches!(self, Self::TooManyLines { .. }).then_some(Cow::Borrowed("format"))
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownTimeZone { .. } | Self::TooManyLines { .. } => ErrorKind::InvalidRequest,
            // The operator can mend it, and the invoice can be had as CSV meanwhile.
            Self::NoFont => ErrorKind::Unavailable,
            Self::Overflow { .. } | Self::NoDate { .. } | Self::Font { .. } | Self::Write { .. } => {
                ErrorKind::Internal
            }
        }
    }
}
