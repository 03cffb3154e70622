//! Commands about the connection itself.

use super::Row;

pub const ROWS: &[Row] = &[
    (3, "PING [ <v> ]"),
    (2, "ECHO <v>"),
    (3, "SELECT <db>"),
    (3, "SET <k> <v>"),
    (2, "GET <k>"),
    (3, "HELLO [ ( 2 | 3 | 4 | 1 | abc | \"\" ) ]"),
    (2, "HELLO ( 2 | 3 ) { SETNAME <k> | AUTH default x | NOSUCH }"),
    (2, "AUTH <v>"),
    (2, "AUTH ( default | nobody ) <v>"),
    (2, "RESET"),
    (1, "QUIT"),
    (2, "CLIENT SETNAME ( me | a.b | \"\" | <k> | \"\" )"),
    (2, "CLIENT GETNAME"),
    (1, "CLIENT ID"),
    (1, "CLIENT INFO"),
    (1, "CLIENT SETINFO ( LIB-NAME x | lib-ver 1.2.3 | NOSUCH x | LIB-NAME <k> )"),
    (1, "CLIENT ( NO-EVICT | NO-TOUCH ) ( ON | off | maybe )"),
    (1, "CLIENT REPLY ( ON | maybe )"),
    (1, "CLIENT LIST ( TYPE ( normal | nosuch | replica ) | ID ( 999999 | abc | -1 ) | NOSUCH )"),
    (
        1,
        "CLIENT KILL ( 1.2.3.4:5 | ID 999999 | ADDR 1.2.3.4:5 | ID abc | TYPE nosuch | USER nosuch | SKIPME maybe | ID | MAXAGE 100000 | MAXAGE abc )",
    ),
    (1, "CLIENT UNBLOCK ( 999999 | abc | 999999 TIMEOUT | 999999 ERROR | 999999 NOSUCH )"),
    (1, "CLIENT PAUSE ( 0 | abc | -1 | 0 WRITE | 0 ALL | 0 NOSUCH )"),
    (1, "CLIENT UNPAUSE"),
    (1, "CLIENT ( GETREDIR | TRACKINGINFO | NOSUCH | HELP | CACHING YES | CACHING x | SETNAME | GETNAME x | ID x )"),
    (1, "( PING a b | ECHO | SELECT | QUIT x | RESET x | CLIENT | AUTH | AUTH a b c )"),
    (1, "MULTI ; ( SELECT 1 | PING | CLIENT GETNAME | HELLO 3 | AUTH x | QUIT ) ; EXEC"),
    (2, "( NOSUCH | nosuch a b | \"\" | GETX <v> <v> | \"NO SUCH\" | HGETT <k> )"),
];
