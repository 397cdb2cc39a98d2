//! What an object is called: its kind, its schema, its name.

use serde::{Serialize, Serializer};
use std::fmt;

macro_rules! kinds {
    ($($kind:ident $tag:literal $name:literal,)*) => {
        /// What sort of object it is, as `pg_dump` sorts them.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = concat!("`", $name, "`")] $kind,)*
            /// A kind that this version has no word for, by its tag in the dump.
            Other(String),
        }

        impl Kind {
            /// The kind that a dump's tag stands for.
            pub fn of_tag(tag: &str) -> Self {
                match tag {
                    $($tag => Self::$kind,)*
                    other => Self::Other(other.to_owned()),
                }
            }

            /// The word for people and JSON: `table`, `fk_constraint`.
            pub fn name(&self) -> String {
                match self {
                    $(Self::$kind => $name.to_owned(),)*
                    Self::Other(tag) => tag.to_lowercase().replace(' ', "_"),
                }
            }
        }
    };
}

kinds! {
    AccessMethod "ACCESS METHOD" "access_method",
    Acl "ACL" "grant",
    Aggregate "AGGREGATE" "aggregate",
    Cast "CAST" "cast",
    CheckConstraint "CHECK CONSTRAINT" "check_constraint",
    Collation "COLLATION" "collation",
    Comment "COMMENT" "comment",
    Constraint "CONSTRAINT" "constraint",
    Conversion "CONVERSION" "conversion",
    Default "DEFAULT" "default",
    DefaultAcl "DEFAULT ACL" "default_grant",
    Domain "DOMAIN" "domain",
    EventTrigger "EVENT TRIGGER" "event_trigger",
    Extension "EXTENSION" "extension",
    FkConstraint "FK CONSTRAINT" "fk_constraint",
    ForeignDataWrapper "FOREIGN DATA WRAPPER" "foreign_data_wrapper",
    ForeignTable "FOREIGN TABLE" "foreign_table",
    Function "FUNCTION" "function",
    Index "INDEX" "index",
    IndexAttach "INDEX ATTACH" "index_partition",
    Language "PROCEDURAL LANGUAGE" "language",
    MaterializedView "MATERIALIZED VIEW" "materialized_view",
    Operator "OPERATOR" "operator",
    OperatorClass "OPERATOR CLASS" "operator_class",
    OperatorFamily "OPERATOR FAMILY" "operator_family",
    Policy "POLICY" "policy",
    Procedure "PROCEDURE" "procedure",
    RowSecurity "ROW SECURITY" "row_security",
    Rule "RULE" "rule",
    Schema "SCHEMA" "schema",
    SecurityLabel "SECURITY LABEL" "security_label",
    Sequence "SEQUENCE" "sequence",
    SequenceOwnedBy "SEQUENCE OWNED BY" "sequence_owner",
    Server "SERVER" "server",
    ShellType "SHELL TYPE" "shell_type",
    Statistics "STATISTICS" "statistics",
    Table "TABLE" "table",
    TableAttach "TABLE ATTACH" "partition",
    TextSearchConfiguration "TEXT SEARCH CONFIGURATION" "text_search_configuration",
    TextSearchDictionary "TEXT SEARCH DICTIONARY" "text_search_dictionary",
    TextSearchParser "TEXT SEARCH PARSER" "text_search_parser",
    TextSearchTemplate "TEXT SEARCH TEMPLATE" "text_search_template",
    Transform "TRANSFORM" "transform",
    Trigger "TRIGGER" "trigger",
    Type "TYPE" "type",
    View "VIEW" "view",
}

impl Kind {
    /// Parts of a table, or what stands on one: taken away before tables change, and made again after.
    pub(super) fn hangs_on_a_relation(&self) -> bool {
        matches!(self, Self::CheckConstraint | Self::Constraint | Self::Default | Self::FkConstraint | Self::Index | Self::IndexAttach | Self::Policy)
            || matches!(self, Self::RowSecurity | Self::Rule | Self::Statistics | Self::TableAttach | Self::Trigger)
    }

    /// Objects that no two of may have one name in a schema, whatever their kinds.
    pub(super) fn shares_names(&self) -> Option<&'static str> {
        match self {
            Self::Table | Self::ForeignTable | Self::View | Self::MaterializedView | Self::Sequence | Self::Index | Self::Type | Self::Domain => {
                Some("relation or type")
            }
            Self::Function | Self::Procedure | Self::Aggregate => Some("routine"),
            _ => None,
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().replace('_', " "))
    }
}

/// What an object is called. Objects of two databases with one identity are the same object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// What it is.
    pub kind: Kind,
    /// The schema it lies in, where it lies in one.
    pub schema: Option<String>,
    /// Its name as a dump has it: `notes`, `notes notes_pkey` for parts of a table, `f(integer)`, `TABLE notes` for what is said of another.
    pub name: String,
    /// Tells apart what a dump calls by one name; 0 as a rule.
    pub occurrence: u32,
}

impl Identity {
    /// An identity.
    pub fn new(kind: Kind, schema: Option<&str>, name: impl Into<String>) -> Self {
        Self { kind, schema: schema.map(str::to_owned), name: name.into(), occurrence: 0 }
    }

    /// The name with its schema, without the kind: `public.notes`; `TABLE public.notes` for what is said of another.
    pub fn qualified(&self) -> String {
        let name = match (&self.schema, &self.kind) {
            (None, _) => self.name.clone(),
            (Some(schema), Kind::Acl | Kind::Comment | Kind::SecurityLabel) => said_of(schema, &self.name),
            (Some(schema), Kind::DefaultAcl) => format!("{} IN SCHEMA {schema}", self.name),
            (Some(schema), _) => format!("{schema}.{}", self.name),
        };
        name + &self.numbered()
    }

    /// The kind and the qualified name, in the form that goes into schema fingerprints. It never changes: in another form every fingerprint that a ledger holds
    /// would differ from that of the same schema, and each branch would be told to have drifted.
    pub(super) fn fingerprinted(&self) -> String {
        let schema = self.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
        format!("{} {schema}{}{}", self.kind, self.name, self.numbered())
    }

    fn numbered(&self) -> String {
        if self.occurrence == 0 { String::new() } else { format!(" #{}", self.occurrence + 1) }
    }
}

/// `COLUMN notes.id` with its schema: `COLUMN public.notes.id`; of `POLICY own ON notes` it is the table that lies in a schema.
fn said_of(schema: &str, name: &str) -> String {
    const ON_A_TABLE: [&str; 4] = ["CONSTRAINT ", "POLICY ", "RULE ", "TRIGGER "];
    if ON_A_TABLE.iter().any(|word| name.starts_with(word))
        && let Some((part, bearer)) = name.rsplit_once(" ON ")
    {
        let (kind, bearer) = bearer.strip_prefix("DOMAIN ").map_or(("", bearer), |domain| ("DOMAIN ", domain));
        return format!("{part} ON {kind}{schema}.{bearer}");
    }
    // What it is, in capitals: `TABLE`, `MATERIALIZED VIEW`, `OPERATOR CLASS`.
    let words = name.split_inclusive(' ').take_while(|word| word.trim_end().chars().all(|c| c.is_ascii_uppercase()) && word.ends_with(' '));
    let (kind, rest) = name.split_at(words.map(str::len).sum());
    format!("{kind}{schema}.{rest}")
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.qualified())
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, Kind};

    #[test]
    fn tags_have_words_and_strangers_keep_theirs() {
        assert_eq!(Kind::of_tag("FK CONSTRAINT"), Kind::FkConstraint);
        assert_eq!(Kind::of_tag("NEW THING").name(), "new_thing");
        assert_eq!(Identity::new(Kind::FkConstraint, Some("public"), "notes notes_fkey").to_string(), "fk constraint public.notes notes_fkey");
    }

    #[test]
    fn what_is_said_of_others_names_them_in_full() {
        let name = |kind: &Kind, name: &str| Identity::new(kind.clone(), Some("app"), name).qualified();
        assert_eq!(name(&Kind::Acl, "TABLE notes"), "TABLE app.notes");
        assert_eq!(name(&Kind::Acl, "COLUMN notes.id"), "COLUMN app.notes.id");
        assert_eq!(name(&Kind::Acl, "FUNCTION f(a integer)"), "FUNCTION app.f(a integer)");
        assert_eq!(name(&Kind::Comment, "MATERIALIZED VIEW counts"), "MATERIALIZED VIEW app.counts");
        assert_eq!(name(&Kind::Comment, "POLICY own ON notes"), "POLICY own ON app.notes");
        assert_eq!(name(&Kind::Comment, "CONSTRAINT c ON DOMAIN mail"), "CONSTRAINT c ON DOMAIN app.mail");
        assert_eq!(name(&Kind::DefaultAcl, "DEFAULT PRIVILEGES FOR TABLES"), "DEFAULT PRIVILEGES FOR TABLES IN SCHEMA app");
        let grant = Identity::new(Kind::Acl, Some("app"), "TABLE notes");
        assert_eq!((grant.to_string().as_str(), grant.fingerprinted().as_str()), ("grant TABLE app.notes", "grant app.TABLE notes"));
    }
}
