//! The five HyperLogLog commands. GET compares the bytes. Redis needs a second for PFSELFTEST, so only its error is here (with two arguments, as one may be lost on the way).

use super::Row;

pub const ROWS: &[Row] = &[
    (12, "PFADD <k> { <v> }"),
    (8, "PFADD <k> +{ <v> } +{ <v> } +{ <i> } +{ <f> }"),
    (6, "PFCOUNT <k>"),
    (4, "PFCOUNT +{ <k> }"),
    (6, "PFMERGE <k> { <k> }"),
    (3, "GET <k>"),
    (2, "PFDEBUG ( ENCODING | encoding | DECODE | TODENSE | GETREG | nosuch ) <k>"),
    (1, "PFDEBUG SIMD ( ON | off )"),
    (2, "CONFIG SET hll-sparse-max-bytes ( 3000 | 60 | 20 | 0 )"),
    (1, "SETRANGE <k> ( 0 | 3 | 5 ) ( HYLL | X )"),
    (2, "SETBIT <k> ( 33 | 64 | 120 | 127 ) ( 0 | 1 )"),
    // Too few registers. PFADD is not sent: where it finds that out late, Redis keeps what it has done before its error.
    (
        1,
        "SET b HYLL\u{1}\0\0\0\0\0\0\0\0\0\0\0\u{7f}a ; PFMERGE <k> b ; PFCOUNT b ; PFCOUNT <k> b ; PFDEBUG TODENSE b ; PFDEBUG GETREG b ; PFDEBUG DECODE b ; DEL b",
    ),
    (1, "EXPIRE <k> 1000"),
    (1, "PFADD <k> a b c ; PFCOUNT <k> ; STRLEN <k> ; OBJECT ENCODING <k>"),
    (1, "COPY <k> <k> REPLACE"),
    (1, "( PFADD | PFCOUNT | PFMERGE | PFDEBUG <k> | PFSELFTEST x y | PFDEBUG ENCODING <k> <k> )"),
];
