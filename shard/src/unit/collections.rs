//! Reading and changing values other than strings, whichever form they are kept in. See [`crate::value::collection`].

use super::{Unit, access};
use crate::keyspace::{Deadline, NewValue, Value};
use crate::value::object::Boxed;
use curfew_protocol::Error;

/// What came of a change.
#[derive(Debug)]
pub struct Edited<R> {
    /// What the change gave.
    pub value: R,
    /// Nothing was left, so the key is gone: the caller says so (`del`) after its own event.
    pub emptied: bool,
}

impl<'u> Unit<'u> {
    /// The value at `key` for a command that reads: counts a hit or a miss, and marks the access. None without the key;
    /// an error for another type.
    #[inline]
    pub fn view<T: Boxed>(&mut self, key: &[u8]) -> Result<Option<T::View<'_>>, Error> {
        self.read(key).map(|entry| entry.view::<T>().ok_or(Error::WRONG_TYPE)).transpose()
    }

    /// The value at `key` without any trace: for commands that go on to change it.
    pub fn peek_view<T: Boxed>(&mut self, key: &[u8]) -> Result<Option<T::View<'_>>, Error> {
        self.peek(key).map(|entry| entry.view::<T>().ok_or(Error::WRONG_TYPE)).transpose()
    }

    /// Changes the value at `key`, which keeps its deadline; None without the key. A value that is empty afterwards is
    /// removed. The caller announces the change ([`Unit::changed`]) and leaves its effect, if it has made one.
    pub fn edit<T: Boxed, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<Option<Edited<R>>, Error> {
        Ok(self.try_edit(key, change)?.ok())
    }

    /// Changes the value at `key`, or a new, empty one if there is none; it is kept unless it is empty afterwards.
    pub fn edit_or_new<T: Boxed, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<Edited<R>, Error> {
        let change = match self.try_edit(key, change)? {
            Ok(edited) => return Ok(edited),
            Err(change) => change,
        };
        let mut fresh = T::default();
        let value = change(&mut fresh);
        if fresh.is_empty() {
            return Ok(Edited { value, emptied: false });
        }
        self.put_value(key, fresh, Deadline::Clear);
        Ok(Edited { value, emptied: false })
    }

    /// Makes `key` hold a value that is not empty, whatever it held. Announces `new` where the key is new (class `n`).
    pub fn put_value<T: Boxed>(&mut self, key: &[u8], value: T, deadline: Deadline) {
        self.put_value_in(self.db, key, value, deadline);
    }

    /// The same in another database.
    pub fn put_value_in<T: Boxed>(&mut self, db: usize, key: &[u8], value: T, deadline: Deadline) {
        if let Some(due) = value.due() {
            let shard = self.held.of(key);
            shard.soonest = shard.soonest.min(due);
        }
        match value.inline() {
            Some(bytes) if bytes.len() <= T::INLINE_MAX => {
                self.put_in(db, key, T::KIND, NewValue::Bytes(bytes), deadline);
            }
            _ => self.put_in(db, key, T::KIND, NewValue::Object(Box::new(value.into_object())), deadline),
        }
    }

    /// As [`Unit::edit`], with the change given back without the key.
    fn try_edit<T: Boxed, R, C: FnOnce(&mut T) -> R>(
        &mut self,
        key: &[u8],
        change: C,
    ) -> Result<Result<Edited<R>, C>, Error> {
        let (now, settings, db) = (self.now, self.settings, self.db);
        let hash = self.held.of(key).db(db).hasher().hash(key);
        let Some(entry) = self.live_at(db, hash, key) else { return Ok(Err(change)) };
        if entry.kind() != T::KIND {
            return Err(Error::WRONG_TYPE);
        }
        access::mark(entry, now, settings);
        self.edit_present(db, hash, key, change).map(Ok)
    }

    /// Changes the value at a key that is there and alive.
    pub(super) fn edit_present<T: Boxed, R>(
        &mut self,
        db: usize,
        hash: u64,
        key: &[u8],
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<Edited<R>, Error> {
        let now = self.now.ms;
        let space = self.held.space_mut(db, key);
        space.set_now(now);
        let Some(mut entry) = space.get_mut(hash, key) else { return Err(Error::WRONG_TYPE) };
        let lru = entry.lru();
        if let Some(object) = entry.object_mut() {
            let Some(value) = T::of_mut(object) else { return Err(Error::WRONG_TYPE) };
            let before = value.due();
            let result = change(value);
            if value.is_empty() {
                self.remove_present(db, key);
                return Ok(Edited { value: result, emptied: true });
            }
            let after = value.due();
            if before != after {
                space.fields_changed(hash, key);
                let shard = self.held.of(key);
                shard.soonest = shard.soonest.min(after.unwrap_or(i64::MAX));
            }
            return Ok(Edited { value: result, emptied: false });
        }
        let Value::Bytes(bytes) = entry.value() else { return Err(Error::WRONG_TYPE) };
        // Only small values are copied; the memory for it comes back below, whichever way the change goes.
        let mut buffer = std::mem::take(&mut self.sink.scratch);
        buffer.clear();
        buffer.extend_from_slice(bytes);
        let mut value = T::from_inline(buffer);
        let result = change(&mut value);
        if value.is_empty() {
            self.sink.scratch = value.into_buffer();
            self.remove_present(db, key);
            return Ok(Edited { value: result, emptied: true });
        }
        match value.inline() {
            Some(bytes) if bytes.len() <= T::INLINE_MAX => {
                space.put(hash, key, T::KIND, NewValue::Bytes(bytes), Deadline::Keep, lru);
                self.sink.scratch = value.into_buffer();
            }
            _ => {
                let due = value.due();
                let object = NewValue::Object(Box::new(value.into_object()));
                space.put(hash, key, T::KIND, object, Deadline::Keep, lru);
                let shard = self.held.of(key);
                shard.soonest = shard.soonest.min(due.unwrap_or(i64::MAX));
            }
        }
        Ok(Edited { value: result, emptied: false })
    }
}
