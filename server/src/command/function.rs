//! FUNCTION and FCALL: libraries of functions (`script/function/`).

use crate::command::help::help;
use crate::command::scripting::numkeys;
use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use crate::lua::interpreter::Input;
use crate::lua::loading::LoadLimit;
use crate::lua::vm::{Vm, with_vm};
use crate::script::control::Call;
use crate::script::functions::{Function, Library, LibraryChange, Policy, Snapshot};
use crate::script::learned::flag;
use crate::script::metadata::{ENGINE, Metadata};
use crate::script::payload;
use curfew_protocol::args::is;
use curfew_protocol::error::c_string;
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply, glob};
use curfew_shard::{Reach, Unit};
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("fcall", -3, Group::Scripting, "7.0.0")
            .flags(NOSCRIPT | STALE | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | SCRIPT | FUNCTION | RUNS_LUA)
            .keys(&[KeySpec::numkeys(2, RW | ACCESS | UPDATE)
                .notes("Only the function knows what it does with its keys: taken to read and write")])
            .doc(
                "That of the function",
                "Runs a function of a library as one unit.",
                "function numkeys [key...] [arg...]",
            ),
        ServerHandler::Held(fcall),
    ),
    ServerRow::new(
        Spec::new("fcall_ro", -3, Group::Scripting, "7.0.0")
            .flags(READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | SCRIPT | FUNCTION | RUNS_LUA)
            .keys(&[KeySpec::numkeys(2, RO | ACCESS)
                .notes("Only the function knows what it does with its keys: taken to read")])
            .doc(
                "That of the function",
                "Runs a function that is not allowed to write.",
                "function numkeys [key...] [arg...]",
            ),
        ServerHandler::Held(fcall),
    ),
    ServerRow::new(
        Spec::new("function", -2, Group::Scripting, "7.0.0").container().doc(
            "That of the subcommand",
            "Loads, shows and removes libraries of functions.",
            "",
        ),
        ServerHandler::Container,
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("function|delete", 3, Group::Scripting, "7.0.0")
            .flags(WRITE | NOSCRIPT)
            .doc("O(n), n = functions", "Removes a library.", "library-name")
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
        ServerHandler::Inline(delete),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("function|dump", 2, Group::Scripting, "7.0.0").flags(NOSCRIPT).doc(
            "O(n), n = bytes of all libraries",
            "Writes all libraries out as one payload, for FUNCTION RESTORE.",
            "",
        ),
        ServerHandler::Inline(dump),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("function|flush", -2, Group::Scripting, "7.0.0")
            .flags(WRITE | NOSCRIPT)
            .doc("O(n), n = functions", "Unloads every library there is.", "[flush-type<ASYNC|SYNC>]")
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
        ServerHandler::Inline(flush),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("function|help", 2, Group::Scripting, "7.0.0").flags(LOADING | STALE).doc(
            "O(1)",
            "Lists the subcommands, with a sentence on each.",
            "",
        ),
        ServerHandler::Inline(help),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("function|kill", 2, Group::Scripting, "7.0.0")
            .flags(NOSCRIPT | ALLOW_BUSY)
            .doc("O(1)", "Stops the function that is running, if it has written nothing.", "")
            .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
        ServerHandler::Inline(kill),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("function|list", -2, Group::Scripting, "7.0.0")
            .flags(NOSCRIPT)
            .doc(
                "O(n), n = functions",
                "Shows libraries with their functions, and their code if wanted.",
                "[LIBRARYNAME library-name-pattern] [WITHCODE]",
            )
            .tips(&["nondeterministic_output_order"]),
        ServerHandler::Inline(list),
    )
    .reach(Reach::None),
    // These two run Lua code, on a stack that can be left (see `script::may_run`): so they are held, without any shard.
    ServerRow::new(
        Spec::new("function|load", -3, Group::Scripting, "7.0.0")
            .flags(WRITE | DENYOOM | NOSCRIPT | RUNS_LUA)
            .doc(
                "O(n), n = functions, and compiling the code",
                "Compiles a library and keeps it, in place of one of its name if wanted.",
                "[REPLACE] function-code",
            )
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
        ServerHandler::Held(load),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("function|restore", -3, Group::Scripting, "7.0.0")
            .flags(WRITE | DENYOOM | NOSCRIPT | RUNS_LUA)
            .doc(
                "O(n), n = bytes of the payload",
                "Loads the libraries of a payload: beside those that are there, over them, or instead.",
                "serialized-value [policy<FLUSH|APPEND|REPLACE>]",
            )
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
        ServerHandler::Held(restore),
    )
    .reach(Reach::None),
    ServerRow::new(
        Spec::new("function|stats", 2, Group::Scripting, "7.0.0")
            .flags(NOSCRIPT | ALLOW_BUSY)
            .doc("O(1)", "Tells which function is running and for how long, and how many are loaded.", "")
            .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
        ServerHandler::Inline(stats),
    )
    .reach(Reach::None),
];

/// FCALL, FCALL_RO.
fn fcall(ctx: &mut Ctx<'_>, unit: &mut Unit<'_>, args: Args<'_>) -> Result<(), Error> {
    let function = ctx.thread.functions().function(args.at(1)).cloned().ok_or(Error::NO_FUNCTION)?;
    let keys = numkeys(args, Error::fixed(&"ERR Bad number of keys provided"))?;
    with_vm(ctx, |vm, ctx| vm.call(ctx, unit, args, Input::Keys(keys), function))
}

fn load(ctx: &mut Ctx<'_>, _: &mut Unit<'_>, args: Args<'_>) -> Result<(), Error> {
    let last = args.len() - 1;
    if let Some(option) = args.part(2, last - 2).iter().find(|option| !is(option, "replace")) {
        let option = c_string(option);
        let end = option.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        return Err(Error::made([b"ERR Unknown option given: ", &option[..end]].concat()));
    }
    let policy = if last > 2 { Policy::Replace } else { Policy::Append };
    let code = args.at(last);
    let metadata = Metadata::parse(code)?;
    // Told before anything is run, as in Redis; it is looked at again when the change is made.
    if policy == Policy::Append && ctx.thread.functions().library(&metadata.name).is_some() {
        return Err(exists(&metadata.name));
    }
    with_vm(ctx, |vm, ctx| {
        put(vm, ctx, &[code], policy, LoadLimit::New).map_err(|refused| match refused {
            // Another connection was quicker.
            Refusal::Library(name) => exists(&name),
            Refusal::Error(error) => error,
        })
    })?;
    ctx.out.bulk(&metadata.name);
    Ok(())
}

/// What LOAD says of a library that there is (RESTORE says it without the quotes, and for the libraries of its payload
/// among themselves with them).
fn exists(name: &[u8]) -> Error {
    Error::made([b"ERR Library '", name, b"' already exists"].concat())
}

fn restore(ctx: &mut Ctx<'_>, _: &mut Unit<'_>, args: Args<'_>) -> Result<(), Error> {
    let policy = match args.get(3) {
        _ if args.len() > 4 => return Err(Error::subcommand_syntax("FUNCTION", args.at(1))),
        None => Policy::Append,
        Some(policy) if is(policy, "append") => Policy::Append,
        Some(policy) if is(policy, "replace") => Policy::Replace,
        Some(policy) if is(policy, "flush") => Policy::Flush,
        Some(_) => return Err(Error::RESTORE_POLICY),
    };
    let codes = payload::read(args.at(2))?;
    let codes: Vec<&[u8]> = codes.iter().map(Vec::as_slice).collect();
    with_vm(ctx, |vm, ctx| {
        put(vm, ctx, &codes, policy, LoadLimit::Known).map_err(|refused| match refused {
            Refusal::Library(name) => crate::script::functions::Refused::Library(name).into(),
            Refusal::Error(error) => error,
        })
    })?;
    ctx.out.ok();
    Ok(())
}

/// Why libraries are not put in place.
enum Refusal {
    /// One of this name is there.
    Library(Box<[u8]>),
    Error(Error),
}

/// Tries libraries out on this thread and, if all is well with all of them, makes them those of the server.
fn put(vm: &mut Vm, ctx: &mut Ctx<'_>, codes: &[&[u8]], policy: Policy, limit: LoadLimit) -> Result<(), Refusal> {
    use crate::script::functions::Refused;
    let callbacks = vm.functions(ctx.thread).map_err(Refusal::Error)?;
    let mut tried: Vec<(Arc<Library>, Vec<c_int>)> = Vec::with_capacity(codes.len());
    let mut result = Ok(());
    for code in codes {
        let known = Metadata::parse(code).and_then(|metadata| {
            match tried.iter().any(|(library, _)| library.name == metadata.name) {
                true => Err(exists(&metadata.name)),
                false => Ok(()),
            }
        });
        match known.and_then(|()| callbacks.try_out(code, limit)) {
            Ok(library) => tried.push(library),
            Err(error) => {
                result = Err(Refusal::Error(error));
                break;
            }
        }
    }
    let result = result.and_then(|()| {
        let change = LibraryChange::Put(tried.iter().map(|(library, _)| library.clone()).collect(), policy);
        change_functions(ctx, &change).map_err(|refused| match refused {
            Refused::Library(name) => Refusal::Library(name),
            other => Refusal::Error(other.into()),
        })
    });
    callbacks.settle(tried, result.is_ok());
    result
}

/// Makes a change, and counts it as one of the data.
fn change_functions(ctx: &Ctx<'_>, change: &LibraryChange) -> Result<(), crate::script::functions::Refused> {
    ctx.thread.shared.functions.apply(change)?;
    // What units know of triggers is made from it.
    ctx.thread.shared.config.touch();
    ctx.thread.stats.changes.add(1);
    Ok(())
}

fn delete(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    change_functions(ctx, &LibraryChange::Delete(args.at(2).into()))?;
    ctx.out.ok();
    Ok(())
}

/// SYNC or ASYNC is one: each thread frees what it has loaded when it next looks.
fn flush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    match args.get(2) {
        _ if args.len() > 3 => return Err(Error::subcommand_syntax("FUNCTION", args.at(1))),
        None => {}
        Some(mode) if is(mode, "sync") || is(mode, "async") => {}
        Some(_) => return Err(Error::fixed(&"ERR FUNCTION FLUSH only supports SYNC|ASYNC option")),
    }
    change_functions(ctx, &LibraryChange::Flush)?;
    ctx.out.ok();
    Ok(())
}

fn dump(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    let payload = payload::dump(ctx.thread.functions().libraries().map(|library| &*library.code));
    ctx.out.bulk(&payload);
    Ok(())
}

fn kill(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    ctx.thread.shared.scripts.kill(true)?;
    ctx.out.ok();
    Ok(())
}

/// Libraries by their names, functions as they were registered (in Redis both in the order of hashes).
fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    let (mut with_code, mut pattern) = (false, None);
    let mut options = args.tail(2).iter();
    while let Some(option) = options.next() {
        if !with_code && is(option, "withcode") {
            with_code = true;
        } else if pattern.is_none() && is(option, "libraryname") {
            let name = options.next();
            pattern = Some(name.ok_or(Error::fixed(&"ERR library name argument was not given"))?);
        } else {
            return Err(Error::made([b"ERR Unknown argument ", c_string(option)].concat()));
        }
    }
    let snapshot = ctx.thread.functions();
    let is_shown = |library: &&Arc<Library>| pattern.is_none_or(|pattern| glob::matches(pattern, &library.name, true));
    let shown: Vec<&Arc<Library>> = snapshot.libraries().filter(is_shown).collect();
    let out = &mut *ctx.out;
    out.array(shown.len());
    for library in shown {
        let (triggers, functions): (Vec<&Function>, Vec<&Function>) =
            library.functions.iter().partition(|function| function.trigger.is_some());
        out.map(3 + usize::from(!triggers.is_empty()) + usize::from(with_code));
        out.bulk(b"library_name");
        out.bulk(&library.name);
        out.bulk(b"engine");
        out.bulk(ENGINE.as_bytes());
        out.bulk(b"functions");
        out.array(functions.len());
        for function in functions {
            out.map(3);
            facts(out, function);
        }
        // Not there in Redis, nor without triggers.
        if !triggers.is_empty() {
            out.bulk(b"triggers");
            out.array(triggers.len());
            for function in triggers {
                let Some(trigger) = &function.trigger else { continue };
                out.map(5);
                facts(out, function);
                out.bulk(b"events");
                match &trigger.events {
                    None => {
                        out.array(1);
                        out.bulk(b"*");
                    }
                    Some(names) => {
                        out.array(names.len());
                        names.iter().for_each(|name| out.bulk(name.as_bytes()));
                    }
                }
                out.bulk(b"pattern");
                out.bulk(&trigger.pattern);
            }
        }
        if with_code {
            out.bulk(b"library_code");
            out.bulk(&library.code);
        }
    }
    Ok(())
}

/// Name, description and flags of a function, as three pairs of a map.
fn facts(out: &mut Reply, function: &Function) {
    out.bulk(b"name");
    out.bulk(&function.name);
    out.bulk(b"description");
    match &function.description {
        Some(text) => out.bulk(text),
        None => out.null(),
    }
    out.bulk(b"flags");
    let flags = flag::NAMES.iter().filter(|(_, bit)| function.flags & bit != 0);
    out.set(flags.clone().count());
    flags.for_each(|(name, _)| out.simple(name));
}

fn stats(ctx: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    let scripts = &ctx.thread.shared.scripts;
    let snapshot = ctx.thread.functions();
    let out = &mut *ctx.out;
    let mark = out.len();
    // The third is not there in Redis, nor without triggers.
    out.map(2 + usize::from(snapshot.trigger_count() > 0));
    out.bulk(b"running_script");
    let running = scripts.with_function(|call: &Call| {
        out.map(3);
        out.bulk(b"name");
        out.bulk(&call.name);
        out.bulk(b"command");
        out.array(call.command.len());
        call.command.view().iter().for_each(|arg| out.bulk(arg));
        out.bulk(b"duration_ms");
        out.int(i64::try_from(call.started.elapsed().as_millis()).unwrap_or(i64::MAX));
    });
    if running.is_none() {
        // As in Redis, which has this to say while a script is past the threshold.
        if scripts.has_busy_script() {
            out.truncate(mark);
            return Err(Error::BUSY_SCRIPT);
        }
        out.null();
    }
    out.bulk(b"engines");
    out.map(1);
    out.bulk(ENGINE.as_bytes());
    out.map(2);
    out.bulk(b"libraries_count");
    out.int(snapshot.libraries().len() as i64);
    out.bulk(b"functions_count");
    out.int(snapshot.function_count() as i64);
    if snapshot.trigger_count() > 0 {
        trigger_stats(out, &snapshot);
    }
    Ok(())
}

/// How it went with each trigger, by its name.
fn trigger_stats(out: &mut Reply, snapshot: &Snapshot) {
    out.bulk(b"triggers");
    out.map(snapshot.trigger_count());
    let all =
        snapshot.libraries().flat_map(|library| library.functions.iter().map(move |function| (library, function)));
    for (library, function) in all {
        let Some(trigger) = &function.trigger else { continue };
        out.bulk(&function.name);
        out.map(5);
        out.bulk(b"library");
        out.bulk(&library.name);
        out.bulk(b"runs");
        out.int(trigger.runs.load(Relaxed) as i64);
        out.bulk(b"failures");
        out.int(trigger.failures.load(Relaxed) as i64);
        out.bulk(b"usec");
        out.int((trigger.nanos.load(Relaxed) / 1_000) as i64);
        out.bulk(b"last_error");
        match &*trigger.last_error.lock() {
            Some(text) => out.bulk(text),
            None => out.null(),
        }
    }
}
