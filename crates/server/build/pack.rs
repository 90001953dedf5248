//! The page as it is served by a release build.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::document::{Document, Door, Language, attribute};
use crate::{link, tree};

/// What `--lang` can say, as the page is told it.
const PRESETS: [&str; 3] = ["fa", "en", "auto"];

/// A file to be embedded.
pub struct File {
    /// Its path in an address; a page has a name instead.
    pub path: String,
    kind: &'static str,
    /// Its name says what is in it.
    immutable: bool,
    bytes: Vec<u8>,
}

struct Packer<'a> {
    root: &'a Path,
    files: Vec<File>,
    /// The names that say what is in a file, by its path in `web/` between quotes.
    renamed: BTreeMap<String, String>,
}

/// All files of the page. The error says what stands in the way.
pub fn pack(root: &Path) -> Result<Vec<File>, String> {
    let mut packer = Packer { root, files: Vec::new(), renamed: BTreeMap::new() };
    let paths = tree::files(root);
    for path in &paths {
        if path.starts_with("icons/") || path.starts_with("fonts/") || path == "favicon.svg" {
            let bytes = packer.bytes(path)?;
            packer.add_named(path, bytes);
        }
    }
    // The SDK is for other pages as well, who ask for its modules by their names.
    for path in paths.iter().filter(|path| path.starts_with("sdk/") || *path == "favicon.svg") {
        let bytes = packer.bytes(path)?;
        packer.add(format!("/{path}"), bytes, false);
    }
    let manifest = packer.renaming(packer.text("manifest.webmanifest")?);
    packer.add("/manifest.webmanifest".into(), manifest.clone().into_bytes(), false);
    packer.add_named("manifest.webmanifest", manifest.into_bytes());
    packer.pages()?;
    Ok(packer.files)
}

impl Packer<'_> {
    fn bytes(&self, path: &str) -> Result<Vec<u8>, String> {
        let file = self.root.join(path.trim_start_matches('/'));
        std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))
    }

    fn text(&self, path: &str) -> Result<String, String> {
        String::from_utf8(self.bytes(path)?).map_err(|_| format!("{path} is not UTF-8"))
    }

    /// A text in which the files that have other names here are called by them.
    fn renaming(&self, text: String) -> String {
        let names = self.renamed.iter();
        names.fold(text, |text, (path, name)| text.replace(path, name))
    }

    fn add(&mut self, path: String, bytes: Vec<u8>, immutable: bool) {
        let kind = tree::content_type(&path);
        self.files.push(File { path, kind, immutable, bytes });
    }

    /// Adds a file under a name with its hash, and gives that name.
    fn add_named(&mut self, path: &str, bytes: Vec<u8>) -> String {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
        let named =
            format!("/assets/{stem}.{}.{ending}", &tree::tag(&Sha256::digest(&bytes))[..12]);
        self.renamed.insert(format!("\"/{path}\""), format!("\"{named}\""));
        self.add(named.clone(), bytes, true);
        named
    }

    /// The pages of `index.html` and `fault.html`, and what they load.
    fn pages(&mut self) -> Result<(), String> {
        let root = self.root;
        let read =
            |path: &str| std::fs::read_to_string(root.join(path.trim_start_matches('/'))).ok();
        let document = Document::read("index.html", &read)?;
        let fault = Document::read("fault.html", &read)?;
        let markup = self.text("index.html")?;
        let mut styles = String::new();
        for tag in markup.split('<').filter(|tag| attribute(tag, "rel") == Some("stylesheet")) {
            styles.push_str(&condense_css(&self.text(attribute(tag, "href").unwrap_or_default())?));
        }
        let style = self.add_named("ui/page.css", self.renaming(styles).into_bytes());
        let script = self.renaming(link::link("/ui/main.js", &read)?);
        let boot = self.renaming(link::condense(&self.text("ui/boot.js")?)?);
        self.add_named("ui/main.js", script.into_bytes());
        self.add_named("ui/boot.js", boot.into_bytes());
        let worker = self.renaming(link::condense(&self.text("ui/worker.js")?)?);
        self.add_named("ui/worker.js", worker.into_bytes());
        for preset in PRESETS {
            for language in Language::ALL {
                for door in [Door::Start, Door::Room] {
                    let page = self.renaming(document.fill(language, door.code(), preset)?);
                    let path = format!("{}:{}:{preset}.html", door.code(), language.code());
                    self.add(path, one_style(&page, &style).into_bytes(), false);
                }
                let page = self.renaming(fault.fill(language, "", preset)?);
                let path = format!("fault:{}:{preset}.html", language.code());
                self.add(path, one_style(&page, &style).into_bytes(), false);
            }
        }
        Ok(())
    }
}

/// The page with one style sheet in the place of the first of many.
fn one_style(page: &str, style: &str) -> String {
    let mut first = true;
    let mut lines = String::new();
    for line in page.lines() {
        if attribute(line, "rel") != Some("stylesheet") {
            lines.push_str(line);
            lines.push('\n');
        } else if std::mem::take(&mut first) {
            let _ = writeln!(lines, "<link rel=\"stylesheet\" href=\"{style}\">");
        }
    }
    lines
}

/// Styles without comments, indent and empty lines.
fn condense_css(styles: &str) -> String {
    let mut text = String::new();
    let mut parts = styles.split("/*");
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        text.push_str(part.split_once("*/").map_or("", |(_, behind)| behind));
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// Writes the files, and the table that the server includes.
pub fn write(files: &[File], out: &Path, thorough: bool) {
    let mut table = String::from("&[\n");
    for (index, file) in files.iter().enumerate() {
        let keep = |coding: &str, bytes: &[u8]| {
            let path = out.join(format!("{index}.{coding}"));
            std::fs::write(&path, bytes).expect("OUT_DIR can be written");
            format!("include_bytes!({path:?})")
        };
        let shorter = |coding: &str, bytes: Vec<u8>| {
            // Pictures and fonts are compressed as they are.
            if bytes.len() < file.bytes.len() / 20 * 19 {
                format!("Some({})", keep(coding, &bytes))
            } else {
                "None".into()
            }
        };
        let _ = writeln!(
            table,
            "Packed {{ path: {:?}, kind: {:?}, immutable: {}, tag: {:?}, plain: {}, gzip: {}, brotli: {} }},",
            file.path,
            file.kind,
            file.immutable,
            tree::tag(&Sha256::digest(&file.bytes)),
            keep("plain", &file.bytes),
            shorter("gz", gzip(&file.bytes, thorough)),
            shorter("br", brotli(&file.bytes, thorough)),
        );
    }
    table.push(']');
    std::fs::write(out.join("packed.rs"), table).expect("OUT_DIR can be written");
}

fn gzip(bytes: &[u8], thorough: bool) -> Vec<u8> {
    let level = flate2::Compression::new(if thorough { 9 } else { 1 });
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn brotli(bytes: &[u8], thorough: bool) -> Vec<u8> {
    let quality = if thorough { 11 } else { 3 };
    let parameters = brotli::enc::BrotliEncoderParams { quality, lgwin: 20, ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &parameters).expect("memory takes it");
    compressed
}
