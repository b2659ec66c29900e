//! Reports of usage and costs: time in buckets, filters, groups and pages, as the OpenAI administration API
//! has them.

use jiff::tz::TimeZone;
use tenfold_kernel::{ApiKeyId, Currency, OrganizationId, ProjectId, Timestamp, UserId};

use crate::error::BillingError;
use crate::event::Operation;
use crate::funds::SpendWindow;

/// The most rows that one page of a report may have, all buckets together.
pub const MAX_ROWS: usize = 100_000;

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BucketWidth {
    /// `1m`.
    Minute,
    /// `1h`.
    Hour,
    /// `1d`, from midnight to midnight of the organisation's time zone.
    Day,
}

impl BucketWidth {
    /// The bucket of `at`: its first moment, and the first one after it. Minutes and hours are those of UTC.
    fn bucket(self, at: i64, zone: &TimeZone) -> (i64, i64) {
        let width = match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => {
                let (start, end) = SpendWindow::Day.span(Timestamp(at), zone);
                return (start.0, end.0);
            }
        };
        let start = at - at.rem_euclid(width);
        (start, start + width)
    }

    /// How many buckets a page of usage has when the caller does not say.
    pub fn default_limit(self) -> u32 {
        match self {
            Self::Minute => 60,
            Self::Hour => 24,
            Self::Day => 7,
        }
    }

    /// The most buckets of a page of usage.
    pub fn max_limit(self) -> u32 {
        match self {
            Self::Minute => 1440,
            Self::Hour => 168,
            Self::Day => 31,
        }
    }
}

impl std::str::FromStr for BucketWidth {
    type Err = BillingError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1m" => Ok(Self::Minute),
            "1h" => Ok(Self::Hour),
            "1d" => Ok(Self::Day),
            _ => Err(invalid("bucket_width", format!("`{text}` is not one of `1m`, `1h` and `1d`"))),
        }
    }
}

/// What rows are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupBy {
    /// `project_id`.
    Project,
    /// `user_id`.
    User,
    /// `api_key_id`.
    ApiKey,
    /// `model`; `line_item` in costs.
    Model,
    /// `batch`.
    Batch,
    /// `service_tier`.
    ServiceTier,
}

/// Which events are counted. An empty list does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of these projects.
    pub projects: Vec<ProjectId>,
    /// Of these people.
    pub users: Vec<UserId>,
    /// With these keys.
    pub api_keys: Vec<ApiKeyId>,
    /// Of these deployments.
    pub models: Vec<String>,
    /// In batches, or not.
    pub batch: Option<bool>,
    /// Of these operations.
    pub operations: Vec<Operation>,
}

/// What a caller asks for. A report always belongs to one organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportQuery {
    /// Whose events.
    pub organization: OrganizationId,
    /// From when, inclusive.
    pub start: Timestamp,
    /// Until when, exclusive; the end of the bucket that is now when absent.
    pub end: Option<Timestamp>,
    /// How long a bucket is.
    pub width: BucketWidth,
    /// Which events.
    pub filter: Filter,
    /// What rows are told apart by.
    pub group_by: Vec<GroupBy>,
    /// The label by whose value costs are told apart too.
    pub label: Option<String>,
    /// How many buckets a page has.
    pub limit: Option<u32>,
    /// The cursor of a later page, from [`Page::next_page`].
    pub page: Option<String>,
}

/// What a store adds up: the events of `[from, until)` in buckets of the same width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Whose events.
    pub organization: OrganizationId,
    /// From when, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub until: Timestamp,
    /// Where the first bucket begins; not after `from`.
    pub origin: Timestamp,
    /// How long a bucket is, in milliseconds.
    pub width: i64,
    /// Which events.
    pub filter: Filter,
    /// What rows are told apart by, each once, in order.
    pub group_by: Vec<GroupBy>,
    /// The label by whose value costs are told apart too.
    pub label: Option<String>,
}

/// What a row is of; a part is set when rows are told apart by it and the event has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    /// The project.
    pub project: Option<String>,
    /// The person.
    pub user: Option<String>,
    /// The key.
    pub api_key: Option<String>,
    /// The deployment's name.
    pub model: Option<String>,
    /// Whether in a batch.
    pub batch: Option<bool>,
    /// The service tier.
    pub service_tier: Option<String>,
    /// The label's value; nothing for calls without that label.
    pub label: Option<String>,
}

/// Sums of one group in one bucket, in the disjoint units of the kernel. A call whose use is not known adds
/// to `requests` and to nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageRow {
    /// Which bucket, from zero.
    pub bucket: i64,
    /// Of what.
    pub key: GroupKey,
    /// Calls for which a model was asked: all but the rejected.
    pub requests: i64,
    /// Prompt tokens that were computed.
    pub input_tokens: i64,
    /// Prompt tokens that were cached.
    pub cached_input_tokens: i64,
    /// Prompt tokens that were written to a cache.
    pub cache_write_tokens: i64,
    /// Tokens of answers.
    pub output_tokens: i64,
    /// Tokens of thinking.
    pub reasoning_tokens: i64,
    /// Tokens that were embedded.
    pub embedding_tokens: i64,
    /// Prompt tokens of sound that were computed.
    pub audio_input_tokens: i64,
    /// Prompt tokens of sound that were cached.
    pub cached_audio_input_tokens: i64,
    /// Prompt tokens of pictures that were computed.
    pub image_input_tokens: i64,
    /// Prompt tokens of pictures that were cached.
    pub cached_image_input_tokens: i64,
    /// Tokens of sound in answers.
    pub audio_output_tokens: i64,
    /// Tokens of pictures in answers.
    pub image_output_tokens: i64,
}

/// Money of one group in one bucket. Currencies are never added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostRow {
    /// Which bucket, from zero.
    pub bucket: i64,
    /// Of what.
    pub key: GroupKey,
    /// In which currency; nothing for calls whose cost is not known.
    pub currency: Option<Currency>,
    /// The sum, in nano-units.
    pub nanos: i64,
    /// How many calls the sum is of, or how many there are of unknown cost.
    pub requests: i64,
}

/// One bucket of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket<R> {
    /// From when, inclusive.
    pub start: Timestamp,
    /// Until when, exclusive.
    pub end: Timestamp,
    /// The rows; none when nothing happened.
    pub rows: Vec<R>,
}

/// A page of buckets, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<R> {
    /// The buckets, the empty ones among them.
    pub buckets: Vec<Bucket<R>>,
    /// Where the next page begins, when there is one.
    pub next_page: Option<String>,
}

/// Rows that belong in a bucket.
pub(crate) trait InBucket {
    /// Which bucket, from zero.
    fn bucket(&mut self) -> &mut i64;
}

impl InBucket for UsageRow {
    fn bucket(&mut self) -> &mut i64 {
        &mut self.bucket
    }
}

impl InBucket for CostRow {
    fn bucket(&mut self) -> &mut i64 {
        &mut self.bucket
    }
}

/// The buckets of one page, and what a store has to add up for them.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Each is of buckets that follow each other and are of one width: nearly always there is one alone, and one more for
    /// each change of the clocks. With each, how many buckets of the page are before it.
    pub(crate) selections: Vec<(i64, Selection)>,
    bounds: Vec<(i64, i64)>,
    next_page: Option<String>,
}

/// Plans the page that `query` asks for. Buckets are those of the clock of `zone` and cut at the start and the end that
/// were asked for, so that each holds exactly what lies between its own two times.
pub(crate) fn plan(
    query: &ReportQuery,
    limits: (u32, u32),
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Plan, BillingError> {
    let (default_limit, max_limit) = limits;
    let bucket = |at| query.width.bucket(at, zone);
    let limit = query.limit.unwrap_or(default_limit);
    if limit == 0 || limit > max_limit {
        return Err(invalid("limit", format!("`limit` is 1 to {max_limit} here")));
    }
    let start = query.start.0;
    if !(0..=MAX_TIME).contains(&start) {
        return Err(invalid("start_time", "`start_time` is in seconds since 1970".to_owned()));
    }
    let end = match query.end {
        Some(end) if end.0 <= start || end.0 > MAX_TIME => {
            return Err(invalid("end_time", "`end_time` is in seconds and after `start_time`".to_owned()));
        }
        Some(end) => end.0,
        None => bucket(now.0.max(start)).1,
    };
    let from = match &query.page {
        None => start,
        Some(cursor) => read_cursor(cursor)
            .filter(|at| *at > start && *at < end && bucket(*at).0 == *at)
            .ok_or_else(|| invalid("page", "`page` is not a cursor of this report".to_owned()))?,
    };
    let mut group_by = query.group_by.clone();
    group_by.sort_unstable();
    group_by.dedup();

    let mut bounds = Vec::new();
    let mut selections: Vec<(i64, Selection)> = Vec::new();
    let (mut at, mut before) = (from, 0);
    while at < end && bounds.len() < limit as usize {
        let (origin, next) = bucket(at);
        let until = next.min(end);
        match selections.last_mut() {
            Some((_, last)) if last.width == next - origin => last.until = Timestamp(until),
            _ => selections.push((
                before,
                Selection {
                    organization: query.organization.clone(),
                    from: Timestamp(at),
                    until: Timestamp(until),
                    origin: Timestamp(origin),
                    width: next - origin,
                    filter: query.filter.clone(),
                    group_by: group_by.clone(),
                    label: query.label.clone(),
                },
            )),
        }
        bounds.push((at, until));
        before += 1;
        at = until;
    }
    let next_page = (at < end).then(|| format!("page_{at:x}"));
    Ok(Plan { selections, bounds, next_page })
}

impl Plan {
    /// Puts the rows of a store into their buckets: those of each selection, in order.
    ///
    /// # Errors
    /// [`BillingError::ReportTooLarge`] beyond [`MAX_ROWS`] rows.
    pub(crate) fn fill<R: InBucket>(self, rows: Vec<Vec<R>>) -> Result<Page<R>, BillingError> {
        if rows.iter().map(Vec::len).sum::<usize>() > MAX_ROWS {
            return Err(BillingError::ReportTooLarge { limit: MAX_ROWS });
        }
        let bucket = |(start, end): &(i64, i64)| Bucket {
            start: Timestamp(*start),
            end: Timestamp(*end),
            rows: Vec::new(),
        };
        let mut buckets: Vec<Bucket<R>> = self.bounds.iter().map(bucket).collect();
        for ((before, _), rows) in self.selections.iter().zip(rows) {
            for mut row in rows {
                *row.bucket() += before;
                let index = usize::try_from(*row.bucket()).ok();
                if let Some(bucket) = index.and_then(|index| buckets.get_mut(index)) {
                    bucket.rows.push(row);
                }
            }
        }
        Ok(Page { buckets, next_page: self.next_page })
    }
}

/// The last moment of the year 9999: beyond it arithmetic on times is of no use to anyone.
const MAX_TIME: i64 = 253_402_300_799_999;

fn read_cursor(cursor: &str) -> Option<i64> {
    i64::from_str_radix(cursor.strip_prefix("page_")?, 16).ok()
}

pub(crate) fn invalid(field: &'static str, reason: String) -> BillingError {
    BillingError::InvalidQuery { field, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn query(start: i64, end: Option<i64>, width: BucketWidth, limit: Option<u32>) -> ReportQuery {
        ReportQuery {
            organization: OrganizationId::parse("org-a").unwrap(),
            start: Timestamp(start),
            end: end.map(Timestamp),
            width,
            filter: Filter::default(),
            group_by: vec![GroupBy::Model, GroupBy::Project, GroupBy::Model],
            label: None,
            limit,
            page: None,
        }
    }

    const DAY: i64 = 86_400_000;

    fn day_limits() -> (u32, u32) {
        (BucketWidth::Day.default_limit(), BucketWidth::Day.max_limit())
    }

    #[test]
    fn buckets_are_aligned_and_cut_at_what_was_asked() {
        let query = query(DAY + 5, Some(3 * DAY + 7), BucketWidth::Day, None);
        let plan = plan(&query, day_limits(), &TimeZone::UTC, Timestamp(9 * DAY)).unwrap();
        assert_eq!(plan.bounds, [(DAY + 5, 2 * DAY), (2 * DAY, 3 * DAY), (3 * DAY, 3 * DAY + 7)]);
        assert_eq!(plan.next_page, None);
        let [(0, selection)] = plan.selections.as_slice() else { panic!("{:?}", plan.selections) };
        assert_eq!(selection.group_by, [GroupBy::Project, GroupBy::Model]);
        assert_eq!((selection.origin.0, selection.width), (DAY, DAY));
    }

    #[test]
    fn without_an_end_the_bucket_that_is_now_is_the_last() {
        let query = query(DAY, None, BucketWidth::Day, None);
        let plan = plan(&query, day_limits(), &TimeZone::UTC, Timestamp(2 * DAY + 1)).unwrap();
        assert_eq!(plan.bounds, [(DAY, 2 * DAY), (2 * DAY, 3 * DAY)]);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let field = |q: ReportQuery| {
            let error = plan(&q, day_limits(), &TimeZone::UTC, Timestamp(0)).unwrap_err();
            let BillingError::InvalidQuery { field, .. } = error else { panic!("{error:?}") };
            field
        };
        assert_eq!(field(query(DAY, Some(DAY), BucketWidth::Day, None)), "end_time");
        assert_eq!(field(query(-1, None, BucketWidth::Day, None)), "start_time");
        assert_eq!(field(query(0, None, BucketWidth::Day, Some(32))), "limit");
        assert_eq!(field(query(0, None, BucketWidth::Day, Some(0))), "limit");
        for page in ["page_", "page_zz", "nonsense", "page_5", "page_-5265c00"] {
            let q = ReportQuery {
                page: Some(page.to_owned()),
                ..query(0, Some(9 * DAY), BucketWidth::Day, None)
            };
            assert_eq!(field(q), "page", "{page}");
        }
        assert!("2d".parse::<BucketWidth>().is_err());
    }

    proptest! {
        #[test]
        fn pages_cover_the_whole_time_once_day_by_day_of_the_zone(
            start in 0..20_000 * DAY,
            length in 1..40 * DAY,
            limit in 1_u32..31,
            name in prop_oneof![
                Just("UTC"), Just("Asia/Kolkata"), Just("Europe/Berlin"), Just("America/Santiago"),
                Just("Australia/Lord_Howe"), Just("America/St_Johns"),
            ],
        ) {
            let zone = TimeZone::get(name).unwrap();
            let base = query(start, Some(start + length), BucketWidth::Day, Some(limit));
            let (mut page, mut at) = (None, start);
            loop {
                let q = ReportQuery { page: page.take(), ..base.clone() };
                let plan = plan(&q, day_limits(), &zone, Timestamp(0)).unwrap();
                prop_assert!(plan.bounds.len() <= limit as usize);
                for (index, (from, until)) in plan.bounds.iter().enumerate() {
                    prop_assert_eq!(*from, at);
                    prop_assert!(until > from);
                    let (first, next) = BucketWidth::Day.bucket(*from, &zone);
                    prop_assert!(first <= *from && *until <= next, "it is of one day");
                    at = *until;
                    // The selection that its events are in puts its first and its last moment into this bucket.
                    let index = i64::try_from(index).unwrap();
                    for moment in [*from, until - 1] {
                        let is_in = |s: &Selection| (s.from.0..s.until.0).contains(&moment);
                        let (before, selection) = plan.selections.iter().find(|(_, s)| is_in(s)).unwrap();
                        prop_assert_eq!(before + (moment - selection.origin.0) / selection.width, index);
                    }
                }
                match plan.next_page {
                    Some(next) => page = Some(next),
                    None => break,
                }
            }
            prop_assert_eq!(at, start + length);
        }
    }
}
