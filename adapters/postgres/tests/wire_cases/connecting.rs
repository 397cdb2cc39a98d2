//! Passwords, TLS, refusals.

use std::error::Error;

use fluxbase_postgres::wire::{ChannelBinding, Pool, Target, TlsMode, WireError};

use super::{ask, options, pool, read, set_up, statement, target, tcp_target, value};
use crate::cluster::cluster;

async fn try_connect(target: Target) -> Result<String, WireError> {
    let pool = Pool::new(target, options(1))?;
    let sql = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";
    Ok(ask(&pool, read(&[], statement(sql))).await?[0][0].clone().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_with_its_sqlstate() {
    let error = try_connect(Target { password: Some("wrong".into()), ..target("wrong_password") }).await.unwrap_err();
    let WireError::Refused(refusal) = &error else { panic!("{error:?}") };
    assert_eq!((refusal.sqlstate.as_str(), refusal.severity.as_str()), ("28P01", "FATAL"));
    assert!(error.to_string().contains("password authentication failed"), "{error}");

    let error = try_connect(Target { password: None, ..target("no_password") }).await.unwrap_err();
    assert!(matches!(error, WireError::Authentication(_)), "{error:?}");
    let error = try_connect(Target { database: "nowhere".into(), ..target("no_database") }).await.unwrap_err();
    assert_eq!(error.sql().unwrap().sqlstate, "3D000");
}

#[tokio::test(flavor = "multi_thread")]
async fn md5_and_cleartext_passwords_are_spoken_too() {
    let admin = pool("passwords", 1);
    set_up(
        &admin,
        &["set password_encryption = 'md5'", "create role md5_user login password 'five'", "create role clear_user login password 'clear'"],
    )
    .await;
    for (user, password) in [("md5_user", "five"), ("clear_user", "clear")] {
        let target = Target { user: user.into(), password: Some(password.into()), ..tcp_target(user, "127.0.0.1", TlsMode::Disable) };
        assert_eq!(try_connect(target.clone()).await.unwrap(), "false");
        let error = try_connect(Target { password: Some("wrong".into()), ..target.clone() }).await.unwrap_err();
        assert_eq!(error.sql().unwrap().sqlstate, "28P01");
        let error = try_connect(Target { channel_binding: ChannelBinding::Require, ..target }).await.unwrap_err();
        assert!(matches!(error, WireError::Authentication(_)), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_as_strict_as_its_mode() {
    if !cluster().tls {
        return; // no openssl to make certificates with
    }
    let root = cluster().folder.join("ca.crt");
    let with = |host: &str, tls, trusted: bool| {
        let target = tcp_target("tls", host, tls);
        Target { root_certificate: trusted.then(|| root.clone()), channel_binding: ChannelBinding::Require, ..target }
    };
    for (host, mode, trusted) in [
        ("127.0.0.1", TlsMode::Prefer, false),
        ("127.0.0.1", TlsMode::Require, false),
        ("127.0.0.1", TlsMode::VerifyCa, true),
        ("localhost", TlsMode::VerifyFull, true),
    ] {
        let encrypted = try_connect(with(host, mode, trusted)).await;
        assert_eq!(encrypted.unwrap_or_else(|error| panic!("{mode:?}: {error:?}")), "true");
    }
    for (host, mode, trusted) in [
        ("localhost", TlsMode::VerifyFull, false), // unknown authority
        ("127.0.0.1", TlsMode::VerifyFull, true),  // another name
        ("127.0.0.1", TlsMode::VerifyCa, false),
    ] {
        let error = try_connect(with(host, mode, trusted)).await.unwrap_err();
        assert!(matches!(error, WireError::Tls { reason: "its certificate is not trusted", .. }), "{mode:?}: {error:?}");
        assert!(error.source().is_some());
    }
    let plain = Target { channel_binding: ChannelBinding::Prefer, ..with("127.0.0.1", TlsMode::Disable, false) };
    assert_eq!(try_connect(plain).await.unwrap(), "false");
    let error = try_connect(with("127.0.0.1", TlsMode::Disable, false)).await.unwrap_err();
    assert!(matches!(error, WireError::Authentication(_)), "binding needs TLS: {error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_a_connect_error() {
    let mut target = tcp_target("nobody", "127.0.0.1", TlsMode::Disable);
    target.host = fluxbase_postgres::wire::Host::Tcp("127.0.0.1".into(), 1);
    let error = try_connect(target).await.unwrap_err();
    assert!(matches!(error, WireError::Connect(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_the_target_hold_in_the_session() {
    let target = Target { options: Some("-c work_mem=1234kB".into()), ..target("options") };
    assert_eq!(value(&Pool::new(target, options(1)).unwrap(), "show work_mem").await, "1234kB");
}
