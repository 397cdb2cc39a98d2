//! `(name='value', ..)`, and a sequence's options.

use super::scan::{after_word, find, split, statements};

/// Storage parameters, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::schema) struct Options(pub(in crate::schema) Vec<(String, String)>);

impl Options {
    /// Reads `(a='1', b='2')`.
    pub(in crate::schema) fn read(text: &str) -> Option<Self> {
        let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
        let pair = |text: &str| text.trim().split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        split(inner, ',').into_iter().map(pair).collect::<Option<Vec<_>>>().map(Self)
    }

    /// What makes these of others: `RESET (..)` and `SET (..)`. Set again as a whole, so that they stand in the same order.
    pub(in crate::schema) fn changes_from(&self, other: &Self) -> Vec<String> {
        let gone: Vec<&str> =
            other.0.iter().filter(|(name, _)| !self.0.iter().any(|(kept, _)| kept == name)).map(|(name, _)| name.as_str()).collect();
        let set: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut changes = Vec::new();
        if !gone.is_empty() {
            changes.push(format!("RESET ({})", gone.join(", ")));
        }
        if !set.is_empty() && self != other {
            changes.push(format!("SET ({})", set.join(", ")));
        }
        changes
    }
}

/// A sequence, or the sequence of an identity column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::schema) struct SequenceText {
    /// With its schema.
    pub(in crate::schema) name: String,
    /// Of an identity column: the table, the column, `ALWAYS` or `BY DEFAULT`.
    pub(in crate::schema) identity: Option<(String, String, String)>,
    pub(in crate::schema) unlogged: bool,
    type_name: String,
    cycles: bool,
    /// `START WITH 1`, `INCREMENT BY 1`, ..
    options: Vec<String>,
}

impl SequenceText {
    pub(in crate::schema) fn read(definition: &str) -> Option<Self> {
        let [statement] = statements(definition)[..] else { return None };
        let (identity, name, unlogged, options) = if let Some(rest) = statement.strip_prefix("ALTER TABLE ") {
            let (table, rest) = rest.split_once(" ALTER COLUMN ")?;
            let (column, rest) = rest.split_once(" ADD GENERATED ")?;
            let (when, rest) = rest.split_once(" AS IDENTITY (")?;
            let rest = rest.trim().strip_prefix("SEQUENCE NAME ")?.strip_suffix(')')?;
            let (name, options) = rest.split_at(find(rest, b'\n', 0)?);
            (Some((table.to_owned(), column.to_owned(), when.to_owned())), name, false, options)
        } else {
            let (unlogged, rest) = match statement.strip_prefix("CREATE UNLOGGED SEQUENCE ") {
                Some(rest) => (true, rest),
                None => (false, statement.strip_prefix("CREATE SEQUENCE ")?),
            };
            let (name, options) = rest.split_at(find(rest, b'\n', 0)?);
            (None, name, unlogged, options)
        };
        let mut sequence =
            Self { name: name.trim().to_owned(), identity, unlogged, type_name: "bigint".to_owned(), cycles: false, options: Vec::new() };
        for option in options.lines().map(str::trim).filter(|option| !option.is_empty()) {
            if let Some(type_name) = option.strip_prefix("AS ") {
                type_name.clone_into(&mut sequence.type_name);
            } else if option == "CYCLE" {
                sequence.cycles = true;
            } else if ["START WITH", "INCREMENT BY", "MINVALUE", "MAXVALUE", "NO MINVALUE", "NO MAXVALUE", "CACHE"]
                .iter()
                .any(|known| after_word(option, known).is_some())
            {
                sequence.options.push(option.to_owned());
            } else if option != "LOGGED" && option != "UNLOGGED" {
                return None;
            }
        }
        Some(sequence)
    }

    /// The statements that make a sequence of the same name, or identity of the same column, this one.
    pub(in crate::schema) fn changes_from(&self, other: &Self) -> Option<Vec<String>> {
        if self.name != other.name {
            return None;
        }
        let options = self.options_from(other);
        match (&self.identity, &other.identity) {
            (Some((table, column, when)), Some((same_table, same_column, before))) if table == same_table && column == same_column => {
                let generated = (when != before).then(|| format!("SET GENERATED {when}"));
                // It is no option that an identity is set.
                let set = |option: &String| if option == RESTART { option.clone() } else { format!("SET {option}") };
                let set: Vec<String> = generated.into_iter().chain(options.iter().map(set)).collect();
                let change = format!("ALTER TABLE {table} ALTER COLUMN {column} {}", set.join(" "));
                Some(if set.is_empty() { Vec::new() } else { vec![change] })
            }
            (None, None) => {
                let mut changes = Vec::new();
                if !options.is_empty() {
                    changes.push(format!("ALTER SEQUENCE {} {}", self.name, options.join(" ")));
                }
                if self.unlogged != other.unlogged {
                    changes.push(format!("ALTER SEQUENCE {} SET {}", self.name, if self.unlogged { "UNLOGGED" } else { "LOGGED" }));
                }
                Some(changes)
            }
            _ => None,
        }
    }

    /// The options that differ; all of them where the type or the direction does, since they decide what is usual. One that turns round begins anew: where
    /// it was lies at the wrong end, as a rule beyond its bounds.
    fn options_from(&self, other: &Self) -> Vec<String> {
        let (retyped, turned) = (self.type_name != other.type_name, self.descends() != other.descends());
        let type_name = retyped.then(|| format!("AS {}", self.type_name));
        let cycle = (self.cycles != other.cycles).then(|| if self.cycles { "CYCLE".to_owned() } else { "NO CYCLE".to_owned() });
        let differing = self.options.iter().filter(|option| retyped || turned || !other.options.contains(option)).cloned();
        type_name.into_iter().chain(differing).chain(cycle).chain(turned.then(|| RESTART.to_owned())).collect()
    }

    fn descends(&self) -> bool {
        self.options.iter().any(|option| option.starts_with("INCREMENT BY -"))
    }
}

/// At its start again.
pub(in crate::schema) const RESTART: &str = "RESTART";

#[cfg(test)]
mod tests {
    use super::{Options, SequenceText};

    #[test]
    fn options_keep_the_order_of_the_source() {
        let read = |text| Options::read(text).unwrap();
        assert_eq!(read("(a='1', b='2')").changes_from(&read("(c='x', b='2')")), ["RESET (c)", "SET (a='1', b='2')"]);
        assert!(read("(a='1')").changes_from(&read("(a='1')")).is_empty());
    }

    #[test]
    fn an_identity_is_changed_by_its_column() {
        let text = |when: &str, start: u32| {
            format!(
                "ALTER TABLE public.t ALTER COLUMN id ADD GENERATED {when} AS IDENTITY (\n    SEQUENCE NAME public.s\n    START WITH {start}\n    CACHE 1\n);\n"
            )
        };
        let (old, new) = (SequenceText::read(&text("ALWAYS", 1)).unwrap(), SequenceText::read(&text("BY DEFAULT", 5)).unwrap());
        let expected = "ALTER TABLE public.t ALTER COLUMN id SET GENERATED BY DEFAULT SET START WITH 5";
        assert_eq!(new.changes_from(&old).unwrap(), [expected]);
    }

    #[test]
    fn only_options_that_differ_are_written() {
        let read = |text: &str| SequenceText::read(&format!("CREATE SEQUENCE p.s\n{text};")).unwrap();
        let old = read("    START WITH 1\n    CACHE 1");
        assert_eq!(read("    START WITH 1\n    CACHE 5\n    CYCLE").changes_from(&old).unwrap(), ["ALTER SEQUENCE p.s CACHE 5 CYCLE"]);
        assert_eq!(
            read("    AS integer\n    START WITH 1\n    CACHE 1").changes_from(&old).unwrap(),
            ["ALTER SEQUENCE p.s AS integer START WITH 1 CACHE 1"]
        );
        let (up, down) = ("    START WITH 1\n    INCREMENT BY 1\n    NO MAXVALUE", "    START WITH -1\n    INCREMENT BY -1\n    NO MAXVALUE");
        assert_eq!(read(down).changes_from(&read(up)).unwrap(), ["ALTER SEQUENCE p.s START WITH -1 INCREMENT BY -1 NO MAXVALUE RESTART"]);
        assert_eq!(read(up).changes_from(&read(down)).unwrap(), ["ALTER SEQUENCE p.s START WITH 1 INCREMENT BY 1 NO MAXVALUE RESTART"]);
    }
}
