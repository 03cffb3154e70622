//! The arguments of a command in one line, and the tree that COMMAND DOCS makes of it.
//!
//! A row of [`crate::spec`] writes `key value [condition<NX^2.6.12|XX^2.6.12>] [GET^6.2.0] [expiration<EX seconds|KEEPTTL>]`
//! where Redis keeps a page of JSON. The notation:
//!
//! | written | means |
//! |---|---|
//! | `name`, `name:type` | a value; types are `str int double key pattern unix`; the usual names have a usual type |
//! | `NX` | a pure token, named `nx` |
//! | `change!CH`, `equal!'='` | a pure token with another name; tokens that are not upper-case words are quoted |
//! | `EX seconds` | a value that follows a token (a token before a lower-case name belongs to it) |
//! | `name(a b)` | a block |
//! | `name<a\|b>` | one of these |
//! | `[a]` | optional |
//! | `a...` | may be repeated; `a+...`: with its token each time |
//! | `a@1` | key spec 1; keys have 0 unless told |
//! | `a"text"` | displayed as `text` instead of its name |
//! | `a^6.2.0`, `a~7.0.0` | since, deprecated since |
//! | `a{summary}` | its own summary |
//!
//! The suffixes `@ " ^ ~ {` come after the name, type or closing bracket, in any order, the dots last.

use std::borrow::Cow;

/// Type of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ArgKind {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    OneOf,
    Block,
}

impl ArgKind {
    /// The name in COMMAND DOCS.
    pub const fn name(self) -> &'static str {
        match self {
            ArgKind::String => "string",
            ArgKind::Integer => "integer",
            ArgKind::Double => "double",
            ArgKind::Key => "key",
            ArgKind::Pattern => "pattern",
            ArgKind::UnixTime => "unix-time",
            ArgKind::PureToken => "pure-token",
            ArgKind::OneOf => "oneof",
            ArgKind::Block => "block",
        }
    }

    fn written(text: &str) -> Option<Self> {
        Some(match text {
            "str" => ArgKind::String,
            "int" => ArgKind::Integer,
            "double" => ArgKind::Double,
            "key" => ArgKind::Key,
            "pattern" => ArgKind::Pattern,
            "unix" => ArgKind::UnixTime,
            _ => return None,
        })
    }

    /// The type that an argument of this name nearly always has.
    fn usual(name: &str) -> Self {
        match name {
            "key" | "destination" => ArgKind::Key,
            "pattern" => ArgKind::Pattern,
            "count" | "numkeys" | "numfields" | "offset" | "seconds" | "milliseconds" | "port" | "slot" | "cursor"
            | "index" | "client-id" | "weight" => ArgKind::Integer,
            "timeout" | "radius" | "longitude" | "latitude" | "width" | "height" | "score" => ArgKind::Double,
            "unix-time-seconds" | "unix-time-milliseconds" => ArgKind::UnixTime,
            _ => ArgKind::String,
        }
    }
}

/// One argument of COMMAND DOCS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    /// Name.
    pub name: Cow<'a, str>,
    /// Type.
    pub kind: ArgKind,
    /// Text to display; blocks and choices have none.
    pub display: Option<Cow<'a, str>>,
    /// Index of the key spec that finds it.
    pub key_spec: Option<u8>,
    /// The literal that it is, or that comes before it. May be empty.
    pub token: Option<&'a str>,
    /// Its own summary.
    pub summary: Option<&'a str>,
    /// Version that introduced it.
    pub since: Option<&'a str>,
    /// Version that deprecated it.
    pub deprecated_since: Option<&'a str>,
    /// May be left out.
    pub optional: bool,
    /// May be repeated.
    pub multiple: bool,
    /// Repeated with its token.
    pub multiple_token: bool,
    /// Parts of a block or choice.
    pub children: Vec<Arg<'a>>,
}

/// A row's syntax is not in the notation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at} of the syntax")]
pub struct SyntaxError {
    /// What was expected.
    pub what: &'static str,
    /// Byte offset.
    pub at: usize,
}

/// Parses the syntax of a row. O(length).
///
/// # Errors
/// When the text does not follow the notation above; a test runs this over every row.
pub fn parse(text: &str) -> Result<Vec<Arg<'_>>, SyntaxError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut p = Parser { text, at: 0 };
    let args = p.list(' ')?;
    if p.at != text.len() { Err(p.error("expected the end")) } else { Ok(args) }
}

/// The arguments as one types them: `key [NX|XX] [EX seconds|PERSIST] (field value) ...`.
pub fn usage(args: &[Arg<'_>]) -> String {
    args.iter().map(Arg::usage).collect::<Vec<_>>().join(" ")
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, what: &'static str) -> SyntaxError {
        SyntaxError { what, at: self.at }
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn expect(&mut self, c: char, what: &'static str) -> Result<(), SyntaxError> {
        if self.eat(c) { Ok(()) } else { Err(self.error(what)) }
    }

    fn take_while(&mut self, want: impl Fn(char) -> bool, what: &'static str) -> Result<&'a str, SyntaxError> {
        let rest = self.rest();
        let len = rest.find(|c| !want(c)).unwrap_or(rest.len());
        if len == 0 {
            return Err(self.error(what));
        }
        self.at += len;
        Ok(&rest[..len])
    }

    fn until(&mut self, end: char, what: &'static str) -> Result<&'a str, SyntaxError> {
        let Some(len) = self.rest().find(end) else {
            return Err(self.error(what));
        };
        let found = &self.rest()[..len];
        self.at += len + end.len_utf8();
        Ok(found)
    }

    fn list(&mut self, separator: char) -> Result<Vec<Arg<'a>>, SyntaxError> {
        let mut args = vec![self.arg()?];
        while self.eat(separator) {
            args.push(self.arg()?);
        }
        Ok(args)
    }

    fn arg(&mut self) -> Result<Arg<'a>, SyntaxError> {
        if !self.eat('[') {
            return self.bare_arg();
        }
        let mut arg = self.bare_arg()?;
        self.expect(']', "expected ]")?;
        arg.optional = true;
        Ok(arg)
    }

    fn bare_arg(&mut self) -> Result<Arg<'a>, SyntaxError> {
        let token = match self.rest().starts_with(|c: char| c.is_ascii_uppercase() || c == '\'') {
            true => Some(self.token()?),
            false => None,
        };
        let mut after = self.rest().chars();
        let mut arg = match token {
            Some(_) if after.next() == Some(' ') && after.next().is_some_and(|c| c.is_ascii_lowercase()) => {
                self.at += 1;
                self.named()?
            }
            Some(token) => Arg::new(Cow::Owned(token.to_ascii_lowercase()), ArgKind::PureToken),
            None => self.named()?,
        };
        if token.is_some() {
            arg.token = token;
        }
        self.suffixes(&mut arg)?;
        Ok(arg)
    }

    fn token(&mut self) -> Result<&'a str, SyntaxError> {
        if self.eat('\'') {
            return self.until('\'', "expected the closing '");
        }
        self.take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-', "expected a token")
    }

    fn named(&mut self) -> Result<Arg<'a>, SyntaxError> {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let name = self.take_while(is_name, "expected a name")?;
        let mut arg = Arg::new(Cow::Borrowed(name), ArgKind::usual(name));
        if self.eat('!') {
            arg.kind = ArgKind::PureToken;
            arg.token = Some(self.token()?);
        } else if self.eat('(') {
            arg.kind = ArgKind::Block;
            arg.children = self.list(' ')?;
            self.expect(')', "expected )")?;
        } else if self.eat('<') {
            arg.kind = ArgKind::OneOf;
            arg.children = self.list('|')?;
            self.expect('>', "expected >")?;
        } else if self.eat(':') {
            let kind = self.take_while(|c| c.is_ascii_lowercase(), "expected a type")?;
            arg.kind = ArgKind::written(kind).ok_or_else(|| self.error("expected a type before here"))?;
        }
        Ok(arg)
    }

    fn suffixes(&mut self, arg: &mut Arg<'a>) -> Result<(), SyntaxError> {
        loop {
            if self.eat('@') {
                let index = self.take_while(|c| c.is_ascii_digit(), "expected a key spec")?;
                arg.key_spec = Some(index.parse().map_err(|_| self.error("the key spec is too large"))?);
            } else if self.eat('"') {
                arg.display = Some(Cow::Borrowed(self.until('"', "expected the closing \"")?));
            } else if self.eat('{') {
                arg.summary = Some(self.until('}', "expected }")?);
            } else if self.eat('^') {
                arg.since = Some(self.version()?);
            } else if self.eat('~') {
                arg.deprecated_since = Some(self.version()?);
            } else {
                break;
            }
        }
        if self.rest().starts_with("+...") {
            self.at += 4;
            (arg.multiple, arg.multiple_token) = (true, true);
        } else if self.rest().starts_with("...") {
            self.at += 3;
            arg.multiple = true;
        }
        if arg.kind == ArgKind::Key && arg.key_spec.is_none() {
            arg.key_spec = Some(0);
        }
        if arg.display.is_none() && !matches!(arg.kind, ArgKind::OneOf | ArgKind::Block) {
            arg.display = Some(arg.name.clone());
        }
        Ok(())
    }

    /// Digits and single dots; the dots of `...` are not part of it.
    fn version(&mut self) -> Result<&'a str, SyntaxError> {
        let rest = self.rest();
        let len = rest.find("...").unwrap_or(rest.len());
        let len = rest[..len].find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(len);
        if len == 0 {
            return Err(self.error("expected a version"));
        }
        self.at += len;
        Ok(&rest[..len])
    }
}

impl Arg<'_> {
    fn usage(&self) -> String {
        let parts = || self.children.iter().map(Arg::usage).collect::<Vec<_>>();
        // Brackets show what belongs together, where no others do.
        let apart = !self.optional || self.multiple;
        let value = match self.kind {
            ArgKind::PureToken => String::new(),
            ArgKind::OneOf if apart || self.token.is_some() => format!("<{}>", parts().join("|")),
            ArgKind::OneOf => parts().join("|"),
            ArgKind::Block if self.multiple && self.token.is_none() => format!("({})", parts().join(" ")),
            ArgKind::Block => parts().join(" "),
            _ => self.display.as_deref().unwrap_or(&self.name).to_owned(),
        };
        let mut text = match self.token {
            None => value,
            Some("") => "\"\"".to_owned(),
            Some(token) => format!("{token} {value}").trim_end().to_owned(),
        };
        if self.multiple_token {
            text = format!("({text})");
        }
        if self.multiple {
            text += " ...";
        }
        if self.optional { format!("[{text}]") } else { text }
    }
}

impl<'a> Arg<'a> {
    fn new(name: Cow<'a, str>, kind: ArgKind) -> Self {
        Self {
            name,
            kind,
            display: None,
            key_spec: None,
            token: None,
            summary: None,
            since: None,
            deprecated_since: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            children: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A compact picture of a tree, so that the cases below stay one line each.
    fn picture(args: &[Arg<'_>]) -> String {
        let one = |a: &Arg<'_>| {
            let mut s = format!("{}:{}", a.name, a.kind.name());
            if let Some(t) = a.token {
                s += &format!(" token={t}");
            }
            if let Some(k) = a.key_spec {
                s += &format!(" spec={k}");
            }
            match &a.display {
                Some(d) if *d != a.name => s += &format!(" display={d}"),
                _ => {}
            }
            for (label, value) in [("since", a.since), ("until", a.deprecated_since), ("summary", a.summary)] {
                if let Some(value) = value {
                    s += &format!(" {label}={value}");
                }
            }
            for (label, set) in
                [("optional", a.optional), ("multiple", a.multiple), ("multiple_token", a.multiple_token)]
            {
                if set {
                    s += &format!(" {label}");
                }
            }
            if !a.children.is_empty() {
                s += &format!(" ({})", picture(&a.children));
            }
            s
        };
        args.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        match parse(text) {
            Ok(args) => assert_eq!(picture(&args), expected, "{text}"),
            Err(e) => panic!("{text}: {e}"),
        }
    }

    #[test]
    fn the_notation() {
        check("", "");
        check("key value", "key:key spec=0, value:string");
        check("destination source:key@1...", "destination:key spec=0, source:key spec=1 multiple");
        check(
            "[COUNT count] [WITHSCORES^6.2.0]",
            "count:integer token=COUNT optional, withscores:pure-token token=WITHSCORES since=6.2.0 optional",
        );
        check("[increment!INCR]", "increment:pure-token token=INCR optional");
        check("equal!'=' empty!''", "equal:pure-token token==, empty:pure-token token=");
        check("[unit<M|KM>]", "unit:oneof optional (m:pure-token token=M, km:pure-token token=KM)");
        check(
            "args<no-one(NO ONE)|host>",
            "args:oneof (no-one:block (no:pure-token token=NO, one:pure-token token=ONE), host:string)",
        );
        check(
            "FIELDS fields(numfields field...)",
            "fields:block token=FIELDS (numfields:integer, field:string multiple)",
        );
        check(
            "[GET get-pattern:pattern\"pattern\"@1+...]",
            "get-pattern:pattern token=GET spec=1 display=pattern optional multiple multiple_token",
        );
        check("id^7.0.0... x~6.0.0", "id:string since=7.0.0 multiple, x:string until=6.0.0");
        check("IFEQ v{Only if so.}", "v:string token=IFEQ summary=Only if so.");
        check("NOW FORCE key", "now:pure-token token=NOW, key:key token=FORCE spec=0");
    }

    #[test]
    fn usages() {
        for (text, expected) in [
            ("", ""),
            ("key value", "key value"),
            ("[COUNT count] [WITHSCORES^6.2.0]", "[COUNT count] [WITHSCORES]"),
            ("key [condition<NX|XX>] mode<YES|NO>", "key [NX|XX] <YES|NO>"),
            ("[TYPE type<A|B>] [section...]", "[TYPE <A|B>] [section ...]"),
            ("data(field value)... key...", "(field value) ... key ..."),
            ("FIELDS fields(numfields field...)", "FIELDS numfields field ..."),
            (
                "[PREFIX prefix+...] [GET get-pattern:pattern\"pattern\"+...]",
                "[(PREFIX prefix) ...] [(GET pattern) ...]",
            ),
            ("id-selector<id|new-id!'$'> x!''", "<id|$> \"\""),
            ("filter<old|new<[ID client-id]|[USER name]>...>", "<old|<[ID client-id]|[USER name]> ...>"),
        ] {
            assert_eq!(parse(text).map(|args| usage(&args)).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors_say_where() {
        for (text, at) in [
            ("key [value", 10),
            ("key:what", 8),
            ("a  b", 2),
            ("a(b", 3),
            ("a<b", 3),
            ("a^x", 2),
            ("a]", 1),
            ("a!'b", 3),
        ] {
            assert_eq!(parse(text).map_err(|e| e.at), Err(at), "{text}");
        }
    }
}
