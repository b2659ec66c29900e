//! Pages, as `pdftotext` reads them. Fonts and `pdftotext` are installed by `scripts/setup.sh test`.

use std::path::PathBuf;
use std::process::Command;

use tenfold_billing::invoice::{Kind, Line, Party, Statement, Totals};
use tenfold_invoice::{Fonts, InvoiceError, Language, MAX_LINES, to_pdf, write_minor};
use tenfold_kernel::Timestamp;

use crate::samples::{invoice, large, line, small};

/// The text of each page; the file stays under the target folder to be looked at. Nothing without `pdftotext`.
fn pages(name: &str, pdf: &[u8]) -> Option<Vec<String>> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pdf"));
    std::fs::write(&path, pdf).unwrap();
    let Ok(output) = Command::new("pdftotext").arg("-layout").arg(&path).arg("-").output() else {
        println!("pdftotext is not installed: {name} is not read");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.split_terminator('\u{c}').map(str::to_owned).collect())
}

fn print(statement: &Statement, language: Language) -> Vec<u8> {
    to_pdf(statement, &Fonts::find(&[]).unwrap(), language).unwrap()
}

/// `1,234.50`.
fn with_commas(minor: i128, digits: u32) -> String {
    let plain = write_minor(minor.abs(), digits);
    let (whole, rest) =
        plain.split_once('.').map_or((plain.as_str(), String::new()), |(w, r)| (w, format!(".{r}")));
    let groups: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap()).collect();
    format!("{}{}{rest}", if minor < 0 { "-" } else { "" }, groups.join(","))
}

#[test]
fn a_small_customer_reads_everything_on_one_page() {
    let statement = small();
    for (name, language) in [("small-en", Language::En), ("small-zh", Language::ZhCn)] {
        let Some(pages) = pages(name, &print(&statement, language)) else { return };
        assert_eq!(pages.len(), 1, "{name}");
        let page = &pages[0];
        let totals = Totals::of(&statement).unwrap();
        let amounts = totals.lines.iter().chain([&totals.subtotal, &totals.total, &totals.balance_due]);
        for text in amounts.map(|minor| with_commas(*minor, totals.digits)) {
            assert!(page.contains(&text), "{text}\n{page}");
        }
        for text in
            ["INV-2026-000417", "杭州云栖智能科技有限公司", "Tenfold Computing Ltd", "Asia/Shanghai", "4711"]
        {
            assert!(page.contains(text), "{text}\n{page}");
        }
    }
}

#[test]
fn dates_are_those_of_the_customer_in_either_language() {
    let statement = small();
    if let Some(pages) = pages("dates-en", &print(&statement, Language::En)) {
        assert!(pages[0].contains("1 October 2026 to 31 October"), "{}", pages[0]);
        assert!(pages[0].contains("Page 1 of 1"));
    }
    if let Some(pages) = pages("dates-zh", &print(&statement, Language::ZhCn)) {
        assert!(pages[0].contains("2026年10月1日至2026年10月31日"), "{}", pages[0]);
        assert!(pages[0].contains("第 1 页，共 1 页"));
    }
}

#[test]
fn two_hundred_lines_take_several_pages_with_a_head_each() {
    let statement = large();
    let Some(pages) = pages("large", &print(&statement, Language::En)) else { return };
    assert!((4..=7).contains(&pages.len()), "{}", pages.len());
    let totals = Totals::of(&statement).unwrap();
    for (index, page) in pages.iter().enumerate() {
        assert!(page.contains("Description"), "{page}");
        assert!(page.contains(&format!("Page {} of {}", index + 1, pages.len())), "{page}");
        assert!(page.contains("INV-2026-000417"), "{page}");
    }
    let whole = pages.concat();
    for text in totals.lines.iter().chain([&totals.total]).map(|minor| with_commas(*minor, totals.digits)) {
        assert!(whole.contains(&text), "{text}");
    }
}

#[test]
fn the_same_statement_gives_the_same_bytes() {
    for statement in [small(), large()] {
        assert_eq!(print(&statement, Language::ZhCn), print(&statement, Language::ZhCn));
    }
}

#[test]
fn a_credit_note_names_its_invoice_and_is_negative() {
    let note = small().credit_note("CN-2026-000009".to_owned(), Timestamp(1_793_600_000_000));
    let Some(pages) = pages("credit-note", &print(&note, Language::En)) else { return };
    for text in ["Credit note", "CN-2026-000009", "for invoice INV-2026-000417", "in your favour", "USD -"] {
        assert!(pages[0].contains(text), "{text}\n{}", pages[0]);
    }
    assert!(!pages[0].contains("Bank transfer"), "{}", pages[0]);
}

#[test]
fn a_statement_ends_with_its_total_and_asks_for_nothing() {
    let statement = Statement { kind: Kind::Statement, due_at: None, credits_applied: 0, ..small() };
    for (name, language, total) in
        [("statement-en", Language::En, "Total"), ("statement-zh", Language::ZhCn, "合计")]
    {
        let Some(pages) = pages(name, &print(&statement, language)) else { return };
        let page = &pages[0];
        // In the band and below the table.
        assert_eq!(page.matches(total).count(), 2, "{page}");
        for absent in ["Balance due", "应付余额", "Bank transfer", "Credits applied", "Due"] {
            assert!(!page.contains(absent), "{absent}\n{page}");
        }
    }
}

#[test]
fn texts_and_amounts_without_end_stay_on_the_page() {
    let endless = "无尽的名字 endless".repeat(500);
    let lines = (0..40_u32)
        .map(|n| Line {
            project: Some(endless.clone()),
            model: Some("x".repeat(5000)),
            description: format!("\u{0}\u{1b}{endless}"),
            quantity: u64::MAX,
            unit: endless.clone(),
            unit_price: Some("9".repeat(400)),
            amount: i128::MAX / 1_000_000_000 + i128::from(n),
            tax_rate: n,
            tags: (0..100).map(|tag| (format!("{tag}"), endless.clone())).collect(),
            ..line(0)
        })
        .collect();
    let party =
        Party { name: endless.clone(), address: vec![endless.clone(); 20], tax_id: Some(endless.clone()) };
    let mut statement = invoice("KWD", lines);
    statement.organization = party.clone();
    statement.issuer.party = party;
    statement.issuer.payment_note = Some(endless.clone());
    let Some(pages) = pages("endless", &print(&statement, Language::En)) else { return };
    assert!(pages.len() < 12, "{}", pages.len());
    assert!(pages.concat().contains("18,446,744,073,709,551,615"));
}

#[test]
fn a_document_without_lines_has_its_sums() {
    let Some(pages) = pages("empty", &print(&invoice("JPY", Vec::new()), Language::En)) else { return };
    assert!(pages.len() == 1 && pages[0].contains("JPY 0"), "{pages:?}");
}

#[test]
fn too_many_lines_are_refused_before_any_is_set() {
    let statement = invoice("USD", vec![line(1); MAX_LINES + 1]);
    let error = to_pdf(&statement, &Fonts::find(&[]).unwrap(), Language::En).unwrap_err();
    assert!(matches!(error, InvoiceError::TooManyLines { limit: MAX_LINES, .. }), "{error}");
}
