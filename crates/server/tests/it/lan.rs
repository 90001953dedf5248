//! `--lan`: an address that others can open, as text and as a QR code.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::common::within;
use crate::options::{command, file, refusal};

/// What it prints with `--lan` in this language, to the words under the code.
async fn invitation(lang: &str) -> (u16, Vec<String>) {
    let port = {
        let free = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
        free.local_addr().expect("it has one").port()
    };
    let mut child = command(&[&format!("--lan={port}"), "--lang", lang], &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is ours")).lines();
    let mut lines: Vec<String> = Vec::new();
    let is_last = |line: &str| {
        ["QR", "browser", "مرورگر", "no address"].iter().any(|word| line.contains(word))
    };
    while !lines.last().is_some_and(|line| is_last(line)) {
        lines.push(within("a line", stdout.next_line()).await.expect("text").expect("a line"));
    }
    child.kill().await.expect("it is ours");
    (port, lines)
}

#[tokio::test]
async fn lan_prints_an_address_for_others_with_its_qr_code_and_what_to_do_with_it() {
    for (lang, words) in
        [("fa", "این نشانی را در مرورگر باز کنید"), ("en", "Open this address in a browser")]
    {
        let (port, lines) = invitation(lang).await;
        let last = lines.last().expect("lines");
        if last.contains("no address on a network") {
            return; // a machine without a network has nothing to show
        }
        let address = lines[0].strip_prefix("listening on ").expect("the address");
        assert!(
            address.starts_with("http://") && address.ends_with(&format!(":{port}")),
            "{address}"
        );
        assert!(!address.contains("0.0.0.0") && !address.contains("127.0.0.1"), "{address}");
        let shown =
            lines.iter().position(|line| line.trim() == address).expect("the address again");
        let drawn = lines[..shown].iter().filter(|line| line.contains(['█', '▀', '▄'])).count();
        assert!(drawn >= 10, "the code comes before the address: {drawn} lines");
        assert!(last.contains(words), "{last}");
    }
}

#[tokio::test]
async fn lan_and_listen_are_one_too_many() {
    let config = file("lan", "lan = true\nlisten = \"127.0.0.1:9000\"\n");
    let listen = [("HAMHAME_LISTEN", "127.0.0.1:0")];
    for (args, environment) in [
        (&["--lan", "--listen", "127.0.0.1:0"][..], &[][..]),
        (&["--lan"], &listen),
        (&["--lan=9000", "--listen", "9000"], &[]),
        (&["--config", &config], &[]),
    ] {
        let error = refusal(args, environment).await;
        assert!(error.contains("--lan=9000") && error.contains("--listen"), "{error}");
    }
    for port in ["--lan=0", "--lan=1", "--lan=maybe", "--lan=70000"] {
        assert!(refusal(&[port], &[]).await.contains("--lan"));
    }
}
