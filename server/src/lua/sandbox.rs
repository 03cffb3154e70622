//! What scripts find in their interpreter: the globals of Redis 8.0, none of which they can change.
//!
//! Redis patches Lua so that tables can be read-only. Lua as it comes cannot, so each protected table is an empty proxy
//! whose metatable finds the real one for reading and raises for writing:
//!
//! ```text
//!   proxy {}  ── metatable { __index = real, __newindex = raise, [1] = MARKER, [2] = real, [3] = what scripts see }
//! ```
//!
//! The real tables are out of reach: the functions that would get at them or around the proxy (`getmetatable`,
//! `setmetatable`, `rawset`, `rawget`, `next`, `pairs`, `table.insert`) are replaced by ones that know proxies.
//!
//! The functions here raise by longjmp, or Lua does it where they call it, so none of them holds anything that needs
//! dropping.
#![allow(unsafe_code)]

use crate::lua::convert::push_bytes;
use crate::lua::state::{Engine, EngineKind};
use crate::lua::{api, base, chunk, lib, register};
use mlua::{Lua, LuaOptions, StdLib, ffi, lua_State};
use std::ffi::{CStr, c_int, c_void};
use std::mem::transmute;
use std::ptr;

/// Marks the metatables of proxies. Scripts cannot forge it: the only light userdata that they get is `cjson.null`, which is
/// the null pointer.
static MARKER: u8 = 0;

/// Globals that are what Lua has.
const PLAIN: &[&CStr] = &[
    c"_VERSION",
    c"assert",
    c"error",
    c"gcinfo",
    c"ipairs",
    c"rawequal",
    c"select",
    c"tonumber",
    c"tostring",
    c"type",
    c"xpcall",
];

/// Libraries, `redis` included: they become proxies.
const LIBRARIES: &[&CStr] =
    &[c"string", c"table", c"math", c"os", c"coroutine", c"cjson", c"cmsgpack", c"struct", c"bit", c"redis"];

/// Gives errors their place: that of the Lua code that failed, or of the code that called what failed. Its name is Redis's,
/// as scripts can see it.
const ERROR_HANDLER: &CStr = c"local place_of = debug.getinfo
debug = nil
function __redis__err__handler(failure)
  local place
  for level = 2, 3 do
    place = place_of(level, 'nSl')
    if not place or place.what ~= 'C' then break end
  end
  if type(failure) ~= 'table' then
    failure = {err = 'ERR ' .. tostring(failure)}
  end
  if place then
    failure.source = place.source
    failure.line = place.currentline
  end
  return failure
end";

/// An interpreter with everything in place.
pub struct Sandbox {
    /// The owner of the state: dropping it ends it.
    lua: Lua,
    /// The state.
    pub state: *mut lua_State,
    /// Registry reference of the error handler.
    pub handler: c_int,
    /// Registry reference of the real table of globals, where `KEYS` and `ARGV` go.
    pub globals: c_int,
    /// Registry reference of the globals that a library has while it is loaded; `LUA_NOREF` in an interpreter of scripts.
    pub library_globals: c_int,
}

impl Sandbox {
    /// Sets how many bytes the interpreter may use; 0: as many as there are. Where they end, Lua raises: outside of a protected
    /// call that would end the process, so there is a limit in protected calls only.
    pub fn limit(&self, bytes: usize) {
        // It fails only for an allocator that is not mlua's.
        let _ = self.lua.set_memory_limit(bytes);
    }
}

/// Makes an interpreter.
///
/// # Errors
/// Out of memory.
///
/// # Safety
/// `engine` is there until after the sandbox is dropped, and nobody has a reference to it while Lua code runs.
pub unsafe fn create(engine: *mut Engine, kind: EngineKind) -> mlua::Result<Sandbox> {
    let libs = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS;
    let lua = Lua::new_with(libs, LuaOptions::new().catch_rust_panics(false))?;
    lib::install(&lua)?;
    let mut made = (ptr::null_mut(), 0, 0, 0);
    let made_ref = &mut made;
    // SAFETY: the closure runs in a protected call and leaves nothing on the stack; an error in it can only be one of
    // memory, and skips nothing that needs dropping. The state is the main one, as no coroutine runs. Of the
    // engine, as asked of the caller.
    unsafe {
        lua.exec_raw::<()>((), move |state| *made_ref = setup(state, engine, kind))?;
    }
    let (state, handler, globals, library_globals) = made;
    Ok(Sandbox { lua, state, handler, globals, library_globals })
}

/// Makes other globals visible: those of the registry reference `globals`. Everything that was compiled in this
/// interpreter sees them, since all of it looks through the one proxy.
///
/// # Safety
/// `state` and `globals` are of one [`Sandbox`], nothing runs in it, and the stack has three free slots.
pub unsafe fn set_globals(state: *mut lua_State, globals: c_int) {
    // SAFETY: the globals are a proxy, so they have a metatable. It and the new globals, twice, are in the three slots. The
    // metatable has no metatable itself, so no Lua code runs.
    unsafe {
        if ffi::lua_getmetatable(state, ffi::LUA_GLOBALSINDEX) == 0 {
            return;
        }
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, globals);
        ffi::lua_pushvalue(state, -1);
        ffi::lua_rawseti_(state, -3, 2);
        ffi::lua_setfield(state, -2, c"__index".as_ptr());
        ffi::lua_settop(state, -2);
    }
}

/// Answers the state, the reference of the error handler, that of the real globals and that of a library's.
///
/// # Safety
/// - The state is live, in a protected call, and new: it has the libraries of [`create`] and those of `lib`, and no script
///   has run in it.
/// - The engine outlives it.
/// - Nothing that needs dropping is alive in the protected call.
unsafe fn setup(state: *mut lua_State, engine: *mut Engine, kind: EngineKind) -> (*mut lua_State, c_int, c_int, c_int) {
    // SAFETY:
    // - `luaL_checkstack` makes room for all of it: fewer than fifteen values are on the stack at once.
    // - Indices are those of values pushed here, and each part pops what the next does not need.
    // - Lua's own functions are still in their places where their addresses are asked for.
    // - The functions that want upvalues get them: `random` and `random_seed` the engine, those around Lua's own their
    //   address, `pairs` and `get_metatable` a second one.
    // - Nothing here needs dropping.
    unsafe {
        ffi::luaL_checkstack(state, 30, c"no room".as_ptr());
        let before = ffi::lua_gettop(state);
        ffi::lua_pushcclosure(state, ffi::luaopen_debug, 0);
        push_bytes(state, b"debug");
        ffi::lua_call(state, 1, 0);
        chunk::compile(state, ERROR_HANDLER.to_bytes(), c"@err_handler_def".as_ptr());
        ffi::lua_call(state, 0, 0);
        ffi::lua_getfield_(state, ffi::LUA_GLOBALSINDEX, c"__redis__err__handler".as_ptr());
        let handler = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);

        // redis
        ffi::lua_createtable(state, 0, 24);
        api::fill(state, engine, kind);
        ffi::lua_setfield(state, ffi::LUA_GLOBALSINDEX, c"redis".as_ptr());
        // os: the clock alone
        ffi::lua_getfield_(state, ffi::LUA_GLOBALSINDEX, c"os".as_ptr());
        ffi::lua_getfield_(state, -1, c"clock".as_ptr());
        ffi::lua_createtable(state, 0, 1);
        ffi::lua_insert(state, -2);
        ffi::lua_setfield(state, -2, c"clock".as_ptr());
        ffi::lua_setfield(state, ffi::LUA_GLOBALSINDEX, c"os".as_ptr());
        ffi::lua_settop(state, before);
        ffi::lua_getfield_(state, ffi::LUA_GLOBALSINDEX, c"table".as_ptr());
        ffi::lua_pushcclosure(state, table_insert, 0);
        ffi::lua_setfield(state, -2, c"insert".as_ptr());
        ffi::lua_settop(state, before);
        ffi::lua_getfield_(state, ffi::LUA_GLOBALSINDEX, c"math".as_ptr());
        for (name, function) in [(c"random", random as CFunction), (c"randomseed", random_seed as CFunction)] {
            ffi::lua_pushlightuserdata(state, engine.cast());
            ffi::lua_pushcclosure(state, function, 1);
            ffi::lua_setfield(state, -2, name.as_ptr());
        }
        ffi::lua_settop(state, before);

        // The real globals.
        ffi::lua_createtable(state, 0, 48);
        let real = ffi::lua_gettop(state);
        let handler_name = (kind == EngineKind::Scripts).then_some(c"__redis__err__handler");
        for name in PLAIN.iter().copied().chain(handler_name) {
            ffi::lua_getfield_(state, ffi::LUA_GLOBALSINDEX, name.as_ptr());
            ffi::lua_setfield(state, real, name.as_ptr());
        }
        for name in LIBRARIES {
            ffi::lua_getfield_(state, ffi::LUA_GLOBALSINDEX, name.as_ptr());
            protect(state, ffi::lua_gettop(state), 0);
            ffi::lua_setfield(state, real, name.as_ptr());
            ffi::lua_settop(state, real);
        }
        for (name, function) in [
            (c"pcall", pcall as CFunction),
            (c"next", next as CFunction),
            (c"rawget", rawget as CFunction),
            (c"rawset", rawset as CFunction),
            (c"load", chunk::load as CFunction),
            (c"loadstring", chunk::load_string as CFunction),
            (c"unpack", base::unpack as CFunction),
            (c"collectgarbage", base::collect_garbage as CFunction),
        ] {
            ffi::lua_pushcclosure(state, function, 0);
            ffi::lua_setfield(state, real, name.as_ptr());
        }
        // pairs: Lua's next for ordinary tables, ours for proxies.
        ffi::lua_getfield_(state, ffi::LUA_GLOBALSINDEX, c"next".as_ptr());
        ffi::lua_getfield_(state, real, c"next".as_ptr());
        ffi::lua_pushcclosure(state, pairs, 2);
        ffi::lua_setfield(state, real, c"pairs".as_ptr());
        // setmetatable, getmetatable: around Lua's own; the latter knows what to show for strings.
        push_original(state, c"setmetatable");
        ffi::lua_pushcclosure(state, set_metatable, 1);
        ffi::lua_setfield(state, real, c"setmetatable".as_ptr());
        push_original(state, c"getmetatable");
        ffi::lua_createtable(state, 0, 1);
        ffi::lua_getfield_(state, real, c"string".as_ptr());
        ffi::lua_setfield(state, -2, c"__index".as_ptr());
        protect(state, ffi::lua_gettop(state), 0);
        ffi::lua_remove(state, -2);
        ffi::lua_pushcclosure(state, get_metatable, 2);
        ffi::lua_setfield(state, real, c"getmetatable".as_ptr());
        // Reading a global that is not there is an error.
        ffi::lua_createtable(state, 0, 1);
        ffi::lua_pushcclosure(state, missing_global, 0);
        ffi::lua_setfield(state, -2, c"__index".as_ptr());
        let shown = ffi::lua_gettop(state);
        ffi::lua_pushvalue(state, shown);
        ffi::lua_setmetatable(state, real);
        // While a library is loaded, there is only `redis`, with what registers functions. Nothing else may be asked for,
        // in either table.
        let mut library_globals = ffi::LUA_NOREF;
        if kind == EngineKind::Functions {
            ffi::lua_createtable(state, 0, 1);
            ffi::lua_createtable(state, 0, 12);
            register::fill(state, engine);
            ffi::lua_pushvalue(state, shown);
            ffi::lua_setmetatable(state, -2);
            protect(state, ffi::lua_gettop(state), 0);
            ffi::lua_setfield(state, -3, c"redis".as_ptr());
            ffi::lua_settop(state, -2);
            ffi::lua_pushvalue(state, shown);
            ffi::lua_setmetatable(state, -2);
            library_globals = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        }
        protect(state, shown, 0);
        protect(state, real, ffi::lua_gettop(state));
        ffi::lua_pushvalue(state, -1);
        ffi::lua_setfield(state, real, c"_G".as_ptr());
        ffi::lua_replace(state, ffi::LUA_GLOBALSINDEX);
        ffi::lua_settop(state, real);
        let globals = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        ffi::lua_settop(state, before);
        (state, handler, globals, library_globals)
    }
}

/// Pushes a proxy of the table at `real`; `getmetatable` of it shows what is at `shown`, if that is not 0.
///
/// # Safety
/// A live state with three free slots; `real` and `shown` are absolute indices of tables; nothing that needs dropping is
/// alive in the callers.
unsafe fn protect(state: *mut lua_State, real: c_int, shown: c_int) {
    // SAFETY: the slots are for the proxy, its metatable and a value of that. Field 2 is what `push_of_proxy` relies on.
    unsafe {
        ffi::lua_createtable(state, 0, 0);
        ffi::lua_createtable(state, 3, 2);
        ffi::lua_pushlightuserdata(state, marker());
        ffi::lua_rawseti_(state, -2, 1);
        ffi::lua_pushvalue(state, real);
        ffi::lua_rawseti_(state, -2, 2);
        if shown != 0 {
            ffi::lua_pushvalue(state, shown);
            ffi::lua_rawseti_(state, -2, 3);
        }
        ffi::lua_pushvalue(state, real);
        ffi::lua_setfield(state, -2, c"__index".as_ptr());
        ffi::lua_pushcclosure(state, read_only, 0);
        ffi::lua_setfield(state, -2, c"__newindex".as_ptr());
        ffi::lua_setmetatable(state, -2);
    }
}

/// The address of [`MARKER`].
fn marker() -> *mut c_void {
    (&raw const MARKER).cast_mut().cast()
}

/// Pushes field `field` of the metatable of the proxy at `index`; false, and nothing is pushed, if it is none.
///
/// # Safety
/// As for [`CFunction`], with three free slots; `index` is that of an argument, there or not.
unsafe fn push_of_proxy(state: *mut lua_State, index: c_int, field: c_int) -> bool {
    // SAFETY: the slots are for the metatable, its mark and the field. What is not to stay is popped.
    unsafe {
        if ffi::lua_getmetatable(state, index) == 0 {
            return false;
        }
        ffi::lua_rawgeti_(state, -1, 1);
        if ffi::lua_touserdata(state, -1) != marker() {
            ffi::lua_settop(state, -3);
            return false;
        }
        ffi::lua_rawgeti_(state, -2, field);
        ffi::lua_replace(state, -3);
        ffi::lua_settop(state, -2);
        true
    }
}

/// Replaces a proxy among the arguments by its real table.
///
/// # Safety
/// As for [`push_of_proxy`].
unsafe fn unwrap(state: *mut lua_State, index: c_int) {
    // SAFETY: as asked of the caller. If there is a proxy, there is a slot to put the table in.
    unsafe {
        if push_of_proxy(state, index, 2) {
            ffi::lua_replace(state, index);
        }
    }
}

/// Raises, without a position, if argument 1 is a proxy.
///
/// # Safety
/// As for [`CFunction`], with three free slots.
unsafe fn refuse_proxy(state: *mut lua_State) {
    // SAFETY: as asked of the caller; the text takes a slot beside the table.
    unsafe {
        if push_of_proxy(state, 1, 2) {
            push_bytes(state, b"Attempt to modify a readonly table");
            ffi::lua_error(state);
        }
    }
}

/// Pushes the address of Lua's own global function: upvalue 1 of a function that calls [`original`].
///
/// # Safety
/// As for [`setup`], with a free slot. The function of this name has no upvalues.
unsafe fn push_original(state: *mut lua_State, name: &CStr) {
    // SAFETY: the slot is that of the function, and then of its address.
    unsafe {
        ffi::lua_getfield_(state, ffi::LUA_GLOBALSINDEX, name.as_ptr());
        let address = ffi::lua_tocfunction(state, -1).map_or(ptr::null_mut(), |function| function as *mut c_void);
        ffi::lua_settop(state, -2);
        ffi::lua_pushlightuserdata(state, address);
    }
}

/// Calls the original function, whose address is upvalue 1, in this function's place: it sees the same arguments.
///
/// # Safety
/// As for [`CFunction`]. The arguments alone are on the stack, and the running function was made with the upvalue that
/// [`push_original`] gives.
unsafe fn original(state: *mut lua_State) -> c_int {
    // SAFETY: the upvalue is null or the address of a C function of Lua's libraries. It runs as if Lua had called it: with
    // its arguments, with free slots, and without upvalues, which those used here do not have.
    unsafe {
        let address = ffi::lua_touserdata(state, ffi::lua_upvalueindex(1));
        if address.is_null() {
            return 0;
        }
        transmute::<*mut c_void, ffi::lua_CFunction>(address)(state)
    }
}

/// A C function of the sandbox.
///
/// # Safety
/// Lua alone calls it, so that
/// - its arguments are all that is on the stack, with LUA_MINSTACK (20) free slots above;
/// - its upvalues are those that [`setup`] has given it;
/// - nothing that needs dropping is alive in the callers. The function keeps to that too: Lua may raise in nearly all that
///   it calls.
pub type CFunction = ffi::lua_CFunction;

/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn read_only(state: *mut lua_State) -> c_int {
    // SAFETY: Lua makes its own room for the text.
    unsafe { ffi::luaL_error(state, c"Attempt to modify a readonly table".as_ptr()) }
}

/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn missing_global(state: *mut lua_State) -> c_int {
    // SAFETY: the name stays in its slot until it is part of the text, for which Lua makes its own room. Scripts get at
    // this function (`getmetatable(_G).__index`), so it looks at what it is given.
    unsafe {
        if ffi::lua_gettop(state) != 2 {
            return ffi::luaL_error(state, c"Wrong number of arguments to luaProtectedTableError".as_ptr());
        }
        let name = ffi::lua_tolstring(state, 2, ptr::null_mut());
        if name.is_null() {
            let text = c"Second argument to luaProtectedTableError must be a string or number";
            return ffi::luaL_error(state, text.as_ptr());
        }
        ffi::luaL_error(state, c"Script attempted to access nonexistent global variable '%s'".as_ptr(), name)
    }
}

/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn table_insert(state: *mut lua_State) -> c_int {
    // SAFETY: the arguments are still all that is on the stack when `insert` gets them.
    unsafe {
        refuse_proxy(state);
        base::insert(state)
    }
}

/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn set_metatable(state: *mut lua_State) -> c_int {
    // SAFETY: the arguments are still all that is on the stack when the original gets them; upvalue 1 is its address.
    unsafe {
        refuse_proxy(state);
        original(state)
    }
}

/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn get_metatable(state: *mut lua_State) -> c_int {
    // SAFETY: upvalue 2 is what is shown of strings. For the rest as in `set_metatable`: nothing is pushed for what is no
    // proxy.
    unsafe {
        if ffi::lua_type(state, 1) == ffi::LUA_TSTRING {
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(2));
            return 1;
        }
        if push_of_proxy(state, 1, 3) { 1 } else { original(state) }
    }
}

/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn next(state: *mut lua_State) -> c_int {
    // SAFETY: there are two values, and the first is a table, also after `unwrap`. `lua_next` takes one and pushes two at
    // most; it raises for a key that is not there.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        ffi::lua_settop(state, 2);
        unwrap(state, 1);
        if ffi::lua_next(state, 1) != 0 {
            return 2;
        }
        ffi::lua_pushnil(state);
        1
    }
}

/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn pairs(state: *mut lua_State) -> c_int {
    // SAFETY: the two upvalues are functions; four values are on the stack at most.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        let is_proxy = push_of_proxy(state, 1, 2);
        ffi::lua_settop(state, 1);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(if is_proxy { 2 } else { 1 }));
        ffi::lua_pushvalue(state, 1);
        ffi::lua_pushnil(state);
        3
    }
}

/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn rawget(state: *mut lua_State) -> c_int {
    // SAFETY: there are two values, and the first is a table, also after `unwrap`.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        ffi::luaL_checkany(state, 2);
        ffi::lua_settop(state, 2);
        unwrap(state, 1);
        ffi::lua_rawget_(state, 1);
        1
    }
}

/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn rawset(state: *mut lua_State) -> c_int {
    // SAFETY: there are three values, and the first is a table. `lua_rawset` raises for a key that cannot be one.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        ffi::luaL_checkany(state, 2);
        ffi::luaL_checkany(state, 3);
        ffi::lua_settop(state, 3);
        refuse_proxy(state);
        ffi::lua_rawset(state, 1);
        1
    }
}

/// Redis's own: an error that is a table with `err` becomes its text. What else is under that name is a third result.
///
/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn pcall(state: *mut lua_State) -> c_int {
    // SAFETY: the function and its arguments are the top `count` values, above `true`. If it fails, the error is in their
    // place, and three slots more are used. Reading its field may run Lua code, and raise.
    unsafe {
        ffi::luaL_checkany(state, 1);
        let count = ffi::lua_gettop(state);
        ffi::lua_pushboolean(state, 1);
        ffi::lua_insert(state, 1);
        if ffi::lua_pcall(state, count - 1, ffi::LUA_MULTRET, 0) == 0 {
            return ffi::lua_gettop(state);
        }
        if ffi::lua_type(state, -1) == ffi::LUA_TTABLE {
            ffi::lua_getfield_(state, -1, c"err".as_ptr());
            if ffi::lua_isstring(state, -1) != 0 {
                ffi::lua_replace(state, -2);
            }
        }
        ffi::lua_pushboolean(state, 0);
        ffi::lua_replace(state, 1);
        ffi::lua_gettop(state)
    }
}

/// Redis's generator (`lrand48` with its usual start), so that the numbers are the same.
///
/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn random(state: *mut lua_State) -> c_int {
    const MAX: u64 = i32::MAX as u64;
    // SAFETY: upvalue 1 is the engine, of which nobody has a reference while Lua code runs; it outlives the state.
    unsafe {
        let engine = ffi::lua_touserdata(state, ffi::lua_upvalueindex(1)).cast::<Engine>();
        (*engine).random = (*engine).random.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & 0xFFFF_FFFF_FFFF;
        let share = (((*engine).random >> 17) % MAX) as f64 / MAX as f64;
        match ffi::lua_gettop(state) {
            0 => ffi::lua_pushnumber(state, share),
            1 => {
                let end = ffi::luaL_checknumber(state, 1).trunc();
                if end < 1.0 {
                    return ffi::luaL_argerror(state, 1, c"interval is empty".as_ptr());
                }
                ffi::lua_pushnumber(state, (share * end).floor() + 1.0);
            }
            2 => {
                let start = ffi::luaL_checknumber(state, 1).trunc();
                let end = ffi::luaL_checknumber(state, 2).trunc();
                if start > end {
                    return ffi::luaL_argerror(state, 2, c"interval is empty".as_ptr());
                }
                ffi::lua_pushnumber(state, (share * (end - start + 1.0)).floor() + start);
            }
            _ => return ffi::luaL_error(state, c"wrong number of arguments".as_ptr()),
        }
        1
    }
}

/// The start of Redis's generator.
pub const RANDOM_START: u64 = 0x1234_ABCD_330E;

/// # Safety
/// As for [`CFunction`].
unsafe extern "C-unwind" fn random_seed(state: *mut lua_State) -> c_int {
    // SAFETY: as in `random`.
    unsafe {
        let seed = ffi::luaL_checknumber(state, 1) as i64 as u32;
        let engine = ffi::lua_touserdata(state, ffi::lua_upvalueindex(1)).cast::<Engine>();
        (*engine).random = u64::from(seed) << 16 | 0x330E;
        0
    }
}
