//! A way to a server over TCP on which nothing is held back.
//!
//! sqlx writes the last rows of a COPY and its end one after the other, and sets no `TCP_NODELAY`: by Nagle's algorithm (RFC 896) the second waits until the
//! server acknowledges the first, which Linux puts off for 40 ms. That is once for every table: 400 tables of one row took 19 s, and 2 s by a socket.

use std::{io, path::Path};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional_with_sizes,
    net::{TcpStream, UnixListener},
    sync::oneshot,
};

/// Bytes that may lie on the way, in each direction.
const ON_THE_WAY: usize = 128 * 1024;

/// The near end: a folder with a socket in it as PostgreSQL would have it, for one connection. What is connected stays so when this is gone.
pub(crate) struct Undelayed {
    folder: TempDir,
    /// Ends the wait for somebody to connect.
    _wanted: oneshot::Sender<()>,
}

impl Undelayed {
    /// Connects to the server, and waits for somebody to take the connection.
    pub(crate) async fn to(host: &str, port: u16) -> io::Result<Self> {
        let mut far = TcpStream::connect((host, port)).await?;
        far.set_nodelay(true)?;
        // Only this user may look into it.
        let folder = tempfile::tempdir()?;
        let listener = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{port}")))?;
        let (wanted, given_up) = oneshot::channel();
        tokio::spawn(async move {
            let taken = tokio::select! {
                // Whoever has connected stays so.
                biased;
                taken = listener.accept() => taken,
                _ = given_up => return,
            };
            if let Ok((mut near, _)) = taken {
                // Whoever is at either end hears of its end, and says what it means.
                let _ = copy_bidirectional_with_sizes(&mut near, &mut far, ON_THE_WAY, ON_THE_WAY).await;
            }
        });
        Ok(Self { folder, _wanted: wanted })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

#[cfg(test)]
mod tests {
    use super::Undelayed;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, UnixStream},
    };

    #[tokio::test]
    async fn what_is_said_arrives_and_so_does_the_end() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let way = Undelayed::to("127.0.0.1", port).await.unwrap();
        let mut near = UnixStream::connect(way.folder().join(format!(".s.PGSQL.{port}"))).await.unwrap();
        drop(way);
        let (mut far, _) = server.accept().await.unwrap();
        near.write_all(b"question").await.unwrap();
        near.shutdown().await.unwrap();
        let mut heard = String::new();
        far.read_to_string(&mut heard).await.unwrap();
        far.write_all(b"answer").await.unwrap();
        drop(far);
        let mut answer = String::new();
        near.read_to_string(&mut answer).await.unwrap();
        assert_eq!((heard.as_str(), answer.as_str()), ("question", "answer"));
    }

    #[tokio::test]
    async fn a_way_that_nobody_took_is_closed() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = Undelayed::to("127.0.0.1", server.local_addr().unwrap().port()).await.unwrap();
        let (mut far, _) = server.accept().await.unwrap();
        drop(way);
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
    }
}
