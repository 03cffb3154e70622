//! Scripts: replies and errors byte for byte those of Redis, shards held and learned, runaway scripts.
//!
//! The cases in `scripts/cases.txt` (one script per line, escapes as in C) run on Curfew and on the reference beside it;
//! they share state from one line to the next. `CURFEW_REFERENCE` says where the reference is.

mod support;

use std::time::{Duration, Instant};
use support::client::Incoming;
use support::{Client, PATIENCE, Reply, Server, wait_until};

/// A line of the cases: `\n \r \t \\ \" \0` and the like, as they are written in C.
fn unescape(line: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = line.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, if byte == b'\\' { bytes.next() } else { None }) {
            (b'\\', Some(b'n')) => out.push(b'\n'),
            (b'\\', Some(b'2')) => {
                // The only octal one: \27.
                assert_eq!(bytes.next(), Some(b'7'));
                out.push(0o27);
            }
            (b'\\', Some(other)) => out.push(other),
            (byte, _) => out.push(byte),
        }
    }
    out
}

fn compare(shards: usize, resp3: bool) {
    let (reference, curfew) = (Server::redis(&[]), Server::subject(shards, &[]));
    let connect = |server: &Server| if resp3 { server.client().hello3() } else { server.client() };
    let (mut theirs, mut ours) = (connect(&reference), connect(&curfew));
    let mut cases = 0;
    for line in include_str!("scripts/cases.txt").lines() {
        let script = unescape(line);
        let command: [&[u8]; 7] = [b"EVAL", &script, b"2", b"a", b"b", b"x", b"y"];
        assert_eq!(ours.cmd(&command), theirs.cmd(&command), "shards {shards}, RESP3 {resp3}: {line}");
        cases += 1;
    }
    assert!(cases > 200);
}

#[test]
fn scripts_answer_as_in_redis_over_resp2() {
    [1, 3].into_iter().for_each(|shards| compare(shards, false));
}

#[test]
fn scripts_answer_as_in_redis_over_resp3() {
    [1, 3].into_iter().for_each(|shards| compare(shards, true));
}

#[test]
fn commands_about_scripts_answer_as_in_redis() {
    let (reference, curfew) = (Server::redis(&[]), Server::subject(2, &[]));
    let (mut theirs, mut ours) = (reference.client(), curfew.client());
    for line in [
        "SCRIPT FLUSH x",
        "SCRIPT FLUSH SYNC",
        "SCRIPT FLUSH async",
        "SCRIPT FLUSH sync sync",
        "SCRIPT DEBUG x",
        "SCRIPT DEBUG no",
        "SCRIPT KILL",
        "SCRIPT LOAD \"return 1\"",
        "SCRIPT LOAD x",
        "SCRIPT LOAD \"#!js\\nreturn\"",
        "SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db E0E1F9FABFC9D4800C877A703B823AC0578FF8DB x",
        "EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0",
        "EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 k",
        "EVALSHA x -1",
        "EVALSHA ffffffffffffffffffffffffffffffffffffffff x",
        "EVALSHA ffffffffffffffffffffffffffffffffffffffff 0",
        "EVAL x",
        "EVAL x a",
        "EVAL x 5",
        "EVAL x -1",
        "EVAL \"\\x1bLua\" 0",
        "EVAL \"\" 0",
        "EVAL_RO \"redis.call('set','a',1)\" 0",
        "EVAL_RO \"redis.call('publish','a',1)\" 0",
        "EVAL_RO \"#!lua flags=allow-oom\\nreturn 1\" 0",
        "EVAL_RO \"#!lua flags=no-writes\\nreturn 1\" 0",
        "SCRIPT x",
        "SCRIPT",
        "SCRIPT FLUSH",
        "SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
        "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0",
    ] {
        assert_eq!(ours.line(line), theirs.line(line), "{line}");
    }
}

/// Forgotten scripts are forgotten by every thread, whichever has compiled them.
#[test]
fn a_flush_reaches_every_thread() {
    let server = Server::subject(2, &[]);
    let mut clients: Vec<Client> = (0..4).map(|_| server.client()).collect();
    let sha = clients[0].line("SCRIPT LOAD \"return KEYS[1]\"").text();
    for client in &mut clients {
        assert_eq!(client.line(&format!("EVALSHA {sha} 1 k")), Reply::bulk("k"));
    }
    clients[1].ok("SCRIPT FLUSH");
    for client in &mut clients {
        assert_eq!(
            client.line(&format!("EVALSHA {sha} 1 k")),
            Reply::error("NOSCRIPT No matching script. Please use EVAL.")
        );
    }
    assert_eq!(clients[2].line("EVAL \"return KEYS[1]\" 1 k"), Reply::bulk("k"));
    for client in &mut clients {
        assert_eq!(client.line(&format!("EVALSHA {sha} 1 k")), Reply::bulk("k"));
    }
}

/// A script that has kept to its keys for long reaches further: before its first write it starts over, after it it takes
/// the shard on the way; nothing is done twice.
#[test]
fn a_script_may_stray_after_it_was_learned() {
    let server = Server::subject(4, &[]);
    let mut client = server.client();
    for (name, script) in [
        (
            "before",
            "local x = redis.call('GET', ARGV[1]) redis.call('INCR', KEYS[1]) return redis.call('INCR', ARGV[1])",
        ),
        ("after", "redis.call('INCR', KEYS[1]) return redis.call('INCR', ARGV[1])"),
    ] {
        for round in 1..=30 {
            let key = format!("{name}:key");
            let command = ["EVAL", script, "1", &key, &key];
            assert_eq!(client.cmd(&command), Reply::Int(round * 2), "{name}");
        }
        for round in 1..=50 {
            let (key, other) = (format!("{name}:key"), format!("{name}:other:{round}"));
            assert_eq!(client.cmd(&["EVAL", script, "1", &key, &other]), Reply::Int(1), "{name}");
        }
        assert_eq!(client.line(&format!("GET {name}:key")), Reply::bulk("110"), "{name}: once for each run");
    }
}

#[test]
fn scripts_in_transactions() {
    let server = Server::subject(4, &[]);
    let mut client = server.client();
    let lines = [
        "MULTI",
        "SET a 1",
        "EVAL \"redis.call('INCR','a') redis.call('SET','b','x') return redis.call('GET','a')\" 0",
        "EVAL \"return redis.call('INCR','b')\" 0",
        "GET b",
        "EXEC",
    ];
    let reply = client.pipeline(&lines).pop().expect("six replies");
    let items = reply.items();
    assert_eq!((&items[0], &items[1], &items[3]), (&Reply::ok(), &Reply::bulk("2"), &Reply::bulk("x")));
    assert!(items[2].is_error());
}

const BUSY: &str = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

/// Sends a script and waits until `GET key` says that it is busy.
fn start_busy(server: &Server, script: &str, key: &str) -> Client {
    let mut runner = server.client();
    runner.send(&["EVAL", script, "1", key]);
    let mut other = server.client();
    wait_until("the script is past its threshold", || other.line(&format!("GET {key}")) == Reply::error(BUSY));
    runner
}

fn assert_killed(runner: &mut Client) {
    let Incoming::Reply(Reply::Error(text)) = runner.next(PATIENCE) else { panic!("the script was not killed") };
    let text = String::from_utf8(text).expect("text");
    assert!(text.starts_with("ERR Script killed by user with SCRIPT KILL. script: "), "{text}");
}

#[test]
fn a_runaway_script_is_told_and_killed_from_every_connection() {
    for shards in [1, 2] {
        let server = Server::subject(shards, &["--busy-reply-threshold", "50"]);
        let mut old: Vec<Client> = (0..4).map(|_| server.client()).collect();
        for (index, script) in [
            "while true do end",
            "while true do pcall(function() while true do end end) end",
            "while true do redis.call('GET', KEYS[1]) end",
            "coroutine.wrap(function() while true do end end)()",
            "while true do redis.pcall('nosuch') end",
        ]
        .into_iter()
        .enumerate()
        {
            let mut runner = start_busy(&server, script, "k");
            let start = Instant::now();
            let mut new = server.client();
            for client in old.iter_mut().chain([&mut new]) {
                assert_eq!(client.line("GET k"), Reply::error(BUSY), "{script}");
                assert_eq!(client.line("SET k v"), Reply::error(BUSY), "{script}");
                // The first runs of a script hold every shard.
                assert_eq!(client.line("PING"), Reply::error(BUSY), "{script}");
            }
            assert!(start.elapsed() < PATIENCE, "they were told without waiting for the script");
            let killer = if index % 2 == 0 { &mut new } else { &mut old[index % 4] };
            killer.ok("SCRIPT KILL");
            assert_killed(&mut runner);
            assert_eq!(runner.line("PING"), Reply::simple("PONG"));
            assert_eq!(new.line("SCRIPT KILL"), Reply::error("NOTBUSY No scripts in execution right now."));
            old.iter_mut().for_each(|client| client.ok("SET k v"));
        }
    }
}

/// A learned script keeps only its own shard from others, though all connections share the two threads.
#[test]
fn a_runaway_script_leaves_other_shards_alone() {
    let server = Server::subject(2, &["--busy-reply-threshold", "50"]);
    if server.is_reference() {
        return;
    }
    let mut clients: Vec<Client> = (0..6).map(|_| server.client()).collect();
    let script = "while ARGV[1] == 'loop' do end return redis.call('GET', KEYS[1])";
    // bar is in slot 5061, foo in slot 12182.
    for client in &mut clients {
        (0..10).for_each(|_| drop(client.cmd(&["EVAL", script, "1", "bar", "no"])));
        client.ok("SET foo 1");
    }
    let mut runner = server.client();
    runner.send(&["EVAL", script, "1", "bar", "loop"]);
    let mut watcher = server.client();
    wait_until("the script is past its threshold", || watcher.line("GET bar") == Reply::error(BUSY));
    for client in &mut clients {
        assert_eq!(client.line("GET foo"), Reply::bulk("1"));
        assert_eq!(client.line("GET bar"), Reply::error(BUSY));
        assert_eq!(client.line("MGET foo bar"), Reply::error(BUSY));
        assert_eq!(client.cmd(&["EVAL", script, "1", "foo", "no"]), Reply::bulk("1"));
    }
    clients[0].ok("SCRIPT KILL");
    assert_killed(&mut runner);
    assert_eq!(clients[3].line("MGET foo bar").items().len(), 2);
}

#[test]
fn a_script_that_has_written_cannot_be_killed() {
    let server = Server::subject(1, &["--busy-reply-threshold", "20"]);
    let _runner = start_busy(&server, "redis.call('SET', KEYS[1], 'x') while true do end", "k");
    let reply = server.client().line("SCRIPT KILL");
    assert!(matches!(&reply, Reply::Error(text) if text.starts_with(b"UNKILLABLE ")), "{reply}");
    let mut other = server.client();
    assert_eq!(other.line("GET k"), Reply::error(BUSY));
    assert_eq!(other.line("SHUTDOWN"), Reply::error(BUSY));
    other.send(&["SHUTDOWN", "NOSAVE"]);
    assert_eq!(other.next(PATIENCE), Incoming::Closed);
}

#[test]
fn a_server_with_a_runaway_script_ends_when_told() {
    let server = Server::subject(1, &["--busy-reply-threshold", "20"]);
    if server.is_reference() {
        return;
    }
    let _runner = start_busy(&server, "redis.call('SET', KEYS[1], 1) while true do end", "k");
    let start = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(15));
}

/// No script ends the process: not by its depth, wherever that is, nor by what it builds, and the next one finds an
/// interpreter as it was. (Redis: CVE-2025-46817, CVE-2025-46819, CVE-2025-49844; the inputs here are harmless everywhere.)
#[test]
fn depth_is_an_error_and_leaves_nothing_behind() {
    // The client here reads nested replies by recursion.
    let deep = std::thread::Builder::new().stack_size(256 << 20).spawn(depth).expect("a thread");
    deep.join().expect("no failure");
}

fn depth() {
    let mut server = Server::subject(1, &[]);
    let mut client = server.client();
    for (what, script) in [
        ("calls", "local function f() return 1 + f() end return tostring(pcall(f))"),
        ("calls without a catch", "local function f() return 1 + f() end return f()"),
        ("pcall", "local function f() return pcall(f) end return tostring(f())"),
        ("xpcall", "local function f() return xpcall(f, f) end return tostring(f())"),
        ("failing handlers", "local function h() error('x') end return tostring(xpcall(function() error('y') end, h))"),
        ("coroutines", "local function f() return coroutine.wrap(f)() end return tostring(pcall(f))"),
        (
            "metamethods",
            "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k .. 'x'] end \
            return tostring(pcall(function() return t.x end))",
        ),
        (
            "tables behind tables",
            "local t = {} for _ = 1, 1000 do t = setmetatable({}, {__index = t}) end \
            return tostring(pcall(function() return t.x end))",
        ),
        (
            "comparisons",
            "local t = setmetatable({}, {}) getmetatable(t).__lt = function(a, b) return a < b end \
            return tostring(pcall(function() return t < setmetatable({}, getmetatable(t)) end))",
        ),
        (
            "concatenation",
            "local t = setmetatable({}, {}) getmetatable(t).__concat = function(a, b) return a .. b end \
            return tostring(pcall(function() return t .. 'x' end))",
        ),
        ("gsub", "local function f(c) return (c:gsub('.', f)) end return tostring(pcall(f, 'x'))"),
        (
            "gsub in coroutines",
            "local function f(c) return coroutine.wrap(function() return (c:gsub('.', f)) end)() end \
            return tostring(pcall(f, 'x'))",
        ),
        ("sort", "local function f() table.sort({3, 2, 1}, f) return true end return tostring(pcall(f))"),
        ("load", "local function f() return load(f) end return tostring(pcall(f))"),
        ("parentheses", "return tostring(loadstring('return ' .. ('('):rep(5000) .. '1' .. (')'):rep(5000)))"),
        ("constructors", "return tostring(loadstring('return ' .. ('{'):rep(5000) .. ('}'):rep(5000)))"),
        ("functions", "return tostring(loadstring(('function f() '):rep(5000)))"),
        ("blocks", "return tostring(loadstring(('do '):rep(5000) .. ('end '):rep(5000)))"),
        ("operators", "return tostring(loadstring('return ' .. ('-'):rep(5000) .. '1'))"),
        (
            "nested tables",
            "local t = {} for _ = 1, 100000 do t = {t} end return {tostring(pcall(cjson.encode, t)), \
            tostring(pcall(cmsgpack.pack, t))}",
        ),
        ("a nested reply", "local t = {} for _ = 1, 100000 do t = {t} end return t"),
        ("a table in itself", "local t = {} t[1] = t return t"),
        ("long patterns", "return tostring(pcall(string.find, ('a'):rep(300000), ('a?'):rep(300000)))"),
        ("nested captures", "return tostring(pcall(string.find, 'a', ('('):rep(1000) .. 'a'))"),
        ("a long result", "return tostring(pcall(string.rep, 'abc', 2^31 - 1))"),
        ("many results", "return tostring(pcall(function() return unpack({}, 1, 1000000) end))"),
        ("many strings", "return tostring(pcall(string.char, unpack({}, 1, 7000)))"),
    ] {
        client.cmd(&["EVAL", script, "0"]);
        server.assert_alive();
        let library = format!("#!lua name=deep\nredis.register_function('deep', function() {script} end)");
        client.cmd(&["FUNCTION", "LOAD", "REPLACE", &library]);
        client.cmd(&["FCALL", "deep", "0"]);
        client.cmd(&["FUNCTION", "LOAD", "REPLACE", &format!("#!lua name=top\n{script}")]);
        server.assert_alive();
        let after = "local n = 0 for _ in pairs(_G) do n = n + 1 end return {n, ('a b'):gsub('%w', '<%0>')}";
        let found = client.cmd(&["EVAL", after, "0"]).to_string();
        assert!(found.contains("<a> <b>"), "after {what}: {found}");
    }
}

#[test]
fn memory_of_scripts_has_a_limit() {
    let mut server = Server::subject(1, &["--script-memory-limit", "32mb"]);
    let mut client = server.client();
    for script in [
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = (i .. ' '):rep(200) end",
        "local t = {} for i = 1, 1e9 do t[i] = coroutine.create(function() end) end",
        "return ('x'):rep(100000000)",
        "return (('x'):rep(100000):gsub('.', ('y'):rep(1000)))",
        "local s = ('x'):rep(1000000) local t = {} for i = 1, 100 do t[i] = s end return table.concat(t)",
        "return assert(load(function() return ('x'):rep(100000) end))",
        "redis.call('set', 'k', ('x'):rep(5000000)) local t = {} for i = 1, 1000 do t[i] = redis.call('getrange', 'k', i, -1) end",
        "local t = {} for i = 1, 1e9 do t[i] = redis.pcall('nosuch') end",
    ] {
        let reply = client.cmd(&["EVAL", script, "0"]);
        let text = reply.to_string();
        assert!(reply.is_error() && text.contains("not enough memory"), "{script}: {text}");
        // It can be caught, too, and the script goes on.
        let caught =
            format!("local ok, e = pcall(function() {script} end) collectgarbage() return {{tostring(ok), e}}");
        let text = client.cmd(&["EVAL", &caught, "0"]).to_string();
        assert!(text.contains("false") && text.contains("not enough memory"), "{script}: {text}");
        server.assert_alive();
        let left = client.cmd(&["EVAL", "return collectgarbage('count') * 1024", "0"]).int();
        assert!(left < 8 << 20, "{script}: {left} bytes left");
    }
    let library = "#!lua name=large\nlocal t = {} for i = 1, 1e9 do t[i] = i .. 'x' end";
    let text = client.cmd(&["FUNCTION", "LOAD", library]).to_string();
    assert!(text.contains("script-memory-limit") || text.contains("timeout"), "{text}");
    let large = format!("return {{{}}}", "{},".repeat(500_000));
    let text = client.cmd(&["EVAL", &large, "0"]).to_string();
    assert!(text.contains("script-memory-limit") || text.contains("overflow"), "{}", &text[..text.len().min(200)]);
    // Without one, and with room for it.
    client.ok("CONFIG SET script-memory-limit 0");
    assert_eq!(client.cmd(&["EVAL", "return #('x'):rep(100000000)", "0"]).int(), 100_000_000);
}

/// Searches and moves that C would do in one go can be stopped as loops of Lua can.
#[test]
fn a_long_search_can_be_killed() {
    let server = Server::subject(1, &["--busy-reply-threshold", "50"]);
    for script in [
        "return (('a'):rep(60):find(('a*'):rep(60) .. 'b'))",
        "return pcall(string.gsub, ('a'):rep(60), ('a-'):rep(60) .. 'b', '')",
        "for _ in ('a'):rep(60):gmatch(('a?'):rep(60) .. ('a*'):rep(60) .. 'b') do end",
        "table.insert({}, -2^31, 1)",
    ] {
        let mut runner = start_busy(&server, script, "k");
        server.client().ok("SCRIPT KILL");
        assert_killed(&mut runner);
    }
}

/// What a script tells the collector ends with it.
#[test]
fn the_collector_is_not_a_script_s() {
    let server = Server::subject(1, &[]);
    let mut client = server.client();
    client.cmd(&["EVAL", "collectgarbage('stop') collectgarbage('setpause', 1000000)", "0"]);
    let script = "for i = 1, 200000 do local t = {i, i, i, i} end return collectgarbage('count')";
    assert!(client.cmd(&["EVAL", script, "0"]).int() < 4096);
}
