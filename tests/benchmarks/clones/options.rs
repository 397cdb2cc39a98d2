//! What can be chosen on the command line.

/// What is measured, each with a parent of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// `schema_only`, of more than 2,000 objects.
    Schema,
    /// `full_clone`, of some hundred megabytes.
    Data,
    /// `full_clone` of the tables of `schema`, each with a few rows.
    Small,
    /// `full_clone` of a parent in use.
    Load,
    /// Resets of a branch in use, with as many rows.
    Reset,
    /// Comparisons, of the same parent as `schema`.
    Diff,
}

impl Part {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema_only",
            Self::Data => "full_clone",
            Self::Small => "full_clone of small tables",
            Self::Load => "full_clone under load",
            Self::Reset => "reset under load",
            Self::Diff => "diff",
        }
    }
}

/// Measures branches against `pg_dump` and `CREATE DATABASE .. TEMPLATE`.
#[derive(Debug, clap::Parser)]
pub(crate) struct Options {
    /// Rounds of each part
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    part: Vec<Part>,
    /// Tables of the parts schema, small and diff: each brings about seven objects
    #[arg(long, default_value_t = 318)]
    pub(crate) tables: u32,
    /// Size of the parent of the other parts
    #[arg(long, default_value_t = 700)]
    pub(crate) megabytes: u32,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    pub(crate) fn parts(&self) -> Vec<Part> {
        if self.part.is_empty() { vec![Part::Schema, Part::Data, Part::Small, Part::Load, Part::Reset, Part::Diff] } else { self.part.clone() }
    }
}
