//! The syntax of redis.conf lines: splitting into words with quotes and escapes, quoting again.

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

    proptest! {
        #[test]
        fn quoting_reads_back(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..4)) {
            let line = values.iter().map(|v| quote(v)).collect::<Vec<_>>().join(&b' ');
            prop_assert_eq!(split_args(&line), Some(values));
        }

        #[test]
        fn nothing_panics(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = split_args(&line);
            let _ = trim(&line);
        }
    }
}
