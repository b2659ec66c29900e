//! `[notifications]` of `tenfold.toml`: where alerts may go.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use tenfold_kernel::Secret;
use tenfold_notify::{Mailer, Outside, SmtpConfig, SmtpTls, Webhooks};

use crate::credentials;

/// `[notifications]`: webhooks go to the public Internet over HTTPS, unless a host is named here.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Notifications {
    /// Hosts that webhooks may go to wherever they are, over HTTP too.
    allowed_hosts: Vec<String>,
    smtp: Option<Smtp>,
}

/// `[notifications.smtp]`: the mail server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Smtp {
    host: String,
    port: Option<u16>,
    /// Who sends, as `Tenfold <alerts@example.com>`.
    from: String,
    #[serde(default)]
    tls: Tls,
    user: Option<String>,
    password_file: Option<PathBuf>,
}

/// How the conversation with the mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tls {
    /// From the beginning.
    Implicit,
    /// From `STARTTLS` on, without which nothing is sent.
    #[default]
    Starttls,
    /// Not at all: for a mail server on this machine.
    None,
}

impl Notifications {
    /// Who carries alerts outside. The password is read once, here; its path begins at `home`.
    ///
    /// # Errors
    /// What is missing or malformed, by its name.
    pub(crate) fn notifier(&self, home: &Path) -> anyhow::Result<Outside> {
        let mailer = self.smtp.as_ref().map(|smtp| smtp.mailer(home)).transpose()?;
        Ok(Outside { webhooks: Webhooks { allowed_hosts: self.allowed_hosts.clone() }, mailer })
    }
}

impl Smtp {
    fn mailer(&self, home: &Path) -> anyhow::Result<Mailer> {
        let credentials = match (&self.user, &self.password_file) {
            (Some(user), Some(path)) => {
                let password = credentials::read_file(home, "notifications.smtp.password_file", path)?;
                Some((user.clone(), Secret::new(&password)))
            }
            (None, None) => None,
            _ => bail!("notifications.smtp: `user` and `password_file` belong together"),
        };
        let (tls, port) = match self.tls {
            Tls::Implicit => (SmtpTls::Implicit, 465),
            Tls::Starttls => (SmtpTls::StartTls, 587),
            Tls::None => (SmtpTls::None, 25),
        };
        let config = SmtpConfig {
            host: self.host.clone(),
            port: self.port.unwrap_or(port),
            credentials,
            from: self.from.clone(),
            tls,
        };
        Mailer::new(&config).context("notifications.smtp is not valid")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_read_with_its_password_or_refused_by_the_name_of_what_is_missing() {
        let home = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            let all: Notifications = toml::from_str(text).unwrap();
            all.notifier(home.path())
        };
        assert!(read("allowed_hosts = [\"hooks.internal\"]").unwrap().mailer.is_none());
        let smtp = "[smtp]\nhost = \"mail.example.com\"\nfrom = \"Tenfold <alerts@example.com>\"\n";
        assert!(read(smtp).unwrap().mailer.is_some());
        let error = read(&format!("{smtp}user = \"u\"\n")).unwrap_err().to_string();
        assert!(error.contains("password_file"), "{error}");
        let with_password = format!("{smtp}user = \"u\"\npassword_file = \"smtp-password\"\n");
        let error = read(&with_password).unwrap_err().to_string();
        assert!(error.contains("notifications.smtp.password_file"), "{error}");
        std::fs::write(home.path().join("smtp-password"), "secret\n").unwrap();
        assert!(read(&with_password).unwrap().mailer.is_some());
    }
}
