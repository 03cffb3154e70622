//! What a row of the table of parameters (`table.rs`) is, and what it does. CONFIG GET, SET and REWRITE, redis.conf, the
//! command line and docs/configuration.md are all derived from it.

use std::borrow::Cow;

use crate::config::parameters::Config;
use crate::config::parse::quote;
use crate::config::values::{Fault, format_memory, parse_bool, parse_integer, parse_memory, parse_octal};

/// One parameter.
#[derive(Debug)]
pub struct Row {
    /// In lower case.
    pub name: &'static str,
    /// The older name, under which CONFIG GET and SET know it too.
    pub alias: Option<&'static str>,
    /// How its value is read, kept and printed.
    pub kind: ValueKind,
    /// What it takes to change it.
    pub change: Mutability,
    /// For a default that depends on the machine: what to say in the documentation.
    pub default_text: Option<&'static str>,
    /// One line of documentation: docs/configuration.md is made from it by a test.
    #[cfg_attr(not(test), allow(dead_code))]
    pub doc: &'static str,
}

/// What it takes to change a parameter of a running server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Whoever reads it looks at the current configuration each time; nothing else is to be done.
    Live,
    /// The server must do what the note says after (or, where the note says so, before) a new configuration is in force.
    Apply(&'static str),
    /// Only at start.
    Immutable,
    /// Only at start: Redis protects it from CONFIG SET unless `enable-protected-configs` is on.
    Protected,
}

/// The kinds of values. `set` functions get values in range.
#[derive(Debug)]
pub enum ValueKind {
    /// `yes` or `no`.
    Bool {
        /// Reads the field.
        get: fn(&Config) -> bool,
        /// Writes the field.
        set: fn(&mut Config, bool),
    },
    /// A decimal integer, bounds included.
    Int {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
        /// Reads the field.
        get: fn(&Config) -> i64,
        /// Writes the field.
        set: fn(&mut Config, i64),
    },
    /// Bytes, such as `100mb`, bounds included.
    Memory {
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
        /// Reads the field.
        get: fn(&Config) -> u64,
        /// Writes the field.
        set: fn(&mut Config, u64),
    },
    /// File permissions, such as `700`.
    Octal {
        /// Greatest value; the least is 0.
        max: u32,
        /// Reads the field.
        get: fn(&Config) -> u32,
        /// Writes the field.
        set: fn(&mut Config, u32),
    },
    /// One of some names, case ignored.
    Enum {
        /// The names, in the order of the variants.
        names: &'static [&'static str],
        /// Reads the field as an index into the names.
        get: fn(&Config) -> usize,
        /// Writes the field from an index into the names.
        set: fn(&mut Config, usize),
    },
    /// Any bytes.
    Text {
        /// Reads the field.
        get: fn(&Config) -> Cow<'_, [u8]>,
        /// Checks and writes the field.
        set: fn(&mut Config, &[u8]) -> Result<(), Fault>,
        /// Whether "" means "not set", so that CONFIG REWRITE leaves the line out.
        empty_is_unset: bool,
    },
    /// Several words, which CONFIG SET takes as one value with single blanks between them.
    Words {
        /// Reads the field in the form of CONFIG GET.
        get: fn(&Config) -> String,
        /// Checks and writes the field.
        set: fn(&mut Config, &[&[u8]]) -> Result<(), Fault>,
    },
    /// A parameter of Redis of which Curfew honours one value only. No field.
    Fixed {
        /// The value.
        value: &'static str,
        /// Several words, as in `Words`?
        words: bool,
        /// `Ok` for the value, [`Fault::Refused`] for others that Redis would take, [`Fault::Invalid`] for the rest.
        check: fn(&[&[u8]]) -> Result<(), Fault>,
    },
}

impl Row {
    /// The value as CONFIG GET prints it.
    pub fn get(&self, config: &Config) -> Vec<u8> {
        match &self.kind {
            ValueKind::Bool { get, .. } => yes_no(get(config)).into(),
            ValueKind::Int { get, .. } => get(config).to_string().into(),
            ValueKind::Memory { get, .. } => get(config).to_string().into(),
            ValueKind::Octal { get, .. } => format!("{:o}", get(config)).into(),
            ValueKind::Enum { names, get, .. } => names[get(config)].into(),
            ValueKind::Text { get, .. } => get(config).into_owned(),
            ValueKind::Words { get, .. } => get(config).into(),
            ValueKind::Fixed { value, .. } => (*value).into(),
        }
    }

    /// Sets the value as CONFIG SET gives it.
    pub fn set(&self, config: &mut Config, value: &[u8]) -> Result<(), Fault> {
        if self.takes_words() { self.set_words(config, &split_words(value)) } else { self.set_words(config, &[value]) }
    }

    /// Sets the value from the words of a line in a file; one word may hold several, as in CONFIG SET.
    pub fn set_line(&self, config: &mut Config, words: &[&[u8]]) -> Result<(), Fault> {
        match words {
            [one] => self.set(config, one),
            _ if self.takes_words() => self.set_words(config, words),
            _ => Err(Fault::invalid("wrong number of arguments")),
        }
    }

    /// The lines of a file that give this value, without those that only repeat a default unless `all` (because the
    /// file has such lines already). `None` when the row does not take part in CONFIG REWRITE.
    pub fn file_lines(&self, config: &Config, default: &Config) -> Option<Vec<FileLine>> {
        let value = self.get(config);
        let mut forced = value != self.get(default);
        let text = match &self.kind {
            // The file may ask for something that is not honoured yet. That wish is the administrator's: keep it.
            ValueKind::Fixed { .. } => return None,
            ValueKind::Text { empty_is_unset: true, .. } if value.is_empty() => return Some(Vec::new()),
            ValueKind::Text { .. } => quote(&value),
            ValueKind::Memory { get, .. } => format_memory(get(config)).into(),
            ValueKind::Words { .. } if value.is_empty() => b"\"\"".to_vec(),
            _ => value,
        };
        if self.name == "client-output-buffer-limit" {
            let classes = config.client_output_buffer_limit.classes().into_iter();
            let lines =
                classes.zip(default.client_output_buffer_limit.classes()).map(|((class, limit), (_, usual))| {
                    let (hard, soft) = (format_memory(limit.hard_bytes), format_memory(limit.soft_bytes));
                    let text = format!("{} {class} {hard} {soft} {}", self.name, limit.soft_seconds).into();
                    FileLine { text, forced: limit != usual }
                });
            return Some(lines.collect());
        }
        // Redis always writes the directory, so that a relative default is pinned.
        forced |= self.name == "dir";
        Some(vec![FileLine { text: [self.name.as_bytes(), b" ", &text].concat(), forced }])
    }

    fn takes_words(&self) -> bool {
        matches!(self.kind, ValueKind::Words { .. } | ValueKind::Fixed { words: true, .. })
    }

    fn set_words(&self, config: &mut Config, words: &[&[u8]]) -> Result<(), Fault> {
        match &self.kind {
            ValueKind::Words { set, .. } => return set(config, words),
            ValueKind::Fixed { check, .. } => return check(words),
            _ => {}
        }
        let &[value] = words else {
            return Err(Fault::invalid("wrong number of arguments"));
        };
        match &self.kind {
            ValueKind::Bool { set, .. } => {
                set(config, parse_bool(value).ok_or(NOT_A_BOOL)?);
                Ok(())
            }
            ValueKind::Int { min, max, set, .. } => {
                let number = parse_integer(value)
                    .ok_or(Fault::Invalid(Cow::Borrowed("argument couldn't be parsed into an integer")))?;
                if !(*min..=*max).contains(&number) {
                    return Err(out_of_range(min, max));
                }
                set(config, number);
                Ok(())
            }
            ValueKind::Memory { min, max, set, .. } => {
                let bytes =
                    parse_memory(value).ok_or(Fault::Invalid(Cow::Borrowed("argument must be a memory value")))?;
                if !(*min..=*max).contains(&bytes) {
                    return Err(out_of_range(min, max));
                }
                set(config, bytes);
                Ok(())
            }
            ValueKind::Octal { max, set, .. } => {
                let bits = parse_octal(value)
                    .ok_or(Fault::Invalid(Cow::Borrowed("argument couldn't be parsed as an octal number")))?;
                let bits = u32::try_from(bits).ok().filter(|bits| bits <= max);
                set(config, bits.ok_or_else(|| out_of_range(0, format!("{max:o}")))?);
                Ok(())
            }
            ValueKind::Enum { names, set, .. } => {
                let index = names.iter().position(|name| name.as_bytes().eq_ignore_ascii_case(value));
                set(config, index.ok_or_else(|| not_one_of(names))?);
                Ok(())
            }
            ValueKind::Text { set, .. } => set(config, value),
            ValueKind::Words { .. } | ValueKind::Fixed { .. } => Ok(()), // handled above
        }
    }
}

/// A line of a rewritten file.
pub struct FileLine {
    /// Name and value.
    pub text: Vec<u8>,
    /// To be added even if the file has no such line yet, because the value is not the default.
    pub forced: bool,
}

pub(super) const NOT_A_BOOL: Fault = Fault::Invalid(Cow::Borrowed("argument must be 'yes' or 'no'"));

pub(super) fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn out_of_range(min: impl std::fmt::Display, max: impl std::fmt::Display) -> Fault {
    Fault::invalid(format!("argument must be between {min} and {max} inclusive"))
}

pub(super) fn not_one_of(names: &[&str]) -> Fault {
    Fault::invalid(format!("argument(s) must be one of the following: {}", names.join(", ")))
}

/// Single blanks separate; two in a row have an empty word between them. Nothing is no words.
fn split_words(value: &[u8]) -> Vec<&[u8]> {
    if value.is_empty() { Vec::new() } else { value.split(|&b| b == b' ').collect() }
}
