//! What policies bind in a parent and would not in its copies: views, rules and `SECURITY DEFINER` routines that read rows by the rights of a role that owns none of
//! the tables. In a copy one role owns all, so nobody else may use them there, and the copy's report says so.

use super::grants::Grant;
use crate::{
    error::{from_sql, listed},
    quoting::printed_name,
};
use domain::branch::{OWNER_ROLE, Withheld};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::collections::{BTreeSet, HashMap};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
struct Passing {
    class: i64,
    object: i64,
    /// As grants have it.
    kind: String,
    /// As people have it.
    word: String,
    identity: String,
    /// By which of them it does, as grants have them; whatever it is, where it is empty.
    privileges: Vec<String>,
    /// The tables whose policies it would pass.
    tables: Vec<String>,
}

/// All of a parent's.
#[derive(Debug, Default)]
pub(crate) struct PastPolicies(Vec<Passing>);

impl PastPolicies {
    /// Reads what there is of it. In a copy there is none.
    pub(crate) async fn read(connection: &mut PgConnection, excluded: &[String]) -> Result<Self, BuildError> {
        let found = sqlx::query_as(include_str!("sql/past_policies.sql")).bind(excluded).bind(OWNER_ROLE).fetch_all(connection).await;
        found.map(Self).map_err(|error| from_sql("reading what policies bind", error))
    }

    /// Takes the grants on it out of a parent's, and tells of each object on which there were any.
    pub(crate) fn withhold(&self, grants: &mut BTreeSet<Grant>) -> Vec<Withheld> {
        let mut told = Vec::new();
        for passing in &self.0 {
            let before = grants.len();
            grants.retain(|grant| !grant.lets_somebody_use(&passing.kind, &passing.identity, &passing.privileges));
            if grants.len() < before {
                told.push(passing.told());
            }
        }
        told
    }

    /// Where each of them is, its catalogue and its number there, and which privileges on it no copy grants; all, where there are none.
    pub(crate) fn addresses(self) -> HashMap<(u32, u32), Vec<String>> {
        let number = |of: i64| u32::try_from(of).ok();
        self.0.into_iter().filter_map(|passing| Some(((number(passing.class)?, number(passing.object)?), passing.privileges))).collect()
    }
}

impl Passing {
    fn told(&self) -> Withheld {
        const SHOWN: usize = 3;
        let privileges = self.privileges.join(" and ");
        let (reads, uses, word) = if self.privileges.is_empty() {
            ("it reads".to_owned(), "use it", format!("grant on {}", self.word))
        } else {
            (format!("its rules on {privileges} read or change"), "do that", format!("grant of {privileges} on {}", self.word))
        };
        let way = match self.word.as_str() {
            _ if !self.privileges.is_empty() => "drop those rules, or give it to the other tables' owner in the parent",
            "view" => "alter view .. set (security_invoker = true) in the parent, or give the view to the tables' owner there",
            "routine" => "make it SECURITY INVOKER in the parent, or give it to the tables' owner there",
            _ => "give it to a role that passes the policies in the parent, too",
        };
        let reason = format!(
            "in the parent {reads} {} by the rights of a role that the policies there bind; in a branch all belongs to one role, which passes them, so nobody \
             else may {uses}. If others are to: {way}",
            listed(&self.tables, SHOWN)
        );
        Withheld::object(word, printed_name(&self.identity), reason)
    }
}
