//! Finds requests in a read buffer, without copying them.
//!
//! The parser keeps its place between reads: it is handed the whole unconsumed buffer each time, resumes where it
//! stopped, and appends the ranges of the arguments it finds to a vector of the caller's. A large argument that arrives
//! in a thousand pieces is looked at once. What is accepted, and the texts of protocol errors, are those of Redis
//! (networking.c, `processMultibulkBuffer` and `processInlineBuffer`).

use crate::args::ArgRange;
use crate::number;

/// An inline request, and the line that announces a count or a length, may be this long without a line break. Bytes.
pub const INLINE_MAX: usize = 64 * 1024;

/// What a client may send. Changing them takes effect at the next request.
#[derive(Copy, Clone, Debug)]
pub struct RequestLimits {
    /// The longest argument in bytes: `proto-max-bulk-len`.
    pub bulk_max: usize,
    /// Whether the client has to authenticate first: until then ten arguments of 16 KiB are the limit.
    pub unauthenticated: bool,
}

impl Default for RequestLimits {
    fn default() -> RequestLimits {
        RequestLimits { bulk_max: 512 << 20, unauthenticated: false }
    }
}

/// Why a connection is closed: the text after `-ERR Protocol error: `.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProtocolError {
    /// A line without a break.
    #[error("too big inline request")]
    InlineTooBig,
    /// Quotes that do not close, or close in the middle of a word.
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
    /// The line of an argument count without a break.
    #[error("too big mbulk count string")]
    CountTooBig,
    /// An argument count that is no number, or too large.
    #[error("invalid multibulk length")]
    InvalidCount,
    /// More than ten arguments before authentication.
    #[error("unauthenticated multibulk length")]
    UnauthenticatedCount,
    /// The line of a length without a break.
    #[error("too big bulk count string")]
    LengthTooBig,
    /// Something else than `$` where a length is due.
    #[error("expected '$', got '{0}'")]
    ExpectedDollar(char),
    /// A length that is no number, negative, or past the limit.
    #[error("invalid bulk length")]
    InvalidLength,
    /// An argument of more than 16 KiB before authentication.
    #[error("unauthenticated bulk length")]
    UnauthenticatedLength,
}

/// What was found.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// A request: its arguments are the ranges appended since the last one.
    Request,
    /// Not enough bytes yet; nothing is wrong.
    Incomplete,
}

/// The parser of one connection. 40 bytes.
#[derive(Debug, Default, Clone)]
pub struct Parser {
    /// Where to go on, as an offset into the buffer.
    position: usize,
    /// Arguments still to come of the request under way; 0 between requests.
    missing: u32,
    /// Length of the argument under way, once its line has been read.
    length: Option<u32>,
    /// Ranges of the request under way.
    found: u32,
}

impl Parser {
    /// The offset of the first byte that has not become part of a complete request, when [`Parser::next`] has answered
    /// `Request`; the place to resume otherwise.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether a request is under way: its first bytes have been read.
    pub fn is_midway(&self) -> bool {
        self.missing > 0
    }

    /// How many ranges at the end of the caller's vector belong to the request under way.
    pub fn pending_ranges(&self) -> usize {
        self.found as usize
    }

    /// How many bytes the buffer must have at least before asking again is worth it: known in the middle of a long
    /// argument, so that the buffer can be made large enough at once.
    pub fn needed(&self) -> usize {
        self.length.map_or(0, |length| self.position + length as usize + 2)
    }

    /// The caller has dropped the first `count` bytes of the buffer. It adjusts the pending ranges itself.
    pub fn shift(&mut self, count: usize) {
        self.position -= count;
    }

    /// Looks for the next request in `buffer`, from where the last call stopped, and appends the ranges of its arguments
    /// to `ranges`. Inline requests are unquoted in place, which is why the buffer is mutable.
    ///
    /// After an error the connection is to be closed; the parser must not be used again.
    pub fn next(
        &mut self,
        buffer: &mut [u8],
        ranges: &mut Vec<ArgRange>,
        limits: RequestLimits,
    ) -> Result<Progress, ProtocolError> {
        while self.missing == 0 {
            match buffer.get(self.position) {
                None => return Ok(Progress::Incomplete),
                Some(b'*') => {
                    // Nearly every request has fewer than ten arguments.
                    if let [_, digit @ b'1'..=b'9', b'\r', b'\n', ..] = buffer[self.position..] {
                        self.position += 4;
                        self.missing = u32::from(digit - b'0');
                        self.found = 0;
                        break;
                    }
                    let Some(count) = self.line(buffer, ProtocolError::CountTooBig)? else {
                        return Ok(Progress::Incomplete);
                    };
                    let count =
                        count.filter(|&count| count <= i64::from(i32::MAX)).ok_or(ProtocolError::InvalidCount)?;
                    if limits.unauthenticated && count > 10 {
                        return Err(ProtocolError::UnauthenticatedCount);
                    }
                    // `*0` and `*-1` are requests without a command: skipped, as in Redis.
                    self.missing = count.max(0) as u32;
                    self.found = 0;
                }
                Some(_) => match self.inline(buffer, ranges)? {
                    Some(0) => continue,
                    Some(_) => return Ok(Progress::Request),
                    None => return Ok(Progress::Incomplete),
                },
            }
        }
        while self.missing > 0 {
            let length = match self.length {
                Some(length) => length as usize,
                None => match self.bulk_length(buffer, limits)? {
                    Some(length) => length,
                    None => return Ok(Progress::Incomplete),
                },
            };
            if buffer.len() - self.position < length + 2 {
                self.length = Some(length as u32);
                return Ok(Progress::Incomplete);
            }
            ranges.push(ArgRange { start: self.position as u32, len: length as u32 });
            self.position += length + 2;
            self.length = None;
            self.missing -= 1;
            self.found += 1;
        }
        self.found = 0;
        Ok(Progress::Request)
    }

    #[inline]
    fn bulk_length(&mut self, buffer: &[u8], limits: RequestLimits) -> Result<Option<usize>, ProtocolError> {
        let rest = &buffer[self.position..];
        // Nearly every length has one or two digits: read them without searching for the end of the line.
        let quick = match *rest {
            [b'$', a @ b'0'..=b'9', b'\r', b'\n', ..] => Some((usize::from(a - b'0'), 4)),
            [b'$', a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', b'\n', ..] => {
                Some((usize::from(a - b'0') * 10 + usize::from(b - b'0'), 5))
            }
            _ => None,
        };
        if let Some((length, line)) = quick
            && length <= limits.bulk_max
        {
            self.position += line;
            return Ok(Some(length));
        }
        // The line is complete before its first byte is judged, as in Redis.
        let first = rest.first().copied();
        if memchr_line(rest).is_none() {
            return match rest.len() > INLINE_MAX {
                true => Err(ProtocolError::LengthTooBig),
                false => Ok(None),
            };
        }
        if let Some(first) = first.filter(|&first| first != b'$') {
            return Err(ProtocolError::ExpectedDollar(first as char));
        }
        let Some(length) = self.line(buffer, ProtocolError::LengthTooBig)? else { return Ok(None) };
        let length = length
            .filter(|&length| length >= 0 && length as usize <= limits.bulk_max && length < i64::from(u32::MAX))
            .ok_or(ProtocolError::InvalidLength)?;
        if limits.unauthenticated && length > 16384 {
            return Err(ProtocolError::UnauthenticatedLength);
        }
        Ok(Some(length as usize))
    }

    /// Reads the number of a line such as `*3` or `$5`; the outer None means that the line is not complete, the inner one
    /// that it holds no number.
    #[allow(clippy::option_option)]
    fn line(&mut self, buffer: &[u8], too_big: ProtocolError) -> Result<Option<Option<i64>>, ProtocolError> {
        let rest = &buffer[self.position..];
        let Some(end) = memchr_line(rest) else {
            return if rest.len() > INLINE_MAX { Err(too_big) } else { Ok(None) };
        };
        self.position += end + 2;
        Ok(Some(number::parse_i64(&rest[1..end])))
    }

    /// Reads a request without framing: words on a line, with quotes as in Redis's `sdssplitargs`. Answers the number of
    /// words.
    fn inline(&mut self, buffer: &mut [u8], ranges: &mut Vec<ArgRange>) -> Result<Option<usize>, ProtocolError> {
        let rest = &mut buffer[self.position..];
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            return if rest.len() > INLINE_MAX { Err(ProtocolError::InlineTooBig) } else { Ok(None) };
        };
        let text = if end > 0 && rest[end - 1] == b'\r' { end - 1 } else { end };
        let before = ranges.len();
        let words = split_words(&mut rest[..text], |start, len| {
            ranges.push(ArgRange { start: (self.position + start) as u32, len: len as u32 });
        });
        if !words {
            ranges.truncate(before);
            return Err(ProtocolError::UnbalancedQuotes);
        }
        self.position += end + 1;
        Ok(Some(ranges.len() - before))
    }
}

/// The offset of the line break's `\r`, if the byte after it has arrived too.
fn memchr_line(rest: &[u8]) -> Option<usize> {
    let end = rest.iter().position(|&byte| byte == b'\r')?;
    (end + 1 < rest.len()).then_some(end)
}

/// Splits a line into words and unquotes them in place: `"a\x41\n"` and `'it\'s'` as in Redis. A word never grows, so it
/// fits where it stood. False if quotes do not balance.
pub fn split_words(line: &mut [u8], mut word: impl FnMut(usize, usize)) -> bool {
    let mut read = 0;
    loop {
        while line.get(read).is_some_and(|&byte| is_space(byte)) {
            read += 1;
        }
        if read == line.len() || line[read] == 0 {
            return true;
        }
        let start = read;
        let mut write = read;
        let mut quote = 0u8;
        loop {
            let Some(&byte) = line.get(read) else {
                if quote != 0 {
                    return false;
                }
                break;
            };
            read += 1;
            let plain = match (quote, byte) {
                (b'"', b'\\') => match line.get(read..) {
                    Some([b'x', high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                        let value = hex(*high) << 4 | hex(*low);
                        read += 3;
                        value
                    }
                    Some([escaped, ..]) => {
                        read += 1;
                        match *escaped {
                            b'n' => b'\n',
                            b'r' => b'\r',
                            b't' => b'\t',
                            b'b' => 8,
                            b'a' => 7,
                            other => other,
                        }
                    }
                    _ => return false,
                },
                (b'\'', b'\\') if line.get(read) == Some(&b'\'') => {
                    read += 1;
                    b'\''
                }
                (b'"', b'"') | (b'\'', b'\'') => {
                    // A closing quote must end the word.
                    if line.get(read).is_some_and(|&next| !is_space(next)) {
                        return false;
                    }
                    break;
                }
                (0, b'"' | b'\'') => {
                    quote = byte;
                    continue;
                }
                (0, 0) => {
                    read = line.len();
                    break;
                }
                (0, byte) if is_space(byte) => break,
                (_, byte) => byte,
            };
            line[write] = plain;
            write += 1;
        }
        word(start, write - start);
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds `input` in pieces of `step` bytes and collects the requests, or the error.
    fn parse(input: &[u8], step: usize, limits: RequestLimits) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
        let (mut parser, mut buffer, mut ranges, mut requests) =
            (Parser::default(), Vec::new(), Vec::new(), Vec::new());
        for piece in input.chunks(step.max(1)) {
            buffer.extend_from_slice(piece);
            loop {
                match parser.next(&mut buffer, &mut ranges, limits) {
                    Ok(Progress::Incomplete) => break,
                    Ok(Progress::Request) => {
                        let request: Vec<Vec<u8>> = ranges
                            .drain(..)
                            .map(|range| buffer[range.start as usize..][..range.len as usize].to_vec())
                            .collect();
                        requests.push(request);
                        if ranges.is_empty() {
                            buffer.drain(..parser.position());
                            parser.shift(parser.position());
                        }
                    }
                    Err(error) => return (requests, Some(error)),
                }
            }
        }
        (requests, None)
    }

    fn words(request: &[&str]) -> Vec<Vec<u8>> {
        request.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn requests_in_any_pieces() {
        let input =
            b"*1\r\n$4\r\nPING\r\nget \"a b\" 'c'\r\n\r\n*0\r\n*-1\r\n*2\r\n$3\r\nGET\r\n$12\r\nabcdefghi\r\nj\r\n";
        for step in [1, 2, 3, 5, 7, 1000] {
            let (requests, error) = parse(input, step, RequestLimits::default());
            assert_eq!(error, None);
            assert_eq!(
                requests,
                [words(&["PING"]), words(&["get", "a b", "c"]), words(&["GET", "abcdefghi\r\nj"])],
                "in pieces of {step}"
            );
        }
    }

    #[test]
    fn protocol_errors_have_redis_texts() {
        let long = [b'x'; INLINE_MAX + 2];
        let star_long = [b"*".as_slice(), &[b'1'; INLINE_MAX + 2]].concat();
        let dollar_long = [b"*1\r\n$".as_slice(), &[b'1'; INLINE_MAX + 2]].concat();
        let cases: &[(&[u8], &str)] = &[
            (b"*abc\r\n", "invalid multibulk length"),
            (b"*2147483648\r\n", "invalid multibulk length"),
            (b"*1\r\n:1\r\n", "expected '$', got ':'"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$x\r\n", "invalid bulk length"),
            (b"*1\r\n$536870913\r\n", "invalid bulk length"),
            (b"get \"a\r\n", "unbalanced quotes in request"),
            (b"get 'a'b\r\n", "unbalanced quotes in request"),
            (&long, "too big inline request"),
            (&star_long, "too big mbulk count string"),
            (&dollar_long, "too big bulk count string"),
        ];
        for (input, text) in cases {
            let (_, error) = parse(input, 1 << 20, RequestLimits::default());
            assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(*text));
        }
        let strict = RequestLimits { unauthenticated: true, ..RequestLimits::default() };
        assert_eq!(parse(b"*11\r\n", 99, strict).1, Some(ProtocolError::UnauthenticatedCount));
        assert_eq!(parse(b"*1\r\n$16385\r\n", 99, strict).1, Some(ProtocolError::UnauthenticatedLength));
    }

    #[test]
    fn inline_words_are_unquoted_as_in_redis() {
        let (requests, error) = parse(br#"set "\x41\n\"\q" 'it\'s \n' """#, 1000, RequestLimits::default());
        assert!(requests.is_empty() && error.is_none(), "no line break yet");
        let (requests, _) = parse(b"set \"\\x41\\n\\\"\\q\" 'it\\'s \\n' \"\"\n", 1000, RequestLimits::default());
        assert_eq!(requests, [words(&["set", "A\n\"q", "it's \\n", ""])]);
    }

    fn encode(requests: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for request in requests {
            bytes.extend_from_slice(format!("*{}\r\n", request.len()).as_bytes());
            for arg in request {
                bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
                bytes.extend_from_slice(arg);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        bytes
    }

    proptest! {
        /// The redis-protocol crate decodes the same requests from the same bytes.
        #[test]
        fn agrees_with_the_redis_protocol_crate(
            requests in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 1..6), 1..8),
            step in 1usize..200,
        ) {
            use redis_protocol::resp2::{decode::decode, types::OwnedFrame};
            let bytes = encode(&requests);
            let mut expected = Vec::new();
            let mut at = 0;
            while let Ok(Some((OwnedFrame::Array(frames), used))) = decode(&bytes[at..]) {
                at += used;
                expected.push(frames.into_iter().map(|frame| match frame {
                    OwnedFrame::BulkString(bytes) => bytes,
                    other => panic!("not a bulk string: {other:?}"),
                }).collect::<Vec<_>>());
            }
            prop_assert_eq!(at, bytes.len());
            let (found, error) = parse(&bytes, step, RequestLimits::default());
            prop_assert_eq!(error, None);
            prop_assert_eq!(found, expected);
        }

        /// Whatever arrives, in whatever pieces: no panic, and the pieces make no difference.
        #[test]
        fn any_bytes_are_read_alike_in_any_pieces(
            input in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), Just(b'*'), Just(b'$'), b'0'..=b'9'], 0..300),
            step in 1usize..50,
        ) {
            prop_assert_eq!(parse(&input, step, RequestLimits::default()), parse(&input, usize::MAX, RequestLimits::default()));
        }
    }
}
