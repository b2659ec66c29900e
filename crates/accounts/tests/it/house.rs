//! An organisation whose first owner has an account.

use std::sync::Arc;
use std::time::Duration;

use tenfold_accounts::{
    Accounts, AccountsError, Config, Credentials, MemoryStore, Ports, RelyingParty, SetUp, SignedIn,
};
use tenfold_identity::{Bootstrap, Identity};
use tenfold_kernel::{Caller, MockClock, Rng, Secret, SeededRng, Timestamp};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);
pub(crate) const EMAIL: &str = "ada@example.org";
pub(crate) const PASSWORD: &str = "a notable engine of brass";

#[derive(Debug)]
pub(crate) struct House {
    pub(crate) accounts: Accounts,
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) made: Bootstrap,
    /// The caller of the admin key.
    pub(crate) admin: Caller,
}

pub(crate) fn config() -> Config {
    Config {
        pepper: [9; 32],
        relying_party: RelyingParty::of_url("https://console.example.org"),
        session_idle: Duration::from_hours(12),
        session_life: Duration::from_hours(7 * 24),
        invite_life: Duration::from_hours(7 * 24),
        hashes_at_once: 2,
    }
}

/// Before its set-up.
pub(crate) async fn empty() -> House {
    let ports = tenfold_identity::Ports::of(Arc::new(tenfold_identity::MemoryStore::new()));
    let clock = Arc::new(MockClock::new(NOW));
    let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(1));
    let identity = Identity::new(
        tenfold_identity::Config { pepper: [8; 32], exclusive: false, cache_size: 100 },
        ports.clone(),
        Arc::clone(&clock) as Arc<_>,
        Arc::clone(&rng),
    );
    let made = identity.bootstrap().await.unwrap().unwrap();
    let admin = identity.authenticate(made.admin_key.expose()).await.unwrap();
    let store = Ports::of(Arc::new(MemoryStore::new(ports.clone())));
    let accounts = Accounts::new(config(), store, ports, Arc::clone(&clock) as Arc<_>, rng);
    House { accounts, identity, clock, made, admin }
}

/// With Ada signed in.
pub(crate) async fn house() -> (House, SignedIn) {
    let house = empty().await;
    let signed_in = house.accounts.set_up(&house.admin, set_up()).await.unwrap();
    (house, signed_in)
}

/// A millisecond less.
pub(crate) fn short_of(time: Duration) -> Duration {
    time.checked_sub(Duration::from_millis(1)).unwrap()
}

pub(crate) fn set_up() -> SetUp {
    SetUp {
        name: "Ada Lovelace".to_owned(),
        email: EMAIL.to_owned(),
        password: Secret::new(PASSWORD),
        user_agent: "Firefox".to_owned(),
    }
}

impl House {
    pub(crate) async fn sign_in(
        &self,
        email: &str,
        password: &str,
        code: Option<&str>,
    ) -> Result<SignedIn, AccountsError> {
        self.accounts
            .sign_in(Credentials {
                email: email.to_owned(),
                password: Secret::new(password),
                code: code.map(Secret::new),
                user_agent: "Chrome".to_owned(),
            })
            .await
    }

    /// Ada's sign-in, and what becomes of it.
    pub(crate) async fn outcome(&self, password: &str, code: Option<&str>) -> &'static str {
        match self.sign_in(EMAIL, password, code).await {
            Ok(_) => "in",
            Err(AccountsError::InvalidSignIn) => "invalid",
            Err(AccountsError::TotpRequired) => "code",
            Err(AccountsError::TooManyAttempts { .. }) => "wait",
            Err(other) => panic!("{other:?}"),
        }
    }
}
