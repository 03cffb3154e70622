//! Keys with deadlines over several shards under a made-up clock, against a plain map.
//!
//! Each seed is one life of some shards: random commands that make deadlines of keys and of fields and move them earlier and later,
//! under all conditions that there are; time that passes, wheels that run now and then, a wall clock that is stepped by up to two
//! hours in either direction, and crashes: the journal, or what was written of it before some earlier moment, is replayed into
//! empty shards. Checked at every step: the reply, the other events in order, and of `expired` and `hexpired` events that each comes exactly once, by the wheel or by the
//! first command that looks at the key, and never before the clock is past the deadline.

use curfew_protocol::{Reply, Resp};
use curfew_shard::testing::{World, seeds};
use curfew_shard::{Effect, Held, Moment, Unit};
use std::collections::BTreeMap;

const SEEDS: u64 = 200;
const STEPS: usize = 2_000;

/// Deadlines are up to so many milliseconds away: most are met within a life, some only by a step of the clock or at the end.
const FAR: [usize; 6] = [40, 2_000, 2_000, 60_000, 4_000_000, 10_000_000];

#[test]
fn a_life_of_keys_with_deadlines_is_that_of_a_plain_map() {
    let (mut expired, mut fields, mut happened, mut bursts) = ([0; 3], [0; 3], [0; 4], 0);
    for seed in seeds(SEEDS) {
        let mut life = Life::new(seed);
        for _ in 0..STEPS {
            life.step();
        }
        life.end();
        expired.iter_mut().zip(life.expired).for_each(|(sum, count)| *sum += count);
        fields.iter_mut().zip(life.expired_fields).for_each(|(sum, count)| *sum += count);
        happened.iter_mut().zip(life.happened).for_each(|(sum, count)| *sum += count);
        bursts += life.bursts;
    }
    assert!(bursts > 20, "{bursts} bursts");
    assert!(happened.iter().all(|count| *count > 100), "steps forwards, steps back, crashes, with loss: {happened:?}");
    // The test is about these: without them it would say nothing.
    assert!(expired.iter().all(|count| *count > 100), "lazily, by the wheel, at the end: {expired:?}");
    assert!(fields.iter().all(|count| *count > 100), "likewise: {fields:?}");
}

/// Bursts in some databases: the keys of others, and those with later deadlines in the same, go in the slice after
/// their deadline, although there are many slices' worth before them.
#[test]
fn a_burst_makes_no_other_key_late() {
    const BURST: usize = 20_000;
    const SINGLES: usize = 40;
    let mut world = World::new(1);
    let start = world.now.ms;
    for db in [0, 2, 5] {
        world.db = db;
        for key in 0..BURST {
            world.run(&format!("SET burst:{db}:{key} v PXAT {}", start + 10));
        }
    }
    for db in 0..7 {
        world.db = db;
        for key in 1..=SINGLES {
            world.run(&format!("SET single:{db}:{key} v PXAT {}", start + 10 + key as i64));
        }
    }
    world.pass(11);
    world.events();
    let (mut from_bursts, mut order) = (0, BTreeMap::new());
    for slice in 0..SINGLES {
        let shard = &mut world.shards[0];
        let turn = shard.expiry_turn;
        let mut unit = Unit::new(Held::One(shard), &mut world.sink, world.now, turn, &world.settings);
        assert!(unit.expire_due(512), "there is more");
        let mut singles = Vec::new();
        for event in world.events() {
            match event.strip_prefix("expired burst:").and_then(|key| key.split_once(':')) {
                Some((db, key)) => {
                    let (of, key): (usize, usize) = (db.parse().unwrap_or(0), key.parse().unwrap_or(0));
                    assert!(order.insert(of, key).is_none_or(|before| before < key), "not in the order of arming");
                    from_bursts += 1;
                }
                None => singles.push(event),
            }
        }
        singles.sort_unstable();
        let due = |db| format!("expired single:{db}:{slice}");
        assert_eq!(singles, (0..7).filter(|_| slice > 0).map(due).collect::<Vec<_>>());
        world.pass(1);
    }
    assert!(from_bursts > 40 * 480, "{from_bursts} of the bursts");
    world.expire();
    assert_eq!(world.shards[0].next_wakeup(), None);
}

/// Where `expired` events came from.
#[derive(Copy, Clone, PartialEq)]
enum From {
    Lookup,
    Wheel,
    End,
}

/// What a key holds.
#[derive(Clone)]
enum Value {
    Str(String),
    /// Values and deadlines of fields.
    Hash(Fields),
}

/// The fields of a hash: values and deadlines.
type Fields = BTreeMap<String, (String, Option<i64>)>;
/// The value and the deadline of every key whose end has not been announced.
type Model = BTreeMap<String, (Value, Option<i64>)>;

struct Life {
    seed: u64,
    random: u64,
    world: World,
    model: Model,
    expired: [usize; 3],
    /// Times that fields went.
    expired_fields: [usize; 3],
    /// Steps of the clock forwards, back, crashes, and crashes that lost the end of the journal.
    happened: [usize; 4],
    bursts: usize,
    /// All effects since the start of this life.
    journal: Vec<Effect>,
    /// Some earlier moments: the length of the journal, and the model.
    past: Vec<(usize, Model)>,
}

/// When a deadline is to be given.
#[derive(Clone, Copy)]
struct Condition(&'static str);

impl Condition {
    fn allows(self, before: Option<i64>, after: i64) -> bool {
        self.0.split_whitespace().all(|word| match word {
            "NX" => before.is_none(),
            "XX" => before.is_some(),
            "GT" => before.is_some_and(|before| after > before),
            "LT" => before.is_none_or(|before| after < before),
            _ => unreachable!("our own words"),
        })
    }
}

impl Life {
    fn new(seed: u64) -> Life {
        let world = World::new(1 + (seed % 4) as u16);
        Life {
            seed,
            random: seed.wrapping_mul(0xD134_2543_DE82_EF95) + 1,
            world,
            model: BTreeMap::new(),
            expired: [0; 3],
            expired_fields: [0; 3],
            happened: [0; 4],
            bursts: 0,
            journal: Vec::new(),
            past: Vec::new(),
        }
    }

    fn step(&mut self) {
        match self.below(36) {
            0..5 => self.set(),
            5..7 => self.get(),
            7..9 => self.getex(),
            9..14 => self.expire(),
            14 => self.persist(),
            15 => self.del(),
            16..18 => self.rename(),
            18..21 => self.hset(),
            21..25 => self.hpexpire(),
            25 => self.hpersist(),
            26 => self.hdel(),
            27 => self.hget(),
            28 => self.hgetex(),
            29..33 => {
                let ms = [1, 5, 40, 300, 5_000][self.below(5)];
                let ms = self.below(ms + 1) as i64;
                self.world.pass(ms);
            }
            33 => {
                self.world.expire();
                self.events(From::Wheel, &[]);
                self.assert_nothing_is_due();
            }
            34 => self.turn_one_wheel_a_little(),
            _ => match self.below(6) {
                0 => self.crash(),
                1 => self.crash_with_loss(),
                2 => self.step_clock(-1),
                3 => self.step_clock(1),
                4 => self.burst(),
                _ => {
                    self.journal.extend(self.world.effects());
                    self.past.push((self.journal.len(), self.model.clone()));
                }
            },
        }
    }

    /// The wall clock is set: nothing more expires than the new time says, and what it says is due goes.
    fn step_clock(&mut self, direction: i64) {
        let longest = [1_000, 60_000, 7_200_000][self.below(3)];
        let ms = 1 + self.below(longest) as i64;
        self.world.pass(direction * ms);
        self.happened[usize::from(direction < 0)] += 1;
        if self.below(2) == 0 {
            self.world.expire();
            self.events(From::Wheel, &[]);
            self.assert_nothing_is_due();
        }
    }

    /// The process ends at once, and the next one has the journal, but perhaps another number of shards. What had gone is gone
    /// and has been announced; what had not is there, and is announced when its time is over.
    fn crash(&mut self) {
        self.journal.extend(self.world.effects());
        self.replay();
        self.happened[2] += 1;
    }

    /// The same, but what came after some moment was not written yet: it never happened. What was announced since is announced
    /// again when its time is over.
    fn crash_with_loss(&mut self) {
        if self.past.is_empty() {
            return;
        }
        let at = self.below(self.past.len());
        self.past.truncate(at + 1);
        let (length, model) = self.past[at].clone();
        self.world.effects();
        self.journal.truncate(length);
        self.model = model;
        self.replay();
        self.happened[3] += 1;
    }

    fn replay(&mut self) {
        let (now, db) = (self.world.now, self.world.db);
        let mut world = World::new(1 + self.below(4) as u16);
        // Effects have absolute deadlines, and expiry is among them: no deadline may pass while they are done again.
        world.now = Moment::from_millis(0);
        for effect in &self.journal {
            world.db = effect.db as usize;
            world.run_args(effect.args.view(), &mut Reply::new(Resp::Two));
        }
        world.effects();
        world.events();
        (world.now, world.db) = (now, db);
        self.world = world;
    }

    fn end(&mut self) {
        self.world.pass(1_000_000_000);
        self.world.expire();
        self.events(From::End, &[]);
        self.assert_nothing_is_due();
        assert!(self.model.values().all(|(value, deadline)| deadline.is_none() && soonest(value).is_none()));
        assert_eq!(self.world.run("DBSIZE"), format!(":{}", self.model.len()));
        for (key, (value, _)) in self.model.clone() {
            match value {
                Value::Str(value) => assert_eq!(self.world.run(&format!("GET {key}")), bulk(&value)),
                Value::Hash(fields) => {
                    assert_eq!(self.world.run(&format!("HLEN {key}")), format!(":{}", fields.len()));
                    for (field, (value, _)) in fields {
                        assert_eq!(self.world.run(&format!("HGET {key} {field}")), bulk(&value));
                    }
                }
            }
        }
    }

    fn set(&mut self) {
        let (key, value) = (self.key(), format!("v{}", self.below(1000)));
        let condition = self.pick(&["", "", "", " NX", " XX"]);
        let ms = (self.below(2) == 0).then(|| 1 + self.far());
        let keeps = ms.is_none() && self.below(2) == 0;
        let live = self.live(&key);
        let option = match ms {
            Some(ms) => format!(" PX {ms}"),
            None if keeps => " KEEPTTL".into(),
            None => String::new(),
        };
        let line = format!("SET {key} {value}{condition}{option}");
        if condition == " NX" && live.is_some() || condition == " XX" && live.is_none() {
            return self.run(&line, "$-1", &[], &[&key]);
        }
        let mut events = vec![format!("set {key}")];
        events.extend(ms.map(|_| format!("expire {key}")));
        self.run(&line, "+OK", &events, &[&key]);
        let before = live.and_then(|(_, deadline)| deadline);
        let deadline = if keeps { before } else { ms.map(|ms| self.now() + ms) };
        self.model.insert(key, (Value::Str(value), deadline));
    }

    /// More keys with one deadline than a wheel hands out in one go.
    fn burst(&mut self) {
        if self.below(4) > 0 {
            return;
        }
        let ms = 1 + self.below(100) as i64;
        for number in 0..700 {
            let key = format!("burst{number}");
            let events = [format!("set {key}"), format!("expire {key}")];
            self.run(&format!("SET {key} b PX {ms}"), "+OK", &events, &[&key]);
            let deadline = Some(self.now() + ms);
            self.model.insert(key, (Value::Str("b".into()), deadline));
        }
        self.bursts += 1;
        // So that some of it is left when other things happen.
        for _ in 0..20 {
            self.turn_one_wheel_a_little();
        }
    }

    fn get(&mut self) {
        let key = self.key();
        let reply = self.live(&key).map_or("$-1".into(), |(value, _)| bulk(text(&value)));
        self.run(&format!("GET {key}"), &reply, &[], &[&key]);
    }

    fn getex(&mut self) {
        let key = self.key();
        let live = self.live(&key);
        let reply = live.as_ref().map_or("$-1".into(), |(value, _)| bulk(text(value)));
        let before = live.as_ref().and_then(|(_, deadline)| *deadline);
        if self.below(3) == 0 {
            let events = before.map(|_| format!("persist {key}"));
            self.run(&format!("GETEX {key} PERSIST"), &reply, events.as_slice(), &[&key]);
            return self.move_deadline(&key, live, None);
        }
        let deadline = self.now() + self.far() - 5;
        let past = deadline <= self.now();
        let events = live.as_ref().map(|_| format!("{} {key}", if past { "del" } else { "expire" }));
        self.run(&format!("GETEX {key} PXAT {deadline}"), &reply, events.as_slice(), &[&key]);
        self.move_deadline(&key, live, Some(deadline));
    }

    /// EXPIRE and its kin, on strings and hashes.
    fn expire(&mut self) {
        let key = self.any_key();
        let condition = Condition(self.pick(&["", "", "NX", "XX", "GT", "LT", "XX GT", "LT XX"]));
        let present = self.live(&key).and_then(|(_, deadline)| deadline);
        let (ms, now) = (self.around(present, -20), self.now());
        let (name, amount, deadline) = match self.below(4) {
            0 => ("PEXPIRE", ms, now + ms),
            1 => ("PEXPIREAT", now + ms, now + ms),
            2 => ("EXPIRE", ms / 1000, now + ms / 1000 * 1000),
            _ => ("EXPIREAT", (now + ms) / 1000, (now + ms) / 1000 * 1000),
        };
        let live = self.live(&key);
        let live = live.filter(|(_, before)| condition.allows(*before, deadline));
        let events = live.as_ref().map(|_| format!("{} {key}", if deadline > now { "expire" } else { "del" }));
        let line = format!("{name} {key} {amount} {}", condition.0);
        self.run(line.trim_end(), &format!(":{}", i32::from(live.is_some())), events.as_slice(), &[&key]);
        self.move_deadline(&key, live, Some(deadline));
    }

    /// A key that is there, if it is, gets a deadline or loses it; one that has passed takes it along.
    fn move_deadline(&mut self, key: &str, live: Option<(Value, Option<i64>)>, deadline: Option<i64>) {
        let Some((value, _)) = live else { return };
        match deadline {
            Some(deadline) if deadline <= self.now() => drop(self.model.remove(key)),
            _ => drop(self.model.insert(key.into(), (value, deadline))),
        }
    }

    fn persist(&mut self) {
        let key = self.any_key();
        let timed = self.live(&key).filter(|(_, deadline)| deadline.is_some());
        let events = timed.as_ref().map(|_| format!("persist {key}"));
        let reply = format!(":{}", i32::from(timed.is_some()));
        self.run(&format!("PERSIST {key}"), &reply, events.as_slice(), &[&key]);
        if let Some((value, _)) = timed {
            self.model.insert(key, (value, None));
        }
    }

    fn del(&mut self) {
        let key = self.any_key();
        let live = self.live(&key);
        let events = live.as_ref().map(|_| format!("del {key}"));
        let reply = format!(":{}", i32::from(live.is_some()));
        self.run(&format!("DEL {key}"), &reply, events.as_slice(), &[&key]);
        self.model.remove(&key);
    }

    fn rename(&mut self) {
        let (from, to) = match self.below(3) {
            0 => (self.hash(), self.hash()),
            _ => (self.key(), self.key()),
        };
        let line = format!("RENAME {from} {to}");
        match self.live(&from) {
            None => self.run(&line, "-ERR no such key", &[], &[&from]),
            Some(_) if from == to => self.run(&line, "+OK", &[], &[&from]),
            Some(moved) => {
                self.run(&line, "+OK", &[format!("rename_from {from}"), format!("rename_to {to}")], &[&from, &to]);
                self.model.remove(&from);
                self.model.insert(to, moved);
            }
        }
    }

    fn hset(&mut self) {
        let (key, field, value) = (self.hash(), self.field(), format!("v{}", self.below(1000)));
        let (mut fields, deadline) = self.fields(&key);
        let reply = format!(":{}", i32::from(!fields.contains_key(&field)));
        self.run(&format!("HSET {key} {field} {value}"), &reply, &[format!("hset {key}")], &[&key]);
        fields.insert(field, (value, None));
        self.put_fields(key, fields, deadline);
    }

    fn hpexpire(&mut self) {
        let (key, one) = (self.hash(), self.field());
        let other = self.field();
        let condition = Condition(self.pick(&["", "", "NX", "XX", "GT", "LT"]));
        let (mut fields, of_key) = self.fields(&key);
        let present = fields.get(&one).and_then(|(_, deadline)| *deadline);
        let (now, ms) = (self.now(), self.around(present, -5).max(0));
        let deadline = now + ms;
        let names = if one == other { vec![one] } else { vec![one, other] };
        let (mut reply, mut timed, mut deleted) = (format!("*{}", names.len()), false, false);
        for name in &names {
            let answer = match fields.get(name).map(|(_, before)| *before) {
                None => -2,
                Some(before) if !condition.allows(before, deadline) => 0,
                Some(_) if ms == 0 => {
                    fields.remove(name);
                    deleted = true;
                    2
                }
                Some(_) => {
                    fields.entry(name.clone()).and_modify(|(_, at)| *at = Some(deadline));
                    timed = true;
                    1
                }
            };
            reply += &format!(" :{answer}");
        }
        let mut events = Vec::new();
        events.extend(timed.then(|| format!("hexpire {key}")));
        events.extend(deleted.then(|| format!("hdel {key}")));
        events.extend((deleted && fields.is_empty()).then(|| format!("del {key}")));
        let (name, amount) = if self.below(2) == 0 { ("HPEXPIRE", ms) } else { ("HPEXPIREAT", deadline) };
        let line = format!("{name} {key} {amount} {} FIELDS {} {}", condition.0, names.len(), names.join(" "));
        self.run(&line, &reply, &events, &[&key]);
        self.put_fields(key, fields, of_key);
    }

    fn hpersist(&mut self) {
        let (key, field) = (self.hash(), self.field());
        let (mut fields, deadline) = self.fields(&key);
        let answer = match fields.get_mut(&field) {
            None => -2,
            Some((_, at)) => match at.take() {
                None => -1,
                Some(_) => 1,
            },
        };
        let events = (answer == 1).then(|| format!("hpersist {key}"));
        self.run(&format!("HPERSIST {key} FIELDS 1 {field}"), &format!("*1 :{answer}"), events.as_slice(), &[&key]);
        self.put_fields(key, fields, deadline);
    }

    fn hdel(&mut self) {
        let (key, field) = (self.hash(), self.field());
        let (mut fields, deadline) = self.fields(&key);
        let removed = fields.remove(&field).is_some();
        let mut events = Vec::new();
        events.extend(removed.then(|| format!("hdel {key}")));
        events.extend((removed && fields.is_empty()).then(|| format!("del {key}")));
        self.run(&format!("HDEL {key} {field}"), &format!(":{}", i32::from(removed)), &events, &[&key]);
        self.put_fields(key, fields, deadline);
    }

    fn hget(&mut self) {
        let (key, field) = (self.hash(), self.field());
        let (fields, _) = self.fields(&key);
        if self.below(2) == 0 {
            return self.run(&format!("HLEN {key}"), &format!(":{}", fields.len()), &[], &[&key]);
        }
        let reply = fields.get(&field).map_or("$-1".into(), |(value, _)| bulk(value));
        self.run(&format!("HGET {key} {field}"), &reply, &[], &[&key]);
    }

    fn hgetex(&mut self) {
        let (key, field, ms) = (self.hash(), self.field(), 1 + self.far());
        let (mut fields, deadline) = self.fields(&key);
        let reply = fields.get(&field).map_or("$-1".into(), |(value, _)| bulk(value));
        let persist = self.below(2) == 0;
        let at = if persist { None } else { Some(self.now() + ms) };
        let mut events = Vec::new();
        if let Some((_, before)) = fields.get_mut(&field) {
            let before = std::mem::replace(before, at);
            events.extend((persist && before.is_some()).then(|| format!("hpersist {key}")));
            events.extend((!persist).then(|| format!("hexpire {key}")));
        }
        let option = if persist { "PERSIST".into() } else { format!("PX {ms}") };
        self.run(&format!("HGETEX {key} {option} FIELDS 1 {field}"), &format!("*1 {reply}"), &events, &[&key]);
        self.put_fields(key, fields, deadline);
    }

    /// The fields that are there, and the deadline of the key.
    fn fields(&self, key: &str) -> (Fields, Option<i64>) {
        match self.live(key) {
            Some((Value::Hash(fields), deadline)) => (fields, deadline),
            _ => (BTreeMap::new(), None),
        }
    }

    fn put_fields(&mut self, key: String, fields: Fields, deadline: Option<i64>) {
        match fields.is_empty() {
            true => drop(self.model.remove(&key)),
            false => drop(self.model.insert(key, (Value::Hash(fields), deadline))),
        }
    }

    /// The active path in small pieces: what is left comes later.
    fn turn_one_wheel_a_little(&mut self) {
        let most = [4, 4, 4, 300][self.below(4)];
        let (shard, steps) = (self.below(self.world.shards.len()), 1 + self.below(most) as u32);
        let world = &mut self.world;
        let held = Held::One(&mut world.shards[shard]);
        Unit::new(held, &mut world.sink, world.now, 0, &world.settings).expire_due(steps);
        self.events(From::Wheel, &[]);
    }

    // ---- below --------------------------------------------------------------------------------------------------------

    /// Runs a command; `looked_at` are the keys that it is bound to look at.
    fn run(&mut self, line: &str, reply: &str, events: &[String], looked_at: &[&str]) {
        assert_eq!(self.world.run(line), reply, "{line}, seed {}", self.seed);
        self.events(From::Lookup, events);
        for key in looked_at {
            assert!(!self.is_due(key), "{line} looked at {key} and did not announce its end, seed {}", self.seed);
        }
    }

    /// Takes the events of a step: those of expiry are checked against the model, the others are these.
    fn events(&mut self, from: From, expected: &[String]) {
        let mut others = Vec::new();
        let mut events = self.world.events().into_iter();
        while let Some(event) = events.next() {
            let now = self.now();
            if let Some(key) = event.strip_prefix("expired ") {
                let deadline = self.model.remove(key).and_then(|(_, deadline)| deadline);
                assert!(
                    deadline.is_some_and(|deadline| deadline < now),
                    "{event}: too early, or not the first time; seed {}",
                    self.seed
                );
                self.expired[from as usize] += 1;
            } else if let Some(key) = event.strip_prefix("hexpired ") {
                assert!(self.is_due(key), "{event}: too early, or not the first time; seed {}", self.seed);
                let Some((Value::Hash(fields), _)) = self.model.get_mut(key) else { panic!("{event}: no hash") };
                fields.retain(|_, (_, deadline)| deadline.is_none_or(|deadline| deadline >= now));
                if fields.is_empty() {
                    self.model.remove(key);
                    assert_eq!(events.next(), Some(format!("del {key}")), "seed {}", self.seed);
                }
                self.expired_fields[from as usize] += 1;
            } else {
                others.push(event);
            }
        }
        assert_eq!(others, expected, "seed {}", self.seed);
    }

    fn assert_nothing_is_due(&self) {
        let left: Vec<_> = self.model.keys().filter(|key| self.is_due(key)).collect();
        assert!(left.is_empty(), "the wheels have run and {left:?} were not announced, seed {}", self.seed);
    }

    /// Whether the key or one of its fields is past its deadline.
    fn is_due(&self, key: &str) -> bool {
        let deadlines = self.model.get(key).map(|(value, deadline)| [*deadline, soonest(value)]);
        deadlines.into_iter().flatten().flatten().any(|deadline| deadline < self.now())
    }

    /// What a command sees.
    fn live(&self, key: &str) -> Option<(Value, Option<i64>)> {
        let (mut value, deadline) = self.model.get(key)?.clone();
        let is_past = |deadline: Option<i64>| deadline.is_some_and(|deadline| deadline < self.now());
        if is_past(deadline) {
            return None;
        }
        if let Value::Hash(fields) = &mut value {
            fields.retain(|_, (_, deadline)| !is_past(*deadline));
            if fields.is_empty() {
                return None;
            }
        }
        Some((value, deadline))
    }

    fn now(&self) -> i64 {
        self.world.now.ms
    }

    /// A string's key.
    fn key(&mut self) -> String {
        format!("k{}", self.below(40))
    }

    /// A hash's key.
    fn hash(&mut self) -> String {
        format!("h{}", self.below(10))
    }

    fn any_key(&mut self) -> String {
        if self.below(3) == 0 { self.hash() } else { self.key() }
    }

    fn field(&mut self) -> String {
        format!("f{}", self.below(6))
    }

    /// Milliseconds until a deadline, at least 0.
    fn far(&mut self) -> i64 {
        let far = self.pick(&FAR);
        self.below(far) as i64
    }

    /// Milliseconds until a deadline that is random, at least `least`, or close to the one that there is: conditions compare the two.
    fn around(&mut self, present: Option<i64>, least: i64) -> i64 {
        match present {
            Some(present) if self.below(3) == 0 => present - self.now() + self.below(3) as i64 - 1,
            _ => self.far() + least,
        }
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A random number below `bound` (SplitMix64).
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % bound as u64) as usize
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::Str(text) => text,
        Value::Hash(_) => unreachable!("the key is a string's"),
    }
}

/// The first deadline of fields.
fn soonest(value: &Value) -> Option<i64> {
    match value {
        Value::Str(_) => None,
        Value::Hash(fields) => fields.values().filter_map(|(_, deadline)| *deadline).min(),
    }
}

fn bulk(value: &str) -> String {
    format!("${} {value}", value.len())
}
