//! What the replies of the family have in common, and positions and units as they are given.

use crate::value::geohash::Position;
use curfew_protocol::args::{double, is};
use curfew_protocol::{Error, Reply};

/// Reads a position that is on the map.
pub(super) fn position(longitude: &[u8], latitude: &[u8]) -> Result<Position, Error> {
    let position = Position { longitude: double(longitude)?, latitude: double(latitude)? };
    if !position.is_valid() {
        let Position { longitude, latitude } = position;
        return Err(Error::made(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")));
    }
    Ok(position)
}

/// How many metres a unit has.
pub(super) fn metres_of(unit: &[u8]) -> Result<f64, Error> {
    let units = [("M", 1.0), ("KM", 1000.0), ("FT", 0.3048), ("MI", 1609.34)];
    let found = units.into_iter().find(|(name, _)| is(unit, name));
    found.map(|(_, metres)| metres).ok_or(Error::GEO_UNIT)
}

pub(super) fn reply_position(out: &mut Reply, position: Position) {
    out.array(2);
    out.double(position.longitude);
    out.double(position.latitude);
}

/// A distance with four decimals, a string in RESP3 too.
pub(super) fn reply_distance(out: &mut Reply, distance: f64) {
    let rounded = (distance * 10_000.0).round() as u64;
    out.bulk(format!("{}.{:04}", rounded / 10_000, rounded % 10_000).as_bytes());
}
