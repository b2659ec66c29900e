//! The first account.

use tenfold_accounts::{AccountsError, SetUp};
use tenfold_identity::{IdentityError, ListRequest, NewUser, OrganizationRole};
use tenfold_kernel::{Classify, ErrorKind, Secret};

use crate::house::{EMAIL, PASSWORD, empty, set_up};

#[tokio::test]
async fn the_owner_of_the_key_gets_name_address_and_password_and_is_signed_in() {
    let house = empty().await;
    assert!(house.accounts.needs_set_up().await.unwrap());
    let signed_in = house.accounts.set_up(&house.admin, set_up()).await.unwrap();
    assert!(!house.accounts.needs_set_up().await.unwrap());
    assert_eq!(Some(&signed_in.info.user.id), house.admin.user.as_ref());
    let listed = house.identity.list_users(&house.admin, &ListRequest::default()).await.unwrap().data;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].name.as_str(), listed[0].email.as_str()), ("Ada Lovelace", EMAIL));
    assert_eq!(listed[0].role, OrganizationRole::Owner);
    let info = house.accounts.session(signed_in.token.expose()).await.unwrap();
    assert_eq!(info, signed_in.info);
    assert_eq!(info.organization.id, house.made.organization);
    assert_eq!(house.outcome(PASSWORD, None).await, "in");
}

#[tokio::test]
async fn a_caller_without_a_user_sets_the_founding_owner_up() {
    let house = empty().await;
    let owner = house.admin.user.clone();
    let new = NewUser { name: "B".to_owned(), email: "b@x".to_owned(), role: OrganizationRole::Owner };
    house.identity.create_user(&house.admin, new).await.unwrap();
    let nobody = tenfold_kernel::Caller { user: None, ..house.admin.clone() };
    let signed_in = house.accounts.set_up(&nobody, set_up()).await.unwrap();
    assert_eq!(Some(signed_in.info.user.id), owner);
}

#[tokio::test]
async fn of_two_at_once_one_succeeds_and_nobody_after_them() {
    let house = empty().await;
    let other = SetUp { email: "eve@example.org".to_owned(), ..set_up() };
    let (a, b) = tokio::join!(
        house.accounts.set_up(&house.admin, set_up()),
        house.accounts.set_up(&house.admin, other.clone())
    );
    let errors: Vec<AccountsError> = [a, b].into_iter().filter_map(Result::err).collect();
    assert!(matches!(errors[..], [AccountsError::AlreadySetUp]), "{errors:?}");
    let after = house.accounts.set_up(&house.admin, other).await.unwrap_err();
    assert!(matches!(after, AccountsError::AlreadySetUp));
    assert_eq!(after.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_changes_nothing() {
    let house = empty().await;
    let set_up_with = |change: fn(&mut SetUp)| {
        let mut new = set_up();
        change(&mut new);
        house.accounts.set_up(&house.admin, new)
    };
    let error = set_up_with(|new| new.password = Secret::new("short")).await.unwrap_err();
    assert_eq!(
        (error.code().as_deref(), error.param().as_deref()),
        (Some("weak_password"), Some("password"))
    );
    assert!(set_up_with(|new| new.password = Secret::new("Ada Lovelace")).await.is_err());
    let error = set_up_with(|new| new.email = "nobody".to_owned()).await.unwrap_err();
    assert_eq!(error.param().as_deref(), Some("email"));
    let error = set_up_with(|new| new.name = String::new()).await.unwrap_err();
    assert_eq!(error.param().as_deref(), Some("name"));
    let program = house.identity.authenticate(house.made.project_key.expose()).await.unwrap();
    let error = house.accounts.set_up(&program, set_up()).await.unwrap_err();
    assert!(matches!(error, AccountsError::Identity(IdentityError::AdminOnly)));
    assert!(house.accounts.needs_set_up().await.unwrap());
}
