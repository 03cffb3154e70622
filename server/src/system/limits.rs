//! What the operating system and the allocator know and do: limits on file descriptors, processor time, memory.
//!
//! The only place that calls libc and jemalloc's controls by itself. Each call to libc passes pointers to a local that
//! outlives the call, and reads nothing else.
#![allow(unsafe_code)]

/// Descriptors for everything that is no client: listeners, files, and the runtimes of the threads.
pub const RESERVED_FDS: u64 = 32;

/// Lets the calling thread have the processor only where no other thread of the process wants it, or nearly so: the lowest
/// priority (`nice` 19), of the thread alone, as Linux has it. Without success it stays as it is.
pub fn step_back() {
    // SAFETY: no pointers; 0 is the calling thread.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
}

/// Sees to it that so many clients can be connected: raises the soft limit on file descriptors, within the hard one, to
/// `clients` and those that the server itself needs. The error is the number of clients that there can be.
pub fn allow_clients(clients: u32, shards: usize) -> Result<(), u64> {
    let reserved = RESERVED_FDS + 4 * shards as u64;
    let wanted = u64::from(clients) + reserved;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live rlimit that the call fills.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        // Nothing is known: assume what every system has, as Redis does.
        return if wanted <= 1024 { Ok(()) } else { Err(1024 - reserved.min(1023)) };
    }
    if limit.rlim_cur >= wanted {
        return Ok(());
    }
    // The hard limit can be raised by root, so it is tried before it is believed.
    for hard in [limit.rlim_max.max(wanted), limit.rlim_max] {
        let asked = libc::rlimit { rlim_cur: wanted.min(hard), rlim_max: hard };
        // SAFETY: `asked` is a live rlimit that the call only reads.
        if asked.rlim_cur > limit.rlim_cur && unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &asked) } == 0 {
            limit = asked;
            break;
        }
    }
    match limit.rlim_cur >= wanted {
        true => Ok(()),
        false => Err(limit.rlim_cur.saturating_sub(reserved).max(1)),
    }
}

/// Whether the other side of a connected socket has closed it or its half of it. Answers false for what is no socket.
pub fn peer_has_gone(fd: i32) -> bool {
    let mut asked = libc::pollfd { fd, events: libc::POLLRDHUP, revents: 0 };
    // SAFETY: one live pollfd that the call reads and fills, and it does not wait. A descriptor that is none is an answer.
    let found = unsafe { libc::poll(&mut asked, 1, 0) };
    found > 0 && asked.revents & (libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR) != 0
}

/// Processor time in seconds.
#[derive(Copy, Clone, Debug, Default)]
pub struct CpuTime {
    /// In the kernel.
    pub system: f64,
    /// Outside.
    pub user: f64,
}

/// The processor time of this process; of its children that have ended, if `children`.
pub fn cpu_time(children: bool) -> CpuTime {
    let who = if children { libc::RUSAGE_CHILDREN } else { libc::RUSAGE_SELF };
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call fills a live rusage; all zeros, which it is before, is a valid one too.
    let usage = unsafe {
        libc::getrusage(who, usage.as_mut_ptr());
        usage.assume_init()
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    CpuTime { system: seconds(usage.ru_stime), user: seconds(usage.ru_utime) }
}

/// Resident memory of the process in bytes; 0 where /proc does not tell.
pub fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    // SAFETY: sysconf takes and returns numbers.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(0) as u64
}

/// The machine's memory in bytes; 0 where /proc does not tell.
pub fn total_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Gives the allocator's free pages back to the system.
pub fn purge() {
    use tikv_jemalloc_ctl::raw;
    // SAFETY: `arenas.narenas` is an unsigned int (jemalloc(3)), and the name ends with a zero.
    let arenas: u32 = unsafe { raw::read(b"arenas.narenas\0") }.unwrap_or(0);
    for arena in 0..arenas {
        let name = format!("arena.{arena}.dirty_decay_ms\0");
        // SAFETY: the name ends with a zero; the value is a signed size (jemalloc(3)). An arena that was never used
        // answers an error, which is fine. A decay time of 0 purges at once; afterwards it is as it was.
        unsafe {
            if let Ok(before) = raw::read::<isize>(name.as_bytes())
                && raw::write::<isize>(name.as_bytes(), 0).is_ok()
            {
                let _ = raw::write(name.as_bytes(), before);
            }
        }
    }
}

/// Name, release and architecture, as INFO's `os` shows them.
pub fn name() -> String {
    let read = |what: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/kernel/{what}")).unwrap_or_default();
        text.trim().to_owned()
    };
    format!("{} {} {}", read("ostype"), read("osrelease"), std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_allowed_and_what_does_not_is_counted() {
        assert_eq!(allow_clients(1, 1), Ok(()));
        let most = allow_clients(u32::MAX, 1).expect_err("no system has that many");
        assert!(most > 0 && most < u64::from(u32::MAX));
        assert_eq!(allow_clients(most as u32, 1), Ok(()));
    }

    #[test]
    fn the_system_tells_something() {
        assert!(resident() > 1 << 20);
        assert!(total_memory() > resident());
        assert!(name().starts_with("Linux "));
        assert!(cpu_time(false).user + cpu_time(false).system > 0.0);
    }
}
