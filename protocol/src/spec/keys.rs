//! Where the keys of a command are: key specs as the row writes them, and the positions that they give for concrete
//! arguments.
//!
//! Redis finds keys by interpreting the specs for every command. Here the usual forms are recognised when the row is
//! compiled ([`KeyShape`]), so that routing costs a match and an addition; the rules for the rest are Redis's.

use super::{NO_MANDATORY_KEYS, Spec};

/// Key flags: what a command does with the keys of a [`KeySpec`].
pub type KeyFlags = u16;

/// Reads the value, changes nothing.
pub const RO: KeyFlags = 1 << 0;
/// Reads and changes the value.
pub const RW: KeyFlags = 1 << 1;
/// Overwrites the value without regard to what was there.
pub const OW: KeyFlags = 1 << 2;
/// Removes the key.
pub const RM: KeyFlags = 1 << 3;
/// Returns, copies or otherwise reveals the user's data.
pub const ACCESS: KeyFlags = 1 << 4;
/// May change existing data.
pub const UPDATE: KeyFlags = 1 << 5;
/// Only adds data.
pub const INSERT: KeyFlags = 1 << 6;
/// Removes content on purpose.
pub const DELETE: KeyFlags = 1 << 7;
/// Not a key, but routed like one (shard channels).
pub const NOT_KEY: KeyFlags = 1 << 8;
/// The spec may miss keys.
pub const INCOMPLETE: KeyFlags = 1 << 9;
/// The flags depend on the arguments.
pub const VARIABLE_FLAGS: KeyFlags = 1 << 10;

/// The key flags as the wire shows them, in Redis's order.
pub const KEY_FLAG_NAMES: &[(KeyFlags, &str)] = &[
    (RO, "RO"),
    (RW, "RW"),
    (OW, "OW"),
    (RM, "RM"),
    (ACCESS, "access"),
    (UPDATE, "update"),
    (INSERT, "insert"),
    (DELETE, "delete"),
    (NOT_KEY, "not_key"),
    (INCOMPLETE, "incomplete"),
    (VARIABLE_FLAGS, "variable_flags"),
];

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginSearch {
    /// At this argument.
    Index(u8),
    /// After `keyword`, searched from argument `startfrom` forward, or, when it is negative, from the end backward.
    Keyword {
        /// Matched in any case.
        keyword: &'static str,
        /// Negative: counted from the end.
        startfrom: i8,
    },
    /// Not expressible; a [`Finder`] may know.
    Unknown,
}

/// How the keys follow from where the search began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindKeys {
    /// From the beginning to `last`, every `step`.
    Range {
        /// Relative to the beginning when not negative; counted from the end of the arguments otherwise (-1 is the last).
        last: i8,
        /// Distance between keys, at least 1.
        step: u8,
        /// When `last` is -1: use the first half (2), third (3) ... of the remaining arguments. 0 and 1 mean all of them.
        limit: u8,
    },
    /// A count precedes the keys.
    KeyNum {
        /// Where the count is, relative to the beginning.
        keynumidx: u8,
        /// Where the first key is, relative to the beginning.
        firstkey: u8,
        /// Distance between keys, at least 1.
        step: u8,
    },
    /// Not expressible; a [`Finder`] may know.
    Unknown,
}

/// One group of a command's keys. The constructors cover the usual forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Where the search begins.
    pub begin: BeginSearch,
    /// How it continues.
    pub find: FindKeys,
    /// What the command does with these keys.
    pub flags: KeyFlags,
    /// Shown by COMMAND INFO when not empty.
    pub notes: &'static str,
}

impl KeySpec {
    /// The key is the first argument.
    pub const fn first(flags: KeyFlags) -> Self {
        Self::at(1, flags)
    }

    /// The key is argument `index`.
    pub const fn at(index: u8, flags: KeyFlags) -> Self {
        Self::range(index, 0, 1, flags)
    }

    /// Keys from argument `index` to `last` (see [`FindKeys::Range`]), every `step`.
    pub const fn range(index: u8, last: i8, step: u8, flags: KeyFlags) -> Self {
        Self { begin: BeginSearch::Index(index), find: FindKeys::Range { last, step, limit: 0 }, flags, notes: "" }
    }

    /// Argument `index` counts the keys that follow it.
    pub const fn numkeys(index: u8, flags: KeyFlags) -> Self {
        Self::numkeys_every(index, 1, flags)
    }

    /// Argument `index` counts the keys that follow it, one every `step`.
    pub const fn numkeys_every(index: u8, step: u8, flags: KeyFlags) -> Self {
        Self {
            begin: BeginSearch::Index(index),
            find: FindKeys::KeyNum { keynumidx: 0, firstkey: 1, step },
            flags,
            notes: "",
        }
    }

    /// The key follows `keyword`, searched from `startfrom`.
    pub const fn after(keyword: &'static str, startfrom: i8, flags: KeyFlags) -> Self {
        Self::range_after(keyword, startfrom, 0, 1, 0, flags)
    }

    /// Keys follow `keyword`, as in [`FindKeys::Range`].
    pub const fn range_after(
        keyword: &'static str,
        startfrom: i8,
        last: i8,
        step: u8,
        limit: u8,
        flags: KeyFlags,
    ) -> Self {
        Self {
            begin: BeginSearch::Keyword { keyword, startfrom },
            find: FindKeys::Range { last, step, limit },
            flags,
            notes: "",
        }
    }

    /// Keys that no rule describes.
    pub const fn unknown(flags: KeyFlags) -> Self {
        Self { begin: BeginSearch::Unknown, find: FindKeys::Unknown, flags, notes: "" }
    }

    /// Adds the note of COMMAND INFO.
    pub const fn notes(mut self, notes: &'static str) -> Self {
        self.notes = notes;
        self
    }
}

/// What finds the keys (or their flags) of the few commands whose key specs do not tell all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finder {
    /// The key specs do.
    Specs,
    /// SET: the specs name the key, `GET` decides its flags.
    Set,
    /// BITFIELD: the specs name the key, the presence of a write decides its flags.
    Bitfield,
    /// SORT: the key, and that of the last `STORE`.
    Sort,
    /// SORT_RO: the first argument.
    First,
    /// GEORADIUS, GEORADIUSBYMEMBER: the key, and that of the last `STORE` or `STOREDIST`.
    Georadius,
    /// MIGRATE: argument 3, or all that follow `KEYS`.
    Migrate,
    /// CURFEW.EXPIRE and its kin: all that follow the time, which stands behind the conditions.
    AfterTime,
}

/// The keys of a command in the form that the request path uses, computed when the row is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyShape {
    /// No keys (channels of shard pub/sub are not keys).
    None,
    /// Exactly the key at this argument.
    One(u8),
    /// From `first` to `last`, every `step`.
    Range {
        /// Argument of the first key.
        first: u8,
        /// Argument of the last key; negative: counted from the end (-1 is the last).
        last: i8,
        /// At least 1.
        step: u8,
    },
    /// A count at argument `count`, keys from argument `first` on, every `step`, and perhaps one more key before.
    NumKeys {
        /// Argument of a destination key, 0 for none.
        lead: u8,
        /// Argument of the count.
        count: u8,
        /// Argument of the first counted key.
        first: u8,
        /// At least 1.
        step: u8,
    },
    /// The arguments must be searched; still without allocation.
    Complex,
}

/// Something with the arguments of one command, the name being argument 0.
pub trait Arguments {
    /// Number of arguments, the name included.
    fn count(&self) -> usize;
    /// Argument `index`, which is less than `count()`.
    fn arg(&self, index: usize) -> &[u8];
}

impl<A: AsRef<[u8]>> Arguments for [A] {
    fn count(&self) -> usize {
        self.len()
    }
    fn arg(&self, index: usize) -> &[u8] {
        self[index].as_ref()
    }
}

/// The arguments do not say where the keys are (a bad or too large count, a missing keyword). The command's handler will
/// answer the error that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid arguments specified for command")]
pub struct InvalidKeys;

/// Positions of the keys of one command, ascending within each of at most two parts. Allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPositions {
    /// A key before the run, 0 (the name, never a key) for none.
    lead: usize,
    next: usize,
    /// One past the last; the run is empty when `next >= end`.
    end: usize,
    step: usize,
}

impl KeyPositions {
    const EMPTY: Self = Self { lead: 0, next: 1, end: 1, step: 1 };

    const fn one(index: usize) -> Self {
        Self { lead: 0, next: index, end: index + 1, step: 1 }
    }

    const fn two(lead: usize, index: usize) -> Self {
        Self { lead, next: index, end: index + 1, step: 1 }
    }

    /// `first..=last` in steps, refused as Redis does when it leaves the arguments.
    #[inline]
    fn run(first: usize, last: isize, step: u8, argc: usize) -> Result<Self, InvalidKeys> {
        if last < first as isize || last >= argc as isize {
            return Err(InvalidKeys);
        }
        Ok(Self { lead: 0, next: first, end: last as usize + 1, step: step as usize })
    }
}

impl Iterator for KeyPositions {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.lead != 0 {
            return Some(std::mem::take(&mut self.lead));
        }
        if self.next >= self.end {
            return None;
        }
        let index = self.next;
        self.next += self.step;
        Some(index)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let run = self.end.saturating_sub(self.next).div_ceil(self.step);
        let n = run + usize::from(self.lead != 0);
        (n, Some(n))
    }
}

impl ExactSizeIterator for KeyPositions {}

impl Spec {
    /// Whether the command can have keys (COMMAND GETKEYS refuses the others).
    pub fn has_keys(&self) -> bool {
        self.keys.iter().any(|k| k.flags & NOT_KEY == 0)
    }

    /// Where the keys of `args` are. O(1) for all but [`KeyShape::Complex`]; allocates nothing. The caller has checked the
    /// number of arguments with [`Spec::accepts`].
    ///
    /// # Errors
    /// When the arguments do not say it, for instance because of a bad count. A command that may have no keys
    /// ([`NO_MANDATORY_KEYS`]) and counts zero of them has none.
    #[inline]
    pub fn key_positions<A: Arguments + ?Sized>(&self, args: &A) -> Result<KeyPositions, InvalidKeys> {
        let argc = args.count();
        match self.shape {
            KeyShape::None => Ok(KeyPositions::EMPTY),
            KeyShape::One(index) if (index as usize) < argc => Ok(KeyPositions::one(index as usize)),
            KeyShape::One(_) => Err(InvalidKeys),
            KeyShape::Range { first, last, step } => {
                let last = if last >= 0 { last as isize } else { argc as isize + last as isize };
                KeyPositions::run(first as usize, last, step, argc)
            }
            KeyShape::NumKeys { lead, count, first, step } => {
                let n = self.counted(args, count as usize)?;
                if n == 0 {
                    return if self.flags & NO_MANDATORY_KEYS != 0 {
                        Ok(KeyPositions::EMPTY)
                    } else {
                        Err(InvalidKeys)
                    };
                }
                let last = first as isize + (n - 1) as isize * step as isize;
                let run = KeyPositions::run(first as usize, last, step, argc)?;
                Ok(KeyPositions { lead: lead as usize, ..run })
            }
            KeyShape::Complex => self.search_positions(args),
        }
    }

    /// The keys of `args` with what the command does with them, as COMMAND GETKEYSANDFLAGS and ACL checks see it.
    ///
    /// # Errors
    /// As [`Spec::key_positions`].
    pub fn keys_and_flags<A: Arguments + ?Sized>(&self, args: &A) -> Result<Vec<(usize, KeyFlags)>, InvalidKeys> {
        let argc = args.count();
        let mut found = Vec::new();
        match self.finder {
            Finder::Set => {
                let has_get = (3..argc).any(|i| args.arg(i).eq_ignore_ascii_case(b"get"));
                found.push((1, if has_get { RW | ACCESS | UPDATE } else { OW | UPDATE }));
            }
            Finder::Bitfield => {
                let writes = bitfield_writes(args);
                found.push((1, if writes { RW | ACCESS | UPDATE } else { RO | ACCESS }));
            }
            Finder::Sort | Finder::First | Finder::Migrate | Finder::AfterTime => {
                return self.searched_with_flags(args);
            }
            Finder::Specs | Finder::Georadius => {
                if self.key_positions(args)?.len() == 0 {
                    return Ok(found);
                }
                for key in self.keys.iter().filter(|k| k.flags & NOT_KEY == 0) {
                    match self.spec_positions(key, args) {
                        Ok(positions) => found.extend(positions.into_iter().flatten().map(|p| (p, key.flags))),
                        // A STORE without a key.
                        Err(_) if self.finder == Finder::Georadius => return self.searched_with_flags(args),
                        Err(e) => return Err(e),
                    }
                }
            }
        }
        Ok(found)
    }

    fn searched_with_flags<A: Arguments + ?Sized>(&self, args: &A) -> Result<Vec<(usize, KeyFlags)>, InvalidKeys> {
        let flags: [KeyFlags; 2] = match self.finder {
            Finder::Sort | Finder::Georadius => [RO | ACCESS, OW | UPDATE],
            Finder::Migrate => [RW | ACCESS | DELETE; 2],
            Finder::AfterTime => [RW | UPDATE; 2],
            _ => [RO | ACCESS; 2],
        };
        let positions = self.search_positions(args)?.enumerate();
        Ok(positions.map(|(nth, position)| (position, flags[nth.min(1)])).collect())
    }

    fn counted<A: Arguments + ?Sized>(&self, args: &A, index: usize) -> Result<u32, InvalidKeys> {
        if index >= args.count() { Err(InvalidKeys) } else { parse_count(args.arg(index)).ok_or(InvalidKeys) }
    }

    /// The commands whose keys depend on words among the arguments.
    fn search_positions<A: Arguments + ?Sized>(&self, args: &A) -> Result<KeyPositions, InvalidKeys> {
        let argc = args.count();
        match self.finder {
            Finder::Sort => Ok(match sort_store(args) {
                Some(store) => KeyPositions::two(1, store),
                None => KeyPositions::one(1),
            }),
            Finder::Georadius => {
                let mut store = None;
                let mut i = 5;
                while i + 1 < argc {
                    let word = args.arg(i);
                    if word.eq_ignore_ascii_case(b"store") || word.eq_ignore_ascii_case(b"storedist") {
                        i += 1;
                        store = Some(i);
                    }
                    i += 1;
                }
                Ok(store.map_or(KeyPositions::one(1), |store| KeyPositions::two(1, store)))
            }
            Finder::Migrate => {
                // Redis asks the key specs first, and those see no KEYS in the last place.
                let has_word = self.keys.get(1).is_some_and(|key| self.spec_positions(key, args) != Ok(None));
                if has_word { migrate_keys(args) } else { KeyPositions::run(3, 3, 1, argc) }
            }
            Finder::AfterTime => {
                let is_condition =
                    |arg: &[u8]| [b"nx", b"xx", b"gt", b"lt"].iter().any(|word| arg.eq_ignore_ascii_case(*word));
                let time = (1..argc).find(|at| !is_condition(args.arg(*at))).ok_or(InvalidKeys)?;
                KeyPositions::run(time + 1, argc as isize - 1, 1, argc)
            }
            Finder::First => KeyPositions::run(1, 1, 1, argc),
            Finder::Specs | Finder::Set | Finder::Bitfield => {
                // At most one key before one run: the shapes of all commands there are.
                let mut all = KeyPositions::EMPTY;
                for key in self.keys.iter().filter(|k| k.flags & NOT_KEY == 0) {
                    let Some(found) = self.spec_positions(key, args)? else {
                        continue;
                    };
                    let lead = if all.len() == 0 { 0 } else { all.next };
                    all = KeyPositions { lead, ..found };
                }
                if all.len() == 0 { Err(InvalidKeys) } else { Ok(all) }
            }
        }
    }

    /// The keys of one spec; none when its keyword is not there.
    fn spec_positions<A: Arguments + ?Sized>(
        &self,
        key: &KeySpec,
        args: &A,
    ) -> Result<Option<KeyPositions>, InvalidKeys> {
        let argc = args.count();
        let begin = match key.begin {
            BeginSearch::Index(index) => index as usize,
            BeginSearch::Keyword { keyword, startfrom } => {
                let is_word = |i: &usize| args.arg(*i).eq_ignore_ascii_case(keyword.as_bytes());
                let found = if startfrom > 0 {
                    (startfrom as usize..argc).find(is_word)
                } else {
                    let from = argc.saturating_sub(startfrom.unsigned_abs() as usize);
                    (2..=from).rev().find(is_word)
                };
                let Some(found) = found else { return Ok(None) };
                found + 1
            }
            BeginSearch::Unknown => return Err(InvalidKeys),
        };
        match key.find {
            FindKeys::Range { last, step, limit } => {
                let last = match (last, limit) {
                    (0.., _) => begin as isize + last as isize,
                    (_, 0) => argc as isize + last as isize,
                    _ => begin as isize + (argc.saturating_sub(begin) / limit as usize) as isize + last as isize,
                };
                KeyPositions::run(begin, last, step, argc).map(Some)
            }
            FindKeys::KeyNum { keynumidx, firstkey, step } => {
                let n = self.counted(args, begin + keynumidx as usize)?;
                let first = begin + firstkey as usize;
                KeyPositions::run(first, first as isize + (n as isize - 1) * step as isize, step, argc).map(Some)
            }
            FindKeys::Unknown => Err(InvalidKeys),
        }
    }
}

/// A count of keys as the commands themselves read it: decimal without sign, space or leading zero. Larger than any request
/// is no count. (Redis's COMMAND GETKEYS falls back to a laxer reading of `01` or `+1`, which no command accepts.)
fn parse_count(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 || (text[0] == b'0' && text.len() > 1) {
        return None;
    }
    text.iter().try_fold(0u32, |n, c| c.is_ascii_digit().then(|| n * 10 + u32::from(c - b'0')))
}

/// Argument of the key after the last STORE of SORT, skipping the values of options so that they cannot pass for one.
fn sort_store<A: Arguments + ?Sized>(args: &A) -> Option<usize> {
    let argc = args.count();
    let mut store = None;
    let mut i = 2;
    while i < argc {
        let word = args.arg(i);
        if word.eq_ignore_ascii_case(b"limit") {
            i += 2;
        } else if word.eq_ignore_ascii_case(b"get") || word.eq_ignore_ascii_case(b"by") {
            i += 1;
        } else if word.eq_ignore_ascii_case(b"store") && i + 1 < argc {
            // Not skipped: in `STORE store x` Redis takes the second one as the word again.
            store = Some(i + 1);
        }
        i += 1;
    }
    store
}

fn migrate_keys<A: Arguments + ?Sized>(args: &A) -> Result<KeyPositions, InvalidKeys> {
    let argc = args.count();
    let mut i = 6;
    while i < argc {
        let word = args.arg(i);
        if word.eq_ignore_ascii_case(b"keys") {
            // With a key in the classic place too it is a syntax error, which the command reports.
            return match args.arg(3) {
                b"" => KeyPositions::run(i + 1, argc as isize - 1, 1, argc),
                _ => Err(InvalidKeys),
            };
        }
        i += match () {
            _ if word.eq_ignore_ascii_case(b"auth") => 2,
            _ if word.eq_ignore_ascii_case(b"auth2") => 3,
            _ => 1,
        };
    }
    KeyPositions::run(3, 3, 1, argc)
}

/// Whether a BITFIELD has anything but GET and OVERFLOW, which is what Redis calls reading.
fn bitfield_writes<A: Arguments + ?Sized>(args: &A) -> bool {
    let argc = args.count();
    let mut i = 2;
    while i < argc {
        let left = argc - i - 1;
        let word = args.arg(i);
        if word.eq_ignore_ascii_case(b"get") && left >= 2 {
            i += 3;
        } else if word.eq_ignore_ascii_case(b"overflow") && left >= 1 {
            i += 2;
        } else {
            return true;
        }
    }
    false
}

/// The legacy triple, and whether it misses keys; the rules of Redis's `populateCommandLegacyRangeSpec`.
pub(super) const fn legacy(keys: &[KeySpec]) -> ((i64, i64, i64), bool) {
    let mut movable = false;
    let (mut first, mut last) = (i64::MAX, 0i64);
    let mut previous = 0i64;
    let mut i = 0;
    while i < keys.len() {
        let key = &keys[i];
        i += 1;
        let (BeginSearch::Index(index), FindKeys::Range { last: to, step, .. }) = (key.begin, key.find) else {
            movable = true;
            continue;
        };
        let index = index as i64;
        let to = if to >= 0 { to as i64 + index } else { to as i64 };
        if key.flags & INCOMPLETE != 0 {
            movable = true;
        }
        if keys.len() == 1 {
            return ((index, to, step as i64), movable);
        }
        if step != 1 || (previous != 0 && previous != index - 1) {
            movable = true;
            continue;
        }
        if index < first {
            first = index;
        }
        // Unsigned, so that a position from the end counts as later than any from the beginning.
        if (to as u64) > (last as u64) {
            last = to;
        }
        previous = last;
    }
    if first == i64::MAX { ((0, 0, 0), movable) } else { ((first, last, 1), movable) }
}

pub(super) const fn shape(keys: &[KeySpec], finder: Finder) -> KeyShape {
    match finder {
        Finder::First => return KeyShape::One(1),
        Finder::Sort | Finder::Georadius | Finder::Migrate | Finder::AfterTime => return KeyShape::Complex,
        Finder::Specs | Finder::Set | Finder::Bitfield => {}
    }
    if keys.is_empty() || keys[0].flags & NOT_KEY != 0 {
        return KeyShape::None;
    }
    let ((first, last, step), movable) = legacy(keys);
    if !movable {
        return if first == last {
            KeyShape::One(first as u8)
        } else {
            KeyShape::Range { first: first as u8, last: last as i8, step: step as u8 }
        };
    }
    let (lead, counted) = match keys {
        [only] => (0, only),
        [KeySpec { begin: BeginSearch::Index(lead), find: FindKeys::Range { last: 0, .. }, .. }, counted] => {
            (*lead, counted)
        }
        _ => return KeyShape::Complex,
    };
    match (counted.begin, counted.find) {
        (BeginSearch::Index(index), FindKeys::KeyNum { keynumidx, firstkey, step }) => {
            KeyShape::NumKeys { lead, count: index + keynumidx, first: index + firstkey, step }
        }
        _ => KeyShape::Complex,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Group;
    use super::*;

    const fn spec(keys: &'static [KeySpec]) -> Spec {
        Spec::new("x", -2, Group::Generic, "1.0.0").keys(keys)
    }

    #[track_caller]
    fn check(spec: &Spec, line: &str, expected: Result<&[usize], InvalidKeys>) {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let got = spec.key_positions(&args[..]);
        if let Ok(positions) = got {
            assert_eq!(positions.len(), positions.count(), "{line}: size_hint");
        }
        assert_eq!(got.map(|p| p.collect::<Vec<_>>()).as_deref(), expected.as_ref().map(|p| *p), "{line}");
        let flagged = spec.keys_and_flags(&args[..]).map(|v| v.into_iter().map(|(p, _)| p).collect::<Vec<_>>());
        assert_eq!(flagged.as_deref(), expected.as_ref().map(|p| *p), "{line}: with flags");
    }

    #[test]
    fn shapes_follow_from_the_key_specs() {
        assert_eq!(spec(const { &[] }).shape, KeyShape::None);
        assert_eq!(spec(const { &[KeySpec::first(RO)] }).shape, KeyShape::One(1));
        assert_eq!(spec(const { &[KeySpec::first(NOT_KEY)] }).shape, KeyShape::None);
        assert_eq!(
            spec(const { &[KeySpec::first(RO), KeySpec::at(2, OW)] }).shape,
            KeyShape::Range { first: 1, last: 2, step: 1 }
        );
        assert_eq!(
            spec(const { &[KeySpec::first(OW), KeySpec::range(2, -1, 1, RO)] }).shape,
            KeyShape::Range { first: 1, last: -1, step: 1 }
        );
        assert_eq!(
            spec(const { &[KeySpec::first(OW), KeySpec::numkeys(2, RO)] }).shape,
            KeyShape::NumKeys { lead: 1, count: 2, first: 3, step: 1 }
        );
        assert_eq!(spec(const { &[KeySpec::range_after("STREAMS", 1, -1, 1, 2, RO)] }).shape, KeyShape::Complex);
    }

    #[test]
    fn positions_of_ranges() {
        const MSET: Spec = spec(&[KeySpec::range(1, -1, 2, OW)]);
        check(&MSET, "mset a 1 b 2", Ok(&[1, 3]));
        check(&MSET, "mset a 1 b", Ok(&[1, 3]));
        const BLPOP: Spec = spec(&[KeySpec::range(1, -2, 1, RW)]);
        check(&BLPOP, "blpop a b 0", Ok(&[1, 2]));
        check(&BLPOP, "blpop 0", Err(InvalidKeys));
    }

    #[test]
    fn positions_after_a_count() {
        const ZUNION: Spec = spec(&[KeySpec::numkeys(1, RO)]);
        check(&ZUNION, "zunion 2 a b WEIGHTS 1 2", Ok(&[2, 3]));
        for bad in ["zunion 0 a", "zunion -1 a", "zunion 3 a b", "zunion x a", "zunion 01 a", "zunion 99999999999 a"] {
            check(&ZUNION, bad, Err(InvalidKeys));
        }
        const STORE: Spec = spec(&[KeySpec::first(OW), KeySpec::numkeys(2, RO)]);
        check(&STORE, "zunionstore d 2 a b", Ok(&[1, 3, 4]));
        check(&STORE, "zunionstore d 0 a b", Err(InvalidKeys));
        const EVAL: Spec = spec(&[KeySpec::numkeys(2, RW)]).flags(NO_MANDATORY_KEYS);
        check(&EVAL, "eval x 0 a", Ok(&[]));
        check(&EVAL, "eval x 1 a b", Ok(&[3]));
        check(&EVAL, "eval x 9 a b", Err(InvalidKeys));
        const MSETEX: Spec = spec(&[KeySpec::numkeys_every(1, 2, OW)]);
        check(&MSETEX, "msetex 2 a 1 b 2 EX 3", Ok(&[2, 4]));
    }

    #[test]
    fn positions_after_a_word() {
        const XREAD: Spec = spec(&[KeySpec::range_after("STREAMS", 1, -1, 1, 2, RO)]);
        check(&XREAD, "xread COUNT 2 streams a b 0 0", Ok(&[4, 5]));
        check(&XREAD, "xread COUNT 2 a b 0 0", Err(InvalidKeys));
        check(&XREAD, "xread STREAMS", Err(InvalidKeys));
        const SORT: Spec = spec(&[KeySpec::first(RO), KeySpec::unknown(RO), KeySpec::unknown(OW)]).finder(Finder::Sort);
        check(&SORT, "sort a", Ok(&[1]));
        check(&SORT, "sort a BY store LIMIT 0 1 STORE b", Ok(&[1, 8]));
        check(&SORT, "sort a STORE", Ok(&[1]));
        check(&SORT, "sort a STORE b STORE c", Ok(&[1, 5]));
        const GEORADIUS: Spec =
            spec(&[KeySpec::first(RO), KeySpec::after("STORE", 6, OW), KeySpec::after("STOREDIST", 6, OW)])
                .finder(Finder::Georadius);
        check(&GEORADIUS, "georadius a 1 2 3 km", Ok(&[1]));
        check(&GEORADIUS, "georadius a 1 2 3 km STORE b", Ok(&[1, 7]));
        // GETKEYS tells both, the command uses the later.
        let both: [&[u8]; 10] = [b"x", b"a", b"1", b"2", b"3", b"km", b"STORE", b"b", b"STOREDIST", b"c"];
        assert_eq!(GEORADIUS.key_positions(&both[..]).map(|p| p.collect()), Ok(vec![1, 9]));
        assert_eq!(GEORADIUS.keys_and_flags(&both[..]), Ok(vec![(1, RO), (7, OW), (9, OW)]));
        const MIGRATE: Spec =
            spec(&[KeySpec::at(3, RW), KeySpec::range_after("KEYS", -2, -1, 1, 0, RW)]).finder(Finder::Migrate);
        check(&MIGRATE, "migrate h 1 k 0 9", Ok(&[3]));
        check(&MIGRATE, "migrate h 1  0 9 AUTH keys KEYS a b", Ok(&[9, 10]));
        check(&MIGRATE, "migrate h 1 k 0 9 KEYS a b", Err(InvalidKeys));
        check(&MIGRATE, "migrate h 1 k 0 9 KEYS", Ok(&[3]));
    }
}
