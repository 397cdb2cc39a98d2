//! What a reading needs from the catalogue beside the dump.

use crate::{
    definitions::{needs_superuser::Privileged, past_policies::PastPolicies, uncopied::Uncopied},
    error::from_sql,
};
use domain::schema::{Address, Alias, AliasPart, ColumnFact, Edge, ExtensionMember, Facts, FunctionFact, InvalidIndex, Node};
use ports::driven::BuildError;
use sqlx::{PgConnection, postgres::types::Oid};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What tells ours from theirs.
#[derive(Debug, Default)]
pub(super) struct Meta {
    pub(super) server_major: u32,
    /// Whether there is a schema `public`.
    pub(super) has_public: bool,
    /// Roles whose default grants a clone takes over.
    pub(super) owners: Vec<String>,
    /// Routines whose code acts as the server.
    pub(super) untrusted_routines: HashSet<u32>,
    /// The grants on those of them that belong to no branch's owner, as copies have them.
    pub(super) kept_grants: HashMap<u32, String>,
    /// Objects, by catalogue and number, on which no clone grants these privileges; none at all, where none is said.
    pub(super) past_policies: HashMap<(u32, u32), Vec<String>>,
    /// Version of each extension.
    pub(super) extensions: HashMap<String, String>,
    /// What no clone has, and no diff speaks of.
    pub(super) uncopied: Uncopied,
}

#[derive(sqlx::FromRow)]
struct MetaRow {
    server_major: i32,
    has_public: bool,
    owners: Vec<String>,
    untrusted_routines: Vec<i64>,
    extension_names: Vec<String>,
    extension_versions: Vec<String>,
}

#[derive(sqlx::FromRow)]
struct EdgeRow {
    classid: Oid,
    objid: Oid,
    objsubid: i32,
    refclassid: Oid,
    refobjid: Oid,
    refobjsubid: i32,
    automatic: bool,
}

#[derive(sqlx::FromRow)]
struct AliasRow {
    class: Oid,
    object: Oid,
    bearer_class: Oid,
    bearer_object: Oid,
    part: String,
    name: String,
}

#[derive(sqlx::FromRow)]
struct ColumnRow {
    relation: Oid,
    number: i16,
    name: String,
    type_name: String,
    type_storage: String,
    inherited: bool,
}

#[derive(sqlx::FromRow)]
struct FunctionRow {
    function: Oid,
    result: Option<String>,
    names: Vec<String>,
    modes: String,
    defaults: i16,
}

/// Reads what decides how the dump is read.
pub(super) async fn meta(connection: &mut PgConnection, excluded: &[String], admin: &str) -> Result<Meta, BuildError> {
    let meta = concat!(include_str!("../definitions/sql/owners.sql"), include_str!("sql/meta.sql"));
    let row: MetaRow = sqlx::query_as(meta).bind(excluded).fetch_one(&mut *connection).await.map_err(reading)?;
    Ok(Meta {
        server_major: row.server_major.unsigned_abs(),
        has_public: row.has_public,
        owners: row.owners,
        untrusted_routines: row.untrusted_routines.into_iter().filter_map(|oid| u32::try_from(oid).ok()).collect(),
        extensions: row.extension_names.into_iter().zip(row.extension_versions).collect(),
        kept_grants: Privileged::kept_grants(&mut *connection, excluded).await?,
        past_policies: PastPolicies::read(&mut *connection, excluded).await?.addresses(),
        uncopied: Uncopied::read(connection, excluded, admin).await?,
    })
}

/// Reads what the script's writer needs.
pub(super) async fn read(connection: &mut PgConnection, meta: &Meta) -> Result<Facts, BuildError> {
    let edges: Vec<EdgeRow> = sqlx::query_as(include_str!("sql/edges.sql")).fetch_all(&mut *connection).await.map_err(reading)?;
    let aliases: Vec<AliasRow> = sqlx::query_as(include_str!("sql/aliases.sql")).fetch_all(&mut *connection).await.map_err(reading)?;
    let columns: Vec<ColumnRow> = sqlx::query_as(include_str!("sql/columns.sql")).fetch_all(&mut *connection).await.map_err(reading)?;
    let functions: Vec<FunctionRow> = sqlx::query_as(include_str!("sql/functions.sql")).fetch_all(&mut *connection).await.map_err(reading)?;
    let populated: Vec<Oid> =
        sqlx::query_scalar("select oid from pg_class where relkind = 'm' and relispopulated").fetch_all(&mut *connection).await.map_err(reading)?;
    let with_tables: Vec<Oid> = sqlx::query_scalar(include_str!("sql/extension_tables.sql")).fetch_all(&mut *connection).await.map_err(reading)?;
    let fixed_extensions: Vec<String> =
        sqlx::query_scalar("select extname::text from pg_extension where not extrelocatable").fetch_all(&mut *connection).await.map_err(reading)?;
    let published: Vec<(Oid, Oid, i32, String)> =
        sqlx::query_as(include_str!("sql/published.sql")).fetch_all(&mut *connection).await.map_err(reading)?;
    let mapped_servers: Vec<Oid> =
        sqlx::query_scalar("select distinct srvid from pg_user_mappings").fetch_all(&mut *connection).await.map_err(reading)?;
    let invalid_indexes: Vec<(String, String, bool)> =
        sqlx::query_as(include_str!("sql/invalid_indexes.sql")).fetch_all(&mut *connection).await.map_err(reading)?;
    let members: Vec<(Oid, bool, String, String)> =
        sqlx::query_as(include_str!("sql/extension_members.sql")).fetch_all(&mut *connection).await.map_err(reading)?;
    let (versions, updates) = (include_str!("sql/extension_versions.sql"), include_str!("sql/extension_updates.sql"));
    let extension_versions: Vec<(String, String)> = sqlx::query_as(versions).fetch_all(&mut *connection).await.map_err(reading)?;
    let extension_updates: Vec<(String, String)> = sqlx::query_as(updates).fetch_all(&mut *connection).await.map_err(reading)?;
    let keys: Vec<(Oid, String)> = sqlx::query_as(include_str!("sql/inherited_keys.sql")).fetch_all(&mut *connection).await.map_err(reading)?;
    let mut inherited_keys: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (partition, name) in keys {
        inherited_keys.entry(partition.0).or_default().push(name);
    }
    let mut by_relation: BTreeMap<u32, Vec<ColumnFact>> = BTreeMap::new();
    for row in columns {
        let fact = ColumnFact {
            number: row.number.into(),
            name: row.name,
            type_name: row.type_name,
            type_storage: row.type_storage,
            inherited: row.inherited,
        };
        by_relation.entry(row.relation.0).or_default().push(fact);
    }
    Ok(Facts {
        server_major: meta.server_major,
        edges: edges.iter().map(edge).collect(),
        aliases: aliases.into_iter().map(alias).collect(),
        columns: by_relation,
        functions: functions.into_iter().map(function).collect(),
        inherited_keys,
        extension_versions,
        extension_updates,
        fixed_extensions,
        published: published.into_iter().map(|(class, object, column, name)| (Node { address: address(class, object), column }, name)).collect(),
        mapped_servers: mapped_servers.into_iter().map(|oid| oid.0).collect(),
        invalid_indexes: invalid_indexes.into_iter().map(|(schema, name, is_being_built)| InvalidIndex { schema, name, is_being_built }).collect(),
        members: members.into_iter().map(member).collect(),
        with_tables: with_tables.into_iter().map(|oid| oid.0).collect(),
        populated: populated.into_iter().map(|oid| oid.0).collect(),
    })
}

fn address(class: Oid, object: Oid) -> Address {
    Address { class: class.0, object: object.0 }
}

fn edge(row: &EdgeRow) -> Edge {
    let from = Node { address: address(row.classid, row.objid), column: row.objsubid };
    let on = Node { address: address(row.refclassid, row.refobjid), column: row.refobjsubid };
    Edge { from, on, automatic: row.automatic }
}

fn alias(row: AliasRow) -> Alias {
    let part = match row.part.as_str() {
        "default" => AliasPart::Default { column: row.name },
        "check" => AliasPart::Check { name: row.name },
        _ => AliasPart::Whole,
    };
    Alias { row: address(row.class, row.object), bearer: address(row.bearer_class, row.bearer_object), part }
}

fn function(row: FunctionRow) -> (u32, FunctionFact) {
    let fact = FunctionFact { result: row.result, names: row.names, modes: row.modes, defaults: row.defaults.unsigned_abs().into() };
    (row.function.0, fact)
}

fn member((extension, is_routine, schema, name): (Oid, bool, String, String)) -> ExtensionMember {
    ExtensionMember { extension: extension.0, is_routine, schema, name }
}

fn reading(error: sqlx::Error) -> BuildError {
    from_sql("reading a schema's catalogue", error)
}
