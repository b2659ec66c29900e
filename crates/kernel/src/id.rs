//! Typed ids: a prefix that says what is meant, and a random part that sorts by nothing.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::rng::{BASE62, Rng, base62};

/// A string that cannot be an id: empty, longer than 128 bytes, or with characters outside `A-Za-z0-9._:-`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a valid id")]
pub struct InvalidId(pub String);

/// Milliseconds in 8 digits of base 62, which sort as text as they do as numbers: enough for 6,900 years.
fn base62_of(now: Timestamp) -> String {
    let mut rest = now.0.unsigned_abs();
    let mut digits = [b'0'; 8];
    for digit in digits.iter_mut().rev() {
        // Below 62 by the remainder.
        *digit = BASE62[usize::try_from(rest % 62).unwrap_or(0)];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// Defines an id type. Expands to a newtype over `Arc<str>` (ids are cloned on the path of every call) with
/// `generate`, `parse`, `as_str`, `Display`, and transparent serde.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// What every generated id of this type begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes a new id of 24 random letters and digits (142 bits) behind the prefix.
            pub fn generate(rng: &dyn Rng) -> Self {
                Self(format!("{}{}", $prefix, base62(rng, 24)).into())
            }

            /// Makes a new id that sorts behind those of earlier milliseconds: 8 letters and digits of `now` and 18
            /// random ones (107 bits). For rows that are written at a high rate under their id: rows of one time
            /// then lie together in an index, and a write touches few of its pages.
            pub fn generate_at(now: Timestamp, rng: &dyn Rng) -> Self {
                Self(format!("{}{}{}", $prefix, base62_of(now), base62(rng, 18)).into())
            }

            /// Takes an id that came from outside.
            ///
            /// # Errors
            /// [`InvalidId`] if it could not be one.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let fits = !text.is_empty() && text.len() <= 128
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b));
                if fits { Ok(Self(text.into())) } else { Err(InvalidId(text.chars().take(64).collect())) }
            }

            /// The id as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An organisation: the customer, the tenant.
    OrganizationId, "org-"
);
id!(
    /// A project of an organisation: the owner of keys, data and events.
    ProjectId, "proj_"
);
id!(
    /// A person.
    UserId, "user-"
);
id!(
    /// A program that calls in a project's name.
    ServiceAccountId, "svc_acct_"
);
id!(
    /// An API key, by name; the secret is another thing.
    ApiKeyId, "key_"
);
id!(
    /// A browser that is signed in, by name; its token is another thing.
    SessionId, "sess_"
);
id!(
    /// An invitation to an organisation.
    InviteId, "invite_"
);
id!(
    /// A passkey of a person.
    PasskeyId, "passkey_"
);
id!(
    /// What a browser is asked to sign with a passkey.
    ChallengeId, "chal_"
);
id!(
    /// A model version offered under a name.
    DeploymentId, "dep_"
);
id!(
    /// One running copy of a deployment.
    ReplicaId, "rep_"
);
id!(
    /// The record of one call.
    EventId, "evt_"
);
id!(
    /// One HTTP request, as in `x-request-id`.
    RequestId, "req_"
);
id!(
    /// A stored response of `/v1/responses`.
    ResponseId, "resp_"
);
id!(
    /// Long work that survives a restart.
    JobId, "job_"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SystemRng;

    #[test]
    fn generated_ids_parse_and_differ() {
        let a = ProjectId::generate(&SystemRng);
        let b = ProjectId::generate(&SystemRng);
        assert_ne!(a, b);
        assert!(a.as_str().starts_with("proj_"));
        assert_eq!(ProjectId::parse(a.as_str()), Ok(a));
    }

    #[test]
    fn ids_of_later_milliseconds_sort_behind() {
        let mut last = RequestId::generate_at(Timestamp(0), &SystemRng);
        for ms in [1, 61, 62, 3_843, 3_844, 1_763_926_800_000, 1_763_926_800_001, 253_402_300_799_999 / 2] {
            let next = RequestId::generate_at(Timestamp(ms), &SystemRng);
            assert!(last < next, "{last} {next}");
            assert_eq!(RequestId::parse(next.as_str()), Ok(next.clone()));
            last = next;
        }
    }

    #[test]
    fn ids_from_outside_are_checked() {
        for bad in ["", "a b", "a/b", "ключ", &"x".repeat(129)] {
            assert!(ProjectId::parse(bad).is_err(), "{bad}");
        }
    }
}
