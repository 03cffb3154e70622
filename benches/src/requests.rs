//! Commands as bytes, prepared before the clock runs, so that sending one costs the client a single write.

use std::io::Write as _;

/// A fixed sequence of operations: one request each, or several that belong together.
pub struct Requests {
    bytes: Vec<u8>,
    /// Where each operation ends.
    ends: Vec<usize>,
    /// Replies to one operation.
    pub replies_each: u64,
}

impl Requests {
    /// `count` operations, each written by `write`, which is given its number. `replies_each`: requests in one operation.
    pub fn build(count: usize, replies_each: u64, mut write: impl FnMut(usize, &mut Vec<u8>)) -> Requests {
        let mut requests = Requests { bytes: Vec::new(), ends: Vec::with_capacity(count), replies_each };
        for index in 0..count {
            write(index, &mut requests.bytes);
            requests.ends.push(requests.bytes.len());
        }
        requests
    }

    /// GET and SET ten to one, in random order, on random keys of the first `keys` of `prefix`; values of `value` bytes.
    pub fn get_set(count: usize, prefix: &str, keys: usize, value: usize) -> Requests {
        let mut random = Random::new(1);
        let value = value_of(value);
        Requests::build(count, 1, |_, out| {
            let key = key(prefix, random.below(keys));
            match random.below(11) {
                0 => command(out, &[b"SET", &key, &value]),
                _ => command(out, &[b"GET", &key]),
            }
        })
    }

    /// The same command on random keys: `{key}` among the words stands for the key.
    pub fn random_keys(count: usize, prefix: &str, keys: usize, words: &[&[u8]]) -> Requests {
        let mut random = Random::new(2);
        Requests::build(count, 1, |_, out| {
            let key = key(prefix, random.below(keys));
            let words: Vec<&[u8]> = words.iter().map(|&word| if word == b"{key}" { &key[..] } else { word }).collect();
            command(out, &words);
        })
    }

    /// The same command on every key once, in order. `{key}` stands for the key, `{number}` for one of ten digits.
    pub fn every_key(prefix: &str, keys: usize, words: &[&[u8]]) -> Requests {
        Requests::build(keys, 1, |index, out| {
            let key = key(prefix, index);
            let number = (1_000_000_000 + index * 37).to_string();
            let words: Vec<&[u8]> = words
                .iter()
                .map(|&word| match word {
                    b"{key}" => &key[..],
                    b"{number}" => number.as_bytes(),
                    other => other,
                })
                .collect();
            command(out, &words);
        })
    }

    /// Puts `to` in the place of the first `from` in each operation: the same commands on other keys, without building them
    /// anew. Both have the same length, and every operation has a `from`.
    pub fn rename(&mut self, from: &str, to: &str) {
        assert_eq!(from.len(), to.len(), "operations keep their lengths");
        let mut start = 0;
        for &end in &self.ends {
            let operation = &mut self.bytes[start..end];
            if let Some(at) = operation.windows(from.len()).position(|window| window == from.as_bytes()) {
                operation[at..at + to.len()].copy_from_slice(to.as_bytes());
            }
            start = end;
        }
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The first `count` of them, or all.
    pub fn first(&self, count: usize) -> Requests {
        let count = count.min(self.len());
        Requests {
            bytes: self.bytes(self.range(0, count)).to_vec(),
            ends: self.ends[..count].to_vec(),
            replies_each: self.replies_each,
        }
    }

    /// Where the bytes of the operations `from..to` lie; both are at most [`Requests::len`].
    pub fn range(&self, from: usize, to: usize) -> std::ops::Range<usize> {
        let end_of = |count: usize| if count == 0 { 0 } else { self.ends[count - 1] };
        end_of(from)..end_of(to)
    }

    /// The bytes in a range that [`Requests::range`] gave, or the rest of one.
    pub fn bytes(&self, range: std::ops::Range<usize>) -> &[u8] {
        &self.bytes[range]
    }
}

/// Appends a command as an array of bulk strings.
pub fn command(out: &mut Vec<u8>, words: &[&[u8]]) {
    // Writing to memory never fails.
    let _ = write!(out, "*{}\r\n", words.len());
    for word in words {
        let _ = write!(out, "${}\r\n", word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// The key number `index` of `prefix`: 16 bytes, as redis-benchmark makes them, for a prefix of up to 8.
pub fn key(prefix: &str, index: usize) -> Vec<u8> {
    format!("{prefix}{index:0width$}", width = 16 - prefix.len()).into_bytes()
}

/// A value of `length` bytes that is no number.
pub fn value_of(length: usize) -> Vec<u8> {
    b"value-of-some-length/".iter().copied().cycle().take(length).collect()
}

/// A small generator (xorshift64*) with a fixed seed, so that every run and every server sees the same sequence.
pub struct Random(u64);

impl Random {
    /// Seeds may be any number.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        ((high * bound as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_whole_operations() {
        let requests = Requests::every_key("key:", 3, &[b"SET", b"{key}", b"{number}"]);
        let first = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$10\r\n1000000000\r\n";
        assert_eq!(requests.bytes(requests.range(0, 1)), first);
        assert_eq!(requests.bytes(requests.range(0, 3)).len(), 3 * first.len());
        assert!(requests.bytes(requests.range(2, 2)).is_empty());
        assert!(requests.bytes(requests.range(2, 3)).ends_with(b"$10\r\n1000000074\r\n"));
    }

    #[test]
    fn other_keys_get_the_same_commands() {
        let words: &[&[u8]] = &[b"SET", b"{key}", b"key1:"];
        let mut requests = Requests::every_key("key1:", 3, words);
        requests.rename("key1:", "keyx:");
        let renamed = Requests::every_key("keyx:", 3, words);
        assert_eq!(requests.bytes(requests.range(0, 3)), renamed.bytes(renamed.range(0, 3)));
    }

    #[test]
    fn one_in_eleven_is_a_set() {
        let requests = Requests::get_set(11_000, "key:", 1000, 64);
        let sets = (0..requests.len())
            .filter(|&i| requests.bytes(requests.range(i, i + 1)).starts_with(b"*3\r\n$3\r\nSET"))
            .count();
        assert!((800..1200).contains(&sets), "{sets}");
    }

    #[test]
    fn random_numbers_cover_their_range() {
        let mut random = Random::new(0);
        let mut seen = [false; 16];
        (0..1000).for_each(|_| seen[random.below(16)] = true);
        assert_eq!(seen, [true; 16]);
    }
}
