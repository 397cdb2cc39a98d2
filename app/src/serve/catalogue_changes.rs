//! Hears of changes of main's definitions where an event trigger tells of them, and looks for them where none does.

use domain::branch::DatabaseName;
use postgres::{
    data::PgBranchDatabases,
    provision::{CatalogueSignal, ProvisionError, grant_upon_change, refresh_service_grants},
};
use sqlx::{
    Executor, PgPool,
    postgres::{PgListener, PgNotification},
};
use std::{io, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How often the change token is looked at where nothing tells of changes. The data path looks at it by itself.
const LOOK: Duration = Duration::from_secs(2);

/// Who has heard nothing for so long makes sure that something could be heard: nobody tells of a connection whose other end has vanished.
const SILENCE: Duration = Duration::from_secs(30);
/// How long the other end may take to show that it is there.
const PROOF: Duration = Duration::from_secs(10);
/// How long until what somebody held is granted once more: that it was let go tells nothing. Less than the silence, which is not over before.
const LET_GO: Duration = Duration::from_secs(10);

/// Follows main's definitions until dropped, so that service keys reach new tables, by whichever way there is.
pub(super) async fn follow(signal: CatalogueSignal, pool: PgPool, databases: Arc<PgBranchDatabases>, main: DatabaseName, schemas: Vec<String>) {
    match signal {
        CatalogueSignal::EventTrigger => hear(pool, databases, main, schemas).await,
        CatalogueSignal::ChangeToken => grant_upon_change(pool, schemas, LOOK).await,
    }
}

/// Listens until dropped: every notification makes the catalogue be read anew and new tables reachable for service keys. While nobody listens, the data
/// path looks at the change token itself.
async fn hear(pool: PgPool, databases: Arc<PgBranchDatabases>, main: DatabaseName, schemas: Vec<String>) {
    loop {
        if let Err(error) = listen(&pool, &databases, &main, &schemas).await {
            tracing::warn!(%error, "not hearing of changes of the catalogue; looking at the change token meanwhile");
        }
        databases.set_has_event_trigger(&main, false);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen(pool: &PgPool, databases: &PgBranchDatabases, main: &DatabaseName, schemas: &[String]) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen("fluxbase_catalogue").await?;
    databases.set_has_event_trigger(main, true);
    databases.invalidate(main); // of what was not heard while nobody listened
    let mut held = grant(pool, schemas, false).await;
    loop {
        let next = hear_next(&mut listener, SILENCE, PROOF);
        let heard = if held { timeout(LET_GO, next).await.ok() } else { Some(next.await) };
        match heard.transpose()? {
            // The connection was lost: what was notified meanwhile was not heard.
            Some(None) => return Ok(()),
            Some(Some(_change)) => databases.invalidate(main),
            None => {}
        }
        held = grant(pool, schemas, held).await;
    }
}

async fn hear_next(listener: &mut PgListener, silence: Duration, proof: Duration) -> Result<Option<PgNotification>, sqlx::Error> {
    loop {
        if let Ok(heard) = timeout(silence, listener.try_recv()).await {
            return heard;
        }
        let answered = timeout(proof, listener.execute("select 1")).await;
        answered.map_err(|_| sqlx::Error::Io(io::ErrorKind::TimedOut.into()))??;
    }
}

/// Whether something could not be granted because somebody holds it, which is told once.
async fn grant(pool: &PgPool, schemas: &[String], was_held: bool) -> bool {
    let outcome = refresh_service_grants(pool, schemas).await;
    let held = matches!(outcome, Err(ProvisionError::GrantsHeld(_)));
    if let Err(error) = &outcome
        && !(held && was_held)
    {
        tracing::warn!(%error, "could not grant service_role its rights on new tables");
    }
    held
}

#[cfg(test)]
mod tests {
    use super::hear_next;
    use sqlx::{
        PgPool,
        postgres::{PgConnectOptions, PgListener, PgSslMode},
    };
    use std::{io, time::Duration};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    const SILENCE: Duration = Duration::from_millis(50);

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[tag], &length[..], body].concat()
    }

    /// What a client asks, where it is a query.
    async fn question(socket: &mut TcpStream, tagged: bool) -> io::Result<String> {
        let tag = if tagged { socket.read_u8().await? } else { 0 };
        let mut body = vec![0; socket.read_u32().await? as usize - 4];
        socket.read_exact(&mut body).await?;
        Ok(if tag == b'Q' { String::from_utf8_lossy(&body).into_owned() } else { String::new() })
    }

    /// Lets anybody in and answers whatever is asked, `proofs` times what a listener asks to know that it is there; with the last it tells of a change.
    async fn serve(mut socket: TcpStream, mut proofs: u32) -> io::Result<()> {
        question(&mut socket, false).await?;
        socket.write_all(&[message(b'R', &[0; 4]), message(b'Z', b"I")].concat()).await?;
        loop {
            let asked = question(&mut socket, true).await?;
            if asked.starts_with("select 1") {
                if proofs == 0 {
                    return std::future::pending().await;
                }
                proofs -= 1;
                if proofs == 0 {
                    socket.write_all(&message(b'A', b"\0\0\0\x01fluxbase_catalogue\0\0")).await?;
                }
            }
            socket.write_all(&[message(b'C', b"DONE\0"), message(b'Z', b"I")].concat()).await?;
        }
    }

    async fn listener(proofs: u32) -> PgListener {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((socket, _)) = server.accept().await {
                tokio::spawn(serve(socket, proofs));
            }
        });
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("u").ssl_mode(PgSslMode::Disable);
        let mut listener = PgListener::connect_with(&PgPool::connect_lazy_with(options)).await.unwrap();
        listener.listen("fluxbase_catalogue").await.unwrap();
        listener
    }

    #[tokio::test]
    async fn a_server_that_vanishes_is_missed_by_who_listens() {
        let mut listener = listener(0).await;
        let missed = tokio::time::timeout(Duration::from_secs(5), hear_next(&mut listener, SILENCE, SILENCE)).await.expect("it is not waited for");
        assert!(matches!(missed, Err(sqlx::Error::Io(_))), "{missed:?}");
    }

    #[tokio::test]
    async fn a_server_that_only_has_nothing_to_tell_is_listened_to_further() {
        let mut listener = listener(3).await;
        let heard = hear_next(&mut listener, SILENCE, Duration::from_secs(5)).await.unwrap();
        assert_eq!(heard.expect("the connection is not lost").channel(), "fluxbase_catalogue");
    }
}
