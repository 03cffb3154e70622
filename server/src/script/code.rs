//! What runs in an interpreter: a script, or a function of a library.

use crate::script::functions::FunctionRef;
use crate::script::learned::Learned;
use crate::script::source::Script;
use std::sync::Arc;

/// Something that runs.
#[derive(Clone)]
pub enum Code {
    /// EVAL and its kin.
    Script(Arc<Script>),
    /// FCALL and its kin.
    Function(FunctionRef),
}

impl Code {
    /// The hash of a script, the registered name of a function: what error texts and the log say.
    pub fn name(&self) -> &[u8] {
        match self {
            Code::Script(script) => &script.sha,
            Code::Function(function) => &function.name,
        }
    }

    /// Whether it is a function, called by a client or as a trigger.
    pub fn is_function(&self) -> bool {
        matches!(self, Code::Function(_))
    }

    /// Whether it is a function that the server calls when a key changes.
    pub fn is_trigger(&self) -> bool {
        matches!(self, Code::Function(function) if function.trigger.is_some())
    }

    /// See [`flag`](crate::script::learned::flag).
    pub fn flags(&self) -> u32 {
        match self {
            Code::Script(script) => script.flags,
            Code::Function(function) => function.flags,
        }
    }

    /// Whether it has all of `flags`.
    pub fn is(&self, flags: u32) -> bool {
        self.flags() & flags == flags
    }

    /// What was learned about its reach.
    pub fn learned(&self) -> &Learned {
        match self {
            Code::Script(script) => &script.learned,
            Code::Function(function) => &function.learned,
        }
    }
}
