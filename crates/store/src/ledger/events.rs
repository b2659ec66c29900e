//! The statement that writes events, many at a time.

use sqlx::Row as _;
use sqlx::any::AnyRow;
use tenfold_billing::{BillingError, Energy, Event, Labels};
use tenfold_kernel::{
    ApiKeyId, Currency, EventId, Money, OrganizationId, ProjectId, ReplicaId, RequestId, ServiceAccountId,
    Timestamp, Unit, Units, UserId,
};

use crate::ledger::rows::{Part, RowStatement, Statement, run_each};
use crate::{Backend, Store, StoreError};

const COLUMNS: &str = "idempotency_key, id, request_id, created_at, completed_at, organization, project, api_key, \
     user_id, service_account, operation, deployment, model_version, replica, node, status, error_code, requests, \
     input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, embedding_tokens, \
     usage_known, cost_nanos, currency, price_version, queue_ms, first_token_ms, duration_ms, batch, service_tier, \
     labels, energy_millijoules, energy_source, \
     audio_input_tokens, cached_audio_input_tokens, image_input_tokens, cached_image_input_tokens, \
     audio_output_tokens, image_output_tokens, other_units";

const WIDTH: usize = 43;

/// The units that have a column.
const UNITS: [Unit; 13] = [
    Unit::Requests,
    Unit::InputTokens,
    Unit::CachedInputTokens,
    Unit::CacheWriteTokens,
    Unit::OutputTokens,
    Unit::ReasoningTokens,
    Unit::EmbeddingTokens,
    Unit::AudioInputTokens,
    Unit::CachedAudioInputTokens,
    Unit::ImageInputTokens,
    Unit::CachedImageInputTokens,
    Unit::AudioOutputTokens,
    Unit::ImageOutputTokens,
];

/// How many of them stand together before the columns that came first; the others stand behind.
const FIRST_UNITS: usize = 7;

/// An event that the database can hold.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) event: Event,
    units: [Option<i64>; UNITS.len()],
    other_units: Option<String>,
    queue_ms: i64,
    first_token_ms: Option<i64>,
    duration_ms: i64,
    energy_millijoules: Option<i64>,
    labels: Option<String>,
}

impl TryFrom<Event> for Row {
    type Error = BillingError;
    fn try_from(event: Event) -> Result<Self, BillingError> {
        let fails = |source| BillingError::Store { action: "write an event", source };
        let number = |count: u64| i64::try_from(count).map_err(|error| fails(error.into()));
        let optional = |count: Option<u64>| count.map(number).transpose();
        let (mut units, mut others) = ([None; UNITS.len()], Units::new());
        for (unit, count) in event.units.iter() {
            let place = UNITS.iter().position(|u| *u == unit);
            match place.and_then(|place| units.get_mut(place)) {
                Some(place) => *place = Some(number(count)?),
                None => others = others.with(unit, count),
            }
        }
        let json = |written: serde_json::Result<String>| written.map_err(|error| fails(error.into()));
        let labels =
            (!event.labels.is_empty()).then(|| json(serde_json::to_string(&event.labels))).transpose()?;
        let other_units =
            (others != Units::new()).then(|| json(serde_json::to_string(&others))).transpose()?;
        Ok(Self {
            units,
            other_units,
            queue_ms: number(event.queue_ms)?,
            first_token_ms: optional(event.first_token_ms)?,
            duration_ms: number(event.duration_ms)?,
            energy_millijoules: optional(event.energy.as_ref().map(|energy| energy.millijoules))?,
            labels,
            event,
        })
    }
}

impl Row {
    fn bind(&self, statement: Statement) -> Statement {
        let Event { id, idempotency_key, request_id, organization, project, api_key, .. } = &self.event;
        let event = &self.event;
        let text = |text: Option<&str>| text.map(str::to_owned);
        let mut statement = statement
            .bind(idempotency_key.clone())
            .bind(id.as_str().to_owned())
            .bind(text(Some(request_id.as_str()).filter(|id| id != idempotency_key)))
            .bind(event.created_at.0)
            .bind(event.completed_at.0)
            .bind(organization.as_str().to_owned())
            .bind(project.as_str().to_owned())
            .bind(ApiKeyId::as_str(api_key).to_owned())
            .bind(text(event.user.as_ref().map(UserId::as_str)))
            .bind(text(event.service_account.as_ref().map(ServiceAccountId::as_str)))
            .bind(event.operation.as_str().to_owned())
            .bind(event.deployment.as_ref().to_owned())
            .bind(event.model_version.as_ref().to_owned())
            .bind(text(event.replica.as_ref().map(ReplicaId::as_str)))
            .bind(text(event.node.as_deref()))
            .bind(event.status.as_str().to_owned())
            .bind(event.error_code.clone());
        let (first, others) = self.units.split_at(FIRST_UNITS);
        for count in first {
            statement = statement.bind(*count);
        }
        statement = statement
            .bind(i64::from(event.usage_known))
            .bind(event.cost.map(|cost| cost.nanos))
            .bind(event.cost.map(|cost| cost.currency.code().to_owned()))
            .bind(text(event.price_version.as_deref()))
            .bind(self.queue_ms)
            .bind(self.first_token_ms)
            .bind(self.duration_ms)
            .bind(i64::from(event.batch))
            .bind(event.service_tier.clone())
            .bind(self.labels.clone())
            .bind(self.energy_millijoules)
            .bind(text(event.energy.as_ref().map(|energy| &*energy.source)));
        for count in others {
            statement = statement.bind(*count);
        }
        statement.bind(self.other_units.clone())
    }
}

/// An event as it was written: the opposite of [`Row`].
pub(crate) fn event(row: &AnyRow) -> Result<Event, StoreError> {
    let corrupt = |column: &'static str| move |_| StoreError::Corrupt { column };
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let maybe_text = |column: &'static str| row.try_get::<Option<String>, _>(column);
    let number = |column: &'static str| -> Result<u64, StoreError> {
        u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| StoreError::Corrupt { column })
    };
    let maybe_number = |column: &'static str| -> Result<Option<u64>, StoreError> {
        let count: Option<i64> = row.try_get(column)?;
        count.map(|count| u64::try_from(count).map_err(|_| StoreError::Corrupt { column })).transpose()
    };
    let json = |column: &'static str| move |_: serde_json::Error| StoreError::Corrupt { column };
    let idempotency_key = text("idempotency_key")?;
    let request_id = maybe_text("request_id")?.unwrap_or_else(|| idempotency_key.clone());
    let mut units = match maybe_text("other_units")? {
        Some(others) => serde_json::from_str(&others).map_err(json("other_units"))?,
        None => Units::new(),
    };
    for unit in UNITS {
        if let Some(count) = maybe_number(unit.as_str())? {
            units = units.with(unit, count);
        }
    }
    let currency = maybe_text("currency")?.map(|code| Currency::parse(&code)).transpose();
    let currency = currency.map_err(|_| StoreError::Corrupt { column: "currency" })?;
    let nanos: Option<i64> = row.try_get("cost_nanos")?;
    let energy = maybe_number("energy_millijoules")?.zip(maybe_text("energy_source")?);
    Ok(Event {
        id: EventId::parse(&text("id")?).map_err(corrupt("id"))?,
        request_id: RequestId::parse(&request_id).map_err(corrupt("request_id"))?,
        idempotency_key,
        created_at: Timestamp(row.try_get("created_at")?),
        completed_at: Timestamp(row.try_get("completed_at")?),
        organization: OrganizationId::parse(&text("organization")?).map_err(corrupt("organization"))?,
        project: ProjectId::parse(&text("project")?).map_err(corrupt("project"))?,
        api_key: ApiKeyId::parse(&text("api_key")?).map_err(corrupt("api_key"))?,
        user: maybe_text("user_id")?.map(|id| UserId::parse(&id)).transpose().map_err(corrupt("user_id"))?,
        service_account: maybe_text("service_account")?
            .map(|id| ServiceAccountId::parse(&id))
            .transpose()
            .map_err(corrupt("service_account"))?,
        operation: text("operation")?.parse().map_err(|_| StoreError::Corrupt { column: "operation" })?,
        deployment: text("deployment")?.into(),
        model_version: text("model_version")?.into(),
        replica: maybe_text("replica")?
            .map(|id| ReplicaId::parse(&id))
            .transpose()
            .map_err(corrupt("replica"))?,
        node: maybe_text("node")?.map(Into::into),
        status: text("status")?.parse().map_err(|_| StoreError::Corrupt { column: "status" })?,
        error_code: maybe_text("error_code")?,
        units,
        usage_known: row.try_get::<i64, _>("usage_known")? != 0,
        cost: nanos.zip(currency).map(|(nanos, currency)| Money::new(nanos, currency)),
        price_version: maybe_text("price_version")?.map(Into::into),
        queue_ms: number("queue_ms")?,
        first_token_ms: maybe_number("first_token_ms")?,
        duration_ms: number("duration_ms")?,
        batch: row.try_get::<i64, _>("batch")? != 0,
        service_tier: maybe_text("service_tier")?,
        labels: match maybe_text("labels")? {
            Some(labels) => serde_json::from_str(&labels).map_err(json("labels"))?,
            None => Labels::default(),
        },
        energy: energy.map(|(millijoules, source)| Energy { millijoules, source: source.into() }),
    })
}

/// The statement that writes events. Those whose keys are there already stay as they are.
#[derive(Debug)]
pub(super) struct Inserts {
    quiet: RowStatement,
    telling: RowStatement,
}

impl Inserts {
    /// `returning`: what is told of each event that was not there.
    pub(super) fn new(backend: Backend, returning: &str) -> Self {
        let before = format!("INSERT INTO events ({COLUMNS}) VALUES ");
        let after = " ON CONFLICT (idempotency_key) DO NOTHING";
        let telling = format!("{after} RETURNING {returning}");
        Self {
            quiet: RowStatement::rows(backend, &before, WIDTH, after),
            telling: RowStatement::rows(backend, &before, WIDTH, &telling),
        }
    }

    /// Writes at most [`MAX_ROWS`](super::rows::MAX_ROWS) rows that nobody is charged for.
    pub(super) async fn write(&self, store: &Store, rows: Vec<&Row>) -> Result<(), StoreError> {
        let is_one_statement = rows.len().is_power_of_two();
        let parts = [Part::new(&self.quiet, rows, |statement, row| Ok(row.bind(statement)))];
        if is_one_statement {
            // It is a transaction of its own, with two questions to the database less.
            run_each(&mut *store.writer().acquire().await?, &parts).await?;
            return Ok(());
        }
        let mut transaction = store.begin().await?;
        run_each(&mut transaction, &parts).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Writes rows within a transaction and tells of those that were not there.
    pub(super) fn telling<'a>(&'a self, rows: Vec<&'a Row>) -> Part<'a> {
        Part::new(&self.telling, rows, |statement, row| Ok(row.bind(statement)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::rows::MAX_ROWS;

    #[test]
    fn the_statement_has_a_place_for_every_column() {
        assert_eq!(COLUMNS.split(',').count(), WIDTH);
        // The most parameters: 32,766 in SQLite, 65,535 in PostgreSQL.
        const { assert!(MAX_ROWS * WIDTH <= 32_766) };
    }
}
