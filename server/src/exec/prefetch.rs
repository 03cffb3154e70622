//! Asking the memory ahead for what the next commands will touch.

use crate::request::table::Command;
use curfew_protocol::Args;
use curfew_protocol::spec::{FAST, Group, KeyShape, Spec};
use curfew_shard::Unit;
use curfew_shard::value::dict::Dict;

/// Asks the memory for the slots of all keys; when those are on their way, for the entries; and then, where commands in a row
/// are about items of one large value, for those.
pub fn prefetch<'t>(unit: &mut Unit<'_>, commands: impl Iterator<Item = (&'static Command, Args<'t>)> + Clone) {
    let mut have_items = false;
    let keys = commands.clone().filter_map(|(command, args)| match command.spec.shape {
        KeyShape::One(at) => Some((command, args.get(at.into())?)),
        _ => None,
    });
    keys.clone().for_each(|(command, key)| {
        have_items |= item_at(command.spec).is_some();
        unit.prefetch_slot(key);
    });
    keys.for_each(|(_, key)| unit.prefetch_entry(key));
    if have_items {
        prefetch_items(unit, commands.clone(), Dict::prefetch_index);
        prefetch_items(unit, commands, Dict::prefetch_item);
    }
}

/// Does `prefetch` for the items in the tables of keys. Only from the second command in a row for one key on: where keys
/// differ, most of them hold small values, and to look would cost more than it gains.
fn prefetch_items<'t>(
    unit: &mut Unit<'_>,
    commands: impl Iterator<Item = (&'static Command, Args<'t>)>,
    prefetch: impl Fn(&Dict, &[u8]),
) {
    let (mut last, mut items, mut looked) = (None, None, false);
    for (command, args) in commands {
        let Some(item) = item_at(command.spec).and_then(|at| args.get(at)) else { continue };
        let key = args.get(1);
        if key != last {
            (last, items, looked) = (key, None, false);
            continue;
        }
        if !looked && let Some(key) = key {
            (items, looked) = (unit.items(key), true);
        }
        if let Some(items) = items {
            prefetch(items, item);
        }
    }
}

/// The argument that names an item of the value at argument 1, for commands that are about single items.
#[inline]
fn item_at(spec: &Spec) -> Option<usize> {
    match spec.group {
        Group::Set | Group::Hash | Group::SortedSet => {}
        _ => return None,
    }
    if spec.flags & FAST == 0 || !matches!(spec.shape, KeyShape::One(1)) {
        return None;
    }
    Some(usize::from(spec.item))
}
