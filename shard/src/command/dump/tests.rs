use crate::command::describe::describe;
use crate::command::generic::testing::{over_shards, put, with_unit};
use crate::rdb::payload::seal;
use crate::testing::World;
use curfew_protocol::Reply;
use curfew_protocol::args::OwnedArgs;

/// The payload of a string.
fn payload(text: &str) -> Vec<u8> {
    let mut payload = vec![0, text.len() as u8];
    payload.extend_from_slice(text.as_bytes());
    seal(&mut payload);
    payload
}

fn restore(world: &mut World, key: &str, ttl: &str, payload: &[u8], options: &str) -> String {
    let mut words: Vec<&[u8]> = vec![b"RESTORE", key.as_bytes(), ttl.as_bytes(), payload];
    words.extend(options.split_whitespace().map(str::as_bytes));
    world.run_words(&words)
}

#[test]
fn a_payload_is_that_of_redis() {
    let mut world = World::new(1);
    put(&mut world, "k", b"10", None);
    let mut out = Reply::default();
    world.run_args(OwnedArgs::from_slices(&[b"DUMP", b"k"]).view(), &mut out);
    // Of Redis 8.0.6.
    assert_eq!(out.as_bytes(), b"$13\r\n\x00\xc0\x0a\x0c\x00\xa5\xe9\x63\x85\xf4\x84\xfd\xf2\r\n");
    assert_eq!(world.run("DUMP q"), "$-1");
    assert!(world.effects().is_empty() && world.events().is_empty());
}

#[test]
fn errors_come_in_the_order_of_redis() {
    let good = payload("v");
    let mut bad = good.clone();
    bad[2] ^= 1;
    let mut nothing = b"\x06".to_vec();
    seal(&mut nothing);
    let not_int = "-ERR value is not an integer or out of range";
    let cases: &[(&str, &[u8], &str, &str)] = &[
        ("0", &good, "", "-BUSYKEY Target key name already exists."),
        ("x", &bad, "", "-BUSYKEY Target key name already exists."),
        ("x", &bad, "REPLACE", not_int),
        ("-1", &bad, "REPLACE", "-ERR Invalid TTL value, must be >= 0"),
        ("1", &bad, "REPLACE", "-ERR DUMP payload version or checksum are wrong"),
        ("1", b"", "REPLACE", "-ERR DUMP payload version or checksum are wrong"),
        ("1", &nothing, "REPLACE", "-ERR Bad data format"),
        ("x", &bad, "FOO", "-ERR syntax error"),
        ("x", &bad, "IDLETIME", "-ERR syntax error"),
        ("x", &bad, "IDLETIME x", not_int),
        ("x", &bad, "IDLETIME -1", "-ERR Invalid IDLETIME value, must be >= 0"),
        ("x", &bad, "FREQ 256", "-ERR Invalid FREQ value, must be >= 0 and <= 255"),
        ("x", &bad, "FREQ -1", "-ERR Invalid FREQ value, must be >= 0 and <= 255"),
        ("x", &bad, "FREQ 99999999999999999999", not_int),
        ("x", &bad, "FREQ 1 IDLETIME 1", "-ERR syntax error"),
        ("x", &bad, "IDLETIME 1 FREQ 1", "-ERR syntax error"),
    ];
    over_shards(|world| {
        put(world, "k", b"old", None);
        for (ttl, payload, options, reply) in cases {
            assert_eq!(restore(world, "k", ttl, payload, options), *reply, "{ttl} {options}");
        }
        assert!(world.effects().is_empty() && world.events().is_empty());
        assert_eq!(world.run("GET k"), "$3 old");
    });
}

#[test]
fn a_key_is_made_with_its_deadline() {
    over_shards(|world| {
        let now = world.now.ms;
        assert_eq!(restore(world, "a", "0", &payload("v"), ""), "+OK");
        assert_eq!(world.effect_lines(), ["SET a v"]);
        assert_eq!(restore(world, "b", "500", &payload("12"), ""), "+OK");
        assert_eq!(world.effect_lines(), [format!("SET b 12 PXAT {}", now + 500)]);
        assert_eq!(world.run("OBJECT ENCODING b"), "$3 int");
        assert_eq!(restore(world, "c", &(now + 9).to_string(), &payload("v"), "absttl"), "+OK");
        assert_eq!(world.run("PTTL c"), ":9");
        assert_eq!(world.events(), ["restore a", "restore b", "restore c"]);
        world.effects();
        assert_eq!(restore(world, "b", "0", &payload("w"), "replace"), "+OK");
        assert_eq!(world.effect_lines(), ["DEL b", "SET b w"]);
        assert_eq!(world.run("TTL b"), ":-1");
        assert_eq!(world.events(), ["restore b"]);
    });
}

#[test]
fn what_is_past_is_not_made() {
    over_shards(|world| {
        let now = world.now.ms.to_string();
        assert_eq!(restore(world, "a", &now, &payload("v"), "ABSTTL"), "+OK");
        assert!(world.effects().is_empty() && world.events().is_empty());
        put(world, "a", b"old", None);
        assert_eq!(restore(world, "a", "1", &payload("v"), "ABSTTL REPLACE"), "+OK");
        assert_eq!(world.effect_lines(), ["DEL a"]);
        assert_eq!(world.events(), ["del a"]);
        let invalid = "-ERR invalid expire time in 'restore' command";
        put(world, "far", b"old", None);
        assert_eq!(restore(world, "far", &i64::MAX.to_string(), &payload("v"), "REPLACE"), invalid);
        assert_eq!(world.run("GET far"), "$3 old", "nothing has changed");
        let last = (i64::MAX - world.now.ms).to_string();
        for (ttl, options) in [(i64::MAX.to_string(), "REPLACE ABSTTL"), (last, "REPLACE")] {
            assert_eq!(restore(world, "far", &ttl, &payload("v"), options), "+OK");
            assert_eq!(world.run("PEXPIRETIME far"), format!(":{}", i64::MAX - 1));
        }
        assert_eq!(restore(world, "idle", "0", &payload("v"), &format!("IDLETIME {}", i64::MAX)), "+OK");
        assert_eq!(world.run("OBJECT IDLETIME idle"), format!(":{}", (1 << 24) - 1), "as long as can be told");
        // But a key that is past its deadline is not in the way.
        put(world, "a", b"old", Some(world.now.ms + 1));
        world.pass(2);
        assert_eq!(restore(world, "a", "0", &payload("v"), ""), "+OK");
        assert_eq!(world.run("GET a"), "$1 v");
    });
}

#[test]
fn accesses_are_as_said() {
    over_shards(|world| {
        assert_eq!(restore(world, "a", "0", &payload("v"), "IDLETIME 100"), "+OK");
        assert_eq!(world.run("OBJECT IDLETIME a"), ":100");
        assert_eq!(restore(world, "b", "0", &payload("v"), "FREQ 100"), "+OK");
        assert_eq!(world.run("OBJECT IDLETIME b"), ":0");
        world.settings.lfu = true;
        assert_eq!(restore(world, "c", "0", &payload("v"), "FREQ 100"), "+OK");
        assert_eq!(world.run("OBJECT FREQ c"), ":100");
        assert_eq!(restore(world, "d", "0", &payload("v"), "IDLETIME 100"), "+OK");
        assert_eq!(world.run("OBJECT FREQ d"), ":5");
    });
}

#[test]
fn fields_that_are_due_go_with_their_event() {
    over_shards(|world| {
        // A field with a deadline of 1 ms after 1970, another without.
        let mut body = b"\x18\x01\x00\x00\x00\x00\x00\x00\x00\x02\x01\x01f\x01v\x00\x01g\x01w".to_vec();
        seal(&mut body);
        put(world, "k", b"old", None);
        assert_eq!(restore(world, "k", "0", &body, "REPLACE"), "+OK");
        assert_eq!(world.run("HGETALL k"), "*2 $1 g $1 w");
        assert_eq!(world.events(), ["restore k", "hexpired k"]);
        assert_eq!(with_unit(world, |unit| describe(unit, 0, b"k")).len(), 2);
        let mut body = b"\x18\x01\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01f\x01v".to_vec();
        seal(&mut body);
        assert_eq!(restore(world, "k", "0", &body, "REPLACE"), "+OK");
        assert_eq!(world.run("EXISTS k"), ":0");
        assert_eq!(world.events(), ["restore k", "hexpired k", "del k"]);
        assert_eq!(world.effect_lines().last().map(String::as_str), Some("DEL k"));
    });
}
