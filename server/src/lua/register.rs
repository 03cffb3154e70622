//! What a library registers while its top level runs. It sees one global, `redis`, with the functions of [`REGISTER`], the log
//! and the version.
#![allow(unsafe_code)]

use crate::lua::api::{self, Entries, entry, fail};
use crate::lua::convert::string_at;
use crate::lua::loading::{Draft, Loading};
use crate::lua::state::Engine;
use crate::script::functions::Function;
use crate::script::learned::{Learned, flag};
use crate::script::metadata::is_name;
use crate::script::trigger::TriggerRecord;
use curfew_shard::event;
use mlua::{ffi, lua_State};
use std::ffi::c_int;
use std::sync::Arc;

/// The ways to register something.
const REGISTER: Entries =
    &[(c"register_function", entry!(register_function)), (c"register_trigger", entry!(register_trigger))];

/// Fills the table on top of the stack: `redis` as libraries see it while they are loaded.
///
/// # Safety
/// `engine` outlives the Lua state; there are three free slots.
pub unsafe fn fill(state: *mut lua_State, engine: *mut Engine) {
    // SAFETY: as asked of the caller.
    unsafe {
        api::add_functions(state, engine, REGISTER);
        api::fill_always(state, engine);
    }
}

/// The arguments of a registration, as far as they were read.
struct Given {
    name: Option<Box<[u8]>>,
    description: Option<Box<[u8]>>,
    flags: u32,
    /// Registry reference.
    callback: c_int,
    /// Of a trigger: names of events; None for all.
    events: Option<Option<Arc<[&'static str]>>>,
    /// Of a trigger.
    pattern: Option<Box<[u8]>>,
}

impl Given {
    const NOTHING: Given =
        Given { name: None, description: None, flags: 0, callback: ffi::LUA_NOREF, events: None, pattern: None };
}

unsafe fn register_function(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: Lua calls this with its arguments and 20 free slots.
    unsafe {
        let Some(loading) = &mut engine.loading else {
            return fail(state, "redis.register_function can only be called on FUNCTION LOAD command");
        };
        let mut given = Given::NOTHING;
        let read = match ffi::lua_gettop(state) {
            1 => read_named(state, &mut given),
            2 => read_positional(state, &mut given),
            _ => Err("wrong number of arguments to redis.register_function"),
        };
        match read.and_then(|()| accept(loading, &mut given)) {
            Ok(()) => 0,
            Err(text) => refuse(state, given, text),
        }
    }
}

unsafe fn register_trigger(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: Lua calls this with its arguments and 20 free slots.
    unsafe {
        let Some(loading) = &mut engine.loading else {
            return fail(state, "redis.register_trigger can only be called on FUNCTION LOAD command");
        };
        let mut given = Given::NOTHING;
        let read = match ffi::lua_gettop(state) {
            1 => read_trigger(state, &mut given),
            _ => Err("wrong number of arguments to redis.register_trigger"),
        };
        match read.and_then(|()| accept_trigger(loading, &mut given)) {
            Ok(()) => 0,
            Err(text) => refuse(state, given, text),
        }
    }
}

/// Lets go of what was read, and answers with an error on the stack.
unsafe fn refuse(state: *mut lua_State, given: Given, text: &'static str) -> c_int {
    // SAFETY: as in the callers.
    unsafe {
        ffi::luaL_unref(state, ffi::LUA_REGISTRYINDEX, given.callback);
        drop(given);
        fail(state, text)
    }
}

/// Adds the function to those of the library.
fn accept(loading: &mut Loading, given: &mut Given) -> Result<(), &'static str> {
    let name = given.name.take().ok_or("redis.register_function must get a function name argument")?;
    if given.callback == ffi::LUA_NOREF {
        return Err("redis.register_function must get a callback argument");
    }
    add(loading, name, given, None)
}

/// Adds a trigger to the functions of the library.
fn accept_trigger(loading: &mut Loading, given: &mut Given) -> Result<(), &'static str> {
    let name = given.name.take().ok_or("redis.register_trigger must get a name argument")?;
    let events = given.events.take().ok_or("redis.register_trigger must get an events argument")?;
    if given.callback == ffi::LUA_NOREF {
        return Err("redis.register_trigger must get a callback argument");
    }
    let trigger = TriggerRecord::new(events, given.pattern.as_deref().unwrap_or(b"*"));
    add(loading, name, given, Some(trigger))
}

fn add(
    loading: &mut Loading,
    name: Box<[u8]>,
    given: &mut Given,
    trigger: Option<TriggerRecord>,
) -> Result<(), &'static str> {
    if !is_name(&name) {
        return Err("Library names can only contain letters, numbers, or underscores(_) and must be at least one \
                    character long");
    }
    // Calls find functions in any case. Redis lets a library have names that differ in nothing else, calls one of them,
    // and crashes when the library goes.
    if loading.functions.iter().any(|draft| draft.function.name.eq_ignore_ascii_case(&name)) {
        return Err("Function already exists in the library");
    }
    let description = given.description.take();
    let function = Function { name, description, flags: given.flags, learned: Learned::default(), trigger };
    loading.functions.push(Draft { function, callback: given.callback });
    Ok(())
}

/// A name and a function.
unsafe fn read_positional(state: *mut lua_State, given: &mut Given) -> Result<(), &'static str> {
    // SAFETY: there are two arguments.
    unsafe {
        let name = string_at(state, 1).ok_or("first argument to redis.register_function must be a string")?;
        given.name = Some(name.into());
        if ffi::lua_type(state, 2) != ffi::LUA_TFUNCTION {
            return Err("second argument to redis.register_function must be a function");
        }
        given.callback = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        Ok(())
    }
}

/// A table of named arguments.
unsafe fn read_named(state: *mut lua_State, given: &mut Given) -> Result<(), &'static str> {
    // SAFETY: there is one argument; keys are not converted in place, which `lua_next` would not stand.
    unsafe {
        if ffi::lua_type(state, 1) != ffi::LUA_TTABLE {
            return Err("calling redis.register_function with a single argument is only applicable to Lua table \
                        (representing named arguments).");
        }
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, 1) != 0 {
            let key = match ffi::lua_type(state, -2) {
                ffi::LUA_TSTRING => string_at(state, -2).unwrap_or_default(),
                ffi::LUA_TNUMBER => b"",
                _ => return Err("named argument key given to redis.register_function is not a string"),
            };
            if key.eq_ignore_ascii_case(b"function_name") {
                let name = string_at(state, -1);
                let name = name.ok_or("function_name argument given to redis.register_function must be a string")?;
                given.name = Some(name.into());
            } else if key.eq_ignore_ascii_case(b"description") {
                let text = string_at(state, -1);
                let text = text.ok_or("description argument given to redis.register_function must be a string")?;
                given.description = Some(text.into());
            } else if key.eq_ignore_ascii_case(b"callback") {
                if ffi::lua_type(state, -1) != ffi::LUA_TFUNCTION {
                    return Err("callback argument given to redis.register_function must be a function");
                }
                ffi::luaL_unref(state, ffi::LUA_REGISTRYINDEX, given.callback);
                given.callback = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
                continue; // the value was taken
            } else if key.eq_ignore_ascii_case(b"flags") {
                if ffi::lua_type(state, -1) != ffi::LUA_TTABLE {
                    return Err(
                        "flags argument to redis.register_function must be a table representing function flags",
                    );
                }
                given.flags = read_flags(state).ok_or("unknown flag given")?;
            } else {
                return Err("unknown argument given to redis.register_function");
            }
            ffi::lua_settop(state, -2);
        }
        Ok(())
    }
}

/// A table of named arguments of a trigger. Names are those of `register_function` where there is one.
unsafe fn read_trigger(state: *mut lua_State, given: &mut Given) -> Result<(), &'static str> {
    // SAFETY: as in `read_named`.
    unsafe {
        if ffi::lua_type(state, 1) != ffi::LUA_TTABLE {
            return Err("redis.register_trigger takes a Lua table (representing named arguments).");
        }
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, 1) != 0 {
            if ffi::lua_type(state, -2) != ffi::LUA_TSTRING {
                return Err("named argument key given to redis.register_trigger is not a string");
            }
            let key = string_at(state, -2).unwrap_or_default();
            let text = || match ffi::lua_type(state, -1) {
                ffi::LUA_TSTRING => string_at(state, -1).map(Box::from),
                _ => None,
            };
            match key {
                b"name" => {
                    given.name = Some(text().ok_or("name argument given to redis.register_trigger must be a string")?);
                }
                b"description" => {
                    let text = text();
                    let text = text.ok_or("description argument given to redis.register_trigger must be a string")?;
                    given.description = Some(text);
                }
                b"pattern" => {
                    let text = text();
                    let text = text.ok_or("pattern argument given to redis.register_trigger must be a string")?;
                    given.pattern = Some(text);
                }
                b"events" => given.events = Some(read_events(state)?),
                b"flags" => {
                    if ffi::lua_type(state, -1) != ffi::LUA_TTABLE {
                        return Err(
                            "flags argument to redis.register_trigger must be a table representing function flags",
                        );
                    }
                    given.flags = read_flags(state).ok_or("unknown flag given")?;
                }
                b"callback" => {
                    if ffi::lua_type(state, -1) != ffi::LUA_TFUNCTION {
                        return Err("callback argument given to redis.register_trigger must be a function");
                    }
                    given.callback = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
                    continue; // the value was taken
                }
                _ => return Err("unknown argument given to redis.register_trigger"),
            }
            ffi::lua_settop(state, -2);
        }
        Ok(())
    }
}

/// The names of events on top of the stack: one, a list of them, or `*` for all (None).
unsafe fn read_events(state: *mut lua_State) -> Result<Option<Arc<[&'static str]>>, &'static str> {
    const WRONG: &str = "events argument given to redis.register_trigger must be a string or a list of strings";
    let known = |name: &[u8]| event::NAMES.iter().copied().find(|known| known.as_bytes() == name);
    let unknown = "unknown event given to redis.register_trigger";
    // SAFETY: two slots are used; a string is not converted.
    unsafe {
        match ffi::lua_type(state, -1) {
            ffi::LUA_TSTRING => match string_at(state, -1).unwrap_or_default() {
                b"*" => Ok(None),
                name => Ok(Some([known(name).ok_or(unknown)?].into())),
            },
            ffi::LUA_TTABLE => {
                let mut names = Vec::new();
                for index in 1.. {
                    ffi::lua_rawgeti_(state, -1, index);
                    let name = match ffi::lua_type(state, -1) {
                        ffi::LUA_TNIL => None,
                        ffi::LUA_TSTRING => Some(known(string_at(state, -1).unwrap_or_default()).ok_or(unknown)?),
                        _ => return Err(WRONG),
                    };
                    ffi::lua_settop(state, -2);
                    let Some(name) = name else { break };
                    names.push(name);
                }
                if names.is_empty() { Err(WRONG) } else { Ok(Some(names.into())) }
            }
            _ => Err(WRONG),
        }
    }
}

/// The flags in the list on top of the stack; None if there is one that does not exist.
unsafe fn read_flags(state: *mut lua_State) -> Option<u32> {
    // SAFETY: a table is on top; one slot is used.
    unsafe {
        let mut flags = 0;
        for index in 1.. {
            ffi::lua_rawgeti_(state, -1, index);
            if ffi::lua_type(state, -1) == ffi::LUA_TNIL {
                ffi::lua_settop(state, -2);
                break;
            }
            let name = string_at(state, -1).unwrap_or_default();
            let known = flag::NAMES.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
            flags |= known?.1;
            ffi::lua_settop(state, -2);
        }
        Some(flags)
    }
}
