//! Streams: node by node as they are kept, then what a stream remembers, then its groups.

use super::packed::write_packed;
use super::read::{Damaged, Reader};
use super::{kind, write};
use crate::value::packed::Packed;
use crate::value::stream::{Body, Group, Pending, Stream, StreamId, UNKNOWN};
use std::collections::BTreeMap;

/// Bytes of an id as it stands in lists of pending entries.
const ID: usize = 16;

pub(super) fn write(stream: &Body, out: &mut Vec<u8>) {
    let log = &stream.log;
    write::length(out, log.node_count() as u64);
    for node in log.nodes() {
        write::string(out, &node.key.to_be_bytes());
        write_packed(node.packed, out);
    }
    write::length(out, log.len());
    for id in [log.last_id, log.first_id(), log.max_deleted_id] {
        write_id(id, out);
    }
    write::length(out, log.entries_added);

    write::length(out, stream.groups.len() as u64);
    for (name, group) in &stream.groups {
        write::string(out, name);
        write_id(group.last_id, out);
        // -1 for unknown, as 64 bits.
        write::length(out, group.entries_read as u64);
        write::length(out, group.pending_count() as u64);
        for (id, pending) in group.pending(..) {
            out.extend_from_slice(&id.to_be_bytes());
            write::time(out, pending.time);
            write::length(out, pending.count);
        }
        write::length(out, group.consumer_count() as u64);
        for consumer in group.consumers() {
            write::string(out, &consumer.name);
            write::time(out, consumer.seen);
            write::time(out, consumer.active);
            write::length(out, consumer.pending_count() as u64);
            consumer.pending(..).for_each(|id| out.extend_from_slice(&id.to_be_bytes()));
        }
    }
}

/// What no command could have made is refused, too: it could not be made again by the commands that a stream is described by.
pub(super) fn read(what: u8, reader: &mut Reader<'_>) -> Result<Stream, Damaged> {
    let mut stream = Stream::default();
    let log = &mut stream.log;
    for _ in 0..reader.count(2)? {
        let key = reader.string()?;
        let key = key.first_chunk().filter(|_| key.len() == ID).ok_or(Damaged)?;
        let packed = Packed::from_listpack(&reader.string()?).ok_or(Damaged)?;
        if !log.push_node(StreamId::from_be_bytes(*key), packed) {
            return Err(Damaged);
        }
    }
    log.loaded();
    let len = reader.length()?;
    log.last_id = read_id(reader)?;
    log.entries_added = len;
    if what != kind::STREAM_LISTPACKS {
        // The first id, which is known.
        read_id(reader)?;
        log.max_deleted_id = read_id(reader)?;
        log.entries_added = reader.length()?;
    }
    if len != log.len()
        || log.entries_added < len
        || i64::try_from(log.entries_added).is_err()
        || log.max_deleted_id > log.last_id
        || !log.is_ordered()
    {
        return Err(Damaged);
    }

    for _ in 0..reader.count(1)? {
        let (name, group) = read_group(what, &stream, reader)?;
        if stream.groups.insert(name, group).is_some() {
            return Err(Damaged);
        }
    }
    Ok(stream)
}

fn read_group(what: u8, stream: &Body, reader: &mut Reader<'_>) -> Result<(Box<[u8]>, Group), Damaged> {
    let name = reader.string()?.into();
    let last_id = read_id(reader)?;
    let mut group = match what {
        kind::STREAM_LISTPACKS => Group::estimated(last_id, &stream.log),
        _ => Group::new(last_id, reader.length()? as i64),
    };
    if group.entries_read < UNKNOWN {
        return Err(Damaged);
    }

    let mut pending = BTreeMap::new();
    for _ in 0..reader.count(ID + 9)? {
        let id = StreamId::from_be_bytes(reader.array()?);
        if pending.insert(id, (reader.time()?, reader.length()?)).is_some() {
            return Err(Damaged);
        }
    }
    for _ in 0..reader.count(10)? {
        let name = reader.string()?;
        let seen = reader.time()?;
        let (number, is_new) = group.find_or_create(&name, seen);
        let active = if what == kind::STREAM_LISTPACKS_3 { reader.time()? } else { seen };
        match group.consumer_mut(number) {
            Some(consumer) if is_new => consumer.active = active,
            _ => return Err(Damaged),
        }
        for _ in 0..reader.count(ID)? {
            let id = StreamId::from_be_bytes(reader.array()?);
            // Each pending entry is that of one consumer.
            let (time, count) = pending.remove(&id).ok_or(Damaged)?;
            group.give(id, Pending { time, count, consumer: number });
        }
    }
    if pending.is_empty() { Ok((name, group)) } else { Err(Damaged) }
}

fn write_id(id: StreamId, out: &mut Vec<u8>) {
    write::length(out, id.ms);
    write::length(out, id.seq);
}

fn read_id(reader: &mut Reader<'_>) -> Result<StreamId, Damaged> {
    Ok(StreamId::new(reader.length()?, reader.length()?))
}
