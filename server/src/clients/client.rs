//! The clients: what everybody may see of a connection (CLIENT LIST, CLIENT KILL), and the way to reach it from any
//! thread (messages, signals).

use crate::config::values::BufferLimit;
use atomic_waker::AtomicWaker;
use bytes::Bytes;
use curfew_shard::shard::wait::Waiter;
use dashmap::DashMap;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst,
};

/// Reasons to wake a connection, as bits of [`Client::signals`].
pub mod signal {
    /// Messages are in the outbox.
    pub const MESSAGES: u32 = 1 << 0;
    /// The connection is to be closed once what it executes is done (CLIENT KILL, limits, timeouts).
    pub const KILL: u32 = 1 << 1;
    /// The server shuts down: close as soon as nothing is under way.
    pub const DRAIN: u32 = 1 << 2;
    /// There is something for a client that waits for keys.
    pub const SERVED: u32 = 1 << 3;
}

/// Where a connection comes from.
#[derive(Clone, Debug)]
pub enum Peer {
    /// TCP: remote and local address.
    Tcp(SocketAddr, SocketAddr),
    /// A Unix socket, by its path.
    Unix(String),
}

/// Names that a client has given itself.
#[derive(Clone, Default, Debug)]
pub struct Names {
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO lib-name.
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO lib-ver.
    pub lib_ver: Vec<u8>,
}

/// Messages that other threads have for a client: published messages, and later invalidations.
#[derive(Default)]
struct Outbox {
    /// What came before `tail`: long messages, which all of their receivers share, and what came between them.
    parts: Vec<Bytes>,
    /// Short messages since, one behind the other.
    tail: Vec<u8>,
    /// Bytes of both.
    len: usize,
    /// How many messages those are.
    messages: u64,
    /// How many went with the last bytes that were taken.
    taken: u64,
}

/// Messages at least as long as this are shared between their receivers; shorter ones are cheaper to copy.
const SHARED_MIN: usize = 1024;

impl Outbox {
    fn push(&mut self, message: &Bytes) {
        if message.len() < SHARED_MIN {
            self.tail.extend_from_slice(message);
        } else {
            if !self.tail.is_empty() {
                self.parts.push(std::mem::take(&mut self.tail).into());
            }
            self.parts.push(message.clone());
        }
        self.len += message.len();
        self.messages += 1;
    }
}

/// One connection, as others see it. The connection's own task updates the facts with relaxed stores; readers may see
/// them a moment late.
pub struct Client {
    /// Unique for the life of the process, ascending.
    pub id: u64,
    /// Where it comes from.
    pub peer: Peer,
    /// The file descriptor, for CLIENT LIST.
    pub fd: i32,
    /// The thread that serves it.
    pub thread: usize,
    /// Unix time in milliseconds.
    pub created_ms: i64,
    /// Unix time in milliseconds of the last command.
    pub active_ms: AtomicI64,
    /// The selected database.
    pub db: AtomicU32,
    /// 2 or 3.
    pub resp: AtomicU32,
    /// Subscribed channels.
    pub channels: AtomicU32,
    /// Subscribed patterns.
    pub patterns: AtomicU32,
    /// Subscribed shard channels.
    pub shard_channels: AtomicU32,
    /// Commands queued in MULTI; -1 outside.
    pub multi: AtomicI64,
    /// Bytes of the commands queued in MULTI; means something inside only.
    pub multi_bytes: AtomicUsize,
    /// Watched keys.
    pub watching: AtomicU32,
    /// What it waits for, while it is blocked.
    pub blocked: Mutex<Option<Arc<Waiter>>>,
    /// Bytes in the read buffer.
    pub query_bytes: AtomicUsize,
    /// Bytes of memory in its buffers.
    pub memory: AtomicUsize,
    /// Bytes of replies that wait to be sent, the outbox apart.
    pub reply_bytes: AtomicUsize,
    /// Place of the last command in the table, plus 1; 0: none yet.
    pub last_command: AtomicUsize,
    /// CLIENT NO-EVICT.
    pub no_evict: AtomicBool,
    /// CLIENT NO-TOUCH.
    pub no_touch: AtomicBool,
    /// Unix time in milliseconds when a subscriber last took bytes from its connection.
    pub drained_ms: AtomicI64,
    /// Among those whom [`crate::clients::pubsub::PubSub`] knows to be behind.
    pub behind: AtomicBool,
    /// It was cut off because its output grew too large.
    pub passed_limit: AtomicBool,
    /// The names.
    pub names: Mutex<Names>,
    outbox: Mutex<Outbox>,
    /// Bytes in the outbox, readable without its lock.
    outbox_bytes: AtomicUsize,
    /// When the outbox passed the soft limit, Unix milliseconds; 0: it is below.
    over_soft_since: AtomicI64,
    signals: AtomicU32,
    /// Woken by signals.
    pub waker: AtomicWaker,
}

impl Client {
    /// A client that has just connected.
    pub fn new(id: u64, peer: Peer, fd: i32, thread: usize, now_ms: i64) -> Client {
        Client {
            id,
            peer,
            fd,
            thread,
            created_ms: now_ms,
            active_ms: AtomicI64::new(now_ms),
            db: AtomicU32::new(0),
            resp: AtomicU32::new(2),
            channels: AtomicU32::new(0),
            patterns: AtomicU32::new(0),
            shard_channels: AtomicU32::new(0),
            multi: AtomicI64::new(-1),
            multi_bytes: AtomicUsize::new(0),
            watching: AtomicU32::new(0),
            blocked: Mutex::default(),
            query_bytes: AtomicUsize::new(0),
            memory: AtomicUsize::new(0),
            reply_bytes: AtomicUsize::new(0),
            last_command: AtomicUsize::new(0),
            no_evict: AtomicBool::new(false),
            no_touch: AtomicBool::new(false),
            drained_ms: AtomicI64::new(now_ms),
            behind: AtomicBool::new(false),
            passed_limit: AtomicBool::new(false),
            names: Mutex::default(),
            outbox: Mutex::default(),
            outbox_bytes: AtomicUsize::new(0),
            over_soft_since: AtomicI64::new(0),
            signals: AtomicU32::new(0),
            waker: AtomicWaker::new(),
        }
    }

    /// Sends a signal (bits of [`signal`]) from any thread.
    pub fn signal(&self, bits: u32) {
        if self.signals.fetch_or(bits, SeqCst) & bits != bits {
            self.waker.wake();
        }
    }

    /// The signals that are up.
    #[inline]
    pub fn signals(&self) -> u32 {
        self.signals.load(SeqCst)
    }

    /// Takes signals down. KILL stays up for good.
    pub fn lower(&self, bits: u32) {
        self.signals.fetch_and(!bits, SeqCst);
    }

    /// Whether the connection is to be closed.
    #[inline]
    pub fn is_killed(&self) -> bool {
        self.signals() & signal::KILL != 0
    }

    /// Whether it waits for keys.
    pub fn is_blocked(&self) -> bool {
        self.blocked.lock().is_some()
    }

    /// Puts a message (complete replies) into the outbox. A client that does not read is cut off at `limit` instead of
    /// growing the server. Answers how many bytes wait for it now, written replies included.
    pub fn send(&self, message: &Bytes, limit: OutputLimit, now_ms: i64) -> usize {
        if self.is_killed() {
            return 0;
        }
        let mut outbox = self.outbox.lock();
        if outbox.len == 0 && self.reply_bytes.load(Relaxed) == 0 {
            // It has read everything so far: its time to read this begins now, however long nothing came.
            self.drained_ms.store(now_ms, Relaxed);
        }
        outbox.push(message);
        self.outbox_bytes.store(outbox.len, Relaxed);
        drop(outbox);
        if self.check(limit, now_ms) {
            self.signal(signal::MESSAGES);
        }
        self.waiting_bytes()
    }

    /// Cuts the client off if too much waits for it. True if not.
    pub fn check(&self, limit: OutputLimit, now_ms: i64) -> bool {
        let waiting = self.waiting_bytes();
        let passed = limit.is_passed(waiting, &self.over_soft_since, now_ms);
        if passed {
            tracing::warn!(client = self.id, bytes = waiting, "client closed: output buffer limit reached");
            self.passed_limit.store(true, Relaxed);
            self.signal(signal::KILL);
        }
        !passed
    }

    /// The connection is over: nothing is sent to it any more, and what waited is forgotten. Answers how many messages those
    /// were, with the ones that were on their way and may have arrived in part.
    pub fn close(&self) -> u64 {
        self.signal(signal::KILL);
        let outbox = std::mem::take(&mut *self.outbox.lock());
        self.outbox_bytes.store(0, Relaxed);
        let under_way = if self.reply_bytes.load(Relaxed) > 0 { outbox.taken } else { 0 };
        outbox.messages + under_way
    }

    /// Moves the messages that wait to the end of `out`.
    pub fn take_messages(&self, out: &mut curfew_protocol::Reply) {
        self.lower(signal::MESSAGES);
        let mut outbox = self.outbox.lock();
        outbox.parts.drain(..).for_each(|part| out.raw(&part));
        out.raw(&outbox.tail);
        outbox.len = 0;
        outbox.taken = std::mem::take(&mut outbox.messages);
        self.outbox_bytes.store(0, Relaxed);
        match outbox.tail.capacity() > 64 * 1024 {
            true => outbox.tail = Vec::new(),
            false => outbox.tail.clear(),
        }
    }

    /// Bytes that wait to be sent: messages, and replies that the client has not taken yet.
    pub fn waiting_bytes(&self) -> usize {
        self.outbox_bytes() + self.reply_bytes.load(Relaxed)
    }

    /// Bytes in the outbox.
    pub fn outbox_bytes(&self) -> usize {
        self.outbox_bytes.load(Relaxed)
    }

    /// The remote address as CLIENT LIST shows it.
    pub fn address(&self) -> String {
        match &self.peer {
            Peer::Tcp(remote, _) => remote.to_string(),
            Peer::Unix(path) => format!("{path}:0"),
        }
    }

    /// The local address as CLIENT LIST shows it.
    pub fn local_address(&self) -> String {
        match &self.peer {
            Peer::Tcp(_, local) => local.to_string(),
            Peer::Unix(path) => format!("{path}:0"),
        }
    }

    /// Subscriptions of all kinds.
    pub fn subscriptions(&self) -> u32 {
        self.channels.load(Relaxed) + self.patterns.load(Relaxed) + self.shard_channels.load(Relaxed)
    }
}

/// One class of `client-output-buffer-limit`.
#[derive(Copy, Clone, Debug, Default)]
pub struct OutputLimit {
    /// Cut off at once past so many bytes; 0: no limit.
    pub hard: usize,
    /// Cut off after `soft_ms` past so many bytes; 0: no limit.
    pub soft: usize,
    /// See `soft`. Milliseconds.
    pub soft_ms: i64,
}

impl From<BufferLimit> for OutputLimit {
    fn from(limit: BufferLimit) -> OutputLimit {
        OutputLimit {
            hard: limit.hard_bytes as usize,
            soft: limit.soft_bytes as usize,
            soft_ms: i64::from(limit.soft_seconds) * 1000,
        }
    }
}

impl OutputLimit {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.hard == 0 && self.soft == 0
    }

    fn is_passed(&self, bytes: usize, since: &AtomicI64, now_ms: i64) -> bool {
        if self.hard > 0 && bytes > self.hard {
            return true;
        }
        if self.soft == 0 || bytes <= self.soft {
            since.store(0, Relaxed);
            return false;
        }
        match since.load(Relaxed) {
            0 => {
                since.store(now_ms, Relaxed);
                false
            }
            start => now_ms - start > self.soft_ms,
        }
    }
}

/// All connected clients, by id.
#[derive(Default)]
pub struct Clients {
    by_id: DashMap<u64, Arc<Client>>,
    next: AtomicU64,
}

impl Clients {
    /// The next id.
    pub fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Relaxed) + 1
    }

    /// Enters a client.
    pub fn add(&self, client: Arc<Client>) {
        self.by_id.insert(client.id, client);
    }

    /// Takes a client out.
    pub fn remove(&self, id: u64) {
        self.by_id.remove(&id);
    }

    /// The client with this id.
    pub fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.by_id.get(&id).map(|client| client.clone())
    }

    /// All clients in order of their ids.
    pub fn all(&self) -> Vec<Arc<Client>> {
        let mut all: Vec<_> = self.by_id.iter().map(|entry| entry.value().clone()).collect();
        all.sort_by_key(|client| client.id);
        all
    }

    /// Closes the clients that have sent nothing for `idle_ms`. Subscribers and those who are blocked wait for others, and are
    /// exempt.
    pub fn close_idle(&self, idle_ms: i64, now_ms: i64) {
        for client in self.by_id.iter() {
            let waits_for_others = client.subscriptions() > 0 || client.is_blocked();
            if !waits_for_others && now_ms - client.active_ms.load(Relaxed) > idle_ms {
                tracing::debug!(client = client.id, "client closed: idle");
                client.signal(signal::KILL);
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curfew_protocol::{Reply, Resp};

    fn client() -> Client {
        let address: SocketAddr = ([127, 0, 0, 1], 1).into();
        Client::new(1, Peer::Tcp(address, address), 3, 0, 0)
    }

    #[test]
    fn messages_keep_their_order_and_wake_once() {
        let client = client();
        client.send(&Bytes::from_static(b"+a\r\n"), OutputLimit::default(), 0);
        client.send(&Bytes::from_static(b"+b\r\n"), OutputLimit::default(), 0);
        assert_eq!(client.signals(), signal::MESSAGES);
        let mut out = Reply::new(Resp::Two);
        client.take_messages(&mut out);
        assert_eq!(out.as_bytes(), b"+a\r\n+b\r\n");
        assert_eq!((client.signals(), client.outbox_bytes()), (0, 0));
    }

    #[test]
    fn a_long_message_is_kept_once_for_all_who_wait_for_it() {
        let (one, two) = (client(), client());
        let long = Bytes::from(vec![b'm'; SHARED_MIN]);
        for receiver in [&one, &two] {
            receiver.send(&Bytes::from_static(b"before"), OutputLimit::default(), 0);
            receiver.send(&long, OutputLimit::default(), 0);
            receiver.send(&Bytes::from_static(b"behind"), OutputLimit::default(), 0);
            assert_eq!(receiver.outbox_bytes(), 12 + SHARED_MIN);
        }
        let place = |receiver: &Client| receiver.outbox.lock().parts[1].as_ptr();
        assert_eq!((place(&one), place(&two)), (long.as_ptr(), long.as_ptr()));
        let mut out = Reply::new(Resp::Two);
        one.take_messages(&mut out);
        assert_eq!(out.as_bytes(), [b"before", &long[..], b"behind"].concat());
        assert_eq!((one.outbox_bytes(), one.close()), (0, 0));
        assert_eq!(two.close(), 3);
    }

    #[test]
    fn a_client_that_does_not_read_is_cut_off() {
        let soft = OutputLimit { hard: 100, soft: 10, soft_ms: 1_000 };
        let slow = client();
        slow.send(&vec![b'x'; 20].into(), soft, 5_000);
        slow.send(&Bytes::from_static(b"x"), soft, 6_000);
        assert!(!slow.is_killed(), "not before the soft limit's time");
        slow.send(&Bytes::from_static(b"x"), soft, 6_001);
        assert!(slow.is_killed());
        let fast = client();
        fast.send(&vec![b'x'; 20].into(), soft, 5_000);
        fast.take_messages(&mut Reply::default());
        fast.send(&Bytes::from_static(b"x"), soft, 9_000);
        assert!(!fast.is_killed(), "reading resets the soft limit");
        fast.send(&vec![b'x'; 200].into(), soft, 9_000);
        assert!(fast.is_killed());
    }
}
