//! Ending a script that runs long, from any thread.

use curfew_protocol::args::OwnedArgs;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Instant;

/// The way for other threads to end a script.
#[derive(Default)]
pub struct Control {
    kill: AtomicBool,
    wrote: AtomicBool,
    /// The call of a function; None for a script.
    pub call: Option<Call>,
}

/// A call of a function as FUNCTION STATS shows it.
pub struct Call {
    /// The function's name.
    pub name: Box<[u8]>,
    /// The whole command.
    pub command: OwnedArgs,
    /// When it began.
    pub started: Instant,
}

impl Control {
    /// The control of what has begun; `wrote` if it has written.
    pub fn new(wrote: bool, call: Option<Call>) -> Control {
        Control { kill: AtomicBool::new(false), wrote: AtomicBool::new(wrote), call }
    }

    /// It is about to write for the first time. True if it was told to end before, and so must not.
    pub fn is_refused_to_write(&self) -> bool {
        self.wrote.store(true, SeqCst);
        self.is_killed()
    }

    /// Whether it was told to end.
    pub fn is_killed(&self) -> bool {
        self.kill.load(SeqCst)
    }

    /// Asks the script to end; false if it has written.
    pub fn kill(&self) -> bool {
        // The script says that it writes first and looks after; so one of the two sees the other.
        self.kill.store(true, SeqCst);
        if self.wrote.load(SeqCst) {
            self.kill.store(false, SeqCst);
            return false;
        }
        true
    }

    /// Whether the script has written.
    pub fn has_written(&self) -> bool {
        self.wrote.load(SeqCst)
    }

    /// Ends the script, whatever it has written.
    pub fn end(&self) {
        self.kill.store(true, SeqCst);
    }
}
