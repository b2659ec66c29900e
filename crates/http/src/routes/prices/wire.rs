//! Price lists as they are written: every price and every per cent is an exact decimal text.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenfold_billing::{Discounts, OffPeak, PriceList, Rate, SetPrices, Terms, Tier};
use tenfold_catalog::{Nanos, nanos_from_decimal};
use tenfold_kernel::{Currency, Timestamp, Unit};
use tenfold_protocol::usage_report::{
    OffPeakTime, PriceDiscounts, PriceListObject, PricePackage, PriceTier, SetPriceList, UnitPrice,
};

use crate::error::ApiError;

/// A per cent, of the ten-thousandths that discounts are counted in, in nano-units of one per cent.
const HUNDREDTH: i64 = 10_000_000;

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Reads prices exactly, each field refused by its name.
pub(super) fn read(deployment: Arc<str>, body: &SetPriceList) -> Result<SetPrices, ApiError> {
    let currency = Currency::parse(&body.currency)
        .map_err(|error| ApiError::invalid("currency", format!("{error}.")))?;
    let mut variants = BTreeMap::new();
    for (variant, prices) in &body.variants {
        let shown: String = variant.chars().take(64).collect();
        variants.insert(variant.as_str().into(), rates(&format!("variants.{shown}"), prices)?);
    }
    let terms = Terms {
        prices: rates("per_million", &body.per_million)?,
        variants,
        discounts: body.discounts.as_ref().map(discounts).transpose()?.unwrap_or_default(),
    };
    let effective_at = body.effective_at.map(Timestamp::from_secs);
    Ok(SetPrices { deployment, currency, terms, effective_at })
}

/// The object of a list in force, without what follows it.
pub(super) fn written(list: &PriceList) -> PriceListObject {
    let variants = list.terms.variants.iter();
    PriceListObject {
        object: "price_list".to_owned(),
        id: list.version.to_string(),
        model: list.deployment.to_string(),
        currency: list.currency.to_string(),
        per_million: prices(&list.terms.prices),
        variants: variants.map(|(name, of)| (name.to_string(), prices(of))).collect(),
        discounts: (list.terms.discounts != Discounts::default())
            .then(|| written_discounts(&list.terms.discounts)),
        effective_at: list.effective_at.secs(),
        created_at: list.created_at.secs(),
        other_currencies: Vec::new(),
        scheduled: Vec::new(),
    }
}

fn invalid(field: &str, reason: &dyn std::fmt::Display) -> ApiError {
    ApiError::invalid(field, format!("{reason}.")).with_code("invalid_value")
}

fn rates(field: &str, prices: &BTreeMap<String, UnitPrice>) -> Result<BTreeMap<Unit, Rate>, ApiError> {
    let mut rates = BTreeMap::new();
    for (unit, price) in prices {
        let field = format!("{field}.{}", unit.chars().take(64).collect::<String>());
        let unit: Unit = unit.parse().map_err(|_| {
            let known: Vec<&str> = Unit::ALL.into_iter().map(Unit::as_str).collect();
            invalid(&field, &format!("Prices are for one of {}", known.join(", ")))
        })?;
        rates.insert(unit, rate(&field, price)?);
    }
    Ok(rates)
}

fn rate(field: &str, price: &UnitPrice) -> Result<Rate, ApiError> {
    let nanos = |text: &str| nanos_from_decimal(text).map_err(|error| invalid(field, &error));
    let tiers = |tiers: &[PriceTier]| {
        let tier = |tier: &PriceTier| Ok(Tier { up_to: tier.up_to, per_million: nanos(&tier.per_million)? });
        tiers.iter().map(tier).collect::<Result<Vec<_>, ApiError>>()
    };
    Ok(match price {
        UnitPrice::Flat(text) => Rate::Flat(nanos(text)?),
        UnitPrice::Graduated { graduated } => Rate::Graduated { graduated: tiers(graduated)? },
        UnitPrice::Volume { volume } => Rate::Volume { volume: tiers(volume)? },
        UnitPrice::Package { package } => Rate::Package { size: package.size, nanos: nanos(&package.price)? },
    })
}

fn prices(rates: &BTreeMap<Unit, Rate>) -> BTreeMap<String, UnitPrice> {
    let decimal = |nanos: i64| Nanos(nanos).to_string();
    let tiers = |tiers: &[Tier]| {
        let tier = |tier: &Tier| PriceTier { up_to: tier.up_to, per_million: decimal(tier.per_million) };
        tiers.iter().map(tier).collect()
    };
    let price = |rate: &Rate| match rate {
        Rate::Flat(nanos) => UnitPrice::Flat(decimal(*nanos)),
        Rate::Graduated { graduated } => UnitPrice::Graduated { graduated: tiers(graduated) },
        Rate::Volume { volume } => UnitPrice::Volume { volume: tiers(volume) },
        Rate::Package { size, nanos } => {
            UnitPrice::Package { package: PricePackage { size: *size, price: decimal(*nanos) } }
        }
    };
    rates.iter().map(|(unit, rate)| (unit.as_str().to_owned(), price(rate))).collect()
}

fn discounts(written: &PriceDiscounts) -> Result<Discounts, ApiError> {
    let mut off_peak = Vec::new();
    for (place, quiet) in written.off_peak.iter().enumerate() {
        off_peak.push(quiet_time(&format!("discounts.off_peak[{place}]"), quiet)?);
    }
    let mut service_tiers = BTreeMap::new();
    for (tier, paid) in &written.service_tier_percent {
        let field = format!("discounts.service_tier_percent.{}", tier.chars().take(64).collect::<String>());
        service_tiers.insert(tier.clone(), percent(&field, paid)?);
    }
    let batch = written.batch_percent.as_deref().map(|text| percent("discounts.batch_percent", text));
    Ok(Discounts { batch: batch.transpose()?, off_peak, service_tiers })
}

fn quiet_time(field: &str, quiet: &OffPeakTime) -> Result<OffPeak, ApiError> {
    let mut weekdays = Vec::new();
    for day in &quiet.weekdays {
        let number = (1..).zip(WEEKDAYS).find(|(_, name)| name == day).map(|(number, _)| number);
        let field = format!("{field}.weekdays");
        weekdays.push(
            number.ok_or_else(|| invalid(&field, &format!("Days are one of {}", WEEKDAYS.join(", "))))?,
        );
    }
    Ok(OffPeak {
        discount: percent(&format!("{field}.percent"), &quiet.percent)?,
        weekdays,
        from: minute(&format!("{field}.from"), &quiet.from)?,
        to: minute(&format!("{field}.to"), &quiet.to)?,
        time_zone: quiet.time_zone.clone(),
    })
}

fn written_discounts(discounts: &Discounts) -> PriceDiscounts {
    let off_peak = |quiet: &OffPeak| OffPeakTime {
        percent: written_percent(quiet.discount),
        weekdays: (1..)
            .zip(WEEKDAYS)
            .filter(|(number, _)| quiet.weekdays.contains(number))
            .map(|(_, name)| name.to_owned())
            .collect(),
        from: written_minute(quiet.from),
        to: written_minute(quiet.to),
        time_zone: quiet.time_zone.clone(),
    };
    let tiers = discounts.service_tiers.iter();
    PriceDiscounts {
        batch_percent: discounts.batch.map(written_percent),
        off_peak: discounts.off_peak.iter().map(off_peak).collect(),
        service_tier_percent: tiers.map(|(name, paid)| (name.clone(), written_percent(*paid))).collect(),
    }
}

/// A per cent as ten-thousandths.
fn percent(field: &str, text: &str) -> Result<u32, ApiError> {
    let wrong = || invalid(field, &"A per cent is a decimal text with at most two digits after the point");
    let nanos = nanos_from_decimal(text).map_err(|_| wrong())?;
    match u32::try_from(nanos / HUNDREDTH) {
        Ok(hundredths) if nanos % HUNDREDTH == 0 => Ok(hundredths),
        _ => Err(wrong()),
    }
}

fn written_percent(hundredths: u32) -> String {
    Nanos(i64::from(hundredths) * HUNDREDTH).to_string()
}

/// `22:30` as a minute of the day; `24:00` is its end.
fn minute(field: &str, text: &str) -> Result<u16, ApiError> {
    let parsed = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2);
    let parsed =
        parsed.and_then(|(hour, minute)| Some((hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?)));
    match parsed {
        Some((hour, minute)) if minute < 60 && hour * 60 + minute <= 1440 => Ok(hour * 60 + minute),
        _ => Err(invalid(field, &"A time of the day is written as `22:30`")),
    }
}

fn written_minute(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(unit: &str, price: &str) -> SetPriceList {
        serde_json::from_value(json!({"currency": "usd", "per_million": {unit: price}})).unwrap()
    }

    #[test]
    fn whatever_a_list_says_is_read_and_written_exactly() {
        let wire = json!({
            "currency": "CNY",
            "per_million": {
                "input_tokens": {"volume": [{"up_to": 200_000, "per_million": "1.25"}, {"per_million": "2.5"}]},
                "output_tokens": {"graduated": [{"up_to": 10, "per_million": "0"}, {"per_million": "0.150000001"}]},
                "images": "40000",
                "pages": {"package": {"size": 10, "price": "0.1"}},
            },
            "variants": {"1024x1024/high": {"images": "80000"}},
            "discounts": {
                "batch_percent": "50",
                "off_peak": [{"percent": "12.25", "weekdays": ["sat", "sun"], "from": "22:30", "to": "06:00",
                    "time_zone": "Asia/Shanghai"}],
                "service_tier_percent": {"flex": "50", "priority": "175"},
            },
        });
        let new = read("m".into(), &serde_json::from_value(wire.clone()).unwrap()).unwrap();
        assert_eq!(new.terms.discounts.off_peak[0].discount, 1_225);
        assert_eq!(new.terms.discounts.service_tiers["priority"], 17_500);
        new.terms.check().unwrap();
        let list = PriceList {
            deployment: "m".into(),
            version: "price_1".into(),
            currency: new.currency,
            terms: new.terms,
            effective_at: Timestamp(2_000),
            created_at: Timestamp(1_000),
        };
        let object = serde_json::to_value(written(&list)).unwrap();
        for field in ["currency", "per_million", "variants", "discounts"] {
            assert_eq!(object[field], wire[field]);
        }
        assert_eq!(object["effective_at"], 2);
    }

    #[test]
    fn what_is_wrong_is_refused_by_name() {
        let field = |body: SetPriceList| read("m".into(), &body).unwrap_err().body().error.param.unwrap();
        assert_eq!(field(body("input_tokens", "-1")), "per_million.input_tokens");
        assert_eq!(field(body("apples", "1")), "per_million.apples");
        assert_eq!(
            field(SetPriceList { currency: "dollars".to_owned(), ..body("requests", "1") }),
            "currency"
        );
        let discounts = |discounts: serde_json::Value| {
            let discounts = Some(serde_json::from_value(discounts).unwrap());
            field(SetPriceList { discounts, ..body("requests", "1") })
        };
        assert_eq!(discounts(json!({"batch_percent": "0.001"})), "discounts.batch_percent");
        let quiet = |from: &str, day: &str| {
            discounts(json!({"off_peak": [{"percent": "1", "weekdays": [day], "from": from, "to": "24:00",
                "time_zone": "UTC"}]}))
        };
        assert_eq!(quiet("7:00", "mon"), "discounts.off_peak[0].from");
        assert_eq!(quiet("24:01", "mon"), "discounts.off_peak[0].from");
        assert_eq!(quiet("07:00", "monday"), "discounts.off_peak[0].weekdays");
    }
}
