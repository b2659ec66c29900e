//! Stored responses: reading, listing what came in, deleting, and the chain behind one.

use tenfold_kernel::{ProjectId, ResponseId};
use tenfold_protocol::responses::{Item, Response};

use crate::{Serving, ServingError, StoredResponse};

impl Serving {
    /// A project's stored response.
    ///
    /// # Errors
    /// [`ServingError::ResponseNotFound`], also for another project's.
    pub async fn response(&self, project: &ProjectId, id: &str) -> Result<Response, ServingError> {
        let stored = self.stored(project, id).await?;
        parse(&stored.body)
    }

    /// The items that a project's stored response was made from, oldest first.
    ///
    /// # Errors
    /// [`ServingError::ResponseNotFound`], also for another project's.
    pub async fn response_input(&self, project: &ProjectId, id: &str) -> Result<Vec<Item>, ServingError> {
        let stored = self.stored(project, id).await?;
        parse(&stored.input)
    }

    /// Forgets a project's stored response, and stops it if it is being made in the background.
    ///
    /// # Errors
    /// [`ServingError::ResponseNotFound`], also for another project's.
    pub async fn delete_response(&self, project: &ProjectId, id: &str) -> Result<(), ServingError> {
        let stored = self.stored(project, id).await?;
        let response: Response = parse(&stored.body)?;
        if response.background == Some(true) {
            self.background.cancel(&stored.id).await.map_err(ServingError::Store)?;
        }
        let deleted =
            self.responses.delete_response(project, &stored.id).await.map_err(ServingError::Store)?;
        if deleted { Ok(()) } else { Err(not_found(id)) }
    }

    pub(super) async fn stored(&self, project: &ProjectId, id: &str) -> Result<StoredResponse, ServingError> {
        let key = ResponseId::parse(id).map_err(|_| not_found(id))?;
        let stored = self.responses.response(project, &key).await.map_err(ServingError::Store)?;
        stored.ok_or_else(|| not_found(id))
    }

    pub(super) async fn keep(
        &self,
        project: &ProjectId,
        input: &[Item],
        response: &Response,
    ) -> Result<(), ServingError> {
        let stored = StoredResponse {
            id: ResponseId::parse(&response.id).map_err(|error| ServingError::Store(error.into()))?,
            project: project.clone(),
            created_at: tenfold_kernel::Timestamp::from_secs(response.created_at),
            previous: response.previous_response_id.as_deref().and_then(|id| ResponseId::parse(id).ok()),
            input: write(&input)?,
            body: write(response)?,
        };
        self.responses.put_response(&stored).await.map_err(ServingError::Store)
    }

    /// Everything that was said before, oldest first, for a request that goes on from `previous`.
    pub(super) async fn history(
        &self,
        project: &ProjectId,
        previous: Option<&str>,
    ) -> Result<Vec<Item>, ServingError> {
        let mut turns = Vec::new();
        let mut next = previous.map(str::to_owned);
        while let Some(id) = next {
            if turns.len() == self.config.response_chain_limit {
                return Err(ServingError::Invalid {
                    message: format!(
                        "More than {} responses stand before this one; start a new conversation.",
                        self.config.response_chain_limit
                    ),
                    param: Some("previous_response_id".to_owned()),
                });
            }
            let stored = self.stored(project, &id).await.map_err(|error| match error {
                ServingError::ResponseNotFound { id } => ServingError::Invalid {
                    message: format!("Previous response with id '{id}' not found."),
                    param: Some("previous_response_id".to_owned()),
                },
                other => other,
            })?;
            next = stored.previous.as_ref().map(ToString::to_string);
            turns.push(stored);
        }
        let mut items = Vec::new();
        for turn in turns.into_iter().rev() {
            items.extend(parse::<Vec<Item>>(&turn.input)?);
            items.extend(parse::<Response>(&turn.body)?.output);
        }
        Ok(items)
    }
}

fn not_found(id: &str) -> ServingError {
    ServingError::ResponseNotFound { id: id.chars().take(128).collect() }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, ServingError> {
    serde_json::from_str(text).map_err(|error| ServingError::Store(error.into()))
}

fn write(value: &impl serde::Serialize) -> Result<String, ServingError> {
    serde_json::to_string(value).map_err(|error| ServingError::Store(error.into()))
}
