//! The 22 string commands.

use super::Row;

pub const ROWS: &[Row] = &[
    (6, "SET <k> <v>"),
    (6, "SET <k> <v> { NX | XX | GET | KEEPTTL | EX <sec> | PX <ms> | EXAT <setat> | PXAT <setatms> }"),
    (4, "SET <k> <v> [ ( nx | Xx ) ] [ get ] [ ( EX <sec> | PX <ms> | EXAT <setat> | PXAT <setatms> | KEEPTTL ) ]"),
    (1, "SET <k> <v> ( EX | PX | NX XX | KEEPTTL EX 100 | NOSUCH | \"\" | EX 100 PX 100 | GET GET )"),
    (6, "GET <k>"),
    (3, "GETSET <k> <v>"),
    (3, "GETDEL <k>"),
    (
        4,
        "GETEX <k> [ ( EX <sec> | PX <ms> | EXAT <at> | PXAT <atms> | PERSIST | persist | EX 10 PERSIST | EX | NOSUCH ) ]",
    ),
    (3, "SETNX <k> <v>"),
    (2, "SETEX <k> <sec> <v>"),
    (2, "PSETEX <k> <ms> <v>"),
    (4, "APPEND <k> <v>"),
    (3, "STRLEN <k>"),
    (4, "SETRANGE <k> <off> <v>"),
    (4, "GETRANGE <k> <off> <off>"),
    (2, "SUBSTR <k> <off> <off>"),
    (4, "INCR <k>"),
    (3, "DECR <k>"),
    (4, "INCRBY <k> <i>"),
    (3, "DECRBY <k> <i>"),
    (5, "INCRBYFLOAT <k> <f>"),
    (3, "MGET +{ <k> }"),
    (3, "MSET +{ <k> <v> }"),
    (2, "MSETNX +{ <k> <v> }"),
    (1, "( MSET | MSETNX ) <k> <v> <k>"),
    (4, "LCS <k> <k> { LEN | IDX | MINMATCHLEN <n> | WITHMATCHLEN | nosuch }"),
    (2, "MSET a ohmytext b mynewtext ; LCS a b [ IDX ] [ MINMATCHLEN 4 ] [ WITHMATCHLEN ]"),
    (1, "SET <k> <i> ; INCRBY <k> <i> ; INCRBYFLOAT <k> <f>"),
    (1, "OBJECT ENCODING <k>"),
    (1, "( SET | GET | INCR | APPEND | MGET | MSET | LCS | GETEX | SETRANGE | INCRBYFLOAT )"),
];

/// Ordinary traffic that other families mix in.
pub const BACKGROUND: &[Row] = &[
    (8, "SET <k> <v>"),
    (3, "SET <k> <i>"),
    (2, "SET <k> <v> EX 1000"),
    (3, "DEL <k>"),
    (3, "GET <k>"),
    (2, "EXPIRE <k> 1000"),
    (1, "PTTL <k>"),
    (1, "RENAME <k> <k>"),
    (1, "MSET <k> <v> <k> <v>"),
    (1, "INCR <k>"),
];
