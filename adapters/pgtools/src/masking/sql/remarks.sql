-- Comments that speak of personal data and are on something else than a column that is masked. $1: schemas left out.
with said as materialized (
    select * from pg_description where description ~* '@pii'
)
select concat(o.type, ' ', o.identity) as object, d.description as comment,
       case when d.objsubid = 0 and c.oid is not null then o.schema end as schema, case when d.objsubid = 0 then c.relname::text end as name
  from said d cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) o
  left join pg_class c on d.classoid = 'pg_class'::regclass and c.oid = d.objoid
 where o.type is not null and coalesce(o.schema !~ '^pg_' and o.schema <> 'information_schema' and o.schema <> all($1), true)
   and not (coalesce(c.relkind, '') in ('r', 'p') and d.objsubid > 0)
   and not (o.type = 'schema' and (d.objoid::regnamespace::text ~ '^pg_' or o.identity = any(select quote_ident(s) from unnest($1) s)))
   and not exists (select from pg_depend e
                    where e.classid = d.classoid and e.objid = d.objoid and e.deptype = 'e')
union all
select concat('database ', current_database()), s.comment, null, null
  from (select shobj_description(oid, 'pg_database') as comment from pg_database where datname = current_database()) s
 where s.comment ~* '@pii'
 order by 1
