//! What stands above and below the table: who, whom, when, and the sums.

use super::pen::{Pen, Style};
use super::text::Typesetter;
use super::{BLACK, BOTTOM, GREY, LEFT, RIGHT, SMALL, TOP};
use crate::calendar::Calendar;
use crate::error::InvoiceError;
use crate::minor::{print_minor, write_minor, write_percent};
use crate::words::Words;
use tenfold_billing::invoice::Totals;
use tenfold_billing::invoice::{Kind, Party, Statement};
use tenfold_kernel::Timestamp;

/// Where the table begins on a page that is not the first, in points.
pub(crate) const RUNNING_HEAD: f32 = TOP + 20.0;

/// More tax rates than any law has are printed as one sum, for the sums must fit on a page.
const MAX_RATES: usize = 12;

const TITLE: Style = Style { size: 22.0, bold: true, grey: BLACK };
const NAME: Style = Style { size: 11.5, bold: true, grey: BLACK };
const BODY: Style = Style { size: 8.5, bold: false, grey: BLACK };
const STRONG: Style = Style { size: 9.0, bold: true, grey: BLACK };
const QUIET: Style = Style { size: 8.5, bold: false, grey: GREY };
const LABEL: Style = Style { size: 7.5, bold: true, grey: GREY };
const BALANCE: Style = Style { size: 15.0, bold: true, grey: BLACK };

/// How wide the names and addresses are, in points.
const PARTY_WIDTH: f32 = 270.0;
/// Where the facts on the right begin, and how wide their labels are.
const FACTS: f32 = LEFT + 290.0;
const FACT_LABEL: f32 = 52.0;
/// The band of the balance and the space around it.
const BAND: f32 = 34.0;
const SPACE: f32 = 12.0;
/// Where the sums begin, how high one is, and how much of its width its amount may take.
const SUMS: f32 = RIGHT - 232.0;
const SUM_HEIGHT: f32 = 14.5;
const SUM_AMOUNT: f32 = 110.0;

/// The blocks of a document, broken into lines.
pub(crate) struct Blocks<'a> {
    words: &'a Words,
    totals: &'a Totals,
    /// Whether money is asked for; a statement ends with its total.
    asks: bool,
    title: &'static str,
    subtitle: Option<String>,
    number: &'a str,
    issuer: Vec<(String, Style)>,
    customer: Vec<(String, Style)>,
    facts: Vec<(&'static str, Vec<String>, Style)>,
    due: Option<String>,
    notes: Vec<(String, Style)>,
    running: String,
}

impl<'a> Blocks<'a> {
    /// Breaks the texts of `statement`.
    ///
    /// # Errors
    /// [`InvoiceError::NoDate`] for a time that is none.
    pub(crate) fn new(
        statement: &'a Statement,
        totals: &'a Totals,
        words: &'a Words,
        typesetter: &Typesetter<'_>,
        calendar: &Calendar,
    ) -> Result<Self, InvoiceError> {
        let date = |at| calendar.day(at).map(|day| words.date(day));
        // The end is exclusive: the last day is that of the moment before.
        let last = Timestamp(statement.period_end.0.saturating_sub(1).max(statement.period_start.0));
        let due = statement.due_at.map(date).transpose()?;
        let mut facts = vec![(words.number, statement.number.clone(), STRONG)];
        facts.push((words.issued, date(statement.issued_at)?, BODY));
        facts.extend(due.clone().map(|due| (words.due, due, BODY)));
        let days = words.days(calendar.day(statement.period_start)?, calendar.day(last)?);
        facts.push((words.period, days, BODY));
        facts.push((words.time_zone, statement.time_zone.clone(), BODY));
        let fact = |(label, text, style): (_, String, Style)| {
            (label, typesetter.wrap(&text, style.size, RIGHT - FACTS - FACT_LABEL, 3), style)
        };

        let smallest = write_minor(1, totals.digits);
        let note = words.rounding(totals.currency.code(), &smallest);
        let width = SUMS - LEFT - 24.0;
        let mut notes = Vec::new();
        // Who gets money back is not told how to pay.
        let asks = statement.kind != Kind::Statement;
        let is_due = asks && totals.balance_due > 0;
        if let Some(payment) = statement.issuer.payment_note.as_ref().filter(|_| is_due) {
            notes.push((words.payment.to_owned(), LABEL));
            notes.extend(styled(typesetter.wrap(payment, BODY.size, width, 12), BODY));
            notes.push((String::new(), SMALL));
        }
        notes.extend(styled(typesetter.wrap(&note, SMALL.size, width, 6), SMALL));

        let subtitle = match &statement.kind {
            Kind::CreditNote { of } => Some(words.credit_of(of)),
            Kind::Invoice | Kind::Statement => None,
        };
        let running =
            [words.title(&statement.kind), &statement.number, &statement.organization.name].join("  ");
        let running = typesetter.wrap(&running, SMALL.size, RIGHT - LEFT - 120.0, 1).concat();
        Ok(Self {
            words,
            totals,
            asks,
            title: words.title(&statement.kind),
            subtitle,
            number: &statement.number,
            issuer: party(&statement.issuer.party, NAME, words, typesetter),
            customer: party(&statement.organization, STRONG, words, typesetter),
            facts: facts.into_iter().map(fact).collect(),
            due,
            notes,
            running,
        })
    }

    /// Where the table begins on the first page, in points.
    pub(crate) fn head_height(&self) -> f32 {
        self.facts_end() + BAND + 2.0 * SPACE
    }

    /// How high the sums and notes are, with the space above them, in points.
    pub(crate) fn sums_height(&self) -> f32 {
        SPACE + height(&self.notes).max(self.sums().iter().fold(12.0, |y, _| y + SUM_HEIGHT))
    }

    /// Draws the head of the first page and gives where the table begins.
    pub(crate) fn draw_head(&self, pen: &mut Pen<'_, '_>) -> f32 {
        draw(pen, LEFT, TOP, &self.issuer);
        pen.right(RIGHT, TOP - 4.0, RIGHT - LEFT - PARTY_WIDTH - SPACE, self.title, TITLE);
        if let Some(subtitle) = &self.subtitle {
            pen.right(RIGHT, TOP + 26.0, RIGHT - LEFT - PARTY_WIDTH - SPACE, subtitle, QUIET);
        }
        let y = self.issuer_end();
        pen.rule(LEFT, RIGHT, y, 0.8, BLACK);

        let y = y + SPACE;
        pen.left(LEFT, y, self.words.billed_to, LABEL);
        draw(pen, LEFT, y + LABEL.line_height() + 1.0, &self.customer);
        let mut fact = y;
        for (label, lines, style) in &self.facts {
            pen.left(FACTS, fact, label, QUIET);
            fact = pen.paragraph(FACTS + FACT_LABEL, fact, lines, *style) + 1.5;
        }

        let y = self.facts_end() + SPACE;
        pen.band(LEFT, y, RIGHT, y + BAND, 240);
        let label = if self.due.is_some() { y + 6.0 } else { y + 12.0 };
        let (what, amount) = self.bottom_line();
        pen.left(LEFT + 10.0, label, what, STRONG);
        if let Some(due) = &self.due {
            pen.left(LEFT + 10.0, y + 18.5, &format!("{}{}{due}", self.words.due, self.words.colon), QUIET);
        }
        pen.right(RIGHT - 10.0, y + 9.5, 340.0, &self.money(amount), BALANCE);
        self.head_height()
    }

    /// Draws the line at the top of a later page and gives where the table begins.
    pub(crate) fn draw_running_head(&self, pen: &mut Pen<'_, '_>) -> f32 {
        pen.left(LEFT, TOP, &self.running, SMALL);
        RUNNING_HEAD
    }

    /// Draws the sums and the notes beside them below the table, which ends at `y`.
    pub(crate) fn draw_sums(&self, pen: &mut Pen<'_, '_>, y: f32) {
        let y = y + SPACE;
        draw(pen, LEFT, y, &self.notes);
        let mut line = y;
        for (label, amount, style) in self.sums() {
            if style.bold {
                line += 3.0;
                pen.rule(SUMS, RIGHT, line - 2.5, 0.6, GREY);
            }
            let label = pen.typesetter.wrap(&label, style.size, RIGHT - SUMS - SUM_AMOUNT, 1).concat();
            pen.left(SUMS, line, &label, style);
            pen.right(RIGHT, line, SUM_AMOUNT, &amount, style);
            line += SUM_HEIGHT;
        }
        pen.rule(SUMS, RIGHT, line, 1.2, BLACK);
    }

    /// Draws the foot of `page`, of `pages`.
    pub(crate) fn draw_foot(&self, pen: &mut Pen<'_, '_>, page: usize, pages: usize) {
        let y = BOTTOM + 14.0;
        pen.rule(LEFT, RIGHT, y, 0.35, 190);
        pen.left(LEFT, y + 5.0, self.number, SMALL);
        pen.right(RIGHT, y + 5.0, 120.0, &self.words.page_of(page, pages), SMALL);
    }

    /// Each sum with its label, as it is printed.
    fn sums(&self) -> Vec<(String, String, Style)> {
        let (words, totals) = (self.words, self.totals);
        let print = |minor| print_minor(minor, totals.digits);
        let mut sums = vec![(words.subtotal.to_owned(), print(totals.subtotal), BODY)];
        if totals.taxes.len() > MAX_RATES {
            sums.push((words.tax.to_owned(), print(totals.total.saturating_sub(totals.subtotal)), BODY));
        } else {
            sums.extend(totals.taxes.iter().map(|tax| {
                (words.tax_on(&write_percent(tax.rate), &print(tax.base)), print(tax.amount), BODY)
            }));
        }
        sums.push((words.total.to_owned(), self.money(totals.total), STRONG));
        if totals.credits_applied != 0 {
            sums.push((words.credits_applied.to_owned(), print(-totals.credits_applied), BODY));
        }
        if self.asks {
            let (what, amount) = self.bottom_line();
            sums.push((what.to_owned(), self.money(amount), STRONG));
        }
        sums
    }

    /// What the document comes to, in words and in minor units.
    fn bottom_line(&self) -> (&'static str, i128) {
        let (words, totals) = (self.words, self.totals);
        if !self.asks {
            return (words.total, totals.total);
        }
        let what = if totals.balance_due < 0 { words.balance_in_favour } else { words.balance_due };
        (what, totals.balance_due)
    }

    fn money(&self, minor: i128) -> String {
        format!("{} {}", self.totals.currency, print_minor(minor, self.totals.digits))
    }

    fn issuer_end(&self) -> f32 {
        TOP + height(&self.issuer).max(40.0) + SPACE - 2.0
    }

    fn facts_end(&self) -> f32 {
        let customer = LABEL.line_height() + 1.0 + height(&self.customer);
        let facts = self
            .facts
            .iter()
            .flat_map(|(_, lines, style)| lines.iter().map(|_| style.line_height()).chain([1.5]));
        self.issuer_end() + SPACE + customer.max(facts.sum())
    }
}

/// A name, an address and a tax id.
fn party(party: &Party, name: Style, words: &Words, typesetter: &Typesetter<'_>) -> Vec<(String, Style)> {
    let mut lines = styled(typesetter.wrap(&party.name, name.size, PARTY_WIDTH, 3), name);
    let address = typesetter.wrap(&party.address.join("\n"), QUIET.size, PARTY_WIDTH, 8);
    lines.extend(styled(address, QUIET));
    if let Some(tax_id) = &party.tax_id {
        let text = format!("{}{}{tax_id}", words.tax_id, words.colon);
        lines.extend(styled(typesetter.wrap(&text, QUIET.size, PARTY_WIDTH, 2), QUIET));
    }
    lines
}

fn styled(lines: Vec<String>, style: Style) -> Vec<(String, Style)> {
    lines.into_iter().map(|line| (line, style)).collect()
}

fn height(lines: &[(String, Style)]) -> f32 {
    lines.iter().map(|(_, style)| style.line_height()).sum()
}

fn draw(pen: &mut Pen<'_, '_>, x: f32, y: f32, lines: &[(String, Style)]) {
    let mut y = y;
    for (line, style) in lines {
        pen.left(x, y, line, *style);
        y += style.line_height();
    }
}
