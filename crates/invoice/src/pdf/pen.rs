//! Drawing on a page: text, rules and bands, in points from the upper left corner.

use krilla::color::luma;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::num::NormalizedF32;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;

use super::text::Typesetter;

/// How text looks.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    /// Points.
    pub(crate) size: f32,
    /// Whether it is heavier. Chinese fonts rarely come with a bold one, so its outline is drawn with a line.
    pub(crate) bold: bool,
    /// From 0, black, to 255, white.
    pub(crate) grey: u8,
}

impl Style {
    /// From the top of one line to that of the next, in points.
    pub(crate) fn line_height(self) -> f32 {
        self.size * 1.32
    }
}

/// Draws on one page.
pub(crate) struct Pen<'p, 's> {
    /// The page.
    pub(crate) surface: &'p mut Surface<'s>,
    /// Its fonts.
    pub(crate) typesetter: &'p Typesetter<'p>,
}

impl Pen<'_, '_> {
    /// Draws a line of text with its upper left corner at `x`, `y`.
    pub(crate) fn left(&mut self, x: f32, y: f32, text: &str, style: Style) {
        self.surface.set_fill(Some(ink(style.grey)));
        self.surface.set_stroke(style.bold.then(|| Stroke {
            paint: luma::Color::new(style.grey).into(),
            width: style.size * 0.025,
            ..Stroke::default()
        }));
        let mut x = x;
        let baseline = y + style.size * 0.95;
        for run in self.typesetter.runs(text) {
            let start = Point::from_xy(x, baseline);
            self.surface.draw_glyphs(start, &run.glyphs, run.font.clone(), &run.text, style.size, false);
            x += run.width * style.size;
        }
        self.surface.set_stroke(None);
    }

    /// Draws lines of text below each other, and gives the height below the last.
    pub(crate) fn paragraph(&mut self, x: f32, y: f32, lines: &[String], style: Style) -> f32 {
        let mut y = y;
        for line in lines {
            self.left(x, y, line, style);
            y += style.line_height();
        }
        y
    }

    /// Draws a line of text that ends at `right`. One wider than `width` is drawn smaller: a number is never cut
    /// and never broken.
    pub(crate) fn right(&mut self, right: f32, y: f32, width: f32, text: &str, style: Style) {
        let natural = self.typesetter.width(text, style.size);
        let size = if natural > width { style.size * width / natural } else { style.size };
        // On the same base line as its neighbours.
        let y = y + (style.size - size) * 0.95;
        self.left(right - natural.min(width), y, text, Style { size, ..style });
    }

    /// Draws a horizontal line.
    pub(crate) fn rule(&mut self, left: f32, right: f32, y: f32, weight: f32, grey: u8) {
        self.band(left, y - weight / 2.0, right, y + weight / 2.0, grey);
    }

    /// Fills a rectangle.
    pub(crate) fn band(&mut self, left: f32, top: f32, right: f32, bottom: f32, grey: u8) {
        let mut path = PathBuilder::new();
        if let Some(rect) = Rect::from_ltrb(left, top, right, bottom) {
            path.push_rect(rect);
        }
        if let Some(path) = path.finish() {
            self.surface.set_stroke(None);
            self.surface.set_fill(Some(ink(grey)));
            self.surface.draw_path(&path);
        }
    }
}

fn ink(grey: u8) -> Fill {
    Fill { paint: luma::Color::new(grey).into(), opacity: NormalizedF32::ONE, ..Fill::default() }
}
