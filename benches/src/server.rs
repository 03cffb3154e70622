//! Servers under measurement: started on cores of their own, watched through /proc, ended when dropped.

use crate::client::Client;
use crate::machine::pin;
use crate::{Failure, Result};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that can be started.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// Its name in the table, with its version.
    pub name: String,
    /// The program. It ends up as the process that is started: a script before it has to `exec`.
    pub program: PathBuf,
    /// Whether it is Curfew: then it is told the number of its shards.
    pub curfew: bool,
}

impl Contestant {
    /// A reference server, which says its version as `... v=8.0.6 ...`.
    pub fn reference(name: &str, program: PathBuf) -> Result<Contestant> {
        let output = Command::new(&program)
            .arg("--version")
            .output()
            .map_err(|error| Failure(format!("{}: {error}", program.display())))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_whitespace().find_map(|word| word.strip_prefix("v=")).unwrap_or("?");
        Ok(Contestant { name: format!("{name} {version}"), program, curfew: false })
    }
}

/// A running server.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server without persistence on `cores`, one shard for each, and waits until it answers. `load` is the core
    /// that the calling thread goes on with.
    pub fn start(who: &Contestant, cores: &[usize], load: usize, folder: &Path, more: &[&str]) -> Result<Server> {
        let port = free_port()?;
        let folder = folder.join(port.to_string());
        fs::create_dir_all(&folder)?;
        let log = File::create(folder.join("log"))?;
        let mut command = Command::new(&who.program);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--dir", &folder.to_string_lossy()]).args(more);
        if who.curfew {
            command.args(["--shards", &cores.len().to_string(), "--metrics-port", "0"]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A process inherits the cores of the thread that starts it.
        pin(cores)?;
        let child = command.spawn();
        pin(&[load])?;
        let child = child.map_err(|error| Failure(format!("{}: {error}", who.program.display())))?;
        let mut server = Server { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) };
        let start = Instant::now();
        loop {
            if let Some(status) = server.child.try_wait()? {
                let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
                let last = log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
                return Err(Failure(format!("ended at its start ({status}): {last}")));
            }
            // Any reply will do, an error too.
            let answer = Client::connect(server.address).and_then(|mut client| {
                client.send(b"*1\r\n$4\r\nPING\r\n")?;
                client.receive()
            });
            match answer {
                Ok(_) => return Ok(server),
                Err(failure) if start.elapsed() > Duration::from_secs(10) => return Err(failure),
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// CPU time used so far by all of its threads, user and system, in nanoseconds.
    pub fn cpu_ns(&self) -> Result<u64> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // The first field of schedstat is the time on a core. A kernel without it has none of the file.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { return self.cpu_ticks_ns() };
            sum += field(&text, 0)?;
        }
        Ok(sum)
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/statm", self.child.id()))?;
        Ok(field(&text, 1)? * rustix::param::page_size() as u64)
    }

    /// Whole ticks (a hundredth of a second), for want of something finer.
    fn cpu_ticks_ns(&self) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name, in parentheses, may contain anything: utime and stime are counted from behind it.
        let rest = text.rsplit(')').next().unwrap_or_default();
        Ok((field(rest, 11)? + field(rest, 12)?) * 1_000_000_000 / rustix::param::clock_ticks_per_second())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing to save, and an error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn field(text: &str, index: usize) -> Result<u64> {
    let word = text.split_whitespace().nth(index).and_then(|word| word.parse().ok());
    word.ok_or_else(|| Failure(format!("/proc said {text:?}")))
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
