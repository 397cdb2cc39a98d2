//! The settings of branches.

use crate::config::{Duration, Secret};
use domain::{
    DataCloneMode,
    privacy::{ColumnPattern, MaskRule, PrivacyRules, RepeatedColumn},
    table::QualifiedName,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
};

/// See `Settings::branching`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BranchingSection {
    /// Whether there are branches; without, their actions are refused (`branching_disabled`), and those there are stay as they are.
    pub(crate) enabled: bool,
    /// Live branches of one user at most.
    pub(crate) max_branches_per_user: u32,
    /// Live branches at most.
    pub(crate) max_total_branches: u32,
    /// What is copied when a request does not say.
    #[schemars(with = "String", extend("enum" = ["schema_only", "full_clone", "seed_data"]))]
    pub(crate) default_data_clone_mode: DataCloneMode,
    /// When preview branches go by themselves, from 1s to 10y; 0 is never.
    pub(crate) auto_delete_after: Duration,
    /// How long what a reset replaced is kept, for `undo`, from 1s to 10y; 0 is not at all.
    pub(crate) reset_undo: Duration,
    /// A login that makes and drops the databases and logins of branches, where that of `database.url` shall not: on the same server, with CREATEDB and
    /// CREATEROLE, and a member of `database.url`'s login. Which database it names does not matter. Without it, `database.url`'s own does it.
    pub(crate) admin_database_url: Option<Secret>,
    /// A file that holds `branching.admin_database_url`.
    pub(crate) admin_database_url_file: Option<PathBuf>,
    /// What the names of branch databases begin with.
    pub(crate) database_prefix: String,
    /// Tables, as `schema.table` (in double quotes what holds a dot: `"a.b"."c"`; letters as they are in the database), whose rows no branch gets, beside those of `auth` that hold sessions, tokens, factors and identities.
    pub(crate) excluded_table_data: Vec<String>,
    /// What stands in the place of personal values in a full clone: columns, as `schema.table.column`, and their masks: `email`, `name`, `phone`, `null`,
    /// `hash`, `keep_last(4)`, `uuid`, `number`, `date`, `text`, `redact`, or `keep` for what is not personal. A comment on a column says the same
    /// (`@pii email`); what is written here outweighs it.
    #[schemars(with = "Vec<MaskingRule>")]
    pub(crate) masking: Vec<MaskRule>,
    /// Columns that look personal and are not, as `schema.table.column`, with `*` for anything in a part: while anything is masked, a column that looks
    /// personal and of which nobody said anything stops full clones.
    #[schemars(with = "Vec<String>")]
    pub(crate) classified: Vec<ColumnPattern>,
    /// Where the seed files of `seed_data` branches are: `.sql` and `.csv`, run in the order of their names.
    pub(crate) seeds_dir: PathBuf,
    /// Branches built, migrated or deleted at the same time by one replica, at most; one more stands by for what is made of main or deleted, while all of them
    /// are at what people wrote. Each takes connections of its own, and PostgreSQL has so many.
    #[schemars(range(max = 64))]
    pub(crate) workers: NonZeroU32,
    /// How long what people wrote may run at one try: migrations and seeds of a branch, dry runs, proofs, and copies of a branch other than main, whose
    /// indexes and rules may be anybody's; 0 is no limit. What administrators run in main has none, and waiting for a turn to copy is not
    /// counted.
    pub(crate) operation_timeout: Duration,
    /// Templates at most: copies of parents that branches were lately cut from, kept for the next ones. 0 keeps none, and no spares.
    pub(crate) max_templates: u32,
    /// Bytes of templates and spares at most.
    pub(crate) max_template_bytes: u64,
    /// Copies of each template that lie ready to be handed over.
    #[schemars(range(max = 32))]
    pub(crate) spares: u32,
    /// When a template that nobody uses goes, with its spares; rows older than this are never kept.
    pub(crate) spare_max_age: Duration,
    /// Bytes that the databases of branches, templates and spares may take in all; 0 is no limit.
    pub(crate) disk_budget: u64,
    /// Bytes a second that clones read from one parent at most, one after the other; 0 is as fast as it goes.
    pub(crate) clone_rate: u64,
    /// The host by which people's own tools reach PostgreSQL, in the URL of `branch connection`; that of `database.url` when not set.
    pub(crate) connection_host: Option<String>,
    /// Its port; that of `database.url` when not set.
    pub(crate) connection_port: Option<NonZeroU16>,
    /// Sessions of one branch's login at most, of all people together.
    pub(crate) connection_limit: NonZeroU32,
}

impl Default for BranchingSection {
    fn default() -> Self {
        Self {
            enabled: true,
            max_branches_per_user: 5,
            max_total_branches: 20,
            default_data_clone_mode: DataCloneMode::SchemaOnly,
            auto_delete_after: Duration::seconds(7 * 86_400),
            reset_undo: Duration::seconds(600),
            admin_database_url: None,
            admin_database_url_file: None,
            database_prefix: "fluxbase_branch_".to_owned(),
            excluded_table_data: Vec::new(),
            masking: Vec::new(),
            classified: Vec::new(),
            seeds_dir: PathBuf::from("seeds"),
            workers: NonZeroU32::new(2).expect("not zero"),
            operation_timeout: Duration::seconds(3600),
            max_templates: 5,
            max_template_bytes: 10 * 1024 * 1024 * 1024,
            spares: 2,
            spare_max_age: Duration::seconds(86_400),
            disk_budget: 0,
            clone_rate: 0,
            connection_host: None,
            connection_port: None,
            connection_limit: NonZeroU32::new(20).expect("not zero"),
        }
    }
}

impl BranchingSection {
    /// See `workers`.
    pub(crate) const MAX_WORKERS: u32 = 64;
    /// See `spares`.
    pub(crate) const MAX_SPARES: u32 = 32;

    /// Tables whose rows no branch gets, or the first name that is none.
    pub(crate) fn excluded_tables(&self) -> Result<Vec<QualifiedName>, &str> {
        self.excluded_table_data.iter().map(|name| QualifiedName::read(name).ok_or(name.as_str())).collect()
    }

    /// What it says of personal data.
    pub(crate) fn privacy_rules(&self) -> Result<PrivacyRules, RepeatedColumn> {
        PrivacyRules::new(self.masking.clone(), self.classified.clone())
    }
}

/// The shape of a rule in `branching.masking`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "it stands for the domain's type in the configuration's schema")]
struct MaskingRule {
    /// The column, as `schema.table.column`.
    column: String,
    /// As what its values arrive.
    #[schemars(regex(pattern = r"^(email|name|phone|null|hash|keep_last\([1-9][0-9]?\)|uuid|number|date|text|redact|keep)$"))]
    r#as: String,
}
