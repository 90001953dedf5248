//! The server's modules stand on floors, and import what is below them alone. The table is the one of `ARCHITECTURE.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The modules of each floor, from the top down: the names before the explanation in the table, between dots.
fn floors() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).expect("a file");
    let (_, table) = text.split_once("## Floors\n").expect("the heading");
    let table = table.split("```").nth(1).expect("the table");
    let names = |line: &str| {
        let names = line.split("  ").next().unwrap_or_default();
        names.split(" · ").map(|name| name.trim().trim_end_matches('/').to_owned()).collect()
    };
    table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("hamhame-"))
        .map(names)
        .collect()
}

/// What files import of each other, by the names of modules as `net/tls/certificate`. Between a module and what is in its own
/// folder there is nothing to be said: the one is the face of the other.
struct Imports(BTreeMap<String, BTreeSet<String>>);

impl Imports {
    fn of(name: &str) -> Imports {
        let mut sources = BTreeMap::new();
        collect(&Path::new(ROOT).join("crates").join(name).join("src"), "", &mut sources);
        let files: BTreeSet<String> = sources.keys().cloned().collect();
        let imports = sources.iter().map(|(module, source)| {
            let mut imported = BTreeSet::new();
            for path in paths(source) {
                let absolute = match path.split_once("::") {
                    Some(("crate", rest)) => rest.replace("::", "/"),
                    Some(("super", rest)) => {
                        let folder = module.rsplit_once('/').map_or("", |(folder, _)| folder);
                        format!("{folder}/{}", rest.replace("::", "/"))
                    }
                    _ => continue,
                };
                let file = |path: &str| files.contains(path).then(|| path.to_owned());
                let prefixes = std::iter::successors(Some(absolute.as_str()), |path| {
                    path.rsplit_once('/').map(|(folder, _)| folder)
                });
                imported.extend(prefixes.into_iter().find_map(file));
            }
            imported.retain(|other| {
                let is_within = |one: &str, folder: &str| {
                    one.strip_prefix(folder)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                !is_within(module, other) && !is_within(other, module)
            });
            (module.clone(), imported)
        });
        Imports(imports.collect())
    }

    /// A way from a module to itself.
    fn circle(&self) -> Option<Vec<&str>> {
        let mut done = BTreeSet::new();
        self.0.keys().find_map(|module| self.search(module, &mut Vec::new(), &mut done))
    }

    fn search<'a>(
        &'a self,
        module: &'a str,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<&'a str>> {
        if let Some(begin) = way.iter().position(|passed| *passed == module) {
            return Some(way[begin..].to_vec());
        }
        if !done.insert(module) {
            return None;
        }
        way.push(module);
        let found = self.0[module].iter().find_map(|next| self.search(next, way, done));
        way.pop();
        found
    }
}

/// The text of each module but for comments and tests.
fn collect(folder: &Path, name: &str, sources: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let file = entry.file_name().into_string().expect("a plain name");
        let module = |part: &str| {
            if name.is_empty() { part.to_owned() } else { format!("{name}/{part}") }
        };
        if entry.path().is_dir() {
            collect(&entry.path(), &module(&file), sources);
        } else if let Some(stem) = file.strip_suffix(".rs") {
            let source = std::fs::read_to_string(entry.path()).expect("text");
            let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let lines = source.lines().map(|line| line.split("//").next().unwrap_or_default());
            let module = if stem == "mod" { name.to_owned() } else { module(stem) };
            sources.insert(module, lines.collect::<Vec<_>>().join("\n"));
        }
    }
}

/// All paths of a source that begin with `crate::` or `super::`, with what is in braces written out.
fn paths(source: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for begin in ["crate::", "super::"] {
        for (at, _) in source.match_indices(begin) {
            let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            let rest = &source[at..];
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (head, tail) = rest.split_at(end);
            match tail.strip_prefix('{').and_then(|list| list.split_once("};")) {
                Some((list, _)) if head.ends_with("::") => {
                    let names = list.split([',', '{', '}']).map(str::trim);
                    paths.extend(
                        names.filter(|name| !name.is_empty()).map(|name| format!("{head}{name}")),
                    );
                }
                _ => paths.push(head.trim_end_matches(':').to_owned()),
            }
        }
    }
    paths
}

#[test]
fn modules_import_what_is_below_them_alone() {
    let floors = floors();
    let floor = |module: &str| {
        let name = module.split('/').next().unwrap_or_default();
        let row = floors.iter().position(|row| row.iter().any(|other| other == name));
        row.unwrap_or_else(|| panic!("{name} is on no floor of ARCHITECTURE.md"))
    };
    let imports = Imports::of("server");
    assert!(imports.0.values().map(BTreeSet::len).sum::<usize>() > 200, "the imports are seen");
    for (module, imported) in &imports.0 {
        for other in imported {
            let is_same = module.split('/').next() == other.split('/').next();
            assert!(
                is_same || floor(module) < floor(other),
                "{module} imports {other}, which is not below it; ARCHITECTURE.md, \"Floors\""
            );
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for name in ["core", "ws", "server", "chat", "bench"] {
        assert_eq!(Imports::of(name).circle(), None, "these of crates/{name} import each other");
    }
}

#[test]
fn every_floor_of_the_table_is_there() {
    let imports = Imports::of("server");
    for name in floors().into_iter().flatten() {
        let is_here = |module: &String| module.split('/').next() == Some(&name);
        assert!(imports.0.keys().any(is_here), "ARCHITECTURE.md names {name}, which is no module");
    }
}
