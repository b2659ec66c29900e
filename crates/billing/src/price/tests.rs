use super::*;
use proptest::prelude::*;

fn list(prices: &[(Unit, i64)]) -> PriceList {
    PriceList {
        deployment: "m".into(),
        version: "v1".into(),
        currency: Currency::USD,
        terms: Terms {
            prices: prices.iter().map(|(unit, price)| (*unit, Rate::Flat(*price))).collect(),
            ..Terms::default()
        },
        effective_at: Timestamp(0),
        created_at: Timestamp(0),
    }
}

#[test]
fn a_price_is_rounded_half_up_once_for_the_whole_call() {
    // 0.15 USD a million input tokens and 0.60 USD a million output tokens.
    let list = list(&[(Unit::InputTokens, 150_000_000), (Unit::OutputTokens, 600_000_000)]);
    let cost = list.cost(&Units::new().with(Unit::InputTokens, 7).with(Unit::OutputTokens, 3)).unwrap();
    assert_eq!(cost, Money::new(7 * 150 + 3 * 600, Currency::USD));

    // Two halves of a nano-unit make one, since they are not rounded apart.
    let halves = self::list(&[(Unit::InputTokens, 500_000), (Unit::OutputTokens, 500_000)]);
    let cost = |i, o| {
        halves.cost(&Units::new().with(Unit::InputTokens, i).with(Unit::OutputTokens, o)).unwrap().nanos
    };
    assert_eq!((cost(1, 1), cost(1, 0), cost(0, 0), cost(3, 0)), (1, 1, 0, 2));
}

#[test]
fn what_has_no_price_is_free_and_what_is_not_known_has_no_cost() {
    let quote = |list| Quote::new(list, Currency::USD, &Occasion::default(), Timestamp(0));
    let priced = quote(Some(Arc::new(list(&[(Unit::OutputTokens, 1)]))));
    let free = quote(None);
    let units = Units::new().with(Unit::InputTokens, 1_000_000);
    assert_eq!(priced.cost(Some(&units)).unwrap(), Some(Money::new(0, Currency::USD)));
    assert_eq!(priced.cost(None).unwrap(), None);
    assert_eq!(free.cost(None).unwrap(), Some(Money::new(0, Currency::USD)));
    assert_eq!(free.version(), None);
    assert_eq!(priced.version().as_deref(), Some("v1"));
}

#[test]
fn a_cost_beyond_all_money_is_an_error() {
    let list = list(&[(Unit::InputTokens, i64::MAX), (Unit::OutputTokens, i64::MAX)]);
    let units = Units::new().with(Unit::InputTokens, u64::MAX).with(Unit::OutputTokens, u64::MAX);
    assert!(matches!(list.cost(&units), Err(BillingError::CostOverflow { .. })));
    let most = Units::new().with(Unit::InputTokens, 1_000_000);
    assert_eq!(list.cost(&most).unwrap().nanos, i64::MAX);
    let more = Units::new().with(Unit::InputTokens, 1_000_001);
    assert!(matches!(list.cost(&more), Err(BillingError::CostOverflow { .. })));
}

#[test]
fn negative_prices_are_refused() {
    let error = list(&[(Unit::InputTokens, -1)]).check().unwrap_err();
    assert!(matches!(error, BillingError::InvalidPrice { field: "prices", .. }));
}

fn some_units() -> impl Strategy<Value = Units> {
    proptest::collection::vec(0_u64..1_000_000_000, Unit::ALL.len()).prop_map(|counts| {
        Unit::ALL.into_iter().zip(counts).fold(Units::new(), |units, (unit, n)| units.with(unit, n))
    })
}

fn some_list() -> impl Strategy<Value = PriceList> {
    proptest::collection::vec(0_i64..1_000_000_000_000, Unit::ALL.len())
        .prop_map(|prices| list(&Unit::ALL.into_iter().zip(prices).collect::<Vec<_>>()))
}

fn flat(list: &PriceList, unit: Unit) -> i64 {
    match list.terms.prices[&unit] {
        Rate::Flat(price) => price,
        ref other => panic!("{other:?} is not what `some_list` makes"),
    }
}

proptest! {
    #[test]
    fn the_rounded_cost_is_within_half_a_nano_unit_of_the_exact_one(list in some_list(), units in some_units()) {
        let exact: i128 = units.iter().map(|(u, n)| i128::from(n) * i128::from(flat(&list, u))).sum();
        let rounded = i128::from(list.cost(&units).unwrap().nanos) * PER;
        prop_assert!((rounded - exact).abs() <= PER / 2, "{rounded} {exact}");
    }

    #[test]
    fn costs_add_up_to_a_nano_unit(list in some_list(), a in some_units(), b in some_units()) {
        let both = Unit::ALL.into_iter().fold(Units::new(), |units, unit| {
            units.with(unit, a.get(unit).unwrap() + b.get(unit).unwrap())
        });
        let apart = list.cost(&a).unwrap().nanos + list.cost(&b).unwrap().nanos;
        prop_assert!((list.cost(&both).unwrap().nanos - apart).abs() <= 1);
    }

    #[test]
    fn more_units_never_cost_less(list in some_list(), units in some_units(), more in 0_u64..1_000_000, which in 0..Unit::ALL.len()) {
        let unit = Unit::ALL[which];
        let larger = units.clone().with(unit, units.get(unit).unwrap() + more);
        prop_assert!(list.cost(&larger).unwrap().nanos >= list.cost(&units).unwrap().nanos);
    }
}

/// The price of each unit on its own, one after the other: slow, and obviously right. In millionths of a nano-unit.
fn one_by_one(rate: &Rate, count: u64) -> i128 {
    let tier = |tiers: &[Tier], nth: u64| {
        let tier = tiers.iter().find(|tier| tier.up_to.is_none_or(|end| nth <= end)).unwrap();
        i128::from(tier.per_million)
    };
    (1..=count)
        .map(|nth| match rate {
            Rate::Flat(price) => i128::from(*price),
            Rate::Graduated { graduated } => tier(graduated, nth),
            Rate::Volume { volume } => tier(volume, count),
            Rate::Package { size, nanos } if nth % size == 1 % size => i128::from(*nanos) * PER,
            Rate::Package { .. } => 0,
        })
        .sum()
}

fn some_tiers() -> impl Strategy<Value = Vec<Tier>> {
    (proptest::collection::btree_set(1_u64..400, 0..4), proptest::collection::vec(0_i64..1_000_000_000, 5))
        .prop_map(|(ends, prices)| {
            let ends = ends.into_iter().map(Some).chain([None]);
            ends.zip(prices).map(|(up_to, per_million)| Tier { up_to, per_million }).collect()
        })
}

fn some_rate() -> impl Strategy<Value = Rate> {
    prop_oneof![
        (0_i64..1_000_000_000).prop_map(Rate::Flat),
        some_tiers().prop_map(|graduated| Rate::Graduated { graduated }),
        some_tiers().prop_map(|volume| Rate::Volume { volume }),
        (1_u64..50, 0_i64..1_000_000).prop_map(|(size, nanos)| Rate::Package { size, nanos }),
    ]
}

fn quoted(
    prices: impl IntoIterator<Item = (Unit, Rate)>,
    discounts: Discounts,
    occasion: &Occasion,
) -> Quote {
    let terms = Terms { prices: prices.into_iter().collect(), discounts, ..Terms::default() };
    let list = PriceList { terms, ..list(&[]) };
    list.check().unwrap();
    Quote::new(Some(Arc::new(list)), Currency::USD, occasion, Timestamp(0))
}

proptest! {
    #[test]
    fn tiers_and_packages_cost_what_their_units_cost_one_by_one(rate in some_rate(), count in 0_u64..600) {
        prop_assert_eq!(rate.fault(), None);
        prop_assert_eq!(rate.parts(count), Some(one_by_one(&rate, count)));
    }

    #[test]
    fn no_call_costs_more_than_its_worst_case(
        rates in proptest::collection::vec(some_rate(), PROMPT.len()),
        counts in proptest::collection::vec(0_u64..100, PROMPT.len()),
        spare in 0_u64..100,
        off in 0_u32..10_000,
    ) {
        let discounts = Discounts { batch: Some(off), ..Discounts::default() };
        let occasion = Occasion { batch: true, ..Occasion::default() };
        let quote = quoted(PROMPT.into_iter().zip(rates), discounts, &occasion);
        let used = PROMPT.into_iter().zip(&counts).fold(Units::new(), |units, (unit, n)| units.with(unit, *n));
        let most = Units::new().with(Unit::InputTokens, counts.iter().sum::<u64>() + spare);
        let (cost, worst) = (quote.cost(Some(&used)).unwrap().unwrap(), quote.worst_case(&most).unwrap());
        prop_assert!(cost.nanos <= worst.nanos, "{cost} {worst}");
    }

    #[test]
    fn a_discount_is_taken_off_before_the_one_rounding(rate in some_rate(), count in 0_u64..600, off in 0_u32..=10_000) {
        let discounts = Discounts { batch: Some(off), ..Discounts::default() };
        let occasion = Occasion { batch: true, ..Occasion::default() };
        let quote = quoted([(Unit::Pages, rate.clone())], discounts, &occasion);
        let cost = quote.cost(Some(&Units::new().with(Unit::Pages, count))).unwrap().unwrap();
        let exact = one_by_one(&rate, count) * i128::from(WHOLE - off);
        let denominator = PER * i128::from(WHOLE);
        prop_assert!((i128::from(cost.nanos) * denominator - exact).abs() * 2 <= denominator);
    }
}

#[test]
fn a_picture_costs_what_its_size_and_quality_cost() {
    let terms = Terms {
        prices: [(Unit::Images, Rate::Flat(40_000_000_000_000))].into(),
        variants: [("1024x1024/high".into(), [(Unit::Images, Rate::Flat(80_000_000_000_000))].into())].into(),
        ..Terms::default()
    };
    let list = Arc::new(PriceList { terms, ..list(&[]) });
    let cost = |variant: Option<&str>| {
        let occasion = Occasion { variant: variant.map(Into::into), ..Occasion::default() };
        let quote = Quote::new(Some(list.clone()), Currency::USD, &occasion, Timestamp(0));
        let two = Units::new().with(Unit::Images, 2);
        assert_eq!(quote.cost(Some(&two)).unwrap(), Some(quote.worst_case(&two).unwrap()));
        quote.cost(Some(&two)).unwrap().unwrap().nanos
    };
    assert_eq!(cost(Some("1024x1024/high")), 160_000_000);
    assert_eq!(cost(Some("256x256/low")), 80_000_000, "what nobody thought of is not free");
    assert_eq!(cost(None), 80_000_000);
}

#[test]
fn a_variant_without_a_price_for_all_others_and_tiers_out_of_order_are_refused() {
    let refused = |terms: Terms| match terms.check().unwrap_err() {
        BillingError::InvalidPrice { field, .. } => field,
        other => panic!("{other}"),
    };
    let variants = [("high".into(), [(Unit::Images, Rate::Flat(1))].into())].into();
    assert_eq!(refused(Terms { variants, ..Terms::default() }), "variants");
    let tier = |up_to| Tier { up_to, per_million: 1 };
    for tiers in [
        vec![],
        vec![tier(Some(1))],
        vec![tier(None), tier(None)],
        vec![tier(Some(2)), tier(Some(2)), tier(None)],
        vec![tier(Some(0)), tier(None)],
    ] {
        let prices = [(Unit::Pages, Rate::Graduated { graduated: tiers })].into();
        assert_eq!(refused(Terms { prices, ..Terms::default() }), "prices");
    }
    let package = [(Unit::Pages, Rate::Package { size: 0, nanos: 1 })].into();
    assert_eq!(refused(Terms { prices: package, ..Terms::default() }), "prices");
}

#[test]
fn cached_tokens_of_pictures_are_charged_once() {
    // Buckets are disjoint: four of each kind are sixteen tokens, each at its own price.
    let kinds = [
        (Unit::InputTokens, 1_000_000),
        (Unit::CachedInputTokens, 100_000),
        (Unit::ImageInputTokens, 2_000_000),
        (Unit::CachedImageInputTokens, 200_000),
    ];
    let quote = quoted(
        kinds.map(|(unit, price)| (unit, Rate::Flat(price))),
        Discounts::default(),
        &Occasion::default(),
    );
    let used = kinds.iter().fold(Units::new(), |units, (unit, _)| units.with(*unit, 10));
    assert_eq!(quote.cost(Some(&used)).unwrap().unwrap().nanos, 10 + 1 + 20 + 2);
}
