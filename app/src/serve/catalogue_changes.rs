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
use std::{convert::Infallible, io, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};

/// How often the change token is looked at where nothing tells of changes. The data path looks at it by itself.
const LOOK: Duration = Duration::from_secs(2);

/// Who has heard nothing for so long makes sure that something could be heard: nobody tells of a connection whose other end has vanished.
const SILENCE: Duration = Duration::from_secs(30);
/// How long the other end may take to show that it is there.
const PROOF: Duration = Duration::from_secs(10);
/// How long until what somebody held is granted once more: that it was let go tells nothing.
const LET_GO: Duration = Duration::from_secs(10);

/// How many times as long as a grant took nothing is granted after it, and how long at most: new tables are asked for soon.
const REST: u32 = 4;
const LONGEST_REST: Duration = Duration::from_millis(250);

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
        sleep(Duration::from_secs(1)).await;
    }
}

async fn listen(pool: &PgPool, databases: &PgBranchDatabases, main: &DatabaseName, schemas: &[String]) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen("fluxbase_catalogue").await?;
    databases.set_has_event_trigger(main, true);
    let changed = Notify::new();
    let tell = || {
        databases.invalidate(main);
        changed.notify_one();
    };
    tell(); // of what was not heard while nobody listened
    tokio::select! {
        ended = tell_of_changes(&mut listener, tell) => ended,
        never = grant_upon(&changed, |was_held| grant(pool, schemas, was_held)) => match never {},
    }
}

/// Tells of each change at once, until the connection is lost: what is notified afterwards is not heard.
async fn tell_of_changes(listener: &mut PgListener, tell: impl Fn()) -> Result<(), sqlx::Error> {
    while let Some(_change) = hear_next(listener, SILENCE, PROOF).await? {
        tell();
    }
    Ok(())
}

/// Grants upon changes: the first at once, those of a long migration together, so that looking after them takes a share of a processor and no more.
async fn grant_upon<G: Future<Output = bool>>(changed: &Notify, grant: impl Fn(bool) -> G) -> Infallible {
    let mut held = false;
    loop {
        let change = changed.notified();
        if held {
            let _ = timeout(LET_GO, change).await;
        } else {
            change.await;
        }
        let begun = Instant::now();
        held = grant(held).await;
        sleep((begun.elapsed() * REST).min(LONGEST_REST)).await;
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
    use super::{LET_GO, LONGEST_REST, grant_upon, hear_next};
    use sqlx::{
        PgPool,
        postgres::{PgConnectOptions, PgListener, PgSslMode},
    };
    use std::{
        future::ready,
        io,
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        sync::Notify,
        time::{Instant, sleep, timeout},
    };

    const SILENCE: Duration = Duration::from_millis(50);

    #[tokio::test(start_paused = true)]
    async fn changes_that_come_while_something_is_granted_are_granted_together() {
        let (changed, granted) = (Notify::new(), AtomicU32::new(0));
        changed.notify_one();
        let grants = grant_upon(&changed, |_| async {
            (0..100).for_each(|_| changed.notify_one());
            sleep(Duration::from_millis(10)).await;
            granted.fetch_add(1, Ordering::Relaxed) == u32::MAX
        });
        assert!(timeout(Duration::from_millis(1005), grants).await.is_err());
        assert_eq!(granted.into_inner(), 20, "each takes 10 ms, and the next comes 40 ms later");
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_held_is_granted_once_more_although_nothing_tells_that_it_was_let_go() {
        let (changed, begun) = (Notify::new(), Instant::now());
        changed.notify_one();
        let again = Notify::new();
        let grants = grant_upon(&changed, |was_held| {
            if was_held {
                again.notify_one();
            }
            ready(!was_held)
        });
        tokio::select! {
            never = grants => match never {},
            () = again.notified() => {}
        }
        assert!((LET_GO..=LET_GO + LONGEST_REST).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }

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
