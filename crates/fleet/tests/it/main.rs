//! The fleet on workers, engines and a machine that do as they are told.

mod memory;
mod process;
mod queue;
mod rig;
mod store;
mod upstreams;
mod workers;
