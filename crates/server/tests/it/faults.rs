//! What is said where there is nothing, or something is refused: a page to people, a line or a problem to programs.

use crate::common::TestServer;
use crate::pages::get;

#[tokio::test]
async fn a_person_reads_about_a_fault_on_a_page_and_a_program_gets_a_line_or_a_problem() {
    for args in [&["--lang", "auto"][..], &["--lang", "auto", "--packed"]] {
        let server = TestServer::start(args).await;
        let browser = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
        let (fa, en) = (
            format!("{browser}Accept-Language: fa\r\n"),
            format!("{browser}Accept-Language: en\r\n"),
        );
        let foreign = |target: &str| {
            format!(
                "GET {target} HTTP/1.1\r\nHost: rebind.example\r\nConnection: close\r\n{en}\r\n"
            )
        };
        for (path, headers, status, texts) in [
            (
                "/nope",
                &fa,
                404,
                ["اینجا چیزی نیست", r#"lang="fa" dir="rtl""#, "there is nothing at /nope"],
            ),
            (
                "/nope",
                &en,
                404,
                ["There is nothing here", r#"lang="en" dir="ltr""#, "there is nothing at /nope"],
            ),
            ("/r/a/b/<b>", &en, 400, ["", "", ""]),
            ("/nope?lang=fa", &en, 404, ["اینجا چیزی نیست", "به صفحهٔ آغاز", r#"href="/""#]),
            (
                "/x%3Cscript%3E'&quot;",
                &en,
                404,
                ["There is nothing here", "&amp;quot;", "/x%3Cscript"],
            ),
            ("/pages/mine.html", &en, 404, ["There is nothing here", "--pages DIR", "start page"]),
            ("/ws?mode=loud", &en, 400, ["cannot be answered", "there is no mode", "broadcast"]),
            ("/api/qr.svg?text=", &fa, 200, ["<svg", "", ""]),
        ] {
            let answer = get(&server, path, headers).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.head);
            for text in texts {
                assert!(answer.body.contains(text), "{path} {text}: {}", answer.body);
            }
            if status == 200 || path.contains('<') {
                continue;
            }
            assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
            assert_eq!(answer.header("vary"), Some("accept, accept-language"), "{path}");
            assert!(answer.header("content-security-policy").is_some(), "{path}");
            let length = answer.body.len().to_string();
            assert_eq!(answer.header("content-length"), Some(length.as_str()), "{path}");
            let shown = answer
                .body
                .split("<h1 ")
                .skip(1)
                .filter(|h1| !h1.split('>').next().unwrap_or_default().ends_with("hidden"));
            assert_eq!(shown.count(), 1, "{path}: {}", answer.body);
        }
        let answer = server.request(&foreign("/")).await;
        assert_eq!(answer.status, 421, "{}", answer.head);
        assert!(
            answer.body.contains("does not answer to this address")
                && answer.body.contains("--host"),
            "{}",
            answer.body
        );
        for (path, headers) in [
            ("/nope", "Accept: */*\r\n"),
            ("/nope", ""),
            ("/nope", "Accept: text/htmlx, text/plain\r\n"),
        ] {
            let answer = get(&server, path, headers).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (404, "there is nothing at /nope\n"),
                "{headers}"
            );
        }
        let problem = get(&server, "/api/rooms/room/nothing", &en).await;
        assert_eq!(problem.status, 404, "{}", problem.head);
        assert!(!problem.body.contains("<html"), "{}", problem.body);
    }
}
