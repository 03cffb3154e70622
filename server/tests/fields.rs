//! Many fields of one hash with one deadline: they go as one, and nobody waits while they are freed.

mod support;

use support::{Client, Server, wait_until};

const FIELDS: usize = 1_000_000;

/// Makes a hash of a million fields that are due a millisecond later, all at the same time, and of these others.
fn fill(client: &mut Client, key: &str, others: &[&str]) {
    let names: Vec<String> = (0..FIELDS).map(|number| format!("f{number}")).collect();
    for names in names.chunks(10_000) {
        let pairs: String = names.iter().map(|name| format!(" {name} value")).collect();
        assert_eq!(client.int(&format!("HSET {key}{pairs}")), 10_000);
    }
    others.iter().for_each(|name| assert_eq!(client.int(&format!("HSET {key} {name} value")), 1));
    // One unit has one moment, so the deadline is the same however long it takes to set it.
    client.ok("MULTI");
    for names in names.chunks(10_000) {
        client.line(&format!("HPEXPIRE {key} 1 FIELDS {} {}", names.len(), names.join(" ")));
    }
    assert_eq!(client.line("EXEC").items().len(), FIELDS / 10_000);
}

fn expired_fields(client: &mut Client) -> u64 {
    let text = client.line("INFO stats").text();
    let value = text.lines().find_map(|line| line.strip_prefix("expired_subkeys:"));
    value.and_then(|value| value.parse().ok()).expect("a number")
}

#[test]
fn a_million_fields_go_as_one_and_others_are_served_while_they_are_freed() {
    let server = Server::curfew(&["--shards", "1", "--notify-keyspace-events", "KEA"]);
    let (mut client, mut other, mut listener) = (server.client(), server.client(), server.client());
    listener.line("PSUBSCRIBE __keyevent@*__:hexpired __keyevent@*__:del");
    listener.read_any();
    // First only lookups, which free next to nothing: so what is seen between the two is no matter of time.
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    fill(&mut client, "h", &["stays", "too"]);
    let full = client.int("MEMORY USAGE h");
    let mut lengths = vec![FIELDS as i64 + 2];
    wait_until("the fields are gone", || {
        lengths.push(other.int("HLEN h"));
        lengths.last() == Some(&2)
    });
    assert!(lengths.iter().all(|length| [2, FIELDS as i64 + 2].contains(length)), "all or none: {lengths:?}");
    assert_eq!(expired_fields(&mut client), FIELDS as u64);
    assert_eq!(listener.read_any().items()[3].text(), "h");
    assert!(client.int("MEMORY USAGE h") > full / 10 * 9, "they are not freed");
    let mut fields: Vec<String> = client.line("HKEYS h").items().iter().map(|field| field.text()).collect();
    fields.sort();
    assert_eq!(fields, ["stays", "too"]);
    assert_eq!(client.line("HRANDFIELD h 5").items().len(), 2);
    assert_eq!(client.int("HEXISTS h f7"), 0);
    // What is set anew meanwhile stays.
    assert_eq!(client.int("HSET h f7 new f8 new"), 2);
    assert_eq!(client.int("HLEN h"), 4);
    // Now the wheel. Commands of others come between its slices: they see how what is left becomes less.
    client.ok("DEBUG SET-ACTIVE-EXPIRE 1");
    let mut between = 0;
    let mut last = full;
    wait_until("they are freed", || {
        let now = other.int("MEMORY USAGE h");
        assert_eq!(other.int("HLEN h"), 4);
        // Leaves that are joined may take a little more than both did.
        assert!(now <= last + full / 1_000, "{now} after {last}");
        between += usize::from(now < last && now > full / 100);
        last = now;
        now < full / 1_000
    });
    assert!(between >= 2, "nobody was served between two slices");
    assert_eq!(other.line("HGET h f7").text(), "new");
    // It was announced once: what comes next is of the next change.
    assert_eq!(expired_fields(&mut client), FIELDS as u64);
    assert_eq!(client.int("DEL h"), 1);
    let message = listener.read_any();
    assert_eq!(message.items()[2].text(), "__keyevent@0__:del");
}

#[test]
fn a_hash_whose_million_fields_are_all_due_is_gone_at_once() {
    let server = Server::curfew(&["--shards", "1"]);
    let mut client = server.client();
    fill(&mut client, "h", &[]);
    let mut lengths = Vec::new();
    wait_until("it is gone", || {
        lengths.push(client.int("HLEN h"));
        lengths.last() == Some(&0)
    });
    assert!(lengths.iter().all(|length| [0, FIELDS as i64].contains(length)), "all or none: {lengths:?}");
    assert_eq!((client.int("EXISTS h"), client.int("DBSIZE")), (0, 0));
    wait_until("it is counted", || expired_fields(&mut client) == FIELDS as u64);
    wait_until("it is freed by the thread for that", || client.line("INFO").text().contains("\nlazyfreed_objects:1"));
}
