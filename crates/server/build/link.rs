//! Joins the modules of the page into one, for those who load it over a slow network.
//!
//! It knows the imports and exports that the page is written with, and refuses every other: `import { a, b as c } from "./x.js"`,
//! `import "./x.js"`, `export` before a `const`, `function` or `class`, and `export { a } from "./x.js"`. Each module becomes a
//! function that is called once, behind those it imports; so names stay its own, and nothing in its text is renamed. What an
//! import in both directions would need, a name that changes later, is refused as well.

#[path = "scan.rs"]
mod scan;

use std::collections::HashMap;

use scan::Line;

struct Linker<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    /// Which modules are joined already, and as what.
    names: HashMap<String, String>,
    /// Modules that wait for those they import, the first at the front.
    under_way: Vec<String>,
    joined: String,
}

/// The module at `entry` and all that it imports as one script without imports. `read` gives the text at an absolute path. Errors
/// name the module and what it does.
pub fn link(entry: &str, read: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut linker =
        Linker { read, names: HashMap::new(), under_way: Vec::new(), joined: String::new() };
    linker.add(entry)?;
    Ok(linker.joined)
}

/// A text without comments, indent and empty lines, for a script that is no module.
pub fn condense(source: &str) -> Result<String, String> {
    let lines = scan::lines(source)?;
    Ok(lines.iter().fold(String::new(), |text, line| text + &line.text + "\n"))
}

impl Linker<'_> {
    /// The name under which what `path` exports can be had.
    fn add(&mut self, path: &str) -> Result<String, String> {
        if let Some(name) = self.names.get(path) {
            return Ok(name.clone());
        }
        if self.under_way.iter().any(|waiting| waiting == path) {
            return Err(format!(
                "{} import each other, and {path} again",
                self.under_way.join(", ")
            ));
        }
        let source = (self.read)(path).ok_or_else(|| format!("there is no module at {path}"))?;
        self.under_way.push(path.to_owned());
        let module = self.module(path, &source).map_err(|error| {
            if error.starts_with('/') { error } else { format!("{path}: {error}") }
        })?;
        self.under_way.pop();
        let name = format!("$m{}", self.names.len());
        self.joined.push_str(&format!("const {name} = (() => {{\n{module}}})();\n"));
        self.names.insert(path.to_owned(), name.clone());
        Ok(name)
    }

    /// The inside of the function that a module becomes.
    fn module(&mut self, path: &str, source: &str) -> Result<String, String> {
        let mut body = String::new();
        let mut exports = Vec::new();
        let mut lines = scan::lines(source)?.into_iter();
        while let Some(Line { mut text, top }) = lines.next() {
            let list = text.starts_with("import") || text.starts_with("export {");
            if top && list {
                while !text.ends_with(';') {
                    let more =
                        lines.next().ok_or_else(|| format!("`{text}` does not end in `;`"))?;
                    text = format!("{text} {}", more.text);
                }
                self.foreign(path, &text, &mut body, &mut exports)?;
            } else if let Some(exported) = text.strip_prefix("export ").filter(|_| top) {
                exports.push(declared(exported).ok_or_else(|| unknown(&text))?.to_owned());
                body.push_str(exported);
                body.push('\n');
            } else if text.contains("import(")
                || text.contains("import.meta")
                || (top && text.starts_with("await "))
            {
                return Err(unknown(&text));
            } else {
                body.push_str(&text);
                body.push('\n');
            }
        }
        Ok(format!("{body}return {{ {} }};\n", exports.join(", ")))
    }

    /// An `import`, or an `export` of what another module has.
    fn foreign(
        &mut self,
        path: &str,
        statement: &str,
        body: &mut String,
        exports: &mut Vec<String>,
    ) -> Result<(), String> {
        let refused = || unknown(statement);
        let (names, from) = match statement.strip_prefix("import \"") {
            Some(from) => (None, from),
            None => {
                let (head, from) = statement.split_once("} from \"").ok_or_else(refused)?;
                (Some(head), from)
            }
        };
        let from = from.strip_suffix("\";").ok_or_else(refused)?;
        let module = self.add(&resolve(path, from).ok_or_else(refused)?)?;
        let Some(names) = names else { return Ok(()) };
        if let Some(names) = names.strip_prefix("import {") {
            let names = renamed(names).map(|(theirs, ours)| {
                if theirs == ours { ours.to_owned() } else { format!("{theirs}: {ours}") }
            });
            body.push_str(&format!(
                "const {{ {} }} = {module};\n",
                names.collect::<Vec<_>>().join(", ")
            ));
        } else {
            let names = names.strip_prefix("export {").ok_or_else(refused)?;
            exports
                .extend(renamed(names).map(|(theirs, ours)| format!("{ours}: {module}.{theirs}")));
        }
        Ok(())
    }
}

/// `a, b as c` as pairs of what it is called there and here.
fn renamed(names: &str) -> impl Iterator<Item = (&str, &str)> {
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| name.split_once(" as ").unwrap_or((name, name)))
}

/// The name that a declaration gives to what never changes.
fn declared(declaration: &str) -> Option<&str> {
    let rest = ["const ", "function ", "async function ", "class "]
        .iter()
        .find_map(|keyword| declaration.strip_prefix(keyword))?;
    let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).next()?;
    (!name.is_empty()).then_some(name)
}

/// The absolute path of what a module at `path` calls `relative`.
fn resolve(path: &str, relative: &str) -> Option<String> {
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    if !relative.starts_with("./") && !relative.starts_with("../") {
        return None;
    }
    for part in relative.split('/') {
        match part {
            "." => {}
            ".." => drop(folders.pop()?),
            name => folders.push(name),
        }
    }
    Some(folders.join("/"))
}

fn unknown(statement: &str) -> String {
    format!(
        "`{statement}` is not among the imports and exports that can be joined (crates/server/build/link.rs)"
    )
}
