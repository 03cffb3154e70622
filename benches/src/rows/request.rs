//! The request path: server CPU time for each operation, and what one connection gets through.

use super::{Bench, Running, say};
use crate::Result;
use crate::client::Client;
use crate::driver::{Driver, Until};
use crate::report::{Better, Row, Spread, median_cell, ratio_row};
use crate::requests::{Random, Requests, command, key, value_of};
use crate::server::Server;
use std::time::Duration;

/// Connections, where the row does not say otherwise.
const CONNECTIONS: usize = 50;
const VALUE_BYTES: usize = 64;
/// Prepared operations, repeated from the start when they run out.
const PREPARED: usize = 1_000_000;
/// Sets, expires and reads back, as a session cache does.
const SCRIPT: &[u8] = b"redis.call('SET', KEYS[1], ARGV[1])\nredis.call('EXPIRE', KEYS[1], ARGV[2])\n\
return redis.call('GET', KEYS[1])";
/// `key:` has no TTLs, `ttl:` has; the other prefixes belong to one row each.
const PLAIN: &str = "key:";
const TIMED: &str = "ttl:";
const HOUR_MS: &[u8] = b"3600000";

/// All rows of the request path.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    if ["get", "pipe", "eval", "multi", "setpx", "expire"].iter().any(|name| bench.wants(name)) {
        say("loading a million keys");
        let value = value_of(VALUE_BYTES);
        let data = Requests::every_key(PLAIN, bench.keys(), &[b"SET", b"{key}", &value]);
        let mut servers = bench.start_all(&bench.machine.server, &[&data]);
        if bench.wants("get") {
            get(bench, &mut servers, &mut rows);
        }
        if bench.wants("pipe") {
            rows.push(pipe(bench, &mut servers, "one shard"));
        }
        if bench.wants("multi") {
            multi(bench, &mut servers, &mut rows);
        }
        if bench.wants("eval") {
            eval(bench, &mut servers, &mut rows);
        }
        if bench.wants("setpx") || bench.wants("expire") {
            timed(bench, &mut servers, &mut rows);
        }
        drop(servers);
        if bench.wants("pipe") {
            say("loading a million keys, servers on two cores");
            let mut servers = bench.start_all(&bench.machine.server_of_two, &[&data]);
            rows.push(pipe(bench, &mut servers, "two shards, servers on two cores"));
        }
    }
    rows
}

fn get(bench: &Bench, servers: &mut [Running], rows: &mut Vec<Row>) {
    let requests = Requests::get_set(PREPARED, PLAIN, bench.keys(), VALUE_BYTES);
    for (pipeline, goal) in [(1, 1.0), (16, 0.75), (64, 0.7)] {
        let name = format!("CPU, GET:SET 10:1, 50 connections, pipeline {pipeline}");
        rows.push(cpu_row(bench, servers, &name, &requests, pipeline, Some(goal)));
    }
}

fn pipe(bench: &Bench, servers: &mut [Running], how: &str) -> Row {
    let name = format!("Throughput, one connection, pipeline 100, {how}");
    say(&name);
    let requests = Requests::get_set(PREPARED, PLAIN, bench.keys(), VALUE_BYTES);
    let measured = bench.in_turn(servers, 1, |_, driver, time| {
        let outcome = driver.run(&requests, 100, Until::Elapsed(time))?;
        Ok(outcome.operations as f64 / outcome.elapsed.as_secs_f64())
    });
    ratio_row(&name, Better::Higher, Some(1.0), &measured, |rate| format!("{:.0} k/s", rate / 1e3))
}

fn multi(bench: &Bench, servers: &mut [Running], rows: &mut Vec<Row>) {
    let value = value_of(VALUE_BYTES);
    let mut random = Random::new(3);
    let requests = Requests::build(PREPARED / 8, 6, |_, out| {
        command(out, &[b"MULTI"]);
        for _ in 0..4 {
            command(out, &[b"SET", &key(PLAIN, random.below(bench.keys())), &value]);
        }
        command(out, &[b"EXEC"]);
    });
    for pipeline in [1, 16] {
        let name = format!("CPU, MULTI of four SETs and EXEC, transactions in a pipeline: {pipeline}");
        rows.push(cpu_row(bench, servers, &name, &requests, pipeline, Some(0.9)));
    }
}

fn eval(bench: &Bench, servers: &mut [Running], rows: &mut Vec<Row>) {
    // Every server has the same digest; one that refuses the script fails at the first EVALSHA, and says why.
    let mut digest = None;
    for server in servers.iter().flatten() {
        let loaded = Client::connect(server.address).and_then(|mut client| client.call(&[b"SCRIPT", b"LOAD", SCRIPT]));
        if let Ok(crate::client::Value::Text(text)) = loaded {
            digest = Some(text);
        }
    }
    let digest = digest.unwrap_or_default();
    let value = value_of(VALUE_BYTES);
    let words: &[&[u8]] = &[b"EVALSHA", &digest, b"1", b"{key}", &value, b"3600"];
    let requests = Requests::random_keys(PREPARED / 4, "evl:", 100_000, words);
    for pipeline in [1, 16] {
        let name = format!("CPU, EVALSHA of SET, EXPIRE and GET, pipeline {pipeline}");
        rows.push(cpu_row(bench, servers, &name, &requests, pipeline, Some(0.9)));
    }
}

/// Rows on a second million of keys, which have a TTL.
fn timed(bench: &Bench, servers: &mut [Running], rows: &mut Vec<Row>) {
    say("loading a million keys with a TTL");
    let value = value_of(VALUE_BYTES);
    let data = Requests::every_key(TIMED, bench.keys(), &[b"SET", b"{key}", &value, b"PX", HOUR_MS]);
    for running in servers.iter_mut() {
        let loaded = running.as_ref().map_or(Ok(()), |server| super::load(server, &data));
        if let Err(failure) = loaded {
            *running = Err(failure);
        }
    }
    drop(data);
    let keys = bench.keys();
    if bench.wants("setpx") {
        let plain = Requests::random_keys(PREPARED, PLAIN, keys, &[b"SET", b"{key}", &value]);
        let timed = Requests::random_keys(PREPARED, TIMED, keys, &[b"SET", b"{key}", &value, b"PX", HOUR_MS]);
        for pipeline in [1, 16, 64] {
            let name = format!("CPU, SET with PX to plain SET, each server by itself, pipeline {pipeline}");
            rows.push(pair_row(bench, servers, &name, (&timed, &plain), pipeline, Some(1.03)));
        }
    }
    if bench.wants("expire") {
        // Later than the TTL it has, and by the clock later each time.
        let expire = Requests::random_keys(PREPARED, TIMED, keys, &[b"EXPIRE", b"{key}", b"7200"]);
        let get = Requests::random_keys(PREPARED, TIMED, keys, &[b"GET", b"{key}"]);
        rows.push(cpu_row(bench, servers, "CPU, EXPIRE moved later, pipeline 16", &expire, 16, None));
        let name = "CPU, EXPIRE moved later to GET, each server by itself, pipeline 16";
        rows.push(pair_row(bench, servers, name, (&expire, &get), 16, None));
    }
}

pub(super) fn cpu_row(
    bench: &Bench,
    servers: &mut [Running],
    name: &str,
    requests: &Requests,
    pipeline: usize,
    goal: Option<f64>,
) -> Row {
    say(name);
    let measured =
        bench.in_turn(servers, CONNECTIONS, |server, driver, time| cpu_us(server, driver, requests, pipeline, time));
    ratio_row(name, Better::Lower, goal, &measured, |us| format!("{us:.3} µs"))
}

/// Two kinds of requests on the same server, one right after the other; the goal is for Curfew's own ratio of them.
fn pair_row(
    bench: &Bench,
    servers: &mut [Running],
    name: &str,
    (measured, base): (&Requests, &Requests),
    pipeline: usize,
    goal: Option<f64>,
) -> Row {
    say(name);
    let mut flip = false;
    let ratios = bench.in_turn(servers, CONNECTIONS, |server, driver, time| {
        // Which goes first changes, so that being second is no advantage.
        flip = !flip;
        let first = cpu_us(server, driver, if flip { measured } else { base }, pipeline, time)?;
        let second = cpu_us(server, driver, if flip { base } else { measured }, pipeline, time)?;
        Ok(if flip { first / second } else { second / first })
    });
    let ours = ratios[0].as_ref().ok().and_then(|ratios| Spread::of(ratios));
    Row {
        name: name.into(),
        goal: goal.map(|goal| format!("≤ {goal}")).unwrap_or_default(),
        met: ours.zip(goal).map(|(ours, goal)| ours.median <= goal),
        ratio: ours.map(|ours| format!("{ours}, within Curfew")).unwrap_or_default(),
        cells: ratios.iter().map(|series| median_cell(series, |ratio| format!("{ratio:.2}"))).collect(),
    }
}

/// Microseconds of the server's CPU time for each operation.
pub(super) fn cpu_us(
    server: &Server,
    driver: &mut Driver,
    requests: &Requests,
    pipeline: usize,
    time: Duration,
) -> Result<f64> {
    let before = server.cpu_ns()?;
    let outcome = driver.run(requests, pipeline, Until::Elapsed(time))?;
    let used = server.cpu_ns()?.saturating_sub(before);
    Ok(used as f64 / 1e3 / outcome.operations as f64)
}
