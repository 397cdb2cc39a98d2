//! What the making of a branch asks the metadata database, asked once before it matters: a connection's first branch would take twice as long as its second, most
//! of it for statements to be planned and catalogues to be read.

use super::OperationPorts;
use crate::trail::{self, FLUXBASE};
use domain::{
    Branch, BranchId, BranchType, DataCloneMode, Generation, Operation, OperationId, OperationKind, Slug,
    branch::{BranchName, BranchRequest},
    operation::Claim,
};
use ports::driven::{StoreError, UnitOfWork};

/// As many units of work as the making of a branch, its worker and those who ask how far it is are at within a moment.
const AT_ONCE: usize = 6;

/// Goes through it in units of work, each over a connection of its own, none of which is committed.
pub(super) async fn rehearse(ports: &OperationPorts) -> Result<(), StoreError> {
    let mut works = Vec::with_capacity(AT_ONCE);
    while works.len() < AT_ONCE {
        let mut work = ports.control_plane.begin().await?;
        make_nothing(ports, &mut *work).await?;
        works.push(work);
    }
    Ok(())
}

async fn make_nothing(ports: &OperationPorts, work: &mut dyn UnitOfWork) -> Result<(), StoreError> {
    let main: Slug = Slug::MAIN.parse().expect("main is a slug");
    let Some(parent) = work.branches().find_by_slug(&main).await? else { return Ok(()) };
    work.branches().count_live(None).await?;
    let branch = nobodys(ports, &parent);
    work.branches().next_generation(&branch.slug).await?;
    let operation = Operation::queued(operation_of(&branch), OperationKind::CreateBranch, branch.id, branch.created_at);
    work.branches().insert(&branch).await?;
    work.operations().insert(&operation).await?;
    work.activity().record(&trail::activity(branch.id, FLUXBASE.to_owned(), "created", None, branch.created_at)).await?;
    work.branches().find(branch.id, true).await?;
    work.branches().find(branch.id, false).await?;
    work.operations().find(operation.id).await?;
    work.operations().save(&Claim { operation: operation.clone(), fence: 0, failures: 0 }).await?;
    work.operations().cancel_requested(operation.id).await?;
    work.branches().update(&branch).await
}

/// Called by its id, as no other is.
fn nobodys(ports: &OperationPorts, parent: &Branch) -> Branch {
    let (id, operation) = (ports.ids.fresh(), OperationId::from_uuid(ports.ids.fresh()));
    let name: BranchName = format!("x{}", id.simple()).parse().expect("a letter and digits are a name");
    let slug = name.slug();
    let request = BranchRequest {
        id: BranchId::from_uuid(id),
        name,
        parent_id: parent.id,
        branch_type: BranchType::Preview,
        clone_mode: DataCloneMode::SchemaOnly,
        created_by: None,
        expires_in: None,
        pull_request: None,
    };
    Branch::request(request, slug, Generation::FIRST, operation, ports.clock.now())
}

fn operation_of(branch: &Branch) -> OperationId {
    branch.state.operation().expect("it is being created")
}
