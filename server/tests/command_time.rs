//! How long commands take, as INFO commandstats and latencystats tell it: slow ones apart from their fast neighbours.

mod support;

use support::{Client, Server};

/// Elements of the list: reading all of them takes a thousand times as long as a GET, on any machine.
const ELEMENTS: usize = 100_000;

/// Microseconds of a call of each command, by INFO commandstats.
fn microseconds(client: &mut Client, command: &str) -> f64 {
    let info = client.line("INFO commandstats").text();
    let line = info.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
    let line = line.unwrap_or_else(|| panic!("no cmdstat_{command} in {info}"));
    let field = line.split(',').find_map(|field| field.strip_prefix("usec_per_call=")).expect("usec_per_call");
    field.parse().expect("a number")
}

/// The median of a command's histogram in microseconds, by INFO latencystats.
fn median(client: &mut Client, command: &str) -> f64 {
    let info = client.line("INFO latencystats").text();
    let name = format!("latency_percentiles_usec_{command}:p50=");
    let line = info.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_else(|| panic!("no {name} in {info}"));
    line.split(',').next().and_then(|number| number.parse().ok()).expect("a number")
}

fn filled(server: &Server) -> Client {
    let mut client = server.client();
    client.ok("SET k v");
    let mut push = vec!["RPUSH".to_owned(), "l".to_owned()];
    push.extend((0..ELEMENTS).map(|at| format!("element {at}")));
    assert_eq!(client.cmd(&push).int(), ELEMENTS as i64);
    client.ok("CONFIG RESETSTAT");
    client
}

/// Seven GETs, the whole list, seven GETs more.
fn around(begin: &'static [&'static str], end: &'static [&'static str]) -> Vec<&'static str> {
    let gets = ["GET k"; 7];
    [begin, &gets, &["LRANGE l 0 -1"], &gets, end].concat()
}

#[track_caller]
fn assert_told_apart(client: &mut Client, fast: &str, slow: &str) {
    let [fast_us, slow_us] = [fast, slow].map(|command| microseconds(client, command));
    assert!(slow_us > 20.0 * fast_us, "{fast} {fast_us} µs, {slow} {slow_us} µs");
}

#[test]
fn a_slow_command_does_not_lend_its_time_to_the_fast_ones_around_it() {
    let server = Server::subject(1, &[]);
    let mut client = filled(&server);
    client.pipeline(&around(&[], &[]));
    assert_told_apart(&mut client, "get", "lrange");
    // The same in the histograms.
    let [get, lrange] = ["get", "lrange"].map(|command| median(&mut client, command));
    assert!(lrange > 20.0 * get, "medians: GET {get} µs, LRANGE {lrange} µs");
}

#[test]
fn nor_does_it_in_a_transaction() {
    let server = Server::subject(1, &[]);
    let mut client = filled(&server);
    client.pipeline(&around(&["MULTI"], &["EXEC"]));
    assert_told_apart(&mut client, "get", "lrange");
}

/// Commands without the flag FAST are told apart from each other, too.
#[test]
fn slow_commands_have_each_its_own() {
    let server = Server::subject(1, &[]);
    let mut client = filled(&server);
    client.pipeline(&["SET a 1", "LRANGE l 0 -1", "SET a 2", "GETRANGE a 0 0", "LRANGE l 0 -1", "SET a 3"]);
    assert_told_apart(&mut client, "set", "lrange");
    assert_told_apart(&mut client, "getrange", "lrange");
}
