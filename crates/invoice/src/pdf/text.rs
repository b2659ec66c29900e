//! Text in points: which font has a character, how wide it is, and where a line may break.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::MetadataProvider;
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;

use crate::fonts::Fonts;

/// Sets text in the fonts of a document.
pub(crate) struct Typesetter<'a> {
    faces: Vec<Face<'a>>,
}

struct Face<'a> {
    characters: Charmap<'a>,
    metrics: GlyphMetrics<'a>,
    units_per_em: f32,
    font: Font,
}

/// A piece of a line in one font.
pub(crate) struct Run<'a> {
    /// Its font.
    pub(crate) font: &'a Font,
    /// Its characters.
    pub(crate) text: String,
    /// Their glyphs, one each.
    pub(crate) glyphs: Vec<KrillaGlyph>,
    /// How wide it is, as a multiple of the size.
    pub(crate) width: f32,
}

impl<'a> Typesetter<'a> {
    /// Nothing when a font cannot be read, though it could when it was found.
    pub(crate) fn new(fonts: &'a Fonts) -> Option<Self> {
        let faces = fonts.faces().iter().map(|face| {
            let tables = face.font()?;
            let font = Font::new(face.data.clone().into(), face.index)?;
            Some(Face {
                characters: tables.charmap(),
                metrics: tables.glyph_metrics(Size::unscaled(), LocationRef::default()),
                units_per_em: font.units_per_em(),
                font,
            })
        });
        Some(Self { faces: faces.collect::<Option<_>>()? })
    }

    /// One line of text. Each character is set in the first font that has it, and in the first font's sign for
    /// what is missing when none does.
    pub(crate) fn runs(&self, text: &str) -> Vec<Run<'_>> {
        let mut runs: Vec<(usize, Run<'_>)> = Vec::new();
        for character in text.chars() {
            let (face, glyph, advance) = self.glyph(character);
            if runs.last().is_none_or(|(last, _)| *last != face) {
                let font = &self.faces[face].font;
                runs.push((face, Run { font, text: String::new(), glyphs: Vec::new(), width: 0.0 }));
            }
            if let Some((_, run)) = runs.last_mut() {
                let start = run.text.len();
                run.text.push(character);
                let range = start..run.text.len();
                run.glyphs.push(KrillaGlyph::new(GlyphId::new(glyph), advance, 0.0, 0.0, 0.0, range, None));
                run.width += advance;
            }
        }
        runs.into_iter().map(|(_, run)| run).collect()
    }

    /// How wide a line is at `size`, in points.
    pub(crate) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|character| self.glyph(character).2).sum::<f32>() * size
    }

    /// Breaks `text` into at most `most` lines that are not wider than `width` points at `size`. What does not fit is
    /// left out and the last line ends in an ellipsis. No text is no line.
    pub(crate) fn wrap(&self, text: &str, size: f32, width: f32, most: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let clean: String = paragraph.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            self.wrap_paragraph(clean.trim(), size, width, most, &mut lines);
        }
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                while !last.is_empty() && self.width(last, size) + self.width("…", size) > width {
                    last.pop();
                }
                last.push('…');
            }
        }
        lines
    }

    /// Adds the lines of a text without line breaks; stops soon after `most`, so that no text costs more than it shows.
    fn wrap_paragraph(&self, text: &str, size: f32, width: f32, most: usize, lines: &mut Vec<String>) {
        let mut line = String::new();
        let mut taken = 0.0;
        let mut rest = text;
        while !rest.is_empty() && lines.len() <= most {
            let piece = first_piece(rest);
            rest = &rest[piece.len()..];
            let visible = self.width(piece.trim_end(), size);
            if taken + visible > width && !line.is_empty() {
                lines.push(line.trim_end().to_owned());
                line.clear();
                taken = 0.0;
            }
            if visible > width {
                // A word that is wider than a line breaks wherever it must.
                for character in piece.chars() {
                    let advance = self.glyph(character).2 * size;
                    if taken + advance > width && !line.is_empty() {
                        lines.push(std::mem::take(&mut line));
                        taken = 0.0;
                        if lines.len() > most {
                            return;
                        }
                    }
                    line.push(character);
                    taken += advance;
                }
            } else {
                line.push_str(piece);
                taken += self.width(piece, size);
            }
        }
        if !line.trim_end().is_empty() {
            lines.push(line.trim_end().to_owned());
        }
    }

    /// The index of the font, the glyph in it and its advance as a multiple of the size.
    fn glyph(&self, character: char) -> (usize, u32, f32) {
        let found = self.faces.iter().enumerate().find_map(|(index, face)| {
            let glyph = face.characters.map(character)?;
            Some((index, glyph))
        });
        let (index, glyph) = found.unwrap_or((0, skrifa::GlyphId::NOTDEF));
        let face = &self.faces[index];
        (index, glyph.to_u32(), face.metrics.advance_width(glyph).unwrap_or_default() / face.units_per_em)
    }
}

/// The beginning of `text` up to the first place where a line may break: behind a space, behind the signs that join
/// the parts of a name, and around every Chinese character, but neither before a closing sign nor behind an opening one.
fn first_piece(text: &str) -> &str {
    const CLOSING: &str = "，。、：；！？）》」』】〉”’…·,.:;!?)]}%";
    const OPENING: &str = "（《「『【〈“‘([{";
    let mut characters = text.char_indices().peekable();
    while let (Some((start, a)), Some((at, b))) = (characters.next(), characters.peek().copied()) {
        let behind = a == ' ' && b != ' ' || start > 0 && matches!(a, '-' | '/' | '_') && b.is_alphanumeric();
        let between = (is_wide(a) || is_wide(b)) && b != ' ';
        if behind || between && !CLOSING.contains(b) && !OPENING.contains(a) {
            return &text[..at];
        }
    }
    text
}

/// Whether lines may break around it as they do in Chinese.
fn is_wide(character: char) -> bool {
    matches!(u32::from(character),
        0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE4F | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6 | 0x2_0000..=0x3_FFFD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(mut text: &str) -> Vec<&str> {
        let mut pieces = Vec::new();
        while !text.is_empty() {
            let piece = first_piece(text);
            pieces.push(piece);
            text = &text[piece.len()..];
        }
        pieces
    }

    #[test]
    fn lines_break_at_words_and_joints_and_around_chinese() {
        assert_eq!(pieces("one two"), ["one ", "two"]);
        assert_eq!(pieces("qwen2.5-instruct"), ["qwen2.5-", "instruct"]);
        assert_eq!(pieces("-1.5"), ["-1.5"]);
        assert_eq!(pieces("杭州（云）有限。"), ["杭", "州", "（云）", "有", "限。"]);
        assert_eq!(pieces("用GPU算"), ["用", "GPU", "算"]);
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        let fonts = Fonts::find(&[]).unwrap();
        let set = Typesetter::new(&fonts).unwrap();
        let lines = set.wrap(&"公司".repeat(100), 10.0, 100.0, 3);
        assert_eq!(lines.len(), 3);
        assert!(lines[2].ends_with('…'), "{lines:?}");
        assert!(set.wrap("", 10.0, 100.0, 3).is_empty());
        assert_eq!(set.wrap("a\nb", 10.0, 100.0, 3), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_may_be_and_nothing_is_lost(text in "[a-zA-Z0-9 ,./_-]{0,60}|[公司杭州，。a-z ]{0,60}") {
            let fonts = Fonts::find(&[]).unwrap();
            let set = Typesetter::new(&fonts).unwrap();
            let lines = set.wrap(&text, 8.0, 60.0, 1000);
            for line in &lines {
                prop_assert!(set.width(line, 8.0) <= 60.01, "{line}");
            }
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
