//! How long a million keys of one deadline take to leave, and whom they keep waiting.

use super::{Bench, load, now_ms, say, slowest_get};
use crate::client::{Client, Value};
use crate::report::{Row, missing};
use crate::requests::Requests;
use crate::server::Contestant;
use crate::{Failure, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MASS_GOAL_MS: f64 = 500.0;
const SLOWEST_GOAL_MS: f64 = 5.0;
/// How long a mass of keys may take before it is said to be more.
const MASS_WAIT: Duration = Duration::from_secs(15);

/// The rows of a mass of keys.
pub fn rows(bench: &Bench) -> Vec<Row> {
    match bench.wants("mass") {
        true => mass_rows(bench, if bench.quick { 200_000 } else { 1_000_000 }),
        false => Vec::new(),
    }
}

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
