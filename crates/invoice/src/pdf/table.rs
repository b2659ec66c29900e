//! The table of lines.

use std::ops::Range;

use super::pen::{Pen, Style};
use super::text::Typesetter;
use super::{BLACK, GREY, LEFT, RIGHT};
use crate::minor::{print_minor, write_percent};
use crate::words::Words;
use tenfold_billing::invoice::Totals;
use tenfold_billing::invoice::{Line, Statement};

/// The head of the table, in points.
pub(crate) const HEAD_HEIGHT: f32 = 19.0;

/// Above and below the text of a row, in points.
const PADDING: f32 = 2.0;
/// Between columns, in points.
const GAP: f32 = 6.0;

const TEXT: Style = Style { size: 8.0, bold: false, grey: BLACK };
const HEAD: Style = Style { size: 7.5, bold: true, grey: BLACK };
const TAG: Style = Style { size: 6.5, bold: false, grey: GREY };

/// A column: its left and right edge in points, the gap not in it.
#[derive(Clone, Copy)]
struct Column {
    left: f32,
    right: f32,
}

impl Column {
    /// From `left` points behind the margin to `right`, less the gap.
    const fn new(left: f32, right: f32) -> Self {
        Self { left: LEFT + left, right: LEFT + right - GAP }
    }

    fn width(self) -> f32 {
        self.right - self.left
    }
}

const PROJECT: Column = Column::new(0.0, 66.0);
const MODEL: Column = Column::new(66.0, 168.0);
const DESCRIPTION: Column = Column::new(168.0, 278.0);
const QUANTITY: Column = Column::new(278.0, 341.0);
const UNIT: Column = Column::new(341.0, 379.0);
const UNIT_PRICE: Column = Column::new(379.0, 428.0);
const TAX: Column = Column::new(428.0, 456.0);
const AMOUNT: Column = Column { left: LEFT + 456.0, right: RIGHT };

/// The lines of a document and how to print them.
pub(crate) struct Table<'a> {
    statement: &'a Statement,
    totals: &'a Totals,
    words: &'a Words,
    typesetter: &'a Typesetter<'a>,
}

/// The texts of a row, broken into lines.
struct Row {
    project: Vec<String>,
    model: Vec<String>,
    description: Vec<String>,
    tags: Vec<String>,
    unit: Vec<String>,
    unit_price: Vec<String>,
}

impl Row {
    fn height(&self) -> f32 {
        let lines = |lines: &Vec<String>, style: Style| {
            // A cell has few lines.
            f32::from(u16::try_from(lines.len()).unwrap_or(u16::MAX)) * style.line_height()
        };
        [
            lines(&self.project, TEXT),
            lines(&self.model, TEXT),
            lines(&self.description, TEXT) + lines(&self.tags, TAG),
            lines(&self.unit, TEXT),
            lines(&self.unit_price, TEXT),
        ]
        .into_iter()
        .fold(TEXT.line_height(), f32::max)
            + 2.0 * PADDING
    }
}

impl<'a> Table<'a> {
    /// The table of `statement`.
    pub(crate) fn new(
        statement: &'a Statement,
        totals: &'a Totals,
        words: &'a Words,
        typesetter: &'a Typesetter<'a>,
    ) -> Self {
        Self { statement, totals, words, typesetter }
    }

    /// How high each row is, in points.
    pub(crate) fn heights(&self) -> Vec<f32> {
        self.statement.lines.iter().map(|line| self.row(line).height()).collect()
    }

    /// Draws the head and `rows` from `y` on, and gives where the table ends.
    pub(crate) fn draw(&self, pen: &mut Pen<'_, '_>, rows: Range<usize>, y: f32) -> f32 {
        self.draw_head(pen, y);
        let mut y = y + HEAD_HEIGHT;
        for (line, rounded) in self.statement.lines[rows.clone()].iter().zip(&self.totals.lines[rows]) {
            let row = self.row(line);
            let top = y + PADDING;
            pen.paragraph(PROJECT.left, top, &row.project, TEXT);
            pen.paragraph(MODEL.left, top, &row.model, TEXT);
            let below = pen.paragraph(DESCRIPTION.left, top, &row.description, TEXT);
            pen.paragraph(DESCRIPTION.left, below, &row.tags, TAG);
            right(pen, QUANTITY, top, &print_minor(i128::from(line.quantity), 0));
            pen.paragraph(UNIT.left, top, &row.unit, TEXT);
            for (price, index) in row.unit_price.iter().zip(0_u8..) {
                right(pen, UNIT_PRICE, top + f32::from(index) * TEXT.line_height(), price);
            }
            right(pen, TAX, top, &format!("{}%", write_percent(line.tax_rate)));
            right(pen, AMOUNT, top, &print_minor(*rounded, self.totals.digits));
            y += row.height();
            pen.rule(LEFT, RIGHT, y, 0.35, 215);
        }
        y
    }

    fn draw_head(&self, pen: &mut Pen<'_, '_>, y: f32) {
        let words = self.words;
        let top = y + 3.0;
        pen.left(PROJECT.left, top, words.project, HEAD);
        pen.left(MODEL.left, top, words.model, HEAD);
        pen.left(DESCRIPTION.left, top, words.description, HEAD);
        pen.right(QUANTITY.right, top, QUANTITY.width(), words.quantity, HEAD);
        pen.right(UNIT_PRICE.right, top, UNIT_PRICE.width(), words.unit_price, HEAD);
        pen.right(TAX.right, top, TAX.width(), words.tax, HEAD);
        let amount = words.amount_in(self.totals.currency.code());
        pen.right(AMOUNT.right, top, AMOUNT.width(), &amount, HEAD);
        pen.rule(LEFT, RIGHT, y + HEAD_HEIGHT - 2.0, 0.8, BLACK);
    }

    /// Breaks the texts of a line. They are so few lines each that any row fits on a page.
    fn row(&self, line: &Line) -> Row {
        let cell =
            |text: &str, column: Column, most| self.typesetter.wrap(text, TEXT.size, column.width(), most);
        let scheme = self.words.scheme(line.scheme);
        let description = match line.description.as_str() {
            "" => scheme.to_owned(),
            text => format!("{scheme}{}{text}", self.words.colon),
        };
        let tags: Vec<String> = line.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Row {
            project: cell(line.project.as_deref().unwrap_or_default(), PROJECT, 6),
            model: cell(line.model.as_deref().unwrap_or_default(), MODEL, 6),
            description: cell(&description, DESCRIPTION, 8),
            tags: self.typesetter.wrap(&tags.join("  "), TAG.size, DESCRIPTION.width(), 4),
            unit: cell(&line.unit, UNIT, 3),
            unit_price: cell(line.unit_price.as_deref().unwrap_or_default(), UNIT_PRICE, 3),
        }
    }
}

fn right(pen: &mut Pen<'_, '_>, column: Column, y: f32, text: &str) {
    pen.right(column.right, y, column.width(), text, TEXT);
}
