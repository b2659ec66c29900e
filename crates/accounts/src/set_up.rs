//! The first account.

use tenfold_identity::{
    IdentityError, Order, OrganizationRole, Page, User, check_email, check_name, demand_write,
};
use tenfold_kernel::{Area, Caller, Secret};

use crate::password::check_password;
use crate::{Accounts, AccountsError, Session, SignedIn};

/// Who is to be the first.
#[derive(Debug, Clone)]
pub struct SetUp {
    /// The person's name.
    pub name: String,
    /// The address.
    pub email: String,
    /// The password.
    pub password: Secret,
    /// What the browser says of itself.
    pub user_agent: String,
}

impl Accounts {
    /// Whether there is no account yet.
    ///
    /// # Errors
    /// As the store's.
    pub async fn needs_set_up(&self) -> Result<bool, AccountsError> {
        Ok(!self.ports.accounts.has_accounts().await?)
    }

    /// Gives the user of the admin key, or the owner that the organisation was founded with, a name, an address and
    /// a password, and signs the browser in. `caller` was authenticated by the admin key, which proves possession.
    ///
    /// # Errors
    /// [`AccountsError::AlreadySetUp`] for all but one, [`AccountsError::WeakPassword`],
    /// [`AccountsError::AlreadyExists`] for the address, and [`AccountsError::Identity`] for a field or the caller.
    #[tracing::instrument(name = "accounts.set_up", skip_all)]
    pub async fn set_up(&self, caller: &Caller, new: SetUp) -> Result<SignedIn, AccountsError> {
        demand_write(caller, Area::Owners)?;
        let (name, email) = (check_name(&new.name)?, check_email(&new.email)?);
        check_password(new.password.expose(), &email, &name)?;
        if !self.needs_set_up().await? {
            return Err(AccountsError::AlreadySetUp);
        }
        let user = User { name, email, ..self.first_user(caller).await? };
        let password = self.hasher.hash(&new.password, &*self.rng).await?;
        let now = self.clock.now();
        let account = self.new_account(&user.id, &user.organization, password, now);
        let (session, token) = Session::begin(&user.id, &new.user_agent, now, &self.config, &*self.rng);
        match self.ports.accounts.set_up(&user, &account, &session).await {
            Err(AccountsError::Conflict { .. }) => Err(AccountsError::AlreadyExists { what: "user" }),
            Err(error) => Err(error),
            Ok(false) => Err(AccountsError::AlreadySetUp),
            Ok(true) => {
                tracing::info!(by = %caller.api_key, user.id = %user.id, "console set up");
                self.signed_in(&session, token).await
            }
        }
    }

    async fn first_user(&self, caller: &Caller) -> Result<User, AccountsError> {
        let users = &self.identity.users;
        if let Some(id) = &caller.user {
            let found = users.get_user(&caller.organization, id).await?;
            return found.ok_or_else(|| IdentityError::NotFound { what: "user", id: id.to_string() }.into());
        }
        // The owner of the founding is the oldest user.
        let page = Page { after: None, limit: 100, order: Order::Ascending };
        let found = users.list_users(&caller.organization, &page).await?;
        let owner = found.into_iter().find(|user| user.role == OrganizationRole::Owner);
        owner.ok_or_else(|| {
            IdentityError::NotFound { what: "owner", id: caller.organization.to_string() }.into()
        })
    }
}
