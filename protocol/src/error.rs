//! Errors as they go over the wire, and the texts that more than one command gives: clients match on these strings. The text of
//! a single command stands beside its handler.
//!
//! The texts are those of Redis 8.0, byte for byte, with their code word (`ERR`, `WRONGTYPE`, ...) in front and without
//! the leading `-` and the trailing line break, which the reply writer adds.

use std::fmt;

/// An error reply. Cheap to make from a constant; 16 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Repr);

#[derive(Clone, PartialEq, Eq)]
enum Repr {
    // A reference to a reference, and a box of a vector: so `Result<(), Error>` stays two words on every command's path.
    Fixed(&'static &'static str),
    #[allow(clippy::box_collection)] // see above: one word
    Made(Box<Vec<u8>>),
}

impl Error {
    /// An error with a fixed text, code word included.
    pub const fn fixed(text: &'static &'static str) -> Error {
        Error(Repr::Fixed(text))
    }

    /// An error whose text is put together at run time. Line breaks, which would break the protocol's framing, become
    /// spaces, as in Redis.
    pub fn made(text: impl Into<Vec<u8>>) -> Error {
        let mut text = text.into();
        for byte in &mut text {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        Error(Repr::Made(Box::new(text)))
    }

    /// The text, code word included.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Fixed(text) => text.as_bytes(),
            Repr::Made(text) => text,
        }
    }

    /// The code word: the text up to its first space (`ERR`, `WRONGTYPE`, ...), which INFO's `errorstats` counts by.
    pub fn code(&self) -> &[u8] {
        let text = self.as_bytes();
        let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
        &text[..end]
    }

    /// `wrong number of arguments for 'name' command`; subcommands are named `config|get`.
    pub fn wrong_arity(name: &str) -> Error {
        Error::made(format!("ERR wrong number of arguments for '{name}' command"))
    }

    /// The answer to a command that does not exist: its name and the beginning of its arguments, cut to 128 bytes each
    /// as Redis cuts them.
    pub fn unknown_command(args: crate::Args<'_>) -> Error {
        let mut text = b"ERR unknown command '".to_vec();
        text.extend_from_slice(&c_string(args.at(0))[..c_string(args.at(0)).len().min(128)]);
        text.extend_from_slice(b"', with args beginning with: ");
        let mut shown = Vec::new();
        for arg in args.iter().skip(1) {
            if shown.len() >= 128 {
                break;
            }
            shown.push(b'\'');
            let room = 128usize.saturating_sub(shown.len() - 1);
            let arg = c_string(arg);
            shown.extend_from_slice(&arg[..arg.len().min(room)]);
            shown.extend_from_slice(b"' ");
        }
        text.extend_from_slice(&shown);
        Error::made(text)
    }

    /// `unknown subcommand 'x'. Try NAME HELP.` with the container's name in capitals.
    pub fn unknown_subcommand(container: &str, given: &[u8]) -> Error {
        let given = c_string(given);
        let mut text = b"ERR unknown subcommand '".to_vec();
        text.extend_from_slice(&given[..given.len().min(128)]);
        text.extend_from_slice(b"'. Try ");
        text.extend_from_slice(container.to_ascii_uppercase().as_bytes());
        text.extend_from_slice(b" HELP.");
        Error::made(text)
    }

    /// `unknown subcommand or wrong number of arguments for 'x'. Try NAME HELP.`: what subcommands say of their own options.
    pub fn subcommand_syntax(container: &str, given: &[u8]) -> Error {
        let given = c_string(given);
        let given = &given[..given.len().min(128)];
        let text = b"ERR unknown subcommand or wrong number of arguments for '";
        Error::made([text, given, b"'. Try ", container.as_bytes(), b" HELP."].concat())
    }

    /// `Unsupported option x`: what EXPIRE says.
    pub fn unsupported_option(given: &[u8]) -> Error {
        Error::made([b"ERR Unsupported option ", given].concat())
    }

    /// `at least 1 input key is needed for 'name' command`: what ZUNION and its kin say.
    pub fn no_input_key(name: &str) -> Error {
        Error::made(format!("ERR at least 1 input key is needed for '{name}' command"))
    }

    /// `exactly one of A or B can be specified for name`: what GEOSEARCH says, with its name as it was written.
    pub fn geo_one_of(options: &str, name: &[u8]) -> Error {
        let text = [b"ERR exactly one of ", options.as_bytes(), b" can be specified for ", c_string(name)].concat();
        Error::made(text)
    }

    /// `invalid expire time in 'name' command`.
    pub fn invalid_expire(name: &str) -> Error {
        Error::made(format!("ERR invalid expire time in '{name}' command"))
    }
}

/// An argument up to its first NUL: Redis prints these as C strings.
pub fn c_string(arg: &[u8]) -> &[u8] {
    arg.split(|&byte| byte == 0).next().unwrap_or_default()
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-{}", String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl std::error::Error for Error {}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl Error {
            $($(#[$doc])* pub const $name: Error = Error::fixed(&$text);)*
        }
    };
}

texts! {
    /// The key holds a value of another type.
    WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
    /// An option or a combination of options that the command does not have.
    SYNTAX = "ERR syntax error";
    /// Not a 64-bit signed integer, or out of the command's range.
    NOT_AN_INTEGER = "ERR value is not an integer or out of range";
    /// Not a double.
    NOT_A_FLOAT = "ERR value is not a valid float";
    /// Out of range.
    OUT_OF_RANGE = "ERR value is out of range";
    /// Out of range, must be positive.
    MUST_BE_POSITIVE = "ERR value is out of range, must be positive";
    /// RENAME and the like without a source.
    NO_SUCH_KEY = "ERR no such key";
    /// INCR and the like past the range.
    OVERFLOW = "ERR increment or decrement would overflow";
    /// DECRBY's negation past the range.
    DECREMENT_OVERFLOW = "ERR decrement would overflow";
    /// INCRBYFLOAT's result.
    NAN_OR_INFINITY = "ERR increment would produce NaN or Infinity";
    /// A string past proto-max-bulk-len.
    STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    /// A negative or too large offset.
    OFFSET_OUT_OF_RANGE = "ERR offset is out of range";
    /// SETBIT and the like.
    BIT_OFFSET = "ERR bit offset is not an integer or out of range";
    /// SETBIT's value.
    BIT_VALUE = "ERR bit is not an integer or out of range";
    /// SELECT and the like.
    DB_OUT_OF_RANGE = "ERR DB index is out of range";
    /// SELECT's argument.
    INVALID_DB_INDEX = "ERR invalid DB index";
    /// COPY and MOVE onto themselves.
    SAME_OBJECT = "ERR source and destination objects are the same";
    /// Commands of clusters.
    CLUSTER_OFF = "ERR This instance has cluster support disabled";
    /// SCAN's cursor.
    INVALID_CURSOR = "ERR invalid cursor";
    /// EXPIRE's options.
    EXPIRE_NX_WITH_OTHERS = "ERR NX and XX, GT or LT options at the same time are not compatible";
    /// EXPIRE's options.
    EXPIRE_GT_AND_LT = "ERR GT and LT options at the same time are not compatible";
    /// Authentication is required.
    NO_AUTH = "NOAUTH Authentication required.";
    /// HELLO without authentication.
    HELLO_NO_AUTH = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time";
    /// Bad credentials.
    WRONG_PASS = "WRONGPASS invalid username-password pair or user is disabled.";
    /// AUTH without a password configured.
    AUTH_NOT_CONFIGURED = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
    /// A protocol version that is not spoken.
    NO_PROTO = "NOPROTO unsupported protocol version";
    /// MULTI inside MULTI.
    NESTED_MULTI = "ERR MULTI calls can not be nested";
    /// EXEC alone.
    EXEC_WITHOUT_MULTI = "ERR EXEC without MULTI";
    /// DISCARD alone.
    DISCARD_WITHOUT_MULTI = "ERR DISCARD without MULTI";
    /// WATCH inside MULTI.
    WATCH_IN_MULTI = "ERR WATCH inside MULTI is not allowed";
    /// A command was refused while queueing.
    EXEC_ABORT = "EXECABORT Transaction discarded because of previous errors.";
    /// What a blocked client is answered on CLIENT UNBLOCK with ERROR.
    UNBLOCKED = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
    /// A script keeps a shard.
    BUSY_SCRIPT = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
    /// A function keeps a shard.
    BUSY_FUNCTION = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
    /// SCRIPT KILL with nothing to kill.
    NOT_BUSY = "NOTBUSY No scripts in execution right now.";
    /// SCRIPT KILL of a script that has written.
    UNKILLABLE = "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.";
    /// EVALSHA of an unknown script.
    NO_SCRIPT = "NOSCRIPT No matching script. Please use EVAL.";
    /// A write under maxmemory with nothing to evict.
    OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
    /// More clients than maxclients.
    MAX_CLIENTS = "ERR max number of clients reached";
    /// EVAL's key count.
    NEGATIVE_KEYS = "ERR Number of keys can't be negative";
    /// EVAL's key count.
    TOO_MANY_KEYS = "ERR Number of keys can't be greater than number of args";
    /// LCS of something else than strings; unlike elsewhere not a WRONGTYPE.
    LCS_NOT_STRINGS = "ERR The specified keys must contain string values";
    /// LCS's options.
    LCS_LEN_AND_IDX = "ERR If you want both the length and indexes, please just use IDX.";
    /// LCS of strings whose lengths multiply to too much.
    LCS_TOO_LARGE = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
    /// LCS without memory.
    LCS_NO_MEMORY = "ERR Insufficient memory, failed allocating transient memory for LCS";
    /// MSETEX's key count.
    MSETEX_KEYS = "ERR invalid numkeys value";
    /// MSETEX's key count is more than there are pairs.
    MSETEX_PAIRS = "ERR wrong number of key-value pairs";
    /// COPY's and MOVE's database.
    NOT_A_32_BIT_INTEGER = "ERR value is out of range, value must between -2147483648 and 2147483647";
    /// SWAPDB's first argument.
    INVALID_FIRST_DB = "ERR invalid first DB index";
    /// SWAPDB's second argument.
    INVALID_SECOND_DB = "ERR invalid second DB index";
    /// SCAN's options.
    NOVALUES_ONLY_HSCAN = "ERR NOVALUES option can only be used in HSCAN";
    /// OBJECT FREQ under another policy.
    NO_FREQUENCY = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";
    /// OBJECT IDLETIME under an LFU policy.
    NO_IDLE_TIME = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";
    /// BITPOS's bit.
    BITPOS_BIT = "ERR The bit argument must be 1 or 0.";
    /// BITOP NOT of several keys.
    BITOP_NOT = "ERR BITOP NOT must be called with a single source key.";
    /// BITFIELD's type.
    BITFIELD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    /// BITFIELD's OVERFLOW.
    BITFIELD_OVERFLOW = "ERR Invalid OVERFLOW type specified";
    /// BITFIELD_RO with a write.
    BITFIELD_READ_ONLY = "ERR BITFIELD_RO only supports the GET subcommand";

    // ---- sorted sets ----

    /// ZADD's options.
    ZADD_NX_AND_XX = "ERR XX and NX options at the same time are not compatible";
    /// ZADD's options.
    ZADD_GT_LT_NX = "ERR GT, LT, and/or NX options at the same time are not compatible";
    /// ZADD INCR of several members.
    ZADD_INCR_OF_ONE = "ERR INCR option supports a single increment-element pair";
    /// The sum of two infinities of different signs.
    SCORE_NAN = "ERR resulting score is not a number (NaN)";
    /// One end of a range of scores.
    NOT_A_SCORE_RANGE = "ERR min or max is not a float";
    /// One end of a range of members.
    NOT_A_LEX_RANGE = "ERR min or max not valid string range item";
    /// ZRANGE's LIMIT.
    ZRANGE_LIMIT = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
    /// ZRANGE's WITHSCORES.
    ZRANGE_LEX_SCORES = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
    /// ZUNION's WEIGHTS.
    NOT_A_WEIGHT = "ERR weight value is not a float";
    /// ZINTERCARD's LIMIT.
    LIMIT_NEGATIVE = "ERR LIMIT can't be negative";
    /// ZMPOP's COUNT.
    COUNT_NOT_POSITIVE = "ERR count should be greater than 0";

    // ---- positions ----

    /// A unit of length.
    GEO_UNIT = "ERR unsupported unit provided. please use M, KM, FT, MI";
    /// COUNT of GEOSEARCH and of XAUTOCLAIM.
    COUNT_NOT_ABOVE_ZERO = "ERR COUNT must be > 0";
    /// GEOSEARCH's ANY.
    GEO_ANY = "ERR the ANY argument requires COUNT argument";
    /// GEOSEARCH around a member that is not there.
    GEO_NO_MEMBER = "ERR could not decode requested zset member";
    /// BYRADIUS.
    GEO_RADIUS = "ERR need numeric radius";
    /// BYRADIUS.
    GEO_NEGATIVE_RADIUS = "ERR radius cannot be negative";
    /// BYBOX.
    GEO_WIDTH = "ERR need numeric width";
    /// BYBOX.
    GEO_HEIGHT = "ERR need numeric height";
    /// BYBOX.
    GEO_NEGATIVE_BOX = "ERR height or width cannot be negative";
    /// What is stored has no details.
    GEOSEARCHSTORE_WITH = "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
    /// What is stored has no details.
    GEORADIUS_STORE_WITH = "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
}

// Hashes.
texts! {
    /// HINCRBY of a field that holds something else.
    HASH_NOT_AN_INTEGER = "ERR hash value is not an integer";
    /// HINCRBYFLOAT of a field that holds something else.
    HASH_NOT_A_FLOAT = "ERR hash value is not a float";
    /// HINCRBYFLOAT's increment.
    HASH_INCREMENT_INFINITE = "ERR value is NaN or Infinity";
    /// A count or rank that may be negated: HRANDFIELD, SRANDMEMBER, LREM, LPOS.
    NOT_A_NEGATABLE_INTEGER = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
    /// FIELDS of HEXPIRE and its kin.
    FIELDS_MISSING = "ERR Mandatory argument FIELDS is missing or not at the right position";
    /// The count behind FIELDS, of most commands.
    FIELDS_NOT_POSITIVE = "ERR Number of fields must be a positive integer";
    /// The count behind FIELDS, of HEXPIRE and its kin.
    FIELDS_EXPIRE_COUNT = "ERR Parameter `numFields` should be greater than 0";
    /// The count behind FIELDS, of HSETEX.
    FIELDS_SET_COUNT = "ERR invalid number of fields";
    /// The count behind FIELDS is not that of the fields.
    FIELDS_MISMATCH = "ERR The `numfields` parameter must match the number of arguments";
    /// HSETEX's conditions.
    FIELDS_ONE_CONDITION = "ERR Only one of FXX or FNX arguments can be specified";
    /// HSETEX's deadlines.
    FIELDS_ONE_DEADLINE = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
    /// A negative deadline of a field.
    FIELDS_NEGATIVE_DEADLINE = "ERR invalid expire time, must be >= 0";
}

impl Error {
    /// `unknown argument: x`: what HSETEX says.
    pub fn unknown_argument(given: &[u8]) -> Error {
        Error::made([b"ERR unknown argument: ", c_string(given)].concat())
    }
}

// Functions.
texts! {
    /// FCALL of an unknown function.
    NO_FUNCTION = "ERR Function not found";
    /// FUNCTION DELETE of an unknown library.
    LIBRARY_NOT_FOUND = "ERR Library not found";
    /// A library without its first line.
    MISSING_METADATA = "ERR Missing library metadata";
    /// A library's first line that cannot be read.
    INVALID_METADATA = "ERR Invalid library metadata";
    /// A library's first line with two names.
    METADATA_NAME_TWICE = "ERR Invalid metadata value, name argument was given multiple times";
    /// A library's first line without a name.
    NO_LIBRARY_NAME = "ERR Library name was not given";
    /// A library's name, and a function's.
    LIBRARY_NAME = "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";
    /// A library that registers nothing.
    NO_FUNCTIONS = "ERR No functions registered";
    /// FUNCTION RESTORE's option.
    RESTORE_POLICY = "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.";
    /// A payload that is damaged or of a later version.
    BAD_PAYLOAD = "ERR DUMP payload version or checksum are wrong";
}

// DUMP and RESTORE; a wrong checksum is `BAD_PAYLOAD`.
texts! {
    /// RESTORE to a key that exists.
    BUSY_KEY = "BUSYKEY Target key name already exists.";
    /// RESTORE of something that is no value.
    BAD_DATA_FORMAT = "ERR Bad data format";
    /// RESTORE's deadline.
    INVALID_TTL = "ERR Invalid TTL value, must be >= 0";
    /// RESTORE's IDLETIME.
    INVALID_IDLE_TIME = "ERR Invalid IDLETIME value, must be >= 0";
    /// RESTORE's FREQ.
    INVALID_FREQUENCY = "ERR Invalid FREQ value, must be >= 0 and <= 255";
}

// Sets and HyperLogLogs.
texts! {
    /// The number of keys: SINTERCARD, LMPOP and their kin.
    KEYS_NOT_POSITIVE = "ERR numkeys should be greater than 0";
    /// A string that is no HyperLogLog.
    NOT_A_HYPERLOGLOG = "WRONGTYPE Key is not a valid HyperLogLog string value.";
    /// A string that looks like a HyperLogLog and is none.
    CORRUPTED_HYPERLOGLOG = "INVALIDOBJ Corrupted HLL object detected";
    /// PFDEBUG without the key.
    PFDEBUG_NO_KEY = "ERR The specified key does not exist";
    /// PFDEBUG DECODE.
    PFDEBUG_NOT_SPARSE = "ERR HLL encoding is not sparse";
    /// PFDEBUG SIMD.
    PFDEBUG_SIMD = "ERR Argument must be ON or OFF";
    /// PFSELFTEST.
    PFSELFTEST_FAILED = "ERR TESTFAILED a HyperLogLog does not estimate as it should";
}

// Lists and SORT.
texts! {
    /// LSET's index.
    LIST_INDEX = "ERR index out of range";
    /// LPOS's RANK.
    LPOS_RANK = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list";
    /// LPOS's COUNT.
    LPOS_COUNT = "ERR COUNT can't be negative";
    /// LPOS's MAXLEN.
    LPOS_MAXLEN = "ERR MAXLEN can't be negative";
    /// SORT of what is no number, without ALPHA.
    SORT_SCORES = "ERR One or more scores can't be converted into double";
}

// Commands that wait.
texts! {
    /// BLPOP's timeout.
    TIMEOUT_NOT_A_FLOAT = "ERR timeout is not a float or out of range";
    /// XREAD's timeout.
    TIMEOUT_NOT_AN_INTEGER = "ERR timeout is not an integer or out of range";
    /// A timeout that ends after all times.
    TIMEOUT_OUT_OF_RANGE = "ERR timeout is out of range";
    /// A timeout below zero.
    TIMEOUT_NEGATIVE = "ERR timeout is negative";
}

// Streams.
texts! {
    /// A stream's id that is none.
    STREAM_ID = "ERR Invalid stream ID specified as stream command argument";
    /// XRANGE's start behind the last id.
    STREAM_START = "ERR invalid start ID for the interval";
    /// XRANGE's end in front of the first id.
    STREAM_END = "ERR invalid end ID for the interval";
    /// XADD's id.
    XADD_ZERO = "ERR The ID specified in XADD must be greater than 0-0";
    /// XADD's id.
    XADD_SMALL = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
    /// XADD behind the last possible id.
    XADD_EXHAUSTED = "ERR The stream has exhausted the last possible ID, unable to add more items";
    /// XADD of more than a node can hold.
    XADD_LARGE = "ERR Elements are too large to be stored";
    /// XADD's and XTRIM's options.
    TRIM_BOTH = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
    /// XADD's and XTRIM's options.
    TRIM_MAXLEN = "ERR The MAXLEN argument must be >= 0.";
    /// XADD's and XTRIM's options.
    TRIM_LIMIT = "ERR The LIMIT argument must be >= 0.";
    /// XADD's options.
    TRIM_LIMIT_ALONE = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy";
    /// XADD's and XTRIM's options.
    TRIM_LIMIT_EXACT = "ERR syntax error, LIMIT cannot be used without the special ~ option";
    /// XTRIM's options.
    TRIM_NONE = "ERR syntax error, XTRIM must be called with a trimming strategy";
    /// XREAD's options.
    XREAD_GROUP = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.";
    /// XREAD's options.
    XREAD_NOACK = "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.";
    /// XREAD's ids.
    XREAD_NEW = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.";
    /// XREADGROUP's options.
    XREADGROUP_GROUP = "ERR Missing GROUP option for XREADGROUP";
    /// XREADGROUP's ids.
    XREADGROUP_LAST = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.";
    /// XREADGROUP's ids.
    XREADGROUP_TOP = "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set.";
    /// XSETID's options.
    XSETID_ADDED = "ERR entries_added must be positive";
    /// XSETID's options.
    XSETID_DELETED = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id";
    /// XSETID's id.
    XSETID_MAX_DELETED = "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
    /// XSETID's id.
    XSETID_SMALL = "ERR The ID specified in XSETID is smaller than the target stream top item";
    /// XSETID's options.
    XSETID_LENGTH = "ERR The entries_added specified in XSETID is smaller than the target stream length";
    /// XGROUP's options.
    ENTRIES_READ = "ERR value for ENTRIESREAD must be positive or -1";
    /// XGROUP without the key.
    XGROUP_KEY = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.";
    /// XGROUP CREATE of a group that is there.
    BUSY_GROUP = "BUSYGROUP Consumer Group name already exists";
    /// XCLAIM's arguments.
    XCLAIM_MIN_IDLE = "ERR Invalid min-idle-time argument for XCLAIM";
    /// XCLAIM's options.
    XCLAIM_IDLE = "ERR Invalid IDLE option argument for XCLAIM";
    /// XCLAIM's options.
    XCLAIM_TIME = "ERR Invalid TIME option argument for XCLAIM";
    /// XCLAIM's options.
    XCLAIM_RETRY = "ERR Invalid RETRYCOUNT option argument for XCLAIM";
    /// XAUTOCLAIM's arguments.
    XAUTOCLAIM_MIN_IDLE = "ERR Invalid min-idle-time argument for XAUTOCLAIM";
    /// XAUTOCLAIM's options.
    XAUTOCLAIM_MEMORY = "ERR Insufficient memory, failed allocating transient memory, COUNT too high.";
}

impl Error {
    /// `NOGROUP`: XPENDING, XCLAIM and XAUTOCLAIM without the key or the group.
    pub fn no_group(key: &[u8], group: &[u8]) -> Error {
        let (key, group) = (c_string(key), c_string(group));
        Error::made([b"NOGROUP No such key '", key, b"' or consumer group '", group, b"'"].concat())
    }

    /// `NOGROUP`: XREADGROUP without the key or the group.
    pub fn no_group_to_read(key: &[u8], group: &[u8]) -> Error {
        let mut text = Error::no_group(key, group).as_bytes().to_vec();
        text.extend_from_slice(b" in XREADGROUP with GROUP option");
        Error::made(text)
    }

    /// `NOGROUP`: XGROUP and XINFO without the group.
    pub fn no_such_group(group: &[u8], key: &[u8]) -> Error {
        let (key, group) = (c_string(key), c_string(group));
        Error::made([b"NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"].concat())
    }

    /// XREAD's keys and ids are not as many.
    pub fn unbalanced_streams(name: &str, wanted: &str) -> Error {
        Error::made(format!(
            "ERR Unbalanced '{name}' list of streams: for each stream key an {wanted} must be specified."
        ))
    }

    /// `Unrecognized XCLAIM option`.
    pub fn xclaim_option(given: &[u8]) -> Error {
        Error::made([b"ERR Unrecognized XCLAIM option '", c_string(given), b"'"].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::OwnedArgs;

    #[test]
    fn an_error_is_two_words() {
        assert_eq!(size_of::<Result<(), Error>>(), 16);
    }

    #[test]
    fn line_breaks_cannot_leave_an_error() {
        assert_eq!(Error::made("ERR a\r\nb").as_bytes(), b"ERR a  b");
        assert_eq!(Error::made("ERR a").code(), b"ERR");
        assert_eq!(Error::WRONG_TYPE.code(), b"WRONGTYPE");
    }

    #[test]
    fn an_unknown_command_shows_its_arguments() {
        let args = OwnedArgs::from_slices(&[b"foo", b"bar", b"baz"]);
        assert_eq!(
            Error::unknown_command(args.view()).as_bytes(),
            b"ERR unknown command 'foo', with args beginning with: 'bar' 'baz' "
        );
        let long = OwnedArgs::from_slices(&[&[b'x'; 300], &[b'y'; 300]]);
        let text = Error::unknown_command(long.view());
        assert_eq!(text.as_bytes().len(), 21 + 128 + 29 + 1 + 128 + 2);
    }
}
