//! The load: many connections from one thread, each sending a batch of operations, waiting for all of its replies, and
//! sending the next. Level-triggered epoll; requests are prepared slices, replies are only counted.

use crate::replies::Counter;
use crate::requests::Requests;
use crate::{Failure, Result};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// A batch whose replies take longer than this is given up on.
const PATIENCE: Duration = Duration::from_secs(20);
const READ_BYTES: usize = 256 * 1024;

/// When to stop sending.
#[derive(Copy, Clone, Debug)]
pub enum Until {
    /// After this time; the requests are repeated from the start when they run out.
    Elapsed(Duration),
    /// When every operation has been sent once.
    Sent,
}

/// What a run did.
#[derive(Copy, Clone, Debug)]
pub struct Outcome {
    /// Operations sent and answered.
    pub operations: u64,
    /// From the first request to the last reply.
    pub elapsed: Duration,
}

/// Connections to one server.
pub struct Driver {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    /// The next operation to send, whichever connection is free for it.
    next: usize,
}

struct Connection {
    stream: TcpStream,
    counter: Counter,
    /// Replies that complete the batch under way.
    expected: u64,
    /// What of the batch the socket has not taken yet.
    unsent: std::ops::Range<usize>,
    /// Whether epoll is asked to tell when the socket takes more.
    waits_to_send: bool,
}

impl Driver {
    /// Opens `count` connections.
    pub fn connect(address: SocketAddr, count: usize) -> Result<Driver> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(count);
        for index in 0..count {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(&epoll, &stream, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
            connections.push(Connection {
                stream,
                counter: Counter::default(),
                expected: 0,
                unsent: 0..0,
                waits_to_send: false,
            });
        }
        let events = Vec::with_capacity(count.max(1));
        Ok(Driver { epoll, connections, events, buffer: vec![0; READ_BYTES], next: 0 })
    }

    /// Sends operations, `pipeline` at a time on each connection, and returns when all are answered. An error reply, a
    /// lost connection or a reply that never comes is a failure; the driver is then of no more use.
    pub fn run(&mut self, requests: &Requests, pipeline: usize, until: Until) -> Result<Outcome> {
        if let Until::Sent = until {
            self.next = 0;
        }
        let mut operations = 0;
        let start = Instant::now();
        let mut busy = 0;
        for index in 0..self.connections.len() {
            let sent = self.send_next(index, requests, pipeline, until)?;
            operations += sent;
            busy += usize::from(sent > 0);
        }
        let mut heard = start;
        while busy > 0 {
            self.events.clear();
            let timeout = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
            match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let now = Instant::now();
            if !self.events.is_empty() {
                heard = now;
            } else if now - heard > PATIENCE {
                return Err(Failure("no reply".into()));
            }
            let goes_on = match until {
                Until::Elapsed(duration) => now - start < duration,
                Until::Sent => true,
            };
            for at in 0..self.events.len() {
                let epoll::Event { flags, data, .. } = self.events[at];
                let index = data.u64() as usize;
                if flags.contains(epoll::EventFlags::OUT) {
                    self.flush(index, requests)?;
                }
                if !self.receive(index)? {
                    continue;
                }
                let sent = if goes_on { self.send_next(index, requests, pipeline, until)? } else { 0 };
                operations += sent;
                busy -= usize::from(sent == 0);
            }
        }
        Ok(Outcome { operations, elapsed: start.elapsed() })
    }

    /// Sends the next batch on a connection; gives the number of its operations, 0 when there are no more.
    fn send_next(&mut self, index: usize, requests: &Requests, pipeline: usize, until: Until) -> Result<u64> {
        let left = requests.len().saturating_sub(self.next);
        let count = match until {
            Until::Sent => pipeline.min(left),
            Until::Elapsed(_) => {
                if left < pipeline {
                    self.next = 0;
                }
                pipeline.min(requests.len())
            }
        };
        if count == 0 {
            return Ok(0);
        }
        let connection = &mut self.connections[index];
        connection.unsent = requests.range(self.next, self.next + count);
        connection.expected = connection.counter.replies + count as u64 * requests.replies_each;
        self.next += count;
        self.flush(index, requests)?;
        Ok(count as u64)
    }

    fn flush(&mut self, index: usize, requests: &Requests) -> Result<()> {
        let connection = &mut self.connections[index];
        while !connection.unsent.is_empty() {
            match connection.stream.write(requests.bytes(connection.unsent.clone())) {
                Ok(count) => connection.unsent.start += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let waits = !connection.unsent.is_empty();
        if waits != connection.waits_to_send {
            connection.waits_to_send = waits;
            let flags = if waits { epoll::EventFlags::IN | epoll::EventFlags::OUT } else { epoll::EventFlags::IN };
            epoll::modify(&self.epoll, &connection.stream, epoll::EventData::new_u64(index as u64), flags)?;
        }
        Ok(())
    }

    /// Reads once; true when the batch is answered.
    fn receive(&mut self, index: usize) -> Result<bool> {
        let connection = &mut self.connections[index];
        match connection.stream.read(&mut self.buffer) {
            Ok(0) => return Err(Failure("the server closed the connection".into())),
            Ok(count) => connection.counter.feed(&self.buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if connection.counter.errors > 0 {
            return Err(Failure(connection.counter.first_error.take().unwrap_or_default()));
        }
        Ok(connection.counter.replies == connection.expected && connection.unsent.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that answers `reply` to every line that says PING, on as many connections as `count`.
    fn answering(reply: &'static [u8], count: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for _ in 0..count {
                let (mut stream, _) = listener.accept().unwrap();
                std::thread::spawn(move || {
                    let mut buffer = [0; 999];
                    let mut seen = Vec::new();
                    while let Ok(count @ 1..) = stream.read(&mut buffer) {
                        seen.extend_from_slice(&buffer[..count]);
                        while let Some(end) = seen.windows(4).position(|word| word == b"PING") {
                            seen.drain(..end + 4);
                            stream.write_all(reply).unwrap();
                        }
                    }
                });
            }
        });
        address
    }

    fn pings(count: usize) -> Requests {
        Requests::build(count, 1, |_, out| crate::requests::command(out, &[b"PING"]))
    }

    #[test]
    fn sends_everything_once() {
        let mut driver = Driver::connect(answering(b"+PONG\r\n", 3), 3).unwrap();
        for count in [0, 1, 2, 100, 1001] {
            let outcome = driver.run(&pings(count), 7, Until::Sent).unwrap();
            assert_eq!(outcome.operations, count as u64);
        }
    }

    #[test]
    fn goes_on_for_a_time() {
        let mut driver = Driver::connect(answering(b"$1\r\nx\r\n", 2), 2).unwrap();
        let outcome = driver.run(&pings(10), 4, Until::Elapsed(Duration::from_millis(20))).unwrap();
        assert!(outcome.elapsed >= Duration::from_millis(20));
        assert!(outcome.operations >= 8 && outcome.operations.is_multiple_of(4));
    }

    #[test]
    fn an_error_reply_is_a_failure() {
        let mut driver = Driver::connect(answering(b"-ERR unknown command\r\n", 1), 1).unwrap();
        let failure = driver.run(&pings(1), 1, Until::Sent).unwrap_err();
        assert_eq!(failure, Failure("ERR unknown command".into()));
    }
}
