//! Rule 4 of the design: replaying a journal into empty shards gives the same data, deadlines included, however many shards
//! there were and are.
//!
//! Random commands run while the clock moves; their effects are then run as commands. Commands are taken by name, and
//! those that no family has are passed over, so a new command joins by a line in [`COMMANDS`].

use curfew_protocol::args::OwnedArgs;
use curfew_protocol::{Reply, Resp};
use curfew_shard::command::describe::describe;
use curfew_shard::event::durable::Recording;
use curfew_shard::slots::shard_of;
use curfew_shard::testing::World;
use curfew_shard::{Effect, Held, Row, Unit, class, registry};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// `$k` a key, `$s` one of a few others, `$f` a field, `$v` a value, `$n` a small number, `$t` milliseconds around the steps of
/// the clock, `$a` an absolute time in milliseconds, `$d` a database, `$e` a stream of events and `$q` a list of events (as they are
/// called with two shards). Weights are the numbers of lines.
const COMMANDS: &[&str] = &[
    "SET $k $v",
    "SET $k $v",
    "SET $k $n",
    "SET $k $v PX $t",
    "SET $k $v PX $t",
    "SET $k $v PXAT $a",
    "SET $k $v EX 1 NX",
    "SET $k $v XX KEEPTTL GET",
    "SETNX $k $v",
    "SETEX $k 1 $v",
    "PSETEX $k $t $v",
    "GET $k",
    "GETSET $k $v",
    "GETDEL $k",
    "GETEX $k PX $t",
    "GETEX $k PERSIST",
    "MGET $k $k $k",
    "MSET $k $v $k $v $k $v",
    "MSETNX $k $v $k $v",
    "APPEND $k $v",
    "SETRANGE $k $n $v",
    "INCR $k",
    "DECRBY $k $n",
    "INCRBYFLOAT $k 1.5",
    "SETBIT $k $n 1",
    "BITOP XOR $k $k $k",
    "BITFIELD $k SET u8 $n $n INCRBY i5 3 $n",
    "HSET $k $f $v $f $v",
    "HSET $k $f $n",
    "HSET $k a 1 b 2 c 3 d 4",
    "HSETNX $k $f $v",
    "HDEL $k $f $f",
    "HINCRBY $k $f $n",
    "HINCRBYFLOAT $k $f 1.5",
    "HGETALL $k",
    "HPEXPIRE $k $t FIELDS 2 $f $f",
    "HPEXPIRE $k $t FIELDS 2 a b",
    "HPEXPIREAT $k $a NX FIELDS 2 $f $f",
    "HPEXPIREAT $k $a GT FIELDS 1 $f",
    "HEXPIRE $k 1 LT FIELDS 1 $f",
    "HEXPIRE $k 0 FIELDS 1 $f",
    "HPERSIST $k FIELDS 2 $f $f",
    "HGETDEL $k FIELDS 2 $f $f",
    "HGETEX $k PX $t FIELDS 2 $f $f",
    "HGETEX $k PERSIST FIELDS 1 $f",
    "HSETEX $k PX $t FIELDS 2 $f $v $f $v",
    "HSETEX $k FNX PXAT $a FIELDS 1 $f $v",
    "HSETEX $k FXX KEEPTTL FIELDS 1 $f $v",
    "HSETEX $k FIELDS 1 $f $v",
    "SADD $k $v",
    "SADD $k $n $n $n",
    "SADD $k $n $v $v",
    "SREM $k $n $v",
    "SMOVE $k $k $v",
    "SPOP $k",
    "SPOP $k 2",
    "SPOP $k 40",
    "SRANDMEMBER $k 2",
    "SINTERSTORE $k $k $k",
    "SUNIONSTORE $k $k $k",
    "SDIFFSTORE $k $k $k",
    "PFADD $k $v $n",
    "PFADD $k $v $n",
    "PFCOUNT $k",
    "PFMERGE $k $k $k",
    "PFDEBUG TODENSE $k",
    "EXPIRE $k 1",
    "PEXPIRE $k $t",
    "PEXPIRE $k $t NX",
    "PEXPIRE $k $t XX",
    "PEXPIRE $k $t GT",
    "PEXPIRE $k $t LT",
    "PEXPIRE $k -1",
    "PEXPIREAT $k $a",
    "PERSIST $k",
    "PERSIST $k",
    "TTL $k",
    "DEL $k",
    "DEL $k $k $k",
    "UNLINK $k $k",
    "EXISTS $k $k",
    "TOUCH $k",
    "RENAME $k $k",
    "RENAME $k $k",
    "RENAMENX $k $k",
    "COPY $k $k",
    "COPY $k $k REPLACE",
    "COPY $k $k DB $d REPLACE",
    "MOVE $k $d",
    "ZADD $k $n $v $n a 1 b 2 c",
    "ZADD $k $n $v",
    "ZADD $k 1 a 2 b 3 c 4 d 5 e",
    "ZADD $k GT CH $n $v -1 a",
    "ZADD $k INCR $n $v",
    "ZINCRBY $k 1.5 $v",
    "ZREM $k $v a b",
    "ZPOPMIN $k",
    "ZPOPMAX $k 2",
    "ZMPOP 2 $k $k MAX COUNT 2",
    "BZPOPMIN $k $k 0",
    "BZMPOP 0 1 $k MIN",
    "ZREMRANGEBYRANK $k $n -1",
    "ZREMRANGEBYSCORE $k -inf $n",
    "ZREMRANGEBYLEX $k [a [c",
    "ZRANGESTORE $k $k 0 $n",
    "ZUNIONSTORE $k 2 $k $k WEIGHTS 2 1",
    "ZINTERSTORE $k 2 $k $k AGGREGATE MAX",
    "ZDIFFSTORE $k 2 $k $k",
    "GEOADD $k 13.361389 38.115556 $v 15.087269 37.502669 a",
    "GEOSEARCHSTORE $k $k FROMLONLAT 15 37 BYRADIUS 200 km",
    "GEORADIUS $k 15 37 200 km STORE $k",
    "GEORADIUS $k 15 37 200 km STOREDIST $k",
    "SCAN 0 COUNT 100",
    "KEYS *",
    "RANDOMKEY",
    "DBSIZE",
    "FLUSHDB",
    "FLUSHALL ASYNC",
    "SWAPDB $d $d",
    "LPUSH $k $v",
    "RPUSH $k $v $n $v",
    "LPUSHX $k $v",
    "RPUSHX $k $n",
    "LPOP $k",
    "RPOP $k 2",
    "LMPOP 2 $k $k LEFT COUNT 2",
    "LSET $k 0 $v",
    "LINSERT $k BEFORE 0 $v",
    "LTRIM $k 0 5",
    "LREM $k -1 $v",
    "LMOVE $k $k LEFT RIGHT",
    "RPOPLPUSH $k $k",
    "BLPOP $k $k 0",
    "BRPOP $k 1",
    "BLMOVE $k $k RIGHT LEFT 0",
    "BRPOPLPUSH $k $k 0",
    "BLMPOP 0 1 $k RIGHT",
    "SORT $k ALPHA STORE $k",
    "SORT $k BY nosort GET # GET $k LIMIT 1 2 STORE $k",
    "XADD $s * f $v",
    "XADD $s * f $v g $n",
    "XADD $s MAXLEN 3 * f $v",
    "XADD $s MAXLEN ~ 3 $n-* f $v",
    "XADD $s 1735689600050-$n f $v",
    "XTRIM $s MAXLEN $n",
    "XDEL $s 1735689600000-0 1735689600000-1 1735689600001-0",
    "XSETID $s 1735689700000-$n",
    "XGROUP CREATE $s g 0 MKSTREAM",
    "XGROUP CREATE $s h $ MKSTREAM ENTRIESREAD $n",
    "XGROUP SETID $s g 0",
    "XGROUP DESTROY $s h",
    "XGROUP CREATECONSUMER $s g $n",
    "XGROUP DELCONSUMER $s g $n",
    "XREADGROUP GROUP g $n COUNT 2 STREAMS $s >",
    "XREADGROUP GROUP g $n STREAMS $s >",
    "XREADGROUP GROUP g $n NOACK STREAMS $s >",
    "XREADGROUP GROUP g 1 STREAMS $s 0",
    "XACK $s g 1735689600000-0 1735689600001-0",
    "XCLAIM $s g $n 0 1735689600000-0 1735689600000-1 FORCE LASTID $n-1",
    "XAUTOCLAIM $s g $n 5 0 COUNT 2",
    "COPY $s $s REPLACE",
    "RENAME $s $s",
    "DEL $s",
    "XADD $e * f $v",
    "XTRIM $e MAXLEN $n",
    "XGROUP CREATE $e g 0 MKSTREAM",
    "XREADGROUP GROUP g $n COUNT 2 STREAMS $e >",
    "RENAME $e $s",
    "RENAME $s $e",
    "COPY $e $s REPLACE",
    "MOVE $e $d",
    "DEL $e",
    "SET $e $v PX $t",
    "PEXPIRE $e $t",
    "LMOVE $q $k RIGHT LEFT",
    "LMOVE $k $q LEFT RIGHT",
    "RPOP $q 2",
    "RENAME $q $k",
    "RENAME $k $q",
    "DEL $q",
    "SORT $q BY nosort STORE $q",
    "MSET $e $v $k $v $q $v",
    // DUMP of one key, RESTORE to another.
    "@restore $k $k 0",
    "@restore $k $k $t",
    "@restore $s $s 0",
    // Not commands: the clock, the wheel, the client's database.
    "@pass $t",
    "@pass $t",
    "@pass 3000",
    "@wheel",
    "@select $d",
];

/// Effects of these stand on every shard, and are taken from the first alone.
const WHOLE_SHARDS: &[&str] = &["FLUSHDB", "FLUSHALL", "SWAPDB"];

const KEYS: &[&str] = &["a", "b", "c", "d", "{a}e", "foo", "bar", "key:1", "key:2"];
const FIELDS: &[&str] = &["a", "b", "c", "d", "7", "field"];
const VALUES: &[&str] =
    &["v", "0", "12", "-7", "3.25", "007", "hello", "a-value-of-more-than-the-forty-four-bytes-of-an-embstr"];
const DATABASES: u64 = 3;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_replayed_journal_gives_the_same_data(
        shards in 1_u16..5,
        steps in vec((0..COMMANDS.len(), any::<u64>()), 1..200),
        recorded in any::<bool>(),
        most in prop_oneof![Just(0), 1_u64..40],
    ) {
        let mut world = World::new(shards);
        if recorded {
            let classes = !(class::KEYSPACE | class::KEYEVENT);
            world.settings.recording = Recording::new(b"ev", b"q", classes, true, most, shards.into());
            world.settings.limits.stream_entries = 7;
        }
        let start = world.now;
        for (template, random) in steps {
            step(&mut world, &fill(COMMANDS[template], random, start.ms));
        }
        // What is past its deadline is absent, whether or not anybody has noticed.
        world.expire();
        let expected = content(&mut world);
        let effects = world.effects();
        for effect in &effects {
            check_shard(effect, shards.into());
        }
        for count in [1, 2, 5] {
            let mut copy = World::new(count);
            // Expiry is in the journal, so the copy's clock stands still.
            copy.now = start;
            effects.iter().for_each(|effect| replay(&mut copy, effect));
            prop_assert_eq!(&content(&mut copy), &expected, "{} shards into {}", shards, count);
        }
    }
}

fn step(world: &mut World, words: &[String]) {
    match words[0].as_str() {
        "@pass" => world.pass(words[1].parse().expect("milliseconds")),
        "@wheel" => world.expire(),
        "@restore" => restore(world, words),
        "@select" => world.db = words[1].parse().expect("a database"),
        name if row(name).is_some() => {
            let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
            world.run_words(&words);
        }
        _ => {}
    }
}

fn restore(world: &mut World, words: &[String]) {
    let mut out = Reply::new(Resp::Two);
    world.run_args(OwnedArgs::from_slices(&[b"DUMP", words[1].as_bytes()]).view(), &mut out);
    let Some(start) = out.as_bytes().iter().position(|byte| *byte == b'\n').filter(|_| out.as_bytes()[1] != b'-')
    else {
        return;
    };
    let payload = &out.as_bytes()[start + 1..out.as_bytes().len() - 2];
    let reply = world.run_words(&[b"RESTORE", words[2].as_bytes(), words[3].as_bytes(), payload, b"REPLACE"]);
    assert_eq!(reply, "+OK", "{words:?}");
}

fn replay(copy: &mut World, effect: &Effect) {
    let name = name(effect);
    if effect.shard != 0 && WHOLE_SHARDS.contains(&name.as_str()) {
        return;
    }
    copy.db = effect.db as usize;
    let mut out = Reply::new(Resp::Two);
    copy.run_args(effect.args.view(), &mut out);
    assert!(!out.as_bytes().starts_with(b"-"), "{effect:?}: {}", String::from_utf8_lossy(out.as_bytes()));
}

/// An effect is in the journal of the shard of its keys.
fn check_shard(effect: &Effect, shards: usize) {
    let name = name(effect);
    let view = effect.args.view();
    let sub = view.get(1).map(|sub| format!("{name}|{}", String::from_utf8_lossy(sub)));
    let row = sub.and_then(|sub| row(&sub)).or_else(|| row(&name));
    let row = row.unwrap_or_else(|| panic!("an effect is a command: {effect:?}"));
    let keys = row.spec.key_positions(&view).into_iter().flatten();
    let places: BTreeSet<usize> = keys.map(|at| shard_of(view.at(at), shards)).collect();
    if WHOLE_SHARDS.contains(&name.as_str()) {
        assert!(places.is_empty());
    } else {
        assert_eq!(places, BTreeSet::from([usize::from(effect.shard)]), "{effect:?}");
    }
}

/// All keys of all databases, each as the commands that make it.
fn content(world: &mut World) -> BTreeMap<(usize, Vec<u8>), Vec<OwnedArgs>> {
    let mut keys = Vec::new();
    for shard in &world.shards {
        for (db, keyspace) in shard.databases().iter().enumerate() {
            keys.extend(keyspace.iter().map(|entry| (db, entry.key().to_vec())));
        }
    }
    let held = Held::Many(world.shards.iter_mut().map(Some).collect());
    let mut unit = Unit::new(held, &mut world.sink, world.now, 0, &world.settings);
    keys.into_iter()
        .map(|(db, key)| {
            let described = describe(&mut unit, db, &key).into_iter().map(unordered).collect();
            ((db, key), described)
        })
        .collect()
}

/// Members in one order: a set that was large once and one that never was may have the same ones and keep them differently.
fn unordered(command: OwnedArgs) -> OwnedArgs {
    if command.view().at(0) != b"SADD" {
        return command;
    }
    let mut words: Vec<&[u8]> = command.view().iter().collect();
    words[2..].sort_unstable();
    OwnedArgs::from_slices(&words)
}

/// The words of a template, with its places filled in by the digits of `random`.
fn fill(template: &str, mut random: u64, start_ms: i64) -> Vec<String> {
    let mut digit = |base: u64| {
        let digit = random % base;
        random = (random / base).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
        digit
    };
    let mut word = |word: &str| match word {
        "$k" => KEYS[digit(KEYS.len() as u64) as usize].into(),
        "$f" => FIELDS[digit(FIELDS.len() as u64) as usize].into(),
        "$e" => ["ev:{0}", "ev:{2}"][digit(2) as usize].into(),
        "$q" => ["q:{0}", "q:{2}"][digit(2) as usize].into(),
        "$s" => ["s", "{a}s"][digit(2) as usize].into(),
        "$v" => VALUES[digit(VALUES.len() as u64) as usize].into(),
        "$n" => digit(40).to_string(),
        "$t" => (1 + digit(60)).to_string(),
        "$a" => (start_ms + digit(2_000) as i64).to_string(),
        "$d" => digit(DATABASES).to_string(),
        other => other.to_string(),
    };
    template.split(' ').map(&mut word).collect()
}

fn name(effect: &Effect) -> String {
    String::from_utf8_lossy(effect.args.view().at(0)).into()
}

fn row(name: &str) -> Option<&'static Row> {
    registry::rows().find(|row| row.spec.name.eq_ignore_ascii_case(name))
}
