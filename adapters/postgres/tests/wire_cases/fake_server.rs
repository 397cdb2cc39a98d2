//! What no real server does on demand: dying between the question and the answer.

use fluxbase_postgres::wire::{Exchange, Host, Pool, Target, TlsMode, WireError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{ask, options, read, statement, value};

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag], &length[..], body].concat()
}

async fn take(socket: &mut TcpStream, tagged: bool) -> std::io::Result<u8> {
    let tag = if tagged { socket.read_u8().await? } else { 0 };
    let length = socket.read_u32().await?;
    socket.read_exact(&mut vec![0; length as usize - 4]).await?;
    Ok(tag)
}

/// What a server says before it hangs up.
#[derive(Clone, Copy)]
enum Farewell {
    Nothing,
    /// As one does that is told to end its sessions.
    Shutdown,
    /// The same, in the midst of the work.
    ShutdownAtWork,
    /// As a pooler does that lost the session behind it.
    Pooler,
}

const SHUTDOWN: &[u8] = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0RProcessInterrupts\0\0";
const POOLER: &[u8] = b"SFATAL\0VFATAL\0CXX000\0MDbHandler exited\0\0";

/// Lets anybody in and answers `answers` exchanges with the connection's number, then hangs up on the next.
async fn serve(mut socket: TcpStream, number: u8, mut answers: u32, farewell: Farewell) -> std::io::Result<()> {
    take(&mut socket, false).await?;
    socket.write_all(&[message(b'R', &[0; 4]), message(b'Z', b"I")].concat()).await?;
    let mut answer = vec![];
    loop {
        match take(&mut socket, true).await? {
            b'P' => answer.extend(message(b'1', b"")),
            b'B' => answer.extend(message(b'2', b"")),
            b'E' => answer.extend([message(b'D', &[0, 1, 0, 0, 0, 1, number]), message(b'C', b"SELECT 1\0")].concat()),
            b'S' if answers == 0 => {
                return match farewell {
                    Farewell::Nothing => Ok(()),
                    Farewell::Shutdown => socket.write_all(&message(b'E', SHUTDOWN)).await,
                    Farewell::Pooler => socket.write_all(&message(b'E', POOLER)).await,
                    Farewell::ShutdownAtWork => socket.write_all(&[message(b'2', b""), message(b'E', SHUTDOWN)].concat()).await,
                };
            }
            b'S' => {
                answers -= 1;
                answer.extend(message(b'Z', b"I"));
                socket.write_all(&std::mem::take(&mut answer)).await?;
            }
            _ => return Ok(()),
        }
    }
}

async fn pool_of_a_server_that_answers(answers: u32) -> Pool {
    pool_of_a_server(answers, Farewell::Nothing).await
}

async fn pool_of_a_server(answers: u32, farewell: Farewell) -> Pool {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in b'1'.. {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(socket, number, answers, farewell));
        }
    });
    let target: Target = "postgres://u@localhost/d".parse().unwrap();
    Pool::new(Target { host: Host::Tcp("127.0.0.1".into(), port), tls: TlsMode::Disable, ..target }, options(1)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_on_a_connection_that_died_meanwhile_is_done_again_on_a_fresh_one() {
    let pool = pool_of_a_server_that_answers(2).await;
    let mut answers = String::new();
    for _ in 0..6 {
        answers += &value(&pool, "select 1").await;
    }
    assert_eq!(answers, "112233");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_not_done_again() {
    for farewell in [Farewell::Nothing, Farewell::Pooler] {
        let pool = pool_of_a_server(1, farewell).await;
        value(&pool, "select 1").await;
        let error = pool.run(&Exchange { retry_safe: false, ..read(&[], statement("select 1")) }).await.unwrap_err();
        assert!(matches!(error, WireError::Lost(_)) || error.sql().is_some_and(|sql| sql.sqlstate == "XX000"), "{error:?}");
        assert_eq!(value(&pool, "select 1").await, "2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_done_on_a_fresh_connection_where_the_old_one_did_nothing_of_it() {
    let write = Exchange { retry_safe: false, ..read(&[], statement("select 1")) };
    let pool = pool_of_a_server(1, Farewell::Shutdown).await;
    value(&pool, "select 1").await;
    assert_eq!(ask(&pool, write).await.unwrap(), [[Some("2".to_owned())]]);

    let pool = pool_of_a_server(1, Farewell::ShutdownAtWork).await;
    value(&pool, "select 1").await;
    let prelude = [statement("select 2")];
    let settled = Exchange { prelude: &prelude, ..write };
    assert_eq!(ask(&pool, settled).await.unwrap(), [[Some("2".to_owned())]], "what comes before it had not ended");
    let error = pool.run(&write).await.unwrap_err();
    assert!(error.sql().is_some_and(|sql| sql.sqlstate == "57P01"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_on_fresh_connections_too_is_told() {
    let pool = pool_of_a_server_that_answers(0).await;
    let error = pool.run(&read(&[], statement("select 1"))).await.unwrap_err();
    assert!(matches!(error, WireError::Lost(_)), "{error:?}");
    assert_eq!(pool.stats().open, 0);
}
