//! Strings.

use super::write;
use crate::keyspace::{EntryRef, Str, as_str};

pub(super) fn write(entry: EntryRef<'_>, out: &mut Vec<u8>) {
    match as_str(entry) {
        Ok(Str::Int(number)) => write::number(out, number),
        Ok(Str::Bytes(bytes)) => write::string(out, bytes),
        // Not a string: the caller asks for strings only.
        Err(_) => write::string(out, b""),
    }
}
