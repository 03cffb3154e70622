//! The five HyperLogLog commands. GET compares the bytes.

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
    (1, "PFSELFTEST"),
    (2, "CONFIG SET hll-sparse-max-bytes ( 3000 | 60 | 20 | 0 )"),
    (2, "SETRANGE <k> <off> <v>"),
    (1, "SETRANGE <k> 16 ( \"\" | a | \u{7f} )"),
    (2, "SETBIT <k> ( 128 | 129 | 135 | 136 | 143 | 33 | 64 | 127 ) ( 0 | 1 )"),
    (1, "APPEND <k> ( a | \"\" )"),
    (1, "EXPIRE <k> 1000"),
    (1, "PFADD <k> a b c ; PFCOUNT <k> ; STRLEN <k> ; OBJECT ENCODING <k>"),
    (1, "COPY <k> <k> REPLACE"),
    (1, "( PFADD | PFCOUNT | PFMERGE | PFDEBUG <k> | PFSELFTEST x | PFDEBUG ENCODING <k> <k> )"),
];
