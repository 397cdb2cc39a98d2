//! The `filter` object of tools: columns with operations, and groups of such objects.

use super::{
    MAX_DEPTH,
    cursor::Budget,
    error::{GrammarError, GrammarErrorKind},
    group,
    group::GroupKind,
    key::{Clause, Key, Word, key},
    node::Node,
    pointer_step, read_operation,
    scope::{Scopes, all_of, apply_all},
};
use crate::{
    Fault,
    table::{Condition, FieldPath, SelectItem},
};
use serde::{Deserialize, Deserializer};

/// A filter as JSON: `{"age": ["gte.18", "lt.65"], "or": [{"a": "eq.1"}, {"b": "is.null"}], "not": {"c": "eq.2"}}`.
///
/// A key with a dot asks something of an embed, as the same parameter of a query string does: `{"author.name": "eq.x", "books.order": "id.desc",
/// "books.limit": 3, "books.or": [..]}`. `{"author": "not.is.null"}` keeps the rows whose embed has a match, also within groups.
///
/// It deserialises from any JSON, so that [`Self::condition`] can tell every fault with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterObject(Node);

impl FilterObject {
    /// The condition, or all faults with pointers that begin with `/filter`. An empty object is no condition.
    ///
    /// A group or a list without members is a fault, since it would hold always, or never, where somebody meant to filter. What is asked of
    /// embeds goes to those of `select`; `None` is a select list that could not be read, of which nothing can be missing.
    pub fn condition(self, select: Option<&mut [SelectItem]>) -> Result<Option<Condition>, Vec<Fault>> {
        if self.0 == Node::Object(Vec::new()) {
            return Ok(None);
        }
        let mut reading = Reading::default();
        let condition = reading.object(self.0, "/filter", 0);
        if let Some(select) = select {
            reading.faults.extend(apply_all(reading.scopes, select));
        }
        if reading.faults.is_empty() { Ok(condition) } else { Err(reading.faults) }
    }
}

#[derive(Default)]
struct Reading {
    budget: Budget,
    scopes: Scopes,
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
                self.column_or_embed(&mut conditions, &name, node, &pointer, depth);
            }
        }
        all_of(conditions)
    }

    fn column_or_embed(&mut self, conditions: &mut Vec<Condition>, name: &str, node: Node, pointer: &str, depth: usize) {
        match self.budget.read(name, key).map_err(GrammarError::in_name) {
            Ok(Key { path, word: Word::Of(clause) }) if !path.is_empty() => {
                if depth > 0 {
                    self.fault(pointer, IN_A_GROUP.to_owned());
                } else {
                    self.embed(path, clause, node, pointer);
                }
            }
            Ok(Key { word: Word::Of(Clause::Filter(field)), .. }) => self.column(conditions, &field, node, pointer),
            // A word of query strings: here it is a column of that name.
            Ok(_) => self.column(conditions, &FieldPath::column(name.trim()), node, pointer),
            Err(error) => {
                self.fault(pointer, error.message());
            }
        }
    }

    fn embed(&mut self, path: Vec<String>, clause: Clause, node: Node, pointer: &str) {
        let mut scope = self.scopes.remove(&path).unwrap_or_default();
        scope.pointers.push(pointer.to_owned());
        match (clause, node) {
            (Clause::Filter(field), node) => self.column(&mut scope.filters, &field, node, pointer),
            (Clause::Group(kind), node) => scope.filters.extend(self.group(kind, node, pointer, 1)),
            (clause, Node::Text(text) | Node::Scalar(text)) => {
                if let Err(reason) = scope.take(&mut self.budget, clause, &text) {
                    self.fault(pointer, reason);
                }
            }
            (_, other) => {
                self.fault(pointer, wrong(&other, "a text or a number"));
            }
        }
        self.scopes.insert(path, scope);
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

    fn column(&mut self, conditions: &mut Vec<Condition>, field: &FieldPath, node: Node, pointer: &str) {
        match node {
            Node::Text(operation) => conditions.extend(self.test(field, &operation, pointer)),
            Node::List(nodes) if !nodes.is_empty() => {
                for (index, node) in nodes.into_iter().enumerate() {
                    let pointer = format!("{pointer}/{index}");
                    let condition = match node {
                        Node::Text(operation) => self.test(field, &operation, &pointer),
                        other => self.fault(&pointer, wrong(&other, OPERATION)),
                    };
                    conditions.extend(condition);
                }
            }
            other => conditions.extend(self.fault(pointer, wrong(&other, OPERATION))),
        }
    }

    fn test(&mut self, field: &FieldPath, operation: &str, pointer: &str) -> Option<Condition> {
        read_operation(&mut self.budget, field.clone(), operation).map_err(|error| self.faults.push(Fault::new(pointer, error.message()))).ok()
    }

    fn fault(&mut self, pointer: &str, message: String) -> Option<Condition> {
        self.faults.push(Fault::new(pointer, message));
        None
    }
}

const IN_A_GROUP: &str =
    "an embed's own filter stands beside groups, not within one; within one \"embed\": \"not.is.null\" asks whether it has a match";
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
        grammar::{MAX_DEPTH, MAX_ITEMS, QueryParams, parse_condition, parse_select},
    };
    use serde_json::json;

    fn read(json: &str) -> Result<Option<Condition>, Vec<crate::Fault>> {
        serde_json::from_str::<FilterObject>(json).unwrap().condition(Some(&mut []))
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
        assert_eq!(object.condition(None), Ok(Some(parse_condition("and(a.eq.1,or(b.eq.2))").unwrap())));
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let faults = read(
            r#"{"age": 5, "\"a/b\"": null, "a/b": "eq.1", "x": ["eq.1", true, "noop.1"], "y": [], "z": {"gt": 1}, "or": [{"c": "c"}, {}, 1], "and": {"d": "eq.1"}, "not": "eq.1", "e.f": "eq.1"}"#,
        )
        .unwrap_err();
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        let expected = [
            "/filter/age",
            "/filter/\"a~1b\"",
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
    fn dotted_keys_ask_of_embeds_what_the_same_parameters_do() {
        let select = "id,author!inner(name,books(title)),a:rel(x)";
        let mut items = parse_select(select).unwrap();
        let json = r#"{
            "id": "gt.1", "author.name": ["eq.x", "neq.y"], "author.not.or": [{"p": "eq.1"}, {"q": "eq.2"}], "author.books.limit": 3,
            "author.books.offset": "1", "author.books.order": "title.desc", "a.data->>k": "eq.1", "a.or": "(x.eq.1,x.eq.2)",
            "or": [{"author": "is.null"}, {"a": "not.is.null"}], "order": "eq.1"
        }"#;
        let filter = serde_json::from_str::<FilterObject>(json).unwrap().condition(Some(&mut items)).unwrap();
        let pairs = [
            ("select", select),
            ("id", "gt.1"),
            ("author.name", "eq.x"),
            ("author.name", "neq.y"),
            ("author.not.or", "(p.eq.1,q.eq.2)"),
            ("author.books.limit", "3"),
            ("author.books.offset", "1"),
            ("author.books.order", "title.desc"),
            ("a.data->>k", "eq.1"),
            ("a.or", "(x.eq.1,x.eq.2)"),
            ("or", "(author.is.null,a.not.is.null)"),
            ("\"order\"", "eq.1"),
        ];
        let query = QueryParams::parse(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).unwrap();
        assert_eq!((items, filter), (query.select, query.filter));
    }

    #[test]
    fn what_is_asked_of_embeds_amiss_is_told_with_its_place() {
        let mut items = parse_select("id,author(name)").unwrap();
        let json = r#"{
            "author.name": 5, "author.limit": -1, "author.order": ["name"], "author.or": {"a": "eq.1"}, "author.select": "name",
            "or": [{"author.name": "eq.x"}], "not": {"author.limit": 1}, "rel.x": "eq.1"
        }"#;
        let faults = serde_json::from_str::<FilterObject>(json).unwrap().condition(Some(&mut items)).unwrap_err();
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        let expected = [
            "/filter/author.name",
            "/filter/author.limit",
            "/filter/author.order",
            "/filter/author.or",
            "/filter/author.select",
            "/filter/or/0/author.name",
            "/filter/not/author.limit",
            "/filter/rel.x",
        ];
        assert_eq!(places, expected);
        assert!(faults[5].message.contains("not within one"), "{}", faults[5].message);
        assert!(faults[7].message.starts_with("'rel' is not an embedded resource"), "{}", faults[7].message);
        let twice = r#"{"author.limit": 1, "author.limit": 2}"#;
        let faults = serde_json::from_str::<FilterObject>(twice).unwrap().condition(Some(&mut items)).unwrap_err();
        assert_eq!(faults[0].message, "may be given only once");
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
