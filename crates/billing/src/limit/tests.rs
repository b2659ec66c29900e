use proptest::prelude::*;
use tenfold_kernel::{Classify, MockClock, Timestamp};

use super::*;

fn project() -> ProjectId {
    ProjectId::parse("proj_a").unwrap()
}

fn limits(requests: u64, tokens: u64, concurrency: u64) -> RateLimits {
    RateLimits {
        requests_per_minute: Some(requests),
        tokens_per_minute: Some(tokens),
        concurrency: Some(concurrency),
    }
}

fn limiter() -> (Arc<MockClock>, Limiter) {
    let clock = Arc::new(MockClock::new(Timestamp(0)));
    (clock.clone(), Limiter::new(clock))
}

fn reached(error: &BillingError) -> (Reached, Option<Duration>) {
    let BillingError::RateLimited { reached, retry_after, .. } = error else { panic!("{error:?}") };
    (*reached, *retry_after)
}

#[test]
fn requests_beyond_the_limit_wait_for_exactly_as_long_as_they_are_told() {
    let (clock, limiter) = limiter();
    let model: Arc<str> = "m".into();
    let limits = limits(3, 1_000, 10);
    for left in [2, 1, 0] {
        let admission = limiter.check(&project(), &model, limits, 1).unwrap();
        assert_eq!(admission.state.requests.unwrap().remaining, left);
    }
    let error = limiter.check(&project(), &model, limits, 1).unwrap_err();
    assert_eq!(reached(&error), (Reached::Requests, Some(Duration::from_secs(20))));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
    assert_eq!(error.code().as_deref(), Some("rate_limit_exceeded"));

    clock.advance(Duration::from_secs(20) - Duration::from_nanos(1));
    assert!(limiter.check(&project(), &model, limits, 1).is_err());
    clock.advance(Duration::from_nanos(1));
    assert!(limiter.check(&project(), &model, limits, 1).is_ok());
    assert!(limiter.check(&project(), &model, limits, 1).is_err());
    assert!(limiter.check(&project(), &"other".into(), limits, 1).is_ok());
}

#[test]
fn a_refused_call_takes_nothing() {
    let (_, limiter) = limiter();
    let model: Arc<str> = "m".into();
    let limits = limits(10, 100, 10);
    assert!(limiter.check(&project(), &model, limits, 80).is_ok());
    let error = limiter.check(&project(), &model, limits, 80).unwrap_err();
    assert_eq!(reached(&error), (Reached::Tokens, Some(Duration::from_secs(36))));
    let admission = limiter.check(&project(), &model, limits, 20).unwrap();
    assert_eq!(admission.state.requests.unwrap().remaining, 8);
    assert_eq!(admission.state.tokens.unwrap().remaining, 0);
}

#[test]
fn a_call_larger_than_the_limit_is_told_that_waiting_is_of_no_use() {
    let (_, limiter) = limiter();
    let error = limiter.check(&project(), &"m".into(), limits(10, 100, 10), 101).unwrap_err();
    assert_eq!(reached(&error), (Reached::Tokens, None));
    let error = limiter.check(&project(), &"m".into(), limits(0, 100, 10), 1).unwrap_err();
    assert_eq!(reached(&error), (Reached::Requests, None));
}

#[test]
fn settling_gives_back_what_was_not_used_and_takes_what_was_used_beyond() {
    let (_, limiter) = limiter();
    let model: Arc<str> = "m".into();
    let limits = limits(100, 100, 10);
    let left = || limiter.check(&project(), &model, limits, 0).unwrap().state.tokens.unwrap().remaining;

    limiter.check(&project(), &model, limits, 60).unwrap().settle(10);
    assert_eq!(left(), 90);
    limiter.check(&project(), &model, limits, 10).unwrap().settle(70);
    assert_eq!(left(), 20);
    // What nobody counted stays taken.
    drop(limiter.check(&project(), &model, limits, 15).unwrap());
    assert_eq!(left(), 5);
    // More than there is makes a debt that has to be paid back first.
    limiter.check(&project(), &model, limits, 5).unwrap().settle(105);
    let error = limiter.check(&project(), &model, limits, 1).unwrap_err();
    assert_eq!(reached(&error).0, Reached::Tokens);
}

#[test]
fn a_place_is_free_again_when_its_admission_is_dropped() {
    let (_, limiter) = limiter();
    let model: Arc<str> = "m".into();
    let limits = RateLimits { concurrency: Some(1), ..RateLimits::default() };
    let first = limiter.check(&project(), &model, limits, 1).unwrap();
    let error = limiter.check(&project(), &model, limits, 1).unwrap_err();
    assert_eq!(reached(&error).0, Reached::Concurrency);
    drop(first);
    assert!(limiter.check(&project(), &model, limits, 1).is_ok());
}

#[test]
fn a_new_limit_applies_to_the_next_call() {
    let (_, limiter) = limiter();
    let model: Arc<str> = "m".into();
    for _ in 0..5 {
        drop(limiter.check(&project(), &model, limits(10, 100, 10), 1).unwrap());
    }
    assert!(limiter.check(&project(), &model, limits(5, 100, 10), 1).is_err());
    assert!(limiter.check(&project(), &model, limits(6, 100, 10), 1).is_ok());
    assert!(limiter.check(&project(), &model, RateLimits::default(), u64::MAX).is_ok());
}

#[test]
fn idle_buckets_are_forgotten_and_busy_ones_are_not() {
    let (clock, limiter) = limiter();
    let limits = limits(100_000, 1_000_000, 100_000);
    let busy = limiter.check(&project(), &"busy".into(), limits, 1).unwrap();
    for i in 0..2_000 {
        drop(limiter.check(&project(), &format!("m{i}").into(), limits, 1).unwrap());
    }
    assert_eq!(limiter.len(), 2_001);
    clock.advance(Duration::from_mins(2));
    for _ in 0..SWEEP_EVERY {
        drop(limiter.check(&project(), &"one".into(), limits, 0).unwrap());
    }
    assert_eq!(limiter.len(), 2, "the busy one and the one that calls");
    drop(busy);
}

#[test]
fn racing_threads_are_never_granted_more_than_the_limit() {
    let (_, limiter) = limiter();
    let limits = limits(500, 1_000_000, 10_000);
    let granted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let model: Arc<str> = "m".into();
                    (0..200).filter(|_| limiter.check(&project(), &model, limits, 1).is_ok()).count()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(granted, 500);
}

#[test]
fn headers_are_those_of_the_openai_api() {
    let (_, limiter) = limiter();
    let admission = limiter.check(&project(), &"m".into(), limits(60, 600, 10), 100).unwrap();
    let headers: Vec<_> = admission.state.headers().collect();
    let expected = [
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-reset-requests", "1s"),
        ("x-ratelimit-limit-tokens", "600"),
        ("x-ratelimit-remaining-tokens", "500"),
        ("x-ratelimit-reset-tokens", "10s"),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(RateLimitState::default().headers().count(), 0);
}

#[test]
fn durations_are_written_as_clients_know_them() {
    let cases = [(0, "0ms"), (17, "17ms"), (8_640, "8.64s"), (60_000, "1m0s"), (361_500, "6m1.5s")];
    for (ms, text) in cases {
        assert_eq!(written(Duration::from_millis(ms)), text);
    }
    assert_eq!(written(Duration::from_nanos(1)), "1ms", "a wait is never told as none");
}

proptest! {
    /// Over any stretch that began with a full bucket, no more is granted than one bucket and what flowed in.
    #[test]
    fn no_pattern_of_calls_is_granted_more_than_a_bucket_and_its_inflow(
        limit in 1_u64..1_000,
        steps in proptest::collection::vec((0_u64..5_000, 1_u64..50), 1..200),
    ) {
        let (clock, limiter) = limiter();
        let model: Arc<str> = "m".into();
        let limits = RateLimits { tokens_per_minute: Some(limit), ..RateLimits::default() };
        let (mut granted, mut passed_ms) = (0_u128, 0_u128);
        for (wait_ms, tokens) in steps {
            clock.advance(Duration::from_millis(wait_ms));
            passed_ms += u128::from(wait_ms);
            if limiter.check(&project(), &model, limits, tokens).is_ok() {
                granted += u128::from(tokens);
            }
            prop_assert!(granted * 60_000 <= u128::from(limit) * (60_000 + passed_ms));
        }
    }

    /// A call that was told to wait passes after that wait and not before.
    #[test]
    fn the_wait_that_a_call_is_told_is_neither_short_nor_long(
        limit in 1_u64..100_000, first in 1_u64..100_000, second in 1_u64..100_000,
    ) {
        let (clock, limiter) = limiter();
        let model: Arc<str> = "m".into();
        let limits = RateLimits { tokens_per_minute: Some(limit), ..RateLimits::default() };
        let (first, second) = (first.min(limit), second.min(limit));
        drop(limiter.check(&project(), &model, limits, first).unwrap());
        if let Err(error) = limiter.check(&project(), &model, limits, second) {
            let wait = error.retry_after().unwrap();
            clock.advance(wait.saturating_sub(Duration::from_nanos(1)));
            prop_assert!(limiter.check(&project(), &model, limits, second).is_err());
            clock.advance(Duration::from_nanos(1));
            prop_assert!(limiter.check(&project(), &model, limits, second).is_ok());
        }
    }
}
