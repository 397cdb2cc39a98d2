//! The demo data: a project tracker that alice and bob work in.

use super::error::ProvisionError;
use sqlx::PgPool;

const OBJECTS: &str = include_str!("../../../../migrations/demo/001_objects.sql");
const ROWS: &str = include_str!("../../../../migrations/demo/002_rows.sql");
const RIGHTS: &str = include_str!("../../../../migrations/demo/003_rights.sql");

/// Lies in schema fluxbase, which no branch gets: who drops the demo is rid of it for good.
const MARK: &str = "
    create table fluxbase.demo_data (
        only_row boolean not null default true,
        loaded_at timestamptz not null default now(),
        constraint demo_data_pkey primary key (only_row),
        constraint demo_data_only_row check (only_row)
    );
    comment on table fluxbase.demo_data is 'Tells that the demo data was loaded once';
    comment on column fluxbase.demo_data.only_row is 'There is one row';
    comment on column fluxbase.demo_data.loaded_at is 'When';
    insert into fluxbase.demo_data default values";

/// What came of loading the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DemoData {
    /// It is there now.
    Loaded,
    /// It was loaded before.
    LoadedBefore,
    /// Somebody has tables or users of his own here, and nothing was done.
    NotEmpty,
}

/// Loads the demo into an embedded database that was provisioned and nothing else, once, all or nothing.
pub async fn load(pool: &PgPool) -> Result<DemoData, ProvisionError> {
    let mut transaction = pool.begin().await?;
    sqlx::raw_sql(
        "set local search_path = pg_catalog;
         select pg_advisory_xact_lock(hashtextextended('fluxbase demo', 0))",
    )
    .execute(&mut *transaction)
    .await?;
    let loaded: bool = sqlx::query_scalar("select to_regclass('fluxbase.demo_data') is not null").fetch_one(&mut *transaction).await?;
    if loaded {
        return Ok(DemoData::LoadedBefore);
    }
    let empty: bool = sqlx::query_scalar(
        "select not exists (select from pg_class where relnamespace = 'public'::regnamespace)
            and not exists (select from auth.users) and not exists (select from pg_namespace where nspname = 'private')",
    )
    .fetch_one(&mut *transaction)
    .await?;
    if !empty {
        return Ok(DemoData::NotEmpty);
    }
    for part in [MARK, OBJECTS, ROWS, RIGHTS] {
        sqlx::raw_sql(part).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(DemoData::Loaded)
}
