//! What a row of the table of parameters (`table.rs`) is, and what it does. CONFIG GET, SET and REWRITE, redis.conf, the command line and
//! docs/configuration.md are all derived from it.

use std::borrow::Cow;

use crate::config::Config;
use crate::config::parse::quote;
use crate::config::table::ROWS;
use crate::config::values::{Fault, format_memory, parse_bool, parse_integer, parse_memory, parse_octal};

/// One parameter.
#[derive(Debug)]
pub struct Row {
    /// In lower case.
    pub name: &'static str,
    /// The older name, under which CONFIG GET and SET know it too.
    pub alias: Option<&'static str>,
    /// How its value is read, kept and printed.
    pub kind: Kind,
    /// What it takes to change it.
    pub change: Change,
    /// For a default that depends on the machine: what to say in the documentation.
    pub default_text: Option<&'static str>,
    /// One line of documentation: docs/configuration.md is made from it by a test.
    #[cfg_attr(not(test), allow(dead_code))]
    pub doc: &'static str,
}

/// What it takes to change a parameter of a running server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
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
pub enum Kind {
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

/// The row of a name or alias (case ignored), and the name that matched.
pub fn find(name: &[u8]) -> Option<(&'static Row, &'static str)> {
    names().find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name))
}

/// Every name and alias in the order of the table.
pub fn names() -> impl Iterator<Item = (&'static Row, &'static str)> {
    ROWS.iter().flat_map(|row| std::iter::once(row.name).chain(row.alias).map(move |name| (row, name)))
}

impl Row {
    /// The value as CONFIG GET prints it.
    pub fn get(&self, config: &Config) -> Vec<u8> {
        match &self.kind {
            Kind::Bool { get, .. } => yes_no(get(config)).into(),
            Kind::Int { get, .. } => get(config).to_string().into(),
            Kind::Memory { get, .. } => get(config).to_string().into(),
            Kind::Octal { get, .. } => format!("{:o}", get(config)).into(),
            Kind::Enum { names, get, .. } => names[get(config)].into(),
            Kind::Text { get, .. } => get(config).into_owned(),
            Kind::Words { get, .. } => get(config).into(),
            Kind::Fixed { value, .. } => (*value).into(),
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
            Kind::Fixed { .. } => return None,
            Kind::Text { empty_is_unset: true, .. } if value.is_empty() => return Some(Vec::new()),
            Kind::Text { .. } => quote(&value),
            Kind::Memory { get, .. } => format_memory(get(config)).into(),
            Kind::Words { .. } if value.is_empty() => b"\"\"".to_vec(),
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
        matches!(self.kind, Kind::Words { .. } | Kind::Fixed { words: true, .. })
    }

    fn set_words(&self, config: &mut Config, words: &[&[u8]]) -> Result<(), Fault> {
        match &self.kind {
            Kind::Words { set, .. } => return set(config, words),
            Kind::Fixed { check, .. } => return check(words),
            _ => {}
        }
        let &[value] = words else {
            return Err(Fault::invalid("wrong number of arguments"));
        };
        match &self.kind {
            Kind::Bool { set, .. } => {
                set(config, parse_bool(value).ok_or(NOT_A_BOOL)?);
                Ok(())
            }
            Kind::Int { min, max, set, .. } => {
                let number = parse_integer(value)
                    .ok_or(Fault::Invalid(Cow::Borrowed("argument couldn't be parsed into an integer")))?;
                if !(*min..=*max).contains(&number) {
                    return Err(out_of_range(min, max));
                }
                set(config, number);
                Ok(())
            }
            Kind::Memory { min, max, set, .. } => {
                let bytes =
                    parse_memory(value).ok_or(Fault::Invalid(Cow::Borrowed("argument must be a memory value")))?;
                if !(*min..=*max).contains(&bytes) {
                    return Err(out_of_range(min, max));
                }
                set(config, bytes);
                Ok(())
            }
            Kind::Octal { max, set, .. } => {
                let bits = parse_octal(value)
                    .ok_or(Fault::Invalid(Cow::Borrowed("argument couldn't be parsed as an octal number")))?;
                let bits = u32::try_from(bits).ok().filter(|bits| bits <= max);
                set(config, bits.ok_or_else(|| out_of_range(0, format!("{max:o}")))?);
                Ok(())
            }
            Kind::Enum { names, set, .. } => {
                let index = names.iter().position(|name| name.as_bytes().eq_ignore_ascii_case(value));
                set(config, index.ok_or_else(|| not_one_of(names))?);
                Ok(())
            }
            Kind::Text { set, .. } => set(config, value),
            Kind::Words { .. } | Kind::Fixed { .. } => Ok(()), // handled above
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

fn yes_no(value: bool) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;
    const MB: u64 = 1 << 20;
    use std::collections::HashSet;

    #[test]
    fn the_table_is_sound() {
        let mut seen = HashSet::new();
        for (row, name) in names() {
            assert!(seen.insert(name), "{name} twice");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
            assert!(row.doc.ends_with('.') && !row.doc.contains(['\n', '|']), "{name}: {}", row.doc);
            assert_eq!(find(name.to_ascii_uppercase().as_bytes()).map(|(_, name)| name), Some(name));
        }
    }

    #[test]
    fn every_default_is_a_value_that_may_be_set() {
        for row in ROWS {
            let default = Config::default();
            let mut config = default.clone();
            let value = row.get(&default);
            assert_eq!(row.set(&mut config, &value), Ok(()), "{}", row.name);
            assert_eq!(config, default, "{}", row.name);
        }
    }

    /// Each row's getter and setter are of the same field, and of no other row's.
    #[test]
    fn each_row_changes_itself_alone() {
        let default = Config::default();
        for row in ROWS {
            let value: Vec<u8> = match &row.kind {
                Kind::Bool { get, .. } => yes_no(!get(&default)).into(),
                Kind::Int { get, min, .. } => {
                    if get(&default) == *min { min + 1 } else { (*min).max(1) }.to_string().into()
                }
                Kind::Memory { min, .. } => (min + 2 * MB + 1).to_string().into(),
                Kind::Octal { .. } => b"640".to_vec(),
                Kind::Enum { names, get, .. } => names[(get(&default) + 1) % names.len()].into(),
                Kind::Text { .. } if row.name == "dir" => b"/".to_vec(),
                Kind::Text { .. } if row.name.ends_with("-events") => b"xKE".to_vec(),
                Kind::Text { .. } => b"x y".to_vec(),
                Kind::Words { .. } if row.name.ends_with("bind") => b"127.0.0.1 -::1".to_vec(),
                Kind::Words { .. } => b"normal 1 2 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60".to_vec(),
                Kind::Fixed { .. } => continue,
            };
            let mut config = default.clone();
            assert_eq!(row.set(&mut config, &value), Ok(()), "{}", row.name);
            assert_eq!(row.get(&config), value, "{}", row.name);
            for other in ROWS.iter().filter(|other| other.name != row.name) {
                assert_eq!(other.get(&config), other.get(&default), "{} changed {}", row.name, other.name);
            }
        }
    }

    #[test]
    fn bounds() {
        for row in ROWS {
            let mut config = Config::default();
            let (inside, outside): (Vec<String>, Vec<String>) = match &row.kind {
                Kind::Int { min, max, .. } => (
                    vec![min.to_string(), max.to_string()],
                    [min.checked_sub(1), max.checked_add(1)].iter().flatten().map(i64::to_string).collect(),
                ),
                Kind::Memory { min, max, .. } => (
                    vec![min.to_string(), max.to_string()],
                    [min.checked_sub(1), max.checked_add(1)].iter().flatten().map(u64::to_string).collect(),
                ),
                _ => continue,
            };
            for value in inside {
                assert_eq!(row.set(&mut config, value.as_bytes()), Ok(()), "{} {value}", row.name);
                if row.name != "hz" {
                    assert_eq!(row.get(&config), value.as_bytes(), "{}", row.name);
                }
            }
            for value in outside {
                let fault = row.set(&mut config, value.as_bytes()).unwrap_err();
                assert!(fault.text().starts_with("argument must be between "), "{} {value}", row.name);
            }
        }
    }
}
