//! SORT and SORT_RO. Each line makes what it sorts, so that it is known whether it has an order.

use super::Row;

pub const ROWS: &[Row] = &[
    (8, "DEL q ; RPUSH q +{ <i> } ; SORT q { ASC | DESC | ALPHA | LIMIT <i> <i> | LIMIT 1 2 | STORE d }"),
    (4, "DEL q ; RPUSH q +{ <f> } ; SORT q { DESC | LIMIT 0 3 }"),
    (3, "DEL q ; RPUSH q +{ <v> } ; ( SORT | SORT_RO ) q { DESC | ALPHA | alpha }"),
    (
        6,
        "DEL q ; RPUSH q 3 1 2 10 1 ; MSET w1 30 w2 20 w3 10 t1 x t3 a o_1_ one ; SORT q { BY w* | DESC | GET # | GET o_*_ | GET w* | LIMIT 0 3 | GET nosuch }",
    ),
    (
        4,
        "DEL q ; RPUSH q 3 1 2 ; MSET t1 b t2 a t3 c ; SORT q BY t* ALPHA { DESC | GET # | GET t* | STORE d | LIMIT 1 1 }",
    ),
    (
        4,
        "DEL q ; RPUSH q 3 1 2 10 ; SORT q BY nosort { DESC | LIMIT 1 2 | LIMIT <i> <i> | STORE d | GET # | GET w* | GET k }",
    ),
    (2, "DEL q ; RPUSH q a b c d ; SORT q BY nosort STORE q ; LRANGE q 0 -1 ; OBJECT ENCODING q"),
    (2, "SORT nokey { ALPHA | STORE d | GET # | BY x }"),
    (2, "( SORT | SORT_RO ) <k> { ALPHA | LIMIT <i> | BY | GET | STORE | LIMIT 0 x | nosuch }"),
    (1, "SORT_RO q STORE d"),
    (3, "SADD q2 +{ <i> } ; SORT q2 ALPHA [ DESC ] ; SORT q2 BY nosort STORE d ; DEL q2"),
    (3, "SADD q2 3 1 2 ; SORT q2 { DESC | GET # | GET w* | LIMIT 0 2 | STORE d } ; DEL q2"),
    (3, "ZADD z2 3 a 1 b 2 c ; SORT z2 BY nosort { DESC | LIMIT 1 1 | GET # | STORE d } ; SORT z2 ALPHA ; DEL z2"),
    (
        3,
        "HSET h1 f 2 g x ; HSET h2 f 1 ; DEL q ; RPUSH q 1 2 3 ; SORT q BY h*->f { GET # | GET h*->g | GET h*-> | DESC }",
    ),
];
