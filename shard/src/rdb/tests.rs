//! Values of all types and forms there and back; forms of older versions; and damage.

use super::payload::{open, seal};
use super::ziplist::tests::ziplist;
use super::{kind, write};
use crate::command::describe::describe;
use crate::testing::World;
use crate::unit::{Held, Unit};
use curfew_protocol::Reply;
use curfew_protocol::args::OwnedArgs;

/// Commands that make a value at `k`, of which `$` stands for a counter from 0 to so many, and its encoding.
const VALUES: &[(&[&str], usize, &str, u8)] = &[
    (&["SET k hello"], 1, "embstr", kind::STRING),
    (&["SET k -70000"], 1, "int", kind::STRING),
    (&["APPEND k text-$-text-"], 200, "raw", kind::STRING),
    (&["PFADD k $"], 50, "raw", kind::STRING),
    (&["RPUSH k a 1 -5000 bb"], 1, "listpack", kind::LIST_QUICKLIST_2),
    (&["RPUSH k item-$ $"], 3000, "quicklist", kind::LIST_QUICKLIST_2),
    (&["SADD k $ -1$ 70000 5000000000"], 20, "intset", kind::SET_INTSET),
    (&["SADD k m$"], 100, "listpack", kind::SET_LISTPACK),
    (&["SADD k m$ $"], 400, "hashtable", kind::SET),
    (&["ZADD k $ m$ 0.5 x$ -inf low inf high"], 20, "listpack", kind::ZSET_LISTPACK),
    (&["ZADD k $ m$ 0.5 x$ -inf low inf high"], 200, "skiplist", kind::ZSET_2),
    (&["HSET k f$ $ g$ value"], 20, "listpack", kind::HASH_LISTPACK),
    (&["HSET k f$ value-$"], 600, "hashtable", kind::HASH),
    (&["HSET k f$ $", "HPEXPIRE k 1000$ FIELDS 1 f$", "HSET k g$ v"], 20, "listpackex", kind::HASH_LISTPACK_EX),
    (&["HSET k f$ $", "HPEXPIRE k 1000$ FIELDS 1 f$", "HSET k g$ v"], 400, "hashtable", kind::HASH_METADATA),
    (&["XADD k $-1 f v g $", "XADD k $-2 other $"], 130, "stream", kind::STREAM_LISTPACKS_3),
    (&["XGROUP CREATE k g $ MKSTREAM"], 1, "stream", kind::STREAM_LISTPACKS_3),
    (
        &[
            "XADD k 1$-0 f v",
            "XGROUP CREATE k g 0 ENTRIESREAD 0",
            "XGROUP CREATE k empty $",
            "XREADGROUP GROUP g one COUNT 1 STREAMS k >",
            "XGROUP CREATECONSUMER k g idle",
            "XADD k 1$-5 f v",
            "XREADGROUP GROUP g two COUNT 1 STREAMS k >",
            "XREADGROUP GROUP g two STREAMS k 0",
            "XDEL k 11-0",
            "XACK k g 12-0",
        ],
        20,
        "stream",
        kind::STREAM_LISTPACKS_3,
    ),
];

/// A world with the value at `k`.
fn world_of(lines: &[&str], count: usize) -> World {
    let mut world = World::new(1);
    for at in 0..count {
        for line in lines {
            world.run(&line.replace('$', &at.to_string()));
        }
    }
    world
}

fn dump(world: &mut World, key: &str) -> Vec<u8> {
    let mut out = Reply::default();
    world.run_args(OwnedArgs::from_slices(&[b"DUMP", key.as_bytes()]).view(), &mut out);
    let reply = out.as_bytes();
    let start = reply.iter().position(|byte| *byte == b'\n').expect("a bulk string") + 1;
    reply[start..reply.len() - 2].to_vec()
}

/// RESTORE of a body that is sealed here.
fn restore(world: &mut World, key: &str, body: &[u8]) -> String {
    let mut payload = body.to_vec();
    seal(&mut payload);
    world.run_words(&[b"RESTORE", key.as_bytes(), b"0", &payload])
}

/// All that there is to know about a value, as commands. Members in one order.
fn content(world: &mut World, key: &str) -> Vec<OwnedArgs> {
    let held = Held::Many(world.shards.iter_mut().map(Some).collect());
    let mut unit = Unit::new(held, &mut world.sink, world.now, 0, &world.settings);
    let commands = describe(&mut unit, 0, key.as_bytes());
    // A table's order depends on its past: its items one by one, sorted.
    let mut items = Vec::new();
    for command in &commands {
        let words = blank(command, key);
        match words[0] {
            b"HSET" => items.extend(words[2..].chunks(2).map(|pair| [&words[..2], pair].concat())),
            b"SADD" => items.extend(words[2..].chunks(1).map(|member| [&words[..2], member].concat())),
            _ => items.push(words),
        }
    }
    items.sort();
    items.iter().map(|item| OwnedArgs::from_slices(item)).collect()
}

/// The command without its key.
fn blank<'a>(command: &'a OwnedArgs, key: &str) -> Vec<&'a [u8]> {
    command.view().iter().map(|word| if word == key.as_bytes() { b"KEY" } else { word }).collect()
}

#[test]
fn values_of_all_forms_come_back() {
    for (lines, count, encoding, kind) in VALUES {
        let mut world = world_of(lines, *count);
        assert!(world.run("OBJECT ENCODING k").ends_with(encoding), "{lines:?}");
        let payload = dump(&mut world, "k");
        let body = open(&payload).expect("our own");
        assert_eq!(body[0], *kind, "{lines:?}");
        assert_eq!(restore(&mut world, "copy", body), "+OK", "{lines:?}");
        assert_eq!(content(&mut world, "copy"), content(&mut world, "k"), "{lines:?}");
        assert_eq!(world.run("OBJECT ENCODING copy"), world.run("OBJECT ENCODING k"), "{lines:?}");
        // What a table holds comes in an order that depends on its past.
        let again = dump(&mut world, "copy");
        match *encoding {
            "hashtable" => assert_eq!(again.len(), payload.len(), "{lines:?}"),
            _ => assert_eq!(again, payload, "{lines:?}"),
        }
        let details = ["XINFO STREAM k FULL COUNT 0", "PTTL k", "TYPE k"];
        details.iter().for_each(|line| assert_eq!(world.run(line), world.run(&line.replace(" k", " copy"))));
        // What is behind the value does not matter, what is missing does.
        assert_eq!(restore(&mut world, "more", &[body, b"more"].concat()), "+OK");
        for len in (0..body.len()).step_by(1 + body.len() / 400) {
            assert_eq!(restore(&mut world, "less", &body[..len]), "-ERR Bad data format", "{lines:?} {len}");
        }
    }
}

#[test]
fn limits_decide_about_forms() {
    for (lines, count, encoding, _) in VALUES {
        let mut world = world_of(lines, *count);
        let payload = dump(&mut world, "k");
        let limits = &mut world.settings.limits;
        (limits.hash_entries, limits.set_ints, limits.set_entries, limits.zset_entries) = (1, 1, 1, 1);
        (limits.list_size, limits.set_value) = (2, 1);
        assert_eq!(restore(&mut world, "copy", open(&payload).expect("our own")), "+OK");
        let large = match *encoding {
            "intset" => "hashtable",
            "listpack" | "listpackex" => match lines[0].split(' ').next() {
                Some("RPUSH") => "listpack quicklist",
                Some("ZADD") => "skiplist",
                _ => "hashtable",
            },
            other => other,
        };
        let got = world.run("OBJECT ENCODING copy");
        assert!(large.contains(got.split(' ').nth(1).expect("a name")), "{lines:?} {got}");
        assert_eq!(world.run("TYPE copy"), world.run("TYPE k"));
    }
}

/// Strings one after the other.
fn strings(texts: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    texts.iter().for_each(|text| write::string(&mut out, text.as_bytes()));
    out
}

/// A body of this kind, of a count and what follows.
fn counted(kind: u8, count: u8, items: &[u8]) -> Vec<u8> {
    [&[kind, count], items].concat()
}

/// A body of this kind, of one string.
fn single(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    write::string(&mut out, bytes);
    out
}

#[test]
fn forms_of_older_versions_are_read() {
    let quicklist = {
        let mut out = vec![kind::LIST_QUICKLIST, 3];
        write::string(&mut out, &ziplist(&[b"\x01a", b"\xf2"]));
        write::string(&mut out, &ziplist(&[]));
        write::string(&mut out, &ziplist(&[b"\x02bc"]));
        out
    };
    let scores = b"\x01a\x03-15\x01b\x031.5\x03big\xfe\x05small\xff";
    let pairs: &[&[u8]] = &[b"\x01a", b"\xf2", b"\x01b", b"\x031.5"];
    let absolute = [&b"\x16\x02"[..], b"\x81\x00\x00\x01\xa0\x00\x00\x00\x00", b"\x01f\x01v\x00\x01g\x01w"].concat();
    let cases: &[(Vec<u8>, &str, &str, &str)] = &[
        (counted(kind::LIST, 3, &strings(&["a", "12", ""])), "LRANGE k 0 -1", "*3 $1 a $2 12 $0", "listpack"),
        (
            single(kind::LIST_ZIPLIST, &ziplist(&[b"\x01a", b"\xfe\x90"])),
            "LRANGE k 0 -1",
            "*2 $1 a $4 -112",
            "quicklist",
        ),
        (quicklist, "LRANGE k 0 -1", "*3 $1 a $1 1 $2 bc", "quicklist"),
        (counted(kind::SET, 2, &strings(&["2", "1"])), "SMEMBERS k", "*2 $1 1 $1 2", "intset"),
        (counted(kind::SET, 2, &strings(&["2", "a"])), "SMEMBERS k", "*2 $1 2 $1 a", "listpack"),
        (
            counted(kind::ZSET, 4, scores),
            "ZRANGE k 0 -1 WITHSCORES",
            "*8 $5 small $4 -inf $1 a $3 -15 $1 b $3 1.5 $3 big $3 inf",
            "listpack",
        ),
        (
            single(kind::ZSET_ZIPLIST, &ziplist(pairs)),
            "ZRANGE k 0 -1 WITHSCORES",
            "*4 $1 a $1 1 $1 b $3 1.5",
            "listpack",
        ),
        (single(kind::HASH_ZIPLIST, &ziplist(pairs)), "HGETALL k", "*4 $1 a $1 1 $1 b $3 1.5", "listpack"),
        (single(kind::HASH_ZIPMAP, b"\x01\x01f\x01\x02v__\xff"), "HGETALL k", "*2 $1 f $1 v", "listpack"),
        (counted(kind::HASH, 1, &strings(&["f", "v"])), "HGETALL k", "*2 $1 f $1 v", "listpack"),
        (absolute, "HPEXPIRETIME k FIELDS 2 f g", "*2 :1786706395136 :-1", "listpackex"),
    ];
    for (body, line, reply, encoding) in cases {
        let mut world = World::new(1);
        assert_eq!(restore(&mut world, "k", body), "+OK", "{line}");
        assert_eq!(world.run(line), *reply);
        assert!(world.run("OBJECT ENCODING k").ends_with(encoding), "{line}");
    }
}

#[test]
fn lies_are_refused() {
    let lying = |kind| [&[kind][..], b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff", b"\x01a\x01b"].concat();
    let listpack = |entries: &[u8], count: u8| {
        let total = (entries.len() + 7) as u32;
        [&total.to_le_bytes()[..], &[count, 0], entries, &[0xff]].concat()
    };
    let nan = [&b"\x05\x01\x01a"[..], &f64::NAN.to_le_bytes()].concat();
    let far = [&b"\x18"[..], &u64::MAX.to_le_bytes(), b"\x01\x05\x01f\x01v"].concat();
    let cases: &[Vec<u8>] = &[
        vec![],
        vec![6],
        vec![7],
        vec![8],
        vec![26],
        vec![255],
        counted(kind::LIST, 0, b""),
        counted(kind::SET, 0, b""),
        counted(kind::ZSET_2, 0, b""),
        counted(kind::HASH, 0, b""),
        counted(kind::LIST_QUICKLIST_2, 0, b""),
        lying(kind::LIST),
        lying(kind::SET),
        lying(kind::ZSET_2),
        lying(kind::HASH),
        lying(kind::LIST_QUICKLIST_2),
        lying(kind::STREAM_LISTPACKS_3),
        counted(kind::SET, 2, &strings(&["a", "a"])),
        counted(kind::SET, 2, &strings(&["1", "1"])),
        counted(kind::HASH, 2, &strings(&["f", "v", "f", "w"])),
        single(kind::SET_INTSET, b"\x02\0\0\0\x02\0\0\0\x02\0\x01\0"),
        single(kind::SET_INTSET, b"\x02\0\0\0\0\0\0\0"),
        single(kind::SET_LISTPACK, &listpack(b"", 0)),
        single(kind::SET_LISTPACK, &listpack(b"\x01\x01\x01\x01", 2)),
        // The same number as a number and as a text.
        single(kind::SET_LISTPACK, &listpack(b"\x01\x01\x811\x02", 2)),
        single(kind::HASH_LISTPACK, &listpack(b"\x01\x01", 1)),
        single(kind::ZSET_LISTPACK, &listpack(b"\x01\x01\x05\x01\x02\x01\x04\x01", 4)),
        single(kind::HASH_LISTPACK_EX_PRE_GA, &listpack(b"\x01\x01\x01\x01\x05\x01\x02\x01\x01\x01\x04\x01", 6)),
        nan,
        far,
    ];
    for body in cases {
        let mut world = World::new(1);
        assert_eq!(restore(&mut world, "k", body), "-ERR Bad data format", "{body:?}");
        assert!(world.effects().is_empty() && world.events().is_empty());
    }
    // Numbers as texts are made numbers.
    let mut world = World::new(1);
    assert_eq!(restore(&mut world, "k", &single(kind::SET_LISTPACK, &listpack(b"\x05\x01\x811\x02", 2))), "+OK");
    assert_eq!(world.run("SISMEMBER k 1"), ":1");
}

/// Reads and changes of each type, to meet whatever damage has been let in.
const USES: &[&str] = &[
    "GET k",
    "APPEND k x",
    "PFCOUNT k",
    "PFADD k x",
    "LRANGE k 0 -1",
    "LPUSH k a",
    "LSET k 1 zzz",
    "LINSERT k BEFORE a b",
    "LREM k -1 1",
    "LTRIM k 1 -2",
    "RPOP k 3",
    "SMEMBERS k",
    "SADD k a 1",
    "SREM k 1 m1",
    "SPOP k 2",
    "ZRANGE k 0 -1 WITHSCORES",
    "ZADD k 3 m1",
    "ZINCRBY k 1 m2",
    "ZREM k m3",
    "ZRANGEBYSCORE k 1 5",
    "ZRANGEBYLEX k - +",
    "ZPOPMIN k 2",
    "HGETALL k",
    "HSET k f1 v new w",
    "HDEL k f2",
    "HPTTL k FIELDS 2 f1 f2",
    "HPEXPIRE k 5 FIELDS 2 f1 f3",
    "HRANDFIELD k 3",
    "XRANGE k - +",
    "XREVRANGE k + -",
    "XINFO STREAM k FULL",
    "XADD k * f v",
    "XDEL k 1-1 11-0",
    "XTRIM k MAXLEN 1",
    "XPENDING k g",
    "XREADGROUP GROUP g c COUNT 5 STREAMS k >",
    "XAUTOCLAIM k g c 0 0",
    "XGROUP DELCONSUMER k g two",
    "COPY k copy REPLACE",
];

#[test]
fn no_damage_makes_it_panic() {
    let mut random = 1_u64;
    let mut below = |most: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(random) * most as u128) >> 64) as usize
    };
    let (mut accepted, mut refused) = (0, 0);
    for (lines, count, _, _) in VALUES {
        // Small ones have more structure for their size.
        let mut world = world_of(lines, (*count).min(12));
        let payload = dump(&mut world, "k");
        let body = open(&payload).expect("our own");
        for round in 0..1_200 {
            let mut damaged = body.to_vec();
            for _ in 0..1 + round % 3 {
                let at = below(damaged.len());
                match below(6) {
                    0 => drop(damaged.remove(at)),
                    1 => damaged.insert(at, [0, 1, 0x7f, 0x80, 0x81, 0xc3, 0xff][below(7)]),
                    2 => damaged[at] = below(256) as u8,
                    _ => damaged[at] ^= 1 << below(8),
                }
                if damaged.is_empty() {
                    damaged.push(0);
                }
            }
            if round % 4 == 0 {
                // Another type's bytes.
                damaged[0] = below(27) as u8;
            }
            let mut world = World::new(1);
            match &*restore(&mut world, "k", &damaged) {
                "+OK" => accepted += 1,
                "-ERR Bad data format" => {
                    refused += 1;
                    continue;
                }
                other => panic!("{other}"),
            }
            // It is made again by its effects, and by its own dump.
            let expected = content(&mut world, "k");
            let effects = world.effects();
            let mut replayed = World::new(1);
            for effect in &effects {
                let words: Vec<&[u8]> = effect.args.view().iter().collect();
                let reply = replayed.run_words(&words);
                assert!(!reply.starts_with('-'), "{damaged:?}: {effect:?} answers {reply}");
            }
            assert_eq!(content(&mut replayed, "k"), expected, "{damaged:?}");
            if !expected.is_empty() {
                let payload = dump(&mut world, "k");
                assert_eq!(restore(&mut world, "again", open(&payload).expect("our own")), "+OK");
                assert_eq!(content(&mut world, "again"), expected, "{damaged:?}");
            }
            let from = below(USES.len());
            for line in USES.iter().cycle().skip(from).take(USES.len()) {
                world.run(line);
            }
        }
    }
    assert!(accepted > 1_000 && refused > 5_000, "{accepted} {refused}");
}
