//! What a library registers while its top level runs. It sees one global, `redis`, with the functions of [`REGISTER`], the log
//! and the version.
#![allow(unsafe_code)]

use crate::lua::api::{self, Entries, entry, fail};
use crate::lua::convert::string_at;
use crate::lua::loading::{Draft, Given, Loading};
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
/// As for [`api::fill`].
pub unsafe fn fill(state: *mut lua_State, engine: *mut Engine) {
    // SAFETY: as asked of the caller; each call leaves the table on top.
    unsafe {
        api::add_functions(state, engine, REGISTER);
        api::fill_always(state, engine);
    }
}

/// # Safety
/// As for [`Body`](api::Body).
unsafe fn register_function(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: there are as many arguments as the readers want. What they leave on the stack and `fail` take six slots at
    // most.
    unsafe {
        let Some(loading) = &mut engine.loading else {
            return fail(state, "redis.register_function can only be called on FUNCTION LOAD command");
        };
        loading.given = Given::default();
        let given = &mut loading.given;
        let read = match ffi::lua_gettop(state) {
            1 => read_named(state, given),
            2 => read_positional(state, given),
            _ => Err("wrong number of arguments to redis.register_function"),
        };
        match read.and_then(|()| accept(loading)) {
            Ok(()) => 0,
            Err(text) => refuse(state, loading, text),
        }
    }
}

/// # Safety
/// As for [`Body`](api::Body).
unsafe fn register_trigger(state: *mut lua_State, engine: &mut Engine) -> c_int {
    // SAFETY: as in `register_function`.
    unsafe {
        let Some(loading) = &mut engine.loading else {
            return fail(state, "redis.register_trigger can only be called on FUNCTION LOAD command");
        };
        loading.given = Given::default();
        let given = &mut loading.given;
        let read = match ffi::lua_gettop(state) {
            1 => read_trigger(state, given),
            _ => Err("wrong number of arguments to redis.register_trigger"),
        };
        match read.and_then(|()| accept_trigger(loading)) {
            Ok(()) => 0,
            Err(text) => refuse(state, loading, text),
        }
    }
}

/// Lets go of what was read, and answers with an error on the stack.
///
/// # Safety
/// As for [`Body`](api::Body), with three free slots.
unsafe fn refuse(state: *mut lua_State, loading: &mut Loading, text: &'static str) -> c_int {
    // SAFETY: as asked of the caller. Nobody else has the reference: it goes to a draft only when all went well.
    unsafe {
        if let Some(callback) = std::mem::take(&mut loading.given).callback {
            ffi::luaL_unref(state, ffi::LUA_REGISTRYINDEX, callback);
        }
        fail(state, text)
    }
}

/// Adds the function to those of the library.
fn accept(loading: &mut Loading) -> Result<(), &'static str> {
    let given = &mut loading.given;
    let name = given.name.take().ok_or("redis.register_function must get a function name argument")?;
    let callback = given.callback.ok_or("redis.register_function must get a callback argument")?;
    add(loading, name, callback, None)
}

/// Adds a trigger to the functions of the library.
fn accept_trigger(loading: &mut Loading) -> Result<(), &'static str> {
    let given = &mut loading.given;
    let name = given.name.take().ok_or("redis.register_trigger must get a name argument")?;
    let events = given.events.take().ok_or("redis.register_trigger must get an events argument")?;
    let callback = given.callback.ok_or("redis.register_trigger must get a callback argument")?;
    let trigger = TriggerRecord::new(events, given.pattern.as_deref().unwrap_or(b"*"));
    add(loading, name, callback, Some(trigger))
}

fn add(
    loading: &mut Loading,
    name: Box<[u8]>,
    callback: c_int,
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
    let Given { description, flags, .. } = std::mem::take(&mut loading.given);
    let function = Function { name, description, flags, learned: Learned::default(), trigger };
    loading.functions.push(Draft { function, callback });
    Ok(())
}

/// A name and a function.
///
/// # Safety
/// As for [`Body`](api::Body), with two arguments; `given` is the engine's.
unsafe fn read_positional(state: *mut lua_State, given: &mut Given) -> Result<(), &'static str> {
    // SAFETY: as asked of the caller. The name is copied while it is there; the function is on top, and taken.
    unsafe {
        let name = string_at(state, 1).ok_or("first argument to redis.register_function must be a string")?;
        given.name = Some(name.into());
        if ffi::lua_type(state, 2) != ffi::LUA_TFUNCTION {
            return Err("second argument to redis.register_function must be a function");
        }
        given.callback = Some(ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX));
        Ok(())
    }
}

/// A table of named arguments.
///
/// # Safety
/// As for [`Body`](api::Body), with one argument; `given` is the engine's.
unsafe fn read_named(state: *mut lua_State, given: &mut Given) -> Result<(), &'static str> {
    // SAFETY:
    // - Three slots are used: a key, its value, and an element of that. The key is on top again for `lua_next`.
    // - Keys are not converted in place, which `lua_next` would not stand. Values are, and what was read is in `given`
    //   then; slices are copied while their values are there.
    // - A callback that is replaced has not been given to anybody.
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
                if let Some(other) = given.callback.take() {
                    ffi::luaL_unref(state, ffi::LUA_REGISTRYINDEX, other);
                }
                given.callback = Some(ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX));
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
///
/// # Safety
/// As for [`read_named`].
unsafe fn read_trigger(state: *mut lua_State, given: &mut Given) -> Result<(), &'static str> {
    // SAFETY: as in `read_named`; neither keys nor their values are converted.
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
                    given.callback = Some(ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX));
                    continue; // the value was taken
                }
                _ => return Err("unknown argument given to redis.register_trigger"),
            }
            ffi::lua_settop(state, -2);
        }
        Ok(())
    }
}

/// The names of events on top of the stack: one, a list of them, or `*` for all (None). May leave an element there if it
/// refuses.
///
/// # Safety
/// A live state with a value on top and a free slot.
unsafe fn read_events(state: *mut lua_State) -> Result<Option<Arc<[&'static str]>>, &'static str> {
    const WRONG: &str = "events argument given to redis.register_trigger must be a string or a list of strings";
    let known = |name: &[u8]| event::NAMES.iter().copied().find(|known| known.as_bytes() == name);
    let unknown = "unknown event given to redis.register_trigger";
    // SAFETY: the slot is for an element. While the names are held in a vector, nothing raises: fields are read raw, and no
    // string is converted.
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

/// The flags in the list on top of the stack; None if there is one that does not exist, which may be left there.
///
/// # Safety
/// A live state with a table on top and a free slot; nothing that needs dropping is alive in the callers.
unsafe fn read_flags(state: *mut lua_State) -> Option<u32> {
    // SAFETY: the slot is for an element, which is converted if it is a number, and popped when it has been compared.
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
