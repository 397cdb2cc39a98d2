//! What a new database takes from its parent before it holds anything: encoding, locale, settings.

use crate::{
    error::{from_sql, refused},
    quoting::{ident, literal},
};
use domain::branch::DatabaseName;
use ports::driven::BuildError;
use sqlx::PgConnection;

/// Read as text throughout: the catalogue's columns for locales were renamed between versions.
#[derive(sqlx::FromRow)]
pub(crate) struct Likeness {
    encoding: String,
    provider: String,
    collate: String,
    ctype: String,
    locale: Option<String>,
    icu_rules: Option<String>,
    /// `name=value` each, in no quotes.
    pub(crate) settings: Vec<String>,
    /// How many may be connected at a time; negative where nothing limits them.
    pub(crate) connection_limit: i32,
}

impl Likeness {
    pub(crate) async fn read(admin: &mut PgConnection, parent: &DatabaseName) -> Result<Self, BuildError> {
        let found = sqlx::query_as(
            "select pg_encoding_to_char(d.encoding)::text as encoding, d.datlocprovider::text as provider, d.datcollate::text as collate,
                    d.datctype::text as ctype, coalesce(j.row ->> 'datlocale', j.row ->> 'daticulocale') as locale,
                    j.row ->> 'daticurules' as icu_rules,
                    coalesce((select s.setconfig from pg_db_role_setting s where s.setdatabase = d.oid and s.setrole = 0), '{}') as settings,
                    d.datconnlimit as connection_limit
               from pg_database d, lateral (select to_jsonb(d) as row) j
              where d.datname = $1",
        )
        .bind(parent.as_str())
        .fetch_optional(admin)
        .await
        .map_err(|error| from_sql("reading how the parent's database was made", error))?;
        found.ok_or_else(|| refused("parent_missing", format!("the parent's database '{parent}' does not exist")))
    }

    /// From template0, since template1 may hold anything; by the log, since the other strategy forces a checkpoint of the whole server.
    pub(crate) fn create_statement(&self, name: &str) -> String {
        let provider = match self.provider.as_str() {
            "i" => "icu",
            "b" => "builtin",
            _ => "libc",
        };
        let mut statement = format!(
            "create database {} template template0 allow_connections false strategy wal_log encoding {} locale_provider {provider} lc_collate {} lc_ctype {}",
            ident(name),
            literal(&self.encoding),
            literal(&self.collate),
            literal(&self.ctype)
        );
        for (option, value) in [(format!("{provider}_locale"), &self.locale), ("icu_rules".to_owned(), &self.icu_rules)] {
            if let Some(value) = value.as_ref().filter(|_| provider != "libc") {
                statement = format!("{statement} {option} {}", literal(value));
            }
        }
        statement
    }
}

#[cfg(test)]
mod tests {
    use super::Likeness;

    fn like(provider: &str, locale: Option<&str>) -> String {
        let text = str::to_owned;
        let likeness = Likeness {
            encoding: text("UTF8"),
            provider: text(provider),
            collate: text("C"),
            ctype: text("C"),
            locale: locale.map(text),
            icu_rules: None,
            settings: Vec::new(),
            connection_limit: -1,
        };
        likeness.create_statement("x")
    }

    #[test]
    fn the_provider_names_its_own_locale() {
        assert!(like("c", Some("ignored")).ends_with("locale_provider libc lc_collate 'C' lc_ctype 'C'"));
        assert!(like("i", Some("de-DE")).ends_with("lc_ctype 'C' icu_locale 'de-DE'"));
        assert!(like("b", Some("C.UTF-8")).ends_with("lc_ctype 'C' builtin_locale 'C.UTF-8'"));
    }
}
