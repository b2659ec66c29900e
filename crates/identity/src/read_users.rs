//! Looking at people.

use tenfold_kernel::{Area, Caller, UserId};

use crate::page::unknown_cursor;
use crate::service::demand_read;
use crate::{Cursor, Identity, IdentityError, List, ListRequest, Page, User};

impl Identity {
    /// One user.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    pub async fn get_user(&self, caller: &Caller, id: &UserId) -> Result<User, IdentityError> {
        demand_read(caller, Area::People)?;
        self.user(caller, id).await
    }

    /// The organisation's users.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for the page.
    pub async fn list_users(
        &self,
        caller: &Caller,
        request: &ListRequest,
    ) -> Result<List<User>, IdentityError> {
        demand_read(caller, Area::People)?;
        let after = match &request.after {
            None => None,
            Some(after) => {
                let id = UserId::parse(after).map_err(|_| unknown_cursor(after))?;
                let found = self.ports.users.get_user(&caller.organization, &id).await?;
                let found = found.ok_or_else(|| unknown_cursor(after))?;
                Some(Cursor { at: found.added_at, id: found.id.to_string() })
            }
        };
        let page = Page::new(request, after)?;
        let found = self.ports.users.list_users(&caller.organization, &page.one_more()).await?;
        Ok(List::cut(found, &page))
    }
}
