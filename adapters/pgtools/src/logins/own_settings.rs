//! What a login has set for itself (`ALTER ROLE .. SET`), on the whole server or for single databases: taken away.

use crate::quoting::ident;

/// A subquery for the databases that a role has settings for, null for all of them; `role` is the expression that gives its number.
macro_rules! set_in {
    ($role:literal) => {
        concat!("select d.datname::text from pg_db_role_setting s left join pg_database d on d.oid = s.setdatabase where s.setrole = ", $role)
    };
}
pub(crate) use set_in;

/// Statements that take a role's settings away, where it has any: those for single databases stay with a plain `RESET ALL`.
pub(crate) fn forget(role: &str, set_in: Vec<Option<String>>) -> impl Iterator<Item = String> {
    set_in.into_iter().map(move |database| match database {
        Some(database) => format!("alter role {} in database {} reset all", ident(role), ident(&database)),
        None => format!("alter role {} reset all", ident(role)),
    })
}
