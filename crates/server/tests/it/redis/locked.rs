//! A server with TLS and a password.

use tokio::time::{Duration, sleep};

use super::servers::{Engine, node};
use crate::tls::Files;

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn an_engine_with_tls_and_a_password_is_reached_if_its_certificate_is_trusted() {
    let files = Files::new("engine");
    let [certificate, key_file] = files.paths();
    let engine = Engine::with_tls(&[
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key_file,
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "open sesame",
    ])
    .await;
    let port = engine.address.port();
    let url = format!("rediss://:open%20sesame@localhost:{port}");
    let trusting = node(&url, &["--broker-ca", certificate]).await;
    let mut ali = trusting.member("room", "ali").await;
    ali.mark("over TLS").await;

    let without_password = format!("rediss://localhost:{port}");
    let strangers =
        [node(&url, &[]).await, node(&without_password, &["--broker-ca", certificate]).await];
    sleep(Duration::from_millis(500)).await;
    for stranger in strangers {
        assert_eq!(stranger.get("/readyz").await.status, 503);
    }
}
