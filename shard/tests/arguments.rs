//! Every data command with arguments that nobody would send: numbers at the edges, options of other commands, binary, empty
//! words, too few and too many. Whatever comes,
//!
//! * nothing panics,
//! * the reply is exactly one well-formed value, in RESP2 and in RESP3 alike,
//! * an error leaves no trace: data, effects, events and garbage are as before,
//! * what has changed data has left an effect, and is a command that may write.
//!
//! Arguments are drawn from the documented syntax of the command and then damaged, so that commands get past their first
//! checks. A new command joins by its row. A fixed number of seeds by default; `CURFEW_FUZZ_SECONDS` for as long as that.
//! A failure prints its seed; `CURFEW_SEED` begins with it.

use curfew_protocol::args::OwnedArgs;
use curfew_protocol::spec::WRITE;
use curfew_protocol::{Reply, Resp};
use curfew_shard::command::describe::describe;
use curfew_shard::testing::{World, seeds};
use curfew_shard::{Held, Row, Unit, registry};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::{Duration, Instant};

const SEEDS: u64 = 800;
/// Commands of one seed. The world starts empty with each, which bounds the data.
const STEPS: usize = 250;
/// The longest string: keeps commands cheap that may take as long as their values are (LCS: the product of both).
const BULK_MAX: usize = 2_000;

#[test]
fn fuzz_arguments_of_every_command() {
    match std::env::var("CURFEW_FUZZ_SECONDS") {
        Err(_) => {
            // Without commands that come through, the test would say little.
            let done: BTreeSet<&str> = seeds(SEEDS).flat_map(life).collect();
            let all: BTreeSet<&str> = commands().map(|row| row.spec.name).collect();
            let never: Vec<_> = all.difference(&done).collect();
            assert!(never.len() * 20 <= all.len(), "always an error: {never:?}");
        }
        Ok(seconds) => {
            let (start, long) = (Instant::now(), Duration::from_secs(seconds.parse().expect("a number")));
            seeds(u64::MAX).take_while(|_| start.elapsed() < long).for_each(|seed| drop(life(seed)));
        }
    }
}

/// Keys of all types: those of families that are not there are passed over.
const SETUP: &[&str] = &[
    "SET a hello",
    "SET b 12 PX 100",
    "SET {a}c 3.25",
    "SETBIT bits 100 1",
    "RPUSH list a 1 b 2",
    "RPUSH numbers 3 1 -2 1",
    "SADD ints 1 2 3",
    "SADD set a b c",
    "HSET hash f v g 1",
    "HSET timed f 1 g 2 h x",
    "HPEXPIRE timed 1000 FIELDS 2 f g",
    "ZADD zset 1 a 2 b 2 c",
    "PFADD hll a b c",
    "GEOADD geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
    "XADD stream 5-1 f v",
    "XGROUP CREATE stream group 0",
];

const KEYS: &[&str] = &[
    "a", "b", "{a}c", "bits", "list", "numbers", "ints", "set", "hash", "timed", "zset", "hll", "geo", "stream",
    "stream", "none", "{a}none",
];

/// Calls that come through, of commands whose syntax is hard to hit. They are damaged like the others.
const EXAMPLES: &[&str] = &[
    "LMPOP 2 none list LEFT COUNT 2",
    "BLMPOP 0 2 none list RIGHT",
    "HEXPIRE hash 100 FIELDS 1 f",
    "HPEXPIREAT timed 1735689700000 GT FIELDS 2 f g",
    "HPEXPIRETIME timed FIELDS 1 f",
    "HPERSIST timed FIELDS 1 f",
    "HGETDEL hash FIELDS 2 f g",
    "HGETEX hash EX 10 FIELDS 1 f",
    "HSETEX hash FXX PX 10 FIELDS 1 f v",
    "PFDEBUG GETREG hll",
    "SINTERCARD 2 set ints LIMIT 1",
    "ZINTERSTORE none 2 zset geo",
    "ZREVRANGEBYLEX zset + -",
    "XSETID stream 10-1",
    "CURFEW.EXPIREAT 1735689650 a b",
    "CURFEW.EXPIRE NX 10 a b",
    "CURFEW.PEXPIRE XX GT 10 a b",
    "CURFEW.PEXPIREAT 1735689600050 a b",
    "CURFEW.EXPIRING MATCH * WITHIN 100 COUNT 3 WITHDEADLINES",
    "CURFEW.WAITKEY none a 0",
    "CURFEW.WAITGONE none a 0",
    "ZADD zset GT CH 1.5 a -inf q",
    "ZADD none INCR 5 q",
    "ZRANGE zset 0 -1 REV WITHSCORES",
    "ZRANGE zset (1 +inf BYSCORE LIMIT 1 2",
    "ZRANGE zset [a (c BYLEX",
    "ZRANGESTORE none zset 0 1",
    "ZRANGESTORE zset zset 3 0 BYSCORE REV LIMIT -1 2",
    "ZRANGEBYLEX zset - + LIMIT 0 5",
    "ZMPOP 2 none zset MAX COUNT 2",
    "BZMPOP 0 2 none zset MIN COUNT 2",
    "BZPOPMIN none zset 0.5",
    "ZUNION 2 zset geo WEIGHTS 2 -1 AGGREGATE MIN WITHSCORES",
    "ZINTER 2 zset zset WITHSCORES",
    "ZDIFF 2 zset none WITHSCORES",
    "ZUNIONSTORE none 2 zset geo WEIGHTS inf 0",
    "ZINTERCARD 2 zset zset LIMIT 1",
    "ZRANDMEMBER zset -5 WITHSCORES",
    "GEOADD geo NX CH 2.35 48.85 Paris",
    "GEORADIUS geo 15 37 200 km WITHDIST COUNT 5 ANY",
    "GEORADIUS geo 15 37 200 km STORE none",
    "GEORADIUS_RO geo 15 37 200 km WITHCOORD WITHHASH DESC",
    "GEORADIUSBYMEMBER geo Palermo 200 mi STOREDIST {a}none",
    "GEOSEARCH geo FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHDIST",
    "GEOSEARCH geo FROMMEMBER Palermo BYRADIUS 1e6 ft",
    "GEOSEARCHSTORE none geo FROMMEMBER Palermo BYRADIUS 200 km STOREDIST",
    "xread count 2 streams stream none 0 0",
    "xread streams stream +",
    "xreadgroup group group c streams stream >",
    "xreadgroup group group c noack streams stream 0",
    "xpending stream group",
    "xpending stream group idle 0 - + 10 c",
    "xclaim stream group c 0 5-1 force justid",
    "xautoclaim stream group c 0 0 count 10",
    "xtrim stream maxlen ~ 1",
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "-1",
    "-2",
    "10",
    "63",
    "64",
    "127",
    "255",
    "256",
    "1999",
    "2000",
    "2001",
    "15",
    "16",
    "-0",
    "+1",
    "01",
    "1.5",
    "-1.5",
    "1e3",
    "1e308",
    "1e-400",
    "inf",
    "-inf",
    "+inf",
    "nan",
    "0x10",
    "32767",
    "65536",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967295",
    "4294967296",
    "1735689600",
    "1735689600000",
    "1735689600001",
    "9007199254740993",
    "9223372036854775",
    "9223372036854776",
    "9223372036854775806",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999",
    "179769313486231570000000000000000000000",
    "0.1",
    ".5",
    "5.",
    "1-",
    "1e",
    " 1",
    "1 ",
    "(1",
    "(inf",
    "[a",
    "(a",
    "-",
    "+",
    "$",
    "*",
    ">",
    "5-1",
    "5-*",
    "0-0",
    "18446744073709551615-18446744073709551615",
    "#0",
    "#-1",
    "#9223372036854775807",
    "u8",
    "i64",
    "u64",
    "u0",
    "i65",
];

const GARBAGE: &[&[u8]] = &[
    b"",
    b"\0",
    b"\r\n",
    b"\xff\xfe",
    b"%s%n",
    b"[",
    b"[a-",
    b"\\",
    b"*****a",
    b"[^]",
    b"{",
    b"{}",
    b"f",
    b"g",
    b"v",
    b"\xf0\x9f\x92\xa9",
    b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80",
    b"HYLL\x01",
    b"HYLL\0\0\0\0",
    // DUMP of 10 and of a set, and of something that lies about its length.
    b"\x00\xc0\x0a\x0c\x00\xa5\xe9\x63\x85\xf4\x84\xfd\xf2",
    b"\x02\x02\x01\x62\x01\x63\x0c\x00\xa9\x4d\xbe\x87\xa4\x56\xbc\xef",
    b"\x04\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x66\x01\x76\x0c\x00\x92\x9c\x6a\xb9\x36\x73\xe2\x75",
];

/// Answers the commands that were done without an error.
fn life(seed: u64) -> BTreeSet<&'static str> {
    let mut random = Random(seed.wrapping_mul(0xD134_2543_DE82_EF95) + 1);
    let rows: Vec<&Row> = commands().collect();
    let mut done = BTreeSet::new();
    let options = options(&rows);
    let shards = [1, 3][(seed % 2) as usize];
    let mut world = World::new(shards);
    world.settings.bulk_max = BULK_MAX;
    SETUP.iter().for_each(|line| drop(world.run(line)));
    let mut before = content(&mut world);
    for step in 0..STEPS {
        if random.below(10) == 0 {
            world.pass(random.below(60) as i64);
        }
        // So that no command finds a key that is due and removes it, which is not a trace of the command.
        world.expire();
        if !world.effects().is_empty() {
            before = content(&mut world);
        }
        let row = rows[random.below(rows.len())];
        let wipes = ["flushall", "flushdb", "swapdb"].contains(&row.spec.name);
        if wipes && random.below(20) > 0 {
            continue;
        }
        let words = words(row, &mut random, &options);
        world.resp = [Resp::Two, Resp::Three][random.below(2)];
        let told = Told { seed, step, shards, words: &words };
        let failed;
        (failed, before) = check(&mut world, row, &told, before);
        if !failed {
            done.insert(row.spec.name);
        }
        if wipes {
            SETUP.iter().for_each(|line| drop(world.run(line)));
            world.effects();
            before = content(&mut world);
        }
    }
    done
}

fn commands() -> impl Iterator<Item = &'static Row> {
    registry::rows().filter(|row| !row.spec.is_container)
}

type Content = BTreeMap<(usize, Vec<u8>), Vec<OwnedArgs>>;

/// Runs one command; answers whether with an error, and the data after it.
fn check(world: &mut World, row: &Row, told: &Told<'_>, before: Content) -> (bool, Content) {
    world.sink.effects.clear();
    world.sink.events.clear();
    world.sink.garbage.clear();
    let changes = world.sink.changes;
    let slices: Vec<&[u8]> = told.words.iter().map(Vec::as_slice).collect();
    let args = OwnedArgs::from_slices(&slices);
    let mut out = Reply::new(world.resp);
    world.run_args(args.view(), &mut out);

    let reply = out.as_bytes();
    if let Err(error) = one_value(world.resp, reply) {
        panic!("{told} {:?}: {error}: {}", world.resp, shown(reply));
    }
    let sink = &world.sink;
    let traces = (sink.effects.len(), sink.events.len(), sink.garbage.len(), sink.changes - changes);
    let after = content(world);
    // A read by its flags, which keeps what it has counted.
    let writes = row.spec.flags & WRITE != 0 || row.spec.name == "pfcount";
    let failed = reply.starts_with(b"-");
    if failed || !writes {
        assert!(after == before, "{told}: changed data, and answered {}", shown(reply));
        assert_eq!(traces, (0, 0, 0, 0), "{told}: left traces, and answered {}", shown(reply));
    } else if after != before {
        assert!(traces.0 > 0, "{told}: changed data without an effect, and answered {}", shown(reply));
    }
    (failed, after)
}

fn one_value(resp: Resp, reply: &[u8]) -> Result<(), String> {
    // The decoder wants text, and an error quotes what the client sent. It is a line, and that can be seen without it.
    if let Some(line) = reply.strip_prefix(b"-") {
        let ends = line.len() > 2 && line.ends_with(b"\r\n");
        let is_line = ends && !line[..line.len() - 2].iter().any(|byte| b"\r\n".contains(byte));
        return if is_line { Ok(()) } else { Err("an error is one line".into()) };
    }
    let used = match resp {
        Resp::Two => redis_protocol::resp2::decode::decode(reply).map(|found| found.map(|(_, used)| used)),
        Resp::Three => redis_protocol::resp3::decode::complete::decode(reply).map(|found| found.map(|(_, used)| used)),
    };
    match used {
        Ok(Some(used)) if used == reply.len() => Ok(()),
        Ok(Some(used)) => Err(format!("{} bytes after the reply", reply.len() - used)),
        Ok(None) => Err("the reply is not complete".into()),
        Err(error) => Err(format!("the reply is malformed, {error}")),
    }
}

fn shown(reply: &[u8]) -> String {
    reply[..reply.len().min(300)].escape_ascii().to_string()
}

/// All live keys of all databases, each as the commands that make it.
fn content(world: &mut World) -> Content {
    let mut keys = Vec::new();
    for shard in &world.shards {
        for (db, keyspace) in shard.databases().iter().enumerate() {
            keys.extend(keyspace.iter().map(|entry| (db, entry.key().to_vec())));
        }
    }
    let held = Held::Many(world.shards.iter_mut().map(Some).collect());
    let mut unit = Unit::new(held, &mut world.sink, world.now, 0, &world.settings);
    let describe = |(db, key): (usize, Vec<u8>)| {
        let described = describe(&mut unit, db, &key);
        ((db, key), described)
    };
    keys.into_iter().map(describe).collect()
}

// ---- arguments ---------------------------------------------------------------------------------------------------------

/// Words of a call: the name, and arguments after its syntax with some damage, or without any plan.
fn words(row: &Row, random: &mut Random, options: &[String]) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = row.spec.name.split('|').map(|word| word.as_bytes().to_vec()).collect();
    let names = words.len();
    let examples: Vec<&&str> = EXAMPLES
        .iter()
        .filter(|line| line.split(' ').next().is_some_and(|name| name.eq_ignore_ascii_case(row.spec.name)))
        .collect();
    if !examples.is_empty() && random.below(3) == 0 {
        let line = examples[random.below(examples.len())];
        words = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    } else if random.below(4) > 0 {
        let tokens: Vec<&str> = row.spec.syntax.split_whitespace().collect();
        for token in tokens {
            // What is optional comes half of the time, and so does each alternative; repetitions now and then.
            let optional = token.starts_with('[') || token.contains('|') || token.contains('<');
            if optional && random.below(2) == 0 {
                continue;
            }
            for _ in 0..if token.contains("...") { 1 + random.below(3) } else { 1 } {
                words.push(by_syntax(token, random, options));
            }
        }
    } else {
        let least = usize::from(row.spec.arity.unsigned_abs()).saturating_sub(names);
        let more = if row.spec.arity < 0 { random.below(6) } else { 0 };
        (0..least + more).for_each(|_| words.push(word(random, options)));
    }
    for _ in 0..[0, 0, 0, 1, 1, 2][random.below(6)] {
        let at = names + random.below(words.len() - names + 1);
        match random.below(4) {
            0 if at < words.len() => drop(words.remove(at)),
            1 if at < words.len() => words[at] = word(random, options),
            2 if at < words.len() => words.insert(at, words[at].clone()),
            _ => words.insert(at, word(random, options)),
        }
    }
    words
}

fn by_syntax(token: &str, random: &mut Random, options: &[String]) -> Vec<u8> {
    let plain: Vec<&str> = names(token).collect();
    let name = if plain.is_empty() { "" } else { plain[random.below(plain.len())] };
    let is_option = !name.is_empty() && !name.contains(|c: char| c.is_ascii_lowercase());
    match random.below(10) {
        0 => word(random, options),
        _ if is_option => name.into(),
        _ if name.contains("key") || name == "destination" || name == "source" => random.pick(KEYS).into(),
        // Without names that are there, nearly nothing can be done to streams.
        2..8 if name.contains("group") => b"group".to_vec(),
        2..8 if name.contains("consumer") => b"c".to_vec(),
        2..8 if token.starts_with("streams(") => b"stream".to_vec(),
        2..8 if ["id", "start", "end", "threshold"].contains(&name) => {
            random.pick(&["0", "5-1", "-", "+", "$", ">", "5-*"]).into()
        }
        _ if token.contains(":int") || token.contains(":double") || name.contains("seconds") => {
            random.pick(NUMBERS).into()
        }
        1 => random.pick(KEYS).into(),
        2..6 => random.pick(NUMBERS).into(),
        _ => random.pick(GARBAGE).to_vec(),
    }
}

fn word(random: &mut Random, options: &[String]) -> Vec<u8> {
    match random.below(12) {
        0..4 => random.pick(KEYS).into(),
        4..7 => random.pick(NUMBERS).into(),
        7..9 => options[random.below(options.len())].clone().into(),
        9 => options[random.below(options.len())].to_lowercase().into(),
        10 => random.pick(GARBAGE).to_vec(),
        _ => {
            let length = [1, 2, 5, 44, 45, 300, BULK_MAX][random.below(7)];
            (0..length).map(|_| random.next() as u8).collect()
        }
    }
}

/// All options of all commands: what is written in capitals in their syntax.
fn options(rows: &[&Row]) -> Vec<String> {
    let all = rows.iter().flat_map(|row| names(row.spec.syntax));
    let mut options: Vec<String> =
        all.filter(|name| name.chars().all(|c| c.is_ascii_uppercase())).map(String::from).collect();
    options.sort();
    options.dedup();
    assert!(options.len() > 10, "the syntax is written as it was");
    options
}

fn names(syntax: &str) -> impl Iterator<Item = &str> {
    syntax.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').filter(|name| !name.is_empty())
}

// ---- below -------------------------------------------------------------------------------------------------------------

/// Splitmix.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Which call it was, for messages; also printed where a handler panics.
struct Told<'a> {
    seed: u64,
    step: usize,
    shards: u16,
    words: &'a [Vec<u8>],
}

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = self.words.iter().fold(String::new(), |mut line, word| {
            let _ = write!(line, " \"{}\"", word[..word.len().min(64)].escape_ascii());
            if word.len() > 64 {
                let _ = write!(line, "(and {} bytes more)", word.len() - 64);
            }
            line
        });
        write!(f, "seed {}, step {}, {} shards:{words}", self.seed, self.step, self.shards)
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("while running {self}");
        }
    }
}
