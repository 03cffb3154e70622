//! SCAN over shards, and the cursors of all that scan.

mod support;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use support::{Client, Server};

/// What Lua's `tostring` and whoever counts in doubles hands on unchanged.
const CURSOR_END: u64 = 100_000_000_000_000;

/// All items of a scan, and how many calls it took. `line` has `{}` where the cursor goes.
fn walk(client: &mut Client, line: &str) -> (HashSet<String>, usize) {
    let (mut cursor, mut items, mut calls) = ("0".to_owned(), HashSet::new(), 0);
    loop {
        let reply = client.line(&line.replace("{}", &cursor));
        calls += 1;
        items.extend(reply.items()[1].items().iter().map(|item| item.text()));
        cursor = reply.items()[0].text();
        if cursor == "0" {
            return (items, calls);
        }
        assert!(cursor.parse::<u64>().is_ok_and(|cursor| cursor < CURSOR_END), "{line}: {cursor}");
    }
}

#[test]
fn one_call_goes_on_over_shards() {
    for shards in ["1", "3", "64"] {
        let server = Server::curfew(&["--shards", shards]);
        let mut client = server.client();
        assert_eq!(walk(&mut client, "SCAN {}"), (HashSet::new(), 1), "empty, {shards} shards");
        for key in ["a", "b", "c"] {
            client.ok(&format!("SET {key} v"));
        }
        for line in ["SCAN {}", "SCAN {} MATCH *", "SCAN {} COUNT 1000", "SCAN {} TYPE string"] {
            let (keys, calls) = walk(&mut client, line);
            assert_eq!((keys.len(), calls), (3, 1), "{line}, {shards} shards");
        }
        // Where it cannot go on later it has all shards.
        assert_eq!(client.line("EVAL \"return redis.call('SCAN', '0')[1] .. '' \" 0").text(), "0");
        assert_eq!(client.int("EVAL \"return #redis.call('SCAN', '0')[2]\" 0"), 3);
        client.ok("MULTI");
        client.line("SCAN 0");
        let replies = client.line("EXEC");
        assert_eq!(replies.items()[0].items()[1].items().len(), 3);

        for first in (0..10_000).step_by(100) {
            let pairs: String = (first..first + 100).map(|i| format!(" k{i} v")).collect();
            client.ok(&format!("MSET{pairs}"));
            let members: String = (first..first + 100).map(|i| format!(" m{i}")).collect();
            client.line(&format!("SADD s{members}"));
            let pairs: String = (first..first + 100).map(|i| format!(" m{i} 1")).collect();
            client.line(&format!("HSET h{pairs}"));
            let pairs: String = (first..first + 100).map(|i| format!(" 1 m{i}")).collect();
            client.line(&format!("ZADD z{pairs}"));
        }
        client.ok("CONFIG RESETSTAT");
        let (keys, calls) = walk(&mut client, "SCAN {} COUNT 1000");
        assert_eq!(keys.len(), 10_006);
        assert!(calls <= 11, "{calls} calls, {shards} shards");
        let stats = client.line("INFO commandstats").text();
        assert!(stats.contains(&format!("cmdstat_scan:calls={calls},")), "{stats}");
        assert_eq!(walk(&mut client, "SCAN {} COUNT 100000000").1, 1);
        assert_eq!(walk(&mut client, "SSCAN s {}").0.len(), 10_000);
        assert_eq!(walk(&mut client, "HSCAN h {} COUNT 100 NOVALUES").0.len(), 10_000);
        assert_eq!(walk(&mut client, "ZSCAN z {} COUNT 77").0.len(), 10_001, "members and one score");
    }
}

#[test]
fn others_have_their_turns_during_a_long_scan() {
    let server = Server::curfew(&["--shards", "1", "--enable-debug-command", "yes"]);
    let mut client = server.client();
    for first in (0..400_000).step_by(1000) {
        let pairs: String = (first..first + 1000).map(|i| format!(" k{i} v")).collect();
        client.ok(&format!("MSET{pairs}"));
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut other = server.client();
            let mut answered = 0;
            while !over.load(Relaxed) {
                assert_eq!(other.line("GET k1").text(), "v");
                answered += 1;
            }
            answered
        });
        let mut scans = 0;
        // Nothing is answered but the last reply of each.
        while scans < 5 {
            let reply = client.line("SCAN 0 COUNT 10000000 MATCH nosuch*");
            assert_eq!(reply.items()[0].text(), "0");
            scans += 1;
        }
        over.store(true, Relaxed);
        let answered: i32 = other.join().expect("the other client");
        assert!(answered > 50, "{answered} in {scans} scans of 400,000 keys");
    });
}
