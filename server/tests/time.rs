//! Time as only Curfew has it: groups that expire as one, events that last, and an expiry that can be watched.

mod support;

use support::{Reply, Server, unix_ms};

/// `notify-keyspace-prefix`: the events' channels begin with what the configuration says, from one event to the next.
#[test]
fn the_channels_of_events_have_a_prefix_of_choice() {
    let server = Server::curfew(&["--shards", "2", "--notify-keyspace-events", "KEA"]);
    let (mut client, mut subscriber) = (server.client(), server.client());
    subscriber.line("PSUBSCRIBE *");
    let channels = |subscriber: &mut support::Client| -> Vec<String> {
        (0..2).map(|_| subscriber.read().items()[2].text()).collect()
    };
    client.ok("SET a 1");
    assert_eq!(channels(&mut subscriber), ["__keyspace@0__:a", "__keyevent@0__:set"]);
    client.ok("CONFIG SET notify-keyspace-prefix app:__");
    client.ok("SET a 1");
    assert_eq!(channels(&mut subscriber), ["app:__keyspace@0__:a", "app:__keyevent@0__:set"]);
    client.ok("CONFIG SET notify-keyspace-prefix \"\"");
    client.ok("SET a 1");
    assert_eq!(channels(&mut subscriber), ["keyspace@0__:a", "keyevent@0__:set"]);
}

/// CURFEW.EXPIREAT over keys of many shards: whoever looks sees all of them or none.
#[test]
fn a_group_over_all_shards_goes_as_one() {
    let server = Server::curfew(&["--shards", "4"]);
    let (mut client, mut observer) = (server.client(), server.client());
    let keys: Vec<String> = (0..100).map(|number| format!("member:{number}")).collect();
    let exists = format!("EXISTS {}", keys.join(" "));
    keys.iter().for_each(|key| client.ok(&format!("SET {key} v")));
    assert_eq!(client.int(&format!("CURFEW.EXPIREAT {} {} none", unix_ms() + 50, keys.join(" "))), 0);
    assert_eq!(client.int("PTTL member:7"), -1);
    let deadline = unix_ms() + 100;
    assert_eq!(client.int(&format!("CURFEW.EXPIREAT {deadline} {}", keys.join(" "))), 100);
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
