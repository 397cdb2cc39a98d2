//! Files marked `-- fluxbase:no-transaction`: what is done stays done, and what was interrupted is seen to.

use super::{Branch, branch, failure};
use domain::migration::{Coverage, LedgerState, MigrationVersion, Refusal, plan};
use ports::driven::{ApplyRequest, MigrationRunner, NoMigrationProgress, Observed, Repair};
use std::sync::Arc;

const ONE: MigrationVersion = MigrationVersion::new(1);

async fn indexes(branch: &Branch) -> String {
    branch.text("select string_agg(indexrelid::regclass || ' ' || indisvalid, ', ' order by indexrelid::regclass::text) from pg_index where indrelid = 'a'::regclass").await
}

#[tokio::test]
async fn an_index_that_failed_is_dropped_and_the_file_goes_on_with_it() {
    let branch = branch("index_fails").await;
    let sql = "-- fluxbase:no-transaction\ncreate table a (id int);\ninsert into a values (1), (1);\n\ncreate unique index concurrently a_id on a (id);\ncreate table b ();";
    let failed = branch.fails("1_a.sql", sql).await;
    assert_eq!((failed.code, failed.line, failed.sqlstate.as_deref()), ("statement_failed", Some(5), Some("23505")));
    assert_eq!(indexes(&branch).await, "", "no invalid index stays behind");
    let ledger = branch.runner.ledger(&branch.target).await.unwrap();
    assert!(matches!(&ledger[0].state, LedgerState::Failed { done: 2, message } if message.contains("line 5")), "{ledger:?}");

    branch.run("delete from a where ctid = '(0,2)'").await;
    let applied = branch.apply(&[("1_a.sql", sql)]).await.unwrap();
    assert_eq!(applied[0].statements.iter().map(|statement| statement.line).collect::<Vec<_>>(), [5, 6], "it went on where it had ended");
    assert_eq!((indexes(&branch).await.as_str(), branch.text("select count(*)::text from a").await.as_str()), ("a_id true", "1"));
    let ledger = branch.runner.ledger(&branch.target).await.unwrap();
    assert!(ledger[0].is_applied());
    assert_eq!(branch.apply(&[("1_a.sql", sql)]).await.unwrap(), []);
}

#[tokio::test]
async fn a_killed_run_is_taken_up_where_it_ended() {
    let branch = branch("killed").await;
    let sql = "-- fluxbase:no-transaction\ncreate table a (id int);\ninsert into a values (1);\ncreate index concurrently a_id on a (id);\ninsert into a values (2);";
    branch.run("create table other ()").await;
    // Building waits for this transaction, which may still see the table as it was.
    let mut old = branch.root.acquire().await.unwrap();
    sqlx::raw_sql("begin isolation level repeatable read; select count(*) from other").execute(&mut *old).await.unwrap();
    let request = branch.request(&[("1_a.sql", sql)]);
    let runner = fluxbase_postgres::migrations::PgMigrationRunner::new(branch.settings.clone());
    let killed = tokio::spawn(async move { runner.apply(&request, Arc::new(NoMigrationProgress)).await });
    let waiting = "select coalesce((select wait_event_type || ' ' || wait_event from pg_stat_activity where query like 'create index concurrently%' and datname = current_database()), '')";
    while branch.text(waiting).await != "Lock virtualxid" {
        tokio::task::yield_now().await;
    }
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());
    assert_eq!(branch.text("select state || ' ' || statement || ' ' || detail from fluxbase_migrations.ledger").await, "running 2 started");

    // The statement of the killed run is ended by the server, or has to be waited for.
    let files = [("1_a.sql", sql)];
    let (applied, ()) = tokio::join!(branch.apply(&files), async {
        while branch.text("select count(*)::text from pg_stat_activity where query like 'create index concurrently%' and datname = current_database() and state = 'active'").await != "0" {
            tokio::task::yield_now().await;
        }
        sqlx::raw_sql("commit").execute(&mut *old).await.unwrap();
    });
    let lines: Vec<_> = applied.unwrap()[0].statements.iter().map(|statement| statement.line).collect();
    assert_eq!(lines, [4, 5]);
    assert_eq!((indexes(&branch).await.as_str(), branch.text("select count(*)::text from a").await.as_str()), ("a_id true", "2"));
}

/// The ledger as a kill between a statement and its record leaves it.
async fn interrupt(branch: &Branch, at: i32) {
    branch.run(&format!("update fluxbase_migrations.ledger set state = 'running', statement = {at}, detail = 'started', done_checksum = null")).await;
}

#[tokio::test]
async fn an_index_that_was_built_but_not_recorded_is_not_built_again() {
    let branch = branch("built").await;
    let sql = "-- fluxbase:no-transaction\ncreate table a (id int);\ncreate index concurrently a_id on public.a (id);\ncreate table b ();";
    branch.apply(&[("1_a.sql", sql)]).await.unwrap();
    branch.run("drop table b").await;
    let before = branch.text("select 'a_id'::regclass::oid::text").await;
    interrupt(&branch, 1).await;
    let applied = branch.apply(&[("1_a.sql", sql)]).await.unwrap();
    assert_eq!(applied[0].statements.iter().map(|statement| statement.line).collect::<Vec<_>>(), [4]);
    assert_eq!(branch.text("select 'a_id'::regclass::oid::text").await, before);

    branch.run("drop table b; update pg_index set indisvalid = false where indexrelid = 'a_id'::regclass").await;
    interrupt(&branch, 1).await;
    branch.apply(&[("1_a.sql", sql)]).await.unwrap();
    assert_ne!(branch.text("select 'a_id'::regclass::oid::text").await, before, "an invalid one is built again");
    assert_eq!(indexes(&branch).await, "a_id true");
}

#[tokio::test]
async fn a_statement_that_nobody_can_be_sure_of_waits_for_a_person() {
    let branch = branch("unsure").await;
    let sql = "-- fluxbase:no-transaction\ncreate table a (id int);\ncreate procedure p() language plpgsql as $$ begin insert into a values (1); commit; insert into a values (2); end $$;\ncall p();\ncreate table b ();";
    branch.apply(&[("1_a.sql", sql)]).await.unwrap();
    assert_eq!(branch.text("select count(*)::text from a").await, "2", "it could commit");
    branch.run("drop table b").await;
    interrupt(&branch, 2).await;
    let unsure = branch.fails("1_a.sql", sql).await;
    assert_eq!((unsure.code, unsure.line), ("interrupted", Some(4)));
    assert!(
        unsure.message.contains("repair 1 done --branch pr-1") && unsure.message.contains("repair 1 not_done --branch pr-1"),
        "{}",
        unsure.message
    );
    branch.runner.repair(&branch.target, ONE, &Repair::StatementDone, "user:test").await.unwrap();
    branch.apply(&[("1_a.sql", sql)]).await.unwrap();
    assert_eq!(branch.text("select count(*) || coalesce(to_regclass('b')::text, '') from a").await, "2b");
}

#[tokio::test]
async fn a_file_may_bring_transactions_of_its_own() {
    let branch = branch("blocks").await;
    let sql = "-- fluxbase:no-transaction\nbegin;\ncreate table a (id int);\ninsert into a values (1);\ncommit;\nvacuum a;\nbegin;\ndelete from a;\nrollback;\nbegin;\ninsert into a values (2);\ninsert into nowhere values (3);\ncommit;";
    let failed = branch.fails("1_a.sql", sql).await;
    assert_eq!((failed.line, failed.sqlstate.as_deref()), (Some(12), Some("42P01")));
    assert_eq!(branch.text("select string_agg(id::text, ',') from a").await, "1");
    branch.run("create table nowhere (id int); alter table nowhere owner to fluxbase_branch_owner").await;
    branch.apply(&[("1_a.sql", sql)]).await.unwrap();
    assert_eq!(branch.text("select string_agg(id::text, ',') from a").await, "1,2");
    let unbalanced = branch.fails("2_b.sql", "-- fluxbase:no-transaction\nselect 1;\ncommit;").await;
    assert_eq!((unbalanced.code, unbalanced.line), ("ends_transaction", Some(3)));
}

#[tokio::test]
async fn what_has_run_must_stay_and_what_has_not_may_be_mended() {
    let branch = branch("mended").await;
    let begin = "-- fluxbase:no-transaction\ncreate table a (id int);\n";
    branch.fails("1_a.sql", &format!("{begin}insert into b values (1);")).await;
    let (code, message) = branch.refused("1_a.sql", "-- fluxbase:no-transaction\ncreate table c (id int);\nselect 1;").await;
    assert!(code == "changed_under_way" && message.contains("repair 1 forget"), "{message}");
    let (code, _) = branch.refused("1_a.sql", "create table a (id int)").await;
    assert_eq!(code, "changed_under_way");
    branch.apply(&[("1_a.sql", &format!("{begin}insert into a values (1);"))]).await.unwrap();
    assert_eq!(branch.text("select count(*)::text from a").await, "1");
}

#[tokio::test]
async fn what_needs_a_role_of_its_own_or_a_vacuum_is_run_as_it_is() {
    let branch = branch("bare").await;
    let role = branch.apply(&[("1_a.sql", "-- fluxbase:no-transaction\ncreate table a ();\nset role none;\ncreate table b ();")]).await.unwrap_err();
    assert_eq!(failure(role).code, "leaves_role");
    assert_eq!(branch.text("select coalesce(to_regclass('b')::text, 'none')").await, "none");
    branch.apply(&[("2_b.sql", "-- fluxbase:no-transaction\nvacuum full a;\nreindex table concurrently a;\nalter table a add b int;\ncreate index concurrently a_b on a (b);\ndrop index concurrently a_b;")]).await.unwrap();
    branch
        .run("update fluxbase_migrations.ledger set state = 'running', statement = 4, detail = 'started', done_checksum = null where version = 2")
        .await;
    branch.apply(&[("2_b.sql", "-- fluxbase:no-transaction\nvacuum full a;\nreindex table concurrently a;\nalter table a add b int;\ncreate index concurrently a_b on a (b);\ndrop index concurrently a_b;")]).await.unwrap();
    assert!(branch.runner.ledger(&branch.target).await.unwrap()[1].is_applied());
}

#[tokio::test]
async fn a_dry_run_sees_what_a_transaction_holds_and_tells_the_documented_locks_of_the_rest() {
    let branch = branch("bare_observed").await;
    branch.apply(&[("1_a.sql", "create table a (id int); insert into a values (1)")]).await.unwrap();
    let sql = "-- fluxbase:no-transaction\nalter table a alter id type bigint;\nbegin;\nalter table a add b int;\ncommit;\nvacuum a;\nvacuum full public.a;\ncreate index concurrently a_id on a (id);";
    for observe in [true, false] {
        let request = ApplyRequest { observe, ..branch.request(&[("2_b.sql", sql)]) };
        let applied = branch.runner.apply(&request, Arc::new(NoMigrationProgress)).await.unwrap();
        let seen = |observed: &Observed| {
            (observed.locks.iter().map(|lock| lock.relation.clone()).collect::<Vec<_>>().join(","), observed.rewrites.join(","))
        };
        let seen: Vec<_> = applied[0].statements.iter().map(|statement| (statement.line, statement.observed.as_ref().map(seen))).collect();
        let told = |locks: &str, rewrites: &str| observe.then(|| (locks.to_owned(), rewrites.to_owned()));
        assert_eq!(
            seen,
            [
                (2, told("public.a", "public.a")),
                (4, told("public.a", "")),
                (5, None),
                (6, told("a", "")),
                (7, told("public.a", "public.a")),
                (8, told("a", ""))
            ]
        );
        let documented: Vec<_> =
            applied[0].statements.iter().filter_map(|statement| Some((statement.line, statement.observed.as_ref()?.documented))).collect();
        assert_eq!(documented, if observe { vec![(2, false), (4, false), (6, true), (7, true), (8, true)] } else { vec![] });
        if let Some(full) = &applied[0].statements[4].observed {
            assert_eq!(full.locks[0].mode, "AccessExclusiveLock");
        }
        branch
            .run("delete from fluxbase_migrations.ledger where version = 2; drop index a_id; alter table a drop b; alter table a alter id type int")
            .await;
    }
}

#[tokio::test]
async fn what_building_indexes_anew_left_behind_is_dropped() {
    let branch = branch("reindexed").await;
    let table =
        "create table a (id int); insert into a values (1); create function twice(id int) returns int immutable language sql as 'select 2 * id';
        create index a_twice on a (public.twice(id)); create index a_id on a (id)";
    branch.apply(&[("1_a.sql", table)]).await.unwrap();
    let broken = "create or replace function public.twice(id int) returns int immutable language sql as 'select 1 / 0'";
    let whole = "create or replace function public.twice(id int) returns int immutable language sql as 'select 2 * id'";
    let whats = [
        "index concurrently a_twice",
        "table concurrently public.a",
        "(concurrently) table a",
        "schema concurrently public",
        "(concurrently) schema \"public\"",
    ];
    for (version, what) in whats.into_iter().enumerate() {
        let (name, sql) = (format!("{}_b.sql", version + 2), format!("-- fluxbase:no-transaction\nreindex {what}"));
        branch.as_owner(broken).await;
        let failed = branch.fails(&name, &sql).await;
        assert_eq!(failed.sqlstate.as_deref(), Some("22012"), "{failed}");
        assert_eq!(indexes(&branch).await, "a_id true, a_twice true", "{what}");
        branch.as_owner(whole).await;
        // As a run that was killed leaves it.
        branch.as_owner("create index a_id_ccnew on a (id)").await;
        branch.run("update pg_index set indisvalid = false where indexrelid = 'a_id_ccnew'::regclass").await;
        branch.apply(&[(&name, &sql)]).await.unwrap();
        assert_eq!(indexes(&branch).await, "a_id true, a_twice true", "{what}");
    }
}

#[tokio::test]
async fn a_file_that_goes_on_has_what_it_had_set() {
    let branch = branch("sets").await;
    for schema in ["app", "public"] {
        branch
            .as_owner(&format!(
                "create schema if not exists {schema}; create table {schema}.items (id int, v int); insert into {schema}.items values (1, 0), (1, 0)"
            ))
            .await;
    }
    let rest = "create unique index concurrently items_id on items (id);\nupdate items set v = 99;\ninsert into items select 2, current_setting('a.b')::int;";
    let sets = "set search_path = app;\nbegin;\nset a.b = '7';\nset local a.b = '8';\ncommit;\nbegin;\nset a.b = '9';\nrollback;";
    for (name, sets) in [("1_a.sql", sets), ("2_b.sql", "select pg_catalog.set_config('search_path', 'app', false), set_config('a.b', '7', false);")]
    {
        let sql = format!("-- fluxbase:no-transaction\n{sets}\n{rest}");
        assert_eq!(branch.fails(name, &sql).await.sqlstate.as_deref(), Some("23505"));
        branch.as_owner("delete from app.items where ctid in (select max(ctid) from app.items group by id having count(*) > 1)").await;
        branch.apply(&[(name, &sql)]).await.unwrap();
        assert_eq!(
            branch.text("select indexrelid::regclass::text from pg_index where indexrelid::regclass::text like '%items_id'").await,
            "app.items_id",
            "{name}"
        );
        assert_eq!(branch.text("select string_agg(id || ' ' || v, ',' order by id) from app.items").await, "1 99,2 7", "{name}");
        assert_eq!(branch.text("select string_agg(id || ' ' || v, ',') from public.items").await, "1 0,1 0", "{name}");
        branch.as_owner("drop index app.items_id; delete from app.items where id = 2; insert into app.items values (1, 0)").await;
    }
}

#[tokio::test]
async fn a_file_does_not_go_on_without_what_only_its_first_session_had() {
    let branch = branch("session").await;
    branch.as_owner("create table public.a (id int); insert into public.a values (5)").await;
    for (version, (statement, what)) in [
        ("create temp table a as select 7 as id", "temporary"),
        ("prepare p as select 1", "prepared statement"),
        ("select pg_advisory_lock(7)", "lock"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{}_x.sql", version + 1);
        let sql = format!("-- fluxbase:no-transaction\n{statement};\nselect 1 / 0;\nupdate a set id = 1;");
        assert_eq!(branch.fails(&name, &sql).await.line, Some(3));
        let told = branch.fails(&name, &sql.replace("1 / 0", "1")).await;
        assert_eq!((told.code, told.line), ("session_lost", Some(2)), "{told}");
        assert!(told.message.contains(what) && told.message.contains(&format!("repair {} applied --branch pr-1", version + 1)), "{told}");
        assert_eq!(branch.text("select id::text from public.a").await, "5");
        assert_eq!(branch.text("select state from fluxbase_migrations.ledger order by version desc limit 1").await, "failed");
    }
}

#[tokio::test]
async fn an_index_is_found_again_however_long_its_name_is() {
    let branch = branch("long_name").await;
    branch.as_owner("create table a (id int); insert into a values (1), (1)").await;
    for (version, written) in [format!("{}ä_of_a", "i".repeat(62)), format!("\"{}\"", "Ö".repeat(40))].into_iter().enumerate() {
        let (name, kept) = (format!("{}_a.sql", version + 1), ["i".repeat(62), format!("\"{}\"", "Ö".repeat(31))][version].clone());
        let sql = format!("-- fluxbase:no-transaction\ncreate unique index concurrently if not exists {written} on a (id)");
        assert_eq!(branch.fails(&name, &sql).await.sqlstate.as_deref(), Some("23505"));
        assert_eq!(indexes(&branch).await, "", "no invalid index stays behind");
        // As a run that was killed leaves it.
        branch.as_owner("delete from a").await;
        branch.as_owner(&format!("create unique index {written} on a (id)")).await;
        branch.run(&format!("update pg_index set indisvalid = false where indexrelid = '{kept}'::regclass")).await;
        branch.apply(&[(&name, &sql)]).await.unwrap();
        assert_eq!(indexes(&branch).await, format!("{kept} true"));
        branch.as_owner(&format!("drop index {kept}; insert into a values (1), (1)")).await;
    }
}

#[tokio::test]
async fn an_index_that_is_not_built_because_an_invalid_one_has_its_name_is_told() {
    let branch = branch("invalid_name").await;
    branch.as_owner("create table a (id int); create table b (id int); create index a_id on b (id)").await;
    let sql = "-- fluxbase:no-transaction\nselect 1;\ncreate index concurrently if not exists a_id on a (id)";
    branch.run("update pg_index set indisvalid = false where indexrelid = 'a_id'::regclass").await;
    let told = branch.fails("1_a.sql", sql).await;
    assert_eq!((told.code, told.line), ("index_invalid", Some(3)), "{told}");
    assert_eq!(branch.text("select state || statement from fluxbase_migrations.ledger").await, "failed1");
    branch.as_owner("drop index a_id").await;
    branch.apply(&[("1_a.sql", sql)]).await.unwrap();
    assert_eq!(indexes(&branch).await, "a_id true");
}

#[tokio::test]
async fn a_file_of_which_nothing_is_there_stands_in_no_others_way() {
    let branch = branch("nothing_of_it").await;
    branch.as_owner("create table a (id int); insert into a values (1), (1); create procedure p() language plpgsql as $$ begin insert into public.a values (2); commit; raise 'no'; end $$").await;
    let ledger =
        "select coalesce(string_agg(version || ' ' || state || ' ' || statement, ', ' order by version), '') from fluxbase_migrations.ledger";
    for (sql, expected) in [
        ("insert into nowhere values (1)", ""),
        ("begin;\ninsert into a values (9);\ninsert into nowhere values (1);\ncommit", ""),
        ("create unique index concurrently a_id on a (id)", ""),
        ("call p()", "1 failed 0"),
        ("insert into nowhere values (1)", "1 failed 0"),
    ] {
        branch.fails("1_a.sql", &format!("-- fluxbase:no-transaction\n{sql};\nselect 1")).await;
        assert_eq!(branch.text(ledger).await, expected, "{sql}");
    }
    assert_eq!((indexes(&branch).await.as_str(), branch.text("select string_agg(id::text, ',') from a").await.as_str()), ("", "1,1,2"));
    let files = branch.request(&[("2_b.sql", "select 1")]).files;
    let told = plan(&files, Coverage::Whole, &branch.runner.ledger(&branch.target).await.unwrap(), false).refusals;
    assert!(matches!(&told[..], [Refusal::BegunMissing { done: 0, statements: 2, .. }]), "{told:?}");
}

#[tokio::test]
async fn every_way_out_leads_out() {
    let branch = branch("ways_out").await;
    branch.as_owner("create table a (id int); create function f() returns void language plpgsql as $$ begin execute 'vacuum public.a'; end $$").await;
    let (bare, serializable) = ("-- fluxbase:no-transaction", "set transaction isolation level serializable");
    let told = branch.fails("1_a.sql", &format!("{serializable};\nselect 1")).await;
    assert_eq!((told.code, told.sqlstate.as_deref()), ("statement_failed", Some("25001")), "{told}");
    assert!(told.message.contains("Take it out, or mark the file -- fluxbase:no-transaction and put it right behind a BEGIN there"), "{told}");
    let told = branch.fails("1_a.sql", &format!("{bare}\n{serializable};\nselect 1")).await;
    assert!(told.message.ends_with("put it right behind a BEGIN of the file's own"), "{told}");
    let level = "insert into a select 1 where current_setting('transaction_isolation') = 'serializable'";
    let applied = branch.apply(&[("1_a.sql", &format!("{bare}\nbegin;\n{serializable};\n{level};\ncommit;\n{level}"))]).await.unwrap();
    assert_eq!(applied[0].statements.iter().map(|statement| (statement.line, statement.rows)).collect::<Vec<_>>(), [(3, 0), (4, 1), (5, 0), (6, 0)]);

    let told = branch.fails("2_b.sql", &format!("{bare}\nbegin;\ncreate index concurrently on a (id);\ncommit")).await;
    assert_eq!(told.code, "needs_no_transaction");
    assert!(told.message.ends_with("take it out from between BEGIN and COMMIT"), "{told}");
    let told = branch.fails("2_b.sql", &format!("{bare}\nselect f()")).await;
    assert!(!told.message.contains("mark the file"), "{told}");
    for sql in ["prepare transaction 'a'", "commit and chain"] {
        let told = branch.fails("3_c.sql", sql).await;
        assert!(told.code == "ends_transaction" && !told.message.contains("mark"), "{told}");
    }
    branch.apply(&[("4_d.sql", &format!("/* licence */\n{bare}\nvacuum a"))]).await.unwrap();
}
