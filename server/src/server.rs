//! Starting and stopping: makes the shared, starts the shard threads, accepts connections, and ends it all in order.

use crate::clients::client::{Clients, signal};
use crate::clients::{pause, pubsub};
use crate::config::Config;
use crate::connection::listen::{accept_tcp, accept_unix, addresses, cannot_listen, listen, listen_unix};
use crate::observe::memory;
use crate::observe::stats::Stats;
use crate::request::table::table;
use crate::shards::cell::ShardCell;
use crate::shared::Shared;
use crate::system::versioned::Versioned;
use crate::system::{clock, coroutine, limits, reclaim, version};
use crate::{keeper, script, thread};
use curfew_shard::Shard;
use curfew_shard::keyspace::Hasher;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;

/// How long a shutdown waits for what is under way.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Runs the server until it is told to stop.
pub fn run(mut config: Config, config_file: Option<PathBuf>) -> io::Result<()> {
    tracing::info!(
        "Curfew {} (like Redis {}), pid {}, port {}, {} shards",
        version::CURFEW,
        version::REDIS,
        std::process::id(),
        config.port,
        config.shards
    );
    if let Err(most) = limits::allow_clients(config.maxclients, config.shards as usize) {
        tracing::warn!(
            "maxclients is {most} instead of {}: the system allows no more file descriptors (ulimit -n)",
            config.maxclients
        );
        config.maxclients = u32::try_from(most).unwrap_or(u32::MAX).min(config.maxclients);
    }
    let pidfile = config.pidfile.clone();
    write_pidfile(&pidfile);
    let outcome = run_shared(config, config_file);
    if !pidfile.as_os_str().is_empty() {
        let _ = std::fs::remove_file(&pidfile);
    }
    outcome
}

/// Writes the process id. Without the file the server runs all the same, as in Redis.
fn write_pidfile(path: &Path) {
    if !path.as_os_str().is_empty()
        && let Err(error) = std::fs::write(path, format!("{}\n", std::process::id()))
    {
        tracing::warn!("cannot write the pid file '{}': {error}", path.display());
    }
}

fn run_shared(config: Config, config_file: Option<PathBuf>) -> io::Result<()> {
    let bells: Vec<Arc<Notify>> = (0..config.shards).map(|_| Arc::new(Notify::new())).collect();
    let shared = make_shared(config, config_file, &bells)?;
    let handles = start_threads(shared, &bells)?;
    let control = Builder::new_current_thread().enable_all().build()?;
    control.block_on(control_loop(shared, handles))
}

fn make_shared(config: Config, config_file: Option<PathBuf>, bells: &[Arc<Notify>]) -> io::Result<&'static Shared> {
    let random = std::hash::RandomState::new();
    let dice = |salt: u64| std::hash::BuildHasher::hash_one(&random, salt);
    let hasher = Hasher::new(dice(0));
    let shards = bells
        .iter()
        .enumerate()
        .map(|(index, bell)| {
            let shard = Shard::new(index as u16, config.databases as usize, hasher.clone());
            let bell = bell.clone();
            ShardCell::new(shard, Box::new(move || bell.notify_one()))
        })
        .collect();
    let shared = Shared {
        shards,
        stats: Stats::new(bells.len(), table().all.len()),
        clients: Clients::default(),
        pubsub: pubsub::PubSub::default(),
        scripts: script::source::Scripts::default(),
        functions: script::functions::Functions::default(),
        waiters: Default::default(),
        pause: pause::Pause::default(),
        memory: memory::Memory::default(),
        reclaimer: reclaim::Reclaimer::start()?,
        started: Instant::now(),
        started_unix: clock::moment().ms / 1000,
        run_id: (1..4).map(|salt| format!("{:016x}", dice(salt))).collect::<String>()[..40].to_owned(),
        shutdown: Notify::new(),
        is_closed: AtomicBool::new(true),
        active_expire: AtomicBool::new(true),
        config: Versioned::new(config),
        config_file,
    };
    // Threads need the shared until the very end of the process.
    let shared: &'static Shared = Box::leak(Box::new(shared));
    shared.apply_limits();
    Ok(shared)
}

/// Starts one thread for each shard and answers their runtimes.
fn start_threads(shared: &'static Shared, bells: &[Arc<Notify>]) -> io::Result<Vec<Handle>> {
    let mut handles = Vec::new();
    for (index, bell) in bells.iter().enumerate() {
        let runtime = Builder::new_current_thread().enable_all().event_interval(31).build()?;
        handles.push(runtime.handle().clone());
        let bell = bell.clone();
        // A script runs here where there is no memory for a stack of its own, and must fit.
        let builder = std::thread::Builder::new().name(format!("shard-{index}")).stack_size(coroutine::STACK_BYTES);
        builder.spawn(move || {
            thread::start(index, shared);
            runtime.block_on(keeper::keep(shared, index, bell));
        })?;
    }
    Ok(handles)
}

/// Accepts connections until a signal comes, and shuts down.
async fn control_loop(shared: &'static Shared, handles: Vec<Handle>) -> io::Result<()> {
    let config = shared.config.load().clone();
    let mut acceptors = tokio::task::JoinSet::new();
    if config.port != 0 {
        for address in addresses(&config.bind, config.port) {
            match listen(address.ip, address.port, config.tcp_backlog) {
                Ok(listener) => {
                    tracing::info!("listening on {}:{}", address.ip, address.port);
                    acceptors.spawn(accept_tcp(shared, listener, handles.clone()));
                }
                Err(error) if address.optional => tracing::debug!(%error, "not listening on {}", address.ip),
                Err(error) => return Err(cannot_listen(address.ip, address.port, &error)),
            }
        }
    }
    if !config.unixsocket.as_os_str().is_empty() {
        let path = config.unixsocket.display();
        let listener = listen_unix(&config)
            .map_err(|error| io::Error::other(format!("Failed opening Unix socket: bind: {path}: {error}")))?;
        tracing::info!("listening on {path}");
        acceptors.spawn(accept_unix(shared, listener, handles.clone()));
    }
    if acceptors.is_empty() {
        return Err(io::Error::other("Configured to not listen anywhere, exiting."));
    }
    tokio::spawn(close_idle(shared));
    serve_metrics(shared, &config);
    let signals = crate::signals::Signals::new()?;
    shared.is_closed.store(false, Relaxed);
    tracing::info!("ready to accept connections");
    signals.wait(shared).await;
    shared.is_closed.store(true, Relaxed);
    // Dropping the listeners closes them.
    acceptors.shutdown().await;
    drain(shared).await;
    if !config.unixsocket.as_os_str().is_empty() {
        let _ = std::fs::remove_file(&config.unixsocket);
    }
    tracing::info!("bye");
    Ok(())
}

/// `/metrics` and its kin. A port that is taken is worth a warning, no more: the data is what the server is there for.
fn serve_metrics(shared: &'static Shared, config: &Config) {
    if config.metrics_port == 0 {
        return;
    }
    for address in addresses(&config.metrics_bind, config.metrics_port) {
        match listen(address.ip, address.port, 128) {
            Ok(listener) => {
                tracing::info!("metrics on http://{}/metrics", SocketAddr::from((address.ip, address.port)));
                tokio::spawn(crate::metrics::serve(shared, listener));
            }
            Err(error) if address.optional => tracing::debug!(%error, "no metrics on {}", address.ip),
            Err(error) => tracing::warn!("no metrics: {}", cannot_listen(address.ip, address.port, &error)),
        }
    }
}

/// Tells all connections to end as soon as nothing is under way, and waits for them, but not for ever.
async fn drain(shared: &Shared) {
    let end = Instant::now() + DRAIN_TIME;
    while shared.clients.len() > 0 && Instant::now() < end {
        shared.clients.all().iter().for_each(|client| client.signal(signal::DRAIN));
        shared.scripts.end();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Enforces `timeout`: a sweep every second costs commands nothing. A paused client is not idle.
async fn close_idle(shared: &'static Shared) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        let (idle_s, now_ms) = (shared.config.load().timeout_s, clock::moment().ms);
        if idle_s > 0 && !shared.pause.is_active(now_ms) {
            shared.clients.close_idle(i64::from(idle_s) * 1000, now_ms);
        }
    }
}
