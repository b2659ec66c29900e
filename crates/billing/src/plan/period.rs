//! Periods and windows: months of a calendar, weeks that begin on Monday, hours from the first use on.

use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tenfold_kernel::Timestamp;

use crate::funds::{SpendWindow, calendar_window};
use crate::ledger::Rule;

/// How long what is paid lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Period {
    /// The beginning of the `n`-th period after `anchor`, to the millisecond: the same day and time of day of a later month,
    /// or that month's last day where it has no such day. Counted from the anchor each time, a day that was cut off
    /// comes back: January 31, February 28, March 31.
    pub fn begin(self, anchor: Timestamp, n: u32, zone: &TimeZone) -> Timestamp {
        let months = match self {
            Self::Month => i64::from(n),
            Self::Year => i64::from(n) * 12,
        };
        let moved = jiff::Timestamp::from_millisecond(anchor.0)
            .and_then(|at| at.to_zoned_datetime(zone.clone()).checked_add(months.months()));
        // Only a moment beyond all calendars has no month after it.
        moved.map_or(Timestamp(i64::MAX), |at| Timestamp(at.timestamp().as_millisecond()))
    }
}

/// For how long an allowance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Span {
    /// So many hours from the first use after the last time.
    Rolling {
        /// How many.
        hours: u32,
    },
    /// A day of the organisation's time zone.
    Day,
    /// A week of it, from Monday on.
    Week,
    /// A month of it.
    Month,
    /// The subscription's period.
    Period,
}

impl Span {
    /// The window of `now` in a period that lasts from `period.0` until `period.1`.
    pub fn rule(self, now: Timestamp, period: (Timestamp, Timestamp), zone: &TimeZone) -> Rule {
        let window = |(start, end): (Timestamp, Timestamp)| Rule::Window { start: start.0, end: end.0 };
        match self {
            Self::Rolling { hours } => Rule::Rolling { millis: i64::from(hours) * 3_600_000 },
            Self::Day => window(SpendWindow::Day.span(now, zone)),
            Self::Week => window(week(now, zone)),
            Self::Month => window(SpendWindow::Month.span(now, zone)),
            Self::Period => window(period),
        }
    }
}

/// The week of `at`.
fn week(at: Timestamp, zone: &TimeZone) -> (Timestamp, Timestamp) {
    calendar_window(at, zone, |date| {
        let monday = date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days())?;
        Ok((monday, monday.checked_add(7.days())?))
    })
}

/// What is paid, or given back below zero, when a plan of `old` nano-units becomes one of `new` at `now`: the difference for
/// what is left of the period, rounded once, half away from zero. So there and back at one moment is nothing.
pub(crate) fn prorated(old: i64, new: i64, now: Timestamp, period: (Timestamp, Timestamp)) -> i64 {
    let (start, end) = period;
    let whole = i128::from(end.0.saturating_sub(start.0)).max(1);
    let left = i128::from(end.0.saturating_sub(now.0)).clamp(0, whole);
    let exact = (i128::from(new) - i128::from(old)) * left;
    let rounded = (exact.abs() + whole / 2) / whole * exact.signum();
    // Never more than the difference itself, which fits where prices are not negative.
    i64::try_from(rounded).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn a_period_ends_to_the_millisecond_and_gives_no_extra_month() {
        let shanghai = zone("Asia/Shanghai");
        let anchor = at("2026-01-31T15:59:59.999Z");
        let begins: Vec<_> = (0..4).map(|n| Period::Month.begin(anchor, n, &shanghai)).collect();
        let expected = [
            "2026-01-31T15:59:59.999Z",
            "2026-02-28T15:59:59.999Z",
            "2026-03-31T15:59:59.999Z",
            "2026-04-30T15:59:59.999Z",
        ];
        assert_eq!(begins, expected.map(at));
        // A leap day comes back after four years, and the day before it stands for it meanwhile.
        let leap = at("2024-02-29T00:00:00Z");
        let years: Vec<_> = [1, 4].map(|n| Period::Year.begin(leap, n, &TimeZone::UTC)).to_vec();
        assert_eq!(years, ["2025-02-28T00:00:00Z", "2028-02-29T00:00:00Z"].map(at));
        // The time of day stays when clocks change.
        let berlin = Period::Month.begin(at("2026-03-01T08:00:00Z"), 1, &zone("Europe/Berlin"));
        assert_eq!(berlin, at("2026-04-01T07:00:00Z"));
    }

    #[test]
    fn a_week_begins_on_monday_of_the_organisations_zone() {
        // 2026-11-23 is a Monday; midnight in Kolkata is half past six in the evening of the day before.
        let kolkata = zone("Asia/Kolkata");
        let week = |text| week(at(text), &kolkata);
        let expected = (at("2026-11-22T18:30:00Z"), at("2026-11-29T18:30:00Z"));
        assert_eq!(week("2026-11-22T18:30:00Z"), expected);
        assert_eq!(week("2026-11-29T18:29:59.999Z"), expected);
        assert_ne!(week("2026-11-22T18:29:59.999Z"), expected);
    }

    /// The day of the month, month by month: slow, and obviously right.
    fn by_hand(year: i16, month: i8, day: i8, months: u32) -> (i16, i8, i8) {
        let (mut year, mut month) = (year, month);
        for _ in 0..months {
            month += 1;
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let last = match month {
            2 => 28 + i8::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (year, month, day.min(last))
    }

    proptest! {
        #[test]
        fn periods_follow_each_other_on_the_day_that_a_calendar_says(
            (year, month, day) in (2000_i16..2040, 1_i8..=12, 1_i8..=28),
            more in 0_i8..=3,
            n in 0_u32..60,
            name in prop_oneof![Just("Asia/Shanghai"), Just("Asia/Kolkata"), Just("Europe/Berlin"), Just("America/Santiago")],
        ) {
            let zone = zone(name);
            // The last days of long months too, where there are such.
            let day = if jiff::civil::Date::new(year, month, day + more).is_ok() { day + more } else { day };
            let noon = jiff::civil::date(year, month, day).at(12, 0, 0, 0).to_zoned_datetime(zone.clone()).unwrap();
            let anchor = Timestamp(noon.timestamp().as_millisecond());
            let begin = Period::Month.begin(anchor, n, &zone);
            let told = jiff::Timestamp::from_millisecond(begin.0).unwrap().to_zoned_datetime(zone.clone());
            prop_assert_eq!((told.year(), told.month(), told.day()), by_hand(year, month, day, n));
            prop_assert_eq!((told.hour(), told.minute()), (12, 0));
            prop_assert!(Period::Month.begin(anchor, n + 1, &zone) > begin);
        }

        #[test]
        fn whoever_changes_plans_pays_what_the_parts_of_the_period_cost(
            prices in proptest::collection::vec(0_i64..1_000_000_000_000, 2..8),
            mut moments in proptest::collection::vec(0_i64..2_678_400_000, 8),
        ) {
            let period = (Timestamp(0), Timestamp(2_678_400_000));
            moments.sort_unstable();
            moments.truncate(prices.len() - 1);
            let changes = prices.windows(2).zip(&moments);
            let paid: i64 = prices[0] + changes.map(|(two, at)| prorated(two[0], two[1], Timestamp(*at), period)).sum::<i64>();
            // Each price for the time in which it was the plan's, exactly.
            let ends = moments.iter().copied().chain([period.1.0]);
            let begins = [0].into_iter().chain(moments.iter().copied());
            let exact: i128 = prices.iter().zip(begins.zip(ends))
                .map(|(price, (from, to))| i128::from(*price) * i128::from(to - from)).sum();
            let error = (i128::from(paid) * i128::from(period.1.0) - exact).abs();
            // Half a nano-unit for each change.
            prop_assert!(error * 2 <= i128::from(period.1.0) * (prices.len() as i128));
        }

        #[test]
        fn there_and_back_at_one_moment_costs_nothing(old in 0_i64..i64::MAX, new in 0_i64..i64::MAX, at in 0_i64..3_000) {
            let period = (Timestamp(0), Timestamp(2_000));
            let there = prorated(old, new, Timestamp(at), period);
            prop_assert_eq!(there + prorated(new, old, Timestamp(at), period), 0);
        }
    }
}
