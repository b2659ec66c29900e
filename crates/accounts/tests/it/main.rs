//! Signing in on the in-memory adapter, with a clock that is moved by hand.

#[cfg(test)]
mod authenticator;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod house;
#[cfg(test)]
mod invites;
#[cfg(test)]
mod passkeys;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod set_up;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod totp;
