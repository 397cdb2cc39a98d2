//! A pooler in transaction mode, the smallest that is one, in front of the cluster.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
};

use fluxbase_postgres::provision::{ProvisionError, probe};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::cluster::{PASSWORD, cluster};

/// The pooler's sessions that nobody has.
#[derive(Default)]
struct Sessions {
    /// Those that were used: they are used again first.
    idle: VecDeque<TcpStream>,
    /// Those that clients logged in with.
    fresh: Vec<TcpStream>,
}

impl Sessions {
    fn take(&mut self, order: Order) -> TcpStream {
        let idle = match order {
            Order::LastGivenBack => self.idle.pop_back(),
            Order::RoundRobin => self.idle.pop_front(),
        };
        idle.or_else(|| self.fresh.pop()).expect("as many sessions as clients")
    }
}

/// Which idle session the next transaction gets.
#[derive(Clone, Copy)]
enum Order {
    LastGivenBack,
    RoundRobin,
}

async fn start_pooler(order: Order) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let sessions = Arc::new(Mutex::new(Sessions::default()));
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, Arc::clone(&sessions), order));
        }
    });
    port
}

/// Each client logs in for itself; from then on every transaction gets one of the idle sessions.
async fn serve(mut client: TcpStream, sessions: Arc<Mutex<Sessions>>, order: Order) -> io::Result<()> {
    let mut session = TcpStream::connect(("127.0.0.1", cluster().port)).await?;
    relay(&mut client, &mut session).await?;
    sessions.lock().unwrap().fresh.push(session);
    while client.peek(&mut [0]).await? > 0 {
        let mut session = sessions.lock().unwrap().take(order);
        while relay(&mut client, &mut session).await? != b'I' {}
        sessions.lock().unwrap().idle.push_back(session);
    }
    Ok(())
}

/// Passes everything on until the server is ready; gives the transaction's status.
async fn relay(client: &mut TcpStream, session: &mut TcpStream) -> io::Result<u8> {
    let (mut asked, mut answered, mut unread) = ([0; 4096], [0; 4096], Vec::new());
    loop {
        tokio::select! {
            length = client.read(&mut asked) => match length? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => session.write_all(&asked[..length]).await?,
            },
            length = session.read(&mut answered) => {
                let length = length?;
                client.write_all(&answered[..length]).await?;
                unread.extend_from_slice(&answered[..length]);
                while let Some((kind, body)) = message(&mut unread) {
                    if kind == b'Z' {
                        return Ok(body[0]);
                    }
                }
            }
        }
    }
}

fn message(unread: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let length = u32::from_be_bytes(unread.get(1..5)?.try_into().ok()?) as usize;
    unread.get(..=length)?;
    let message: Vec<u8> = unread.drain(..=length).collect();
    Some((message[0], message[5..].to_vec()))
}

fn over(port: u16) -> PgPool {
    let to = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).ssl_mode(PgSslMode::Disable);
    PgPool::connect_lazy_with(to.username("postgres").password(PASSWORD).database("postgres"))
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_refused_and_the_server_itself_is_not() {
    let public = ["public".to_owned()];
    for order in [Order::LastGivenBack, Order::RoundRobin] {
        let refused = probe(&over(start_pooler(order).await), &public).await.unwrap_err();
        assert!(matches!(&refused, ProvisionError::Unfit(findings) if findings[0].code == "transaction_pooler"), "{refused}");
    }
    let capabilities = probe(&over(cluster().port), &public).await.unwrap();
    assert!(
        capabilities.superuser
            && capabilities.can_make_event_triggers
            && capabilities.findings.iter().all(|finding| finding.code == "public_may_connect")
    );
    assert!(serde_json::to_string(&capabilities).unwrap().contains("\"server_version_num\""));
}

#[tokio::test]
async fn a_server_that_wants_tls_is_asked_over_it() {
    if !cluster().tls {
        return; // no openssl to make certificates with
    }
    let pool = over(cluster().port);
    pool.set_connect_options(PgConnectOptions::clone(&pool.connect_options()).ssl_mode(PgSslMode::Require));
    let public = ["public".to_owned()];
    let asked = tokio::time::timeout(std::time::Duration::from_secs(30), probe(&pool, &public)).await;
    assert!(asked.expect("closing its connections does not wait for the server").unwrap().superuser);
}
