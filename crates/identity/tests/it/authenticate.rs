//! Who is let in.

use std::time::Duration;

use tenfold_identity::{
    IdentityError, KeyOwner, ListRequest, NewKey, NewUser, OrganizationRole, ProjectRole, Rejection,
};
use tenfold_kernel::{Classify, ErrorKind, Role, Scope, Timestamp};

use crate::house::{House, NOW, house};

/// Every case runs with a memory for keys and without: the answers are the same.
async fn both() -> [House; 2] {
    [house(true).await, house(false).await]
}

fn named(name: &str) -> NewKey {
    NewKey { name: name.to_owned(), ..NewKey::default() }
}

#[tokio::test]
async fn the_first_keys_are_let_in_as_what_they_are() {
    for house in both().await {
        let admin = house.identity.authenticate(house.made.admin_key.expose()).await.unwrap();
        assert_eq!((admin.role, &admin.project), (Role::Admin, &house.made.project));
        assert!(admin.user.is_some() && admin.service_account.is_none());
        assert_eq!(admin, house.made.admin);
        let program = house.identity.authenticate(house.made.project_key.expose()).await.unwrap();
        assert_eq!((program.role, &program.project), (Role::Project, &house.made.project));
        assert!(program.user.is_none() && program.service_account.is_some());
        assert_eq!(program.organization, house.made.organization);
    }
}

#[tokio::test]
async fn the_second_start_makes_nothing() {
    let house = house(true).await;
    assert!(house.identity.bootstrap().await.unwrap().is_none());
    assert!(house.identity.authenticate(house.made.admin_key.expose()).await.is_ok());
}

#[tokio::test]
async fn whatever_is_wrong_the_caller_reads_the_same_and_no_more_than_twelve_characters_of_the_key() {
    for house in both().await {
        let good = house.made.project_key.expose().to_owned();
        let wrong = format!("{}{}", &good[..19], "x".repeat(40));
        let unknown = format!("sk-tf-{}-{}", "a".repeat(12), "b".repeat(40));
        let as_admin = good.replacen("sk-tf-", "sk-tf-admin-", 1);
        let cases = [
            ("nonsense".to_owned(), Rejection::Malformed),
            ("' OR '1'='1".to_owned(), Rejection::Malformed),
            ("sk-tf-'; DROP TABLE api_keys; --".to_owned(), Rejection::Malformed),
            (format!("sk-tf-%%%%%%%%%%%%-{}", "b".repeat(40)), Rejection::Malformed),
            (format!("{good}x"), Rejection::Malformed),
            (good[..good.len() - 1].to_owned(), Rejection::Malformed),
            ("ключ".to_owned(), Rejection::Malformed),
            ("x".repeat(1 << 20), Rejection::Malformed),
            (unknown, Rejection::Unknown),
            (wrong, Rejection::WrongSecret),
            (as_admin, Rejection::WrongSecret),
        ];
        for (secret, expected) in cases {
            let error = house.identity.authenticate(&secret).await.unwrap_err();
            let IdentityError::KeyRejected { shown, reason } = &error else { panic!("{error:?}") };
            assert_eq!(*reason, expected, "{shown}");
            assert_eq!(error.kind(), ErrorKind::Unauthenticated);
            assert_eq!(error.code().as_deref(), Some("invalid_api_key"));
            let message = error.to_string();
            assert_eq!(message, format!("Incorrect API key provided: {shown}."));
            assert!(shown.chars().filter(|c| *c != '*').count() <= 12, "{shown}");
            assert!(!message.contains("DROP"), "{message}");
        }
        let missing = house.identity.authenticate("").await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Unauthenticated);
        assert!(matches!(missing, IdentityError::KeyMissing));
    }
}

#[tokio::test]
async fn a_revoked_key_stops_at_once() {
    for house in both().await {
        let made =
            house.identity.create_project_key(&house.admin, &house.made.project, named("k")).await.unwrap();
        assert_eq!(house.rejection(made.secret.expose()).await, None);
        house
            .identity
            .delete_project_key(&house.admin, &house.made.project, &made.view.key.id)
            .await
            .unwrap();
        assert_eq!(house.rejection(made.secret.expose()).await, Some(Rejection::Unknown));
    }
}

#[tokio::test]
async fn a_key_ends_at_its_time_and_not_before() {
    for house in both().await {
        let end = NOW.plus(Duration::from_mins(1));
        let new = NewKey { expires_at: Some(end), ..named("short") };
        let made = house.identity.create_project_key(&house.admin, &house.made.project, new).await.unwrap();
        for _ in 0..59 {
            assert_eq!(house.rejection(made.secret.expose()).await, None);
            house.clock.advance(Duration::from_secs(1));
        }
        house.clock.advance(Duration::from_millis(999));
        assert_eq!(house.rejection(made.secret.expose()).await, None);
        house.clock.advance(Duration::from_millis(1));
        assert_eq!(house.rejection(made.secret.expose()).await, Some(Rejection::Expired));

        let past = NewKey { expires_at: Some(NOW), ..named("past") };
        let error =
            house.identity.create_project_key(&house.admin, &house.made.project, past).await.unwrap_err();
        assert_eq!(error.param().as_deref(), Some("expires_in_seconds"));
    }
}

#[tokio::test]
async fn keys_stop_with_their_project_their_program_and_their_user() {
    for house in both().await {
        let (identity, admin) = (&house.identity, &house.admin);
        let project = identity.create_project(admin, "side").await.unwrap();
        let key = identity.create_project_key(admin, &project.id, named("k")).await.unwrap();
        assert_eq!(house.rejection(key.secret.expose()).await, None);
        identity.archive_project(admin, &project.id).await.unwrap();
        assert_eq!(house.rejection(key.secret.expose()).await, Some(Rejection::ProjectArchived));

        let default = &house.made.project;
        let program = identity.create_service_account(admin, default, "nightly", None).await.unwrap();
        let second =
            NewKey { owner: Some(KeyOwner::ServiceAccount(program.account.id.clone())), ..named("2") };
        let second = identity.create_project_key(admin, default, second).await.unwrap();
        assert_eq!(house.rejection(program.key.secret.expose()).await, None);
        assert_eq!(house.rejection(second.secret.expose()).await, None);
        identity.delete_service_account(admin, default, &program.account.id).await.unwrap();
        assert_eq!(house.rejection(program.key.secret.expose()).await, Some(Rejection::Unknown));
        assert_eq!(house.rejection(second.secret.expose()).await, Some(Rejection::Unknown));

        let new = |email: &str, role| NewUser { name: "Grace".to_owned(), email: email.to_owned(), role };
        let grace =
            identity.create_user(admin, new("grace@example.org", OrganizationRole::Developer)).await.unwrap();
        let hers = || NewKey { owner: Some(KeyOwner::User(grace.id.clone())), ..named("hers") };
        let refused = identity.create_project_key(admin, default, hers()).await.unwrap_err();
        assert_eq!(refused.param().as_deref(), Some("user_id"), "a stranger to the project gets no key");
        identity.add_member(admin, default, &grace.id, ProjectRole::Member).await.unwrap();
        let key = identity.create_project_key(admin, default, hers()).await.unwrap();
        assert_eq!(house.rejection(key.secret.expose()).await, None);
        identity.remove_member(admin, default, &grace.id).await.unwrap();
        assert_eq!(house.rejection(key.secret.expose()).await, Some(Rejection::Unknown));
        identity.add_member(admin, default, &grace.id, ProjectRole::Member).await.unwrap();
        assert_eq!(house.rejection(key.secret.expose()).await, Some(Rejection::Unknown), "it stays revoked");
        let key = identity.create_project_key(admin, default, hers()).await.unwrap();
        assert_eq!(house.rejection(key.secret.expose()).await, None);
        identity.delete_user(admin, &grace.id).await.unwrap();
        assert_eq!(house.rejection(key.secret.expose()).await, Some(Rejection::Unknown));
    }
}

#[tokio::test]
async fn an_admin_key_stops_while_its_user_is_no_owner() {
    for house in both().await {
        let (identity, admin) = (&house.identity, &house.admin);
        let new = NewUser {
            name: "Grace".to_owned(),
            email: "grace@example.org".to_owned(),
            role: OrganizationRole::Owner,
        };
        let grace = identity.create_user(admin, new).await.unwrap();
        let hers = NewKey { owner: Some(KeyOwner::User(grace.id.clone())), ..named("hers") };
        let key = identity.create_admin_key(admin, hers).await.unwrap();
        assert_eq!(house.rejection(key.secret.expose()).await, None);
        identity.modify_user(admin, &grace.id, OrganizationRole::Developer).await.unwrap();
        assert_eq!(house.rejection(key.secret.expose()).await, Some(Rejection::OwnerStripped));
        identity.modify_user(admin, &grace.id, OrganizationRole::Owner).await.unwrap();
        assert_eq!(house.rejection(key.secret.expose()).await, None);
    }
}

#[tokio::test]
async fn scopes_travel_with_the_caller() {
    for house in both().await {
        let new = NewKey { scopes: vec![Scope::ModelRequest], ..named("narrow") };
        let made = house.identity.create_project_key(&house.admin, &house.made.project, new).await.unwrap();
        let caller = house.identity.authenticate(made.secret.expose()).await.unwrap();
        assert!(caller.allows(Scope::ModelRequest) && !caller.allows(Scope::Read));
    }
}

#[tokio::test]
async fn uses_are_written_at_most_once_a_minute_and_only_when_flushed() {
    for house in both().await {
        let secret = house.made.project_key.expose();
        let project = &house.made.project;
        let last_used = async || {
            let keys = house
                .identity
                .list_project_keys(&house.admin, project, &ListRequest::default())
                .await
                .unwrap();
            keys.data[0].key.last_used_at
        };
        house.identity.flush_uses().await.unwrap();
        assert_eq!(last_used().await, None);
        for _ in 0..100 {
            house.identity.authenticate(secret).await.unwrap();
        }
        assert_eq!(last_used().await, None, "nothing is written on the path of a call");
        assert_eq!(house.identity.flush_uses().await.unwrap(), 1);
        assert_eq!(last_used().await, Some(NOW));
        for _ in 0..59 {
            house.clock.advance(Duration::from_secs(1));
            house.identity.authenticate(secret).await.unwrap();
            assert_eq!(house.identity.flush_uses().await.unwrap(), 0);
        }
        house.clock.advance(Duration::from_secs(1));
        house.identity.authenticate(secret).await.unwrap();
        assert_eq!(house.identity.flush_uses().await.unwrap(), 1);
        assert_eq!(last_used().await, Some(Timestamp(NOW.0 + 60_000)));
    }
}

#[tokio::test]
async fn only_the_process_that_writes_alone_remembers_keys() {
    for (exclusive, expected) in [(true, None), (false, Some(Rejection::Unknown))] {
        let house = house(exclusive).await;
        let secret = house.made.project_key.expose();
        let caller = house.identity.authenticate(secret).await.unwrap();
        // Another process revokes the key: it goes behind the back of this one.
        house.ports.keys.delete_key(&caller.organization, &caller.api_key).await.unwrap();
        assert_eq!(house.rejection(secret).await, expected);
        house.clock.advance(Duration::from_secs(5));
        assert_eq!(house.rejection(secret).await, Some(Rejection::Unknown), "nothing is remembered for long");
    }
}
