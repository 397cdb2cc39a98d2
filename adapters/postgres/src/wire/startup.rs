//! Opens a session: startup message, authentication, until the server is ready.

use std::num::NonZeroUsize;

use fallible_iterator::FallibleIterator;
use postgres_protocol::{
    authentication::{
        md5_hash,
        sasl::{self, ScramSha256},
    },
    message::{
        backend::{AuthenticationSaslBody, Message},
        frontend,
    },
};
use secrecy::ExposeSecret;
use tracing::debug;

use super::{
    connection::{BackendKey, Connection, Phase, is_announcement},
    dial::Dialer,
    error::WireError,
    socket::Socket,
    sql_error::SqlError,
    target::{ChannelBinding, Target},
    tls::server_end_point,
};

/// Connects and logs in.
pub(super) async fn open(dialer: &Dialer, statement_cache: NonZeroUsize) -> Result<Connection, WireError> {
    let (socket, peer) = dialer.dial().await?;
    let encrypted = matches!(socket, Socket::Tls(_));
    let mut connection = Connection::new(socket, peer, statement_cache);
    let opened = log_in(&mut connection, &dialer.target).await;
    if opened.is_err() {
        connection.phase = Phase::Broken;
    }
    opened?;
    let process = connection.key.map(|key| key.process);
    debug!(database = %dialer.target.database, user = %dialer.target.user, encrypted, process, "database connection opened");
    Ok(connection)
}

async fn log_in(connection: &mut Connection, target: &Target) -> Result<(), WireError> {
    let mut parameters = vec![
        ("user", target.user.as_str()),
        ("database", &target.database),
        ("client_encoding", "UTF8"),
        ("application_name", &target.application_name),
    ];
    parameters.extend(target.options.as_deref().map(|options| ("options", options)));
    frontend::startup_message(parameters, &mut connection.outbox).map_err(|_| WireError::Unsendable("a startup parameter holds a NUL byte"))?;
    send(connection).await?;
    authenticate(connection, target).await?;
    loop {
        match receive(connection).await? {
            Message::ReadyForQuery(ready) => {
                connection.end_exchange(ready.status());
                return Ok(());
            }
            Message::BackendKeyData(key) => {
                connection.key = Some(BackendKey { process: key.process_id(), secret: key.secret_key() });
            }
            message if is_announcement(&message) => {}
            _ => return Err(WireError::Protocol("an unexpected message after authentication")),
        }
    }
}

async fn authenticate(connection: &mut Connection, target: &Target) -> Result<(), WireError> {
    let request = receive(connection).await?;
    if target.channel_binding == ChannelBinding::Require && !matches!(request, Message::AuthenticationSasl(_)) {
        return Err(WireError::Authentication("channel binding is required, and the server asks for a method without it"));
    }
    match request {
        Message::AuthenticationOk => return Ok(()),
        Message::AuthenticationCleartextPassword => {
            let password = password(target)?.to_owned();
            give_password(connection, password.as_bytes()).await?;
        }
        Message::AuthenticationMd5Password(body) => {
            let hash = md5_hash(target.user.as_bytes(), password(target)?.as_bytes(), body.salt());
            give_password(connection, hash.as_bytes()).await?;
        }
        Message::AuthenticationSasl(body) => scram(connection, target, &body).await?,
        _ => return Err(WireError::Authentication("the server asks for a method that is not supported (SCRAM, md5 and password are)")),
    }
    match receive(connection).await? {
        Message::AuthenticationOk => Ok(()),
        _ => Err(WireError::Protocol("an unexpected message during authentication")),
    }
}

async fn give_password(connection: &mut Connection, password: &[u8]) -> Result<(), WireError> {
    frontend::password_message(password, &mut connection.outbox).map_err(|_| WireError::Authentication("the password holds a NUL byte"))?;
    send(connection).await
}

/// Both sides prove that they know the password; `AuthenticationOk` without the server's proof is not accepted.
async fn scram(connection: &mut Connection, target: &Target, offer: &AuthenticationSaslBody) -> Result<(), WireError> {
    const MALFORMED: WireError = WireError::Protocol("a malformed authentication message");
    let offered = offer.mechanisms().map(|name| Ok(name.to_owned())).collect::<Vec<_>>().map_err(|_| MALFORMED)?;
    let (mechanism, binding) = choose_mechanism(&offered, binding_data(connection, target), target.channel_binding)?;
    let mut scram = ScramSha256::new(password(target)?.as_bytes(), binding);
    frontend::sasl_initial_response(mechanism, scram.message(), &mut connection.outbox).map_err(|_| MALFORMED)?;
    send(connection).await?;

    let Message::AuthenticationSaslContinue(body) = receive(connection).await? else { return Err(MALFORMED) };
    scram.update(body.data()).map_err(|_| WireError::Authentication("the server's SCRAM challenge is not acceptable"))?;
    frontend::sasl_response(scram.message(), &mut connection.outbox).map_err(|_| MALFORMED)?;
    send(connection).await?;

    let Message::AuthenticationSaslFinal(body) = receive(connection).await? else { return Err(MALFORMED) };
    scram.finish(body.data()).map_err(|_| WireError::Authentication("the server does not know the password either"))
}

fn binding_data(connection: &Connection, target: &Target) -> Option<Vec<u8>> {
    match &connection.socket {
        Socket::Tls(stream) if target.channel_binding != ChannelBinding::Disable => server_end_point(stream),
        _ => None,
    }
}

fn choose_mechanism(
    offered: &[String],
    end_point: Option<Vec<u8>>,
    wanted: ChannelBinding,
) -> Result<(&'static str, sasl::ChannelBinding), WireError> {
    let offers = |mechanism: &str| offered.iter().any(|name| name == mechanism);
    match end_point {
        Some(hash) if offers(sasl::SCRAM_SHA_256_PLUS) => Ok((sasl::SCRAM_SHA_256_PLUS, sasl::ChannelBinding::tls_server_end_point(hash))),
        _ if wanted == ChannelBinding::Require => Err(WireError::Authentication("channel binding is required, and it cannot be had here")),
        _ if !offers(sasl::SCRAM_SHA_256) => Err(WireError::Authentication("the server offers no SASL mechanism that is supported")),
        // This says "the client could bind to the channel, and was not offered it". A server that did offer it knows by that that somebody between us took
        // the offer out, and ends the login.
        Some(_) => Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unrequested())),
        None => Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unsupported())),
    }
}

fn password(target: &Target) -> Result<&str, WireError> {
    let password = target.password.as_ref().ok_or(WireError::Authentication("the server asks for a password and none is set"))?;
    Ok(password.expose_secret())
}

async fn send(connection: &mut Connection) -> Result<(), WireError> {
    connection.send().await.map_err(WireError::Connect)
}

async fn receive(connection: &mut Connection) -> Result<Message, WireError> {
    loop {
        match connection.receive().await {
            Ok(Message::ErrorResponse(body)) => return Err(WireError::Refused(Box::new(SqlError::read(body.fields())))),
            Ok(Message::NoticeResponse(_)) => {}
            Err(WireError::Lost(cause)) => return Err(WireError::Connect(cause)),
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_binding_is_used_where_both_sides_can() {
        let both = [sasl::SCRAM_SHA_256_PLUS.to_owned(), sasl::SCRAM_SHA_256.to_owned()];
        let plain = [sasl::SCRAM_SHA_256.to_owned()];
        let choose = |offered: &[String], hash: bool, wanted| choose_mechanism(offered, hash.then(Vec::new), wanted).map(|(name, _)| name).ok();
        assert_eq!(choose(&both, true, ChannelBinding::Prefer), Some(sasl::SCRAM_SHA_256_PLUS));
        assert_eq!(choose(&both, false, ChannelBinding::Prefer), Some(sasl::SCRAM_SHA_256));
        assert_eq!(choose(&plain, true, ChannelBinding::Prefer), Some(sasl::SCRAM_SHA_256));
        assert_eq!(choose(&plain, true, ChannelBinding::Require), None);
        assert_eq!(choose(&["GS2-KRB5".to_owned()], true, ChannelBinding::Prefer), None);
    }
}
