//! `projects`: lists, makes and archives projects.

use reqwest::Method;
use serde_json::json;
use tenfold_protocol::admin::{Project, ProjectStatus};

use super::Session;
use crate::args::{ProjectsArgs, ProjectsCommand};
use crate::client::{Access, typed};
use crate::failure::Failure;
use crate::table::{self, date, text};
use crate::terminal::printable;

const PROJECTS: [&str; 3] = ["v1", "organization", "projects"];

pub(super) async fn run(args: ProjectsArgs, session: Session<'_>) -> Result<(), Failure> {
    let Session { client, terminal, json } = session;
    match args.command {
        ProjectsCommand::List { archived } => {
            let query = [("limit", "100".to_owned()), ("include_archived", archived.to_string())];
            let projects = client.list(&PROJECTS, &query, Access::Admin).await?;
            if json {
                return Ok(terminal.json(&projects.into())?);
            }
            let projects: Vec<Project> = typed(projects.into())?;
            let rows: Vec<Vec<String>> = projects
                .into_iter()
                .map(|p| {
                    let status = match p.status {
                        ProjectStatus::Active => "active",
                        ProjectStatus::Archived => "archived",
                    };
                    vec![p.id, p.name, status.to_owned(), date(p.created_at)]
                })
                .collect();
            table::print(
                terminal,
                &[text("ID"), text("NAME"), text("STATUS"), text("CREATED")],
                &rows,
                "There are no projects.",
            )?;
        }
        ProjectsCommand::Create { name } => {
            let request =
                client.request(Method::POST, &PROJECTS, &[], Access::Admin)?.json(&json!({"name": name}));
            let made = client.json(request).await?;
            if json {
                return Ok(terminal.json(&made)?);
            }
            let made: Project = typed(made)?;
            terminal.line(&printable(&made.id))?;
        }
        ProjectsCommand::Archive { id } => {
            let segments = ["v1", "organization", "projects", &id, "archive"];
            let done = client.json(client.request(Method::POST, &segments, &[], Access::Admin)?).await?;
            if json {
                return Ok(terminal.json(&done)?);
            }
            terminal.line(&format!("{id} is archived: its keys no longer work"))?;
        }
    }
    Ok(())
}
