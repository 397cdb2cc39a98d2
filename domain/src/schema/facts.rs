//! What a catalogue tells beside definitions: who depends on whom, and what a change in place must know.

use std::collections::BTreeMap;

/// A catalogue and a row of it, by their ids. Means something within one reading of one database only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The catalogue.
    pub class: u32,
    /// Its row.
    pub object: u32,
}

/// An object or a column of one; column 0 is the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// The object.
    pub address: Address,
    /// The column's number.
    pub column: i32,
}

/// One depends on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who depends.
    pub from: Node,
    /// On whom.
    pub on: Node,
    /// Whether it goes with the other instead of standing against its drop.
    pub automatic: bool,
}

/// Which part of its bearer a catalogue row without a definition of its own is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AliasPart {
    /// The bearer itself, by another row: a view's rule, an array type, a key's index.
    Whole,
    /// A default or a generation expression.
    Default {
        /// Its column.
        column: String,
    },
    /// A check constraint.
    Check {
        /// The constraint's name.
        name: String,
    },
}

/// A catalogue row that stands for a part of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The row.
    pub row: Address,
    /// What it belongs to.
    pub bearer: Address,
    /// Which part of that.
    pub part: AliasPart,
}

/// A column of a relation or an attribute of a composite type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnFact {
    /// Its number.
    pub number: i32,
    /// Its name, not quoted.
    pub name: String,
    /// Its type and collation, spelt in full.
    pub type_name: String,
    /// How its type is stored where nothing else is said: `PLAIN`, `EXTENDED`, ..
    pub type_storage: String,
    /// Whether it comes from a parent table.
    pub inherited: bool,
}

/// What decides whether a routine can be replaced in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFact {
    /// What it returns.
    pub result: Option<String>,
    /// The arguments' names, not named ones empty.
    pub names: Vec<String>,
    /// Their modes.
    pub modes: String,
    /// How many have a default.
    pub defaults: u32,
}

/// An index that could not be built, or is being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidIndex {
    /// The schema it lies in.
    pub schema: String,
    /// Its name, not quoted.
    pub name: String,
    /// Whether somebody builds it at present.
    pub is_being_built: bool,
}

/// A routine, a relation or a type that an extension brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionMember {
    /// The extension, by its row in `pg_extension`.
    pub extension: u32,
    /// Whether it is a routine, told apart by its arguments.
    pub is_routine: bool,
    /// The schema it lies in.
    pub schema: String,
    /// Its name, not quoted: `f(integer)` of a routine.
    pub name: String,
}

/// What one reading of a catalogue tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The server's major version.
    pub server_major: u32,
    /// Who depends on whom.
    pub edges: Vec<Edge>,
    /// Rows that are parts of others.
    pub aliases: Vec<Alias>,
    /// Columns of each relation, by its row in `pg_class`, in order.
    pub columns: BTreeMap<u32, Vec<ColumnFact>>,
    /// Routines, by their row in `pg_proc`.
    pub functions: BTreeMap<u32, FunctionFact>,
    /// Foreign keys that a partition has of its parent, by the partition's row in `pg_class`: they are its own once it is detached.
    pub inherited_keys: BTreeMap<u32, Vec<String>>,
    /// Versions of extensions that this server has the files of.
    pub extension_versions: Vec<(String, String)>,
    /// Extensions of the database, and versions that each can be updated to.
    pub extension_updates: Vec<(String, String)>,
    /// Extensions that stay in the schema that they were made in.
    pub fixed_extensions: Vec<String>,
    /// Columns that publications tell apart by, with the publication's name. No diff speaks of those.
    pub published: Vec<(Node, String)>,
    /// Foreign servers that somebody has a user mapping on, by their row in `pg_foreign_server`. No diff speaks of those.
    pub mapped_servers: Vec<u32>,
    /// Indexes that no dump has, and their names are taken.
    pub invalid_indexes: Vec<InvalidIndex>,
    /// What extensions brought: no dump has it, and its names are taken.
    pub members: Vec<ExtensionMember>,
    /// Extensions that brought tables or sequences, by their row in `pg_extension`.
    pub with_tables: Vec<u32>,
    /// Materialised views that hold rows, by their row in `pg_class`.
    pub populated: Vec<u32>,
}
