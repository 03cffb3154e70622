//! What a connection owes its client, whatever else goes on: transactions end where they are refused, a killed client gets nothing
//! any more and nothing is lost with it, HTTP is no protocol of ours, and what is done is answered.
//!
//! `CURFEW_TEST_SUBJECT=reference` runs them against Redis, which must pass too, but for what says otherwise.

mod support;

use std::thread;
use std::time::Duration;
use support::client::{Incoming, encode};
use support::{Client, Reply, Server, wait_until, words};

/// A short time in which nothing is to happen.
const MOMENT: Duration = Duration::from_millis(20);

const BUSY: &str = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

/// What EXEC says that was itself refused for it.
fn aborted() -> Reply {
    Reply::error(&format!("EXECABORT Transaction discarded because of: {BUSY}"))
}

/// Ends of its own accord, or not.
const SCRIPT: &str = "while ARGV[1] == 'loop' do end return redis.call('EXISTS', KEYS[1])";

/// A server on which [`SCRIPT`] is known to keep to the shard of its key.
fn learned(shards: usize, threshold_ms: u32) -> Server {
    let server = Server::subject(shards, &["--busy-reply-threshold", &threshold_ms.to_string()]);
    let mut client = server.client();
    (0..10).for_each(|_| drop(client.cmd(&["EVAL", SCRIPT, "1", "k", "no"])));
    server
}

/// Runs the script for ever, and returns once `k` is held; it may not be past its threshold.
fn hold(server: &Server) -> Client {
    let (mut runner, mut other) = (server.client(), server.client());
    runner.send(&["EVAL", SCRIPT, "1", "k", "loop"]);
    loop {
        other.send(&["GET", "k"]);
        match other.next(MOMENT) {
            Incoming::Reply(Reply::Error(_)) | Incoming::Nothing => return runner,
            Incoming::Reply(_) => {}
            Incoming::Closed => panic!("the connection was closed"),
        }
    }
}

fn past_threshold(server: &Server) {
    let mut other = server.client();
    wait_until("the script is past its threshold", || other.line("GET k") == Reply::error(BUSY));
}

fn kill_script(server: &Server, runner: &mut Client) {
    server.client().ok("SCRIPT KILL");
    assert!(runner.read().is_error());
}

/// The refused EXEC is the end of its transaction: it does not run later, for whoever has the connection then.
#[test]
fn an_exec_that_is_refused_ends_its_transaction() {
    for shards in [1, 4] {
        let server = learned(shards, 300);
        let mut client = server.client();
        assert_eq!(client.pipeline(&["WATCH k", "MULTI", "RPUSH k x"])[2], Reply::simple("QUEUED"));
        let mut runner = hold(&server);
        assert_eq!(client.line("EXEC"), aborted());
        kill_script(&server, &mut runner);
        assert_eq!(client.line("PING"), Reply::simple("PONG"));
        assert_eq!(client.line("EXEC"), Reply::error("ERR EXEC without MULTI"));
        assert_eq!(client.int("LLEN k"), 0);
        let line = client.line("CLIENT INFO").text();
        assert!(line.contains(" multi=-1 watch=0 "), "{line}");
        // Nothing of the old watch is left.
        server.client().line("RPUSH k y");
        let replies = client.pipeline(&["MULTI", "LLEN k", "EXEC"]);
        assert_eq!(replies[2], Reply::Array(vec![Reply::Int(1)]));
    }
}

#[test]
fn a_transaction_can_be_given_up_while_a_script_is_busy() {
    for shards in [1, 4] {
        let server = learned(shards, 50);
        let mut clients: Vec<Client> = (0..4).map(|_| server.client()).collect();
        for client in &mut clients {
            client.pipeline(&["WATCH k", "MULTI", "SET k 1"]);
        }
        let mut runner = hold(&server);
        past_threshold(&server);
        clients[0].ok("DISCARD");
        clients[0].ok("WATCH k other");
        clients[0].ok("UNWATCH");
        assert_eq!(clients[1].line("RESET"), Reply::simple("RESET"));
        assert_eq!(clients[2].line("EXEC"), aborted());
        clients[3].send(&["QUIT"]);
        assert_eq!(clients[3].read_to_close(), [Reply::ok()]);
        for client in &mut clients[..3] {
            client.ok("MULTI");
            assert_eq!(client.line("WATCH k"), Reply::error("ERR WATCH inside MULTI is not allowed"));
            client.ok("DISCARD");
        }
        kill_script(&server, &mut runner);
        for client in &mut clients[..3] {
            let replies = client.pipeline(&["CLIENT INFO", "SET other 1", "MULTI", "SET k 2", "EXEC"]);
            let line = replies[0].text();
            assert!(line.contains(" multi=-1 watch=0 "), "{line}");
            assert_eq!(replies[4], Reply::Array(vec![Reply::ok()]));
        }
    }
}

/// Refused when it was to be queued, and so not run with the rest.
#[test]
fn what_a_busy_script_keeps_away_is_not_queued() {
    for shards in [1, 4] {
        let server = learned(shards, 50);
        let mut client = server.client();
        let mut runner = hold(&server);
        past_threshold(&server);
        let replies = client.pipeline(&["MULTI", "SET k 1", "MGET k {k}2", "EVAL 'return 1' 0"]);
        assert_eq!(replies[0], Reply::ok());
        replies[1..].iter().for_each(|reply| assert_eq!(*reply, Reply::error(BUSY)));
        kill_script(&server, &mut runner);
        let reply = client.line("EXEC");
        assert_eq!(reply, Reply::error("EXECABORT Transaction discarded because of previous errors."));
        assert_eq!(client.int("EXISTS k"), 0);
    }
}

/// WATCH does not wait for a script. As nobody can tell what that does to the key, the transaction is to be tried again; Redis, where
/// the script has not written, runs it.
#[test]
fn a_watch_that_begins_under_a_busy_script_never_misses_a_change() {
    for shards in [1, 4] {
        let server = learned(shards, 50);
        let mut client = server.client();
        let mut runner = hold(&server);
        past_threshold(&server);
        client.ok("WATCH k");
        kill_script(&server, &mut runner);
        let reply = client.pipeline(&["MULTI", "SET k 1", "EXEC"]).pop();
        let expected = if server.is_reference() { Reply::Array(vec![Reply::ok()]) } else { Reply::NullArray };
        assert_eq!(reply, Some(expected));
        let reply = client.pipeline(&["WATCH k", "MULTI", "SET k 1", "EXEC"]).pop();
        assert_eq!(reply, Some(Reply::Array(vec![Reply::ok()])));
    }
}

/// What a blocked client may wait in, what serves it, and what tells how much is there.
const BLOCKING: &[(&str, &str, &str)] = &[
    ("BLPOP k 0", "RPUSH k x", "LLEN k"),
    ("BRPOP other k 0", "LPUSH k x", "LLEN k"),
    ("BLMPOP 0 2 other k LEFT", "RPUSH k x", "LLEN k"),
    ("BLMOVE k to LEFT LEFT 0", "RPUSH k x", "LLEN k"),
    ("BRPOPLPUSH k to 0", "RPUSH k x", "LLEN k"),
    ("BZPOPMIN k 0", "ZADD k 1 x", "ZCARD k"),
    ("BZPOPMAX other k 0", "ZADD k 1 x", "ZCARD k"),
    ("BZMPOP 0 2 k other MIN", "ZADD k 1 x", "ZCARD k"),
];

/// A client that is blocked in `line`, with what CLIENT LIST says of it.
fn blocked(server: &Server, observer: &mut Client, line: &str) -> (Client, i64, String) {
    let mut client = server.client();
    let id = client.int("CLIENT ID");
    let info = client.line("CLIENT INFO").text();
    let address = info.split(' ').find_map(|field| field.strip_prefix("addr=")).expect("an address").to_owned();
    client.send(&words(line));
    wait_until("the client is blocked", || observer.line(&format!("CLIENT LIST ID {id}")).text().contains(" flags=b "));
    (client, id, address)
}

#[test]
fn a_killed_client_is_not_served() {
    let server = Server::subject(4, &[]);
    let mut killer = server.client();
    let own = killer.int("CLIENT ID");
    for round in 0..6 {
        for (wait, push, count) in BLOCKING {
            let (mut victim, id, address) = blocked(&server, &mut killer, wait);
            let kill = match round % 3 {
                0 => format!("CLIENT KILL ID {id}"),
                1 => format!("CLIENT KILL {address}"),
                _ => format!("CLIENT KILL ADDR {address} TYPE normal SKIPME yes"),
            };
            let replies = killer.pipeline(&[&kill, push, count, "EXISTS to", "DEL k"]);
            assert!(replies[0] == Reply::Int(1) || replies[0] == Reply::ok(), "{kill}: {}", replies[0]);
            assert_eq!(replies[2..4], [Reply::Int(1), Reply::Int(0)], "{wait}, {kill}");
            assert_eq!(victim.read_to_close(), []);
        }
    }
    assert_eq!(killer.int("CLIENT ID"), own);
}

/// A stream gives what it has to everybody, but a group gives it once.
#[test]
fn a_killed_reader_of_a_group_takes_no_entry() {
    let server = Server::subject(4, &[]);
    let mut killer = server.client();
    killer.ok("XGROUP CREATE s g $ MKSTREAM");
    for round in 0..20 {
        let line = "XREADGROUP GROUP g me BLOCK 0 STREAMS s >";
        let (mut victim, id, _) = blocked(&server, &mut killer, line);
        let replies = killer.pipeline(&[&format!("CLIENT KILL ID {id}"), "XADD s * f v", "XPENDING s g"]);
        assert_eq!((&replies[0], &replies[2].items()[0]), (&Reply::Int(1), &Reply::Int(0)), "round {round}");
        assert_eq!(victim.read_to_close(), []);
        // For the next one there is nothing again.
        assert_eq!(killer.line("XREADGROUP GROUP g other NOACK STREAMS s >").items().len(), 1);
    }
}

/// Its socket says so before its connection has noticed. (Redis pops for it now and then, and nobody gets that.)
#[test]
fn a_client_that_has_closed_its_socket_is_not_served() {
    let server = Server::subject(4, &[]);
    if server.is_reference() {
        return;
    }
    let mut writer = server.client();
    for _ in 0..10 {
        for (wait, push, count) in BLOCKING {
            let (victim, _, _) = blocked(&server, &mut writer, wait);
            drop(victim);
            let replies = writer.pipeline(&[push, count, "DEL k"]);
            assert_eq!(replies[1], Reply::Int(1), "{wait}");
        }
    }
}

/// Two who push while a third kills: each element is where somebody finds it, with the client that was served before it was killed
/// or in the list.
#[test]
fn nothing_is_lost_with_a_killed_client() {
    let server = Server::subject(4, &[]);
    let mut observer = server.client();
    let mut writers: Vec<Client> = (0..2).map(|_| server.client()).collect();
    for round in 0..300 {
        let (mut victim, id, _) = blocked(&server, &mut observer, "BLPOP k 0");
        let kill = format!("CLIENT KILL ID {id}");
        let packets = [format!("PING|{kill}|RPUSH k a"), "RPUSH k b|PING".to_owned()];
        thread::scope(|scope| {
            for (writer, packet) in writers.iter_mut().zip(&packets) {
                scope.spawn(move || {
                    let lines: Vec<&str> = packet.split('|').collect();
                    let bytes: Vec<u8> = lines.iter().flat_map(|line| encode(&words(line))).collect();
                    writer.raw(&bytes);
                    lines.iter().for_each(|_| drop(writer.read()));
                });
            }
        });
        let served = victim.read_to_close();
        let left = observer.line("LRANGE k 0 -1");
        // Redis forgets what was served and not sent, so it can be said of it only that what comes after the kill is there.
        assert!(left.items().contains(&Reply::bulk("a")), "round {round}: {left}, served {served:?}");
        if !server.is_reference() {
            assert_eq!(left.items().len() + served.len(), 2, "round {round}: {left}, served {served:?}");
        }
        observer.line("DEL k");
    }
}

/// Nothing is executed for a client that has been killed, with whatever it has sent.
#[test]
fn what_follows_in_a_killed_clients_pipeline_is_not_executed() {
    let server = Server::subject(4, &[]);
    let mut killer = server.client();
    for _ in 0..20 {
        let mut victim = server.client();
        let id = victim.int("CLIENT ID");
        let bytes: Vec<u8> = ["BLPOP k 0", "SET after 1"].iter().flat_map(|line| encode(&words(line))).collect();
        victim.raw(&bytes);
        wait_until("it is blocked", || killer.line(&format!("CLIENT LIST ID {id}")).text().contains(" flags=b "));
        killer.pipeline(&[&format!("CLIENT KILL ID {id}"), "RPUSH k x"]);
        assert_eq!(victim.read_to_close(), []);
        assert_eq!(killer.int("EXISTS after"), 0);
        assert_eq!(killer.int("DEL k"), 1);
    }
}

/// A web page can make a browser send this to its own machine.
#[test]
fn http_is_not_executed() {
    let server = Server::subject(2, &[]);
    let mut client = server.client();
    let body = "SET forged 1\r\n";
    let framed = |line: &str| encode(&words(line));
    let cases: Vec<Vec<u8>> = vec![
        format!("POST / HTTP/1.1\r\nHost: x\r\n\r\n{body}").into(),
        format!("GET / HTTP/1.1\r\nHost: x\r\n\r\n{body}").into(),
        format!("post / HTTP/1.1\r\n\r\n{body}").into(),
        format!("hOST: x\r\n{body}").into(),
        format!("PING\r\nGET a\r\nPOST /\r\n{body}").into(),
        format!("MULTI\r\n{body}POST /\r\nEXEC\r\n{body}").into(),
        [framed("SET a 1"), framed("POST x"), framed("SET forged 1")].concat(),
        [framed("MULTI"), framed("SET forged 1"), framed("host:"), framed("EXEC")].concat(),
        [framed("SUBSCRIBE c"), framed("POST"), framed("SET forged 1")].concat(),
    ];
    for case in cases {
        let mut page = server.client();
        page.raw(&case);
        page.read_to_close();
        assert_eq!(client.int("EXISTS forged"), 0, "{}", String::from_utf8_lossy(&case));
    }
    assert_eq!(server.log().matches("SECURITY ATTACK").count(), 1, "once a minute: {}", server.log());
    // Where it is no command's name it is like anything else.
    assert_eq!(client.line("ECHO POST"), Reply::bulk("POST"));
    let reply = client.cmd(&["EVAL", "return redis.pcall('POST')", "0"]);
    assert!(reply.is_error(), "{reply}");
    let locked = Server::subject(2, &["--requirepass", "secret"]);
    let mut page = locked.client();
    page.raw(b"POST / HTTP/1.1\r\nAUTH secret\r\n");
    assert_eq!(page.read_to_close(), []);
}
