//! Keys go on time whatever else happens, it can be watched, and a wall clock that is stepped does no harm.
//!
//! The first tests are about order: one pipeline on a server with one thread, where nothing but the pipeline itself can have
//! removed a key between two of its commands. They say the same on a slow machine.

mod support;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use support::{Client, Reply, Server, unix_ms, wait_until};

/// A field of a reply of INFO.
fn field(reply: &Reply, name: &str) -> i64 {
    let text = reply.text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).trim().parse().expect("a number")
}

fn info(client: &mut Client, name: &str) -> i64 {
    field(&client.line("INFO everything"), name)
}

/// A string that it takes milliseconds to count the bits of.
const LARGE: &str = "SETBIT large{tag} 536870911 1";

#[test]
fn what_came_due_during_a_long_command_goes_before_the_next() {
    let server = Server::curfew(&["--shards", "1"]);
    let mut client = server.client();
    let replies = client.pipeline(&["SET gone v PX 1", "DEBUG SLEEP 0.02", "INFO stats"]);
    assert_eq!(field(&replies[2], "expired_keys"), 1);
    let replies = client.pipeline(&[
        "SET gone v PX 1",
        "EVAL \"local x = 0 for i = 1, 5000000 do x = x + i end return x\" 0",
        "INFO stats",
    ]);
    assert_eq!(field(&replies[2], "expired_keys"), 2, "a script that lets others have their turns meanwhile");
}

#[test]
fn between_two_groups_of_one_pipeline_a_shard_expires_what_is_due() {
    let server = Server::curfew(&["--shards", "1"]);
    let mut client = server.client();
    assert_eq!(client.int(LARGE), 0);
    let mut lines = vec!["SET gone v PX 1", "PING"];
    lines.extend(["BITCOUNT large{tag}"; 16]);
    lines.extend(["GET other"; 16]);
    lines.push("INFO stats");
    let replies = client.pipeline(&lines);
    assert_eq!(field(replies.last().expect("all are answered"), "expired_keys"), 1);
}

/// A thread whose clients are all at another shard does not forget its own.
#[test]
fn a_thread_that_is_busy_elsewhere_looks_after_its_own_shard() {
    let server = Server::curfew(&["--shards", "2"]);
    let mut client = server.client();
    let mut own = None;
    wait_until("ours is the only connection", || {
        let text = client.line("INFO threads").text();
        let clients = |thread: usize| text.contains(&format!("shard_thread_{thread}:clients=1,"));
        own = match (clients(0), clients(1)) {
            (true, false) => Some(0),
            (false, true) => Some(1),
            _ => None,
        };
        own.is_some()
    });
    // A tag of each shard.
    let own = own.expect("just found");
    let mut tags = [None, None];
    for tag in (0..100).map(|number| format!("{{{number}}}")) {
        client.ok(&format!("SET {tag} v"));
        let shard = usize::from(client.line("INFO curfew").text().contains("shard1:keys=1,"));
        assert_eq!(client.int(&format!("DEL {tag}")), 1);
        tags[shard] = Some(tag);
        if tags.iter().all(Option::is_some) {
            break;
        }
    }
    let [Some(mine), Some(other)] = [&tags[own], &tags[1 - own]] else { panic!("{tags:?}") };
    let large = format!("large{other}");
    assert_eq!(client.int(&format!("SETBIT {large} 536870911 1")), 0);
    let (set, count, get) = (format!("SET gone{mine} v PX 1"), format!("BITCOUNT {large}"), format!("GET x{other}"));
    let mut lines = vec![&set[..], "PING"];
    lines.extend([&count[..]; 16]);
    lines.extend([&get[..]; 16]);
    lines.push("INFO stats");
    let replies = client.pipeline(&lines);
    assert_eq!(field(replies.last().expect("all are answered"), "expired_keys"), 1);
}

/// A burst goes in slices, and commands have their turns between them.
#[test]
fn a_burst_takes_turns_with_commands() {
    const KEYS: i64 = 20_000;
    let server = Server::curfew(&["--shards", "1"]);
    let mut client = server.client();
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    let lines: Vec<String> = (0..KEYS).map(|key| format!("SET key:{key} v PX 1")).collect();
    for chunk in lines.chunks(1000) {
        client.pipeline(&chunk.iter().map(String::as_str).collect::<Vec<_>>());
    }
    client.ok("SELECT 1");
    client.ok("SET elsewhere v PX 1");
    wait_until("all are due", || client.line("GET elsewhere").is_null());
    client.ok("SET elsewhere v PX 1");
    let after = unix_ms() + 5;
    wait_until("this one too", || unix_ms() > after);
    let replies =
        client.pipeline(&["DEBUG SET-ACTIVE-EXPIRE 1", "INFO everything", "DEBUG SLEEP 0.003", "INFO everything"]);
    // The first is the one that a lookup has removed.
    let expired = [1, 3].map(|at| field(&replies[at], "expired_keys"));
    assert!((2..KEYS / 4).contains(&expired[0]), "one slice: {expired:?}");
    assert!((expired[0] + 1..KEYS / 2).contains(&expired[1]), "one more: {expired:?}");
    assert!(!replies[1].text().contains("db1:"), "another database has its share of each slice");
    wait_until("all have gone", || info(&mut client, "expired_keys") == KEYS + 2);
}

/// Under full load on both threads, with scripts, scans and flushes: no key waits for the load to end.
#[test]
fn keys_go_on_time_under_load() {
    const PROBES: i64 = 1_000;
    let server = Server::curfew(&["--shards", "2"]);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for me in 0..4 {
            let (server, over) = (&server, &over);
            scope.spawn(move || {
                let mut client = server.client();
                let mut lines: Vec<String> = (0..300).map(|key| format!("SET load:{me}:{key} v EX 1000")).collect();
                lines.extend((0..300).map(|key| format!("GET load:{me}:{key}")));
                lines.push("SCAN 0 COUNT 1000".into());
                if me == 0 {
                    lines
                        .push("EVAL \"local x = 0 for i = 1, 1000000 do x = x + i end return x\" 1 load:script".into());
                    lines.extend(["SELECT 3".into(), "SET x y".into(), "FLUSHDB ASYNC".into(), "SELECT 0".into()]);
                }
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                while !over.load(Relaxed) {
                    client.pipeline(&lines);
                }
            });
        }
        let mut client = server.client();
        for probe in 0..PROBES {
            client.ok(&format!("SET probe:{probe} v PX {}", 1 + probe % 300));
        }
        let start = std::time::Instant::now();
        while info(&mut client, "expired_keys") < PROBES && start.elapsed() < support::PATIENCE {}
        over.store(true, Relaxed);
        let Reply::Array(lag) = client.line("CURFEW.EXPIRYLAG") else { panic!("a map") };
        assert_eq!((lag[0].text(), lag[1].int()), ("calls".into(), PROBES), "not all have gone");
        let within = |ms: i64| {
            let steps = lag[3].items().chunks(2).filter(|step| step[0].int() <= ms * 1000);
            steps.map(|step| step[1].int()).max().unwrap_or(0)
        };
        // The machine may have much else to do: what is late here was not forgotten, and most are not late at all.
        assert!(within(100) >= PROBES * 3 / 4 && within(1_000) >= PROBES * 99 / 100, "{lag:?}");
    });
}

#[test]
fn expiry_can_be_watched() {
    let server = Server::curfew(&["--shards", "2", "--metrics-bind", "127.0.0.1"]);
    let mut client = server.client();
    for (seconds, count) in [(30, 10), (1_800, 5), (100_000, 3)] {
        (0..count).for_each(|key| client.ok(&format!("SET due:{seconds}:{key} v EX {seconds}")));
    }
    assert_eq!(["1s", "1m", "1h"].map(|within| info(&mut client, &format!("keys_due_{within}"))), [0, 10, 15]);
    assert!(client.line("GET never").is_null());
    client.ok("SET short v PX 1");
    wait_until("it is gone", || client.line("GET short").is_null());
    client.line("GET short");
    // Those that found it do not count, nor the key that never was.
    let misses = info(&mut client, "keyspace_misses");
    assert_eq!(info(&mut client, "keyspace_misses_expired"), misses - 1);
    for when in ["", "_last_minute"] {
        let [p50, p99, max] =
            ["p50", "p99", "max"].map(|what| info(&mut client, &format!("expiry_lag{when}_{what}_ms")));
        assert!(1 <= p50 && p50 <= p99 && p99 <= max, "{p50} {p99} {max}");
    }
    let lag = client.line("CURFEW.EXPIRYLAG");
    assert_eq!((lag.items()[1].int(), lag.items()[3].items().len()), (1, 2));
    assert_eq!(lag.items()[3].items()[1], Reply::Int(1));
    wait_until("the keepers have published it", || {
        let text = http(server.metrics_port());
        let sum = |start: &str, end: &str| -> f64 {
            let lines = text.lines().filter(|line| line.starts_with(start) && line.contains(end));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        sum("curfew_keys_due{", "within=\"1m\"") == 10.0
            && sum("curfew_keys_due{", "within=\"1h\"") == 15.0
            && sum("curfew_keyspace_misses_expired_total{", "") == (misses - 1) as f64
            && sum("curfew_expiry_lag_last_minute_seconds{", "quantile=\"1\"") > 0.0
            && text.contains("curfew_pubsub_messages_dropped_total 0")
    });
    client.ok("CONFIG RESETSTAT");
    assert_eq!(info(&mut client, "keyspace_misses_expired"), 0);
    assert_eq!(client.line("CURFEW.EXPIRYLAG").items()[1], Reply::Int(0));
}

#[test]
fn messages_lost_with_a_subscriber_are_counted() {
    let server = Server::curfew(&["--shards", "1", "--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let (mut publisher, mut deaf) = (server.client(), server.client());
    deaf.line("SUBSCRIBE c");
    let message = "x".repeat(100_000);
    let mut sent = 0;
    while publisher.cmd(&["PUBLISH", "c", &message]).int() == 1 {
        sent += 1;
        assert!(sent < 1_000, "the deaf subscriber is still there");
    }
    wait_until("it is cut off", || info(&mut publisher, "client_output_buffer_limit_disconnections") == 1);
    let dropped = info(&mut publisher, "pubsub_messages_dropped");
    assert!((1..=sent + 1).contains(&dropped), "{dropped} of {sent}");
}

/// The wall clock is set forward and back by an hour and more: what the new time says is due goes, nothing else, expiry goes on
/// at once, and the steps are counted and logged.
#[test]
fn steps_of_the_wall_clock() {
    const HOUR: i64 = 3_600_000;
    let server = Server::curfew(&["--shards", "2"]);
    let mut client = server.client();
    if client.line("DEBUG CLOCK-STEP 0").is_error() {
        return support::skip("this build of the server has no clock that could be stepped (debug assertions are off)");
    }
    for key in 0..20 {
        client.ok(&format!("SET minutes:{key} v EX 600"));
        client.ok(&format!("SET hours:{key} v EX 36000"));
        client.ok(&format!("SET stays:{key} v"));
    }
    let mut expected = 0;
    for (step, gone) in [(HOUR, 20), (-2 * HOUR, 0), (HOUR, 0), (-HOUR, 0), (2 * HOUR, 0)] {
        let steps = info(&mut client, "clock_steps");
        client.ok(&format!("DEBUG CLOCK-STEP {step}"));
        wait_until("the step is noticed", || info(&mut client, "clock_steps") == steps + 1);
        // Nobody looks at these keys: they go by themselves, before and after.
        (0..20).for_each(|key| client.ok(&format!("SET short:{key} v PX 20")));
        expected += gone + 20;
        wait_until("they are gone", || info(&mut client, "expired_keys") >= expected);
        assert_eq!(info(&mut client, "expired_keys"), expected, "after a step of {step} ms");
        assert_eq!(client.int("DBSIZE"), 40);
    }
    // An hour and more ahead in all.
    let left = client.int("PTTL hours:7");
    assert!((8 * HOUR..=9 * HOUR).contains(&left), "{left}");
    assert!(server.log().contains("the wall clock was stepped"), "{}", server.log());
}

/// `/metrics`.
fn http(port: u16) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("metrics are served");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").expect("it reads");
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}
