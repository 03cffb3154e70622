//! The settings of a module table.
#![allow(unsafe_code)]

use mlua::{ffi, lua_State};
use std::ffi::c_int;

/// What a module table's configuration functions set. Switches are 0 and 1.
///
/// It lies in a userdata without finalizer: upvalue 2 of all functions of the module.
pub struct Settings {
    /// A sparse table is written as an object instead of being refused.
    pub sparse_convert: c_int,
    /// An array is sparse when its greatest index is more than so many times the number of its items; 0: never.
    pub sparse_ratio: c_int,
    /// Up to this index it never is.
    pub sparse_safe: c_int,
    /// Containers inside each other, while encoding.
    pub encode_max_depth: c_int,
    /// The same while decoding.
    pub decode_max_depth: c_int,
    /// 0: an error, 1: written as they are, 2: written as null.
    pub encode_invalid: c_int,
    /// NaN, infinities and numbers in hexadecimal are read.
    pub decode_invalid: c_int,
    /// Significant digits, 1 to 14.
    pub precision: c_int,
    /// The encoder keeps its memory from one call to the next.
    pub keep_buffer: c_int,
}

/// What a new module table has.
pub const DEFAULTS: Settings = Settings {
    sparse_convert: 0,
    sparse_ratio: 2,
    sparse_safe: 10,
    encode_max_depth: 1000,
    decode_max_depth: 1000,
    encode_invalid: 0,
    decode_invalid: 1,
    precision: 14,
    keep_buffer: 1,
};

impl Settings {
    /// The settings of the function that runs.
    ///
    /// # Safety
    /// A function of the module runs, and there is no other reference to its settings.
    pub unsafe fn of<'a>(state: *mut lua_State) -> &'a mut Settings {
        // SAFETY: the module has made the upvalue, which lives as long as the function.
        unsafe { &mut *ffi::lua_touserdata(state, ffi::lua_upvalueindex(2)).cast() }
    }
}
