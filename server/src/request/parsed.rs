//! Requests that were found in the input of a connection, and the memory that they are in.

use crate::request::route::{self, Target};
use crate::request::table::{Command, Table, Unresolved};
use curfew_protocol::{ArgRange, Args, Reply};

/// Buffers larger than this are not kept for reuse. Bytes.
const KEEP_MAX: usize = 64 * 1024;

/// The memory of a batch, reused between connections of a thread.
#[derive(Default)]
pub struct Buffers {
    /// Bytes read.
    pub input: Vec<u8>,
    /// Arguments of the requests.
    pub ranges: Vec<ArgRange>,
    /// Requests not executed yet, and those executed in this round.
    pub commands: Vec<Parsed>,
    /// Replies not sent yet.
    pub out: Reply,
}

impl Buffers {
    /// Whether they are worth keeping.
    pub fn is_small(&self) -> bool {
        self.input.capacity() <= KEEP_MAX && self.out.capacity() <= KEEP_MAX
    }
}

/// One request.
pub struct Parsed {
    first: u32,
    count: u32,
    /// The command, or why there is none. Boxed: requests that fail are rare.
    pub command: Result<&'static Command, Box<Unresolved>>,
    /// Where it is to run.
    pub target: Target,
}

impl Parsed {
    /// The request whose arguments begin at `first` among the ranges of its batch: which command it is, and where that runs.
    pub fn new(table: &Table, args: Args<'_>, first: usize, shards: usize) -> Parsed {
        let command = table.resolve(args);
        let target = command.as_ref().map_or(Target::Inline, |command| route::target(command, args, shards));
        Parsed { first: first as u32, count: args.len() as u32, command, target }
    }

    /// Its arguments, of the batch's input and ranges.
    #[inline]
    pub fn args<'a>(&self, input: &'a [u8], ranges: &'a [ArgRange]) -> Args<'a> {
        Args::new(input, &ranges[self.first as usize..(self.first + self.count) as usize])
    }
}

/// Some consecutive requests of a batch.
#[derive(Copy, Clone)]
pub struct Requests<'a> {
    input: &'a [u8],
    ranges: &'a [ArgRange],
    requests: &'a [Parsed],
}

impl<'a> Requests<'a> {
    /// These requests, parsed from `input` with these ranges.
    pub fn new(input: &'a [u8], ranges: &'a [ArgRange], requests: &'a [Parsed]) -> Requests<'a> {
        Requests { input, ranges, requests }
    }

    /// The requests with their arguments.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = (&'a Parsed, Args<'a>)> + Clone {
        self.requests.iter().map(move |request| (request, request.args(self.input, self.ranges)))
    }

    /// The requests in groups of at most `size`.
    pub fn groups(self, size: usize) -> impl Iterator<Item = Requests<'a>> {
        self.requests.chunks(size).map(move |requests| Requests { requests, ..self })
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.requests.len()
    }
}
