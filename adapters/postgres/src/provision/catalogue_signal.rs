//! How replicas hear that tables, columns or rights of main's database have changed.

use super::{capabilities::Capabilities, error::ProvisionError};
use serde::Serialize;
use sqlx::PgConnection;

/// How changes of main's catalogue are heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogueSignal {
    /// An event trigger notifies `fluxbase_catalogue`.
    EventTrigger,
    /// Nothing tells: the change token has to be looked at.
    ChangeToken,
}

/// Lies in schema fluxbase, which no branch gets. Whatever happens in it, the statement that fired it goes on.
const FUNCTION: &str = r"create or replace function fluxbase.tell_catalogue() returns event_trigger
    language plpgsql
    set search_path = pg_catalog
as $body$
begin
    if tg_event = 'sql_drop' then
        if exists (select from pg_event_trigger_dropped_objects() where original and not is_temporary) then
            perform pg_notify('fluxbase_catalogue', '');
        end if;
    elsif tg_tag not in ('REFRESH MATERIALIZED VIEW', 'REINDEX')
        and exists (select from pg_event_trigger_ddl_commands() where schema_name is distinct from 'pg_temp')
    then
        perform pg_notify('fluxbase_catalogue', '');
    end if;
exception when others then
    raise debug 'fluxbase_catalogue: %', sqlerrm;
end
$body$";

const REST: &str = "
    revoke all on function fluxbase.tell_catalogue() from public;
    comment on function fluxbase.tell_catalogue() is 'Notifies fluxbase_catalogue that definitions have changed';
    drop event trigger if exists fluxbase_catalogue_changed;
    drop event trigger if exists fluxbase_catalogue_dropped;
    create event trigger fluxbase_catalogue_changed on ddl_command_end execute function fluxbase.tell_catalogue();
    create event trigger fluxbase_catalogue_dropped on sql_drop execute function fluxbase.tell_catalogue();
    comment on event trigger fluxbase_catalogue_changed is 'Fluxbase: tells that definitions were made or changed';
    comment on event trigger fluxbase_catalogue_dropped is 'Fluxbase: tells that definitions were dropped'";

/// Whether both triggers are there, on, and run this very function body ($1).
const IS_CURRENT: &str = "select count(*) = 2 from pg_event_trigger e join pg_proc p on p.oid = e.evtfoid
    where e.evtname in ('fluxbase_catalogue_changed', 'fluxbase_catalogue_dropped') and e.evtenabled in ('O', 'A')
      and p.pronamespace = 'fluxbase'::regnamespace and p.proname = 'tell_catalogue' and ($1::text is null or p.prosrc = $1)";

/// Makes the triggers where the admin may; says what there is.
pub(super) async fn ensure(connection: &mut PgConnection, capabilities: &Capabilities) -> Result<CatalogueSignal, ProvisionError> {
    if capabilities.can_make_event_triggers && !is_current(connection, Some(body())).await? {
        sqlx::raw_sql(FUNCTION).execute(&mut *connection).await?;
        sqlx::raw_sql(REST).execute(&mut *connection).await?;
    }
    if capabilities.superuser && !capabilities.can_make_event_triggers {
        sqlx::raw_sql("drop event trigger if exists fluxbase_catalogue_changed; drop event trigger if exists fluxbase_catalogue_dropped")
            .execute(&mut *connection)
            .await?;
    }
    // Those that a superuser made earlier fire for everybody.
    Ok(if is_current(connection, None).await? { CatalogueSignal::EventTrigger } else { CatalogueSignal::ChangeToken })
}

async fn is_current(connection: &mut PgConnection, body: Option<&str>) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(IS_CURRENT).bind(body).fetch_one(connection).await
}

fn body() -> &'static str {
    FUNCTION.split("$body$").nth(1).expect("the function has a body")
}
