//! How large values may grow in each of their forms.

/// The limits of encodings, each under its name in Redis's configuration.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `hash-max-listpack-entries`: fields.
    pub hash_entries: usize,
    /// `hash-max-listpack-value`: bytes.
    pub hash_value: usize,
    /// `list-max-listpack-size`: elements of a node; or -1 to -5 for 4, 8, 16, 32, 64 KiB.
    pub list_size: i32,
    /// `set-max-intset-entries`: members.
    pub set_ints: usize,
    /// `set-max-listpack-entries`: members.
    pub set_entries: usize,
    /// `set-max-listpack-value`: bytes.
    pub set_value: usize,
    /// `zset-max-listpack-entries`: members.
    pub zset_entries: usize,
    /// `zset-max-listpack-value`: bytes.
    pub zset_value: usize,
    /// `stream-node-max-bytes`, 0 for no limit.
    pub stream_bytes: usize,
    /// `stream-node-max-entries`, 0 for no limit.
    pub stream_entries: usize,
    /// `hll-sparse-max-bytes`.
    pub hll_sparse: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            hash_entries: 512,
            hash_value: 64,
            list_size: -2,
            set_ints: 512,
            set_entries: 128,
            set_value: 64,
            zset_entries: 128,
            zset_value: 64,
            stream_bytes: 4096,
            stream_entries: 100,
            hll_sparse: 3000,
        }
    }
}
