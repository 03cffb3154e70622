//! The options that say how long a value is to live: `EX`, `PX`, `EXAT`, `PXAT`, `KEEPTTL` and `PERSIST`, as SET, GETEX and
//! MSETEX have them.
//!
//! As in Redis they are collected first, so that a syntax error further on comes before a bad number.

use crate::moment::Moment;
use curfew_protocol::Error;
use curfew_protocol::args::{Cursor, integer, is};

/// The deadline that an amount of time names.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Millis,
    /// Unix time in seconds.
    UnixSeconds,
    /// Unix time in milliseconds.
    UnixMillis,
}

impl Scale {
    /// The scale of `EX`, `PX`, `EXAT` or `PXAT`.
    pub(super) fn of(option: &[u8]) -> Option<Scale> {
        // On the path of SET with a deadline: two letters or four, compared as one word with the bit of case cleared.
        let upper = |byte: &u8| byte & !0x20;
        match option {
            [a, b] => match [upper(a), upper(b)] {
                [b'E', b'X'] => Some(Scale::Seconds),
                [b'P', b'X'] => Some(Scale::Millis),
                _ => None,
            },
            [a, b, c, d] => match [upper(a), upper(b), upper(c), upper(d)] {
                [b'E', b'X', b'A', b'T'] => Some(Scale::UnixSeconds),
                [b'P', b'X', b'A', b'T'] => Some(Scale::UnixMillis),
                _ => None,
            },
            _ => None,
        }
    }

    /// The deadline in Unix milliseconds that `amount` names. `command` is named in the error for what is not positive or
    /// does not fit; the deadline may be in the past.
    pub(super) fn deadline(self, amount: &[u8], now: Moment, command: &str) -> Result<i64, Error> {
        let amount = integer(amount)?;
        let factor = if matches!(self, Scale::Seconds | Scale::UnixSeconds) { 1000 } else { 1 };
        let base = if matches!(self, Scale::Seconds | Scale::Millis) { now.ms } else { 0 };
        Some(amount)
            .filter(|amount| *amount > 0)
            .and_then(|amount| amount.checked_mul(factor)?.checked_add(base))
            // The last millisecond of all stands for "no deadline" in an entry.
            .map(|deadline| deadline.min(i64::MAX - 1))
            .ok_or_else(|| Error::invalid_expire(command))
    }
}

/// An option on the time to live, as given.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Expiry<'a> {
    /// None was given.
    #[default]
    Unsaid,
    /// `KEEPTTL`.
    Keep,
    /// `PERSIST`.
    Persist,
    /// `EX` and its kin, with the amount that is not read yet.
    Given(Scale, &'a [u8]),
}

impl<'a> Expiry<'a> {
    /// If `option` is `EX` or its kin, and does not contradict what was given before, takes it with its amount. False is a
    /// syntax error, unless it is another option of the command. Given twice, the last counts.
    pub(super) fn take_amount(&mut self, option: &[u8], cursor: &mut Cursor<'a>) -> bool {
        let Some(scale) = Scale::of(option) else { return false };
        let agrees = match self {
            Expiry::Unsaid => true,
            Expiry::Given(before, _) => *before == scale,
            Expiry::Keep | Expiry::Persist => false,
        };
        let amount = if agrees { cursor.next() } else { None };
        let Some(amount) = amount else { return false };
        *self = Expiry::Given(scale, amount);
        true
    }

    /// The same for `KEEPTTL`.
    pub(super) fn take_keep(&mut self, option: &[u8]) -> bool {
        self.take_word(option, "KEEPTTL", Expiry::Keep)
    }

    /// The same for `PERSIST`.
    pub(super) fn take_persist(&mut self, option: &[u8]) -> bool {
        self.take_word(option, "PERSIST", Expiry::Persist)
    }

    /// The deadline in Unix milliseconds, None where none was given. Errors are those of [`Scale::deadline`].
    pub(super) fn deadline(&self, now: Moment, command: &str) -> Result<Option<i64>, Error> {
        match self {
            Expiry::Given(scale, amount) => scale.deadline(amount, now, command).map(Some),
            _ => Ok(None),
        }
    }

    fn take_word(&mut self, option: &[u8], word: &str, meaning: Expiry<'a>) -> bool {
        let taken = is(option, word) && (*self == Expiry::Unsaid || *self == meaning);
        if taken {
            *self = meaning;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curfew_protocol::args::OwnedArgs;

    const NOW: Moment = Moment::from_millis(1_000_000);

    #[test]
    fn deadlines() {
        let invalid = || Err(Error::invalid_expire("set"));
        let cases = [
            (Scale::Seconds, "10", Ok(1_010_000)),
            (Scale::Millis, "10", Ok(1_000_010)),
            (Scale::UnixSeconds, "10", Ok(10_000)),
            (Scale::UnixMillis, "10", Ok(10)),
            (Scale::Seconds, "0", invalid()),
            (Scale::UnixMillis, "-1", invalid()),
            (Scale::Seconds, "9223372036853775", Ok(9_223_372_036_854_775_000)),
            (Scale::Seconds, "9223372036853776", invalid()),
            (Scale::UnixSeconds, "9223372036854775", Ok(9_223_372_036_854_775_000)),
            (Scale::UnixSeconds, "9223372036854776", invalid()),
            (Scale::Millis, "9223372036854775807", invalid()),
            (Scale::UnixMillis, "9223372036854775807", Ok(i64::MAX - 1)),
            (Scale::UnixMillis, "9223372036854775808", Err(Error::NOT_AN_INTEGER)),
            (Scale::Millis, "x", Err(Error::NOT_AN_INTEGER)),
        ];
        for (scale, amount, expected) in cases {
            assert_eq!(scale.deadline(amount.as_bytes(), NOW, "set"), expected, "{scale:?} {amount}");
        }
    }

    #[test]
    fn options_that_contradict_each_other_are_not_taken() {
        let cases = [
            ("ex 1", Some(Expiry::Given(Scale::Seconds, b"1"))),
            ("EX 1 eX 2", Some(Expiry::Given(Scale::Seconds, b"2"))),
            ("keepttl KEEPTTL", Some(Expiry::Keep)),
            ("persist", Some(Expiry::Persist)),
            ("pxat x", Some(Expiry::Given(Scale::UnixMillis, b"x"))),
            ("ex", None),
            ("ex 1 px 1", None),
            ("ex 1 exat 1", None),
            ("keepttl ex 1", None),
            ("ex 1 keepttl", None),
            ("persist keepttl", None),
            ("nx", None),
        ];
        for (line, expected) in cases {
            let words: Vec<_> = line.split(' ').map(str::as_bytes).collect();
            let args = OwnedArgs::from_slices(&words);
            let (mut expiry, mut cursor, mut taken) = (Expiry::Unsaid, args.view().cursor(0), true);
            while let Some(option) = cursor.next() {
                taken &=
                    expiry.take_amount(option, &mut cursor) || expiry.take_keep(option) || expiry.take_persist(option);
            }
            assert_eq!(taken.then_some(expiry), expected, "{line}");
        }
    }
}
