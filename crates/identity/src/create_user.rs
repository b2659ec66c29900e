//! Adding people.

use tenfold_kernel::{Caller, UserId};

use crate::organization::check_name;
use crate::service::demand_write;
use crate::user::check_email;
use crate::{Identity, IdentityError, OrganizationRole, User};

/// What a user is to be.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The person's name.
    pub name: String,
    /// The address.
    pub email: String,
    /// What the person is in the organisation.
    pub role: OrganizationRole,
}

impl Identity {
    /// Adds a person to the organisation.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for a field, [`IdentityError::AlreadyExists`] for the address.
    #[tracing::instrument(name = "identity.create_user", skip_all)]
    pub async fn create_user(&self, caller: &Caller, new: NewUser) -> Result<User, IdentityError> {
        demand_write(caller, new.role.area())?;
        let user = User {
            id: UserId::generate(&*self.rng),
            organization: caller.organization.clone(),
            name: check_name(&new.name)?,
            email: check_email(&new.email)?,
            role: new.role,
            added_at: self.clock.now(),
        };
        match self.ports.users.insert_user(&user).await {
            Err(IdentityError::Conflict { .. }) => Err(IdentityError::AlreadyExists { what: "user" }),
            Err(error) => Err(error),
            Ok(()) => {
                tracing::info!(by = %caller.api_key, user.id = %user.id, "user added");
                Ok(user)
            }
        }
    }
}
