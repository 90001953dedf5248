//! The modules of the page as one script: it does what they do, and what cannot be joined is refused by name.

#[path = "../../build/link.rs"]
mod link;

use std::process::Command;

fn linked(entry: &str, modules: &[(&str, &str)]) -> Result<String, String> {
    let read = |path: &str| {
        modules.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned())
    };
    link::link(entry, &read)
}

/// What a script prints, run by Node.js; nothing where there is none.
fn run(script: &str) -> Option<String> {
    let output = Command::new("node").args(["--input-type=module", "-e", script]).output().ok()?;
    assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn names_stay_their_modules_own_and_each_runs_once_behind_those_it_imports() {
    let script = linked(
        "/ui/main.js",
        &[
            (
                "/ui/main.js",
                "import { say } from \"./say.js\";\nimport {\n  two as deux,\n  ONE,\n} from \"../sdk/index.js\";\nimport \"./loud.js\";\nconst own = \"main\";\nsay(own, ONE, deux());\n",
            ),
            (
                "/ui/say.js",
                "const own = \"say\";\n/** Prints. */\nexport function say(...words) {\n  console.log(own, ...words); // to the console\n}\n",
            ),
            ("/ui/loud.js", "import { say } from \"./say.js\";\nsay(\"loud\");\n"),
            ("/sdk/index.js", "export { ONE, one as two } from \"./numbers.js\";\n"),
            (
                "/sdk/numbers.js",
                "export const ONE = 1;\nexport const one = () => `${ONE}${{ a: `}` }.a}\n  kept`;\n",
            ),
        ],
    );
    let script = script.expect("all of it can be joined");
    assert!(!script.contains("import") && !script.contains("export"), "{script}");
    assert!(!script.contains("Prints") && !script.contains("to the console"), "{script}");
    if let Some(printed) = run(&script) {
        assert_eq!(printed, "say loud\nsay main 1 1}\n  kept\n");
    }
}

#[test]
fn what_looks_like_a_comment_or_a_bracket_in_a_literal_is_neither() {
    let source = r#"
const all = [
  "// no comment", 'it\'s /* none */', `// ${"`" + /[/`"{]\/\/+/.source} /* */`, 8 / 2 / 1, // a comment }
  /* ` */ /\{/.test("{"), /* two
  lines */ "end" /* { */,
];
const after = (4) / 2; const more = all[3] /2/ 1;
console.log(JSON.stringify([...all, after, more]));
"#;
    let condensed = link::condense(source).expect("JavaScript");
    assert!(!condensed.contains("a comment }") && !condensed.contains("two"), "{condensed}");
    if let (Some(plain), Some(short)) = (run(source), run(&condensed)) {
        assert_eq!(plain, short, "{condensed}");
    }
}

#[test]
fn what_cannot_be_joined_is_refused_with_the_module_and_the_line() {
    for (text, expected) in [
        ("import all from \"./b.js\";\n", "/a.js: `import all"),
        ("import * as all from \"./b.js\";\n", "/a.js: `import * as all"),
        ("import { one } from \"elsewhere\";\n", "/a.js: `import { one } from \"elsewhere\""),
        ("import { one } from \"../../up.js\";\n", "/a.js: `import { one }"),
        ("import { one } from \"./c.js\";\n", "there is no module at /c.js"),
        ("import { one } from \"./b.js\"\n", "does not end in `;`"),
        ("const late = import(\"./b.js\");\n", "/a.js: `const late"),
        ("export let changes = 1;\n", "/a.js: `export let"),
        ("export default 1;\n", "/a.js: `export default"),
        ("export * from \"./b.js\";\n", "/a.js: `export *"),
        ("import { back } from \"./circle.js\";\nexport const one = 1;\n", "import each other"),
        ("const text = \"open;\n", "a string does not end"),
        ("const call = (1;\n}\n", "closes"),
        ("const call = (1;\n", "is missing at the end"),
        ("/* never\n", "a comment does not end"),
    ] {
        let modules = [
            ("/a.js", text),
            ("/b.js", "export const one = 1;\n"),
            ("/circle.js", "import { one } from \"./a.js\";\nexport const back = one;\n"),
        ];
        let error = linked("/a.js", &modules).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
        assert!(error.contains("/a.js"), "{text}: {error}");
    }
}

#[test]
fn the_page_can_be_joined_and_is_still_javascript() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web");
    let read = |path: &str| std::fs::read_to_string(format!("{root}{path}")).ok();
    let script = link::link("/ui/main.js", &read).expect("the page's modules can be joined");
    assert!(script.len() > 100_000, "all of them");
    let file = std::env::temp_dir().join(format!("hamhame-linked-{}.mjs", std::process::id()));
    std::fs::write(&file, script).expect("a temporary file");
    if let Ok(output) = Command::new("node").arg("--check").arg(&file).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::remove_file(file).expect("it is there");
}
