//! Sizes and names of source files.

use std::path::{Path, PathBuf};

const DRAWERS: &[&str] = &["utils", "util", "helpers", "common", "misc", "types", "manager"];
const TOO_LONG: usize = 1000;
const LONG: usize = 500;

/// Every file that is too long or badly named.
pub(crate) fn faults() -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    for root in ["crates", "xtask", "fuzz", "tests", "bench"] {
        collect(Path::new(root), &mut files)?;
    }
    let mut faults = Vec::new();
    for file in files {
        let lines = std::fs::read_to_string(&file)?.lines().count();
        let stem = file.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        if DRAWERS.contains(&stem) {
            faults.push(format!("{}: a drawer; name it after what it holds", file.display()));
        }
        if stem == "mod" {
            faults.push(format!("{}: name the file after its module", file.display()));
        }
        let is_test = file.components().any(|c| c.as_os_str() == "tests");
        if lines > TOO_LONG && !is_test {
            faults.push(format!("{}: {lines} lines; {TOO_LONG} is the limit", file.display()));
        } else if lines > LONG && !is_test {
            crate::report(&format!("note: {}: {lines} lines", file.display()));
        }
    }
    Ok(faults)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
