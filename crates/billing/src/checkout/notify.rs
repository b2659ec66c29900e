//! Deals with what a provider says.

use std::error::Error as _;
use std::sync::Arc;

use tenfold_kernel::Money;

use super::{
    Acknowledgement, Checkout, Notification, OrderNews, PaymentEvent, PaymentOrder, PaymentStatus, Purpose,
    RefundExtent, Return, ReturnKind, Verified, is_order_id,
};
use crate::error::BillingError;
use crate::invoice::return_key;
use crate::ledger::{AccountId, AccountKind, EntryKind, Move, Post, Source};

/// How often an order is read again that somebody else changed meanwhile.
const TRIES: usize = 8;

impl Checkout {
    /// Deals with a notification of `provider` and says what it wants to read; nothing for a provider that is not
    /// configured.
    ///
    /// What is verified and odd changes nothing and counts as dealt with, since it would be as odd when it came again.
    /// What could not be verified or entered does not, so that it comes again.
    pub async fn notify(&self, provider: &str, notification: &Notification) -> Option<Acknowledgement> {
        let gateway = self.gateway(provider)?;
        let provider = gateway.name();
        let done = match gateway.verify(notification).await {
            Ok(verified) => self.enter(provider, verified).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &done {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(provider, %error, cause, "a payment notification was not dealt with");
        }
        Some(gateway.acknowledge(done.is_ok()))
    }

    /// Enters what is news.
    pub(super) async fn enter(&self, provider: &'static str, verified: Verified) -> Result<(), BillingError> {
        let Some(news) = verified.news else { return Ok(()) };
        for _ in 0..TRIES {
            let Some(mut order) = self.order_of(provider, &news).await? else { return Ok(()) };
            let before = order.clone();
            self.apply(&mut order, &verified.event_id, &news).await?;
            if order == before || self.store.update(&order).await? {
                if let Some(reference) = news.saved_method.as_deref().filter(|_| order.status.was_paid()) {
                    self.keep_method(&order, reference).await?;
                }
                // All of them, also when nothing is new: whoever noted one may have died before it was entered.
                return self.take_back(&order).await;
            }
        }
        let source = "others keep changing it".into();
        Err(BillingError::Unavailable { action: "change an order", source })
    }

    /// The order that the news is about, if it is about one of ours and says what was ordered.
    async fn order_of(
        &self,
        provider: &'static str,
        news: &OrderNews,
    ) -> Result<Option<PaymentOrder>, BillingError> {
        let kept = if is_order_id(&news.order_id) { self.store.get(&news.order_id).await? } else { None };
        let Some(order) = kept else {
            tracing::warn!(provider, "a payment notification is ignored: its order is unknown");
            return Ok(None);
        };
        let odd = if *order.provider != *provider {
            Some("the order is another provider's")
        } else if news.money.currency != order.money.currency {
            Some("its currency is not the order's")
        } else if news.money.nanos != order.money.nanos {
            Some("its amount is not the order's")
        } else {
            match news.what {
                PaymentEvent::Refunded { money, .. }
                | PaymentEvent::ChargedBack { money }
                | PaymentEvent::Reinstated { money }
                    if money.currency != order.money.currency || money.nanos <= 0 =>
                {
                    Some("what it says went back cannot be")
                }
                _ => None,
            }
        };
        if let Some(reason) = odd {
            tracing::warn!(provider, order = %order.id, reason, "a payment notification is ignored");
            return Ok(None);
        }
        Ok(Some(order))
    }

    /// Changes `order` by the news, once its payment is in the ledger.
    async fn apply(
        &self,
        order: &mut PaymentOrder,
        event: &str,
        news: &OrderNews,
    ) -> Result<(), BillingError> {
        match news.what {
            PaymentEvent::Paid => self.credit(order, news).await,
            // What went back was paid before, even where that is told later: then its key is there already.
            PaymentEvent::Refunded { money, extent } => {
                self.credit(order, news).await?;
                self.note(order, event, ReturnKind::Refund, money, extent).await
            }
            PaymentEvent::ChargedBack { money } => {
                self.credit(order, news).await?;
                self.note(order, event, ReturnKind::Chargeback, money, RefundExtent::Single).await
            }
            PaymentEvent::Reinstated { money } => {
                if order.charged_back_nanos() == 0 && !order.returns.iter().any(|back| &*back.event == event)
                {
                    let source = "it came back before it went".into();
                    return Err(BillingError::Unavailable { action: "enter money of a dispute", source });
                }
                self.note(order, event, ReturnKind::Reinstatement, money, RefundExtent::Single).await
            }
            PaymentEvent::Failed => {
                if order.status == PaymentStatus::Pending {
                    order.status = PaymentStatus::Failed;
                }
                Ok(())
            }
            PaymentEvent::Expired => {
                if matches!(order.status, PaymentStatus::Pending | PaymentStatus::Failed) {
                    order.status = PaymentStatus::Expired;
                }
                Ok(())
            }
        }
    }

    /// Enters what was paid, once for the order. Money that came too late came all the same.
    async fn credit(&self, order: &mut PaymentOrder, news: &OrderNews) -> Result<(), BillingError> {
        if order.status.was_paid() {
            return Ok(());
        }
        if let Purpose::Invoice(invoice) = &order.purpose {
            self.billing.pay_invoice_by(invoice, order).await?;
        } else {
            self.billing.top_up(order.top_up()).await?;
        }
        order.status = PaymentStatus::Paid;
        order.provider_order_id = Some(news.provider_order_id.as_str().into());
        Ok(())
    }

    /// Notes what went back, if it was not noted before.
    async fn note(
        &self,
        order: &mut PaymentOrder,
        event: &str,
        kind: ReturnKind,
        money: Money,
        extent: RefundExtent,
    ) -> Result<(), BillingError> {
        if order.returns.iter().any(|back| &*back.event == event) {
            return Ok(());
        }
        // An administrator who has undone the payment has taken all of it back.
        let undone = format!("reversal:{}", self.entered(order).await?.0);
        if !self.billing.transaction(&order.organization, &undone).await?.is_empty() {
            tracing::warn!(order = %order.id, "a payment went back that had been reversed: nothing is entered");
            return Ok(());
        }
        let wanted = match extent {
            RefundExtent::Single => money.nanos,
            RefundExtent::Total => money.nanos - order.returned_nanos(kind),
        };
        let left = match kind {
            ReturnKind::Refund | ReturnKind::Chargeback => order.money.nanos - order.refunded_nanos(),
            ReturnKind::Reinstatement => order.charged_back_nanos(),
        };
        if wanted > left {
            tracing::warn!(order = %order.id, "more of a payment went back than was paid: the rest is ignored");
        }
        let nanos = wanted.min(left);
        if nanos > 0 {
            order.returns.push(Return { event: event.into(), kind, nanos });
        }
        order.status = if order.charged_back_nanos() > 0 {
            PaymentStatus::ChargedBack
        } else if order.refunded_nanos() == order.money.nanos {
            PaymentStatus::Refunded
        } else {
            PaymentStatus::Paid
        };
        Ok(())
    }

    /// Enters what went back: from the balance what is free, and the rest is owed; what had paid an invoice is owed again.
    /// What comes back once more is on the balance.
    async fn take_back(&self, order: &PaymentOrder) -> Result<(), BillingError> {
        if order.returns.is_empty() {
            return Ok(());
        }
        let currency = order.money.currency;
        let account = |kind: &AccountKind| AccountId::new(&order.organization, kind, currency);
        let (cash, balance) =
            (account(&AccountKind::Cash(Arc::clone(&order.provider))), AccountKind::Balance);
        let owed = Source::unbounded(account(&AccountKind::Receivable));
        // How much of it paid an invoice.
        let (entered, mut of_invoice) = self.entered(order).await?;
        for (place, back) in order.returns.iter().enumerate() {
            let taken = |from: Vec<Source>, nanos| Move { from, to: cash.clone(), nanos };
            let (kind, moves) = match back.kind {
                ReturnKind::Reinstatement => {
                    let from = vec![Source::unbounded(cash.clone())];
                    (EntryKind::Reversal, vec![Move { from, to: account(&balance), nanos: back.nanos }])
                }
                ReturnKind::Refund | ReturnKind::Chargeback => {
                    let again = of_invoice.min(back.nanos);
                    of_invoice -= again;
                    let kind = match back.kind {
                        ReturnKind::Chargeback => EntryKind::Chargeback,
                        _ => EntryKind::Refund,
                    };
                    let rest = vec![Source::funds(account(&balance)), owed.clone()];
                    (kind, vec![taken(vec![owed.clone()], again), taken(rest, back.nanos - again)])
                }
            };
            let transaction = match &order.purpose {
                Purpose::Invoice(_) if entered != order.transaction() => return_key(&entered, place),
                _ => format!("{}:{}", order.provider, back.event),
            };
            self.billing
                .post(Post {
                    transaction: transaction.into(),
                    kind,
                    organization: order.organization.clone(),
                    project: None,
                    currency,
                    moves,
                    reverses: Some(Arc::clone(&entered)),
                    memo: None,
                    now: self.billing.ports.clock.now(),
                })
                .await?;
        }
        Ok(())
    }

    /// The transaction that entered an order's payment, and how much of it paid an invoice.
    async fn entered(&self, order: &PaymentOrder) -> Result<(Arc<str>, i64), BillingError> {
        let by_invoice = match &order.purpose {
            Purpose::Invoice(invoice) => self.billing.invoice_payment_of(invoice, order).await?,
            Purpose::TopUp | Purpose::AutoRecharge => None,
        };
        Ok(by_invoice.unwrap_or_else(|| (order.transaction(), 0)))
    }
}
