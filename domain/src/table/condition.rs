//! Which rows: the tree that the filter grammar writes.

/// A condition on rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All hold. An empty list holds always.
    And(Vec<Condition>),
    /// At least one holds. An empty list never holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// One field is compared.
    Test(Test),
}

/// One field compared with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// What is compared: a column or a path into a JSON one. A name that is an embed's key with `is.null` filters parents by whether the embed matched.
    pub field: FieldPath,
    /// How.
    pub operator: Operator,
    /// Any or all of a list of values: `eq(any).{1,2}`.
    pub quantifier: Option<Quantifier>,
    /// With what.
    pub value: Value,
}

/// A column, and perhaps a path into the JSON it holds: `data->a->>b`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldPath {
    /// The column.
    pub column: String,
    /// The way into it.
    pub steps: Vec<JsonStep>,
}

impl FieldPath {
    /// A plain column.
    pub fn column(name: impl Into<String>) -> Self {
        Self { column: name.into(), steps: Vec::new() }
    }
}

/// One step into JSON.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JsonStep {
    /// `->key`
    Key(String),
    /// `->0`; negative counts from the end.
    Index(i32),
    /// `->>key`
    KeyText(String),
    /// `->>0`
    IndexText(i32),
}

/// How a field is compared. The list is closed: nothing else reaches SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`
    Eq,
    /// `<>`
    Neq,
    /// `>`
    Gt,
    /// `>=`
    Gte,
    /// `<`
    Lt,
    /// `<=`
    Lte,
    /// `like`; `*` stands for `%`.
    Like,
    /// `ilike`; `*` stands for `%`.
    Ilike,
    /// `~`
    Match,
    /// `~*`
    Imatch,
    /// One of a list.
    In,
    /// `is null`, `is true` ...
    Is,
    /// `is distinct from`
    IsDistinct,
    /// `@>`
    Contains,
    /// `<@`
    ContainedBy,
    /// `&&`
    Overlaps,
    /// `@@ to_tsquery` and its kin.
    TextSearch(TextSearch),
    /// `<<`
    StrictlyLeft,
    /// `>>`
    StrictlyRight,
    /// `&<`
    NotExtendsRight,
    /// `&>`
    NotExtendsLeft,
    /// `-|-`
    Adjacent,
}

impl Operator {
    /// Every operator of the grammar.
    pub const ALL: [Self; 25] = [
        Self::Eq,
        Self::Neq,
        Self::Gt,
        Self::Gte,
        Self::Lt,
        Self::Lte,
        Self::Like,
        Self::Ilike,
        Self::Match,
        Self::Imatch,
        Self::In,
        Self::Is,
        Self::IsDistinct,
        Self::Contains,
        Self::ContainedBy,
        Self::Overlaps,
        Self::TextSearch(TextSearch::Raw),
        Self::TextSearch(TextSearch::Plain),
        Self::TextSearch(TextSearch::Phrase),
        Self::TextSearch(TextSearch::Web),
        Self::StrictlyLeft,
        Self::StrictlyRight,
        Self::NotExtendsRight,
        Self::NotExtendsLeft,
        Self::Adjacent,
    ];

    /// As requests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Neq => "neq",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Like => "like",
            Self::Ilike => "ilike",
            Self::Match => "match",
            Self::Imatch => "imatch",
            Self::In => "in",
            Self::Is => "is",
            Self::IsDistinct => "isdistinct",
            Self::Contains => "cs",
            Self::ContainedBy => "cd",
            Self::Overlaps => "ov",
            Self::TextSearch(TextSearch::Raw) => "fts",
            Self::TextSearch(TextSearch::Plain) => "plfts",
            Self::TextSearch(TextSearch::Phrase) => "phfts",
            Self::TextSearch(TextSearch::Web) => "wfts",
            Self::StrictlyLeft => "sl",
            Self::StrictlyRight => "sr",
            Self::NotExtendsRight => "nxr",
            Self::NotExtendsLeft => "nxl",
            Self::Adjacent => "adj",
        }
    }

    /// Whether `(any)` and `(all)` may follow it.
    pub const fn takes_quantifier(self) -> bool {
        matches!(self, Self::Eq | Self::Gt | Self::Gte | Self::Lt | Self::Lte | Self::Like | Self::Ilike | Self::Match | Self::Imatch)
    }
}

/// Which parser makes the query of a text search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextSearch {
    /// `to_tsquery`
    Raw,
    /// `plainto_tsquery`
    Plain,
    /// `phraseto_tsquery`
    Phrase,
    /// `websearch_to_tsquery`
    Web,
}

/// Any or all of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// One is enough.
    Any,
    /// Every one.
    All,
}

/// What a field is compared with. Always bound, never part of a statement's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A literal in the type's own text form; PostgreSQL parses it by the column's type.
    Text(String),
    /// The values of `in.(..)`, or of a quantifier's `{..}`.
    List(Vec<String>),
    /// What `is` compares with.
    Truth(TruthValue),
    /// A text search, with its language where one was given: `fts(english).cat`.
    Search {
        /// A text search configuration's name.
        language: Option<String>,
        /// The query.
        query: String,
    },
}

/// What `is` compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TruthValue {
    /// `is null`
    Null,
    /// `is not null`
    NotNull,
    /// `is true`
    True,
    /// `is false`
    False,
    /// `is unknown`
    Unknown,
}

impl TruthValue {
    /// Every one of them.
    pub const ALL: [Self; 5] = [Self::Null, Self::NotNull, Self::True, Self::False, Self::Unknown];

    /// As requests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::NotNull => "not_null",
            Self::True => "true",
            Self::False => "false",
            Self::Unknown => "unknown",
        }
    }
}
