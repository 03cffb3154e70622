//! The process.
#[allow(dead_code)]
mod command;
#[allow(dead_code, unused_imports)]
mod config;
fn main() {}
