//! The one place that tells of events: to subscribers, and to the streams and lists of [`crate::event::durable`].
//!
//! Records are appended when the command that made them is over, in the order of the changes, and before its unit is. Not
//! in the middle of it: a handler that works on a stream or list of events itself (LMOVE, RENAME) would find it changed
//! between its own change and the effect of that, and a replay would go another way. No command can see the difference.

use super::Unit;
use crate::event::durable::{Excerpt, KEY_MAX, Record};
use crate::event::trigger::{DEPTH_MAX, Fired, WITH_VALUE, Whole};
use crate::event::{Event, NAMES, class};
use crate::keyspace::{Str, as_str};
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
            self.sink.records.gone = Some((self.db, key.into(), Excerpt::new(value)));
        }
        if self.settings.triggers.want_value_of(key) {
            self.sink.whole = Some((self.db, key.into(), Whole::Str(value.into())));
        }
        self.event_due(self.db, class::EXPIRED, "expired", key, deadline);
    }

    /// Whether anybody is told of events of this class.
    #[inline]
    pub(super) fn is_told(&self, class: u32) -> bool {
        (self.settings.notify | self.settings.recording.classes | self.settings.triggers.classes) & class != 0
    }

    /// Whether anybody may be told the values of keys that are removed.
    #[inline]
    pub(super) fn keeps_values(&self) -> bool {
        self.settings.recording.values || self.settings.triggers.values
    }

    /// The event of something that went at a deadline.
    pub(super) fn event_due(&mut self, db: usize, class: u32, name: &'static str, key: &[u8], deadline: i64) {
        if self.is_told(class) {
            self.tell(db, class, name, key, Some(deadline));
        }
    }

    /// An event for subscribers, for the record, for triggers, or for all of them.
    #[inline(never)]
    pub(super) fn tell(&mut self, db: usize, class: u32, name: &'static str, key: &[u8], deadline: Option<i64>) {
        if self.is_appending {
            return;
        }
        debug_assert!(NAMES.contains(&name), "{name} is missing from the names of events");
        let settings = self.settings;
        if settings.triggers.classes & class != 0 {
            self.fire(db, name, key, deadline);
        }
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

    /// Keeps an event for the triggers that are there for it.
    #[cold]
    fn fire(&mut self, db: usize, name: &'static str, key: &[u8], deadline: Option<i64>) {
        let triggers = self.settings.triggers.of(name, key);
        if triggers.is_empty() {
            return;
        }
        if self.depth >= DEPTH_MAX {
            self.held.of(key).stats.triggers_stopped += 1;
            return;
        }
        let value = if WITH_VALUE.contains(&name) { self.sink.whole.take() } else { None };
        let value = value.filter(|(gone_db, gone, _)| *gone_db == db && **gone == *key).map(|(_, _, value)| value);
        let depth = self.depth + 1;
        self.sink.fired.push_back(Fired { triggers, depth, name, db, key: key.into(), deadline, value });
    }

    /// The key is about to be removed: keeps its value for the event that follows.
    pub(super) fn remember_value(&mut self, db: usize, key: &[u8]) {
        let settings = self.settings;
        let space = self.held.of(key).db(db);
        let entry = space.get(space.hasher().hash(key), key);
        if settings.recording.values {
            let gone = entry.and_then(|entry| as_str(entry).ok()).map(|value| match value {
                Str::Int(number) => Excerpt::new(itoa::Buffer::new().format(number).as_bytes()),
                Str::Bytes(bytes) => Excerpt::new(bytes),
            });
            self.sink.records.gone = gone.map(|gone| (db, key.into(), gone));
        }
        if settings.triggers.want_value_of(key) {
            self.sink.whole = entry.map(|entry| (db, key.into(), Whole::of(entry)));
        }
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
            Some(entry) => match entry.view::<Stream>() {
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
        if self.live(0, key).is_some_and(|entry| entry.view::<List>().is_none()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::durable::{Recording, VALUE_MAX};
    use crate::shard::evictor::{Order, Policy};
    use crate::shard::watch::Flag;
    use crate::slots::shard_of;
    use crate::testing::World;
    use crate::unit::Held;
    use crate::unit::evict::{Evicted, evict_one};

    const ALL: u32 = class::ALL;

    /// One shard, with a stream `ev:{0}`.
    fn recording(values: bool, max_len: u64) -> World {
        let mut world = World::new(1);
        world.settings.recording = Recording::new(b"ev", b"", ALL, values, max_len, 1);
        world
    }

    /// The entries of a stream of database 0, each as its id and the rest.
    fn entries(world: &mut World, key: &str) -> Vec<(String, String)> {
        let db = std::mem::replace(&mut world.db, 0);
        let reply = world.run(&format!("xrange {key} - +"));
        world.db = db;
        let words: Vec<&str> = reply.split(' ').filter(|word| !word.starts_with(['*', '$'])).collect();
        let mut entries: Vec<(String, String)> = Vec::new();
        for (place, word) in words.iter().enumerate() {
            match entries.last_mut() {
                _ if words.get(place + 1) == Some(&"event") => entries.push((word.to_string(), String::new())),
                Some((_, rest)) if !["event", "db", "key"].contains(word) => {
                    rest.push_str(if rest.is_empty() { "" } else { " " });
                    rest.push_str(word);
                }
                _ => {}
            }
        }
        entries
    }

    fn texts(world: &mut World, key: &str) -> Vec<String> {
        entries(world, key).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn events_are_appended_in_the_order_of_the_changes_with_their_databases() {
        let mut world = recording(false, 0);
        for line in
            ["set a 1 px 100", "mset b 1 c 2", "rename b d", "copy d e", "move c 2", "lpush l x", "lpop l", "get none"]
        {
            world.run(line);
        }
        world.db = 3;
        world.run("append a x");
        let expected = [
            "set 0 a",
            "expire 0 a",
            "set 0 b",
            "set 0 c",
            "rename_from 0 b",
            "rename_to 0 d",
            "copy_to 0 e",
            "move_from 0 c",
            "move_to 2 c",
            "lpush 0 l",
            "lpop 0 l",
            "del 0 l",
            "append 3 a",
        ];
        assert_eq!(texts(&mut world, "ev:{0}"), expected);
        let published = world.events();
        assert_eq!(published.len(), expected.len(), "{published:?}");
        assert_eq!(world.shards[0].stats.events_appended, expected.len() as u64);
        // In the journal they stand behind the effects of their command.
        let effects = world.effect_lines();
        assert!(effects[0].starts_with("SET a 1 PXAT"));
        assert_eq!(effects[1], format!("XADD ev:{{0}} {}-0 event set db 0 key a", world.now.ms));
        assert_eq!(effects[2], format!("XADD ev:{{0}} {}-1 event expire db 0 key a", world.now.ms));
    }

    #[test]
    fn each_shard_has_its_own_stream() {
        let mut world = World::new(4);
        world.settings.recording = Recording::new(b"ev", b"", ALL, false, 0, 4);
        let keys: Vec<String> = (0..100).map(|number| format!("k{number}")).collect();
        world.run(&format!("mset {}", keys.iter().map(|key| format!("{key} v")).collect::<Vec<_>>().join(" ")));
        for shard in 0..4 {
            let stream = String::from_utf8_lossy(&world.settings.recording.streams[shard]).into_owned();
            let here = keys.iter().filter(|key| shard_of(key.as_bytes(), 4) == shard);
            let expected: Vec<String> = here.map(|key| format!("set 0 {key}")).collect();
            assert_eq!(texts(&mut world, &stream), expected);
        }
        assert!(world.effects().iter().all(|effect| effect.shard as usize == shard_of(effect.args.view().at(1), 4)));
    }

    #[test]
    fn what_expires_says_when_it_was_due_on_every_path() {
        let mut world = recording(true, 0);
        let at = world.now.ms + 10;
        world.run("mset lazy one active 2 overwritten three");
        world.run(&format!("curfew.pexpireat {at} lazy active overwritten"));
        world.run("hset h f v g w");
        world.run(&format!("hpexpireat h {at} fields 1 f"));
        world.pass(17);
        let before = texts(&mut world, "ev:{0}").len();
        world.run("get lazy");
        world.run("set overwritten new");
        world.expire();
        world.run(&format!("set never stored pxat {at}"));
        let told: Vec<String> = texts(&mut world, "ev:{0}").split_off(before);
        let due = |value: &str| format!("deadline {at} lag 7{value}");
        assert_eq!(told[0], format!("expired 0 lazy {}", due(" value one")));
        assert_eq!(told[1], format!("expired 0 overwritten {}", due(" value three")));
        assert_eq!(told[2], "set 0 overwritten");
        let mut by_wheel = told[3..5].to_vec();
        by_wheel.sort();
        assert_eq!(by_wheel, [format!("expired 0 active {}", due(" value 2")), format!("hexpired 0 h {}", due(""))]);
        assert_eq!(told[5..7], ["set 0 never", "expire 0 never"]);
        assert_eq!(told[7], format!("expired 0 never {}", due(" value stored")));
        assert_eq!(told.len(), 8);
    }

    #[test]
    fn values_that_went_are_told_if_they_are_strings() {
        let mut world = recording(true, 0);
        let long = "x".repeat(VALUE_MAX + 1);
        world.run(&format!("mset a 12 b {long} c v d old e v"));
        world.run("append c w");
        world.run("lpush l x");
        world.run("rename e d"); // overwrites d, which is no removal of the key
        let before = texts(&mut world, "ev:{0}").len();
        world.run("del a l b");
        world.run("getdel c");
        world.run("expire d 0");
        let told = texts(&mut world, "ev:{0}").split_off(before);
        let cut = &long[..VALUE_MAX];
        let long = format!("del 0 b value {cut} value-truncated 1");
        assert_eq!(told, ["del 0 a value 12", "del 0 l", &long, "del 0 c value vw", "del 0 d value v"]);
        world.run("set e v");
        // The stream itself may be the victim, which is not recorded.
        world.settings.recording = Recording::new(b"other", b"", ALL, true, 0, 1);
        let (now, db) = (world.now, world.db);
        let mut evict = || {
            let mut unit = Unit::new(Held::One(&mut world.shards[0]), &mut world.sink, now, db, &world.settings);
            evict_one(&mut unit, 0, Policy { order: Order::Random, volatile: false }, 5)
        };
        assert!(matches!(evict(), Evicted::Freed(_)));
        assert!(matches!(evict(), Evicted::Freed(_)));
        let told = texts(&mut world, "other:{0}");
        assert!(!told.is_empty() && told.iter().all(|text| text.starts_with("evicted 0 ")), "{told:?}");
    }

    #[test]
    fn only_the_classes_that_are_asked_for_are_recorded_whatever_is_published() {
        let mut world = recording(false, 0);
        world.settings.recording.classes = class::EXPIRED | class::NEW | class::KEY_MISS;
        world.settings.notify = 0;
        world.run("set a 1 px 5");
        world.run("set a 2 px 5");
        world.pass(6);
        world.run("get a");
        let told = texts(&mut world, "ev:{0}");
        assert_eq!(told.len(), 3);
        assert_eq!((&*told[0], &*told[2]), ("new 0 a", "keymiss 0 a"));
        assert!(told[1].starts_with("expired 0 a deadline"));
        assert_eq!(world.events(), Vec::<String>::new());
    }

    #[test]
    fn a_stream_is_trimmed_by_whole_nodes() {
        let mut world = recording(false, 50);
        for number in 0..1_000 {
            world.run(&format!("set k{number} v"));
        }
        let told = texts(&mut world, "ev:{0}");
        assert!((50..150).contains(&told.len()), "{}", told.len());
        assert_eq!(told.last().map(String::as_str), Some("set 0 k999"));
        let last = world.effect_lines().into_iter().rev().find(|effect| effect.contains("MAXLEN")).expect("a trim");
        assert!(last.starts_with("XADD ev:{0} MAXLEN = "), "{last}");
        // Nodes without limits are cut all the same.
        world.settings.limits.stream_entries = 0;
        world.settings.limits.stream_bytes = 0;
        for number in 0..5_000 {
            world.run(&format!("set k{number} v"));
        }
        assert!(texts(&mut world, "ev:{0}").len() <= 50 + SLACK as usize);
    }

    #[test]
    fn the_streams_own_events_are_published_but_not_recorded() {
        let mut world = recording(false, 0);
        world.settings.recording.lists = vec![Box::from(b"q:{0}".as_slice())];
        world.settings.recording.classes |= class::NEW;
        world.settings.notify |= class::NEW;
        world.run("set a v");
        assert_eq!(world.events(), ["new a", "set a"], "appending is no event, nor is the new stream");
        for line in
            ["xgroup create ev:{0} g 0", "xreadgroup group g c streams ev:{0} >", "xtrim ev:{0} maxlen 1", "lpop q:{0}"]
        {
            world.run(line);
        }
        assert_eq!(
            world.events(),
            ["xgroup-create ev:{0}", "xgroup-createconsumer ev:{0}", "xtrim ev:{0}", "lpop q:{0}"]
        );
        assert_eq!(texts(&mut world, "ev:{0}"), ["set 0 a"]);
        // A key of the same name in another database is like any other.
        world.db = 1;
        world.run("set ev:{0} v");
        assert_eq!(texts(&mut world, "ev:{0}").last().map(String::as_str), Some("set 1 ev:{0}"));
    }

    #[test]
    fn a_key_of_another_type_is_left_alone_and_counted() {
        let mut world = recording(false, 0);
        world.settings.recording.lists = vec![Box::from(b"q:{0}".as_slice())];
        world.run("set ev:{0} mine");
        world.run("set q:{0} mine");
        world.effects();
        assert_eq!(world.run("set a v"), "+OK");
        assert_eq!(world.effect_lines(), ["SET a v"]);
        assert_eq!(world.run("get ev:{0}"), "$4 mine");
        let stats = &world.shards[0].stats;
        assert_eq!((stats.events_appended, stats.events_dropped), (0, 2));
        world.run("del ev:{0}");
        world.run("set b v");
        assert_eq!(texts(&mut world, "ev:{0}"), ["set 0 b"]);
        let stats = &world.shards[0].stats;
        assert_eq!((stats.events_appended, stats.events_dropped), (1, 3));
        // A stream that is at its end.
        world.run("xadd ev:{0} 18446744073709551615-18446744073709551615 f v");
        world.run("set c v");
        assert_eq!(world.shards[0].stats.events_dropped, 5);
    }

    #[test]
    fn ids_never_go_back() {
        let mut world = recording(false, 0);
        world.run("set a v");
        world.run("set b v");
        let start = world.now.ms;
        world.run("flushall");
        assert_eq!(texts(&mut world, "ev:{0}"), Vec::<String>::new(), "FLUSHALL is no event, and takes the stream");
        world.run("set c v");
        assert_eq!(entries(&mut world, "ev:{0}"), [(format!("{start}-2"), "set 0 c".into())]);
        world.run("del ev:{0}");
        world.pass(-5_000); // the wall clock is stepped
        world.run("set d v");
        assert_eq!(entries(&mut world, "ev:{0}")[0].0, format!("{start}-3"));
        // After SWAPDB the events go on in what is database 0 now.
        world.run("swapdb 0 1");
        world.run("set e v");
        assert_eq!(entries(&mut world, "ev:{0}"), [(format!("{start}-4"), "set 0 e".into())]);
        world.run("swapdb 0 1");
        world.run("set f v");
        assert_eq!(entries(&mut world, "ev:{0}")[1], (format!("{start}-5"), "set 0 f".into()));
        world.pass(10_000);
        world.run("set g v");
        assert_eq!(entries(&mut world, "ev:{0}")[2].0, format!("{}-0", start + 5_000));
    }

    #[test]
    fn lists_have_one_element_for_each_event() {
        for shards in [1, 3] {
            let world = &mut World::new(shards);
            let shards = usize::from(shards);
            world.settings.recording = Recording::new(b"", b"q", ALL, true, 3, shards);
            let list = String::from_utf8_lossy(&world.settings.recording.lists[shard_of(b"a", shards)]).into_owned();
            world.run("set a v px 5");
            world.pass(6);
            world.run("get a");
            let now = world.now.ms;
            let elements = [
                format!(r#"{{"event":"set","db":0,"key":"a","time":{}}}"#, now - 6),
                format!(r#"{{"event":"expire","db":0,"key":"a","time":{}}}"#, now - 6),
                format!(
                    r#"{{"event":"expired","db":0,"key":"a","time":{now},"deadline":{},"lag":1,"value":"v"}}"#,
                    now - 1
                ),
            ];
            let shown = elements.iter().map(|element| format!("${} {element}", element.len()));
            let shown = format!("*3 {}", shown.collect::<Vec<_>>().join(" "));
            assert_eq!(world.run(&format!("lrange {list} 0 -1")), shown);
            world.effects();
            world.run("set a v px 5");
            assert_eq!(world.effect_lines().last(), Some(&format!("LPOP {list} 2")));
            assert_eq!(world.run(&format!("llen {list}")), ":3");
            assert_eq!(world.run(&format!("lpop {list}")), format!("${} {}", elements[2].len(), elements[2]));
        }
    }

    #[test]
    fn those_who_watch_and_wait_hear_of_it() {
        let mut world = recording(false, 0);
        let flag = Flag::default();
        world.shards[0].watchers.add(0, b"ev:{0}", &flag);
        world.run("set a v");
        assert!(flag.is_raised());
    }

    /// A consumer that moves elements of the list of events, while what it looks at makes events.
    #[test]
    fn a_replay_gives_the_same_though_the_command_works_on_the_list_itself() {
        let mut world = World::new(1);
        world.settings.recording = Recording::new(b"", b"q", ALL | class::NEW, false, 0, 1);
        world.settings.notify |= class::NEW;
        world.run("set a v");
        world.run("set taken v px 5");
        world.pass(6);
        world.run("lmove q:{0} taken right left");
        let mut copy = World::new(1);
        for effect in world.effects() {
            copy.db = effect.db as usize;
            copy.run_args(effect.args.view(), &mut curfew_protocol::Reply::default());
        }
        for key in ["q:{0}", "taken"] {
            let line = format!("lrange {key} 0 -1");
            assert_eq!(copy.run(&line), world.run(&line));
        }
    }
}
