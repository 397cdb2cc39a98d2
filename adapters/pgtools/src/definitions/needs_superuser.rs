//! Objects that only a superuser can make: code of the server itself, and what has no owner. The admin restores them where it is one; else they refuse the
//! clone, all of them by name.
//!
//! A superuser must run nothing that users wrote. So the admin acts before there are rows, and only on entries that evaluate nothing: a function whose
//! arguments have defaults, or whose body PostgreSQL parses when it is made, could call what somebody else may replace.

use super::{dependents::Dependent, left_behind::LeftBehind};
use crate::{
    error::{from_sql, listed, refused},
    quoting::printed_name,
    schema::archive::Entry,
};
use domain::branch::{OWNER_ROLE, Withheld};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Whose rights an entry is restored with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The owner of branches.
    Owner,
    /// The admin, who is a superuser: before there are rows, and only what evaluates nothing.
    Admin,
}

#[derive(Debug, sqlx::FromRow)]
struct Found {
    class: i64,
    object: i64,
    kind: String,
    identity: String,
    then: Option<String>,
    /// Nobody else can have been given the right.
    certain: bool,
    evaluates: bool,
    /// It stays the admin's.
    kept: bool,
    /// Whose grants on it do not come along.
    less: Option<String>,
}

/// Comments that only a superuser can make, and the kinds that they are on.
const COMMENTS: [(&str, &str); 7] = [
    ("ACCESS METHOD ", "access method"),
    ("CAST ", "cast"),
    ("FOREIGN DATA WRAPPER ", "foreign data wrapper"),
    ("LANGUAGE ", "language"),
    ("TEXT SEARCH PARSER ", "text search parser"),
    ("TEXT SEARCH TEMPLATE ", "text search template"),
    ("TRANSFORM ", "transform"),
];

/// What the admin restores: by catalogue and number, and what it does afterwards.
///
/// Code in a language that is not trusted acts as the server's own user. Who may not call such a routine in the parent must not be able to in a branch
/// because he owns that: it stays the admin's there.
#[derive(Debug, Default)]
pub(crate) struct Privileged {
    objects: HashMap<(u32, u32), Restored>,
    kinds: HashSet<String>,
    /// Grants that stay behind, and what a branch has that its owner cannot use.
    pub(crate) withheld: Vec<Withheld>,
}

#[derive(Debug)]
struct Restored {
    then: Option<String>,
    /// What it is called, where it stays the admin's.
    kept: Option<String>,
}

impl Privileged {
    /// Reads what there is of it in the parent, without what stays behind. `by_superuser`: whether the admin is one.
    pub(crate) async fn read(parent: &mut PgConnection, excluded: &[String], left: &LeftBehind, by_superuser: bool) -> Result<Self, BuildError> {
        let mut found = find(parent, excluded).await?;
        found.retain(|object| !left.has(object.class, object.object));
        let out_of_reach = found.iter().filter(|object| if by_superuser { object.evaluates } else { object.certain });
        let names: Vec<_> = out_of_reach.map(|object| format!("{} {}", object.kind, object.identity)).collect();
        if !names.is_empty() {
            return Err(refusal(&names, by_superuser));
        }
        if !by_superuser {
            return Ok(Self::default());
        }
        let kinds = found.iter().map(|object| object.kind.clone()).collect();
        let number = |id: i64| u32::try_from(id).expect("PostgreSQL's numbers of objects have 32 bits");
        let mut withheld: Vec<Withheld> = found.iter().filter_map(Found::withheld).collect();
        withheld.extend(callers(parent, &found).await?);
        let restored =
            |Found { class, object, identity, then, kept, .. }| ((number(class), number(object)), Restored { then, kept: kept.then_some(identity) });
        Ok(Self { objects: found.into_iter().map(restored).collect(), kinds, withheld })
    }

    /// What may be granted on the routines that stay the admin's in copies, by their numbers: in a database and its copies it reads alike.
    pub(crate) async fn kept_grants(connection: &mut PgConnection, excluded: &[String]) -> Result<HashMap<u32, String>, BuildError> {
        let kept = find(connection, excluded).await?.into_iter().filter(|object| object.kept);
        Ok(kept.filter_map(|object| Some((u32::try_from(object.object).ok()?, object.then?))).collect())
    }

    /// Whose rights an entry needs.
    pub(crate) fn by(&self, entry: &Entry) -> By {
        if self.objects.is_empty() {
            return By::Owner;
        }
        let is_taken = match entry.kind.as_str() {
            // Whoever makes the type must have made its shell.
            "SHELL TYPE" => true,
            "COMMENT" => COMMENTS.iter().any(|(start, kind)| entry.tag.starts_with(start) && self.kinds.contains(*kind)),
            _ => self.objects.contains_key(&(entry.class, entry.object)),
        };
        if is_taken { By::Admin } else { By::Owner }
    }

    /// What the admin does once it has restored the entry.
    pub(crate) fn then(&self, entry: &Entry) -> Option<&str> {
        self.objects.get(&(entry.class, entry.object))?.then.as_deref()
    }

    /// Whether it stays the admin's, who alone can say something about it then.
    pub(crate) fn keeps(&self, entry: &Entry) -> bool {
        self.objects.get(&(entry.class, entry.object)).is_some_and(|restored| restored.kept.is_some())
    }

    /// The routines that stay the admin's, as PostgreSQL prints them.
    pub(crate) fn kept(&self) -> BTreeSet<String> {
        self.objects.values().filter_map(|restored| restored.kept.clone()).collect()
    }

    /// Objects by catalogue and number, what the admin does then, and what is kept as.
    #[cfg(test)]
    pub(crate) fn of(objects: &[(u32, u32, Option<&str>, Option<&str>)]) -> Self {
        let restored = |(class, object, then, kept): &(u32, u32, Option<&str>, Option<&str>)| {
            ((*class, *object), Restored { then: then.map(str::to_owned), kept: kept.map(str::to_owned) })
        };
        Self { objects: objects.iter().map(restored).collect(), ..Self::default() }
    }
}

async fn find(connection: &mut PgConnection, excluded: &[String]) -> Result<Vec<Found>, BuildError> {
    sqlx::query_as(include_str!("sql/needs_superuser.sql"))
        .bind(excluded)
        .bind(OWNER_ROLE)
        .fetch_all(connection)
        .await
        .map_err(|error| from_sql("reading what needs a superuser", error))
}

/// What calls routines that stay the admin's whenever somebody uses it. It comes along, and fails for whoever may not execute those.
async fn callers(parent: &mut PgConnection, found: &[Found]) -> Result<Vec<Withheld>, BuildError> {
    const SHOWN: usize = 3;
    let kept: Vec<(i64, i64)> = found.iter().filter(|object| object.kept).map(|object| (object.class, object.object)).collect();
    let told = |one: Dependent| {
        let reason = format!(
            "it calls {}, whose code acts as the server: in a branch it fails for the branch's owner, whatever the parent's may do; grant execute on that, and \
             usage on its schema, to {OWNER_ROLE} if whoever has a branch may call it",
            listed(&one.roots, SHOWN)
        );
        one.withheld(reason)
    };
    let callers = Dependent::of(parent, &kept, false).await?.into_iter();
    Ok(callers.filter(|one| one.runs && !kept.contains(&(one.class, one.object))).map(told).collect())
}

impl Found {
    fn withheld(&self) -> Option<Withheld> {
        let less = self.less.as_ref()?;
        let reason = format!(
            "its code acts as the server, and in the parent {less} may execute it but not use its schema, which is the owner's in a branch: grant usage \
             on the schema, too, or revoke what is for nothing"
        );
        Some(Withheld::object("grant on routine", printed_name(&self.identity), reason))
    }
}

fn refusal(names: &[String], by_superuser: bool) -> BuildError {
    const SHOWN: usize = 100;
    let list = listed(names, SHOWN);
    if by_superuser {
        let message = format!(
            "only a superuser can make these, and to make them runs what others may have written (defaults of arguments, SQL-standard bodies, \
             validators): {list}"
        );
        return refused("needs_superuser", message);
    }
    refused("needs_superuser", format!("only a superuser can make these, and the server's login is none: {list}"))
}

#[cfg(test)]
mod tests {
    use super::refusal;
    use ports::driven::BuildError;

    #[test]
    fn a_refusal_has_the_whole_list() {
        let names: Vec<_> = (0..60).map(|number| format!("function f{number}()")).collect();
        let BuildError::Refused { code, message } = refusal(&names, false) else { panic!() };
        assert!(code == "needs_superuser" && names.iter().all(|name| message.contains(name)), "{message}");
    }
}
