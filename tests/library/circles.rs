//! A test that the files of the library do not use each other in circles, neither directly nor by way of other files.
//! Each file can then be understood from the files that it uses.
//!
//! A file in the folder of a module is a part of that module. It may use what the module defines, and the module uses
//! its parts; the two are read together. What a part takes from another part is followed, even if it takes it by a name
//! that the module has for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::architecture::sources;

/// The words of a path. A module has the words from the root of the library, `lib.rs` none.
type Words = Vec<String>;

/// One name that a `use` brings in, or hands on if it is public.
struct Import {
    name: String,
    path: Words,
    public: bool,
}

/// A file of the library.
struct File {
    imports: Vec<Import>,
    /// The text without its `use` statements.
    code: String,
}

struct Library(BTreeMap<Words, File>);

impl Library {
    /// Reads files, each given as its path without ending and its text.
    fn new(sources: impl IntoIterator<Item = (String, String)>) -> Self {
        let module = |file: &str| file.split('/').filter(|word| *word != "lib").map(str::to_owned).collect();
        Self(sources.into_iter().map(|(file, text)| (module(&file), File::new(&file, &text))).collect())
    }

    /// Returns the module that a path leads to, from a file of it. `None` if it leads out of the library.
    fn definition(&self, from: &[String], path: &[String]) -> Option<Words> {
        let path = self.absolute(from, path)?;
        let len = (0..=path.len()).rev().find(|len| self.0.contains_key(&path[..*len]))?;
        let (module, rest) = path.split_at(len);
        let imported = rest.first().and_then(|name| self.import(module, name));
        let further = imported.and_then(|import| self.definition(module, &import.path));
        Some(further.unwrap_or_else(|| module.to_vec()))
    }

    /// Returns the words of a path from the root of the library.
    fn absolute(&self, from: &[String], path: &[String]) -> Option<Words> {
        let up = path.iter().take_while(|word| *word == "super").count();
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([from, &path[1..]].concat()),
            "super" => Some([from.get(..from.len().checked_sub(up)?)?, &path[up..]].concat()),
            _ if self.0.contains_key(&[from, &path[..1]].concat()) => Some([from, path].concat()),
            first => {
                let import = self.import(from, first)?;
                self.absolute(from, &[&import.path, &path[1..]].concat())
            }
        }
    }

    fn import(&self, module: &[String], name: &str) -> Option<&Import> {
        self.0.get(module)?.imports.iter().find(|import| import.name == name && import.path[0] != name)
    }

    /// Returns the files that a file uses. Its own folder's module is left out.
    fn uses(&self, module: &Words) -> BTreeSet<Words> {
        let file = &self.0[module];
        // A name that is only handed on is not used here.
        let used = file.imports.iter().filter(|import| !import.public || has_word(&file.code, &import.name));
        let paths = used.map(|import| import.path.clone()).chain(paths(&file.code));
        paths
            .filter_map(|path| self.definition(module, &path))
            .filter(|used| !module.starts_with(used))
            .collect()
    }

    /// Returns the files that use themselves by way of others.
    fn circles(&self) -> Vec<String> {
        let uses: BTreeMap<&Words, BTreeSet<Words>> =
            self.0.keys().map(|module| (module, self.uses(module))).collect();
        let returns = |start: &&Words| {
            let (mut reached, mut next) = (BTreeSet::new(), vec![*start]);
            while let Some(module) = next.pop() {
                next.extend(uses[module].iter().filter(|used| reached.insert(*used)));
            }
            reached.contains(*start)
        };
        self.0.keys().filter(returns).map(|module| module.join("/")).collect()
    }
}

impl File {
    fn new(file: &str, text: &str) -> Self {
        let (mut imports, mut code) = (Vec::new(), String::new());
        for statement in text.split_inclusive(';') {
            let start = statement.rfind("use ").filter(|at| {
                let before = &statement[..*at];
                statement.ends_with(';') && !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
            });
            let Some(start) = start else {
                code.push_str(statement);
                continue;
            };
            let (before, tree) = (&statement[..start], &statement[start + "use ".len()..statement.len() - 1]);
            let public = before.trim_end().ends_with("pub") || before.trim_end().ends_with(')');
            code.push_str(before);
            let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(!tree.contains('*'), "{file}: `use {tree}`: name what is used, for this test to read");
            expand(&tree, &[], public, &mut imports);
        }
        Self { imports, code }
    }
}

/// Writes out the groups of a `use`: `a::{b, c::{d}}` brings in `a::b` and `a::c::d`.
fn expand(tree: &str, before: &[String], public: bool, imports: &mut Vec<Import>) {
    let Some((start, rest)) = tree.split_once('{') else {
        let (path, renamed) = tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name)));
        let mut path = [before, &words(path)].concat();
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let Some(last) = path.last() else { return };
        imports.push(Import { name: renamed.unwrap_or(last).trim().to_owned(), path, public });
        return;
    };
    let before = [before, &words(start)].concat();
    let inside = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    let mut level = 0;
    let parts = inside.split(|c| {
        level += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && level == 0
    });
    parts.for_each(|part| expand(part.trim(), &before, public, imports));
}

fn words(path: &str) -> Words {
    path.split("::").map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn has_word(text: &str, name: &str) -> bool {
    text.split(|c| !of_name(c)).any(|word| word == name)
}

/// Returns every path of two words or more.
fn paths(code: &str) -> impl Iterator<Item = Words> {
    let chains = code.split(|c| !of_name(c) && c != ':');
    chains.map(|chain| words(chain.trim_matches(':'))).filter(|path| path.len() > 1)
}

#[test]
fn no_file_uses_one_that_uses_it() {
    let in_library = |file: &str| !["main", "cli", "commands"].contains(&file.split('/').next().unwrap());
    let library = Library::new(sources().into_iter().filter(|(file, _)| in_library(file)));
    let circles = library.circles();
    assert!(circles.is_empty(), "files in circles: {circles:#?}");
}

/// In each row `a` uses `b` in another way, and `b` uses `a`.
#[test]
fn a_circle_is_found_however_a_file_uses_the_other() {
    for (a, room) in [
        ("use crate::room::b::B;", ""),
        ("use super::b::B;", ""),
        ("use super::b;", ""),
        ("use super::b::{self, B};", ""),
        ("use crate::{room::{b::B}};", ""),
        ("use super::b::B as Other;", ""),
        ("fn f() { crate::room::b::f() }", ""),
        ("fn f() { super::b::f() }", ""),
        ("use super::B;", "pub use b::B;"),
        ("use crate::room::Other;", "pub use self::b::B as Other;"),
        ("use super::B;", "use b::B;"),
        ("fn f() -> super::B { }", "use b::B;"),
        ("fn f() { super::other::f() }", "use b as other;"),
    ] {
        let files = [("lib", "pub mod room;"), ("room", room), ("room/a", a), ("room/b", "use super::a::A;")];
        let library = Library::new(files.map(|(file, text)| (file.to_owned(), text.to_owned())));
        assert_eq!(library.circles(), ["room/a", "room/b"], "a: {a} room: {room}");
    }
}

/// In each row `tally` uses its own part `tally/leg`, which uses `judge`, which uses `tally`.
#[test]
fn a_circle_by_way_of_a_part_is_found() {
    for tally in ["use leg::Leg;", "fn f() -> leg::Leg { }", "pub use leg::Leg;\nfn f() -> Leg { }"] {
        let files = [
            ("tally", tally),
            ("tally/leg", "use crate::judge::Way;"),
            ("judge", "use crate::tally::Tally;"),
        ];
        let library = Library::new(files.map(|(file, text)| (file.to_owned(), text.to_owned())));
        assert_eq!(library.circles(), ["judge", "tally", "tally/leg"], "{tally}");
    }
}

#[test]
fn a_part_may_use_its_module_and_a_name_that_is_only_handed_on_is_not_used() {
    for files in [
        [("room", "use part::A;"), ("room/part", "use super::B;"), ("other", "")],
        // Counted as a use, the name that is handed on would close the circle room, room/part, other.
        [
            ("room", "pub use part::A;"),
            ("room/part", "use crate::other::C;"),
            ("other", "use crate::room::B;"),
        ],
    ] {
        let library = Library::new(files.map(|(file, text)| (file.to_owned(), text.to_owned())));
        assert!(library.circles().is_empty(), "{files:?}");
    }
}
