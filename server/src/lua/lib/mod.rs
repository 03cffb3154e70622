//! The libraries that Redis gives to scripts, `cjson`, `cmsgpack`, `struct` and `bit`, and our own part of Lua's `string`.
//!
//! Each is written here from its behaviour in Redis 8.0 (lua-cjson 2.1.0, lua-cmsgpack 0.4.0, struct 0.2, Lua BitOp
//! 1.0.2), and compared with the reference server case by case; the cases stand in `cases.rs` as data, and
//! `tests/libraries.rs` compares generated ones.
//!
//! Layers: `number` reads and writes numbers as C does; `call` has how functions are called and fail, and the rule that
//! none of them owns memory; each library stands on these two.
//!
//! Ground rule: nothing here recurses as deep as its input nests, since scripts run on threads with ordinary stacks.
//! Which containers are open is kept on a heap stack instead, the containers themselves on Lua's, where the limit of the
//! original is the limit here. The only recursion is cmsgpack's encoder, which ends at 16 levels.
#![allow(unsafe_code)]

mod bit;
mod call;
mod cjson;
mod cmsgpack;
mod number;
mod pattern;
mod strings;
mod structs;

#[cfg(test)]
mod cases;

use mlua::{Lua, ffi, lua_State};

/// Sets the globals `cjson`, `cmsgpack`, `struct` and `bit`, and functions of `string`. The tables are ordinary ones: write protection is the
/// caller's.
///
/// # Errors
/// Out of memory.
pub fn install(lua: &Lua) -> mlua::Result<()> {
    // SAFETY: the closure runs in a protected call, leaves nothing on the stack, and has nothing that needs dropping.
    unsafe { lua.exec_raw((), |state| fill(state)) }
}

/// # Safety
/// A live state, in a protected call.
unsafe fn fill(state: *mut lua_State) {
    // SAFETY: `lua_checkstack` makes room for all that is pushed here and in the libraries' `push`; each table is taken
    // by its global, so the scratch space is on top before each of them.
    unsafe {
        ffi::luaL_checkstack(state, 10, c"no room".as_ptr());
        call::push_scratch(state);
        cjson::push(state);
        ffi::lua_setfield(state, ffi::LUA_GLOBALSINDEX, c"cjson".as_ptr());
        cmsgpack::push(state);
        ffi::lua_setfield(state, ffi::LUA_GLOBALSINDEX, c"cmsgpack".as_ptr());
        for (name, functions, upvalues) in [(c"struct", structs::FUNCTIONS, 1), (c"bit", bit::FUNCTIONS, 0)] {
            ffi::lua_createtable(state, 0, functions.len() as i32);
            call::add(state, functions, upvalues);
            ffi::lua_setfield(state, ffi::LUA_GLOBALSINDEX, name.as_ptr());
        }
        strings::replace(state);
        call::pop(state, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_strings_and_name_the_caller() {
        let lua = Lua::new();
        install(&lua).unwrap();
        let run = |code: &str| lua.load(code).set_name("@here").eval::<String>().unwrap();
        assert_eq!(
            run("local ok, e = pcall(function() return cjson.decode('{') end) return type(e) .. ' ' .. e"),
            "string here:1: Expected object key string but found T_END at character 2"
        );
        assert_eq!(
            run("local ok, e = pcall(function() bit.tobit('x') end) return e"),
            "here:1: bad argument #1 to 'tobit' (number expected, got string)"
        );
        assert_eq!(
            run("local ok, e = pcall(function() cjson:decode('{') end) return e"),
            "here:1: calling 'decode' on bad self (expected 1 argument)"
        );
        assert_eq!(
            run("local ok, e = pcall(bit.tobit) return e"),
            "bad argument #1 to '?' (number expected, got no value)"
        );
        let error = lua.load("return cjson.decode('{')").set_name("@here").exec().unwrap_err();
        assert!(error.to_string().contains("here:1: Expected object key string"), "{error}");
    }

    #[test]
    fn hostile_depth_is_an_error() {
        let lua = Lua::new();
        install(&lua).unwrap();
        for text in ["[", "{\"a\":", "[{\"a\":"] {
            let code = "local c, text = cjson.new(), ... c.decode_max_depth(2^31 - 1)
                local ok, e = pcall(c.decode, text:rep(100000)) return e";
            let error: String = lua.load(code).call(text).unwrap();
            assert!(error.starts_with("Found too many nested data structures ("), "{error}");
        }
        let code = "local t = {} for i = 1, 20000 do t = {i % 2 == 0 and t or {a = t}} end
            local c = cjson.new() c.encode_max_depth(2^31 - 1) local ok, e = pcall(c.encode, t) return e";
        let error: String = lua.load(code).eval().unwrap();
        assert!(error.starts_with("Cannot serialise, excessive nesting ("), "{error}");
        let after = "return cjson.encode(cjson.decode('[[1]]'))";
        assert_eq!(lua.load(after).eval::<String>().unwrap(), "[[1]]");
    }

    #[test]
    fn works_inside_a_coroutine() {
        let lua = Lua::new();
        install(&lua).unwrap();
        let code = "local c = coroutine.wrap(function() coroutine.yield(cjson.encode({1,{a=2}})) end) return c()";
        assert_eq!(lua.load(code).eval::<String>().unwrap(), r#"[1,{"a":2}]"#);
    }

    /// Callbacks as deep as Lua lets them be, on the stack that a thread has by itself.
    #[test]
    fn callbacks_nest_on_the_stack_of_a_thread() {
        let lua = Lua::new();
        install(&lua).unwrap();
        let code = "local function f(c) return (c:gsub('.', f)) end return select(2, pcall(f, 'x'))";
        let error: String = lua.load(code).eval().unwrap();
        assert!(error.contains("C stack overflow"), "{error}");
    }

    /// Whatever allocation fails, the error is Lua's and the next call works. (Under memcheck: and nothing is lost.)
    #[test]
    fn memory_may_end_anywhere() {
        let lua = Lua::new();
        install(&lua).unwrap();
        let code = r#"local text = '{"a":[1,2.5,"x\\ny",{"b":[true,null]}],"' .. ('key'):rep(20) .. '":[[[[[[[[[[1]]]]]]]]]]}'
            return function()
                local value = cjson.decode(text)
                local packed = cmsgpack.pack(value, text)
                local c = cjson.new()
                c.encode_keep_buffer(false)
                return #c.encode((cmsgpack.unpack(packed))) + #struct.pack('>sI4', struct.unpack('s', text .. '\0'))
                    + #bit.tohex(7) + #text:gsub('%w+', function(word) return word:rep(3) .. '!' end)
                    + #text:gsub('(%a)(%a)', '%2%1') + #text:gsub('%d', {['1'] = 'one'}) + text:find('(k)(e)(y)')
                    + #text:match('"(%w+)"') + (function() local n = 0 for k in text:gmatch('%w+') do n = n + #k end return n end)()
            end"#;
        let call: mlua::Function = lua.load(code).eval().unwrap();
        let expected: usize = call.call(()).unwrap();
        lua.gc_collect().unwrap();
        lua.gc_stop();
        let (mut failed, mut limit) = (0, lua.used_memory());
        loop {
            lua.set_memory_limit(limit).unwrap();
            let got = call.call::<usize>(());
            lua.set_memory_limit(0).unwrap();
            match got {
                Ok(got) => {
                    assert_eq!(got, expected);
                    break;
                }
                Err(error) => assert!(error.to_string().contains("not enough memory"), "{error}"),
            }
            assert_eq!(call.call::<usize>(()).unwrap(), expected);
            lua.gc_collect().unwrap();
            failed += 1;
            limit += 24;
        }
        assert!(failed > 50, "{failed}");
    }
}
