//! Fields that go at their deadlines, by the wheel and by whoever looks at their hash first.

use super::*;
use crate::shard::watch::Flag;
use crate::slots::shard_of;

/// Whether fields are removed by the wheel or by who looks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Path {
    Wheel,
    Lazy,
}

/// Lets what is due go.
fn go(world: &mut World, path: Path) {
    match path {
        Path::Wheel => world.expire(),
        Path::Lazy => ["h", "h2", "{h}3"].iter().for_each(|key| drop(world.run(&format!("exists {key}")))),
    }
}

/// Over shards, encodings and paths.
fn everywhere(test: impl Fn(&mut World, Path)) {
    for path in [Path::Wheel, Path::Lazy] {
        for shards in [1, 3] {
            for entries in [0, 512] {
                let mut world = world(shards, &[]);
                world.settings.limits.hash_entries = entries;
                test(&mut world, path);
                // Nothing is left behind in any wheel.
                world.run("flushall");
                assert!(world.shards.iter().all(|shard| shard.next_wakeup().is_none()));
            }
        }
    }
}

#[test]
fn fields_go_at_their_deadlines() {
    everywhere(|world, path| {
        world.run("hset h a 1 b 2 c 3 d 4");
        world.run("hpexpire h 10 FIELDS 2 b c");
        world.run("hpexpire h 5 FIELDS 1 a");
        clear(world);
        let flag = Flag::default();
        let shard = shard_of(b"h", world.shards.len());
        world.shards[shard].watchers.add(0, b"h", &flag);
        world.pass(5);
        go(world, path);
        assert_eq!((world.run("hlen h"), world.run("hpttl h FIELDS 1 a")), (":4".into(), "*1 :0".into()));
        assert!(world.events().is_empty() && !flag.is_raised());
        world.pass(1);
        go(world, path);
        assert_eq!(world.events(), ["hexpired h"]);
        assert_eq!(world.effect_lines(), ["HDEL h a"]);
        assert!(flag.is_raised());
        world.pass(5);
        go(world, path);
        assert_eq!(world.events(), ["hexpired h"]);
        let effects = world.effect_lines();
        assert!(effects == ["HDEL h b c"] || effects == ["HDEL h c b"], "{effects:?}");
        assert_eq!(world.run("hgetall h"), "*2 $1 d $1 4");
        assert_eq!(world.shards[shard].stats.expired_fields, 3);
        assert_eq!((world.shards[shard].stats.expired, world.shards[shard].db(0).fields_timed()), (0, 0));
        world.run("hpexpire h 1 FIELDS 1 d");
        assert_eq!(world.shards[shard].db(0).fields_timed(), 1);
        clear(world);
        world.pass(2);
        go(world, path);
        assert_eq!(world.events(), ["hexpired h", "del h"]);
        assert_eq!(world.effect_lines(), ["DEL h"]);
        assert_eq!((world.run("dbsize"), world.shards[shard].db(0).fields_timed()), (":1".into(), 0));
    });
}

/// The wall clock may be stepped. Fields that went stay gone, without another effect or event; the others, and a hash whose fields
/// were all due but not seen, are there until it is their time again.
#[test]
fn a_clock_set_back_takes_no_fields() {
    const HOUR: i64 = 3_600_000;
    everywhere(|world, path| {
        world.run("hset h a 1 b 2");
        world.run("hpexpire h 10 FIELDS 1 a");
        world.run("hpexpire h 1000 FIELDS 1 b");
        world.run("hset {h}3 a 1");
        world.run("hpexpire {h}3 500 FIELDS 1 a");
        let keys = world.run("dbsize");
        world.pass(11);
        go(world, path);
        assert_eq!(world.run("hkeys h"), "*1 $1 b");
        world.pass(800);
        clear(world);
        world.pass(-HOUR);
        for _ in 0..3 {
            go(world, path);
            assert_eq!((world.run("hkeys h"), world.run("hkeys {h}3")), ("*1 $1 b".into(), "*1 $1 a".into()));
            assert_eq!(world.run("hpexpiretime h FIELDS 1 a"), "*1 :-2");
            assert_eq!((world.run("dbsize"), world.run("keys h")), (keys.clone(), "*1 $1 h".into()));
            assert!(world.run("scan 0 match {h}3 count 100").ends_with("*1 $4 {h}3"));
            assert!(world.events().is_empty() && world.effect_lines().is_empty());
            world.pass(7);
        }
        // A deadline before those that were met already.
        assert_eq!(world.run("hset h c 3"), ":1");
        world.run("hpexpire h 5 FIELDS 1 c");
        clear(world);
        world.pass(6);
        go(world, path);
        assert_eq!(
            (world.events(), world.effect_lines()),
            (vec!["hexpired h".to_owned()], vec!["HDEL h c".to_owned()])
        );
        world.pass(HOUR + 1000);
        go(world, path);
        let mut events = world.events();
        events.sort();
        assert_eq!(events, ["del h", "del {h}3", "hexpired h", "hexpired {h}3"]);
        assert_eq!(world.run("exists h {h}3"), ":0");
    });
}

#[test]
fn no_command_sees_a_field_that_is_due() {
    let lines = [
        ("hget h a", "$-1"),
        ("hmget h a b", "*2 $-1 $1 2"),
        ("hgetall h", "*2 $1 b $1 2"),
        ("hkeys h", "*1 $1 b"),
        ("hvals h", "*1 $1 2"),
        ("hlen h", ":1"),
        ("hstrlen h a", ":0"),
        ("hexists h a", ":0"),
        ("hrandfield h 5", "*1 $1 b"),
        ("hscan h 0 novalues", "*2 $1 0 *1 $1 b"),
        ("hset h a 5", ":1"),
        ("hsetnx h a 5", ":1"),
        ("hincrby h a 1", ":1"),
        ("hincrbyfloat h a 1", "$1 1"),
        ("hdel h a", ":0"),
        ("hgetdel h FIELDS 1 a", "*1 $-1"),
        ("hgetex h PERSIST FIELDS 1 a", "*1 $-1"),
        ("hsetex h FXX FIELDS 1 a 1", ":0"),
        ("hsetex h FNX KEEPTTL FIELDS 1 a 1", ":1"),
        ("hexpire h 10 FIELDS 1 a", "*1 :-2"),
        ("hpersist h FIELDS 1 a", "*1 :-2"),
        ("httl h FIELDS 1 a", "*1 :-2"),
        // Keys of which nothing is left.
        ("exists gone", ":0"),
        ("type gone", "+none"),
        ("hlen gone", ":0"),
        ("keys gone", "*0"),
        ("scan 0 match gone", "*2 $1 0 *0"),
        ("ttl gone", ":-2"),
        ("hsetex gone FXX FIELDS 1 a 1", ":0"),
        ("rename gone h", "-ERR no such key"),
        ("copy gone h", ":0"),
        ("hset gone a 1", ":1"),
        ("set gone x nx", "+OK"),
        ("get gone", "$-1"),
        ("object encoding gone", "$-1"),
    ];
    for (line, reply) in lines {
        everywhere(|world, _| {
            world.run("hset h a 1 b 2");
            world.run("hset gone a 1 b 2");
            world.run("hpexpire h 5 FIELDS 1 a");
            world.run("hpexpire gone 5 FIELDS 2 a b");
            world.pass(6);
            clear(world);
            assert_eq!(world.run(line), reply, "{line}");
            let key = if line.contains("gone") { "gone" } else { "h" };
            let events: Vec<_> = world.events().into_iter().filter(|event| event.ends_with(key)).collect();
            let expected = format!("hexpired {key}");
            assert!(line.starts_with("keys") || events.first() == Some(&expected), "{line}: {events:?}");
            // Once, not again by the wheel.
            world.expire();
            assert!(line.starts_with("keys") || !world.events().contains(&expected), "{line}");
        });
    }
    let mut world = world(1, &["del str", "hset gone a 1", "hpexpire gone 5 FIELDS 1 a"]);
    world.pass(6);
    assert_eq!(world.run("randomkey"), "$-1");
}

#[test]
fn a_key_and_its_fields_have_deadlines_of_their_own() {
    // Deadlines of key and field, the order of their setting, and the events when both have passed.
    let cases: &[(i64, i64, &[&str])] =
        &[(10, 5, &["hexpired h", "expired h"]), (5, 10, &["expired h"]), (5, 5, &["expired h"])];
    for (key, field, events) in cases {
        for key_first in [false, true] {
            everywhere(|world, path| {
                world.run("hset h a 1 b 2");
                let mut lines = [format!("pexpire h {key}"), format!("hpexpire h {field} FIELDS 1 a")];
                if !key_first {
                    lines.reverse();
                }
                lines.iter().for_each(|line| drop(world.run(line)));
                clear(world);
                for _ in 0..12 {
                    world.pass(1);
                    go(world, path);
                }
                assert_eq!(world.events(), *events, "{lines:?}");
            });
        }
    }
    everywhere(|world, path| {
        world.run("hset h a 1 b 2");
        world.run("pexpire h 5");
        world.run("hpexpire h 8 FIELDS 1 a");
        world.run("persist h");
        clear(world);
        world.pass(6);
        go(world, path);
        assert_eq!((world.run("hlen h"), world.events().len()), (":2".into(), 0));
        world.pass(3);
        go(world, path);
        assert_eq!((world.run("hlen h"), world.events()), (":1".into(), vec!["hexpired h".into()]));
        // And the other way round.
        world.run("pexpire h 5");
        world.run("hpexpire h 3 FIELDS 1 b");
        world.run("hpersist h FIELDS 1 b");
        clear(world);
        world.pass(4);
        go(world, path);
        assert_eq!((world.run("hlen h"), world.events().len()), (":1".into(), 0));
        world.pass(2);
        go(world, path);
        assert_eq!(world.events(), ["expired h"]);
    });
}

#[test]
fn moved_and_copied_fields_keep_their_deadlines() {
    let cases = [("rename h h2", 0, "h2"), ("rename h {h}3", 0, "{h}3"), ("copy h h2", 0, "h2"), ("move h 1", 1, "h")];
    for (line, db, key) in cases {
        everywhere(|world, path| {
            world.run("hset h2 x 1");
            world.run("hpexpire h2 2 FIELDS 1 x");
            if line.starts_with("copy") {
                world.run("del h2");
            }
            world.run("hset h a 1 b 2");
            world.run("pexpire h 100");
            world.run("hpexpire h 5 FIELDS 1 a");
            clear(world);
            let shard = shard_of(key.as_bytes(), world.shards.len());
            world.shards[shard].soonest = i64::MAX;
            world.run(line);
            assert!(world.shards[shard].soonest <= world.now.ms + 5, "the keeper is woken in time");
            let expected = format!("HPEXPIREAT {key} {} FIELDS 1 a", world.now.ms + 5);
            assert!(world.effect_lines().contains(&expected));
            clear(world);
            world.db = db;
            assert_eq!(world.run(&format!("hpttl {key} FIELDS 2 a b")), "*2 :5 :-1");
            world.pass(3);
            go(world, path);
            world.events();
            world.pass(3);
            go(world, path);
            let events = world.events();
            assert!(events.contains(&format!("hexpired {key}")), "{line}: {events:?}");
            assert_eq!(world.run(&format!("hkeys {key}")), "*1 $1 b");
            assert_eq!(world.run(&format!("pttl {key}")), ":94");
        });
    }
}

#[test]
fn what_is_overwritten_or_deleted_leaves_no_deadline_behind() {
    for line in ["set h v", "del h", "hdel h a b", "unlink h", "hset h a 9", "rename h2 h", "flushall", "set h v px 50"]
    {
        everywhere(|world, path| {
            world.run("hset h a 1 b 2");
            world.run("hset h2 z 1");
            world.run("hpexpire h 5 FIELDS 1 a");
            world.run(line);
            clear(world);
            let timed: usize = world.shards.iter().map(|shard| shard.db(0).fields_timed()).sum();
            assert_eq!(timed, 0, "{line}");
            world.pass(6);
            go(world, path);
            assert_eq!(world.events(), Vec::<String>::new(), "{line}");
        });
    }
}

#[test]
fn a_deadline_sooner_than_the_keeper_expects_wakes_it() {
    for line in ["hpexpire h 5 FIELDS 1 a", "hsetex h PX 5 FIELDS 1 a 1", "hgetex h PX 5 FIELDS 1 a"] {
        everywhere(|world, _| {
            world.run("hset h a 1");
            let shard = shard_of(b"h", world.shards.len());
            world.shards[shard].soonest = i64::MAX;
            world.run(line);
            assert_eq!(world.shards[shard].soonest, world.now.ms + 5, "{line}");
            assert!(world.shards[shard].next_wakeup().is_some_and(|at| at <= world.now.ms + 6));
        });
    }
    let mut world = world(1, &[]);
    world.run("hsetex new PX 5 FIELDS 1 a 1");
    assert_eq!(world.shards[0].soonest, world.now.ms + 5);
}

#[test]
fn many_hashes_go_in_the_order_of_their_deadlines() {
    let mut world = world(1, &[]);
    for i in 0..200 {
        world.run(&format!("hset k{i} a 1 b 2"));
        world.run(&format!("hpexpire k{i} {} FIELDS 1 a", 1 + (i * 37) % 50));
    }
    clear(&mut world);
    let mut order = Vec::new();
    for _ in 0..60 {
        world.pass(1);
        world.expire();
        order.extend(world.events());
    }
    assert_eq!(order.len(), 200);
    let deadline = |event: &String| {
        let i: i64 = event.trim_start_matches("hexpired k").parse().expect("a number");
        1 + (i * 37) % 50
    };
    assert!(order.iter().map(deadline).is_sorted());
}
