//! The data engine.
