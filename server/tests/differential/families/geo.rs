//! Positions in sorted sets.

use super::Row;

macro_rules! line {
    (@ g) => { "( g1 | g1 | g1 | {t}g | none | a ) " };
    // Six, as Redis picks the COUNT nearest of seven and more with a sort that leaves members at one distance in any order.
    (@ m) => { "( a | b | c | d | e | f | nosuch ) " };
    (@ lon) => { "( 0 | 13.361389 | 15.087269 | 13.5 | 14.9 | -180 | 180 | 179.99 | -179.99 | -73.9667 | 2.35 | 139.69 | 1 | 200 | abc | -0 | 1e-7 ) " };
    (@ lat) => { "( 0 | 38.115556 | 37.502669 | 37 | 38 | 85 | -85 | 85.05112878 | -85.05112878 | 40.8 | 48.85 | -35.68 | 70 | 81 | -70 | 86 | abc | -0 ) " };
    (@ near) => { "( 13 | 13.361389 | 13.4 | 14 | 14.5 | 15 | 15.087269 | 15.1 | 16.3 ) ( 36.9 | 37 | 37.502669 | 37.6 | 38 | 38.115556 | 38.2 | 39 ) " };
    (@ size) => { "( 0 | 1 | 10 | 50 | 100 | 200 | 500 | 1000 | 5000 | 12000 | 30000 | 0.5 | -1 | abc ) " };
    (@ unit) => { "( km | km | km | KM | m | mi | ft | parsec ) " };
    (@ options) => { "[ ASC | DESC | asc ] [ COUNT ( 1 | 2 | 5 | 100 | 0 | -1 | abc ) [ ANY ] ] " };
    (@ with) => { "[ WITHDIST ] [ WITHCOORD ] [ WITHHASH ] " };
    (@ $text:literal) => { $text };
    ($($part:tt)*) => { concat!($(line!(@ $part)),*) };
}

pub const ROWS: &[Row] = &[
    (12, line!("GEOADD " g "[ NX | XX ] [ CH ] +{ " near m "}")),
    (6, line!("GEOADD " g "+{ " lon lat m "}")),
    (1, line!("GEOADD " g "{ NX | XX | CH | GT | INCR } { " near m "}")),
    (2, line!("GEOPOS " g "{ " m "}")),
    (2, line!("GEOHASH " g "{ " m "}")),
    (3, line!("GEODIST " g m m "[ " unit "]")),
    (8, line!("GEOSEARCH " g "FROMLONLAT " near "BYRADIUS " size unit options with)),
    (4, line!("GEOSEARCH " g "FROMLONLAT " lon lat "BYRADIUS " size unit options with)),
    (6, line!("GEOSEARCH " g "FROMLONLAT " near "BYBOX " size size unit options with)),
    (4, line!("GEOSEARCH " g "FROMLONLAT " lon lat "BYBOX " size size unit options with)),
    (4, line!("GEOSEARCH " g "FROMMEMBER " m "( BYRADIUS " size unit "| BYBOX " size size unit ") " options with)),
    (
        2,
        line!("GEOSEARCH " g "{ FROMMEMBER " m "| FROMLONLAT " near "| BYRADIUS 100 km | BYBOX 100 100 km | ASC | ANY | STOREDIST } "),
    ),
    (
        6,
        line!("GEOSEARCHSTORE " g g "( FROMMEMBER " m "| FROMLONLAT " near ") ( BYRADIUS " size unit "| BYBOX " size size unit ") " options "[ STOREDIST ] "),
    ),
    (1, line!("GEOSEARCHSTORE " g g "FROMLONLAT " near "BYRADIUS 100 km " with)),
    (4, line!("( GEORADIUS | GEORADIUS_RO ) " g near size unit options with)),
    (4, line!("( GEORADIUSBYMEMBER | GEORADIUSBYMEMBER_RO ) " g m size unit options with)),
    (4, line!("( GEORADIUS | GEORADIUS_RO ) " g near size unit options "( STORE | STOREDIST ) " g)),
    (2, line!("GEORADIUSBYMEMBER " g m size unit options "[ STORE " g "] [ STOREDIST " g "] [ WITHDIST ]")),
    (2, line!("ZREM " g m)),
    (2, line!("ZADD " g "( 5 | 3479099956230698 | 3479447370796909 | 1 ) " m)),
    (1, line!("ZRANGE " g "0 -1 WITHSCORES")),
    (1, line!("( DEL | EXISTS | TYPE ) " g)),
    (1, "( GEOADD g1 | GEOSEARCH g1 | GEODIST g1 a | GEORADIUS g1 1 2 3 | GEOPOS | GEOHASH | GEOSEARCHSTORE g1 )"),
];
