//! A database that any released version of the program left behind is opened by this one, with everything in it.

use std::borrow::Cow;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, AssertSqlSafe, Row as _, SqlSafeStr as _};
use tenfold_billing::LedgerReader as _;
use tenfold_kernel::Timestamp;
use tenfold_store::Store;

use crate::{postgres, sqlite};

/// Every migration by name, oldest first. Each was the newest once.
fn files() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn migrator(files: &[(String, String)]) -> Migrator {
    let migrations = files.iter().map(|(name, sql)| {
        let (version, what) = name.split_once('_').unwrap();
        let sql = AssertSqlSafe(sql.clone()).into_sql_str();
        let (version, what) = (version.parse().unwrap(), Cow::Owned(what.to_owned()));
        Migration::new(version, what, MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// A table with the names and values of the columns of its only row.
#[derive(Debug)]
struct Filled {
    table: String,
    columns: Vec<String>,
    values: Vec<String>,
}

async fn texts(pool: &AnyPool, sql: String) -> Vec<Vec<String>> {
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap();
    rows.iter().map(|row| (0..row.len()).map(|at| row.get::<String, _>(at)).collect()).collect()
}

/// What fits a column: the same everywhere, so that what refers to another row finds it.
fn value(column: &str, kind: &str) -> String {
    if !kind.eq_ignore_ascii_case("text") {
        return "7".to_owned();
    }
    match column {
        "currency" => "'USD'".to_owned(),
        "status" => "'completed'".to_owned(),
        _ => "'x'".to_owned(),
    }
}

/// Puts a row into every table, in the order in which they were made.
async fn fill(pool: &AnyPool, is_sqlite: bool) -> Vec<Filled> {
    let tables = if is_sqlite {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    } else {
        "SELECT CAST(relname AS TEXT) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
         ORDER BY oid"
    };
    let mut filled = Vec::new();
    for row in texts(pool, tables.to_owned()).await {
        let table = row[0].clone();
        if table == "_sqlx_migrations" {
            continue;
        }
        let columns = if is_sqlite {
            format!("SELECT name, type FROM pragma_table_info('{table}') ORDER BY cid")
        } else {
            format!(
                "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns
                 WHERE table_name = '{table}' ORDER BY ordinal_position"
            )
        };
        let columns = texts(pool, columns).await;
        let values: Vec<String> = columns.iter().map(|column| value(&column[0], &column[1])).collect();
        let columns: Vec<String> = columns.into_iter().map(|mut column| column.swap_remove(0)).collect();
        let (names, list) = (columns.join(", "), values.join(", "));
        // What a migration has put there already stays: a row that is the same is no other row.
        let insert = format!("INSERT INTO {table} ({names}) VALUES ({list}) ON CONFLICT DO NOTHING");
        sqlx::query(AssertSqlSafe(insert)).execute(pool).await.unwrap();
        let values = values.into_iter().map(|value| value.trim_matches('\'').to_owned()).collect();
        filled.push(Filled { table, columns, values });
    }
    filled
}

/// Opens a database that was left at the first `count` migrations, with a row in every table.
async fn upgrade(url: &str, count: usize, is_sqlite: bool) {
    sqlx::any::install_default_drivers();
    let files = files();
    let create = if is_sqlite { format!("{url}?mode=rwc") } else { url.to_owned() };
    let pool = || AnyPoolOptions::new().max_connections(1).connect(&create);
    let before = pool().await.unwrap();
    migrator(&files[..count]).run(&before).await.unwrap();
    let filled = fill(&before, is_sqlite).await;
    assert!(filled.len() >= 5, "there are tables: {filled:?}");
    before.close().await;

    let store = Store::connect(url, &sqlite::config()).await.unwrap();
    let has_ledger = filled.iter().any(|filled| filled.table == "entries");
    if !has_ledger {
        // Calls from before there was a ledger are entered in it, so that it agrees with them.
        let verified = store.verify(Timestamp(1_800_000_000_000)).await.unwrap();
        assert_eq!(verified.faults, Vec::<String>::new(), "{}", files[count - 1].0);
        let had_events = filled.iter().any(|filled| filled.table == "events");
        assert_eq!(verified.entries > 0, had_events, "{}", files[count - 1].0);
    }
    store.close().await;

    let after = pool().await.unwrap();
    for Filled { table, columns, values } in filled {
        let read: Vec<String> = columns.iter().map(|column| format!("CAST({column} AS TEXT)")).collect();
        let rows = texts(&after, format!("SELECT {} FROM {table}", read.join(", "))).await;
        assert!(rows.contains(&values), "{table} after {}: {rows:?}", files[count - 1].0);
    }
    after.close().await;
}

#[tokio::test]
async fn every_released_schema_is_upgraded_with_its_data_on_sqlite() {
    for count in 1..=files().len() {
        let folder = tempfile::tempdir().unwrap();
        upgrade(&format!("sqlite://{}", folder.path().join("tenfold.db").display()), count, true).await;
    }
}

#[tokio::test]
async fn every_released_schema_is_upgraded_with_its_data_on_postgres() {
    for count in 1..=files().len() {
        upgrade(&postgres::database(), count, false).await;
    }
}
