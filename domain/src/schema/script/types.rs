//! Types and domains: changed in place where rows need not be touched.

use super::{
    fate::{Alteration, Fate, Step},
    statement::Hazard,
};
use crate::schema::{
    Object,
    sql::{DomainText, TypeText, bare, composite, ident, split},
};

pub(super) fn change(old: &Object, new: &Object) -> Fate {
    match (TypeText::read(&old.definition), TypeText::read(&new.definition)) {
        (Some(TypeText::Enum { labels: before, .. }), Some(TypeText::Enum { name, labels: after })) => match added_labels(&name, &before, &after) {
            Some(ahead) => Fate::Alter(Alteration { ahead, ..Alteration::default() }),
            None => Fate::Rebuild,
        },
        (Some(TypeText::Composite { attributes: before, .. }), Some(TypeText::Composite { name, attributes: after })) => {
            match composite(&name, &before, &after) {
                Some(steps) => in_place(&steps, ""),
                None => Fate::Rebuild,
            }
        }
        (Some(TypeText::Base) | None, _) | (_, Some(TypeText::Base) | None) => Fate::Blocked("a type written in C is changed by hand".to_owned()),
        _ => Fate::Rebuild,
    }
}

fn in_place(steps: &[String], behaviour: &str) -> Fate {
    let hazards = |sql: &str| if sql.contains(" DROP ATTRIBUTE ") { vec![Hazard::DataLoss, Hazard::MayFail] } else { vec![Hazard::MayFail] };
    Alteration::at(steps.iter().map(|sql| (format!("{sql}{behaviour}"), hazards(sql))).collect())
}

/// What becomes of a composite type that columns have, or that typed tables are of. PostgreSQL adds and drops attributes then, and changes the type of none
/// that a column holds: by the way of text each goes to the attribute in its place, so that these have to be the same. `None` for other types.
pub(super) fn change_used(old: &Object, new: &Object, in_columns: bool, typed: bool) -> Option<Fate> {
    let (Some(TypeText::Composite { attributes: before, .. }), Some(TypeText::Composite { name, attributes: after })) =
        (TypeText::read(&old.definition), TypeText::read(&new.definition))
    else {
        return None;
    };
    let retyped = before.iter().any(|(name, of)| after.iter().any(|(other, is)| name == other && of != is));
    let same_names = before.iter().map(|(name, _)| name).eq(after.iter().map(|(name, _)| name));
    let steps = composite(&name, &before, &after);
    Some(match steps {
        Some(steps) if !in_columns || !retyped => in_place(&steps, if typed { " CASCADE" } else { "" }),
        _ if (same_names || !in_columns) && !typed => Fate::Rebuild,
        _ => Fate::Blocked("columns have it, whose values could not follow: change it in two steps, attributes first, then their types".to_owned()),
    })
}

/// The statements that add labels; `None` where labels went or changed places.
fn added_labels(name: &str, before: &[String], after: &[String]) -> Option<Vec<Step>> {
    if !after.iter().filter(|label| before.contains(label)).eq(before.iter()) {
        return None;
    }
    let mut steps = Vec::new();
    for (place, label) in after.iter().enumerate().filter(|(_, label)| !before.contains(label)) {
        let position = match (place.checked_sub(1), before.first()) {
            (Some(previous), _) => format!(" AFTER {}", after[previous]),
            (None, Some(first)) => format!(" BEFORE {first}"),
            (None, None) => String::new(),
        };
        steps.push((format!("ALTER TYPE {name} ADD VALUE {label}{position}"), vec![Hazard::NotInTransaction]));
    }
    Some(steps)
}

pub(super) fn change_domain(old: &Object, new: &Object) -> Fate {
    let (Some(before), Some(after)) = (DomainText::read(&old.definition), DomainText::read(&new.definition)) else {
        return Fate::Blocked("the domain is written in a way that is not understood".to_owned());
    };
    if before.base != after.base {
        return Fate::Rebuild;
    }
    let change = |what: String, hazards: &[Hazard]| (format!("ALTER DOMAIN {} {what}", after.name), hazards.to_vec());
    let checks = [Hazard::LongScan, Hazard::MayFail];
    let mut steps = Vec::new();
    for (name, _) in before.constraints.iter().filter(|constraint| !after.constraints.contains(constraint)) {
        steps.push(change(format!("DROP CONSTRAINT {name}"), &[]));
    }
    if before.default != after.default {
        steps.push(change(after.default.as_ref().map_or("DROP DEFAULT".to_owned(), |default| format!("SET DEFAULT {default}")), &[]));
    }
    match (before.not_null, after.not_null) {
        (false, true) => {
            let named = after.not_null_name.as_ref().map(|name| format!("ADD CONSTRAINT {name} NOT NULL"));
            steps.push(change(named.unwrap_or_else(|| "SET NOT NULL".to_owned()), &checks));
        }
        (true, true) if before.not_null_name != after.not_null_name => {
            let usual = || split(&after.name, '.').pop().map(|own| ident(&format!("{}_not_null", bare(own)))).unwrap_or_default();
            let named = |domain: &DomainText| domain.not_null_name.clone().unwrap_or_else(usual);
            steps.push(change(format!("RENAME CONSTRAINT {} TO {}", named(&before), named(&after)), &[]));
        }
        (true, false) => steps.push(change("DROP NOT NULL".to_owned(), &[])),
        _ => {}
    }
    for (name, definition) in after.constraints.iter().filter(|constraint| !before.constraints.contains(constraint)) {
        steps.push(change(format!("ADD CONSTRAINT {name} {definition}"), &checks));
    }
    Alteration::at(steps)
}

/// Whether values that are there are checked by the change of a domain in place.
pub(super) fn checks_values(fate: &Fate) -> bool {
    matches!(fate, Fate::Alter(change) if change.at.iter().any(|(sql, hazards)| sql.starts_with("ALTER DOMAIN ") && hazards.contains(&Hazard::LongScan)))
}

/// A domain's constraint.
fn check(object: &Object, name: &str) -> Option<(String, String)> {
    DomainText::read(&object.definition)?.constraints.into_iter().find(|(other, _)| bare(other) == name)
}

/// Whether a constraint of a domain is dropped and made again by the change of the domain in place.
pub(super) fn check_comes_again(old: &Object, new: &Object, name: &str) -> bool {
    matches!((check(old, name), check(new, name)), (Some(old), Some(new)) if old != new)
}

/// Whether a domain has a constraint no more.
pub(super) fn loses_check(old: &Object, new: &Object, name: &str) -> bool {
    check(old, name).is_some() && check(new, name).is_none()
}

#[cfg(test)]
mod tests {
    use super::{added_labels, change_used};
    use crate::schema::{
        Identity, Kind, Object,
        script::fate::{Alteration, Fate},
    };

    #[test]
    fn values_of_a_type_in_use_follow_or_it_stays() {
        let of = |attributes: &str| {
            let definition = format!("CREATE TYPE p.c AS (\n\t{}\n);\n", attributes.replace(", ", ",\n\t"));
            Object::new(Identity::new(Kind::Type, Some("p"), "c"), definition, None, None, Vec::new())
        };
        let fate = |old: &str, new: &str, typed| change_used(&of(old), &of(new), true, typed).unwrap();
        let statements = |fate: Fate| match fate {
            Fate::Alter(Alteration { at, .. }) => at.into_iter().map(|(sql, _)| sql).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(statements(fate("a integer", "a integer, b text", false)), ["ALTER TYPE p.c ADD ATTRIBUTE b text"]);
        assert_eq!(statements(fate("a integer, b text", "a integer", true)), ["ALTER TYPE p.c DROP ATTRIBUTE b CASCADE"]);
        assert_eq!(fate("a integer, b text", "a bigint, b text", false), Fate::Rebuild);
        // By the way of text the values of one would become those of the other.
        assert!(matches!(fate("a text, b text", "b text, a text", false), Fate::Blocked(_)));
        assert!(matches!(fate("a integer, b text", "a bigint", false), Fate::Blocked(_)));
    }

    fn labels(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| format!("'{name}'")).collect()
    }

    #[test]
    fn labels_are_added_where_they_belong() {
        let steps = added_labels("e", &labels(&["b", "d"]), &labels(&["a", "b", "c", "d", "e"])).unwrap();
        let sql: Vec<_> = steps.into_iter().map(|(sql, _)| sql).collect();
        let expected = ["ALTER TYPE e ADD VALUE 'a' BEFORE 'b'", "ALTER TYPE e ADD VALUE 'c' AFTER 'b'", "ALTER TYPE e ADD VALUE 'e' AFTER 'd'"];
        assert_eq!(sql, expected);
    }

    #[test]
    fn labels_neither_go_nor_change_places_by_adding() {
        assert_eq!(added_labels("e", &labels(&["a", "b"]), &labels(&["b", "a"])), None);
        assert_eq!(added_labels("e", &labels(&["a", "b"]), &labels(&["a"])), None);
    }
}
