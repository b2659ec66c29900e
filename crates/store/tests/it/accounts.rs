//! The ports of accounts, and races that several processes could run.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tenfold_accounts::conformance::{Adapters, everything};
use tenfold_accounts::{Accounts, AccountsError, Config, Credentials, NewInvite, Ports, SetUp};
use tenfold_identity::{Identity, OrganizationRole, ProjectRole};
use tenfold_kernel::{Clock as _, MockClock, Secret, SystemRng, Timestamp};
use tenfold_store::Store;

use crate::{postgres, sqlite};

const PASSWORD: &str = "a notable engine of brass";

fn adapters(store: Store) -> Adapters {
    let store = Arc::new(store);
    Adapters { accounts: Ports::of(Arc::clone(&store)), identity: tenfold_identity::Ports::of(store) }
}

#[tokio::test]
async fn sqlite_passes_the_suite_of_accounts() {
    let (store, _folder) = sqlite::store().await;
    everything(&adapters(store)).await;
}

#[tokio::test]
async fn postgres_passes_the_suite_of_accounts() {
    everything(&adapters(postgres::store().await)).await;
}

fn set_up() -> SetUp {
    SetUp {
        name: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
        password: Secret::new(PASSWORD),
        user_agent: String::new(),
    }
}

fn credentials(password: &str, code: Option<&str>) -> Credentials {
    Credentials {
        email: "ada@example.org".to_owned(),
        password: Secret::new(password),
        code: code.map(Secret::new),
        user_agent: String::new(),
    }
}

/// Several processes (here: several [`Accounts`] with nothing in common but the database) do the same at once.
async fn races(store: Store) {
    let adapters = adapters(store);
    let clock = Arc::new(MockClock::new(Timestamp(1_700_000_000_000)));
    let rng = Arc::new(SystemRng);
    let config = tenfold_identity::Config { pepper: [1; 32], exclusive: false, cache_size: 1 };
    let identity =
        Identity::new(config, adapters.identity.clone(), Arc::clone(&clock) as Arc<_>, rng.clone());
    let admin = identity.bootstrap().await.unwrap().unwrap().admin;
    let processes: Vec<Accounts> = (0..4)
        .map(|_| {
            let config = Config {
                pepper: [2; 32],
                relying_party: None,
                session_idle: Duration::from_hours(12),
                session_life: Duration::from_hours(168),
                invite_life: Duration::from_hours(168),
                hashes_at_once: 1,
            };
            let ports = (adapters.accounts.clone(), adapters.identity.clone());
            Accounts::new(config, ports.0, ports.1, Arc::clone(&clock) as Arc<_>, rng.clone())
        })
        .collect();
    let one = &processes[0];

    // A pool opens its connections here, so that nobody has to wait for one and comes late.
    join_all((0..8).map(|_| one.needs_set_up())).await;
    let outcomes = join_all(processes.iter().map(|process| process.set_up(&admin, set_up()))).await;
    let mut ada = None;
    for outcome in outcomes {
        match outcome {
            Ok(signed_in) => assert!(ada.replace(signed_in).is_none(), "two set-ups succeeded"),
            Err(error) => assert!(matches!(error, AccountsError::AlreadySetUp), "{error:?}"),
        }
    }
    let ada = ada.unwrap();
    assert_eq!(one.session(ada.token.expose()).await.unwrap(), ada.info);

    let pending = one.begin_totp(&ada.info, &Secret::new(PASSWORD)).await.unwrap();
    let recovery = one.confirm_totp(&ada.info, &pending.secret.code_at(clock.now())).await.unwrap();
    clock.advance(Duration::from_mins(1));
    let code = pending.secret.code_at(clock.now());
    for code in [code.as_str(), recovery[3].expose()] {
        let outcomes =
            join_all(processes.iter().map(|process| process.sign_in(credentials(PASSWORD, Some(code)))))
                .await;
        let succeeded = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(succeeded, 1, "a code counts once: {outcomes:?}");
        let invalid =
            |outcome: &Result<_, AccountsError>| matches!(outcome, Err(AccountsError::InvalidSignIn));
        assert_eq!(outcomes.iter().filter(|outcome| invalid(outcome)).count(), 3, "{outcomes:?}");
    }

    let project = (admin.project.clone(), ProjectRole::Member);
    let new = NewInvite {
        email: "grace@example.org".to_owned(),
        role: OrganizationRole::Developer,
        projects: vec![project],
    };
    let invite = one.create_invite(&admin, new).await.unwrap();
    let password = Secret::new("nanoseconds of wire");
    let accept = |process| Accounts::accept_invite(process, invite.token.expose(), "Grace", &password, "");
    let outcomes = join_all(processes.iter().map(accept)).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    for outcome in outcomes {
        // Whoever came late either finds the invitation taken, or the account that came of it.
        let late = |error| matches!(error, AccountsError::InviteGone | AccountsError::AlreadyExists { .. });
        assert!(outcome.map_or_else(late, |_| true));
    }

    for hostile in ["a\0@example.org", "' OR 1=1 --", "%@example.org"] {
        let nobody = Credentials { email: hostile.to_owned(), ..credentials(PASSWORD, None) };
        assert!(matches!(one.sign_in(nobody).await, Err(AccountsError::InvalidSignIn)), "{hostile}");
    }

    // Guesses at all processes together are five before the first wait.
    let clear = one.sign_in(credentials(PASSWORD, Some(recovery[4].expose()))).await;
    assert!(clear.is_ok(), "{clear:?}");
    let guesses = (0..3).flat_map(|_| &processes);
    let outcomes =
        join_all(guesses.map(|process| process.sign_in(credentials("wrong wrong wrong", None)))).await;
    let waits =
        |outcome: &Result<_, AccountsError>| matches!(outcome, Err(AccountsError::TooManyAttempts { .. }));
    assert_eq!(outcomes.iter().filter(|outcome| waits(outcome)).count(), 12 - 5, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_succeeds_on_sqlite() {
    let (store, _folder) = sqlite::store().await;
    races(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_succeeds_on_postgres() {
    races(postgres::store().await).await;
}
