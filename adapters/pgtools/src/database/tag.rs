//! The mark in a database's comment that says whose it is: readable from every database of the server.

use domain::{BranchId, Generation, branch::DatabaseName};
use ports::driven::DatabaseTag;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which instance's, which branch's, which generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    instance: Uuid,
    branch: BranchId,
    generation: Generation,
}

#[derive(Serialize, Deserialize)]
struct Comment {
    fluxbase: Mark,
}

impl Mark {
    /// The mark a database of ours must bear.
    pub(crate) fn of(instance: Uuid, target: &DatabaseTag) -> Self {
        Self { instance, branch: target.branch_id, generation: target.generation }
    }

    /// Whether it is this instance's.
    pub(crate) fn is_of(&self, instance: Uuid) -> bool {
        self.instance == instance
    }

    /// Whether it is of this instance's branch.
    pub(crate) fn is_of_branch(&self, instance: Uuid, branch: BranchId) -> bool {
        self.is_of(instance) && self.branch == branch
    }

    /// The database that bears it, as the port names it.
    pub(crate) fn target(&self, database: DatabaseName) -> DatabaseTag {
        DatabaseTag { database, branch_id: self.branch, generation: self.generation }
    }

    /// As a comment.
    pub(crate) fn comment(&self) -> String {
        serde_json::to_string(&Comment { fluxbase: self.clone() }).expect("ids and numbers have a JSON form")
    }

    /// Reads a comment back; `None` for one that is not ours.
    pub(crate) fn read(comment: &str) -> Option<Self> {
        serde_json::from_str::<Comment>(comment).ok().map(|comment| comment.fluxbase)
    }
}

/// The name under which a database is created, before it bears its mark and its own name.
///
/// It holds the instance and the whole of a random branch id, so it proves by itself whose it is: nobody else makes such a name by accident. CREATE
/// DATABASE cannot share a transaction with COMMENT; COMMENT and RENAME can. So a crash leaves either this name, which its branch drops unseen, or a
/// marked database; never an unmarked one under a branch's name.
pub(crate) fn provisional_name(instance: Uuid, branch: BranchId) -> String {
    format!("{}{}", provisional_prefix(instance), branch.as_uuid().simple())
}

/// What this instance's begin with.
pub(crate) fn provisional_prefix(instance: Uuid) -> String {
    format!("fluxbase_build_{}_", short(instance))
}

/// An instance as names tell it: the first eight digits of its id.
pub(crate) fn short(instance: Uuid) -> String {
    instance.simple().to_string()[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Mark, provisional_name};
    use domain::{BranchId, Generation, branch::DatabaseName};
    use ports::driven::DatabaseTag;
    use uuid::Uuid;

    #[test]
    fn a_mark_is_read_back_and_nothing_else_is_one() {
        let target = DatabaseTag {
            database: DatabaseName::existing("fluxbase_branch_x_g1"),
            branch_id: BranchId::from_uuid(Uuid::from_u128(7)),
            generation: Generation::FIRST,
        };
        let mark = Mark::of(Uuid::from_u128(1), &target);
        assert_eq!(Mark::read(&mark.comment()), Some(mark.clone()));
        assert_ne!(mark, Mark::of(Uuid::from_u128(2), &target));
        for comment in ["", "production, do not touch", "{}", r#"{"fluxbase":{}}"#] {
            assert_eq!(Mark::read(comment), None, "{comment}");
        }
    }

    #[test]
    fn the_provisional_name_is_never_cut() {
        assert!(provisional_name(Uuid::max(), BranchId::from_uuid(Uuid::max())).len() <= DatabaseName::MAX_LEN);
    }
}
