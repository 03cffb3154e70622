//! A reply as a value: every RESP2 and RESP3 type kept apart, nothing lost on the way.
//!
//! The reader is our own rather than the redis-protocol crate's, because that one keeps doubles as numbers and maps as
//! hash tables, and the tests compare texts and orders. [`super::Client`] checks each small reply with the crate too.

use std::fmt;

/// A reply, or a push message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reply {
    /// `+OK`
    Simple(Vec<u8>),
    /// `-ERR ...`, without the dash
    Error(Vec<u8>),
    /// `:1`
    Int(i64),
    /// `$3`
    Bulk(Vec<u8>),
    /// `$-1`, RESP2's null
    NullBulk,
    /// `*-1`, RESP2's other null
    NullArray,
    /// `_`, RESP3's null
    Null,
    /// `*2`
    Array(Vec<Reply>),
    /// `%2`, pairs in the order sent
    Map(Vec<(Reply, Reply)>),
    /// `~2`, members in the order sent
    Set(Vec<Reply>),
    /// `>2`
    Push(Vec<Reply>),
    /// `,1.5`, the text as sent
    Double(Vec<u8>),
    /// `#t`
    Bool(bool),
    /// `(123`, the text as sent
    BigNumber(Vec<u8>),
    /// `=7 txt:abc`: format and text
    Verbatim(Vec<u8>, Vec<u8>),
    /// `!3`
    BlobError(Vec<u8>),
    /// `|1`: the attributes, then what they belong to
    Attribute(Vec<(Reply, Reply)>, Box<Reply>),
}

impl Reply {
    /// The status reply `text`.
    pub fn simple(text: &str) -> Self {
        Self::Simple(text.into())
    }

    /// `+OK`.
    pub fn ok() -> Self {
        Self::simple("OK")
    }

    /// The bulk string `text`.
    pub fn bulk(text: impl AsRef<[u8]>) -> Self {
        Self::Bulk(text.as_ref().to_vec())
    }

    /// The error `text`.
    pub fn error(text: &str) -> Self {
        Self::Error(text.into())
    }

    /// Whether this is an error of either kind.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_) | Self::BlobError(_))
    }

    /// Whether this is any of the three nulls.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::NullBulk | Self::NullArray)
    }

    /// The number.
    ///
    /// # Panics
    /// Where the reply is no integer.
    #[track_caller]
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            other => panic!("expected an integer, got {other}"),
        }
    }

    /// The text of a string, status, error or verbatim reply, invalid UTF-8 replaced.
    ///
    /// # Panics
    /// Where the reply is none of these.
    #[track_caller]
    pub fn text(&self) -> String {
        match self {
            Self::Simple(text)
            | Self::Error(text)
            | Self::Bulk(text)
            | Self::BlobError(text)
            | Self::Verbatim(_, text)
            | Self::Double(text)
            | Self::BigNumber(text) => String::from_utf8_lossy(text).into_owned(),
            other => panic!("expected a text, got {other}"),
        }
    }

    /// The items of an array, set or push.
    ///
    /// # Panics
    /// Where the reply is none of these.
    #[track_caller]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) | Self::Set(items) | Self::Push(items) => items,
            other => panic!("expected an array, got {other}"),
        }
    }

    /// Reads one reply from the start of `input`: the reply and its length, or `None` where more bytes are needed.
    ///
    /// # Errors
    /// Where the bytes are no RESP, with what is wrong.
    pub fn read(input: &[u8]) -> Result<Option<(Self, usize)>, String> {
        let mut at = 0;
        let reply = read_value(input, &mut at)?;
        Ok(reply.map(|reply| (reply, at)))
    }
}

fn read_line<'a>(input: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let rest = &input[*at..];
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    *at += end + 2;
    Some(&rest[..end])
}

fn number(line: &[u8]) -> Result<i64, String> {
    let text = std::str::from_utf8(line).map_err(|_| format!("a number of strange bytes: {line:?}"))?;
    let canonical = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    canonical.ok_or_else(|| format!("not a number: {text:?}"))
}

fn read_value(input: &[u8], at: &mut usize) -> Result<Option<Reply>, String> {
    let Some(line) = read_line(input, at) else {
        return Ok(None);
    };
    let Some((&kind, line)) = line.split_first() else {
        return Err("an empty line for a reply".into());
    };
    let length = || number(line).and_then(|n| usize::try_from(n).map_err(|_| format!("negative length {n}")));
    Ok(Some(match kind {
        b'+' => Reply::Simple(line.to_vec()),
        b'-' => Reply::Error(line.to_vec()),
        b':' => Reply::Int(number(line)?),
        b',' => Reply::Double(line.to_vec()),
        b'(' => Reply::BigNumber(line.to_vec()),
        b'_' if line.is_empty() => Reply::Null,
        b'#' if line == b"t" => Reply::Bool(true),
        b'#' if line == b"f" => Reply::Bool(false),
        b'$' if line == b"-1" => Reply::NullBulk,
        b'*' if line == b"-1" => Reply::NullArray,
        b'$' | b'=' | b'!' => {
            let length = length()?;
            let end = *at + length;
            if input.len() < end + 2 {
                return Ok(None);
            }
            let body = input[*at..end].to_vec();
            if &input[end..end + 2] != b"\r\n" {
                return Err(format!("no line end after a string of {length} bytes"));
            }
            *at = end + 2;
            match kind {
                b'$' => Reply::Bulk(body),
                b'!' => Reply::BlobError(body),
                _ if body.get(3) == Some(&b':') => Reply::Verbatim(body[..3].to_vec(), body[4..].to_vec()),
                _ => return Err("a verbatim string without its format".into()),
            }
        }
        b'*' | b'~' | b'>' => {
            let length = length()?;
            let mut items = Vec::with_capacity(length.min(1024));
            for _ in 0..length {
                let Some(item) = read_value(input, at)? else {
                    return Ok(None);
                };
                items.push(item);
            }
            match kind {
                b'*' => Reply::Array(items),
                b'~' => Reply::Set(items),
                _ => Reply::Push(items),
            }
        }
        b'%' | b'|' => {
            let mut pairs = Vec::new();
            for _ in 0..length()? {
                let Some(key) = read_value(input, at)? else {
                    return Ok(None);
                };
                let Some(value) = read_value(input, at)? else {
                    return Ok(None);
                };
                pairs.push((key, value));
            }
            if kind == b'%' {
                Reply::Map(pairs)
            } else {
                let Some(owner) = read_value(input, at)? else {
                    return Ok(None);
                };
                Reply::Attribute(pairs, Box::new(owner))
            }
        }
        _ => {
            return Err(format!(
                "no reply starts like this: {:?}",
                String::from_utf8_lossy(&input[..input.len().min(60)])
            ));
        }
    }))
}

/// Writes bytes as redis-cli quotes them, cut in the middle where they are long.
pub fn quoted(bytes: &[u8]) -> String {
    if bytes.len() > 400 {
        let tail = &bytes[bytes.len() - 40..];
        return format!("{}... ({} bytes) ...{}", quoted(&bytes[..40]), bytes.len(), quoted(tail));
    }
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_indented(f, self, 0)
    }
}

fn write_indented(f: &mut fmt::Formatter<'_>, reply: &Reply, indent: usize) -> fmt::Result {
    let lossy = String::from_utf8_lossy;
    match reply {
        Reply::Simple(text) => write!(f, "{}", lossy(text)),
        Reply::Error(text) => write!(f, "(error) {}", lossy(text)),
        Reply::BlobError(text) => write!(f, "(blob error) {}", lossy(text)),
        Reply::Int(number) => write!(f, "(integer) {number}"),
        Reply::Bulk(text) => write!(f, "{}", quoted(text)),
        Reply::NullBulk => write!(f, "(nil)"),
        Reply::NullArray => write!(f, "(nil array)"),
        Reply::Null => write!(f, "(null)"),
        Reply::Double(text) => write!(f, "(double) {}", lossy(text)),
        Reply::Bool(value) => write!(f, "({value})"),
        Reply::BigNumber(text) => write!(f, "(big number) {}", lossy(text)),
        Reply::Verbatim(format, text) => write!(f, "({}) {}", lossy(format), quoted(text)),
        Reply::Array(items) => write_items(f, "array", items.iter().collect(), indent),
        Reply::Set(items) => write_items(f, "set", items.iter().collect(), indent),
        Reply::Push(items) => write_items(f, "push", items.iter().collect(), indent),
        Reply::Map(pairs) => {
            write_items(f, "map", pairs.iter().flat_map(|(key, value)| [key, value]).collect(), indent)
        }
        Reply::Attribute(pairs, owner) => {
            write_items(f, "attribute", pairs.iter().flat_map(|(key, value)| [key, value]).collect(), indent)?;
            write!(f, "\n{:indent$}of ", "")?;
            write_indented(f, owner, indent + 3)
        }
    }
}

fn write_items(f: &mut fmt::Formatter<'_>, name: &str, items: Vec<&Reply>, indent: usize) -> fmt::Result {
    if items.is_empty() {
        return write!(f, "(empty {name})");
    }
    if name != "array" {
        write!(f, "({name}) ")?;
    }
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            write!(f, "\n{:indent$}", "")?;
        }
        write!(f, "{}) ", index + 1)?;
        write_indented(f, item, indent + 3)?;
    }
    Ok(())
}
