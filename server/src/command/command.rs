//! COMMAND: what the server tells about its commands, all of it derived from their rows.
//!
//! The shape of each reply is that of Redis 8.0; `server/tests/command_table.rs` compares the facts in them. Redis lists
//! commands in the order of a hash table, which differs from run to run; Curfew lists them by name.

use crate::command::help::help;
use crate::exec::handler::{ServerHandler, ServerRow};
use crate::request::table::table;
use curfew_protocol::spec::*;
use curfew_protocol::syntax::{self, Arg};
use curfew_protocol::{Args, Error, Reply, args::is, glob};

const fn row(name: &'static str, arity: i16, since: &'static str) -> Spec {
    Spec::new(name, arity, Group::Server, since).flags(LOADING | STALE).acl(acl::CONNECTION)
}

/// All commands, sorted out for COMMAND once.
fn catalog() -> &'static Catalog {
    static CATALOG: std::sync::LazyLock<Catalog> =
        std::sync::LazyLock::new(|| Catalog::new(table().all.iter().map(|command| command.spec)));
    &CATALOG
}

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        row("command", -1, "2.8.13")
            .container()
            .doc("O(n), n = commands", "Describes all commands, as COMMAND INFO does.", "")
            .tips(&["nondeterministic_output_order"]),
        ServerHandler::Inline(|ctx, args| all(catalog(), args, ctx.out)),
    ),
    ServerRow::new(
        row("command|count", 2, "2.8.13").doc("O(1)", "Tells how many commands there are.", ""),
        ServerHandler::Inline(|ctx, args| count(catalog(), args, ctx.out)),
    ),
    ServerRow::new(
        row("command|docs", -2, "7.0.0")
            .doc(
                "O(n), n = commands asked for",
                "Documents commands: what they do, their arguments, since when.",
                "[command-name...]",
            )
            .tips(&["nondeterministic_output_order"]),
        ServerHandler::Inline(|ctx, args| docs(catalog(), args, ctx.out)),
    ),
    ServerRow::new(
        row("command|getkeys", -3, "2.8.13").doc(
            "O(n), n = arguments",
            "Picks the keys out of the words of a command.",
            "command [arg...]",
        ),
        ServerHandler::Inline(|ctx, args| getkeys(catalog(), args, ctx.out)),
    ),
    ServerRow::new(
        row("command|getkeysandflags", -3, "7.0.0").doc(
            "O(n), n = arguments",
            "Picks the keys out of the words of a command, and tells what it does with each.",
            "command [arg...]",
        ),
        ServerHandler::Inline(|ctx, args| getkeysandflags(catalog(), args, ctx.out)),
    ),
    ServerRow::new(
        row("command|help", 2, "5.0.0").doc("O(1)", "Lists the subcommands, with a sentence on each.", ""),
        ServerHandler::Inline(help),
    ),
    ServerRow::new(
        row("command|info", -2, "2.8.13")
            .doc(
                "O(n), n = commands asked for",
                "Tells the facts of commands: arity, flags, keys, categories, tips.",
                "[command-name...]",
            )
            .history(&[("7.0.0", "Without names it tells of all commands.")])
            .tips(&["nondeterministic_output_order"]),
        ServerHandler::Inline(|ctx, args| info(catalog(), args, ctx.out)),
    ),
    ServerRow::new(
        row("command|list", -2, "7.0.0")
            .doc(
                "O(n), n = commands",
                "Names all commands, or those of a category or a pattern.",
                "[FILTERBY filterby<MODULE module-name|ACLCAT category|PATTERN pattern>]",
            )
            .tips(&["nondeterministic_output_order"]),
        ServerHandler::Inline(|ctx, args| list(catalog(), args, ctx.out)),
    ),
];

/// All rows in the order of their names, so that a container's subcommands follow it.
#[derive(Debug, Default)]
pub struct Catalog {
    /// Commands that are not subcommands, by name.
    commands: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    spec: &'static Spec,
    /// By name.
    subcommands: Vec<&'static Spec>,
}

impl Catalog {
    /// Sorts the rows of all families. Made once, when the server starts. A subcommand whose container has no row is left
    /// out; a test of the rows says so.
    pub fn new(specs: impl IntoIterator<Item = &'static Spec>) -> Self {
        let (mut subs, mut commands) = (Vec::new(), Vec::new());
        for spec in specs {
            match spec.sub_name() {
                Some(_) => subs.push(spec),
                None => commands.push(Entry { spec, subcommands: Vec::new() }),
            }
        }
        commands.sort_by_key(|entry| entry.spec.name);
        subs.sort_by_key(|spec| spec.name);
        let mut catalog = Self { commands };
        for sub in subs {
            if let Some(at) = catalog.find(sub.container_name().as_bytes()) {
                catalog.commands[at].subcommands.push(sub);
            }
        }
        catalog
    }

    /// Number of commands, subcommands not counted.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// All rows, each container followed by its subcommands.
    pub fn specs(&self) -> impl Iterator<Item = &'static Spec> + '_ {
        self.commands.iter().flat_map(|entry| std::iter::once(entry.spec).chain(entry.subcommands.iter().copied()))
    }

    fn entry_and_spec(&self, name: &[u8]) -> Option<(&Entry, &'static Spec)> {
        match name.iter().position(|&byte| byte == b'|') {
            None => {
                let entry = &self.commands[self.find(name)?];
                Some((entry, entry.spec))
            }
            Some(bar) => {
                let entry = &self.commands[self.find(&name[..bar])?];
                Some((entry, entry.sub(&name[bar + 1..])?))
            }
        }
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        let name = name.to_ascii_lowercase();
        self.commands.binary_search_by(|entry| entry.spec.name.as_bytes().cmp(&name)).ok()
    }

    /// The row that the words of a request name: a subcommand where the command has any and a second word is there.
    fn of_request(&self, request: Args<'_>) -> Option<&'static Spec> {
        let entry = &self.commands[self.find(request.get(0)?)?];
        match request.get(1) {
            Some(sub) if !entry.subcommands.is_empty() => entry.sub(sub),
            _ => Some(entry.spec),
        }
    }
}

impl Entry {
    fn sub(&self, name: &[u8]) -> Option<&'static Spec> {
        self.subcommands
            .iter()
            .copied()
            .find(|spec| spec.sub_name().is_some_and(|sub| sub.as_bytes().eq_ignore_ascii_case(name)))
    }

    /// The subcommands to tell under `spec`: the entry's under its container, none under one of them.
    fn subcommands_of(&self, spec: &Spec) -> &[&'static Spec] {
        if spec.sub_name().is_some() { &[] } else { &self.subcommands }
    }
}

fn all(catalog: &Catalog, _args: Args<'_>, reply: &mut Reply) -> Result<(), Error> {
    reply.array(catalog.len());
    catalog.commands.iter().for_each(|entry| write_info(entry.spec, &entry.subcommands, reply));
    Ok(())
}

fn count(catalog: &Catalog, _args: Args<'_>, reply: &mut Reply) -> Result<(), Error> {
    reply.count(catalog.len());
    Ok(())
}

fn info(catalog: &Catalog, args: Args<'_>, reply: &mut Reply) -> Result<(), Error> {
    if args.len() == 2 {
        return all(catalog, args, reply);
    }
    reply.array(args.len() - 2);
    for name in args.iter().skip(2) {
        match catalog.entry_and_spec(name) {
            Some((entry, spec)) => write_info(spec, entry.subcommands_of(spec), reply),
            None => reply.null(),
        }
    }
    Ok(())
}

fn docs(catalog: &Catalog, args: Args<'_>, reply: &mut Reply) -> Result<(), Error> {
    if args.len() == 2 {
        reply.map(catalog.len());
        catalog.commands.iter().for_each(|entry| write_docs(entry.spec, &entry.subcommands, reply));
        return Ok(());
    }
    // Names that do not exist are left out.
    let found: Vec<_> = args.iter().skip(2).filter_map(|name| catalog.entry_and_spec(name)).collect();
    reply.map(found.len());
    found.iter().for_each(|(entry, spec)| write_docs(spec, entry.subcommands_of(spec), reply));
    Ok(())
}

fn list(catalog: &Catalog, args: Args<'_>, reply: &mut Reply) -> Result<(), Error> {
    let names: Vec<&str> = match (args.len(), args.get(2), args.get(3), args.get(4)) {
        (2, ..) => catalog.specs().map(|spec| spec.name).collect(),
        (5, Some(filterby), Some(kind), Some(what)) if is(filterby, "FILTERBY") => {
            let wanted: Box<dyn Fn(&Spec) -> bool + '_> = match () {
                _ if is(kind, "ACLCAT") => {
                    let category = acl::by_name(what).unwrap_or(0);
                    Box::new(move |spec| spec.categories() & category != 0)
                }
                _ if is(kind, "PATTERN") => Box::new(|spec| glob::matches(what, spec.name.as_bytes(), true)),
                // There are no modules, so no command is of one.
                _ if is(kind, "MODULE") => Box::new(|_| false),
                _ => return Err(Error::SYNTAX),
            };
            catalog.specs().filter(|spec| wanted(spec)).map(|spec| spec.name).collect()
        }
        _ => return Err(Error::SYNTAX),
    };
    reply.bulks(&names);
    Ok(())
}

fn getkeys(catalog: &Catalog, args: Args<'_>, reply: &mut Reply) -> Result<(), Error> {
    let request = args.tail(2);
    let keys = keys_of(catalog, request)?;
    reply.array(keys.len());
    keys.iter().for_each(|(position, _)| reply.bulk(request.at(*position)));
    Ok(())
}

fn getkeysandflags(catalog: &Catalog, args: Args<'_>, reply: &mut Reply) -> Result<(), Error> {
    let request = args.tail(2);
    let keys = keys_of(catalog, request)?;
    reply.array(keys.len());
    for (position, flags) in keys {
        reply.array(2);
        reply.bulk(request.at(position));
        write_names(KEY_FLAG_NAMES.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name), "", reply);
    }
    Ok(())
}

fn keys_of(catalog: &Catalog, request: Args<'_>) -> Result<Vec<(usize, KeyFlags)>, Error> {
    let spec = catalog.of_request(request).ok_or(Error::fixed(&"ERR Invalid command specified"))?;
    if !spec.has_keys() {
        return Err(Error::fixed(&"ERR The command has no key arguments"));
    }
    if !spec.accepts(request.len()) {
        return Err(Error::fixed(&"ERR Invalid number of arguments specified for command"));
    }
    match spec.keys_and_flags(&request) {
        Ok(keys) => Ok(keys),
        Err(InvalidKeys) if spec.flags & NO_MANDATORY_KEYS != 0 => Ok(Vec::new()),
        Err(InvalidKeys) => Err(Error::fixed(&"ERR Invalid arguments specified for command")),
    }
}

/// A set of status replies, each with `prefix`.
fn write_names<'a>(names: impl Iterator<Item = &'a str> + Clone, prefix: &str, reply: &mut Reply) {
    reply.set(names.clone().count());
    names
        .for_each(|name| if prefix.is_empty() { reply.simple(name) } else { reply.simple(&format!("{prefix}{name}")) });
}

/// One element of COMMAND INFO.
fn write_info(spec: &Spec, subcommands: &[&'static Spec], reply: &mut Reply) {
    reply.array(10);
    reply.bulk(spec.name.as_bytes());
    reply.int(spec.arity.into());
    let flags = spec.all_flags();
    write_names(FLAG_NAMES.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name), "", reply);
    let (first, last, step) = spec.legacy_keys();
    [first, last, step].into_iter().for_each(|number| reply.int(number));
    let categories = spec.categories();
    write_names(acl::NAMES.iter().filter(|(one, _)| categories & one != 0).map(|(_, name)| *name), "@", reply);
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(spec.keys.len());
    spec.keys.iter().for_each(|key| write_key_spec(key, reply));
    match subcommands.len() {
        // Redis says "none" with a set and "some" with an array.
        0 => reply.set(0),
        n => reply.array(n),
    }
    subcommands.iter().for_each(|sub| write_info(sub, &[], reply));
}

fn write_key_spec(key: &KeySpec, reply: &mut Reply) {
    reply.map(if key.notes.is_empty() { 3 } else { 4 });
    if !key.notes.is_empty() {
        pair(reply, "notes", key.notes);
    }
    reply.bulk(b"flags");
    write_names(KEY_FLAG_NAMES.iter().filter(|(flag, _)| key.flags & flag != 0).map(|(_, name)| *name), "", reply);

    reply.bulk(b"begin_search");
    reply.map(2);
    match key.begin {
        BeginSearch::Index(index) => {
            write_search(reply, "index", &[("index", index.into())]);
        }
        BeginSearch::Keyword { keyword, startfrom } => {
            pair(reply, "type", "keyword");
            reply.bulk(b"spec");
            reply.map(2);
            pair(reply, "keyword", keyword);
            reply.bulk(b"startfrom");
            reply.int(startfrom.into());
        }
        BeginSearch::Unknown => write_search(reply, "unknown", &[]),
    }

    reply.bulk(b"find_keys");
    reply.map(2);
    match key.find {
        FindKeys::Range { last, step, limit } => {
            write_search(reply, "range", &[("lastkey", last.into()), ("keystep", step.into()), ("limit", limit.into())])
        }
        FindKeys::KeyNum { keynumidx, firstkey, step } => write_search(
            reply,
            "keynum",
            &[("keynumidx", keynumidx.into()), ("firstkey", firstkey.into()), ("keystep", step.into())],
        ),
        FindKeys::Unknown => write_search(reply, "unknown", &[]),
    }
}

fn write_search(reply: &mut Reply, kind: &str, numbers: &[(&str, i64)]) {
    pair(reply, "type", kind);
    reply.bulk(b"spec");
    reply.map(numbers.len());
    for (name, number) in numbers {
        reply.bulk(name.as_bytes());
        reply.int(*number);
    }
}

/// One entry of COMMAND DOCS: the name and its map.
fn write_docs(spec: &Spec, subcommands: &[&'static Spec], reply: &mut Reply) {
    // A row's syntax is checked by a test, so that a mistake shows there and not here.
    let args = syntax::parse(spec.syntax).unwrap_or_default();
    let is_deprecated = !spec.deprecated_since.is_empty();
    let texts = [
        ("complexity", spec.complexity),
        ("deprecated_since", spec.deprecated_since),
        ("replaced_by", spec.replaced_by),
    ];
    let pairs = 3
        + texts.iter().filter(|(_, text)| !text.is_empty()).count()
        + usize::from(is_deprecated || spec.is_syscmd)
        + usize::from(!spec.history.is_empty())
        + usize::from(!args.is_empty())
        + usize::from(!subcommands.is_empty());

    reply.bulk(spec.name.as_bytes());
    reply.map(pairs);
    pair(reply, "summary", spec.summary);
    pair(reply, "since", spec.since);
    pair(reply, "group", spec.group.name());
    if !spec.complexity.is_empty() {
        pair(reply, "complexity", spec.complexity);
    }
    if is_deprecated || spec.is_syscmd {
        reply.bulk(b"doc_flags");
        let flags = [("deprecated", is_deprecated), ("syscmd", spec.is_syscmd)];
        write_names(flags.iter().filter(|(_, set)| *set).map(|(name, _)| *name), "", reply);
    }
    for (name, text) in &texts[1..] {
        if !text.is_empty() {
            pair(reply, name, text);
        }
    }
    if !spec.history.is_empty() {
        reply.bulk(b"history");
        reply.set(spec.history.len());
        for (version, change) in spec.history {
            reply.bulks(&[version, change]);
        }
    }
    if !args.is_empty() {
        reply.bulk(b"arguments");
        write_args(&args, reply);
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        subcommands.iter().for_each(|sub| write_docs(sub, &[], reply));
    }
}

fn write_args(args: &[Arg<'_>], reply: &mut Reply) {
    reply.array(args.len());
    for arg in args {
        let texts = [
            ("token", arg.token),
            ("summary", arg.summary),
            ("since", arg.since),
            ("deprecated_since", arg.deprecated_since),
        ];
        let flags = [("optional", arg.optional), ("multiple", arg.multiple), ("multiple_token", arg.multiple_token)];
        let flags = flags.iter().filter(|(_, set)| *set).map(|(name, _)| *name);
        let has_flags = flags.clone().next().is_some();
        let pairs = 2
            + texts.iter().filter(|(_, text)| text.is_some()).count()
            + usize::from(arg.display.is_some())
            + usize::from(arg.key_spec.is_some())
            + usize::from(has_flags)
            + usize::from(!arg.children.is_empty());

        reply.map(pairs);
        pair(reply, "name", &arg.name);
        pair(reply, "type", arg.kind.name());
        if let Some(display) = &arg.display {
            pair(reply, "display_text", display);
        }
        if let Some(index) = arg.key_spec {
            reply.bulk(b"key_spec_index");
            reply.int(index.into());
        }
        for (name, text) in texts {
            if let Some(text) = text {
                pair(reply, name, text);
            }
        }
        if has_flags {
            reply.bulk(b"flags");
            write_names(flags, "", reply);
        }
        if !arg.children.is_empty() {
            reply.bulk(b"arguments");
            write_args(&arg.children, reply);
        }
    }
}

fn pair(reply: &mut Reply, name: &str, text: &str) {
    reply.bulk(name.as_bytes());
    reply.bulk(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use curfew_protocol::Resp;
    use curfew_protocol::args::OwnedArgs;

    /// Every row there is.
    fn specs() -> impl Iterator<Item = &'static Spec> {
        table().all.iter().map(|command| command.spec)
    }

    fn say(catalog: &Catalog, resp: Resp, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let name = match words.get(1) {
            Some(sub) => format!("command|{}", String::from_utf8_lossy(sub).to_lowercase()),
            None => "command".to_owned(),
        };
        let mut reply = Reply::new(resp);
        let answer: fn(&Catalog, Args<'_>, &mut Reply) -> Result<(), Error> = match name.as_str() {
            "command" => all,
            "command|count" => count,
            "command|docs" => docs,
            "command|getkeys" => super::getkeys,
            "command|getkeysandflags" => getkeysandflags,
            "command|info" => info,
            "command|list" => super::list,
            other => panic!("no row {other}"),
        };
        if let Err(error) = answer(catalog, OwnedArgs::from_slices(&words).view(), &mut reply) {
            reply.error(&error);
        }
        String::from_utf8_lossy(&reply.take()).into_owned()
    }

    #[test]
    fn the_table_is_consistent() {
        crate::command::install();
        let catalog = Catalog::new(specs());
        assert_eq!(catalog.specs().count(), specs().count(), "a subcommand without its container");
        let mut names: Vec<_> = specs().map(|spec| spec.name).collect();
        names.sort_unstable();
        assert_eq!(names.windows(2).find(|pair| pair[0] == pair[1]), None, "named twice");
        for entry in &catalog.commands {
            assert_eq!(entry.spec.is_container, !entry.subcommands.is_empty(), "{}: container()", entry.spec.name);
        }
        for spec in specs() {
            let name = spec.name;
            let args = syntax::parse(spec.syntax).unwrap_or_else(|error| panic!("{name}: {error}: {}", spec.syntax));
            check_key_specs(spec, &args);
            assert!(
                name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'|')),
                "{name}"
            );
            assert!(!spec.summary.is_empty() && !spec.since.is_empty() && spec.arity != 0, "{name}");
            assert!(spec.flags & (READONLY | WRITE) != READONLY | WRITE, "{name} reads and writes");
            assert!(spec.flags & (MOVABLEKEYS | MODULE) == 0, "{name}: a derived flag is written down");
            // The key positions lie within the arguments that the arity guarantees.
            let arity = usize::from(spec.arity.unsigned_abs());
            if let KeyShape::One(index) = spec.shape {
                assert!(usize::from(index) < arity, "{name}: key {index} of {arity} arguments");
            }
        }
    }

    fn check_key_specs(spec: &Spec, args: &[Arg<'_>]) {
        for arg in args {
            if let Some(index) = arg.key_spec {
                assert!(usize::from(index) < spec.keys.len(), "{}: {} has no key spec {index}", spec.name, arg.name);
            }
            check_key_specs(spec, &arg.children);
        }
    }

    const TEST_SPECS: &[Spec] = &[
        Spec::new("get", 2, Group::String, "1.0.0").flags(READONLY | FAST).keys(&[KeySpec::first(RO | ACCESS)]),
        Spec::new("mset", -3, Group::String, "1.0.1").flags(WRITE).keys(&[KeySpec::range(1, -1, 2, OW | UPDATE)]),
        Spec::new("eval", -3, Group::Scripting, "2.6.0")
            .flags(NO_MANDATORY_KEYS | SCRIPT | RUNS_LUA)
            .keys(&[KeySpec::numkeys(2, RW | ACCESS | UPDATE)]),
        Spec::new("ping", -1, Group::Connection, "1.0.0").flags(FAST | FROM_SUBSCRIBER),
        Spec::new("object", -2, Group::Generic, "2.2.3").container(),
        Spec::new("object|encoding", 3, Group::Generic, "2.2.3").flags(READONLY).keys(&[KeySpec::at(2, RO)]),
    ];

    #[track_caller]
    fn check(line: &str, two: &str, three: &str) {
        let catalog = Catalog::new(TEST_SPECS);
        for (resp, expected) in [(Resp::Two, two), (Resp::Three, three)] {
            assert_eq!(say(&catalog, resp, line).replace("\r\n", " ").trim_end(), expected, "{line} in {resp:?}");
        }
    }

    #[test]
    fn getkeys() {
        let cases = [
            ("command getkeys get k", "*1 $1 k"),
            ("command getkeys MSET a 1 b 2", "*2 $1 a $1 b"),
            ("command getkeys object encoding k", "*1 $1 k"),
            ("command getkeys eval x 0", "*0"),
            ("command getkeys eval x 7 a", "*0"),
            ("command getkeys get", "-ERR Invalid number of arguments specified for command"),
            ("command getkeys ping", "-ERR The command has no key arguments"),
            ("command getkeys object", "-ERR The command has no key arguments"),
            ("command getkeys object nosuch k", "-ERR Invalid command specified"),
            ("command getkeys nosuch k", "-ERR Invalid command specified"),
        ];
        for (line, expected) in cases {
            check(line, expected, expected);
        }
        check("command getkeysandflags get k", "*1 *2 $1 k *2 +RO +access", "*1 *2 $1 k ~2 +RO +access");
    }

    #[test]
    fn list() {
        let cases = [
            ("command list", "*6 $4 eval $3 get $4 mset $6 object $15 object|encoding $4 ping"),
            ("command list filterby aclcat STRING", "*2 $3 get $4 mset"),
            ("command list filterby aclcat nosuch", "*0"),
            ("command list filterby module x", "*0"),
            ("command list FILTERBY pattern G?T*", "*1 $3 get"),
            ("command list filterby pattern", "-ERR syntax error"),
            ("command list filterby nosuch x", "-ERR syntax error"),
            ("command list x", "-ERR syntax error"),
            ("command count", ":5"),
        ];
        for (line, expected) in cases {
            check(line, expected, expected);
        }
    }

    #[test]
    fn info_and_docs_by_name() {
        let ping = |set: char| {
            format!("*10 $4 ping :-1 {set}1 +fast :0 :0 :0 {set}2 +@fast +@connection {set}0 {set}0 {set}0")
        };
        let names = "command info nosuch PING object|nosuch";
        check(names, &format!("*3 $-1 {} $-1", ping('*')), &format!("*3 _ {} _", ping('~')));
        check(
            "command docs ping nosuch",
            "*2 $4 ping *6 $7 summary $0  $5 since $5 1.0.0 $5 group $10 connection",
            "%1 $4 ping %3 $7 summary $0  $5 since $5 1.0.0 $5 group $10 connection",
        );
        let catalog = Catalog::new(TEST_SPECS);
        assert_eq!(
            catalog.entry_and_spec(b"Object|ENCODING").map(|(_, spec)| spec).map(|spec| spec.name),
            Some("object|encoding")
        );
        assert!(catalog.entry_and_spec(b"get|x").map(|(_, spec)| spec).is_none());
        let sub = say(&catalog, Resp::Three, "command info object|encoding");
        assert!(sub.starts_with("*1\r\n*10\r\n$15\r\nobject|encoding\r\n:3\r\n"), "{sub}");
    }
}
