//! The statements behind a table's definition, undone: what each column and table has where nothing is said.

use crate::schema::{ColumnFact, sql::bare};

/// The statement that undoes one; `None` for what this does not know.
pub(super) fn undone(statement: &str, columns: &[ColumnFact]) -> Option<String> {
    if let Some((head, action)) = column_action(statement) {
        let undo = if action.starts_with("SET STATISTICS") {
            "SET STATISTICS -1".to_owned()
        } else if action.starts_with("SET STORAGE") {
            format!("SET STORAGE {}", storage_of(statement, columns)?)
        } else if action.starts_with("SET COMPRESSION") {
            "SET COMPRESSION default".to_owned()
        } else if let Some(options) = action.strip_prefix("SET (") {
            let names: Vec<&str> =
                options.trim_end_matches(')').split(',').filter_map(|option| option.split_once('=')).map(|(name, _)| name.trim()).collect();
            format!("RESET ({})", names.join(", "))
        } else if action.starts_with("SET DEFAULT") {
            "DROP DEFAULT".to_owned()
        } else if action.starts_with("SET NOT NULL") {
            "DROP NOT NULL".to_owned()
        } else {
            return None;
        };
        return Some(format!("{head}{undo}"));
    }
    if let Some(head) = statement.strip_suffix("FORCE ROW LEVEL SECURITY") {
        return Some(format!("{head}NO FORCE ROW LEVEL SECURITY"));
    }
    let at = statement.find(" REPLICA IDENTITY ")?;
    Some(format!("{} REPLICA IDENTITY DEFAULT", &statement[..at]))
}

/// `ALTER TABLE ONLY t ALTER COLUMN c ` and what is done to it.
fn column_action(statement: &str) -> Option<(&str, &str)> {
    let at = statement.find(" ALTER COLUMN ")? + " ALTER COLUMN ".len();
    let set = at + statement[at..].find(" SET ")? + 1;
    Some((&statement[..set], &statement[set..]))
}

/// The column that a statement is about, as it is written.
pub(super) fn column_of(statement: &str) -> Option<&str> {
    let (head, _) = column_action(statement)?;
    head.rsplit_once(" ALTER COLUMN ").map(|(_, column)| column.trim())
}

fn storage_of<'a>(statement: &str, columns: &'a [ColumnFact]) -> Option<&'a str> {
    let named = column_of(statement)?;
    let fact = columns.iter().find(|column| bare(named) == column.name)?;
    Some(&fact.type_storage)
}

#[cfg(test)]
mod tests {
    use super::{column_of, undone};
    use crate::schema::ColumnFact;

    #[test]
    fn each_has_its_opposite() {
        let fact =
            ColumnFact { number: 1, name: "a b".to_owned(), type_name: "text".to_owned(), type_storage: "EXTENDED".to_owned(), inherited: false };
        let columns = [fact];
        for (statement, expected) in [
            ("ALTER TABLE ONLY t ALTER COLUMN c SET STATISTICS 9", "ALTER TABLE ONLY t ALTER COLUMN c SET STATISTICS -1"),
            ("ALTER TABLE ONLY t ALTER COLUMN \"a b\" SET STORAGE PLAIN", "ALTER TABLE ONLY t ALTER COLUMN \"a b\" SET STORAGE EXTENDED"),
            ("ALTER TABLE ONLY t ALTER COLUMN c SET (n_distinct=5)", "ALTER TABLE ONLY t ALTER COLUMN c RESET (n_distinct)"),
            ("ALTER TABLE ONLY t FORCE ROW LEVEL SECURITY", "ALTER TABLE ONLY t NO FORCE ROW LEVEL SECURITY"),
            ("ALTER TABLE ONLY t REPLICA IDENTITY FULL", "ALTER TABLE ONLY t REPLICA IDENTITY DEFAULT"),
        ] {
            assert_eq!(undone(statement, &columns).as_deref(), Some(expected));
        }
        assert_eq!(undone("ALTER TABLE ONLY t SET SOMETHING", &columns), None);
        assert_eq!(column_of("ALTER TABLE ONLY t ALTER COLUMN \"a b\" SET STORAGE PLAIN"), Some("\"a b\""));
    }
}
