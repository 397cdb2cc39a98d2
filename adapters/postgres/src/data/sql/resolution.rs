//! Which foreign key an embed follows.

use domain::{
    Failure,
    catalogue::{ForeignKey, Link, Relation},
    failure::Candidate,
    table::{Embed, SelectItem, grammar::print_name},
};

use super::{
    planner::Grounds,
    refusal::{Refusal, hint},
    relationship::{Embedded, described},
};

impl<'a> Grounds<'a> {
    /// Resolves every embed of a select list, down to the innermost.
    pub(super) fn embeds(&self, parent: &'a Relation, items: &'a [SelectItem], path: &str) -> Result<Vec<Embedded<'a>>, Refusal> {
        self.embeds_below(parent, items, path, &[])
    }

    /// The same, below embeds that followed these keys to many rows already.
    fn embeds_below(
        &self,
        parent: &'a Relation,
        items: &'a [SelectItem],
        path: &str,
        followed: &[&'a ForeignKey],
    ) -> Result<Vec<Embedded<'a>>, Refusal> {
        let mut embeds: Vec<Embedded<'a>> = Vec::new();
        for item in items {
            let SelectItem::Embed(embed) = item else { continue };
            if embeds.iter().any(|other| other.embed.key() == embed.key()) {
                return Err(Refusal::fault("/select", format!("'{}' is embedded twice: give one of them an alias", embed.key())));
            }
            let link = self.link(parent, embed)?;
            let relation = self.reach(link)?;
            let followed = self.follow(followed, link, embed)?;
            let path = format!("{path}{}.", embed.key());
            let inner = self.embeds_below(relation, &embed.columns, &path, &followed)?;
            embeds.push(Embedded { embed, relation, link, embeds: inner, path });
        }
        Ok(embeds)
    }

    /// The relation at the end of a link, if the caller may touch all there is on the way.
    fn reach(&self, link: Link<'a>) -> Result<&'a Relation, Refusal> {
        let relation = |name| self.catalogue.get(name).ok_or_else(|| Refusal::unknown(Failure::not_found("table", format!("{name}"))));
        if let Some(junction) = link.junction() {
            self.allow(relation(junction)?)?;
        }
        let target = relation(link.target())?;
        self.allow(target)?;
        Ok(target)
    }

    fn link(&self, parent: &'a Relation, embed: &'a Embed) -> Result<Link<'a>, Refusal> {
        let links = self.catalogue.links(parent);
        let fitting = self.catalogue.meant(parent, &links, &embed.relation, embed.hint.as_deref());
        // What the caller may not touch is no candidate; where it is all there is, the refusal is that.
        let open: Vec<_> = fitting.iter().copied().filter(|link| self.reach(*link).is_ok()).collect();
        match (&open[..], &fitting[..]) {
            ([only], _) | ([], [only, ..]) => Ok(*only),
            ([], []) => Err(self.unrelated(parent, embed, &links)),
            _ => Err(self.ambiguous(parent, embed, &open).map_or_else(|| self.unrelated(parent, embed, &links), Refusal::from)),
        }
    }

    fn unrelated(&self, parent: &Relation, embed: &Embed, links: &[Link<'a>]) -> Refusal {
        let told = |link: &&Link<'a>| self.reach(**link).is_ok_and(|target| self.shows(target));
        let mut names: Vec<_> = links.iter().filter(told).map(|link| link.target().name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let by = embed.hint.as_deref().map(|hint| format!(" by '{hint}'")).unwrap_or_default();
        let known = if names.contains(&embed.relation.as_str()) {
            format!("; leave the hint away to be told those that decide, as in '{}(*)'", embed.relation)
        } else {
            hint(&embed.relation, names.into_iter())
        };
        let message = format!("'{}' has no relationship with '{}'{by}{known}", parent.name, embed.relation);
        Refusal::unknown_name("/select", message)
    }

    /// The ways that could be meant, less those over tables and columns that the caller is not told of; `None` where these are all.
    fn ambiguous(&self, parent: &Relation, embed: &Embed, fitting: &[Link<'_>]) -> Option<Failure> {
        let told = |link: &&Link<'_>| link.foreign_keys().all(|key| self.shows_key(key));
        let candidate =
            |link: &Link<'_>| Candidate { cardinality: link.cardinality(), relationship: described(*link), hint: print_name(link.hint(fitting)) };
        let candidates: Vec<_> = fitting.iter().filter(told).map(candidate).collect();
        let some = !candidates.is_empty();
        some.then(|| Failure::Ambiguous { origin: parent.name.name.clone(), target: print_name(&embed.relation), candidates })
    }

    /// The foreign keys that this path has followed to many rows, and this link's if it is one more. A key of a view stands for the key of its table, so
    /// both count as the same one.
    fn follow(&self, followed: &[&'a ForeignKey], link: Link<'a>, embed: &Embed) -> Result<Vec<&'a ForeignKey>, Refusal> {
        let mut followed = followed.to_vec();
        let (Link::FromMany(key) | Link::Through { near: key, .. }) = link else { return Ok(followed) };
        let by_view = |key: &ForeignKey| self.catalogue.is_view(&key.origin);
        let again = |known: &&&ForeignKey| known.name == key.name && (known.origin == key.origin || by_view(known) || by_view(key));
        if followed.iter().filter(again).count() >= FOLLOWED_AT_MOST {
            let message = format!(
                "'{}' follows the foreign key '{}' to many rows a third time on one path; at most {FOLLOWED_AT_MOST} times are allowed, since rows multiply each time",
                embed.key(),
                key.name
            );
            return Err(Refusal::fault("/select", message));
        }
        followed.push(key);
        Ok(followed)
    }
}

/// How often one path may follow the same foreign key to many rows. Twice is enough for children and grandchildren in a table that references itself.
/// Each time the rows of an answer multiply, and with them the memory that PostgreSQL needs to gather it.
const FOLLOWED_AT_MOST: usize = 2;

#[cfg(test)]
mod tests {
    use domain::{Denied, Failure};

    use crate::data::sql::example::{read, refused, restricted};

    #[test]
    fn to_one_is_joined_and_gives_an_object() {
        assert_eq!(
            read("tasks", "select=id,projects(name)"),
            r#"select _0."id", pg_catalog.row_to_json(_1.*) as "projects" from "public"."tasks" as _0 left join lateral (select _2."name" from "public"."projects" as _2 where _2."id" = _0."project_id") as _1 on true"#
        );
    }

    #[test]
    fn to_many_is_gathered_and_gives_a_list() {
        assert_eq!(
            read("projects", "select=id,t:tasks(id)&t.title=eq.a&t.order=id.desc&t.limit=2"),
            r#"select _0."id", (select coalesce(pg_catalog.json_agg(_1.*), '[]') from (select _2."id" from "public"."tasks" as _2 where _2."project_id" = _0."id" and _2."title" = ‹a› order by _2."id" desc limit 2) as _1) as "t" from "public"."projects" as _0"#
        );
        assert!(read("users", "select=profiles(bio)").contains(r#"row_to_json(_1.*) as "profiles""#), "one to one");
    }

    #[test]
    fn a_junction_leads_to_many() {
        assert_eq!(
            read("tasks", "select=tags(name)"),
            r#"select (select coalesce(pg_catalog.json_agg(_1.*), '[]') from (select _2."name" from "public"."tags" as _2 cross join "public"."task_tags" as _3 where _3."tag_id" = _2."id" and _3."task_id" = _0."id") as _1) as "tags" from "public"."tasks" as _0"#
        );
        assert!(read("tasks", "select=tags!task_tags(name)").contains("json_agg"));
    }

    #[test]
    fn one_key_leads_to_many_rows_twice_on_a_path_and_no_more() {
        assert!(!read("employees", "select=id,employees(id,employees(id))").is_empty());
        for (table, embeds) in [
            ("employees", "employees(employees(employees(id)))"),
            ("projects", "tasks(projects(tasks(projects(tasks(id)))))"),
            ("tasks", "tags(tasks(tags(tasks(tags(id)))))"),
        ] {
            let failure = refused(table, &format!("select=id,{embeds}")).to_string();
            assert!(failure.contains("a third time"), "{failure}");
        }
    }

    #[test]
    fn names_and_hints_decide() {
        for (table, embed, condition) in [
            ("projects", "users!owner_id(id)", r#"_2."id" = _0."owner_id""#),
            ("projects", "users!projects_reviewer_id_fkey(id)", r#"_2."id" = _0."reviewer_id""#),
            ("projects", "owner_id(id)", r#"_2."id" = _0."owner_id""#),
            ("projects", "projects_owner_id_fkey(id)", r#"_2."id" = _0."owner_id""#),
            ("users", "projects!owner_id(id)", r#"_2."owner_id" = _0."id""#),
            ("employees", "manager_id(id)", r#"_2."id" = _0."manager_id""#),
            ("employees", "employees(id)", r#"_2."manager_id" = _0."id""#),
            ("employees", "employees!manager_id(id)", r#"_2."manager_id" = _0."id""#),
            ("employees", "employees!employees_manager_id_fkey(id)", r#"_2."manager_id" = _0."id""#),
        ] {
            assert!(read(table, &format!("select={embed}")).contains(condition), "{table} {embed}");
        }
    }

    #[test]
    fn what_could_be_several_is_ambiguous_and_each_hint_decides() {
        for (table, target, candidates) in [("projects", "users", 2), ("users", "projects", 2), ("users", "users", 2)] {
            let Failure::Ambiguous { candidates: found, .. } = refused(table, &format!("select={target}(id)")) else { panic!("{table} {target}") };
            assert_eq!(found.len(), candidates, "{found:?}");
            for candidate in found {
                read(table, &format!("select={target}!{}(id)", candidate.hint));
            }
        }
    }

    #[test]
    fn what_is_not_related_is_told_with_what_is() {
        assert_eq!(
            refused("tasks", "select=users(id)").to_string(),
            "/select: 'public.tasks' has no relationship with 'users'; there are projects, tags, task_tags"
        );
        assert_eq!(
            refused("projects", "select=users!nope(id)").to_string(),
            "/select: 'public.projects' has no relationship with 'users' by 'nope'; leave the hint away to be told those that decide, as in 'users(*)'"
        );
        assert!(refused("tasks", "select=projects!nope(id)").to_string().contains("by 'nope'"));
        assert!(refused("tasks", "select=projects(id),projects(name)").to_string().contains("embedded twice"));
    }

    #[test]
    fn embeds_filter_their_parents() {
        let exists = r#"exists (select from "public"."tasks" as _1 where _1."project_id" = _0."id" and _1."title" = ‹a›)"#;
        let read_where = |text: &str| read("projects", text).split_once(" from \"public\".\"projects\" as _0 where ").unwrap().1.to_owned();
        assert_eq!(read_where("select=id,tasks!inner()&tasks.title=eq.a"), exists);
        assert_eq!(read_where("select=id,tasks()&tasks.title=eq.a&tasks=not.is.null"), format!("not (not {exists})"));
        assert_eq!(read_where("select=id,tasks()&tasks.title=eq.a&or=(tasks.is.null,id.eq.1)"), format!("(not {exists} or _0.\"id\" = ‹1›)"));
        assert!(refused("projects", "select=id,tasks()&tasks=eq.1").to_string().contains("is.null"));
    }

    /// PostgreSQL would look for the best order of all that is joined, and take all memory for it.
    #[test]
    fn few_embeds_are_joined_and_the_others_are_looked_up() {
        let shown: Vec<_> = (0..40).map(|n| format!("p{n}:projects(name)")).collect();
        let sql = read("tasks", &format!("select=id,{}", shown.join(",")));
        assert_eq!(sql.matches(" left join lateral ").count(), 32, "{sql}");
        let (looked_up, whole) = (
            r#"(select _66."name" from "public"."projects" as _66 where _66."id" = _0."project_id")"#,
            "(select pg_catalog.row_to_json(_65.*) from ",
        );
        assert!(sql.contains(&format!(r#"{whole}{looked_up} as _65 limit 1) as "p32", "#)), "{sql}");
        let tested: Vec<_> = (0..12).map(|n| format!("p{n}:projects!inner()")).collect();
        let sql = read("tasks", &format!("select=id,{}", tested.join(",")));
        assert_eq!((sql.matches("exists (").count(), sql.matches(" offset 0)").count()), (12, 4), "{sql}");
        let ordered: Vec<_> = (0..33).map(|n| format!("p{n}:projects(id)")).collect();
        let order: Vec<_> = (0..33).map(|n| format!("p{n}(name)")).collect();
        let order = |most: usize| format!("select=id,{}&order={}", ordered.join(","), order[..most].join(","));
        assert!(!read("tasks", &order(32)).is_empty());
        assert!(refused("tasks", &order(33)).to_string().contains("more embeds than"));
    }

    #[test]
    fn a_to_one_embed_gives_an_order() {
        let sql = read("tasks", "select=id,projects()&order=projects(name).desc,id");
        assert!(sql.ends_with(r#"as _0 left join "public"."projects" as _1 on _1."id" = _0."project_id" order by _1."name" desc, _0."id""#), "{sql}");
        assert!(refused("projects", "select=id,tasks(id)&order=tasks(id)").to_string().contains("has many rows"));
        assert!(refused("projects", "select=id&order=tasks(id)").to_string().contains("not embedded"));
    }

    #[test]
    fn a_table_list_holds_on_every_way() {
        let denied = |tables: &[&str], table: &str, text: &str| match restricted(tables, table, text) {
            Err(Failure::Denied(Denied::Table { table })) => Some(table),
            Ok(()) => None,
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(denied(&["tasks"], "tasks", "select=id"), None);
        assert_eq!(denied(&["tasks"], "projects", "").as_deref(), Some("public.projects"));
        assert_eq!(denied(&["tasks"], "tasks", "select=id,projects()").as_deref(), Some("public.projects"));
        assert_eq!(denied(&["tasks", "tags"], "tasks", "select=tags(id)").as_deref(), Some("public.task_tags"));
        assert_eq!(denied(&["tasks", "projects"], "projects", "select=tasks(task_tags(tag_id))").as_deref(), Some("public.task_tags"));
        assert_eq!(denied(&["projects"], "projects", "select=users(id)").as_deref(), Some("public.users"), "ambiguous, but neither is allowed");
        assert_eq!(denied(&["open_tasks"], "open_tasks", "").as_deref(), Some("public.tasks"));
        assert_eq!(denied(&["open_tasks", "tasks"], "open_tasks", "").as_deref(), Some("private.flags"));
    }

    #[test]
    fn refusals_name_no_table_outside_the_list() {
        let told = |tables: &[&str], table: &str, text: &str| restricted(tables, table, text).unwrap_err();
        let message = told(&["tasks", "projects", "tags"], "tasks", "select=nothing(id)").to_string();
        assert_eq!(message, "/select: 'public.tasks' has no relationship with 'nothing'; there are projects");
        assert_eq!(told(&["tasks"], "tasks", "select=projcts(id)").to_string(), "/select: 'public.tasks' has no relationship with 'projcts'");

        assert_eq!(refused("vault", "select=nothing(id)").to_string(), "/select: 'public.vault' has no relationship with 'nothing'");
        let message = refused("vault", "select=cellar(id)").to_string();
        assert_eq!(message, "/select: 'public.vault' has no relationship with 'cellar'", "the role has no right on it");
        let Failure::Ambiguous { candidates, .. } = refused("shelf", "select=measures(id)") else { panic!() };
        assert_eq!(candidates.iter().map(|candidate| candidate.hint.as_str()).collect::<Vec<_>>(), ["shelf_measure_id_fkey", "shelf_next_id_fkey"]);

        let Failure::Ambiguous { candidates, .. } = told(&["users", "projects"], "users", "select=projects(id)") else { panic!() };
        assert_eq!(candidates.len(), 2, "{candidates:?}");
        assert!(candidates.iter().all(|candidate| !candidate.relationship.contains("through")), "{candidates:?}");
    }
}
