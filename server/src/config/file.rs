//! What the server starts with: the command line, redis.conf files, standard input.
//!
//! As in Redis, the file comes first, then standard input (`-`), then the options, which are turned into lines of a file
//! (`--save 900 1` is `save "900" "1"`); the last line of a parameter wins. Line numbers in errors count on through
//! these, also as in Redis.
//!
//! A directive that Redis 8.0 knows and Curfew does not honour is a warning; a name that Redis does not know either is
//! an error. (Redis 8 keeps such a name for its modules, and gives up a little later when none claims it.)

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::config::parameters::Config;
use crate::config::parse::{is_pattern, quote, split_args, trim};
use crate::config::values::{Fault, system_text};
use crate::config::{known, table};
use curfew_protocol::glob;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    /// Run the server.
    Run(Box<Startup>),
    /// Print this text (`--help`, `--version`) and exit with status 0.
    Print(String),
}

/// What the server starts with.
#[derive(Debug, PartialEq, Eq)]
pub struct Startup {
    /// The configuration. Its `dir` is absolute; the server is to change into it.
    pub config: Config,
    /// The absolute path of the configuration file, if one was given: what CONFIG REWRITE rewrites, and INFO's
    /// `config_file`.
    pub file: Option<PathBuf>,
    /// To be logged as warnings. Name no values.
    pub warnings: Vec<String>,
}

/// Why the server cannot start: the text (of several lines) for standard error. The exit status is 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Fatal(pub String);

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fatal {}

/// Reads the command line (`args` without the program's name), the files that it names, and, if it says `-`, what
/// `stdin` returns. Relative paths start at the current directory, and after a `dir` directive there, as in Redis.
pub fn start(args: &[OsString], stdin: impl FnOnce() -> io::Result<Vec<u8>>) -> Result<Start, Fatal> {
    let mut args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
    match args.first() {
        Some(&(b"-v" | b"--version")) => return Ok(Start::Print(version())),
        Some(&(b"-h" | b"--help")) => return Ok(Start::Print(USAGE.to_owned())),
        _ => {}
    }
    let mut loader = Loader { config: Config::default(), warnings: Vec::new() };
    let mut file = None;
    let mut text = Vec::new();
    if args.first().is_some_and(|first| first.first() != Some(&b'-')) {
        let path = PathBuf::from(OsStr::from_bytes(args.remove(0)));
        let path = std::path::absolute(&path).unwrap_or(path);
        text = std::fs::read(&path).map_err(|error| cannot_open(&path, &error))?;
        file = Some(path);
    }
    if take_dash(&mut args) {
        let more = stdin().map_err(|error| {
            Fatal(format!("cannot read the configuration from standard input: {}", system_text(&error)))
        })?;
        // A last line without its end stays a line of its own.
        if !text.is_empty() && !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        text.extend(more);
    }
    text.push(b'\n');
    text.extend(options_as_lines(&args));
    loader.load(&text, None, 0)?;
    loader.check_logfile()?;
    Ok(Start::Run(Box::new(Startup { config: loader.config, file, warnings: loader.warnings })))
}

/// How deep files may include files. Redis has no bound and falls over when a file includes itself.
const INCLUDE_DEPTH_MAX: usize = 16;

const USAGE: &str = "\
curfew-server [FILE] [--NAME VALUE ...] [-]

FILE is a configuration file, written as Redis has them; - takes one from standard input. --NAME VALUE is a line of such a
file. What there is to be configured: docs/configuration.md.

    curfew-server --port 7777 --shards 4
    curfew-server /etc/curfew/curfew.conf --loglevel debug
    curfew-server - < curfew.conf

-h, --help      print this
-v, --version   print the version
";

fn version() -> String {
    format!("Curfew server v={} bits={}\n", env!("CARGO_PKG_VERSION"), usize::BITS)
}

/// `-` counts as the first or the last argument (behind the file).
fn take_dash(args: &mut Vec<&[u8]>) -> bool {
    let before = args.len();
    if args.first() == Some(&&b"-"[..]) {
        args.remove(0);
    }
    if args.last() == Some(&&b"-"[..]) {
        args.pop();
    }
    args.len() != before
}

/// `--name value value` to `name "value" "value"`. An argument that follows a name is a value even if it begins with
/// `--`, so that a password may; `--save` is the exception, whose value may be left out for "".
fn options_as_lines(args: &[&[u8]]) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut name_may_follow = true;
    for (i, arg) in args.iter().enumerate() {
        match arg.strip_prefix(b"--") {
            Some(name) if name_may_follow => {
                if !lines.is_empty() {
                    lines.push(b'\n');
                }
                lines.extend(name);
                lines.push(b' ');
                // `"--port 6380"` in one argument has its value already.
                let bare = split_args(arg).is_some_and(|words| words.len() == 1);
                let next = args.get(i + 1);
                let save_without_value =
                    bare && name.eq_ignore_ascii_case(b"save") && next.is_none_or(|next| next.starts_with(b"--"));
                if save_without_value {
                    lines.extend(b"\"\"");
                }
                name_may_follow = !bare || save_without_value;
            }
            _ => {
                lines.extend(quote(arg));
                lines.push(b' ');
                name_may_follow = true;
            }
        }
    }
    lines
}

fn cannot_open(path: &Path, error: &io::Error) -> Fatal {
    Fatal(format!("cannot open the configuration file '{}': {}", path.display(), system_text(error)))
}

struct Loader {
    config: Config,
    warnings: Vec<String>,
}

/// Why a line is not accepted: its own fault, or that of a file which it includes.
enum LineError {
    Reason(String),
    Elsewhere(Fatal),
}

impl From<&str> for LineError {
    fn from(reason: &str) -> LineError {
        LineError::Reason(reason.to_owned())
    }
}

impl Loader {
    /// `included` is the file, when it is not the one on the command line.
    fn load(&mut self, text: &[u8], included: Option<&Path>, depth: usize) -> Result<(), Fatal> {
        for (i, line) in text.split(|&b| b == b'\n').enumerate() {
            let line = trim(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            self.load_line(line, i + 1, included, depth).map_err(|error| match error {
                LineError::Elsewhere(fatal) => fatal,
                LineError::Reason(reason) => {
                    let place = included.map_or(String::new(), |path| format!(" of '{}'", path.display()));
                    let (number, shown) = (i + 1, shown(line));
                    fatal(&format!("line {number}{place}: {shown}\n{reason}"))
                }
            })?;
        }
        Ok(())
    }

    fn load_line(
        &mut self,
        line: &[u8],
        number: usize,
        included: Option<&Path>,
        depth: usize,
    ) -> Result<(), LineError> {
        let words = split_args(line).ok_or("a quote is not closed, or something follows it at once")?;
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let Some((name, values)) = words.split_first() else {
            return Ok(());
        };
        let name = name.to_ascii_lowercase();
        if let Some((row, _)) = table::find(&name) {
            return match row.set_line(&mut self.config, values) {
                Ok(()) => Ok(()),
                Err(Fault::Invalid(text)) => Err(LineError::Reason(text.into_owned())),
                Err(Fault::Refused(text)) => {
                    self.warn(&name, number, included, &format!("is ignored: {text}"));
                    Ok(())
                }
            };
        }
        if name == b"include" && values.len() == 1 {
            return self.include(values[0], depth);
        }
        if known::is_known(&name) {
            if values.is_empty() {
                return Err("wrong number of arguments".into());
            }
            let text = if known::restricts_access(&name) {
                "is not supported by Curfew and is ignored: IT DOES NOT RESTRICT ACCESS to this server"
            } else {
                "is not supported by Curfew and is ignored"
            };
            self.warn(&name, number, included, text);
            return Ok(());
        }
        Err(UNKNOWN.into())
    }

    fn warn(&mut self, name: &[u8], number: usize, included: Option<&Path>, text: &str) {
        let place = included.map_or(String::new(), |path| format!(" of '{}'", path.display()));
        let name = String::from_utf8_lossy(name);
        self.warnings.push(format!("The directive '{name}' at line {number}{place} of the configuration {text}"));
    }

    /// A plain name must be there; a pattern may match nothing, and what it matches is read in the order of the names.
    fn include(&mut self, name: &[u8], depth: usize) -> Result<(), LineError> {
        if depth == INCLUDE_DEPTH_MAX {
            return Err("files include each other too deeply".into());
        }
        let path = self.config.dir.join(OsStr::from_bytes(name));
        let paths = if is_pattern(name) { expand(&path) } else { vec![path] };
        for path in paths {
            let text = std::fs::read(&path).map_err(|error| LineError::Elsewhere(cannot_open(&path, &error)))?;
            self.load(&text, Some(&path), depth + 1).map_err(LineError::Elsewhere)?;
        }
        Ok(())
    }

    /// Better to hear now than to run without a log.
    fn check_logfile(&self) -> Result<(), Fatal> {
        if self.config.logfile.as_os_str().is_empty() {
            return Ok(());
        }
        let path = self.config.dir.join(&self.config.logfile);
        match std::fs::OpenOptions::new().append(true).create(true).open(path) {
            Ok(_) => Ok(()),
            Err(error) => Err(fatal(&format!("cannot open the log file: {}", system_text(&error)))),
        }
    }
}

/// For a line of what is no parameter, and for `include` of none or of several files.
const UNKNOWN: &str = "there is no such parameter, or not with so many values";

fn fatal(text: &str) -> Fatal {
    Fatal(format!("the configuration is not accepted: {text}"))
}

/// A line for the log. Redis prints it whole; passwords stay out of ours.
fn shown(line: &[u8]) -> String {
    let name_end = line.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(line.len());
    let name = String::from_utf8_lossy(&line[..name_end]);
    let lower = name.to_ascii_lowercase();
    let secret = ["requirepass", "masterauth", "user", "pass"].iter().any(|word| lower.contains(word));
    if secret && name_end < line.len() {
        format!("{name} (redacted)")
    } else {
        String::from_utf8_lossy(line).into_owned()
    }
}

/// The files that match a path with patterns in any of its parts, sorted. `*` and `?` match no `/`, and no leading dot.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str();
        if !is_pattern(part.as_bytes()) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        found = found.iter().flat_map(|dir| matching_entries(dir, part)).collect();
    }
    found.retain(|path| path.exists());
    found
}

fn matching_entries(dir: &Path, pattern: &OsStr) -> Vec<PathBuf> {
    let hidden = pattern.as_bytes().starts_with(b".");
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name().into_vec());
    let mut names: Vec<Vec<u8>> = entries
        .filter(|name| name.starts_with(b".") == hidden && glob::matches(pattern.as_bytes(), name, false))
        .collect();
    names.sort();
    names.into_iter().map(|name| dir.join(OsString::from_vec(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts with a file of this text (`None`: no file) and these arguments; runs in `dir`, where files may be.
    fn run(dir: &Path, text: Option<&str>, args: &[&str], stdin: &str) -> Result<Startup, String> {
        let mut all: Vec<OsString> = Vec::new();
        if let Some(text) = text {
            let path = dir.join("a.conf");
            let text = format!("dir {}\n{text}", dir.display());
            std::fs::write(&path, text).unwrap();
            all.push(path.into());
        }
        all.extend(args.iter().map(OsString::from));
        match start(&all, || Ok(stdin.as_bytes().to_vec())) {
            Ok(Start::Run(startup)) => Ok(*startup),
            Ok(Start::Print(text)) => Err(text),
            Err(Fatal(text)) => Err(text),
        }
    }

    fn error(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        run(dir.path(), Some(text), &[], "").unwrap_err()
    }

    fn get(startup: &Startup, name: &str) -> String {
        String::from_utf8(table::find(name.as_bytes()).unwrap().0.get(&startup.config)).unwrap()
    }

    #[test]
    fn a_file() {
        let dir = tempfile::tempdir().unwrap();
        let text = "# comment\r\n\n  PORT 0\r\nmaxmemory 1gb\nmaxmemory 2gb\nhash-max-ziplist-entries \"\\x35\"\n\
                    client-output-buffer-limit normal 1 2 3 pubsub 4 5 6\nclient-output-buffer-limit \"slave 7 8 9\"\n\
                    notify-keyspace-events KEA\nrequirepass 'foo bar'\nbind 127.0.0.1 -::1\nunixsocketperm 700\nsave\n";
        let startup = run(dir.path(), Some(text), &[], "").unwrap();
        assert_eq!(startup.warnings, Vec::<String>::new());
        assert_eq!(startup.file, Some(dir.path().join("a.conf")));
        for (name, value) in [
            ("port", "0"),
            ("maxmemory", "2147483648"),
            ("hash-max-listpack-entries", "5"),
            ("client-output-buffer-limit", "normal 1 2 3 slave 7 8 9 pubsub 4 5 6"),
            ("notify-keyspace-events", "AKE"),
            ("requirepass", "foo bar"),
            ("bind", "127.0.0.1 -::1"),
            ("unixsocketperm", "700"),
            ("save", ""),
            ("dir", dir.path().canonicalize().unwrap().to_str().unwrap()),
        ] {
            assert_eq!(get(&startup, name), value, "{name}");
        }
    }

    #[test]
    fn errors_in_a_file() {
        for (text, shown, reason) in [
            ("port 70000", "port 70000", "argument must be between 0 and 65535 inclusive"),
            ("port", "port", "wrong number of arguments"),
            ("maxmemory 1 2", "maxmemory 1 2", "wrong number of arguments"),
            ("maxmemory x", "maxmemory x", "argument must be a memory value"),
            ("\"abc", "\"abc", "a quote is not closed, or something follows it at once"),
            ("\"abc\"x y", "\"abc\"x y", "a quote is not closed, or something follows it at once"),
            ("save 1", "save 1", "Invalid save parameters"),
            ("save 1 2 \"\"", "save 1 2 \"\"", "Invalid save parameters"),
            ("save \"5 6\" \"7 8\"", "save \"5 6\" \"7 8\"", "Invalid save parameters"),
            (
                "client-output-buffer-limit normal 1 2",
                "client-output-buffer-limit normal 1 2",
                "Wrong number of arguments in buffer limit configuration.",
            ),
            ("requirepass foo bar", "requirepass (redacted)", "wrong number of arguments"),
            ("include", "include", UNKNOWN),
            ("dir /nonexistent", "dir /nonexistent", "No such file or directory"),
            ("dir \"\"", "dir \"\"", "No such file or directory"),
            ("dir /dev/null", "dir /dev/null", "Not a directory"),
            ("dbfilename a/b", "dbfilename a/b", "dbfilename can't be a path, just a filename"),
            ("unixsocketperm 888", "unixsocketperm 888", "argument couldn't be parsed as an octal number"),
            ("unixsocketperm 1777", "unixsocketperm 1777", "argument must be between 0 and 777 inclusive"),
            ("unixsocketperm -1", "unixsocketperm -1", "argument must be between 0 and 777 inclusive"),
            ("maxclients 0", "maxclients 0", "argument must be between 1 and 4294967295 inclusive"),
            ("databases 0", "databases 0", "argument must be between 1 and 2147483647 inclusive"),
            ("daemonize x", "daemonize x", "argument must be 'yes' or 'no'"),
            ("supervised x", "supervised x", "argument(s) must be one of the following: upstart, systemd, auto, no"),
            ("shards 65", "shards 65", "argument must be between 1 and 64 inclusive"),
            ("nosuch 1", "nosuch 1", UNKNOWN),
            ("masterauth", "masterauth", "wrong number of arguments"),
            (
                "bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
                "bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
                "Too many bind addresses specified.",
            ),
        ] {
            let expected = format!("the configuration is not accepted: line 3: {shown}\n{reason}");
            assert_eq!(error(&format!("\n{text}\nhz 5\n")), expected);
        }
    }

    #[test]
    fn files_that_are_not_there() {
        assert_eq!(
            error("include /nonexistent"),
            "cannot open the configuration file '/nonexistent': No such file or directory"
        );
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            run(dir.path(), None, &["/nonexistent/x.conf"], "").unwrap_err(),
            "cannot open the configuration file '/nonexistent/x.conf': No such file or directory"
        );
        assert!(error("logfile /nonexistent/log").ends_with(": cannot open the log file: No such file or directory"));
    }

    #[test]
    fn includes() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("d")).unwrap();
        std::fs::write(dir.path().join("d/2.conf"), "hz 2\ntimeout 2\n").unwrap();
        std::fs::write(dir.path().join("d/1.conf"), "hz 1\nport 1").unwrap();
        std::fs::write(dir.path().join("d/.3.conf"), "hz 3").unwrap();
        std::fs::write(dir.path().join("d/4.other"), "hz 4").unwrap();
        std::fs::write(dir.path().join("bad"), "\n\nfoo").unwrap();
        std::fs::write(dir.path().join("loop"), "include loop").unwrap();
        let startup = run(dir.path(), Some("timeout 1\ninclude d/*.conf\ninclude d/*.none\nport 5"), &[], "").unwrap();
        assert_eq!(["hz", "timeout", "port"].map(|name| get(&startup, name)), ["2", "2", "5"]);
        let startup = run(dir.path(), Some("include */[14].*"), &[], "").unwrap();
        assert_eq!(["hz", "port"].map(|name| get(&startup, name)), ["4", "1"]);
        let bad = run(dir.path(), Some("include bad"), &[], "").unwrap_err();
        assert!(bad.contains(": line 3 of '") && bad.ends_with(&format!(": foo\n{UNKNOWN}")), "{bad}");
        let deep = run(dir.path(), Some("include loop"), &[], "").unwrap_err();
        assert!(deep.ends_with("files include each other too deeply"), "{deep}");
    }

    #[test]
    fn what_we_do_not_honour_is_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let text = "io-threads 4\nSAVE 900 1\nappendonly yes\nuser default on >secret\nlist-max-ziplist-entries 5\ndaemonize yes\nsupervised systemd\nreplicaof no one";
        let startup = run(dir.path(), Some(text), &["--tls-port", "1"], "").unwrap();
        assert_eq!(
            startup.warnings,
            [
                "The directive 'io-threads' at line 2 of the configuration is not supported by Curfew and is ignored",
                "The directive 'save' at line 3 of the configuration is ignored: Curfew has no snapshots yet, only \"\" is accepted",
                "The directive 'appendonly' at line 4 of the configuration is ignored: Curfew has no append-only file yet, only 'no' is accepted",
                "The directive 'user' at line 5 of the configuration is not supported by Curfew and is ignored: IT DOES NOT RESTRICT ACCESS to this server",
                "The directive 'list-max-ziplist-entries' at line 6 of the configuration is not supported by Curfew and is ignored",
                "The directive 'daemonize' at line 7 of the configuration is ignored: Curfew does not go into the background by itself, only 'no' is accepted",
                "The directive 'supervised' at line 8 of the configuration is ignored: Curfew does not talk to a supervisor, only 'no' is accepted",
                "The directive 'replicaof' at line 9 of the configuration is not supported by Curfew and is ignored",
                "The directive 'tls-port' at line 10 of the configuration is not supported by Curfew and is ignored: IT DOES NOT RESTRICT ACCESS to this server",
            ]
        );
    }

    #[test]
    fn options() {
        let dir = tempfile::tempdir().unwrap();
        let run =
            |args: &[&str]| run(dir.path(), None, args, "").map_err(|e| e.split(": ").nth(2).unwrap_or(&e).to_owned());
        let values = |args: &[&str], names: &[&str]| {
            let startup = run(args).unwrap();
            names.iter().map(|name| get(&startup, name)).collect::<Vec<_>>()
        };
        assert_eq!(values(&["--port", "1", "--HZ", "7"], &["port", "hz"]), ["1", "7"]);
        assert_eq!(values(&["--hz 5", "--port", "1"], &["port", "hz"]), ["1", "5"]);
        assert_eq!(values(&["--save", "--port", "1"], &["port"]), ["1"]);
        assert_eq!(values(&["--save", "", "--port", "1"], &["port"]), ["1"]);
        assert_eq!(values(&["--port", "1", "--save"], &["port"]), ["1"]);
        assert_eq!(values(&["--requirepass", "--x y"], &["requirepass"]), ["--x y"]);
        assert_eq!(values(&["--bind", "127.0.0.1", "::1"], &["bind"]), ["127.0.0.1 ::1"]);
        assert_eq!(values(&["--shards", "3", "--metrics-port", "0"], &["shards", "metrics-port"]), ["3", "0"]);
        assert_eq!(run(&["--save", "900", "1", "300", "10", "--port", "1"]).unwrap().warnings.len(), 1);
        assert_eq!(run(&["--hz", "5", "6"]).unwrap_err(), "hz \"5\" \"6\"\nwrong number of arguments");
        assert_eq!(run(&["--hz 5", "6"]).unwrap_err(), "hz 5 \"6\"\nwrong number of arguments");
        assert_eq!(run(&["--hz", "--port"]).unwrap_err(), "hz \"--port\"\nargument couldn't be parsed into an integer");
        assert_eq!(run(&["--port"]).unwrap_err(), "port\nwrong number of arguments");
        assert_eq!(run(&["--nosuch", "1"]).unwrap_err(), format!("nosuch \"1\"\n{UNKNOWN}"));
        assert_eq!(run(&["--sentinel"]).unwrap_err(), format!("sentinel\n{UNKNOWN}"));
        assert!(run(&["--version"]).unwrap_err().starts_with("Curfew server v="));
        assert!(run(&["--help"]).unwrap_err().starts_with("curfew-server [FILE]"));
    }

    /// The numbers are the reference's for the same arguments.
    #[test]
    fn line_numbers_go_on_through_standard_input_and_options() {
        let dir = tempfile::tempdir().unwrap();
        for (text, args, stdin, line, shown) in [
            (None, &["--port", "x"][..], "", 2, "port \"x\""),
            (Some("hz 5"), &["extra"], "", 3, "\"extra\""),
            (Some("hz 5\n"), &["--hz", "x"], "", 4, "hz \"x\""),
            (None, &["-"], "hz x\n", 1, "hz x"),
            (Some("hz 5\n"), &["-"], "hz x\n", 3, "hz x"),
            (Some("hz 5\n"), &["--timeout", "5", "-"], "hz x\n", 3, "hz x"),
            (Some("hz 5\n"), &["-hz", "5"], "", 4, "\"-hz\" \"5\""),
        ] {
            let error = run(dir.path(), text, args, stdin).unwrap_err();
            assert!(error.contains(&format!(": line {line}: {shown}\n")), "{args:?}: {error}");
        }
        let startup = run(dir.path(), Some("hz 1\ntimeout 1\nport 1"), &["--hz", "3", "-"], "hz 2\ntimeout 2").unwrap();
        assert_eq!(["hz", "timeout", "port"].map(|name| get(&startup, name)), ["3", "2", "1"]);
    }
}
