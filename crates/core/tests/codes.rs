//! The reference page and the SDK's copy of the codes say what the table says.
//!
//! `UPDATE=1 cargo test -p hamhame-core --test codes` writes both anew.

use std::fmt::Write as _;
use std::path::Path;

use hamhame_core::codes::{CloseCode, ErrorCode, PSEUDO_CLOSE_CODES};

#[test]
fn the_reference_page_is_the_table() {
    compare("docs/reference/codes.md", &page());
}

#[test]
fn the_sdk_has_the_table() {
    compare("web/sdk/codes.js", &module());
}

fn compare(path: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, expected).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{path} is not what the table says: run this test once with UPDATE=1"
    );
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// Every close code and pseudo code, by number: number, name, whether to reconnect, meaning.
fn close_rows() -> Vec<(u16, &'static str, bool, &'static str)> {
    let mut rows: Vec<_> =
        CloseCode::all().iter().map(|c| (c.code(), c.name(), c.reconnect(), c.meaning())).collect();
    rows.extend(PSEUDO_CLOSE_CODES);
    rows.sort_unstable();
    rows
}

fn page() -> String {
    let mut page = String::from(
        "# Codes\n\n<!-- Written from crates/core/src/codes.rs by its tests. Change it there. -->\n\n\
         ## Close codes\n\n\
         The code in the close frame says whether to come back, and its reason is the name. For a code that is not in this\n\
         table: 4000–4499 yes, 4500–4999 no, 1014 and 1015 yes, any other no. 1005 and 1006 never stand in a frame; a client's\n\
         own WebSocket reports them.\n\n\
         | code | name | reconnect | meaning |\n| --- | --- | --- | --- |\n",
    );
    for (code, name, reconnect, meaning) in close_rows() {
        writeln!(page, "| {code} | `{name}` | {} | {meaning} |", yes(reconnect))
            .expect("a string takes all");
    }
    page.push_str(
        "\n## Error codes\n\n\
         `code` in an `error` message, or in an error of the HTTP API. The connection stays open unless a close code is given here.\n\
         An error that says when to come back (`retry_after`) is temporary, and may close with another code.\n\n\
         | code | temporary | closes with | meaning |\n| --- | --- | --- | --- |\n",
    );
    for code in ErrorCode::all() {
        let mut close =
            code.close().map_or_else(|| "–".to_owned(), |close| close.code().to_string());
        let mut temporary = yes(code.temporary()).to_owned();
        if let Some(for_now) = code.close_for_now().filter(|close| Some(*close) != code.close()) {
            close += &format!(", {} with `retry_after`", for_now.code());
            temporary += ", yes with `retry_after`";
        }
        writeln!(page, "| `{}` | {temporary} | {close} | {} |", code.name(), code.message())
            .expect("a string takes all");
    }
    page
}

fn module() -> String {
    let mut module = String::from(
        "// Written from crates/core/src/codes.rs by its tests. Change it there.\n\n\
         /** @typedef {{ name: string, reconnect: boolean, meaning: string }} CloseCode */\n\
         /** @typedef {{ temporary: boolean, close: number | null, message: string }} ErrorCode */\n\n\
         /**\n * Why a connection was closed, by the number in the close frame.\n \
         * @type {Readonly<Record<number, CloseCode>>}\n */\n\
         export const closeCodes = Object.freeze({\n",
    );
    for (code, name, reconnect, meaning) in close_rows() {
        writeln!(
            module,
            "  {code}: {{ name: {name:?}, reconnect: {reconnect}, meaning: {meaning:?} }},"
        )
        .expect("a string takes all");
    }
    module.push_str(
        "});\n\n/**\n * Why something was refused, by `code` of the `error` message.\n \
         * @type {Readonly<Record<string, ErrorCode>>}\n */\n\
         export const errorCodes = Object.freeze({\n",
    );
    for code in ErrorCode::all() {
        let close =
            code.close().map_or_else(|| "null".to_owned(), |close| close.code().to_string());
        let (name, temporary, message) = (code.name(), code.temporary(), code.message());
        writeln!(
            module,
            "  {name}: {{ temporary: {temporary}, close: {close}, message: {message:?} }},"
        )
        .expect("a string takes all");
    }
    module.push_str(
        "});\n\n/**\n * Whether to come back after a close code, in the table or not.\n \
         * @param {number} code\n * @returns {boolean}\n */\n\
         export function mayReconnect(code) {\n  \
           const known = closeCodes[code];\n  \
           if (known) return known.reconnect;\n  \
           return code === 1014 || code === 1015 || (code >= 4000 && code <= 4499);\n}\n",
    );
    module
}
