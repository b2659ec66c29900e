//! The routes on in-memory parts, called without a socket.

#[cfg(test)]
mod house;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod till;
