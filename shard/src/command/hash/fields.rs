//! Several fields with what they do to them: HGETDEL, HGETEX, HSETEX.

use super::deadline::{Outcome, TimeBase, named_fields};
use super::effect::{leave_deletion, pairs};
use crate::event::class;
use crate::unit::Unit;
use crate::value::hash::{Hash, HashRef};
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, Reply, number};

/// `HGETDEL key FIELDS numfields field [field ...]`.
pub(super) fn hgetdel(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    let hash = unit.peek_view::<Hash>(key)?;
    let fields = named_fields(args, 2, Error::FIELDS_NOT_POSITIVE)?;
    if !any_present(hash, fields) {
        return reply_values(hash, fields, out);
    }
    out.array(fields.len());
    let mut deleted = Vec::new();
    let edited = unit.edit(key, |hash: &mut Hash| {
        for field in fields.iter() {
            if reply_value(hash, field, out) {
                hash.remove(field);
                deleted.push(field);
            }
        }
    })?;
    leave_deletion(unit, key, &deleted);
    unit.changed(key, class::HASH, "hdel");
    if edited.is_some_and(|edited| edited.emptied) {
        unit.event(class::GENERIC, "del", key);
    }
    Ok(())
}

/// `HGETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST] FIELDS numfields field [field ...]`.
pub(super) fn hgetex(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, now) = (args.at(1), unit.now.ms);
    let is_there = unit.peek_view::<Hash>(key)?.is_some();
    let (deadline, persist) = match scale_of(args.at(2), now) {
        Some(scale) => {
            let deadline = scale.deadline(args.at(3), "hgetex")?;
            if args.len() < 6 {
                return Err(Error::wrong_arity("hgetex"));
            }
            (Some(deadline), false)
        }
        None => (None, is(args.at(2), "PERSIST")),
    };
    let at = if deadline.is_some() { 4 } else { 2 + usize::from(persist) };
    let fields = named_fields(args, at, Error::FIELDS_NOT_POSITIVE)?;
    if !is_there || deadline.is_none() && !persist {
        // As a command that may write: neither a hit nor a miss, but an access.
        unit.write(key);
        return reply_values(unit.peek_view::<Hash>(key)?, fields, out);
    }
    out.array(fields.len());
    let mut outcome = Outcome::default();
    let edited = unit.edit(key, |hash: &mut Hash| {
        hash.make_timed();
        for field in fields.iter() {
            if !reply_value(hash, field, out) {
                continue;
            }
            if let Some(deadline) = deadline {
                outcome.apply(hash, field, deadline, now);
            } else if hash.deadline(field).flatten().is_some() {
                hash.set_deadline(field, None);
                outcome.persisted.push(field);
            }
        }
    })?;
    outcome.leave(unit, key, deadline.unwrap_or(0), edited.is_some_and(|edited| edited.emptied));
    Ok(())
}

/// `HSETEX key [FNX | FXX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] FIELDS numfields field value [field value ...]`.
pub(super) fn hsetex(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, now) = (args.at(1), unit.now.ms);
    let options = SetOptions::parse(args, now)?;
    let fields = || pairs(options.pairs).map(|(field, _)| field);
    let hash = unit.peek_view::<Hash>(key)?;
    let is_new = hash.is_none();
    let present = |field: &[u8]| hash.is_some_and(|hash| hash.contains(field));
    let is_met = match options.condition {
        None => true,
        Some(Condition::Absent) => !fields().any(present),
        Some(Condition::Present) => fields().all(present),
    };
    out.flag(is_met);
    if !is_met {
        return Ok(());
    }
    let limits = unit.settings.limits;
    let past = options.deadline.is_some_and(|deadline| deadline <= now);
    let edited = unit.edit_or_new(key, |hash: &mut Hash| {
        hash.set_all(pairs(options.pairs), options.keep, &limits);
        if options.deadline.is_some() {
            hash.make_timed();
        }
        for field in fields() {
            if past {
                hash.remove(field);
            } else if options.deadline.is_some() {
                hash.set_deadline(field, options.deadline);
            }
        }
    })?;
    if past {
        let deleted: Vec<_> = fields().collect();
        leave_deletion(unit, key, &deleted);
        if is_new {
            unit.event(class::NEW, "new", key);
        }
        unit.changed(key, class::HASH, "hset");
        unit.event(class::HASH, "hdel", key);
        if is_new || edited.emptied {
            unit.event(class::GENERIC, "del", key);
        }
        return Ok(());
    }
    let mut digits = (itoa::Buffer::new(), itoa::Buffer::new());
    let count = digits.0.format(options.pairs.len() / 2).as_bytes();
    let items = options.pairs.iter();
    match options.deadline {
        Some(at) => {
            let head = [b"HSETEX".as_slice(), key, b"PXAT", digits.1.format(at).as_bytes(), b"FIELDS", count];
            unit.effect(key, head.into_iter().chain(items));
        }
        None if options.keep => {
            unit.effect(key, [b"HSETEX".as_slice(), key, b"KEEPTTL", b"FIELDS", count].into_iter().chain(items));
        }
        None => unit.effect(key, [b"HSET".as_slice(), key].into_iter().chain(items)),
    }
    unit.changed(key, class::HASH, "hset");
    if options.deadline.is_some() {
        unit.event(class::HASH, "hexpire", key);
    }
    Ok(())
}

// ---- below ------------------------------------------------------------------------------------------------------------

#[derive(Clone, Copy)]
enum Condition {
    /// `FNX`: none of the fields is there.
    Absent,
    /// `FXX`: all of them are.
    Present,
}

/// The options of HSETEX. As in Redis, each is checked when it comes.
struct SetOptions<'a> {
    condition: Option<Condition>,
    keep: bool,
    deadline: Option<i64>,
    /// Fields and values.
    pairs: Args<'a>,
}

impl<'a> SetOptions<'a> {
    fn parse(args: Args<'a>, now: i64) -> Result<SetOptions<'a>, Error> {
        let (mut condition, mut keep, mut deadline) = (None, false, None);
        let mut cursor = args.cursor(2);
        let arity = || Error::wrong_arity("hsetex");
        while let Some(option) = cursor.next() {
            let is_condition = is(option, "FNX") || is(option, "FXX");
            let scale = scale_of(option, now);
            if is(option, "FIELDS") {
                // A count, a field and a value at least.
                if cursor.left() < 3 {
                    return Err(arity());
                }
                let count = cursor.need()?;
                let count = number::parse_i64(count).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
                let pairs = args.tail(cursor.position());
                if count.ok_or(Error::FIELDS_SET_COUNT)? * 2 != pairs.len() as i64 {
                    return Err(arity());
                }
                return Ok(SetOptions { condition, keep, deadline, pairs });
            } else if is_condition {
                if condition.is_some() {
                    return Err(Error::FIELDS_ONE_CONDITION);
                }
                condition = Some(if is(option, "FNX") { Condition::Absent } else { Condition::Present });
            } else if is(option, "KEEPTTL") || scale.is_some() {
                if keep || deadline.is_some() {
                    return Err(Error::FIELDS_ONE_DEADLINE);
                }
                match scale {
                    Some(scale) => deadline = Some(scale.deadline(cursor.next().ok_or_else(arity)?, "hsetex")?),
                    None => keep = true,
                }
            } else {
                return Err(Error::unknown_argument(option));
            }
        }
        Err(arity())
    }
}

/// The scale of `EX`, `PX`, `EXAT` or `PXAT`.
fn scale_of(option: &[u8], now: i64) -> Option<TimeBase> {
    let names = [("EX", now, 1000), ("PX", now, 1), ("EXAT", 0, 1000), ("PXAT", 0, 1)];
    names.iter().find(|(name, ..)| is(option, name)).map(|&(_, base_ms, unit_ms)| TimeBase { base_ms, unit_ms })
}

fn any_present(hash: Option<HashRef<'_>>, fields: Args<'_>) -> bool {
    let mut finder = hash.map(HashRef::finder);
    fields.iter().any(|field| finder.as_mut().is_some_and(|finder| finder.get(field).is_some()))
}

fn reply_values(hash: Option<HashRef<'_>>, fields: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    out.array(fields.len());
    let mut finder = hash.map(HashRef::finder);
    for field in fields.iter() {
        match finder.as_mut().and_then(|finder| finder.get(field)) {
            None => out.null(),
            Some(value) => value.reply(out),
        }
    }
    Ok(())
}

/// Replies with the value of a field or a null; tells whether it is there.
fn reply_value(hash: &Hash, field: &[u8], out: &mut Reply) -> bool {
    let value = hash.get(field);
    match value {
        None => out.null(),
        Some(value) => value.reply(out),
    }
    value.is_some()
}
