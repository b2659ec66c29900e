//! Fonts: found on the machine, since one with Chinese characters is too large to ship.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use skrifa::string::StringId;
use skrifa::{FontRef, MetadataProvider};

use crate::error::InvoiceError;

/// Where Debian's packages put fonts with Chinese characters, the best first.
const CHINESE: [&str; 6] = [
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/truetype/droid/DroidSansFallback.ttf",
];

/// Fonts for letters, which Droid Sans Fallback lacks; the narrower first.
const LETTERS: [&str; 2] = [
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
];

/// A font that can draw these can draw a Chinese name.
const CHINESE_SAMPLE: &str = "公司税额合计。";

/// What every page has, in whichever of the fonts.
const LETTER_SAMPLE: &str = "Aa09.,:-%";

/// Fonts, in the order in which they are asked for a character. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Fonts {
    faces: Arc<[Face]>,
}

/// One font of a file.
pub(crate) struct Face {
    /// The file's bytes.
    pub(crate) data: Arc<Vec<u8>>,
    /// Which font of the file, for a file may be a collection.
    pub(crate) index: u32,
    path: PathBuf,
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Face").field("path", &self.path).field("index", &self.index).finish_non_exhaustive()
    }
}

impl Fonts {
    /// Reads the `configured` font files, TrueType or OpenType or collections of them, and if none of them has Chinese
    /// characters the first that Debian's packages have installed. Blocks on the disk for up to 20 MB: call it once.
    ///
    /// # Errors
    /// [`InvoiceError::Font`] for a configured file that cannot be read or is no font; [`InvoiceError::NoFont`], which
    /// names the packages to install, when no font with Chinese characters and letters is found.
    pub fn find(configured: &[PathBuf]) -> Result<Self, InvoiceError> {
        let mut faces = configured.iter().map(|path| Face::read(path)).collect::<Result<Vec<_>, _>>()?;
        // Of what nobody asked for, a file that cannot be read is as good as none.
        let usual = |paths: &[&str], sample: &str| {
            let mut found = paths.iter().filter_map(|path| Face::read(Path::new(path)).ok());
            found.find(|face| face.has(sample)).ok_or(InvoiceError::NoFont)
        };
        if !faces.iter().any(|face| face.has(CHINESE_SAMPLE)) {
            faces.push(usual(&CHINESE, CHINESE_SAMPLE)?);
        }
        if !faces.iter().any(|face| face.has(LETTER_SAMPLE)) {
            // Before the others, lest words are set in it and the spaces between them in another.
            faces.insert(0, usual(&LETTERS, LETTER_SAMPLE)?);
        }
        Ok(Self { faces: faces.into() })
    }

    /// The fonts, in the order in which they are asked.
    pub(crate) fn faces(&self) -> &[Face] {
        &self.faces
    }
}

impl Face {
    fn read(path: &Path) -> Result<Self, InvoiceError> {
        let fault = |source| InvoiceError::Font { path: path.to_owned(), source };
        let data = std::fs::read(path).map_err(|error| fault(error.into()))?;
        let index = choose(&data).map_err(|error| fault(error.into()))?;
        Ok(Self { data: Arc::new(data), index, path: path.to_owned() })
    }

    /// The font, for its tables.
    pub(crate) fn font(&self) -> Option<FontRef<'_>> {
        FontRef::from_index(&self.data, self.index).ok()
    }

    fn has(&self, sample: &str) -> bool {
        self.font().is_some_and(|font| has(&font, sample))
    }
}

/// Which font of a file to take: one with Chinese characters before one without, proportional before monospaced, and
/// with the forms of the mainland (`SC`) before those of Japan, which collections have first.
fn choose(data: &[u8]) -> Result<u32, skrifa::raw::ReadError> {
    let file = skrifa::raw::FileRef::new(data)?;
    let mut best = None;
    for (index, font) in (0_u32..).zip(file.fonts()) {
        let font = font?;
        let name = font.localized_strings(StringId::FAMILY_NAME).english_or_first();
        let name: String = name.map(|name| name.chars().collect()).unwrap_or_default();
        let rank = (!has(&font, CHINESE_SAMPLE), name.contains("Mono"), !name.ends_with(" SC"));
        if best.is_none_or(|(least, _)| rank < least) {
            best = Some((rank, index));
        }
    }
    best.map(|(_, index)| index).ok_or(skrifa::raw::ReadError::InvalidCollectionIndex(0))
}

fn has(font: &FontRef<'_>, sample: &str) -> bool {
    let characters = font.charmap();
    sample.chars().all(|c| characters.map(c).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_file_that_is_no_font_is_named() {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let error = Fonts::find(&[path]).unwrap_err();
        assert!(error.to_string().contains("Cargo.toml"), "{error}");
        let error = Fonts::find(&["/nowhere/font.ttc".into()]).unwrap_err();
        assert!(error.to_string().contains("/nowhere/font.ttc"), "{error}");
    }

    #[test]
    fn the_error_for_want_of_a_font_names_packages() {
        let text = InvoiceError::NoFont.to_string();
        assert!(text.contains("fonts-wqy-zenhei") && text.contains("fonts-noto-cjk"), "{text}");
    }
}
