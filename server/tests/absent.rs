//! Commands about what there is not: administrators' tools ask for it, and get the answer of a Redis where it is off.

mod support;

use support::{Reply, Server};

/// Answered as by Redis, to the letter.
const SAME: &[&str] = &[
    "READONLY",
    "READWRITE",
    "ASKING",
    "CLUSTER",
    "CLUSTER INFO",
    "CLUSTER HELP",
    "CLUSTER NODES",
    "CLUSTER SLOTS",
    "CLUSTER SHARDS",
    "CLUSTER MYID",
    "CLUSTER KEYSLOT a",
    "CLUSTER KEYSLOT",
    "CLUSTER NOSUCH",
    "MODULE",
    "MODULE NOSUCH",
    "WAIT 0 0",
    "WAIT 1 10",
    "WAIT -1 10",
    "WAIT 1 -1",
    "WAIT x 0",
    "WAIT 0 x",
    "WAIT 0",
    "WAITAOF 0 0 0",
    "WAITAOF 0 1 10",
    "WAITAOF 1 0 0",
    "WAITAOF 2 0 0",
    "WAITAOF 0 -1 0",
    "WAITAOF 0 0 -1",
    "REPLICAOF NO ONE",
    "SLAVEOF no one",
    "FAILOVER",
    "FAILOVER ABORT",
    "SLOWLOG GET",
    "SLOWLOG GET 5",
    "SLOWLOG GET -1",
    "SLOWLOG GET -2",
    "SLOWLOG GET x",
    "SLOWLOG LEN",
    "SLOWLOG RESET",
    "SLOWLOG NOSUCH",
    "LATENCY LATEST",
    "LATENCY HISTORY command",
    "LATENCY RESET",
    "LATENCY RESET command",
    "LATENCY GRAPH command",
    "LATENCY NOSUCH",
    "ACL WHOAMI",
    "ACL USERS",
    "ACL LIST",
    "ACL CAT",
    "ACL CAT nosuch",
    "ACL GETUSER default",
    "ACL GETUSER nosuch",
    "ACL LOG",
    "ACL LOG RESET",
    "ACL DRYRUN default get x",
    "ACL DRYRUN default nosuch",
    "ACL DRYRUN default get",
    "ACL DRYRUN nosuch get",
    "ACL DELUSER nosuch",
    "ACL DELUSER default",
];

#[test]
fn answers_are_those_of_redis_where_it_is_off() {
    let (curfew, redis) = (Server::curfew(&["--shards", "2"]), Server::redis(&["--slowlog-log-slower-than", "-1"]));
    let (mut ours, mut theirs) = (curfew.client(), redis.client());
    for resp3 in [false, true] {
        if resp3 {
            (ours, theirs) = (curfew.client().hello3(), redis.client().hello3());
        }
        for line in SAME {
            assert_eq!(ours.line(line), theirs.line(line), "{line}");
        }
    }
    assert_eq!(ours.line("MODULE LIST"), Reply::Array(vec![]));
    let since = ours.int("LASTSAVE");
    assert!((since - support::unix_ms() / 1000).abs() < 60);
    assert_eq!(ours.int("LASTSAVE"), since);
}

#[test]
fn what_would_promise_something_is_refused() {
    let curfew = Server::curfew(&["--shards", "1"]);
    let mut client = curfew.client();
    for line in [
        "SAVE",
        "BGSAVE",
        "BGREWRITEAOF",
        "REPLICAOF 127.0.0.1 6379",
        "SLAVEOF 127.0.0.1 6379",
        "MODULE LOAD x",
        "ACL SETUSER x on",
        "ACL SAVE",
        "ACL LOAD",
    ] {
        assert!(client.line(line).is_error(), "{line}");
    }
}
