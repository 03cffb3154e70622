//! Numbers as C reads and writes them: `strtod`, `%.14g`, and casts that do not saturate.
//!
//! Plain decimals of up to 15 digits, which are nearly all that scripts have to do with, are read and written by a short
//! way: an integer of so many digits is exact as a double, so is a power of ten up to 10^22, and a division of two exact
//! numbers rounds to the double nearest to the quotient, which is what reading it has to answer.

use std::fmt::Write;

const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Digits that the short way reads.
const PLAIN_DIGITS_MAX: usize = 15;

/// Digits behind the point that the short way writes. Trying each costs those that have more.
const PLAIN_FRACTION_MAX: usize = 6;

/// Reads a number at the start of `text` as C's `strtod` does in the C locale, but for leading white space: decimal,
/// hexadecimal, `inf`, `infinity`, `nan` and `nan(...)`, with a sign. Returns it and the bytes used, or nothing.
pub fn strtod(text: &[u8]) -> Option<(f64, usize)> {
    if let Some(plain) = plain_decimal(text) {
        return Some(plain);
    }
    let at = |i: usize| text.get(i).copied().unwrap_or(0);
    let negative = at(0) == b'-';
    let start = usize::from(negative || at(0) == b'+');
    let (value, end) = match at(start) {
        b'i' | b'I' | b'n' | b'N' => word(text, start)?,
        b'0' if at(start + 1) | 0x20 == b'x'
            && (at(start + 2).is_ascii_hexdigit() || (at(start + 2) == b'.' && at(start + 3).is_ascii_hexdigit())) =>
        {
            hexadecimal(text, start + 2)
        }
        _ => decimal(text, start)?,
    };
    Some((if negative { -value } else { value }, end))
}

/// Appends `n` as C's `%.{precision}g` does. `precision` is 1 to 14.
pub fn write(out: &mut Vec<u8>, n: f64, precision: usize) {
    if n.is_nan() || n.is_infinite() {
        if n.is_sign_negative() {
            out.push(b'-');
        }
        out.extend_from_slice(if n.is_nan() { b"nan" } else { b"inf" });
        return;
    }
    // Below 10^14 nothing is lost by the cast.
    let limit = POWERS[precision.min(14)];
    if n.abs() < limit && n as i64 as f64 == n && (n != 0.0 || n.is_sign_positive()) {
        out.extend_from_slice(itoa::Buffer::new().format(n as i64).as_bytes());
        return;
    }
    if n.is_sign_negative() {
        out.push(b'-');
    }
    if write_plain(out, n.abs(), limit) {
        return;
    }
    let mut text = Short { bytes: [0; 32], len: 0 };
    // Cannot fail: 14 digits, a point, and an exponent of at most four bytes fit.
    let _ = write!(text, "{:.*e}", precision - 1, n.abs());
    write_digits(out, &text.bytes[..text.len], precision);
}

/// Casts as x86-64 does, and so as the C libraries do: what does not fit becomes the smallest integer.
pub fn to_i64(n: f64) -> i64 {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&n) { n as i64 } else { i64::MIN }
}

/// See [`to_i64`].
pub fn to_i32(n: f64) -> i32 {
    if n > -2_147_483_649.0 && n < 2_147_483_648.0 { n as i32 } else { i32::MIN }
}

/// See [`to_i64`]; from 2^63 up, compilers cast the difference and set the top bit.
pub fn to_u64(n: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if n >= HALF { to_i64(n - HALF) as u64 ^ (1 << 63) } else { to_i64(n) as u64 }
}

/// The bytes before the first NUL: what C sees of a string.
pub fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or(bytes)
}

/// Appends a positive number if it has but a few digits behind the point, and fewer than `limit` has in all.
///
/// With `m / 10^k` rounding to `n`, `n` differs from that decimal by half a bit in the last place at most, and is so
/// much nearer to it than to any other of 14 digits that rounding the exact value of `n` to 14 digits gives it, too.
fn write_plain(out: &mut Vec<u8>, n: f64, limit: f64) -> bool {
    // Smaller ones have an exponent.
    if n < 1e-4 {
        return false;
    }
    for (digits, power) in POWERS.iter().enumerate().take(PLAIN_FRACTION_MAX + 1).skip(1) {
        let scaled = n * power;
        if scaled >= limit {
            return false;
        }
        let rounded = (scaled + 0.5) as i64;
        if rounded as f64 / power != n {
            continue;
        }
        if rounded as f64 >= limit {
            return false;
        }
        let power = *power as i64;
        out.extend_from_slice(itoa::Buffer::new().format(rounded / power).as_bytes());
        let mut fraction = [b'0'; PLAIN_FRACTION_MAX];
        let mut left = rounded % power;
        for to in fraction[..digits].iter_mut().rev() {
            *to = b'0' + (left % 10) as u8;
            left /= 10;
        }
        out.push(b'.');
        out.extend_from_slice(&fraction[..digits]);
        return true;
    }
    false
}

/// Reads a number of at most [`PLAIN_DIGITS_MAX`] digits with or without a point, and no exponent. None: look closer.
#[inline]
fn plain_decimal(text: &[u8]) -> Option<(f64, usize)> {
    let negative = text.first() == Some(&b'-');
    let start = usize::from(negative);
    let mut mantissa: u64 = 0;
    let mut end = start;
    // One byte more than there may be digits: so a number that has too many is seen.
    let mut digits = |mut at: usize| {
        let last = at + PLAIN_DIGITS_MAX + 1;
        while at < last
            && let Some(digit) = text.get(at).map(|b| b.wrapping_sub(b'0')).filter(|&d| d < 10)
        {
            mantissa = mantissa * 10 + u64::from(digit);
            at += 1;
        }
        at
    };
    end = digits(end);
    let whole = end - start;
    let mut fraction = 0;
    if whole == 0 || whole > PLAIN_DIGITS_MAX {
        return None;
    }
    if text.get(end) == Some(&b'.') {
        let after = digits(end + 1);
        fraction = after - end - 1;
        end = after;
        if fraction == 0 || whole + fraction > PLAIN_DIGITS_MAX {
            return None;
        }
    }
    if text.get(end).is_some_and(|b| matches!(b | 0x20, b'e' | b'x')) {
        return None;
    }
    let value = if fraction == 0 { mantissa as f64 } else { mantissa as f64 / POWERS[fraction] };
    Some((if negative { -value } else { value }, end))
}

/// Lays out digits given as `d.ddde-x` the way `%g` does.
fn write_digits(out: &mut Vec<u8>, text: &[u8], precision: usize) {
    let e = text.iter().position(|&b| b == b'e').unwrap_or(text.len());
    let exponent: i32 =
        text.get(e + 1..).and_then(|x| str::from_utf8(x).ok()).and_then(|x| x.parse().ok()).unwrap_or(0);
    let mut digits = [0u8; 16];
    let mut count = 0;
    for &b in text[..e].iter().filter(|b| b.is_ascii_digit()).take(16) {
        digits[count] = b;
        count += 1;
    }
    while count > 1 && digits[count - 1] == b'0' {
        count -= 1;
    }
    let digits = &digits[..count];
    if exponent < -4 || exponent >= precision as i32 {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.unsigned_abs() < 10 {
            out.push(b'0');
        }
        out.extend_from_slice(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', exponent.unsigned_abs() as usize - 1));
        out.extend_from_slice(digits);
    } else {
        let whole = exponent as usize + 1;
        if count <= whole {
            out.extend_from_slice(digits);
            out.extend(std::iter::repeat_n(b'0', whole - count));
        } else {
            out.extend_from_slice(&digits[..whole]);
            out.push(b'.');
            out.extend_from_slice(&digits[whole..]);
        }
    }
}

fn word(text: &[u8], start: usize) -> Option<(f64, usize)> {
    let has = |word: &[u8]| text.get(start..start + word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word));
    if has(b"infinity") {
        Some((f64::INFINITY, start + 8))
    } else if has(b"inf") {
        Some((f64::INFINITY, start + 3))
    } else if has(b"nan") {
        let mut end = start + 3;
        if text.get(end) == Some(&b'(') {
            let inside = text[end + 1..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
            if text.get(end + 1 + inside) == Some(&b')') {
                end += inside + 2;
            }
        }
        Some((f64::NAN.copysign(1.0), end))
    } else {
        None
    }
}

fn decimal(text: &[u8], start: usize) -> Option<(f64, usize)> {
    let run = |from: usize| text.get(from..).map_or(0, |t| t.iter().take_while(|b| b.is_ascii_digit()).count());
    let whole = run(start);
    let mut end = start + whole;
    let mut digits = whole;
    if text.get(end) == Some(&b'.') {
        let fraction = run(end + 1);
        digits += fraction;
        if digits > 0 {
            end += 1 + fraction;
        }
    }
    if digits == 0 {
        return None;
    }
    end = exponent_end(text, end, b'e');
    let value = str::from_utf8(&text[start..end]).ok()?.parse().ok()?;
    Some((value, end))
}

/// Where the exponent that starts at `at` ends, or `at` if there is none.
fn exponent_end(text: &[u8], at: usize, letter: u8) -> usize {
    if text.get(at).map(|b| b | 0x20) != Some(letter) {
        return at;
    }
    let digits = at + 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
    let count = text.get(digits..).map_or(0, |t| t.iter().take_while(|b| b.is_ascii_digit()).count());
    if count == 0 { at } else { digits + count }
}

/// Digits after `0x`, of which there is at least one.
fn hexadecimal(text: &[u8], start: usize) -> (f64, usize) {
    let mut mantissa: u64 = 0;
    let mut exponent: i64 = 0;
    let mut end = start;
    let mut point = false;
    while let Some(&b) = text.get(end) {
        if b == b'.' && !point {
            point = true;
        } else if let Some(digit) = char::from(b).to_digit(16) {
            if mantissa >> 60 == 0 {
                mantissa = mantissa << 4 | u64::from(digit);
                exponent -= if point { 4 } else { 0 };
            } else {
                // Digits past the 60th bit only matter to rounding: keep that there was one.
                mantissa |= u64::from(digit != 0);
                exponent += if point { 0 } else { 4 };
            }
        } else {
            break;
        }
        end += 1;
    }
    let after = exponent_end(text, end, b'p');
    if after > end {
        let written = str::from_utf8(&text[end + 1..after]).ok().and_then(|t| t.parse::<i64>().ok());
        let negative = text.get(end + 1) == Some(&b'-');
        exponent = exponent.saturating_add(written.unwrap_or(if negative { -1 << 40 } else { 1 << 40 }));
    }
    (scale(mantissa as f64, exponent), after)
}

fn scale(mut value: f64, exponent: i64) -> f64 {
    let mut left = exponent.clamp(-100_000_000, 100_000_000);
    while left != 0 && value != 0.0 && value.is_finite() {
        let step = left.clamp(-1000, 1000);
        value *= 2f64.powi(step as i32);
        left -= step;
    }
    value
}

struct Short {
    bytes: [u8; 32],
    len: usize,
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let to = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(std::fmt::Error)?;
        to.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_as_printf_does() {
        for (n, precision, text) in [
            (0.0, 14, "0"),
            (-0.0, 14, "-0"),
            (1e14, 14, "1e+14"),
            (99999999999999.0, 14, "99999999999999"),
            (0.1, 14, "0.1"),
            (1.0 / 3.0, 14, "0.33333333333333"),
            (1.0 / 3.0, 3, "0.333"),
            (123456.0, 3, "1.23e+05"),
            (0.0001, 14, "0.0001"),
            (0.00001, 14, "1e-05"),
            (f64::MAX, 14, "1.7976931348623e+308"),
            (5e-324, 14, "4.9406564584125e-324"),
            (100.5, 14, "100.5"),
            (9.5, 1, "1e+01"),
            (0.5, 1, "0.5"),
            (f64::NEG_INFINITY, 14, "-inf"),
            (12.5, 14, "12.5"),
            (-0.25, 14, "-0.25"),
            (0.0625, 14, "0.0625"),
            (1.05, 2, "1.1"),
            (1.25, 3, "1.25"),
            (99.95, 3, "100"),
            (1234567.000001, 14, "1234567.000001"),
            (12345678.0000001, 14, "12345678"),
            (123456789.000001, 14, "123456789"),
            (0.1 + 0.2, 14, "0.3"),
            (4.35, 14, "4.35"),
        ] {
            let mut out = Vec::new();
            write(&mut out, n, precision);
            assert_eq!(String::from_utf8(out).unwrap(), text, "{n} {precision}");
        }
    }

    #[test]
    fn reads_as_strtod_does() {
        for (text, value, used) in [
            ("12x", 12.0, 2),
            ("-1.5e3,", -1500.0, 6),
            ("1e", 1.0, 1),
            ("1e+", 1.0, 1),
            ("1.", 1.0, 2),
            (".5", 0.5, 2),
            ("0x", 0.0, 1),
            ("0x1.8p3", 12.0, 7),
            ("0x.8", 0.5, 4),
            ("0xfffffffffffffffff", 295147905179352825855.0, 19),
            ("INFINITYx", f64::INFINITY, 8),
            ("infinit", f64::INFINITY, 3),
            ("1e999999999999999999999", f64::INFINITY, 23),
            ("123456789012345", 123456789012345.0, 15),
            ("1234567890123456", 1234567890123456.0, 16),
            ("12345678901234567890", 12345678901234567890.0, 20),
            ("12345678.9012345,", 12345678.9012345, 16),
            ("12345678.90123456", 12345678.90123456, 17),
            ("0.30000000000000004", 0.30000000000000004, 19),
            ("1.5E2]", 150.0, 5),
            ("-0.0", 0.0, 4),
        ] {
            assert_eq!(strtod(text.as_bytes()), Some((value, used)), "{text}");
        }
        assert_eq!(strtod(b"nan(a1_)x").map(|(_, used)| used), Some(8));
        assert_eq!(strtod(b"nan(a").map(|(_, used)| used), Some(3));
        for text in ["", "-", "+.", ".", "e5", "x", "i", "na"] {
            assert_eq!(strtod(text.as_bytes()), None, "{text}");
        }
    }

    /// The short ways answer what the long ones do, on decimals of every number of digits and on neighbours of them.
    #[test]
    fn short_ways_make_no_difference() {
        let mut random = 1u64;
        for round in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let integer = random >> 14 >> (round % 47);
            let decimal = integer as f64 / POWERS[round % 13];
            let n = f64::from_bits(decimal.to_bits() + (round / 47 % 3) as u64);
            for precision in [14, 1 + round % 14] {
                let (mut short, mut long) = (Vec::new(), Vec::new());
                write(&mut short, n, precision);
                let digits = format!("{:.*e}", precision - 1, n);
                write_digits(&mut long, digits.as_bytes(), precision);
                assert_eq!(str::from_utf8(&short), str::from_utf8(&long), "{n} {precision}");
            }
            let text = format!("{n}");
            assert_eq!(strtod(text.as_bytes()).map(|(n, used)| (n.to_bits(), used)), Some((n.to_bits(), text.len())));
        }
    }

    #[test]
    fn casts_do_not_saturate() {
        assert_eq!(to_i64(1e300), i64::MIN);
        assert_eq!(to_i64(-1.9), -1);
        assert_eq!(to_i32(2147483648.0), i32::MIN);
        assert_eq!(to_i32(-2147483648.9), i32::MIN);
        assert_eq!(to_u64(9_223_372_036_854_775_808.0), 1 << 63);
        assert_eq!(to_u64(f64::INFINITY), 0);
        assert_eq!(to_u64(f64::NAN), 1 << 63);
    }
}
