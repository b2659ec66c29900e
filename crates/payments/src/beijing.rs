//! The time of day as Alipay and WeChat Pay write it: Beijing's, eight hours ahead of UTC all year.

use tenfold_kernel::Timestamp;

const AHEAD_SECONDS: i64 = 8 * 3600;
const DAY_SECONDS: i64 = 86_400;
/// From 1 March of the year 0 to 1 January 1970.
const EPOCH_DAYS: i64 = 719_468;
/// Of 400 years, after which the calendar repeats.
const ERA_DAYS: i64 = 146_097;

/// Writes `2026-09-01 12:30:00`.
pub(crate) fn text(at: Timestamp) -> String {
    let (date, time) = parts(at);
    format!("{date} {time}")
}

/// Writes `2026-09-01T12:30:00+08:00`.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let (date, time) = parts(at);
    format!("{date}T{time}+08:00")
}

/// Reads `2026-09-01 12:30:00`.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 19] = text.as_bytes().try_into().ok()?;
    if [bytes[4], bytes[7], bytes[10], bytes[13], bytes[16]] != *b"-- ::" {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to]
            .iter()
            .try_fold(0_i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let fits = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && year >= 1970;
    if !fits {
        return None;
    }
    let days = days_of_date(year, month, day);
    let at = Timestamp::from_secs(days * DAY_SECONDS + hour * 3600 + minute * 60 + second - AHEAD_SECONDS);
    // The 31st of a shorter month would be a day of the next one.
    (self::text(at) == text).then_some(at)
}

fn parts(at: Timestamp) -> (String, String) {
    let seconds = at.secs().saturating_add(AHEAD_SECONDS);
    let (days, rest) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
    let (year, month, day) = date_of_days(days);
    let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    (format!("{year:04}-{month:02}-{day:02}"), time)
}

/// Days since 1970-01-01. Years are counted from March, so that the leap day is a year's last.
///
/// # Source
/// <https://howardhinnant.github.io/date_algorithms.html>, `days_from_civil`.
fn days_of_date(year: i64, month: i64, day: i64) -> i64 {
    let march_year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA_DAYS + day_of_era - EPOCH_DAYS
}

/// The date of a day since 1970-01-01.
///
/// # Source
/// <https://howardhinnant.github.io/date_algorithms.html>, `civil_from_days`.
fn date_of_days(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(EPOCH_DAYS);
    let (era, day_of_era) = (shifted.div_euclid(ERA_DAYS), shifted.rem_euclid(ERA_DAYS));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12 + 1;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn moments_are_written_in_beijing_time() {
        assert_eq!(text(Timestamp::from_secs(0)), "1970-01-01 08:00:00");
        assert_eq!(text(Timestamp::from_secs(1_709_226_000)), "2024-03-01 01:00:00");
        assert_eq!(text(Timestamp::from_secs(1_709_222_399)), "2024-02-29 23:59:59");
        assert_eq!(rfc3339(Timestamp::from_secs(1_528_425_296)), "2018-06-08T10:34:56+08:00");
    }

    #[test]
    fn dates_that_are_none_are_refused() {
        for text in
            ["2026-02-29 00:00:00", "2026-13-01 00:00:00", "2026-01-01T00:00:00", "2026-01-01 24:00:00", ""]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn moments_survive_the_way_there_and_back(seconds in 0..200_000_000_000_i64) {
            let at = Timestamp::from_secs(seconds);
            prop_assert_eq!(parse(&text(at)), Some(at));
        }

        #[test]
        fn no_text_and_no_moment_makes_it_panic(any: String, milliseconds: i64) {
            let _ = (parse(&any), text(Timestamp(milliseconds)));
        }
    }
}
