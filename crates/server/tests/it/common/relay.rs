//! What lies between a client of QUIC and the server: datagrams are carried on, looked at, or lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::UdpSocket;

/// One way to the server. Clients share it as if they were behind one address.
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    is_cut: AtomicBool,
    swallows_answers: AtomicBool,
    saw_retry: AtomicBool,
}

impl Relay {
    /// A way to `server`, for one client.
    pub async fn start(server: SocketAddr) -> Relay {
        let bind = async || UdpSocket::bind("127.0.0.1:0").await.expect("there is a free port");
        let (near, far) = (bind().await, bind().await);
        far.connect(server).await.expect("it is on this machine");
        let address = near.local_addr().expect("it is bound");
        let state = Arc::<State>::default();
        let task = tokio::spawn(carry(near, far, state.clone()));
        Relay { address, state, task }
    }

    /// Where clients go.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on everything is lost.
    pub fn cut(&self) {
        self.state.is_cut.store(true, Ordering::SeqCst);
    }

    /// From now on what the server sends is lost.
    pub fn swallow_answers(&self) {
        self.state.swallows_answers.store(true, Ordering::SeqCst);
    }

    /// Whether the server asked anybody to prove its address.
    pub fn saw_retry(&self) -> bool {
        self.state.saw_retry.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(near: UdpSocket, far: UdpSocket, state: Arc<State>) {
    let (mut there, mut back) = (vec![0; 65_536], vec![0; 65_536]);
    let mut client = None;
    loop {
        tokio::select! {
            Ok((n, from)) = near.recv_from(&mut there) => {
                client = Some(from);
                if !state.is_cut.load(Ordering::SeqCst) {
                    let _ = far.send(&there[..n]).await;
                }
            }
            Ok(n) = far.recv(&mut back) => {
                // A long header of this type is a Retry (RFC 9000, section 17.2.5).
                if back[0] & 0xf0 == 0xf0 {
                    state.saw_retry.store(true, Ordering::SeqCst);
                }
                let lost = state.is_cut.load(Ordering::SeqCst)
                    || state.swallows_answers.load(Ordering::SeqCst);
                if let Some(client) = client.filter(|_| !lost) {
                    let _ = near.send_to(&back[..n], client).await;
                }
            }
        }
    }
}
