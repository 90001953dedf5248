//! `--pages`: a folder of one's own pages beside the rooms, and nothing that is not in it.
use std::path::PathBuf;

use crate::common::{HttpResponse, TestServer};

/// A folder with pages, and beside it what nobody may see.
fn folder(name: &str) -> PathBuf {
    let root =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    let pages = root.join("pages");
    for folder in ["pages/sub", "pages/empty", "pages/.git", "outside"] {
        std::fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    for (file, text) in [
        ("pages/index.html", "<h1>سلام</h1>"),
        ("pages/sub/index.html", "sub"),
        ("pages/sub/app.js", "let x;"),
        ("pages/دو کلمه.txt", "two words"),
        ("pages/.env", "secret"),
        ("pages/.git/config", "secret"),
        ("outside/index.html", "secret"),
        ("outside.txt", "secret"),
    ] {
        std::fs::write(root.join(file), text).expect("a file");
    }
    std::fs::write(root.join("pages/large.bin"), vec![7; 300_000]).expect("a file");
    for (link, target) in
        [("out", "../outside"), ("out.txt", "../outside.txt"), ("in.html", "sub/index.html")]
    {
        std::os::unix::fs::symlink(target, pages.join(link)).expect("a link");
    }
    pages
}

async fn get(server: &TestServer, path: &str) -> HttpResponse {
    server.get(path).await
}

#[tokio::test]
async fn files_of_the_folder_are_served_and_its_index_for_the_folder() {
    let pages = folder("serves");
    let server = TestServer::start(&["--pages", pages.to_str().expect("text")]).await;
    for (path, kind, body) in [
        ("/pages/", "text/html; charset=utf-8", "<h1>سلام</h1>"),
        ("/pages/index.html", "text/html; charset=utf-8", "<h1>سلام</h1>"),
        ("/pages/sub/", "text/html; charset=utf-8", "sub"),
        ("/pages/sub/app.js", "text/javascript; charset=utf-8", "let x;"),
        ("/pages/sub/app.js?v=1", "text/javascript; charset=utf-8", "let x;"),
        ("/pages/in.html", "text/html; charset=utf-8", "sub"),
        (
            "/pages/%D8%AF%D9%88%20%DA%A9%D9%84%D9%85%D9%87.txt",
            "text/plain; charset=utf-8",
            "two words",
        ),
    ] {
        let answer = get(&server, path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{path}");
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        // Its pages have scripts of their own.
        assert_eq!(answer.header("content-security-policy"), None, "{path}");
    }
    for (path, place) in [("/pages", "/pages/"), ("/pages/sub", "/pages/sub/")] {
        let answer = get(&server, path).await;
        assert_eq!((answer.status, answer.header("location")), (308, Some(place)), "{path}");
    }
    let large = get(&server, "/pages/large.bin").await;
    assert_eq!((large.header("content-length"), large.body.len()), (Some("300000"), 300_000));
    // A file that is written anew is served anew.
    std::fs::write(pages.join("index.html"), "new").expect("a file");
    assert_eq!(get(&server, "/pages/").await.body, "new");
    // Our own page is where it was.
    assert!(get(&server, "/").await.header("content-security-policy").is_some());
}

#[tokio::test]
async fn nothing_outside_the_folder_is_served_and_no_list() {
    let pages = folder("hides");
    let server = TestServer::start(&["--pages", pages.to_str().expect("text")]).await;
    for path in [
        "/pages/../outside.txt",
        "/pages/%2e%2e/outside.txt",
        "/pages/..%2foutside.txt",
        "/pages/%2e%2e%2foutside.txt",
        "/pages/sub/../../outside.txt",
        "/pages//etc/passwd",
        "/pages/%2fetc/passwd",
        "/pages/..%5coutside.txt",
        "/pages/out.txt",
        "/pages/out/",
        "/pages/out/index.html",
        "/pages/.env",
        "/pages/.git/config",
        "/pages/%2egit/config",
        "/pages/empty/",
        "/pages/empty",
        "/pages/index.html/",
        "/pages/index.html%00.txt",
        "/pages/nothing",
        "/pages/%ff",
        "/pages/%",
    ] {
        let answer = get(&server, path).await;
        assert!([400, 404].contains(&answer.status), "{path}: {}", answer.head);
        assert!(!answer.body.contains("secret") && !answer.body.contains("root:"), "{path}");
    }
    let none = TestServer::start(&[]).await;
    let answer = get(&none, "/pages/").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("--pages"), "{}", answer.body);
}
