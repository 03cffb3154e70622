//! `bit`: operations on 32-bit integers (Lua BitOp 1.0.2).

use mlua::{Lua, Table, Value};

use crate::lua::lib::{Args, Fail, Reply, add, one, to_number};

/// The library's table.
pub fn create(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    add(lua, &table, "tobit", |_, args| result(bits(args, 1)?))?;
    add(lua, &table, "bnot", |_, args| result(!bits(args, 1)?))?;
    add(lua, &table, "bswap", |_, args| result(bits(args, 1)?.swap_bytes()))?;
    for (name, fold) in [("band", (|a, b| a & b) as fn(u32, u32) -> u32), ("bor", |a, b| a | b), ("bxor", |a, b| a ^ b)]
    {
        add(lua, &table, name, move |_, args| {
            // Backwards from the last, so that of several bad arguments the same one is named.
            let mut all = bits(args, 1)?;
            for index in (2..=args.len()).rev() {
                all = fold(all, bits(args, index)?);
            }
            result(all)
        })?;
    }
    for (name, shift) in [
        ("lshift", (|b, n| b << n) as fn(u32, u32) -> u32),
        ("rshift", |b, n| b >> n),
        ("arshift", |b, n| (b as i32 >> n) as u32),
        ("rol", |b, n| b.rotate_left(n)),
        ("ror", |b, n| b.rotate_right(n)),
    ] {
        add(lua, &table, name, move |_, args| {
            let b = bits(args, 1)?;
            result(shift(b, bits(args, 2)? & 31))
        })?;
    }
    add(lua, &table, "tohex", to_hex)?;
    Ok(table)
}

/// An argument modulo 2^32; a fraction rounds to the nearest, halves to even. The way of BitOp, which scripts can see
/// beyond 2^51: adding 2^52 + 2^51 leaves the integer in the low bits of the double.
fn bits(args: &Args<'_>, index: usize) -> Result<u32, Fail> {
    let n = args.get(index).and_then(to_number).ok_or_else(|| args.type_error(index, "number"))?;
    Ok((n + 6_755_399_441_055_744.0).to_bits() as u32)
}

fn result(bits: u32) -> Reply {
    Ok(one(Value::Integer(i64::from(bits as i32))))
}

fn to_hex(lua: &Lua, args: &Args<'_>) -> Reply {
    let mut b = bits(args, 1)?;
    let width = if args.len() < 2 { 8 } else { bits(args, 2)? as i32 };
    let digits = if width < 0 { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut text = [0; 8];
    let text = &mut text[..width.unsigned_abs().min(8) as usize];
    for to in text.iter_mut().rev() {
        *to = digits[(b & 15) as usize];
        b >>= 4;
    }
    Ok(one(Value::String(lua.create_string(&*text)?)))
}
