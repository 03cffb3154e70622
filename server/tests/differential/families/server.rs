//! Commands about the server: settings, the command table, small things.

use super::Row;

pub const ROWS: &[Row] = &[
    (4, "CONFIG GET +{ <param> }"),
    (1, "CONFIG GET ( maxmemory-pol* | notify-keyspace-event* | [dt]imeout | databases )"),
    (3, "CONFIG SET maxmemory-policy ( allkeys-lru | volatile-ttl | noeviction | nosuch | ALLKEYS-LFU | \"\" )"),
    (2, "CONFIG SET maxmemory ( 0 | 100mb | 1gb | 1GB | 1000000kb | abc | -1 | 10xb | \"\" )"),
    (2, "CONFIG SET timeout ( 0 | 1000 | abc | -1 | 1.5 )"),
    (2, "CONFIG SET notify-keyspace-events <events>"),
    (1, "CONFIG SET busy-reply-threshold ( 5000 | 6000 | -1 | x )"),
    (1, "CONFIG SET databases 4"),
    (
        1,
        "CONFIG SET ( nosuch 1 | timeout 0 timeout 1 | timeout 0 nosuch 1 | timeout | timeout 5 maxmemory 0 | timeout 5 maxmemory abc )",
    ),
    (1, "CONFIG ( NOSUCH | GET | SET | SET a | HELP | RESETSTAT | RESETSTAT x )"),
    (
        4,
        "COMMAND GETKEYS ( GET <k> | SET <k> <v> | MSET <k> <v> <k> <v> | EVAL x 2 <k> <k> <v> | EVAL x <n> <k> | BITOP AND <k> <k> <k> | RENAME <k> <k> | OBJECT ENCODING <k> | COPY <k> <k> | PING | NOSUCH | GET | LCS <k> <k> | MGET +{ <k> } | DEL +{ <k> } | PUBLISH a b | SSUBSCRIBE <k> )",
    ),
    (
        3,
        "COMMAND GETKEYSANDFLAGS ( GET <k> | SET <k> <v> | SET <k> <v> GET | GETDEL <k> | MSET <k> <v> | EVAL x 1 <k> | BITFIELD <k> GET u8 0 | BITFIELD <k> SET u8 0 1 | RENAME <k> <k> | BITOP OR <k> <k> <k> | PING | COPY <k> <k> | LCS <k> <k> )",
    ),
    (3, "COMMAND INFO +{ <cmd> }"),
    (3, "COMMAND DOCS +{ <cmd> }"),
    (1, "COMMAND LIST FILTERBY ( PATTERN xyz* | ACLCAT nosuch | MODULE nosuch | NOSUCH x | PATTERN )"),
    (1, "COMMAND ( NOSUCH | HELP | GETKEYS | COUNT x | INFO nosuch )"),
    (2, "OBJECT ( ENCODING | REFCOUNT | IDLETIME | HELP | NOSUCH ) [ <k> ]"),
    (1, "TIME"),
    (1, "TIME x"),
    (1, "( DEBUG NOSUCH | DEBUG | DEBUG SLEEP 0 | DEBUG SET-ACTIVE-EXPIRE 1 )"),
    (1, "( SCRIPT HELP | PUBSUB HELP | MEMORY HELP )"),
    (2, "SET <k> <v>"),
    (1, "DBSIZE"),
];
