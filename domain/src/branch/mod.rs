//! Branches: isolated copies of the database, their names, states and rules.

mod clone_mode;
mod closure;
mod expiry;
mod generation;
mod grant;
mod name;
mod previous;
mod pull_request;
mod quota;
mod routing;
mod state;
mod transitions;

pub use clone_mode::{BranchType, DataCloneMode, UnknownBranchType, UnknownCloneMode};
pub use closure::{ColumnFacts, ForeignKeyFacts, TableFacts, Withheld, WithheldRows, close_over_foreign_keys};
pub use expiry::{ExpiresIn, InvalidDuration, InvalidMaxAge, MaxAge};
pub use generation::{DatabaseName, Generation};
pub use grant::{AccessLevel, Grant, UnknownAccessLevel};
pub use name::{BranchName, InvalidBranchName, InvalidSlug, Slug};
pub use previous::Previous;
pub use pull_request::{InvalidRepository, PullRequest, RepositoryName};
pub use quota::Quota;
pub use routing::{BranchMentions, MentionPlace};
pub use state::{BranchState, IllegalTransition, Status};
pub use transitions::main_stays;

use crate::{operation::OperationId, user::UserId};
use time::OffsetDateTime;

/// The role that owns every object of every branch database.
pub const OWNER_ROLE: &str = "fluxbase_branch_owner";

crate::identifier! {
    /// A branch. UUIDv4, unique among all branches in its first eight digits: the roles that people connect to branches as are named by them.
    BranchId
}

impl BranchId {
    /// The first eight digits, as names of roles carry them.
    pub fn short(self) -> String {
        self.as_uuid().simple().to_string()[..8].to_owned()
    }
}

/// An isolated copy of the database, or `main` itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Identity, for ever.
    pub id: BranchId,
    /// As its maker wrote it.
    pub name: BranchName,
    /// As requests name it; unique among live branches.
    pub slug: Slug,
    /// Main, preview or persistent.
    pub branch_type: BranchType,
    /// What was copied.
    pub clone_mode: DataCloneMode,
    /// What it was cut from; `None` for main.
    pub parent_id: Option<BranchId>,
    /// The user that made it; `None` for service keys and for main.
    pub created_by: Option<UserId>,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When its row last changed.
    pub updated_at: OffsetDateTime,
    /// When it goes by itself.
    pub expires_at: Option<OffsetDateTime>,
    /// What its latest copy left out, and why.
    pub withheld: Vec<Withheld>,
    /// The moment that its rows were copied at, where they were: a kept copy is older than the branch.
    pub data_as_of: Option<OffsetDateTime>,
    /// Whether delete and reset are refused.
    pub protected: bool,
    /// The pull request it belongs to.
    pub pull_request: Option<PullRequest>,
    /// Who else may do what on it.
    pub grants: Vec<Grant>,
    /// What a reset replaced, while it can be brought back.
    pub previous: Option<Previous>,
    /// Where it stands.
    pub state: BranchState,
}

/// What is asked for when a branch is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchRequest {
    /// Identity, freshly made.
    pub id: BranchId,
    /// Its name.
    pub name: BranchName,
    /// What to cut it from.
    pub parent_id: BranchId,
    /// Preview or persistent.
    pub branch_type: BranchType,
    /// What to copy.
    pub clone_mode: DataCloneMode,
    /// Who asks.
    pub created_by: Option<UserId>,
    /// The lifetime asked for, or the default of its type.
    pub expires_in: Option<ExpiresIn>,
    /// The pull request it belongs to.
    pub pull_request: Option<PullRequest>,
}

impl Branch {
    /// A branch as it begins: its row comes before any effect, so that a crash leaves nothing unnamed.
    pub fn request(request: BranchRequest, slug: Slug, generation: Generation, operation: OperationId, now: OffsetDateTime) -> Self {
        Self {
            id: request.id,
            name: request.name,
            slug,
            branch_type: request.branch_type,
            clone_mode: request.clone_mode,
            parent_id: Some(request.parent_id),
            created_by: request.created_by,
            created_at: now,
            updated_at: now,
            expires_at: request.expires_in.map(|lifetime| now + lifetime.duration()),
            withheld: Vec::new(),
            data_as_of: None,
            protected: false,
            pull_request: request.pull_request,
            grants: Vec::new(),
            previous: None,
            state: BranchState::Creating { operation, generation },
        }
    }

    /// Whether this is the default branch.
    pub fn is_main(&self) -> bool {
        self.branch_type == BranchType::Main
    }

    /// Whether delete and reset are refused, whoever asks: of main they always are.
    pub fn keeps_its_data(&self) -> bool {
        self.protected || self.is_main()
    }
}
