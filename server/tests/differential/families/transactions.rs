//! MULTI, EXEC, DISCARD, WATCH and UNWATCH, from two connections.

use super::Row;

pub const ROWS: &[Row] = &[
    (8, "MULTI"),
    (8, "EXEC"),
    (2, "DISCARD"),
    (4, "WATCH +{ <k> }"),
    (1, "UNWATCH"),
    (3, "@1 MULTI"),
    (3, "@1 EXEC"),
    (1, "@1 DISCARD"),
    (2, "@1 WATCH <k>"),
    (6, "SET <k> <v>"),
    (3, "INCR <k>"),
    (2, "MGET <k> <k>"),
    (2, "GET <k>"),
    (5, "@1 SET <k> <v>"),
    (2, "@1 DEL <k>"),
    (1, "@1 INCR <k>"),
    (
        3,
        "WATCH <k> ; @1 ( SET <k> <v> | DEL <k> | EXPIRE <k> 1000 | APPEND <k> x | INCR <k> | RENAME <k> <k> | SETBIT <k> 3 1 | PERSIST <k> ) ; MULTI ; SET <k> <v> ; EXEC",
    ),
    (
        1,
        "WATCH <k> ; @1 ( FLUSHALL | FLUSHDB | SWAPDB 0 1 | MOVE <k> 1 | COPY <k> <k> REPLACE | GETEX <k> PERSIST ) ; MULTI ; GET <k> ; EXEC",
    ),
    (2, "MULTI ; NOSUCHCOMMAND a ; SET <k> <v> ; EXEC"),
    (2, "MULTI ; GET ; SET <k> <v> ; EXEC"),
    (2, "MULTI ; SET <k> abc ; INCR <k> ; GET <k> ; EXEC"),
    (2, "MULTI ; SET <k> <v> PX 100000 ; PTTL <k> ; RENAME <k> <k> ; MGET a b c d ; DBSIZE ; EXEC"),
    (1, "MULTI ; MULTI ; WATCH a ; EXEC"),
    (1, "MULTI ; SELECT 1 ; SET <k> <v> ; SELECT 0 ; GET <k> ; EXEC"),
    (1, "MULTI ; EVAL <script> 2 <k> <k> <v> <v> ; EXEC"),
    (1, "MULTI ; PUBLISH news <v> ; FLUSHDB ; SET <k> <v> ; EXEC"),
    (1, "MULTI ; EXPIRE <k> -1 ; GET <k> ; SET <k> <v> GET ; EXEC"),
    (1, "MULTI ; HELLO 2 ; PING ; ECHO x ; CLIENT GETNAME ; EXEC"),
    (1, "MULTI ; RESET ; GET <k>"),
    (1, "( EXEC x | MULTI x | DISCARD x | WATCH | UNWATCH x )"),
    (1, "MULTI ; EXEC"),
    (1, "SELECT ( 0 | 1 )"),
];
