-- Every object that a clone has too: (kind, identity, shape, expression). $1: schemas left out; $2: extensions left out; $3: kinds that are read, or
-- where $4 is false, that are not; $5, $6: catalogues and numbers of objects that stay behind.
with space as materialized (
    select n.oid, n.nspname, obj_description(n.oid, 'pg_namespace') as remark from pg_namespace n
     where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1)
), member as materialized (
    select classid, objid from pg_depend where deptype = 'e'
    union all select class::oid, object::oid from unnest($5::int8[], $6::int8[]) gone (class, object)
), rel as materialized (
    select c.*, c.oid::regclass::text as ident from pg_class c join space s on s.oid = c.relnamespace
     where c.relpersistence <> 't' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
       and not exists (select from member m where m.classid = 'pg_class'::regclass and m.objid = c.oid)
), kind as materialized (
    select t.*, t.oid::regtype::text as ident from pg_type t join space s on s.oid = t.typnamespace
     where t.typtype in ('e', 'd', 'r', 'b') and t.typelem = 0
       and not exists (select from member m where m.classid = 'pg_type'::regclass and m.objid = t.oid)
), object (kind, identity, shape, expression) as (
    select 'schema', quote_ident(s.nspname), s.remark, null::text from space s
     where not exists (select from member m where m.classid = 'pg_namespace'::regclass and m.objid = s.oid)
    union all
    select 'extension', e.extname::text, concat_ws('|', e.extversion, n.nspname), null
      from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname <> all($2) and e.extname <> 'plpgsql'
    union all
    select 'relation', r.ident,
           concat_ws('|', r.relkind, r.relpersistence, r.reloptions::text, r.relrowsecurity, r.relforcerowsecurity, r.relreplident,
                     (select amname from pg_am where pg_am.oid = r.relam), nullif(r.reloftype, 0)::regtype,
                     (select string_agg(i.inhparent::regclass::text, ',' order by i.inhseqno) from pg_inherits i where i.inhrelid = r.oid),
                     pg_get_expr(r.relpartbound, r.oid), obj_description(r.oid, 'pg_class')),
           concat_ws('|', case when r.relkind in ('v', 'm') then pg_get_viewdef(r.oid) end, pg_get_partkeydef(r.oid))
      from rel r
    union all
    select 'column', r.ident || '.' || quote_ident(a.attname),
           concat_ws('|', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, nullif(a.attcollation, 0)::regcollation,
                     case when r.relkind in ('r', 'p') then a.attstorage end, a.attcompression, a.attoptions::text,
                     (select string_agg(o, ',' order by o) from unnest(a.attfdwoptions) o),
                     to_jsonb(a) ->> 'attstattarget',
                     case when not exists (select from pg_inherits i where i.inhrelid = r.oid)
                          then row_number() over (partition by a.attrelid order by a.attnum) end,
                     col_description(r.oid, a.attnum)),
           (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = r.oid and d.adnum = a.attnum)
      from rel r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped where r.relkind <> 'S'
    union all
    -- Keys that PostgreSQL made by itself for partitions are named by it; their parents stand for them. NOT NULL is the column's.
    select 'constraint', quote_ident(c.conname) || ' on ' || coalesce(r.ident, k.ident),
           concat_ws('|', c.contype, c.condeferrable, c.condeferred, c.convalidated, c.contype = 'c' and c.connoinherit, to_jsonb(c) ->> 'conenforced',
                     case when c.contype in ('f', 'p', 'u') then pg_get_constraintdef(c.oid) end, obj_description(c.oid, 'pg_constraint')),
           case when c.contype in ('c', 'x') then pg_get_constraintdef(c.oid) end
      from pg_constraint c left join rel r on r.oid = c.conrelid left join kind k on k.oid = c.contypid
     where coalesce(r.ident, k.ident) is not null and c.contype in ('c', 'f', 'p', 'u', 'x') and not (c.contype = 'f' and c.conparentid <> 0)
       and not exists (select from member m where m.classid = 'pg_constraint'::regclass and m.objid = c.oid)
    union all
    select 'index', i.indexrelid::regclass::text || ' on ' || r.ident,
           concat_ws('|', i.indisunique, i.indisreplident, i.indisclustered, c.reloptions::text,
                     case when i.indexprs is null and i.indpred is null then pg_get_indexdef(i.indexrelid) end,
                     obj_description(i.indexrelid, 'pg_class')),
           case when i.indexprs is not null or i.indpred is not null then pg_get_indexdef(i.indexrelid) end
      from pg_index i join rel r on r.oid = i.indrelid join pg_class c on c.oid = i.indexrelid
     -- A dump leaves out what CREATE INDEX CONCURRENTLY left behind.
     where (i.indisvalid or r.relkind = 'p') and not exists (select from member m where m.classid = 'pg_class'::regclass and m.objid = i.indexrelid)
    union all
    select 'trigger', quote_ident(t.tgname) || ' on ' || r.ident,
           concat_ws('|', t.tgenabled, case when t.tgqual is null then pg_get_triggerdef(t.oid) end, obj_description(t.oid, 'pg_trigger')),
           case when t.tgqual is not null then pg_get_triggerdef(t.oid) end
      from pg_trigger t join rel r on r.oid = t.tgrelid
     where not t.tgisinternal and not exists (select from member m where m.classid = 'pg_trigger'::regclass and m.objid = t.oid)
    union all
    select 'policy', quote_ident(p.polname) || ' on ' || r.ident,
           concat_ws('|', p.polcmd, p.polpermissive,
                     (select string_agg(case role when 0 then 'public' else role::regrole::text end, ',' order by role::regrole::text)
                        from unnest(p.polroles) role),
                     p.polqual is null, p.polwithcheck is null, obj_description(p.oid, 'pg_policy')),
           concat_ws('|', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
      from pg_policy p join rel r on r.oid = p.polrelid where not exists (select from member m where m.classid = 'pg_policy'::regclass and m.objid = p.oid)
    union all
    select 'rule', quote_ident(w.rulename) || ' on ' || r.ident,
           concat_ws('|', w.ev_type, w.ev_enabled, w.is_instead, obj_description(w.oid, 'pg_rewrite')), pg_get_ruledef(w.oid)
      from pg_rewrite w join rel r on r.oid = w.ev_class
     where w.rulename <> '_RETURN' and not exists (select from member m where m.classid = 'pg_rewrite'::regclass and m.objid = w.oid)
    union all
    select 'function', p.oid::regprocedure::text,
           concat_ws('|', p.prokind, case when pg_get_function_sqlbody(p.oid) is null then p.prosrc end, p.probin, l.lanname,
                     pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid), p.provolatile, p.proparallel, p.prosecdef,
                     p.proleakproof, p.proisstrict, p.procost, p.prorows, p.proconfig::text, p.pronargdefaults,
                     obj_description(p.oid, 'pg_proc'),
                     (select concat_ws('|', a.aggkind, a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggtranstype::regtype, a.agginitval)
                        from pg_aggregate a where a.aggfnoid = p.oid)),
           concat_ws('|', pg_get_expr(p.proargdefaults, 0), pg_get_function_sqlbody(p.oid))
      from pg_proc p join space s on s.oid = p.pronamespace join pg_language l on l.oid = p.prolang
     where not exists (select from member m where m.classid = 'pg_proc'::regclass and m.objid = p.oid)
       -- The constructors of a range type are the type's.
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i')
    union all
    select 'type', k.ident,
           concat_ws('|', k.typtype, k.typcategory, k.typnotnull, case when k.typtype = 'd' then format_type(k.typbasetype, k.typtypmod) end,
                     (select string_agg(quote_literal(e.enumlabel), ',' order by e.enumsortorder) from pg_enum e where e.enumtypid = k.oid),
                     (select concat_ws('|', g.rngsubtype::regtype, nullif(g.rngcollation, 0)::regcollation, nullif(g.rngcanonical, 0)::regproc,
                                       nullif(g.rngsubdiff, 0)::regproc)
                        from pg_range g where g.rngtypid = k.oid),
                     obj_description(k.oid, 'pg_type')),
           k.typdefault
      from kind k
    union all
    select 'sequence', r.ident,
           concat_ws('|', q.seqtypid::regtype, q.seqstart, q.seqincrement, q.seqmax, q.seqmin, q.seqcache, q.seqcycle,
                     (select d.refobjid::regclass::text || '.' || quote_ident(a.attname) from pg_depend d
                        join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
                       where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i'))),
           null
      from pg_sequence q join rel r on r.oid = q.seqrelid
    union all
    select 'statistics', quote_ident(s.nspname) || '.' || quote_ident(x.stxname),
           concat_ws('|', x.stxrelid::regclass, x.stxkind::text), pg_get_statisticsobjdef(x.oid)
      from pg_statistic_ext x join space s on s.oid = x.stxnamespace
     where not exists (select from member m where m.classid = 'pg_statistic_ext'::regclass and m.objid = x.oid)
    union all
    select 'operator', o.oid::regoperator::text, concat_ws('|', o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator), null
      from pg_operator o join space s on s.oid = o.oprnamespace
     where not exists (select from member m where m.classid = 'pg_operator'::regclass and m.objid = o.oid)
    union all
    select 'collation', c.oid::regcollation::text, concat_ws('|', c.collprovider, c.collisdeterministic, c.collcollate, c.collctype), null
      from pg_collation c join space s on s.oid = c.collnamespace
     where not exists (select from member m where m.classid = 'pg_collation'::regclass and m.objid = c.oid)
    union all
    select 'text search configuration', c.oid::regconfig::text,
           (select concat_ws('|', p.prsname, (select string_agg(concat_ws(' ', m.maptokentype, m.mapdict::regdictionary), ','
                                                                order by m.maptokentype, m.mapseqno)
                                                from pg_ts_config_map m where m.mapcfg = c.oid), obj_description(c.oid, 'pg_ts_config'))
              from pg_ts_parser p where p.oid = c.cfgparser), null
      from pg_ts_config c join space s on s.oid = c.cfgnamespace
     where not exists (select from member m where m.classid = 'pg_ts_config'::regclass and m.objid = c.oid)
    union all
    select 'foreign server', quote_ident(f.srvname), concat_ws('|', w.fdwname, f.srvtype, f.srvversion,
           -- A dump writes options in the order of their names.
           (select string_agg(o, ',' order by o) from unnest(f.srvoptions) o)), null
      from pg_foreign_server f join pg_foreign_data_wrapper w on w.oid = f.srvfdw
     where not exists (select from member m where m.classid = 'pg_foreign_server'::regclass and m.objid = f.oid)
    union all
    select 'foreign data wrapper', quote_ident(w.fdwname), concat_ws('|', nullif(w.fdwhandler, 0)::regproc, nullif(w.fdwvalidator, 0)::regproc,
           (select string_agg(o, ',' order by o) from unnest(w.fdwoptions) o)), null
      from pg_foreign_data_wrapper w
     where not exists (select from member m where m.classid = 'pg_foreign_data_wrapper'::regclass and m.objid = w.oid)
    union all
    select 'text search dictionary', d.oid::regdictionary::text, concat_ws('|', t.tmplname, d.dictinitoption, obj_description(d.oid, 'pg_ts_dict')), null
      from pg_ts_dict d join space s on s.oid = d.dictnamespace join pg_ts_template t on t.oid = d.dicttemplate
     where not exists (select from member m where m.classid = 'pg_ts_dict'::regclass and m.objid = d.oid)
    union all
    select 'text search parser', quote_ident(s.nspname) || '.' || quote_ident(p.prsname), concat_ws('|', p.prsstart, p.prstoken, p.prsend, p.prslextype), null
      from pg_ts_parser p join space s on s.oid = p.prsnamespace
     where not exists (select from member m where m.classid = 'pg_ts_parser'::regclass and m.objid = p.oid)
    union all
    select 'text search template', quote_ident(s.nspname) || '.' || quote_ident(t.tmplname), concat_ws('|', t.tmplinit, t.tmpllexize), null
      from pg_ts_template t join space s on s.oid = t.tmplnamespace
     where not exists (select from member m where m.classid = 'pg_ts_template'::regclass and m.objid = t.oid)
    union all
    select 'cast', format('(%s as %s)', c.castsource::regtype, c.casttarget::regtype),
           concat_ws('|', nullif(c.castfunc, 0)::regprocedure, c.castcontext, c.castmethod, obj_description(c.oid, 'pg_cast')), null
      from pg_cast c where c.oid >= 16384 and not exists (select from member m where m.classid = 'pg_cast'::regclass and m.objid = c.oid)
    union all
    select 'conversion', quote_ident(s.nspname) || '.' || quote_ident(c.conname),
           concat_ws('|', c.conforencoding, c.contoencoding, c.conproc, c.condefault, obj_description(c.oid, 'pg_conversion')), null
      from pg_conversion c join space s on s.oid = c.connamespace
     where not exists (select from member m where m.classid = 'pg_conversion'::regclass and m.objid = c.oid)
    union all
    select 'operator class', format('%I.%I using %I', s.nspname, o.opcname, a.amname),
           concat_ws('|', f.opfname, o.opcintype::regtype, nullif(o.opckeytype, 0)::regtype, o.opcdefault, obj_description(o.oid, 'pg_opclass')), null
      from pg_opclass o join space s on s.oid = o.opcnamespace join pg_am a on a.oid = o.opcmethod join pg_opfamily f on f.oid = o.opcfamily
     where not exists (select from member m where m.classid = 'pg_opclass'::regclass and m.objid = o.oid)
    union all
    select 'operator family', format('%I.%I using %I', s.nspname, f.opfname, a.amname),
           concat_ws('|', (select string_agg(concat_ws(' ', o.amopstrategy, o.amopopr::regoperator), ',' order by o.amopstrategy, o.amopopr::regoperator::text)
                             from pg_amop o where o.amopfamily = f.oid),
                     (select string_agg(concat_ws(' ', p.amprocnum, p.amproc::regprocedure), ',' order by p.amprocnum, p.amproc::regprocedure::text)
                        from pg_amproc p where p.amprocfamily = f.oid)), null
      from pg_opfamily f join space s on s.oid = f.opfnamespace join pg_am a on a.oid = f.opfmethod
     where not exists (select from member m where m.classid = 'pg_opfamily'::regclass and m.objid = f.oid)
    union all
    select 'language', quote_ident(l.lanname), concat_ws('|', l.lanpltrusted, l.lanplcallfoid::regproc, l.laninline::regproc, l.lanvalidator::regproc), null
      from pg_language l where l.oid >= 16384 and not exists (select from member m where m.classid = 'pg_language'::regclass and m.objid = l.oid)
    union all
    select 'transform', format('for %s language %I', t.trftype::regtype, l.lanname), concat_ws('|', t.trffromsql, t.trftosql), null
      from pg_transform t join pg_language l on l.oid = t.trflang
     where not exists (select from member m where m.classid = 'pg_transform'::regclass and m.objid = t.oid)
    union all
    select 'access method', quote_ident(a.amname), concat_ws('|', a.amtype, a.amhandler), null
      from pg_am a where a.oid >= 16384 and not exists (select from member m where m.classid = 'pg_am'::regclass and m.objid = a.oid)
)
select kind, identity, coalesce(shape, '') as shape, coalesce(expression, '') as expression from object
 where (kind = any($3)) = $4
