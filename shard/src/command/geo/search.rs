//! GEOSEARCH, GEORADIUS and their kin: one grammar with differences, and one search.

use super::reply::{metres_of, position, reply_distance, reply_position};
use crate::command::sorted_set::reply::store;
use crate::unit::Unit;
use crate::value::geohash::{Position, Shape};
use crate::value::packed::Element;
use crate::value::sorted_set::{ScoreRange, SortedSet, SortedSetRef};
use curfew_protocol::args::is;
use curfew_protocol::{Args, Cursor, Error, Reply, number};

/// `GEOSEARCH key FROMMEMBER member|FROMLONLAT longitude latitude BYRADIUS radius unit|BYBOX width height unit [ASC|DESC]
/// [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]`
pub(super) fn geosearch(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    search(unit, args, Kind::Search, out)
}

/// `GEOSEARCHSTORE destination source ... [STOREDIST]`
pub(super) fn geosearchstore(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    search(unit, args, Kind::SearchStore, out)
}

/// `GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC|DESC]
/// [STORE key|STOREDIST key]`
pub(super) fn georadius(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    search(unit, args, Kind::Radius { by_member: false, stores: true }, out)
}

pub(super) fn georadius_ro(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    search(unit, args, Kind::Radius { by_member: false, stores: false }, out)
}

/// `GEORADIUSBYMEMBER key member radius unit ...`
pub(super) fn georadiusbymember(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    search(unit, args, Kind::Radius { by_member: true, stores: true }, out)
}

pub(super) fn georadiusbymember_ro(unit: &mut Unit<'_>, args: Args<'_>, out: &mut Reply) -> Result<(), Error> {
    search(unit, args, Kind::Radius { by_member: true, stores: false }, out)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Search,
    SearchStore,
    Radius { by_member: bool, stores: bool },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    /// In that of the ranges searched.
    None,
    Ascending,
    Descending,
}

/// What is asked for.
struct Query<'a> {
    centre: Option<Position>,
    /// A shape, and the metres of the unit in which it was given.
    shape: Option<(Shape, f64)>,
    order: Order,
    /// 0: all.
    count: usize,
    any: bool,
    with_distance: bool,
    with_hash: bool,
    with_position: bool,
    destination: Option<&'a [u8]>,
    stores_distance: bool,
}

/// What was found.
struct Point<'a> {
    member: Element<'a>,
    score: f64,
    position: Position,
    /// Metres.
    distance: f64,
}

fn search(unit: &mut Unit<'_>, args: Args<'_>, kind: Kind, out: &mut Reply) -> Result<(), Error> {
    let limits = unit.settings.limits;
    let source = args.at(if kind == Kind::SearchStore { 2 } else { 1 });
    let set = unit.view::<SortedSet>(source)?;
    let query = Query::parse(args, kind, set)?;
    let (points, metres) = match (set, query.centre, query.shape) {
        (Some(set), Some(centre), Some((shape, metres))) => (query.points(set, centre, shape), metres),
        _ => (Vec::new(), 1.0),
    };
    let Some(destination) = query.destination else {
        query.reply(&points, metres, out);
        return Ok(());
    };
    let mut result = SortedSet::default();
    let mut digits = itoa::Buffer::new();
    for point in &points {
        let score = if query.stores_distance { point.distance / metres } else { point.score };
        result.insert(point.member.bytes(&mut digits), score, &limits);
    }
    let event = if kind == Kind::SearchStore { "geosearchstore" } else { "georadiusstore" };
    store(unit, destination, result, event, out);
    Ok(())
}

impl<'a> Query<'a> {
    fn parse(args: Args<'a>, kind: Kind, set: Option<SortedSetRef<'_>>) -> Result<Query<'a>, Error> {
        let mut query = Query {
            centre: None,
            shape: None,
            order: Order::None,
            count: 0,
            any: false,
            with_distance: false,
            with_hash: false,
            with_position: false,
            destination: (kind == Kind::SearchStore).then(|| args.at(1)),
            stores_distance: false,
        };
        let is_search = !matches!(kind, Kind::Radius { .. });
        let mut cursor = match kind {
            Kind::Search => args.cursor(2),
            Kind::SearchStore => args.cursor(3),
            Kind::Radius { by_member: false, .. } => {
                let mut cursor = args.cursor(2);
                query.centre = Some(position(cursor.need()?, cursor.need()?)?);
                query.shape = Some(circle(&mut cursor)?);
                cursor
            }
            Kind::Radius { by_member: true, .. } => {
                let mut cursor = args.cursor(2);
                match set {
                    Some(set) => {
                        query.centre = Some(of_member(set, cursor.need()?)?);
                        query.shape = Some(circle(&mut cursor)?);
                        cursor
                    }
                    // Not looked at without a source.
                    None => args.cursor(5),
                }
            }
        };
        // Which of two ways was chosen, even where there is no source to take a position from.
        let (mut from_member, mut from_position) = (false, false);
        while let Some(option) = cursor.next() {
            let left = cursor.left();
            let is_box = matches!(query.shape, Some((Shape::Box { .. }, _)));
            if is(option, "WITHDIST") {
                query.with_distance = true;
            } else if is(option, "WITHHASH") {
                query.with_hash = true;
            } else if is(option, "WITHCOORD") {
                query.with_position = true;
            } else if is(option, "ANY") {
                query.any = true;
            } else if is(option, "ASC") {
                query.order = Order::Ascending;
            } else if is(option, "DESC") {
                query.order = Order::Descending;
            } else if is(option, "COUNT") && left >= 1 {
                let count = cursor.i64()?;
                query.count =
                    usize::try_from(count).ok().filter(|count| *count > 0).ok_or(Error::COUNT_NOT_ABOVE_ZERO)?;
            } else if matches!(kind, Kind::Radius { stores: true, .. })
                && left >= 1
                && (is(option, "STORE") || is(option, "STOREDIST"))
            {
                query.destination = cursor.next();
                query.stores_distance = is(option, "STOREDIST");
            } else if is_search && left >= 1 && is(option, "FROMMEMBER") && !from_position {
                let member = cursor.need()?;
                if let Some(set) = set {
                    query.centre = Some(of_member(set, member)?);
                }
                from_member = true;
            } else if is_search && left >= 2 && is(option, "FROMLONLAT") && !from_member {
                query.centre = Some(position(cursor.need()?, cursor.need()?)?);
                from_position = true;
            } else if is_search && left >= 2 && is(option, "BYRADIUS") && !is_box {
                query.shape = Some(circle(&mut cursor)?);
            } else if is_search && left >= 3 && is(option, "BYBOX") && (is_box || query.shape.is_none()) {
                query.shape = Some(rectangle(&mut cursor)?);
            } else if kind == Kind::SearchStore && is(option, "STOREDIST") {
                query.stores_distance = true;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if query.destination.is_some() && (query.with_distance || query.with_hash || query.with_position) {
            return Err(if is_search { Error::GEOSEARCHSTORE_WITH } else { Error::GEORADIUS_STORE_WITH });
        }
        if is_search && !from_member && !from_position {
            return Err(Error::geo_one_of("FROMMEMBER or FROMLONLAT", args.at(0)));
        }
        if is_search && query.shape.is_none() {
            return Err(Error::geo_one_of("BYRADIUS and BYBOX", args.at(0)));
        }
        if query.any && query.count == 0 {
            return Err(Error::GEO_ANY);
        }
        if query.count != 0 && query.order == Order::None && !query.any {
            // The nearest are meant.
            query.order = Order::Ascending;
        }
        Ok(query)
    }

    /// The members within the shape, in the order and up to the number asked for.
    fn points<'s>(&self, set: SortedSetRef<'s>, centre: Position, shape: Shape) -> Vec<Point<'s>> {
        let most = if self.any { self.count } else { usize::MAX };
        let mut points = Vec::new();
        'search: for (from, to) in shape.ranges(centre) {
            let range = ScoreRange { min: from as f64, max: to as f64, above_min: false, below_max: true };
            for (member, score) in set.range_by_score(&range) {
                let position = Position::of_score(score);
                if let Some(distance) = shape.distance(centre, position) {
                    points.push(Point { member, score, position, distance });
                    if points.len() >= most {
                        break 'search;
                    }
                }
            }
        }
        match self.order {
            Order::None => {}
            Order::Ascending => points.sort_by(|one, two| one.distance.total_cmp(&two.distance)),
            Order::Descending => points.sort_by(|one, two| two.distance.total_cmp(&one.distance)),
        }
        if self.count > 0 {
            points.truncate(self.count);
        }
        points
    }

    fn reply(&self, points: &[Point<'_>], metres: f64, out: &mut Reply) {
        let more = [self.with_distance, self.with_hash, self.with_position].into_iter().filter(|with| *with).count();
        out.array(points.len());
        for point in points {
            if more > 0 {
                out.array(more + 1);
            }
            point.member.reply(out);
            if self.with_distance {
                reply_distance(out, point.distance / metres);
            }
            if self.with_hash {
                out.int(point.score as i64);
            }
            if self.with_position {
                reply_position(out, point.position);
            }
        }
    }
}

fn of_member(set: SortedSetRef<'_>, member: &[u8]) -> Result<Position, Error> {
    set.score(member).map(Position::of_score).ok_or(Error::GEO_NO_MEMBER)
}

/// Reads `radius unit`.
fn circle(cursor: &mut Cursor<'_>) -> Result<(Shape, f64), Error> {
    let radius = number::parse_f64(cursor.need()?).ok_or(Error::GEO_RADIUS)?;
    if radius < 0.0 {
        return Err(Error::GEO_NEGATIVE_RADIUS);
    }
    let metres = metres_of(cursor.need()?)?;
    Ok((Shape::Circle { radius: radius * metres }, metres))
}

/// Reads `width height unit`.
fn rectangle(cursor: &mut Cursor<'_>) -> Result<(Shape, f64), Error> {
    let width = number::parse_f64(cursor.need()?).ok_or(Error::GEO_WIDTH)?;
    let height = number::parse_f64(cursor.need()?).ok_or(Error::GEO_HEIGHT)?;
    if width < 0.0 || height < 0.0 {
        return Err(Error::GEO_NEGATIVE_BOX);
    }
    let metres = metres_of(cursor.need()?)?;
    Ok((Shape::Box { width: width * metres, height: height * metres }, metres))
}

#[cfg(test)]
mod tests {
    use crate::command::sorted_set::tests::{check, world};

    const SICILY: &[&str] = &[
        "geoadd g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
        "geoadd g 12.758489 38.788135 edge1 17.241510 38.788135 edge2",
        "set s v",
        "set d v",
    ];

    #[test]
    fn searches() {
        check(
            &mut world(SICILY),
            &[
                (
                    "geosearch g fromlonlat 15 37 byradius 200 km withdist withcoord withhash count 2 any",
                    "*2 *4 $7 Palermo $8 190.4424 :3479099956230698 *2 $18 13.361389338970184 $16 38.1155563954963 \
                     *4 $7 Catania $7 56.4413 :3479447370796909 *2 $18 15.087267458438873 $17 37.50266842333162",
                    "",
                    "",
                ),
                (
                    "geosearch g fromlonlat 15 37 bybox 400 400 km asc withdist",
                    "*4 *2 $7 Catania $7 56.4413 *2 $7 Palermo $8 190.4424 *2 $5 edge2 $8 279.7403 *2 $5 edge1 $8 279.7405",
                    "",
                    "",
                ),
                ("geosearch g frommember Palermo byradius 200 km desc", "*3 $7 Catania $5 edge1 $7 Palermo", "", ""),
                ("geosearch g frommember Palermo byradius 200 km count 1", "*1 $7 Palermo", "", ""),
                ("georadius g 15 37 200 km", "*2 $7 Palermo $7 Catania", "", ""),
                ("georadius_ro g 15 37 100 km withdist", "*1 *2 $7 Catania $7 56.4413", "", ""),
                ("georadiusbymember g Palermo 0 m", "*1 $7 Palermo", "", ""),
                ("georadiusbymember_ro g Palermo 100 km desc", "*2 $5 edge1 $7 Palermo", "", ""),
                ("geosearch none frommember a byradius 1 km", "*0", "", ""),
                ("geosearch g fromlonlat -100 -40 byradius 1 km", "*0", "", ""),
            ],
        );
    }

    #[test]
    fn results_are_stored() {
        check(
            &mut world(SICILY),
            &[
                (
                    "georadius g 15 37 200 km store d",
                    ":2",
                    "georadiusstore d",
                    "DEL d\nZADD d 3479099956230698 Palermo 3479447370796909 Catania",
                ),
                (
                    "geosearchstore d g frommember Palermo byradius 1 km storedist",
                    ":1",
                    "geosearchstore d",
                    "DEL d\nZADD d 0 Palermo",
                ),
                ("geosearchstore d none frommember x byradius 1 km", ":0", "del d", "DEL d"),
                ("georadius none 15 37 200 km store d", ":0", "", ""),
                (
                    "georadius g 15 37 200 km store d storedist e count 1 any",
                    ":1",
                    "georadiusstore e",
                    "DEL e\nZADD e 190.44242984775784 Palermo",
                ),
            ],
        );
    }

    #[test]
    fn errors() {
        let unit = "-ERR unsupported unit provided. please use M, KM, FT, MI";
        let syntax = "-ERR syntax error";
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        for (line, reply) in [
            (
                "geosearch g fromlonlat 200 37 byradius 1 km",
                "-ERR invalid longitude,latitude pair 200.000000,37.000000",
            ),
            ("geosearch g fromlonlat 15 37 bybox 400 -1 km", "-ERR height or width cannot be negative"),
            ("geosearch g fromlonlat 15 37 bybox a 1 km", "-ERR need numeric width"),
            ("geosearch g fromlonlat 15 37 bybox 1 a km", "-ERR need numeric height"),
            ("geosearch g fromlonlat 15 37 byradius a km", "-ERR need numeric radius"),
            ("geosearch g fromlonlat 15 37 byradius -1 km", "-ERR radius cannot be negative"),
            ("geosearch g fromlonlat 15 37 byradius 1 xx", unit),
            ("geosearch g frommember none byradius 1 km", "-ERR could not decode requested zset member"),
            ("geosearch g frommember Palermo fromlonlat 1 2 byradius 1 km", syntax),
            ("geosearch g frommember Palermo byradius 1 km bybox 1 1 km", syntax),
            (
                "GeoSearch g byradius 1 km asc desc asc",
                "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GeoSearch",
            ),
            (
                "geosearch g frommember Palermo asc asc desc",
                "-ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch",
            ),
            ("geosearch g frommember Palermo byradius 1 km any", "-ERR the ANY argument requires COUNT argument"),
            ("geosearch g frommember Palermo byradius 1 km count 0", "-ERR COUNT must be > 0"),
            ("geosearch g frommember Palermo byradius 1 km count x", "-ERR value is not an integer or out of range"),
            ("geosearch g frommember Palermo byradius 1 km storedist", syntax),
            (
                "geosearchstore d g frommember Palermo byradius 1 km withdist",
                "-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
            ),
            (
                "georadius g 15 37 200 km store d withdist",
                "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
            ),
            ("georadius_ro g 15 37 200 km store d", syntax),
            ("georadius g 15 37 200 km store", syntax),
            ("georadius none 15 37 x km", "-ERR need numeric radius"),
            ("georadiusbymember g none 1 km", "-ERR could not decode requested zset member"),
            ("georadiusbymember none none x km", "*0"),
            ("georadius s x 37 1 km", wrong),
            ("geosearch s frommember x byradius 1 km", wrong),
        ] {
            check(&mut world(SICILY), &[(line, reply, "", "")]);
        }
    }
}
