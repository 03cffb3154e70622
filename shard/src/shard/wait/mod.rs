//! Waiting for keys: BLPOP and its kin, XREAD with BLOCK.
//!
//! A handler that finds nothing calls [`wait`](crate::Unit::wait) with what it waits for. Who holds the shards enters the
//! waiter at each of its keys before letting go of them, so that no change slips through. A change of a key that somebody waits
//! for makes it **ready** ([`changed`](crate::Unit::changed) sees to that); when the unit that changed it is over, those who
//! wait for it are served in the order in which they came, each as a unit of its own, before anybody else sees the key
//! ([`serve_ready`](crate::Unit::serve_ready)).
//!
//! A waiter stands in the queues of all its keys, on as many shards as they are on, and can be claimed once ([`claim`]). One
//! that needs more shards than are held (BLMOVE to another shard) keeps its place while its connection takes hold of all of
//! them, and those behind it wait for it.

pub mod claim;
mod queue;
#[cfg(test)]
mod tests;
mod waiter;

pub use queue::Waiting;
pub use waiter::{ClientState, Outcome, Waiter};

use crate::moment::Moment;
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::long_double::LongDouble;
use curfew_protocol::{Error, Reply, args};

/// What a command waits for.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The command as it is to be served: arguments that mean something else later (`$`) are resolved.
    pub args: OwnedArgs,
    /// The keys, in the order in which the command names them.
    pub keys: Vec<Box<[u8]>>,
    /// When it has waited long enough, in Unix milliseconds; None: never.
    pub until: Option<i64>,
    /// What it is answered where nobody may wait, and when its time is over.
    pub null: Null,
}

/// The null that a command answers.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Null {
    /// `$-1` in RESP2.
    Bulk,
    /// `*-1` in RESP2.
    Array,
}

impl Null {
    /// Writes it.
    pub fn reply(self, out: &mut Reply) {
        match self {
            Null::Bulk => out.null(),
            Null::Array => out.null_array(),
        }
    }
}

/// The time until which a command waits whose timeout is given in seconds: a number as C's `long double` (so 1e400 is out of
/// range, and what is no float is another error), 0 for ever. What is just below 0 is rounded up to it. Unix milliseconds.
pub fn until_seconds(arg: &[u8], now: Moment) -> Result<Option<i64>, Error> {
    let seconds = LongDouble::parse(arg).ok_or_else(|| Error::made("ERR timeout is not a float or out of range"))?;
    until(seconds.thousandths().ok_or_else(out_of_range)?, now)
}

/// The same for a timeout in milliseconds, a whole number.
pub fn until_millis(arg: &[u8], now: Moment) -> Result<Option<i64>, Error> {
    let ms = args::integer(arg).map_err(|_| Error::made("ERR timeout is not an integer or out of range"))?;
    until(ms, now)
}

fn until(ms: i64, now: Moment) -> Result<Option<i64>, Error> {
    if ms < 0 {
        return Err(Error::made("ERR timeout is negative"));
    }
    if ms == 0 {
        return Ok(None);
    }
    now.ms.checked_add(ms).map(Some).ok_or_else(out_of_range)
}

fn out_of_range() -> Error {
    Error::made("ERR timeout is out of range")
}
