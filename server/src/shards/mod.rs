//! Getting at shards: one lock and one inbox for each, sets of them, holds on several.

pub mod cell;
#[cfg(test)]
mod cell_tests; // not in cell.rs, which tests/loom_cell.rs compiles, too
pub mod hold;
pub mod set;
pub mod widen;
