//! The script as a text with what to know of it.

use super::remarks::{left, legend, of_statement, one_line, renames};
use crate::{
    Slug,
    schema::{SchemaDiff, Summary, in_one_transaction, write_script},
};

/// [`crate::schema::script_text`] with comments for whoever reads it: what it does, what it leaves, what may be a rename, and the hazards of each statement. Empty where nothing
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
    write_script(&mut text, &diff.script, |statement| of_statement(statement).map(|remark| comment(&remark)));
    text
}

fn comment(line: &str) -> String {
    format!("-- {}\n", one_line(line))
}

#[cfg(test)]
mod tests {
    use super::script_with_remarks;
    use crate::{
        difference::testing::{hazardous, plain, statement},
        migration::{Checksum, MigrationFile, split},
        schema::{Fingerprint, Hazard, SchemaDiff, script_text},
    };

    fn file(text: &str) -> MigrationFile {
        MigrationFile::read("1_a.sql", text.as_bytes(), |_| Checksum([0; 32])).unwrap()
    }

    #[test]
    fn what_no_transaction_holds_comes_first_and_the_file_says_so() {
        let statements =
            [statement("type public.e", "alter type e add value 'x'", &[Hazard::NotInTransaction]), statement("table public.t", "b", &[])];
        let text = script_text(&statements);
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
        assert_eq!(told(&SchemaDiff::equal(Fingerprint::from_text("aa"))), "");
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
