//! Carries alerts outside: webhooks, signed as Standard Webhooks says, and e-mail.
//!
//! Invariants:
//! * a request goes to an HTTPS address on the public Internet, or to a host that the operator named; what a name
//!   resolves to is looked at, and that very address is connected to;
//! * redirects are not followed, and nothing is waited for longer than ten seconds a step.

mod email;
mod webhook;

use async_trait::async_trait;
use tenfold_billing::{Notifier, WebhookMessage};
use tenfold_kernel::BoxError;

pub use email::{Mailer, SmtpConfig, SmtpTls};
pub use webhook::{Webhooks, sign};

/// Why something could not be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// An address that nothing is sent to.
    #[error("nothing is sent to this address: {reason}")]
    Refused {
        /// Why.
        reason: &'static str,
    },
    /// A secret that is not `whsec_` and base64.
    #[error("the secret is not `whsec_` and base64")]
    Secret,
    /// The receiver did not say that it has it.
    #[error("the receiver answered {status}")]
    Status {
        /// Its status.
        status: u16,
    },
    /// There is no mail server.
    #[error("no mail server is set: see `[notifications.smtp]`")]
    NoMailServer,
    /// The receiver was not reached.
    #[error("the receiver was not reached")]
    Connection {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// An e-mail that cannot be written.
    #[error("the e-mail cannot be written")]
    Email {
        /// Why.
        #[source]
        source: BoxError,
    },
}

/// Webhooks, and e-mail where there is a mail server.
#[derive(Debug)]
pub struct Outside {
    /// Sends requests.
    pub webhooks: Webhooks,
    /// Sends e-mail.
    pub mailer: Option<Mailer>,
}

#[async_trait]
impl Notifier for Outside {
    async fn webhook(&self, message: WebhookMessage<'_>) -> Result<(), BoxError> {
        Ok(self.webhooks.send(message).await?)
    }

    async fn email(&self, recipients: &[String], subject: &str, text: &str) -> Result<(), BoxError> {
        let mailer = self.mailer.as_ref().ok_or(NotifyError::NoMailServer)?;
        Ok(mailer.send(recipients, subject, text).await?)
    }
}
