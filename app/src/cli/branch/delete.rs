//! `fluxbase branch delete`.

use super::{reference::Reference, switch};
use crate::cli::{
    context::Context,
    failure::CliError,
    output::{Format, write_stderr},
    table, wait,
    wait::Waiting,
};
use client::{Answer, HttpClient};
use comfy_table::Cell;
use domain::{Slug, branch::Status, operation::Progress};
use ports::driving::{DeleteBranch, StartedDelete, StartedOperation};
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  fluxbase branch delete pr-12
  fluxbase branch delete staging --force --wait       its children go too

main and protected branches are never deleted (exit code 4).";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeleteArgs {
    /// Its name, slug or id
    name: String,
    /// Delete the branches that were cut from it, too
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    waiting: Waiting<false>,
}

pub(super) async fn run(context: &Context, args: DeleteArgs) -> Result<(), CliError> {
    let named: Reference = args.name.parse()?;
    let client = context.connect().await?;
    let command = DeleteBranch { branch: named.find(&client).await?, force: args.force };
    let too = if args.force { " and its children" } else { "" };
    write_stderr(&format!("deleting branch '{}'{too} on {}", command.branch, client.base_url()));
    let begun = Deleting::from(client.send(&command).await?);
    // Whatever becomes of the wait: nothing serves a branch that is being deleted.
    for slug in begun.slugs() {
        if switch::leave(slug).is_ok_and(|left| left) {
            write_stderr("switched to branch 'main'");
        }
    }
    let told = if args.waiting.waits() { begun.ended(&client, context.format()).await? } else { begun };
    context.print(&told.document, || told.properties())
}

/// A branch that is being deleted, what goes along with it, and the document of all.
struct Deleting {
    going: Vec<StartedOperation>,
    status: Status,
    document: Value,
}

impl From<Answer<StartedDelete>> for Deleting {
    fn from(answer: Answer<StartedDelete>) -> Self {
        let status = answer.output.branch.state.status();
        Self { going: answer.output.all().collect(), status, document: answer.document }
    }
}

impl Deleting {
    /// The branch that was asked for, then those that go along.
    fn slugs(&self) -> impl Iterator<Item = &Slug> {
        self.going.iter().map(|going| &going.branch.slug)
    }

    /// Waits for the end of each: a branch may be gone before its children are.
    async fn ended(mut self, client: &HttpClient, format: Format) -> Result<Self, CliError> {
        for StartedOperation { branch, operation } in &self.going {
            if self.going.len() > 1 && format == Format::Table {
                write_stderr(&format!("branch '{}':", branch.slug));
            }
            let ended = wait::until_done(client, operation.id, format).await?;
            if ended.output.status != Progress::Succeeded {
                return Err(CliError::of_operation(format!("branch '{}' could not be deleted", branch.slug), ended.output));
            }
            put_gone(&mut self.document, &ended.document);
        }
        Ok(Self { status: Status::Deleted, ..self })
    }

    fn properties(&self) -> String {
        let mut slugs = self.slugs();
        let own = slugs.next().map(Cell::new);
        let along: Vec<_> = slugs.map(Slug::as_str).collect();
        let head = [
            ("Branch", own),
            ("Status", Some(table::status(self.status))),
            ("And its children", (!along.is_empty()).then(|| Cell::new(along.join(", ")))),
        ];
        let at_work = self.going.iter().filter(|_| self.status != Status::Deleted);
        table::properties(head.into_iter().chain(at_work.map(|going| ("Operation", Some(told(going, self.going.len() > 1))))))
    }
}

/// An operation by its id, and which branch it takes away where there are several.
fn told(going: &StartedOperation, one_of_many: bool) -> Cell {
    let StartedOperation { branch, operation } = going;
    if one_of_many { Cell::new(format!("{} ({})", operation.id, branch.slug)) } else { Cell::new(operation.id) }
}

/// Brings a document up to the end of one operation.
fn put_gone(document: &mut Value, ended: &Value) {
    if document["operation"]["id"] == ended["id"] {
        document["operation"] = ended.clone();
        tell_gone(&mut document["branch"], ended);
    }
    let all = document["operations"].as_array_mut().into_iter().flatten();
    let Some((place, operation)) = all.enumerate().find(|(_, operation)| operation["id"] == ended["id"]) else { return };
    *operation = ended.clone();
    tell_gone(&mut document["branches"][place], ended);
}

/// Nobody can ask for the branch any more: it is told as it was last, with nothing at work on it and nothing that serves it.
fn tell_gone(branch: &mut Value, ended: &Value) {
    branch["status"] = json!(Status::Deleted.name());
    branch["updated_at"] = ended["finished_at"].clone();
    for over in ["operation_id", "generation", "previous", "error"] {
        branch[over] = Value::Null;
    }
}

#[cfg(test)]
mod tests {
    use super::Deleting;
    use crate::cli::failure::CliError;
    use crate::cli::output::Format;
    use crate::cli::testing::{Reply, Server, branch, operation};
    use client::RemoteFailure;
    use domain::{Slug, branch::Status};
    use ports::driving::DeleteBranch;
    use serde_json::{Value, json};

    async fn begin(server: &Server, force: bool) -> Result<Deleting, RemoteFailure> {
        server.client().send(&DeleteBranch { branch: "x".to_owned(), force }).await.map(Deleting::from)
    }

    /// The operation with this number, as it stands.
    fn numbered(number: u8, status: &str) -> Value {
        let mut operation = operation(status, &[status]);
        operation["id"] = json!(format!("00000000-0000-4000-8000-0000000000{number:02}"));
        if status == "succeeded" {
            operation["finished_at"] = json!("2026-01-02T03:04:09Z");
        }
        operation
    }

    /// A branch that the operation with this number takes away.
    fn going(slug: &str, number: u8) -> Value {
        let mut branch = branch(slug, "deleting");
        branch["operation_id"] = numbered(number, "queued")["id"].clone();
        branch
    }

    #[tokio::test]
    async fn what_is_gone_is_told_to_be() {
        let begun = json!({ "branch": going("x", 2), "operation": numbered(2, "queued") });
        let server = Server::answering([Reply::from((202, begun)), Reply::events(&[numbered(2, "succeeded")])]).await;
        let begun = begin(&server, true).await.unwrap();
        let operation = |line: &str| line.contains("Operation") && line.contains("00000000-0000-4000-8000-000000000002");
        assert!(begun.properties().lines().any(operation), "{}", begun.properties());
        let told = begun.ended(&server.client(), Format::Table).await.unwrap();
        assert!(!told.properties().contains("Operation"), "{}", told.properties());
        assert_eq!(told.status, Status::Deleted);
        assert_eq!(told.document["operation"]["status"], "succeeded");
        let branch = &told.document["branch"];
        assert_eq!((&branch["status"], &branch["updated_at"]), (&json!("deleted"), &json!("2026-01-02T03:04:09Z")));
        assert_eq!((&branch["operation_id"], &branch["generation"]), (&Value::Null, &Value::Null), "{branch}");
        assert_eq!(server.asked()[0], "DELETE /api/v1/admin/branches/x?force=true");
    }

    #[tokio::test]
    async fn the_end_of_a_branch_is_the_end_of_its_children_too() {
        let begun = || {
            json!({
                "branch": going("x", 2), "operation": numbered(2, "queued"),
                "branches": [going("x", 2), going("child", 3)], "operations": [numbered(2, "queued"), numbered(3, "queued")],
            })
        };
        let ends = |child: &str| [Reply::from((202, begun())), Reply::events(&[numbered(2, "succeeded")]), Reply::events(&[numbered(3, child)])];
        let server = Server::answering(ends("succeeded")).await;
        let deleting = begin(&server, true).await.unwrap();
        assert_eq!(deleting.slugs().map(Slug::as_str).collect::<Vec<_>>(), ["x", "child"]);
        for (number, slug) in [(2, "x"), (3, "child")] {
            let operation = format!("00000000-0000-4000-8000-0000000000{number:02} ({slug})");
            assert!(deleting.properties().contains(&operation), "{}", deleting.properties());
        }
        let told = deleting.ended(&server.client(), Format::Json).await.unwrap();
        for branch in told.document["branches"].as_array().unwrap().iter().chain([&told.document["branch"]]) {
            assert_eq!((&branch["status"], &branch["operation_id"]), (&json!("deleted"), &Value::Null), "{branch}");
        }
        assert!(told.document["operations"].as_array().unwrap().iter().all(|operation| operation["status"] == "succeeded"));
        assert!(told.properties().contains("child"), "{}", told.properties());
        assert_eq!(server.asked().len(), 3);

        let server = Server::answering(ends("failed")).await;
        let error = begin(&server, true).await.unwrap().ended(&server.client(), Format::Json).await.err().unwrap();
        assert_eq!((error.exit_code(), error.to_string().contains("'child'")), (1, true), "{error}");
    }

    #[tokio::test]
    async fn children_are_a_refusal() {
        let server = Server::answering([(409, json!({ "code": "has_children", "detail": "branch 'x' has children: y" }))]).await;
        let error = CliError::from(begin(&server, false).await.err().unwrap());
        assert_eq!(error.exit_code(), 4);
    }
}
