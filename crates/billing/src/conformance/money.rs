//! What every ledger does.

#![expect(clippy::panic, reason = "a suite of tests: whatever fails shall stop it")]

use std::sync::Arc;

use tenfold_kernel::{Currency, Money, OrganizationId, Rng, Timestamp};

use super::sample_event;
use crate::error::BillingError;
use crate::event::{CallStatus, Event};
use crate::ledger::{
    Account, AccountId, AccountKind, Check, EntryKind, Hold, Metric, Move, Post, Reserve, Rule, Settle,
    Source,
};
use crate::limit::Reached;
use crate::ports::{Ledger, LedgerReader, ProcessStore};

const USD: Currency = Currency::USD;

fn account(organization: &OrganizationId, kind: &AccountKind) -> AccountId {
    AccountId::new(organization, kind, USD)
}

async fn has(reader: &dyn LedgerReader, id: &AccountId) -> Account {
    let organization = OrganizationId::parse(id.organization()).unwrap();
    let all = reader.accounts(&organization).await.unwrap();
    all.into_iter().find(|(found, _)| found == id).map(|(_, account)| account).unwrap_or_default()
}

fn top_up(organization: &OrganizationId, key: &str, to: &AccountKind, nanos: i64) -> Post {
    Post {
        transaction: key.into(),
        kind: EntryKind::TopUp,
        organization: organization.clone(),
        project: None,
        currency: USD,
        moves: vec![Move {
            from: vec![Source::unbounded(account(organization, &AccountKind::Cash("manual".into())))],
            to: account(organization, to),
            nanos,
        }],
        reverses: None,
        memo: Some("a first \"one\"".to_owned()),
        now: Timestamp(1_000),
    }
}

fn reserve(organization: &OrganizationId, id: &str, nanos: i64, sources: &[Source]) -> Reserve {
    Reserve {
        id: id.into(),
        process: "one".into(),
        organization: organization.clone(),
        currency: USD,
        nanos,
        checks: Vec::new(),
        covers: Vec::new(),
        covers_only: false,
        sources: sources.to_vec(),
        now: Timestamp(2_000),
    }
}

/// The event of a call that cost `nanos`.
fn call(rng: &dyn Rng, organization: &OrganizationId, nanos: Option<i64>) -> Event {
    Event {
        organization: organization.clone(),
        cost: nanos.map(|nanos| Money::new(nanos, USD)),
        usage_known: nanos.is_some(),
        completed_at: Timestamp(3_000),
        ..sample_event(rng)
    }
}

fn settle(event: Event, hold: Option<Hold>, sources: &[Source]) -> Settle {
    Settle { event, hold, sources: sources.to_vec() }
}

/// Credit that was given comes first, then the balance, then what is owed; what was held and not used is free again;
/// a cost that is not known is not charged; a call is charged once.
pub async fn calls_are_charged_in_the_order_of_funding(
    ledger: &dyn Ledger,
    reader: &dyn LedgerReader,
    rng: &dyn Rng,
) {
    let org = OrganizationId::generate(rng);
    let promotion = AccountKind::Promotion("grant_1".into());
    ledger.post(top_up(&org, &format!("{org}-a"), &promotion, 30)).await.unwrap();
    ledger.post(top_up(&org, &format!("{org}-b"), &AccountKind::Balance, 100)).await.unwrap();
    let [promotion, balance, owed, revenue] =
        [&promotion, &AccountKind::Balance, &AccountKind::Receivable, &AccountKind::Revenue]
            .map(|kind| account(&org, kind));
    let funds = [Source::funds(promotion.clone()), Source::funds(balance.clone())];
    let all = [funds[0].clone(), funds[1].clone(), Source::unbounded(owed.clone())];

    let hold = ledger.reserve(reserve(&org, &format!("{org}-1"), 80, &funds)).await.unwrap().hold;
    assert_eq!(hold.funds, [(promotion.clone(), 30), (balance.clone(), 50)]);
    assert_eq!(has(reader, &balance).await, Account { balance: 100, held: 50 });
    let refused = ledger.reserve(reserve(&org, &format!("{org}-2"), 51, &funds)).await.unwrap_err();
    assert!(
        matches!(refused, BillingError::InsufficientQuota { needed: 51, available: 50, .. }),
        "{refused}"
    );

    let event = call(rng, &org, Some(40));
    ledger.settle(settle(event.clone(), Some(hold.clone()), &all)).await.unwrap();
    // A retry, with a hold of its own.
    let again = ledger.reserve(reserve(&org, &format!("{org}-3"), 20, &funds)).await.unwrap().hold;
    ledger.settle(settle(event.clone(), Some(again), &all)).await.unwrap();
    ledger.settle(settle(event.clone(), Some(hold), &all)).await.unwrap();
    assert_eq!(has(reader, &promotion).await, Account { balance: 0, held: 0 });
    assert_eq!(has(reader, &balance).await, Account { balance: 90, held: 0 });
    assert_eq!(has(reader, &revenue).await, Account { balance: 40, held: 0 });
    let entries = reader.transaction(&org, &event.idempotency_key).await.unwrap();
    let amounts: Vec<_> = entries.iter().map(|e| (e.sequence, e.debit.clone(), e.money.nanos)).collect();
    assert_eq!(amounts, [(0, promotion.clone(), 30), (1, balance.clone(), 10)]);
    assert_eq!(
        (entries[0].kind, &entries[0].credit, &entries[0].project),
        (EntryKind::Usage, &revenue, &Some(event.project))
    );

    // It cost more than was held and more than there is: the rest is owed, and the balance is not below zero.
    let hold = ledger.reserve(reserve(&org, &format!("{org}-4"), 5, &funds)).await.unwrap().hold;
    ledger.settle(settle(call(rng, &org, Some(120)), Some(hold), &all)).await.unwrap();
    assert_eq!(has(reader, &balance).await, Account { balance: 0, held: 0 });
    assert_eq!(has(reader, &owed).await, Account { balance: -30, held: 0 });

    // Nobody knows what it cost.
    ledger.post(top_up(&org, &format!("{org}-c"), &AccountKind::Balance, 10)).await.unwrap();
    let hold = ledger.reserve(reserve(&org, &format!("{org}-5"), 10, &funds)).await.unwrap().hold;
    ledger.settle(settle(call(rng, &org, None), Some(hold), &all)).await.unwrap();
    assert_eq!(has(reader, &balance).await, Account { balance: 10, held: 0 });

    // Left without an event.
    let hold = ledger.reserve(reserve(&org, &format!("{org}-6"), 10, &funds)).await.unwrap().hold;
    ledger.release(hold);
    ledger.post(top_up(&org, &format!("{org}-d"), &AccountKind::Balance, 1)).await.unwrap();
    assert_eq!(has(reader, &balance).await, Account { balance: 11, held: 0 });
    let sum: i64 = reader.accounts(&org).await.unwrap().iter().map(|(_, account)| account.balance).sum();
    assert_eq!(sum, 0, "whatever is entered sums to zero");
    assert_eq!(reader.verify(Timestamp(4_000)).await.unwrap().faults, Vec::<String>::new());
}

/// A transaction is entered once, whole or not at all, and undone once.
pub async fn transactions_are_entered_once(ledger: &dyn Ledger, reader: &dyn LedgerReader, rng: &dyn Rng) {
    let org = OrganizationId::generate(rng);
    let balance = account(&org, &AccountKind::Balance);
    let key = format!("{org}-top");
    let first = top_up(&org, &key, &AccountKind::Balance, 70);
    let posts = (0..20).map(|_| ledger.post(first.clone()));
    let posted: Vec<_> = futures_all(posts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(posted.iter().filter(|posted| !posted.is_repeat).count(), 1);
    assert!(posted.iter().all(|one| one.entries == posted[0].entries && one.entries.len() == 1));
    assert_eq!(has(reader, &balance).await.balance, 70);

    let back = |nanos, key: &str| Post {
        transaction: key.into(),
        kind: EntryKind::Refund,
        moves: vec![
            Move {
                from: vec![Source::funds(balance.clone())],
                to: first.moves[0].from[0].account.clone(),
                nanos: 1,
            },
            Move {
                from: vec![Source::funds(balance.clone())],
                to: first.moves[0].from[0].account.clone(),
                nanos,
            },
        ],
        reverses: Some(first.transaction.clone()),
        ..first.clone()
    };
    let refused = ledger.post(back(70, &format!("{org}-back"))).await.unwrap_err();
    assert!(
        matches!(refused, BillingError::InsufficientQuota { needed: 70, available: 69, .. }),
        "{refused}"
    );
    assert_eq!(has(reader, &balance).await.balance, 70, "a refused one enters none of its parts");
    ledger.post(back(69, &format!("{org}-back"))).await.unwrap();
    assert_eq!(has(reader, &balance).await.balance, 0);
    let all = reader.entries(&org, None, 10).await.unwrap();
    assert_eq!(all.len(), 3);
    let rest = reader.entries(&org, Some(&all[1].place()), 10).await.unwrap();
    assert_eq!(rest, all[2..]);
    assert_eq!(all.iter().filter(|entry| entry.reverses.as_deref() == Some(&key)).count(), 2);
    assert_eq!(reader.verify(Timestamp(4_000)).await.unwrap().faults, Vec::<String>::new());
}

/// A thousand calls at once against a balance that pays for a hundred: exactly those are let in, and the balance is
/// never below what is held.
pub async fn a_balance_pays_for_what_it_pays_for(
    ledgers: &[Arc<dyn Ledger>],
    reader: &dyn LedgerReader,
    rng: &dyn Rng,
) {
    let org = OrganizationId::generate(rng);
    let balance = account(&org, &AccountKind::Balance);
    ledgers[0].post(top_up(&org, &format!("{org}-top"), &AccountKind::Balance, 100 * 7)).await.unwrap();
    let funds = [Source::funds(balance.clone())];
    let all = [funds[0].clone(), Source::unbounded(account(&org, &AccountKind::Receivable))];
    let events: Vec<_> = (0..1_000).map(|_| call(rng, &org, Some(7))).collect();
    let calls = events.into_iter().enumerate().map(|(n, event)| {
        let (ledger, org, funds, all) = (Arc::clone(&ledgers[n % ledgers.len()]), org.clone(), &funds, &all);
        async move {
            let asked = Reserve {
                process: format!("p{}", n % 3).into(),
                ..reserve(&org, &format!("{org}-{n}"), 7, funds)
            };
            match ledger.reserve(asked).await {
                Ok(reserved) => {
                    ledger.settle(settle(event, Some(reserved.hold), all)).await.unwrap();
                    true
                }
                Err(BillingError::InsufficientQuota { .. }) => false,
                Err(error) => panic!("{error:?}"),
            }
        }
    });
    let watch = async {
        let mut looks = 0;
        loop {
            let account = has(reader, &balance).await;
            assert!(account.held >= 0 && account.balance >= account.held, "{account:?}");
            looks += 1;
            if account == Account::default() || looks == 2_000 {
                return looks;
            }
            tokio::task::yield_now().await;
        }
    };
    let (served, looks) = futures::join!(futures_all(calls), watch);
    assert_eq!(served.into_iter().filter(|served| *served).count(), 100);
    assert!(looks > 0);
    assert_eq!(has(reader, &balance).await, Account::default());
    assert_eq!(has(reader, &account(&org, &AccountKind::Receivable)).await, Account::default());
    assert_eq!(has(reader, &account(&org, &AccountKind::Revenue)).await.balance, 700);
    assert_eq!(reader.verify(Timestamp(4_000)).await.unwrap().faults, Vec::<String>::new());
}

/// Room within limits is held before a call and counted after it.
pub async fn limits_hold_what_runs(ledger: &dyn Ledger, reader: &dyn LedgerReader, rng: &dyn Rng) {
    let org = OrganizationId::generate(rng);
    let owed = [Source::unbounded(account(&org, &AccountKind::Receivable))];
    let check = |name: &str, rule, metric, amount, limit| Check {
        counter: format!("{name}/{org}").into(),
        rule,
        metric,
        amount,
        limit,
        is_hard: true,
        reached: Reached::Spend,
        subject: "all".into(),
    };
    let day = Rule::Window { start: 1_000, end: 9_000 };
    let checks = |now: i64, spend| Reserve {
        checks: vec![
            check("running", Rule::Running, Metric::Running, 1, 2),
            check("tokens", Rule::PerMinute, Metric::Tokens, 40, 100),
            check("spend", day, Metric::Spend, spend, 50),
        ],
        now: Timestamp(now),
        ..reserve(&org, &format!("{org}-{}", tenfold_kernel::base62(rng, 8)), 0, &[])
    };
    let refused = |done: Result<crate::ledger::Reserved, BillingError>| match done {
        Err(BillingError::RateLimited { limit, retry_after, .. }) => {
            (limit, retry_after.map(|d| d.as_millis()))
        }
        other => panic!("{other:?}"),
    };
    let first = ledger.reserve(checks(2_000, 30)).await.unwrap();
    assert_eq!(first.counters[2].held, 30);
    assert_eq!(refused(ledger.reserve(checks(2_000, 21)).await), (50, Some(7_000)), "until the window's end");
    assert_eq!(refused(ledger.reserve(checks(2_000, 51)).await), (50, None), "never");
    let second = ledger.reserve(checks(2_000, 20)).await.unwrap();
    assert_eq!(refused(ledger.reserve(checks(2_000, 0)).await), (2, Some(1_000)), "two run");

    // The sample's tokens are 55; 40 of a hundred were taken twice.
    ledger.settle(settle(call(rng, &org, Some(10)), Some(first.hold), &owed)).await.unwrap();
    let names: Vec<Arc<str>> = ["spend", "tokens"].map(|name| format!("{name}/{org}").into()).into();
    let found = reader.counters(&names).await.unwrap();
    let spend = &found.iter().find(|(name, _)| *name == names[0]).unwrap().1;
    assert_eq!((spend.used, spend.held), (10, 20));
    // 5 tokens are left, and 100 come in a minute: 35 more after 21 s, of which one has passed.
    assert_eq!(refused(ledger.reserve(checks(3_000, 0)).await), (100, Some(20_000)));
    let third = ledger.reserve(checks(23_000, 0)).await.unwrap();
    ledger.release(third.hold);
    // In the next window the first one is forgotten, and what is settled late changes nothing in it.
    let later = Reserve {
        checks: vec![check("spend", Rule::Window { start: 9_000, end: 17_000 }, Metric::Spend, 45, 50)],
        ..checks(9_500, 0)
    };
    let fourth = ledger.reserve(later).await.unwrap();
    ledger.settle(settle(call(rng, &org, Some(20)), Some(second.hold), &owed)).await.unwrap();
    ledger.settle(settle(call(rng, &org, Some(44)), Some(fourth.hold), &owed)).await.unwrap();
    let found = reader.counters(&names[..1]).await.unwrap();
    assert_eq!((found[0].1.used, found[0].1.held), (44, 0));
}

/// What a process held that is gone is free again, and what lives keeps its own.
pub async fn the_dead_hold_nothing(
    ledger: &dyn Ledger,
    reader: &dyn LedgerReader,
    processes: &dyn ProcessStore,
    rng: &dyn Rng,
) {
    let org = OrganizationId::generate(rng);
    let balance = account(&org, &AccountKind::Balance);
    ledger.post(top_up(&org, &format!("{org}-top"), &AccountKind::Balance, 50)).await.unwrap();
    let funds = [Source::funds(balance.clone())];
    let (alive, dead) = (format!("{org}-alive"), format!("{org}-dead"));
    processes.beat(&dead, Timestamp(1_000), Timestamp(0)).await.unwrap();
    for (n, process) in [&alive, &dead, &dead].into_iter().enumerate() {
        let asked =
            Reserve { process: process.as_str().into(), ..reserve(&org, &format!("{org}-{n}"), 10, &funds) };
        ledger.reserve(asked).await.unwrap();
    }
    processes.beat(&alive, Timestamp(5_000), Timestamp(500)).await.unwrap();
    assert_eq!(has(reader, &balance).await.held, 30, "nobody was silent for long");
    let released = processes.beat(&alive, Timestamp(60_000), Timestamp(50_000)).await.unwrap();
    assert!(released >= 2);
    assert_eq!(has(reader, &balance).await, Account { balance: 50, held: 10 });

    // It was only slow: its call is charged all the same, once.
    let event = Event { status: CallStatus::Completed, ..call(rng, &org, Some(9)) };
    let late = Hold {
        id: format!("{org}-1").into(),
        process: dead.as_str().into(),
        funds: vec![(balance.clone(), 10)],
        room: Vec::new(),
        covered_by: None,
        created_at: 2_000,
    };
    ledger.settle(settle(event, Some(late), &funds)).await.unwrap();
    assert_eq!(has(reader, &balance).await, Account { balance: 41, held: 10 });
}

async fn futures_all<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    futures::future::join_all(all).await
}
