//! LCS: the longest common subsequence of two strings.
//!
//! The usual dynamic programming: `table[i][j]` is the length for the first `i` bytes of the one and the first `j` of the
//! other. Of the table only one row is kept, and, where the subsequence itself is asked for, one bit for each cell:
//! 1/32 of the memory that Redis takes (and limits: the limit is the same here, as it is also one on time).

use super::text::text;
use crate::keyspace::{Str, as_str};
use crate::unit::Unit;
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, Reply};

/// The options of LCS.
#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: i64,
}

pub(super) fn lcs(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    // Both are looked up, and counted, before either is refused.
    let a = string_at(unit, args.at(1));
    let b = string_at(unit, args.at(2));
    let (Some(a), Some(b)) = (a, b) else { return Err(Error::LCS_NOT_STRINGS) };
    let options = parse(args)?;
    // The memory that Redis would take.
    let table_bytes = (a.len() + 1).checked_mul(b.len() + 1).and_then(|cells| cells.checked_mul(size_of::<u32>()));
    if table_bytes.is_none_or(|bytes| bytes > unit.settings.bulk_max) {
        return Err(Error::LCS_TOO_LARGE);
    }
    let table = Table::new(&a, &b, options.idx || !options.len).ok_or(Error::LCS_NO_MEMORY)?;
    if options.idx {
        reply_matches(out, &table, &options);
    } else if options.len {
        out.int(i64::from(table.len));
    } else {
        let mut found = Vec::with_capacity(table.len as usize);
        table.matches().for_each(|run| found.extend(a[run.a..run.a + run.len].iter().rev()));
        found.reverse();
        out.bulk(&found);
    }
    Ok(())
}

fn parse(args: Args<'_>) -> Result<Options, Error> {
    let (mut options, mut cursor) = (Options::default(), args.cursor(3));
    while let Some(option) = cursor.next() {
        match option {
            _ if is(option, "LEN") => options.len = true,
            _ if is(option, "IDX") => options.idx = true,
            _ if is(option, "WITHMATCHLEN") => options.with_match_len = true,
            _ if is(option, "MINMATCHLEN") => options.min_match_len = cursor.i64()?,
            _ => return Err(Error::SYNTAX),
        }
    }
    if options.idx && options.len { Err(Error::LCS_LEN_AND_IDX) } else { Ok(options) }
}

/// A copy of the string at `key`, empty where there is none; None where it is not a string. Copied because two keys cannot
/// be borrowed at once, which costs nothing next to comparing them.
fn string_at(unit: &mut Unit<'_>, key: &[u8]) -> Option<Vec<u8>> {
    let value = unit.read(key).map_or(Ok(Str::Bytes(b"")), as_str).ok()?;
    Some(text(value, &mut itoa::Buffer::new()).to_vec())
}

fn reply_matches(out: &mut Reply, table: &Table<'_>, options: &Options) {
    out.map(2);
    out.bulk(b"matches");
    let (mark, mut count) = (out.mark(), 0);
    for run in table.matches().filter(|run| run.len as i64 >= options.min_match_len) {
        out.array(if options.with_match_len { 3 } else { 2 });
        for start in [run.a, run.b] {
            out.array(2);
            out.count(start);
            out.count(start + run.len - 1);
        }
        if options.with_match_len {
            out.count(run.len);
        }
        count += 1;
    }
    out.array_at(mark, count);
    out.bulk(b"len");
    out.int(i64::from(table.len));
}

/// A run of bytes that both strings have in common: where it starts in each, and its length (at least 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    a: usize,
    b: usize,
    len: usize,
}

/// What is kept of the table.
struct Table<'s> {
    a: &'s [u8],
    b: &'s [u8],
    /// The length of the subsequence.
    len: u32,
    /// For each cell whether its upper neighbour (without the last byte of `a`) has more than its left one. A row of 64-bit
    /// words for each byte of `a`; empty where nobody asks for the way back.
    upward: Vec<u64>,
}

impl<'s> Table<'s> {
    /// O(product of the lengths); None without memory.
    fn new(a: &'s [u8], b: &'s [u8], with_way: bool) -> Option<Table<'s>> {
        let words = if with_way { b.len().div_ceil(64) } else { 0 };
        let mut upward = Vec::new();
        upward.try_reserve_exact(a.len().checked_mul(words)?).ok()?;
        // `row[j]` belongs to the row above until it is overwritten, `diagonal` is what `row[j - 1]` was then.
        let mut row = vec![0u32; b.len() + 1];
        for byte in a {
            let (mut diagonal, mut word) = (0, 0u64);
            for (j, other) in b.iter().enumerate() {
                let (left, up) = (row[j], row[j + 1]);
                row[j + 1] = if byte == other { diagonal + 1 } else { left.max(up) };
                diagonal = up;
                word |= u64::from(up > left) << (j % 64);
                if with_way && (j % 64 == 63 || j + 1 == b.len()) {
                    upward.push(std::mem::take(&mut word));
                }
            }
        }
        Some(Table { a, b, len: row[b.len()], upward })
    }

    /// The common runs, from the last to the first. Where there are several ways, Redis's.
    fn matches(&self) -> impl Iterator<Item = Run> {
        let words = self.b.len().div_ceil(64);
        let (mut i, mut j) = (self.a.len(), self.b.len());
        std::iter::from_fn(move || {
            while i > 0 && j > 0 {
                let (a, b) = (&self.a[..i], &self.b[..j]);
                let len = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
                if len > 0 {
                    i -= len;
                    j -= len;
                    return Some(Run { a: i, b: j, len });
                }
                let is_upward = self.upward[(i - 1) * words + (j - 1) / 64] >> ((j - 1) % 64) & 1 == 1;
                if is_upward { i -= 1 } else { j -= 1 }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::put_a_list;
    use super::*;
    use crate::testing::World;

    #[test]
    fn as_redis_answers() {
        for shards in [1, 5] {
            let mut world = World::new(shards);
            put_a_list(&mut world, b"l");
            world.run(
                "mset a ohmytext b mynewtext c abcabcabc d abxabcyabc n 12345 m 345123 x aaa y aaaa p xaxbxcx q aybycy",
            );
            let tail = "$3 len :6";
            let cases = [
                ("lcs a b", "$6 mytext"),
                ("lcs a b len", ":6"),
                ("lcs a b idx", &format!("*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 {tail}")),
                ("lcs a b idx minmatchlen 4", &format!("*4 $7 matches *1 *2 *2 :4 :7 *2 :5 :8 {tail}")),
                ("lcs a b idx minmatchlen 4 withmatchlen", &format!("*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 {tail}")),
                (
                    "lcs a b idx minmatchlen -3 withmatchlen",
                    &format!("*4 $7 matches *2 *3 *2 :4 :7 *2 :5 :8 :4 *3 *2 :2 :3 *2 :0 :1 :2 {tail}"),
                ),
                ("lcs a b minmatchlen", "-ERR syntax error"),
                ("lcs a b minmatchlen x", "-ERR value is not an integer or out of range"),
                ("lcs a b len idx", "-ERR If you want both the length and indexes, please just use IDX."),
                ("lcs a b len idx foo", "-ERR syntax error"),
                ("lcs a nokey", "$0"),
                ("lcs a nokey idx", "*4 $7 matches *0 $3 len :0"),
                ("lcs nokey a len", ":0"),
                ("lcs l a foo", "-ERR The specified keys must contain string values"),
                ("lcs a l len", "-ERR The specified keys must contain string values"),
                ("lcs a b len withmatchlen", ":6"),
                ("lcs a b withmatchlen", "$6 mytext"),
                (
                    "lcs c d idx withmatchlen",
                    "*4 $7 matches *3 *3 *2 :6 :8 *2 :7 :9 :3 *3 *2 :3 :5 *2 :3 :5 :3 *3 *2 :0 :1 *2 :0 :1 :2 $3 len :8",
                ),
                ("lcs c d", "$8 ababcabc"),
                ("lcs n m", "$3 345"),
                ("lcs n m idx", "*4 $7 matches *1 *2 *2 :2 :4 *2 :0 :2 $3 len :3"),
                ("lcs x y idx", "*4 $7 matches *1 *2 *2 :0 :2 *2 :1 :3 $3 len :3"),
                ("lcs p q", "$3 abc"),
            ];
            for (line, reply) in cases {
                assert_eq!(world.run(line), reply, "{line}");
            }
            world.settings.bulk_max = 9 * 10 * 4 - 1;
            assert!(world.run("lcs a b").starts_with("-ERR Insufficient memory, transient memory for LCS exceeds"));
            world.settings.bulk_max += 1;
            assert_eq!(world.run("lcs a b"), "$6 mytext");
        }
    }

    /// The whole table, as it is defined.
    fn model(a: &[u8], b: &[u8]) -> (u32, Vec<u8>) {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                let same = a[i - 1] == b[j - 1];
                table[i][j] = if same { table[i - 1][j - 1] + 1 } else { u32::max(table[i - 1][j], table[i][j - 1]) };
            }
        }
        let (mut i, mut j, mut found) = (a.len(), b.len(), Vec::new());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                found.push(a[i - 1]);
                (i, j) = (i - 1, j - 1);
            } else if table[i - 1][j] > table[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        found.reverse();
        (table[a.len()][b.len()], found)
    }

    proptest::proptest! {
        #[test]
        fn one_row_and_bits_are_as_good_as_the_table(a in "[a-d]{0,200}", b in "[a-d]{0,200}") {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            let (len, expected) = model(a, b);
            let table = Table::new(a, b, true).expect("memory");
            let mut runs: Vec<Run> = table.matches().collect();
            runs.reverse();
            let found: Vec<u8> = runs.iter().flat_map(|run| &a[run.a..run.a + run.len]).copied().collect();
            assert_eq!((table.len, &found), (len, &expected));
            assert!(runs.iter().all(|run| a[run.a..run.a + run.len] == b[run.b..run.b + run.len]));
            assert_eq!(Table::new(a, b, false).expect("memory").len, len);
        }
    }
}
