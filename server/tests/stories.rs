//! The stories that Curfew began with: what people ran into with other servers, each told as one test that has its name.
//!
//! Those that need nothing of our own also hold for Redis 8: `CURFEW_TEST_SUBJECT=reference` runs them against it. The same
//! stories under many clients at once, by chance instead of by design, are in `concurrency.rs`; crashes are in `shard/tests/crash.rs`.

mod support;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Instant;
use support::client::Incoming;
use support::{Client, PATIENCE, Random, Reply, Server, unix_ms, wait_until, words};

/// More than there are cores on small machines.
const SHARDS: usize = 4;

/// Lua that takes tens of milliseconds, as a script over many keys would.
const SLOW: &str = "local x = 0 for i = 1, 3000000 do x = x + i end";

// ---- two relative EXPIREs in a slow script ---------------------------------------------------------------------------

/// redis#10182 (and the article behind it, "Redis keys do not expire atomically"): time went on inside a script, so that two
/// keys which got the same TTL in it had two deadlines, and there was a time at which only one of them existed.
fn two_expires_in_a_slow_script(one: &str, other: &str) {
    let server = Server::subject(SHARDS, &["--notify-keyspace-events", "Ex"]);
    let (mut client, mut subscriber) = (server.client(), server.client());
    subscriber.line("PSUBSCRIBE *");
    let script = format!(
        "redis.call('PEXPIRE', KEYS[1], 100) {SLOW} redis.call('PEXPIRE', KEYS[2], 100) \
         return {{redis.call('PEXPIRETIME', KEYS[1]), redis.call('PEXPIRETIME', KEYS[2])}}"
    );
    let gone = AtomicUsize::new(0);
    for round in 0..4 {
        client.ok(&format!("MSET {one} {round} {other} {round}"));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut observer = server.client();
                    loop {
                        match observer.int(&format!("EXISTS {one} {other}")) {
                            2 => {}
                            0 => break,
                            _ => panic!("one key outlived the other"),
                        }
                    }
                    gone.fetch_add(1, SeqCst);
                });
            }
            let deadlines = client.cmd(&["EVAL", &script, "2", one, other]);
            assert_eq!(deadlines.items()[0], deadlines.items()[1], "{deadlines}");
        });
        let told: HashSet<String> = (0..2).map(|_| subscriber.read().items()[3].text()).collect();
        assert_eq!(told, HashSet::from([one.to_owned(), other.to_owned()]));
    }
    assert_eq!(gone.into_inner(), 8);
}

#[test]
fn two_relative_expires_in_a_slow_script_are_one_deadline() {
    two_expires_in_a_slow_script("{session:7}user", "{session:7}cart");
}

#[test]
fn two_relative_expires_in_a_slow_script_are_one_deadline_on_two_shards() {
    two_expires_in_a_slow_script("user", "cart");
}

// ---- SET NX PX, INCR, PTTL -------------------------------------------------------------------------------------------

/// redis#3397, redis#4423: a rate limiter is `SET key 0 NX PX window` and `INCR key` in MULTI. Where the key's time ended between
/// the two, INCR made a counter that never went away. Here each unit is bound to meet the end of the window in its middle.
#[test]
fn a_rate_limiter_never_leaves_a_counter_without_ttl() {
    let server = Server::subject(SHARDS, &[]);
    let mut client = server.client();
    let done = AtomicBool::new(false);
    let limits = "redis.call('SET', KEYS[1], 0, 'NX', 'PX', 500)";
    let script = format!(
        "local new = {limits} {SLOW} local count = redis.call('INCR', KEYS[1]) return {{new, count, redis.call('PTTL', KEYS[1])}}"
    );
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut observer = server.client();
            while !done.load(SeqCst) {
                let left = observer.int("PTTL limit");
                assert_ne!(left, -1, "somebody saw a counter without a TTL");
            }
        });
        // A machine that stands still between the two commands of a round makes it say nothing: then there is one more.
        let (mut rounds, mut met, start) = (0, [0, 0], Instant::now());
        while met.iter().any(|count| *count < 8) && start.elapsed() < PATIENCE {
            let in_script = rounds % 2;
            let lines: &[&[&str]] = if in_script == 1 {
                &[&["SET", "limit", "7", "PX", "3"], &["EVAL", &script, "1", "limit"]]
            } else {
                &[
                    &["SET", "limit", "7", "PX", "3"],
                    &["MULTI"],
                    &["SET", "limit", "0", "NX", "PX", "500"],
                    &["EVAL", SLOW, "0"],
                    &["INCR", "limit"],
                    &["PTTL", "limit"],
                    &["EXEC"],
                ]
            };
            client.raw(&lines.iter().flat_map(|line| support::client::encode(line)).collect::<Vec<_>>());
            let replies: Vec<Reply> = lines.iter().map(|_| client.read()).collect();
            let items = replies.last().expect("the unit's reply").items();
            let [new, .., count, left] = items else { panic!("{replies:?}") };
            // In a script a null is false. The window that was open when the unit began stays open until it ends.
            if new.is_null() {
                assert_eq!(*count, Reply::Int(8), "the counter vanished in the middle of the unit");
                assert!((0..=3).contains(&left.int()), "{left}");
                met[in_script] += 1;
            } else {
                assert_eq!((count, left), (&Reply::Int(1), &Reply::Int(500)));
                assert_eq!(client.int("DEL limit"), 1);
            }
            rounds += 1;
        }
        done.store(true, SeqCst);
        watching.join().expect("the observer found nothing wrong");
        assert!(met.iter().all(|count| *count >= 8), "{met:?} of {rounds} rounds met the end of a window");
    });
}

// ---- the squad -------------------------------------------------------------------------------------------------------

#[derive(Copy, Clone)]
enum Way {
    Watch,
    Scripts,
}

/// The squad that is joined from two sides: players come in by LPUSH at the door, and captains take all who wait there into
/// the squad, guarded by WATCH of both lists. Nobody who came to the door between a captain's look and EXEC may be lost with
/// the list that the captain deletes, and nobody may be taken in twice.
fn squad(door: &str, squad: &str, way: Way) {
    const PLAYERS: usize = 3;
    const JOINS: usize = 400;
    let server = Server::subject(SHARDS, &[]);
    let take = "local new = redis.call('LRANGE', KEYS[1], 0, -1) redis.call('DEL', KEYS[1]) \
                if #new > 0 then redis.call('RPUSH', KEYS[2], unpack(new)) end return #new";
    // The same, which does not say what it touches.
    let take_undeclared = take.replace("KEYS", "ARGV");
    let push = "return redis.call('LPUSH', KEYS[1], ARGV[1])";
    let [taken, refused] = [(); 2].map(|()| AtomicUsize::new(0));
    let all = || taken.load(SeqCst) == PLAYERS * JOINS;
    thread::scope(|scope| {
        for player in 0..PLAYERS {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.client();
                for join in 0..JOINS {
                    let name = format!("{player}:{join}");
                    let reply = match way {
                        Way::Watch => client.line(&format!("LPUSH {door} {name}")),
                        Way::Scripts => client.cmd(&["EVAL", push, "1", door, &name]),
                    };
                    assert!(reply.int() >= 1);
                    // Time for captains to get through, more or less of it.
                    (0..join % 4).for_each(|_| drop(client.line("PING")));
                }
            });
        }
        for captain in 0..2 {
            let (server, all, taken, refused, take, take_undeclared) =
                (&server, &all, &taken, &refused, &take, &take_undeclared);
            scope.spawn(move || {
                let (mut client, start) = (server.client(), Instant::now());
                while !all() {
                    assert!(
                        start.elapsed() < 3 * PATIENCE,
                        "somebody who joined is lost: {} taken",
                        taken.load(SeqCst)
                    );
                    match way {
                        Way::Watch => {
                            client.ok(&format!("WATCH {door} {squad}"));
                            let new = client.line(&format!("LRANGE {door} 0 -1"));
                            let new: Vec<String> = new.items().iter().map(Reply::text).collect();
                            if new.is_empty() {
                                client.ok("UNWATCH");
                                continue;
                            }
                            let push = format!("RPUSH {squad} {}", new.join(" "));
                            let exec = client.pipeline(&["MULTI", &format!("DEL {door}"), &push, "EXEC"]).remove(3);
                            if exec.is_null() {
                                refused.fetch_add(1, SeqCst);
                            } else {
                                assert_eq!(exec.items()[0], Reply::Int(1));
                                taken.fetch_add(new.len(), SeqCst);
                            }
                        }
                        Way::Scripts => {
                            let reply = match captain {
                                0 => client.cmd(&["EVAL", take, "2", door, squad]),
                                _ => client.cmd(&["EVAL", take_undeclared, "0", door, squad]),
                            };
                            taken.fetch_add(reply.int() as usize, SeqCst);
                        }
                    }
                }
            });
        }
        scope.spawn(|| {
            let (mut client, mut before) = (server.client(), 0);
            while !all() {
                let lists = [format!("LRANGE {door} 0 -1"), format!("LRANGE {squad} 0 -1")];
                let exec = client.pipeline(&["MULTI", &lists[0], &lists[1], "EXEC"]).remove(3);
                let names: Vec<&Reply> = exec.items().iter().flat_map(Reply::items).collect();
                let different: HashSet<String> = names.iter().map(|name| name.text()).collect();
                assert_eq!(different.len(), names.len(), "somebody is at the door and in the squad, or in it twice");
                assert!(names.len() >= before, "somebody who had joined is gone");
                before = names.len();
            }
        });
    });
    let mut client = server.client();
    let members = client.line(&format!("LRANGE {squad} 0 -1"));
    let different: HashSet<String> = members.items().iter().map(Reply::text).collect();
    assert_eq!((members.items().len(), different.len()), (PLAYERS * JOINS, PLAYERS * JOINS));
    assert_eq!(client.int(&format!("EXISTS {door}")), 0);
    // Otherwise nobody ever came in between, and WATCH had nothing to do.
    assert!(matches!(way, Way::Scripts) || refused.load(SeqCst) > 0, "there was no race");
}

#[test]
fn a_squad_joined_from_two_sides_loses_nobody() {
    squad("{squad:3}door", "{squad:3}members", Way::Watch);
}

#[test]
fn a_squad_joined_from_two_sides_loses_nobody_on_two_shards() {
    squad("door", "members", Way::Watch);
}

#[test]
fn a_squad_joined_from_two_sides_by_scripts_loses_nobody() {
    squad("{squad:3}door", "{squad:3}members", Way::Scripts);
}

#[test]
fn a_squad_joined_from_two_sides_by_scripts_loses_nobody_on_two_shards() {
    squad("door", "members", Way::Scripts);
}

// ---- events for a million keys ---------------------------------------------------------------------------------------

/// Gives `count` keys called `<prefix><number>` one deadline, in one unit.
fn make_keys(client: &mut Client, prefix: &str, count: usize) {
    let script = "for i = 0, ARGV[2] - 1 do redis.call('SET', ARGV[1] .. i, 'v', 'PX', 100) end return 'made'";
    client.send(&["EVAL", script, "0", prefix, &count.to_string()]);
    // A million at a time are more than the usual patience on a slow machine.
    assert_eq!(client.next(4 * PATIENCE), Incoming::Reply(Reply::bulk("made")));
}

/// Reads `count` messages about keys called `<prefix><number>`: each number once.
fn read_each_once(subscriber: &mut Client, prefix: &str, count: usize) {
    let mut told = vec![false; count];
    for _ in 0..count {
        let message = subscriber.read();
        let items = message.items();
        let key = items.last().expect("the message").text();
        let number = key.strip_prefix(prefix).and_then(|number| number.parse::<usize>().ok());
        let number = number.unwrap_or_else(|| panic!("an event of another key: {message}"));
        assert!(!std::mem::replace(&mut told[number], true), "{key} was told twice");
    }
}

fn info(client: &mut Client, name: &str) -> i64 {
    let text = client.line("INFO everything").text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::to_owned);
    value.expect("a figure of INFO").trim().parse().expect("a number")
}

/// dragonfly#1362 (200,000 at once crashed it), keydb#904 (silent for minutes), and the 32 MB after which every server cuts off a
/// subscriber: a million keys of one deadline are 90 MB of messages. Who keeps reading gets each of them once.
///
/// `CURFEW_TEST_EVENTS` is the number of keys.
#[test]
fn a_million_keys_of_one_deadline_are_told_to_who_keeps_reading() {
    let keys = std::env::var("CURFEW_TEST_EVENTS").ok().and_then(|keys| keys.parse().ok()).unwrap_or(1_000_000);
    let server = Server::curfew(&["--shards", "2", "--notify-keyspace-events", "Ex"]);
    let (mut client, mut subscriber) = (server.client(), server.client());
    let limits = client.line("CONFIG GET client-output-buffer-limit").items()[1].text();
    assert!(limits.contains("pubsub 33554432 8388608 60"), "the default limits are Redis's: {limits}");
    subscriber.line("PSUBSCRIBE __keyevent@0__:expired");
    make_keys(&mut client, "key:", keys);
    // Gone for everybody at once, told one after the other.
    assert!(client.line("GET key:0").is_null());
    assert_eq!(client.line("SCAN 0 COUNT 100").items()[1], Reply::Array(vec![]));
    read_each_once(&mut subscriber, "key:", keys);
    client.ok("SET last v PX 1");
    assert_eq!(subscriber.read().items()[3], Reply::bulk("last"), "an event too many");
    assert_eq!(info(&mut client, "expired_keys"), keys as i64 + 1);
    assert_eq!(info(&mut client, "client_output_buffer_limit_disconnections"), 0);
    assert_eq!(info(&mut client, "pubsub_messages_dropped"), 0);
}

/// The same with one more subscriber that does not read at all. First it may keep what it does not read: all others are
/// served nevertheless, so nobody waits for it (expiry that did would take 100 ms for each 512 keys, which is more than the patience of
/// this test). Then it is cut off, and nobody else.
#[test]
fn a_subscriber_that_stops_reading_is_cut_off_and_nobody_waits_for_it() {
    const KEYS: usize = 200_000;
    let options = ["--shards", "1", "--notify-keyspace-events", "Ex", "--client-output-buffer-limit", "pubsub 0 0 0"];
    let server = Server::curfew(&options);
    let [mut client, mut reader, mut deaf] = [(); 3].map(|()| server.client());
    // Long names, for more bytes than the kernel keeps for two sockets.
    let prefix = "x".repeat(100);
    deaf.ok("CLIENT SETNAME deaf");
    deaf.line("PSUBSCRIBE *");
    reader.line("PSUBSCRIBE *");
    make_keys(&mut client, &prefix, KEYS);
    let start = Instant::now();
    thread::scope(|scope| {
        let reading = scope.spawn(|| read_each_once(&mut reader, &prefix, KEYS));
        // A plain client has its turns all the while.
        while !reading.is_finished() {
            assert!(client.line(&format!("GET {prefix}{}", KEYS - 1)).is_null());
            client.ok("SET other v");
        }
        reading.join().expect("each is told once");
    });
    assert!(start.elapsed() < PATIENCE, "somebody waited for the subscriber that does not read: {:?}", start.elapsed());
    let is_there = |client: &mut Client| client.line("CLIENT LIST").text().contains("name=deaf");
    assert!(is_there(&mut client));
    assert_eq!(info(&mut client, "pubsub_messages_dropped"), 0);

    client.ok("CONFIG SET client-output-buffer-limit \"pubsub 1mb 0 0\"");
    client.ok("SET last v PX 1");
    assert_eq!(reader.read().items()[3], Reply::bulk("last"));
    wait_until("the deaf one is cut off", || !is_there(&mut client));
    assert_eq!(info(&mut client, "client_output_buffer_limit_disconnections"), 1);
    client.ok("SET again v PX 1");
    assert_eq!(reader.read().items()[3], Reply::bulk("again"), "the one that reads is still there");
}

// ---- the job that was done before the listener came ------------------------------------------------------------------

fn blocked(client: &mut Client, count: i64) {
    wait_until("as many wait as should", || info(client, "blocked_clients") == count);
}

/// A client that waits with this line, the `count`th to do so.
fn waiter(server: &Server, client: &mut Client, line: &str, count: i64) -> Client {
    let mut waiter = server.client();
    waiter.send(&words(line));
    blocked(client, count);
    waiter
}

fn server() -> Server {
    Server::curfew(&["--shards", "4"])
}

/// redis#594: who starts a job and then listens for its end misses an end that was quicker. With CURFEW.WAITKEY both orders are
/// the same.
#[test]
fn a_job_done_before_the_listener_came_is_heard_of() {
    let server = server();
    let mut client = server.client();
    client.ok("SET done:1 result");
    let mut late = server.client();
    assert_eq!(late.line("CURFEW.WAITKEY done:1 0"), Reply::bulk("done:1"));
    assert_eq!(
        late.line("CURFEW.WAITKEY never done:1 other 0"),
        Reply::bulk("done:1"),
        "on another shard, or the same"
    );
    let mut early = waiter(&server, &mut client, "CURFEW.WAITKEY done:2 0", 1);
    client.ok("SET done:2 result");
    assert_eq!(early.read(), Reply::bulk("done:2"));
    blocked(&mut client, 0);
    // A key that is past its deadline is no result.
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    let deadline = unix_ms() + 1;
    client.ok(&format!("SET done:3 result PXAT {deadline}"));
    wait_until("the deadline is past", || unix_ms() > deadline + 1);
    assert!(late.line("CURFEW.WAITKEY done:3 0.001").is_null());
}

/// However a key comes into being, on whichever shard: all who wait for it hear of it, and who waits for several hears of one.
#[test]
fn a_job_may_leave_its_result_in_any_way() {
    let server = server();
    let mut client = server.client();
    let dump = {
        client.ok("SET source v");
        let Reply::Bulk(dump) = client.line("DUMP source") else { panic!("a payload") };
        dump
    };
    let ways: &[&str] = &[
        "SET $ v",
        "SET $ v PX 100000",
        "MSET elsewhere v $ v",
        "INCR $",
        "APPEND $ v",
        "SETBIT $ 7 1",
        "PFADD $ v",
        "LPUSH $ v",
        "SADD $ v",
        "HSET $ f v",
        "ZADD $ 1 v",
        "XADD $ * f v",
        "GEOADD $ 13.4 52.5 berlin",
        "COPY source $",
        "RENAME moving $",
        "RENAMENX moving $",
        "SORT list STORE $",
        "SUNIONSTORE $ set",
        "BITOP NOT $ source",
        "LMOVE list $ LEFT LEFT",
        "SMOVE set $ a",
        "EVAL \"redis.call('SET', KEYS[1], 'v')\" 1 $",
        "EVAL \"redis.call('SET', ARGV[1], 'v')\" 0 $",
    ];
    let restore = ["RESTORE"];
    for (round, way) in ways.iter().chain(&restore).enumerate() {
        let key = format!("result:{round}");
        client.ok("MSET moving v elsewhere v");
        client.line("DEL list set");
        client.line("RPUSH list 2 1");
        client.line("SADD set a b");
        let mut waiters = [
            waiter(&server, &mut client, &format!("CURFEW.WAITKEY {key} 0"), 1),
            waiter(&server, &mut client, &format!("CURFEW.WAITKEY not:{round} {key} nor:this 0"), 2),
            waiter(&server, &mut client, &format!("CURFEW.WAITKEY {key} {key} 0"), 3),
        ];
        let reply = match *way {
            "RESTORE" => client.cmd(&[b"RESTORE", key.as_bytes(), b"0", &dump]),
            _ => client.line(&way.replace('$', &key)),
        };
        assert!(!reply.is_error(), "{way}: {reply}");
        for waiter in &mut waiters {
            assert_eq!(waiter.read(), Reply::bulk(&key), "{way}");
        }
        blocked(&mut client, 0);
    }
    // Another database is another key.
    let mut other = waiter(&server, &mut client, "CURFEW.WAITKEY moved 0", 1);
    client.ok("SELECT 1");
    client.ok("SET moved v");
    assert_eq!(info(&mut client, "blocked_clients"), 1);
    assert_eq!(client.int("MOVE moved 0"), 1);
    assert_eq!(other.read(), Reply::bulk("moved"));
    let mut swapped = waiter(&server, &mut client, "CURFEW.WAITKEY swapped 0", 1);
    client.ok("SET swapped v");
    client.ok("SWAPDB 0 1");
    assert_eq!(swapped.read(), Reply::bulk("swapped"));
}

/// Many jobs on all shards, done while their listeners come: before, after, and in the same instant.
#[test]
fn many_jobs_race_with_their_listeners() {
    const PAIRS: u64 = 6;
    const JOBS: usize = 200;
    let server = server();
    thread::scope(|scope| {
        for pair in 0..PAIRS {
            let server = &server;
            scope.spawn(move || {
                let (mut client, mut random) = (server.client(), Random::of(pair));
                for job in 0..JOBS {
                    (0..random.below(3)).for_each(|_| drop(client.line("PING")));
                    let key = format!("done:{pair}:{job}");
                    match random.below(3) {
                        0 => client.ok(&format!("SET {key} v")),
                        1 => {
                            let replies = client.pipeline(&["MULTI", &format!("SET {key} v"), "INCR jobs", "EXEC"]);
                            assert_eq!(replies[3].items().len(), 2);
                        }
                        _ => {
                            let script = "redis.call('SET', ARGV[1], 'v') return redis.call('INCR', 'jobs')";
                            assert!(!client.cmd(&["EVAL", script, "0", &key]).is_error());
                        }
                    }
                }
            });
            scope.spawn(move || {
                let mut client = server.client();
                for job in 0..JOBS {
                    let key = format!("done:{pair}:{job}");
                    let reply = client.line(&format!("CURFEW.WAITKEY no:{pair} {key} never:{job} 0"));
                    assert_eq!(reply, Reply::bulk(&key));
                    assert_eq!(client.int(&format!("DEL {key}")), 1, "it was told of before it was there");
                }
            });
        }
    });
    let mut client = server.client();
    blocked(&mut client, 0);
    assert_eq!(client.int("DBSIZE"), i64::from(!client.line("GET jobs").is_null()));
}

/// One key, many listeners: none takes it from another, unlike with BLPOP.
#[test]
fn one_job_has_many_listeners() {
    let server = server();
    let mut client = server.client();
    let mut waiters: Vec<Client> = (0..100).map(|_| server.client()).collect();
    waiters.iter_mut().for_each(|waiter| waiter.send(&["CURFEW.WAITKEY", "done", "0"]));
    blocked(&mut client, 100);
    client.ok("SET done result");
    waiters.iter_mut().for_each(|waiter| assert_eq!(waiter.read(), Reply::bulk("done")));
}

/// In transactions and scripts nobody waits: what is there is told, what is not is null at once. And those who wait outside hear
/// of what is there when the whole unit is over, not of what came and went within it.
#[test]
fn listeners_and_transactions() {
    let server = server();
    let mut client = server.client();
    let replies = client.pipeline(&[
        "MULTI",
        "CURFEW.WAITKEY a b 0",
        "SET b v",
        "CURFEW.WAITKEY a b 0",
        "DEL b",
        "CURFEW.WAITKEY a b 0",
        "EXEC",
    ]);
    let told: Vec<bool> = [0, 2, 4].map(|at| replies[6].items()[at] == Reply::bulk("b")).to_vec();
    assert_eq!(told, [false, true, false], "{}", replies[6]);
    assert!(replies[6].items()[0].is_null() && replies[6].items()[4].is_null());
    let script = "local before = redis.call('CURFEW.WAITKEY', 'c', 0) redis.call('SET', 'c', 'v') \
                  return {tostring(before), redis.call('CURFEW.WAITKEY', 'c', 0)}";
    let reply = client.cmd(&["EVAL", script, "0"]);
    assert_eq!(reply, Reply::Array(vec![Reply::bulk("false"), Reply::bulk("c")]));

    let mut waiter = waiter(&server, &mut client, "CURFEW.WAITKEY short long 0", 1);
    client.pipeline(&["MULTI", "SET short v", "DEL short", "EXEC"]);
    client.cmd(&["EVAL", "redis.call('SET', 'short', 'v') redis.call('DEL', 'short')", "0"]);
    assert_eq!(info(&mut client, "blocked_clients"), 1, "what came and went in one unit was never there");
    // It is served when the unit is over, and sees what is there then.
    client.pipeline(&["MULTI", "SET short v", "SET long v", "DEL short", "EXEC"]);
    assert_eq!(waiter.read(), Reply::bulk("long"));
}

/// A listener whose time is over, that is unblocked, or that goes away: it is told so, and leaves nothing behind.
#[test]
fn listeners_that_give_up() {
    let server = server();
    let mut client = server.client();
    assert!(client.line("CURFEW.WAITKEY a b c d 0.02").is_null());
    for (timeout, error) in [("-1", "ERR timeout is negative"), ("x", "ERR timeout is not a float or out of range")] {
        assert_eq!(client.line(&format!("CURFEW.WAITKEY a {timeout}")), Reply::error(error));
    }
    let mut unblocked = server.client();
    let id = unblocked.int("CLIENT ID");
    unblocked.send(&words("CURFEW.WAITKEY a b c d 0"));
    blocked(&mut client, 1);
    assert_eq!(client.int(&format!("CLIENT UNBLOCK {id}")), 1);
    assert!(unblocked.read().is_null());
    // Some go, in the middle of those who stay.
    let mut waiters: Vec<Client> =
        (1..=30).map(|count| waiter(&server, &mut client, "CURFEW.WAITKEY a b c d 0", count)).collect();
    for at in (0..15).rev() {
        drop(waiters.remove(at * 2));
    }
    blocked(&mut client, 15);
    client.ok("MSET c v d v");
    for waiter in &mut waiters {
        // MSET is one unit: whoever looks when it is over finds the first of its own keys.
        assert_eq!(waiter.read(), Reply::bulk("c"));
    }
    blocked(&mut client, 0);
    wait_until("no key is waited for", || info(&mut client, "total_blocking_keys") == 0);
}

/// A lock that is let go of, or expires: who waits for its end is told at once, in the order of arrival, and those who wait for
/// the key to exist are not disturbed.
#[test]
fn the_end_of_a_lock_is_told_to_those_who_wait() {
    for shards in ["1", "4"] {
        let server = Server::curfew(&["--shards", shards]);
        let mut client = server.client();
        let deleted = [
            "DEL lock",
            "PEXPIRE lock 20",
            "RENAME lock other",
            "FLUSHALL",
            "UNLINK lock",
            "MOVE lock 1",
            "GETDEL lock",
        ];
        for end in deleted {
            client.ok("FLUSHALL");
            client.ok("MSET lock 1 held:1 1 held:2 1");
            let mut alone = waiter(&server, &mut client, "CURFEW.WAITGONE lock 0", 1);
            let mut among = waiter(&server, &mut client, "CURFEW.WAITGONE held:1 lock held:2 0", 2);
            // A change that leaves it there is none to them.
            client.ok("SET lock 2");
            client.line(end);
            assert_eq!(alone.read(), Reply::bulk("lock"), "{end}");
            let told = among.read();
            assert!(told == Reply::bulk("lock") || end == "FLUSHALL" && !told.is_null(), "{end}: {told}");
        }
        client.ok("SET lock 1");
        assert_eq!(client.line("CURFEW.WAITGONE lock 0.01"), client.line("EVAL \"return false\" 0"), "a null bulk");
        assert_eq!(client.line("CURFEW.WAITKEY none 0.01"), client.line("GET none"), "a null bulk");
    }
}
