//! `/v1/organization/...`.

mod admin_api_keys;
mod auto_recharge;
mod checkouts;
mod invoices;
mod limits;
mod plans;
mod project_api_keys;
mod project_users;
mod projects;
mod rate_limits;
mod rentals;
mod service_accounts;
mod spend_alerts;
mod statements;
mod users;
