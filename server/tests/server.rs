//! The server as a process: INFO, CONFIG, DEBUG, eviction, metrics, and how it starts and ends.

mod support;

use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use support::{Client, Reply, Server, wait_until};

/// The fields of INFO, section by section.
fn info(client: &mut Client, line: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let text = client.line(line).text();
    let mut sections = BTreeMap::<String, BTreeMap<String, String>>::new();
    let mut title = String::new();
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        match line.strip_prefix("# ") {
            Some(name) => title = name.to_owned(),
            None => {
                let (name, value) = line.split_once(':').expect("name:value");
                sections.entry(title.clone()).or_default().insert(name.to_owned(), value.to_owned());
            }
        }
        sections.entry(title.clone()).or_default();
    }
    sections
}

/// A number of INFO's, wherever it is.
fn number(client: &mut Client, name: &str) -> f64 {
    let sections = info(client, "INFO everything");
    let value = sections.values().find_map(|fields| fields.get(name)).unwrap_or_else(|| panic!("no field {name}"));
    value.parse().unwrap_or_else(|_| panic!("{name}:{value} is no number"))
}

/// Fields of Redis 8.0 that have no meaning here.
const NOT_HERE: &[&str] = &[
    "gcc_version",
    "atomicvar_api",
    "lua",
    "script",
    "functions",
    "libraries",
    "vm_",
    "io_thread",
    "reads_processed",
    "writes_processed",
    "reply_buffer",
    "eventloop",
    "mem_replica_full_sync_buffer",
    "mem_overhead_db_hashtable_rehashing",
    "module",
    "aof_rewrites",
    "main_thread",
    "expire_cycle_cpu_milliseconds",
    "distrib",
];

#[test]
fn info_has_the_fields_of_redis_and_the_truth() {
    let (curfew, redis) = (Server::subject(2, &[]), Server::redis(&[]));
    let (mut ours, mut theirs) = (curfew.client(), redis.client());
    for client in [&mut ours, &mut theirs] {
        client.ok("SET k v");
        client.line("GET k");
        client.line("GET nosuch");
        client.line("NOSUCH");
        client.ok("SET t v EX 100");
    }
    let (our, their) = (info(&mut ours, "INFO everything"), info(&mut theirs, "INFO everything"));
    let known: HashSet<&String> = our.values().flat_map(BTreeMap::keys).collect();
    let missing: Vec<&String> = their
        .values()
        .flat_map(BTreeMap::keys)
        .filter(|name| !known.contains(name) && !NOT_HERE.iter().any(|part| name.contains(part)))
        .collect();
    assert_eq!(missing, Vec::<&String>::new());
    for title in their.keys().filter(|title| *title != "Keysizes") {
        assert!(our.contains_key(title), "no section {title}");
    }
    for (section, name) in [
        ("Server", "redis_mode"),
        ("Stats", "keyspace_hits"),
        ("Stats", "keyspace_misses"),
        ("Stats", "expired_keys"),
        ("Stats", "evicted_keys"),
        ("Stats", "total_error_replies"),
        ("Errorstats", "errorstat_ERR"),
        ("Persistence", "loading"),
        ("Persistence", "aof_enabled"),
        ("Memory", "maxmemory_policy"),
        ("Replication", "role"),
        ("Clients", "connected_clients"),
        ("Cluster", "cluster_enabled"),
    ] {
        assert_eq!(our[section].get(name), their[section].get(name), "{name}");
    }
    assert_eq!(our["Keyspace"]["db0"], "keys=2,expires=1,avg_ttl=0,subexpiry=0");
    assert_eq!(our["Server"]["tcp_port"], curfew.port().to_string());
    assert_eq!(our["Server"]["process_id"], curfew.pid().to_string());
    if !curfew.is_reference() {
        assert_eq!(our["Server"]["redis_version"], "7.4.0");
        assert_eq!(our["Server"]["server_name"], "curfew");
    }
    assert!(our["Commandstats"]["cmdstat_get"].starts_with("calls=2,"));
    // Which sections, and in which case.
    assert_eq!(ours.line("INFO nosuch").text(), "");
    let some = info(&mut ours, "INFO KEYSPACE server nosuch");
    assert_eq!(some.keys().collect::<Vec<_>>(), ["Keyspace", "Server"]);
    assert!(!info(&mut ours, "INFO").contains_key("Commandstats"));
    ours.ok("CONFIG RESETSTAT");
    assert_eq!(number(&mut ours, "keyspace_hits"), 0.0);
    assert!(!info(&mut ours, "INFO commandstats")["Commandstats"].contains_key("cmdstat_get"));
}

#[test]
fn the_same_commands_get_the_same_answers() {
    let (curfew, redis) = (Server::subject(2, &[]), Server::redis(&[]));
    let (mut ours, mut theirs) = (curfew.client(), redis.client());
    for line in [
        "CONFIG",
        "CONFIG NOSUCH",
        "CONFIG HELP x",
        "CONFIG GET",
        "CONFIG SET a",
        "CONFIG SET a b",
        "CONFIG SET maxmemory x",
        "CONFIG SET timeout 1 timeout 2",
        "CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru",
        "CONFIG GET maxmemory",
        "CONFIG SET maxmemory 0 maxmemory-policy nosuch",
        "CONFIG GET maxmemory-policy",
        "CONFIG SET maxmemory 0",
        "CONFIG SET notify-keyspace-events KEA",
        "CONFIG GET notify-keyspace-events",
        "CONFIG REWRITE",
        "CONFIG RESETSTAT",
        "CONFIG RESETSTAT x",
        "DEBUG",
        "DEBUG NOSUCH",
        "DEBUG JMAP",
        "DEBUG SLEEP",
        "DEBUG SLEEP 0",
        "DEBUG OBJECT nosuch",
        "DEBUG SET-ACTIVE-EXPIRE 1",
        "DEBUG PROTOCOL string",
        "DEBUG PROTOCOL double",
        "DEBUG PROTOCOL map",
        "DEBUG PROTOCOL push",
        "DEBUG PROTOCOL nosuch",
        "DEBUG ERROR \"WHAT is it\"",
        "DEBUG HELP x",
        "MEMORY",
        "MEMORY NOSUCH",
        "MEMORY HELP x",
        "MEMORY PURGE",
        "ROLE",
        "ROLE x",
        "SHUTDOWN NOSUCH",
        "SHUTDOWN ABORT",
        "SHUTDOWN ABORT NOW",
        "SHUTDOWN SAVE NOSAVE",
    ] {
        assert_eq!(ours.line(line), theirs.line(line), "{line}");
    }
}

#[test]
fn parameters_take_effect() {
    let server = Server::subject(2, &[]);
    let (mut admin, mut old) = (server.client(), server.client());
    old.line("PING"); // it is connected, not only on its way
    admin.ok("CONFIG SET requirepass secret");
    old.ok("SET k v");
    assert!(server.client().line("GET k").is_error(), "new clients have to authenticate");
    admin.ok("CONFIG SET requirepass \"\"");
    server.client().ok("SET k w");

    admin.ok("CONFIG SET maxclients 2");
    assert!(Client::try_connect(server.port()).is_ok_and(|mut client| client.read().is_error()));
    admin.ok("CONFIG SET maxclients 100");
    let refused = admin.line("CONFIG SET maxclients 4000000000");
    assert!(refused.text().contains("not able to handle the specified number of clients, try with "), "{refused:?}");
    assert_eq!(admin.line("CONFIG GET maxclients").items()[1].text(), "100");

    admin.ok("CONFIG SET maxmemory 1");
    assert_eq!(admin.line("SET k x"), Reply::error("OOM command not allowed when used memory > 'maxmemory'."));
    assert_eq!(admin.line("DEL k").int(), 1);
    admin.ok("CONFIG SET maxmemory 0");
    admin.ok("SET k x");
}

#[test]
fn the_configuration_is_written_and_read_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("redis.conf");
    std::fs::write(&file, "timeout 7\n").expect("our own folder");
    let path = file.to_str().expect("plain text");
    {
        // A file comes first on the command line, which the harness keeps for itself; `include` does the same.
        let server = Server::curfew(&["--include", path, "--shards", "1"]);
        assert_eq!(server.client().line("CONFIG GET timeout").items()[1].text(), "7");
        assert_eq!(
            server.client().line("CONFIG REWRITE"),
            Reply::error("ERR The server is running without a config file")
        );
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_curfew-server"))
        .args([path, "--port", "0", "--metrics-port", "0", "--shards", "1", "--pidfile", "pid", "--logfile", "log"])
        .args(["--unixsocket", "socket", "--dir", folder.path().to_str().expect("plain text")])
        .spawn()
        .expect("the server starts");
    let socket = folder.path().join("socket");
    wait_until("the socket is there", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).expect("it listens");
    stream.write_all(b"CONFIG SET maxmemory-samples 9\r\nCONFIG REWRITE\r\n").expect("it reads");
    let mut reply = [0; 10];
    stream.read_exact(&mut reply).expect("it answers");
    assert_eq!(&reply, b"+OK\r\n+OK\r\n");
    assert!(std::fs::read_to_string(&file).is_ok_and(|text| text.contains("maxmemory-samples 9")));
    let pid = std::fs::read_to_string(folder.path().join("pid")).expect("a pid file");
    assert_eq!(pid.trim(), child.id().to_string());
    stream.write_all(b"CONFIG SET loglevel nothing\r\nSHUTDOWN\r\n").expect("it reads");
    assert!(child.wait().expect("our own child").success());
    assert!(!folder.path().join("pid").exists() && !socket.exists(), "nothing is left behind");
    let log = std::fs::read_to_string(folder.path().join("log")).expect("a log");
    assert!(log.contains("ready to accept connections") && !log.contains("bye"), "{log}");
}

#[test]
fn memory_stays_near_its_limit_under_every_policy() {
    const LIMIT: f64 = 20e6;
    let server = Server::curfew(&["--shards", "2", "--maxmemory", "20000000"]);
    let mut client = server.client();
    let value = "x".repeat(500);
    for policy in [
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
    ] {
        client.ok("FLUSHALL");
        client.ok("CONFIG RESETSTAT");
        client.ok(&format!("CONFIG SET maxmemory-policy {policy} notify-keyspace-events AKE"));
        let mut listener = server.client();
        listener.line("PSUBSCRIBE __keyevent@*__:evicted __keyevent@*__:expired");
        listener.read_any();
        client.ok("SET keep me");
        let options = if policy.starts_with("volatile") { " EX 1000" } else { "" };
        let (mut most, mut left): (f64, f64) = (0.0, 0.0);
        for round in 0..60 {
            let lines: Vec<String> = (0..1000).map(|key| format!("SET key:{round}:{key} {value}{options}")).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            assert!(client.pipeline(&lines).iter().all(|reply| *reply == Reply::ok()), "{policy}");
            // One INFO is one moment. Between two commands more may be evicted, whether anybody writes or not.
            let moment = info(&mut client, "INFO everything");
            let figure = |section: &str, name: &str| moment[section][name].parse::<f64>().expect("a number");
            let keys = moment["Keyspace"]["db0"].split(['=', ',']).nth(1).expect("keys=<n>,...");
            left = keys.parse().expect("a number");
            let written = 1_000.0 * f64::from(round + 1) + 1.0;
            assert_eq!(left + figure("Stats", "evicted_keys"), written, "{policy}: every key is there or was evicted");
            assert_eq!(figure("Stats", "expired_keys"), 0.0, "{policy}");
            most = most.max(figure("Memory", "used_memory"));
        }
        assert!(most < LIMIT * 1.1, "{policy}: {most} bytes");
        assert!(left > 10_000.0, "{policy}: not more than needed went, {left} are left");
        if policy.starts_with("volatile") {
            assert_eq!(client.line("GET keep").text(), "me", "{policy}");
        }
        let message = listener.read_any();
        assert_eq!(message.items()[2].text(), "__keyevent@0__:evicted", "{policy}");
    }
    // Nothing to evict: writes are refused, all else goes on.
    client.ok("CONFIG SET maxmemory-policy noeviction maxmemory 1mb");
    assert_eq!(client.line("SET new v"), Reply::error("OOM command not allowed when used memory > 'maxmemory'."));
    client.ok("CONFIG SET maxmemory-policy volatile-lru");
    client.ok("CONFIG SET maxmemory 0");
    client.ok("FLUSHALL");
    let lines: Vec<String> = (0..5000).map(|key| format!("SET key:{key} {value}")).collect();
    client.pipeline(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    client.ok("CONFIG SET maxmemory 1mb");
    assert!(client.line("SET new v").is_error(), "no key has a deadline");
    assert_eq!(client.line("GET key:1").text(), value);
}

#[test]
fn recently_used_keys_survive() {
    let server = Server::curfew(&["--shards", "1", "--maxmemory", "10000000", "--maxmemory-policy", "allkeys-lfu"]);
    let mut client = server.client();
    let value = "x".repeat(500);
    for key in 0..100 {
        client.ok(&format!("SET hot:{key} {value}"));
    }
    for round in 0..40 {
        for _ in 0..3 {
            let lines: Vec<String> = (0..100).map(|key| format!("GET hot:{key}")).collect();
            client.pipeline(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let lines: Vec<String> = (0..1000).map(|key| format!("SET cold:{round}:{key} {value}")).collect();
        client.pipeline(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let lines: Vec<String> = (0..100).map(|key| format!("EXISTS hot:{key}")).collect();
    let alive: i64 =
        client.pipeline(&lines.iter().map(String::as_str).collect::<Vec<_>>()).iter().map(Reply::int).sum();
    assert!(number(&mut client, "evicted_keys") > 10_000.0);
    assert!(alive >= 95, "{alive} of 100 often used keys are left");
}

#[test]
fn active_expiry_can_be_switched_off() {
    let server = Server::subject(2, &[]);
    let mut client = server.client();
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    for key in 0..50 {
        client.ok(&format!("SET key:{key} v PX 1"));
    }
    client.ok("SET witness v PX 50");
    wait_until("the witness is gone", || client.line("GET witness").is_null());
    let mut present = || info(&mut client, "INFO keyspace")["Keyspace"].get("db0").cloned();
    assert_eq!(present().as_deref(), Some("keys=50,expires=50,avg_ttl=0,subexpiry=0"), "nobody removes them");
    let mut reader = server.client();
    assert!(reader.line("GET key:7").is_null(), "but they are dead");
    reader.ok("DEBUG SET-ACTIVE-EXPIRE 1");
    wait_until("all are removed", || present().is_none());
}

/// One HTTP request, as text: status line, headers, body.
fn http(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("metrics are served");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

fn get(port: u16, path: &str) -> String {
    http(port, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

#[test]
fn metrics_are_served() {
    let server = Server::curfew(&["--shards", "2", "--metrics-bind", "127.0.0.1"]);
    let mut client = server.client();
    for key in 0..10 {
        client.ok(&format!("SET key:{key} v EX 100"));
    }
    client.ok("SET gone v PX 1");
    client.line("GET key:1");
    client.line("NOSUCH");
    let port = server.metrics_port();
    wait_until("the keepers have published", || {
        let text = get(port, "/metrics");
        let sum = |name: &str| -> f64 {
            let of_shard = text.lines().filter(|line| line.starts_with(&format!("{name}{{")));
            of_shard.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        sum("curfew_keys") == 10.0
            && sum("curfew_keys_with_ttl") == 10.0
            && sum("curfew_keyspace_hits_total") == 1.0
            && sum("curfew_expired_keys_total") == 1.0
    });
    let text = get(port, "/metrics");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"));
    for line in [
        "# TYPE curfew_command_duration_seconds histogram",
        "curfew_command_duration_seconds_bucket{command=\"set\",le=\"+Inf\"} 11",
        "curfew_command_duration_seconds_count{command=\"set\"} 11",
        "curfew_errors_total{code=\"ERR\"} 1",
        "curfew_expiry_lag_seconds_count 1",
        "curfew_expiry_lag_seconds_bucket{le=\"+Inf\"} 1",
        "curfew_connected_clients 1",
        "# TYPE curfew_memory_used_bytes gauge",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is missing in\n{text}");
    }
    client.ok("CONFIG RESETSTAT");
    assert!(get(port, "/metrics").contains("curfew_expiry_lag_seconds_count 0\n"), "counters go back");
    assert!(get(port, "/healthz").starts_with("HTTP/1.1 200 "));
    assert!(get(port, "/readyz").ends_with("\r\n\r\nok\n"));
    assert!(get(port, "/nosuch").starts_with("HTTP/1.1 404 "));
    assert!(http(port, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(!http(port, &format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000))).starts_with("HTTP/1.1 200"));
    // Those who say nothing hold up nobody: a probe is answered while they are there, and of too many the oldest go.
    let silent: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(("127.0.0.1", port)).expect("the queue takes them")).collect();
    assert!(get(port, "/healthz").starts_with("HTTP/1.1 200 "));
    let is_open = |stream: &TcpStream| {
        stream.set_nonblocking(true).expect("a socket");
        matches!(stream.peek(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    };
    assert!(is_open(&silent[50]) && is_open(&silent[99]), "the probe did not wait for them to end");
    wait_until("the oldest has gone", || !is_open(&silent[0]));
    drop(silent);
    client.ok("SET still there");
}

#[test]
fn it_ends_in_order() {
    let server = Server::subject(2, &[]);
    let mut client = server.client();
    client.ok("SET k v");
    assert_eq!(server.terminate(), Some(0));

    let server = Server::curfew(&["--shards", "2"]);
    let mut busy = server.client();
    // What is under way is finished and answered.
    busy.send(&["DEBUG", "SLEEP", "0.3"]);
    let mut other = server.client();
    wait_until("it is under way", || {
        std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).is_ok()
            && other.line("PING") == Reply::simple("PONG")
    });
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(busy.read(), Reply::ok());

    for line in ["SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN NOW FORCE"] {
        let mut server = Server::curfew(&["--shards", "1"]);
        let mut client = server.client();
        assert!(client.line("SHUTDOWN SAVE").is_error(), "there is nothing that could save");
        server.assert_alive();
        client.send(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(client.read_to_close(), []);
        let pid = server.pid();
        wait_until("the process has ended", || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        });
    }
}

#[test]
fn a_port_that_is_taken_is_told() {
    let server = Server::curfew(&["--shards", "1"]);
    let output = Command::new(env!("CARGO_BIN_EXE_curfew-server"))
        .args(["--port", &server.port().to_string(), "--bind", "127.0.0.1", "--metrics-port", "0"])
        .args(["--dir", server.folder().to_str().expect("plain text")])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let expected = format!(
        "Could not create server TCP listening socket 127.0.0.1:{}: bind: Address already in use",
        server.port()
    );
    assert!(said.contains(&expected), "{said}");
}

/// The same work gives the same result on any number of shards, far beyond the number of cores.
#[test]
fn one_to_sixty_four_shards() {
    for shards in [1, 2, 3, 16, 64] {
        let server = Server::subject(shards, &[]);
        let mut client = server.client();
        let pairs: String = (0..200).map(|number| format!(" key{number} {number}")).collect();
        client.ok(&format!("MSET{pairs}"));
        let keys: String = (0..200).map(|number| format!(" key{number}")).collect();
        assert_eq!(client.int("DBSIZE"), 200, "{shards} shards");
        assert_eq!(client.int(&format!("EXISTS{keys}")), 200);
        client.ok("MULTI");
        (0..50).for_each(|number| drop(client.line(&format!("INCR key{number}"))));
        let Reply::Array(sums) = client.line("EXEC") else { panic!("a transaction over many shards") };
        assert_eq!(sums, (1..=50).map(Reply::Int).collect::<Vec<_>>());
        let script = "local sum = 0; for i = 0, 199 do sum = sum + redis.call('GET', 'key' .. i) end; return sum";
        assert_eq!(client.cmd(&["EVAL", script, "0"]), Reply::Int((0..200).sum::<i64>() + 50));
        let (mut cursor, mut seen) = ("0".to_string(), HashSet::new());
        loop {
            let Reply::Array(step) = client.line(&format!("SCAN {cursor} COUNT 7")) else { panic!("a scan") };
            let [next, Reply::Array(found)] = &step[..] else { panic!("a cursor and keys") };
            seen.extend(found.iter().map(Reply::text));
            cursor = next.text();
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen.len(), 200);
        client.ok("FLUSHALL");
        assert_eq!(client.int("DBSIZE"), 0);
    }
}
