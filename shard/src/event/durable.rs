//! Durable events: what is kept of them in streams and lists of the server's own (`docs/events.md`), and how it is written.
//!
//! A unit collects records while a command runs; [`crate::Unit::append_events`] appends them when the command is over.

use crate::slots::shard_of;

/// Most bytes of a value that an event carries.
pub const VALUE_MAX: usize = 4096;

/// Events of keys longer than this are dropped: an entry of a stream has to fit in a node.
pub(crate) const KEY_MAX: usize = 1 << 29;

/// What is recorded, and where: the part of the configuration that is about durable events.
///
/// Whoever replays a journal does it with [`Recording::default`]: what was appended then is in the journal.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Classes of events, as bits of [`crate::class`]; 0 where there is neither stream nor list. The one thing that the path
    /// of an event looks at while recording is off.
    pub classes: u32,
    /// Whether events of strings that went carry the value.
    pub values: bool,
    /// About how many entries each stream keeps, and how many elements each list; 0 for no limit.
    pub max_len: u64,
    /// The keys of the streams in database 0, in the order of the shards; none: off.
    pub streams: Vec<Box<[u8]>>,
    /// The keys of the lists, likewise.
    pub lists: Vec<Box<[u8]>>,
}

impl Recording {
    /// Streams called `stream` and lists called `list`; an empty name means none. Names have no `{`.
    pub fn new(stream: &[u8], list: &[u8], classes: u32, values: bool, max_len: u64, shards: usize) -> Recording {
        let (streams, lists) = (keys(stream, shards), keys(list, shards));
        let on = !streams.is_empty() || !lists.is_empty();
        Recording { classes: if on { classes } else { 0 }, values: on && values, max_len, streams, lists }
    }

    /// Whether a key of database 0 on `shard` is one that events are appended to: what happens to it is never recorded.
    pub(crate) fn is_own(&self, shard: u16, key: &[u8]) -> bool {
        let is = |keys: &[Box<[u8]>]| keys.get(usize::from(shard)).is_some_and(|own| **own == *key);
        is(&self.streams) || is(&self.lists)
    }
}

/// One key for each shard: `name:{tag}` with the smallest number as the tag that leads to it.
fn keys(name: &[u8], shards: usize) -> Vec<Box<[u8]>> {
    if name.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<Option<Box<[u8]>>> = vec![None; shards];
    let mut missing = shards;
    // A shard has at least 256 of the 16384 slots, and numbers reach all slots soon.
    for tag in 0_u32.. {
        if missing == 0 {
            break;
        }
        let key = [name, b":{", tag.to_string().as_bytes(), b"}"].concat();
        let place = &mut found[shard_of(&key, shards)];
        if place.is_none() {
            *place = Some(key.into());
            missing -= 1;
        }
    }
    found.into_iter().flatten().collect()
}

/// One event to be appended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    /// The shard of its key.
    pub shard: u16,
    /// `set`, `del`, `expired`, ...
    pub name: &'static str,
    /// The key's database.
    pub db: u32,
    /// The key.
    pub key: Box<[u8]>,
    /// When it was due, in Unix milliseconds, for what went at a deadline.
    pub deadline: Option<i64>,
    /// The string that went.
    pub value: Option<Excerpt>,
}

/// A string that went, or the beginning of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Excerpt {
    bytes: Box<[u8]>,
    is_cut: bool,
}

impl Excerpt {
    pub fn new(value: &[u8]) -> Excerpt {
        Excerpt { bytes: value[..value.len().min(VALUE_MAX)].into(), is_cut: value.len() > VALUE_MAX }
    }
}

/// What a unit collects.
#[derive(Default)]
pub struct Records {
    pub(crate) pending: Vec<Record>,
    /// The string that was removed last: that of the event that follows.
    pub(crate) gone: Option<(usize, Box<[u8]>, Excerpt)>,
}

impl Records {
    /// Whether there is nothing to be appended.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

impl Record {
    /// Hands out fields and values in turn, as they stand in an entry of a stream. `now` is Unix time in milliseconds.
    pub fn with_fields<T>(&self, now: i64, take: impl FnOnce(&[&[u8]]) -> T) -> T {
        let mut digits: [itoa::Buffer; 3] = Default::default();
        let [db, deadline, lag] = &mut digits;
        let mut fields: [&[u8]; 14] = [b""; 14];
        fields[..6].copy_from_slice(&[
            b"event",
            self.name.as_bytes(),
            b"db",
            db.format(self.db).as_bytes(),
            b"key",
            &self.key,
        ]);
        let mut len = 6;
        if let Some(at) = self.deadline {
            fields[len..len + 4].copy_from_slice(&[
                b"deadline",
                deadline.format(at).as_bytes(),
                b"lag",
                lag.format(now.saturating_sub(at)).as_bytes(),
            ]);
            len += 4;
        }
        if let Some(value) = &self.value {
            fields[len..len + 2].copy_from_slice(&[b"value", &value.bytes]);
            len += 2;
            if value.is_cut {
                fields[len..len + 2].copy_from_slice(&[b"value-truncated", b"1"]);
                len += 2;
            }
        }
        take(&fields[..len])
    }

    /// The event as an element of a list: a JSON object in one line, its members in this order. What is not UTF-8 is base64,
    /// in a member with `-base64` behind its name.
    pub fn to_json(&self, now: i64) -> Vec<u8> {
        let mut text = String::with_capacity(96 + self.key.len());
        text.push_str("{\"event\":\"");
        text.push_str(self.name);
        text.push_str("\",\"db\":");
        number(&mut text, self.db.into());
        bytes(&mut text, "key", &self.key, false);
        text.push_str(",\"time\":");
        number(&mut text, now);
        if let Some(at) = self.deadline {
            text.push_str(",\"deadline\":");
            number(&mut text, at);
            text.push_str(",\"lag\":");
            number(&mut text, now.saturating_sub(at));
        }
        if let Some(value) = &self.value {
            bytes(&mut text, "value", &value.bytes, value.is_cut);
            if value.is_cut {
                text.push_str(",\"value-truncated\":1");
            }
        }
        text.push('}');
        text.into_bytes()
    }
}

fn number(text: &mut String, number: i64) {
    text.push_str(itoa::Buffer::new().format(number));
}

/// One member of an object with bytes as its value. The end of a text that was cut in the middle of a character is left out.
fn bytes(text: &mut String, name: &str, bytes: &[u8], is_cut: bool) {
    text.push_str(",\"");
    text.push_str(name);
    let whole = match std::str::from_utf8(bytes) {
        Ok(whole) => Some(whole),
        Err(error) if is_cut && error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
        Err(_) => None,
    };
    match whole {
        Some(whole) => {
            text.push_str("\":\"");
            escape(text, whole);
        }
        None => {
            text.push_str("-base64\":\"");
            base64(text, bytes);
        }
    }
    text.push('"');
}

/// What JSON wants escaped, and nothing else.
fn escape(text: &mut String, plain: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for letter in plain.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0'..='\x1f' => {
                let code = letter as usize;
                text.push_str("\\u00");
                text.extend([char::from(HEX[code >> 4]), char::from(HEX[code & 15])]);
            }
            _ => text.push(letter),
        }
    }
}

/// RFC 4648, section 4.
fn base64(text: &mut String, bytes: &[u8]) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let at = |place: usize| usize::from(chunk.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = LETTERS[bits >> (18 - 6 * place) & 63];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shard_has_the_smallest_tag() {
        assert_eq!(keys(b"", 4), Vec::<Box<[u8]>>::new());
        assert_eq!(keys(b"ev", 1), [Box::from(b"ev:{0}".as_slice())]);
        for shards in [2, 3, 16, 64] {
            let keys = keys(b"ev", shards);
            assert_eq!(keys.len(), shards);
            for (shard, key) in keys.iter().enumerate() {
                assert_eq!(shard_of(key, shards), shard);
                let tag: u32 = String::from_utf8_lossy(&key[4..key.len() - 1]).parse().expect("a number");
                assert!((0..tag).all(|less| shard_of(format!("ev:{{{less}}}").as_bytes(), shards) != shard));
            }
        }
    }

    #[test]
    fn nothing_is_recorded_without_a_name() {
        let off = Recording::new(b"", b"", u32::MAX, true, 5, 4);
        assert_eq!((off.classes, off.values), (0, false));
        let on = Recording::new(b"", b"q", 8, true, 5, 4);
        assert_eq!((on.classes, on.values, on.streams.len(), on.lists.len()), (8, true, 0, 4));
    }

    fn record(key: &[u8], value: Option<&[u8]>, deadline: Option<i64>) -> Record {
        Record { shard: 0, name: "del", db: 3, key: key.into(), deadline, value: value.map(Excerpt::new) }
    }

    #[test]
    fn elements_of_lists_are_json() {
        let json = |record: Record| String::from_utf8(record.to_json(1_000)).expect("text");
        assert_eq!(json(record(b"k", None, None)), r#"{"event":"del","db":3,"key":"k","time":1000}"#);
        assert_eq!(
            json(record(b"a \"b\"\\\n\x01\xc3\xa9", Some(b"\xff\x00"), Some(990))),
            "{\"event\":\"del\",\"db\":3,\"key\":\"a \\\"b\\\"\\\\\\n\\u0001\u{e9}\",\"time\":1000,\
             \"deadline\":990,\"lag\":10,\"value-base64\":\"/wA=\"}"
        );
        let long = "é".repeat(VALUE_MAX);
        let cut = json(record(b"k", Some(&[b"x", long.as_bytes()].concat()), None));
        let kept = format!("x{}", "é".repeat(VALUE_MAX / 2 - 1));
        assert!(cut.ends_with(&format!("\"value\":\"{kept}\",\"value-truncated\":1}}")));
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            let mut text = String::new();
            base64(&mut text, plain.as_bytes());
            assert_eq!(text, coded);
        }
    }

    #[test]
    fn entries_of_streams_have_the_fields_that_apply() {
        let fields = |record: Record| {
            record.with_fields(1_000, |fields| {
                fields.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect::<Vec<_>>().join(" ")
            })
        };
        assert_eq!(fields(record(b"k", None, None)), "event del db 3 key k");
        assert_eq!(fields(record(b"k", Some(b"v"), Some(993))), "event del db 3 key k deadline 993 lag 7 value v");
        let long = fields(record(b"k", Some(&[b'x'; VALUE_MAX + 1]), None));
        assert!(long.ends_with("x value-truncated 1"));
        assert_eq!(long.len(), "event del db 3 key k value  value-truncated 1".len() + VALUE_MAX);
    }
}
