//! Starting and stopping: makes the node, starts the shard threads, accepts connections, and ends it all in order.

use crate::cell::ShardCell;
use crate::client::{Client, Clients, OutputLimit, Peer, signal};
use crate::config::{Config, ConfigCell};
use crate::node::Node;
use crate::stats::Stats;
use crate::{clock, connection, keeper, memory, pause, pubsub, reclaim, script, system, thread, version};
use curfew_shard::Shard;
use curfew_shard::keyspace::Hasher;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream, UnixListener};
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
    if let Err(most) = system::allow_clients(config.maxclients, config.shards as usize) {
        tracing::warn!(
            "maxclients is {most} instead of {}: the system allows no more file descriptors (ulimit -n)",
            config.maxclients
        );
        config.maxclients = u32::try_from(most).unwrap_or(u32::MAX).min(config.maxclients);
    }
    let pidfile = config.pidfile.clone();
    write_pidfile(&pidfile);
    let outcome = run_node(config, config_file);
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

fn run_node(config: Config, config_file: Option<PathBuf>) -> io::Result<()> {
    let bells: Vec<Arc<Notify>> = (0..config.shards).map(|_| Arc::new(Notify::new())).collect();
    let node = make_node(config, config_file, &bells)?;
    let handles = start_threads(node, &bells)?;
    let control = Builder::new_current_thread().enable_all().build()?;
    control.block_on(control_loop(node, handles))
}

fn make_node(config: Config, config_file: Option<PathBuf>, bells: &[Arc<Notify>]) -> io::Result<&'static Node> {
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
    let node = Node {
        shards,
        stats: Stats::new(bells.len()),
        clients: Clients::default(),
        pubsub: pubsub::PubSub::default(),
        scripts: script::Scripts::default(),
        functions: script::function::Functions::default(),
        waiters: Default::default(),
        pause: pause::Pause::default(),
        memory: memory::Memory::default(),
        reclaimer: reclaim::Reclaimer::start()?,
        started: Instant::now(),
        run_id: (1..4).map(|salt| format!("{:016x}", dice(salt))).collect::<String>()[..40].to_owned(),
        shutdown: Notify::new(),
        is_closed: AtomicBool::new(true),
        active_expire: AtomicBool::new(true),
        config: ConfigCell::new(config),
        config_file,
    };
    // Threads need the node until the very end of the process.
    let node: &'static Node = Box::leak(Box::new(node));
    apply_limits(node);
    Ok(node)
}

/// Puts the parts of the configuration into force that are kept elsewhere.
pub fn apply_limits(node: &Node) {
    let config = node.config.load();
    let limit = config.client_output_buffer_limit.pubsub;
    node.pubsub.set_limit(OutputLimit {
        hard: limit.hard_bytes as usize,
        soft: limit.soft_bytes as usize,
        soft_ms: limit.soft_seconds as i64 * 1000,
    });
    crate::log::set_level(config.loglevel);
    node.memory.set_limit(config.maxmemory, &node.stats);
}

/// Starts one thread for each shard and answers their runtimes.
fn start_threads(node: &'static Node, bells: &[Arc<Notify>]) -> io::Result<Vec<Handle>> {
    let mut handles = Vec::new();
    for (index, bell) in bells.iter().enumerate() {
        let runtime = Builder::new_current_thread().enable_all().event_interval(31).build()?;
        handles.push(runtime.handle().clone());
        let bell = bell.clone();
        std::thread::Builder::new().name(format!("shard-{index}")).spawn(move || {
            thread::start(index, node);
            runtime.block_on(keeper::keep(node, index, bell));
        })?;
    }
    Ok(handles)
}

/// Accepts connections until a signal comes, and shuts down.
async fn control_loop(node: &'static Node, handles: Vec<Handle>) -> io::Result<()> {
    let config = node.config.load().clone();
    let mut acceptors = tokio::task::JoinSet::new();
    if config.port != 0 {
        for address in addresses(&config.bind, config.port) {
            match listen(address.ip, address.port, config.tcp_backlog) {
                Ok(listener) => {
                    tracing::info!("listening on {}:{}", address.ip, address.port);
                    acceptors.spawn(accept_tcp(node, listener, handles.clone()));
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
        acceptors.spawn(accept_unix(node, listener, handles.clone()));
    }
    if acceptors.is_empty() {
        return Err(io::Error::other("Configured to not listen anywhere, exiting."));
    }
    tokio::spawn(close_idle(node));
    serve_metrics(node, &config);
    let signals = crate::signals::Signals::new()?;
    node.is_closed.store(false, Relaxed);
    tracing::info!("ready to accept connections");
    signals.wait(node).await;
    node.is_closed.store(true, Relaxed);
    // Dropping the listeners closes them.
    acceptors.shutdown().await;
    drain(node).await;
    if !config.unixsocket.as_os_str().is_empty() {
        let _ = std::fs::remove_file(&config.unixsocket);
    }
    tracing::info!("bye");
    Ok(())
}

/// `/metrics` and its kin. A port that is taken is worth a warning, no more: the data is what the server is there for.
fn serve_metrics(node: &'static Node, config: &Config) {
    if config.metrics_port == 0 {
        return;
    }
    for address in addresses(&config.metrics_bind, config.metrics_port) {
        match listen(address.ip, address.port, 16) {
            Ok(listener) => {
                tracing::info!("metrics on http://{}/metrics", SocketAddr::from((address.ip, address.port)));
                tokio::spawn(crate::metrics::serve(node, listener));
            }
            Err(error) if address.optional => tracing::debug!(%error, "no metrics on {}", address.ip),
            Err(error) => tracing::warn!("no metrics: {}", cannot_listen(address.ip, address.port, &error)),
        }
    }
}

/// The error in Redis's words.
fn cannot_listen(ip: IpAddr, port: u16, error: &io::Error) -> io::Error {
    io::Error::other(format!("Could not create server TCP listening socket {ip}:{port}: bind: {error}"))
}

/// Tells all connections to end as soon as nothing is under way, and waits for them, but not for ever.
async fn drain(node: &Node) {
    let end = Instant::now() + DRAIN_TIME;
    while node.clients.len() > 0 && Instant::now() < end {
        node.clients.all().iter().for_each(|client| client.signal(signal::DRAIN));
        node.scripts.end();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Enforces `timeout`: a sweep every second costs commands nothing. A paused client is not idle.
async fn close_idle(node: &'static Node) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        let (idle_s, now_ms) = (node.config.load().timeout_s, clock::moment().ms);
        if idle_s > 0 && !node.pause.is_active(now_ms) {
            node.clients.close_idle(i64::from(idle_s) * 1000, now_ms);
        }
    }
}

struct Address {
    ip: IpAddr,
    port: u16,
    /// `-addr` in `bind`: no error if it is not there.
    optional: bool,
}

/// The addresses of `bind`: `*` and `::*` mean all of a family, a `-` in front that failing is all right.
fn addresses(bind: &[String], port: u16) -> Vec<Address> {
    let parse = |text: &String| {
        let (optional, text) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
        let ip = match text {
            "*" => IpAddr::from([0; 4]),
            "::*" => IpAddr::from([0u16; 8]),
            text => text.parse().ok()?,
        };
        Some(Address { ip, port, optional })
    };
    bind.iter().filter_map(parse).collect()
}

fn listen(ip: IpAddr, port: u16, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address((ip, port).into()), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if ip.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&SocketAddr::from((ip, port)).into())?;
    socket.listen(backlog as i32)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

fn listen_unix(config: &Config) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let _ = std::fs::remove_file(&config.unixsocket);
    let listener = UnixListener::bind(&config.unixsocket)?;
    if config.unixsocketperm != 0 {
        std::fs::set_permissions(&config.unixsocket, std::fs::Permissions::from_mode(config.unixsocketperm))?;
    }
    Ok(listener)
}

async fn accept_tcp(node: &'static Node, listener: TcpListener, handles: Vec<Handle>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = welcome_tcp(node, stream, peer, &handles) {
                    tracing::debug!(%error, "connection lost while it was accepted");
                }
            }
            // Out of file descriptors, most likely: wait for some to become free.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn accept_unix(node: &'static Node, listener: UnixListener, handles: Vec<Handle>) {
    let path = node.config.load().unixsocket.display().to_string();
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(stream) = stream.into_std() else { continue };
        let fd = stream.as_raw_fd();
        let Some((index, client)) = enter(node, Peer::Unix(path.clone()), fd) else {
            refuse(&stream);
            continue;
        };
        handles[index].spawn(async move {
            match tokio::net::UnixStream::from_std(stream) {
                Ok(stream) => connection::serve(node, stream, client).await,
                Err(_) => node.clients.remove(client.id),
            }
        });
    }
}

fn welcome_tcp(node: &'static Node, stream: TcpStream, peer: SocketAddr, handles: &[Handle]) -> io::Result<()> {
    let local = stream.local_addr()?;
    let stream = stream.into_std()?;
    stream.set_nodelay(true)?;
    let keepalive = node.config.load().tcp_keepalive_s;
    if keepalive > 0 {
        let every = Duration::from_secs(u64::from(keepalive));
        let interval = Duration::from_secs(u64::from((keepalive / 3).max(1)));
        SockRef::from(&stream)
            .set_tcp_keepalive(&TcpKeepalive::new().with_time(every).with_interval(interval).with_retries(3))?;
    }
    if is_protected(node, peer) {
        io::Write::write_all(&mut &stream, PROTECTED.as_bytes())?;
        return Ok(());
    }
    let Some((index, client)) = enter(node, Peer::Tcp(peer, local), stream.as_raw_fd()) else {
        refuse(&stream);
        return Ok(());
    };
    handles[index].spawn(async move {
        match TcpStream::from_std(stream) {
            Ok(stream) => connection::serve(node, stream, client).await,
            Err(_) => node.clients.remove(client.id),
        }
    });
    Ok(())
}

/// What protected mode tells a stranger. It begins as in Redis, by which some tools know it.
const PROTECTED: &str = "-DENIED Redis is running in protected mode: it has no password, so it talks to its own machine alone. Give it a password (requirepass). Or, if strangers cannot reach it anyway, start it with --protected-mode no, or send CONFIG SET protected-mode no from its own machine, and CONFIG REWRITE to keep that.\r\n";

fn is_protected(node: &Node, peer: SocketAddr) -> bool {
    let config = node.config.load();
    config.protected_mode && config.requirepass.0.is_empty() && !peer.ip().to_canonical().is_loopback()
}

/// Enters a connection and chooses the thread with the fewest. None if there are too many.
fn enter(node: &Node, peer: Peer, fd: i32) -> Option<(usize, Arc<Client>)> {
    if node.clients.len() >= node.config.load().maxclients as usize {
        node.stats.refused.fetch_add(1, Relaxed);
        return None;
    }
    node.stats.accepted.fetch_add(1, Relaxed);
    let threads = node.stats.threads.iter().enumerate();
    let (index, thread) = threads.min_by_key(|(_, thread)| thread.connections.load(Relaxed))?;
    thread.connections.fetch_add(1, Relaxed);
    let client = Client::new(node.clients.next_id(), peer, fd, index, clock::moment().ms);
    let client = Arc::new(client);
    node.clients.add(client.clone());
    Some((index, client))
}

fn refuse(mut stream: impl io::Write) {
    let _ = stream.write_all(b"-ERR max number of clients reached\r\n");
}
