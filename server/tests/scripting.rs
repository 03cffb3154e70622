//! Scripts: replies and errors byte for byte those of Redis, shards held and learned, runaway scripts.
//!
//! The cases in `scripts/cases.txt` (one script per line, escapes as in C) run on Curfew and on the reference beside it;
//! they share state from one line to the next. `CURFEW_REFERENCE` says where the reference is.

mod support;

use std::time::{Duration, Instant};
use support::client::Incoming;
use support::{Client, PATIENCE, Reply, Server, wait_until};

/// A line of the cases: `\n \r \t \\ \" \0` and the like, as they are written in C.
fn unescape(line: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = line.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, if byte == b'\\' { bytes.next() } else { None }) {
            (b'\\', Some(b'n')) => out.push(b'\n'),
            (b'\\', Some(b'2')) => {
                // The only octal one: \27.
                assert_eq!(bytes.next(), Some(b'7'));
                out.push(0o27);
            }
            (b'\\', Some(other)) => out.push(other),
            (byte, _) => out.push(byte),
        }
    }
    out
}

fn compare(shards: usize, resp3: bool) {
    let (reference, curfew) = (Server::redis(&[]), Server::subject(shards, &[]));
    let connect = |server: &Server| if resp3 { server.client().hello3() } else { server.client() };
    let (mut theirs, mut ours) = (connect(&reference), connect(&curfew));
    let mut cases = 0;
    for line in include_str!("scripts/cases.txt").lines() {
        let script = unescape(line);
        let command: [&[u8]; 7] = [b"EVAL", &script, b"2", b"a", b"b", b"x", b"y"];
        assert_eq!(ours.cmd(&command), theirs.cmd(&command), "shards {shards}, RESP3 {resp3}: {line}");
        cases += 1;
    }
    assert!(cases > 200);
}

#[test]
fn scripts_answer_as_in_redis_over_resp2() {
    [1, 3].into_iter().for_each(|shards| compare(shards, false));
}

#[test]
fn scripts_answer_as_in_redis_over_resp3() {
    [1, 3].into_iter().for_each(|shards| compare(shards, true));
}

#[test]
fn commands_about_scripts_answer_as_in_redis() {
    let (reference, curfew) = (Server::redis(&[]), Server::subject(2, &[]));
    let (mut theirs, mut ours) = (reference.client(), curfew.client());
    for line in [
        "SCRIPT FLUSH x",
        "SCRIPT FLUSH SYNC",
        "SCRIPT FLUSH async",
        "SCRIPT FLUSH sync sync",
        "SCRIPT DEBUG x",
        "SCRIPT DEBUG no",
        "SCRIPT KILL",
        "SCRIPT LOAD \"return 1\"",
        "SCRIPT LOAD x",
        "SCRIPT LOAD \"#!js\\nreturn\"",
        "SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db E0E1F9FABFC9D4800C877A703B823AC0578FF8DB x",
        "EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0",
        "EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 k",
        "EVALSHA x -1",
        "EVALSHA ffffffffffffffffffffffffffffffffffffffff x",
        "EVALSHA ffffffffffffffffffffffffffffffffffffffff 0",
        "EVAL x",
        "EVAL x a",
        "EVAL x 5",
        "EVAL x -1",
        "EVAL \"\\x1bLua\" 0",
        "EVAL \"\" 0",
        "EVAL_RO \"redis.call('set','a',1)\" 0",
        "EVAL_RO \"redis.call('publish','a',1)\" 0",
        "EVAL_RO \"#!lua flags=allow-oom\\nreturn 1\" 0",
        "EVAL_RO \"#!lua flags=no-writes\\nreturn 1\" 0",
        "SCRIPT x",
        "SCRIPT",
        "SCRIPT FLUSH",
        "SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
        "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0",
    ] {
        assert_eq!(ours.line(line), theirs.line(line), "{line}");
    }
}

/// Forgotten scripts are forgotten by every thread, whichever has compiled them.
#[test]
fn a_flush_reaches_every_thread() {
    let server = Server::subject(2, &[]);
    let mut clients: Vec<Client> = (0..4).map(|_| server.client()).collect();
    let sha = clients[0].line("SCRIPT LOAD \"return KEYS[1]\"").text();
    for client in &mut clients {
        assert_eq!(client.line(&format!("EVALSHA {sha} 1 k")), Reply::bulk("k"));
    }
    clients[1].ok("SCRIPT FLUSH");
    for client in &mut clients {
        assert_eq!(
            client.line(&format!("EVALSHA {sha} 1 k")),
            Reply::error("NOSCRIPT No matching script. Please use EVAL.")
        );
    }
    assert_eq!(clients[2].line("EVAL \"return KEYS[1]\" 1 k"), Reply::bulk("k"));
    for client in &mut clients {
        assert_eq!(client.line(&format!("EVALSHA {sha} 1 k")), Reply::bulk("k"));
    }
}

/// A script that has kept to its keys for long reaches further: before its first write it starts over, after it it takes
/// the shard on the way; nothing is done twice.
#[test]
fn a_script_may_stray_after_it_was_learned() {
    let server = Server::subject(4, &[]);
    let mut client = server.client();
    for (name, script) in [
        (
            "before",
            "local x = redis.call('GET', ARGV[1]) redis.call('INCR', KEYS[1]) return redis.call('INCR', ARGV[1])",
        ),
        ("after", "redis.call('INCR', KEYS[1]) return redis.call('INCR', ARGV[1])"),
    ] {
        for round in 1..=30 {
            let key = format!("{name}:key");
            let command = ["EVAL", script, "1", &key, &key];
            assert_eq!(client.cmd(&command), Reply::Int(round * 2), "{name}");
        }
        for round in 1..=50 {
            let (key, other) = (format!("{name}:key"), format!("{name}:other:{round}"));
            assert_eq!(client.cmd(&["EVAL", script, "1", &key, &other]), Reply::Int(1), "{name}");
        }
        assert_eq!(client.line(&format!("GET {name}:key")), Reply::bulk("110"), "{name}: once for each run");
    }
}

#[test]
fn scripts_in_transactions() {
    let server = Server::subject(4, &[]);
    let mut client = server.client();
    let lines = [
        "MULTI",
        "SET a 1",
        "EVAL \"redis.call('INCR','a') redis.call('SET','b','x') return redis.call('GET','a')\" 0",
        "EVAL \"return redis.call('INCR','b')\" 0",
        "GET b",
        "EXEC",
    ];
    let reply = client.pipeline(&lines).pop().expect("six replies");
    let items = reply.items();
    assert_eq!((&items[0], &items[1], &items[3]), (&Reply::ok(), &Reply::bulk("2"), &Reply::bulk("x")));
    assert!(items[2].is_error());
}

const BUSY: &str = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

/// Sends a script and waits until `GET key` says that it is busy.
fn start_busy(server: &Server, script: &str, key: &str) -> Client {
    let mut runner = server.client();
    runner.send(&["EVAL", script, "1", key]);
    let mut other = server.client();
    wait_until("the script is past its threshold", || other.line(&format!("GET {key}")) == Reply::error(BUSY));
    runner
}

fn assert_killed(runner: &mut Client) {
    let Incoming::Reply(Reply::Error(text)) = runner.next(PATIENCE) else { panic!("the script was not killed") };
    let text = String::from_utf8(text).expect("text");
    assert!(text.starts_with("ERR Script killed by user with SCRIPT KILL. script: "), "{text}");
}

#[test]
fn a_runaway_script_is_told_and_killed_from_every_connection() {
    for shards in [1, 2] {
        let server = Server::subject(shards, &["--busy-reply-threshold", "50"]);
        let mut old: Vec<Client> = (0..4).map(|_| server.client()).collect();
        for (index, script) in [
            "while true do end",
            "while true do pcall(function() while true do end end) end",
            "while true do redis.call('GET', KEYS[1]) end",
            "coroutine.wrap(function() while true do end end)()",
            "while true do redis.pcall('nosuch') end",
        ]
        .into_iter()
        .enumerate()
        {
            let mut runner = start_busy(&server, script, "k");
            let start = Instant::now();
            let mut new = server.client();
            for client in old.iter_mut().chain([&mut new]) {
                assert_eq!(client.line("GET k"), Reply::error(BUSY), "{script}");
                assert_eq!(client.line("SET k v"), Reply::error(BUSY), "{script}");
                // The first runs of a script hold every shard.
                assert_eq!(client.line("PING"), Reply::error(BUSY), "{script}");
            }
            assert!(start.elapsed() < PATIENCE, "they were told without waiting for the script");
            let killer = if index % 2 == 0 { &mut new } else { &mut old[index % 4] };
            killer.ok("SCRIPT KILL");
            assert_killed(&mut runner);
            assert_eq!(runner.line("PING"), Reply::simple("PONG"));
            assert_eq!(new.line("SCRIPT KILL"), Reply::error("NOTBUSY No scripts in execution right now."));
            old.iter_mut().for_each(|client| client.ok("SET k v"));
        }
    }
}

/// A learned script keeps only its own shard from others, though all connections share the two threads.
#[test]
fn a_runaway_script_leaves_other_shards_alone() {
    let server = Server::subject(2, &["--busy-reply-threshold", "50"]);
    if server.is_reference() {
        return;
    }
    let mut clients: Vec<Client> = (0..6).map(|_| server.client()).collect();
    let script = "while ARGV[1] == 'loop' do end return redis.call('GET', KEYS[1])";
    // bar is in slot 5061, foo in slot 12182.
    for client in &mut clients {
        (0..10).for_each(|_| drop(client.cmd(&["EVAL", script, "1", "bar", "no"])));
        client.ok("SET foo 1");
    }
    let mut runner = server.client();
    runner.send(&["EVAL", script, "1", "bar", "loop"]);
    let mut watcher = server.client();
    wait_until("the script is past its threshold", || watcher.line("GET bar") == Reply::error(BUSY));
    for client in &mut clients {
        assert_eq!(client.line("GET foo"), Reply::bulk("1"));
        assert_eq!(client.line("GET bar"), Reply::error(BUSY));
        assert_eq!(client.line("MGET foo bar"), Reply::error(BUSY));
        assert_eq!(client.cmd(&["EVAL", script, "1", "foo", "no"]), Reply::bulk("1"));
    }
    clients[0].ok("SCRIPT KILL");
    assert_killed(&mut runner);
    assert_eq!(clients[3].line("MGET foo bar").items().len(), 2);
}

#[test]
fn a_script_that_has_written_cannot_be_killed() {
    let server = Server::subject(1, &["--busy-reply-threshold", "20"]);
    let _runner = start_busy(&server, "redis.call('SET', KEYS[1], 'x') while true do end", "k");
    let reply = server.client().line("SCRIPT KILL");
    assert!(matches!(&reply, Reply::Error(text) if text.starts_with(b"UNKILLABLE ")), "{reply}");
    let mut other = server.client();
    assert_eq!(other.line("GET k"), Reply::error(BUSY));
    assert_eq!(other.line("SHUTDOWN"), Reply::error(BUSY));
    other.send(&["SHUTDOWN", "NOSAVE"]);
    assert_eq!(other.next(PATIENCE), Incoming::Closed);
}

#[test]
fn a_server_with_a_runaway_script_ends_when_told() {
    let server = Server::subject(1, &["--busy-reply-threshold", "20"]);
    if server.is_reference() {
        return;
    }
    let _runner = start_busy(&server, "redis.call('SET', KEYS[1], 1) while true do end", "k");
    let start = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(15));
}
