//! What uses routines whose code acts as the server, and who may execute those, in a branch and in a diff of it.

use super::{Admin, House, try_execute};
use domain::{
    DataCloneMode,
    branch::Withheld,
    schema::{Kind, SchemaDiff},
};
use fluxbase_pgtools::PgSchemas;
use ports::driven::{DatabasePlace, Readings, SchemaReader};

/// A default, a check, a policy and the like that call what a branch's owner may not, one of them by way of an operator and one of a function; and what
/// does so without being asked: a trigger's function.
const CALLERS: &str = "create schema ops; grant usage on schema ops to service_role;
    create function ops.pid() returns int language internal as 'pg_backend_pid'; revoke execute on function ops.pid() from public;
    create function ops.less(int, int) returns bool immutable language internal as 'int4lt'; revoke execute on function ops.less(int, int) from public;
    create function ops.watched() returns trigger language internal as 'suppress_redundant_updates_trigger';
    revoke execute on function ops.watched() from public;
    create operator public.<<< (leftarg = int, rightarg = int, function = ops.less);
    create function public.twice() returns int language sql begin atomic select 2 * ops.pid(); end;
    create table public.t (id int default ops.pid(), other int default public.twice(), fine int default 1, check (id operator(public.<<<) 9));
    create table public.parts (id int default ops.pid()) partition by range (id);
    create table public.part partition of public.parts for values from (0) to (10);
    create domain public.small as int check (value < ops.pid());
    create view public.seen as select ops.pid(); create view public.seen_again as select * from public.seen;
    create view public.fine as select fine from public.t; create function public.reads(public.seen) returns int language sql as 'select 1';
    create materialized view public.empty as select ops.pid() with no data;
    alter table public.t enable row level security; create policy own on public.t using (id = ops.pid()); create policy plain on public.t using (true);
    create rule told as on insert to public.parts do also select ops.pid();
    create trigger watched before update on public.t for each row execute function ops.watched();
    create trigger seldom before update on public.t for each row when (old.id = ops.pid()) execute function suppress_redundant_updates_trigger()";

#[tokio::test(flavor = "multi_thread")]
async fn what_calls_code_of_the_server_that_a_branchs_owner_may_not_call_is_told() {
    let house = House::new(Admin::Superuser, CALLERS).await;
    let report = house.build("told", DataCloneMode::SchemaOnly).await.unwrap();
    let told: Vec<String> = report.withheld.iter().map(Withheld::in_words).collect();
    let expected = [
        "constraint small_check of domain public.small: it calls function ops.pid(), whose code acts as the server",
        "constraint t_id_check of table public.t: it calls function ops.less(integer,integer)",
        "default of column id of table public.parts: it calls function ops.pid()",
        "default of column id of table public.t: it calls function ops.pid()",
        "default of column other of table public.t: it calls function ops.pid()",
        "function public.twice(): it calls function ops.pid()",
        "materialized view public.empty: it calls function ops.pid()",
        "policy own on table public.t: it calls function ops.pid()",
        "rule told on table public.parts: it calls function ops.pid()",
        "trigger seldom on table public.t: it calls function ops.pid()",
        "view public.seen: it calls function ops.pid()",
        "view public.seen_again: it calls function ops.pid()",
    ];
    assert!(expected.iter().all(|line| told.iter().any(|found| found.starts_with(line))) && told.len() == expected.len(), "{told:#?}");

    // Told rightly: this fails, and that does not.
    let target = house.target("told");
    let mut owner = super::superusers::as_builder(&house, &target).await;
    for refused in ["insert into public.t (other) values (1)", "table public.seen_again", "insert into public.parts values (1)"] {
        let refusal = try_execute(&mut owner, refused).await.unwrap_err();
        assert_eq!(refusal.as_database_error().unwrap().code().as_deref(), Some("42501"), "{refused}: {refusal}");
    }
    try_execute(&mut owner, "table public.fine; alter table public.t drop constraint t_id_check; insert into public.t values (1, 2, 3)")
        .await
        .unwrap();
}

/// `kept` belongs to no branch's owner; what everybody may execute does.
const GRANTED: &str = "create schema ops; grant usage on schema ops to service_role;
    create function ops.kept() returns int language internal as 'pg_backend_pid'; revoke execute on function ops.kept() from public;
    grant execute on function ops.kept() to service_role;
    create function ops.hidden() returns int language internal as 'pg_backend_pid';
    create function public.everybodys() returns int language internal as 'pg_backend_pid';
    create function public.theirs() returns int language internal as 'pg_backend_pid'; revoke execute on function public.theirs() from public;
    grant execute on function public.theirs() to authenticated, fluxbase_branch_owner with grant option";

#[tokio::test(flavor = "multi_thread")]
async fn grants_on_code_of_the_server_that_differ_are_told_and_not_scripted() {
    let house = House::new(Admin::Superuser, GRANTED).await;
    house.build("granted", DataCloneMode::SchemaOnly).await.unwrap();
    let target = house.target("granted");
    let schemas = PgSchemas::new(house.settings.clone(), Vec::new());
    let (main, branch) =
        (DatabasePlace { database: house.main.clone(), is_main: true }, DatabasePlace { database: target.database.clone(), is_main: false });
    let differences = async || match schemas.both(&main, &branch).await.unwrap() {
        Readings::Equal(_) => (Vec::new(), Vec::new(), Vec::new()),
        Readings::Unequal { target, source } => {
            let SchemaDiff { objects, unscripted, script, .. } = SchemaDiff::between(&target, &source);
            let name = |kind: &Kind, identity: &str| format!("{kind} {identity}");
            let told = unscripted.iter().map(|left| name(&left.kind, &left.identity)).collect();
            (objects.iter().map(|object| name(&object.kind, &object.identity)).collect(), told, script)
        }
    };
    assert_eq!(differences().await, (Vec::new(), Vec::new(), Vec::new()), "a clone has the same, in its own way");

    // The branch's owner may say who calls what is his.
    let mut owner = super::superusers::as_builder(&house, &target).await;
    let changed = "revoke execute on function public.everybodys() from public; grant execute on function public.theirs() to anon";
    try_execute(&mut owner, changed).await.unwrap();
    let mut superuser = house.look_into(&house.main).await;
    try_execute(&mut superuser, "revoke execute on function ops.kept() from service_role").await.unwrap();
    let all = ["grant FUNCTION ops.kept()", "grant FUNCTION public.everybodys()", "grant FUNCTION public.theirs()"].map(str::to_owned).to_vec();
    let (objects, mut told, script) = differences().await;
    told.sort();
    assert_eq!((objects, told, script), (all.clone(), all, Vec::new()));
}
