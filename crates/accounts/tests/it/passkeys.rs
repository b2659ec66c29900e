//! Passkeys, by a software authenticator.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tenfold_accounts::{Accounts, AccountsError, Config, NewInvite, Passkey, Question, SignedIn};
use tenfold_identity::OrganizationRole;
use tenfold_kernel::{ChallengeId, Clock as _, Secret, SystemClock, SystemRng};

use crate::authenticator::{Authenticator, spoil};
use crate::house::{House, PASSWORD, config, house};

async fn answer(
    house: &House,
    who: &SignedIn,
    question: &Question,
    answer: &Value,
) -> Result<Passkey, AccountsError> {
    let answer = serde_json::to_vec(answer).unwrap();
    house.accounts.register_passkey(&who.info, &question.challenge, "Laptop", &answer).await
}

async fn register(
    house: &House,
    who: &SignedIn,
    authenticator: &mut Authenticator,
) -> Result<Passkey, AccountsError> {
    let question = house.accounts.begin_passkey(&who.info).await.unwrap();
    let response = authenticator.register(&question.public_key);
    answer(house, who, &question, &response).await
}

async fn prove(house: &House, question: &Question, answer: &Value) -> Result<SignedIn, AccountsError> {
    let answer = serde_json::to_vec(answer).unwrap();
    house.accounts.sign_in_with_passkey(&question.challenge, &answer, "Safari").await
}

async fn sign_in(house: &House, authenticator: &mut Authenticator) -> Result<SignedIn, AccountsError> {
    let question = house.accounts.begin_passkey_sign_in().await.unwrap();
    let answer = authenticator.sign(&question.public_key);
    prove(house, &question, &answer).await
}

/// A house with a passkey of Ada's.
async fn with_passkey() -> (House, SignedIn, Authenticator, Passkey) {
    let (house, ada) = house().await;
    let mut authenticator = Authenticator::new();
    let passkey = register(&house, &ada, &mut authenticator).await.unwrap();
    (house, ada, authenticator, passkey)
}

fn is_invalid(outcome: &Result<SignedIn, AccountsError>) -> bool {
    matches!(outcome, Err(AccountsError::InvalidSignIn))
}

fn is_gone<T>(outcome: &Result<T, AccountsError>) -> bool {
    matches!(outcome, Err(AccountsError::ChallengeGone))
}

#[tokio::test]
async fn a_passkey_signs_in_and_stands_for_both_factors() {
    let (house, ada, mut authenticator, passkey) = with_passkey().await;
    assert_eq!((passkey.name.as_str(), passkey.last_used_at), ("Laptop", None));
    assert_eq!(passkey.credential, authenticator.credential);
    let pending = house.accounts.begin_totp(&ada.info, &Secret::new(PASSWORD)).await.unwrap();
    let code = pending.secret.code_at(house.clock.now());
    house.accounts.confirm_totp(&ada.info, &code).await.unwrap();
    house.clock.advance(Duration::from_mins(1));
    for _ in 0..3 {
        let signed_in = sign_in(&house, &mut authenticator).await.unwrap();
        assert_eq!(signed_in.info.user, ada.info.user);
        assert!(signed_in.info.has_passkey);
        house.accounts.session(signed_in.token.expose()).await.unwrap();
    }
    let listed = house.accounts.list_passkeys(&ada.info).await.unwrap();
    assert_eq!(listed[0].last_used_at, Some(house.clock.now()));
    house.accounts.delete_passkey(&ada.info, &passkey.id).await.unwrap();
    assert!(is_invalid(&sign_in(&house, &mut authenticator).await));
    let missing = house.accounts.delete_passkey(&ada.info, &passkey.id).await;
    assert!(matches!(missing, Err(AccountsError::NotFound { .. })));
}

#[tokio::test]
async fn browsers_are_asked_for_discoverable_verified_passkeys() {
    let (house, ada, authenticator, _) = with_passkey().await;
    let asked = house.accounts.begin_passkey(&ada.info).await.unwrap().public_key;
    assert_eq!(asked["rp"]["id"], "console.example.org");
    assert_eq!(asked["user"]["name"], "ada@example.org");
    assert_eq!(asked["user"]["displayName"], "Ada Lovelace");
    assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(asked["timeout"], 300_000);
    let known = tenfold_accounts::to_text(&authenticator.credential);
    assert_eq!(asked["excludeCredentials"][0]["id"], known, "an authenticator is not asked twice");
    let asked = house.accounts.begin_passkey_sign_in().await.unwrap().public_key;
    assert_eq!(
        (&asked["rpId"], &asked["userVerification"]),
        (&"console.example.org".into(), &"required".into())
    );
    let other = house.accounts.begin_passkey_sign_in().await.unwrap().public_key;
    assert_ne!(asked["challenge"], other["challenge"]);
    assert!(asked["challenge"].as_str().unwrap().len() >= 22, "128 bits: {asked}");
}

#[tokio::test]
async fn an_answer_from_elsewhere_proves_nothing() {
    let (house, _, mut authenticator, _) = with_passkey().await;
    for origin in [
        "https://console.example.org.evil.org",
        "https://evil.org",
        "http://console.example.org",
        "https://console.example.org:8443",
        "https://sub.console.example.org",
    ] {
        origin.clone_into(&mut authenticator.origin);
        assert!(is_invalid(&sign_in(&house, &mut authenticator).await), "{origin}");
    }
    "https://console.example.org".clone_into(&mut authenticator.origin);
    "evil.org".clone_into(&mut authenticator.rp_id);
    assert!(is_invalid(&sign_in(&house, &mut authenticator).await), "another relying party");
    "console.example.org".clone_into(&mut authenticator.rp_id);
    sign_in(&house, &mut authenticator).await.unwrap();
}

#[tokio::test]
async fn a_challenge_is_answered_once_in_time_and_by_its_own_answer() {
    let (house, ada, mut authenticator, _) = with_passkey().await;
    let accounts = &house.accounts;
    let (one, two) =
        (accounts.begin_passkey_sign_in().await.unwrap(), accounts.begin_passkey_sign_in().await.unwrap());
    let first = authenticator.sign(&one.public_key);
    assert!(is_invalid(&prove(&house, &two, &first).await), "it answers another challenge");
    prove(&house, &one, &first).await.unwrap();
    assert!(is_gone(&prove(&house, &one, &first).await), "a replay");
    let three = accounts.begin_passkey_sign_in().await.unwrap();
    assert!(is_invalid(&prove(&house, &three, &first).await), "a replay under a new challenge");
    assert!(is_gone(&prove(&house, &two, &first).await), "a wrong answer uses the challenge up");

    let late = accounts.begin_passkey_sign_in().await.unwrap();
    house.clock.advance(Duration::from_mins(5));
    let answer = authenticator.sign(&late.public_key);
    assert!(is_gone(&prove(&house, &late, &answer).await));
    let unknown = Question { challenge: ChallengeId::generate(&SystemRng), ..late };
    assert!(is_gone(&prove(&house, &unknown, &answer).await));
    let registering = accounts.begin_passkey(&ada.info).await.unwrap();
    let answer = authenticator.sign(&registering.public_key);
    assert!(is_gone(&prove(&house, &registering, &answer).await), "it was asked of somebody else");

    let both = accounts.begin_passkey_sign_in().await.unwrap();
    let answer = authenticator.sign(&both.public_key);
    let (a, b) = tokio::join!(prove(&house, &both, &answer), prove(&house, &both, &answer));
    assert_eq!([&a, &b].iter().filter(|outcome| outcome.is_ok()).count(), 1, "of two at once one");
}

#[tokio::test]
async fn what_is_not_signed_by_the_passkey_proves_nothing() {
    let (house, _, mut authenticator, _) = with_passkey().await;
    for (field, at) in [("signature", 20), ("authenticatorData", 36), ("clientDataJSON", 4)] {
        let question = house.accounts.begin_passkey_sign_in().await.unwrap();
        let mut answer = authenticator.sign(&question.public_key);
        spoil(&mut answer, field, at);
        assert!(is_invalid(&prove(&house, &question, &answer).await), "{field}");
    }
    let mut stranger = Authenticator::new();
    authenticator.user_handle.clone_into(&mut stranger.user_handle);
    assert!(is_invalid(&sign_in(&house, &mut stranger).await), "an unknown credential");
    authenticator.credential.clone_into(&mut stranger.credential);
    stranger.counter = 100;
    assert!(is_invalid(&sign_in(&house, &mut stranger).await), "another key under its name");
    let question = house.accounts.begin_passkey_sign_in().await.unwrap();
    assert!(is_invalid(&prove(&house, &question, &Value::Null).await), "no answer at all");
    sign_in(&house, &mut authenticator).await.unwrap();
}

#[tokio::test]
async fn a_copied_passkey_and_an_unverified_user_are_refused() {
    let (house, _, mut authenticator, _) = with_passkey().await;
    authenticator.counter = 10;
    sign_in(&house, &mut authenticator).await.unwrap();
    authenticator.counter = 5;
    assert!(is_invalid(&sign_in(&house, &mut authenticator).await), "the counter went back");
    authenticator.counter = 11;
    authenticator.verifies = false;
    assert!(is_invalid(&sign_in(&house, &mut authenticator).await), "it is one factor only");
    authenticator.verifies = true;
    sign_in(&house, &mut authenticator).await.unwrap();
}

#[tokio::test]
async fn a_passkey_is_bound_to_its_user() {
    let (house, _, mut authenticator, _) = with_passkey().await;
    let new = NewInvite {
        email: "eve@example.org".to_owned(),
        role: OrganizationRole::Developer,
        projects: Vec::new(),
    };
    let invite = house.accounts.create_invite(&house.admin, new).await.unwrap();
    let password = Secret::new("an apple a day or so");
    let eve = house.accounts.accept_invite(invite.token.expose(), "Eve", &password, "").await.unwrap();
    let mut hers = Authenticator::new();
    register(&house, &eve, &mut hers).await.unwrap();
    assert_ne!(hers.user_handle, authenticator.user_handle);
    let right = hers.user_handle.clone();
    authenticator.user_handle.clone_into(&mut hers.user_handle);
    assert!(is_invalid(&sign_in(&house, &mut hers).await), "it names another user");
    hers.user_handle = right;
    let signed_in = sign_in(&house, &mut hers).await.unwrap();
    assert_eq!(signed_in.info.user, eve.info.user);
    // A credential that somebody has is nobody else's.
    let taken = register(&house, &eve, &mut authenticator).await;
    assert!(matches!(taken, Err(AccountsError::AlreadyExists { .. })), "{taken:?}");
    assert_eq!(house.accounts.list_passkeys(&eve.info).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_registration_is_checked_as_a_sign_in_is() {
    let (house, ada) = house().await;
    let rejected = |outcome: &Result<Passkey, AccountsError>| {
        matches!(outcome, Err(AccountsError::PasskeyRejected { .. }))
    };
    let mut authenticator = Authenticator::new();
    "https://evil.org".clone_into(&mut authenticator.origin);
    assert!(rejected(&register(&house, &ada, &mut authenticator).await), "wrong origin");
    "https://console.example.org".clone_into(&mut authenticator.origin);
    "evil.org".clone_into(&mut authenticator.rp_id);
    assert!(rejected(&register(&house, &ada, &mut authenticator).await), "wrong relying party");
    "console.example.org".clone_into(&mut authenticator.rp_id);
    authenticator.verifies = false;
    assert!(rejected(&register(&house, &ada, &mut authenticator).await), "unverified user");
    authenticator.verifies = true;
    let one = house.accounts.begin_passkey(&ada.info).await.unwrap();
    let two = house.accounts.begin_passkey(&ada.info).await.unwrap();
    let response = authenticator.register(&one.public_key);
    assert!(rejected(&answer(&house, &ada, &two, &response).await), "another challenge");
    let sign_in = house.accounts.begin_passkey_sign_in().await.unwrap();
    assert!(is_gone(&answer(&house, &ada, &sign_in, &response).await), "a question of another kind");
    answer(&house, &ada, &one, &response).await.unwrap();
    assert!(is_gone(&answer(&house, &ada, &one, &response).await), "a replay");
    let late = house.accounts.begin_passkey(&ada.info).await.unwrap();
    house.clock.advance(Duration::from_mins(5));
    let response = Authenticator::new().register(&late.public_key);
    assert!(is_gone(&answer(&house, &ada, &late, &response).await), "too late");
    assert_eq!(house.accounts.list_passkeys(&ada.info).await.unwrap().len(), 1);
}

#[tokio::test]
async fn there_are_twenty_passkeys_at_most() {
    let (house, ada) = house().await;
    for _ in 0..20 {
        register(&house, &ada, &mut Authenticator::new()).await.unwrap();
    }
    let more = house.accounts.begin_passkey(&ada.info).await;
    assert!(matches!(more, Err(AccountsError::TooManyPasskeys { limit: 20 })));
}

#[tokio::test]
async fn without_a_domain_there_are_none() {
    let identity = tenfold_identity::Ports::of(Arc::new(tenfold_identity::MemoryStore::new()));
    let store = tenfold_accounts::MemoryStore::new(identity.clone());
    let config = Config { relying_party: None, ..config() };
    let ports = tenfold_accounts::Ports::of(Arc::new(store));
    let accounts = Accounts::new(config, ports, identity, Arc::new(SystemClock), Arc::new(SystemRng));
    assert!(!accounts.has_passkeys());
    let refused = accounts.begin_passkey_sign_in().await;
    assert!(matches!(refused, Err(AccountsError::PasskeysUnavailable)));
}
