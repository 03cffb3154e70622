//! DUMP and RESTORE: what is dumped is restored on the same server. (`tests/dump.rs` exchanges payloads.) No deadline is so far
//! away that its sum overflows: what Redis makes of that is chance.

use super::Row;

pub const ROWS: &[Row] = &[
    (10, "~RESTORE <k> <k> 0 [ REPLACE ]"),
    (4, "~RESTORE <k> <k> ( 100000 | 2000000 | 0 | -1 | 9223372036854775808 | abc ) [ REPLACE ]"),
    (4, "~RESTORE <k> <k> ( 4000000000000 | 4000000000001 | 33177117420000 | 1 | 1000000000000 | abc ) ABSTTL REPLACE"),
    (
        2,
        "~RESTORE <k> <k> ( 0 | 100000 | -1 | abc ) { REPLACE | ABSTTL | IDLETIME <i> | FREQ ( 0 | 255 | 256 | -1 | abc ) | nosuch | replace }",
    ),
    (6, "RESTORE <k> 0 <payload> [ REPLACE ]"),
    (3, "RESTORE <k> ( 100000 | 2000000 | 0 | -1 | 9223372036854775808 | abc ) <payload> [ REPLACE ] [ ABSTTL ]"),
    (2, "RESTORE <k> ( 0 | 1 | -1 | abc ) <v> [ REPLACE ]"),
    (
        1,
        "RESTORE <k> 0 <payload> { REPLACE | IDLETIME 5 | FREQ 7 | IDLETIME | FREQ | IDLETIME 1 FREQ 1 | FREQ 1 IDLETIME 1 }",
    ),
    (3, "DUMP <k>"),
    (1, "( DUMP | RESTORE | RESTORE x | RESTORE x 0 | DUMP x y )"),
    (3, "OBJECT ENCODING <k>"),
    (2, "HSET h a 1 b 2 c 3 ; HPEXPIREAT h <atms> FIELDS 1 a"),
    (1, "XGROUP CREATE x g 0 MKSTREAM ; XREADGROUP GROUP g c STREAMS x > ; XADD x ( 5-1 | 5-* | 6-* | 900-7 ) f v"),
    (1, "CONFIG SET set-max-intset-entries ( 1 | 512 )"),
    (1, "CONFIG SET list-max-listpack-size ( 1 | 3 | -2 )"),
    (1, "CONFIG SET stream-node-max-entries ( 1 | 100 )"),
];
