//! Windows of calendars and rolling windows, against references that are slow and obviously right.

#![expect(clippy::unwrap_used, reason = "a test stops where something fails")]

use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use tenfold_billing::ledger::{Book, Check, Metric, Refusal, Reserve, Rule, Settle};
use tenfold_billing::plan::Span;
use tenfold_billing::{Event, Reached, SpendWindow, conformance, zone};
use tenfold_kernel::{Currency, OrganizationId, SeededRng, Timestamp, Unit, Units};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

/// Every kind of zone: none, whole hours, halves and quarters, clocks that change at midnight, by half an hour, a minute
/// after midnight (St. John's until 2010: an hour of yesterday comes again), and a day that was left out.
const ZONES: [&str; 13] = [
    "UTC",
    "Asia/Shanghai",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Beirut",
    "America/St_Johns",
    "Pacific/Apia",
    "Antarctica/Casey",
];

fn millis(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn date(at: i64, zone: &TimeZone) -> Date {
    jiff::Timestamp::from_millisecond(at).unwrap().to_zoned_datetime(zone.clone()).date()
}

/// The first day of what a date is in.
fn day(date: Date) -> Date {
    date
}

fn week(date: Date) -> Date {
    let mut date = date;
    while date.weekday() != Weekday::Monday {
        date = date.yesterday().unwrap();
    }
    date
}

fn month(date: Date) -> Date {
    date.first_of_month()
}

/// The window of `at`, by going through time minute by minute: a window begins with the first minute whose date is in a
/// later one than all dates before. `reach` is how far away its ends may be.
fn by_hand(at: i64, zone: &TimeZone, unit: fn(Date) -> Date, reach: i64) -> (i64, i64) {
    // A whole window before is gone through, so that what is latest is known.
    let mut minute = (at - 2 * reach).div_euclid(MINUTE) * MINUTE;
    let mut latest = unit(date(minute, zone));
    let mut begin = None;
    loop {
        minute += MINUTE;
        let now = unit(date(minute, zone));
        if now > latest {
            latest = now;
            if minute > at {
                return (begin.unwrap(), minute);
            }
            begin = Some(minute);
        }
    }
}

/// Moments between 2000 and 2040: anywhere, and close to the ends of months, leap days, and changes of the clocks.
fn moments() -> impl Strategy<Value = (usize, i64)> {
    let anywhere = millis("2000-01-01T00:00:00Z")..millis("2040-01-01T00:00:00Z");
    let close = || (-40_i64..40, -1_i64..=1).prop_map(|(steps, ms)| steps * 15 * MINUTE + ms);
    let month_ends = (2000_i16..2040, 1_i8..=12, close()).prop_map(|(year, month, off)| {
        let first = jiff::civil::date(year, month, 1).to_zoned_datetime(TimeZone::UTC).unwrap();
        first.timestamp().as_millisecond() + off
    });
    let leap_days = (0_i16..10, 0..2 * DAY).prop_map(|(nth, off)| {
        let leap = jiff::civil::date(2000 + nth * 4, 2, 28).to_zoned_datetime(TimeZone::UTC).unwrap();
        leap.timestamp().as_millisecond() + off
    });
    let plain = (0..ZONES.len(), prop_oneof![anywhere.clone(), month_ends, leap_days]);
    // The next change of the clocks after any moment, where there is one, a little before or after it by the minute.
    let changes =
        (0..ZONES.len(), anywhere, -130_i64..130, -1_i64..=1).prop_map(|(index, at, minutes, ms)| {
            let zone = zone(ZONES[index]).unwrap();
            let next = zone.following(jiff::Timestamp::from_millisecond(at).unwrap()).next();
            let change =
                next.map_or(at, |next| next.timestamp().as_millisecond()).min(millis("2040-01-01T00:00:00Z"));
            (index, change + minutes * MINUTE + ms)
        });
    prop_oneof![2 => plain, 3 => changes]
}

/// That a window is what the reference says, has its moment in it, and adjoins the ones before and after it.
fn check(at: i64, window: impl Fn(i64) -> (i64, i64), expected: (i64, i64)) -> Result<(), TestCaseError> {
    let (start, end) = window(at);
    prop_assert_eq!((start, end), expected);
    prop_assert!((start..end).contains(&at));
    prop_assert_eq!(window(start), (start, end));
    prop_assert_eq!(window(end - 1), (start, end));
    prop_assert_eq!(window(end).0, end, "no gap and no overlap");
    prop_assert_eq!(window(start - 1).1, start, "no gap and no overlap");
    Ok(())
}

fn of_span(span: Span, zone: &TimeZone) -> impl Fn(i64) -> (i64, i64) {
    let period = (Timestamp(0), Timestamp(1));
    move |at| match span.rule(Timestamp(at), period, zone) {
        Rule::Window { start, end } => (start, end),
        // What no moment lies in.
        _ => (0, 0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_day_is_what_clocks_on_the_wall_say((index, at) in moments()) {
        let zone = zone(ZONES[index]).unwrap();
        let expected = by_hand(at, &zone, day, 2 * DAY);
        let of_money = |at| {
            let (start, end) = SpendWindow::Day.span(Timestamp(at), &zone);
            (start.0, end.0)
        };
        check(at, of_money, expected)?;
        check(at, of_span(Span::Day, &zone), expected)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_week_begins_with_the_first_minute_of_monday((index, at) in moments()) {
        let zone = zone(ZONES[index]).unwrap();
        check(at, of_span(Span::Week, &zone), by_hand(at, &zone, week, 8 * DAY))?;
    }

    #[test]
    fn a_month_begins_with_the_first_minute_of_its_first_day((index, at) in moments()) {
        let zone = zone(ZONES[index]).unwrap();
        let expected = by_hand(at, &zone, month, 32 * DAY);
        let of_money = |at| {
            let (start, end) = SpendWindow::Month.span(Timestamp(at), &zone);
            (start.0, end.0)
        };
        check(at, of_money, expected)?;
        check(at, of_span(Span::Month, &zone), expected)?;
    }
}

#[test]
fn an_hour_that_comes_again_after_midnight_belongs_to_the_day_that_has_begun() {
    // At 00:01 on 2009-11-01 clocks in St. John's were put back to 23:01 on October 31.
    let zone = zone("America/St_Johns").unwrap();
    let november = (Timestamp(millis("2009-11-01T02:30:00Z")), Timestamp(millis("2009-12-01T03:30:00Z")));
    for at in
        ["2009-11-01T02:30:00Z", "2009-11-01T02:31:00Z", "2009-11-01T03:29:59.999Z", "2009-11-01T03:30:00Z"]
    {
        assert_eq!(SpendWindow::Month.span(Timestamp(millis(at)), &zone), november, "{at}");
        let (start, end) = SpendWindow::Day.span(Timestamp(millis(at)), &zone);
        assert_eq!((start, end.0 - start.0), (november.0, 25 * 3_600_000), "{at}");
    }
    // A day that was left out is nobody's.
    let apia = self::zone("Pacific/Apia").unwrap();
    let (start, end) = SpendWindow::Day.span(Timestamp(millis("2011-12-30T09:59:59.999Z")), &apia);
    assert_eq!((start.0, end.0), (millis("2011-12-29T10:00:00Z"), millis("2011-12-30T10:00:00Z")));
    assert_eq!(SpendWindow::Day.span(end, &apia).1.0, millis("2011-12-31T10:00:00Z"));
}

/// What happens to a rolling window, each after some milliseconds.
#[derive(Debug, Clone)]
enum Step {
    /// A call asks for so much.
    Call(i64),
    /// The call that was admitted how many-th of those that run has used so much; nothing when nobody knows.
    End(usize, Option<u64>),
    /// It left no event.
    Drop(usize),
}

/// A call that was admitted: when, how much it held, what it has used if it has ended.
#[derive(Debug)]
struct Use {
    at: i64,
    held: i64,
    used: Option<i64>,
}

/// Where the window of `now` ends, and what is used and held in it, from the list of all that was ever admitted: it is open
/// from a first use on, and the first use after it opens the next one.
fn window(uses: &[Use], length: i64, now: i64) -> Option<(i64, i64)> {
    let mut opened = uses.first()?.at;
    for one in uses {
        if one.at >= opened + length {
            opened = one.at;
        }
    }
    let within = uses.iter().filter(|one| one.at >= opened);
    let sum = within.map(|one| one.used.unwrap_or(one.held)).sum();
    (now < opened + length).then_some((opened + length, sum))
}

fn reserve(n: usize, amount: i64, limit: i64, length: i64, now: i64) -> Reserve {
    let check = Check {
        counter: "rolling".into(),
        rule: Rule::Rolling { millis: length },
        metric: Metric::Tokens,
        amount,
        limit,
        is_hard: true,
        reached: Reached::Allowance,
        subject: "a plan".into(),
    };
    Reserve {
        id: format!("hold-{n}").into(),
        process: "one".into(),
        organization: OrganizationId::parse("org_1").unwrap(),
        currency: Currency::USD,
        nanos: 0,
        checks: vec![check],
        covers: Vec::new(),
        covers_only: false,
        sources: Vec::new(),
        now: Timestamp(now),
    }
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let step = prop_oneof![
        4 => (0_i64..130).prop_map(Step::Call),
        3 => (0_usize..5, proptest::option::of(0_u64..150)).prop_map(|(which, used)| Step::End(which, used)),
        1 => (0_usize..5).prop_map(Step::Drop),
    ];
    // Often to the millisecond on the window's end.
    let pause = prop_oneof![Just(0_i64), Just(1_000), Just(999), Just(1), 0_i64..2_500];
    proptest::collection::vec((pause, step), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_rolling_window_counts_what_was_used_from_its_first_use_on(steps in steps(), limit in 0_i64..300) {
        const LENGTH: i64 = 1_000;
        let mut book = Book::default();
        let rng = SeededRng::new(1);
        let (mut uses, mut running): (Vec<Use>, Vec<(usize, Arc<str>)>) = (Vec::new(), Vec::new());
        let mut now = 5_000;
        for (n, (pause, step)) in steps.into_iter().enumerate() {
            now += pause;
            let open = window(&uses, LENGTH, now);
            match step {
                Step::Call(amount) => {
                    let done = book.reserve(&reserve(n, amount, limit, LENGTH, now));
                    let room = (limit - open.map_or(0, |(_, sum)| sum)).max(0);
                    match done {
                        Ok(hold) => {
                            prop_assert!(amount <= room, "{amount} {room}");
                            running.push((uses.len(), hold.id));
                            uses.push(Use { at: now, held: amount, used: None });
                        }
                        Err(Refusal::Limit { retry_after_ms, .. }) => {
                            prop_assert!(amount > room, "{amount} {room}");
                            // It fits when the window is over, if it ever does.
                            let expected = (amount <= limit).then(|| open.unwrap().0 - now);
                            prop_assert_eq!(retry_after_ms, expected);
                        }
                        Err(other) => prop_assert!(false, "{other:?}"),
                    }
                }
                Step::End(which, used) if which < running.len() => {
                    let (index, hold) = running.remove(which);
                    let event = Event {
                        units: Units::new().with(Unit::InputTokens, used.unwrap_or(0)),
                        usage_known: used.is_some(),
                        completed_at: Timestamp(now),
                        cost: None,
                        ..conformance::sample_event(&rng)
                    };
                    let hold = book.hold(&hold).cloned();
                    book.settle(&Settle { event, hold, sources: Vec::new() }, Timestamp(0)).unwrap();
                    uses[index].used = Some(used.map_or(uses[index].held, |used| i64::try_from(used).unwrap()));
                }
                Step::Drop(which) if which < running.len() => {
                    let (index, hold) = running.remove(which);
                    book.release(&hold, None, Timestamp(now));
                    uses[index].used = Some(0);
                }
                Step::End(..) | Step::Drop(_) => {}
            }
            let open = window(&uses, LENGTH, now);
            let counter = book.counter("rolling");
            if let Some((end, sum)) = open {
                prop_assert_eq!((counter.end, counter.used + counter.held), (end, sum));
            } else {
                prop_assert!(counter.end <= now, "{counter:?}");
            }
        }
    }
}
