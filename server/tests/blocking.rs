//! Clients that wait for keys: in the order in which they came, once for each element, whatever else goes on.
//!
//! `CURFEW_TEST_SUBJECT=reference` runs them against Redis, which must pass too.

mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use support::client::Incoming;
use support::{Client, PATIENCE, Random, Reply, Server, wait_until};

/// More than there are cores on small machines.
const SHARDS: usize = 4;

/// A short time in which nothing is to happen. Where it is too short, a test passes that should have failed; never the
/// other way round.
const MOMENT: Duration = Duration::from_millis(20);

fn server() -> Server {
    Server::subject(SHARDS, &[])
}

/// A figure of INFO clients.
fn figure(client: &mut Client, name: &str) -> usize {
    let text = client.line("INFO clients").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::to_owned);
    line.expect("a figure of INFO").parse().expect("a number")
}

fn blocked(client: &mut Client, count: usize) {
    wait_until("clients are blocked", || figure(client, "blocked_clients") == count);
}

/// A client that is blocked in `line`, the `count`th to be so.
fn waiter(server: &Server, observer: &mut Client, line: &str, count: usize) -> Client {
    let mut client = server.client();
    client.send(&support::words(line));
    blocked(observer, count);
    client
}

fn pair(key: &str, value: &str) -> Reply {
    Reply::Array(vec![Reply::bulk(key), Reply::bulk(value)])
}

#[test]
fn first_come_first_served() {
    let server = server();
    let mut client = server.client();
    let mut waiters: Vec<Client> = (1..=5).map(|n| waiter(&server, &mut client, "BLPOP other k 0", n)).collect();
    assert_eq!(figure(&mut client, "total_blocking_keys"), 2);
    assert_eq!(client.int("RPUSH k 1 2 3"), 3);
    for (waiter, value) in waiters.iter_mut().zip(["1", "2", "3"]) {
        assert_eq!(waiter.read(), pair("k", value));
    }
    client.line("RPUSH k 4");
    client.line("RPUSH other 5");
    assert_eq!(waiters[3].read(), pair("k", "4"));
    assert_eq!(waiters[4].read(), pair("other", "5"));
    blocked(&mut client, 0);
    wait_until("no key is left behind", || figure(&mut client, "total_blocking_keys") == 0);
}

/// Whoever pushes sees next what is left when all who waited have been served.
#[test]
fn the_producers_next_command_sees_it_popped() {
    let server = server();
    let mut client = server.client();
    for round in 0..50 {
        let key = format!("k{round}");
        let mut first = waiter(&server, &mut client, &format!("BLPOP {key} 0"), 1);
        let replies = client.pipeline(&[&format!("RPUSH {key} a b"), &format!("LLEN {key}"), &format!("LPOP {key}")]);
        assert_eq!(replies, [Reply::Int(2), Reply::Int(1), Reply::bulk("b")]);
        assert_eq!(first.read(), pair(&key, "a"));
    }
}

/// dragonfly#2857 and others: nobody is served in the middle of MULTI or of a script.
#[test]
fn served_after_the_whole_unit() {
    let server = server();
    let mut client = server.client();
    let mut first = waiter(&server, &mut client, "BLPOP k other 0", 1);
    let replies = client.pipeline(&[
        "MULTI",
        "RPUSH k a",
        "LPOP k",
        "RPUSH k b",
        "RPUSH other c",
        "LLEN k",
        "SET x 1",
        "EXEC",
        "LLEN k",
        "LLEN other",
    ]);
    let exec = [1, 0, 1, 1, 1, 0].map(Reply::Int).to_vec();
    let exec = [exec[0].clone(), Reply::bulk("a"), exec[2].clone(), exec[3].clone(), exec[4].clone(), Reply::ok()];
    assert_eq!(replies[7], Reply::Array(exec.to_vec()));
    assert_eq!(replies[8..], [Reply::Int(0), Reply::Int(1)]);
    assert_eq!(first.read(), pair("k", "b"));
    for script in [
        "redis.call('RPUSH',KEYS[1],'a') redis.call('DEL',KEYS[1]) return redis.call('RPUSH',KEYS[1],'b','c')",
        "redis.call('RPUSH','s','a') redis.call('DEL','s') return redis.call('RPUSH','s','b','c')",
    ] {
        let mut second = waiter(&server, &mut client, "BRPOP s 0", 1);
        let keys = if script.contains("KEYS") { "1" } else { "0" };
        assert_eq!(client.cmd(&["EVAL", script, keys, "s"]), Reply::Int(2));
        assert_eq!(client.int("LLEN s"), 1);
        assert_eq!(second.read(), pair("s", "c"));
        client.line("DEL s");
    }
    // What is gone again at the end serves nobody.
    let mut third = waiter(&server, &mut client, "BLPOP k 0", 1);
    client.pipeline(&["MULTI", "RPUSH k a", "DEL k", "EXEC"]);
    assert_eq!(third.next(MOMENT), Incoming::Nothing);
}

#[test]
fn neither_transactions_nor_scripts_wait() {
    let server = server();
    let mut client = server.client();
    let replies = client.pipeline(&["MULTI", "BLPOP k 0", "BLMOVE k l LEFT LEFT 0", "SET x 1", "EXEC"]);
    assert_eq!(replies[4], Reply::Array(vec![Reply::NullArray, Reply::NullBulk, Reply::ok()]));
    assert_eq!(client.cmd(&["EVAL", "return redis.call('BLPOP',KEYS[1],0)", "1", "k"]), Reply::NullBulk);
    let mut modern = server.client().hello3();
    let replies = modern.pipeline(&["MULTI", "BLPOP k 0", "EXEC"]);
    assert_eq!(replies[2], Reply::Array(vec![Reply::Null]));
}

#[test]
fn timeouts() {
    let server = server();
    let mut client = server.client();
    let mut best = Duration::MAX;
    for (line, null) in [
        ("BLPOP k l 0.03", Reply::NullArray),
        ("BLMOVE k l LEFT LEFT 0.03", Reply::NullArray),
        ("BRPOPLPUSH k l 0.03", Reply::NullArray),
    ] {
        for _ in 0..5 {
            let start = Instant::now();
            assert_eq!(client.line(line), null, "{line}");
            let took = start.elapsed();
            assert!(took >= Duration::from_millis(29), "{line} took {took:?}");
            best = best.min(took);
        }
    }
    // The best of many, as the machine may be busy.
    assert!(best < Duration::from_millis(40) || server.is_reference(), "the best took {best:?}");
    assert_eq!(figure(&mut client, "total_blocking_keys"), 0);
    assert_eq!(client.line("BLPOP k -1"), Reply::error("ERR timeout is negative"));
}

#[test]
fn unblock() {
    let server = server();
    let mut client = server.client();
    let id = |client: &mut Client| client.int("CLIENT ID");
    let mut first = server.client();
    let first_id = id(&mut first);
    assert_eq!(client.int(&format!("CLIENT UNBLOCK {first_id}")), 0);
    assert_eq!(client.int("CLIENT UNBLOCK 123456"), 0);
    for (option, reply) in [
        ("", Reply::NullArray),
        ("TIMEOUT", Reply::NullArray),
        ("ERROR", Reply::error("UNBLOCKED client unblocked via CLIENT UNBLOCK")),
    ] {
        first.send(&["BLPOP", "k", "l", "0"]);
        blocked(&mut client, 1);
        assert_eq!(client.int(&format!("CLIENT UNBLOCK {first_id} {option}")), 1);
        assert_eq!(first.read(), reply);
        assert_eq!(client.int(&format!("CLIENT UNBLOCK {first_id} {option}")), 0);
        // Nothing is left of it.
        assert_eq!(client.int("RPUSH k v"), 1);
        assert_eq!(client.line("LPOP k"), Reply::bulk("v"));
    }
    wait_until("no key is left behind", || figure(&mut client, "total_blocking_keys") == 0);
}

#[test]
fn what_is_pipelined_comes_before_and_after() {
    let server = server();
    let mut client = server.client();
    let mut first = server.client();
    let lines = ["SET before 1", "GET before", "BLPOP k 0", "SET after 1", "BLPOP k 0", "APPEND after 2"];
    first.raw(&lines.iter().flat_map(|line| support::client::encode(&support::words(line))).collect::<Vec<u8>>());
    assert_eq!((first.read(), first.read()), (Reply::ok(), Reply::bulk("1")));
    blocked(&mut client, 1);
    // More comes while it is blocked, in pieces.
    first.raw(b"*2\r\n$3\r\nGET\r\n$5");
    thread::sleep(MOMENT);
    first.raw(b"\r\nafter\r\n*1\r\n$4\r\nPI");
    assert_eq!(client.int("EXISTS after"), 0);
    client.line("RPUSH k a");
    assert_eq!((first.read(), first.read()), (pair("k", "a"), Reply::ok()));
    blocked(&mut client, 1);
    assert_eq!(client.line("GET after"), Reply::bulk("1"));
    client.line("RPUSH k b");
    assert_eq!((first.read(), first.read(), first.read()), (pair("k", "b"), Reply::Int(2), Reply::bulk("12")));
    first.raw(b"NG\r\n");
    assert_eq!(first.read(), Reply::simple("PONG"));
}

#[test]
fn who_goes_while_blocked_takes_nothing() {
    let server = server();
    let mut client = server.client();
    for way in ["close", "half", "kill"] {
        let mut gone = server.client();
        let id = gone.int("CLIENT ID");
        gone.send(&["BLPOP", "k", "l", "m", "0"]);
        blocked(&mut client, 1);
        let text = client.line(&format!("CLIENT LIST ID {id}")).text();
        assert!(text.contains(" flags=b ") && text.contains(" cmd=blpop "), "{text}");
        match way {
            "close" => drop(gone),
            "half" => {
                gone.half_close();
                assert_eq!(gone.read_to_close(), []);
            }
            _ => {
                assert_eq!(client.int(&format!("CLIENT KILL ID {id}")), 1);
                assert_eq!(gone.read_to_close(), []);
            }
        }
        blocked(&mut client, 0);
        assert_eq!(client.int("RPUSH l v"), 1);
        assert_eq!(client.line("LPOP l"), Reply::bulk("v"));
        wait_until("no key is left behind", || figure(&mut client, "total_blocking_keys") == 0);
    }
}

#[test]
fn a_key_of_another_type_serves_nobody() {
    let server = server();
    let mut client = server.client();
    let mut first = waiter(&server, &mut client, "BLPOP k l 0", 1);
    client.ok("SET k text");
    client.line("APPEND k text");
    assert_eq!(first.next(MOMENT), Incoming::Nothing);
    client.line("DEL k");
    client.line("RPUSH k v");
    assert_eq!(first.read(), pair("k", "v"));
    // The destination is of another type: an error, and the element stays.
    client.ok("SET dst text");
    let mut second = waiter(&server, &mut client, "BLMOVE src dst LEFT LEFT 0", 1);
    client.line("RPUSH src v");
    assert!(second.read().text().starts_with("WRONGTYPE"));
    assert_eq!(client.int("LLEN src"), 1);
}

/// BLMOVE from shard to shard, each waking the next.
#[test]
fn chains_over_shards() {
    let server = server();
    let mut client = server.client();
    let mut last = waiter(&server, &mut client, "BLPOP k9 0", 1);
    let mut links: Vec<Client> =
        (0..9).map(|n| waiter(&server, &mut client, &format!("BLMOVE k{n} k{} LEFT RIGHT 0", n + 1), n + 2)).collect();
    client.line("RPUSH k0 v");
    assert_eq!(last.read(), pair("k9", "v"));
    links.iter_mut().for_each(|link| assert_eq!(link.read(), Reply::bulk("v")));
    let names: Vec<String> = (0..10).map(|n| format!("k{n}")).collect();
    assert_eq!(client.int(&format!("EXISTS {}", names.join(" "))), 0);
    // Onto itself.
    let mut circle = waiter(&server, &mut client, "BLMOVE c c LEFT RIGHT 0", 1);
    client.line("RPUSH c 1 2");
    assert_eq!(circle.read(), Reply::bulk("1"));
    assert_eq!(client.line("LRANGE c 0 -1"), Reply::Array(vec![Reply::bulk("2"), Reply::bulk("1")]));
}

/// One that needs two shards is not overtaken by one behind it that needs one of them.
#[test]
fn who_moves_between_shards_keeps_its_place() {
    let server = server();
    let mut client = server.client();
    for round in 0..30 {
        let (from, to) = (format!("from{round}"), format!("to{round}"));
        let mut mover = waiter(&server, &mut client, &format!("BLMOVE {from} {to} LEFT RIGHT 0"), 1);
        let mut popper = waiter(&server, &mut client, &format!("BLPOP {from} 0"), 2);
        client.line(&format!("RPUSH {from} a"));
        assert_eq!(mover.read(), Reply::bulk("a"));
        assert_eq!(client.line(&format!("LPOP {to}")), Reply::bulk("a"));
        assert_eq!(popper.next(Duration::from_millis(1)), Incoming::Nothing);
        client.line(&format!("RPUSH {from} b"));
        assert_eq!(popper.read(), pair(&from, "b"));
    }
}

#[test]
fn keys_that_come_by_other_ways() {
    let server = server();
    let mut client = server.client();
    for line in ["RENAME other k", "COPY other k", "LMOVE other k LEFT RIGHT", "SWAPDB 0 1", "MOVE k 0"] {
        client.ok("FLUSHALL");
        let mut first = waiter(&server, &mut client, "BLPOP k 0", 1);
        if line.starts_with("SWAPDB") || line.starts_with("MOVE") {
            client.ok("SELECT 1");
            client.line("RPUSH k v");
        } else {
            client.line("RPUSH other v");
        }
        assert_eq!(first.next(Duration::from_millis(1)), Incoming::Nothing);
        client.line(line);
        client.ok("SELECT 0");
        assert_eq!(first.read(), pair("k", "v"), "{line}");
    }
}

/// The events of the push come before those of the pops, each command's together.
#[test]
fn events_in_order() {
    let server = server();
    let mut client = server.client();
    client.ok("CONFIG SET notify-keyspace-events KEA");
    let mut listener = server.client();
    listener.line("PSUBSCRIBE __keyevent@0__:*");
    let mut first = waiter(&server, &mut client, "BLPOP k 0", 1);
    client.pipeline(&["MULTI", "RPUSH k a", "SET x 1", "EXEC"]);
    assert_eq!(first.read(), pair("k", "a"));
    let events: Vec<String> = (0..4)
        .map(|_| {
            let event = listener.read();
            let name = event.items()[2].text();
            format!("{} {}", name.rsplit(':').next().expect("a name"), event.items()[3].text())
        })
        .collect();
    assert_eq!(events, ["rpush k", "set x", "lpop k", "del k"]);
}

#[test]
fn messages_reach_a_blocked_client() {
    let server = server();
    let mut client = server.client();
    let mut first = server.client().hello3();
    first.send(&["SUBSCRIBE", "channel"]);
    first.push();
    first.send(&["BLPOP", "k", "0"]);
    blocked(&mut client, 1);
    for round in 0..3 {
        assert_eq!(client.int(&format!("PUBLISH channel {round}")), 1);
        assert_eq!(first.push().items()[2], Reply::bulk(round.to_string()));
    }
    client.line("RPUSH k v");
    assert_eq!(first.read(), pair("k", "v"));
}

#[test]
fn blocked_clients_are_not_idle() {
    let server = server();
    let mut client = server.client();
    let mut first = waiter(&server, &mut client, "BLPOP k 0", 1);
    let mut idle = server.client();
    client.ok("CONFIG SET timeout 1");
    let start = Instant::now();
    while idle.next(MOMENT) != Incoming::Closed {
        assert!(start.elapsed() < PATIENCE, "the idle one is not closed");
        client.ok("SET x 1");
    }
    client.line("RPUSH k v");
    assert_eq!(first.read(), pair("k", "v"));
    // Nor is it right after.
    assert_eq!(first.line("PING"), Reply::simple("PONG"));
}

#[test]
fn replies_that_are_not_wanted() {
    let server = server();
    let mut client = server.client();
    let mut first = server.client();
    first.send(&["CLIENT", "REPLY", "SKIP"]);
    first.send(&["BLPOP", "k", "0"]);
    blocked(&mut client, 1);
    client.line("RPUSH k v");
    assert_eq!(first.line("LLEN k"), Reply::Int(0));
}

#[test]
fn a_served_command_is_one_call() {
    let server = server();
    let mut client = server.client();
    let mut first = waiter(&server, &mut client, "BLPOP k 0", 1);
    client.line("RPUSH k v");
    first.read();
    let text = client.line("INFO commandstats").text();
    assert!(text.contains("cmdstat_blpop:calls=1,"), "{text}");
}

/// Each waits for a key of its own and for a common one.
#[test]
fn two_thousand() {
    const COUNT: usize = 2_000;
    let server = server();
    let mut client = server.client();
    let mut waiters: Vec<Client> = (0..COUNT)
        .map(|n| {
            let mut waiter = server.client();
            waiter.send(&["BLPOP", &format!("own{n}"), "common", if n % 2 == 0 { "0" } else { "1000" }]);
            waiter
        })
        .collect();
    blocked(&mut client, COUNT);
    assert_eq!(figure(&mut client, "total_blocking_keys"), COUNT + 1);
    assert_eq!(figure(&mut client, "clients_in_timeout_table"), COUNT / 2);
    for n in (0..COUNT).step_by(4) {
        assert_eq!(client.int(&format!("RPUSH own{n} v")), 1);
    }
    let values: Vec<String> = (0..COUNT).map(|n| n.to_string()).collect();
    for chunk in values.chunks(100) {
        client.line(&format!("RPUSH common {}", chunk.join(" ")));
    }
    let mut seen = vec![false; COUNT];
    for (n, waiter) in waiters.iter_mut().enumerate() {
        let reply = waiter.read();
        if n % 4 == 0 {
            assert_eq!(reply, pair(&format!("own{n}"), "v"));
        } else {
            let value: usize = reply.items()[1].text().parse().expect("a number");
            assert!(!std::mem::replace(&mut seen[value], true), "{value} came twice");
        }
    }
    let served = COUNT - COUNT / 4;
    assert!(seen[..served].iter().all(|seen| *seen), "in order");
    assert_eq!(client.int("LLEN common"), (COUNT / 4) as i64);
    wait_until("no key is left behind", || figure(&mut client, "total_blocking_keys") == 0);
}

/// Producers of all kinds, consumers on keys of all shards: each element is delivered once, and those of one producer in
/// one list in the order in which it pushed them.
#[test]
fn every_element_once_and_in_order() {
    const KEYS: usize = 6;
    const EACH: usize = 1_200;
    let server = server();
    let produced = AtomicUsize::new(0);
    let (server, produced) = (&server, &produced);
    let got: Vec<Vec<(String, String)>> = thread::scope(|scope| {
        let consumers: Vec<_> = (0..8u64)
            .map(|seed| {
                scope.spawn(move || {
                    let (mut random, mut client) = (Random::of(seed), server.client());
                    let mut got = Vec::new();
                    loop {
                        let from = random.below(KEYS);
                        let keys: Vec<String> = (0..KEYS).map(|n| format!("q{}", (n + from) % KEYS)).collect();
                        let (name, timeout) = (if seed % 2 == 0 { "BLPOP" } else { "BLMPOP" }, "0.2");
                        let reply = match name {
                            "BLPOP" => client.line(&format!("BLPOP {} {timeout}", keys.join(" "))),
                            _ => client.line(&format!("BLMPOP {timeout} {KEYS} {} LEFT", keys.join(" "))),
                        };
                        if reply.is_null() {
                            if produced.load(SeqCst) == 4 {
                                return got;
                            }
                            continue;
                        }
                        let key = reply.items()[0].text();
                        let value = match &reply.items()[1] {
                            Reply::Array(values) => values[0].text(),
                            value => value.text(),
                        };
                        got.push((key, value));
                    }
                })
            })
            .collect();
        // Who comes and goes in the middle, with nothing to take but time.
        scope.spawn(move || {
            let mut random = Random::of(99);
            while produced.load(SeqCst) < 4 {
                let mut client = server.client();
                client.send(&["BLPOP", "never0", "never1", "never2", "0"]);
                if random.one_in(2) {
                    client.half_close();
                }
            }
        });
        for producer in 0..4u64 {
            scope.spawn(move || {
                let (mut random, mut client) = (Random::of(producer + 1_000), server.client());
                for n in 0..EACH / 2 {
                    let (a, b) = (format!("q{}", random.below(KEYS)), format!("q{}", random.below(KEYS)));
                    let (x, y) = (format!("{producer}-{:05}", 2 * n), format!("{producer}-{:05}", 2 * n + 1));
                    match producer {
                        0 => drop(client.pipeline(&[&format!("RPUSH {a} {x}"), &format!("RPUSH {b} {y}")])),
                        1 => drop(client.pipeline(&[
                            "MULTI",
                            &format!("RPUSH {a} {x}"),
                            &format!("RPUSH {b} {y}"),
                            "EXEC",
                        ])),
                        _ => {
                            let script = match producer {
                                2 => "redis.call('RPUSH',KEYS[1],ARGV[1]) redis.call('RPUSH',KEYS[2],ARGV[2])",
                                _ => "redis.call('RPUSH',ARGV[3],ARGV[1]) redis.call('RPUSH',ARGV[4],ARGV[2])",
                            };
                            let keys: &[&str] = if producer == 2 { &["2", &a, &b] } else { &["0"] };
                            let reply = client.cmd(&[&["EVAL", script], keys, &[&x, &y, &a, &b]].concat());
                            assert!(!reply.is_error(), "{reply}");
                        }
                    }
                }
                produced.fetch_add(1, SeqCst);
            });
        }
        consumers.into_iter().map(|consumer| consumer.join().expect("nothing wrong")).collect()
    });
    let mut all: Vec<&String> = got.iter().flatten().map(|(_, value)| value).collect();
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!((all.len(), count), (4 * EACH, 4 * EACH), "each once");
    for one in &got {
        let mut last: HashMap<(&str, &str), &str> = HashMap::new();
        for (key, value) in one {
            let producer = value.split('-').next().expect("a producer");
            let before = last.insert((key, producer), value);
            assert!(before.is_none_or(|before| before < value.as_str()), "{before:?} before {value} of {key}");
        }
    }
    let mut client = server.client();
    wait_until("all have gone", || figure(&mut client, "blocked_clients") == 0);
    wait_until("no key is left behind", || figure(&mut client, "total_blocking_keys") == 0);
}

/// Clients that are cut off in the middle: what was on its way to them is lost with them, nothing else, and nothing comes
/// twice.
#[test]
fn disconnects_in_the_middle() {
    const ELEMENTS: usize = 3_000;
    let server = server();
    let server = &server;
    let done = AtomicUsize::new(0);
    let done = &done;
    let (mut got, gone) = thread::scope(|scope| {
        let steady: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(move || {
                    let (mut client, mut got) = (server.client(), Vec::new());
                    loop {
                        let reply = client.line("BLPOP a b c 0.2");
                        match reply {
                            Reply::Array(items) => got.push(items[1].text()),
                            _ if done.load(SeqCst) == 1 => return got,
                            _ => {}
                        }
                    }
                })
            })
            .collect();
        let leavers: Vec<_> = (0..3u64)
            .map(|seed| {
                scope.spawn(move || {
                    let (mut random, mut got, mut gone) = (Random::of(seed), Vec::new(), 0);
                    while done.load(SeqCst) == 0 {
                        let mut client = server.client();
                        client.send(&["BLPOP", "a", "b", "c", "0"]);
                        match client.next(Duration::from_micros(50 + random.below(500) as u64)) {
                            Incoming::Reply(reply) => got.push(reply.items()[1].text()),
                            _ => gone += 1,
                        }
                    }
                    (got, gone)
                })
            })
            .collect();
        let mut producer = server.client();
        for n in 0..ELEMENTS / 3 {
            producer
                .pipeline(&["a", "b", "c"].map(|key| format!("RPUSH {key} {key}{n}")).each_ref().map(String::as_str));
        }
        done.store(1, SeqCst);
        let mut got: Vec<String> = steady.into_iter().flat_map(|one| one.join().expect("nothing wrong")).collect();
        let mut gone = 0;
        for leaver in leavers {
            let (some, left) = leaver.join().expect("nothing wrong");
            got.extend(some);
            gone += left;
        }
        (got, gone)
    });
    let mut client = server.client();
    wait_until("all have gone", || figure(&mut client, "blocked_clients") == 0);
    let left: i64 = ["a", "b", "c"].map(|key| client.int(&format!("LLEN {key}"))).iter().sum();
    let count = got.len();
    got.sort();
    got.dedup();
    assert_eq!(got.len(), count, "nothing comes twice");
    let lost = ELEMENTS - count - left as usize;
    assert!(lost <= gone, "{lost} lost, with {gone} who left");
    wait_until("no key is left behind", || figure(&mut client, "total_blocking_keys") == 0);
}

/// Movers between lists on all shards: the elements go round, and none is lost or doubled.
#[test]
fn elements_go_round() {
    const KEYS: usize = 5;
    const ELEMENTS: usize = 20;
    let server = server();
    let mut client = server.client();
    thread::scope(|scope| {
        for mover in 0..KEYS * 2 {
            let mut client = server.client();
            scope.spawn(move || {
                let (from, to) = (mover % KEYS, (mover + 1 + mover / KEYS) % KEYS);
                for _ in 0..400 {
                    client.line(&format!("BLMOVE r{from} r{to} LEFT RIGHT 0.05"));
                }
            });
        }
        for n in 0..ELEMENTS {
            client.line(&format!("RPUSH r{} e{n}", n % KEYS));
        }
    });
    let mut all: Vec<Reply> =
        (0..KEYS).flat_map(|n| client.line(&format!("LRANGE r{n} 0 -1")).items().to_vec()).collect();
    all.sort();
    let mut expected: Vec<Reply> = (0..ELEMENTS).map(|n| Reply::bulk(format!("e{n}"))).collect();
    expected.sort();
    assert_eq!(all, expected);
    blocked(&mut client, 0);
    wait_until("no key is left behind", || figure(&mut client, "total_blocking_keys") == 0);
}

/// One that needs a shard which a script keeps: it holds its place until it can be served, and may be unblocked meanwhile.
#[test]
fn a_mover_waits_for_a_busy_script() {
    const SCRIPT: &str = "repeat redis.call('GET', KEYS[1]) until ARGV[1] ~= 'long'";
    let server = server();
    if server.is_reference() {
        return; // there a script stops everybody
    }
    let mut client = server.client();
    client.ok("CONFIG SET busy-reply-threshold 10");
    let mut runner = server.client();
    // Its first runs hold every shard.
    for _ in 0..100 {
        runner.cmd(&["EVAL", SCRIPT, "1", "dst", "short"]);
    }
    for ends in ["script", "unblock", "timeout"] {
        runner.send(&["EVAL", SCRIPT, "1", "dst", "long"]);
        wait_until("the script is busy", || client.line("GET dst").is_error());
        // A source on another shard than the script's.
        let names: Vec<String> = (0..100).map(|n| format!("src{n}")).collect();
        let src = names.iter().find(|name| !client.line(&format!("EXISTS {name}")).is_error());
        let src = src.expect("a key of another shard");
        client.line("SCRIPT KILL");
        assert!(runner.read().is_error());
        let timeout = if ends == "timeout" { "0.2" } else { "0" };
        let mut mover = waiter(&server, &mut client, &format!("BLMOVE {src} dst LEFT LEFT {timeout}"), 1);
        let mut popper = waiter(&server, &mut client, &format!("BLPOP {src} 0"), 2);
        runner.send(&["EVAL", SCRIPT, "1", "dst", "long"]);
        wait_until("the script is busy", || client.line("GET dst").is_error());
        client.line(&format!("RPUSH {src} a"));
        assert_eq!(popper.next(MOMENT), Incoming::Nothing, "it was overtaken");
        match ends {
            "script" => {
                client.line("SCRIPT KILL");
                assert_eq!(mover.read(), Reply::bulk("a"));
                client.line(&format!("RPUSH {src} b"));
            }
            "unblock" => {
                let id = client.line("CLIENT LIST").text();
                let line = id.lines().find(|line| line.contains(" cmd=blmove ")).expect("the mover");
                let id = line.split([' ', '=']).nth(1).expect("its id");
                assert_eq!(client.int(&format!("CLIENT UNBLOCK {id}")), 1);
                assert_eq!(mover.read(), Reply::NullArray);
            }
            _ => assert_eq!(mover.read(), Reply::NullArray),
        }
        assert_eq!(popper.read(), pair(src, if ends == "script" { "b" } else { "a" }));
        client.line("SCRIPT KILL");
        assert!(runner.read().is_error());
        blocked(&mut client, 0);
        client.line("DEL dst");
    }
}
