//! Changing what people are.

use tenfold_kernel::{Caller, UserId};

use crate::service::demand_write;
use crate::{Identity, IdentityError, OrganizationRole, User};

impl Identity {
    /// Gives a user another role. An owner who becomes something else loses the use of its admin keys at once.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`], or [`IdentityError::Lockout`] if no owner would be left.
    #[tracing::instrument(name = "identity.modify_user", skip_all, fields(user.id = %id))]
    pub async fn modify_user(
        &self,
        caller: &Caller,
        id: &UserId,
        role: OrganizationRole,
    ) -> Result<User, IdentityError> {
        demand_write(caller, role.area())?;
        let mut user = self.user(caller, id).await?;
        demand_write(caller, user.role.area())?;
        if role != OrganizationRole::Owner {
            self.keep_an_owner(&user).await?;
        }
        user.role = role;
        let _changing = self.changing();
        if !self.ports.users.update_user(&user).await? {
            return Err(no_user(id));
        }
        tracing::info!(by = %caller.api_key, user.id = %id, role = role.as_str(), "user changed");
        Ok(user)
    }

    /// Refuses to go on when `user` is the organisation's only owner.
    pub(crate) async fn keep_an_owner(&self, user: &User) -> Result<(), IdentityError> {
        let owner = user.role == OrganizationRole::Owner;
        if owner && self.ports.users.count_owners(&user.organization).await? < 2 {
            return Err(IdentityError::Lockout { what: "an owner" });
        }
        Ok(())
    }

    pub(crate) async fn user(&self, caller: &Caller, id: &UserId) -> Result<User, IdentityError> {
        self.ports.users.get_user(&caller.organization, id).await?.ok_or_else(|| no_user(id))
    }
}

pub(crate) fn no_user(id: &UserId) -> IdentityError {
    IdentityError::NotFound { what: "user", id: id.to_string() }
}
