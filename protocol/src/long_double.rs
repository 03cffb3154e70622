//! The x87 80-bit extended floating point type, in software.
//!
//! INCRBYFLOAT and HINCRBYFLOAT of Redis on x86-64 calculate in C's `long double`: 64 bits of mantissa, exponents up to 2^16383.
//! Results with doubles would differ visibly (0.1 + 0.2 is 0.3 here), so this reads, adds and writes as that type does,
//! every step rounded to nearest, ties to even.
//!
//! Everything is bounded: texts of 5120 bytes and more are refused, as Redis does, and the largest numbers in between have
//! some 24,000 bits. Usual numbers (19 digits and 27 decimals at most) are read and written without any allocation.

use crate::number::{Number, round_binary, scan, write_u64};

/// An extended floating point number, perhaps infinite, or not a number.
#[derive(Clone, Copy, Debug)]
pub struct LongDouble(Value);

/// A value; the sign of a zero is kept, though it never shows.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// `mantissa * 2^exponent`. Invariant: the mantissa's top bit is set, or the exponent is [`EXPONENT_MIN`].
    Finite {
        negative: bool,
        mantissa: u64,
        exponent: i32,
    },
    Infinite {
        negative: bool,
    },
    NotANumber,
}

/// Bits of the mantissa.
const BITS: u32 = 64;
/// The exponent of the last bit of the smallest numbers.
const EXPONENT_MIN: i64 = -16445;
/// The exponent of the last bit of the largest numbers.
const EXPONENT_MAX: i64 = 16320;
/// The size of Redis's buffer for the text with its final zero.
const TEXT_MAX: usize = 5 * 1024;
/// Decimals written at most.
const DECIMALS: u32 = 17;

impl LongDouble {
    /// Reads a number as Redis's `string2ld`, that is as C's `strtold` over the whole text.
    ///
    /// Takes what [`parse_f64`](crate::number::parse_f64) takes, infinity and hexadecimal included, and refuses what that
    /// refuses: nan, white space, overflow, and what is not zero but rounds to it. Also refuses 5120 bytes and more.
    /// Quadratic in the length and the exponent for more than 19 digits or for exponents beyond 27; at worst a
    /// few hundred thousand machine operations.
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() >= TEXT_MAX {
            return None;
        }
        let (negative, number) = scan(text)?;
        let (mantissa, exponent, sticky) = match number {
            Number::Infinite => return Some(LongDouble(Value::Infinite { negative })),
            Number::Hex { mantissa, exponent, sticky } => (mantissa, exponent, sticky),
            Number::Decimal { integer, fraction, exponent } => from_decimal(integer, fraction, exponent)?,
        };
        let rounded = LongDouble::round(negative, mantissa, exponent, sticky);
        match rounded.0 {
            Value::Finite { mantissa: 0, .. } if mantissa != 0 => None,
            Value::Finite { .. } => Some(rounded),
            _ => None,
        }
    }

    /// The sum, rounded. Infinities of opposite sign give what is not a number.
    #[must_use]
    #[allow(clippy::should_implement_trait)] // A plain method says that this is a call, not an instruction.
    pub fn add(self, other: LongDouble) -> LongDouble {
        let (a, b) = match (self.0, other.0) {
            (
                Value::Finite { negative, mantissa, exponent },
                Value::Finite { negative: n, mantissa: m, exponent: e },
            ) => {
                let (a, b) = ((negative, mantissa, exponent), (n, m, e));
                if exponent >= e { (a, b) } else { (b, a) }
            }
            (Value::NotANumber, _) | (_, Value::NotANumber) => {
                return LongDouble(Value::NotANumber);
            }
            (Value::Infinite { negative }, Value::Infinite { negative: n }) if negative != n => {
                return LongDouble(Value::NotANumber);
            }
            (Value::Infinite { .. }, _) => return self,
            (_, Value::Infinite { .. }) => return other,
        };
        // 63 bits below the last one of `a`, and one above for the carry.
        const GUARD: u32 = 63;
        let wide = u128::from(b.1) << GUARD;
        let shift = a.2.abs_diff(b.2);
        let low = wide.checked_shr(shift).unwrap_or(0);
        let lost = low.checked_shl(shift).unwrap_or(0) != wide;
        let high = u128::from(a.1) << GUARD;
        // Bits are lost only where `b` is far smaller than `a`, which then has its top bit set. Then one set bit at the very
        // end stands for all of them, as it is far below the place where the sum is rounded.
        let low = low | u128::from(lost);
        let (negative, sum) = if a.0 == b.0 {
            (a.0, high + low)
        } else if high >= low {
            (a.0 && high != low, high - low)
        } else {
            (b.0, low - high)
        };
        LongDouble::round(negative, sum, i64::from(a.2) - i64::from(GUARD), false)
    }

    /// Whether it is neither infinite nor not a number.
    pub fn is_finite(&self) -> bool {
        matches!(self.0, Value::Finite { .. })
    }

    /// Writes the number as Redis's `ld2string` for people: as C's `%.17Lf`, without the zeros at the end of the decimals, and
    /// without a sign if nothing but 0 is left. Never an exponent: up to 4933 digits, exactly. `inf`, `-inf`, `nan`.
    ///
    /// Quadratic in the number of digits from 2^64 on.
    pub fn format(&self, out: &mut Vec<u8>) {
        match self.0 {
            Value::NotANumber => out.extend_from_slice(b"nan"),
            Value::Infinite { negative } => out.extend_from_slice(if negative { b"-inf" } else { b"inf" }),
            Value::Finite { negative, mantissa, exponent } => {
                let (integer, decimals) = match u32::try_from(-exponent) {
                    Ok(point) => split(mantissa, point),
                    Err(_) => (0, 0),
                };
                if negative && (exponent > 0 || integer != 0 || decimals != 0) {
                    out.push(b'-');
                }
                if exponent > 0 {
                    write_large(out, mantissa, exponent as u32);
                    return;
                }
                write_u64(out, integer);
                write_decimals(out, decimals);
            }
        }
    }

    /// The number of thousandths in it, rounded up: a timeout in seconds as Redis's `getTimeoutFromObject` makes it milliseconds,
    /// the product rounded as any. `None` if they are more than `i64::MAX`; `i64::MIN` for what is below that.
    pub fn thousandths(self) -> Option<i64> {
        let product = match self.0 {
            Value::Finite { negative, mantissa, exponent } => {
                LongDouble::round(negative, u128::from(mantissa) * 1000, exponent.into(), false).0
            }
            other => other,
        };
        let (negative, whole, up) = match product {
            Value::NotANumber => return None,
            Value::Infinite { negative } => (negative, u128::MAX, false),
            Value::Finite { negative, mantissa: 0, .. } => (negative, 0, false),
            Value::Finite { negative, exponent: 64.., .. } => (negative, u128::MAX, false),
            Value::Finite { negative, mantissa, exponent: exponent @ 0.. } => {
                (negative, u128::from(mantissa) << exponent, false)
            }
            Value::Finite { negative, mantissa, exponent } => {
                let shift = exponent.unsigned_abs();
                let whole = mantissa.checked_shr(shift).unwrap_or(0);
                (negative, whole.into(), whole.checked_shl(shift) != Some(mantissa))
            }
        };
        match i64::try_from(whole) {
            Ok(whole) if negative => Some(-whole),
            Ok(whole) => whole.checked_add(up.into()),
            Err(_) if negative => Some(i64::MIN),
            Err(_) => None,
        }
    }

    fn round(negative: bool, mantissa: u128, exponent: i64, sticky: bool) -> LongDouble {
        let (mantissa, exponent) = round_binary(mantissa, exponent, sticky, BITS, EXPONENT_MIN);
        LongDouble(if exponent > EXPONENT_MAX {
            Value::Infinite { negative }
        } else {
            Value::Finite { negative, mantissa, exponent: exponent as i32 }
        })
    }
}

impl From<i64> for LongDouble {
    /// Exact.
    fn from(value: i64) -> LongDouble {
        LongDouble::round(value < 0, value.unsigned_abs().into(), 0, false)
    }
}

/// The integer part of `mantissa / 2^point` and 17 decimals, rounded, ties to even.
fn split(mantissa: u64, point: u32) -> (u64, u64) {
    const SCALE: u64 = 10u64.pow(DECIMALS);
    let integer = mantissa.checked_shr(point).unwrap_or(0);
    let fraction = if point < BITS { mantissa & ((1 << point) - 1) } else { mantissa };
    // Less than 2^121: from 123 bits behind the point on it is less than half of the last decimal.
    let scaled = u128::from(fraction) * u128::from(SCALE);
    let decimals = match point {
        0 | 123.. => 0,
        _ => {
            let (floor, half) = (scaled >> point, 1u128 << (point - 1));
            let rest = scaled & ((1 << point) - 1);
            let up = rest > half || rest == half && floor & 1 == 1;
            floor as u64 + u64::from(up)
        }
    };
    // A carry out of the decimals cannot overflow: it needs a fraction, hence at least a bit less for the integer part.
    (integer + decimals / SCALE, decimals % SCALE)
}

fn write_decimals(out: &mut Vec<u8>, mut decimals: u64) {
    if decimals == 0 {
        return;
    }
    let mut width = DECIMALS as usize;
    while decimals.is_multiple_of(10) {
        decimals /= 10;
        width -= 1;
    }
    out.push(b'.');
    let start = out.len();
    write_u64(out, decimals);
    let zeros = width - (out.len() - start);
    out.splice(start..start, std::iter::repeat_n(b'0', zeros));
}

/// Writes `mantissa * 2^exponent` in full.
fn write_large(out: &mut Vec<u8>, mantissa: u64, exponent: u32) {
    if exponent <= 64 {
        out.extend_from_slice(itoa::Buffer::new().format(u128::from(mantissa) << exponent).as_bytes());
        return;
    }
    // Limbs of 32 bits, most significant first, divided by 10^9 again and again.
    const CHUNK: u64 = 1_000_000_000;
    let (whole, bits) = (exponent as usize / 32, exponent % 32);
    let top = u128::from(mantissa) << bits;
    let mut limbs = vec![(top >> 64) as u32, (top >> 32) as u32, top as u32];
    limbs.resize(limbs.len() + whole, 0);
    let mut chunks = Vec::with_capacity(limbs.len() * 32 / 29 + 1);
    let mut from = 0;
    while from < limbs.len() {
        if limbs[from] == 0 {
            from += 1;
            continue;
        }
        let mut rest = 0u64;
        for limb in &mut limbs[from..] {
            let value = rest << 32 | u64::from(*limb);
            *limb = (value / CHUNK) as u32;
            rest = value % CHUNK;
        }
        chunks.push(rest);
    }
    let mut chunks = chunks.into_iter().rev();
    write_u64(out, chunks.next().unwrap_or(0));
    for mut chunk in chunks {
        let mut digits = [b'0'; 9];
        for digit in digits.iter_mut().rev() {
            *digit += (chunk % 10) as u8;
            chunk /= 10;
        }
        out.extend_from_slice(&digits);
    }
}

/// The 67 or more leading bits of a decimal number, its binary exponent, and whether there is anything below those bits.
/// `None` if it is too large or too small by far.
fn from_decimal(integer: &[u8], fraction: &[u8], exponent: i64) -> Option<(u128, i64, bool)> {
    /// 5^27 is the largest power of five in 64 bits.
    const SHORT: u64 = 27;
    let significant = |digit: &&u8| **digit != b'0';
    let all = || integer.iter().chain(fraction);
    let Some(first) = all().position(|digit| significant(&digit)) else {
        return Some((0, 0, false));
    };
    let trailing = all().rev().take_while(|digit| !significant(digit)).count();
    let count = integer.len() + fraction.len() - first - trailing;
    let digits = || all().skip(first).take(count).map(|digit| u64::from(digit - b'0'));
    // The number is `digits * 10^power`, at least `10^(top - 1)` and less than `10^top`.
    let power = exponent - fraction.len() as i64 + trailing as i64;
    let top = power + count as i64;
    // The largest number is 1.19e4932, and half of the smallest 1.82e-4951.
    if !(-4950..=4933).contains(&top) {
        return None;
    }
    let fives = power.unsigned_abs();
    if count <= 19 && fives <= SHORT {
        let value = digits().fold(0u64, |value, digit| value * 10 + digit);
        let five = 5u64.pow(fives as u32);
        if power >= 0 {
            return Some((u128::from(value) * u128::from(five), power, false));
        }
        // At least 127 bits over at most 63: a quotient of at least 64 bits, and more where the divisor has fewer. The
        // divisor of 63 bits is below 2^62.7, so one more bit always comes out.
        let shift = u128::from(value).leading_zeros();
        let shifted = u128::from(value) << shift;
        let (quotient, rest) = (shifted / u128::from(five), shifted % u128::from(five));
        return Some((quotient, power - i64::from(shift), rest != 0));
    }

    let mut number = Big::from_digits(digits(), count);
    if power >= 0 {
        number.times_power_of_five(fives);
        let (mantissa, exponent, sticky) = number.leading();
        return Some((mantissa, exponent + power, sticky));
    }
    let mut divisor = Big::one();
    divisor.times_power_of_five(fives);
    let (quotient, exponent, sticky) = number.divided_by(divisor);
    Some((quotient, exponent + power, sticky))
}

/// A natural number: limbs of 64 bits, least significant first. Invariant: the last is not zero, but while dividing.
struct Big(Vec<u64>);

impl Big {
    fn one() -> Big {
        Big(vec![1])
    }

    fn from_digits(digits: impl Iterator<Item = u64>, count: usize) -> Big {
        const CHUNK: u32 = 19;
        let mut number = Big(Vec::with_capacity(count / CHUNK as usize + 1));
        let (mut value, mut pending) = (0u64, 0);
        for digit in digits {
            value = value * 10 + digit;
            pending += 1;
            if pending == CHUNK {
                number.times_plus(10u64.pow(CHUNK), value);
                (value, pending) = (0, 0);
            }
        }
        if pending > 0 {
            number.times_plus(10u64.pow(pending), value);
        }
        number
    }

    fn times_power_of_five(&mut self, power: u64) {
        const CHUNK: u64 = 27;
        for _ in 0..power / CHUNK {
            self.times_plus(5u64.pow(CHUNK as u32), 0);
        }
        self.times_plus(5u64.pow((power % CHUNK) as u32), 0);
    }

    fn times_plus(&mut self, factor: u64, summand: u64) {
        let mut carry = summand;
        for limb in &mut self.0 {
            let value = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            *limb = value as u64;
            carry = (value >> 64) as u64;
        }
        if carry != 0 {
            self.0.push(carry);
        }
    }

    fn bits(&self) -> i64 {
        self.0.last().map_or(0, |last| self.0.len() as i64 * 64 - i64::from(last.leading_zeros()))
    }

    /// The limb of `self * 2^shift` at some place. (A negative shift drops bits.)
    fn shifted_limb(&self, place: usize, shift: i64) -> u64 {
        let bit = place as i64 * 64 - shift;
        let limb = |index: i64| usize::try_from(index).ok().and_then(|index| self.0.get(index)).copied().unwrap_or(0);
        let (index, offset) = (bit.div_euclid(64), bit.rem_euclid(64));
        if offset == 0 { limb(index) } else { limb(index) >> offset | limb(index + 1) << (64 - offset) }
    }

    /// Whether any of the lowest bits is set.
    fn any_below(&self, bits: i64) -> bool {
        let Ok(bits) = usize::try_from(bits) else {
            return false;
        };
        let whole = (bits / 64).min(self.0.len());
        self.0[..whole].iter().any(|&limb| limb != 0)
            || self.0.get(bits / 64).is_some_and(|limb| limb & ((1 << (bits % 64)) - 1) != 0)
    }

    /// The leading 128 bits, the exponent of the last of them, and whether there is more below.
    fn leading(&self) -> (u128, i64, bool) {
        let drop = self.bits() - 128;
        let mantissa = u128::from(self.shifted_limb(1, -drop)) << 64 | u128::from(self.shifted_limb(0, -drop));
        (mantissa, drop, self.any_below(drop))
    }

    /// 67 or 68 bits of the quotient, the exponent of the last of them, and whether there is more below. Neither is zero.
    fn divided_by(&self, divisor: Big) -> (u128, i64, bool) {
        const QUOTIENT: i64 = 67;
        // Shifted so that both have as many bits; then one bit of the quotient at a time.
        let shift = divisor.bits() - self.bits() + QUOTIENT;
        let len = (divisor.bits() + QUOTIENT) as usize / 64 + 1;
        let mut rest: Vec<u64> = (0..len).map(|place| self.shifted_limb(place, shift)).collect();
        let mut step: Vec<u64> = (0..len).map(|place| divisor.shifted_limb(place, QUOTIENT)).collect();
        let mut quotient = 0u128;
        for _ in 0..=QUOTIENT {
            quotient <<= 1;
            if rest.iter().rev().ge(step.iter().rev()) {
                subtract(&mut rest, &step);
                quotient |= 1;
            }
            halve(&mut step);
        }
        let sticky = rest.iter().any(|&limb| limb != 0) || self.any_below(-shift);
        (quotient, -shift, sticky)
    }
}

fn subtract(from: &mut [u64], what: &[u64]) {
    let mut borrow = false;
    for (a, b) in from.iter_mut().zip(what) {
        (*a, borrow) = a.borrowing_sub(*b, borrow);
    }
}

fn halve(limbs: &mut [u64]) {
    let mut carry = 0;
    for limb in limbs.iter_mut().rev() {
        (*limb, carry) = (*limb >> 1 | carry, *limb << 63);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(a: &str, b: &str) -> Option<String> {
        let sum = LongDouble::parse(a.as_bytes())?.add(LongDouble::parse(b.as_bytes())?);
        Some(text(sum))
    }

    fn text(number: LongDouble) -> String {
        let mut out = Vec::new();
        number.format(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// What INCRBYFLOAT of Redis 8.0.6 gives, `None` for "not a valid float". (It refuses infinite results.)
    #[test]
    fn sums_as_the_reference() {
        for &(a, b, expected) in SUMS {
            assert_eq!(sum(a, b).as_deref(), expected, "{a:?} {b:?}");
        }
    }

    const SUMS: &[(&str, &str, Option<&str>)] = &[
        ("0.1", "0.2", Some("0.3")),
        ("3.0e3", "200", Some("3200")),
        ("10.50", "0.1", Some("10.6")),
        ("5.0e3", "-5", Some("4995")),
        ("1", "1e-17", Some("1.00000000000000001")),
        ("1", "5e-18", Some("1")),
        ("1", "1.5e-17", Some("1.00000000000000001")),
        ("0.5", "0.00000000000000000499", Some("0.5")),
        ("9007199254740993", "0", Some("9007199254740993")),
        ("9223372036854775807", "1", Some("9223372036854775808")),
        ("18446744073709551615", "1", Some("18446744073709551616")),
        ("18446744073709551615", "0.5", Some("18446744073709551616")),
        ("18446744073709551614", "0.5", Some("18446744073709551614")),
        ("36893488147419103231", "0", Some("36893488147419103232")),
        ("36893488147419103233", "0", Some("36893488147419103232")),
        ("123456789012345678901234567890", "1", Some("123456789012345678899921813504")),
        ("1e20", "-1e20", Some("0")),
        ("1e20", "0.1", Some("100000000000000000000")),
        (
            "1e300",
            "0",
            Some(
                "1000000000000000000008997324079559193870523944273290747938260082321265646596180935755849152083750497190350372508614274835903592556184672983913096260520748646287327135641843653294084255107606016789726652932370030551382947620994540294772781889620606179267611627097410650567187386105690089424915104006144",
            ),
        ),
        ("1e-300", "0", Some("0")),
        ("-1e-18", "0", Some("0")),
        ("-0", "-0", Some("0")),
        ("-0.1", "0.1", Some("0")),
        ("-1e-5", "-1", Some("-1.00001")),
        ("0x10", "0", Some("16")),
        ("0x1.8p-3", "0", Some("0.1875")),
        ("0xffffffffffffffffff", "0", Some("4722366482869645213696")),
        ("0x1p63", "-0x1p-1", Some("9223372036854775807.5")),
        ("1e400", "-1e400", Some("0")),
        ("3.141592653589793238462643383279502884", "0", Some("3.14159265358979324")),
        ("2.718281828459045235360287471352662498e3", "0", Some("2718.28182845904523535")),
        ("+5", ".5", Some("5.5")),
        ("1.", "1E1", Some("11")),
        ("1e-4951", "0", None),
        ("1.9e-4951", "0", Some("0")),
        ("1.18973149535723176508e4932", "0", None),
        ("1e4933", "0", None),
        ("1e99999999999999999999", "0", None),
        ("0e99999999999999999999", "0", Some("0")),
        ("0x1p16384", "0", None),
        ("0x1p-16447", "0", None),
        ("inf", "0", Some("inf")),
        ("-Infinity", "0", Some("-inf")),
        ("nan", "0", None),
        ("", "0", None),
        (" 1", "0", None),
        ("1 ", "0", None),
        ("1e", "0", None),
        ("1e+", "0", None),
        (".", "0", None),
        (".e1", "0", None),
        ("0x", "0", None),
        ("0x.", "0", None),
        ("0x1p", "0", None),
        ("1\t", "0", None),
        ("--1", "0", None),
        ("1_0", "0", None),
        ("infx", "0", None),
    ];

    #[test]
    fn limits() {
        let largest = "0x1.fffffffffffffffep16383";
        let digits = sum(largest, "0").unwrap();
        assert_eq!(digits.len(), 4933);
        assert!(digits.starts_with("1189731495357231765021263853030970205169063322294624200440323733891737"));
        // Digits that were written read back as the same number.
        assert_eq!(sum(&digits, "0").as_ref(), Some(&digits));
        assert_eq!(sum(&digits, &format!("-{digits}")).as_deref(), Some("0"));
        let twice = LongDouble::parse(largest.as_bytes()).unwrap();
        assert!(!twice.add(twice).is_finite());
        let (plus, minus) = (LongDouble::parse(b"inf").unwrap(), LongDouble::parse(b"-inf").unwrap());
        assert_eq!(text(plus.add(minus)), "nan");
        assert_eq!(text(twice.add(minus)), "-inf");
        assert!(!plus.add(minus).is_finite());
    }

    #[test]
    fn thousandths_are_rounded_up() {
        let cases = [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("1", Some(1_000)),
            ("-1", Some(-1_000)),
            ("1.5", Some(1_500)),
            ("0.0001", Some(1)),
            ("1.0001", Some(1_001)),
            ("-0.0001", Some(0)),
            ("-1.0001", Some(-1_000)),
            ("1e-4950", Some(1)),
            ("-1e-4950", Some(0)),
            ("0x1p-62", Some(1)),
            ("0x1p53", Some(9_007_199_254_740_992_000)),
            ("9223372036854775.807", Some(i64::MAX)),
            ("9223372036854775.8075", None),
            ("9223372036854775.808", None),
            ("-9223372036854775.809", Some(i64::MIN)),
            ("-9e15", Some(-9_000_000_000_000_000_000)),
            ("-1e16", Some(i64::MIN)),
            ("1e16", None),
            ("1e4932", None),
            ("-1e4932", Some(i64::MIN)),
            ("inf", None),
            ("-inf", Some(i64::MIN)),
        ];
        for (text, expected) in cases {
            assert_eq!(LongDouble::parse(text.as_bytes()).map(LongDouble::thousandths), Some(expected), "{text}");
        }
        assert_eq!(LongDouble(Value::NotANumber).thousandths(), None);
    }

    /// The buffer of the reference has 5120 bytes with the final zero.
    #[test]
    fn long_texts() {
        for (len, accepted) in [(5118, true), (5119, true), (5120, false), (6000, false)] {
            let number = format!("{}1", "0".repeat(len - 1));
            assert_eq!(sum(&number, "1").as_deref(), accepted.then_some("2"), "{len}");
        }
        let nines = format!("0.{}e1", "9".repeat(5000));
        assert_eq!(sum(&nines, "0").as_deref(), Some("10"));
        // Half-way between two numbers, and something far behind.
        let half = format!("18446744073709551617.{}1", "0".repeat(4000));
        assert_eq!(sum(&half, "0").as_deref(), Some("18446744073709551618"));
        assert_eq!(sum("18446744073709551617", "0").as_deref(), Some("18446744073709551616"));
        assert_eq!(sum(&format!("0.{}1e4000", "0".repeat(3999)), "0").as_deref(), Some("1"));
    }

    proptest! {
        #[test]
        fn integers_add_exactly(a in any::<i64>(), b in any::<i64>()) {
            let expected = i128::from(a) + i128::from(b);
            prop_assert_eq!(text(LongDouble::from(a).add(LongDouble::from(b))), expected.to_string());
            prop_assert_eq!(sum(&a.to_string(), &b.to_string()), Some(expected.to_string()));
        }

        /// Hexadecimal is read without any of the decimal arithmetic.
        #[test]
        fn decimal_is_as_hexadecimal(mantissa in any::<u64>(), exponent in 0u32..64, zeros in 0usize..100) {
            let decimal = (u128::from(mantissa) << exponent).to_string();
            let hex = text(LongDouble::parse(format!("0x{mantissa:x}p{exponent}").as_bytes()).unwrap());
            prop_assert_eq!(&hex, &decimal);
            // The same through the division of large numbers.
            let scaled = format!("{decimal}{}e-{zeros}", "0".repeat(zeros));
            prop_assert_eq!(sum(&scaled, "0"), Some(decimal.clone()));
            let point = format!("0.{}{decimal}e{}", "0".repeat(zeros), decimal.len() + zeros);
            prop_assert_eq!(sum(&point, "0"), Some(decimal));
        }

        #[test]
        fn addition_commutes(a in any::<u64>(), b in any::<u64>(), x in -70i32..70, y in -70i32..70, minus in any::<bool>()) {
            let a = format!("0x{a:x}p{x}");
            let b = format!("{}0x{b:x}p{y}", if minus { "-" } else { "" });
            prop_assert_eq!(sum(&a, &b), sum(&b, &a));
        }
    }
}
