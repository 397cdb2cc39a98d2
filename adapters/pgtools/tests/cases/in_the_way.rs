//! Sessions of one branch's login that hold what the work on every other branch waits for.

use super::{
    Admin, House, Quiet,
    changed_passwords::take_long_password,
    connections::{BOTH, Street, is_ended, session, session_of, tag},
    execute, try_connect_to, try_execute,
};
use crate::cluster::watched_cluster;
use fluxbase_pgtools::{PgWatch, WatchLimits};
use ports::driven::{BranchBuilder, BranchLogins, Footing, LoginPurpose};
use sqlx::PgConnection;
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::timeout};

/// The session of the guard of the table of locks, within its database: it is in a transaction between its looks.
macro_rules! guard {
    () => {
        "from pg_stat_activity
          where datname = current_database() and state = 'idle in transaction' and starts_with(application_name, 'fluxbase builder')"
    };
}

/// Much longer than it takes, much shorter than for ever.
pub(super) const FOR_EVER: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_transaction_of_a_branchs_login_stops_nobody_elses_work() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let house = &street.house;
        let neighbour = tag(house, "theirs", 1);
        street.open(&neighbour).await;
        let (user, password) = street.issue().await;
        let watch = tokio::spawn(PgWatch::new(house.settings.clone()).keep());
        let names = [LoginPurpose::User, LoginPurpose::Builder].map(|purpose| house.settings.logins.of(purpose, &neighbour.database).name);
        let holds = [
            format!("begin; grant create on database {} to public", neighbour.database),
            format!("begin; grant select on t to {}, {}", names[0], names[1]),
        ];
        for hold in holds {
            let mut idle = session(&user, &password, &street.branch.database).await.unwrap();
            execute(&mut idle, &hold).await;
            let work = async {
                street.logins.issue(&neighbour, Footing::default()).await.unwrap();
                house.builder().shut_out(&neighbour).await.unwrap();
                house.builder().drop_database(&neighbour, Arc::new(Quiet)).await.unwrap();
                street.logins.revoke(neighbour.branch_id).await.unwrap();
            };
            timeout(FOR_EVER, work).await.expect("the neighbour's branch goes, whatever a session elsewhere holds");
            assert!(try_execute(&mut idle, "select 1").await.is_err(), "{hold}: the session that stood in the way was ended");
            street.open(&neighbour).await;
        }
        // A session that nobody waits for is nobody's business.
        let mut idle = session(&user, &password, &street.branch.database).await.unwrap();
        execute(&mut idle, "begin; grant create on database postgres to public; insert into t values (7)").await;
        street.logins.issue(&neighbour, Footing::default()).await.unwrap();
        execute(&mut idle, "commit").await;
        watch.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_changes_rows_of_the_server_all_the_time_fails_nobody_elses_work() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let house = &street.house;
        let neighbour = tag(house, "theirs", 1);
        street.open(&neighbour).await;
        let (user, password) = street.issue().await;
        for _ in 0..3 {
            let mut busy = session(&user, &password, &street.branch.database).await.unwrap();
            execute(&mut busy, "set client_min_messages = error").await;
            let change = format!("execute 'grant create on database {} to public'", neighbour.database);
            let busy = tokio::spawn(async move { try_execute(&mut busy, &format!("do $$ begin loop {change}; commit; end loop; end $$")).await });
            let changes = format!("pg_stat_activity where usename = '{user}' and state = 'active'");
            while house.count(&house.main, &changes).await == 0 {
                assert!(!busy.is_finished(), "it changes the row all the time");
            }
            street.logins.issue(&neighbour, Footing::default()).await.unwrap();
            house.builder().admit(&neighbour).await.unwrap();
            street.logins.see_off(&neighbour, Footing::default()).await.unwrap();
            street.logins.revoke(neighbour.branch_id).await.unwrap();
            house.builder().shut_out(&neighbour).await.unwrap();
            house.builder().admit(&neighbour).await.unwrap();
            execute(&mut house.look_into(&house.main).await, &format!("select pg_terminate_backend(pid) from {changes}")).await;
            assert!(busy.await.unwrap().is_err());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_holds_its_own_row_gets_another_password_all_the_same() {
    let street = Street::new(Admin::Superuser).await;
    let (user, password) = street.issue().await;
    let watch = tokio::spawn(PgWatch::new(street.house.settings.clone()).keep());
    let mut own = session(&user, &password, &street.branch.database).await.unwrap();
    execute(&mut own, "begin; set role none; alter role current_user password 'mine'").await;
    let (_, fresh) = timeout(FOR_EVER, street.issue()).await.expect("the password is changed, whoever holds the role's row");
    assert!(session(&user, &fresh, &street.branch.database).await.is_ok());
    assert!(try_execute(&mut own, "commit").await.is_err());
    watch.abort();
}

/// Whether the session is ended while that watch is kept.
async fn is_ended_by(watch: PgWatch, session: &mut PgConnection) -> bool {
    let watch = tokio::spawn(watch.keep());
    let look = async { while try_execute(session, "select pg_sleep(0.05)").await.is_ok() {} };
    let ended = timeout(FOR_EVER, look).await.is_ok();
    watch.abort();
    ended
}

/// So many locks, of what the server has room for: a session may hold 125 of them, all branches' together 500. (On PostgreSQL 18, a tenth more.)
const FULL_WITH_1000: WatchLimits = WatchLimits { lock_table: 1000.0 / (64.0 * 122.0), notify_queue: 0.1 };

/// A watch that is told to end who takes most ends whoever that is: one at a time is kept, and none where others work.
static WATCHED: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_takes_most_of_the_servers_locks_is_ended() {
    let _alone = WATCHED.lock().await;
    for admin in BOTH {
        let street = Street::new_in(watched_cluster(), admin).await;
        let (user, password) = street.issue().await;
        let mut modest = session_of(&street, &user, &password).await;
        execute(&mut modest, "select count(pg_advisory_lock(i)) from generate_series(1, 5) i").await;
        let mut greedy = session_of(&street, &user, &password).await;
        execute(&mut greedy, "select count(pg_advisory_lock(i)) from generate_series(1001, 2500) i").await;
        assert!(is_ended_by(PgWatch::new(street.house.settings.clone()).with_limits(FULL_WITH_1000), &mut greedy).await);
        execute(&mut modest, "select 1").await;
    }
}

/// What fills the table is main's, or reads main: ending a session that holds a little of the rest would only end its work.
#[tokio::test(flavor = "multi_thread")]
async fn logins_that_take_no_more_than_their_share_of_the_servers_locks_are_left_alone() {
    let _alone = WATCHED.lock().await;
    for admin in BOTH {
        let street = Street::new_in(watched_cluster(), admin).await;
        let house = &street.house;
        let mut others = house.look_into(&house.main).await;
        execute(&mut others, "select count(pg_advisory_lock(i)) from generate_series(1, 1200) i").await;
        let (user, password) = street.issue().await;
        let mut sessions = Vec::new();
        for first in [1000, 2000, 3000, 4000] {
            let mut session = session_of(&street, &user, &password).await;
            execute(&mut session, &format!("select count(pg_advisory_lock({first} + i)) from generate_series(1, 120) i")).await;
            sessions.push(session);
        }
        let watch = tokio::spawn(PgWatch::new(house.settings.clone()).with_limits(FULL_WITH_1000).keep());
        let theirs = format!("pg_stat_activity where usename = '{user}'");
        looked_again(house).await;
        assert_eq!(house.count(&house.main, &theirs).await, 4);
        // One more, and together they hold more than half.
        let mut session = session_of(&street, &user, &password).await;
        execute(&mut session, "select count(pg_advisory_lock(5000 + i)) from generate_series(1, 120) i").await;
        sessions.push(session);
        let ended = async { while house.count(&house.main, &theirs).await == 5 {} };
        timeout(FOR_EVER, ended).await.expect("one of them is ended");
        looked_again(house).await;
        assert_eq!(house.count(&house.main, &theirs).await, 4);
        watch.abort();
    }
}

/// In a branch, and in a database that everybody may connect to.
#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_that_takes_many_of_the_servers_locks_is_rolled_back() {
    let _alone = WATCHED.lock().await;
    for admin in BOTH {
        let street = Street::new_in(watched_cluster(), admin).await;
        let house = &street.house;
        let (user, password) = street.issue().await;
        for database in [street.branch.database.as_str(), "postgres"] {
            let mut theirs = try_connect_to(house.cluster, &user, password.expose(), database).await.unwrap();
            let prepare = |many: u32, name: &str| {
                format!(
                    "begin; select txid_current(), count(pg_advisory_xact_lock({many}000 + i)) from generate_series(1, {many}) i; prepare transaction '{name}'"
                )
            };
            execute(&mut theirs, &format!("{}; {}", prepare(600, "greedy"), prepare(2, "modest"))).await;
            let watch = tokio::spawn(PgWatch::new(house.settings.clone()).with_limits(FULL_WITH_1000).keep());
            let prepared = format!("pg_prepared_xacts where database = '{database}'");
            looked_again(house).await;
            assert_eq!(house.count(&house.main, &prepared).await, 2, "there is room for all");
            let mut others = house.look_into(&house.main).await;
            execute(&mut others, "select count(pg_advisory_lock(i)) from generate_series(1, 1200) i").await;
            let rolled_back = async { while house.count(&house.main, &prepared).await == 2 {} };
            timeout(FOR_EVER, rolled_back).await.expect("the one that takes many is rolled back");
            looked_again(house).await;
            assert_eq!(house.count(&house.main, &format!("{prepared} and gid = 'modest'")).await, 1);
            execute(&mut theirs, "rollback prepared 'modest'").await;
            execute(&mut others, "select pg_advisory_unlock_all()").await;
            watch.abort();
        }
    }
}

/// Nobody can connect then, and the watch itself gets no lock that it has not got, though what it knew of the catalogues was forgotten meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_locks_that_was_filled_to_the_brim_at_once_is_emptied() {
    let _alone = WATCHED.lock().await;
    for admin in BOTH {
        let street = Street::new_in(watched_cluster(), admin).await;
        let house = &street.house;
        let (user, password) = street.issue().await;
        let connect = || try_connect_to(house.cluster, &user, password.expose(), street.branch.database.as_str());
        let watch = tokio::spawn(PgWatch::new(house.settings.clone()).keep());
        looked_again(house).await;
        let mut modest = session_of(&street, &user, &password).await;
        execute(&mut modest, "select count(pg_advisory_lock(i)) from generate_series(1, 5) i").await;
        let forget = "do $$ begin for i in 1 .. 500 loop create temp table forgotten (id int, note text); drop table forgotten; end loop; end $$";
        let fill = |end: &str| {
            // A transaction that is prepared needs a number, which is locked as well.
            format!(
                "begin;
                 do $$ begin
                     perform txid_current();
                     for i in 1001 .. 1000000 loop
                         begin
                             perform pg_advisory_xact_lock(i);
                         exception when out_of_memory then {end};
                         end;
                     end loop;
                 end $$"
            )
        };
        let is_free = async |what: &str| {
            let free = async { while connect().await.is_err() {} };
            timeout(FOR_EVER, free).await.unwrap_or_else(|_| panic!("{what}: others can connect again"));
        };
        // Only a superuser reads where long passwords lie.
        if matches!(admin, Admin::Superuser) {
            let mut greedy = session_of(&street, &user, &password).await;
            execute(&mut greedy, "set role none").await;
            if take_long_password(&mut greedy).await {
                let mut root = house.look_into(&house.main).await;
                execute(&mut root, forget).await;
                let _ = try_execute(&mut greedy, &fill("null")).await;
                assert!(is_ended(&mut greedy).await, "who has a long password is ended");
                execute(&mut root, &format!("alter role {user} password '{}'", password.expose())).await;
                is_free("who has a long password").await;
            }
        }
        for (what, end) in [("who keeps them", "exit"), ("who takes each that is let go", "null")] {
            let mut greedy = session_of(&street, &user, &password).await;
            execute(&mut house.look_into(&house.main).await, forget).await;
            let greedy = tokio::spawn(async move {
                let _ = try_execute(&mut greedy, &fill(end)).await;
                is_ended(&mut greedy).await
            });
            assert!(timeout(FOR_EVER, greedy).await.unwrap_or_else(|_| panic!("{what} is ended")).unwrap(), "{what} is ended");
            is_free(what).await;
        }
        // The watch may come before it is done.
        let prepare = async {
            loop {
                let mut greedy = session_of(&street, &user, &password).await;
                execute(&mut house.look_into(&house.main).await, forget).await;
                if try_execute(&mut greedy, &fill("exit")).await.is_ok() && try_execute(&mut greedy, "prepare transaction 'brim'").await.is_ok() {
                    break;
                }
            }
        };
        timeout(FOR_EVER, prepare).await.expect("it is prepared");
        is_free("what was prepared").await;
        let prepared = async { while house.count(&house.main, "pg_prepared_xacts where gid = 'brim'").await > 0 {} };
        timeout(FOR_EVER, prepared).await.expect("what was prepared is rolled back");
        execute(&mut modest, "select pg_advisory_unlock(5), pg_advisory_lock(5)").await;
        watch.abort();
    }
}

/// PostgreSQL lets anybody wait for a catalogue before it asks whether they may have it, and whoever connects waits behind them.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_catalogue_is_ended_and_the_guard_stays() {
    const GUARD: &str = concat!("select pid ", guard!());
    let _alone = WATCHED.lock().await;
    for admin in BOTH {
        let street = Street::new_in(watched_cluster(), admin).await;
        let house = &street.house;
        let (user, password) = street.issue().await;
        let watch = tokio::spawn(PgWatch::new(house.settings.clone()).keep());
        looked_again(house).await;
        let guard: i32 = house.value(&house.main, GUARD).await;
        let mut greedy = session_of(&street, &user, &password).await;
        let asked = timeout(FOR_EVER, try_execute(&mut greedy, "create rule r as on insert to pg_database do nothing")).await;
        assert!(asked.expect("nobody waits for ever").is_err());
        assert!(try_execute(&mut greedy, "select 1").await.is_err(), "it was ended");
        looked_again(house).await;
        assert_eq!(house.value::<i32>(&house.main, GUARD).await, guard);
        watch.abort();
    }
}

/// Waits until a watch that is kept has looked at the table of locks again.
async fn looked_again(house: &House) {
    const LAST: &str = concat!("select max(query_start)::text ", guard!());
    let mut looks = HashSet::new();
    let look = async {
        while looks.len() < 4 {
            looks.extend(house.value::<Option<String>>(&house.settings.metadata_database, LAST).await);
        }
    };
    timeout(FOR_EVER, look).await.expect("a watch is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_keeps_the_queue_of_notifications_from_being_emptied_is_ended() {
    let _alone = WATCHED.lock().await;
    for admin in BOTH {
        let street = Street::new_in(watched_cluster(), admin).await;
        let (user, password) = street.issue().await;
        let mut deaf = session_of(&street, &user, &password).await;
        execute(&mut deaf, "listen noise").await;
        execute(&mut deaf, "begin; select 1").await;
        let mut loud = session_of(&street, &user, &password).await;
        execute(&mut loud, "select count(pg_notify('noise', repeat(i::text, 1000))) from generate_series(1, 100) i").await;
        let usage = "select pg_notification_queue_usage()";
        assert!(street.house.value::<f64>(&street.house.main, usage).await > 0.0);
        let limits = WatchLimits { notify_queue: 0.0, ..WatchLimits::default() };
        assert!(is_ended_by(PgWatch::new(street.house.settings.clone()).with_limits(limits), &mut deaf).await);
        execute(&mut loud, "select 1").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_takes_our_turns_in_the_metadata_database_is_ended() {
    let street = Street::new(Admin::Superuser).await;
    let main = &street.house.main;
    let (user, password) = street.issue().await;
    let mut root = street.house.look_into(main).await;
    execute(&mut root, &format!("grant connect on database {main} to public")).await;
    let mut harmless = session(&user, &password, main).await.unwrap();
    let mut hostile = session(&user, &password, main).await.unwrap();
    execute(&mut hostile, "select pg_advisory_lock(hashtextextended('fluxbase: admission of branches', 0))").await;
    let mut own = session(&user, &password, &street.branch.database).await.unwrap();
    execute(&mut own, "select pg_advisory_lock(1)").await;
    assert!(is_ended_by(PgWatch::new(street.house.settings.clone()), &mut hostile).await);
    execute(&mut harmless, "select 1").await;
    execute(&mut own, "select pg_advisory_unlock(1)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_of_a_branch_stops_nobody_elses_work() {
    for admin in BOTH {
        let street = Street::new(admin).await;
        let house = &street.house;
        let neighbour = tag(house, "theirs", 1);
        street.open(&neighbour).await;
        let (user, password) = street.issue().await;
        let builder = house.settings.logins.of(LoginPurpose::Builder, &street.branch.database);
        let watch = tokio::spawn(PgWatch::new(house.settings.clone()).keep());
        for (name, password) in [(user.as_str(), &password), (builder.name.as_str(), &builder.password)] {
            for role in ["none", "fluxbase_branch_owner"] {
                let mut theirs = session(name, password, &street.branch.database).await.unwrap();
                let hold = format!("grant create on database {} to public; grant select on public.t to {user}", neighbour.database);
                execute(&mut theirs, &format!("set role {role}; set client_min_messages = error; begin; {hold}; prepare transaction 'held'")).await;
                execute(&mut theirs, "begin; insert into public.t values (7); prepare transaction 'kept'").await;
                drop(theirs);
                let work = async {
                    street.logins.issue(&neighbour, Footing::default()).await.unwrap();
                    street.logins.revoke(neighbour.branch_id).await.unwrap();
                };
                timeout(FOR_EVER, work).await.unwrap_or_else(|_| panic!("{name} as {role}: the neighbour's login comes and goes"));
                let left: String = house
                    .value(&house.main, &format!("select string_agg(gid, ',') from pg_prepared_xacts where database = '{}'", street.branch.database))
                    .await;
                assert_eq!(left, "kept", "what holds nothing of others' stays");
                let mut theirs = session(name, password, &street.branch.database).await.unwrap();
                execute(&mut theirs, &format!("set role {role}")).await;
                execute(&mut theirs, "rollback prepared 'kept'").await;
            }
        }
        watch.abort();
    }
}
