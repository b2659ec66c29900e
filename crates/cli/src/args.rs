//! What can be written on the command line.

pub(crate) mod payments;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use tenfold_protocol::plans::PlanWindow;

use payments::{PaymentsArgs, RechargeArgs};

/// The exit codes, as `--help` shows them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  it worked
  1  it failed
  2  the command line is wrong
  3  the platform cannot be reached
  4  the key is missing, wrong, or may not do this (401, 403)
  5  there is no such thing (404)";

/// The command line without the binary's own commands.
#[derive(Debug, Parser)]
#[command(name = "tenfold", about = "Models as a service, on your own machines", after_help = EXIT_CODES)]
pub struct Args {
    /// Where the platform is, and how to print.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where the platform is, and how to print.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// The platform's address; by default the one in credentials.json, or `http://127.0.0.1:8080`
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "TENFOLD_BASE_URL",
        hide_env_values = true,
        help_heading = "Platform"
    )]
    pub url: Option<String>,
    /// The API key; by default one of those in credentials.json, then `OPENAI_API_KEY`
    #[arg(
        long,
        global = true,
        value_name = "KEY",
        env = "TENFOLD_API_KEY",
        hide_env_values = true,
        help_heading = "Platform"
    )]
    pub key: Option<String>,
    /// The admin key, for commands that administer; by default the one in credentials.json
    #[arg(
        long,
        global = true,
        value_name = "KEY",
        env = "TENFOLD_ADMIN_KEY",
        hide_env_values = true,
        help_heading = "Platform"
    )]
    pub admin_key: Option<String>,
    /// The key that programs for the OpenAI API use: the last resort.
    #[arg(long, global = true, env = "OPENAI_API_KEY", hide_env_values = true, hide = true)]
    pub openai_key: Option<String>,
    /// The folder with credentials.json
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "TENFOLD_HOME",
        hide_env_values = true,
        default_value = "./.tenfold",
        help_heading = "Platform"
    )]
    pub home: PathBuf,
    /// Print JSON, for programs
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring a model's files to the platform
    #[command(after_help = "\
Examples:
  tenfold pull smollm2-135m-instruct
  tenfold pull gemma-3-270m --json

A pull that is interrupted goes on where it was when it is started again.")]
    Pull(PullArgs),
    /// List the models that are offered, and those that can be
    #[command(after_help = "\
Examples:
  tenfold models
  tenfold models --json | jq -r '.catalog[] | select(.installed) | .id'")]
    Models,
    /// Chat with a model, or ask it one thing
    #[command(after_help = "\
Examples:
  tenfold run smollm2-135m-instruct
  tenfold run smollm2-135m-instruct \"What is the capital of France?\"
  cat notes.txt | tenfold run smollm2-135m-instruct --system \"Summarise in one sentence.\"

In a chat, /clear forgets what was said and /bye leaves.")]
    Run(RunArgs),
    /// List, make and revoke API keys
    #[command(after_help = "\
Examples:
  tenfold keys list
  tenfold keys create ci --scope model.request --expires-in-days 30
  tenfold keys revoke key_abc")]
    Keys(KeysArgs),
    /// List, make and archive projects
    #[command(after_help = "\
Examples:
  tenfold projects list
  tenfold projects create radiology
  tenfold projects archive proj_abc")]
    Projects(ProjectsArgs),
    /// Show what was used and what it cost
    #[command(after_help = "\
Examples:
  tenfold usage
  tenfold usage --days 30 --by project

Costs are exact: billionths of a currency's unit, never rounded.")]
    Usage(UsageArgs),
    /// Show what the organisation has, and what it owes
    #[command(after_help = "\
Examples:
  tenfold balance
  tenfold balance --json | jq -r '.balances[].available'

Amounts are exact: billionths of a currency's unit, never rounded.")]
    Balance,
    /// Enter money that was paid
    #[command(after_help = "\
Examples:
  tenfold topup 100
  tenfold topup 99.50 --currency CNY --memo \"bank statement 17\"

With --once the same payment is entered once, however often the command runs.")]
    Topup(TopupArgs),
    /// Make vouchers, list them, and redeem one
    #[command(after_help = "\
Examples:
  tenfold vouchers create 10 --amount 25
  tenfold vouchers list
  tenfold vouchers redeem 7K2QX-9D4TM-W3ZHB-0VN8C

A code is shown when it is made and never again.")]
    Vouchers(VouchersArgs),
    /// Show what models cost, and put prices in force
    #[command(after_help = "\
Examples:
  tenfold prices list
  tenfold prices show smollm2-135m
  tenfold prices set smollm2-135m input_tokens=0.15 output_tokens=0.60
  tenfold prices set smollm2-135m --file prices.json

Prices are for a million units. A file may say tiers, packages, variants and discounts, as `prices show --json` does.")]
    Prices(PricesArgs),
    /// Make plans, subscribe to them, and show what is left of them
    #[command(after_help = "\
Examples:
  tenfold plans create team --amount 20 --allow tokens=50000/5h --allow tokens=1000000/week
  tenfold plans subscribe plan_abc
  tenfold plans subscriptions
  tenfold plans change sub_abc plan_def
  tenfold plans cancel sub_abc

A call is covered where every window has room for all of it; otherwise it is paid, or refused with --stop.")]
    Plans(PlansArgs),
    /// Rent replicas for a project, by the second
    #[command(after_help = "\
Examples:
  tenfold prices set device:cpu replica_seconds=100
  tenfold rentals start smollm2-135m-instruct --project proj_abc --name ours
  tenfold rentals list
  tenfold rentals stop rental_abc

Seconds are charged while the replica is up, and a minimum once it was; calls to it cost nothing more.")]
    Rentals(RentalsArgs),
    /// Pay in, or pay an invoice, through a payment provider
    #[command(after_help = "\
Examples:
  tenfold payments checkout 50 --provider stripe --return-url https://console.example.com/billing
  tenfold payments checkout --invoice inv_abc --provider stripe --return-url https://console.example.com/billing
  tenfold payments list
  tenfold payments methods

The balance grows, or the invoice is paid, when the provider says so.")]
    Payments(PaymentsArgs),
    /// Recharge the balance by itself when little is left of it
    #[command(after_help = "\
Examples:
  tenfold recharge set 50 --below 10 --method pay_method_abc --monthly-limit 500
  tenfold recharge show
  tenfold recharge off

A way to pay is kept by `tenfold payments checkout ... --save`.")]
    Recharge(RechargeArgs),
    /// Show budgets, and what was spent of them; make and delete them
    #[command(after_help = "\
Examples:
  tenfold budgets list
  tenfold budgets set 50 --window month
  tenfold budgets set 5 --window day --scope project --subject proj_abc
  tenfold budgets delete limit_abc")]
    Budgets(BudgetsArgs),
    /// Show limits of calls, and what is left of them; set and delete them
    #[command(after_help = "\
Examples:
  tenfold limits list
  tenfold limits set 60 --metric requests --window minute
  tenfold limits set 1000000 --metric tokens --window day --scope project --subject proj_abc
  tenfold limits set 4 --metric concurrency --scope api_key --subject key_abc
  tenfold limits delete limit_abc

Limits of one project for one model are also at /v1/organization/projects/ID/rate_limits, as the OpenAI API has them.")]
    Limits(LimitsArgs),
    /// List invoices, save them and statements, and say that invoices were paid
    #[command(after_help = "\
Examples:
  tenfold invoices list
  tenfold invoices close 2026-10
  tenfold invoices save inv_abc invoice.pdf --language zh
  tenfold invoices statement 2026-10 team.csv --project proj_abc --label team
  tenfold invoices pay inv_abc --memo \"bank statement 17\"
  tenfold invoices credit inv_abc --amount 5 --reason \"an outage\"

The platform makes the invoice of a month by itself, an hour after the month's end in the organisation's time zone.")]
    Invoices(InvoicesArgs),
    /// Show what has moved, undo it, and prove that the ledger is right
    #[command(after_help = "\
Examples:
  tenfold ledger list
  tenfold ledger verify
  tenfold ledger reverse top_up:req_abc --memo \"entered twice\"

`verify` exits with 1 when something is wrong.")]
    Ledger(LedgerArgs),
    /// Measure a model under load
    #[command(after_help = "\
Examples:
  tenfold bench --model smollm2-135m-instruct
  tenfold bench --model smollm2-135m-instruct --concurrency 16 --requests 200 --max-tokens 64 --stream

The calls are real calls: they are metered and priced.")]
    Bench(BenchArgs),
    /// Check this machine and the platform, and say how to mend what is wrong
    #[command(after_help = "\
Examples:
  tenfold doctor
  tenfold doctor --json

Exits with 1 when a check fails; warnings alone do not fail.")]
    Doctor,
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  tenfold completions bash > ~/.local/share/bash-completion/completions/tenfold
  tenfold completions zsh > ~/.zfunc/_tenfold")]
    Completions(CompletionsArgs),
}

/// `pull`.
#[derive(Debug, clap::Args)]
pub struct PullArgs {
    /// The model's id in the catalogue; `tenfold models` lists them
    pub id: String,
}

/// `run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The model
    pub model: String,
    /// What to ask; without it, standard input is asked, and a terminal starts a chat
    pub prompt: Option<String>,
    /// What the model is told before everything else
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    /// 0 for always the most likely word, 2 for the wildest
    #[arg(long, value_name = "NUMBER", value_parser = temperature)]
    pub temperature: Option<f32>,
    /// The most tokens of an answer
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tokens: Option<u32>,
}

fn temperature(text: &str) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if (0.0..=2.0).contains(&value) { Ok(value) } else { Err("it is 0 to 2".to_owned()) }
}

/// `keys`.
#[derive(Debug, clap::Args)]
pub struct KeysArgs {
    /// What to do
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// Whose keys.
#[derive(Debug, Clone, clap::Args)]
pub struct KeysOf {
    /// The project; by default the one in credentials.json
    #[arg(long, value_name = "ID", conflicts_with = "admin")]
    pub project: Option<String>,
    /// The organisation's admin keys instead of a project's keys
    #[arg(long)]
    pub admin: bool,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List keys, without their secrets
    List {
        /// Whose keys
        #[command(flatten)]
        of: KeysOf,
    },
    /// Make a key and show its secret, once
    Create {
        /// What to call it
        name: String,
        /// Whose key
        #[command(flatten)]
        of: KeysOf,
        /// What it may do; everything that its kind may, unless given. Can be repeated
        #[arg(long = "scope", value_name = "SCOPE", value_parser = ["model.request", "api.read", "api.management"])]
        scopes: Vec<String>,
        /// After how many days it ends
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=365))]
        expires_in_days: Option<u32>,
    },
    /// Revoke a key: the next call with it is refused
    Revoke {
        /// The key's id, as `keys list` shows it
        id: String,
        /// Whose key
        #[command(flatten)]
        of: KeysOf,
    },
}

/// `topup`.
#[derive(Debug, clap::Args)]
pub struct TopupArgs {
    /// How much, in whole units: 99.50
    pub amount: String,
    /// In which currency
    #[arg(long, default_value = "USD", value_name = "CODE")]
    pub currency: String,
    /// What it is, for a person
    #[arg(long, value_name = "TEXT")]
    pub memo: Option<String>,
    /// Names the payment: it is entered once
    #[arg(long, value_name = "KEY")]
    pub once: Option<String>,
}

/// `vouchers`.
#[derive(Debug, clap::Args)]
pub struct VouchersArgs {
    /// What to do
    #[command(subcommand)]
    pub command: VouchersCommand,
}

/// What to do with vouchers.
#[derive(Debug, Subcommand)]
pub enum VouchersCommand {
    /// Make vouchers and show their codes, once
    Create {
        /// How many
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
        count: u32,
        /// What each is worth, in whole units
        #[arg(long)]
        amount: String,
        /// In which currency
        #[arg(long, default_value = "USD", value_name = "CODE")]
        currency: String,
    },
    /// List vouchers, newest first, without their codes
    List,
    /// Put what a voucher is worth on the balance
    Redeem {
        /// The code, with or without its dashes
        code: String,
    },
}

/// `prices`.
#[derive(Debug, clap::Args)]
pub struct PricesArgs {
    /// What to do
    #[command(subcommand)]
    pub command: PricesCommand,
}

/// What to do with prices.
#[derive(Debug, Subcommand)]
pub enum PricesCommand {
    /// List the prices that are in force
    List,
    /// Show what a model costs, in every currency, now and later
    Show {
        /// The model's name
        model: String,
    },
    /// Put prices in force; calls that run keep theirs
    Set {
        /// The model's name
        model: String,
        /// A unit and what a million of it costs
        #[arg(value_name = "UNIT=PRICE", required_unless_present = "file", conflicts_with = "file")]
        prices: Vec<String>,
        /// The currency of the prices
        #[arg(long, default_value = "USD", value_name = "CODE", conflicts_with = "file")]
        currency: String,
        /// A JSON file with the whole list
        #[arg(long, value_name = "FILE")]
        file: Option<std::path::PathBuf>,
    },
}

/// `rentals`.
#[derive(Debug, clap::Args)]
pub struct RentalsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: RentalsCommand,
}

/// What to do with rentals.
#[derive(Debug, Subcommand)]
pub enum RentalsCommand {
    /// List rentals, those that are over too
    List,
    /// Rent a replica of an installed model
    Start {
        /// The model
        model: String,
        /// The project that alone may call it
        #[arg(long, value_name = "ID")]
        project: String,
        /// The name to call it by; one is made up, unless given
        #[arg(long)]
        name: Option<String>,
    },
    /// End a rental
    Stop {
        /// The rental's id, as `rentals list` shows it
        id: String,
    },
}

/// `plans`.
#[derive(Debug, clap::Args)]
pub struct PlansArgs {
    /// What to do
    #[command(subcommand)]
    pub command: PlansCommand,
}

/// What to do with plans.
#[derive(Debug, Subcommand)]
pub enum PlansCommand {
    /// List the plans that are offered
    List,
    /// Offer a plan; it is never changed
    Create {
        /// What to call it
        name: String,
        /// What a period costs, in whole units
        #[arg(long)]
        amount: String,
        /// In which currency
        #[arg(long, default_value = "USD", value_name = "CODE")]
        currency: String,
        /// How long a period is
        #[arg(long, default_value = "month", value_parser = ["month", "year"])]
        period: String,
        /// What may be used: `requests`, `tokens` or `spend`, for some hours, a `day`, `week`, `month` or the `period`. Can be
        /// repeated
        #[arg(long, value_name = "METRIC=AMOUNT/WINDOW")]
        allow: Vec<Allow>,
        /// Of which model; of all, unless given. Can be repeated
        #[arg(long = "model", value_name = "NAME", requires = "allow")]
        models: Vec<String>,
        /// Refuse calls beyond it, instead of charging them
        #[arg(long)]
        stop: bool,
    },
    /// Let nobody subscribe to a plan any more
    Archive {
        /// The plan's id, as `plans list` shows it
        id: String,
    },
    /// Subscribe to a plan and pay its first period
    Subscribe {
        /// The plan's id
        plan: String,
    },
    /// List subscriptions, and what was used of them
    Subscriptions,
    /// Give a subscription another plan; the difference for the rest of the period is paid, or given back
    Change {
        /// The subscription's id, as `plans subscriptions` shows it
        subscription: String,
        /// The other plan's id
        plan: String,
        /// With the next period, and nothing is paid now
        #[arg(long)]
        at_period_end: bool,
    },
    /// End a subscription with its period
    Cancel {
        /// The subscription's id
        subscription: String,
        /// At once; nothing is given back
        #[arg(long)]
        now: bool,
    },
}

/// A window of an allowance, from words.
#[derive(Debug, Clone)]
pub struct Allow(pub PlanWindow);

impl std::str::FromStr for Allow {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "it is as tokens=50000/5h or spend=10/month";
        let (metric, rest) = text.split_once('=').ok_or(FORM)?;
        let (amount, span) = rest.split_once('/').ok_or(FORM)?;
        let hours = span.strip_suffix('h').and_then(|hours| hours.parse().ok());
        let window = if hours.is_some() { "rolling" } else { span };
        Ok(Self(PlanWindow {
            metric: metric.to_owned(),
            amount: amount.to_owned(),
            window: window.to_owned(),
            hours,
        }))
    }
}

/// `invoices`.
#[derive(Debug, clap::Args)]
pub struct InvoicesArgs {
    /// What to do
    #[command(subcommand)]
    pub command: InvoicesCommand,
}

/// What to do with invoices.
#[derive(Debug, Subcommand)]
pub enum InvoicesCommand {
    /// List invoices and credit notes, the newest month first
    List,
    /// Make the invoice of a month that is over, once
    Close {
        /// The month, as 2026-10
        month: String,
        /// In which currency
        #[arg(long, default_value = "USD", value_name = "CODE")]
        currency: String,
    },
    /// Write an invoice to a file: PDF, CSV or JSON, as its name ends
    Save {
        /// The invoice's id, as `invoices list` shows it
        id: String,
        /// The file
        file: PathBuf,
        /// The language of a PDF's own words
        #[arg(long, default_value = "en", value_parser = ["en", "zh"])]
        language: String,
    },
    /// Write what was charged in a month to a file: PDF, CSV or JSON, as its name ends
    Statement {
        /// The month, as 2026-10; one that is not over goes until now
        month: String,
        /// The file
        file: PathBuf,
        /// In which currency
        #[arg(long, default_value = "USD", value_name = "CODE")]
        currency: String,
        /// Of this project alone
        #[arg(long, value_name = "ID")]
        project: Option<String>,
        /// Tell lines apart by the value of this label of calls (a name in `metadata`)
        #[arg(long, value_name = "NAME")]
        label: Option<String>,
        /// The language of a PDF's own words
        #[arg(long, default_value = "en", value_parser = ["en", "zh"])]
        language: String,
    },
    /// Enter that all that is owed for an invoice was paid, once
    Pay {
        /// The invoice's id
        id: String,
        /// What it is, for a person
        #[arg(long, value_name = "TEXT")]
        memo: Option<String>,
    },
    /// Take back an invoice, or a part of it, by a credit note
    Credit {
        /// The invoice's id
        id: String,
        /// What the note says
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// How much, without tax; all that is left of it, unless given
        #[arg(long)]
        amount: Option<String>,
    },
}

/// `limits`.
#[derive(Debug, clap::Args)]
pub struct LimitsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: LimitsCommand,
}

/// What to do with limits.
#[derive(Debug, Subcommand)]
pub enum LimitsCommand {
    /// List limits, and what was used of them
    List,
    /// Set a limit, in place of one of the same scope, metric and window
    Set {
        /// How much
        limit: u64,
        /// What is counted; `concurrency` is calls at a time
        #[arg(long, default_value = "requests", value_parser = ["requests", "tokens", "images", "concurrency"])]
        metric: String,
        /// For how long; a day is one of the organisation's time zone
        #[arg(long, default_value = "minute", value_parser = ["minute", "day"])]
        window: String,
        /// Whose calls
        #[arg(long, default_value = "organization", value_parser = ["organization", "project", "user", "api_key", "model"])]
        scope: String,
        /// The id of the project, user or key, or the model's name
        #[arg(long, value_name = "ID")]
        subject: Option<String>,
        /// Only count
        #[arg(long)]
        soft: bool,
    },
    /// Delete a limit
    Delete {
        /// The limit's id, as `limits list` shows it
        id: String,
    },
}

/// `budgets`.
#[derive(Debug, clap::Args)]
pub struct BudgetsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: BudgetsCommand,
}

/// What to do with budgets.
#[derive(Debug, Subcommand)]
pub enum BudgetsCommand {
    /// List budgets, and what was spent of them
    List,
    /// Make a budget, in place of one of the same scope, window and currency
    Set {
        /// How much may be spent, in whole units
        amount: String,
        /// For how long it is added up, in the organisation's time zone
        #[arg(long, default_value = "month", value_parser = ["day", "month", "lifetime"])]
        window: String,
        /// Whose spending
        #[arg(long, default_value = "organization", value_parser = ["organization", "project", "user", "api_key", "model"])]
        scope: String,
        /// Which of them
        #[arg(long, value_name = "ID")]
        subject: Option<String>,
        /// In which currency
        #[arg(long, default_value = "USD", value_name = "CODE")]
        currency: String,
        /// Count, and refuse nothing
        #[arg(long)]
        soft: bool,
    },
    /// Delete a budget
    Delete {
        /// The budget's id, as `budgets list` shows it
        id: String,
    },
}

/// `ledger`.
#[derive(Debug, clap::Args)]
pub struct LedgerArgs {
    /// What to do
    #[command(subcommand)]
    pub command: LedgerCommand,
}

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// List entries, newest first
    List {
        /// How many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
    },
    /// Compute every balance anew from the entries, and compare
    Verify,
    /// Undo a transaction by entries the other way
    Reverse {
        /// The transaction, as `ledger list` shows it
        transaction: String,
        /// Why it is undone
        #[arg(long, default_value = "reversal", value_parser = ["reversal", "refund", "chargeback"])]
        kind: String,
        /// What it is, for a person
        #[arg(long, value_name = "TEXT")]
        memo: Option<String>,
    },
}

/// `projects`.
#[derive(Debug, clap::Args)]
pub struct ProjectsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: ProjectsCommand,
}

/// What to do with projects.
#[derive(Debug, Subcommand)]
pub enum ProjectsCommand {
    /// List projects
    List {
        /// Archived ones too
        #[arg(long)]
        archived: bool,
    },
    /// Make a project
    Create {
        /// What to call it
        name: String,
    },
    /// Archive a project: its keys stop at once, its records stay
    Archive {
        /// The project's id, as `projects list` shows it
        id: String,
    },
}

/// What rows of a report are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// A row for each model
    #[value(name = "model")]
    Model,
    /// A row for each project
    #[value(name = "project")]
    Project,
    /// A row for each key
    #[value(name = "api_key")]
    ApiKey,
}

/// `usage`.
#[derive(Debug, clap::Args)]
pub struct UsageArgs {
    /// How many days back, today included, in UTC
    #[arg(long, value_name = "COUNT", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// What rows are told apart by
    #[arg(long, value_enum, default_value_t = By::Model)]
    pub by: By,
}

/// `bench`.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// The model
    #[arg(long, value_name = "ID")]
    pub model: String,
    /// Calls at once
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub concurrency: u32,
    /// Calls in all
    #[arg(long, value_name = "COUNT", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub requests: u32,
    /// About how long each prompt is
    #[arg(long, value_name = "COUNT", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub prompt_tokens: u32,
    /// How long each answer may be
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_tokens: u32,
    /// Stream the answers: measures the time to the first token and between tokens too
    #[arg(long)]
    pub stream: bool,
}

/// `completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}
