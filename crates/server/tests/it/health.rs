//! `hamhame health`, which containers ask whether the server in them is up.

use std::process::Output;

use crate::common::{TestServer, command, within};

async fn health(address: &str) -> Output {
    let mut asking = command();
    asking.args(["health", address]).kill_on_drop(true);
    within("an answer", asking.output()).await.expect("it runs")
}

#[tokio::test]
async fn a_server_that_is_up_is_healthy_also_behind_tls_and_one_that_is_not_there_is_not() {
    for args in [&["--limits", "off"][..], &["--tls", "self-signed"]] {
        let mut server = TestServer::start(args).await;
        let address = server.address().to_string();
        let up = health(&address).await;
        assert!(up.status.success(), "{args:?}: {up:?}");
        server.kill().await;
        let gone = health(&address).await;
        assert_eq!(gone.status.code(), Some(1));
        let words = String::from_utf8_lossy(&gone.stderr);
        assert!(words.contains(&format!("nobody answers at {address}")), "{words}");
    }
    let wrong = health("nowhere").await;
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("nowhere is not like"), "{wrong:?}");
}
