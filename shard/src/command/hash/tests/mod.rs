//! Replies, events and effects are those of Redis 8.0.6, but where a comment says otherwise. What happens when time passes is in
//! `expiry.rs`.

mod expiry;

use super::*;
use crate::command::generic::testing::{over_shards, put, with_unit};
use crate::event::class;
use crate::testing::World;
use curfew_protocol::Resp;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range";
const SYNTAX: &str = "-ERR syntax error";
const NO_FIELDS: &str = "-ERR Mandatory argument FIELDS is missing or not at the right position";
const MISMATCH: &str = "-ERR The `numfields` parameter must match the number of arguments";
const NOT_POSITIVE: &str = "-ERR Number of fields must be a positive integer";
const NEGATIVE: &str = "-ERR invalid expire time, must be >= 0";

/// A world after these lines, with a string at `str`.
fn world(shards: u16, lines: &[&str]) -> World {
    let mut world = World::new(shards);
    put(&mut world, "str", b"x", None);
    lines.iter().for_each(|line| assert!(!world.run(line).starts_with('-'), "{line}"));
    world.events();
    world.effects();
    world
}

fn replies(world: &mut World, lines: &[(&str, &str)]) {
    for (line, reply) in lines {
        assert_eq!(world.run(line), *reply, "{line}");
    }
}

/// What COMMAND says of a key's encoding.
fn encoding(world: &mut World, key: &str) -> String {
    world.run(&format!("object encoding {key}"))
}

fn clear(world: &mut World) {
    world.events();
    world.effects();
}

#[test]
fn reads() {
    for limits in ["small", "packed", "timed"] {
        let mut world = world(3, &[]);
        if limits == "small" {
            world.settings.limits.hash_entries = 0;
        }
        world.run("hset h a 1 b two");
        if limits == "timed" {
            world.run("hexpire h 100 fields 1 a");
        }
        replies(
            &mut world,
            &[
                ("hget h a", "$1 1"),
                ("hget h x", "$-1"),
                ("hget no a", "$-1"),
                ("hget str a", WRONG_TYPE),
                ("hmget h b x a b", "*4 $3 two $-1 $1 1 $3 two"),
                ("hmget no a b", "*2 $-1 $-1"),
                ("hmget str a", WRONG_TYPE),
                ("hlen h", ":2"),
                ("hlen no", ":0"),
                ("hlen str", WRONG_TYPE),
                ("hstrlen h b", ":3"),
                ("hstrlen h a", ":1"),
                ("hstrlen h x", ":0"),
                ("hexists h a", ":1"),
                ("hexists h x", ":0"),
                ("hgetall no", "*0"),
                ("hkeys no", "*0"),
                ("hvals no", "*0"),
                ("hgetall str", WRONG_TYPE),
            ],
        );
        world.run("hdel h b");
        replies(&mut world, &[("hgetall h", "*2 $1 a $1 1"), ("hkeys h", "*1 $1 a"), ("hvals h", "*1 $1 1")]);
        world.resp = Resp::Three;
        replies(&mut world, &[("hgetall h", "%1 $1 a $1 1"), ("hmget h x", "*1 _"), ("hgetall no", "%0")]);
    }
}

#[test]
fn writes() {
    over_shards(|world| {
        put(world, "str", b"x", None);
        check(
            world,
            &[
                ("hset h a", "-ERR wrong number of arguments for 'hset' command", "", ""),
                ("hset h a 1 b", "-ERR wrong number of arguments for 'hset' command", "", ""),
                ("hmset h a 1 b", "-ERR wrong number of arguments for 'hmset' command", "", ""),
                ("hset str a 1", WRONG_TYPE, "", ""),
                ("hset h a 1 b 2 a 3", ":2", "hset h", "hset h a 1 b 2 a 3"),
                ("hset h a 3", ":0", "hset h", "hset h a 3"),
                ("hmset h c 4", "+OK", "hset h", "hmset h c 4"),
                ("hsetnx h a 9", ":0", "", ""),
                ("hsetnx h d 9", ":1", "hset h", "HSET h d 9"),
                ("hsetnx str d 9", WRONG_TYPE, "", ""),
                ("hgetall h", "*8 $1 a $1 3 $1 b $1 2 $1 c $1 4 $1 d $1 9", "", ""),
                ("hdel h x y", ":0", "", ""),
                ("hdel no x", ":0", "", ""),
                ("hdel str x", WRONG_TYPE, "", ""),
                ("hdel h a x a b", ":2", "hdel h", "HDEL h a b"),
                ("hdel h c d", ":2", "hdel h, del h", "HDEL h c d"),
                ("exists h", ":0", "", ""),
                ("hincrby h n x", NOT_AN_INTEGER, "", ""),
                ("hincrby str n x", NOT_AN_INTEGER, "", ""),
                ("hincrby str n 1", WRONG_TYPE, "", ""),
                ("hincrby h n 5", ":5", "hincrby h", "hincrby h n 5"),
                ("hincrby h n 9223372036854775807", "-ERR increment or decrement would overflow", "", ""),
                ("hset h s abc z 011", ":2", "hset h", "hset h s abc z 011"),
                ("hincrby h s 1", "-ERR hash value is not an integer", "", ""),
                ("hincrby h z 1", "-ERR hash value is not an integer", "", ""),
                ("hincrbyfloat h s 1", "-ERR hash value is not a float", "", ""),
                ("hincrbyfloat h s nan", "-ERR value is not a valid float", "", ""),
                ("hincrbyfloat str s x", "-ERR value is not a valid float", "", ""),
                ("hincrbyfloat str s inf", "-ERR value is NaN or Infinity", "", ""),
                ("hincrbyfloat str s 1", WRONG_TYPE, "", ""),
                ("hincrbyfloat h n 0.1", "$3 5.1", "hincrbyfloat h", "HSET h n 5.1"),
                ("hincrbyfloat h f 0.1", "$3 0.1", "hincrbyfloat h", "HSET h f 0.1"),
                ("hincrbyfloat h f 0.2", "$3 0.3", "hincrbyfloat h", "HSET h f 0.3"),
                ("hincrbyfloat new f 3.0", "$1 3", "hincrbyfloat new", "HSET new f 3"),
            ],
        );
    });
}

#[test]
fn deadlines_are_set_under_conditions() {
    over_shards(|world| {
        put(world, "str", b"x", None);
        let now = world.now.ms;
        let at = |ms: i64| format!("HPEXPIREAT h {} FIELDS", now + ms);
        let invalid = |name: &str| format!("-ERR invalid expire time in '{name}' command");
        check(
            world,
            &[
                ("hset h a 1 b 2 c 3", ":3", "hset h", "hset h a 1 b 2 c 3"),
                ("hexpire h 100 FIELDS 1 a", "*1 :1", "hexpire h", &format!("{} 1 a", at(100_000))),
                ("hpexpire h 70 fields 3 a no a", "*3 :1 :-2 :1", "hexpire h", &format!("{} 2 a a", at(70))),
                ("hexpire no 100 FIELDS 2 a b", "*2 :-2 :-2", "", ""),
                ("hexpire h 100 NX FIELDS 1 a", "*1 :0", "", ""),
                ("hexpire h 100 NX FIELDS 1 b", "*1 :1", "hexpire h", &format!("{} 1 b", at(100_000))),
                ("hexpire h 100 XX FIELDS 2 b c", "*2 :1 :0", "hexpire h", &format!("{} 1 b", at(100_000))),
                ("hexpire h 50 GT FIELDS 2 b c", "*2 :0 :0", "", ""),
                ("hexpire h 200 gt FIELDS 1 b", "*1 :1", "hexpire h", &format!("{} 1 b", at(200_000))),
                ("hexpire h 200 LT FIELDS 1 b", "*1 :0", "", ""),
                ("hexpire h 30 LT FIELDS 2 b c", "*2 :1 :1", "hexpire h", &format!("{} 2 b c", at(30_000))),
                ("httl h FIELDS 4 a b c d", "*4 :1 :30 :30 :-2", "", ""),
                ("hpttl h FIELDS 2 a b", "*2 :70 :30000", "", ""),
                ("hexpiretime h FIELDS 2 a b", "*2 :1735689601 :1735689630", "", ""),
                ("hpexpiretime h FIELDS 2 a b", "*2 :1735689600070 :1735689630000", "", ""),
                ("hpersist h FIELDS 4 a b b no", "*4 :1 :1 :-1 :-2", "hpersist h", "HPERSIST h FIELDS 2 a b"),
                ("hpersist h FIELDS 2 a no", "*2 :-1 :-2", "", ""),
                ("hpersist no FIELDS 1 a", "*1 :-2", "", ""),
                ("httl h FIELDS 2 a c", "*2 :-1 :30", "", ""),
                ("httl no FIELDS 1 a", "*1 :-2", "", ""),
                ("hexpire h 0 XX FIELDS 1 a", "*1 :0", "", ""),
                ("hexpire h 0 FIELDS 3 a a no", "*3 :2 :-2 :-2", "hdel h", "HDEL h a"),
                ("hpexpireat h 1735689600000 FIELDS 1 b", "*1 :2", "hdel h", "HDEL h b"),
                ("hexpireat h 1 FIELDS 1 c", "*1 :2", "hdel h, del h", "HDEL h c"),
                ("exists h", ":0", "", ""),
                ("hset h a 1", ":1", "hset h", "hset h a 1"),
                (
                    "hpexpireat h 70368744177663 FIELDS 1 a",
                    "*1 :1",
                    "hexpire h",
                    "HPEXPIREAT h 70368744177663 FIELDS 1 a",
                ),
                ("hpexpireat h 70368744177664 FIELDS 1 a", &invalid("hpexpireat"), "", ""),
                ("hexpireat h 70368744178 FIELDS 1 a", &invalid("hexpireat"), "", ""),
                ("hexpire h 9223372036854775807 FIELDS 1 a", &invalid("hexpire"), "", ""),
                ("hpexpire h 9223372036854775807 FIELDS 1 a", &invalid("hpexpire"), "", ""),
            ],
        );
        replies(
            world,
            &[
                ("hexpire str x FIELDS 2 a no", WRONG_TYPE),
                ("hexpire no x FOO 1 a", NOT_AN_INTEGER),
                ("hexpire h -1 FOO 1 a", NEGATIVE),
                ("hexpire h 1 FOO 1 a", NO_FIELDS),
                ("hexpire h 1 NX XX FIELDS 1 a", NO_FIELDS),
                ("hexpire h 1 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0"),
                ("hexpire h 1 FIELDS x a", "-ERR Parameter `numFields` should be greater than 0"),
                ("hexpire h 1 FIELDS 2 a", MISMATCH),
                ("hexpire h 1 FIELDS 1 a NX", MISMATCH),
                ("httl str FOO 1 a", WRONG_TYPE),
                ("httl no FOO 1 a", NO_FIELDS),
                ("httl h FIELDS 0 a", NOT_POSITIVE),
                ("httl h FIELDS 2 a", MISMATCH),
                ("hpersist no FOO 1 a", NO_FIELDS),
                ("hpersist str FIELDS 0 a", WRONG_TYPE),
                ("hpersist h FIELDS 0 a", NOT_POSITIVE),
                ("hpersist h FIELDS 1 a b", MISMATCH),
            ],
        );
        assert_eq!((world.events(), world.effect_lines()), (vec![], vec![]));
    });
}

#[test]
fn hgetdel_and_hgetex() {
    over_shards(|world| {
        put(world, "str", b"x", None);
        let now = world.now.ms;
        check(
            world,
            &[
                ("hset h a 1 b 2 c 3", ":3", "hset h", "hset h a 1 b 2 c 3"),
                ("hgetdel h FIELDS 3 a no a", "*3 $1 1 $-1 $-1", "hdel h", "HDEL h a"),
                ("hgetdel h FIELDS 1 a", "*1 $-1", "", ""),
                ("hgetdel no FIELDS 1 a", "*1 $-1", "", ""),
                ("hgetdel h FIELDS 2 b c", "*2 $1 2 $1 3", "hdel h, del h", "HDEL h b c"),
                ("hset h a 1 b 2 c 3", ":3", "hset h", "hset h a 1 b 2 c 3"),
                ("hgetex h FIELDS 2 a no", "*2 $1 1 $-1", "", ""),
                (
                    "hgetex h EX 100 FIELDS 2 a no",
                    "*2 $1 1 $-1",
                    "hexpire h",
                    &format!("HPEXPIREAT h {} FIELDS 1 a", now + 100_000),
                ),
                ("hgetex h ex 100 FIELDS 1 no", "*1 $-1", "", ""),
                ("hgetex h PERSIST FIELDS 2 a b", "*2 $1 1 $1 2", "hpersist h", "HPERSIST h FIELDS 1 a"),
                ("hgetex h persist FIELDS 1 a", "*1 $1 1", "", ""),
                (
                    "hgetex h PXAT 5000000000000 FIELDS 2 a b",
                    "*2 $1 1 $1 2",
                    "hexpire h",
                    "HPEXPIREAT h 5000000000000 FIELDS 2 a b",
                ),
                ("hgetex h EX 0 FIELDS 2 a a", "*2 $1 1 $-1", "hdel h", "HDEL h a"),
                ("hgetex no EX 0 FIELDS 1 a", "*1 $-1", "", ""),
                ("hgetex h EXAT 1 FIELDS 2 b c", "*2 $1 2 $1 3", "hdel h, del h", "HDEL h b c"),
                ("exists h", ":0", "", ""),
            ],
        );
        replies(
            world,
            &[
                ("hgetdel str FOO 2 c c", WRONG_TYPE),
                ("hgetdel no FOO 2 c c", NO_FIELDS),
                ("hgetdel no FIELDS 0 c", NOT_POSITIVE),
                ("hgetdel no FIELDS 2 c", MISMATCH),
                ("hgetex str EX -1 FIELDS", WRONG_TYPE),
                ("hgetex no EX x FIELDS", NOT_AN_INTEGER),
                ("hgetex no EX -1 FIELDS", NEGATIVE),
                ("hgetex no EX 10 FIELDS", "-ERR wrong number of arguments for 'hgetex' command"),
                ("hgetex no EX 10 FOO 1 a", NO_FIELDS),
                ("hgetex no KEEPTTL FIELDS 1 a", NO_FIELDS),
                ("hgetex no EX 10 PERSIST FIELDS 1 a", NO_FIELDS),
                ("hgetex no PERSIST FIELDS x a", NOT_POSITIVE),
                ("hgetex no FIELDS 1 a PERSIST", MISMATCH),
                ("hgetex no PXAT 70368744177664 FIELDS 1 a", "-ERR invalid expire time in 'hgetex' command"),
            ],
        );
        assert_eq!((world.events(), world.effect_lines()), (vec![], vec![]));
    });
}

#[test]
fn hsetex() {
    over_shards(|world| {
        put(world, "str", b"x", None);
        let now = world.now.ms;
        let until = |fields: &str| format!("HSETEX h PXAT {} FIELDS {fields}", now + 100_000);
        check(
            world,
            &[
                ("hsetex h FXX FIELDS 1 a 1", ":0", "", ""),
                ("hsetex h FIELDS 2 a 1 b 2", ":1", "hset h", "HSET h a 1 b 2"),
                ("hsetex h EX 100 FIELDS 2 a 1 b 2", ":1", "hset h, hexpire h", &until("2 a 1 b 2")),
                ("hsetex h KEEPTTL FIELDS 2 a 3 c 4", ":1", "hset h", "HSETEX h KEEPTTL FIELDS 2 a 3 c 4"),
                ("httl h FIELDS 3 a b c", "*3 :100 :100 :-1", "", ""),
                ("hsetex h FIELDS 1 a 3", ":1", "hset h", "HSET h a 3"),
                ("httl h FIELDS 3 a b c", "*3 :-1 :100 :-1", "", ""),
                ("hsetex h FNX FIELDS 2 z 3 a 4", ":0", "", ""),
                ("hsetex h FXX FIELDS 2 a 3 z 4", ":0", "", ""),
                ("hsetex h FNX FIELDS 2 y 3 y 4", ":1", "hset h", "HSET h y 3 y 4"),
                ("hsetex h EX 100 fxx FIELDS 1 y 5", ":1", "hset h, hexpire h", &until("1 y 5")),
                ("hsetex h PXAT 1 FIELDS 2 y 5 q 6", ":1", "hset h, hdel h", "HDEL h y q"),
                ("hsetex h EX 0 FIELDS 3 a 1 b 2 c 3", ":1", "hset h, hdel h, del h", "HDEL h a b c"),
                ("hsetex h EX 0 FIELDS 1 a 1", ":1", "hset h, hdel h, del h", "HDEL h a"),
                ("exists h", ":0", "", ""),
            ],
        );
        let arity = "-ERR wrong number of arguments for 'hsetex' command";
        let one_deadline = "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
        replies(
            world,
            &[
                ("hsetex str FIELDS 1 a 1", WRONG_TYPE),
                ("hsetex str FOO FIELDS 1 a 1", "-ERR unknown argument: FOO"),
                ("hsetex h FXX FNX FIELDS 1 y 5", "-ERR Only one of FXX or FNX arguments can be specified"),
                ("hsetex h EX 1 KEEPTTL FIELDS 1 y 5", one_deadline),
                ("hsetex h EX 1 EX 2 FIELDS 1 y 5", one_deadline),
                ("hsetex h EX x FOO 1 a 1", NOT_AN_INTEGER),
                ("hsetex h EX -1 FOO 1 a 1", NEGATIVE),
                ("hsetex h EX 9999999999999999 FOO 1 a 1", "-ERR invalid expire time in 'hsetex' command"),
                ("hsetex h EX 10 FXX FIELDS", arity),
                ("hsetex h FIELDS 0 a 1", "-ERR invalid number of fields"),
                ("hsetex h FIELDS 4611686018427387905 a 1", "-ERR invalid number of fields"),
                ("hsetex h FIELDS 2 a 1", arity),
                ("hsetex h FIELDS 1 a 1 FXX", arity),
            ],
        );
        assert_eq!((world.events(), world.effect_lines()), (vec![], vec![]));
        world.settings.notify |= class::NEW;
        world.run("hsetex h PXAT 1 FIELDS 1 a 1");
        assert_eq!(world.events(), ["new h", "hset h", "hdel h", "del h"]);
    });
}

#[test]
fn who_clears_a_deadline_and_who_keeps_it() {
    for entries in [0, 512] {
        let cases = [
            ("hset h f 1", -1),
            ("hmset h f 1", -1),
            ("hsetnx h f 1", 100),
            ("hincrby h f 1", 100),
            ("hincrbyfloat h f 1", 100),
            ("hsetex h FIELDS 1 f 1", -1),
            ("hsetex h KEEPTTL FIELDS 1 f 1", 100),
            ("hget h f", 100),
            ("hdel h f", -2),
        ];
        for (line, left) in cases {
            let mut world = world(2, &[]);
            world.settings.limits.hash_entries = entries;
            world.run("hset h f 1 g 2");
            world.run("hexpire h 100 FIELDS 1 f");
            world.run(line);
            assert_eq!(world.run("httl h FIELDS 2 f g"), format!("*2 :{left} :-1"), "{line}");
            let spaces = world.shards.iter().map(|shard| shard.db(0).fields_timed());
            assert_eq!(spaces.sum::<usize>(), usize::from(left > 0), "{line}");
        }
    }
    let mut world = world(1, &["hset h f 1", "hpexpire h 5000 FIELDS 1 f"]);
    world.run("hincrbyfloat h f 1.5");
    assert_eq!(world.effect_lines(), ["HSETEX h KEEPTTL FIELDS 1 f 2.5"]);
}

#[test]
fn encodings() {
    let mut world = world(2, &["hset h a 1"]);
    let lines = [
        ("hgetex h FIELDS 1 a", "$8 listpack"),
        ("hpersist h FIELDS 1 a", "$8 listpack"),
        ("hsetex h KEEPTTL FIELDS 1 a 2", "$8 listpack"),
        ("hsetex h FXX EX 10 FIELDS 1 zz 2", "$8 listpack"),
        ("httl h FIELDS 1 a", "$8 listpack"),
        ("hexpire h 100 XX FIELDS 1 a", "$10 listpackex"),
        ("del h", "$-1"),
        ("hset h a 1", "$8 listpack"),
        ("hgetex h PERSIST FIELDS 1 a", "$10 listpackex"),
        ("del h", "$-1"),
        ("hset h a 1 b 2", "$8 listpack"),
        ("hsetex h PXAT 1 FIELDS 1 b 2", "$10 listpackex"),
        ("hset h b 12345678901234567890123456789012345678901234567890123456789012345", "$9 hashtable"),
        ("hdel h b", "$9 hashtable"),
    ];
    for (line, expected) in lines {
        world.run(line);
        assert_eq!(encoding(&mut world, "h"), expected, "{line}");
    }
}

#[test]
fn random_fields() {
    for entries in [0, 512] {
        let mut world = world(1, &[]);
        world.settings.limits.hash_entries = entries;
        (0..40).for_each(|i| drop(world.run(&format!("hset h f{i} v{i}"))));
        clear(&mut world);
        let fields = |reply: &str| -> Vec<String> {
            reply.split(' ').filter(|word| word.starts_with('f')).map(str::to_owned).collect()
        };
        for (count, expected) in [(1, 1), (5, 5), (39, 39), (40, 40), (41, 40), (-5, 5), (-100, 100), (0, 0)] {
            let found = fields(&world.run(&format!("hrandfield h {count}")));
            assert_eq!(found.len(), expected, "{count}");
            let distinct: std::collections::BTreeSet<_> = found.iter().collect();
            assert!(count < 0 || distinct.len() == expected);
            let reply = world.run(&format!("hrandfield h {count} withvalues"));
            let words: Vec<&str> = reply.split(' ').filter(|word| !word.starts_with(['$', '*'])).collect();
            assert_eq!(words.len(), expected * 2);
            assert!(words.chunks(2).all(|pair| pair[0][1..] == pair[1][1..]), "{reply}");
        }
        let all: std::collections::BTreeSet<_> = (0..2000).flat_map(|_| fields(&world.run("hrandfield h"))).collect();
        assert_eq!(all.len(), 40);
        let all: std::collections::BTreeSet<_> = (0..500).flat_map(|_| fields(&world.run("hrandfield h 3"))).collect();
        assert_eq!(all.len(), 40);
        assert!(world.effects().is_empty() && world.events().is_empty());
    }
    let out_of_range = "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
    let mut world = world(1, &["hset h a 1"]);
    replies(
        &mut world,
        &[
            ("hrandfield no", "$-1"),
            ("hrandfield no 5", "*0"),
            ("hrandfield no -5 withvalues", "*0"),
            ("hrandfield h x", NOT_AN_INTEGER),
            ("hrandfield str x", NOT_AN_INTEGER),
            ("hrandfield str 1", WRONG_TYPE),
            ("hrandfield h 1 foo", SYNTAX),
            ("hrandfield h 1 withvalues foo", SYNTAX),
            ("hrandfield h -9223372036854775808 foo", out_of_range),
            ("hrandfield h 4611686018427387904 withvalues", "-ERR value is out of range"),
            ("hrandfield h 4611686018427387903 withvalues", "*2 $1 a $1 1"),
            ("hrandfield h 9223372036854775807", "*1 $1 a"),
            // Redis would fill the memory.
            ("hrandfield h -9223372036854775807", "-ERR value is out of range"),
        ],
    );
    world.resp = Resp::Three;
    replies(
        &mut world,
        &[
            ("hrandfield h", "$1 a"),
            ("hrandfield no", "_"),
            ("hrandfield h 1", "*1 $1 a"),
            ("hrandfield h -2 withvalues", "*2 *2 $1 a $1 1 *2 $1 a $1 1"),
            ("hrandfield no 2 withvalues", "*0"),
        ],
    );
}

#[test]
fn scans() {
    let mut world = world(1, &["hset h a 1 b 2 ab 3"]);
    replies(
        &mut world,
        &[
            ("hscan h 0", "*2 $1 0 *6 $1 a $1 1 $1 b $1 2 $2 ab $1 3"),
            ("hscan h 7", "*2 $1 0 *6 $1 a $1 1 $1 b $1 2 $2 ab $1 3"),
            ("hscan h 0 match a* count 1", "*2 $1 0 *4 $1 a $1 1 $2 ab $1 3"),
            ("hscan h 0 novalues match *", "*2 $1 0 *3 $1 a $1 b $2 ab"),
            ("hscan h x", "-ERR invalid cursor"),
            ("hscan str x foo", "-ERR invalid cursor"),
            ("hscan str 0 foo", WRONG_TYPE),
            ("hscan no 0 foo", "*2 $1 0 *0"),
            ("hscan h 0 foo", SYNTAX),
            ("hscan h 0 type hash", SYNTAX),
            ("hscan h 0 match", SYNTAX),
            ("hscan h 0 count", SYNTAX),
            ("hscan h 0 count 0", SYNTAX),
            ("hscan h 0 count x", NOT_AN_INTEGER),
        ],
    );
    world.settings.limits.hash_entries = 10;
    let names: Vec<String> = (0..300).map(|i| format!("f{i}")).collect();
    names.iter().for_each(|name| drop(world.run(&format!("hset big {name} v"))));
    let (mut cursor, mut seen, mut calls) = ("0".to_owned(), std::collections::BTreeSet::new(), 0);
    loop {
        let reply = world.run(&format!("hscan big {cursor} count 20"));
        let words: Vec<&str> = reply.split(' ').collect();
        cursor = words[2].to_owned();
        seen.extend(words.iter().filter(|word| word.starts_with('f')).map(|word| (*word).to_owned()));
        calls += 1;
        if cursor == "0" {
            break;
        }
        world.run(&format!("hset big new{calls} v"));
    }
    assert!(names.iter().all(|name| seen.contains(name)) && calls > 3);
}

// ---- fields leave on time ---------------------------------------------------------------------------------------------

/// Fields and values with deadlines, in the order of the fields.
fn content(world: &mut World, key: &[u8]) -> Vec<(Vec<u8>, Vec<u8>, Option<i64>)> {
    with_unit(world, |unit| {
        let Ok(Some(hash)) = unit.peek_view::<Hash>(key) else { return Vec::new() };
        let mut all: Vec<_> = hash
            .iter()
            .map(|(field, value)| (field.to_vec(), value.to_vec(), hash.deadline(&field.to_vec()).flatten()))
            .collect();
        all.sort();
        all
    })
}

/// As the property over all commands in `tests/replay.rs`, with hashes large enough to be tables.
#[test]
fn effects_make_the_same_hash_in_another_encoding() {
    let lines = [
        "hset h a 1 b 2 c 3 d 4 e 5",
        "hpexpire h 5 FIELDS 2 a b",
        "hsetex h PX 7 FIELDS 2 f 1 g 2",
        "hincrbyfloat h f 1.5",
        "hincrbyfloat h c 1.5",
        "hpersist h FIELDS 1 b",
        "hgetex h PX 900 FIELDS 2 c d",
        "hgetdel h FIELDS 1 e",
        "rename h h2",
        "copy h2 h",
        "hset h c 7",
        "hsetex h KEEPTTL FIELDS 1 d 9",
        "hexpire h 0 FIELDS 1 g",
        "hincrby h c 2",
    ];
    let mut world = world(3, &[]);
    world.settings.limits.hash_entries = 3;
    let start = world.now;
    for line in lines {
        assert!(!world.run(line).starts_with('-'), "{line}");
        world.pass(1);
    }
    world.expire();
    let mut copy = World::new(2);
    copy.now = start;
    for effect in world.effects() {
        let words: Vec<Vec<u8>> = effect.args.view().iter().map(<[u8]>::to_vec).collect();
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        assert!(!copy.run_words(&words).starts_with('-'));
    }
    for key in [b"h".as_slice(), b"h2"] {
        let expected = content(&mut world, key);
        assert!(!expected.is_empty());
        assert_eq!(content(&mut copy, key), expected);
    }
    assert_eq!(encoding(&mut world, "h"), "$9 hashtable");
}

#[test]
fn a_hash_of_ten_fields_is_small() {
    let mut world = World::new(1);
    let hashes = 5_000;
    for i in 0..hashes {
        let fields: String = (0..10).map(|f| format!(" field:{f} value-of-16-byt{f}")).collect();
        world.run(&format!("hset key:{i:012}{fields}"));
        world.effects();
        world.events();
    }
    let per_field = world.shards[0].bytes() as f64 / f64::from(hashes * 10);
    assert!(per_field <= 36.0, "{per_field} bytes a field");
}
