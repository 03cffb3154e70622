//! What is atomic: one command, one EXEC, one script, one batch of expiries.

use crate::keys::Keys;
use curfew_protocol::Reply;

/// The one time that a unit sees. Taken by the server when the unit starts, and passed in.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Moment {
    /// Unix time in milliseconds: what deadlines are compared with.
    pub ms: i64,
    /// The microseconds within that millisecond, 0 to 999: TIME shows them.
    pub us: u16,
}

impl Moment {
    /// A moment from a Unix time in microseconds.
    pub const fn from_micros(micros: i64) -> Moment {
        Moment { ms: micros.div_euclid(1000), us: micros.rem_euclid(1000) as u16 }
    }

    /// A moment at the beginning of a millisecond.
    pub const fn from_millis(ms: i64) -> Moment {
        Moment { ms, us: 0 }
    }

    /// Unix time in seconds, rounded down.
    pub const fn seconds(self) -> i64 {
        self.ms.div_euclid(1000)
    }

    /// Unix time in microseconds.
    pub const fn micros(self) -> i64 {
        self.ms * 1000 + self.us as i64
    }
}

/// A unit under way: what a handler works on. Keys and reply are separate fields, so that a handler can write out what it
/// still borrows from a key.
pub struct Unit<'u> {
    /// The data that the unit may touch, its moment and its database.
    pub keys: Keys<'u>,
    /// Where the reply goes.
    pub out: &'u mut Reply,
}
