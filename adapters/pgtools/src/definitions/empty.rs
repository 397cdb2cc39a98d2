//! What only the admin can put into a branch's database, while nothing of anybody's is in it that could act as the admin: schema owners, extensions.

use super::never_copied::EXTENSIONS;
use crate::{
    connect::run,
    error::{from_sql, listed, refused, sql_state},
    quoting::{ident, literal},
    settings::Settings,
};
use domain::branch::OWNER_ROLE;
use ports::driven::{BuildError, BuildRequest};
use sqlx::{Connection, PgConnection};

/// An extension of the parent, and where it is.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Extension {
    name: String,
    version: String,
    schema: String,
    /// Whether the schema is the extension's own, made along with it.
    makes_schema: bool,
    comment: Option<String>,
}

impl Extension {
    /// The schema that has to be there before it.
    pub(crate) fn needs_schema(&self) -> Option<&str> {
        let given = self.makes_schema || ["pg_catalog", "public"].contains(&self.schema.as_str());
        (!given).then_some(self.schema.as_str())
    }

    /// What is wrong and what helps, where the server has no files to make it with: a branch has its parent's version, or what stands on it might be another
    /// thing. `admin` failed to make it.
    async fn lacks_files(&self, admin: &mut PgConnection) -> Result<Option<String>, BuildError> {
        let Self { name, version, .. } = self;
        // Where the connection is gone, the first error tells.
        if run(admin, "rollback").await.is_err() {
            return Ok(None);
        }
        let versions: Vec<String> = sqlx::query_scalar("select version from pg_available_extension_versions where name = $1 order by 1")
            .bind(name)
            .fetch_all(admin)
            .await
            .map_err(|error| from_sql("reading which extensions there are", error))?;
        if versions.contains(version) {
            return Ok(None);
        }
        let way = if versions.is_empty() {
            "has no files of it: install them, or drop the extension in the parent if nothing needs it".to_owned()
        } else {
            const SHOWN: usize = 20;
            let update = format!("say in the parent: alter extension {} update; or install the files of that version, too", ident(name));
            format!("has files for other versions only ({}), as after an upgrade of its package: {update}", listed(&versions, SHOWN))
        };
        Ok(Some(format!("the parent has extension '{name}' in version {version}, and the server {way}")))
    }
}

/// The parent's extensions, those that others require first.
pub(crate) async fn extensions(parent: &mut PgConnection) -> Result<Vec<Extension>, BuildError> {
    sqlx::query_as(
        "with recursive needs(extension, depth) as (
             select oid, 0 from pg_extension
             union
             select d.objid, n.depth + 1 from needs n
               join pg_depend d on d.classid = 'pg_extension'::regclass and d.refclassid = 'pg_extension'::regclass and d.refobjid = n.extension
              where n.depth < 32
         )
         select e.extname::text as name, e.extversion as version, n.nspname::text as schema, obj_description(e.oid, 'pg_extension') as comment,
                exists (select from pg_depend d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e') as makes_schema
           from pg_extension e join pg_namespace n on n.oid = e.extnamespace
          where e.extname <> all($1) and e.extname <> 'plpgsql'
          order by (select max(depth) from needs where extension = e.oid), e.extname",
    )
    .bind(EXTENSIONS)
    .fetch_all(parent)
    .await
    .map_err(|error| from_sql("reading the parent's extensions", error))
}

/// Prepares the empty database, as the admin. `has_public` tells whether the parent still has that schema.
/// `shared`: schemas of extensions in which the owner of branches is to make objects.
pub(crate) async fn prepare(
    settings: &Settings,
    request: &BuildRequest,
    (extensions, shared): (&[Extension], &[&str]),
    has_public: bool,
) -> Result<(), BuildError> {
    let mut admin = settings.admin_in(&request.target.database).await?;
    let owner = ident(OWNER_ROLE);
    let public = if has_public { format!("alter schema public owner to {owner}") } else { "drop schema public".to_owned() };
    run(&mut admin, public).await.map_err(|error| from_sql("giving schema public to the owner of branches", error))?;
    for extension in extensions {
        create_extension(&mut admin, extension, &owner).await?;
    }
    // Lent: whoever makes a foreign server must be allowed to. [`super::by_admin`] takes it back where the parent does not grant it. What is not ours to lend
    // has servers that stay behind.
    let wrappers: Vec<String> = sqlx::query_scalar("select fdwname::text from pg_foreign_data_wrapper")
        .fetch_all(&mut admin)
        .await
        .map_err(|error| from_sql("reading foreign data wrappers", error))?;
    for wrapper in wrappers {
        let grant = format!("grant usage on foreign data wrapper {} to {owner}", ident(&wrapper));
        match run(&mut admin, grant).await {
            Err(error) if sql_state(&error).as_deref() == Some("42501") => {}
            outcome => outcome.map_err(|error| from_sql(format!("granting the foreign data wrapper '{wrapper}'"), error))?,
        }
    }
    // To make objects there is lent, too.
    for schema in shared {
        match run(&mut admin, format!("grant usage, create on schema {} to {owner}", ident(schema))).await {
            // Not this admin's: whatever cannot be made there says so.
            Err(error) if sql_state(&error).as_deref() == Some("42501") => {}
            outcome => outcome.map_err(|error| from_sql(format!("granting schema '{schema}'"), error))?,
        }
    }
    let _ = admin.close().await;
    Ok(())
}

async fn create_extension(admin: &mut PgConnection, extension: &Extension, owner: &str) -> Result<(), BuildError> {
    let (name, schema) = (ident(&extension.name), ident(&extension.schema));
    let mut statements = vec!["begin".to_owned()];
    if extension.needs_schema().is_some() {
        statements.push(format!("create schema if not exists {schema} authorization {owner}"));
    }
    let place = if extension.makes_schema { String::new() } else { format!(" schema {schema}") };
    statements.push(format!("create extension {name}{place} version {}", literal(&extension.version)));
    let comment = extension.comment.as_deref().map_or("null".to_owned(), literal);
    statements.push(format!("comment on extension {name} is {comment}"));
    statements.push("commit".to_owned());
    let Err(error) = run(admin, statements.join("; ")).await else { return Ok(()) };
    let error = from_sql(format!("creating extension '{}' {}", extension.name, extension.version), error);
    match (extension.lacks_files(admin).await?, error) {
        (Some(message), _) | (None, BuildError::Refused { message, .. }) => Err(refused("extension_unavailable", message)),
        (None, other) => Err(other),
    }
}
