//! Operations on values, one file or folder per type or use. Nothing here knows of commands or of RESP requests.

pub mod bits;
pub mod collection;
pub mod dict;
pub mod geohash;
pub mod hash;
pub mod hyperloglog;
pub mod kind;
pub mod limits;
pub mod list;
pub mod object;
pub mod packed;
pub mod set;
pub mod sorted_set;
pub mod stream;

pub use collection::Collection;
