//! What is measured. Each file has one family of rows: it starts the servers it needs, measures them in turn, and gives
//! lines for the table.

pub mod events;
pub mod lag;
pub mod libraries;
pub mod mass;
pub mod memory;
pub mod request;
pub mod stalls;
pub mod types;
pub mod wheel;

use crate::client::Client;
use crate::driver::{Driver, Until};
use crate::machine::Machine;
use crate::requests::Requests;
use crate::server::{Contestant, Server};
use crate::{Failure, Result};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The names by which rows are chosen.
pub const NAMES: &[&str] = &[
    "get",
    "pipe",
    "eval",
    "libraries",
    "multi",
    "setpx",
    "expire",
    "events",
    "types",
    "memory",
    "items",
    "wheel",
    "lag",
    "load",
    "stalls",
    "mass",
    "drop",
];

/// What every family needs to know.
pub struct Bench {
    /// Curfew, then the reference servers.
    pub contestants: Vec<Contestant>,
    /// Where things run.
    pub machine: Machine,
    /// For the servers' folders; thrown away at the end.
    pub folder: PathBuf,
    /// Fewer rounds, shorter ones, smaller data where that does not change what is measured.
    pub quick: bool,
    /// Rounds of the request path, where somebody wants more or fewer than usual.
    pub rounds: Option<usize>,
    /// Where the lags are left for the picture; None: nowhere.
    pub lag_file: Option<PathBuf>,
    /// The chosen names; empty means all.
    pub wanted: Vec<String>,
}

/// A running server with its data loaded, or why there is none.
pub type Running = Result<Server>;

impl Bench {
    /// Whether the rows of this name are chosen.
    pub fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|wanted| wanted == name)
    }

    /// Keys of the data set of the request path.
    pub fn keys(&self) -> usize {
        1_000_000
    }

    /// Rounds of the request path, and how long one server is measured in each.
    pub fn rounds(&self) -> (usize, Duration) {
        let (rounds, time) = if self.quick { (3, 200) } else { (7, 600) };
        (self.rounds.unwrap_or(rounds), Duration::from_millis(time))
    }

    /// Starts every contestant on `cores`, and sends `data` to each.
    pub fn start_all(&self, cores: &[usize], data: &[&Requests]) -> Vec<Running> {
        self.contestants
            .iter()
            .map(|who| {
                let server = self.start(who, cores, &[])?;
                data.iter().try_for_each(|requests| load(&server, requests))?;
                Ok(server)
            })
            .collect()
    }

    /// Starts one contestant.
    pub fn start(&self, who: &Contestant, cores: &[usize], more: &[&str]) -> Running {
        Server::start(who, cores, self.machine.load, &self.folder, more)
    }

    /// Measures the servers in turn, round after round: A B C A B C. A shorter round that does not count goes first. A
    /// server that fails is left out from then on.
    pub fn in_turn(
        &self,
        servers: &mut [Running],
        connections: usize,
        mut measure: impl FnMut(&Server, &mut Driver, Duration) -> Result<f64>,
    ) -> Vec<Result<Vec<f64>>> {
        let (rounds, time) = self.rounds();
        let mut series: Vec<Result<(Driver, Vec<f64>)>> = servers
            .iter()
            .map(|server| {
                let server = server.as_ref().map_err(Failure::clone)?;
                Ok((Driver::connect(server.address, connections)?, Vec::new()))
            })
            .collect();
        for round in 0..=rounds {
            for (server, slot) in servers.iter().zip(&mut series) {
                let (Ok(server), Ok((driver, values))) = (server, slot.as_mut()) else { continue };
                match measure(server, driver, if round == 0 { time / 4 } else { time }) {
                    Ok(_) if round == 0 => {}
                    Ok(value) => values.push(value),
                    Err(failure) => *slot = Err(failure),
                }
            }
        }
        series.into_iter().map(|slot| slot.map(|(_, values)| values)).collect()
    }
}

/// Sends every request once.
pub fn load(server: &Server, requests: &Requests) -> Result<()> {
    Driver::connect(server.address, 8)?.run(requests, 64, Until::Sent)?;
    Ok(())
}

/// The slowest of one client's GETs of the key `stays`, in milliseconds, before `during` and from then on, with a short
/// pause between them, until it is `done`.
pub fn slowest_get(server: &Server, during: &dyn Fn() -> bool, done: &AtomicBool) -> Result<(f64, f64)> {
    let mut client = Client::connect(server.address)?;
    let (mut before_ms, mut during_ms) = (0.0, 0.0);
    while !done.load(Ordering::Relaxed) {
        let start = Instant::now();
        client.call(&[b"GET", b"stays"])?;
        let slowest: &mut f64 = if during() { &mut during_ms } else { &mut before_ms };
        *slowest = slowest.max(start.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok((before_ms, during_ms))
}

/// Unix time in milliseconds, as deadlines are given.
pub fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e3
}

/// Tells what is being measured, on standard error: the table comes at the end.
pub fn say(what: &str) {
    eprintln!("bench: {what}");
}
