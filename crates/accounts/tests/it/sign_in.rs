//! Passwords, and who guesses at them.

use std::time::{Duration, Instant};

use tenfold_accounts::{AccountsError, NewInvite};
use tenfold_identity::OrganizationRole;
use tenfold_kernel::{Classify, ErrorKind, Secret};

use crate::house::{EMAIL, House, PASSWORD, house, short_of};

#[tokio::test]
async fn the_password_signs_in_however_the_address_is_written() {
    let (house, first) = house().await;
    let again = house.sign_in(" ADA@example.ORG ", PASSWORD, None).await.unwrap();
    assert_eq!(again.info.user, first.info.user);
    assert_ne!(again.token, first.token);
    assert_ne!(again.csrf_token, first.csrf_token);
    assert_eq!(again.info.session.user_agent, "Chrome");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_read_the_same() {
    let (house, _) = house().await;
    let wrong = house.sign_in(EMAIL, "a notable engine of iron", None).await.unwrap_err();
    let unknown = house.sign_in("eve@example.org", PASSWORD, None).await.unwrap_err();
    let long = house.sign_in(EMAIL, &PASSWORD.repeat(1000), None).await.unwrap_err();
    for error in [&wrong, &unknown, &long] {
        assert_eq!(error.to_string(), wrong.to_string());
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Unauthenticated, Some("invalid_sign_in".into()))
        );
    }
}

/// The shortest of a few tries: what it takes when nothing else runs.
async fn shortest(house: &House, email: impl Fn(u32) -> String) -> Duration {
    let mut shortest = Duration::MAX;
    for n in 0..4 {
        let began = Instant::now();
        assert!(house.sign_in(&email(n), "a notable engine of iron", None).await.is_err());
        shortest = shortest.min(began.elapsed());
    }
    shortest
}

#[tokio::test]
async fn an_unknown_address_costs_as_much_work_as_a_known_one() {
    let (house, _) = house().await;
    let known = shortest(&house, |_| EMAIL.to_owned()).await;
    let unknown = shortest(&house, |n| format!("eve{n}@example.org")).await;
    // Without the hash it would be a hundredth; machines that run tests do other things beside.
    assert!(unknown * 10 > known && known * 10 > unknown, "{known:?} {unknown:?}");
}

#[tokio::test]
async fn after_five_failures_even_the_right_password_waits_longer_and_longer() {
    let (house, _) = house().await;
    for minutes in [1, 2, 4, 8, 15, 15] {
        let tries = if minutes == 1 { 5 } else { 1 };
        for _ in 0..tries {
            assert_eq!(house.outcome("wrong wrong wrong", None).await, "invalid");
        }
        let error = house.sign_in(EMAIL, PASSWORD, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyRequests);
        assert_eq!(error.retry_after(), Some(Duration::from_mins(minutes)));
        house.clock.advance(short_of(Duration::from_mins(minutes)));
        assert_eq!(house.outcome(PASSWORD, None).await, "wait");
        house.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(house.outcome(PASSWORD, None).await, "in");
    for _ in 0..5 {
        assert_eq!(house.outcome("wrong wrong wrong", None).await, "invalid", "success clears them");
    }
    assert_eq!(house.outcome("wrong wrong wrong", None).await, "wait");
}

#[tokio::test]
async fn an_unknown_address_waits_too() {
    let (house, _) = house().await;
    for _ in 0..5 {
        let error = house.sign_in("eve@example.org", PASSWORD, None).await.unwrap_err();
        assert!(matches!(error, AccountsError::InvalidSignIn));
    }
    let error = house.sign_in("eve@example.org", PASSWORD, None).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_mins(1)));
    assert_eq!(house.outcome(PASSWORD, None).await, "in", "others do not");
}

#[tokio::test]
async fn of_many_guesses_at_once_five_get_through() {
    let (house, _) = house().await;
    let guess = || house.outcome("wrong wrong wrong", None);
    let four = tokio::join!(guess(), guess(), guess(), guess());
    let more = tokio::join!(guess(), guess(), guess(), guess());
    let outcomes = [four.0, four.1, four.2, four.3, more.0, more.1, more.2, more.3];
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "invalid").count(), 5, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "wait").count(), 3, "{outcomes:?}");
}

#[tokio::test]
async fn one_address_in_two_organizations_is_told_apart_by_its_password() {
    let (house, ada) = house().await;
    house.clock.advance(Duration::from_secs(1));
    let made = house.identity.found_organization("The other one").await.unwrap();
    let invite =
        NewInvite { email: EMAIL.to_owned(), role: OrganizationRole::Developer, projects: Vec::new() };
    let invite = house.accounts.create_invite(&made.admin, invite).await.unwrap();
    let other = Secret::new("another engine of copper");
    let joined = house.accounts.accept_invite(invite.token.expose(), "Ada", &other, "Safari").await.unwrap();
    assert_eq!(joined.info.organization.id, made.organization);
    assert_ne!(joined.info.user.id, ada.info.user.id);
    let there = house.sign_in(EMAIL, other.expose(), None).await.unwrap();
    assert_eq!(there.info.user.id, joined.info.user.id);
    let here = house.sign_in(EMAIL, PASSWORD, None).await.unwrap();
    assert_eq!(here.info.user.id, ada.info.user.id);
    // With one password in both, the organisation that was founded first.
    let info = house.accounts.session(joined.token.expose()).await.unwrap();
    house.accounts.change_password(&info, &other, &Secret::new(PASSWORD)).await.unwrap();
    let same = house.sign_in(EMAIL, PASSWORD, None).await.unwrap();
    assert_eq!(same.info.user.id, ada.info.user.id);
    assert!(house.sign_in(EMAIL, other.expose(), None).await.is_err());
}
