//! What one could act as somebody with stays behind though nobody asked, in the tables of signing in and elsewhere.

use super::{Admin, House, refusal, ruled, withheld_of};
use domain::{DataCloneMode, branch::WithheldRows, privacy::Mask};

/// The schema of signing in as Supabase has it, as far as it holds something; and an application's own.
const SQL: &str = r"
create schema auth;
create table auth.users (id uuid primary key, email varchar(255), encrypted_password varchar(255), confirmation_token varchar(255), recovery_token varchar(255),
    email_change_token_new varchar(255), email_change_token_current varchar(255) default '', phone_change_token text default '',
    reauthentication_token varchar(255) default '', raw_user_meta_data jsonb);
create unique index confirmation_token_idx on auth.users (confirmation_token) where confirmation_token !~ '^[0-9 ]*$';
create unique index recovery_token_idx on auth.users (recovery_token) where recovery_token !~ '^[0-9 ]*$';
create table auth.sessions (id uuid primary key, user_id uuid not null references auth.users, user_agent text);
create table auth.refresh_tokens (id bigserial primary key, token varchar(255), session_id uuid references auth.sessions);
create table auth.identities (provider_id text, user_id uuid not null references auth.users, identity_data jsonb not null, email text);
create table auth.one_time_tokens (id uuid primary key, user_id uuid not null references auth.users, token_hash text not null);
create table auth.flow_state (id uuid primary key, auth_code text not null, provider_access_token text);
create table auth.mfa_factors (id uuid primary key, user_id uuid references auth.users, secret text);
create table auth.mfa_challenges (id uuid primary key, factor_id uuid not null references auth.mfa_factors, otp_code text);
create table auth.mfa_amr_claims (session_id uuid references auth.sessions, authentication_method text);
create table auth.saml_providers (id uuid primary key, metadata_xml text);
create table auth.saml_relay_states (id uuid primary key, request_id text, flow_state_id uuid references auth.flow_state);
create table auth.oauth_clients (id uuid primary key, client_secret_hash text);
create table auth.audit_log_entries (id uuid primary key, payload json);
create table auth.instances (id uuid primary key, raw_base_config text);
create table auth.schema_migrations (version varchar(255) primary key);
insert into auth.users select u, 'alice' || n || '@example.com', 'SENTINEL', 'SENTINEL' || n, 'SENTINEL' || n, 'SENTINEL', 'SENTINEL', 'SENTINEL', 'SENTINEL', '{}'
    from generate_series(1, 2) n, lateral (select md5(n::text)::uuid as u) x;
insert into auth.users values (md5('3')::uuid, 'carol@example.com', null, '', '', '', '', '', '', '{}');
insert into auth.sessions select id, id, 'SENTINEL' from auth.users;
insert into auth.refresh_tokens (token, session_id) select 'SENTINEL', id from auth.users;
insert into auth.identities select 'SENTINEL', id, to_json('SENTINEL'::text), 'SENTINEL' from auth.users;
insert into auth.one_time_tokens select id, id, 'SENTINEL' from auth.users;
insert into auth.flow_state select id, 'SENTINEL', 'SENTINEL' from auth.users;
insert into auth.mfa_factors select id, id, 'SENTINEL' from auth.users;
insert into auth.mfa_challenges select id, id, 'SENTINEL' from auth.users;
insert into auth.mfa_amr_claims select id, 'SENTINEL' from auth.users;
insert into auth.saml_providers select id, 'SENTINEL' from auth.users;
insert into auth.saml_relay_states select id, 'SENTINEL', id from auth.users;
insert into auth.oauth_clients select id, 'SENTINEL' from auth.users;
insert into auth.audit_log_entries select id, to_json('SENTINEL'::text) from auth.users;
insert into auth.instances select id, 'SENTINEL' from auth.users;
insert into auth.schema_migrations values ('20260101');
create domain digest as text check (value like '$2%');
create table members (id int primary key, name text not null, password_hash text, api_key text not null unique, totp_secret text check (totp_secret is not null or id > 5),
    recovery_codes text[] not null, reset_token uuid, token_hash bytea not null, has_password boolean not null, token text);
comment on column members.name is '@pii keep';
create table calls (by text not null references members (api_key));
insert into members select n, 'name' || n, 'SENTINEL', 'SENTINEL' || n, 'SENTINEL', '{SENTINEL}', md5('x')::uuid, 'SENTINEL', true, 'kept' from generate_series(1, 2) n;
insert into calls values ('SENTINEL1'), ('SENTINEL2'), ('SENTINEL1')";

#[tokio::test(flavor = "multi_thread")]
async fn passwords_stay_behind_though_nobody_asked_and_keys_and_tokens_where_somebody_did() {
    let house = House::new(Admin::Superuser, SQL).await;
    let report = house.build("secrets", DataCloneMode::FullClone).await.unwrap();
    let database = house.target("secrets").database;
    let tables = "select string_agg(format('select t::text from %s t', oid::regclass), ' union all ') from pg_class
                   where relkind = 'r' and relnamespace in ('auth'::regnamespace, 'public'::regnamespace)";
    let tables: String = house.value(&database, tables).await;
    let everything: String = house.value(&database, &format!("select string_agg(t, ' ') from ({tables}) rows(t)")).await;
    assert!(!everything.contains("SENTINEL"), "{}", &everything[everything.find("SENTINEL").unwrap().saturating_sub(300)..][..400]);
    assert!(!everything.contains("53454e54494e454c") && !everything.contains("U0VOVElORUw"), "nor as bytes");
    for (rows, of) in [
        (3, "auth.users"),
        (0, "auth.sessions"),
        (0, "auth.saml_relay_states"),
        (0, "auth.audit_log_entries"),
        (1, "auth.schema_migrations"),
        (1, "auth.users where email = 'carol@example.com' and confirmation_token = '' and phone_change_token is null"),
        (
            2,
            "members where password_hash is null and reset_token is null and recovery_codes = '{}' and octet_length(token_hash) = 16 and token = 'kept'",
        ),
        (3, "calls join members on by = api_key"),
    ] {
        assert_eq!(house.count(&database, of).await, rows, "{of}");
    }
    for table in ["one_time_tokens", "flow_state", "mfa_challenges", "mfa_amr_claims", "saml_providers", "oauth_clients", "instances", "identities"] {
        let told = withheld_of(&report, "auth", table).unwrap();
        assert!(told.rows == WithheldRows::All && told.reason == "holds what one could act as somebody with", "{told:?}");
    }
    let users = withheld_of(&report, "auth", "users").unwrap();
    assert_eq!(users.nulled_columns, ["encrypted_password"]);
    assert_eq!(
        users.masked_columns.iter().map(|column| (column.name.as_str(), column.mask)).collect::<Vec<_>>(),
        [
            ("confirmation_token", Mask::Hash),
            ("recovery_token", Mask::Hash),
            ("email_change_token_new", Mask::Null),
            ("email_change_token_current", Mask::Null),
            ("phone_change_token", Mask::Null),
            ("reauthentication_token", Mask::Null),
        ]
    );
    let members = withheld_of(&report, "public", "members").unwrap();
    assert!(members.masked_columns.iter().any(|column| column.name == "password_hash" && column.reason.contains("'password hash'")), "{members:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_none_comes_along_when_somebody_says_so_and_a_check_that_refuses_its_digest_is_named() {
    let sql = "create table t (id int primary key, api_key text, secret text, password text not null check (password like '$2%'), pwd text check (pwd like '$2%'));
               insert into t values (1, 'public', 'of no one', '$2b$10$abc', '$2b$10$abc'); comment on column t.api_key is 'Public by nature. @pii keep'";
    let mut house = House::new(Admin::Superuser, sql).await;
    let (_, said) = refusal(house.build("refused", DataCloneMode::FullClone).await);
    for part in ["t_password_check", "password as hash", "@pii keep"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    ruled(&mut house, &[], &["*.t.secret", "*.t.password"]);
    house.build("kept", DataCloneMode::FullClone).await.unwrap();
    let kept = "t where api_key = 'public' and secret = 'of no one' and password like '$2%' and pwd is null";
    assert_eq!(house.count(&house.target("kept").database, kept).await, 1);
}
