//! Files and branches that want more than is theirs, brought in by the doors: each is harmless, and told.

use crate::{
    life::{ask_of, files},
    world::{ORCHARD, World},
};
use fluxbase_tests::Answer;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{env, fs, path::PathBuf};

/// What no role of ours may have, told where one has it.
async fn powers(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "select concat_ws(' ', rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, m.roleid::regrole)
           from pg_roles r left join pg_auth_members m on m.member = r.oid and (m.roleid::regrole::text like 'pg\\_%' or m.roleid = 10)
          where rolname like 'fluxbase\\_%' and (rolsuper or rolcreatedb or rolcreaterole or rolreplication or m.roleid is not null)",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

/// A file that nobody makes, where everybody could.
fn never(world: &World) -> PathBuf {
    env::temp_dir().join(format!("{}never", world.prefix))
}

/// Functions that try to make every login powerful, and keep silent when they cannot.
fn hostile(world: &World) -> String {
    format!(
        "create function public.grab(anyelement) returns boolean language plpgsql immutable as $$
         declare target name;
         begin
             for target in select rolname from pg_catalog.pg_roles where rolname like 'fluxbase%' loop
                 begin execute pg_catalog.format('alter role %I superuser createdb createrole', target); exception when others then null; end;
                 begin execute pg_catalog.format('grant pg_execute_server_program to %I', target); exception when others then null; end;
             end loop;
             begin execute 'reset role'; execute 'set role none'; exception when others then null; end;
             begin execute 'copy (select 1) to program ''touch {never}'''; exception when others then null; end;
             begin execute 'copy (select 1) to ''{never}'''; exception when others then null; end;
             return true;
         end $$;
         create function public.grab_int(int) returns int language sql immutable as 'select case when public.grab($1) then $1 end';
         create table public.trap (id int primary key default public.grab_int(1), double int generated always as (public.grab_int(id)) stored,
                                   check (public.grab(id)));
         create index on public.trap (public.grab_int(id));
         create function public.trap() returns trigger language plpgsql as 'begin perform public.grab(1); return new; end';
         create trigger trap before insert on public.trap for each row execute function public.trap();
         create view public.bait as select public.grab(1) as taken;
         create materialized view public.heavy_bait as select public.grab(1) as taken;
         grant select, insert on public.trap, public.bait to service_role;
         insert into public.trap values (2)",
        never = never(world).display()
    )
}

#[tokio::test]
async fn hostile_objects_gain_nothing_from_all_that_is_done_to_their_branch() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    world.create("victim").await;
    world.ready("victim").await;
    let hostile = hostile(&world);
    let trap = ("1_trap.sql", hostile.as_str());
    world.done("victim", "migrate", &files(&[trap])).await;
    let insert = world.server.rest(Method::POST, "tables/trap?branch=victim", &world.server.owner_key()).json(&json!({"id": 7}));
    assert_eq!(Answer::to(insert).await.status, 201);
    for table in ["trap", "bait"] {
        assert!(world.server.get(&format!("tables/{table}?branch=victim"), &world.server.owner_key()).await.status.is_success());
    }
    world.create_with(&json!({"name": "child", "parent": "victim", "data_clone_mode": "full_clone"})).await;
    world.ready("child").await;
    assert_eq!(world.count("trap", "child").await, 2);
    world.done("child", "reset", &json!({})).await;
    world.done("child", "undo", &json!({})).await;
    world.done("victim", "diff", &json!({"target": "main"})).await;
    let more = "alter table public.trap add e text default 'x';\nupdate public.trap set id = id + 10";
    let mut body = files(&[trap, ("2_more.sql", more)]);
    body["dry_run"] = json!(true);
    world.done("child", "migrate", &body).await;
    world.done("child", "migrate", &files(&[trap, ("2_more.sql", more)])).await;
    assert_eq!(world.branch("child").await["migrations"]["applied"], 2);
    assert_eq!(powers(&world).await, Vec::<String>::new());
    assert!(!never(&world).exists());
    assert_eq!(ask_of(&world.server, "victim", "delete by force", &json!({})).await.status, 202);
    world.gone("victim").await;
    world.gone("child").await;
    world.holds_just(&[]).await;
    world.end().await;
}

#[tokio::test]
async fn a_migration_that_leaves_its_role_gains_nothing_and_is_told() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    world.create("victim").await;
    world.ready("victim").await;
    // Both lead back to the owner.
    let back = ("1_back.sql", "reset role;\ncreate table public.a ();\nset session authorization default;\ncreate table public.b ()");
    world.done("victim", "migrate", &files(&[back])).await;
    let inside = world.inside("victim", 1).await;
    let owners: Vec<String> =
        sqlx::query_scalar("select distinct relowner::regrole::text from pg_class where relname in ('a', 'b')").fetch_all(&inside).await.unwrap();
    assert_eq!(owners, ["fluxbase_branch_owner"]);
    inside.close().await;

    let superuser: String = sqlx::query_scalar("select current_user::text").fetch_one(&world.pool).await.unwrap();
    let never = never(&world);
    let touch = never.display();
    for (sql, code) in [
        ("set role none".to_owned(), "leaves_role"),
        ("select set_config('role', 'none', false)".to_owned(), "leaves_role"),
        (format!("set session authorization {superuser}"), "not_allowed"),
        (format!("set role {superuser}"), "not_allowed"),
        ("create role more superuser".to_owned(), "not_allowed"),
        (format!("copy public.trees from program 'touch {touch}'"), "not_allowed"),
        (format!("copy public.trees to '{touch}'"), "not_allowed"),
        (format!("\\! touch {touch}"), "psql_command"),
    ] {
        let told =
            fails(&world, "victim", "migrate", &files(&[back, ("2_bad.sql", &format!("insert into public.trees values (999, 'gone');\n{sql}"))]))
                .await;
        assert_eq!((&told["code"], &told["file"], &told["line"]), (&json!(code), &json!("2_bad.sql"), &json!(2)), "{sql}: {told}");
        let branch = world.branch("victim").await;
        assert!(branch["status"] == "error" && branch["error"].as_str().unwrap().contains("2_bad.sql"), "{branch}");
        // It serves what it was before that file.
        world.is_whole("victim").await;
    }
    assert_eq!(powers(&world).await, Vec::<String>::new());
    assert!(!never.exists());
    world.done("victim", "migrate", &files(&[back, ("2_good.sql", "create table public.c ()")])).await;
    assert_eq!(world.status("victim").await.as_deref(), Some("ready"));
    world.end().await;
}

#[tokio::test]
async fn a_ledger_that_was_replaced_by_a_view_is_not_believed() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    world.create("victim").await;
    world.ready("victim").await;
    let one = ("1_one.sql", hostile(&world));
    let one = (one.0, one.1.as_str());
    world.done("victim", "migrate", &files(&[one])).await;
    let issued = ask_of(&world.server, "victim", "connection", &json!({})).await;
    let mut own = PgConnection::connect(issued.json()["url"].as_str().unwrap()).await.unwrap();
    let replace = "alter table fluxbase_migrations.ledger rename to kept;
                   create view fluxbase_migrations.ledger as select * from fluxbase_migrations.kept where public.grab(1);
                   create function public.nothing() returns trigger language plpgsql as 'begin perform public.grab(1); return null; end';
                   create trigger t instead of insert on fluxbase_migrations.ledger for each row execute function public.nothing()";
    sqlx::raw_sql(AssertSqlSafe(replace)).execute(&mut own).await.unwrap();
    let two = files(&[one, ("2_two.sql", "create table public.two ()")]);
    assert_eq!(fails(&world, "victim", "migrate", &two).await["code"], "ledger_tampered");
    let mut dry = two.clone();
    dry["dry_run"] = json!(true);
    assert_eq!(fails(&world, "victim", "migrate", &dry).await["code"], "ledger_tampered");
    // It is looked at without harm, and cut from without harm.
    assert_eq!(world.branch("victim").await["migrations"], Value::Null);
    world.is_whole("victim").await;
    world.create_with(&json!({"name": "child", "parent": "victim", "data_clone_mode": "full_clone"})).await;
    world.ready("child").await;
    assert_eq!(fails(&world, "child", "migrate", &two).await["code"], "ledger_tampered");
    assert_eq!(powers(&world).await, Vec::<String>::new());
    assert!(!never(&world).exists());

    let take_back = "drop view fluxbase_migrations.ledger; alter table fluxbase_migrations.kept rename to ledger";
    sqlx::raw_sql(AssertSqlSafe(take_back)).execute(&mut own).await.unwrap();
    world.done("victim", "migrate", &two).await;
    assert_eq!(world.branch("victim").await["migrations"]["applied"], 2);
    own.close().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_seed_that_wants_more_is_told_by_its_line_and_leaves_nothing() {
    let world = World::on_shared_cluster(ORCHARD, |settings| settings).await;
    let touch = never(&world).display().to_string();
    for (name, sql, code) in [
        ("2_shell.sql", format!("\\! touch {touch}"), "psql_command"),
        ("3_copy.sql", format!("\\copy public.trees from program 'touch {touch}'"), "psql_command"),
        ("4_program.sql", format!("copy public.trees from program 'touch {touch}'"), "not_allowed"),
        ("5_role.sql", "set role none".to_owned(), "leaves_role"),
        ("6_super.sql", "alter role current_user superuser".to_owned(), "not_allowed"),
    ] {
        fs::write(world.seeds.path().join(name), format!("insert into public.trees values (5, 'sown');\n{sql}\n")).unwrap();
        let operation = world.begin_create(&json!({"name": "sown", "data_clone_mode": "seed_data", "seeds": ["1_trees.sql", name]})).await;
        let outcome = world.outcome(&operation).await;
        assert_eq!(outcome["status"], "failed", "{name}: {outcome}");
        let told = &outcome["error"];
        assert_eq!((&told["code"], &told["file"], &told["line"]), (&json!(code), &json!(name), &json!(2)), "{told}");
        let branch = world.branch("sown").await;
        assert!(branch["status"] == "error" && branch["error"].as_str().unwrap().contains(name), "{branch}");
        world.holds_just(&[]).await;
        world.delete("sown").await;
        world.gone("sown").await;
    }
    // Where something serves already, that goes on.
    world.create_with(&json!({"name": "kept", "data_clone_mode": "seed_data", "seeds": ["1_trees.sql"]})).await;
    world.ready("kept").await;
    world.plant(1001, "kept").await;
    let told = fails(&world, "kept", "reset", &json!({"seeds": ["2_shell.sql"]})).await;
    assert_eq!((&told["code"], &told["file"], &told["line"]), (&json!("psql_command"), &json!("2_shell.sql"), &json!(2)), "{told}");
    assert_eq!((world.status("kept").await.as_deref(), world.count("trees", "kept").await), (Some("error"), 2));
    world.done("kept", "reset", &json!({"seeds": ["1_trees.sql"]})).await;
    assert_eq!((world.status("kept").await.as_deref(), world.count("trees", "kept").await), (Some("ready"), 1));
    assert_eq!(powers(&world).await, Vec::<String>::new());
    assert!(!never(&world).exists());
    world.delete("kept").await;
    world.gone("kept").await;
    world.settles().await;
    world.holds_just(&[]).await;
    world.end().await;
}

/// The error of an operation that must fail.
async fn fails(world: &World, slug: &str, what: &str, body: &Value) -> Value {
    let operation = world.begin(slug, what, body).await;
    let outcome = world.outcome(&operation).await;
    assert_eq!(outcome["status"], "failed", "{outcome}");
    outcome["error"].clone()
}
