//! What the first start does beyond the later ones: founds an organisation, pulls a model.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tenfold_catalog::Catalog;
use tenfold_identity::Identity;
use tenfold_serving::Offering;
use tokio::sync::watch;

use crate::credentials::Credentials;

/// Founds the organisation if there is none, writes its keys down and prints them, once.
pub(crate) async fn found(identity: &Identity, home: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    let Some(made) = identity.bootstrap().await.context("failed to found the first organisation")? else {
        return Ok(());
    };
    let credentials = Credentials {
        base_url: format!("http://{listen}/v1"),
        admin_key: made.admin_key.expose(),
        api_key: made.project_key.expose(),
        project_id: made.project.as_str(),
    };
    credentials.write(home)?;
    print(&format!(
        "\nThe first start made an organisation and its keys. They are shown once, and kept in\n  {}\n\n  admin key    {}\n  project key  {}\n",
        home.join("credentials.json").display(),
        credentials.admin_key,
        credentials.api_key,
    ));
    Ok(())
}

/// Pulls the default model if it is not here, and offers every installed one. `starting` says what is going on.
pub(crate) async fn offer(
    catalog: &Catalog,
    offering: &Offering,
    default: &str,
    starting: &watch::Sender<Option<String>>,
) {
    if !default.is_empty() && catalog.installed(default).is_none() {
        tracing::info!(model = default, "pulling the default model");
        let last_decile = Arc::new(std::sync::atomic::AtomicU64::new(u64::MAX));
        let pulled = catalog
            .pull(default, |progress| {
                let percent = (progress.bytes_done * 100).checked_div(progress.bytes_total).unwrap_or(0);
                starting
                    .send_replace(Some(format!("pulling {default}: {} {percent}%", progress.stage.as_str())));
                if last_decile.swap(percent / 10, std::sync::atomic::Ordering::Relaxed) != percent / 10 {
                    tracing::info!(model = default, stage = progress.stage.as_str(), percent, "pulling");
                }
            })
            .await;
        if let Err(error) = pulled {
            tracing::warn!(
                model = default,
                error = %format!("{:#}", anyhow::Error::from(error)),
                "the default model could not be pulled; the platform runs without it (try `tenfold pull`)"
            );
        }
    }
    match offering.offer_installed().await {
        Ok(offered) => {
            for deployment in offered {
                tracing::info!(model = %deployment.name, version = %deployment.version, "model offered");
            }
        }
        Err(error) => {
            tracing::error!(error = %format!("{:#}", anyhow::Error::from(error)), "model not offered");
        }
    }
    starting.send_replace(None);
}

/// Prints to the one who started the platform, beside the log.
#[expect(
    clippy::print_stdout,
    reason = "the keys are for the person who started the platform, not for the log"
)]
pub(crate) fn print(text: &str) {
    println!("{text}");
}
