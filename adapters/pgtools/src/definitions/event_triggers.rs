//! Event triggers: made by the admin when nothing is left for it to do in the copy, since their functions run with the rights of whoever alters something.
//!
//! Whoever owns a branch must not get at a superuser by them. So their functions belong to the admin there, who alone can replace them; one that runs as its
//! owner would do so as a superuser, and one on `login` in the session of every superuser who connects: both stay behind, and are told. From PostgreSQL 17
//! on superusers do not run event triggers in branches at all ([`spare_superusers`]).

use crate::{
    connect::{major, run},
    error::from_sql,
    quoting::{ident, literal},
};
use domain::{
    branch::{DatabaseName, Withheld},
    table::QualifiedName,
};
use ports::driven::BuildError;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// One of them, and its function.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct EventTrigger {
    name: String,
    event: String,
    tags: Vec<String>,
    enabled: String,
    /// The schema of its function.
    schema: String,
    /// Quoted.
    function: String,
    runs_as_owner: bool,
    /// The function came with an extension or PostgreSQL.
    given: bool,
    comment: Option<String>,
}

impl EventTrigger {
    /// The parent's, by name.
    pub(crate) async fn read(parent: &mut PgConnection, excluded: &[String]) -> Result<Vec<Self>, BuildError> {
        sqlx::query_as(include_str!("sql/event_triggers.sql"))
            .bind(excluded)
            .fetch_all(parent)
            .await
            .map_err(|error| from_sql("reading event triggers", error))
    }

    /// Its name, where clones have it too.
    pub(crate) fn comes_along(&self, by_superuser: bool) -> Option<&str> {
        self.stays_behind(by_superuser).is_none().then_some(self.name.as_str())
    }

    fn stays_behind(&self, by_superuser: bool) -> Option<&'static str> {
        match (by_superuser, self.event.as_str(), self.runs_as_owner) {
            (false, ..) => Some("only a superuser can make an event trigger, and the server's login is none"),
            (_, "login", _) => Some("it would run in the session of every superuser who connects to the branch"),
            (.., true) if !self.given => Some("its function runs as its owner, and that would have to be a superuser"),
            _ => None,
        }
    }

    fn change_hands(&self, admin: &str) -> Option<String> {
        (!self.given).then(|| format!("alter function {}() owner to {}", self.function, ident(admin)))
    }

    fn make(&self) -> Vec<String> {
        let name = ident(&self.name);
        let tags: Vec<_> = self.tags.iter().map(|tag| literal(tag)).collect();
        let filter = if tags.is_empty() { String::new() } else { format!(" when tag in ({})", tags.join(", ")) };
        let mut statements = vec![format!("create event trigger {name} on {}{filter} execute function {}()", self.event, self.function)];
        let state = match self.enabled.as_str() {
            "D" => Some("disable"),
            "R" => Some("enable replica"),
            "A" => Some("enable always"),
            _ => None,
        };
        statements.extend(state.map(|state| format!("alter event trigger {name} {state}")));
        statements.extend(self.comment.as_ref().map(|comment| format!("comment on event trigger {name} is {}", literal(comment))));
        statements
    }
}

/// Tells which stay behind.
pub(crate) fn withheld(triggers: &[EventTrigger], by_superuser: bool) -> Vec<Withheld> {
    let told = |trigger: &EventTrigger| {
        trigger.stays_behind(by_superuser).map(|reason| Withheld::object("event trigger", QualifiedName::new(&trigger.schema, &trigger.name), reason))
    };
    triggers.iter().filter_map(told).collect()
}

/// The statements that make the others, in order. None of them fires an event trigger, or runs any other code of users.
pub(crate) fn statements(triggers: &[EventTrigger], by_superuser: bool, admin: &str) -> Vec<String> {
    let made: Vec<_> = triggers.iter().filter(|trigger| trigger.stays_behind(by_superuser).is_none()).collect();
    // Several may have one function. To change its owner would fire a trigger that is there already.
    let owners: BTreeSet<_> = made.iter().filter_map(|trigger| trigger.change_hands(admin)).collect();
    owners.into_iter().chain(made.iter().flat_map(|trigger| trigger.make())).collect()
}

/// Lets superusers alter things in a branch, or connect to it, without running what its owner may have written: an event trigger's function may call others.
/// A copy of a template lacks it: PostgreSQL keeps this by database, outside of it.
pub(crate) async fn spare_superusers(admin: &mut PgConnection, database: &DatabaseName) -> Result<(), BuildError> {
    let failed = |error| from_sql("keeping superusers from event triggers", error);
    if major(admin) < 17 {
        return Ok(());
    }
    let superusers: Vec<String> = sqlx::query_scalar(
        "select rolname::text from pg_roles where rolsuper and (select own.rolsuper from pg_roles own where own.rolname = current_user)",
    )
    .fetch_all(&mut *admin)
    .await
    .map_err(failed)?;
    let database = ident(database.as_str());
    let set: Vec<_> = superusers.iter().map(|role| format!("alter role {} in database {database} set event_triggers = off", ident(role))).collect();
    if set.is_empty() { Ok(()) } else { run(admin, set.join("; ")).await.map_err(failed) }
}

#[cfg(test)]
mod tests {
    use super::{EventTrigger, statements, withheld};

    fn trigger(name: &str, event: &str, runs_as_owner: bool) -> EventTrigger {
        EventTrigger {
            name: name.to_owned(),
            event: event.to_owned(),
            tags: vec!["CREATE TABLE".to_owned(), "DROP TABLE".to_owned()],
            enabled: "A".to_owned(),
            schema: "app".to_owned(),
            function: "app.f".to_owned(),
            runs_as_owner,
            given: false,
            comment: Some("it's".to_owned()),
        }
    }

    #[test]
    fn functions_change_hands_before_the_first_trigger_is_there() {
        let triggers = [trigger("a", "sql_drop", false), trigger("b", "ddl_command_end", false)];
        let made = statements(&triggers, true, "admin");
        assert_eq!(made[0], r#"alter function app.f() owner to "admin""#);
        assert_eq!(made[1], r#"create event trigger "a" on sql_drop when tag in ('CREATE TABLE', 'DROP TABLE') execute function app.f()"#);
        assert_eq!(made[2..4], [r#"alter event trigger "a" enable always"#, r#"comment on event trigger "a" is 'it''s'"#]);
        assert_eq!(made.len(), 7);
    }

    #[test]
    fn what_could_lead_to_a_superuser_stays_behind_and_is_told() {
        let triggers = [trigger("a", "login", false), trigger("b", "sql_drop", true)];
        assert!(statements(&triggers, true, "admin").is_empty());
        assert_eq!(withheld(&triggers, true).len(), 2);
        let plain = [trigger("c", "sql_drop", false)];
        assert!(withheld(&plain, true).is_empty() && statements(&plain, false, "admin").is_empty());
        let told = withheld(&plain, false)[0].in_words();
        assert!(told.starts_with("event trigger app.c: only a superuser"), "{told}");
    }
}
