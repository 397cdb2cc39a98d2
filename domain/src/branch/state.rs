//! Where a branch stands. Every transition consumes the state it starts from, so an illegal one has no value to hold it.

use super::Generation;
use crate::operation::OperationId;
use std::fmt;
use time::OffsetDateTime;

/// Where a branch stands, with what belongs to that state only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BranchState {
    /// Its first generation is being built; nothing serves.
    Creating {
        /// The operation that builds it.
        operation: OperationId,
        /// The generation being built: known before anything is made, so that a crash leaves nothing unnamed.
        generation: Generation,
    },
    /// A generation serves.
    Ready {
        /// The one that serves.
        generation: Generation,
    },
    /// Migrations run; its generation keeps serving.
    Migrating {
        /// The operation that migrates.
        operation: OperationId,
        /// The one that serves.
        generation: Generation,
    },
    /// Another generation is to serve: one that a reset builds beside the one that serves, or the one that a reset had replaced. Answers call it
    /// `migrating`: who waits for `ready` waits for the switch.
    Resetting {
        /// The operation that resets it, or undoes that.
        operation: OperationId,
        /// The one that serves meanwhile; `None` where none ever did.
        generation: Option<Generation>,
        /// The one that is to serve: known before anything is made.
        next: Generation,
    },
    /// Something failed for good.
    Error {
        /// What, for people.
        reason: String,
        /// The one that still serves, where there is one.
        generation: Option<Generation>,
    },
    /// Being taken away; nothing serves.
    Deleting {
        /// The operation that deletes it.
        operation: OperationId,
        /// The last one that served; its database goes too.
        generation: Option<Generation>,
    },
    /// Gone. Its slug is free again.
    Deleted {
        /// Since when.
        at: OffsetDateTime,
    },
}

/// A state by its name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// See [`BranchState::Creating`].
    Creating,
    /// See [`BranchState::Ready`].
    Ready,
    /// See [`BranchState::Migrating`].
    Migrating,
    /// See [`BranchState::Error`].
    Error,
    /// See [`BranchState::Deleting`].
    Deleting,
    /// See [`BranchState::Deleted`].
    Deleted,
}

impl Status {
    /// As answers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Ready => "ready",
            Self::Migrating => "migrating",
            Self::Error => "error",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A transition that the state does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is {from}")]
pub struct IllegalTransition {
    /// The state it is in.
    pub from: Status,
}

impl BranchState {
    /// The state's name.
    pub const fn status(&self) -> Status {
        match self {
            Self::Creating { .. } => Status::Creating,
            Self::Ready { .. } => Status::Ready,
            Self::Migrating { .. } | Self::Resetting { .. } => Status::Migrating,
            Self::Error { .. } => Status::Error,
            Self::Deleting { .. } => Status::Deleting,
            Self::Deleted { .. } => Status::Deleted,
        }
    }

    /// The generation that requests are routed to, where one serves.
    pub const fn serving(&self) -> Option<Generation> {
        match self {
            Self::Ready { generation } | Self::Migrating { generation, .. } => Some(*generation),
            Self::Resetting { generation, .. } | Self::Error { generation, .. } => *generation,
            Self::Creating { .. } | Self::Deleting { .. } | Self::Deleted { .. } => None,
        }
    }

    /// What failed, in the error state.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Error { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// The operation at work on it.
    pub const fn operation(&self) -> Option<OperationId> {
        match self {
            Self::Creating { operation, .. }
            | Self::Migrating { operation, .. }
            | Self::Resetting { operation, .. }
            | Self::Deleting { operation, .. } => Some(*operation),
            Self::Ready { .. } | Self::Error { .. } | Self::Deleted { .. } => None,
        }
    }

    /// Creating → ready: a verified generation serves.
    pub fn built(self) -> Result<Self, IllegalTransition> {
        match self {
            Self::Creating { generation, .. } => Ok(Self::Ready { generation }),
            other => Err(other.illegal()),
        }
    }

    /// Creating → error, when the build failed for good and nothing is left of it.
    pub fn failed(self, reason: String) -> Result<Self, IllegalTransition> {
        match self {
            Self::Creating { .. } => Ok(Self::Error { reason, generation: None }),
            other => Err(other.illegal()),
        }
    }

    /// Ready or error with a generation that serves → migrating.
    pub fn migrate(self, operation: OperationId) -> Result<Self, IllegalTransition> {
        match self {
            Self::Ready { generation } | Self::Error { generation: Some(generation), .. } => Ok(Self::Migrating { operation, generation }),
            other => Err(other.illegal()),
        }
    }

    /// Migrating → ready.
    pub fn migrated(self) -> Result<Self, IllegalTransition> {
        match self {
            Self::Migrating { generation, .. } => Ok(Self::Ready { generation }),
            other => Err(other.illegal()),
        }
    }

    /// Migrating → error. What was there before the file that failed serves on.
    pub fn migrate_failed(self, reason: String) -> Result<Self, IllegalTransition> {
        match self {
            Self::Migrating { generation, .. } => Ok(Self::Error { reason, generation: Some(generation) }),
            other => Err(other.illegal()),
        }
    }

    /// Ready or error → resetting. One whose first build failed may be built again this way.
    pub fn reset(self, operation: OperationId, next: Generation) -> Result<Self, IllegalTransition> {
        match self {
            Self::Ready { generation } => Ok(Self::Resetting { operation, generation: Some(generation), next }),
            Self::Error { generation, .. } => Ok(Self::Resetting { operation, generation, next }),
            other => Err(other.illegal()),
        }
    }

    /// Resetting → ready: the next generation serves. Also says which one served before.
    pub fn switched(self) -> Result<(Self, Option<Generation>), IllegalTransition> {
        match self {
            Self::Resetting { generation, next, .. } => Ok((Self::Ready { generation: next }, generation)),
            other => Err(other.illegal()),
        }
    }

    /// Resetting → error, when the build failed for good and nothing is left of it. The old generation serves on.
    pub fn reset_failed(self, reason: String) -> Result<Self, IllegalTransition> {
        match self {
            Self::Resetting { generation, .. } => Ok(Self::Error { reason, generation }),
            other => Err(other.illegal()),
        }
    }

    /// Ready or error → on its way back to the generation that a reset had replaced, which is there already: see [`BranchState::Resetting`].
    pub fn undo(self, operation: OperationId, previous: Generation) -> Result<Self, IllegalTransition> {
        self.reset(operation, previous)
    }

    /// What is under way → what it was, when that was called off and nothing is left of it: a branch that was never built is gone. `error` is what was
    /// wrong with it before, where something was.
    pub fn called_off(self, error: Option<String>, at: OffsetDateTime) -> Result<Self, IllegalTransition> {
        let generation = match self {
            Self::Creating { .. } => return Ok(Self::Deleted { at }),
            Self::Migrating { generation, .. } => Some(generation),
            Self::Resetting { generation, .. } | Self::Deleting { generation, .. } => generation,
            other => return Err(other.illegal()),
        };
        Ok(match (generation, error) {
            (Some(generation), None) => Self::Ready { generation },
            (generation, error) => Self::Error { reason: error.unwrap_or_else(|| "it was never built".to_owned()), generation },
        })
    }

    /// Ready or error → deleting. A branch that is being built is not torn from under its builder.
    pub fn delete(self, operation: OperationId) -> Result<Self, IllegalTransition> {
        match self {
            Self::Ready { generation } => Ok(Self::Deleting { operation, generation: Some(generation) }),
            Self::Error { generation, .. } => Ok(Self::Deleting { operation, generation }),
            other => Err(other.illegal()),
        }
    }

    /// Deleting → deleted: nothing of it is left.
    pub fn gone(self, at: OffsetDateTime) -> Result<Self, IllegalTransition> {
        match self {
            Self::Deleting { .. } => Ok(Self::Deleted { at }),
            other => Err(other.illegal()),
        }
    }

    const fn illegal(&self) -> IllegalTransition {
        IllegalTransition { from: self.status() }
    }
}

#[cfg(test)]
mod tests {
    use super::{BranchState, Status};
    use crate::{branch::Generation, operation::OperationId};
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn every_state() -> [BranchState; 7] {
        let operation = OperationId::from_uuid(Uuid::nil());
        let generation = Generation::FIRST;
        [
            BranchState::Creating { operation, generation },
            BranchState::Ready { generation },
            BranchState::Migrating { operation, generation },
            BranchState::Resetting { operation, generation: Some(generation), next: Generation::new(2).unwrap() },
            BranchState::Error { reason: "disk full".to_owned(), generation: None },
            BranchState::Deleting { operation, generation: Some(generation) },
            BranchState::Deleted { at: OffsetDateTime::UNIX_EPOCH },
        ]
    }

    #[test]
    fn each_transition_has_just_its_own_starting_states() {
        let operation = OperationId::from_uuid(Uuid::nil());
        for state in every_state() {
            let status = state.status();
            assert_eq!(state.clone().built().is_ok(), status == Status::Creating);
            assert_eq!(state.clone().failed(String::new()).is_ok(), status == Status::Creating);
            assert_eq!(state.clone().delete(operation).is_ok(), matches!(status, Status::Ready | Status::Error));
            assert_eq!(state.clone().migrate(operation).is_ok(), status == Status::Ready);
            assert_eq!(state.clone().reset(operation, Generation::FIRST).is_ok(), matches!(status, Status::Ready | Status::Error));
            assert_eq!(state.clone().undo(operation, Generation::FIRST).is_ok(), matches!(status, Status::Ready | Status::Error));
            let under_way = state.operation().is_some();
            assert_eq!(state.clone().called_off(None, OffsetDateTime::UNIX_EPOCH).is_ok(), under_way);
            assert_eq!(state.clone().migrated().is_ok(), matches!(state, BranchState::Migrating { .. }));
            assert_eq!(state.clone().switched().is_ok(), matches!(state, BranchState::Resetting { .. }));
            assert_eq!(state.gone(OffsetDateTime::UNIX_EPOCH).is_ok(), status == Status::Deleting);
        }
    }

    #[test]
    fn what_is_called_off_is_as_it_was() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let operation = OperationId::from_uuid(Uuid::nil());
        let generation = Generation::FIRST;
        let next = Generation::new(2).unwrap();
        let off = |state: BranchState, error: Option<&str>| state.called_off(error.map(str::to_owned), at).unwrap();
        assert_eq!(off(BranchState::Creating { operation, generation }, None), BranchState::Deleted { at });
        let ready = BranchState::Ready { generation };
        let broken = BranchState::Error { reason: "broken".to_owned(), generation: Some(generation) };
        for before in [ready, broken] {
            let error = before.error();
            assert_eq!(off(before.clone().reset(operation, next).unwrap(), error), before);
            assert_eq!(off(before.clone().migrate(operation).unwrap(), error), before);
            assert_eq!(off(before.clone().delete(operation).unwrap(), error), before);
        }
    }

    #[test]
    fn nothing_is_routed_to_what_is_not_there() {
        let serving: Vec<_> = every_state().iter().map(|state| state.serving().is_some()).collect();
        assert_eq!(serving, [false, true, true, true, false, false, false]);
    }
}
