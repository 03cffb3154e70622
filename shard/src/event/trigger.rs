//! Triggers: code of the server's that runs when keys change, in the unit that changes them (`docs/triggers.md`).
//!
//! A unit sees for which events there are triggers, and keeps what they are to be told: [`Fired`], in [`crate::Sink::fired`].
//! Running them is up to the server, before the unit is over; what they change may fire others, down to [`DEPTH_MAX`].

use crate::event::class;
use crate::keyspace::{EntryRef, Str, Value, as_str, describe};
use crate::value::kind::Type;
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::glob;
use std::sync::Arc;

/// A change by a client has depth 0, one by a trigger that it fired depth 1, and so on. Changes of this depth fire nothing.
pub const DEPTH_MAX: u8 = 4;

/// The largest value that triggers are told, in bytes of memory: it is copied while the shard is held.
pub const VALUE_MAX: usize = 1 << 20;

/// What tells triggers of a process apart, whichever libraries come and go.
pub type TriggerId = (u64, u32);

/// For which events of which keys a trigger runs.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// Whose it is.
    pub id: TriggerId,
    /// Names of events, each one of [`crate::event::NAMES`]; None: those of all changes (class `A`).
    pub events: Option<Arc<[&'static str]>>,
    /// A pattern for keys, as in KEYS.
    pub pattern: Arc<[u8]>,
}

impl Trigger {
    /// The classes of its events, as bits of [`class`]. At least those: names within a class are compared in addition.
    pub fn classes(&self) -> u32 {
        let class_of = |name: &&str| match *name {
            "expired" => class::EXPIRED,
            "evicted" => class::EVICTED,
            "keymiss" => class::KEY_MISS,
            "new" => class::NEW,
            _ => class::ALL & !(class::EXPIRED | class::EVICTED),
        };
        match &self.events {
            None => class::ALL,
            Some(names) => names.iter().map(class_of).fold(0, |all, class| all | class),
        }
    }

    fn is_for(&self, name: &str) -> bool {
        self.events.as_ref().is_none_or(|names| names.contains(&name))
    }

    fn matches(&self, key: &[u8]) -> bool {
        *self.pattern == *b"*" || glob::matches(&self.pattern, key, false)
    }
}

/// All triggers, in the order in which they run for one event.
#[derive(Clone, Debug, Default)]
pub struct Triggers {
    /// The classes of events for which there is any, 0 without triggers: the one thing that the path of an event looks at.
    pub classes: u32,
    /// Some may be told a value that went.
    pub values: bool,
    list: Vec<Trigger>,
}

impl Triggers {
    /// These triggers.
    pub fn new(list: Vec<Trigger>) -> Triggers {
        let classes = list.iter().fold(0, |all, trigger| all | trigger.classes());
        Triggers { classes, values: list.iter().any(may_have_value), list }
    }

    /// Those for an event of a key.
    pub(crate) fn of(&self, name: &str, key: &[u8]) -> Vec<TriggerId> {
        let matches = |trigger: &&Trigger| trigger.is_for(name) && trigger.matches(key);
        self.list.iter().filter(matches).map(|trigger| trigger.id).collect()
    }

    /// Whether any may be told the value that `key` had.
    pub(crate) fn want_value_of(&self, key: &[u8]) -> bool {
        self.values && self.list.iter().any(|trigger| may_have_value(trigger) && trigger.matches(key))
    }
}

/// The events that come with the value that went.
pub(crate) const WITH_VALUE: [&str; 3] = ["del", "expired", "evicted"];

fn may_have_value(trigger: &Trigger) -> bool {
    WITH_VALUE.iter().any(|name| trigger.is_for(name))
}

/// An event for which there are triggers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fired {
    /// Those that run, in this order.
    pub triggers: Vec<TriggerId>,
    /// The depth of what they change.
    pub depth: u8,
    /// `set`, `del`, `expired`, ...
    pub name: &'static str,
    /// The key's database.
    pub db: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// When it was due, in Unix milliseconds, for what went at a deadline.
    pub deadline: Option<i64>,
    /// The value that went, with `del`, `expired` and `evicted`.
    pub value: Option<Whole>,
}

/// A value as triggers are told it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whole {
    /// A string.
    Str(Box<[u8]>),
    /// Any other: commands that would make it (RPUSH, SADD, HSET, ZADD, ...).
    Items(Type, Vec<OwnedArgs>),
    /// More than [`VALUE_MAX`].
    TooLarge,
}

impl Whole {
    /// The value of an entry. O(length of the value), which is copied.
    pub(crate) fn of(entry: EntryRef<'_>) -> Whole {
        let bytes = match entry.value() {
            Value::Int(_) => 0,
            Value::Bytes(bytes) => bytes.len(),
            Value::Object(object) => object.heap_bytes(),
        };
        if bytes > VALUE_MAX {
            return Whole::TooLarge;
        }
        match as_str(entry) {
            Ok(Str::Int(number)) => Whole::Str(itoa::Buffer::new().format(number).as_bytes().into()),
            Ok(Str::Bytes(bytes)) => Whole::Str(bytes.into()),
            Err(_) => Whole::Items(entry.kind(), describe::items(entry)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    fn trigger(number: u32, events: &[&'static str], pattern: &str) -> Trigger {
        let events = (!events.is_empty()).then(|| events.into());
        Trigger { id: (7, number), events, pattern: pattern.as_bytes().into() }
    }

    fn world(list: &[Trigger]) -> World {
        let mut world = World::new(2);
        world.settings.triggers = Arc::new(Triggers::new(list.to_vec()));
        world
    }

    fn fired(world: &mut World) -> Vec<String> {
        let show = |fired: Fired| {
            let ids: Vec<u32> = fired.triggers.iter().map(|(_, number)| *number).collect();
            format!("{} {} {} {ids:?}", fired.name, fired.db, String::from_utf8_lossy(&fired.key))
        };
        std::mem::take(&mut world.sink.fired).into_iter().map(show).collect()
    }

    #[test]
    fn events_and_patterns_decide() {
        let mut world = world(&[
            trigger(1, &["expired"], "*"),
            trigger(2, &["set", "del"], "a*"),
            trigger(3, &[], "b"),
            trigger(4, &["set"], "*"),
        ]);
        world.settings.notify = 0;
        for line in ["set a v", "set b v", "set c v px 10", "lpush a2 x", "del a b", "get none"] {
            world.run(line);
        }
        assert_eq!(
            fired(&mut world),
            ["set 0 a [2, 4]", "set 0 b [3, 4]", "set 0 c [4]", "del 0 a [2]", "del 0 b [3]"]
        );
        world.pass(11);
        world.db = 3;
        world.run("set ab 1");
        world.db = 0;
        world.run("get c");
        assert_eq!(fired(&mut world), ["set 3 ab [2, 4]", "expired 0 c [1]"]);
    }

    #[test]
    fn without_triggers_nothing_is_kept() {
        let mut world = world(&[trigger(1, &["keymiss"], "x")]);
        world.run("set a v");
        world.run("get b");
        assert!(world.sink.fired.is_empty());
        world.run("get x");
        assert_eq!(fired(&mut world), ["keymiss 0 x [1]"]);
    }

    #[test]
    fn the_value_that_went_is_told_whole() {
        let mut world = world(&[trigger(1, &["expired", "del"], "t:*")]);
        world.run("mset t:s abc t:n 12 other v");
        world.run("rpush t:l a b c");
        world.run("hset t:h f v g w");
        world.run("zadd t:z 1.5 a 2 b");
        world.run("sadd t:set x");
        for key in ["t:s", "t:n", "t:l", "t:h", "t:z", "t:set"] {
            world.run(&format!("pexpire {key} 5"));
        }
        world.run("del other");
        world.pass(6);
        world.expire();
        let mut told: Vec<(String, String)> = std::mem::take(&mut world.sink.fired)
            .into_iter()
            .map(|fired| {
                let value = match fired.value.expect("a value") {
                    Whole::Str(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    Whole::Items(_, commands) => {
                        let words = |command: &OwnedArgs| {
                            let words: Vec<_> = command.view().iter().map(String::from_utf8_lossy).collect();
                            words.join(" ")
                        };
                        commands.iter().map(words).collect::<Vec<_>>().join("; ")
                    }
                    Whole::TooLarge => "too large".into(),
                };
                assert_eq!((fired.name, fired.depth), ("expired", 1));
                assert_eq!(fired.deadline, Some(world.now.ms - 1));
                (String::from_utf8_lossy(&fired.key).into_owned(), value)
            })
            .collect();
        told.sort();
        let expected = [
            ("t:h", "HSET t:h f v g w"),
            ("t:l", "RPUSH t:l a b c"),
            ("t:n", "12"),
            ("t:s", "abc"),
            ("t:set", "SADD t:set x"),
            ("t:z", "ZADD t:z 1.5 a 2 b"),
        ];
        assert_eq!(told, expected.map(|(key, value)| (key.to_string(), value.to_string())));
        // One that never was stored.
        world.run("set t:never v pxat 1");
        let fired = world.sink.fired.pop_front().expect("fired");
        assert_eq!((fired.name, fired.value), ("expired", Some(Whole::Str(b"v".as_slice().into()))));
        let large = "x".repeat(VALUE_MAX + 1);
        world.run(&format!("set t:large {large}"));
        world.run("del t:large");
        assert_eq!(world.sink.fired.pop_front().expect("fired").value, Some(Whole::TooLarge));
    }
}
