//! One implicit transaction: what holds in it, what fails in it, what is left of it.

use std::num::NonZeroUsize;

use fluxbase_postgres::wire::{Exchange, Pool, PoolOptions, Statement, WireError};

use super::{ask, options, pool, read, set_up, statement, target, value};

const LIMITS: &str = "select set_config('transaction_read_only', $1, true), set_config('statement_timeout', $2, true)";
const PID: &str = "select pg_backend_pid()::text";

fn write<'a>(sql: &'a str, params: &'a [Option<&'a str>]) -> Exchange<'a> {
    Exchange { prelude: &[], main: Statement { sql, params }, trailing: &[], retry_safe: false }
}

async fn refused(pool: &Pool, exchange: Exchange<'_>) -> fluxbase_postgres::wire::SqlError {
    match ask(pool, exchange).await {
        Err(WireError::Sql(error)) => *error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_tells_all_that_the_server_told() {
    let pool = pool("error_fields", 1);
    set_up(&pool, &["create table error_fields (id int constraint positive check (id > 0))"]).await;

    let error = refused(&pool, write("insert into error_fields values ($1)", &[Some("-1")])).await;
    assert_eq!((error.sqlstate.as_str(), error.severity.as_str()), ("23514", "ERROR"));
    assert_eq!((error.schema.as_deref(), error.table.as_deref()), (Some("public"), Some("error_fields")));
    assert_eq!(error.constraint.as_deref(), Some("positive"));
    assert!(error.detail.unwrap().contains("-1"));
    assert!(error.routine.is_some() && error.file.is_some() && error.line.is_some());

    let error = refused(&pool, write("select idd from error_fields", &[])).await;
    assert_eq!((error.sqlstate.as_str(), error.position), ("42703", Some(8)));
    assert!(error.hint.unwrap().contains("error_fields.id"));

    let raise = "do $$ begin raise exception 'm' using detail = 'd', hint = 'h', column = 'c', datatype = 't', errcode = 'PT402'; end $$";
    let error = refused(&pool, write(raise, &[])).await;
    assert_eq!((error.sqlstate.as_str(), error.message.as_str()), ("PT402", "m"));
    assert_eq!([error.detail, error.hint, error.column, error.data_type].map(Option::unwrap).join(""), "dhct");
    assert!(error.context.unwrap().contains("PL/pgSQL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_parse_leaves_the_connection_as_it_was() {
    let pool = pool("failed_parse", 1);
    let pid = value(&pool, PID).await;
    for _ in 0..3 {
        let error = refused(&pool, read(&[statement("select 1")], statement("selec 1"))).await;
        assert_eq!(error.sqlstate, "42601");
        assert_eq!(refused(&pool, read(&[], statement("select * from comes_later"))).await.sqlstate, "42P01");
        assert_eq!(value(&pool, "select 'fine'").await, "fine");
    }
    set_up(&pool, &["create table comes_later as select 7 as n"]).await;
    assert_eq!(value(&pool, "select * from comes_later").await, "7");
    assert_eq!(value(&pool, PID).await, pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prelude_holds_for_the_main_statement_and_no_longer() {
    let pool = pool("prelude", 1);
    set_up(&pool, &["create table prelude (n int)"]).await;
    let pid = value(&pool, PID).await;

    let prelude = [Statement { sql: LIMITS, params: &[Some("off"), Some("50")] }];
    assert_eq!(refused(&pool, read(&prelude, statement("select pg_sleep(30)"))).await.sqlstate, "57014");
    let prelude = [Statement { sql: LIMITS, params: &[Some("on"), Some("0")] }];
    assert_eq!(refused(&pool, read(&prelude, statement("insert into prelude values (1)"))).await.sqlstate, "25006");

    let settings = value(&pool, "select current_setting('statement_timeout') || current_setting('transaction_read_only')").await;
    assert_eq!(settings, "0off");
    assert_eq!(value(&pool, "select count(*) from prelude").await, "0");
    assert_eq!(value(&pool, PID).await, pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rolled_back_leaves_nothing_and_the_connection_serves_on() {
    let pool = pool("rolled_back", 1);
    set_up(&pool, &["create table rolled_back (n int primary key)"]).await;
    let pid = value(&pool, PID).await;
    let prelude = [statement("begin"), Statement { sql: LIMITS, params: &[Some("off"), Some("5000")] }];
    let trailing = [statement("rollback")];

    let main = statement("insert into rolled_back select generate_series(1, 3) returning n");
    let mut stream = pool.run(&Exchange { prelude: &prelude, main, trailing: &trailing, retry_safe: false }).await.unwrap();
    assert_eq!(super::gather(&mut stream).await.unwrap().len(), 3);
    assert_eq!(stream.affected_rows(), Some(3));
    let tags: Vec<_> = stream.tags().iter().map(|tag| tag.as_str().to_owned()).collect();
    assert_eq!(tags, ["BEGIN", "SELECT 1", "INSERT 0 3", "ROLLBACK"]);
    assert_eq!(value(&pool, "select count(*) from rolled_back").await, "0");

    let twice = statement("insert into rolled_back values (1), (1)");
    let error = refused(&pool, Exchange { prelude: &prelude, main: twice, trailing: &trailing, retry_safe: false }).await;
    assert_eq!(error.sqlstate, "23505"); // the rollback was skipped: the transaction was left open, and is ended before the next caller
    let open = [statement("begin")];
    ask(&pool, Exchange { prelude: &open, main, trailing: &[], retry_safe: false }).await.unwrap();
    assert_eq!(value(&pool, "select count(*) from rolled_back").await, "0");
    assert_eq!(value(&pool, PID).await, pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constraint_that_fails_at_the_end_fails_the_exchange() {
    let pool = pool("deferred", 1);
    set_up(&pool, &["create table deferred (n int unique deferrable initially deferred)"]).await;
    let error = refused(&pool, write("insert into deferred values (1), (1)", &[])).await;
    assert_eq!(error.sqlstate, "23505");
    assert_eq!(value(&pool, "select count(*) from deferred").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_no_longer_fits_the_schema_is_prepared_anew() {
    let (pool, other) = (pool("stale", 1), pool("stale_ddl", 1));
    set_up(&other, &["create table stale (n int)", "insert into stale values (1)"]).await;
    assert_eq!(value(&pool, "select * from stale").await, "1");
    let insert = write("insert into stale values (2) returning *", &[]);
    ask(&pool, insert).await.unwrap();

    set_up(&other, &["alter table stale alter n type text", "alter table stale add m int"]).await;

    assert_eq!(ask(&pool, read(&[], statement("select * from stale"))).await.unwrap()[0].len(), 2);
    ask(&pool, insert).await.unwrap();
    assert_eq!(value(&pool, "select count(*) from stale").await, "3");

    set_up(&pool, &["deallocate all"]).await;
    assert_eq!(value(&pool, "select count(*) from stale").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_statements_are_bounded() {
    let few = PoolOptions { statement_cache: NonZeroUsize::new(3).unwrap(), ..options(1) };
    let pool = Pool::new(target("bounded"), few).unwrap();
    for n in 0..20 {
        assert_eq!(value(&pool, &format!("select {n}")).await, n.to_string());
    }
    let count = "select count(*) from pg_prepared_statements";
    assert_eq!(value(&pool, count).await, "4"); // three, and itself
    assert_eq!(value(&pool, "select 19").await, "19");
}

#[tokio::test(flavor = "multi_thread")]
async fn nulls_empty_texts_notices_and_empty_statements_are_nothing_special() {
    let pool = pool("nothing_special", 1);
    let main = Statement { sql: "select $1::text, $2::text, $3::int + 1", params: &[None, Some(""), Some("41")] };
    let notice = statement("do $$ begin raise notice 'by the way'; end $$");
    let rows = ask(&pool, read(&[notice, statement("")], main)).await.unwrap();
    assert_eq!(rows, [[None, Some(String::new()), Some("42".to_owned())]]);

    let mut stream = pool.run(&write("update pg_catalog.pg_class set relname = relname where false", &[])).await.unwrap();
    stream.finish().await.unwrap();
    assert_eq!(stream.affected_rows(), Some(0));

    let error = ask(&pool, read(&[], statement("select '\0'"))).await.unwrap_err();
    assert!(matches!(error, WireError::Unsendable(_)), "{error:?}");
    assert_eq!(refused(&pool, read(&[], Statement { sql: "select $1::text", params: &[Some("\0")] })).await.sqlstate, "22021");
    assert_eq!(pool.stats().open, 1);
}
