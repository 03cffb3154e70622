//! Keys with deadlines over several shards under a made-up clock, against a plain map.
//!
//! Each seed is one life of some shards: random commands, time that passes, wheels that run now and then, a wall clock that is
//! stepped by up to two hours in either direction, and crashes: the journal is replayed into empty shards. Checked at every step: the reply, the other events in order, and of `expired` events that each comes exactly once, by the wheel
//! or by the first command that looks at the key, and never before the clock is past the deadline.

use curfew_protocol::{Reply, Resp};
use curfew_shard::testing::World;
use curfew_shard::{Effect, Held, Moment, Unit, registry};
use std::collections::BTreeMap;

const SEEDS: u64 = 60;
const STEPS: usize = 1_500;

#[test]
fn a_life_of_keys_with_deadlines_is_that_of_a_plain_map() {
    if registry::rows().all(|row| row.spec.name != "set") {
        return; // Nothing can make a key.
    }
    let (mut expired, mut happened, mut bursts) = ([0; 3], [0; 3], 0);
    for seed in 0..SEEDS {
        let mut life = Life::new(seed);
        for _ in 0..STEPS {
            life.step();
        }
        life.end();
        expired.iter_mut().zip(life.expired).for_each(|(sum, count)| *sum += count);
        happened.iter_mut().zip(life.happened).for_each(|(sum, count)| *sum += count);
        bursts += life.bursts;
    }
    assert!(bursts > 20, "{bursts} bursts");
    assert!(happened.iter().all(|count| *count > 100), "steps forwards, steps back, crashes: {happened:?}");
    // The test is about these: without them it would say nothing.
    assert!(expired.iter().all(|count| *count > 100), "lazily, by the wheel, at the end: {expired:?}");
}

/// Bursts in some databases: the keys of others, and those with later deadlines in the same, go in the slice after
/// their deadline, although there are many slices' worth before them.
#[test]
fn a_burst_makes_no_other_key_late() {
    if registry::rows().all(|row| row.spec.name != "set") {
        return; // Nothing can make a key.
    }
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

struct Life {
    seed: u64,
    random: u64,
    world: World,
    /// The value and the deadline of every key whose end has not been announced.
    model: BTreeMap<String, (String, Option<i64>)>,
    expired: [usize; 3],
    /// Steps of the clock forwards, back, and crashes.
    happened: [usize; 3],
    bursts: usize,
    /// All effects since the start of this life.
    journal: Vec<Effect>,
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
            happened: [0; 3],
            bursts: 0,
            journal: Vec::new(),
        }
    }

    fn step(&mut self) {
        match self.below(21) {
            0..4 => self.set(),
            4..7 => self.get(),
            7..10 => self.pexpire(),
            10 => self.persist(),
            11 => self.del(),
            12..14 => self.rename(),
            14..18 => {
                let ms = [1, 5, 40, 300, 5_000][self.below(5)];
                let ms = self.below(ms + 1) as i64;
                self.world.pass(ms);
            }
            18 => {
                self.world.expire();
                self.events(From::Wheel, &[]);
                self.assert_nothing_is_due();
            }
            19 => self.turn_one_wheel_a_little(),
            _ => match self.below(4) {
                0 => self.crash(),
                1 => self.step_clock(-1),
                2 => self.step_clock(1),
                _ => self.burst(),
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
        let (now, db) = (self.world.now, self.world.db);
        self.journal.extend(self.world.effects());
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
        self.happened[2] += 1;
    }

    fn end(&mut self) {
        self.world.pass(100_000_000);
        self.world.expire();
        self.events(From::End, &[]);
        self.assert_nothing_is_due();
        assert!(self.model.values().all(|(_, deadline)| deadline.is_none()));
        assert_eq!(self.world.run("DBSIZE"), format!(":{}", self.model.len()));
        for (key, (value, _)) in self.model.clone() {
            assert_eq!(self.world.run(&format!("GET {key}")), bulk(&value));
        }
    }

    fn set(&mut self) {
        let (key, value) = (self.key(), format!("v{}", self.below(1000)));
        let ms = (self.below(2) == 0).then(|| 1 + self.below(2_000) as i64);
        let option = ms.map_or(String::new(), |ms| format!(" PX {ms}"));
        let mut events = vec![format!("set {key}")];
        events.extend(ms.map(|_| format!("expire {key}")));
        self.run(&format!("SET {key} {value}{option}"), "+OK", &events, &[&key]);
        let deadline = ms.map(|ms| self.now() + ms);
        self.model.insert(key, (value, deadline));
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
            self.model.insert(key, ("b".into(), deadline));
        }
        self.bursts += 1;
        // So that some of it is left when other things happen.
        for _ in 0..20 {
            self.turn_one_wheel_a_little();
        }
    }

    fn get(&mut self) {
        let key = self.key();
        let reply = self.live(&key).map_or("$-1".into(), |(value, _)| bulk(&value));
        self.run(&format!("GET {key}"), &reply, &[], &[&key]);
    }

    fn pexpire(&mut self) {
        let (key, ms) = (self.key(), self.below(2_000) as i64 - 50);
        let live = self.live(&key);
        let name = if ms > 0 { "expire" } else { "del" };
        let events = live.as_ref().map(|_| format!("{name} {key}"));
        let reply = format!(":{}", i32::from(live.is_some()));
        self.run(&format!("PEXPIRE {key} {ms}"), &reply, events.as_slice(), &[&key]);
        if let Some((value, _)) = live {
            self.model.remove(&key);
            if ms > 0 {
                let deadline = Some(self.now() + ms);
                self.model.insert(key, (value, deadline));
            }
        }
    }

    fn persist(&mut self) {
        let key = self.key();
        let timed = self.live(&key).filter(|(_, deadline)| deadline.is_some());
        let events = timed.as_ref().map(|_| format!("persist {key}"));
        let reply = format!(":{}", i32::from(timed.is_some()));
        self.run(&format!("PERSIST {key}"), &reply, events.as_slice(), &[&key]);
        if let Some((value, _)) = timed {
            self.model.insert(key, (value, None));
        }
    }

    fn del(&mut self) {
        let key = self.key();
        let live = self.live(&key);
        let events = live.as_ref().map(|_| format!("del {key}"));
        let reply = format!(":{}", i32::from(live.is_some()));
        self.run(&format!("DEL {key}"), &reply, events.as_slice(), &[&key]);
        self.model.remove(&key);
    }

    fn rename(&mut self) {
        let (from, to) = (self.key(), self.key());
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
        for event in self.world.events() {
            match event.strip_prefix("expired ") {
                None => others.push(event),
                Some(key) => {
                    assert!(self.is_due(key), "{event}: too early, or not the first time; seed {}", self.seed);
                    self.model.remove(key);
                    self.expired[from as usize] += 1;
                }
            }
        }
        assert_eq!(others, expected, "seed {}", self.seed);
    }

    fn assert_nothing_is_due(&self) {
        let left: Vec<_> = self.model.keys().filter(|key| self.is_due(key)).collect();
        assert!(left.is_empty(), "the wheels have run and {left:?} were not announced, seed {}", self.seed);
    }

    fn is_due(&self, key: &str) -> bool {
        self.model.get(key).and_then(|(_, deadline)| *deadline).is_some_and(|deadline| deadline < self.now())
    }

    fn live(&self, key: &str) -> Option<(String, Option<i64>)> {
        self.model.get(key).filter(|_| !self.is_due(key)).cloned()
    }

    fn now(&self) -> i64 {
        self.world.now.ms
    }

    fn key(&mut self) -> String {
        format!("k{}", self.below(40))
    }

    /// A random number below `bound` (SplitMix64).
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % bound as u64) as usize
    }
}

fn bulk(value: &str) -> String {
    format!("${} {value}", value.len())
}
