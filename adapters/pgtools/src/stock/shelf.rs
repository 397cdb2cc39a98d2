//! What lies in the stock now, read from the server itself: there is no other list that could be wrong.

use super::{
    fresh,
    mark::{Kind, StockMark},
};
use crate::{
    contended,
    database::drop::drop_by_name,
    error::from_sql,
    logins::gone_logins::forget,
    quoting::{ident, literal},
    settings::Settings,
};
use domain::branch::DatabaseName;
use ports::driven::{BuildError, LoginPurpose};
use sqlx::PgConnection;

/// In a second.
pub(super) const MICROSECONDS: i64 = 1_000_000;

/// A database under one of the stock's names.
#[derive(Clone, Debug, sqlx::FromRow)]
struct Row {
    database: String,
    comment: Option<String>,
    half_gone: bool,
    moment: i64,
}

/// The stock of this instance.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// Marked as ours, by name and mark alike.
    pub(crate) items: Vec<StockMark>,
    /// Ours, and fit for nothing but to be dropped.
    pub(crate) waste: Vec<StockMark>,
    /// Under our names, and not proved to be ours.
    pub(crate) foreign: Vec<String>,
    /// The server's clock, in microseconds since 1970.
    pub(crate) moment: i64,
}

impl Shelf {
    /// Reads it. `admin` is a connection to the metadata database.
    pub(crate) async fn read(admin: &mut PgConnection, settings: &Settings, kinds: &[Kind]) -> Result<Self, BuildError> {
        let failed = |error| from_sql("looking through templates and spares", error);
        let prefixes: Vec<_> = kinds.iter().map(|kind| kind.prefix(settings.instance)).collect();
        let rows: Vec<Row> = sqlx::query_as(include_str!("sql/stock.sql")).bind(prefixes).fetch_all(&mut *admin).await.map_err(failed)?;
        let mut shelf = Self::default();
        match rows.first() {
            Some(row) => shelf.moment = row.moment,
            None => shelf.moment = moment(admin).await?,
        }
        let half_made = fresh::provisional(settings);
        for row in rows.into_iter().filter(|row| row.database != half_made.as_str()) {
            let mark = row.comment.as_deref().and_then(StockMark::read);
            match mark.filter(|mark| mark.instance == settings.instance && mark.database().as_str() == row.database) {
                None => shelf.foreign.push(row.database),
                Some(mark) if row.half_gone || (!mark.verified && mark.kind != Kind::Trial) => shelf.waste.push(mark),
                Some(mark) => shelf.items.push(mark),
            }
        }
        Ok(shelf)
    }

    /// The server's clock, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.moment / MICROSECONDS
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &StockMark> {
        self.items.iter().filter(move |mark| mark.kind == kind)
    }
}

/// The server's clock, in seconds since 1970.
pub(crate) async fn now(admin: &mut PgConnection) -> Result<i64, BuildError> {
    Ok(moment(admin).await? / MICROSECONDS)
}

async fn moment(admin: &mut PgConnection) -> Result<i64, BuildError> {
    sqlx::query_scalar("select (extract(epoch from clock_timestamp()) * 1000000)::int8")
        .fetch_one(admin)
        .await
        .map_err(|error| from_sql("asking the server for the time", error))
}

/// Drops a database of the stock, where its name is still borne by what the mark says.
pub(crate) async fn drop_marked(admin: &mut PgConnection, settings: &Settings, mark: &StockMark) -> Result<(), BuildError> {
    let database = mark.database();
    let comment: Option<Option<String>> = sqlx::query_scalar("select shobj_description(oid, 'pg_database') from pg_database where datname = $1")
        .bind(database.as_str())
        .fetch_optional(&mut *admin)
        .await
        .map_err(|error| from_sql("looking for a database of the stock", error))?;
    let Some(comment) = comment else { return forget(admin, settings, &database).await };
    let found = comment.as_deref().and_then(StockMark::read);
    if found.is_some_and(|found| (found.instance, found.kind, found.id) == (mark.instance, mark.kind, mark.id)) {
        drop_by_name(admin, settings, &database).await?;
        forget(admin, settings, &database).await?;
    }
    Ok(())
}

/// Closes a database for good, with the mark that it bears from now on. Its logins go: nobody will connect to it under this name again.
pub(crate) async fn close(admin: &mut PgConnection, settings: &Settings, mark: &StockMark) -> Result<(), BuildError> {
    let name = mark.database();
    let (database, comment) = (ident(name.as_str()), literal(&mark.comment()));
    let builder = settings.login_ident(LoginPurpose::Builder, &name);
    let close = format!(
        "alter database {database} allow_connections false; revoke connect on database {database} from {builder}; \
         comment on database {database} is {comment}"
    );
    contended::run(&mut *admin, close).await.map_err(|error| from_sql(format!("closing '{name}'"), error))?;
    forget(admin, settings, &name).await
}

/// Writes a mark anew.
pub(crate) async fn remark(admin: &mut PgConnection, mark: &StockMark) -> Result<(), BuildError> {
    let sql = format!("comment on database {} is {}", ident(mark.database().as_str()), literal(&mark.comment()));
    contended::run(admin, sql).await.map_err(|error| from_sql("marking a database of the stock", error))
}

/// How big a database is.
pub(crate) async fn size(admin: &mut PgConnection, database: &DatabaseName) -> Result<u64, BuildError> {
    let bytes: i64 = sqlx::query_scalar("select pg_database_size($1::name)")
        .bind(database.as_str())
        .fetch_one(admin)
        .await
        .map_err(|error| from_sql(format!("measuring '{database}'"), error))?;
    Ok(u64::try_from(bytes).unwrap_or_default())
}
