//! Invitations.

use std::time::Duration;

use tenfold_accounts::{AccountsError, InviteStatus, InviteView, NewInvite};
use tenfold_identity::{IdentityError, NewUser, OrganizationRole, ProjectRole};
use tenfold_kernel::{
    ApiKeyId, Area, Classify, Clock as _, ErrorKind, InviteId, ProjectId, Secret, SystemRng,
};

use crate::house::{EMAIL, PASSWORD, house};

fn grace() -> NewInvite {
    NewInvite {
        email: " Grace@Example.org".to_owned(),
        role: OrganizationRole::Developer,
        projects: Vec::new(),
    }
}

fn password() -> Secret {
    Secret::new("nanoseconds of wire")
}

#[tokio::test]
async fn who_follows_the_link_is_a_user_with_projects_and_signed_in() {
    let (house, _) = house().await;
    let accounts = &house.accounts;
    let project = house.made.project.clone();
    let new = NewInvite { projects: vec![(project.clone(), ProjectRole::Member)], ..grace() };
    let created = accounts.create_invite(&house.admin, new).await.unwrap();
    let token = created.token.expose();
    let view = accounts.find_invite(token).await.unwrap();
    let expected = InviteView {
        email: "grace@example.org".to_owned(),
        organization_name: "default organization".to_owned(),
        expires_at: house.clock.now().plus(Duration::from_hours(7 * 24)),
    };
    assert_eq!(view, expected);
    let listed = accounts.list_invites(&house.admin).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&created.invite));
    let joined = accounts.accept_invite(token, "Grace Hopper", &password(), "Safari").await.unwrap();
    let user = &joined.info.user;
    assert_eq!((user.name.as_str(), user.email.as_str()), ("Grace Hopper", "grace@example.org"));
    assert_eq!((user.role, &user.organization), (OrganizationRole::Developer, &house.made.organization));
    let member = house.identity.get_member(&house.admin, &project, &user.id).await.unwrap();
    assert_eq!(member.role, ProjectRole::Member);
    accounts.session(joined.token.expose()).await.unwrap();
    house.sign_in("grace@example.org", password().expose(), None).await.unwrap();
    let listed = accounts.list_invites(&house.admin).await.unwrap();
    assert_eq!(listed[0].status(house.clock.now()), InviteStatus::Accepted);
    let again = accounts.accept_invite(token, "Eve", &password(), "").await.unwrap_err();
    assert!(matches!(again, AccountsError::InviteGone));
    assert_eq!(again.kind(), ErrorKind::NotFound);
    assert!(accounts.find_invite(token).await.is_err());
}

#[tokio::test]
async fn nobody_becomes_an_owner_by_an_invitation_of_somebody_who_is_none() {
    let (house, _) = house().await;
    let (accounts, identity) = (&house.accounts, &house.identity);
    let new = |email: &str, role| NewUser { name: "Somebody".to_owned(), email: email.to_owned(), role };
    let deputy = new("deputy@example.org", OrganizationRole::Admin);
    let deputy = identity.create_user(&house.admin, deputy).await.unwrap();
    let key = ApiKeyId::parse("key_console").unwrap();
    let deputy = identity.person(&deputy.organization, &deputy.id, &key, None).await.unwrap().caller.unwrap();
    let grace_user = identity
        .create_user(&house.admin, new("grace@example.org", OrganizationRole::Developer))
        .await
        .unwrap();
    let earlier = accounts.create_invite(&deputy, grace()).await.unwrap();
    identity.modify_user(&house.admin, &grace_user.id, OrganizationRole::Owner).await.unwrap();
    let owner = NewInvite { role: OrganizationRole::Owner, ..grace() };
    for invite in [grace(), owner.clone()] {
        let refused = accounts.create_invite(&deputy, invite).await;
        let lacks = matches!(
            refused,
            Err(AccountsError::Identity(IdentityError::RoleLacks { area: Area::Owners, .. }))
        );
        assert!(lacks, "{refused:?}");
    }
    let late = accounts.accept_invite(earlier.token.expose(), "Eve", &password(), "").await;
    assert!(matches!(late, Err(AccountsError::InviteGone)), "{late:?}");
    let created = accounts.create_invite(&house.admin, owner).await.unwrap();
    let joined = accounts.accept_invite(created.token.expose(), "Grace", &password(), "").await.unwrap();
    assert_eq!(joined.info.user.role, OrganizationRole::Owner);
}

#[tokio::test]
async fn of_two_who_follow_the_link_at_once_one_is_let_in() {
    let (house, _) = house().await;
    let created = house.accounts.create_invite(&house.admin, grace()).await.unwrap();
    let token = created.token.expose();
    let password = password();
    let (a, b) = tokio::join!(
        house.accounts.accept_invite(token, "Grace", &password, ""),
        house.accounts.accept_invite(token, "Eve", &password, "")
    );
    assert_eq!([&a, &b].iter().filter(|outcome| outcome.is_ok()).count(), 1, "{a:?} {b:?}");
}

#[tokio::test]
async fn an_invitation_ends_is_taken_back_and_replaced() {
    let (house, _) = house().await;
    let accounts = &house.accounts;
    let gone = |token: Secret| async move {
        let refused = accounts.accept_invite(token.expose(), "G", &password(), "").await;
        assert!(matches!(refused, Err(AccountsError::InviteGone)), "{refused:?}");
        assert!(matches!(accounts.find_invite(token.expose()).await, Err(AccountsError::InviteGone)));
    };
    let first = accounts.create_invite(&house.admin, grace()).await.unwrap();
    let second = accounts.create_invite(&house.admin, grace()).await.unwrap();
    gone(first.token).await;
    accounts.delete_invite(&house.admin, &second.invite.id).await.unwrap();
    gone(second.token).await;
    let missing = accounts.delete_invite(&house.admin, &second.invite.id).await;
    assert!(matches!(missing, Err(AccountsError::NotFound { .. })));
    let third = accounts.create_invite(&house.admin, grace()).await.unwrap();
    house.clock.advance(Duration::from_hours(7 * 24));
    gone(third.token).await;
    let listed = accounts.list_invites(&house.admin).await.unwrap();
    assert_eq!(listed[0].status(house.clock.now()), InviteStatus::Expired);
    accounts.sweep().await.unwrap();
    assert_eq!(accounts.list_invites(&house.admin).await.unwrap().len(), 1, "listed for another month");
    house.clock.advance(Duration::from_hours(31 * 24));
    accounts.sweep().await.unwrap();
    assert_eq!(accounts.list_invites(&house.admin).await.unwrap(), []);
    gone(Secret::new("")).await;
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let (house, _) = house().await;
    let accounts = &house.accounts;
    let there = NewInvite { email: EMAIL.to_owned(), ..grace() };
    let error = accounts.create_invite(&house.admin, there).await.unwrap_err();
    assert!(matches!(error, AccountsError::AlreadyExists { .. }));
    let error = accounts
        .create_invite(&house.admin, NewInvite { email: "x".to_owned(), ..grace() })
        .await
        .unwrap_err();
    assert_eq!(error.param().as_deref(), Some("email"));
    let unknown = vec![(ProjectId::generate(&SystemRng), ProjectRole::Member)];
    let error =
        accounts.create_invite(&house.admin, NewInvite { projects: unknown, ..grace() }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let program = house.identity.authenticate(house.made.project_key.expose()).await.unwrap();
    let error = accounts.create_invite(&program, grace()).await.unwrap_err();
    assert!(matches!(error, AccountsError::Identity(IdentityError::AdminOnly)));
    assert!(accounts.list_invites(&program).await.is_err());
    assert!(accounts.delete_invite(&program, &InviteId::generate(&SystemRng)).await.is_err());

    let created = accounts.create_invite(&house.admin, grace()).await.unwrap();
    let weak = Secret::new("grace@example.org");
    let refused = accounts.accept_invite(created.token.expose(), "G", &weak, "").await;
    assert!(matches!(refused, Err(AccountsError::WeakPassword { .. })));
    accounts.accept_invite(created.token.expose(), "G", &password(), "").await.unwrap();
}

#[tokio::test]
async fn another_organization_sees_and_removes_none_of_it() {
    let (house, _) = house().await;
    let created = house.accounts.create_invite(&house.admin, grace()).await.unwrap();
    let stranger = house.identity.found_organization("strangers").await.unwrap().admin;
    assert_eq!(house.accounts.list_invites(&stranger).await.unwrap(), []);
    let refused = house.accounts.delete_invite(&stranger, &created.invite.id).await;
    assert!(matches!(refused, Err(AccountsError::NotFound { .. })));
    let theirs = vec![(house.made.project.clone(), ProjectRole::Owner)];
    let refused = house.accounts.create_invite(&stranger, NewInvite { projects: theirs, ..grace() }).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(house.outcome(PASSWORD, None).await, "in");
}
