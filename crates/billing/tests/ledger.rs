//! What every ledger does, of the one in memory; and its counters against a slow reference.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

use std::sync::Arc;

use proptest::prelude::*;
use tenfold_billing::ledger::{
    AccountId, AccountKind, Book, Check, EntryKind, Hold, Metric, Move, Post, Reserve, Rule, Settle, Source,
};
use tenfold_billing::memory::MemoryLedger;
use tenfold_billing::{Event, Ledger, Reached, conformance};
use tenfold_kernel::{Currency, Money, OrganizationId, SeededRng, Timestamp};

#[tokio::test]
async fn the_suites_of_a_ledger() {
    let (ledger, rng) = (Arc::new(MemoryLedger::default()), SeededRng::new(3));
    conformance::calls_are_charged_in_the_order_of_funding(&*ledger, &*ledger, &rng).await;
    conformance::transactions_are_entered_once(&*ledger, &*ledger, &rng).await;
    conformance::limits_hold_what_runs(&*ledger, &*ledger, &rng).await;
    conformance::the_dead_hold_nothing(&*ledger, &*ledger, &*ledger, &rng).await;
    let ledgers = [Arc::<MemoryLedger>::clone(&ledger) as Arc<dyn Ledger>];
    conformance::a_balance_pays_for_what_it_pays_for(&ledgers, &*ledger, &rng).await;
}

fn asked(limit: i64, amount: i64, now: i64, number: usize) -> Reserve {
    Reserve {
        id: format!("hold_{number}").into(),
        process: "one".into(),
        organization: OrganizationId::parse("org_1").unwrap(),
        currency: Currency::USD,
        nanos: 0,
        checks: vec![Check {
            counter: "tokens".into(),
            rule: Rule::PerMinute,
            metric: Metric::Tokens,
            amount,
            limit,
            is_hard: true,
            reached: Reached::Tokens,
            subject: "all".into(),
        }],
        covers: Vec::new(),
        covers_only: false,
        sources: Vec::<Source>::new(),
        now: Timestamp(now),
    }
}

proptest! {
    /// Against exact fractions: a bucket that holds a minute's worth and fills evenly.
    #[test]
    fn a_bucket_grants_what_a_minute_brings_and_no_more(
        limit in 1_i64..500,
        steps in proptest::collection::vec((0_i64..5_000, 1_i64..100), 1..100),
    ) {
        let mut book = Book::default();
        // What is there, in sixty-thousandths.
        let (mut now, mut there) = (1_000_i64, i128::from(limit) * 60_000);
        for (number, (wait, amount)) in steps.into_iter().enumerate() {
            now += wait;
            there = (there + i128::from(wait) * i128::from(limit)).min(i128::from(limit) * 60_000);
            let fits = i128::from(amount) * 60_000 <= there;
            let done = book.reserve(&asked(limit, amount, now, number));
            prop_assert_eq!(done.is_ok(), fits);
            if fits {
                there -= i128::from(amount) * 60_000;
            }
        }
    }

    /// Who waits for as long as it is told is let in, and not a millisecond earlier.
    #[test]
    fn what_is_said_of_waiting_is_true(limit in 1_i64..500, first in 1_i64..500, second in 1_i64..500) {
        prop_assume!(first <= limit && second <= limit);
        let mut book = Book::default();
        book.reserve(&asked(limit, first, 1_000, 0)).unwrap();
        if let Err(tenfold_billing::ledger::Refusal::Limit { retry_after_ms: Some(wait), .. }) =
            book.reserve(&asked(limit, second, 1_000, 1))
        {
            prop_assert!(wait > 0);
            prop_assert!(book.reserve(&asked(limit, second, 1_000 + wait - 1, 2)).is_err());
            prop_assert!(book.reserve(&asked(limit, second, 1_000 + wait, 3)).is_ok());
        }
    }
}

/// A step of somebody who uses a ledger.
#[derive(Debug, Clone)]
enum Step {
    Pay(i64),
    Give(i64),
    Reserve(i64),
    /// Which of the open holds, and what the call cost; nothing where nobody knows.
    Settle(usize, Option<i64>),
    Release(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1_i64..100).prop_map(Step::Pay),
        (1_i64..50).prop_map(Step::Give),
        (0_i64..120).prop_map(Step::Reserve),
        (0_usize..8, proptest::option::of(0_i64..200)).prop_map(|(which, cost)| Step::Settle(which, cost)),
        (0_usize..8).prop_map(Step::Release),
    ];
    proptest::collection::vec(step, 1..80)
}

/// What an organisation has, kept in the slowest way: promotion, balance, and what is owed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Purse {
    given: i64,
    paid: i64,
    owed: i64,
    held: i64,
}

proptest! {
    /// Whatever is done in whatever order: what is let in is what the purse pays for, funds are never below what is
    /// held, entries sum to zero, and when all calls have ended nothing is held.
    #[test]
    fn a_book_agrees_with_a_purse(steps in steps()) {
        let rng = SeededRng::new(1);
        let org = OrganizationId::parse("org_1").unwrap();
        let account = |kind: &AccountKind| AccountId::new(&org, kind, Currency::USD);
        let (given, paid) = (account(&AccountKind::Promotion("g".into())), account(&AccountKind::Balance));
        let owed = account(&AccountKind::Receivable);
        let funds = vec![Source::funds(given.clone()), Source::funds(paid.clone())];
        let all = [funds.clone(), vec![Source::unbounded(owed.clone())]].concat();
        let sample = conformance::sample_event(&rng);
        let (mut book, mut purse, mut open) = (Book::default(), Purse::default(), Vec::<Hold>::new());
        let mut moved = std::collections::BTreeMap::<AccountId, i64>::new();
        let end = std::iter::repeat_n(Step::Settle(0, Some(7)), 80);
        for (number, step) in steps.into_iter().chain(end).enumerate() {
            match step {
                Step::Pay(nanos) | Step::Give(nanos) => {
                    let is_gift = matches!(step, Step::Give(_));
                    let (from, to) = if is_gift {
                        (AccountKind::PromotionCost, &given)
                    } else {
                        (AccountKind::Cash("manual".into()), &paid)
                    };
                    book.post(&Post {
                        transaction: format!("t{number}").into(),
                        kind: EntryKind::TopUp,
                        organization: org.clone(),
                        project: None,
                        currency: Currency::USD,
                        moves: vec![Move { from: vec![Source::unbounded(account(&from))], to: to.clone(), nanos }],
                        reverses: None,
                        memo: None,
                        now: Timestamp(1),
                    }, Timestamp(1)).unwrap();
                    if is_gift { purse.given += nanos } else { purse.paid += nanos }
                }
                Step::Reserve(nanos) => {
                    let reserve = Reserve { nanos, sources: funds.clone(), checks: Vec::new(), ..asked(1, 1, 1, number) };
                    let done = book.reserve(&reserve);
                    prop_assert_eq!(done.is_ok(), nanos <= purse.given + purse.paid - purse.held);
                    if let Ok(hold) = done {
                        purse.held += nanos;
                        open.push(hold);
                    }
                }
                Step::Settle(which, cost) if which < open.len() => {
                    let hold = open.remove(which);
                    let held: i64 = hold.funds.iter().map(|(_, nanos)| nanos).sum();
                    let held_gift: i64 = hold.funds.iter().filter(|(id, _)| *id == given).map(|(_, n)| n).sum();
                    let event = Event {
                        organization: org.clone(),
                        idempotency_key: format!("e{number}"),
                        cost: cost.map(|nanos| Money::new(nanos, Currency::USD)),
                        ..sample.clone()
                    };
                    let others = purse.held - held;
                    book.settle(&Settle { event, hold: Some(hold), sources: all.clone() }, Timestamp(1)).unwrap();
                    purse.held = others;
                    let cost = cost.unwrap_or(0);
                    // From the hold first, what was given before what was paid; then from what is free; then owed.
                    let from_hold = cost.min(held);
                    let gift = from_hold.min(held_gift);
                    purse.given -= gift;
                    purse.paid -= from_hold - gift;
                    let free = purse.given + purse.paid - others;
                    let beyond = (cost - from_hold).min(free.max(0));
                    let before = purse.given;
                    purse.given = book.account(&given).balance;
                    purse.paid -= beyond - (before - purse.given);
                    purse.owed += cost - from_hold - beyond;
                }
                Step::Release(which) if which < open.len() => {
                    let hold = open.remove(which);
                    book.release(&hold.id, None, Timestamp(1));
                    purse.held -= hold.funds.iter().map(|(_, nanos)| nanos).sum::<i64>();
                }
                Step::Settle(..) | Step::Release(_) => {}
            }
            for entry in book.take_changes().entries {
                *moved.entry(entry.debit).or_default() -= entry.money.nanos;
                *moved.entry(entry.credit).or_default() += entry.money.nanos;
            }
            let (g, p) = (book.account(&given), book.account(&paid));
            prop_assert!(g.balance >= g.held && p.balance >= p.held && g.held >= 0 && p.held >= 0);
            let now = Purse { given: g.balance, paid: p.balance, owed: -book.account(&owed).balance, held: g.held + p.held };
            prop_assert_eq!(now, purse);
            for (id, account) in book.accounts() {
                prop_assert_eq!(moved.get(id).copied().unwrap_or(0), account.balance, "{}", id);
            }
            prop_assert_eq!(moved.values().sum::<i64>(), 0);
        }
        prop_assert_eq!((open.len(), purse.held), (0, 0));
    }
}
