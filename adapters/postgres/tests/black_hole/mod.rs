//! A way to a server that can lose everything sent along it, without a word to either end: what a host that vanishes looks like.

use std::future::pending;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

#[derive(Clone, Copy, PartialEq)]
struct State {
    /// How often the way was lost: what is older stays lost.
    lost: u32,
    open: bool,
}

pub(crate) struct BlackHole {
    pub(crate) port: u16,
    state: watch::Sender<State>,
}

impl BlackHole {
    /// In front of the server at this port.
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, seen) = watch::channel(State { lost: 0, open: true });
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, server, seen.clone()));
            }
        });
        Self { port, state }
    }

    /// From now on everything is swallowed.
    pub(crate) fn swallow(&self) {
        self.state.send_modify(|state| *state = State { lost: state.lost + 1, open: false });
    }

    /// New connections get through again; the old ones are lost.
    pub(crate) fn open(&self) {
        self.state.send_modify(|state| state.open = true);
    }
}

async fn relay(mut client: TcpStream, server: u16, mut seen: watch::Receiver<State>) {
    let begun = *seen.borrow();
    if !begun.open {
        return pending().await;
    }
    let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
    let lost = async { drop(seen.wait_for(|state| state.lost != begun.lost).await) };
    tokio::select! {
        _ended = copy_bidirectional(&mut client, &mut server) => return,
        () = lost => {}
    }
    // Neither end hears of it.
    pending::<()>().await;
}
