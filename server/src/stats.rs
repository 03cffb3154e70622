//! Counters. Each shard thread writes its own, without locked instructions, and readers sum them.

use crate::commands;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// A counter with one writing thread: an increment is a plain load and store.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it. Only the owning thread may call this.
    #[inline]
    pub fn add(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(count), Relaxed);
    }

    /// Its value, from any thread.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Back to zero (CONFIG RESETSTAT). An increment at the same time may survive.
    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

/// Upper bounds of the latency histogram's buckets, in microseconds: powers of two up to a second, then all the rest.
pub const LATENCY_BUCKETS: usize = 21;

/// One command's counters on one thread.
#[derive(Default)]
pub struct CommandStats {
    /// Executed.
    pub calls: Counter,
    /// Time spent, in nanoseconds.
    pub nanos: Counter,
    /// Refused before execution.
    pub rejected: Counter,
    /// Executed with an error.
    pub failed: Counter,
    /// Calls by the power of two of their duration in microseconds.
    pub latency: [Counter; LATENCY_BUCKETS],
}

/// One thread's counters.
pub struct ThreadStats {
    /// By the place of the command in the table.
    pub commands: Vec<CommandStats>,
    /// Commands executed.
    pub executed: Counter,
    /// Bytes received.
    pub bytes_in: Counter,
    /// Bytes sent.
    pub bytes_out: Counter,
    /// Connections served at the moment.
    pub connections: AtomicI64,
    /// Error replies by their code words.
    pub errors: parking_lot::Mutex<std::collections::BTreeMap<Vec<u8>, u64>>,
    /// Error replies in all.
    pub error_replies: Counter,
    /// Changes by the units of this thread: `rdb_changes_since_last_save` is their sum.
    pub changes: Counter,
}

impl ThreadStats {
    fn new() -> ThreadStats {
        ThreadStats {
            commands: commands::table().all.iter().map(|_| CommandStats::default()).collect(),
            executed: Counter::default(),
            bytes_in: Counter::default(),
            bytes_out: Counter::default(),
            connections: AtomicI64::new(0),
            errors: parking_lot::Mutex::default(),
            error_replies: Counter::default(),
            changes: Counter::default(),
        }
    }

    /// Counts `calls` executions of a command that took `nanos` together.
    #[inline]
    pub fn executed(&self, command: usize, calls: u64, nanos: u64) {
        let stats = &self.commands[command];
        stats.calls.add(calls);
        stats.nanos.add(nanos);
        stats.latency[bucket(nanos / calls.max(1))].add(calls);
        self.executed.add(calls);
    }

    /// Counts an error reply.
    pub fn error(&self, error: &curfew_protocol::Error) {
        self.error_replies.add(1);
        let mut errors = self.errors.lock();
        // Scripts can make up code words: new ones are not counted past 128, as in Redis.
        if errors.len() >= 128 && !errors.contains_key(error.code()) {
            return;
        }
        match errors.get_mut(error.code()) {
            Some(count) => *count += 1,
            None => drop(errors.insert(error.code().to_vec(), 1)),
        }
    }
}

/// The histogram bucket of a duration.
#[inline]
fn bucket(nanos: u64) -> usize {
    let micros = nanos.div_ceil(1000).max(1);
    (micros.next_power_of_two().trailing_zeros() as usize).min(LATENCY_BUCKETS - 1)
}

/// Upper bounds of the lag histogram's buckets in milliseconds; the last bucket has none.
pub const LAG_BOUNDS_MS: [u32; 12] = [1, 2, 3, 5, 10, 25, 50, 100, 250, 1_000, 10_000, 60_000];

/// Where a quantile lies in a histogram: the place of its bucket. `share` is between 0 and 1; None if nothing was counted.
pub fn quantile(counts: &[u64], share: f64) -> Option<usize> {
    let total: u64 = counts.iter().sum();
    let rank = ((total as f64 * share).ceil() as u64).max(1);
    let mut seen = 0;
    counts.iter().position(|count| {
        seen += count;
        seen >= rank
    })
}

/// How long after their deadlines keys were removed.
#[derive(Default)]
pub struct LagHistogram {
    /// Keys by bucket; the last one counts what is above all bounds.
    pub buckets: [AtomicU64; LAG_BOUNDS_MS.len() + 1],
    /// Sum in milliseconds.
    pub sum_ms: AtomicU64,
    /// The largest since the start, in milliseconds.
    pub max_ms: AtomicU64,
}

impl LagHistogram {
    /// Counts one key.
    pub fn record(&self, lag_ms: u32) {
        let bucket = LAG_BOUNDS_MS.partition_point(|&bound| bound < lag_ms);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_ms.fetch_add(u64::from(lag_ms), Relaxed);
        self.max_ms.fetch_max(u64::from(lag_ms), Relaxed);
    }

    /// Keys by bucket at this moment.
    pub fn counts(&self) -> [u64; LAG_BOUNDS_MS.len() + 1] {
        std::array::from_fn(|at| self.buckets[at].load(Relaxed))
    }

    /// An upper bound of a quantile in milliseconds; 0 if nothing was counted.
    pub fn quantile_ms(&self, share: f64) -> u64 {
        let max = self.max_ms.load(Relaxed);
        let bound = |at: usize| LAG_BOUNDS_MS.get(at).map_or(max, |&bound| u64::from(bound).min(max));
        quantile(&self.counts(), share).map_or(0, bound)
    }

    fn reset(&self) {
        self.buckets.iter().chain([&self.sum_ms, &self.max_ms]).for_each(|value| value.store(0, Relaxed));
    }
}

/// What a shard's keeper says about its shard ten times a second, so that nobody has to enter it to know.
#[derive(Default)]
pub struct ShardFigures {
    /// Keys in all databases.
    pub keys: AtomicU64,
    /// Keys with a deadline.
    pub timed: AtomicU64,
    /// Reads that found their key.
    pub hits: AtomicU64,
    /// Reads that did not.
    pub misses: AtomicU64,
    /// Keys removed at their deadlines.
    pub expired: AtomicU64,
    /// Keys removed for memory.
    pub evicted: AtomicU64,
    /// Events appended to the shard's stream and list.
    pub events_appended: AtomicU64,
    /// Events that could not be appended.
    pub events_dropped: AtomicU64,
    /// It was logged that events are dropped.
    pub is_drop_logged: AtomicBool,
    /// Bytes held in reserve by the shard's keyspaces. Under a memory limit kept up to date by whoever leaves the shard.
    pub reserve: AtomicU64,
    /// Keys that somebody waits for. Kept up to date by whoever changes it.
    pub waiting: AtomicU64,
    /// Those of them with somebody who is told when the key goes.
    pub waiting_told_of_loss: AtomicU64,
    /// Unix milliseconds at which the keeper was last seen: its thread turns.
    pub beat_ms: AtomicI64,
    /// Unix milliseconds at which the keeper published these figures.
    published_ms: AtomicI64,
}

impl ShardFigures {
    /// The reserve of one database has changed. The caller holds the shard.
    pub fn move_reserve(&self, before: usize, after: usize) {
        let others = self.reserve.load(Relaxed).saturating_sub(before as u64);
        self.reserve.store(others + after as u64, Relaxed);
    }

    /// Whether it is time for the keeper to publish again. True at most ten times a second.
    pub fn is_stale(&self, now_ms: i64) -> bool {
        let fresh = (0..100).contains(&(now_ms - self.published_ms.load(Relaxed)));
        if !fresh {
            self.published_ms.store(now_ms, Relaxed);
        }
        !fresh
    }

    /// Publishes the figures of a shard that the caller holds.
    pub fn publish(&self, shard: &curfew_shard::Shard) {
        let sum = |of: fn(&curfew_shard::keyspace::Keyspace) -> usize| -> u64 {
            shard.databases().iter().map(|db| of(db) as u64).sum()
        };
        self.keys.store(sum(|db| db.len()), Relaxed);
        self.timed.store(sum(|db| db.timed()), Relaxed);
        self.reserve.store(sum(|db| db.bytes_in_reserve()), Relaxed);
        self.hits.store(shard.stats.hits, Relaxed);
        self.misses.store(shard.stats.misses, Relaxed);
        self.expired.store(shard.stats.expired, Relaxed);
        self.evicted.store(shard.stats.evicted, Relaxed);
        self.events_appended.store(shard.stats.events_appended, Relaxed);
        self.events_dropped.store(shard.stats.events_dropped, Relaxed);
        if shard.stats.events_dropped > 0 && !self.is_drop_logged.swap(true, Relaxed) {
            let shard = shard.index();
            tracing::warn!(
                shard,
                "events are dropped: a key of another type, or a stream that is at its last id, is where they are to be \
                 appended (CURFEW.EVENTS STREAMS, CURFEW.EVENTS LISTS); not logged again for this shard"
            );
        }
    }
}

/// Commands, bytes received and bytes sent per second: the mean over the last [`RATE_SAMPLES`] samples, which are about a
/// tenth of a second apart. As in Redis.
#[derive(Default)]
pub struct Rates(parking_lot::Mutex<RateState>);

const RATE_SAMPLES: usize = 16;

#[derive(Default)]
struct RateState {
    last: Option<(std::time::Instant, [u64; 3])>,
    samples: [[f64; 3]; RATE_SAMPLES],
    next: usize,
}

impl Rates {
    /// Takes a sample of the three counters.
    pub fn sample(&self, now: std::time::Instant, counters: [u64; 3]) {
        let mut state = self.0.lock();
        if let Some((then, before)) = state.last {
            let seconds = (now - then).as_secs_f64();
            if seconds < 0.09 {
                return;
            }
            let next = state.next % RATE_SAMPLES;
            // Counters go back at CONFIG RESETSTAT.
            state.samples[next] = std::array::from_fn(|at| counters[at].saturating_sub(before[at]) as f64 / seconds);
            state.next += 1;
        }
        state.last = Some((now, counters));
    }

    /// Commands, bytes received, bytes sent, per second.
    pub fn per_second(&self) -> [f64; 3] {
        let state = self.0.lock();
        std::array::from_fn(|at| state.samples.iter().map(|sample| sample[at]).sum::<f64>() / RATE_SAMPLES as f64)
    }
}

/// The counters of the process.
pub struct Stats {
    /// One for each shard thread.
    pub threads: Vec<ThreadStats>,
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Connections refused: `maxclients`.
    pub refused: AtomicU64,
    /// Clients cut off because their output grew too large.
    pub output_limit_kills: AtomicU64,
    /// Clients cut off because their input grew too large.
    pub query_limit_kills: AtomicU64,
    /// Steps of the wall clock that were noticed.
    pub clock_steps: AtomicU64,
    /// How late keys went.
    pub expiry_lag: LagHistogram,
    /// What each shard's keeper publishes.
    pub shards: Vec<ShardFigures>,
    /// Commands and bytes in the last seconds.
    pub rates: Rates,
}

impl Stats {
    /// The keys of the shards that a unit holds for which somebody waits have changed.
    pub fn publish_waiting(&self, unit: &mut curfew_shard::Unit<'_>) {
        for shard in unit.shards() {
            let figures = &self.shards[usize::from(shard.index())];
            figures.waiting.store(shard.waiting.len() as u64, Relaxed);
            figures.waiting_told_of_loss.store(shard.waiting.len_told_of_loss() as u64, Relaxed);
        }
    }

    /// Zeros, for so many threads.
    pub fn new(threads: usize) -> Stats {
        Stats {
            threads: (0..threads).map(|_| ThreadStats::new()).collect(),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            output_limit_kills: AtomicU64::new(0),
            query_limit_kills: AtomicU64::new(0),
            clock_steps: AtomicU64::new(0),
            expiry_lag: LagHistogram::default(),
            shards: (0..threads).map(|_| ShardFigures::default()).collect(),
            rates: Rates::default(),
        }
    }

    /// Bytes that all keyspaces hold in reserve.
    pub fn reserve(&self) -> u64 {
        self.shards.iter().map(|shard| shard.reserve.load(Relaxed)).sum()
    }

    /// A sum over the threads.
    pub fn sum(&self, of: impl Fn(&ThreadStats) -> u64) -> u64 {
        self.threads.iter().map(of).sum()
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        for thread in &self.threads {
            for command in &thread.commands {
                command.calls.reset();
                command.nanos.reset();
                command.rejected.reset();
                command.failed.reset();
                command.latency.iter().for_each(Counter::reset);
            }
            thread.executed.reset();
            thread.bytes_in.reset();
            thread.bytes_out.reset();
            thread.error_replies.reset();
            thread.errors.lock().clear();
        }
        for counter in [&self.accepted, &self.refused, &self.output_limit_kills, &self.query_limit_kills] {
            counter.store(0, Relaxed);
        }
        self.expiry_lag.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_all_durations() {
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(1_000), 0);
        assert_eq!(bucket(1_001), 1);
        assert_eq!(bucket(1_000_000), 10);
        assert_eq!(bucket(u64::MAX), LATENCY_BUCKETS - 1);
        let lag = LagHistogram::default();
        [0, 1, 2, 60_001].into_iter().for_each(|ms| lag.record(ms));
        let counts: Vec<u64> = lag.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        assert_eq!((counts[0], counts[1], counts[12]), (2, 1, 1));
        assert_eq!(lag.max_ms.load(Relaxed), 60_001);
        assert_eq!((lag.quantile_ms(0.5), lag.quantile_ms(0.75), lag.quantile_ms(0.99)), (1, 2, 60_001));
        assert_eq!(quantile(&[0, 0], 0.5), None);
    }

    #[test]
    fn rates_are_means_and_survive_a_reset() {
        let rates = Rates::default();
        let start = std::time::Instant::now();
        for turn in 0..=RATE_SAMPLES as u64 {
            rates.sample(start + std::time::Duration::from_millis(turn * 500), [turn * 50, 0, turn]);
        }
        assert_eq!(rates.per_second(), [100.0, 0.0, 2.0]);
        rates.sample(start + std::time::Duration::from_secs(100), [0; 3]);
        assert_eq!(rates.per_second()[0], 93.75);
    }
}
