//! Functions: libraries and their errors byte for byte as in Redis, payloads exchanged with it, libraries on all threads,
//! shards held and learned, runaway functions. `CURFEW_REFERENCE` says where the reference is.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::client::Incoming;
use support::{Client, PATIENCE, Reply, Server, wait_until};

/// A library called `lib` of this code.
fn load(client: &mut Client, code: &str) -> Reply {
    client.cmd(&["FUNCTION", "LOAD", "REPLACE", &format!("#!lua name=lib\n{code}")])
}

#[track_caller]
fn loaded(client: &mut Client, code: &str) {
    assert_eq!(load(client, code), Reply::bulk("lib"), "{code}");
}

/// Each line is a library's code without its first line. What differs between the servers is the order of several functions
/// in FUNCTION LIST, so no library here has more than one.
const TOP_LEVELS: &[&str] = &[
    "",
    "return 1",
    "\u{1b}Lua",
    "x=1",
    "local x = y",
    "local t = nil; t.x = 1",
    "blah blah",
    "goto x",
    "return redis.REDIS_VERSION_NUM ..",
    "function f() end",
    "redis.call('get', 'x')",
    "redis.pcall('get', 'x')",
    "redis.setresp(3)",
    "redis.sha1hex('')",
    "redis.foo = 1",
    "redis = nil",
    "local x = redis.LOG_X",
    "local x = redis.REPL_ALL",
    "math.random()",
    "error('boo')",
    "pcall(error)",
    "getmetatable('')",
    "\n\nx()",
    "local function r() return 1 + r() end r()",
    "redis.log(9, 'x')",
    "redis.log(9)",
    "redis.log('x', 'y')",
    "redis.register_function()",
    "redis.register_function(1)",
    "redis.register_function(nil)",
    "redis.register_function(function() end)",
    "redis.register_function('a', 1)",
    "redis.register_function(1, 2)",
    "redis.register_function({}, function() end)",
    "redis.register_function('a', function() end, 3)",
    "redis.register_function('a-b', function() end)",
    "redis.register_function('', function() end)",
    "redis.register_function{}",
    "redis.register_function{function_name='a'}",
    "redis.register_function{callback=function() end}",
    "redis.register_function{function_name={}, callback=function() end}",
    "redis.register_function{function_name='a', callback=1}",
    "redis.register_function{function_name='a\\0b', callback=function() end}",
    "redis.register_function{function_name='a', callback=function() end, flags=1}",
    "redis.register_function{function_name='a', callback=function() end, flags={'x'}}",
    "redis.register_function{function_name='a', callback=function() end, flags={1}}",
    "redis.register_function{function_name='a', callback=function() end, flags={{}}}",
    "redis.register_function{function_name='a', callback=function() end, foo=1}",
    "redis.register_function{function_name='a', callback=function() end, description={}}",
    "redis.register_function{function_name='a', callback=function() end, [1]=1}",
    "redis.register_function{function_name='a', callback=function() end, [{}]=1}",
    "redis.register_function('a', function() end) redis.register_function('a', function() end)",
    "redis.register_function('a', function() end) local y = z",
    // And those that are well.
    "redis.register_function(12, function() return 'by number' end)",
    "redis.register_function('f', redis.log)",
    "redis.register_function{function_name='f', callback=function() return 1 end, description=5}",
    "redis.register_function{Function_Name='f', CallBack=function() end, FLAGS={'No-Writes'}, Description='d\\r\\n'}",
    "redis.register_function{function_name='f', callback=function() end, flags={'no-writes', nil, 'x'}}",
    "redis.register_function{function_name='f', callback=function() end, \
     flags={'allow-cross-slot-keys', 'no-cluster', 'allow-stale', 'allow-oom', 'no-writes', 'no-writes'}}",
    "local name = ('x'):rep(3) redis.register_function(name, function() return name end)",
];

/// The same for what a function does; each is called with FCALL and FCALL_RO.
const BODIES: &[&str] = &[
    "return {keys, args, #keys, #args}",
    "return KEYS",
    "foo = 1",
    "return foo",
    "error('x')",
    "error({err='MY x'})",
    "error({err='MY x\\ny'})",
    "error()",
    "return redis.call('set', keys[1], 'v')",
    "return redis.call('nosuch')",
    "return redis.pcall('incr')",
    "return redis.call('incr', keys[1])",
    "return redis.call('fcall', 'f', 0)",
    "return redis.call('function', 'list')",
    "return redis.register_function('x', function() end)",
    "return captured.register_function('x', function() end)",
    "return captured.LOG_NOTICE",
    "return captured.call",
    "return loadstring('return foo')()",
    "return loadstring('return 1 + 1')()",
    "return redis.breakpoint",
    "return redis.replicate_commands",
    "return __redis__err__handler",
    "local t = {} for name in pairs(redis) do t[#t + 1] = name end table.sort(t) return t",
    "local t = {} for name in pairs(_G) do t[#t + 1] = name end table.sort(t) return t",
    "redis.setresp(3) return redis.call('ping')",
    "redis.setresp(3) return true",
    "return {double=3.5}",
    "return {map={a=1}}",
    "return tostring(redis.sha1hex(''))",
    "return cjson.encode({1, 2})",
    "return math.random(1000)",
    "kept = (kept or 0)",
    "count = count + 1 return count",
    "return redis.error_reply('MY err')",
    "return redis.status_reply('FINE')",
    "return redis.acl_check_cmd('set', 'a', 'b')",
    "getmetatable(_G).__index = nil",
    "rawset(redis, 'x', 1)",
];

#[test]
fn libraries_and_functions_answer_as_in_redis() {
    for (shards, resp3) in [(1, false), (3, false), (1, true), (3, true)] {
        let (reference, curfew) = (Server::redis(&[]), Server::subject(shards, &[]));
        let connect = |server: &Server| if resp3 { server.client().hello3() } else { server.client() };
        let (mut theirs, mut ours) = (connect(&reference), connect(&curfew));
        let mut same = |args: &[&str]| assert_eq!(ours.cmd(args), theirs.cmd(args), "{shards} shards: {args:?}");
        for code in TOP_LEVELS {
            same(&["FUNCTION", "LOAD", &format!("#!lua name=lib\n{code}")]);
            same(&["FUNCTION", "LIST", "WITHCODE"]);
            same(&["FCALL", "f", "0"]);
            same(&["FUNCTION", "FLUSH"]);
        }
        for body in BODIES {
            for flags in ["", ", flags={'no-writes'}", ", flags={'allow-oom'}"] {
                let code = format!(
                    "local captured, count = redis, 0\n\
                     redis.register_function{{function_name='f', callback=function(keys, args)\n{body}\nend{flags}}}"
                );
                same(&["FUNCTION", "LOAD", "REPLACE", &format!("#!lua name=lib\n{code}")]);
                same(&["FCALL", "F", "1", "k", "a"]);
                same(&["FCALL", "f", "0"]);
                same(&["FCALL_RO", "f", "2", "k", "l"]);
                same(&["GET", "k"]);
                same(&["DEL", "k"]);
            }
        }
        same(&["FUNCTION", "STATS"]);
    }
}

#[test]
fn commands_about_functions_answer_as_in_redis() {
    for resp3 in [false, true] {
        let (reference, curfew) = (Server::redis(&[]), Server::subject(2, &[]));
        let connect = |server: &Server| if resp3 { server.client().hello3() } else { server.client() };
        let (mut theirs, mut ours) = (connect(&reference), connect(&curfew));
        for line in [
            "FUNCTION",
            "FUNCTION NOSUCH",
            "FUNCTION LOAD",
            "FUNCTION LOAD REPLACE",
            "FUNCTION LOAD x y",
            "FUNCTION LOAD replace x y",
            "FUNCTION LOAD \"#!lua name=a\"",
            "FUNCTION LOAD \"#!js name=a\\n\"",
            "FUNCTION LOAD \"#!lua name=a name=b\\n\"",
            "FUNCTION LOAD \"#!lua name=a x\\n\"",
            "FUNCTION LOAD \"#!lua name=a.b\\n\"",
            "FUNCTION LOAD \"#!LUA NAME=one\\nredis.register_function('f', function() return 1 end)\"",
            "FUNCTION LOAD \"#!LUA NAME=one\\nredis.register_function('g', function() return 1 end)\"",
            "FUNCTION LOAD \"#!LUA NAME=two\\nredis.register_function('F', function() return 1 end)\"",
            "FUNCTION LOAD \"#!LUA NAME=two\\nredis.register_function('g', function() return 2 end)\"",
            "FUNCTION LOAD replace \"#!LUA NAME=one\\nredis.register_function('g', function() return 2 end)\"",
            "FUNCTION LOAD replace \"#!LUA NAME=one\\nboom()\"",
            "FUNCTION LOAD Replace REPLACE \"#!LUA NAME=one\\nredis.register_function('F', function() return 3 end)\"",
            "FCALL f 0",
            "FUNCTION LIST LIBRARYNAME O*",
            "FUNCTION LIST WITHCODE LIBRARYNAME tw?",
            "FUNCTION LIST LIBRARYNAME nosuch",
            "FUNCTION LIST LIBRARYNAME",
            "FUNCTION LIST LIBRARYNAME a LIBRARYNAME b",
            "FUNCTION LIST WITHCODE WITHCODE",
            "FUNCTION LIST x",
            "FUNCTION STATS",
            "FUNCTION STATS x",
            "FUNCTION KILL",
            "SCRIPT KILL",
            "FUNCTION DELETE nosuch",
            "FUNCTION DELETE ONE",
            "FUNCTION DELETE one",
            "FCALL f 0",
            "FCALL g 0",
            "FUNCTION FLUSH x",
            "FUNCTION FLUSH SYNC x",
            "FUNCTION RESTORE x",
            "FUNCTION RESTORE x y",
            "FUNCTION RESTORE x flush z",
            "FCALL",
            "FCALL f",
            "FCALL nosuch x",
            "FCALL g x",
            "FCALL g 1",
            "FCALL g -1",
            "FCALL g 1 a",
            "FCALL_RO g 0",
            "COMMAND GETKEYS FCALL g 2 a b c",
            "COMMAND GETKEYS FCALL_RO g 0",
            "COMMAND GETKEYS FCALL g x",
            "EVAL \"return redis.call('FCALL','g','0')\" 0",
            "MULTI",
            "FUNCTION LOAD \"#!lua name=three\\nredis.register_function('h', function() return 3 end)\"",
            "FCALL h 0",
            "FUNCTION STATS",
            "FUNCTION DELETE three",
            "FCALL h 0",
            "EXEC",
            "CONFIG SET maxmemory 1",
            "FCALL g 0",
            "FCALL_RO g 0",
            "FUNCTION LOAD x",
            "FUNCTION RESTORE x",
            "FUNCTION DELETE two",
            "FUNCTION FLUSH async",
            "CONFIG SET maxmemory 0",
            "FUNCTION FLUSH SYNC",
            "FUNCTION LIST",
            "FUNCTION DUMP",
        ] {
            assert_eq!(ours.line(line), theirs.line(line), "{line}");
        }
    }
}

fn bytes(reply: Reply) -> Vec<u8> {
    match reply {
        Reply::Bulk(bytes) => bytes,
        other => panic!("expected a payload, got {other}"),
    }
}

/// Names of the libraries with their codes, in order.
fn codes(client: &mut Client) -> Vec<(String, String)> {
    let list = client.line("FUNCTION LIST WITHCODE");
    let mut codes: Vec<_> =
        list.items().iter().map(|library| (library.items()[1].text(), library.items()[7].text())).collect();
    codes.sort();
    codes
}

#[test]
fn payloads_are_exchanged_with_redis() {
    let (reference, curfew) = (Server::redis(&[]), Server::subject(2, &[]));
    let (mut theirs, mut ours) = (reference.client(), curfew.client());
    // Short, compressible, and long codes: all ways to write a length.
    let long = "-- a line that is there for its length\n".repeat(1000);
    for (name, padding) in [("a", ""), ("b", &*"-- again and again\n".repeat(30)), ("c", &*long)] {
        let code =
            format!("#!lua name={name}\nredis.register_function('f{name}', function() return '{name}' end)\n{padding}");
        assert_eq!(theirs.cmd(&["FUNCTION", "LOAD", &code]), Reply::bulk(name));
    }
    let expected = codes(&mut theirs);
    let payload = bytes(theirs.line("FUNCTION DUMP"));
    assert!(payload.len() < 3000, "Redis has compressed it");
    assert_eq!(ours.cmd(&[&b"FUNCTION"[..], b"RESTORE", &payload]), Reply::ok());
    assert_eq!(codes(&mut ours), expected);
    assert_eq!(ours.line("FCALL FC 0"), Reply::bulk("c"));
    let payload = bytes(ours.line("FUNCTION DUMP"));
    theirs.ok("FUNCTION FLUSH");
    assert_eq!(theirs.cmd(&[&b"FUNCTION"[..], b"RESTORE", &payload]), Reply::ok());
    assert_eq!(codes(&mut theirs), expected);
    assert_eq!(theirs.line("FCALL fb 0"), Reply::bulk("b"));
}

#[test]
fn a_restore_changes_all_or_nothing() {
    let (reference, curfew) = (Server::redis(&[]), Server::subject(2, &[]));
    let (mut theirs, mut ours) = (reference.client(), curfew.client());
    let code = |name: &str, function: &str| {
        format!("#!lua name={name}\nredis.register_function('{function}', function() return '{name}' end)")
    };
    // The payloads come from the reference, so both servers restore the same bytes.
    let mut dump = |libraries: &[(&str, &str)]| {
        theirs.ok("FUNCTION FLUSH");
        for (name, function) in libraries {
            assert_eq!(theirs.cmd(&["FUNCTION", "LOAD", &code(name, function)]), Reply::bulk(name));
        }
        bytes(theirs.line("FUNCTION DUMP"))
    };
    let payloads = [
        dump(&[("new", "n"), ("old", "o")]),
        dump(&[("new", "n"), ("another", "O")]),
        dump(&[("old", "p")]),
        dump(&[("x", "x"), ("y", "y")]),
        dump(&[]),
    ];
    for payload in &payloads {
        for policy in ["APPEND", "replace", "FLUSH"] {
            for client in [&mut theirs, &mut ours] {
                client.ok("FUNCTION FLUSH");
                for (name, function) in [("old", "o"), ("other", "z")] {
                    assert_eq!(client.cmd(&["FUNCTION", "LOAD", &code(name, function)]), Reply::bulk(name));
                }
            }
            let command = [&b"FUNCTION"[..], b"RESTORE", payload, policy.as_bytes()];
            assert_eq!(ours.cmd(&command), theirs.cmd(&command), "{policy}");
            assert_eq!(codes(&mut ours), codes(&mut theirs), "{policy}");
            for function in ["o", "z", "n", "p", "x"] {
                let call = format!("FCALL {function} 0");
                assert_eq!(ours.line(&call), theirs.line(&call), "{policy}, {call}");
            }
        }
    }
    // A payload with a library that does not load.
    let mut last = payloads[3].clone();
    let at = last.windows(8).position(|bytes| bytes == b"redis.re").expect("it is not compressed");
    last[at] = b'q';
    assert_eq!(
        ours.cmd(&[&b"FUNCTION"[..], b"RESTORE", &last]),
        Reply::error("ERR DUMP payload version or checksum are wrong")
    );
}

/// Whichever thread has brought, replaced or removed a library, all of them know.
#[test]
fn libraries_are_known_to_every_thread() {
    let server = Server::subject(3, &[]);
    let mut clients: Vec<Client> = (0..6).map(|_| server.client()).collect();
    for round in 0..12 {
        let index = round % clients.len();
        loaded(
            &mut clients[index],
            &format!("redis.register_function('f', function(keys) return {{{round}, keys[1]}} end)"),
        );
        for client in &mut clients {
            let reply = client.line("FCALL f 1 key");
            assert_eq!(reply.items(), [Reply::Int(round as i64), Reply::bulk("key")]);
        }
        if round % 3 == 2 {
            clients[index].ok(if round % 2 == 0 { "FUNCTION FLUSH" } else { "FUNCTION DELETE lib" });
            for client in &mut clients {
                assert_eq!(client.line("FCALL f 0"), Reply::error("ERR Function not found"));
            }
        }
    }
}

/// Two libraries that are replaced together by RESTORE while others call them: nobody sees one of them old and one new.
#[test]
fn calls_beside_changes_see_whole_ones() {
    let server = Server::subject(2, &[]);
    let done = AtomicBool::new(false);
    let mut client = server.client();
    let mut payload = |round: usize| {
        for name in ["a", "b"] {
            let code = format!("#!lua name={name}\nredis.register_function('f{name}', function() return {round} end)");
            assert_eq!(client.cmd(&["FUNCTION", "LOAD", "REPLACE", &code]), Reply::bulk(name));
        }
        bytes(client.line("FUNCTION DUMP"))
    };
    let payloads: Vec<Vec<u8>> = (0..10).map(&mut payload).collect();
    assert_eq!(client.cmd(&[&b"FUNCTION"[..], b"RESTORE", &payloads[0], b"FLUSH"]), Reply::ok());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut client = server.client();
                let mut calls = 0;
                while !done.load(Ordering::Acquire) || calls == 0 {
                    let a = client.int("FCALL fa 0");
                    assert!((0..10).contains(&a));
                    calls += 1;
                }
            });
        }
        for round in 0..200 {
            let command = [&b"FUNCTION"[..], b"RESTORE", &payloads[round % 10], b"REPLACE"];
            assert_eq!(client.cmd(&command), Reply::ok());
            let want = Reply::Int((round % 10) as i64);
            assert_eq!(client.pipeline(&["FCALL fa 0", "FCALL FB 0"]), [want.clone(), want]);
        }
        done.store(true, Ordering::Release);
    });
}

/// As with scripts: before the first write a function that reaches further starts over, after it it takes the shard on the
/// way; nothing is done twice.
#[test]
fn a_function_may_stray_after_it_was_learned() {
    let server = Server::subject(4, &[]);
    let mut client = server.client();
    loaded(
        &mut client,
        "redis.register_function('before', function(keys, args)\n\
           local x = redis.call('GET', args[1]) redis.call('INCR', keys[1]) return redis.call('INCR', args[1]) end)\n\
         redis.register_function('after', function(keys, args)\n\
           redis.call('INCR', keys[1]) return redis.call('INCR', args[1]) end)",
    );
    for name in ["before", "after"] {
        for round in 1..=30 {
            let key = format!("{name}:key");
            assert_eq!(client.cmd(&["FCALL", name, "1", &key, &key]), Reply::Int(round * 2), "{name}");
        }
        for round in 1..=50 {
            let (key, other) = (format!("{name}:key"), format!("{name}:other:{round}"));
            assert_eq!(client.cmd(&["FCALL", name, "1", &key, &other]), Reply::Int(1), "{name}");
        }
        assert_eq!(client.line(&format!("GET {name}:key")), Reply::bulk("110"), "{name}: once for each run");
    }
}

const BUSY: &str = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
const BUSY_SCRIPT: &str = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

/// Calls `f` and waits until `GET k` says that it is busy.
fn start_busy(server: &Server) -> Client {
    let mut runner = server.client();
    runner.send(&["FCALL", "F", "1", "k", "argument"]);
    let mut other = server.client();
    wait_until("the function is past its threshold", || other.line("GET k") == Reply::error(BUSY));
    runner
}

#[test]
fn a_runaway_function_is_told_shown_and_killed() {
    for shards in [1, 2] {
        let server = Server::subject(shards, &["--busy-reply-threshold", "50"]);
        let mut old: Vec<Client> = (0..4).map(|_| server.client()).collect();
        for (index, body) in [
            "while true do end",
            "while true do pcall(function() while true do end end) end",
            "while true do redis.call('GET', keys[1]) end",
            "while true do redis.pcall('nosuch') end",
        ]
        .into_iter()
        .enumerate()
        {
            loaded(&mut old[index], &format!("redis.register_function('f', function(keys) {body} end)"));
            let mut runner = start_busy(&server);
            let mut new = server.client();
            for client in old.iter_mut().chain([&mut new]) {
                for line in ["GET k", "SET k v", "PING", "FCALL f 1 k", "EVAL x 0", "FUNCTION LIST", "SHUTDOWN"] {
                    assert_eq!(client.line(line), Reply::error(BUSY), "{body}: {line}");
                }
                assert_eq!(client.line("SCRIPT KILL"), Reply::error(BUSY), "a function is not a script");
            }
            let stats = new.line("FUNCTION STATS");
            let running = stats.items()[1].items();
            let names = [0, 1, 2, 4].map(|at| running[at].text());
            assert_eq!(names, ["name", "f", "command", "duration_ms"]);
            let command: Vec<String> = running[3].items().iter().map(Reply::text).collect();
            assert_eq!(command, ["FCALL", "F", "1", "k", "argument"]);
            assert!((50..3_600_000).contains(&running[5].int()), "{stats}");
            let killer = if index % 2 == 0 { &mut new } else { &mut old[index % 4] };
            killer.ok("FUNCTION KILL");
            let Incoming::Reply(Reply::Error(text)) = runner.next(PATIENCE) else { panic!("it was not killed") };
            let text = String::from_utf8(text).expect("text");
            assert!(text.starts_with("ERR Script killed by user with FUNCTION KILL. script: f, on "), "{text}");
            assert_eq!(runner.line("PING"), Reply::simple("PONG"));
            assert_eq!(new.line("FUNCTION KILL"), Reply::error("NOTBUSY No scripts in execution right now."));
            assert!(new.line("FUNCTION STATS").items()[1].is_null());
            old.iter_mut().for_each(|client| client.ok("SET k 1"));
        }
        // The other way round.
        let mut runner = server.client();
        runner.send(&["EVAL", "while true do end", "1", "k"]);
        wait_until("the script is past its threshold", || old[0].line("GET k") == Reply::error(BUSY_SCRIPT));
        assert_eq!(old[1].line("FUNCTION KILL"), Reply::error(BUSY_SCRIPT));
        assert_eq!(old[2].line("FUNCTION STATS"), Reply::error(BUSY_SCRIPT));
        old[3].ok("SCRIPT KILL");
        assert!(runner.read().is_error());
    }
}

#[test]
fn a_function_that_has_written_cannot_be_killed() {
    let server = Server::subject(1, &["--busy-reply-threshold", "20"]);
    let mut client = server.client();
    loaded(
        &mut client,
        "redis.register_function('f', function(keys) redis.call('SET', keys[1], 1) while true do end end)",
    );
    let _runner = start_busy(&server);
    for line in ["FUNCTION KILL", "SCRIPT KILL"] {
        let reply = client.line(line);
        assert!(matches!(&reply, Reply::Error(text) if text.starts_with(b"UNKILLABLE ")), "{line}: {reply}");
    }
    client.send(&["SHUTDOWN", "NOSAVE"]);
    assert_eq!(client.next(PATIENCE), Incoming::Closed);
}

/// A library that takes its time is stopped, and others are served meanwhile, though all share one thread.
#[test]
fn a_library_that_does_not_end_is_given_up() {
    let server = Server::subject(1, &[]);
    let (mut loader, mut other) = (server.client(), server.client());
    let start = Instant::now();
    loader.send(&["FUNCTION", "LOAD", "#!lua name=lib\nwhile true do end"]);
    let mut pings = 0;
    while loader.next(Duration::from_millis(1)) == Incoming::Nothing {
        assert_eq!(other.line("PING"), Reply::simple("PONG"));
        pings += 1;
        assert!(start.elapsed() < PATIENCE);
    }
    assert!(server.is_reference() || pings > 10, "{pings}");
    assert!(load(&mut other, "while true do end").is_error());
    assert_eq!(
        load(&mut other, "while true do end"),
        Reply::error("ERR Error registering functions: ERR FUNCTION LOAD timeout")
    );
    // What comes after is not stopped.
    loaded(&mut other, "redis.register_function('f', function() for i = 1, 100000 do end return 'done' end)");
    assert_eq!(other.line("FCALL f 0"), Reply::bulk("done"));
    assert_eq!(other.line("FUNCTION LIST").items().len(), 1);
}

/// What a library keeps in its variables stays between calls of one connection.
#[test]
fn a_library_has_variables() {
    let server = Server::subject(2, &[]);
    let mut client = server.client();
    loaded(&mut client, "local n = 0 redis.register_function('f', function() n = n + 1 return n end)");
    for round in 1..=20 {
        assert_eq!(client.line("FCALL f 0"), Reply::Int(round));
    }
    loaded(&mut client, "local n = 0 redis.register_function('f', function() n = n + 1 return n end)");
    assert_eq!(client.line("FCALL f 0"), Reply::Int(1));
}

#[test]
fn info_counts_libraries() {
    let server = Server::subject(2, &[]);
    let mut client = server.client();
    let field = |client: &mut Client, name: &str| {
        let info = client.line("INFO").text();
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {name}")).parse::<i64>().expect("a number")
    };
    assert_eq!((field(&mut client, "number_of_libraries"), field(&mut client, "number_of_functions")), (0, 0));
    let before = (field(&mut client, "used_memory_functions"), field(&mut client, "rdb_changes_since_last_save"));
    loaded(&mut client, "for i = 1, 3 do redis.register_function('f' .. i, function() return i end) end");
    assert_eq!((field(&mut client, "number_of_libraries"), field(&mut client, "number_of_functions")), (1, 3));
    assert!(field(&mut client, "used_memory_functions") > before.0);
    assert!(field(&mut client, "used_memory_vm_functions") > 0);
    assert!(field(&mut client, "used_memory_vm_total") > field(&mut client, "used_memory_vm_functions"));
    client.ok("FUNCTION DELETE lib");
    assert!(load(&mut client, "x()").is_error());
    assert_eq!(field(&mut client, "rdb_changes_since_last_save"), before.1 + 2, "two changes, and one that failed");
    assert_eq!((field(&mut client, "number_of_libraries"), field(&mut client, "number_of_functions")), (0, 0));
}
