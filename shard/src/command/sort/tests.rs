use super::*;
use crate::testing::World;
use curfew_protocol::Resp;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

fn check(world: &mut World, cases: &[(&str, &str)]) {
    for (line, reply) in cases {
        assert_eq!(world.run(line), *reply, "{line}");
    }
}

fn world() -> World {
    let mut world = World::new(4);
    world.run("rpush l 3 1 2 10");
    world.run("rpush words b a C B");
    world.run("mset w1 30 w2 20 w3 10 t1 x t3 a t10 m s v o_1_ one o_2_ two");
    world.events();
    world.effects();
    world
}

#[test]
fn sorting() {
    let mut world = world();
    check(
        &mut world,
        &[
            ("sort l", "*4 $1 1 $1 2 $1 3 $2 10"),
            ("sort l desc", "*4 $2 10 $1 3 $1 2 $1 1"),
            ("sort l desc asc alpha", "*4 $1 1 $2 10 $1 2 $1 3"),
            ("sort_ro l limit 1 2", "*2 $1 2 $1 3"),
            ("sort l limit 3 100", "*1 $2 10"),
            ("sort l limit 4 1", "*0"),
            ("sort l limit 0 0", "*0"),
            ("sort l limit -5 2", "*2 $1 1 $1 2"),
            ("sort l limit 2 -7", "*2 $1 3 $2 10"),
            ("sort l limit 9223372036854775807 9223372036854775807", "*0"),
            ("sort words", "-ERR One or more scores can't be converted into double"),
            ("sort words store d", "-ERR One or more scores can't be converted into double"),
            ("sort words alpha", "*4 $1 B $1 C $1 a $1 b"),
            ("sort words alpha desc limit 0 1", "*1 $1 b"),
            ("sort nokey", "*0"),
            ("sort s", WRONG_TYPE),
            ("sort s by nosort get #", WRONG_TYPE),
            ("sort s nosuch", "-ERR syntax error"),
            ("sort l limit 1", "-ERR syntax error"),
            ("sort l limit x 1", "-ERR value is not an integer or out of range"),
            ("sort l by", "-ERR syntax error"),
            ("sort l get", "-ERR syntax error"),
            ("sort l store", "-ERR syntax error"),
            ("sort_ro l store d", "-ERR syntax error"),
        ],
    );
    assert!(world.effects().is_empty() && world.events().is_empty());
}

#[test]
fn by_and_get() {
    let mut world = world();
    check(
        &mut world,
        &[
            // Without a weight it is 0.
            ("sort l by w*", "*4 $2 10 $1 3 $1 2 $1 1"),
            ("sort l by t* alpha", "*4 $1 2 $1 3 $2 10 $1 1"),
            ("sort l by t* alpha desc", "*4 $1 1 $2 10 $1 3 $1 2"),
            ("sort l by t*", "-ERR One or more scores can't be converted into double"),
            ("sort l by nosort", "*4 $1 3 $1 1 $1 2 $2 10"),
            ("sort l by nosort desc", "*4 $2 10 $1 2 $1 1 $1 3"),
            ("sort l by nosort desc limit 1 2", "*2 $1 2 $1 1"),
            ("sort l by nosort limit 1 2", "*2 $1 1 $1 2"),
            ("sort l by nosort limit 5 2", "*0"),
            ("sort l by # by w*", "*4 $1 3 $1 1 $1 2 $2 10"),
            ("sort l get # get w* limit 0 2", "*4 $1 1 $2 30 $1 2 $2 20"),
            ("sort l get o_*_", "*4 $3 one $3 two $-1 $-1"),
            ("sort l get fixed limit 0 1", "*1 $-1"),
            // Neither a string nor a hash.
            ("rpush k1 x", ":1"),
            ("sort l get k* get k*->f limit 0 1", "*2 $-1 $-1"),
            ("sort l get w*->f limit 0 1", "*1 $-1"),
        ],
    );
    world.resp = Resp::Three;
    check(&mut world, &[("sort l get o_*_ limit 0 3", "*3 $3 one $3 two _")]);
}

#[test]
fn fields_sets_and_sorted_sets() {
    let mut world = World::new(3);
    world.run("hset h1 f 2");
    world.run("sadd s 1 2");
    world.run("hset h2 f 1 g x");
    world.run("zadd z 5 1 4 2 6 3");
    check(
        &mut world,
        &[
            ("sort s by h*->f", "*2 $1 2 $1 1"),
            ("sort s get h*->g", "*2 $-1 $1 x"),
            ("sort s by nosort store d", ":2"),
            ("lrange d 0 -1", "*2 $1 1 $1 2"),
            ("sort z", "*3 $1 1 $1 2 $1 3"),
            ("sort z by nosort", "*3 $1 2 $1 1 $1 3"),
            ("sort z by nosort desc", "*3 $1 3 $1 1 $1 2"),
            ("sort z by nosort desc limit 1 1", "*1 $1 1"),
            ("sort z desc limit 0 2", "*2 $1 3 $1 2"),
        ],
    );
}

#[test]
fn store() {
    let mut world = world();
    let cases = [
        ("sort l store d", ":4", "sortstore d", "DEL d, RPUSH d 1 2 3 10"),
        ("sort l by w* get # get o_*_ limit 1 2 store d", ":4", "sortstore d", "DEL d, RPUSH d 3  2 two"),
        ("sort l desc limit 0 3 store l", ":3", "sortstore l", "DEL l, RPUSH l 10 3 2"),
        ("sort nokey store d", ":0", "del d", "DEL d"),
        ("sort nokey store d", ":0", "", ""),
        ("sort l store s", ":3", "sortstore s", "DEL s, RPUSH s 2 3 10"),
    ];
    for (line, reply, events, effects) in cases {
        assert_eq!(world.run(line), reply, "reply of {line}");
        assert_eq!(world.events().join(", "), events, "events of {line}");
        assert_eq!(world.effect_lines().join(", "), effects, "effects of {line}");
    }
}

#[test]
fn a_stored_list_has_the_form_of_its_size() {
    let mut world = World::new(1);
    world.settings.limits.list_size = 3;
    world.run("rpush l 4 3 2 1");
    world.run("sort l store many");
    world.run("sort l limit 0 3 store few");
    check(
        &mut world,
        &[
            ("object encoding many", "$9 quicklist"),
            ("object encoding few", "$8 listpack"),
            ("lrange many 0 -1", "*4 $1 1 $1 2 $1 3 $1 4"),
        ],
    );
}

#[test]
fn numbers_that_redis_reads() {
    let cases: &[(&[u8], Option<f64>)] = &[
        (b"", Some(0.0)),
        (b"1\0x", Some(1.0)),
        (b"+1.5e1", Some(15.0)),
        (b"0x10", None),
        (b"-inf", Some(f64::NEG_INFINITY)),
        (b"1e400", Some(f64::INFINITY)),
        (b"1e-400", Some(0.0)),
        (b" 1", None),
        (b"1 ", None),
        (b"nan", None),
        (b"x", None),
        (b"\xff", None),
    ];
    for (text, expected) in cases {
        assert_eq!(score(text), *expected, "{}", text.escape_ascii());
    }
}
