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
//!     .doc("O(1)", "Reads the string at a key.", "key");
//! assert_eq!(GET.shape, KeyShape::One(1));
//! ```
//!
//! Flags are plain integers so that `|` works in constants. Command flags, key flags and categories have different widths,
//! so the compiler refuses one where another is meant.
//!
//! Subcommands are rows of their own, named `config|get`; their container (`config`) is a row marked with
//! [`Spec::container`]. Positions always count from the command's name, which is argument 0 (so the subcommand is 1).

mod keys;

pub use keys::{
    ACCESS, Arguments, BeginSearch, DELETE, FindKeys, Finder, INCOMPLETE, INSERT, InvalidKeys, KEY_FLAG_NAMES,
    KeyFlags, KeyPositions, KeyShape, KeySpec, NOT_KEY, OW, RM, RO, RW, UPDATE, VARIABLE_FLAGS,
};

/// Command flags, see the constants below. The wire shows those of [`FLAG_NAMES`].
pub type Flags = u64;

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

// What follows is decided by the server alone and never shown.

/// Runs a script or a function.
pub const SCRIPT: Flags = 1 << 23;
/// Of those: calls a function of a library by its name.
pub const FUNCTION: Flags = 1 << 24;
/// Of those: names its script by the hash.
pub const BY_SHA: Flags = 1 << 25;
/// Runs Lua code of any kind: scripts and functions, and the top level of libraries that are loaded.
pub const RUNS_LUA: Flags = 1 << 26;
/// EXEC: executes what the transaction has queued.
pub const EXEC: Flags = 1 << 27;
/// Executed at once inside MULTI, not queued.
pub const NOT_QUEUED: Flags = 1 << 28;
/// Allowed on a RESP2 connection that is subscribed to something.
pub const FROM_SUBSCRIBER: Flags = 1 << 29;
/// Ends the watches of its client, and so needs the shards of all watched keys.
pub const UNWATCHES: Flags = 1 << 30;
/// No pause of clients holds it back: it may end the pause.
pub const NEVER_PAUSED: Flags = 1 << 31;

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
    /// The argument that names the first item, for commands about single items of a set, a hash or a sorted set.
    pub item: u8,
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
            item: 2,
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
        self.shape = keys::shape(keys, self.finder);
        self
    }

    /// Says what finds the keys when the key groups do not tell all.
    pub const fn finder(mut self, finder: Finder) -> Self {
        self.finder = finder;
        self.shape = keys::shape(self.keys, finder);
        self
    }

    /// Sets complexity, summary and arguments (in the notation of [`crate::syntax`]).
    pub const fn doc(mut self, complexity: &'static str, summary: &'static str, syntax: &'static str) -> Self {
        self.complexity = complexity;
        self.summary = summary;
        self.syntax = syntax;
        self
    }

    /// Says which argument names the first item, where it is not the one behind the key.
    pub const fn item(mut self, at: u8) -> Self {
        self.item = at;
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
        if keys::legacy(self.keys).1 { self.flags | MOVABLEKEYS } else { self.flags }
    }

    /// First key, last key and step as COMMAND INFO shows them; zeros without keys.
    pub const fn legacy_keys(&self) -> (i64, i64, i64) {
        keys::legacy(self.keys).0
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let del = Spec::new("del", -2, Group::Generic, "1.0.0");
        assert!(del.accepts(2) && del.accepts(9) && !del.accepts(1));
        let get = Spec::new("get", 2, Group::String, "1.0.0");
        assert!(get.accepts(2) && !get.accepts(3));
    }
}
