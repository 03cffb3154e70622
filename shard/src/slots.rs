//! Where keys are: the one place that knows which shard has a slot.

use curfew_protocol::slot;

/// The shard of `key` among `shards` of them: each owns one contiguous range of slots.
#[inline]
pub fn shard_of(key: &[u8], shards: usize) -> usize {
    if shards == 1 { 0 } else { usize::from(slot::slot(key)) * shards / 16384 }
}
