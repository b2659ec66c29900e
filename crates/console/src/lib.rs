//! The web console's files, in the binary. `console/` builds them into `console/dist`; a binary that was built without them
//! has none.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../console/dist"]
#[allow_missing = true]
struct Files;

/// The file at `path` below the console's address, such as `index.html`. Beside a text lies the same compressed, with `.gz`
/// behind its name.
pub fn file(path: &str) -> Option<Cow<'static, [u8]>> {
    Files::get(path).map(|file| file.data)
}
