//! `/v1/console/...` and `/v1/organization/invites`: signing in to the console. Extensions: the OpenAI API knows keys
//! alone, and invitations in the shape of [`Invite`].

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenfold_kernel::Secret;
use utoipa::ToSchema;

/// A text that must not be shown.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// It, hidden from whoever prints what holds it.
    pub fn into_secret(self) -> Secret {
        Secret::new(&self.0)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// What a browser knows before anybody has signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleInfo {
    /// `console`.
    pub object: String,
    /// Whether nobody has an account yet.
    pub needs_setup: bool,
    /// How people sign in.
    pub sign_in: SignInWays,
    /// The platform's version.
    pub version: String,
}

/// How people sign in, beside an address and a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInWays {
    /// With passkeys. They need a public address with a domain name and TLS, or `localhost`.
    pub passkeys: bool,
    /// With these providers of `OpenID` Connect.
    pub oidc: Vec<IdentityProvider>,
}

/// A provider of `OpenID` Connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IdentityProvider {
    /// Its name in addresses.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// The first account.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUpConsole {
    /// An admin key of an owner, such as the one that the first start printed.
    pub admin_key: SecretText,
    /// The person's name.
    pub name: String,
    /// The address to sign in with.
    pub email: String,
    /// 12 to 128 characters.
    pub password: SecretText,
}

/// What somebody signs in with.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The address.
    pub email: String,
    /// The password.
    pub password: SecretText,
    /// A one-time code or a recovery code, for accounts that have them on.
    pub totp_code: Option<SecretText>,
}

/// A browser that is signed in, and who is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleSession {
    /// Its id.
    pub id: String,
    /// `console.session`.
    pub object: String,
    /// What has to be sent as `x-csrf-token` with every request that changes something.
    pub csrf_token: String,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Until when, if nothing more is asked, in seconds since the epoch.
    pub expires_at: i64,
    /// Who.
    pub user: ConsoleUser,
    /// Of which organisation.
    pub organization: ConsoleOrganization,
    /// The projects that the person sees.
    pub projects: Vec<ConsoleProject>,
    /// What the person may do.
    pub access: ConsoleAccess,
}

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleUser {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// `owner`, `admin`, `reader` (a developer), `billing`, `auditor` or `viewer`.
    pub role: String,
    /// Whether one-time codes are on.
    pub has_totp: bool,
    /// Whether there is a passkey.
    pub has_passkey: bool,
}

/// The organisation of a person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleOrganization {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The time zone of its days and months, by its IANA name.
    pub time_zone: String,
    /// The project of whoever names none.
    pub default_project: String,
}

/// A project that a person sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleProject {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
}

/// What a person may do: `none`, `read` or `write` in each area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleAccess {
    /// The catalogue, deployments, replicas and devices.
    pub models: String,
    /// What was called, and what that cost.
    pub usage: String,
    /// Money.
    pub billing: String,
    /// Projects, people, service accounts and keys.
    pub people: String,
    /// Owners and admin keys.
    pub owners: String,
    /// Keys of one's own.
    pub own_keys: String,
    /// Who did what.
    pub audit: String,
    /// How the organisation is set up.
    pub settings: String,
    /// Whether the person calls models.
    pub calls: bool,
}

/// A browser that is signed in, in the list of a person's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrowserSession {
    /// Its id.
    pub id: String,
    /// `console.session`.
    pub object: String,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// When it last asked for something, to a minute, in seconds since the epoch.
    pub last_seen_at: i64,
    /// Seconds since the epoch.
    pub expires_at: i64,
    /// What the browser says of itself.
    pub user_agent: String,
    /// Whether it is the one that asks.
    pub is_this_one: bool,
}

/// A new password.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The old one.
    pub password: SecretText,
    /// 12 to 128 characters.
    pub new_password: SecretText,
}

/// The password once more, before something that matters.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmPassword {
    /// The password.
    pub password: SecretText,
}

/// One-time codes that are not on yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewTotp {
    /// `console.totp`.
    pub object: String,
    /// The secret for an authenticator app, in base 32.
    pub secret: String,
    /// The same as an `otpauth:` address, for a QR code.
    pub url: String,
}

/// A one-time code.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpCode {
    /// Six digits.
    pub code: SecretText,
}

/// One-time codes that are on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnabledTotp {
    /// `console.totp`.
    pub object: String,
    /// Always true.
    pub enabled: bool,
    /// Each signs in once, instead of a code. They are shown here and never again.
    pub recovery_codes: Vec<String>,
}

/// What turns one-time codes off.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisableTotp {
    /// The password.
    pub password: SecretText,
    /// A one-time code or a recovery code.
    pub code: SecretText,
}

/// A passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasskeyObject {
    /// Its id.
    pub id: String,
    /// `console.passkey`.
    pub object: String,
    /// What the person calls it.
    pub name: String,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// When it last signed in, in seconds since the epoch.
    pub last_used_at: Option<i64>,
}

/// What a browser is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PasskeyChallenge {
    /// By what the answer names it.
    pub challenge_id: String,
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON` of W3C Web Authentication.
    pub public_key: Value,
}

/// A passkey that a browser has made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterPasskey {
    /// See [`PasskeyChallenge::challenge_id`].
    pub challenge_id: String,
    /// What the person calls it.
    pub name: String,
    /// `RegistrationResponseJSON` of W3C Web Authentication.
    pub credential: Value,
}

/// A passkey that is shown.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeySignIn {
    /// See [`PasskeyChallenge::challenge_id`].
    pub challenge_id: String,
    /// `AuthenticationResponseJSON` of W3C Web Authentication.
    pub credential: Value,
}

/// Whom to invite.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvite {
    /// The address.
    pub email: String,
    /// `owner`, `admin`, `reader` (or `developer`), `billing`, `auditor` or `viewer`.
    pub role: String,
    /// In which projects the person is to work.
    #[serde(default)]
    pub projects: Vec<InviteProject>,
}

/// A project to which somebody is invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteProject {
    /// The project.
    pub id: String,
    /// `owner` or `member`.
    pub role: String,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invite {
    /// Its id.
    pub id: String,
    /// `organization.invite`.
    pub object: String,
    /// To whom.
    pub email: String,
    /// What the person is to be in the organisation.
    pub role: String,
    /// `pending`, `accepted` or `expired`.
    pub status: String,
    /// In which projects the person is to work.
    pub projects: Vec<InviteProject>,
    /// Seconds since the epoch.
    pub invited_at: i64,
    /// Seconds since the epoch.
    pub expires_at: i64,
    /// Seconds since the epoch.
    pub accepted_at: Option<i64>,
    /// Where it is accepted: shown once, to be handed to the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// An invitation as whoever holds it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenInvite {
    /// `console.invite`.
    pub object: String,
    /// To whom.
    pub email: String,
    /// To what.
    pub organization_name: String,
    /// Seconds since the epoch.
    pub expires_at: i64,
}

/// Whoever accepts an invitation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvite {
    /// The person's name.
    pub name: String,
    /// 12 to 128 characters.
    pub password: SecretText,
}
