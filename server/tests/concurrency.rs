//! Several clients at once: nobody ever sees half of anything, and nothing gets lost.
//!
//! Each test runs writers and observers for a fixed amount of work, not of time, so that it means the same on any machine.
//! `CURFEW_TEST_SUBJECT=reference` runs them against Redis, which must pass too.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use support::client::Incoming;
use support::{Client, Random, Reply, Server, unix_ms, wait_until};

/// Four shards, more than there are cores on small machines: threads get interrupted in the middle of things.
const SHARDS: usize = 4;

/// Runs the observer until the writers are through; every one gets a connection of its own.
fn observe_while(server: &Server, writers: Vec<Box<dyn FnOnce(Client) + Send>>, observer: impl Fn(&mut Client) + Sync) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut client = server.client();
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) || looks == 0 {
                observer(&mut client);
                looks += 1;
            }
        });
        let writing: Vec<_> = writers.into_iter().map(|writer| scope.spawn(|| writer(server.client()))).collect();
        let results: Vec<_> = writing.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        watching.join().expect("the observer found nothing wrong");
        results.into_iter().for_each(|result| result.expect("a writer found nothing wrong"));
    });
}

fn sum(replies: &[Reply]) -> i64 {
    replies.iter().map(|reply| reply.text().parse::<i64>().expect("a number")).sum()
}

/// Money moves between accounts on different shards in MULTI; whoever reads them all, by MGET or in MULTI, finds the same
/// total.
#[test]
fn transfers_never_tear() {
    const ACCOUNTS: usize = 16;
    let server = Server::subject(SHARDS, &[]);
    let names: Vec<String> = (0..ACCOUNTS).map(|number| format!("account{number}")).collect();
    let mut client = server.client();
    names.iter().for_each(|name| client.ok(&format!("SET {name} 1000")));
    let writer = |seed: u64| {
        let names = names.clone();
        Box::new(move |mut client: Client| {
            let mut random = Random::of(seed);
            for _ in 0..1500 {
                let (from, to, amount) = (random.pick(&names), random.pick(&names), random.below(100));
                let replies = client.pipeline(&[
                    "MULTI",
                    &format!("DECRBY {from} {amount}"),
                    &format!("INCRBY {to} {amount}"),
                    "EXEC",
                ]);
                assert_eq!(replies[3].items().len(), 2, "EXEC answered {}", replies[3]);
            }
        }) as Box<dyn FnOnce(Client) + Send>
    };
    let all = names.join(" ");
    observe_while(&server, (0..4).map(writer).collect(), |client| {
        assert_eq!(sum(client.line(&format!("MGET {all}")).items()), 16_000, "MGET saw half of a transfer");
        let reads: Vec<String> = names.iter().map(|name| format!("GET {name}")).collect();
        let lines: Vec<&str> =
            std::iter::once("MULTI").chain(reads.iter().map(String::as_str)).chain(["EXEC"]).collect();
        let replies = client.pipeline(&lines);
        assert_eq!(sum(replies.last().expect("EXEC's reply").items()), 16_000, "MULTI saw half of a transfer");
    });
}

/// The same with scripts, which find their keys by themselves.
#[test]
fn transfers_in_scripts_never_tear() {
    let server = Server::subject(SHARDS, &[]);
    let names: Vec<String> = (0..8).map(|number| format!("account{number}")).collect();
    let mut client = server.client();
    names.iter().for_each(|name| client.ok(&format!("SET {name} 1000")));
    let writer = |seed: u64| {
        let names = names.clone();
        Box::new(move |mut client: Client| {
            let mut random = Random::of(seed);
            for _ in 0..800 {
                let (from, to) = (random.pick(&names).clone(), random.pick(&names).clone());
                let amount = random.below(100).to_string();
                // Half of them do not say which keys they touch.
                let reply = if random.one_in(2) {
                    client.cmd(&[
                        "EVAL",
                        "redis.call('DECRBY',KEYS[1],ARGV[1]) return redis.call('INCRBY',KEYS[2],ARGV[1])",
                        "2",
                        &from,
                        &to,
                        &amount,
                    ])
                } else {
                    client.cmd(&[
                        "EVAL",
                        "redis.call('DECRBY',ARGV[1],ARGV[3]) return redis.call('INCRBY',ARGV[2],ARGV[3])",
                        "0",
                        &from,
                        &to,
                        &amount,
                    ])
                };
                assert!(matches!(reply, Reply::Int(_)), "EVAL answered {reply}");
            }
        }) as Box<dyn FnOnce(Client) + Send>
    };
    let all = names.join(" ");
    observe_while(&server, (0..3).map(writer).collect(), |client| {
        assert_eq!(sum(client.line(&format!("MGET {all}")).items()), 8000, "MGET saw half of a script");
    });
}

#[test]
fn mset_is_all_or_nothing() {
    let server = Server::subject(SHARDS, &[]);
    let names: Vec<String> = (0..10).map(|number| format!("key{number}")).collect();
    let writer = |mark: &'static str| {
        let names = names.clone();
        Box::new(move |mut client: Client| {
            for round in 0..1500 {
                let pairs: Vec<String> = names.iter().map(|name| format!("{name} {mark}{round}")).collect();
                client.ok(&format!("MSET {}", pairs.join(" ")));
            }
        }) as Box<dyn FnOnce(Client) + Send>
    };
    let reads = format!("MGET {}", names.join(" "));
    observe_while(&server, vec![writer("one"), writer("two")], |client| {
        let reply = client.line(&reads);
        let values = reply.items();
        assert!(values.iter().all(|value| *value == values[0]), "half of an MSET: {reply}");
    });
}

/// RENAME from one shard to another: the value is always at exactly one of the two names.
#[test]
fn rename_is_never_seen_half_done() {
    let server = Server::subject(SHARDS, &[]);
    server.client().ok("SET left value");
    let writer = Box::new(|mut client: Client| {
        for _ in 0..3000 {
            client.ok("RENAME left right");
            client.ok("RENAME right left");
        }
    });
    observe_while(&server, vec![writer], |client| {
        let replies = client.pipeline(&["EXISTS left right", "MGET left right", "DBSIZE", "KEYS *"]);
        assert_eq!(replies[0], Reply::Int(1));
        assert_eq!(replies[1].items().iter().filter(|value| value.is_null()).count(), 1, "{}", replies[1]);
        assert_eq!(replies[2], Reply::Int(1), "DBSIZE");
        assert_eq!(replies[3].items().len(), 1, "KEYS: {}", replies[3]);
    });
}

/// SET of the data, then of its announcement, in one pipeline: who sees the announcement finds the data.
#[test]
fn a_pipeline_takes_effect_in_order() {
    let server = Server::subject(SHARDS, &[]);
    let writer = |me: usize| {
        Box::new(move |mut client: Client| {
            for round in 0..2000 {
                let data = format!("SET data:{me}:{round} {round}");
                let announce = format!("SET latest:{me} {round}");
                // Others in between, so that the pipeline is a run of several shards.
                let replies = client.pipeline(&[&data, "GET elsewhere", "INCR counter", &announce]);
                assert_eq!((&replies[0], &replies[3]), (&Reply::ok(), &Reply::ok()));
            }
        }) as Box<dyn FnOnce(Client) + Send>
    };
    observe_while(&server, vec![writer(0), writer(1), writer(2)], |client| {
        for me in 0..3 {
            if let Reply::Bulk(round) = client.line(&format!("GET latest:{me}")) {
                let round = String::from_utf8(round).expect("a number");
                assert_eq!(
                    client.line(&format!("GET data:{me}:{round}")),
                    Reply::bulk(&round),
                    "announced, but not there"
                );
            }
        }
    });
    assert_eq!(server.client().int("INCRBY counter 0"), 6000);
}

/// Everybody increments by reading and writing, guarded by WATCH: no increment is lost.
#[test]
fn watch_catches_every_race() {
    let server = Server::subject(SHARDS, &[]);
    server.client().ok("MSET counter 0 other 0");
    let lost = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = server.client();
                let mut done = 0;
                while done < 300 {
                    let reads = client.pipeline(&["WATCH counter other", "GET counter", "GET other"]);
                    lost.fetch_or(reads[1] != reads[2], Ordering::Relaxed);
                    let next = reads[1].text().parse::<i64>().expect("a number") + 1;
                    let replies = client.pipeline(&[
                        "MULTI",
                        &format!("SET counter {next}"),
                        &format!("SET other {next}"),
                        "EXEC",
                    ]);
                    // A race between the two reads above cannot get through EXEC either.
                    if !replies[3].is_null() {
                        assert_eq!(
                            reads[1], reads[2],
                            "EXEC went through although the values had changed while they were read"
                        );
                        done += 1;
                    }
                }
            });
        }
    });
    assert_eq!(
        server.client().line("MGET counter other"),
        Reply::Array(vec![Reply::bulk("1200"), Reply::bulk("1200")]),
        "an increment was lost"
    );
}

fn never_seen_apart(one: &str, other: &str) {
    let server = Server::subject(SHARDS, &[]);
    let mut writer = server.client();
    let mut observers: Vec<Client> = (0..2).map(|_| server.client()).collect();
    for round in 0..150 {
        let deadline = unix_ms() + 4 + round % 7;
        let replies = writer.pipeline(&[
            "MULTI",
            &format!("SET {one} v PXAT {deadline}"),
            &format!("SET {other} v PXAT {deadline}"),
            "EXEC",
        ]);
        assert!(!replies[3].is_error(), "EXEC answered {}", replies[3]);
        thread::scope(|scope| {
            for (number, observer) in observers.iter_mut().enumerate() {
                scope.spawn(move || {
                    loop {
                        let both = match number {
                            0 => observer.line(&format!("EXISTS {one} {other}")).int(),
                            _ => observer
                                .line(&format!("MGET {other} {one}"))
                                .items()
                                .iter()
                                .filter(|value| !value.is_null())
                                .count() as i64,
                        };
                        assert_ne!(both, 1, "two keys with one deadline were seen apart (round {round})");
                        if both == 0 {
                            break;
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn one_deadline_is_never_seen_apart_with_a_hash_tag() {
    never_seen_apart("{session}user", "{session}cart");
}

#[test]
fn one_deadline_is_never_seen_apart_on_different_shards() {
    never_seen_apart("user", "cart");
}

/// SET NX PX, INCR and PTTL in MULTI (a rate limiter): while keys come and go three hundred times, the TTL is never lost.
#[test]
fn a_rate_limiter_never_loses_its_ttl() {
    let server = Server::subject(SHARDS, &[]);
    thread::scope(|scope| {
        for number in 0..3 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.client();
                let mut random = Random::of(number);
                let mut begun = 0;
                while begun < 100 {
                    let key = format!("limit:{}", random.below(3));
                    let replies = client.pipeline(&[
                        "MULTI",
                        &format!("SET {key} 0 NX PX 20"),
                        &format!("INCR {key}"),
                        &format!("PTTL {key}"),
                        "EXEC",
                    ]);
                    let items = replies[4].items();
                    assert!(items[1].int() >= 1, "{}", replies[4]);
                    begun += usize::from(items[1].int() == 1);
                    assert!((0..=20).contains(&items[2].int()), "the TTL is lost: {}", replies[4]);
                }
            });
        }
    });
}

#[test]
fn two_expires_in_one_script_give_one_deadline() {
    let server = Server::subject(SHARDS, &[]);
    let mut client = server.client();
    client.ok("MSET first 1 second 2");
    let slow = "redis.call('PEXPIRE',KEYS[1],100000) local x = 0 for i=1,3000000 do x = x + i end redis.call('PEXPIRE',KEYS[2],100000) return x";
    let reply = client.cmd(&["EVAL", slow, "2", "first", "second"]);
    assert!(!reply.is_error(), "{reply}");
    assert_eq!(client.int("PEXPIRETIME first"), client.int("PEXPIRETIME second"));
    let replies = client.pipeline(&[
        "MULTI",
        "PEXPIRE first 50000",
        "EVAL \"for i=1,1000000 do end return 1\" 0",
        "PEXPIRE second 50000",
        "EXEC",
    ]);
    assert!(!replies[4].is_error(), "{}", replies[4]);
    assert_eq!(client.int("PEXPIRETIME first"), client.int("PEXPIRETIME second"), "in MULTI");
}

/// A key that has a deadline within a script's time does not disappear in the middle of it.
#[test]
fn nothing_expires_in_the_middle_of_a_script() {
    let server = Server::subject(SHARDS, &[]);
    let mut client = server.client();
    let script = "redis.call('SET',KEYS[1],'v','PX',1) local x = 0 for i=1,3000000 do x = x + i end return redis.call('EXISTS',KEYS[1])";
    assert_eq!(client.cmd(&["EVAL", script, "1", "short"]), Reply::Int(1));
    wait_until("it is gone afterwards", || client.int("EXISTS short") == 0);
}

/// Messages of one publisher come in its order, whatever connection and shard.
#[test]
fn messages_keep_the_publishers_order() {
    let server = Server::subject(SHARDS, &[]);
    let mut subscriber = server.client();
    subscriber.send(&["SUBSCRIBE", "one", "two"]);
    subscriber.read();
    subscriber.read();
    thread::scope(|scope| {
        for me in 0..3 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.client();
                for first in (0..1000).step_by(10) {
                    let lines: Vec<String> = (first..first + 10)
                        .map(|round| format!("PUBLISH {} {me}:{round}", ["one", "two"][round % 2]))
                        .collect();
                    client.pipeline(&lines.iter().map(String::as_str).collect::<Vec<_>>());
                }
            });
        }
        let mut next = [0; 3];
        for _ in 0..3000 {
            let message = subscriber.read();
            let text = message.items()[2].text();
            let (me, round) = text.split_once(':').expect("our own format");
            let me: usize = me.parse().expect("a number");
            assert_eq!(round.parse::<usize>().expect("a number"), next[me], "out of order: {message}");
            next[me] += 1;
        }
    });
    assert_eq!(subscriber.next(Duration::from_millis(50)), Incoming::Nothing, "a message too many");
}

/// FLUSHALL and SWAPDB over all shards are seen as one.
#[test]
fn flush_and_swap_are_seen_as_one() {
    let server = Server::subject(SHARDS, &[]);
    let writer = Box::new(|mut client: Client| {
        for round in 0..400 {
            let pairs: Vec<String> = (0..20).map(|number| format!("key{number} {round}")).collect();
            client.ok(&format!("MSET {}", pairs.join(" ")));
            client.ok(["FLUSHALL", "SWAPDB 0 1", "FLUSHDB"][round % 3]);
        }
    });
    observe_while(&server, vec![writer], |client| {
        let keys = client.line("KEYS *").items().len();
        let count = client.int("DBSIZE");
        assert!(keys == 0 || keys == 20, "KEYS saw {keys} of 20");
        assert!(count == 0 || count == 20, "DBSIZE saw {count} of 20");
    });
}

/// Five hundred connections at once (descriptors are limited on small machines), all served.
#[test]
fn many_connections() {
    let server = Server::subject(SHARDS, &[]);
    let mut clients: Vec<Client> = (0..500).map(|_| server.client()).collect();
    for _ in 0..5 {
        clients.iter_mut().for_each(|client| client.send(&["INCR", "counter"]));
        clients.iter_mut().for_each(|client| assert!(matches!(client.read(), Reply::Int(_))));
    }
    assert_eq!(clients[0].int("INCRBY counter 0"), 2500);
}
