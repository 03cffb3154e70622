//! SSCAN.

use crate::unit::Unit;
use crate::value::packed::Element;
use crate::value::set::{Set, SetRef};
use curfew_protocol::args::is;
use curfew_protocol::{Args, Error, Reply, glob, number};

/// How many members a call looks at unless told otherwise.
const COUNT: usize = 10;

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`. What is no table comes whole at once.
pub(super) fn sscan(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let cursor = number::parse_u64_lenient(args.at(2)).ok_or(Error::INVALID_CURSOR)?;
    // Without the key, nobody looks at the options.
    let Some(set) = unit.view::<Set>(args.at(1))? else {
        out.array(2);
        out.bulk(b"0");
        out.array(0);
        return Ok(());
    };
    let options = Options::parse(args)?;
    let (mut members, mut found) = (Reply::new(out.resp), 0);
    let mut visit = |member: Element<'_>| {
        if options.matches(member) {
            member.reply(&mut members);
            found += 1;
        }
    };
    let next = match set {
        SetRef::Table(table) => table.scan(cursor, options.count, &mut |member, _| visit(Element::Bytes(member))),
        packed => {
            packed.iter().for_each(visit);
            0
        }
    };
    out.array(2);
    out.bulk(itoa::Buffer::new().format(next).as_bytes());
    out.array(found);
    out.raw(members.as_bytes());
    Ok(())
}

struct Options<'a> {
    /// None: all members.
    pattern: Option<&'a [u8]>,
    /// At least 1.
    count: usize,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Options<'a>, Error> {
        let mut options = Options { pattern: None, count: COUNT };
        let mut cursor = args.cursor(3);
        while let Some(option) = cursor.next() {
            if is(option, "COUNT") {
                let count = cursor.i64()?;
                options.count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(Error::SYNTAX)?;
            } else if is(option, "MATCH") {
                // A star alone matches the empty member too, as the matcher itself would not.
                options.pattern = Some(cursor.need()?).filter(|pattern| *pattern != b"*");
            } else if is(option, "NOVALUES") {
                return Err(Error::NOVALUES_ONLY_HSCAN);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }

    fn matches(&self, member: Element<'_>) -> bool {
        let fits = |pattern| glob::matches(pattern, member.bytes(&mut itoa::Buffer::new()), false);
        self.pattern.is_none_or(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use crate::testing::World;
    use std::collections::BTreeSet;

    #[test]
    fn replies_are_those_of_redis() {
        let mut world = World::new(2);
        world.run("sadd i 1 2 30");
        world.run("sadd w a b 1");
        world.run("set str v");
        world.events();
        world.effects();
        let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        check(
            &mut world,
            &[
                ("sscan i 0", "*2 $1 0 *3 $1 1 $1 2 $2 30", "", ""),
                ("sscan i 77 count 1", "*2 $1 0 *3 $1 1 $1 2 $2 30", "", ""),
                ("sscan w 0 match [a-b]", "*2 $1 0 *2 $1 a $1 b", "", ""),
                ("sscan i 0 match 3* count 5", "*2 $1 0 *1 $2 30", "", ""),
                ("sscan i x", "-ERR invalid cursor", "", ""),
                ("sscan none x", "-ERR invalid cursor", "", ""),
                ("sscan none 0 nosuch", "*2 $1 0 *0", "", ""),
                ("sscan str 0 nosuch", wrong_type, "", ""),
                ("sscan i 0 nosuch", "-ERR syntax error", "", ""),
                ("sscan i 0 type set", "-ERR syntax error", "", ""),
                ("sscan i 0 novalues", "-ERR NOVALUES option can only be used in HSCAN", "", ""),
                ("sscan i 0 count 0", "-ERR syntax error", "", ""),
                ("sscan i 0 count x", "-ERR value is not an integer or out of range", "", ""),
                ("sscan i 0 count", "-ERR syntax error", "", ""),
                ("sscan i 0 match", "-ERR syntax error", "", ""),
            ],
        );
    }

    #[test]
    fn what_is_there_all_the_time_is_found_in_short_steps() {
        let mut world = World::new(1);
        (0..3000).for_each(|i| drop(world.run(&format!("sadd s stay{i} go{i}"))));
        let (mut cursor, mut seen, mut steps) = ("0".to_string(), BTreeSet::new(), 0);
        loop {
            let reply = world.run(&format!("sscan s {cursor} match stay* count 20"));
            let words: Vec<&str> = reply.split(' ').collect();
            assert!(words.len() < 400, "a step is not much longer than asked for");
            seen.extend(words[4..].iter().skip(1).step_by(2).map(|word| word.to_string()));
            cursor = words[2].to_string();
            if cursor == "0" {
                break;
            }
            // The table shrinks and grows between the calls.
            for i in 0..10 {
                world.run(&format!("srem s go{}", (steps * 10 + i) % 3000));
                world.run(&format!("sadd s new{}", steps * 10 + i));
            }
            steps += 1;
            assert!(steps < 10_000, "a scan without an end");
        }
        assert_eq!(seen.len(), 3000);
    }
}
