//! How long each command takes.
//!
//! A time stamp costs as much as a small part of a GET, so fast commands (the flag FAST) have none of their own: they share what they took
//! together, by their number. Every other command has its own time, from the end of the one before it or from where fast ones stopped, to its own end.

use crate::request::table::Command;
use crate::thread::Thread;
use curfew_protocol::spec::FAST;

/// Measures the commands of one run or one transaction, in the order of their execution.
pub struct Stopwatch {
    /// Up to where time is accounted for, in ticks.
    last: u64,
    /// Ticks that fast commands took together, but for those since `last`.
    fast_ticks: u64,
    /// Fast commands in all, and those since `last`.
    fast: u64,
    pending: u64,
}

impl Stopwatch {
    /// Begins now.
    #[inline]
    pub fn start(thread: &Thread) -> Stopwatch {
        Stopwatch { last: thread.ticks(), fast_ticks: 0, fast: 0, pending: 0 }
    }

    /// So many ticks since the last command were not for commands.
    #[inline]
    pub fn leave_out(&mut self, ticks: u64) {
        self.last += ticks;
    }

    /// A command begins.
    #[inline]
    pub fn begin(&mut self, thread: &Thread, command: &Command) {
        if command.is(FAST) {
            self.pending += 1;
        } else if self.pending > 0 {
            self.close(thread.ticks());
        }
    }

    /// It is over.
    #[inline]
    pub fn end(&mut self, thread: &Thread, command: &Command) {
        if !command.is(FAST) {
            let now = thread.ticks();
            thread.stats.executed(command.id, 1, thread.nanos(self.last, now));
            self.last = now;
        }
    }

    /// All are over: counts the fast ones of them, each at their mean.
    #[inline]
    pub fn finish(mut self, thread: &Thread, executed: impl Iterator<Item = &'static Command>) {
        if self.pending > 0 {
            self.close(thread.ticks());
        }
        if self.fast == 0 {
            return;
        }
        let nanos = thread.nanos(0, self.fast_ticks) / self.fast;
        // Equal neighbours are counted together.
        let (mut last, mut calls) = (usize::MAX, 0);
        for command in executed.filter(|command| command.is(FAST)) {
            if command.id != last && calls > 0 {
                thread.stats.executed(last, calls, nanos * calls);
                calls = 0;
            }
            last = command.id;
            calls += 1;
        }
        if calls > 0 {
            thread.stats.executed(last, calls, nanos * calls);
        }
    }

    #[inline]
    fn close(&mut self, now: u64) {
        self.fast_ticks += now.saturating_sub(self.last);
        self.last = now;
        self.fast += self.pending;
        self.pending = 0;
    }
}
