//! What rentals do, over every store. Each suite is given the billing and the store of each process; they share a
//! database and a clock.

#![expect(clippy::unwrap_used, reason = "a conformance suite fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use tenfold_billing::ledger::{AccountId, AccountKind};
use tenfold_billing::{Billing, Mode, Profile, SetPrices, Terms, TopUp};
use tenfold_kernel::{
    Access, ApiKeyId, Caller, Classify as _, Currency, ErrorKind, MockClock, OrganizationId, ProjectId, Rng,
    Role, Timestamp, Unit,
};

use crate::memory::MemoryHost;
use crate::{EndReason, NewRental, Rental, RentalConfig, RentalStatus, RentalStore, Rentals};

/// A process's billing and store.
pub type Process = (Arc<Billing>, Arc<dyn RentalStore>);

const USD: Currency = Currency::USD;

/// A customer with a balance, and the rentals of every process. A second costs a nano-unit.
struct Tenant {
    processes: Vec<Rentals>,
    billing: Arc<Billing>,
    host: Arc<MemoryHost>,
    clock: Arc<MockClock>,
    caller: Caller,
}

impl Tenant {
    async fn new(processes: &[Process], clock: &Arc<MockClock>, rng: &Arc<dyn Rng>, balance: i64) -> Self {
        let host = Arc::new(MemoryHost::default());
        let rentals = |(at, (billing, store)): (usize, &Process)| {
            let config = RentalConfig {
                device_class: "cpu".into(),
                minimum_seconds: 60,
                slice_seconds: 60,
                ahead: Duration::from_secs(15),
                lease: Duration::from_secs(30),
                most: 100,
                process: format!("process-{at}").into(),
            };
            Rentals::new(config, billing.clone(), store.clone(), host.clone(), clock.clone(), rng.clone())
        };
        let billing = Arc::clone(&processes[0].0);
        let caller = Caller {
            organization: OrganizationId::generate(&**rng),
            project: ProjectId::generate(&**rng),
            api_key: ApiKeyId::generate(&**rng),
            user: None,
            service_account: None,
            role: Role::Admin,
            scopes: Vec::new(),
            access: Access::NONE,
        };
        let terms = Terms { prices: [(Unit::ReplicaSeconds, 1_000_000.into())].into(), ..Terms::default() };
        let prices = SetPrices { deployment: "device:cpu".into(), currency: USD, terms, effective_at: None };
        billing.set_prices(prices).await.unwrap();
        let profile = Profile { mode: Mode::Prepaid, ..Profile::default() };
        billing.set_profile(&caller.organization, &profile).await.unwrap();
        let top_up = TopUp {
            key: format!("top-up-{}", caller.organization).into(),
            organization: &caller.organization,
            provider: "manual",
            currency: USD,
            nanos: balance,
            memo: None,
        };
        billing.top_up(top_up).await.unwrap();
        let processes = processes.iter().enumerate().map(rentals).collect();
        Self { processes, billing, host, clock: Arc::clone(clock), caller }
    }

    async fn rent(&self) -> Rental {
        let new = NewRental {
            model: "smol".into(),
            device_class: None,
            name: None,
            project: self.caller.project.clone(),
        };
        self.processes[0].rent(&self.caller, new).await.unwrap()
    }

    /// Lets so many seconds pass, in which every process looks every ten.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds / 10 {
            self.clock.advance(Duration::from_secs(10));
            self.look().await;
        }
        self.clock.advance(Duration::from_secs(seconds % 10));
    }

    async fn look(&self) {
        for process in &self.processes {
            process.look().await.unwrap();
        }
    }

    async fn stop(&self, rental: &Rental) -> Rental {
        self.processes[0].stop(&self.caller.organization, &rental.id).await.unwrap().unwrap()
    }

    async fn get(&self, rental: &Rental) -> Rental {
        self.processes[0].get(&self.caller.organization, &rental.id).await.unwrap().unwrap()
    }

    /// Whether the balance has so much, and so much of it is held: at last, since holds are given back in the background.
    async fn has(&self, balance: i64, held: i64) -> bool {
        for _ in 0..5_000 {
            if self.account(AccountKind::Balance).await == (balance, held) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        false
    }

    /// What the account has, and what of it is held.
    async fn account(&self, kind: AccountKind) -> (i64, i64) {
        let id = AccountId::new(&self.caller.organization, &kind, USD);
        let accounts = self.billing.accounts(&self.caller.organization).await.unwrap();
        let account = accounts.into_iter().find(|(known, _)| *known == id);
        account.map_or((0, 0), |(_, account)| (account.balance, account.held))
    }
}

/// The seconds of a replica that is up are charged, each once, and nothing before it is.
pub async fn a_rented_replica_is_billed_by_the_second_while_it_is_up(
    processes: &[Process],
    clock: &Arc<MockClock>,
    rng: &Arc<dyn Rng>,
) {
    let tenant = Tenant::new(&processes[..1], clock, rng, 10_000).await;
    let rental = tenant.rent().await;
    tenant.pass(40).await;
    assert_eq!(tenant.get(&rental).await.status, RentalStatus::Starting);
    assert!(tenant.has(10_000, 0).await, "nothing is held for what starts");
    tenant.host.set_up(true);
    tenant.look().await;
    assert!(tenant.has(10_000, 60).await, "a slice is held");
    tenant.pass(307).await;
    assert_eq!(tenant.get(&rental).await.status, RentalStatus::Up);
    let ended = tenant.stop(&rental).await;
    assert_eq!((ended.status, ended.charged_seconds), (RentalStatus::Ended, 307));
    assert_eq!(ended.end_reason, Some(EndReason::Requested));
    assert!(tenant.has(10_000 - 307, 0).await);
    assert_eq!(tenant.host.count(), 0, "the replica is gone");
    assert_eq!(tenant.stop(&rental).await, ended, "once");
}

/// However short it was.
pub async fn a_rental_costs_its_minimum(processes: &[Process], clock: &Arc<MockClock>, rng: &Arc<dyn Rng>) {
    let tenant = Tenant::new(&processes[..1], clock, rng, 100).await;
    let rental = tenant.rent().await;
    tenant.host.set_up(true);
    tenant.look().await;
    tenant.pass(5).await;
    assert_eq!(tenant.stop(&rental).await.charged_seconds, 60);
    assert!(tenant.has(40, 0).await);
    // What was never up costs nothing.
    let tenant = Tenant::new(&processes[..1], clock, rng, 100).await;
    let rental = tenant.rent().await;
    tenant.pass(90).await;
    assert_eq!(tenant.stop(&rental).await.charged_seconds, 0);
    assert!(tenant.has(100, 0).await);
}

/// Who cannot pay the minimum gets no replica.
pub async fn a_minimum_that_cannot_be_paid_is_refused(
    processes: &[Process],
    clock: &Arc<MockClock>,
    rng: &Arc<dyn Rng>,
) {
    let tenant = Tenant::new(&processes[..1], clock, rng, 59).await;
    let rent = async |model: &str, class: Option<&str>| {
        let new = NewRental {
            model: model.into(),
            device_class: class.map(str::to_owned),
            name: None,
            project: tenant.caller.project.clone(),
        };
        tenant.processes[0].rent(&tenant.caller, new).await.unwrap_err()
    };
    assert_eq!(rent("smol", None).await.code().as_deref(), Some("insufficient_quota"));
    assert_eq!(rent("smol", Some("h100")).await.param().as_deref(), Some("device_class"));
    assert_eq!(tenant.host.count(), 0);
    // A model that is not there leaves a rental that is over, and no money held.
    let tenant = Tenant::new(&processes[..1], clock, rng, 100).await;
    let new = NewRental {
        model: "missing".into(),
        device_class: None,
        name: None,
        project: tenant.caller.project.clone(),
    };
    assert_eq!(tenant.processes[0].rent(&tenant.caller, new).await.unwrap_err().kind(), ErrorKind::NotFound);
    let kept = tenant.processes[0].list(&tenant.caller.organization, None, 10).await.unwrap();
    assert_eq!(kept[0].status, RentalStatus::Ended);
}

/// A prepaid balance is never below zero, and nothing is owed.
pub async fn a_rental_stops_when_the_balance_ends_and_owes_nothing(
    processes: &[Process],
    clock: &Arc<MockClock>,
    rng: &Arc<dyn Rng>,
) {
    let tenant = Tenant::new(&processes[..1], clock, rng, 500).await;
    let rental = tenant.rent().await;
    tenant.host.set_up(true);
    tenant.look().await;
    for _ in 0..60 {
        tenant.pass(10).await;
        let (balance, held) = tenant.account(AccountKind::Balance).await;
        assert!(balance >= held && held >= 0, "{balance} with {held} held");
    }
    let ended = tenant.get(&rental).await;
    assert_eq!((ended.status, ended.end_reason), (RentalStatus::Ended, Some(EndReason::Balance)));
    let charged = i64::try_from(ended.charged_seconds).unwrap();
    assert!((485..=500).contains(&charged), "all but a quarter of a slice is used: {charged}");
    assert!(tenant.has(500 - charged, 0).await);
    assert_eq!(tenant.account(AccountKind::Receivable).await, (0, 0));
    assert_eq!(tenant.host.count(), 0);
}

/// Neither while it is down nor while nobody looks.
pub async fn a_rental_is_not_billed_while_its_replica_is_down(
    processes: &[Process],
    clock: &Arc<MockClock>,
    rng: &Arc<dyn Rng>,
) {
    let tenant = Tenant::new(&processes[..1], clock, rng, 10_000).await;
    let rental = tenant.rent().await;
    tenant.host.set_up(true);
    tenant.look().await;
    tenant.pass(90).await;
    tenant.host.set_up(false);
    tenant.pass(200).await;
    assert_eq!(tenant.get(&rental).await.status, RentalStatus::Starting);
    assert!(tenant.has(10_000 - 90, 0).await, "and nothing is held");
    tenant.host.set_up(true);
    tenant.look().await;
    tenant.pass(20).await;
    // The platform stops, and starts again an hour later.
    tenant.processes[0].leave().await.unwrap();
    assert!(tenant.has(10_000 - 110, 0).await);
    clock.advance(Duration::from_hours(1));
    tenant.look().await;
    tenant.pass(7).await;
    assert_eq!(tenant.stop(&rental).await.charged_seconds, 117);
    assert!(tenant.has(10_000 - 117, 0).await);
}

/// Several processes on one database charge what one would, also when the one that charges dies.
pub async fn a_second_is_charged_once_however_many_processes_look(
    processes: &[Process],
    clock: &Arc<MockClock>,
    rng: &Arc<dyn Rng>,
) {
    let three: Vec<Process> = processes.iter().cycle().take(3).cloned().collect();
    let mut tenant = Tenant::new(&three, clock, rng, 10_000).await;
    let rental = tenant.rent().await;
    tenant.host.set_up(true);
    tenant.look().await;
    tenant.pass(200).await;
    // The one that watches is gone without a word. Until another takes over nothing is charged, and the slice that was
    // under way is lost to the platform.
    drop(tenant.processes.remove(0));
    tenant.pass(40).await;
    let over = tenant.get(&rental).await;
    assert_ne!(*over.watcher, *"process-0", "another has taken over");
    tenant.pass(100).await;
    let ended = tenant.stop(&rental).await;
    let ended = if ended.status == RentalStatus::Ended { ended } else { settled(&tenant, &rental).await };
    assert!((250..=300).contains(&ended.charged_seconds), "{}", ended.charged_seconds);
    let charged = i64::try_from(ended.charged_seconds).unwrap();
    assert_eq!(
        tenant.account(AccountKind::Balance).await.0,
        10_000 - charged,
        "what is said is what was charged"
    );
}

/// The rental when every process has looked again: its end may have been asked for of one that does not watch it.
async fn settled(tenant: &Tenant, rental: &Rental) -> Rental {
    tenant.look().await;
    let rental = tenant.get(rental).await;
    assert_eq!(rental.status, RentalStatus::Ended);
    rental
}

/// A rental as a store is given it.
pub fn sample_rental() -> Rental {
    Rental {
        id: "rental_1".into(),
        organization: OrganizationId::parse("org-1").unwrap(),
        project: ProjectId::parse("proj_1").unwrap(),
        api_key: ApiKeyId::parse("key_1").unwrap(),
        user: None,
        service_account: None,
        model: "smol".into(),
        deployment: "smol-1".into(),
        device_class: "cpu".into(),
        minimum_seconds: 60,
        status: RentalStatus::Up,
        charged_seconds: 7,
        created_at: Timestamp(5),
        up_at: Some(Timestamp(6)),
        ends_at: None,
        end_reason: None,
        watcher: "process-0".into(),
        watched_at: Timestamp(7),
        revision: 3,
    }
}

/// What a store of rentals must do.
pub async fn rental_store(store: &dyn RentalStore, sample: &Rental) {
    let other = OrganizationId::parse("org-another").unwrap();
    let second =
        Rental { id: "rental_2".into(), created_at: Timestamp(sample.created_at.0 + 1), ..sample.clone() };
    store.insert_rental(sample).await.unwrap();
    store.insert_rental(&second).await.unwrap();
    let mine = &sample.organization;
    assert_eq!(store.rental(mine, &sample.id).await.unwrap().as_ref(), Some(sample));
    assert_eq!(store.rental(&other, &sample.id).await.unwrap(), None, "another organisation's");
    assert_eq!(
        store.rentals(mine, None, 1).await.unwrap(),
        std::slice::from_ref(&second),
        "the newest first"
    );
    assert_eq!(store.rentals(mine, Some("rental_2"), 5).await.unwrap(), std::slice::from_ref(sample));
    let ended = Rental { status: RentalStatus::Ended, ..second };
    assert!(store.update_rental(&ended).await.unwrap());
    assert!(!store.update_rental(&ended).await.unwrap(), "its revision is another");
    assert_eq!(store.live_rentals(10).await.unwrap(), std::slice::from_ref(sample));
    assert_eq!(store.rental(mine, "rental_2").await.unwrap().unwrap().revision, sample.revision + 1);
}
