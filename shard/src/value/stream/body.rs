//! What a stream holds.

use super::group::Group;
use super::log::Log;
use std::collections::BTreeMap;

/// What a stream holds.
#[derive(Clone, Debug)]
pub struct Body {
    /// The entries.
    pub log: Log,
    /// The groups by name.
    pub groups: BTreeMap<Box<[u8]>, Group>,
}

/// What is seen of bytes that no stream is ever kept as.
pub(super) static EMPTY: Body = Body::new();

impl Body {
    pub(super) const fn new() -> Body {
        Body { log: Log::new(), groups: BTreeMap::new() }
    }
}
