//! `/v1/organization/spend_alerts`, as the OpenAI administration API has them; webhooks are ours.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who is told when spending of a month reaches a threshold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpendAlertObject {
    /// Its id.
    pub id: String,
    /// `organization.spend_alert` or `project.spend_alert`.
    pub object: String,
    /// The currency.
    pub currency: String,
    /// `month`.
    pub interval: String,
    /// The threshold, in hundredths.
    pub threshold_amount: i64,
    /// How it is told.
    pub notification_channel: NotificationChannel,
}

/// Makes or changes an alert.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSpendAlert {
    /// The currency.
    pub currency: String,
    /// `month`.
    pub interval: String,
    /// The threshold, in hundredths.
    pub threshold_amount: i64,
    /// How it is told.
    pub notification_channel: NotificationChannel,
}

/// How an alert is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum NotificationChannel {
    /// By e-mail.
    Email {
        /// To whom; 1 to 20 addresses.
        recipients: Vec<String>,
        /// What the subject begins with.
        #[serde(default)]
        subject_prefix: Option<String>,
    },
    /// By a request, signed as Standard Webhooks says.
    Webhook {
        /// The address.
        url: String,
        /// Signs requests; shown when it is made and never again, and not taken from callers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<String>,
    },
}

/// An alert was taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpendAlertDeleted {
    /// The alert.
    pub id: String,
    /// `organization.spend_alert.deleted` or `project.spend_alert.deleted`.
    pub object: String,
    /// Whether there was one.
    pub deleted: bool,
}
