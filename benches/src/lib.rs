//! The tools behind `make bench`: a load generator, servers started side by side, and the rows of the comparison.
//!
//! - [`requests`] prepares commands as bytes, once, before anything is measured; [`replies`] counts what comes back.
//! - [`driver`] keeps many connections busy from one thread; [`client`] is a plain client for everything else.
//! - [`server`] starts a server on its own cores and reads its CPU time and memory; [`machine`] knows the cores.
//! - [`rows`] measures, [`report`] prints the one table, [`lags`] keeps what the picture of the expiry lag is made from.
//!
//! A server that fails, or lacks a command, costs its cells of the table and nothing else: failures are values
//! ([`Failure`]) all the way up.

pub mod client;
pub mod driver;
pub mod lags;
pub mod machine;
pub mod replies;
pub mod report;
pub mod requests;
pub mod rows;
pub mod server;

/// Why something could not be measured, in words for the table's reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure(error.to_string())
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(error: rustix::io::Errno) -> Failure {
        Failure(error.to_string())
    }
}

/// A value, or why there is none.
pub type Result<T> = std::result::Result<T, Failure>;
