//! The patterns of BY and GET: `weight_*`, `object_*->field`, `#`.

use curfew_protocol::error::c_string;

/// What a pattern makes of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// `#`: the element itself.
    Item,
    /// One without a star, which stands for nothing.
    Fixed,
    /// A key.
    Key {
        /// What comes in front of the element.
        before: &'a [u8],
        /// What comes behind it.
        behind: &'a [u8],
        /// The field of the hash at the key, rather than the string.
        field: Option<&'a [u8]>,
    },
}

impl<'a> Pattern<'a> {
    /// Reads a pattern. As in Redis, the first star counts and the first arrow behind it, neither of them behind a NUL, and an
    /// arrow with nothing behind it is part of the key.
    pub(super) fn parse(text: &'a [u8]) -> Pattern<'a> {
        let seen = c_string(text);
        if seen == b"#" {
            return Pattern::Item;
        }
        let Some(star) = seen.iter().position(|byte| *byte == b'*') else { return Pattern::Fixed };
        let (before, rest) = (&text[..star], &text[star + 1..]);
        let arrow = seen[star + 1..].windows(2).position(|pair| pair == b"->");
        match arrow.filter(|arrow| star + 1 + arrow + 2 < seen.len()) {
            Some(arrow) => Pattern::Key { before, behind: &rest[..arrow], field: Some(&rest[arrow + 2..]) },
            None => Pattern::Key { before, behind: rest, field: None },
        }
    }

    /// Whether it makes different things of different elements, but for `#`, which BY does not know.
    pub(super) fn has_star(self) -> bool {
        matches!(self, Pattern::Key { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let key = |before, behind, field| Pattern::Key { before, behind, field };
        let cases: &[(&[u8], Pattern<'_>)] = &[
            (b"#", Pattern::Item),
            (b"#\0x", Pattern::Item),
            (b"", Pattern::Fixed),
            (b"nosort", Pattern::Fixed),
            (b"a\0*", Pattern::Fixed),
            (b"*", key(b"", b"", None)),
            (b"w_*_x", key(b"w_", b"_x", None)),
            (b"w_*_*", key(b"w_", b"_*", None)),
            (b"h_*->f", key(b"h_", b"", Some(b"f"))),
            (b"h->x_*_y->f->g", key(b"h->x_", b"_y", Some(b"f->g"))),
            (b"h_*->", key(b"h_", b"->", None)),
            (b"h_*->\0f", key(b"h_", b"->\0f", None)),
            (b"h_*\0->f", key(b"h_", b"\0->f", None)),
            (b"h_*->f\0g", key(b"h_", b"", Some(b"f\0g"))),
        ];
        for (text, expected) in cases {
            assert_eq!(Pattern::parse(text), *expected, "{}", text.escape_ascii());
        }
    }
}
