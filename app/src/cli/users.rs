//! `fluxbase users`: people who sign in.

use super::{context::Context, failure::CliError, output::write_stderr, pages, password, table, when::relative};
use comfy_table::Cell;
use domain::{
    page::PageRequest,
    user::{Email, User},
};
use ports::driving::{CreateUser, ListUsers, PromoteUser};

const EXAMPLES: &str = "\
Examples:
  fluxbase users create carol@example.com
  fluxbase users create root@example.com --admin --password-stdin < password.txt
  fluxbase users promote dave@example.com
  fluxbase users list -o json";

#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum UsersCommand {
    /// Make a user
    Create(CreateArgs),
    /// Make a user who signed up a member, who may make full clones; or anybody an administrator
    Promote(PromoteArgs),
    /// List the users
    #[command(after_help = EXAMPLES)]
    List,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CreateArgs {
    /// Its e-mail address
    email: Email,
    /// Let it administer this instance
    #[arg(long)]
    admin: bool,
    /// Read its password from a line of standard input; without one it cannot sign in by password
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PromoteArgs {
    /// Its e-mail address or id; nobody has checked that the address of who signed up is theirs
    #[arg(value_name = "USER")]
    user: String,
    /// Let it administer this instance, from the next time it signs in or refreshes its session
    #[arg(long)]
    admin: bool,
}

pub(super) async fn run(context: &Context, command: UsersCommand) -> Result<(), CliError> {
    match command {
        UsersCommand::Create(args) => create(context, args).await,
        UsersCommand::Promote(args) => promote(context, args).await,
        UsersCommand::List => list(context).await,
    }
}

async fn create(context: &Context, args: CreateArgs) -> Result<(), CliError> {
    let password = if args.password_stdin { Some(password::of_stdin()?) } else { None };
    let client = context.connect().await?;
    write_stderr(&format!("making user {} on {}", args.email.as_str(), client.base_url()));
    let made = client.send(&CreateUser { email: args.email, password, admin: args.admin }).await?;
    context.print(&made.document, || properties(&made.output))
}

async fn promote(context: &Context, args: PromoteArgs) -> Result<(), CliError> {
    let client = context.connect().await?;
    write_stderr(&format!("promoting user {} on {}", args.user, client.base_url()));
    let promoted = client.send(&PromoteUser { user: args.user, admin: args.admin }).await?;
    context.print(&promoted.document, || properties(&promoted.output))
}

fn properties(user: &User) -> String {
    table::properties([
        ("User", Some(Cell::new(&user.email))),
        ("Id", Some(Cell::new(user.id))),
        ("Member", Some(table::yes_or_no(user.member))),
        ("Admin", Some(table::yes_or_no(user.admin))),
    ])
}

async fn list(context: &Context) -> Result<(), CliError> {
    let command = |cursor| ListUsers { page: PageRequest { limit: PageRequest::MAX_LIMIT, cursor } };
    let (users, documents) = pages::all(&context.connect().await?, command).await?;
    context.print(&pages::document(&documents), || user_table(&users))
}

fn user_table(users: &[User]) -> String {
    let row = |user: &User| {
        [
            Cell::new(&user.email),
            Cell::new(user.id),
            table::yes_or_no(user.member),
            table::yes_or_no(user.admin),
            Cell::new(relative(user.created_at)),
        ]
    };
    table::list(["EMAIL", "ID", "MEMBER", "ADMIN", "CREATED"], users.iter().map(row))
}
