//! The commands, a file for each.

mod balance;
mod bench;
mod budgets;
mod chat;
mod completions;
mod doctor;
mod invoices;
mod keys;
mod ledger;
mod limits;
mod models;
mod payments;
mod plans;
mod prices;
mod projects;
mod pull;
mod rentals;
mod usage;
mod vouchers;

use crate::args::{Args, Command};
use crate::client::Client;
use crate::failure::Failure;
use crate::{Context, Terminal};

/// What a command that speaks to the platform works with.
struct Session<'a> {
    client: Client,
    terminal: &'a mut Terminal,
    json: bool,
}

pub(crate) async fn dispatch(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let Args { global, command } = args;
    if let Command::Completions(completions) = command {
        return completions::run(&completions, context);
    }
    if let Command::Doctor = command {
        return doctor::run(&global, context).await;
    }
    let client = Client::new(context.http.clone(), &global)?;
    let now = context.clock.now();
    let session = Session { client, terminal: &mut context.terminal, json: global.json };
    match command {
        Command::Pull(pull) => pull::run(&pull, session).await,
        Command::Models => models::run(session).await,
        Command::Run(run) => chat::run(&run, session).await,
        Command::Keys(keys) => keys::run(keys, session).await,
        Command::Projects(projects) => projects::run(projects, session).await,
        Command::Usage(usage) => usage::run(&usage, now, session).await,
        Command::Balance => balance::run(session).await,
        Command::Topup(topup) => ledger::top_up(&topup, session).await,
        Command::Vouchers(vouchers) => vouchers::run(vouchers, session).await,
        Command::Prices(prices) => prices::run(prices, session).await,
        Command::Limits(limits) => limits::run(limits, session).await,
        Command::Plans(plans) => plans::run(plans, session).await,
        Command::Rentals(rentals) => rentals::run(rentals, session).await,
        Command::Invoices(invoices) => invoices::run(invoices, session).await,
        Command::Payments(payments) => payments::run(payments, session).await,
        Command::Recharge(args) => payments::recharge(args, session).await,
        Command::Budgets(budgets) => budgets::run(budgets, session).await,
        Command::Ledger(ledger) => ledger::run(ledger, session).await,
        Command::Bench(bench) => bench::run(&bench, session).await,
        // Both were handled above; they need no platform or more than one.
        Command::Doctor | Command::Completions(_) => Ok(()),
    }
}
