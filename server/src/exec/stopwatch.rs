//! How long each command takes.
//!
//! A time stamp costs as much as a small part of a GET, so fast commands (the flag FAST) have none of their own: they share
//! what they took together, by their number. Every other command has its own time, from the end of the one before it or from
//! where fast ones stopped, to its own end.

use crate::request::table::Command;
use crate::thread::Thread;
use curfew_protocol::spec::FAST;

/// Measures the commands of one run or one transaction, in the order of their execution.
pub struct Stopwatch {
    /// Up to where time is accounted for, in ticks.
    last: u64,
    /// Ticks that fast commands took together, but for those since `last`.
    fast_ticks: u64,
    /// Whether there were any since `last`.
    is_open: bool,
    /// Commands with a time of their own.
    slow: usize,
}

impl Stopwatch {
    /// Begins now.
    #[inline]
    pub fn start(thread: &Thread) -> Stopwatch {
        Stopwatch { last: thread.ticks(), fast_ticks: 0, is_open: false, slow: 0 }
    }

    /// So many ticks since the last command were not for commands.
    #[inline]
    pub fn leave_out(&mut self, ticks: u64) {
        self.last += ticks;
    }

    /// Executes a command by `act`.
    #[inline(always)] // beside a GET it is one comparison
    pub fn time(&mut self, thread: &Thread, command: &Command, act: impl FnOnce()) {
        if command.is(FAST) {
            self.is_open = true;
            return act();
        }
        if self.is_open {
            self.close(thread.ticks());
        }
        act();
        let now = thread.ticks();
        thread.stats.executed(command.id, 1, thread.nanos(self.last, now));
        self.last = now;
        self.slow += 1;
    }

    /// All are over: counts the fast ones of those `executed`, each at their mean. `count`: how many were executed in all.
    #[inline]
    pub fn finish(mut self, thread: &Thread, count: usize, executed: impl Iterator<Item = &'static Command>) {
        if self.is_open {
            self.close(thread.ticks());
        }
        let fast = count - self.slow;
        if fast == 0 {
            return;
        }
        let nanos = thread.nanos(0, self.fast_ticks) / fast as u64;
        match self.slow {
            0 => count_at(thread, nanos, executed),
            _ => count_at(thread, nanos, executed.filter(|command| command.is(FAST))),
        }
    }

    #[inline]
    fn close(&mut self, now: u64) {
        self.fast_ticks += now.saturating_sub(self.last);
        self.last = now;
        self.is_open = false;
    }
}

/// Counts commands at so many nanoseconds each, equal neighbours together.
#[inline]
fn count_at(thread: &Thread, nanos: u64, executed: impl Iterator<Item = &'static Command>) {
    let (mut last, mut calls) = (usize::MAX, 0);
    for command in executed {
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
