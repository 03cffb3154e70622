//! Whether keys leave on time whatever else happens: the lag of probe keys while one thing after the other keeps the server
//! from them. Curfew by itself: what the others' lag is with nothing in their way, the rows of `lag` tell.

use super::lag::{Lags, PROBES, goal, load_timed};
use super::{Bench, load, now_ms, say};
use crate::client::{Client, Value};
use crate::report::{Row, missing};
use crate::requests::{Requests, command};
use crate::server::Server;
use crate::{Failure, Result};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long after its deadline an event counts as one that came.
const WAIT_MS: f64 = 5000.0;
/// How far ahead deadlines are set, so that all is under way when they come.
const AHEAD_MS: f64 = 500.0;
/// Scripts that keep a shard take so long.
const SCRIPT_MS: f64 = 200.0;
/// Changes its key, then counts. The time it takes depends on the number alone.
const SCRIPT: &[u8] = b"redis.call('INCR', KEYS[1])\nlocal x = 0\n\
for i = 1, tonumber(ARGV[1]) do x = (x + i * 3) % 1000003 end\nreturn x";

/// What was measured, and a word about what was going on meanwhile.
type Measured = Result<(Lags, String)>;

/// A row for each thing that might stall.
pub fn rows(bench: &Bench) -> Vec<Row> {
    if !bench.wants("stalls") {
        return Vec::new();
    }
    let keys = if bench.quick { 200_000 } else { 1_000_000 };
    let times = if bench.quick { 1 } else { 5 };
    let beside = format!("Expiry lag of {PROBES} keys beside {keys}");
    let row = |what: &str, measure: &dyn Fn() -> Measured| {
        let name = format!("{beside}, {what}");
        say(&name);
        row(bench, format!("{name}: median / p99, how many came within 5 s"), &measure())
    };
    let started = || {
        let server = start(bench, &bench.machine.server)?;
        load_timed(&server, keys)?;
        Ok(server)
    };
    // One server for all that needs one shard: each of them leaves it as it was.
    let server: Result<Server> = started();
    let one = |measure: &dyn Fn(&Server) -> Measured| match &server {
        Ok(server) => measure(server),
        Err(failure) => Err(failure.clone()),
    };
    vec![
        row("while another client SCANs them, COUNT 1000", &|| one(&|server| during_scan(server, times))),
        row(&format!("while FLUSHDB ASYNC frees {} in another database", 3 * keys), &|| {
            one(&|server| during_flush(server, 3 * keys, times.min(2)))
        }),
        row(&format!("due in the 100 ms after {keys} more of one deadline"), &|| {
            one(&|server| after_burst(server, keys, times.min(2)))
        }),
        row(&format!("on the shard that a script of {SCRIPT_MS} ms holds, from the script's end"), &|| {
            one(&|server| behind_script(server, times))
        }),
        beside_script_row(bench, &beside, keys, times),
    ]
}

fn row(bench: &Bench, name: String, measured: &Measured) -> Row {
    let ours = match measured {
        Ok((lags, meanwhile)) => format!("{} ({meanwhile})", lags.cell()),
        Err(failure) => missing(failure),
    };
    Row {
        name,
        goal: goal(),
        met: measured.as_ref().ok().map(|(lags, _)| lags.good()),
        ratio: String::new(),
        cells: bench.contestants.iter().map(|who| if who.curfew { ours.clone() } else { "-".into() }).collect(),
    }
}

/// Two shards take both cores here, and the subscriber waits for one: so what counts is when the keys went, by the server's figures.
fn beside_script_row(bench: &Bench, beside: &str, keys: usize, times: usize) -> Row {
    let name =
        format!("{beside}, while scripts of {SCRIPT_MS} ms run on another shard (two shards, two cores): median / p99");
    say(&name);
    let measured = || {
        let server = start(bench, &bench.machine.server_of_two)?;
        load_timed(&server, keys)?;
        let (seen, meanwhile) = beside_script(&server, times)?;
        let (median, p99) = own_lag(&server)?;
        let seen = format!("for a subscriber without a core of its own {}", seen.cell());
        Ok((format!("{median} ms / {p99} ms by INFO, {seen} ({meanwhile})"), p99 < 5.0))
    };
    let measured: Result<(String, bool)> = measured();
    let ours = match &measured {
        Ok((cell, _)) => cell.clone(),
        Err(failure) => missing(failure),
    };
    Row {
        name,
        goal: goal(),
        met: measured.as_ref().ok().map(|(_, is_met)| *is_met),
        ratio: String::new(),
        cells: bench.contestants.iter().map(|who| if who.curfew { ours.clone() } else { "-".into() }).collect(),
    }
}

/// The expiry lag since the start by the server's own figures: median and 99th percentile in milliseconds, rounded up.
fn own_lag(server: &Server) -> Result<(f64, f64)> {
    let Value::Text(text) = Client::connect(server.address)?.call(&[b"INFO", b"everything"])? else {
        return Err(Failure("INFO did not answer with a text".into()));
    };
    let text = String::from_utf8_lossy(&text);
    let field = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok());
        found.ok_or_else(|| Failure(format!("no {name} in INFO")))
    };
    Ok((field("expiry_lag_p50_ms")?, field("expiry_lag_p99_ms")?))
}

fn start(bench: &Bench, cores: &[usize]) -> Result<Server> {
    let curfew = bench.contestants.iter().find(|who| who.curfew).ok_or_else(|| Failure("no Curfew".into()))?;
    // Events on the channels of their keys only: those of the other keys have no subscriber.
    bench.start(curfew, cores, &["--notify-keyspace-events", "Kx"])
}

// ---- the probes -----------------------------------------------------------------------------------------------------

/// Probe keys of one shard, and a subscriber to the channel of each.
struct Probes {
    subscriber: Client,
    setter: Client,
    prefix: String,
    deadlines_ms: Vec<u64>,
}

impl Probes {
    fn new(server: &Server, prefix: &str) -> Result<Probes> {
        let mut probes = Probes {
            subscriber: Client::connect(server.address)?,
            setter: Client::connect(server.address)?,
            prefix: prefix.to_owned(),
            deadlines_ms: Vec::new(),
        };
        let channels: Vec<String> = (0..PROBES).map(|index| format!("__keyspace@0__:{prefix}{index}")).collect();
        let mut bytes = Vec::new();
        for channel in &channels {
            command(&mut bytes, &[b"SUBSCRIBE", channel.as_bytes()]);
        }
        probes.subscriber.send(&bytes)?;
        for _ in 0..PROBES {
            probes.subscriber.receive()?;
        }
        Ok(probes)
    }

    /// Sets the keys, each with its deadline.
    fn set(&mut self, deadlines_ms: impl Iterator<Item = u64>) -> Result<()> {
        self.deadlines_ms = deadlines_ms.take(PROBES).collect();
        let mut bytes = Vec::new();
        for (index, deadline) in self.deadlines_ms.iter().enumerate() {
            let (key, deadline) = (format!("{}{index}", self.prefix), deadline.to_string());
            command(&mut bytes, &[b"SET", key.as_bytes(), b"value", b"PXAT", deadline.as_bytes()]);
        }
        self.setter.send(&bytes)?;
        for _ in 0..PROBES {
            if let Value::Error(text) = self.setter.receive()? {
                return Err(Failure(text));
            }
        }
        match self.deadlines_ms.first().is_some_and(|&first| now_ms() < first as f64) {
            true => Ok(()),
            false => Err(Failure("the probe keys were set too slowly".into())),
        }
    }

    /// Sets the keys with one deadline, and waits for their events.
    fn go(&mut self) -> Result<Lags> {
        let deadline = (now_ms() + AHEAD_MS) as u64;
        self.set(std::iter::repeat(deadline))?;
        let arrivals = self.arrivals()?;
        Ok(self.lags(&arrivals, 0.0))
    }

    /// When the event of each probe came, in Unix milliseconds; infinite if it did not.
    fn arrivals(&mut self) -> Result<Vec<f64>> {
        let last = self.deadlines_ms.iter().copied().max().unwrap_or(0) as f64;
        let mut arrivals = vec![f64::INFINITY; PROBES];
        let start = b"__keyspace@0__:".len() + self.prefix.len();
        for _ in 0..PROBES {
            let left_ms = last + WAIT_MS - now_ms();
            if left_ms < 1.0 {
                break;
            }
            self.subscriber.set_patience(Duration::from_secs_f64(left_ms / 1e3))?;
            let message = match self.subscriber.receive() {
                Ok(message) => message,
                Err(_) if now_ms() >= last + WAIT_MS - 1.0 => break,
                Err(failure) => return Err(failure),
            };
            let came = now_ms();
            let index = match &message {
                Value::Array(parts) => match parts.get(1) {
                    Some(Value::Text(channel)) => std::str::from_utf8(&channel[start.min(channel.len())..]).ok(),
                    _ => None,
                },
                _ => None,
            };
            match index.and_then(|index| arrivals.get_mut(index.parse::<usize>().ok()?)) {
                Some(arrival) => *arrival = came,
                None => return Err(Failure(format!("not an event of a probe: {message:?}"))),
            }
        }
        // Early, and the server would have broken its promise in the other direction.
        match arrivals.iter().zip(&self.deadlines_ms).find(|(arrival, deadline)| **arrival < **deadline as f64) {
            Some((arrival, &deadline)) => {
                Err(Failure(format!("an event came {:.1} ms before the deadline", deadline as f64 - arrival)))
            }
            None => Ok(arrivals),
        }
    }

    /// The lags of these arrivals, each from its deadline or from `not_before`, whichever is later.
    fn lags(&self, arrivals: &[f64], not_before_ms: f64) -> Lags {
        let lags = arrivals.iter().zip(&self.deadlines_ms);
        Lags::of(lags.map(|(arrival, deadline)| arrival - not_before_ms.max(*deadline as f64)).collect())
    }
}

/// The worst of several probings.
fn worst(times: usize, mut probe: impl FnMut() -> Result<Lags>) -> Result<Lags> {
    let mut worst = probe()?;
    for _ in 1..times {
        worst = worst.worse(probe()?);
    }
    Ok(worst)
}

/// Probes while `work` is done over and over on a thread of its own; gives what all its turns took, in milliseconds.
fn meanwhile(
    work: impl FnMut() -> Result<()> + Send,
    probe: impl FnOnce() -> Result<Lags>,
) -> Result<(Lags, Vec<f64>)> {
    let done = AtomicBool::new(false);
    let mut work = work;
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| -> Result<Vec<f64>> {
            let mut took_ms = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let start = Instant::now();
                work()?;
                took_ms.push(start.elapsed().as_secs_f64() * 1e3);
            }
            Ok(took_ms)
        });
        let lags = probe();
        done.store(true, Ordering::Relaxed);
        let took_ms = worker.join().map_err(|_| Failure("the other client failed".into()))??;
        Ok((lags?, took_ms))
    })
}

// ---- what might stall -----------------------------------------------------------------------------------------------

fn during_scan(server: &Server, times: usize) -> Measured {
    let mut scanner = Client::connect(server.address)?;
    let mut cursor = b"0".to_vec();
    let scan = || {
        if let Value::Array(parts) = scanner.call(&[b"SCAN", &cursor, b"COUNT", b"1000"])?
            && let Some(Value::Text(next)) = parts.into_iter().next()
        {
            cursor = next;
        }
        Ok(())
    };
    let mut probes = Probes::new(server, "probe:")?;
    let start = Instant::now();
    let (lags, took_ms) = meanwhile(scan, || worst(times, || probes.go()))?;
    Ok((lags, format!("{:.0} SCANs a second", took_ms.len() as f64 / start.elapsed().as_secs_f64())))
}

fn during_flush(server: &Server, others: usize, times: usize) -> Measured {
    let mut probes = Probes::new(server, "probe:")?;
    let mut client = Client::connect(server.address)?;
    // The driver knows no databases: the keys that are there step aside for a moment.
    let mut flush_ms = 0.0f64;
    let lags = worst(times, || {
        client.call(&[b"SWAPDB", b"0", b"1"])?;
        load_timed(server, others)?;
        client.call(&[b"SWAPDB", b"0", b"1"])?;
        client.call(&[b"SELECT", b"1"])?;
        let deadline = (now_ms() + AHEAD_MS) as u64;
        probes.set(std::iter::repeat(deadline))?;
        std::thread::sleep(Duration::from_secs_f64((deadline as f64 - 1.0 - now_ms()).max(0.0) / 1e3));
        let start = Instant::now();
        client.call(&[b"FLUSHDB", b"ASYNC"])?;
        flush_ms = flush_ms.max(start.elapsed().as_secs_f64() * 1e3);
        client.call(&[b"SELECT", b"0"])?;
        let arrivals = probes.arrivals()?;
        Ok(probes.lags(&arrivals, 0.0))
    })?;
    Ok((lags, format!("the FLUSHDB took {flush_ms:.1} ms")))
}

fn after_burst(server: &Server, keys: usize, times: usize) -> Measured {
    let mut probes = Probes::new(server, "probe:")?;
    let lags = worst(times, || {
        let mut ahead_ms = 4000.0;
        let burst = loop {
            let burst = (now_ms() + ahead_ms) as u64;
            let deadline = burst.to_string();
            load(
                server,
                &Requests::every_key("burst:", keys, &[b"SET", b"{key}", b"value", b"PXAT", deadline.as_bytes()]),
            )?;
            if now_ms() + AHEAD_MS / 2.0 < burst as f64 {
                break burst;
            }
            ahead_ms *= 2.0;
            if ahead_ms > 60_000.0 {
                return Err(Failure("the keys were set too slowly".into()));
            }
        };
        probes.set((1..=PROBES as u64).map(|index| burst + index.div_ceil(PROBES as u64 / 100)))?;
        let arrivals = probes.arrivals()?;
        Ok(probes.lags(&arrivals, 0.0))
    })?;
    Ok((lags, "the same shard and database".into()))
}

fn behind_script(server: &Server, times: usize) -> Measured {
    let mut probes = Probes::new(server, "probe:")?;
    let mut script = Script::calibrated(Client::connect(server.address)?, "busy")?;
    let mut took_ms = Vec::new();
    let lags = worst(times, || {
        let deadline = (now_ms() + AHEAD_MS) as u64;
        probes.set(std::iter::repeat(deadline))?;
        std::thread::sleep(Duration::from_secs_f64((deadline as f64 - SCRIPT_MS / 2.0 - now_ms()).max(0.0) / 1e3));
        std::thread::scope(|scope| {
            let runs = scope.spawn(|| -> Result<(f64, f64)> {
                let took = script.run()?;
                Ok((now_ms(), took))
            });
            let arrivals = probes.arrivals();
            let (ended, took) = runs.join().map_err(|_| Failure("the script's client failed".into()))??;
            took_ms.push(took);
            Ok(probes.lags(&arrivals?, ended))
        })
    })?;
    Ok((lags, ran(&took_ms)))
}

/// Scripts on the first shard, sent by connections that belong to one thread or the other; probes on the second, with
/// subscribers likewise.
fn beside_script(server: &Server, times: usize) -> Measured {
    let [busy, free] = tags();
    let mut scripts = Vec::new();
    for _ in 0..4 {
        scripts.push(Script::calibrated(Client::connect(server.address)?, &format!("busy:{{{busy}}}"))?);
    }
    let took_ms = Mutex::new(Vec::new());
    let mut turn = 0;
    let run = || {
        turn += 1;
        let at = turn % scripts.len();
        let took = scripts[at].run()?;
        took_ms.lock().map_err(|_| Failure("the probing failed".into()))?.push(took);
        Ok(())
    };
    let (lags, _) = meanwhile(run, || {
        worst(times, || {
            let mut probes = Probes::new(server, &format!("probe:{{{free}}}"))?;
            probes.go()
        })
    })?;
    let took_ms = took_ms.into_inner().map_err(|_| Failure("the probing failed".into()))?;
    Ok((lags, ran(&took_ms)))
}

fn ran(took_ms: &[f64]) -> String {
    let longest = took_ms.iter().copied().fold(0.0, f64::max);
    let sum: f64 = took_ms.iter().sum();
    format!("scripts of {:.0} ms, {longest:.0} at most", sum / took_ms.len().max(1) as f64)
}

/// A script that takes about [`SCRIPT_MS`], and the connection that sends it.
struct Script {
    client: Client,
    digest: Vec<u8>,
    key: String,
    turns: u64,
}

impl Script {
    fn calibrated(mut client: Client, key: &str) -> Result<Script> {
        let Value::Text(digest) = client.call(&[b"SCRIPT", b"LOAD", SCRIPT])? else {
            return Err(Failure("SCRIPT LOAD did not answer with a digest".into()));
        };
        let mut script = Script { client, digest, key: key.to_owned(), turns: 100_000 };
        // Short runs first, of which the server learns what the script touches, then a longer one.
        for aim_ms in [20.0, 20.0, SCRIPT_MS] {
            let fastest = [script.run()?, script.run()?].into_iter().fold(f64::INFINITY, f64::min);
            script.turns = (script.turns as f64 * aim_ms / fastest.max(0.1)) as u64;
        }
        Ok(script)
    }

    /// How long it took, in milliseconds.
    fn run(&mut self) -> Result<f64> {
        let turns = self.turns.to_string();
        let start = Instant::now();
        self.client.call(&[b"EVALSHA", &self.digest, b"1", self.key.as_bytes(), turns.as_bytes()])?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    }
}

/// Hash tags of the first and of the second of two shards, which have the lower and the upper half of the slots.
fn tags() -> [u32; 2] {
    let tag_of = |shard| (0..).find(|tag: &u32| slot(tag.to_string().as_bytes()) / 8192 == shard).unwrap_or(0);
    [tag_of(0), tag_of(1)]
}

/// The hash slot of a tag: CRC16 (XMODEM) modulo 16384.
fn slot(tag: &[u8]) -> u16 {
    let crc = tag.iter().fold(0u16, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| crc << 1 ^ if crc & 0x8000 != 0 { 0x1021 } else { 0 })
    });
    crc % 16384
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_lead_to_both_shards() {
        // The check value of the CRC, and what the manual says of a key.
        assert_eq!(slot(b"123456789"), 0x31C3);
        let [first, second] = tags();
        assert!(slot(first.to_string().as_bytes()) < 8192 && slot(second.to_string().as_bytes()) >= 8192);
    }
}
