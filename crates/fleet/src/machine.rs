//! This machine's memory.

use parking_lot::Mutex;
use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tenfold_kernel::BoxError;

use crate::ports::Machine;

/// This machine, and the limits of the control group that we run in.
#[derive(Debug)]
pub struct LocalMachine {
    system: Mutex<System>,
}

impl LocalMachine {
    /// Nothing is measured yet.
    ///
    /// # Errors
    /// On a system that does not tell its memory.
    pub fn new() -> Result<Self, BoxError> {
        Ok(Self { system: Mutex::new(System::new()?) })
    }
}

impl Machine for LocalMachine {
    fn available_bytes(&self) -> u64 {
        let mut system = self.system.lock();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let of_machine = system.available_memory();
        // A container sees the whole machine's memory and is killed at its own limit.
        system.cgroup_limits().map_or(of_machine, |limits| limits.free_memory.min(of_machine))
    }

    fn resident_bytes(&self, pid: u32) -> Option<u64> {
        let pid = Pid::from_u32(pid);
        let mut system = self.system.lock();
        let memory = ProcessRefreshKind::nothing().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, memory);
        system.process(pid).map(sysinfo::Process::memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_this_process_is_measured() {
        let machine = LocalMachine::new().unwrap();
        assert!(machine.available_bytes() > 0);
        assert!(machine.resident_bytes(std::process::id()).is_some_and(|bytes| bytes > 1 << 20));
        assert_eq!(machine.resident_bytes(u32::MAX >> 1), None);
    }
}
