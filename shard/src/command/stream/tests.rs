//! The commands: replies, events, effects. That all of it is as in Redis is for the differential test to say.

use crate::command::describe::describe;
use crate::shard::wait::{Null, Wait};
use crate::testing::World;
use crate::unit::{Held, Unit};
use curfew_protocol::args::OwnedArgs;
use curfew_protocol::{Reply, Resp};

/// Runs lines and compares their replies.
fn check(world: &mut World, cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        assert_eq!(world.run(line), *expected, "{line}");
    }
}

#[test]
fn entries_are_added_read_and_trimmed() {
    let mut world = World::new(1);
    check(
        &mut world,
        &[
            ("XADD s NOMKSTREAM 1-1 f v", "$-1"),
            ("XADD s 0-0 f v", "-ERR The ID specified in XADD must be greater than 0-0"),
            ("EXISTS s", ":0"),
            ("XADD s 1-1 f v", "$3 1-1"),
            ("XADD s 1-* f w", "$3 1-2"),
            ("XADD s 1-2 f w", "-ERR The ID specified in XADD is equal or smaller than the target stream top item"),
            ("XADD s * f x g y", "$15 1735689600000-0"),
            ("XADD s * f", "-ERR wrong number of arguments for 'xadd' command"),
            ("XLEN s", ":3"),
            ("XRANGE s - + COUNT 1", "*1 *2 $3 1-1 *2 $1 f $1 v"),
            ("XRANGE s (1-1 1", "*1 *2 $3 1-2 *2 $1 f $1 w"),
            ("XREVRANGE s + 2", "*1 *2 $15 1735689600000-0 *4 $1 f $1 x $1 g $1 y"),
            ("XRANGE s - + COUNT 0", "*-1"),
            ("XDEL s 1-1 9-9", ":1"),
            ("XTRIM s MAXLEN ~ 1", ":0"),
            ("XTRIM s MAXLEN 1", ":1"),
            ("XADD s MAXLEN 1 * f z", "$15 1735689600000-1"),
            ("XLEN s", ":1"),
        ],
    );
    let events = ["xadd s", "xadd s", "xadd s", "xdel s", "xtrim s", "xadd s", "xtrim s"];
    assert_eq!(world.events(), events);
    assert_eq!(
        world.effect_lines(),
        [
            "XADD s 1-1 f v",
            "XADD s 1-2 f w",
            "XADD s 1735689600000-0 f x g y",
            "XDEL s 1-1 9-9",
            "XTRIM s MAXLEN = 1",
            "XADD s MAXLEN = 1 1735689600000-1 f z"
        ]
    );
}

#[test]
fn ids_never_go_back() {
    let mut world = World::new(1);
    assert_eq!(world.run("XADD s * f v"), "$15 1735689600000-0");
    world.pass(-1000);
    assert_eq!(world.run("XADD s * f v"), "$15 1735689600000-1");
}

#[test]
fn an_empty_stream_stays() {
    let mut world = World::new(1);
    check(
        &mut world,
        &[
            ("XADD s 5-1 f v", "$3 5-1"),
            ("XDEL s 5-1", ":1"),
            ("TYPE s", "+stream"),
            ("XADD s 5-1 f v", "-ERR The ID specified in XADD is equal or smaller than the target stream top item"),
        ],
    );
    assert_eq!(
        described(&mut world, "s"),
        ["DEL s", "XADD s MAXLEN 0 0-1 x y", "XSETID s 5-1 ENTRIESADDED 1 MAXDELETEDID 5-1"]
    );
}

#[test]
fn a_group_reads_and_leaves_what_it_did() {
    let mut world = World::new(1);
    check(
        &mut world,
        &[
            ("XADD s 1-1 f 1", "$3 1-1"),
            ("XADD s 2-1 f 2", "$3 2-1"),
            ("XGROUP CREATE s g 0", "+OK"),
            ("XREADGROUP GROUP g c COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 1"),
        ],
    );
    world.events();
    assert_eq!(
        world.effect_lines()[2..],
        [
            "XGROUP CREATE s g 0-0 MKSTREAM ENTRIESREAD -1",
            "XGROUP CREATECONSUMER s g c",
            "XCLAIM s g c 0 1-1 TIME 1735689600000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1",
            "XGROUP SETID s g 1-1 ENTRIESREAD 1",
        ]
    );
    world.pass(50);
    check(
        &mut world,
        &[
            ("XPENDING s g", "*4 :1 $3 1-1 $3 1-1 *1 *2 $1 c $1 1"),
            ("XPENDING s g - + 10", "*1 *4 $3 1-1 $1 c :50 :1"),
            ("XPENDING s g IDLE 51 - + 10", "*0"),
            ("XREADGROUP GROUP g d NOACK STREAMS s >", "*1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 2"),
            ("XREADGROUP GROUP g d STREAMS s 0", "*1 *2 $1 s *0"),
            ("XAUTOCLAIM s g d 10 0", "*3 $3 0-0 *1 *2 $3 1-1 *2 $1 f $1 1 *0"),
            ("XPENDING s g - + 10", "*1 *4 $3 1-1 $1 d :0 :2"),
            ("XDEL s 1-1", ":1"),
            ("XREADGROUP GROUP g d STREAMS s 0", "*1 *2 $1 s *1 *2 $3 1-1 *-1"),
            ("XCLAIM s g c 0 1-1 JUSTID", "*0"),
            ("XPENDING s g", "*4 :0 $-1 $-1 *-1"),
        ],
    );
    assert_eq!(world.events(), ["xgroup-createconsumer s", "xdel s"]);
    assert_eq!(
        world.effect_lines(),
        [
            "XGROUP CREATECONSUMER s g d",
            "XGROUP SETID s g 2-1 ENTRIESREAD 2",
            "XCLAIM s g d 0 1-1 TIME 1735689600050 RETRYCOUNT 2 FORCE JUSTID LASTID 2-1",
            "XDEL s 1-1",
            "XACK s g 1-1",
        ]
    );
}

#[test]
fn maps_are_maps_in_the_new_protocol() {
    let mut world = World::new(1);
    world.run("XADD s 1-1 f v");
    world.run("XGROUP CREATE s g $");
    world.resp = Resp::Three;
    check(
        &mut world,
        &[
            ("XREAD STREAMS s 0", "%1 $1 s *1 *2 $3 1-1 *2 $1 f $1 v"),
            (
                "XINFO GROUPS s",
                "*1 %6 $4 name $1 g $9 consumers :0 $7 pending :0 $17 last-delivered-id $3 1-1 $12 entries-read _ $3 lag :0",
            ),
            ("XREAD STREAMS s $", "_"),
        ],
    );
}

/// What is described is what is made by running it, with all that a stream remembers.
#[test]
fn a_description_makes_the_same_stream() {
    let lines = [
        "XADD s 1-1 f 1",
        "XADD s 2-1 f 2 g 3",
        "XADD s 3-1 f 3",
        "XADD s 4-1 f 3",
        "XGROUP CREATE s g 0",
        "XGROUP CREATE s h $ ENTRIESREAD 2",
        "XGROUP CREATECONSUMER s h idle",
        "XREADGROUP GROUP g c COUNT 3 STREAMS s >",
        "XREADGROUP GROUP g d STREAMS s >",
    ];
    let ends: &[&[&str]] = &[
        &[],
        &["XDEL s 2-1"],
        &["XTRIM s MAXLEN 2"],
        &["XTRIM s MAXLEN 0"],
        &["XTRIM s MAXLEN 1", "XDEL s 4-1"],
        &["XDEL s 3-1", "XTRIM s MAXLEN 1", "XSETID s 9-9 ENTRIESADDED 100"],
        &["XTRIM s MAXLEN 0", "XSETID s 0-0"],
        &["XDEL s 4-1"],
    ];
    for end in ends {
        let mut world = World::new(1);
        for line in lines.iter().chain(*end) {
            assert!(!world.run(line).starts_with('-'), "{line}");
        }
        let mut copy = World::new(1);
        let expected = described(&mut world, "s");
        for line in &expected {
            assert!(!copy.run(line).starts_with('-'), "{end:?}: {line}");
        }
        assert_eq!(described(&mut copy, "s"), expected, "{end:?}");
        for line in ["XINFO STREAM s", "XINFO GROUPS s", "XRANGE s - +", "XPENDING s g - + 10"] {
            assert_eq!(copy.run(line), world.run(line), "{end:?}: {line}");
        }
    }
}

#[test]
fn readers_wait_and_are_served() {
    let mut world = World::new(1);
    world.run("XADD s 1-1 f 1");
    world.run("XGROUP CREATE s g $");
    world.events();
    let plain = waiting(&mut world, "XREAD BLOCK 5 COUNT 1 STREAMS s t $ 0");
    let words: Vec<_> = plain.args.view().iter().map(<[u8]>::to_vec).collect();
    assert_eq!(words[6..].join(&b' '), b"s t 1-1 0".to_vec());
    assert_eq!((plain.until, plain.null), (Some(world.now.ms + 5), Null::Array));
    assert_eq!(plain.keys, [b"s".to_vec().into_boxed_slice(), b"t".to_vec().into_boxed_slice()]);
    let grouped = waiting(&mut world, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
    assert_eq!(grouped.until, None);

    assert_eq!(serve(&mut world, &plain, "s"), None);
    assert_eq!(serve(&mut world, &grouped, "s"), None);
    world.run("XADD s 2-1 f 2");
    let entry = "*1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 2 ";
    assert_eq!(serve(&mut world, &plain, "s").as_deref(), Some(entry));
    assert_eq!(serve(&mut world, &plain, "t"), None);
    assert_eq!(serve(&mut world, &grouped, "s").as_deref(), Some(entry));
    assert_eq!(serve(&mut world, &grouped, "s"), None);

    // Another type is nothing to XREAD, and an error to XREADGROUP, like a group that goes.
    world.run("SET s v");
    assert_eq!(serve(&mut world, &plain, "s"), None);
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value ";
    assert_eq!(serve(&mut world, &grouped, "s").as_deref(), Some(wrong));
    world.run("DEL s");
    assert_eq!(serve(&mut world, &plain, "s"), None);
    let gone = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option ";
    assert_eq!(serve(&mut world, &grouped, "s").as_deref(), Some(gone));
}

/// What a command waits for that finds nothing.
fn waiting(world: &mut World, line: &str) -> Wait {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let args = OwnedArgs::from_slices(&words);
    let mut out = Reply::new(Resp::Two);
    let row = crate::command::registry::rows()
        .find(|row| row.spec.name.as_bytes().eq_ignore_ascii_case(words[0]))
        .expect("a row");
    with_unit(world, |unit| {
        unit.may_wait = true;
        (row.run)(unit, args.view(), &mut out).expect("no error");
    });
    assert!(out.is_empty(), "{line}");
    world.sink.wait.take().expect("a wait")
}

fn serve(world: &mut World, wait: &Wait, key: &str) -> Option<String> {
    let mut out = Reply::new(Resp::Two);
    let serve = crate::command::registry::serve_of(wait.args.view().at(0)).expect("it waits");
    let served = with_unit(world, |unit| serve(unit, wait.args.view(), key.as_bytes(), &mut out));
    match served {
        Ok(true) => {}
        Ok(false) => {
            assert!(out.is_empty());
            return None;
        }
        Err(error) => out.error(&error),
    }
    Some(String::from_utf8_lossy(out.as_bytes()).replace("\r\n", " "))
}

fn with_unit<R>(world: &mut World, run: impl FnOnce(&mut Unit<'_>) -> R) -> R {
    let held = Held::Many(world.shards.iter_mut().map(Some).collect());
    run(&mut Unit::new(held, &mut world.sink, world.now, 0, &world.settings))
}

fn described(world: &mut World, key: &str) -> Vec<String> {
    let commands = with_unit(world, |unit| describe(unit, 0, key.as_bytes()));
    let line = |command: &OwnedArgs| {
        let words: Vec<_> = command.view().iter().map(String::from_utf8_lossy).map(String::from).collect();
        words.join(" ")
    };
    commands.iter().map(line).collect()
}
