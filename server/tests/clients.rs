//! Connections among themselves: CLIENT, publish/subscribe, pauses, timeouts, and the pace of events. Expected answers are
//! Redis 8.0's; `CURFEW_TEST_SUBJECT=reference` checks them against it.

mod support;

use std::time::{Duration, Instant};
use support::client::Incoming;
use support::{Client, Reply, Server, wait_until};

fn two_shards() -> Server {
    Server::subject(2, &[])
}

/// The parts of a message or an array as texts.
fn items(reply: &Reply) -> Vec<String> {
    let text = |item: &Reply| if let Reply::Int(number) = item { number.to_string() } else { item.text() };
    reply.items().iter().map(text).collect()
}

/// The value of a field of CLIENT LIST's line.
fn field(line: &str, name: &str) -> String {
    let found = line.split_whitespace().find_map(|field| field.strip_prefix(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
}

fn info(client: &mut Client, name: &str) -> String {
    field(&client.line("CLIENT INFO").text(), name)
}

/// The lines of CLIENT LIST by their ids.
fn listed(client: &mut Client) -> Vec<String> {
    client.line("CLIENT LIST").text().lines().map(|line| field(line, "id")).collect()
}

#[track_caller]
fn closed(client: &mut Client) {
    assert_eq!(client.read_to_close(), []);
}

#[test]
fn a_line_tells_what_the_client_did() {
    let server = two_shards();
    let mut client = server.client();
    assert_eq!(info(&mut client, "cmd"), "client|info");
    client.ok("CLIENT SETNAME worker");
    client.ok("CLIENT SETINFO LIB-NAME lib");
    client.ok("CLIENT SETINFO lib-ver 1.2");
    client.ok("SELECT 3");
    client.ok("WATCH a b c");
    client.ok("CLIENT NO-EVICT ON");
    client.ok("CLIENT NO-TOUCH ON");
    let line = client.line("CLIENT INFO").text();
    let cases = [
        ("name", "worker"),
        ("lib-name", "lib"),
        ("lib-ver", "1.2"),
        ("db", "3"),
        ("watch", "3"),
        ("flags", "eT"),
        ("multi", "-1"),
        ("resp", "2"),
        ("user", "default"),
        ("redir", "-1"),
    ];
    for (name, value) in cases {
        assert_eq!(field(&line, name), value, "{name} in {line}");
    }
    // Others see the same, and what happens inside MULTI.
    client.ok("MULTI");
    assert_eq!(client.line("GET a"), Reply::simple("QUEUED"));
    let mut other = server.client();
    let id = field(&line, "id");
    let seen = other.line(&format!("CLIENT LIST ID {id}")).text();
    assert_eq!((field(&seen, "multi"), field(&seen, "flags")), ("1".into(), "xeT".into()));
    assert_ne!(field(&seen, "multi-mem"), "0");
    // RESET takes all of it away, but for the library.
    assert_eq!(client.line("RESET"), Reply::simple("RESET"));
    let line = client.line("CLIENT INFO").text();
    for (name, value) in [("name", ""), ("lib-name", "lib"), ("db", "0"), ("watch", "0"), ("flags", "N")] {
        assert_eq!(field(&line, name), value, "{name} in {line}");
    }
}

#[test]
fn reset_ends_the_watches() {
    let server = two_shards();
    let (mut client, mut other) = (server.client(), server.client());
    client.ok("WATCH k");
    assert_eq!(client.line("RESET"), Reply::simple("RESET"));
    other.ok("SET k 1");
    client.ok("MULTI");
    assert_eq!(client.line("GET k"), Reply::simple("QUEUED"));
    assert_eq!(client.line("EXEC").items(), [Reply::bulk("1")]);
}

#[test]
fn kill_closes_whom_it_names() {
    let server = two_shards();
    let mut killer = server.client();
    let own = killer.int("CLIENT ID");
    let mut victims: Vec<Client> = (0..4).map(|_| server.client()).collect();
    let ids: Vec<i64> = victims.iter_mut().map(|client| client.int("CLIENT ID")).collect();
    assert_eq!(killer.int(&format!("CLIENT KILL ID {}", ids[0])), 1);
    closed(&mut victims[0]);
    let address = info(&mut victims[1], "addr");
    killer.ok(&format!("CLIENT KILL {address}"));
    closed(&mut victims[1]);
    assert!(killer.line(&format!("CLIENT KILL {address}")).is_error());
    victims[2].send(&["SUBSCRIBE", "news"]);
    victims[2].read_any();
    assert_eq!(killer.int("CLIENT KILL TYPE pubsub"), 1);
    closed(&mut victims[2]);
    assert_eq!(listed(&mut killer), [own.to_string(), ids[3].to_string()]);
    // All but oneself, then oneself, after the reply.
    assert_eq!(killer.int("CLIENT KILL SKIPME yes"), 1);
    closed(&mut victims[3]);
    killer.raw(b"CLIENT KILL SKIPME no\r\nPING\r\n");
    assert_eq!(killer.read_to_close(), [Reply::Int(1)]);
}

#[test]
fn replies_are_left_out_as_asked() {
    let server = two_shards();
    let mut client = server.client();
    // Data commands of one shard run together; the modes hold for them too.
    client.raw(b"CLIENT REPLY SKIP\r\nSET a 1\r\nGET a\r\n");
    assert_eq!(client.read(), Reply::bulk("1"));
    client.raw(b"CLIENT REPLY OFF\r\nSET a 2\r\nGET a\r\nNOSUCH\r\nCLIENT REPLY ON\r\nGET a\r\n");
    assert_eq!(client.read(), Reply::ok());
    assert_eq!(client.read(), Reply::bulk("2"));
    // Messages come all the same, and so do confirmations.
    let mut three = server.client().hello3();
    three.raw(b"CLIENT REPLY OFF\r\nSUBSCRIBE c\r\nPUBLISH c m\r\nCLIENT REPLY ON\r\n");
    assert_eq!(items(&three.push()), ["subscribe", "c", "1"]);
    assert_eq!(items(&three.push()), ["message", "c", "m"]);
    assert_eq!(three.read(), Reply::ok());
}

#[test]
fn a_pause_holds_writes_back_and_ends() {
    let server = two_shards();
    let (mut client, mut writer) = (server.client(), server.client());
    client.ok("CLIENT PAUSE 60000 WRITE");
    writer.send(&["SET", "k", "v"]);
    let mut reader = server.client();
    assert!(reader.line("GET k").is_null());
    assert!(matches!(writer.next(Duration::from_millis(50)), Incoming::Nothing));
    client.ok("CLIENT UNPAUSE");
    assert_eq!(writer.read(), Reply::ok());
    // A pause runs out by itself, and for all commands.
    client.ok("CLIENT PAUSE 30 ALL");
    let start = Instant::now();
    assert_eq!(reader.line("GET k"), Reply::bulk("v"));
    assert!(start.elapsed() >= Duration::from_millis(25), "{:?}", start.elapsed());
    // Who waits can be killed.
    client.ok("CLIENT PAUSE 60000 WRITE");
    let id = writer.int("CLIENT ID");
    writer.send(&["SET", "k", "w"]);
    assert_eq!(client.int(&format!("CLIENT KILL ID {id}")), 1);
    closed(&mut writer);
    client.ok("CLIENT UNPAUSE");
    assert_eq!(client.line("GET k"), Reply::bulk("v"));
}

#[test]
fn idle_clients_are_closed_and_subscribers_are_not() {
    let server = Server::subject(2, &["--timeout", "1"]);
    let mut idle = server.client();
    let mut subscriber = server.client();
    subscriber.send(&["SUBSCRIBE", "c"]);
    subscriber.read_any();
    closed(&mut idle);
    let mut publisher = server.client();
    assert_eq!(publisher.int("PUBLISH c m"), 1);
    assert_eq!(items(&subscriber.read_any()), ["message", "c", "m"]);
}

#[test]
fn subscribers_of_both_protocols_get_the_same_messages() {
    let server = two_shards();
    let mut publisher = server.client();
    let (mut two, mut three) = (server.client(), server.client().hello3());
    for client in [&mut two, &mut three] {
        client.send(&["SUBSCRIBE", "news", "other"]);
        client.send(&["PSUBSCRIBE", "n*"]);
        client.send(&["SSUBSCRIBE", "news"]);
    }
    let expected = ["subscribe news 1", "subscribe other 2", "psubscribe n* 3", "ssubscribe news 1"];
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for line in expected {
        assert_eq!(items(&two.read_any()), words(line));
        assert_eq!(items(&three.push()), words(line));
    }
    assert_eq!(publisher.int("PUBLISH news m"), 4);
    assert_eq!(publisher.int("SPUBLISH news s"), 2);
    for line in ["message news m", "pmessage n* news m", "smessage news s"] {
        assert_eq!(items(&two.read_any()), words(line));
        assert_eq!(items(&three.push()), words(line));
    }
    assert_eq!(items(&publisher.line("PUBSUB NUMSUB news other none")), words("news 2 other 2 none 0"));
    assert_eq!(items(&publisher.line("PUBSUB SHARDNUMSUB news")), words("news 2"));
    assert_eq!(publisher.int("PUBSUB NUMPAT"), 1);
    let mut channels = items(&publisher.line("PUBSUB CHANNELS *e*"));
    channels.sort();
    assert_eq!(channels, words("news other"));
    assert_eq!(items(&publisher.line("PUBSUB SHARDCHANNELS")), words("news"));
    // Who goes is forgotten.
    drop(two);
    drop(three);
    wait_until("the channels are gone", || publisher.line("PUBSUB CHANNELS").items().is_empty());
    assert_eq!(publisher.int("PUBSUB NUMPAT"), 0);
    assert_eq!(publisher.int("PUBLISH news m"), 0);
}

#[test]
fn one_s_own_messages_follow_the_reply() {
    let server = two_shards();
    let mut client = server.client().hello3();
    client.raw(b"SUBSCRIBE c\r\nPUBLISH c 1\r\nMULTI\r\nPUBLISH c 2\r\nGET k\r\nEXEC\r\nUNSUBSCRIBE c\r\nPING\r\n");
    let texts: Vec<String> = (0..10).map(|_| client.read_any()).map(|reply| format!("{reply}")).collect();
    let position = |needle: &str| {
        let found = texts.iter().position(|text| text.contains(needle));
        found.unwrap_or_else(|| panic!("no {needle} in {texts:?}"))
    };
    assert_eq!(texts.len(), 10);
    assert!(position("unsubscribe") == 8 && position("PONG") == 9, "{texts:?}");
    let messages = texts.iter().enumerate().filter(|(_, text)| text.contains("message")).map(|(at, _)| at);
    assert_eq!(messages.collect::<Vec<_>>(), [2, 7], "{texts:?}");
}

/// dragonfly#8075: what was published before an UNSUBSCRIBE took effect arrives before its confirmation, and nothing after.
#[test]
fn unsubscribing_loses_nothing_and_ends_it() {
    let server = two_shards();
    let mut publisher = server.client();
    let mut client = server.client();
    for round in 0..200 {
        client.send(&["SUBSCRIBE", "c"]);
        client.read_any();
        for message in 0..5 {
            publisher.send(&["PUBLISH", "c", &message.to_string()]);
        }
        client.send(&["UNSUBSCRIBE", "c"]);
        client.send(&["PING"]);
        let received: i64 = (0..5).map(|_| publisher.read().int()).sum();
        for message in 0..received {
            assert_eq!(items(&client.read_any()), ["message".into(), "c".into(), message.to_string()]);
        }
        assert_eq!(items(&client.read_any()), ["unsubscribe", "c", "0"], "in round {round}");
        assert_eq!(client.read_any(), Reply::simple("PONG"), "in round {round}");
    }
}

/// A client that reads nothing is cut off at the limit; nobody waits for it.
#[test]
fn a_subscriber_that_does_not_read_is_cut_off() {
    let server = Server::subject(2, &["--client-output-buffer-limit", "pubsub 4mb 2mb 60"]);
    let (mut publisher, mut reader, mut deaf) = (server.client(), server.client(), server.client());
    for client in [&mut reader, &mut deaf] {
        client.send(&["SUBSCRIBE", "c"]);
        client.read_any();
    }
    let message = "x".repeat(100_000);
    let mut last = 2;
    let start = Instant::now();
    while last == 2 {
        last = publisher.cmd(&["PUBLISH", "c", &message]).int();
        assert_eq!(reader.read_any().items().len(), 3);
        assert!(start.elapsed() < support::PATIENCE, "the deaf subscriber is still there");
    }
    assert_eq!(last, 1);
}

/// Keys of one deadline whose events are more than the output limit: a subscriber that reads gets every one of them; one
/// that does not is cut off, and the keys go all the same.
#[test]
fn a_burst_of_expiries_waits_for_subscribers_that_read() {
    const KEYS: usize = 60_000;
    let limit = "pubsub 2mb 1mb 60";
    let server = Server::subject(2, &["--notify-keyspace-events", "Ex", "--client-output-buffer-limit", limit]);
    if server.is_reference() {
        return; // Redis cuts such a subscriber off, or not, as its clock will have it.
    }
    let (mut writer, mut reader, mut deaf) = (server.client(), server.client(), server.client());
    let deaf_id = deaf.int("CLIENT ID");
    for client in [&mut reader, &mut deaf] {
        client.send(&["SUBSCRIBE", "__keyevent@0__:expired"]);
        client.read_any();
    }
    let deadline = support::unix_ms() + 5_000;
    let padding = "p".repeat(150);
    for chunk in (0..KEYS).collect::<Vec<_>>().chunks(1_000) {
        for key in chunk {
            writer.send(&["SET", &format!("{padding}{key}"), "v", "PXAT", &deadline.to_string()]);
        }
        chunk.iter().for_each(|_| assert_eq!(writer.read(), Reply::ok()));
    }
    let mut seen = vec![false; KEYS];
    for _ in 0..KEYS {
        let event = reader.read_any();
        let key = event.items()[2].text();
        let number: usize = key[padding.len()..].parse().expect("a number");
        assert!(!std::mem::replace(&mut seen[number], true), "{number} twice");
    }
    assert_eq!(writer.int("DBSIZE"), 0);
    wait_until("the deaf subscriber is cut off", || {
        writer.line(&format!("CLIENT LIST ID {deaf_id}")).text().is_empty()
    });
}
