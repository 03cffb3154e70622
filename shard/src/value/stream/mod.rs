//! Streams: entries with growing ids ([`Log`]), and groups of consumers that read them ([`Group`]).
//!
//! An entry of two short fields takes some 13 bytes: its node, shared with a hundred others, holds the names of the fields
//! once (see `node.rs`). Full nodes lie close together in chunks (see `chunks.rs`), the last one beside them, so that
//! appending looks nothing up. A stream without entries is a value like any other: it remembers its last id and its groups.

mod body;
mod chunks;
mod describe;
mod group;
mod id;
mod log;
mod node;
#[cfg(test)]
mod tests;

pub use body::Body;
pub use group::{Consumer, Group, Pending, UNKNOWN};
pub use id::{IdText, NewId, StreamId};
pub use log::{AddError, Log, Nodes, Range, RangeBack, Trim, TrimBy};
pub use node::{Entry, NodeLimits, NodeRef};

use crate::value::Collection;
use crate::value::kind::Type;
use body::EMPTY;
use curfew_protocol::args::OwnedArgs;
use std::ops::{Deref, DerefMut};

/// A stream. One word, so that it does not make objects of other types larger.
#[derive(Clone, Debug)]
pub struct Stream {
    body: Box<Body>,
}

impl Default for Stream {
    fn default() -> Stream {
        Stream { body: Box::new(Body::new()) }
    }
}

impl Deref for Stream {
    type Target = Body;

    fn deref(&self) -> &Body {
        &self.body
    }
}

impl DerefMut for Stream {
    fn deref_mut(&mut self) -> &mut Body {
        &mut self.body
    }
}

impl Stream {
    /// Bytes on the heap. O(groups).
    pub fn heap_bytes(&self) -> usize {
        let groups = self.groups.iter().map(|(name, group)| name.len() + size_of::<Group>() + group.heap_bytes());
        size_of::<Body>() + self.log.heap_bytes() + groups.sum::<usize>()
    }
}

impl Collection for Stream {
    const KIND: Type = Type::Stream;
    const INLINE_MAX: usize = 0;
    type View<'a> = &'a Body;

    fn view_inline(_: &[u8]) -> &Body {
        &EMPTY
    }

    fn view(&self) -> &Body {
        &self.body
    }

    fn from_inline(_: Vec<u8>) -> Stream {
        Stream::default()
    }

    fn inline(&self) -> Option<&[u8]> {
        None
    }

    /// A stream stays when its last entry goes.
    fn is_empty(&self) -> bool {
        false
    }

    fn encoding(_: &Body) -> &'static str {
        "stream"
    }

    fn describe(view: &Body, key: &[u8], commands: &mut Vec<OwnedArgs>) {
        describe::describe(view, key, commands);
    }
}
