//! Lua 5.1's patterns: the matcher behind `string.find`, `match`, `gmatch` and `gsub`.
//!
//! Lua's own calls itself on the C stack, once for each item of a pattern that can match in more than one way, and cannot be
//! stopped. This one keeps the ways not yet tried in a list on the heap, which has a bound, and asks every so many steps
//! whether to go on. What matches is the same, and the same things are errors, where and when Lua's finds them.
//!
//! A pattern ends at its first NUL (who calls cuts it there), and the subject is followed by one, as in C: `%f` sees it.

/// Captures that a pattern may have.
pub const CAPTURES_MAX: usize = 32;

/// Ways not yet tried. Lua's own overflows the stack of a thread (8 MiB) at half of that.
const FRAMES_MAX: usize = 200_000;

/// Frames for which room is kept.
const KEPT_FRAMES_MAX: usize = 1024;

/// Steps, of some nanoseconds each, after which it asks whether to go on.
const PAUSE_STEPS: usize = 1 << 16;

/// No byte is wanted in particular.
const ANY: u16 = 256;

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The pattern is none: what Lua says.
    Malformed(&'static std::ffi::CStr),
    /// It was told to stop.
    Stopped,
}

use Failure::{Malformed, Stopped};

/// A part of the subject that is captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Capture {
    /// Its end was not reached.
    Open(usize),
    /// A position, from 0.
    At(usize),
    /// From here, so many bytes.
    Part(usize, usize),
}

/// What is to be done where the way that was tried has not matched.
#[derive(Clone, Copy)]
enum Frame {
    /// `*` and `+`: one repetition less, down to `from`; the byte `wanted` has to follow.
    Max { from: usize, at: usize, next: usize, wanted: u16 },
    /// `-`: one repetition more of the item.
    Min { at: usize, item: usize, end: usize, wanted: u16 },
    /// `?`: without the item.
    Optional { at: usize, next: usize },
    /// The last capture goes.
    Opened,
    /// This capture is open again.
    Closed { index: usize, start: usize },
}

/// The matcher, with what the last attempt has captured. One is used again and again.
pub struct Matcher {
    captures: [Capture; CAPTURES_MAX],
    level: usize,
    frames: Vec<Frame>,
    steps: usize,
}

impl Default for Matcher {
    fn default() -> Matcher {
        Matcher { captures: [Capture::At(0); CAPTURES_MAX], level: 0, frames: Vec::new(), steps: 0 }
    }
}

impl Matcher {
    /// What was captured.
    pub fn captures(&self) -> &[Capture] {
        &self.captures[..self.level]
    }

    /// The first match that begins at `from` or later, and its end; only at `from` if it is `anchored`. `pause` is asked
    /// every so often, and answers true to stop.
    ///
    /// # Errors
    /// The pattern is malformed, or the search was stopped.
    pub fn search(
        &mut self,
        subject: &[u8],
        pattern: &[u8],
        from: usize,
        anchored: bool,
        pause: &mut dyn FnMut() -> bool,
    ) -> Result<Option<(usize, usize)>, Failure> {
        let first = if anchored { ANY } else { wanted(pattern, 0) };
        let mut start = from;
        while start <= subject.len() {
            if let Ok(first) = u8::try_from(first) {
                let Some(skipped) = memchr::memchr(first, &subject[start..]) else {
                    self.steps += (subject.len() - start) / 16;
                    return Ok(None);
                };
                self.steps += skipped / 16;
                start += skipped;
            }
            if let Some(end) = self.attempt(subject, pattern, start, pause)? {
                return Ok(Some((start, end)));
            }
            if anchored {
                break;
            }
            start += 1;
        }
        Ok(None)
    }

    /// Whether the pattern matches at `from`, and up to where.
    fn attempt(
        &mut self,
        subject: &[u8],
        pattern: &[u8],
        from: usize,
        pause: &mut dyn FnMut() -> bool,
    ) -> Result<Option<usize>, Failure> {
        self.level = 0;
        self.frames.clear();
        let (mut s, mut p) = (from, 0);
        'next: loop {
            self.steps += 1;
            if self.steps >= PAUSE_STEPS {
                self.steps = 0;
                if pause() {
                    return Err(Stopped);
                }
            }
            'failed: {
                match byte(pattern, p) {
                    0 => return Ok(Some(s)),
                    b'(' => {
                        let is_position = byte(pattern, p + 1) == b')';
                        let capture = self.captures.get_mut(self.level).ok_or(Malformed(c"too many captures"))?;
                        *capture = if is_position { Capture::At(s) } else { Capture::Open(s) };
                        self.level += 1;
                        self.push(Frame::Opened)?;
                        p += if is_position { 2 } else { 1 };
                        continue 'next;
                    }
                    b')' => {
                        let open = self.captures().iter().rposition(|capture| matches!(capture, Capture::Open(_)));
                        let Some((index, &Capture::Open(start))) = open.map(|index| (index, &self.captures[index]))
                        else {
                            return Err(Malformed(c"invalid pattern capture"));
                        };
                        self.captures[index] = Capture::Part(start, s - start);
                        self.push(Frame::Closed { index, start })?;
                        p += 1;
                        continue 'next;
                    }
                    b'$' if p + 1 == pattern.len() => {
                        if s == subject.len() {
                            return Ok(Some(s));
                        }
                        break 'failed;
                    }
                    b'%' => match byte(pattern, p + 1) {
                        b'b' => {
                            let Some(end) = self.balance(subject, s, pattern.get(p + 2..p + 4))? else {
                                break 'failed;
                            };
                            (s, p) = (end, p + 4);
                            continue 'next;
                        }
                        b'f' => {
                            p += 2;
                            if byte(pattern, p) != b'[' {
                                return Err(Malformed(c"missing '[' after '%f' in pattern"));
                            }
                            let end = item_end(pattern, p)?;
                            let set = Item::Set(&pattern[p + 1..end - 1]);
                            let before = if s == 0 { 0 } else { subject[s - 1] };
                            if set.is(before) || !set.is(byte(subject, s)) {
                                break 'failed;
                            }
                            p = end;
                            continue 'next;
                        }
                        digit @ b'0'..=b'9' => {
                            let index = usize::from(digit).wrapping_sub(usize::from(b'1'));
                            let (start, len) = match self.captures().get(index) {
                                Some(&Capture::Part(start, len)) => (start, len),
                                Some(Capture::At(_)) => break 'failed,
                                _ => return Err(Malformed(c"invalid capture index")),
                            };
                            self.steps += len / 16;
                            if subject.len() - s < len || subject[start..start + len] != subject[s..s + len] {
                                break 'failed;
                            }
                            (s, p) = (s + len, p + 2);
                            continue 'next;
                        }
                        _ => {}
                    },
                    _ => {}
                }
                let end = item_end(pattern, p)?;
                let item = Item::of(&pattern[p..end]);
                let next = end + 1;
                match byte(pattern, end) {
                    b'?' => {
                        if s < subject.len() && item.is(subject[s]) {
                            self.push(Frame::Optional { at: s, next })?;
                            s += 1;
                        }
                        p = next;
                    }
                    repeat @ (b'*' | b'+') => {
                        let count = item.run(&subject[s..]);
                        self.steps += count;
                        if count == 0 && repeat == b'+' {
                            break 'failed;
                        }
                        let from = s + usize::from(repeat == b'+');
                        s += count;
                        if s > from {
                            self.push(Frame::Max { from, at: s, next, wanted: wanted(pattern, next) })?;
                        }
                        p = next;
                    }
                    b'-' => {
                        self.push(Frame::Min { at: s, item: p, end, wanted: wanted(pattern, next) })?;
                        p = next;
                    }
                    _ => {
                        if s == subject.len() || !item.is(subject[s]) {
                            break 'failed;
                        }
                        (s, p) = (s + 1, end);
                    }
                }
                continue 'next;
            }
            loop {
                let Some(frame) = self.frames.last_mut() else {
                    return Ok(None);
                };
                match frame {
                    Frame::Max { from, at, next, wanted } => {
                        let before = *at;
                        // What has to follow and does not need not be tried.
                        let shorter =
                            (*from..*at).rev().find(|&at| *wanted == ANY || u16::from(subject[at]) == *wanted);
                        (s, p) = (shorter.unwrap_or(*from), *next);
                        *at = s;
                        self.steps += before - s;
                        if s == *from {
                            self.frames.pop();
                        }
                        if shorter.is_some() {
                            continue 'next;
                        }
                    }
                    Frame::Min { at, item, end, wanted } => {
                        let (before, single, next) = (*at, Item::of(&pattern[*item..*end]), *end + 1);
                        let mut goes_on = false;
                        while *at < subject.len() && single.is(subject[*at]) {
                            *at += 1;
                            if *wanted == ANY || *at < subject.len() && u16::from(subject[*at]) == *wanted {
                                goes_on = true;
                                break;
                            }
                        }
                        (s, p) = (*at, next);
                        self.steps += s - before;
                        if goes_on {
                            continue 'next;
                        }
                        self.frames.pop();
                    }
                    Frame::Optional { at, next } => {
                        (s, p) = (*at, *next);
                        self.frames.pop();
                        continue 'next;
                    }
                    Frame::Opened => {
                        self.level -= 1;
                        self.frames.pop();
                    }
                    Frame::Closed { index, start } => {
                        self.captures[*index] = Capture::Open(*start);
                        self.frames.pop();
                    }
                }
            }
        }
    }

    fn push(&mut self, frame: Frame) -> Result<(), Failure> {
        if self.frames.len() >= FRAMES_MAX {
            return Err(Malformed(c"pattern too complex"));
        }
        self.frames.push(frame);
        Ok(())
    }

    /// `%bxy`: the end of the balanced part that begins at `from`.
    fn balance(&mut self, subject: &[u8], from: usize, ends: Option<&[u8]>) -> Result<Option<usize>, Failure> {
        let Some(&[open, close]) = ends else {
            return Err(Malformed(c"unbalanced pattern"));
        };
        // Also at the end of the subject, where no byte of a pattern is.
        if byte(subject, from) != open || from == subject.len() {
            return Ok(None);
        }
        let mut depth = 1;
        for (index, &found) in subject.iter().enumerate().skip(from + 1) {
            if found == close {
                depth -= 1;
                if depth == 0 {
                    self.steps += index - from;
                    return Ok(Some(index + 1));
                }
            } else if found == open {
                depth += 1;
            }
        }
        self.steps += subject.len() - from;
        Ok(None)
    }

    /// Gives back what a large pattern has needed.
    pub fn tidy(&mut self) {
        if self.frames.capacity() > KEPT_FRAMES_MAX {
            self.frames = Vec::new();
        }
    }
}

/// The byte at `index`, and NUL behind the last.
#[inline]
fn byte(text: &[u8], index: usize) -> u8 {
    text.get(index).copied().unwrap_or(0)
}

/// The byte that the subject has to have where the pattern goes on at `p`, if that is a plain one.
#[inline]
fn wanted(pattern: &[u8], p: usize) -> u16 {
    match (byte(pattern, p), byte(pattern, p + 1)) {
        (0 | b'(' | b')' | b'%' | b'.' | b'[' | b'$', _) | (_, b'?' | b'*' | b'-') => ANY,
        (plain, _) => plain.into(),
    }
}

/// Where the item that begins at `p` ends.
#[inline]
fn item_end(pattern: &[u8], mut p: usize) -> Result<usize, Failure> {
    match pattern[p] {
        b'%' if p + 1 >= pattern.len() => Err(Malformed(c"malformed pattern (ends with '%')")),
        b'%' => Ok(p + 2),
        b'[' => {
            p += 1;
            if byte(pattern, p) == b'^' {
                p += 1;
            }
            loop {
                // The first one is a member, even if it is a bracket.
                if p >= pattern.len() {
                    return Err(Malformed(c"malformed pattern (missing ']')"));
                }
                p += if pattern[p] == b'%' && p + 1 < pattern.len() { 2 } else { 1 };
                if byte(pattern, p) == b']' {
                    return Ok(p + 1);
                }
            }
        }
        _ => Ok(p + 1),
    }
}

/// What matches a single byte.
#[derive(Clone, Copy)]
enum Item<'a> {
    Any,
    Byte(u8),
    /// Bits of [`CLASSES`], and whether it is what has one of them or what has none.
    Class(u16, bool),
    /// What is between the brackets.
    Set(&'a [u8]),
}

impl Item<'_> {
    #[inline]
    fn of(text: &[u8]) -> Item<'_> {
        match text {
            b"." => Item::Any,
            [b'%', letter] => match class(*letter) {
                0 => Item::Byte(*letter),
                bits => Item::Class(bits, letter.is_ascii_lowercase()),
            },
            [b'[', set @ .., b']'] => Item::Set(set),
            text => Item::Byte(byte(text, 0)),
        }
    }

    /// Whether it matches.
    #[inline]
    fn is(self, found: u8) -> bool {
        match self {
            Item::Any => true,
            Item::Byte(byte) => byte == found,
            Item::Class(bits, has) => (CLASSES[usize::from(found)] & bits != 0) == has,
            Item::Set(set) => is_in(set, found),
        }
    }

    /// How many bytes it matches in a row.
    #[inline]
    fn run(self, text: &[u8]) -> usize {
        let end = match self {
            Item::Any => None,
            Item::Byte(byte) => text.iter().position(|&found| found != byte),
            Item::Class(bits, has) => text.iter().position(|&found| (CLASSES[usize::from(found)] & bits != 0) != has),
            Item::Set([b'^', byte]) if *byte != b'%' => memchr::memchr(*byte, text),
            Item::Set(set) => text.iter().position(|&found| !is_in(set, found)),
        };
        end.unwrap_or(text.len())
    }
}

/// Whether a byte is in a set.
fn is_in(set: &[u8], found: u8) -> bool {
    let (set, is_member) = match set {
        [b'^', rest @ ..] => (rest, false),
        all => (all, true),
    };
    let mut at = 0;
    while at < set.len() {
        if set[at] == b'%' {
            let letter = byte(set, at + 1);
            let is_of = match class(letter) {
                0 => letter == found,
                bits => (CLASSES[usize::from(found)] & bits != 0) == letter.is_ascii_lowercase(),
            };
            if is_of {
                return is_member;
            }
            at += 2;
        } else if at + 2 < set.len() && set[at + 1] == b'-' {
            if (set[at]..=set[at + 2]).contains(&found) {
                return is_member;
            }
            at += 3;
        } else {
            if set[at] == found {
                return is_member;
            }
            at += 1;
        }
    }
    !is_member
}

/// The letters of classes; the place of one is that of its bit.
const LETTERS: &[u8; 10] = b"acdlpsuwxz";

/// The bit of the class that a letter names; 0 if it names none.
#[inline]
const fn class(letter: u8) -> u16 {
    match letter.to_ascii_lowercase() {
        b'a' => 1,
        b'c' => 1 << 1,
        b'd' => 1 << 2,
        b'l' => 1 << 3,
        b'p' => 1 << 4,
        b's' => 1 << 5,
        b'u' => 1 << 6,
        b'w' => 1 << 7,
        b'x' => 1 << 8,
        b'z' => 1 << 9,
        _ => 0,
    }
}

/// The classes of each byte, as C's functions tell them in the locale "C".
static CLASSES: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        let is = [
            c.is_ascii_alphabetic(),
            c.is_ascii_control(),
            c.is_ascii_digit(),
            c.is_ascii_lowercase(),
            c.is_ascii_punctuation(),
            c.is_ascii_whitespace() || c == 0x0b,
            c.is_ascii_uppercase(),
            c.is_ascii_alphanumeric(),
            c.is_ascii_hexdigit(),
            c == 0,
        ];
        let mut letter = 0;
        while letter < LETTERS.len() {
            if is[letter] {
                table[byte] |= class(LETTERS[letter]);
            }
            letter += 1;
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn find(subject: &str, pattern: &str) -> Result<Option<(usize, usize)>, Failure> {
        Matcher::default().search(subject.as_bytes(), pattern.as_bytes(), 0, false, &mut || false)
    }

    #[test]
    fn finds_what_lua_finds() {
        type Case = (&'static str, &'static str, Option<(usize, usize)>);
        let cases: &[Case] = &[
            ("hello", "l+", Some((2, 4))),
            ("hello", "l-o", Some((2, 5))),
            ("hello", "xyz*", None),
            ("hello", "", Some((0, 0))),
            ("", "$", Some((0, 0))),
            ("aaab", "a*ab", Some((0, 4))),
            ("aaab", "a?b", Some((2, 4))),
            ("x[(a)b(c)]", "%b()", Some((2, 5))),
            ("THE (quick) fox", "%f[%a]%a+%f[%A]", Some((0, 3))),
            ("key = value", "(%w+)%s*=%s*(%w+)", Some((0, 11))),
            ("abcabc", "(abc)%1", Some((0, 6))),
            ("a-z", "[a%-z]+", Some((0, 3))),
            ("]x", "[]]", Some((0, 1))),
            ("x]", "[^]]", Some((0, 1))),
            ("a.b", "%.", Some((1, 2))),
            ("2026-11-29", "^%d%d%d%d%-%d", None),
        ];
        for (subject, pattern, expected) in cases {
            assert_eq!(find(subject, pattern), Ok(*expected), "{subject} {pattern}");
        }
    }

    #[test]
    fn malformed_patterns_are_errors() {
        for (pattern, text) in [
            ("%", c"malformed pattern (ends with '%')"),
            ("[a", c"malformed pattern (missing ']')"),
            ("[]", c"malformed pattern (missing ']')"),
            ("[a%]", c"malformed pattern (missing ']')"),
            ("%f", c"missing '[' after '%f' in pattern"),
            ("%1", c"invalid capture index"),
            ("(a%1", c"invalid capture index"),
            ("a)", c"invalid pattern capture"),
            ("%b", c"unbalanced pattern"),
            ("%bx", c"unbalanced pattern"),
        ] {
            assert_eq!(find("aaa", pattern), Err(Malformed(text)), "{pattern}");
        }
        assert_eq!(find("a", &"(".repeat(33)), Err(Malformed(c"too many captures")));
    }

    #[test]
    fn a_pattern_of_any_length_is_no_matter_for_the_stack() {
        let subject = "a".repeat(150_000);
        assert_eq!(find(&subject, &"a?".repeat(150_000)), Ok(Some((0, 150_000))));
        let subject = "a".repeat(300_000);
        assert_eq!(find(&subject, &"a?".repeat(300_000)), Err(Malformed(c"pattern too complex")));
    }

    #[test]
    fn a_long_search_asks_whether_to_go_on() {
        let (subject, pattern) = ("a".repeat(200), "a*".repeat(20) + "b");
        let mut asked = 0;
        let mut matcher = Matcher::default();
        let mut pause = || {
            asked += 1;
            asked == 10
        };
        let result = matcher.search(subject.as_bytes(), pattern.as_bytes(), 0, false, &mut pause);
        assert_eq!((result, asked), (Err(Stopped), 10));
        assert_eq!(matcher.search(b"ab", b"(a)()", 0, false, &mut || false), Ok(Some((0, 1))));
        assert_eq!(matcher.captures(), [Capture::Part(0, 1), Capture::At(1)]);
    }
}
