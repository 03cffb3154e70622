//! A crash between a change and its event: there is none. With `notify-keyspace-stream` and `notify-keyspace-list` on, a change and
//! its entries are one record of the journal, so that whatever beginning of the journal is left, each change in it has its
//! entries, in order and once, and there is no entry without its change.
//!
//! A record is what one unit leaves behind, be it a command, a transaction, a script, a slice of expiries or an eviction. Two things are
//! compared at each record: the data, with that of the world that went on, and the streams and lists, with what subscribers
//! were told (which is collected apart from what is appended). The world itself crashes now and then: it loses some records,
//! and what is left goes on.
//!
//! The journal is in memory so far. `kill -9` of a process needs one on disk: that test comes with persistence. What a process adds to
//! this is that its journal holds whole records only, a torn one at the end being cut off.

use curfew_protocol::args::OwnedArgs;
use curfew_protocol::{Reply, Resp};
use curfew_shard::command::describe::describe;
use curfew_shard::event::durable::Recording;
use curfew_shard::shard::evictor::{Order, Policy};
use curfew_shard::slots::shard_of;
use curfew_shard::testing::{World, seeds};
use curfew_shard::unit::evict::{Evicted, evict_one};
use curfew_shard::{Effect, Event, Held, Moment, Unit, class, registry};
use std::collections::BTreeMap;

const SEEDS: u64 = 250;
const UNITS: usize = 60;
const CLASSES: u32 = class::ALL;

/// `$k` a key, `$h` a hash, `$l` a list, `$z` a sorted set, `$f` a field, `$v` a value, `$t` milliseconds.
const COMMANDS: &[&str] = &[
    "SET $k $v",
    "SET $k $v PX $t",
    "SET $k $v PX $t",
    "SET $k $v KEEPTTL",
    "SET $k $v NX PX $t",
    "GETEX $k PX $t",
    "GETEX $k PERSIST",
    "GETSET $k $v",
    "GETDEL $k",
    "GET $k",
    "APPEND $k x",
    "MSET $k $v $k $v",
    "PEXPIRE $k $t",
    "PEXPIRE $k $t GT",
    "PEXPIRE $k $t LT",
    "PEXPIRE $k 0",
    "PERSIST $k",
    "DEL $k $k",
    "UNLINK $h",
    "RENAME $k $k",
    "RENAME $h $h",
    "COPY $k $k REPLACE",
    "HSET $h $f $v $f $v",
    "HDEL $h $f",
    "HPEXPIRE $h $t FIELDS 2 a b",
    "HPEXPIRE $h $t FIELDS 2 a b",
    "HPERSIST $h FIELDS 1 a",
    "HGETEX $h PX $t FIELDS 1 $f",
    "HSETEX $h PX $t FIELDS 1 $f $v",
    "HGETALL $h",
    "PEXPIRE $h $t",
    "RPUSH $l $v $v",
    "LPOP $l 2",
    "LMOVE $l $l LEFT RIGHT",
    "PEXPIRE $l $t",
    "ZADD $z 1 $v 2 $f",
    "ZPOPMIN $z",
    "CURFEW.PEXPIREAT $a $k $k",
];

#[test]
fn no_crash_comes_between_a_change_and_its_event() {
    let mut seen = BTreeMap::<&str, usize>::new();
    for seed in seeds(SEEDS) {
        let mut life = Life::new(seed);
        for _ in 0..UNITS {
            life.unit();
        }
        life.check_every_beginning();
        for event in life.journal.iter().flat_map(|record| &record.told) {
            *seen.entry(event.name).or_default() += 1;
        }
        *seen.entry("a crash").or_default() += life.crashes;
        let units = life.journal.iter().filter(|record| record.told.len() > 4);
        *seen.entry("a unit of many events").or_default() += units.count();
    }
    for name in ["set", "expired", "hexpired", "evicted", "del", "rename_from", "a crash", "a unit of many events"] {
        assert!(seen.get(name).is_some_and(|count| *count >= 50), "the test says little without {name}: {seen:?}");
    }
}

/// What one unit has left behind.
struct Record {
    effects: Vec<Effect>,
    /// What subscribers were told.
    told: Vec<Event>,
    /// The data after it, without streams and lists of events.
    content: Content,
}

type Content = BTreeMap<(usize, Vec<u8>), Vec<OwnedArgs>>;

struct Life {
    seed: u64,
    random: u64,
    world: World,
    journal: Vec<Record>,
    crashes: usize,
}

impl Life {
    fn new(seed: u64) -> Life {
        let shards = 1 + (seed % 3) as u16;
        let mut world = World::new(shards);
        world.settings.notify = CLASSES | class::KEYSPACE | class::KEYEVENT;
        world.settings.recording = Recording::new(b"ev", b"q", CLASSES, seed.is_multiple_of(2), 0, shards.into());
        Life { seed, random: seed.wrapping_mul(0xD134_2543_DE82_EF95) + 1, world, journal: Vec::new(), crashes: 0 }
    }

    /// One unit, or time that passes, or a crash.
    fn unit(&mut self) {
        match self.below(24) {
            0..11 => self.run(1),
            // What MULTI and scripts are to the shards: several commands that see one moment.
            11..15 => {
                let commands = 2 + self.below(5);
                self.run(commands);
            }
            15..18 => {
                let ms = [3, 30, 300, 7_200_000][self.below(4)];
                let ms = self.below_i64(ms) - ms / 10;
                return self.world.pass(ms);
            }
            18..21 => {
                let (shard, steps) = (self.below(self.world.shards.len()), 1 + self.below(20) as u32);
                let world = &mut self.world;
                let held = Held::One(&mut world.shards[shard]);
                Unit::new(held, &mut world.sink, world.now, 0, &world.settings).expire_due(steps);
            }
            21..23 => self.evict(),
            _ => return self.crash(),
        }
        let effects = self.world.effects();
        let told = std::mem::take(&mut self.world.sink.events);
        if effects.is_empty() {
            assert!(told.is_empty(), "events of a unit that has changed nothing, seed {}", self.seed);
            return;
        }
        // What is past its deadline and has not gone yet is part of the data here: replay has it too.
        let content = content(&mut self.world);
        self.journal.push(Record { effects, told, content });
    }

    fn run(&mut self, commands: usize) {
        let lines: Vec<OwnedArgs> = (0..commands).map(|_| self.command()).collect();
        let world = &mut self.world;
        let held = Held::Many(world.shards.iter_mut().map(Some).collect());
        let mut unit = Unit::new(held, &mut world.sink, world.now, world.db, &world.settings);
        for line in &lines {
            let args = line.view();
            let name = String::from_utf8_lossy(args.at(0)).to_lowercase();
            let row = registry::rows().find(|row| row.spec.name == name).expect("a command");
            // Errors are part of life: they change nothing.
            let _ = (row.run)(&mut unit, args, &mut Reply::new(Resp::Two));
            unit.append_events();
        }
    }

    fn command(&mut self) -> OwnedArgs {
        let template = COMMANDS[self.below(COMMANDS.len())];
        let mut words: Vec<Vec<u8>> = Vec::new();
        for word in template.split(' ') {
            words.push(match word {
                "$k" => format!("k{}", self.below(8)).into(),
                "$h" => format!("h{}", self.below(3)).into(),
                "$l" => format!("l{}", self.below(2)).into(),
                "$z" => format!("z{}", self.below(2)).into(),
                "$f" => ["a", "b", "c"][self.below(3)].into(),
                "$v" => ["1", "value", "quotes \" and \\ and \r\n", "\u{e9}"][self.below(4)].into(),
                "$t" => (1 + self.below(60)).to_string().into(),
                "$a" => (self.world.now.ms + self.below_i64(60) - 3).to_string().into(),
                other => other.into(),
            });
        }
        OwnedArgs::from_slices(&words.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// Only keys with a deadline: streams and lists of events have none.
    fn evict(&mut self) {
        let shard = self.below(self.world.shards.len());
        let world = &mut self.world;
        let held = Held::One(&mut world.shards[shard]);
        let mut unit = Unit::new(held, &mut world.sink, world.now, 0, &world.settings);
        let policy = Policy { order: Order::Soonest, volatile: true };
        while evict_one(&mut unit, shard, policy, 5) == Evicted::Searching {}
    }

    /// The process ends, some records are lost with it, and the next one goes on with the others.
    fn crash(&mut self) {
        let lost = self.below(4).min(self.journal.len());
        self.journal.truncate(self.journal.len() - lost);
        let mut world = self.empty();
        for record in &self.journal {
            record.effects.iter().for_each(|effect| replay(&mut world, effect));
        }
        world.now = self.world.now;
        world.settings = self.world.settings.clone();
        self.world = world;
        self.crashes += 1;
    }

    /// Replays the journal, a record at a time: after each it is what a crash there would have left.
    fn check_every_beginning(&self) {
        let mut copy = self.empty();
        let shards = copy.shards.len();
        let (streams, lists) = (&self.world.settings.recording.streams, &self.world.settings.recording.lists);
        let mut expected: Vec<Vec<String>> = vec![Vec::new(); shards];
        for (at, record) in self.journal.iter().enumerate() {
            record.effects.iter().for_each(|effect| replay(&mut copy, effect));
            for event in &record.told {
                let key = String::from_utf8_lossy(&event.key);
                expected[shard_of(&event.key, shards)].push(format!("{} {} {key}", event.name, event.db));
            }
            let place = format!("seed {}, after record {at}: {:?}", self.seed, record.effects);
            assert_eq!(content(&mut copy), record.content, "the data, {place}");
            for shard in 0..shards {
                assert_eq!(entries(&mut copy, &streams[shard]), expected[shard], "the stream, {place}");
                assert_eq!(elements(&mut copy, &lists[shard]), expected[shard], "the list, {place}");
            }
            // And the other way round: a key whose data differs from that of the record before has been told of.
            let before = at.checked_sub(1).map(|before| &self.journal[before].content);
            let empty = Content::new();
            let before = before.unwrap_or(&empty);
            for (_, key) in before.keys().chain(record.content.keys()) {
                let is_changed = before.get(&(0, key.clone())) != record.content.get(&(0, key.clone()));
                let is_told = record.told.iter().any(|event| *event.key == **key);
                assert!(!is_changed || is_told, "nobody was told of {}, {place}", String::from_utf8_lossy(key));
            }
        }
    }

    fn empty(&self) -> World {
        let mut world = World::new(self.world.shards.len() as u16);
        // Deadlines in the journal are absolute, and expiry is in it: no time passes while it is done again.
        world.now = Moment::from_millis(0);
        world
    }

    fn below_i64(&mut self, bound: i64) -> i64 {
        self.below(bound as usize) as i64
    }

    /// A random number below `bound` (SplitMix64).
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % bound as u64) as usize
    }
}

fn replay(copy: &mut World, effect: &Effect) {
    copy.db = effect.db as usize;
    let mut out = Reply::new(Resp::Two);
    copy.run_args(effect.args.view(), &mut out);
    assert!(!out.as_bytes().starts_with(b"-"), "{effect:?}: {}", String::from_utf8_lossy(out.as_bytes()));
    copy.effects();
    copy.events();
}

/// All keys but those of events, each as the commands that make it. At the beginning of time: nothing is past its deadline.
fn content(world: &mut World) -> Content {
    let mut keys = Vec::new();
    for shard in &world.shards {
        for (db, keyspace) in shard.databases().iter().enumerate() {
            keys.extend(keyspace.iter().map(|entry| (db, entry.key().to_vec())));
        }
    }
    keys.retain(|(_, key)| !key.starts_with(b"ev:") && !key.starts_with(b"q:"));
    let held = Held::Many(world.shards.iter_mut().map(Some).collect());
    let mut unit = Unit::new(held, &mut world.sink, Moment::from_millis(0), 0, &world.settings);
    keys.into_iter().map(|(db, key)| ((db, key.clone()), describe(&mut unit, db, &key))).collect()
}

/// The entries of a stream of events as `event db key`; their ids rise.
fn entries(world: &mut World, stream: &[u8]) -> Vec<String> {
    let reply = reply(world, &[b"XRANGE", stream, b"-", b"+"]);
    let mut found = Vec::new();
    let mut last = (0, 0);
    for entry in reply.split("\0event\0").skip(1) {
        let words: Vec<&str> = entry.split('\0').collect();
        let ["db", db, "key", key] = words[1..5] else { panic!("{words:?}") };
        found.push(format!("{} {db} {key}", words[0]));
    }
    let ids: Vec<&str> = reply.split('\0').filter_map(|word| word.strip_prefix("id ")).collect();
    assert_eq!(ids.len(), found.len());
    for id in ids {
        let (ms, sequence) = id.split_once('-').expect("an id");
        let id: (u64, u64) = (ms.parse().expect("milliseconds"), sequence.parse().expect("a number"));
        assert!(id > last, "ids go back");
        last = id;
    }
    found
}

/// The elements of a list of events, likewise.
fn elements(world: &mut World, list: &[u8]) -> Vec<String> {
    let reply = reply(world, &[b"LRANGE", list, b"0", b"-1"]);
    let part = |text: &str, from: &str, to: &str| {
        let start = text.find(from).expect("a member of the object") + from.len();
        text[start..start + text[start..].find(to).expect("its end")].to_owned()
    };
    // A list of two looks like an entry.
    let words = reply.split('\0').map(|word| word.strip_prefix("id ").unwrap_or(word));
    let elements = words.filter(|word| word.starts_with("{\"event\":"));
    elements
        .map(|text| {
            let (event, db) = (part(text, "\"event\":\"", "\""), part(text, "\"db\":", ","));
            format!("{event} {db} {}", part(text, "\"key\":\"", "\""))
        })
        .collect()
}

/// The bulk strings of a reply, each between zeros, and ids of entries marked as such.
fn reply(world: &mut World, words: &[&[u8]]) -> String {
    let mut out = Reply::new(Resp::Two);
    world.db = 0;
    world.run_args(OwnedArgs::from_slices(words).view(), &mut out);
    let mut rest = out.as_bytes();
    let mut text = String::from("\0");
    let mut is_entry = false;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (kind, count) = (rest[0], String::from_utf8_lossy(&rest[1..end - 1]).into_owned());
        rest = &rest[end + 1..];
        match kind {
            b'*' => is_entry = count == "2",
            b'$' => {
                let length: usize = count.parse().expect("a length");
                if std::mem::take(&mut is_entry) {
                    text.push_str("id ");
                }
                text.push_str(&String::from_utf8_lossy(&rest[..length]));
                text.push('\0');
                rest = &rest[length + 2..];
            }
            _ => panic!("{}", String::from_utf8_lossy(out.as_bytes())),
        }
    }
    text
}
