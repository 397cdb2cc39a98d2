//! What neither a script's statements nor unified text say: hazards, what is left, and what may be a rename.

use crate::schema::{SchemaDiff, ScriptStatement};

/// Objects that are named at most for one hazard: the script tells it of every statement.
const NAMED: usize = 10;

/// Below unified text: lines that begin with `# `, which no tool takes for a part of a difference. Empty where there is nothing to say.
pub fn remarks(diff: &SchemaDiff) -> String {
    let hazards = diff.hazards.iter().map(|hazard| {
        let mut objects: Vec<&str> = Vec::new();
        for statement in diff.script.iter().filter(|statement| statement.hazards.contains(hazard)) {
            if !objects.contains(&statement.object.as_str()) {
                objects.push(&statement.object);
            }
        }
        let more = objects.len().saturating_sub(NAMED);
        objects.truncate(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("  {} ({}): {}{more}", hazard.name(), hazard.meaning(), objects.join(", "))
    });
    let lines = section("hazards of the script:", hazards).into_iter().chain(left(diff)).chain(renames(diff));
    lines.fold(String::new(), |text, line| text + "# " + &one_line(&line) + "\n")
}

/// Hazards of the whole script, each with its meaning.
pub(super) fn legend(diff: &SchemaDiff) -> Vec<String> {
    let lines = diff.hazards.iter().map(|hazard| format!("  {}: {}", hazard.name(), hazard.meaning()));
    section("hazards, told again before each statement that has them:", lines)
}

/// What the script leaves.
pub(super) fn left(diff: &SchemaDiff) -> Vec<String> {
    let lines = diff.unscripted.iter().map(|left| format!("  {} {}: {}", left.kind.name(), left.identity, left.reason));
    section("differences that the script leaves:", lines)
}

/// What may be a rename.
pub(super) fn renames(diff: &SchemaDiff) -> Vec<String> {
    let lines = diff.possible_renames.iter().map(|rename| format!("  {} {} to {}: {};", rename.kind, rename.from, rename.to, rename.sql));
    section("these may be renames, and the script drops the one and makes the other:", lines)
}

fn section(title: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut section: Vec<String> = lines.collect();
    if !section.is_empty() {
        section.insert(0, title.to_owned());
    }
    section
}

/// What to know of a statement before it runs, in the words of its comment.
pub(super) fn of_statement(statement: &ScriptStatement) -> Option<String> {
    (!statement.hazards.is_empty()).then(|| format!("hazards: {}", super::hazard::names(&statement.hazards)))
}

/// In one line, whatever somebody has called something: a comment ends where its line does, and terminals obey control characters.
pub(super) fn one_line(text: &str) -> String {
    let ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().fold(String::new(), |mut line, c| {
        if ends(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        line
    })
}

#[cfg(test)]
mod tests {
    use super::remarks;
    use crate::difference::testing::{hazardous, plain};

    #[test]
    fn hazards_what_is_left_and_renames_stand_below_in_lines_of_their_own() {
        assert_eq!(remarks(&plain()), "");
        let expected = "\
# hazards of the script:
#   data_loss (rows, values or a sequence's position are gone afterwards): table public.t
#   exclusive_lock (readers or writers wait while it runs): table public.t, index public.i
# differences that the script leaves:
#   table public.a\\nDROP TABLE public.b;\\r--: it is left
# these may be renames, and the script drops the one and makes the other:
#   column public.t.a to public.t.b: ALTER TABLE public.t RENAME COLUMN a TO b;
";
        assert_eq!(remarks(&hazardous()), expected);
    }
}
