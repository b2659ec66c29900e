//! E-mail over SMTP.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tenfold_kernel::{BoxError, Secret};

use crate::NotifyError;

/// For each step of a conversation.
const STEP: Duration = Duration::from_secs(10);

/// How a conversation is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SmtpTls {
    /// From the beginning.
    Implicit,
    /// From `STARTTLS` on, without which nothing is sent.
    #[default]
    StartTls,
    /// Not at all: for a mail server on this machine.
    None,
}

/// The mail server.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user and the password, where it asks for them.
    pub credentials: Option<(String, Secret)>,
    /// Who sends, as `Tenfold <alerts@example.com>`.
    pub from: String,
    /// How the conversation is encrypted.
    pub tls: SmtpTls,
}

/// Sends e-mail.
#[derive(Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

fn unwritable(error: impl Into<BoxError>) -> NotifyError {
    NotifyError::Email { source: error.into() }
}

impl Mailer {
    /// Sends through a mail server. Nothing is connected yet.
    ///
    /// # Errors
    /// [`NotifyError::Email`] where `from` is no address, [`NotifyError::Connection`] where the name of the server
    /// cannot be in a certificate.
    pub fn new(config: &SmtpConfig) -> Result<Self, NotifyError> {
        let from = config.from.parse().map_err(unwritable)?;
        let builder = match config.tls {
            SmtpTls::Implicit => AsyncSmtpTransport::<Tokio1Executor>::relay(&config.host),
            SmtpTls::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&config.host),
            SmtpTls::None => Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)),
        };
        let builder = builder.map_err(|error| NotifyError::Connection { source: error.into() })?;
        let mut builder = builder.port(config.port).timeout(Some(STEP));
        if let Some((user, password)) = &config.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(Self { transport: builder.build(), from })
    }

    /// Sends an e-mail to several.
    ///
    /// # Errors
    /// [`NotifyError::Email`] for an address that is none, [`NotifyError::Connection`] where the server does not take
    /// it.
    pub async fn send(&self, recipients: &[String], subject: &str, text: &str) -> Result<(), NotifyError> {
        let mut builder =
            Message::builder().from(self.from.clone()).subject(subject).header(ContentType::TEXT_PLAIN);
        for recipient in recipients {
            builder = builder.to(recipient.parse().map_err(unwritable)?);
        }
        let message = builder.body(text.to_owned()).map_err(unwritable)?;
        self.transport
            .send(message)
            .await
            .map_err(|error| NotifyError::Connection { source: error.into() })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

    /// A fake mail server: says yes to everything, for one e-mail, and gives back what it was told.
    async fn fake_smtp_server(listener: tokio::net::TcpListener) -> Vec<String> {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let (mut told, mut in_data) = (Vec::new(), false);
        write.write_all(b"220 fake\r\n").await.unwrap();
        while let Some(line) = lines.next_line().await.unwrap() {
            let answer: &[u8] = match &*line {
                "DATA" => {
                    in_data = true;
                    b"354 go on\r\n"
                }
                "." => {
                    in_data = false;
                    b"250 taken\r\n"
                }
                "QUIT" => b"221 bye\r\n",
                _ if in_data => b"",
                _ => b"250 yes\r\n",
            };
            write.write_all(answer).await.unwrap();
            let is_last = line == "QUIT" || line == ".";
            told.push(line);
            if is_last {
                break;
            }
        }
        told
    }

    #[tokio::test]
    async fn an_email_reaches_every_recipient_through_the_mail_server() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = SmtpConfig {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
            credentials: None,
            from: "Tenfold <alerts@example.com>".to_owned(),
            tls: SmtpTls::None,
        };
        let to = ["a@example.org".to_owned(), "b@example.org".to_owned()];
        let mailer = Mailer::new(&config).unwrap();
        let (sent, told) =
            tokio::join!(mailer.send(&to, "Spend", "It was spent."), fake_smtp_server(listener));
        sent.unwrap();
        for line in ["RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>", "Subject: Spend", "It was spent."]
        {
            assert!(told.iter().any(|one| one == line), "{line}: {told:?}");
        }
        let error = Mailer::new(&SmtpConfig { from: "nobody".to_owned(), ..config }).unwrap_err();
        assert!(matches!(error, NotifyError::Email { .. }), "{error}");
    }
}
