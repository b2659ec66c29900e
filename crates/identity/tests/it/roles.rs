//! What people of each role may do.

use tenfold_identity::{
    IdentityError, KeyOwner, ListRequest, NewKey, NewUser, OrganizationRole, Person, ProjectRole, Rejection,
    User,
};
use tenfold_kernel::{ApiKeyId, Area, Caller, Level, ProjectId, Role, Scope, SystemRng};

use crate::house::{House, house};

const ALL: ListRequest = ListRequest { limit: None, after: None, order: tenfold_identity::Order::Ascending };

async fn user(house: &House, role: OrganizationRole) -> User {
    let email = format!("{}@example.org", tenfold_kernel::base62(&SystemRng, 8));
    house.identity.create_user(&house.admin, NewUser { name: "Ada".to_owned(), email, role }).await.unwrap()
}

async fn person(house: &House, user: &User, project: Option<&ProjectId>) -> Result<Person, IdentityError> {
    let key = ApiKeyId::parse("key_console").unwrap();
    house.identity.person(&user.organization, &user.id, &key, project).await
}

async fn caller(house: &House, user: &User) -> Caller {
    person(house, user, None).await.unwrap().caller.unwrap()
}

fn named(name: &str) -> NewKey {
    NewKey { name: name.to_owned(), ..NewKey::default() }
}

fn lacks<T: std::fmt::Debug>(done: Result<T, IdentityError>, wanted: Level, of: Area) {
    match done {
        Err(IdentityError::RoleLacks { level, area }) => assert_eq!((level, area), (wanted, of)),
        other => panic!("{wanted:?} {of:?}: {other:?}"),
    }
}

#[test]
fn the_roles_go_as_far_as_they_are_said_to() {
    let row = |role: OrganizationRole| {
        let access = role.access();
        let letter = |area| match access.to(area) {
            Level::None => '-',
            Level::Read => 'r',
            Level::Write => 'w',
        };
        format!("{:8}{}", role.as_str(), Area::ALL.map(letter).iter().collect::<String>())
    };
    // models, usage, billing, people, owners, own keys, audit, settings
    let rows = OrganizationRole::ALL.map(row);
    assert_eq!(
        rows,
        [
            "owner   wwwwwwww",
            "admin   wwwwrwww",
            "reader  rr---w--",
            "billing rrwr---r",
            "auditor rrrrr-rr",
            "viewer  rr------",
        ]
    );
}

#[tokio::test]
async fn only_owners_make_change_and_remove_owners() {
    let house = house(true).await;
    let i = &house.identity;
    let second = user(&house, OrganizationRole::Owner).await;
    let developer = user(&house, OrganizationRole::Developer).await;
    let admin = caller(&house, &user(&house, OrganizationRole::Admin).await).await;
    let new = |role| NewUser { name: "Eve".to_owned(), email: "eve@example.org".to_owned(), role };
    let write = Level::Write;
    lacks(i.create_user(&admin, new(OrganizationRole::Owner)).await, write, Area::Owners);
    lacks(i.modify_user(&admin, &developer.id, OrganizationRole::Owner).await, write, Area::Owners);
    lacks(i.modify_user(&admin, &second.id, OrganizationRole::Viewer).await, write, Area::Owners);
    lacks(i.delete_user(&admin, &second.id).await, write, Area::Owners);
    lacks(i.create_admin_key(&admin, named("mine")).await, write, Area::Owners);
    lacks(i.delete_admin_key(&admin, &house.admin.api_key).await, write, Area::Owners);
    let others =
        i.create_admin_key(&admin, NewKey { owner: Some(KeyOwner::User(second.id.clone())), ..named("x") });
    lacks(others.await, write, Area::Owners);
    // It administers all else, itself included.
    assert_eq!(i.list_admin_keys(&admin, &ALL).await.unwrap().data.len(), 1);
    i.create_user(&admin, new(OrganizationRole::Admin)).await.unwrap();
    i.modify_user(&admin, &developer.id, OrganizationRole::Billing).await.unwrap();
    let project = i.create_project(&admin, "p").await.unwrap().id;
    i.create_project_key(&admin, &project, named("k")).await.unwrap();
    let owner = caller(&house, &second).await;
    i.create_admin_key(&owner, named("mine")).await.unwrap();
}

#[tokio::test]
async fn who_may_look_changes_nothing() {
    let house = house(true).await;
    let i = &house.identity;
    let project = house.made.project.clone();
    let someone = user(&house, OrganizationRole::Developer).await;
    for role in [OrganizationRole::Auditor, OrganizationRole::Billing] {
        let caller = caller(&house, &user(&house, role).await).await;
        assert!(!i.list_projects(&caller, false, &ALL).await.unwrap().data.is_empty());
        assert!(!i.list_users(&caller, &ALL).await.unwrap().data.is_empty());
        assert!(!i.list_project_keys(&caller, &project, &ALL).await.unwrap().data.is_empty());
        let (write, people) = (Level::Write, Area::People);
        lacks(i.create_project(&caller, "p").await, write, people);
        lacks(i.archive_project(&caller, &project).await, write, people);
        lacks(i.create_project_key(&caller, &project, named("k")).await, write, people);
        lacks(i.modify_user(&caller, &someone.id, OrganizationRole::Admin).await, write, people);
        lacks(i.delete_user(&caller, &someone.id).await, write, people);
        lacks(i.add_member(&caller, &project, &someone.id, ProjectRole::Owner).await, write, people);
        lacks(i.create_service_account(&caller, &project, "robot", None).await, write, people);
        let may_spend = i.get_project_to_change(&caller, &project).await;
        assert_eq!(may_spend.is_ok(), role == OrganizationRole::Billing);
    }
    let viewer = caller(&house, &user(&house, OrganizationRole::Viewer).await).await;
    lacks(i.list_projects(&viewer, false, &ALL).await, Level::Read, Area::People);
    lacks(i.list_users(&viewer, &ALL).await, Level::Read, Area::People);
    lacks(i.list_admin_keys(&viewer, &ALL).await, Level::Read, Area::Owners);
    lacks(i.list_project_keys(&viewer, &project, &ALL).await, Level::Read, Area::People);
    for scope in [Scope::Read, Scope::Management] {
        assert!(viewer.allows(scope));
    }
    assert!(!viewer.allows(Scope::ModelRequest), "it calls no models");
}

#[tokio::test]
async fn a_developer_has_keys_of_its_own_in_its_own_projects() {
    let house = house(true).await;
    let i = &house.identity;
    let developer = user(&house, OrganizationRole::Developer).await;
    let lost = person(&house, &developer, None).await.unwrap();
    assert_eq!((lost.projects.len(), lost.caller), (0, None), "it is a member of nothing");

    let mine = i.create_project(&house.admin, "mine").await.unwrap().id;
    let other = i.create_project(&house.admin, "other").await.unwrap().id;
    i.add_member(&house.admin, &mine, &developer.id, ProjectRole::Member).await.unwrap();
    for n in 0..30 {
        i.create_project_key(&house.admin, &mine, named(&format!("of another {n}"))).await.unwrap();
    }
    let me = caller(&house, &developer).await;
    assert_eq!((&me.project, me.role), (&mine, Role::Project));
    assert!(matches!(person(&house, &developer, Some(&other)).await, Err(IdentityError::NotFound { .. })));

    let mut ids = Vec::new();
    for n in 0..3 {
        let made = i.create_project_key(&me, &mine, named(&format!("own {n}"))).await.unwrap();
        ids.push(made.view.key.id);
    }
    let page = ListRequest { limit: Some(2), ..ALL };
    let first = i.list_project_keys(&me, &mine, &page).await.unwrap();
    let shown = |list: &tenfold_identity::List<tenfold_identity::KeyView>| -> Vec<ApiKeyId> {
        list.data.iter().map(|view| view.key.id.clone()).collect()
    };
    assert_eq!((shown(&first), first.has_more), (ids[..2].to_vec(), true));
    let rest = ListRequest { after: Some(ids[1].to_string()), ..page };
    let rest = i.list_project_keys(&me, &mine, &rest).await.unwrap();
    assert_eq!((shown(&rest), rest.has_more), (ids[2..].to_vec(), false));

    // Nobody else's, nowhere else, for nobody else.
    let of_another = i.list_project_keys(&house.admin, &mine, &ALL).await.unwrap().data[0].key.id.clone();
    let not_found =
        |error: IdentityError| assert!(matches!(error, IdentityError::NotFound { .. }), "{error:?}");
    not_found(i.get_project_key(&me, &mine, &of_another).await.unwrap_err());
    not_found(i.delete_project_key(&me, &mine, &of_another).await.unwrap_err());
    not_found(i.create_project_key(&me, &other, named("k")).await.unwrap_err());
    not_found(i.list_project_keys(&me, &other, &ALL).await.unwrap_err());
    let for_another = NewKey { owner: Some(KeyOwner::User(house.admin.user.clone().unwrap())), ..named("k") };
    lacks(i.create_project_key(&me, &mine, for_another).await, Level::Write, Area::People);
    let robot = i.create_service_account(&house.admin, &mine, "robot", None).await.unwrap().account.id;
    let for_robot = NewKey { owner: Some(KeyOwner::ServiceAccount(robot)), ..named("k") };
    lacks(i.create_project_key(&me, &mine, for_robot).await, Level::Write, Area::People);
    i.delete_project_key(&me, &mine, &ids[0]).await.unwrap();
    not_found(i.get_project_key(&me, &mine, &ids[0]).await.unwrap_err());
}

#[tokio::test]
async fn keys_of_people_who_may_call_no_more_are_refused() {
    let house = house(true).await;
    let i = &house.identity;
    let grace = user(&house, OrganizationRole::Admin).await;
    let me = caller(&house, &grace).await;
    let secret = i.create_project_key(&me, &house.made.project, named("k")).await.unwrap().secret;
    i.authenticate(secret.expose()).await.unwrap();
    for role in [OrganizationRole::Billing, OrganizationRole::Auditor, OrganizationRole::Viewer] {
        i.modify_user(&house.admin, &grace.id, role).await.unwrap();
        let refused = i.authenticate(secret.expose()).await.unwrap_err();
        let stripped = matches!(refused, IdentityError::KeyRejected { reason: Rejection::OwnerStripped, .. });
        assert!(stripped, "{role:?}");
        let new = NewKey { owner: Some(KeyOwner::User(grace.id.clone())), ..named("k") };
        let refused = i.create_project_key(&house.admin, &house.made.project, new).await;
        assert!(matches!(refused, Err(IdentityError::Invalid { param: "user_id", .. })), "{role:?}");
    }
    i.modify_user(&house.admin, &grace.id, OrganizationRole::Admin).await.unwrap();
    i.authenticate(secret.expose()).await.unwrap();
}
