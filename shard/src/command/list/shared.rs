//! What the commands share.

use crate::event::class;
use crate::unit::Unit;
use crate::value::list::{Limit, Side};
use curfew_protocol::Error;
use curfew_protocol::args::is;

impl Side {
    /// LEFT or RIGHT.
    pub(super) fn of(arg: &[u8]) -> Result<Side, Error> {
        match arg {
            _ if is(arg, "LEFT") => Ok(Side::Front),
            _ if is(arg, "RIGHT") => Ok(Side::Back),
            _ => Err(Error::SYNTAX),
        }
    }

    /// The command that pops there, as effects name it, and its event.
    pub(super) fn pop(self) -> (&'static [u8], &'static str) {
        if self == Side::Front { (b"LPOP", "lpop") } else { (b"RPOP", "rpop") }
    }

    /// The command that pushes there, as effects name it, and its event.
    pub(super) fn push(self) -> (&'static [u8], &'static str) {
        if self == Side::Front { (b"LPUSH", "lpush") } else { (b"RPUSH", "rpush") }
    }
}

/// How large a node of a list may get.
pub(super) fn limit(unit: &Unit<'_>) -> Limit {
    Limit::of(unit.settings.limits.list_size)
}

/// Announces that elements have gone from a list, and the list with them where it was `emptied`.
pub(super) fn removed(unit: &mut Unit<'_>, key: &[u8], event: &'static str, emptied: bool) {
    unit.changed(key, class::LIST, event);
    if emptied {
        unit.event(class::GENERIC, "del", key);
    }
}
