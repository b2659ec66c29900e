//! Responses that are made in the background: durable work, polled by its owner.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tenfold_billing::Operation;
use tenfold_kernel::{
    Access, ApiKeyId, BoxError, Caller, OrganizationId, ProjectId, RequestId, ResponseId, Role, Scope,
    ServiceAccountId, Timestamp, UserId,
};
use tenfold_protocol::responses::{Response, ResponseStatus, ResponsesRequest, from_chat};

use crate::responses::create::{Prepared, code, message};
use crate::{AnswerOf, Call, Serving, ServingError};

/// A response to be made in the background: everything that is needed after a restart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackgroundResponse {
    /// The response.
    pub id: ResponseId,
    /// What was asked.
    pub request: ResponsesRequest,
    request_id: RequestId,
    event_key: Option<String>,
    organization: OrganizationId,
    /// Who owns it.
    pub project: ProjectId,
    api_key: ApiKeyId,
    user: Option<UserId>,
    service_account: Option<ServiceAccountId>,
    role: Role,
    scopes: Vec<Scope>,
    #[serde(default)]
    access: Access,
    /// When it was asked for; absent in work that an earlier version queued.
    #[serde(default)]
    asked_at: Option<Timestamp>,
}

impl BackgroundResponse {
    pub(super) fn new(id: &ResponseId, call: &Call, request: ResponsesRequest, asked_at: Timestamp) -> Self {
        let Caller { organization, project, api_key, user, service_account, role, scopes, access } =
            call.caller.clone();
        Self {
            id: id.clone(),
            request,
            request_id: call.request_id.clone(),
            event_key: call.event_key.clone(),
            organization,
            project,
            api_key,
            user,
            service_account,
            role,
            scopes,
            access,
            asked_at: Some(asked_at),
        }
    }

    fn call(&self) -> Call {
        Call {
            caller: Caller {
                organization: self.organization.clone(),
                project: self.project.clone(),
                api_key: self.api_key.clone(),
                user: self.user.clone(),
                service_account: self.service_account.clone(),
                role: self.role,
                scopes: self.scopes.clone(),
                access: self.access,
            },
            request_id: self.request_id.clone(),
            // The response's own id: work that is done again after a crash is counted once.
            event_key: Some(self.event_key.clone().unwrap_or_else(|| self.id.as_str().to_owned())),
            operation: Operation::Responses,
            asked_at: self.asked_at,
        }
    }
}

/// A queue of background responses that survives a restart.
#[async_trait]
pub trait BackgroundResponses: Send + Sync + Debug {
    /// Queues work. Durable when it returns.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn enqueue(&self, work: BackgroundResponse) -> Result<(), BoxError>;

    /// Stops the work on a response, if it is still under way.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    async fn cancel(&self, id: &ResponseId) -> Result<(), BoxError>;
}

impl Serving {
    /// Makes a background response: what a worker of the queue runs. Dropping the future stops the work.
    ///
    /// # Errors
    /// [`ServingError::Store`] alone, and then it may be tried again; every other error is the response's end.
    pub async fn run_background_response(&self, work: &BackgroundResponse) -> Result<(), ServingError> {
        let call = work.call();
        let project = &call.caller.project;
        let current = match self.response(project, work.id.as_str()).await {
            Ok(current) => current,
            // Deleted before its turn came.
            Err(ServingError::ResponseNotFound { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        if !matches!(current.status, ResponseStatus::Queued | ResponseStatus::InProgress) {
            return Ok(());
        }
        let request = ResponsesRequest { stream: None, ..work.request.clone() };
        let input = self.response_input(project, work.id.as_str()).await?;
        let (response, outcome) = match self.prepare(&call, &work.id, &request).await {
            Ok(Prepared { mut response, chat, .. }) => {
                response.created_at = current.created_at;
                self.keep(project, &input, &response).await?;
                (response, self.chat(&call, chat).await)
            }
            Err(error) => (current, Err(error)),
        };
        let finished = match outcome {
            Ok(served) => match served.answer {
                AnswerOf::Whole(whole) => from_chat(response, *whole, self.clock.now(), self.rng.as_ref()),
                AnswerOf::Stream(_) => {
                    failed(response, "server_error", "The model streamed what was asked for whole.")
                }
            },
            Err(error @ ServingError::Store(_)) => return Err(error),
            Err(error) => failed(response, code(&error), &message(&error)),
        };
        // Cancelled or deleted meanwhile: that stands.
        match self.response(project, work.id.as_str()).await {
            Ok(now) if now.status == ResponseStatus::InProgress => {
                self.keep(project, &input, &finished).await
            }
            Ok(_) | Err(ServingError::ResponseNotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Cancels a background response. One that has ended already is returned as it is.
    ///
    /// # Errors
    /// [`ServingError::ResponseNotFound`], also for another project's; [`ServingError::Invalid`] for a response
    /// that is not made in the background.
    pub async fn cancel_response(&self, project: &ProjectId, id: &str) -> Result<Response, ServingError> {
        let stored = self.stored(project, id).await?;
        let mut response = self.response(project, id).await?;
        if response.background != Some(true) {
            return Err(ServingError::Invalid {
                message: "Cannot cancel a synchronous response.".to_owned(),
                param: Some("response_id".to_owned()),
            });
        }
        if matches!(response.status, ResponseStatus::Queued | ResponseStatus::InProgress) {
            // The work first: what is still at work would write its own state over this one.
            self.background.cancel(&stored.id).await.map_err(ServingError::Store)?;
            response = self.response(project, id).await?;
            if matches!(response.status, ResponseStatus::Queued | ResponseStatus::InProgress) {
                response.status = ResponseStatus::Cancelled;
                let input = self.response_input(project, id).await?;
                self.keep(project, &input, &response).await?;
            }
        }
        Ok(response)
    }
}

fn failed(mut response: Response, code: &str, message: &str) -> Response {
    response.fail(code, message);
    response
}
