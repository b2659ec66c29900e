//! `/v1/organization/...`: projects, users, service accounts and keys.
//!
//! Source: the OpenAI API reference, administration. What is ours besides: `POST .../api_keys` of a project, `POST
//! /v1/organization/users`, and `scopes` of keys. Bodies refuse fields that they do not name.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Its id.
    pub id: String,
    /// `organization.project`.
    pub object: String,
    /// What people call it.
    pub name: String,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch, or null.
    pub archived_at: Option<i64>,
    /// `active` or `archived`.
    pub status: ProjectStatus,
}

/// Whether a project takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectStatus {
    /// It does.
    Active,
    /// It does not, and never will again.
    Archived,
}

/// What a project is to be, for `create` and `modify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectBody {
    /// What people call it.
    pub name: String,
}

/// A key of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectApiKey {
    /// `organization.project.api_key`.
    pub object: String,
    /// Its id, which is not the key.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The first and last characters of the key.
    pub redacted_value: String,
    /// The key itself: in the answer to its making, and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch, or null for a key that does not end.
    pub expires_at: Option<i64>,
    /// Seconds since the epoch to a minute, or null for a key that was never used.
    pub last_used_at: Option<i64>,
    /// What it is restricted to; empty for no restriction. An extension.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whose it is.
    pub owner: ProjectApiKeyOwner,
    /// Whether its owner may use the project, so whether the key works: `active` or `inactive`.
    pub owner_project_access: OwnerAccess,
}

/// Whether the owner of a key may use the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnerAccess {
    /// It may.
    Active,
    /// It may not.
    Inactive,
}

/// The owner of a project's key: one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectApiKeyOwner {
    /// `user` or `service_account`.
    #[serde(rename = "type")]
    pub kind: OwnerKind,
    /// The person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<KeyUser>,
    /// The program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccount>,
}

/// Who owns a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// A person.
    User,
    /// A program.
    ServiceAccount,
}

/// The person who owns a project's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyUser {
    /// `organization.project.user`.
    pub object: String,
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// What the person is in the project: `owner` or `member`.
    pub role: String,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub added_at: i64,
}

/// What a project's key is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProjectApiKey {
    /// What people call it.
    pub name: String,
    /// For which user of the project; the caller's own when neither this nor a service account is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// For which service account of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_id: Option<String>,
    /// `model.request`, `api.read`, `api.management`; none for no restriction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// 1 to 31,536,000 (a year); none for a key that does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<i64>,
}

/// What another key of a service account is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateServiceAccountApiKey {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `model.request`, `api.read`, `api.management`; none for no restriction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// 1 to 31,536,000 (a year); none for a key that does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<i64>,
}

/// A program that calls in a project's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceAccount {
    /// `organization.project.service_account`.
    pub object: String,
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is in the project: `owner` or `member`.
    pub role: String,
    /// Seconds since the epoch.
    pub created_at: i64,
}

/// What a service account is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateServiceAccount {
    /// What people call it.
    pub name: String,
    /// When its first key ends: 1 to 31,536,000 (a year); none for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<i64>,
}

/// A service account that was just made, with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedServiceAccount {
    /// `organization.project.service_account`.
    pub object: String,
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is in the project: `member`.
    pub role: String,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Its key, shown here and never again.
    pub api_key: ServiceAccountApiKey,
}

/// A key of a service account, as it is shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceAccountApiKey {
    /// `organization.project.service_account.api_key`.
    pub object: String,
    /// Its id, which is not the key.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The key itself.
    pub value: String,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch, or null for a key that does not end.
    pub expires_at: Option<i64>,
}

/// A user of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectUser {
    /// `organization.project.user`.
    pub object: String,
    /// The user's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// `owner` or `member`.
    pub role: String,
    /// Seconds since the epoch.
    pub added_at: i64,
}

/// Who is to be a user of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddProjectUser {
    /// A user of the organisation.
    pub user_id: String,
    /// `owner` or `member`.
    pub role: String,
}

/// What a user is to be from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyRole {
    /// `owner` or `reader` in the organisation; `owner` or `member` in a project.
    pub role: String,
}

/// A user of the organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// `organization.user`.
    pub object: String,
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// `owner` or `reader`.
    pub role: String,
    /// Seconds since the epoch.
    pub added_at: i64,
}

/// Who is to be a user of the organisation. An extension: the OpenAI API sends invitations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// The name.
    pub name: String,
    /// The address, which no other user of the organisation has.
    pub email: String,
    /// `owner` or `reader`, the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A key that administers the organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminApiKey {
    /// `organization.admin_api_key`.
    pub object: String,
    /// Its id, which is not the key.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The first and last characters of the key.
    pub redacted_value: String,
    /// The key itself: in the answer to its making, and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch, or null for a key that does not end.
    pub expires_at: Option<i64>,
    /// Seconds since the epoch to a minute, or null for a key that was never used.
    pub last_used_at: Option<i64>,
    /// What it is restricted to; empty for no restriction. An extension.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whose it is.
    pub owner: AdminApiKeyOwner,
}

/// The owner of an admin key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminApiKeyOwner {
    /// `user`.
    #[serde(rename = "type")]
    pub kind: OwnerKind,
    /// `organization.user`.
    pub object: String,
    /// The user's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// `owner`; `reader` for a key that does not work until its user is an owner again.
    pub role: String,
}

/// What an admin key is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAdminApiKey {
    /// What people call it.
    pub name: String,
    /// 1 to 31,536,000 (a year); none for a key that does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<i64>,
    /// `model.request`, `api.read`, `api.management`; none for no restriction. An extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
}

/// The limits of a project for a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectRateLimit {
    /// `project.rate_limit`.
    pub object: String,
    /// `rl-` and the deployment's name.
    pub id: String,
    /// The deployment's name.
    pub model: String,
    /// Calls a minute, or null for no limit.
    pub max_requests_per_1_minute: Option<u64>,
    /// Tokens a minute, of prompts and answers together, or null for no limit.
    pub max_tokens_per_1_minute: Option<u64>,
    /// Pictures made a minute, or null for no limit.
    pub max_images_per_1_minute: Option<u64>,
    /// Calls a day of the organisation's time zone, or null for no limit.
    pub max_requests_per_1_day: Option<u64>,
    /// Calls at a time, or null for no limit. An extension.
    pub max_concurrent_requests: Option<u64>,
}

/// Limits to set. A limit that is not named stays as it is, and null is the platform's default again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyRateLimit {
    /// Calls a minute.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "named")]
    #[schema(value_type = Option<u64>)]
    pub max_requests_per_1_minute: Option<Option<u64>>,
    /// Tokens a minute, of prompts and answers together.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "named")]
    #[schema(value_type = Option<u64>)]
    pub max_tokens_per_1_minute: Option<Option<u64>>,
    /// Pictures made a minute.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "named")]
    #[schema(value_type = Option<u64>)]
    pub max_images_per_1_minute: Option<Option<u64>>,
    /// Calls a day of the organisation's time zone.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "named")]
    #[schema(value_type = Option<u64>)]
    pub max_requests_per_1_day: Option<Option<u64>>,
    /// Calls at a time. An extension.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "named")]
    #[schema(value_type = Option<u64>)]
    pub max_concurrent_requests: Option<Option<u64>>,
}

/// Tells a null from a field that is not there.
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
pub(crate) fn named<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Says that something is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    /// The thing's object name with `.deleted` behind it.
    pub object: String,
    /// What its id was.
    pub id: String,
    /// `true`.
    pub deleted: bool,
}

impl Deleted {
    /// Says that the `object` with this id is gone.
    pub fn new(object: &str, id: &impl ToString) -> Self {
        Self { object: format!("{object}.deleted"), id: id.to_string(), deleted: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_refused_by_name() {
        let error = serde_json::from_str::<ProjectBody>(r#"{"name":"a","geography":"EU"}"#).unwrap_err();
        assert!(error.to_string().contains("`geography`"), "{error}");
    }

    #[test]
    fn a_key_without_its_value_has_no_such_field() {
        let deleted = serde_json::to_value(Deleted::new("organization.user", &"user-1")).unwrap();
        assert_eq!(
            deleted,
            serde_json::json!({"object": "organization.user.deleted", "id": "user-1", "deleted": true})
        );
        let owner = AdminApiKeyOwner {
            kind: OwnerKind::User,
            object: "organization.user".to_owned(),
            id: "user-1".to_owned(),
            name: "Ada".to_owned(),
            created_at: 1,
            role: "owner".to_owned(),
        };
        let key = AdminApiKey {
            object: "organization.admin_api_key".to_owned(),
            id: "key_1".to_owned(),
            name: "k".to_owned(),
            redacted_value: "sk".to_owned(),
            value: None,
            created_at: 1,
            expires_at: None,
            last_used_at: None,
            scopes: Vec::new(),
            owner,
        };
        let json = serde_json::to_value(key).unwrap();
        assert!(json.get("value").is_none());
        assert!(json["last_used_at"].is_null() && json["expires_at"].is_null());
        assert_eq!(json["owner"]["type"], "user");
    }
}
