//! The facts of a command.
//!
//! Every command is one [`Spec`]: a constant that stands at the top of its family's file, beside its handler. Whatever
//! Redis tells about commands (COMMAND INFO, DOCS, LIST, GETKEYS), the check of the number of arguments, ACL categories and
//! routing derive from it. What can be derived is not written down: the category of the group, `@fast` or `@slow`, the flag
//! `movablekeys`, the legacy triple of first key, last key and step.
//!
//! ```
//! use curfew_protocol::spec::*;
//! const GET: Spec = Spec::new("get", 2, Group::String, "1.0.0")
//!     .flags(READONLY | FAST)
//!     .keys(&[KeySpec::first(RO | ACCESS)])
//!     .doc("O(1)", "Returns the string value of a key.", "key");
//! assert_eq!(GET.shape, KeyShape::One(1));
//! ```
//!
//! Flags are plain integers so that `|` works in constants. Command flags, key flags and categories have different widths,
//! so the compiler refuses one where another is meant.
//!
//! Subcommands are rows of their own, named `config|get`; their container (`config`) is a row marked with
//! [`Spec::container`]. Positions always count from the command's name, which is argument 0 (so the subcommand is 1).

/// Command flags, see the constants below. The wire shows those of [`FLAG_NAMES`].
pub type Flags = u32;

/// Changes data.
pub const WRITE: Flags = 1 << 0;
/// Reads keys, changes nothing.
pub const READONLY: Flags = 1 << 1;
/// May grow memory: refused when over `maxmemory`.
pub const DENYOOM: Flags = 1 << 2;
/// Comes from a module (Curfew has none; kept so that the wire order is complete).
pub const MODULE: Flags = 1 << 3;
/// For administrators; implies `@admin` and `@dangerous`.
pub const ADMIN: Flags = 1 << 4;
/// Belongs to publish and subscribe; implies `@pubsub`.
pub const PUBSUB: Flags = 1 << 5;
/// Not allowed in scripts.
pub const NOSCRIPT: Flags = 1 << 6;
/// May block the client; implies `@blocking`.
pub const BLOCKING: Flags = 1 << 7;
/// Allowed while the data is loading.
pub const LOADING: Flags = 1 << 8;
/// Allowed on a replica whose data is stale.
pub const STALE: Flags = 1 << 9;
/// Not shown to MONITOR.
pub const SKIP_MONITOR: Flags = 1 << 10;
/// Not logged in SLOWLOG.
pub const SKIP_SLOWLOG: Flags = 1 << 11;
/// Implies ASKING.
pub const ASKING: Flags = 1 << 12;
/// O(1) or O(log N); implies `@fast`, its absence `@slow`.
pub const FAST: Flags = 1 << 13;
/// Needs no authentication.
pub const NO_AUTH: Flags = 1 << 14;
/// Not a write, but may have effects to replicate (PUBLISH, PFCOUNT, EVAL). Hidden on the wire.
pub const MAY_REPLICATE: Flags = 1 << 15;
/// May have no keys at all (EVAL with 0 keys).
pub const NO_MANDATORY_KEYS: Flags = 1 << 16;
/// Off unless enabled (`enable-debug-command`, `enable-module-command`). Hidden on the wire.
pub const PROTECTED: Flags = 1 << 17;
/// Refused while a replica loads a new data set beside the old one.
pub const NO_ASYNC_LOADING: Flags = 1 << 18;
/// Not allowed in MULTI.
pub const NO_MULTI: Flags = 1 << 19;
/// The legacy triple does not name all keys. Derived; never set in a row.
pub const MOVABLEKEYS: Flags = 1 << 20;
/// Allowed while a script is past its time.
pub const ALLOW_BUSY: Flags = 1 << 21;
/// May touch keys that are not in its arguments (SCAN, RANDOMKEY). Hidden on the wire.
pub const TOUCHES_ARBITRARY_KEYS: Flags = 1 << 22;

/// The flags that the wire shows, in Redis's order.
pub const FLAG_NAMES: &[(Flags, &str)] = &[
    (WRITE, "write"),
    (READONLY, "readonly"),
    (DENYOOM, "denyoom"),
    (MODULE, "module"),
    (ADMIN, "admin"),
    (PUBSUB, "pubsub"),
    (NOSCRIPT, "noscript"),
    (BLOCKING, "blocking"),
    (LOADING, "loading"),
    (STALE, "stale"),
    (SKIP_MONITOR, "skip_monitor"),
    (SKIP_SLOWLOG, "skip_slowlog"),
    (ASKING, "asking"),
    (FAST, "fast"),
    (NO_AUTH, "no_auth"),
    (NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (NO_ASYNC_LOADING, "no_async_loading"),
    (NO_MULTI, "no_multi"),
    (MOVABLEKEYS, "movablekeys"),
    (ALLOW_BUSY, "allow_busy"),
];

/// ACL categories, see [`acl`].
pub type Categories = u64;

/// The ACL categories, and their names in Redis's order.
pub mod acl {
    use super::Categories;

    /// `@keyspace`
    pub const KEYSPACE: Categories = 1 << 0;
    /// `@read`
    pub const READ: Categories = 1 << 1;
    /// `@write`
    pub const WRITE: Categories = 1 << 2;
    /// `@set`
    pub const SET: Categories = 1 << 3;
    /// `@sortedset`
    pub const SORTEDSET: Categories = 1 << 4;
    /// `@list`
    pub const LIST: Categories = 1 << 5;
    /// `@hash`
    pub const HASH: Categories = 1 << 6;
    /// `@string`
    pub const STRING: Categories = 1 << 7;
    /// `@bitmap`
    pub const BITMAP: Categories = 1 << 8;
    /// `@hyperloglog`
    pub const HYPERLOGLOG: Categories = 1 << 9;
    /// `@geo`
    pub const GEO: Categories = 1 << 10;
    /// `@stream`
    pub const STREAM: Categories = 1 << 11;
    /// `@pubsub`
    pub const PUBSUB: Categories = 1 << 12;
    /// `@admin`
    pub const ADMIN: Categories = 1 << 13;
    /// `@fast`
    pub const FAST: Categories = 1 << 14;
    /// `@slow`
    pub const SLOW: Categories = 1 << 15;
    /// `@blocking`
    pub const BLOCKING: Categories = 1 << 16;
    /// `@dangerous`
    pub const DANGEROUS: Categories = 1 << 17;
    /// `@connection`
    pub const CONNECTION: Categories = 1 << 18;
    /// `@transaction`
    pub const TRANSACTION: Categories = 1 << 19;
    /// `@scripting`
    pub const SCRIPTING: Categories = 1 << 20;

    /// Names without the `@`, in the order in which Redis lists them (ACL CAT, COMMAND INFO).
    pub const NAMES: &[(Categories, &str)] = &[
        (KEYSPACE, "keyspace"),
        (READ, "read"),
        (WRITE, "write"),
        (SET, "set"),
        (SORTEDSET, "sortedset"),
        (LIST, "list"),
        (HASH, "hash"),
        (STRING, "string"),
        (BITMAP, "bitmap"),
        (HYPERLOGLOG, "hyperloglog"),
        (GEO, "geo"),
        (STREAM, "stream"),
        (PUBSUB, "pubsub"),
        (ADMIN, "admin"),
        (FAST, "fast"),
        (SLOW, "slow"),
        (BLOCKING, "blocking"),
        (DANGEROUS, "dangerous"),
        (CONNECTION, "connection"),
        (TRANSACTION, "transaction"),
        (SCRIPTING, "scripting"),
    ];

    /// The category called `name` (without `@`, any case).
    pub fn by_name(name: &[u8]) -> Option<Categories> {
        NAMES.iter().find(|(_, n)| n.as_bytes().eq_ignore_ascii_case(name)).map(|(category, _)| *category)
    }
}

/// The group of COMMAND DOCS. It implies an ACL category except for `Server` and `Cluster`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    Pubsub,
    Transactions,
    Connection,
    Server,
    Scripting,
    Hyperloglog,
    Cluster,
    Sentinel,
    Geo,
    Stream,
    Bitmap,
}

impl Group {
    /// The name in COMMAND DOCS.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::Pubsub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
            Group::Hyperloglog => "hyperloglog",
            Group::Cluster => "cluster",
            Group::Sentinel => "sentinel",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Bitmap => "bitmap",
        }
    }

    /// The ACL category that membership implies, 0 if none.
    pub const fn category(self) -> Categories {
        match self {
            Group::Generic => acl::KEYSPACE,
            Group::String => acl::STRING,
            Group::List => acl::LIST,
            Group::Set => acl::SET,
            Group::SortedSet => acl::SORTEDSET,
            Group::Hash => acl::HASH,
            Group::Transactions => acl::TRANSACTION,
            Group::Connection => acl::CONNECTION,
            Group::Scripting => acl::SCRIPTING,
            Group::Hyperloglog => acl::HYPERLOGLOG,
            Group::Geo => acl::GEO,
            Group::Stream => acl::STREAM,
            Group::Bitmap => acl::BITMAP,
            Group::Pubsub | Group::Server | Group::Cluster | Group::Sentinel => 0,
        }
    }
}

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

/// The facts of one command or subcommand.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Lower case; subcommands as `container|subcommand`.
    pub name: &'static str,
    /// Number of arguments, the name included (and the subcommand's); negative: at least so many.
    pub arity: i16,
    /// Flags as written in the row; see [`Spec::all_flags`].
    pub flags: Flags,
    /// Categories besides the implied ones.
    pub acl_extra: Categories,
    /// The group's category is not implied.
    pub acl_no_group: bool,
    /// Key groups.
    pub keys: &'static [KeySpec],
    /// What finds the keys when `keys` does not tell all.
    pub finder: Finder,
    /// The keys for the request path.
    pub shape: KeyShape,
    /// Group of COMMAND DOCS.
    pub group: Group,
    /// Version of Redis that introduced it.
    pub since: &'static str,
    /// Empty: not shown.
    pub complexity: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Arguments in the notation of [`crate::syntax`], without the name.
    pub syntax: &'static str,
    /// Version and change.
    pub history: &'static [(&'static str, &'static str)],
    /// Hints for clients and proxies.
    pub tips: &'static [&'static str],
    /// Has subcommands, which are rows of their own.
    pub is_container: bool,
    /// Version that deprecated it, empty if none did.
    pub deprecated_since: &'static str,
    /// What to use instead, empty if nothing.
    pub replaced_by: &'static str,
    /// Not meant to be sent by users.
    pub is_syscmd: bool,
}

impl Spec {
    /// A command without keys or flags; the builder methods add what it has.
    pub const fn new(name: &'static str, arity: i16, group: Group, since: &'static str) -> Self {
        Self {
            name,
            arity,
            flags: 0,
            acl_extra: 0,
            acl_no_group: false,
            keys: &[],
            finder: Finder::Specs,
            shape: KeyShape::None,
            group,
            since,
            complexity: "",
            summary: "",
            syntax: "",
            history: &[],
            tips: &[],
            is_container: false,
            deprecated_since: "",
            replaced_by: "",
            is_syscmd: false,
        }
    }

    /// Sets the command flags.
    pub const fn flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    /// Adds ACL categories to the implied ones.
    pub const fn acl(mut self, categories: Categories) -> Self {
        self.acl_extra = categories;
        self
    }

    /// Drops the category that the group implies.
    pub const fn no_group_acl(mut self) -> Self {
        self.acl_no_group = true;
        self
    }

    /// Sets the key groups.
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.keys = keys;
        self.shape = shape(keys, self.finder);
        self
    }

    /// Says what finds the keys when the key groups do not tell all.
    pub const fn finder(mut self, finder: Finder) -> Self {
        self.finder = finder;
        self.shape = shape(self.keys, finder);
        self
    }

    /// Sets complexity, summary and arguments (in the notation of [`crate::syntax`]).
    pub const fn doc(mut self, complexity: &'static str, summary: &'static str, syntax: &'static str) -> Self {
        self.complexity = complexity;
        self.summary = summary;
        self.syntax = syntax;
        self
    }

    /// Sets the history: version and change.
    pub const fn history(mut self, history: &'static [(&'static str, &'static str)]) -> Self {
        self.history = history;
        self
    }

    /// Sets the tips.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    /// Marks a command with subcommands. It has no category of its group: its subcommands have.
    pub const fn container(mut self) -> Self {
        self.is_container = true;
        self
    }

    /// Marks the command as deprecated.
    pub const fn deprecated(mut self, since: &'static str, replaced_by: &'static str) -> Self {
        self.deprecated_since = since;
        self.replaced_by = replaced_by;
        self
    }

    /// Marks a command that is not meant for users.
    pub const fn syscmd(mut self) -> Self {
        self.is_syscmd = true;
        self
    }

    /// Whether `argc` arguments, the name included, are a number that the command takes.
    #[inline]
    pub const fn accepts(&self, argc: usize) -> bool {
        if self.arity >= 0 { argc == self.arity as usize } else { argc >= self.arity.unsigned_abs() as usize }
    }

    /// The container's name of a subcommand, the name otherwise.
    pub fn container_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(container, _)| container)
    }

    /// The subcommand's own name, if it is one.
    pub fn sub_name(&self) -> Option<&'static str> {
        self.name.split_once('|').map(|(_, sub)| sub)
    }

    /// The flags with what Redis derives from the keys (`movablekeys`).
    pub const fn all_flags(&self) -> Flags {
        if legacy(self.keys).1 { self.flags | MOVABLEKEYS } else { self.flags }
    }

    /// First key, last key and step as COMMAND INFO shows them; zeros without keys.
    pub const fn legacy_keys(&self) -> (i64, i64, i64) {
        legacy(self.keys).0
    }

    /// All ACL categories: the written ones and those that the group and the flags imply.
    pub const fn categories(&self) -> Categories {
        let mut c = self.acl_extra;
        if !self.acl_no_group && !self.is_container {
            c |= self.group.category();
        }
        if self.flags & WRITE != 0 {
            c |= acl::WRITE;
        }
        // Scripts that only read are not reads: what they may run is decided inside.
        if self.flags & READONLY != 0 && c & acl::SCRIPTING == 0 {
            c |= acl::READ;
        }
        if self.flags & ADMIN != 0 {
            c |= acl::ADMIN | acl::DANGEROUS;
        }
        if self.flags & PUBSUB != 0 {
            c |= acl::PUBSUB;
        }
        if self.flags & FAST != 0 {
            c |= acl::FAST;
        }
        if self.flags & BLOCKING != 0 {
            c |= acl::BLOCKING;
        }
        if c & acl::FAST == 0 {
            c |= acl::SLOW;
        }
        c
    }

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
            Finder::Sort | Finder::First | Finder::Migrate => {
                let positions = self.search_positions(args)?;
                let flags: [KeyFlags; 2] = match self.finder {
                    Finder::Sort => [RO | ACCESS, OW | UPDATE],
                    Finder::Migrate => [RW | ACCESS | DELETE; 2],
                    _ => [RO | ACCESS; 2],
                };
                for (nth, position) in positions.enumerate() {
                    found.push((position, flags[nth.min(1)]));
                }
            }
            Finder::Specs | Finder::Georadius => {
                if self.key_positions(args)?.len() == 0 {
                    return Ok(found);
                }
                for key in self.keys.iter().filter(|k| k.flags & NOT_KEY == 0) {
                    if let Some(positions) = self.spec_positions(key, args)? {
                        found.extend(positions.map(|p| (p, key.flags)));
                    }
                }
            }
        }
        Ok(found)
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
            Finder::Migrate => migrate_keys(args),
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

/// A count of keys as Redis reads it: decimal without sign, space or leading zero. Larger than any request is no count.
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
const fn legacy(keys: &[KeySpec]) -> ((i64, i64, i64), bool) {
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

const fn shape(keys: &[KeySpec], finder: Finder) -> KeyShape {
    match finder {
        Finder::First => return KeyShape::One(1),
        Finder::Sort | Finder::Georadius | Finder::Migrate => return KeyShape::Complex,
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
    }

    #[test]
    fn categories_follow_from_group_and_flags() {
        let get = Spec::new("get", 2, Group::String, "1.0.0").flags(READONLY | FAST);
        assert_eq!(get.categories(), acl::READ | acl::STRING | acl::FAST);
        let eval_ro = Spec::new("eval_ro", -3, Group::Scripting, "7.0.0").flags(READONLY);
        assert_eq!(eval_ro.categories(), acl::SCRIPTING | acl::SLOW);
        let config = Spec::new("config", -2, Group::Server, "2.0.0").container();
        assert_eq!(config.categories(), acl::SLOW);
        assert_eq!(acl::by_name(b"KeySpace"), Some(acl::KEYSPACE));
    }

    #[test]
    fn arity_counts_the_name() {
        assert!(spec(&[]).accepts(2) && spec(&[]).accepts(9) && !spec(&[]).accepts(1));
        let get = Spec::new("get", 2, Group::String, "1.0.0");
        assert!(get.accepts(2) && !get.accepts(3));
    }
}
