//! A small language for commands to be generated.
//!
//! A line is words with `<generators>` among them: `SET <k> <v> [ NX | XX ]`. Brackets, set off by spaces, group:
//! `( a | b )` is one of several, `[ a | b ]` the same or nothing, `{ a | b }` up to three of them, `+{ a }` one to four.
//! `;` starts another command, and `@1` at a command's start says which connection sends it (0 where nothing is said).

use super::session::Step;
use super::support::Random;

/// A parsed line.
#[derive(Debug)]
pub struct Line {
    commands: Vec<(usize, Node)>,
}

#[derive(Debug)]
enum Node {
    Word(Vec<u8>),
    Generator(String),
    All(Vec<Node>),
    OneOf(Vec<Node>),
    Repeated(usize, usize, Box<Node>),
}

impl Line {
    /// Parses a line.
    ///
    /// # Panics
    /// Where brackets do not match or a generator does not exist: the grammars are ours.
    pub fn parse(text: &str) -> Self {
        let commands = text
            .split(" ; ")
            .map(|command| {
                let mut words: Vec<&str> = command.split_whitespace().collect();
                let connection =
                    words[0].strip_prefix('@').map(|digits| digits.parse().expect("a connection's number"));
                if connection.is_some() {
                    words.remove(0);
                }
                let mut at = 0;
                let node = parse_alternatives(&words, &mut at, None);
                assert_eq!(at, words.len(), "unmatched bracket in {text}");
                (connection.unwrap_or(0), node)
            })
            .collect();
        Self { commands }
    }

    /// Random commands of this form.
    pub fn generate(&self, random: &mut Random) -> Vec<Step> {
        let command = |(connection, node): &(usize, Node)| {
            let mut args = Vec::new();
            write(node, random, &mut args);
            Step { connection: *connection, args }
        };
        self.commands.iter().map(command).collect()
    }
}

fn parse_alternatives(words: &[&str], at: &mut usize, close: Option<&str>) -> Node {
    let mut alternatives = Vec::new();
    let mut current = Vec::new();
    while *at < words.len() && Some(words[*at]) != close {
        let word = words[*at];
        *at += 1;
        let mut group = |close| {
            let node = parse_alternatives(words, at, Some(close));
            assert_eq!(words.get(*at), Some(&close), "a bracket is not closed in {words:?}");
            *at += 1;
            Box::new(node)
        };
        current.push(match word {
            "|" => {
                alternatives.push(Node::All(std::mem::take(&mut current)));
                continue;
            }
            "(" => *group(")"),
            "[" => Node::Repeated(0, 1, group("]")),
            "{" => Node::Repeated(0, 3, group("}")),
            "+{" => Node::Repeated(1, 4, group("}")),
            "\"\"" => Node::Word(Vec::new()),
            _ => match word.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
                Some(name) => {
                    value(name, &mut Random::new(0)); // to know now that it exists
                    Node::Generator(name.to_owned())
                }
                None => Node::Word(word.as_bytes().to_vec()),
            },
        });
    }
    alternatives.push(Node::All(current));
    if alternatives.len() == 1 { alternatives.remove(0) } else { Node::OneOf(alternatives) }
}

fn write(node: &Node, random: &mut Random, out: &mut Vec<Vec<u8>>) {
    match node {
        Node::Word(word) => out.push(word.clone()),
        Node::Generator(name) => out.push(value(name, random)),
        Node::All(nodes) => nodes.iter().for_each(|node| write(node, random, out)),
        Node::OneOf(nodes) => write(&nodes[random.below(nodes.len())], random, out),
        Node::Repeated(least, most, node) => {
            let count = least + random.below(most - least + 1);
            (0..count).for_each(|_| write(node, random, out));
        }
    }
}

/// Keys: few, so that commands meet; some share a slot by their hash tag, some look odd. l, h, s, z and x hold other types
/// where the servers have them.
const KEYS: &[&str] =
    &["a", "b", "c", "d", "e", "{t}1", "{t}2", "{t}3", "{u}1", "{u}2", "{}x", "{", "a b", "l", "h", "s", "z", "x"];

const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "3",
    "5",
    "7",
    "8",
    "10",
    "-3",
    "100",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "9223372036854775806",
    "18446744073709551615",
    "4294967296",
    "2147483648",
    "-2147483649",
    "00",
    "+1",
    "-0",
    " 1",
    "1 ",
    "1.0",
    "0x10",
    "1e2",
    "abc",
    "",
    "12345678901234567890123456789012345678901234567890",
];

const FLOATS: &[&str] = &[
    "0",
    "1",
    "-1",
    "0.1",
    "0.2",
    "1.5",
    "-2.75",
    "3.0e3",
    "5.0e-1",
    "1e17",
    "1e-17",
    "1e300",
    "1e400",
    "-1e4932",
    "inf",
    "-inf",
    "+inf",
    "nan",
    "infinity",
    "abc",
    "",
    " 1",
    "1 ",
    "0x1p3",
    "123456789.123456789",
    "0.30000000000000004",
    "-0",
    "99999999999999999999",
    "1.7976931348623157e308",
    "4.9e-324",
    "3,5",
];

/// Nobody can compare what happens in the middle of a second: relative times are long past or far away. What expires
/// really is `~EXPIRE`.
const RELATIVE_SECONDS: &[&str] = &[
    "100",
    "1000",
    "5000",
    "1000000",
    "0",
    "-1",
    "-100",
    "9223372036854775",
    "9223372036854775807",
    "9223372036854776",
    "-9223372036854775808",
    "abc",
    "",
    "1.5",
    "100 ",
];
const RELATIVE_MS: &[&str] = &[
    "100000",
    "2000000",
    "5000000",
    "0",
    "-1",
    "-100000",
    "9223372036854775807",
    "9223370000000000000",
    "-9223372036854775808",
    "abc",
    "",
    "1.5",
];
const ABSOLUTE_SECONDS: &[&str] = &[
    "4000000000",
    "4000000001",
    "33177117420",
    "9000000000",
    "0",
    "1",
    "-1",
    "1000000000",
    "9223372036854775",
    "9223372036854775807",
    "-9223372036854775808",
    "abc",
    "",
];
const ABSOLUTE_MS: &[&str] = &[
    "4000000000000",
    "4000000000001",
    "4000000000999",
    "33177117420000",
    "0",
    "1",
    "-1",
    "1000000000000",
    "9223372036854775807",
    "-9223372036854775808",
    "abc",
    "",
];

/// For RESTORE: sealed values of this and of older versions, an empty list, a later version, a wrong checksum, no type, rubbish.
const PAYLOADS: &[&[u8]] = &[
    b"\x00\xc0\x0a\x0c\x00\xa5\xe9c\x85\xf4\x84\xfd\xf2",
    b"\x00\x05hello\x0c\x00\xa8\x04\xeb\xb6\x9f\x1e\xbeC",
    b"\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00\x0c\x00\xa4\x0f\x0cq\xce\xc1\xbeg",
    b"\x12\x00\x0c\x00\xa2\x80\xb0\x9b\x901!\x1e",
    b"\x00\x05hello\x0d\x00\xc1\xdbV\xc5b\x81W\xca",
    b"\x00\x05hello\x09\x00\xb3\x80\x8e\xba1\xb2C\xbb",
    b"\x01\x02\x01a\xc0\x0c\x0c\x00\xd3\xd0\xe4~\xd5\xce*Z",
    b"\x02\x02\x01b\x01c\x06\x00\xf4\xd6\xe2\xc7\xab)\x1e5",
    b"\x03\x02\x01a\x03-15\x01b\xfe\x0c\x00\xaa\x88D\x05\xb9\x8b\x8d\xeb",
    b"\x04\x01\x01f\x01v\x0c\x00f\x84w\x96K\xac\x90\xb5",
    b"\x00\x05hello\x0c\x00\xa8\x04\xeb\xb6\x9f\x1e\xbe\x00",
    b"\x1f\x00\x0c\x00\xf6\x1c\x96\x96\x8an\x98=",
    b"",
    b"hello world",
];

/// Offsets into strings and bitmaps: no larger than what both servers can allocate in a moment, or too large by far.
const OFFSETS: &[&str] = &[
    "0",
    "1",
    "2",
    "5",
    "7",
    "8",
    "9",
    "15",
    "16",
    "31",
    "63",
    "64",
    "100",
    "1000",
    "10007",
    "-1",
    "-2",
    "-5",
    "-100",
    "4294967296",
    "536870912",
    "9223372036854775807",
    "-9223372036854775808",
    "abc",
    "",
];

const GLOBS: &[&str] = &[
    "*",
    "a",
    "?",
    "[a-c]",
    "[^a]",
    "{t}*",
    "*b*",
    "\\*",
    "[a",
    "a*",
    "",
    "[b-a]",
    "**",
    "?[0-9]",
    "h[a-e]llo",
    "__key*",
];

const STREAM_IDS: &[&str] = &[
    "1-1",
    "1-2",
    "2-0",
    "2-1",
    "5-1",
    "5-2",
    "7-0",
    "7-1",
    "9-0",
    "9-1",
    "9-2",
    "9-3",
    "0",
    "0-0",
    "0-1",
    "0-*",
    "5",
    "9",
    "10-1",
    "-",
    "+",
    "(",
    "$",
    "5-",
    "-5",
    "5-1-1",
    "a-1",
    "",
    "18446744073709551615",
    "18446744073709551615-18446744073709551615",
    "18446744073709551616-0",
    "9223372036854775808-9223372036854775809",
    " 1-1",
    "01-+1",
    "5--1",
];

const CHANNELS: &[&str] = &["news", "news.1", "other", "", "{t}1", "a b"];

fn value(name: &str, random: &mut Random) -> Vec<u8> {
    let text = |random: &mut Random, list: &[&str]| random.pick(list).as_bytes().to_vec();
    match name {
        // Mostly the first few, so that commands meet often.
        "k" => match random.below(40) {
            0 => Vec::new(),
            1 => b"bin\0\xff\r\n".to_vec(),
            2 => vec![b'k'; 300],
            3..20 => text(random, &KEYS[..5]),
            _ => text(random, KEYS),
        },
        "v" => match random.below(24) {
            0 => Vec::new(),
            1 => b"\0\xff\x80\r\n".to_vec(),
            // Lengths around which representations change.
            2 => vec![b'x'; *random.pick(&[11, 12, 19, 20, 21, 43, 44, 45, 63, 64, 127, 128])],
            3 => vec![b'y'; *random.pick(&[255, 256, 1000, 4096, 16_383, 16_384])],
            4 if random.one_in(4) => vec![b'z'; 70_000],
            5..10 => text(random, INTEGERS),
            10..13 => text(random, FLOATS),
            13 => {
                let length = random.below(24);
                random.bytes(length)
            }
            _ => {
                text(random, &["hello", "Hello World", "foo", "bar", "ohmytext", "mynewtext", "10", "3.14", "007", "a"])
            }
        },
        "i" if random.one_in(2) => text(random, &INTEGERS[..9]),
        "i" => text(random, INTEGERS),
        "f" => text(random, FLOATS),
        "sec" if random.one_in(2) => text(random, &RELATIVE_SECONDS[..4]),
        "sec" => text(random, RELATIVE_SECONDS),
        "ms" if random.one_in(2) => text(random, &RELATIVE_MS[..3]),
        "ms" => text(random, RELATIVE_MS),
        "at" if random.one_in(2) => text(random, &ABSOLUTE_SECONDS[..4]),
        "at" => text(random, ABSOLUTE_SECONDS),
        "atms" if random.one_in(2) => text(random, &ABSOLUTE_MS[..4]),
        "atms" => text(random, ABSOLUTE_MS),
        // Redis keeps a key that SET gives a past deadline until it is looked at or a background cycle finds it, so that
        // the moment of its event is chance. Errors stay.
        "setat" | "setatms" => loop {
            let text = value(name.trim_start_matches("set"), random);
            if !["1", "1000000000", "1000000000000"].iter().any(|past| past.as_bytes() == text) {
                break text;
            }
        },
        "off" if random.one_in(2) => text(random, &OFFSETS[..12]),
        "off" => text(random, OFFSETS),
        "bitoff" => match value("off", random) {
            large if large == b"536870912" => b"4294967295000".to_vec(), // valid for a bit, and 64 MiB then
            other => other,
        },
        "hf" => match random.below(30) {
            0 => Vec::new(),
            1 => b"bin\0\xff\r\n".to_vec(),
            2 => vec![b'f'; *random.pick(&[63, 64, 65, 200])],
            3..6 => text(random, &["0", "7", "-12", "70000", "007", "9223372036854775807"]),
            _ => text(random, &["a", "b", "c", "d"]),
        },
        // What Redis 8.0 and older versions have written, and what nobody has.
        "payload" => random.pick(PAYLOADS).to_vec(),
        "bit" => text(random, &["0", "1", "0", "1", "0", "1", "2", "-1", "x", ""]),
        "field" => text(
            random,
            &[
                "u8", "i8", "u1", "i1", "u4", "i16", "u16", "i32", "u32", "u63", "i64", "i5", "U8", "u64", "i65", "u0",
                "x8", "u", "",
            ],
        ),
        "fieldoff" => text(
            random,
            &[
                "0",
                "1",
                "7",
                "8",
                "#0",
                "#1",
                "#5",
                "100",
                "1000",
                "-1",
                "#-1",
                "#",
                "4294967296",
                "99999999999",
                "abc",
                "",
            ],
        ),
        "db" => text(
            random,
            &["0", "0", "0", "1", "1", "2", "15", "16", "-1", "abc", "", "9223372036854775807", "4294967296"],
        ),
        "glob" => text(random, GLOBS),
        "sid" if random.one_in(2) => text(random, &STREAM_IDS[..12]),
        "sid" => text(random, STREAM_IDS),
        // The ends of an interval.
        "sint" => match random.below(6) {
            0 => b"-".to_vec(),
            1 => b"+".to_vec(),
            2 => [b"(".to_vec(), value("sid", random)].concat(),
            _ => value("sid", random),
        },
        "chan" => text(random, CHANNELS),
        "type" => text(random, &["string", "list", "STRING", "hash", "nothing", ""]),
        "n" => text(random, &["1", "2", "10", "0", "-1", "abc", ""]),
        "events" => {
            text(random, &["KEA", "", "K", "E", "Kg$", "Ex", "KEA", "AKE", "Em", "KEn", "KEx$", "KEg$xmn", "Kt"])
        }
        "script" => text(random, super::families::scripts::SCRIPTS),
        "library" => text(random, super::families::functions::LIBRARIES),
        "function" => text(random, super::families::functions::FUNCTIONS),
        "sha" => text(
            random,
            &[
                "e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
                "E0E1F9FABFC9D4800C877A703B823AC0578FF8DB",
                "4e6d8fc8bb01276962cce5371fa795a7763657ae",
                "ffffffffffffffffffffffffffffffffffffffff",
                "short",
                "",
            ],
        ),
        "cmd" => text(
            random,
            &[
                "GET",
                "set",
                "mset",
                "EVAL",
                "bitop",
                "NOSUCH",
                "ping",
                "object",
                "OBJECT|ENCODING",
                "config|get",
                "getex",
                "lcs",
                "del",
                "rename",
                "copy",
                "multi",
                "xx|yy",
            ],
        ),
        "param" => text(
            random,
            &[
                "maxmemory",
                "maxmemory-policy",
                "notify-keyspace-events",
                "timeout",
                "databases",
                "busy-reply-threshold",
                "proto-max-bulk-len",
                "nosuch",
                "",
                "MAXMEMORY",
            ],
        ),
        other => panic!("no generator is called {other}"),
    }
}
