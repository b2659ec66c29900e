//! One transaction of the ledger.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use sqlx::{AnyConnection, Row as _};
use tenfold_billing::ledger::{
    Account, AccountId, AccountKind, Book, Changes, Counter, Entry, Hold, HoldId, Post, Posted, Refusal,
    Reserve, Reserved, Settle, Source,
};
use tenfold_kernel::{Clock, Timestamp};

use crate::ledger::events::{Inserts, Row};
use crate::ledger::read::entry;
use crate::ledger::rows::RowStatements;
use crate::{Backend, Store, StoreError};

/// What is asked of the ledger.
#[derive(Debug)]
pub(super) enum Command {
    Reserve(Box<Reserve>),
    Settle { row: Box<Row>, hold: Option<Hold>, sources: Vec<Source> },
    Release(Hold),
    Post(Box<Post>),
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Outcome {
    Done,
    Reserved(Box<Reserved>),
    Posted(Posted),
    Refused(Refusal),
}

/// The statements of a transaction.
#[derive(Debug)]
pub(super) struct Statements {
    backend: Backend,
    events: Inserts,
    read_holds: RowStatements,
    read_accounts: RowStatements,
    read_counters: RowStatements,
    read_entries: RowStatements,
    touch_accounts: RowStatements,
    touch_counters: RowStatements,
    write_accounts: RowStatements,
    write_counters: RowStatements,
    write_holds: RowStatements,
    delete_holds: RowStatements,
    write_entries: RowStatements,
}

const ACCOUNTS: &str = "INSERT INTO accounts (id, organization, is_funds, balance, held) VALUES ";
const COUNTERS: &str = "INSERT INTO counters (id, used, held, starts_at, ends_at) VALUES ";

impl Statements {
    pub(super) fn new(backend: Backend) -> Self {
        // SQLite has one writer, whose transaction excludes all others from its beginning.
        let lock = match backend {
            Backend::Sqlite => ")",
            Backend::Postgres => ") ORDER BY id FOR UPDATE",
        };
        let rows = |before: &str, width, after: &str| RowStatements::new(backend, before, width, after);
        let list = |before: &str, after: &str| RowStatements::list(backend, before, after);
        let keep = " ON CONFLICT (id) DO NOTHING";
        Self {
            backend,
            events: Inserts::new(backend),
            read_holds: list("SELECT id FROM holds WHERE id IN (", lock),
            read_accounts: list("SELECT id, balance, held FROM accounts WHERE id IN (", lock),
            read_counters: list("SELECT id, used, held, starts_at, ends_at FROM counters WHERE id IN (", lock),
            read_entries: list(
                "SELECT transaction_key, sequence, kind, organization, project, debit, credit, nanos, currency,
                 reverses, memo, created_at FROM entries WHERE transaction_key IN (",
                ") ORDER BY transaction_key, sequence",
            ),
            touch_accounts: rows(ACCOUNTS, 5, keep),
            touch_counters: rows(COUNTERS, 5, keep),
            write_accounts: rows(
                ACCOUNTS,
                5,
                " ON CONFLICT (id) DO UPDATE SET balance = excluded.balance, held = excluded.held",
            ),
            write_counters: rows(
                COUNTERS,
                5,
                " ON CONFLICT (id) DO UPDATE SET used = excluded.used, held = excluded.held,
                 starts_at = excluded.starts_at, ends_at = excluded.ends_at",
            ),
            write_holds: rows("INSERT INTO holds (id, process, body, created_at) VALUES ", 4, ""),
            delete_holds: list("DELETE FROM holds WHERE id IN (", ")"),
            write_entries: rows(
                "INSERT INTO entries (transaction_key, sequence, kind, organization, project, debit, credit, nanos,
                 currency, reverses, memo, created_at) VALUES ",
                12,
                "",
            ),
        }
    }

    /// Runs all commands in one transaction, in order.
    pub(super) async fn run(
        &self,
        store: &Store,
        commands: &[&Command],
        clock: &dyn Clock,
    ) -> Result<Vec<Outcome>, StoreError> {
        let rows: Vec<&Row> = commands.iter().filter_map(|command| event_row(command)).collect();
        if commands.iter().all(|command| is_free(command)) {
            self.events.write(store, rows.into_iter()).await?;
            return Ok(commands.iter().map(|_| Outcome::Done).collect());
        }
        // A hold is of a process, and goes when the machine does: it need not survive that. Should a PostgreSQL die alone, a
        // call whose hold it forgot is charged all the same, from what is there then.
        let is_passing = commands.iter().all(|command| matches!(command, Command::Reserve(_)));
        let mut transaction = if is_passing { store.begin_passing().await? } else { store.begin().await? };
        let connection = &mut *transaction;
        let mut new = self.events.write_new(connection, rows.into_iter()).await?;
        let mut book = self.read(connection, commands).await?;
        // Read under the locks: whoever closes a month waits for them before.
        let now = clock.now();
        let mut posted = self.posted(connection, commands).await?;
        let outcomes = commands
            .iter()
            .map(|command| apply(command, &mut book, &mut new, &mut posted, now))
            .collect::<Result<_, _>>()?;
        self.write(connection, &mut book).await?;
        transaction.commit().await?;
        Ok(outcomes)
    }

    /// Reads, and locks, all that the commands name.
    async fn read(&self, connection: &mut AnyConnection, commands: &[&Command]) -> Result<Book, StoreError> {
        let names = Names::of(commands);
        let mut book = Book::default();
        let held: Vec<&str> = names.holds.keys().map(|id| &**id).collect();
        for row in fetch(&self.read_holds, connection, &held).await? {
            let id: String = row.try_get("id")?;
            if let Some(hold) = names.holds.get(id.as_str()) {
                book.put_hold((*hold).clone());
            }
        }
        let accounts: Vec<&str> = names.accounts.iter().map(AccountId::as_str).collect();
        let mut missing: BTreeSet<&str> = accounts.iter().copied().collect();
        for row in fetch(&self.read_accounts, connection, &accounts).await? {
            missing.remove(put_account(&mut book, &row)?.as_str());
        }
        if self.backend == Backend::Postgres && !missing.is_empty() {
            // A row that is not there cannot be locked.
            let missing: Vec<&str> = missing.into_iter().collect();
            let mut rest = missing.as_slice();
            while !rest.is_empty() {
                let (count, mut statement) = self.touch_accounts.largest(rest.len());
                for id in &rest[..count] {
                    statement = bind_account(statement, id, Account::default());
                }
                statement.execute(&mut *connection).await?;
                rest = &rest[count..];
            }
            for row in fetch(&self.read_accounts, connection, &missing).await? {
                put_account(&mut book, &row)?;
            }
        }
        let counters: Vec<&str> = names.counters.iter().map(|id| &**id).collect();
        let mut missing: BTreeSet<&str> = counters.iter().copied().collect();
        for row in fetch(&self.read_counters, connection, &counters).await? {
            missing.remove(put_counter(&mut book, &row)?.as_str());
        }
        if self.backend == Backend::Postgres && !missing.is_empty() {
            let missing: Vec<&str> = missing.into_iter().collect();
            let mut rest = missing.as_slice();
            while !rest.is_empty() {
                let (count, mut statement) = self.touch_counters.largest(rest.len());
                for id in &rest[..count] {
                    statement = bind_counter(statement, id, &Counter::default());
                }
                statement.execute(&mut *connection).await?;
                rest = &rest[count..];
            }
            for row in fetch(&self.read_counters, connection, &missing).await? {
                put_counter(&mut book, &row)?;
            }
        }
        Ok(book)
    }

    /// The entries of transactions that are to be entered and are there already.
    async fn posted(
        &self,
        connection: &mut AnyConnection,
        commands: &[&Command],
    ) -> Result<BTreeMap<Arc<str>, Vec<Entry>>, StoreError> {
        let key = |command: &&&Command| match command {
            Command::Post(post) => Some(Arc::clone(&post.transaction)),
            _ => None,
        };
        let keys: BTreeSet<Arc<str>> = commands.iter().filter_map(|command| key(&command)).collect();
        let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
        let mut posted: BTreeMap<Arc<str>, Vec<Entry>> = BTreeMap::new();
        for row in fetch(&self.read_entries, connection, &keys).await? {
            let entry = entry(&row)?;
            posted.entry(Arc::clone(&entry.transaction)).or_default().push(entry);
        }
        Ok(posted)
    }

    async fn write(&self, connection: &mut AnyConnection, book: &mut Book) -> Result<(), StoreError> {
        let Changes { accounts, counters, made, gone, entries } = book.take_changes();
        let accounts: Vec<_> = accounts.into_iter().collect();
        let mut rest = accounts.as_slice();
        while !rest.is_empty() {
            let (count, mut statement) = self.write_accounts.largest(rest.len());
            for id in &rest[..count] {
                statement = bind_account(statement, id.as_str(), book.account(id));
            }
            statement.execute(&mut *connection).await?;
            rest = &rest[count..];
        }
        let counters: Vec<_> = counters.into_iter().collect();
        let mut rest = counters.as_slice();
        while !rest.is_empty() {
            let (count, mut statement) = self.write_counters.largest(rest.len());
            for id in &rest[..count] {
                statement = bind_counter(statement, id, &book.counter(id));
            }
            statement.execute(&mut *connection).await?;
            rest = &rest[count..];
        }
        let made: Vec<&Hold> = made.iter().filter_map(|id| book.hold(id)).collect();
        let mut rest = made.as_slice();
        while !rest.is_empty() {
            let (count, mut statement) = self.write_holds.largest(rest.len());
            for hold in &rest[..count] {
                let body = serde_json::to_string(hold).map_err(|_| StoreError::Corrupt { column: "body" })?;
                statement = statement
                    .bind(hold.id.to_string())
                    .bind(hold.process.to_string())
                    .bind(body)
                    .bind(hold.created_at);
            }
            statement.execute(&mut *connection).await?;
            rest = &rest[count..];
        }
        let gone: Vec<&str> = gone.iter().map(|id| &**id).collect();
        for chunk in gone.chunks(crate::ledger::rows::MAX_ROWS) {
            bind_list(&self.delete_holds, chunk).execute(&mut *connection).await?;
        }
        let mut rest = entries.as_slice();
        while !rest.is_empty() {
            let (count, mut statement) = self.write_entries.largest(rest.len());
            for entry in &rest[..count] {
                statement = bind_entry(statement, entry);
            }
            statement.execute(&mut *connection).await?;
            rest = &rest[count..];
        }
        Ok(())
    }
}

fn event_row(command: &Command) -> Option<&Row> {
    match command {
        Command::Settle { row, .. } => Some(row),
        _ => None,
    }
}

/// Whether a command writes an event and nothing else.
fn is_free(command: &Command) -> bool {
    match command {
        Command::Settle { row, hold: None, sources } => {
            sources.is_empty() || row.event.cost.is_none_or(|cost| cost.nanos <= 0)
        }
        _ => false,
    }
}

fn apply(
    command: &Command,
    book: &mut Book,
    new: &mut HashSet<String>,
    posted: &mut BTreeMap<Arc<str>, Vec<Entry>>,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    Ok(match command {
        Command::Reserve(reserve) => match book.reserve(reserve) {
            Ok(hold) => {
                let counters = reserve.checks.iter().map(|check| book.counter(&check.counter)).collect();
                Outcome::Reserved(Box::new(Reserved { hold, counters }))
            }
            Err(refusal) => Outcome::Refused(refusal),
        },
        Command::Settle { row, hold, sources } => {
            // Of several events with one key the first counts, within a transaction too.
            if new.remove(&row.event.idempotency_key) {
                let settle =
                    Settle { event: row.event.clone(), hold: hold.clone(), sources: sources.clone() };
                // The event is written already: where it cannot be charged, all of it fails.
                book.settle(&settle, now).map_err(|_| StoreError::Corrupt { column: "balance" })?;
            } else if let Some(hold) = hold {
                book.release(&hold.id, None, row.event.completed_at);
            }
            Outcome::Done
        }
        Command::Release(hold) => {
            book.release(&hold.id, None, Timestamp(hold.created_at));
            Outcome::Done
        }
        Command::Post(post) => {
            if let Some(entries) = posted.get(&post.transaction) {
                return Ok(Outcome::Posted(Posted { entries: entries.clone(), is_repeat: true }));
            }
            match book.post(post, now) {
                Ok(entries) => {
                    posted.insert(Arc::clone(&post.transaction), entries.clone());
                    Outcome::Posted(Posted { entries, is_repeat: false })
                }
                Err(refusal) => Outcome::Refused(refusal),
            }
        }
    })
}

/// What a batch names.
#[derive(Default)]
struct Names<'a> {
    holds: BTreeMap<HoldId, &'a Hold>,
    accounts: BTreeSet<AccountId>,
    counters: BTreeSet<Arc<str>>,
}

impl<'a> Names<'a> {
    fn of(commands: &[&'a Command]) -> Self {
        let mut names = Self::default();
        for command in commands {
            match command {
                Command::Reserve(reserve) => {
                    let of_covers = reserve.covers.iter().flat_map(|cover| &cover.checks);
                    let checks = reserve.checks.iter().chain(of_covers);
                    names.counters.extend(checks.map(|check| Arc::clone(&check.counter)));
                    names.sources(&reserve.sources);
                }
                Command::Settle { row, hold, sources } => {
                    names.hold(hold.as_ref());
                    names.sources(sources);
                    let event = &row.event;
                    let Some(cost) = event.cost else { continue };
                    let account = |kind| AccountId::new(&event.organization, &kind, cost.currency);
                    names.accounts.insert(account(AccountKind::Revenue));
                    if hold.as_ref().is_some_and(|hold| hold.covered_by.is_some()) {
                        names
                            .accounts
                            .extend([account(AccountKind::Covered), account(AccountKind::Allowance)]);
                    }
                }
                Command::Release(hold) => names.hold(Some(hold)),
                Command::Post(post) => {
                    for part in &post.moves {
                        names.sources(&part.from);
                        names.accounts.insert(part.to.clone());
                    }
                }
            }
        }
        names
    }

    fn sources(&mut self, sources: &[Source]) {
        self.accounts.extend(sources.iter().map(|source| source.account.clone()));
    }

    fn hold(&mut self, hold: Option<&'a Hold>) {
        let Some(hold) = hold else { return };
        self.accounts.extend(hold.funds.iter().map(|(account, _)| account.clone()));
        self.counters.extend(hold.room.iter().map(|held| Arc::clone(&held.counter)));
        self.holds.insert(Arc::clone(&hold.id), hold);
    }
}

type Statement = crate::ledger::rows::Statement;

/// Binds a list, its last value as often as there are places left.
fn bind_list(statements: &RowStatements, values: &[&str]) -> Statement {
    let (count, mut statement) = statements.smallest(values.len());
    let last = values.last().copied().unwrap_or_default();
    for place in 0..count {
        statement = statement.bind(values.get(place).copied().unwrap_or(last).to_owned());
    }
    statement
}

async fn fetch(
    statements: &RowStatements,
    connection: &mut AnyConnection,
    values: &[&str],
) -> Result<Vec<sqlx::any::AnyRow>, StoreError> {
    let mut rows = Vec::new();
    for chunk in values.chunks(crate::ledger::rows::MAX_ROWS) {
        rows.extend(bind_list(statements, chunk).fetch_all(&mut *connection).await?);
    }
    Ok(rows)
}

fn put_account(book: &mut Book, row: &sqlx::any::AnyRow) -> Result<String, StoreError> {
    let id: String = row.try_get("id")?;
    let account = Account { balance: row.try_get("balance")?, held: row.try_get("held")? };
    book.put_account(AccountId::parse(&id).ok_or(StoreError::Corrupt { column: "id" })?, account);
    Ok(id)
}

fn put_counter(book: &mut Book, row: &sqlx::any::AnyRow) -> Result<String, StoreError> {
    let id: String = row.try_get("id")?;
    book.put_counter(id.as_str().into(), super::read::counter(row)?);
    Ok(id)
}

fn bind_account(statement: Statement, id: &str, account: Account) -> Statement {
    let parsed = AccountId::parse(id);
    let is_funds = parsed.as_ref().and_then(AccountId::kind).is_some_and(|kind| kind.is_funds());
    let organization = parsed.map(|id| id.organization().to_owned()).unwrap_or_default();
    statement
        .bind(id.to_owned())
        .bind(organization)
        .bind(i64::from(is_funds))
        .bind(account.balance)
        .bind(account.held)
}

fn bind_counter(statement: Statement, id: &str, counter: &Counter) -> Statement {
    statement.bind(id.to_owned()).bind(counter.used).bind(counter.held).bind(counter.start).bind(counter.end)
}

fn bind_entry(statement: Statement, entry: &Entry) -> Statement {
    statement
        .bind(entry.transaction.to_string())
        .bind(i64::from(entry.sequence))
        .bind(entry.kind.as_str())
        .bind(entry.organization.as_str().to_owned())
        .bind(entry.project.as_ref().map(|project| project.as_str().to_owned()))
        .bind(entry.debit.as_str().to_owned())
        .bind(entry.credit.as_str().to_owned())
        .bind(entry.money.nanos)
        .bind(entry.money.currency.code().to_owned())
        .bind(entry.reverses.as_ref().map(ToString::to_string))
        .bind(entry.memo.clone())
        .bind(entry.created_at.0)
}
