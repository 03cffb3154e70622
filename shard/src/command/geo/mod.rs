//! Positions in sorted sets. This file has the rows and the commands that look members up or add them; the searches are next
//! to it.

mod reply;
mod search;

use super::sorted_set::add::{Options, add};
use crate::command::row::Row;
use crate::unit::Unit;
use crate::value::geohash::Position;
use crate::value::sorted_set::SortedSet;
use curfew_protocol::args::{OwnedArgs, is};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error, Reply};
use reply::{metres_of, position, reply_distance, reply_position};

/// The rows of this family.
pub const ROWS: &[Row] = &[
    Row::new(
        Spec::new("geoadd", -5, Group::Geo, "3.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RW | UPDATE)])
            .doc("O(m*log(n)), m = members given, n = members of the set", "Puts members at longitudes and latitudes, or moves them there.", "key [condition<NX|XX>^6.2.0] [change!CH^6.2.0] data(longitude latitude member)...")
            .history(&[("6.2.0", "`NX`, `XX` and `CH`, which mean what they mean to ZADD.")]),
        geoadd,
    ),
    Row::new(
        Spec::new("geodist", -4, Group::Geo, "3.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(1)", "Tells how far apart two members are.", "key member1 member2 [unit<M|KM|FT|MI>]"),
        geodist,
    ),
    Row::new(
        Spec::new("geohash", -2, Group::Geo, "3.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = members given", "Tells where members are, as geohashes of 11 characters.", "key [member...]"),
        geohash,
    ),
    Row::new(
        Spec::new("geopos", -2, Group::Geo, "3.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n), n = members given", "Tells where members are, as longitude and latitude.", "key [member...]"),
        geopos,
    ),
    Row::new(
        Spec::new("georadius", -6, Group::Geo, "3.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RO | ACCESS), KeySpec::after("STORE", 6, OW | UPDATE), KeySpec::after("STOREDIST", 6, OW | UPDATE)])
            .finder(Finder::Georadius)
            .doc("O(n+log(m)), n = members in the cells that cover the area, m = members of the set", "Finds the members around a point, up to a distance, and returns or stores them.", "key longitude latitude radius unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [count-block(COUNT count [ANY^6.2.0])] [order<ASC|DESC>] [store<STORE storekey:key@1\"key\"|STOREDIST storedistkey:key@2\"key\">]")
            .history(&[("6.2.0", "`ANY`: whichever are found first, once there are `COUNT`."), ("7.0.0", "Units may be in upper case.")])
            .deprecated("6.2.0", "`GEOSEARCH` or `GEOSEARCHSTORE`, `FROMLONLAT` and `BYRADIUS`"),
        search::georadius,
    ),
    Row::new(
        Spec::new("georadius_ro", -6, Group::Geo, "3.2.10")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n+log(m)), n = members in the cells that cover the area, m = members of the set", "Finds the members around a point, up to a distance.", "key longitude latitude radius unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [count-block(COUNT count [ANY^6.2.0])] [order<ASC|DESC>]")
            .history(&[("6.2.0", "`ANY`: whichever are found first, once there are `COUNT`."), ("7.0.0", "Units may be in upper case.")])
            .deprecated("6.2.0", "`GEOSEARCH`, `FROMLONLAT` and `BYRADIUS`"),
        search::georadius_ro,
    ),
    Row::new(
        Spec::new("georadiusbymember", -5, Group::Geo, "3.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(RO | ACCESS), KeySpec::after("STORE", 5, OW | UPDATE), KeySpec::after("STOREDIST", 5, OW | UPDATE)])
            .finder(Finder::Georadius)
            .doc("O(n+log(m)), n = members in the cells that cover the area, m = members of the set", "Finds the members around another one, up to a distance, and returns or stores them.", "key member radius unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [count-block(COUNT count [ANY])] [order<ASC|DESC>] [store<STORE storekey:key@1\"key\"|STOREDIST storedistkey:key@2\"key\">]")
            .history(&[("6.2.0", "`ANY`: whichever are found first, once there are `COUNT`."), ("7.0.0", "Units may be in upper case.")])
            .deprecated("6.2.0", "`GEOSEARCH` or `GEOSEARCHSTORE`, `FROMMEMBER` and `BYRADIUS`"),
        search::georadiusbymember,
    ),
    Row::new(
        Spec::new("georadiusbymember_ro", -5, Group::Geo, "3.2.10")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n+log(m)), n = members in the cells that cover the area, m = members of the set", "Finds the members around another one, up to a distance.", "key member radius unit<M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [count-block(COUNT count [ANY])] [order<ASC|DESC>]")
            .history(&[("6.2.0", "`ANY`: whichever are found first, once there are `COUNT`."), ("7.0.0", "Units may be in upper case.")])
            .deprecated("6.2.0", "`GEOSEARCH`, `FROMMEMBER` and `BYRADIUS`"),
        search::georadiusbymember_ro,
    ),
    Row::new(
        Spec::new("geosearch", -7, Group::Geo, "6.2.0")
            .flags(READONLY)
            .keys(&[KeySpec::first(RO | ACCESS)])
            .doc("O(n+log(m)), n = members in the cells that cover the area, m = members of the set", "Finds the members in a circle or a box around a point or a member.", "key from<FROMMEMBER member|FROMLONLAT fromlonlat(longitude latitude)> by<circle(BYRADIUS radius unit<M|KM|FT|MI>)|box(BYBOX width height unit<M|KM|FT|MI>)> [order<ASC|DESC>] [count-block(COUNT count [ANY])] [WITHCOORD] [WITHDIST] [WITHHASH]")
            .history(&[("7.0.0", "Units may be in upper case.")]),
        search::geosearch,
    ),
    Row::new(
        Spec::new("geosearchstore", -8, Group::Geo, "6.2.0")
            .flags(WRITE | DENYOOM)
            .keys(&[KeySpec::first(OW | UPDATE), KeySpec::at(2, RO | ACCESS)])
            .doc("O(n+log(m)), n = members in the cells that cover the area, m = members of the set", "Keeps at a key what GEOSEARCH finds, with distances as scores if wanted.", "destination source:key@1 from<FROMMEMBER member|FROMLONLAT fromlonlat(longitude latitude)> by<circle(BYRADIUS radius unit<M|KM|FT|MI>)|box(BYBOX width height unit<M|KM|FT|MI>)> [order<ASC|DESC>] [count-block(COUNT count [ANY])] [STOREDIST]")
            .history(&[("7.0.0", "Units may be in upper case.")]),
        search::geosearchstore,
    ),
];

/// `GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]`
fn geoadd(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let mut options = Options::default();
    let mut first = 2;
    while let Some(arg) = args.get(first) {
        match arg {
            _ if is(arg, "NX") => options.nx = true,
            _ if is(arg, "XX") => options.xx = true,
            _ if is(arg, "CH") => options.ch = true,
            _ => break,
        }
        first += 1;
    }
    let places = args.tail(first);
    if places.len() == 0 || !places.len().is_multiple_of(3) || (options.nx && options.xx) {
        return Err(Error::SYNTAX);
    }
    let mut members = Vec::with_capacity(places.len() / 3);
    let mut command = OwnedArgs::from_slices(&[b"ZADD"]);
    args.iter().take(first).skip(1).for_each(|arg| command.push(arg));
    for at in (0..places.len()).step_by(3) {
        let score = position(places.at(at), places.at(at + 1))?.score();
        command.push(itoa::Buffer::new().format(score).as_bytes());
        command.push(places.at(at + 2));
        members.push((score as f64, places.at(at + 2)));
    }
    add(unit, command.view(), options, &members, out)
}

/// `GEOPOS key [member ...]`
fn geopos(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let set = unit.view::<SortedSet>(args.at(1))?;
    out.array(args.len() - 2);
    for member in args.iter().skip(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => reply_position(out, Position::of_score(score)),
            None => out.null_array(),
        }
    }
    Ok(())
}

/// `GEOHASH key [member ...]`
fn geohash(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let set = unit.view::<SortedSet>(args.at(1))?;
    out.array(args.len() - 2);
    for member in args.iter().skip(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => out.bulk(&Position::of_score(score).geohash()),
            None => out.null(),
        }
    }
    Ok(())
}

/// `GEODIST key member1 member2 [M|KM|FT|MI]`
fn geodist(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    let metres = match args.len() {
        4 => 1.0,
        5 => metres_of(args.at(4))?,
        _ => return Err(Error::SYNTAX),
    };
    let set = unit.view::<SortedSet>(args.at(1))?;
    let place = |member| set.and_then(|set| set.score(member)).map(Position::of_score);
    match (place(args.at(2)), place(args.at(3))) {
        (Some(one), Some(two)) => reply_distance(out, one.distance(two) / metres),
        _ => out.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::sorted_set::tests::{check, world};
    use curfew_protocol::Resp;

    const SICILY: &str = "geoadd g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania";

    #[test]
    fn positions_are_added_and_looked_up() {
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        let unit = "-ERR unsupported unit provided. please use M, KM, FT, MI";
        let mut world = world(&[SICILY, "set s v"]);
        check(
            &mut world,
            &[
                ("geoadd n 13.361389 38.115556 P", ":1", "zadd n", "ZADD n 3479099956230698 P"),
                ("geoadd n nx CH 13.5 38.115556 P", ":0", "", ""),
                ("geoadd n xx ch 13.5 38.115556 P", ":1", "zadd n", "ZADD n xx ch 3479100629809192 P"),
                ("geoadd n nx xx 1 2 c", "-ERR syntax error", "", ""),
                ("geoadd n ch 1 2", "-ERR syntax error", "", ""),
                ("geoadd n a b c", "-ERR value is not a valid float", "", ""),
                ("geoadd n 1 2 a 200 100 b", "-ERR invalid longitude,latitude pair 200.000000,100.000000", "", ""),
                ("zcard n", ":1", "", ""),
                ("geodist g Palermo Catania", "$11 166274.1516", "", ""),
                ("geodist g Palermo Catania KM", "$8 166.2742", "", ""),
                ("geodist g Palermo Catania mi", "$8 103.3182", "", ""),
                ("geodist g Palermo Palermo", "$6 0.0000", "", ""),
                ("geodist g Palermo none", "$-1", "", ""),
                ("geodist none a b", "$-1", "", ""),
                ("geodist g Palermo Catania foo", unit, "", ""),
                ("geodist g Palermo Catania km x", "-ERR syntax error", "", ""),
                ("geohash g Palermo none", "*2 $11 sqc8b49rny0 $-1", "", ""),
                ("geohash none a", "*1 $-1", "", ""),
                ("geohash g", "*0", "", ""),
                ("geopos g Palermo none", "*2 *2 $18 13.361389338970184 $16 38.1155563954963 *-1", "", ""),
                ("geopos s a", wrong, "", ""),
                ("geohash s a", wrong, "", ""),
                ("geodist s a b", wrong, "", ""),
                ("geoadd s 1 2 a", wrong, "", ""),
            ],
        );
        world.resp = Resp::Three;
        assert_eq!(world.run("geopos g Palermo none"), "*2 *2 ,13.361389338970184 ,38.1155563954963 _");
        assert_eq!(world.run("geodist g Palermo Catania km"), "$8 166.2742");
    }
}
