//! Where a server listens for TCP, and whether TLS is spoken there.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream};

use super::{Trust, loopback, within};

/// A server's address, and how a client of HTTP/1.1 is understood there.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// Where it is.
    pub address: SocketAddr,
    /// Whether TLS comes first.
    pub secure: bool,
}

impl Door {
    /// A connection on which HTTP/1.1 can be spoken: TLS is made to look like TCP. An error if the server is not there.
    pub async fn connect(self) -> io::Result<TcpStream> {
        self.connect_by(TcpSocket::new_v4().expect("a socket can be made")).await
    }

    /// The same where the kernel holds little, so that who does not read is felt soon.
    pub async fn connect_narrowly(self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        narrow(&socket);
        self.connect_by(socket).await
    }

    async fn connect_by(self, socket: TcpSocket) -> io::Result<TcpStream> {
        let stream = within("the connection", socket.connect(self.address)).await?;
        stream.set_nodelay(true).expect("the socket is open");
        if self.secure {
            Ok(loopback(Trust::default().open(stream, &[b"http/1.1"]).await).await)
        } else {
            Ok(stream)
        }
    }
}

/// Has the kernel hold little in either direction: a small buffer here, and small segments, from which Linux takes the size of
/// the buffer there.
pub(super) fn narrow(socket: &TcpSocket) {
    socket.set_recv_buffer_size(4096).expect("the buffer's size can be set");
    socket2::SockRef::from(socket).set_tcp_mss(536).expect("the size can be set");
}
