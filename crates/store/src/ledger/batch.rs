//! One transaction of the ledger.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use tenfold_billing::ledger::{
    Account, AccountId, AccountKind, Book, Changes, Counter, Entry, Hold, HoldId, Post, Posted, Refusal,
    Reserve, Reserved, Settle, Source,
};
use tenfold_kernel::{Clock, Timestamp};

use crate::ledger::events::{Inserts, Row};
use crate::ledger::read::entry;
use crate::ledger::rows::{Gives, Part, RowStatement, Statement, run_each, run_together};
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
    read_holds: RowStatement,
    read_accounts: RowStatement,
    read_counters: RowStatement,
    read_entries: RowStatement,
    touch_accounts: RowStatement,
    touch_counters: RowStatement,
    write_accounts: RowStatement,
    write_counters: RowStatement,
    write_holds: RowStatement,
    delete_holds: RowStatement,
    write_entries: RowStatement,
}

/// How many numbers of a row are read, at most.
const NUMBERS: usize = 4;
const ACCOUNTS: &str = "INSERT INTO accounts (id, organization, is_funds, balance, held) VALUES ";
const COUNTERS: &str = "INSERT INTO counters (id, used, held, starts_at, ends_at) VALUES ";

impl Statements {
    pub(super) fn new(backend: Backend) -> Self {
        // SQLite has one writer, whose transaction excludes all others from its beginning.
        let lock = match backend {
            Backend::Sqlite => "",
            Backend::Postgres => " ORDER BY id FOR UPDATE",
        };
        let rows = |before: &str, width, after: &str| RowStatement::rows(backend, before, width, after);
        // What is read begins with what it is and its id, and goes on with numbers. PostgreSQL wants as many of all.
        let columns = |what: &str, id: &str, numbers: &[&str]| {
            let more = match backend {
                Backend::Sqlite => 0,
                Backend::Postgres => NUMBERS - numbers.len(),
            };
            let numbers = [numbers, &vec!["CAST(0 AS BIGINT)"; more]].concat();
            [&[&*format!("CAST('{what}' AS TEXT)"), id], &*numbers].concat().join(", ")
        };
        let read = |what: &str, numbers: &[&str]| {
            let before = format!("SELECT {} FROM {what}s WHERE id IN ", columns(what, "id", numbers));
            RowStatement::list(backend, &before, lock)
        };
        let keep = " ON CONFLICT (id) DO NOTHING";
        Self {
            backend,
            events: Inserts::new(backend, &columns("event", "idempotency_key", &[])),
            read_holds: read("hold", &[]),
            read_accounts: read("account", &["balance", "held"]),
            read_counters: read("counter", &["used", "held", "starts_at", "ends_at"]),
            read_entries: RowStatement::list(
                backend,
                "SELECT transaction_key, sequence, kind, organization, project, debit, credit, nanos, currency,
                 reverses, memo, created_at FROM entries WHERE transaction_key IN ",
                " ORDER BY transaction_key, sequence",
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
            delete_holds: RowStatement::list(backend, "DELETE FROM holds WHERE id IN ", ""),
            write_entries: rows(
                "INSERT INTO entries (transaction_key, sequence, kind, organization, project, debit, credit, nanos,
                 currency, reverses, memo, created_at) VALUES ",
                12,
                "",
            ),
        }
    }

    /// Writes events that nobody is charged for.
    pub(super) async fn write_free(
        &self,
        store: &Store,
        commands: &[&Command],
    ) -> Result<Vec<Outcome>, StoreError> {
        self.events.write(store, commands.iter().filter_map(|command| event_row(command)).collect()).await?;
        Ok(commands.iter().map(|_| Outcome::Done).collect())
    }

    /// Runs all commands within a transaction, in order.
    pub(super) async fn run(
        &self,
        connection: &mut AnyConnection,
        commands: &[&Command],
        clock: &dyn Clock,
    ) -> Result<Vec<Outcome>, StoreError> {
        let Found { mut book, mut new, .. } = self.read(connection, commands).await?;
        // Read under the locks: whoever closes a month waits for them before.
        let now = clock.now();
        let mut posted = self.posted(connection, commands).await?;
        let outcomes = commands
            .iter()
            .map(|command| apply(command, &mut book, &mut new, &mut posted, now))
            .collect::<Result<_, _>>()?;
        self.write(connection, &mut book, commands.len() == 1).await?;
        Ok(outcomes)
    }

    /// Writes the events, and reads, and locks, all that the commands name.
    async fn read(&self, connection: &mut AnyConnection, commands: &[&Command]) -> Result<Found, StoreError> {
        let names = Names::of(commands);
        let accounts =
            || Part::ids(&self.read_accounts, names.accounts.iter().map(AccountId::as_str).collect());
        let counters = || Part::ids(&self.read_counters, names.counters.iter().map(|id| &**id).collect());
        let parts = [
            self.events.telling(commands.iter().filter_map(|command| event_row(command)).collect()),
            Part::ids(&self.read_holds, names.holds.keys().map(|id| &**id).collect()),
            accounts(),
            counters(),
        ];
        let rows = match commands {
            [_] => run_together(connection, &parts, Gives::Rows).await?,
            _ => run_each(connection, &parts).await?,
        };
        let mut found = Found {
            missing_accounts: names.accounts.clone(),
            missing_counters: names.counters.clone(),
            ..Found::default()
        };
        found.take(&rows, &names)?;
        let is_all = found.missing_accounts.is_empty() && found.missing_counters.is_empty();
        if self.backend == Backend::Postgres && !is_all {
            // A row that is not there cannot be locked.
            let missing_accounts = std::mem::take(&mut found.missing_accounts).into_iter().collect();
            let missing_counters = std::mem::take(&mut found.missing_counters).into_iter().collect();
            let touched = [
                Part::new(&self.touch_accounts, missing_accounts, |statement, id| {
                    Ok(bind_account(statement, id, Account::default()))
                }),
                Part::new(&self.touch_counters, missing_counters, |statement, id: &Arc<str>| {
                    Ok(bind_counter(statement, id, &Counter::default()))
                }),
            ];
            run_each(connection, &touched).await?;
            found.take(&run_each(connection, &[accounts(), counters()]).await?, &names)?;
        }
        Ok(found)
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
        let keys = Part::ids(&self.read_entries, keys.iter().map(|key| &**key).collect());
        let mut posted: BTreeMap<Arc<str>, Vec<Entry>> = BTreeMap::new();
        for row in run_each(connection, &[keys]).await? {
            let entry = entry(&row)?;
            posted.entry(Arc::clone(&entry.transaction)).or_default().push(entry);
        }
        Ok(posted)
    }

    async fn write(
        &self,
        connection: &mut AnyConnection,
        book: &mut Book,
        is_alone: bool,
    ) -> Result<(), StoreError> {
        let Changes { accounts, counters, made, gone, entries } = book.take_changes();
        let book = &*book;
        let parts = [
            Part::new(&self.write_accounts, accounts.into_iter().collect(), |statement, id| {
                Ok(bind_account(statement, id, book.account(id)))
            }),
            Part::new(&self.write_counters, counters.into_iter().collect(), |statement, id| {
                Ok(bind_counter(statement, id, &book.counter(id)))
            }),
            Part::new(
                &self.write_holds,
                made.iter().filter_map(|id| book.hold(id)).collect(),
                |statement, hold| bind_hold(statement, hold),
            ),
            Part::ids(&self.delete_holds, gone.iter().map(|id| &**id).collect()),
            Part::new(&self.write_entries, entries, |statement, entry| Ok(bind_entry(statement, entry))),
        ];
        if is_alone {
            run_together(connection, &parts, Gives::Nothing).await?;
        } else {
            run_each(connection, &parts).await?;
        }
        Ok(())
    }
}

/// What a transaction begins with.
#[derive(Default)]
struct Found {
    book: Book,
    /// The keys of the events that were not there.
    new: HashSet<String>,
    missing_accounts: BTreeSet<AccountId>,
    missing_counters: BTreeSet<Arc<str>>,
}

impl Found {
    fn take(&mut self, rows: &[AnyRow], names: &Names<'_>) -> Result<(), StoreError> {
        for row in rows {
            let (what, id): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
            let number = |place: usize| row.try_get::<i64, _>(place);
            match what {
                "event" => {
                    self.new.insert(id.to_owned());
                }
                "hold" => {
                    if let Some(hold) = names.holds.get(id) {
                        self.book.put_hold((*hold).clone());
                    }
                }
                "account" => {
                    let account = Account { balance: number(2)?, held: number(3)? };
                    let id = AccountId::parse(id).ok_or(StoreError::Corrupt { column: "id" })?;
                    self.missing_accounts.remove(&id);
                    self.book.put_account(id, account);
                }
                _ => {
                    let counter =
                        Counter { used: number(2)?, held: number(3)?, start: number(4)?, end: number(5)? };
                    self.missing_counters.remove(id);
                    self.book.put_counter(id.into(), counter);
                }
            }
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
pub(super) fn is_free(command: &Command) -> bool {
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

fn bind_account(statement: Statement, id: &AccountId, account: Account) -> Statement {
    let is_funds = id.kind().is_some_and(|kind| kind.is_funds());
    statement
        .bind(id.as_str().to_owned())
        .bind(id.organization().to_owned())
        .bind(i64::from(is_funds))
        .bind(account.balance)
        .bind(account.held)
}

fn bind_counter(statement: Statement, id: &str, counter: &Counter) -> Statement {
    statement.bind(id.to_owned()).bind(counter.used).bind(counter.held).bind(counter.start).bind(counter.end)
}

fn bind_hold(statement: Statement, hold: &Hold) -> Result<Statement, StoreError> {
    let body = serde_json::to_string(hold).map_err(|_| StoreError::Corrupt { column: "body" })?;
    Ok(statement.bind(hold.id.to_string()).bind(hold.process.to_string()).bind(body).bind(hold.created_at))
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
