//! Reads which file of a crate imports which, and finds what the layers forbid: an import of a room above or beside one's own,
//! a circle of files, and names taken from the crate's root, which hands them on to other crates only.
//!
//! A **room** is a folder of `src` or a file that lies in it. What is read are `use` lines (braces and globs too) and paths in the
//! code (`crate::a::b`, `super::b`, `self::b`, `child::b`). A name is followed through the modules that hand it on to the file that
//! defines it, so no re-export hides a circle; handing a name on is no import itself, unless the file uses the name too. What is
//! there for tests alone (`#[cfg(test)]`) is passed over: tests look down from above.
//!
//! It reads tokens, not types: a method of a type that is never named is not seen. `layers.rs` of each crate with rooms is built
//! with this file.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// The rooms of a crate from the top down. Those of one row stand side by side and do not import each other.
pub type Rooms<'a> = &'a [&'a [&'a str]];

/// Fails, and says all that is wrong, unless the crate in the folder `manifest` keeps to its rooms and ARCHITECTURE.md beside it
/// lists the same ones under `heading`.
pub fn check(manifest: &str, heading: &str, rooms: Rooms<'_>) {
    let manifest = Path::new(manifest);
    let files = Files::read(&manifest.join("src")).expect("the sources can be read");
    let document = fs::read_to_string(manifest.join("../ARCHITECTURE.md")).expect("ARCHITECTURE.md can be read");
    let mut faults = files.faults(rooms);
    match rooms_in(&document, heading) {
        Some(told) if told == rooms => {}
        told => faults.push(format!("ARCHITECTURE.md has other rooms under `{heading}`: {told:?}")),
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The files of a crate, and what they import.
pub struct Files {
    /// Paths below `src`.
    names: Vec<String>,
    imports: Vec<Import>,
}

/// One file imports another.
struct Import {
    from: usize,
    to: usize,
    line: usize,
    /// As it is written.
    path: String,
    /// The crate's root handed it on.
    through_root: bool,
}

impl Files {
    /// Reads the crate whose sources are in the folder `src`.
    pub fn read(src: &Path) -> io::Result<Files> {
        let mut texts = Vec::new();
        collect(src, "", &mut texts)?;
        texts.sort();
        Ok(Files::of(&texts))
    }

    /// The crate of these files: paths below `src`, and texts.
    pub fn of(texts: &[(String, String)]) -> Files {
        let mut modules = Modules::default();
        let mut parsed = Vec::new();
        for (file, (name, text)) in texts.iter().enumerate() {
            let module = module_of(name);
            let found = Parser::new(text, module).parse(file, &mut modules);
            parsed.push(found);
        }
        assert!(
            modules.by_path.contains_key([].as_slice()),
            "a crate has a root, lib.rs or main.rs: every path begins there"
        );
        let tests = std::mem::take(&mut modules.tests);
        let is_test = |file: &usize| {
            let module = module_of(&texts[*file].0);
            tests.iter().any(|test| module.starts_with(test))
        };
        let mut imports = Vec::new();
        for (from, found) in parsed.into_iter().enumerate().filter(|(file, _)| !is_test(file)) {
            for named in found {
                let mut through_root = false;
                let Some(to) = modules.resolve(&named.module, &named.path, &mut through_root) else { continue };
                if to != from {
                    let path = named.path.join("::");
                    imports.push(Import { from, to, line: named.line, path, through_root });
                }
            }
        }
        Files { names: texts.iter().map(|(name, _)| name.clone()).collect(), imports }
    }

    /// Everything that is not as it should be, one finding in a line. None if all is well.
    pub fn faults(&self, rooms: Rooms<'_>) -> Vec<String> {
        let mut faults = self.unknown_rooms(rooms);
        faults.extend(self.wrong_ways(rooms));
        faults.extend(self.circles());
        faults.extend(self.detours());
        faults
    }

    /// Rooms that are there and not in the table, and the other way round.
    fn unknown_rooms(&self, rooms: Rooms<'_>) -> Vec<String> {
        let known: BTreeSet<&str> = rooms.iter().copied().flatten().copied().collect();
        let there: BTreeSet<&str> =
            self.names.iter().map(|name| room_of(name)).filter(|room| !ROOTS.contains(room)).collect();
        let missing = there.difference(&known).map(|room| format!("the room `{room}` stands in no row of the table"));
        let gone = known.difference(&there).map(|room| format!("the room `{room}` of the table has no file"));
        missing.chain(gone).collect()
    }

    /// Imports that do not lead further down.
    fn wrong_ways(&self, rooms: Rooms<'_>) -> Vec<String> {
        let row = |room: &str| rooms.iter().position(|row| row.contains(&room));
        let mut faults = BTreeSet::new();
        for import in &self.imports {
            let (from, to) = (room_of(&self.names[import.from]), room_of(&self.names[import.to]));
            let (Some(above), Some(below)) = (row(from), row(to)) else { continue };
            if from != to && above >= below {
                let way = if above > below { "above" } else { "beside" };
                faults.insert(format!("{}: `{to}` is {way} `{from}`", self.show(import)));
            }
        }
        faults.into_iter().collect()
    }

    /// Imports of what the crate's root hands on.
    fn detours(&self) -> Vec<String> {
        let detour = |import: &&Import| import.through_root;
        let show = |import: &Import| format!("{}: name it where it is, not at the crate's root", self.show(import));
        let faults: BTreeSet<String> = self.imports.iter().filter(detour).map(show).collect();
        faults.into_iter().collect()
    }

    /// Files that import each other in a circle: for each knot of them how many there are, and the shortest way round.
    fn circles(&self) -> Vec<String> {
        let knots = self.knots();
        let mut faults = Vec::new();
        for knot in knots {
            let way = self.shortest_circle(&knot);
            let mut fault = format!("a circle of {} files: {}", knot.len(), self.list(&knot));
            for import in way {
                let _ = write!(fault, "\n    {}", self.show(import));
            }
            faults.push(fault);
        }
        faults
    }

    /// Files each of which can be reached from each other one of them.
    fn knots(&self) -> Vec<Vec<usize>> {
        let reached: Vec<HashSet<usize>> = (0..self.names.len()).map(|file| self.reached_from(file)).collect();
        let mut seen = HashSet::new();
        let mut knots = Vec::new();
        for file in 0..self.names.len() {
            if !reached[file].contains(&file) || seen.contains(&file) {
                continue;
            }
            let mut knot: Vec<usize> =
                reached[file].iter().copied().filter(|other| reached[*other].contains(&file)).collect();
            knot.sort_unstable();
            seen.extend(knot.iter().copied());
            knots.push(knot);
        }
        knots
    }

    fn reached_from(&self, file: usize) -> HashSet<usize> {
        let (mut reached, mut next) = (HashSet::new(), vec![file]);
        while let Some(from) = next.pop() {
            next.extend(
                self.imports.iter().filter(|import| import.from == from && reached.insert(import.to)).map(|i| i.to),
            );
        }
        reached
    }

    fn shortest_circle(&self, knot: &[usize]) -> Vec<&Import> {
        let ways = knot.iter().filter_map(|start| self.way_round(*start));
        ways.min_by_key(Vec::len).unwrap_or_default()
    }

    /// The shortest way from a file to itself.
    fn way_round(&self, start: usize) -> Option<Vec<&Import>> {
        let mut seen = BTreeSet::new();
        let mut next = vec![(start, Vec::new())];
        while !next.is_empty() {
            let mut later = Vec::new();
            for (from, way) in next {
                for import in self.imports.iter().filter(|import| import.from == from) {
                    let mut on = way.clone();
                    on.push(import);
                    if import.to == start {
                        return Some(on);
                    }
                    if seen.insert(import.to) {
                        later.push((import.to, on));
                    }
                }
            }
            next = later;
        }
        None
    }

    fn list(&self, files: &[usize]) -> String {
        let names: Vec<&str> = files.iter().map(|file| self.names[*file].as_str()).collect();
        names.join(", ")
    }

    fn show(&self, import: &Import) -> String {
        let (from, to) = (&self.names[import.from], &self.names[import.to]);
        format!("{from}:{} imports {to} ({})", import.line, import.path)
    }
}

/// The rooms as a document has them: the first fenced block under `heading`, a row in a line, its rooms apart by spaces.
pub fn rooms_in(document: &str, heading: &str) -> Option<Vec<Vec<String>>> {
    let mut lines = document.lines().skip_while(|line| line.trim_end() != heading).skip(1);
    lines.by_ref().take_while(|line| !line.starts_with('#')).find(|line| line.starts_with("```"))?;
    let row = |line: &str| line.split_whitespace().map(|room| room.trim_end_matches('/').to_string()).collect();
    Some(lines.take_while(|line| !line.starts_with("```")).map(row).collect())
}

/// The crate's root, which stands above all rooms.
const ROOTS: [&str; 2] = ["lib", "main"];

/// The room of a file: the folder of `src` that it is in, or its own name.
fn room_of(file: &str) -> &str {
    file.split_once('/').map_or(file.trim_end_matches(".rs"), |(folder, _)| folder)
}

/// The path of a file's module below the crate's root.
fn module_of(file: &str) -> Vec<String> {
    let mut path: Vec<String> = file.trim_end_matches(".rs").split('/').map(String::from).collect();
    let is_folders_own = path.last().is_some_and(|last| last == "mod");
    let is_root = matches!(path.as_slice(), [only] if ROOTS.contains(&only.as_str()));
    if is_folders_own || is_root {
        path.pop();
    }
    path
}

fn collect(folder: &Path, prefix: &str, texts: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), texts)?;
        } else if name.ends_with(".rs") {
            texts.push((name, fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}

/// What a module says of names.
#[derive(Default)]
struct Module {
    file: usize,
    /// What is defined here.
    items: HashSet<String>,
    /// Names that are brought in, with their paths.
    uses: HashMap<String, Vec<String>>,
    /// Paths of which all names are brought in.
    globs: Vec<Vec<String>>,
}

/// All modules, by their paths below the crate's root.
#[derive(Default)]
struct Modules {
    by_path: HashMap<Vec<String>, Module>,
    /// The paths of those that are for tests.
    tests: Vec<Vec<String>>,
}

/// A path that a file names.
struct Named {
    /// Where.
    module: Vec<String>,
    line: usize,
    path: Vec<String>,
}

impl Modules {
    /// The file that defines what `path` means in `module`. None for other crates' and for what is in scope in other ways.
    fn resolve(&self, module: &[String], path: &[String], through_root: &mut bool) -> Option<usize> {
        self.follow(module, path, through_root, 0)
    }

    fn follow(&self, module: &[String], path: &[String], through_root: &mut bool, depth: usize) -> Option<usize> {
        let mut here = module.to_vec();
        let mut rest = path;
        let mut is_rooted = false;
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" => here.clear(),
                "self" => {}
                "super" => drop(here.pop()),
                _ => break,
            }
            is_rooted = true;
            rest = others;
        }
        loop {
            let own = self.by_path.get(&here)?;
            let Some((name, others)) = rest.split_first() else { return Some(own.file) };
            let mut child = here.clone();
            child.push(name.clone());
            if self.by_path.contains_key(&child) {
                (here, rest, is_rooted) = (child, others, true);
                continue;
            }
            if own.items.contains(name) {
                return Some(own.file);
            }
            // Twenty names that stand for each other are a circle of another kind.
            if depth < 20 {
                let mut through = false;
                if let Some(found) = own.uses.get(name) {
                    let whole: Vec<String> = found.iter().chain(others).cloned().collect();
                    let to = self.follow(&here, &whole, &mut through, depth + 1);
                    *through_root |= to.is_some() && here.is_empty() && module != here;
                    return to;
                }
                for glob in &own.globs {
                    let whole: Vec<String> = glob.iter().chain(rest).cloned().collect();
                    if let Some(to) = self.follow(&here, &whole, &mut through, depth + 1) {
                        return Some(to);
                    }
                }
            }
            // An item that a macro makes, or one of those that every module has.
            return is_rooted.then_some(own.file).filter(|_| depth == 0);
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
enum Token {
    Word(String),
    /// `::`
    Colons,
    Mark(char),
}

/// Goes through the tokens of a file.
struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    /// The module at this place: the file's, or one within it.
    module: Vec<String>,
    /// Depths of braces at which modules within the file end.
    ends: Vec<usize>,
    depth: usize,
}

/// A name that is handed on, and where its line is among the tokens.
struct Export {
    name: String,
    tokens: std::ops::Range<usize>,
    named: Named,
}

impl Parser {
    fn new(text: &str, module: Vec<String>) -> Parser {
        Parser { tokens: tokens(text), at: 0, module, ends: Vec::new(), depth: 0 }
    }

    /// Enters the file's modules, and answers the paths that it names.
    fn parse(mut self, file: usize, modules: &mut Modules) -> Vec<Named> {
        modules.by_path.entry(self.module.clone()).or_default().file = file;
        let (mut found, mut exports, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        while self.at < self.tokens.len() {
            let start = self.at;
            match self.token(0) {
                Token::Mark('#') if self.is_for_tests() => {
                    self.skip_item(modules);
                    skipped.push(start..self.at);
                }
                Token::Mark('{') => {
                    self.depth += 1;
                    self.at += 1;
                }
                Token::Mark('}') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.ends.last() == Some(&self.depth) {
                        self.ends.pop();
                        self.module.pop();
                    }
                    self.at += 1;
                }
                Token::Word(word) => match (word.as_str(), self.token(1), self.token(2)) {
                    ("mod", Token::Word(name), Token::Mark('{')) => {
                        self.module.push(name);
                        modules.by_path.entry(self.module.clone()).or_default().file = file;
                        self.ends.push(self.depth);
                        self.depth += 1;
                        self.at += 3;
                    }
                    ("use", Token::Word(_) | Token::Colons | Token::Mark('{'), _) => {
                        self.read_use(modules, &mut found, &mut exports);
                    }
                    (
                        "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union",
                        Token::Word(name),
                        _,
                    ) => {
                        if let Some(module) = modules.by_path.get_mut(&self.module) {
                            module.items.insert(name);
                        }
                        self.at += 1;
                    }
                    (_, Token::Colons, _) => self.read_path(&mut found),
                    _ => self.at += 1,
                },
                _ => self.at += 1,
            }
        }
        for export in exports {
            let is_use = |place: usize| {
                let word = matches!(&self.tokens[place].0, Token::Word(word) if *word == export.name);
                word && !export.tokens.contains(&place) && !skipped.iter().any(|tests| tests.contains(&place))
            };
            if (0..self.tokens.len()).any(is_use) {
                found.push(export.named);
            }
        }
        found
    }

    fn token(&self, ahead: usize) -> Token {
        self.tokens.get(self.at + ahead).map_or(Token::Mark(' '), |(token, _)| token.clone())
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |(_, line)| *line)
    }

    /// Whether an attribute begins here without which the item is not there in tests alone: `#[cfg(test)]` or `#[test]`.
    fn is_for_tests(&self) -> bool {
        let words = |token: &Token| match token {
            Token::Word(word) => word.clone(),
            Token::Colons => "::".into(),
            Token::Mark(mark) => mark.to_string(),
        };
        let end = self.tokens.len().min(self.at + 8);
        let text: String = self.tokens[self.at..end].iter().map(|(token, _)| words(token)).collect();
        ["#[cfg(test)]", "#[cfg(all(test", "#[test]"].iter().any(|start| text.starts_with(start))
    }

    /// Passes over attributes and the item behind them, to its `;` or its closing brace.
    fn skip_item(&mut self, modules: &mut Modules) {
        let mut depth = 0_usize;
        while self.at < self.tokens.len() {
            match (self.token(0), self.token(1), self.token(2)) {
                (Token::Word(word), Token::Word(name), Token::Mark(';')) if depth == 0 && word == "mod" => {
                    modules.tests.push(self.module.iter().cloned().chain([name]).collect());
                }
                (Token::Mark('{' | '[' | '('), ..) => depth += 1,
                (Token::Mark(close @ ('}' | ']' | ')')), ..) => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 && close == '}' {
                        self.at += 1;
                        return;
                    }
                }
                (Token::Mark(';'), ..) if depth == 0 => {
                    self.at += 1;
                    return;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// A path in the code.
    fn read_path(&mut self, found: &mut Vec<Named>) {
        let line = self.line();
        let is_inner = self.at > 0 && matches!(self.tokens[self.at - 1].0, Token::Colons | Token::Mark('.'));
        let mut path = Vec::new();
        while let Token::Word(word) = self.token(0) {
            path.push(word);
            self.at += 1;
            if self.token(0) != Token::Colons || !matches!(self.token(1), Token::Word(_)) {
                break;
            }
            self.at += 1;
        }
        if !is_inner {
            found.push(Named { module: self.module.clone(), line, path });
        }
    }

    /// A line that brings names in.
    fn read_use(&mut self, modules: &mut Modules, found: &mut Vec<Named>, exports: &mut Vec<Export>) {
        let before = self.at.checked_sub(1).map(|before| self.tokens[before].0.clone());
        let is_export =
            matches!(before, Some(Token::Mark(')'))) || matches!(before, Some(Token::Word(word)) if word == "pub");
        let start = self.at;
        self.at += 1;
        let mut leaves = Vec::new();
        self.read_tree(&[], &mut leaves);
        let tokens = start..self.at;
        let Some(module) = modules.by_path.get_mut(&self.module) else { return };
        for (line, name, path) in leaves {
            let named = Named { module: self.module.clone(), line, path: path.clone() };
            if name == "*" {
                module.globs.push(path);
                found.push(named);
                continue;
            }
            if name != "_" {
                module.uses.insert(name.clone(), path);
            }
            if is_export && name != "_" {
                exports.push(Export { name, tokens: tokens.clone(), named });
            } else {
                found.push(named);
            }
        }
    }

    /// One branch of such a line: `a::b`, `a::{..}`, `a as b`, `a::*`.
    fn read_tree(&mut self, prefix: &[String], leaves: &mut Vec<(usize, String, Vec<String>)>) {
        let mut path = prefix.to_vec();
        let line = self.line();
        loop {
            match self.token(0) {
                Token::Word(word) if word == "as" => {
                    if let Token::Word(name) = self.token(1) {
                        leaves.push((line, name, path));
                    }
                    self.at += 2;
                    return;
                }
                Token::Word(word) => {
                    // `a::{self}` is `a`.
                    if word != "self" || path.is_empty() {
                        path.push(word);
                    }
                    self.at += 1;
                }
                Token::Colons => self.at += 1,
                Token::Mark('*') => {
                    self.at += 1;
                    leaves.push((line, "*".into(), path));
                    return;
                }
                Token::Mark('{') => {
                    self.at += 1;
                    while self.token(0) != Token::Mark('}') && self.at < self.tokens.len() {
                        self.read_tree(&path, leaves);
                        if self.token(0) == Token::Mark(',') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                _ => {
                    if let Some(name) = path.last().cloned() {
                        leaves.push((line, name, path));
                    }
                    // The `;`, or the `,` or `}` of whoever reads the braces.
                    if self.token(0) == Token::Mark(';') {
                        self.at += 1;
                    }
                    return;
                }
            }
        }
    }
}

/// The tokens of a text with their lines; comments, strings and lifetimes are left out.
fn tokens(text: &str) -> Vec<(Token, usize)> {
    let chars: Vec<char> = text.chars().collect();
    let get = |at: usize| chars.get(at).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let start = at;
        match (get(at), get(at + 1)) {
            ('/', '/') => at = end_of(&chars, at, |at| get(at) == '\n'),
            ('/', '*') => {
                let mut depth = 0;
                loop {
                    match (get(at), get(at + 1)) {
                        ('/', '*') => (depth, at) = (depth + 1, at + 2),
                        ('*', '/') => (depth, at) = (depth - 1, at + 2),
                        _ => at += 1,
                    }
                    if depth == 0 || at >= chars.len() {
                        break;
                    }
                }
            }
            ('"', _) => at = end_of_string(&chars, at),
            ('\'', '\\') => at = end_of(&chars, at + 3, |at| get(at) == '\'') + 1,
            ('\'', _) if get(at + 2) == '\'' => at += 3,
            ('\'', _) => at = end_of(&chars, at + 1, |at| !is_word(get(at))),
            (':', ':') => {
                tokens.push((Token::Colons, line));
                at += 2;
            }
            (first, _) if is_word(first) => {
                at = end_of(&chars, at, |at| !is_word(get(at)));
                let word: String = chars[start..at].iter().collect();
                let is_prefix = matches!(word.as_str(), "b" | "c" | "r" | "br" | "cr");
                if is_prefix && get(at) == '"' && !word.ends_with('r') {
                    at = end_of_string(&chars, at);
                } else if is_prefix && word.ends_with('r') && matches!(get(at), '"' | '#') {
                    let hashes = end_of(&chars, at, |at| get(at) != '#') - at;
                    at += hashes;
                    if get(at) == '"' {
                        let closes = |at: usize| get(at) == '"' && (1..=hashes).all(|n| get(at + n) == '#');
                        at = end_of(&chars, at + 1, closes) + 1 + hashes;
                    }
                } else if !first.is_ascii_digit() {
                    tokens.push((Token::Word(word), line));
                }
            }
            (mark, _) => {
                if !mark.is_whitespace() {
                    tokens.push((Token::Mark(mark), line));
                }
                at += 1;
            }
        }
        line += chars[start..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

/// The first place from `at` on that is the end, or that of the text.
fn end_of(chars: &[char], at: usize, is_end: impl Fn(usize) -> bool) -> usize {
    (at..chars.len()).find(|at| is_end(*at)).unwrap_or(chars.len())
}

/// The place behind the string that begins at `at`.
fn end_of_string(chars: &[char], mut at: usize) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}
