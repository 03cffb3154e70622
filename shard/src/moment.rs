//! The time that a unit sees: an input, never a clock.

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
