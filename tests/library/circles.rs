//! A test that the files of the library do not use each other in circles, neither directly nor by way of other files.
//! Each file can then be understood from the files that it uses.

use std::collections::{BTreeMap, BTreeSet};

use crate::architecture::sources;

/// A module, as the words of its path. `lib.rs` has none.
type Module = Vec<String>;

fn module(file: &str) -> Module {
    file.split('/').filter(|word| *word != "lib").map(str::to_owned).collect()
}

/// Returns the paths that a text uses. Groups in braces are written out: `a::{b, c::{d}}` gives `a::b` and `a::c::d`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for statement in
        text.split(';').filter_map(|statement| statement.rsplit_once("use ").map(|(_, rest)| rest))
    {
        expand(&statement.split_whitespace().collect::<String>(), &mut Vec::new(), &mut found);
    }
    for start in ["crate::", "super::"] {
        for (at, _) in text.match_indices(start) {
            let rest = &text[at..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).unwrap_or(rest.len());
            found.push(words(&rest[..end]));
        }
    }
    found
}

fn words(path: &str) -> Vec<String> {
    path.split("::").filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn expand(tree: &str, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let Some((start, rest)) = tree.split_once('{') else {
        // A renamed import, `a as b`, has become `aasb` without the blanks. Only the path before it is then found.
        found.push([before.clone(), words(tree)].concat());
        return;
    };
    let depth = before.len();
    before.extend(words(start));
    let (mut level, mut begin) = (0, 0);
    let inside = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    for (at, c) in inside.char_indices() {
        match c {
            '{' => level += 1,
            '}' => level -= 1,
            ',' if level == 0 => {
                expand(&inside[begin..at], before, found);
                begin = at + 1;
            }
            _ => {}
        }
    }
    if begin < inside.len() {
        expand(&inside[begin..], before, found);
    }
    before.truncate(depth);
}

/// Returns the paths of the names that a module hands on, as in `pub use self::child::Name`.
fn handed_on(text: &str) -> Vec<Vec<String>> {
    let public = text.split(';').filter_map(|statement| {
        let (before, rest) = statement.rsplit_once("use ")?;
        before.trim_end().ends_with([')', 'b']).then_some(rest)
    });
    public.flat_map(|tree| paths(&format!("use {tree};"))).collect()
}

/// Returns the words of a path from the root of the library, `None` for a path of another crate.
fn absolute(from: &Module, path: &[String], modules: &BTreeSet<Module>) -> Option<Vec<String>> {
    let up = path.iter().take_while(|word| *word == "super").count();
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([from, &path[1..]].concat()),
        "super" => Some([from.get(..from.len().checked_sub(up)?)?, &path[up..]].concat()),
        child => {
            let child = [from.clone(), vec![child.to_owned()]].concat();
            modules.contains(&child).then(|| [from, path].concat())
        }
    }
}

/// Returns the module that a name is defined in. Modules that only hand the name on are followed.
fn definition(
    path: &[String],
    modules: &BTreeSet<Module>,
    handed: &BTreeMap<Module, Vec<Vec<String>>>,
) -> Option<Module> {
    let len = (0..=path.len()).rev().find(|len| modules.contains(&path[..*len]))?;
    let (module, name) = (path[..len].to_vec(), path.get(len));
    let further = name.and_then(|name| {
        let on = handed.get(&module)?.iter().find(|on| on.last() == Some(name))?;
        definition(&absolute(&module, on, modules)?, modules, handed)
    });
    Some(further.unwrap_or(module))
}

#[test]
fn no_file_uses_one_that_uses_it() {
    let sources: Vec<(Module, String)> = sources()
        .into_iter()
        .filter(|(file, _)| !["main", "cli", "commands"].contains(&file.split('/').next().unwrap()))
        .map(|(file, text)| (module(&file), text))
        .collect();
    let modules: BTreeSet<Module> = sources.iter().map(|(module, _)| module.clone()).collect();
    let handed: BTreeMap<Module, Vec<Vec<String>>> =
        sources.iter().map(|(module, text)| (module.clone(), handed_on(text))).collect();
    let uses: BTreeMap<&Module, BTreeSet<Module>> = sources
        .iter()
        .map(|(module, text)| {
            let handed_on = &handed[module];
            let used = paths(text).into_iter().filter(|path| !handed_on.contains(path));
            let used = used.filter_map(|path| absolute(module, &path, &modules));
            let used = used.filter_map(|path| definition(&path, &modules, &handed));
            // A file in the folder of a module is a part of it, and may use the names that the module has for its
            // parts.
            (module, used.filter(|used| !module.starts_with(used)).collect())
        })
        .collect();
    let mut circles = Vec::new();
    for start in uses.keys() {
        let (mut reached, mut next) = (BTreeSet::new(), vec![*start]);
        while let Some(module) = next.pop() {
            next.extend(uses[module].iter().filter(|used| reached.insert(*used)));
        }
        if reached.contains(*start) {
            circles.push(start.join("/"));
        }
    }
    assert!(circles.is_empty(), "files in circles: {circles:#?}");
}

#[test]
fn groups_and_names_that_are_handed_on_are_followed() {
    let path = |text: &str| words(text);
    assert_eq!(
        paths("use a::{b, c::{d, e}};\nfn f() { crate::g::h() }"),
        [path("a::b"), path("a::c::d"), path("a::c::e"), path("crate::g::h")]
    );
    let modules: BTreeSet<Module> = ["", "room", "room/inside"].map(module).into_iter().collect();
    let handed = BTreeMap::from([(module("room"), handed_on("pub use inside::Thing;\nuse inside::Hidden;"))]);
    assert_eq!(definition(&path("room::Thing"), &modules, &handed), Some(module("room/inside")));
    assert_eq!(definition(&path("room::Other"), &modules, &handed), Some(module("room")));
}
