//! The 22 list commands. Those that wait are only sent where they need not, or may not: that they wait is another test's.

use super::Row;

pub const ROWS: &[Row] = &[
    (8, "( LPUSH | RPUSH ) <k> +{ <v> }"),
    (2, "( LPUSH | RPUSH ) <k> a b c a b c 1 2 3"),
    (3, "( LPUSHX | RPUSHX ) <k> +{ <v> }"),
    (5, "( LPOP | RPOP ) <k>"),
    (4, "( LPOP | RPOP ) <k> ( 1 | 2 | 0 | 3 | <i> )"),
    (3, "LLEN <k>"),
    (3, "LINDEX <k> <i>"),
    // Redis cuts an index of a packed list to 32 bits, so none here is beyond.
    (4, "LSET <k> ( 0 | -1 | 1 | 2 | -7 | 99 | 2147483647 | -2147483648 | x | 1.5 ) <v>"),
    (4, "LINSERT <k> ( BEFORE | AFTER | before | nosuch ) ( a | b | 1 | <v> ) <v>"),
    (5, "LRANGE <k> <i> <i>"),
    (2, "LRANGE <k> 0 -1"),
    (4, "LTRIM <k> ( 0 | 1 | 2 | -3 | <i> ) ( -1 | -2 | 3 | <i> )"),
    (4, "LREM <k> ( 0 | 1 | -1 | 2 | -2 | <i> ) ( a | b | 1 | <v> )"),
    (4, "LPOS <k> ( a | b | 1 | <v> ) { RANK <i> | COUNT <n> | MAXLEN <n> | rank -1 | COUNT 0 | nosuch 1 | COUNT }"),
    (6, "LMOVE <k> <k> ( LEFT | RIGHT | left ) ( LEFT | RIGHT | Right )"),
    (1, "LMOVE <k> <k> ( LEFT | up ) ( RIGHT | \"\" )"),
    (4, "RPOPLPUSH <k> <k>"),
    (4, "LMPOP 2 <k> <k> ( LEFT | RIGHT ) [ COUNT ( 1 | 2 | 10 | <i> ) ]"),
    (1, "LMPOP <n> <k> ( LEFT | right | nosuch ) { COUNT 1 | nosuch }"),
    // In a transaction nobody waits.
    (4, "MULTI ; ( BLPOP | BRPOP ) <k> <k> <k> 0.01 ; BLMPOP 0.01 2 <k> <k> ( LEFT | RIGHT ) [ COUNT 2 ] ; EXEC"),
    (4, "MULTI ; BLMOVE <k> <k> ( LEFT | RIGHT ) ( LEFT | RIGHT ) 0.01 ; BRPOPLPUSH <k> <k> 0.01 ; EXEC"),
    (
        2,
        "MULTI ; BLPOP <k> ( x | -1 | 1e30 | nan ) ; BLMOVE <k> <k> LEFT LEFT ( x | -1 ) ; BLMPOP x <n> <k> LEFT ; EXEC",
    ),
    (3, "OBJECT ENCODING <k>"),
    (2, "( EXPIRE <k> 1000 | RENAME <k> <k> | COPY <k> <k> REPLACE | DEL <k> | PERSIST <k> )"),
    (1, "CONFIG SET list-max-listpack-size ( 4 | 2 | 1 | -1 | -2 | 16 )"),
    (
        1,
        "( LPUSH | LPOP | LSET | LINSERT | LRANGE | LTRIM | LREM | LPOS | LMOVE | LMPOP | BLPOP | BLMPOP | LPOP a 1 2 )",
    ),
];
