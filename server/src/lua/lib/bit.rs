//! `bit`: operations on 32-bit integers (Lua BitOp 1.0.2).
//!
//! Plain C functions, without the scratch space: they allocate nothing, and Lua itself words their errors.
#![allow(unsafe_code)]

use super::call::{Functions, push};
use mlua::{ffi, lua_State};
use std::ffi::c_int;

/// Folds all arguments, backwards from the last, so that of several bad ones the same one is named as by the original. Two
/// arguments, the usual number, need no loop.
macro_rules! fold {
    ($name:ident, $fold:expr) => {
        /// # Safety
        /// As for [`CFunction`](super::call::CFunction).
        unsafe extern "C-unwind" fn $name(state: *mut lua_State) -> c_int {
            // SAFETY: a C function, as `argument` and `answer` want, which holds numbers alone.
            unsafe {
                let first = argument(state, 1);
                match ffi::lua_gettop(state) {
                    2 => answer(state, $fold(first, argument(state, 2))),
                    count => fold(state, first, count, $fold),
                }
            }
        }
    };
}

/// # Safety
/// As for [`argument`], with so many arguments.
#[cold]
unsafe fn fold(state: *mut lua_State, first: u32, count: c_int, fold: fn(u32, u32) -> u32) -> c_int {
    // SAFETY: as asked of the caller.
    unsafe { answer(state, (2..=count).rev().fold(first, |all, index| fold(all, argument(state, index)))) }
}

macro_rules! of_one {
    ($name:ident, $operation:expr) => {
        /// # Safety
        /// As for [`CFunction`](super::call::CFunction).
        unsafe extern "C-unwind" fn $name(state: *mut lua_State) -> c_int {
            // SAFETY: as in `fold`.
            unsafe { answer(state, $operation(argument(state, 1))) }
        }
    };
}

macro_rules! shift {
    ($name:ident, $shift:expr) => {
        /// # Safety
        /// As for [`CFunction`](super::call::CFunction).
        unsafe extern "C-unwind" fn $name(state: *mut lua_State) -> c_int {
            // SAFETY: as in `fold`.
            unsafe {
                let bits = argument(state, 1);
                answer(state, $shift(bits, argument(state, 2) & 31))
            }
        }
    };
}

of_one!(to_bit, |b: u32| b);
of_one!(not, |b: u32| !b);
of_one!(swap, u32::swap_bytes);
fold!(and, |a: u32, b: u32| a & b);
fold!(or, |a: u32, b: u32| a | b);
fold!(xor, |a: u32, b: u32| a ^ b);
shift!(shift_left, |b: u32, n: u32| b << n);
shift!(shift_right, |b: u32, n: u32| b >> n);
shift!(shift_right_signed, |b: u32, n: u32| (b as i32 >> n) as u32);
shift!(rotate_left, u32::rotate_left);
shift!(rotate_right, u32::rotate_right);

/// The library's functions.
pub const FUNCTIONS: Functions = &[
    (c"tobit", to_bit),
    (c"bnot", not),
    (c"bswap", swap),
    (c"band", and),
    (c"bor", or),
    (c"bxor", xor),
    (c"lshift", shift_left),
    (c"rshift", shift_right),
    (c"arshift", shift_right_signed),
    (c"rol", rotate_left),
    (c"ror", rotate_right),
    (c"tohex", to_hex),
];

/// An argument modulo 2^32; a fraction rounds to the nearest, halves to even. The way of BitOp, which scripts can see
/// beyond 2^51: adding 2^52 + 2^51 leaves the integer in the low bits of the double. Raises if it is no number.
///
/// # Safety
/// As for [`CFunction`](super::call::CFunction); `index` is that of an argument, there or not.
#[inline]
unsafe fn argument(state: *mut lua_State, index: c_int) -> u32 {
    // SAFETY: as asked of the caller. Lua answers 0 for what is no number or not there, and then raises.
    unsafe {
        let bits = (ffi::lua_tonumber(state, index) + 6_755_399_441_055_744.0).to_bits() as u32;
        if bits == 0 {
            check(state, index);
        }
        bits
    }
}

/// Raises if an argument is no number. Apart, so that the functions have little to save and restore.
///
/// # Safety
/// As for [`argument`].
#[cold]
unsafe fn check(state: *mut lua_State, index: c_int) {
    // SAFETY: as asked of the caller.
    unsafe {
        if ffi::lua_isnumber(state, index) == 0 {
            ffi::luaL_typerror(state, index, c"number".as_ptr());
        }
    }
}

/// Pushes the result, a signed number.
///
/// # Safety
/// A live state with a free slot.
#[inline]
unsafe fn answer(state: *mut lua_State, bits: u32) -> c_int {
    // SAFETY: as asked of the caller.
    unsafe { ffi::lua_pushnumber(state, f64::from(bits as i32)) };
    1
}

/// # Safety
/// As for [`CFunction`](super::call::CFunction).
unsafe extern "C-unwind" fn to_hex(state: *mut lua_State) -> c_int {
    // SAFETY: a C function, as `argument` and `push` want, which holds numbers and an array alone.
    unsafe {
        let mut bits = argument(state, 1);
        let width = if ffi::lua_gettop(state) < 2 { 8 } else { argument(state, 2) as i32 };
        let digits = if width < 0 { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        let mut text = [0; 8];
        for to in text.iter_mut().rev() {
            *to = digits[(bits & 15) as usize];
            bits >>= 4;
        }
        let width = width.unsigned_abs().min(8) as usize;
        push(state, &text[8 - width..]);
        1
    }
}
