//! Who may change what.

use tenfold_identity::{
    IdentityError, KeyOwner, ListRequest, NewKey, NewUser, Order, OrganizationRole, OwnerView, ProjectRole,
};
use tenfold_kernel::{ApiKeyId, Caller, Classify, ErrorKind, Scope, ServiceAccountId, SystemRng, UserId};

use crate::house::{House, house};

fn named(name: &str) -> NewKey {
    NewKey { name: name.to_owned(), ..NewKey::default() }
}

fn somebody(email: &str) -> NewUser {
    NewUser { name: "Somebody".to_owned(), email: email.to_owned(), role: OrganizationRole::Developer }
}

/// The error of every verb that `caller` tries on what the house's administrator owns.
async fn try_everything(house: &House, caller: &Caller) -> Vec<(&'static str, IdentityError)> {
    let (i, admin) = (&house.identity, &house.admin);
    let project = i.create_project(admin, "target").await.unwrap().id;
    let user = i.create_user(admin, somebody(&format!("{}@x", project.as_str()))).await.unwrap().id;
    let other = i.create_user(admin, somebody(&format!("{}@y", project.as_str()))).await.unwrap().id;
    i.add_member(admin, &project, &user, ProjectRole::Member).await.unwrap();
    let account = i.create_service_account(admin, &project, "p", None).await.unwrap().account.id;
    let key = i.create_project_key(admin, &project, named("k")).await.unwrap().view.key.id;
    let admin_key = i.create_admin_key(admin, named("k")).await.unwrap().view.key.id;
    let all = ListRequest::default();
    let owner = Some(KeyOwner::User(user.clone()));
    vec![
        ("get_project", i.get_project(caller, &project).await.unwrap_err()),
        ("modify_project", i.modify_project(caller, &project, "stolen").await.unwrap_err()),
        ("archive_project", i.archive_project(caller, &project).await.unwrap_err()),
        ("list_keys", i.list_project_keys(caller, &project, &all).await.unwrap_err()),
        ("get_key", i.get_project_key(caller, &project, &key).await.unwrap_err()),
        ("create_key", i.create_project_key(caller, &project, named("n")).await.unwrap_err()),
        ("delete_key", i.delete_project_key(caller, &project, &key).await.unwrap_err()),
        ("list_accounts", i.list_service_accounts(caller, &project, &all).await.unwrap_err()),
        ("get_account", i.get_service_account(caller, &project, &account).await.unwrap_err()),
        ("create_account", i.create_service_account(caller, &project, "n", None).await.unwrap_err()),
        ("delete_account", i.delete_service_account(caller, &project, &account).await.unwrap_err()),
        ("list_members", i.list_members(caller, &project, &all).await.unwrap_err()),
        ("get_member", i.get_member(caller, &project, &user).await.unwrap_err()),
        ("add_member", i.add_member(caller, &project, &other, ProjectRole::Owner).await.unwrap_err()),
        ("modify_member", i.modify_member(caller, &project, &user, ProjectRole::Owner).await.unwrap_err()),
        ("remove_member", i.remove_member(caller, &project, &user).await.unwrap_err()),
        ("get_user", i.get_user(caller, &user).await.unwrap_err()),
        ("modify_user", i.modify_user(caller, &user, OrganizationRole::Owner).await.unwrap_err()),
        ("delete_user", i.delete_user(caller, &user).await.unwrap_err()),
        ("get_admin_key", i.get_admin_key(caller, &admin_key).await.unwrap_err()),
        ("delete_admin_key", i.delete_admin_key(caller, &admin_key).await.unwrap_err()),
        (
            "create_admin_key",
            i.create_admin_key(caller, NewKey { owner, ..named("for another") }).await.unwrap_err(),
        ),
    ]
}

#[tokio::test]
async fn what_belongs_to_another_organization_is_not_found() {
    let house = house(true).await;
    let stranger = house.identity.found_organization("strangers").await.unwrap();
    let stranger = house.identity.authenticate(stranger.admin_key.expose()).await.unwrap();
    for (verb, error) in try_everything(&house, &stranger).await {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{verb}: {error:?}");
    }
    // Lists without an id in their path show the stranger's own.
    let all = ListRequest::default();
    let projects = house.identity.list_projects(&stranger, true, &all).await.unwrap();
    assert_eq!(projects.data.len(), 1);
    assert_eq!(projects.data[0].organization, stranger.organization);
    assert_eq!(house.identity.list_users(&stranger, &all).await.unwrap().data.len(), 1);
    assert_eq!(house.identity.list_admin_keys(&stranger, &all).await.unwrap().data.len(), 1);
}

#[tokio::test]
async fn a_project_key_administers_nothing() {
    let house = house(true).await;
    let program = house.identity.authenticate(house.made.project_key.expose()).await.unwrap();
    for (verb, error) in try_everything(&house, &program).await {
        assert!(matches!(error, IdentityError::AdminOnly), "{verb}: {error:?}");
    }
    let all = ListRequest::default();
    assert!(matches!(
        house.identity.list_projects(&program, false, &all).await,
        Err(IdentityError::AdminOnly)
    ));
    assert!(matches!(house.identity.list_users(&program, &all).await, Err(IdentityError::AdminOnly)));
    assert!(matches!(house.identity.list_admin_keys(&program, &all).await, Err(IdentityError::AdminOnly)));
    assert!(matches!(house.identity.create_project(&program, "p").await, Err(IdentityError::AdminOnly)));
    let user = somebody("new@example.org");
    assert!(matches!(house.identity.create_user(&program, user).await, Err(IdentityError::AdminOnly)));
}

#[tokio::test]
async fn an_admin_key_does_what_its_scopes_say() {
    let house = house(true).await;
    let with = |scope| NewKey { scopes: vec![scope], ..named("narrow") };
    for (scope, lacks) in [(Scope::Read, Scope::Management), (Scope::Management, Scope::Read)] {
        let made = house.identity.create_admin_key(&house.admin, with(scope)).await.unwrap();
        let caller = house.identity.authenticate(made.secret.expose()).await.unwrap();
        let mut refused = 0;
        let read = house.identity.list_projects(&caller, false, &ListRequest::default()).await.err();
        let write = house.identity.create_project(&caller, "p").await.err();
        for error in [read, write].into_iter().flatten() {
            let missing = matches!(error, IdentityError::ScopeMissing { scope } if scope == lacks);
            assert!(missing, "{error:?}");
            refused += 1;
        }
        assert_eq!(refused, 1);
    }
}

#[tokio::test]
async fn a_narrow_admin_key_makes_no_wider_one() {
    let house = house(true).await;
    let narrow = NewKey { scopes: vec![Scope::Management], ..named("narrow") };
    let made = house.identity.create_admin_key(&house.admin, narrow.clone()).await.unwrap();
    let caller = house.identity.authenticate(made.secret.expose()).await.unwrap();
    for wider in [Vec::new(), vec![Scope::Read], vec![Scope::Management, Scope::ModelRequest]] {
        let new = NewKey { scopes: wider.clone(), ..named("wider") };
        let refused = house.identity.create_admin_key(&caller, new).await;
        assert!(matches!(refused, Err(IdentityError::ScopeMissing { .. })), "{wider:?}");
    }
    assert!(house.identity.create_admin_key(&caller, narrow).await.is_ok());
}

#[tokio::test]
async fn the_organization_cannot_lock_itself_out() {
    let house = house(true).await;
    let (i, admin) = (&house.identity, &house.admin);
    let me = admin.user.clone().unwrap();
    let reader = OrganizationRole::Developer;
    assert!(matches!(i.delete_admin_key(admin, &admin.api_key).await, Err(IdentityError::Lockout { .. })));
    assert!(matches!(i.modify_user(admin, &me, reader).await, Err(IdentityError::Lockout { .. })));
    assert!(matches!(i.delete_user(admin, &me).await, Err(IdentityError::Lockout { .. })));
    let refused = i.archive_project(admin, &house.made.project).await;
    assert!(matches!(refused, Err(IdentityError::DefaultProject)));

    let second = i.create_admin_key(admin, named("second")).await.unwrap();
    i.delete_admin_key(admin, &second.view.key.id).await.unwrap();
    i.create_user(admin, NewUser { role: OrganizationRole::Owner, ..somebody("second@example.org") })
        .await
        .unwrap();
    assert_eq!(i.modify_user(admin, &me, reader).await.unwrap().role, reader);
}

#[tokio::test]
async fn an_archived_project_takes_nothing_new() {
    let house = house(true).await;
    let (i, admin) = (&house.identity, &house.admin);
    let project = i.create_project(admin, " side ").await.unwrap();
    assert_eq!(project.name, "side");
    let first = i.archive_project(admin, &project.id).await.unwrap();
    let again = i.archive_project(admin, &project.id).await.unwrap();
    assert_eq!(first, again);
    let me = admin.user.clone().unwrap();
    let errors = [
        i.modify_project(admin, &project.id, "n").await.unwrap_err(),
        i.create_project_key(admin, &project.id, named("k")).await.unwrap_err(),
        i.create_service_account(admin, &project.id, "p", None).await.unwrap_err(),
        i.add_member(admin, &project.id, &me, ProjectRole::Owner).await.unwrap_err(),
    ];
    assert!(errors.iter().all(|error| matches!(error, IdentityError::ProjectArchived)), "{errors:?}");
    assert_eq!(i.get_project(admin, &project.id).await.unwrap(), first);
}

#[tokio::test]
async fn fields_are_checked_by_name() {
    let house = house(true).await;
    let (i, admin) = (&house.identity, &house.admin);
    for name in ["", "  ", "a\nb", "a\0b", &"x".repeat(257)] {
        assert_eq!(i.create_project(admin, name).await.unwrap_err().param().as_deref(), Some("name"));
    }
    for email in ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@b\n"].map(somebody).into_iter().take(6) {
        assert_eq!(i.create_user(admin, email).await.unwrap_err().param().as_deref(), Some("email"));
    }
    assert_eq!(i.create_user(admin, somebody("Ada@Example.org")).await.unwrap().email, "ada@example.org");
    let twice = i.create_user(admin, somebody("ada@example.ORG")).await.unwrap_err();
    assert!(matches!(twice, IdentityError::AlreadyExists { .. }));
    for limit in [0, -1, 101] {
        let request = ListRequest { limit: Some(limit), ..ListRequest::default() };
        let error = i.list_projects(admin, false, &request).await.unwrap_err();
        assert_eq!(error.param().as_deref(), Some("limit"));
    }
    for after in ["nothing", "a/b", ""] {
        let request = ListRequest { after: Some(after.to_owned()), ..ListRequest::default() };
        let project = &house.made.project;
        let errors = [
            i.list_projects(admin, false, &request).await.unwrap_err(),
            i.list_users(admin, &request).await.unwrap_err(),
            i.list_members(admin, project, &request).await.unwrap_err(),
            i.list_service_accounts(admin, project, &request).await.unwrap_err(),
            i.list_project_keys(admin, project, &request).await.unwrap_err(),
            i.list_admin_keys(admin, &request).await.unwrap_err(),
        ];
        assert!(errors.iter().all(|error| error.param().as_deref() == Some("after")), "{errors:?}");
    }
}

#[tokio::test]
async fn lists_are_walked_by_cursor_in_both_orders() {
    let house = house(true).await;
    let (i, admin) = (&house.identity, &house.admin);
    for n in 0..9 {
        i.create_project(admin, &format!("p{n}")).await.unwrap();
    }
    let mut walks = Vec::new();
    for order in [Order::Ascending, Order::Descending] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let request = ListRequest { limit: Some(4), after: after.take(), order };
            let page = i.list_projects(admin, false, &request).await.unwrap();
            after = page.data.last().map(|project| project.id.to_string());
            seen.extend(page.data.into_iter().map(|project| project.id));
            if !page.has_more {
                break;
            }
        }
        assert_eq!(seen.len(), 10);
        walks.push(seen);
    }
    walks[1].reverse();
    assert_eq!(walks[0], walks[1]);
}

#[tokio::test]
async fn keys_are_shown_with_their_owners_and_without_their_secrets() {
    let house = house(true).await;
    let (i, admin) = (&house.identity, &house.admin);
    let made = i.create_project_key(admin, &house.made.project, named("mine")).await.unwrap();
    let list = i.list_project_keys(admin, &house.made.project, &ListRequest::default()).await.unwrap();
    assert_eq!(list.data.len(), 2);
    let mine = list.data.iter().find(|view| view.key.id == made.view.key.id).unwrap();
    let Some(OwnerView::User(user, None)) = &mine.owner else { panic!("{mine:?}") };
    assert_eq!(Some(&user.id), admin.user.as_ref());
    let program = list.data.iter().find(|view| view.key.id != made.view.key.id).unwrap();
    assert!(matches!(program.owner, Some(OwnerView::ServiceAccount(_))));
    let printed = format!("{list:?} {made:?} {:?}", house.made);
    for secret in [&made.secret, &house.made.admin_key, &house.made.project_key] {
        let random = secret.expose().rsplit('-').next().unwrap();
        assert!(!printed.contains(&random[..36]), "debug output holds a secret");
    }
    let [first_eight, last_four] = [&made.secret.expose()[..8], &made.secret.expose()[55..]];
    assert_eq!(made.view.key.redacted, format!("{first_eight}********{last_four}"));
}

#[tokio::test]
async fn ids_of_nothing_are_not_found() {
    let house = house(true).await;
    let (i, admin, project) = (&house.identity, &house.admin, &house.made.project);
    let nobody = UserId::generate(&SystemRng);
    let no_key = ApiKeyId::generate(&SystemRng);
    let no_account = ServiceAccountId::generate(&SystemRng);
    let errors = [
        i.get_user(admin, &nobody).await.unwrap_err(),
        i.add_member(admin, project, &nobody, ProjectRole::Member).await.unwrap_err(),
        i.get_member(admin, project, &nobody).await.unwrap_err(),
        i.remove_member(admin, project, &nobody).await.unwrap_err(),
        i.get_project_key(admin, project, &no_key).await.unwrap_err(),
        // A key of one kind is not a key of the other.
        i.get_project_key(admin, project, &admin.api_key).await.unwrap_err(),
        i.delete_project_key(admin, project, &admin.api_key).await.unwrap_err(),
        i.get_admin_key(admin, &no_key).await.unwrap_err(),
        i.get_service_account(admin, project, &no_account).await.unwrap_err(),
        i.delete_service_account(admin, project, &no_account).await.unwrap_err(),
    ];
    assert!(errors.iter().all(|error| matches!(error, IdentityError::NotFound { .. })), "{errors:?}");
}
