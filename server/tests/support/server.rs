//! Starting servers for tests: Curfew as it was just built, and the reference servers.

use super::{Client, PATIENCE, Reply};
use std::ffi::OsStr;
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running server on a free port of the loopback address, killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
    metrics_port: u16,
    folder: TempDir,
    name: &'static str,
}

impl Server {
    /// Curfew, with further options like `&["--shards", "2"]`.
    pub fn curfew(options: &[&str]) -> Self {
        Self::curfew_in(&[], options)
    }

    /// Curfew with further variables in its environment.
    pub fn curfew_in(environment: &[(&str, &OsStr)], options: &[&str]) -> Self {
        Self::start("curfew", Path::new(env!("CARGO_BIN_EXE_curfew-server")), environment, options)
    }

    /// The reference: Redis 8.0.
    pub fn redis(options: &[&str]) -> Self {
        Self::start("redis", &reference("redis-server"), &[], options)
    }

    /// The other reference: Valkey.
    pub fn valkey(options: &[&str]) -> Self {
        Self::start("valkey", &reference("valkey-server"), &[], options)
    }

    /// What the test is about: Curfew with this many shards, or, to check the test itself, what the environment says
    /// instead: `CURFEW_TEST_SUBJECT=reference` or `=valkey`.
    pub fn subject(shards: usize, options: &[&str]) -> Self {
        match std::env::var("CURFEW_TEST_SUBJECT").as_deref() {
            Ok("reference") => Self::redis(options),
            Ok("valkey") => Self::valkey(options),
            Ok("curfew") | Err(_) => {
                let shards = shards.to_string();
                Self::curfew(&[&["--shards", &shards], options].concat())
            }
            Ok(other) => panic!("CURFEW_TEST_SUBJECT={other}: none of curfew, reference, valkey"),
        }
    }

    /// Whether this is one of the reference servers, for the few things that they do not have.
    pub fn is_reference(&self) -> bool {
        self.name != "curfew"
    }

    /// The port for clients.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port of `/metrics` and `/healthz` (Curfew only).
    pub fn metrics_port(&self) -> u16 {
        self.metrics_port
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The folder it runs in, empty at first.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A new connection.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::try_connect(self.port)
            .unwrap_or_else(|error| panic!("{} does not accept a connection: {error}\n{}", self.name, self.log()))
    }

    /// What the server wrote to its standard output and error, the last 4000 bytes.
    pub fn log(&self) -> String {
        log_of(self.folder.path())
    }

    /// Fails where the process has ended, with its log.
    #[track_caller]
    pub fn assert_alive(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("{} ended with {status}; its log:\n{}", self.name, self.log());
        }
    }

    /// Sends SIGTERM and returns the exit code once it has ended.
    #[track_caller]
    pub fn terminate(mut self) -> Option<i32> {
        let sent = Command::new("kill").arg(self.pid().to_string()).status().expect("kill(1) runs");
        assert!(sent.success(), "the server had ended before SIGTERM");
        let start = Instant::now();
        loop {
            match self.child.try_wait().expect("our own child") {
                Some(status) => return status.code(),
                None => assert!(
                    start.elapsed() < PATIENCE,
                    "still there {PATIENCE:?} after SIGTERM; its log:\n{}",
                    self.log()
                ),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn start(name: &'static str, program: &Path, environment: &[(&str, &OsStr)], options: &[&str]) -> Self {
        // Another process can take the port between our looking and the server's binding: then try another one.
        let mut failure = String::new();
        for _ in 0..5 {
            match Self::try_start(name, program, environment, options) {
                Ok(server) => return server,
                Err(error) => failure = error,
            }
        }
        panic!("{name} ({}) does not start:\n{failure}", program.display());
    }

    fn try_start(
        name: &'static str,
        program: &Path,
        environment: &[(&str, &OsStr)],
        options: &[&str],
    ) -> Result<Self, String> {
        let folder = TempDir::with_prefix("curfew-test-").expect("a temporary folder");
        let (port, metrics_port) = free_ports();
        let log = File::create(folder.path().join("log")).expect("a file in our own folder");
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]).arg("--dir").arg(folder.path());
        if name == "curfew" {
            command.args(["--metrics-port", &metrics_port.to_string()]);
        } else {
            command.args(["--save", "", "--enable-debug-command", "yes"]);
        }
        command.args(options).current_dir(folder.path()).envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("one more descriptor")).stderr(log).process_group(0);
        let child = command.spawn().map_err(|error| error.to_string())?;
        let mut server = Self { child, port, metrics_port, folder, name };
        let start = Instant::now();
        loop {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(format!("it ended with {status}; its log:\n{}", server.log()));
            }
            if let Ok(mut client) = Client::try_connect(port) {
                client.send(&["PING"]);
                // With a password it answers NOAUTH, which is an answer too.
                match client.next(PATIENCE) {
                    super::client::Incoming::Reply(Reply::Simple(_) | Reply::Error(_)) => {
                        return Ok(server);
                    }
                    other => {
                        return Err(format!("PING answered {other:?}; its log:\n{}", server.log()));
                    }
                }
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("not listening after {PATIENCE:?}; its log:\n{}", server.log()));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_of(folder: &Path) -> String {
    let log = std::fs::read(folder.join("log")).unwrap_or_default();
    String::from_utf8_lossy(&log[log.len().saturating_sub(4000)..]).into_owned()
}

/// Two different ports that nobody listens on at this moment.
fn free_ports() -> (u16, u16) {
    let bind = || TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = |listener: &TcpListener| listener.local_addr().expect("a bound socket has an address").port();
    let (one, two) = (bind(), bind());
    (port(&one), port(&two))
}

/// The path of a program of the reference servers.
fn reference(program: &str) -> PathBuf {
    let folder = std::env::var_os("CURFEW_REFERENCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/reference"), PathBuf::from);
    let path = folder.join(program);
    assert!(
        path.exists(),
        "{} is missing: run scripts/reference-servers.sh, which fetches the reference servers",
        path.display()
    );
    path
}
