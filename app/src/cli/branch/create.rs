//! `fluxbase branch create`.

use super::{begun::Begun, lifetime::Lifetime, reference};
use crate::cli::{
    context::Context,
    failure::CliError,
    git,
    output::write_stderr,
    wait::Waiting,
    words::{one_of, one_of_by},
};
use domain::{
    BranchName, BranchType, DataCloneMode, Slug,
    branch::{MaxAge, PullRequest, RepositoryName, UnknownBranchType},
};
use ports::driving::CreateBranch;
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  fluxbase branch create feature/login
  fluxbase branch create pr-12 --from staging --clone-data full_clone --wait
  fluxbase branch create pr-12 --pr 12                  the repository is that of the git remote
  fluxbase branch create demo --clone-data seed_data --seed 10_users.sql --seed 20_tasks.csv
  fluxbase branch create load-test --clone-data full_clone --max-age 1h --wait
  fluxbase branch create demo --type persistent -o json";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CreateArgs {
    /// Its name; requests name it by the slug made from that (feature/a b becomes feature-a-b)
    name: BranchName,
    /// The branch to cut it from [default: main]
    #[arg(long, value_name = "BRANCH")]
    from: Option<String>,
    #[arg(
        long,
        value_name = "MODE",
        value_parser = one_of::<DataCloneMode>(DataCloneMode::ALL.map(DataCloneMode::name)),
        hide_possible_values = true,
        help = "What to copy: schema_only, full_clone or seed_data [default: the server's]"
    )]
    clone_data: Option<DataCloneMode>,
    /// preview (goes by itself) or persistent [default: preview]
    #[arg(long, value_name = "TYPE", value_parser = one_of_by(["preview", "persistent"], branch_type), hide_possible_values = true)]
    r#type: Option<BranchType>,
    /// How long it lives, such as 12h or 7d, or never [default: the server's, for previews]
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<Lifetime>,
    /// The number of the pull request that it belongs to
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pr: Option<u32>,
    /// The pull request's repository [default: that of the git remote origin]
    #[arg(long, value_name = "OWNER/NAME", requires = "pr")]
    repo: Option<RepositoryName>,
    /// A seed file to run, for seed data; repeat it [default: all of them]
    #[arg(long, value_name = "FILE")]
    seed: Option<Vec<String>>,
    /// How old a kept copy of the parent's rows may be, for full clones, such as 1h [default: not older than now]
    #[arg(long, value_name = "DURATION")]
    max_age: Option<MaxAge>,
    #[command(flatten)]
    waiting: Waiting<false>,
}

fn branch_type(text: &str) -> Result<BranchType, String> {
    let unknown = || UnknownBranchType(text.to_owned()).to_string();
    text.parse().ok().filter(|kind| *kind != BranchType::Main).ok_or_else(unknown)
}

pub(super) async fn run(context: &Context, args: CreateArgs) -> Result<(), CliError> {
    let wait = args.waiting.waits();
    let from = reference::read(args.from.as_deref())?;
    let mut command = args.command(&Context::folder())?;
    let client = context.connect().await?;
    if let Some(from) = from {
        command.parent = Some(from.find(&client).await?);
    }
    let slug = command.name.slug();
    write_stderr(&format!("making branch '{slug}' from '{}' on {}", command.parent.as_deref().unwrap_or(Slug::MAIN), client.base_url()));
    let begun = Begun::from(client.send(&command).await?);
    let begun = if wait { begun.ended(&client, context.format(), &format!("branch '{slug}' could not be made")).await? } else { begun };
    if !wait {
        write_stderr(&format!("it is being made; `fluxbase branch status {slug}` tells how it gets on"));
    }
    context.print(&begun.document, || begun.properties())
}

impl CreateArgs {
    fn command(self, folder: &Path) -> Result<CreateBranch, CliError> {
        let pull_request = self.pr.map(|number| pull_request(number, self.repo, folder)).transpose()?;
        Ok(CreateBranch {
            name: self.name,
            parent: self.from,
            branch_type: self.r#type,
            clone_mode: self.clone_data,
            expires_in: self.expires_in.map(|lifetime| lifetime.0),
            seeds: self.seed,
            max_age: self.max_age,
            pull_request,
        })
    }
}

fn pull_request(number: u32, named: Option<RepositoryName>, folder: &Path) -> Result<PullRequest, CliError> {
    let missing = || CliError::Usage("the repository of the pull request is not known: no git remote 'origin' here; name it with --repo".to_owned());
    let repository = named.or_else(|| git::origin(folder)).ok_or_else(missing)?;
    Ok(PullRequest { repository: Some(repository), number })
}

#[cfg(test)]
mod tests {
    use super::{super::begun::Begun, CreateArgs, branch_type, pull_request};
    use crate::cli::{
        failure::CliError,
        output::Format,
        testing::{Reply, Server, branch, operation},
    };
    use clap::Parser;
    use ports::driving::CreateBranch;
    use serde_json::json;
    use std::path::Path;

    async fn made(server: &Server) -> Result<Begun, CliError> {
        let command = CreateBranch {
            name: "x".parse().unwrap(),
            parent: None,
            branch_type: None,
            clone_mode: None,
            expires_in: None,
            seeds: None,
            max_age: None,
            pull_request: None,
        };
        let begun = Begun::from(server.client().send(&command).await.unwrap());
        begun.ended(&server.client(), Format::Table, "branch 'x' could not be made").await
    }

    #[tokio::test]
    async fn waiting_gives_the_branch_and_the_operation_as_they_end() {
        let begun = json!({ "branch": branch("x", "creating"), "operation": operation("queued", &["queued"]) });
        let ready = Reply::from((200, branch("x", "ready")));
        let server = Server::answering([Reply::from((202, begun)), Reply::events(&[operation("succeeded", &["succeeded"])]), ready]).await;
        let document = made(&server).await.unwrap().document;
        assert_eq!((&document["branch"]["status"], &document["operation"]["status"]), (&json!("ready"), &json!("succeeded")));
        assert_eq!(server.asked().len(), 3);
    }

    #[tokio::test]
    async fn a_branch_that_cannot_be_made_is_a_failure_with_its_reason() {
        let begun = json!({ "branch": branch("x", "creating"), "operation": operation("queued", &["queued"]) });
        let server = Server::answering([Reply::from((202, begun)), Reply::events(&[operation("failed", &["failed"])])]).await;
        let error = made(&server).await.err().unwrap();
        assert_eq!((error.exit_code(), error.to_string().as_str()), (1, "branch 'x' could not be made: no space left"));
    }

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: CreateArgs,
    }

    #[test]
    fn a_branch_may_be_made_for_ever() {
        let made = |words: &[&str]| {
            let line = Line::parse_from(["create", "x"].iter().chain(words));
            line.args.command(Path::new("/")).unwrap().expires_in
        };
        assert_eq!(made(&[]), None);
        assert_eq!(made(&["--expires-in", "never"]), Some(None));
        assert_eq!(made(&["--expires-in", "2h"]), Some(Some("2h".parse().unwrap())));
    }

    #[test]
    fn nobody_makes_a_main_branch() {
        assert!(branch_type("persistent").is_ok());
        assert!(branch_type("main").unwrap_err().contains("main is there already"));
    }

    #[test]
    fn a_pull_request_is_of_the_repository_that_is_named_or_that_one_is_in() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(pull_request(7, None, dir.path()).unwrap_err().exit_code(), 2);
        std::fs::create_dir(dir.path().join(".git")).unwrap();
        std::fs::write(dir.path().join(".git/config"), "[remote \"origin\"]\nurl = git@github.com:octo/repo.git\n").unwrap();
        assert_eq!(pull_request(7, None, dir.path()).unwrap().repository.unwrap().as_str(), "octo/repo");
        let named = Some("a/b".parse().unwrap());
        assert_eq!(pull_request(7, named, dir.path()).unwrap().repository.unwrap().as_str(), "a/b");
    }
}
