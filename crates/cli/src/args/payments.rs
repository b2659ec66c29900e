//! Arguments of `payments` and `recharge`.

use clap::Subcommand;

/// `payments`.
#[derive(Debug, clap::Args)]
pub struct PaymentsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: PaymentsCommand,
}

/// What to do with payments.
#[derive(Debug, Subcommand)]
pub enum PaymentsCommand {
    /// List orders, the newest first
    List,
    /// Make an order at a payment provider, and show where it is paid
    Checkout {
        /// How much is paid in, in whole units: 99.50
        #[arg(required_unless_present = "invoice", conflicts_with = "invoice")]
        amount: Option<String>,
        /// In which currency
        #[arg(long, default_value = "USD", value_name = "CODE", conflicts_with = "invoice")]
        currency: String,
        /// Pay what is owed for this invoice instead
        #[arg(long, value_name = "ID")]
        invoice: Option<String>,
        /// The provider, where it is configured: stripe, alipay or `wechat_pay`
        #[arg(long, value_name = "NAME")]
        provider: String,
        /// Where the payer goes afterwards
        #[arg(long, value_name = "URL")]
        return_url: String,
        /// Keep the way in which it is paid, for `recharge`
        #[arg(long)]
        save: bool,
    },
    /// List ways to pay that were kept
    Methods,
    /// Forget a way to pay; what recharges by it stops
    Forget {
        /// Its id, as `payments methods` shows it
        id: String,
    },
}

/// `recharge`.
#[derive(Debug, clap::Args)]
pub struct RechargeArgs {
    /// What to do
    #[command(subcommand)]
    pub command: RechargeCommand,
}

/// What to do with recharging.
#[derive(Debug, Subcommand)]
pub enum RechargeCommand {
    /// Show how the balance is recharged
    Show,
    /// Charge a way to pay whenever less than an amount is available
    Set {
        /// What is charged at a time
        amount: String,
        /// It is charged when less than this is available
        #[arg(long, value_name = "AMOUNT")]
        below: String,
        /// The way to pay, as `payments methods` shows it
        #[arg(long, value_name = "ID")]
        method: String,
        /// In which currency
        #[arg(long, default_value = "USD", value_name = "CODE")]
        currency: String,
        /// What is charged in a month at most
        #[arg(long, value_name = "AMOUNT")]
        monthly_limit: Option<String>,
    },
    /// Charge nothing by itself any more
    Off,
}
