//! Sessions that are begun with a password and only finish proving it when there is another.

use super::{Admin, cluster::cluster, connections::Street};
use bytes::BytesMut;
use ports::driven::Secret;
use postgres_protocol::{
    authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256},
    message::{backend::Message, frontend},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A client that takes its time.
struct Slow {
    stream: TcpStream,
    buffer: BytesMut,
    scram: ScramSha256,
}

impl Slow {
    /// Says who it is, and is asked for its proof.
    async fn begin(user: &str, password: &Secret, database: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", cluster().port)).await.unwrap();
        let scram = ScramSha256::new(password.expose().as_bytes(), ChannelBinding::unsupported());
        let mut slow = Self { stream, buffer: BytesMut::new(), scram };
        let mut out = BytesMut::new();
        frontend::startup_message([("user", user), ("database", database)], &mut out).unwrap();
        slow.stream.write_all(&out).await.unwrap();
        assert!(matches!(slow.read().await, Some(Message::AuthenticationSasl(_))));
        out.clear();
        frontend::sasl_initial_response(SCRAM_SHA_256, slow.scram.message(), &mut out).unwrap();
        slow.stream.write_all(&out).await.unwrap();
        let Some(Message::AuthenticationSaslContinue(body)) = slow.read().await else { panic!("no challenge") };
        slow.scram.update(body.data()).unwrap();
        slow
    }

    /// Gives its proof. Whether that was taken.
    async fn finish(&mut self) -> bool {
        let mut out = BytesMut::new();
        frontend::sasl_response(self.scram.message(), &mut out).unwrap();
        self.stream.write_all(&out).await.unwrap();
        loop {
            match self.read().await {
                Some(Message::ReadyForQuery(_)) => return true,
                Some(Message::ErrorResponse(_)) | None => return false,
                Some(_) => {}
            }
        }
    }

    /// `None` when the server has ended it.
    async fn read(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = Message::parse(&mut self.buffer).unwrap() {
                return Some(message);
            }
            if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_begun_with_the_old_password_ends_soon_after_it_is_there() {
    let street = Street::new(Admin::Superuser).await;
    let (user, first) = street.issue().await;
    let database = street.branch.database.as_str();
    let mut slow = Slow::begin(&user, &first, database).await;
    let (_, second) = street.issue().await;
    assert!(slow.finish().await, "PostgreSQL goes by the password that it had when it was asked");
    let ended = async { while slow.read().await.is_some() {} };
    let quick = super::try_connect(&user, second.expose(), database).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it is found and ended");
    let mut quick = quick;
    super::execute(&mut quick, "select 1").await;

    // One that is still proving itself when its login is taken away does not come in at all.
    let mut slow = Slow::begin(&user, &second, database).await;
    ports::driven::BranchLogins::revoke(&street.logins, street.branch.branch_id).await.unwrap();
    assert!(!slow.finish().await);
}
