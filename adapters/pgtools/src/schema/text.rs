//! Differences as unified text.

use domain::schema::{Identity, ObjectMap};
use similar::TextDiff;
use std::collections::BTreeSet;

/// An object after the other, in the order of their names; only the target's lines have `-`, only the source's `+`.
pub(super) fn unified(target: &ObjectMap, source: &ObjectMap) -> String {
    let names: BTreeSet<&Identity> = target.objects().iter().chain(source.objects()).map(|object| &object.identity).collect();
    names.into_iter().map(|name| object(name, target, source)).collect()
}

fn object(name: &Identity, target: &ObjectMap, source: &ObjectMap) -> String {
    let lines = |map: &ObjectMap| map.find(name).map(|object| format!("{}\n", object.canonical()));
    let (before, after) = (lines(target), lines(source));
    if before == after {
        return String::new();
    }
    let header = |side: &str, there: bool| if there { format!("{side}/{name}") } else { "/dev/null".to_owned() };
    let (old, new) = (header("target", before.is_some()), header("source", after.is_some()));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    TextDiff::from_lines(&before, &after).unified_diff().header(&old, &new).to_string()
}

#[cfg(test)]
mod tests {
    use super::unified;
    use domain::schema::{Identity, Kind, Object, ObjectMap};

    #[test]
    fn each_object_that_differs_has_its_lines() {
        let view = |name: &str, text: &str| Object::new(Identity::new(Kind::View, Some("public"), name), text.to_owned(), None, None, Vec::new());
        let target = ObjectMap::new(vec![view("a", "one\ntwo"), view("same", "x")]);
        let source = ObjectMap::new(vec![view("a", "one\nthree"), view("same", "x"), view("b", "new")]);
        let expected = "--- target/view public.a\n+++ source/view public.a\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n\
                        --- /dev/null\n+++ source/view public.b\n@@ -0,0 +1 @@\n+new\n";
        assert_eq!(unified(&target, &source), expected);
    }
}
