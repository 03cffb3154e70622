//! Whether keys leave on time: the lag of their events, and how long a million at once take.

use super::{Bench, load, say, slowest_get};
use crate::client::{Client, Value};
use crate::driver::{Driver, Until};
use crate::replies::Counter;
use crate::report::{Row, missing};
use crate::requests::{Requests, command, key};
use crate::server::{Contestant, Server};
use crate::{Failure, Result};
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Keys that share the deadline whose events are timed.
const PROBES: usize = 1000;
const LAG_GOAL_MS: f64 = 5.0;
const MASS_GOAL_MS: f64 = 500.0;
const SLOWEST_GOAL_MS: f64 = 5.0;
/// How long a mass of keys may take before it is said to be more.
const MASS_WAIT: Duration = Duration::from_secs(15);

/// The rows of expiry.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    if bench.wants("lag") {
        let sizes: &[usize] = if bench.quick { &[0, 10_000, 200_000] } else { &[0, 10_000, 1_000_000] };
        rows.extend(sizes.iter().map(|&size| lag_row(bench, size)));
    }
    if bench.wants("load") {
        rows.push(load_row(bench, if bench.quick { 200_000 } else { 1_000_000 }));
    }
    if bench.wants("mass") {
        rows.extend(mass_rows(bench, if bench.quick { 200_000 } else { 1_000_000 }));
    }
    rows
}

// ---- lag ------------------------------------------------------------------------------------------------------------

/// Lags of the events that came, in milliseconds, sorted.
struct Lags(Vec<f64>);

impl Lags {
    /// Of all probes: infinite where too few came.
    fn quantile(&self, of_1000: usize) -> f64 {
        self.0.get(of_1000 * PROBES / 1000 - 1).copied().unwrap_or(f64::INFINITY)
    }

    fn cell(&self) -> String {
        let show = |ms: f64| if ms.is_finite() { format!("{ms:.1} ms") } else { "never".into() };
        format!("{} / {}, {}", show(self.quantile(500)), show(self.quantile(990)), self.0.len())
    }

    fn good(&self) -> bool {
        self.0.len() == PROBES && self.quantile(990) < LAG_GOAL_MS
    }
}

/// How long after the deadline an event counts as one that came.
fn lag_wait(bench: &Bench) -> Duration {
    Duration::from_secs(if bench.quick { 2 } else { 5 })
}

fn lag_row(bench: &Bench, beside: usize) -> Row {
    let wait = lag_wait(bench);
    let within = wait.as_secs();
    let name = format!("Expiry lag of {PROBES} keys beside {beside}: median / p99, how many came within {within} s");
    say(&name);
    let data = Requests::every_key("key:", beside, &[b"SET", b"{key}", b"value", b"EX", b"3600"]);
    let lags: Vec<Result<Lags>> = bench.contestants.iter().map(|who| lag(bench, who, &data)).collect();
    let p99 = |lags: &Result<Lags>| lags.as_ref().map_or(f64::INFINITY, |lags| lags.quantile(990));
    let better = lags[1..].iter().map(p99).fold(f64::INFINITY, f64::min);
    let ratio = p99(&lags[0]) / better;
    Row {
        name,
        goal: format!("p99 < {LAG_GOAL_MS} ms, {PROBES}"),
        met: lags[0].as_ref().ok().map(Lags::good),
        ratio: match ratio.is_finite() {
            true if better.is_finite() => format!("p99: **{ratio:.4}**"),
            _ => String::new(),
        },
        cells: lags
            .iter()
            .map(|lags| match lags {
                Ok(lags) => lags.cell(),
                Err(failure) => missing(failure),
            })
            .collect(),
    }
}

/// Curfew is probed several times and the worst counts; for the others, which are far off, once is enough.
fn lag(bench: &Bench, who: &Contestant, data: &Requests) -> Result<Lags> {
    let server = bench.start(who, &bench.machine.server, &["--notify-keyspace-events", "Ex"])?;
    load(&server, data)?;
    let times = if who.curfew && !bench.quick { 3 } else { 1 };
    let mut worst: Option<Lags> = None;
    for _ in 0..times {
        let lags = probe(&server, lag_wait(bench))?;
        let worse = worst
            .as_ref()
            .is_none_or(|worst| (lags.0.len(), -lags.quantile(990)) < (worst.0.len(), -worst.quantile(990)));
        if worse {
            worst = Some(lags);
        }
    }
    worst.ok_or_else(|| Failure("not probed".into()))
}

fn probe(server: &Server, wait: Duration) -> Result<Lags> {
    let mut subscriber = Client::connect(server.address)?;
    subscriber.call(&[b"SUBSCRIBE", b"__keyevent@0__:expired"])?;
    let mut events = subscriber.into_stream()?;
    let deadline_ms = now_ms() as u64 + 500;
    set_probes(server, deadline_ms)?;
    if now_ms() >= deadline_ms as f64 {
        return Err(Failure("the probe keys were set too slowly".into()));
    }
    let mut lags = Vec::new();
    let mut counter = Counter::default();
    let mut buffer = vec![0; 64 * 1024];
    let end_ms = deadline_ms as f64 + wait.as_secs_f64() * 1e3;
    while lags.len() < PROBES {
        let left_ms = end_ms - now_ms();
        if left_ms <= 0.0 {
            break;
        }
        let Some(count) = read_within(&mut events, &mut buffer, Duration::from_secs_f64(left_ms / 1e3))? else { break };
        let lag_ms = now_ms() - deadline_ms as f64;
        let before = counter.replies;
        counter.feed(&buffer[..count]);
        // Early, and the server would have broken its promise in the other direction.
        if lag_ms < 0.0 {
            return Err(Failure(format!("an event came {:.1} ms before the deadline", -lag_ms)));
        }
        lags.extend((before..counter.replies).map(|_| lag_ms));
    }
    Ok(Lags(lags))
}

fn set_probes(server: &Server, deadline_ms: u64) -> Result<()> {
    let deadline = deadline_ms.to_string();
    let mut bytes = Vec::new();
    for index in 0..PROBES {
        command(&mut bytes, &[b"SET", &key("probe:", index), b"value", b"PXAT", deadline.as_bytes()]);
    }
    let mut client = Client::connect(server.address)?;
    client.send(&bytes)?;
    for _ in 0..PROBES {
        if let Value::Error(text) = client.receive()? {
            return Err(Failure(text));
        }
    }
    Ok(())
}

/// Reads once; None if nothing came in time.
fn read_within(stream: &mut TcpStream, buffer: &mut [u8], time: Duration) -> Result<Option<usize>> {
    stream.set_read_timeout(Some(time))?;
    loop {
        match stream.read(buffer) {
            Ok(0) => return Err(Failure("the server closed the connection".into())),
            Ok(count) => return Ok(Some(count)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

// ---- lag under load -------------------------------------------------------------------------------------------------

/// Connections of the load, and how many commands each sends at a time.
const LOAD: (usize, usize) = (50, 16);

/// As the rows of `lag`, while clients keep the server busy.
fn load_row(bench: &Bench, beside: usize) -> Row {
    let (connections, pipeline) = LOAD;
    let name = format!(
        "Expiry lag of {PROBES} keys beside {beside}, under full load ({connections} connections, pipeline {pipeline}): \
         median / p99, how many came"
    );
    say(&name);
    let data = Requests::every_key("key:", beside, &[b"SET", b"{key}", b"value", b"EX", b"3600"]);
    let requests = Requests::get_set(100_000, "load:", 100_000, 64);
    let lags: Vec<Result<(Lags, u64)>> =
        bench.contestants.iter().map(|who| lag_under_load(bench, who, &data, &requests)).collect();
    Row {
        name,
        goal: format!("p99 < {LAG_GOAL_MS} ms, {PROBES}"),
        met: lags[0].as_ref().ok().map(|(lags, _)| lags.good()),
        ratio: String::new(),
        cells: lags
            .iter()
            .map(|lags| match lags {
                Ok((lags, per_second)) => format!("{} at {}k/s", lags.cell(), per_second / 1000),
                Err(failure) => missing(failure),
            })
            .collect(),
    }
}

/// The lags, and how many commands the clients had answered in a second meanwhile.
fn lag_under_load(bench: &Bench, who: &Contestant, data: &Requests, requests: &Requests) -> Result<(Lags, u64)> {
    let server = bench.start(who, &bench.machine.server, &["--notify-keyspace-events", "Ex"])?;
    load(&server, data)?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients = scope.spawn(|| -> Result<u64> {
            let mut driver = Driver::connect(server.address, LOAD.0)?;
            let (mut operations, start) = (0, Instant::now());
            while !done.load(Ordering::Relaxed) {
                operations += driver.run(requests, LOAD.1, Until::Elapsed(Duration::from_millis(200)))?.operations;
            }
            Ok((operations as f64 / start.elapsed().as_secs_f64()) as u64)
        });
        // The load is on for half a second when the deadline comes: that is how far ahead it is set.
        let lags = probe(&server, lag_wait(bench));
        done.store(true, Ordering::Relaxed);
        let per_second = clients.join().map_err(|_| Failure("the load failed".into()))??;
        Ok((lags?, per_second))
    })
}

// ---- a mass of keys -------------------------------------------------------------------------------------------------

/// What a mass of keys with one deadline did.
struct Mass {
    /// From the deadline until all were gone and counted; infinite if they were not in time.
    gone_ms: f64,
    /// The slowest GET of another client in that time.
    slowest_ms: f64,
    /// And before the deadline, when nothing happened: what the machine did to it.
    before_ms: f64,
}

fn mass_rows(bench: &Bench, keys: usize) -> Vec<Row> {
    let name = format!("{keys} keys with one deadline");
    say(&name);
    let runs: Vec<Result<Mass>> = bench.contestants.iter().map(|who| mass(bench, who, keys)).collect();
    let ms = |ms: f64| if ms.is_finite() { format!("{ms:.1} ms") } else { "> 15 s".into() };
    let row = |what: &str, goal: f64, of: fn(&Mass) -> f64, show: &dyn Fn(&Mass) -> String| {
        let values: Vec<f64> = runs.iter().map(|run| run.as_ref().map_or(f64::INFINITY, of)).collect();
        let better = values[1..].iter().copied().fold(f64::INFINITY, f64::min);
        Row {
            name: format!("{name}: {what}"),
            goal: format!("≤ {goal} ms"),
            met: runs[0].as_ref().ok().map(|run| of(run) <= goal),
            ratio: match values[0].is_finite() && better.is_finite() {
                true => format!("**{:.2}**", values[0] / better),
                false => String::new(),
            },
            cells: runs.iter().map(|run| run.as_ref().map_or_else(missing, show)).collect(),
        }
    };
    vec![
        row("until all are gone", MASS_GOAL_MS, |mass| mass.gone_ms, &|mass| ms(mass.gone_ms)),
        row("slowest GET of another client meanwhile (and before)", SLOWEST_GOAL_MS, |mass| mass.slowest_ms, &|mass| {
            format!("{} ({})", ms(mass.slowest_ms), ms(mass.before_ms))
        }),
    ]
}

fn mass(bench: &Bench, who: &Contestant, keys: usize) -> Result<Mass> {
    let server = bench.start(who, &bench.machine.server, &[])?;
    let mut client = Client::connect(server.address)?;
    client.call(&[b"SET", b"stays", b"value"])?;
    // The deadline has to be known before the keys are sent; where sending takes too long, it is moved and all sent again.
    let mut ahead_ms = if bench.quick { 3_000 } else { 6_000 };
    let deadline_ms = loop {
        let deadline_ms = now_ms() as u64 + ahead_ms;
        let deadline = deadline_ms.to_string();
        let data = Requests::every_key("key:", keys, &[b"SET", b"{key}", b"value", b"PXAT", deadline.as_bytes()]);
        load(&server, &data)?;
        if now_ms() + 300.0 < deadline_ms as f64 {
            break deadline_ms;
        }
        ahead_ms *= 2;
        if ahead_ms > 60_000 {
            return Err(Failure("the keys were set too slowly".into()));
        }
    };
    let counted_before = expired(&mut client)?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let slowest = scope.spawn(|| slowest_get(&server, &|| now_ms() >= deadline_ms as f64, &done));
        let gone_ms = wait_until_gone(&mut client, keys, deadline_ms, counted_before);
        done.store(true, Ordering::Relaxed);
        let (before_ms, slowest_ms) = slowest.join().map_err(|_| Failure("the client of the GETs failed".into()))??;
        Ok(Mass { gone_ms: gone_ms?, slowest_ms, before_ms })
    })
}

fn wait_until_gone(client: &mut Client, keys: usize, deadline_ms: u64, counted_before: Option<u64>) -> Result<f64> {
    std::thread::sleep(Duration::from_secs_f64(((deadline_ms as f64 - now_ms()) / 1e3).max(0.0)));
    loop {
        let polled_ms = now_ms() - deadline_ms as f64;
        // DBSIZE is asked at the end only: it may remove what is due by itself. Where INFO does not count, it has to do.
        let counted = match (expired(client)?, counted_before) {
            (Some(counted), Some(before)) => counted.saturating_sub(before) >= keys as u64,
            _ => true,
        };
        let gone = counted && matches!(client.call(&[b"DBSIZE"])?, Value::Number(..=1));
        if gone {
            return Ok(polled_ms);
        }
        if polled_ms > MASS_WAIT.as_secs_f64() * 1e3 {
            return Ok(f64::INFINITY);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Keys counted as expired by INFO; None where it does not say.
fn expired(client: &mut Client) -> Result<Option<u64>> {
    let text = match client.call(&[b"INFO", b"stats"]) {
        Ok(Value::Text(text)) => String::from_utf8_lossy(&text).into_owned(),
        _ => return Ok(None),
    };
    Ok(text.lines().find_map(|line| line.strip_prefix("expired_keys:")?.trim().parse().ok()))
}

/// Unix time in milliseconds, as deadlines are given.
fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_events_are_infinitely_late() {
        let all = Lags((0..PROBES).map(|i| i as f64 / 1000.0).collect());
        assert!(all.good());
        assert_eq!(all.quantile(990), 0.989);
        let few = Lags(vec![1.0; 600]);
        assert_eq!((few.quantile(500), few.quantile(990)), (1.0, f64::INFINITY));
        assert!(!few.good());
        assert_eq!(few.cell(), "1.0 ms / never, 600");
    }
}
