//! Triggers: library functions that run when keys change, in the unit that changes them (`docs/triggers.md`).

mod support;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use support::{Client, Reply, Server, wait_until};

/// Loads the library `name` of this code.
#[track_caller]
fn load(client: &mut Client, name: &str, code: &str) {
    let reply = client.cmd(&["FUNCTION", "LOAD", "REPLACE", &format!("#!lua name={name}\n{code}")]);
    assert_eq!(reply, Reply::bulk(name), "{code}");
}

/// The error that loading this code gives, without what is the same in all.
#[track_caller]
fn refused(client: &mut Client, code: &str) -> String {
    let reply = client.cmd(&["FUNCTION", "LOAD", &format!("#!lua name=bad\n{code}")]);
    assert!(reply.is_error(), "{code} answered {reply}");
    let text = reply.text();
    let text = text.split(" script: ").next().expect("a first part");
    text.trim_start_matches("ERR Error registering functions: ").trim_start_matches("ERR ").to_string()
}

fn texts(reply: &Reply) -> Vec<String> {
    reply.items().iter().map(Reply::text).collect()
}

/// A number of FUNCTION STATS about a trigger.
fn stat(client: &mut Client, trigger: &str, name: &str) -> Reply {
    let pairs = |reply: &Reply| -> Vec<(String, Reply)> {
        reply.items().chunks(2).map(|pair| (pair[0].text(), pair[1].clone())).collect()
    };
    let find = |reply: &Reply, name: &str| {
        let found = pairs(reply).into_iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no {name} in {reply}")).1
    };
    let reply = client.line("FUNCTION STATS");
    find(&find(&find(&reply, "triggers"), trigger), name)
}

fn info(client: &mut Client, name: &str) -> i64 {
    let text = client.line("INFO everything").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name} in INFO"))
}

/// What is told, line by line, to a list.
const TELL: &str = "
local function tell(e)
    local v = e.value
    if type(v) == 'table' then
        local parts = {}
        for k, x in pairs(v) do parts[#parts + 1] = tostring(k) .. '=' .. tostring(x) end
        table.sort(parts)
        v = table.concat(parts, ',')
    end
    local late = e.deadline and (e.lag >= 1 and e.lag < 60000 and 'late') or ''
    redis.call('RPUSH', 'told', e.event .. ' ' .. e.db .. ' ' .. e.key .. ' ' .. tostring(v) .. ' ' .. late)
end
redis.register_trigger{name='tell', events={'expired', 'del', 'set'}, pattern='t:*', callback=tell}
";

#[test]
fn a_trigger_is_told_what_happened() {
    for shards in [1, 3] {
        let server = Server::subject(shards, &[]);
        let mut client = server.client();
        load(&mut client, "l", TELL);
        client.ok("SET t:a 1");
        client.ok("SET other 1");
        client.line("RPUSH t:l x y");
        client.line("HSET t:h f v g w");
        client.line("ZADD t:z 1.5 m");
        client.line("SADD t:set only");
        client.line("XADD t:x * f v");
        client.line("DEL t:a t:l t:h t:z t:set t:x other t:none");
        let told = texts(&client.line("LRANGE told 0 -1"));
        let expected =
            ["set 0 t:a nil ", "del 0 t:a 1 ", "del 0 t:l 1=x,2=y ", "del 0 t:h f=v,g=w ", "del 0 t:z m=1.5 "];
        assert_eq!(told[..5], expected);
        assert_eq!(told[5..], ["del 0 t:set 1=only ", "del 0 t:x nil "]);
        // In the event's database.
        client.ok("SELECT 3");
        client.ok("SET t:b v PX 1");
        wait_until("the key to expire", || client.int("EXISTS t:b") == 0);
        wait_until("the trigger to run", || client.int("LLEN told") == 2);
        assert_eq!(texts(&client.line("LRANGE told 0 -1")), ["set 3 t:b nil ", "expired 3 t:b v late"]);
    }
}

/// The use case: when a game expires it goes from each player's list, in the same unit.
#[test]
fn an_expired_game_leaves_its_players_lists_in_the_same_unit() {
    let server = Server::curfew(&["--shards", "3"]);
    let mut client = server.client();
    load(
        &mut client,
        "games",
        "redis.register_trigger{name='leave', events='expired', pattern='game:*', callback=function(e)
            for _, player in ipairs(e.value) do redis.call('LREM', 'player:' .. player .. ':games', 0, e.key) end
        end}",
    );
    let players: Vec<String> = (0..12).map(|player| player.to_string()).collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Whoever looks sees a game and its place in the lists, or neither.
        let watcher = scope.spawn(|| {
            let mut client = server.client();
            let mut seen = 0;
            let keys = |player| format!("player:{player}:games");
            while !stop.load(Ordering::Relaxed) {
                client.ok("MULTI");
                let games: Vec<String> = (0..40).map(|game| format!("EXISTS game:{game}")).collect();
                games.iter().for_each(|line| drop(client.line(line)));
                players.iter().for_each(|player| drop(client.line(&format!("LRANGE {} 0 -1", keys(player)))));
                let reply = client.line("EXEC");
                let (exist, lists) = reply.items().split_at(40);
                let listed: HashSet<String> = lists.iter().flat_map(texts).collect();
                for (game, exists) in exist.iter().enumerate() {
                    let is_listed = listed.contains(&format!("game:{game}"));
                    assert_eq!(exists.int() == 1, is_listed, "game {game} stands in one place alone");
                    seen += usize::from(is_listed);
                }
            }
            seen
        });
        for game in 0..40 {
            client.ok("MULTI");
            let members = (0..3).map(|turn| &*players[(game * 5 + turn * 4) % 12]).collect::<Vec<_>>();
            client.line(&format!("RPUSH game:{game} {}", members.join(" ")));
            client.line(&format!("PEXPIRE game:{game} {}", 30 + game % 7));
            members.iter().for_each(|player| drop(client.line(&format!("RPUSH player:{player}:games game:{game}"))));
            client.line("EXEC");
        }
        wait_until("all games to end", || (0..40).all(|game| client.int(&format!("EXISTS game:{game}")) == 0));
        wait_until("all triggers to run", || stat(&mut client, "leave", "runs").int() == 40);
        stop.store(true, Ordering::Relaxed);
        assert!(watcher.join().expect("the watcher") > 0, "games were seen");
    });
    players.iter().for_each(|player| assert_eq!(client.int(&format!("EXISTS player:{player}:games")), 0));
    assert_eq!(stat(&mut client, "leave", "failures").int(), 0, "{}", stat(&mut client, "leave", "last_error"));
}

#[test]
fn the_change_and_what_its_trigger_did_are_seen_together() {
    for shards in [1, 4] {
        let server = Server::subject(shards, &[]);
        let mut client = server.client();
        load(
            &mut client,
            "copy",
            "redis.register_trigger{name='copy', events='set', pattern='from:*', callback=function(e)
                redis.call('SET', 'to:' .. e.key, redis.call('GET', e.key))
            end}",
        );
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let mut client = server.client();
                        let mut looks = 0;
                        while !stop.load(Ordering::Relaxed) {
                            for key in 0..8 {
                                let pair = client.line(&format!("MGET from:{key} to:from:{key}"));
                                assert_eq!(pair.items()[0], pair.items()[1], "the trigger belongs to the change");
                                looks += 1;
                            }
                        }
                        looks
                    })
                })
                .collect();
            let writers: Vec<_> = (0..2)
                .map(|writer| {
                    let server = &server;
                    scope.spawn(move || {
                        let mut client = server.client();
                        for turn in 0..200 {
                            let lines: Vec<String> =
                                (0..8).map(|key| format!("SET from:{key} {writer}-{turn}")).collect();
                            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                            assert!(client.pipeline(&lines).iter().all(|reply| *reply == Reply::ok()));
                            // The next command of the same client sees it too.
                            let pair = client.line("MGET from:3 to:from:3");
                            assert_eq!(pair.items()[0], pair.items()[1]);
                        }
                    })
                })
                .collect();
            writers.into_iter().for_each(|writer| writer.join().expect("a writer"));
            stop.store(true, Ordering::Relaxed);
            assert!(readers.into_iter().map(|reader| reader.join().expect("a reader")).sum::<u64>() > 0);
        });
        assert_eq!(stat(&mut client, "copy", "runs").int(), 2 * 200 * 8);
        assert_eq!(stat(&mut client, "copy", "failures").int(), 0);
    }
}

#[test]
fn a_failing_trigger_loses_nothing_and_is_counted() {
    let server = Server::curfew(&["--shards", "2"]);
    let mut client = server.client();
    load(
        &mut client,
        "l",
        "redis.register_trigger{name='boom', events='set', pattern='boom*', callback=function(e)
            redis.call('INCR', 'before'); error('ouch ' .. e.key)
        end}
        redis.register_trigger{name='says', events='set', pattern='says', callback=function(e)
            return redis.error_reply('NOPE as said')
        end}
        redis.register_trigger{name='reads', events='set', pattern='reads', flags={'no-writes'}, callback=function(e)
            redis.call('SET', 'x', 'y')
        end}
        redis.register_trigger{name='well', events='set', pattern='*', callback=function(e) end}",
    );
    client.ok("SET boom v");
    client.ok("SET says v");
    client.ok("SET reads v");
    assert_eq!(texts(&client.line("MGET boom says reads before")), ["v", "v", "v", "1"]);
    assert!(client.line("GET x").is_null());
    assert_eq!(stat(&mut client, "boom", "failures").int(), 1);
    let error = stat(&mut client, "boom", "last_error").text();
    assert!(error.contains("ouch boom") && error.contains("script: boom"), "{error}");
    assert_eq!(stat(&mut client, "says", "last_error").text(), "NOPE as said");
    let error = stat(&mut client, "reads", "last_error").text();
    assert!(error.starts_with("ERR Write commands are not allowed from read-only scripts."), "{error}");
    let (runs, failures) = (stat(&mut client, "well", "runs").int(), stat(&mut client, "well", "failures").int());
    // `before` is made by INCR.
    assert_eq!((runs, failures), (3, 0));
    assert_eq!((info(&mut client, "triggers"), info(&mut client, "triggers_run")), (4, 6));
    assert_eq!(info(&mut client, "triggers_failed"), 3);
    assert!(server.log().contains("a trigger failed"), "it is logged");
    assert_eq!(stat(&mut client, "boom", "library").text(), "l");
    assert!(stat(&mut client, "well", "last_error").is_null());
}

#[test]
fn triggers_upon_triggers_end() {
    let server = Server::curfew(&["--shards", "2"]);
    let mut client = server.client();
    load(
        &mut client,
        "l",
        "redis.register_trigger{name='chain', events='set', pattern='c*', callback=function(e)
            redis.call('SET', e.key .. '+', 'v')
        end}",
    );
    client.ok("SET c v");
    let mut keys = texts(&client.line("KEYS *"));
    keys.sort();
    assert_eq!(keys, ["c", "c+", "c++", "c+++", "c++++"]);
    wait_until("the figures", || info(&mut client, "triggers_stopped") == 1);
}

#[test]
fn in_transactions_and_scripts_they_run_at_the_end() {
    for shards in [1, 3] {
        let server = Server::subject(shards, &[]);
        let mut client = server.client();
        load(
            &mut client,
            "l",
            "redis.register_trigger{name='count', events='set', pattern='k*', callback=function(e)
                redis.call('RPUSH', 'log', e.key .. '=' .. redis.call('GET', e.key))
            end}",
        );
        client.ok("MULTI");
        for line in ["SET k1 a", "LLEN log", "SET k2 b", "SET k1 c"] {
            client.line(line);
        }
        let reply = client.line("EXEC");
        assert_eq!(reply.items()[1].int(), 0, "not between the commands of one unit");
        assert_eq!(texts(&client.line("LRANGE log 0 -1")), ["k1=c", "k2=b", "k1=c"]);
        client.line("DEL log");
        let script = "redis.call('SET', 'k3', 'x'); return redis.call('LLEN', 'log')";
        assert_eq!(client.cmd(&["EVAL", script, "0"]).int(), 0);
        assert_eq!(texts(&client.line("LRANGE log 0 -1")), ["k3=x"]);
    }
}

#[test]
fn who_waits_is_served_by_what_a_trigger_pushes() {
    let server = Server::curfew(&["--shards", "2"]);
    let mut client = server.client();
    load(
        &mut client,
        "l",
        "redis.register_trigger{name='push', events='expired', callback=function(e)
            redis.call('RPUSH', 'gone', e.key)
        end}
        redis.register_trigger{name='popped', events='lpop', callback=function(e) redis.call('INCR', 'pops') end}",
    );
    let mut waiting = server.client();
    for turn in 1..=20 {
        waiting.send(&["BLPOP", "gone", "30"]);
        client.ok(&format!("SET key{turn} v PX 5"));
        assert_eq!(texts(&waiting.read()), ["gone".to_string(), format!("key{turn}")]);
        // The trigger of what the waiting client took is part of that.
        assert_eq!(client.line("GET pops").text(), turn.to_string());
    }
}

#[test]
fn evicted_keys_have_triggers() {
    let server = Server::curfew(&["--shards", "2", "--maxmemory-policy", "allkeys-random"]);
    let mut client = server.client();
    load(
        &mut client,
        "l",
        "redis.register_trigger{name='out', events='evicted', flags={'allow-oom'}, callback=function(e)
            redis.call('INCR', 'evictions')
            assert(#e.value == 1000)
        end}",
    );
    let value = "x".repeat(1000);
    for key in 0..2_000 {
        client.cmd(&["SET", &format!("key:{key}"), &value]);
    }
    let used = info(&mut client, "used_memory");
    client.ok(&format!("CONFIG SET maxmemory {}", used - 400_000));
    wait_until("evictions", || info(&mut client, "evicted_keys") > 100);
    client.ok("CONFIG SET maxmemory 0");
    let mut runs = 0;
    wait_until("all triggers to have run", || {
        runs = stat(&mut client, "out", "runs").int();
        runs == info(&mut client, "evicted_keys")
    });
    assert!(runs > 100);
}

#[test]
fn a_runaway_trigger_blocks_nobody_else_and_can_be_killed() {
    for (name, fire) in [("set", "SET stuck v"), ("expired", "SET stuck v PX 1")] {
        let server = Server::curfew(&["--shards", "1", "--busy-reply-threshold", "50"]);
        let mut client = server.client();
        load(
            &mut client,
            "l",
            &format!(
                "redis.register_trigger{{name='loop', events='{name}', callback=function(e) while true do end end}}"
            ),
        );
        let mut other = server.client();
        client.send(&support::words(fire));
        wait_until("the server to be busy", || other.line("GET x").is_error());
        let stats = other.line("FUNCTION STATS");
        assert_eq!(stats.items()[1].items()[1].text(), "loop", "{stats}");
        assert_eq!(other.line("PING").text().split(' ').next(), Some("BUSY"));
        assert_eq!(other.line("FUNCTION KILL"), Reply::ok());
        assert_eq!(client.read(), Reply::ok(), "the change stands");
        wait_until("the server to answer", || !other.line("GET x").is_error());
        wait_until("the failure to be counted", || stat(&mut other, "loop", "failures").int() == 1);
        let error = stat(&mut other, "loop", "last_error").text();
        assert!(error.starts_with("ERR Script killed by user with FUNCTION KILL."), "{error}");
    }
}

#[test]
fn libraries_come_and_go() {
    let server = Server::curfew(&["--shards", "2"]);
    let mut client = server.client();
    let code = |word: &str| {
        format!(
            "redis.register_trigger{{name='t', description='d', events='set', pattern='k', callback=function(e)
                redis.call('APPEND', 'log', '{word}')
            end}}
            redis.register_function('f', function() return 1 end)"
        )
    };
    load(&mut client, "l", &code("a"));
    client.ok("SET k v");
    load(&mut client, "l", &code("b"));
    client.ok("SET k v");
    let dump = match client.line("FUNCTION DUMP") {
        Reply::Bulk(bytes) => bytes,
        other => panic!("{other}"),
    };
    // A trigger is no function that clients call, but has a name among theirs.
    assert!(client.line("FCALL t 0").text().starts_with("ERR Function not found"));
    assert_eq!(client.int("FCALL f 0"), 1);
    let list = client.line("FUNCTION LIST");
    let shown = format!("{list}");
    assert!(shown.contains("triggers") && shown.contains("pattern"), "{shown}");
    let twice = "redis.register_trigger{name='T', events='set', callback=function() end}";
    let reply = client.cmd(&["FUNCTION", "LOAD", &format!("#!lua name=other\n{twice}")]);
    assert_eq!(reply.text(), "ERR Function T already exists");
    client.ok("FUNCTION DELETE l");
    client.ok("SET k v");
    assert_eq!(client.line("GET log").text(), "ab");
    let stats = format!("{}", client.line("FUNCTION STATS"));
    assert!(!stats.contains("triggers"), "as in Redis without triggers: {stats}");
    assert_eq!(client.cmd(&[b"FUNCTION".as_slice(), b"RESTORE", &dump]), Reply::ok());
    client.ok("SET k v");
    assert_eq!(client.line("GET log").text(), "abb");
    client.ok("FUNCTION FLUSH");
    client.ok("SET k v");
    assert_eq!(client.line("GET log").text(), "abb");
}

#[test]
fn what_is_wrong_with_a_registration_is_said() {
    let server = Server::curfew(&["--shards", "1"]);
    let mut client = server.client();
    let f = "callback=function() end";
    let cases = [
        ("redis.register_trigger()", "wrong number of arguments to redis.register_trigger"),
        ("redis.register_trigger('a', 'b')", "wrong number of arguments to redis.register_trigger"),
        ("redis.register_trigger('a')", "redis.register_trigger takes a Lua table (representing named arguments)."),
        ("redis.register_trigger{}", "redis.register_trigger must get a name argument"),
        ("redis.register_trigger{name='a'}", "redis.register_trigger must get an events argument"),
        ("redis.register_trigger{name='a', events='set'}", "redis.register_trigger must get a callback argument"),
        (
            "redis.register_trigger{name='a', events='set', callback=1}",
            "callback argument given to redis.register_trigger must be a function",
        ),
        ("redis.register_trigger{name='a', events='sett', F}", "unknown event given to redis.register_trigger"),
        ("redis.register_trigger{name='a', events={'set', 'x'}, F}", "unknown event given to redis.register_trigger"),
        (
            "redis.register_trigger{name='a', events={}, F}",
            "events argument given to redis.register_trigger must be a string or a list of strings",
        ),
        (
            "redis.register_trigger{name='a', events=7, F}",
            "events argument given to redis.register_trigger must be a string or a list of strings",
        ),
        (
            "redis.register_trigger{name=1, events='set', F}",
            "name argument given to redis.register_trigger must be a string",
        ),
        (
            "redis.register_trigger{name='a', pattern={}, events='set', F}",
            "pattern argument given to redis.register_trigger must be a string",
        ),
        ("redis.register_trigger{name='a', events='set', flags={'fast'}, F}", "unknown flag given"),
        (
            "redis.register_trigger{name='a', events='set', when='now', F}",
            "unknown argument given to redis.register_trigger",
        ),
        (
            "redis.register_trigger{name='a b', events='set', F}",
            "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
        ),
        (
            "redis.register_function('a', function() end) redis.register_trigger{name='A', events='set', F}",
            "Function already exists in the library",
        ),
    ];
    for (code, expected) in cases {
        assert_eq!(refused(&mut client, &code.replace(", F}", &format!(", {f}}}"))), expected, "{code}");
    }
    assert_eq!(client.line("FUNCTION LIST").items().len(), 0, "nothing of it stays");
    // A call at run time is none.
    load(&mut client, "l", "redis.register_function('f', function() redis.register_trigger{} end)");
    assert!(client.line("FCALL f 0").is_error());
}
