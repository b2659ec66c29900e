//! CSV, as a spreadsheet reads it.

use csv::{ReaderBuilder, StringRecord};
use tenfold_billing::invoice::Line;
use tenfold_invoice::to_csv;

use crate::samples::{invoice, line, small};

fn rows(text: &str) -> Vec<StringRecord> {
    let text = text.strip_prefix('\u{feff}').unwrap();
    ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes())
        .records()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn every_line_and_sum_is_a_row() {
    let text = to_csv(&small()).unwrap();
    let rows = rows(&text);
    let kinds: Vec<&str> = rows.iter().map(|row| &row[0]).collect();
    assert_eq!(kinds[..2], ["row", "line"]);
    assert_eq!(kinds[24..], ["subtotal", "tax", "tax", "total", "credits_applied", "balance_due"]);
    assert_eq!(text.matches("\r\n").count(), rows.len());

    let column = |name: &str| rows[0].iter().position(|head| head == name).unwrap();
    let cents = |row: &StringRecord| row[column("amount")].replace('.', "").parse::<i64>().unwrap();
    let of = |kind: &str| rows.iter().filter(|row| &row[0] == kind).map(cents).sum::<i64>();
    assert_eq!(of("line"), of("subtotal"));
    assert_eq!(of("line") + of("tax"), of("total"));
    assert_eq!(of("total") - of("credits_applied"), of("balance_due"));
    assert_eq!(&rows[1][column("amount_exact")], "13.685185050");
    assert_eq!(&rows[19][column("tags")], "cost-centre=4711;部门=客服");
}

#[test]
fn text_is_never_a_formula_and_numbers_stay_numbers() {
    let bad = Line {
        project: Some("=HYPERLINK(\"http://x\")".to_owned()),
        model: Some("@SUM(1)".to_owned()),
        description: "+1, \"quoted\"\nand broken".to_owned(),
        unit: "\ttab".to_owned(),
        unit_price: Some("-0.10".to_owned()),
        ..line(-1_500_000_000)
    };
    let rows = rows(&to_csv(&invoice("USD", vec![bad])).unwrap());
    let cells: Vec<&str> = rows[1].iter().collect();
    assert_eq!(cells[3], "'=HYPERLINK(\"http://x\")");
    assert_eq!(cells[4], "'@SUM(1)");
    assert_eq!(cells[6], "'+1, \"quoted\"\nand broken");
    assert_eq!((cells[8], cells[9]), ("'\ttab", "'-0.10"));
    assert_eq!((cells[10], cells[11]), ("-1.500000000", "-1.50"));
}
