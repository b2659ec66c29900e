//! Statements: what was charged in a month, of all or of one project, told apart by a label if that is wanted.

use tenfold_kernel::{Currency, OrganizationId, ProjectId, Timestamp};

use super::close::{invalid, lines, month_of};
use super::{ChargeQuery, Invoice, Issuer, Kind, Statement};
use crate::billing::Billing;
use crate::error::BillingError;

/// The most characters of a label's name, as labels of calls have them.
const LABEL_LENGTH: usize = 64;

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// The month of the organisation's time zone, as `2026-10`.
    pub month: String,
    /// In which currency.
    pub currency: Currency,
    /// Of which project alone; of the whole organisation when absent.
    pub project: Option<ProjectId>,
    /// The label of calls, a name in their `metadata`, by whose value lines are told apart.
    pub label: Option<String>,
}

impl Billing {
    /// Makes a statement of what was charged in a month, until now where the month is not over. Nothing is kept of it.
    ///
    /// It is made of the ledger, as invoices are, whatever it is told apart by: so the statement of a closed month has the
    /// lines of its invoice, those of projects and of what no project caused are together those of the organisation,
    /// and the exact amounts by a label add up to the same sum. Calls without the label, and what is no call, are on lines
    /// without a tag. Each line is rounded once, so with more lines what is printed may differ by as many halves of
    /// the smallest unit.
    ///
    /// The tax is that of the invoice where there is one, else the one of now.
    ///
    /// # Errors
    /// [`BillingError::InvalidQuery`] naming the field at fault: no month or one that has not begun, a name that no label
    /// can have, a label with too many values; [`BillingError::Store`] when the database fails.
    pub async fn statement(&self, query: &StatementQuery) -> Result<Statement, BillingError> {
        let StatementQuery { organization, month, currency, project, label } = query;
        let length = label.as_ref().map(|name| name.chars().count());
        if length.is_some_and(|length| !(1..=LABEL_LENGTH).contains(&length)) {
            return Err(invalid("label", "a label's name has 1 to 64 characters"));
        }
        let profile = self.profile(organization).await?;
        let (from, end) = month_of(month, &profile.zone)?;
        let now = self.ports.clock.now();
        if now < from {
            return Err(invalid("month", "that month has not begun"));
        }
        // The end is exclusive, and what was charged in this very millisecond was charged.
        let until = end.min(Timestamp(now.0.saturating_add(1)));
        let charges = ChargeQuery {
            organization: organization.clone(),
            currency: *currency,
            from,
            until,
            project: project.clone(),
            label: label.clone(),
        };
        let charges = self.ports.reader.charges(&charges).await.map_err(|error| match error {
            BillingError::ReportTooLarge { limit } if label.is_some() => invalid(
                "label",
                format!("the label has so many values that there are more than {limit} lines"),
            ),
            other => other,
        })?;
        // What is closed stays as its invoice says, whatever the details are by now.
        let closed = self.ports.invoices.invoice_of(organization, *currency, from).await?;
        let (customer, issuer, tax_rate) = if let Some(Invoice { statement, .. }) = closed {
            let tax_rate = statement.lines.first().map_or(0, |line| line.tax_rate);
            (statement.organization, statement.issuer, tax_rate)
        } else {
            let details = self.invoice_details(organization).await?;
            (details.customer, details.issuer, details.tax_rate)
        };
        let mut statement = Statement {
            kind: Kind::Statement,
            number: String::new(),
            organization: customer,
            issuer: Issuer { payment_note: None, ..issuer },
            period_start: from,
            period_end: until,
            time_zone: profile.zone.iana_name().unwrap_or("UTC").to_owned(),
            issued_at: now,
            due_at: None,
            currency: *currency,
            lines: lines(&charges, tax_rate, label.as_deref()),
            credits_applied: 0,
            tax_correction: 0,
        };
        statement.number = number(&statement, project.as_ref(), label.as_deref());
        Ok(statement)
    }
}

/// What names a statement, so that no other one of the organisation has its name: `ST-2026-10-USD`, `ST-2026-10-USD/proj_a`,
/// `ST-2026-10-USD/proj_a/team`, `ST-2026-10-USD//team`. No id of a project has a slash in it.
fn number(statement: &Statement, project: Option<&ProjectId>, label: Option<&str>) -> String {
    let month = statement.month().unwrap_or_default();
    let mut number = format!("ST-{month}-{}", statement.currency.code());
    if project.is_some() || label.is_some() {
        number.push('/');
        number.push_str(project.map_or("", ProjectId::as_str));
    }
    if let Some(label) = label {
        number.push('/');
        number.push_str(label);
    }
    number
}
