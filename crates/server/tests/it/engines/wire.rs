//! A way from a node to its engine that can be cut.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A way to a server.
pub struct Wire {
    /// Where it begins.
    pub address: SocketAddr,
    cut: watch::Sender<bool>,
    hung_up: watch::Sender<u64>,
}

impl Wire {
    /// To this server.
    pub async fn to(server: SocketAddr) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let cut = watch::Sender::new(false);
        let state = cut.subscribe();
        let hung_up = watch::Sender::new(0);
        let end = hung_up.subscribe();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (state, mut end) = (state.clone(), end.clone());
                end.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(server).await else { return };
                    let ((from_near, to_near), (from_far, to_far)) =
                        (near.into_split(), far.into_split());
                    tokio::select! {
                        () = carry(from_near, to_far, state.clone()) => {}
                        () = carry(from_far, to_near, state) => {}
                        _ = end.changed() => {}
                    }
                });
            }
        });
        Wire { address, cut, hung_up }
    }

    /// From now on nothing comes through, and nobody is told; or it does again.
    pub fn cut(&self, is_cut: bool) {
        self.cut.send_replace(is_cut);
    }
}

impl Wire {
    /// All connections over it end. There can be new ones at once.
    pub fn hang_up(&self) {
        self.hung_up.send_modify(|times| *times += 1);
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut cut: watch::Receiver<bool>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if cut.wait_for(|is_cut| !is_cut).await.is_err()
            || to.write_all(&bytes[..count]).await.is_err()
        {
            return;
        }
    }
}
