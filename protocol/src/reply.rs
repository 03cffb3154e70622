//! Writes replies into a buffer, in RESP2 or RESP3: the one place that knows the difference.
//!
//! A handler says what it means (`map`, `double`, `null`), and the writer says it in the protocol that the client speaks,
//! as Redis does: a map is a flat array in RESP2, a double a bulk string, a null `$-1`.

use crate::{Error, number};

/// The protocol that a client speaks.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Resp {
    /// The protocol of Redis 1.2 to 5, and the default.
    #[default]
    Two,
    /// The protocol of Redis 6, chosen with HELLO 3.
    Three,
}

/// A buffer of replies.
#[derive(Default, Debug)]
pub struct Reply {
    /// The protocol of the replies to come. HELLO changes it between two commands.
    pub resp: Resp,
    buffer: Vec<u8>,
}

/// A place in a reply where a header is to be inserted once a length is known.
#[derive(Copy, Clone, Debug)]
#[must_use]
pub struct Mark(usize);

impl Reply {
    /// An empty buffer.
    pub fn new(resp: Resp) -> Reply {
        Reply { resp, buffer: Vec::new() }
    }

    /// An empty buffer with room for `bytes`.
    pub fn with_capacity(resp: Resp, bytes: usize) -> Reply {
        Reply { resp, buffer: Vec::with_capacity(bytes) }
    }

    /// What has been written and not been taken.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// The number of bytes written and not taken.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// True if nothing is there.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Forgets what was written after the buffer was `len` bytes long.
    pub fn truncate(&mut self, len: usize) {
        self.buffer.truncate(len);
    }

    /// Forgets the first `count` bytes (they were sent).
    pub fn consume(&mut self, count: usize) {
        self.buffer.drain(..count);
    }

    /// The memory held, in bytes.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Gives back memory beyond `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        self.buffer.shrink_to(bytes);
    }

    /// Takes the whole buffer.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Appends bytes that are replies already (of a script, or another buffer).
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.buffer.extend_from_slice(b"+OK\r\n");
    }

    /// A status reply. The text must not contain line breaks.
    pub fn simple(&mut self, text: &str) {
        self.buffer.push(b'+');
        self.line(text.as_bytes());
    }

    /// An error reply.
    pub fn error(&mut self, error: &Error) {
        self.buffer.push(b'-');
        self.line(error.as_bytes());
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        match value {
            0 => self.buffer.extend_from_slice(b":0\r\n"),
            1 => self.buffer.extend_from_slice(b":1\r\n"),
            _ => self.header(b':', value),
        }
    }

    /// A count.
    #[inline]
    pub fn count(&mut self, value: usize) {
        self.int(value as i64);
    }

    /// A truth value where Redis answers 1 or 0 in both protocols.
    #[inline]
    pub fn flag(&mut self, value: bool) {
        self.int(i64::from(value));
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.buffer.reserve(bytes.len() + 16);
        self.header(b'$', bytes.len() as i64);
        self.buffer.extend_from_slice(bytes);
        self.buffer.extend_from_slice(b"\r\n");
    }

    /// A bulk string that holds an integer.
    #[inline]
    pub fn bulk_int(&mut self, value: i64) {
        let mut digits = itoa::Buffer::new();
        self.bulk(digits.format(value).as_bytes());
    }

    /// A null: `$-1`, or `_` in RESP3.
    #[inline]
    pub fn null(&mut self) {
        self.buffer.extend_from_slice(match self.resp {
            Resp::Two => b"$-1\r\n".as_slice(),
            Resp::Three => b"_\r\n",
        });
    }

    /// A null where an array is expected: `*-1`, or `_` in RESP3.
    pub fn null_array(&mut self) {
        self.buffer.extend_from_slice(match self.resp {
            Resp::Two => b"*-1\r\n".as_slice(),
            Resp::Three => b"_\r\n",
        });
    }

    /// The header of an array of `len` replies.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as i64);
    }

    /// The header of a map of `pairs` pairs; a flat array in RESP2.
    pub fn map(&mut self, pairs: usize) {
        match self.resp {
            Resp::Two => self.header(b'*', pairs as i64 * 2),
            Resp::Three => self.header(b'%', pairs as i64),
        }
    }

    /// The header of a set of `len` members; an array in RESP2.
    pub fn set(&mut self, len: usize) {
        match self.resp {
            Resp::Two => self.header(b'*', len as i64),
            Resp::Three => self.header(b'~', len as i64),
        }
    }

    /// The header of a push message of `len` parts; an array in RESP2.
    pub fn push(&mut self, len: usize) {
        match self.resp {
            Resp::Two => self.header(b'*', len as i64),
            Resp::Three => self.header(b'>', len as i64),
        }
    }

    /// A double; a bulk string in RESP2.
    pub fn double(&mut self, value: f64) {
        let mut text = Vec::with_capacity(32);
        number::write_f64(&mut text, value);
        match self.resp {
            Resp::Two => self.bulk(&text),
            Resp::Three => {
                self.buffer.push(b',');
                self.line(&text);
            }
        }
    }

    /// A boolean; 1 or 0 in RESP2.
    pub fn boolean(&mut self, value: bool) {
        match self.resp {
            Resp::Two => self.flag(value),
            Resp::Three => self.buffer.extend_from_slice(if value { b"#t\r\n" } else { b"#f\r\n" }),
        }
    }

    /// A big number, given by its digits; a bulk string in RESP2.
    pub fn big_number(&mut self, digits: &[u8]) {
        match self.resp {
            Resp::Two => self.bulk(digits),
            Resp::Three => {
                self.buffer.push(b'(');
                self.line(digits);
            }
        }
    }

    /// A text for people with its three-letter format (`txt`, `mkd`); a bulk string in RESP2.
    pub fn verbatim(&mut self, format: &[u8; 3], text: &[u8]) {
        match self.resp {
            Resp::Two => self.bulk(text),
            Resp::Three => {
                self.header(b'=', text.len() as i64 + 4);
                self.buffer.extend_from_slice(format);
                self.buffer.push(b':');
                self.line(text);
            }
        }
    }

    /// An array of bulk strings.
    pub fn bulks<T: AsRef<[u8]>>(&mut self, items: &[T]) {
        self.array(items.len());
        items.iter().for_each(|item| self.bulk(item.as_ref()));
    }

    /// Remembers this place for a header whose length is not known yet. What follows is moved when it is, so this is for
    /// replies whose length is costly to know beforehand.
    pub fn mark(&self) -> Mark {
        Mark(self.buffer.len())
    }

    /// Inserts the header of an array of `len` replies at `mark`.
    pub fn array_at(&mut self, mark: Mark, len: usize) {
        self.insert_header(mark, b'*', len);
    }

    /// Inserts the header of a map of `pairs` pairs at `mark`.
    pub fn map_at(&mut self, mark: Mark, pairs: usize) {
        match self.resp {
            Resp::Two => self.insert_header(mark, b'*', pairs * 2),
            Resp::Three => self.insert_header(mark, b'%', pairs),
        }
    }

    /// Inserts the header of a set of `len` members at `mark`.
    pub fn set_at(&mut self, mark: Mark, len: usize) {
        let kind = if self.resp == Resp::Three { b'~' } else { b'*' };
        self.insert_header(mark, kind, len);
    }

    fn insert_header(&mut self, mark: Mark, kind: u8, len: usize) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(len).as_bytes();
        let header = std::iter::once(kind).chain(digits.iter().copied()).chain(*b"\r\n");
        self.buffer.splice(mark.0..mark.0, header);
    }

    #[inline]
    fn header(&mut self, kind: u8, value: i64) {
        // Lengths below ten are the common case, and a fixed array is one store.
        if (0..10).contains(&value) {
            self.buffer.extend_from_slice(&[kind, b'0' + value as u8, b'\r', b'\n']);
            return;
        }
        let mut digits = itoa::Buffer::new();
        self.buffer.push(kind);
        self.buffer.extend_from_slice(digits.format(value).as_bytes());
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, text: &[u8]) {
        self.buffer.extend_from_slice(text);
        self.buffer.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(write: impl Fn(&mut Reply)) -> (String, String) {
        let say = |resp| {
            let mut reply = Reply::new(resp);
            write(&mut reply);
            String::from_utf8_lossy(reply.as_bytes()).replace("\r\n", " ")
        };
        (say(Resp::Two), say(Resp::Three))
    }

    #[test]
    fn each_kind_in_both_protocols() {
        type Case<'a> = (fn(&mut Reply), &'a str, &'a str);
        let cases: &[Case<'_>] = &[
            (|r| r.ok(), "+OK ", "+OK "),
            (|r| r.error(&Error::SYNTAX), "-ERR syntax error ", "-ERR syntax error "),
            (|r| r.int(-12), ":-12 ", ":-12 "),
            (|r| r.bulk(b"hello world"), "$11 hello world ", "$11 hello world "),
            (|r| r.bulk_int(42), "$2 42 ", "$2 42 "),
            (|r| r.null(), "$-1 ", "_ "),
            (|r| r.null_array(), "*-1 ", "_ "),
            (|r| r.array(12), "*12 ", "*12 "),
            (|r| r.map(2), "*4 ", "%2 "),
            (|r| r.set(2), "*2 ", "~2 "),
            (|r| r.push(2), "*2 ", ">2 "),
            (|r| r.boolean(true), ":1 ", "#t "),
            (|r| r.big_number(b"123"), "$3 123 ", "(123 "),
            (|r| r.verbatim(b"txt", b"hi"), "$2 hi ", "=6 txt:hi "),
            (|r| r.double(1.5), "$3 1.5 ", ",1.5 "),
        ];
        for (write, two, three) in cases {
            assert_eq!(both(write), (two.to_string(), three.to_string()));
        }
    }

    #[test]
    fn a_late_header_goes_to_its_mark() {
        let (two, three) = both(|reply| {
            reply.int(7);
            let mark = reply.mark();
            reply.bulk(b"a");
            reply.bulk(b"b");
            reply.map_at(mark, 1);
        });
        assert_eq!(two, ":7 *2 $1 a $1 b ");
        assert_eq!(three, ":7 %1 $1 a $1 b ");
    }
}
