//! The values of parameters: how each kind is read and printed, byte for byte as Redis 8.0 does, and the types that
//! stand for them in [`super::Config`].

use curfew_shard::class;
use std::borrow::Cow;
use std::fmt;

/// Why a value is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The value is wrong; the text is Redis's.
    Invalid(Cow<'static, str>),
    /// Redis would accept it, but Curfew cannot honour it, and says so rather than pretend.
    Refused(Cow<'static, str>),
}

impl Fault {
    /// The text for the client or the administrator.
    pub fn text(&self) -> &str {
        match self {
            Fault::Invalid(text) | Fault::Refused(text) => text,
        }
    }

    pub(super) fn invalid(text: impl Into<Cow<'static, str>>) -> Fault {
        Fault::Invalid(text.into())
    }
}

/// An enum whose variants have a name each, as written in redis.conf.
macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// The names in the order of the variants, which is the order in which Redis lists them in errors.
            pub const NAMES: &'static [&'static str] = &[$($text),+];
            /// The variants in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The name as CONFIG GET and INFO print it.
            #[allow(dead_code)] // not each of these types is printed by INFO
            pub fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }
        }
    };
}

named! {
    /// `maxmemory-policy`: what to evict when memory is full.
    MaxmemoryPolicy {
        /// Least recently used among the keys with a deadline.
        VolatileLru = "volatile-lru",
        /// Least frequently used among the keys with a deadline.
        VolatileLfu = "volatile-lfu",
        /// Any key with a deadline.
        VolatileRandom = "volatile-random",
        /// The key with the nearest deadline.
        VolatileTtl = "volatile-ttl",
        /// Least recently used among all keys.
        AllkeysLru = "allkeys-lru",
        /// Least frequently used among all keys.
        AllkeysLfu = "allkeys-lfu",
        /// Any key.
        AllkeysRandom = "allkeys-random",
        /// Nothing: writes that need memory are refused.
        Noeviction = "noeviction",
    }
}

named! {
    /// `loglevel`: the least severity that is logged.
    LogLevel {
        /// Everything.
        Debug = "debug",
        /// Much detail.
        Verbose = "verbose",
        /// What one wants to know in production.
        Notice = "notice",
        /// Only what is important or critical.
        Warning = "warning",
        /// Nothing at all.
        Nothing = "nothing",
    }
}

/// A password. Printed by CONFIG GET, as in Redis, but never by `Debug`, so that it cannot slip into a log.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(redacted)" })
    }
}

/// `notify-keyspace-events`: which events are published, as bits of [`class`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NotifyFlags(pub u32);

impl NotifyFlags {
    /// The classes that `A` stands for when all are there, in the order in which Redis prints them. `n` is the odd one:
    /// it is not part of `A`, but Redis prints it in the long form only (`KEAn` reads back as `AKE`).
    const CLASSES: [(u8, u32); 11] = [
        (b'g', class::GENERIC),
        (b'$', class::STRING),
        (b'l', class::LIST),
        (b's', class::SET),
        (b'h', class::HASH),
        (b'z', class::ZSET),
        (b'x', class::EXPIRED),
        (b'e', class::EVICTED),
        (b't', class::STREAM),
        (b'd', class::MODULE),
        (b'n', class::NEW),
    ];
    const CHANNELS: [(u8, u32); 3] = [(b'K', class::KEYSPACE), (b'E', class::KEYEVENT), (b'm', class::KEY_MISS)];

    /// Whether any of `flags` is on.
    pub fn has(self, flags: u32) -> bool {
        self.0 & flags != 0
    }

    /// Reads the characters in any order. `None` for one that is unknown.
    pub fn parse(text: &[u8]) -> Option<NotifyFlags> {
        let mut flags = 0;
        for byte in text {
            flags |= match byte {
                b'A' => class::ALL,
                _ => Self::CLASSES.iter().chain(&Self::CHANNELS).find(|(name, _)| name == byte)?.1,
            };
        }
        Some(NotifyFlags(flags))
    }

    /// As [`NotifyFlags::format`], and with an `n` behind it where that leaves it out.
    pub fn format_all(self) -> String {
        let mut text = self.format();
        if self.has(class::NEW) && !text.contains('n') {
            text.push('n');
        }
        text
    }

    /// The characters in Redis's order.
    pub fn format(self) -> String {
        let mut text = String::new();
        if self.0 & class::ALL == class::ALL {
            text.push('A');
        } else {
            text.extend(Self::CLASSES.iter().filter(|(_, bit)| self.has(*bit)).map(|(name, _)| char::from(*name)));
        }
        text.extend(Self::CHANNELS.iter().filter(|(_, bit)| self.has(*bit)).map(|(name, _)| char::from(*name)));
        text
    }
}

/// How much output may wait for a client of one class before it is cut off. 0 means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferLimit {
    /// Cut off at once beyond so many bytes.
    pub hard_bytes: u64,
    /// Cut off when beyond so many bytes for `soft_seconds` on end.
    pub soft_bytes: u64,
    /// See `soft_bytes`.
    pub soft_seconds: u32,
}

/// `client-output-buffer-limit`, for each class of client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferLimits {
    /// Clients that are nothing below.
    pub normal: BufferLimit,
    /// Replicas.
    pub replica: BufferLimit,
    /// Subscribers.
    pub pubsub: BufferLimit,
}

impl Default for BufferLimits {
    fn default() -> BufferLimits {
        let limit = |hard_bytes, soft_bytes, soft_seconds| BufferLimit { hard_bytes, soft_bytes, soft_seconds };
        BufferLimits {
            normal: limit(0, 0, 0),
            replica: limit(256 << 20, 64 << 20, 60),
            pubsub: limit(32 << 20, 8 << 20, 60),
        }
    }
}

impl BufferLimits {
    /// These limits with the classes named in `words` (class, hard, soft, seconds, and so on) replaced.
    pub fn with(mut self, words: &[&[u8]]) -> Result<BufferLimits, Fault> {
        if !words.len().is_multiple_of(4) {
            return Err(Fault::invalid("Wrong number of arguments in buffer limit configuration."));
        }
        for group in words.chunks_exact(4) {
            let class = match group[0].to_ascii_lowercase().as_slice() {
                b"normal" => &mut self.normal,
                b"slave" | b"replica" => &mut self.replica,
                b"pubsub" => &mut self.pubsub,
                _ => {
                    return Err(Fault::invalid("Invalid client class specified in buffer limit configuration."));
                }
            };
            let (Some(hard_bytes), Some(soft_bytes), Some(soft_seconds)) =
                (parse_memory(group[1]), parse_memory(group[2]), parse_seconds(group[3]))
            else {
                return Err(Fault::invalid(
                    "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
                ));
            };
            *class = BufferLimit { hard_bytes, soft_bytes, soft_seconds };
        }
        Ok(self)
    }

    /// The form of CONFIG GET, which calls the replicas slaves.
    pub fn format(&self) -> String {
        let one = |name, limit: &BufferLimit| {
            format!("{name} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
        };
        [one("normal", &self.normal), one("slave", &self.replica), one("pubsub", &self.pubsub)].join(" ")
    }

    /// The classes with their names in files.
    pub fn classes(&self) -> [(&'static str, BufferLimit); 3] {
        [("normal", self.normal), ("replica", self.replica), ("pubsub", self.pubsub)]
    }
}

/// `yes` or `no`, case ignored.
pub fn parse_bool(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"yes") {
        Some(true)
    } else if text.eq_ignore_ascii_case(b"no") {
        Some(false)
    } else {
        None
    }
}

/// A decimal integer in its one canonical form: no blanks, no `+`, no leading zeros, no `-0`.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let value: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (value.to_string().as_bytes() == text).then_some(value)
}

/// Bytes with an optional unit: `b`, `k` (1000), `kb` (1024), `m`, `mb`, `g`, `gb`, case ignored. No digits mean 0, as
/// in Redis. Where Redis wraps around past 64 bits (`17179869184gb` is 0 there, which means "no limit"), this
/// saturates.
pub fn parse_memory(text: &[u8]) -> Option<u64> {
    let digits = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match text[digits..].to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    // Redis copies the digits into a buffer of 128 bytes.
    if digits >= 128 {
        return None;
    }
    let number =
        text[..digits].iter().fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(number.saturating_mul(unit))
}

/// Octal digits with an optional sign. No digits mean 0.
pub fn parse_octal(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] if !digits.is_empty() => (-1, digits),
        [b'+', digits @ ..] if !digits.is_empty() => (1, digits),
        digits => (1, digits),
    };
    let mut value: i64 = 0;
    for digit in digits {
        if !(b'0'..=b'7').contains(digit) {
            return None;
        }
        value = value.checked_mul(8)?.checked_add(i64::from(digit - b'0'))?;
    }
    Some(sign * value)
}

/// Bytes with the largest unit that divides them, as CONFIG REWRITE prints them.
pub fn format_memory(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")] {
        if bytes != 0 && bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    bytes.to_string()
}

/// Seconds of a soft limit: unlike other integers with `+` and leading zeros allowed. Redis lets values past 32 bits
/// wrap around; they are errors here.
fn parse_seconds(text: &[u8]) -> Option<u32> {
    let value: i32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    u32::try_from(value).ok()
}

/// The system's text for an I/O error, as strerror() gives it.
pub fn system_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory() {
        for (text, expected) in [
            ("0", Some(0)),
            ("", Some(0)),
            ("k", Some(0)),
            ("1b", Some(1)),
            ("1k", Some(1000)),
            ("1kB", Some(1024)),
            ("1m", Some(1_000_000)),
            ("1MB", Some(1 << 20)),
            ("1G", Some(1_000_000_000)),
            ("1gb", Some(1 << 30)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", Some(u64::MAX)),
            ("17179869184gb", Some(u64::MAX)),
            ("-1", None),
            (" 1", None),
            ("1 ", None),
            ("1.5gb", None),
            ("1tb", None),
            ("1%", None),
            ("1kk", None),
            ("x", None),
        ] {
            assert_eq!(parse_memory(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(parse_memory(&[b'0'; 127]), Some(0));
        assert_eq!(parse_memory(&[b'0'; 128]), None);
    }

    #[test]
    fn memory_prints_and_reads_back() {
        for (bytes, text) in
            [(0, "0"), (1, "1"), (1024, "1kb"), (2000000, "2000000"), (34603008, "33mb"), (2 << 30, "2gb")]
        {
            assert_eq!(format_memory(bytes), text);
            assert_eq!(parse_memory(text.as_bytes()), Some(bytes));
        }
    }

    #[test]
    fn integers() {
        for (text, expected) in [
            ("0", Some(0)),
            ("5", Some(5)),
            ("-5", Some(-5)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("05", None),
            ("+5", None),
            ("-0", None),
            ("", None),
            (" 5", None),
            ("5x", None),
        ] {
            assert_eq!(parse_integer(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn octal() {
        for (text, expected) in
            [("700", Some(0o700)), ("", Some(0)), ("-1", Some(-1)), ("8", None), ("1777", Some(0o1777)), ("-", None)]
        {
            assert_eq!(parse_octal(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn notify_flags_are_normalised() {
        for (text, expected) in [
            ("KEA", "AKE"),
            ("KEg$lshzxetdmn", "AKEm"),
            ("nmdtexzhsl$gEK", "AKEm"),
            ("Am", "Am"),
            ("g$lshzxetd", "A"),
            ("g$lshzxet", "g$lshzxet"),
            ("KEAnm", "AKEm"),
            ("KEmnxe", "xenKEm"),
            ("", ""),
        ] {
            assert_eq!(
                NotifyFlags::parse(text.as_bytes()).map(NotifyFlags::format).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        assert_eq!(NotifyFlags::parse(b"q"), None);
        assert_eq!(NotifyFlags::parse(b"K "), None);
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Secret(b"hunter2".to_vec())), "(redacted)");
    }
}
