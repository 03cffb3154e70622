//! Effects of what happens to groups: commands that make one change each, with ids and times written out.

use crate::unit::Unit;
use crate::value::stream::{Pending, StreamId};

/// An entry is pending at a consumer.
///
/// LASTID is there for the time: of a claim that has it, a time ahead of the clock is believed (see XCLAIM).
pub(super) fn claimed(
    unit: &mut Unit<'_>,
    key: &[u8],
    group: &[u8],
    consumer: &[u8],
    id: StreamId,
    pending: Pending,
    last_id: StreamId,
) {
    let (mut time, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
    unit.effect(
        key,
        [
            b"XCLAIM".as_slice(),
            key,
            group,
            consumer,
            b"0",
            &id.text(),
            b"TIME",
            time.format(pending.time).as_bytes(),
            b"RETRYCOUNT",
            count.format(pending.count).as_bytes(),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            &last_id.text(),
        ],
    );
}

/// An entry is no longer pending.
pub(super) fn acknowledged(unit: &mut Unit<'_>, key: &[u8], group: &[u8], id: StreamId) {
    unit.effect(key, [b"XACK".as_slice(), key, group, &id.text()]);
}

/// A group has moved on.
pub(super) fn moved(unit: &mut Unit<'_>, key: &[u8], group: &[u8], last_id: StreamId, entries_read: i64) {
    let mut read = itoa::Buffer::new();
    let read = read.format(entries_read).as_bytes();
    unit.effect(key, [b"XGROUP".as_slice(), b"SETID", key, group, &last_id.text(), b"ENTRIESREAD", read]);
}

/// A group has a new consumer.
pub(super) fn consumer_created(unit: &mut Unit<'_>, key: &[u8], group: &[u8], consumer: &[u8]) {
    unit.effect(key, [b"XGROUP".as_slice(), b"CREATECONSUMER", key, group, consumer]);
}
