//! One sequence on both servers: connections, replies, messages, and the first difference.

use super::support::client::{Client, Incoming, encode};
use super::support::reply::{Reply, quoted};
use super::support::{PATIENCE, Server, wait_until, words};
use super::{dataset, normalise};
use std::collections::HashSet;
use std::fmt::Write;
use std::time::Duration;

/// How many connections send commands. One more only listens, and one looks after the server and at its data.
pub const CONNECTIONS: usize = 2;

/// Settings that sequences change, and what they are before each.
const SETTINGS: &[(&str, &str)] = &[
    ("maxmemory-policy", "noeviction"),
    ("maxmemory", "0"),
    ("timeout", "0"),
    ("busy-reply-threshold", "5000"),
    ("set-max-intset-entries", "512"),
    ("set-max-listpack-entries", "128"),
    ("set-max-listpack-value", "64"),
    ("hll-sparse-max-bytes", "3000"),
    ("list-max-listpack-size", "-2"),
    ("stream-node-max-entries", "100"),
];

/// How long messages may take that the reference has delivered already.
const MESSAGES_WITHIN: Duration = Duration::from_secs(3);

/// One command from one connection.
///
/// Some are not sent as they are: `~EXPIRE key ms` is PEXPIRE and then waiting until the key is gone, `~HPEXPIRE key ms field`
/// the same for a field; `~SCANALL ...` is SCAN with these options from cursor 0 until it returns 0, `~HSCANALL key ...` the
/// same with HSCAN; `~RESTORE from key ttl ...` is RESTORE of what DUMP gives for another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which connection sends it.
    pub connection: usize,
    /// The command and its arguments.
    pub args: Vec<Vec<u8>>,
}

impl Step {
    /// A step of the first connection, written as one would type it.
    pub fn main(line: &str) -> Self {
        Self { connection: 0, args: words(line) }
    }
}

/// Steps as lines for redis-cli. Those of the second connection are marked.
pub fn listing(events: &str, steps: &[Step]) -> String {
    let mut out = format!("    CONFIG SET notify-keyspace-events {events:?}\n");
    for step in steps {
        let plain = |arg: &[u8]| {
            !arg.is_empty()
                && arg.len() < 400
                && arg.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte))
        };
        let args: Vec<String> = step
            .args
            .iter()
            .map(|arg| if plain(arg) { String::from_utf8_lossy(arg).into_owned() } else { quoted(arg) })
            .collect();
        let mark = if step.connection == 0 { "" } else { "     # from the other connection" };
        writeln!(out, "    {}{mark}", args.join(" ")).expect("a String takes everything");
    }
    out
}

/// The reference and the subject.
#[derive(Debug)]
pub struct Pair {
    reference: Session,
    subject: Session,
}

impl Pair {
    /// Both servers, spoken to in this version of RESP.
    pub fn new(reference: Server, subject: Server, protocol: u8) -> Self {
        Self { reference: Session::new(reference, protocol), subject: Session::new(subject, protocol) }
    }

    /// The names of the commands that both servers have, in lower case.
    pub fn commands_of_both(&mut self) -> HashSet<String> {
        let names = |session: &mut Session| -> HashSet<String> {
            session.control.line("COMMAND LIST").items().iter().map(Reply::text).collect()
        };
        names(&mut self.reference).intersection(&names(&mut self.subject)).cloned().collect()
    }

    /// Runs the steps on fresh connections and empty servers and returns the first difference, described.
    pub fn run(&mut self, events: &str, steps: &[Step]) -> Option<Difference> {
        self.reference.begin(events);
        self.subject.begin(events);
        for (index, step) in steps.iter().enumerate() {
            let rules = self.reference.rules(step);
            let expected = self.reference.step(step);
            let got = self.subject.step(step);
            if !normalise::equal(&rules, &expected, &got) {
                let text = format!("  command {} ({}):\n{}", index + 1, quoted(&step.args[0]), two(&expected, &got));
                return Some(Difference { step: Some(index), text });
            }
        }
        self.reference.finish_transactions();
        self.subject.finish_transactions();
        for listener in 0..=CONNECTIONS {
            let expected = normalise::messages(self.reference.messages(listener, 0));
            let got = normalise::messages(self.subject.messages(listener, expected.len()));
            if expected != got {
                let who =
                    if listener == CONNECTIONS { "the listener".to_owned() } else { format!("connection {listener}") };
                let at = (0..).find(|at| expected.get(*at) != got.get(*at)).unwrap_or(0);
                let show = |list: &[Reply]| list.iter().skip(at).take(4).cloned().collect::<Vec<_>>();
                let text =
                    format!("  messages to {who}, from number {}:\n{}", at + 1, two(&show(&expected), &show(&got)));
                return Some(Difference { step: None, text });
            }
        }
        let expected = dataset::read(&mut self.reference.control);
        let got = dataset::read(&mut self.subject.control);
        let sorted = steps.iter().any(|step| step.args[0].to_ascii_uppercase().starts_with(b"SORT"));
        dataset::difference(&expected, &got, sorted).map(|text| Difference { step: None, text })
    }
}

/// Where the servers differ first.
#[derive(Debug)]
pub struct Difference {
    /// The step, where it is one's reply.
    pub step: Option<usize>,
    text: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Both as text. Of long ones only the part around the first line that differs.
fn two(expected: &[Reply], got: &[Reply]) -> String {
    let lines = |replies: &[Reply]| -> Vec<String> {
        replies.iter().flat_map(|reply| reply.to_string().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let (expected, got) = (lines(expected), lines(got));
    let differs = expected.iter().zip(&got).take_while(|(one, other)| one == other).count();
    let from = differs.saturating_sub(6);
    let show = |lines: &[String]| {
        let mut text = if from > 0 { format!("      ({from} lines before)\n") } else { String::new() };
        lines.iter().skip(from).take(16).for_each(|line| text.push_str(&format!("      {line}\n")));
        if lines.len() > from + 16 {
            text.push_str(&format!("      ({} lines after)\n", lines.len() - from - 16));
        }
        text
    };
    format!("    Redis:\n{}    Curfew:\n{}", show(&expected), show(&got))
}

#[derive(Debug)]
struct Session {
    server: Server,
    protocol: u8,
    control: Client,
    /// Those that send, and then the one that only listens.
    connections: Vec<Connection>,
    sentinel: u64,
}

#[derive(Debug)]
struct Connection {
    client: Client,
    in_multi: bool,
    queued: Vec<normalise::Rule>,
    subscribed: bool,
    messages: Vec<Reply>,
}

impl Session {
    fn new(server: Server, protocol: u8) -> Self {
        let control = server.client();
        Self { server, protocol, control, connections: Vec::new(), sentinel: 0 }
    }

    fn connect(&self) -> Connection {
        let client = self.server.client();
        let client = if self.protocol == 3 { client.hello3() } else { client };
        Connection { client, in_multi: false, queued: Vec::new(), subscribed: false, messages: Vec::new() }
    }

    fn begin(&mut self, events: &str) {
        self.connections.clear();
        self.server.assert_alive();
        // A server with several threads notices the end of a connection when its thread gets to it.
        wait_until("the connections of the last sequence are gone", || {
            self.control.cmd(&["CLIENT", "LIST"]).text().lines().count() == 1
        });
        self.control.ok("CLIENT UNPAUSE");
        self.control.ok("FLUSHALL");
        self.control.ok("SCRIPT FLUSH");
        // Not FUNCTION FLUSH, at which Redis 8.0.6 crashes after some calls of functions (in `freeClient`).
        for library in ["a", "b", "c"] {
            self.control.cmd(&["FUNCTION", "DELETE", library]);
        }
        for (name, value) in SETTINGS {
            self.control.cmd(&["CONFIG", "SET", name, value]);
        }
        let set = self.control.cmd(&["CONFIG", "SET", "notify-keyspace-events", events]);
        assert_eq!(set, Reply::ok(), "CONFIG SET notify-keyspace-events {events} answered {set}");
        for _ in 0..=CONNECTIONS {
            self.connections.push(self.connect());
        }
        let listener = &mut self.connections[CONNECTIONS];
        listener.subscribed = true;
        listener.client.send(&["PSUBSCRIBE", "*"]);
        listener.client.read_any();
    }

    /// How this step's replies are compared.
    fn rules(&self, step: &Step) -> Vec<normalise::Rule> {
        let connection = &self.connections[step.connection];
        let name = step.args[0].to_ascii_uppercase();
        if connection.in_multi && name == b"EXEC" {
            connection.queued.clone()
        } else {
            vec![normalise::rule(&step.args)]
        }
    }

    fn step(&mut self, step: &Step) -> Vec<Reply> {
        // A wrong password inside EXEC gets no reply at all from Redis, so that everything after it is out of step.
        let says = |name: &str| step.args.iter().any(|arg| arg.eq_ignore_ascii_case(name.as_bytes()));
        if self.connections[step.connection].in_multi && says("AUTH") {
            return Vec::new();
        }
        match step.args[0].as_slice() {
            b"~EXPIRE" => self.expire(step),
            b"~HPEXPIRE" => self.expire_field(step),
            b"~RESTORE" => self.restore(step),
            b"~SCANALL" => self.scan_all(step, &[b"SCAN".to_vec()], 1),
            b"~HSCANALL" => self.scan_all(step, &[b"HSCAN".to_vec(), step.args[1].clone()], 2),
            _ => self.command(step.connection, &step.args),
        }
    }

    fn expire(&mut self, step: &Step) -> Vec<Reply> {
        if self.connections[step.connection].in_multi {
            return Vec::new(); // it would be queued, and take effect who knows when
        }
        let key = &step.args[1];
        let set = self.command(step.connection, &[b"PEXPIRE".to_vec(), key.clone(), step.args[2].clone()]);
        if set == [Reply::Int(1)] {
            let exists = [b"EXISTS".to_vec(), key.clone()];
            wait_until("a key with a short TTL is gone", || self.command(step.connection, &exists) == [Reply::Int(0)]);
        }
        set
    }

    fn expire_field(&mut self, step: &Step) -> Vec<Reply> {
        if self.connections[step.connection].in_multi || step.args.len() != 4 {
            return Vec::new();
        }
        let [key, ms, field] = [1, 2, 3].map(|at| step.args[at].clone());
        let words = |name: &str| [name.as_bytes().to_vec(), key.clone()];
        let fields = [b"FIELDS".to_vec(), b"1".to_vec(), field];
        let set = [words("HPEXPIRE").as_slice(), &[ms], &fields].concat();
        let set = self.command(step.connection, &set);
        if set == [Reply::Array(vec![Reply::Int(1)])] {
            // HGETEX, since it is no miss where the key has gone: who looks how often is chance.
            let exists = [words("HGETEX").as_slice(), &fields].concat();
            wait_until("a field with a short TTL is gone", || {
                self.command(step.connection, &exists)[0].items().iter().all(Reply::is_null)
            });
        }
        set
    }

    fn restore(&mut self, step: &Step) -> Vec<Reply> {
        if self.connections[step.connection].in_multi || step.args.len() < 4 {
            return Vec::new();
        }
        let dump = [b"DUMP".to_vec(), step.args[1].clone()];
        let payload = match self.command(step.connection, &dump).as_slice() {
            [Reply::Bulk(payload)] => payload.clone(),
            other => return other.to_vec(),
        };
        let head = [b"RESTORE".to_vec(), step.args[2].clone(), step.args[3].clone(), payload];
        self.command(step.connection, &[&head, &step.args[4..]].concat())
    }

    fn scan_all(&mut self, step: &Step, head: &[Vec<u8>], options: usize) -> Vec<Reply> {
        let mut cursor = b"0".to_vec();
        let mut found = Vec::new();
        loop {
            let args = [head, std::slice::from_ref(&cursor), &step.args[options.min(step.args.len())..]].concat();
            let replies = self.command(step.connection, &args);
            match replies.as_slice() {
                [Reply::Array(parts)] if parts.len() == 2 => {
                    found.extend_from_slice(parts[1].items());
                    cursor = parts[0].text().into_bytes();
                    if cursor == b"0" {
                        break;
                    }
                }
                _ => return replies,
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// Sends a command and returns all of its replies: SUBSCRIBE has several, or none in the middle of others. A PING that
    /// follows in the same write tells where they end, except where it would be queued.
    fn command(&mut self, number: usize, args: &[Vec<u8>]) -> Vec<Reply> {
        self.sentinel += 1;
        let sentinel = format!("sentinel-{}", self.sentinel).into_bytes();
        let connection = &mut self.connections[number];
        let name = args[0].to_ascii_uppercase();
        let leaves = args.len() == 1 && matches!(name.as_slice(), b"EXEC" | b"DISCARD" | b"RESET");
        let one_reply = if connection.in_multi { !leaves } else { name == b"MULTI" };
        let mut bytes = encode(args);
        if !one_reply && name != b"QUIT" {
            bytes.extend(encode(&[b"PING".to_vec(), sentinel.clone()]));
        }
        let mut replies = Vec::new();
        if connection.client.try_raw(&bytes).is_err() {
            replies.push(Reply::error("(cannot send: closed)"));
            self.connections[number] = self.connect();
            return replies;
        }
        loop {
            match connection.client.next(PATIENCE) {
                Incoming::Reply(reply) if is_pong(&reply, &sentinel) => break,
                Incoming::Reply(reply) if connection.subscribed && is_message(&reply) => {
                    connection.messages.push(reply)
                }
                Incoming::Reply(reply) => {
                    connection.subscribed |= is_subscription(&reply);
                    replies.push(reply);
                    if one_reply {
                        break;
                    }
                }
                end @ (Incoming::Nothing | Incoming::Closed) => {
                    replies.push(Reply::error(if end == Incoming::Closed { "(closed)" } else { "(no reply)" }));
                    let messages = std::mem::take(&mut connection.messages);
                    self.connections[number] = self.connect();
                    self.connections[number].messages = messages;
                    return replies;
                }
            }
        }
        // EXEC with arguments is refused, and discards the transaction all the same.
        let aborted = name == b"EXEC" && replies.first().is_some_and(|reply| reply.is_error());
        if leaves || aborted {
            connection.in_multi = false;
            connection.queued.clear();
        } else if connection.in_multi {
            if replies == [Reply::simple("QUEUED")] {
                connection.queued.push(normalise::rule(args));
            }
        } else if name == b"MULTI" {
            connection.in_multi = replies == [Reply::ok()];
        }
        replies
    }

    fn finish_transactions(&mut self) {
        for number in 0..CONNECTIONS {
            if self.connections[number].in_multi {
                self.command(number, &[b"DISCARD".to_vec()]);
            }
        }
    }

    /// The messages that a connection got, waiting until there are `expected`.
    fn messages(&mut self, number: usize, expected: usize) -> Vec<Reply> {
        let connection = &mut self.connections[number];
        while connection.messages.len() < expected {
            match connection.client.next(MESSAGES_WITHIN) {
                Incoming::Reply(reply) => connection.messages.push(reply),
                Incoming::Nothing | Incoming::Closed => break,
            }
        }
        let rest = self.command(number, &[b"PING".to_vec(), b"end".to_vec()]);
        let connection = &mut self.connections[number];
        connection.messages.extend(rest.into_iter().filter(|reply| !is_pong(reply, b"end")));
        std::mem::take(&mut connection.messages)
    }
}

fn is_pong(reply: &Reply, text: &[u8]) -> bool {
    match reply {
        Reply::Bulk(bytes) => bytes == text,
        Reply::Array(items) => items.len() == 2 && items[0] == Reply::bulk("pong") && items[1] == Reply::bulk(text),
        _ => false,
    }
}

fn first_word(reply: &Reply) -> &[u8] {
    match reply {
        Reply::Array(items) | Reply::Push(items) => match items.first() {
            Some(Reply::Bulk(word)) => word,
            _ => b"",
        },
        _ => b"",
    }
}

fn is_message(reply: &Reply) -> bool {
    matches!(first_word(reply), b"message" | b"pmessage" | b"smessage")
}

fn is_subscription(reply: &Reply) -> bool {
    matches!(first_word(reply), b"subscribe" | b"psubscribe" | b"ssubscribe")
}
