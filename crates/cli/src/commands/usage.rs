//! `usage`: what was used and what it cost.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tenfold_kernel::Timestamp;

use super::Session;
use crate::args::{By, UsageArgs};
use crate::client::{Access, Client, typed};
use crate::failure::Failure;
use crate::money::{Amount, Sums};
use crate::table::{self, number, text};

const DAY: i64 = 86_400;

#[derive(Debug, Deserialize)]
struct Page {
    data: Vec<Value>,
    #[serde(default)]
    next_page: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Bucket<R> {
    #[serde(default = "Vec::new")]
    results: Vec<R>,
}

/// Whatever the rows are told apart by.
#[derive(Debug, Deserialize)]
struct Group {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    line_item: Option<String>,
    #[serde(default)]
    project_id: Option<String>,
    #[serde(default)]
    api_key_id: Option<String>,
}

impl Group {
    fn name(self, by: By) -> String {
        let name = match by {
            By::Model => self.model.or(self.line_item),
            By::Project => self.project_id,
            By::ApiKey => self.api_key_id,
        };
        name.unwrap_or_else(|| "-".to_owned())
    }
}

#[derive(Debug, Deserialize)]
struct UsageRow {
    #[serde(flatten)]
    group: Group,
    #[serde(default)]
    num_model_requests: u64,
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    input_cached_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

#[derive(Debug, Deserialize)]
struct CostRow {
    #[serde(flatten)]
    group: Group,
    #[serde(default)]
    amount: Option<Amount>,
}

#[derive(Debug, Default)]
struct Row {
    requests: u64,
    input: u64,
    cached: u64,
    output: u64,
    cost: Sums,
}

pub(super) async fn run(args: &UsageArgs, now: Timestamp, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let today = now.secs().div_euclid(DAY) * DAY;
    let start = today - DAY * i64::from(args.days - 1);
    let (of_usage, of_costs) = match args.by {
        By::Model => ("model", "line_item"),
        By::Project => ("project_id", "project_id"),
        By::ApiKey => ("api_key_id", "api_key_id"),
    };
    let completions = pages(&client, &["usage", "completions"], start, of_usage, args.days).await?;
    let embeddings = pages(&client, &["usage", "embeddings"], start, of_usage, args.days).await?;
    let costs = pages(&client, &["costs"], start, of_costs, args.days).await?;
    if json {
        let all = json!({"completions": completions, "embeddings": embeddings, "costs": costs});
        return Ok(terminal.json(&all)?);
    }
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut total = Row::default();
    for bucket in completions.into_iter().chain(embeddings) {
        for result in typed::<Bucket<UsageRow>>(bucket)?.results {
            let of = [rows.entry(result.group.name(args.by)).or_default(), &mut total];
            for row in of {
                row.requests = row.requests.saturating_add(result.num_model_requests);
                row.input = row.input.saturating_add(result.input_tokens);
                row.cached = row.cached.saturating_add(result.input_cached_tokens);
                row.output = row.output.saturating_add(result.output_tokens);
            }
        }
    }
    for bucket in costs {
        for result in typed::<Bucket<CostRow>>(bucket)?.results {
            if let Some(amount) = &result.amount {
                rows.entry(result.group.name(args.by)).or_default().cost.add(amount)?;
            }
        }
    }
    for row in rows.values() {
        total.cost.add_all(&row.cost)?;
    }
    let head = match args.by {
        By::Model => "MODEL",
        By::Project => "PROJECT",
        By::ApiKey => "API KEY",
    };
    let line = |name: &str, row: &Row| {
        let counts = [row.requests, row.input, row.cached, row.output].map(|count| count.to_string());
        [name.to_owned()].into_iter().chain(counts).chain([row.cost.to_string()]).collect::<Vec<_>>()
    };
    let mut lines: Vec<Vec<String>> = rows.iter().map(|(name, row)| line(name, row)).collect();
    if lines.len() > 1 {
        lines.push(line("total", &total));
    }
    let columns =
        [text(head), number("REQUESTS"), number("INPUT"), number("CACHED"), number("OUTPUT"), number("COST")];
    Ok(table::print(terminal, &columns, &lines, "Nothing was used in this time.")?)
}

/// All buckets of a report, page after page.
async fn pages(
    client: &Client,
    report: &[&str],
    start: i64,
    group_by: &str,
    days: u32,
) -> Result<Vec<Value>, Failure> {
    let segments: Vec<&str> = ["v1", "organization"].iter().chain(report).copied().collect();
    let mut buckets = Vec::new();
    let mut next: Option<String> = None;
    // A page has at least one day.
    for _ in 0..=days {
        let mut query = vec![
            ("start_time", start.to_string()),
            ("bucket_width", "1d".to_owned()),
            ("limit", days.min(31).to_string()),
            ("group_by", group_by.to_owned()),
        ];
        query.extend(next.take().map(|page| ("page", page)));
        let page: Page = typed(client.get(&segments, &query, Access::Admin).await?)?;
        buckets.extend(page.data);
        match page.next_page {
            Some(page) => next = Some(page),
            None => break,
        }
    }
    Ok(buckets)
}
