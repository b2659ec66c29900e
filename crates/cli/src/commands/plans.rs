//! `plans`: what can be subscribed to, and what is left of what was.

use reqwest::Method;
use serde_json::{Value, json};
use tenfold_protocol::plans::{PlanObject, PlanWindow, SubscriptionObject};

use super::Session;
use crate::args::{PlansArgs, PlansCommand};
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, date, number, text};
use crate::terminal::printable;

const PLANS: [&str; 4] = ["v1", "organization", "billing", "plans"];
const SUBSCRIPTIONS: [&str; 4] = ["v1", "organization", "billing", "subscriptions"];

pub(super) async fn run(args: PlansArgs, mut session: Session<'_>) -> Result<(), Failure> {
    match args.command {
        PlansCommand::List => list(session).await,
        PlansCommand::Subscriptions => subscriptions(session).await,
        PlansCommand::Create { name, amount, currency, period, allow, models, stop } => {
            let windows: Vec<PlanWindow> = allow.into_iter().map(|allow| allow.0).collect();
            let allowances =
                if windows.is_empty() { json!([]) } else { json!([{"models": models, "windows": windows}]) };
            let overage = if stop { "stop" } else { "pay" };
            let body = json!({"name": name, "amount": amount, "currency": currency, "period": period,
                "allowances": allowances, "overage": overage});
            session.send(Method::POST, &PLANS, &[], Some(body), |made| said(made, "id")).await
        }
        PlansCommand::Archive { id } => {
            let segments = ["v1", "organization", "billing", "plans", &id];
            let done = |_: &Value| format!("{} is archived", printable(&id));
            session.send(Method::DELETE, &segments, &[], None, done).await
        }
        PlansCommand::Subscribe { plan } => {
            let body = json!({"plan": plan});
            session.send(Method::POST, &SUBSCRIPTIONS, &[], Some(body), |made| said(made, "id")).await
        }
        PlansCommand::Change { subscription, plan, at_period_end } => {
            let segments = ["v1", "organization", "billing", "subscriptions", &subscription];
            let body = json!({"plan": plan, "when": when(at_period_end)});
            session.send(Method::POST, &segments, &[], Some(body), |done| said(done, "status")).await
        }
        PlansCommand::Cancel { subscription, now } => {
            let segments = ["v1", "organization", "billing", "subscriptions", &subscription];
            let query = [("when", when(!now).to_owned())];
            session.send(Method::DELETE, &segments, &query, None, |done| said(done, "status")).await
        }
    }
}

fn when(at_period_end: bool) -> &'static str {
    if at_period_end { "period_end" } else { "now" }
}

pub(super) fn said(answer: &Value, field: &str) -> String {
    printable(answer[field].as_str().unwrap_or_default())
}

impl Session<'_> {
    /// Sends one request and prints what was done, or the answer itself for programs.
    pub(super) async fn send(
        &mut self,
        method: Method,
        segments: &[&str],
        query: &[(&str, String)],
        body: Option<Value>,
        done: impl Fn(&Value) -> String,
    ) -> Result<(), Failure> {
        let mut request = self.client.request(method, segments, query, Access::Admin)?;
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = self.client.json(request).await?;
        if self.json {
            return Ok(self.terminal.json(&answer)?);
        }
        Ok(self.terminal.line(&done(&answer))?)
    }
}

/// A window in a few words: `tokens 50000 / 5 h`.
fn in_words(window: &PlanWindow) -> String {
    let span = window.hours.map_or_else(|| window.window.clone(), |hours| format!("{hours} h"));
    format!("{} {} / {span}", window.metric, window.amount)
}

async fn list(session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let plans = client.list(&PLANS, &[("limit", "100".to_owned())], Access::Admin).await?;
    if json {
        return Ok(terminal.json(&plans.into())?);
    }
    let plans: Vec<PlanObject> = typed(plans.into())?;
    let row = |plan: PlanObject| {
        let windows: Vec<String> =
            plan.allowances.iter().flat_map(|allowance| &allowance.windows).map(in_words).collect();
        let price = format!("{} {} / {}", plan.amount, plan.currency, plan.period);
        vec![plan.id, plan.name, plan.status, price, windows.join(", "), plan.overage]
    };
    let rows: Vec<Vec<String>> = plans.into_iter().map(row).collect();
    let columns =
        [text("ID"), text("NAME"), text("STATUS"), number("PRICE"), text("ALLOWANCES"), text("BEYOND")];
    Ok(table::print(terminal, &columns, &rows, "There are no plans.")?)
}

async fn subscriptions(session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    let found = client.list(&SUBSCRIPTIONS, &[("limit", "100".to_owned())], Access::Admin).await?;
    if json {
        return Ok(terminal.json(&found.into())?);
    }
    let found: Vec<SubscriptionObject> = typed(found.into())?;
    let mut rows = Vec::new();
    for one in found {
        let end = if one.cancel_at_period_end { "ends" } else { "renews" };
        let until = format!("{end} {}", date(one.current_period_end));
        let mut head = vec![one.id, one.plan.name, one.status, until];
        for level in one.allowances.iter().flat_map(|allowance| &allowance.windows) {
            let used = format!("{} of {}", level.used, in_words(&level.window));
            head.push(used);
            // What the first row said of the subscription is not said again.
            rows.push(std::mem::replace(&mut head, vec![String::new(); 4]));
        }
        if !head[0].is_empty() {
            head.push(String::new());
            rows.push(head);
        }
    }
    let columns = [text("ID"), text("PLAN"), text("STATUS"), text("PERIOD"), text("USED")];
    Ok(table::print(terminal, &columns, &rows, "There are no subscriptions.")?)
}
