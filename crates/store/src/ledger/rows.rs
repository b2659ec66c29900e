//! Statements over many rows: few enough texts to stay prepared.

use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe};

use crate::{Backend, StoreError};

/// The most rows of one statement.
pub(super) const MAX_ROWS: usize = 256;

pub(super) type Statement = Query<'static, Any, AnyArguments>;

/// A statement over rows of values, written for 1, 2, 4 ... rows: any number is a sum of them.
#[derive(Debug)]
pub(super) struct RowStatement {
    backend: Backend,
    before: String,
    /// Values a row; `None` where a row is a value of a list, in which it may stand twice.
    width: Option<usize>,
    after: String,
    by_power: Vec<Arc<str>>,
}

impl RowStatement {
    /// `before (?, ?), (?, ?) ... after`, with `width` values a row.
    pub(super) fn rows(backend: Backend, before: &str, width: usize, after: &str) -> Self {
        Self::new(backend, before, Some(width), after)
    }

    /// `before (?, ? ...) after`: for `IN`.
    pub(super) fn list(backend: Backend, before: &str, after: &str) -> Self {
        Self::new(backend, before, None, after)
    }

    fn new(backend: Backend, before: &str, width: Option<usize>, after: &str) -> Self {
        let (before, after) = (before.to_owned(), after.to_owned());
        let mut new = Self { backend, before, width, after, by_power: Vec::new() };
        let text = |power: u32| {
            let mut text = String::new();
            new.write(1 << power, &mut 0, &mut text);
            text.into()
        };
        new.by_power = (0..=MAX_ROWS.ilog2()).map(text).collect();
        new
    }

    /// For how many rows the next statement is written, when so many are left. Of a list it may be more than there are.
    fn size(&self, rows: usize) -> usize {
        let rows = rows.clamp(1, MAX_ROWS);
        if self.width.is_some() { 1 << rows.ilog2() } else { rows.next_power_of_two() }
    }

    /// Writes it for `rows` rows, whose places come after as many as `places`.
    fn write(&self, rows: usize, places: &mut usize, text: &mut String) {
        let between = if self.width.is_some() { "), (" } else { "," };
        text.push_str(&self.before);
        text.push('(');
        for row in 0..rows {
            if row > 0 {
                text.push_str(between);
            }
            for column in 0..self.width.unwrap_or(1) {
                if column > 0 {
                    text.push(',');
                }
                *places += 1;
                match self.backend {
                    // SQLite looks for the name of a named parameter among all names each time that it is bound, which
                    // is quadratic in this many; nameless ones go by their place.
                    Backend::Sqlite => text.push('?'),
                    Backend::Postgres => {
                        let _ = write!(text, "${places}");
                    }
                }
            }
        }
        text.push(')');
        text.push_str(&self.after);
    }
}

/// A statement, and the rows that it is for.
pub(super) struct Part<'a> {
    statement: &'a RowStatement,
    rows: usize,
    bind: Box<dyn Fn(Statement, usize) -> Result<Statement, StoreError> + Send + Sync + 'a>,
}

impl<'a> Part<'a> {
    /// `bind` binds the values of a row.
    pub(super) fn new<R: Send + Sync + 'a>(
        statement: &'a RowStatement,
        rows: Vec<R>,
        bind: impl Fn(Statement, &R) -> Result<Statement, StoreError> + Send + Sync + 'a,
    ) -> Self {
        let count = rows.len();
        // The last one stands in where a list is longer.
        let bind = move |statement, row: usize| match rows.get(row).or(rows.last()) {
            Some(row) => bind(statement, row),
            None => Ok(statement),
        };
        Self { statement, rows: count, bind: Box::new(bind) }
    }

    /// A list of ids.
    pub(super) fn ids(statement: &'a RowStatement, ids: Vec<&'a str>) -> Self {
        Self::new(statement, ids, |statement, id| Ok(statement.bind((*id).to_owned())))
    }

    fn bind(&self, statement: Statement, mut rows: std::ops::Range<usize>) -> Result<Statement, StoreError> {
        rows.try_fold(statement, |statement, row| (self.bind)(statement, row))
    }
}

/// Whether parts give rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    /// All of them do, with the same columns.
    Rows,
    Nothing,
}

/// Runs parts one after the other, each in as few statements as its rows need, and returns the rows that they give.
pub(super) async fn run_each(
    connection: &mut AnyConnection,
    parts: &[Part<'_>],
) -> Result<Vec<AnyRow>, StoreError> {
    let mut given = Vec::new();
    for part in parts {
        let mut done = 0;
        while done < part.rows {
            let size = part.statement.size(part.rows - done);
            let text = part.statement.by_power.get(size.ilog2() as usize).cloned().unwrap_or_default();
            let statement = part.bind(sqlx::query(AssertSqlSafe(text)), done..done + size)?;
            given.extend(statement.fetch_all(&mut *connection).await?);
            done += size;
        }
    }
    Ok(given)
}

/// The same in one question to the database: where little is asked, questions cost more than answers. No part may need
/// what another one does.
pub(super) async fn run_together(
    connection: &mut AnyConnection,
    parts: &[Part<'_>],
    gives: Gives,
) -> Result<Vec<AnyRow>, StoreError> {
    let parts: Vec<(&Part<'_>, usize)> = parts
        .iter()
        .filter(|part| part.rows > 0)
        .map(|part| match part.statement.width {
            Some(_) => (part, part.rows),
            None => (part, part.rows.next_power_of_two()),
        })
        .collect();
    let Some((first, _)) = parts.first() else { return Ok(Vec::new()) };
    let sizes: Vec<_> = parts.iter().map(|(part, size)| (part.statement, *size)).collect();
    let text = match first.statement.backend {
        Backend::Sqlite => one_after_the_other(&sizes),
        Backend::Postgres => with_one_another(&sizes, gives),
    };
    let mut statement = sqlx::query(AssertSqlSafe(text));
    for (part, size) in &parts {
        statement = part.bind(statement, 0..*size)?;
    }
    Ok(statement.fetch_all(connection).await?)
}

/// `...; ...; ...`
fn one_after_the_other(parts: &[(&RowStatement, usize)]) -> String {
    let (mut text, mut places) = (String::new(), 0);
    for (statement, rows) in parts {
        statement.write(*rows, &mut places, &mut text);
        text.push(';');
    }
    text
}

/// `WITH part_0 AS (...), part_1 AS (...) ...`: a statement with parameters has no semicolon. Parts that give rows are read
/// in order, and each of them runs when it is read: locks are taken in that order.
fn with_one_another(parts: &[(&RowStatement, usize)], gives: Gives) -> String {
    let (mut text, mut places) = (String::new(), 0);
    for (number, (statement, rows)) in parts.iter().enumerate() {
        let is_main = gives == Gives::Nothing && number + 1 == parts.len();
        if is_main {
            text.push(' ');
            statement.write(*rows, &mut places, &mut text);
        } else {
            let _ = write!(text, "{} part_{number} AS (", if number == 0 { "WITH" } else { "," });
            statement.write(*rows, &mut places, &mut text);
            text.push(')');
        }
    }
    if gives == Gives::Rows {
        for number in 0..parts.len() {
            let union = if number == 0 { "" } else { " UNION ALL" };
            let _ = write!(text, "{union} SELECT * FROM part_{number}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(backend: Backend) -> RowStatement {
        RowStatement::rows(backend, "a ", 2, " b")
    }

    fn list(backend: Backend) -> RowStatement {
        RowStatement::list(backend, "IN ", "")
    }

    #[test]
    fn a_statement_has_a_place_for_every_value() {
        let text = |statement: &RowStatement, rows| {
            let mut text = String::new();
            statement.write(rows, &mut 0, &mut text);
            text
        };
        assert_eq!(text(&pairs(Backend::Sqlite), 2), "a (?,?), (?,?) b");
        assert_eq!(text(&pairs(Backend::Postgres), 2), "a ($1,$2), ($3,$4) b");
        assert_eq!(text(&list(Backend::Postgres), 2), "IN ($1,$2)");
    }

    #[test]
    fn any_number_of_rows_is_a_sum_of_statements() {
        let (rows, list) = (pairs(Backend::Sqlite), list(Backend::Sqlite));
        assert_eq!([1, 5, 1_000].map(|count| rows.size(count)), [1, 4, MAX_ROWS]);
        assert_eq!([1, 5, 1_000].map(|count| list.size(count)), [1, 8, MAX_ROWS]);
    }

    #[test]
    fn statements_are_joined_as_their_database_has_it() {
        let (rows, list) = (pairs(Backend::Sqlite), list(Backend::Sqlite));
        assert_eq!(one_after_the_other(&[(&rows, 1), (&list, 2)]), "a (?,?) b;IN (?,?);");
        let (rows, list) = (pairs(Backend::Postgres), self::list(Backend::Postgres));
        let parts = [(&rows, 1), (&list, 2)];
        assert_eq!(
            with_one_another(&parts, Gives::Rows),
            "WITH part_0 AS (a ($1,$2) b), part_1 AS (IN ($3,$4)) SELECT * FROM part_0 UNION ALL SELECT * FROM part_1"
        );
        assert_eq!(with_one_another(&parts, Gives::Nothing), "WITH part_0 AS (a ($1,$2) b) IN ($3,$4)");
    }
}
