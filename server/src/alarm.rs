//! An alarm at a time of the wall clock, to the fraction of a millisecond: what wakes a keeper for the next deadline.
//!
//! tokio's timers count in milliseconds and round up, as does epoll's timeout: together they made keys leave some 4 ms after
//! their deadlines. A timerfd fires at its time, and it is told of steps of the wall clock, which no monotonic timer is.

#![allow(unsafe_code)] // one call, see Alarm::new

use crate::clock;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// See the module's documentation.
pub struct Alarm {
    timer: AsyncFd<OwnedFd>,
}

impl Alarm {
    /// An alarm that is not set. Must be made within a runtime.
    pub fn new() -> io::Result<Alarm> {
        let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // SAFETY: the descriptor is open, it is owned by the AsyncFd from here on and closed by nobody else, and OwnedFd
        // names the same one at every call.
        let timer = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) };
        Ok(Alarm { timer: timer.map_err(|failed| failed.into_parts().1)? })
    }

    /// Waits until the wall clock says `at_ms` (Unix milliseconds), or is stepped. Returns at once if it is past that.
    pub async fn wait(&self, at_ms: i64) -> io::Result<()> {
        let at_ms = clock::to_system_ms(at_ms);
        let at = Timespec { tv_sec: at_ms.div_euclid(1000), tv_nsec: at_ms.rem_euclid(1000) * 1_000_000 };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        timerfd_settime(&self.timer, flags, &once)?;
        loop {
            let mut ready = self.timer.readable().await?;
            let mut expirations = [0u8; 8];
            match ready.try_io(|timer| Ok(rustix::io::read(timer, &mut expirations)?)) {
                // An error other than "not yet" is ECANCELED: the clock was stepped.
                Ok(_) => return Ok(()),
                Err(_would_block) => continue,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_rings_at_its_time_and_not_before() {
        let alarm = Alarm::new().expect("a timer");
        let start = clock::moment().ms;
        alarm.wait(start + 20).await.expect("no error");
        assert!(clock::moment().ms >= start + 20);
        alarm.wait(start).await.expect("no error"); // past: at once
        alarm.wait(1).await.expect("no error");
    }
}
