//! Numbers as text, exactly as Redis reads and writes them.
//!
//! Doubles are written by Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers",
//! 2010), as in Redis since 7.2. It always gives digits that read back as the same double, but in about one case of a
//! thousand not the fewest or not the closest, so that a perfect algorithm would now and then differ from Redis by a
//! digit. Which those cases are depends on the power of ten chosen for scaling, so the choice is made as Redis makes it.

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
    let text = &text[text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count()..];
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

/// Reads a double as Redis's `getDoubleFromObject`, that is as C's `strtod` over the whole text.
///
/// Takes decimals with an optional sign, dot and exponent, hexadecimal floats (`0x1.8p3`), and `inf` or `infinity` in any case.
/// Refuses `nan`, white space, what overflows, and what is not zero but rounds to it. Rounds correctly. Linear in the length,
/// which is not limited.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let (negative, number) = scan(text)?;
    let magnitude = match number {
        Number::Infinite => f64::INFINITY,
        Number::Decimal { integer, fraction, .. } => {
            let value: f64 = str::from_utf8(text).ok()?.parse().ok()?;
            let zero = integer.iter().chain(fraction).all(|&digit| digit == b'0');
            if value.is_infinite() || (value == 0.0 && !zero) {
                return None;
            }
            value.abs()
        }
        Number::Hex { mantissa: 0, .. } => 0.0,
        Number::Hex { mantissa, exponent, sticky } => {
            let (mantissa, exponent) = round_binary(mantissa, exponent, sticky, 53, -1074);
            if mantissa == 0 || exponent > 971 {
                return None;
            }
            // A mantissa without the hidden bit is that of a subnormal, whose exponent field is zero.
            let field = if mantissa >> 52 == 0 { 0 } else { (exponent + 1075) as u64 };
            f64::from_bits(field << 52 | mantissa & ((1 << 52) - 1))
        }
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Writes a double as Redis's `d2string`: scores, RESP3 doubles and the rest, in RESP2 and RESP3 alike.
///
/// Integers up to 2^62 in size have all their digits. Others are written in full if that takes no more than seven zeros
/// at the end or some six behind the dot, and as `1.5e-7` or `1e+20` otherwise. Also `inf`, `-inf`, `nan` and `-0`. (A sorted set
/// in listpack encoding keeps -0 as the integer 0; that is not the concern of this function.)
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    const INTEGER_MAX: f64 = (1u64 << 62) as f64;
    if value.is_nan() {
        out.extend_from_slice(b"nan");
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let value = value.abs();
    if value.is_infinite() {
        out.extend_from_slice(b"inf");
    } else if value <= INTEGER_MAX && value.trunc() == value {
        write_u64(out, value as u64);
    } else {
        write_shortest(out, value);
    }
}

/// A number's text without its sign, taken apart.
pub(crate) enum Number<'a> {
    Infinite,
    /// The digits before and behind the dot (not both empty), and the power of ten, held to within +-2^40.
    Decimal {
        integer: &'a [u8],
        fraction: &'a [u8],
        exponent: i64,
    },
    /// `mantissa * 2^exponent`, or a little more if `sticky`; then the mantissa has more than 124 bits.
    Hex {
        mantissa: u128,
        exponent: i64,
        sticky: bool,
    },
}

/// Takes apart all that `strtod` and `strtold` accept, but for leading spaces and `nan`. The flag says that there is a minus.
pub(crate) fn scan(text: &[u8]) -> Option<(bool, Number<'_>)> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let number = match text {
        [b'0', b'x' | b'X', rest @ ..] => scan_hex(rest)?,
        [b'i' | b'I', ..] if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") => {
            Number::Infinite
        }
        _ => {
            let (integer, fraction, rest) = split_mantissa(text, u8::is_ascii_digit)?;
            let exponent = scan_exponent(rest, b'e')?;
            Number::Decimal { integer, fraction, exponent }
        }
    };
    Some((negative, number))
}

/// Rounds `mantissa * 2^exponent` (a little more if `sticky`, which needs a mantissa wider than `bits`) to `bits` bits, or fewer
/// so that the exponent is not below `exponent_min`; ties to even. Gives mantissa and exponent; the mantissa has exactly `bits`
/// bits, or the exponent is `exponent_min`, or the mantissa was zero. Does not check for overflow.
pub(crate) fn round_binary(mantissa: u128, exponent: i64, sticky: bool, bits: u32, exponent_min: i64) -> (u64, i64) {
    let width = u128::BITS - mantissa.leading_zeros();
    let mut target = (exponent + i64::from(width) - i64::from(bits)).max(exponent_min);
    let shift = target - exponent;
    if mantissa == 0 || shift > 128 {
        return (0, exponent_min);
    }
    if shift <= 0 {
        return ((mantissa << -shift) as u64, target);
    }
    let half = 1u128 << (shift - 1);
    let mut rounded = mantissa.checked_shr(shift as u32).unwrap_or(0);
    let below = mantissa & (half - 1) != 0 || sticky;
    if mantissa & half != 0 && (below || rounded & 1 == 1) {
        rounded += 1;
        if rounded >> bits != 0 {
            rounded >>= 1;
            target += 1;
        }
    }
    (rounded as u64, target)
}

/// Splits digits, a dot and more digits from what follows. `None` if there is no digit.
fn split_mantissa(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(&[u8], &[u8], &[u8])> {
    let run = |text: &[u8]| text.iter().take_while(|byte| is_digit(byte)).count();
    let (integer, rest) = text.split_at(run(text));
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => rest.split_at(run(rest)),
        _ => (&rest[..0], rest),
    };
    (!integer.is_empty() || !fraction.is_empty()).then_some((integer, fraction, rest))
}

/// Reads an exponent with its letter up to the end of the text; no text is 0.
fn scan_exponent(text: &[u8], letter: u8) -> Option<i64> {
    const LIMIT: i64 = 1 << 40;
    let [first, rest @ ..] = text else {
        return Some(0);
    };
    if first.to_ascii_lowercase() != letter {
        return None;
    }
    let (negative, digits) = match rest {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0i64, |size, digit| (size * 10 + i64::from(digit - b'0')).min(LIMIT));
    Some(if negative { -size } else { size })
}

fn scan_hex(text: &[u8]) -> Option<Number<'_>> {
    let (integer, fraction, rest) = split_mantissa(text, u8::is_ascii_hexdigit)?;
    let mut exponent = scan_exponent(rest, b'p')? - 4 * fraction.len() as i64;
    let (mut mantissa, mut sticky) = (0u128, false);
    for &digit in integer.iter().chain(fraction) {
        let digit = (digit as char).to_digit(16)?;
        if mantissa >> 124 == 0 {
            mantissa = mantissa << 4 | u128::from(digit);
        } else {
            exponent += 4;
            sticky |= digit != 0;
        }
    }
    Some(Number::Hex { mantissa, exponent, sticky })
}

/// Digits of `u64::MAX`.
const DECIMAL_LEN_MAX: usize = 20;

/// One or more decimal digits, leading zeros allowed.
#[inline]
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    // On the path of every command with a number: up to eight digits at once, as one word.
    if text.len() <= 8 {
        let mut bytes = [b'0'; 8];
        bytes[8 - text.len()..].copy_from_slice(text);
        return eight_digits(bytes);
    }
    text.iter().try_fold(0u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The number that eight decimal digits are, the first being the highest. Pairs, then fours, then all eight are joined.
#[inline]
fn eight_digits(bytes: [u8; 8]) -> Option<u64> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(bytes);
    // A byte is a digit if neither subtracting '0' borrows into its top bit nor adding 0x46 to it carries there.
    let below = word.wrapping_sub(0x3030_3030_3030_3030);
    if (below | word.wrapping_add(0x4646_4646_4646_4646) | word) & HIGH != 0 {
        return None;
    }
    let pairs = below.wrapping_mul(10).wrapping_add(below >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

/// Writes a positive finite double, as digits with or without an exponent.
fn write_shortest(out: &mut Vec<u8>, value: f64) {
    let mut buffer = [0; 18];
    let (count, power) = grisu2(value, &mut buffer);
    let digits = &buffer[..count];
    // The exponent of the first digit.
    let exponent = power + count as i32 - 1;
    if power >= 0 && exponent < count as i32 + 7 {
        out.extend_from_slice(digits);
        out.resize(out.len() + power as usize, b'0');
    } else if power < 0 && (power > -7 || exponent.abs() < 4) {
        let behind = power.unsigned_abs() as usize;
        if let Some(before) = count.checked_sub(behind).filter(|&before| before > 0) {
            out.extend_from_slice(&digits[..before]);
            out.push(b'.');
            out.extend_from_slice(&digits[before..]);
        } else {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + behind - count, b'0');
            out.extend_from_slice(digits);
        }
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        write_u64(out, u64::from(exponent.unsigned_abs()));
    }
}

/// `fraction * 2^exponent`.
#[derive(Clone, Copy)]
struct Scaled {
    fraction: u64,
    exponent: i32,
}

impl Scaled {
    fn normalized(self) -> Scaled {
        let shift = self.fraction.leading_zeros();
        Scaled { fraction: self.fraction << shift, exponent: self.exponent - shift as i32 }
    }

    /// The product, rounded to 64 bits, half up.
    fn times(self, other: Scaled) -> Scaled {
        let product = u128::from(self.fraction) * u128::from(other.fraction) + (1 << 63);
        Scaled { fraction: (product >> 64) as u64, exponent: self.exponent + other.exponent + 64 }
    }
}

/// Digits, their number, and the power of ten of the last one, for a positive finite double.
fn grisu2(value: f64, digits: &mut [u8; 18]) -> (usize, i32) {
    const HIDDEN: u64 = 1 << 52;
    let bits = value.to_bits();
    let (fraction, exponent) = match (bits & (HIDDEN - 1), (bits >> 52) as i32) {
        (fraction, 0) => (fraction, -1074),
        (fraction, field) => (fraction | HIDDEN, field - 1075),
    };
    // Half-way to the neighbours; the lower one is nearer at a power of two.
    let upper = Scaled { fraction: 2 * fraction + 1, exponent: exponent - 1 }.normalized();
    let near = if fraction == HIDDEN { 2 } else { 1 };
    let lower = (fraction << near) - 1;
    let lower = Scaled { fraction: lower << (exponent - near - upper.exponent), exponent: upper.exponent };
    let middle = Scaled { fraction, exponent }.normalized();

    let (scale, power) = power_of_ten(upper.exponent);
    let (upper, lower, middle) = (upper.times(scale), lower.times(scale), middle.times(scale));
    // One unit inwards on either side, for what the products may be off.
    let high = upper.fraction - 1;
    let (count, kappa) = generate(high, high - (lower.fraction + 1), high - middle.fraction, -upper.exponent, digits);
    (count, kappa - power)
}

/// Cuts digits off `high`, a fixed-point number with `point` bits behind the point (32 to 60), until what is left is within
/// `delta` of it, then lowers the last digit towards the number itself, which is `distance` below. Gives the number of
/// digits and the power of ten of the last.
fn generate(high: u64, mut delta: u64, mut distance: u64, point: i32, digits: &mut [u8; 18]) -> (usize, i32) {
    let one = 1u64 << point;
    let mut integer = high >> point;
    let mut fraction = high & (one - 1);
    let mut count = 0;
    let mut push = |digit: u64| {
        if digit != 0 || count != 0 {
            digits[count] = b'0' + digit as u8;
            count += 1;
        }
        count
    };
    let mut kappa = 10;
    while kappa > 0 {
        kappa -= 1;
        let unit = 10u64.pow(kappa as u32);
        let written = push(integer / unit);
        integer %= unit;
        let rest = (integer << point) + fraction;
        if rest <= delta {
            approach(&mut digits[..written], delta, rest, unit << point, distance);
            return (written, kappa);
        }
    }
    loop {
        fraction *= 10;
        delta = delta.wrapping_mul(10);
        distance = distance.wrapping_mul(10);
        kappa -= 1;
        let written = push(fraction >> point);
        fraction &= one - 1;
        // All 18 places are never needed: 17 digits always tell a double from its neighbours.
        if fraction < delta || written == 18 {
            approach(&mut digits[..written], delta, fraction, one, distance);
            return (written, kappa);
        }
    }
}

/// Lowers the last digit while that comes closer to the number and stays within `delta`.
fn approach(digits: &mut [u8], delta: u64, mut rest: u64, unit: u64, distance: u64) {
    let Some(last) = digits.last_mut() else {
        return;
    };
    while rest < distance
        && delta - rest >= unit
        && (rest + unit < distance || distance - rest > rest + unit - distance)
    {
        *last -= 1;
        rest += unit;
    }
}

/// The power of ten that brings a number with this binary exponent into the range that [`generate`] needs, and its exponent.
fn power_of_ten(exponent: i32) -> (Scaled, i32) {
    // Two of the powers may do. Which is taken is part of the result, hence the same estimate as in Redis.
    let estimate = (-f64::from(exponent + POWERS.len() as i32) * std::f64::consts::LOG10_2) as i32;
    let mut index = (estimate - POWER_FIRST) / POWER_STEP;
    loop {
        let power = POWER_FIRST + index * POWER_STEP;
        // floor(power * log2(10)), exact in this range.
        let scale = Scaled { fraction: POWERS[index as usize], exponent: ((power * 217_706) >> 16) - 63 };
        match exponent + scale.exponent + 64 {
            ..-60 => index += 1,
            -31.. => index -= 1,
            _ => return (scale, power),
        }
    }
}

const POWER_FIRST: i32 = -348;
const POWER_STEP: i32 = 8;

/// 10^-348, 10^-340 ... 10^340, the leading 64 bits of each, rounded to nearest.
#[rustfmt::skip]
static POWERS: [u64; 87] = [
    0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea, 0x9a6bb0aa55653b2d,
    0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f, 0xbe5691ef416bd60c, 0x8dd01fad907ffc3c,
    0xd3515c2831559a83, 0x9d71ac8fada6c9b5, 0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57,
    0xc21094364dfb5637, 0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
    0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996, 0xdbac6c247d62a584,
    0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8, 0x87625f056c7c4a8b, 0xc9bcff6034c13053,
    0x964e858c91ba2655, 0xdff9772470297ebd, 0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf,
    0x8a08f0f8bf0f156b, 0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
    0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c, 0x9c40000000000000,
    0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984, 0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70,
    0xd5d238a4abe98068, 0x9f4f2726179a2245, 0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db,
    0xc45d1df942711d9a, 0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
    0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3, 0xde469fbd99a05fe3,
    0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece, 0x88fcf317f22241e2, 0xcc20ce9bd35c78a5,
    0x98165af37b2153df, 0xe2a0b5dc971f303a, 0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410,
    0x8bab8eefb6409c1a, 0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
    0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841, 0x9e19db92b4e31ba9,
    0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn up_to_eight_digits_at_once() {
        for byte in 0..=255u8 {
            for at in 0..8 {
                let mut text = *b"12345678";
                text[at] = byte;
                let expected = text
                    .iter()
                    .all(u8::is_ascii_digit)
                    .then(|| text.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')));
                assert_eq!(digits(&text), expected, "{text:?}");
            }
        }
        for number in [0u64, 7, 10, 99, 100, 12_345, 999_999, 1_000_000, 99_999_999, 100_000_000] {
            assert_eq!(digits(number.to_string().as_bytes()), Some(number));
        }
    }

    #[test]
    fn signed_integers() {
        for value in [0, 1, -1, 9, 10, -10, 1 << 53, i64::MAX, i64::MAX - 1, i64::MIN, i64::MIN + 1] {
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
        for text in ["", "-1", "-0", "+1", "01", " 1", "1 ", "18446744073709551616"] {
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
        for (value, len) in [(0, 1), (9, 1), (10, 2), (-1, 2), (-10, 3), (i64::MAX, 19), (i64::MIN, 20)] {
            assert_eq!(decimal_len(value), len, "{value}");
        }
    }

    /// What Redis 8.0.6 has for a score after ZADD, `None` where it refuses it. (In a set too large for a listpack, RESP2; RESP3
    /// has the same text.)
    #[test]
    fn doubles_as_the_reference() {
        for &(text, expected) in DOUBLES {
            assert_eq!(rewritten(text.as_bytes()).as_deref(), expected, "{text:?}");
        }
        assert_eq!(rewritten(b"1\0"), None);
        assert_eq!(rewritten(b"\x001"), None);
        assert_eq!(rewritten(b"\xff"), None);
    }

    fn rewritten(text: &[u8]) -> Option<String> {
        parse_f64(text).map(|value| {
            let mut out = Vec::new();
            write_f64(&mut out, value);
            String::from_utf8(out).unwrap()
        })
    }

    const DOUBLES: &[(&str, Option<&str>)] = &[
        ("0", Some("0")),
        ("-0", Some("-0")),
        ("3", Some("3")),
        ("-3", Some("-3")),
        ("0.1", Some("0.1")),
        ("-0.1", Some("-0.1")),
        ("1.5", Some("1.5")),
        ("100", Some("100")),
        ("1e15", Some("1000000000000000")),
        ("4503599627370497", Some("4503599627370497")),
        ("9007199254740993", Some("9007199254740992")),
        ("123456789012345678", Some("123456789012345680")),
        ("1e16", Some("10000000000000000")),
        ("1e18", Some("1000000000000000000")),
        ("4611686018427387904", Some("4611686018427387904")),
        ("-4611686018427387904", Some("-4611686018427387904")),
        ("4611686018427388928", Some("4611686018427389000")),
        ("-4611686018427388928", Some("-4611686018427389000")),
        ("9223372036854775807", Some("9223372036854776000")),
        ("18446744073709551616", Some("18446744073709552000")),
        ("1e19", Some("1e+19")),
        ("1e20", Some("1e+20")),
        ("1e21", Some("1e+21")),
        ("-1e20", Some("-1e+20")),
        ("1e22", Some("1e+22")),
        ("1e23", Some("99999999999999990000000")),
        ("1.5e25", Some("1.5e+25")),
        ("123456789e20", Some("1.23456789e+28")),
        ("0.5", Some("0.5")),
        ("0.01", Some("0.01")),
        ("0.001", Some("0.001")),
        ("1e-4", Some("0.0001")),
        ("1e-5", Some("0.00001")),
        ("1e-6", Some("0.000001")),
        ("1e-7", Some("1e-7")),
        ("1.5e-7", Some("1.5e-7")),
        ("1.234e-6", Some("1.234e-6")),
        ("0.0001234", Some("1.234e-4")),
        ("12345.678", Some("12345.678")),
        ("123456789.123456789", Some("1.2345678912345679e+8")),
        ("3.141592653589793", Some("3.141592653589793")),
        ("0.30000000000000004", Some("0.30000000000000004")),
        ("1e300", Some("1e+300")),
        ("1.7976931348623157e308", Some("1.7976931348623157e+308")),
        ("2.2250738585072014e-308", Some("2.2250738585072014e-308")),
        ("5e-324", Some("5e-324")),
        ("1e-310", Some("1e-310")),
        ("2e-323", Some("2e-323")),
        ("inf", Some("inf")),
        ("-inf", Some("-inf")),
        ("+Infinity", Some("inf")),
        ("0x1p-1074", Some("5e-324")),
        ("0x1.8p-1074", Some("1e-323")),
        ("0x0.800001p-1074", Some("5e-324")),
        ("0x1.fffffffffffff7p1023", Some("1.7976931348623157e+308")),
        ("0X.8P+1", Some("1")),
        ("-0x10", Some("-16")),
        ("1.", Some("1")),
        (".5", Some("0.5")),
        ("+5", Some("5")),
        ("1E5", Some("100000")),
        ("0e99999999999999999999", Some("0")),
        ("0x0p99999999999999999999", Some("0")),
        ("4.9e-324", Some("5e-324")),
        ("2.4703282292062328e-324", Some("5e-324")),
        ("5e-5", Some("0.00005")),
        ("1.2e-5", Some("0.000012")),
        ("9.5e-7", Some("9.5e-7")),
        ("8.41e21", Some("8409999999999999000000")),
        ("2.0919495182368195e19", Some("20919495182368195000")),
        ("9007199254740993e5", Some("900719925474099300000")),
        ("0.1e-6", Some("1e-7")),
        ("2e-324", None),
        ("1e-400", None),
        ("1e309", None),
        ("1.797693134862315808e308", None),
        ("0x1p1024", None),
        ("0x1.fffffffffffff8p1023", None),
        ("0x0.8p-1074", None),
        ("0x1p-99999999999999999999", None),
        ("nan", None),
        ("-nan", None),
        ("nan(1)", None),
        ("", None),
        (" 1", None),
        ("1 ", None),
        ("\t1", None),
        ("+", None),
        ("-", None),
        (".", None),
        ("e5", None),
        (".e5", None),
        ("1e", None),
        ("1e+", None),
        ("0x", None),
        ("0x.", None),
        ("0x1p", None),
        ("0x1g", None),
        ("--1", None),
        ("+-1", None),
        ("1e5.", None),
        ("infinit", None),
        ("infx", None),
        ("1_0", None),
    ];

    #[test]
    fn long_texts_of_doubles() {
        let zeros = "0".repeat(6000);
        assert_eq!(parse_f64(format!("{zeros}1").as_bytes()), Some(1.0));
        assert_eq!(parse_f64(format!("0.{zeros}1e6001").as_bytes()), Some(1.0));
        assert_eq!(parse_f64("1".repeat(309).as_bytes()), Some(1.111_111_111_111_111_2e308));
        assert_eq!(parse_f64("1".repeat(310).as_bytes()), None);
        assert_eq!(parse_f64(format!("0x1{zeros}p-24000").as_bytes()), Some(1.0));
        assert_eq!(parse_f64(format!("0x1.{zeros}8").as_bytes()), Some(1.0));
    }

    #[test]
    fn not_a_number() {
        for value in [f64::NAN, -f64::NAN] {
            let mut out = Vec::new();
            write_f64(&mut out, value);
            assert_eq!(out, b"nan");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]
        #[test]
        fn doubles_come_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let mut out = Vec::new();
            write_f64(&mut out, value);
            prop_assert_eq!(parse_f64(&out).map(f64::to_bits), Some(bits));
        }

        #[test]
        fn hexadecimal_is_as_decimal(mantissa in 1u64..1 << 53, exponent in -1000i32..900) {
            let expected = mantissa as f64 * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2);
            let text = format!("0x{mantissa:x}p{exponent}");
            prop_assert_eq!(parse_f64(text.as_bytes()), Some(expected).filter(|value| value.is_finite()));
        }
    }
}
