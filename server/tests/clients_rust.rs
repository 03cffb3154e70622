//! The `redis` crate against the running server, as an application would use it: over RESP2 and RESP3, with four shards.
//! `CURFEW_TEST_SUBJECT=reference` runs the same against Redis.

mod support;

use redis::{
    Commands, Connection, ErrorKind, ExistenceCheck, Expiry, IntegerReplyOrNoOp, PushKind, RedisResult,
    ServerErrorKind, SetExpiry, SetOptions, Value,
};
use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;
use support::{PATIENCE, Server, unix_ms, wait_until};

const SHARDS: usize = 4;
const PROTOCOLS: [&str; 2] = ["resp2", "resp3"];

fn connect(server: &Server, protocol: &str) -> Connection {
    let address = format!("redis://127.0.0.1:{}/0?protocol={protocol}", server.port());
    let connection = redis::Client::open(address).and_then(|client| client.get_connection());
    let connection = connection.unwrap_or_else(|error| panic!("cannot connect with {protocol}: {error}"));
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout that is not zero");
    connection
}

/// Runs the test over either protocol, each with a server of its own.
fn over_both(test: impl Fn(&Server, &mut Connection, &str) -> RedisResult<()>) {
    for protocol in PROTOCOLS {
        let server = Server::subject(SHARDS, &[]);
        let mut connection = connect(&server, protocol);
        if let Err(error) = test(&server, &mut connection, protocol) {
            panic!("{protocol}: {error}");
        }
    }
}

#[test]
fn basics() {
    over_both(|_, con, _| {
        assert_eq!(con.get::<_, Option<String>>("key")?, None);
        con.set::<_, _, ()>("key", "value")?;
        assert_eq!(con.get::<_, String>("key")?, "value");
        con.set::<_, _, ()>("binary", &[0u8, 13, 10, 255][..])?;
        assert_eq!(con.get::<_, Vec<u8>>("binary")?, [0, 13, 10, 255]);
        assert_eq!(con.incr::<_, _, i64>("count", 5)?, 5);
        assert_eq!(con.decr::<_, _, i64>("count", 7)?, -2);
        assert_eq!(con.append::<_, _, usize>("key", "!")?, 6);
        con.mset::<_, _, ()>(&[("a", 1), ("b", 2), ("c", 3)])?;
        assert_eq!(con.mget::<_, Vec<Option<i64>>>(&["a", "b", "nothing", "c"])?, [Some(1), Some(2), None, Some(3)]);
        assert!(!con.set_nx::<_, _, bool>("a", 9)?);
        assert_eq!(con.del::<_, usize>(&["a", "b", "nothing"])?, 2);
        assert!(con.exists::<_, bool>("c")?);
        assert_eq!(con.getrange::<_, String>("key", 1, 3)?, "alu");
        con.rename::<_, _, ()>("c", "d")?;
        let found: HashSet<String> = con.scan::<String>()?.collect::<RedisResult<_>>()?;
        assert_eq!(found, ["key", "binary", "count", "d"].map(String::from).into());
        Ok(())
    });
}

#[test]
fn errors() {
    over_both(|_, con, _| {
        con.set::<_, _, ()>("text", "abc")?;
        let error = con.incr::<_, _, i64>("text", 1).expect_err("not a number");
        assert_eq!(error.kind(), ErrorKind::Server(ServerErrorKind::ResponseError));
        assert_eq!(error.detail(), Some("value is not an integer or out of range"));
        let error = redis::cmd("NOSUCH").arg(1).query::<Value>(con).expect_err("no such command");
        assert!(error.to_string().contains("unknown command 'NOSUCH'"), "{error}");
        assert_eq!(con.get::<_, String>("text")?, "abc", "the connection goes on");
        Ok(())
    });
}

#[test]
fn deadlines() {
    over_both(|_, con, _| {
        let options = SetOptions::default().with_expiration(SetExpiry::EX(100));
        con.set_options::<_, _, ()>("session", "s", options)?;
        assert!(matches!(con.ttl::<_, IntegerReplyOrNoOp>("session")?, IntegerReplyOrNoOp::IntegerReply(98..=100)));
        let taken = SetOptions::default().conditional_set(ExistenceCheck::NX);
        assert_eq!(con.set_options::<_, _, Option<String>>("session", "t", taken)?, None);
        assert!(con.persist::<_, bool>("session")?);
        assert_eq!(con.ttl::<_, IntegerReplyOrNoOp>("session")?, IntegerReplyOrNoOp::ExistsButNotRelevant);
        assert_eq!(con.ttl::<_, IntegerReplyOrNoOp>("nothing")?, IntegerReplyOrNoOp::NotExists);
        assert_eq!(con.get_ex::<_, String>("session", Expiry::PX(50))?, "s");
        wait_until("the session is gone", || !con.exists::<_, bool>("session").expect("a reply"));
        Ok(())
    });
}

#[test]
fn pipelines() {
    over_both(|_, con, _| {
        let (first, replies): (i64, Vec<Option<i64>>) =
            redis::pipe().incr("count", 1).set("other", 5).ignore().mget(&["count", "nothing", "other"]).query(con)?;
        assert_eq!((first, replies), (1, vec![Some(1), None, Some(5)]));
        let mut long = redis::pipe();
        (0..5000).for_each(|number| drop(long.incr(format!("n{}", number % 7), number)));
        let replies: Vec<i64> = long.query(con)?;
        assert_eq!(replies[4999], (0..5000).filter(|number| number % 7 == 4999 % 7).sum::<i64>());
        Ok(())
    });
}

/// `redis::transaction` is WATCH, MULTI, EXEC and again where somebody was quicker: no increment is lost.
#[test]
fn transactions_with_retries() {
    over_both(|server, con, protocol| {
        thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut con = connect(server, protocol);
                        for _ in 0..100 {
                            let _: (i64, i64) = redis::transaction(&mut con, &["left", "right"], |con, pipe| {
                                let value: Option<i64> = con.get("left")?;
                                let next = value.unwrap_or(0) + 1;
                                pipe.set("left", next).ignore().set("right", next).ignore();
                                pipe.get("left").get("right").query(con)
                            })
                            .expect("a transaction");
                        }
                    })
                })
                .collect();
            workers.into_iter().for_each(|worker| worker.join().expect("a worker found nothing wrong"));
        });
        assert_eq!(con.mget::<_, Vec<i64>>(&["left", "right"])?, [400, 400]);
        Ok(())
    });
}

/// The reason for Curfew: what is given one TTL in one transaction has one deadline, on whichever shards it is.
#[test]
fn a_transaction_gives_one_deadline() {
    over_both(|_, con, _| {
        let names: Vec<String> = (0..50).map(|number| format!("part{number}")).collect();
        let mut pipe = redis::pipe();
        pipe.atomic();
        names.iter().for_each(|name| drop(pipe.set_ex(name, "v", 100)));
        pipe.exec(con)?;
        let before = unix_ms();
        let mut deadlines = redis::pipe();
        names.iter().for_each(|name| drop(deadlines.pexpire_time(name)));
        let deadlines: HashSet<i64> = deadlines.query::<Vec<i64>>(con)?.into_iter().collect();
        assert_eq!(deadlines.len(), 1, "{deadlines:?}");
        assert!(deadlines.iter().all(|deadline| (before..before + 100_001).contains(deadline)), "{deadlines:?}");
        Ok(())
    });
}

#[test]
fn scripts() {
    over_both(|_, con, _| {
        let script = redis::Script::new(
            "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}",
        );
        // The first time it is loaded: EVALSHA answers NOSCRIPT.
        for value in ["one", "two"] {
            let (got, ttl): (String, i64) = script.key("key").arg(value).arg(5000).invoke(con)?;
            assert_eq!((got.as_str(), ttl), (value, 5000), "time stands still within a script");
        }
        let failing = redis::Script::new("return redis.call('INCR', KEYS[1])");
        let error = failing.key("key").invoke::<i64>(con).expect_err("not a number");
        assert!(error.to_string().contains("value is not an integer or out of range"), "{error}");
        let everything = redis::Script::new("return {1, 'two', false, {3, {'four'}}}");
        let expected = Value::Array(vec![
            Value::Int(1),
            Value::BulkString(b"two".into()),
            Value::Nil,
            Value::Array(vec![Value::Int(3), Value::Array(vec![Value::BulkString(b"four".into())])]),
        ]);
        assert_eq!(everything.invoke::<Value>(con)?, expected);
        Ok(())
    });
}

#[test]
fn pubsub_over_resp2() {
    let server = Server::subject(SHARDS, &[]);
    let mut subscriber = connect(&server, "resp2");
    let mut publisher = connect(&server, "resp2");
    let mut pubsub = subscriber.as_pubsub();
    pubsub.subscribe("news").expect("subscribed");
    pubsub.psubscribe("w*").expect("subscribed");
    assert_eq!(publisher.publish::<_, _, usize>("news", "hello").expect("a count"), 1);
    assert_eq!(publisher.publish::<_, _, usize>("weather", "rain").expect("a count"), 1);
    assert_eq!(publisher.publish::<_, _, usize>("sports", "nobody").expect("a count"), 0);
    let message = pubsub.get_message().expect("a message");
    assert_eq!((message.get_channel_name(), message.get_payload_bytes()), ("news", &b"hello"[..]));
    let message = pubsub.get_message().expect("a message");
    assert_eq!(message.get_pattern::<String>().expect("a pattern"), "w*");
    assert_eq!((message.get_channel_name(), message.get_payload_bytes()), ("weather", &b"rain"[..]));
    pubsub.unsubscribe("news").expect("unsubscribed");
    assert_eq!(publisher.publish::<_, _, usize>("news", "nobody").expect("a count"), 0);
    drop(pubsub);
    assert_eq!(subscriber.get::<_, Option<String>>("key").expect("an ordinary connection again"), None);
}

/// In RESP3 one connection subscribes and goes on with commands; the expired keys of one deadline arrive as pushes.
#[test]
fn keyspace_events_over_resp3() {
    let server = Server::subject(SHARDS, &["--notify-keyspace-events", "Ex"]);
    let mut con = connect(&server, "resp3");
    let (sender, pushes) = mpsc::channel();
    con.set_push_sender(sender);
    con.subscribe_resp3("__keyevent@0__:expired").expect("subscribed");
    let deadline = unix_ms() + 100;
    let mut pipe = redis::pipe();
    pipe.atomic();
    let names: HashSet<String> = (0..20).map(|number| format!("key{number}")).collect();
    for name in &names {
        pipe.cmd("SET").arg(name).arg("v").arg("PXAT").arg(deadline).ignore();
    }
    pipe.exec(&mut con).expect("a transaction");
    let mut expired = HashSet::new();
    wait_until("all events are there", || {
        // Pushes are read together with replies.
        redis::cmd("PING").exec(&mut con).expect("PONG");
        for push in pushes.try_iter().filter(|push| push.kind == PushKind::Message) {
            let Value::BulkString(name) = &push.data[1] else { panic!("{push:?}") };
            assert!(expired.insert(String::from_utf8_lossy(name).into_owned()), "twice: {push:?}");
            assert!(unix_ms() > deadline, "before its deadline: {push:?}");
        }
        expired.len() >= names.len()
    });
    assert_eq!(expired, names);
}
