//! Numbers as text, exactly as Redis reads and writes them.

/// Reads a signed integer as Redis's `string2ll`: decimal digits with an optional `-`, nothing else. No `+`, no spaces, no
/// leading zeros, no `-0`; the whole range of an `i64`. `None` otherwise.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => {
            let magnitude = parse_u64(digits)?;
            if magnitude == 0 {
                return None;
            }
            0i64.checked_sub_unsigned(magnitude)
        }
        _ => i64::try_from(parse_u64(text)?).ok(),
    }
}

/// Reads an unsigned integer by the rules of [`parse_i64`], over the whole range of a `u64`.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] if text.len() <= DECIMAL_LEN_MAX => digits(text),
        _ => None,
    }
}

/// Reads an unsigned integer as Redis's `string2ull`, which it uses for stream IDs and SCAN cursors.
///
/// That takes what [`parse_i64`] takes, if it is not negative, and for anything else asks C's `strtoull`, which also
/// takes leading white space, a sign (a negative number wraps around) and leading zeros.
pub fn parse_u64_lenient(text: &[u8]) -> Option<u64> {
    if let Some(value) = parse_i64(text) {
        return u64::try_from(value).ok();
    }
    let text = &text[text
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r'))
        .count()..];
    match text {
        [b'-', rest @ ..] => digits(rest).map(u64::wrapping_neg),
        [b'+', rest @ ..] => digits(rest),
        _ => digits(text),
    }
}

/// Writes an integer in decimal.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes an unsigned integer in decimal.
#[inline]
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// How many bytes [`write_i64`] writes for a value, 1 to 20.
#[inline]
pub fn decimal_len(value: i64) -> usize {
    let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(value < 0)
}

/// Digits of `u64::MAX`.
const DECIMAL_LEN_MAX: usize = 20;

/// One or more decimal digits, leading zeros allowed.
#[inline]
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn signed_integers() {
        for value in [
            0,
            1,
            -1,
            9,
            10,
            -10,
            1 << 53,
            i64::MAX,
            i64::MAX - 1,
            i64::MIN,
            i64::MIN + 1,
        ] {
            assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
        }
        for text in [
            "",
            "-",
            "+",
            "+1",
            " 1",
            "1 ",
            "01",
            "00",
            "-0",
            "-01",
            "--1",
            "1-",
            "1.0",
            "1e3",
            "0x1",
            "1\0",
            "\0",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999999",
            "100000000000000000000",
            "-100000000000000000000000",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn unsigned_integers() {
        for value in [0, 1, 10, i64::MAX as u64 + 1, u64::MAX] {
            assert_eq!(parse_u64(value.to_string().as_bytes()), Some(value));
            assert_eq!(parse_u64_lenient(value.to_string().as_bytes()), Some(value));
        }
        for text in [
            "",
            "-1",
            "-0",
            "+1",
            "01",
            " 1",
            "1 ",
            "18446744073709551616",
        ] {
            assert_eq!(parse_u64(text.as_bytes()), None, "{text:?}");
        }
        for (text, expected) in [
            ("+1", Some(1)),
            (" \t1", Some(1)),
            ("007", Some(7)),
            ("-0", Some(0)),
            ("-1", None),
            ("-01", Some(u64::MAX)),
            (" -1", Some(u64::MAX)),
            ("1 ", None),
            ("", None),
            ("-", None),
            ("+-1", None),
            ("18446744073709551616", None),
            ("00000000000000000000000000000001", Some(1)),
        ] {
            assert_eq!(parse_u64_lenient(text.as_bytes()), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn integers_come_back(value in any::<i64>(), shift in 0u32..64) {
            let value = value >> shift;
            let mut out = b"x".to_vec();
            write_i64(&mut out, value);
            prop_assert_eq!(parse_i64(&out[1..]), Some(value));
            prop_assert_eq!(decimal_len(value), out.len() - 1);
        }
    }

    #[test]
    fn lengths() {
        for (value, len) in [
            (0, 1),
            (9, 1),
            (10, 2),
            (-1, 2),
            (-10, 3),
            (i64::MAX, 19),
            (i64::MIN, 20),
        ] {
            assert_eq!(decimal_len(value), len, "{value}");
        }
    }
}
