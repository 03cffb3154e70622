//! The timeouts of all commands that wait, good and bad: in a transaction, where nobody waits. That they wait is another test's.

use super::Row;

/// Seconds: as C's `long double` reads them.
macro_rules! seconds {
    () => {
        "( 0.01 | 0 | -0 | 1 | +1 | .5 | 5. | 1e3 | inf | -inf | +INF | Infinity | -infinity | nan | -nan | 1e400 | -1e400 | 1E+400 \
         | 1e4932 | 1e4933 | -1e5000 | 1e309 | -1e309 | 1e-400 | -1e-400 | 1e-5000 | -0.001 | -0.0001 | -.5 | -1 | 9e15 | 1e16 | 1e30 \
         | 9223372036854774 | 9223372036854775.807 | 9223372036854775.808 | 0x10 | -0x1 | 0x1.8p3 | 0X1P-5 | 0x1p-16445 | 0x1p16383 \
         | 0x1p16384 | 0x | 0xg | 0x1p | 0x.8 | 1e | 1e+ | . | x | \"\" | \" 1\" | \"1 \" | 1,5 | 1_0 | 1f | <f> | <i> )"
    };
}

/// Milliseconds: a whole number of 64 bits.
macro_rules! millis {
    () => {
        "( 0 | 10 | -1 | -0 | +1 | 01 | 1.5 | inf | -inf | nan | 1e400 | 0x10 | 9223372036854775807 | 9223372036854775808 \
         | 9223370000000000000 | -9223372036854775808 | x | \"\" | \" 1\" | <i> )"
    };
}

pub const ROWS: &[Row] = &[
    (4, concat!("MULTI ; ( BLPOP | BRPOP | BZPOPMIN | BZPOPMAX ) <k> ", seconds!(), " ; EXEC")),
    (4, concat!("MULTI ; ( BLPOP | BRPOP | BZPOPMIN | BZPOPMAX ) nosuch nosuch2 ", seconds!(), " ; EXEC")),
    (2, concat!("MULTI ; BLMOVE ( <k> | nosuch ) <k> LEFT ( RIGHT | x ) ", seconds!(), " ; EXEC")),
    (2, concat!("MULTI ; BRPOPLPUSH ( <k> | nosuch ) <k> ", seconds!(), " ; EXEC")),
    (2, concat!("MULTI ; BLMPOP ", seconds!(), " ( 1 | 1 | 2 | 0 ) ( <k> | nosuch ) ( LEFT | RIGHT | x ) ; EXEC")),
    (2, concat!("MULTI ; BZMPOP ", seconds!(), " ( 1 | 1 | 2 | 0 ) ( <k> | nosuch ) ( MIN | MAX | x ) ; EXEC")),
    (2, concat!("MULTI ; XREAD BLOCK ", millis!(), " STREAMS ( <k> | nosuch ) 0 ; EXEC")),
    (2, concat!("MULTI ; XREADGROUP GROUP g c BLOCK ", millis!(), " STREAMS ( <k> | nosuch ) > ; EXEC")),
    (1, "( RPUSH <k> a b | ZADD <k> 1 a | DEL <k> )"),
];
