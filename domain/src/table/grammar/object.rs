//! The `filter` object of tools: columns with operations, and groups of such objects.

use super::{MAX_DEPTH, cursor::Budget, error::GrammarErrorKind, group, group::GroupKind, node::Node, pointer_step, read_test, scope::all_of};
use crate::{Fault, table::Condition};
use serde::{Deserialize, Deserializer};

/// A filter as JSON: `{"age": ["gte.18", "lt.65"], "or": [{"a": "eq.1"}, {"b": "is.null"}], "not": {"c": "eq.2"}}`.
///
/// It deserialises from any JSON, so that [`Self::condition`] can tell every fault with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterObject(Node);

impl FilterObject {
    /// The condition, or all faults with pointers that begin with `/filter`. An empty object is no condition.
    ///
    /// A group or a list without members is a fault, since it would hold always, or never, where somebody meant to filter.
    pub fn condition(self) -> Result<Option<Condition>, Vec<Fault>> {
        if self.0 == Node::Object(Vec::new()) {
            return Ok(None);
        }
        let mut reading = Reading::default();
        let condition = reading.object(self.0, "/filter", 0);
        if reading.faults.is_empty() { Ok(condition) } else { Err(reading.faults) }
    }
}

#[derive(Default)]
struct Reading {
    budget: Budget,
    faults: Vec<Fault>,
}

impl Reading {
    fn object(&mut self, node: Node, pointer: &str, depth: usize) -> Option<Condition> {
        let entries = match node {
            Node::Object(entries) if entries.is_empty() => return self.fault(pointer, "needs at least one column: {\"age\": \"gte.18\"}".to_owned()),
            Node::Object(_) if depth > MAX_DEPTH => return self.fault(pointer, GrammarErrorKind::TooDeep.to_string()),
            Node::Object(entries) => entries,
            other => return self.fault(pointer, wrong(&other, "an object of columns and operations, such as {\"age\": \"gte.18\"}")),
        };
        let mut conditions = Vec::new();
        for (name, node) in entries {
            let pointer = format!("{pointer}{}", pointer_step(&name));
            if name == "not" {
                conditions.extend(self.object(node, &pointer, depth + 1).map(group::negate));
            } else if let Some(kind) = GroupKind::from_name(&name) {
                conditions.extend(self.group(kind, node, &pointer, depth + 1));
            } else {
                self.column(&mut conditions, &name, node, &pointer);
            }
        }
        all_of(conditions)
    }

    fn group(&mut self, kind: GroupKind, node: Node, pointer: &str, depth: usize) -> Option<Condition> {
        match node {
            Node::List(nodes) if !nodes.is_empty() => {
                let members = nodes.into_iter().enumerate();
                let members = members.filter_map(|(index, node)| self.object(node, &format!("{pointer}/{index}"), depth));
                Some(kind.of(members.collect()))
            }
            Node::Text(text) => {
                self.budget.depth = depth - 1;
                let read = self.budget.read(&text, |cursor| group::parenthesised(cursor, kind));
                read.map_err(|error| self.faults.push(Fault::new(pointer, error.message()))).ok()
            }
            other => self.fault(pointer, wrong(&other, "a list of objects with at least one member, such as [{\"a\": \"eq.1\"}, {\"b\": \"eq.2\"}]")),
        }
    }

    fn column(&mut self, conditions: &mut Vec<Condition>, name: &str, node: Node, pointer: &str) {
        match node {
            Node::Text(operation) => conditions.extend(self.test(name, &operation, pointer)),
            Node::List(nodes) if !nodes.is_empty() => {
                for (index, node) in nodes.into_iter().enumerate() {
                    let pointer = format!("{pointer}/{index}");
                    let condition = match node {
                        Node::Text(operation) => self.test(name, &operation, &pointer),
                        other => self.fault(&pointer, wrong(&other, OPERATION)),
                    };
                    conditions.extend(condition);
                }
            }
            other => conditions.extend(self.fault(pointer, wrong(&other, OPERATION))),
        }
    }

    fn test(&mut self, name: &str, operation: &str, pointer: &str) -> Option<Condition> {
        read_test(&mut self.budget, name, operation).map_err(|error| self.faults.push(Fault::new(pointer, error.message()))).ok()
    }

    fn fault(&mut self, pointer: &str, message: String) -> Option<Condition> {
        self.faults.push(Fault::new(pointer, message));
        None
    }
}

const OPERATION: &str = "an operator, a dot and a value as text, such as \"eq.5\", or a list of such texts";

fn wrong(node: &Node, wanted: &str) -> String {
    match node {
        Node::TooDeep => GrammarErrorKind::TooDeep.to_string(),
        Node::TooMany => GrammarErrorKind::TooManyItems.to_string(),
        Node::Scalar(scalar) if scalar == "null" => format!("expected {wanted}, found null: NULL is tested for with \"is.null\""),
        Node::Scalar(scalar) => format!("expected {wanted}, found {scalar}: did you mean \"eq.{scalar}\"?"),
        Node::Text(_) => format!("expected {wanted}, found a text"),
        Node::List(nodes) if nodes.is_empty() => format!("expected {wanted}, found an empty list"),
        Node::List(_) => format!("expected {wanted}, found a list"),
        Node::Object(_) => format!("expected {wanted}, found an object"),
    }
}

impl<'de> Deserialize<'de> for FilterObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Node::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::FilterObject;
    use crate::table::{
        Condition, FieldPath, Operator, Test, Value,
        grammar::{MAX_DEPTH, MAX_ITEMS, parse_condition},
    };
    use serde_json::json;

    fn read(json: &str) -> Result<Option<Condition>, Vec<crate::Fault>> {
        serde_json::from_str::<FilterObject>(json).unwrap().condition()
    }

    #[test]
    fn objects_mean_what_the_same_text_means() {
        for (json, text) in [
            (r#"{"age": "gte.18"}"#, "age.gte.18"),
            (r#"{"age": ["gte.18", "lt.65"]}"#, "and(age.gte.18,age.lt.65)"),
            (r#"{"a": "eq.1", "b": "not.is.null"}"#, "and(a.eq.1,b.not.is.null)"),
            (r#"{"or": [{"a": "eq.1"}, {"b": "gt.2", "c": "is.null"}]}"#, "or(a.eq.1,and(b.gt.2,c.is.null))"),
            (r#"{"and": [{"or": [{"a": "eq.1"}]}]}"#, "and(or(a.eq.1))"),
            (r#"{"not": {"a": "eq.1"}}"#, "a.not.eq.1"),
            (r#"{"not": {"a": "not.eq.1"}}"#, "a.eq.1"),
            (r#"{"not": {"a": "eq.1", "b": "eq.2"}}"#, "not.and(a.eq.1,b.eq.2)"),
            (r#"{"not": {"not": {"a": "eq.1"}}}"#, "a.eq.1"),
            (r#"{"not.or": [{"a": "eq.1"}, {"b": "eq.2"}]}"#, "not.or(a.eq.1,b.eq.2)"),
            (r#"{"or": "(a.eq.1,b.eq.2)"}"#, "or(a.eq.1,b.eq.2)"),
            (r#"{"data->>k": "eq.1"}"#, "data->>k.eq.1"),
            (r#"{"\"or\"": "in.(1,2)"}"#, "\"or\".in.(1,2)"),
            (r#"{"a": "eq.1", "a": "eq.2"}"#, "and(a.eq.1,a.eq.2)"),
        ] {
            assert_eq!(read(json), Ok(Some(parse_condition(text).unwrap())), "{json}");
        }
        assert_eq!(read("{}"), Ok(None));
    }

    #[test]
    fn values_of_columns_are_taken_as_they_stand() {
        let value = Value::Text("\"a\",(b)".to_owned());
        let test = Test { field: FieldPath::column("a"), operator: Operator::Eq, quantifier: None, value };
        assert_eq!(read(r#"{"a": "eq.\"a\",(b)"}"#), Ok(Some(Condition::Test(test))));
    }

    #[test]
    fn it_reads_from_a_value_as_from_text() {
        let object: FilterObject = serde_json::from_value(json!({"a": ["eq.1"], "or": [{"b": "eq.2"}]})).unwrap();
        assert_eq!(object.condition(), Ok(Some(parse_condition("and(a.eq.1,or(b.eq.2))").unwrap())));
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let faults = read(
            r#"{"age": 5, "a/b": null, "x": ["eq.1", true, "noop.1"], "y": [], "z": {"gt": 1}, "or": [{"c": "c"}, {}, 1], "and": {"d": "eq.1"}, "not": "eq.1", "e.f": "eq.1"}"#,
        )
        .unwrap_err();
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        let expected = [
            "/filter/age",
            "/filter/a~1b",
            "/filter/x/1",
            "/filter/x/2",
            "/filter/y",
            "/filter/z",
            "/filter/or/0/c",
            "/filter/or/1",
            "/filter/or/2",
            "/filter/and",
            "/filter/not",
            "/filter/e.f",
        ];
        assert_eq!(places, expected);
        assert_eq!(
            faults[0].message,
            "expected an operator, a dot and a value as text, such as \"eq.5\", or a list of such texts, found 5: did you mean \"eq.5\"?"
        );
        assert!(faults[1].message.ends_with("found null: NULL is tested for with \"is.null\""));
    }

    #[test]
    fn what_is_no_object_is_a_fault_of_the_filter() {
        for json in ["null", "1", "1.5", "-1", "true", "\"a.eq.1\"", "[]", "[{\"a\": \"eq.1\"}]"] {
            assert_eq!(read(json).unwrap_err()[0].pointer, "/filter", "{json}");
        }
    }

    #[test]
    fn limits_hold() {
        let groups = |levels: usize| format!(r#"{}{{"a": ["eq.1"]}}{}"#, r#"{"or": ["#.repeat(levels), "]}".repeat(levels));
        assert!(read(&groups(MAX_DEPTH)).is_ok());
        assert!(read(&groups(MAX_DEPTH + 1)).unwrap_err()[0].message.contains("32 deep"));
        let nots = |levels: usize| format!(r#"{}{{"a": "eq.1"}}{}"#, r#"{"not": "#.repeat(levels), "}".repeat(levels));
        assert!(read(&nots(MAX_DEPTH)).is_ok());
        assert!(read(&nots(MAX_DEPTH + 1)).unwrap_err()[0].message.contains("32 deep"));
        let inner = format!(r#"{{"or": "({}a.eq.1{})"}}"#, "and(".repeat(MAX_DEPTH - 1), ")".repeat(MAX_DEPTH - 1));
        assert!(read(&inner).is_ok());
        assert!(read(&format!(r#"{{"not": {inner}}}"#)).unwrap_err()[0].message.contains("32 deep"));

        let many = |tests: usize| format!(r#"{{"a": [{}]}}"#, vec![r#""eq.1""#; tests].join(","));
        assert!(read(&many(MAX_ITEMS)).is_ok());
        assert!(read(&many(MAX_ITEMS + 1)).unwrap_err()[0].message.contains("at most 1000"));
        assert!(read(&many(100_000)).unwrap_err()[0].message.contains("at most 1000"));
        assert!(read(&format!("{{{}}}", vec![r#""a": "eq.1""#; 100_000].join(","))).unwrap_err()[0].message.contains("at most 1000"));
    }
}
