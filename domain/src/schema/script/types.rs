//! Types and domains: changed in place where rows need not be touched.

use super::{
    fate::{Alteration, Fate, Step},
    statement::Hazard,
};
use crate::schema::{
    Object,
    sql::{DomainText, TypeText, bare, composite, split},
};

pub(super) fn change(old: &Object, new: &Object) -> Fate {
    match (TypeText::read(&old.definition), TypeText::read(&new.definition)) {
        (Some(TypeText::Enum { labels: before, .. }), Some(TypeText::Enum { name, labels: after })) => match added_labels(&name, &before, &after) {
            Some(ahead) => Fate::Alter(Alteration { ahead, ..Alteration::default() }),
            None => Fate::Rebuild,
        },
        (Some(TypeText::Composite { attributes: before, .. }), Some(TypeText::Composite { name, attributes: after })) => {
            match composite(&name, &before, &after) {
                Some(steps) => Alteration::at(steps.into_iter().map(|sql| (sql, vec![Hazard::MayFail])).collect()),
                None => Fate::Rebuild,
            }
        }
        (Some(TypeText::Base) | None, _) | (_, Some(TypeText::Base) | None) => Fate::Blocked("a type written in C is changed by hand".to_owned()),
        _ => Fate::Rebuild,
    }
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
        (false, true) => steps.push(change("SET NOT NULL".to_owned(), &checks)),
        (true, false) => steps.push(change("DROP NOT NULL".to_owned(), &[])),
        _ => {}
    }
    for (name, definition) in after.constraints.iter().filter(|constraint| !before.constraints.contains(constraint)) {
        steps.push(change(format!("ADD CONSTRAINT {name} {definition}"), &checks));
    }
    Alteration::at(steps)
}

/// How the type steps aside for its successor while columns still have it: the statement, and the name it then has. `None` for what cannot.
pub(super) fn step_aside(object: &Object) -> Option<(String, String)> {
    let (word, name) = match TypeText::read(&object.definition) {
        Some(TypeText::Enum { name, .. } | TypeText::Composite { name, .. }) => ("TYPE", name),
        // A multirange type would keep its name.
        Some(TypeText::Range | TypeText::Base) => return None,
        None => ("DOMAIN", DomainText::read(&object.definition)?.name),
    };
    let [schema, own] = split(&name, '.')[..] else { return None };
    let bare: String = own.trim_matches('"').chars().take(40).collect();
    let aside = format!("\"{bare}__replaced\"");
    Some((format!("ALTER {word} {name} RENAME TO {aside}"), format!("{word} {schema}.{aside}")))
}

/// What a domain that has stepped aside, under the name that it then has, lets go of for what is dropped meanwhile.
pub(super) fn let_go(object: &Object, aside: &str) -> Vec<String> {
    let Some(domain) = DomainText::read(&object.definition) else { return Vec::new() };
    let default = domain.default.iter().map(|_| format!("ALTER {aside} DROP DEFAULT"));
    default.chain(domain.constraints.iter().map(|(name, _)| format!("ALTER {aside} DROP CONSTRAINT {name}"))).collect()
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
    use super::added_labels;

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
