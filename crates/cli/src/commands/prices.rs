//! `prices`: what models cost.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tenfold_protocol::usage_report::{PriceListObject, PriceTier, UnitPrice};

use super::Session;
use crate::args::{PricesArgs, PricesCommand};
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, date, number, text};
use crate::terminal::Terminal;

pub(super) async fn run(args: PricesArgs, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    match args.command {
        PricesCommand::List => {
            let query = [("limit", "100".to_owned())];
            let lists = client.list(&["v1", "prices"], &query, Access::Admin).await?;
            if json {
                return Ok(terminal.json(&lists.into())?);
            }
            print(terminal, &typed::<Vec<PriceListObject>>(lists.into())?)
        }
        PricesCommand::Show { model } => {
            let list = client.get(&["v1", "prices", &model], &[], Access::Admin).await?;
            shown(terminal, json, list)
        }
        PricesCommand::Set { model, prices, currency, file } => {
            let body = match file {
                Some(file) => from_file(&file)?,
                None => json!({"currency": currency, "per_million": from_words(&prices)?}),
            };
            let path = ["v1", "prices", &model];
            let request = client.request(Method::PUT, &path, &[], Access::Admin)?.json(&body);
            shown(terminal, json, client.json(request).await?)
        }
    }
}

fn shown(terminal: &mut Terminal, json: bool, list: Value) -> Result<(), Failure> {
    if json {
        return Ok(terminal.json(&list)?);
    }
    let mut list: PriceListObject = typed(list)?;
    let mut lists = std::mem::take(&mut list.other_currencies);
    lists.append(&mut list.scheduled);
    lists.insert(0, list);
    print(terminal, &lists)
}

/// A line for each unit, in each variant, of each list.
fn print(terminal: &mut Terminal, lists: &[PriceListObject]) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for list in lists {
        let variants = list.variants.iter().map(|(variant, prices)| (variant.as_str(), prices));
        for (variant, prices) in [("", &list.per_million)].into_iter().chain(variants) {
            for (unit, price) in prices {
                let cell = |text: &str| text.to_owned();
                rows.push(vec![
                    list.model.clone(),
                    cell(unit),
                    cell(variant),
                    written(price),
                    list.currency.clone(),
                    date(list.effective_at),
                ]);
            }
        }
    }
    let columns =
        [text("MODEL"), text("UNIT"), text("VARIANT"), number("PER MILLION"), text("CURRENCY"), text("FROM")];
    Ok(table::print(terminal, &columns, &rows, "There are no prices: all models are free.")?)
}

fn written(price: &UnitPrice) -> String {
    let tiers = |tiers: &[PriceTier], word: &str| {
        let tier = |tier: &PriceTier| match tier.up_to {
            Some(end) => format!("{} to {end}", tier.per_million),
            None => format!("{} {word}", tier.per_million),
        };
        tiers.iter().map(tier).collect::<Vec<_>>().join(", ")
    };
    match price {
        UnitPrice::Flat(price) => price.clone(),
        UnitPrice::Graduated { graduated } => tiers(graduated, "for those beyond"),
        UnitPrice::Volume { volume } => tiers(volume, "for all when beyond"),
        UnitPrice::Package { package } => format!("{} for {}", package.price, package.size),
    }
}

fn from_file(file: &Path) -> Result<Value, Failure> {
    let wrong = |what: String| Failure::Usage { message: format!("{}: {what}", file.display()) };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}

fn from_words(words: &[String]) -> Result<BTreeMap<&str, &str>, Failure> {
    let wrong = |word: &String| {
        let message = format!("`{word}` is not a unit and a price; write `input_tokens=0.15`");
        Failure::Usage { message }
    };
    words.iter().map(|word| word.split_once('=').ok_or_else(|| wrong(word))).collect()
}
