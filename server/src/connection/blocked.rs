//! What a connection does while its client waits for keys.

use super::{Connection, Hangup, Woken};
use crate::clients::client::signal;
use crate::system::clock;
use crate::thread;
use crate::units::blocked;
use curfew_shard::shard::wait::claim::Look;
use curfew_shard::shard::wait::{Outcome, Waiter};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until};

/// How long it is until the wall clock is past a time in Unix milliseconds: from here on the monotonic clock counts.
fn time_left(until_ms: i64) -> Duration {
    // Nobody waits longer, and the clocks do not reach further.
    const LONGEST_MICROS: i64 = 10 * 365 * 86_400 * 1_000_000;
    let left = until_ms.saturating_add(1).saturating_mul(1_000).saturating_sub(clock::moment().micros());
    Duration::from_micros(left.clamp(0, LONGEST_MICROS) as u64)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Waits for the outcome of the command that has just been executed, and answers it. An error means that the connection
    /// is to be closed.
    pub(super) async fn blocked(&mut self, waiter: &Arc<Waiter>) -> Result<(), Hangup> {
        // The request is not needed any more: what waits has arguments of its own.
        if let Ok(batch) = self.batch.get() {
            batch.advance(1);
            if batch.pending().is_empty() {
                batch.compact();
            }
        }
        let waited = self.await_outcome(waiter).await;
        if waited.is_err() {
            blocked::end(waiter).await;
        }
        *self.client.blocked.lock() = None;
        blocked::leave(self.shared, waiter);
        let outcome = waiter.take_outcome();
        // Who was served before it was told to go gets what was taken for it, if that can be.
        if (waited.is_err() || self.client.is_killed()) && !matches!(outcome, Some(Outcome::Reply(_))) {
            return Err(Hangup);
        }
        let now_ms = clock::moment().ms;
        // It was not idle.
        self.client.active_ms.store(now_ms, Relaxed);
        let batch = self.batch.get()?;
        let out = &mut batch.buffers.out;
        let mark = out.len();
        batch.session.reply_at = mark;
        match outcome {
            Some(Outcome::Reply(reply)) => out.raw(reply.as_bytes()),
            Some(Outcome::Error(error)) => {
                thread::with(|thread| thread.stats.error(&error));
                out.error(&error);
            }
            Some(Outcome::Null) | None => waiter.wait.null.reply(out),
        }
        self.replied(mark)?;
        waited
    }

    /// Returns when the waiting is over; an error if the connection is, before that.
    async fn await_outcome(&mut self, waiter: &Waiter) -> Result<(), Hangup> {
        let config = thread::with(|thread| thread.config());
        let until = waiter.wait.until.map(|until_ms| Instant::now() + time_left(until_ms));
        let mut alarm = until.map(|until| Box::pin(sleep_until(until)));
        loop {
            self.client.lower(signal::SERVED);
            if waiter.look() == Look::Over {
                return Ok(());
            }
            let signals = self.client.signals();
            if signals & (signal::KILL | signal::DRAIN) != 0 {
                return Err(Hangup);
            }
            if waiter.look() == Look::Called {
                if !blocked::try_with_all(self.shared, waiter).await {
                    // A script has its shards. There is still its time, and whatever else may end it.
                    match until.is_some_and(|until| Instant::now() >= until) {
                        true => blocked::end(waiter).await,
                        false => sleep(blocked::BUSY_STEP).await,
                    }
                }
                continue;
            }
            let batch = self.batch.get()?;
            if signals & signal::MESSAGES != 0 {
                self.client.take_messages(&mut batch.buffers.out);
            }
            // Replies of what came before, and messages.
            self.flush().await?;
            match self.wait(alarm.as_mut().map(Pin::as_mut)).await {
                Woken::Signal => {}
                Woken::Time => blocked::end(waiter).await,
                Woken::Read(Ok(0) | Err(_)) => return Err(Hangup),
                Woken::Read(Ok(count)) => {
                    thread::with(|thread| thread.stats.bytes_in.add(count as u64));
                    self.check_input(&config)?;
                }
            }
        }
    }
}
