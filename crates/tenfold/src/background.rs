//! Background responses as durable jobs.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tenfold_jobs::{Handler, HandlerError, Job, Jobs, NewJob};
use tenfold_kernel::{BoxError, JobId, ResponseId};
use tenfold_serving::{BackgroundResponse, BackgroundResponses, Serving};
use tokio_util::sync::CancellationToken;

/// The kind of these jobs.
pub(crate) const KIND: &str = "response";

/// The queue, as serving sees it.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) jobs: Arc<Jobs>,
}

/// The job of a response has the response's id.
fn job_id(id: &ResponseId) -> Result<JobId, BoxError> {
    Ok(JobId::parse(&format!("{}{}", JobId::PREFIX, id))?)
}

#[async_trait]
impl BackgroundResponses for Queue {
    async fn enqueue(&self, work: BackgroundResponse) -> Result<(), BoxError> {
        let new = NewJob {
            id: Some(job_id(&work.id)?),
            project: work.project.clone(),
            kind: KIND.to_owned(),
            payload: serde_json::to_value(&work)?,
            run_after: None,
        };
        self.jobs.enqueue(new).await?;
        Ok(())
    }

    async fn cancel(&self, id: &ResponseId) -> Result<(), BoxError> {
        self.jobs.cancel(&job_id(id)?).await?;
        Ok(())
    }
}

/// Makes a response.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) serving: Arc<Serving>,
}

#[async_trait]
impl Handler for Worker {
    async fn run(&self, job: &Job, stop: CancellationToken) -> Result<Value, HandlerError> {
        let work: BackgroundResponse = serde_json::from_value(job.payload.clone())
            .map_err(|error| HandlerError::Permanent(error.into()))?;
        tokio::select! {
            done = self.serving.run_background_response(&work) => match done {
                Ok(()) => Ok(Value::Null),
                Err(error) => Err(HandlerError::Retry(error.into())),
            },
            () = stop.cancelled() => Err(HandlerError::Retry("stopped".into())),
        }
    }
}
