//! Statements over many rows: few enough texts to stay prepared.

use std::sync::Arc;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use crate::Backend;

/// The most rows of one statement.
pub(super) const MAX_ROWS: usize = 256;

pub(super) type Statement = Query<'static, Any, AnyArguments>;

/// One statement for 1, 2, 4 ... rows: any number is a sum of them.
#[derive(Debug)]
pub(super) struct RowStatements {
    by_power: Vec<Arc<str>>,
}

impl RowStatements {
    /// `before (?, ?), (?, ?) ... after`, with `width` values a row.
    pub(super) fn new(backend: Backend, before: &str, width: usize, after: &str) -> Self {
        let text = |rows| values(backend, before, rows, width, after).into();
        Self { by_power: (0..=MAX_ROWS.ilog2()).map(|power| text(1 << power)).collect() }
    }

    /// `before ?, ? ... after`: for `IN`, where a value may stand twice.
    pub(super) fn list(backend: Backend, before: &str, after: &str) -> Self {
        let text = |values| list(backend, before, values, after).into();
        Self { by_power: (0..=MAX_ROWS.ilog2()).map(|power| text(1 << power)).collect() }
    }

    /// The largest statement for at most `rows` rows, and for how many it is.
    pub(super) fn largest(&self, rows: usize) -> (usize, Statement) {
        let power = rows.clamp(1, MAX_ROWS).ilog2();
        let text = self.by_power.get(power as usize).cloned().unwrap_or_default();
        (1 << power, sqlx::query(AssertSqlSafe(text)))
    }

    /// The smallest statement for at least `values` values, at most [`MAX_ROWS`], and for how many it is.
    pub(super) fn smallest(&self, values: usize) -> (usize, Statement) {
        let count = values.clamp(1, MAX_ROWS).next_power_of_two();
        let text = self.by_power.get(count.ilog2() as usize).cloned().unwrap_or_default();
        (count, sqlx::query(AssertSqlSafe(text)))
    }
}

fn place(backend: Backend, number: usize, text: &mut String) {
    match backend {
        // SQLite looks for the name of a named parameter among all names each time that it is bound, which is
        // quadratic in this many; nameless ones go by their place.
        Backend::Sqlite => text.push('?'),
        Backend::Postgres => {
            text.push('$');
            text.push_str(&number.to_string());
        }
    }
}

fn list(backend: Backend, before: &str, values: usize, after: &str) -> String {
    let mut text = before.to_owned();
    for value in 0..values {
        if value > 0 {
            text.push(',');
        }
        place(backend, value + 1, &mut text);
    }
    text.push_str(after);
    text
}

fn values(backend: Backend, before: &str, rows: usize, width: usize, after: &str) -> String {
    let mut text = before.to_owned();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            if column > 0 {
                text.push(',');
            }
            place(backend, row * width + column + 1, &mut text);
        }
        text.push(')');
    }
    text.push_str(after);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_a_place_for_every_value() {
        assert_eq!(values(Backend::Sqlite, "a ", 2, 3, " b"), "a (?,?,?), (?,?,?) b");
        assert_eq!(values(Backend::Postgres, "", 2, 2, ""), "($1,$2), ($3,$4)");
        assert_eq!(list(Backend::Postgres, "IN (", 2, ")"), "IN ($1,$2)");
    }

    #[test]
    fn any_number_of_rows_is_a_sum_of_statements() {
        let statements = RowStatements::new(Backend::Sqlite, "", 1, "");
        assert_eq!(statements.largest(5).0, 4);
        assert_eq!(statements.largest(1).0, 1);
        assert_eq!(statements.largest(1_000).0, MAX_ROWS);
        assert_eq!(statements.smallest(5).0, 8);
        assert_eq!(statements.smallest(1_000).0, MAX_ROWS);
    }
}
