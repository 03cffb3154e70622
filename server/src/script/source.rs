//! Scripts as texts: shebang and flags, the cache that all threads share, and what was learned about a script's reach.

use curfew_protocol::Error;
use parking_lot::{Mutex, RwLock};
use sha1::{Digest, Sha1};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

use crate::script::control::{Call, Control};
use crate::script::learned::{Learned, flag};
use crate::shards::set::ShardSet;

/// Scripts that EVAL brought are kept so many, those used last; those of SCRIPT LOAD stay. As in Redis.
const EVAL_SCRIPTS_MAX: usize = 500;

/// 40 hexadecimal digits in lower case.
pub type Sha = [u8; 40];

/// The name of a text.
pub fn sha1_hex(text: &[u8]) -> Sha {
    let mut hex = [0; 40];
    for (to, byte) in hex.chunks_mut(2).zip(Sha1::digest(text)) {
        to[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        to[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    hex
}

/// A name as a client gives it, in any case; None if it cannot be one.
pub fn parse_sha(text: &[u8]) -> Option<Sha> {
    let mut sha: Sha = text.try_into().ok()?;
    sha.make_ascii_lowercase();
    Some(sha)
}

/// One script.
pub struct Script {
    /// Its name.
    pub sha: Sha,
    /// The whole text.
    pub source: Box<[u8]>,
    /// Bytes of the shebang line, without its line break.
    pub shebang: usize,
    /// See [`flag`].
    pub flags: u32,
    /// Still in the cache. Threads forget what they compiled when it is not.
    alive: AtomicBool,
    /// From SCRIPT LOAD: never evicted.
    loaded: AtomicBool,
    /// Unix microseconds.
    used: AtomicI64,
    /// What is known of its reach.
    pub learned: Learned,
}

impl Script {
    /// A script by its text.
    ///
    /// # Errors
    /// A bad shebang line.
    pub fn parse(source: &[u8], sha: Sha) -> Result<Script, Error> {
        let (flags, shebang) = shebang(source)?;
        Ok(Script {
            sha,
            source: source.into(),
            shebang,
            flags,
            alive: AtomicBool::new(true),
            loaded: AtomicBool::new(false),
            used: AtomicI64::new(0),
            learned: Learned::default(),
        })
    }

    /// Whether it is still in the cache.
    #[inline]
    pub fn is_alive(&self) -> bool {
        self.alive.load(Relaxed)
    }

    /// Notes a use.
    #[inline]
    pub fn touch(&self, now_us: i64) {
        self.used.store(now_us, Relaxed);
    }
}

/// Flags and length of the first line, if it is a shebang.
fn shebang(source: &[u8]) -> Result<(u32, usize), Error> {
    if !source.starts_with(b"#!") {
        return Ok((flag::COMPAT, 0));
    }
    let error = |text: &str, what: &[u8]| Error::made([b"ERR ", text.as_bytes(), what].concat());
    let end = source.iter().position(|&byte| byte == b'\n').ok_or_else(|| error("Invalid script shebang", b""))?;
    let mut words = source[..end].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    match words.next() {
        Some(b"#!lua") => {}
        engine => return Err(error("Unexpected engine in script shebang: ", engine.unwrap_or_default())),
    }
    let mut flags = 0;
    for word in words {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return Err(error("Unknown lua shebang option: ", word));
        };
        if list.is_empty() {
            continue;
        }
        for name in list.split(|&byte| byte == b',') {
            let known = flag::NAMES.iter().find(|(known, _)| known.as_bytes() == name);
            flags |= known.ok_or_else(|| error("Unexpected flag in script shebang: ", name))?.1;
        }
    }
    Ok((flags, end))
}

/// All scripts, and those that run long.
#[derive(Default)]
pub struct Scripts {
    by_sha: RwLock<HashMap<Sha, Arc<Script>>>,
    /// How often the cache was emptied: threads forget what they have compiled.
    flushes: AtomicU64,
    /// Scripts evicted.
    evicted: AtomicU64,
    /// Scripts that have had to yield at least once.
    running: Mutex<Vec<Arc<Control>>>,
    /// Shards that a script past the threshold holds, as bits.
    busy: AtomicU64,
    /// Those of them that a function holds.
    busy_functions: AtomicU64,
}

impl Scripts {
    /// The script of this name.
    pub fn get(&self, sha: &Sha) -> Option<Arc<Script>> {
        self.by_sha.read().get(sha).cloned()
    }

    /// Whether there is a script of this name, as a client gives it.
    pub fn exists(&self, name: &[u8]) -> bool {
        parse_sha(name).is_some_and(|sha| self.by_sha.read().contains_key(&sha))
    }

    /// Adds a script, unless it is there already; answers the one that is there. `load`: it stays until SCRIPT FLUSH.
    pub fn add(&self, script: Script, load: bool, now_us: i64) -> Arc<Script> {
        let mut all = self.by_sha.write();
        let script = all.entry(script.sha).or_insert_with(|| Arc::new(script)).clone();
        script.touch(now_us);
        script.loaded.fetch_or(load, Relaxed);
        let of_eval = || all.values().filter(|script| !script.loaded.load(Relaxed));
        if all.len() > EVAL_SCRIPTS_MAX
            && of_eval().count() > EVAL_SCRIPTS_MAX
            && let Some(oldest) = of_eval().min_by_key(|script| script.used.load(Relaxed)).map(|script| script.sha)
            && let Some(oldest) = all.remove(&oldest)
        {
            oldest.alive.store(false, Relaxed);
            self.evicted.fetch_add(1, Relaxed);
        }
        script
    }

    /// SCRIPT FLUSH.
    pub fn flush(&self) {
        let all = std::mem::take(&mut *self.by_sha.write());
        all.values().for_each(|script| script.alive.store(false, Relaxed));
        self.flushes.fetch_add(1, SeqCst);
    }

    /// See the field.
    #[inline]
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Relaxed)
    }

    /// Cached scripts, and the bytes of their texts: INFO.
    pub fn size(&self) -> (usize, usize) {
        let all = self.by_sha.read();
        (all.len(), all.values().map(|script| size_of::<Script>() + script.source.len()).sum())
    }

    /// Scripts evicted: INFO's `evicted_scripts`.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Relaxed)
    }

    /// A script runs long: SCRIPT KILL has to find it.
    pub fn enter(&self, control: Arc<Control>) {
        self.running.lock().push(control);
    }

    /// It is over.
    pub fn leave(&self, control: &Arc<Control>) {
        self.running.lock().retain(|other| !Arc::ptr_eq(other, control));
    }

    /// SCRIPT KILL (or FUNCTION KILL, `functions`): ends the scripts (the functions) that run long and have written nothing.
    ///
    /// # Errors
    /// There is none, all of them have written, or only those of the other kind run.
    pub fn kill(&self, functions: bool) -> Result<(), Error> {
        let running = self.running.lock();
        if running.is_empty() {
            return Err(Error::NOT_BUSY);
        }
        let mut of_kind = running.iter().filter(|control| control.call.is_some() == functions).peekable();
        if of_kind.peek().is_none() {
            // As in Redis, what cannot be killed is told first.
            return Err(match (running.iter().all(|control| control.has_written()), functions) {
                (true, _) => Error::UNKILLABLE,
                (false, true) => Error::BUSY_SCRIPT,
                (false, false) => Error::BUSY_FUNCTION,
            });
        }
        let killed = of_kind.filter(|control| control.kill()).count();
        if killed > 0 { Ok(()) } else { Err(Error::UNKILLABLE) }
    }

    /// Shows the function that has run for longest to `f`: FUNCTION STATS. None if there is none that runs long.
    pub fn with_function<T>(&self, f: impl FnOnce(&Call) -> T) -> Option<T> {
        self.running.lock().iter().filter_map(|control| control.call.as_ref()).min_by_key(|call| call.started).map(f)
    }

    /// Ends all scripts, whatever they have done: the process ends.
    pub fn end(&self) {
        self.running.lock().iter().for_each(|control| control.end());
    }

    /// A script past the threshold (a function, `function`) holds these shards (bits), or does not any more.
    pub fn set_busy(&self, shards: u64, function: bool, busy: bool) {
        match busy {
            true => {
                self.busy_functions.fetch_or(if function { shards } else { 0 }, SeqCst);
                self.busy.fetch_or(shards, SeqCst);
            }
            false => {
                self.busy.fetch_and(!shards, SeqCst);
                self.busy_functions.fetch_and(!shards, SeqCst);
            }
        };
    }

    /// Whether a script past the threshold holds any shard. One relaxed load.
    #[inline]
    pub fn is_any_busy(&self) -> bool {
        self.busy.load(Relaxed) != 0
    }

    /// Whether a script past the threshold holds one of `shards`.
    pub fn has_one_of(&self, shards: ShardSet) -> bool {
        let busy = self.busy.load(SeqCst);
        shards.iter().any(|shard| busy >> shard & 1 == 1)
    }

    /// What those are told who need one of `shards` while a script past the threshold has it.
    pub fn busy_error(&self, shards: ShardSet) -> Error {
        let functions = self.busy_functions.load(SeqCst);
        match shards.iter().any(|shard| functions >> shard & 1 == 1) {
            true => Error::BUSY_FUNCTION,
            false => Error::BUSY_SCRIPT,
        }
    }

    /// Whether a script (not a function) is past the threshold.
    pub fn has_busy_script(&self) -> bool {
        self.busy.load(SeqCst) & !self.busy_functions.load(SeqCst) != 0
    }

    /// Whether every one of `shards` shards is held by a script past the threshold: then no command runs, but for those
    /// that end it, as in Redis.
    #[inline]
    pub fn is_all_busy(&self, shards: usize) -> bool {
        let busy = self.busy.load(Relaxed);
        busy != 0 && busy.count_ones() as usize == shards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shebangs() {
        let flags = |source: &str| shebang(source.as_bytes()).map_err(|error| error.to_string());
        assert_eq!(flags("return 1"), Ok((flag::COMPAT, 0)));
        assert_eq!(flags("#!lua\nreturn 1"), Ok((0, 5)));
        assert_eq!(flags("#!lua flags=no-writes,allow-oom\n"), Ok((flag::NO_WRITES | flag::ALLOW_OOM, 31)));
        assert_eq!(flags("#!lua flags=\n"), Ok((0, 12)));
        assert_eq!(flags("#!lua"), Err("ERR Invalid script shebang".into()));
        assert_eq!(flags("#!js\n"), Err("ERR Unexpected engine in script shebang: #!js".into()));
        assert_eq!(flags("#!lua name=x\n"), Err("ERR Unknown lua shebang option: name=x".into()));
        assert_eq!(flags("#!lua flags=a\n"), Err("ERR Unexpected flag in script shebang: a".into()));
    }

    #[test]
    fn scripts_of_eval_are_evicted_and_loaded_ones_stay() {
        let scripts = Scripts::default();
        let add = |text: &str, load, now| {
            let sha = sha1_hex(text.as_bytes());
            scripts.add(Script::parse(text.as_bytes(), sha).expect("no shebang"), load, now)
        };
        let loaded = add("loaded", true, 0);
        let first = add("first", false, 1);
        let second = add("second", false, 2);
        first.touch(3);
        (0..EVAL_SCRIPTS_MAX as i64 - 1).for_each(|n| drop(add(&n.to_string(), false, 10 + n)));
        assert!(loaded.is_alive() && first.is_alive() && !second.is_alive());
        assert_eq!((scripts.size().0, scripts.evicted()), (EVAL_SCRIPTS_MAX + 1, 1));
        scripts.flush();
        assert!(!loaded.is_alive() && scripts.get(&loaded.sha).is_none());
    }

    #[test]
    fn names() {
        assert_eq!(&sha1_hex(b""), b"da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(parse_sha(&[b'A'; 40]), Some([b'a'; 40]));
        assert_eq!(parse_sha(b"a"), None);
    }
}
