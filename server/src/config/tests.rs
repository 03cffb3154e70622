//! CONFIG GET and SET against replies of Redis 8.0.6, and docs/configuration.md against the table.

use super::*;
use crate::system::versioned::Versioned;

fn bytes<'a>(args: &[&'a str]) -> Vec<&'a [u8]> {
    args.iter().map(|arg| arg.as_bytes()).collect()
}

fn error(args: &[&str]) -> String {
    String::from_utf8(set(&Config::default(), &bytes(args)).unwrap_err()).unwrap()
}

fn get_text(config: &Config, patterns: &[&str]) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    get(config, &bytes(patterns)).into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// Sets `value` and reads it back.
fn through(name: &str, value: &str) -> String {
    let (config, _) = set(&Config::default(), &bytes(&[name, value])).map_err(String::from_utf8).unwrap();
    get_text(&config, &[name]).remove(0).1
}

#[test]
fn protected_mode_keeps_strangers_out_until_there_is_a_password() {
    let mut config = Config::default();
    let strangers = ["10.0.0.7", "2001:db8::1", "::ffff:10.0.0.7"].map(|ip| ip.parse().expect("an address"));
    let own = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"].map(|ip| ip.parse().expect("an address"));
    assert!(strangers.iter().all(|ip| config.is_protected_from(*ip)));
    assert!(!own.iter().any(|ip| config.is_protected_from(*ip)));
    config.requirepass.0 = b"secret".to_vec();
    assert!(!strangers.iter().any(|ip| config.is_protected_from(*ip)));
    config.requirepass.0.clear();
    config.protected_mode = false;
    assert!(!strangers.iter().any(|ip| config.is_protected_from(*ip)));
}

#[test]
fn defaults_are_redis_s() {
    // CONFIG GET * of Redis 8.0.6 for what does not depend on where it runs.
    let reference = "lfu-decay-time 1|set-max-listpack-value 64|list-max-ziplist-size -2|save |appendonly no|supervised no|\
        pidfile |tcp-backlog 511|client-query-buffer-limit 1073741824|hash-max-listpack-entries 512|\
        set-max-listpack-entries 128|zset-max-ziplist-value 64|lazyfree-lazy-expire no|\
        client-output-buffer-limit normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60|dbfilename dump.rdb|\
        maxmemory-eviction-tenacity 10|timeout 0|lazyfree-lazy-user-flush no|hash-max-ziplist-entries 512|\
        hash-max-listpack-value 64|list-compress-depth 0|hash-max-ziplist-value 64|proto-max-bulk-len 536870912|\
        lfu-log-factor 10|logfile |maxmemory 0|lazyfree-lazy-eviction no|zset-max-listpack-entries 128|\
        maxmemory-policy noeviction|set-max-intset-entries 512|requirepass |port 6379|list-max-listpack-size -2|\
        active-expire-effort 1|zset-max-ziplist-entries 128|busy-reply-threshold 5000|unixsocket |stream-node-max-bytes 4096|\
        notify-keyspace-events |dynamic-hz yes|hz 10|tcp-keepalive 300|stream-node-max-entries 100|lua-time-limit 5000|\
        lazyfree-lazy-user-del no|loglevel notice|lazyfree-lazy-server-del no|daemonize no|bind * -::*|maxclients 10000|\
        protected-mode yes|unixsocketperm 0|zset-max-listpack-value 64|databases 16|hll-sparse-max-bytes 3000|\
        maxmemory-samples 5";
    let mut expected: Vec<(&str, &str)> = reference.split('|').filter_map(|pair| pair.split_once(' ')).collect();
    expected.sort();
    let ours = get_text(&Config::default(), &["*"]);
    // Curfew's own, or different on each machine.
    let ours_alone = ["dir", "shards", "metrics-port", "metrics-bind", "notify-keyspace-prefix", "script-memory-limit"];
    let mut ours: Vec<(&str, &str)> = ours.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let of_events = |name: &str| name.starts_with("notify-keyspace-stream") || name == "notify-keyspace-list";
    ours.retain(|(name, _)| !ours_alone.contains(name) && !of_events(name));
    ours.sort();
    assert_eq!(ours, expected);
}

#[test]
fn get_by_names_and_patterns() {
    let config = Config::default();
    let names = |patterns: &[&str]| get_text(&config, patterns).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&["nosuch", "io-threads"]), Vec::<String>::new());
    assert_eq!(names(&["nosuch", "*samples", "Maxmemory-Sam*"]), ["maxmemory-samples"]);
    assert_eq!(names(&["PORT", "port", "Por?"]), ["PORT"]);
    assert_eq!(names(&["lua-time-limit"]), ["lua-time-limit"]);
    assert_eq!(names(&["*time-limit", "busy-reply*", "LUA-TIME-limit"]), ["lua-time-limit", "busy-reply-threshold"]);
    assert_eq!(names(&["hash-max-*-entries"]), ["hash-max-listpack-entries", "hash-max-ziplist-entries"]);
}

#[test]
fn values_are_normalised() {
    for (name, value, read) in [
        ("maxmemory", "1gb", "1073741824"),
        ("maxmemory", "", "0"),
        ("maxmemory", "18446744073709551615", "18446744073709551615"),
        ("MAXMEMORY-policy", "ALLKEYS-LRU", "allkeys-lru"),
        ("lazyfree-lazy-eviction", "YES", "yes"),
        ("hz", "0", "1"),
        ("hz", "1000", "500"),
        ("loglevel", "WARNING", "warning"),
        ("notify-keyspace-events", "KEmnxe", "xenKEm"),
        ("hash-max-listpack-entries", "9223372036854775807", "9223372036854775807"),
        ("stream-node-max-bytes", "1kb", "1024"),
        ("list-max-listpack-size", "-6", "-6"),
        ("lua-time-limit", "10", "10"),
        ("requirepass", "f o o", "f o o"),
        ("save", "", ""),
        ("appendonly", "NO", "no"),
        ("client-output-buffer-limit", "", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"),
        (
            "client-output-buffer-limit",
            "normal 1mb 2kb 3 slave 1 2 3",
            "normal 1048576 2048 3 slave 1 2 3 pubsub 33554432 8388608 60",
        ),
        (
            "client-output-buffer-limit",
            "NORMAL 5 5 05 Replica 1 2 +3 pubsub 18446744073709551615 1 2147483647",
            "normal 5 5 5 slave 1 2 3 pubsub 18446744073709551615 1 2147483647",
        ),
    ] {
        assert_eq!(through(name, value), read, "{name} {value}");
    }
}

#[test]
fn set_errors_of_values() {
    let words = "Wrong number of arguments in buffer limit configuration.";
    let limits = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    let class = "Invalid client class specified in buffer limit configuration.";
    let memory = "argument must be a memory value";
    let integer = "argument couldn't be parsed into an integer";
    let immutable = "can't set immutable config";
    let megabyte = "argument must be between 1048576 and 9223372036854775807 inclusive";
    for (name, value, text) in [
        ("maxmemory", "x", memory),
        ("MAXMEMORY", "-1", memory),
        ("maxmemory", " 1", memory),
        ("maxmemory", "1tb", memory),
        ("client-query-buffer-limit", "1", megabyte),
        ("client-query-buffer-limit", "-1", memory),
        ("client-query-buffer-limit", "9223372036854775808", megabyte),
        ("proto-max-bulk-len", "1048575", megabyte),
        ("hash-max-listpack-value", "-1", memory),
        ("set-max-listpack-value", "-1", "argument must be between 0 and 9223372036854775807 inclusive"),
        ("hash-max-listpack-entries", "9223372036854775808", integer),
        ("maxmemory-samples", "0", "argument must be between 1 and 64 inclusive"),
        ("maxmemory-samples", "65", "argument must be between 1 and 64 inclusive"),
        ("maxmemory-samples", "05", integer),
        ("maxmemory-samples", "+5", integer),
        ("timeout", "", integer),
        ("timeout", "2147483648", "argument must be between 0 and 2147483647 inclusive"),
        ("hz", "-5", "argument must be between 0 and 2147483647 inclusive"),
        ("list-max-listpack-size", "2147483648", "argument must be between -2147483648 and 2147483647 inclusive"),
        (
            "maxmemory-policy",
            "x",
            "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, \
             allkeys-lru, allkeys-lfu, allkeys-random, noeviction",
        ),
        ("loglevel", "", "argument(s) must be one of the following: debug, verbose, notice, warning, nothing"),
        ("lazyfree-lazy-eviction", "maybe", "argument must be 'yes' or 'no'"),
        ("notify-keyspace-events", "q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        ("client-output-buffer-limit", "normal 1 2", words),
        ("client-output-buffer-limit", "normal  0 0 0", words),
        ("client-output-buffer-limit", "normal 0 0 0 ", words),
        ("client-output-buffer-limit", "master 0 0 0", class),
        ("client-output-buffer-limit", "normal a 0 0", limits),
        ("client-output-buffer-limit", "normal 0 0 -1", limits),
        ("client-output-buffer-limit", "normal -1 0 0", limits),
        ("client-output-buffer-limit", "normal 0 0 2147483648", limits),
        ("save", "900", "Invalid save parameters"),
        ("save", "0 1", "Invalid save parameters"),
        ("save", "foo", "Invalid save parameters"),
        ("save", "900 1", "Curfew has no snapshots yet, only \"\" is accepted"),
        ("appendonly", "x", "argument must be 'yes' or 'no'"),
        ("appendonly", "yes", "Curfew has no append-only file yet, only 'no' is accepted"),
        ("dir", "/tmp", "can't set protected config"),
        ("dbfilename", "x.rdb", "can't set protected config"),
        ("databases", "3", immutable),
        ("port", "1", immutable),
        ("bind", "127.0.0.1", immutable),
        ("logfile", "x", immutable),
        ("daemonize", "yes", immutable),
        ("supervised", "no", immutable),
        ("shards", "3", immutable),
    ] {
        let expected =
            format!("ERR CONFIG SET failed (possibly related to argument '{}') - {text}", name.to_ascii_lowercase());
        assert_eq!(error(&[name, value]), expected, "{value}");
    }
}

#[test]
fn set_errors_of_names() {
    let unknown = |name: &str| format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'");
    assert_eq!(error(&["NoSuch", "1"]), unknown("NoSuch"));
    assert_eq!(error(&["io-threads", "1"]), unknown("io-threads"));
    assert_eq!(error(&["a\r\nb", "1"]), unknown("a  b"));
    assert_eq!(error(&["maxmemory", "1", "nosuch", "2"]), unknown("nosuch"));
    assert_eq!(error(&["nosuch", "1", "databases", "3"]), unknown("nosuch"));
    assert_eq!(error(&["nosuch", "1", "port"]), "ERR syntax error");
    let failed = "ERR CONFIG SET failed (possibly related to argument";
    assert_eq!(
        error(&["databases", "3", "nosuch", "1"]),
        format!("{failed} 'databases') - can't set immutable config")
    );
    assert_eq!(
        error(&["maxmemory", "x", "databases", "3"]),
        format!("{failed} 'databases') - can't set immutable config")
    );
    assert_eq!(error(&["maxmemory", "1", "MaxMemory", "2"]), format!("{failed} 'maxmemory') - duplicate parameter"));
    assert_eq!(
        error(&["maxmemory", "1", "maxmemory-samples", "x", "hz", "y"]),
        format!("{failed} 'maxmemory-samples') - argument couldn't be parsed into an integer")
    );
    assert_eq!(
        error(&["lua-time-limit", "x"]),
        format!("{failed} 'lua-time-limit') - argument couldn't be parsed into an integer")
    );
}

#[test]
fn set_several() {
    let args = bytes(&["maxmemory", "1", "HZ", "7", "hash-max-ziplist-entries", "1", "hash-max-listpack-entries", "2"]);
    let (config, rows) = set(&Config::default(), &args).unwrap();
    assert_eq!((config.maxmemory, config.hz, config.hash_max_listpack_entries), (1, 7, 2));
    let names: Vec<_> = rows.iter().map(|row| row.name).collect();
    assert_eq!(names, ["maxmemory", "hz", "hash-max-listpack-entries", "hash-max-listpack-entries"]);
}

#[test]
fn set_through_the_cell() {
    let cell = Versioned::new(Config::default());
    assert!(cell.modify(|config| set(config, &bytes(&["hz", "7"]))).is_ok());
    assert!(cell.modify(|config| set(config, &bytes(&["hz", "8", "timeout", "x"]))).is_err());
    assert_eq!((cell.load().hz, cell.version()), (7, 2));
}

/// `CURFEW_BLESS=1 cargo test -p curfew-server documentation` writes the file.
#[test]
fn the_documentation_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let text = documentation();
    if std::env::var_os("CURFEW_BLESS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")).unwrap();
        std::fs::write(path, &text).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == text, "docs/configuration.md is out of date: run the test again with CURFEW_BLESS=1");
}

fn documentation() -> String {
    use rows::ValueKind;
    let mut text = String::from(HEAD);
    for row in table::ROWS {
        let values = match &row.kind {
            ValueKind::Bool { .. } => "`yes`, `no`".to_owned(),
            ValueKind::Int { min, max, .. } => format!("{min} to {max}"),
            ValueKind::Memory { max: u64::MAX, .. } => "memory".to_owned(),
            ValueKind::Memory { min: 0, .. } => "memory".to_owned(),
            ValueKind::Memory { min, .. } => format!("memory, at least {}", values::format_memory(*min)),
            ValueKind::Octal { max, .. } => format!("0 to {max:o}, octal"),
            ValueKind::Enum { names, .. } => {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            }
            ValueKind::Text { .. } => "text".to_owned(),
            ValueKind::Words { .. } => "words".to_owned(),
            ValueKind::Fixed { value: "", .. } => "`\"\"`".to_owned(),
            ValueKind::Fixed { value, .. } => format!("`{value}`"),
        };
        let default = match row.default_text {
            Some(text) => text.to_owned(),
            None => match String::from_utf8_lossy(&row.get(&Config::default())).as_ref() {
                "" => "`\"\"`".to_owned(),
                value => format!("`{value}`"),
            },
        };
        let change = match row.change {
            Mutability::Live | Mutability::Apply(_) => "yes",
            Mutability::Immutable | Mutability::Protected => "no",
        };
        let alias = row.alias.map_or(String::new(), |alias| format!(" (or `{alias}`)"));
        text += &format!("| `{}`{alias} | {values} | {default} | {change} | {} |\n", row.name, row.doc);
    }
    text
}

const HEAD: &str = "\
# Configuration

Made from the table in `server/src/config/table.rs`; change it there and run
`CURFEW_BLESS=1 cargo test -p curfew-server documentation`.

Curfew reads `redis.conf` files and takes the same parameters on the command line:

    curfew-server [/path/to/redis.conf] [--name value ...] [-]

The file comes first, then standard input if there is a `-`, then the options; the last value of a parameter wins.
CONFIG GET, CONFIG SET and CONFIG REWRITE work as in Redis 8.0. A parameter of Redis 8.0 that is not in this table is not
honoured: in a file or on the command line it gets a warning in the log, and CONFIG SET answers with an error. A name that
Redis does not know either keeps the server from starting.

Memory is bytes, or a number with a unit: `k`, `m`, `g` are powers of 1000, `kb`, `mb`, `gb` powers of 1024.

| parameter | values | default | CONFIG SET | |
|---|---|---|---|---|
";
