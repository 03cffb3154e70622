//! What each command may do where: in scripts that only read, in MULTI, on a connection that is subscribed, before AUTH. Every command and subcommand
//! is tried in every place, on Curfew and on Redis 8.0 beside it, and must be let through or refused alike, with the same words.

mod support;

use support::{Client, Reply, Server};

/// How refusals begin that depend on the place. Whatever else a command answers has nothing to do with it: the arguments are made up.
const REFUSALS: &[&str] = &[
    "NOAUTH",
    "ERR Write commands are not allowed from read-only scripts",
    "ERR This Redis command is not allowed from script",
    "ERR Can not execute a script with write flag using *_ro command",
    "ERR Command not allowed inside a transaction",
    "ERR MULTI calls can not be nested",
    "ERR WATCH inside MULTI is not allowed",
    "ERR Can't execute",
];

/// Subcommands of MODULE that Redis refuses, by `enable-module-command no`, before it looks at where they stand. Here they are commands
/// like others.
const REFUSED_ANYWHERE: [&str; 3] = ["load", "loadex", "unload"];

/// What a place makes of a command.
fn verdict(reply: &Reply) -> String {
    match reply {
        Reply::Simple(text) if &text[..] == b"QUEUED" => "queued".into(),
        Reply::Error(text) => {
            let text = String::from_utf8_lossy(text).into_owned();
            if REFUSALS.iter().any(|refusal| text.starts_with(refusal)) { text } else { "let through".into() }
        }
        _ => "let through".into(),
    }
}

/// All commands and subcommands of a server, each with as many made-up arguments as it takes at least.
fn commands(client: &mut Client) -> Vec<Vec<String>> {
    let Reply::Array(names) = client.cmd(&["COMMAND", "LIST"]) else { panic!("COMMAND LIST answers an array") };
    let mut all: Vec<Vec<String>> = Vec::new();
    for name in &names {
        let name = name.text();
        let Reply::Array(info) = client.cmd(&["COMMAND", "INFO", &name]) else {
            panic!("COMMAND INFO answers an array")
        };
        let Reply::Array(facts) = &info[0] else { continue };
        let Reply::Int(arity) = facts[1] else { panic!("the arity of {name} is a number") };
        let mut words: Vec<String> = name.split('|').map(str::to_owned).collect();
        words.resize(words.len().max(arity.unsigned_abs() as usize), "1".to_owned());
        all.push(words);
    }
    all.sort();
    all
}

/// Tries the commands that both servers have in a place, and compares. `arrive` makes a connection that is there; `go` tries a command.
fn compare(
    options: &[&str],
    arrive: impl Fn(&Server) -> Client,
    go: impl Fn(&mut Client, &[String]) -> Reply,
    skip: &[&str],
) -> usize {
    let servers = [Server::subject(2, options), Server::redis(options)];
    let password = options.iter().position(|option| *option == "--requirepass").map(|at| options[at + 1]);
    let [ours, theirs] = servers.each_ref().map(|server| {
        let mut client = server.client();
        if let Some(password) = password {
            client.ok(&format!("AUTH {password}"));
        }
        commands(&mut client)
    });
    let mut wrong = Vec::new();
    let mut tried = 0;
    for words in ours.iter().filter(|words| theirs.contains(words)) {
        let is_refused_anywhere = words[0] == "module" && REFUSED_ANYWHERE.contains(&&*words[1]);
        if is_refused_anywhere || skip.contains(&&*words[0]) {
            continue;
        }
        let [one, other] = servers.each_ref().map(|server| verdict(&go(&mut arrive(server), words)));
        tried += 1;
        if one != other {
            wrong.push(format!("{}: {one}; Redis: {other}", words.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {tried} commands:\n{}", wrong.len(), wrong.join("\n"));
    tried
}

/// Runs a command in a script whose text begins with `head`, by `eval`.
fn in_script(client: &mut Client, eval: &str, head: &str, words: &[String]) -> Reply {
    let script = format!("{head}return redis.pcall(unpack(ARGV))");
    let mut args = vec![eval.to_owned(), script, "0".to_owned()];
    args.extend_from_slice(words);
    client.cmd(&args)
}

#[test]
fn scripts_that_only_read() {
    let tried = compare(&[], Server::client, |client, words| in_script(client, "EVAL_RO", "", words), &[]);
    assert!(tried > 200, "{tried} commands");
}

#[test]
fn scripts_with_the_flag_no_writes() {
    compare(&[], Server::client, |client, words| in_script(client, "EVAL", "#!lua flags=no-writes\n", words), &[]);
}

#[test]
fn scripts_of_any_kind() {
    compare(&[], Server::client, |client, words| in_script(client, "EVAL", "", words), &[]);
}

#[test]
fn functions_that_only_read() {
    let load = "#!lua name=l\nredis.register_function{function_name='f', flags={'no-writes'}, \
                callback=function(_, args) return redis.pcall(unpack(args)) end}";
    let go = |client: &mut Client, words: &[String]| {
        client.cmd(&["FUNCTION", "LOAD", "REPLACE", load]);
        let mut args = vec!["FCALL_RO".to_owned(), "f".to_owned(), "0".to_owned()];
        args.extend_from_slice(words);
        client.cmd(&args)
    };
    compare(&[], Server::client, go, &[]);
}

#[test]
fn transactions() {
    let arrive = |server: &Server| {
        let mut client = server.client();
        client.ok("MULTI");
        client
    };
    compare(&[], arrive, |client, words| client.cmd(words), &[]);
}

#[test]
fn connections_that_are_subscribed() {
    let arrive = |server: &Server| {
        let mut client = server.client();
        client.line("SUBSCRIBE c");
        client
    };
    compare(&[], arrive, |client, words| client.cmd(words), &[]);
}

#[test]
fn connections_before_auth() {
    // QUIT and the like are let through; nothing else can be done, so nothing can go wrong here.
    compare(&["--requirepass", "secret"], Server::client, |client, words| client.cmd(words), &[]);
}
