//! XINFO.

use super::parse::integer_or;
use super::reply::{reply_entries, reply_entry, reply_id};
use crate::unit::Unit;
use crate::value::stream::{Body, Consumer, Group, Pending, Stream, StreamId, UNKNOWN};
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, Reply};

/// XINFO with a subcommand that has no row of its own.
pub(super) fn container(_: &mut Unit<'_>, args: Args<'_>, _: &mut Reply) -> Result<(), Error> {
    Err(Error::unknown_subcommand("xinfo", args.at(1)))
}

pub(super) fn consumers(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, name, now) = (args.at(2), args.at(3), unit.now.ms);
    let body = unit.view::<Stream>(key)?.ok_or(Error::NO_SUCH_KEY)?;
    let group = body.groups.get(name).ok_or_else(|| Error::no_such_group(name, key))?;
    out.array(group.consumer_count());
    for consumer in group.consumers() {
        out.map(4);
        out.bulk(b"name");
        out.bulk(&consumer.name);
        out.bulk(b"pending");
        out.count(consumer.pending_count());
        out.bulk(b"idle");
        out.int((now - consumer.seen).max(0));
        out.bulk(b"inactive");
        out.int(if consumer.active == -1 { -1 } else { now - consumer.active });
    }
    Ok(())
}

pub(super) fn groups(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let body = unit.view::<Stream>(args.at(2))?.ok_or(Error::NO_SUCH_KEY)?;
    out.array(body.groups.len());
    for (name, group) in &body.groups {
        out.map(6);
        out.bulk(b"name");
        out.bulk(name);
        out.bulk(b"consumers");
        out.count(group.consumer_count());
        out.bulk(b"pending");
        out.count(group.pending_count());
        progress(body, group, out);
    }
    Ok(())
}

pub(super) fn stream(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    // The key is judged before the options.
    let body = unit.view::<Stream>(args.at(2))?.ok_or(Error::NO_SUCH_KEY)?;
    let syntax = || Error::subcommand_syntax("XINFO", args.at(1));
    let full = match args.len() {
        3 => None,
        4 if is(args.at(3), "FULL") => Some(10),
        6 if is(args.at(3), "FULL") && is(args.at(4), "COUNT") => {
            let count = integer_or(args.at(5), Error::NOT_AN_INTEGER)?;
            Some(if count < 0 { 10 } else { count as usize })
        }
        _ => return Err(syntax()),
    };
    let log = &body.log;
    out.map(if full.is_some() { 9 } else { 10 });
    out.bulk(b"length");
    out.int(log.len() as i64);
    out.bulk(b"radix-tree-keys");
    out.count(log.node_count());
    out.bulk(b"radix-tree-nodes");
    out.count(log.radix_nodes());
    out.bulk(b"last-generated-id");
    reply_id(out, log.last_id);
    out.bulk(b"max-deleted-entry-id");
    reply_id(out, log.max_deleted_id);
    out.bulk(b"entries-added");
    out.int(log.entries_added as i64);
    out.bulk(b"recorded-first-entry-id");
    reply_id(out, log.first_id());
    let Some(most) = full else {
        out.bulk(b"groups");
        out.count(body.groups.len());
        let first = log.range(StreamId::MIN, StreamId::MAX).next();
        let last = log.range_back(StreamId::MIN, StreamId::MAX).next();
        for (name, entry) in [("first-entry", first), ("last-entry", last)] {
            out.bulk(name.as_bytes());
            match entry {
                Some(entry) => reply_entry(out, &entry),
                None => out.null(),
            }
        }
        return Ok(());
    };
    out.bulk(b"entries");
    reply_entries(out, log.range(StreamId::MIN, StreamId::MAX), most);
    out.bulk(b"groups");
    out.array(body.groups.len());
    for (name, group) in &body.groups {
        full_group(body, name, group, most, out);
    }
    Ok(())
}

/// What XINFO STREAM FULL tells of a group.
fn full_group(body: &Body, name: &[u8], group: &Group, most: usize, out: &mut Reply) {
    out.map(7);
    out.bulk(b"name");
    out.bulk(name);
    progress(body, group, out);
    out.bulk(b"pel-count");
    out.count(group.pending_count());
    let most = if most == 0 { usize::MAX } else { most };
    out.bulk(b"pending");
    out.array(group.pending_count().min(most));
    for (id, pending) in group.pending(..).take(most) {
        out.array(4);
        reply_id(out, *id);
        out.bulk(group.name_of(pending.consumer));
        delivery(*pending, out);
    }
    out.bulk(b"consumers");
    out.array(group.consumer_count());
    for consumer in group.consumers() {
        full_consumer(group, consumer, most, out);
    }
}

fn full_consumer(group: &Group, consumer: &Consumer, most: usize, out: &mut Reply) {
    out.map(5);
    out.bulk(b"name");
    out.bulk(&consumer.name);
    out.bulk(b"seen-time");
    out.int(consumer.seen);
    out.bulk(b"active-time");
    out.int(consumer.active);
    out.bulk(b"pel-count");
    out.count(consumer.pending_count());
    out.bulk(b"pending");
    out.array(consumer.pending_count().min(most));
    for id in consumer.pending(..).take(most) {
        let Some(pending) = group.get(id) else { continue };
        out.array(3);
        reply_id(out, id);
        delivery(pending, out);
    }
}

fn delivery(pending: Pending, out: &mut Reply) {
    out.int(pending.time);
    out.int(pending.count as i64);
}

/// How far a group has read.
fn progress(body: &Body, group: &Group, out: &mut Reply) {
    out.bulk(b"last-delivered-id");
    reply_id(out, group.last_id);
    out.bulk(b"entries-read");
    match group.entries_read {
        UNKNOWN => out.null(),
        read => out.int(read),
    }
    out.bulk(b"lag");
    match group.lag(&body.log) {
        None => out.null(),
        Some(lag) => out.int(lag),
    }
}
