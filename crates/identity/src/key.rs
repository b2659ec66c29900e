//! API keys and their secrets.

use std::fmt;

use tenfold_kernel::{
    ApiKeyId, OrganizationId, ProjectId, Rng, Role, Scope, ServiceAccountId, Timestamp, UserId, base62,
};

use crate::{IdentityError, OrganizationRole, ProjectRole, Rejection};

const START: &str = "sk-tf-";
const ADMIN: &str = "admin-";
const PREFIX_LENGTH: usize = 12;
const RANDOM_LENGTH: usize = 40;

/// A key as it is kept: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// In whose name it calls; the organisation's default project for an admin key.
    pub project: ProjectId,
    /// Who it was made for.
    pub owner: KeyOwner,
    /// What it is.
    pub role: Role,
    /// What people call it; may be empty.
    pub name: String,
    /// The public part of the secret, unique, by which the key is found.
    pub prefix: String,
    /// The keyed hash of the secret.
    pub digest: Digest,
    /// What of the secret is shown in lists.
    pub redacted: String,
    /// What it is restricted to; empty for no restriction.
    pub scopes: Vec<Scope>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when, if it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to a minute.
    pub last_used_at: Option<Timestamp>,
}

/// Who a key was made for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyOwner {
    /// A person.
    User(UserId),
    /// A program.
    ServiceAccount(ServiceAccountId),
}

/// A key with what decides whether it is let in, read in one look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The key.
    pub key: ApiKey,
    /// Whether its project is archived.
    pub project_archived: bool,
    /// What its user is in the organisation, for a user's key.
    pub user_role: Option<OrganizationRole>,
    /// What its user is in the key's project, for a user's key.
    pub member_role: Option<ProjectRole>,
}

impl Standing {
    /// Why the key is not let in at `now`, if so. The secret was compared before.
    pub(crate) fn rejection(&self, now: Timestamp) -> Option<Rejection> {
        if expired(self.key.expires_at, now) {
            return Some(Rejection::Expired);
        }
        if self.project_archived {
            return Some(Rejection::ProjectArchived);
        }
        let entitled = match (&self.key.owner, self.key.role) {
            (KeyOwner::User(_), Role::Admin) => self.user_role == Some(OrganizationRole::Owner),
            (KeyOwner::User(_), Role::Project) => {
                self.user_role.is_some_and(|role| role.calls().allow(self.member_role.is_some()))
            }
            (KeyOwner::ServiceAccount(_), role) => role == Role::Project,
        };
        if entitled { None } else { Some(Rejection::OwnerStripped) }
    }
}

/// Whether a key that ends at `expires_at` has ended.
pub(crate) fn expired(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|end| end <= now)
}

/// The secret of a key. It is printed by nothing but [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Makes a new one: 12 public and 40 secret characters of 62 (71 and 238 bits).
    pub(crate) fn generate(role: Role, rng: &dyn Rng) -> Self {
        let admin = match role {
            Role::Admin => ADMIN,
            Role::Project => "",
        };
        Self(format!("{START}{admin}{}-{}", base62(rng, PREFIX_LENGTH), base62(rng, RANDOM_LENGTH)))
    }

    /// The secret itself, to be shown to its owner once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", redact(&self.0))
    }
}

/// The keyed hash of a secret. Equality takes the same time wherever two differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(blake3::Hash);

impl Digest {
    /// The hash of `secret` under `pepper`.
    pub fn of(secret: &str, pepper: &[u8; 32]) -> Self {
        Self(blake3::keyed_hash(pepper, secret.as_bytes()))
    }

    /// In 64 hexadecimal digits, as it is stored.
    pub fn to_hex(&self) -> String {
        self.0.to_hex().to_string()
    }

    /// Reads what [`Digest::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(Self)
    }

    /// The hash itself.
    pub fn bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// The public prefix of a secret, or nothing when it cannot be one of ours.
pub(crate) fn prefix_of(secret: &str) -> Option<&str> {
    let rest = secret.strip_prefix(START)?;
    let rest = rest.strip_prefix(ADMIN).unwrap_or(rest);
    let (prefix, random) = rest.split_once('-')?;
    let fits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_alphanumeric());
    (fits(prefix, PREFIX_LENGTH) && fits(random, RANDOM_LENGTH)).then_some(prefix)
}

/// What of a secret may be repeated: the first eight and the last four characters, and of anything shorter than
/// 24 characters or with other than printable ASCII, nothing.
pub(crate) fn redact(secret: &str) -> String {
    const STARS: &str = "********";
    if secret.len() < 24 || !secret.bytes().all(|b| b.is_ascii_graphic()) {
        return STARS.to_owned();
    }
    format!("{}{STARS}{}", &secret[..8], &secret[secret.len() - 4..])
}

/// Reads scopes by their names on the wire, each once and in order.
///
/// # Errors
/// [`IdentityError::Invalid`] that names `scopes`.
pub fn parse_scopes<S: AsRef<str>>(names: &[S]) -> Result<Vec<Scope>, IdentityError> {
    let mut scopes = names
        .iter()
        .map(|name| match name.as_ref() {
            "model.request" => Ok(Scope::ModelRequest),
            "api.read" => Ok(Scope::Read),
            "api.management" => Ok(Scope::Management),
            _ => Err(IdentityError::Invalid {
                param: "scopes",
                reason: "a scope is `model.request`, `api.read` or `api.management`".to_owned(),
            }),
        })
        .collect::<Result<Vec<_>, _>>()?;
    scopes.sort_unstable();
    scopes.dedup();
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tenfold_kernel::{SeededRng, SystemRng};

    use super::*;

    #[test]
    fn secrets_have_the_documented_form() {
        let project = Secret::generate(Role::Project, &SystemRng);
        let admin = Secret::generate(Role::Admin, &SystemRng);
        assert_eq!(project.expose().len(), 6 + 12 + 1 + 40);
        assert!(admin.expose().starts_with("sk-tf-admin-"));
        assert_eq!(prefix_of(project.expose()), Some(&project.expose()[6..18]));
        assert_eq!(prefix_of(admin.expose()), Some(&admin.expose()[12..24]));
        assert_ne!(project.expose(), Secret::generate(Role::Project, &SystemRng).expose());
    }

    #[test]
    fn debug_output_holds_no_secret_and_no_digest() {
        let secret = Secret::generate(Role::Project, &SeededRng::new(1));
        let random = &secret.expose()[19..];
        let digest = Digest::of(secret.expose(), &[7; 32]);
        let printed = format!("{secret:?} {digest:?}");
        assert!(!printed.contains(&random[..36]), "{printed}");
        assert!(!printed.contains(&digest.to_hex()), "{printed}");
    }

    #[test]
    fn the_same_secret_under_another_pepper_has_another_digest() {
        let secret = Secret::generate(Role::Project, &SeededRng::new(1));
        let digest = Digest::of(secret.expose(), &[1; 32]);
        assert_ne!(digest, Digest::of(secret.expose(), &[2; 32]));
        assert_eq!(Digest::from_hex(&digest.to_hex()), Some(digest));
        assert_eq!(Digest::from_hex("not hex"), None);
    }

    proptest! {
        #[test]
        fn whatever_is_shown_of_a_key_is_eight_and_four_characters_at_most(text in "\\PC{0,80}") {
            let shown = redact(&text);
            let plain: String = shown.replace('*', "");
            prop_assert!(plain.len() <= 12);
            if text.len() < 24 {
                prop_assert_eq!(plain, "");
            }
        }

        #[test]
        fn anything_else_has_no_prefix(text in "(sk-tf-)?(admin-)?[a-zA-Z0-9]{0,14}-?[a-zA-Z0-9';]{0,44}") {
            let Some(prefix) = prefix_of(&text) else { return Ok(()) };
            prop_assert_eq!(prefix.len(), 12);
            prop_assert!(text.len() == 59 || text.len() == 65);
            prop_assert!(prefix.bytes().all(|b| b.is_ascii_alphanumeric()));
        }
    }
}
