//! `fluxbase keys create`.

use super::properties;
use crate::cli::{context::Context, failure::CliError, output::write_stderr, table, words::one_of_by};
use client::Answer;
use comfy_table::Cell;
use domain::{Scope, Scopes, Slug, branch::ExpiresIn, table::QualifiedName};
use ports::driving::{CreateApiKey, CreateServiceKey, CreatedKey};

const EXAMPLES: &str = "\
Examples:
  fluxbase keys create --name claude --user alice@example.com
  fluxbase keys create --name report --user alice@example.com --read-only --table public.tasks --rate-limit 60
  fluxbase keys create --name pr-12 --user alice@example.com --branch pr-12 --expires-in 7d
  fluxbase keys create --name ci --service --scope '*' -o json

An API key acts as its user under row level security, or as anon without one. A service key bypasses row level security.
The key itself is printed this once.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CreateArgs {
    /// What to call it
    #[arg(long)]
    name: String,
    /// The user it acts for, by e-mail address or id
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    /// What it may be used for; repeat it, or part scopes by commas [default: read:tables]
    #[arg(long, value_name = "SCOPE", value_parser = one_of_by(scopes(), scope), value_delimiter = ',')]
    scope: Vec<String>,
    /// The only branch it may be used on
    #[arg(long, value_name = "BRANCH")]
    branch: Option<Slug>,
    /// Let it only read, whatever its scopes
    #[arg(long)]
    read_only: bool,
    /// A table it may touch, and no others; repeat it [schema.table; a bare name is in the schema public]
    #[arg(long, value_name = "TABLE", value_parser = table_name)]
    table: Vec<QualifiedName>,
    /// How long it is good, such as 30d
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<ExpiresIn>,
    /// Requests a minute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate_limit: Option<u32>,
    /// Make a service key instead of an API key
    #[arg(long, conflicts_with_all = ["user", "branch", "read_only", "table"])]
    service: bool,
}

fn scope(text: &str) -> Result<String, String> {
    Scopes::parse([text]).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn scopes() -> impl Iterator<Item = &'static str> {
    Scope::ALL.into_iter().map(Scope::name).chain(["*"])
}

fn table_name(text: &str) -> Result<QualifiedName, String> {
    let (schema, name) = text.split_once('.').unwrap_or(("public", text));
    if schema.is_empty() || name.is_empty() {
        return Err("expected schema.table, or the name of a table in the schema public".to_owned());
    }
    Ok(QualifiedName::new(schema, name))
}

pub(super) async fn run(context: &Context, args: CreateArgs) -> Result<(), CliError> {
    let scopes = args.scopes()?;
    let client = context.connect().await?;
    let kind = if args.service { "service key" } else { "API key" };
    write_stderr(&format!("making {kind} '{}' on {}", args.name, client.base_url()));
    let made = if args.service {
        client.send(&CreateServiceKey { name: args.name, scopes, expires_in: args.expires_in, rate_limit: args.rate_limit }).await?
    } else {
        client.send(&args.api_key(scopes)).await?
    };
    write_stderr("keep the key: it is not shown again");
    let Answer { output: CreatedKey { record, secret }, document } = made;
    context.print(&document, || table::properties([("Key", Some(Cell::new(secret.expose())))].into_iter().chain(properties(&record))))
}

impl CreateArgs {
    fn scopes(&self) -> Result<Scopes, CliError> {
        if self.scope.is_empty() {
            return Ok(Scopes::NONE.with(Scope::ReadTables));
        }
        let scopes = Scopes::parse(self.scope.iter().map(String::as_str)).map_err(|unknown| CliError::Usage(unknown.to_string()))?;
        if scopes == Scopes::ALL && !self.service {
            return Err(CliError::Usage("'*' is for service keys only; name the scopes, or add --service".to_owned()));
        }
        Ok(scopes)
    }

    fn api_key(self, scopes: Scopes) -> CreateApiKey {
        CreateApiKey {
            name: self.name,
            user: self.user,
            scopes,
            branch: self.branch,
            read_only: self.read_only,
            tables: (!self.table.is_empty()).then_some(self.table),
            expires_in: self.expires_in,
            rate_limit: self.rate_limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CreateArgs, table_name};
    use clap::Parser;
    use domain::{Scope, Scopes, table::QualifiedName};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: CreateArgs,
    }

    fn parse(line: &str) -> Result<CreateArgs, clap::Error> {
        Line::try_parse_from(format!("create {line}").split(' ')).map(|line| line.args)
    }

    #[test]
    fn without_scopes_a_key_reads_tables() {
        assert_eq!(parse("--name n").unwrap().scopes().unwrap(), Scopes::NONE.with(Scope::ReadTables));
    }

    #[test]
    fn scopes_are_repeated_or_parted_by_commas() {
        let args = parse("--name n --scope read:tables,write:tables --scope execute:rpc").unwrap();
        assert_eq!(args.scopes().unwrap().names(), ["read:tables", "write:tables", "execute:rpc"]);
        assert!(parse("--name n --scope read:everything").unwrap_err().to_string().contains("write:tables"));
        assert_eq!(parse("--name n --scope *").unwrap().scopes().unwrap_err().exit_code(), 2);
        assert_eq!(parse("--name n --scope * --service").unwrap().scopes().unwrap(), Scopes::ALL);
    }

    #[test]
    fn what_narrows_a_key_is_carried_and_makes_no_sense_for_a_service_key() {
        let args = parse("--name n --user a@b.c --branch pr-1 --read-only --table tasks --table app.t --expires-in 30d --rate-limit 5").unwrap();
        let command = args.api_key(Scopes::NONE);
        assert_eq!(command.tables, Some(vec![QualifiedName::new("public", "tasks"), QualifiedName::new("app", "t")]));
        assert_eq!((command.user.as_deref(), command.read_only, command.rate_limit), (Some("a@b.c"), true, Some(5)));
        for narrowed in ["--user a@b.c", "--branch pr-1", "--read-only", "--table t"] {
            assert!(parse(&format!("--name n --service {narrowed}")).is_err(), "{narrowed}");
        }
        for wrong in ["--rate-limit 0", "--expires-in soon", "--branch No!"] {
            assert!(parse(&format!("--name n {wrong}")).is_err(), "{wrong}");
        }
        assert!(table_name(".t").is_err() && table_name("s.").is_err());
    }
}
