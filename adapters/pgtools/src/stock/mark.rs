//! The mark in the comment of a database of the stock: what it is, what it is a copy of, and whether that was proved.

use super::origin::Origin;
use crate::database::tag::short;
use domain::{BranchId, branch::DatabaseName, branch::Withheld};
use ports::driven::{BuildReport, BuildSource, DatabaseTag};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// What a database of the stock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// What others are copied from.
    Template,
    /// A copy of a template that waits to be handed over.
    Spare,
    /// A copy that an operation tries things on.
    Trial,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Template, Self::Spare, Self::Trial];

    const fn word(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Spare => "spare",
            Self::Trial => "trial",
        }
    }

    /// What the names of this instance's databases of the kind begin with.
    pub(crate) fn prefix(self, instance: Uuid) -> String {
        format!("fluxbase_{}_{}_", self.word(), short(instance))
    }
}

/// Whose a database is, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StockMark {
    pub(crate) instance: Uuid,
    pub(crate) kind: Kind,
    /// The rest of its name.
    pub(crate) id: Uuid,
    /// Nothing is handed over or copied that was not looked through when it was made.
    pub(crate) verified: bool,
    pub(crate) origin: Origin,
    /// Its own change token: a copy of it has the same.
    #[serde(default)]
    pub(crate) own_token: String,
    #[serde(default)]
    pub(crate) contents: Contents,
    /// In seconds since 1970, by the server's clock.
    pub(crate) made_at: i64,
    /// When a branch was last made of it, or asked for and not found.
    pub(crate) used_at: i64,
    /// How often it was made anew since anybody used it.
    #[serde(default)]
    pub(crate) unused_rebuilds: u32,
    #[serde(default)]
    pub(crate) bytes: u64,
}

/// What the report of a build says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    objects: u64,
    rows: u64,
    #[serde(default)]
    withheld: Vec<Withheld>,
    /// The moment that its rows are of, in microseconds since 1970, as PostgreSQL has it. A mark of before has seconds here, and counts as old as can be.
    pub(crate) data_as_of: Option<i64>,
}

impl From<&BuildReport> for Contents {
    fn from(report: &BuildReport) -> Self {
        Self {
            objects: report.objects,
            rows: report.rows,
            withheld: report.withheld.clone(),
            data_as_of: report.data_as_of.and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1000).ok()),
        }
    }
}

impl Contents {
    /// The report of a branch that was made of it.
    pub(crate) fn report(&self, source: BuildSource) -> BuildReport {
        BuildReport {
            withheld: self.withheld.clone(),
            rows: self.rows,
            objects: self.objects,
            data_as_of: self.data_as_of.and_then(|at| OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1000).ok()),
            source,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Comment {
    fluxbase: StockMark,
}

impl StockMark {
    /// A copy that is about to be made: nothing of it is proved.
    pub(crate) fn begun(instance: Uuid, kind: Kind, id: Uuid, origin: Origin, at: i64) -> Self {
        Self {
            instance,
            kind,
            id,
            verified: false,
            origin,
            own_token: String::new(),
            contents: Contents::default(),
            made_at: at,
            used_at: at,
            unused_rebuilds: 0,
            bytes: 0,
        }
    }

    /// As a comment.
    pub(crate) fn comment(&self) -> String {
        serde_json::to_string(&Comment { fluxbase: self.clone() }).expect("plain values have a JSON form")
    }

    /// Reads a comment back; `None` for one that is not of the stock.
    pub(crate) fn read(comment: &str) -> Option<Self> {
        serde_json::from_str::<Comment>(comment).ok().map(|comment| comment.fluxbase)
    }

    /// The name of its database.
    pub(crate) fn database(&self) -> DatabaseName {
        DatabaseName::existing(format!("{}{}", self.kind.prefix(self.instance), self.id.simple()))
    }

    /// As what fills databases names them; a database of the stock is no branch's.
    pub(crate) fn tag(&self) -> DatabaseTag {
        DatabaseTag { database: self.database(), branch_id: BranchId::from_uuid(self.id), generation: domain::Generation::FIRST }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Contents, Kind, StockMark};
    use crate::{database::tag::Mark, stock::origin::Origin};
    use domain::DataCloneMode;
    use uuid::Uuid;

    pub(crate) fn mark(kind: Kind, id: u128, of: u32) -> StockMark {
        StockMark {
            instance: Uuid::from_u128(1),
            kind,
            id: Uuid::from_u128(id),
            verified: true,
            origin: Origin {
                database: domain::branch::DatabaseName::existing(format!("p{of}")),
                is_main: false,
                mode: DataCloneMode::SchemaOnly,
                oid: i64::from(of),
                token: "t".to_owned(),
                settings: "s".to_owned(),
            },
            own_token: format!("own {of}"),
            contents: Contents::default(),
            made_at: 1000,
            used_at: 1000,
            unused_rebuilds: 0,
            bytes: 10,
        }
    }

    #[test]
    fn a_mark_is_read_back_and_is_no_branchs() {
        let mark = mark(Kind::Spare, 7, 1);
        assert_eq!(StockMark::read(&mark.comment()), Some(mark.clone()));
        assert_eq!(Mark::read(&mark.comment()), None);
        for comment in ["", "production", r#"{"fluxbase":{"instance":"00000000-0000-0000-0000-000000000001","kind":"spare"}}"#] {
            assert_eq!(StockMark::read(comment), None, "{comment}");
        }
        assert_eq!(mark.database().as_str(), "fluxbase_spare_00000000_00000000000000000000000000000007");
    }
}
