//! The table of commands beside that of Redis 8.0, as COMMAND and COMMAND DOCS tell it: the facts must be equal, the words
//! must not be.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use support::commands::{BEYOND, Commands, MISSING, commands, pairs};
use support::{Client, Reply, Server};

/// What documents a command otherwise than Redis 8.0 on purpose.
const DIFFER: &[(&str, &str)] = &[("set", "has IFEQ, which Valkey and later Redis have")];

/// Words that are equal to this part or more are taken over: words that two texts share, of all that either has. Texts
/// about one thing that were written apart share half at the most.
const ALIKE: f64 = 0.6;

/// Shorter texts have no words of their own to choose.
const WORDS_MIN: usize = 4;

fn both() -> (Server, Server) {
    (Server::redis(&[]), Server::curfew(&["--shards", "1"]))
}

#[test]
fn commands_are_missing_or_beyond_for_a_reason() {
    let (redis, curfew) = both();
    let table = |server: &Server| commands(&server.client().hello3().line("COMMAND DOCS"));
    let (theirs, ours) = (table(&redis), table(&curfew));

    let names = |from: &Commands, of: &Commands| -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (name, (_, subs)) in from {
            match of.get(name) {
                None => drop(names.insert(name.clone())),
                Some((_, known)) => names.extend(subs.difference(known).cloned()),
            }
        }
        names
    };
    let listed = |table: &[(&str, &[&str])]| -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for name in table.iter().flat_map(|(_, names)| names.iter()) {
            match name.strip_prefix("group ") {
                Some(group) => {
                    all.extend(theirs.iter().filter(|(_, (of, _))| of == group).map(|(name, _)| name.clone()))
                }
                None => drop(all.insert((*name).to_owned())),
            }
        }
        all
    };
    assert_eq!(names(&theirs, &ours), listed(MISSING), "missing here, and what MISSING has");
    assert_eq!(names(&ours, &theirs), listed(BEYOND), "not in Redis 8.0, and what BEYOND has");
}

#[test]
fn facts_are_those_of_redis() {
    let (redis, curfew) = both();
    for (question, facts, except) in [("COMMAND", info as fn(&Reply) -> Facts, &[][..]), ("COMMAND DOCS", docs, DIFFER)]
    {
        let ask = |server: &Server| facts(&server.client().hello3().line(question));
        let (theirs, ours) = (ask(&redis), ask(&curfew));
        let common: Vec<_> = ours.iter().filter_map(|(name, fact)| Some((name, fact, theirs.get(name)?))).collect();
        assert!(common.len() > 300, "{question}: only {} commands and subcommands are in both", common.len());
        for (name, ours, theirs) in common {
            match except.iter().find(|(other, _)| other == name) {
                None => assert_eq!(ours, theirs, "{question}: {name}"),
                Some((_, reason)) => assert_ne!(ours, theirs, "{question}: {name} is equal now, but {reason}"),
            }
        }
    }
}

#[test]
fn words_are_our_own() {
    let (redis, curfew) = both();
    let (theirs, ours) = (texts(&redis), texts(&curfew));
    assert!(ours.len() > 400 && theirs.len() > 500, "{} and {} texts", ours.len(), theirs.len());
    let theirs: Vec<(BTreeSet<String>, String)> = theirs.into_iter().map(|text| (words(&text), text)).collect();
    let mut alike = Vec::new();
    for text in ours {
        let own = words(&text);
        let taken = theirs.iter().filter(|(other, _)| are_alike(&own, other));
        alike.extend(taken.map(|(_, other)| format!("ours: {text}\n   Redis's: {other}")));
    }
    assert!(alike.is_empty(), "say it in other words:\n{}", alike.join("\n"));
}

/// That the test above finds what it looks for.
#[test]
fn words_that_are_taken_over_are_found() {
    let text = words("Returns the length of a list.");
    for (other, expected) in [
        ("returns the length, of a LIST", true),
        ("Return the length of the list.", true),
        ("Returns the exact length of a list, if any.", true),
        ("Tells how many elements a list has.", false),
        ("Returns the list.", false),
    ] {
        assert_eq!(are_alike(&text, &words(other)), expected, "{other}");
    }
    assert!(words("O(log(N)+M) `WITHSCORES` [O(1)]").is_empty());
}

fn are_alike(one: &BTreeSet<String>, other: &BTreeSet<String>) -> bool {
    let shared = one.intersection(other).count();
    let all = one.len() + other.len() - shared;
    one.len().min(other.len()) >= WORDS_MIN && shared as f64 / all as f64 >= ALIKE
}

/// By name, subcommands too: what a client goes by.
type Facts = BTreeMap<String, Vec<Reply>>;

/// Of COMMAND: all but the subcommands and the notes of key specs.
fn info(reply: &Reply) -> Facts {
    fn add(command: &Reply, facts: &mut Facts) {
        let parts = command.items();
        facts.insert(parts[0].text(), parts[1..9].iter().map(|part| without(part, &["notes"])).collect());
        parts[9].items().iter().for_each(|sub| add(sub, facts));
    }
    let mut facts = Facts::new();
    reply.items().iter().for_each(|command| add(command, &mut facts));
    facts
}

/// Of COMMAND DOCS: all but the sentences and the subcommands. Of a history the versions count, and that something takes
/// the place of what is deprecated.
fn docs(reply: &Reply) -> Facts {
    fn add(map: &Reply, facts: &mut Facts) {
        for (name, docs) in pairs(map) {
            let mut own = Vec::new();
            for (field, value) in pairs(docs) {
                let fact = match field.as_str() {
                    "summary" | "complexity" => continue,
                    "subcommands" => {
                        add(value, facts);
                        continue;
                    }
                    "history" => Reply::Array(value.items().iter().map(|change| change.items()[0].clone()).collect()),
                    "replaced_by" => Reply::Null,
                    _ => without(value, &["summary"]),
                };
                own.extend([Reply::bulk(&field), fact]);
            }
            facts.insert(name, own);
        }
    }
    let mut facts = Facts::new();
    add(reply, &mut facts);
    facts
}

/// The same reply, at every depth without the fields of these names.
fn without(reply: &Reply, names: &[&str]) -> Reply {
    let all = |items: &[Reply]| items.iter().map(|item| without(item, names)).collect();
    match reply {
        Reply::Map(pairs) => {
            let pairs = pairs.iter().filter(|(name, _)| !names.contains(&name.text().as_str()));
            Reply::Map(pairs.map(|(name, value)| (name.clone(), without(value, names))).collect())
        }
        Reply::Array(items) => Reply::Array(all(items)),
        Reply::Set(items) => Reply::Set(all(items)),
        other => other.clone(),
    }
}

/// Everything that a server says about its commands in sentences: in COMMAND DOCS, the notes of COMMAND, HELP.
fn texts(server: &Server) -> BTreeSet<String> {
    let mut client = server.client().hello3();
    let mut texts = BTreeSet::new();
    let (info, docs) = (client.line("COMMAND"), client.line("COMMAND DOCS"));
    for reply in [&info, &docs] {
        sentences(reply, &mut texts);
    }
    let mut containers: Vec<String> = pairs(&docs)
        .into_iter()
        .filter(|(_, docs)| pairs(docs).iter().any(|(field, _)| field == "subcommands"))
        .map(|(name, _)| name)
        .collect();
    assert!(containers.len() > 10, "{containers:?}");
    containers.push("debug".to_owned());
    containers.iter().for_each(|container| help(&mut client, container, &mut texts));
    texts
}

fn sentences(reply: &Reply, texts: &mut BTreeSet<String>) {
    match reply {
        Reply::Map(pairs) => {
            for (name, value) in pairs {
                match name.text().as_str() {
                    "summary" | "complexity" | "replaced_by" | "notes" => drop(texts.insert(value.text())),
                    "history" => texts.extend(value.items().iter().map(|change| change.items()[1].text())),
                    _ => sentences(value, texts),
                }
            }
        }
        Reply::Array(items) | Reply::Set(items) => items.iter().for_each(|item| sentences(item, texts)),
        _ => {}
    }
}

/// The explanations in HELP, which are indented: each line, and lines that follow each other as one text.
fn help(client: &mut Client, container: &str, texts: &mut BTreeSet<String>) {
    let reply = client.cmd(&[container, "HELP"]);
    // Not all containers have it (CURFEW.EVENTS has).
    if reply.is_error() {
        return;
    }
    let mut paragraph = String::new();
    for line in reply.items().iter().map(Reply::text) {
        match line.strip_prefix("    ") {
            Some(text) => {
                texts.insert(text.to_owned());
                paragraph = format!("{paragraph} {text}");
            }
            None => drop(texts.insert(std::mem::take(&mut paragraph))),
        }
    }
    texts.insert(paragraph);
}

/// The words of a text in lower case and in the singular, without code (`like this`) and without O(log(N)).
fn words(text: &str) -> BTreeSet<String> {
    let prose: String = text.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let (mut plain, mut depth) = (String::new(), 0);
    let mut rest = prose.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            'O' if depth == 0 && rest.peek() == Some(&'(') => {
                rest.next();
                depth = 1;
            }
            '(' if depth > 0 => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            _ => plain.push(c.to_ascii_lowercase()),
        }
    }
    let words = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word.strip_suffix('s').unwrap_or(word).to_owned()).collect()
}
