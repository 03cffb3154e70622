//! The 28 hash commands. Keys are often `h`, so that hashes grow; fields are few, so that commands meet.

use super::Row;

pub const ROWS: &[Row] = &[
    (8, "HSET ( h | <k> ) +{ <hf> <v> }"),
    (3, "HSET ( h | <k> ) <hf> <i> <hf> <f>"),
    (1, "( HSET | HMSET ) h <hf> <v> <hf>"),
    (2, "HMSET ( h | <k> ) +{ <hf> <v> }"),
    (3, "HSETNX ( h | <k> ) <hf> <v>"),
    (4, "HGET ( h | <k> ) <hf>"),
    (4, "HMGET ( h | <k> ) +{ <hf> }"),
    (3, "( HGETALL | HKEYS | HVALS | HLEN ) ( h | <k> )"),
    (2, "( HSTRLEN | HEXISTS ) ( h | <k> ) <hf>"),
    (4, "HDEL ( h | <k> ) +{ <hf> }"),
    (4, "HINCRBY ( h | <k> ) <hf> <i>"),
    (4, "HINCRBYFLOAT ( h | <k> ) <hf> <f>"),
    (2, "HSET h n <i> ; HINCRBY h n <i> ; HINCRBYFLOAT h n <f>"),
    (2, "HRANDFIELD ( h | <k> ) [ ( 0 | 1 | 3 | -4 | x | -9223372036854775808 ) [ ( WITHVALUES | nosuch ) ] ]"),
    (2, "HSCAN ( h | <k> ) ( 0 | x | -1 ) { MATCH <glob> | COUNT <n> | NOVALUES | TYPE hash | nosuch }"),
    (2, "~HSCANALL ( h | <k> ) { MATCH <glob> | COUNT 2 | NOVALUES }"),
    (6, "( HEXPIRE ( h | <k> ) <sec> | HPEXPIRE ( h | <k> ) <ms> ) [ ( NX | xx ) ] FIELDS ( 1 <hf> | 2 <hf> <hf> )"),
    (
        8,
        "( HEXPIREAT ( h | <k> ) <at> | HPEXPIREAT ( h | <k> ) <atms> ) [ ( NX | XX | GT | LT ) ] FIELDS ( 1 <hf> | 2 <hf> <hf> )",
    ),
    (
        3,
        "HPEXPIREAT h ( 70368744177663 | 70368744177664 | 5000000000000 | 5000000000001 ) [ ( GT | LT | NX ) ] FIELDS 3 a b c",
    ),
    (2, "( HEXPIRE | HPEXPIREAT ) h <i> [ ( NX | nosuch | NX XX ) ] ( FIELDS | FIELD | fields ) <n> +{ <hf> }"),
    (5, "( HTTL | HPTTL | HEXPIRETIME | HPEXPIRETIME ) ( h | <k> ) FIELDS ( 1 <hf> | 3 a b c )"),
    (
        1,
        "( HTTL | HPTTL | HEXPIRETIME | HPEXPIRETIME | HPERSIST | HGETDEL ) ( h | <k> ) ( FIELDS | nosuch ) <n> +{ <hf> }",
    ),
    (4, "HPERSIST ( h | <k> ) FIELDS ( 1 <hf> | 3 a b c )"),
    (4, "HGETDEL ( h | <k> ) FIELDS ( 1 <hf> | 2 <hf> <hf> )"),
    (
        6,
        "HGETEX ( h | <k> ) [ ( EX <sec> | PX <ms> | EXAT <at> | PXAT <atms> | PERSIST | persist ) ] FIELDS ( 1 <hf> | 2 <hf> <hf> )",
    ),
    (1, "HGETEX h ( EX | EX 10 PERSIST | KEEPTTL | PERSIST PERSIST | EX <i> ) [ FIELDS <n> ] <hf>"),
    (
        6,
        "HSETEX ( h | <k> ) [ ( FNX | FXX ) ] [ ( EX <sec> | PX <ms> | EXAT <at> | PXAT <atms> | KEEPTTL ) ] FIELDS ( 1 <hf> <v> | 2 <hf> <v> <hf> <v> )",
    ),
    (2, "HSETEX h { FNX | FXX | EX <sec> | PXAT <atms> | KEEPTTL | nosuch | PERSIST } FIELDS <n> +{ <hf> <v> }"),
    (3, "~HPEXPIRE ( h | <k> ) ( 1 | 20 ) ( a | b | c )"),
    (
        1,
        "HSET h a 1 b 2 c 3 d 4 ; ( RENAME h <k> | COPY h <k> REPLACE | MOVE h 1 | EXPIRE h 1000 | PERSIST h ) ; HPTTL h FIELDS 3 a b c",
    ),
    (1, "( RENAME | COPY ) <k> h"),
    (2, "OBJECT ENCODING ( h | <k> )"),
    (1, "DEL ( h | <k> )"),
];
