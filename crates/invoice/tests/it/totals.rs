//! What an invoice adds up to.

use proptest::prelude::*;
use tenfold_billing::invoice::{Kind, Line, Statement, Totals};
use tenfold_invoice::{InvoiceError, to_json, write_minor};
use tenfold_kernel::Timestamp;

use crate::samples::{invoice, line};

#[test]
fn each_line_is_rounded_and_the_tax_of_each_rate_once() {
    // Three halves of a cent: each line is a cent, so that the three are printed as three cents.
    let mut statement = invoice("USD", vec![line(5_000_000), line(5_000_000), line(5_000_000)]);
    statement.lines.push(Line { tax_rate: 0, ..line(10_000_000_000) });
    statement.lines.push(Line { tax_rate: 88_750, ..line(99_990_000_000) });
    statement.credits_applied = 1_234_999_999;
    let totals = Totals::of(&statement).unwrap();
    assert_eq!(totals.lines, [1, 1, 1, 1000, 9999]);
    assert_eq!(totals.subtotal, 11_002);
    let taxes: Vec<_> = totals.taxes.iter().map(|tax| (tax.rate, tax.base, tax.amount)).collect();
    // 6 % of 3 cents is 0.18 cents; 8.875 % of 99.99 is 8.8741125.
    assert_eq!(taxes, [(0, 1000, 0), (60_000, 3, 0), (88_750, 9999, 887)]);
    assert_eq!((totals.total, totals.credits_applied, totals.balance_due), (11_889, 123, 11_766));
}

#[test]
fn yen_have_no_minor_unit_and_dinars_three_digits() {
    let total = |currency| {
        let totals = Totals::of(&invoice(currency, vec![line(1_234_567_890_123)])).unwrap();
        write_minor(totals.subtotal, totals.digits)
    };
    assert_eq!(["JPY", "USD", "KWD"].map(total), ["1235", "1234.57", "1234.568"]);
}

#[test]
fn an_invoice_without_lines_is_zero() {
    let totals = Totals::of(&invoice("EUR", Vec::new())).unwrap();
    assert_eq!((totals.total, totals.balance_due, totals.taxes.len()), (0, 0, 0));
}

#[test]
fn sums_beyond_all_numbers_are_an_error() {
    let mut statement = invoice("CLF", vec![line(i128::MAX)]);
    statement.lines[0].tax_rate = u32::MAX;
    assert_eq!(Totals::of(&statement), None);
    assert!(matches!(to_json(&statement), Err(InvoiceError::Overflow { .. })));
}

#[test]
fn a_statement_that_was_stored_reads_back() {
    let statement =
        invoice("USD", vec![line(i128::MAX), line(-1)]).credit_note("CN-1".to_owned(), Timestamp(1));
    let text = serde_json::to_string(&statement).unwrap();
    assert_eq!(serde_json::from_str::<Statement>(&text).unwrap(), statement);
    // By way of a JSON value too, which has no integers of 128 bits.
    let value = serde_json::to_value(&statement).unwrap();
    assert_eq!(serde_json::from_value::<Statement>(value).unwrap(), statement);
}

fn some_statement() -> impl Strategy<Value = Statement> {
    let rates = prop::sample::select(vec![0_u32, 10_000, 60_000, 88_750, 190_000, 333_333]);
    let lines = prop::collection::vec((-1_000_000_000_000_i128..1_000_000_000_000, rates), 0..60);
    let currency = prop::sample::select(vec!["USD", "JPY", "KWD", "CLF", "CNY"]);
    (lines, currency, 0_i128..100_000_000_000).prop_map(|(lines, currency, credits_applied)| {
        let lines = lines.into_iter().map(|(nanos, tax_rate)| Line { tax_rate, ..line(nanos) }).collect();
        Statement { credits_applied, ..invoice(currency, lines) }
    })
}

proptest! {
    #[test]
    fn printed_lines_add_up_to_the_printed_total(statement in some_statement()) {
        let totals = Totals::of(&statement).unwrap();
        // Back from what is printed, as somebody with a pocket calculator has it.
        let read = |minor| write_minor(minor, totals.digits).replace('.', "").parse::<i128>().unwrap();
        let lines: i128 = totals.lines.iter().map(|minor| read(*minor)).sum();
        let taxes: i128 = totals.taxes.iter().map(|tax| read(tax.amount)).sum();
        prop_assert_eq!(lines, read(totals.subtotal));
        prop_assert_eq!(lines + taxes, read(totals.total));
        prop_assert_eq!(read(totals.total) - read(totals.credits_applied), read(totals.balance_due));
        prop_assert_eq!(totals.taxes.iter().map(|tax| tax.base).sum::<i128>(), totals.subtotal);
    }

    #[test]
    fn a_credit_note_of_the_whole_is_the_exact_negative(statement in some_statement()) {
        let note = statement.credit_note("CN-1".to_owned(), Timestamp(0));
        prop_assert_eq!(&note.kind, &Kind::CreditNote { of: statement.number.clone() });
        let (invoice, note) = (Totals::of(&statement).unwrap(), Totals::of(&note).unwrap());
        for (a, b) in invoice.lines.iter().zip(&note.lines) {
            prop_assert_eq!(*a, -b);
        }
        for (a, b) in invoice.taxes.iter().zip(&note.taxes) {
            prop_assert_eq!((a.rate, a.base, a.amount), (b.rate, -b.base, -b.amount));
        }
        prop_assert_eq!((invoice.subtotal, invoice.total), (-note.subtotal, -note.total));
        prop_assert_eq!(invoice.balance_due, -note.balance_due);
    }

    #[test]
    fn rounding_changes_a_line_by_half_a_minor_unit_at_most(statement in some_statement()) {
        let totals = Totals::of(&statement).unwrap();
        let unit = 10_i128.pow(9 - totals.digits);
        for (line, rounded) in statement.lines.iter().zip(&totals.lines) {
            prop_assert!((rounded * unit - line.amount).abs() * 2 <= unit);
        }
        let exact: i128 = statement.lines.iter().map(|line| line.amount).sum();
        let lines = i128::try_from(statement.lines.len()).unwrap();
        prop_assert!((totals.subtotal * unit - exact).abs() * 2 <= unit * lines);
    }
}
