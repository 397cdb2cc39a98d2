-- Indexes once the rows are there, then who sees what.

create index tasks_by_project on public.tasks (project_id);
create index tasks_by_assignee on public.tasks (assignee_id);
create index tasks_by_parent on public.tasks (parent_id);
create index tasks_by_search on public.tasks using gin (search);
create index comments_by_task on public.comments (task_id);
create index comments_by_author on public.comments (author_id);
create index task_tags_by_tag on public.task_tags (tag_id);

create function private.my_projects() returns setof bigint
    language sql stable security definer rows 50
    set search_path = ''
begin atomic
    select p.id from public.projects p where p.owner_id = auth.uid()
    union
    select m.project_id from public.project_members m where m.user_id = auth.uid();
end;
comment on function private.my_projects() is 'Projects that the one who asks owns or is a member of';

create function private.my_projects_as(at_least public.member_role) returns setof bigint
    language sql stable security definer rows 50
    set search_path = ''
begin atomic
    select p.id from public.projects p where p.owner_id = auth.uid()
    union
    select m.project_id from public.project_members m where m.user_id = auth.uid() and m.role >= at_least;
end;
comment on function private.my_projects_as(public.member_role) is 'Projects that the one who asks owns, or is a member of with at least this role';

create function private.my_colleagues() returns setof uuid
    language sql stable security definer rows 100
    set search_path = ''
begin atomic
    select p.owner_id from public.projects p where p.id in (select private.my_projects())
    union
    select m.user_id from public.project_members m where m.project_id in (select private.my_projects());
end;
comment on function private.my_colleagues() is 'Owners and members of the projects of the one who asks';

revoke execute on all functions in schema private from public;
grant execute on all functions in schema private to authenticated;

alter table public.users enable row level security;
alter table public.profiles enable row level security;
alter table public.devices enable row level security;
alter table public.projects enable row level security;
alter table public.project_members enable row level security;
alter table public.tasks enable row level security;
alter table public.comments enable row level security;
alter table public.tags enable row level security;
alter table public.task_tags enable row level security;

create policy see_colleagues on public.users for select to authenticated
    using (id = (select auth.uid()) or id in (select private.my_colleagues()));
create policy add_myself on public.users for insert to authenticated
    with check (id = (select auth.uid()) and email = (select auth.jwt() ->> 'email'));
create policy change_myself on public.users for update to authenticated
    using (id = (select auth.uid())) with check (id = (select auth.uid()));

create policy my_profile on public.profiles for all to authenticated
    using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

create policy my_devices on public.devices for all to authenticated
    using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

-- The owner is named beside the function: a row that is being inserted is not there yet when its policy asks.
create policy see_projects on public.projects for select to authenticated
    using (owner_id = (select auth.uid()) or id in (select private.my_projects()));
create policy begin_projects on public.projects for insert to authenticated
    with check (owner_id = (select auth.uid()));
create policy change_projects on public.projects for update to authenticated
    using (id in (select private.my_projects_as('admin')));
create policy end_projects on public.projects for delete to authenticated
    using (owner_id = (select auth.uid()));

create policy see_members on public.project_members for select to authenticated
    using (project_id in (select private.my_projects()));
create policy run_members on public.project_members for all to authenticated
    using (project_id in (select private.my_projects_as('admin'))) with check (project_id in (select private.my_projects_as('admin')));

create policy see_tasks on public.tasks for select to authenticated
    using (project_id in (select private.my_projects()));
create policy write_tasks on public.tasks for all to authenticated
    using (project_id in (select private.my_projects_as('editor'))) with check (project_id in (select private.my_projects_as('editor')));

-- Tasks are seen here under their own policy.
create policy see_comments on public.comments for select to authenticated
    using (exists (select from public.tasks t where t.id = task_id));
create policy write_comments on public.comments for insert to authenticated
    with check (author_id = (select auth.uid()) and exists (select from public.tasks t where t.id = task_id));
create policy change_comments on public.comments for update to authenticated
    using (author_id = (select auth.uid())) with check (author_id = (select auth.uid()));
create policy delete_comments on public.comments for delete to authenticated
    using (author_id = (select auth.uid()));

create policy see_tags on public.tags for select to authenticated using (true);

create policy see_task_tags on public.task_tags for select to authenticated
    using (exists (select from public.tasks t where t.id = task_id));
create policy write_task_tags on public.task_tags for all to authenticated
    using (exists (select from public.tasks t where t.id = task_id and t.project_id in (select private.my_projects_as('editor'))))
    with check (exists (select from public.tasks t where t.id = task_id and t.project_id in (select private.my_projects_as('editor'))));

-- No policy is for anon: it may ask, and nothing comes back.
grant select on all tables in schema public to anon;
grant select, insert, update, delete on public.users, public.profiles, public.devices, public.projects, public.project_members, public.tasks,
    public.comments, public.task_tags to authenticated;
grant select on public.tags, public.project_overview to authenticated;
grant usage on all sequences in schema public to authenticated;

analyze public.users, public.profiles, public.devices, public.projects, public.project_members, public.tasks, public.comments, public.tags, public.task_tags;
