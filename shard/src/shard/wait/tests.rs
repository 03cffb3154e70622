use super::*;
use crate::event::class;
use crate::keyspace::{Deadline, NewValue, Str};
use crate::shard::Shard;
use crate::slots::shard_of;
use crate::testing::World;
use crate::unit::{Held, Serve, Unit};
use claim::{Claim, Look};
use curfew_protocol::spec::{Group, KeySpec, RW, Spec};
use curfew_protocol::{Args, Resp};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[test]
fn timeouts_are_read_as_by_redis() {
    let now = Moment::from_millis(1_000);
    let cases: &[(&str, Result<Option<i64>, &str>)] = &[
        ("0", Ok(None)),
        ("0.001", Ok(Some(1_001))),
        ("0.0001", Ok(Some(1_001))),
        ("1.5", Ok(Some(2_500))),
        ("-1", Err("ERR timeout is negative")),
        ("x", Err("ERR timeout is not a float or out of range")),
        ("nan", Err("ERR timeout is not a float or out of range")),
        ("1e30", Err("ERR timeout is out of range")),
        ("9223372036854775.8", Err("ERR timeout is out of range")),
        ("inf", Err("ERR timeout is out of range")),
        ("-inf", Err("ERR timeout is negative")),
        ("1e400", Err("ERR timeout is out of range")),
        ("-1e400", Err("ERR timeout is negative")),
        ("1e5000", Err("ERR timeout is not a float or out of range")),
        ("1e-400", Ok(Some(1_001))),
        ("1e-5000", Err("ERR timeout is not a float or out of range")),
        ("-0.0001", Ok(None)),
        ("0x1.8p3", Ok(Some(13_000))),
        ("-0x1", Err("ERR timeout is negative")),
        ("0x", Err("ERR timeout is not a float or out of range")),
    ];
    for (arg, expected) in cases {
        let got = until_seconds(arg.as_bytes(), now).map_err(|error| error.to_string());
        assert_eq!(got, expected.map_err(str::to_string), "{arg}");
    }
    assert_eq!(until_millis(b"5", now), Ok(Some(1_005)));
    assert_eq!(until_millis(b"-5", now), Err(Error::made("ERR timeout is negative")));
    assert_eq!(until_millis(b"1.5", now), Err(Error::made("ERR timeout is not an integer or out of range")));
}

#[test]
fn served_in_the_order_of_arrival() {
    let mut scene = Scene::new(1);
    let [a, b, c] = ["k", "k", "k"].map(|key| scene.wait(&["take", key]));
    scene.run(&["append k xy"]);
    assert_eq!((a.reply(), b.reply(), c.reply()), (Some("k=x".into()), Some("k=y".into()), None));
    scene.run(&["append k z"]);
    assert_eq!(c.reply(), Some("k=z".into()));
    assert!(scene.is_clean());
}

/// Several changes in one unit: nobody is served before its end, and each is served once, whatever the keys.
#[test]
fn served_after_the_whole_unit() {
    let mut scene = Scene::new(4);
    let a = scene.wait(&["take", "k", "l"]);
    let b = scene.wait(&["take", "k"]);
    scene.run(&["append k x", "del k", "append k y", "append l z", "append k w"]);
    assert_eq!((a.reply(), b.reply()), (Some("k=y".into()), Some("k=w".into())));
    assert_eq!(scene.world.run("get l"), "$1 z");
    scene.run(&["append k x", "del k"]);
    assert!(scene.is_clean());
    // What the unit changed comes first, then what was served, each with its events.
    scene.world.events();
    let _c = scene.wait(&["take", "k"]);
    scene.run(&["append k x", "set other 1"]);
    assert_eq!(scene.world.events(), ["append k", "set other", "lpop k"]);
}

#[test]
fn one_for_whom_there_is_nothing_is_passed_over() {
    let mut scene = Scene::new(1);
    let a = scene.wait(&["dots", "k"]);
    let b = scene.wait(&["take", "k"]);
    scene.run(&["append k xy"]);
    assert_eq!((a.reply(), b.reply()), (None, Some("k=x".into())));
    // It has kept its place; and what another leaves may be for it.
    let c = scene.wait(&["take", "k"]);
    scene.run(&["append k .x"]);
    assert_eq!((a.reply(), c.reply()), (Some("k=.".into()), Some("k=y".into())));
    assert!(scene.is_clean());
}

#[test]
fn an_error_is_an_outcome() {
    let mut scene = Scene::new(1);
    let a = scene.wait(&["wrong", "k"]);
    scene.run(&["append k x"]);
    assert_eq!(a.reply(), Some(Error::WRONG_TYPE.to_string()));
    assert!(scene.is_clean());
}

/// One served makes another key ready, and so on.
#[test]
fn chains() {
    for shards in [1, 4] {
        let mut scene = Scene::new(shards);
        let last = scene.wait(&["take", "k4"]);
        let links: Vec<Waiting_> =
            (0..4).map(|i| scene.wait(&["shift", &format!("k{i}"), &format!("k{}", i + 1)])).collect();
        scene.run_all(&["append k0 x"]);
        assert_eq!(last.reply(), Some("k4=x".into()));
        assert!(links.iter().all(|link| link.reply().is_some_and(|reply| reply.ends_with("=x"))));
        assert!(scene.is_clean());
    }
}

/// One that needs a shard that is not held keeps its place, and so do those behind it.
#[test]
fn who_needs_more_shards_is_called_and_not_overtaken() {
    let mut scene = Scene::new(4);
    let (from, to) = scene.keys_apart();
    let first = scene.wait(&["shift", &from, &to]);
    let second = scene.wait(&["take", &from]);
    scene.run(&[&format!("append {from} xy")]);
    assert_eq!((first.waiter.look(), first.woken.load(Relaxed)), (Look::Called, 1));
    scene.run(&[&format!("append {from} z")]);
    assert_eq!((first.reply(), second.reply()), (None, None));
    // Its connection comes with all shards.
    scene.unit_of_all(|unit| {
        assert!(first.waiter.resume());
        unit.recheck(&first.waiter);
    });
    assert_eq!((first.reply(), second.reply()), (Some(format!("{from}=x")), Some(format!("{from}=y"))));
    assert_eq!(scene.world.run(&format!("get {to}")), "$1 x");
    assert!(scene.is_clean());
}

/// The called one gives up: those behind it have their turn.
#[test]
fn who_gives_up_lets_others_have_their_turn() {
    let mut scene = Scene::new(4);
    let (from, to) = scene.keys_apart();
    let first = scene.wait(&["shift", &from, &to]);
    let second = scene.wait(&["take", &from]);
    scene.run(&[&format!("append {from} x")]);
    assert_eq!(first.waiter.end(Outcome::Null), Claim::Mine);
    scene.unit_of_all(|unit| unit.leave_waiter(&first.waiter));
    assert_eq!(second.reply(), Some(format!("{from}=x")));
    assert!(scene.is_clean());
}

#[test]
fn the_dead_are_skipped_and_leave_no_trace() {
    let mut scene = Scene::new(4);
    let (one, two) = scene.keys_apart();
    let gone = scene.wait(&["take", &one, &two]);
    let next = scene.wait(&["take", &one]);
    assert_eq!(gone.waiter.end(Outcome::Null), Claim::Mine);
    assert_eq!(gone.waiter.end(Outcome::Null), Claim::Over);
    // It stands in the queues still.
    scene.run(&[&format!("append {one} x"), &format!("append {two} y")]);
    assert_eq!(next.reply(), Some(format!("{one}=x")));
    assert!(!scene.is_clean());
    scene.unit_of_all(|unit| unit.leave_waiter(&gone.waiter));
    assert!(scene.is_clean());
}

/// Claimed on one shard, wanted on another: whoever comes second leaves the key to the waiter.
#[test]
fn a_claimed_waiter_is_left_alone_and_looks_again() {
    let mut scene = Scene::new(1);
    let first = scene.wait(&["take", "k"]);
    let second = scene.wait(&["take", "k"]);
    assert_eq!(first.waiter.claim(), Claim::Mine);
    scene.run(&["append k x"]);
    assert_eq!((second.reply(), first.waiter.look()), (None, Look::Waiting));
    first.waiter.put_back();
    assert_eq!((first.waiter.look(), first.woken.load(Relaxed)), (Look::Called, 1));
}

#[test]
fn whole_databases_make_keys_ready() {
    let mut scene = Scene::new(4);
    let here = scene.wait(&["take", "k"]);
    scene.world.db = 1;
    let there = scene.wait(&["take", "l"]);
    scene.run(&["append k 1"]);
    scene.world.db = 0;
    scene.run(&["append l 2"]);
    scene.run(&["swapdb 0 1"]);
    assert_eq!((here.reply(), there.reply()), (Some("k=1".into()), Some("l=2".into())));
    assert!(scene.is_clean());
}

/// Of a key that goes, only XREADGROUP is told, as in Redis.
#[test]
fn only_groups_are_told_when_a_key_goes() {
    for line in ["del k", "flushdb", "flushall"] {
        let mut scene = Scene::new(1);
        scene.run(&["append k x"]);
        let other = scene.wait(&["told", "k"]);
        let group = scene.wait(&["xreadgroup", "k"]);
        assert_eq!(scene.world.shards[0].waiting.len_told_of_loss(), 1);
        scene.run_all(&[line]);
        assert_eq!((group.reply(), other.reply()), (Some("ERR gone".into()), None), "{line}");
        assert_eq!(scene.world.shards[0].waiting.len_told_of_loss(), 0);
    }
}

#[test]
fn keys_that_come_by_other_ways() {
    for line in ["rename other k", "copy other k", "mset a 1 k z", "setrange k 0 z"] {
        let mut scene = Scene::new(4);
        scene.run(&["append other z"]);
        let waits = scene.wait(&["take", "k"]);
        scene.run(&[line]);
        assert_eq!(waits.reply(), Some("k=z".into()), "{line}");
    }
}

#[test]
fn many_leave_nothing_behind() {
    let mut scene = Scene::new(2);
    let all: Vec<_> = (0..3_000).map(|i| scene.wait(&["take", &format!("k{i}"), "common"])).collect();
    assert_eq!(scene.world.shards.iter().map(|shard| shard.waiting.len()).sum::<usize>(), 3_001);
    for (i, waits) in all.iter().enumerate().skip(1).step_by(2) {
        scene.run(&[&format!("append k{i} x")]);
        assert!(waits.reply().is_some());
        scene.unit_of_all(|unit| unit.leave_waiter(&waits.waiter));
    }
    scene.run(&["append common x"]);
    assert_eq!(all[0].reply(), Some("common=x".into()));
    for waits in all.iter().skip(2).step_by(2) {
        assert_eq!(waits.waiter.end(Outcome::Null), Claim::Mine);
        scene.unit_of_all(|unit| unit.leave_waiter(&waits.waiter));
    }
    scene.unit_of_all(|unit| unit.leave_waiter(&all[0].waiter));
    assert!(scene.is_clean());
}

// ---- below -------------------------------------------------------------------------------------------------------------

/// A world in which some wait. There is no blocking command among strings, so the tests bring their own: strings stand for
/// lists, their bytes for the elements.
struct Scene {
    world: World,
    next: u64,
}

/// One who waits.
struct Waiting_ {
    waiter: Arc<Waiter>,
    woken: Arc<AtomicUsize>,
}

impl Waiting_ {
    /// `key=element` of the reply, or the error; None while there is none.
    fn reply(&self) -> Option<String> {
        match self.waiter.take_outcome()? {
            Outcome::Reply(reply) => {
                Some(String::from_utf8_lossy(reply.as_bytes()).trim_matches(['+', '\r', '\n']).into())
            }
            Outcome::Error(error) => Some(error.to_string()),
            Outcome::Null => Some("null".into()),
        }
    }
}

const TAKE: Spec = Spec::new("take", -2, Group::String, "1").keys(&[KeySpec::range(1, -1, 1, RW)]);

impl Scene {
    fn new(shards: u16) -> Scene {
        Scene { world: World::new(shards), next: 0 }
    }

    /// Enters one who waits for its keys: `shift`'s second is a destination.
    fn wait(&mut self, words: &[&str]) -> Waiting_ {
        self.next += 1;
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let waited = if words[0] == b"shift" { &words[1..2] } else { &words[1..] };
        let wait = Wait {
            args: OwnedArgs::from_slices(&words),
            keys: waited.iter().map(|key| (*key).into()).collect(),
            until: None,
            null: Null::Array,
        };
        let woken = Arc::new(AtomicUsize::new(0));
        let counter = woken.clone();
        let wake = Box::new(move || {
            counter.fetch_add(1, Relaxed);
        });
        let client = ClientState { db: self.world.db, resp: Resp::Two, no_touch: false };
        let waiter =
            Arc::new(Waiter::new(self.next, client, wait, &TAKE, self.world.shards.len(), wake, Box::new(|| false)));
        self.unit_of_all(|unit| unit.enter_waiter(&waiter));
        Waiting_ { waiter, woken }
    }

    /// Runs commands as one unit that holds the shards of their keys, as EXEC does.
    fn run(&mut self, lines: &[&str]) {
        let count = self.world.shards.len();
        let keys: Vec<usize> =
            lines.iter().flat_map(|line| line.split(' ').skip(1)).map(|key| shard_of(key.as_bytes(), count)).collect();
        let whole =
            lines.iter().any(|line| ["swapdb", "flushdb", "flushall"].iter().any(|name| line.starts_with(name)));
        // One shard alone is held as such.
        let only = keys.iter().copied().next().filter(|_| lines.len() == 1 && lines[0].starts_with("append"));
        self.unit(|index| whole || only.map_or(keys.contains(&index), |only| only == index), |unit| run(unit, lines));
    }

    fn run_all(&mut self, lines: &[&str]) {
        self.unit_of_all(|unit| run(unit, lines));
    }

    fn unit_of_all(&mut self, act: impl FnOnce(&mut Unit<'_>)) {
        self.unit(|_| true, act);
    }

    fn unit(&mut self, holds: impl Fn(usize) -> bool, act: impl FnOnce(&mut Unit<'_>)) {
        let World { shards, sink, now, db, settings, .. } = &mut self.world;
        let mut held: Vec<Option<&mut Shard>> =
            shards.iter_mut().enumerate().map(|(index, shard)| holds(index).then_some(shard)).collect();
        let one = held.iter().flatten().count() == 1;
        let held = match held.iter_mut().find_map(|shard| if one { shard.take() } else { None }) {
            Some(shard) => Held::One(shard),
            None => Held::Many(held),
        };
        let mut unit = Unit::new(held, sink, *now, *db, settings);
        act(&mut unit);
        let mut settled = 0;
        unit.serve_ready(serve_of, |unit| {
            let sink = unit.sink();
            assert!(sink.events.len() > settled || settled == 0, "each is settled with its own events");
            settled = sink.events.len();
        });
        sink.called.drain(..).for_each(|waiter| waiter.wake());
    }

    /// Two keys of different shards.
    fn keys_apart(&self) -> (String, String) {
        let count = self.world.shards.len();
        let other =
            (0..).map(|i| format!("to{i}")).find(|key| shard_of(key.as_bytes(), count) != shard_of(b"from", count));
        ("from".into(), other.expect("a key on another shard"))
    }

    fn is_clean(&self) -> bool {
        self.world.shards.iter().all(|shard| shard.waiting.is_empty() && shard.waiting.of_db(0).next().is_none())
    }
}

/// Runs commands in a unit that is under way.
fn run(unit: &mut Unit<'_>, lines: &[&str]) {
    for line in lines {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let name = line.split(' ').next().expect("a name");
        let row = crate::command::registry::rows().find(|row| row.spec.name == name).expect("a command");
        let args = OwnedArgs::from_slices(&words);
        (row.run)(unit, args.view(), &mut Reply::new(Resp::Two)).expect("a command that works");
    }
}

/// Takes the first byte that fits out of the string at `key`.
fn take(unit: &mut Unit<'_>, key: &[u8], fits: impl Fn(u8) -> bool) -> Result<Option<u8>, Error> {
    let bytes = match unit.peek_str(key)? {
        None => return Ok(None),
        Some(Str::Bytes(bytes)) => bytes.to_vec(),
        Some(Str::Int(number)) => number.to_string().into_bytes(),
    };
    let (first, rest) = (bytes[0], &bytes[1..]);
    if !fits(first) {
        return Ok(None);
    }
    match rest {
        [] => {
            unit.remove(key);
        }
        rest => unit.put_str(key, NewValue::Bytes(rest), Deadline::Keep),
    }
    unit.changed(key, class::STRING, "lpop");
    Ok(Some(first))
}

fn pop_if(unit: &mut Unit<'_>, key: &[u8], out: &mut Reply, fits: fn(u8) -> bool) -> Result<bool, Error> {
    let taken = take(unit, key, fits)?;
    if let Some(byte) = taken {
        out.simple(&format!("{}={}", String::from_utf8_lossy(key), char::from(byte)));
    }
    Ok(taken.is_some())
}

/// How the tests' own commands are served.
fn serve_of(name: &[u8]) -> Option<Serve> {
    match name {
        b"take" => Some(pop),
        b"dots" => Some(pop_dots),
        b"shift" => Some(shift),
        b"wrong" => Some(|_, _, _, _| Err(Error::WRONG_TYPE)),
        b"told" | b"xreadgroup" => Some(|_, _, _, _| Err(Error::made("ERR gone"))),
        _ => None,
    }
}

/// As BLPOP.
fn pop(unit: &mut Unit<'_>, _: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    pop_if(unit, key, out, |_| true)
}

/// One that waits for something else.
fn pop_dots(unit: &mut Unit<'_>, _: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    pop_if(unit, key, out, |byte| byte == b'.')
}

/// As BLMOVE.
fn shift(unit: &mut Unit<'_>, args: Args<'_>, key: &[u8], out: &mut Reply) -> Result<bool, Error> {
    let to = args.at(2);
    if !unit.holds(to) {
        return Ok(false);
    }
    let Some(byte) = take(unit, key, |_| true)? else { return Ok(false) };
    unit.put_str(to, NewValue::Bytes(&[byte]), Deadline::Clear);
    unit.changed(to, class::STRING, "rpop");
    out.simple(&format!("{}={}", String::from_utf8_lossy(key), char::from(byte)));
    Ok(true)
}
