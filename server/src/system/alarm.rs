//! An alarm at a time of the wall clock, to the fraction of a millisecond: what wakes a keeper for the next deadline.
//!
//! tokio's timers count in milliseconds and round up, as does epoll's timeout: together they made keys leave some 4 ms after
//! their deadlines. A timerfd fires at its time, and it is told of steps of the wall clock, which no monotonic timer is.

#![allow(unsafe_code)] // one call, see Alarm::new

use crate::system::clock;
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How long it waits where it rang before its time.
const EARLY_STEP: Duration = Duration::from_millis(1);

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

    /// Waits until the wall clock says `at_ms` (Unix milliseconds), or is stepped. Other tasks have their turn even where it is
    /// past that already.
    pub async fn wait(&self, at_ms: i64) -> io::Result<()> {
        if !self.set(at_ms)? {
            return Ok(());
        }
        loop {
            let mut ready = self.timer.readable().await?;
            let mut expirations = [0u8; 8];
            match ready.try_io(|timer| Ok(rustix::io::read(timer, &mut expirations)?)) {
                // An error other than "not yet" is ECANCELED: the clock was stepped.
                Ok(_) => {
                    // It is silent until it is set again. Without this the next wait would believe it before anybody else had
                    // a turn, and whoever waits for the past again and again would keep the thread for himself.
                    ready.clear_ready();
                    break;
                }
                Err(_would_block) => continue,
            }
        }
        if clock::moment().ms < at_ms {
            // The clock was stepped back. Or timer and clock disagree for good: then it rings again and again, for nothing.
            tokio::time::sleep(EARLY_STEP).await;
        }
        Ok(())
    }

    /// Sets it. False if the clock was stepped since it was last set: the time may be of the old clock.
    fn set(&self, at_ms: i64) -> io::Result<bool> {
        // All zeros would switch it off, and what was before 1970 is past in any case.
        let at_ms = clock::to_system_ms(at_ms).max(1);
        let at = Timespec { tv_sec: at_ms.div_euclid(1000), tv_nsec: at_ms.rem_euclid(1000) * 1_000_000 };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        match timerfd_settime(&self.timer, flags, &once) {
            Ok(_) => Ok(true),
            // Linux has set it all the same. It says so once for each step.
            Err(Errno::CANCELED) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    #[tokio::test]
    async fn it_rings_at_its_time_and_not_before() {
        let alarm = Alarm::new().expect("a timer");
        let start = clock::moment().ms;
        alarm.wait(start + 20).await.expect("no error");
        assert!(clock::moment().ms >= start + 20);
        alarm.wait(start).await.expect("no error"); // past: at once
        alarm.wait(1).await.expect("no error");
    }
    #[tokio::test]
    async fn waiting_for_the_past_lets_others_have_their_turns() {
        let alarm = Alarm::new().expect("a timer");
        let turns = Arc::new(AtomicU32::new(0));
        let counted = turns.clone();
        tokio::spawn(async move {
            loop {
                counted.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
            }
        });
        for _ in 0..100 {
            let before = turns.load(Relaxed);
            alarm.wait(1).await.expect("no error");
            assert!(turns.load(Relaxed) > before);
        }
    }

    #[tokio::test]
    async fn it_can_be_set_to_any_time() {
        let alarm = Alarm::new().expect("a timer");
        for at_ms in [i64::MIN / 2, -1, 0, 1] {
            alarm.wait(at_ms).await.expect("no error");
        }
        let far = tokio::time::timeout(Duration::from_millis(5), alarm.wait(i64::MAX)).await;
        assert!(far.is_err(), "{far:?}");
    }
}
