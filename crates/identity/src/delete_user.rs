//! Removing people.

use tenfold_kernel::{Area, Caller, UserId};

use crate::modify_user::no_user;
use crate::service::demand_write;
use crate::{Identity, IdentityError};

impl Identity {
    /// Removes a user from the organisation and every project; its keys stop at once.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`], or [`IdentityError::Lockout`] for the only owner.
    #[tracing::instrument(name = "identity.delete_user", skip_all, fields(user.id = %id))]
    pub async fn delete_user(&self, caller: &Caller, id: &UserId) -> Result<(), IdentityError> {
        demand_write(caller, Area::People)?;
        let user = self.user(caller, id).await?;
        demand_write(caller, user.role.area())?;
        self.keep_an_owner(&user).await?;
        let _changing = self.changing();
        if !self.ports.users.delete_user(&caller.organization, id).await? {
            return Err(no_user(id));
        }
        tracing::info!(by = %caller.api_key, user.id = %id, "user removed");
        Ok(())
    }
}
