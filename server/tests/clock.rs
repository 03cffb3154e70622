//! The wall clock is set forward and back under a running server: the real one, as the server's process sees it.
//!
//! `promptness.rs` steps the made-up clock of builds for tests. Here the C library's own calls are told another time by
//! libfaketime (Debian's package `faketime`), so that the server's way of reading the clock and its alarms are tested too. What
//! this leaves out is the kernel telling the alarm of the step: the keepers have to notice by themselves.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use support::{Client, Reply, Server, unix_ms, wait_until};
use tempfile::TempDir;

const HOUR: i64 = 3_600_000;

/// Forward and back, behind the true time, and again.
const STEPS: [i64; 5] = [HOUR, -HOUR, -HOUR, HOUR, 2 * HOUR];

/// Keys of each kind.
const KEYS: i64 = 20;

/// A server whose wall clock differs from ours by a time that can be changed.
struct Faked {
    server: Server,
    offset: TempDir,
    offset_ms: i64,
}

impl Faked {
    fn start(library: &Path, options: &[&str]) -> Faked {
        let offset = TempDir::with_prefix("curfew-test-").expect("a temporary folder");
        write_offset(offset.path(), 0);
        let file = offset.path().join("offset");
        let environment = [
            ("LD_PRELOAD", library.as_os_str()),
            ("FAKETIME_TIMESTAMP_FILE", file.as_os_str()),
            ("FAKETIME_NO_CACHE", "1".as_ref()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".as_ref()),
        ];
        let server = Server::curfew_in(&environment, options);
        // The library leaves these behind when its process is killed, and would not start in another with the same number.
        // It has them open by now.
        for file in ["faketime_shm_", "sem.faketime_sem_"] {
            let _ = fs::remove_file(format!("/dev/shm/{file}{}", server.pid()));
        }
        Faked { server, offset, offset_ms: 0 }
    }

    /// Steps its wall clock.
    fn step(&mut self, ms: i64) {
        self.offset_ms += ms;
        write_offset(self.offset.path(), self.offset_ms);
    }

    /// What its wall clock says, in Unix milliseconds.
    fn unix_ms(&self) -> i64 {
        unix_ms() + self.offset_ms
    }
}

/// The file is read at every look at the clock: it must be whole at any time.
fn write_offset(folder: &Path, ms: i64) {
    fs::write(folder.join("new"), format!("{:+}\n", ms / 1000)).expect("our own folder");
    fs::rename(folder.join("new"), folder.join("offset")).expect("our own folder");
}

/// The library, where it is installed: for programs with several threads, whose looks at the clock do not disturb each other.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|path| path.exists())
}

fn info(client: &mut Client, name: &str) -> i64 {
    field(&client.line("INFO everything"), name)
}

/// A field of a reply of INFO.
fn field(reply: &Reply, name: &str) -> i64 {
    let text = reply.text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).trim().parse().expect("a number")
}

/// The keepers see to everything by themselves.
#[test]
fn the_wall_clock_of_a_quiet_server_is_stepped_by_an_hour() {
    steps::<0>();
}

/// And those who are served meanwhile notice nothing. Several, so that there are some on each thread.
#[test]
fn the_wall_clock_of_a_busy_server_is_stepped_by_an_hour() {
    steps::<6>();
}

fn steps<const OTHERS: usize>() {
    let Some(library) = library() else {
        return support::skip("libfaketime is not installed (apt-get install faketime)");
    };
    let mut faked = Faked::start(&library, &["--shards", "2"]);
    let mut client = faked.server.client();
    for key in 0..KEYS {
        client.ok(&format!("SET day:{key} v EX 86400"));
        client.ok(&format!("SET stays:{key} v"));
    }
    let deadlines: Vec<i64> = (0..KEYS).map(|key| client.int(&format!("PEXPIRETIME day:{key}"))).collect();
    let (before, says) = (faked.unix_ms(), client.line("TIME"));
    let says = says.items()[0].text().parse::<i64>().expect("seconds") * 1000;
    assert!(
        (before - 1_000..=faked.unix_ms()).contains(&says),
        "the server's clock is not faked: {says}, not {before}"
    );

    let mut others: Vec<Client> = (0..OTHERS).map(|_| faked.server.client()).collect();
    let answered = [const { AtomicU64::new(0) }; OTHERS];
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (number, client) in others.iter_mut().enumerate() {
            let (answered, over) = (&answered[number], &over);
            scope.spawn(move || {
                while !over.load(Relaxed) {
                    for key in 0..KEYS {
                        assert_eq!(client.line(&format!("GET stays:{key}")).text(), "v");
                        answered.fetch_add(1, Relaxed);
                    }
                    std::thread::sleep(Duration::from_millis(1)); // two threads of the server, and the machine's other work
                }
            });
        }
        // Whatever happens: the others end too.
        let _end = End(&over);
        let mut expired = 0;
        for step in STEPS {
            expired = stepped(&mut faked, &mut client, step, expired, &answered);
            for (key, deadline) in deadlines.iter().enumerate() {
                let before = faked.unix_ms();
                let left = client.int(&format!("PTTL day:{key}"));
                let possible = deadline - faked.unix_ms()..=deadline - before;
                assert!((possible.start() - 1..=possible.end() + 1).contains(&left), "{left}, not {possible:?}");
            }
        }
    });
    let log = faked.server.log();
    let logged = log.split("step_ms=").skip(1).map(|rest| {
        let number = rest.split(|letter: char| letter != '-' && !letter.is_ascii_digit()).next();
        number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number: {log}"))
    });
    let logged: Vec<i64> = logged.collect();
    assert_eq!(logged.len(), STEPS.len(), "{log}");
    assert!(logged.iter().zip(STEPS).all(|(logged, step)| (logged - step).abs() < 1_000), "{log}");
    assert!(log.contains("the wall clock was stepped") && !log.contains("ERROR"), "{log}");
}

/// One step. Answers how many keys have expired, of `expired` before.
fn stepped(faked: &mut Faked, client: &mut Client, step: i64, mut expired: i64, others: &[AtomicU64]) -> i64 {
    const TIMEOUT: Duration = Duration::from_secs(1);
    (0..KEYS).for_each(|key| client.ok(&format!("SET minutes:{key} v EX 600")));
    let steps = info(client, "clock_steps");
    let [mut blocked, mut second] = [faked.server.client(), faked.server.client()];
    let start = Instant::now();
    blocked.send(&["BLPOP", "nothing", "1"]);
    wait_until("it is blocked", || info(client, "blocked_clients") == 1);
    let answered: Vec<u64> = others.iter().map(|count| count.load(Relaxed)).collect();

    faked.step(step);
    second.send(&["BLPOP", "nothing", "1"]);
    let reply = blocked.read();
    let took = start.elapsed();
    assert!(reply.is_null(), "{reply:?}");
    assert!(took >= TIMEOUT, "a timeout of {TIMEOUT:?} was over after {took:?} by a step of {step} ms");
    // By the server's monotonic clock a second is over since the step, which is ten times what its keepers may sleep.
    assert!(second.read().is_null());
    let text = client.line("INFO everything");
    // Nobody has looked at these keys: they have gone by themselves.
    expired += if step > 0 { KEYS } else { 0 };
    assert_eq!(field(&text, "expired_keys"), expired, "after a step of {step} ms");
    assert_eq!(field(&text, "clock_steps"), steps + 1, "after a step of {step} ms");
    for (count, before) in others.iter().zip(answered) {
        wait_until("each of the others was answered", || count.load(Relaxed) > before + KEYS as u64);
    }

    // Time goes on from there: what is set now goes by itself.
    (0..KEYS).for_each(|key| client.ok(&format!("SET short:{key} v PX 20")));
    expired += KEYS;
    wait_until("what is short has gone", || info(client, "expired_keys") >= expired);
    assert_eq!(info(client, "expired_keys"), expired, "after a step of {step} ms");
    // Those of ten minutes have gone, or have an hour more.
    for key in 0..KEYS {
        let left = client.int(&format!("PTTL minutes:{key}"));
        match step > 0 {
            true => assert_eq!(left, -2),
            false => assert!((1..=600_000 - step).contains(&left) && left > -step, "{left}"),
        }
    }
    assert_eq!(client.int("DBSIZE"), if step > 0 { 2 * KEYS } else { 3 * KEYS });
    if step < 0 {
        (0..KEYS).for_each(|key| assert_eq!(client.line(&format!("DEL minutes:{key}")), Reply::Int(1)));
    }
    expired
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
