//! Functions and procedures: replaced where PostgreSQL allows it.

use super::fate::{Alteration, Fate};
use crate::schema::{FunctionFact, Object, SchemaSnapshot};

pub(super) fn change(target: &SchemaSnapshot, source: &SchemaSnapshot, old: &Object, new: &Object) -> Fate {
    let fact = |snapshot: &SchemaSnapshot, object: &Object| object.address.and_then(|address| snapshot.facts.functions.get(&address.object).cloned());
    let replaceable = match (fact(target, old), fact(source, new)) {
        (Some(before), Some(after)) => fits(&before, &after) && is_window(old) == is_window(new),
        _ => false,
    };
    match new.definition.strip_prefix("CREATE ") {
        Some(rest) if replaceable => Alteration::at(vec![(format!("CREATE OR REPLACE {rest}"), Vec::new())]),
        _ => Fate::Rebuild,
    }
}

/// Neither what it returns nor a name that callers may use changes, and no default is taken away.
fn fits(before: &FunctionFact, after: &FunctionFact) -> bool {
    let unchanged = |(old, new): (&String, &String)| old.is_empty() || old == new;
    let names = before.names.is_empty() || (before.names.len() == after.names.len() && before.names.iter().zip(&after.names).all(unchanged));
    before.result == after.result && before.modes == after.modes && names && after.defaults >= before.defaults
}

fn is_window(routine: &Object) -> bool {
    routine.definition.contains(" WINDOW")
}

#[cfg(test)]
mod tests {
    use super::fits;
    use crate::schema::FunctionFact;

    #[test]
    fn callers_must_not_notice() {
        let fact = |result: &str, names: &[&str], defaults| FunctionFact {
            result: Some(result.to_owned()),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            modes: String::new(),
            defaults,
        };
        let before = fact("integer", &["a", ""], 1);
        assert!(fits(&before, &fact("integer", &["a", "b"], 2)));
        assert!(!fits(&before, &fact("text", &["a", ""], 1)));
        assert!(!fits(&before, &fact("integer", &["b", ""], 1)));
        assert!(!fits(&before, &fact("integer", &["a", ""], 0)));
    }
}
