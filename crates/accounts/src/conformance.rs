//! The suite that every adapter of the ports must pass. Each case makes organisations of its own, so that they may
//! share a database; [`set_up_first_only`] needs one without accounts and runs first.

#![expect(clippy::unwrap_used, reason = "a suite of assertions")]

use std::time::Duration;

use tenfold_identity::conformance::founding;
use tenfold_identity::{Digest, Founding, Member, OrganizationRole, ProjectRole, User};
use tenfold_kernel::{
    ApiKeyId, ChallengeId, InviteId, OrganizationId, PasskeyId, SessionId, SystemRng, Timestamp, UserId,
    base62,
};

use crate::{
    Acceptance, Account, AccountsError, Admission, Attempt, AttemptKey, Challenge, Invite, Passkey,
    PasswordHash, Person, Ports, Session, TotpSeed,
};

const NOW: Timestamp = Timestamp(1_700_000_000_000);
/// Text that a careless adapter would take for SQL, a pattern or an escape.
const HOSTILE: &str = "'; DROP TABLE accounts; -- \" \\ % _ $1 ?1 \u{1F511} Ö";
const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Adapters of both parts on one database.
#[derive(Debug, Clone)]
pub struct Adapters {
    /// Those under test.
    pub accounts: Ports,
    /// Where the users are.
    pub identity: tenfold_identity::Ports,
}

/// Runs every case.
pub async fn everything(adapters: &Adapters) {
    set_up_first_only(adapters).await;
    people_are_found_in_the_order_of_their_organizations(adapters).await;
    a_new_password_ends_other_sessions(adapters).await;
    one_time_codes_go_on_and_off(adapters).await;
    a_step_and_a_recovery_code_count_once(adapters).await;
    attempts_are_counted_one_after_the_other(adapters).await;
    sessions_are_found_touched_and_ended(adapters).await;
    passkeys_and_questions_are_kept(adapters).await;
    an_invitation_is_accepted_once(adapters).await;
    an_invitation_to_a_user_gives_an_account(adapters).await;
    a_deleted_user_takes_everything_along(adapters).await;
    what_is_over_is_swept_in_batches(adapters).await;
}

fn hash() -> PasswordHash {
    PasswordHash::parse(HASH).unwrap()
}

fn seed(n: u8) -> TotpSeed {
    TotpSeed::from_base32(&data_encoding::BASE32_NOPAD.encode(&[n; 20])).unwrap()
}

fn random_digest() -> Digest {
    Digest::of(&base62(&SystemRng, 40), &[7; 32])
}

fn account(user: &User) -> Account {
    Account {
        user: user.id.clone(),
        organization: user.organization.clone(),
        password: Some(hash()),
        totp: None,
        pending_totp: None,
        console_key: ApiKeyId::generate(&SystemRng),
        created_at: NOW,
    }
}

fn session(user: &UserId) -> Session {
    Session {
        id: SessionId::generate(&SystemRng),
        user: user.clone(),
        digest: random_digest(),
        user_agent: HOSTILE.to_owned(),
        created_at: NOW,
        last_seen_at: NOW,
        expires_at: Timestamp(NOW.0 + 1_000),
        ends_at: Timestamp(NOW.0 + 9_000),
    }
}

fn invite(organization: &OrganizationId, email: &str) -> Invite {
    Invite {
        id: InviteId::generate(&SystemRng),
        organization: organization.clone(),
        email: email.to_owned(),
        role: OrganizationRole::Developer,
        projects: Vec::new(),
        invited_by: None,
        digest: random_digest(),
        invited_at: NOW,
        expires_at: Timestamp(NOW.0 + 1_000),
        accepted_at: None,
    }
}

async fn founded(adapters: &Adapters) -> Founding {
    let mut founding = founding();
    founding.user.email = format!("{}@example.org", base62(&SystemRng, 20).to_lowercase());
    assert!(adapters.identity.projects.found(&founding, false).await.unwrap());
    founding
}

/// Somebody new to the organisation, by invitation.
async fn join(adapters: &Adapters, organization: &OrganizationId, email: &str) -> Person {
    let invite = invite(organization, email);
    adapters.accounts.invites.insert_invite(&invite).await.unwrap();
    let acceptance = acceptance(&invite);
    assert!(adapters.accounts.invites.accept_invite(&acceptance).await.unwrap());
    Person { account: acceptance.account, user: acceptance.user }
}

fn acceptance(invite: &Invite) -> Acceptance {
    let user = User {
        id: UserId::generate(&SystemRng),
        organization: invite.organization.clone(),
        name: HOSTILE.to_owned(),
        email: invite.email.clone(),
        role: invite.role,
        added_at: NOW,
    };
    let members = invite.projects.iter().map(|(project, role)| Member {
        project: project.clone(),
        user: user.clone(),
        role: *role,
        added_at: NOW,
    });
    Acceptance {
        invite: invite.id.clone(),
        at: NOW,
        is_new: true,
        members: members.collect(),
        account: account(&user),
        session: session(&user.id),
        user,
    }
}

/// On a database without accounts one set-up succeeds, whoever else tries.
pub async fn set_up_first_only(adapters: &Adapters) {
    let store = &adapters.accounts.accounts;
    assert!(!store.has_accounts().await.unwrap());
    let (a, b) = (founded(adapters).await, founded(adapters).await);
    // An address that another user of the organisation has leaves nothing behind.
    let other = User { id: UserId::generate(&SystemRng), email: "taken@x".to_owned(), ..a.user.clone() };
    adapters.identity.users.insert_user(&other).await.unwrap();
    let taken = User { email: "taken@x".to_owned(), ..a.user.clone() };
    let refused = store.set_up(&taken, &account(&taken), &session(&taken.id)).await;
    assert!(matches!(refused, Err(AccountsError::Conflict { .. })), "{refused:?}");
    let nobody = User { id: UserId::generate(&SystemRng), ..a.user.clone() };
    let refused = store.set_up(&nobody, &account(&nobody), &session(&nobody.id)).await;
    assert!(matches!(refused, Err(AccountsError::Conflict { .. })), "{refused:?}");
    assert!(!store.has_accounts().await.unwrap());

    let ada = User { name: "Ada".to_owned(), email: "ada@set.up".to_owned(), ..a.user.clone() };
    let bob = User { name: "Bob".to_owned(), email: "bob@set.up".to_owned(), ..b.user.clone() };
    let (of_ada, of_bob) = (account(&ada), account(&bob));
    let sessions = (session(&ada.id), session(&bob.id));
    // A pool opens its connections here, so that neither has to wait for one and come late.
    let _ = tokio::join!(store.has_accounts(), store.has_accounts(), store.has_accounts());
    let (x, y) =
        tokio::join!(store.set_up(&ada, &of_ada, &sessions.0), store.set_up(&bob, &of_bob, &sessions.1));
    assert_ne!(x.unwrap(), y.unwrap(), "exactly one succeeds");
    assert!(store.has_accounts().await.unwrap());
    let there = [store.get_person(&ada.id).await.unwrap(), store.get_person(&bob.id).await.unwrap()];
    let person = there.iter().flatten().next().unwrap();
    assert_eq!(there.iter().flatten().count(), 1);
    assert!(person.user == ada || person.user == bob, "name and address are written: {person:?}");
    let kept = if person.user == ada { &sessions.0 } else { &sessions.1 };
    let info = adapters.accounts.sessions.find_session(&kept.digest).await.unwrap().unwrap();
    assert_eq!((&info.user, &info.session), (&person.user, kept));
}

/// One address in several organisations.
pub async fn people_are_found_in_the_order_of_their_organizations(adapters: &Adapters) {
    let email = format!("{}@everywhere", base62(&SystemRng, 12).to_lowercase());
    let mut founded_at = Vec::new();
    for age in [30, 10, 20] {
        let mut founding = founding();
        founding.organization.created_at = Timestamp(age);
        assert!(adapters.identity.projects.found(&founding, false).await.unwrap());
        let person = join(adapters, &founding.organization.id, &email).await;
        founded_at.push((age, person));
    }
    founded_at.sort_by_key(|(age, _)| *age);
    let expected: Vec<Person> = founded_at.into_iter().map(|(_, person)| person).collect();
    let store = &adapters.accounts.accounts;
    assert_eq!(store.find_people(&email, 8).await.unwrap(), expected);
    assert_eq!(store.find_people(&email, 2).await.unwrap(), expected[..2]);
    for nobody in ["", "%", "_%@everywhere", HOSTILE] {
        assert_eq!(store.find_people(nobody, 8).await.unwrap(), [], "{nobody}");
    }
}

/// A change of the password leaves one browser signed in, or none.
pub async fn a_new_password_ends_other_sessions(adapters: &Adapters) {
    let founding = founded(adapters).await;
    let ours = join(adapters, &founding.organization.id, "a@password").await.user.id;
    let other = join(adapters, &founding.organization.id, "b@password").await.user.id;
    let (store, sessions) = (&adapters.accounts.accounts, &adapters.accounts.sessions);
    let kept = session(&ours);
    sessions.insert_session(&kept).await.unwrap();
    let new = PasswordHash::parse(&HASH.replace("t=1", "t=2")).unwrap();
    assert!(store.set_password(&ours, &new, Some(&kept.id)).await.unwrap());
    let person = store.get_person(&ours).await.unwrap().unwrap();
    assert_eq!(person.account.password, Some(new));
    assert_eq!(sessions.list_sessions(&ours, NOW).await.unwrap(), [kept]);
    assert_eq!(sessions.list_sessions(&other, NOW).await.unwrap().len(), 1);
    assert!(store.set_password(&ours, &hash(), None).await.unwrap());
    assert_eq!(sessions.list_sessions(&ours, NOW).await.unwrap(), []);
    assert!(!store.set_password(&UserId::generate(&SystemRng), &hash(), None).await.unwrap());
}

/// What waits is confirmed once, and what is on is not begun again.
pub async fn one_time_codes_go_on_and_off(adapters: &Adapters) {
    let founding = founded(adapters).await;
    let user = join(adapters, &founding.organization.id, "a@totp").await.user.id;
    let (store, people) = (&adapters.accounts.totp, &adapters.accounts.accounts);
    let code = random_digest();
    assert!(!store.enable_totp(&user, &seed(1), 5, &[code]).await.unwrap(), "nothing waits");
    assert!(store.begin_totp(&user, &seed(1)).await.unwrap());
    assert!(store.begin_totp(&user, &seed(2)).await.unwrap(), "a new one replaces one that waits");
    assert!(!store.enable_totp(&user, &seed(1), 5, &[code]).await.unwrap(), "another waits");
    let account = people.get_person(&user).await.unwrap().unwrap().account;
    assert_eq!((account.totp, account.pending_totp), (None, Some(seed(2))));
    assert!(!store.take_step(&user, 99).await.unwrap(), "codes are off");
    assert!(!store.disable_totp(&user).await.unwrap());

    let right = seed(2);
    let codes = [code];
    let (a, b) = tokio::join!(
        store.enable_totp(&user, &right, 5, &codes),
        store.enable_totp(&user, &right, 5, &codes)
    );
    assert_ne!(a.unwrap(), b.unwrap(), "exactly one confirms");
    let account = people.get_person(&user).await.unwrap().unwrap().account;
    let totp = account.totp.unwrap();
    assert_eq!((totp.seed, totp.last_step, account.pending_totp), (seed(2), 5, None));
    assert!(!store.begin_totp(&user, &seed(3)).await.unwrap(), "codes are on");
    assert!(store.disable_totp(&user).await.unwrap());
    assert!(!store.take_recovery_code(&user, &code).await.unwrap(), "recovery codes go along");
    assert_eq!(people.get_person(&user).await.unwrap().unwrap().account.totp, None);
    assert!(!store.begin_totp(&UserId::generate(&SystemRng), &seed(1)).await.unwrap());
}

/// Whoever else tries at the moment.
pub async fn a_step_and_a_recovery_code_count_once(adapters: &Adapters) {
    let founding = founded(adapters).await;
    let user = join(adapters, &founding.organization.id, "a@once").await.user.id;
    let other = join(adapters, &founding.organization.id, "b@once").await.user.id;
    let store = &adapters.accounts.totp;
    let codes = [random_digest(), random_digest()];
    assert!(store.begin_totp(&user, &seed(1)).await.unwrap());
    assert!(store.enable_totp(&user, &seed(1), 5, &codes).await.unwrap());
    let (a, b, c) =
        tokio::join!(store.take_step(&user, 6), store.take_step(&user, 6), store.take_step(&user, 6));
    let taken = [a.unwrap(), b.unwrap(), c.unwrap()];
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    assert!(!store.take_step(&user, 5).await.unwrap(), "an earlier step is gone");
    assert!(store.take_step(&user, 8).await.unwrap());
    assert!(!store.take_step(&user, 7).await.unwrap());

    assert!(!store.take_recovery_code(&other, &codes[0]).await.unwrap(), "it is another's");
    let (a, b, c) = tokio::join!(
        store.take_recovery_code(&user, &codes[0]),
        store.take_recovery_code(&user, &codes[0]),
        store.take_recovery_code(&user, &codes[0])
    );
    let taken = [a.unwrap(), b.unwrap(), c.unwrap()];
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    assert!(store.take_recovery_code(&user, &codes[1]).await.unwrap(), "the others stay");
}

/// Five get through, however many come at once; then one waits.
pub async fn attempts_are_counted_one_after_the_other(adapters: &Adapters) {
    let store = &adapters.accounts.attempts;
    let (key, other) = (AttemptKey(random_digest()), AttemptKey(random_digest()));
    let count = || store.count_attempt(&key, NOW);
    let four = tokio::join!(count(), count(), count(), count());
    let more = tokio::join!(count(), count(), count(), count());
    let all = [four.0, four.1, four.2, four.3, more.0, more.1, more.2, more.3].map(Result::unwrap);
    let until = NOW.plus(Duration::from_mins(1));
    let mut admitted: Vec<u32> = Vec::new();
    for admission in all {
        match admission {
            Admission::Admitted(attempt) => {
                assert_eq!(attempt.locked_until, (attempt.failures == 5).then_some(until));
                admitted.push(attempt.failures);
            }
            Admission::Locked { until: locked } => assert_eq!(locked, until),
        }
    }
    admitted.sort_unstable();
    assert_eq!(admitted, [1, 2, 3, 4, 5]);
    let free = store.count_attempt(&other, NOW).await.unwrap();
    let first = Attempt { failures: 1, locked_until: None };
    assert_eq!(free, Admission::Admitted(first), "another key is counted apart");

    // One that was no failure gives its wait back, unless somebody waits for another reason.
    let sixth = Attempt { failures: 6, locked_until: Some(until.plus(Duration::from_mins(2))) };
    assert_eq!(store.count_attempt(&key, until).await.unwrap(), Admission::Admitted(sixth));
    store.refund_attempt(&key, &sixth).await.unwrap();
    let again = store.count_attempt(&key, until).await.unwrap();
    assert_eq!(again, Admission::Admitted(sixth));
    store.refund_attempt(&key, &Attempt { failures: 4, locked_until: None }).await.unwrap();
    assert!(matches!(store.count_attempt(&key, until).await.unwrap(), Admission::Locked { .. }));

    store.clear_attempts(&key).await.unwrap();
    assert_eq!(store.count_attempt(&key, until).await.unwrap(), Admission::Admitted(first));
    assert!(matches!(
        store.count_attempt(&other, NOW).await.unwrap(),
        Admission::Admitted(Attempt { failures: 2, .. })
    ));
    store.refund_attempt(&AttemptKey(random_digest()), &first).await.unwrap();
}

/// A session comes with all about its owner, and its times never go back.
pub async fn sessions_are_found_touched_and_ended(adapters: &Adapters) {
    let founding = founded(adapters).await;
    let person = join(adapters, &founding.organization.id, "a@session").await;
    let other = join(adapters, &founding.organization.id, "b@session").await;
    let (store, user) = (&adapters.accounts.sessions, &person.user.id);
    let first = store.list_sessions(user, NOW).await.unwrap().remove(0);
    let second = Session { created_at: Timestamp(NOW.0 + 5), ..session(user) };
    store.insert_session(&second).await.unwrap();
    assert!(matches!(store.insert_session(&second).await, Err(AccountsError::Conflict { .. })));
    let orphan = session(&UserId::generate(&SystemRng));
    assert!(matches!(store.insert_session(&orphan).await, Err(AccountsError::Conflict { .. })));
    assert_eq!(store.list_sessions(user, NOW).await.unwrap(), [second.clone(), first.clone()]);

    let info = store.find_session(&second.digest).await.unwrap().unwrap();
    assert_eq!(info.session, second);
    assert_eq!((info.account, info.user), (person.account.clone(), person.user.clone()));
    assert_eq!(info.organization, founding.organization);
    assert!(!info.has_passkey);
    assert_eq!(store.find_session(&random_digest()).await.unwrap(), None);

    let (seen, until) = (Timestamp(NOW.0 + 100), Timestamp(NOW.0 + 2_000));
    store.touch_session(&second.id, seen, until).await.unwrap();
    store.touch_session(&second.id, NOW, NOW).await.unwrap();
    let touched = store.find_session(&second.digest).await.unwrap().unwrap().session;
    assert_eq!(touched, Session { last_seen_at: seen, expires_at: until, ..second.clone() });
    let later = store.list_sessions(user, first.expires_at).await.unwrap();
    assert_eq!(later, [touched], "what is over is not listed");

    assert!(!store.delete_session(&other.user.id, &second.id).await.unwrap(), "it is another's");
    assert!(store.delete_session(user, &second.id).await.unwrap());
    assert!(!store.delete_session(user, &second.id).await.unwrap());
    assert_eq!(store.find_session(&second.digest).await.unwrap(), None);
}

fn passkey(user: &UserId) -> Passkey {
    Passkey {
        id: PasskeyId::generate(&SystemRng),
        user: user.clone(),
        name: HOSTILE.to_owned(),
        credential: base62(&SystemRng, 32).into_bytes(),
        transports: 0b10_0001,
        public_key: vec![0, 255, 1],
        state: vec![7; 7],
        created_at: NOW,
        last_used_at: None,
    }
}

/// A question is given out once, and a passkey's state follows its last use.
pub async fn passkeys_and_questions_are_kept(adapters: &Adapters) {
    let founding = founded(adapters).await;
    let user = join(adapters, &founding.organization.id, "a@passkey").await.user.id;
    let other = join(adapters, &founding.organization.id, "b@passkey").await.user.id;
    let store = &adapters.accounts.passkeys;
    let first = passkey(&user);
    let second = Passkey { created_at: Timestamp(NOW.0 + 1), ..passkey(&user) };
    store.insert_passkey(&second).await.unwrap();
    store.insert_passkey(&first).await.unwrap();
    let twin = Passkey { credential: first.credential.clone(), ..passkey(&other) };
    assert!(matches!(store.insert_passkey(&twin).await, Err(AccountsError::Conflict { .. })));
    let orphan = passkey(&UserId::generate(&SystemRng));
    assert!(matches!(store.insert_passkey(&orphan).await, Err(AccountsError::Conflict { .. })));
    assert_eq!(store.list_passkeys(&user).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.find_passkey(&first.credential).await.unwrap().as_ref(), Some(&first));
    assert_eq!(store.find_passkey(b"another credential").await.unwrap(), None);
    let begun = &adapters.accounts.sessions.list_sessions(&user, NOW).await.unwrap()[0];
    let info = adapters.accounts.sessions.find_session(&begun.digest).await.unwrap().unwrap();
    assert!(info.has_passkey);

    let (before, after) = ([7; 7], [8; 7]);
    let (a, b) = tokio::join!(
        store.use_passkey(&first.id, &before, &after, NOW),
        store.use_passkey(&first.id, &before, &after, NOW)
    );
    assert_ne!(a.unwrap(), b.unwrap(), "exactly one finds the state before");
    let used = store.find_passkey(&first.credential).await.unwrap().unwrap();
    assert_eq!(used, Passkey { state: after.to_vec(), last_used_at: Some(NOW), ..first.clone() });
    assert!(!store.delete_passkey(&other, &first.id).await.unwrap(), "it is another's");
    assert!(store.delete_passkey(&user, &first.id).await.unwrap());
    assert!(!store.delete_passkey(&user, &first.id).await.unwrap());
    assert_eq!(store.find_passkey(&first.credential).await.unwrap(), None);

    for user in [Some(user), None] {
        let id = ChallengeId::generate(&SystemRng);
        let challenge = Challenge { id: id.clone(), user, state: vec![0, 1, 255], expires_at: NOW };
        store.insert_challenge(&challenge).await.unwrap();
        let (a, b) = tokio::join!(store.take_challenge(&id), store.take_challenge(&id));
        let given: Vec<Challenge> = [a.unwrap(), b.unwrap()].into_iter().flatten().collect();
        assert_eq!(given, [challenge], "exactly one gets it");
    }
}

/// Two follow the same link at once: one is let in, with all that comes with it.
pub async fn an_invitation_is_accepted_once(adapters: &Adapters) {
    let founding = founded(adapters).await;
    let (organization, store) = (&founding.organization.id, &adapters.accounts.invites);
    let earlier = invite(organization, "new@invite");
    store.insert_invite(&earlier).await.unwrap();
    let mut wanted = invite(organization, "new@invite");
    wanted.projects = vec![(founding.project.id.clone(), ProjectRole::Owner)];
    wanted.invited_by = Some(founding.user.id.clone());
    wanted.invited_at = Timestamp(NOW.0 + 1);
    store.insert_invite(&wanted).await.unwrap();
    assert_eq!(store.find_invite(&earlier.digest).await.unwrap(), None, "a new one replaces it");
    assert_eq!(store.find_invite(&wanted.digest).await.unwrap().as_ref(), Some(&wanted));
    let another = invite(organization, "another@invite");
    store.insert_invite(&another).await.unwrap();
    assert_eq!(store.list_invites(organization, 9).await.unwrap(), [wanted.clone(), another.clone()]);
    assert_eq!(store.list_invites(organization, 1).await.unwrap(), [wanted.clone()]);
    let elsewhere = founded(adapters).await.organization.id;
    assert!(!store.delete_invite(&elsewhere, &another.id).await.unwrap(), "it is another's");
    assert!(store.delete_invite(organization, &another.id).await.unwrap());
    assert!(!store.delete_invite(organization, &another.id).await.unwrap());

    let late = Acceptance { at: wanted.expires_at, ..acceptance(&wanted) };
    assert!(!store.accept_invite(&late).await.unwrap(), "its time is over");
    let both = (acceptance(&wanted), acceptance(&wanted));
    let (a, b) = tokio::join!(store.accept_invite(&both.0), store.accept_invite(&both.1));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_ne!(a, b, "exactly one is let in");
    let (let_in, left_out) = if a { both } else { (both.1, both.0) };
    let user = &let_in.user.id;
    let person = adapters.accounts.accounts.get_person(user).await.unwrap().unwrap();
    assert_eq!((person.user, person.account), (let_in.user.clone(), let_in.account.clone()));
    let member = adapters.identity.members.get_member(&founding.project.id, user).await.unwrap();
    assert_eq!(member.as_ref(), let_in.members.first());
    let found = adapters.accounts.sessions.find_session(&let_in.session.digest).await.unwrap();
    assert_eq!(found.map(|info| info.session), Some(let_in.session));
    let gone = adapters.identity.users.get_user(organization, &left_out.user.id).await.unwrap();
    assert_eq!(gone, None, "nothing is left of the other");
    let accepted = store.find_invite(&wanted.digest).await.unwrap().unwrap();
    assert_eq!(accepted.accepted_at, Some(NOW));
    assert!(!store.accept_invite(&acceptance(&wanted)).await.unwrap());
}

/// Somebody who is a user already.
pub async fn an_invitation_to_a_user_gives_an_account(adapters: &Adapters) {
    let founding = founded(adapters).await;
    let (organization, store) = (&founding.organization.id, &adapters.accounts.invites);
    let grace = User {
        id: UserId::generate(&SystemRng),
        email: "grace@invite".to_owned(),
        role: OrganizationRole::Owner,
        ..founding.user.clone()
    };
    adapters.identity.users.insert_user(&grace).await.unwrap();
    let project = &founding.project.id;
    let member =
        Member { project: project.clone(), user: grace.clone(), role: ProjectRole::Owner, added_at: NOW };
    adapters.identity.members.insert_member(&member).await.unwrap();
    let mut wanted = invite(organization, "grace@invite");
    wanted.projects = vec![(project.clone(), ProjectRole::Member)];
    store.insert_invite(&wanted).await.unwrap();
    let as_new = store.accept_invite(&acceptance(&wanted)).await;
    assert!(matches!(as_new, Err(AccountsError::Conflict { .. })), "the address is taken: {as_new:?}");
    let accepted = Acceptance {
        is_new: false,
        user: grace.clone(),
        members: vec![Member { role: ProjectRole::Member, ..member.clone() }],
        account: account(&grace),
        session: session(&grace.id),
        ..acceptance(&wanted)
    };
    assert!(store.accept_invite(&accepted).await.unwrap());
    let person = adapters.accounts.accounts.get_person(&grace.id).await.unwrap().unwrap();
    assert_eq!(person.user, grace, "the role stays");
    let kept = adapters.identity.members.get_member(project, &grace.id).await.unwrap();
    assert_eq!(kept, Some(member), "the role in the project stays");

    let again = invite(organization, "grace@invite");
    store.insert_invite(&again).await.unwrap();
    let twice = store.accept_invite(&Acceptance { invite: again.id.clone(), ..accepted }).await;
    assert!(matches!(twice, Err(AccountsError::Conflict { .. })), "there is an account: {twice:?}");
    let pending = store.find_invite(&again.digest).await.unwrap().unwrap();
    assert_eq!(pending.accepted_at, None, "a failed acceptance takes nothing");
}

/// Nothing signs in who is no longer there.
pub async fn a_deleted_user_takes_everything_along(adapters: &Adapters) {
    let founding = founded(adapters).await;
    let person = join(adapters, &founding.organization.id, "gone@user").await;
    let user = &person.user.id;
    let ports = &adapters.accounts;
    let begun = ports.sessions.list_sessions(user, NOW).await.unwrap().remove(0);
    let key = passkey(user);
    ports.passkeys.insert_passkey(&key).await.unwrap();
    assert!(ports.totp.begin_totp(user, &seed(1)).await.unwrap());
    assert!(ports.totp.enable_totp(user, &seed(1), 1, &[random_digest()]).await.unwrap());
    assert!(adapters.identity.users.delete_user(&founding.organization.id, user).await.unwrap());
    assert_eq!(ports.sessions.find_session(&begun.digest).await.unwrap(), None);
    assert_eq!(ports.passkeys.find_passkey(&key.credential).await.unwrap(), None);
    assert_eq!(ports.accounts.get_person(user).await.unwrap(), None);
    assert_eq!(ports.accounts.find_people("gone@user", 8).await.unwrap(), []);
    let late = session(user);
    assert!(matches!(ports.sessions.insert_session(&late).await, Err(AccountsError::Conflict { .. })));
}

/// In batches, and nothing that lasts.
pub async fn what_is_over_is_swept_in_batches(adapters: &Adapters) {
    let founding = founded(adapters).await;
    let ports = &adapters.accounts;
    // Whatever the cases before left is over by then.
    let now = Timestamp(NOW.0 + 1_000_000_000);
    while ports.sweep.sweep(now, now, 50).await.unwrap() > 0 {}
    let user = join(adapters, &founding.organization.id, "a@sweep").await.user.id;
    let lasting = Session { expires_at: Timestamp(now.0 + 1), ..session(&user) };
    ports.sessions.insert_session(&lasting).await.unwrap();
    for _ in 0..2 {
        ports.sessions.insert_session(&session(&user)).await.unwrap();
    }
    let (over, open) = (ChallengeId::generate(&SystemRng), ChallengeId::generate(&SystemRng));
    for (id, expires_at) in [(&over, NOW), (&open, now)] {
        let challenge = Challenge { id: id.clone(), user: None, state: Vec::new(), expires_at };
        ports.passkeys.insert_challenge(&challenge).await.unwrap();
    }
    let (forgotten, counted) = (AttemptKey(random_digest()), AttemptKey(random_digest()));
    ports.attempts.count_attempt(&forgotten, NOW).await.unwrap();
    ports.attempts.count_attempt(&counted, now).await.unwrap();
    // Three sessions (one came with the invitation), one question, one invitation, one failure.
    assert_eq!(ports.sweep.sweep(now, now, 2).await.unwrap(), 2 + 1 + 1 + 1);
    assert_eq!(ports.sweep.sweep(now, now, 2).await.unwrap(), 1);
    assert_eq!(ports.sweep.sweep(now, now, 2).await.unwrap(), 0);
    assert_eq!(ports.sessions.list_sessions(&user, NOW).await.unwrap(), [lasting]);
    assert_eq!(ports.passkeys.take_challenge(&over).await.unwrap(), None);
    assert!(ports.passkeys.take_challenge(&open).await.unwrap().is_some());
    let next = ports.attempts.count_attempt(&counted, now).await.unwrap();
    assert!(matches!(next, Admission::Admitted(Attempt { failures: 2, .. })), "{next:?}");
}
