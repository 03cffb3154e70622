//! The 17 set commands.

use super::Row;

pub const ROWS: &[Row] = &[
    (12, "SADD <k> +{ <v> }"),
    (8, "SADD <k> +{ <i> }"),
    (4, "SADD <k> +{ ( a | b | c | d | 1 | 2 | 3 ) }"),
    (4, "SREM <k> +{ ( a | b | c | 1 | 2 | 3 | <v> | <i> ) }"),
    (2, "SISMEMBER <k> ( a | 1 | <v> | <i> )"),
    (2, "SMISMEMBER <k> +{ ( a | 1 | <v> | <i> ) }"),
    (2, "SCARD <k>"),
    (3, "SMEMBERS <k>"),
    (5, "SMOVE <k> <k> ( a | 1 | 2 | <v> | <i> )"),
    (3, "SINTER +{ <k> }"),
    (3, "SUNION +{ <k> }"),
    (3, "SDIFF +{ <k> }"),
    (3, "SINTERSTORE <k> +{ <k> }"),
    (3, "SUNIONSTORE <k> +{ <k> }"),
    (3, "SDIFFSTORE <k> +{ <k> }"),
    (3, "SINTERCARD ( 1 <k> | 2 <k> <k> | 3 <k> <k> <k> ) [ LIMIT ( 0 | 1 | 2 | 100 ) ]"),
    (1, "SINTERCARD <i> +{ <k> } [ ( LIMIT <i> | limit | nosuch ) ]"),
    // What is popped by chance makes the data differ, so all is popped, or nothing.
    (2, "SPOP <k> ( 0 | 1000000 | -1 | abc )"),
    (1, "SPOP <k> 1 1"),
    (2, "SRANDMEMBER <k> [ ( 0 | 1000000 | 9223372036854775807 | -9223372036854775808 | abc ) ]"),
    (1, "SRANDMEMBER <k> -3"),
    (2, "SSCAN <k> 0 COUNT 1000000 [ MATCH <glob> ]"),
    (1, "SSCAN <k> ( 0 | abc | -1 ) { COUNT ( 1000000 | 0 | -1 | abc ) | TYPE set | NOVALUES | nosuch | MATCH }"),
    // With fewer integers than listpack entries, the encoding of what is stored depends on the hash order of the sources.
    (2, "CONFIG SET set-max-intset-entries 512 set-max-listpack-entries 128"),
    (4, "CONFIG SET set-max-intset-entries ( 4 | 5 | 512 ) set-max-listpack-entries ( 4 | 2 )"),
    (1, "CONFIG SET set-max-intset-entries ( 3 | 0 ) set-max-listpack-entries 0"),
    (2, "CONFIG SET set-max-listpack-value ( 64 | 3 )"),
    (4, "OBJECT ENCODING <k>"),
    (2, "EXPIRE <k> 1000"),
    (1, "SUNIONSTORE <k> <k> <k> ; TTL <k>"),
    (1, "COPY <k> <k> REPLACE"),
    (1, "( SADD | SREM <k> | SINTER | SMOVE <k> <k> | SPOP | SSCAN <k> | SINTERSTORE <k> | SMISMEMBER <k> )"),
];
