//! Hashes whose fields have deadlines under a made-up clock, against plain maps: many fields share a deadline, they are gone
//! for everybody at once, and they are freed in slices while all kinds of commands look at what is left.
//!
//! Each seed is one life, as in `simulation.rs`: commands, time that passes, wheels that run a few steps, a wall clock that is
//! set, and crashes. Checked at every step: the reply, and that `hexpired` comes exactly once for what is due at a time, by the
//! first command that looks at the key or by the wheel, with `del` behind it if nothing is left.

use curfew_protocol::{Reply, Resp};
use curfew_shard::slots::shard_of;
use curfew_shard::testing::{World, seeds};
use curfew_shard::value::Collection;
use curfew_shard::value::hash::{Hash, HashRef};
use curfew_shard::{Effect, Garbage, Held, Moment, Unit};
use std::collections::BTreeMap;

const SEEDS: u64 = 60;
const STEPS: usize = 700;
const KEYS: usize = 4;
const FIELDS: usize = 300;

/// Fields with values and deadlines.
type Fields = BTreeMap<String, (String, Option<i64>)>;

#[test]
fn a_life_of_fields_with_deadlines_is_that_of_plain_maps() {
    let (mut expired, mut half_swept) = ([0; 2], 0);
    for seed in seeds(SEEDS) {
        let mut life = Life::new(seed);
        for _ in 0..STEPS {
            life.step();
        }
        life.end();
        expired.iter_mut().zip(life.expired).for_each(|(sum, count)| *sum += count);
        half_swept += life.half_swept;
    }
    // The test is about these: without them it would say nothing.
    assert!(expired.iter().all(|count| *count > 300), "by a lookup, by the wheel: {expired:?}");
    assert!(
        half_swept > 1_000,
        "commands that looked at a hash with fields that were gone but not freed: {half_swept}"
    );
}

struct Life {
    seed: u64,
    random: u64,
    world: World,
    model: BTreeMap<String, Fields>,
    /// `hexpired` events by lookups and by the wheel.
    expired: [usize; 2],
    half_swept: usize,
    journal: Vec<Effect>,
}

impl Life {
    fn new(seed: u64) -> Life {
        let random = seed.wrapping_mul(0xD134_2543_DE82_EF95) + 1;
        let (expired, model) = ([0; 2], BTreeMap::new());
        Life { seed, random, world: world(1 + (seed % 3) as u16), model, expired, half_swept: 0, journal: Vec::new() }
    }

    fn step(&mut self) {
        match self.below(24) {
            0..3 => self.set(),
            3 => self.set_with_deadline(),
            4..7 => self.give_deadline(),
            7 => self.persist(),
            8 => self.delete(),
            9 => self.count_up(),
            10..15 => self.read(),
            15 => self.move_or_copy(),
            16 => self.dump(),
            17..21 => {
                let longest = [2, 20, 200][self.below(3)];
                let ms = self.below(longest) as i64;
                self.world.pass(ms);
            }
            21 | 22 => self.turn_a_wheel(),
            _ => match self.below(6) {
                0 => self.crash(),
                1 => {
                    let ms = self.below(500) as i64;
                    self.world.pass(-ms);
                }
                2 => {
                    self.world.expire();
                    self.removal_events();
                    assert!(self.model.keys().all(|key| !self.has_due(key)), "the wheels ran, seed {}", self.seed);
                }
                _ => {}
            },
        }
    }

    fn end(&mut self) {
        self.world.pass(100_000_000);
        // Each millisecond has its slice.
        for _ in 0..FIELDS {
            self.turn_all(20);
            self.world.pass(1);
        }
        assert!(self.model.keys().all(|key| !self.has_due(key)));
        for key in self.model.keys().cloned().collect::<Vec<_>>() {
            assert_eq!(self.gone(&key), 0, "{key} is swept, seed {}", self.seed);
            self.check_all(&key);
        }
        let timed: usize = self.world.shards.iter().map(|shard| shard.db(0).fields_timed()).sum();
        assert_eq!(timed, 0, "seed {}", self.seed);
    }

    // ---- commands ------------------------------------------------------------------------------------------------------

    fn set(&mut self) {
        let (key, fields) = (self.key(), self.fields());
        let expected = self.look(&key);
        let hash = self.model.entry(key.clone()).or_default();
        let before = hash.len();
        let mut line = format!("HSET {key}");
        for field in fields {
            line += &format!(" {field} v{field}");
            hash.insert(field.clone(), (format!("v{field}"), None));
        }
        let reply = format!(":{}", hash.len() - before);
        self.run(&line, &reply, &expected);
    }

    fn set_with_deadline(&mut self) {
        let (key, fields, ms) = (self.key(), self.fields(), 1 + self.below(60) as i64);
        let (keep, at) = (self.below(2) == 0, self.now() + ms);
        let expected = self.look(&key);
        let how = if keep { "KEEPTTL".into() } else { format!("PX {ms}") };
        let mut line = format!("HSETEX {key} {how} FIELDS {}", fields.len());
        let hash = self.model.entry(key).or_default();
        for field in fields {
            line += &format!(" {field} w{field}");
            let deadline = if keep { hash.get(&field).and_then(|(_, at)| *at) } else { Some(at) };
            hash.insert(field.clone(), (format!("w{field}"), deadline));
        }
        self.run(&line, ":1", &expected);
    }

    /// Some fields or nearly all of them.
    fn give_deadline(&mut self) {
        let (key, fields, ms) = (self.key(), self.fields(), self.below(60) as i64);
        let expected = self.look(&key);
        let (now, mut codes) = (self.now(), String::new());
        let mut hash = self.model.remove(&key).unwrap_or_default();
        for field in &fields {
            let there = hash.contains_key(field);
            codes += match there {
                false => " :-2",
                true if ms == 0 => " :2",
                true => " :1",
            };
            if ms == 0 {
                hash.remove(field);
            } else if let Some(entry) = hash.get_mut(field) {
                entry.1 = Some(now + ms);
            }
        }
        if !hash.is_empty() {
            self.model.insert(key.clone(), hash);
        }
        let (count, names) = (fields.len(), fields.join(" "));
        let line = format!("HPEXPIRE {key} {ms} FIELDS {count} {names}");
        self.run(&line, &format!("*{count}{codes}"), &expected);
    }

    fn persist(&mut self) {
        let (key, field) = (self.key(), self.field());
        let expected = self.look(&key);
        let code = match self.model.get_mut(&key).and_then(|hash| hash.get_mut(&field)) {
            None => -2,
            Some((_, None)) => -1,
            Some((_, deadline)) => {
                *deadline = None;
                1
            }
        };
        self.run(&format!("HPERSIST {key} FIELDS 1 {field}"), &format!("*1 :{code}"), &expected);
    }

    fn delete(&mut self) {
        let (key, fields) = (self.key(), self.fields());
        let expected = self.look(&key);
        let mut hash = self.model.remove(&key).unwrap_or_default();
        let count = fields.iter().filter(|field| hash.remove(*field).is_some()).count();
        if !hash.is_empty() {
            self.model.insert(key.clone(), hash);
        }
        self.run(&format!("HDEL {key} {}", fields.join(" ")), &format!(":{count}"), &expected);
    }

    fn count_up(&mut self) {
        let (key, field) = (self.key(), format!("n{}", self.below(3)));
        let expected = self.look(&key);
        if self.below(2) == 0 {
            let entry = self.model.entry(key.clone()).or_default().entry(field.clone()).or_insert(("0".into(), None));
            let number: i64 = entry.0.parse().expect("a number");
            entry.0 = (number + 1).to_string();
            let reply = format!(":{}", number + 1);
            self.run(&format!("HINCRBY {key} {field} 1"), &reply, &expected);
        } else {
            let hash = self.model.entry(key.clone()).or_default();
            let is_new = !hash.contains_key(&field);
            hash.entry(field.clone()).or_insert(("7".into(), None));
            self.run(&format!("HSETNX {key} {field} 7"), &format!(":{}", i32::from(is_new)), &expected);
        }
    }

    fn read(&mut self) {
        let (key, field) = (self.key(), self.field());
        let what = self.below(14);
        if what == 6 {
            self.list_keys();
        }
        let expected = self.look(&key);
        let hash = self.model.get(&key).cloned().unwrap_or_default();
        self.half_swept += usize::from(self.gone(&key) > 0);
        let entry = hash.get(&field);
        match what {
            0 => self.run(&format!("HLEN {key}"), &format!(":{}", hash.len()), &expected),
            1 => self.run(&format!("HGET {key} {field}"), &entry.map_or("$-1".into(), |(v, _)| bulk(v)), &expected),
            2 => {
                let reply = format!(":{}", i32::from(entry.is_some()));
                self.run(&format!("HEXISTS {key} {field}"), &reply, &expected);
            }
            3 => {
                let reply = format!(":{}", entry.map_or(0, |(value, _)| value.len()));
                self.run(&format!("HSTRLEN {key} {field}"), &reply, &expected);
            }
            4 => {
                let reply = entry.map_or(-2, |(_, at)| at.unwrap_or(-1));
                self.run(&format!("HPEXPIRETIME {key} FIELDS 1 {field}"), &format!("*1 :{reply}"), &expected);
            }
            5 => {
                let exists = format!(":{}", i32::from(!hash.is_empty()));
                self.run(&format!("EXISTS {key}"), &exists, &expected);
                let kind = if hash.is_empty() { "+none" } else { "+hash" };
                self.run(&format!("TYPE {key}"), kind, &[]);
            }
            7 => {
                self.run(&format!("EXISTS {key}"), &format!(":{}", i32::from(!hash.is_empty())), &expected);
                let number = key.trim_start_matches('h').to_owned();
                self.world.run("DEL ids");
                self.world.run(&format!("RPUSH ids {number}"));
                self.events(&[]);
                let value = entry.map_or("$-1".into(), |(value, _)| bulk(value));
                // Patterns reach for keys of other shards, so this is not for several of them.
                if self.world.shards.len() == 1 {
                    self.run(&format!("SORT ids BY nosort GET h*->{field}"), &format!("*1 {value}"), &[]);
                }
                self.world.run("DEL ids");
                self.events(&[]);
            }
            8 => {
                let (wanted, times) = (1 + self.below(FIELDS), 1 + self.below(40));
                let found = self.words(&format!("HRANDFIELD {key} {wanted}"));
                self.events(&expected);
                let distinct: std::collections::BTreeSet<_> = found.iter().collect();
                assert_eq!((found.len(), distinct.len()), (wanted.min(hash.len()), found.len()), "seed {}", self.seed);
                let repeated = self.words(&format!("HRANDFIELD {key} -{times}"));
                assert_eq!(repeated.len(), if hash.is_empty() { 0 } else { times });
                let one = self.words(&format!("HRANDFIELD {key}"));
                assert!(found.iter().chain(&repeated).chain(&one).all(|field| hash.contains_key(field)));
                self.events(&[]);
            }
            9 => {
                let (mut cursor, mut found) = ("0".to_owned(), Vec::new());
                loop {
                    let mut words = self.words(&format!("HSCAN {key} {cursor} COUNT 20 NOVALUES")).into_iter();
                    cursor = words.next().expect("a cursor");
                    found.extend(words);
                    if cursor == "0" {
                        break;
                    }
                }
                self.events(&expected);
                found.sort();
                assert!(found.iter().eq(hash.keys()), "seed {}", self.seed);
            }
            _ => {
                self.run(&format!("HLEN {key}"), &format!(":{}", hash.len()), &expected);
                self.check_all(&key);
            }
        }
    }

    /// KEYS passes over a key that nothing is left of, and SCAN removes it.
    fn list_keys(&mut self) {
        let keys = self.model.values().filter(|hash| self.is_there(hash)).count();
        for line in ["KEYS *", "SCAN 0 COUNT 1000"] {
            let found = self.words(line).iter().filter(|word| word.starts_with('h')).count();
            assert_eq!(found, keys, "{line}, seed {}", self.seed);
        }
        self.removal_events();
        assert_eq!(self.model.len(), keys, "seed {}", self.seed);
    }

    /// What HGETALL, HKEYS, HVALS and HPEXPIRETIME say of a key that was looked at.
    fn check_all(&mut self, key: &str) {
        let hash = self.model.get(key).cloned().unwrap_or_default();
        let all = self.words(&format!("HGETALL {key}"));
        let mut pairs: Vec<_> = all.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        pairs.sort();
        assert!(
            pairs.iter().map(|(f, v)| (f, v)).eq(hash.iter().map(|(f, (v, _))| (f, v))),
            "{key}, seed {}",
            self.seed
        );
        let mut fields = self.words(&format!("HKEYS {key}"));
        fields.sort();
        assert!(fields.iter().eq(hash.keys()));
        assert_eq!(self.words(&format!("HVALS {key}")).len(), hash.len());
        for (field, (_, at)) in &hash {
            let line = format!("HPEXPIRETIME {key} FIELDS 1 {field}");
            assert_eq!(self.world.run(&line), format!("*1 :{}", at.unwrap_or(-1)), "{line}, seed {}", self.seed);
        }
        self.events(&[]);
    }

    fn move_or_copy(&mut self) {
        let (from, to) = (self.key(), self.key());
        for key in [&from, &to] {
            let expected = self.look(key);
            let reply = format!(":{}", i32::from(self.model.contains_key(key)));
            self.run(&format!("EXISTS {key}"), &reply, &expected);
        }
        let Some(hash) = self.model.get(&from).cloned().filter(|_| from != to) else { return };
        if self.below(2) == 0 {
            self.run(&format!("COPY {from} {to} REPLACE"), ":1", &[]);
        } else {
            self.run(&format!("RENAME {from} {to}"), "+OK", &[]);
            self.model.remove(&from);
        }
        self.model.insert(to, hash);
    }

    fn dump(&mut self) {
        let key = self.key();
        let expected = self.look(&key);
        let payload = self.bytes(&[b"DUMP", key.as_bytes()]);
        self.events(&expected);
        let Some(hash) = self.model.get(&key).cloned() else { return assert!(payload.starts_with(b"$-1")) };
        let start = payload.iter().position(|byte| *byte == b'\n').expect("a header") + 1;
        let other = format!("h{}", KEYS);
        let payload = &payload[start..payload.len() - 2];
        let reply = self.bytes(&[b"RESTORE", other.as_bytes(), b"0", payload]);
        assert_eq!(reply, b"+OK\r\n", "seed {}", self.seed);
        self.model.insert(other.clone(), hash);
        self.events(&[]);
        self.check_all(&other);
        self.model.remove(&other);
        self.run(&format!("DEL {other}"), ":1", &[]);
    }

    // ---- time ----------------------------------------------------------------------------------------------------------

    fn turn_a_wheel(&mut self) {
        let steps = 1 + self.below(5) as u32;
        self.turn_all(steps);
    }

    fn turn_all(&mut self, steps: u32) {
        let before: Vec<(String, usize)> = self.model.keys().map(|key| (key.clone(), self.gone(key))).collect();
        let world = &mut self.world;
        for shard in &mut world.shards {
            Unit::new(Held::One(shard), &mut world.sink, world.now, 0, &world.settings).expire_due(steps);
        }
        // Whatever is due, a slice frees no more than its steps allow.
        // (A hash that nothing is left of goes as a whole: the wheel has taken it.)
        let shards = &self.world.shards;
        let is_left = |key: &str| shards.iter().any(|shard| shard.db(0).iter().any(|e| e.key() == key.as_bytes()));
        let freed: usize = before
            .iter()
            .filter(|(key, _)| is_left(key))
            .map(|(key, before)| before.saturating_sub(self.gone(key)))
            .sum();
        assert!(freed <= self.world.shards.len() * (steps as usize + 1), "{freed} fields in {steps} steps");
        self.removal_events();
    }

    /// As in `simulation.rs`.
    fn crash(&mut self) {
        self.journal.extend(self.world.effects());
        let now = self.world.now;
        let mut world = world(1 + self.below(3) as u16);
        world.now = Moment::from_millis(0);
        for effect in &self.journal {
            world.run_args(effect.args.view(), &mut Reply::new(Resp::Two));
        }
        world.effects();
        world.events();
        world.now = now;
        self.world = world;
        // What is due and was announced is not in the journal any more; what was not is still to be announced.
        let keys: Vec<String> = self.model.keys().cloned().collect();
        for key in keys {
            let expected = self.look(&key);
            let reply = self.model.get(&key).map_or(0, |hash| hash.len());
            self.run(&format!("HLEN {key}"), &format!(":{reply}"), &expected);
            self.check_all(&key);
        }
    }

    // ---- below ---------------------------------------------------------------------------------------------------------

    fn run(&mut self, line: &str, reply: &str, expected: &[String]) {
        assert_eq!(self.world.run(line), reply, "{line}, seed {}", self.seed);
        self.events(expected);
    }

    /// The events of a command begin with these, and there are no others of fields that expire.
    fn events(&mut self, expected: &[String]) {
        let events = self.world.events();
        assert_eq!(events.get(..expected.len()), Some(expected), "{events:?}, seed {}", self.seed);
        let others = &events[expected.len()..];
        assert!(others.iter().all(|event| !event.starts_with("hexpired")), "{events:?}, seed {}", self.seed);
    }

    fn removal_events(&mut self) {
        let events = self.world.events();
        let mut left = &events[..];
        while let Some(event) = left.first() {
            let key = event.strip_prefix("hexpired ").expect("no other events").to_owned();
            let expected = self.look(&key);
            assert!(!expected.is_empty(), "{event}: not the first time, seed {}", self.seed);
            assert!(left.starts_with(&expected), "{left:?}, seed {}", self.seed);
            left = &left[expected.len()..];
            self.expired[0] -= 1;
            self.expired[1] += 1;
        }
    }

    /// What is due of a key goes in the model: the events that whoever looks at the key makes.
    fn look(&mut self, key: &str) -> Vec<String> {
        if !self.has_due(key) {
            return Vec::new();
        }
        let now = self.now();
        let Some(hash) = self.model.get_mut(key) else { return Vec::new() };
        hash.retain(|_, (_, at)| at.is_none_or(|at| at >= now));
        let mut events = vec![format!("hexpired {key}")];
        if hash.is_empty() {
            self.model.remove(key);
            events.push(format!("del {key}"));
        }
        self.expired[0] += 1;
        events
    }

    fn has_due(&self, key: &str) -> bool {
        let now = self.now();
        self.model.get(key).is_some_and(|hash| hash.values().any(|(_, at)| at.is_some_and(|at| at < now)))
    }

    fn is_there(&self, hash: &Fields) -> bool {
        let now = self.now();
        hash.values().any(|(_, at)| at.is_none_or(|at| at >= now))
    }

    /// How many fields of a key are gone but not freed.
    fn gone(&self, key: &str) -> usize {
        let space = self.world.shards[shard_of(key.as_bytes(), self.world.shards.len())].db(0);
        gone(space, key.as_bytes())
    }

    fn words(&mut self, line: &str) -> Vec<String> {
        let text = self.world.run(line);
        text.split(' ').filter(|word| !word.starts_with(['$', '*', ':'])).map(str::to_owned).collect()
    }

    fn bytes(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let args = curfew_protocol::args::OwnedArgs::from_slices(words);
        let mut out = Reply::new(Resp::Two);
        self.world.run_args(args.view(), &mut out);
        out.as_bytes().to_vec()
    }

    fn now(&self) -> i64 {
        self.world.now.ms
    }

    fn key(&mut self) -> String {
        format!("h{}", self.below(KEYS))
    }

    fn field(&mut self) -> String {
        format!("f{}", self.below(FIELDS))
    }

    /// A run of fields: few, or most of them.
    fn fields(&mut self) -> Vec<String> {
        let most = [3, 20, FIELDS][self.below(3)];
        let (first, count) = (self.below(FIELDS), 1 + self.below(most));
        (0..count).map(|at| format!("f{}", (first + at) % FIELDS)).collect()
    }

    /// A random number below `bound` (SplitMix64).
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % bound as u64) as usize
    }
}

/// Hashes of more than ten fields are tables.
fn world(shards: u16) -> World {
    let mut world = World::new(shards);
    world.settings.limits.hash_entries = 10;
    world
}

fn gone(space: &curfew_shard::keyspace::Keyspace, key: &[u8]) -> usize {
    let entry = space.get(space.hasher().hash(key), key);
    match entry.and_then(|entry| entry.view::<Hash>()) {
        Some(HashRef::Table(table)) => table.gone(),
        _ => 0,
    }
}

fn bulk(value: &str) -> String {
    format!("${} {value}", value.len())
}

/// One million fields of one deadline.
fn large(without: usize) -> World {
    const COUNT: usize = 1_000_000;
    let mut world = World::new(1);
    world.sink.journal = false;
    let at = (world.now.ms + 1_000).to_string();
    let names: Vec<String> = (0..COUNT).map(|number| format!("f{number}")).collect();
    for group in names.chunks(1_000) {
        let count = group.len().to_string();
        let mut words: Vec<&[u8]> = vec![b"HSETEX", b"h", b"PXAT", at.as_bytes(), b"FIELDS", count.as_bytes()];
        group.iter().for_each(|name| words.extend([name.as_bytes(), b"value"]));
        world.run_words(&words);
    }
    for number in 0..without {
        world.run(&format!("HSET h stays{number} v"));
    }
    world.events();
    world
}

#[test]
fn a_million_fields_of_one_deadline_go_as_one_and_are_freed_in_slices() {
    let mut world = large(3);
    let full = world.run("MEMORY USAGE h");
    world.pass(1_001);
    // Before anybody has looked, and after.
    assert_eq!(world.run("HLEN h"), ":3");
    assert_eq!(world.events(), ["hexpired h"]);
    assert_eq!(world.shards[0].stats.expired_fields, 1_000_000);
    let memory = |text: &str| -> u64 { text.trim_start_matches(':').parse().expect("a number") };
    assert!(memory(&world.run("MEMORY USAGE h")) > memory(&full) / 10 * 9, "a lookup does not free them all");
    let (mut slices, mut left) = (0, gone(world.shards[0].db(0), b"h"));
    assert!(left > 900_000);
    while left > 0 {
        world.pass(1);
        let world = &mut world;
        let held = Held::One(&mut world.shards[0]);
        Unit::new(held, &mut world.sink, world.now, 0, &world.settings).expire_due(512);
        let now = gone(world.shards[0].db(0), b"h");
        assert!(now < left && left - now <= 512, "{} fields in one slice", left - now);
        (slices, left) = (slices + 1, now);
        if slices % 500 == 0 {
            assert_eq!(world.run("HLEN h"), ":3");
            assert_eq!(world.run("HEXISTS h f999999"), ":0");
        }
    }
    assert!(slices >= 1_950, "{slices} slices");
    assert_eq!(world.events(), Vec::<String>::new(), "announced once");
    assert!(memory(&world.run("MEMORY USAGE h")) < memory(&full) / 1_000, "{}", world.run("MEMORY USAGE h"));
    assert_eq!((world.shards[0].db(0).fields_timed(), world.shards[0].next_wakeup()), (0, None));
}

#[test]
fn a_million_fields_of_which_none_stays_are_freed_elsewhere() {
    for by_lookup in [false, true] {
        let mut world = large(0);
        world.pass(1_001);
        if by_lookup {
            assert_eq!(world.run("HLEN h"), ":0");
        } else {
            assert!(
                !Unit::new(Held::One(&mut world.shards[0]), &mut world.sink, world.now, 0, &world.settings)
                    .expire_due(512)
            );
        }
        assert_eq!(world.events(), ["hexpired h", "del h"]);
        let [Garbage::Object(object)] = &world.sink.garbage[..] else { panic!("the hash is to be freed by others") };
        assert!(object.heap_bytes() > 1_000_000);
        assert_eq!((world.run("DBSIZE"), world.shards[0].next_wakeup()), (":0".into(), None));
        world.sink.garbage.clear();
    }
}

/// Keys that come due while the fields are freed do not wait for the end of that.
#[test]
fn other_deadlines_are_not_late_while_fields_are_freed() {
    let mut world = large(1);
    for ms in 1_010..1_060 {
        world.run(&format!("SET k{ms} v PX {ms}"));
    }
    world.events();
    world.pass(1_001);
    world.expire();
    assert_eq!(world.events(), ["hexpired h"]);
    while world.now.ms % 1_000 < 61 {
        world.pass(1);
        let world = &mut world;
        let held = Held::One(&mut world.shards[0]);
        Unit::new(held, &mut world.sink, world.now, 0, &world.settings).expire_due(512);
        let due = world.now.ms % 1_000 - 1;
        let expected = if (10..60).contains(&due) { vec![format!("expired k{}", 1_000 + due)] } else { Vec::new() };
        assert_eq!(world.events(), expected);
    }
    assert!(gone(world.shards[0].db(0), b"h") > 100_000, "still under way");
}

/// What a hash is described as leaves nothing out and brings nothing back: for RESTORE, COPY and the journal.
#[test]
fn a_description_of_a_hash_half_freed_is_that_of_what_is_there() {
    let mut hash = Hash::default();
    let limits = curfew_shard::Settings::default().limits;
    let names: Vec<String> = (0..5_000).map(|number| format!("f{number}")).collect();
    hash.set_all(names.iter().map(|name| (name.as_bytes(), b"v".as_slice())), false, &limits);
    names[..4_000].iter().for_each(|name| assert!(hash.set_deadline(name.as_bytes(), Some(5))));
    names[4_000..4_010].iter().for_each(|name| assert!(hash.set_deadline(name.as_bytes(), Some(9))));
    assert_eq!((hash.expire(6, None), hash.sweep(100)), (4_000, 100));
    let mut commands = Vec::new();
    Hash::describe(hash.view(), b"k", &mut commands);
    let mut copy = World::new(1);
    copy.now = Moment::from_millis(0);
    commands.iter().for_each(|command| copy.run_args(command.view(), &mut Reply::default()));
    assert_eq!(copy.run("HLEN k"), ":1000");
    assert_eq!(copy.run("HPEXPIRETIME k FIELDS 3 f3999 f4000 f4010"), "*3 :-2 :9 :-1");
}
