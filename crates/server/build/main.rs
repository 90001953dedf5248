//! Packs the page into the binary: its modules joined, its styles in one file, names that say what is in a file, everything
//! compressed. A debug build does not serve it unless it is told to (`--packed`), and so compresses it in haste.

#[path = "../src/http/assets/document.rs"]
mod document;
mod link;
mod pack;
#[path = "../src/http/assets/tree.rs"]
mod tree;

use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    for part in [
        "index.html",
        "fault.html",
        "favicon.svg",
        "manifest.webmanifest",
        "icons",
        "fonts",
        "ui",
        "sdk",
        "i18n",
    ] {
        let path = root.join(part);
        // A path that is not there would have everything built anew each time.
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/http/assets");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where"));
    let thorough = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    match pack::pack(&root) {
        Ok(files) => pack::write(&files, &out, thorough),
        Err(error) => {
            println!("cargo::error=the page cannot be packed: {error}");
        }
    }
}
