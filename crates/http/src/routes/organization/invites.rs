//! `/v1/organization/invites`.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use tenfold_accounts::{Invite, NewInvite};
use tenfold_identity::ProjectRole;
use tenfold_kernel::{InviteId, ProjectId};
use tenfold_protocol::admin::Deleted;
use tenfold_protocol::console::{CreateInvite, Invite as InviteBody, InviteProject};
use tenfold_protocol::error::ErrorBody;
use tenfold_protocol::model::List;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{body_id, path_id, shown_once};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, PeopleReader, PeopleWriter};
use crate::idempotency::KeptInstead;
use crate::routes::list_of;

const OBJECT: &str = "organization.invite";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_invites, create_invite)).routes(routes!(delete_invite))
}

fn written(app: &App, invite: Invite) -> InviteBody {
    InviteBody {
        id: invite.id.to_string(),
        object: OBJECT.to_owned(),
        role: invite.role.as_str().to_owned(),
        status: invite.status(app.clock.now()).as_str().to_owned(),
        email: invite.email,
        projects: invite
            .projects
            .into_iter()
            .map(|(id, role)| InviteProject { id: id.to_string(), role: role.as_str().to_owned() })
            .collect(),
        invited_at: invite.invited_at.secs(),
        expires_at: invite.expires_at.secs(),
        accepted_at: invite.accepted_at.map(tenfold_kernel::Timestamp::secs),
        url: None,
    }
}

/// Invitations, newest first.
#[utoipa::path(
    get, path = "/v1/organization/invites", tag = "organization",
    responses((status = 200, body = List<InviteBody>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody))
)]
async fn list_invites(
    State(app): State<App>,
    PeopleReader(caller): PeopleReader,
) -> Result<Json<List<InviteBody>>, ApiError> {
    let invites = app.accounts.list_invites(&caller).await?;
    Ok(Json(list_of(invites.into_iter().map(|invite| written(&app, invite)).collect(), false, |invite| {
        &invite.id
    })))
}

/// Invites somebody to the organisation. The address where it is accepted is shown once, to be handed to the person.
#[utoipa::path(
    post, path = "/v1/organization/invites", tag = "organization", request_body = CreateInvite,
    responses((status = 200, body = InviteBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 409, body = ErrorBody))
)]
async fn create_invite(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    JsonBody(body): JsonBody<CreateInvite>,
) -> Result<(Extension<KeptInstead>, Json<InviteBody>), ApiError> {
    let project = |(index, project): (usize, InviteProject)| {
        let id = body_id("projects", &project.id, ProjectId::parse)?;
        let role: ProjectRole = project.role.parse().map_err(|_| {
            let field = format!("projects[{index}].role");
            ApiError::invalid(&field, format!("`{field}` is `owner` or `member`."))
        })?;
        Ok::<_, ApiError>((id, role))
    };
    let projects = body.projects.into_iter().enumerate().map(project).collect::<Result<_, _>>()?;
    let new = NewInvite { email: body.email, role: body.role.parse()?, projects };
    let made = app.accounts.create_invite(&caller, new).await?;
    let redacted = written(&app, made.invite);
    let url = format!("{}/console/invite/{}", app.config.public_url, made.token.expose());
    shown_once(InviteBody { url: Some(url), ..redacted.clone() }, &redacted)
}

/// Withdraws an invitation.
#[utoipa::path(
    delete, path = "/v1/organization/invites/{invite_id}", tag = "organization", params(("invite_id" = String, Path)),
    responses((status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody))
)]
async fn delete_invite(
    State(app): State<App>,
    PeopleWriter(caller): PeopleWriter,
    Path(id): Path<String>,
) -> Result<Json<Deleted>, ApiError> {
    let id = path_id("invitation", &id, InviteId::parse)?;
    app.accounts.delete_invite(&caller, &id).await?;
    Ok(Json(Deleted::new(OBJECT, &id)))
}
