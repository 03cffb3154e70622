//! Commands for keys of any type, and everything about expiry.

use super::Row;

pub const ROWS: &[Row] = &[
    (4, "DEL +{ <k> }"),
    (2, "UNLINK +{ <k> }"),
    (4, "EXISTS +{ <k> }"),
    (2, "TOUCH +{ <k> }"),
    (4, "TYPE <k>"),
    (6, "RENAME <k> <k>"),
    (4, "RENAMENX <k> <k>"),
    (6, "COPY <k> <k> [ DB <db> ] [ REPLACE ]"),
    (1, "COPY <k> <k> { DB <db> | REPLACE | replace | nosuch }"),
    (5, "MOVE <k> <db>"),
    (2, "RANDOMKEY"),
    (4, "KEYS <glob>"),
    (4, "~SCANALL [ MATCH <glob> ] [ COUNT 3 ] [ TYPE <type> ]"),
    (2, "SCAN <i> { MATCH <glob> | COUNT <n> | TYPE <type> | NOSUCH | match }"),
    (4, "DBSIZE"),
    (3, "SELECT <db>"),
    (1, "FLUSHDB [ ( ASYNC | SYNC | sync | nosuch ) ]"),
    (1, "FLUSHALL [ ( ASYNC | SYNC | async | nosuch | SYNC ASYNC ) ]"),
    (2, "SWAPDB <db> <db>"),
    (1, "SWAPDB 0 1"),
    (4, "OBJECT ENCODING <k>"),
    (1, "OBJECT ( REFCOUNT | IDLETIME | FREQ | idletime ) <k>"),
    (1, "OBJECT ( HELP | NOSUCH | ENCODING | \"\" )"),
    (1, "CONFIG SET maxmemory-policy ( allkeys-lfu | noeviction | allkeys-lru )"),
    (1, "MEMORY USAGE <k> [ SAMPLES <n> ]"),
    (1, "MEMORY ( NOSUCH | USAGE | HELP )"),
    (1, "( DEL | EXISTS | RENAME | COPY | MOVE | KEYS | SCAN | TYPE | OBJECT | SWAPDB | RANDOMKEY x | DBSIZE x )"),
];

pub const EXPIRY: &[Row] = &[
    (8, "( EXPIRE <k> <sec> | PEXPIRE <k> <ms> | EXPIREAT <k> <at> | PEXPIREAT <k> <atms> )"),
    // Both servers take their own clock, so of two equal times from now on either may be the later one: times of their own
    // where they are compared.
    (6, "( EXPIRE <k> <sec> | PEXPIRE <k> <ms> ) { NX | XX | nx | nosuch }"),
    (
        6,
        "( EXPIRE <k> ( 1501 | 700001 ) | PEXPIRE <k> ( 1601003 | 90000007 ) | EXPIREAT <k> <at> | PEXPIREAT <k> <atms> ) { NX | XX | GT | LT | nx | Gt | nosuch }",
    ),
    (6, "( EXPIREAT <k> <at> | PEXPIREAT <k> <atms> ) ( NX | XX | GT | LT | XX GT | XX LT )"),
    (6, "( TTL | PTTL | EXPIRETIME | PEXPIRETIME ) <k>"),
    (4, "PERSIST <k>"),
    (3, "SET <k> <v> PXAT 4000000000000"),
    (2, "SET <k> <v> KEEPTTL"),
    (2, "GETEX <k> ( PERSIST | PXAT <atms> | EXAT <at> )"),
    (2, "RENAME <k> <k>"),
    (2, "COPY <k> <k> [ DB 1 ] REPLACE"),
    (1, "MOVE <k> 1"),
    (1, "( APPEND <k> <v> | INCR <k> | SETRANGE <k> 3 abc | GETSET <k> <v> | SETBIT <k> 7 1 )"),
    (1, "( SETEX <k> <sec> <v> | PSETEX <k> <ms> <v> )"),
    (2, "~EXPIRE <k> 5"),
    (1, "MSET <k> <v> <k> <v> ; ~EXPIRE <k> 3 ; DBSIZE ; KEYS *"),
    (1, "SET <k> <v> ; @1 WATCH <k> ; ~EXPIRE <k> 5 ; @1 MULTI ; @1 SET <k> <v> ; @1 EXEC"),
    (1, "( EXPIRE | TTL | PERSIST | PEXPIREAT | EXPIRE <k> | EXPIRETIME )"),
];
