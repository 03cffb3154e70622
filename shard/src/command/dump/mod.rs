//! DUMP and RESTORE: values in Redis's own format, see [`crate::rdb`].

use super::describe;
use super::expiry::LATEST_MS;
use super::string::text;
use crate::command::row::Row;
use crate::event::class;
use crate::keyspace::Deadline;
use crate::rdb::{Loaded, payload};
use crate::unit::{Unit, access};
use crate::value::kind::Type;
use curfew_protocol::args::{integer, is};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply};

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("dump", 2, Group::Generic, "2.6.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = bytes of the value", "Writes the value at a key out in Redis's own format, for RESTORE.", "key")
            .tips(&["nondeterministic_output"]),
        dump,
    ),
    Row::new(
        Spec::new("restore", -4, Group::Generic, "2.6.0")
            .flags(WRITE | DENYOOM)
            .acl(acl::DANGEROUS)
            .keys(&[KeySpec::first(OW | UPDATE)])
            .doc("O(n), for a sorted set O(n*log(n)), n = bytes of the value", "Makes a key of what DUMP wrote out.", "key ttl:int serialized-value [REPLACE^3.0.0] [ABSTTL^5.0.0] [IDLETIME seconds^5.0.0] [FREQ frequency:int^5.0.0]")
            .history(&[("3.0.0", "`REPLACE`: a key that is there gives way."), ("5.0.0", "`ABSTTL`: the deadline is a point in time."), ("5.0.0", "`IDLETIME` and `FREQ`: how lately or how often the key was used.")]),
        restore,
    ),
    Row::new(
        Spec::new("restore-asking", -4, Group::Server, "3.0.0")
            .flags(WRITE | DENYOOM | ASKING)
            .acl(acl::KEYSPACE | acl::DANGEROUS)
            .syscmd()
            .keys(&[KeySpec::first(OW | UPDATE)])
            .doc("O(n), for a sorted set O(n*log(n)), n = bytes of the value", "Does what RESTORE does, for tools that move the slots of a cluster.", "key ttl:int serialized-value [REPLACE^3.0.0] [ABSTTL^5.0.0] [IDLETIME seconds^5.0.0] [FREQ frequency:int^5.0.0]")
            .history(&[("3.0.0", "`REPLACE`: a key that is there gives way."), ("5.0.0", "`ABSTTL`: the deadline is a point in time."), ("5.0.0", "`IDLETIME` and `FREQ`: how lately or how often the key was used.")]),
        restore,
    ),
];

/// `DUMP key`.
fn dump(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    match unit.read(args.at(1)) {
        None => out.null(),
        Some(entry) => out.bulk(&payload::dump(entry)),
    }
    Ok(())
}

/// The options of RESTORE.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    /// Seconds since the last access.
    idle: Option<i64>,
    frequency: Option<u8>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, Error> {
        let (mut options, mut cursor) = (Options::default(), args.cursor(4));
        while let Some(option) = cursor.next() {
            if is(option, "REPLACE") {
                options.replace = true;
            } else if is(option, "ABSTTL") {
                options.absolute = true;
            } else if is(option, "IDLETIME") && cursor.left() > 0 && options.frequency.is_none() {
                let seconds = cursor.i64()?;
                options.idle = Some(seconds).filter(|seconds| *seconds >= 0);
                options.idle.ok_or(Error::INVALID_IDLE_TIME)?;
            } else if is(option, "FREQ") && cursor.left() > 0 && options.idle.is_none() {
                let frequency = u8::try_from(cursor.i64()?).map_err(|_| Error::INVALID_FREQUENCY)?;
                options.frequency = Some(frequency);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }
}

/// `RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`. Errors come in Redis's order.
fn restore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    let options = Options::parse(args)?;
    if !options.replace && unit.exists(key) {
        return Err(Error::BUSY_KEY);
    }
    let ttl = integer(args.at(2))?;
    if ttl < 0 {
        return Err(Error::INVALID_TTL);
    }
    let (limits, string_max) = (unit.settings.limits, unit.settings.bulk_max);
    let value = payload::restore(args.at(3), &limits, string_max)?;

    // 0 is none. What is too far away is an error, as everywhere: Redis lets the sum overflow, and such a key stays.
    let deadline = match ttl {
        0 => None,
        _ if options.absolute => Some(ttl.min(LATEST_MS)),
        _ => {
            let sum = unit.now.ms.checked_add(ttl).ok_or_else(|| Error::invalid_expire("restore"))?;
            Some(sum.min(LATEST_MS))
        }
    };
    let removed = options.replace && unit.remove(key);
    if deadline.is_some_and(|deadline| deadline <= unit.now.ms) {
        if removed {
            unit.effect(key, [b"DEL".as_slice(), key]);
            unit.changed(key, class::GENERIC, "del");
        }
        out.ok();
        return Ok(());
    }
    if removed {
        // Its own effect: the description is empty if all fields of a hash are due already.
        unit.effect(key, [b"DEL".as_slice(), key]);
    }
    put(unit, key, value, deadline.map_or(Deadline::Clear, Deadline::At));
    // Before anybody looks at the key, which would announce the fields that are due.
    unit.changed(key, class::GENERIC, "restore");

    let bits = match options {
        Options { frequency: Some(frequency), .. } if unit.settings.lfu => {
            Some(access::with_frequency(unit.now, frequency))
        }
        Options { idle: Some(seconds), .. } if !unit.settings.lfu => Some(access::idle_since(unit.now, seconds)),
        _ => None,
    };
    // Without a trace: a look would mark an access.
    if let (Some(bits), Some(entry)) = (bits, unit.peek(key)) {
        entry.set_lru(bits);
    }
    describe::leave(unit, unit.db, key);
    out.ok();
    Ok(())
}

fn put(unit: &mut Unit<'_>, key: &[u8], value: Loaded<'_>, deadline: Deadline) {
    match value {
        Loaded::Str(bytes) => unit.put(key, Type::String, text::encode(&bytes), deadline),
        Loaded::List(list) => unit.put_value(key, list, deadline),
        Loaded::Set(set) => unit.put_value(key, set, deadline),
        Loaded::ZSet(set) => unit.put_value(key, set, deadline),
        Loaded::Hash(hash) => unit.put_value(key, hash, deadline),
        Loaded::Stream(stream) => unit.put_value(key, stream, deadline),
    }
}

#[cfg(test)]
mod tests;
