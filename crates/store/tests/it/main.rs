//! Every port on both databases.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod alerts;
#[cfg(test)]
mod billing;
#[cfg(test)]
mod connection;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod payments;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod rentals;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod upgrade;
