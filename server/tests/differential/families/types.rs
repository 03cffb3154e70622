//! Keys of other types, for the wrong-type errors of the string commands. Rows whose command a server does not have yet are
//! left out.

use super::Row;

pub const ROWS: &[Row] =
    &[(1, "RPUSH l a b c"), (1, "HSET h f v g w"), (1, "SADD s 1 2 3"), (1, "ZADD z 1 a 2 b"), (1, "XADD x 5-1 f v")];
