//! What the commands share: replies, and results that are stored.

use crate::event::class;
use crate::keyspace::Deadline;
use crate::unit::Unit;
use crate::value::sorted_set::SortedSet;
use curfew_protocol::Reply;

/// Makes `key` hold the result of a STORE command, whatever it held, or nothing if the result is empty; and replies with the
/// number of its members.
pub(in crate::command) fn store(unit: &mut Unit<'_>, key: &[u8], set: SortedSet, event: &'static str, out: &mut Reply) {
    out.count(set.len());
    if set.is_empty() {
        if unit.remove(key) {
            unit.effect(key, [b"DEL".as_slice(), key]);
            unit.changed(key, class::GENERIC, "del");
        }
        return;
    }
    unit.put_value(key, set, Deadline::Clear);
    crate::command::describe::leave(unit, unit.db, key);
    unit.changed(key, class::ZSET, event);
}

pub(super) fn reply_score(out: &mut Reply, score: Option<f64>) {
    match score {
        Some(score) => out.double(score),
        None => out.null(),
    }
}

/// Replies with a member, and with its score where wanted: as a pair of its own in RESP3.
pub(super) fn reply_member(out: &mut Reply, member: crate::value::packed::Element<'_>, score: f64, with_scores: bool) {
    if with_scores && out.resp == curfew_protocol::Resp::Three {
        out.array(2);
    }
    member.reply(out);
    if with_scores {
        out.double(score);
    }
}

/// The header for so many of them.
pub(super) fn members_header(out: &mut Reply, members: usize, with_scores: bool) {
    let flat = with_scores && out.resp == curfew_protocol::Resp::Two;
    out.array(if flat { members * 2 } else { members });
}
