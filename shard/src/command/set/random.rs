//! Members chosen at random: SPOP and SRANDMEMBER.

use crate::event::class;
use crate::random::Random;
use crate::unit::Unit;
use crate::unit::sink::Garbage;
use crate::value::object::Boxed;
use crate::value::set::Set;
use curfew_protocol::args::{OwnedArgs, integer};
use curfew_protocol::{Args, Error, Reply, number};

/// Members that one effect names at most.
const GROUP: usize = 1024;

/// `SPOP key [count]`.
pub(super) fn spop(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    if args.len() > 3 {
        return Err(Error::SYNTAX);
    }
    let count = args.get(2).map(|arg| {
        let count = number::parse_i64(arg).and_then(|count| usize::try_from(count).ok());
        count.ok_or(Error::MUST_BE_POSITIVE)
    });
    let (count, is_single) = (count.transpose()?.unwrap_or(1), args.len() == 2);
    let Some(set) = unit.peek_view::<Set>(key)? else {
        if is_single {
            out.null()
        } else {
            out.set(0)
        }
        return Ok(());
    };
    if count == 0 {
        out.set(0);
        return Ok(());
    }
    let len = set.len();
    if !is_single {
        out.set(count.min(len));
    }
    if count >= len {
        set.iter().for_each(|member| member.reply(out));
        // A single member is named; of more that are all there is, the removal of the key says enough.
        if is_single {
            let member = set.iter().next().map(|member| member.to_vec()).unwrap_or_default();
            unit.effect(key, [b"SREM", key, &member]);
        } else {
            unit.effect(key, [b"DEL", key]);
        }
        unit.remove(key);
        unit.changed(key, class::SET, "spop");
        unit.event(class::GENERIC, "del", key);
        return Ok(());
    }
    let (limits, mut random) = (unit.settings.limits, Random::new(unit.random()));
    let (mut popped, keeps) = (OwnedArgs::default(), unit.keeps_effects());
    let edited = unit.edit(key, |set: &mut Set| {
        set.pop(count, &limits, &mut random, |member| {
            member.reply(out);
            if keeps {
                popped.push(member.bytes(&mut itoa::Buffer::new()));
            }
        })
    })?;
    if let Some(old) = edited.and_then(|edited| edited.value) {
        unit.sink().garbage.push(Garbage::Object(Box::new(old.into_object())));
    }
    if keeps {
        let popped = popped.view();
        for from in (0..popped.len()).step_by(GROUP) {
            let members = popped.iter().skip(from).take(GROUP);
            unit.effect(key, [b"SREM".as_slice(), key].into_iter().chain(members));
        }
    } else {
        unit.effect(key, []);
    }
    unit.changed(key, class::SET, "spop");
    Ok(())
}

/// `SRANDMEMBER key [count]`: with a negative count, members may come again.
pub(super) fn srandmember(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let key = args.at(1);
    if args.len() > 3 {
        return Err(Error::SYNTAX);
    }
    let count = args.get(2).map(integer).transpose()?;
    if count == Some(i64::MIN) {
        return Err(Error::NOT_A_NEGATABLE_INTEGER);
    }
    // The longest reply that one command may ask for, at six bytes and more for a member: Redis would run out of memory.
    let (members_max, mut random) = (unit.settings.bulk_max / 6, Random::new(unit.random()));
    let Some(set) = unit.view::<Set>(key)? else {
        if count.is_none() {
            out.null()
        } else {
            out.array(0)
        }
        return Ok(());
    };
    let Some(count) = count else {
        if let Some(member) = set.random(&mut random) {
            member.reply(out);
        }
        return Ok(());
    };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        if wanted > members_max {
            return Err(Error::OUT_OF_RANGE);
        }
        out.array(wanted);
        set.draw(wanted, &mut random, |member| member.reply(out));
    } else {
        out.array(wanted.min(set.len()));
        set.sample(wanted, &mut random, |member| member.reply(out));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use crate::testing::World;
    use std::collections::BTreeSet;

    const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    const POSITIVE: &str = "-ERR value is out of range, must be positive";

    /// The members of a reply `*n $len member ...`.
    fn members(reply: &str) -> Vec<String> {
        let words: Vec<&str> = reply.split(' ').collect();
        assert!(words[0].starts_with(['*', '~']), "{reply}");
        let found: Vec<String> = words[1..].iter().skip(1).step_by(2).map(|word| word.to_string()).collect();
        assert_eq!(words[0][1..].parse(), Ok(found.len()));
        found
    }

    #[test]
    fn replies_are_those_of_redis() {
        for shards in [1, 4] {
            let mut world = World::new(shards);
            world.run("set str v");
            world.run("sadd s a b");
            world.events();
            world.effects();
            check(
                &mut world,
                &[
                    ("spop none", "$-1", "", ""),
                    ("spop none 2", "*0", "", ""),
                    ("spop none -1", POSITIVE, "", ""),
                    ("spop s x", POSITIVE, "", ""),
                    ("spop s 0", "*0", "", ""),
                    ("spop s 1 1", "-ERR syntax error", "", ""),
                    ("spop str", WRONG_TYPE, "", ""),
                    ("spop str 0", WRONG_TYPE, "", ""),
                    ("srandmember none", "$-1", "", ""),
                    ("srandmember none 2", "*0", "", ""),
                    ("srandmember none -9223372036854775807", "*0", "", ""),
                    ("srandmember s 0", "*0", "", ""),
                    ("srandmember s 5", "*2 $1 a $1 b", "", ""),
                    ("srandmember s x", "-ERR value is not an integer or out of range", "", ""),
                    (
                        "srandmember s -9223372036854775808",
                        "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
                        "",
                        "",
                    ),
                    ("srandmember s -9223372036854775807", "-ERR value is out of range", "", ""),
                    ("srandmember s 1 1", "-ERR syntax error", "", ""),
                    ("srandmember str", WRONG_TYPE, "", ""),
                    ("spop s 3", "*2 $1 a $1 b", "spop s / del s", "DEL s"),
                    ("sadd s 7", ":1", "sadd s", "sadd s 7"),
                    ("spop s", "$1 7", "spop s / del s", "SREM s 7"),
                    ("exists s", ":0", "", ""),
                ],
            );
            world.resp = curfew_protocol::Resp::Three;
            world.run("sadd s a b");
            for (line, reply) in [
                ("spop none", "_"),
                ("spop none 1", "~0"),
                ("spop s 5", "~2 $1 a $1 b"),
                ("srandmember s", "_"),
                ("srandmember s 5", "*0"),
            ] {
                assert_eq!(world.run(line), reply, "{line}");
            }
        }
    }

    #[test]
    fn what_was_popped_is_gone_and_the_effect_says_so() {
        for of in ["", "w"] {
            for count in [1, 7, 290, 1500, 2900] {
                let mut world = World::new(2);
                (0..3000).for_each(|i| drop(world.run(&format!("sadd s {of}{i}"))));
                world.events();
                world.effects();
                let popped = members(&world.run(&format!("spop s {count}")));
                assert_eq!(popped.len(), count);
                assert_eq!(world.run("scard s"), format!(":{}", 3000 - count));
                popped.iter().for_each(|member| assert_eq!(world.run(&format!("sismember s {member}")), ":0"));
                let effects = world.effect_lines();
                let named: Vec<&str> = effects.iter().flat_map(|effect| effect.split(' ').skip(2)).collect();
                assert!(effects.iter().all(|effect| effect.starts_with("SREM s ")));
                assert_eq!(named, popped);
                assert_eq!(world.events(), ["spop s"]);
            }
        }
    }

    #[test]
    fn random_members() {
        let mut world = World::new(1);
        (0..300).for_each(|i| drop(world.run(&format!("sadd s w{i}"))));
        for count in [1, 10, 200, 299] {
            let found = members(&world.run(&format!("srandmember s {count}")));
            assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), count);
        }
        assert_eq!(members(&world.run("srandmember s -1000")).len(), 1000);
        assert!(world.run("srandmember s").starts_with('$'));
        assert_eq!(world.run("scard s"), ":300");
    }
}
