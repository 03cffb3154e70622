//! Whether keys leave on time: how long after their deadline their events reach a subscriber.

use super::{Bench, load, now_ms, say};
use crate::client::{Client, Value};
use crate::driver::{Driver, Until};
use crate::lags::{self, Point};
use crate::replies::Counter;
use crate::report::{Row, missing};
use crate::requests::{Requests, command, key};
use crate::server::{Contestant, Server};
use crate::{Failure, Result};
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Keys whose events are timed.
pub(super) const PROBES: usize = 1000;
const LAG_GOAL_MS: f64 = 5.0;
/// Keys that are prepared at once.
const PREPARED: usize = 1_000_000;

/// How many other keys with a TTL there are, and for how many seconds after the deadline an event counts as one that came.
type Size = (usize, u64);

/// The second is about as long as servers that look for keys at random need, so that the picture has a point there.
const SIZES: &[Size] = &[(0, 5), (10_000, 60), (1_000_000, 5), (10_000_000, 5)];
const QUICK_SIZES: &[Size] = &[(0, 2), (10_000, 2), (200_000, 2)];

/// The rows of the lag, beside keys that do nothing and under load.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    if bench.wants("lag") {
        let mut points = vec![Vec::new(); bench.contestants.len()];
        for &size in if bench.quick { QUICK_SIZES } else { SIZES } {
            let lags = lag_of_all(bench, size);
            for (points, (who, lags)) in points.iter_mut().zip(bench.contestants.iter().zip(&lags)) {
                points.extend(lags.as_ref().ok().map(|lags| point(who, size, lags)));
            }
            rows.push(lag_row(size, &lags));
        }
        match &bench.lag_file {
            Some(path) if !bench.quick => {
                let text = lags::Lags::of_today(points.concat()).write();
                let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
                if let Err(error) = folder.and_then(|()| std::fs::write(path, text)) {
                    say(&format!("{}: {error}", path.display()));
                }
            }
            _ => {}
        }
    }
    if bench.wants("load") {
        rows.push(load_row(bench, if bench.quick { 200_000 } else { 1_000_000 }));
    }
    rows
}

/// Lags of the events that came, in milliseconds, sorted.
pub(super) struct Lags(Vec<f64>);

impl Lags {
    /// Of these, of which those that never came are infinite.
    pub(super) fn of(mut all_ms: Vec<f64>) -> Lags {
        all_ms.retain(|ms| ms.is_finite());
        all_ms.sort_by(f64::total_cmp);
        Lags(all_ms)
    }

    /// Of all probes: infinite where too few came.
    fn quantile(&self, of_1000: usize) -> f64 {
        self.0.get(of_1000 * PROBES / 1000 - 1).copied().unwrap_or(f64::INFINITY)
    }

    /// Median, 99th percentile, and how many came.
    pub(super) fn cell(&self) -> String {
        let show = |ms: f64| if ms.is_finite() { format!("{ms:.1} ms") } else { "never".into() };
        format!("{} / {}, {}", show(self.quantile(500)), show(self.quantile(990)), self.0.len())
    }

    /// Whether the goal is reached.
    pub(super) fn good(&self) -> bool {
        self.0.len() == PROBES && self.quantile(990) < LAG_GOAL_MS
    }

    /// The worse of two probings: fewer events, or a later 99th percentile.
    pub(super) fn worse(self, other: Lags) -> Lags {
        match (other.0.len(), -other.quantile(990)) < (self.0.len(), -self.quantile(990)) {
            true => other,
            false => self,
        }
    }
}

/// The goal, in words.
pub(super) fn goal() -> String {
    format!("p99 < {LAG_GOAL_MS} ms, {PROBES}")
}

// ---- beside keys that do nothing ------------------------------------------------------------------------------------

fn lag_row((beside, within_s): Size, lags: &[Result<Lags>]) -> Row {
    let p99 = |lags: &Result<Lags>| lags.as_ref().map_or(f64::INFINITY, |lags| lags.quantile(990));
    let better = lags[1..].iter().map(p99).fold(f64::INFINITY, f64::min);
    let ratio = p99(&lags[0]) / better;
    Row {
        name: format!("Expiry lag of {PROBES} keys beside {beside}: median / p99, how many came within {within_s} s"),
        goal: goal(),
        met: lags[0].as_ref().ok().map(Lags::good),
        ratio: match ratio.is_finite() {
            true if better.is_finite() => {
                format!("p99: **{ratio:.2}**").replace("**0.00**", &format!("**{ratio:.1e}**"))
            }
            _ => String::new(),
        },
        cells: lags.iter().map(|lags| lags.as_ref().map_or_else(missing, Lags::cell)).collect(),
    }
}

/// Curfew alone; the others too where there is much to load. Where there is little, they wait side by side: it is the only
/// thing they do.
fn lag_of_all(bench: &Bench, size: Size) -> Vec<Result<Lags>> {
    say(&format!("lag of {PROBES} keys beside {}", size.0));
    if size.0 > 10_000 {
        return bench.contestants.iter().map(|who| lag(bench, who, size)).collect();
    }
    let (ours, others) = bench.contestants.split_at(1);
    let ours: Vec<Result<Lags>> = ours.iter().map(|who| lag(bench, who, size)).collect();
    std::thread::scope(|scope| {
        let others: Vec<_> = others.iter().map(|who| scope.spawn(move || lag(bench, who, size))).collect();
        let joined =
            others.into_iter().map(|thread| thread.join().unwrap_or(Err(Failure("the probing failed".into()))));
        ours.into_iter().chain(joined).collect()
    })
}

/// Probed several times, the worst counts; once is enough for the others where they are far off.
fn lag(bench: &Bench, who: &Contestant, (beside, within_s): Size) -> Result<Lags> {
    let server = bench.start(who, &bench.machine.server, &["--notify-keyspace-events", "Ex"])?;
    load_timed(&server, beside)?;
    let wait = Duration::from_secs(within_s);
    let mut worst = probe(&server, wait)?;
    let times = if !bench.quick && (who.curfew || beside == 0) { 3 } else { 1 };
    for _ in 1..times {
        worst = worst.worse(probe(&server, wait)?);
    }
    Ok(worst)
}

/// Loads keys with an hour's TTL, by the million.
pub(super) fn load_timed(server: &Server, count: usize) -> Result<()> {
    let words: &[&[u8]] = &[b"SET", b"{key}", b"value", b"EX", b"3600"];
    let mut prefix = "key0:".to_owned();
    let mut data = Requests::every_key(&prefix, count.min(PREPARED), words);
    for million in 0..count.div_ceil(PREPARED) {
        // The prefix has one place for them: there are fewer than 26 millions.
        let next = format!("key{}:", char::from(b'a' + (million % 26) as u8));
        data.rename(&prefix, &next);
        prefix = next;
        load(server, &data)?;
    }
    Ok(())
}

/// A point of the picture.
fn point(who: &Contestant, (beside, within_s): Size, lags: &Lags) -> Point {
    // The table calls Curfew by its name alone; the picture, which lives longer than a run, tells the version.
    let named = if who.curfew { Contestant::reference(&who.name, who.program.clone()).ok() } else { None };
    Point {
        server: named.as_ref().unwrap_or(who).name.clone(),
        keys: (beside + PROBES) as u64,
        p50_ms: lags.quantile(500),
        p99_ms: lags.quantile(990),
        came: lags.0.len(),
        within_s,
    }
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
    let requests = Requests::get_set(100_000, "load:", 100_000, 64);
    let lags: Vec<Result<(Lags, u64)>> =
        bench.contestants.iter().map(|who| lag_under_load(bench, who, beside, &requests)).collect();
    Row {
        name,
        goal: goal(),
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
fn lag_under_load(bench: &Bench, who: &Contestant, beside: usize, requests: &Requests) -> Result<(Lags, u64)> {
    let server = bench.start(who, &bench.machine.server, &["--notify-keyspace-events", "Ex"])?;
    load_timed(&server, beside)?;
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
        let lags = probe(&server, Duration::from_secs(if bench.quick { 2 } else { 5 }));
        done.store(true, Ordering::Relaxed);
        let per_second = clients.join().map_err(|_| Failure("the load failed".into()))??;
        Ok((lags?, per_second))
    })
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
        assert_eq!(Lags::of(vec![2.0, f64::INFINITY, 1.0]).0, [1.0, 2.0]);
        assert_eq!(Lags(vec![1.0; 1000]).worse(Lags(vec![1.0; 999])).0.len(), 999);
        assert_eq!(Lags(vec![1.0; 1000]).worse(Lags(vec![2.0; 1000])).quantile(990), 2.0);
        assert_eq!(few.cell(), "1.0 ms / never, 600");
    }
}
