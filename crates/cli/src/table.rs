//! Tables.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use crate::terminal::{Terminal, printable};

/// A column's head, and whether its cells are numbers.
pub(crate) struct Column(pub(crate) &'static str, pub(crate) bool);

/// A column of text.
pub(crate) const fn text(head: &'static str) -> Column {
    Column(head, false)
}

/// A column of numbers.
pub(crate) const fn number(head: &'static str) -> Column {
    Column(head, true)
}

/// Prints a table, or `empty` when it has no rows.
pub(crate) fn print(
    terminal: &mut Terminal,
    columns: &[Column],
    rows: &[Vec<String>],
    empty: &str,
) -> std::io::Result<()> {
    if rows.is_empty() {
        return terminal.note(empty);
    }
    let cell = |content: &str, column: &Column| {
        let side = if column.1 { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(printable(content)).set_alignment(side)
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.force_no_tty();
    if let Some(width) = terminal.width {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(width);
    }
    table.set_header(columns.iter().map(|column| cell(column.0, column)).collect::<Vec<_>>());
    for row in rows {
        table.add_row(
            row.iter().zip(columns).map(|(content, column)| cell(content, column)).collect::<Vec<_>>(),
        );
    }
    for line in table.trim_fmt().lines() {
        terminal.line(line.strip_prefix(' ').unwrap_or(line))?;
    }
    Ok(())
}

/// A count of bytes for people.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(crate) fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1_000.0 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// Seconds since the epoch as a date in UTC, by Howard Hinnant's `civil_from_days`.
pub(crate) fn date(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_in_utc() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_400), "2000-02-29");
        assert_eq!(date(1_795_391_999), "2026-11-22");
        assert_eq!(date(-1), "1969-12-31");
    }

    #[test]
    fn sizes_are_written_with_one_decimal() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(98_362_432), "98.4 MB");
        assert_eq!(bytes(u64::MAX), "18446744.1 TB");
    }
}
