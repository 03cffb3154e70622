//! Counts replies without looking at them: the client's share of the work is to be small.

/// Finds the ends of replies in a stream that arrives in arbitrary pieces. RESP2 and RESP3.
#[derive(Default, Debug)]
pub struct Counter {
    /// Bytes still to come of a bulk string's payload and its line end.
    skip: usize,
    /// Elements still to come of the reply under way, itself included; 0 between replies.
    open: u64,
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
    /// Replies completed.
    pub replies: u64,
    /// Errors among them, or inside them.
    pub errors: u64,
    /// The text of the first error.
    pub first_error: Option<String>,
}

impl Counter {
    /// Takes note of the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        let mut at = 0;
        loop {
            if self.skip > 0 {
                let here = self.skip.min(piece.len() - at);
                at += here;
                self.skip -= here;
                if self.skip > 0 {
                    return;
                }
                self.element();
            }
            let rest = &piece[at..];
            let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
                self.line.extend_from_slice(rest);
                return;
            };
            at += end + 1;
            if self.line.is_empty() {
                self.header(&rest[..end]);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&rest[..end]);
                self.header(&line);
            }
        }
    }

    /// A line: a whole element, the start of a bulk string, or the start of an aggregate. Its `\r` is still there.
    #[inline]
    fn header(&mut self, line: &[u8]) {
        if self.open == 0 {
            self.open = 1;
        }
        match line.first() {
            Some(b'$' | b'=') => match number(&line[1..]) {
                Some(length) => self.skip = length + 2,
                None => self.element(),
            },
            Some(b'*' | b'~' | b'>') => {
                self.open += number(&line[1..]).unwrap_or(0) as u64;
                self.element();
            }
            Some(b'%') => {
                self.open += 2 * number(&line[1..]).unwrap_or(0) as u64;
                self.element();
            }
            Some(b'-') => {
                self.errors += 1;
                self.first_error.get_or_insert_with(|| String::from_utf8_lossy(&line[1..]).trim_end().to_owned());
                self.element();
            }
            _ => self.element(),
        }
    }

    #[inline]
    fn element(&mut self) {
        self.open -= 1;
        if self.open == 0 {
            self.replies += 1;
        }
    }
}

/// The decimal number before `\r`; None for `-1`, which announces a null.
#[inline]
fn number(digits: &[u8]) -> Option<usize> {
    let mut value = 0usize;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => value = value.saturating_mul(10).saturating_add(usize::from(byte - b'0')),
            b'\r' => break,
            _ => return None,
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"+OK\r\n$5\r\na\r\nbc\r\n$-1\r\n*3\r\n:1\r\n*2\r\n$0\r\n\r\n-ERR no\r\n+x\r\n*0\r\n*-1\r\n%1\r\n+a\r\n_\r\n:7\r\n";

    #[test]
    fn counts_whole_replies_however_they_are_cut() {
        for size in 1..=STREAM.len() {
            let mut counter = Counter::default();
            STREAM.chunks(size).for_each(|piece| counter.feed(piece));
            assert_eq!(counter.replies, 8, "pieces of {size}");
            assert_eq!(counter.errors, 1);
            assert_eq!(counter.first_error.as_deref(), Some("ERR no"));
        }
    }

    #[test]
    fn counts_no_reply_before_its_last_byte() {
        let mut counter = Counter::default();
        counter.feed(b"*2\r\n:1\r\n$1\r\na\r");
        assert_eq!(counter.replies, 0);
        counter.feed(b"\n");
        assert_eq!(counter.replies, 1);
    }
}
