//! A stream as the commands that make it again.

use super::body::Body;
use super::id::StreamId;
use curfew_protocol::args::OwnedArgs;
use std::collections::BTreeSet;

/// Appends the commands that make `body` at `key`, which does not exist when the first of them runs.
///
/// Pending entries that are no longer in the stream need some care: XCLAIM makes an entry pending only if it is there. So
/// they are added for as long as that takes, and deleted again; XSETID corrects what the stream remembers at the end.
pub(super) fn describe(body: &Body, key: &[u8], commands: &mut Vec<OwnedArgs>) {
    let log = &body.log;
    let gone = gone(body);
    let mut left = gone.iter().copied().peekable();
    for entry in log.range(StreamId::MIN, StreamId::MAX) {
        while let Some(id) = left.next_if(|id| *id < entry.id) {
            commands.push(OwnedArgs::from_slices(&[b"XADD", key, &id.text(), b"x", b"y"]));
        }
        let mut command = OwnedArgs::from_slices(&[b"XADD", key, &entry.id.text()]);
        let (mut one, mut two) = (itoa::Buffer::new(), itoa::Buffer::new());
        for (field, value) in entry.pairs() {
            command.push(field.bytes(&mut one));
            command.push(value.bytes(&mut two));
        }
        commands.push(command);
    }
    for id in left {
        commands.push(OwnedArgs::from_slices(&[b"XADD", key, &id.text(), b"x", b"y"]));
    }
    if log.len() == 0 && gone.is_empty() {
        commands.push(OwnedArgs::from_slices(&[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]));
    }

    let mut digits = itoa::Buffer::new();
    for (name, group) in &body.groups {
        let (last, read) = (group.last_id.text(), digits.format(group.entries_read).as_bytes());
        commands.push(OwnedArgs::from_slices(&[b"XGROUP", b"CREATE", key, name, &last, b"ENTRIESREAD", read]));
        for consumer in group.consumers() {
            commands.push(OwnedArgs::from_slices(&[b"XGROUP", b"CREATECONSUMER", key, name, &consumer.name]));
        }
        for (id, pending) in group.pending(..) {
            let (mut time, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
            commands.push(OwnedArgs::from_slices(&[
                b"XCLAIM",
                key,
                name,
                group.name_of(pending.consumer),
                b"0",
                &id.text(),
                b"TIME",
                time.format(pending.time).as_bytes(),
                b"RETRYCOUNT",
                count.format(pending.count).as_bytes(),
                b"FORCE",
                b"JUSTID",
                b"LASTID",
                &last,
            ]));
        }
    }

    if !gone.is_empty() && (log.len() == 0 || log.max_deleted_id.is_zero()) {
        // They are in front of all others, and XDEL would be remembered.
        let len = digits.format(log.len()).as_bytes();
        commands.push(OwnedArgs::from_slices(&[b"XTRIM", key, b"MAXLEN", len]));
    } else if !gone.is_empty() {
        let mut command = OwnedArgs::from_slices(&[b"XDEL", key]);
        gone.iter().for_each(|id| command.push(&id.text()));
        commands.push(command);
    }
    let added = digits.format(log.entries_added).as_bytes();
    let (last, deleted) = (log.last_id.text(), log.max_deleted_id.text());
    commands.push(OwnedArgs::from_slices(&[b"XSETID", key, &last, b"ENTRIESADDED", added, b"MAXDELETEDID", &deleted]));
}

/// The pending entries that are no longer in the stream. Not those that XSETID has put out of reach: behind the last id, or
/// between entries none of which was ever deleted.
fn gone(body: &Body) -> BTreeSet<StreamId> {
    let log = &body.log;
    let in_front = |id: StreamId| id < log.first_id() || !log.max_deleted_id.is_zero();
    let possible = |id: StreamId| !id.is_zero() && (log.len() == 0 || id <= log.last_id && in_front(id));
    let pending = body.groups.values().flat_map(|group| group.pending(..)).map(|(id, _)| *id);
    pending.filter(|id| possible(*id) && !log.contains(*id)).collect()
}
