//! What is known of scripts and functions, shared by all threads. Running them is the business of `lua/`.
//!
//! ```text
//!   source.rs     a script's text, shebang and flags; the cache of all scripts
//!   functions.rs  the libraries of functions: a snapshot that threads read without a lock, changed in one place
//!   metadata.rs   the first line of a library's code, and names
//!   payload.rs    FUNCTION DUMP and RESTORE
//!   trigger.rs    functions that are called when keys change
//!   code.rs       what can run: a script or a function
//!   learned.rs    flags, and what was learned about their reach
//!   control.rs    ending what runs long, from any thread
//! ```

pub mod code;
pub mod control;
pub mod functions;
pub mod learned;
pub mod metadata;
pub mod payload;
pub mod source;
pub mod trigger;
