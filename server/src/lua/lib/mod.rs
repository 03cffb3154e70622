//! The libraries that Redis gives to scripts: `cjson`, `cmsgpack`, `struct` and `bit`.
//!
//! Each is written here from its behaviour in Redis 8.0 (lua-cjson 2.1.0, lua-cmsgpack 0.4.0, struct 0.2, Lua BitOp
//! 1.0.2), and compared with the reference server case by case; the cases stand in `cases.rs` as data.
//!
//! Layers: `number` reads and writes numbers as C does; `raise` turns a Rust error into the Lua error string that a C
//! library would have raised, with the caller's position; this file has what the four libraries share.
//!
//! Ground rule: nothing here recurses as deep as its input nests, since scripts run on threads with ordinary stacks.
//! Containers being read or written are kept on a heap stack instead. The only recursion is cmsgpack's encoder, which
//! ends at 16 levels. Every Lua value held in Rust takes one of some 8,000 slots of mlua's auxiliary stack, so no
//! function keeps a number of them that grows with its input; running out is an error to the script.

mod bit;
mod cjson;
mod cmsgpack;
mod number;
mod raise;
mod structs;

#[cfg(test)]
mod cases;

use mlua::{Lua, LuaString, MultiValue, Table, Value};

/// The longest string that an encoder makes, in bytes: the longest value that Redis stores. The C libraries have no
/// such limit and end the process instead when a table that contains itself many times is encoded.
const OUTPUT_BYTES_MAX: usize = 512 << 20;

/// Stack slots that a C function may use in Lua 5.1 (`LUAI_MAXCSTACK`). The C libraries stop there; so do these.
const C_STACK_SLOTS: usize = 8000;

/// Results that one call can return: a little under [`C_STACK_SLOTS`], as passing them through mlua needs some slots.
const RESULTS_MAX: usize = 7900;

/// Sets the globals `cjson`, `cmsgpack`, `struct` and `bit`.
///
/// The base library must be open (`next` is used). The tables are ordinary ones: write protection is the caller's.
///
/// # Errors
/// Out of memory, or no `next` in the globals.
pub fn install(lua: &Lua) -> mlua::Result<()> {
    let globals = lua.globals();
    globals.raw_set("cjson", cjson::create(lua, &globals.get("next")?)?)?;
    globals.raw_set("cmsgpack", cmsgpack::create(lua)?)?;
    globals.raw_set("struct", structs::create(lua)?)?;
    globals.raw_set("bit", bit::create(lua)?)
}

/// Why a library function failed.
enum Fail {
    /// Raised as `file:line: text` of the caller (`luaL_error`).
    Here(Vec<u8>),
    /// Raised as `bad argument #index to 'function' (text)` (`luaL_argerror`). The index counts from 1.
    Argument(usize, Vec<u8>),
    /// Raised without a position.
    Bare(Vec<u8>),
}

impl Fail {
    fn here(text: impl Into<Vec<u8>>) -> Fail {
        Fail::Here(text.into())
    }

    fn argument(index: usize, text: impl Into<Vec<u8>>) -> Fail {
        Fail::Argument(index, text.into())
    }
}

impl From<mlua::Error> for Fail {
    fn from(error: mlua::Error) -> Fail {
        match error {
            mlua::Error::StackError => Fail::here("stack overflow"),
            mlua::Error::RuntimeError(text) => Fail::Bare(text.into_bytes()),
            mlua::Error::MemoryError(_) => Fail::Bare(b"not enough memory".to_vec()),
            other => Fail::Bare(other.to_string().into_bytes()),
        }
    }
}

type Reply = Result<MultiValue, Fail>;

/// Sets `table[name]` to a function.
fn add(lua: &Lua, table: &Table, name: &str, body: impl Fn(&Lua, &Args<'_>) -> Reply + 'static) -> mlua::Result<()> {
    let inner = lua.create_function(move |lua, values: MultiValue| {
        let args = Args { lua, values };
        match body(lua, &args) {
            Ok(mut results) => {
                results.push_front(Value::Boolean(true));
                Ok(results)
            }
            Err(fail) => {
                let (index, text) = match fail {
                    Fail::Here(text) => (raise::HERE, text),
                    Fail::Bare(text) => (raise::BARE, text),
                    Fail::Argument(index, text) => (index as i64, text),
                };
                let text = Value::String(lua.create_string(text)?);
                Ok(MultiValue::from_vec(vec![Value::Boolean(false), Value::Integer(index), text]))
            }
        }
    })?;
    table.raw_set(name, raise::wrap(lua, inner)?)
}

fn one(value: Value) -> MultiValue {
    let mut results = MultiValue::with_capacity(2);
    results.push_back(value);
    results
}

/// The arguments of a call, counted from 1 as in Lua's messages.
struct Args<'a> {
    lua: &'a Lua,
    values: MultiValue,
}

impl Args<'_> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn get(&self, index: usize) -> Option<&Value> {
        self.values.get(index - 1)
    }

    fn is_none_or_nil(&self, index: usize) -> bool {
        matches!(self.get(index), None | Some(Value::Nil))
    }

    /// A number, or a string that reads as one (`luaL_checknumber`).
    fn number(&self, index: usize) -> Result<f64, Fail> {
        self.get(index).and_then(to_number).ok_or_else(|| self.type_error(index, "number"))
    }

    /// A number cut to an integer (`luaL_checkinteger`).
    fn integer(&self, index: usize) -> Result<i64, Fail> {
        self.number(index).map(number::to_i64)
    }

    fn integer_or(&self, index: usize, default: i64) -> Result<i64, Fail> {
        if self.is_none_or_nil(index) { Ok(default) } else { self.integer(index) }
    }

    /// A string, or a number written as one (`luaL_checklstring`).
    fn string(&self, index: usize) -> Result<LuaString, Fail> {
        match self.get(index) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value) => match plain_number(value) {
                Some(n) => {
                    let mut text = Vec::with_capacity(24);
                    number::write(&mut text, n, 14);
                    Ok(self.lua.create_string(text)?)
                }
                None => Err(self.type_error(index, "string")),
            },
            None => Err(self.type_error(index, "string")),
        }
    }

    fn type_error(&self, index: usize, expected: &str) -> Fail {
        let found = self.get(index).map_or("no value", type_name);
        Fail::argument(index, format!("{expected} expected, got {found}"))
    }
}

/// The value's number if it is one.
fn plain_number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(n) => Some(*n as f64),
        Value::Number(n) => Some(*n),
        _ => None,
    }
}

/// The value's number if it is one or a string that reads as one (`lua_tonumber`).
fn to_number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => number::parse(&text.as_bytes()),
        other => plain_number(other),
    }
}

/// What Lua calls the value's type. mlua tells more kinds apart than Lua does.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) | Value::Number(_) => "number",
        Value::LightUserData(_) | Value::UserData(_) | Value::Error(_) => "userdata",
        other => other.type_name(),
    }
}

/// The bytes before the first NUL: what C sees of a string.
fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or(bytes)
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
}
