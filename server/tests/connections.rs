//! Ten thousand connections that wait and a thousand that work.
//!
//! The numbers are what the process may open: where the limit of files is lower, there are fewer of the idle ones, and the
//! test says so.

mod support;

use std::fs;
use std::thread;
use support::{Client, Reply, Server};

const IDLE: usize = 10_000;
const BUSY: usize = 1_000;
const THREADS: usize = 4;
const ROUNDS: usize = 5;

/// What an idle connection may cost the server: it holds no buffers, only its task and its socket. Resident bytes; some
/// five times what was measured.
const IDLE_BYTES_MAX: usize = 10 * 1024;

#[test]
fn ten_thousand_idle_and_a_thousand_busy_connections() {
    let files = support::files_max();
    // The server has its own files, and so has this process.
    let idle = IDLE.min(files.saturating_sub(BUSY + 200));
    if idle < IDLE {
        support::skip(&format!("only {idle} idle connections, not {IDLE}: this process may have {files} files open"));
    }
    assert!(idle > BUSY, "a limit of {files} files is too low to say anything");
    let server = Server::subject(2, &["--maxclients", "12000"]);
    let mut observer = server.client();
    let before = resident(&server);
    let mut waiting: Vec<Client> = (0..idle).map(|_| server.client()).collect();
    // Once each has been answered, it is there and idle again.
    for client in &mut waiting {
        client.send(&["PING"]);
    }
    waiting.iter_mut().for_each(|client| assert_eq!(client.read().text(), "PONG"));
    let each = resident(&server).saturating_sub(before) / idle;
    println!("{each} resident bytes for an idle connection");
    assert!(each < IDLE_BYTES_MAX, "{each} bytes for an idle connection");

    thread::scope(|scope| {
        for worker in 0..THREADS {
            let server = &server;
            scope.spawn(move || {
                let mut clients: Vec<Client> = (0..BUSY / THREADS).map(|_| server.client()).collect();
                for round in 1..=ROUNDS {
                    for (number, client) in clients.iter_mut().enumerate() {
                        for _ in 0..10 {
                            client.send(&["INCR", &format!("counter:{worker}:{number}")]);
                            client.send(&["INCR", "all"]);
                        }
                    }
                    for client in &mut clients {
                        for step in 1..=10 {
                            assert_eq!(client.read(), Reply::Int((round as i64 - 1) * 10 + step));
                            client.read();
                        }
                    }
                }
            });
        }
    });
    assert_eq!(observer.line("GET all").text(), (BUSY / THREADS * THREADS * ROUNDS * 10).to_string());
    // Those that waited are all still served.
    for client in &mut waiting {
        client.send(&["ECHO", "still here"]);
    }
    waiting.iter_mut().for_each(|client| assert_eq!(client.read().text(), "still here"));
}

/// Resident memory of the server in bytes.
fn resident(server: &Server) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("the server runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a resident size");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("a number") * 1024
}
