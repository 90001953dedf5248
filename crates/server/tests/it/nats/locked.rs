//! A server with TLS, and users or a token.

use super::servers::Server;
use crate::redis::servers::node;
use crate::tls::Files;

#[tokio::test]
#[ignore = "needs a NATS server: ./test nats"]
async fn a_server_with_tls_and_a_password_is_reached_if_its_certificate_is_trusted() {
    let files = Files::new("nats");
    let [certificate, key_file] = files.paths();
    let tls = ["--tls", "--tlscert", certificate, "--tlskey", key_file];
    let server =
        Server::with(&[&tls[..], &["--user", "ali", "--pass", "open sesame"]].concat()).await;
    let port = server.address.port();
    let url = format!("tls://ali:open%20sesame@localhost:{port}");
    let trusting = node(&url, &["--broker-ca", certificate]).await;
    let mut ali = trusting.member("room", "ali").await;
    ali.mark("over TLS").await;

    let without_password = format!("tls://localhost:{port}");
    let strangers =
        [node(&url, &[]).await, node(&without_password, &["--broker-ca", certificate]).await];
    for stranger in strangers {
        stranger.logs("the engine cannot be reached").await;
        assert_eq!(stranger.get("/readyz").await.status, 503);
    }
}

#[tokio::test]
#[ignore = "needs a NATS server: ./test nats"]
async fn a_server_with_a_token_is_reached_with_it() {
    let server = Server::with(&["--auth", "s3cret"]).await;
    let with = node(&format!("nats://s3cret@{}", server.address), &[]).await;
    let mut ali = with.member("room", "ali").await;
    ali.mark("with a token").await;
    let without = server.node().await;
    without.logs("authorization violation").await;
    without.logs("the engine cannot be reached").await;
    assert_eq!(without.get("/readyz").await.status, 503);
}
