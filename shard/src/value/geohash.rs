//! Positions on the Earth as numbers of 52 bits, as Redis keeps them in scores: the cells of a grid that is halved 26 times each
//! way, latitude and longitude by turns, so that what is near is mostly near in number too.
//!
//! Searches go over at most nine ranges of numbers: the cell of the centre, at a step whose cells are about as large as what is
//! searched, and its neighbours. Which cells, and in what order, is as in Redis (geohash_helper.c), since results that are not
//! sorted come in that order.

use std::f64::consts::PI;

/// The largest longitude, degrees; the smallest is its negative.
pub const LONGITUDE_MAX: f64 = 180.0;
/// The largest latitude, degrees: where the Web Mercator map ends. The smallest is its negative.
pub const LATITUDE_MAX: f64 = 85.05112878;

/// Halvings each way of the finest grid.
const STEP_MAX: u32 = 26;
const EARTH_RADIUS_M: f64 = 6_372_797.560856;
const MERCATOR_MAX_M: f64 = 20_037_726.37;
const DEGREE: f64 = PI / 180.0;
/// The bits of longitudes among the interleaved ones; the others are latitudes.
const LONGITUDE_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;

/// A position in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// East is positive.
    pub longitude: f64,
    /// North is positive.
    pub latitude: f64,
}

/// What is searched around a centre. Metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A circle.
    Circle {
        /// Not negative.
        radius: f64,
    },
    /// A rectangle along the axes.
    Box {
        /// West to east, not negative.
        width: f64,
        /// South to north, not negative.
        height: f64,
    },
}

impl Position {
    /// Whether it is on the map.
    pub fn is_valid(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// The position's number, below 2^52 (or just above it, at the very edge).
    pub fn score(self) -> u64 {
        Cell::at(self, LATITUDE_MAX, STEP_MAX).bits
    }

    /// The middle of the cell that a score stands for.
    pub fn of_score(score: f64) -> Position {
        let area = Cell { bits: c_u64(score), step: STEP_MAX }.area();
        let longitude = (area.west + area.east) / 2.0;
        let latitude = (area.south + area.north) / 2.0;
        Position {
            longitude: longitude.clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    /// The eleven letters of the usual geohash. It divides latitudes up to 90 degrees, and the last letter, for which there
    /// are no bits left, is always 0.
    pub fn geohash(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::at(self, 90.0, STEP_MAX).bits;
        let mut letters = [b'0'; 11];
        for (at, letter) in letters.iter_mut().take(10).enumerate() {
            *letter = ALPHABET[(bits >> (52 - (at + 1) * 5)) as usize & 31];
        }
        letters
    }

    /// The distance of two positions in metres, along a great circle of a spherical Earth.
    pub fn distance(self, other: Position) -> f64 {
        let half = ((other.longitude * DEGREE - self.longitude * DEGREE) / 2.0).sin();
        if half == 0.0 {
            return self.distance_north(other);
        }
        let (one, two) = (self.latitude * DEGREE, other.latitude * DEGREE);
        let up = ((two - one) / 2.0).sin();
        let a = up * up + one.cos() * two.cos() * half * half;
        2.0 * EARTH_RADIUS_M * a.sqrt().asin()
    }

    /// The distance of their latitudes.
    fn distance_north(self, other: Position) -> f64 {
        EARTH_RADIUS_M * (other.latitude * DEGREE - self.latitude * DEGREE).abs()
    }
}

impl Shape {
    /// The distance of a position from the centre in metres, if it is within the shape.
    pub fn distance(self, centre: Position, position: Position) -> Option<f64> {
        match self {
            Shape::Circle { radius } => {
                let distance = centre.distance(position);
                (distance <= radius).then_some(distance)
            }
            Shape::Box { width, height } => {
                if position.distance_north(centre) > height / 2.0 {
                    return None;
                }
                let beside = Position { longitude: centre.longitude, latitude: position.latitude };
                (position.distance(beside) <= width / 2.0).then(|| centre.distance(position))
            }
        }
    }

    /// The ranges of scores, first and one past the last, in which everything within the shape around `centre` lies, in the
    /// order in which Redis goes over them. At most nine.
    pub fn ranges(self, centre: Position) -> Vec<(u64, u64)> {
        let bounds = self.bounds(centre);
        let mut step = self.step(centre.latitude);
        let mut around = Around::of(centre, step);
        // Near the edge of a cell, a neighbour may end before the shape does.
        let (north, south) = (around.north.area(), around.south.area());
        let (east, west) = (around.east.area(), around.west.area());
        let ends_early = north.north < bounds.north
            || south.south > bounds.south
            || east.east < bounds.east
            || west.west > bounds.west;
        if step > 1 && ends_early {
            step -= 1;
            around = Around::of(centre, step);
        }
        let mut cells = around.cells().map(Some);
        if step >= 2 {
            let area = around.centre.area();
            let mut leave_out = |condition: bool, indices: [usize; 3]| {
                if condition {
                    indices.iter().for_each(|index| cells[*index] = None);
                }
            };
            leave_out(area.south < bounds.south, [2, 7, 8]);
            leave_out(area.north > bounds.north, [1, 5, 6]);
            leave_out(area.west < bounds.west, [4, 6, 8]);
            leave_out(area.east > bounds.east, [3, 5, 7]);
        }
        let (mut ranges, mut last) = (Vec::with_capacity(9), None);
        for (index, cell) in cells.into_iter().enumerate() {
            let Some(cell) = cell else { continue };
            // With large steps, neighbours are the same cell. Only with the one before is it compared, and never with the
            // first, as in Redis: so that what comes twice there comes twice here.
            if last == Some(cell) {
                continue;
            }
            ranges.push(cell.scores());
            if index > 0 {
                last = Some(cell);
            }
        }
        ranges
    }

    /// West, south, east and north ends.
    fn bounds(self, centre: Position) -> Area {
        let (width, height) = match self {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let up = height / EARTH_RADIUS_M / DEGREE;
        let wide_at = |latitude: f64| width / EARTH_RADIUS_M / (latitude * DEGREE).cos() / DEGREE;
        // A degree of longitude is shortest at the end that is nearer to the pole.
        let across = if centre.latitude < 0.0 { wide_at(centre.latitude - up) } else { wide_at(centre.latitude + up) };
        Area {
            west: centre.longitude - across,
            east: centre.longitude + across,
            south: centre.latitude - up,
            north: centre.latitude + up,
        }
    }

    /// How fine the grid is to be so that a cell and its neighbours hold the shape.
    fn step(self, latitude: f64) -> u32 {
        let mut range = match self {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt(),
        };
        if range == 0.0 {
            return STEP_MAX;
        }
        let mut step: i32 = 1;
        while range < MERCATOR_MAX_M {
            range *= 2.0;
            step += 1;
        }
        step -= 2;
        // Cells get narrow towards the poles.
        step -= i32::from(latitude.abs() > 66.0) + i32::from(latitude.abs() > 80.0);
        step.clamp(1, STEP_MAX as i32) as u32
    }
}

// ---- cells ---------------------------------------------------------------------------------------------------------------

/// A cell of the grid that is halved `step` times each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    bits: u64,
    step: u32,
}

/// What a cell or a shape covers. Degrees.
#[derive(Clone, Copy, Debug)]
struct Area {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Cell {
    /// The cell of a position on a map that ends at a latitude.
    fn at(position: Position, latitude_max: f64, step: u32) -> Cell {
        let cells = (1u64 << step) as f64;
        let part = |value: f64, max: f64| ((value + max) / (max + max) * cells) as u32;
        let latitude = part(position.latitude, latitude_max);
        let longitude = part(position.longitude, LONGITUDE_MAX);
        Cell { bits: spread(latitude) | spread(longitude) << 1, step }
    }

    fn area(self) -> Area {
        let cells = (1u64 << self.step) as f64;
        let (latitude, longitude) = (squash(self.bits), squash(self.bits >> 1));
        let at = |index: u32, max: f64| -max + f64::from(index) / cells * (max + max);
        Area {
            west: at(longitude, LONGITUDE_MAX),
            east: at(longitude.wrapping_add(1), LONGITUDE_MAX),
            south: at(latitude, LATITUDE_MAX),
            north: at(latitude.wrapping_add(1), LATITUDE_MAX),
        }
    }

    /// The scores of its positions: the first, and one past the last.
    fn scores(self) -> (u64, u64) {
        let shift = 52 - 2 * self.step;
        (self.bits << shift, (self.bits + 1) << shift)
    }

    /// The cell beside it, round the Earth.
    fn moved(self, east: i32, north: i32) -> Cell {
        let used = u64::MAX >> (64 - 2 * self.step);
        let shift = |own: u64, other: u64, by: i32| {
            // With the other's bits all set, a carry runs through them.
            let (bits, gaps) = (self.bits & own, other & used);
            match by {
                0 => bits,
                1 => bits.wrapping_add(gaps + 1) & own & used,
                _ => (bits | gaps).wrapping_sub(gaps + 1) & own & used,
            }
        };
        Cell {
            bits: shift(LONGITUDE_BITS, LATITUDE_BITS, east) | shift(LATITUDE_BITS, LONGITUDE_BITS, north),
            step: self.step,
        }
    }
}

/// A cell and those around it.
struct Around {
    centre: Cell,
    north: Cell,
    south: Cell,
    east: Cell,
    west: Cell,
}

impl Around {
    fn of(centre: Position, step: u32) -> Around {
        let centre = Cell::at(centre, LATITUDE_MAX, step);
        Around {
            centre,
            north: centre.moved(0, 1),
            south: centre.moved(0, -1),
            east: centre.moved(1, 0),
            west: centre.moved(-1, 0),
        }
    }

    /// All nine, in Redis's order: itself, north, south, east, west, north-east, north-west, south-east, south-west.
    fn cells(&self) -> [Cell; 9] {
        let corner = |east, north| self.centre.moved(east, north);
        let corners = [corner(1, 1), corner(-1, 1), corner(1, -1), corner(-1, -1)];
        let [north_east, north_west, south_east, south_west] = corners;
        [self.centre, self.north, self.south, self.east, self.west, north_east, north_west, south_east, south_west]
    }
}

/// Every bit moved to twice its place.
fn spread(value: u32) -> u64 {
    let mut bits = u64::from(value);
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, LATITUDE_BITS),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// The bits at even places, together.
fn squash(bits: u64) -> u32 {
    let mut bits = bits & LATITUDE_BITS;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}

/// A double as an unsigned number, by way of a signed one as in compiled C: so negative scores wrap around.
fn c_u64(value: f64) -> u64 {
    const HALF: f64 = (1u64 << 63) as f64;
    if value >= HALF { ((value - HALF) as i64 as u64) ^ (1 << 63) } else { value as i64 as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PALERMO: Position = Position { longitude: 13.361389, latitude: 38.115556 };
    const CATANIA: Position = Position { longitude: 15.087269, latitude: 37.502669 };

    #[test]
    fn the_numbers_are_those_of_redis() {
        assert_eq!((PALERMO.score(), CATANIA.score()), (3479099956230698, 3479447370796909));
        let palermo = Position::of_score(3479099956230698.0);
        assert_eq!((palermo.longitude, palermo.latitude), (13.361389338970184, 38.1155563954963));
        assert_eq!(&palermo.geohash(), b"sqc8b49rny0");
        let catania = Position::of_score(3479447370796909.0);
        assert_eq!(format!("{:.4}", palermo.distance(catania)), "166274.1516");
    }

    #[test]
    fn cells_go_round_the_earth() {
        for step in 1..=STEP_MAX {
            let cell = Cell::at(Position { longitude: 179.99999999, latitude: 10.0 }, LATITUDE_MAX, step);
            assert_eq!(cell.moved(1, 0).area().west, -180.0);
            assert_eq!(cell.moved(1, 0).moved(-1, 0), cell);
            assert_eq!(cell.moved(0, 1).moved(0, -1), cell);
            assert_eq!(cell.moved(1, -1).moved(-1, 1), cell);
        }
    }

    proptest! {
        #[test]
        fn a_position_is_in_its_cell(longitude in -180.0..180.0f64, latitude in -85.0..85.0f64, step in 1u32..=26) {
            let position = Position { longitude, latitude };
            let cell = Cell::at(position, LATITUDE_MAX, step);
            let area = cell.area();
            prop_assert!(area.west <= longitude + 1e-9 && longitude <= area.east + 1e-9);
            prop_assert!(area.south <= latitude + 1e-9 && latitude <= area.north + 1e-9);
            let (from, to) = cell.scores();
            prop_assert!((from..to).contains(&position.score()));
            prop_assert_eq!(squash(cell.bits), squash(position.score() >> (52 - 2 * step)));
        }

        /// Away from the poles and from the date line, what is within the shape is within its ranges.
        #[test]
        fn ranges_hold_the_shape(
            longitude in -150.0..150.0f64, latitude in -60.0..60.0f64, east in -5.0..5.0f64, north in -5.0..5.0f64,
            size in 0.0..500_000.0f64, is_box: bool,
        ) {
            let centre = Position { longitude, latitude };
            let other = Position { longitude: longitude + east, latitude: latitude + north };
            let other = Position::of_score(other.score() as f64);
            let shape = if is_box { Shape::Box { width: size, height: size / 2.0 } } else { Shape::Circle { radius: size } };
            if shape.distance(centre, other).is_some() {
                let score = other.score();
                prop_assert!(shape.ranges(centre).iter().any(|(from, to)| (*from..*to).contains(&score)));
            }
        }
    }
}
