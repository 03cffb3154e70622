//! The seven bitmap commands.

use super::Row;

pub const ROWS: &[Row] = &[
    (8, "SETBIT <k> <bitoff> <bit>"),
    (5, "GETBIT <k> <bitoff>"),
    (6, "BITCOUNT <k> [ <off> <off> [ ( BYTE | BIT | bit | nosuch ) ] ]"),
    (1, "BITCOUNT <k> <off>"),
    (6, "BITPOS <k> <bit> [ <off> [ <off> [ ( BYTE | BIT | byte | nosuch ) ] ] ]"),
    (6, "BITOP ( AND | OR | XOR | and | Or ) <k> +{ <k> }"),
    (3, "BITOP ( NOT | not ) <k> <k>"),
    (1, "BITOP ( NOT <k> <k> <k> | NOSUCH <k> <k> | AND <k> | NOT <k> )"),
    (
        8,
        "BITFIELD <k> +{ GET <field> <fieldoff> | SET <field> <fieldoff> <i> | INCRBY <field> <fieldoff> <i> | OVERFLOW ( WRAP | SAT | FAIL | fail | nosuch ) }",
    ),
    (
        6,
        "BITFIELD <k> [ OVERFLOW ( WRAP | SAT | FAIL ) ] ( INCRBY | SET ) ( u4 | i4 | u8 | i8 | u63 | i64 | i63 ) ( #0 | #1 | 3 | 100 ) <i>",
    ),
    (3, "BITFIELD_RO <k> { GET <field> <fieldoff> | SET u8 0 1 }"),
    (3, "SET <k> <v>"),
    (2, "GET <k>"),
    (1, "STRLEN <k>"),
    (1, "OBJECT ENCODING <k>"),
    (1, "( SETBIT | BITCOUNT | BITPOS <k> | BITOP | BITFIELD | BITFIELD_RO | GETBIT <k> | BITFIELD <k> )"),
];
