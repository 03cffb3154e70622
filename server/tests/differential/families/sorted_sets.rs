//! Sorted sets. A member of more than 64 bytes makes a set a large one, so that both encodings meet here.
//!
//! The keys `x1`, `x2` have scores of 0 only, as ranges of members want it; `p` has different ones and stays packed, where
//! Redis's way of walking decides what such a range has.
//!
//! What waits is only sent within MULTI, where nobody waits: an odd timeout would be for ever.

use super::Row;

macro_rules! line {
    (@ z) => { "( z1 | z1 | z2 | z2 | {t}z | {t}y | none | a | s ) " };
    (@ m) => { "( a | b | c | d | e | 10 | 9 | -5 | 007 | aa | \"\" | a-member-that-is-longer-than-sixty-four-bytes-and-so-cannot-be-packed ) " };
    (@ f) => { "( 0 | 1 | 2 | 3 | 1 | 2 | -1 | 1.5 | 0.1 | -0 | inf | -inf | 1e20 | 4e18 | 1e-7 | 3.0e3 | 1e400 | nan | abc | \"\" | 0x10 | 9007199254740993 ) " };
    (@ e) => { "( 0 | 1 | (1 | 2 | (2 | -1 | inf | -inf | +inf | (-inf | (inf | 0.1 | 1e400 | \"\" | nan | abc | (abc ) " };
    (@ r) => { "( 0 | 1 | 2 | -1 | -2 | 5 | 100 | -100 | abc | 9223372036854775807 | -9223372036854775808 ) " };
    (@ l) => { "( - | + | [a | (a | [b | (c | [d | abc | -a | \"\" ) " };
    (@ limit) => { "[ LIMIT ( 0 | 1 | 2 | -1 | -2 | abc ) ( 1 | 2 | 10 | -1 | 0 | abc ) ] " };
    (@ with) => { "[ WITHSCORES ] " };
    (@ inputs) => { "( 1 ( z1 | z2 | s ) | 2 ( z1 | {t}z | a ) ( z2 | {t}y | s | none ) | 3 z1 z2 ( {t}z | z1 | none ) ) " };
    (@ options) => { "[ WEIGHTS ( 2 | 2 0.5 | -1 3 | 1 inf | 0 0 0 | 1 2 3 | abc ) ] [ AGGREGATE ( SUM | MIN | MAX | max | avg ) ] " };
    (@ $text:literal) => { $text };
    ($($part:tt)*) => { concat!($(line!(@ $part)),*) };
}

pub const ROWS: &[Row] = &[
    (12, line!("ZADD " z "[ NX | XX | GT | LT ] [ CH ] +{ " f m "}")),
    (6, line!("ZADD " z "+{ " f m "}")),
    (4, line!("ZADD " z "[ NX | XX | GT | LT | nx ] [ CH ] INCR " f m)),
    (1, line!("ZADD " z "{ NX | XX | GT | LT | CH | INCR } { " f m "}")),
    (4, line!("ZINCRBY " z f m)),
    (4, line!("ZREM " z "+{ " m "}")),
    (1, line!("ZCARD " z)),
    (2, line!("ZSCORE " z m)),
    (2, line!("ZMSCORE " z "+{ " m "}")),
    (4, line!("( ZRANK | ZREVRANK ) " z m "[ WITHSCORE | nosuch ]")),
    (3, line!("ZCOUNT " z e e)),
    (4, line!("( ZRANGE | ZREVRANGE ) " z r r with)),
    (3, line!("ZRANGE " z r r "[ REV ] " limit with)),
    (4, line!("ZRANGE " z e e "BYSCORE [ REV ] " limit with)),
    (4, line!("( ZRANGEBYSCORE | ZREVRANGEBYSCORE ) " z e e with limit)),
    (1, line!("ZRANGE " z e e "{ BYSCORE | REV | LIMIT 0 1 | WITHSCORES | nosuch } ")),
    (3, line!("ZRANGESTORE " z z r r "[ REV ]")),
    (3, line!("ZRANGESTORE " z z e e "BYSCORE [ REV ] " limit)),
    (2, line!("ZREMRANGEBYRANK " z r r)),
    (2, line!("ZREMRANGEBYSCORE " z e e)),
    (4, line!("( ZPOPMIN | ZPOPMAX ) " z "[ 0 | 1 | 2 | 100 | -1 | abc ]")),
    (3, line!("ZMPOP " inputs "( MIN | MAX | min | nosuch ) [ COUNT ( 1 | 2 | 100 | 0 | -1 | abc ) ]")),
    (2, line!("MULTI ; ( BZPOPMIN | BZPOPMAX ) " z z "0.01 ; EXEC")),
    (1, line!("MULTI ; BZMPOP 0.01 " inputs "( MIN | MAX ) [ COUNT ( 1 | 2 | 0 ) ] ; EXEC")),
    (1, line!("MULTI ; ( BZPOPMIN | BZPOPMAX ) " z "( -1 | abc | nan | 1e300 ) ; EXEC")),
    (2, line!("ZRANDMEMBER " z "[ 1 | 2 | 100 | -3 | 0 | abc | -9223372036854775808 ]")),
    (1, line!("ZRANDMEMBER " z "( 1 | 100 | -3 | abc | -9223372036854775807 ) ( WITHSCORES | nosuch )")),
    (2, line!("ZSCAN " z "( 0 | 0 | 0 | abc | -1 ) COUNT 1000 [ MATCH ( a* | * | ? | [^a] ) ]")),
    (1, line!("ZSCAN " z "0 COUNT 1000 ( NOVALUES | TYPE zset | COUNT 0 | COUNT abc | MATCH | nosuch )")),
    (4, line!("( ZUNION | ZINTER ) " inputs options with)),
    (2, line!("ZDIFF " inputs with)),
    (4, line!("( ZUNIONSTORE | ZINTERSTORE ) " z inputs options)),
    (2, line!("ZDIFFSTORE " z inputs)),
    (2, line!("ZINTERCARD " inputs "[ LIMIT ( 0 | 1 | 2 | -1 | abc ) ]")),
    (1, line!("( ZUNION | ZINTERCARD | ZDIFF ) ( 0 | -1 | abc | 100 ) z1 z2")),
    (6, line!("ZADD ( x1 | x2 ) +{ 0 " m "}")),
    (2, line!("ZREM ( x1 | x2 ) " m)),
    (4, line!("ZRANGE ( x1 | x2 ) " l l "BYLEX [ REV ] " limit)),
    (4, line!("( ZRANGEBYLEX | ZREVRANGEBYLEX ) ( x1 | x2 ) " l l limit)),
    (2, line!("ZLEXCOUNT ( x1 | x2 ) " l l)),
    (1, line!("ZRANGESTORE x2 x1 " l l "BYLEX [ REV ] " limit)),
    (1, line!("ZREMRANGEBYLEX ( x1 | x2 ) " l l)),
    (4, line!("ZADD p +{ " f "( a | b | c | d | e ) }")),
    (2, line!("( ZRANGEBYLEX | ZREVRANGEBYLEX ) p " l l limit)),
    (1, line!("( ZLEXCOUNT | ZREMRANGEBYLEX ) p " l l)),
    (1, line!("( OBJECT ENCODING | TYPE | DEL | EXISTS ) " z)),
    (1, line!("COPY " z z "[ REPLACE ]")),
    (1, line!("RENAME " z z)),
    (1, line!("PEXPIRE " z "( 100000 | 0 )")),
    (
        1,
        "( ZADD z1 1 | ZADD | ZRANGE z1 0 | ZSCORE z1 | ZRANK z1 | ZPOPMIN | ZMPOP 1 z1 | ZUNION | ZUNIONSTORE z1 1 | ZSCAN z1 )",
    ),
];
