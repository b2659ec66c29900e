//! One-time codes and recovery codes.

use std::time::Duration;

use tenfold_accounts::{AccountsError, SignedIn, TotpSecret};
use tenfold_kernel::{Clock as _, Secret};

use crate::house::{House, PASSWORD, house};

/// Turns codes on; gives the secret and the recovery codes.
async fn turn_on(house: &House, ada: &SignedIn) -> (TotpSecret, Vec<Secret>) {
    let pending = house.accounts.begin_totp(&ada.info, &Secret::new(PASSWORD)).await.unwrap();
    let code = pending.secret.code_at(house.clock.now());
    let recovery = house.accounts.confirm_totp(&ada.info, &code).await.unwrap();
    house.clock.advance(Duration::from_secs(30));
    (pending.secret, recovery)
}

#[tokio::test]
async fn nothing_changes_until_a_code_is_shown() {
    let (house, ada) = house().await;
    let accounts = &house.accounts;
    let early = accounts.confirm_totp(&ada.info, "123456").await.unwrap_err();
    assert!(matches!(early, AccountsError::TotpDisabled));
    let wrong = accounts.begin_totp(&ada.info, &Secret::new("wrong wrong wrong")).await.unwrap_err();
    assert!(matches!(wrong, AccountsError::WrongPassword));
    let pending = accounts.begin_totp(&ada.info, &Secret::new(PASSWORD)).await.unwrap();
    assert!(pending.url.expose().starts_with("otpauth://totp/Tenfold:ada@example.org?secret="));
    assert!(pending.url.expose().contains(&pending.secret.to_base32()));
    assert_eq!(house.outcome(PASSWORD, None).await, "in");
    let code = pending.secret.code_at(house.clock.now());
    let other = if code == "000000" { "111111" } else { "000000" };
    let wrong = accounts.confirm_totp(&ada.info, other).await.unwrap_err();
    assert!(matches!(wrong, AccountsError::WrongCode));
    assert_eq!(accounts.confirm_totp(&ada.info, &code).await.unwrap().len(), 10);
    assert!(accounts.session(ada.token.expose()).await.unwrap().account.totp.is_some());
    assert_eq!(house.outcome(PASSWORD, None).await, "code");
    let again = accounts.begin_totp(&ada.info, &Secret::new(PASSWORD)).await.unwrap_err();
    assert!(matches!(again, AccountsError::TotpEnabled));
    let again = accounts.confirm_totp(&ada.info, &code).await.unwrap_err();
    assert!(matches!(again, AccountsError::TotpEnabled));
}

#[tokio::test]
async fn a_code_signs_in_once() {
    let (house, ada) = house().await;
    let (secret, _) = turn_on(&house, &ada).await;
    let code = secret.code_at(house.clock.now());
    assert_eq!(house.outcome("wrong wrong wrong", Some(&code)).await, "invalid");
    assert_eq!(house.outcome(PASSWORD, Some(&code)).await, "in");
    assert_eq!(house.outcome(PASSWORD, Some(&code)).await, "invalid", "it was used");
    house.clock.advance(Duration::from_secs(30));
    let next = secret.code_at(house.clock.now());
    let (a, b) = tokio::join!(house.outcome(PASSWORD, Some(&next)), house.outcome(PASSWORD, Some(&next)));
    let mut both = [a, b];
    both.sort_unstable();
    assert_eq!(both, ["in", "invalid"], "of two at once one");
}

#[tokio::test]
async fn the_code_that_turned_codes_on_signs_nobody_in() {
    let (house, ada) = house().await;
    let pending = house.accounts.begin_totp(&ada.info, &Secret::new(PASSWORD)).await.unwrap();
    let code = pending.secret.code_at(house.clock.now());
    house.accounts.confirm_totp(&ada.info, &code).await.unwrap();
    assert_eq!(house.outcome(PASSWORD, Some(&code)).await, "invalid");
}

#[tokio::test]
async fn asking_for_the_code_is_no_failure_and_no_fresh_start() {
    let (house, ada) = house().await;
    let (secret, _) = turn_on(&house, &ada).await;
    for _ in 0..8 {
        assert_eq!(house.outcome(PASSWORD, None).await, "code");
    }
    for _ in 0..4 {
        assert_eq!(house.outcome(PASSWORD, Some("not a code")).await, "invalid");
        assert_eq!(house.outcome(PASSWORD, None).await, "code");
    }
    assert_eq!(house.outcome(PASSWORD, Some("not a code")).await, "invalid");
    assert_eq!(house.outcome(PASSWORD, None).await, "wait", "the right password alone clears nothing");
    house.clock.advance(Duration::from_mins(1));
    let code = secret.code_at(house.clock.now());
    assert_eq!(house.outcome(PASSWORD, Some(&code)).await, "in");
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_however_it_is_written() {
    let (house, ada) = house().await;
    let (_, recovery) = turn_on(&house, &ada).await;
    let mut texts: Vec<&str> = recovery.iter().map(Secret::expose).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 10);
    let written = texts[0].to_uppercase().replace('-', " ");
    assert_eq!(house.outcome(PASSWORD, Some(&written)).await, "in");
    assert_eq!(house.outcome(PASSWORD, Some(texts[0])).await, "invalid");
    let once = || house.outcome(PASSWORD, Some(texts[1]));
    let (a, b) = tokio::join!(once(), once());
    let mut both = [a, b];
    both.sort_unstable();
    assert_eq!(both, ["in", "invalid"], "of two at once one");
    assert_eq!(house.outcome("wrong wrong wrong", Some(texts[2])).await, "invalid");
    assert_eq!(house.outcome(PASSWORD, Some(texts[2])).await, "in", "a wrong password uses up no code");
}

#[tokio::test]
async fn turning_codes_off_needs_password_and_code() {
    let (house, ada) = house().await;
    let accounts = &house.accounts;
    let password = Secret::new(PASSWORD);
    let off = accounts.disable_totp(&ada.info, &password, "123456").await.unwrap_err();
    assert!(matches!(off, AccountsError::TotpDisabled));
    let (secret, recovery) = turn_on(&house, &ada).await;
    let code = secret.code_at(house.clock.now());
    let wrong = accounts.disable_totp(&ada.info, &Secret::new("wrong wrong wrong"), &code).await;
    assert!(matches!(wrong, Err(AccountsError::WrongPassword)));
    let wrong = accounts.disable_totp(&ada.info, &password, "not a code").await;
    assert!(matches!(wrong, Err(AccountsError::WrongCode)));
    accounts.disable_totp(&ada.info, &password, &code).await.unwrap();
    assert_eq!(house.outcome(PASSWORD, None).await, "in");
    // The recovery codes of before are void when codes are on again.
    let (_, fresh) = turn_on(&house, &ada).await;
    assert_eq!(house.outcome(PASSWORD, Some(recovery[0].expose())).await, "invalid");
    assert_eq!(house.outcome(PASSWORD, Some(fresh[0].expose())).await, "in");
}

#[tokio::test]
async fn guesses_of_whoever_is_signed_in_are_counted_apart() {
    let (house, ada) = house().await;
    let wrong = Secret::new("wrong wrong wrong");
    for _ in 0..5 {
        let error = house.accounts.begin_totp(&ada.info, &wrong).await.unwrap_err();
        assert!(matches!(error, AccountsError::WrongPassword));
    }
    let error = house.accounts.begin_totp(&ada.info, &Secret::new(PASSWORD)).await.unwrap_err();
    assert!(matches!(error, AccountsError::TooManyAttempts { .. }));
    assert_eq!(house.outcome(PASSWORD, None).await, "in");
}
