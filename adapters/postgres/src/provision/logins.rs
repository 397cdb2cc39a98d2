//! The logins that this instance makes for itself, each with a password that nobody ever types.

use super::{
    capabilities::Capabilities,
    error::{ProvisionError, is_denied},
    roles::Role,
    sql::{ident, literal, run},
};
use ports::driven::{Secret, SecretBox};
use postgres_protocol::password::scram_sha_256;
use rand::distr::{Alphanumeric, SampleString};
use sqlx::PgConnection;
use uuid::Uuid;

/// 238 random bits.
const PASSWORD_LENGTH: usize = 40;

/// A PostgreSQL login. Debug hides the password.
#[derive(Clone, Debug)]
pub struct Login {
    /// The role.
    pub name: String,
    /// Its password.
    pub password: Secret,
}

/// The logins of an instance: main's own, and the images of those that each branch's database has.
#[derive(Clone, Debug)]
pub struct Logins {
    /// User traffic: may become `anon` and `authenticated`, and nothing else.
    pub user: Login,
    /// Service traffic: may become `service_role`; where that cannot bypass row level security, the owners of tables too.
    pub service: Login,
    /// The image of those that work inside branch databases, as their objects' owner.
    pub builder: Login,
}

/// Makes the logins that are missing, and passwords where none can be read.
pub(super) async fn ensure(
    connection: &mut PgConnection,
    capabilities: &Capabilities,
    instance: Uuid,
    secrets: &dyn SecretBox,
) -> Result<Logins, ProvisionError> {
    let name = |purpose| name_of(instance, purpose);
    Ok(Logins {
        user: login(connection, capabilities, name("user"), false, secrets).await?,
        service: login(connection, capabilities, name("service"), false, secrets).await?,
        builder: login(connection, capabilities, name("builder"), true, secrets).await?,
    })
}

/// What a login of this instance is called.
pub(super) fn name_of(instance: Uuid, purpose: &str) -> String {
    format!("fluxbase_{}_{purpose}", &instance.simple().to_string()[..8])
}

/// Makes one login where it is missing.
pub(super) async fn login(
    connection: &mut PgConnection,
    capabilities: &Capabilities,
    name: String,
    inherits: bool,
    secrets: &dyn SecretBox,
) -> Result<Login, ProvisionError> {
    let known = kept_password(connection, &name, secrets).await?;
    let password = known.clone().unwrap_or_else(|| Secret::new(Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH)));
    let statement = match Role::find(connection, &name).await? {
        None => Some(("create", attributes(inherits, Some(&password)))),
        Some(role) => {
            let fits = role.logs_in && role.inherits == inherits && known.is_some();
            (!fits).then(|| ("alter", attributes(inherits, known.is_none().then_some(&password))))
        }
    };
    if let Some((verb, attributes)) = statement {
        run(connection, format!("{verb} role {} {attributes}", ident(&name))).await.map_err(|error| not_allowed(error, capabilities, &name))?;
    }
    if known.is_none() {
        keep_password(connection, &name, &secrets.seal(&purpose(&name), &password)).await?;
    }
    Ok(Login { name, password })
}

/// The server is told a verifier: the password itself would stand in its log.
fn attributes(inherits: bool, password: Option<&Secret>) -> String {
    let inherit = if inherits { "inherit" } else { "noinherit" };
    match password {
        Some(password) => format!("login {inherit} password {}", literal(&scram_sha_256(password.expose().as_bytes()))),
        None => format!("login {inherit}"),
    }
}

async fn kept_password(connection: &mut PgConnection, name: &str, secrets: &dyn SecretBox) -> Result<Option<Secret>, sqlx::Error> {
    let sealed: Option<Vec<u8>> =
        sqlx::query_scalar("select sealed_password from fluxbase.logins where name = $1").bind(name).fetch_optional(connection).await?;
    Ok(sealed.and_then(|sealed| secrets.open(&purpose(name), &sealed)))
}

async fn keep_password(connection: &mut PgConnection, name: &str, sealed: &[u8]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into fluxbase.logins (name, sealed_password) values ($1, $2) on conflict (name) do update set sealed_password = excluded.sealed_password",
    )
    .bind(name)
    .bind(sealed)
    .execute(connection)
    .await
    .map(drop)
}

fn purpose(name: &str) -> String {
    format!("login:{name}")
}

fn not_allowed(error: sqlx::Error, capabilities: &Capabilities, name: &str) -> ProvisionError {
    if !is_denied(&error) {
        return error.into();
    }
    ProvisionError::NotAllowed {
        admin: capabilities.admin.clone(),
        what: format!("make or alter login '{name}'"),
        way_round: format!("grant {} to {} with admin option", ident(name), ident(&capabilities.admin)),
    }
}

#[cfg(test)]
mod tests {
    use super::attributes;
    use ports::driven::Secret;

    #[test]
    fn the_password_itself_is_in_no_statement() {
        let sql = attributes(false, Some(&Secret::new("correct horse")));
        assert!(sql.starts_with("login noinherit password 'SCRAM-SHA-256$4096:"), "{sql}");
        assert!(!sql.contains("correct"), "{sql}");
        assert_eq!(attributes(true, None), "login inherit");
    }
}
