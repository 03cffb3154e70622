//! What `deploy/` says about the server is true: both configuration files start it without a warning, and the probes ask
//! for what is there.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use support::{PATIENCE, Server};

const STATEFUL_SET: &str = include_str!("../../deploy/kubernetes/statefulset.yaml");
const CONFIG_MAP: &str = include_str!("../../deploy/kubernetes/configmap.yaml");
const SERVICE: &str = include_str!("../../deploy/kubernetes/service.yaml");
const DOCKERFILE: &str = include_str!("../../deploy/Dockerfile");
const SYSTEMD_CONF: &str = include_str!("../../deploy/curfew.conf");

/// The block below the line `name: |`, without its indentation.
fn block<'a>(yaml: &'a str, name: &str) -> Vec<&'a str> {
    let mut lines = yaml.lines().skip_while(|line| line.trim() != format!("{name}: |"));
    let head = lines.next().expect("the block is there");
    let indent = head.len() - head.trim_start().len() + 2;
    let inside = lines.take_while(|line| line.trim().is_empty() || line[..indent].trim().is_empty());
    inside.map(|line| line.get(indent..).unwrap_or_default()).collect()
}

/// The values of a key, in order, wherever it stands.
fn values<'a>(yaml: &'a str, key: &str) -> Vec<&'a str> {
    let prefix = format!("{key}: ");
    let value = |line: &'a str| line.trim().trim_start_matches("- ").strip_prefix(&prefix);
    yaml.lines().filter_map(value).map(|value| value.trim_matches('"')).collect()
}

/// The server with these lines in force.
fn start(lines: &[&str]) -> Server {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("curfew.conf");
    std::fs::write(&path, lines.join("\n")).expect("a file in our own folder");
    let server = Server::curfew(&["--include", path.to_str().expect("our own path")]);
    let log = server.log();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    server
}

fn default_of(parameter: &str) -> String {
    let documentation = include_str!("../../docs/configuration.md");
    let row = documentation.lines().find(|line| line.starts_with(&format!("| `{parameter}` |"))).expect("a parameter");
    row.split('|').nth(3).expect("a column of defaults").trim().trim_matches('`').to_owned()
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the metrics port is open");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout that is not zero");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer in UTF-8");
    answer
}

#[test]
fn the_config_map_starts_the_server() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let auth = folder.path().join("auth.conf");
    std::fs::write(&auth, "requirepass secret").expect("a file in our own folder");
    let mounted = "/etc/curfew-auth/auth.conf";
    let lines: Vec<String> = block(CONFIG_MAP, "curfew.conf")
        .iter()
        .map(|line| line.replace(mounted, auth.to_str().expect("our own path")))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert!(lines.iter().any(|line| line.starts_with("include ")), "the password's file is included");
    assert!(STATEFUL_SET.contains("mountPath: /etc/curfew-auth\n"), "and mounted");
    assert!(STATEFUL_SET.contains(r#"args: ["/etc/curfew/curfew.conf"]"#));

    let server = start(&lines);
    let mut client = server.client();
    assert!(client.line("PING").text().starts_with("NOAUTH"));
    client.ok("AUTH secret");
    assert_eq!(client.line("CONFIG GET maxmemory").items()[1].text(), (1536u64 << 20).to_string());
    assert_eq!(client.line("CONFIG GET notify-keyspace-events").items()[1].text(), "xE");

    // The paths of the probes, on a server that has a password.
    let mut paths = values(STATEFUL_SET, "path");
    paths.extend(values(STATEFUL_SET, "prometheus.io/path"));
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths, ["/healthz", "/metrics", "/readyz"]);
    for path in paths {
        let answer = get(server.metrics_port(), path);
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{path}: {answer}");
    }
}

#[test]
fn the_systemd_configuration_starts_the_server() {
    // The test's own ports in place of the defaults.
    let own = |line: &&str| !["port ", "bind ", "metrics-port "].iter().any(|name| line.starts_with(name));
    let lines: Vec<&str> = SYSTEMD_CONF.lines().collect();
    let server = start(&lines.iter().copied().filter(own).collect::<Vec<_>>());
    assert_eq!(server.client().line("PING").text(), "PONG");
    assert!(lines.contains(&format!("port {}", default_of("port")).as_str()));
    assert!(lines.contains(&format!("metrics-port {}", default_of("metrics-port")).as_str()));
}

#[test]
fn ports_are_the_servers_defaults() {
    let (port, metrics) = (default_of("port"), default_of("metrics-port"));
    let ports = [port.as_str(), metrics.as_str()];
    assert_eq!(values(STATEFUL_SET, "containerPort"), ports);
    assert_eq!(values(STATEFUL_SET, "prometheus.io/port"), [metrics.as_str()]);
    assert_eq!(values(STATEFUL_SET, "port"), ["metrics"; 3], "of the probes");
    assert_eq!(values(SERVICE, "port"), [ports[0], ports[0], ports[1]]);
    assert_eq!(values(SERVICE, "targetPort"), ["redis", "redis", "metrics"]);
    assert!(DOCKERFILE.contains(&format!("\nEXPOSE {port} {metrics}\n")));
}
