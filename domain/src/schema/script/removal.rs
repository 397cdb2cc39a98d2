//! How an object of the target is taken away.

use super::{
    fate::{Fate, Step, identified_as_usual, nobodys, without_hazards},
    grants,
    plan::Plan,
    statement::Hazard,
    types::loses_check,
};
use crate::schema::{
    Identity, Kind, Object,
    sql::{SequenceText, bare, find_words, ident},
};

/// The statements that take an object away, and what has to be said once it is gone; none where it goes with another. `None` where this knows no way.
pub(super) fn removal(plan: &Plan<'_>, place: usize) -> Option<Vec<Step>> {
    let mut steps = taking_away(plan, place)?;
    let object = &plan.target.map.objects()[place];
    let is_index = matches!(object.identity.kind, Kind::Index | Kind::Constraint);
    if is_index && !object.requires.iter().any(|on| *plan.kind(*on) == Kind::Table && plan.is_dropped(*on)) {
        steps.extend(identified_as_usual(plan.source, object));
    }
    Some(steps)
}

fn taking_away(plan: &Plan<'_>, place: usize) -> Option<Vec<Step>> {
    let object = &plan.target.map.objects()[place];
    let objects = plan.target.map.objects();
    let bearer_is_dropped = || object.requires.iter().any(|required| objects[*required].address.is_some() && plan.is_dropped(*required));
    let simply = |sql: String| Some(without_hazards([sql]));
    let locked = |sql: String| Some(vec![(sql, vec![Hazard::ExclusiveLock])]);
    match object.identity.kind {
        Kind::IndexAttach => (bearer_is_dropped() || object.requires.iter().any(|index| is_of_detached(plan, *index))).then(Vec::new),
        Kind::Comment | Kind::SecurityLabel | Kind::Acl | Kind::SequenceOwnedBy | Kind::RowSecurity if bearer_is_dropped() => Some(Vec::new()),
        Kind::TableAttach if !plan.is_detached_by_hand(place) => Some(Vec::new()),
        Kind::Comment | Kind::SecurityLabel | Kind::Acl if is_of_lost_column(plan, object) || is_of_lost_check(plan, object) => Some(Vec::new()),
        // As initdb makes it.
        Kind::Comment if object.identity.name == "SCHEMA public" => simply("COMMENT ON SCHEMA public IS 'standard public schema'".to_owned()),
        Kind::Comment | Kind::SecurityLabel => {
            let at = find_words(&object.definition, "IS")?;
            simply(format!("{}IS NULL", &object.definition[..at]))
        }
        Kind::Acl | Kind::DefaultAcl => grants::changes(&object.definition, None).map(without_hazards),
        Kind::TableAttach => {
            let text = &object.definition;
            let rest = text.strip_prefix("ALTER TABLE ONLY ")?;
            let (parent, rest) = rest.split_once(" ATTACH PARTITION ")?;
            let end = find_words(rest, "FOR VALUES").or_else(|| find_words(rest, "DEFAULT"))?;
            locked(format!("ALTER TABLE {parent} DETACH PARTITION {}", rest[..end].trim()))
        }
        Kind::SequenceOwnedBy => simply(nobodys(object)),
        Kind::RowSecurity => {
            let at = find_words(&object.definition, "ENABLE")?;
            locked(format!("{}DISABLE ROW LEVEL SECURITY", &object.definition[..at]))
        }
        _ if goes_along(plan, place) || goes_with_its_type(plan, place) => Some(Vec::new()),
        // A partition's triggers of its parent's stay there when it leaves.
        Kind::Trigger if object.drop.is_none() && object.requires.iter().any(|on| plan.is_detached(*on)) => Some(Vec::new()),
        Kind::Trigger if object.drop.is_none() => enabled_like_its_parent(plan, object).and_then(locked),
        // It was a partition of an index, which a dump drops with that.
        Kind::Index if object.drop.is_none() => {
            locked(format!("DROP INDEX {}.{}", ident(object.identity.schema.as_deref()?), ident(&object.identity.name)))
        }
        Kind::Sequence => {
            let sequence = SequenceText::read(&object.definition)?;
            let sql = match sequence.identity {
                Some((table, column, _)) => format!("ALTER TABLE {table} ALTER COLUMN {column} DROP IDENTITY"),
                None => object.drop.clone()?,
            };
            Some(vec![(sql, vec![Hazard::DataLoss])])
        }
        _ => {
            // A key of a partitioned table goes with those of its partitions or not at all.
            let sql = object.drop.as_ref().filter(|sql| !sql.trim().is_empty())?.replacen("ALTER TABLE ONLY ", "ALTER TABLE ", 1);
            let takes_rows = object.address.is_some_and(|address| object.identity.kind == Kind::Extension && has_tables(plan, address.object));
            let hazards = if takes_rows { hazards(&Kind::Table) } else { hazards(&object.identity.kind) };
            Some(vec![(sql, hazards.to_vec())])
        }
    }
}

fn has_tables(plan: &Plan<'_>, extension: u32) -> bool {
    plan.target.facts.with_tables.contains(&extension)
}

fn hazards(kind: &Kind) -> &'static [Hazard] {
    match kind {
        Kind::Table => &[Hazard::DataLoss, Hazard::ExclusiveLock],
        kind if kind.hangs_on_a_relation() => &[Hazard::ExclusiveLock],
        _ => &[],
    }
}

/// Whether it goes with another that goes, and nobody else that goes needs it out of the way.
fn goes_along(plan: &Plan<'_>, place: usize) -> bool {
    let own = plan.graph.dependencies(place);
    let is_part_of_an_index = matches!(plan.kind(place), Kind::Index | Kind::Constraint);
    let detached = is_of_detached(plan, place);
    // What is made again under its name has to be gone by then.
    let in_time = |on: usize| plan.fates[place] != Fate::Rebuild || plan.early.contains(&on);
    let goes =
        |on: usize, column: i32| plan.is_dropped(on) && !plan.aside.contains(&on) && in_time(on) || column > 0 && loses_column(plan, on, column);
    let with = own.iter().any(|(on, column, automatic)| {
        let of_the_parents = is_part_of_an_index && detached && matches!(plan.kind(*on), Kind::Index | Kind::Constraint);
        *automatic && *on != place && !of_the_parents && goes(*on, *column)
    });
    let in_the_way =
        own.iter().any(|(on, column, automatic)| !automatic && goes(*on, *column) && !own.iter().any(|(with, _, along)| *along && with == on));
    with && !in_the_way && !plan.in_the_way.contains(&place)
}

/// Whether it is what a type in C is read and written by, or what that was announced by: these stand on each other, and are dropped all at once with the type.
fn goes_with_its_type(plan: &Plan<'_>, place: usize) -> bool {
    let object = &plan.target.map.objects()[place];
    let is_gone = |on: usize| *plan.kind(on) == Kind::Type && plan.fates[on] == Fate::Remove;
    match object.identity.kind {
        Kind::ShellType => {
            let of = Identity { kind: Kind::Type, ..object.identity.clone() };
            plan.target.map.place(&of).is_some_and(is_gone)
        }
        Kind::Function => plan.graph.dependents(place).iter().any(|dependent| {
            let with_all = plan.target.map.objects()[dependent.place].drop.as_ref().is_some_and(|drop| drop.contains(" CASCADE"));
            with_all && is_gone(dependent.place)
        }),
        _ => false,
    }
}

/// Whether it stands on a table that is no partition any more.
pub(super) fn is_of_detached(plan: &Plan<'_>, place: usize) -> bool {
    plan.graph.dependencies(place).iter().any(|(on, _, _)| *plan.kind(*on) == Kind::Table && plan.is_detached(*on))
}

/// A dump tells of a partition's trigger where it is switched otherwise than its parent's, `ALTER TABLE t DISABLE TRIGGER x`; here it is switched on again.
/// `None` where the parent's is not simply on.
fn enabled_like_its_parent(plan: &Plan<'_>, object: &Object) -> Option<String> {
    let statement = object.definition.trim().trim_end_matches(';').strip_prefix("ALTER TABLE ")?;
    let (head, trigger) = statement.split_once(" TRIGGER ")?;
    let (table, _) = head.split_once(' ')?;
    let switched = format!(" TRIGGER {trigger};");
    let mut others = plan.source.map.objects().iter().filter(|other| other.identity.kind == Kind::Trigger);
    let parents_is_on = !others.any(|other| other.definition.contains("ALTER TABLE ") && other.definition.contains(&switched));
    parents_is_on.then(|| format!("ALTER TABLE {table} ENABLE TRIGGER {trigger}"))
}

fn loses_column(plan: &Plan<'_>, table: usize, column: i32) -> bool {
    let Some(change) = plan.tables.get(&table) else { return false };
    change.facts.iter().find(|fact| fact.number == column).is_some_and(|fact| change.drops(&fact.name))
}

/// Of `COMMENT ON COLUMN t.c` and grants on columns: whether the column goes.
fn is_of_lost_column(plan: &Plan<'_>, object: &Object) -> bool {
    let Some(name) = object.identity.name.strip_prefix("COLUMN ") else { return false };
    if object.requires.iter().any(|of| is_lost_attribute(plan, *of, name)) {
        return true;
    }
    let Some(change) = object.requires.iter().find_map(|required| plan.tables.get(required)) else { return false };
    change.old.columns.iter().any(|column| is_column(name, &column.name) && change.drops(&bare(&column.name)))
}

/// Whether `c.a` is an attribute that a composite type has no more, changed where it is.
fn is_lost_attribute(plan: &Plan<'_>, of: usize, name: &str) -> bool {
    let Some(at) = plan.in_source[of].filter(|_| matches!(plan.fates[of], Fate::Alter(_)) && *plan.kind(of) == Kind::Type) else { return false };
    let after = plan.source.attributes(&plan.source.map.objects()[at]);
    let mut lost = plan.target.attributes(&plan.target.map.objects()[of]).iter().filter(|fact| !after.iter().any(|other| other.name == fact.name));
    lost.any(|fact| is_column(name, &fact.name))
}

/// Of `COMMENT ON CONSTRAINT c ON t`: the constraint's name.
pub(super) fn said_of_constraint(object: &Object) -> Option<String> {
    let (name, _) = object.identity.name.strip_prefix("CONSTRAINT ").filter(|_| object.identity.kind == Kind::Comment)?.rsplit_once(" ON ")?;
    Some(bare(name))
}

/// Whether the check that a comment is about goes.
fn is_of_lost_check(plan: &Plan<'_>, object: &Object) -> bool {
    let Some(name) = said_of_constraint(object) else { return false };
    object.requires.iter().any(|required| {
        let table_drops = plan.tables.get(required).is_some_and(|change| change.drops_check(&name));
        table_drops
            || plan.in_source[*required].is_some_and(|at| loses_check(&plan.target.map.objects()[*required], &plan.source.map.objects()[at], &name))
    })
}

/// Whether `t.c` names that column, which is written in quotes where needed.
pub(super) fn is_column(name: &str, column: &str) -> bool {
    let bare = bare(column);
    [column, bare.as_str()].iter().any(|column| name.strip_suffix(column).is_some_and(|rest| rest.ends_with('.')))
}
