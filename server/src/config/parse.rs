//! The syntax of redis.conf lines: splitting into words with quotes and escapes, quoting again, and file name patterns.

use curfew_protocol::request::split_words;

/// Splits a line into words as Redis's configuration files and inline requests do: words are separated by white space;
/// `"..."` knows `\n \r \t \b \a`, `\xHH` and `\` before any other character for that character; `'...'` knows `\'` only;
/// a closing quote must be followed by white space or the end. `None` when the quotes do not match up.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    // The splitter of inline requests unquotes in place.
    let (mut line, mut ranges) = (line.to_vec(), Vec::new());
    let balanced = split_words(&mut line, |start, len| ranges.push(start..start + len));
    balanced.then(|| ranges.into_iter().map(|range| line[range].to_vec()).collect())
}

/// A value between double quotes such that [`split_args`] reads it back as it was; bytes that do not print are `\xHH`.
pub fn quote(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 2);
    out.push(b'"');
    for &byte in value {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    out.push(b'"');
    out
}

/// Whether `text` matches a glob pattern (`*`, `?`, `[a-z]`, `[^x]`, `\` before a literal). CONFIG GET ignores (ASCII)
/// case, file names do not. Time is at most the product of both lengths.
pub fn glob_matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on after a mismatch: behind the last star, with one more byte of the text given to the star.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            p += 1;
            retry = Some((p, t));
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        if let Some(next) = match_one(pattern, p, text[t], case) {
            p = next;
            t += 1;
            continue;
        }
        match &mut retry {
            Some((after_star, taken)) => {
                *taken += 1;
                (p, t) = (*after_star, *taken);
            }
            None => return false,
        }
    }
}

/// Whether upper and lower case differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// They do.
    Exact,
    /// They do not.
    Ignored,
}

impl Case {
    fn fold(self, byte: u8) -> u8 {
        match self {
            Case::Exact => byte,
            Case::Ignored => byte.to_ascii_lowercase(),
        }
    }
}

/// Whether a name is a pattern rather than a plain name: Redis looks for these three characters.
pub fn is_pattern(name: &[u8]) -> bool {
    name.iter().any(|b| b"[*?".contains(b))
}

/// Strips blanks, tabs and line ends from both ends of a line.
pub fn trim(line: &[u8]) -> &[u8] {
    let blank = |b: &u8| b" \t\r\n".contains(b);
    let start = line.iter().position(|b| !blank(b)).unwrap_or(line.len());
    let end = line.iter().rposition(|b| !blank(b)).map_or(start, |i| i + 1);
    &line[start..end]
}

/// Matches one byte against the pattern element at `p` (which is not a star); the place behind the element if it does.
fn match_one(pattern: &[u8], mut p: usize, byte: u8, case: Case) -> Option<usize> {
    let byte = case.fold(byte);
    match *pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' => {
            p += 1;
            let negated = pattern.get(p) == Some(&b'^');
            if negated {
                p += 1;
            }
            let mut found = false;
            loop {
                match (pattern.get(p), pattern.get(p + 1), pattern.get(p + 2)) {
                    // A class that is never closed ends with the pattern, as in Redis.
                    (None, ..) => break,
                    (Some(b']'), ..) => {
                        p += 1;
                        break;
                    }
                    (Some(b'\\'), Some(literal), _) => {
                        found |= case.fold(*literal) == byte;
                        p += 2;
                    }
                    (Some(from), Some(b'-'), Some(to)) => {
                        let (from, to) = (case.fold(*from), case.fold(*to));
                        found |= (from.min(to)..=from.max(to)).contains(&byte);
                        p += 3;
                    }
                    (Some(literal), ..) => {
                        found |= case.fold(*literal) == byte;
                        p += 1;
                    }
                }
            }
            (found != negated).then_some(p)
        }
        b'\\' if p + 1 < pattern.len() => (case.fold(pattern[p + 1]) == byte).then_some(p + 2),
        literal => (case.fold(literal) == byte).then_some(p + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words() {
        let cases: &[(&str, Option<&[&[u8]]>)] = &[
            ("", Some(&[])),
            ("  \t ", Some(&[])),
            ("port 6379", Some(&[b"port", b"6379"])),
            ("  a\tb  c ", Some(&[b"a", b"b", b"c"])),
            (r#"a "b c" 'd e'"#, Some(&[b"a", b"b c", b"d e"])),
            (r#""\x41\x4a\n\t\r\a\b\q\"\\""#, Some(&[b"AJ\n\t\r\x07\x08q\"\\"])),
            (r#""\x4g""#, Some(&[b"x4g"])),
            (r"'\n\''", Some(&[br"\n'"])),
            (r#"a "" '' b"#, Some(&[b"a", b"", b"", b"b"])),
            (r#"pre"quoted" x"#, Some(&[b"prequoted", b"x"])),
            (r#""abc"x y"#, None),
            ("'abc'x", None),
            ("\"abc", None),
            ("'abc", None),
            (r#""abc\"#, None),
            (r#""abc\""#, None),
            (r"a\ b", Some(&[br"a\", b"b"])),
        ];
        for (line, expected) in cases {
            let expected = expected.map(|words| words.iter().map(|w| w.to_vec()).collect::<Vec<_>>());
            assert_eq!(split_args(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn quoting() {
        assert_eq!(quote(b"a \"b\"\\\n\x01\xff"), br#""a \"b\"\\\n\x01\xff""#);
    }

    #[test]
    fn globs() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("max*", "MAXMEMORY", true),
            ("*memory*", "maxmemory-samples", true),
            ("*time-limit", "lua-time-limit", true),
            ("*x", "lua-time-limit", false),
            ("h?", "hz", true),
            ("h?", "h", false),
            ("[a-h]z", "hz", true),
            ("[^a-h]z", "hz", false),
            ("[H]z", "hz", true),
            ("[h", "h", true),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(glob_matches(pattern.as_bytes(), text.as_bytes(), Case::Ignored), matches, "{pattern} {text}");
        }
        assert!(!glob_matches(b"*.conf", b"A.CONF", Case::Exact));
        assert!(!glob_matches(b"[a-c]", b"B", Case::Exact));
        assert!(glob_matches(b"[a-c]", b"b", Case::Exact));
    }

    proptest! {
        #[test]
        fn quoting_reads_back(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..4)) {
            let line = values.iter().map(|v| quote(v)).collect::<Vec<_>>().join(&b' ');
            prop_assert_eq!(split_args(&line), Some(values));
        }

        #[test]
        fn nothing_panics(line in proptest::collection::vec(any::<u8>(), 0..60), text in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ = split_args(&line);
            let _ = glob_matches(&line, &text, Case::Exact);
            let _ = trim(&line);
        }
    }
}
