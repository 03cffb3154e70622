//! Waiting for keys: BLPOP and its kin, XREAD with BLOCK.
//!
//! A handler that finds nothing calls [`Unit::wait`] with what it waits for. Who holds the shards enters the waiter at each of
//! its keys before letting go of them, so that no change slips through. A change of a key that somebody waits for makes it
//! **ready** ([`Unit::changed`] sees to that); when the unit that changed it is over, those who wait for it are served in the
//! order in which they came, each as a unit of its own, before anybody else sees the key.

use crate::moment::Moment;
use crate::unit::Unit;
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::{Args, Error, Reply, args, number};
use std::collections::HashMap;

/// Tries to serve one who waits, now that `key` has changed: does the command on that key alone, and writes its reply. False
/// if there is still nothing for it. An error is its reply.
pub type Serve = fn(&mut Unit<'_>, Args<'_>, &[u8], &mut Reply) -> Result<bool, Error>;

/// What a command waits for.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The command as it is to be served: arguments that mean something else later (`$`) are resolved.
    pub args: OwnedArgs,
    /// The keys, in the order in which the command names them.
    pub keys: Vec<Box<[u8]>>,
    /// When it has waited long enough, in Unix milliseconds; None: never.
    pub until: Option<i64>,
    /// How it is served.
    pub serve: Serve,
    /// What it is answered when its time is over.
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

/// The time until which a command waits whose timeout is given in seconds: a decimal number, 0 for ever. Unix milliseconds.
pub fn until_seconds(arg: &[u8], now: Moment) -> Result<Option<i64>, Error> {
    let Some(seconds) = number::parse_f64(arg).filter(|seconds| !seconds.is_nan()) else {
        return Err(Error::made("ERR timeout is not a float or out of range"));
    };
    let ms = seconds * 1000.0;
    if ms > i64::MAX as f64 {
        return Err(Error::made("ERR timeout is out of range"));
    }
    until(ms.ceil() as i64, now)
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
    now.ms.checked_add(ms).map(Some).ok_or(Error::made("ERR timeout is out of range"))
}

/// The keys of one shard that somebody waits for, by database.
#[derive(Default, Debug)]
pub struct Waiting {
    by_db: Vec<HashMap<Box<[u8]>, usize>>,
}

impl Waiting {
    /// Whether anybody waits for `key`.
    #[inline]
    pub fn has(&self, db: usize, key: &[u8]) -> bool {
        !self.by_db.is_empty() && self.by_db.get(db).is_some_and(|keys| keys.contains_key(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_by_redis() {
        let now = Moment::from_millis(1_000);
        let cases: &[(&str, Result<Option<i64>, &str>)] = &[
            ("0", Ok(None)),
            ("0.001", Ok(Some(1_001))),
            ("0.0001", Ok(Some(1_001))),
            ("1.5", Ok(Some(2_500))),
            ("-1", Err("ERR timeout is negative")),
            ("x", Err("ERR timeout is not a float or out of range")),
            ("nan", Err("ERR timeout is not a float or out of range")),
            ("1e30", Err("ERR timeout is out of range")),
            ("9223372036854775.8", Err("ERR timeout is out of range")),
        ];
        for (arg, expected) in cases {
            let got = until_seconds(arg.as_bytes(), now).map_err(|error| error.to_string());
            assert_eq!(got, expected.map_err(str::to_string), "{arg}");
        }
        assert_eq!(until_millis(b"5", now), Ok(Some(1_005)));
        assert_eq!(until_millis(b"-5", now), Err(Error::made("ERR timeout is negative")));
        assert_eq!(until_millis(b"1.5", now), Err(Error::made("ERR timeout is not an integer or out of range")));
    }
}
