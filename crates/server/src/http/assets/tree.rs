//! Which files of `web/` make up the page. The build packs them, and a debug build reads them at each request.

use std::path::Path;

/// Folders, and what their files end in; a folder below is one of its own.
const FOLDERS: [(&str, &[&str]); 11] = [
    ("", &["favicon.svg", "manifest.webmanifest", "index.html", "fault.html"]),
    ("icons", &[".png"]),
    ("fonts", &[".woff2"]),
    ("ui", &[".js"]),
    ("ui/css", &[".css"]),
    ("ui/pages", &[".js"]),
    ("ui/state", &[".js"]),
    ("ui/text", &[".js"]),
    ("ui/widgets", &[".js"]),
    ("sdk", &[".js"]),
    ("i18n", &[".js"]),
];

/// The paths of all files of the page, in order, as an address has them but for the first slash.
pub fn files(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for (folder, endings) in FOLDERS {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if endings.iter().any(|ending| name.ends_with(ending)) && entry.path().is_file() {
                files.push(if folder.is_empty() { name } else { format!("{folder}/{name}") });
            }
        }
    }
    files.sort();
    files
}

/// The content type that goes with a path.
pub fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

/// An entity tag without its quotes, from the SHA-256 of a content.
pub fn tag(digest: &[u8]) -> String {
    digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}
