//! What goes at its deadline: by the wheel in slices, or by a lookup that comes first. Both remove alike.

use super::Unit;
use super::collections::Edited;
use crate::event::class;
use crate::value::hash::Hash;
use curfew_protocol::args::OwnedArgs;

impl Unit<'_> {
    /// Removes keys whose deadlines have passed, with at most `steps` looks at the wheels of each shard held (each field of a
    /// hash that is freed counts as one, and a hash has one turn in a millisecond): first those of the unit's own database,
    /// then those after it in turn. Each database has at most half of what is left for it, so that those after it have some
    /// too, and what is left in the end goes to those that have more. A shard that has not come to the end says in
    /// [`expiry_turn`](crate::Shard::expiry_turn) which database is next. Returns true if more may be due. This is the active
    /// path; the lazy one is in every lookup, and both remove alike.
    pub fn expire_due(&mut self, steps: u32) -> bool {
        let mut more = false;
        let mut key = Vec::new();
        let databases = self.settings.databases;
        let (first, rest) = (self.db..databases, 0..self.db.min(databases));
        for index in 0..self.held.len() {
            let mut left = steps;
            let mut again = false;
            for db in first.clone().chain(rest.clone()) {
                if left == 0 {
                    break;
                }
                let given = left.div_ceil(2);
                let mut share = given;
                again |= self.expire_in(index, db, &mut share, &mut key);
                left -= given - share;
            }
            let mut turns = first.clone().chain(rest.clone());
            while again && let Some(db) = turns.next() {
                if self.expire_in(index, db, &mut left, &mut key) {
                    more = true;
                    if let Some(shard) = self.shard_at(index) {
                        shard.expiry_turn = (db + 1) % databases;
                    }
                    break;
                }
            }
        }
        self.append_events();
        more
    }

    // ---- below ----------------------------------------------------------------------------------------------------------

    /// What is due in one database of the shard at this place among those held, and then what its wheel can prepare, for at
    /// most so many steps. Returns true if there may be more; the steps are used up then. `key` is room for a key.
    pub(super) fn expire_in(&mut self, index: usize, db: usize, steps: &mut u32, key: &mut Vec<u8>) -> bool {
        let now = self.now.ms;
        loop {
            let Some(shard) = self.shard_at(index) else { return false };
            let space = shard.db_mut(db);
            let Some(entry) = space.next_due(now, steps) else {
                // With nothing due, the wheel prepares what comes next, within the same budget.
                let more = *steps == 0 || space.work_ahead(now, steps);
                if more {
                    *steps = 0;
                }
                return more;
            };
            key.clear();
            key.extend_from_slice(entry.key());
            match entry.deadline() {
                Some(deadline) if now > deadline => self.expire(db, key, deadline),
                _ if entry.has_fields_due() => {
                    // To free a field takes about as long as a look at the wheel and a key that goes.
                    let swept = self.expire_fields(db, key, *steps as usize + 1, true);
                    *steps = steps.saturating_sub(swept as u32);
                }
                // The wheel gives what is due.
                deadline => self.expire(db, key, deadline.unwrap_or(now)),
            }
        }
    }

    /// A key goes at its deadline: by the wheel or by a lookup, it is the same removal, effect and event.
    pub(super) fn expire(&mut self, db: usize, key: &[u8], deadline: i64) {
        self.remove_present(db, key);
        self.expired(db, key, deadline);
    }

    /// The traces of a key that has gone at its deadline.
    pub(super) fn expired(&mut self, db: usize, key: &[u8], deadline: i64) {
        let lag = (self.now.ms - deadline).clamp(0, i64::from(u32::MAX)) as u32;
        self.sink.lags_ms.push(lag);
        let shard = self.held.of(key);
        shard.stats.expired += 1;
        let hash = shard.db(db).hasher().hash(key);
        shard.gone.note(db, hash);
        self.effect_in(db, key, [b"DEL".as_slice(), key]);
        self.touched(db, key);
        self.event_due(db, class::EXPIRED, "expired", key, deadline);
    }

    /// The fields of a hash that are due go, by the wheel or by a lookup: the same removal, effect and event, in the unit that
    /// comes first. A hash that nothing is left of goes as a whole, and is freed elsewhere if it is large. Of another, `most`
    /// fields are freed here and the rest later, when the wheel brings it again: its next millisecond, if this was its turn.
    /// Tells how many were freed. O(log n + freed), but where effects are kept: then the names of all are written down.
    pub(super) fn expire_fields(&mut self, db: usize, key: &[u8], most: usize, is_turn: bool) -> usize {
        let now = self.now.ms;
        let hash = self.held.of(key).db(db).hasher().hash(key);
        let mut effect = self.sink.journal.then(|| OwnedArgs::from_slices(&[b"HDEL", key]));
        let edited = self.edit_present(db, hash, key, |hash: &mut Hash| {
            let due = hash.due();
            if hash.all_due(now) {
                effect = effect.as_ref().map(|_| OwnedArgs::from_slices(&[b"DEL", key]));
                return (due, hash.expire(now, None), 0);
            }
            let count = match &mut effect {
                Some(effect) => hash.expire(now, Some(&mut |field| effect.push(field))),
                None => hash.expire(now, None),
            };
            let swept = hash.sweep(most);
            if is_turn {
                hash.set_swept(now);
            }
            (due, count, swept)
        });
        let Ok(Edited { value: (due, count, swept), emptied }) = edited else { return 0 };
        if count == 0 {
            return swept;
        }
        let due = due.unwrap_or(now);
        let lag = (now - due).clamp(0, i64::from(u32::MAX)) as u32;
        self.sink.lags_ms.push(lag);
        self.held.of(key).stats.expired_fields += count as u64;
        self.leave_effect(db, key, effect);
        self.touched(db, key);
        self.event_due(db, class::HASH, "hexpired", key, due);
        if emptied {
            self.event_in(db, class::GENERIC, "del", key);
        }
        swept
    }
}
