//! What other servers got wrong or learned late, one short test for each, with its story. None of these was our bug (yet);
//! ours come below as they are found. Those about lists, streams, replication and persistence come with these.
//! `CURFEW_TEST_SUBJECT=reference` runs them against Redis, which must pass all but the two marked.

mod support;

use std::thread;
use std::time::{Duration, Instant};
use support::client::{Incoming, encode};
use support::{Client, Reply, Server, unix_ms, wait_until};

fn shards() -> Server {
    Server::subject(4, &["--notify-keyspace-events", "KEA"])
}

/// A client subscribed to all key events.
fn listener(server: &Server, pattern: &str) -> Client {
    let mut client = server.client();
    client.send(&["PSUBSCRIBE", pattern]);
    client.read();
    client
}

/// The next event: its channel without the prefix, and the key.
fn event(client: &mut Client) -> (String, String) {
    let message = client.read();
    let items = message.items();
    let channel = items[2].text();
    (channel.rsplit(':').next().unwrap_or_default().to_owned(), items[3].text())
}

fn events(client: &mut Client, count: usize) -> Vec<String> {
    (0..count).map(|_| event(client)).map(|(name, key)| format!("{name} {key}")).collect()
}

/// dragonfly#8016: `AUTH, PING` in one pipeline gave NOAUTH, because the commands had been looked at together.
#[test]
fn auth_acts_before_the_next_command_of_a_pipeline() {
    let server = Server::subject(4, &["--requirepass", "secret"]);
    let mut client = server.client();
    assert_eq!(
        client.pipeline(&["AUTH secret", "PING", "SET a 1", "SET b 2"]),
        [Reply::ok(), Reply::simple("PONG"), Reply::ok(), Reply::ok()]
    );
}

/// A client that pipelines without reading until it is through: neither a deadlock nor memory without bound. The request
/// side stops being read while replies pile up, so the writer blocks until somebody reads.
#[test]
fn a_writer_that_does_not_read_for_long_gets_all_its_replies() {
    let server = shards();
    let mut client = server.client();
    client.ok(&format!("SET key {}", "v".repeat(1000)));
    let mut other = server.client();
    let sent = encode(&["GET", "key"]).repeat(30_000);
    client.raw(&sent);
    assert_eq!(other.line("PING"), Reply::simple("PONG"));
    for _ in 0..30_000 {
        assert!(matches!(client.read(), Reply::Bulk(value) if value.len() == 1000));
    }
}

/// dragonfly#2442, bullmq#2463: scripts that touch keys which they did not declare are everywhere, on any shard.
#[test]
fn scripts_may_touch_undeclared_keys_on_every_shard() {
    let server = shards();
    let mut client = server.client();
    let script = "for i=1,100 do redis.call('SET','key:'..i,i) end local s = 0 for i=1,100 do s = s + redis.call('GET','key:'..i) end return s";
    assert_eq!(client.cmd(&["EVAL", script, "0"]), Reply::Int(5050));
    assert_eq!(client.cmd(&["EVAL", script, "1", "key:1"]), Reply::Int(5050));
    // It was seen to need one shard only, and then strays: the sum must still be complete.
    let straying = "redis.call('INCR',KEYS[1]) if ARGV[1] == 'stray' then return redis.call('DEL','key:1','key:2','key:3') end return 0";
    for _ in 0..20 {
        assert_eq!(client.cmd(&["EVAL", straying, "1", "here", "stay"]), Reply::Int(0));
    }
    assert_eq!(client.cmd(&["EVAL", straying, "1", "here", "stray"]), Reply::Int(3));
    assert_eq!(client.line("GET here"), Reply::bulk("21"), "the part before straying ran twice or not at all");
}

/// dragonfly#8269: SCRIPT KILL must not pass through the thread that is stuck; others get -BUSY rather than nothing.
#[test]
fn a_runaway_script_can_be_killed_from_any_connection() {
    let server = Server::subject(4, &["--busy-reply-threshold", "50"]);
    let mut stuck = server.client();
    // Enough connections that some are on the stuck thread, whichever it is.
    let mut others: Vec<Client> = (0..8).map(|_| server.client()).collect();
    assert_eq!(others[0].line("SCRIPT KILL"), Reply::error("NOTBUSY No scripts in execution right now."));
    stuck.send(&["EVAL", "redis.call('GET','a') while true do end", "1", "a"]);
    let busy = Reply::error("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
    wait_until("clients that need the script's shard are told BUSY", || others[7].line("GET a") == busy);
    let killed =
        others.iter_mut().map(|client| client.line("SCRIPT KILL")).filter(|reply| *reply == Reply::ok()).count();
    assert!(killed >= 1, "no SCRIPT KILL answered OK");
    let reply = stuck.read();
    assert!(
        reply.text().starts_with("ERR Error running script")
            || reply.text().contains("Script killed by user with SCRIPT KILL"),
        "{reply}"
    );
    wait_until("everything works again", || others.iter_mut().all(|client| client.line("GET a").is_null()));
}

/// A script that has written cannot be killed: half of it would stay.
#[test]
fn a_script_that_wrote_cannot_be_killed() {
    let server = Server::subject(2, &["--busy-reply-threshold", "20"]);
    let mut stuck = server.client();
    let mut other = server.client();
    // Bounded, so that the test ends by itself.
    let script = "redis.call('SET','a','1') local t = redis.call('TIME')[1] local x = 0 for i=1,60000000 do x = x + i end return 'done'";
    stuck.send(&["EVAL", script, "1", "a"]);
    let start = Instant::now();
    let mut seen = Vec::new();
    loop {
        let reply = other.line("SCRIPT KILL");
        if !seen.contains(&reply) {
            seen.push(reply);
        }
        if let Incoming::Reply(reply) = stuck.next(Duration::from_millis(1)) {
            assert_eq!(reply, Reply::bulk("done"), "it was killed");
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "the script does not end");
    }
    assert!(!seen.contains(&Reply::ok()), "SCRIPT KILL of a script that wrote: {seen:?}");
}

/// RENAME over shards carries the TTL and touches the watchers, and `rename_from` comes before `rename_to`.
#[test]
fn rename_over_shards_carries_everything() {
    let server = shards();
    let mut client = server.client();
    let mut watcher = server.client();
    let mut listener = listener(&server, "__keyevent@0__:*");
    for number in 0..20 {
        let (from, to) = (format!("from{number}"), format!("to{number}"));
        client.ok(&format!("SET {from} v PXAT 4000000000000"));
        watcher.ok(&format!("WATCH {to}"));
        client.ok(&format!("RENAME {from} {to}"));
        assert_eq!(client.int(&format!("PEXPIRETIME {to}")), 4_000_000_000_000);
        assert!(watcher.pipeline(&["MULTI", "PING", "EXEC"])[2].is_null(), "the watcher of {to} noticed nothing");
        assert_eq!(
            events(&mut listener, 4),
            [format!("set {from}"), format!("expire {from}"), format!("rename_from {from}"), format!("rename_to {to}")]
        );
    }
    client.ok("SET short v PX 5");
    client.ok("RENAME short moved");
    wait_until("the renamed key expires under its new name", || client.int("EXISTS moved") == 0);
    assert_eq!(
        events(&mut listener, 5),
        ["set short", "expire short", "rename_from short", "rename_to moved", "expired moved"]
    );
}

/// dragonfly#8075: UNSUBSCRIBE dropped messages that had been published before it.
#[test]
fn unsubscribe_drops_nothing_that_came_before() {
    let server = shards();
    let mut publisher = server.client();
    for round in 0..200 {
        let mut subscriber = server.client();
        subscriber.send(&["SUBSCRIBE", "channel"]);
        subscriber.read();
        assert_eq!(publisher.line(&format!("PUBLISH channel {round}")), Reply::Int(1));
        subscriber.send(&["UNSUBSCRIBE", "channel"]);
        assert_eq!(subscriber.read().items()[2], Reply::bulk(round.to_string()));
        assert_eq!(subscriber.read().items()[0], Reply::bulk("unsubscribe"));
    }
}

/// valkey#4253: a push message never lands inside another reply.
#[test]
fn a_push_never_lands_inside_a_reply() {
    let server = shards();
    let mut client = server.client().hello3();
    client.send(&["SUBSCRIBE", "channel"]);
    client.read_any();
    let value = "x".repeat(20_000);
    assert_eq!(client.cmd(&["MSET", "a", &value, "b", &value, "c", &value]), Reply::ok());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut publisher = server.client();
            (0..2000).for_each(|round| drop(publisher.line(&format!("PUBLISH channel {round}"))));
        });
        let mut pushes = 0;
        while pushes < 2000 {
            let reply = client.line("MGET a b c");
            assert!(reply.items().iter().all(|item| matches!(item, Reply::Bulk(bytes) if bytes.len() == 20_000)));
            for push in client.take_pushes() {
                assert_eq!(push.items()[2], Reply::bulk(pushes.to_string()));
                pushes += 1;
            }
        }
    });
}

/// A key is there while now <= deadline, and a deadline that is not in the future deletes at once, announced as `del`
/// (redis 8; Valkey says `expired`).
#[test]
fn a_deadline_in_the_past_deletes_at_once() {
    let server = shards();
    let mut client = server.client();
    let mut listener = listener(&server, "__keyevent@0__:*");
    for command in ["EXPIRE a -1", "PEXPIRE a 0", "EXPIREAT a 1", "PEXPIREAT a 1000"] {
        client.ok("SET a 1");
        assert_eq!(client.int(command), 1, "{command}");
        assert_eq!(client.int("DBSIZE"), 0);
        assert_eq!(events(&mut listener, 2), ["set a", "del a"], "{command}");
    }
    client.ok("SET b 1");
    assert_eq!(client.line("GETEX b PXAT 1"), Reply::bulk("1"));
    assert_eq!(events(&mut listener, 2), ["set b", "del b"]);
    assert_eq!(client.line("EXISTS b"), Reply::Int(0));
}

/// redis#7918, #9194: a key that expires after WATCH aborts EXEC; one that had expired before WATCH does not.
#[test]
fn watch_and_expiry() {
    let server = shards();
    let mut client = server.client();
    let mut other = server.client();
    client.ok("SET a 1 PX 20");
    client.ok("WATCH a");
    wait_until("a expires", || other.int("EXISTS a") == 0);
    assert!(
        client.pipeline(&["MULTI", "SET b 1", "EXEC"])[2].is_null(),
        "EXEC went through although the watched key expired"
    );
    // Nobody looks at it between its deadline and EXEC.
    client.ok("SET a 1 PX 20");
    client.ok("WATCH a");
    let deadline = client.int("PEXPIRETIME a");
    wait_until("the deadline has passed", || unix_ms() > deadline + 1);
    assert!(
        client.pipeline(&["MULTI", "SET b 1", "EXEC"])[2].is_null(),
        "EXEC went through, nobody having looked at the expired key"
    );
    client.ok("SET c 1 PX 5");
    wait_until("c expires", || other.int("EXISTS c") == 0);
    client.ok("WATCH c");
    assert_eq!(client.pipeline(&["MULTI", "SET b 1", "EXEC"])[2], Reply::Array(vec![Reply::ok()]));
}

/// redis#15411: SCAN neither starves expiry nor returns expired keys.
#[test]
fn scan_returns_no_expired_keys() {
    let server = shards();
    let mut client = server.client();
    let deadline = unix_ms() + 30;
    for first in (0..2000).step_by(100) {
        let lines: Vec<String> =
            (first..first + 100).map(|number| format!("SET key{number} v PXAT {deadline}")).collect();
        client.pipeline(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    }
    client.ok("SET stays v");
    wait_until("the deadline has passed", || unix_ms() > deadline + 1);
    let mut cursor = "0".to_owned();
    let mut found = Vec::new();
    loop {
        let reply = client.line(&format!("SCAN {cursor} COUNT 50"));
        found.extend(reply.items()[1].items().iter().map(Reply::text));
        cursor = reply.items()[0].text();
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(found, ["stays"]);
    wait_until("expiry was not starved", || client.int("DBSIZE") == 1);
}

/// dragonfly#1362: 200,000 keys due at once crashed it; keydb#904 was silent for minutes. Others are served meanwhile, and
/// each key is announced exactly once.
#[test]
fn a_burst_of_expiries_announces_each_key_once() {
    const KEYS: usize = 20_000;
    let server = shards();
    let mut client = server.client();
    let mut listener = listener(&server, "__keyevent@0__:expired");
    let deadline = unix_ms() + 2500;
    for first in (0..KEYS).step_by(1000) {
        let bytes: Vec<u8> = (first..first + 1000)
            .flat_map(|number| {
                encode(&["SET".into(), format!("key{number}"), "v".into(), "PXAT".into(), deadline.to_string()])
            })
            .collect();
        client.raw(&bytes);
        (0..1000).for_each(|_| assert_eq!(client.read(), Reply::ok()));
    }
    let mut seen = vec![0; KEYS];
    let mut count = 0;
    while count < KEYS {
        if let Incoming::Reply(message) = listener.next(Duration::from_millis(5)) {
            let key = message.items()[3].text();
            seen[key[3..].parse::<usize>().expect("our own name")] += 1;
            count += 1;
        }
        if count % 100 == 0 {
            // Reads of keys that are due must not announce them once more.
            client.line(&format!("GET key{}", count * 7 % KEYS));
        }
    }
    assert_eq!(listener.next(Duration::from_millis(50)), Incoming::Nothing, "an event too many");
    assert!(seen.iter().all(|times| *times == 1), "not exactly once");
    assert_eq!(client.int("DBSIZE"), 0);
}

/// dragonfly#8277: with expiry switched off, or paused clients, dead keys stay dead.
#[test]
fn dead_keys_stay_dead_without_active_expiry() {
    let server = shards();
    let mut client = server.client();
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    client.ok("SET a 1 PX 1");
    client.ok("SET b 1 PX 1");
    let start = unix_ms();
    wait_until("both are due", || unix_ms() > start + 3);
    assert_eq!(client.line("GET a"), Reply::NullBulk);
    assert_eq!(client.line("KEYS *"), Reply::Array(vec![]));
    assert_eq!(client.line("RENAME b c"), Reply::error("ERR no such key"));
    assert_eq!(client.line("SETNX b new"), Reply::Int(1));
    assert_eq!(client.int("PTTL b"), -1, "a new key took over a dead one's TTL");
    client.ok("DEBUG SET-ACTIVE-EXPIRE 1");
    client.ok("SET d 1 PX 30");
    client.ok("CLIENT PAUSE 100 WRITE");
    let start = unix_ms();
    wait_until("it is due, the pause still on", || unix_ms() > start + 40);
    assert_eq!(client.line("GET d"), Reply::NullBulk, "the pause brought a dead key back");
    client.ok("CLIENT UNPAUSE");
}

/// Events come exactly once, whether a key went by its deadline, by a read, or by a write over it.
#[test]
fn expired_is_announced_once_on_every_path() {
    let server = shards();
    let mut client = server.client();
    let mut listener = listener(&server, "__keyevent@0__:*");
    client.ok("SET a 1 PX 5");
    wait_until("it is gone by itself or by this read", || client.line("GET a").is_null());
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    client.ok("SET b 1 PX 1");
    let start = unix_ms();
    wait_until("it is due", || unix_ms() > start + 3);
    client.ok("SET b 2");
    client.ok("SET end 1");
    assert_eq!(
        events(&mut listener, 8),
        ["set a", "expire a", "expired a", "set b", "expire b", "expired b", "set b", "set end"]
    );
    client.ok("DEBUG SET-ACTIVE-EXPIRE 1");
}

/// Thousands of keys with one TTL given in one script or transaction go in one batch: their events come in one run, with
/// nothing between (not so in Redis).
#[test]
fn one_deadline_is_announced_in_one_run() {
    let server = shards();
    if server.is_reference() {
        return; // Redis samples at random
    }
    let mut client = server.client();
    let mut listener = listener(&server, "__keyevent@0__:expired");
    let script = "for i=1,50 do redis.call('SET','{one}'..i,'v','PX',30) redis.call('SET','{one}late'..i,'v','PX',31) end return 1";
    assert_eq!(client.cmd(&["EVAL", script, "1", "{one}"]), Reply::Int(1));
    let keys: Vec<String> = (0..100).map(|_| event(&mut listener).1).collect();
    assert!(keys[..50].iter().all(|key| !key.contains("late")), "the batches are mixed: {keys:?}");
    assert!(keys[50..].iter().all(|key| key.contains("late")));
}

/// A key touched again and again, its deadline moved later each time, outlives its first deadline and then goes on time.
#[test]
fn a_session_that_is_touched_lives_on() {
    let server = shards();
    let mut client = server.client();
    client.ok("SET session v PX 400");
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(700) {
        assert_eq!(
            client.int("PEXPIRE session 400"),
            1,
            "it is gone although it was touched in time, or this machine stood still for 400 ms"
        );
    }
    assert_eq!(client.int("PEXPIRE session 5"), 1);
    wait_until("it goes by its last deadline", || client.int("EXISTS session") == 0);
}

/// What clients ask when they connect: redis-py, go-redis, Lettuce, ioredis, BullMQ, StackExchange.Redis, redis-cli.
#[test]
fn what_clients_ask_at_connect() {
    let server = shards();
    let mut client = server.client();
    assert!(matches!(client.line("HELLO 3"), Reply::Map(_)));
    assert!(client.line("CLIENT MAINT_NOTIFICATIONS ON").is_error());
    client.ok("CLIENT SETINFO LIB-NAME redis-py");
    client.ok("CLIENT SETINFO LIB-VER 8.0.0");
    client.ok("SELECT 0");
    assert!(matches!(client.line("COMMAND DOCS GET"), Reply::Map(_)));
    assert!(client.line("COMMAND").items().len() > 50);
    let info = client.line("INFO").text();
    for field in ["redis_version:", "loading:0", "maxmemory_policy:noeviction", "role:master", "redis_mode:standalone"]
    {
        assert!(info.contains(field), "INFO has no {field}");
    }
    assert_eq!(client.line("CLIENT NOSUCH"), Reply::error("ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP."));
    assert_eq!(client.line("ECHO \"\""), Reply::bulk(""));
    assert!(client.line("READONLY").is_error());
    assert_eq!(client.line("PING"), Reply::simple("PONG"), "errors do not close the connection");
}

/// SIGTERM finishes what is under way and exits 0.
#[test]
fn sigterm_exits_0() {
    let server = shards();
    let mut client = server.client();
    client.ok("SET a 1");
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(client.read_to_close(), []);
}

/// Found by `stories.rs`: more than 64 commands wait behind a script, and behind them the keeper of the shard. Whoever lets go of a shard
/// does 64 and rings for the keeper, which waited for its own turn and did not hear it: the rest hung until somebody else came.
#[test]
fn many_who_wait_behind_a_script_are_all_served() {
    let server = Server::subject(2, &[]);
    let mut client = server.client();
    let mut others: Vec<Client> = (0..150).map(|_| server.client()).collect();
    // Longer than a keeper ever sleeps.
    let script = "redis.call('SET', KEYS[1], ARGV[1]) local x = 0 for i = 1, 15000000 do x = x + i end return 'done'";
    for round in 0..5 {
        let round = round.to_string();
        client.send(&["EVAL", script, "1", "k", &round]);
        others.iter_mut().for_each(|other| other.send(&["GET", "k"]));
        assert_eq!(client.read(), Reply::bulk("done"));
        // Those that came before the script see what was there before it.
        others.iter_mut().for_each(|other| assert!(matches!(other.read(), Reply::Bulk(_) | Reply::NullBulk)));
    }
}
