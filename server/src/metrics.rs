//! `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever runs the process, over HTTP on a port of their own.
//!
//! Served by the control thread, so a scrape costs the shard threads nothing: it reads the counters that they keep anyway,
//! and the figures that each keeper publishes about its shard ten times a second. Each scrape fills a recorder of its own
//! (our counters may go back at CONFIG RESETSTAT, which a recorder that lives on would not follow). Histograms are counted
//! by ourselves, and the `metrics` facade takes single observations only, so their text is written here.
//!
//! No client can hurt: one short request for each connection, and a few seconds for all of it. Nobody waits for a place, so
//! that those who say nothing cannot hold up a probe: when there are too many, the oldest goes.

use crate::clients::pubsub::ChannelKind;
use crate::observe::memory;
use crate::observe::stats::{CommandStats, DUE_WITHIN, LAG_BOUNDS_MS, LATENCY_BUCKETS, ShardFigures, ThreadStats};
use crate::request::table::table;
use crate::shared::Shared;
use crate::system::{clock, limits, version};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::{Label, counter, gauge};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Connections open at the same time: with one more the oldest is closed.
const CONNECTIONS_MAX: usize = 64;

/// The whole life of a connection.
const CONNECTION_TIME: Duration = Duration::from_secs(5);

/// Bytes of a request.
const REQUEST_MAX: usize = 8192;

/// A keeper that was not seen for so long is stuck, in milliseconds. Its thread looks ten times a second.
const STALE_MS: i64 = 10_000;

/// Serves one listener for the life of the process.
pub async fn serve(shared: &'static Shared, listener: TcpListener) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of file descriptors, most likely.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if open.len() >= CONNECTIONS_MAX {
            open.retain(|connection| !connection.is_finished());
        }
        if open.len() >= CONNECTIONS_MAX
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let connection = tokio::spawn(async move {
            let mut http = hyper::server::conn::http1::Builder::new();
            http.keep_alive(false)
                .max_buf_size(REQUEST_MAX)
                .timer(TokioTimer::new())
                .header_read_timeout(CONNECTION_TIME);
            let answer = service_fn(move |request: Request<Incoming>| async move {
                let is_stranger = shared.config.load().is_protected_from(peer.ip());
                Ok::<_, Infallible>(answer(shared, is_stranger, request.method(), request.uri().path()))
            });
            // Errors are the client's.
            let _ = tokio::time::timeout(CONNECTION_TIME, http.serve_connection(TokioIo::new(stream), answer)).await;
        });
        open.push_back(connection.abort_handle());
    }
}

/// `is_stranger`: protected mode lets its machine in and nobody else, as it does for clients.
fn answer(shared: &Shared, is_stranger: bool, method: &Method, path: &str) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    let (status, kind, body) = match (method, path) {
        _ if is_stranger => (StatusCode::FORBIDDEN, TEXT, "protected mode: from its own machine only\n".to_owned()),
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, "text/plain; version=0.0.4", render(shared)),
        (&Method::GET | &Method::HEAD, "/healthz") => match stuck(shared, clock::moment().ms) {
            None => (StatusCode::OK, TEXT, "ok\n".to_owned()),
            Some(shard) => (StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("the thread of shard {shard} is stuck\n")),
        },
        (&Method::GET | &Method::HEAD, "/readyz") => match shared.is_closed.load(Relaxed) {
            false => (StatusCode::OK, TEXT, "ok\n".to_owned()),
            true => (StatusCode::SERVICE_UNAVAILABLE, TEXT, "not accepting connections\n".to_owned()),
        },
        (&Method::GET | &Method::HEAD, _) => (StatusCode::NOT_FOUND, TEXT, "not found\n".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET only\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}

/// A shard whose keeper was not seen for too long. Before it is seen first, it is starting.
fn stuck(shared: &Shared, now_ms: i64) -> Option<usize> {
    let since_start = shared.started.elapsed().as_millis() as i64;
    shared.stats.shards.iter().position(|shard| match shard.beat_ms.load(Relaxed) {
        0 => since_start > STALE_MS,
        // A wall clock that was stepped shows for a moment only: the next beat is a tenth of a second away.
        seen => now_ms - seen > STALE_MS && since_start > STALE_MS,
    })
}

/// The page of `/metrics`.
fn render(shared: &Shared) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || record(shared));
    let mut text = handle.render();
    latencies(shared, &mut text);
    lags(shared, &mut text);
    text
}

/// Tells the recorder of everything but histograms.
fn record(shared: &Shared) {
    let (stats, config) = (&shared.stats, shared.config.load());
    let threads = |of: fn(&ThreadStats) -> u64| stats.sum(of);
    gauge!("curfew_build_info", "version" => version::CURFEW, "redis_version" => version::REDIS).set(1.0);
    gauge!("curfew_uptime_seconds").set(shared.started.elapsed().as_secs_f64());
    counter!("curfew_commands_processed_total").absolute(threads(|thread| thread.executed.get()));
    counter!("curfew_error_replies_total").absolute(threads(|thread| thread.error_replies.get()));
    counter!("curfew_net_input_bytes_total").absolute(threads(|thread| thread.bytes_in.get()));
    counter!("curfew_net_output_bytes_total").absolute(threads(|thread| thread.bytes_out.get()));
    counter!("curfew_changes_total").absolute(threads(|thread| thread.changes.get()));
    counter!("curfew_triggers_run_total").absolute(threads(|thread| thread.triggers_run.get()));
    counter!("curfew_triggers_failed_total").absolute(threads(|thread| thread.triggers_failed.get()));

    gauge!("curfew_connected_clients").set(shared.clients.len() as f64);
    gauge!("curfew_max_clients").set(f64::from(config.maxclients));
    counter!("curfew_connections_accepted_total").absolute(stats.accepted.load(Relaxed));
    counter!("curfew_connections_rejected_total").absolute(stats.refused.load(Relaxed));
    counter!("curfew_output_limit_disconnections_total").absolute(stats.output_limit_kills.load(Relaxed));
    counter!("curfew_query_limit_disconnections_total").absolute(stats.query_limit_kills.load(Relaxed));

    let allocator = memory::allocator();
    gauge!("curfew_memory_used_bytes").set(shared.memory.look(stats) as f64);
    gauge!("curfew_memory_used_peak_bytes").set(shared.memory.peak() as f64);
    gauge!("curfew_memory_rss_bytes").set(limits::resident() as f64);
    gauge!("curfew_memory_max_bytes").set(config.maxmemory as f64);
    gauge!("curfew_memory_reserve_bytes").set(stats.reserve() as f64);
    gauge!("curfew_memory_allocator_allocated_bytes").set(allocator.allocated as f64);
    gauge!("curfew_memory_allocator_resident_bytes").set(allocator.resident as f64);
    gauge!("curfew_lazyfree_pending_objects").set(shared.reclaimer.pending() as f64);

    for (index, shard) in stats.shards.iter().enumerate() {
        let label = || vec![Label::new("shard", index.to_string())];
        let of = |value: &AtomicU64| value.load(Relaxed);
        let ShardFigures { keys, timed, hits, misses, misses_expired, due, expired, evicted, .. } = shard;
        let ShardFigures { events_appended, events_dropped, triggers_stopped, .. } = shard;
        gauge!("curfew_keys", label()).set(of(keys) as f64);
        gauge!("curfew_keys_with_ttl", label()).set(of(timed) as f64);
        counter!("curfew_keyspace_hits_total", label()).absolute(of(hits));
        counter!("curfew_keyspace_misses_total", label()).absolute(of(misses));
        counter!("curfew_keyspace_misses_expired_total", label()).absolute(of(misses_expired));
        for (within, count) in DUE_WITHIN.iter().zip(due) {
            let labels = [label(), vec![Label::new("within", *within)]].concat();
            gauge!("curfew_keys_due", labels).set(of(count) as f64);
        }
        counter!("curfew_expired_keys_total", label()).absolute(of(expired));
        counter!("curfew_evicted_keys_total", label()).absolute(of(evicted));
        counter!("curfew_keyspace_events_appended_total", label()).absolute(of(events_appended));
        counter!("curfew_keyspace_events_dropped_total", label()).absolute(of(events_dropped));
        counter!("curfew_triggers_stopped_total", label()).absolute(of(triggers_stopped));
    }
    for (index, thread) in stats.threads.iter().enumerate() {
        gauge!("curfew_thread_clients", "thread" => index.to_string()).set(thread.connections.load(Relaxed) as f64);
        for (code, count) in thread.errors.lock().iter() {
            // Made-up code words of scripts may hold anything; the exporter escapes them.
            counter!("curfew_errors_total", "code" => String::from_utf8_lossy(code).into_owned()).increment(*count);
        }
    }
    for command in &table().all {
        let sum = |of: fn(&CommandStats) -> u64| stats.sum(|thread| of(&thread.commands[command.id]));
        let (failed, rejected) = (sum(|stats| stats.failed.get()), sum(|stats| stats.rejected.get()));
        if failed > 0 {
            counter!("curfew_commands_failed_total", "command" => command.spec.name).absolute(failed);
        }
        if rejected > 0 {
            counter!("curfew_commands_rejected_total", "command" => command.spec.name).absolute(rejected);
        }
    }
    let pubsub = &shared.pubsub;
    gauge!("curfew_pubsub_channels").set(pubsub.channel_count(ChannelKind::Channel) as f64);
    gauge!("curfew_pubsub_patterns").set(pubsub.pattern_count() as f64);
    gauge!("curfew_pubsub_shard_channels").set(pubsub.channel_count(ChannelKind::Shard) as f64);
    counter!("curfew_keyspace_events_published_total").absolute(pubsub.events.load(Relaxed));
    counter!("curfew_pubsub_messages_dropped_total").absolute(stats.messages_dropped.load(Relaxed));
    gauge!("curfew_expiry_lag_max_seconds").set(stats.expiry_lag.all().max_ms as f64 / 1000.0);
    let minute = stats.expiry_lag.last_minute(clock::moment().ms);
    for (quantile, ms) in [("0.5", minute.quantile_ms(0.5)), ("0.99", minute.quantile_ms(0.99)), ("1", minute.max_ms)] {
        gauge!("curfew_expiry_lag_last_minute_seconds", "quantile" => quantile).set(ms as f64 / 1000.0);
    }
    counter!("curfew_clock_steps_total").absolute(stats.clock_steps.load(Relaxed));
    let cpu = limits::cpu_time(false);
    gauge!("curfew_cpu_user_seconds").set(cpu.user);
    gauge!("curfew_cpu_system_seconds").set(cpu.system);
}

/// The histogram of the latency of each command that was called.
fn latencies(shared: &Shared, text: &mut String) {
    let mut histogram =
        Histogram::start(text, "curfew_command_duration_seconds", "Time that commands took, by command.");
    for command in &table().all {
        let counts: [u64; LATENCY_BUCKETS] =
            std::array::from_fn(|bucket| shared.stats.sum(|thread| thread.commands[command.id].latency[bucket].get()));
        if counts.iter().any(|&count| count > 0) {
            let nanos = shared.stats.sum(|thread| thread.commands[command.id].nanos.get());
            let bounds = (0..LATENCY_BUCKETS - 1).map(|bucket| (1u64 << bucket) as f64 / 1e6);
            histogram.series(&format!("command=\"{}\"", command.spec.name), bounds, &counts, nanos as f64 / 1e9);
        }
    }
}

/// The histogram of how long after their deadlines keys were removed.
fn lags(shared: &Shared, text: &mut String) {
    let lag = shared.stats.expiry_lag.all();
    let sum = lag.sum_ms as f64 / 1000.0;
    let bounds = LAG_BOUNDS_MS.iter().map(|&bound| f64::from(bound) / 1000.0);
    Histogram::start(text, "curfew_expiry_lag_seconds", "Time between the deadline and the removal of keys.").series(
        "",
        bounds,
        &lag.buckets,
        sum,
    );
}

/// Writes a histogram in Prometheus's text format.
struct Histogram<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl<'a> Histogram<'a> {
    fn start(text: &'a mut String, name: &'static str, help: &str) -> Histogram<'a> {
        // Writing into a string never fails.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
        Histogram { text, name }
    }

    /// One series: upper bounds of all buckets but the last, what each bucket counted, and the sum. `label` is
    /// `name="value"`, or empty.
    fn series(&mut self, label: &str, bounds: impl Iterator<Item = f64>, counts: &[u64], sum: f64) {
        let (name, comma) = (self.name, if label.is_empty() { "" } else { "," });
        let braces = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
        let mut total = 0;
        for (bound, count) in bounds.zip(counts) {
            total += count;
            let _ = writeln!(self.text, "{name}_bucket{{{label}{comma}le=\"{bound}\"}} {total}");
        }
        let total: u64 = counts.iter().sum();
        let _ = writeln!(self.text, "{name}_bucket{{{label}{comma}le=\"+Inf\"}} {total}");
        let _ = writeln!(self.text, "{name}_sum{braces} {sum}\n{name}_count{braces} {total}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_cumulative() {
        let mut text = String::new();
        let mut histogram = Histogram::start(&mut text, "h", "Help.");
        histogram.series("a=\"b\"", [0.001, 0.01].into_iter(), &[1, 2, 3], 0.5);
        histogram.series("", [0.5].into_iter(), &[0, 7], 70.0);
        let expected = "# HELP h Help.\n# TYPE h histogram\n\
            h_bucket{a=\"b\",le=\"0.001\"} 1\nh_bucket{a=\"b\",le=\"0.01\"} 3\nh_bucket{a=\"b\",le=\"+Inf\"} 6\n\
            h_sum{a=\"b\"} 0.5\nh_count{a=\"b\"} 6\n\
            h_bucket{le=\"0.5\"} 0\nh_bucket{le=\"+Inf\"} 7\nh_sum 70\nh_count 7\n";
        assert_eq!(text, expected);
    }
}
