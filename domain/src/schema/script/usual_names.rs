//! The usual names of NOT NULL, asked for where others have them.

use super::names::named_not_null;
use crate::schema::sql::TableText;
use std::collections::BTreeSet;

/// A table's definition that asks for the usual names of NOT NULL where those are taken.
pub(super) fn with_named_not_null(definition: &str, taken: &BTreeSet<String>) -> String {
    let Some(table) = TableText::read(definition) else { return definition.to_owned() };
    let line = |line: &str| {
        let (text, comma) = line.strip_suffix(',').map_or((line, ""), |text| (text, ","));
        let is_of = |name: &str| text.strip_prefix("    ").and_then(|text| text.strip_prefix(name)).is_some_and(|rest| rest.starts_with(' '));
        let column = table.columns.iter().find(|column| is_of(&column.name));
        match (column.and_then(|column| named_not_null(&table.name, column, taken)), text.strip_suffix(" NOT NULL")) {
            (Some(named), Some(head)) => format!("{head} {named}{comma}"),
            _ => line.to_owned(),
        }
    };
    definition.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::with_named_not_null;

    #[test]
    fn only_not_null_whose_usual_name_is_taken_is_named() {
        let text = "CREATE TABLE public.t (\n    a integer NOT NULL,\n    b text CONSTRAINT x NOT NULL,\n    c text DEFAULT 'y'::text NOT NULL\n);";
        let expected = text.replace("integer NOT NULL", "integer CONSTRAINT \"t_a_not_null\" NOT NULL");
        let taken = ["t_a_not_null", "t_b_not_null"].map(str::to_owned).into();
        assert_eq!(with_named_not_null(text, &taken), expected);
    }
}
