//! The ports of `tenfold-identity`: organisations, projects, users, service accounts, API keys.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use tenfold_identity::{
    ApiKey, Digest, Founding, IdentityError, KeyOwner, KeyStore, Member, MemberStore, Order, Organization,
    OrganizationRole, Page, Project, ProjectRole, ProjectStore, ServiceAccount, ServiceAccountStore,
    Standing, User, UserStore, parse_scopes,
};
use tenfold_kernel::{
    ApiKeyId, Classify, ErrorKind, OrganizationId, ProjectId, Role, Scope, ServiceAccountId, Timestamp,
    UserId,
};

use crate::{Store, StoreError};

impl From<StoreError> for IdentityError {
    fn from(error: StoreError) -> Self {
        let kind = error.kind();
        let source = error.into();
        if kind == ErrorKind::Conflict {
            Self::Conflict { source }
        } else if kind == ErrorKind::Unavailable {
            Self::Unavailable { source }
        } else {
            Self::Store { source }
        }
    }
}

/// A statement's error as one of identity.
fn failed(error: sqlx::Error) -> IdentityError {
    StoreError::from(error).into()
}

/// Writes the statement of one page of a list twice, since a direction cannot be bound. `$sql` selects with
/// `WHERE` and `$place` names the columns of the cursor, which are bound as `$2` and `$3`, and the limit as `$4`;
/// `$1` is the list's owner. Without a cursor both columns are bound as null, and every row is behind it.
macro_rules! paged {
    ($order:expr, $sql:literal, $at:literal, $id:literal) => {
        match $order {
            Order::Ascending => concat!(
                $sql,
                " AND (CAST($2 AS BIGINT) IS NULL OR ",
                $at,
                " > CAST($2 AS BIGINT) OR (",
                $at,
                " = CAST($2 AS BIGINT) AND ",
                $id,
                " > CAST($3 AS TEXT))) ORDER BY ",
                $at,
                ", ",
                $id,
                " LIMIT $4"
            ),
            Order::Descending => concat!(
                $sql,
                " AND (CAST($2 AS BIGINT) IS NULL OR ",
                $at,
                " < CAST($2 AS BIGINT) OR (",
                $at,
                " = CAST($2 AS BIGINT) AND ",
                $id,
                " < CAST($3 AS TEXT))) ORDER BY ",
                $at,
                " DESC, ",
                $id,
                " DESC LIMIT $4"
            ),
        }
    };
}

impl Store {
    async fn page<T>(
        &self,
        sql: &'static str,
        owner: &str,
        page: &Page,
        read: impl Fn(&AnyRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, IdentityError> {
        let rows = sqlx::query(sql)
            .bind(owner.to_owned())
            .bind(page.after.as_ref().map(|after| after.at.0))
            .bind(page.after.as_ref().map(|after| after.id.clone()))
            .bind(i64::from(page.limit))
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }
}

/// Column `name` of a row.
pub(crate) fn text(row: &AnyRow, name: &'static str) -> Result<String, StoreError> {
    Ok(row.try_get(name)?)
}

pub(crate) fn maybe_text(row: &AnyRow, name: &'static str) -> Result<Option<String>, StoreError> {
    Ok(row.try_get(name)?)
}

pub(crate) fn time(row: &AnyRow, name: &'static str) -> Result<Timestamp, StoreError> {
    Ok(Timestamp(row.try_get(name)?))
}

pub(crate) fn maybe_time(row: &AnyRow, name: &'static str) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = row.try_get(name)?;
    Ok(at.map(Timestamp))
}

/// What the program reads out of a text that it wrote.
pub(crate) fn parsed<T, E>(
    row: &AnyRow,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, StoreError> {
    parse(&text(row, name)?).map_err(|_| StoreError::Corrupt { column: name })
}

fn project(row: &AnyRow) -> Result<Project, StoreError> {
    Ok(Project {
        id: parsed(row, "id", ProjectId::parse)?,
        organization: parsed(row, "organization_id", OrganizationId::parse)?,
        name: text(row, "name")?,
        created_at: time(row, "created_at")?,
        archived_at: maybe_time(row, "archived_at")?,
    })
}

fn user(row: &AnyRow) -> Result<User, StoreError> {
    Ok(User {
        id: parsed(row, "id", UserId::parse)?,
        organization: parsed(row, "organization_id", OrganizationId::parse)?,
        name: text(row, "name")?,
        email: text(row, "email")?,
        role: parsed(row, "role", str::parse)?,
        added_at: time(row, "added_at")?,
    })
}

fn member(row: &AnyRow) -> Result<Member, StoreError> {
    Ok(Member {
        project: parsed(row, "project_id", ProjectId::parse)?,
        user: user(row)?,
        role: parsed(row, "member_role", str::parse)?,
        added_at: time(row, "member_since")?,
    })
}

fn account(row: &AnyRow) -> Result<ServiceAccount, StoreError> {
    Ok(ServiceAccount {
        id: parsed(row, "id", ServiceAccountId::parse)?,
        organization: parsed(row, "organization_id", OrganizationId::parse)?,
        project: parsed(row, "project_id", ProjectId::parse)?,
        name: text(row, "name")?,
        role: parsed(row, "role", str::parse)?,
        created_at: time(row, "created_at")?,
    })
}

fn key(row: &AnyRow) -> Result<ApiKey, StoreError> {
    let user = maybe_text(row, "user_id")?.map(|id| UserId::parse(&id).map(KeyOwner::User));
    let account = maybe_text(row, "service_account_id")?
        .map(|id| ServiceAccountId::parse(&id).map(KeyOwner::ServiceAccount));
    let corrupt = |column| StoreError::Corrupt { column };
    let owner = user.or(account).ok_or_else(|| corrupt("user_id"))?.map_err(|_| corrupt("user_id"))?;
    Ok(ApiKey {
        id: parsed(row, "id", ApiKeyId::parse)?,
        organization: parsed(row, "organization_id", OrganizationId::parse)?,
        project: parsed(row, "project_id", ProjectId::parse)?,
        owner,
        role: parsed(row, "role", role_from)?,
        name: text(row, "name")?,
        prefix: text(row, "prefix")?,
        digest: parsed(row, "digest", |hex| Digest::from_hex(hex).ok_or(()))?,
        redacted: text(row, "redacted")?,
        scopes: parsed(row, "scopes", |names| {
            let names: Vec<&str> = names.split(' ').filter(|name| !name.is_empty()).collect();
            parse_scopes(&names)
        })?,
        created_at: time(row, "created_at")?,
        expires_at: maybe_time(row, "expires_at")?,
        last_used_at: maybe_time(row, "last_used_at")?,
    })
}

fn role_text(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Project => "project",
    }
}

fn role_from(text: &str) -> Result<Role, ()> {
    match text {
        "admin" => Ok(Role::Admin),
        "project" => Ok(Role::Project),
        _ => Err(()),
    }
}

/// Scopes by their names, with a space between two; a scope that has no name yet is refused, never dropped,
/// since a key without scopes may do everything.
fn scopes_text(scopes: &[Scope]) -> Result<String, StoreError> {
    let names = scopes.iter().map(|scope| match scope {
        Scope::ModelRequest => Ok("model.request"),
        Scope::Read => Ok("api.read"),
        Scope::Management => Ok("api.management"),
        _ => Err(StoreError::Corrupt { column: "scopes" }),
    });
    Ok(names.collect::<Result<Vec<_>, _>>()?.join(" "))
}

async fn insert_key(connection: &mut AnyConnection, key: &ApiKey) -> Result<(), StoreError> {
    let (user, account) = match &key.owner {
        KeyOwner::User(id) => (Some(id.to_string()), None),
        KeyOwner::ServiceAccount(id) => (None, Some(id.to_string())),
    };
    sqlx::query(
        "INSERT INTO api_keys (id, organization_id, project_id, user_id, service_account_id, role, name, prefix, \
         digest, redacted, scopes, created_at, expires_at, last_used_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(key.id.to_string())
    .bind(key.organization.to_string())
    .bind(key.project.to_string())
    .bind(user)
    .bind(account)
    .bind(role_text(key.role))
    .bind(key.name.clone())
    .bind(key.prefix.clone())
    .bind(key.digest.to_hex())
    .bind(key.redacted.clone())
    .bind(scopes_text(&key.scopes)?)
    .bind(key.created_at.0)
    .bind(key.expires_at.map(|at| at.0))
    .bind(key.last_used_at.map(|at| at.0))
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_project(connection: &mut AnyConnection, project: &Project) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO projects (id, organization_id, name, created_at, archived_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(project.id.to_string())
    .bind(project.organization.to_string())
    .bind(project.name.clone())
    .bind(project.created_at.0)
    .bind(project.archived_at.map(|at| at.0))
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn insert_user(connection: &mut AnyConnection, user: &User) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (id, organization_id, name, email, role, added_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(user.id.to_string())
    .bind(user.organization.to_string())
    .bind(user.name.clone())
    .bind(user.email.clone())
    .bind(user.role.as_str())
    .bind(user.added_at.0)
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_account(connection: &mut AnyConnection, account: &ServiceAccount) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO service_accounts (id, organization_id, project_id, name, role, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(account.id.to_string())
    .bind(account.organization.to_string())
    .bind(account.project.to_string())
    .bind(account.name.clone())
    .bind(account.role.as_str())
    .bind(account.created_at.0)
    .execute(connection)
    .await?;
    Ok(())
}

#[async_trait]
impl KeyStore for Store {
    async fn insert_key(&self, key: &ApiKey) -> Result<(), IdentityError> {
        let mut connection = self.writer().acquire().await.map_err(failed)?;
        Ok(insert_key(&mut connection, key).await?)
    }

    async fn find_key(&self, prefix: &str) -> Result<Option<Standing>, IdentityError> {
        let row = sqlx::query(
            "SELECT k.*, p.archived_at AS project_archived_at, u.role AS user_role, m.role AS member_role \
             FROM api_keys k JOIN projects p ON p.id = k.project_id \
             LEFT JOIN users u ON u.id = k.user_id \
             LEFT JOIN project_members m ON m.project_id = k.project_id AND m.user_id = k.user_id \
             WHERE k.prefix = $1",
        )
        .bind(prefix.to_owned())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let user_role =
            maybe_text(&row, "user_role")?.map(|role| role.parse::<OrganizationRole>()).transpose();
        let member_role =
            maybe_text(&row, "member_role")?.map(|role| role.parse::<ProjectRole>()).transpose();
        Ok(Some(Standing {
            key: key(&row)?,
            project_archived: maybe_time(&row, "project_archived_at")?.is_some(),
            user_role: user_role.map_err(|_| StoreError::Corrupt { column: "user_role" })?,
            member_role: member_role.map_err(|_| StoreError::Corrupt { column: "member_role" })?,
        }))
    }

    async fn get_key(
        &self,
        organization: &OrganizationId,
        id: &ApiKeyId,
    ) -> Result<Option<ApiKey>, IdentityError> {
        let row = sqlx::query("SELECT * FROM api_keys WHERE organization_id = $1 AND id = $2")
            .bind(organization.to_string())
            .bind(id.to_string())
            .fetch_optional(self.reader())
            .await
            .map_err(failed)?;
        Ok(row.as_ref().map(key).transpose()?)
    }

    async fn list_keys(
        &self,
        organization: &OrganizationId,
        project: Option<&ProjectId>,
        page: &Page,
    ) -> Result<Vec<ApiKey>, IdentityError> {
        let Some(project) = project else {
            let sql = paged!(
                page.order,
                "SELECT * FROM api_keys WHERE organization_id = $1 AND role = 'admin'",
                "created_at",
                "id"
            );
            return self.page(sql, organization.as_str(), page, key).await;
        };
        let sql = paged!(
            page.order,
            "SELECT * FROM api_keys WHERE project_id = $1 AND role = 'project'",
            "created_at",
            "id"
        );
        let keys = self.page(sql, project.as_str(), page, key).await?;
        // A project has one organisation, so either all of its keys are the organisation's or none is.
        Ok(keys.into_iter().filter(|key| key.organization == *organization).collect())
    }

    async fn delete_key(&self, organization: &OrganizationId, id: &ApiKeyId) -> Result<bool, IdentityError> {
        let done = sqlx::query("DELETE FROM api_keys WHERE organization_id = $1 AND id = $2")
            .bind(organization.to_string())
            .bind(id.to_string())
            .execute(self.writer())
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn touch_keys(&self, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), IdentityError> {
        if uses.is_empty() {
            return Ok(());
        }
        // In the order of ids, so that two processes that note the same keys cannot lock each other out.
        let mut uses: Vec<_> = uses.iter().collect();
        uses.sort_by(|a, b| a.0.cmp(&b.0));
        let mut transaction = self.begin().await?;
        for (id, at) in uses {
            sqlx::query(
                "UPDATE api_keys SET last_used_at = $2 \
                 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
            )
            .bind(id.to_string())
            .bind(at.0)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }
}

#[async_trait]
impl ProjectStore for Store {
    async fn found(&self, founding: &Founding, first_only: bool) -> Result<bool, IdentityError> {
        let mut transaction = self.begin().await?;
        // Of several processes the others wait here until the first has committed, and then find its row.
        let first = sqlx::query(
            "INSERT INTO installation (id, organization_id) VALUES ('first', $1) ON CONFLICT (id) DO NOTHING",
        )
        .bind(founding.organization.id.to_string())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        if first_only && first.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO organizations (id, name, default_project_id, created_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(founding.organization.id.to_string())
        .bind(founding.organization.name.clone())
        .bind(founding.organization.default_project.to_string())
        .bind(founding.organization.created_at.0)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        insert_project(&mut transaction, &founding.project).await?;
        insert_user(&mut transaction, &founding.user).await?;
        insert_account(&mut transaction, &founding.service_account).await?;
        for key in &founding.keys {
            insert_key(&mut transaction, key).await?;
        }
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn get_organization(&self, id: &OrganizationId) -> Result<Option<Organization>, IdentityError> {
        let row = sqlx::query("SELECT * FROM organizations WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(self.reader())
            .await
            .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Organization {
            id: parsed(&row, "id", OrganizationId::parse)?,
            name: text(&row, "name")?,
            default_project: parsed(&row, "default_project_id", ProjectId::parse)?,
            created_at: time(&row, "created_at")?,
        }))
    }

    async fn insert_project(&self, project: &Project) -> Result<(), IdentityError> {
        let mut connection = self.writer().acquire().await.map_err(failed)?;
        Ok(insert_project(&mut connection, project).await?)
    }

    async fn get_project(
        &self,
        organization: &OrganizationId,
        id: &ProjectId,
    ) -> Result<Option<Project>, IdentityError> {
        let row = sqlx::query("SELECT * FROM projects WHERE organization_id = $1 AND id = $2")
            .bind(organization.to_string())
            .bind(id.to_string())
            .fetch_optional(self.reader())
            .await
            .map_err(failed)?;
        Ok(row.as_ref().map(project).transpose()?)
    }

    async fn list_projects(
        &self,
        organization: &OrganizationId,
        include_archived: bool,
        page: &Page,
    ) -> Result<Vec<Project>, IdentityError> {
        let sql = if include_archived {
            paged!(page.order, "SELECT * FROM projects WHERE organization_id = $1", "created_at", "id")
        } else {
            paged!(
                page.order,
                "SELECT * FROM projects WHERE organization_id = $1 AND archived_at IS NULL",
                "created_at",
                "id"
            )
        };
        self.page(sql, organization.as_str(), page, project).await
    }

    async fn rename_project(
        &self,
        organization: &OrganizationId,
        id: &ProjectId,
        name: &str,
    ) -> Result<Option<Project>, IdentityError> {
        let row = sqlx::query(
            "UPDATE projects SET name = $3 \
             WHERE organization_id = $1 AND id = $2 AND archived_at IS NULL RETURNING *",
        )
        .bind(organization.to_string())
        .bind(id.to_string())
        .bind(name.to_owned())
        .fetch_optional(self.writer())
        .await
        .map_err(failed)?;
        Ok(row.as_ref().map(project).transpose()?)
    }

    async fn archive_project(
        &self,
        organization: &OrganizationId,
        id: &ProjectId,
        at: Timestamp,
    ) -> Result<Option<Project>, IdentityError> {
        let row = sqlx::query(
            "UPDATE projects SET archived_at = COALESCE(archived_at, $3) \
             WHERE organization_id = $1 AND id = $2 RETURNING *",
        )
        .bind(organization.to_string())
        .bind(id.to_string())
        .bind(at.0)
        .fetch_optional(self.writer())
        .await
        .map_err(failed)?;
        Ok(row.as_ref().map(project).transpose()?)
    }
}

#[async_trait]
impl UserStore for Store {
    async fn insert_user(&self, user: &User) -> Result<(), IdentityError> {
        let mut connection = self.writer().acquire().await.map_err(failed)?;
        Ok(insert_user(&mut connection, user).await?)
    }

    async fn get_user(
        &self,
        organization: &OrganizationId,
        id: &UserId,
    ) -> Result<Option<User>, IdentityError> {
        let row = sqlx::query("SELECT * FROM users WHERE organization_id = $1 AND id = $2")
            .bind(organization.to_string())
            .bind(id.to_string())
            .fetch_optional(self.reader())
            .await
            .map_err(failed)?;
        Ok(row.as_ref().map(user).transpose()?)
    }

    async fn list_users(
        &self,
        organization: &OrganizationId,
        page: &Page,
    ) -> Result<Vec<User>, IdentityError> {
        let sql = paged!(page.order, "SELECT * FROM users WHERE organization_id = $1", "added_at", "id");
        self.page(sql, organization.as_str(), page, user).await
    }

    async fn find_user(
        &self,
        organization: &OrganizationId,
        email: &str,
    ) -> Result<Option<User>, IdentityError> {
        let row = sqlx::query("SELECT * FROM users WHERE organization_id = $1 AND email = $2")
            .bind(organization.to_string())
            .bind(email.to_owned())
            .fetch_optional(self.reader())
            .await
            .map_err(failed)?;
        Ok(row.as_ref().map(user).transpose()?)
    }

    async fn update_user(&self, user: &User) -> Result<bool, IdentityError> {
        let done = sqlx::query(
            "UPDATE users SET name = $3, email = $4, role = $5 WHERE organization_id = $1 AND id = $2",
        )
        .bind(user.organization.to_string())
        .bind(user.id.to_string())
        .bind(user.name.clone())
        .bind(user.email.clone())
        .bind(user.role.as_str())
        .execute(self.writer())
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn delete_user(&self, organization: &OrganizationId, id: &UserId) -> Result<bool, IdentityError> {
        let mut transaction = self.begin().await?;
        for sql in [
            "DELETE FROM api_keys WHERE organization_id = $1 AND user_id = $2",
            "DELETE FROM project_members WHERE user_id IN \
             (SELECT id FROM users WHERE organization_id = $1 AND id = $2)",
        ] {
            sqlx::query(sql)
                .bind(organization.to_string())
                .bind(id.to_string())
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        let done = sqlx::query("DELETE FROM users WHERE organization_id = $1 AND id = $2")
            .bind(organization.to_string())
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn count_owners(&self, organization: &OrganizationId) -> Result<u64, IdentityError> {
        let count: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) AS n FROM users WHERE organization_id = $1 AND role = 'owner'",
        )
        .bind(organization.to_string())
        .fetch_one(self.reader())
        .await
        .map_err(failed)?;
        Ok(u64::try_from(count).unwrap_or_default())
    }
}

#[async_trait]
impl MemberStore for Store {
    async fn insert_member(&self, member: &Member) -> Result<(), IdentityError> {
        sqlx::query(
            "INSERT INTO project_members (project_id, user_id, role, added_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(member.project.to_string())
        .bind(member.user.id.to_string())
        .bind(member.role.as_str())
        .bind(member.added_at.0)
        .execute(self.writer())
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn get_member(&self, project: &ProjectId, user: &UserId) -> Result<Option<Member>, IdentityError> {
        let row = sqlx::query(
            "SELECT u.*, m.project_id, m.role AS member_role, m.added_at AS member_since \
             FROM project_members m JOIN users u ON u.id = m.user_id WHERE m.project_id = $1 AND m.user_id = $2",
        )
        .bind(project.to_string())
        .bind(user.to_string())
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        Ok(row.as_ref().map(member).transpose()?)
    }

    async fn list_members(&self, project: &ProjectId, page: &Page) -> Result<Vec<Member>, IdentityError> {
        let sql = paged!(
            page.order,
            "SELECT u.*, m.project_id, m.role AS member_role, m.added_at AS member_since \
             FROM project_members m JOIN users u ON u.id = m.user_id WHERE m.project_id = $1",
            "m.added_at",
            "m.user_id"
        );
        self.page(sql, project.as_str(), page, member).await
    }

    async fn projects_of(&self, user: &UserId, limit: u32) -> Result<Vec<Project>, IdentityError> {
        let rows = sqlx::query(
            "SELECT p.* FROM project_members m JOIN projects p ON p.id = m.project_id
             WHERE m.user_id = $1 AND p.archived_at IS NULL ORDER BY p.created_at, p.id LIMIT $2",
        )
        .bind(user.to_string())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        Ok(rows.iter().map(project).collect::<Result<_, _>>()?)
    }

    async fn update_member(
        &self,
        project: &ProjectId,
        user: &UserId,
        role: ProjectRole,
    ) -> Result<bool, IdentityError> {
        let done = sqlx::query("UPDATE project_members SET role = $3 WHERE project_id = $1 AND user_id = $2")
            .bind(project.to_string())
            .bind(user.to_string())
            .bind(role.as_str())
            .execute(self.writer())
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn delete_member(&self, project: &ProjectId, user: &UserId) -> Result<bool, IdentityError> {
        let mut transaction = self.begin().await?;
        let done = sqlx::query("DELETE FROM project_members WHERE project_id = $1 AND user_id = $2")
            .bind(project.to_string())
            .bind(user.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM api_keys WHERE project_id = $1 AND user_id = $2 AND role = 'project'")
            .bind(project.to_string())
            .bind(user.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }
}

#[async_trait]
impl ServiceAccountStore for Store {
    async fn insert_service_account(
        &self,
        account: &ServiceAccount,
        key: &ApiKey,
    ) -> Result<(), IdentityError> {
        let mut transaction = self.begin().await?;
        insert_account(&mut transaction, account).await?;
        insert_key(&mut transaction, key).await?;
        transaction.commit().await.map_err(failed)
    }

    async fn get_service_account(
        &self,
        project: &ProjectId,
        id: &ServiceAccountId,
    ) -> Result<Option<ServiceAccount>, IdentityError> {
        let row = sqlx::query("SELECT * FROM service_accounts WHERE project_id = $1 AND id = $2")
            .bind(project.to_string())
            .bind(id.to_string())
            .fetch_optional(self.reader())
            .await
            .map_err(failed)?;
        Ok(row.as_ref().map(account).transpose()?)
    }

    async fn list_service_accounts(
        &self,
        project: &ProjectId,
        page: &Page,
    ) -> Result<Vec<ServiceAccount>, IdentityError> {
        let sql =
            paged!(page.order, "SELECT * FROM service_accounts WHERE project_id = $1", "created_at", "id");
        self.page(sql, project.as_str(), page, account).await
    }

    async fn delete_service_account(
        &self,
        project: &ProjectId,
        id: &ServiceAccountId,
    ) -> Result<bool, IdentityError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "DELETE FROM api_keys WHERE service_account_id IN \
             (SELECT id FROM service_accounts WHERE project_id = $1 AND id = $2)",
        )
        .bind(project.to_string())
        .bind(id.to_string())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        let done = sqlx::query("DELETE FROM service_accounts WHERE project_id = $1 AND id = $2")
            .bind(project.to_string())
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }
}
