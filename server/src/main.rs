//! The process.
mod script;

fn main() {}
