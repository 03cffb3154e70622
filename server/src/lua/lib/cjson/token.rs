//! The tokens of a JSON text. It is read as a C string with a length, so a NUL is the end of input wherever it stands.

use super::super::call::{Fail, Scratch};
use super::super::number;

/// A token.
#[derive(Clone, Copy)]
pub enum Token<'a> {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// A string that stands in the text as it is.
    Plain(&'a [u8]),
    /// A string with escapes, which was put together in the buffer given.
    Built,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

/// The reader of tokens.
pub struct Parser<'a> {
    text: &'a [u8],
    /// Where reading goes on.
    pub at: usize,
    /// Where the last token started, or for one in error, where the error is.
    start: usize,
    /// Whether numbers that JSON does not have are read.
    invalid: bool,
}

impl<'a> Parser<'a> {
    /// Reads `text` from its start. `invalid`: also numbers that JSON does not have.
    pub fn new(text: &'a [u8], invalid: bool) -> Parser<'a> {
        Parser { text, at: 0, start: 0, invalid }
    }

    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    /// Passes over white space and answers the byte that follows, where the next token begins; 0 at the end.
    #[inline]
    pub fn peek(&mut self) -> u8 {
        loop {
            let byte = self.byte(self.at);
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return byte;
            }
            self.at += 1;
        }
    }

    /// The next token; a string with escapes is left in `built`.
    #[inline]
    pub fn token(&mut self, built: &mut Vec<u8>) -> Token<'a> {
        let first = self.peek();
        self.start = self.at;
        let (token, len) = match first {
            b'{' => (Token::ObjectBegin, 1),
            b'}' => (Token::ObjectEnd, 1),
            b'[' => (Token::ArrayBegin, 1),
            b']' => (Token::ArrayEnd, 1),
            b',' => (Token::Comma, 1),
            b':' => (Token::Colon, 1),
            0 => (Token::End, 0),
            b'"' => return self.string(built),
            b'-' | b'0'..=b'9' if !self.invalid && self.is_invalid_number() => (Token::Error("invalid number"), 0),
            b'-' | b'0'..=b'9' => return self.number(),
            b't' if self.text[self.at..].starts_with(b"true") => (Token::Boolean(true), 4),
            b'f' if self.text[self.at..].starts_with(b"false") => (Token::Boolean(false), 5),
            b'n' if self.text[self.at..].starts_with(b"null") => (Token::Null, 4),
            b'f' | b'i' | b'I' | b'n' | b'N' | b't' | b'+' if self.invalid && self.is_invalid_number() => {
                return self.number();
            }
            _ => (Token::Error("invalid token"), 0),
        };
        self.at += len;
        token
    }

    #[cold]
    fn error(&mut self, what: &'static str) -> Token<'a> {
        self.start = self.at;
        Token::Error(what)
    }

    fn number(&mut self) -> Token<'a> {
        match number::strtod(&self.text[self.at..]) {
            Some((n, used)) => {
                self.at += used;
                Token::Number(n)
            }
            None => self.error("invalid number"),
        }
    }

    /// Whether a number starts here that C reads but JSON does not have: with a plus sign, hexadecimal, with leading
    /// zeros, infinite or not a number.
    fn is_invalid_number(&self) -> bool {
        let at = self.at + usize::from(self.byte(self.at) == b'-');
        match self.byte(at) {
            b'+' => at == self.at,
            b'0' => matches!(self.byte(at + 1), b'x' | b'X' | b'0'..=b'9'),
            _ => self
                .text
                .get(at..at + 3)
                .is_some_and(|word| word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")),
        }
    }

    /// The string that begins here.
    #[inline]
    pub fn string(&mut self, built: &mut Vec<u8>) -> Token<'a> {
        self.at += 1;
        let text = &self.text[self.at..];
        let run = plain_run(text);
        self.at += run;
        match text.get(run) {
            Some(b'"') => {
                self.at += 1;
                Token::Plain(&text[..run])
            }
            Some(b'\\') => {
                built.clear();
                built.extend_from_slice(&text[..run]);
                self.escaped(built)
            }
            _ => self.error("unexpected end of string"),
        }
    }

    /// The rest of a string from its first escape on.
    fn escaped(&mut self, built: &mut Vec<u8>) -> Token<'a> {
        let text = self.text;
        loop {
            let plain = match self.byte(self.at + 1) {
                b @ (b'"' | b'\\' | b'/') => b,
                b'b' => 8,
                b't' => 9,
                b'n' => 10,
                b'f' => 12,
                b'r' => 13,
                b'u' => {
                    let Some((letter, len)) = self.unicode() else {
                        return self.error("invalid unicode escape code");
                    };
                    self.at += len;
                    let mut bytes = [0; 4];
                    built.extend_from_slice(letter.encode_utf8(&mut bytes).as_bytes());
                    0
                }
                _ => return self.error("invalid escape code"),
            };
            // NUL is written as \u0000 only.
            if plain != 0 {
                built.push(plain);
                self.at += 2;
            }
            let left = &text[self.at..];
            let run = plain_run(left);
            built.extend_from_slice(&left[..run]);
            self.at += run;
            match left.get(run) {
                Some(b'"') => {
                    self.at += 1;
                    return Token::Built;
                }
                Some(b'\\') => {}
                _ => return self.error("unexpected end of string"),
            }
        }
    }

    /// The character of the `\uXXXX` here, or of two that are a surrogate pair, and their length in bytes.
    fn unicode(&self) -> Option<(char, usize)> {
        let high = self.hex4(self.at + 2)?;
        if high & 0xf800 != 0xd800 {
            return Some((char::from_u32(high)?, 6));
        }
        if self.byte(self.at + 6) != b'\\' || self.byte(self.at + 7) != b'u' {
            return None;
        }
        let low = self.hex4(self.at + 8)?;
        if high & 0x400 != 0 || low & 0xfc00 != 0xdc00 {
            return None;
        }
        Some((char::from_u32(((high & 0x3ff) << 10 | low & 0x3ff) + 0x10000)?, 12))
    }

    fn hex4(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        digits.iter().try_fold(0, |n, &b| Some(n << 4 | char::from(b).to_digit(16)?))
    }

    /// The error of a token that is none of those that may stand here.
    #[cold]
    pub fn expected(&self, what: &str, found: Token<'_>, scratch: &mut Scratch) -> Fail {
        let found = match found {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::Plain(_) | Token::Built => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::End => "T_END",
            Token::Error(text) => text,
        };
        scratch.here(format_args!("Expected {what} but found {found} at character {}", self.start + 1))
    }
}

/// How many bytes of `text` go by until a quote, a backslash or a NUL.
#[inline]
fn plain_run(text: &[u8]) -> usize {
    let mut at = 0;
    // Eight at a time: the lowest bit that `is_zero` sets is that of the first zero byte (those above may err).
    while let Some(chunk) = text[at..].first_chunk::<8>() {
        let bytes = u64::from_le_bytes(*chunk);
        let is_zero = |bytes: u64| bytes.wrapping_sub(EACH) & !bytes & (EACH << 7);
        let found = is_zero(bytes ^ (EACH * b'"' as u64)) | is_zero(bytes ^ (EACH * b'\\' as u64)) | is_zero(bytes);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let is_plain = |b: &u8| !matches!(b, b'"' | b'\\' | 0);
    at + text[at..].iter().take_while(|b| is_plain(b)).count()
}

/// 1 in each byte.
const EACH: u64 = u64::from_le_bytes([1; 8]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_at_the_first_of_them() {
        for at in 0..40 {
            for stop in [b'"', b'\\', 0] {
                for (before, after) in
                    [(b'a', b'"'), (0x23, 0x01), (0x5d, 0xff), (0x80, 0x00), (0xff, 0x5b), (0x01, 0x21)]
                {
                    let mut text = vec![before; at];
                    assert_eq!(plain_run(&text), at);
                    text.push(stop);
                    text.resize(at + 20, after);
                    assert_eq!(plain_run(&text), at, "{before} {stop} {after}");
                }
            }
        }
    }
}
