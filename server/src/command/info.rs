//! INFO: sections of `name:value` lines, with Redis 8.0's names in Redis's order wherever a value has a meaning here, and
//! a section of our own.
//!
//! Figures of the shards are read while all of them are held, so they agree with each other.

use crate::clients::client::Client;
use crate::clients::pubsub::ChannelKind;
use crate::config::Config;
use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use crate::lua::interpreter;
use crate::lua::state::EngineKind;
use crate::observe::stats::{LATENCY_BUCKETS, ShardFigures, ThreadStats};
use crate::observe::{memory, stats};
use crate::request::table::table;
use crate::shared::Shared;
use crate::system::{limits, version};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error};
use curfew_shard::shard::wait::Waiter;
use curfew_shard::{Moment, Reach, Unit};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[ServerRow::new(
    Spec::new("info", -1, Group::Server, "1.0.0")
        .flags(LOADING | STALE)
        .acl(acl::DANGEROUS)
        .doc(
            "O(n), n = shards and commands",
            "Reports on the server in sections of `name:value` lines.",
            "[section...]",
        )
        .history(&[("7.0.0", "Several sections at once.")])
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    ServerHandler::Held(info),
)
.reach(Reach::All)];

fn info(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>) -> Result<(), Error> {
    let asked: Vec<&[u8]> = args.iter().skip(1).collect();
    let shared = ctx.thread.shared;
    shared.memory.look(&shared.stats);
    let report = Report::new(shared, unit);
    ctx.out.verbatim(b"txt", report.sections(&asked).as_bytes());
    Ok(())
}

/// One section: its title, whether it is part of INFO without arguments, and what writes it.
struct Section {
    title: &'static str,
    by_default: bool,
    write: fn(&Report, &mut Lines),
}

/// In the order in which they are written.
const SECTIONS: &[Section] = &[
    section("Server", true, Report::server),
    section("Clients", true, Report::clients),
    section("Memory", true, Report::memory),
    section("Persistence", true, Report::persistence),
    section("Threads", true, Report::threads),
    section("Stats", true, Report::stats),
    section("Replication", true, Report::replication),
    section("CPU", true, Report::cpu),
    section("Modules", true, |_, _| {}),
    section("Commandstats", false, Report::commandstats),
    section("Errorstats", true, Report::errorstats),
    section("Latencystats", false, Report::latencystats),
    section("Cluster", true, |_, lines| lines.add("cluster_enabled", 0)),
    section("Keyspace", true, Report::keyspace),
    section("Curfew", true, Report::curfew),
];

const fn section(title: &'static str, by_default: bool, write: fn(&Report, &mut Lines)) -> Section {
    Section { title, by_default, write }
}

impl Section {
    /// Whether `asked` names it. Names that nobody knows are ignored, as in Redis.
    fn is_asked(&self, asked: &[&[u8]]) -> bool {
        let groups = |name: &[u8]| {
            name.eq_ignore_ascii_case(b"all")
                || name.eq_ignore_ascii_case(b"everything")
                || (self.by_default && name.eq_ignore_ascii_case(b"default"))
        };
        match asked {
            [] => self.by_default,
            names => names.iter().any(|name| groups(name) || name.eq_ignore_ascii_case(self.title.as_bytes())),
        }
    }
}

/// Text in the form of INFO.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: impl Display, value: impl Display) {
        // Writing into a string never fails.
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    /// A number of bytes, and again for people.
    fn bytes(&mut self, name: &str, value: u64) {
        self.add(name, value);
        self.human(name, value);
    }

    fn human(&mut self, name: &str, value: u64) {
        self.add(format_args!("{name}_human"), human(value));
    }
}

/// Bytes for people, as Redis writes them: `1.50M`.
pub fn human(bytes: u64) -> String {
    const UNITS: [(u32, char); 5] = [(50, 'P'), (40, 'T'), (30, 'G'), (20, 'M'), (10, 'K')];
    match UNITS.iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => format!("{:.2}{unit}", bytes as f64 / (1u64 << shift) as f64),
        None => format!("{bytes}B"),
    }
}

/// What memory is used for: INFO memory and MEMORY STATS.
#[derive(Copy, Clone, Debug, Default)]
pub struct MemoryUse {
    /// In use altogether.
    pub used: u64,
    /// Most that ever was.
    pub peak: u64,
    /// When the server started.
    pub startup: u64,
    /// Everything that is not data: what it started with, tables, wheels, buffers of clients.
    pub overhead: u64,
    /// The rest.
    pub dataset: u64,
    /// Buffers of clients.
    pub clients: u64,
    /// Resident.
    pub rss: u64,
    /// The allocator's own account.
    pub allocator: memory::AllocatorStats,
}

impl MemoryUse {
    /// Adds up what the shards held by `unit` and the rest of the server use.
    pub fn of(shared: &Shared, unit: &mut Unit<'_>) -> MemoryUse {
        let spaces = unit.shards().into_iter().flat_map(|shard| shard.databases().iter());
        let tables: usize = spaces.map(|db| db.bytes() - db.bytes_used() - db.bytes_in_reserve()).sum();
        MemoryUse::with(shared, tables as u64, &shared.clients.all())
    }

    fn with(shared: &Shared, tables: u64, clients: &[Arc<Client>]) -> MemoryUse {
        let allocator = memory::allocator();
        let used = allocator.allocated.saturating_sub(shared.stats.reserve());
        let buffers = |client: &Arc<Client>| {
            client.query_bytes.load(Relaxed) + client.reply_bytes.load(Relaxed) + client.outbox_bytes()
        };
        let clients = clients.iter().map(buffers).sum::<usize>() as u64;
        let startup = shared.memory.startup();
        let overhead = (startup + tables + clients).min(used);
        MemoryUse {
            used,
            peak: shared.memory.peak().max(used),
            startup,
            overhead,
            dataset: used - overhead,
            clients,
            rss: limits::resident(),
            allocator,
        }
    }

    /// The dataset's share of what has come since the start, in percent.
    pub fn dataset_percent(&self) -> f64 {
        percent(self.dataset, self.used.saturating_sub(self.startup))
    }

    /// The share of the peak, in percent.
    pub fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    ratio(part, whole) * 100.0
}

/// A ratio; 0 of nothing.
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// All that INFO looks at.
struct Report {
    shared: &'static Shared,
    config: Config,
    now: Moment,
    clients: Vec<Arc<Client>>,
    /// Keys, keys with a deadline, and keys with fields that have one, by shard and database.
    keys: Vec<Vec<[usize; 3]>>,
    /// Bytes of tables and wheels.
    tables: u64,
    shards: Vec<curfew_shard::shard::Stats>,
    /// Keys due within each of [`stats::DUE_WITHIN_MS`].
    due: [usize; stats::DUE_WITHIN_MS.len()],
}

impl Report {
    fn new(shared: &'static Shared, unit: &mut Unit<'_>) -> Report {
        let now = unit.now;
        let mut shards = unit.shards();
        for shard in &mut shards {
            shared.stats.shards[usize::from(shard.index())].publish(shard);
        }
        let of_dbs = |shard: &curfew_shard::Shard| {
            shard.databases().iter().map(|db| [db.len(), db.timed(), db.fields_timed()]).collect()
        };
        let spaces = shards.iter().flat_map(|shard| shard.databases());
        let tables: usize = spaces.map(|db| db.bytes() - db.bytes_used() - db.bytes_in_reserve()).sum();
        let mut due = [0; stats::DUE_WITHIN_MS.len()];
        for shard in &shards {
            due.iter_mut().zip(stats::due(shard, now.ms)).for_each(|(sum, count)| *sum += count);
        }
        Report {
            shared,
            config: shared.config.load().clone(),
            now,
            clients: shared.clients.all(),
            keys: shards.iter().map(|shard| of_dbs(shard)).collect(),
            tables: tables as u64,
            shards: shards.iter().map(|shard| shard.stats.clone()).collect(),
            due,
        }
    }

    fn sections(&self, asked: &[&[u8]]) -> String {
        let mut lines = Lines::default();
        for section in SECTIONS.iter().filter(|section| section.is_asked(asked)) {
            if !lines.0.is_empty() {
                lines.0.push_str("\r\n");
            }
            let _ = write!(lines.0, "# {}\r\n", section.title);
            (section.write)(self, &mut lines);
        }
        lines.0
    }

    fn server(&self, lines: &mut Lines) {
        let (shared, config) = (self.shared, &self.config);
        lines.add("redis_version", version::REDIS);
        lines.add("redis_git_sha1", "00000000");
        lines.add("redis_git_dirty", 0);
        lines.add("redis_build_id", "0000000000000000");
        lines.add("server_name", "curfew");
        lines.add("curfew_version", version::CURFEW);
        lines.add("redis_mode", "standalone");
        lines.add("os", limits::name());
        lines.add("arch_bits", usize::BITS);
        lines.add("monotonic_clock", "POSIX clock_gettime");
        lines.add("multiplexing_api", "epoll");
        lines.add("process_id", std::process::id());
        lines.add("process_supervised", "no");
        lines.add("run_id", &shared.run_id);
        lines.add("tcp_port", config.port);
        lines.add("server_time_usec", self.now.micros());
        let uptime = shared.started.elapsed().as_secs();
        lines.add("uptime_in_seconds", uptime);
        lines.add("uptime_in_days", uptime / 86_400);
        lines.add("hz", config.hz);
        lines.add("configured_hz", config.hz);
        lines.add("lru_clock", self.now.seconds() & 0xff_ffff);
        lines.add("executable", std::env::current_exe().unwrap_or_default().display());
        let file = shared.config_file.as_ref().map(|path| path.display().to_string());
        lines.add("config_file", file.unwrap_or_default());
        lines.add("io_threads_active", 0);
        let mut listeners = 0;
        if config.port != 0 {
            let binds: String = config.bind.iter().map(|address| format!("bind={address},")).collect();
            lines.add("listener0", format_args!("name=tcp,{binds}port={}", config.port));
            listeners += 1;
        }
        if !config.unixsocket.as_os_str().is_empty() {
            lines.add(
                format_args!("listener{listeners}"),
                format_args!("name=unix,bind={}", config.unixsocket.display()),
            );
        }
    }

    fn clients(&self, lines: &mut Lines) {
        let most = |of: fn(&Client) -> usize| self.clients.iter().map(|client| of(client)).max().unwrap_or(0);
        let count = |of: fn(&Client) -> bool| self.clients.iter().filter(|client| of(client)).count();
        let watched: u32 = self.clients.iter().map(|client| client.watching.load(Relaxed)).sum();
        lines.add("connected_clients", self.clients.len());
        lines.add("cluster_connections", 0);
        lines.add("maxclients", self.config.maxclients);
        lines.add("client_recent_max_input_buffer", most(|client| client.query_bytes.load(Relaxed)));
        lines.add(
            "client_recent_max_output_buffer",
            most(|client| client.reply_bytes.load(Relaxed) + client.outbox_bytes()),
        );
        let waits = |client: &Client, of: fn(&Waiter) -> bool| client.blocked.lock().as_deref().is_some_and(of);
        lines.add("blocked_clients", self.clients.iter().filter(|client| waits(client, |_| true)).count());
        lines.add("tracking_clients", 0);
        lines.add("pubsub_clients", count(|client| client.subscriptions() > 0));
        lines.add("watching_clients", count(|client| client.watching.load(Relaxed) > 0));
        let timed = |waiter: &Waiter| waiter.wait.until.is_some();
        lines.add("clients_in_timeout_table", self.clients.iter().filter(|client| waits(client, timed)).count());
        lines.add("total_watched_keys", watched);
        let keys = |of: fn(&ShardFigures) -> &AtomicU64| -> u64 {
            self.shared.stats.shards.iter().map(|figures| of(figures).load(Relaxed)).sum()
        };
        lines.add("total_blocking_keys", keys(|figures| &figures.waiting));
        lines.add("total_blocking_keys_on_nokey", keys(|figures| &figures.waiting_told_of_loss));
        let (left_ms, all) = self.shared.pause.state(self.now.ms);
        if left_ms > 0 {
            lines.add("paused_reason", "client_pause");
            lines.add("paused_actions", if all { "all" } else { "write" });
            lines.add("paused_timeout_milliseconds", left_ms);
        }
    }

    fn memory(&self, lines: &mut Lines) {
        let usage = MemoryUse::with(self.shared, self.tables, &self.clients);
        let MemoryUse { used, rss, allocator, .. } = usage;
        lines.bytes("used_memory", used);
        lines.bytes("used_memory_rss", rss);
        lines.bytes("used_memory_peak", usage.peak);
        lines.add("used_memory_peak_perc", format_args!("{:.2}%", usage.peak_percent()));
        lines.add("used_memory_overhead", usage.overhead);
        lines.add("used_memory_startup", usage.startup);
        lines.add("used_memory_dataset", usage.dataset);
        lines.add("used_memory_dataset_perc", format_args!("{:.2}%", usage.dataset_percent()));
        lines.add("allocator_allocated", allocator.allocated);
        lines.add("allocator_active", allocator.active);
        lines.add("allocator_resident", allocator.resident);
        lines.add("allocator_muzzy", 0);
        lines.bytes("total_system_memory", limits::total_memory());
        let (scripts, scripts_bytes) = self.shared.scripts.size();
        let functions = self.shared.functions.load();
        let (of_scripts, of_functions) =
            (interpreter::used(EngineKind::Scripts) as u64, interpreter::used(EngineKind::Functions) as u64);
        lines.bytes("used_memory_lua", of_scripts);
        lines.add("used_memory_vm_eval", of_scripts);
        lines.add("used_memory_scripts_eval", scripts_bytes);
        lines.add("number_of_cached_scripts", scripts);
        lines.add("number_of_functions", functions.function_count());
        lines.add("number_of_libraries", functions.libraries().len());
        lines.add("used_memory_vm_functions", of_functions);
        lines.bytes("used_memory_vm_total", of_scripts + of_functions);
        lines.add("used_memory_functions", functions.bytes());
        lines.bytes("used_memory_scripts", (scripts_bytes + functions.bytes()) as u64);
        lines.bytes("maxmemory", self.config.maxmemory);
        lines.add("maxmemory_policy", self.config.maxmemory_policy.name());
        let mut gap = |name: &str, whole: u64, part: u64| {
            lines.add(format_args!("{name}_ratio"), format_args!("{:.2}", ratio(whole, part)));
            lines.add(format_args!("{name}_bytes"), whole as i64 - part as i64);
        };
        gap("allocator_frag", allocator.active, allocator.allocated);
        gap("allocator_rss", allocator.resident, allocator.active);
        gap("rss_overhead", rss, allocator.resident);
        gap("mem_fragmentation", rss, used);
        lines.add("mem_not_counted_for_evict", 0);
        lines.add("mem_replication_backlog", 0);
        lines.add("mem_total_replication_buffers", 0);
        lines.add("mem_clients_slaves", 0);
        lines.add("mem_clients_normal", usage.clients);
        lines.add("mem_cluster_links", 0);
        lines.add("mem_aof_buffer", 0);
        lines.add("mem_allocator", "jemalloc-5.3.1");
        lines.add("active_defrag_running", 0);
        lines.add("lazyfree_pending_objects", self.shared.reclaimer.pending());
        lines.add("lazyfreed_objects", self.shared.reclaimer.freed());
    }

    /// There is none: nothing is loaded, saved or logged, and the fields say so.
    fn persistence(&self, lines: &mut Lines) {
        let changes = self.shared.stats.sum(|thread| thread.changes.get());
        let fields: [(&str, &dyn Display); 26] = [
            ("loading", &0),
            ("async_loading", &0),
            ("current_cow_peak", &0),
            ("current_cow_size", &0),
            ("current_cow_size_age", &0),
            ("current_fork_perc", &"0.00"),
            ("current_save_keys_processed", &0),
            ("current_save_keys_total", &0),
            ("rdb_changes_since_last_save", &changes),
            ("rdb_bgsave_in_progress", &0),
            ("rdb_last_save_time", &0),
            ("rdb_last_bgsave_status", &"ok"),
            ("rdb_last_bgsave_time_sec", &-1),
            ("rdb_current_bgsave_time_sec", &-1),
            ("rdb_saves", &0),
            ("rdb_last_cow_size", &0),
            ("rdb_last_load_keys_expired", &0),
            ("rdb_last_load_keys_loaded", &0),
            ("aof_enabled", &0),
            ("aof_rewrite_in_progress", &0),
            ("aof_rewrite_scheduled", &0),
            ("aof_last_rewrite_time_sec", &-1),
            ("aof_current_rewrite_time_sec", &-1),
            ("aof_last_bgrewrite_status", &"ok"),
            ("aof_last_write_status", &"ok"),
            ("aof_last_cow_size", &0),
        ];
        fields.iter().for_each(|(name, value)| lines.add(name, value));
    }

    fn threads(&self, lines: &mut Lines) {
        for (index, thread) in self.shared.stats.threads.iter().enumerate() {
            let clients = thread.connections.load(Relaxed);
            lines.add(
                format_args!("shard_thread_{index}"),
                format_args!("clients={clients},commands={}", thread.executed.get()),
            );
        }
    }

    fn stats(&self, lines: &mut Lines) {
        let stats = &self.shared.stats;
        let threads = |of: fn(&ThreadStats) -> u64| stats.sum(of);
        let shards = |of: fn(&curfew_shard::shard::Stats) -> u64| self.shards.iter().map(of).sum::<u64>();
        let [commands, bytes_in, bytes_out] = stats.rates.per_second();
        let pubsub = &self.shared.pubsub;
        lines.add("total_connections_received", stats.accepted.load(Relaxed));
        lines.add("total_commands_processed", threads(|thread| thread.executed.get()));
        lines.add("instantaneous_ops_per_sec", commands.round());
        lines.add("total_net_input_bytes", threads(|thread| thread.bytes_in.get()));
        lines.add("total_net_output_bytes", threads(|thread| thread.bytes_out.get()));
        lines.add("total_net_repl_input_bytes", 0);
        lines.add("total_net_repl_output_bytes", 0);
        lines.add("instantaneous_input_kbps", format_args!("{:.2}", bytes_in / 1024.0));
        lines.add("instantaneous_output_kbps", format_args!("{:.2}", bytes_out / 1024.0));
        lines.add("instantaneous_input_repl_kbps", "0.00");
        lines.add("instantaneous_output_repl_kbps", "0.00");
        lines.add("rejected_connections", stats.refused.load(Relaxed));
        lines.add("sync_full", 0);
        lines.add("sync_partial_ok", 0);
        lines.add("sync_partial_err", 0);
        lines.add("expired_subkeys", shards(|shard| shard.expired_fields));
        lines.add("expired_keys", shards(|shard| shard.expired));
        // No key outlives its deadline for want of time: what is late shows in the lag below.
        lines.add("expired_stale_perc", "0.00");
        lines.add("expired_time_cap_reached_count", 0);
        let minute = stats.expiry_lag.last_minute(self.now.ms);
        for (when, lag) in [("", stats.expiry_lag.all()), ("_last_minute", minute)] {
            lines.add(format_args!("expiry_lag{when}_p50_ms"), lag.quantile_ms(0.50));
            lines.add(format_args!("expiry_lag{when}_p99_ms"), lag.quantile_ms(0.99));
            lines.add(format_args!("expiry_lag{when}_max_ms"), lag.max_ms);
        }
        lines.add("evicted_keys", shards(|shard| shard.evicted));
        lines.add("evicted_clients", 0);
        lines.add("evicted_scripts", self.shared.scripts.evicted());
        lines.add("total_eviction_exceeded_time", 0);
        lines.add("current_eviction_exceeded_time", 0);
        lines.add("keyspace_hits", shards(|shard| shard.hits));
        lines.add("keyspace_misses", shards(|shard| shard.misses));
        lines.add("keyspace_misses_expired", shards(|shard| shard.misses_expired));
        lines.add("pubsub_channels", pubsub.channel_count(ChannelKind::Channel));
        lines.add("pubsub_patterns", pubsub.pattern_count());
        lines.add("pubsubshard_channels", pubsub.channel_count(ChannelKind::Shard));
        for name in [
            "latest_fork_usec",
            "total_forks",
            "migrate_cached_sockets",
            "slave_expires_tracked_keys",
            "active_defrag_hits",
            "active_defrag_misses",
            "active_defrag_key_hits",
            "active_defrag_key_misses",
            "total_active_defrag_time",
            "current_active_defrag_time",
            "tracking_total_keys",
            "tracking_total_items",
            "tracking_total_prefixes",
            "unexpected_error_replies",
        ] {
            lines.add(name, 0);
        }
        lines.add("total_error_replies", threads(|thread| thread.error_replies.get()));
        lines.add("dump_payload_sanitizations", 0);
        lines.add("client_query_buffer_limit_disconnections", stats.query_limit_kills.load(Relaxed));
        lines.add("client_output_buffer_limit_disconnections", stats.output_limit_kills.load(Relaxed));
        lines.add("pubsub_messages_dropped", stats.messages_dropped.load(Relaxed));
        lines.add("acl_access_denied_auth", 0);
        lines.add("acl_access_denied_cmd", 0);
        lines.add("acl_access_denied_key", 0);
        lines.add("acl_access_denied_channel", 0);
    }

    fn replication(&self, lines: &mut Lines) {
        lines.add("role", "master");
        lines.add("connected_slaves", 0);
        lines.add("master_failover_state", "no-failover");
        lines.add("master_replid", &self.shared.run_id);
        lines.add("master_replid2", "0".repeat(40));
        lines.add("master_repl_offset", 0);
        lines.add("second_repl_offset", -1);
        lines.add("repl_backlog_active", 0);
        lines.add("repl_backlog_size", 1 << 20);
        lines.add("repl_backlog_first_byte_offset", 0);
        lines.add("repl_backlog_histlen", 0);
    }

    fn cpu(&self, lines: &mut Lines) {
        for (suffix, time) in [("", limits::cpu_time(false)), ("_children", limits::cpu_time(true))] {
            lines.add(format_args!("used_cpu_sys{suffix}"), format_args!("{:.6}", time.system));
            lines.add(format_args!("used_cpu_user{suffix}"), format_args!("{:.6}", time.user));
        }
    }

    fn commandstats(&self, lines: &mut Lines) {
        for command in &table().all {
            let sum = |of: fn(&stats::CommandStats) -> u64| self.shared.stats.sum(|t| of(&t.commands[command.id]));
            let (calls, usec) = (sum(|stats| stats.calls.get()), sum(|stats| stats.nanos.get()) / 1000);
            let (rejected, failed) = (sum(|stats| stats.rejected.get()), sum(|stats| stats.failed.get()));
            if calls + rejected + failed > 0 {
                lines.add(
                    format_args!("cmdstat_{}", command.spec.name),
                    format_args!(
                        "calls={calls},usec={usec},usec_per_call={:.2},rejected_calls={rejected},failed_calls={failed}",
                        ratio(usec, calls)
                    ),
                );
            }
        }
    }

    fn errorstats(&self, lines: &mut Lines) {
        let mut errors: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for thread in &self.shared.stats.threads {
            for (code, count) in thread.errors.lock().iter() {
                *errors.entry(code.clone()).or_default() += count;
            }
        }
        for (code, count) in errors {
            lines.add(format_args!("errorstat_{}", String::from_utf8_lossy(&code)), format_args!("count={count}"));
        }
    }

    /// Latencies are counted by powers of two, so percentiles are the upper bounds of theirs.
    fn latencystats(&self, lines: &mut Lines) {
        for command in &table().all {
            let counts: [u64; LATENCY_BUCKETS] = std::array::from_fn(|bucket| {
                self.shared.stats.sum(|thread| thread.commands[command.id].latency[bucket].get())
            });
            let bound = |share| stats::quantile(&counts, share).map(|bucket| f64::from(1u32 << bucket));
            if let (Some(p50), Some(p99), Some(p999)) = (bound(0.5), bound(0.99), bound(0.999)) {
                lines.add(
                    format_args!("latency_percentiles_usec_{}", command.spec.name),
                    format_args!("p50={p50:.3},p99={p99:.3},p99.9={p999:.3}"),
                );
            }
        }
    }

    fn keyspace(&self, lines: &mut Lines) {
        let databases = self.keys.iter().map(Vec::len).max().unwrap_or(0);
        for db in 0..databases {
            let [mut keys, mut timed, mut fields] = [0; 3];
            for shard in &self.keys {
                keys += shard[db][0];
                timed += shard[db][1];
                fields += shard[db][2];
            }
            if keys > 0 {
                lines.add(
                    format_args!("db{db}"),
                    format_args!("keys={keys},expires={timed},avg_ttl=0,subexpiry={fields}"),
                );
            }
        }
    }

    fn curfew(&self, lines: &mut Lines) {
        lines.add("shards", self.shards.len());
        for (index, (dbs, stats)) in self.keys.iter().zip(&self.shards).enumerate() {
            let (keys, timed) = dbs.iter().fold((0, 0), |sum, db| (sum.0 + db[0], sum.1 + db[1]));
            lines.add(
                format_args!("shard{index}"),
                format_args!("keys={keys},expires={timed},expired={},evicted={}", stats.expired, stats.evicted),
            );
        }
        for (within, count) in stats::DUE_WITHIN.iter().zip(self.due) {
            lines.add(format_args!("keys_due_{within}"), count);
        }
        lines.add("clock_steps", self.shared.stats.clock_steps.load(Relaxed));
        lines.add("keyspace_events_published", self.shared.pubsub.events.load(Relaxed));
        let sum = |of: fn(&curfew_shard::shard::Stats) -> u64| self.shards.iter().map(of).sum::<u64>();
        lines.add("keyspace_events_appended", sum(|stats| stats.events_appended));
        lines.add("keyspace_events_dropped", sum(|stats| stats.events_dropped));
        let of_threads = |of: fn(&ThreadStats) -> u64| self.shared.stats.sum(of);
        lines.add("triggers", self.shared.functions.load().trigger_count());
        lines.add("triggers_run", of_threads(|stats| stats.triggers_run.get()));
        lines.add("triggers_failed", of_threads(|stats| stats.triggers_failed.get()));
        lines.add("triggers_stopped", sum(|stats| stats.triggers_stopped));
        lines.add("keyspace_reserve_bytes", self.shared.stats.reserve());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_for_people() {
        for (bytes, text) in [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (1536, "1.50K"), (20 << 20, "20.00M")] {
            assert_eq!(human(bytes), text);
        }
        assert_eq!(human(u64::MAX), "16384.00P");
    }

    #[test]
    fn sections_are_chosen_as_in_redis() {
        let chosen = |asked: &[&[u8]]| {
            let titles = SECTIONS.iter().filter(|section| section.is_asked(asked)).map(|section| section.title);
            titles.collect::<Vec<_>>()
        };
        assert!(chosen(&[]).contains(&"Server") && !chosen(&[]).contains(&"Commandstats"));
        assert_eq!(chosen(&[b"KEYSPACE", b"server", b"nonsense"]), ["Server", "Keyspace"]);
        assert_eq!(chosen(&[b"nonsense"]), Vec::<&str>::new());
        assert_eq!(chosen(&[b"all"]).len(), SECTIONS.len());
        assert_eq!(chosen(&[b"default"]), chosen(&[]));
        assert!(chosen(&[b"commandstats", b"default"]).contains(&"Commandstats"));
    }
}
