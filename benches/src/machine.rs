//! Which cores the servers and the load run on.

use crate::{Failure, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of a comparison.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Where a server with one thread runs.
    pub server: Vec<usize>,
    /// Where a server with two threads runs. The second is also the load's where there are only two cores.
    pub server_of_two: Vec<usize>,
    /// Where the load runs.
    pub load: usize,
}

impl Machine {
    /// The first core that this process may use for the server, the last for the load. At least two are needed.
    pub fn detect() -> Result<Machine> {
        let allowed = sched_getaffinity(None)?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect();
        match cores[..] {
            [first, second, ..] => {
                Ok(Machine { server: vec![first], server_of_two: vec![first, second], load: cores[cores.len() - 1] })
            }
            _ => Err(Failure("two cores are needed: one for the server, one for the load".into())),
        }
    }
}

/// Binds the calling thread, and the threads and processes it starts from now on, to `cores`.
pub fn pin(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|&core| set.set(core));
    Ok(sched_setaffinity(None, &set)?)
}
