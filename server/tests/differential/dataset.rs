//! Everything that a server holds, read by ordinary commands, and compared key by key.

use super::support::reply::quoted;
use super::support::{Client, Reply, wait_until};
use std::collections::BTreeMap;

/// The databases that the grammars use.
const DATABASES: &[u8] = &[0, 1, 2, 15];

/// How far deadlines may be apart that were set as relative times: both servers take their own clock.
const DEADLINE_TOLERANCE_MS: u64 = 2000;

/// Database and key, to what is there.
pub type Dataset = BTreeMap<(u8, Vec<u8>), Entry>;

/// A key's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    kind: String,
    value: Reply,
    encoding: Reply,
    deadline_ms: i64,
    /// Of the fields of a hash, in the order of their names.
    field_deadlines_ms: Vec<i64>,
}

/// Reads all of it. The client is left in database 0.
pub fn read(client: &mut Client) -> Dataset {
    let mut out = Dataset::new();
    for database in DATABASES {
        client.ok(&format!("SELECT {database}"));
        for key in client.line("KEYS *").items() {
            let Reply::Bulk(key) = key else { panic!("KEYS returned {key}") };
            let mut of_key = |before: &[&str], after: &[&str]| {
                let args: Vec<&[u8]> = before
                    .iter()
                    .map(|arg| arg.as_bytes())
                    .chain([key.as_slice()])
                    .chain(after.iter().map(|arg| arg.as_bytes()))
                    .collect();
                client.cmd(&args)
            };
            let kind = of_key(&["TYPE"], &[]).text();
            let value = match kind.as_str() {
                "string" => of_key(&["GET"], &[]),
                "list" => of_key(&["LRANGE"], &["0", "-1"]),
                "hash" => of_key(&["HGETALL"], &[]),
                "set" => of_key(&["SMEMBERS"], &[]),
                "zset" => of_key(&["ZRANGE"], &["0", "-1", "WITHSCORES"]),
                "stream" => of_key(&["XRANGE"], &["-", "+"]),
                other => panic!("a key of type {other}"),
            };
            let value = match (kind.as_str(), value) {
                ("set" | "hash", Reply::Array(items)) => {
                    let mut groups: Vec<&[Reply]> = items.chunks(if kind == "set" { 1 } else { 2 }).collect();
                    groups.sort();
                    Reply::Array(groups.concat())
                }
                (_, value) => value,
            };
            let encoding = of_key(&["OBJECT", "ENCODING"], &[]);
            let deadline_ms = of_key(&["PEXPIRETIME"], &[]).int();
            let mut field_deadlines_ms = Vec::new();
            if kind == "hash" {
                let mut fields: Vec<Reply> = of_key(&["HKEYS"], &[]).items().to_vec();
                fields.sort();
                let count = fields.len().to_string();
                let head = [b"HPEXPIRETIME".as_slice(), key, b"FIELDS", count.as_bytes()];
                let names = fields.iter().map(|field| match field {
                    Reply::Bulk(name) => name.as_slice(),
                    other => panic!("a field {other}"),
                });
                let args: Vec<&[u8]> = head.into_iter().chain(names).collect();
                field_deadlines_ms = client.cmd(&args).items().iter().map(Reply::int).collect();
            }
            out.insert((*database, key.clone()), Entry { kind, value, encoding, deadline_ms, field_deadlines_ms });
        }
        let found = out.keys().filter(|(of, _)| of == database).count();
        // Redis counts keys that are dead but not removed yet.
        wait_until("DBSIZE is the number of KEYS", || usize::try_from(client.int("DBSIZE")) == Ok(found));
    }
    client.ok("SELECT 0");
    out
}

/// What differs first. `sorted`: SORT was among the commands, and Redis turns a packed sorted set into a skiplist by sorting
/// it, which is its own affair.
pub fn difference(expected: &Dataset, got: &Dataset, sorted: bool) -> Option<String> {
    let keys = expected.keys().chain(got.keys());
    for key in keys {
        let (one, other) = (expected.get(key), got.get(key));
        let same = match (one, other) {
            (Some(one), Some(other)) => {
                let apart = |(one, other): (&i64, &i64)| {
                    one.abs_diff(*other) > DEADLINE_TOLERANCE_MS || (*one < 0) != (*other < 0)
                };
                let far = apart((&one.deadline_ms, &other.deadline_ms))
                    || one.field_deadlines_ms.len() != other.field_deadlines_ms.len()
                    || one.field_deadlines_ms.iter().zip(&other.field_deadlines_ms).any(apart);
                let same_encoding = one.encoding == other.encoding || sorted && one.kind == "zset";
                (&one.kind, &one.value) == (&other.kind, &other.value) && same_encoding && !far
            }
            _ => false,
        };
        if !same {
            return Some(format!(
                "  afterwards, key {} of database {}:\n    Redis:\n{}    Curfew:\n{}",
                quoted(&key.1),
                key.0,
                describe(one),
                describe(other)
            ));
        }
    }
    None
}

fn describe(entry: Option<&Entry>) -> String {
    match entry {
        None => "      (none)\n".into(),
        Some(entry) => {
            let value = entry.value.to_string().replace('\n', "\n      ");
            format!(
                "      {} ({}), deadline {}, of fields {:?}:\n      {value}\n",
                entry.kind, entry.encoding, entry.deadline_ms, entry.field_deadlines_ms
            )
        }
    }
}
