//! What every store of orders does.

use std::sync::Arc;

use tenfold_kernel::{Currency, Money, OrganizationId, Rng, Timestamp, base62};

use crate::checkout::{
    AutoRecharge, PaymentMethod, PaymentOrder, PaymentStatus, PaymentStore, Purpose, RechargeStatus,
    RechargeStore, Return, ReturnKind, UnderWay,
};

fn order(organization: &OrganizationId, rng: &dyn Rng, created_at: i64) -> PaymentOrder {
    PaymentOrder {
        id: format!("pay_{}", base62(rng, 24)).into(),
        organization: organization.clone(),
        purpose: Purpose::TopUp,
        provider: "stripe".into(),
        money: Money::new(12_340_000_000, Currency::USD),
        status: PaymentStatus::Pending,
        failure: None,
        provider_order_id: None,
        returns: Vec::new(),
        created_at: Timestamp(created_at),
        expires_at: Timestamp(created_at + 3_600_000),
        revision: 0,
    }
}

/// Orders come back as they were kept, newest first in pages without gaps, and an id is kept once.
pub async fn orders_come_back_as_they_were_kept(store: &dyn PaymentStore, rng: &dyn Rng) {
    let (org, other) = (OrganizationId::generate(rng), OrganizationId::generate(rng));
    // Several of the same moment, which only their ids tell apart.
    let mut kept: Vec<PaymentOrder> = [5, 7, 7, 7, 9].map(|at| order(&org, rng, at)).to_vec();
    kept[1].purpose = Purpose::AutoRecharge;
    kept[2].purpose = Purpose::Invoice("inv_1".into());
    kept.push(order(&other, rng, 6));
    for one in &kept {
        store.insert(one).await.unwrap();
        assert_eq!(store.get(&one.id).await.unwrap().as_ref(), Some(one));
        assert!(store.insert(&PaymentOrder { created_at: Timestamp(1), ..one.clone() }).await.is_err());
        assert_eq!(store.get(&one.id).await.unwrap().as_ref(), Some(one), "the first one stays");
    }
    assert_eq!(store.get("pay_of_nobody").await.unwrap(), None);
    kept.pop();
    kept.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    assert_eq!(store.list(&org, None, 10).await.unwrap(), kept);
    let mut paged: Vec<PaymentOrder> = Vec::new();
    loop {
        let last = paged.last().map(|order| (order.created_at, Arc::clone(&order.id)));
        let before = last.as_ref().map(|(at, id)| (*at, &**id));
        let page = store.list(&org, before, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, kept);
}

/// Of changes that know the same revision one is kept, whole, and the others are told.
pub async fn an_order_is_changed_by_who_knows_it(store: &dyn PaymentStore, rng: &dyn Rng) {
    let org = OrganizationId::generate(rng);
    let first = order(&org, rng, 5);
    assert!(!store.update(&first).await.unwrap(), "what is not kept cannot be changed");
    store.insert(&first).await.unwrap();
    for status in [
        PaymentStatus::Failed,
        PaymentStatus::Expired,
        PaymentStatus::Paid,
        PaymentStatus::Refunded,
        PaymentStatus::ChargedBack,
        PaymentStatus::Pending,
    ] {
        let known = store.get(&first.id).await.unwrap().unwrap();
        let mut returns = known.returns.clone();
        let kind = if returns.len() % 2 == 0 { ReturnKind::Refund } else { ReturnKind::Chargeback };
        returns.push(Return { event: format!("\"{}\":1", returns.len()).into(), kind, nanos: 7 });
        let changed = PaymentOrder {
            status,
            failure: Some(format!("not_{}", status.as_str()).into()),
            provider_order_id: Some(status.as_str().into()),
            returns,
            ..known.clone()
        };
        assert!(store.update(&changed).await.unwrap());
        let read = store.get(&first.id).await.unwrap().unwrap();
        assert_eq!(read, PaymentOrder { revision: known.revision + 1, ..changed.clone() });
        assert!(!store.update(&changed).await.unwrap(), "it knows an old revision");
        assert!(!store.update(&known).await.unwrap(), "it knows an old revision");
        assert_eq!(store.get(&first.id).await.unwrap(), Some(read));
    }
    let known = store.get(&first.id).await.unwrap().unwrap();
    let changes = (0..8).map(|n| {
        let changed = PaymentOrder { provider_order_id: Some(format!("race_{n}").into()), ..known.clone() };
        async move { store.update(&changed).await.unwrap() }
    });
    let won = futures::future::join_all(changes).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
}

/// A way to pay is kept once, and forgotten by its own organisation alone.
pub async fn a_way_to_pay_is_kept_once(store: &dyn RechargeStore, rng: &dyn Rng) {
    let (org, other) = (OrganizationId::generate(rng), OrganizationId::generate(rng));
    let method = |organization: &OrganizationId, reference: &str, at: i64| PaymentMethod {
        id: format!("pay_method_{}", base62(rng, 24)).into(),
        organization: organization.clone(),
        provider: "stripe".into(),
        reference: reference.into(),
        created_at: Timestamp(at),
    };
    let (first, second) = (method(&org, "cus_1:pm_1", 5), method(&org, "cus_1:pm_2", 6));
    // Several organisations may pay by the same card.
    let others = method(&other, "cus_1:pm_1", 7);
    for one in [&second, &first, &others, &method(&org, "cus_1:pm_1", 9)] {
        store.put_method(one).await.unwrap();
    }
    assert_eq!(store.methods(&org).await.unwrap(), [first.clone(), second.clone()]);
    assert!(!store.delete_method(&other, &first.id).await.unwrap(), "it is not theirs");
    assert!(store.delete_method(&org, &first.id).await.unwrap());
    assert!(!store.delete_method(&org, &first.id).await.unwrap());
    assert_eq!(store.methods(&org).await.unwrap(), [second]);
    assert_eq!(store.methods(&other).await.unwrap(), [others]);
}

/// Of changes that know the same revision one is kept, and what has nothing to do is not looked at.
pub async fn a_recharge_is_changed_by_who_knows_it(store: &dyn RechargeStore, rng: &dyn Rng) {
    let mut orgs: Vec<OrganizationId> = (0..3).map(|_| OrganizationId::generate(rng)).collect();
    orgs.sort();
    let recharge = |organization: &OrganizationId| AutoRecharge {
        organization: organization.clone(),
        status: RechargeStatus::On,
        method: "pay_method_1".into(),
        money: Money::new(20_000_000_000, Currency::USD),
        threshold: 5_000_000_000,
        monthly_limit: Some(100_000_000_000),
        month: Timestamp(1),
        charged: 2,
        order: None,
        failures: 1,
        failure: Some("card_declined".into()),
        retry_at: Timestamp(9),
        revision: 0,
    };
    assert_eq!(store.recharge(&orgs[0]).await.unwrap(), None);
    assert!(!store.update_recharge(&recharge(&orgs[0])).await.unwrap(), "what is not kept cannot be changed");
    for org in &orgs {
        assert!(store.insert_recharge(&recharge(org)).await.unwrap());
        assert!(!store.insert_recharge(&AutoRecharge { charged: 7, ..recharge(org) }).await.unwrap());
        assert_eq!(store.recharge(org).await.unwrap(), Some(recharge(org)));
    }
    let under_way = UnderWay {
        order: "pay_1".into(),
        provider: "stripe".into(),
        reference: "cus_1:pm_1".into(),
        money: Money::new(20_000_000_000, Currency::USD),
    };
    let changes = (0..8).map(|n| {
        let changed = AutoRecharge { charged: n, order: Some(under_way.clone()), ..recharge(&orgs[0]) };
        async move { store.update_recharge(&changed).await.unwrap() }
    });
    let won = futures::future::join_all(changes).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let known = store.recharge(&orgs[0]).await.unwrap().unwrap();
    assert_eq!((known.revision, &known.order), (1, &Some(under_way)));

    // Off with an order under way is looked at; off without one is not.
    let off = |org: &OrganizationId| AutoRecharge { status: RechargeStatus::Off, ..recharge(org) };
    let known = AutoRecharge { status: RechargeStatus::Off, ..known };
    assert!(store.update_recharge(&known).await.unwrap());
    assert!(store.update_recharge(&off(&orgs[1])).await.unwrap());
    let mut live = Vec::new();
    loop {
        let page = store.recharges(live.last(), 1).await.unwrap();
        if page.is_empty() {
            break;
        }
        live.extend(page.into_iter().map(|one| one.organization));
    }
    // Other suites use the same store.
    live.retain(|org| orgs.contains(org));
    // A database may have another order of letters.
    live.sort();
    assert_eq!(live, [orgs[0].clone(), orgs[2].clone()]);
}
