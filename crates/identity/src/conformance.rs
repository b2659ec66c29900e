//! The suite that every adapter of identity's ports must pass. Each case makes organisations of its own, so that
//! they may share a database; [`founding_first_only`] needs an empty one and runs first.

#![expect(clippy::unwrap_used, reason = "a suite of assertions")]

use tenfold_kernel::{
    ApiKeyId, OrganizationId, ProjectId, Role, Scope, ServiceAccountId, SystemRng, Timestamp, UserId, base62,
};

use crate::{
    ApiKey, Cursor, Digest, Founding, IdentityError, KeyOwner, Member, Order, Organization, OrganizationRole,
    Page, Ports, Project, ProjectRole, ServiceAccount, User,
};

/// Text that a careless adapter would take for SQL, a pattern or an escape.
const HOSTILE: &str = "'; DROP TABLE api_keys; -- \" \\ % _ $1 ?1 \u{1F511} Ö";

/// Runs every case.
pub async fn everything(ports: &Ports) {
    founding_first_only(ports).await;
    keys_are_found_with_their_standing(ports).await;
    keys_are_unique_and_refer_to_what_is_there(ports).await;
    keys_are_listed_and_deleted_in_their_organization_only(ports).await;
    uses_are_noted_and_never_go_back(ports).await;
    projects_are_renamed_and_archived(ports).await;
    lists_are_paged_both_ways_though_all_share_a_moment(ports).await;
    users_are_changed_and_removed_with_their_keys(ports).await;
    members_lose_their_keys_in_the_project(ports).await;
    service_accounts_go_with_their_keys(ports).await;
    hostile_text_is_only_text(ports).await;
}

/// A founding with random ids and nothing else random.
pub fn founding() -> Founding {
    let at = Timestamp(1_700_000_000_123);
    let organization = OrganizationId::generate(&SystemRng);
    let project = Project {
        id: ProjectId::generate(&SystemRng),
        organization: organization.clone(),
        name: "default".to_owned(),
        created_at: at,
        archived_at: None,
    };
    let user = User {
        id: UserId::generate(&SystemRng),
        organization: organization.clone(),
        name: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
        role: OrganizationRole::Owner,
        added_at: at,
    };
    let service_account = ServiceAccount {
        id: ServiceAccountId::generate(&SystemRng),
        organization: organization.clone(),
        project: project.id.clone(),
        name: "default".to_owned(),
        role: ProjectRole::Member,
        created_at: at,
    };
    let mut founding = Founding {
        organization: Organization {
            id: organization,
            name: "Analytical Engines".to_owned(),
            default_project: project.id.clone(),
            created_at: at,
        },
        project,
        user,
        service_account,
        keys: Vec::new(),
    };
    let admin = key(&founding, Role::Admin, KeyOwner::User(founding.user.id.clone()));
    let program =
        key(&founding, Role::Project, KeyOwner::ServiceAccount(founding.service_account.id.clone()));
    founding.keys = vec![admin, program];
    founding
}

/// A key of the founding's default project.
fn key(founding: &Founding, role: Role, owner: KeyOwner) -> ApiKey {
    let prefix = base62(&SystemRng, 12);
    ApiKey {
        id: ApiKeyId::generate(&SystemRng),
        organization: founding.organization.id.clone(),
        project: founding.project.id.clone(),
        owner,
        role,
        name: "a key".to_owned(),
        digest: Digest::of(&prefix, &[3; 32]),
        redacted: "sk-tf-ab********wxyz".to_owned(),
        prefix,
        scopes: vec![Scope::ModelRequest, Scope::Read],
        created_at: Timestamp(1_700_000_000_456),
        expires_at: Some(Timestamp(1_900_000_000_789)),
        last_used_at: None,
    }
}

fn project(founding: &Founding, name: &str) -> Project {
    Project { id: ProjectId::generate(&SystemRng), name: name.to_owned(), ..founding.project.clone() }
}

fn user(founding: &Founding, email: &str, role: OrganizationRole) -> User {
    User { id: UserId::generate(&SystemRng), email: email.to_owned(), role, ..founding.user.clone() }
}

fn all() -> Page {
    Page { after: None, limit: 100, order: Order::Ascending }
}

async fn founded(ports: &Ports) -> Founding {
    let founding = founding();
    assert!(ports.projects.found(&founding, false).await.unwrap());
    founding
}

/// On an empty database one founding succeeds, whoever else tries.
pub async fn founding_first_only(ports: &Ports) {
    let (a, b) = (founding(), founding());
    // Both at once on one task: whoever is polled first may be overtaken between two statements.
    let (mut first, mut second) = (None, None);
    join(ports.projects.found(&a, true), &mut first, ports.projects.found(&b, true), &mut second).await;
    let (first, second) = (first.unwrap().unwrap(), second.unwrap().unwrap());
    assert!(first != second, "one of two foundings succeeds: {first} {second}");
    let (there, absent) = if first { (&a, &b) } else { (&b, &a) };
    let found = ports.projects.get_organization(&there.organization.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&there.organization));
    assert_eq!(ports.projects.get_organization(&absent.organization.id).await.unwrap(), None);
    assert_eq!(ports.users.get_user(&absent.organization.id, &absent.user.id).await.unwrap(), None);
    assert!(!ports.projects.found(&founding(), true).await.unwrap());
}

/// Polls two futures side by side until both have ended.
async fn join<A, B>(
    a: impl Future<Output = A>,
    a_out: &mut Option<A>,
    b: impl Future<Output = B>,
    b_out: &mut Option<B>,
) {
    let (mut a, mut b) = (Box::pin(a), Box::pin(b));
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if a_out.is_none()
            && let Poll::Ready(out) = a.as_mut().poll(context)
        {
            *a_out = Some(out);
        }
        if b_out.is_none()
            && let Poll::Ready(out) = b.as_mut().poll(context)
        {
            *b_out = Some(out);
        }
        if a_out.is_some() && b_out.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// What is read is what was written, with all that decides whether the key is let in.
pub async fn keys_are_found_with_their_standing(ports: &Ports) {
    let founding = founded(ports).await;
    for expected in &founding.keys {
        let standing = ports.keys.find_key(&expected.prefix).await.unwrap().unwrap();
        assert_eq!(standing.key, *expected);
        assert!(!standing.project_archived);
        assert_eq!(standing.member_role, None);
        let role = matches!(expected.owner, KeyOwner::User(_)).then_some(OrganizationRole::Owner);
        assert_eq!(standing.user_role, role);
    }
    assert_eq!(ports.keys.find_key("nosuchprefix").await.unwrap(), None);

    let reader = user(&founding, "reader@example.org", OrganizationRole::Developer);
    ports.users.insert_user(&reader).await.unwrap();
    let side = project(&founding, "side");
    ports.projects.insert_project(&side).await.unwrap();
    let mut of_reader = key(&founding, Role::Project, KeyOwner::User(reader.id.clone()));
    of_reader.project = side.id.clone();
    of_reader.scopes = Vec::new();
    of_reader.expires_at = None;
    ports.keys.insert_key(&of_reader).await.unwrap();
    let standing = ports.keys.find_key(&of_reader.prefix).await.unwrap().unwrap();
    assert_eq!(standing.key, of_reader);
    assert_eq!((standing.user_role, standing.member_role), (Some(OrganizationRole::Developer), None));

    let member =
        Member { project: side.id.clone(), user: reader, role: ProjectRole::Owner, added_at: Timestamp(1) };
    ports.members.insert_member(&member).await.unwrap();
    ports.projects.archive_project(&side.organization, &side.id, Timestamp(5)).await.unwrap();
    let standing = ports.keys.find_key(&of_reader.prefix).await.unwrap().unwrap();
    assert_eq!(standing.member_role, Some(ProjectRole::Owner));
    assert!(standing.project_archived);
}

/// A prefix is taken once, and a key without a project or an owner is not kept.
pub async fn keys_are_unique_and_refer_to_what_is_there(ports: &Ports) {
    let founding = founded(ports).await;
    let owner = KeyOwner::User(founding.user.id.clone());
    let mut same_prefix = key(&founding, Role::Project, owner.clone());
    same_prefix.prefix.clone_from(&founding.keys[0].prefix);
    let refused = ports.keys.insert_key(&same_prefix).await;
    assert!(matches!(refused, Err(IdentityError::Conflict { .. })), "{refused:?}");

    let mut no_project = key(&founding, Role::Project, owner);
    no_project.project = ProjectId::generate(&SystemRng);
    let refused = ports.keys.insert_key(&no_project).await;
    assert!(matches!(refused, Err(IdentityError::Conflict { .. })), "{refused:?}");
    let no_user = key(&founding, Role::Project, KeyOwner::User(UserId::generate(&SystemRng)));
    let refused = ports.keys.insert_key(&no_user).await;
    assert!(matches!(refused, Err(IdentityError::Conflict { .. })), "{refused:?}");
    assert_eq!(ports.keys.find_key(&no_user.prefix).await.unwrap(), None);
}

/// What belongs to another organisation is neither seen nor deleted.
pub async fn keys_are_listed_and_deleted_in_their_organization_only(ports: &Ports) {
    let (ours, theirs) = (founded(ports).await, founded(ports).await);
    let (mine, other) = (&ours.organization.id, &theirs.organization.id);
    let [admin, program] = &ours.keys[..] else { return assert_eq!(ours.keys.len(), 2) };
    assert_eq!(ports.keys.list_keys(mine, None, &all()).await.unwrap(), std::slice::from_ref(admin));
    let of_project = ports.keys.list_keys(mine, Some(&ours.project.id), &all()).await.unwrap();
    assert_eq!(of_project, std::slice::from_ref(program));
    assert_eq!(ports.keys.list_keys(other, Some(&ours.project.id), &all()).await.unwrap(), []);

    assert_eq!(ports.keys.get_key(mine, &program.id).await.unwrap().as_ref(), Some(program));
    assert_eq!(ports.keys.get_key(other, &program.id).await.unwrap(), None);
    assert!(!ports.keys.delete_key(other, &program.id).await.unwrap());
    assert!(ports.keys.find_key(&program.prefix).await.unwrap().is_some());
    assert!(ports.keys.delete_key(mine, &program.id).await.unwrap());
    assert!(!ports.keys.delete_key(mine, &program.id).await.unwrap());
    assert_eq!(ports.keys.find_key(&program.prefix).await.unwrap(), None);
}

/// Late news of an earlier use changes nothing, and a key that went is passed over.
pub async fn uses_are_noted_and_never_go_back(ports: &Ports) {
    let founding = founded(ports).await;
    let [admin, program] = &founding.keys[..] else { return assert_eq!(founding.keys.len(), 2) };
    let gone = ApiKeyId::generate(&SystemRng);
    let uses =
        [(admin.id.clone(), Timestamp(50)), (gone, Timestamp(60)), (program.id.clone(), Timestamp(70))];
    ports.keys.touch_keys(&uses).await.unwrap();
    ports.keys.touch_keys(&[(program.id.clone(), Timestamp(20))]).await.unwrap();
    ports.keys.touch_keys(&[]).await.unwrap();
    for (key, at) in [(admin, 50), (program, 70)] {
        let read = ports.keys.get_key(&founding.organization.id, &key.id).await.unwrap().unwrap();
        assert_eq!(read.last_used_at, Some(Timestamp(at)));
    }
}

/// A project is renamed while it lives, archived once, and hidden when archived unless asked for.
pub async fn projects_are_renamed_and_archived(ports: &Ports) {
    let (ours, theirs) = (founded(ports).await, founded(ports).await);
    let organization = &ours.organization.id;
    let mut side = project(&ours, "side");
    side.created_at = Timestamp(side.created_at.0 + 1);
    let store = &ports.projects;
    store.insert_project(&side).await.unwrap();
    assert!(matches!(store.insert_project(&side).await, Err(IdentityError::Conflict { .. })));
    let listed = store.list_projects(organization, false, &all()).await.unwrap();
    assert_eq!(listed, [ours.project.clone(), side.clone()]);

    assert_eq!(store.rename_project(&theirs.organization.id, &side.id, "stolen").await.unwrap(), None);
    "front".clone_into(&mut side.name);
    assert_eq!(store.rename_project(organization, &side.id, "front").await.unwrap().as_ref(), Some(&side));
    assert_eq!(store.get_project(organization, &side.id).await.unwrap().as_ref(), Some(&side));
    assert_eq!(store.get_project(&theirs.organization.id, &side.id).await.unwrap(), None);

    let archive = |organization, at| store.archive_project(organization, &side.id, at);
    assert_eq!(archive(&theirs.organization.id, Timestamp(7)).await.unwrap(), None);
    for at in [Timestamp(7), Timestamp(8)] {
        assert_eq!(archive(organization, at).await.unwrap().unwrap().archived_at, Some(Timestamp(7)));
    }
    assert_eq!(store.rename_project(organization, &side.id, "late").await.unwrap(), None);
    assert_eq!(
        store.list_projects(organization, false, &all()).await.unwrap(),
        std::slice::from_ref(&ours.project)
    );
    assert_eq!(store.list_projects(organization, true, &all()).await.unwrap().len(), 2);
}

/// Pages meet without a gap or an overlap, in both directions, though every row has the same time.
pub async fn lists_are_paged_both_ways_though_all_share_a_moment(ports: &Ports) {
    let founding = founded(ports).await;
    let organization = &founding.organization.id;
    for n in 0..7 {
        ports.projects.insert_project(&project(&founding, &format!("p{n}"))).await.unwrap();
    }
    let mut seen = Vec::new();
    for order in [Order::Ascending, Order::Descending] {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = Page { after, limit: 3, order };
            let rows = ports.projects.list_projects(organization, true, &page).await.unwrap();
            let Some(last) = rows.last() else { break };
            assert!(rows.len() <= 3);
            after = Some(Cursor { at: last.created_at, id: last.id.to_string() });
            ids.extend(rows.into_iter().map(|row| row.id));
        }
        assert_eq!(ids.len(), 8);
        seen.push(ids);
    }
    seen[1].reverse();
    assert_eq!(seen[0], seen[1]);
}

/// Addresses are unique in an organisation; a user goes with memberships and keys.
pub async fn users_are_changed_and_removed_with_their_keys(ports: &Ports) {
    let (ours, theirs) = (founded(ports).await, founded(ports).await);
    let organization = &ours.organization.id;
    let mut grace = user(&ours, "grace@example.org", OrganizationRole::Owner);
    grace.added_at = Timestamp(grace.added_at.0 + 1);
    ports.users.insert_user(&grace).await.unwrap();
    let twin = user(&ours, "grace@example.org", OrganizationRole::Developer);
    assert!(matches!(ports.users.insert_user(&twin).await, Err(IdentityError::Conflict { .. })));
    let elsewhere = user(&theirs, "grace@example.org", OrganizationRole::Developer);
    ports.users.insert_user(&elsewhere).await.unwrap();
    assert_eq!(ports.users.count_owners(organization).await.unwrap(), 2);
    assert_eq!(ports.users.count_owners(&theirs.organization.id).await.unwrap(), 1);
    let listed = ports.users.list_users(organization, &all()).await.unwrap();
    assert_eq!(listed, [ours.user.clone(), grace.clone()]);

    grace.role = OrganizationRole::Developer;
    "Grace H.".clone_into(&mut grace.name);
    assert!(ports.users.update_user(&grace).await.unwrap());
    assert_eq!(ports.users.get_user(organization, &grace.id).await.unwrap().as_ref(), Some(&grace));
    assert_eq!(ports.users.get_user(&theirs.organization.id, &grace.id).await.unwrap(), None);
    assert_eq!(ports.users.find_user(organization, &grace.email).await.unwrap().as_ref(), Some(&grace));
    assert_eq!(ports.users.find_user(organization, "nobody@example.org").await.unwrap(), None);
    let twin = User { email: ours.user.email.clone(), ..grace.clone() };
    assert!(matches!(ports.users.update_user(&twin).await, Err(IdentityError::Conflict { .. })));
    "grace.hopper@example.org".clone_into(&mut grace.email);
    assert!(ports.users.update_user(&grace).await.unwrap());
    assert_eq!(ports.users.find_user(organization, &grace.email).await.unwrap().as_ref(), Some(&grace));
    assert_eq!(ports.users.find_user(organization, "grace@example.org").await.unwrap(), None);
    assert_eq!(ports.users.count_owners(organization).await.unwrap(), 1);

    let member = Member {
        project: ours.project.id.clone(),
        user: grace.clone(),
        role: ProjectRole::Member,
        added_at: Timestamp(1),
    };
    ports.members.insert_member(&member).await.unwrap();
    let hers = key(&ours, Role::Project, KeyOwner::User(grace.id.clone()));
    ports.keys.insert_key(&hers).await.unwrap();
    assert!(!ports.users.delete_user(&theirs.organization.id, &grace.id).await.unwrap());
    assert!(ports.keys.find_key(&hers.prefix).await.unwrap().is_some());
    assert!(ports.members.get_member(&ours.project.id, &grace.id).await.unwrap().is_some());
    assert!(ports.users.delete_user(organization, &grace.id).await.unwrap());
    assert!(!ports.users.delete_user(organization, &grace.id).await.unwrap());
    assert!(!ports.users.update_user(&grace).await.unwrap());
    assert_eq!(ports.keys.find_key(&hers.prefix).await.unwrap(), None);
    assert_eq!(ports.members.get_member(&ours.project.id, &grace.id).await.unwrap(), None);
    assert!(ports.keys.find_key(&ours.keys[0].prefix).await.unwrap().is_some(), "others keep their keys");
}

/// Who leaves a project loses the keys there, and no others.
pub async fn members_lose_their_keys_in_the_project(ports: &Ports) {
    let founding = founded(ports).await;
    let side = project(&founding, "side");
    ports.projects.insert_project(&side).await.unwrap();
    let member = Member {
        project: side.id.clone(),
        user: founding.user.clone(),
        role: ProjectRole::Member,
        added_at: Timestamp(3),
    };
    let (side_id, user) = (&side.id, &founding.user.id);
    let store = &ports.members;
    store.insert_member(&member).await.unwrap();
    assert!(matches!(store.insert_member(&member).await, Err(IdentityError::Conflict { .. })));
    assert_eq!(store.get_member(side_id, user).await.unwrap().as_ref(), Some(&member));
    assert_eq!(store.get_member(&founding.project.id, user).await.unwrap(), None);
    assert!(store.update_member(side_id, user, ProjectRole::Owner).await.unwrap());
    let listed = store.list_members(side_id, &all()).await.unwrap();
    assert_eq!(listed, [Member { role: ProjectRole::Owner, ..member.clone() }]);
    assert_eq!(store.projects_of(user, 9).await.unwrap(), std::slice::from_ref(&side));
    let mut later = project(&founding, "later");
    later.created_at = Timestamp(side.created_at.0 + 1);
    ports.projects.insert_project(&later).await.unwrap();
    store.insert_member(&Member { project: later.id.clone(), ..member.clone() }).await.unwrap();
    assert_eq!(store.projects_of(user, 9).await.unwrap(), [side.clone(), later.clone()]);
    assert_eq!(store.projects_of(user, 1).await.unwrap(), std::slice::from_ref(&side));
    ports.projects.archive_project(&later.organization, &later.id, Timestamp(9)).await.unwrap();
    assert_eq!(
        store.projects_of(user, 9).await.unwrap(),
        std::slice::from_ref(&side),
        "an archived one is none"
    );

    let mut there = key(&founding, Role::Project, KeyOwner::User(user.clone()));
    there.project = side.id.clone();
    let elsewhere = key(&founding, Role::Project, KeyOwner::User(user.clone()));
    ports.keys.insert_key(&there).await.unwrap();
    ports.keys.insert_key(&elsewhere).await.unwrap();
    assert!(store.delete_member(side_id, user).await.unwrap());
    assert!(!store.delete_member(side_id, user).await.unwrap());
    assert!(!store.update_member(side_id, user, ProjectRole::Member).await.unwrap());
    assert_eq!(ports.keys.find_key(&there.prefix).await.unwrap(), None);
    assert!(ports.keys.find_key(&elsewhere.prefix).await.unwrap().is_some());
    assert!(ports.keys.find_key(&founding.keys[0].prefix).await.unwrap().is_some());
}

/// A service account comes with its key or not at all, and goes with it.
pub async fn service_accounts_go_with_their_keys(ports: &Ports) {
    let founding = founded(ports).await;
    let store = &ports.service_accounts;
    let account = ServiceAccount {
        id: ServiceAccountId::generate(&SystemRng),
        name: "nightly".to_owned(),
        created_at: Timestamp(founding.service_account.created_at.0 + 1),
        ..founding.service_account.clone()
    };
    let its = key(&founding, Role::Project, KeyOwner::ServiceAccount(account.id.clone()));
    let mut taken = its.clone();
    taken.prefix.clone_from(&founding.keys[0].prefix);
    assert!(matches!(
        store.insert_service_account(&account, &taken).await,
        Err(IdentityError::Conflict { .. })
    ));
    let project = &founding.project.id;
    assert_eq!(store.get_service_account(project, &account.id).await.unwrap(), None);

    store.insert_service_account(&account, &its).await.unwrap();
    assert_eq!(store.get_service_account(project, &account.id).await.unwrap().as_ref(), Some(&account));
    let listed = store.list_service_accounts(project, &all()).await.unwrap();
    assert_eq!(listed, [founding.service_account.clone(), account.clone()]);
    let elsewhere = ProjectId::generate(&SystemRng);
    assert_eq!(store.get_service_account(&elsewhere, &account.id).await.unwrap(), None);
    assert!(!store.delete_service_account(&elsewhere, &account.id).await.unwrap());
    assert!(ports.keys.find_key(&its.prefix).await.unwrap().is_some());
    assert!(store.delete_service_account(project, &account.id).await.unwrap());
    assert!(!store.delete_service_account(project, &account.id).await.unwrap());
    assert_eq!(ports.keys.find_key(&its.prefix).await.unwrap(), None);
}

/// Names come back as they went, and a hostile prefix finds nothing.
pub async fn hostile_text_is_only_text(ports: &Ports) {
    let founding = founded(ports).await;
    let hostile = project(&founding, HOSTILE);
    ports.projects.insert_project(&hostile).await.unwrap();
    let read = ports.projects.get_project(&founding.organization.id, &hostile.id).await.unwrap();
    assert_eq!(read.map(|project| project.name).as_deref(), Some(HOSTILE));
    for prefix in [HOSTILE, "%", "' OR '1'='1", "", "\u{0}"] {
        // PostgreSQL's text has no NUL: an adapter may refuse it, and finds nothing either way.
        assert!(!matches!(ports.keys.find_key(prefix).await, Ok(Some(_))), "{prefix:?}");
    }
    assert!(ports.keys.find_key(&founding.keys[0].prefix).await.unwrap().is_some());
}
