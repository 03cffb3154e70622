//! Counters. Each shard thread writes its own, without locked instructions, and readers sum them.

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
    /// Calls of triggers.
    pub triggers_run: Counter,
    /// Those that failed.
    pub triggers_failed: Counter,
}

impl ThreadStats {
    fn new(commands: usize) -> ThreadStats {
        ThreadStats {
            commands: (0..commands).map(|_| CommandStats::default()).collect(),
            executed: Counter::default(),
            bytes_in: Counter::default(),
            bytes_out: Counter::default(),
            connections: AtomicI64::new(0),
            errors: parking_lot::Mutex::default(),
            error_replies: Counter::default(),
            changes: Counter::default(),
            triggers_run: Counter::default(),
            triggers_failed: Counter::default(),
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

/// Lags counted: keys by bucket (the last one has what is above all bounds), their sum and the largest, in milliseconds.
#[derive(Copy, Clone, Default, Debug)]
pub struct Lags {
    /// Keys by bucket.
    pub buckets: [u64; LAG_BOUNDS_MS.len() + 1],
    /// The sum in milliseconds.
    pub sum_ms: u64,
    /// The largest in milliseconds.
    pub max_ms: u64,
}

impl Lags {
    fn count(&mut self, lag_ms: u32) {
        self.buckets[LAG_BOUNDS_MS.partition_point(|&bound| bound < lag_ms)] += 1;
        self.sum_ms += u64::from(lag_ms);
        self.max_ms = self.max_ms.max(u64::from(lag_ms));
    }

    fn add(&mut self, other: &Lags) {
        self.buckets.iter_mut().zip(other.buckets).for_each(|(sum, count)| *sum += count);
        self.sum_ms += other.sum_ms;
        self.max_ms = self.max_ms.max(other.max_ms);
    }

    /// Keys counted.
    pub fn total(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The upper bound of a bucket in milliseconds, and never more than the largest lag.
    pub fn bound_ms(&self, bucket: usize) -> u64 {
        LAG_BOUNDS_MS.get(bucket).map_or(self.max_ms, |&bound| u64::from(bound).min(self.max_ms))
    }

    /// An upper bound of a quantile in milliseconds; 0 if nothing was counted.
    pub fn quantile_ms(&self, share: f64) -> u64 {
        quantile(&self.buckets, share).map_or(0, |bucket| self.bound_ms(bucket))
    }
}

/// How long one part of the last minute is, in milliseconds.
const LAG_PART_MS: i64 = 10_000;
/// Whole parts of the last minute.
const LAG_PARTS: usize = 6;

/// How long after their deadlines keys were removed, since the start and in the last minute. Behind a small lock, which is
/// taken once for a whole unit that expired something.
#[derive(Default)]
pub struct LagHistogram(parking_lot::Mutex<LagState>);

#[derive(Default)]
struct LagState {
    all: Lags,
    /// Parts of time by their numbers: six whole ones and the one under way.
    parts: [(i64, Lags); LAG_PARTS + 1],
}

impl LagHistogram {
    /// Counts keys that were removed at `now_ms`.
    pub fn record(&self, lags_ms: &[u32], now_ms: i64) {
        let mut state = self.0.lock();
        let number = now_ms.div_euclid(LAG_PART_MS);
        let LagState { all, parts } = &mut *state;
        let part = &mut parts[number.rem_euclid(LAG_PARTS as i64 + 1) as usize];
        if part.0 != number {
            *part = (number, Lags::default());
        }
        for &lag_ms in lags_ms {
            all.count(lag_ms);
            part.1.count(lag_ms);
        }
    }

    /// All since the start, or since CONFIG RESETSTAT.
    pub fn all(&self) -> Lags {
        self.0.lock().all
    }

    /// Those of the last minute: of the last 60 to 70 seconds, to be exact. After a step of the wall clock, of what the new time
    /// takes for it.
    pub fn last_minute(&self, now_ms: i64) -> Lags {
        let last = now_ms.div_euclid(LAG_PART_MS);
        let mut sum = Lags::default();
        for (number, part) in &self.0.lock().parts {
            if (last - LAG_PARTS as i64..=last).contains(number) {
                sum.add(part);
            }
        }
        sum
    }

    fn reset(&self) {
        *self.0.lock() = LagState::default();
    }
}

/// For these times ahead keys that are due are counted: a second, a minute, an hour, in milliseconds.
pub const DUE_WITHIN_MS: [i64; 3] = [1_000, 60_000, 3_600_000];

/// What they are called.
pub const DUE_WITHIN: [&str; 3] = ["1s", "1m", "1h"];

/// Keys of a shard that are due within each of [`DUE_WITHIN_MS`], counted by the buckets of the wheels. The caller holds it.
pub fn due(shard: &curfew_shard::Shard, now_ms: i64) -> [usize; DUE_WITHIN_MS.len()] {
    shard.count_until(DUE_WITHIN_MS.map(|within| now_ms.saturating_add(within)))
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
    /// Of those, reads of keys that had expired lately.
    pub misses_expired: AtomicU64,
    /// Keys due within each of [`DUE_WITHIN_MS`].
    pub due: [AtomicU64; DUE_WITHIN_MS.len()],
    /// Keys removed at their deadlines.
    pub expired: AtomicU64,
    /// Keys removed for memory.
    pub evicted: AtomicU64,
    /// Events appended to the shard's stream and list.
    pub events_appended: AtomicU64,
    /// Events that could not be appended.
    pub events_dropped: AtomicU64,
    /// Events whose triggers did not run: too deep.
    pub triggers_stopped: AtomicU64,
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
        self.misses_expired.store(shard.stats.misses_expired, Relaxed);
        self.expired.store(shard.stats.expired, Relaxed);
        self.evicted.store(shard.stats.evicted, Relaxed);
        self.events_appended.store(shard.stats.events_appended, Relaxed);
        self.events_dropped.store(shard.stats.events_dropped, Relaxed);
        self.triggers_stopped.store(shard.stats.triggers_stopped, Relaxed);
        if shard.stats.events_dropped > 0 && !self.is_drop_logged.swap(true, Relaxed) {
            let shard = shard.index();
            tracing::warn!(
                shard,
                "events are dropped: a key of another type, or a stream that is at its last id, is where they are to be \
                 appended (CURFEW.EVENTS STREAMS, CURFEW.EVENTS LISTS); not logged again for this shard"
            );
        }
    }

    /// Publishes how many keys of a shard that the caller holds are due soon: some microseconds for each database in use.
    pub fn publish_due(&self, shard: &curfew_shard::Shard, now_ms: i64) {
        self.due.iter().zip(due(shard, now_ms)).for_each(|(figure, count)| figure.store(count as u64, Relaxed));
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
    /// Messages that waited for clients when these were cut off.
    pub messages_dropped: AtomicU64,
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

    /// Zeros, for so many threads and commands.
    pub fn new(threads: usize, commands: usize) -> Stats {
        Stats {
            threads: (0..threads).map(|_| ThreadStats::new(commands)).collect(),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            output_limit_kills: AtomicU64::new(0),
            query_limit_kills: AtomicU64::new(0),
            messages_dropped: AtomicU64::new(0),
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
        for counter in
            [&self.accepted, &self.refused, &self.output_limit_kills, &self.query_limit_kills, &self.messages_dropped]
        {
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
        let histogram = LagHistogram::default();
        histogram.record(&[0, 1, 2, 60_001], 5);
        let lag = histogram.all();
        assert_eq!((lag.buckets[0], lag.buckets[1], lag.buckets[12]), (2, 1, 1));
        assert_eq!((lag.max_ms, lag.sum_ms, lag.total()), (60_001, 60_004, 4));
        assert_eq!((lag.quantile_ms(0.5), lag.quantile_ms(0.75), lag.quantile_ms(0.99)), (1, 2, 60_001));
        assert_eq!(quantile(&[0, 0], 0.5), None);
    }

    #[test]
    fn the_last_minute_forgets() {
        let histogram = LagHistogram::default();
        let start = 1_735_689_600_000;
        histogram.record(&[50], start);
        histogram.record(&[1], start + 30_000);
        let of = |now_ms: i64| (histogram.last_minute(now_ms).total(), histogram.last_minute(now_ms).max_ms);
        assert_eq!(of(start + 60_000), (2, 50));
        assert_eq!(of(start + 75_000), (1, 1));
        assert_eq!(of(start + 200_000), (0, 0));
        // The same place in the ring, seven parts later.
        histogram.record(&[3], start + 70_000);
        assert_eq!(of(start + 75_000), (2, 3));
        assert_eq!(of(start - 3_600_000), (0, 0), "the clock stepped back");
        assert_eq!(histogram.all().total(), 3);
        histogram.reset();
        assert_eq!((histogram.all().total(), of(start + 75_000)), (0, (0, 0)));
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
