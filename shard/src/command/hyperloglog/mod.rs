//! Counting different elements approximately: PFADD, PFCOUNT, PFMERGE. What they do to the bytes is in
//! [`crate::value::hyperloglog`].

mod debug;
mod raw;

use crate::command::row::Row;
use crate::event::class;
use crate::keyspace::{Deadline, EntryMut, Value};
use crate::unit::Unit;
use crate::value::hyperloglog::{self as hll, Corrupted, Encoding, REGISTERS};
use crate::value::object::Object;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply};
use raw::{make_raw, put, valid};

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("pfadd", -2, Group::Hyperloglog, "2.8.9")
            .flags(WRITE | DENYOOM | FAST)
            .keys(&[KeySpec::first(RW | INSERT)])
            .doc(
                "O(n), n = elements given",
                "Shows elements to a HyperLogLog, which is made if there is none.",
                "key [element...]",
            ),
        pfadd,
    ),
    Row::new(
        Spec::new("pfcount", -2, Group::Hyperloglog, "2.8.9")
            .flags(READONLY | MAY_REPLICATE)
            .keys(&[KeySpec::range(1, -1, 1, RW | ACCESS).notes("The estimate is cached in the key, hence RW")])
            .doc(
                "O(1) for one key whose estimate is cached, else O(n), n = keys, each of 16,384 registers",
                "Estimates how many different elements one HyperLogLog has seen, or several taken together.",
                "key...",
            ),
        pfcount,
    ),
    Row::new(
        Spec::new("pfdebug", 3, Group::Hyperloglog, "2.8.9")
            .flags(WRITE | DENYOOM | ADMIN)
            .keys(&[KeySpec::at(2, RW | ACCESS)])
            .doc("", "Shows the inside of a HyperLogLog, for tests.", "subcommand key")
            .syscmd(),
        debug::pfdebug,
    ),
    Row::new(
        Spec::new("pfmerge", -2, Group::Hyperloglog, "2.8.9")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | ACCESS | INSERT), KeySpec::range(2, -1, 1, RO | ACCESS)])
            .doc(
                "O(n), n = keys, each of 16,384 registers",
                "Joins HyperLogLogs into one that counts as if it had seen the elements of all.",
                "destkey:key [sourcekey:key@1...]",
            ),
        pfmerge,
    ),
    Row::new(
        Spec::new("pfselftest", 1, Group::Hyperloglog, "2.8.9")
            .flags(ADMIN)
            .doc("O(1)", "Checks that HyperLogLogs count as they should.", "")
            .syscmd(),
        debug::pfselftest,
    ),
];

impl From<Corrupted> for Error {
    fn from(_: Corrupted) -> Error {
        Error::CORRUPTED_HYPERLOGLOG
    }
}

/// `PFADD key [element ...]`: whether anything has changed. The key is made even without elements.
fn pfadd(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, elements, sparse_max) = (args.at(1), args.tail(2), unit.settings.limits.hll_sparse);
    let found = unit.peek_str(key)?.map(valid).transpose()?;
    let has_changed = match found {
        // In place: there is nothing that could fail.
        Some((_, Encoding::Dense)) => change(unit, key, |bytes| {
            let mut has_changed = false;
            for element in elements.iter() {
                let (index, rank) = hll::place(element);
                has_changed |= hll::dense::raise(&mut bytes[hll::HEADER..], index, rank);
            }
            if has_changed {
                hll::invalidate(bytes);
            }
            has_changed
        }),
        found => {
            let is_new = found.is_none();
            let mut bytes = found.map_or_else(hll::create, |(bytes, _)| bytes.to_vec());
            let mut has_changed = is_new;
            for element in elements.iter() {
                has_changed |= hll::add(&mut bytes, element, sparse_max)?;
            }
            if has_changed {
                hll::invalidate(&mut bytes);
                put(unit, key, bytes, if is_new { Deadline::Clear } else { Deadline::Keep });
            }
            has_changed
        }
    };
    if has_changed {
        unit.effect(key, args.iter());
        unit.changed(key, class::STRING, "pfadd");
    }
    out.flag(has_changed);
    Ok(())
}

/// `PFCOUNT key [key ...]`: the estimate for one, or for all together. That for one is kept in its value, which is a change
/// of the value though not of what it means: watchers and replicas see it, as in Redis.
fn pfcount(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    if args.len() > 2 {
        let mut ranks = vec![0; REGISTERS];
        for key in args.tail(1).iter() {
            if let Some(found) = unit.read_str(key)? {
                hll::merge(&mut ranks, valid(found)?.0)?;
            }
        }
        out.int(hll::count_ranks(&ranks) as i64);
        return Ok(());
    }
    let key = args.at(1);
    let Some(found) = unit.read_str(key)? else {
        out.int(0);
        return Ok(());
    };
    if valid(found)?.0.len() <= EMBEDDED_MAX {
        make_raw(unit, key);
    }
    // Looked at again, without being counted again.
    let Some(found) = unit.peek_str(key)? else { return Ok(()) };
    let (bytes, _) = valid(found)?;
    let cached = hll::cached(bytes);
    let count = cached.map_or_else(|| hll::count(bytes), Ok)?;
    if cached.is_none() {
        change(unit, key, |bytes| hll::cache(bytes, count));
        unit.effect(key, [b"PFCOUNT", key]);
        unit.changed(key, 0, "");
    }
    out.int(count as i64);
    Ok(())
}

/// `PFMERGE destination [source ...]`: the destination is one of those merged.
fn pfmerge(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (destination, sparse_max) = (args.at(1), unit.settings.limits.hll_sparse);
    let (mut ranks, mut is_dense) = (vec![0; REGISTERS], false);
    for key in args.tail(1).iter() {
        if let Some(found) = unit.read_str(key)? {
            let (bytes, encoding) = valid(found)?;
            is_dense |= encoding == Encoding::Dense;
            hll::merge(&mut ranks, bytes)?;
        }
    }
    let mut bytes = match unit.peek_str(destination)? {
        Some(found) => valid(found)?.0.to_vec(),
        None => hll::create(),
    };
    if is_dense {
        bytes = hll::from_ranks(&bytes, &ranks);
    } else {
        // One after the other, since the way of a sparse one shows in its bytes.
        for (index, rank) in ranks.iter().enumerate().filter(|(_, rank)| **rank > 0) {
            hll::set(&mut bytes, index, *rank, sparse_max)?;
        }
    }
    hll::invalidate(&mut bytes);
    unit.effect(destination, [b"SET".as_slice(), destination, &bytes, b"KEEPTTL"]);
    put(unit, destination, bytes, Deadline::Keep);
    unit.changed(destination, class::STRING, "pfadd");
    out.ok();
    Ok(())
}

// ---- below ------------------------------------------------------------------------------------------------------------

/// The longest string that SET does not make raw. Bytes.
const EMBEDDED_MAX: usize = 44;

/// Changes the bytes at `key`, which are there, in place.
fn change<R: Default>(unit: &mut Unit<'_>, key: &[u8], change: impl FnOnce(&mut [u8]) -> R) -> R {
    let Some(mut entry) = unit.write(key) else { return R::default() };
    entry.set_raw(true);
    bytes_mut(&mut entry).map(change).unwrap_or_default()
}

fn bytes_mut<'e>(entry: &'e mut EntryMut<'_>) -> Option<&'e mut [u8]> {
    if matches!(entry.value(), Value::Bytes(_)) {
        return entry.bytes_mut();
    }
    match entry.object_mut() {
        Some(Object::Str(bytes)) => Some(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::World;

    pub(super) fn check(world: &mut World, cases: &[(&str, &str, &str, &str)]) {
        for (line, reply, events, effects) in cases {
            assert_eq!(world.run(line), *reply, "{line}");
            assert_eq!(world.events().join(" / "), *events, "{line}");
            assert_eq!(world.effect_lines().join(" / "), *effects, "{line}");
        }
    }

    pub(super) const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    pub(super) const NOT_ONE: &str = "-WRONGTYPE Key is not a valid HyperLogLog string value.";

    fn get(world: &mut World, key: &str) -> Vec<u8> {
        let args = curfew_protocol::args::OwnedArgs::from_slices(&[b"get", key.as_bytes()]);
        let mut out = curfew_protocol::Reply::default();
        world.run_args(args.view(), &mut out);
        out.take()
    }

    #[test]
    fn adding_and_counting() {
        for shards in [1, 4] {
            let mut world = World::new(shards);
            check(
                &mut world,
                &[
                    ("pfcount none", ":0", "", ""),
                    ("pfcount none none", ":0", "", ""),
                    ("pfadd h", ":1", "pfadd h", "pfadd h"),
                    ("pfadd h", ":0", "", ""),
                    ("pfcount h", ":0", "", "PFCOUNT h"),
                    ("pfcount h", ":0", "", ""),
                    ("pfadd h a b c a", ":1", "pfadd h", "pfadd h a b c a"),
                    ("pfadd h a b c", ":0", "", ""),
                    ("pfcount h", ":3", "", "PFCOUNT h"),
                    ("pfcount h", ":3", "", ""),
                    ("object encoding h", "$3 raw", "", ""),
                    ("pfdebug todense h", ":1", "", "PFDEBUG TODENSE h"),
                    ("pfadd h a", ":0", "", ""),
                    ("pfadd h d", ":1", "pfadd h", "pfadd h d"),
                    ("pfcount h", ":4", "", "PFCOUNT h"),
                    ("pfcount h none h", ":4", "", ""),
                    ("set str v", "+OK", "set str", "SET str v"),
                    ("set int 12", "+OK", "set int", "SET int 12"),
                    ("sadd s a", ":1", "sadd s", "sadd s a"),
                    ("pfadd str a", NOT_ONE, "", ""),
                    ("pfadd int a", NOT_ONE, "", ""),
                    ("pfadd s a", WRONG_TYPE, "", ""),
                    ("pfcount int", NOT_ONE, "", ""),
                    ("pfcount h none str", NOT_ONE, "", ""),
                    ("pfcount s", WRONG_TYPE, "", ""),
                ],
            );
        }
    }

    #[test]
    fn merging() {
        for shards in [1, 4] {
            let mut world = World::new(shards);
            (0..200).for_each(|i| drop(world.run(&format!("pfadd a x{i}"))));
            (100..300).for_each(|i| drop(world.run(&format!("pfadd b x{i}"))));
            world.run("set str v");
            world.run("expire b 100");
            world.events();
            world.effects();
            assert_eq!(world.run("pfmerge new"), "+OK");
            assert_eq!(world.run("pfcount new"), ":0");
            assert_eq!(world.run("pfmerge new str"), NOT_ONE);
            assert_eq!(world.run("pfmerge str a"), NOT_ONE);
            assert_eq!(world.run("pfmerge new a none b"), "+OK");
            assert_eq!(world.run("pfdebug encoding new"), "+sparse");
            let union = world.run("pfcount a b");
            assert_eq!(world.run("pfcount new"), union);
            assert_eq!(world.run("pfmerge b a"), "+OK");
            assert_eq!(world.run("ttl b"), ":100");
            assert_eq!(world.run("pfcount b"), union);
            world.run("pfdebug todense a");
            assert_eq!(world.run("pfmerge new a"), "+OK");
            assert_eq!(world.run("pfdebug encoding new"), "+dense");
            assert_eq!(world.run("pfcount new"), union);
            assert_eq!(world.events(), ["pfadd new", "pfadd new", "pfadd b", "pfadd new"]);
            assert!(
                world
                    .effect_lines()
                    .iter()
                    .filter(|line| line.starts_with("SET "))
                    .all(|line| line.ends_with(" KEEPTTL"))
            );
        }
    }

    #[test]
    fn what_is_corrupted_stays_as_it_is() {
        let mut world = World::new(1);
        // One register too few, and one too many.
        for runs in [&b"\x7f\xfe"[..], b"\x7f\xff\x00", b"\x80"] {
            let bytes = [b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80".as_slice(), runs].concat();
            world.run_words(&[b"set", b"h", &bytes]);
            let before = get(&mut world, "h");
            world.effects();
            for line in
                ["pfcount h", "pfcount h h", "pfmerge h", "pfmerge other h", "pfdebug getreg h", "pfdebug todense h"]
            {
                assert_eq!(world.run(line), "-INVALIDOBJ Corrupted HLL object detected", "{line}");
            }
            assert_eq!(get(&mut world, "h"), before);
            assert!(world.effects().is_empty());
        }
    }

    #[test]
    fn the_limit_of_sparse_ones_is_the_configured_one() {
        let mut world = World::new(1);
        for (max, encoding) in [(3000, "+sparse"), (100, "+dense"), (0, "+dense")] {
            world.settings.limits.hll_sparse = max;
            world.run("del h");
            (0..100).for_each(|i| drop(world.run(&format!("pfadd h {i}"))));
            assert_eq!(world.run("pfdebug encoding h"), encoding, "{max}");
        }
    }
}
