//! Browsers that are signed in.

use std::time::Duration;

use tenfold_accounts::AccountsError;
use tenfold_identity::OrganizationRole;
use tenfold_kernel::{Clock as _, Secret, SessionId, SystemRng};

use crate::house::{EMAIL, PASSWORD, house, short_of};

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_after_its_life() {
    let (house, ada) = house().await;
    let token = ada.token.expose();
    let hour = Duration::from_hours(1);
    house.clock.advance(short_of(hour * 12));
    house.accounts.session(token).await.unwrap();
    for _ in 0..13 {
        house.clock.advance(short_of(hour * 12));
        house.accounts.session(token).await.unwrap();
    }
    house.clock.advance(Duration::from_millis(14));
    let end = house.accounts.session(token).await.unwrap_err();
    assert!(matches!(end, AccountsError::NoSession), "seven days are over");

    let idle = house.sign_in(EMAIL, PASSWORD, None).await.unwrap();
    house.clock.advance(hour * 12);
    assert!(house.accounts.session(idle.token.expose()).await.is_err());
    assert_eq!(house.accounts.sweep().await.unwrap(), 1, "the first; the other ended this very moment");
}

#[tokio::test]
async fn a_use_is_noted_once_a_minute() {
    let (house, ada) = house().await;
    let token = ada.token.expose();
    let began = house.clock.now();
    house.clock.advance(Duration::from_secs(59));
    assert_eq!(house.accounts.session(token).await.unwrap().session.last_seen_at, began);
    house.clock.advance(Duration::from_secs(1));
    house.accounts.session(token).await.unwrap();
    let listed = house.accounts.list_sessions(&ada.info).await.unwrap();
    assert_eq!(listed[0].last_seen_at, house.clock.now());
    assert_eq!(listed[0].expires_at, house.clock.now().plus(Duration::from_hours(12)));
}

#[tokio::test]
async fn no_other_token_is_let_in() {
    let (house, ada) = house().await;
    let token = ada.token.expose();
    assert_eq!(token.len(), 43);
    let mut near = token.to_owned();
    near.replace_range(42.., if token.ends_with('x') { "y" } else { "x" });
    let digest = ada.info.session.digest.to_hex();
    for wrong in ["", &near, &token[..42], &digest, ada.info.session.id.as_str(), &ada.csrf_token] {
        assert!(matches!(house.accounts.session(wrong).await, Err(AccountsError::NoSession)), "{wrong}");
    }
    let printed = format!("{ada:?}");
    assert!(!printed.contains(token) && !printed.contains(&digest), "{printed}");
}

#[tokio::test]
async fn a_page_proves_that_it_is_the_browsers_own() {
    let (house, ada) = house().await;
    let other = house.sign_in(EMAIL, PASSWORD, None).await.unwrap();
    assert_eq!(house.accounts.csrf_token(ada.token.expose()), ada.csrf_token);
    house.accounts.check_csrf(ada.token.expose(), &ada.csrf_token).unwrap();
    for wrong in ["", "x", ada.token.expose(), &other.csrf_token, &ada.csrf_token[1..]] {
        let error = house.accounts.check_csrf(ada.token.expose(), wrong).unwrap_err();
        assert!(matches!(error, AccountsError::CsrfMismatch), "{wrong}");
    }
}

#[tokio::test]
async fn a_person_signs_out_here_and_elsewhere() {
    let (house, here) = house().await;
    house.clock.advance(Duration::from_secs(1));
    let there = house.sign_in(EMAIL, PASSWORD, None).await.unwrap();
    let listed = house.accounts.list_sessions(&here.info).await.unwrap();
    assert_eq!(listed, [there.info.session.clone(), here.info.session.clone()]);
    house.accounts.end_session(&here.info, &there.info.session.id).await.unwrap();
    assert!(house.accounts.session(there.token.expose()).await.is_err());
    let gone = house.accounts.end_session(&here.info, &SessionId::generate(&SystemRng)).await;
    assert!(matches!(gone, Err(AccountsError::NotFound { .. })));
    house.accounts.end_session(&here.info, &here.info.session.id).await.unwrap();
    assert!(house.accounts.session(here.token.expose()).await.is_err());
}

#[tokio::test]
async fn a_new_password_signs_every_other_browser_out() {
    let (house, here) = house().await;
    let there = house.sign_in(EMAIL, PASSWORD, None).await.unwrap();
    let new = Secret::new("a better engine of steel");
    let change = |old: &'static str, new: Secret| {
        let (accounts, info) = (&house.accounts, &here.info);
        async move { accounts.change_password(info, &Secret::new(old), &new).await }
    };
    assert!(matches!(change("wrong wrong wrong", new.clone()).await, Err(AccountsError::WrongPassword)));
    let weak = change(PASSWORD, Secret::new(EMAIL)).await;
    assert!(matches!(weak, Err(AccountsError::WeakPassword { .. })));
    house.accounts.session(there.token.expose()).await.unwrap();
    change(PASSWORD, new.clone()).await.unwrap();
    assert!(house.accounts.session(there.token.expose()).await.is_err());
    house.accounts.session(here.token.expose()).await.unwrap();
    assert_eq!(house.outcome(PASSWORD, None).await, "invalid");
    assert_eq!(house.outcome(new.expose(), None).await, "in");
}

#[tokio::test]
async fn a_session_follows_its_user() {
    let (house, ada) = house().await;
    let new = tenfold_identity::NewUser {
        name: "B".to_owned(),
        email: "b@x".to_owned(),
        role: OrganizationRole::Owner,
    };
    house.identity.create_user(&house.admin, new).await.unwrap();
    let (user, token) = (&ada.info.user.id, ada.token.expose());
    house.identity.modify_user(&house.admin, user, OrganizationRole::Developer).await.unwrap();
    let info = house.accounts.session(token).await.unwrap();
    assert_eq!(info.user.role, OrganizationRole::Developer, "a role counts at once");
    house.identity.delete_user(&house.admin, user).await.unwrap();
    assert!(matches!(house.accounts.session(token).await, Err(AccountsError::NoSession)));
    assert_eq!(house.outcome(PASSWORD, None).await, "invalid");
}
