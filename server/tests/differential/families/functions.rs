//! Functions, from a list of libraries. Without FUNCTION FLUSH, at which the reference crashes (see `session.rs`).

use super::Row;

pub const ROWS: &[Row] = &[
    (12, "FUNCTION LOAD <library>"),
    (8, "FUNCTION LOAD REPLACE <library>"),
    (20, "( FCALL | FCALL | FCALL_RO ) <function> 2 <k> <k> <v> <v>"),
    (6, "( FCALL | FCALL_RO ) <function> <n> <k> <v>"),
    (3, "FCALL <function> 0"),
    (6, "FUNCTION LIST [ LIBRARYNAME ( * | A* | b | [ab] | nosuch ) ] [ WITHCODE ]"),
    (3, "FUNCTION DELETE ( a | b | c | A | nosuch )"),
    (4, "FUNCTION STATS"),
    (
        1,
        "FUNCTION ( KILL | HELP | NOSUCH | LOAD | LIST x | LIST LIBRARYNAME | RESTORE x | RESTORE x REPLACE | DELETE )",
    ),
    (1, "( FUNCTION | FCALL | FCALL f | FCALL_RO )"),
    (2, "MULTI ; FUNCTION LOAD <library> ; FCALL <function> 1 <k> <v> ; FUNCTION STATS ; GET <k> ; EXEC"),
    (2, "COMMAND GETKEYS ( FCALL | FCALL_RO ) f <n> <k> <v>"),
    (1, "EVAL return(redis.call('FUNCTION','LIST')) 0"),
    (3, "GET <k>"),
];

/// Function names that the libraries may have, and some that they have not.
pub const FUNCTIONS: &[&str] = &["f", "g", "h", "F", "G", "put", "PUT", "keep", "echo", "nosuch", ""];

pub const LIBRARIES: &[&str] = &[
    "#!lua name=a\nredis.register_function('f', function(keys, args) return {keys, args} end)",
    "#!lua name=a\nredis.register_function{function_name='f', callback=function() return 1 end, flags={'no-writes'}}",
    "#!lua name=b\nredis.register_function('g', function(keys, args) return redis.call('SET', keys[1], args[1]) end)",
    "#!lua name=b\nredis.register_function('F', function() return 'of b' end)",
    "#!lua name=c\nredis.register_function{function_name='put', description='writes', flags={'allow-oom'}, \
     callback=function(keys, args) redis.call('SET', keys[1], args[1]) return redis.call('GET', keys[2]) end}\n\
     redis.register_function{function_name='echo', flags={'no-writes', 'no-cluster'}, \
     callback=function(keys) return redis.call('GET', keys[1]) end}",
    "#!LUA NAME=c\nredis.register_function{function_name='echo', flags={'no-writes'}, \
     callback=function(keys, args) return redis.call('APPEND', keys[1], args[1]) end}",
    "#!lua name=b\nlocal count = 0\n\
     redis.register_function('keep', function() return redis.error_reply('MY ' .. #('x'):rep(3)) end)\n\
     redis.register_function('h', function(keys) return redis.pcall('INCR', keys[1]) end)",
    "#!lua name=a\nredis.register_function('g', function(keys) error({err = 'MY error'}) end)",
    "#!lua name=a\nredis.register_function('h', function(keys) return nosuch end)",
    "#!lua name=a\nredis.setresp(3)",
    "#!lua name=a\nredis.register_function('a b', function() end)",
    "#!lua name=a\nnot lua",
    "#!lua name=a\n",
    "#!lua name=a",
    "#!lua\nredis.register_function('f', function() end)",
    "#!js name=a\n",
    "redis.register_function('f', function() end)",
    "",
];
