//! `fluxbase branch switch`.

use super::reference::Reference;
use crate::cli::{
    context::Context,
    failure::CliError,
    project::{Project, ProjectConfig},
};
use domain::Slug;
use ports::driving::GetBranch;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  fluxbase branch switch pr-12
  fluxbase branch switch -          back to where you were
  fluxbase branch switch main
  fluxbase branch switch            which one it is

The branch is kept in the project's .fluxbase/ folder: every later command carries it.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SwitchArgs {
    /// Its name, slug or id; - is the one before; without it, the present one is told
    name: Option<String>,
}

pub(super) async fn run(context: &Context, args: SwitchArgs) -> Result<(), CliError> {
    let folder = Context::folder();
    let Some(name) = args.name else {
        let branch = Project::of(&folder)?.map_or(Ok(None), |project| project.config()?.branch())?.unwrap_or_else(Slug::main);
        return context.print(&json!({ "branch": branch }), || branch.to_string());
    };
    let asked = match name.as_str() {
        "-" => {
            Reference::Exact(before(&Project::of(&folder)?.map_or_else(|| Ok(ProjectConfig::default()), |project| project.config())?)?.to_string())
        }
        _ => name.parse()?,
    };
    // A branch that is not there, or not for the caller, is none to switch to.
    let client = context.connect().await?;
    let asked = asked.find(&client).await?;
    let branch = client.send(&GetBranch { branch: asked }).await?.output.branch;
    let project = Project::of_or_new(&folder)?;
    project.write(&project.config()?.switched(&branch.slug)?)?;
    let document = json!({ "branch": branch.slug, "project": project.folder().display().to_string() });
    context.print(&document, || format!("switched to branch '{}'", branch.slug))
}

fn before(config: &ProjectConfig) -> Result<Slug, CliError> {
    config.previous_branch()?.ok_or_else(|| CliError::Usage("there is no branch before: nothing was switched yet".to_owned()))
}

/// Goes back to main where a branch is gone that was switched to. Gives whether it was.
pub(super) fn leave(slug: &Slug) -> Result<bool, CliError> {
    let Some(project) = Project::of(&Context::folder())? else { return Ok(false) };
    let config = project.config()?;
    if config.branch()?.as_ref() != Some(slug) {
        return Ok(false);
    }
    project.write(&config.switched(&Slug::main())?)?;
    Ok(true)
}
