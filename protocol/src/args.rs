//! A command's arguments: ranges of a buffer, borrowed and never copied, and a cursor that parses them.

use crate::spec::Arguments;
use crate::{Error, number};
use std::ops::Index;

/// Where one argument stands in the buffer it came in. 8 bytes; buffers are limited to 4 GiB by the query buffer limit.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ArgRange {
    /// Offset of the first byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

/// The arguments of one command, its name included at index 0. A pair of slices: copying it is free.
///
/// The same view serves a command in a connection's read buffer, one queued in a transaction, and one that a script
/// calls.
#[derive(Copy, Clone)]
pub struct Args<'a> {
    buffer: &'a [u8],
    ranges: &'a [ArgRange],
}

impl<'a> Args<'a> {
    /// A view of `ranges` of `buffer`. Every range lies inside the buffer (the parser made them so).
    pub fn new(buffer: &'a [u8], ranges: &'a [ArgRange]) -> Args<'a> {
        Args { buffer, ranges }
    }

    /// The number of arguments, the name included.
    #[allow(clippy::len_without_is_empty)] // a command always has its name
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The argument at `index`, or None past the end.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.ranges.get(index).map(|range| self.slice(*range))
    }

    /// The argument at `index`. Handlers use it below their row's arity, which the dispatcher has checked.
    pub fn at(&self, index: usize) -> &'a [u8] {
        self.slice(self.ranges[index])
    }

    /// All arguments, the name first.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + DoubleEndedIterator {
        self.ranges.iter().map(move |range| self.slice(*range))
    }

    /// The arguments from `index` on.
    pub fn tail(self, index: usize) -> Args<'a> {
        Args { buffer: self.buffer, ranges: self.ranges.get(index..).unwrap_or_default() }
    }

    /// `count` arguments from `first` on, as a command of their own. Both lie within.
    pub fn part(self, first: usize, count: usize) -> Args<'a> {
        Args { buffer: self.buffer, ranges: &self.ranges[first..first + count] }
    }

    /// A cursor that starts at `index`.
    pub fn cursor(self, index: usize) -> Cursor<'a> {
        Cursor { args: self, next: index }
    }

    /// The sum of the arguments' lengths in bytes.
    pub fn bytes(&self) -> usize {
        self.ranges.iter().map(|range| range.len as usize).sum()
    }

    #[inline]
    fn slice(&self, range: ArgRange) -> &'a [u8] {
        &self.buffer[range.start as usize..range.start as usize + range.len as usize]
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];
    fn index(&self, index: usize) -> &[u8] {
        self.at(index)
    }
}

impl Arguments for Args<'_> {
    fn count(&self) -> usize {
        self.len()
    }
    fn arg(&self, index: usize) -> &[u8] {
        self.at(index)
    }
}

/// Arguments that own their bytes: commands queued by MULTI, called by scripts, or replayed from a journal. One buffer
/// for all, so that a command costs two allocations at most, and none when reused.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct OwnedArgs {
    buffer: Vec<u8>,
    ranges: Vec<ArgRange>,
}

impl OwnedArgs {
    /// Arguments copied from slices.
    pub fn from_slices(slices: &[&[u8]]) -> OwnedArgs {
        let mut args = OwnedArgs::default();
        slices.iter().for_each(|slice| args.push(slice));
        args
    }

    /// Arguments copied from a view.
    pub fn from_view(view: Args<'_>) -> OwnedArgs {
        let mut args = OwnedArgs { buffer: Vec::with_capacity(view.bytes()), ranges: Vec::with_capacity(view.len()) };
        view.iter().for_each(|slice| args.push(slice));
        args
    }

    /// Appends one argument.
    pub fn push(&mut self, arg: &[u8]) {
        self.ranges.push(ArgRange { start: self.buffer.len() as u32, len: arg.len() as u32 });
        self.buffer.extend_from_slice(arg);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The sum of their lengths in bytes.
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Forgets all arguments and keeps the memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.ranges.clear();
    }

    /// True without any argument.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The arguments.
    pub fn view(&self) -> Args<'_> {
        Args { buffer: &self.buffer, ranges: &self.ranges }
    }
}

/// Walks over arguments. Handlers read options with it:
///
/// ```ignore
/// while let Some(option) = cursor.next() {
///     if is(option, "EX") { seconds = cursor.i64()? } else { return Err(Error::SYNTAX) }
/// }
/// ```
#[derive(Clone)]
pub struct Cursor<'a> {
    args: Args<'a>,
    next: usize,
}

impl<'a> Cursor<'a> {
    /// How many arguments are left.
    pub fn left(&self) -> usize {
        self.args.len().saturating_sub(self.next)
    }

    /// The index of the next argument.
    pub fn position(&self) -> usize {
        self.next
    }

    /// The next argument without taking it.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.args.get(self.next)
    }

    /// The next argument; a syntax error where there is none.
    pub fn need(&mut self) -> Result<&'a [u8], Error> {
        self.next().ok_or(Error::SYNTAX)
    }

    /// The next argument as a 64-bit integer; a syntax error where there is none.
    pub fn i64(&mut self) -> Result<i64, Error> {
        number::parse_i64(self.need()?).ok_or(Error::NOT_AN_INTEGER)
    }

    /// The next argument as a double; a syntax error where there is none.
    pub fn f64(&mut self) -> Result<f64, Error> {
        number::parse_f64(self.need()?).ok_or(Error::NOT_A_FLOAT)
    }

    /// Takes the next argument if it is `keyword` in any case.
    pub fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|arg| is(arg, keyword));
        self.next += usize::from(found);
        found
    }

    /// A syntax error unless everything has been taken.
    pub fn end(&self) -> Result<(), Error> {
        if self.left() == 0 { Ok(()) } else { Err(Error::SYNTAX) }
    }
}

impl<'a> Iterator for Cursor<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        Some(arg)
    }
}

/// Whether `arg` is `keyword`, in any case.
pub fn is(arg: &[u8], keyword: &str) -> bool {
    arg.eq_ignore_ascii_case(keyword.as_bytes())
}

/// `arg` as a 64-bit integer, with the error that nearly all commands give.
pub fn integer(arg: &[u8]) -> Result<i64, Error> {
    number::parse_i64(arg).ok_or(Error::NOT_AN_INTEGER)
}

/// `arg` as a double, with the error that nearly all commands give.
pub fn double(arg: &[u8]) -> Result<f64, Error> {
    number::parse_f64(arg).ok_or(Error::NOT_A_FLOAT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_takes_what_is_there_and_reports_what_is_not() {
        let args = OwnedArgs::from_slices(&[b"set", b"k", b"v", b"ex", b"10", b"px"]);
        let mut cursor = args.view().cursor(3);
        assert!(!cursor.keyword("PX"));
        assert!(cursor.keyword("EX"));
        assert_eq!(cursor.i64(), Ok(10));
        assert_eq!(cursor.end(), Err(Error::SYNTAX));
        assert_eq!(cursor.i64(), Err(Error::NOT_AN_INTEGER));
        assert_eq!(cursor.i64(), Err(Error::SYNTAX));
        assert_eq!(cursor.end(), Ok(()));
    }

    #[test]
    fn a_tail_past_the_end_is_empty() {
        let args = OwnedArgs::from_slices(&[b"get", b"k"]);
        assert_eq!(args.view().tail(5).len(), 0);
        assert_eq!(args.view().bytes(), 4);
        assert_eq!(OwnedArgs::from_view(args.view()), args);
    }
}
