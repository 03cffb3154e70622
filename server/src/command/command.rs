//! COMMAND: what the server tells about its commands, all of it derived from their rows.
//!
//! The shape of each reply is that of Redis 8.0; a test compares with what Redis answered, byte for byte. Redis lists
//! commands in the order of a hash table, which differs from run to run; Curfew lists them by name.

use curfew_protocol::spec::*;
use curfew_protocol::syntax::{self, Arg};
use curfew_protocol::{Args, Error, Reply, args::is, glob};

/// Writes the reply of COMMAND or one of its subcommands.
pub type Answer = fn(&Catalog, Args<'_>, &mut Reply) -> Result<(), Error>;

const fn row(name: &'static str, arity: i16, since: &'static str) -> Spec {
    Spec::new(name, arity, Group::Server, since).flags(LOADING | STALE).acl(acl::CONNECTION)
}

/// The facts of COMMAND and its subcommands, and what answers them.
pub const ROWS: &[(Spec, Answer)] = &[
    (
        row("command", -1, "2.8.13")
            .container()
            .doc(
                "O(N) where N is the total number of Redis commands",
                "Returns detailed information about all commands.",
                "",
            )
            .tips(&["nondeterministic_output_order"]),
        all,
    ),
    (row("command|count", 2, "2.8.13").doc("O(1)", "Returns a count of commands.", ""), count),
    (
        row("command|docs", -2, "7.0.0")
            .doc(
                "O(N) where N is the number of commands to look up",
                "Returns documentary information about one, multiple or all commands.",
                "[command-name...]",
            )
            .tips(&["nondeterministic_output_order"]),
        docs,
    ),
    (
        row("command|getkeys", -3, "2.8.13").doc(
            "O(N) where N is the number of arguments to the command",
            "Extracts the key names from an arbitrary command.",
            "command [arg...]",
        ),
        getkeys,
    ),
    (
        row("command|getkeysandflags", -3, "7.0.0").doc(
            "O(N) where N is the number of arguments to the command",
            "Extracts the key names and access flags for an arbitrary command.",
            "command [arg...]",
        ),
        getkeysandflags,
    ),
    (row("command|help", 2, "5.0.0").doc("O(1)", "Returns helpful text about the different subcommands.", ""), help),
    (
        row("command|info", -2, "2.8.13")
            .doc(
                "O(N) where N is the number of commands to look up",
                "Returns information about one, multiple or all commands.",
                "[command-name...]",
            )
            .history(&[("7.0.0", "Allowed to be called with no argument to get info on all commands.")])
            .tips(&["nondeterministic_output_order"]),
        info,
    ),
    (
        row("command|list", -2, "7.0.0")
            .doc(
                "O(N) where N is the total number of Redis commands",
                "Returns a list of command names.",
                "[FILTERBY filterby<MODULE module-name|ACLCAT category|PATTERN pattern>]",
            )
            .tips(&["nondeterministic_output_order"]),
        list,
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

    /// True without any command.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// All rows, each container followed by its subcommands.
    pub fn specs(&self) -> impl Iterator<Item = &'static Spec> + '_ {
        self.commands.iter().flat_map(|entry| std::iter::once(entry.spec).chain(entry.subcommands.iter().copied()))
    }

    /// The row called `name` (`get`, `config|get`) in any case. O(log n).
    pub fn by_name(&self, name: &[u8]) -> Option<&'static Spec> {
        self.entry_and_spec(name).map(|(_, spec)| spec)
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
            None => reply.null_array(),
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

fn help(_catalog: &Catalog, _args: Args<'_>, reply: &mut Reply) -> Result<(), Error> {
    reply.simples(HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "(no subcommand)",
    "    Return details about all Redis commands.",
    "COUNT",
    "    Return the total number of commands in this Redis server.",
    "LIST",
    "    Return a list of all commands in this Redis server.",
    "INFO [<command-name> ...]",
    "    Return details about multiple Redis commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "DOCS [<command-name> ...]",
    "    Return documentation details about multiple Redis commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "GETKEYS <full-command>",
    "    Return the keys from a full Redis command.",
    "GETKEYSANDFLAGS <full-command>",
    "    Return the keys and the access flags from a full Redis command.",
    "HELP",
    "    Print this help.",
];

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
