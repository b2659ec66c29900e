//! Looking at keys.

use std::collections::HashMap;

use tenfold_kernel::{ApiKeyId, Area, Caller, ProjectId};

use crate::page::unknown_cursor;
use crate::service::{KeysSeen, demand_keys, demand_read};
use crate::{
    ApiKey, Cursor, Identity, IdentityError, KeyOwner, List, ListRequest, Member, Page, ServiceAccount, User,
};

/// A key with its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    /// The key.
    pub key: ApiKey,
    /// Its owner; absent when it went between two reads.
    pub owner: Option<OwnerView>,
}

/// The owner of a key, as far as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerView {
    /// A person, and what it is in the key's project if it is a member.
    User(User, Option<Member>),
    /// A program.
    ServiceAccount(ServiceAccount),
}

impl Identity {
    /// One key of a project.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    pub async fn get_project_key(
        &self,
        caller: &Caller,
        project: &ProjectId,
        id: &ApiKeyId,
    ) -> Result<KeyView, IdentityError> {
        let seen = demand_keys(caller, demand_read)?;
        let key = self.project_key(caller, project, id, &seen).await?;
        let owner = self.owner_of(&key).await?;
        Ok(KeyView { key, owner })
    }

    /// The keys of a project.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] for the project, [`IdentityError::Invalid`] for the page.
    pub async fn list_project_keys(
        &self,
        caller: &Caller,
        project: &ProjectId,
        request: &ListRequest,
    ) -> Result<List<KeyView>, IdentityError> {
        let seen = demand_keys(caller, demand_read)?;
        let project = self.project(&caller.organization, project).await?;
        self.demand_member(&seen, &project).await?;
        self.list_keys(caller, Some(&project.id), &seen, request).await
    }

    /// One admin key.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    pub async fn get_admin_key(&self, caller: &Caller, id: &ApiKeyId) -> Result<KeyView, IdentityError> {
        demand_read(caller, Area::Owners)?;
        let key = self.admin_key(caller, id).await?;
        let owner = self.owner_of(&key).await?;
        Ok(KeyView { key, owner })
    }

    /// The admin keys of the organisation.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for the page.
    pub async fn list_admin_keys(
        &self,
        caller: &Caller,
        request: &ListRequest,
    ) -> Result<List<KeyView>, IdentityError> {
        demand_read(caller, Area::Owners)?;
        self.list_keys(caller, None, &KeysSeen::All, request).await
    }

    async fn list_keys(
        &self,
        caller: &Caller,
        project: Option<&ProjectId>,
        seen: &KeysSeen,
        request: &ListRequest,
    ) -> Result<List<KeyView>, IdentityError> {
        let after = match &request.after {
            None => None,
            Some(after) => {
                let id = ApiKeyId::parse(after).map_err(|_| unknown_cursor(after))?;
                let key = match project {
                    Some(project) => self.project_key(caller, project, &id, seen).await,
                    None => self.admin_key(caller, &id).await,
                };
                let key = match key {
                    Err(IdentityError::NotFound { .. }) => return Err(unknown_cursor(after)),
                    other => other?,
                };
                Some(Cursor { at: key.created_at, id: key.id.to_string() })
            }
        };
        let page = Page::new(request, after)?;
        let keys = self.seen_keys(caller, project, seen, page.one_more()).await?;
        let List { data, has_more } = List::cut(keys, &page);
        let mut owners: HashMap<KeyOwner, Option<OwnerView>> = HashMap::new();
        let mut views = Vec::with_capacity(data.len());
        for key in data {
            let owner = if let Some(owner) = owners.get(&key.owner) {
                owner.clone()
            } else {
                let owner = self.owner_of(&key).await?;
                owners.insert(key.owner.clone(), owner.clone());
                owner
            };
            views.push(KeyView { key, owner });
        }
        Ok(List { data: views, has_more })
    }

    /// A page of the keys that are seen. A project has few keys: those of others are read and passed over.
    async fn seen_keys(
        &self,
        caller: &Caller,
        project: Option<&ProjectId>,
        seen: &KeysSeen,
        mut page: Page,
    ) -> Result<Vec<ApiKey>, IdentityError> {
        let (limit, mut found) = (page.limit as usize, Vec::new());
        loop {
            let keys = self.ports.keys.list_keys(&caller.organization, project, &page).await?;
            let is_last = keys.len() < limit;
            page.after = keys.last().map(|key| Cursor { at: key.created_at, id: key.id.to_string() });
            found.extend(keys.into_iter().filter(|key| seen.has(key)));
            if is_last || found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
        }
    }

    pub(crate) async fn owner_of(&self, key: &ApiKey) -> Result<Option<OwnerView>, IdentityError> {
        Ok(match &key.owner {
            KeyOwner::User(id) => match self.ports.users.get_user(&key.organization, id).await? {
                None => None,
                Some(user) => {
                    Some(OwnerView::User(user, self.ports.members.get_member(&key.project, id).await?))
                }
            },
            KeyOwner::ServiceAccount(id) => {
                let account = self.ports.service_accounts.get_service_account(&key.project, id).await?;
                account.map(OwnerView::ServiceAccount)
            }
        })
    }
}
