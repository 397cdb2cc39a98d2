//! Withheld rows close over foreign keys.

use super::{Admin, House, withheld_of};
use domain::{
    DataCloneMode,
    branch::{Withheld, WithheldRows},
};

const SQL: &str = "
create schema auth;
create table auth.users (id int primary key, email text, encrypted_password text not null);
create table auth.sessions (id int primary key, usr int references auth.users, a int, b int, unique (a, b));
create table devices (id int primary key, session int not null references auth.sessions);
create table pings (id int primary key, device int not null references devices);
create table visits (id int primary key, session int references auth.sessions);
create table clicks (id int primary key, visit int not null references visits);
create table checked (id int primary key, session int references auth.sessions, check (session is not null or id < 0));
create table full_pair (id int primary key, a int, b int, foreign key (a, b) references auth.sessions (a, b) match full);
create table half_pair (id int primary key, a int not null, b int, foreign key (a, b) references auth.sessions (a, b) match full);
create table ring_a (id int primary key, ring_b int not null, session int not null references auth.sessions);
create table ring_b (id int primary key, ring_a int not null references ring_a);
create domain session_id as int check (value is not null);
create table by_domain (id int primary key, session session_id references auth.sessions);
create table named (id int primary key, session int references auth.sessions unique);
create table of_named (id int primary key, named int references named (session));
create table log (at int not null, session int references auth.sessions) partition by list (at);
create table log_1 partition of log for values in (1);
create table nulls_alike (id int, session int references auth.sessions, unique nulls not distinct (session));
insert into auth.users values (1, 'a', 'hash'), (2, 'b', 'hash');
insert into auth.sessions values (1, 1, 10, 20), (2, 2, 11, 21);
insert into devices values (1, 1), (2, 2);
insert into pings values (1, 1), (2, 2);
insert into visits values (1, 1), (2, null);
insert into clicks values (1, 1), (2, 2);
insert into checked values (1, 1), (-1, null);
insert into full_pair values (1, 10, 20), (2, null, null);
insert into half_pair values (1, 10, 20);
insert into ring_a values (1, 1, 1);
insert into ring_b values (1, 1);
alter table ring_a add foreign key (ring_b) references ring_b;
insert into by_domain values (1, 1);
insert into named values (1, 1), (2, null);
insert into of_named values (1, 1), (2, null);
insert into log values (1, 1), (1, null);
insert into nulls_alike values (1, 1), (2, 2), (3, null);
";

#[tokio::test(flavor = "multi_thread")]
async fn every_key_holds_and_no_more_is_withheld_than_must_be() {
    let house = House::new(Admin::Superuser, SQL).await;
    let report = house.build("closed", DataCloneMode::FullClone).await.unwrap();
    let database = house.target("closed").database;
    let expected = [
        ("auth.users where encrypted_password = ''", 2),
        ("auth.sessions", 0),
        ("devices", 0),
        ("pings", 0),
        ("visits where session is null", 2),
        ("clicks", 2),
        ("checked", 1),
        ("full_pair where a is null and b is null", 2),
        ("half_pair", 0),
        ("ring_a", 0),
        ("ring_b", 0),
        ("by_domain", 0),
        ("named", 1),
        ("of_named where named is null", 2),
        ("log where session is null", 2),
        ("nulls_alike", 1),
    ];
    for (what, rows) in expected {
        assert_eq!(house.count(&database, what).await, rows, "{what}");
    }
    let keys = "pg_constraint where contype = 'f' and convalidated";
    assert_eq!(house.count(&database, keys).await, house.count(&house.main, keys).await);
    assert_eq!(withheld_of(&report, "auth", "sessions").unwrap().rows, WithheldRows::All);
    assert!(matches!(withheld_of(&report, "public", "pings"), Some(Withheld { rows: WithheldRows::Referencing { .. }, .. })));
    assert!(withheld_of(&report, "public", "clicks").is_none());
}
