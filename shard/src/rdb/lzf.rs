//! LZF, the compression of Redis's files (the format is that of Marc Lehmann's liblzf).
//!
//! ```text
//!   000lllll                       l + 1 bytes follow as they are
//!   lllooooo oooooooo              l + 2 bytes (l from 1 to 6) as they stood o + 1 bytes before
//!   111ooooo llllllll oooooooo     l + 9 bytes as they stood o + 1 bytes before
//! ```
//!
//! The compressor is greedy: it remembers where each three bytes were last seen, and takes what it finds there. Which repetitions
//! it finds is its own affair, so the bytes need not be those that Redis makes; either reads what the other wrote.

use std::cell::RefCell;

/// The longest run of bytes as they are.
const LITERALS_MAX: usize = 32;
/// The longest repetition: 2 + 7 + 255 bytes.
const MATCH_MAX: usize = 264;
/// How far back a repetition may reach.
const REACH: usize = 1 << 13;

const TABLE_BITS: u32 = 14;

/// Where three bytes were last seen, by a hash of them.
struct Seen {
    /// Positions, counted from [`Seen::base`] plus one: what is not behind the base stems from an earlier input. So nothing
    /// needs to be cleared between inputs, which are often short.
    at: Vec<u32>,
    base: u32,
}

thread_local! {
    static SEEN: RefCell<Seen> = const { RefCell::new(Seen { at: Vec::new(), base: 0 }) };
}

/// Compresses `input` to `most` bytes or less; None if that cannot be done, or only by looking harder. O(n).
pub fn compress(input: &[u8], most: usize) -> Option<Vec<u8>> {
    let len = u32::try_from(input.len()).ok().filter(|len| *len < u32::MAX / 2)?;
    SEEN.with_borrow_mut(|seen| {
        if seen.at.is_empty() || seen.base > u32::MAX / 2 {
            *seen = Seen { at: vec![0; 1 << TABLE_BITS], base: 0 };
        }
        let result = compress_with(seen, input, most);
        seen.base += len + 1;
        result
    })
}

fn compress_with(seen: &mut Seen, input: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(most.min(1 << 16));
    let (mut at, mut literals) = (0, 0);
    while let Some(next) = input.get(at..).and_then(<[u8]>::first_chunk::<3>) {
        let before = seen.note(next, at);
        let found = before.filter(|from| at - from <= REACH && input[*from..].starts_with(next));
        let Some(from) = found else {
            at += 1;
            continue;
        };
        let ahead = &input[at..input.len().min(at + MATCH_MAX)];
        let len = 3 + ahead[3..].iter().zip(&input[from + 3..]).take_while(|(one, two)| one == two).count();
        copy(&mut out, &input[literals..at]);
        let (code, back) = (len - 2, at - from - 1);
        if code < 7 {
            out.push((code << 5 | back >> 8) as u8);
        } else {
            out.push((7 << 5 | back >> 8) as u8);
            out.push((code - 7) as u8);
        }
        out.push(back as u8);
        if out.len() > most {
            return None;
        }
        at += len;
        literals = at;
        // Of what was passed over, the end is the likeliest to come again together with what follows.
        for place in [at - 2, at - 1] {
            if let Some(next) = input.get(place..).and_then(<[u8]>::first_chunk::<3>) {
                seen.note(next, place);
            }
        }
    }
    copy(&mut out, &input[literals..]);
    (out.len() <= most).then_some(out)
}

impl Seen {
    /// Notes that three bytes stand at `place`, and gives where they (or others with their hash) stood before.
    #[inline]
    fn note(&mut self, bytes: &[u8; 3], place: usize) -> Option<usize> {
        let key = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
        let slot = key.wrapping_mul(0x9E37_79B1) >> (32 - TABLE_BITS);
        let place = self.base + 1 + place as u32;
        let before = std::mem::replace(&mut self.at[slot as usize], place);
        before.checked_sub(self.base + 1).map(|before| before as usize)
    }
}

/// Appends bytes as they are.
fn copy(out: &mut Vec<u8>, bytes: &[u8]) {
    for run in bytes.chunks(LITERALS_MAX) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

/// Decompresses to exactly `len` bytes; None if that is not what comes out. O(n); allocates in proportion to what comes out.
pub fn decompress(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    // The length may be a lie.
    let mut out = Vec::with_capacity(len.min(packed.len().saturating_mul(8)));
    let mut rest = packed;
    while let Some(&control) = rest.split_off_first() {
        let control = usize::from(control);
        if control < LITERALS_MAX {
            out.extend_from_slice(rest.split_off(..control + 1)?);
        } else {
            let mut count = (control >> 5) + 2;
            if count == 9 {
                count += usize::from(*rest.split_off_first()?);
            }
            let back = (control & 31) << 8 | usize::from(*rest.split_off_first()?);
            let from = out.len().checked_sub(back + 1)?;
            if back + 1 >= count {
                out.extend_from_within(from..from + count);
            } else {
                // It reaches into what it makes.
                for place in from..from + count {
                    out.push(out[place]);
                }
            }
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repetitions_become_short() {
        let long = vec![b'x'; 100_000];
        let packed = compress(&long, long.len()).expect("nothing but repetition");
        assert!(packed.len() < 1_200, "{}", packed.len());
        assert_eq!(decompress(&packed, long.len()), Some(long));
        let text = b"field-1 value-1 field-2 value-2 field-3 value-3 field-4 value-4".repeat(3);
        let packed = compress(&text, text.len()).expect("much repetition");
        assert!(packed.len() < text.len() / 3, "{}", packed.len());
        assert_eq!(decompress(&packed, text.len()).as_deref(), Some(&text[..]));
    }

    #[test]
    fn what_cannot_be_compressed_is_refused() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(compress(&bytes, bytes.len() - 4), None);
        assert_eq!(compress(b"", 0), Some(Vec::new()));
    }

    #[test]
    fn no_damage_is_read() {
        for bytes in [&b"\x20"[..], b"\x20\x00", b"\x00a\x20\x05", b"\xe0", b"\xe0\x05", b"\x05abc", b"\x00a\xe0\xff"] {
            assert_eq!(decompress(bytes, 10), None, "{bytes:?}");
        }
        assert_eq!(decompress(b"\x00a", 2), None);
        assert_eq!(decompress(b"\x01ab", 1), None);
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(
            words in proptest::collection::vec(prop_oneof![
                Just(b"abc".to_vec()), Just(vec![0; 300]), Just(b"key:".to_vec()), proptest::collection::vec(any::<u8>(), 0..40),
            ], 0..200),
            zeros in 0usize..20_000,
        ) {
            let mut input = words[..words.len() / 2].concat();
            input.resize(input.len() + zeros, 0);
            input.extend(words.concat());
            // Always possible with one more byte for each 32.
            let packed = compress(&input, input.len() + input.len() / LITERALS_MAX + 1).expect("enough room");
            prop_assert_eq!(decompress(&packed, input.len()), Some(input));
        }

        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), len in 0usize..500) {
            if let Some(out) = decompress(&bytes, len) {
                prop_assert_eq!(out.len(), len);
            }
        }
    }
}
