//! Lua scripts.
pub mod lib;
