//! PDF, for people: A4, real text, Chinese and Latin on one page.
//!
//! Two passes: the first measures and finds where pages end, the second draws, so that each page knows how many
//! there are. Between them only the height of each line is kept.

// Points on paper are floats; amounts come here as integers and leave as text.
#![expect(clippy::float_arithmetic, reason = "points on paper, never money")]

mod blocks;
mod pen;
mod table;
mod text;

use std::ops::Range;

use jiff::civil::Date;
use krilla::Document;
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;

use crate::calendar::Calendar;
use crate::error::InvoiceError;
use crate::fonts::Fonts;
use crate::totals;
use crate::words::{Language, Words};
use tenfold_billing::invoice::Statement;

use blocks::Blocks;
use pen::{Pen, Style};
use table::Table;
use text::Typesetter;

/// The most lines that are printed. So many short ones are 209 pages, and took 0.3 s and 6 MB beside the font.
pub const MAX_LINES: usize = 10_000;

/// A4, in points of 1/72 inch.
const PAGE: (f32, f32) = (595.28, 841.89);
/// Where text begins and ends.
const LEFT: f32 = 42.0;
const RIGHT: f32 = PAGE.0 - LEFT;
const TOP: f32 = 42.0;
/// Below this is only the footer.
const BOTTOM: f32 = PAGE.1 - 50.0;

const BLACK: u8 = 20;
const GREY: u8 = 105;
const SMALL: Style = Style { size: 7.5, bold: false, grey: GREY };

/// Writes `statement` as a PDF: one page for some 25 lines, and for more as many as it takes, each with the head of the
/// table and its number. Texts that are far too long are cut with an ellipsis; amounts never are.
///
/// It computes for a millisecond or two a page: call it off the threads that serve.
///
/// # Errors
/// [`InvoiceError::TooManyLines`] above [`MAX_LINES`]; [`InvoiceError::UnknownTimeZone`], [`InvoiceError::NoDate`] and
/// [`InvoiceError::Overflow`] for a statement that cannot be; [`InvoiceError::Write`] for a font that cannot be
/// embedded.
pub fn to_pdf(statement: &Statement, fonts: &Fonts, language: Language) -> Result<Vec<u8>, InvoiceError> {
    let (number, lines) = (&statement.number, statement.lines.len());
    if lines > MAX_LINES {
        return Err(InvoiceError::TooManyLines { number: number.clone(), lines, limit: MAX_LINES });
    }
    let write = |source| InvoiceError::Write { number: number.clone(), format: "PDF", source };
    let totals = totals(statement)?;
    let calendar = Calendar::of(&statement.time_zone)?;
    let issued = calendar.day(statement.issued_at)?;
    let words = Words::of(language);
    let typesetter = Typesetter::new(fonts).ok_or_else(|| write("a font could not be read again".into()))?;

    let blocks = Blocks::new(statement, &totals, words, &typesetter, &calendar)?;
    let table = Table::new(statement, &totals, words, &typesetter);
    let pages = paginate(&table.heights(), blocks.head_height(), blocks.sums_height());

    let mut document = Document::new();
    document.set_metadata(metadata(statement, words, language, issued));
    for (index, rows) in pages.iter().enumerate() {
        let settings = PageSettings::from_wh(PAGE.0, PAGE.1).ok_or_else(|| write("no paper".into()))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        let mut pen = Pen { surface: &mut surface, typesetter: &typesetter };
        let y = if index == 0 { blocks.draw_head(&mut pen) } else { blocks.draw_running_head(&mut pen) };
        let y = if rows.is_empty() { y } else { table.draw(&mut pen, rows.clone(), y) };
        if index + 1 == pages.len() {
            blocks.draw_sums(&mut pen, y);
        }
        blocks.draw_foot(&mut pen, index + 1, pages.len());
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| write(error.to_string().into()))
}

/// Which rows are on which page, given how high each is and how high the head of the first page and the sums on the
/// last are. The sums are never torn apart, and never stand on a page without a row when there is one to take along.
fn paginate(heights: &[f32], head: f32, sums: f32) -> Vec<Range<usize>> {
    let mut pages = Vec::new();
    let (mut first, mut y) = (0, head + table::HEAD_HEIGHT);
    for (index, height) in heights.iter().enumerate() {
        if y + height > BOTTOM && index > first {
            pages.push(first..index);
            first = index;
            y = blocks::RUNNING_HEAD + table::HEAD_HEIGHT;
        }
        y += height;
    }
    if y + sums > BOTTOM {
        let last = if heights.len() > first + 1 { heights.len() - 1 } else { heights.len() };
        pages.push(first..last);
        first = last;
    }
    pages.push(first..heights.len());
    pages
}

/// What readers of files show beside the page. The only time in it is when the document was issued.
fn metadata(statement: &Statement, words: &Words, language: Language, issued: Date) -> Metadata {
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    Metadata::new()
        .title(format!("{} {}", words.title(&statement.kind), statement.number))
        .authors(vec![statement.issuer.party.name.clone()])
        .producer("Tenfold".to_owned())
        .language(language.tag().to_owned())
        .creation_date(
            DateTime::new(u16::try_from(issued.year()).unwrap_or(0))
                .month(part(issued.month()))
                .day(part(issued.day())),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_row_is_on_one_page_and_every_page_is_filled_to_its_end_at_most(
            heights in proptest::collection::vec(10.0_f32..80.0, 0..300), head in 100.0_f32..400.0, sums in 60.0_f32..300.0,
        ) {
            let pages = paginate(&heights, head, sums);
            let mut next = 0;
            for (index, rows) in pages.iter().enumerate() {
                prop_assert_eq!(rows.start, next);
                next = rows.end;
                let top = if index == 0 { head } else { blocks::RUNNING_HEAD };
                let last = if index + 1 == pages.len() { sums } else { 0.0 };
                let bottom = top + table::HEAD_HEIGHT + heights[rows.clone()].iter().sum::<f32>() + last;
                prop_assert!(bottom <= BOTTOM + 0.01, "{bottom} {index} {pages:?}");
            }
            prop_assert_eq!(next, heights.len());
        }
    }
}
