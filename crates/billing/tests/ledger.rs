//! What every ledger does, of the one in memory; and its counters against a slow reference.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

use std::sync::Arc;

use proptest::prelude::*;
use tenfold_billing::ledger::{Book, Check, Metric, Reserve, Rule, Source};
use tenfold_billing::memory::MemoryLedger;
use tenfold_billing::{Ledger, Reached, conformance};
use tenfold_kernel::{Currency, OrganizationId, SeededRng, Timestamp};

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
