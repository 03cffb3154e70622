//! The first line of a library's code: `#!lua name=mylib`.

use curfew_protocol::Error;
use curfew_protocol::error::c_string;
use curfew_protocol::request::split_words;

/// The only engine, as replies name it.
pub const ENGINE: &str = "LUA";

/// What the first line says.
#[derive(PartialEq, Eq, Debug)]
pub struct Metadata<'a> {
    /// The library's name.
    pub name: Box<[u8]>,
    /// The code after the first line, its line break included: so lines are numbered as the author sees them.
    pub body: &'a [u8],
}

impl Metadata<'_> {
    /// Reads the first line of `code`, and checks engine and name.
    ///
    /// # Errors
    /// Those of Redis, in its order.
    pub fn parse(code: &[u8]) -> Result<Metadata<'_>, Error> {
        if !code.starts_with(b"#!") {
            return Err(Error::MISSING_METADATA);
        }
        let end = c_string(code).iter().position(|&byte| byte == b'\n').ok_or(Error::INVALID_METADATA)?;
        let mut line = code[..end].to_vec();
        let mut places = Vec::new();
        if !split_words(&mut line, |start, len| places.push(start..start + len)) {
            return Err(Error::INVALID_METADATA);
        }
        let mut words = places.into_iter().map(|place| &line[place]);
        let engine = words.next().and_then(|word| word.get(2..)).ok_or(Error::INVALID_METADATA)?;
        let mut name = None;
        for word in words {
            match word.get(..5) {
                Some(option) if option.eq_ignore_ascii_case(b"name=") => {}
                _ => return Err(Error::made([b"ERR Invalid metadata value given: ", c_string(word)].concat())),
            }
            if name.replace(&word[5..]).is_some() {
                return Err(Error::METADATA_NAME_TWICE);
            }
        }
        let name = name.ok_or(Error::NO_LIBRARY_NAME)?;
        if !is_name(name) {
            return Err(Error::LIBRARY_NAME);
        }
        if !engine.eq_ignore_ascii_case(ENGINE.as_bytes()) {
            return Err(Error::made([b"ERR Engine '", engine, b"' not found"].concat()));
        }
        Ok(Metadata { name: name.into(), body: &code[end..] })
    }
}

/// Whether a library or a function may have this name.
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let read = |code: &str| match Metadata::parse(code.as_bytes()) {
            Ok(Metadata { name, body }) => format!("{}|{}", String::from_utf8_lossy(&name), body.len()),
            Err(error) => error.to_string(),
        };
        let names = "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one \
                     character long";
        let twice = "ERR Invalid metadata value, name argument was given multiple times";
        for (code, expected) in [
            ("#!lua name=mylib\nreturn", "mylib|7"),
            ("#!LUA  NAME=_1 \n", "_1|1"),
            ("#!lua 'name=quoted'\n", "quoted|1"),
            ("", "ERR Missing library metadata"),
            ("#", "ERR Missing library metadata"),
            ("return 1", "ERR Missing library metadata"),
            ("#!lua name=a", "ERR Invalid library metadata"),
            ("#!lua name=a\0\n", "ERR Invalid library metadata"),
            ("#!lua name='a\n", "ERR Invalid library metadata"),
            ("#!\n", "ERR Library name was not given"),
            ("#!lua\n", "ERR Library name was not given"),
            ("#!lua name\n", "ERR Invalid metadata value given: name"),
            ("#!lua name=a foo=b\n", "ERR Invalid metadata value given: foo=b"),
            ("#!lua name=a name=b\n", twice),
            ("#!lua name=\n", names),
            ("#!lua name=a-b\n", names),
            ("#!lua \"name=a b\"\n", names),
            ("#!js name=a\n", "ERR Engine 'js' not found"),
            ("#! name=a\n", "ERR Engine '' not found"),
            ("#!js name=-\n", names),
        ] {
            assert_eq!(read(code), expected, "{code:?}");
        }
    }
}
