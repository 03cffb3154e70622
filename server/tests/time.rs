//! Time as only Curfew has it: groups that expire as one, events that last, and an expiry that can be watched.

mod support;

use std::collections::HashMap;
use support::{Client, Reply, Server, unix_ms, wait_until};

/// `notify-keyspace-prefix`: the events' channels begin with what the configuration says, from one event to the next.
#[test]
fn the_channels_of_events_have_a_prefix_of_choice() {
    let server = Server::curfew(&["--shards", "2", "--notify-keyspace-events", "KEA"]);
    let (mut client, mut subscriber) = (server.client(), server.client());
    subscriber.line("PSUBSCRIBE *");
    let channels =
        |subscriber: &mut Client| -> Vec<String> { (0..2).map(|_| subscriber.read().items()[2].text()).collect() };
    client.ok("SET a 1");
    assert_eq!(channels(&mut subscriber), ["__keyspace@0__:a", "__keyevent@0__:set"]);
    client.ok("CONFIG SET notify-keyspace-prefix app:__");
    client.ok("SET a 1");
    assert_eq!(channels(&mut subscriber), ["app:__keyspace@0__:a", "app:__keyevent@0__:set"]);
    client.ok("CONFIG SET notify-keyspace-prefix \"\"");
    client.ok("SET a 1");
    assert_eq!(channels(&mut subscriber), ["keyspace@0__:a", "keyevent@0__:set"]);
}

/// CURFEW.PEXPIREAT over keys of many shards: whoever looks sees all of them or none.
#[test]
fn a_group_over_all_shards_goes_as_one() {
    let server = Server::curfew(&["--shards", "4"]);
    let (mut client, mut observer) = (server.client(), server.client());
    let keys: Vec<String> = (0..100).map(|number| format!("member:{number}")).collect();
    let exists = format!("EXISTS {}", keys.join(" "));
    keys.iter().for_each(|key| client.ok(&format!("SET {key} v")));
    assert_eq!(client.int(&format!("CURFEW.PEXPIREAT {} {} none", unix_ms() + 50, keys.join(" "))), 0);
    assert_eq!(client.int("PTTL member:7"), -1);
    let deadline = unix_ms() + 100;
    assert_eq!(client.int(&format!("CURFEW.PEXPIREAT {deadline} {}", keys.join(" "))), 100);
    let Reply::Array(next) = client.line("CURFEW.EXPIRING COUNT 1000 WITHDEADLINES") else {
        panic!("keys and deadlines")
    };
    assert_eq!(next.len(), 200);
    assert!(next.iter().skip(1).step_by(2).all(|reply| *reply == Reply::Int(deadline)));
    loop {
        match observer.int(&exists) {
            100 => {}
            0 => break,
            some => panic!("{some} of 100 keys of one deadline"),
        }
    }
    assert!(unix_ms() > deadline);
}

/// The keys that CURFEW.EVENTS answers.
fn places(client: &mut Client, of: &str) -> Vec<String> {
    client.line(&format!("CURFEW.EVENTS {of}")).items().iter().map(Reply::text).collect()
}

fn info(client: &mut Client, name: &str) -> i64 {
    let text = client.line("INFO curfew").text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::to_owned);
    value.expect("a figure of INFO").parse().expect("a number")
}

/// The entries in a reply of XREADGROUP: stream, id, and fields by name.
fn entries(reply: &Reply) -> Vec<(String, String, HashMap<String, String>)> {
    let mut found = Vec::new();
    if reply.is_null() {
        return found;
    }
    for stream in reply.items() {
        let [name, entries] = stream.items() else { panic!("a stream and its entries") };
        for entry in entries.items() {
            let fields = entry.items()[1].items().chunks(2).map(|pair| (pair[0].text(), pair[1].text()));
            found.push((name.text(), entry.items()[0].text(), fields.collect()));
        }
    }
    found
}

/// A consumer that reads with XREADGROUP, loses its connection again and again in the middle of a read, and comes back:
/// each of 20,000 keys of one deadline is told exactly once.
#[test]
fn a_consumer_that_comes_and_goes_hears_of_every_key_once() {
    const KEYS: usize = 20_000;
    let server = Server::curfew(&["--shards", "4", "--notify-keyspace-stream", "events"]);
    let mut client = server.client();
    client.ok("CONFIG SET notify-keyspace-stream-events x");
    let streams = places(&mut client, "STREAMS");
    assert_eq!(streams.len(), 4);
    streams.iter().for_each(|stream| client.ok(&format!("XGROUP CREATE {stream} g $ MKSTREAM")));
    let deadline = unix_ms() + 1_500;
    for first in (0..KEYS).step_by(1_000) {
        let lines: Vec<String> =
            (first..first + 1_000).map(|number| format!("SET key:{number} v PXAT {deadline}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert!(client.pipeline(&lines).iter().all(|reply| *reply == Reply::ok()));
    }
    let read = |count: usize, from: &str| {
        let from = [from; 4].join(" ");
        format!("XREADGROUP GROUP g me COUNT {count} BLOCK 1000 STREAMS {} {from}", streams.join(" "))
    };
    let mut told: HashMap<String, u32> = HashMap::new();
    let mut handle = |client: &mut Client, reply: &Reply| {
        let entries = entries(reply);
        for (stream, id, fields) in &entries {
            assert_eq!((&*fields["event"], &*fields["db"]), ("expired", "0"));
            assert_eq!(fields["deadline"], deadline.to_string());
            assert!(fields["lag"].parse::<i64>().expect("milliseconds") >= 1);
            *told.entry(fields["key"].clone()).or_default() += 1;
            assert_eq!(client.int(&format!("XACK {stream} g {id}")), 1, "nothing is told twice");
        }
        (entries.len(), told.len())
    };
    let mut done = 0;
    wait_until("every key was told of", || {
        let mut consumer = server.client();
        // What the connection before was given and could not handle.
        loop {
            let reply = consumer.line(&read(300, "0"));
            let (some, all) = handle(&mut consumer, &reply);
            done = all;
            if some == 0 {
                break;
            }
        }
        let reply = consumer.line(&read(300, ">"));
        done = handle(&mut consumer, &reply).1;
        // Lost: the answer to this one is never read.
        consumer.send(&support::words(&read(100, ">")));
        done == KEYS
    });
    assert!(told.values().all(|times| *times == 1));
    wait_until("nothing is pending", || {
        streams.iter().all(|stream| client.line(&format!("XPENDING {stream} g")).items()[0] == Reply::Int(0))
    });
    assert_eq!(info(&mut client, "keyspace_events_appended"), KEYS as i64);
    assert_eq!(info(&mut client, "keyspace_events_dropped"), 0);
}

/// The streams are switched on and off at run time, are one for each shard, and show an event to the next command.
#[test]
fn events_are_in_the_streams_that_are_named() {
    let server = Server::curfew(&["--shards", "4"]);
    let mut client = server.client();
    assert_eq!(client.line("CURFEW.EVENTS STREAMS"), Reply::Array(vec![]));
    client.ok("SET unheard v");
    client.ok("CONFIG SET notify-keyspace-stream ev notify-keyspace-list q notify-keyspace-stream-values yes");
    let (streams, lists) = (places(&mut client, "STREAMS"), places(&mut client, "LISTS"));
    assert_eq!((streams.len(), lists.len()), (4, 4));
    (0..200).for_each(|number| client.ok(&format!("SET k{number} v")));
    let lens: Vec<i64> = streams.iter().map(|stream| client.int(&format!("XLEN {stream}"))).collect();
    assert_eq!(lens.iter().sum::<i64>(), 200);
    assert!(lens.iter().all(|len| *len > 0), "{lens:?}");
    assert_eq!(lists.iter().map(|list| client.int(&format!("LLEN {list}"))).sum::<i64>(), 200);
    assert_eq!(info(&mut client, "keyspace_events_appended"), 400);
    client.ok("FLUSHALL");
    let sum = streams.iter().map(|stream| format!("redis.call('XLEN', '{stream}')")).collect::<Vec<_>>().join(" + ");
    let script = format!("redis.call('DEL', KEYS[1]) return {sum}");
    client.line("MULTI");
    client.line("SET a v");
    streams.iter().for_each(|stream| drop(client.line(&format!("XLEN {stream}"))));
    let reply = client.line("EXEC");
    assert_eq!(reply.items()[1..].iter().map(Reply::int).sum::<i64>(), 1, "within the transaction");
    assert_eq!(client.cmd(&["EVAL", &script, "1", "a"]), Reply::Int(2), "within the script");
    client.ok("CONFIG SET notify-keyspace-stream \"\" notify-keyspace-list \"\"");
    client.ok("SET a v");
    assert_eq!(client.cmd(&["EVAL", &format!("return {sum}"), "0"]), Reply::Int(2));
    for (set, reason) in [
        ("notify-keyspace-stream a{b", "must not contain '{'"),
        ("notify-keyspace-stream x notify-keyspace-list x", "different names"),
        ("notify-keyspace-stream-events q", "Invalid event class character"),
        ("notify-keyspace-stream-maxlen -1", "must be between"),
    ] {
        let reply = client.line(&format!("CONFIG SET {set}")).text();
        assert!(reply.contains(reason), "{reply}");
    }
    assert!(client.line("CURFEW.EVENTS NOSUCH").is_error());
}

/// A key of another type is left alone, and the command whose event it was knows nothing of it; the log does.
#[test]
fn events_that_cannot_be_appended_are_counted_and_logged() {
    let server = Server::curfew(&["--shards", "1", "--notify-keyspace-stream", "ev"]);
    let mut client = server.client();
    client.ok("SET ev:{0} mine");
    client.ok("SET a v");
    client.ok("SET b v");
    assert_eq!(client.line("GET ev:{0}"), Reply::bulk("mine"));
    assert_eq!(info(&mut client, "keyspace_events_dropped"), 2);
    wait_until("it is in the log", || server.log().contains("events are dropped"));
    client.ok("SET c v");
    assert_eq!(server.log().matches("events are dropped").count(), 1);
}

/// Those who wait at a list of events are served, even by an event that their own command has made.
#[test]
fn blocked_readers_of_a_list_of_events_are_served() {
    let server = Server::curfew(&["--shards", "2", "--notify-keyspace-list", "q"]);
    let (mut client, mut reader) = (server.client(), server.client());
    client.ok("CONFIG SET notify-keyspace-stream-events x");
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    let pop = format!("BLPOP {} 0", places(&mut client, "LISTS").join(" "));
    let blocked = |client: &mut Client| client.line("INFO clients").text().contains("blocked_clients:1");
    reader.send(&support::words(&pop));
    wait_until("the reader waits", || blocked(&mut client));
    client.ok("SET a v PX 1");
    wait_until("it is gone", || client.line("GET a").is_null());
    assert!(reader.read().items()[1].text().starts_with("{\"event\":\"expired\",\"db\":0,\"key\":\"a\",\"time\":"));
    // Nobody has noticed yet that b is past its deadline: BLPOP itself does.
    let deadline = unix_ms() + 5;
    client.ok(&format!("SET b v PXAT {deadline}"));
    wait_until("the deadline is past", || unix_ms() > deadline + 1);
    let reply = reader.line(&pop.replace("BLPOP", "BLPOP b"));
    assert!(reply.items()[1].text().contains("\"key\":\"b\""), "{reply}");
}

/// Compare-and-set for deadlines: conditions look at the deadline that there is, on each way to give one, alone, in MULTI and in a
/// script. (The table of all conditions is in `shard/src/command/expiry.rs`; here are the ways.)
#[test]
fn conditions_of_deadlines_hold_on_every_way() {
    let server = Server::subject(4, &[]);
    let mut client = server.client();
    let at = (unix_ms() / 1000 + 100_000) * 1000;
    // With the deadline `at`, or without one: which conditions let a later one through, and which an earlier one.
    let timed = [("NX", false, false), ("XX", true, true), ("GT", true, false), ("LT", false, true)];
    let untimed = [("NX", true, true), ("XX", false, false), ("GT", false, false), ("LT", true, true)];
    for (before, table) in [(Some(at), timed), (None, untimed)] {
        for ((condition, later, earlier), command) in
            table.into_iter().flat_map(|row| ["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"].map(|name| (row, name)))
        {
            for (seconds, applies) in [(50_000, later), (-50_000, earlier)] {
                let wanted = at + seconds * 1000;
                let relative = wanted - unix_ms();
                let amount = match command {
                    "EXPIRE" => relative / 1000,
                    "PEXPIRE" => relative,
                    "EXPIREAT" => wanted / 1000,
                    _ => wanted,
                };
                let line = format!("{command} k {amount} {condition}");
                for way in 0..3 {
                    client.ok("SET k v");
                    if let Some(at) = before {
                        assert_eq!(client.int(&format!("PEXPIREAT k {at}")), 1);
                    }
                    let reply = match way {
                        0 => client.line(&line),
                        1 => client.pipeline(&["MULTI", &line, "EXEC"])[2].items()[0].clone(),
                        _ => client.cmd(&[
                            "EVAL",
                            &format!("return redis.call('{command}', KEYS[1], {amount}, '{condition}')"),
                            "1",
                            "k",
                        ]),
                    };
                    assert_eq!(reply, Reply::Int(applies.into()), "{line} at {before:?}, way {way}");
                    let now = client.int("PEXPIRETIME k");
                    let expected = if applies { wanted } else { before.unwrap_or(-1) };
                    assert!((now - expected).abs() < 20_000, "{line} at {before:?}, way {way}: {now}");
                }
            }
        }
    }
}

/// Within a slow unit all conditions compare at its moment: the same TTL is the same deadline, and a key whose time ends in the
/// middle keeps it, whatever keeps, sets or removes it.
#[test]
fn conditions_of_deadlines_have_the_units_moment() {
    let server = Server::subject(4, &[]);
    let mut client = server.client();
    let slow = "EVAL \"local x = 0 for i = 1, 3000000 do x = x + i end\" 0";
    let replies = client.pipeline(&[
        "MULTI",
        "SET k v PX 100000",
        slow,
        "PEXPIRE k 100000 GT",
        "PEXPIRE k 100000 LT",
        "PEXPIRE k 100001 GT",
        "PEXPIRE k 100000 LT",
        "SET short 1 PX 1",
        slow,
        "SET short 2 XX KEEPTTL",
        "PTTL short",
        "PEXPIRE short 1 GT",
        "GETEX short PX 2",
        "PTTL short",
        "GETEX short PERSIST",
        "PTTL short",
        "EXEC",
    ]);
    let replies: Vec<String> = replies[16].items().iter().map(ToString::to_string).collect();
    let int = |number: i64| Reply::Int(number).to_string();
    assert_eq!(replies[2..6], [int(0), int(0), int(1), int(1)], "{replies:?}");
    let rest = [
        Reply::ok().to_string(),
        int(1),
        int(0),
        Reply::bulk("2").to_string(),
        int(2),
        Reply::bulk("2").to_string(),
        int(-1),
    ];
    assert_eq!(replies[8..], rest, "{replies:?}");
    let script = "redis.call('SET', KEYS[1], 1, 'PX', 1) local x = 0 for i = 1, 3000000 do x = x + i end \
        local kept = redis.call('SET', KEYS[1], 2, 'XX', 'KEEPTTL') \
        return {kept, redis.call('PTTL', KEYS[1]), redis.call('PEXPIRE', KEYS[1], 1, 'GT'), redis.call('PEXPIRE', KEYS[1], 1, 'LT'), \
        redis.call('PEXPIRE', KEYS[1], 1, 'NX'), redis.call('GETEX', KEYS[1], 'PX', 7), redis.call('PTTL', KEYS[1])}";
    let expected =
        vec![Reply::ok(), Reply::Int(1), Reply::Int(0), Reply::Int(0), Reply::Int(0), Reply::bulk("2"), Reply::Int(7)];
    assert_eq!(client.cmd(&["EVAL", script, "1", "short"]), Reply::Array(expected));
}

/// What is past its deadline has none to compare with or to keep, whether or not it was noticed.
#[test]
fn a_dead_key_passes_its_deadline_on_to_nobody() {
    let server = Server::subject(4, &[]);
    let mut client = server.client();
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    for (line, reply, left) in [
        ("PEXPIRE k 1000 XX", Reply::Int(0), -2),
        ("PEXPIRE k 1000", Reply::Int(0), -2),
        ("SET k w XX KEEPTTL", Reply::NullBulk, -2),
        ("SET k w KEEPTTL", Reply::ok(), -1),
        ("GETEX k PERSIST", Reply::NullBulk, -2),
        ("GETEX k PX 1000", Reply::NullBulk, -2),
        ("PERSIST k", Reply::Int(0), -2),
    ] {
        let deadline = unix_ms() + 2;
        client.ok(&format!("SET k v PXAT {deadline}"));
        wait_until("it is past", || unix_ms() > deadline + 1);
        assert_eq!(client.line(line), reply, "{line}");
        assert_eq!(client.int("PTTL k"), left, "{line}");
        client.int("DEL k");
    }
    client.ok("DEBUG SET-ACTIVE-EXPIRE 1");
}

/// Many move one deadline at the same time: NX lets one of them, GT leaves the latest, LT the earliest.
#[test]
fn the_deadline_that_many_move_is_the_one_that_should_win() {
    const CLIENTS: i64 = 6;
    let server = Server::subject(4, &[]);
    let base = unix_ms() + 1_000_000;
    server.client().ok("MSET nx v gt v lt v");
    server.client().int(&format!("PEXPIREAT gt {base}"));
    let won: i64 = std::thread::scope(|scope| {
        let movers: Vec<_> = (0..CLIENTS)
            .map(|me| {
                let server = &server;
                scope.spawn(move || {
                    let mut client = server.client();
                    let won = client.int(&format!("PEXPIREAT nx {} NX", base + me));
                    for round in 0..200 {
                        // All numbers below 1200, each once, in another order for each.
                        let at = base + 1 + (round * CLIENTS + me) * 7 % 1_200;
                        let lines = [format!("PEXPIREAT gt {at} GT"), format!("PEXPIREAT lt {at} LT")];
                        match round % 2 {
                            0 => drop(client.pipeline(&[&lines[0], &lines[1]])),
                            _ => drop(client.pipeline(&["MULTI", &lines[0], &lines[1], "EXEC"])),
                        }
                    }
                    won
                })
            })
            .collect();
        movers.into_iter().map(|mover| mover.join().expect("a mover")).sum()
    });
    let mut client = server.client();
    assert_eq!(won, 1, "NX let so many through");
    assert_eq!(client.int("PEXPIRETIME gt"), base + 1_200);
    assert_eq!(client.int("PEXPIRETIME lt"), base + 1);
}
