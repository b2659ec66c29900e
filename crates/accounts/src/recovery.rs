//! Recovery codes: what signs in when the authenticator app is lost, each once.

use tenfold_identity::Digest;
use tenfold_kernel::{Rng, UserId};

/// How many a person gets.
pub(crate) const COUNT: usize = 10;
/// Letters and digits that are not taken for one another, 32 of them: a byte makes each equally likely.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
const LENGTH: usize = 12;

/// Makes a code of 60 random bits, in three groups for reading.
pub(crate) fn generate(rng: &dyn Rng) -> String {
    let mut bytes = [0_u8; LENGTH];
    rng.fill(&mut bytes);
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// Under what a code of `user` is kept, or nothing if the text cannot be one.
pub(crate) fn digest(code: &str, user: &UserId, pepper: &[u8; 32]) -> Option<Digest> {
    let plain: String = code
        .chars()
        .filter(|character| !character.is_whitespace() && *character != '-')
        .map(|character| character.to_ascii_lowercase())
        .collect();
    let fits = plain.len() == LENGTH && plain.bytes().all(|byte| ALPHABET.contains(&byte));
    fits.then(|| Digest::of(&format!("recovery code\0{user}\0{plain}"), pepper))
}

#[cfg(test)]
mod tests {
    use tenfold_kernel::SystemRng;

    use super::*;

    #[test]
    fn codes_are_read_as_people_write_them() {
        let user = UserId::generate(&SystemRng);
        let code = generate(&SystemRng);
        assert_eq!(code.len(), 14);
        let kept = digest(&code, &user, &[1; 32]);
        assert!(kept.is_some());
        assert_eq!(digest(&code.to_uppercase().replace('-', " "), &user, &[1; 32]), kept);
        assert_ne!(digest(&code, &UserId::generate(&SystemRng), &[1; 32]), kept);
        assert_ne!(digest(&code, &user, &[2; 32]), kept);
        for wrong in ["", "123456", "abcd-efgh-jkm", "abcd-efgh-jkml"] {
            assert_eq!(digest(wrong, &user, &[1; 32]), None, "{wrong}");
        }
    }
}
