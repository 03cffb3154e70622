//! Functions: libraries of Lua code that stay on the server, called by name with FCALL.
//!
//! The registry knows code, names, flags and descriptions. The callbacks are Lua functions, and so belong to one thread's
//! interpreter: each thread runs the top level of a library for itself, once, at the first call of one of its functions,
//! and forgets it when it sees a newer version of the registry without it. What a library keeps in its own variables is
//! therefore kept for each thread (Redis has one interpreter, and replicates none of it either).

use crate::script::learned::Learned;
use crate::script::metadata::Metadata;
use crate::script::trigger::TriggerRecord;
use crate::system::versioned::Versioned;
use curfew_protocol::Error;
use curfew_shard::event::trigger::{Trigger, TriggerId, Triggers};
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A function as it was registered.
#[derive(Debug)]
pub struct Function {
    /// Letters, digits and underscores; callers may write it in any case.
    pub name: Box<[u8]>,
    /// Whatever the library says of it.
    pub description: Option<Box<[u8]>>,
    /// See [`flag`](crate::script::learned::flag).
    pub flags: u32,
    /// What is known of its reach.
    pub learned: Learned,
    /// For what it is called, if it is a trigger: then no client calls it.
    pub trigger: Option<TriggerRecord>,
}

/// A library. Never changed: replacing it makes another.
#[derive(Debug)]
pub struct Library {
    /// Unlike that of any other library of this process, replaced ones included.
    pub id: u64,
    /// Letters, digits and underscores.
    pub name: Box<[u8]>,
    /// The whole code, its first line included.
    pub code: Box<[u8]>,
    /// Its functions and triggers in the order of their registration. There is at least one.
    pub functions: Vec<Function>,
}

impl Library {
    /// A library of this code, with the functions that its top level has registered.
    pub fn new(metadata: &Metadata<'_>, code: &[u8], functions: Vec<Function>) -> Library {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Library { id, name: metadata.name.clone(), code: code.into(), functions }
    }

    fn bytes(&self) -> usize {
        let function = |function: &Function| {
            size_of::<Function>()
                + function.name.len()
                + function.description.as_ref().map_or(0, |text| text.len())
                + function.trigger.as_ref().map_or(0, TriggerRecord::bytes)
        };
        size_of::<Library>() + self.name.len() + self.code.len() + self.functions.iter().map(function).sum::<usize>()
    }
}

/// A function of a library that a call keeps, whatever happens to the registry meanwhile.
#[derive(Clone, Debug)]
pub struct FunctionRef {
    /// Its library.
    pub library: Arc<Library>,
    /// Its place among the library's functions.
    pub index: usize,
}

impl Deref for FunctionRef {
    type Target = Function;

    fn deref(&self) -> &Function {
        &self.library.functions[self.index]
    }
}

/// All libraries at one moment.
#[derive(Default, Debug)]
pub struct Snapshot {
    libraries: BTreeMap<Box<[u8]>, Arc<Library>>,
    /// By their names in lower case.
    functions: HashMap<Box<[u8]>, FunctionRef, foldhash::fast::RandomState>,
    /// Those that are triggers, in the order in which they run: by their libraries' names, then as they were registered.
    triggers: Vec<FunctionRef>,
}

impl Snapshot {
    /// The function of this name, in any case. A trigger is none.
    pub fn function(&self, name: &[u8]) -> Option<&FunctionRef> {
        let found = match name.iter().any(u8::is_ascii_uppercase) {
            false => self.functions.get(name),
            true => self.functions.get(name.to_ascii_lowercase().as_slice()),
        };
        found.filter(|function| function.trigger.is_none())
    }

    /// The library of exactly this name.
    pub fn library(&self, name: &[u8]) -> Option<&Arc<Library>> {
        self.libraries.get(name)
    }

    /// All libraries by their names.
    pub fn libraries(&self) -> impl ExactSizeIterator<Item = &Arc<Library>> {
        self.libraries.values()
    }

    /// How many functions there are that clients can call.
    pub fn function_count(&self) -> usize {
        self.functions.len() - self.triggers.len()
    }

    /// How many triggers there are.
    pub fn trigger_count(&self) -> usize {
        self.triggers.len()
    }

    /// Bytes that all of it takes, without what the interpreters need: INFO's `used_memory_functions`.
    pub fn bytes(&self) -> usize {
        let per_function = size_of::<(Box<[u8]>, FunctionRef)>();
        self.libraries().map(|library| library.bytes() + library.functions.len() * per_function).sum()
    }

    /// Whether this very library (not another of its name) is there.
    pub fn has(&self, id: u64, name: &[u8]) -> bool {
        self.library(name).is_some_and(|library| library.id == id)
    }

    fn remove(&mut self, name: &[u8]) -> bool {
        let Some(library) = self.libraries.remove(name) else {
            return false;
        };
        for function in &library.functions {
            self.functions.remove(function.name.to_ascii_lowercase().as_slice());
        }
        true
    }

    /// Adds libraries that are not there. The error names the function that there is already.
    ///
    /// # Errors
    /// [`Refused::Function`], with some of the functions added: the snapshot is to be thrown away.
    fn add(&mut self, libraries: &[Arc<Library>]) -> Result<(), Refused> {
        for library in libraries {
            for (index, function) in library.functions.iter().enumerate() {
                let name = function.name.to_ascii_lowercase().into_boxed_slice();
                if self.functions.insert(name, FunctionRef { library: library.clone(), index }).is_some() {
                    return Err(Refused::Function(function.name.clone()));
                }
            }
            self.libraries.insert(library.name.clone(), library.clone());
        }
        Ok(())
    }

    /// The same libraries, to be changed.
    fn copy(&self) -> Snapshot {
        Snapshot { libraries: self.libraries.clone(), functions: self.functions.clone(), triggers: Vec::new() }
    }

    /// The libraries after a change.
    fn changed(&self, change: &LibraryChange) -> Result<Snapshot, Refused> {
        let mut next = match change {
            LibraryChange::Flush => Snapshot::default(),
            LibraryChange::Delete(name) => {
                let mut next = self.copy();
                if !next.remove(name) {
                    return Err(Refused::NotFound);
                }
                next
            }
            LibraryChange::Put(libraries, policy) => {
                let mut next = if *policy == Policy::Flush { Snapshot::default() } else { self.copy() };
                for library in libraries {
                    if *policy == Policy::Append && next.library(&library.name).is_some() {
                        return Err(Refused::Library(library.name.clone()));
                    }
                    next.remove(&library.name);
                }
                next.add(libraries)?;
                next
            }
        };
        next.finish();
        Ok(next)
    }

    /// Puts together what follows from the libraries.
    fn finish(&mut self) {
        let all = self.libraries.values().flat_map(|library| {
            (0..library.functions.len()).map(|index| FunctionRef { library: library.clone(), index })
        });
        self.triggers = all.filter(|function| function.trigger.is_some()).collect();
    }
}

impl FunctionRef {
    fn trigger_id(&self) -> TriggerId {
        (self.library.id, self.index as u32)
    }

    /// As units know it; None if it is no trigger.
    fn as_trigger(&self) -> Option<Trigger> {
        let TriggerRecord { events, pattern, .. } = self.trigger.as_ref()?;
        Some(Trigger { id: self.trigger_id(), events: events.clone(), pattern: pattern.clone() })
    }
}

impl Snapshot {
    /// The triggers as units know them.
    pub fn triggers(&self) -> Triggers {
        Triggers::new(self.triggers.iter().filter_map(FunctionRef::as_trigger).collect())
    }

    /// The trigger that units know by this id, if it is still there.
    pub fn trigger(&self, id: TriggerId) -> Option<&FunctionRef> {
        self.triggers.iter().find(|function| function.trigger_id() == id)
    }

    /// The classes of events with a trigger of which it is not known that it keeps to the shard of the event's key.
    pub fn wide_trigger_classes(&self) -> u32 {
        let wide = self.triggers.iter().filter(|function| !function.learned.is_narrow());
        wide.filter_map(FunctionRef::as_trigger).fold(0, |all, trigger| all | trigger.classes())
    }
}

/// What happens to libraries that are there already.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Policy {
    /// They stay; one of the same name is an error.
    Append,
    /// Those of the same names go.
    Replace,
    /// All of them go.
    Flush,
}

/// A change of the libraries: what FUNCTION's writing subcommands come to.
#[derive(Debug)]
pub enum LibraryChange {
    /// LOAD, RESTORE.
    Put(Vec<Arc<Library>>, Policy),
    /// DELETE.
    Delete(Box<[u8]>),
    /// FLUSH.
    Flush,
}

/// Why a change is not made.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is a library of this name.
    Library(Box<[u8]>),
    /// There is a function of this name.
    Function(Box<[u8]>),
    /// There is no such library.
    NotFound,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Error {
        match refused {
            Refused::Library(name) => Error::made([b"ERR Library ", &*name, b" already exists"].concat()),
            Refused::Function(name) => Error::made([b"ERR Function ", &*name, b" already exists"].concat()),
            Refused::NotFound => Error::LIBRARY_NOT_FOUND,
        }
    }
}

/// The libraries of the process.
#[derive(Debug)]
pub struct Functions {
    /// As they are now: threads have a [`Cached`](crate::system::versioned::Cached) of their own.
    pub libraries: Versioned<Snapshot>,
    /// The classes of events for which there are triggers.
    trigger_classes: AtomicU32,
}

impl Default for Functions {
    fn default() -> Functions {
        Functions { libraries: Versioned::new(Snapshot::default()), trigger_classes: AtomicU32::default() }
    }
}

impl Functions {
    /// The classes of events for which there are triggers, as bits of [`curfew_shard::class`]. One relaxed load.
    #[inline]
    pub fn trigger_classes(&self) -> u32 {
        self.trigger_classes.load(Ordering::Relaxed)
    }

    /// The libraries as they are now.
    pub fn load(&self) -> Arc<Snapshot> {
        self.libraries.load().share()
    }

    /// Makes a change, wholly or not at all. The only way to change the libraries, so that this is where a journal is to
    /// learn of it.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn apply(&self, change: &LibraryChange) -> Result<(), Refused> {
        self.libraries.modify(|current| {
            let next = current.changed(change)?;
            self.trigger_classes.store(next.triggers().classes, Ordering::Relaxed);
            Ok((next, ()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::versioned::Cached;

    fn library(name: &str, functions: &[&str]) -> Arc<Library> {
        let code = format!("#!lua name={name}\n");
        let functions = functions.iter().map(|name| Function {
            name: name.as_bytes().into(),
            description: None,
            flags: 0,
            learned: Learned::default(),
            trigger: None,
        });
        let metadata = Metadata::parse(code.as_bytes()).expect("sound");
        Arc::new(Library::new(&metadata, code.as_bytes(), functions.collect()))
    }

    fn names(functions: &Functions) -> Vec<String> {
        let name = |library: &Arc<Library>| {
            let functions: Vec<_> =
                library.functions.iter().map(|function| String::from_utf8_lossy(&function.name)).collect();
            format!("{}({})", String::from_utf8_lossy(&library.name), functions.join(","))
        };
        functions.load().libraries().map(name).collect()
    }

    #[test]
    fn a_change_is_made_wholly_or_not_at_all() {
        let functions = Functions::default();
        let put = |libraries: &[Arc<Library>], policy| functions.apply(&LibraryChange::Put(libraries.to_vec(), policy));
        put(&[library("a", &["f", "g"]), library("b", &["h"])], Policy::Append).expect("new");
        let before = names(&functions);
        assert_eq!(before, ["a(f,g)", "b(h)"]);
        let refused = |name: &str| Err(Refused::Function(name.as_bytes().into()));
        assert_eq!(put(&[library("c", &["i"]), library("d", &["x", "H"])], Policy::Append), refused("H"));
        assert_eq!(put(&[library("c", &["i"]), library("d", &["i"])], Policy::Append), refused("i"));
        assert_eq!(put(&[library("a", &["h"])], Policy::Replace), refused("h"));
        assert_eq!(
            put(&[library("c", &["i"]), library("a", &["j"])], Policy::Append),
            Err(Refused::Library((*b"a").into()))
        );
        assert_eq!(functions.apply(&LibraryChange::Delete((*b"A").into())), Err(Refused::NotFound));
        assert_eq!(names(&functions), before);
        assert_eq!(functions.load().function_count(), 3);

        put(&[library("a", &["F"]), library("c", &["g"])], Policy::Replace).expect("g has gone with the old a");
        assert_eq!(names(&functions), ["a(F)", "b(h)", "c(g)"]);
        functions.apply(&LibraryChange::Delete((*b"a").into())).expect("there");
        assert!(functions.load().function(b"f").is_none());
        put(&[library("a", &["H"])], Policy::Flush).expect("nothing is left");
        assert_eq!(names(&functions), ["a(H)"]);
        functions.apply(&LibraryChange::Flush).expect("always");
        assert_eq!((names(&functions).len(), functions.load().function_count(), functions.load().bytes()), (0, 0, 0));
    }

    #[test]
    fn functions_are_found_in_any_case_and_calls_keep_theirs() {
        let functions = Functions::default();
        let mut cached = Cached::new(&functions.libraries);
        assert!(cached.get(&functions.libraries).function(b"f").is_none());
        functions.apply(&LibraryChange::Put(vec![library("a", &["Add"])], Policy::Append)).expect("new");
        let found: Vec<_> =
            [&b"add"[..], b"ADD", b"Add"].map(|name| cached.get(&functions.libraries).function(name).cloned()).into();
        functions.apply(&LibraryChange::Flush).expect("always");
        assert!(cached.get(&functions.libraries).function(b"add").is_none());
        assert!(found.iter().flatten().all(|function| &*function.name == b"Add"));
        assert_eq!(found.iter().flatten().count(), 3);
    }

    /// Readers on other threads see whole snapshots: each library with all its functions, or none of it.
    #[test]
    fn readers_see_whole_snapshots() {
        let functions = Functions::default();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut cached = Cached::new(&functions.libraries);
                    while !done.load(Ordering::Acquire) {
                        let snapshot = cached.get(&functions.libraries);
                        let both = [b"f", b"g"].map(|name| snapshot.function(name).map(|function| function.library.id));
                        assert_eq!(both[0], both[1]);
                        std::thread::yield_now();
                    }
                });
            }
            for round in 0..500 {
                let change = match round % 3 {
                    2 => LibraryChange::Flush,
                    _ => LibraryChange::Put(vec![library("a", &["f", "g"])], Policy::Replace),
                };
                functions.apply(&change).expect("no collision");
            }
            done.store(true, Ordering::Release);
        });
    }
}
