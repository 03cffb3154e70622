//! Deadlines of fields: HEXPIRE and its kin, HTTL and its kin, HPERSIST.
//!
//! A deadline at or before the moment of the unit deletes the field at once: the event is `hdel`, the effect HDEL. Any other
//! leaves HPEXPIREAT, which is absolute, of the fields that it was given to.

use super::effect::{leave_deletion, leave_fields};
use crate::event::class;
use crate::unit::Unit;
use crate::value::hash::Hash;
use curfew_protocol::args::{integer, is};
use curfew_protocol::{Args, Error, Reply, number};

/// The latest deadline of a field in Unix milliseconds: Redis keeps 46 bits.
const LATEST_MS: i64 = (1 << 46) - 1;

// What is answered for each field.
const NO_FIELD: i64 = -2;
const NO_DEADLINE: i64 = -1;
const NOT_MET: i64 = 0;
const DONE: i64 = 1;
const DELETED: i64 = 2;

pub(super) fn hexpire(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire(unit, args, out, "hexpire", TimeBase { base_ms: unit.now.ms, unit_ms: 1000 })
}

pub(super) fn hpexpire(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire(unit, args, out, "hpexpire", TimeBase { base_ms: unit.now.ms, unit_ms: 1 })
}

pub(super) fn hexpireat(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire(unit, args, out, "hexpireat", TimeBase { base_ms: 0, unit_ms: 1000 })
}

pub(super) fn hpexpireat(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    expire(unit, args, out, "hpexpireat", TimeBase { base_ms: 0, unit_ms: 1 })
}

pub(super) fn httl(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let now = unit.now.ms;
    deadlines(unit, args, out, |at| seconds(at - now))
}

pub(super) fn hpttl(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let now = unit.now.ms;
    deadlines(unit, args, out, |at| at - now)
}

pub(super) fn hexpiretime(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    deadlines(unit, args, out, seconds)
}

pub(super) fn hpexpiretime(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    deadlines(unit, args, out, |at| at)
}

/// `HPERSIST key FIELDS numfields field [field ...]`.
pub(super) fn hpersist(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    let hash = unit.peek_view::<Hash>(key)?;
    let fields = named_fields(args, 2, Error::FIELDS_NOT_POSITIVE)?;
    out.array(fields.len());
    let timed = hash.is_some_and(|hash| fields.iter().any(|field| hash.deadline(field).flatten().is_some()));
    if !timed {
        let absent = |field: &[u8]| hash.is_none_or(|hash| hash.deadline(field).is_none());
        fields.iter().for_each(|field| out.int(if absent(field) { NO_FIELD } else { NO_DEADLINE }));
        return Ok(());
    }
    let mut persisted = Vec::new();
    unit.edit(key, |hash: &mut Hash| {
        for field in fields.iter() {
            out.int(match hash.deadline(field) {
                None => NO_FIELD,
                Some(None) => NO_DEADLINE,
                Some(Some(_)) => {
                    hash.set_deadline(field, None);
                    persisted.push(field);
                    DONE
                }
            });
        }
    })?;
    leave_fields(unit, key, &[b"HPERSIST", key], &persisted);
    unit.changed(key, class::HASH, "hpersist");
    Ok(())
}

/// How a number says a time: in units of so many milliseconds after a base.
#[derive(Clone, Copy)]
pub(super) struct TimeBase {
    pub(super) base_ms: i64,
    pub(super) unit_ms: i64,
}

impl TimeBase {
    /// The deadline that `amount` says; it may be in the past. `command` is named in the error for what is too late.
    pub(super) fn deadline(self, amount: &[u8], command: &str) -> Result<i64, Error> {
        let amount = integer(amount)?;
        if amount < 0 {
            return Err(Error::FIELDS_NEGATIVE_DEADLINE);
        }
        let deadline = amount.checked_mul(self.unit_ms).and_then(|ms| ms.checked_add(self.base_ms));
        deadline.filter(|deadline| *deadline <= LATEST_MS).ok_or_else(|| Error::invalid_expire(command))
    }
}

/// `FIELDS numfields field [field ...]` from argument `at` to the end: the fields. `count_error` is what is said of a count
/// that is not positive.
pub(super) fn named_fields<'a>(args: Args<'a>, at: usize, count_error: Error) -> Result<Args<'a>, Error> {
    if !args.get(at).is_some_and(|word| is(word, "FIELDS")) {
        return Err(Error::FIELDS_MISSING);
    }
    let count = args.get(at + 1).and_then(number::parse_i64).filter(|count| *count > 0).ok_or(count_error)?;
    let fields = args.tail(at + 2);
    if count != fields.len() as i64 {
        return Err(Error::FIELDS_MISMATCH);
    }
    Ok(fields)
}

/// What came of a deadline for several fields.
#[derive(Default)]
pub(super) struct Outcome<'a> {
    /// Fields that have it now.
    pub(super) timed: Vec<&'a [u8]>,
    /// Fields that are gone, because it has passed.
    pub(super) deleted: Vec<&'a [u8]>,
    /// Fields that had one before and have none now.
    pub(super) persisted: Vec<&'a [u8]>,
}

impl<'a> Outcome<'a> {
    /// Gives a field that is there a deadline, or deletes it if that is not after `now`.
    pub(super) fn apply(&mut self, hash: &mut Hash, field: &'a [u8], deadline: i64, now: i64) -> i64 {
        if deadline <= now {
            hash.remove(field);
            self.deleted.push(field);
            return DELETED;
        }
        hash.set_deadline(field, Some(deadline));
        self.timed.push(field);
        DONE
    }

    /// Leaves effects and events.
    pub(super) fn leave(self, unit: &mut Unit<'_>, key: &[u8], deadline: i64, emptied: bool) {
        if !self.timed.is_empty() {
            let mut digits = itoa::Buffer::new();
            leave_fields(unit, key, &[b"HPEXPIREAT", key, digits.format(deadline).as_bytes()], &self.timed);
            unit.changed(key, class::HASH, "hexpire");
        }
        if !self.persisted.is_empty() {
            leave_fields(unit, key, &[b"HPERSIST", key], &self.persisted);
            unit.changed(key, class::HASH, "hpersist");
        }
        if !self.deleted.is_empty() {
            leave_deletion(unit, key, &self.deleted);
            unit.changed(key, class::HASH, "hdel");
        }
        if emptied {
            unit.event(class::GENERIC, "del", key);
        }
    }
}

// ---- below ------------------------------------------------------------------------------------------------------------

/// `name key time [NX | XX | GT | LT] FIELDS numfields field [field ...]`.
fn expire(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, name: &str, scale: TimeBase) -> Result<(), Error> {
    let (key, now) = (args.at(1), unit.now.ms);
    let is_there = unit.peek_view::<Hash>(key)?.is_some();
    let deadline = scale.deadline(args.at(2), name)?;
    let condition = Condition::of(args.at(3));
    let at = if condition == Condition::Always { 3 } else { 4 };
    let fields = named_fields(args, at, Error::FIELDS_EXPIRE_COUNT)?;
    out.array(fields.len());
    if !is_there {
        fields.iter().for_each(|_| out.int(NO_FIELD));
        return Ok(());
    }
    let mut outcome = Outcome::default();
    let edited = unit.edit(key, |hash: &mut Hash| {
        // Even if no field gets one: OBJECT ENCODING shows it.
        hash.make_timed();
        for field in fields.iter() {
            out.int(match hash.deadline(field) {
                None => NO_FIELD,
                Some(before) if !condition.allows(before, deadline) => NOT_MET,
                Some(_) => outcome.apply(hash, field, deadline, now),
            });
        }
    })?;
    outcome.leave(unit, key, deadline, edited.is_some_and(|edited| edited.emptied));
    Ok(())
}

/// When a field is to get a deadline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    /// Only without one.
    Nx,
    /// Only with one.
    Xx,
    /// Only if later than the present one; none counts as infinitely late.
    Gt,
    /// Only if earlier.
    Lt,
}

impl Condition {
    fn of(word: &[u8]) -> Condition {
        const NAMES: [(&str, Condition); 4] =
            [("NX", Condition::Nx), ("XX", Condition::Xx), ("GT", Condition::Gt), ("LT", Condition::Lt)];
        NAMES.iter().find(|(name, _)| is(word, name)).map_or(Condition::Always, |(_, condition)| *condition)
    }

    fn allows(self, before: Option<i64>, after: i64) -> bool {
        match self {
            Condition::Always => true,
            Condition::Nx => before.is_none(),
            Condition::Xx => before.is_some(),
            Condition::Gt => before.is_some_and(|before| after > before),
            Condition::Lt => before.is_none_or(|before| after < before),
        }
    }
}

/// `name key FIELDS numfields field [field ...]`: what `show` makes of each deadline.
fn deadlines(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply, show: impl Fn(i64) -> i64) -> Result<(), Error> {
    let hash = unit.view::<Hash>(args.at(1))?;
    let fields = named_fields(args, 2, Error::FIELDS_NOT_POSITIVE)?;
    out.array(fields.len());
    for field in fields.iter() {
        out.int(match hash.and_then(|hash| hash.deadline(field)) {
            None => NO_FIELD,
            Some(None) => NO_DEADLINE,
            Some(Some(at)) => show(at),
        });
    }
    Ok(())
}

/// Milliseconds (not negative) in seconds, rounded up, unlike TTL's.
fn seconds(ms: i64) -> i64 {
    (ms + 999) / 1000
}
