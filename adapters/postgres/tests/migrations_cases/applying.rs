//! What a file in a transaction does, and what it says when it fails.

use super::{Told, branch, refusal};
use async_trait::async_trait;
use domain::{
    OperationId,
    migration::{Coverage, MigrationVersion, plan},
};
use fluxbase_postgres::migrations::{MigrationLimits, MigrationSettings, PgMigrationRunner};
use ports::driven::{ApplyRequest, MigrationError, MigrationEvent, MigrationProgress, MigrationRunner, Repair};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

#[tokio::test]
async fn files_are_applied_once_with_their_rows_of_the_ledger() {
    let branch = branch("once").await;
    assert_eq!(branch.runner.ledger(&branch.target).await.unwrap(), [], "nothing is made by looking");
    let files =
        [("1_tasks.sql", "create table tasks (id int primary key);\ninsert into tasks values (1), (2);"), ("2_x.sql", "create view v as select 1")];
    let applied = branch.apply(&files).await.unwrap();
    assert_eq!(applied.iter().map(|file| file.version.number()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(applied[0].statements.iter().map(|statement| (statement.line, statement.rows)).collect::<Vec<_>>(), [(1, 0), (2, 2)]);
    assert_eq!(
        branch.text("select relowner::regrole || ' ' || relnamespace::regnamespace from pg_class where relname = 'tasks'").await,
        "fluxbase_branch_owner public"
    );

    assert_eq!(branch.apply(&files).await.unwrap(), [], "what is there is left out");
    let ledger = branch.runner.ledger(&branch.target).await.unwrap();
    let known: Vec<_> = ledger.iter().map(|entry| (entry.name.as_str(), entry.statements, entry.who.as_str(), entry.is_applied())).collect();
    assert_eq!(known, [("1_tasks.sql", 2, "user:test", true), ("2_x.sql", 1, "user:test", true)]);
    assert_eq!(ledger[0].checksum, branch.file("1_tasks.sql", files[0].1).checksum);
    assert!(plan(&branch.request(&files).files, Coverage::Whole, &ledger, false).pending.is_empty());

    let (code, _) = branch.refused("1_tasks.sql", "select 'another text'").await;
    assert_eq!(code, "migration_changed");
}

#[tokio::test]
async fn what_a_database_says_of_names_charges_nobody_with_another_ledger() {
    let branch = branch("quoting").await;
    branch.run("alter database branch_quoting set quote_all_identifiers = on").await;
    branch.apply(&[("1_a.sql", "create table a (id int)")]).await.unwrap();
    assert_eq!(branch.apply(&[("1_a.sql", "create table a (id int)"), ("2_b.sql", "create table b (id int)")]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_failing_file_leaves_the_branch_as_it_was_before_it_and_says_where() {
    let branch = branch("failing").await;
    let bad = "-- why\ncreate table b (id int);\n\ninsert into b\nselect id,\n  nonsense from a;\n";
    let error = branch.apply(&[("1_a.sql", "create table a (id int)"), ("2_b.sql", bad), ("3_c.sql", "create table c ()")]).await.unwrap_err();
    let MigrationError::File { failure, applied } = error else { panic!("{error:?}") };
    assert_eq!(applied.len(), 1);
    assert_eq!(
        (failure.code, failure.file.as_str(), failure.line, failure.sqlstate.as_deref()),
        ("statement_failed", "2_b.sql", Some(6), Some("42703"))
    );
    assert_eq!(failure.statement.as_deref(), Some("insert into b select id, nonsense from a;"));
    assert!(failure.to_string().starts_with("2_b.sql, line 6: column \"nonsense\" does not exist"), "{failure}");
    assert_eq!(branch.text("select string_agg(relname, ',' order by relname) from pg_class where relnamespace = 'public'::regnamespace").await, "a");
    assert_eq!(branch.runner.ledger(&branch.target).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_deferred_fails_at_the_files_end_and_rows_of_copy_have_their_line() {
    let branch = branch("ends").await;
    branch
        .apply(&[(
            "1_a.sql",
            "create table a (id int primary key, b int references a deferrable initially deferred);\ncopy a from stdin;\n1\t\\N\n2\t1\n\\.\n",
        )])
        .await
        .unwrap();
    let late = branch.fails("2_b.sql", "insert into a values (3, 99);\nselect 1;").await;
    assert_eq!((late.line, late.sqlstate.as_deref()), (None, Some("23503")));
    assert!(late.message.starts_with("at its end: insert or update on table \"a\" violates foreign key"), "{}", late.message);
    let row = branch.fails("3_c.sql", "select 1;\ncopy a (id) from stdin;\n7\n8\nx\n\\.\n").await;
    assert_eq!((row.line, row.sqlstate.as_deref()), (Some(5), Some("22P02")), "{row}");
    let unique = branch.fails("4_d.sql", "insert into a values (1, null)").await;
    assert!(unique.message.contains("a_pkey") && !unique.message.contains("(1)"), "no row's values: {}", unique.message);
    assert_eq!(branch.text("select count(*)::text from a").await, "2");
}

#[tokio::test]
async fn a_file_that_ends_its_transaction_is_refused_before_and_found_out_after() {
    let branch = branch("transaction").await;
    let told = branch.fails("1_a.sql", "create table a ();\ncommit;\ncreate table b ();").await;
    assert_eq!((told.code, told.line), ("ends_transaction", Some(2)));
    assert!(
        told.message.contains("ends its transaction at line 2: take the statement out, or mark it -- fluxbase:no-transaction"),
        "{}",
        told.message
    );
    let hidden = branch.fails("1_a.sql", "do $$ begin create table a (); commit; end $$").await;
    assert_eq!((hidden.code, hidden.sqlstate.as_deref()), ("needs_no_transaction", Some("2D000")));
    assert_eq!(branch.text("select count(*)::text from pg_class where relnamespace = 'public'::regnamespace").await, "0");

    // The server reads this text otherwise than its own rules say by default, and otherwise than we do.
    let misread = "create table c ();\nset standard_conforming_strings = off;\nselect 'a\\' || '; commit; -- ' ;\ncreate table d ();";
    let found = branch.fails("2_b.sql", misread).await;
    assert_eq!((found.code, found.line), ("ends_transaction", Some(3)), "{found}");
    assert_eq!(branch.text("select concat(to_regclass('c'), to_regclass('d'))").await, "c", "what was committed is told, and nothing comes after it");
    let ledger = branch.runner.ledger(&branch.target).await.unwrap();
    assert!(!ledger[0].is_applied(), "{ledger:?}");
    assert_eq!(branch.text("select state from fluxbase_migrations.ledger").await, "failed");
}

#[tokio::test]
async fn a_file_keeps_the_encoding_that_it_is_sent_in() {
    let branch = branch("encoding").await;
    branch.apply(&[("1_a.sql", "set client_encoding = 'utf-8';\ncreate table a (name text);\ninsert into a values ('Zoë')")]).await.unwrap();
    for (set, marks) in [
        ("set client_encoding = 'LATIN1'", ["", "-- fluxbase:no-transaction"]),
        ("select set_config('client_encoding', 'win1252', false)", ["", "-- fluxbase:no-transaction"]),
        ("do $$ begin set local client_encoding to latin1; end $$", ["", "-- in a transaction"]),
    ] {
        for mark in marks {
            let told = branch.fails("2_b.sql", &format!("{mark}\n{set};\ninsert into a values ('Zoë')")).await;
            assert_eq!((told.code, told.line), ("leaves_utf8", Some(2)), "{set}: {told}");
            assert!(told.message.contains("client_encoding") && told.message.contains("UTF8"), "{told}");
        }
    }
    assert_eq!(branch.text("select string_agg(name, ',') from a").await, "Zoë");
}

/// The ledger comes along with every copy, whatever rows stay behind.
#[tokio::test]
async fn the_ledger_keeps_no_values_of_rows() {
    let branch = branch("values").await;
    branch.apply(&[("1_a.sql", "create table people (name text); insert into people values ('Alice Smith')")]).await.unwrap();
    let raised = "do $$ begin raise 'it is %', (select name from people); end $$";
    for (number, statement) in [(2, "alter table people alter name type int using name::int"), (3, raised)] {
        let told = branch.fails(&format!("{number}_b.sql"), &format!("-- fluxbase:no-transaction\nselect 1;\n{statement}")).await;
        assert!(told.message.contains("Alice Smith"), "whoever migrates is told: {told}");
        let kept = branch.text(&format!("select detail from fluxbase_migrations.ledger where version = {number}")).await;
        assert!(!kept.contains("Alice") && kept.contains("_b.sql, line 3"), "{kept}");
        branch.run(&format!("delete from fluxbase_migrations.ledger where version = {number}")).await;
    }
}

#[tokio::test]
async fn nothing_that_a_file_sets_outlives_it() {
    let branch = branch("settings").await;
    branch
        .apply(&[
            ("1_a.sql", "set search_path = ''; set statement_timeout = 2000; create temporary table tasks (); prepare p as select 1"),
            ("2_b.sql", "select pg_sleep(2.1); create table tasks (id int); prepare p as select 1"),
        ])
        .await
        .unwrap();
    branch.run("alter database branch_settings set search_path = other, public; create schema other authorization fluxbase_branch_owner").await;
    branch.apply(&[("3_c.sql", "create table third ()")]).await.unwrap();
    assert_eq!(branch.text("select relnamespace::regnamespace::text from pg_class where relname = 'third'").await, "other");
}

#[tokio::test]
async fn what_takes_settings_back_leads_to_the_databases_own() {
    let branch = branch("taken_back").await;
    branch.run("alter database branch_taken_back set search_path = app, public; create schema app authorization fluxbase_branch_owner").await;
    let (bare, in_transaction) = ("-- fluxbase:no-transaction", "-- in a transaction");
    for (at, (mark, back)) in [
        (in_transaction, "reset search_path"),
        (in_transaction, "set local search_path = default"),
        (in_transaction, "reset all"),
        (in_transaction, "prepare p as select 1;\ndeallocate all"),
        (bare, "set search_path to default"),
        (bare, "reset all"),
        (bare, "deallocate all"),
        (bare, "discard all"),
        (bare, "begin;\nreset all;\ncommit"),
    ]
    .into_iter()
    .enumerate()
    {
        let (name, table) = (format!("{}_a.sql", at + 1), format!("t{at}"));
        let timeout = "create table {} as select current_setting('lock_timeout') as waits, current_setting('statement_timeout') as runs";
        let first = if back.starts_with("deallocate") || back.starts_with("prepare") { "select 1" } else { "set search_path = public" };
        let sql = format!("{mark}\n{first};\n{back};\n{};\ninsert into {table} values ('x', 'y')", timeout.replace("{}", &table));
        for observe in [false, true] {
            let request = ApplyRequest { observe, ..branch.request(&[(&name, &sql)]) };
            branch.runner.apply(&request, Arc::new(Told::default())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            let told = branch.text(&format!("select string_agg(waits || ' ' || runs, ',') from app.{table}")).await;
            assert_eq!(told, "20ms 0,x y", "{sql}");
            branch.run(&format!("drop table app.{table}; delete from fluxbase_migrations.ledger")).await;
        }
    }
    branch.as_owner("create table app.seen (locks bigint)").await;
    let counts = "insert into seen select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()";
    branch.apply(&[("99_b.sql", &format!("{bare}\ndiscard all;\n{counts}"))]).await.unwrap();
    assert_eq!(branch.text("select locks::text from app.seen").await, "1", "the session that works keeps the lock that tells so");
}

#[tokio::test]
async fn what_a_file_listens_to_does_not_come_in_between() {
    let branch = branch("listens").await;
    let bare = "-- fluxbase:no-transaction";
    for (at, sql) in [
        "listen x;\nnotify x;\nnotify x, 'again'".to_owned(),
        "do $$ begin execute 'listen x'; perform pg_notify('x', ''); end $$".to_owned(),
        format!("{bare}\nlisten x;\nnotify x;\nselect 1"),
        format!("{bare}\nbegin;\nlisten x;\nnotify x;\ncommit;\nvacuum"),
    ]
    .into_iter()
    .enumerate()
    {
        let applied = branch.apply(&[(&format!("{}_a.sql", at + 1), &sql)]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(applied.len(), 1, "{sql}");
    }
}

#[tokio::test]
async fn a_dry_run_sees_locks_and_rewrites_of_each_statement() {
    let branch = branch("observed").await;
    branch.apply(&[("1_a.sql", "create table a (id int, b text); insert into a select 1; create table gone ()")]).await.unwrap();
    let mut request = branch.request(&[(
        "2_b.sql",
        "set search_path = '';\nalter table public.a add c int default 5;\nalter table public.a alter id type bigint;\ndrop table public.gone;\ncreate table public.new ();\nselect * from public.a",
    )]);
    request.observe = true;
    let applied = branch.runner.apply(&request, Arc::new(Told::default())).await.unwrap();
    let seen: Vec<_> = applied[0]
        .statements
        .iter()
        .map(|statement| {
            let seen = statement.observed.as_ref().unwrap();
            let locks: Vec<_> = seen.locks.iter().map(|lock| format!("{} {}", lock.relation, lock.mode)).collect();
            (locks.join(", "), seen.rewrites.join(", "))
        })
        .collect();
    let seen: Vec<_> = seen.iter().map(|(locks, rewrites)| (locks.as_str(), rewrites.as_str())).collect();
    let exclusive = "public.a AccessExclusiveLock";
    assert_eq!(seen[..4], [("", ""), (exclusive, ""), ("", "public.a"), ("public.gone AccessExclusiveLock", "")]);
    assert!(seen[4].1.is_empty() && seen[5] == ("", ""), "{seen:?}");
}

#[tokio::test]
async fn two_runners_at_once_apply_each_file_once() {
    let branch = branch("twice").await;
    let request = branch.request(&[
        ("1_a.sql", "create table a (); select pg_sleep(0.05)"),
        ("2_b.sql", "create table b ()"),
        ("3_c.sql", "create table c ()"),
    ]);
    let told = Arc::new(Told::default());
    let (one, other) = tokio::join!(branch.runner.apply(&request, told.clone()), branch.runner.apply(&request, told.clone()));
    let mut both: Vec<i64> = one.unwrap().into_iter().chain(other.unwrap()).map(|file| file.version.number()).collect();
    both.sort_unstable();
    assert_eq!(both, [1, 2, 3]);
    let ended = told.events.lock().unwrap().iter().filter(|event| matches!(event, MigrationEvent::FileEnds { .. })).count();
    assert_eq!(ended, 3);
}

#[tokio::test]
async fn who_waits_in_vain_for_another_run_is_told_so() {
    let branch = branch("busy").await;
    let mut other = branch.root.acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock(hashtextextended('fluxbase migrations', 0))").execute(&mut *other).await.unwrap();
    let limits = MigrationLimits { turn: Duration::from_millis(50), ..branch.settings.limits };
    let runner = PgMigrationRunner::new(MigrationSettings { limits, ..branch.settings.clone() });
    let refused = runner.apply(&branch.request(&[("1_a.sql", "create table a ()")]), Arc::new(Told::default())).await.unwrap_err();
    let (code, message) = refusal(refused);
    assert!(code == "migrations_busy" && message.contains("try again"), "{message}");
    assert_eq!(branch.text("select to_regclass('a')::text").await, "");
}

/// As a frozen replica leaves it: the file's transaction stands open, and the turn is taken.
#[tokio::test]
async fn what_an_earlier_turn_left_at_work_ends_and_nothing_of_it_is_there() {
    let branch = Arc::new(branch("overtaken").await);
    let [operation, another] = [1, 2].map(|number| OperationId::from_uuid(Uuid::from_u128(number)));
    let request = |operation| ApplyRequest { operation: Some(operation), ..branch.request(&[("1_a.sql", "create table a (); select pg_sleep(60)")]) };
    let frozen = tokio::spawn({
        let (branch, request) = (Arc::clone(&branch), request(operation));
        async move { branch.runner.apply(&request, Arc::new(Told::default())).await }
    });
    let sleeps = "select count(*)::text from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    while branch.text(sleeps).await != "1" {
        tokio::task::yield_now().await;
    }
    branch.runner.end_earlier(&branch.target, another).await.unwrap();
    assert_eq!(branch.text(sleeps).await, "1", "that of another operation works on");
    branch.runner.end_earlier(&branch.target, operation).await.unwrap();
    assert_eq!(branch.text(sleeps).await, "0");
    let lost = frozen.await.unwrap().unwrap_err();
    assert!(matches!(lost, MigrationError::Retryable { .. }), "{lost:?}");
    assert_eq!(branch.apply(&[("1_a.sql", "create table a ()")]).await.unwrap().len(), 1);
}

/// Tells of what is to be committed after so many times that it is another's by now.
struct Overtaken(AtomicU32);

#[async_trait]
impl MigrationProgress for Overtaken {
    async fn told(&self, event: MigrationEvent) -> Result<(), MigrationError> {
        if event == MigrationEvent::Commits && self.0.fetch_sub(1, Ordering::SeqCst) == 0 { Err(MigrationError::Stopped) } else { Ok(()) }
    }
}

#[tokio::test]
async fn who_has_lost_the_work_commits_nothing() {
    let branch = branch("overtaken_late").await;
    let stopped = branch.runner.apply(&branch.request(&[("1_a.sql", "create table a ()")]), Arc::new(Overtaken(0.into()))).await.unwrap_err();
    assert!(matches!(stopped, MigrationError::Stopped), "{stopped:?}");
    assert_eq!(branch.text("select to_regclass('a')::text").await, "");
    assert!(branch.runner.ledger(&branch.target).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_loses_the_work_in_a_file_without_a_transaction_runs_no_more_of_its_statements() {
    let branch = branch("overtaken_bare").await;
    let sql = "-- fluxbase:no-transaction\ncreate table a (id int);\ncreate index concurrently a_id on a (id);\nbegin;\ncreate table b ();\ncommit;\ncreate table c ();";
    let made = "select concat_ws(' ', to_regclass('a'), to_regclass('a_id'), to_regclass('b'), to_regclass('c'))";
    for (run, expected) in ["", "a", "a a_id", "a a_id b"].into_iter().enumerate() {
        if run > 0 {
            branch.run("drop table if exists a, b, c; delete from fluxbase_migrations.ledger").await;
        }
        let overtaken = Overtaken(u32::try_from(run).unwrap().into());
        let stopped = branch.runner.apply(&branch.request(&[("1_a.sql", sql)]), Arc::new(overtaken)).await.unwrap_err();
        assert!(matches!(stopped, MigrationError::Stopped), "{stopped:?}");
        assert_eq!(branch.text(made).await, expected);
    }
    // Whoever has it by now goes on where that one ended.
    assert_eq!(branch.apply(&[("1_a.sql", sql)]).await.unwrap()[0].statements.len(), 1);
}

#[tokio::test]
async fn a_baseline_takes_files_as_applied_and_repairs_put_rows_right() {
    let branch = branch("baseline").await;
    let files = branch.request(&[("1_a.sql", "create table a ()"), ("2_b.sql", "create table b ()")]).files;
    assert_eq!(branch.runner.baseline(&branch.target, &files[..1], "user:test").await.unwrap(), 1);
    assert_eq!(branch.runner.baseline(&branch.target, &files[..1], "user:test").await.unwrap(), 0);
    branch.apply(&[("2_b.sql", "create table b ()")]).await.unwrap();
    assert_eq!(branch.text("select concat(to_regclass('a'), to_regclass('b'))").await, "b");

    let (one, three) = (MigrationVersion::new(1), MigrationVersion::new(3));
    let changed = branch.file("1_a.sql", "create table a (); -- better");
    branch.runner.repair(&branch.target, one, &Repair::Accept(changed.checksum), "user:test").await.unwrap();
    branch.runner.record_fingerprint(&branch.target, one, "abc").await.unwrap();
    let ledger = branch.runner.ledger(&branch.target).await.unwrap();
    assert_eq!((ledger[0].checksum, ledger[0].fingerprint.as_deref()), (changed.checksum, Some("abc")));
    branch.runner.repair(&branch.target, one, &Repair::Forget, "user:test").await.unwrap();
    assert_eq!(branch.runner.ledger(&branch.target).await.unwrap().len(), 1);
    let unknown = branch.runner.repair(&branch.target, three, &Repair::Forget, "user:test").await.unwrap_err();
    assert_eq!(refusal(unknown).0, "migration_unknown");
    let misfit = branch.runner.repair(&branch.target, MigrationVersion::new(2), &Repair::StatementDone, "user:test").await.unwrap_err();
    assert_eq!(refusal(misfit).0, "repair_misfit");
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_look_at_ledgers_few_connections_are_taken() {
    let branch = branch("looked_at").await;
    branch.apply(&[("1_a.sql", "create table a ()")]).await.unwrap();
    let limits = MigrationLimits { lock_timeout: Duration::from_mins(1), ..branch.settings.limits };
    let runner = Arc::new(PgMigrationRunner::new(MigrationSettings { limits, ..branch.settings.clone() }));
    let mut held = branch.root.begin().await.unwrap();
    sqlx::raw_sql("lock table fluxbase_migrations.ledger in access exclusive mode").execute(&mut *held).await.unwrap();
    let looks: Vec<_> = (0..30)
        .map(|_| {
            let (runner, target) = (Arc::clone(&runner), branch.target.clone());
            tokio::spawn(async move { runner.ledger(&target).await.unwrap().len() })
        })
        .collect();
    let looking = "select count(*)::text from pg_stat_activity where datname = current_database() and application_name like 'fluxbase migrations%'";
    while branch.text(looking).await != "8" {
        tokio::task::yield_now().await;
    }
    // Time enough for more to come, if they could.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(branch.text(looking).await, "8");
    held.rollback().await.unwrap();
    for look in looks {
        assert_eq!(look.await.unwrap(), 1);
    }
}
