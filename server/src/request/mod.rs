//! The facts of a request: which command it is, and where that runs. No handler is known here.

pub mod parsed;
pub mod route;
pub mod table;
