//! Glob-style patterns, as in KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET and ACL key patterns.
//!
//! - `*` any bytes, also none; `?` one byte;
//! - `[abc]`, `[a-z]`, `[^a]` one byte of (or not of) a class. A class that is not closed ends with the pattern. A range may be
//!   given in either order and is of *signed* bytes, as `char` is on the platforms Redis is mostly built for: 0x80 to 0xff come
//!   before 0x00. With `nocase` both ends are lowered after they are put in order, so that `[Z-a]` is then empty;
//! - `\x` the byte `x` itself, in a class too, where it is compared with case whatever `nocase` says. A `\` at the very end is
//!   itself.
//!
//! Redis matches recursively and never tries a longer match of an earlier `*` once a later one has failed on all that was
//! left. That is the same as going back to the last `*` only, which is what this does, with a loop: nothing recurses, and
//! the cost is at most the product of the two lengths. Redis gives up ("no match") when it is nested more than 1000 deep, that
//! is at the 1001st `*` that has something after it, and so does this.

/// How many `*` with something behind them a match may go through.
const STARS_MAX: usize = 1000;

/// Whether `pattern` matches the whole of `string`; with `nocase` ASCII letters match in either case.
///
/// An empty string is matched by the empty pattern alone, not by `*`: that is how Redis 8.0 has it (KEYS and SCAN treat the
/// pattern `*` as "no pattern", before they come here).
pub fn matches(pattern: &[u8], string: &[u8], nocase: bool) -> bool {
    let mut at = 0;
    let mut read = 0;
    // Where to take up again when the rest of the pattern fails: behind the last star, one byte further in the string.
    let mut retry: Option<(usize, usize)> = None;
    let mut stars = 0;

    while at < pattern.len() && read < string.len() {
        if pattern[at] == b'*' {
            at += leading_stars(&pattern[at..]);
            if at == pattern.len() {
                return true;
            }
            stars += 1;
            if stars > STARS_MAX {
                return false;
            }
            retry = Some((at, read));
            continue;
        }
        let (matched, width) = match_one(&pattern[at..], string[read], nocase);
        if matched {
            at += width;
            read += 1;
            if read < string.len() {
                if at < pattern.len() {
                    continue;
                }
                // The pattern is used up and the string is not: as good as a mismatch.
            } else {
                at += leading_stars(&pattern[at..]);
                // Behind the last star each element takes one byte, so starting later cannot do with fewer.
                return at == pattern.len();
            }
        }
        let Some((after_star, start)) = retry else {
            return false;
        };
        at = after_star;
        read = start + 1;
        retry = Some((at, read));
    }
    at == pattern.len() && read == string.len()
}

/// Matches one byte with the first element of a pattern that is not empty and does not start with a star. The width is that
/// of the element.
#[inline]
fn match_one(pattern: &[u8], byte: u8, nocase: bool) -> (bool, usize) {
    match pattern {
        [b'?', ..] => (true, 1),
        [b'[', class @ ..] => {
            let (matched, width) = match_class(class, byte, nocase);
            (matched, 1 + width)
        }
        [b'\\', literal, ..] => (same(*literal, byte, nocase), 2),
        [literal, ..] => (same(*literal, byte, nocase), 1),
        [] => (false, 0),
    }
}

/// Matches one byte with a class, given from behind its `[`. The width includes the `]`, if there is one.
fn match_class(class: &[u8], byte: u8, nocase: bool) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut matched = false;
    loop {
        match &class[at..] {
            [] => break,
            [b'\\', literal, ..] => {
                matched |= *literal == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [start, b'-', end, ..] => {
                matched |= in_range(*start, *end, byte, nocase);
                at += 3;
            }
            [literal, ..] => {
                matched |= same(*literal, byte, nocase);
                at += 1;
            }
        }
    }
    (matched != negated, at)
}

#[inline]
fn in_range(start: u8, end: u8, byte: u8, nocase: bool) -> bool {
    let (start, end) = if start as i8 > end as i8 { (end, start) } else { (start, end) };
    let lower = |byte: u8| {
        if nocase { byte.to_ascii_lowercase() as i8 } else { byte as i8 }
    };
    lower(start) <= lower(byte) && lower(byte) <= lower(end)
}

#[inline]
fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || nocase && a.eq_ignore_ascii_case(&b)
}

#[inline]
fn leading_stars(pattern: &[u8]) -> usize {
    pattern.iter().take_while(|&&byte| byte == b'*').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What KEYS of Redis 8.0.6 finds, with the string as the only key.
    #[test]
    fn as_the_reference() {
        for &(pattern, string, expected) in REFERENCE {
            assert_eq!(
                matches(pattern, string, false),
                expected,
                "{} {}",
                pattern.escape_ascii(),
                string.escape_ascii()
            );
        }
    }

    const REFERENCE: &[(&[u8], &[u8], bool)] = &[
        (b"h?llo", b"hello", true),
        (b"h*llo", b"heeeello", true),
        (b"h*llo", b"hllo", true),
        (b"h[ae]llo", b"hillo", false),
        (b"h[^e]llo", b"hello", false),
        (b"h[^e]llo", b"hallo", true),
        (b"h[a-b]llo", b"hbllo", true),
        (b"h[b-a]llo", b"hallo", true),
        (b"[", b"[", false),
        (b"[a", b"a", true),
        (b"[^", b"x", true),
        (b"[^", b"^", true),
        (b"[^]", b"x", true),
        (b"[]", b"x", false),
        (b"[]a]", b"a]", false),
        (b"[a-", b"-", true),
        (b"[a-", b"a", true),
        (b"[a-]", b"-", false),
        (b"[a-]", b"b", false),
        (b"[a-]", b"a", true),
        (b"[\\", b"\\", true),
        (b"[\\]", b"]", true),
        (b"[\\]]", b"]", true),
        (b"[\\a-z]", b"b", false),
        (b"[\\a-z]", b"-", true),
        (b"[a-\\z]", b"z", true),
        (b"[a-\\z]", b"bz]", false),
        (b"\\", b"\\", true),
        (b"\\*", b"*", true),
        (b"\\*", b"a", false),
        (b"a\\", b"a\\", true),
        (b"a**", b"a", true),
        (b"**", b"a", true),
        (b"*?", b"a", true),
        (b"*??", b"a", false),
        (b"?*?", b"ab", true),
        (b"[a-\xff]", b"b", false),
        (b"[a-\xff]", b"A", true),
        (b"[\x80-\xff]", b"\x90", true),
        (b"[\x01-\xff]", b"a", false),
        (b"[\xff-z]", b"\x00", true),
        (b"a*b*c", b"aXbXc", true),
        (b"a*b*c", b"aXcXb", false),
        (b"*\\**", b"a*b", true),
        (b"a\x00*", b"a\x00b", true),
        (b"a", b"a\x00", false),
        (b"[^a-c]*", b"dabc", true),
        (b"[[]", b"[", true),
        (b"[^^]", b"^", false),
        (b"[a^]", b"^", true),
        (b"*[", b"a[", false),
        (b"*[", b"ab", false),
        (b"x*[ab", b"xyb", true),
        (b"a*?", b"a", false),
        (b"*a", b"ba", true),
        (b"*a", b"ab", false),
    ];

    /// What CONFIG GET of Redis 8.0.6 finds: its patterns ignore case.
    #[test]
    fn without_case() {
        for (pattern, string, expected) in [
            ("MAXMEMORY*", "maxmemory", true),
            ("max[M-N]emory", "maxmemory", true),
            ("max[m-N]emory", "maxmemory", false),
            ("m[Z-a]xmemory", "maxmemory", false),
            ("m[Z-A]xmemory", "maxmemory", true),
            ("max[M]emory", "maxmemory", true),
            ("max[\\M]emory", "maxmemory", false),
            ("max\\Memory*", "maxmemory", true),
            ("MAX*Y", "maxmemory", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), string.as_bytes(), true), expected, "{pattern} {string}");
        }
    }

    #[test]
    fn a_thousand_stars_and_no_more() {
        let string = vec![b'a'; 2000];
        assert!(matches(&b"*a".repeat(1000), &string, false));
        assert!(!matches(&b"*a".repeat(1001), &string, false));
        // A star that ends the pattern does not count.
        assert!(matches(&[&b"*a".repeat(1000)[..], b"*"].concat(), &string, false));
    }

    #[test]
    fn hostile_patterns_end() {
        let string = vec![b'a'; 20_000];
        assert!(!matches(&[&b"a*".repeat(900)[..], b"b"].concat(), &string, false));
    }

    /// The definition, by trying everything.
    fn model(pattern: &[u8], string: &[u8], nocase: bool) -> bool {
        match (pattern, string) {
            ([], _) => string.is_empty(),
            ([b'*', rest @ ..], _) => (0..=string.len()).any(|skip| model(rest, &string[skip..], nocase)),
            (_, []) => false,
            (_, [byte, tail @ ..]) => {
                let (set, rest) = accepted(pattern, nocase);
                set[usize::from(*byte)] && model(rest, tail, nocase)
            }
        }
    }

    /// The set of bytes that the first element of a pattern accepts, and the rest of the pattern.
    fn accepted(pattern: &[u8], nocase: bool) -> ([bool; 256], &[u8]) {
        let mut set = [false; 256];
        let fold = |byte: u8| {
            if nocase { byte.to_ascii_lowercase() } else { byte }
        };
        let literal = |set: &mut [bool; 256], byte: u8| {
            (0..=255).filter(|&b| fold(b) == fold(byte)).for_each(|b| set[usize::from(b)] = true);
        };
        match pattern {
            [b'?', rest @ ..] => ([true; 256], rest),
            [b'[', rest @ ..] => {
                let (not, mut rest) = match rest {
                    [b'^', rest @ ..] => (true, rest),
                    _ => (false, rest),
                };
                loop {
                    rest = match rest {
                        [] => break,
                        [b'\\', byte, rest @ ..] => {
                            set[usize::from(*byte)] = true;
                            rest
                        }
                        [b']', after @ ..] => {
                            rest = after;
                            break;
                        }
                        [a, b'-', z, rest @ ..] => {
                            let (a, z) = ((*a as i8).min(*z as i8), (*a as i8).max(*z as i8));
                            for b in 0..=255u8 {
                                let signed = |byte: u8| fold(byte) as i8;
                                set[usize::from(b)] |= (signed(a as u8)..=signed(z as u8)).contains(&signed(b));
                            }
                            rest
                        }
                        [byte, rest @ ..] => {
                            literal(&mut set, *byte);
                            rest
                        }
                    };
                }
                if not {
                    set.iter_mut().for_each(|member| *member = !*member);
                }
                (set, rest)
            }
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
                literal(&mut set, *byte);
                (set, rest)
            }
            [] => (set, &[]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn as_the_model(
            pattern in prop::collection::vec(prop::sample::select(&b"**??[[]]^--\\\\aabbcABz\x80\xff"[..]), 0..10),
            string in prop::collection::vec(prop::sample::select(&b"aabbcAB]-^\\z[\x80\xff"[..]), 1..8),
            nocase in any::<bool>(),
        ) {
            prop_assert_eq!(matches(&pattern, &string, nocase), model(&pattern, &string, nocase));
        }
    }
}
