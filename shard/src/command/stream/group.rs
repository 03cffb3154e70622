//! XGROUP.

use super::parse::{integer_or, strict_id};
use crate::event::class;
use crate::unit::Unit;
use crate::value::stream::{Group, Stream, StreamId, UNKNOWN};
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, Reply};

/// XGROUP with a subcommand that has no row of its own.
pub(super) fn container(_: &mut Unit<'_>, args: Args<'_>, _: &mut Reply) -> Result<(), Error> {
    Err(Error::unknown_subcommand("xgroup", args.at(1)))
}

pub(super) fn create(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, name) = (args.at(2), args.at(3));
    let options = Options::read(args, true)?;
    let exists = unit.peek_view::<Stream>(key)?.is_some();
    if !exists && !options.mkstream {
        return Err(Error::XGROUP_KEY);
    }
    if args.len() > 8 {
        return Err(Error::subcommand_syntax("XGROUP", args.at(1)));
    }
    let id = match args.at(4) {
        b"$" => unit.peek_view::<Stream>(key)?.map_or(StreamId::MIN, |body| body.log.last_id),
        arg => strict_id(arg)?,
    };
    let edited = unit.edit_or_new(key, |stream: &mut Stream| {
        if stream.groups.contains_key(name) {
            return Err(Error::BUSY_GROUP);
        }
        stream.groups.insert(name.into(), Group::new(id, options.entries_read));
        Ok(())
    })?;
    edited.value?;
    out.ok();
    let mut read = itoa::Buffer::new();
    let read = read.format(options.entries_read).as_bytes();
    let text = id.text();
    let command = [b"XGROUP".as_slice(), b"CREATE", key, name, &text, b"MKSTREAM", b"ENTRIESREAD", read];
    unit.effect(key, command);
    if exists {
        unit.event(class::STREAM, "xgroup-create", key);
    } else {
        unit.changed(key, class::STREAM, "xgroup-create");
    }
    Ok(())
}

pub(super) fn setid(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, name) = (args.at(2), args.at(3));
    let options = Options::read(args, false)?;
    need_group(unit, key, name)?;
    if args.len() != 5 && args.len() != 7 {
        return Err(Error::subcommand_syntax("XGROUP", args.at(1)));
    }
    let id = match args.at(4) {
        b"$" => unit.peek_view::<Stream>(key)?.map_or(StreamId::MIN, |body| body.log.last_id),
        arg => StreamId::parse(arg, 0).ok_or(Error::STREAM_ID)?,
    };
    unit.edit(key, |stream: &mut Stream| {
        if let Some(group) = stream.groups.get_mut(name) {
            group.last_id = id;
            group.entries_read = options.entries_read;
        }
    })?;
    out.ok();
    super::effect::moved(unit, key, name, id, options.entries_read);
    unit.event(class::STREAM, "xgroup-setid", key);
    Ok(())
}

pub(super) fn destroy(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, name) = (args.at(2), args.at(3));
    let edited = unit.edit(key, |stream: &mut Stream| stream.groups.remove(name).is_some())?;
    let destroyed = edited.ok_or(Error::XGROUP_KEY)?.value;
    out.flag(destroyed);
    if destroyed {
        unit.effect(key, [b"XGROUP".as_slice(), b"DESTROY", key, name]);
        // Those who wait for the group are to be told. To watchers it is no change, as in Redis.
        unit.signal(unit.db, key);
        unit.event(class::STREAM, "xgroup-destroy", key);
    }
    Ok(())
}

pub(super) fn createconsumer(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, name, consumer, now) = (args.at(2), args.at(3), args.at(4), unit.now.ms);
    need_group(unit, key, name)?;
    let edited = unit.edit(key, |stream: &mut Stream| {
        stream.groups.get_mut(name).is_some_and(|group| group.find_or_create(consumer, now).1)
    })?;
    let created = edited.is_some_and(|edited| edited.value);
    out.flag(created);
    if created {
        super::effect::consumer_created(unit, key, name, consumer);
        unit.event(class::STREAM, "xgroup-createconsumer", key);
    }
    Ok(())
}

pub(super) fn delconsumer(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, name, consumer) = (args.at(2), args.at(3), args.at(4));
    need_group(unit, key, name)?;
    let edited = unit.edit(key, |stream: &mut Stream| stream.groups.get_mut(name)?.remove_consumer(consumer))?;
    let pending = edited.and_then(|edited| edited.value);
    out.count(pending.unwrap_or(0));
    if pending.is_some() {
        unit.effect(key, [b"XGROUP".as_slice(), b"DELCONSUMER", key, name, consumer]);
        unit.event(class::STREAM, "xgroup-delconsumer", key);
    }
    Ok(())
}

/// The error for a stream or a group that is not there.
fn need_group(unit: &mut Unit<'_>, key: &[u8], name: &[u8]) -> Result<(), Error> {
    let body = unit.peek_view::<Stream>(key)?.ok_or(Error::XGROUP_KEY)?;
    if body.groups.contains_key(name) { Ok(()) } else { Err(Error::no_such_group(name, key)) }
}

/// The options of CREATE and SETID.
struct Options {
    mkstream: bool,
    entries_read: i64,
}

impl Options {
    fn read(args: Args<'_>, create: bool) -> Result<Options, Error> {
        let mut options = Options { mkstream: false, entries_read: UNKNOWN };
        let mut cursor = args.cursor(5);
        while let Some(option) = cursor.next() {
            if create && is(option, "MKSTREAM") {
                options.mkstream = true;
            } else if is(option, "ENTRIESREAD") && cursor.left() > 0 {
                options.entries_read = integer_or(cursor.need()?, Error::NOT_AN_INTEGER)?;
                if options.entries_read < UNKNOWN {
                    return Err(Error::ENTRIES_READ);
                }
            } else {
                return Err(Error::subcommand_syntax("XGROUP", args.at(1)));
            }
        }
        Ok(options)
    }
}
