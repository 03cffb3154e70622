//! What Redis 8.0.6 answers, case by case: a script's body, and its results or error as text.
//!
//! Taken from the reference server with EVAL, each body run as `return all(pcall(function() ... end))` after [`PREFIX`],
//! with cjson's settings at their defaults.

use mlua::Lua;

#[test]
fn answers_as_the_reference_does() {
    let mut wrong = Vec::new();
    for (body, expected) in CASES {
        let lua = Lua::new();
        super::install(&lua).expect("the base library is open");
        let code = format!("{} return all(pcall(function() {body} end))", PREFIX.replace('\n', " "));
        let got = match lua.load(code).set_name("@user_script").eval::<String>() {
            Ok(got) => got,
            Err(error) => format!("failed: {error}"),
        };
        if got != *expected {
            wrong.push(format!("{body}\n   expected {expected}\n        got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}

/// Writes values as text: strings quoted with bytes outside ASCII in hexadecimal, tables sorted. Cases return fewer than 20
/// results: with more, Lua 5.1's own `pcall` fails the API checks that debug builds have.
const PREFIX: &str = r##"
local function q(s) return '"' .. s:gsub('[^%w%p ]', function(c) return string.format('<%02x>', c:byte()) end) .. '"' end
local function show(v, d)
  local t = type(v)
  if t == 'number' then return string.format('%.17g', v) end
  if t == 'string' then return q(v) end
  if t == 'userdata' then return tostring(v) end
  if t ~= 'table' then return t == 'function' and t or tostring(v) end
  if d > 20 then return '...' end
  local r = {}
  for k, x in pairs(v) do r[#r + 1] = show(k, d + 1) .. '=' .. show(x, d + 1) end
  table.sort(r)
  return '{' .. table.concat(r, ' ') .. '}'
end
local function all(ok, ...)
  local r = {}
  for i = 1, math.min(select('#', ...), 40) do r[i] = show((select(i, ...)), 0) end
  return (ok and '' or 'error ') .. table.concat(r, ' ')
end
local function hex(s) return (s:gsub('.', function(c) return string.format('%02x', c:byte()) end)) end
"##;

#[rustfmt::skip]
const CASES: &[(&str, &str)] = &[
    (
        r##"local r = {} for k, v in pairs(cjson) do r[k] = type(v) end return r, cjson._NAME, cjson._VERSION, cjson.null"##,
        r##"{"_NAME"="string" "_VERSION"="string" "decode"="function" "decode_invalid_numbers"="function" "decode_max_depth"="function" "encode"="function" "encode_invalid_numbers"="function" "encode_keep_buffer"="function" "encode_max_depth"="function" "encode_number_precision"="function" "encode_sparse_array"="function" "new"="function" "null"="userdata"} "cjson" "2.1.0" userdata: (nil)"##,
    ),
    (
        r##"local r = {} for k, v in pairs(cmsgpack) do r[k] = type(v) == 'string' and v or type(v) end return r"##,
        r##"{"_COPYRIGHT"="Copyright (C) 2012, Salvatore Sanfilippo" "_DESCRIPTION"="MessagePack C implementation for Lua" "_NAME"="cmsgpack" "_VERSION"="lua-cmsgpack 0.4.0" "pack"="function" "unpack"="function" "unpack_limit"="function" "unpack_one"="function"}"##,
    ),
    (
        r##"local r = {} for k, v in pairs(struct) do r[k] = type(v) end return r"##,
        r##"{"pack"="function" "size"="function" "unpack"="function"}"##,
    ),
    (
        r##"local r = {} for k, v in pairs(bit) do r[k] = type(v) end return r"##,
        r##"{"arshift"="function" "band"="function" "bnot"="function" "bor"="function" "bswap"="function" "bxor"="function" "lshift"="function" "rol"="function" "ror"="function" "rshift"="function" "tobit"="function" "tohex"="function"}"##,
    ),
    (
        r##"return cjson.encode({1, 2, 3}), cjson.encode({}), cjson.encode({a = 1}), cjson.encode('x'), cjson.encode(1.5), cjson.encode(true), cjson.encode(false)"##,
        r##""[1,2,3]" "{}" "{"a":1}" ""x"" "1.5" "true" "false""##,
    ),
    (
        r##"return cjson.encode(nil), cjson.encode(cjson.null), cjson.encode({cjson.null, false})"##,
        r##""null" "null" "[null,false]""##,
    ),
    (
        r##"return cjson.encode(), 1"##,
        r##"error "user_script:1: bad argument #1 to 'encode' (expected 1 argument)""##,
    ),
    (
        r##"return cjson.encode(1, 2)"##,
        r##"error "user_script:1: bad argument #1 to 'encode' (expected 1 argument)""##,
    ),
    (
        r##"return cjson.encode({{}, {{}}, {a = {}}})"##,
        r##""[{},[{}],{"a":{}}]""##,
    ),
    (
        r##"return cjson.encode({[1] = 1, [2] = 2, [4] = 4}), cjson.encode({[3] = 1}), cjson.encode({[10] = 1})"##,
        r##""[1,2,null,4]" "[null,null,1]" "[null,null,null,null,null,null,null,null,null,1]""##,
    ),
    (
        r##"return cjson.encode({[11] = 1})"##,
        r##"error "user_script:1: Cannot serialise table: excessively sparse array""##,
    ),
    (
        r##"return cjson.encode({[1] = 1, [2] = 2, [3] = 3, [4] = 4, [5] = 5, [6] = 6, [12] = 1})"##,
        r##""[1,2,3,4,5,6,null,null,null,null,null,1]""##,
    ),
    (
        r##"return cjson.encode({[1] = 1, [2] = 2, [3] = 3, [4] = 4, [5] = 5, [13] = 1})"##,
        r##"error "user_script:1: Cannot serialise table: excessively sparse array""##,
    ),
    (
        r##"return cjson.encode({1, 2, x = 3}):len(), cjson.encode({[0] = 1}), cjson.encode({[-1] = 1}), cjson.encode({[1.5] = 1})"##,
        r##"19 "{"0":1}" "{"-1":1}" "{"1.5":1}""##,
    ),
    (
        r##"return cjson.encode({['1'] = 'a'}), cjson.encode({[1] = 'a', [2] = 'b'})"##,
        r##""{"1":"a"}" "["a","b"]""##,
    ),
    (
        r##"return cjson.encode({[2^31] = 1}), cjson.encode({[2^53] = 1}), cjson.encode({[1e300] = 1})"##,
        r##""{"2147483648":1}" "{"9.007199254741e+15":1}" "{"1e+300":1}""##,
    ),
    (
        r##"return cjson.encode({[1 / 0] = 1})"##,
        r##"error "user_script:1: Cannot serialise number: must not be NaN or Inf""##,
    ),
    (
        r##"return cjson.encode({[-1 / 0] = 1})"##,
        r##"error "user_script:1: Cannot serialise number: must not be NaN or Inf""##,
    ),
    (
        r##"return cjson.encode({[true] = 1})"##,
        r##"error "user_script:1: Cannot serialise boolean: table key must be a number or string""##,
    ),
    (
        r##"return cjson.encode({[{}] = 1})"##,
        r##"error "user_script:1: Cannot serialise table: table key must be a number or string""##,
    ),
    (
        r##"return cjson.encode({[cjson.null] = 1})"##,
        r##"error "user_script:1: Cannot serialise userdata: table key must be a number or string""##,
    ),
    (
        r##"return cjson.encode({a = tostring})"##,
        r##"error "user_script:1: Cannot serialise function: type not supported""##,
    ),
    (
        r##"return cjson.encode(coroutine.create(function() end))"##,
        r##"error "user_script:1: Cannot serialise thread: type not supported""##,
    ),
    (
        r##"return cjson.encode(tostring)"##,
        r##"error "user_script:1: Cannot serialise function: type not supported""##,
    ),
    (
        r##"return cjson.encode(0 / 0)"##,
        r##"error "user_script:1: Cannot serialise number: must not be NaN or Inf""##,
    ),
    (
        r##"return cjson.encode(1 / 0)"##,
        r##"error "user_script:1: Cannot serialise number: must not be NaN or Inf""##,
    ),
    (
        r##"return cjson.encode({-1 / 0})"##,
        r##"error "user_script:1: Cannot serialise number: must not be NaN or Inf""##,
    ),
    (
        r##"return cjson.encode({0, -0, 1, -1, 0.1, 1 / 3, 1e14, 1e15, 1e16, 1e100, 2^53, 2^63, 123456789012345, 99999999999999, 1e-5, 0.0001, 1.5e300, 5e-324, -1e-10})"##,
        r##""[0,0,1,-1,0.1,0.33333333333333,1e+14,1e+15,1e+16,1e+100,9.007199254741e+15,9.2233720368548e+18,1.2345678901234e+14,99999999999999,1e-05,0.0001,1.5e+300,4.9406564584125e-324,-1e-10]""##,
    ),
    (
        r##"return cjson.encode({3.14159265358979, 2.5, 100, 1e20, 1234567.891, 0.1 + 0.2, 1e-7, 123456789.123456789})"##,
        r##""[3.1415926535898,2.5,100,1e+20,1234567.891,0.3,1e-07,123456789.12346]""##,
    ),
    (
        r##"local z = 0 return cjson.encode(-z), cjson.encode({-z * 1})"##,
        r##""-0" "[-0]""##,
    ),
    (
        r##"return cjson.encode('\0\1\2\8\9\10\11\12\13\14\31 "\\/\127\128\255é')"##,
        r##"""\u0000\u0001\u0002\b\t\n\u000b\f\r\u000e\u001f \"\\\/\u007f<80><ff><c3><a9>"""##,
    ),
    (
        r##"return cjson.encode(string.rep('/', 3) .. string.rep('\0', 3)), cjson.encode({['a"b\n'] = 1}), cjson.encode('')"##,
        r##"""\/\/\/\u0000\u0000\u0000"" "{"a\"b\n":1}" """""##,
    ),
    (
        r##"local t = {} for i = 1, 1000 do t = {t} end return #cjson.encode(t)"##,
        r##"error "user_script:1: Cannot serialise, excessive nesting (1001)""##,
    ),
    (
        r##"local t = {} for i = 1, 999 do t = {t} end return #cjson.encode(t)"##,
        r##"2000"##,
    ),
    (
        r##"local t = {} for i = 1, 1000 do t = {a = t} end return cjson.encode(t)"##,
        r##"error "user_script:1: Cannot serialise, excessive nesting (1001)""##,
    ),
    (
        r##"local t = {} t[1] = t return cjson.encode(t)"##,
        r##"error "user_script:1: Cannot serialise, excessive nesting (1001)""##,
    ),
    (
        r##"local t = {} t.x = t return cjson.encode(t)"##,
        r##"error "user_script:1: Cannot serialise, excessive nesting (1001)""##,
    ),
    (
        r##"cjson.encode_max_depth(2) return cjson.encode({{1}}), pcall(cjson.encode, {{{1}}})"##,
        r##""[[1]]" false "Cannot serialise, excessive nesting (3)""##,
    ),
    (
        r##"local t = {} for i = 1, 9000 do t = {t} end local c = cjson.new() c.encode_max_depth(100000) return c.encode(t)"##,
        r##"error "user_script:1: Cannot serialise, excessive nesting (7998)""##,
    ),
    (
        r##"local t = {} for i = 1, 9000 do t = {a = t} end local c = cjson.new() c.encode_max_depth(100000) return c.encode(t)"##,
        r##"error "user_script:1: Cannot serialise, excessive nesting (4000)""##,
    ),
    (
        r##"local t = {} for i = 1, 3500 do t = {a = t} end local c = cjson.new() c.encode_max_depth(100000) return #c.encode(t)"##,
        r##"21002"##,
    ),
    (
        r##"local t = {} for i = 1, 5000 do t = {t} end local c = cjson.new() c.encode_max_depth(100000) return #c.encode(t)"##,
        r##"10002"##,
    ),
    (
        r##"return cjson.encode(setmetatable({}, {__index = function() return 1 end})), cjson.encode(setmetatable({}, {__is_cjson_array = true}))"##,
        r##""{}" "{}""##,
    ),
    (
        r##"local t = {} for i = 1, 3000 do t[i] = i end local s = cjson.encode(t) return #s, s:sub(1, 20), s:sub(-20)"##,
        r##"13894 "[1,2,3,4,5,6,7,8,9,1" "2997,2998,2999,3000]""##,
    ),
    (
        r##"local t = {} for i = 3000, 1, -1 do t[i] = 'x' .. i end local s = cjson.encode(t) return #s, s:sub(1, 20), s:sub(-20)"##,
        r##"22894 "["x1","x2","x3","x4"" "98","x2999","x3000"]""##,
    ),
    (
        r##"local t = {} for i = 1, 3000 do t['k' .. i] = {i} end local s = cjson.encode(t) return #s, #cjson.encode(cjson.decode(s))"##,
        r##"42787 42787"##,
    ),
    (
        r##"local t = {} for i = 1, 3000 do t['k' .. i] = i end return cjson.encode(t) == cjson.encode(cjson.decode(cjson.encode(t)))"##,
        r##"false"##,
    ),
    (
        r##"local t = {} for i = 1, 2000 do t[i] = i end t.x = 1 return #cjson.encode(t)"##,
        r##"21793"##,
    ),
    (
        r##"local t = {} for i = 1, 2000 do t[i * 2] = i end return #cjson.encode(t)"##,
        r##"18894"##,
    ),
    (
        r##"local t = {[1] = 1} for i = 1, 2000 do t[i * 3 + 10] = i end return #cjson.encode(t)"##,
        r##"error "user_script:1: Cannot serialise table: excessively sparse array""##,
    ),
    (
        r##"local t = {} for i = 1, 1100 do t[i] = {a = i, b = {i, 'x'}} end local s = cjson.encode(t) return #s, s:sub(1, 60)"##,
        r##"26387 "[{"a":1,"b":[1,"x"]},{"a":2,"b":[2,"x"]},{"a":3,"b":[3,"x"]}""##,
    ),
    (
        r##"return cjson.encode({a = {b = {c = {1, 2, {d = 'e'}}}}})"##,
        r##""{"a":{"b":{"c":[1,2,{"d":"e"}]}}}""##,
    ),
    (
        r##"return cjson.encode({{id = 1}, {id = 2}}), cjson.encode({'[', '{', ',', ''})"##,
        r##""[{"id":1},{"id":2}]" "["[","{",",",""]""##,
    ),
    (
        r##"return cjson.encode_sparse_array()"##,
        r##"false 2 10"##,
    ),
    (
        r##"return cjson.encode_sparse_array(true), cjson.encode({[1] = 1, [100] = 2}):len()"##,
        r##"true 15"##,
    ),
    (
        r##"return cjson.encode_sparse_array(true, 0, 3), cjson.encode({[5] = 1})"##,
        r##"true "[null,null,null,null,1]""##,
    ),
    (
        r##"return cjson.encode_sparse_array(false, 0), cjson.encode({[30] = 1})"##,
        r##"false "[null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,1]""##,
    ),
    (
        r##"return cjson.encode_sparse_array(nil, 1, 2), cjson.encode({1, 2, 3}), pcall(cjson.encode, {[1] = 1, [3] = 3})"##,
        r##"false "[1,2,3]" false "Cannot serialise table: excessively sparse array""##,
    ),
    (
        r##"return cjson.encode_sparse_array('on', 3), cjson.encode_sparse_array('off')"##,
        r##"true false 3 10"##,
    ),
    (
        r##"return cjson.encode_sparse_array(true, 0, -1)"##,
        r##"error "user_script:1: bad argument #1 to 'encode_sparse_array' (expected integer between 0 and 2147483647)""##,
    ),
    (
        r##"return cjson.encode_sparse_array(true, -1)"##,
        r##"error "user_script:1: bad argument #1 to 'encode_sparse_array' (expected integer between 0 and 2147483647)""##,
    ),
    (
        r##"return cjson.encode_sparse_array('maybe')"##,
        r##"error "user_script:1: bad argument #1 to 'encode_sparse_array' (invalid option 'maybe')""##,
    ),
    (
        r##"return cjson.encode_sparse_array(1)"##,
        r##"error "user_script:1: bad argument #1 to 'encode_sparse_array' (invalid option '1')""##,
    ),
    (
        r##"return cjson.encode_sparse_array({})"##,
        r##"error "user_script:1: bad argument #1 to 'encode_sparse_array' (string expected, got table)""##,
    ),
    (
        r##"return cjson.encode_sparse_array(true, 'x')"##,
        r##"error "user_script:1: bad argument #2 to 'encode_sparse_array' (number expected, got string)""##,
    ),
    (
        r##"return cjson.encode_sparse_array(true, 1, 2, 3)"##,
        r##"error "user_script:1: bad argument #4 to 'encode_sparse_array' (found too many arguments)""##,
    ),
    (
        r##"local ok = pcall(cjson.encode_sparse_array, true, 7, -1) return ok, cjson.encode_sparse_array()"##,
        r##"false true 7 10"##,
    ),
    (
        r##"return cjson.encode_max_depth(), cjson.decode_max_depth(), cjson.encode_number_precision(), cjson.encode_keep_buffer(), cjson.encode_invalid_numbers(), cjson.decode_invalid_numbers()"##,
        r##"1000 1000 14 true false true"##,
    ),
    (
        r##"return cjson.encode_max_depth(0)"##,
        r##"error "user_script:1: bad argument #1 to 'encode_max_depth' (expected integer between 1 and 2147483647)""##,
    ),
    (
        r##"return cjson.encode_max_depth(2^31)"##,
        r##"error "user_script:1: bad argument #1 to 'encode_max_depth' (expected integer between 1 and 2147483647)""##,
    ),
    (
        r##"return cjson.encode_max_depth('5'), cjson.encode_max_depth(5.9), cjson.encode_max_depth(nil)"##,
        r##"5 5 5"##,
    ),
    (
        r##"return cjson.encode_max_depth('x')"##,
        r##"error "user_script:1: bad argument #1 to 'encode_max_depth' (number expected, got string)""##,
    ),
    (
        r##"return cjson.encode_max_depth(true)"##,
        r##"error "user_script:1: bad argument #1 to 'encode_max_depth' (number expected, got boolean)""##,
    ),
    (
        r##"return cjson.encode_max_depth(1, 2)"##,
        r##"error "user_script:1: bad argument #2 to 'encode_max_depth' (found too many arguments)""##,
    ),
    (
        r##"return cjson.decode_max_depth(-1)"##,
        r##"error "user_script:1: bad argument #1 to 'decode_max_depth' (expected integer between 1 and 2147483647)""##,
    ),
    (
        r##"return cjson.decode_max_depth(3), cjson.decode('[[[1]]]')"##,
        r##"3 {1={1={1=1}}}"##,
    ),
    (
        r##"cjson.decode_max_depth(3) return cjson.decode('[[[[1]]]]')"##,
        r##"error "user_script:1: Found too many nested data structures (4) at character 4""##,
    ),
    (
        r##"cjson.decode_max_depth(2) return cjson.decode('{"a":[{}]}')"##,
        r##"error "user_script:1: Found too many nested data structures (3) at character 7""##,
    ),
    (
        r##"cjson.decode_max_depth(2) return cjson.decode('  {"a":  [  [  ]]}')"##,
        r##"error "user_script:1: Found too many nested data structures (3) at character 13""##,
    ),
    (
        r##"return cjson.encode_number_precision(3), cjson.encode(1 / 3), cjson.encode(123456), cjson.encode({[0.123456] = 1.5})"##,
        r##"3 "0.333" "1.23e+05" "{"0.123":1.5}""##,
    ),
    (
        r##"return cjson.encode_number_precision(1), cjson.encode({9.5, 0.55, 95, 1, 10, 1e-7})"##,
        r##"1 "[1e+01,0.6,1e+02,1,1e+01,1e-07]""##,
    ),
    (
        r##"return cjson.encode_number_precision(0)"##,
        r##"error "user_script:1: bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14)""##,
    ),
    (
        r##"return cjson.encode_number_precision(15)"##,
        r##"error "user_script:1: bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14)""##,
    ),
    (
        r##"return cjson.encode_keep_buffer(false), cjson.encode({1}), cjson.encode_keep_buffer('on'), cjson.encode({2})"##,
        r##"false "[1]" true "[2]""##,
    ),
    (
        r##"return cjson.encode_keep_buffer(1)"##,
        r##"error "user_script:1: bad argument #1 to 'encode_keep_buffer' (invalid option '1')""##,
    ),
    (
        r##"return cjson.encode_invalid_numbers('null'), cjson.encode({1 / 0, -1 / 0, 0 / 0}), cjson.encode_invalid_numbers()"##,
        r##""null" "[null,null,null]" "null""##,
    ),
    (
        r##"return cjson.encode_invalid_numbers(true), cjson.encode({1 / 0, -1 / 0, 0 / 0, -(0 / 0)}), cjson.encode({[1 / 0] = 1})"##,
        r##"true "[inf,-inf,nan,nan]" "{"inf":1}""##,
    ),
    (
        r##"return cjson.encode_invalid_numbers('foo')"##,
        r##"error "user_script:1: bad argument #1 to 'encode_invalid_numbers' (invalid option 'foo')""##,
    ),
    (
        r##"return cjson.encode_invalid_numbers('foo\0bar')"##,
        r##"error "user_script:1: bad argument #1 to 'encode_invalid_numbers' (invalid option 'foo')""##,
    ),
    (
        r##"return cjson.decode_invalid_numbers('null')"##,
        r##"error "user_script:1: bad argument #1 to 'decode_invalid_numbers' (invalid option 'null')""##,
    ),
    (
        r##"return cjson.decode_invalid_numbers(false), cjson.decode('[0,-0,0.5,-1,10]')"##,
        r##"false {1=0 2=-0 3=0.5 4=-1 5=10}"##,
    ),
    (
        r##"cjson.decode_invalid_numbers(false) return cjson.decode('01')"##,
        r##"error "user_script:1: Expected value but found invalid number at character 1""##,
    ),
    (
        r##"cjson.decode_invalid_numbers(false) return cjson.decode('-0x10')"##,
        r##"error "user_script:1: Expected value but found invalid number at character 1""##,
    ),
    (
        r##"cjson.decode_invalid_numbers(false) return cjson.decode('nan')"##,
        r##"error "user_script:1: Expected value but found invalid token at character 1""##,
    ),
    (
        r##"cjson.decode_invalid_numbers(false) return cjson.decode('-inf')"##,
        r##"error "user_script:1: Expected value but found invalid number at character 1""##,
    ),
    (
        r##"cjson.decode_invalid_numbers(false) return cjson.decode('+1')"##,
        r##"error "user_script:1: Expected value but found invalid token at character 1""##,
    ),
    (
        r##"cjson.decode_invalid_numbers(false) return cjson.decode('1.')"##,
        r##"1"##,
    ),
    (
        r##"cjson.decode_invalid_numbers(false) return cjson.decode('-x')"##,
        r##"error "user_script:1: Expected value but found invalid number at character 1""##,
    ),
    (
        r##"local c = cjson.new() c.encode_max_depth(5) return c.encode_max_depth(), cjson.encode_max_depth(), c.null == cjson.null, cjson.new(1, 2, 3)._NAME"##,
        r##"5 1000 true "cjson""##,
    ),
    (
        r##"return cjson.decode('[1,2,3]'), cjson.decode('{"a":{"b":[]}}'), cjson.decode('"x"'), cjson.decode('1'), cjson.decode('true'), cjson.decode('null')"##,
        r##"{1=1 2=2 3=3} {"a"={"b"={}}} "x" 1 true userdata: (nil)"##,
    ),
    (
        r##"return cjson.decode(' \t\r\n[ 1 , 2 ] \n'), cjson.decode('{ "a" : 1 , "b" : null }')"##,
        r##"{1=1 2=2} {"a"=1 "b"=userdata: (nil)}"##,
    ),
    (
        r##"return cjson.decode('[null,false,true,{},[]]')"##,
        r##"{1=userdata: (nil) 2=false 3=true 4={} 5={}}"##,
    ),
    (
        r##"return cjson.decode('{"a":1,"a":2}'), cjson.decode('{"":1}'), cjson.decode('{"1":1}')"##,
        r##"{"a"=2} {""=1} {"1"=1}"##,
    ),
    (
        r##"return cjson.decode('"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\n\\t\\b\\f\\r\\/\\\\\\""')"##,
        r##""A<c3><a9><e2><82><ac><f0><9f><98><80><0a><09><08><0c><0d>/\"""##,
    ),
    (
        r##"return cjson.decode('"\\u0000a\\uFFFF\\uabcd"'), cjson.decode('"a\\u0041b\\u0042"'), cjson.decode('"\\"\\""')"##,
        r##""<00>a<ef><bf><bf><ea><af><8d>" "aAbB" """""##,
    ),
    (
        r##"return cjson.decode('"\200\201\255"'), cjson.decode('"\1\n\t\127"')"##,
        r##""<c8><c9><ff>" "<01><0a><09><7f>""##,
    ),
    (
        r##"return cjson.decode('[1.5,-2,1e3,1E+3,1e-3,0.1,123456789012345678901234567890,1e400,-1e400,1e-400,2.2250738585072014e-308,0.30000000000000004,9007199254740993]')"##,
        r##"{10=0 11=2.2250738585072014e-308 12=0.30000000000000004 13=9007199254740992 1=1.5 2=-2 3=1000 4=1000 5=0.001 6=0.10000000000000001 7=1.2345678901234568e+29 8=inf 9=-inf}"##,
    ),
    (
        r##"return cjson.decode('[nan,NaN,inf,-inf,Infinity,-INFINITY,0x10,0X1F,-0x1.8p1,+5,007,.5]')"##,
        r##"error "user_script:1: Expected value but found invalid token at character 64""##,
    ),
    (
        r##"return cjson.decode('[nan,NaN,inf,-inf,Infinity,-INFINITY,0x10,0X1F,-0x1.8p1,+5,007,-nan,5.,-.5,0x.8]')"##,
        r##"{10=5 11=7 12=-nan 13=5 14=-0.5 15=0.5 1=nan 2=nan 3=inf 4=-inf 5=inf 6=-inf 7=16 8=31 9=-3}"##,
    ),
    (
        r##"return cjson.decode('0xfffffffffffffffffffff'), cjson.decode('0x1p-1074'), cjson.decode('0x1p5000'), cjson.decode('0x1.0000000000000800000001'), cjson.decode('nan(12)')"##,
        r##"1.9342813113834067e+25 4.9406564584124654e-324 inf 1.0000000000000002 nan"##,
    ),
    (
        r##"return cjson.decode(12), cjson.decode('12\0x'), cjson.decode('-0'), cjson.decode(1e15)"##,
        r##"12 12 -0 1000000000000000"##,
    ),
    (
        r##"return cjson.decode('')"##,
        r##"error "user_script:1: Expected value but found T_END at character 1""##,
    ),
    (
        r##"return cjson.decode(' ')"##,
        r##"error "user_script:1: Expected value but found T_END at character 2""##,
    ),
    (
        r##"return cjson.decode('[')"##,
        r##"error "user_script:1: Expected value but found T_END at character 2""##,
    ),
    (
        r##"return cjson.decode('[1')"##,
        r##"error "user_script:1: Expected comma or array end but found T_END at character 3""##,
    ),
    (
        r##"return cjson.decode('[1,')"##,
        r##"error "user_script:1: Expected value but found T_END at character 4""##,
    ),
    (
        r##"return cjson.decode('[1,]')"##,
        r##"error "user_script:1: Expected value but found T_ARR_END at character 4""##,
    ),
    (
        r##"return cjson.decode('[,1]')"##,
        r##"error "user_script:1: Expected value but found T_COMMA at character 2""##,
    ),
    (
        r##"return cjson.decode('[1 2]')"##,
        r##"error "user_script:1: Expected comma or array end but found T_NUMBER at character 4""##,
    ),
    (
        r##"return cjson.decode('[1}')"##,
        r##"error "user_script:1: Expected comma or array end but found T_OBJ_END at character 3""##,
    ),
    (
        r##"return cjson.decode(']')"##,
        r##"error "user_script:1: Expected value but found T_ARR_END at character 1""##,
    ),
    (
        r##"return cjson.decode('{')"##,
        r##"error "user_script:1: Expected object key string but found T_END at character 2""##,
    ),
    (
        r##"return cjson.decode('{1:2}')"##,
        r##"error "user_script:1: Expected object key string but found T_NUMBER at character 2""##,
    ),
    (
        r##"return cjson.decode('{"a"')"##,
        r##"error "user_script:1: Expected colon but found T_END at character 5""##,
    ),
    (
        r##"return cjson.decode('{"a" 1}')"##,
        r##"error "user_script:1: Expected colon but found T_NUMBER at character 6""##,
    ),
    (
        r##"return cjson.decode('{"a":}')"##,
        r##"error "user_script:1: Expected value but found T_OBJ_END at character 6""##,
    ),
    (
        r##"return cjson.decode('{"a":1')"##,
        r##"error "user_script:1: Expected comma or object end but found T_END at character 7""##,
    ),
    (
        r##"return cjson.decode('{"a":1,}')"##,
        r##"error "user_script:1: Expected object key string but found T_OBJ_END at character 8""##,
    ),
    (
        r##"return cjson.decode('{"a":1 "b":2}')"##,
        r##"error "user_script:1: Expected comma or object end but found T_STRING at character 8""##,
    ),
    (
        r##"return cjson.decode('{"a":1]')"##,
        r##"error "user_script:1: Expected comma or object end but found T_ARR_END at character 7""##,
    ),
    (
        r##"return cjson.decode('{"a":"b}')"##,
        r##"error "user_script:1: Expected value but found unexpected end of string at character 9""##,
    ),
    (
        r##"return cjson.decode('{,}')"##,
        r##"error "user_script:1: Expected object key string but found T_COMMA at character 2""##,
    ),
    (
        r##"return cjson.decode('[1]]')"##,
        r##"error "user_script:1: Expected the end but found T_ARR_END at character 4""##,
    ),
    (
        r##"return cjson.decode('1 2')"##,
        r##"error "user_script:1: Expected the end but found T_NUMBER at character 3""##,
    ),
    (
        r##"return cjson.decode('{} {}')"##,
        r##"error "user_script:1: Expected the end but found T_OBJ_BEGIN at character 4""##,
    ),
    (
        r##"return cjson.decode('"abc')"##,
        r##"error "user_script:1: Expected value but found unexpected end of string at character 5""##,
    ),
    (
        r##"return cjson.decode('"abc\\')"##,
        r##"error "user_script:1: Expected value but found invalid escape code at character 5""##,
    ),
    (
        r##"return cjson.decode('"a\\x"')"##,
        r##"error "user_script:1: Expected value but found invalid escape code at character 3""##,
    ),
    (
        r##"return cjson.decode('"a\\u12"')"##,
        r##"error "user_script:1: Expected value but found invalid unicode escape code at character 3""##,
    ),
    (
        r##"return cjson.decode('"a\\u12g4"')"##,
        r##"error "user_script:1: Expected value but found invalid unicode escape code at character 3""##,
    ),
    (
        r##"return cjson.decode('"\\ud800"')"##,
        r##"error "user_script:1: Expected value but found invalid unicode escape code at character 2""##,
    ),
    (
        r##"return cjson.decode('"\\ud800\\u0041"')"##,
        r##"error "user_script:1: Expected value but found invalid unicode escape code at character 2""##,
    ),
    (
        r##"return cjson.decode('"\\udc00\\ud800"')"##,
        r##"error "user_script:1: Expected value but found invalid unicode escape code at character 2""##,
    ),
    (
        r##"return cjson.decode('"\\ud83d\\ude0"')"##,
        r##"error "user_script:1: Expected value but found invalid unicode escape code at character 2""##,
    ),
    (
        r##"return cjson.decode('tru')"##,
        r##"error "user_script:1: Expected value but found invalid token at character 1""##,
    ),
    (
        r##"return cjson.decode('True')"##,
        r##"error "user_script:1: Expected value but found invalid token at character 1""##,
    ),
    (
        r##"return cjson.decode('truex')"##,
        r##"error "user_script:1: Expected the end but found invalid token at character 5""##,
    ),
    (
        r##"return cjson.decode('nul')"##,
        r##"error "user_script:1: Expected value but found invalid token at character 1""##,
    ),
    (
        r##"return cjson.decode('falsy')"##,
        r##"error "user_script:1: Expected value but found invalid token at character 1""##,
    ),
    (
        r##"return cjson.decode('nanx')"##,
        r##"error "user_script:1: Expected the end but found invalid token at character 4""##,
    ),
    (
        r##"return cjson.decode('inf1')"##,
        r##"error "user_script:1: Expected the end but found T_NUMBER at character 4""##,
    ),
    (
        r##"return cjson.decode('-')"##,
        r##"error "user_script:1: Expected value but found invalid number at character 1""##,
    ),
    (
        r##"return cjson.decode('+')"##,
        r##"error "user_script:1: Expected value but found invalid number at character 1""##,
    ),
    (
        r##"return cjson.decode('--1')"##,
        r##"error "user_script:1: Expected value but found invalid number at character 1""##,
    ),
    (
        r##"return cjson.decode('1.2.3')"##,
        r##"error "user_script:1: Expected the end but found invalid token at character 4""##,
    ),
    (
        r##"return cjson.decode('1e')"##,
        r##"error "user_script:1: Expected the end but found invalid token at character 2""##,
    ),
    (
        r##"return cjson.decode('0x')"##,
        r##"error "user_script:1: Expected the end but found invalid token at character 2""##,
    ),
    (
        r##"return cjson.decode('.5')"##,
        r##"error "user_script:1: Expected value but found invalid token at character 1""##,
    ),
    (
        r##"return cjson.decode('\0')"##,
        r##"error "user_script:1: Expected value but found T_END at character 1""##,
    ),
    (
        r##"return cjson.decode('\0a')"##,
        r##"error "user_script:1: JSON parser does not support UTF-16 or UTF-32""##,
    ),
    (
        r##"return cjson.decode('"\0"')"##,
        r##"error "user_script:1: JSON parser does not support UTF-16 or UTF-32""##,
    ),
    (
        r##"return cjson.decode('[1\0]')"##,
        r##"error "user_script:1: Expected comma or array end but found T_END at character 3""##,
    ),
    (
        r##"return cjson.decode('a')"##,
        r##"error "user_script:1: Expected value but found invalid token at character 1""##,
    ),
    (
        r##"return cjson.decode('\255')"##,
        r##"error "user_script:1: Expected value but found invalid token at character 1""##,
    ),
    (
        r##"return cjson.decode("'a'")"##,
        r##"error "user_script:1: Expected value but found invalid token at character 1""##,
    ),
    (
        r##"return cjson.decode('[1] // x')"##,
        r##"error "user_script:1: Expected the end but found invalid token at character 5""##,
    ),
    (
        r##"return cjson.decode()"##,
        r##"error "user_script:1: bad argument #1 to 'decode' (expected 1 argument)""##,
    ),
    (
        r##"return cjson.decode(nil)"##,
        r##"error "user_script:1: bad argument #1 to 'decode' (string expected, got nil)""##,
    ),
    (
        r##"return cjson.decode({})"##,
        r##"error "user_script:1: bad argument #1 to 'decode' (string expected, got table)""##,
    ),
    (
        r##"return cjson.decode(true)"##,
        r##"error "user_script:1: bad argument #1 to 'decode' (string expected, got boolean)""##,
    ),
    (
        r##"return cjson.decode('1', 2)"##,
        r##"error "user_script:1: bad argument #1 to 'decode' (expected 1 argument)""##,
    ),
    (
        r##"return cjson.decode(cjson.null)"##,
        r##"error "user_script:1: bad argument #1 to 'decode' (string expected, got userdata)""##,
    ),
    (
        r##"return #cjson.decode('[1,null,3]'), #cjson.decode('[null]'), cjson.decode('[null]')[1] == cjson.null"##,
        r##"3 1 true"##,
    ),
    (
        r##"return #cjson.decode(string.rep('[', 1000) .. string.rep(']', 1000))"##,
        r##"1"##,
    ),
    (
        r##"return cjson.decode(string.rep('[', 1001))"##,
        r##"error "user_script:1: Found too many nested data structures (1001) at character 1001""##,
    ),
    (
        r##"return cjson.decode(string.rep('{"a":', 1001))"##,
        r##"error "user_script:1: Found too many nested data structures (1001) at character 5001""##,
    ),
    (
        r##"local c = cjson.new() c.decode_max_depth(100000) return type(c.decode(string.rep('[', 5000) .. string.rep(']', 5000)))"##,
        r##""table""##,
    ),
    (
        r##"local c = cjson.new() c.decode_max_depth(100000) return type(c.decode(string.rep('[{"a":', 2000) .. '1' .. string.rep('}]', 2000)))"##,
        r##""table""##,
    ),
    (
        r##"return cjson.decode(cjson.encode({a = {1, 2, {b = cjson.null}}, s = 'é\n'}))"##,
        r##"{"a"={1=1 2=2 3={"b"=userdata: (nil)}} "s"="<c3><a9><0a>"}"##,
    ),
    (
        r##"return {pcall(cjson.decode, '{')}, {pcall(cjson.encode, tostring)}, {pcall(cjson.decode)}"##,
        r##"{1=false 2="Expected object key string but found T_END at character 2"} {1=false 2="Cannot serialise function: type not supported"} {1=false 2="bad argument #1 to '?' (expected 1 argument)"}"##,
    ),
    (
        r##"cjson:decode('{')"##,
        r##"error "user_script:1: calling 'decode' on bad self (expected 1 argument)""##,
    ),
    (
        r##"local c = cjson c.encode(1, 2)"##,
        r##"error "user_script:1: bad argument #1 to 'encode' (expected 1 argument)""##,
    ),
    (
        r##"local r = {} for k in pairs(cjson.decode('{"one":1,"two":2,"three":3,"four":4,"five":5}')) do r[#r + 1] = k end return table.concat(r, ',')"##,
        r##""two,three,one,five,four""##,
    ),
    (
        r##"local r = {} for k in pairs(cjson.decode('{"b":1,"a":2,"10":3,"x y":4,"":5,"zz":6,"q":7,"w":8,"e":9}')) do r[#r + 1] = k end return table.concat(r, ',')"##,
        r##"",b,e,w,x y,a,q,zz,10""##,
    ),
    (
        r##"return hex(cmsgpack.pack(0)), hex(cmsgpack.pack(127)), hex(cmsgpack.pack(128)), hex(cmsgpack.pack(255)), hex(cmsgpack.pack(256)), hex(cmsgpack.pack(65535)), hex(cmsgpack.pack(65536)), hex(cmsgpack.pack(2^32 - 1)), hex(cmsgpack.pack(2^32)), hex(cmsgpack.pack(2^53)), hex(cmsgpack.pack(2^62)), hex(cmsgpack.pack(2^63)), hex(cmsgpack.pack(2^64)), hex(cmsgpack.pack(1e300))"##,
        r##""00" "7f" "cc80" "ccff" "cd0100" "cdffff" "ce00010000" "ceffffffff" "cf0000000100000000" "cf0020000000000000" "cf4000000000000000" "ca5f000000" "ca5f800000" "cb7e37e43c8800759c""##,
    ),
    (
        r##"return hex(cmsgpack.pack(-1)), hex(cmsgpack.pack(-32)), hex(cmsgpack.pack(-33)), hex(cmsgpack.pack(-128)), hex(cmsgpack.pack(-129)), hex(cmsgpack.pack(-32768)), hex(cmsgpack.pack(-32769)), hex(cmsgpack.pack(-2^31)), hex(cmsgpack.pack(-2^31 - 1)), hex(cmsgpack.pack(-2^63)), hex(cmsgpack.pack(-2^64))"##,
        r##""ff" "e0" "d0df" "d080" "d1ff7f" "d18000" "d2ffff7fff" "d280000000" "d3ffffffff7fffffff" "d38000000000000000" "cadf800000""##,
    ),
    (
        r##"return hex(cmsgpack.pack(0.5)), hex(cmsgpack.pack(0.1)), hex(cmsgpack.pack(1 / 0)), hex(cmsgpack.pack(-1 / 0)), hex(cmsgpack.pack(0 / 0)), hex(cmsgpack.pack(1e39)), hex(cmsgpack.pack(1.5e38)), hex(cmsgpack.pack(-1.5))"##,
        r##""ca3f000000" "cb3fb999999999999a" "ca7f800000" "caff800000" "cbfff8000000000000" "cb48078287f49c4a1d" "cb47dc363cbf21f28a" "cabfc00000""##,
    ),
    (
        r##"local z = 0 return hex(cmsgpack.pack(-z)), hex(cmsgpack.pack(nil)), hex(cmsgpack.pack(true)), hex(cmsgpack.pack(false)), hex(cmsgpack.pack(tostring)), hex(cmsgpack.pack(cjson.null))"##,
        r##""00" "c0" "c3" "c2" "c0" "c0""##,
    ),
    (
        r##"return hex(cmsgpack.pack('')), hex(cmsgpack.pack('abc')), hex(cmsgpack.pack(string.rep('a', 31))), hex(cmsgpack.pack(string.rep('a', 32))):sub(1, 8), hex(cmsgpack.pack(string.rep('a', 255)):sub(1, 5)), hex(cmsgpack.pack(string.rep('a', 256)):sub(1, 5)), hex(cmsgpack.pack(string.rep('a', 65535)):sub(1, 5)), hex(cmsgpack.pack(string.rep('a', 65536)):sub(1, 7))"##,
        r##""a0" "a3616263" "bf61616161616161616161616161616161616161616161616161616161616161" "d9206161" "d9ff616161" "da01006161" "daffff6161" "db000100006161""##,
    ),
    (
        r##"return hex(cmsgpack.pack({})), hex(cmsgpack.pack({1, 2})), hex(cmsgpack.pack({a = 1})), hex(cmsgpack.pack({[1] = 1, [3] = 3})), hex(cmsgpack.pack({[0] = 1})), hex(cmsgpack.pack({[1.5] = 1})), hex(cmsgpack.pack({[2^40] = 1})), hex(cmsgpack.pack({[1 / 0] = 1})), hex(cmsgpack.pack({['1'] = 1}))"##,
        r##""90" "920102" "81a16101" "8201010303" "810001" "81ca3fc0000001" "81cf000001000000000001" "81ca7f80000001" "81a13101""##,
    ),
    (
        r##"local t = {} for i = 1, 16 do t[i] = i end local u = {} for i = 1, 65536 do u[i] = 1 end local m = {} for i = 1, 16 do m['k' .. i] = 1 end return hex(cmsgpack.pack(t)), hex(cmsgpack.pack(u):sub(1, 8)), hex(cmsgpack.pack(m):sub(1, 3))"##,
        r##""dc00100102030405060708090a0b0c0d0e0f10" "dd00010000010101" "de0010""##,
    ),
    (
        r##"local t = {} t[1] = t return hex(cmsgpack.pack(t))"##,
        r##""91919191919191919191919191919191c0""##,
    ),
    (
        r##"local t = {} t.a = t return hex(cmsgpack.pack(t))"##,
        r##""81a16181a16181a16181a16181a16181a16181a16181a16181a16181a16181a16181a16181a16181a16181a16181a161c0""##,
    ),
    (
        r##"local t = {} for i = 1, 20 do t = {t} end return hex(cmsgpack.pack(t)), cmsgpack.unpack(cmsgpack.pack(t))"##,
        r##""91919191919191919191919191919191c0" {1={1={1={1={1={1={1={1={1={1={1={1={1={1={1={}}}}}}}}}}}}}}}}"##,
    ),
    (
        r##"local t = {} for i = 1, 15 do t = {a = t} end return hex(cmsgpack.pack(t))"##,
        r##""81a16181a16181a16181a16181a16181a16181a16181a16181a16181a16181a16181a16181a16181a16181a16190""##,
    ),
    (
        r##"return hex(cmsgpack.pack(1, 'a', nil, {}, true)), hex(cmsgpack.pack(nil, nil))"##,
        r##""01a161c090c3" "c0c0""##,
    ),
    (
        r##"return cmsgpack.pack()"##,
        r##"error "user_script:1: bad argument #0 to 'pack' (MessagePack pack needs input.)""##,
    ),
    (
        r##"return cmsgpack.unpack()"##,
        r##"error "user_script:1: bad argument #1 to 'unpack' (string expected, got no value)""##,
    ),
    (
        r##"return cmsgpack.unpack(nil)"##,
        r##"error "user_script:1: bad argument #1 to 'unpack' (string expected, got nil)""##,
    ),
    (
        r##"return cmsgpack.unpack({})"##,
        r##"error "user_script:1: bad argument #1 to 'unpack' (string expected, got table)""##,
    ),
    (
        r##"return cmsgpack.unpack(5), cmsgpack.unpack('')"##,
        r##"53"##,
    ),
    (
        r##"return cmsgpack.unpack('\1\2\3'), cmsgpack.unpack('\192'), cmsgpack.unpack('\195\194')"##,
        r##"1 nil true false"##,
    ),
    (
        r##"return cmsgpack.unpack('\204\200'), cmsgpack.unpack('\205\255\1'), cmsgpack.unpack('\206\255\255\255\255'), cmsgpack.unpack('\207\0\0\0\1\0\0\0\0'), cmsgpack.unpack('\207\255\255\255\255\255\255\255\255'), cmsgpack.unpack('\207\128\0\0\0\0\0\0\0')"##,
        r##"200 65281 4294967295 4294967296 -1 -9.2233720368547758e+18"##,
    ),
    (
        r##"return cmsgpack.unpack('\208\200'), cmsgpack.unpack('\209\255\1'), cmsgpack.unpack('\210\255\255\255\1'), cmsgpack.unpack('\211\255\255\255\1\0\0\0\0'), cmsgpack.unpack('\224'), cmsgpack.unpack('\255'), cmsgpack.unpack('\127')"##,
        r##"-56 -255 -255 -1095216660480 -32 -1 127"##,
    ),
    (
        r##"return cmsgpack.unpack('\202\63\128\0\0'), cmsgpack.unpack('\203\63\185\153\153\153\153\153\154'), cmsgpack.unpack('\202\127\128\0\0'), cmsgpack.unpack('\203\127\240\0\0\0\0\0\0')"##,
        r##"1 0.10000000000000001 inf inf"##,
    ),
    (
        r##"return cmsgpack.unpack('\163abc'), cmsgpack.unpack('\217\3abc'), cmsgpack.unpack('\218\0\3abc'), cmsgpack.unpack('\219\0\0\0\3abc'), cmsgpack.unpack('\160')"##,
        r##""abc" "abc" "abc" "abc" """##,
    ),
    (
        r##"return cmsgpack.unpack('\147\1\2\3'), cmsgpack.unpack('\220\0\2\1\2'), cmsgpack.unpack('\221\0\0\0\2\1\2'), cmsgpack.unpack('\144'), cmsgpack.unpack('\147\1\192\3')"##,
        r##"{1=1 2=2 3=3} {1=1 2=2} {1=1 2=2} {} {1=1 3=3}"##,
    ),
    (
        r##"return cmsgpack.unpack('\129\161a\1'), cmsgpack.unpack('\222\0\1\161a\1'), cmsgpack.unpack('\223\0\0\0\1\161a\1'), cmsgpack.unpack('\128'), cmsgpack.unpack('\130\1\2\161b\144'), cmsgpack.unpack('\129\161a\192'), cmsgpack.unpack('\129\144\1') ~= nil"##,
        r##"{"a"=1} {"a"=1} {"a"=1} {} {"b"={} 1=2} {} true"##,
    ),
    (
        r##"return cmsgpack.unpack('\129\192\1')"##,
        r##"error "table index is nil""##,
    ),
    (
        r##"return cmsgpack.unpack('\129\192\192')"##,
        r##"error "table index is nil""##,
    ),
    (
        r##"return cmsgpack.unpack('\129\203\255\248\0\0\0\0\0\0\1')"##,
        r##"error "table index is NaN""##,
    ),
    (
        r##"return cmsgpack.unpack('\145\129\192\1')"##,
        r##"error "table index is nil""##,
    ),
    (
        r##"return cmsgpack.unpack('\193')"##,
        r##"error "user_script:1: Bad data format in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\1\196\1a')"##,
        r##"error "user_script:1: Bad data format in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\212')"##,
        r##"error "user_script:1: Bad data format in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\147\1')"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\204')"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\205\1')"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\203\1\2\3')"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\163ab')"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\217')"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\217\5ab')"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\219\255\255\255\255ab')"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\221\255\255\255\255')"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\223\255\255\255\255\1')"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack('\129\1')"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack_one('\1\2\3'), {cmsgpack.unpack_one('\1\2\3')}, {cmsgpack.unpack_one('\1\2\3', 2)}, {cmsgpack.unpack_one('\1', 1)}, {cmsgpack.unpack_one('')}, {cmsgpack.unpack_one('\1\2', '1')}"##,
        r##"1 {1=1 2=1} {1=-1 2=3} {1=-1} {1=-1} {1=-1 2=2}"##,
    ),
    (
        r##"return cmsgpack.unpack_one('\1', 5)"##,
        r##"error "user_script:1: Start offset 5 greater than input length 1.""##,
    ),
    (
        r##"return cmsgpack.unpack_one('\1', -5)"##,
        r##"error "user_script:1: Invalid request to unpack with offset of -5 and limit of 1.""##,
    ),
    (
        r##"return cmsgpack.unpack_one('\1', 'x')"##,
        r##"error "user_script:1: bad argument #2 to 'unpack_one' (number expected, got string)""##,
    ),
    (
        r##"return cmsgpack.unpack_one()"##,
        r##"error "user_script:1: bad argument #1 to 'unpack_one' (string expected, got no value)""##,
    ),
    (
        r##"return cmsgpack.unpack_one('\193\1')"##,
        r##"error "user_script:1: Bad data format in input.""##,
    ),
    (
        r##"return {cmsgpack.unpack_limit('\1\2\3', 2)}, {cmsgpack.unpack_limit('\1\2\3', 2, 1)}, {cmsgpack.unpack_limit('\1\2\3', 0)}, {cmsgpack.unpack_limit('\1\2\3', 0, 1)}, {cmsgpack.unpack_limit('\1\2\3', 9)}"##,
        r##"{1=2 2=1 3=2} {1=-1 2=2 3=3} {1=1 2=2 3=3} {1=1} {1=-1 2=1 3=2 4=3}"##,
    ),
    (
        r##"return cmsgpack.unpack_limit('\1', -1, 2)"##,
        r##"error "user_script:1: Invalid request to unpack with offset of 2 and limit of 1.""##,
    ),
    (
        r##"return cmsgpack.unpack_limit('\1')"##,
        r##"error "user_script:1: bad argument #2 to 'unpack_limit' (number expected, got no value)""##,
    ),
    (
        r##"return cmsgpack.unpack_limit('\1', 1, 2)"##,
        r##"error "user_script:1: Start offset 2 greater than input length 1.""##,
    ),
    (
        r##"return cmsgpack.unpack_limit(nil, 1)"##,
        r##"error "user_script:1: bad argument #1 to 'unpack_limit' (string expected, got nil)""##,
    ),
    (
        r##"return select('#', cmsgpack.unpack(string.rep('\1', 7000)))"##,
        r##"7000"##,
    ),
    (
        r##"return cmsgpack.unpack(string.rep('\1', 9000))"##,
        r##"error "user_script:1: stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)""##,
    ),
    (
        r##"return cmsgpack.unpack(string.rep('\145', 8010))"##,
        r##"error "user_script:1: stack overflow (in function mp_decode_to_lua_array)""##,
    ),
    (
        r##"return type(cmsgpack.unpack(string.rep('\145', 3000) .. '\1'))"##,
        r##""table""##,
    ),
    (
        r##"return cmsgpack.unpack(string.rep('\129\1', 9000))"##,
        r##"error "user_script:1: stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)""##,
    ),
    (
        r##"return type(cmsgpack.unpack(string.rep('\129\1', 3000) .. '\1'))"##,
        r##""table""##,
    ),
    (
        r##"return cmsgpack.unpack(string.rep('\145', 100))"##,
        r##"error "user_script:1: Missing bytes in input.""##,
    ),
    (
        r##"return cmsgpack.unpack(cmsgpack.pack({1, {a = 'b', c = {1.5, false}}, 'x'}))"##,
        r##"{1=1 2={"a"="b" "c"={1=1.5 2=false}} 3="x"}"##,
    ),
    (
        r##"return #cmsgpack.unpack('\148\1\192\192\4'), #cmsgpack.unpack('\146\192\2')"##,
        r##"1 0"##,
    ),
    (
        r##"return hex(struct.pack('b', 1)), hex(struct.pack('B', 255)), hex(struct.pack('b', -1)), hex(struct.pack('h', 258)), hex(struct.pack('>h', 258)), hex(struct.pack('l', -2)), hex(struct.pack('>L', 1)), hex(struct.pack('T', 7)), hex(struct.pack('i', 1)), hex(struct.pack('>I', 1)), hex(struct.pack('i3', -2)), hex(struct.pack('>i5', 1))"##,
        r##""01" "ff" "ff" "0201" "0102" "feffffffffffffff" "0000000000000001" "0700000000000000" "01000000" "00000001" "feffff" "0000000001""##,
    ),
    (
        r##"return hex(struct.pack('i16', -1)), hex(struct.pack('>i16', -1)), hex(struct.pack('i9', -2)), hex(struct.pack('i0', 5)), hex(struct.pack('i32', 1))"##,
        r##""ffffffffffffffff0000000000000000" "0000000000000000ffffffffffffffff" "feffffffffffffff00" "" "0100000000000000000000000000000000000000000000000000000000000000""##,
    ),
    (
        r##"return hex(struct.pack('L', 2^64)), hex(struct.pack('L', 2^63)), hex(struct.pack('L', 2^70)), hex(struct.pack('L', -2^70)), hex(struct.pack('L', 0 / 0)), hex(struct.pack('L', 1 / 0)), hex(struct.pack('L', -1 / 0)), hex(struct.pack('b', 300)), hex(struct.pack('b', 1.9)), hex(struct.pack('b', -1.9)), hex(struct.pack('b', '5')), hex(struct.pack('b', ' 0x10 '))"##,
        r##""0000000000000000" "0000000000000080" "0000000000000000" "0000000000000080" "0000000000000080" "0000000000000000" "0000000000000080" "2c" "01" "ff" "05" "10""##,
    ),
    (
        r##"return hex(struct.pack('f', 1.5)), hex(struct.pack('>f', 1.5)), hex(struct.pack('d', 0.1)), hex(struct.pack('>d', 0.1)), hex(struct.pack('f', 1e300)), hex(struct.pack('d', 1 / 0))"##,
        r##""0000c03f" "3fc00000" "9a9999999999b93f" "3fb999999999999a" "0000807f" "000000000000f07f""##,
    ),
    (
        r##"return hex(struct.pack('s', 'abc')), hex(struct.pack('c0', 'abc')), hex(struct.pack('c2', 'abc')), hex(struct.pack('c', 'abc')), hex(struct.pack('s', 'a\0b')), hex(struct.pack('s', '')), hex(struct.pack('c0', '')), hex(struct.pack('bc0', 3, 'abc')), hex(struct.pack('s', 12))"##,
        r##""61626300" "616263" "6162" "61" "61006200" "00" "" "03616263" "313200""##,
    ),
    (
        r##"return hex(struct.pack('x')), hex(struct.pack('xxb', 1)), hex(struct.pack(' b b ', 1, 2)), hex(struct.pack('')), hex(struct.pack('<>h<h', 1, 1)), hex(struct.pack('b\0b', 1))"##,
        r##""00" "000001" "0102" "" "00010100" "01""##,
    ),
    (
        r##"return hex(struct.pack('!bi', 1, 2)), hex(struct.pack('!4bi', 1, 2)), hex(struct.pack('!2bi', 1, 2)), hex(struct.pack('!8bd', 1, 2)), hex(struct.pack('!4bhbl', 1, 2, 3, 4)), hex(struct.pack('!1bi', 1, 2)), hex(struct.pack('!bxs', 1, 'a')), hex(struct.pack('!8bi3bi5i32', 1, 2, 3, 4, 5))"##,
        r##""0100000002000000" "0100000002000000" "010002000000" "01000000000000000000000000000040" "01000200030000000400000000000000" "0102000000" "01006100" "010000020000030400000000000000000500000000000000000000000000000000000000000000000000000000000000""##,
    ),
    (
        r##"return hex(struct.pack('!bc3i', 1, 'abc', 2)), hex(struct.pack('!bsi', 1, 'abc', 2)), hex(struct.pack('!1073741824bi32', 1, 2))"##,
        r##""0161626302000000" "016162630000000002000000" "01000000000000000000000000000000000000000000000000000000000000000200000000000000000000000000000000000000000000000000000000000000""##,
    ),
    (
        r##"return struct.pack('i33', 1)"##,
        r##"error "user_script:1: integral size 33 is larger than limit of 32""##,
    ),
    (
        r##"return struct.pack('i99999999999', 1)"##,
        r##"error "user_script:1: integral size overflow""##,
    ),
    (
        r##"return struct.pack('!3', 1)"##,
        r##"error "user_script:1: alignment 3 is not a power of 2""##,
    ),
    (
        r##"return struct.pack('!0', 1)"##,
        r##"error "user_script:1: alignment 0 is not a power of 2""##,
    ),
    (
        r##"return struct.pack('!2147483648', 1)"##,
        r##"error "user_script:1: integral size overflow""##,
    ),
    (
        r##"return struct.pack('z', 1)"##,
        r##"error "user_script:1: bad argument #1 to 'pack' (invalid format option 'z')""##,
    ),
    (
        r##"return struct.pack('\200')"##,
        r##"error "user_script:1: bad argument #1 to 'pack' (invalid format option '<c8>')""##,
    ),
    (
        r##"return struct.pack('1')"##,
        r##"error "user_script:1: bad argument #1 to 'pack' (invalid format option '1')""##,
    ),
    (
        r##"return struct.pack('b')"##,
        r##"error "user_script:1: bad argument #2 to 'pack' (number expected, got nil)""##,
    ),
    (
        r##"return struct.pack('b', 'x')"##,
        r##"error "user_script:1: bad argument #2 to 'pack' (number expected, got string)""##,
    ),
    (
        r##"return struct.pack('b', nil)"##,
        r##"error "user_script:1: bad argument #2 to 'pack' (number expected, got nil)""##,
    ),
    (
        r##"return struct.pack('s')"##,
        r##"error "user_script:1: bad argument #2 to 'pack' (string expected, got nil)""##,
    ),
    (
        r##"return struct.pack('s', {})"##,
        r##"error "user_script:1: bad argument #2 to 'pack' (string expected, got table)""##,
    ),
    (
        r##"return struct.pack('c5', 'abc')"##,
        r##"error "user_script:1: bad argument #3 to 'pack' (string too short)""##,
    ),
    (
        r##"return struct.pack()"##,
        r##"error "user_script:1: bad argument #1 to 'pack' (string expected, got no value)""##,
    ),
    (
        r##"return struct.pack({})"##,
        r##"error "user_script:1: bad argument #1 to 'pack' (string expected, got table)""##,
    ),
    (
        r##"return struct.pack('c2147483648', 'a')"##,
        r##"error "user_script:1: integral size overflow""##,
    ),
    (
        r##"return struct.unpack('b', '\255'), struct.unpack('B', '\255'), struct.unpack('h', '\1\2'), struct.unpack('>h', '\1\2'), struct.unpack('>h', '\255\254'), struct.unpack('H', '\255\254'), struct.unpack('i', '\1\2\3\4'), struct.unpack('l', '\1\2\3\4\5\6\7\8'), struct.unpack('L', '\255\255\255\255\255\255\255\255'), struct.unpack('T', '\1\0\0\0\0\0\0\0')"##,
        r##"-1 255 513 258 -2 65279 67305985 5.784376957523072e+17 1.8446744073709552e+19 1 9"##,
    ),
    (
        r##"local s = string.rep('\200', 32) return struct.unpack('i9', s), struct.unpack('I9', s), struct.unpack('i16', s), struct.unpack('i0', s), struct.unpack('i12', s), struct.unpack('i3', s), struct.unpack('I3', s), struct.unpack('i32', s), struct.unpack('>i7', s)"##,
        r##"-56 1.4468034567615334e+19 -3.9787095060942172e+18 0 -926365496 -3618616 13158600 -3.9787095060942172e+18 -15541834008180536 8"##,
    ),
    (
        r##"local z = string.rep('\0', 7) .. '\1' .. string.rep('\0', 24) return struct.unpack('i9', z), struct.unpack('>i9', z), struct.unpack('i8', z), struct.unpack('>i10', z), struct.unpack('i17', z)"##,
        r##"-128 -128 72057594037927936 -32768 -128 18"##,
    ),
    (
        r##"return struct.unpack('f', '\0\0\192\63'), struct.unpack('>f', '\63\192\0\0'), struct.unpack('d', '\154\153\153\153\153\153\185\63'), struct.unpack('>d', '\63\185\153\153\153\153\153\154')"##,
        r##"1.5 1.5 0.10000000000000001 0.10000000000000001 9"##,
    ),
    (
        r##"return struct.unpack('s', 'abc\0def'), struct.unpack('c3', 'abcd'), struct.unpack('bc0', '\3abcd'), struct.unpack('c1c0', '3abc'), struct.unpack('Bc0s', '\2abxyz\0'), struct.unpack('bc0', '\0abc')"##,
        r##""abc" "abc" "abc" "abc" "ab" "" 2"##,
    ),
    (
        r##"return struct.unpack('bbb', '\1\2\3'), struct.unpack('bxb', '\1\2\3'), struct.unpack('!bi', '\1\0\0\0\2\0\0\0'), struct.unpack('i4', 'abcdefgh', 2), struct.unpack('', ''), struct.unpack('', 'abc', 3)"##,
        r##"1 1 1 1701077858 1 3"##,
    ),
    (
        r##"return struct.unpack('b', 'abc', 4)"##,
        r##"error "user_script:1: bad argument #2 to 'unpack' (data string too short)""##,
    ),
    (
        r##"return struct.unpack('', 'abc', 9)"##,
        r##"9"##,
    ),
    (
        r##"return struct.unpack('b', 'abc', 0)"##,
        r##"error "user_script:1: bad argument #3 to 'unpack' (offset must be 1 or greater)""##,
    ),
    (
        r##"return struct.unpack('b', 'abc', -5)"##,
        r##"error "user_script:1: bad argument #2 to 'unpack' (data string too short)""##,
    ),
    (
        r##"return struct.unpack('b', 'abc', 'x')"##,
        r##"error "user_script:1: bad argument #3 to 'unpack' (number expected, got string)""##,
    ),
    (
        r##"return struct.unpack('b', 'abc', '2'), struct.unpack('b', 'abc', 2.7)"##,
        r##"98 98 3"##,
    ),
    (
        r##"return struct.unpack('i', 'abc')"##,
        r##"error "user_script:1: bad argument #2 to 'unpack' (data string too short)""##,
    ),
    (
        r##"return struct.unpack('c0', 'abcd')"##,
        r##"error "user_script:1: format 'c0' needs a previous size""##,
    ),
    (
        r##"return struct.unpack('xc0', 'abcd')"##,
        r##"error "user_script:1: format 'c0' needs a previous size""##,
    ),
    (
        r##"return struct.unpack('c1c0', 'abcd')"##,
        r##"error "user_script:1: format 'c0' needs a previous size""##,
    ),
    (
        r##"return struct.unpack('bc0', '\255abc')"##,
        r##"error "user_script:1: bad argument #2 to 'unpack' (data string too short)""##,
    ),
    (
        r##"return struct.unpack('bc0', '\9abc')"##,
        r##"error "user_script:1: bad argument #2 to 'unpack' (data string too short)""##,
    ),
    (
        r##"return struct.unpack('fc0', '\0\0\192\63abc')"##,
        r##""a" 6"##,
    ),
    (
        r##"return struct.unpack('s', 'abc')"##,
        r##"error "user_script:1: unfinished string in data""##,
    ),
    (
        r##"return struct.unpack('s', 'abc', 9)"##,
        r##"error "user_script:1: bad argument #2 to 'unpack' (data string too short)""##,
    ),
    (
        r##"return struct.unpack('z', 'abc')"##,
        r##"error "user_script:1: bad argument #1 to 'unpack' (invalid format option 'z')""##,
    ),
    (
        r##"return struct.unpack('bz', 'abc')"##,
        r##"error "user_script:1: bad argument #1 to 'unpack' (invalid format option 'z')""##,
    ),
    (
        r##"return struct.unpack('c2147483647', 'abc')"##,
        r##"error "user_script:1: bad argument #2 to 'unpack' (data string too short)""##,
    ),
    (
        r##"return struct.unpack()"##,
        r##"error "user_script:1: bad argument #1 to 'unpack' (string expected, got no value)""##,
    ),
    (
        r##"return struct.unpack('b')"##,
        r##"error "user_script:1: bad argument #2 to 'unpack' (string expected, got no value)""##,
    ),
    (
        r##"return struct.unpack('b', {})"##,
        r##"error "user_script:1: bad argument #2 to 'unpack' (string expected, got table)""##,
    ),
    (
        r##"return struct.unpack('b', 12)"##,
        r##"49 2"##,
    ),
    (
        r##"local s = string.rep('b', 9000) return struct.unpack(s, s)"##,
        r##"error "user_script:1: stack overflow (too many results)""##,
    ),
    (
        r##"local s = string.rep('b', 7000) return select('#', struct.unpack(s, s))"##,
        r##"7001"##,
    ),
    (
        r##"return struct.size('b'), struct.size('i'), struct.size('l'), struct.size('d'), struct.size('f'), struct.size('h'), struct.size('T'), struct.size('c10'), struct.size('c'), struct.size('x'), struct.size('i0'), struct.size('')"##,
        r##"1 4 8 8 4 2 8 10 1 1 0 0"##,
    ),
    (
        r##"return struct.size('!bi'), struct.size('!1bi'), struct.size('!4bd'), struct.size('!8bd'), struct.size('bdhi3'), struct.size('c2147483647c2147483647'), struct.size('z'), struct.size('> < b'), struct.size('i3i3!i'), struct.size('5')"##,
        r##"8 5 12 16 14 4294967294 0 1 12 0"##,
    ),
    (
        r##"return struct.size('s')"##,
        r##"error "user_script:1: bad argument #1 to 'size' (option 's' has no fixed size)""##,
    ),
    (
        r##"return struct.size('c0')"##,
        r##"error "user_script:1: bad argument #1 to 'size' (option 'c0' has no fixed size)""##,
    ),
    (
        r##"return struct.size('c2147483648')"##,
        r##"error "user_script:1: integral size overflow""##,
    ),
    (
        r##"return struct.size('%')"##,
        r##"error "user_script:1: bad argument #1 to 'size' (invalid format option '%')""##,
    ),
    (
        r##"return struct.size('i64')"##,
        r##"error "user_script:1: integral size 64 is larger than limit of 32""##,
    ),
    (
        r##"return struct.size()"##,
        r##"error "user_script:1: bad argument #1 to 'size' (string expected, got no value)""##,
    ),
    (
        r##"return struct.size({})"##,
        r##"error "user_script:1: bad argument #1 to 'size' (string expected, got table)""##,
    ),
    (
        r##"return {bit.tobit(0), bit.tobit(1), bit.tobit(-1), bit.tobit(2^31), bit.tobit(2^32), bit.tobit(2^32 + 5), bit.tobit(-2^31 - 1), bit.tobit(2^53), bit.tobit(2^53 - 1), bit.tobit(1e15), bit.tobit(1e300), bit.tobit(1.5), bit.tobit(2.5), bit.tobit(-1.5), bit.tobit(0.5), bit.tobit(1 / 0), bit.tobit(0 / 0), bit.tobit(2^51), bit.tobit(2^51 + 1), bit.tobit(2^52 + 3), bit.tobit(-2^51 - 7)}"##,
        r##"{10=-1530494976 11=-2013235812 12=2 13=2 14=-2 15=0 16=0 17=0 18=0 19=0 1=0 20=2 21=-14 2=1 3=-1 4=-2147483648 5=0 6=5 7=2147483647 8=0 9=0}"##,
    ),
    (
        r##"return bit.tobit('5'), bit.tobit(' 0xff '), bit.tobit('1e3'), bit.tobit('0'), bit.tobit('-7')"##,
        r##"5 255 1000 0 -7"##,
    ),
    (
        r##"return bit.bnot(0), bit.bnot(-1), bit.bnot(0x12345678), bit.band(0xff, 0x0f), bit.band(-1), bit.band(1, 2, 3), bit.bor(1, 2, 4), bit.bxor(0xff, 0x0f, 1), bit.bor(0x80000000, 0), bit.bxor(2^32, 1)"##,
        r##"-1 0 -305419897 15 -1 0 7 241 -2147483648 1"##,
    ),
    (
        r##"return bit.lshift(1, 0), bit.lshift(1, 31), bit.lshift(1, 32), bit.lshift(1, -1), bit.lshift(3, 33), bit.rshift(-1, 1), bit.rshift(-1, 31), bit.rshift(-1, 32), bit.arshift(-8, 2), bit.arshift(0x7fffffff, 30), bit.arshift(-1, 31)"##,
        r##"1 -2147483648 1 -2147483648 6 2147483647 1 -1 -2 1 -1"##,
    ),
    (
        r##"return bit.rol(0x12345678, 4), bit.rol(1, 31), bit.rol(5, 0), bit.ror(0x12345678, 4), bit.ror(1, 1), bit.ror(5, 32), bit.bswap(0x12345678), bit.bswap(0x78563412), bit.bswap(-1)"##,
        r##"591751041 -2147483648 5 -2128394905 -2147483648 5 2018915346 305419896 -1"##,
    ),
    (
        r##"return bit.tohex(1), bit.tohex(-1), bit.tohex(0xffff), bit.tohex(0xdeadbeef, 4), bit.tohex(0xdeadbeef, -4), bit.tohex(1, 0), bit.tohex(1, 100), bit.tohex(255, -100), bit.tohex(255, -2147483648), bit.tohex(255, 2147483647), bit.tohex(255, 3.5), bit.tohex(255, '2')"##,
        r##""00000001" "ffffffff" "0000ffff" "beef" "BEEF" "" "00000001" "000000FF" "000000FF" "000000ff" "00ff" "ff""##,
    ),
    (
        r##"return bit.tohex(255, nil)"##,
        r##"error "user_script:1: bad argument #2 to 'tohex' (number expected, got nil)""##,
    ),
    (
        r##"return bit.tohex()"##,
        r##"error "user_script:1: bad argument #1 to 'tohex' (number expected, got no value)""##,
    ),
    (
        r##"return bit.tobit()"##,
        r##"error "user_script:1: bad argument #1 to 'tobit' (number expected, got no value)""##,
    ),
    (
        r##"return bit.tobit('x')"##,
        r##"error "user_script:1: bad argument #1 to 'tobit' (number expected, got string)""##,
    ),
    (
        r##"return bit.tobit({})"##,
        r##"error "user_script:1: bad argument #1 to 'tobit' (number expected, got table)""##,
    ),
    (
        r##"return bit.tobit('')"##,
        r##"error "user_script:1: bad argument #1 to 'tobit' (number expected, got string)""##,
    ),
    (
        r##"return bit.band()"##,
        r##"error "user_script:1: bad argument #1 to 'band' (number expected, got no value)""##,
    ),
    (
        r##"return bit.band(1, 'x')"##,
        r##"error "user_script:1: bad argument #2 to 'band' (number expected, got string)""##,
    ),
    (
        r##"return bit.band(1, 'x', {})"##,
        r##"error "user_script:1: bad argument #3 to 'band' (number expected, got table)""##,
    ),
    (
        r##"return bit.band('x', {})"##,
        r##"error "user_script:1: bad argument #1 to 'band' (number expected, got string)""##,
    ),
    (
        r##"return bit.lshift(1)"##,
        r##"error "user_script:1: bad argument #2 to 'lshift' (number expected, got no value)""##,
    ),
    (
        r##"return bit.lshift(1, 'a')"##,
        r##"error "user_script:1: bad argument #2 to 'lshift' (number expected, got string)""##,
    ),
    (
        r##"return bit.lshift()"##,
        r##"error "user_script:1: bad argument #1 to 'lshift' (number expected, got no value)""##,
    ),
    (
        r##"return bit.bnot(true)"##,
        r##"error "user_script:1: bad argument #1 to 'bnot' (number expected, got boolean)""##,
    ),
    (
        r##"return bit.bor(1, nil)"##,
        r##"error "user_script:1: bad argument #2 to 'bor' (number expected, got nil)""##,
    ),
    (
        r##"return bit.bor(1, cjson.null)"##,
        r##"error "user_script:1: bad argument #2 to 'bor' (number expected, got userdata)""##,
    ),
];
