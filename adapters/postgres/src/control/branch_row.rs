//! A row of `branching.branches`, read back into a branch.

use super::error::corrupt;
use domain::{BoxError, Branch, BranchId, BranchState, Generation, OperationId, UserId};
use ports::driven::StoreError;
use time::OffsetDateTime;
use uuid::Uuid;

/// The columns that [`BranchRow`] is read from.
macro_rules! branch_columns {
    () => {
        "id, name, slug, type, status, data_clone_mode, parent_id, created_by, created_at, updated_at, expires_at, generation, next_generation, operation_id, \
         error, deleted_at, withheld, data_as_of, protected, github, previous, \
         (select coalesce(jsonb_agg(to_jsonb(access) - 'branch_id' order by access.granted_at, access.user_id), '[]') \
            from branching.branch_access as access where access.branch_id = branches.id) as grants"
    };
}
pub(super) use branch_columns;

#[derive(sqlx::FromRow)]
pub(super) struct BranchRow {
    id: Uuid,
    name: String,
    slug: String,
    r#type: String,
    status: String,
    data_clone_mode: String,
    parent_id: Option<Uuid>,
    created_by: Option<Uuid>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
    generation: Option<i32>,
    next_generation: Option<i32>,
    operation_id: Option<Uuid>,
    error: Option<String>,
    deleted_at: Option<OffsetDateTime>,
    withheld: serde_json::Value,
    data_as_of: Option<OffsetDateTime>,
    protected: bool,
    github: Option<serde_json::Value>,
    previous: Option<serde_json::Value>,
    grants: serde_json::Value,
}

impl TryFrom<BranchRow> for Branch {
    type Error = StoreError;

    fn try_from(row: BranchRow) -> Result<Self, StoreError> {
        let id = row.id;
        row.parse().map_err(|source| corrupt("branching.branches", id, source))
    }
}

impl BranchRow {
    fn parse(self) -> Result<Branch, BoxError> {
        let state = self.state()?;
        let slug: domain::Slug = self.slug.parse()?;
        Ok(Branch {
            id: BranchId::from_uuid(self.id),
            // The name is reserved: it parses for nobody.
            name: if slug.is_main() { domain::BranchName::main() } else { domain::BranchName::kept(&self.name)? },
            slug,
            branch_type: self.r#type.parse()?,
            clone_mode: self.data_clone_mode.parse()?,
            parent_id: self.parent_id.map(BranchId::from_uuid),
            created_by: self.created_by.map(UserId::from_uuid),
            created_at: self.created_at,
            updated_at: self.updated_at,
            expires_at: self.expires_at,
            withheld: serde_json::from_value(self.withheld)?,
            data_as_of: self.data_as_of,
            protected: self.protected,
            pull_request: self.github.map(serde_json::from_value).transpose()?,
            grants: serde_json::from_value(self.grants)?,
            previous: self.previous.map(serde_json::from_value).transpose()?,
            state,
        })
    }

    fn state(&self) -> Result<BranchState, BoxError> {
        let (generation, next) = (number(self.generation)?, number(self.next_generation)?);
        let operation = self.operation_id.map(OperationId::from_uuid);
        if let Some(next) = next {
            return match (self.status.as_str(), operation, &self.error, self.deleted_at) {
                ("migrating", Some(operation), None, None) => Ok(BranchState::Resetting { operation, generation, next }),
                (status, ..) => Err(format!("columns do not fit a reset in status '{status}'").into()),
            };
        }
        Ok(match (self.status.as_str(), operation, generation, &self.error, self.deleted_at) {
            ("creating", Some(operation), Some(generation), None, None) => BranchState::Creating { operation, generation },
            ("ready", None, Some(generation), None, None) => BranchState::Ready { generation },
            ("migrating", Some(operation), Some(generation), None, None) => BranchState::Migrating { operation, generation },
            ("error", None, generation, Some(reason), None) => BranchState::Error { reason: reason.clone(), generation },
            ("deleting", Some(operation), generation, None, None) => BranchState::Deleting { operation, generation },
            ("deleted", None, None, None, Some(at)) => BranchState::Deleted { at },
            (status, ..) => return Err(format!("columns do not fit the status '{status}'").into()),
        })
    }
}

fn number(generation: Option<i32>) -> Result<Option<Generation>, BoxError> {
    Ok(generation.map(|number| u32::try_from(number).ok().and_then(Generation::new).ok_or("generations count from 1")).transpose()?)
}

/// The columns in which a branch's state is kept, beside its status.
pub(super) struct StateColumns<'a> {
    pub(super) generation: Option<i64>,
    pub(super) next_generation: Option<i64>,
    pub(super) operation_id: Option<Uuid>,
    pub(super) error: Option<&'a str>,
    pub(super) deleted_at: Option<OffsetDateTime>,
}

impl<'a> From<&'a BranchState> for StateColumns<'a> {
    fn from(state: &'a BranchState) -> Self {
        let generation = match state {
            BranchState::Creating { generation, .. } | BranchState::Ready { generation } | BranchState::Migrating { generation, .. } => {
                Some(*generation)
            }
            BranchState::Resetting { generation, .. } | BranchState::Error { generation, .. } | BranchState::Deleting { generation, .. } => {
                *generation
            }
            BranchState::Deleted { .. } => None,
        };
        let next = if let BranchState::Resetting { next, .. } = state { Some(*next) } else { None };
        let deleted_at = if let BranchState::Deleted { at } = state { Some(*at) } else { None };
        Self {
            generation: generation.map(|generation| i64::from(generation.number())),
            next_generation: next.map(|generation| i64::from(generation.number())),
            operation_id: state.operation().map(|operation| operation.as_uuid()),
            error: state.error(),
            deleted_at,
        }
    }
}
