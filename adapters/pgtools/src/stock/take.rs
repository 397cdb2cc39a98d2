//! The quick way to a database: a spare that lies ready is handed over, or a template copied.

use super::{
    mark::{Kind, StockMark},
    origin::Origin,
    room::take_room_beside,
    shelf::Shelf,
    token::change_token,
};
use crate::{
    database::create::{Birth, make, name_and_open},
    error::{from_sql, retryable, sql_state},
    quoting::ident,
    settings::Settings,
};
use ports::driven::{BuildError, BuildSource};
use sqlx::{Connection, PgConnection};
use std::time::Duration;

/// What was found in the stock.
pub(crate) struct Taken {
    pub(crate) mark: StockMark,
    pub(crate) source: BuildSource,
}

/// How a search of the stock ended.
pub(crate) struct Sought {
    /// `None` where nothing there is of the origin and young enough.
    pub(crate) taken: Option<Taken>,
    /// When it was, by the server's clock.
    pub(crate) at: i64,
}

/// Makes the database of what lies in the stock. The admin's connection holds the claim.
pub(crate) async fn take(
    admin: &mut PgConnection,
    settings: &Settings,
    origin: &Origin,
    max_age: Option<Duration>,
    birth: &Birth<'_>,
) -> Result<Sought, BuildError> {
    let shelf = Shelf::read(&mut *admin, settings, &[Kind::Spare, Kind::Template]).await?;
    let (moment, now) = (shelf.moment, shelf.now());
    let (spares, templates): (Vec<_>, Vec<_>) =
        shelf.items.into_iter().filter(|mark| mark.origin == *origin && is_young(mark, max_age, moment)).partition(|mark| mark.kind == Kind::Spare);
    for mark in spares {
        if hand_over(&mut *admin, settings, &mark, birth).await? {
            return Ok(Sought { taken: Some(Taken { mark, source: BuildSource::Spare }), at: now });
        }
    }
    for mark in templates {
        if take_room_beside(&mut *admin, settings, &mark, birth.database).await? && copy(&mut *admin, settings, &mark, birth).await? {
            return Ok(Sought { taken: Some(Taken { mark, source: BuildSource::Template }), at: now });
        }
    }
    Ok(Sought { taken: None, at: now })
}

/// Definitions are as young as their token says. Rows are as old as they are; by a clock that was set back they may seem younger than nothing.
fn is_young(mark: &StockMark, max_age: Option<Duration>, moment: i64) -> bool {
    match (mark.contents.data_as_of, max_age) {
        (None, _) => true,
        (Some(at), Some(max_age)) => !max_age.is_zero() && moment.saturating_sub(at) <= i64::try_from(max_age.as_micros()).unwrap_or(i64::MAX),
        (Some(_), None) => false,
    }
}

/// Mark and name change at once, so a spare goes to one. `false`: somebody else was quicker.
async fn hand_over(admin: &mut PgConnection, settings: &Settings, spare: &StockMark, birth: &Birth<'_>) -> Result<bool, BuildError> {
    let Err(error) = name_and_open(admin, settings, birth, spare.database().as_str()).await else { return Ok(true) };
    match sql_state(&error).as_deref() {
        // Gone, or autovacuum would not leave it in time.
        Some("3D000" | "55006") => Ok(false),
        Some("42P04") => Err(birth.taken()),
        _ => Err(from_sql("handing a spare over", error)),
    }
}

/// By the log: the other strategies force checkpoints of the whole server, which somebody would wait for. `false`: the template is gone.
async fn copy(admin: &mut PgConnection, settings: &Settings, template: &StockMark, birth: &Birth<'_>) -> Result<bool, BuildError> {
    let create = copy_statement(birth.provisional, template, "wal_log");
    match make(&mut *admin, settings, birth, create).await {
        Ok(()) => {}
        Err(BuildError::Retryable { source: Some(source), .. }) if is_gone(&source) => return Ok(false),
        Err(error) => return Err(error),
    }
    verify(settings, template, birth).await?;
    Ok(true)
}

fn is_gone(error: &domain::BoxError) -> bool {
    error.downcast_ref::<sqlx::Error>().and_then(sql_state).is_some_and(|state| ["3D000", "55006"].contains(&state.as_str()))
}

pub(super) fn copy_statement(name: &str, template: &StockMark, strategy: &str) -> String {
    format!("create database {} template {} allow_connections false strategy {strategy}", ident(name), ident(template.database().as_str()))
}

/// A copy of a template has its token: PostgreSQL copied every catalogue.
pub(super) async fn verify(settings: &Settings, template: &StockMark, birth: &Birth<'_>) -> Result<(), BuildError> {
    let mut inside = settings.builder_in(birth.database).await?;
    let token = change_token(&mut inside).await?;
    let _ = inside.close().await;
    if token == template.own_token {
        return Ok(());
    }
    Err(retryable(format!("'{}' is not like the template it was copied from", birth.database)))
}

#[cfg(test)]
mod tests {
    use super::is_young;
    use crate::stock::mark::{Kind, tests::mark};
    use std::time::Duration;

    #[test]
    fn rows_are_taken_only_where_their_age_is_allowed() {
        let mut spare = mark(Kind::Spare, 1, 1);
        assert!(is_young(&spare, None, 5000));
        spare.contents.data_as_of = Some(1000);
        assert!(!is_young(&spare, None, 1000));
        assert!(is_young(&spare, Some(Duration::from_mins(1)), 60_001_000));
        assert!(!is_young(&spare, Some(Duration::from_mins(1)), 60_001_001));
        for moment in [999, 1000, 1001] {
            assert!(!is_young(&spare, Some(Duration::ZERO), moment), "{moment}");
        }
    }
}
