//! `fluxbase login` and `fluxbase logout`: who this machine's user is at a server.

use super::{
    context::Context,
    failure::CliError,
    logins::{Login, Logins},
    output::write_stderr,
    password::{asked, of_stdin},
};
use client::HttpClient;
use domain::user::Email;
use ports::driving::{SignIn, SignOut};
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  fluxbase login alice@example.com
  fluxbase login alice@example.com --password-stdin < password.txt
  fluxbase login --key fb_pk_...
  fluxbase logout

The session is kept in your configuration folder, for this server; --key and the environment come before it.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LoginArgs {
    /// The account's address; without one, --key is kept
    email: Option<Email>,
    /// Read the password from a line of standard input instead of asking for it
    #[arg(long, requires = "email")]
    password_stdin: bool,
}

pub(super) async fn login(context: &Context, args: LoginArgs) -> Result<(), CliError> {
    let found = context.find_server()?;
    let client = HttpClient::new(found.url.clone(), None)?;
    let logins = logins()?;
    let (login, who) = match (args.email, context.key_flag()) {
        (Some(email), None) => {
            let password = if args.password_stdin { of_stdin()? } else { asked(&format!("password of {}: ", email.as_str()))? };
            let session = client.send(&SignIn { email, password }).await?.output;
            (Login::of_session(&session), session.user.email.clone())
        }
        (None, Some(key)) => {
            let login = Login::Key { key: key.trim().to_owned() };
            login.credential()?;
            (login, "a key".to_owned())
        }
        (Some(_), Some(_)) => return Err(CliError::Usage("give an account or a key, not both".to_owned())),
        (None, None) => return Err(CliError::Usage("say who: `fluxbase login <email>`, or `fluxbase login --key <key>`".to_owned())),
    };
    logins.keep(&found.url, Some(&login))?;
    let url = client.base_url();
    context.print(&json!({ "url": url, "as": who }), || format!("signed in at {url} as {who}"))
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LogoutArgs {}

pub(super) async fn logout(context: &Context, _args: LogoutArgs) -> Result<(), CliError> {
    let found = context.find_server()?;
    let logins = logins()?;
    let login = logins.find(&found.url)?;
    if let Some(login @ Login::Session { .. }) = &login {
        let client = HttpClient::new(found.url.clone(), None)?;
        // One that is over already cannot be ended, and need not be.
        if let Ok(Some(credential)) = logins.fresh_credential(&client, &found.url, login.clone()).await
            && let Err(failure) = client.with_credential(Some(credential)).send(&SignOut).await
        {
            write_stderr(&format!("the server did not end the session: {failure}"));
        }
    }
    logins.keep(&found.url, None)?;
    let url = found.url.as_str().trim_end_matches('/');
    let text = if login.is_some() { format!("signed out at {url}") } else { format!("nobody was signed in at {url}") };
    context.print(&json!({ "url": url, "was_signed_in": login.is_some() }), || text)
}

fn logins() -> Result<Logins, CliError> {
    Logins::of_user().ok_or_else(|| CliError::local("no_home", "there is no home folder to keep the login in", Some("use --key instead")))
}
