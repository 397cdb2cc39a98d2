//! The script as a text: a migration as it is, and what psql runs.

use super::ScriptStatement;
use std::fmt::Write;

/// What holds for a script: names mean what they say, and bodies of routines may name what comes later.
const SETTINGS: [&str; 2] = ["search_path = pg_catalog", "check_function_bodies = off"];

/// The script as a file. A migration begins and ends its transaction itself; one of which a part cannot be in a transaction says so in its first line, and
/// has its own around the rest. Empty where there is no statement.
pub fn script_text(statements: &[ScriptStatement]) -> String {
    let mut text = String::new();
    if !in_one_transaction(statements) {
        text.push_str("-- fluxbase:no-transaction\n\n");
    }
    write_script(&mut text, statements, |_| None);
    text
}

/// Whether one transaction holds all of them.
pub(crate) fn in_one_transaction(statements: &[ScriptStatement]) -> bool {
    statements.iter().all(|statement| statement.in_transaction)
}

/// Adds a script's statements to a file, each behind the comment that is given for it.
pub(crate) fn write_script(text: &mut String, statements: &[ScriptStatement], comment: impl Fn(&ScriptStatement) -> Option<String>) {
    let bare = !in_one_transaction(statements);
    if !bare && !statements.is_empty() {
        settings(text, "SET");
    }
    let mut within = false;
    for statement in statements {
        if bare && statement.in_transaction != within {
            within = statement.in_transaction;
            text.push_str(if within { "BEGIN;\n" } else { "COMMIT;\n\n" });
            // With the transaction: a migration that failed begins with the statement that did.
            if within {
                settings(text, "SET LOCAL");
            }
        }
        text.push_str(&comment(statement).unwrap_or_default());
        let _ = write!(text, "{};\n\n", statement.sql);
    }
    if within {
        text.push_str("COMMIT;\n");
    }
}

fn settings(text: &mut String, set: &str) {
    for setting in SETTINGS {
        let _ = writeln!(text, "{set} {setting};");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::script_text;
    use crate::{
        migration::{Checksum, MigrationFile},
        schema::{Identity, Kind, ScriptStatement},
    };

    fn statement(sql: &str) -> ScriptStatement {
        ScriptStatement::new(&Identity::new(Kind::Table, Some("public"), "t"), sql, &[])
    }

    #[test]
    fn a_script_in_one_transaction_leaves_it_to_who_runs_it() {
        let text = script_text(&[statement("a"), statement("b")]);
        assert_eq!(text, "SET search_path = pg_catalog;\nSET check_function_bodies = off;\n\na;\n\nb;\n\n");
        assert!(!MigrationFile::read("1_a.sql", text.as_bytes(), |_| Checksum([0; 32])).unwrap().without_transaction());
        assert_eq!(script_text(&[]), "");
    }
}
