//! Requests of one connection between reading and replying.
//!
//! A batch owns everything that its commands need: the bytes they were parsed from, the reply buffer and the session. So
//! it can be handed to whichever thread has the shard, as one pointer, and comes back the same way.

use crate::request::parsed::{Buffers, Parsed, Requests};
use crate::request::table::table;
use crate::session::Session;
use curfew_protocol::request::{Parser, Progress, ProtocolError, RequestLimits};
use curfew_protocol::{Args, Error, Reply, Resp};

/// Requests parsed before the first of them is executed: enough to look ahead, few enough to stay in the cache.
const BATCH_MAX: usize = 512;

/// See the module's documentation.
pub struct Batch {
    /// The memory.
    pub buffers: Buffers,
    /// The connection's state.
    pub session: Session,
    parser: Parser,
    /// What is wrong with the input behind the last request that was found.
    fault: Option<ProtocolError>,
    /// Requests executed in this round.
    done: usize,
}

impl Batch {
    /// An empty batch of a new connection.
    pub fn new(session: Session) -> Batch {
        Batch { buffers: Buffers::default(), session, parser: Parser::default(), fault: None, done: 0 }
    }

    /// Finds requests in the input, up to a bound. A protocol error is returned after the requests before it have been
    /// executed, so it comes only when nothing is left to do.
    pub fn parse(&mut self, limits: RequestLimits, shards: usize) -> Result<(), ProtocolError> {
        let Buffers { input, ranges, commands, .. } = &mut self.buffers;
        let table = table();
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        while commands.len() < BATCH_MAX {
            let first = ranges.len() - self.parser.pending_ranges();
            match self.parser.next(input, ranges, limits) {
                Ok(Progress::Request) => {
                    let args = Args::new(input, &ranges[first..]);
                    commands.push(Parsed::new(table, args, first, shards));
                }
                Ok(Progress::Incomplete) => break,
                Err(error) if commands.is_empty() => return Err(error),
                Err(error) => {
                    // Told when the requests before it are done. The parser cannot be asked again.
                    self.fault = Some(error);
                    break;
                }
            }
            // Until a client has authenticated, its next request is judged by stricter limits than those after AUTH.
            if limits.unauthenticated {
                break;
            }
        }
        Ok(())
    }

    /// Requests that are still to be executed.
    pub fn pending(&self) -> &[Parsed] {
        &self.buffers.commands[self.done..]
    }

    /// The request `ahead` places after the next one.
    pub fn request(&self, ahead: usize) -> (&Parsed, Args<'_>) {
        let parsed = &self.buffers.commands[self.done + ahead];
        (parsed, parsed.args(&self.buffers.input, &self.buffers.ranges))
    }

    /// The pieces that an execution works with, apart from each other.
    pub fn parts(&mut self, count: usize) -> (Requests<'_>, &mut Reply, &mut Session) {
        let Buffers { input, ranges, commands, out } = &mut self.buffers;
        let requests = &commands[self.done..self.done + count];
        (Requests::new(input, ranges, requests), out, &mut self.session)
    }

    /// Marks the next `count` requests as executed.
    pub fn advance(&mut self, count: usize) {
        self.done += count;
    }

    /// Answers the next `count` requests with an error instead of executing them.
    pub fn refuse(&mut self, count: usize, error: &Error) {
        (0..count).for_each(|_| self.buffers.out.error(error));
        self.advance(count);
    }

    /// Drops the requests that were executed, and the input that they came from. Keeps the beginning of a request that is
    /// not complete.
    pub fn compact(&mut self) {
        debug_assert_eq!(self.done, self.buffers.commands.len());
        self.done = 0;
        let Buffers { input, ranges, commands, .. } = &mut self.buffers;
        commands.clear();
        let kept = ranges.len() - self.parser.pending_ranges();
        let from = ranges.get(kept).map_or(self.parser.position(), |range| range.start as usize);
        if from == input.len() {
            input.clear();
        } else if from > 0 {
            input.drain(..from);
        }
        ranges.drain(..kept);
        ranges.iter_mut().for_each(|range| range.start -= from as u32);
        self.parser.shift(from);
    }

    /// Whether nothing is under way: no request, no reply.
    pub fn is_idle(&self) -> bool {
        self.buffers.input.is_empty() && self.buffers.out.is_empty() && !self.parser.is_midway()
    }

    /// Makes room for the next read: at least the rest of a long argument that is under way.
    pub fn reserve(&mut self, usual: usize) {
        let input = &mut self.buffers.input;
        let missing = self.parser.needed().saturating_sub(input.len());
        // A length is only announced so far: grow towards it as the bytes come, not at once for a liar.
        input.reserve(missing.clamp(usual, 1 << 20).max(usual));
    }

    /// Gives up the memory while nothing is under way.
    pub fn take_buffers(&mut self) -> Buffers {
        let resp = self.buffers.out.resp;
        let mut buffers = std::mem::take(&mut self.buffers);
        self.buffers.out = Reply::new(resp);
        buffers.out.resp = Resp::Two;
        buffers
    }

    /// Takes memory to work with. The batch has none of its own.
    pub fn put_buffers(&mut self, mut buffers: Buffers) {
        buffers.out.resp = self.buffers.out.resp;
        self.buffers = buffers;
    }
}
