//! `doctor`: checks this machine and the platform, and says how to mend what is wrong.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Context;
use crate::args::Global;
use crate::client::{Access, Client};
use crate::credentials;
use crate::failure::Failure;
use crate::table::bytes;
use crate::terminal::{Terminal, printable};

/// Below these, pulling a model will fail, and may.
const DISK_FAIL: u64 = 1 << 30;
const DISK_WARN: u64 = 5 << 30;
/// Below this, the default model does not run beside the platform.
const MEMORY_WARN: u64 = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Ok,
    Warn,
    Fail,
}

impl Mark {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line of the report.
#[derive(Debug)]
struct Finding {
    mark: Mark,
    check: &'static str,
    what: String,
    way_out: Option<String>,
}

fn ok(check: &'static str, what: impl Into<String>) -> Finding {
    Finding { mark: Mark::Ok, check, what: what.into(), way_out: None }
}

fn warn(check: &'static str, what: impl Into<String>, way_out: impl Into<String>) -> Finding {
    Finding { mark: Mark::Warn, check, what: what.into(), way_out: Some(way_out.into()) }
}

fn fail(check: &'static str, what: impl Into<String>, way_out: impl Into<String>) -> Finding {
    Finding { mark: Mark::Fail, check, what: what.into(), way_out: Some(way_out.into()) }
}

pub(super) async fn run(global: &Global, context: &mut Context<'_>) -> Result<(), Failure> {
    let mut findings = vec![credentials_file(&global.home)];
    match Client::new(context.http.clone(), global) {
        Ok(client) => platform(&client, &mut findings).await,
        Err(error) => findings.push(fail("platform", error.to_string(), "Mend --url or credentials.json.")),
    }
    findings.push(python().await);
    findings.push(disk(&global.home));
    findings.push(memory());
    findings.push(processor());
    print(&mut context.terminal, global.json, &findings)?;
    let failed = findings.iter().filter(|f| f.mark == Mark::Fail).count();
    if failed > 0 {
        let noun = if failed == 1 { "check" } else { "checks" };
        return Err(Failure::Failed { message: format!("{failed} {noun} failed") });
    }
    Ok(())
}

fn print(terminal: &mut Terminal, json: bool, findings: &[Finding]) -> Result<(), Failure> {
    if json {
        let checks: Vec<Value> = findings
            .iter()
            .map(|f| json!({"check": f.check, "status": f.mark.as_str(), "detail": f.what, "way_out": f.way_out}))
            .collect();
        return Ok(terminal.json(&json!({"object": "doctor", "checks": checks}))?);
    }
    for finding in findings {
        terminal.line(&format!(
            "{:<4}  {:<12}  {}",
            finding.mark.as_str(),
            finding.check,
            printable(&finding.what)
        ))?;
        if let Some(way_out) = &finding.way_out {
            terminal.line(&format!("                    {}", printable(way_out)))?;
        }
    }
    Ok(())
}

fn credentials_file(home: &Path) -> Finding {
    let path = credentials::path(home);
    let shown = path.display();
    match std::fs::metadata(&path) {
        Err(_) => warn(
            "credentials",
            format!("there is no {shown}"),
            "The first `tenfold serve` writes it; on another machine use --url and --key.",
        ),
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            warn("credentials", format!("others can read {shown}"), format!("Run: chmod 600 {shown}"))
        }
        Ok(_) => ok("credentials", shown.to_string()),
    }
}

async fn platform(client: &Client, findings: &mut Vec<Finding>) {
    let begun = Instant::now();
    let health = match client.get(&["healthz"], &[], Access::Public).await {
        Ok(health) => health,
        Err(error @ Failure::Unreachable { .. }) => {
            let way_out = "Start it with `tenfold serve`, or name another address with --url.";
            findings.push(fail("platform", error.to_string(), way_out));
            return;
        }
        Err(error) => {
            let what = format!("{} answers, but not as a platform does: {error}", client.base);
            findings.push(fail("platform", what, "Name the platform's address with --url."));
            return;
        }
    };
    findings.push(ok("platform", format!("{} answers in {} ms", client.base, begun.elapsed().as_millis())));
    let version = health["version"].as_str().unwrap_or("unknown");
    let mine = env!("CARGO_PKG_VERSION");
    findings.push(if version == mine {
        ok("version", version)
    } else {
        let what = format!("the platform is {version}, this command is {mine}");
        warn("version", what, "Use the same version of both.")
    });
    findings.push(match client.get(&["readyz"], &[], Access::Public).await {
        Ok(_) => ok("ready", "it takes calls"),
        Err(error) => fail("ready", error.to_string(), "It is starting or stopping; look at its log."),
    });
    findings.push(key(client, "api key", &["v1", "models"], Access::Call, "--key or TENFOLD_API_KEY").await);
    let projects = ["v1", "organization", "projects"];
    let admin = key(client, "admin key", &projects, Access::Admin, "--admin-key or TENFOLD_ADMIN_KEY").await;
    // A user of the platform needs no admin key.
    findings.push(if admin.mark == Mark::Fail { Finding { mark: Mark::Warn, ..admin } } else { admin });
    if client.has_key(Access::Call)
        && let Ok(entries) = client.list(&["v1", "catalog"], &[], Access::Call).await
    {
        findings.push(models(&entries));
    }
}

async fn key(client: &Client, check: &'static str, path: &[&str], access: Access, option: &str) -> Finding {
    if !client.has_key(access) {
        return fail(check, "there is none", format!("Give one with {option}."));
    }
    match client.get(path, &[], access).await {
        Ok(_) => ok(check, "it is valid"),
        Err(error) => fail(check, error.to_string(), format!("Give another one with {option}.")),
    }
}

fn models(entries: &[Value]) -> Finding {
    let installed: Vec<&str> =
        entries.iter().filter(|e| e["installed"] == true).filter_map(|e| e["id"].as_str()).collect();
    if installed.is_empty() {
        let way_out = "Run: tenfold pull smollm2-135m-instruct";
        return warn("models", format!("none of {} is installed", entries.len()), way_out);
    }
    ok("models", format!("installed: {}", installed.join(", ")))
}

async fn python() -> Finding {
    let mut command = tokio::process::Command::new("python3");
    command.args(["-m", "pip", "--version"]).stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(Duration::from_secs(20), command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            ok("python", text.split(" from ").next().unwrap_or_default().trim())
        }
        Ok(Ok(_)) => warn(
            "python",
            "python3 has no pip",
            "Install it (Debian: apt install python3-pip): `pip:` sources need it.",
        ),
        Ok(Err(_)) => warn(
            "python",
            "there is no python3",
            "Install it (Debian: apt install python3 python3-pip): `pip:` sources need it.",
        ),
        Err(_) => warn("python", "python3 does not answer", "See what `python3 -m pip --version` does."),
    }
}

fn disk(home: &Path) -> Finding {
    let there = home.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let Ok(disk) = rustix::fs::statvfs(there) else {
        return warn("disk", format!("{} cannot be measured", there.display()), "See what `df` says.");
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let what = format!("{} free for {}", bytes(free), home.display());
    let way_out = "Make room, or set TENFOLD_HOME to a larger disk.";
    if free < DISK_FAIL {
        fail("disk", what, way_out)
    } else if free < DISK_WARN {
        warn("disk", what, way_out)
    } else {
        ok("disk", what)
    }
}

fn memory() -> Finding {
    let Ok(mut system) = sysinfo::System::new() else {
        return warn("memory", "it cannot be measured", "See what `free` says.");
    };
    system.refresh_memory();
    // A container may have less than its machine.
    let (total, free) = system.cgroup_limits().map_or_else(
        || (system.total_memory(), system.available_memory()),
        |limits| (limits.total_memory, limits.free_memory.min(system.available_memory())),
    );
    let what = format!("{} free of {}", bytes(free), bytes(total));
    if free < MEMORY_WARN {
        return warn("memory", what, "Stop something, or run small models only.");
    }
    ok("memory", what)
}

fn processor() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let features = features();
    let noun = if cores == 1 { "core" } else { "cores" };
    let what = format!(
        "{cores} {noun}, {}",
        if features.is_empty() { "no vector units known".to_owned() } else { features.join(" ") }
    );
    if cfg!(target_arch = "x86_64") && !features.contains(&"avx2") {
        return warn(
            "processor",
            what,
            "Without AVX2, models answer several times slower; use another machine or an upstream.",
        );
    }
    ok("processor", what)
}

/// What of the processor speeds models up.
fn features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let known = [
        ("avx", std::arch::is_x86_feature_detected!("avx")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("f16c", std::arch::is_x86_feature_detected!("f16c")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", std::arch::is_x86_feature_detected!("avx512bf16")),
    ];
    #[cfg(target_arch = "aarch64")]
    let known = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("sve", std::arch::is_aarch64_feature_detected!("sve")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let known: [(&'static str, bool); 0] = [];
    known.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}
