//! The Lua libraries (cjson, cmsgpack, struct, bit) beside those of the real Redis: generated values, texts and bytes go through
//! them on both servers, and what comes out, errors included, is compared byte for byte. `CURFEW_REFERENCE` says where the
//! reference is. One fixed seed by default; `CURFEW_FUZZ_SECONDS` for other ones as long as that.

mod support;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::{Client, Random, Server};

/// Rounds of each kind with the fixed seed.
const ROUNDS: usize = 400;

/// Writes values as text, tables in the order in which `pairs` walks them, since scripts see that order, too.
const SHOW: &str = r#"
local function show(v, d)
  local t = type(v)
  if t == 'number' then return string.format('%.17g', v) end
  if t == 'string' then return '"' .. v .. '"' end
  if t == 'userdata' then return v == cjson.null and 'null' or 'userdata' end
  if t ~= 'table' then return tostring(v) end
  if d > 20 then return '...' end
  local r = {}
  for k, x in pairs(v) do r[#r + 1] = show(k, d + 1) .. '=' .. show(x, d + 1) end
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
];

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
            assert_eq!(our, their, "seed {seed}, {name}, round {round}: {script} with {args:?}");
        }
    }
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
        format.push_str(random.pick(&[
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
                out.push_str(random.pick(&["\\\"", "\\\\", "/", "\\127", "\\n", "\\t", "\\255", "ä"]))
            }
            byte => out.push(char::from(b'a' + byte % 26)),
        }
    }
    out.push('\'');
    out
}

/// Any value as an expression of Lua. Of keys that have no order of their own, a table has one at most.
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
                    2 if items.is_empty() => random.pick(&["true", "cjson.null", "{}"]).to_string(),
                    // Redis's Lua hashes longer ones in a way of its own, so that their order is another.
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
    // Short enough for a key: see `value`.
    for _ in 0..random.below(10) {
        match random.below(30) {
            0 => out.push_str(random.pick(&["\\n", "\\t", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r", "\\x", "\\u00"])),
            1 => out.push_str(random.pick(&[
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
