//! Many audit rows by one statement in one message.
//!
//! Not by COPY: the driver leaves Nagle's algorithm on, and the end of a COPY is a small message behind another one, which costs 40 ms over TCP.

use domain::{Slug, audit::AuditEntry};
use sqlx::PgConnection;
use std::{borrow::Cow, fmt::Write};

/// How texts that callers sent are written.
#[derive(Clone, Copy)]
pub(super) enum Texts {
    /// As they are.
    AsTheyAre,
    /// Escaped to ASCII, for a database whose encoding does not have all characters.
    Ascii,
}

pub(super) async fn insert(connection: &mut PgConnection, entries: &[AuditEntry], texts: Texts) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into fluxbase.audit_log (at, request_id, principal_kind, principal_id, user_id, door, action, branch, target, outcome, duration_us)
         select * from unnest($1::timestamptz[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
             $10::text[], $11::bigint[])",
    )
    .bind(column(entries, |entry| entry.at))
    .bind(column(entries, |entry| storable(&entry.request_id, texts)))
    .bind(column(entries, |entry| entry.principal_kind))
    .bind(column(entries, |entry| entry.principal_id))
    .bind(column(entries, |entry| entry.user_id))
    .bind(column(entries, |entry| entry.door))
    .bind(column(entries, |entry| entry.action.name()))
    .bind(column(entries, |entry| entry.branch.as_ref().map(Slug::as_str)))
    .bind(column(entries, |entry| entry.target.as_deref().map(|target| storable(target, texts))))
    .bind(column(entries, |entry| storable(&entry.outcome, texts)))
    .bind(column(entries, |entry| i64::try_from(entry.duration_us).unwrap_or(i64::MAX)))
    .execute(connection)
    .await?;
    Ok(())
}

fn column<'a, T>(entries: &'a [AuditEntry], cell: impl Fn(&'a AuditEntry) -> T) -> Vec<T> {
    entries.iter().map(cell).collect()
}

/// PostgreSQL's text cannot hold NUL: a row must not be lost for what a caller sent.
pub(super) fn storable(text: &str, texts: Texts) -> Cow<'_, str> {
    let plain = |c: char| c != '\0' && (matches!(texts, Texts::AsTheyAre) || c.is_ascii());
    if text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        if plain(c) {
            escaped.push(c);
        } else {
            write!(escaped, "{}", c.escape_unicode()).expect("a string takes everything");
        }
        escaped
    }))
}

#[cfg(test)]
mod tests {
    use super::{Texts, storable};

    #[test]
    fn what_postgresql_cannot_store_is_escaped_and_nothing_else() {
        assert_eq!(storable("söme\0", Texts::AsTheyAre), "söme\\u{0}");
        assert_eq!(storable("söme", Texts::Ascii), "s\\u{f6}me");
        assert_eq!(storable("some", Texts::Ascii), "some");
    }
}
