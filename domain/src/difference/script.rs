//! The script as a text: a migration as it is, and what psql runs.

use super::remarks::{left, legend, of_statement, one_line, renames};
use crate::{
    Slug,
    schema::{SchemaDiff, ScriptStatement, Summary},
};
use std::fmt::Write;

/// What holds for a script: names mean what they say, and bodies of routines may name what comes later.
const SETTINGS: [&str; 2] = ["search_path = pg_catalog", "check_function_bodies = off"];

/// The script as a file. A migration begins and ends its transaction itself; one of which a part cannot be in a transaction says so in its first line, and
/// has its own around the rest. Empty where there is no statement.
pub fn script(statements: &[ScriptStatement]) -> String {
    let mut text = String::new();
    if !in_one_transaction(statements) {
        text.push_str("-- fluxbase:no-transaction\n\n");
    }
    write(&mut text, statements, |_| None);
    text
}

/// The same, with comments for whoever reads it: what it does, what it leaves, what may be a rename, and the hazards of each statement. Empty where nothing
/// differs.
pub fn script_with_remarks(source: &Slug, target: &Slug, diff: &SchemaDiff) -> String {
    if diff.is_empty() && diff.script.is_empty() && diff.unscripted.is_empty() {
        return String::new();
    }
    let Summary { added, removed, changed } = diff.summary;
    let mut head =
        vec![format!("Turns the schema of branch '{target}' into that of branch '{source}': {added} added, {removed} removed, {changed} changed.")];
    if in_one_transaction(&diff.script) {
        head.push("A migration as it is. With psql, all of it or nothing: psql -1 -v ON_ERROR_STOP=1 -f FILE".to_owned());
    } else {
        head.insert(0, "fluxbase:no-transaction".to_owned());
        head.push("A migration as it is: what no transaction holds comes first. With psql, without -1: psql -v ON_ERROR_STOP=1 -f FILE".to_owned());
    }
    let lines = head.into_iter().chain(left(diff)).chain(renames(diff)).chain(legend(diff));
    let mut text = lines.fold(String::new(), |text, line| text + &comment(&line));
    text.push('\n');
    write(&mut text, &diff.script, of_statement);
    text
}

fn comment(line: &str) -> String {
    format!("-- {}\n", one_line(line))
}

fn in_one_transaction(statements: &[ScriptStatement]) -> bool {
    statements.iter().all(|statement| statement.in_transaction)
}

fn write(text: &mut String, statements: &[ScriptStatement], remark: impl Fn(&ScriptStatement) -> Option<String>) {
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
        if let Some(remark) = remark(statement) {
            text.push_str(&comment(&remark));
        }
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
    use super::{script, script_with_remarks};
    use crate::{
        difference::testing::{hazardous, plain, statement},
        migration::{Checksum, MigrationFile, split},
        schema::{Fingerprint, Hazard, SchemaDiff},
    };

    fn file(text: &str) -> MigrationFile {
        MigrationFile::read("1_a.sql", text.as_bytes(), |_| Checksum([0; 32])).unwrap()
    }

    #[test]
    fn a_script_in_one_transaction_leaves_it_to_who_runs_it() {
        let text = script(&[statement("table public.t", "a", &[]), statement("table public.t", "b", &[])]);
        assert_eq!(text, "SET search_path = pg_catalog;\nSET check_function_bodies = off;\n\na;\n\nb;\n\n");
        assert!(!file(&text).without_transaction());
        assert_eq!(script(&[]), "");
    }

    #[test]
    fn what_no_transaction_holds_comes_first_and_the_file_says_so() {
        let statements =
            [statement("type public.e", "alter type e add value 'x'", &[Hazard::NotInTransaction]), statement("table public.t", "b", &[])];
        let text = script(&statements);
        let expected = "-- fluxbase:no-transaction\n\nalter type e add value 'x';\n\nBEGIN;\nSET LOCAL search_path = pg_catalog;\n\
                        SET LOCAL check_function_bodies = off;\n\nb;\n\nCOMMIT;\n";
        assert_eq!(text, expected);
        assert!(file(&text).without_transaction());
        let diff = SchemaDiff { script: statements.to_vec(), ..hazardous() };
        let told = script_with_remarks(&"x".parse().unwrap(), &"main".parse().unwrap(), &diff);
        assert!(told.starts_with("-- fluxbase:no-transaction\n-- Turns ") && told.contains("without -1"), "{told}");
        assert!(file(&told).without_transaction());
    }

    #[test]
    fn comments_tell_hazards_what_is_left_and_renames_and_no_name_ends_them() {
        let told = |diff: &SchemaDiff| script_with_remarks(&"x".parse().unwrap(), &"main".parse().unwrap(), diff);
        assert_eq!(told(&SchemaDiff::equal(Fingerprint::from_hex("aa"))), "");
        assert!(!told(&plain()).contains("hazard"));
        let text = told(&hazardous());
        let expected = "\
-- Turns the schema of branch 'main' into that of branch 'x': 0 added, 0 removed, 1 changed.
-- A migration as it is. With psql, all of it or nothing: psql -1 -v ON_ERROR_STOP=1 -f FILE
-- differences that the script leaves:
--   table public.a\\nDROP TABLE public.b;\\r--: it is left
-- these may be renames, and the script drops the one and makes the other:
--   column public.t.a to public.t.b: ALTER TABLE public.t RENAME COLUMN a TO b;
-- hazards, told again before each statement that has them:
--   data_loss: rows, values or a sequence's position are gone afterwards
--   exclusive_lock: readers or writers wait while it runs

SET search_path = pg_catalog;
SET check_function_bodies = off;

-- hazards: data_loss, exclusive_lock
ALTER TABLE public.t DROP COLUMN a;

-- hazards: exclusive_lock
CREATE INDEX i ON public.t USING btree (b);

";
        assert_eq!(text, expected);
        let statements: Vec<_> = split(&text).unwrap().into_iter().map(|piece| piece.body).filter(|body| body.ends_with(';')).collect();
        assert_eq!(statements.len(), 4, "{statements:?}");
    }
}
