//! APPEND and SETRANGE: strings that change in place.

use super::text::{check_len, encode, len};
use crate::event::class;
use crate::keyspace::{Deadline, NewValue, as_str};
use crate::unit::Unit;
use crate::value::object::Object;
use curfew_protocol::args::integer;
use curfew_protocol::{Args, Error, Reply};

pub(super) fn append(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, tail) = (args.at(1), args.at(2));
    let len = match held_len(unit, key)? {
        None => {
            unit.put_str(key, encode(tail), Deadline::Clear);
            tail.len()
        }
        Some(len) => {
            check_len(unit, len, tail.len())?;
            if let Some(bytes) = unit.grow(key) {
                bytes.extend_from_slice(tail);
            }
            len + tail.len()
        }
    };
    unit.effect(key, args.iter());
    unit.changed(key, class::STRING, "append");
    out.count(len);
    Ok(())
}

pub(super) fn setrange(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let (key, patch) = (args.at(1), args.at(3));
    let offset = usize::try_from(integer(args.at(2))?).map_err(|_| Error::OFFSET_OUT_OF_RANGE)?;
    let held = held_len(unit, key)?;
    if patch.is_empty() {
        out.count(held.unwrap_or(0));
        return Ok(());
    }
    check_len(unit, offset, patch.len())?;
    let end = offset + patch.len();
    if held.is_none() {
        // Memory that the system gives zeroed, which is much quicker for a large offset.
        let bytes = Object::Str(vec![0; end]);
        unit.put_str(key, NewValue::Object(Box::new(bytes)), Deadline::Clear);
    }
    if let Some(bytes) = unit.grow(key) {
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[offset..end].copy_from_slice(patch);
    }
    unit.effect(key, args.iter());
    unit.changed(key, class::STRING, "setrange");
    out.count(held.unwrap_or(0).max(end));
    Ok(())
}

/// The length of the string at `key`, which is about to be changed.
fn held_len(unit: &mut Unit<'_>, key: &[u8]) -> Result<Option<usize>, Error> {
    unit.write(key).map(|entry| as_str(entry.as_ref()).map(len)).transpose()
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::tests::{form, put_a_list};
    use crate::testing::World;

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    const TOO_LONG: &str = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";

    fn world() -> World {
        let mut world = World::new(2);
        world.settings.bulk_max = 100;
        put_a_list(&mut world, b"l");
        world
    }

    #[test]
    fn appending() {
        let mut world = world();
        let tail = "x".repeat(98);
        check(
            &mut world,
            &[
                ("append k 12", ":2", "append k", "append k 12"),
                (&format!("append k x{tail}"), TOO_LONG, "", ""),
                ("append k 3", ":3", "append k", "append k 3"),
                ("get k", "$3 123", "", ""),
                ("append k -", ":4", "append k", "append k -"),
                ("append l x", WRONG_TYPE, "", ""),
            ],
        );
        assert_eq!(world.run_words(&[b"append", b"k", b""]), ":4");
        assert_eq!(world.events(), ["append k"]);
        assert_eq!(world.run_words(&[b"append", b"e", b""]), ":0");
        assert_eq!(world.run("get e"), "$0");
        assert_eq!(world.run(&format!("append n {tail}xx")), ":100");
    }

    #[test]
    fn encodings_and_deadlines() {
        let mut world = world();
        let at = Some(world.now.ms + 10_000);
        let cases = [
            ("append k 12", ("int", None)),
            ("append k 3", ("raw", None)),
            ("set k 12 ex 10", ("int", at)),
            ("append k 3", ("raw", at)),
            ("set k abc ex 10", ("embstr", at)),
            ("setrange k 1 x", ("raw", at)),
            ("getdel k", ("raw", at)),
            ("setrange k 1 x", ("raw", None)),
            ("set k 5", ("int", None)),
            ("setrange k 0 9", ("raw", None)),
        ];
        for (line, expected) in cases {
            world.run(line);
            if !line.starts_with("getdel") {
                assert_eq!(form(&world, b"k"), expected, "{line}");
            }
        }
    }

    #[test]
    fn overwriting_a_range() {
        let mut world = world();
        check(
            &mut world,
            &[
                ("setrange k 3 x", ":4", "setrange k", "setrange k 3 x"),
                ("get k", "$4 \0\0\0x", "", ""),
                ("setrange k 1 ab", ":4", "setrange k", "setrange k 1 ab"),
                ("get k", "$4 \0abx", "", ""),
                ("setrange k 3 yz", ":5", "setrange k", "setrange k 3 yz"),
                ("setrange k -1 x", "-ERR offset is out of range", "", ""),
                ("setrange k x x", "-ERR value is not an integer or out of range", "", ""),
                ("setrange k 99 x", ":100", "setrange k", "setrange k 99 x"),
                ("setrange k 100 x", TOO_LONG, "", ""),
                ("setrange nokey 99 xx", TOO_LONG, "", ""),
                ("setrange nokey 9223372036854775807 x", TOO_LONG, "", ""),
                ("setrange l -1 x", "-ERR offset is out of range", "", ""),
                ("setrange l 100 x", WRONG_TYPE, "", ""),
                ("set n 1234", "+OK", "set n", "SET n 1234"),
                ("setrange n 1 xx", ":4", "setrange n", "setrange n 1 xx"),
                ("get n", "$4 1xx4", "", ""),
            ],
        );
        let empty: [(&[u8], &str); 3] = [(b"nokey", ":0"), (b"n", ":4"), (b"l", WRONG_TYPE)];
        for (key, reply) in empty {
            assert_eq!(world.run_words(&[b"setrange", key, b"200", b""]), reply);
        }
        assert!(world.events().is_empty() && world.effects().is_empty());
    }

    #[test]
    fn appending_often_is_cheap() {
        let mut world = world();
        world.settings.bulk_max = 1 << 20;
        for count in 1..=1000 {
            assert_eq!(world.run("append k 0123456789"), format!(":{}", count * 10));
        }
        let space = world.shards[crate::slots::shard_of(b"k", 2)].db(0);
        let entry = space.get(space.hasher().hash(b"k"), b"k").expect("the key is there");
        let crate::keyspace::Value::Object(object) = entry.value() else { panic!("a buffer that grows") };
        assert!(object.heap_bytes() > 10_000, "with room for more");
    }
}
