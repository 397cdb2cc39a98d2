-- What a role lacks of what it needs on relations: (relation, privilege). A relation that is not there, or whose policies would keep rows out, lacks what
-- nobody can grant: null. $1: the role; $2: the relations, quoted; $3: a privilege on each.
with needed as materialized (
    select r.name, r.word, c.oid, c.relkind, c.relnamespace, c.relrowsecurity
      from unnest($2::text[], $3::text[]) r(name, word) left join pg_class c on c.oid = to_regclass(r.name)
)
select name as relation, null as privilege from needed where oid is null or (relrowsecurity and word = 'insert')
union all
select r.name, format('usage on schema %I', n.nspname) from needed r join pg_namespace n on n.oid = r.relnamespace
 where not has_schema_privilege($1::name, n.oid, 'usage')
union all
select name, format('%s on %s %s', word, case relkind when 'S' then 'sequence' else 'table' end, name)
  from needed where oid is not null and not has_table_privilege($1::name, oid, word)
