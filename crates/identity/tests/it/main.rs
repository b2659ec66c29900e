//! Identity on the in-memory adapter, with a clock that is moved by hand.

#[cfg(test)]
mod administration;
#[cfg(test)]
mod authenticate;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod house;
#[cfg(test)]
mod roles;
