//! A dictionary from short byte strings to short byte strings, for sets, hashes and sorted sets too large to be packed.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::Bound;
use std::sync::LazyLock;

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Dict {
    items: BTreeMap<(u64, Box<[u8]>), Box<[u8]>>,
    bytes: usize,
}

/// Hashes keys with a seed that is secret and the same for the whole process.
static HASHER: LazyLock<foldhash::quality::RandomState> = LazyLock::new(Default::default);

/// Items of a [`Dict`], in the order of their hashes.
pub struct Iter<'a>(btree_map::Iter<'a, (u64, Box<[u8]>), Box<[u8]>>);

impl Dict {
    /// An empty dictionary.
    pub fn new() -> Dict {
        Dict::default()
    }

    /// Items. O(1).
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes on the heap. O(1).
    pub fn heap_bytes(&self) -> usize {
        self.bytes
    }

    /// The value of a key. O(1).
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.items.get(&place(key)).map(|value| &**value)
    }

    /// The value of a key, to be changed without changing its length. O(1).
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut [u8]> {
        self.items.get_mut(&place(key)).map(|value| &mut **value)
    }

    /// Whether the key is there. O(1).
    pub fn contains(&self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// Sets the value of a key; true if the key is new. Amortized O(1), no call does more than some tens of microseconds'
    /// work.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.bytes += key.len() + value.len() + 64;
        let old = self.items.insert(place(key), value.into());
        if let Some(old) = &old {
            self.bytes -= key.len() + old.len() + 64;
        }
        old.is_none()
    }

    /// Removes a key; false if it is not there. Amortized O(1).
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.take(key).is_some()
    }

    /// Removes a key and gives its value. Amortized O(1).
    pub fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let value = self.items.remove(&place(key))?;
        self.bytes -= key.len() + value.len() + 64;
        Some(value.into_vec())
    }

    /// All items, in the order of their hashes.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.items.iter())
    }

    /// One step of a scan: visits about `count` items from `cursor` on (0 to start) and gives the next cursor, 0 at the end.
    /// Cursors have 48 bits; higher bits are ignored. What is there from the first to the last call is visited at least
    /// once, whatever is changed between the calls.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], &[u8])) -> u64 {
        let from = Bound::Included((cursor << 16, Box::<[u8]>::default()));
        let mut last = None;
        for (seen, ((hash, key), value)) in self.items.range((from, Bound::Unbounded)).enumerate() {
            let position = hash >> 16;
            if seen >= count.max(1) && last != Some(position) {
                return position;
            }
            visit(key, value);
            last = Some(position);
        }
        0
    }

    /// A random item, chosen by `random`: uniform over the items. None if there is none.
    pub fn random(&self, random: u64) -> Option<(&[u8], &[u8])> {
        let (key, value) = self.items.iter().nth((u128::from(random) * self.len() as u128 >> 64) as usize)?;
        Some((&key.1, value))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|((_, key), value)| (&**key, &**value))
    }
}

fn place(key: &[u8]) -> (u64, Box<[u8]>) {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = HASHER.build_hasher();
    hasher.write(key);
    (hasher.finish(), key.into())
}
