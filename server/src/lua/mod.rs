//! The script engine: Lua interpreters, and what they offer to scripts and functions.
//!
//! ```text
//!   vm.rs           what a thread has compiled: scripts and functions
//!   call.rs         the libraries of functions that a thread has loaded
//!   load.rs         loading one: its top level runs once
//!   interpreter.rs  one interpreter: calling into it, looking at the time
//!   state.rs        what it has beside its Lua state; the hook
//!   register.rs     what a top level registers; loading.rs has that, and its time
//!   sandbox.rs      what the interpreter offers: the globals of Redis, read-only
//!   base.rs         unpack and others that are our own; chunk.rs: compiling, load and loadstring
//!   api.rs          the table `redis`: call, pcall and the rest
//!   convert.rs      replies to Lua values and back
//!   run.rs          a script under way: what its calls may do, the shards it holds, its time
//!   lib/            cjson, cmsgpack, struct and bit
//! ```

pub mod api;
pub mod base;
pub mod call;
pub mod chunk;
pub mod convert;
pub mod interpreter;
pub mod lib;
pub mod load;
pub mod loading;
pub mod register;
pub mod run;
pub mod sandbox;
pub mod state;
pub mod vm;
