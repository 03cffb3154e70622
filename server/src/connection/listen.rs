//! Accepting connections: listeners, and how a new connection gets to its thread.

use crate::clients::client::{Client, Peer};
use crate::config::Config;
use crate::connection;
use crate::shared::Shared;
use crate::system::clock;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::runtime::Handle;

/// An address to listen at.
pub struct Address {
    /// The interface's.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// `-addr` in `bind`: no error if it is not there.
    pub optional: bool,
}

/// The addresses of `bind`: `*` and `::*` mean all of a family, a `-` in front that failing is all right.
pub fn addresses(bind: &[String], port: u16) -> Vec<Address> {
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

/// Listens at an address.
///
/// # Errors
/// The system's: the address is taken or not this machine's.
pub fn listen(ip: IpAddr, port: u16, backlog: u32) -> io::Result<TcpListener> {
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

/// Listens at the Unix socket of the configuration; what is left there of an earlier process goes.
///
/// # Errors
/// The system's.
pub fn listen_unix(config: &Config) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let _ = std::fs::remove_file(&config.unixsocket);
    let listener = UnixListener::bind(&config.unixsocket)?;
    if config.unixsocketperm != 0 {
        std::fs::set_permissions(&config.unixsocket, std::fs::Permissions::from_mode(config.unixsocketperm))?;
    }
    Ok(listener)
}

/// Accepts connections of a TCP listener for the life of the process.
pub async fn accept_tcp(shared: &'static Shared, listener: TcpListener, handles: Vec<Handle>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = welcome_tcp(shared, stream, peer, &handles) {
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

/// The same of a Unix socket.
pub async fn accept_unix(shared: &'static Shared, listener: UnixListener, handles: Vec<Handle>) {
    let path = shared.config.load().unixsocket.display().to_string();
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(stream) = stream.into_std() else { continue };
        let fd = stream.as_raw_fd();
        let Some((index, client)) = enter(shared, Peer::Unix(path.clone()), fd) else {
            refuse(&stream);
            continue;
        };
        handles[index].spawn(async move {
            match tokio::net::UnixStream::from_std(stream) {
                Ok(stream) => connection::serve(shared, stream, client).await,
                Err(_) => shared.clients.remove(client.id),
            }
        });
    }
}

fn welcome_tcp(shared: &'static Shared, stream: TcpStream, peer: SocketAddr, handles: &[Handle]) -> io::Result<()> {
    let local = stream.local_addr()?;
    let stream = stream.into_std()?;
    stream.set_nodelay(true)?;
    let keepalive = shared.config.load().tcp_keepalive_s;
    if keepalive > 0 {
        let every = Duration::from_secs(u64::from(keepalive));
        let interval = Duration::from_secs(u64::from((keepalive / 3).max(1)));
        SockRef::from(&stream)
            .set_tcp_keepalive(&TcpKeepalive::new().with_time(every).with_interval(interval).with_retries(3))?;
    }
    if shared.config.load().is_protected_from(peer.ip()) {
        io::Write::write_all(&mut &stream, PROTECTED.as_bytes())?;
        return Ok(());
    }
    let Some((index, client)) = enter(shared, Peer::Tcp(peer, local), stream.as_raw_fd()) else {
        refuse(&stream);
        return Ok(());
    };
    handles[index].spawn(async move {
        match TcpStream::from_std(stream) {
            Ok(stream) => connection::serve(shared, stream, client).await,
            Err(_) => shared.clients.remove(client.id),
        }
    });
    Ok(())
}

/// What protected mode tells a stranger. It begins as in Redis, by which some tools know it.
const PROTECTED: &str = "-DENIED Redis is running in protected mode: it has no password, so it talks to its own machine alone. Give it a password (requirepass). Or, if strangers cannot reach it anyway, start it with --protected-mode no, or send CONFIG SET protected-mode no from its own machine, and CONFIG REWRITE to keep that.\r\n";

/// Enters a connection and chooses the thread with the fewest. None if there are too many.
fn enter(shared: &Shared, peer: Peer, fd: i32) -> Option<(usize, Arc<Client>)> {
    if shared.clients.len() >= shared.config.load().maxclients as usize {
        shared.stats.refused.fetch_add(1, Relaxed);
        return None;
    }
    shared.stats.accepted.fetch_add(1, Relaxed);
    let threads = shared.stats.threads.iter().enumerate();
    let (index, thread) = threads.min_by_key(|(_, thread)| thread.connections.load(Relaxed))?;
    thread.connections.fetch_add(1, Relaxed);
    let client = Client::new(shared.clients.next_id(), peer, fd, index, clock::moment().ms);
    let client = Arc::new(client);
    shared.clients.add(client.clone());
    Some((index, client))
}

fn refuse(mut stream: impl io::Write) {
    let _ = stream.write_all(b"-ERR max number of clients reached\r\n");
}

/// The error in Redis's words.
pub fn cannot_listen(ip: IpAddr, port: u16, error: &io::Error) -> io::Error {
    io::Error::other(format!("Could not create server TCP listening socket {ip}:{port}: bind: {error}"))
}
