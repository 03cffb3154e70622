//! CLIENT PAUSE: holds back clients' commands for a while. Expiry and everything else goes on, and dead keys stay dead.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed, Ordering::SeqCst};
use tokio::sync::Notify;

/// The pause in force, if any.
#[derive(Default)]
pub struct Pause {
    /// Unix milliseconds; 0: none.
    until_ms: AtomicI64,
    /// Whether reads are held back too.
    all: AtomicBool,
    resumed: Notify,
}

impl Pause {
    /// Starts a pause, or extends the one in force: a later end and the stricter mode win, as in Redis.
    pub fn start(&self, until_ms: i64, all: bool, now_ms: i64) {
        let in_force = self.is_active(now_ms);
        self.all.store(all || (in_force && self.all.load(Relaxed)), SeqCst);
        self.until_ms.fetch_max(until_ms, SeqCst);
    }

    /// CLIENT UNPAUSE.
    pub fn stop(&self) {
        self.until_ms.store(0, SeqCst);
        self.all.store(false, SeqCst);
        self.resumed.notify_waiters();
    }

    /// Forgets a pause that has run out, so that commands need not look at it any more.
    pub fn forget(&self, now_ms: i64) {
        let until = self.until_ms.load(SeqCst);
        if until != 0 && until <= now_ms {
            // If it fails, a new pause has begun.
            let _ = self.until_ms.compare_exchange(until, 0, SeqCst, SeqCst);
        }
    }

    /// Whether a command has to wait. One relaxed load when there is no pause.
    #[inline]
    pub fn holds(&self, may_write: bool, now_ms: i64) -> bool {
        let until = self.until_ms.load(Relaxed);
        until != 0 && now_ms < until && (may_write || self.all.load(Relaxed))
    }

    /// Whether a pause was started and not stopped; it may have run out since.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.until_ms.load(Relaxed) != 0
    }

    /// Whether any pause is in force.
    #[inline]
    pub fn is_active(&self, now_ms: i64) -> bool {
        let until = self.until_ms.load(Relaxed);
        until != 0 && now_ms < until
    }

    /// Waits for the end of the pause, for at most 100 ms: callers ask again.
    pub async fn wait(&self, now_ms: i64) {
        let left = (self.until_ms.load(SeqCst) - now_ms).clamp(1, 100) as u64;
        // Either way the caller looks again.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(left), self.resumed.notified()).await;
    }

    /// Milliseconds left and whether it is for all commands: INFO's `paused_*`.
    pub fn state(&self, now_ms: i64) -> (i64, bool) {
        ((self.until_ms.load(Relaxed) - now_ms).max(0), self.all.load(Relaxed))
    }
}
