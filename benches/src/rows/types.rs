//! The data types: server CPU time for each command, and what freeing a large value costs the others.

use super::request::cpu_row;
use super::{Bench, load, say, slowest_get};
use crate::client::{Client, Value};
use crate::report::{Row, missing};
use crate::requests::{Random, Requests, command, key, value_of};
use crate::server::Contestant;
use crate::{Failure, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Prepared operations, repeated from the start when they run out.
const PREPARED: usize = 200_000;
/// Members of the large sorted set.
const MILLION: usize = 1_000_000;
/// Entries of the stream that is read.
const ENTRIES: usize = 100_000;
/// Pipelines, each with what Curfew is to need of the better server's CPU time.
const PIPELINES: [(usize, f64); 2] = [(1, 1.0), (16, 0.85)];
const SLOWEST_GOAL_MS: f64 = 5.0;

/// The rows of the types.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    if bench.wants("types") {
        say("loading the types");
        let mut servers = bench.start_all(&bench.machine.server, &data().iter().collect::<Vec<_>>());
        for (name, requests) in measured() {
            for (pipeline, goal) in PIPELINES {
                let name = format!("CPU, {name}, pipeline {pipeline}");
                rows.push(cpu_row(bench, &mut servers, &name, &requests, pipeline, Some(goal)));
            }
        }
    }
    if bench.wants("drop") {
        rows.push(drop_row(bench, if bench.quick { MILLION } else { 5 * MILLION }));
    }
    rows
}

/// What is there before the clock runs.
fn data() -> Vec<Requests> {
    let member = |index| key("member:", index);
    let value = value_of(16);
    vec![
        Requests::build(MILLION, 1, |index, out| {
            command(out, &[b"ZADD", b"zset", (index * 7_919 % MILLION).to_string().as_bytes(), &member(index)]);
        }),
        Requests::build(MILLION, 1, |index, out| command(out, &[b"SADD", b"set", &member(index)])),
        // A hundred members in common.
        Requests::build(20_000, 1, |index, out| {
            let (set, number) = (if index % 2 == 0 { b"one" } else { b"two" }, index / 2);
            let number = if number < 100 { number } else { index };
            command(out, &[b"SADD", set, &member(number)]);
        }),
        Requests::build(10_000, 1, |index, out| command(out, &[b"RPUSH", b"list", &key("item:", index)])),
        Requests::build(100, 1, |index, out| command(out, &[b"HSET", b"hash", &key("field:", index), &value])),
        // In one go, since the ids have to arrive in order.
        Requests::build(1, ENTRIES as u64, |_, out| {
            for index in 1..=ENTRIES {
                let id = format!("{index}-1");
                command(out, &[b"XADD", b"entries", id.as_bytes(), b"name", b"value", b"number", b"17"]);
            }
        }),
    ]
}

/// Names and operations. Random numbers are the same for every server.
fn measured() -> Vec<(&'static str, Requests)> {
    let mut random = Random::new(5);
    let value = value_of(16);
    let mut build = |write: &mut dyn FnMut(usize, &mut Random, &mut Vec<u8>)| {
        Requests::build(PREPARED, 1, |index, out| write(index, &mut random, out))
    };
    vec![
        (
            "LPUSH and LPOP in turn on 100 lists",
            build(&mut |index, _, out| {
                let list = key("turn:", index / 2 % 100);
                match index % 2 {
                    0 => command(out, &[b"LPUSH", &list, &value]),
                    _ => command(out, &[b"LPOP", &list]),
                }
            }),
        ),
        ("LRANGE of 100", build(&mut |_, _, out| command(out, &[b"LRANGE", b"list", b"0", b"99"]))),
        (
            "SADD to a set of a million",
            build(&mut |_, random, out| command(out, &[b"SADD", b"set", &key("member:", random.below(MILLION))])),
        ),
        ("SINTER of two sets of 10,000", build(&mut |_, _, out| command(out, &[b"SINTER", b"one", b"two"]))),
        (
            "HSET, hashes of ten fields",
            build(&mut |_, random, out| {
                let (hash, field) = (key("ten:", random.below(100_000)), format!("field:{}", random.below(10)));
                command(out, &[b"HSET", &hash, field.as_bytes(), &value]);
            }),
        ),
        ("HGETALL of 100 fields", build(&mut |_, _, out| command(out, &[b"HGETALL", b"hash"]))),
        (
            "ZADD to a sorted set of a million",
            build(&mut |_, random, out| {
                let score = random.below(MILLION).to_string();
                command(out, &[b"ZADD", b"zset", score.as_bytes(), &key("member:", random.below(MILLION))]);
            }),
        ),
        (
            "ZRANGE of 100 by rank",
            build(&mut |_, random, out| {
                let start = random.below(MILLION - 100);
                let stop = start + 99;
                command(out, &[b"ZRANGE", b"zset", start.to_string().as_bytes(), stop.to_string().as_bytes()]);
            }),
        ),
        (
            "ZRANGE of 100 by score",
            build(&mut |_, random, out| {
                let from = random.below(MILLION - 1000).to_string();
                let words: &[&[u8]] =
                    &[b"ZRANGE", b"zset", from.as_bytes(), b"+inf", b"BYSCORE", b"LIMIT", b"0", b"100"];
                command(out, words);
            }),
        ),
        (
            "XADD of two fields",
            build(&mut |_, _, out| command(out, &[b"XADD", b"stream", b"*", b"name", b"value", b"number", b"17"])),
        ),
        (
            "XREAD of 100",
            build(&mut |_, random, out| {
                let id = format!("{}-0", random.below(ENTRIES - 100));
                command(out, &[b"XREAD", b"COUNT", b"100", b"STREAMS", b"entries", id.as_bytes()]);
            }),
        ),
    ]
}

// ---- freeing a large value ------------------------------------------------------------------------------------------

/// DEL of a large sorted set, while another client sends GETs.
fn drop_row(bench: &Bench, members: usize) -> Row {
    let name =
        format!("DEL of a sorted set of {members} members: slowest GET of another client meanwhile (and before)");
    say(&name);
    let runs: Vec<Result<(f64, f64)>> = bench.contestants.iter().map(|who| slowest(bench, who, members)).collect();
    let ms = |run: &Result<(f64, f64)>| run.as_ref().map_or(f64::INFINITY, |(_, during)| *during);
    let better = runs[1..].iter().map(ms).fold(f64::INFINITY, f64::min);
    Row {
        name,
        goal: format!("≤ {SLOWEST_GOAL_MS} ms"),
        met: runs[0].as_ref().ok().map(|(_, during)| *during <= SLOWEST_GOAL_MS),
        ratio: match ms(&runs[0]) / better {
            ratio if ratio.is_finite() => format!("**{ratio:.2}**"),
            _ => String::new(),
        },
        cells: runs
            .iter()
            .map(|run| match run {
                Ok((before, during)) => format!("{during:.1} ms ({before:.1} ms)"),
                Err(failure) => missing(failure),
            })
            .collect(),
    }
}

/// Milliseconds of the slowest GET before and during the DEL.
fn slowest(bench: &Bench, who: &Contestant, members: usize) -> Result<(f64, f64)> {
    /// Members in one ZADD: the load is not what is measured.
    const GROUP: usize = 100;
    let server = bench.start(who, &bench.machine.server, &[])?;
    let data = Requests::build(members / GROUP, 1, |index, out| {
        let pairs: Vec<(String, Vec<u8>)> = (index * GROUP..(index + 1) * GROUP)
            .map(|member| ((member * 7_919 % members).to_string(), key("member:", member)))
            .collect();
        let mut words: Vec<&[u8]> = vec![b"ZADD", b"zset"];
        pairs.iter().for_each(|(score, member)| words.extend([score.as_bytes(), member.as_slice()]));
        command(out, &words);
    });
    load(&server, &data)?;
    let mut client = Client::connect(server.address)?;
    client.call(&[b"SET", b"stays", b"value"])?;
    let (deleting, done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let getting = scope.spawn(|| slowest_get(&server, &|| deleting.load(Ordering::Relaxed), &done));
        std::thread::sleep(Duration::from_millis(300));
        deleting.store(true, Ordering::Relaxed);
        let deleted = client.call(&[b"DEL", b"zset"]);
        // What is freed behind the reply is seen too.
        std::thread::sleep(Duration::from_millis(700));
        done.store(true, Ordering::Relaxed);
        let slowest = getting.join().map_err(|_| Failure("the client of the GETs failed".into()))??;
        match deleted? {
            Value::Number(1) => Ok(slowest),
            other => Err(Failure(format!("DEL answered {other:?}"))),
        }
    })
}
