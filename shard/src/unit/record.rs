//! The one place that tells of events: to subscribers, and to the streams and lists of [`crate::record`].
//!
//! Records are appended when the command that made them is over, in the order of the changes, and before its unit is. Not
//! in the middle of it: a handler that works on a stream or list of events itself (LMOVE, RENAME) would find it changed
//! between its own change and the effect of that, and a replay would go another way. No command can see the difference.

use super::{Str, Unit, as_str};
use crate::event::{Event, class};
use crate::record::{Gone, KEY_MAX, Record};
use crate::value::collection;
use crate::value::list::{Limit, List, Side};
use crate::value::stream::{NewId, NodeLimits, Stream, StreamId, Trim, TrimBy};

/// Entries or elements beyond the limit that are removed with one append: a limit that was lowered stalls nobody.
const TRIM_MAX: u64 = 10_000;

/// Entries beyond the limit at which a node is cut that is too large to wait until it can go as a whole.
const SLACK: u64 = 1_000;

impl<'u> Unit<'u> {
    /// Appends the events of the command that is over to the streams and lists of their shards, each with its effect. To be
    /// called after every command of a unit; the unit still holds the shards. One comparison if there are none.
    ///
    /// Does nothing for a command that is about to wait: it is to be called when that one has its place among those who
    /// wait, so that it does not miss an event of its own making.
    #[inline]
    pub fn append_events(&mut self) {
        if !self.sink.records.is_empty() && self.sink.wait.is_none() {
            self.append_pending();
        }
    }

    /// The event `expired` of a string that was never stored, since its deadline had passed before.
    pub fn event_expired(&mut self, key: &[u8], value: &[u8], deadline: i64) {
        if self.settings.recording.values {
            self.sink.records.gone = Some((self.db, key.into(), Gone::new(value)));
        }
        self.event_due(self.db, class::EXPIRED, "expired", key, deadline);
    }

    /// Whether anybody is told of events of this class.
    #[inline]
    pub(super) fn is_told(&self, class: u32) -> bool {
        (self.settings.notify | self.settings.recording.classes) & class != 0
    }

    /// The event of something that went at a deadline.
    pub(super) fn event_due(&mut self, db: usize, class: u32, name: &'static str, key: &[u8], deadline: i64) {
        if self.is_told(class) {
            self.tell(db, class, name, key, Some(deadline));
        }
    }

    /// An event for subscribers, for the record, or for both.
    #[inline(never)]
    pub(super) fn tell(&mut self, db: usize, class: u32, name: &'static str, key: &[u8], deadline: Option<i64>) {
        if self.is_appending {
            return;
        }
        let settings = self.settings;
        if settings.notify & class != 0 && settings.notify & (class::KEYSPACE | class::KEYEVENT) != 0 {
            self.sink.events.push(Event { class, name, db: db as u32, key: key.into() });
        }
        if settings.recording.classes & class == 0 {
            return;
        }
        let shard = self.held.of(key);
        if db == 0 && settings.recording.is_own(shard.index(), key) {
            return;
        }
        if key.len() > KEY_MAX {
            shard.stats.events_dropped += 1;
            return;
        }
        let shard = shard.index();
        let value = match name {
            "del" | "expired" | "evicted" => self.sink.records.gone.take(),
            _ => None,
        };
        let value = value.filter(|(gone_db, gone, _)| *gone_db == db && **gone == *key).map(|(_, _, value)| value);
        self.sink.records.pending.push(Record { shard, name, db: db as u32, key: key.into(), deadline, value });
    }

    /// The key is about to be removed: keeps its string for the event that follows.
    pub(super) fn remember_value(&mut self, db: usize, key: &[u8]) {
        let space = self.held.of(key).db(db);
        let value = space.get(space.hasher().hash(key), key).and_then(|entry| as_str(entry).ok());
        let gone = value.map(|value| match value {
            Str::Int(number) => Gone::new(itoa::Buffer::new().format(number).as_bytes()),
            Str::Bytes(bytes) => Gone::new(bytes),
        });
        self.sink.records.gone = gone.map(|gone| (db, key.into(), gone));
    }

    // ---- below ------------------------------------------------------------------------------------------------------

    #[inline(never)]
    fn append_pending(&mut self) {
        let settings = self.settings;
        let mut records = std::mem::take(&mut self.sink.records.pending);
        self.sink.records.gone = None;
        // Stable: within a shard the order is that of the changes.
        records.sort_by_key(|record| record.shard);
        let db = std::mem::replace(&mut self.db, 0);
        for group in records.chunk_by(|a, b| a.shard == b.shard) {
            let shard = usize::from(group[0].shard);
            if let Some(key) = settings.recording.streams.get(shard) {
                let appended = self.append_to_stream(key, group);
                self.count(key, appended, group.len());
            }
            if let Some(key) = settings.recording.lists.get(shard) {
                let appended = self.append_to_list(key, group);
                self.count(key, appended, group.len());
            }
        }
        self.db = db;
        records.clear();
        // Nothing was recorded meanwhile: what happens to these keys is not. The memory is used again.
        if records.capacity() <= 4 * 1024 {
            self.sink.records.pending = records;
        }
    }

    fn count(&mut self, key: &[u8], appended: usize, all: usize) {
        let stats = &mut self.held.of(key).stats;
        stats.events_appended += appended as u64;
        stats.events_dropped += (all - appended) as u64;
    }

    /// Answers how many were appended.
    fn append_to_stream(&mut self, key: &[u8], records: &[Record]) -> usize {
        // Looked up before anything else: a stream past its deadline goes with an event of its own.
        let there = match self.live(0, key) {
            None => StreamId::MIN,
            Some(entry) => match collection::view::<Stream>(entry) {
                Some(stream) => stream.log.last_id,
                None => return 0,
            },
        };
        let (now, settings) = (self.now.ms, self.settings);
        let mut last = there.max(self.held.of(key).last_event);
        let mut entries = Vec::with_capacity(records.len());
        for record in records {
            let fresh = StreamId::new(now.max(0) as u64, 0);
            // At the last possible id it ends.
            let Some(id) = last.next() else { break };
            last = id.max(fresh);
            entries.push((last, record));
        }
        if entries.is_empty() {
            return 0;
        }
        let limits = NodeLimits { bytes: settings.limits.stream_bytes, entries: settings.limits.stream_entries };
        let most = settings.recording.max_len;
        self.is_appending = true;
        let edited = self.edit_or_new(key, |stream: &mut Stream| {
            let log = &mut stream.log;
            entries.retain(|(id, record)| {
                let add = |fields: &[&[u8]]| log.add(NewId::Exact(*id), 0, fields.iter().copied(), limits).is_ok();
                record.with_fields(now, add)
            });
            let mut trimmed = 0;
            if most > 0 && log.len() > most {
                let by = TrimBy::MaxLen(most);
                trimmed = log.trim(Trim { by, approximate: true, limit: TRIM_MAX });
                if trimmed == 0 && log.len() - most > SLACK {
                    trimmed = log.trim(Trim { by, approximate: false, limit: 0 });
                }
            }
            (trimmed, log.len())
        });
        self.is_appending = false;
        let Ok(edited) = edited else { return 0 };
        self.held.of(key).last_event = last;
        let (trimmed, len) = edited.value;
        self.stream_effects(key, &entries, trimmed > 0, len);
        self.touched(0, key);
        entries.len()
    }

    /// XADD for each entry, with its id written out; the last one trims to what is left.
    fn stream_effects(&mut self, key: &[u8], entries: &[(StreamId, &Record)], is_trimmed: bool, len: u64) {
        let now = self.now.ms;
        let mut digits = itoa::Buffer::new();
        let trim: [&[u8]; 3] = [b"MAXLEN", b"=", digits.format(len).as_bytes()];
        for (place, (id, record)) in entries.iter().enumerate() {
            if !self.keeps_effects() {
                self.effect_in(0, key, []); // counted only
                continue;
            }
            let trim = if is_trimmed && place + 1 == entries.len() { trim.as_slice() } else { &[] };
            let text = id.text();
            let command = [b"XADD".as_slice(), key].into_iter().chain(trim.iter().copied()).chain([&*text]);
            record.with_fields(now, |fields| self.effect_in(0, key, command.chain(fields.iter().copied())));
        }
    }

    /// Answers how many were appended.
    fn append_to_list(&mut self, key: &[u8], records: &[Record]) -> usize {
        if self.live(0, key).is_some_and(|entry| collection::view::<List>(entry).is_none()) {
            return 0;
        }
        let (now, settings) = (self.now.ms, self.settings);
        let items: Vec<Vec<u8>> = records.iter().map(|record| record.to_json(now)).collect();
        let limit = Limit::of(settings.limits.list_size);
        let most = match settings.recording.max_len {
            0 => usize::MAX,
            most => usize::try_from(most).unwrap_or(usize::MAX),
        };
        self.is_appending = true;
        let edited = self.edit_or_new(key, |list: &mut List| {
            list.push_all(Side::Back, items.iter().map(Vec::as_slice), limit);
            // What was just added may be too much, and what a lowered limit leaves to do is done a piece at a time.
            let excess = list.len().saturating_sub(most).min(items.len() + TRIM_MAX as usize);
            list.pop(Side::Front, excess, |_| ());
            list.settle(limit);
            excess
        });
        self.is_appending = false;
        let Ok(edited) = edited else { return 0 };
        self.effect_in(0, key, [b"RPUSH".as_slice(), key].into_iter().chain(items.iter().map(Vec::as_slice)));
        if edited.value > 0 {
            let mut digits = itoa::Buffer::new();
            self.effect_in(0, key, [b"LPOP".as_slice(), key, digits.format(edited.value).as_bytes()]);
        }
        self.touched(0, key);
        records.len()
    }
}
