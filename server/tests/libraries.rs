//! The Lua libraries (cjson, cmsgpack, struct, bit, and what of `string` and `table` is our own) beside those of the real Redis: generated values, texts and bytes go through
//! them on both servers, and what comes out, errors included, is compared byte for byte. `CURFEW_REFERENCE` says where the
//! reference is. One fixed seed by default; `CURFEW_FUZZ_SECONDS` for other ones as long as that.

mod support;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::{Client, Random, Reply, Server};

/// Rounds of each kind with the fixed seed.
const ROUNDS: usize = 400;

/// Writes values as text, tables in the order in which `pairs` walks them, since scripts see that order, too. But Redis's Lua
/// hashes strings of 32 bytes and more in a way of its own, so that with such keys the order is another; and with tables as
/// keys it is that of their addresses.
const SHOW: &str = r#"
local function show(v, d)
  local t = type(v)
  if t == 'number' then return string.format('%.17g', v) end
  if t == 'string' then return '"' .. v .. '"' end
  if t == 'userdata' then return v == cjson.null and 'null' or 'userdata' end
  if t ~= 'table' then return tostring(v) end
  if d > 20 then return '...' end
  local r, any = {}, false
  for k, x in pairs(v) do
    any = any or type(k) == 'string' and #k > 31 or type(k) == 'table'
    r[#r + 1] = show(k, d + 1) .. '=' .. show(x, d + 1)
  end
  if any then table.sort(r) end
  return '{' .. #v .. ':' .. table.concat(r, ' ') .. '}'
end
local function all(ok, ...)
  local r = {ok and 'ok' or 'error'}
  for i = 1, math.min(select('#', ...), 100) do r[i + 1] = show((select(i, ...)), 0) end
  return table.concat(r, ' ')
end
"#;

/// A kind of input: what makes the end of a script, and its arguments.
type Kind = fn(&mut Random, &mut Vec<Vec<u8>>) -> String;

const KINDS: &[(&str, Kind)] = &[
    ("values", values),
    ("configured", configured),
    ("JSON", json),
    ("MessagePack", message_pack),
    ("structures", structures),
    ("bits", bits),
    ("patterns", patterns),
    ("mixtures", mixtures),
];

/// The expressions in `scripts/patterns.txt`, one per line.
#[test]
fn patterns_match_as_in_redis() {
    let (reference, curfew) = (Server::redis(&[]), Server::subject(1, &[]));
    let (mut theirs, mut ours) = (reference.client(), curfew.client());
    for line in include_str!("scripts/patterns.txt").lines() {
        for script in [format!("return all(pcall(function() return {line} end))"), format!("return all(true, {line})")]
        {
            let script = format!("{SHOW}{script}");
            let command = ["EVAL", &script, "0"];
            assert_eq!(ours.cmd(&command).to_string(), theirs.cmd(&command).to_string(), "{line}");
        }
    }
}

#[test]
fn fuzz_libraries_answer_as_in_redis() {
    let (reference, curfew) = (Server::redis(&[]), Server::subject(1, &[]));
    let (mut theirs, mut ours) = (reference.client(), curfew.client());
    let seconds: Option<u64> =
        std::env::var("CURFEW_FUZZ_SECONDS").ok().map(|text| text.parse().expect("CURFEW_FUZZ_SECONDS is a number"));
    let Some(seconds) = seconds else {
        return compare(&mut ours, &mut theirs, 1);
    };
    let start = Instant::now();
    let mut seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) << 16;
    while start.elapsed() < Duration::from_secs(seconds) {
        seed += 1;
        compare(&mut ours, &mut theirs, seed);
    }
}

fn compare(ours: &mut Client, theirs: &mut Client, seed: u64) {
    for (name, kind) in KINDS {
        let mut random = Random::new(seed);
        for round in 0..ROUNDS {
            let mut args = Vec::new();
            let script = format!("{SHOW}{}", kind(&mut random, &mut args));
            let mut command: Vec<&[u8]> = vec![b"EVAL", script.as_bytes(), b"0"];
            command.extend(args.iter().map(Vec::as_slice));
            let (our, their) = (ours.cmd(&command), theirs.cmd(&command));
            let script = &script[SHOW.len()..];
            assert!(our == their, "seed {seed}, {name}, round {round}: {}", difference(&our, &their, script, &args));
        }
    }
}

/// The first results that differ, as text.
fn difference(our: &Reply, their: &Reply, script: &str, args: &[Vec<u8>]) -> String {
    let all = |reply: &Reply| match reply {
        Reply::Array(items) => items.clone(),
        other => vec![other.clone()],
    };
    let text = |reply: &Reply| match reply {
        Reply::Bulk(text) => text.escape_ascii().to_string(),
        other => format!("{other:?}"),
    };
    let args: Vec<_> = args.iter().map(|arg| arg.escape_ascii().to_string()).collect();
    let (our, their) = (all(our), all(their));
    let at = our.iter().zip(&their).position(|(our, their)| our != their).unwrap_or_default();
    format!("{script}\nwith {args:?}\nresult {at} is\n{}\nand in Redis\n{}", text(&our[at]), text(&their[at]))
}

/// A value through the encoders and back.
fn values(random: &mut Random, _: &mut Vec<Vec<u8>>) -> String {
    format!(
        "local v = {}
        local ok, text = pcall(cjson.encode, v)
        local packed = cmsgpack.pack(v, {})
        return {{text, packed, ok and all(pcall(cjson.decode, text)), all(pcall(cmsgpack.unpack, packed)),
            ok and all(pcall(cjson.encode, cjson.decode(text))), cmsgpack.pack(cmsgpack.unpack(packed))}}",
        value(random, 0),
        value(random, 2)
    )
}

/// The same with settings of cjson's own module.
fn configured(random: &mut Random, args: &mut Vec<Vec<u8>>) -> String {
    args.push(json_text(random, 0).into_bytes());
    let switch = |random: &mut Random| *random.pick(&["true", "false", "'on'", "'off'", "nil", "'null'", "7"]);
    let number = |random: &mut Random| *random.pick(&["nil", "0", "1", "2", "3", "5", "14", "20", "'4'", "1.5", "{}"]);
    format!(
        "local c = cjson.new()
        local r = {{all(pcall(c.encode_sparse_array, {}, {}, {})), all(pcall(c.encode_max_depth, {})),
            all(pcall(c.decode_max_depth, {})), all(pcall(c.encode_number_precision, {})),
            all(pcall(c.encode_invalid_numbers, {})), all(pcall(c.decode_invalid_numbers, {})),
            all(pcall(c.encode_keep_buffer, {}))}}
        r[#r + 1] = all(pcall(c.encode, {}))
        r[#r + 1] = all(pcall(c.decode, ARGV[1]))
        return r",
        switch(random),
        number(random),
        number(random),
        number(random),
        number(random),
        number(random),
        switch(random),
        switch(random),
        switch(random),
        value(random, 0)
    )
}

/// A text, most often damaged.
fn json(random: &mut Random, args: &mut Vec<Vec<u8>>) -> String {
    let mut text = json_text(random, 0).into_bytes();
    damage(random, &mut text, b"{}[]:,\"\\0123456789.eE+-xnulltruefalseinfa \n\0/");
    args.push(text);
    "return all(pcall(cjson.decode, ARGV[1]))".into()
}

/// What one packs, most often damaged, and random bytes.
fn message_pack(random: &mut Random, args: &mut Vec<Vec<u8>>) -> String {
    let length = random.below(30);
    let mut bytes = random.bytes(length);
    if random.one_in(2) {
        bytes.clear();
        packed(random, 0, &mut bytes);
        damage(
            random,
            &mut bytes,
            &[0xc0, 0xc1, 0xca, 0xcb, 0xcf, 0xd3, 0xd9, 0xda, 0xdc, 0xde, 0x81, 0x92, 0x00, 0xff],
        );
    }
    args.push(bytes);
    let (offset, limit) = (random.below(12) as i64 - 2, random.below(6) as i64 - 1);
    format!(
        "local b = ARGV[1]
        return {{all(pcall(cmsgpack.unpack, b)), all(pcall(cmsgpack.unpack_one, b)), all(pcall(cmsgpack.unpack_one, b, {offset})),
            all(pcall(cmsgpack.unpack_limit, b, {limit})), all(pcall(cmsgpack.unpack_limit, b, {limit}, {offset}))}}"
    )
}

fn structures(random: &mut Random, args: &mut Vec<Vec<u8>>) -> String {
    let mut format = String::new();
    for _ in 0..random.below(7) {
        format.push_str(random.pick::<&str>(&[
            "b", "B", "h", "H", "l", "L", "T", "i", "I", "i1", "i3", "I5", "i8", "I9", "f", "d", "s", "c", "c0", "c3",
            "x", "<", ">", "!", "!2", "!8", "!3", " ", "bc0", "z", "i33", "",
        ]));
    }
    let length = random.below(40);
    let mut data = random.bytes(length);
    data.iter_mut().for_each(|byte| *byte = if random.one_in(3) { *byte % 6 } else { *byte });
    args.extend([format.into_bytes(), data]);
    let fields: Vec<String> = (0..random.below(7))
        .map(|_| match random.below(3) {
            0 => text(random),
            1 => random.below(300).to_string(),
            _ => value(random, 3),
        })
        .collect();
    let fields = if fields.is_empty() { String::new() } else { format!(", {}", fields.join(", ")) };
    let offset = random.below(9) as i64 - 1;
    format!(
        "local f, d = ARGV[1], ARGV[2]
        return {{all(pcall(struct.size, f)), all(pcall(struct.pack, f{fields})), all(pcall(struct.unpack, f, d)),
            all(pcall(struct.unpack, f, d, {offset}))}}"
    )
}

fn bits(random: &mut Random, _: &mut Vec<Vec<u8>>) -> String {
    let name = random
        .pick(&["tobit", "bnot", "bswap", "band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "tohex"]);
    let args: Vec<String> =
        (0..random.below(4)).map(|_| if random.one_in(6) { value(random, 3) } else { number(random) }).collect();
    format!("return all(pcall(function() return bit.{name}({}) end))", args.join(", "))
}

/// Exchanges, takes out and puts in bytes, one time in four none.
fn damage(random: &mut Random, bytes: &mut Vec<u8>, by: &[u8]) {
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len() + 1);
        let byte = *random.pick(by);
        match random.below(3) {
            0 => bytes.insert(at, byte),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            _ if at < bytes.len() => bytes[at] = byte,
            _ => bytes.truncate(at / 2),
        }
    }
}

/// A number as an expression of Lua.
fn number(random: &mut Random) -> String {
    let bits = random.below(64);
    let integer = (random.next() >> bits) as i64;
    match random.below(9) {
        0 => (random.below(40) as i64 - 10).to_string(),
        1 => integer.to_string(),
        2 => format!("(-{})", integer.unsigned_abs()),
        3 => format!("{}.{}", integer >> 40, random.below(10_000)),
        4 => format!("({} / {})", integer, random.below(1000) + 1),
        5 => format!("{}e{}", random.below(1000), random.below(640) as i64 - 320),
        6 => format!("(2^{} + {})", random.below(70), random.below(3) as i64 - 1),
        7 => random.pick(&["(1/0)", "(-1/0)", "(0/0)", "(-(0/0))", "-0", "(0 * -1)"]).to_string(),
        _ => format!("{:?}", f64::from_bits(random.next() >> 2)),
    }
}

/// A string as an expression of Lua.
fn text(random: &mut Random) -> String {
    let length = if random.one_in(8) { random.below(300) } else { random.below(20) };
    text_of(random, length)
}

fn text_of(random: &mut Random, length: usize) -> String {
    let mut out = String::from("'");
    let odd = random.one_in(2);
    for _ in 0..length {
        match random.next() as u8 {
            byte if odd && byte < 40 || !odd && byte == 0 => out.push_str(&format!("\\{byte:03}")),
            byte if odd && byte >= 200 => {
                out.push_str(random.pick::<&str>(&["\\\"", "\\\\", "/", "\\127", "\\n", "\\t", "\\255", "ä"]))
            }
            byte => out.push(char::from(b'a' + byte % 26)),
        }
    }
    out.push('\'');
    out
}

/// Any value as an expression of Lua. Tables are no keys, since their addresses would say in which order.
fn value(random: &mut Random, depth: usize) -> String {
    match random.below(if depth >= 3 { 8 } else { 14 }) {
        0 => random.pick(&["true", "false", "nil", "cjson.null"]).to_string(),
        1 if random.one_in(6) => random.pick(&["tostring", "coroutine.create(tostring)", "function() end"]).to_string(),
        1..4 => number(random),
        4 => format!("'{}'", random.pick(&["5", " 0x10 ", "1e3", "-7", "", "on", "off"])),
        5..8 => text(random),
        8..11 => {
            let items: Vec<String> = (0..random.below(20)).map(|_| value(random, depth + 1)).collect();
            format!("{{{}}}", items.join(", "))
        }
        11 => {
            let items = (0..random.below(9)).map(|_| format!("[{}] = {}", random.below(14), value(random, depth + 1)));
            format!("{{{}}}", items.collect::<Vec<_>>().join(", "))
        }
        _ => {
            let mut items = Vec::new();
            for _ in 0..random.below(20) {
                let key = match random.below(12) {
                    0 => number(random).replace("(0/0)", "0"),
                    1 => random.below(5).to_string(),
                    2 => random.pick(&["true", "cjson.null"]).to_string(),
                    // Below 32 bytes: see `SHOW`.
                    _ => {
                        let length = random.below(15);
                        text_of(random, length)
                    }
                };
                items.push(format!("[{key}] = {}", value(random, depth + 1)));
            }
            format!("{{{}}}", items.join(", "))
        }
    }
}

fn json_text(random: &mut Random, depth: usize) -> String {
    let space = |random: &mut Random| *random.pick(&["", "", "", "", " ", "\n", "\t\r "]);
    let all = |items: Vec<String>, random: &mut Random| items.join(&format!("{},{}", space(random), space(random)));
    match random.below(if depth >= 4 { 6 } else { 10 }) {
        0 => {
            random.pick(&["true", "false", "null", "nan", "inf", "-Infinity", "+1", "0x1F", "-012", "NaN"]).to_string()
        }
        1 | 2 => match random.below(3) {
            0 => format!("{}", random.next() as i64 >> random.below(64)),
            1 => format!("{}.{}", random.below(100_000), random.below(1_000_000)),
            _ => format!("-{}.{}e{}", random.below(1000), random.below(10), random.below(650) as i64 - 325),
        },
        3..6 => json_string(random),
        6 | 7 => {
            let items = (0..random.below(9)).map(|_| json_text(random, depth + 1)).collect();
            format!("[{}{}]", space(random), all(items, random))
        }
        _ => {
            let items = (0..random.below(9))
                .map(|_| format!("{}{}:{}", json_string(random), space(random), json_text(random, depth + 1)))
                .collect();
            format!("{{{}{}}}", space(random), all(items, random))
        }
    }
}

fn json_string(random: &mut Random) -> String {
    let mut out = String::from("\"");
    for _ in 0..random.below(24) {
        match random.below(30) {
            0 => out.push_str(
                random.pick::<&str>(&["\\n", "\\t", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r", "\\x", "\\u00"]),
            ),
            1 => out.push_str(random.pick::<&str>(&[
                "\\u0000",
                "\\u00e4",
                "\\u20AC",
                "\\ud83d\\ude00",
                "\\ude00",
                "\\ud83dx",
                "ä",
                "\u{1}",
            ])),
            n => out.push(char::from(b'a' + n as u8 % 26)),
        }
    }
    out.push('"');
    out
}

/// Appends a value in MessagePack.
fn packed(random: &mut Random, depth: usize, out: &mut Vec<u8>) {
    match random.below(if depth >= 4 { 8 } else { 12 }) {
        0 => out.push(*random.pick(&[0xc0, 0xc2, 0xc3, 0x00, 0x7f, 0xe0, 0xff])),
        1..5 => {
            let (code, bytes) = *random.pick(&[
                (0xca, 4),
                (0xcb, 8),
                (0xcc, 1),
                (0xcd, 2),
                (0xce, 4),
                (0xcf, 8),
                (0xd0, 1),
                (0xd1, 2),
                (0xd2, 4),
                (0xd3, 8),
            ]);
            out.push(code);
            out.extend(random.bytes(bytes));
        }
        5..8 => {
            let length = random.below(40);
            match random.below(3) {
                0 => out.extend([0xd9, length as u8]),
                1 => out.extend([0xda, 0, length as u8]),
                _ => out.push(0xa0 | (length as u8).min(31)),
            }
            let text = random.bytes(if out.last() == Some(&(0xa0 | 31)) { 31 } else { length });
            out.extend(text);
        }
        8 | 9 => {
            let length = random.below(18);
            match length {
                0..16 if random.one_in(2) => out.push(0x90 | length as u8),
                _ => out.extend([0xdc, 0, length as u8]),
            }
            (0..length).for_each(|_| packed(random, depth + 1, out));
        }
        _ => {
            let length = random.below(18);
            match length {
                0..16 if random.one_in(2) => out.push(0x80 | length as u8),
                _ => out.extend([0xde, 0, length as u8]),
            }
            for _ in 0..length {
                // A table among the keys would have an address for its order.
                packed(random, 4, out);
                packed(random, depth + 1, out);
            }
        }
    }
}

/// Functions that take patterns: short subjects and patterns of few kinds of bytes, so that they often match.
fn patterns(random: &mut Random, _: &mut Vec<Vec<u8>>) -> String {
    let mut results = Vec::new();
    for _ in 0..8 {
        let (subject, pattern) = (quote(&subject(random)), quote(&pattern(random)));
        let start = random.pick(&["1", "2", "-1", "-3", "0", "5", "nil", "1e9", "-1e9"]);
        let replacement = random.pick(&[
            "'<%0>'",
            "'%1'",
            "'%2%1'",
            "'%%'",
            "'%'",
            "''",
            "7",
            "{a='x', b=false, ab=1}",
            "{}",
            "string.upper",
            "function(...) return #{...} end",
            "function() end",
            "function(x) return x ~= 'a' and x end",
            "setmetatable({}, {__index = function(_, k) return k .. '!' end})",
            "nil",
            "true",
        ]);
        let max = random.pick(&["nil", "0", "1", "2", "-1", "'3'"]);
        results.push(match random.below(5) {
            0 => format!(
                "all(pcall(string.find, {subject}, {pattern}, {start}, {}))",
                random.pick(&["nil", "true", "false"])
            ),
            1 => format!("all(pcall(string.match, {subject}, {pattern}, {start}))"),
            2 => format!("all(pcall(string.gsub, {subject}, {pattern}, {replacement}, {max}))"),
            3 => format!(
                "all(pcall(function() local r = {{}} for a, b in string.gmatch({subject}, {pattern}) do
                r[#r + 1] = tostring(a) .. ':' .. tostring(b) end return r end))"
            ),
            _ => format!("all(pcall(string.rep, {subject}, {}))", random.pick(&["0", "1", "-1", "nil", "'2'", "5"])),
        });
    }
    format!("return {{{}}}", results.join(","))
}

fn subject(random: &mut Random) -> Vec<u8> {
    let length = random.below(14);
    (0..length).map(|_| *random.pick(b"aaabbc(()).-%$^ 1_[]\0\xe9A")).collect()
}

/// A pattern of few items, at times broken.
fn pattern(random: &mut Random) -> Vec<u8> {
    let mut pattern = Vec::new();
    if random.one_in(6) {
        pattern.push(b'^');
    }
    let mut open = 0;
    for _ in 0..random.below(6) {
        match random.below(14) {
            0 => {
                pattern.push(b'(');
                open += 1;
            }
            1 if open > 0 => {
                pattern.push(b')');
                open -= 1;
            }
            1 => pattern.extend_from_slice(b"()"),
            2 => pattern.extend_from_slice(random.pick(&["%b()", "%bab", "%f[%a]", "%f[^a]", "%1", "%2"]).as_bytes()),
            3 if random.one_in(8) => {
                pattern.extend_from_slice(random.pick(&["%", "[", "[^", ")", "%f", "%b", "$", "[a%", "\0"]).as_bytes());
            }
            _ => {
                pattern.extend_from_slice(
                    random
                        .pick(&[
                            "a", "b", "c", ".", "%a", "%A", "%w", "%s", "%d", "%p", "%x", "%z", "%%", "%.", "[ab]",
                            "[^ab]", "[a-c]", "[%a_]", "[^%s]", "[]]", "[^]]", "[a-]", "[%-a]", "(a)", "(.)", "-",
                        ])
                        .as_bytes(),
                );
                pattern.extend_from_slice(random.pick(&["", "", "*", "+", "-", "?"]).as_bytes());
            }
        }
    }
    if random.one_in(8) {
        open = 0;
    }
    pattern.extend(std::iter::repeat_n(b')', open));
    if random.one_in(5) {
        pattern.push(b'$');
    }
    pattern
}

/// A string of Lua.
fn quote(bytes: &[u8]) -> String {
    let escaped: String = bytes.iter().map(|byte| format!("\\{byte:03}")).collect();
    format!("\"{escaped}\"")
}

/// Whole scripts: expressions within expressions, of all that scripts are given.
fn mixtures(random: &mut Random, args: &mut Vec<Vec<u8>>) -> String {
    args.push(subject(random));
    let lines: Vec<String> =
        (0..4).map(|_| format!("all(pcall(function() return {} end))", expression(random, 0))).collect();
    format!(
        "local a, b, n = ARGV[1], 'ab,c', 3
        local r = {{{}}}
        r[#r + 1] = all(pcall(function() leaked = 1 end))
        local names = {{}}
        for name in pairs(_G) do names[#names + 1] = name end
        table.sort(names)
        r[#r + 1] = table.concat(names, ' ')
        -- Addresses are no two servers' business.
        for i = 1, #r do r[i] = r[i]:gsub('0x%x+', '0x') end
        return r",
        lines.join(",")
    )
}

fn expression(random: &mut Random, depth: usize) -> String {
    if depth > 4 || random.one_in(6) {
        let leaves =
            ["a", "b", "n", "'x'", "nil", "true", "-1", "2.5", "{1, 2, 'c'}", "''", "KEYS", "1e15", "cjson.null"];
        return (*random.pick(&leaves)).to_owned();
    }
    let mut e = || expression(random, depth + 1);
    let (x, y) = (e(), e());
    match random.below(24) {
        0 => format!("{x} .. {y}"),
        1 => format!("({x} or {y})"),
        2 => format!("#({x})"),
        3 => format!("tostring(type({x}) == 'table' and #{x} or {x})"),
        4 => format!("string.find(a, {})", quote(&pattern(random))),
        5 => format!("string.gsub({x}, {}, function(c) return {y} end)", quote(&pattern(random))),
        6 => format!("string.gsub(a, {}, {x})", quote(&pattern(random))),
        7 => format!("unpack({{{x}, {y}}}, {}, {})", random.below(4), random.below(5)),
        8 => format!("select({}, {x}, {y})", random.pick(&["1", "2", "-1", "'#'", "0", "3"])),
        9 => format!("coroutine.wrap(function(p) local q = coroutine.yield({x}) return {y} end)(n)"),
        10 => format!("coroutine.resume(coroutine.create(function() return {x}, {y} end))"),
        11 => format!("pcall(function() return {x} end)"),
        12 => format!("pcall(error, {x}, 0)"),
        13 => format!("table.concat({{{x}, {y}}}, b)"),
        14 => format!("cjson.encode({{{x}, {y}}})"),
        15 => format!("cmsgpack.unpack(cmsgpack.pack({x}, {y}))"),
        16 => format!("struct.pack({}, {x})", random.pick(&["'>I2'", "'b'", "'s'", "'d'", "'c0'", "'i3'"])),
        17 => format!("bit.{}({x}, {y})", random.pick(&["band", "bor", "bxor", "lshift", "rol", "tohex"])),
        18 => format!("loadstring({x})"),
        19 => format!("select('#', load(function() if n then n = nil return {x} end end))"),
        20 => format!("string.rep({x}, {})", random.below(9)),
        21 => {
            format!("string.format({}, {x})", random.pick(&["'%5.2f'", "'%d'", "'%q'", "'%s'", "'%x'", "'%c'", "'%g'"]))
        }
        22 => format!("setmetatable({{}}, {{__index = function(_, k) return {x} end}}).k"),
        _ => format!("(function(...) return select('#', ...) end)({x}, {y})"),
    }
}
