//! The arrows of ARCHITECTURE.md: `tenfold -> http, cli, store, engine-* -> serving and the flows -> parts -> kernel`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// What each crate of ours may depend on. A crate that is not here is a fault: it has no place yet.
const ALLOWED: &[(&str, &[&str])] = &[
    ("tenfold-kernel", &[]),
    ("tenfold-protocol", &["kernel"]),
    // Parts: they know the kernel, never each other.
    ("tenfold-identity", &["kernel"]),
    ("tenfold-billing", &["kernel"]),
    ("tenfold-catalog", &["kernel"]),
    ("tenfold-jobs", &["kernel"]),
    ("tenfold-engine", &["kernel", "protocol"]),
    // A replica is an engine, so the fleet knows the contract.
    ("tenfold-fleet", &["kernel", "engine", "protocol"]),
    // It signs people in, so it knows who they are.
    ("tenfold-accounts", &["kernel", "identity"]),
    // Flows: they tie parts together.
    ("tenfold-serving", &["kernel", "protocol", "billing", "catalog", "engine", "fleet"]),
    // Adapters and edges.
    ("tenfold-payments", &["kernel"]),
    // It carries what billing says outside.
    ("tenfold-notify", &["kernel", "billing"]),
    // It writes the documents that billing makes.
    ("tenfold-invoice", &["kernel", "billing"]),
    ("tenfold-engine-gguf", &["kernel", "protocol", "engine"]),
    ("tenfold-engine-upstream", &["kernel", "protocol", "engine"]),
    ("tenfold-store", &["kernel", "accounts", "identity", "billing", "fleet", "jobs", "serving"]),
    (
        "tenfold-http",
        &[
            "kernel", "protocol", "accounts", "identity", "billing", "catalog", "fleet", "engine", "invoice",
            "jobs", "serving",
        ],
    ),
    ("tenfold-cli", &["kernel", "protocol"]),
    (
        "tenfold",
        &[
            "kernel",
            "protocol",
            "accounts",
            "identity",
            "billing",
            "catalog",
            "fleet",
            "jobs",
            "engine",
            "engine-gguf",
            "engine-upstream",
            "serving",
            "store",
            "payments",
            "notify",
            "http",
            "console",
            "cli",
        ],
    ),
    ("tenfold-console", &[]),
    ("tenfold-bench", &["kernel", "protocol"]),
    ("xtask", &[]),
];

/// Outside crates that belong to one place, because they are what that place hides.
const OWNED: &[(&str, &[&str])] = &[
    ("lettre", &["tenfold-notify"]),
    ("rust-embed", &["tenfold-console"]),
    ("argon2", &["tenfold-accounts"]),
    ("webauthn_rp", &["tenfold-accounts"]),
    ("axum", &["tenfold-http", "tenfold-engine"]),
    ("sqlx", &["tenfold-store"]),
    ("llama-cpp-2", &["tenfold-engine-gguf"]),
    ("llama-cpp-sys-2", &["tenfold-engine-gguf"]),
    ("hf-hub", &["tenfold-catalog"]),
    ("krilla", &["tenfold-invoice"]),
    ("anyhow", &["tenfold", "tenfold-cli", "tenfold-bench", "xtask"]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// Every arrow that points the wrong way.
pub(crate) fn faults() -> anyhow::Result<Vec<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .output()
        .context("failed to run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("failed to read cargo metadata")?;
    Ok(check(&metadata.packages))
}

fn check(packages: &[Package]) -> Vec<String> {
    let ours: BTreeSet<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut faults = Vec::new();
    for package in packages {
        let Some(targets) = allowed.get(package.name.as_str()) else {
            faults.push(format!(
                "{} has no place in the arrows: give it one in xtask/src/arrows.rs",
                package.name
            ));
            continue;
        };
        // Tests may use fakes and suites from anywhere; only what is shipped has arrows.
        for dependency in package.dependencies.iter().filter(|d| d.kind.as_deref() != Some("dev")) {
            let short = dependency.name.strip_prefix("tenfold-").unwrap_or(&dependency.name);
            if ours.contains(dependency.name.as_str()) && !targets.contains(&short) {
                faults.push(format!("{} must not depend on {}", package.name, dependency.name));
            }
            let owners = OWNED.iter().find(|(name, _)| *name == dependency.name).map(|(_, owners)| *owners);
            if owners.is_some_and(|owners| !owners.contains(&package.name.as_str())) {
                faults.push(format!(
                    "{} must not depend on {}: it is hidden elsewhere",
                    package.name, dependency.name
                ));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        Package {
            name: name.to_owned(),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: kind.map(str::to_owned) })
                .collect(),
        }
    }

    #[test]
    fn a_part_that_knows_another_is_a_fault() {
        let packages = [
            package("tenfold-billing", &[("tenfold-identity", None), ("axum", None)]),
            package("tenfold-identity", &[("tenfold-billing", Some("dev"))]),
        ];
        let faults = check(&packages);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("tenfold-billing must not depend on tenfold-identity"));
        assert!(faults[1].contains("axum"));
    }

    #[test]
    fn a_crate_without_a_place_is_a_fault() {
        assert_eq!(check(&[package("tenfold-drawer", &[])]).len(), 1);
    }
}
