//! Operations on values, one file or folder per type or use. Nothing here knows of commands or of RESP.

pub mod bits;
