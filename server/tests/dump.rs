//! DUMP and RESTORE with the real Redis on the other side: values of every type and encoding go from either to the other and
//! back, and what only older versions wrote is read alike. `CURFEW_REFERENCE` says where the reference is.

mod support;

use support::random::Random;
use support::{Client, Reply, Server};

/// Commands that make a value at `k`, run so many times; `$` is the number of the run.
const VALUES: &[(usize, &[&str])] = &[
    // Strings.
    (1, &["SET k \"\""]),
    (1, &["SET k hello"]),
    (1, &["SET k 0"]),
    (1, &["SET k 127"]),
    (1, &["SET k -128"]),
    (1, &["SET k 128"]),
    (1, &["SET k -32769"]),
    (1, &["SET k 2147483647"]),
    (1, &["SET k 2147483648"]),
    (1, &["SET k -9223372036854775808"]),
    (1, &["SET k 9223372036854775808"]),
    (1, &["SET k 007"]),
    (1, &["SET k \"\\x00\\xff\\r\\n binary \\x80\""]),
    (1, &["SET k aaaaaaaaaaaaaaaaaaaaa"]),
    (1, &["SETRANGE k 100000 end"]),
    (3000, &["APPEND k chunk-$;"]),
    (1, &["SETBIT k 12345 1"]),
    (100, &["PFADD k $"]),
    (2000, &["PFADD k $ a$ b$"]),
    // Lists.
    (1, &["RPUSH k a"]),
    (
        1,
        &["RPUSH k a \"\" 1 -1 4095 4096 -4097 32768 8388608 2147483648 9223372036854775807 9223372036854775808 007 a"],
    ),
    (4000, &["RPUSH k item-$ $"]),
    (
        3,
        &[
            "RPUSH k small",
            "SETRANGE big 20000 $",
            "EVAL \"return redis.call('RPUSH', KEYS[1], redis.call('GET', KEYS[2]))\" 2 k big",
        ],
    ),
    (50, &["LPUSH k \"\\x00\\x01\\xff$\" 1$1"]),
    // Sets.
    (1, &["SADD k 1 2 3 -5"]),
    (100, &["SADD k $ 7$000 -1$"]),
    (300, &["SADD k 9000000000$"]),
    (50, &["SADD k m$ $"]),
    (1, &["SADD k \"\""]),
    (1000, &["SADD k member-$ $"]),
    (1, &["SADD k aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]),
    // Sorted sets.
    (
        1,
        &[
            "ZADD k 1 a 1.5 b -inf c inf d 0 e 1e-10 f 1e300 g 4611686018427387904 h 9007199254740993 i 3.14159265358979 j",
        ],
    ),
    (60, &["ZADD k $ m$ -0.$ x$"]),
    (1, &["ZADD k 1 \"\""]),
    (500, &["ZADD k $ m$ -0.$ x$ 5 same$"]),
    (1, &["GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"]),
    // Hashes.
    (1, &["HSET k f v \"\" \"\" 1 2"]),
    (100, &["HSET k f$ $ g$ value-$"]),
    (600, &["HSET k f$ value-$"]),
    (10, &["HSET k f$ $ g$ v", "HPEXPIREAT k 4$00000000000 FIELDS 1 f$", "HPEXPIREAT k 4102444800000 FIELDS 1 g$"]),
    (1, &["HSET k f v", "HPEXPIREAT k 4102444800000 FIELDS 1 f", "HPERSIST k FIELDS 1 f"]),
    (300, &["HSET k f$ $ g$ v", "HPEXPIREAT k 410244480$ FIELDS 1 f$"]),
    (300, &["HSET k f$ $ g$ v", "HPEXPIREAT k 4102444800$ FIELDS 1 f$"]),
    // Streams.
    (1, &["XADD k 5-1 f v"]),
    (1, &["XADD k 5-1 f v", "XDEL k 5-1"]),
    (1, &["XGROUP CREATE k g $ MKSTREAM"]),
    (1, &["XADD k 18446744073709551615-18446744073709551614 f v", "XADD k 18446744073709551615-* f v"]),
    (250, &["XADD k 1$-1 f v g $", "XADD k 1$-2 other $ one more", "XADD k 1$-7 f \"\" g 70000"]),
    (150, &["XADD k $-1 f v", "XTRIM k MAXLEN = 70", "XDEL k 100-1"]),
    (
        20,
        &[
            "XADD k 1$-0 f v",
            "XGROUP CREATE k g 0 ENTRIESREAD 0",
            "XGROUP CREATE k unknown 11-0",
            "XGROUP CREATE k last $",
            "XREADGROUP GROUP g one COUNT 1 STREAMS k >",
            "XGROUP CREATECONSUMER k g idle",
            "XADD k 1$-5 f v",
            "XREADGROUP GROUP g two COUNT 1 STREAMS k >",
            "XREADGROUP GROUP g two STREAMS k 0",
            "XCLAIM k g three 0 13-0 FORCE RETRYCOUNT 300",
            "XDEL k 11-0",
            "XACK k g 12-0",
            "XSETID k 2000-0 ENTRIESADDED 5000 MAXDELETEDID 1500-3",
        ],
    ),
];

fn make(client: &mut Client, count: usize, lines: &[&str]) {
    client.cmd(&["DEL", "k"]);
    for run in 0..count {
        for line in lines {
            client.line(&line.replace('$', &run.to_string()));
        }
    }
    assert_eq!(client.int("EXISTS k"), 1, "{lines:?}");
}

#[track_caller]
fn dump(client: &mut Client, key: &str) -> Vec<u8> {
    match client.cmd(&["DUMP", key]) {
        Reply::Bulk(payload) => payload,
        other => panic!("DUMP answered {other}"),
    }
}

fn restore(client: &mut Client, key: &str, payload: &[u8]) -> Reply {
    client.cmd(&[b"RESTORE", key.as_bytes(), b"0", payload, b"REPLACE"])
}

/// All that can be read of the value at `key`, in one order.
fn content(client: &mut Client, key: &str) -> Vec<String> {
    let kind = client.cmd(&["TYPE", key]).text();
    let encoding = client.cmd(&["OBJECT", "ENCODING", key]);
    let mut out = vec![kind.clone(), encoding.to_string()];
    let mut items = |reply: Reply, width: usize| {
        let mut groups: Vec<String> = reply.items().chunks(width).map(|group| format!("{group:?}")).collect();
        groups.sort();
        out.append(&mut groups);
    };
    match &*kind {
        "string" => out.push(client.cmd(&["GET", key]).to_string()),
        "list" => out.push(client.cmd(&["LRANGE", key, "0", "-1"]).to_string()),
        "set" => items(client.cmd(&["SMEMBERS", key]), 1),
        "zset" => out.push(client.cmd(&["ZRANGE", key, "0", "-1", "WITHSCORES"]).to_string()),
        "hash" => {
            items(client.cmd(&["HGETALL", key]), 2);
            let Reply::Array(fields) = client.cmd(&["HKEYS", key]) else { panic!("HKEYS answers an array") };
            let mut fields: Vec<String> = fields.iter().map(Reply::text).collect();
            fields.sort();
            let count = fields.len().to_string();
            let words = ["HPEXPIRETIME", key, "FIELDS", &count].into_iter().chain(fields.iter().map(String::as_str));
            out.push(client.cmd(&words.collect::<Vec<_>>()).to_string());
        }
        "stream" => {
            out.push(client.cmd(&["XINFO", "STREAM", key, "FULL", "COUNT", "0"]).to_string());
            out.push(client.cmd(&["XREVRANGE", key, "+", "-"]).to_string());
        }
        other => panic!("no type {other}"),
    }
    out
}

fn pair() -> (Server, Server) {
    (Server::redis(&[]), Server::subject(2, &[]))
}

#[test]
fn values_go_from_either_server_to_the_other_and_back() {
    let (redis, curfew) = pair();
    for (from, to) in [(&redis, &curfew), (&curfew, &redis)] {
        let (mut from, mut to) = (from.client(), to.client());
        for (count, lines) in VALUES {
            make(&mut from, *count, lines);
            let expected = content(&mut from, "k");
            let payload = dump(&mut from, "k");
            assert_eq!(restore(&mut to, "there", &payload), Reply::ok(), "{lines:?}");
            assert_eq!(content(&mut to, "there"), expected, "{lines:?}");
            let payload = dump(&mut to, "there");
            assert_eq!(restore(&mut from, "back", &payload), Reply::ok(), "{lines:?}");
            assert_eq!(content(&mut from, "back"), expected, "{lines:?}");
        }
    }
}

#[test]
fn what_cannot_be_compressed_is_dumped_byte_for_byte_as_by_redis() {
    let (redis, curfew) = pair();
    let (mut redis, mut curfew) = (redis.client(), curfew.client());
    let lines = [
        "SET k hello",
        "SET k 12345678",
        "SET k 99999999999",
        "RPUSH k a 1 5000",
        "SADD k 1 2 3",
        "SADD k a b",
        "ZADD k 1 a 0.5 b",
        "HSET k f 1 g w",
        "XADD k 5-1 f v",
    ];
    for line in lines {
        for client in [&mut redis, &mut curfew] {
            make(client, 1, &[line]);
        }
        assert_eq!(dump(&mut curfew, "k"), dump(&mut redis, "k"), "{line}");
        let length = |client: &mut Client| {
            let text = client.line("DEBUG OBJECT k").text();
            text.split_once("serializedlength:").and_then(|(_, rest)| rest.split(' ').next()).map(str::to_owned)
        };
        assert_eq!(length(&mut curfew), length(&mut redis), "{line}");
    }
}

#[test]
fn compressed_strings_are_read_by_either() {
    let (redis, curfew) = pair();
    let (mut redis, mut curfew) = (redis.client(), curfew.client());
    let mut random = Random::of(5);
    for round in 0..400 {
        let alphabet = 1 + random.below(6);
        let mut text = Vec::new();
        while text.len() < random.below(60_000) {
            match random.below(4) {
                0 => text.resize(text.len() + random.below(300), b'-'),
                1 if !text.is_empty() => {
                    let from = random.below(text.len());
                    let to = text.len().min(from + random.below(400));
                    text.extend_from_within(from..to);
                }
                _ => (0..random.below(40)).for_each(|_| text.push(b'a' + random.below(alphabet) as u8)),
            }
        }
        for (from, to) in [(true, false), (false, true)] {
            let (from, to) = if from && !to { (&mut redis, &mut curfew) } else { (&mut curfew, &mut redis) };
            from.cmd(&[b"SET", &b"k"[..], &text]);
            let payload = dump(from, "k");
            assert_eq!(restore(to, "k", &payload), Reply::ok(), "round {round}");
            assert_eq!(to.cmd(&["GET", "k"]), Reply::bulk(&text), "round {round}");
        }
    }
}

/// CRC-64 (Jones), bit by bit.
fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(
            sum ^ u64::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x95ac_9329_ac4b_c9b5 } else { sum >> 1 },
        )
    })
}

fn seal(body: &[u8], version: u16) -> Vec<u8> {
    let mut out = [body, &version.to_le_bytes()].concat();
    out.extend_from_slice(&crc64(&out).to_le_bytes());
    out
}

/// A ziplist of entries that are given without the length of the one before, which is below 254.
fn ziplist(entries: &[&[u8]]) -> Vec<u8> {
    let (mut body, mut before, mut last) = (Vec::new(), 0, 10);
    for entry in entries {
        last = 10 + body.len();
        body.push(before as u8);
        body.extend_from_slice(entry);
        before = 10 + body.len() - last;
    }
    let (total, count) = ((body.len() + 11) as u32, entries.len() as u16);
    [&total.to_le_bytes()[..], &(last as u32).to_le_bytes(), &count.to_le_bytes(), &body, &[0xff]].concat()
}

fn listpack(entries: &[u8], count: u16) -> Vec<u8> {
    let total = (entries.len() + 7) as u32;
    [&total.to_le_bytes()[..], &count.to_le_bytes(), entries, &[0xff]].concat()
}

/// A string with its length in front.
fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16 | 0x4000).to_be_bytes(), bytes].concat()
}

#[test]
fn what_older_versions_wrote_is_read_alike() {
    let (redis, curfew) = pair();
    let (mut redis, mut curfew) = (redis.client(), curfew.client());
    let pairs: &[&[u8]] = &[b"\x01a", b"\xf2", b"\x01b", b"\x031.5", b"\x02cc", b"\xc0\x00\x10"];
    let long = [&b"\x40\x80"[..], &[b'x'; 128]].concat();
    let mut id = [0; 16];
    (id[7], id[15]) = (5, 1);
    // One entry 5-1 with a field of the master entry; then length 1, last id 5-1.
    let node = listpack(b"\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01", 10);
    let stream = [&string(&id)[..], &string(&node), b"\x01\x05\x01"].concat();
    // Group, last id, pending, one consumer who has it.
    let time = &1_700_000_000_000_i64.to_le_bytes()[..];
    let pending = [b"\x01", &id[..], time, b"\x03\x01\x01c", time].concat();
    let group = [b"\x01\x01g\x05\x01", &pending[..], b"\x01", &id].concat();
    let group2 = [b"\x01\x01g\x05\x01\x01", &pending[..], b"\x01", &id].concat();
    let bodies: &[Vec<u8>] = &[
        b"\x01\x03\x01a\xc0\x0c\x00".to_vec(),
        b"\x01\x00".to_vec(),
        b"\x02\x02\x011\x012".to_vec(),
        b"\x02\x03\x011\x01a\xc0\x05".to_vec(),
        b"\x03\x04\x01a\x03-15\x01b\x031.5\x03big\xfe\x05small\xff".to_vec(),
        b"\x03\x01\x01a\xfd".to_vec(),
        b"\x04\x02\x01f\x01v\x01g\xc1\x00\x10".to_vec(),
        [&b"\x09"[..], &string(b"\x02\x01f\x01\x02v__\x01g\x01\x00w\xff")].concat(),
        [&b"\x09"[..], &string(&[&b"\x01\x01f\x50\x00"[..], &[b'x'; 80], b"\xff"].concat())].concat(),
        [&b"\x0a"[..], &string(&ziplist(pairs))].concat(),
        [&b"\x0a"[..], &string(&ziplist(&[]))].concat(),
        [&b"\x0c"[..], &string(&ziplist(pairs))].concat(),
        [&b"\x0d"[..], &string(&ziplist(pairs))].concat(),
        [&b"\x0d"[..], &string(&ziplist(&[b"\x01f", &long]))].concat(),
        [&b"\x0e\x03"[..], &string(&ziplist(pairs)), &string(&ziplist(&[])), &string(&ziplist(pairs))].concat(),
        [&b"\x0e\x01"[..], &string(&ziplist(pairs))].concat(),
        [&b"\x0f\x01"[..], &stream, b"\x00"].concat(),
        [&b"\x0f\x01"[..], &stream, &group].concat(),
        [&b"\x13\x01"[..], &stream, b"\x05\x01\x00\x00\x01", &group2].concat(),
        // Deadlines of fields, absolute ones of a release candidate too; and all of them past.
        [&b"\x16\x02"[..], b"\x81\x00\x00\x03\xbb\x00\x00\x00\x00", b"\x01f\x01v\x00\x01g\x01w"].concat(),
        [&b"\x18\x00\x00\x00\x00\xbb\x03\x00\x00\x02"[..], b"\x01\x01f\x01v\x09\x01g\x01w"].concat(),
        // What is no value at all, or an empty one. (Not one cut short, which Redis reads on into the footer.)
        b"\x06".to_vec(),
        b"\x08".to_vec(),
        b"\x1a\x00".to_vec(),
        b"\x12\x00".to_vec(),
        b"\x12\x01\x03\x01a".to_vec(),
        b"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f".to_vec(),
        // Something behind the value.
        b"\x00\x01abc".to_vec(),
    ];
    for body in bodies {
        for version in [1, 9, 12, 13] {
            let payload = seal(body, version);
            let expected = restore(&mut redis, "k", &payload);
            assert_eq!(restore(&mut curfew, "k", &payload), expected, "{body:?}");
            if expected == Reply::ok() {
                assert_eq!(content(&mut curfew, "k"), content(&mut redis, "k"), "{body:?}");
            }
        }
    }
}

/// What Redis has written, damaged: it is Curfew that must not be harmed. (Redis itself may well be, so it is not asked.)
#[test]
fn damage_does_no_harm() {
    let redis = Server::redis(&[]);
    let mut curfew = Server::subject(2, &[]);
    let (mut from, mut to) = (redis.client(), curfew.client());
    let mut random = Random::of(11);
    for (count, lines) in VALUES {
        make(&mut from, (*count).min(30), lines);
        let payload = dump(&mut from, "k");
        let body = &payload[..payload.len() - 10];
        for _ in 0..60 {
            let mut damaged = body.to_vec();
            for _ in 0..=random.below(2) {
                let at = random.below(damaged.len());
                damaged[at] ^= 1 << random.below(8);
            }
            damaged.truncate(damaged.len() - if random.one_in(4) { random.below(damaged.len()) } else { 0 });
            match restore(&mut to, "k", &seal(&damaged, 12)) {
                Reply::Error(text) => assert_eq!(text, b"ERR Bad data format"),
                reply => {
                    assert_eq!(reply, Reply::ok());
                    // What is there can be read, and dumped again.
                    if to.int("EXISTS k") == 1 {
                        content(&mut to, "k");
                        let payload = dump(&mut to, "k");
                        assert_eq!(restore(&mut to, "again", &payload), Reply::ok());
                    }
                }
            }
        }
    }
    curfew.assert_alive();
}
