//! Dates, in the customer's time zone.

use jiff::Timestamp as Moment;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use tenfold_kernel::Timestamp;

use crate::error::InvoiceError;

/// The customer's time zone.
#[derive(Debug)]
pub(crate) struct Calendar(TimeZone);

impl Calendar {
    /// The zone of an IANA name. The rules are those that were built in, so that no machine prints another date.
    pub(crate) fn of(name: &str) -> Result<Self, InvoiceError> {
        let unknown = |_| InvoiceError::UnknownTimeZone { zone: name.to_owned() };
        TimeZoneDatabase::bundled().get(name).map(Self).map_err(unknown)
    }

    /// The day of a moment.
    pub(crate) fn day(&self, at: Timestamp) -> Result<Date, InvoiceError> {
        Ok(self.0.to_datetime(moment(at)?).date())
    }

    /// The moment with its offset, as RFC 3339 writes it: `2026-10-01T00:00:00+08:00`.
    pub(crate) fn rfc3339(&self, at: Timestamp) -> Result<String, InvoiceError> {
        let moment = moment(at)?;
        Ok(moment.display_with_offset(self.0.to_offset(moment)).to_string())
    }
}

fn moment(at: Timestamp) -> Result<Moment, InvoiceError> {
    Moment::from_millisecond(at.0).map_err(|_| InvoiceError::NoDate { millis: at.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_in_shanghai_begins_eight_hours_early() {
        let calendar = Calendar::of("Asia/Shanghai").unwrap();
        // 2026-09-30T16:00:00Z.
        let start = Timestamp(1_790_784_000_000);
        assert_eq!(calendar.rfc3339(start).unwrap(), "2026-10-01T00:00:00+08:00");
        assert_eq!(calendar.day(start).unwrap().to_string(), "2026-10-01");
        assert_eq!(calendar.day(Timestamp(start.0 - 1)).unwrap().to_string(), "2026-09-30");
    }

    #[test]
    fn zones_and_times_that_cannot_be_are_refused() {
        assert!(matches!(Calendar::of("Mars/Olympus"), Err(InvoiceError::UnknownTimeZone { .. })));
        let calendar = Calendar::of("UTC").unwrap();
        assert!(matches!(calendar.day(Timestamp(i64::MAX)), Err(InvoiceError::NoDate { .. })));
    }
}
