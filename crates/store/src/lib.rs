//! All SQL: SQLite and PostgreSQL behind one set of ports.
//!
//! One SQL text serves both databases, through the `Any` driver of sqlx. [`Store::connect`] opens the database,
//! brings its tables up to date and is then shared; each port of another crate is implemented on [`Store`] (or
//! on a struct that holds one) in a module of its own, which is the only place that names its tables.
//!
//! # Adding a table and a port
//! 1. `migrations/YYYYMMDDHHMMSS_what.sql`: one concern a file, SQL that both databases take, and a line in
//!    `src/migrations.rs`. An applied file is never edited, since its checksum is recorded: add another one.
//! 2. Columns are `TEXT` (ids, names, JSON, hex) or `BIGINT` (milliseconds, counts, nano-units, 0 and 1 for
//!    booleans), with no defaults and no sequences. No schema names, no `AUTOINCREMENT`, no `BLOB`/`BYTEA`.
//! 3. Add `tenfold-<part>.workspace = true` to `Cargo.toml`; `src/<part>.rs` implements the port of that part.
//!    Reads run on `self.reader()`, a single statement that writes on `self.writer()`, several that belong
//!    together between `self.begin()` and `commit()`. Every value is bound (`$1`); no `format!` makes SQL.
//! 4. Say `CAST(SUM(x) AS BIGINT)` (PostgreSQL sums to `NUMERIC`, which `Any` cannot read), `COUNT(*)` as it is,
//!    and name every column (`AS n`). Upserts are `INSERT ... ON CONFLICT (key) DO UPDATE SET ...`; both databases
//!    know `RETURNING`. Order by something that is unique, or pages will skip rows.
//! 5. `impl From<StoreError> for YourError` in the same module keeps the kind of the fault ([`StoreError`]).
//! 6. `tests/it/<part>.rs` runs the part's conformance suite on SQLite (`crate::sqlite::store()`) and on a real
//!    PostgreSQL (`crate::postgres::store()`), all of a port's cases in one test per database: each test is a
//!    process of its own and starts a cluster of its own.
//!
//! # Invariants
//! * SQLite has one writing connection: writers wait in its queue, in order, instead of failing as busy. Its
//!   journal is a write-ahead log with `synchronous=FULL`: what was committed survives a loss of power.
//! * PostgreSQL connections come from one bounded pool; who finds none free waits for one.
//! * A database whose migrations fail, or that a newer version has migrated, is not served.

mod accounts;
mod alerts;
mod error;
mod fleet;
mod funds;
mod identity;
mod invoices;
mod jobs;
mod ledger;
mod limits;
mod migrations;
mod payments;
mod plans;
mod prices;
mod recharges;
mod rentals;
mod reports;
mod serving;
mod sql;
mod store;

pub use error::StoreError;
pub use ledger::LedgerWriter;
pub use store::{Backend, Config, Store};
