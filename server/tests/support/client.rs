//! A small blocking client. It fails the test with a clear message where the server says something that is no RESP,
//! closes the connection, or says nothing.

use super::reply::{Reply, quoted};
use super::{PATIENCE, words};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    input: Vec<u8>,
    start: usize,
    pushes: VecDeque<Reply>,
}

/// What reading brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A whole reply or push.
    Reply(Reply),
    /// Nothing within the time allowed.
    Nothing,
    /// The server closed the connection.
    Closed,
}

impl Client {
    /// A connection to this port of the loopback address, in RESP2 as every connection starts.
    pub fn connect(port: u16) -> Self {
        Self::try_connect(port).unwrap_or_else(|error| panic!("cannot connect to port {port}: {error}"))
    }

    /// The same, for where nobody may be listening yet.
    ///
    /// # Errors
    /// Those of `connect(2)`.
    pub fn try_connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, input: Vec::new(), start: 0, pushes: VecDeque::new() })
    }

    /// Switches to RESP3.
    pub fn hello3(mut self) -> Self {
        let reply = self.cmd(&["HELLO", "3"]);
        assert!(matches!(reply, Reply::Map(_)), "HELLO 3 answered {reply}");
        self
    }

    /// Sends one command and reads its reply. Push messages that come before it are kept for [`Client::push`].
    #[track_caller]
    pub fn cmd(&mut self, args: &[impl AsRef<[u8]>]) -> Reply {
        self.send(args);
        self.read()
    }

    /// A command written as one would type it: `SET key "a b"`.
    #[track_caller]
    pub fn line(&mut self, line: &str) -> Reply {
        self.cmd(&words(line))
    }

    /// A command whose reply must be `+OK`.
    #[track_caller]
    pub fn ok(&mut self, line: &str) {
        let reply = self.line(line);
        assert_eq!(reply, Reply::ok(), "{line} answered {reply}");
    }

    /// A command whose reply must be an integer.
    #[track_caller]
    pub fn int(&mut self, line: &str) -> i64 {
        match self.line(line) {
            Reply::Int(number) => number,
            other => panic!("{line} answered {other}"),
        }
    }

    /// Sends all the commands in one write and then reads all the replies.
    #[track_caller]
    pub fn pipeline(&mut self, lines: &[&str]) -> Vec<Reply> {
        let bytes: Vec<u8> = lines.iter().flat_map(|line| encode(&words(line))).collect();
        self.raw(&bytes);
        lines.iter().map(|_| self.read()).collect()
    }

    /// Sends one command without reading anything.
    #[track_caller]
    pub fn send(&mut self, args: &[impl AsRef<[u8]>]) {
        self.raw(&encode(args));
    }

    /// Sends these bytes.
    #[track_caller]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.try_raw(bytes).unwrap_or_else(|error| panic!("cannot send {}: {error}", quoted(bytes)));
    }

    /// Sends these bytes, where the server may have closed the connection already.
    ///
    /// # Errors
    /// Those of `write(2)`.
    pub fn try_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next reply that is no push message.
    #[track_caller]
    pub fn read(&mut self) -> Reply {
        loop {
            match self.read_any() {
                push @ Reply::Push(_) => self.pushes.push_back(push),
                reply => return reply,
            }
        }
    }

    /// The next reply or push message, whichever comes first on the wire.
    #[track_caller]
    pub fn read_any(&mut self) -> Reply {
        match self.next(PATIENCE) {
            Incoming::Reply(reply) => reply,
            Incoming::Nothing => {
                panic!("no whole reply within {PATIENCE:?}, only {}", quoted(&self.input[self.start..]))
            }
            Incoming::Closed => {
                panic!("the server closed the connection, with {} unread", quoted(&self.input[self.start..]))
            }
        }
    }

    /// The next push message, in RESP3.
    #[track_caller]
    pub fn push(&mut self) -> Reply {
        if let Some(push) = self.pushes.pop_front() {
            return push;
        }
        match self.read_any() {
            push @ Reply::Push(_) => push,
            reply => panic!("expected a push message, got {reply}"),
        }
    }

    /// The push messages that came before replies and were not taken yet.
    pub fn take_pushes(&mut self) -> Vec<Reply> {
        self.pushes.drain(..).collect()
    }

    /// The next reply or push message within `time`.
    #[track_caller]
    pub fn next(&mut self, time: Duration) -> Incoming {
        let deadline = Instant::now() + time;
        loop {
            match Reply::read(&self.input[self.start..]) {
                Ok(Some((reply, length))) => {
                    let frame = &self.input[self.start..self.start + length];
                    check_with_crate(frame);
                    self.start += length;
                    if self.start == self.input.len() {
                        self.input.clear();
                        self.start = 0;
                    }
                    return Incoming::Reply(reply);
                }
                Ok(None) => {}
                Err(error) => panic!("{error}; unread: {}", quoted(&self.input[self.start..])),
            }
            match self.fill(deadline.saturating_duration_since(Instant::now())) {
                Fill::Some => {}
                Fill::Nothing => return Incoming::Nothing,
                Fill::Closed => return Incoming::Closed,
            }
        }
    }

    /// Whether the server closes the connection within the usual patience; replies that come before are returned.
    #[track_caller]
    pub fn read_to_close(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        loop {
            match self.next(PATIENCE) {
                Incoming::Reply(reply) => replies.push(reply),
                Incoming::Closed => return replies,
                Incoming::Nothing => {
                    panic!("the server did not close the connection; it sent {replies:?}")
                }
            }
        }
    }

    /// Closes our writing side only.
    pub fn half_close(&mut self) {
        // An error means that the other side closed everything already.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn fill(&mut self, time: Duration) -> Fill {
        if time.is_zero() {
            return Fill::Nothing;
        }
        self.stream.set_read_timeout(Some(time)).expect("a timeout that is not zero");
        if self.start > 1 << 20 {
            self.input.drain(..self.start);
            self.start = 0;
        }
        let mut chunk = [0; 1 << 16];
        match self.stream.read(&mut chunk) {
            Ok(0) => Fill::Closed,
            Ok(count) => {
                self.input.extend_from_slice(&chunk[..count]);
                Fill::Some
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Fill::Nothing,
            Err(error) if error.kind() == ErrorKind::Interrupted => Fill::Some,
            Err(_) => Fill::Closed, // reset by peer
        }
    }
}

enum Fill {
    Some,
    Nothing,
    Closed,
}

/// A command in the form that clients send.
pub fn encode(args: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// The redis-protocol crate must find the same frame where our own reader found one: as RESP2, or as RESP3, which has no
/// `$-1` and `*-1`.
#[track_caller]
fn check_with_crate(frame: &[u8]) {
    // It copies everything, so the small ones are enough; and it wants UTF-8 in errors, which may quote what was sent.
    if frame.len() > 4096 || std::str::from_utf8(frame).is_err() {
        return;
    }
    let resp2 = redis_protocol::resp2::decode::decode(frame).map(|found| found.map(|(_, length)| length));
    if matches!(resp2, Ok(Some(length)) if length == frame.len()) {
        return;
    }
    let resp3 = redis_protocol::resp3::decode::complete::decode(frame).map(|found| found.map(|(_, length)| length));
    // It keeps sets and maps in hash tables, so that it cannot read those whose members are arrays (COMMAND INFO).
    let beyond_it = matches!(&resp3, Err(error) if error.to_string().contains("hash key"));
    // EXEC with HELLO in it answers in both.
    let mixed = frame.windows(5).any(|bytes| bytes == b"$-1\r\n" || bytes == b"*-1\r\n");
    if !beyond_it && !mixed && !matches!(resp3, Ok(Some(length)) if length == frame.len()) {
        panic!("the redis-protocol crate reads {} otherwise: {resp2:?} as RESP2, {resp3:?} as RESP3", quoted(frame));
    }
}
