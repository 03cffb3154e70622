//! Publish and subscribe, and keyspace events. Every sequence has one more connection that listens to everything; here the
//! second one subscribes too.

use super::Row;

pub const ROWS: &[Row] = &[
    (6, "@1 SUBSCRIBE +{ <chan> }"),
    (4, "@1 PSUBSCRIBE +{ <glob> }"),
    (3, "@1 SSUBSCRIBE +{ <chan> }"),
    (2, "@1 UNSUBSCRIBE { <chan> }"),
    (2, "@1 PUNSUBSCRIBE { <glob> }"),
    (2, "@1 SUNSUBSCRIBE { <chan> }"),
    (10, "PUBLISH <chan> <v>"),
    (5, "SPUBLISH <chan> <v>"),
    (2, "PUBSUB CHANNELS [ <glob> ]"),
    (2, "PUBSUB SHARDCHANNELS [ <glob> ]"),
    (2, "PUBSUB NUMSUB { <chan> }"),
    (2, "PUBSUB SHARDNUMSUB { <chan> }"),
    (2, "PUBSUB NUMPAT"),
    (1, "PUBSUB ( NOSUCH | HELP | NUMPAT x | CHANNELS a b | numsub )"),
    (2, "@1 PING [ <v> ]"),
    (1, "@1 GET <k>"),
    (1, "@1 RESET"),
    (1, "@1 QUIT"),
    (2, "CONFIG SET notify-keyspace-events <events>"),
    (1, "CONFIG GET notify-keyspace-events"),
    (3, "SET <k> <v> { XX | EX 1000 | KEEPTTL | GET }"),
    (2, "( DEL | UNLINK | GETDEL | PERSIST | INCR | GET | TYPE ) <k>"),
    (
        2,
        "( EXPIRE <k> ( 100 | -1 | 0 ) | PEXPIREAT <k> ( 1 | 4000000000000 ) | GETEX <k> ( EX 100 | EXAT 1 | PERSIST ) )",
    ),
    (2, "( RENAME <k> <k> | RENAMENX <k> <k> | COPY <k> <k> REPLACE | MOVE <k> 1 | COPY <k> <k> DB 1 )"),
    (
        2,
        "( APPEND <k> <v> | SETRANGE <k> 2 <v> | SETBIT <k> 3 1 | BITOP NOT <k> <k> | INCRBYFLOAT <k> 1.5 | BITFIELD <k> SET u8 0 7 | GETSET <k> <v> )",
    ),
    (2, "( MSET | MSETNX ) <k> <v> <k> <v>"),
    (1, "( FLUSHDB | FLUSHALL | SWAPDB 0 1 | SELECT 1 | SELECT 0 )"),
    (2, "~EXPIRE <k> 4"),
    (2, "MULTI ; SET <k> <v> ; PUBLISH news <v> ; DEL <k> ; EXEC"),
    (1, "( SUBSCRIBE | PSUBSCRIBE | SSUBSCRIBE | PUBLISH a | SPUBLISH | PUBSUB )"),
];
