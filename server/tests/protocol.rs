//! The wire: protocol errors, limits, inline commands, HELLO, and connections that end anywhere. Expected texts are Redis
//! 8.0's; `CURFEW_TEST_SUBJECT=reference` checks them against it.

mod support;

use std::time::{Duration, Instant};
use support::client::encode;
use support::{Client, Random, Reply, Server};

fn one_shard() -> Server {
    Server::subject(1, &[])
}

/// Sends the bytes; the server must answer this error and close, while another client is served as before.
#[track_caller]
fn closes_with(server: &Server, other: &mut Client, bytes: &[u8], error: &str) {
    let mut client = server.client();
    client.raw(bytes);
    assert_eq!(client.read_to_close(), [Reply::error(error)], "for {}", support::reply::quoted(bytes));
    assert_eq!(other.line("PING"), Reply::simple("PONG"));
}

#[test]
fn protocol_errors_close_the_connection_and_nobody_else_notices() {
    let server = one_shard();
    let mut other = server.client();
    let cases: &[(&[u8], &str)] = &[
        (b"*abc\r\n", "ERR Protocol error: invalid multibulk length"),
        (b"*2147483648\r\n", "ERR Protocol error: invalid multibulk length"),
        (b"*99999999999999999999\r\n", "ERR Protocol error: invalid multibulk length"),
        (b"*1 \r\n", "ERR Protocol error: invalid multibulk length"),
        (b"*+1\r\n", "ERR Protocol error: invalid multibulk length"),
        (b"*1\r\n:1\r\n", "ERR Protocol error: expected '$', got ':'"),
        (b"*2\r\n$4\r\nPING\r\nx\r\n", "ERR Protocol error: expected '$', got 'x'"),
        (b"*1\r\n$abc\r\n", "ERR Protocol error: invalid bulk length"),
        (b"*1\r\n$-1\r\n", "ERR Protocol error: invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "ERR Protocol error: invalid bulk length"),
        (b"*1\r\n$99999999999999999999\r\n", "ERR Protocol error: invalid bulk length"),
        (b"*1\r\n$\r\n", "ERR Protocol error: invalid bulk length"),
        (b"GET \"unbalanced\r\n", "ERR Protocol error: unbalanced quotes in request"),
        (b"GET 'a'b\r\n", "ERR Protocol error: unbalanced quotes in request"),
    ];
    for (bytes, error) in cases {
        closes_with(&server, &mut other, bytes, error);
    }
    closes_with(&server, &mut other, &[b'a'; 70_000], "ERR Protocol error: too big inline request");
    closes_with(
        &server,
        &mut other,
        &[b"*".to_vec(), vec![b'1'; 70_000]].concat(),
        "ERR Protocol error: too big mbulk count string",
    );
    closes_with(
        &server,
        &mut other,
        &[b"*1\r\n$".to_vec(), vec![b'1'; 70_000]].concat(),
        "ERR Protocol error: too big bulk count string",
    );
}

/// What came before the broken part of a pipeline is answered.
#[test]
fn commands_before_a_protocol_error_are_answered() {
    let server = one_shard();
    let mut client = server.client();
    client.raw(b"*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*x\r\n*1\r\n$4\r\nPING\r\n");
    let replies = client.read_to_close();
    assert_eq!(
        replies,
        [Reply::simple("PONG"), Reply::ok(), Reply::error("ERR Protocol error: invalid multibulk length")]
    );
    assert_eq!(server.client().line("GET a"), Reply::bulk("1"));
}

#[test]
fn empty_requests_are_no_requests() {
    let server = one_shard();
    let mut client = server.client();
    client.raw(b"*0\r\n\r\n\n   \r\n*-1\r\n*-5\r\nPING\r\n");
    assert_eq!(client.read(), Reply::simple("PONG"));
    client.raw(b"*1\r\n$0\r\n\r\n");
    assert_eq!(client.read(), Reply::error("ERR unknown command '', with args beginning with: "));
}

#[test]
fn inline_commands() {
    let server = one_shard();
    let mut client = server.client();
    let mut check = |bytes: &[u8], reply: Reply| {
        client.raw(bytes);
        assert_eq!(client.read(), reply, "for {}", support::reply::quoted(bytes));
    };
    check(b"PING\r\n", Reply::simple("PONG"));
    check(b"  PING  \n", Reply::simple("PONG"));
    check(b"SET key \"a \\x41\\n\\\"b\"\r\n", Reply::ok());
    check(b"GET key\r\n", Reply::bulk("a A\n\"b"));
    check(b"SET key 'it\\'s \\n'\r\n", Reply::ok());
    check(b"GET\tkey\r\n", Reply::bulk("it's \\n"));
    check(b"SET key \"\"\r\n", Reply::ok());
    check(b"STRLEN key\r\n", Reply::Int(0));
    check(b"ECHO a\"b c\"\r\n", Reply::bulk("ab c"));
    check(b"*1\r\n$4\r\nPING\r\n", Reply::simple("PONG"));
}

#[test]
fn hello_and_protocol_versions() {
    let server = one_shard();
    let mut client = server.client();
    let reply = client.line("HELLO");
    let field = |reply: &Reply, name: &str| {
        let flat: Vec<Reply> = match reply {
            Reply::Map(pairs) => pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect(),
            other => other.items().to_vec(),
        };
        flat.chunks(2).find(|pair| pair[0] == Reply::bulk(name)).unwrap_or_else(|| panic!("no {name} in {reply}"))[1]
            .clone()
    };
    assert!(matches!(reply, Reply::Array(_)), "{reply}");
    assert_eq!(field(&reply, "proto"), Reply::Int(2));
    let reply = client.line("HELLO 3 SETNAME tester");
    assert!(matches!(reply, Reply::Map(_)), "{reply}");
    assert_eq!(field(&reply, "server"), Reply::bulk("redis"));
    assert_eq!(field(&reply, "proto"), Reply::Int(3));
    assert_eq!(field(&reply, "mode"), Reply::bulk("standalone"));
    assert_eq!(field(&reply, "role"), Reply::bulk("master"));
    assert!(matches!(field(&reply, "modules"), Reply::Array(_)));
    let version = field(&reply, "version").text();
    assert!(
        version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u32>().is_ok()),
        "version {version}"
    );
    assert_eq!(client.line("CLIENT GETNAME"), Reply::bulk("tester"));
    assert_eq!(client.line("GET nothing"), Reply::Null);
    assert_eq!(client.line("HELLO 4"), Reply::error("NOPROTO unsupported protocol version"));
    assert_eq!(client.line("GET nothing"), Reply::Null, "a failed HELLO changes nothing");
    assert_eq!(client.line("HELLO x"), Reply::error("ERR Protocol version is not an integer or out of range"));
    assert!(matches!(client.line("HELLO 2"), Reply::Array(_)));
    assert_eq!(client.line("GET nothing"), Reply::NullBulk);
    assert_eq!(
        client.line("HELLO 3 AUTH nobody wrong"),
        Reply::error("WRONGPASS invalid username-password pair or user is disabled.")
    );
}

/// Connection state changes before the next command of the same pipeline is looked at.
#[test]
fn connection_state_is_part_of_the_order() {
    let server = Server::subject(2, &["--requirepass", "secret"]);
    let mut client = server.client();
    assert_eq!(client.line("GET a"), Reply::error("NOAUTH Authentication required."));
    let replies = client.pipeline(&[
        "AUTH secret",
        "SET a 1",
        "SELECT 1",
        "GET a",
        "SET a 2",
        "SELECT 0",
        "GET a",
        "HELLO 3",
        "GET nothing",
        "RESET",
        "GET a",
    ]);
    assert_eq!(
        replies[..7],
        [Reply::ok(), Reply::ok(), Reply::ok(), Reply::NullBulk, Reply::ok(), Reply::ok(), Reply::bulk("1")]
    );
    assert!(matches!(replies[7], Reply::Map(_)));
    assert_eq!(replies[8..], [Reply::Null, Reply::simple("RESET"), Reply::error("NOAUTH Authentication required.")]);
    let mut client = server.client();
    closes_unauthenticated(&mut client);
    let mut client = server.client();
    let replies = client.pipeline(&["HELLO 3 AUTH default secret SETNAME x", "CLIENT GETNAME"]);
    assert!(matches!(replies[0], Reply::Map(_)), "{}", replies[0]);
    assert_eq!(replies[1], Reply::bulk("x"));
}

/// Before AUTH, requests are kept small.
fn closes_unauthenticated(client: &mut Client) {
    client.raw(b"*100\r\n");
    assert_eq!(client.read_to_close(), [Reply::error("ERR Protocol error: unauthenticated multibulk length")]);
}

#[test]
fn reply_off_and_skip() {
    let server = one_shard();
    let mut client = server.client();
    client.raw(b"CLIENT REPLY SKIP\r\nSET a 1\r\nGET a\r\n");
    assert_eq!(client.read(), Reply::bulk("1"));
    client.raw(b"CLIENT REPLY OFF\r\nSET a 2\r\nGET a\r\nCLIENT REPLY ON\r\nGET a\r\n");
    assert_eq!(client.read(), Reply::ok());
    assert_eq!(client.read(), Reply::bulk("2"));
}

/// A command may come in any pieces.
#[test]
fn commands_in_pieces() {
    let server = one_shard();
    let mut client = server.client();
    let bytes =
        [encode(&["SET", "key", "line\r\nline"]), b"ECHO 'in line'\r\n".to_vec(), encode(&["GET", "key"])].concat();
    for cut in 1..bytes.len() {
        client.raw(&bytes[..cut]);
        // A reply proves that the first piece was read by itself; where there is none yet, any order is a fair test.
        client.raw(&bytes[cut..]);
        assert_eq!(
            (client.read(), client.read(), client.read()),
            (Reply::ok(), Reply::bulk("in line"), Reply::bulk("line\r\nline"))
        );
    }
    for byte in &bytes {
        client.raw(&[*byte]);
    }
    assert_eq!(
        (client.read(), client.read(), client.read()),
        (Reply::ok(), Reply::bulk("in line"), Reply::bulk("line\r\nline"))
    );
}

/// Connections cut anywhere leave nothing behind: no half command is run, no other client hindered, no connection kept.
#[test]
fn connections_cut_anywhere() {
    let mut server = Server::subject(2, &[]);
    let mut other = server.client();
    let bytes =
        [encode(&["SET", "a", "1"]), encode(&["MULTI"]), encode(&["SET", "never", "1"]), encode(&["EXEC"])].concat();
    for cut in 0..bytes.len() {
        let mut client = server.client();
        client.raw(&bytes[..cut]);
        drop(client);
        if cut % 10 == 0 {
            assert_eq!(other.line("EXISTS never"), Reply::Int(0), "half a transaction was run");
        }
    }
    server.assert_alive();
    support::wait_until("the server has let go of the connections", || {
        let list = other.line("CLIENT LIST").text();
        list.lines().count() == 1
    });
}

/// Requests that came whole before the client closed its side are answered.
#[test]
fn half_closed_connections_are_answered() {
    let server = one_shard();
    let mut client = server.client();
    client.raw(b"SET a 1\r\nGET a\r\n");
    assert_eq!((client.read(), client.read()), (Reply::ok(), Reply::bulk("1")));
    client.half_close();
    assert_eq!(client.read_to_close(), []);
}

#[test]
fn quit_answers_and_closes() {
    let server = one_shard();
    let mut client = server.client();
    client.raw(b"QUIT\r\nSET never 1\r\n");
    assert_eq!(client.read_to_close(), [Reply::ok()]);
    assert_eq!(server.client().int("EXISTS never"), 0);
}

/// A large value comes back as it went in, and its length limit is `proto-max-bulk-len`.
#[test]
fn large_values() {
    let server = Server::subject(2, &["--proto-max-bulk-len", "2mb"]);
    let mut client = server.client();
    let value = Random::new(1).bytes(2 << 20);
    assert_eq!(client.cmd(&[b"SET".as_slice(), b"big", &value]), Reply::ok());
    assert_eq!(client.line("GET big"), Reply::Bulk(value));
    client.raw(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$2097153\r\n");
    assert_eq!(client.read_to_close(), [Reply::error("ERR Protocol error: invalid bulk length")]);
    let mut client = server.client();
    assert_eq!(
        client.line("APPEND big x"),
        Reply::error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
    );
}

/// A pipeline of which nothing is read until all is sent neither deadlocks nor loses anything.
#[test]
fn long_pipelines() {
    let server = Server::subject(2, &[]);
    let mut client = server.client();
    let count = 20_000;
    let bytes: Vec<u8> =
        (0..count).flat_map(|number| encode(&["SET".to_owned(), format!("key{number}"), number.to_string()])).collect();
    client.raw(&bytes);
    (0..count).for_each(|_| assert_eq!(client.read(), Reply::ok()));
    let bytes: Vec<u8> = (0..count).flat_map(|number| encode(&["GET".to_owned(), format!("key{number}")])).collect();
    client.raw(&bytes);
    (0..count).for_each(|number| assert_eq!(client.read(), Reply::bulk(number.to_string())));
}

/// Clients that never read are cut off by `client-output-buffer-limit`, and the others are served meanwhile.
#[test]
fn who_never_reads_is_cut_off() {
    let server = Server::subject(2, &["--client-output-buffer-limit", "normal 1mb 1mb 0"]);
    let mut other = server.client();
    let value = "v".repeat(100_000);
    assert_eq!(other.cmd(&["SET", "big", &value]), Reply::ok());
    let mut client = server.client();
    let gets: Vec<u8> = (0..500).flat_map(|_| encode(&["GET", "big"])).collect();
    client.raw(&gets);
    // Without reading: the kernel's buffers fill, then the server's.
    support::wait_until("the client that never reads is cut off", || {
        other.line("CLIENT LIST").text().lines().count() == 1
    });
    assert_eq!(other.int("STRLEN big"), 100_000);
}

/// Random bytes, and commands with random damage: the server lives, and others are served. `CURFEW_FUZZ_SECONDS` for as long as
/// that, from the seed that `CURFEW_SEED` says.
#[test]
fn fuzz_the_wire() {
    const ROUNDS: usize = 3_000;
    let long = std::env::var("CURFEW_FUZZ_SECONDS").ok();
    let long = long.map(|text| Duration::from_secs(text.parse().expect("CURFEW_FUZZ_SECONDS is a number")));
    let mut server = Server::subject(2, &[]);
    let mut other = server.client();
    let mut random = Random::of(0);
    let start = Instant::now();
    let pieces: &[&[u8]] = &[
        b"*3\r\n",
        b"$3\r\n",
        b"SET\r\n",
        b"*-1\r\n",
        b"$-1\r\n",
        b"\r\n",
        b"PING\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"$0\r\n\r\n",
        b"*1000000\r\n",
        b"$100000000\r\n",
        b"\"",
        b"'",
        b"\\x",
        b"\0",
        b"HELLO 3\r\n",
        b"MULTI\r\n",
        b"EXEC\r\n",
        b"GET a\r\n",
    ];
    let mut rounds = 0;
    while long.map_or(rounds < ROUNDS, |long| start.elapsed() < long) {
        rounds += 1;
        let mut bytes = Vec::new();
        for _ in 0..=random.below(12) {
            match random.below(4) {
                0 => {
                    let length = random.below(30);
                    bytes.extend(random.bytes(length));
                }
                1 => {
                    let mut command = encode(&["SET", "key", "value", "PX", "100"]);
                    let at = random.below(command.len());
                    command[at] = random.next() as u8;
                    bytes.extend(command);
                }
                _ => bytes.extend_from_slice(random.pick::<&[u8]>(pieces)),
            }
        }
        let mut client = server.client();
        // The server may have closed it in the middle; that is fair.
        let _ = client.try_raw(&bytes);
        if rounds % 10 == 0 {
            assert_eq!(other.line("PING"), Reply::simple("PONG"));
        }
    }
    server.assert_alive();
    assert_eq!(other.line("ECHO alive"), Reply::bulk("alive"), "after {rounds} rounds");
}
