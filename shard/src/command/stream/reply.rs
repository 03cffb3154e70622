//! Replies of entries.

use crate::value::stream::{Entry, StreamId};
use curfew_protocol::Reply;

/// Replies with an id.
#[inline]
pub(super) fn reply_id(out: &mut Reply, id: StreamId) {
    out.bulk(&id.text());
}

/// Replies with an entry: its id, and its fields and values.
#[inline]
pub(super) fn reply_entry(out: &mut Reply, entry: &Entry<'_>) {
    out.array(2);
    reply_id(out, entry.id);
    out.array(entry.len() * 2);
    for (field, value) in entry.pairs() {
        field.reply(out);
        value.reply(out);
    }
}

/// Replies with an array of at most `most` entries, 0 for no limit, and gives how many they are.
#[inline]
pub(super) fn reply_entries<'a>(out: &mut Reply, entries: impl Iterator<Item = Entry<'a>>, most: usize) -> usize {
    let mark = out.mark();
    let mut count = 0;
    for entry in entries {
        reply_entry(out, &entry);
        count += 1;
        if count == most {
            break;
        }
    }
    out.array_at(mark, count);
    count
}
