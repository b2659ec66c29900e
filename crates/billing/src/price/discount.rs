//! When a call costs less, or more, than its list says.

use std::collections::BTreeMap;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tenfold_kernel::Timestamp;

use crate::error::BillingError;
use crate::funds::zone;

/// All of a price, in ten-thousandths.
pub(super) const WHOLE: u32 = 10_000;

/// The dearest service tier, in ten-thousandths of the list's prices.
const MOST: u32 = 1_000_000;

/// How prices differ with the way of a call. Of several discounts the largest counts, alone; what a service tier costs is
/// multiplied with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discounts {
    /// Off the price of a call in a batch, in ten-thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Off the price of a call that is admitted at a quiet time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub off_peak: Vec<OffPeak>,
    /// What is paid of the price in a service tier, in ten-thousandths: 5,000 for half of it, 17,500 for 1.75 times.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub service_tiers: BTreeMap<String, u32>,
}

/// A quiet time of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OffPeak {
    /// Off the price, in ten-thousandths.
    pub discount: u32,
    /// On which days it begins, from 1 for Monday to 7; on all of them when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<i8>,
    /// From which minute of the day, inclusive.
    pub from: u16,
    /// To which minute of the day, exclusive; one that is not after `from` is of the next day.
    pub to: u16,
    /// The time zone of day and minute, such as `Asia/Shanghai`.
    pub time_zone: String,
}

/// The way of a call, as far as its price depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occasion {
    /// Whether it is part of a batch.
    pub batch: bool,
    /// The service tier that was asked for.
    pub service_tier: Option<String>,
    /// What of several things was asked for, such as `1024x1024/high` of a picture.
    pub variant: Option<std::sync::Arc<str>>,
    /// When it was asked for, where that was not now: work that waited has the price of then.
    pub asked_at: Option<Timestamp>,
}

impl Discounts {
    /// What is paid of the list's price by a call that is admitted at `now`, in hundred-millionths.
    pub(super) fn factor(&self, occasion: &Occasion, now: Timestamp) -> u64 {
        let batch = self.batch.filter(|_| occasion.batch);
        let quiet = self.off_peak.iter().filter(|quiet| quiet.holds(now)).map(|quiet| quiet.discount);
        let discount = batch.into_iter().chain(quiet).max().unwrap_or(0);
        let tier = occasion.service_tier.as_ref().and_then(|tier| self.service_tiers.get(tier));
        u64::from(WHOLE - discount.min(WHOLE)) * u64::from(*tier.unwrap_or(&WHOLE))
    }

    /// Checks discounts that came from outside.
    pub(super) fn check(&self) -> Result<(), BillingError> {
        let invalid =
            |field, reason: &str| Err(BillingError::InvalidPrice { field, reason: reason.to_owned() });
        if self.batch.is_some_and(|off| off > WHOLE) {
            return invalid("discounts.batch", "a discount is at most 10,000 ten-thousandths");
        }
        for quiet in &self.off_peak {
            if quiet.discount > WHOLE {
                return invalid("discounts.off_peak", "a discount is at most 10,000 ten-thousandths");
            }
            if quiet.from >= 1440 || quiet.to > 1440 {
                return invalid("discounts.off_peak", "`from` and `to` are minutes of a day, 0 to 1440");
            }
            if quiet.weekdays.iter().any(|day| !(1..=7).contains(day)) {
                return invalid("discounts.off_peak", "`weekdays` are 1 for Monday to 7 for Sunday");
            }
            zone(&quiet.time_zone).map_err(|error| BillingError::InvalidPrice {
                field: "discounts.off_peak",
                reason: error.to_string(),
            })?;
        }
        if self.service_tiers.iter().any(|(name, paid)| name.is_empty() || *paid > MOST) {
            return invalid(
                "discounts.service_tiers",
                "a tier has a name, and costs at most 1,000,000 ten-thousandths of the price",
            );
        }
        Ok(())
    }
}

impl OffPeak {
    /// Whether `at` is in it. A zone that the database of time zones has lost gives no discount.
    fn holds(&self, at: Timestamp) -> bool {
        let Ok(at) = jiff::Timestamp::from_millisecond(at.0) else { return false };
        let Ok(zone) = TimeZone::get(&self.time_zone) else { return false };
        let at = at.to_zoned_datetime(zone);
        let minute = u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute())).unwrap_or(0);
        let is_on =
            |day: Weekday| self.weekdays.is_empty() || self.weekdays.contains(&day.to_monday_one_offset());
        let (today, yesterday) = (at.weekday(), at.weekday().previous());
        if self.from < self.to {
            return is_on(today) && (self.from..self.to).contains(&minute);
        }
        (is_on(today) && minute >= self.from) || (is_on(yesterday) && minute < self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn night(weekdays: Vec<i8>) -> OffPeak {
        OffPeak {
            discount: 5_000,
            weekdays,
            from: 22 * 60,
            to: 6 * 60,
            time_zone: "Asia/Shanghai".to_owned(),
        }
    }

    #[test]
    fn a_night_reaches_over_midnight_of_its_zone() {
        let holds = |text| night(Vec::new()).holds(at(text));
        // 22:00 in Shanghai is 14:00 in UTC.
        assert!(!holds("2026-11-23T13:59:59.999Z"));
        assert!(holds("2026-11-23T14:00:00Z") && holds("2026-11-23T21:59:59.999Z"));
        assert!(!holds("2026-11-23T22:00:00Z"));
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        // 2026-11-22 is a Sunday.
        let sunday = night(vec![7]);
        assert!(sunday.holds(at("2026-11-22T15:00:00Z")), "Sunday, 23:00");
        assert!(sunday.holds(at("2026-11-22T20:00:00Z")), "Monday, 4:00");
        assert!(!sunday.holds(at("2026-11-21T20:00:00Z")), "Sunday, 4:00");
    }

    #[test]
    fn the_largest_discount_counts_and_a_tier_is_multiplied_with_it() {
        let discounts = Discounts {
            batch: Some(3_000),
            off_peak: vec![night(Vec::new())],
            service_tiers: [("priority".to_owned(), 20_000)].into(),
        };
        let factor = |batch, tier: Option<&str>, time| {
            let service_tier = tier.map(str::to_owned);
            discounts.factor(&Occasion { batch, service_tier, ..Occasion::default() }, at(time))
        };
        let (noon, night) = ("2026-11-23T04:00:00Z", "2026-11-23T16:00:00Z");
        assert_eq!(factor(false, None, noon), 100_000_000);
        assert_eq!(factor(true, None, noon), 70_000_000);
        assert_eq!(factor(true, None, night), 50_000_000, "not 70 % of 50 %");
        assert_eq!(factor(true, Some("priority"), noon), 140_000_000);
        assert_eq!(factor(false, Some("unknown"), noon), 100_000_000);
    }

    #[test]
    fn discounts_that_cannot_be_are_refused_by_name() {
        let field = |discounts: Discounts| match discounts.check().unwrap_err() {
            BillingError::InvalidPrice { field, .. } => field,
            other => panic!("{other}"),
        };
        assert_eq!(field(Discounts { batch: Some(10_001), ..Discounts::default() }), "discounts.batch");
        let nowhere = OffPeak { time_zone: "Mars/Olympus".to_owned(), ..night(Vec::new()) };
        let late = OffPeak { from: 1440, ..night(Vec::new()) };
        for quiet in [nowhere, late, night(vec![0])] {
            assert_eq!(
                field(Discounts { off_peak: vec![quiet], ..Discounts::default() }),
                "discounts.off_peak"
            );
        }
        let tiers = [(String::new(), 1)].into();
        assert_eq!(
            field(Discounts { service_tiers: tiers, ..Discounts::default() }),
            "discounts.service_tiers"
        );
    }
}
