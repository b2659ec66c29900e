//! The tables, in the order in which they came to be.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, SqlSafeStr};

use crate::StoreError;

/// Embeds `migrations/<name>.sql`. Expands to the file's name and its text.
macro_rules! file {
    ($name:literal) => {
        ($name, include_str!(concat!("../migrations/", $name, ".sql")))
    };
}

/// Every migration: a version of fourteen digits (a date and time), an underscore, and what it does.
const FILES: &[(&str, &str)] = &[
    file!("20261123193000_add_identity"),
    file!("20261123194500_add_responses_and_idempotency"),
    file!("20261123200000_add_deployments"),
    file!("20261123200200_add_billing"),
    file!("20261123200300_add_jobs"),
    file!("20261124030000_add_ledger"),
    file!("20261124034000_add_payments"),
    file!("20261124035000_add_vouchers"),
    file!("20261124053000_add_price_terms"),
    file!("20261124053500_add_usage_by_medium"),
    file!("20261124054000_add_plans"),
    file!("20261124060000_add_spend_alerts"),
    file!("20261124063000_add_invoices"),
    file!("20261124064000_add_rentals"),
    file!("20261124065000_add_call_limits"),
    file!("20261125024000_add_auto_recharge"),
    file!("20261125024500_add_project_limits"),
    file!("20261125060000_add_payment_failures"),
    file!("20261125070000_add_accounts"),
];

/// Applies what is missing, each file in a transaction of its own. Processes that start together wait for each
/// other on PostgreSQL.
///
/// # Errors
/// [`StoreError::Migrate`] if a file fails, was changed after it was applied, or is unknown to this program.
pub(crate) async fn run(pool: &AnyPool) -> Result<(), StoreError> {
    migrator(FILES).run(pool).await.map_err(|source| StoreError::Migrate { source })
}

fn migrator(files: &[(&'static str, &'static str)]) -> Migrator {
    let migrations = files.iter().map(|(name, sql)| {
        let (version, what) = name.split_once('_').unwrap_or((name, ""));
        // A name without a version would sort first; `names_are_versions` keeps such names out.
        let version = version.parse().unwrap_or_default();
        Migration::new(version, Cow::Borrowed(what), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_versions_in_order_and_every_file_is_listed() {
        for (name, sql) in FILES {
            let (version, what) = name.split_once('_').unwrap();
            assert!(version.len() == 14 && version.parse::<i64>().is_ok() && !what.is_empty(), "{name}");
            assert!(!sql.trim().is_empty(), "{name}");
        }
        assert!(FILES.is_sorted_by(|a, b| a.0[..14] < b.0[..14]), "versions are unique and ascend");
        let mut found: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        let listed: Vec<String> = FILES.iter().map(|(name, _)| format!("{name}.sql")).collect();
        assert_eq!(found, listed);
    }

    #[tokio::test]
    async fn a_failing_or_changed_migration_is_refused_and_leaves_nothing_half_done() {
        sqlx::any::install_default_drivers();
        let pool =
            sqlx::any::AnyPoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
        let good = ("20260101000000_a", "CREATE TABLE a (id TEXT PRIMARY KEY)");
        let bad =
            ("20260102000000_b", "CREATE TABLE b (id TEXT PRIMARY KEY); INSERT INTO missing VALUES (1)");
        let error = migrator(&[good, bad]).run(&pool).await.unwrap_err();
        assert!(error.to_string().contains("20260102000000"), "{error}");
        let tables: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'b'")
                .fetch_one(&pool)
                .await
                .unwrap();
        assert_eq!(tables, 0, "the failed file is rolled back");

        let changed = ("20260101000000_a", "CREATE TABLE a (id TEXT PRIMARY KEY, n BIGINT)");
        let error = migrator(&[changed]).run(&pool).await.unwrap_err();
        assert!(error.to_string().contains("modified"), "{error}");
        let error = migrator(&[]).run(&pool).await.unwrap_err();
        assert!(error.to_string().contains("missing"), "an older program refuses a newer database: {error}");
    }
}
