//! Grants as `pg_dump` writes them, and how each is taken back.

use super::scan::{find_words, split, statements};
use crate::lexer::{Lexer, TokenKind};

/// `GRANT SELECT ON TABLE public.t TO anon`, or the same of `ALTER DEFAULT PRIVILEGES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::schema) struct AclStatement {
    /// `ALTER DEFAULT PRIVILEGES IN SCHEMA x `, or nothing.
    prefix: String,
    /// Whether it grants; else it revokes.
    pub(in crate::schema) grants: bool,
    /// `SELECT ON TABLE public.t`.
    what: String,
    /// The role, as it is written.
    pub(in crate::schema) grantee: String,
    /// `WITH GRANT OPTION`.
    pub(in crate::schema) with_option: bool,
}

impl AclStatement {
    fn read(statement: &str) -> Option<Self> {
        let (at, grants) = match (find_words(statement, "GRANT"), find_words(statement, "REVOKE")) {
            (Some(at), None) => (at, true),
            (Some(grant), Some(revoke)) if grant < revoke => (grant, true),
            (_, Some(at)) => (at, false),
            (None, None) => return None,
        };
        let word = if grants { "GRANT" } else { "REVOKE" };
        let rest = statement[at + word.len()..].trim();
        let (rest, with_option) = rest.strip_suffix(" WITH GRANT OPTION").map_or((rest, false), |rest| (rest, true));
        let to = find_words(rest, if grants { "TO" } else { "FROM" })?;
        let grantee = rest[to..].split_once(' ')?.1.trim();
        let what = with_single_blanks(&rest[..to]);
        Some(Self { prefix: statement[..at].to_owned(), grants, what, grantee: grantee.to_owned(), with_option })
    }

    /// `SELECT`, `INSERT`, or `ALL`.
    pub(in crate::schema) fn privileges(&self) -> Vec<&str> {
        let end = find_words(&self.what, "ON").unwrap_or(self.what.len());
        split(&self.what[..end], ',').into_iter().map(str::trim).collect()
    }

    /// What it is on: `TABLE public.t`, `TABLES`.
    pub(in crate::schema) fn object(&self) -> &str {
        find_words(&self.what, "ON").map_or("", |at| self.what[at + "ON".len()..].trim())
    }

    /// The statement itself.
    pub(in crate::schema) fn written(&self) -> String {
        self.with(self.grants, self.with_option)
    }

    /// The statement that takes it back.
    pub(in crate::schema) fn taken_back(&self) -> String {
        self.with(!self.grants, false)
    }

    fn with(&self, grants: bool, option: bool) -> String {
        let (verb, word) = if grants { ("GRANT", "TO") } else { ("REVOKE", "FROM") };
        format!("{}{verb} {} {word} {}{}", self.prefix, self.what, self.grantee, if option { " WITH GRANT OPTION" } else { "" })
    }
}

/// A text with one blank wherever there are some, but for those within names.
fn with_single_blanks(text: &str) -> String {
    let tokens = Lexer::new(text.trim(), 0).map(|token| if token.kind == TokenKind::Blank { " " } else { token.text });
    tokens.collect()
}

/// The statements of a dump's grants, each with the role that it speaks of, as both are written there. A name may hold a line's end, or a semicolon.
pub fn statements_of_grants(definition: &str) -> Vec<(&str, &str)> {
    statements(definition).into_iter().map(|statement| (grantee(statement), statement)).collect()
}

fn grantee(statement: &str) -> &str {
    let word = if find_words(statement, "REVOKE").is_some() && find_words(statement, "GRANT").is_none() { "FROM" } else { "TO" };
    let Some(at) = find_words(statement, word) else { return "" };
    let rest = statement[at + word.len()..].trim();
    rest.strip_suffix(" WITH GRANT OPTION").unwrap_or(rest).trim()
}

/// What a table's owner may let others do, in the order in which a dump has it; from 17 on that is more.
const OF_TABLES: [&str; 8] = ["SELECT", "INSERT", "REFERENCES", "DELETE", "TRIGGER", "TRUNCATE", "MAINTAIN", "UPDATE"];
const MAINTAIN_SINCE: u32 = 17;

/// The same of a column.
const OF_COLUMNS: [&str; 4] = ["SELECT", "INSERT", "REFERENCES", "UPDATE"];

/// A grant on a table or its columns as a dump of that server would have it if none of these privileges were granted. Nothing, if it grants no other.
pub fn without_privileges(statement: &str, withheld: &[String], server_major: u32) -> Option<String> {
    let Some(read) = AclStatement::read(statement).filter(|read| read.grants) else { return Some(statement.to_owned()) };
    let spelt_out = |privilege: &str| -> Vec<String> {
        match (privilege, privilege.strip_prefix("ALL")) {
            ("ALL", _) => OF_TABLES.iter().filter(|one| **one != "MAINTAIN" || server_major >= MAINTAIN_SINCE).map(|one| (*one).to_owned()).collect(),
            (_, Some(column)) => OF_COLUMNS.iter().map(|one| format!("{one}{column}")).collect(),
            (one, None) => vec![one.to_owned()],
        }
    };
    let is_withheld = |privilege: &String| withheld.iter().any(|one| privilege.split('(').next().is_some_and(|word| word.eq_ignore_ascii_case(one)));
    let all: Vec<String> = read.privileges().into_iter().flat_map(spelt_out).collect();
    let left: Vec<String> = all.iter().filter(|privilege| !is_withheld(privilege)).cloned().collect();
    match left.len() {
        0 => None,
        same if same == all.len() => Some(statement.to_owned()),
        _ => Some(AclStatement { what: format!("{} ON {}", left.join(","), read.object()), ..read.clone() }.written()),
    }
}

/// The statements of an entry; `None` where one of them is not understood.
pub(in crate::schema) fn acl_statements(definition: &str) -> Option<Vec<AclStatement>> {
    statements(definition).into_iter().map(AclStatement::read).collect()
}

#[cfg(test)]
mod tests {
    use super::{acl_statements, statements_of_grants, without_privileges};

    #[test]
    fn what_is_withheld_is_in_no_grant_and_the_rest_is_as_a_dump_has_it() {
        let withheld = ["insert".to_owned(), "update".to_owned()];
        for (statement, server, left) in [
            ("GRANT SELECT,INSERT ON TABLE public.t TO anon", 15, Some("GRANT SELECT ON TABLE public.t TO anon")),
            ("GRANT INSERT,UPDATE ON TABLE public.t TO anon", 15, None),
            ("GRANT SELECT,DELETE ON TABLE public.\"INSERT\" TO anon", 15, Some("GRANT SELECT,DELETE ON TABLE public.\"INSERT\" TO anon")),
            (
                "GRANT ALL ON TABLE public.t TO anon WITH GRANT OPTION",
                15,
                Some("GRANT SELECT,REFERENCES,DELETE,TRIGGER,TRUNCATE ON TABLE public.t TO anon WITH GRANT OPTION"),
            ),
            ("GRANT ALL ON TABLE t TO anon", 17, Some("GRANT SELECT,REFERENCES,DELETE,TRIGGER,TRUNCATE,MAINTAIN ON TABLE t TO anon")),
            ("GRANT ALL(\"a,b\") ON TABLE t TO anon", 15, Some("GRANT SELECT(\"a,b\"),REFERENCES(\"a,b\") ON TABLE t TO anon")),
            ("GRANT INSERT(a) ON TABLE t TO anon", 15, None),
            ("REVOKE ALL ON TABLE t FROM anon", 15, Some("REVOKE ALL ON TABLE t FROM anon")),
        ] {
            assert_eq!(without_privileges(statement, &withheld, server).as_deref(), left, "{statement}");
        }
    }

    #[test]
    fn a_name_may_hold_what_ends_a_line_or_a_statement() {
        let text = "REVOKE ALL ON TABLE public.\"a\nb;\" FROM \"x TO y\";\nGRANT SELECT(\"c  c\") ON TABLE public.\"a\nb;\" TO \"x\ny\" WITH GRANT OPTION;\n";
        let roles: Vec<&str> = statements_of_grants(text).into_iter().map(|(role, _)| role).collect();
        assert_eq!(roles, ["\"x TO y\"", "\"x\ny\""]);
        let all = acl_statements(text).unwrap();
        assert_eq!(all[1].written(), "GRANT SELECT(\"c  c\") ON TABLE public.\"a\nb;\" TO \"x\ny\" WITH GRANT OPTION");
        assert_eq!(all[1].taken_back(), "REVOKE SELECT(\"c  c\") ON TABLE public.\"a\nb;\" FROM \"x\ny\"");
    }

    #[test]
    fn each_is_read_and_taken_back() {
        let text = "REVOKE ALL ON FUNCTION public.f(a integer) FROM PUBLIC;\nGRANT SELECT(id),INSERT(id) ON TABLE public.t TO \"a b\" WITH GRANT OPTION;\n\
                    ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES  TO anon;\n";
        let all = acl_statements(text).unwrap();
        assert_eq!(all.iter().map(|one| one.grantee.as_str()).collect::<Vec<_>>(), ["PUBLIC", "\"a b\"", "anon"]);
        assert_eq!(all[0].taken_back(), "GRANT ALL ON FUNCTION public.f(a integer) TO PUBLIC");
        assert_eq!(all[1].taken_back(), "REVOKE SELECT(id),INSERT(id) ON TABLE public.t FROM \"a b\"");
        assert_eq!(all[1].written(), "GRANT SELECT(id),INSERT(id) ON TABLE public.t TO \"a b\" WITH GRANT OPTION");
        assert_eq!((all[1].privileges(), all[1].object()), (vec!["SELECT(id)", "INSERT(id)"], "TABLE public.t"));
        assert_eq!((all[2].privileges(), all[2].object()), (vec!["SELECT"], "TABLES"));
        assert_eq!(all[2].taken_back(), "ALTER DEFAULT PRIVILEGES IN SCHEMA s REVOKE SELECT ON TABLES FROM anon");
    }
}
