//! The decoder. It reads the text as a C string with a length, so a NUL is the end of input wherever it stands.

use std::borrow::Cow;

use mlua::{Lua, LuaString, Table, Value};

use crate::lua::lib::cjson::Settings;
use crate::lua::lib::{Args, C_STACK_SLOTS, Fail, Reply, number, one};

/// `cjson.decode(text)`.
pub fn decode(lua: &Lua, args: &Args<'_>, settings: &Settings) -> Reply {
    if args.len() != 1 {
        return Err(Fail::argument(1, "expected 1 argument"));
    }
    let text = args.string(1)?;
    let text = text.as_bytes();
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(Fail::here("JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut parser = Parser { text: &text, at: 0, start: 0, invalid: settings.decode_invalid.get() == 1 };
    let mut frames = Vec::new();
    match read(lua, &mut parser, &mut frames, settings.decode_max_depth.get() as usize) {
        Ok(value) => Ok(one(value)),
        // With some 4,000 levels (after `decode_max_depth`) the containers fill mlua's auxiliary stack: the error is
        // the same as that of the limits in `start`, a little earlier.
        Err(Bad::Slots) => Err(too_deep(&parser, frames.len() + 1)),
        Err(Bad::Fail(fail)) => Err(fail),
    }
}

/// A container that is being filled.
enum Frame {
    Object { table: Table, key: LuaString },
    Array { table: Table, index: i64 },
}

enum Bad {
    /// No slot for another value on mlua's auxiliary stack.
    Slots,
    Fail(Fail),
}

impl From<Fail> for Bad {
    fn from(fail: Fail) -> Bad {
        Bad::Fail(fail)
    }
}

impl From<mlua::Error> for Bad {
    fn from(error: mlua::Error) -> Bad {
        match error {
            mlua::Error::StackError => Bad::Slots,
            other => Bad::Fail(other.into()),
        }
    }
}

fn read(lua: &Lua, parser: &mut Parser<'_>, frames: &mut Vec<Frame>, depth_max: usize) -> Result<Value, Bad> {
    // Stack slots that the original has in use: the argument; two for an object, one for an array.
    let mut slots = 1;
    let mut token = parser.token();
    loop {
        let mut value = match token {
            Token::String(text) => Value::String(lua.create_string(text)?),
            Token::Number(n) => Value::Number(n),
            Token::Boolean(yes) => Value::Boolean(yes),
            Token::Null => Value::NULL,
            Token::ObjectBegin => {
                let table = start(lua, parser, frames.len() + 1, depth_max, slots + 3)?;
                match parser.token() {
                    Token::ObjectEnd => Value::Table(table),
                    first => {
                        let key = key(lua, parser, first)?;
                        frames.push(Frame::Object { table, key });
                        slots += 2;
                        token = parser.token();
                        continue;
                    }
                }
            }
            Token::ArrayBegin => {
                let table = start(lua, parser, frames.len() + 1, depth_max, slots + 2)?;
                match parser.token() {
                    Token::ArrayEnd => Value::Table(table),
                    first => {
                        frames.push(Frame::Array { table, index: 1 });
                        slots += 1;
                        token = first;
                        continue;
                    }
                }
            }
            other => return Err(parser.expected("value", &other).into()),
        };
        // Give the value to its container, and that one, if it ends here, to its own.
        loop {
            match frames.last_mut() {
                None => {
                    return match parser.token() {
                        Token::End => Ok(value),
                        other => Err(parser.expected("the end", &other).into()),
                    };
                }
                Some(Frame::Object { table, key: waiting }) => {
                    table.raw_set(&*waiting, value)?;
                    match parser.token() {
                        Token::Comma => {
                            let next = parser.token();
                            *waiting = key(lua, parser, next)?;
                            token = parser.token();
                            break;
                        }
                        Token::ObjectEnd => {
                            value = Value::Table(table.clone());
                            slots -= 2;
                        }
                        other => return Err(parser.expected("comma or object end", &other).into()),
                    }
                }
                Some(Frame::Array { table, index }) => {
                    table.raw_set(*index, value)?;
                    *index += 1;
                    match parser.token() {
                        Token::Comma => {
                            token = parser.token();
                            break;
                        }
                        Token::ArrayEnd => {
                            value = Value::Table(table.clone());
                            slots -= 1;
                        }
                        other => return Err(parser.expected("comma or array end", &other).into()),
                    }
                }
            }
            frames.pop();
        }
    }
}

/// The table of a container whose bracket was just read.
fn start(lua: &Lua, parser: &Parser<'_>, depth: usize, depth_max: usize, slots: usize) -> Result<Table, Bad> {
    if depth > depth_max || slots > C_STACK_SLOTS {
        return Err(too_deep(parser, depth).into());
    }
    Ok(lua.create_table()?)
}

fn too_deep(parser: &Parser<'_>, depth: usize) -> Fail {
    Fail::here(format!("Found too many nested data structures ({depth}) at character {}", parser.at))
}

/// A key, of which `token` is the beginning, and its colon.
fn key(lua: &Lua, parser: &mut Parser<'_>, token: Token<'_>) -> Result<LuaString, Bad> {
    let Token::String(text) = token else {
        return Err(parser.expected("object key string", &token).into());
    };
    let key = lua.create_string(text)?;
    match parser.token() {
        Token::Colon => Ok(key),
        other => Err(parser.expected("colon", &other).into()),
    }
}

enum Token<'a> {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(Cow<'a, [u8]>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

struct Parser<'a> {
    text: &'a [u8],
    /// Where reading goes on.
    at: usize,
    /// Where the last token started, or for one in error, where the error is.
    start: usize,
    /// Whether numbers that JSON does not have are read.
    invalid: bool,
}

impl<'a> Parser<'a> {
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn token(&mut self) -> Token<'a> {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.start = self.at;
        let (token, len) = match self.byte(self.at) {
            b'{' => (Token::ObjectBegin, 1),
            b'}' => (Token::ObjectEnd, 1),
            b'[' => (Token::ArrayBegin, 1),
            b']' => (Token::ArrayEnd, 1),
            b',' => (Token::Comma, 1),
            b':' => (Token::Colon, 1),
            0 => (Token::End, 0),
            b'"' => return self.string(),
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

    fn string(&mut self) -> Token<'a> {
        let text = self.text;
        self.at += 1;
        let mut whole: Cow<'a, [u8]> = Cow::Borrowed(&[]);
        loop {
            let left = &text[self.at..];
            let run = left.iter().position(|b| matches!(b, b'"' | b'\\' | 0)).unwrap_or(left.len());
            if whole.is_empty() {
                whole = Cow::Borrowed(&left[..run]);
            } else {
                whole.to_mut().extend_from_slice(&left[..run]);
            }
            self.at += run;
            match left.get(run) {
                Some(b'"') => {
                    self.at += 1;
                    return Token::String(whole);
                }
                Some(b'\\') => {}
                _ => return self.error("unexpected end of string"),
            }
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
                    whole.to_mut().extend_from_slice(letter.encode_utf8(&mut bytes).as_bytes());
                    continue;
                }
                _ => return self.error("invalid escape code"),
            };
            whole.to_mut().push(plain);
            self.at += 2;
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

    fn expected(&self, what: &str, found: &Token<'_>) -> Fail {
        let found = match found {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::String(_) => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::End => "T_END",
            Token::Error(text) => text,
        };
        Fail::here(format!("Expected {what} but found {found} at character {}", self.start + 1))
    }
}
